//! A feed with phases and rounds, an uptime feed, and a trigger that watches them.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use alloy_primitives::{Address, B256, I256, U256, aliases::U80};
use alloy_sol_types::{SolCall, SolValue, sol};
use depeg::DepegTrigger;
use protocol::{
    abi::{IDepegTrigger, ITrigger},
    oracle::round_id,
};
use stylus_sdk::ArbResult;
use testkit::{Context, Native, Reverted, World};

sol! {
    interface Aggregator {
        function decimals() external view returns (uint8);
        function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80);
        function getRoundData(uint80 id) external view returns (uint80, int256, uint256, uint256, uint80);
        function aggregator() external view returns (address);
        function minAnswer() external view returns (int192);
    }
    error Error(string);
}

pub(crate) const DAY: u64 = 24 * 60 * 60;
pub(crate) const HOUR: u64 = 60 * 60;
pub(crate) const INCONCLUSIVE: u8 = 0;
pub(crate) const NOT_MET: u8 = 1;
pub(crate) const CONFIRMED: u8 = 2;
pub(crate) const SUBJECT: B256 = B256::repeat_byte(0x55);

/// `ITrigger.Incident`, comparable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_snake_case)]
pub(crate) struct Incident {
    pub(crate) verdict: u8,
    pub(crate) openedAt: u64,
    pub(crate) closedAt: u64,
    pub(crate) worstBps: u16,
}

impl From<ITrigger::Incident> for Incident {
    fn from(incident: ITrigger::Incident) -> Self {
        let ITrigger::Incident { verdict, openedAt, closedAt, worstBps } = incident;
        Self { verdict: verdict as u8, openedAt, closedAt, worstBps }
    }
}

/// One round as the feed answers it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw {
    pub(crate) answer: i128,
    pub(crate) updated_at: u64,
    pub(crate) answered_in: u128,
}

#[derive(Default)]
pub(crate) struct FeedState {
    pub(crate) rounds: RefCell<BTreeMap<u128, Raw>>,
    pub(crate) latest: Cell<u128>,
    pub(crate) decimals: Cell<u8>,
    pub(crate) min_answer: Cell<i128>,
    /// Every read reverts.
    pub(crate) broken: Cell<bool>,
    /// Reads of this round revert.
    pub(crate) hidden: Cell<u128>,
    /// Unknown rounds are answered with zeros instead of a revert, as newer aggregators do.
    pub(crate) zeros: Cell<bool>,
    /// Rounds read so far.
    pub(crate) reads: Cell<usize>,
}

struct FeedContract(Rc<FeedState>);

impl Native for FeedContract {
    fn call(&self, context: &Context<'_>, input: &[u8]) -> ArbResult {
        let feed = &self.0;
        let selector: [u8; 4] = input[..4].try_into().unwrap();
        if feed.broken.get() {
            return Err(vec![]);
        }
        let id = match selector {
            Aggregator::decimalsCall::SELECTOR => return Ok(U256::from(feed.decimals.get()).abi_encode()),
            Aggregator::aggregatorCall::SELECTOR => return Ok(context.me.abi_encode()),
            Aggregator::minAnswerCall::SELECTOR => {
                return Ok(I256::try_from(feed.min_answer.get()).unwrap().abi_encode());
            }
            Aggregator::latestRoundDataCall::SELECTOR => feed.latest.get(),
            Aggregator::getRoundDataCall::SELECTOR => {
                Aggregator::getRoundDataCall::abi_decode(input).unwrap().id.to::<u128>()
            }
            _ => return Err(vec![]),
        };
        feed.reads.set(feed.reads.get() + 1);
        let raw = match feed.rounds.borrow().get(&id) {
            Some(raw) if id != feed.hidden.get() => *raw,
            None if feed.zeros.get() => Raw { answer: 0, updated_at: 0, answered_in: id },
            _ => return Err(alloy_sol_types::Revert::from("No data present").abi_encode_error()),
        };
        let time = U256::from(raw.updated_at);
        Ok((U256::from(id), I256::try_from(raw.answer).unwrap(), time, time, U256::from(raw.answered_in)).abi_encode())
    }
}

trait EncodeError {
    fn abi_encode_error(self) -> Vec<u8>;
}
impl EncodeError for alloy_sol_types::Revert {
    fn abi_encode_error(self) -> Vec<u8> {
        alloy_sol_types::SolError::abi_encode(&self)
    }
}

/// A feed whose rounds are pushed.
#[derive(Clone)]
pub(crate) struct Feed {
    pub(crate) at: Address,
    pub(crate) state: Rc<FeedState>,
}

