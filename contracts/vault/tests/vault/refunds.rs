//! Premiums that end early and premiums that go on: refund and reprice.

use alloy_primitives::{Address, U256};
use protocol::abi::{
    IERC4626,
    IOwned::{ParameterOutOfBounds, UnauthorizedCaller},
    IVault,
};
use standards::errors::MathOverflow;
use vault::premiums::name;

use crate::scene::{M, Scene, WEEK, near, u};

/// The refund of a premium sold for these times, of a policy that was never paid.
fn refund(net: u64, start: u64, end: u64, to: Address) -> IVault::refundCall {
    IVault::refundCall {
        net: u(net),
        start: u(start),
        end: u(end),
        remaining: u(M),
        cover: u(M),
        shortRateBps: U256::ZERO,
        to,
    }
}

/// A premium goes on with this added to it, all of it the pool's.
fn reprice(net: u64, start: u64, end: u64, added: u64, new_end: u64) -> IVault::repriceCall {
    IVault::repriceCall {
        net: u(net),
        start: u(start),
        end: u(end),
        addedNet: u(added),
        newEnd: u(new_end),
        treasuryFee: U256::ZERO,
        juryFee: U256::ZERO,
        referrer: Address::ZERO,
        referralFee: U256::ZERO,
    }
}

/// N: what a share is worth, times shares, before the stream is released.
fn middle(scene: &Scene) -> U256 {
    let solvency = scene.solvency();
    solvency.assets.saturating_sub(solvency.owed).saturating_sub(solvency.stream)
}

#[test]
fn a_refund_gives_back_what_cover_has_not_used() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    let start = scene.world.now();
    let end = start + 4 * WEEK;
    scene.sell(8 * M, 0, 4 * WEEK);
    scene.weeks(2);
    let before = middle(&scene);
    // Half of the cover is used; a quarter of the premium is earned, a week later.
    assert_eq!(scene.done(scene.policy, refund(8 * M, start, end, scene.bob)), u(4 * M));
    assert_eq!(scene.assets_of(scene.bob), u(4 * M));
    let event = scene.events::<IVault::PremiumRefunded>().pop().unwrap();
    assert_eq!((event.to, event.refunded, event.left), (scene.bob, u(4 * M), u(6 * M)));
    let streamed = scene.events::<IVault::StreamAdded>().pop().unwrap();
    near(streamed.amount, u(2 * M), 1);
    assert_eq!(streamed.end, scene.world.now() + 4 * WEEK);
    assert_eq!(middle(&scene), before, "the price does not move");
    let solvency = scene.solvency();
    assert_eq!((solvency.unearned, solvency.cash, solvency.stream), (U256::ZERO, u(14 * M), streamed.amount));
    assert_eq!(scene.assets_of(scene.vault), u(14 * M));
    // Afterwards nothing of it is earned any more; the stream is released.
    scene.weeks(10);
    assert_eq!((scene.solvency().stream, scene.total_assets()), (U256::ZERO, u(14 * M)));
}

#[test]
fn the_short_rate_and_what_was_paid_shorten_a_refund() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    let start = scene.world.now();
    scene.sell(1_000_003, 0, 4 * WEEK);
    scene.weeks(1);
    let call = IVault::refundCall {
        remaining: u(2u64),
        cover: u(3u64),
        shortRateBps: u(1_000u64),
        ..refund(1_000_003, start, start + 4 * WEEK, scene.bob)
    };
    // ⌊⌊⌊1,000,003 · 3 ÷ 4⌋ · 2 ÷ 3⌋ · 90 %⌋
    assert_eq!(scene.done(scene.policy, call), u(450_000u64));
    near(scene.total_assets() + scene.solvency().unearned, u(10 * M + 1_000_003 - 450_000), 1);
}

