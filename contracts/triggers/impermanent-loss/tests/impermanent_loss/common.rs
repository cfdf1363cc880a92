//! A pool with a history, a pair, a manager of positions, a feed, and a trigger that reads them.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use alloy_primitives::{Address, B256, I256, U256};
use alloy_sol_types::{SolCall, SolValue, sol};
use impermanent_loss::ImpermanentLoss;
use protocol::abi::{IImpermanentLossTrigger, ITrigger, IVarianceSource};
use stylus_sdk::ArbResult;
use testkit::{Context, Native, Reverted, World, token::Token};

sol! {
    struct Collect {
        uint256 id;
        address to;
        uint128 most0;
        uint128 most1;
    }
    interface Market {
        function token0() external view returns (address);
        function token1() external view returns (address);
        function fee() external view returns (uint24);
        function factory() external view returns (address);
        function getPool(address a, address b, uint24 fee) external view returns (address);
        function getPair(address a, address b) external view returns (address);
        function slot0() external view returns (uint160, int24, uint16, uint16, uint16, uint8, bool);
        function observe(uint32[] ago) external view returns (int56[], uint160[]);
        function feeGrowthGlobal0X128() external view returns (uint256);
        function feeGrowthGlobal1X128() external view returns (uint256);
        function ticks(int24 tick) external view returns (uint128, int128, uint256, uint256, int56, uint160, uint32, bool);
        function getReserves() external view returns (uint112, uint112, uint32);
        function totalSupply() external view returns (uint256);
        function kLast() external view returns (uint256);
        function transfer(address to, uint256 value) external returns (bool);
        function transferFrom(address from, address to, uint256 value) external returns (bool);
        function positions(uint256 id) external view returns (uint96, address, address, address, uint24, int24, int24, uint128, uint256, uint256, uint128, uint128);
        function collect(Collect params) external returns (uint256, uint256);
        function decimals() external view returns (uint8);
        function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80);
        function getRoundData(uint80 id) external view returns (uint80, int256, uint256, uint256, uint80);
    }
}

pub(crate) const HOUR: u64 = 3_600;
pub(crate) const DAY: u64 = 24 * HOUR;
pub(crate) const WINDOW: u64 = 1_800;
pub(crate) const REACH: u64 = 600;
pub(crate) const INCONCLUSIVE: u8 = 0;
pub(crate) const NOT_MET: u8 = 1;
pub(crate) const CONFIRMED: u8 = 2;
/// A pair's position.
pub(crate) const PAIR: B256 = B256::repeat_byte(2);
/// An NFT's position.
pub(crate) const NFT: B256 = B256::repeat_byte(3);
pub(crate) const ONE: u128 = 1_000_000_000_000_000_000;
pub(crate) const FIRST_ROUND: u128 = (1 << 64) + 1;

#[derive(Clone, Copy, Debug)]
pub(crate) struct PositionState {
    pub(crate) fee: u64,
    pub(crate) ends: [i32; 2],
    pub(crate) liquidity: u128,
    pub(crate) owner: Address,
}

/// All that the mocks hold.
pub(crate) struct State {
    pub(crate) tokens: [Address; 2],
    pub(crate) pool_factory: Address,
    pub(crate) cardinality: u64,
    /// The tick that slot0 tells; nothing: the last of the history.
    pub(crate) spot: Option<i32>,
    /// From when on the pool has had which tick and which liquidity; the first is where its observations begin.
    pub(crate) history: Vec<(u64, i32, u128)>,
    pub(crate) growth: [U256; 2],
    pub(crate) outside: BTreeMap<i32, [U256; 2]>,
    pub(crate) known_pool: Address,
    pub(crate) known_pair: Address,
    pub(crate) manager_factory: Address,
    pub(crate) positions: BTreeMap<u64, PositionState>,
    pub(crate) collected: u128,
    pub(crate) reserves: [u128; 2],
    pub(crate) supply: u128,
    pub(crate) k_last: U256,
    pub(crate) shares: BTreeMap<Address, u128>,
    /// Answer and time of each round, from [`FIRST_ROUND`] on.
    pub(crate) rounds: Vec<(i128, u64)>,
    /// Those of later phases, by id.
    pub(crate) later: BTreeMap<u128, (i128, u64)>,
    pub(crate) feed_decimals: u8,
    pub(crate) sequencer: (u64, u64),
    /// The call that the pair makes when its shares move.
    pub(crate) hook: Option<(Address, Vec<u8>)>,
    pub(crate) hook_answer: Option<ArbResult>,
    /// Venue and pool revert.
    pub(crate) broken: bool,
}

