//! Random call trees of EVM contracts and programs, against a model of twenty lines a rule.
//!
//! A node of a tree is an account with code of its own: straight-line bytecode, or a script for the recorded program that
//! does what its calldata says. With gas enough for all, the model knows everything that remains; with little gas it is
//! only known what must hold for any tree.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use alloy_primitives::{Address, Bytes, Log, U256, address, hex};
use devnode::arbos::{Genesis, genesis};
use devnode::evm::trace::CallFrame;
use devnode::evm::{BlockContext, Execution, Executor, Options, Status, TxRequest};
use devnode::rules::Rules;
use devnode::wasm::Engine;
use proptest::prelude::*;
use revm::bytecode::{Bytecode, opcode as op};
use revm::database::{CacheDB, EmptyDB};
use revm::state::AccountInfo;
use revm::{Database, DatabaseCommit};

use crate::cases;

const ALICE: Address = address!("00000000000000000000000000000000000a11ce");
const ARB_WASM: Address = address!("0000000000000000000000000000000000000071");
const FEE: u64 = 100_000_000;
/// Wei that each node owns at first.
const WEALTH: u64 = 1_000;
/// Slots that nodes use.
const SLOTS: u8 = 6;
/// Accounts without code that are paid.
const PAYEES: u8 = 3;

/// Returns one zero byte as code.
const GOOD_INIT: [u8; 5] = [op::PUSH1, 1, op::PUSH0, op::RETURN, op::STOP];
/// Reverts.
const BAD_INIT: [u8; 3] = [op::PUSH0, op::PUSH0, op::REVERT];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Machine {
    Evm,
    Wasm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Call,
    Delegate,
    Static,
}

#[derive(Clone, Debug)]
enum Action {
    Store {
        slot: u8,
        value: u8,
    },
    StoreTransient {
        slot: u8,
        value: u8,
    },
    /// Copies from transient storage; programs leave it out.
    Observe {
        from: u8,
        slot: u8,
    },
    Log {
        topic: u8,
    },
    Pay {
        payee: u8,
        value: u16,
    },
    Create {
        good: bool,
        value: u16,
    },
    /// The EVM writes into `note` whether it succeeded. `share` is the part of its gas that the callee gets, where gas is
    /// little.
    Call {
        how: How,
        value: u16,
        note: u8,
        share: u8,
        callee: Node,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Return,
    Revert,
    Fail,
    /// The EVM destroys itself for a payee; programs return.
    Destruct(u8),
}

#[derive(Clone, Debug)]
struct Node {
    machine: Machine,
    address: Address,
    actions: Vec<Action>,
    end: End,
}

fn payee(number: u8) -> Address {
    Address::left_padding_from(&[0x20, number])
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        5 => Just(End::Return),
        2 => Just(End::Revert),
        1 => Just(End::Fail),
        1 => (0..PAYEES).prop_map(End::Destruct),
    ]
}

fn simple() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (0..SLOTS, 0..3_u8).prop_map(|(slot, value)| Action::Store { slot, value }),
        2 => (0..SLOTS, 0..3_u8).prop_map(|(slot, value)| Action::StoreTransient { slot, value }),
        2 => (0..SLOTS, 0..SLOTS).prop_map(|(from, slot)| Action::Observe { from, slot }),
        2 => (0..5_u8).prop_map(|topic| Action::Log { topic }),
        1 => (0..PAYEES, 1..1_500_u16).prop_map(|(payee, value)| Action::Pay { payee, value }),
        3 => (any::<bool>(), 0..1_500_u16).prop_map(|(good, value)| Action::Create { good, value }),
    ]
}

fn node(actions: impl Strategy<Value = Vec<Action>>) -> impl Strategy<Value = Node> {
    let machine = prop_oneof![Just(Machine::Evm), Just(Machine::Wasm)];
    (machine, actions, end()).prop_map(|(machine, actions, end)| Node { machine, address: Address::ZERO, actions, end })
}

