//! From a stake straight into the vault's queue.

use alloy_primitives::U256;
use protocol::abi::{
    EnforcedPause, IERC4626, IERC7540Redeem,
    IRewards::{self, InsufficientStake, RedemptionRequested, UnauthorizedOperator, ZeroShares},
    IVault,
};

use crate::scene::{COOLDOWN, M, PALI, Scene, WEEK, u};

#[test]
fn a_staked_share_leaves_the_vault_when_an_unstaked_one_does() {
    let scene = Scene::funded();
    let shares = scene.stake(scene.alice, 50 * M);
    let unstaked = scene.deposit(scene.bob, 50 * M);
    scene.world.warp(1_000);
    scene.done(scene.alice, IRewards::requestRedeemCall { shares, controller: scene.alice });
    scene.request(scene.bob, unstaked);
    let (alice, bob) = (scene.request_of(scene.alice), scene.request_of(scene.bob));
    assert_eq!((alice.week, alice.due, alice.pending), (bob.week, bob.due, bob.pending));
    let requested = scene.events::<RedemptionRequested>();
    assert_eq!(
        (requested[0].account, requested[0].controller, requested[0].shares),
        (scene.alice, scene.alice, shares)
    );
    assert_eq!(
        (scene.stake_of(scene.alice).shares, scene.read(IRewards::totalStakedCall {})),
        (U256::ZERO, U256::ZERO)
    );
    let earned = scene.earned(scene.alice);
    assert!(earned > U256::ZERO, "what was earned stays");
    scene.world.warp(WEEK + COOLDOWN);
    scene.done_at(scene.vault, scene.carol, IVault::serveCall { n: u(10u64) });
    for who in [scene.alice, scene.bob] {
        let shares = scene.world.read(scene.vault, IERC4626::maxRedeemCall { controller: who });
        let call = IERC4626::redeemCall { shares, receiver: who, controller: who };
        assert!(scene.done_at(scene.vault, who, call) >= u(50 * M - 1));
    }
    assert_eq!(scene.claim(scene.alice), earned);
}

#[test]
fn who_has_begun_to_unstake_can_still_redeem_and_waits_once() {
    let scene = Scene::funded();
    let shares = scene.stake(scene.alice, 100 * M) / u(4u64);
    let ready = scene.done(scene.alice, IRewards::requestUnstakeCall { shares });
    // Those that are leaving go first.
    let redeem = |shares| scene.done(scene.alice, IRewards::requestRedeemCall { shares, controller: scene.alice });
    redeem(shares / u(2u64));
    let staker = scene.stake_of(scene.alice);
    assert_eq!((staker.shares, staker.leaving, staker.ready), (shares * u(3u64), shares / u(2u64), ready));
    redeem(shares);
    let staker = scene.stake_of(scene.alice);
    assert_eq!((staker.shares, staker.leaving, staker.ready), (shares * u(5u64) / u(2u64), U256::ZERO, 0));
    assert_eq!(scene.request_of(scene.alice).pending, shares * u(3u64) / u(2u64));
    assert_eq!(u(ready), scene.request_of(scene.alice).due);
    let all = scene.read(IRewards::totalStakedCall {}) + scene.read(IRewards::totalLeavingCall {});
    assert_eq!((all, scene.shares_of(scene.rewards)), (staker.shares, staker.shares));
}

#[test]
fn no_more_is_redeemed_than_is_here() {
    let scene = Scene::funded();
    let shares = scene.stake(scene.alice, 100 * M);
    scene.done(scene.alice, IRewards::requestUnstakeCall { shares: shares / u(4u64) });
    let controller = scene.alice;
    scene.refused(scene.alice, IRewards::requestRedeemCall { shares: U256::ZERO, controller }).expect::<ZeroShares>();
    let error = scene.refused(scene.alice, IRewards::requestRedeemCall { shares: shares + U256::ONE, controller });
    let error = error.expect::<InsufficientStake>();
    assert_eq!((error.account, error.shares, error.needed), (scene.alice, shares, shares + U256::ONE));
    scene.done(scene.alice, IRewards::requestRedeemCall { shares, controller });
    assert_eq!(scene.shares_of(scene.rewards), U256::ZERO);
}

#[test]
fn nobody_adds_to_the_request_of_who_has_not_made_him_operator() {
    let scene = Scene::funded();
    let shares = scene.stake(scene.alice, 50 * M) / u(4u64);
    let call = IRewards::requestRedeemCall { shares, controller: scene.bob };
    let error = scene.refused(scene.alice, call.clone()).expect::<UnauthorizedOperator>();
    assert_eq!((error.caller, error.controller), (scene.alice, scene.bob));
    // The rewards being bob's operator does not make alice one.
    let operator = |operator| IERC7540Redeem::setOperatorCall { operator, approved: true };
    scene.done_at(scene.vault, scene.bob, operator(scene.rewards));
    scene.refused(scene.alice, call.clone()).expect::<UnauthorizedOperator>();
    scene.done_at(scene.vault, scene.bob, operator(scene.alice));
    scene.done(scene.alice, call);
    assert_eq!(scene.request_of(scene.bob).pending, shares);
}