#[derive(Clone, Copy)]
enum Part {
    Pool,
    Factory,
    Pair,
    Manager,
    Feed,
    Uptime,
}

struct Mock(Part, Rc<RefCell<State>>);

fn signed(value: i64) -> U256 {
    I256::try_from(value).unwrap().into_raw()
}

impl Mock {
    fn observe(state: &State, now: u64, ago: &[u32]) -> ArbResult {
        let (mut ticks, mut seconds) = (vec![], vec![]);
        for ago in ago {
            let at = now - u64::from(*ago);
            if at < state.history[0].0 {
                return Err(vec![]); // OLD
            }
            let (mut tick, mut second) = (0i64, U256::ZERO);
            for (index, (from, at_tick, liquidity)) in state.history.iter().enumerate() {
                let until = state.history.get(index + 1).map_or(u64::MAX, |next| next.0).min(at);
                if until > *from {
                    tick += i64::from(*at_tick) * (until - from) as i64;
                    second += (U256::from(until - from) << 128) / U256::from((*liquidity).max(1));
                }
            }
            ticks.push(signed(tick));
            seconds.push(second);
        }
        Ok((ticks, seconds).abi_encode_params())
    }
}

impl Native for Mock {
    fn call(&self, context: &Context<'_>, input: &[u8]) -> ArbResult {
        let selector: [u8; 4] = input[..4].try_into().unwrap();
        let mut state = self.1.borrow_mut();
        let now = context.world.now();
        let zero = U256::ZERO;
        if state.broken && matches!(self.0, Part::Pool | Part::Pair | Part::Manager) {
            return Err(vec![]);
        }
        match (self.0, selector) {
            (Part::Pool | Part::Pair, Market::token0Call::SELECTOR) => Ok(state.tokens[0].abi_encode()),
            (Part::Pool | Part::Pair, Market::token1Call::SELECTOR) => Ok(state.tokens[1].abi_encode()),
            (Part::Pool, Market::feeCall::SELECTOR) => Ok(U256::from(3_000).abi_encode()),
            (Part::Pool | Part::Pair, Market::factoryCall::SELECTOR) => Ok(state.pool_factory.abi_encode()),
            (Part::Manager, Market::factoryCall::SELECTOR) => Ok(state.manager_factory.abi_encode()),
            (Part::Factory, Market::getPoolCall::SELECTOR) => Ok(state.known_pool.abi_encode()),
            (Part::Factory, Market::getPairCall::SELECTOR) => Ok(state.known_pair.abi_encode()),
            (Part::Pool, Market::slot0Call::SELECTOR) => {
                let tick = signed(state.spot.unwrap_or(state.history.last().unwrap().1).into());
                let cardinality = U256::from(state.cardinality);
                Ok((U256::from(1), tick, zero, cardinality, cardinality, zero, true).abi_encode())
            }
            (Part::Pool, Market::observeCall::SELECTOR) => {
                Self::observe(&state, now, &Market::observeCall::abi_decode(input).unwrap().ago)
            }
            (Part::Pool, Market::feeGrowthGlobal0X128Call::SELECTOR) => Ok(state.growth[0].abi_encode()),
            (Part::Pool, Market::feeGrowthGlobal1X128Call::SELECTOR) => Ok(state.growth[1].abi_encode()),
            (Part::Pool, Market::ticksCall::SELECTOR) => {
                let tick = Market::ticksCall::abi_decode(input).unwrap().tick.as_i32();
                let [first, second] = state.outside.get(&tick).copied().unwrap_or_default();
                Ok((zero, zero, first, second, zero, zero, zero, true).abi_encode())
            }
            (Part::Pair, Market::getReservesCall::SELECTOR) => {
                Ok((state.reserves[0], state.reserves[1], zero).abi_encode())
            }
            (Part::Pair, Market::totalSupplyCall::SELECTOR) => Ok(state.supply.abi_encode()),
            (Part::Pair, Market::kLastCall::SELECTOR) => Ok(state.k_last.abi_encode()),
            (Part::Pair, Market::transferCall::SELECTOR) => {
                let call = Market::transferCall::abi_decode(input).unwrap();
                move_shares(&mut state, context.sender, call.to, call.value.to::<u128>())?;
                if let Some((to, data)) = state.hook.clone() {
                    drop(state);
                    let answer = context.call(to, data);
                    self.1.borrow_mut().hook_answer = Some(answer);
                }
                Ok(true.abi_encode())
            }
            (Part::Pair, Market::transferFromCall::SELECTOR) => {
                let call = Market::transferFromCall::abi_decode(input).unwrap();
                if call.from == context.sender {
                    return Err(vec![]); // there is no allowance to oneself
                }
                move_shares(&mut state, call.from, call.to, call.value.to::<u128>())?;
                Ok(true.abi_encode())
            }
            (Part::Manager, Market::transferFromCall::SELECTOR) => {
                let call = Market::transferFromCall::abi_decode(input).unwrap();
                match state.positions.get_mut(&call.value.to::<u64>()) {
                    Some(position) if position.owner == call.from => position.owner = call.to,
                    _ => return Err(vec![]),
                }
                Ok(vec![])
            }
            (Part::Manager, Market::positionsCall::SELECTOR) => {
                let id = Market::positionsCall::abi_decode(input).unwrap().id.to::<u64>();
                let Some(position) = state.positions.get(&id) else { return Err(vec![]) };
                let [first, second] = state.tokens;
                let ends = position.ends.map(|end| signed(end.into()));
                let head = (zero, zero, first, second, U256::from(position.fee)).abi_encode();
                let tail = (ends[0], ends[1], position.liquidity, zero, zero, zero, zero).abi_encode();
                Ok([head, tail].concat())
            }
            (Part::Manager, Market::collectCall::SELECTOR) => {
                let call = Market::collectCall::abi_decode(input).unwrap();
                let owner = state.positions.get(&call.params.id.to::<u64>()).map(|position| position.owner);
                if owner != Some(context.sender) {
                    return Err(vec![]);
                }
                let collected = std::mem::take(&mut state.collected);
                Ok((U256::from(collected), zero).abi_encode())
            }
            (Part::Feed, Market::decimalsCall::SELECTOR) => Ok(U256::from(state.feed_decimals).abi_encode()),
            (Part::Feed, Market::latestRoundDataCall::SELECTOR) => {
                let newest = FIRST_ROUND + state.rounds.len() as u128 - 1;
                round(&state, state.later.last_key_value().map_or(newest, |(id, _)| *id))
            }
            (Part::Feed, Market::getRoundDataCall::SELECTOR) => {
                round(&state, Market::getRoundDataCall::abi_decode(input).unwrap().id.to::<u128>())
            }
            (Part::Uptime, Market::latestRoundDataCall::SELECTOR) => {
                let (down, since) = state.sequencer;
                Ok((U256::from(1), U256::from(down), U256::from(since), U256::from(since), U256::from(1)).abi_encode())
            }
            _ => Err(vec![]),
        }
    }
}