fn tree() -> impl Strategy<Value = Node> {
    let leaf = node(proptest::collection::vec(simple(), 0..4)).boxed();
    let tree = leaf.prop_recursive(3, 12, 3, |inner| {
        let how = prop_oneof![2 => Just(How::Call), 1 => Just(How::Delegate), 1 => Just(How::Static)];
        let value = prop_oneof![2 => Just(0), 1 => 1..1_500_u16];
        let call = (how, value, 0..SLOTS, any::<u8>(), inner).prop_map(|(how, value, note, share, callee)| {
            let value = if how == How::Call { value } else { 0 };
            Action::Call { how, value, note, share, callee }
        });
        node(proptest::collection::vec(prop_oneof![1 => simple(), 2 => call], 1..4)).boxed()
    });
    tree.prop_map(|mut root| {
        root.name(&mut 0);
        root
    })
}

impl Node {
    /// Gives each node an address of its own.
    fn name(&mut self, count: &mut u8) {
        self.address = Address::left_padding_from(&[0x10, *count]);
        *count += 1;
        for action in &mut self.actions {
            if let Action::Call { callee, .. } = action {
                callee.name(count);
            }
        }
    }

    fn all(&self) -> Vec<&Self> {
        let callees = self.actions.iter().filter_map(|action| match action {
            Action::Call { callee, .. } => Some(callee),
            _ => None,
        });
        std::iter::once(self).chain(callees.flat_map(Self::all)).collect()
    }

    /// Gas that suffices, even if whatever is called fails with all that it got.
    fn gas(&self) -> u64 {
        let gas = |action: &Action| match action {
            Action::Call { callee, .. } => callee.gas() + callee.gas() / 60 + 100_000,
            _ => 45_000,
        };
        200_000 + self.actions.iter().map(gas).sum::<u64>()
    }

    fn gas_of_callee(&self, share: u8, is_little: bool) -> u64 {
        if is_little { self.gas() * u64::from(share) / 256 / 2 } else { self.gas() }
    }

    /// Code of its account.
    fn code(&self, is_little: bool) -> Vec<u8> {
        if self.machine == Machine::Wasm {
            return probe().to_vec();
        }
        let mut code = Code::default();
        for action in &self.actions {
            match action {
                Action::Store { slot, value } => code.push(&[*value]).push(&[*slot]).op(op::SSTORE),
                Action::StoreTransient { slot, value } => code.push(&[*value]).push(&[*slot]).op(op::TSTORE),
                Action::Observe { from, slot } => code.push(&[*from]).op(op::TLOAD).push(&[*slot]).op(op::SSTORE),
                Action::Log { topic } => code.push(&[*topic]).push(&[0]).push(&[0]).op(op::LOG1),
                Action::Pay { payee: number, value } => {
                    let (to, value) = (payee(*number), value.to_be_bytes());
                    code.push(&[0])
                        .push(&[0])
                        .push(&[0])
                        .push(&[0])
                        .push(&value)
                        .push(&to[..])
                        .op(op::GAS)
                        .op(op::CALL);
                    code.op(op::POP)
                }
                Action::Create { good, value } => {
                    let init = init_code(*good);
                    code.store(init).push(&[init.len() as u8]).push(&[0]).push(&value.to_be_bytes());
                    code.op(op::CREATE).op(op::POP)
                }
                Action::Call { how, value, note, share, callee } => {
                    let data = callee.calldata(is_little);
                    code.store(&data).push(&[0]).push(&[0]).push(&(data.len() as u32).to_be_bytes()).push(&[0]);
                    if *how == How::Call {
                        code.push(&value.to_be_bytes());
                    }
                    code.push(&callee.address[..]).push(&callee.gas_of_callee(*share, is_little).to_be_bytes());
                    code.op(match how {
                        How::Call => op::CALL,
                        How::Delegate => op::DELEGATECALL,
                        How::Static => op::STATICCALL,
                    });
                    code.push(&[*note]).op(op::SSTORE)
                }
            };
        }
        match self.end {
            End::Return => code.op(op::STOP),
            End::Revert => code.push(&[0]).push(&[0]).op(op::REVERT),
            End::Fail => code.op(op::INVALID),
            End::Destruct(number) => code.push(&payee(number)[..]).op(op::SELFDESTRUCT),
        };
        code.0
    }

