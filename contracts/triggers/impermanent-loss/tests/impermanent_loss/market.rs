//! Subjects, prices and variance, against every state of their sources.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::{SolInterface, SolValue};
use impermanent_loss::ImpermanentLoss;
use protocol::abi::{
    IImpermanentLossTrigger::{
        self, InvalidEvidence, NoPrice, SubjectExists, SubjectRegistered, UnknownIncident, UnknownSubject,
        VarianceSampled, WrongMarket,
    },
    IOwned, ITrigger, IVarianceSource, ParameterOutOfBounds,
};
use standards::errors::OwnableUnauthorizedAccount;

use crate::common::*;

type Subject = IImpermanentLossTrigger::Subject;

/// A parameter's name, and what puts it out of its bounds.
type Change = (&'static str, fn(&mut Subject));

/// A fault's name, and what brings it about.
type Fault<'a> = (&'a str, &'a dyn Fn(&Setup));

#[test]
fn every_function_of_the_interface_is_routed_and_no_other() {
    let mut selectors: Vec<[u8; 4]> = IImpermanentLossTrigger::IImpermanentLossTriggerCalls::selectors().collect();
    selectors.extend(ITrigger::ITriggerCalls::selectors());
    selectors.extend(IVarianceSource::IVarianceSourceCalls::selectors());
    selectors.extend(IOwned::IOwnedCalls::selectors());
    let setup = Setup::empty([18, 18]);
    for selector in &selectors {
        assert!(setup.world.routes::<ImpermanentLoss>(*selector), "0x{}", alloy_primitives::hex::encode(selector));
    }
    assert_eq!(selectors.len(), 9 + 7 + 1 + 8);
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————— registration

#[test]
fn a_subject_is_registered_once_by_the_owner_and_told_again() {
    let setup = Setup::empty([18, 18]);
    let call = IImpermanentLossTrigger::registerCall { subject: PAIR, config: setup.config(true) };
    setup.world.refused(setup.bob, setup.trigger, call).expect::<OwnableUnauthorizedAccount>();
    assert!(!setup.healthy(PAIR));
    setup.register_both();
    setup.register(PAIR, setup.config(true)).unwrap_err().expect::<SubjectExists>();
    assert_eq!(setup.world.events::<SubjectRegistered>(setup.trigger).len(), 2);
    for (subject, pair) in [(PAIR, true), (NFT, false)] {
        let told = setup.world.read(setup.trigger, IImpermanentLossTrigger::subjectOfCall { subject });
        assert_eq!(told.abi_encode(), setup.config(pair).abi_encode());
        assert!(setup.healthy(subject));
        assert_eq!(setup.world.read(setup.trigger, ITrigger::incidentsCall { subject }), U256::ZERO);
        let call = ITrigger::incidentCall { subject, number: U256::from(1) };
        setup.world.try_read(setup.trigger, call).err().unwrap().expect::<UnknownIncident>();
    }
}

#[test]
fn every_number_of_a_subject_has_bounds() {
    let setup = Setup::empty([18, 18]);
    let cases: [Change; 20] = [
        ("heartbeat", |c| c.heartbeat = 599),
        ("heartbeat", |c| c.heartbeat = 31 * DAY as u32),
        ("window", |c| c.window = 599),
        ("window", |c| c.window = 31 * DAY as u32),
        ("reach", |c| c.reach = 599),
        ("reach", |c| c.reach = 31 * DAY as u32),
        ("minLiquidity", |c| c.minLiquidity = 0),
        ("minCardinality", |c| c.minCardinality = 1),
        ("deviationBps", |c| c.deviationBps = 0),
        ("deviationBps", |c| c.deviationBps = 501),
        ("rangeFactorBps", |c| c.rangeFactorBps = 9_999),
        ("rangeFactorBps", |c| c.rangeFactorBps = 0),
        ("halfLife", |c| c.halfLife = 599),
        ("halfLife", |c| c.halfLife = 366 * DAY as u32),
        ("varianceFloor", |c| c.varianceFloor = 0),
        ("varianceFloor", |c| c.varianceFloor = 99_999_999_999_999),
        ("assetDecimals", |c| c.assetDecimals = 28),
        ("assetDecimals", |c| c.assetDecimals = 255),
        ("window", |c| c.window = 0),
        ("heartbeat", |c| c.heartbeat = 0),
    ];
    for (name, change) in cases {
        let mut config = setup.config(true);
        change(&mut config);
        let error = setup.register(PAIR, config).unwrap_err().expect::<ParameterOutOfBounds>();
        assert_eq!(String::from_utf8_lossy(error.parameter.as_slice()).trim_end_matches('\0'), name);
    }
    setup.register(B256::ZERO, setup.config(true)).unwrap_err().expect::<ParameterOutOfBounds>();
}

#[test]
fn pool_venue_and_quote_must_belong_together() {
    let other = Address::repeat_byte(9);
    let refused = |pair: bool, change: &dyn Fn(&Setup, &mut Subject)| {
        let setup = Setup::empty([18, 18]);
        let mut config = setup.config(pair);
        change(&setup, &mut config);
        setup.register(PAIR, config).unwrap_err().expect::<WrongMarket>();
    };
    refused(true, &|_, config| config.quote = other);
    refused(true, &|_, config| config.pool = other);
    refused(true, &|setup, config| config.pool = setup.world.address("pair"));
    refused(true, &|_, config| config.venue = other);
    refused(true, &|setup, _| setup.state.borrow_mut().known_pool = other);
    refused(true, &|setup, _| setup.state.borrow_mut().known_pair = other);
    refused(false, &|_, config| config.venue = other);
    refused(false, &|setup, _| setup.state.borrow_mut().manager_factory = other);
    // a pair that is said to be a manager, and the other way round
    refused(true, &|setup, config| config.venue = setup.world.address("manager"));
}

#[test]
fn a_subject_needs_a_price_and_a_pool_that_remembers() {
    let cases: [fn(&Setup); 8] = [
        |s| s.state.borrow_mut().cardinality = 9,
        |s| s.state.borrow_mut().history[0].0 = s.world.now() - WINDOW - REACH + 1,
        |s| s.state.borrow_mut().history[0].2 = ONE / 2,
        |s| s.state.borrow_mut().feed_decimals = 28,
        |s| s.world.warp(DAY + 1),
        |s| s.state.borrow_mut().rounds[0].0 = 102_000_000,
        |s| s.state.borrow_mut().sequencer.0 = 1,
        |s| s.state.borrow_mut().rounds[0].0 = 0,
    ];
    for (index, change) in cases.into_iter().enumerate() {
        let setup = Setup::empty([18, 18]);
        change(&setup);
        let refused = setup.register(PAIR, setup.config(true));
        assert!(refused.err().is_some_and(|error| error.is::<NoPrice>()), "{index}");
    }
    // exactly what is needed is enough
    let setup = Setup::empty([18, 18]);
    setup.state.borrow_mut().cardinality = 10;
    setup.state.borrow_mut().history[0] = (setup.world.now() - WINDOW - REACH, 0, 2 * ONE);
    setup.register(PAIR, setup.config(true)).unwrap();
}

// —————————————————————————————————————————————————————————————————————————————————————————————— state of the sources

#[test]
fn a_source_that_is_not_sound_stops_sales() {
    let now = |s: &Setup| s.world.now();
    let cases: [Fault<'_>; 11] = [
        ("stale", &|s| s.world.warp(DAY + 1)),
        ("negative", &|s| s.state.borrow_mut().rounds.push((-100_000_000, now(s)))),
        ("zero", &|s| s.state.borrow_mut().rounds.push((0, now(s)))),
        ("future", &|s| s.state.borrow_mut().rounds.push((100_000_000, now(s) + 1))),
        ("incomplete", &|s| s.state.borrow_mut().rounds.push((100_000_000, 0))),
        ("sequencer down", &|s| s.state.borrow_mut().sequencer.0 = 1),
        ("within grace", &|s| s.state.borrow_mut().sequencer.1 = now(s) - 3_600),
        ("startedAt 0", &|s| s.state.borrow_mut().sequencer.1 = 0),
        ("disagrees", &|s| s.state.borrow_mut().rounds.push((101_100_000, now(s)))),
        ("thin", &|s| {
            s.pool_price(1_000_000, 1);
            s.world.warp(WINDOW);
        }),
        ("reverts", &|s| s.state.borrow_mut().broken = true),
    ];
    for (name, change) in cases {
        let setup = Setup::new();
        change(&setup);
        assert!(!setup.healthy(PAIR), "{name}");
        let entered = setup.enter(PAIR, setup.alice, U256::from(1));
        assert!(!entered.healthy && entered.interest.is_zero() && entered.size.is_zero(), "{name}");
        setup.observe(PAIR, vec![]).unwrap_err().expect::<NoPrice>();
    }
    // exactly at the heartbeat, just after grace, and nearly at the deviation
    let setup = Setup::new();
    setup.world.warp(DAY);
    assert!(setup.healthy(PAIR));
    setup.state.borrow_mut().sequencer.1 = setup.world.now() - 3_601;
    setup.state.borrow_mut().rounds.push((100_990_000, setup.world.now()));
    assert!(setup.healthy(PAIR));
}

#[test]
fn a_moment_has_one_price_and_only_once_it_is_past() {
    let setup = Setup::new();
    let now = setup.world.now();
    for at in [now, now + 1, u64::MAX] {
        let refused = setup.store(PAIR, at, 0).unwrap_err().expect::<NoPrice>();
        assert_eq!((refused.subject, refused.at), (PAIR, at));
    }
    setup.hold(HOUR);
    setup.price(2_000_000);
    setup.store(PAIR, now, 0).unwrap_err().expect::<NoPrice>();
    setup.store(PAIR, now, FIRST_ROUND).unwrap();
    let read = |at: u64| setup.world.read(setup.trigger, IImpermanentLossTrigger::priceAtCall { subject: PAIR, at });
    let stored = read(now);
    assert_eq!((stored.poolPrice, stored.feedPrice), (U256::from(1) << 96, U256::from(1) << 96));
    assert!(read(now - 1).poolPrice.is_zero());
    // anything is as good as nothing now
    setup.store(PAIR, now, 12).unwrap();
    assert_eq!(read(now).poolPrice, stored.poolPrice);
}

#[test]
fn evidence_is_a_moment_and_a_round() {
    let setup = Setup::new();
    let (one, wide) = (U256::from(1), U256::from(1) << 80);
    for evidence in [
        vec![0],
        vec![0; 32],
        vec![0; 65],
        vec![0; 128],
        vec![0xff; 64],
        (one, U256::MAX).abi_encode(),
        (one, wide).abi_encode(),
        (one, one, wide).abi_encode(),
        (one << 64, one).abi_encode(),
    ] {
        setup.observe(PAIR, evidence).unwrap_err().expect::<InvalidEvidence>();
    }
    setup.observe(B256::repeat_byte(9), vec![]).unwrap_err().expect::<UnknownSubject>();
}

/// Phase 3 of the feed begins with a round of long ago, one of a minute ago and one of now; phase 1 has ended, and of
/// phase 2 there is nothing. Answers with the moment that the last round of phase 1 held, and with its id.
fn with_a_new_phase(setup: &Setup) -> (u64, u128) {
    let held = FIRST_ROUND + setup.state.borrow().rounds.len() as u128 - 1;
    setup.world.warp(HOUR);
    let (at, now) = (setup.world.now() - 60, setup.world.now());
    for (index, time) in [now - DAY, at, now].into_iter().enumerate() {
        setup.state.borrow_mut().later.insert((3 << 64) + 1 + index as u128, (100_000_000, time));
    }
    (at, held)
}

#[test]
fn the_last_round_of_a_phase_holds_until_the_first_newer_one_of_the_next() {
    let setup = Setup::new();
    let (switched, held) = with_a_new_phase(&setup);
    let at = switched - 1;
    setup.store(PAIR, at, held).unwrap_err().expect::<NoPrice>();
    let entrance = (3 << 64) + 2;
    for (round, next) in [
        (held, entrance - 1),     // older than the last price
        (held, entrance + 1),     // there is one before it that is newer
        (held, 3 << 64),          // no round at all
        (held, held + 1),         // of the same phase
        (held, (4 << 64) + 1),    // there is none
        (entrance, entrance + 1), // after the moment
        (entrance - 1, entrance), // held until then in its own phase, but not within the heartbeat
    ] {
        setup.store_across(PAIR, at, round, next).unwrap_err().expect::<NoPrice>();
    }
    setup.store_across(PAIR, switched, held, entrance).unwrap_err().expect::<NoPrice>();
    setup.store_across(PAIR, at, held, entrance).unwrap();
    // from the switch on the new phase's rounds hold
    setup.store(PAIR, switched, entrance).unwrap();
}

#[test]
fn a_phase_that_is_said_to_be_over_must_be() {
    // another round in the old phase
    let setup = Setup::new();
    let (switched, held) = with_a_new_phase(&setup);
    setup.state.borrow_mut().rounds.push((100_000_000, switched - 2));
    setup.store_across(PAIR, switched - 1, held, (3 << 64) + 2).unwrap_err().expect::<NoPrice>();
    setup.store_across(PAIR, switched - 1, held + 1, (3 << 64) + 2).unwrap();

    // a phase in between
    let setup = Setup::new();
    let (switched, held) = with_a_new_phase(&setup);
    setup.state.borrow_mut().later.insert((2 << 64) + 1, (100_000_000, switched - 2));
    setup.store_across(PAIR, switched - 1, held, (3 << 64) + 2).unwrap_err().expect::<NoPrice>();
    setup.store_across(PAIR, switched - 1, (2 << 64) + 1, (3 << 64) + 2).unwrap();

    // too little gas to know that there is none
    let setup = Setup::new();
    let (switched, held) = with_a_new_phase(&setup);
    setup.world.set_gas_left(Some(399_999));
    setup.store_across(PAIR, switched - 1, held, (3 << 64) + 2).unwrap_err().expect::<NoPrice>();
    setup.world.set_gas_left(Some(400_000));
    setup.store_across(PAIR, switched - 1, held, (3 << 64) + 2).unwrap();
}

#[test]
fn a_round_without_a_price_does_not_follow_and_a_feed_that_died_later_told_enough() {
    let setup = Setup::new();
    let at = setup.world.now();
    setup.world.warp(HOUR);
    setup.state.borrow_mut().rounds.push((0, at));
    setup.store(PAIR, at, FIRST_ROUND).unwrap_err().expect::<NoPrice>();
    // the first of later that has a price proves it; the latest has none
    let now = setup.world.now();
    setup.state.borrow_mut().rounds.extend([(-1, at), (100_000_000, now), (0, now)]);
    setup.store(PAIR, at, FIRST_ROUND).unwrap();
    // one that came before the moment proves the contrary
    setup.state.borrow_mut().rounds[3].1 = at + 1;
    setup.store(PAIR, at + 1, FIRST_ROUND).unwrap_err().expect::<NoPrice>();
    setup.state.borrow_mut().rounds.push((100_000_000, now));
    setup.store(PAIR, at + 1, FIRST_ROUND + 3).unwrap();
    // more of them than one call walks over
    let setup = Setup::new();
    setup.world.warp(HOUR);
    setup.state.borrow_mut().rounds.extend([(0, at); 8]);
    setup.state.borrow_mut().rounds.push((100_000_000, setup.world.now()));
    setup.store(PAIR, at, FIRST_ROUND).unwrap_err().expect::<NoPrice>();
    setup.state.borrow_mut().rounds.remove(1);
    setup.store(PAIR, at, FIRST_ROUND).unwrap();
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————————— variance

#[test]
fn variance_begins_at_its_floor_and_follows_the_price() {
    let setup = Setup::new();
    let floor = 40_000_000_000_000_000;
    assert_eq!(setup.variance(PAIR), (floor, 65_000));
    // ten percent a day, up and down: σ² = 365 · ln(1.1)² = 3.32, of which a thirty days' half-life takes its part
    for day in 0..60 {
        setup.price(if day % 2 == 0 { 1_100_000 } else { 1_000_000 });
        setup.hold(DAY);
        setup.observe(PAIR, vec![]).unwrap();
    }
    let expected = 365.0 * 1.1f64.ln().powi(2) * 0.75 + 0.04 * 0.25;
    let (variance, factor) = setup.variance(PAIR);
    assert!((variance as f64 / 1e18 / expected - 1.0).abs() < 0.01, "{variance} is not {expected}");
    assert_eq!(factor, 65_000);
    assert_eq!(setup.world.events::<VarianceSampled>(setup.trigger).len(), 60);
    // in quiet it falls, and not below the floor
    for _ in 0..40 {
        setup.hold(30 * DAY);
        setup.observe(PAIR, vec![]).unwrap();
    }
    assert_eq!(setup.variance(PAIR).0, floor);
    // the other subject was not sampled
    assert_eq!(setup.variance(NFT).0, floor);
}

#[test]
fn a_sample_is_taken_once_in_a_window_by_observing_or_at_a_purchase() {
    let setup = Setup::new();
    let samples = || setup.world.events::<VarianceSampled>(setup.trigger).len();
    setup.price(2_000_000);
    setup.hold(WINDOW / 2);
    // pool and feed do not agree until the mean has followed
    setup.observe(PAIR, vec![]).unwrap_err().expect::<NoPrice>();
    setup.hold(WINDOW / 2 - 1);
    setup.observe(PAIR, vec![]).unwrap();
    assert_eq!(samples(), 0);
    setup.hold(1);
    setup.observe(PAIR, vec![]).unwrap();
    let after = setup.variance(PAIR).0;
    assert_eq!(samples(), 1);
    setup.hold(WINDOW - 1);
    setup.observe(PAIR, vec![]).unwrap();
    assert_eq!((samples(), setup.variance(PAIR).0), (1, after));
    setup.hold(1);
    setup.enter(PAIR, setup.alice, U256::from(1));
    assert_eq!(samples(), 2);
    assert!(setup.variance(PAIR).0 < after);
}

#[test]
fn a_wild_price_makes_the_variance_as_large_as_can_be_and_no_larger() {
    let setup = Setup::new();
    for _ in 0..3 {
        setup.price(1_000_000_000);
        setup.hold(WINDOW);
        setup.observe(PAIR, vec![]).unwrap();
        setup.price(1_000);
        setup.hold(WINDOW);
        setup.observe(PAIR, vec![]).unwrap();
    }
    assert_eq!(setup.variance(PAIR).0, u64::MAX);
}
