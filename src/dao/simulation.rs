//! What a motion would do, by the chain's own word, before anybody votes on it.
//!
//! One `eth_call` makes all of the motion's calls in order in the timelock's name, each on what the ones before it left, and
//! reads the parameters that it is about before and after. For that call alone the timelock's account carries other code
//! than on chain: a straight line of EVM instructions that makes the calls and notes what each of them answers. Whoever else
//! calls the timelock meanwhile (a motion may change the timelock itself) reaches the timelock's own code, which stands at
//! another address and works on the timelock's storage. Nothing is sent, and nothing has to be unlocked.
//!
//! The governor takes calls that change it only while it executes a proposal that makes them. It counts those in a mapping
//! by the hash of the call, so the slots at which it would find them are laid over too, for each place that the mapping may
//! have in its storage.
//!
//! Where a node knows no state overrides, each call is tried by itself, and one that fails after others is told as unknown.

use ethers::{
    abi::Detokenize,
    contract::{ContractCall, decode_function_data},
    types::{Address, Bytes, H256, U256},
    utils::keccak256,
};
use serde_json::{Value, json};

use super::Action;
use crate::{
    chain::{Chain, Client, Error},
    failure,
};

type Result<T, E = Error> = std::result::Result<T, E>;

/// How many places in the governor's storage are tried for its mapping.
const PLACES: u64 = 64;

/// An answer in words; none for bytes that are no answer.
type Show = Box<dyn Fn(&[u8]) -> Option<String> + Send + Sync>;

/// A parameter that a motion is about, and how it is read.
pub struct Reading {
    /// What it is.
    pub name: String,
    to: Address,
    before: Option<Bytes>,
    after: Bytes,
    show: Show,
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading").field("name", &self.name).field("to", &self.to).finish_non_exhaustive()
    }
}

impl Reading {
    /// What a view answers, in words.
    pub fn new<D: Detokenize>(
        name: impl Into<String>,
        view: &ContractCall<Client, D>,
        show: impl Fn(D) -> String + Send + Sync + 'static,
    ) -> Self {
        let Action { to, data, .. } = Action::of(view);
        let function = view.function.clone();
        let show = move |bytes: &[u8]| decode_function_data(&function, bytes, false).ok().map(&show);
        Self { name: name.into(), to, before: Some(data.clone()), after: data, show: Box::new(show) }
    }

    /// The answer of one view before and of another one after: of what a motion replaces by something new.
    #[must_use]
    pub fn instead_of<D: Detokenize>(mut self, before: &ContractCall<Client, D>) -> Self {
        self.before = Some(Action::of(before).data);
        self
    }

    /// The answer of bytes in words of one's own.
    pub fn raw(
        name: impl Into<String>,
        to: Address,
        before: Option<Bytes>,
        after: Bytes,
        show: impl Fn(&[u8]) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), to, before, after, show: Box::new(show) }
    }
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It would be made.
    Done,
    /// It would revert, for this reason.
    Reverts(String),
    /// One before it reverts.
    NotReached,
    /// It follows others, without which it is refused for this reason.
    Unknown(String),
}

/// What came of a motion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simulation {
    /// What came of its calls, in order.
    pub outcomes: Vec<Outcome>,
    /// The readings before and after: nothing where one was refused, or the motion reverts.
    pub values: Vec<(Option<String>, Option<String>)>,
    /// Whether the calls were tried together, each on what the ones before it left.
    pub together: bool,
}

impl Simulation {
    /// The first call that would revert, by its place, and why.
    #[must_use]
    pub fn failure(&self) -> Option<(usize, &str)> {
        self.outcomes.iter().enumerate().find_map(|(index, outcome)| match outcome {
            Outcome::Reverts(reason) => Some((index, reason.as_str())),
            _ => None,
        })
    }
}

/// Who makes a motion's calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Executor {
    /// The timelock.
    pub timelock: Address,
    /// The governor that the timelock listens to.
    pub governor: Address,
}

impl Executor {
    /// Simulates actions, as of the time `at` where it is given, else as of now.
    ///
    /// # Errors
    /// RPC errors.
    pub async fn simulate(
        &self,
        chain: &Chain,
        actions: &[Action],
        readings: &[Reading],
        at: Option<u64>,
    ) -> Result<Simulation> {
        if overrides_are_known(chain).await {
            self.together(chain, actions, readings, at).await
        } else {
            self.one_by_one(chain, actions, readings).await
        }
    }

