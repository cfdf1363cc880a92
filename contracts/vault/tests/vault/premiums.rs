//! Premiums, fees and credits, and bringing the books forward.

use alloy_primitives::{Address, U256};
use proptest::prelude::*;
use protocol::abi::{
    IERC20, IERC4626, IOwned,
    IOwned::{ParameterOutOfBounds, UnauthorizedCaller},
    IVault,
};
use standards::errors::MathOverflow;
use vault::premiums::name;

use crate::scene::{M, SHARES, Scene, Settings, WEEK, near, u};

#[test]
fn a_premium_is_unearned_at_first_and_earned_over_the_weeks_of_its_cover() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    scene.sell(4 * M, 0, 4 * WEEK);
    // A purchase moves nothing, but for the unit that U is rounded up by.
    near(scene.total_assets(), u(10 * M), 1);
    let solvency = scene.solvency();
    near(solvency.unearned, u(4 * M), 1);
    assert_eq!((solvency.cash, solvency.assets), (u(14 * M), u(14 * M) - solvency.unearned));
    scene.world.warp(WEEK);
    near(scene.total_assets(), u(10 * M), 1);
    for quarter in 1..=8u64 {
        scene.world.warp(WEEK / 2);
        near(scene.total_assets(), u(10 * M + quarter * M / 2), 1);
    }
    scene.weeks(10);
    assert_eq!(scene.total_assets(), u(14 * M), "all of it, to the unit");
    assert_eq!(scene.solvency().unearned, U256::ZERO);
}

/// Second by second over weeks of ten seconds: purchases, expiries and edges never move the price by more than time does.
#[test]
fn the_price_never_jumps() {
    let scene = Scene::with(Settings { week: 10, cooldown: 5, patience: 5, ..Settings::default() });
    scene.deposit(scene.alice, 100 * M);
    let mut before = scene.total_assets();
    let mut most = U256::ZERO;
    for second in 0..200u64 {
        if second < 120 && second % 7 == 0 {
            let net = 1_000_000 + second * 12_345;
            scene.sell(net, second % 13, 1 + second % 31);
            near(scene.total_assets(), before, 1);
            most += u(net) / u(10u64) + u(1u64); // the fastest that one can be earned: in one week
        }
        if second % 3 == 0 {
            // Whether the books are brought forward makes no difference.
            let here = scene.total_assets();
            scene.done(scene.bob, IVault::catchUpCall { edges: u(9u64) });
            assert_eq!(scene.total_assets(), here);
        }
        scene.world.warp(1);
        let after = scene.total_assets();
        assert!(after + u(1u64) >= before && after <= before + most, "{before} to {after}");
        before = after;
    }
    assert_eq!(scene.solvency().unearned, U256::ZERO);
}

#[derive(Clone, Debug)]
enum Event {
    Buy { net: u64, waiting: u64, term: u64 },
    Cancel { policy: usize, remaining: u64 },
    Extend { policy: usize, added: u64, longer: u64 },
    Donate(u64),
    Deposit(u64),
    Request(u64),
    TakeBack,
    Serve { reserve: u64, minimum: u64 },
    CatchUp,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1u64..M, 0u64..25, 1u64..60).prop_map(|(net, waiting, term)| Event::Buy { net, waiting, term }),
        2 => (any::<usize>(), 0u64..=1_000).prop_map(|(policy, remaining)| Event::Cancel { policy, remaining }),
        2 => (any::<usize>(), 0u64..M, 1u64..60)
            .prop_map(|(policy, added, longer)| Event::Extend { policy, added, longer }),
        1 => (1u64..M).prop_map(Event::Donate),
        2 => (1u64..M).prop_map(Event::Deposit),
        2 => (1u64..=100).prop_map(Event::Request),
        1 => Just(Event::TakeBack),
        3 => (0u64..50 * M, 0u64..90 * M).prop_map(|(reserve, minimum)| Event::Serve { reserve, minimum }),
        1 => Just(Event::CatchUp),
    ]
}

/// N and S + δ: the middle price.
fn middle_price(scene: &Scene) -> (U256, U256, IVault::Solvency) {
    let solvency = scene.solvency();
    let worth = solvency.assets.saturating_sub(solvency.stream) + u(1u64);
    (worth, scene.read(IERC20::totalSupplyCall {}) + u(SHARES), solvency)
}