fn round(state: &State, id: u128) -> ArbResult {
    let first = state.rounds.get(id.wrapping_sub(FIRST_ROUND) as usize).filter(|_| id >> 64 == 1);
    let Some((answer, time)) = first.or_else(|| state.later.get(&id)) else { return Err(vec![]) };
    let (id, time) = (U256::from(id), U256::from(*time));
    Ok((id, I256::try_from(*answer).unwrap(), time, time, id).abi_encode())
}

fn move_shares(state: &mut State, from: Address, to: Address, value: u128) -> Result<(), Vec<u8>> {
    let held = state.shares.entry(from).or_default();
    *held = held.checked_sub(value).ok_or_else(Vec::new)?;
    *state.shares.entry(to).or_default() += value;
    Ok(())
}

/// The world of these tests. Prices are of token 0 in token 1, and begin at one; the asset has 18 decimals.
pub(crate) struct Setup {
    pub(crate) world: World,
    pub(crate) owner: Address,
    pub(crate) alice: Address,
    pub(crate) bob: Address,
    pub(crate) trigger: Address,
    pub(crate) state: Rc<RefCell<State>>,
    /// How many units of token 1 a unit of token 0 is at a price of one, by decimals.
    shift: i32,
}

/// A policy of the tests.
#[derive(Clone)]
pub(crate) struct Policy {
    pub(crate) terms: ITrigger::Terms,
    pub(crate) entry: Vec<u8>,
    pub(crate) interest: U256,
}