#[test]
fn a_request_of_an_earlier_week_moves_along_once_its_controller_lets_the_rewards_operate() {
    let scene = Scene::funded();
    let shares = scene.stake(scene.alice, 100 * M) / u(4u64);
    let call = IRewards::requestRedeemCall { shares, controller: scene.alice };
    scene.done(scene.alice, call.clone());
    scene.weeks(1);
    let error = scene.refused(scene.alice, call.clone()).expect::<IVault::UnauthorizedOperator>();
    assert_eq!((error.caller, error.controller), (scene.rewards, scene.alice));
    let operator = IERC7540Redeem::setOperatorCall { operator: scene.rewards, approved: true };
    scene.done_at(scene.vault, scene.alice, operator);
    scene.done(scene.alice, call);
    assert_eq!(scene.request_of(scene.alice).pending, shares * u(2u64));
}

#[test]
fn what_was_served_and_what_others_asked_for_are_earlier_requests_too() {
    let scene = Scene::funded();
    let shares = scene.stake(scene.alice, 50 * M) / u(2u64);
    let call = IRewards::requestRedeemCall { shares, controller: scene.alice };
    scene.done(scene.alice, call.clone());
    scene.world.warp(WEEK + COOLDOWN);
    scene.done_at(scene.vault, scene.carol, IVault::serveCall { n: u(10u64) });
    let served = scene.request_of(scene.alice);
    assert_eq!((served.pending, served.shares), (U256::ZERO, shares));
    scene.refused(scene.alice, call.clone()).expect::<IVault::UnauthorizedOperator>();
    let take = IERC4626::redeemCall { shares, receiver: scene.alice, controller: scene.alice };
    scene.done_at(scene.vault, scene.alice, take);
    // One share of carol's in her name.
    scene.deposit(scene.carol, M);
    let gift = IERC7540Redeem::requestRedeemCall { shares: U256::ONE, controller: scene.alice, owner: scene.carol };
    scene.done_at(scene.vault, scene.carol, gift);
    scene.weeks(1);
    scene.refused(scene.alice, call.clone()).expect::<IVault::UnauthorizedOperator>();
    let operator = IERC7540Redeem::setOperatorCall { operator: scene.rewards, approved: true };
    scene.done_at(scene.vault, scene.alice, operator);
    scene.done(scene.alice, call);
    assert_eq!(scene.request_of(scene.alice).pending, shares + U256::ONE);
}

#[test]
fn who_takes_a_request_back_has_the_shares_at_once() {
    let scene = Scene::funded();
    scene.stake(scene.bob, 50 * M);
    scene.world.warp(1_000);
    let earned = scene.earned(scene.bob);
    let shares = scene.stake(scene.alice, 50 * M);
    scene.done(scene.alice, IRewards::requestRedeemCall { shares, controller: scene.alice });
    let (controller, receiver) = (scene.alice, scene.alice);
    let cancel = IVault::cancelRedeemRequestCall { requestId: U256::ZERO, controller, receiver };
    assert_eq!(scene.done_at(scene.vault, scene.alice, cancel), shares);
    assert_eq!(scene.shares_of(scene.alice), shares);
    // A stake that did not last has earned nothing.
    assert_eq!((scene.earned(scene.alice), scene.earned(scene.bob)), (U256::ZERO, earned));
}

#[test]
fn a_pause_of_redemptions_stops_neither_unstaking_nor_claims() {
    let scene = Scene::funded();
    let shares = scene.stake(scene.alice, 100 * M);
    let half = shares / u(2u64);
    scene.done(scene.alice, IRewards::requestUnstakeCall { shares: half });
    scene.weeks(3);
    let pause = IVault::pauseCall { kind: 2, duration: WEEK, reason: Default::default() };
    scene.done_at(scene.vault, scene.guardian, pause);
    let call = IRewards::requestRedeemCall { shares: half, controller: scene.alice };
    scene.refused(scene.alice, call).expect::<EnforcedPause>();
    assert_eq!(scene.stake_of(scene.alice).leaving, half, "nothing of it stays");
    assert_eq!(scene.done(scene.alice, IRewards::unstakeCall { receiver: scene.alice }), half);
    assert!(scene.claim(scene.alice) > u(PALI));
}

#[test]
fn what_is_requested_counts_at_once_in_what_is_emitted() {
    let scene = Scene::funded();
    let shares = scene.stake(scene.alice, 100 * M);
    assert_eq!(scene.rate(), u(PALI));
    scene.done(scene.alice, IRewards::requestRedeemCall { shares: shares / u(2u64), controller: scene.alice });
    // Half of the target: three quarters.
    assert!(scene.rate().abs_diff(u(PALI * 3 / 4)) < u(1_000_000u64), "{}", scene.rate());
}