#[test]
fn before_cover_begins_all_comes_back_and_after_it_ended_nothing() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    let start = scene.world.now() + 2 * WEEK;
    let end = start + 3 * WEEK;
    scene.sell(M, 2 * WEEK, 3 * WEEK);
    scene.sell(M, 2 * WEEK, 3 * WEEK);
    scene.weeks(1);
    assert_eq!(scene.done(scene.policy, refund(M, start, end, scene.bob)), u(M));
    assert_eq!(scene.total_assets(), u(10 * M) - u(1u64), "the other's rounding");
    scene.world.warp_to(end);
    // The last week of earning is the shares', by way of the stream.
    assert_eq!(scene.done(scene.policy, refund(M, start, end, scene.bob)), U256::ZERO);
    near(scene.events::<IVault::PremiumRefunded>().pop().unwrap().left, u(M / 3), 1);
    scene.weeks(5);
    assert_eq!(scene.total_assets(), u(11 * M));
    assert_eq!(scene.assets_of(scene.bob), u(M));
}

#[test]
fn only_policy_refunds_and_reprices() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    let start = scene.world.now();
    let end = start + WEEK;
    scene.sell(M, 0, WEEK);
    for who in [scene.alice, scene.owner, scene.setup, scene.assessor] {
        let error = scene.refused(who, refund(M, start, end, who)).expect::<UnauthorizedCaller>();
        assert_eq!(error.account, who);
        let error = scene.refused(who, reprice(M, start, end, 0, end + 1)).expect::<UnauthorizedCaller>();
        assert_eq!(error.account, who);
    }
}

#[test]
fn what_was_never_booked_is_refused() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    let start = scene.world.now();
    let end = start + WEEK;
    scene.sell(M, 0, WEEK);
    let good = || refund(M, start, end, scene.bob);
    for bad in [
        refund(M + 1, start, end, scene.bob),
        refund(M, end, start, scene.bob),
        refund(M, start, start, scene.bob),
        IVault::refundCall { remaining: u(M + 1), ..good() },
        IVault::refundCall { cover: U256::ZERO, remaining: U256::ZERO, ..good() },
        IVault::refundCall { shortRateBps: u(10_001u64), ..good() },
        IVault::refundCall { net: U256::MAX, ..good() },
        IVault::refundCall { end: U256::MAX, ..good() },
    ] {
        scene.refused(scene.policy, bad).expect::<MathOverflow>();
    }
    scene.refused(scene.policy, reprice(2 * M, start, end, 0, end + 1)).expect::<MathOverflow>();
    scene.done(scene.policy, good());
    scene.refused(scene.policy, good()).expect::<MathOverflow>();
}

#[test]
fn who_cannot_receive_a_refund_gets_a_credit() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    let start = scene.world.now();
    scene.sell(M, 0, WEEK);
    scene.token.habits.blacklisted.set(Some(scene.bob));
    assert_eq!(scene.done(scene.policy, refund(M, start, start + WEEK, scene.bob)), u(M));
    assert_eq!((scene.assets_of(scene.bob), scene.solvency().payables), (U256::ZERO, u(M)));
    let event = scene.events::<IVault::PayoutCredited>().pop().unwrap();
    assert_eq!((event.to, event.amount), (scene.bob, u(M)));
    assert_eq!(scene.done(scene.bob, IVault::withdrawCreditCall { receiver: scene.carol }), u(M));
    assert_eq!(scene.assets_of(scene.carol), u(M));
}