    /// What it is called with: a program's script.
    fn calldata(&self, is_little: bool) -> Vec<u8> {
        let mut script = Vec::new();
        if self.machine == Machine::Evm {
            return script;
        }
        let word = |value: u16| U256::from(value).to_be_bytes::<32>();
        for action in &self.actions {
            match action {
                Action::Store { slot, value } => {
                    script.push(0x02);
                    script.extend([word((*slot).into()), word((*value).into())].concat());
                    // written out and forgotten, so that no write is left out since the value seems to be there
                    script.extend([0x03, 1]);
                }
                Action::StoreTransient { slot, value } => {
                    script.push(0x05);
                    script.extend([word((*slot).into()), word((*value).into())].concat());
                }
                Action::Observe { .. } => {}
                Action::Log { topic } => {
                    script.extend([0x0b, 1, 0, 32]);
                    script.extend(word((*topic).into()));
                }
                Action::Pay { payee: number, value } => {
                    script.extend([0x06, 0]);
                    script.extend(payee(*number));
                    script.extend(word(*value));
                    script.extend([0xFF; 8]);
                    script.extend([0, 0]);
                }
                Action::Create { good, value } => {
                    let init = init_code(*good);
                    script.push(0x07);
                    script.extend(word(*value));
                    script.extend((init.len() as u16).to_be_bytes());
                    script.extend(init);
                }
                Action::Call { how, value, share, callee, .. } => {
                    let data = callee.calldata(is_little);
                    script.extend([0x06, *how as u8]);
                    script.extend(callee.address);
                    script.extend(word(*value));
                    script.extend(callee.gas_of_callee(*share, is_little).to_be_bytes());
                    script.extend((data.len() as u16).to_be_bytes());
                    script.extend(data);
                }
            }
        }
        match self.end {
            End::Return | End::Destruct(_) => {}
            End::Revert => script.extend([0x3b, 0, 0, 0, 1]),
            End::Fail => script.push(0x33),
        }
        script
    }
}

fn init_code(good: bool) -> &'static [u8] {
    if good { &GOOD_INIT } else { &BAD_INIT }
}

/// Bytecode under construction.
#[derive(Default)]
struct Code(Vec<u8>);

impl Code {
    fn op(&mut self, opcode: u8) -> &mut Self {
        self.0.push(opcode);
        self
    }

    fn push(&mut self, value: &[u8]) -> &mut Self {
        self.0.push(op::PUSH0 + value.len() as u8);
        self.0.extend(value);
        self
    }

    /// Puts bytes into memory from its start.
    fn store(&mut self, bytes: &[u8]) -> &mut Self {
        for (number, chunk) in bytes.chunks(32).enumerate() {
            let mut word = [0; 32];
            word[..chunk.len()].copy_from_slice(chunk);
            self.push(&word).push(&(number as u32 * 32).to_be_bytes()).op(op::MSTORE);
        }
        self
    }
}

/// Code of the recorded program that does what its calldata says.
fn probe() -> &'static Bytes {
    static PROBE: OnceLock<Bytes> = OnceLock::new();
    PROBE.get_or_init(|| {
        let path = format!("{}/tests/vectors/programs.json", env!("CARGO_MANIFEST_DIR"));
        let suite: serde_json::Value = serde_json::from_slice(&std::fs::read(path).expect("a suite")).expect("JSON");
        let steps = suite["steps"].as_array().expect("steps");
        let step = steps.iter().find(|step| step["id"] == "deploy probe").expect("it is deployed");
        let data: Bytes = step["data"].as_str().expect("data").parse().expect("hex");
        data.slice(43..)
    })
}