proptest! {
    #![proptest_config(ProptestConfig::default())]

    /// Second by second over weeks of ten seconds: purchases, cancels, extensions, donations, deposits, requests, services
    /// at any exit price, and edges at which cohorts close never move the price of those that stay. Time moves it by what
    /// is earned and released, which is never more than the rates that run.
    #[test]
    fn nothing_but_time_and_claims_moves_the_price(events in prop::collection::vec((0u64..8, event()), 1..60)) {
        let scene = Scene::with(Settings { week: 10, cooldown: 5, patience: 0, ..Settings::default() });
        scene.deposit(scene.alice, 100 * M);
        scene.fund(scene.bob, 100 * M);
        let mut sold: Vec<(u64, u64, u64)> = vec![];
        // The most that can be earned in a second: every premium that was sold, in one week.
        let mut fastest = U256::ZERO;
        for (after, event) in events {
            for _ in 0..after {
                let (worth, shares, before) = middle_price(&scene);
                let end = scene.events::<IVault::StreamAdded>().pop().map_or(0, |event| event.end);
                let left = end.saturating_sub(scene.world.now()).max(1);
                scene.world.warp(1);
                let (later, same, _) = middle_price(&scene);
                prop_assert_eq!(same, shares);
                let most = fastest + before.stream / u(left) + u(2u64);
                prop_assert!(later >= worth && later - worth <= most, "{worth} to {later}, {most} at most");
            }
            let (worth, shares, solvency) = middle_price(&scene);
            let now = scene.world.now();
            match event.clone() {
                Event::Buy { net, waiting, term } => {
                    scene.sell(net, waiting, term);
                    sold.push((net, now + waiting, now + waiting + term));
                    fastest += u(net / 10 + 1);
                }
                Event::Cancel { policy, remaining } if !sold.is_empty() => {
                    let (net, start, end) = sold.swap_remove(policy % sold.len());
                    scene.done(scene.policy, IVault::refundCall {
                        net: u(net), start: u(start), end: u(end),
                        remaining: u(remaining), cover: u(1_000u64), shortRateBps: U256::ZERO, to: scene.carol,
                    });
                }
                Event::Extend { policy, added, longer } if !sold.is_empty() => {
                    let policy = policy % sold.len();
                    let (net, start, end) = sold[policy];
                    if now < end {
                        scene.token.mint(&scene.world, scene.vault, u(added));
                        let kept = scene.done(scene.policy, IVault::repriceCall {
                            net: u(net), start: u(start), end: u(end), addedNet: u(added), newEnd: u(end + longer),
                            treasuryFee: U256::ZERO, juryFee: U256::ZERO, referrer: Address::ZERO, referralFee: U256::ZERO,
                        });
                        sold[policy] = (kept.to(), now.max(start), end + longer);
                        fastest += u((net + added) / 10 + 1);
                    }
                }
                Event::Donate(amount) => scene.token.mint(&scene.world, scene.vault, u(amount)),
                Event::Deposit(assets) => {
                    scene.gate.reserve.set(0);
                    scene.gate.target.set(1_000 * M);
                    scene.done(scene.bob, IERC4626::depositCall { assets: u(assets), receiver: scene.bob });
                }
                Event::Request(percent) => {
                    let shares = scene.shares_of(scene.alice) * u(percent) / u(100u64);
                    if !shares.is_zero() {
                        scene.request(scene.alice, shares);
                    }
                }
                Event::TakeBack => {
                    let call = IVault::cancelRedeemRequestCall {
                        requestId: U256::ZERO, controller: scene.alice, receiver: scene.alice,
                    };
                    let _ = scene.send(scene.alice, call);
                }
                Event::Serve { reserve, minimum } => {
                    scene.gate.reserve.set(reserve);
                    scene.gate.minimum.set(minimum);
                    scene.serve();
                }
                Event::CatchUp => {
                    scene.done(scene.bob, IVault::catchUpCall { edges: u(9u64) });
                }
                Event::Cancel { .. } | Event::Extend { .. } => {}
            }
            let (later, others, _) = middle_price(&scene);
            // Cross-multiplied, within two units of the pool before and after: U's rounding, and a share's. Who enters while a stream runs
            // pays for it, so a deposit may lift the middle price by his part of it.
            let paid = if matches!(event, Event::Deposit(_)) { solvency.stream } else { U256::ZERO };
            let rounding = u(2u64) * (shares + others);
            let low = worth * others <= later * shares + rounding;
            let high = later * shares <= (worth + paid) * others + rounding;
            prop_assert!(low && high, "{event:?}: {worth} of {shares} became {later} of {others}");
        }
    }
}

