//! The feed of a price over a rate, by itself and under the depeg trigger.

use alloy_primitives::{Address, B256, Bytes, I256, U256, U512};
use alloy_sol_types::{SolInterface, SolValue};
use depeg::DepegTrigger;
use proptest::prelude::*;
use protocol::{
    abi::{IDepegTrigger, IOwned::ParameterOutOfBounds, IRatioFeed, ITrigger},
    oracle::round_id,
};
use ratio::{LONGEST_HEARTBEAT, MOST_ROUNDS, RatioFeed};
use testkit::{Reverted, World, feed::Feed};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
const WAD: i128 = 1_000_000_000_000_000_000;

struct Scene {
    world: World,
    at: Address,
    market: Feed,
    rate: Feed,
    start: u64,
}

impl Scene {
    fn new(market: u8, rate: u8) -> Self {
        let world = World::new();
        let [at, market_at, rate_at] = ["ratio", "market", "rate"].map(|name| world.address(name));
        let (market, rate) = (Feed::deploy(&world, market_at, market), Feed::deploy(&world, rate_at, rate));
        let arguments = (market.at, rate.at, (DAY + HOUR) as u32).abi_encode_params();
        world.construct::<RatioFeed>(at, world.address("deployer"), arguments);
        world.warp(100 * DAY);
        let start = world.now();
        Self { world, at, market, rate, start }
    }

    fn latest(&self) -> IRatioFeed::latestRoundDataReturn {
        self.world.read(self.at, IRatioFeed::latestRoundDataCall {})
    }

    fn round(&self, id: u128) -> Result<IRatioFeed::getRoundDataReturn, Reverted> {
        self.world.try_read(self.at, IRatioFeed::getRoundDataCall { id: id.try_into().unwrap() })
    }

    fn answer(&self, id: u128) -> i128 {
        self.round(id).unwrap().answer.try_into().unwrap()
    }
}

#[test]
fn every_function_of_the_interface_is_routed() {
    let world = World::new();
    for selector in IRatioFeed::IRatioFeedCalls::selectors() {
        assert!(world.routes::<RatioFeed>(selector), "{selector:?}");
    }
}

#[test]
fn it_is_a_feed_of_two_that_answer_and_a_heartbeat() {
    let world = World::new();
    let [at, market, rate, deployer] = ["ratio", "market", "rate", "deployer"].map(|name| world.address(name));
    let build = |market: Address, rate: Address, heartbeat: u64| {
        world.try_construct::<RatioFeed>(at, deployer, (market, rate, heartbeat as u32).abi_encode_params())
    };
    build(market, rate, DAY).unwrap_err().expect::<standards::errors::AddressEmptyCode>();
    let market = Feed::deploy(&world, market, 8);
    let rate = Feed::deploy(&world, rate, 28);
    let refused = |result: Result<(), Reverted>| result.unwrap_err().expect::<ParameterOutOfBounds>();
    assert_eq!(refused(build(market.at, rate.at, DAY)).parameter, B256::right_padding_from(b"rate"));
    rate.state.decimals.set(27);
    for heartbeat in [0, LONGEST_HEARTBEAT + 1] {
        let error = refused(build(market.at, rate.at, heartbeat));
        assert_eq!((error.parameter, error.value), (B256::right_padding_from(b"rateHeartbeat"), U256::from(heartbeat)));
    }
    build(market.at, rate.at, LONGEST_HEARTBEAT).unwrap();
    let read = |call| world.read(at, call);
    assert_eq!(read(IRatioFeed::decimalsCall {}), 18);
    assert_eq!(world.read(at, IRatioFeed::marketCall {}), market.at);
    assert_eq!(world.read(at, IRatioFeed::rateCall {}), rate.at);
    assert_eq!(u64::from(world.read(at, IRatioFeed::rateHeartbeatCall {})), LONGEST_HEARTBEAT);
    assert_eq!(world.read(at, IRatioFeed::versionCall {}), U256::ONE);
    assert!(!world.read(at, IRatioFeed::descriptionCall {}).is_empty());
}

#[test]
fn a_round_keeps_its_id_and_time_and_is_divided_by_the_rate_of_its_time() {
    let scene = Scene::new(8, 18);
    let Scene { market, rate, start, world, .. } = &scene;
    rate.push(WAD, *start);
    rate.push(WAD * 11 / 10, start + DAY);
    let before = market.push(100_000_000, start + DAY - 1);
    let at = market.push(110_000_000, start + DAY);
    let after = market.push(99_000_000, start + DAY + HOUR);
    world.warp(2 * DAY);
    assert_eq!([before, at, after].map(|id| scene.answer(id)), [WAD, WAD, WAD * 9 / 10]);
    let latest = scene.latest();
    assert_eq!(latest.roundId.to::<u128>(), after);
    assert_eq!((latest.updatedAt, latest.startedAt), (U256::from(start + DAY + HOUR), U256::from(start + DAY + HOUR)));
    assert_eq!(latest.answeredInRound, latest.roundId);
    assert_eq!(latest.answer.try_into(), Ok(WAD * 9 / 10));
    // rounds to come change none that are there
    rate.push(WAD * 2, start + 2 * DAY);
    assert_eq!(scene.answer(after), WAD * 9 / 10);
}