/// What remains of a tree, as it should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Model {
    balances: BTreeMap<Address, u64>,
    nonces: BTreeMap<Address, u64>,
    slots: BTreeMap<(Address, u8), u8>,
    transient: BTreeMap<(Address, u8), u8>,
    logs: Vec<(Address, u8)>,
    programs: Vec<Address>,
}

impl Model {
    fn transfer(&mut self, from: Address, to: Address, value: u64) -> bool {
        let have = self.balances.get(&from).copied().unwrap_or_default();
        let Some(left) = have.checked_sub(value) else { return false };
        self.balances.insert(from, left);
        *self.balances.entry(to).or_default() += value;
        true
    }

    /// A frame: all of it or nothing remains.
    fn frame(&mut self, node: &Node, acting: Address, payer: Option<(Address, u64)>, is_static: bool) -> bool {
        let before = self.clone();
        let paid = payer.is_none_or(|(from, value)| self.transfer(from, acting, value));
        let done = paid && node.actions.iter().all(|action| self.act(node, acting, is_static, action));
        let done = done
            && match node.end {
                End::Return => true,
                End::Revert | End::Fail => false,
                End::Destruct(_) if node.machine == Machine::Wasm => true,
                // only where it is allowed to change anything, and never in the name of a program
                End::Destruct(number) => {
                    let all = self.balances.get(&acting).copied().unwrap_or_default();
                    !is_static && !self.programs.contains(&acting) && self.transfer(acting, payee(number), all)
                }
            };
        if !done {
            *self = before;
        }
        done
    }

    /// Does one thing; false if that ends the frame.
    fn act(&mut self, node: &Node, acting: Address, is_static: bool, action: &Action) -> bool {
        let is_evm = node.machine == Machine::Evm;
        match action {
            Action::Observe { .. } if !is_evm => true,
            // a program's call with value fails by itself, the EVM's takes its frame with it
            Action::Pay { .. } if is_static => !is_evm,
            Action::Call { value: 1.., .. } if is_static => !is_evm,
            Action::Call { how, value, note, callee, .. } => {
                let done = match how {
                    How::Call => self.frame(callee, callee.address, Some((acting, (*value).into())), is_static),
                    How::Delegate => self.frame(callee, acting, None, is_static),
                    How::Static => self.frame(callee, callee.address, None, true),
                };
                if is_evm && !is_static {
                    self.slots.insert((acting, *note), done.into());
                }
                !(is_evm && is_static)
            }
            _ if is_static => false,
            Action::Store { slot, value } => {
                self.slots.insert((acting, *slot), *value);
                true
            }
            Action::StoreTransient { slot, value } => {
                self.transient.insert((acting, *slot), *value);
                true
            }
            Action::Observe { from, slot } => {
                let value = self.transient.get(&(acting, *from)).copied().unwrap_or_default();
                self.slots.insert((acting, *slot), value);
                true
            }
            Action::Log { topic } => {
                self.logs.push((acting, *topic));
                true
            }
            Action::Pay { payee: number, value } => {
                self.transfer(acting, payee(*number), (*value).into());
                true
            }
            Action::Create { good, value } => {
                if self.balances.get(&acting).is_some_and(|have| *have >= (*value).into()) {
                    let nonce = self.nonces.entry(acting).or_default();
                    let created = acting.create(*nonce);
                    *nonce += 1;
                    if *good {
                        self.transfer(acting, created, (*value).into());
                        self.nonces.insert(created, 1);
                    }
                }
                true
            }
        }
    }
}

/// A chain on which a tree can run, by each engine for programs that there is.
#[derive(Clone)]
struct Chain {
    db: CacheDB<EmptyDB>,
    executors: Arc<[Executor]>,
    block: BlockContext,
}