/// A token of little worth has large premiums. As many as the books take may be earned together; what is more is refused at
/// its sale, since at the edge where the rates meet it would stop the pool for good.
#[test]
fn premiums_however_large_never_stop_the_books() {
    for (bits, all) in [(86, true), (98, false)] {
        let scene = Scene::new();
        scene.deposit(scene.alice, 10 * M);
        let net = U256::ONE << bits;
        let mut sold = U256::ZERO;
        for _ in 0..12 {
            scene.token.mint(&scene.world, scene.vault, net);
            let now = scene.world.now();
            let call = IVault::premiumCall { net, ..scene.premium(0, now, now + 8 * WEEK) };
            match scene.send(scene.policy, call) {
                Ok(_) => sold += net,
                Err(reverted) => {
                    reverted.expect::<MathOverflow>();
                    assert!(!all);
                    scene.token.burn(&scene.world, scene.vault, net);
                }
            }
            scene.weeks(1);
            assert!(scene.done(scene.carol, IVault::catchUpCall { edges: u(9u64) }));
        }
        assert!(sold > net && (sold == net * u(12u64)) == all, "{sold} of {net}");
        scene.weeks(9);
        assert_eq!((scene.total_assets(), scene.solvency().unearned), (u(10 * M) + sold, U256::ZERO));
    }
}

#[test]
fn only_policy_brings_premiums() {
    let scene = Scene::new();
    scene.token.mint(&scene.world, scene.vault, u(M));
    let now = scene.world.now();
    for who in [scene.alice, scene.owner, scene.setup, scene.assessor] {
        let error = scene.refused(who, scene.premium(M, now, now + WEEK)).expect::<UnauthorizedCaller>();
        assert_eq!(error.account, who);
    }
}

#[test]
fn a_premium_that_did_not_come_in_is_refused() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    let now = scene.world.now();
    scene.token.mint(&scene.world, scene.vault, u(M - 1));
    let error = scene.refused(scene.policy, scene.premium(M, now, now + WEEK)).expect::<IVault::UnexpectedBalance>();
    assert_eq!((error.expected, error.actual), (u(11 * M), u(11 * M - 1)));
}

#[test]
fn a_rebasing_token_is_noticed_at_the_next_premium() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    scene.token.burn(&scene.world, scene.vault, u(1u64));
    scene.token.mint(&scene.world, scene.vault, u(M));
    let now = scene.world.now();
    scene.refused(scene.policy, scene.premium(M, now, now + WEEK)).expect::<IVault::UnexpectedBalance>();
}

#[test]
fn cover_begins_now_or_later_and_ends_after_it_began() {
    let scene = Scene::new();
    scene.token.mint(&scene.world, scene.vault, u(M));
    let now = scene.world.now();
    let error = scene.refused(scene.policy, scene.premium(M, now - 1, now + WEEK)).expect::<ParameterOutOfBounds>();
    assert_eq!((error.parameter, error.value), (name("start"), u(now - 1)));
    let error = scene.refused(scene.policy, scene.premium(M, now, now)).expect::<IOwned::ParameterOutOfBounds>();
    assert_eq!((error.parameter, error.value), (name("end"), u(now)));
    scene.done(scene.policy, scene.premium(M, now, now + 1));
}