/// Claims are paid out of A, which leaves out what is unearned: a pool that has paid all it could still has it.
#[test]
fn a_refund_is_never_short_of_cash_and_takes_nothing_from_who_is_owed() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    let start = scene.world.now();
    let end = start + 4 * WEEK;
    scene.sell(4 * M, 0, 4 * WEEK);
    scene.sell(4 * M, 0, 4 * WEEK);
    scene.gate.reserve.set(30 * M);
    near(scene.pay(1, scene.carol, 0, 30 * M), u(10 * M), 2);
    assert_eq!((scene.solvency().assets, scene.assets_of(scene.vault)), (U256::ZERO, scene.solvency().unearned));

    let call = IVault::refundCall { shortRateBps: u(2_000u64), ..refund(4 * M, start, end, scene.bob) };
    assert_eq!(scene.done(scene.policy, call), u(4 * M * 8 / 10));
    assert_eq!(scene.assets_of(scene.bob), u(4 * M * 8 / 10));
    // The short rate came free: it is there for the claims, and none of it for the stream.
    near(scene.solvency().assets, u(4 * M * 2 / 10), 1);
    assert_eq!(scene.solvency().stream, U256::ZERO);
    near(scene.done(scene.carol, IVault::topUpCall {}), u(4 * M * 2 / 10), 1);
    scene.done(scene.policy, refund(4 * M, start, end, scene.bob));
    near(scene.assets_of(scene.vault), scene.solvency().payables, 1);
    near(scene.done(scene.carol, IVault::claimOwedCall { policy: u(1u64) }), u(4 * M * 2 / 10), 1);
}

/// The balance is checked where money comes in. Who takes back what is his, as with a claim or a redemption, is not held
/// up by what the token did to the vault.
#[test]
fn a_refund_is_paid_though_the_vault_misses_some_of_its_balance() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    let start = scene.world.now();
    scene.sell(M, 0, WEEK);
    scene.token.burn(&scene.world, scene.vault, u(1u64));
    assert_eq!(scene.done(scene.policy, refund(M, start, start + WEEK, scene.bob)), u(M));
    assert_eq!((scene.assets_of(scene.bob), scene.assets_of(scene.vault)), (u(M), u(10 * M - 1)));
}

#[test]
fn a_premium_goes_on_with_what_is_added_to_it() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    let start = scene.world.now();
    let end = start + 4 * WEEK;
    scene.sell(4 * M, 0, 4 * WEEK);
    scene.weeks(2);
    let now = scene.world.now();
    let before = middle(&scene);
    scene.token.mint(&scene.world, scene.vault, u(4 * M + 100));
    let call = IVault::repriceCall {
        treasuryFee: u(70u64),
        juryFee: u(20u64),
        referrer: scene.bob,
        referralFee: u(10u64),
        ..reprice(4 * M, start, end, 4 * M, end + 4 * WEEK)
    };
    // Of the first four a half is unused.
    assert_eq!(scene.done(scene.policy, call), u(6 * M));
    let event = scene.events::<IVault::PremiumExtended>().pop().unwrap();
    assert_eq!((event.kept, event.net), (u(6 * M), u(4 * M)));
    assert_eq!((event.treasuryFee, event.juryFee, event.referralFee), (u(70u64), u(20u64), u(10u64)));
    assert_eq!((event.start, event.end), (now, end + 4 * WEEK));
    near(middle(&scene), before, 1);
    // Three of four were unearned; what cover has used of them goes into the stream.
    near(scene.solvency().stream, u(M), 1);
    near(scene.solvency().unearned, u(6 * M), 1);
    let fees = scene.read(IVault::feesAccruedCall {});
    assert_eq!((fees.treasuryFee, fees.juryFee), (u(70u64), u(20u64)));
    assert_eq!(scene.read(IVault::creditOfCall { account: scene.bob }), u(10u64));

    // The new one is earned from the edge after now to the edge after the new end, and may be cancelled as such.
    scene.weeks(1);
    near(scene.solvency().unearned, u(6 * M), 1);
    scene.weeks(3);
    near(scene.solvency().unearned, u(3 * M), 1);
    let left = scene.done(scene.policy, refund(6 * M, now, end + 4 * WEEK, scene.carol));
    assert_eq!(left, u(2 * M));
    scene.weeks(9);
    assert_eq!(scene.solvency().unearned, U256::ZERO);
    assert_eq!(scene.total_assets(), u(16 * M), "every unit is earned or was refunded");
}