impl Chain {
    /// A chain on which the recorded program is active.
    fn new(version: u64) -> Self {
        let rules = Rules::of(version).expect("a known version");
        let mut db = CacheDB::new(EmptyDB::new());
        let settings = Genesis { chain_id: 412_346, owner: Address::ZERO, basefee: FEE };
        for account in genesis(&rules, &settings) {
            db.insert_account_info(account.address, account.info);
            for (slot, value) in account.storage {
                let Ok(()) = db.insert_account_storage(account.address, slot, value);
            }
        }
        let balance = U256::from(10).pow(U256::from(20));
        db.insert_account_info(ALICE, AccountInfo { balance, ..AccountInfo::default() });
        let block = BlockContext { number: 1, timestamp: 1_800_000_000, ..BlockContext::default() };
        let executors = Engine::ALL.iter().map(|&engine| Executor::with_engine(rules.clone(), engine)).collect();
        let mut chain = Self { db, executors, block };
        chain.put(Address::repeat_byte(0xAA), probe());
        let activate = [&hex!("58c780c2")[..], &Address::repeat_byte(0xAA).into_word()[..]].concat();
        let value = U256::from(10).pow(U256::from(18));
        let tx = TxRequest { data: activate.into(), value, gas_limit: 30_000_000, ..chain.tx(ARB_WASM) };
        let done = chain.execute(&tx);
        assert_eq!(done.status, Status::Success);
        chain.db.commit(done.state);
        chain
    }

    /// A chain of its own for each tree, made once: its state is copied, its compiled programs are shared.
    fn shared(version: u64) -> Self {
        static CHAINS: OnceLock<BTreeMap<u64, Chain>> = OnceLock::new();
        let chains = CHAINS.get_or_init(|| Rules::VERSIONS.map(|version| (version, Self::new(version))).into());
        chains[&version].clone()
    }

    fn put(&mut self, address: Address, code: &[u8]) {
        let info = AccountInfo::from_bytecode(Bytecode::new_legacy(code.to_vec().into()));
        self.db.insert_account_info(address, AccountInfo { nonce: 1, balance: U256::from(WEALTH), ..info });
    }

    fn tx(&mut self, to: Address) -> TxRequest {
        let Ok(nonce) = self.db.basic(ALICE).map(|account| account.map(|info| info.nonce));
        TxRequest { from: ALICE, to: Some(to), max_fee: FEE.into(), nonce, kind: 2, ..TxRequest::default() }
    }

    fn execute(&mut self, tx: &TxRequest) -> Execution {
        self.execute_as(tx, Options::TRANSACTION)
    }

    /// Executes with each engine; answers what all of them say.
    fn execute_as(&mut self, tx: &TxRequest, options: Options) -> Execution {
        let options = Options { trace_calls: true, ..options };
        let executors = self.executors.clone();
        let mut run =
            |executor: &Executor| executor.execute(&mut self.db, &self.block, tx, &options).expect("it is executed");
        let first = run(&executors[0]);
        for (executor, engine) in executors.iter().zip(Engine::ALL).skip(1) {
            let other = run(executor);
            assert_eq!(facts(&other), facts(&first), "{engine}");
            assert!(other.state == first.state, "another state by {engine}");
        }
        first
    }

    fn supply(&self) -> U256 {
        self.db.cache.accounts.values().map(|account| account.info.balance).sum()
    }

    fn balance(&mut self, address: Address) -> U256 {
        let Ok(account) = self.db.basic(address);
        account.map(|info| info.balance).unwrap_or_default()
    }

