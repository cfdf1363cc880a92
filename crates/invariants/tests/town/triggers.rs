//! What decides about losses here: a trigger that says what the test tells it, and a feed for the real one.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use alloy_primitives::{Address, B256, Bytes, I256, U256};
use alloy_sol_types::{Revert, SolCall, SolError, SolValue, sol};
use protocol::{abi::ITrigger, oracle::round_id};
use stylus_sdk::ArbResult;
use testkit::{Context, Native, World};

/// `ITrigger.Verdict`.
pub(crate) const INCONCLUSIVE: u8 = 0;
pub(crate) const NOT_MET: u8 = 1;
pub(crate) const CONFIRMED: u8 = 2;

/// One event on a subject of the scripted trigger.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) verdict: u8,
    pub(crate) opened: u64,
    /// 0 while it is open.
    pub(crate) closed: u64,
    pub(crate) worst: u16,
}

impl Event {
    /// What a position that started and ended then has lost, as a trigger says it: its position's part of the worst.
    pub(crate) fn loss(&self, start: u64, end: u64, position: B256) -> (u8, u16) {
        if self.verdict != CONFIRMED {
            return (self.verdict, 0);
        }
        if self.opened < start || self.opened > end {
            return (NOT_MET, 0);
        }
        let part = u64::from(position[31].clamp(1, 100));
        (CONFIRMED, (u64::from(self.worst) * part / 100) as u16)
    }
}

/// What the scripted trigger says of one subject.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) healthy: Cell<bool>,
    pub(crate) interest: Cell<U256>,
    pub(crate) size: Cell<U256>,
    /// What a purchase is given to keep.
    pub(crate) entry: RefCell<Vec<u8>>,
    pub(crate) events: RefCell<Vec<Event>>,
}

impl Default for Subject {
    fn default() -> Self {
        Self {
            healthy: Cell::new(true),
            interest: Cell::new(U256::MAX),
            size: Cell::new(U256::MAX),
            entry: RefCell::default(),
            events: RefCell::default(),
        }
    }
}

impl Subject {
    /// An event is open.
    pub(crate) fn in_trouble(&self) -> bool {
        self.events.borrow().last().is_some_and(|event| event.closed == 0 && event.verdict != NOT_MET)
    }
}

/// A trigger whose subjects are what the test says: positions lose their last byte's per cent of an event's worst.
#[derive(Default)]
pub(crate) struct Script {
    subjects: BTreeMap<B256, Subject>,
    /// What it calls while it proves.
    pub(crate) hook: RefCell<Option<(Address, Vec<u8>)>>,
    /// What that call answered last.
    pub(crate) hook_result: RefCell<Option<ArbResult>>,
}

impl Script {
    pub(crate) fn of(&self, subject: B256) -> &Subject {
        self.subjects.get(&subject).expect("the script has the subject")
    }

    /// Begins an event; answers with its number.
    pub(crate) fn strike(&self, subject: B256, verdict: u8, opened: u64, worst: u16) -> u64 {
        let mut events = self.of(subject).events.borrow_mut();
        events.push(Event { verdict, opened, closed: 0, worst });
        events.len() as u64
    }

    /// Changes the newest event.
    pub(crate) fn change(&self, subject: B256, change: impl FnOnce(&mut Event)) {
        if let Some(event) = self.of(subject).events.borrow_mut().last_mut() {
            change(event);
        }
    }
}

struct ScriptContract(Rc<Script>);