    async fn together(
        &self,
        chain: &Chain,
        actions: &[Action],
        readings: &[Reading],
        at: Option<u64>,
    ) -> Result<Simulation> {
        const WHAT: &str = "simulating the proposal";
        let read = |to: Address, data: &Bytes| Step { to, data: data.clone(), value: None };
        let before = readings.iter().filter_map(|reading| Some(read(reading.to, reading.before.as_ref()?)));
        let made =
            actions.iter().map(|action| Step { to: action.to, data: action.data.clone(), value: Some(action.value) });
        let after = readings.iter().map(|reading| read(reading.to, &reading.after));
        let steps: Vec<_> = before.chain(made).chain(after).collect();

        let code = chain.code(self.timelock).await?;
        let (caller, own_code) = (account("caller"), account("timelock"));
        let balance = chain.balance(self.timelock).await?;
        let needed = actions.iter().fold(U256::zero(), |sum, action| sum.saturating_add(action.value));
        let mut overrides = json!({
            hex(self.timelock): {
                "code": Bytes::from(line(&steps, caller, own_code)),
                // who executes a proposal sends the ether that the timelock lacks
                "balance": balance.max(needed),
            },
            hex(own_code): {"code": code},
        });
        let announced = announced(actions, self.governor);
        if !announced.is_empty() && self.governor != self.timelock {
            let slots =
                announced.into_iter().map(|slot| (format!("{slot:?}"), json!(format!("{:#066x}", actions.len()))));
            overrides[hex(self.governor)] = json!({"stateDiff": Value::Object(slots.collect())});
        }
        let call = json!({"from": hex(caller), "to": hex(self.timelock), "data": "0x"});
        let mut params = vec![call, json!("latest"), overrides];
        if let Some(time) = at {
            params.push(json!({"time": format!("{time:#x}")}));
        }
        let answer = chain.request("eth_call", params).await?;
        let broken = || Error::Rpc { what: WHAT.into(), reason: "the node's answer makes no sense".into() };
        let answer: Bytes = serde_json::from_value(answer).map_err(|_| broken())?;
        let results = results(&answer, steps.len()).ok_or_else(broken)?;

        let mut results = results.into_iter();
        let mut take = |reading: &Reading| {
            let (done, data) = results.next()?;
            if done { (reading.show)(&data) } else { None }
        };
        let before: Vec<_> =
            readings.iter().map(|reading| reading.before.as_ref().and_then(|_| take(reading))).collect();
        let mut outcomes = Vec::new();
        let mut reverted = false;
        for _ in actions {
            let (done, data) = results.next().unwrap_or_default();
            outcomes.push(match (reverted, done) {
                (true, _) => Outcome::NotReached,
                (false, true) => Outcome::Done,
                (false, false) => Outcome::Reverts(failure::decode(&data)),
            });
            reverted |= !done;
        }
        let after = readings.iter().map(|reading| {
            let (done, data) = results.next()?;
            if done && !reverted { (reading.show)(&data) } else { None }
        });
        let values = before.into_iter().zip(after.collect::<Vec<_>>()).collect();
        Ok(Simulation { outcomes, values, together: true })
    }

    async fn one_by_one(&self, chain: &Chain, actions: &[Action], readings: &[Reading]) -> Result<Simulation> {
        const WHAT: &str = "simulating the proposal";
        let mut values = Vec::new();
        for reading in readings {
            let answer = match &reading.before {
                Some(data) => {
                    let view = Action::new(reading.to, data.clone());
                    chain.ask(WHAT, view.request(self.timelock)).await.ok()
                }
                None => None,
            };
            values.push((answer.and_then(|data| (reading.show)(&data)), None));
        }
        let mut outcomes = Vec::new();
        for (index, action) in actions.iter().enumerate() {
            outcomes.push(match chain.ask(WHAT, action.request(self.timelock)).await {
                Ok(_) => Outcome::Done,
                Err(Error::Reverted { reason, .. }) if reason.starts_with("GovernorUnproposedCall") => {
                    Outcome::Unknown(reason)
                }
                Err(Error::Reverted { reason, .. }) if index == 0 => Outcome::Reverts(reason),
                Err(Error::Reverted { reason, .. }) => Outcome::Unknown(reason),
                Err(error) => return Err(error),
            });
        }
        Ok(Simulation { outcomes, values, together: actions.len() < 2 })
    }
}

/// Whether the node lays other code over an account for one call, when it is told so.
async fn overrides_are_known(chain: &Chain) -> bool {
    // PUSH1 42 PUSH1 0 MSTORE PUSH1 32 PUSH1 0 RETURN
    let probe = hex(account("probe"));
    let params = json!([{"to": probe}, "latest", {probe.clone(): {"code": "0x602a60005260206000f3"}}]);
    let answer = chain.request("eth_call", params).await.ok();
    answer.and_then(|answer| Some(answer.as_str()?.ends_with("2a"))).unwrap_or(false)
}