    /// Puts a tree onto the chain; answers what the model knows of it.
    fn plant(&mut self, root: &Node, written: &[(u8, u8)], is_little: bool) -> Model {
        let mut model = Model::default();
        for node in root.all() {
            self.put(node.address, &node.code(is_little));
            model.balances.insert(node.address, WEALTH);
            model.nonces.insert(node.address, 1);
            if node.machine == Machine::Wasm {
                model.programs.push(node.address);
            }
            for &(slot, value) in written {
                let Ok(()) = self.db.insert_account_storage(node.address, U256::from(slot), U256::from(value));
                model.slots.insert((node.address, slot), value);
            }
        }
        model
    }

    /// All that the model could know, of its accounts and others.
    fn known(&mut self, like: &Model) -> Model {
        let mut known = Model { programs: like.programs.clone(), ..Model::default() };
        let addresses: Vec<Address> =
            like.balances.keys().chain(like.nonces.keys()).copied().chain((0..PAYEES).map(payee)).collect();
        for address in addresses {
            let Ok(info) = self.db.basic(address);
            let info = info.unwrap_or_default();
            known.balances.insert(address, info.balance.to());
            known.nonces.insert(address, info.nonce);
            for slot in 0..SLOTS {
                let Ok(value) = self.db.storage(address, U256::from(slot));
                known.slots.insert((address, slot), value.to());
            }
        }
        known
    }
}

/// The model without what is nothing.
fn normal(mut model: Model) -> Model {
    model.balances.retain(|_, balance| *balance != 0);
    model.nonces.retain(|_, nonce| *nonce != 0);
    model.slots.retain(|_, value| *value != 0);
    model.transient.clear();
    model
}

/// What is seen of an execution, but for its state.
fn facts(done: &Execution) -> (&Status, u64, u64, &Bytes, &[Log], Option<&CallFrame>) {
    (&done.status, done.gas_used, done.gas_refunded, &done.output, &done.logs, done.call_trace.as_ref())
}

fn topics(done: &Execution) -> Vec<(Address, u8)> {
    done.logs.iter().map(|log| (log.address, log.topics()[0][31])).collect()
}

/// No frame uses more than it has, and none that fails leaves a log.
fn check_frames(frame: &CallFrame) {
    assert!(frame.gas_used <= frame.gas, "{frame:?}");
    frame.calls.iter().for_each(check_frames);
}

fn versions() -> impl Strategy<Value = u64> {
    proptest::sample::select(Rules::VERSIONS.to_vec())
}

/// The trees below prove nothing unless they do something.
#[test]
fn random_trees_are_various() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut deep, mut succeeded, mut logged, mut created, mut transient) = (0, 0, 0, 0, 0);
    for _ in 0..300 {
        let root = tree().new_tree(&mut runner).expect("a value").current();
        let mut model = Model::default();
        for node in root.all() {
            model.balances.insert(node.address, WEALTH);
            model.nonces.insert(node.address, 1);
        }
        let machines: Vec<Machine> = root.all().iter().map(|node| node.machine).collect();
        deep += usize::from(machines.contains(&Machine::Evm) && machines.contains(&Machine::Wasm));
        succeeded += usize::from(model.frame(&root, root.address, None, false));
        logged += model.logs.len().min(1);
        created += usize::from(model.nonces.len() > machines.len());
        transient += model.transient.len().min(1);
    }
    let counts = (deep, succeeded, logged, created, transient);
    assert!(deep > 60 && (80..280).contains(&succeeded), "{counts:?}");
    assert!(logged > 15 && created > 10 && transient > 20, "{counts:?}");
}