impl Native for ScriptContract {
    fn call(&self, context: &Context<'_>, input: &[u8]) -> ArbResult {
        let selector: [u8; 4] = input.get(..4).ok_or(vec![])?.try_into().expect("four bytes");
        let incident = |event: Option<&Event>| {
            event.map_or([U256::ZERO; 4], |event| {
                [u64::from(event.verdict), event.opened, event.closed, u64::from(event.worst)].map(U256::from)
            })
        };
        let at = |events: &[Event], number: U256| {
            let index = u64::try_from(number).unwrap_or(u64::MAX).wrapping_sub(1) as usize;
            events.get(index).copied()
        };
        match selector {
            ITrigger::observeCall::SELECTOR => {
                let call = ITrigger::observeCall::abi_decode(input).map_err(|_| vec![])?;
                let events = self.0.of(call.subject).events.borrow();
                let [verdict, opened, closed, worst] = incident(events.last());
                Ok((U256::from(events.len()), verdict, opened, closed, worst).abi_encode())
            }
            ITrigger::enterCall::SELECTOR => {
                let call = ITrigger::enterCall::abi_decode(input).map_err(|_| vec![])?;
                let subject = self.0.of(call.subject);
                let healthy = subject.healthy.get() && !subject.in_trouble();
                let entry = Bytes::from(subject.entry.borrow().clone());
                Ok((healthy, entry, subject.interest.get(), subject.size.get()).abi_encode_params())
            }
            ITrigger::proveCall::SELECTOR => {
                let call = ITrigger::proveCall::abi_decode(input).map_err(|_| vec![])?;
                if let Some((to, data)) = self.0.hook.borrow().clone() {
                    *self.0.hook_result.borrow_mut() = Some(context.call(to, data));
                }
                let terms = call.terms;
                let events = self.0.of(terms.subject).events.borrow();
                let (verdict, loss) = at(&events, call.number)
                    .map_or((NOT_MET, 0), |event| event.loss(terms.start, terms.end, terms.position));
                Ok((U256::from(verdict), U256::from(loss)).abi_encode())
            }
            ITrigger::healthyCall::SELECTOR => {
                let call = ITrigger::healthyCall::abi_decode(input).map_err(|_| vec![])?;
                let subject = self.0.of(call.subject);
                Ok((subject.healthy.get() && !subject.in_trouble()).abi_encode())
            }
            ITrigger::incidentsCall::SELECTOR => {
                let call = ITrigger::incidentsCall::abi_decode(input).map_err(|_| vec![])?;
                Ok(U256::from(self.0.of(call.subject).events.borrow().len()).abi_encode())
            }
            ITrigger::incidentCall::SELECTOR => {
                let call = ITrigger::incidentCall::abi_decode(input).map_err(|_| vec![])?;
                let events = self.0.of(call.subject).events.borrow();
                let [verdict, opened, closed, worst] = incident(at(&events, call.number).as_ref());
                Ok((verdict, opened, closed, worst).abi_encode())
            }
            _ => Err(vec![]),
        }
    }
}

/// Puts the script's trigger at `at`.
pub(crate) fn place_script(world: &World, at: Address, subjects: &[B256]) -> Rc<Script> {
    let subjects = subjects.iter().map(|subject| (*subject, Subject::default())).collect();
    let script = Rc::new(Script { subjects, ..Script::default() });
    world.place_native(at, ScriptContract(script.clone()));
    script
}

sol! {
    interface Aggregator {
        function decimals() external view returns (uint8);
        function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80);
        function getRoundData(uint80 id) external view returns (uint80, int256, uint256, uint256, uint80);
        function aggregator() external view returns (address);
        function minAnswer() external view returns (int192);
    }
}

/// A Chainlink feed of eight decimals whose rounds are pushed: price and time by round, all in phase 1.
#[derive(Clone)]
pub(crate) struct Feed {
    pub(crate) at: Address,
    rounds: Rc<RefCell<Vec<(i64, u64)>>>,
}

struct FeedContract(Rc<RefCell<Vec<(i64, u64)>>>);

impl Native for FeedContract {
    fn call(&self, context: &Context<'_>, input: &[u8]) -> ArbResult {
        let rounds = self.0.borrow();
        let selector: [u8; 4] = input.get(..4).ok_or(vec![])?.try_into().expect("four bytes");
        let id = match selector {
            Aggregator::decimalsCall::SELECTOR => return Ok(U256::from(8).abi_encode()),
            Aggregator::aggregatorCall::SELECTOR => return Ok(context.me.abi_encode()),
            Aggregator::minAnswerCall::SELECTOR => return Ok(U256::ONE.abi_encode()),
            Aggregator::latestRoundDataCall::SELECTOR => round_id(1, rounds.len() as u64),
            Aggregator::getRoundDataCall::SELECTOR => {
                Aggregator::getRoundDataCall::abi_decode(input).map_err(|_| vec![])?.id.to::<u128>()
            }
            _ => return Err(vec![]),
        };
        let index = id.checked_sub(round_id(1, 1)).and_then(|index| usize::try_from(index).ok());
        let Some((price, time)) = index.and_then(|index| rounds.get(index)) else {
            return Err(Revert::from("No data present").abi_encode());
        };
        let (price, time) = (I256::try_from(*price).expect("64 bits fit"), U256::from(*time));
        Ok((U256::from(id), price, time, time, U256::from(id)).abi_encode())
    }
}

impl Feed {
    pub(crate) fn deploy(world: &World, at: Address) -> Self {
        let rounds = Rc::new(RefCell::default());
        world.place_native(at, FeedContract(Rc::clone(&rounds)));
        Self { at, rounds }
    }

    /// A round now; `price` in units of 1e-8.
    pub(crate) fn push(&self, world: &World, price: i64) {
        self.rounds.borrow_mut().push((price, world.now()));
    }
    /// The price of the last round.
    pub(crate) fn last(&self) -> i64 {
        self.rounds.borrow().last().map_or(0, |round| round.0)
    }
}