/// An account that nobody has.
fn account(name: &str) -> Address {
    Address::from(H256(keccak256(format!("palisade simulation {name}"))))
}

fn hex(address: Address) -> String {
    format!("{address:?}")
}

/// The slots at which the governor finds that it makes these calls of itself.
fn announced(actions: &[Action], governor: Address) -> Vec<H256> {
    let own = actions.iter().filter(|action| action.to == governor);
    own.flat_map(|action| {
        let hash = keccak256(&action.data);
        (0..PLACES).map(move |place| {
            let mut key = [0; 64];
            key[..32].copy_from_slice(&hash);
            key[56..].copy_from_slice(&place.to_be_bytes());
            H256(keccak256(key))
        })
    })
    .collect()
}

/// A call of the line: one that only reads where it has no value.
#[derive(Clone, Debug)]
struct Step {
    to: Address,
    data: Bytes,
    value: Option<U256>,
}

mod op {
    pub(super) const ADD: u8 = 0x01;
    pub(super) const SUB: u8 = 0x03;
    pub(super) const EQ: u8 = 0x14;
    pub(super) const CALLER: u8 = 0x33;
    pub(super) const CALLDATASIZE: u8 = 0x36;
    pub(super) const CALLDATACOPY: u8 = 0x37;
    pub(super) const CODECOPY: u8 = 0x39;
    pub(super) const RETURNDATASIZE: u8 = 0x3d;
    pub(super) const RETURNDATACOPY: u8 = 0x3e;
    pub(super) const MSTORE: u8 = 0x52;
    pub(super) const JUMPI: u8 = 0x57;
    pub(super) const GAS: u8 = 0x5a;
    pub(super) const JUMPDEST: u8 = 0x5b;
    pub(super) const PUSH1: u8 = 0x60;
    pub(super) const PUSH3: u8 = 0x62;
    pub(super) const PUSH20: u8 = 0x73;
    pub(super) const PUSH32: u8 = 0x7f;
    pub(super) const DUP2: u8 = 0x81;
    pub(super) const DUP3: u8 = 0x82;
    pub(super) const SWAP1: u8 = 0x90;
    pub(super) const CALL: u8 = 0xf1;
    pub(super) const RETURN: u8 = 0xf3;
    pub(super) const DELEGATECALL: u8 = 0xf4;
    pub(super) const STATICCALL: u8 = 0xfa;
    pub(super) const REVERT: u8 = 0xfd;
}

/// EVM instructions in the making.
#[derive(Default)]
struct Code(Vec<u8>);

impl Code {
    fn ops(&mut self, ops: &[u8]) -> &mut Self {
        self.0.extend_from_slice(ops);
        self
    }

    fn small(&mut self, value: u8) -> &mut Self {
        self.ops(&[op::PUSH1, value])
    }

    /// A position in code or memory: always in three bytes, so that lengths are known before positions are.
    fn position(&mut self, value: usize) -> &mut Self {
        self.ops(&[op::PUSH3]).ops(&(value as u32).to_be_bytes()[1..])
    }

    fn address(&mut self, value: Address) -> &mut Self {
        self.ops(&[op::PUSH20]).ops(value.as_bytes())
    }

    fn number(&mut self, value: U256) -> &mut Self {
        let mut bytes = [0; 32];
        value.to_big_endian(&mut bytes);
        self.ops(&[op::PUSH32]).ops(&bytes)
    }
}

/// The code that makes the steps in order when `caller` calls it, and answers with each one's success, length and answer;
/// who else calls it reaches the code at `own_code`, on this account's storage.
fn line(steps: &[Step], caller: Address, own_code: Address) -> Vec<u8> {
    let length = instructions(steps, caller, own_code, 0).len();
    let mut code = instructions(steps, caller, own_code, length);
    for step in steps {
        code.extend_from_slice(&step.data);
    }
    code
}