impl Setup {
    /// The trigger with nothing registered.
    pub(crate) fn empty(decimals: [u8; 2]) -> Self {
        let world = World::new();
        let at = |name: &str| world.address(name);
        let tokens = [at("token 0"), at("token 1")];
        for (token, decimals) in tokens.into_iter().zip(decimals) {
            let _ = Token::deploy(&world, token, decimals);
        }
        let now = world.now();
        // ln 10^(d1 − d0) in ticks
        let shift = ((f64::from(decimals[1]) - f64::from(decimals[0])) * 10f64.ln() / 1.0001f64.ln()).round() as i32;
        let [alice, bob] = [at("alice"), at("bob")];
        let position = PositionState { fee: 3_000, ends: [shift - 6_931, shift + 6_931], liquidity: ONE, owner: alice };
        let state = Rc::new(RefCell::new(State {
            tokens,
            pool_factory: at("factory"),
            cardinality: 100,
            spot: None,
            history: vec![(now - 10 * DAY, shift, 1_000 * ONE)],
            growth: [U256::ZERO; 2],
            outside: BTreeMap::new(),
            known_pool: at("pool"),
            known_pair: at("pair"),
            manager_factory: at("factory"),
            positions: BTreeMap::from([(7, position)]),
            collected: 5,
            reserves: [1_000 * ONE; 2],
            supply: 1_000 * ONE,
            k_last: U256::ZERO,
            shares: BTreeMap::from([(alice, 10 * ONE), (bob, 10 * ONE)]),
            rounds: vec![(ONE as i128 / 10i128.pow(10), now)],
            later: BTreeMap::new(),
            feed_decimals: 8,
            sequencer: (0, now - DAY),
            hook: None,
            hook_answer: None,
            broken: false,
        }));
        for (name, part) in [
            ("pool", Part::Pool),
            ("factory", Part::Factory),
            ("pair", Part::Pair),
            ("manager", Part::Manager),
            ("feed", Part::Feed),
            ("uptime", Part::Uptime),
        ] {
            world.place_native(at(name), Mock(part, state.clone()));
        }
        let (owner, trigger) = (at("timelock"), at("trigger"));
        let arguments = (owner, Address::ZERO, at("uptime"), 600u32).abi_encode_params();
        world.construct::<ImpermanentLoss>(trigger, owner, arguments);
        Self { world, owner, alice, bob, trigger, state, shift }
    }

    /// With a subject of the pair and one of NFTs.
    pub(crate) fn new() -> Self {
        let setup = Self::empty([18, 18]);
        setup.register_both();
        setup
    }

    pub(crate) fn register_both(&self) {
        self.register(PAIR, self.config(true)).unwrap();
        self.register(NFT, self.config(false)).unwrap();
    }

    pub(crate) fn config(&self, pair: bool) -> IImpermanentLossTrigger::Subject {
        let at = |name: &str| self.world.address(name);
        IImpermanentLossTrigger::Subject {
            pool: at("pool"),
            venue: at(if pair { "pair" } else { "manager" }),
            pair,
            quote: self.state.borrow().tokens[1],
            feed: at("feed"),
            heartbeat: DAY as u32,
            window: WINDOW as u32,
            reach: REACH as u32,
            minLiquidity: ONE,
            minCardinality: 10,
            deviationBps: 100,
            rangeFactorBps: 65_000,
            halfLife: (30 * DAY) as u32,
            varianceFloor: 40_000_000_000_000_000,
            assetDecimals: 18,
        }
    }

    pub(crate) fn register(&self, subject: B256, config: IImpermanentLossTrigger::Subject) -> Result<(), Reverted> {
        self.world.send(self.owner, self.trigger, IImpermanentLossTrigger::registerCall { subject, config }).map(drop)
    }

    /// The price becomes so many millionths, in pool and feed.
    pub(crate) fn price(&self, millionths: u64) {
        self.pool_price(millionths, 1_000 * ONE);
        self.feed_price(millionths);
    }

    pub(crate) fn pool_price(&self, millionths: u64, liquidity: u128) {
        let tick = self.shift + ((millionths as f64 / 1e6).ln() / 1.0001f64.ln()).round() as i32;
        self.state.borrow_mut().history.push((self.world.now(), tick, liquidity));
    }

    pub(crate) fn feed_price(&self, millionths: u64) {
        self.state.borrow_mut().rounds.push((i128::from(millionths) * 100, self.world.now()));
    }

    /// Time passes at this price.
    pub(crate) fn hold(&self, seconds: u64) {
        self.world.warp(seconds);
        let (answer, _) = *self.state.borrow().rounds.last().unwrap();
        self.state.borrow_mut().rounds.push((answer, self.world.now()));
    }

    pub(crate) fn deposit(&self, subject: B256, who: Address, value: u128) -> Result<U256, Reverted> {
        let value = U256::from(value);
        self.world.send(who, self.trigger, IImpermanentLossTrigger::depositCall { subject, value })
    }

    pub(crate) fn withdraw(&self, position: U256, who: Address) -> Result<(), Reverted> {
        let call = IImpermanentLossTrigger::withdrawCall { position, to: who };
        self.world.send(who, self.trigger, call).map(drop)
    }