/// A program that calls itself more often than there are pages of memory for.
#[test]
fn programs_nest_as_deep_as_memory_goes() {
    let program = Address::repeat_byte(0xAA);
    let mut script = Vec::new();
    for _ in 0..300 {
        let inner = std::mem::take(&mut script);
        script.extend([0x06, How::Call as u8]);
        script.extend(program);
        script.extend([0; 32]);
        script.extend([0xFF; 8]);
        script.extend((inner.len() as u16).to_be_bytes());
        script.extend(inner);
    }
    for version in Rules::VERSIONS {
        let mut chain = Chain::shared(version);
        let data = script.clone().into();
        let tx = TxRequest { data, max_fee: 0, gas_limit: 1 << 50, ..chain.tx(program) };
        let done = chain.execute_as(&tx, Options::CALL);
        let root = done.call_trace.expect("calls were recorded");
        let (mut frame, mut depth) = (&root, 0);
        while let [inner] = &frame.calls[..] {
            (frame, depth) = (inner, depth + 1);
        }
        assert!((40..200).contains(&depth), "{depth}");
    }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn a_tree_leaves_what_the_model_says(
        root in tree(),
        value in 0..2_000_u64,
        written in proptest::collection::vec((0..SLOTS, 0..3_u8), 0..3),
        version in versions(),
    ) {
        let mut chain = Chain::shared(version);
        let mut model = chain.plant(&root, &written, false);
        let data = root.calldata(false);
        let gas_limit = 21_000 + 16 * data.len() as u64 + root.gas();
        prop_assume!(gas_limit < 32_000_000);
        let (supply, before) = (chain.supply(), chain.balance(ALICE));
        let tx = TxRequest { data: data.into(), value: U256::from(value), gas_limit, ..chain.tx(root.address) };
        let done = chain.execute(&tx);
        chain.db.commit(done.state.clone());

        model.balances.insert(ALICE, value);
        let succeeded = model.frame(&root, root.address, Some((ALICE, value)), false);
        model.balances.remove(&ALICE);
        prop_assert_eq!(done.is_success(), succeeded, "{:?}", done.status);
        prop_assert_eq!(topics(&done), model.logs.clone());
        let known = Model { logs: model.logs.clone(), ..chain.known(&model) };
        prop_assert_eq!(normal(known), normal(model));

        let fee = U256::from(done.gas_used) * U256::from(FEE);
        let paid = if succeeded { U256::from(value) } else { U256::ZERO };
        prop_assert_eq!(before - chain.balance(ALICE), fee + paid);
        prop_assert_eq!(chain.supply(), supply);
        prop_assert!(done.gas_used <= gas_limit);
        prop_assert!(done.gas_refunded * 5 <= done.gas_used + done.gas_refunded);
        check_frames(&done.call_trace.expect("calls were recorded"));
    }

    #[test]
    fn a_tree_with_little_gas_is_conserved_and_repeatable(
        root in tree(),
        value in 0..2_000_u64,
        written in proptest::collection::vec((0..SLOTS, 0..3_u8), 0..3),
        part in 1..=256_u64,
        version in versions(),
    ) {
        let mut chain = Chain::shared(version);
        let planted = chain.plant(&root, &written, true);
        let data = root.calldata(true);
        let gas_limit = 21_000 + 16 * data.len() as u64 + root.gas() * part / 256;
        let (supply, before) = (chain.supply(), chain.known(&planted));
        let network = chain.balance(Address::ZERO);
        let tx = TxRequest { data: data.into(), value: U256::from(value), gas_limit, ..chain.tx(root.address) };
        let done = chain.execute(&tx);
        let again = chain.execute(&tx);
        prop_assert_eq!(facts(&done), facts(&again));
        prop_assert!(done.state == again.state, "two states");
        chain.db.commit(done.state.clone());

        prop_assert_eq!(chain.supply(), supply);
        prop_assert_eq!(chain.balance(Address::ZERO) - network, U256::from(done.gas_used) * U256::from(FEE));
        prop_assert!(done.gas_used <= gas_limit);
        prop_assert!(done.gas_refunded * 5 <= done.gas_used + done.gas_refunded);
        if !done.is_success() {
            prop_assert!(done.logs.is_empty() && done.gas_refunded == 0);
            prop_assert_eq!(chain.known(&planted), before);
        }
        check_frames(&done.call_trace.expect("calls were recorded"));
    }
}