impl Feed {
    pub(crate) fn deploy(world: &World, at: Address, decimals: u8) -> Self {
        let state = Rc::new(FeedState::default());
        state.decimals.set(decimals);
        state.latest.set(round_id(1, 0));
        world.place_native(at, FeedContract(state.clone()));
        Self { at, state }
    }

    /// Adds the next round of the phase; `price` in units of 1e-8.
    pub(crate) fn push(&self, price: i128, updated_at: u64) -> u128 {
        let decimals = u32::from(self.state.decimals.get());
        let answer = if decimals >= 8 { price * 10i128.pow(decimals - 8) } else { price / 10i128.pow(8 - decimals) };
        let id = self.state.latest.get() + 1;
        self.push_raw(Raw { answer, updated_at, answered_in: id })
    }

    pub(crate) fn push_raw(&self, raw: Raw) -> u128 {
        let id = self.state.latest.get() + 1;
        self.state.rounds.borrow_mut().insert(id, raw);
        self.state.latest.set(id);
        id
    }

    /// Begins a phase; its rounds count from 1.
    pub(crate) fn start_phase(&self, phase: u16) {
        self.state.latest.set(round_id(phase, 0));
    }

    pub(crate) fn latest(&self) -> u128 {
        self.state.latest.get()
    }
}

/// An uptime feed.
#[derive(Default)]
pub(crate) struct Uptime {
    pub(crate) down: Cell<bool>,
    pub(crate) started_at: Cell<u64>,
    pub(crate) broken: Cell<bool>,
}

struct UptimeContract(Rc<Uptime>);

impl Native for UptimeContract {
    fn call(&self, _: &Context<'_>, _: &[u8]) -> ArbResult {
        if self.0.broken.get() {
            return Err(vec![]);
        }
        let (down, since) = (u64::from(self.0.down.get()), self.0.started_at.get());
        Ok((U256::from(1), U256::from(down), U256::from(since), U256::from(since), U256::from(1)).abi_encode())
    }
}

/// The world of these tests: trigger 0.97, recovery 0.99, T = 1 h, R = 24 h, W = 24 h, heartbeat 25 h.
pub(crate) struct Setup {
    pub(crate) world: World,
    pub(crate) owner: Address,
    pub(crate) anyone: Address,
    pub(crate) feed: Feed,
    pub(crate) uptime: Rc<Uptime>,
    pub(crate) trigger: Address,
    /// The time of the first round.
    pub(crate) start: u64,
}

pub(crate) fn config(feed: Address) -> IDepegTrigger::Subject {
    IDepegTrigger::Subject {
        feed,
        triggerPrice: 970_000_000_000_000_000,
        recoveryPrice: 990_000_000_000_000_000,
        duration: HOUR as u32,
        recovery: DAY as u32,
        window: DAY as u32,
        heartbeat: (25 * HOUR) as u32,
        floorPrice: 10_000_000_000_000_000,
    }
}

impl Setup {
    /// The trigger with nothing registered; the feed has one round, at par.
    pub(crate) fn empty(decimals: u8) -> Self {
        Self::with(decimals, 600)
    }

    /// The same, with the least number of seconds that a subject may have as its times.
    pub(crate) fn with(decimals: u8, shortest: u32) -> Self {
        let setup = Self::in_world(World::new(), decimals, shortest);
        setup.feed.push(100_000_000, setup.start);
        setup
    }

    /// The trigger with nothing registered and a feed without rounds, at this moment.
    pub(crate) fn at(timestamp: u64) -> Self {
        let world = World::new();
        world.warp_to(timestamp);
        Self::in_world(world, 8, 600)
    }

    fn in_world(world: World, decimals: u8, shortest: u32) -> Self {
        let [owner, anyone] = ["timelock", "anyone"].map(|name| world.address(name));
        let feed = Feed::deploy(&world, world.address("feed"), decimals);
        let uptime = Rc::new(Uptime::default());
        let start = world.now();
        uptime.started_at.set(start - DAY);
        world.place_native(world.address("uptime"), UptimeContract(uptime.clone()));
        let trigger = world.address("depeg");
        let arguments = (owner, Address::ZERO, world.address("uptime"), shortest).abi_encode_params();
        world.construct::<DepegTrigger>(trigger, owner, arguments);
        Self { world, owner, anyone, feed, uptime, trigger, start }
    }

    /// The trigger with the subject registered.
    pub(crate) fn new() -> Self {
        Self::with_decimals(8)
    }

    pub(crate) fn with_decimals(decimals: u8) -> Self {
        let setup = Self::empty(decimals);
        setup.register(config(setup.feed.at)).unwrap();
        setup
    }

    pub(crate) fn register(&self, config: IDepegTrigger::Subject) -> Result<(), Reverted> {
        let call = IDepegTrigger::registerCall { subject: SUBJECT, config };
        self.world.send(self.owner, self.trigger, call).map(drop)
    }