#[test]
fn before_cover_begins_a_premium_goes_on_from_its_start() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    let start = scene.world.now() + 2 * WEEK;
    let end = start + 4 * WEEK;
    scene.sell(4 * M, 2 * WEEK, 4 * WEEK);
    scene.weeks(1);
    scene.token.mint(&scene.world, scene.vault, u(M));
    assert_eq!(scene.done(scene.policy, reprice(4 * M, start, end, M, end + WEEK)), u(5 * M));
    assert_eq!(scene.events::<IVault::PremiumExtended>().pop().unwrap().start, start);
    scene.weeks(2);
    near(scene.solvency().unearned, u(5 * M), 1);
    scene.weeks(5);
    assert_eq!((scene.solvency().unearned, scene.total_assets()), (U256::ZERO, u(15 * M)));
}

#[test]
fn an_extension_ends_later_and_is_paid_for() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    let start = scene.world.now();
    let end = start + 2 * WEEK;
    scene.sell(M, 0, 2 * WEEK);
    for new_end in [0, end - 1, end] {
        let error = scene.refused(scene.policy, reprice(M, start, end, 0, new_end)).expect::<ParameterOutOfBounds>();
        assert_eq!((error.parameter, error.value), (name("newEnd"), u(new_end)));
    }
    let call = reprice(M, start, end, M, end + WEEK);
    let error = scene.refused(scene.policy, call.clone()).expect::<IVault::UnexpectedBalance>();
    assert_eq!((error.expected, error.actual), (u(12 * M), u(11 * M)));
    scene.weeks(3);
    let now = scene.world.now();
    let error = scene.refused(scene.policy, reprice(M, start, end, 0, now)).expect::<ParameterOutOfBounds>();
    assert_eq!((error.parameter, error.value), (name("newEnd"), u(now)));
}

#[test]
fn books_that_are_behind_are_caught_up_before_a_refund() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    let start = scene.world.now();
    let end = start + 200 * WEEK;
    scene.sell(2 * M, 0, 200 * WEEK);
    scene.weeks(100);
    scene.refused(scene.policy, refund(2 * M, start, end, scene.bob)).expect::<IVault::CatchUpFirst>();
    scene.refused(scene.policy, reprice(2 * M, start, end, 0, end + 1)).expect::<IVault::CatchUpFirst>();
    scene.done(scene.carol, IVault::catchUpCall { edges: u(100u64) });
    assert_eq!(scene.done(scene.policy, refund(2 * M, start, end, scene.bob)), u(M));
}

/// Cover is sold, cancelled and extended at every second of a week: what is refunded and what is earned is what was
/// paid, to the unit.
#[test]
fn scenario_30_refunds_and_what_is_earned_are_the_premiums() {
    for at in 0..30u64 {
        let scene = Scene::with(crate::scene::Settings { week: 10, cooldown: 5, patience: 5, ..Default::default() });
        scene.deposit(scene.alice, 10 * M);
        let start = scene.world.now() + 3;
        scene.sell(999_983, 3, 17);
        scene.sell(777_777, 3, 17);
        scene.world.warp(at);
        let mut net = 777_777;
        let mut begin = start;
        let mut end = start + 17;
        if scene.world.now() < end {
            scene.token.mint(&scene.world, scene.vault, u(333_333u64));
            net = scene.done(scene.policy, reprice(net, begin, end, 333_333, end + 9)).to();
            begin = scene.world.now().max(begin);
            end += 9;
        }
        let first = scene.done(scene.policy, refund(999_983, start, start + 17, scene.bob));
        let used = u(at.saturating_sub(3).min(17));
        assert_eq!(first, u(999_983u64) * (u(17u64) - used) / u(17u64));
        scene.world.warp(5);
        scene.done(scene.policy, refund(net, begin, end, scene.bob));
        scene.world.warp(100);
        let solvency = scene.solvency();
        assert_eq!((solvency.unearned, solvency.stream), (U256::ZERO, U256::ZERO));
        let paid = u(10 * M + 999_983 + 777_777 + if end > start + 17 { 333_333 } else { 0 });
        assert_eq!(scene.total_assets() + scene.assets_of(scene.bob), paid);
        assert_eq!(scene.read(IERC4626::totalAssetsCall {}), scene.assets_of(scene.vault));
    }
}
