//! The oracle trigger in a world with two feeds and a pool that can say anything.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use alloy_primitives::{Address, B256, I256, U256};
use alloy_sol_types::{SolCall, SolInterface, SolValue, sol};
use oracle::OracleTrigger;
use proptest::prelude::*;
use protocol::abi::{IOracleTrigger, IOwned, ISeriesTrigger, ITrigger};
use standards::errors::{AddressEmptyCode, OwnableUnauthorizedAccount};
use stylus_sdk::ArbResult;
use testkit::{
    Context, Native, Reverted, World,
    feed::{Feed, Uptime},
    token::Token,
};

sol! {
    interface Pool {
        function token0() external view returns (address);
        function token1() external view returns (address);
        function slot0() external view returns (uint160, int24, uint16, uint16, uint16, uint8, bool);
        function observe(uint32[] calldata secondsAgos) external view returns (int56[] memory, uint160[] memory);
    }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const INCONCLUSIVE: u8 = 0;
const NOT_MET: u8 = 1;
const CONFIRMED: u8 = 2;
const SUBJECT: B256 = B256::repeat_byte(0x77);
/// 18 decimals against 6 at 2,000: 1.0001^-200311 is 2.0000e-9.
const TICK: i64 = -200_311;
/// Ticks of a price that is 10 % lower, and of one that is 2 % lower.
const TENTH: i64 = 1_054;
const FIFTIETH: i64 = 203;

/// A Uniswap v3 pool whose tick and liquidity change at moments.
#[derive(Default)]
struct PoolState {
    token0: Cell<Address>,
    token1: Cell<Address>,
    cardinality: Cell<u16>,
    /// The oldest observation.
    since: Cell<u64>,
    broken: Cell<bool>,
    /// From when on which tick and liquidity.
    past: RefCell<Vec<(u64, i64, u128)>>,
}

impl PoolState {
    /// Cumulative tick, and seconds per liquidity, up to a moment.
    fn cumulative(&self, until: u64) -> (i64, U256) {
        let past = self.past.borrow();
        // close to the wrap of 160 bits, as a pool may be
        let (mut ticks, mut per) = (0, (U256::ONE << 160usize) - U256::ONE);
        for (index, &(from, tick, liquidity)) in past.iter().enumerate() {
            let to = past.get(index + 1).map_or(until, |next| next.0.min(until));
            if to > from {
                ticks += tick * (to - from) as i64;
                per += (U256::from(to - from) << 128usize) / U256::from(liquidity.max(1));
            }
        }
        (ticks, per & ((U256::ONE << 160usize) - U256::ONE))
    }
}

struct PoolContract(Rc<PoolState>);

impl Native for PoolContract {
    fn call(&self, context: &Context<'_>, input: &[u8]) -> ArbResult {
        let pool = &self.0;
        if pool.broken.get() {
            return Err(vec![]);
        }
        let zero = U256::ZERO;
        match *input.first_chunk::<4>().unwrap() {
            Pool::token0Call::SELECTOR => Ok(pool.token0.get().abi_encode()),
            Pool::token1Call::SELECTOR => Ok(pool.token1.get().abi_encode()),
            Pool::slot0Call::SELECTOR => {
                Ok([zero, zero, zero, U256::from(pool.cardinality.get()), zero, zero, U256::ONE].abi_encode())
            }
            Pool::observeCall::SELECTOR => {
                let call = Pool::observeCall::abi_decode(input).unwrap();
                let now = context.world.now();
                let mut ticks = Vec::new();
                let mut pers = Vec::new();
                for ago in call.secondsAgos {
                    let at = now - u64::from(ago);
                    if at < pool.since.get() {
                        return Err(b"OLD".to_vec());
                    }
                    let (tick, per) = pool.cumulative(at);
                    ticks.push(I256::try_from(tick).unwrap());
                    pers.push(per);
                }
                Ok((ticks, pers).abi_encode_params())
            }
            _ => Err(vec![]),
        }
    }
}

/// D = 5 %, cap 50 %, T = 1 h, R = 2 h, W = 1 h, gap 15 min, TWAP 30 min, heartbeats 1 h.
struct Setup {
    world: World,
    owner: Address,
    anyone: Address,
    feed: Feed,
    second: Feed,
    pool: Rc<PoolState>,
    pool_at: Address,
    uptime: Rc<Uptime>,
    trigger: Address,
    start: u64,
    /// What feed and second feed say, in cents.
    says: Cell<[i128; 2]>,
}

/// `ITrigger.Incident`: verdict, opened at, closed at, worst loss.
type Incident = (u8, u64, u64, u16);

impl Setup {
    fn empty() -> Self {
        let world = World::new();
        let [owner, anyone, trigger, pool_at] =
            ["timelock", "anyone", "oracle", "pool"].map(|name| world.address(name));
        let feed = Feed::deploy(&world, world.address("feed"), 8);
        let second = Feed::deploy(&world, world.address("second"), 18);
        let uptime = Uptime::deploy(&world, world.address("uptime"));
        let ether = Token::deploy(&world, world.address("ether"), 18);
        let dollar = Token::deploy(&world, world.address("dollar"), 6);
        let pool = Rc::new(PoolState::default());
        pool.token0.set(ether.at);
        pool.token1.set(dollar.at);
        pool.cardinality.set(500);
        pool.since.set(world.now() - DAY);
        pool.past.borrow_mut().push((world.now() - 2 * DAY, TICK, 10u128.pow(18)));
        world.place_native(pool_at, PoolContract(pool.clone()));
        let arguments = (owner, Address::ZERO, world.address("uptime"), 60u32).abi_encode_params();
        world.construct::<OracleTrigger>(trigger, owner, arguments);
        let start = world.now();
        let says = Cell::new([200_000; 2]);
        let setup = Self { world, owner, anyone, feed, second, pool, pool_at, uptime, trigger, start, says };
        setup.push();
        setup
    }

    fn new() -> Self {
        let setup = Self::empty();
        setup.register(setup.config()).unwrap();
        setup
    }

    fn config(&self) -> IOracleTrigger::Subject {
        IOracleTrigger::Subject {
            feed: self.feed.at,
            secondFeed: self.second.at,
            pool: self.pool_at,
            inverted: false,
            feedHeartbeat: HOUR as u32,
            secondHeartbeat: HOUR as u32,
            twap: (30 * MINUTE) as u32,
            minLiquidity: 10u128.pow(17),
            minCardinality: 100,
            deviationBps: 500,
            capBps: 5_000,
            duration: HOUR as u32,
            recovery: (2 * HOUR) as u32,
            window: HOUR as u32,
            gap: (15 * MINUTE) as u32,
            assetDecimals: 6,
        }
    }

    fn register(&self, config: IOracleTrigger::Subject) -> Result<(), Reverted> {
        let call = IOracleTrigger::registerCall { subject: SUBJECT, config };
        self.world.send(self.owner, self.trigger, call).map(drop)
    }

    /// Both feeds write a round of what they say, now.
    fn push(&self) {
        let [feed, second] = self.says.get();
        self.feed.push(feed * 10i128.pow(6), self.world.now());
        self.second.push(second * 10i128.pow(16), self.world.now());
    }

    /// What the feeds say from now on, in cents.
    fn say(&self, feed: i128, second: i128) {
        self.says.set([feed, second]);
    }

    /// The pool's tick, above the one at 2,000, and its liquidity from now on.
    fn trade(&self, tick: i64, liquidity: u128) {
        self.pool.past.borrow_mut().push((self.world.now(), TICK + tick, liquidity));
    }

    /// Ten minutes pass at a time; each ends with rounds of both feeds and an observation.
    fn run(&self, minutes: u64) -> (u64, Incident) {
        let mut last = (0, (0, 0, 0, 0));
        for _ in 0..minutes / 10 {
            self.world.warp(10 * MINUTE);
            self.push();
            last = self.observe();
        }
        last
    }

    fn observe(&self) -> (u64, Incident) {
        let call = ITrigger::observeCall { subject: SUBJECT, evidence: Default::default() };
        let answer = self.world.send(self.anyone, self.trigger, call).unwrap();
        (answer.number.to::<u64>(), self.since_start(answer.latest))
    }

    fn since_start(&self, incident: ITrigger::Incident) -> Incident {
        let since = |time: u64| time.saturating_sub(self.start);
        (incident.verdict as u8, since(incident.openedAt), since(incident.closedAt), incident.worstBps)
    }

    fn incident(&self, number: u64) -> Incident {
        let call = ITrigger::incidentCall { subject: SUBJECT, number: U256::from(number) };
        self.since_start(self.world.read(self.trigger, call))
    }

    fn count(&self) -> u64 {
        self.world.read(self.trigger, ITrigger::incidentsCall { subject: SUBJECT }).to::<u64>()
    }

    /// How many samples there are, when the newest was taken, and its value in basis points.
    fn series(&self) -> (u64, u64, u64) {
        let series = self.world.read(self.trigger, ISeriesTrigger::seriesOfCall { subject: SUBJECT });
        (series.count.to::<u64>(), series.time.saturating_sub(self.start), series.value / 100_000_000_000_000)
    }

    fn healthy(&self) -> bool {
        self.world.read(self.trigger, ITrigger::healthyCall { subject: SUBJECT })
    }

    fn enter(&self) -> (bool, U256) {
        let call = ITrigger::enterCall { subject: SUBJECT, insured: self.anyone, position: B256::ZERO };
        let answer = self.world.send(self.anyone, self.trigger, call).unwrap();
        assert!(answer.entry.is_empty() && answer.interest == U256::MAX);
        (answer.healthy, answer.size)
    }

    fn prices(&self) -> IOracleTrigger::pricesOfReturn {
        self.world.read(self.trigger, IOracleTrigger::pricesOfCall { subject: SUBJECT })
    }

    /// What a policy that covers minutes loses under an incident.
    fn loss(&self, from: u64, until: u64, number: u64) -> (u8, u16) {
        let terms = || ITrigger::Terms {
            subject: SUBJECT,
            insured: self.anyone,
            position: B256::ZERO,
            start: self.start + from * MINUTE,
            end: self.start + until * MINUTE,
        };
        let number = U256::from(number);
        let view = ITrigger::lossCall { terms: terms(), entry: Default::default(), number };
        let proof =
            ITrigger::proveCall { terms: terms(), entry: Default::default(), number, evidence: Default::default() };
        let seen = self.world.read(self.trigger, view);
        let proven = self.world.send(self.anyone, self.trigger, proof).unwrap();
        assert_eq!((seen.verdict as u8, seen.lossBps), (proven.verdict as u8, proven.lossBps));
        (proven.verdict as u8, proven.lossBps)
    }
}

fn bounds(reverted: Reverted) -> String {
    let name = reverted.expect::<IOwned::ParameterOutOfBounds>().parameter;
    String::from_utf8(name.iter().copied().take_while(|byte| *byte != 0).collect()).unwrap()
}

// —————————————————————————————————————————————————————————————————————————————————————————————————— registration

#[test]
fn a_bad_configuration_is_refused_by_the_name_of_what_is_wrong() {
    let setup = Setup::empty();
    type Change = fn(&mut IOracleTrigger::Subject);
    let cases: [(&str, Change); 20] = [
        ("duration", |c| c.duration = 59),
        ("recovery", |c| c.recovery = 30 * 86_400 + 1),
        ("window", |c| c.window = 3 * 3_600 + 1),
        ("window", |c| c.window = 59),
        ("gap", |c| c.gap = 15 * 60 + 1),
        ("gap", |c| c.gap = 59),
        ("twap", |c| c.twap = 15 * 60 - 1),
        ("twap", |c| c.twap = 86_401),
        ("feedHeartbeat", |c| c.feedHeartbeat = 59),
        ("feedHeartbeat", |c| c.feedHeartbeat = 7 * 86_400 + 1),
        ("secondHeartbeat", |c| c.secondHeartbeat = 0),
        ("deviationBps", |c| c.deviationBps = 49),
        ("deviationBps", |c| c.deviationBps = 5_001),
        ("capBps", |c| c.capBps = 0),
        ("capBps", |c| c.capBps = 10_001),
        ("minCardinality", |c| c.minCardinality = 1),
        ("minLiquidity", |c| c.minLiquidity = 0),
        ("secondFeed", |c| c.secondFeed = c.feed),
        ("assetDecimals", |c| c.assetDecimals = 19),
        ("assetDecimals", |c| c.assetDecimals = 254),
    ];
    for (name, change) in cases {
        let mut config = setup.config();
        change(&mut config);
        assert_eq!(bounds(setup.register(config).unwrap_err()), name);
    }
    let call = IOracleTrigger::registerCall { subject: B256::ZERO, config: setup.config() };
    assert_eq!(bounds(setup.world.refused(setup.owner, setup.trigger, call)), "subject");
    setup.register(setup.config()).unwrap();
    let read = setup.world.read(setup.trigger, IOracleTrigger::subjectOfCall { subject: SUBJECT });
    assert_eq!(read.abi_encode(), setup.config().abi_encode());
    setup.register(setup.config()).unwrap_err().expect::<ISeriesTrigger::SubjectExists>();
    let call = IOracleTrigger::registerCall { subject: B256::repeat_byte(1), config: setup.config() };
    setup.world.refused(setup.anyone, setup.trigger, call).expect::<OwnableUnauthorizedAccount>();
}

#[test]
fn sources_that_do_not_agree_cannot_be_registered() {
    let refused = |prepare: &dyn Fn(&Setup), change: &dyn Fn(&mut IOracleTrigger::Subject)| {
        let setup = Setup::empty();
        prepare(&setup);
        let mut config = setup.config();
        change(&mut config);
        setup.register(config).unwrap_err().expect::<IOracleTrigger::SourcesNotHealthy>();
    };
    let nothing = |_: &mut IOracleTrigger::Subject| {};
    refused(&|_| (), &|c| c.inverted = true); // the wrong direction
    refused(&|_| (), &|c| c.minLiquidity = 10u128.pow(18) + 1);
    refused(&|_| (), &|c| c.minCardinality = 501);
    refused(&|_| (), &|c| c.pool = Address::repeat_byte(1));
    refused(&|_| (), &|c| c.secondFeed = Address::repeat_byte(1));
    refused(&|s| s.pool.since.set(s.world.now() - 30 * MINUTE + 1), &nothing); // it does not reach back
    refused(&|s| s.pool.broken.set(true), &nothing);
    refused(&|s| s.feed.state.broken.set(true), &nothing);
    refused(&|s| s.feed.state.decimals.set(28), &nothing);
    refused(&|s| s.world.warp(HOUR + 1), &nothing); // stale
    for (feed, second) in [(205_001, 200_000), (194_999, 200_000), (200_000, 205_100), (204_000, 195_900)] {
        refused(
            &|s| {
                s.say(feed, second);
                s.push();
            },
            &nothing,
        );
    }
}

#[test]
fn a_constructor_checks_what_it_is_given() {
    let world = World::new();
    let owner = world.address("owner");
    let construct = |owner: Address, sequencer: Address, shortest: u32| {
        let arguments = (owner, Address::ZERO, sequencer, shortest).abi_encode_params();
        world.try_construct::<OracleTrigger>(world.address("new"), owner, arguments)
    };
    construct(owner, owner, 1).unwrap_err().expect::<AddressEmptyCode>();
    assert_eq!(bounds(construct(owner, Address::ZERO, 0).unwrap_err()), "shortest");
    construct(Address::ZERO, Address::ZERO, 1).unwrap_err();
    construct(owner, Address::ZERO, 1).unwrap();
}

#[test]
fn what_is_not_registered_is_unknown() {
    let setup = Setup::empty();
    let (subject, number) = (SUBJECT, U256::ONE);
    let unknown = |reverted: Reverted| {
        reverted.expect::<ISeriesTrigger::UnknownSubject>();
    };
    let observe = ITrigger::observeCall { subject, evidence: Default::default() };
    unknown(setup.world.refused(setup.anyone, setup.trigger, observe));
    let enter = ITrigger::enterCall { subject, insured: setup.anyone, position: B256::ZERO };
    unknown(setup.world.refused(setup.anyone, setup.trigger, enter));
    unknown(setup.world.try_read(setup.trigger, ITrigger::incidentsCall { subject }).map(drop).unwrap_err());
    unknown(setup.world.try_read(setup.trigger, IOracleTrigger::pricesOfCall { subject }).map(drop).unwrap_err());
    unknown(setup.world.try_read(setup.trigger, IOracleTrigger::subjectOfCall { subject }).map(drop).unwrap_err());
    assert!(!setup.healthy());
    setup.register(setup.config()).unwrap();
    let evidence = ITrigger::observeCall { subject, evidence: vec![1].into() };
    setup.world.refused(setup.anyone, setup.trigger, evidence).expect::<ISeriesTrigger::InvalidEvidence>();
    let incident = ITrigger::incidentCall { subject, number };
    setup.world.try_read(setup.trigger, incident).map(drop).unwrap_err().expect::<ISeriesTrigger::UnknownIncident>();
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————— the prices

#[test]
fn a_pools_price_is_scaled_by_the_decimals_of_its_tokens() {
    let setup = Setup::new();
    let prices = setup.prices();
    assert_eq!((prices.feed, prices.secondFeed), (2_000 * 10u128.pow(18), 2_000 * 10u128.pow(18)));
    // 1.0001^-200311 × 1e12 = 2000.0402…
    assert_eq!(prices.pool / 10u128.pow(15), 2_000_040);
    // the other way round: token0 is the dollar, the tick is negated
    let other = Setup::empty();
    let (ether, dollar) = (other.pool.token0.get(), other.pool.token1.get());
    other.pool.token0.set(dollar);
    other.pool.token1.set(ether);
    other.pool.past.borrow_mut()[0].1 = -TICK;
    other.register(IOracleTrigger::Subject { inverted: true, ..other.config() }).unwrap();
    assert_eq!(other.prices().pool, prices.pool);
    assert_eq!(other.enter(), setup.enter());
}

#[test]
fn a_mean_tick_is_rounded_towards_minus_infinity_and_cumulatives_may_wrap() {
    let setup = Setup::new();
    let before = setup.prices().pool;
    // one second of one tick more: the mean tick stays, of one tick less: it falls
    setup.trade(1, 10u128.pow(18));
    setup.world.warp(1);
    setup.trade(0, 10u128.pow(18));
    assert_eq!(setup.prices().pool, before);
    setup.trade(-1, 10u128.pow(18));
    setup.world.warp(2);
    setup.trade(0, 10u128.pow(18));
    let after = setup.prices().pool;
    assert!(after < before && before - after < before / 9_999);
}

#[test]
fn size_is_what_it_takes_to_move_the_price_by_d() {
    let setup = Setup::new();
    // liquidity 1e18 at the root of 2.0000e-9: 4.4722e13 of the smallest unit, half of 5 % of it
    let (healthy, size) = setup.enter();
    assert!(healthy);
    assert_eq!(size / U256::from(10u64.pow(9)), U256::from(1_118u64));
    for (decimals, factor) in [(18u8, 1_000_000_000_000u64), (7, 10)] {
        let other = Setup::empty();
        other.register(IOracleTrigger::Subject { assetDecimals: decimals, ..other.config() }).unwrap();
        assert_eq!(other.enter().1, size * U256::from(factor));
    }
    let other = Setup::empty();
    other.register(IOracleTrigger::Subject { assetDecimals: 4, ..other.config() }).unwrap();
    assert_eq!(other.enter().1, size / U256::from(100));
    let other = Setup::empty();
    other.register(IOracleTrigger::Subject { assetDecimals: 255, ..other.config() }).unwrap();
    assert_eq!(other.enter().1, U256::MAX);
}

// —————————————————————————————————————————————————————————————————————————————————————————————————— wrong prices

#[test]
fn a_feed_that_is_wrong_for_long_enough_is_an_incident() {
    let setup = Setup::new();
    setup.run(60);
    assert!(setup.healthy());
    setup.say(240_000, 200_000);
    setup.run(60);
    assert_eq!(setup.count(), 0, "fifty minutes of it");
    assert!(!setup.healthy());
    setup.run(10);
    assert_eq!(setup.incident(1), (CONFIRMED, 60 * MINUTE, 0, 1_499));
    setup.run(20);
    // 20 % off against the second feed, a little less against the pool: 15 % beyond D, rounded down
    assert_eq!(setup.incident(1).3, 1_499);
    assert_eq!(setup.loss(0, 600, 1), (CONFIRMED, 1_499));
    assert_eq!(setup.loss(60, 600, 1), (CONFIRMED, 1_499));
    assert_eq!(setup.loss(61, 600, 1), (NOT_MET, 0), "begun in the waiting period");
    assert_eq!(setup.loss(0, 60, 1), (NOT_MET, 0), "begun after its end");
    assert_eq!(setup.loss(0, 100, 1), (CONFIRMED, 749), "half of its window");
    assert_eq!(setup.loss(0, 69, 1), (NOT_MET, 0), "no full window");
    // it is right again
    setup.say(200_000, 200_000);
    setup.run(120);
    assert_eq!(setup.incident(1).2, 0);
    setup.run(10);
    let (verdict, opened, closed, _) = setup.incident(1);
    assert_eq!((verdict, opened, closed), (CONFIRMED, 60 * MINUTE, (150 + 10 + 120) * MINUTE));
    assert!(setup.healthy());
}

#[test]
fn too_low_is_as_wrong_as_too_high_and_the_loss_is_capped() {
    for (says, worst) in [(100_000, 4_499), (20_000, 5_000), (2_000_000, 5_000)] {
        let setup = Setup::new();
        setup.run(60);
        setup.say(says, 200_000);
        setup.run(150);
        let (verdict, .., loss) = setup.incident(1);
        assert_eq!(verdict, CONFIRMED);
        assert!(loss.abs_diff(worst) <= 1, "{says}: {loss}");
    }
}

#[test]
fn exactly_d_is_no_error() {
    // against the second feed: 5 % and a hair more; the pool is at 2,000.04
    for (says, count) in [(210_000, 0), (210_010, 1)] {
        let setup = Setup::new();
        setup.run(60);
        setup.say(says, 200_000);
        setup.run(100);
        assert_eq!(setup.count(), count, "{says}");
    }
}

#[test]
fn an_error_that_is_over_before_t_is_none() {
    let setup = Setup::new();
    for _ in 0..5 {
        setup.say(300_000, 200_000);
        setup.run(60);
        setup.say(200_000, 200_000);
        setup.run(20);
    }
    assert_eq!(setup.count(), 0);
}

#[test]
fn oscillation_is_one_incident() {
    let setup = Setup::new();
    setup.run(60);
    for _ in 0..4 {
        setup.say(300_000, 200_000);
        setup.run(90);
        setup.say(200_000, 200_000);
        setup.run(110);
    }
    assert_eq!(setup.count(), 1);
    setup.run(40);
    assert_eq!((setup.count(), setup.incident(1).0), (1, CONFIRMED));
    assert!(setup.incident(1).2 > 0);
}

#[test]
fn a_feed_that_dies_is_wrong_when_the_market_has_moved_and_not_before() {
    let setup = Setup::new();
    setup.run(60);
    let advance = |minutes: u64| {
        for _ in 0..minutes / 10 {
            setup.world.warp(10 * MINUTE);
            setup.second.push(setup.says.get()[1] * 10i128.pow(16), setup.world.now());
            setup.observe();
        }
    };
    advance(600);
    assert_eq!(setup.count(), 0, "it has died, and nobody has lost by it");
    assert!(!setup.healthy(), "but nothing is sold on it");
    setup.say(200_000, 180_000);
    setup.trade(-TENTH, 10u128.pow(18));
    advance(120);
    let (verdict, opened, _, worst) = setup.incident(1);
    assert_eq!((verdict, opened > 600 * MINUTE), (CONFIRMED, true));
    assert!((500..=612).contains(&worst), "{worst}: 11.1 % of the market's price, 5 % of it are D");
}

#[test]
fn an_answer_of_zero_or_less_is_a_whole_deviation() {
    for answer in [0, -1] {
        let setup = Setup::new();
        setup.run(60);
        setup.say(answer, 200_000);
        setup.run(150);
        assert_eq!((setup.incident(1).0, setup.incident(1).3), (CONFIRMED, 5_000));
    }
}

#[test]
fn a_feed_that_does_not_answer_proves_nothing() {
    let setup = Setup::new();
    setup.run(60);
    let before = setup.series();
    setup.feed.state.broken.set(true);
    setup.run(200);
    assert_eq!((setup.series(), setup.count()), (before, 0));
    assert!(!setup.healthy());
}

#[test]
fn all_rounds_between_two_samples_must_be_wrong() {
    let setup = Setup::new();
    setup.run(60);
    for step in 0..12 {
        // right for five minutes, wrong at each sample
        setup.world.warp(5 * MINUTE);
        setup.say(200_000, 200_000);
        setup.push();
        setup.world.warp(5 * MINUTE);
        setup.say(300_000, 200_000);
        setup.push();
        setup.observe();
        assert_eq!(setup.count(), 0, "{step}");
    }
    // more rounds than are read: nothing is known
    for _ in 0..10 {
        for _ in 0..10 {
            setup.world.warp(MINUTE);
            setup.push();
        }
        setup.observe();
    }
    assert_eq!(setup.count(), 0);
    // eight in between are read
    for _ in 0..10 {
        for _ in 0..9 {
            setup.world.warp(MINUTE);
            setup.push();
        }
        setup.observe();
    }
    assert_eq!(setup.count(), 1);
}

#[test]
fn nothing_is_known_of_the_time_in_which_the_phase_changed() {
    let setup = Setup::new();
    setup.run(60);
    setup.say(300_000, 200_000);
    setup.run(40);
    setup.feed.start_phase(2);
    setup.run(60);
    assert_eq!(setup.count(), 0);
    setup.run(20);
    assert_eq!(setup.incident(1).1, 60 * MINUTE);
}

#[test]
fn samples_too_far_apart_prove_nothing() {
    let setup = Setup::new();
    setup.run(60);
    setup.say(300_000, 200_000);
    for _ in 0..20 {
        setup.world.warp(15 * MINUTE + 1);
        setup.push();
        setup.observe();
    }
    assert_eq!(setup.count(), 0);
    for _ in 0..4 {
        setup.world.warp(15 * MINUTE);
        setup.push();
        setup.observe();
    }
    assert_eq!(setup.count(), 1);
    assert_eq!(setup.incident(1).1, 60 * MINUTE, "and it is not younger for it");
}

// —————————————————————————————————————————————————————————————————————————————————————————————————— the references

#[test]
fn a_reference_that_lies_alone_is_latent_evidence_only() {
    let setup = Setup::new();
    setup.run(60);
    // the second feed says that the feed is wrong; the pool does not
    setup.say(200_000, 250_000);
    setup.run(60);
    assert_eq!(setup.count(), 0);
    setup.run(10);
    assert_eq!(setup.incident(1), (INCONCLUSIVE, 60 * MINUTE, 0, 0));
    assert_eq!(setup.loss(0, 600, 1), (INCONCLUSIVE, 0));
    assert_eq!(setup.loss(61, 600, 1), (NOT_MET, 0));
    assert!(!setup.healthy());
    let opened = &setup.world.events::<ISeriesTrigger::IncidentOpened>(setup.trigger)[0];
    assert_eq!(opened.verdict, INCONCLUSIVE);
    // it stops lying
    setup.say(200_000, 200_000);
    setup.run(10);
    assert_eq!(setup.incident(1), (NOT_MET, 60 * MINUTE, 140 * MINUTE, 0));
    assert_eq!(setup.loss(0, 600, 1), (NOT_MET, 0));
    assert!(setup.healthy());
    // the next one has its own number
    setup.say(200_000, 250_000);
    setup.run(80);
    assert_eq!((setup.count(), setup.incident(2).0), (2, INCONCLUSIVE));
}

#[test]
fn latent_evidence_is_confirmed_under_its_number() {
    let setup = Setup::new();
    setup.run(60);
    setup.say(200_000, 250_000);
    setup.run(80);
    assert_eq!(setup.incident(1), (INCONCLUSIVE, 60 * MINUTE, 0, 0));
    // the pool follows: 25 % higher is 2,231 ticks
    setup.trade(2_231, 10u128.pow(18));
    setup.run(180);
    let (verdict, opened, closed, worst) = setup.incident(1);
    assert_eq!((setup.count(), verdict, opened, closed), (1, CONFIRMED, 60 * MINUTE, 0));
    assert!((1_490..=1_500).contains(&worst), "{worst}");
}

#[test]
fn references_that_disagree_prove_nothing_together() {
    let setup = Setup::new();
    setup.run(60);
    // the feed is far from both, but these are 3 % apart
    setup.trade(0, 10u128.pow(18));
    setup.say(260_000, 206_200);
    setup.run(180);
    assert_eq!((setup.count(), setup.incident(1).0), (1, INCONCLUSIVE));
}

#[test]
fn a_price_pushed_into_an_empty_range_is_worth_nothing() {
    let setup = Setup::new();
    setup.run(60);
    // the attacker owns the second feed and pushes the pool where nobody has liquidity
    setup.say(200_000, 150_000);
    setup.trade(-2_877, 0);
    setup.run(200);
    assert_eq!(setup.incident(1).0, INCONCLUSIVE);
    assert_eq!(setup.prices().pool, 0);
    // with liquidity it is a reference, and a cardinality below the registered one takes that away
    let other = Setup::new();
    other.run(60);
    other.say(200_000, 150_000);
    other.trade(-2_877, 10u128.pow(18));
    other.pool.cardinality.set(99);
    other.run(200);
    assert_eq!(other.incident(1).0, INCONCLUSIVE);
    other.pool.cardinality.set(100);
    other.run(100);
    assert_eq!(other.incident(1).0, CONFIRMED);
}

#[test]
fn a_tick_that_is_pushed_for_a_moment_is_outweighed() {
    let setup = Setup::new();
    setup.run(60);
    setup.trade(-20_000, 10u128.pow(18));
    setup.world.warp(1);
    setup.trade(0, 10u128.pow(18));
    setup.push();
    // 20,000 ticks for one of 1,800 seconds: eleven ticks of the mean
    let pool = setup.prices().pool;
    assert!(pool > 1_997 * 10u128.pow(18), "{pool}");
    assert_eq!(setup.observe().0, 0);
}

#[test]
fn one_reference_that_is_gone_and_another_that_finds_nothing_say_nothing() {
    let setup = Setup::new();
    setup.run(60);
    let before = setup.series();
    setup.pool.broken.set(true);
    setup.run(100);
    assert_eq!(setup.series(), before, "no sample");
    assert!(!setup.healthy());
    // both gone, whatever the feed says
    setup.second.state.broken.set(true);
    setup.say(500_000, 200_000);
    setup.run(100);
    assert_eq!((setup.series(), setup.count()), (before, 0));
    // the second feed alone finds something
    setup.second.state.broken.set(false);
    setup.run(100);
    assert_eq!((setup.count(), setup.incident(1).0), (1, INCONCLUSIVE));
}

#[test]
fn a_stale_second_feed_is_no_reference() {
    let setup = Setup::new();
    setup.run(60);
    for step in 1..=7 {
        setup.world.warp(10 * MINUTE);
        setup.feed.push(2_000 * 10i128.pow(8), setup.world.now());
        assert_eq!(setup.healthy(), step <= 6, "{step}");
    }
    assert_eq!(setup.prices().secondFeed, 0);
}

#[test]
fn no_sample_is_taken_while_the_sequencer_is_not_up() {
    let setup = Setup::new();
    setup.run(60);
    let before = setup.series();
    setup.say(300_000, 200_000);
    setup.uptime.down.set(true);
    setup.run(100);
    setup.uptime.down.set(false);
    setup.uptime.started_at.set(setup.world.now());
    setup.run(60); // its grace
    setup.uptime.started_at.set(0);
    setup.run(10);
    assert_eq!((setup.series(), setup.count()), (before, 0));
    assert!(!setup.healthy());
    setup.uptime.started_at.set(setup.world.now() - 2 * HOUR);
    setup.run(70);
    assert_eq!(setup.count(), 1);
}

#[test]
fn a_recovery_is_no_matter_of_one_reference() {
    let setup = Setup::new();
    setup.run(60);
    setup.say(240_000, 200_000);
    setup.run(80);
    assert_eq!(setup.incident(1).0, CONFIRMED);
    // the second feed joins the wrong one: the pool still says otherwise
    setup.say(240_000, 240_000);
    setup.run(400);
    assert_eq!(setup.incident(1).2, 0);
}

// —————————————————————————————————————————————————————————————————————————————————————————————————— housekeeping

#[test]
fn samples_that_find_nothing_are_kept_once_in_an_eighth_of_the_gap() {
    let setup = Setup::new();
    setup.observe();
    let first = setup.series();
    assert_eq!(first.0, 1);
    setup.world.warp(112);
    setup.observe();
    assert_eq!(setup.series(), first);
    setup.world.warp(1);
    setup.observe();
    assert_eq!(setup.series().0, 2);
    // what finds something is kept at once
    setup.world.warp(1);
    setup.say(300_000, 200_000);
    setup.push();
    setup.observe();
    assert_eq!(setup.series().0, 3);
    // and only once in a second
    setup.observe();
    assert_eq!(setup.series().0, 3);
}

#[test]
fn healthy_asks_for_half_of_d() {
    let setup = Setup::new();
    for (feed, second, tick, healthy) in [
        (204_900, 200_000, 0, true),
        (205_100, 200_000, 0, false),
        (200_000, 204_900, 0, true),
        (200_000, 205_200, 0, false),
        (200_000, 200_000, -FIFTIETH, true),
        (200_000, 200_000, -2 * FIFTIETH, false),
    ] {
        setup.world.warp(10 * MINUTE);
        setup.trade(tick, 10u128.pow(18));
        setup.say(feed, second);
        setup.world.warp(30 * MINUTE);
        setup.push();
        assert_eq!(setup.healthy(), healthy, "{feed} {second} {tick}");
        assert_eq!(setup.enter().0, healthy);
        setup.trade(0, 10u128.pow(18));
    }
    assert_eq!(setup.count(), 0);
}

#[test]
fn the_cursor_and_the_cumulative_views_tell_where_the_series_stands() {
    let setup = Setup::new();
    setup.run(60);
    let call = IOracleTrigger::cursorOfCall { subject: SUBJECT };
    assert_eq!(setup.world.read(setup.trigger, call).to::<u128>(), setup.feed.state.latest.get());
    setup.say(240_000, 200_000);
    setup.run(200);
    let worst =
        setup.world.read(setup.trigger, ISeriesTrigger::worstWindowCall { subject: SUBJECT, number: U256::ONE });
    let call = ISeriesTrigger::windowLossCall { subject: SUBJECT, start: worst.start };
    let window = setup.world.read(setup.trigger, call);
    assert_eq!((window.known, window.lossBps), (true, worst.lossBps));
    assert_eq!(worst.comparedUntil, setup.world.now());
}

#[test]
fn every_function_is_there_and_no_two_share_a_selector() {
    let world = World::new();
    let mut all: Vec<[u8; 4]> = ITrigger::ITriggerCalls::selectors()
        .chain(ISeriesTrigger::ISeriesTriggerCalls::selectors())
        .chain(IOracleTrigger::IOracleTriggerCalls::selectors())
        .chain(IOwned::IOwnedCalls::selectors())
        .collect();
    for selector in &all {
        assert!(world.routes::<OracleTrigger>(*selector), "{selector:02x?} is missing");
    }
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn ownership_is_as_everywhere() {
    let setup = Setup::new();
    let (world, trigger) = (&setup.world, setup.trigger);
    world.send(setup.owner, trigger, IOwned::setGuardianCall { newGuardian: setup.anyone }).unwrap();
    assert_eq!(world.read(trigger, IOwned::guardianCall {}), setup.anyone);
    world.send(setup.owner, trigger, IOwned::transferOwnershipCall { newOwner: setup.anyone }).unwrap();
    assert_eq!(world.read(trigger, IOwned::pendingOwnerCall {}), setup.anyone);
    world.send(setup.anyone, trigger, IOwned::acceptOwnershipCall {}).unwrap();
    assert_eq!(world.read(trigger, IOwned::ownerCall {}), setup.anyone);
    assert_eq!(world.read(trigger, IOwned::setupCall {}), Address::ZERO);
    world.refused(setup.anyone, trigger, IOwned::finishSetupCall {}).expect::<OwnableUnauthorizedAccount>();
    assert_eq!(world.read(trigger, ISeriesTrigger::shortestCall {}), 60);
    assert_eq!(world.read(trigger, ISeriesTrigger::sequencerFeedCall {}), world.address("uptime"));
}

#[test]
fn a_sound_round_of_the_second_of_a_sample_is_read_by_the_next_one() {
    let setup = Setup::new();
    setup.run(10);
    setup.say(180_000, 200_000);
    setup.run(60);
    assert_eq!(setup.count(), 0);
    // In the second of the last sample the feed is right for one round, and somebody observes once more.
    setup.say(200_000, 200_000);
    setup.push();
    setup.observe();
    setup.say(180_000, 200_000);
    setup.run(10);
    assert_eq!(setup.count(), 0, "it was not wrong all the time");
    setup.run(50);
    assert_eq!(setup.count(), 0);
    setup.run(10);
    assert_eq!(setup.count(), 1);
}

// ———————————————————————————————————————————————————————————————————————————————————————— against a small model

/// Ten minutes: what both feeds say, the pool's tick above the one at 2,000, whether it is empty, whether the second feed
/// answers.
#[derive(Clone, Copy, Debug)]
struct Step {
    feed: i128,
    second: i128,
    tick: i64,
    empty: bool,
    answers: bool,
}

/// What a sample finds: how much is lost where the feed is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Found {
    Nothing,
    Sound,
    Doubt,
    Wrong(f64),
}

/// What the steps up to `last` say at its end, by the definitions of the interface in floating point.
fn find(steps: &[Step], last: usize) -> Found {
    const D: f64 = 0.05;
    let step = steps[last];
    let deviation = |price: f64, truth: f64| (price - truth).abs() / truth;
    let feed = step.feed as f64 / 100.0;
    let second = step.answers.then_some(step.second as f64 / 100.0);
    // the mean of the last half an hour; before the first step the tick was that at 2,000
    let span: Vec<Step> = (0..3).filter_map(|back| steps.get(last.checked_sub(back)?).copied()).collect();
    let ticks: i64 = span.iter().map(|step| step.tick).sum();
    let mean = (3 * TICK + ticks).div_euclid(3);
    let pool = (!span.iter().any(|step| step.empty)).then(|| 1.0001f64.powf(mean as f64) * 1e12);
    match (second, pool) {
        (Some(second), Some(pool)) => {
            let off = [second, pool].map(|truth| deviation(feed, truth));
            if off.iter().all(|off| *off <= D) {
                Found::Sound
            } else if off.iter().all(|off| *off > D) && deviation(second.max(pool), second.min(pool)) <= D / 2.0 {
                Found::Wrong((off[0].min(off[1]) - D).min(0.5))
            } else {
                Found::Doubt
            }
        }
        (Some(truth), None) | (None, Some(truth)) if deviation(feed, truth) > D => Found::Doubt,
        _ => Found::Nothing,
    }
}

/// Incidents as the model has them: verdict, and opening and closing in steps.
fn model(steps: &[Step]) -> Vec<(u8, usize, usize)> {
    let found: Vec<Found> = (0..steps.len()).map(|last| find(steps, last)).collect();
    let mut incidents: Vec<(u8, usize, usize)> = Vec::new();
    // when the time without a gap began in which it was wrong, sound, or odd
    let (mut wrong_since, mut sound_since, mut odd_since) = (None, None, None);
    let (mut sound_at, mut first) = (0, true);
    for (now, this) in found.iter().enumerate() {
        if *this == Found::Nothing {
            // the next sample comes after more than the gap
            (wrong_since, sound_since, odd_since) = (None, None, None);
            continue;
        }
        if first {
            (first, sound_at) = (false, now);
        }
        let since = |since: &mut Option<usize>, holds: bool| {
            *since = if holds { Some(since.unwrap_or(now)) } else { None };
            since.map_or(0, |since| now - since)
        };
        let is_wrong = matches!(this, Found::Wrong(_));
        let wrong_for = since(&mut wrong_since, is_wrong);
        let sound_for = since(&mut sound_since, *this == Found::Sound);
        let odd_for = since(&mut odd_since, *this != Found::Sound);
        let newest = incidents.last_mut().filter(|incident| incident.2 == 0);
        match newest {
            Some((CONFIRMED, _, closed)) if sound_for >= 12 => *closed = now,
            Some(latent) if latent.0 == INCONCLUSIVE && wrong_for >= 6 => latent.0 = CONFIRMED,
            Some(latent) if latent.0 == INCONCLUSIVE && *this == Found::Sound => (latent.0, latent.2) = (NOT_MET, now),
            Some(_) => {}
            None if wrong_for >= 6 => incidents.push((CONFIRMED, sound_at, 0)),
            None if odd_for >= 6 => incidents.push((INCONCLUSIVE, sound_at, 0)),
            None => {}
        }
        if *this == Found::Sound {
            sound_at = now;
        }
    }
    incidents
}

fn some_steps() -> impl Strategy<Value = Vec<Step>> {
    let feed = prop_oneof![4 => Just(200_000), 1 => Just(150_000), 1 => Just(260_000), 1 => Just(0)];
    let second = prop_oneof![3 => Just(200_000), 1 => Just(150_000), 1 => Just(206_200)];
    // three quarters of the price, and three percent more
    let tick = prop_oneof![3 => Just(0), 1 => Just(-2_877), 1 => Just(300)];
    let rare = || prop_oneof![9 => Just(false), 1 => Just(true)];
    let regime = (feed, second, tick, rare(), rare(), 1..15usize);
    let steps = |(feed, second, tick, empty, silent, length): (i128, i128, i64, bool, bool, usize)| {
        vec![Step { feed, second, tick, empty, answers: !silent }; length]
    };
    proptest::collection::vec(regime.prop_map(steps), 1..9).prop_map(|regimes| regimes.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn verdicts_are_those_of_a_small_model(steps in some_steps()) {
        let setup = Setup::new();
        for step in &steps {
            setup.trade(step.tick, if step.empty { 0 } else { 10u128.pow(18) });
            setup.say(step.feed, step.second);
            setup.world.warp(10 * MINUTE);
            setup.push();
            setup.second.state.broken.set(!step.answers);
            setup.observe();
        }
        let expected = model(&steps);
        prop_assert_eq!(setup.count(), expected.len() as u64);
        let minutes = |step: usize| (step as u64 + 1) * 10 * MINUTE;
        for (number, (verdict, opened, closed)) in expected.into_iter().enumerate() {
            let told = setup.incident(number as u64 + 1);
            let closed = if closed == 0 { 0 } else { minutes(closed) };
            prop_assert_eq!((told.0, told.1, told.2), (verdict, minutes(opened), closed), "{}", number + 1);
            // no more is lost than the worst sample says, and nothing where nothing is proven
            let worst = (0..steps.len()).map(|last| match find(&steps, last) {
                Found::Wrong(lost) => lost,
                _ => 0.0,
            });
            let worst = worst.fold(0.0, f64::max) * 10_000.0;
            prop_assert!(f64::from(told.3) <= worst + 1e-6, "{} of {}", told.3, worst);
            prop_assert_eq!(told.3 > 0, verdict == CONFIRMED);
            let loss = setup.loss(0, 10 * steps.len() as u64, number as u64 + 1);
            prop_assert_eq!(loss, (verdict, told.3));
        }
    }
}