    /// A round at `seconds` after the start, and the clock goes there.
    pub(crate) fn round(&self, seconds: u64, price: i128) -> u128 {
        let at = self.start + seconds;
        if at > self.world.now() {
            self.world.warp_to(at);
        }
        self.feed.push(price, at)
    }

    /// Rounds at seconds after the start.
    pub(crate) fn rounds(&self, rounds: &[(u64, i128)]) {
        for (seconds, price) in rounds {
            self.round(*seconds, *price);
        }
    }

    pub(crate) fn warp_to(&self, seconds: u64) {
        self.world.warp_to(self.start + seconds);
    }

    /// Takes in what follows.
    pub(crate) fn observe(&self) -> (u64, Incident) {
        self.try_observe(&[]).unwrap()
    }

    /// Takes in a list of rounds; an empty list is empty evidence.
    pub(crate) fn try_observe(&self, ids: &[u128]) -> Result<(u64, Incident), Reverted> {
        let evidence = if ids.is_empty() { vec![] } else { list(ids) };
        let call = ITrigger::observeCall { subject: SUBJECT, evidence: evidence.into() };
        let answer = self.world.send(self.anyone, self.trigger, call)?;
        Ok((answer.number.to::<u64>(), answer.latest.into()))
    }

    pub(crate) fn enter(&self) -> bool {
        let call = ITrigger::enterCall { subject: SUBJECT, insured: self.anyone, position: B256::ZERO };
        let answer = self.world.send(self.anyone, self.trigger, call).unwrap();
        assert!(answer.entry.is_empty() && answer.interest == U256::MAX && answer.size == U256::MAX);
        answer.healthy
    }

    pub(crate) fn healthy(&self) -> bool {
        self.world.read(self.trigger, ITrigger::healthyCall { subject: SUBJECT })
    }

    /// Terms of a policy between two times after the start.
    pub(crate) fn terms(&self, from: u64, until: u64) -> ITrigger::Terms {
        ITrigger::Terms {
            subject: SUBJECT,
            insured: self.anyone,
            position: B256::ZERO,
            start: self.start + from,
            end: self.start + until,
        }
    }

    pub(crate) fn loss(&self, from: u64, until: u64, number: u64) -> (u8, u16) {
        let call = ITrigger::lossCall {
            terms: self.terms(from, until),
            entry: Default::default(),
            number: U256::from(number),
        };
        let answer = self.world.read(self.trigger, call);
        (answer.verdict as u8, answer.lossBps)
    }

    /// The verdict over the window that begins at `window` seconds after the start.
    pub(crate) fn prove(&self, from: u64, until: u64, number: u64, window: u64) -> Result<(u8, u16), Reverted> {
        self.prove_with(from, until, number, (self.start + window).abi_encode())
    }

    pub(crate) fn prove_with(
        &self,
        from: u64,
        until: u64,
        number: u64,
        evidence: Vec<u8>,
    ) -> Result<(u8, u16), Reverted> {
        let call = ITrigger::proveCall {
            terms: self.terms(from, until),
            entry: Default::default(),
            number: U256::from(number),
            evidence: evidence.into(),
        };
        let answer = self.world.send(self.anyone, self.trigger, call)?;
        Ok((answer.verdict as u8, answer.lossBps))
    }

    /// The loss over the window that begins at `seconds` after the start, where its rounds have been taken in.
    pub(crate) fn window(&self, seconds: u64) -> Option<u16> {
        let start = self.start + seconds;
        let answer = self.world.read(self.trigger, IDepegTrigger::windowLossCall { subject: SUBJECT, start });
        answer.known.then_some(answer.lossBps)
    }

    pub(crate) fn incident(&self, number: u64) -> Incident {
        self.world.read(self.trigger, ITrigger::incidentCall { subject: SUBJECT, number: U256::from(number) }).into()
    }

    pub(crate) fn count(&self) -> u64 {
        self.world.read(self.trigger, ITrigger::incidentsCall { subject: SUBJECT }).to::<u64>()
    }

    pub(crate) fn cursor(&self) -> u128 {
        self.world.read(self.trigger, IDepegTrigger::cursorOfCall { subject: SUBJECT }).roundId.to::<u128>()
    }

    pub(crate) fn worst(&self, number: u64) -> IDepegTrigger::worstWindowReturn {
        self.world.read(self.trigger, IDepegTrigger::worstWindowCall { subject: SUBJECT, number: U256::from(number) })
    }
}

/// Evidence for observe.
pub(crate) fn list(ids: &[u128]) -> Vec<u8> {
    ids.iter().map(|id| U80::from(*id)).collect::<Vec<_>>().abi_encode()
}