/// The instructions, for call data that begins at `data` in the code.
fn instructions(steps: &[Step], caller: Address, own_code: Address, data: usize) -> Vec<u8> {
    use op::{
        ADD, CALL, CALLDATACOPY, CALLDATASIZE, CALLER, CODECOPY, DELEGATECALL, DUP2, DUP3, EQ, GAS, JUMPDEST, JUMPI,
        MSTORE, RETURN, RETURNDATACOPY, RETURNDATASIZE, REVERT, STATICCALL, SUB, SWAP1,
    };
    // answers are written behind the longest call data
    let answers = steps.iter().map(|step| step.data.len()).max().unwrap_or(0).next_multiple_of(32);
    let mut code = Code::default();
    let mut entry = 0;
    let mut passed = 0;
    // twice, since the positions of what follows are known only then
    for _ in 0..2 {
        code = Code::default();
        code.ops(&[CALLER]).address(caller).ops(&[EQ]).position(entry).ops(&[JUMPI]);
        code.ops(&[CALLDATASIZE]).small(0).small(0).ops(&[CALLDATACOPY]);
        code.small(0).small(0).ops(&[CALLDATASIZE]).small(0).address(own_code).ops(&[GAS, DELEGATECALL]);
        code.ops(&[RETURNDATASIZE]).small(0).small(0).ops(&[RETURNDATACOPY]);
        code.position(passed).ops(&[JUMPI, RETURNDATASIZE]).small(0).ops(&[REVERT]);
        passed = code.0.len();
        code.ops(&[JUMPDEST, RETURNDATASIZE]).small(0).ops(&[RETURN]);
        entry = code.0.len();
    }
    // on the stack is where the next answer goes
    code.ops(&[JUMPDEST]).position(answers);
    let mut at = data;
    for step in steps {
        let length = step.data.len();
        code.position(length).position(at).small(0).ops(&[CODECOPY]);
        code.small(0).small(0).position(length).small(0);
        match step.value {
            Some(value) => code.number(value).address(step.to).ops(&[GAS, CALL]),
            None => code.address(step.to).ops(&[GAS, STATICCALL]),
        };
        code.ops(&[DUP2, MSTORE, RETURNDATASIZE, DUP2]).small(32).ops(&[ADD, MSTORE]);
        code.ops(&[RETURNDATASIZE]).small(0).ops(&[DUP3]).small(64).ops(&[ADD, RETURNDATACOPY]);
        code.ops(&[RETURNDATASIZE, ADD]).small(64).ops(&[ADD]);
        at += length;
    }
    code.position(answers).ops(&[SWAP1, SUB]).position(answers).ops(&[RETURN]);
    code.0
}

/// Success and answer of each step.
fn results(answer: &[u8], steps: usize) -> Option<Vec<(bool, Bytes)>> {
    let mut rest = answer;
    let mut results = Vec::new();
    for _ in 0..steps {
        let (head, tail) = rest.split_at_checked(64)?;
        let length = usize::try_from(U256::from_big_endian(&head[32..]).min(u64::MAX.into()).as_u64()).ok()?;
        let (data, tail) = tail.split_at_checked(length)?;
        results.push((head[31] == 1, data.to_vec().into()));
        rest = tail;
    }
    rest.is_empty().then_some(results)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(data: &[u8], value: Option<u64>) -> Step {
        Step { to: Address::repeat_byte(7), data: data.to_vec().into(), value: value.map(Into::into) }
    }

    #[test]
    fn the_line_jumps_to_where_it_may_and_carries_its_data() {
        let steps = [step(&[1; 36], Some(5)), step(&[2; 4], None)];
        let code = line(&steps, account("caller"), account("timelock"));
        assert!(code.ends_with(&[[1; 36].as_slice(), &[2; 4]].concat()));
        // CALLER PUSH20 … EQ PUSH3 entry JUMPI
        let entry = usize::from(code[24]) << 16 | usize::from(code[25]) << 8 | usize::from(code[26]);
        assert_eq!((code[23], code[27], code[entry]), (op::PUSH3, op::JUMPI, op::JUMPDEST));
        let first = code.len() - 40;
        let needle = [&[op::PUSH3][..], &(first as u32).to_be_bytes()[1..]].concat();
        assert!(code.windows(4).any(|window| window == needle.as_slice()), "the data is where the line looks for it");
    }

    #[test]
    fn answers_are_taken_apart_whole_or_not_at_all() {
        let word = |value: u8| [[0; 31].as_slice(), &[value]].concat();
        let answer = [word(1), word(3), vec![7, 8, 9], word(0), word(0)].concat();
        let expected = vec![(true, Bytes::from(vec![7, 8, 9])), (false, Bytes::default())];
        assert_eq!(results(&answer, 2), Some(expected));
        assert_eq!(results(&answer, 1), None, "something is left over");
        assert_eq!(results(&answer[..answer.len() - 1], 2), None, "something is missing");
        assert_eq!(results(&[word(1), vec![0xff; 32]].concat(), 1), None, "a length beyond all bounds");
    }

    #[test]
    fn only_the_governors_own_calls_are_announced() {
        let governor = Address::repeat_byte(1);
        let own = Action::new(governor, vec![1].into());
        let others = Action::new(Address::repeat_byte(2), vec![1].into());
        assert!(announced(std::slice::from_ref(&others), governor).is_empty());
        let slots = announced(&[others, own], governor);
        assert_eq!(slots.len() as u64, PLACES);
        let mut key = [0; 64];
        key[..32].copy_from_slice(&keccak256([1]));
        key[63] = 7;
        assert_eq!(slots[7], H256(keccak256(key)));
    }
}