#[test]
fn without_a_rate_there_is_no_price_and_without_the_market_no_round() {
    let scene = Scene::new(8, 18);
    let Scene { market, rate, start, world, .. } = &scene;
    let first = market.push(100_000_000, start - 1);
    assert!(scene.round(first).is_err(), "a rate that tells nothing");
    rate.push(WAD, *start);
    assert_eq!(scene.answer(first), 0, "before the first rate");
    let fresh = market.push(100_000_000, start + DAY + HOUR);
    let stale = market.push(100_000_000, start + DAY + HOUR + 1);
    world.warp(3 * DAY);
    assert_eq!((scene.answer(fresh), scene.answer(stale)), (WAD, 0), "the rate's heartbeat");
    for nonsense in [0, -WAD] {
        rate.push(nonsense, start + 2 * DAY);
        let id = market.push(100_000_000, start + 2 * DAY + 1);
        assert_eq!(scene.answer(id), 0, "a rate of {nonsense}");
    }
    // what is no price of the market's is passed on as it is
    let negative = market.push(-5, start + 2 * DAY + 2);
    assert_eq!(scene.answer(negative), -5);
    // silence is no answer: who starves the rate of gas hides no round
    rate.state.broken.set(true);
    assert!(scene.round(fresh).is_err());
    rate.state.broken.set(false);
    assert!(scene.round(round_id(1, 99)).is_err());
    market.state.broken.set(true);
    assert!(scene.round(fresh).is_err());
}

#[test]
fn the_rate_of_a_round_is_found_among_the_newest_of_its_phase() {
    let scene = Scene::new(18, 18);
    let Scene { market, rate, start, world, .. } = &scene;
    let id = market.push(WAD, *start);
    rate.push(WAD * 2, *start);
    for round in 1..MOST_ROUNDS as u64 {
        rate.push(WAD * 3, start + round * HOUR);
    }
    world.warp(10 * DAY);
    assert_eq!(scene.answer(id), WAD / 2, "the last of those that are looked through");
    rate.push(WAD * 3, start + 40 * HOUR);
    assert_eq!(scene.answer(id), 0);
    // a new phase hides those before it
    let scene = Scene::new(18, 18);
    scene.rate.push(WAD, scene.start);
    let id = scene.market.push(WAD, scene.start + 1);
    scene.rate.start_phase(2);
    scene.rate.push(WAD, scene.start + 2);
    scene.world.warp(DAY);
    assert_eq!(scene.answer(id), 0);
}

#[test]
fn a_staking_token_that_trades_below_its_rate_is_a_depeg_and_one_whose_rate_grows_is_none() {
    let scene = Scene::new(18, 18);
    let Scene { market, rate, world, .. } = &scene;
    let (trigger, owner) = (world.address("depeg"), world.address("owner"));
    let push = |price: i128, worth: i128| {
        rate.push(worth, world.now());
        market.push(price, world.now());
    };
    push(WAD, WAD);
    world.construct::<DepegTrigger>(
        trigger,
        owner,
        (owner, Address::ZERO, Address::ZERO, HOUR as u32).abi_encode_params(),
    );
    let subject = B256::right_padding_from(b"LST");
    let config = IDepegTrigger::Subject {
        feed: scene.at,
        triggerPrice: 970_000_000_000_000_000,
        recoveryPrice: 990_000_000_000_000_000,
        duration: (6 * HOUR) as u32,
        recovery: DAY as u32,
        window: (6 * HOUR) as u32,
        heartbeat: (2 * HOUR) as u32,
        floorPrice: 0,
    };
    world.send(owner, trigger, IDepegTrigger::registerCall { subject, config }).unwrap();
    let observe = || {
        let call = ITrigger::observeCall { subject, evidence: Bytes::new() };
        world.send(owner, trigger, call).unwrap()
    };
    // it earns a tenth, and the market follows a little behind: no depeg
    for hour in 1..=48 {
        world.warp(HOUR);
        let worth = WAD + WAD / 10 * hour / 48;
        push(worth * 995 / 1_000, worth);
        assert_eq!(observe().number, U256::ZERO, "{hour}");
    }
    // the market pays what it paid at the beginning, a tenth less than it is redeemed at
    for _ in 0..8 {
        world.warp(HOUR);
        push(WAD * 99 / 100, WAD * 11 / 10);
        observe();
    }
    let told = observe();
    assert_eq!((told.number, told.latest.verdict as u8, told.latest.worstBps), (U256::ONE, 2, 1_000));
}

/// A price of 200,000 in 27 decimals, over a rate of one in as many: 277 bits on the way.
#[test]
fn prices_and_rates_of_27_decimals_are_divided_whole() {
    let scene = Scene::new(27, 27);
    let ray = 1_000_000_000 * WAD;
    scene.rate.push(ray, scene.start);
    let id = scene.market.push(200_000 * ray, scene.start);
    assert_eq!(scene.answer(id), 200_000 * WAD);
}

proptest! {
    #[test]
    fn it_is_the_quotient_of_both_prices_rounded_up(
        price in 1i128..i128::MAX, worth in 1i128..i128::MAX, above in 0u8..=27, below in 0u8..=27,
    ) {
        let scene = Scene::new(above, below);
        scene.rate.push(worth, scene.start);
        let id = scene.market.push(price, scene.start);
        let answer = U512::from(scene.round(id).unwrap().answer.into_raw());
        let ten = |power: u8| U512::from(10).pow(U512::from(power));
        let (dividend, divisor) = (U512::from(price) * ten(below + 18), U512::from(worth) * ten(above));
        let quotient = dividend.div_ceil(divisor);
        prop_assert_eq!(answer, quotient.min(U512::from(I256::MAX.into_raw())));
    }
}