    pub(crate) fn enter(&self, subject: B256, insured: Address, position: U256) -> ITrigger::enterReturn {
        let call = ITrigger::enterCall { subject, insured, position: position.into() };
        self.world.send(self.bob, self.trigger, call).unwrap()
    }

    pub(crate) fn healthy(&self, subject: B256) -> bool {
        self.world.read(self.trigger, ITrigger::healthyCall { subject })
    }

    /// A policy that is bought now, begins in an hour and ends thirty days later.
    pub(crate) fn buy(&self, subject: B256, insured: Address, position: U256) -> Policy {
        let entered = self.enter(subject, insured, position);
        assert!(entered.healthy);
        let start = self.world.now() + HOUR;
        let terms = ITrigger::Terms { subject, insured, position: position.into(), start, end: start + 30 * DAY };
        Policy { terms, entry: entered.entry.to_vec(), interest: entered.interest }
    }

    pub(crate) fn store(&self, subject: B256, at: u64, round: u128) -> Result<(), Reverted> {
        self.observe(subject, (at, U256::from(round)).abi_encode())
    }

    /// As [`Setup::store`], for the last round of a phase.
    pub(crate) fn store_across(&self, subject: B256, at: u64, round: u128, next: u128) -> Result<(), Reverted> {
        self.observe(subject, (at, U256::from(round), U256::from(next)).abi_encode())
    }

    pub(crate) fn observe(&self, subject: B256, evidence: Vec<u8>) -> Result<(), Reverted> {
        let call = ITrigger::observeCall { subject, evidence: evidence.into() };
        self.world.send(self.bob, self.trigger, call).map(|answer| {
            let none = answer.latest;
            assert!(answer.number.is_zero() && none.openedAt == 0 && none.closedAt == 0 && none.worstBps == 0);
        })
    }

    /// The policy begins; its start's price is stored.
    pub(crate) fn begin(&self, policy: &Policy) {
        self.world.warp_to(policy.terms.start);
        self.hold(0);
        self.world.warp(1);
        self.store(policy.terms.subject, policy.terms.start, 0).unwrap();
    }

    /// The policy ends at a price that has held for a day.
    pub(crate) fn end(&self, policy: &Policy, millionths: u64) {
        self.world.warp_to(policy.terms.end - DAY);
        self.price(millionths);
        self.hold(DAY);
        self.world.warp(1);
    }

    pub(crate) fn prove(&self, policy: &Policy) -> Result<(u8, u16), Reverted> {
        self.prove_with(policy, 0, vec![])
    }

    pub(crate) fn prove_with(&self, policy: &Policy, number: u64, evidence: Vec<u8>) -> Result<(u8, u16), Reverted> {
        let call = ITrigger::proveCall {
            terms: policy.terms.clone(),
            entry: policy.entry.clone().into(),
            number: U256::from(number),
            evidence: evidence.into(),
        };
        let answer = self.world.send(self.bob, self.trigger, call)?;
        let told = (answer.verdict as u8, answer.lossBps);
        let call = ITrigger::lossCall {
            terms: policy.terms.clone(),
            entry: policy.entry.clone().into(),
            number: U256::from(number),
        };
        let view = self.world.read(self.trigger, call);
        assert_eq!((view.verdict as u8, view.lossBps), told, "the view says the same");
        Ok(told)
    }

    pub(crate) fn variance(&self, subject: B256) -> (u64, u16) {
        let answer = self.world.read(self.trigger, IVarianceSource::varianceCall { subject });
        (answer.yearlyWad, answer.rangeFactorBps)
    }
}

/// What a position of one range loses of its value at a price of one, in basis points, from one price to another.
pub(crate) fn expected_bps(ends: Option<[i32; 2]>, from: f64, to: f64) -> f64 {
    let [lower, upper] =
        ends.map_or([0.0, f64::INFINITY], |ends| ends.map(|tick| 1.0001f64.powf(f64::from(tick) / 2.0)));
    let holds = |price: f64| {
        let root = price.sqrt().clamp(lower, upper);
        (1.0 / root - 1.0 / upper, root - lower)
    };
    let worth = |(x, y): (f64, f64), price: f64| x * price + y;
    (worth(holds(from), to) - worth(holds(to), to)) / worth(holds(1.0), 1.0) * 10_000.0
}

/// Whether a loss is the expected one, but for the half tick by which the pool's price is rounded.
#[track_caller]
pub(crate) fn assert_loss(told: (u8, u16), expected: f64) {
    assert_eq!(told.0, CONFIRMED, "{told:?}");
    let difference = f64::from(told.1) - expected;
    assert!((-3.0..=1.0).contains(&difference), "{} is not {expected}", told.1);
}