#[test]
fn fees_stay_apart_from_the_pool_and_are_collected_by_anyone() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    scene.token.mint(&scene.world, scene.vault, u(1_000u64));
    let now = scene.world.now();
    let premium = IVault::premiumCall {
        treasuryFee: u(70u64),
        juryFee: u(20u64),
        referrer: scene.bob,
        referralFee: u(10u64),
        ..scene.premium(900, now, now + WEEK)
    };
    scene.done(scene.policy, premium);
    let event = scene.events::<IVault::PremiumReceived>().pop().unwrap();
    assert_eq!(
        (event.net, event.treasuryFee, event.juryFee, event.referralFee),
        (u(900u64), u(70u64), u(20u64), u(10u64))
    );
    assert_eq!((event.start, event.end), (now, now + WEEK));
    let fees = scene.read(IVault::feesAccruedCall {});
    assert_eq!((fees.treasuryFee, fees.juryFee), (u(70u64), u(20u64)));
    assert_eq!(scene.read(IVault::creditOfCall { account: scene.bob }), u(10u64));
    near(scene.total_assets(), u(10 * M), 1);
    assert_eq!(scene.solvency().payables, u(10u64));

    let collected = scene.done(scene.carol, IVault::collectFeesCall {});
    assert_eq!((collected.treasuryFee, collected.juryFee), (u(70u64), u(20u64)));
    assert_eq!((scene.assets_of(scene.treasury), scene.assets_of(scene.assessor)), (u(70u64), u(20u64)));
    let events = scene.events::<IVault::FeesCollected>();
    assert_eq!(
        events.iter().map(|e| (e.account, e.amount)).collect::<Vec<_>>(),
        [(scene.treasury, u(70u64)), (scene.assessor, u(20u64))]
    );
    scene.done(scene.carol, IVault::collectFeesCall {});
    assert_eq!(scene.events::<IVault::FeesCollected>().len(), 2, "nothing twice");

    assert_eq!(scene.done(scene.bob, IVault::withdrawCreditCall { receiver: scene.carol }), u(10u64));
    assert_eq!(scene.assets_of(scene.carol), u(10u64));
    let event = scene.events::<IVault::CreditWithdrawn>().pop().unwrap();
    assert_eq!((event.account, event.receiver, event.amount), (scene.bob, scene.carol, u(10u64)));
    scene.refused(scene.bob, IVault::withdrawCreditCall { receiver: scene.bob }).expect::<IVault::ZeroAssets>();
    assert_eq!(scene.assets_of(scene.vault), u(10 * M + 900), "every unit is somebody's");
}

#[test]
fn a_referral_fee_of_nobody_is_the_treasurys() {
    let scene = Scene::new();
    scene.token.mint(&scene.world, scene.vault, u(1_000u64));
    let now = scene.world.now();
    let premium =
        IVault::premiumCall { treasuryFee: u(70u64), referralFee: u(30u64), ..scene.premium(900, now, now + WEEK) };
    scene.done(scene.policy, premium);
    assert_eq!(scene.read(IVault::feesAccruedCall {}).treasuryFee, u(100u64));
    assert_eq!(scene.read(IVault::creditOfCall { account: Address::ZERO }), U256::ZERO);
}

#[test]
fn weeks_without_cover_leave_nothing_behind() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    scene.sell(M, 0, WEEK);
    scene.weeks(1_000);
    assert_eq!(scene.total_assets(), u(11 * M));
    scene.deposit(scene.bob, 11 * M);
    assert_eq!(scene.total_assets(), u(22 * M));
}

#[test]
fn after_64_weeks_with_cover_the_books_are_caught_up_first() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    scene.sell(M, 0, 200 * WEEK);
    scene.weeks(65);
    scene.fund(scene.bob, M);
    let deposit = IERC4626::depositCall { assets: u(M), receiver: scene.bob };
    scene.refused(scene.bob, deposit.clone()).expect::<IVault::CatchUpFirst>();
    let expected = scene.total_assets();
    assert!(!scene.done(scene.carol, IVault::catchUpCall { edges: u(1u64) }));
    assert_eq!(scene.total_assets(), expected, "views need no catching up");
    assert!(scene.done(scene.carol, IVault::catchUpCall { edges: u(64u64) }));
    assert_eq!(scene.total_assets(), expected);
    scene.done(scene.bob, deposit);
}

#[test]
fn two_calls_to_catch_up_are_one() {
    let run = |pieces: &[u64]| {
        let scene = Scene::new();
        scene.deposit(scene.alice, 10 * M);
        for weeks in 1..20 {
            scene.sell(M + weeks, WEEK * weeks / 3, weeks * WEEK);
        }
        let shares = scene.shares_of(scene.alice);
        scene.request(scene.alice, shares / u(2u64));
        scene.weeks(25);
        for edges in pieces {
            scene.done(scene.carol, IVault::catchUpCall { edges: u(*edges) });
        }
        scene.serve();
        (scene.total_assets(), scene.claimable(scene.alice), scene.solvency_words())
    };
    assert_eq!(run(&[25]), run(&[1, 7, 3, 14]));
    assert_eq!(run(&[25]), run(&[]));
}

#[test]
fn a_premium_beyond_what_the_books_hold_is_refused() {
    let scene = Scene::new();
    let now = scene.world.now();
    let premium = IVault::premiumCall { net: U256::MAX, ..scene.premium(0, now, now + 1) };
    scene.refused(scene.policy, premium).expect::<standards::errors::MathOverflow>();
    let premium = IVault::premiumCall { end: U256::MAX, ..scene.premium(0, now, now + 1) };
    scene.refused(scene.policy, premium).expect::<standards::errors::MathOverflow>();
}
