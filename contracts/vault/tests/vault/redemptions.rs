//! Redemptions: requests, cohorts, service, claims, cancelling.

use alloy_primitives::{Address, U256};
use protocol::abi::{IERC20, IERC4626, IERC7540Redeem, IPausable, IVault};
use testkit::token::Erc20;

use crate::scene::{COOLDOWN, M, PATIENCE, SHARES, Scene, Settings, WEEK, near, u};

fn request(shares: U256, controller: Address, owner: Address) -> IERC7540Redeem::requestRedeemCall {
    IERC7540Redeem::requestRedeemCall { shares, controller, owner }
}

fn redeem(shares: U256, who: Address) -> IERC4626::redeemCall {
    IERC4626::redeemCall { shares, receiver: who, controller: who }
}

fn cancel(who: Address) -> IVault::cancelRedeemRequestCall {
    IVault::cancelRedeemRequestCall { requestId: U256::ZERO, controller: who, receiver: who }
}

#[test]
fn a_request_is_served_after_its_week_and_the_cooldown_and_then_claimed() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 10 * M);
    let half = shares / u(2u64);
    assert_eq!(scene.done(scene.alice, request(half, scene.alice, scene.alice)), U256::ZERO);
    let event = scene.events::<IERC7540Redeem::RedeemRequest>().pop().unwrap();
    assert_eq!(
        (event.controller, event.owner, event.requestId, event.sender, event.shares),
        (scene.alice, scene.alice, U256::ZERO, scene.alice, half)
    );
    // The shares are the vault's while they wait.
    assert_eq!(scene.shares_of(scene.alice), half);
    assert_eq!(scene.shares_of(scene.vault), half);
    assert_eq!(scene.read(IERC20::totalSupplyCall {}), shares);
    assert_eq!(scene.pending(scene.alice), half);
    assert_eq!(scene.claimable(scene.alice), (U256::ZERO, U256::ZERO));

    let due = scene.world.now() + WEEK + COOLDOWN;
    let view = scene.read(IVault::requestOfCall { controller: scene.alice });
    assert_eq!((view.week, view.pending, view.due), (u(scene.world.now() / WEEK), half, u(due)));
    scene.world.warp_to(due - 1);
    assert_eq!(scene.serve(), (U256::ZERO, U256::ZERO));
    scene.world.warp(1);
    assert_eq!(scene.serve(), (half, u(5 * M)));
    let event = scene.events::<IVault::CohortServed>().pop().unwrap();
    assert_eq!((event.shares, event.assets), (half, u(5 * M)));
    assert_eq!(scene.read(IERC20::totalSupplyCall {}), half);
    assert_eq!(scene.shares_of(scene.vault), U256::ZERO);
    assert_eq!(scene.total_assets(), u(5 * M));
    assert_eq!(scene.solvency().served, u(5 * M));
    assert_eq!(scene.pending(scene.alice), U256::ZERO);
    assert_eq!(scene.claimable(scene.alice), (half, u(5 * M)));

    let claimed =
        scene.done(scene.alice, IERC4626::redeemCall { shares: half, receiver: scene.bob, controller: scene.alice });
    assert_eq!((claimed, scene.assets_of(scene.bob)), (u(5 * M), u(5 * M)));
    let event = scene.events::<IERC4626::Withdraw>().pop().unwrap();
    assert_eq!(
        (event.sender, event.receiver, event.owner, event.assets, event.shares),
        (scene.alice, scene.bob, scene.alice, u(5 * M), half)
    );
    assert_eq!(scene.claimable(scene.alice), (U256::ZERO, U256::ZERO));
    assert_eq!(scene.solvency().served, U256::ZERO);
}

#[test]
fn claims_come_in_parts_by_shares_or_by_assets() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 10 * M);
    scene.request(scene.alice, shares);
    scene.weeks(3);
    scene.serve();
    let third = shares / u(3u64);
    let first = scene.done(scene.alice, redeem(third, scene.alice));
    near(first, u(10 * M / 3), 1);
    let spent = scene
        .done(scene.alice, IERC4626::withdrawCall { assets: u(2 * M), receiver: scene.alice, controller: scene.alice });
    near(spent, shares / u(5u64), 1_000_000);
    let (rest, assets) = scene.claimable(scene.alice);
    assert_eq!(rest, shares - third - spent);
    assert_eq!(scene.redeem_all(scene.alice), assets);
    assert_eq!(scene.assets_of(scene.alice), u(10 * M));
}

#[test]
fn nobody_claims_more_than_was_served() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 10 * M);
    scene.refused(scene.alice, redeem(u(1u64), scene.alice)).expect::<IERC4626::ERC4626ExceededMaxRedeem>();
    scene.request(scene.alice, shares);
    scene.weeks(3);
    scene.serve();
    let error = scene
        .refused(scene.alice, redeem(shares + u(1u64), scene.alice))
        .expect::<IERC4626::ERC4626ExceededMaxRedeem>();
    assert_eq!((error.owner, error.shares, error.max), (scene.alice, shares + u(1u64), shares));
    scene.refused(scene.alice, redeem(U256::MAX, scene.alice)).expect::<IERC4626::ERC4626ExceededMaxRedeem>();
    let withdraw = |assets| IERC4626::withdrawCall { assets, receiver: scene.alice, controller: scene.alice };
    let error = scene.refused(scene.alice, withdraw(u(10 * M + 1))).expect::<IERC4626::ERC4626ExceededMaxWithdraw>();
    assert_eq!((error.owner, error.assets, error.max), (scene.alice, u(10 * M + 1), u(10 * M)));
    scene.refused(scene.alice, redeem(U256::ZERO, scene.alice)).expect::<IVault::ZeroShares>();
    scene.refused(scene.alice, redeem(u(1u64), scene.alice)).expect::<IVault::ZeroAssets>();
    scene.refused(scene.alice, withdraw(U256::ZERO)).expect::<IVault::ZeroAssets>();
    scene.redeem_all(scene.alice);
    scene.refused(scene.alice, redeem(u(1u64), scene.alice)).expect::<IERC4626::ERC4626ExceededMaxRedeem>();
}

#[test]
fn previews_of_leaving_revert_as_the_standard_demands() {
    let scene = Scene::new();
    scene
        .world
        .try_read(scene.vault, IERC4626::previewRedeemCall { shares: u(1u64) })
        .unwrap_err()
        .expect::<IVault::PreviewNotSupported>();
    scene
        .world
        .try_read(scene.vault, IERC4626::previewWithdrawCall { assets: u(1u64) })
        .unwrap_err()
        .expect::<IVault::PreviewNotSupported>();
}

#[test]
fn there_is_one_request_of_id_0() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, M);
    scene.request(scene.alice, shares);
    let pending =
        |id| scene.read(IERC7540Redeem::pendingRedeemRequestCall { requestId: u(id), controller: scene.alice });
    assert_eq!((pending(0u64), pending(1)), (shares, U256::ZERO));
    scene.weeks(3);
    scene.serve();
    let claimable =
        |id| scene.read(IERC7540Redeem::claimableRedeemRequestCall { requestId: u(id), controller: scene.alice });
    assert_eq!((claimable(0u64), claimable(1)), (shares, U256::ZERO));
    let call = IVault::cancelRedeemRequestCall { requestId: u(1u64), controller: scene.alice, receiver: scene.alice };
    let error = scene.refused(scene.alice, call).expect::<IVault::RequestIdNotSupported>();
    assert_eq!(error.requestId, u(1u64));
}

#[test]
fn owner_operator_or_allowance_may_request() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 4 * M);
    let part = shares / u(4u64);
    // A stranger may not.
    let error =
        scene.refused(scene.bob, request(part, scene.bob, scene.alice)).expect::<IERC20::ERC20InsufficientAllowance>();
    assert_eq!((error.spender, error.allowance, error.needed), (scene.bob, U256::ZERO, part));
    // One with an allowance may, for itself, and uses it up.
    scene.done(scene.alice, IERC20::approveCall { spender: scene.bob, value: part });
    scene.done(scene.bob, request(part, scene.bob, scene.alice));
    assert_eq!(scene.read(IERC20::allowanceCall { owner: scene.alice, spender: scene.bob }), U256::ZERO);
    assert_eq!(scene.pending(scene.bob), part);
    // An operator may.
    assert!(scene.done(scene.alice, IERC7540Redeem::setOperatorCall { operator: scene.carol, approved: true }));
    assert!(scene.read(IERC7540Redeem::isOperatorCall { controller: scene.alice, operator: scene.carol }));
    let event = scene.events::<IERC7540Redeem::OperatorSet>().pop().unwrap();
    assert_eq!((event.controller, event.operator, event.approved), (scene.alice, scene.carol, true));
    scene.done(scene.carol, request(part, scene.alice, scene.alice));
    assert_eq!(scene.pending(scene.alice), part);
    // And the operator claims and cancels for it, a former one no longer.
    scene.done(scene.carol, cancel(scene.alice));
    scene.done(scene.alice, IERC7540Redeem::setOperatorCall { operator: scene.carol, approved: false });
    scene.refused(scene.carol, request(part, scene.alice, scene.alice)).expect::<IERC20::ERC20InsufficientAllowance>();
}

#[test]
fn only_the_controller_or_its_operator_claims_and_cancels() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 4 * M);
    scene.request(scene.alice, shares / u(2u64));
    let error = scene.refused(scene.bob, cancel(scene.alice)).expect::<IVault::UnauthorizedOperator>();
    assert_eq!((error.caller, error.controller), (scene.bob, scene.alice));
    scene.weeks(3);
    scene.serve();
    scene.refused(scene.bob, redeem(u(M), scene.alice)).expect::<IVault::UnauthorizedOperator>();
    let call = IERC4626::withdrawCall { assets: u(M), receiver: scene.bob, controller: scene.alice };
    scene.refused(scene.bob, call.clone()).expect::<IVault::UnauthorizedOperator>();
    scene.done(scene.alice, IERC7540Redeem::setOperatorCall { operator: scene.bob, approved: true });
    scene.done(scene.bob, call);
    assert_eq!(scene.assets_of(scene.bob), u(M));
}

#[test]
fn a_stranger_cannot_move_a_request_to_a_later_week() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 4 * M);
    scene.deposit(scene.bob, M);
    scene.request(scene.alice, shares);
    // In the same week a gift does no harm.
    scene.done(scene.bob, request(u(SHARES), scene.alice, scene.bob));
    assert_eq!(scene.pending(scene.alice), shares + u(SHARES));
    scene.weeks(1);
    let error =
        scene.refused(scene.bob, request(u(SHARES), scene.alice, scene.bob)).expect::<IVault::UnauthorizedOperator>();
    assert_eq!((error.caller, error.controller), (scene.bob, scene.alice));
    scene.weeks(2);
    scene.serve();
    assert_eq!(scene.claimable(scene.alice).0, shares + u(SHARES));
}

#[test]
fn a_second_request_in_the_same_week_is_added() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 4 * M);
    scene.request(scene.alice, shares / u(4u64));
    scene.request(scene.alice, shares / u(4u64));
    assert_eq!(scene.pending(scene.alice), shares / u(2u64));
    scene.weeks(3);
    assert_eq!(scene.serve().1, u(2 * M));
}

#[test]
fn a_request_in_a_later_week_moves_what_waits_and_leaves_what_was_served() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 10 * M);
    scene.request(scene.alice, shares / u(2u64));
    scene.weeks(3);
    scene.gate.minimum.set(7 * M); // three of five are served
    scene.serve();
    near(scene.claimable(scene.alice).1, u(3 * M), 1);
    let waiting = scene.pending(scene.alice);
    scene.request(scene.alice, shares / u(10u64));
    assert_eq!(scene.pending(scene.alice), waiting + shares / u(10u64));
    near(scene.claimable(scene.alice).1, u(3 * M), 1);
    let event = scene.events::<IVault::RedeemCancelled>().pop().unwrap();
    assert_eq!((event.controller, event.shares, event.burned), (scene.alice, waiting, U256::ZERO));
    // The new cohort has to wait again.
    scene.gate.minimum.set(0);
    scene.serve();
    near(scene.claimable(scene.alice).1, u(3 * M), 1);
    scene.weeks(3);
    scene.serve();
    near(scene.claimable(scene.alice).1, u(6 * M), 2);
    near(scene.redeem_all(scene.alice), u(6 * M), 2);
}

/// Requests in every cycle, by whoever holds the shares, are never counted twice.
#[test]
fn scenario_07_moving_shares_and_asking_again_makes_no_double_queue() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 10 * M);
    scene.request(scene.alice, shares);
    scene
        .refused(scene.alice, IERC20::transferCall { to: scene.bob, value: u(1u64) })
        .expect::<IERC20::ERC20InsufficientBalance>();
    scene.refused(scene.alice, request(u(1u64), scene.alice, scene.alice)).expect::<IERC20::ERC20InsufficientBalance>();
    scene.done(scene.alice, cancel(scene.alice));
    scene.done(scene.alice, IERC20::transferCall { to: scene.bob, value: shares });
    scene.request(scene.bob, shares);
    assert_eq!(scene.solvency().requested, shares);
    assert_eq!(scene.pending(scene.alice), U256::ZERO);
    for _ in 0..5 {
        scene.weeks(1);
        scene.done(scene.bob, cancel(scene.bob));
        scene.request(scene.bob, shares);
        assert_eq!(scene.solvency().requested, shares);
    }
    scene.weeks(3);
    assert_eq!(scene.serve(), (shares, u(10 * M)));
}

#[test]
fn shares_cannot_be_sent_to_the_vault_by_mistake() {
    let scene = Scene::new();
    scene.deposit(scene.alice, M);
    let error = scene
        .refused(scene.alice, IERC20::transferCall { to: scene.vault, value: u(1u64) })
        .expect::<IERC20::ERC20InvalidReceiver>();
    assert_eq!(error.receiver, scene.vault);
    scene.done(scene.alice, IERC20::approveCall { spender: scene.bob, value: u(1u64) });
    scene
        .refused(scene.bob, IERC20::transferFromCall { from: scene.alice, to: scene.vault, value: u(1u64) })
        .expect::<IERC20::ERC20InvalidReceiver>();
}

#[test]
fn scenario_05_only_what_minimum_capital_leaves_free_is_served_pro_rata() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 6 * M);
    let others = scene.deposit(scene.bob, 4 * M);
    scene.request(scene.alice, shares);
    scene.request(scene.bob, others);
    scene.weeks(3);
    scene.gate.minimum.set(9 * M);
    scene.serve();
    near(scene.claimable(scene.alice).1, u(6 * M / 10), 1);
    near(scene.claimable(scene.bob).1, u(4 * M / 10), 1);
    assert_eq!(scene.serve(), (U256::ZERO, U256::ZERO));
    scene.gate.minimum.set(0);
    scene.serve();
    near(scene.claimable(scene.alice).1, u(6 * M), 2);
    near(scene.claimable(scene.bob).1, u(4 * M), 2);
}

/// Who leaves last leaves a stream behind, and who comes then pays for it: a share of an asset with 18 decimals is soon
/// worth a million million units, a million million million times its first price.
#[test]
fn who_enters_a_pool_that_all_have_left_can_leave_it() {
    let scene = Scene::with(Settings { decimals: 18, ..Settings::default() });
    let whole: u64 = 1_000_000_000_000_000_000;
    scene.gate.target.set(15 * whole);
    let shares = scene.deposit(scene.alice, 10 * whole);
    scene.request(scene.alice, shares);
    scene.weeks(3);
    scene.fund(scene.carol, whole);
    scene.done(scene.carol, IVault::recoverCall { amount: u(whole) });
    assert_eq!(scene.serve(), (shares, u(10 * whole)));
    scene.weeks(4);
    assert_eq!((scene.read(IERC20::totalSupplyCall {}), scene.total_assets()), (U256::ZERO, u(whole)));
    let [first, second] = [scene.bob, scene.carol].map(|who| scene.deposit(who, 4 * whole));
    scene.request(scene.bob, first);
    scene.request(scene.carol, second / u(2u64));
    let week = scene.world.now() / WEEK;
    scene.weeks(3);
    scene.gate.minimum.set(5 * whole); // not all of it at once
    assert!(scene.serve().1 > U256::ZERO);
    let part = scene.claimable(scene.bob).1;
    assert!(part > u(2 * whole) && part < u(3 * whole), "{part}");
    scene.gate.minimum.set(0);
    scene.serve();
    // What a share more or less is worth.
    let one = whole / 1_000_000 * 2;
    near(scene.redeem_all(scene.bob), u(4 * whole), one);
    near(scene.redeem_all(scene.carol), u(2 * whole), one);
    assert_eq!(scene.redeem_all(scene.alice), u(10 * whole));
    let alpha = scene.read(IVault::cohortCall { week: u(week) }).alpha;
    near(alpha / U256::from(10).pow(u(27u64)), u(4 * whole) / first, whole / 1_000_000);
}

#[test]
fn cohorts_are_served_in_order() {
    let scene = Scene::new();
    let first = scene.deposit(scene.alice, 5 * M);
    let second = scene.deposit(scene.bob, 5 * M);
    scene.request(scene.alice, first);
    scene.weeks(2); // and an empty week between them
    scene.request(scene.bob, second);
    scene.weeks(3);
    scene.gate.minimum.set(7 * M);
    scene.serve();
    near(scene.claimable(scene.alice).1, u(3 * M), 1);
    assert_eq!(scene.claimable(scene.bob).1, U256::ZERO);
    scene.gate.minimum.set(4 * M);
    scene.serve();
    near(scene.claimable(scene.alice).1, u(5 * M), 2);
    near(scene.claimable(scene.bob).1, u(M), 2);
    assert_eq!(scene.read(IVault::redemptionHeadCall {}), u(scene.world.now() / WEEK - 3));
}

#[test]
fn serve_looks_at_no_more_weeks_than_it_is_told() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 6 * M);
    for who in [scene.alice, scene.bob, scene.carol] {
        scene.done(scene.alice, request(shares / u(3u64), who, scene.alice));
        scene.weeks(1);
    }
    scene.weeks(3);
    let serve = |n: u64| scene.done(scene.carol, IVault::serveCall { n: u(n) }).assets;
    assert_eq!(serve(0), U256::ZERO);
    assert_eq!(serve(1), u(2 * M));
    assert_eq!(serve(2), u(4 * M));
    assert_eq!(serve(9), U256::ZERO);
}

#[test]
fn a_due_cohort_waits_for_incidents_to_be_settled_but_not_for_ever() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 10 * M);
    scene.request(scene.alice, shares / u(2u64));
    scene.weeks(3);
    scene.gate.unsettled.set(1);
    scene.gate.reserve.set(2 * M);
    assert_eq!(scene.serve().1, U256::ZERO);
    let event = scene.events::<IVault::ServiceDelayed>().pop().unwrap();
    assert_eq!((u(event.week), event.until), (u(scene.world.now() / WEEK - 3), u(scene.world.now() + PATIENCE)));
    scene.world.warp(PATIENCE - 1);
    assert_eq!(scene.serve().1, U256::ZERO);
    scene.world.warp(1);
    // The exit price leaves the reserve out: (10 − 2) ÷ 10 for five of ten shares.
    near(scene.serve().1, u(4 * M), 1);
    assert_eq!(scene.events::<IVault::StreamAdded>().len(), 1);
    // What was forgone is streamed to those that stayed.
    near(scene.solvency().stream, u(M), 1);
    scene.gate.unsettled.set(0);
    scene.gate.reserve.set(0);
    scene.weeks(4);
    near(scene.solvency().exitPrice, u(12u64) * U256::from(10).pow(u(20u64)), 1_000_000_000_000_000);
}

/// However long a cohort has been due: an incident that opens now gives it time to cancel.
#[test]
fn nobody_is_served_at_the_price_of_an_incident_without_notice() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 10 * M);
    scene.request(scene.alice, shares / u(2u64));
    scene.gate.minimum.set(10 * M); // too little capital to serve anybody
    scene.weeks(20);
    assert_eq!(scene.serve().1, U256::ZERO);
    scene.gate.unsettled.set(1);
    scene.gate.reserve.set(4 * M);
    scene.gate.minimum.set(2 * M);
    assert_eq!(scene.serve().1, U256::ZERO);
    let back = scene.done(scene.alice, cancel(scene.alice));
    assert_eq!(back, shares / u(2u64));
    assert_eq!(scene.events::<IVault::ServiceDelayed>().len(), 1);
}

#[test]
fn while_filing_is_paused_nothing_is_served() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 10 * M);
    scene.request(scene.alice, shares);
    scene.weeks(3);
    scene.gate.filing_paused.set(true);
    assert_eq!(scene.serve().1, U256::ZERO);
    scene.gate.filing_paused.set(false);
    assert_eq!(scene.serve().1, u(10 * M));
}

/// What was served belongs to who asked for it, and who wants out of the queue may go, whatever claims do meanwhile.
#[test]
fn while_filing_is_paused_requests_cancels_and_claims_go_on() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 10 * M);
    let half = shares / u(2u64);
    scene.request(scene.alice, half);
    scene.weeks(3);
    scene.serve();
    scene.gate.filing_paused.set(true);
    assert_eq!(scene.claimable(scene.alice), (half, u(5 * M)), "the limits say so too");
    assert_eq!(scene.redeem_all(scene.alice), u(5 * M));
    scene.request(scene.alice, half);
    assert_eq!(scene.done(scene.alice, cancel(scene.alice)), half);
}

#[test]
fn while_the_reserve_exceeds_the_assets_nothing_is_served() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 10 * M);
    scene.request(scene.alice, shares);
    scene.weeks(4);
    scene.gate.reserve.set(10 * M + 1);
    assert_eq!(scene.serve().1, U256::ZERO);
    scene.gate.reserve.set(0);
    assert_eq!(scene.serve().1, u(10 * M));
}

#[test]
fn run_off_by_order_lets_the_shares_leave() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 10 * M);
    scene.request(scene.alice, shares);
    scene.done(scene.owner, IVault::orderRunOffCall { ordered: true });
    scene.weeks(3);
    assert_eq!(scene.serve().1, u(10 * M));
    assert_eq!(scene.redeem_all(scene.alice), u(10 * M));
}

#[test]
fn a_pause_stops_redemptions_until_it_ends() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 10 * M);
    scene.request(scene.alice, shares / u(2u64));
    scene.weeks(3);
    scene.serve();
    let pause = IVault::pauseCall { kind: 2, duration: 100, reason: Default::default() };
    scene.done(scene.guardian, pause);
    scene.refused(scene.alice, request(u(1u64), scene.alice, scene.alice)).expect::<IPausable::EnforcedPause>();
    scene.refused(scene.alice, redeem(u(SHARES), scene.alice)).expect::<IPausable::EnforcedPause>();
    scene
        .refused(
            scene.alice,
            IERC4626::withdrawCall { assets: u(1u64), receiver: scene.alice, controller: scene.alice },
        )
        .expect::<IPausable::EnforcedPause>();
    scene.refused(scene.alice, cancel(scene.alice)).expect::<IPausable::EnforcedPause>();
    scene.refused(scene.alice, IVault::serveCall { n: u(1u64) }).expect::<IPausable::EnforcedPause>();
    assert_eq!(scene.claimable(scene.alice), (U256::ZERO, U256::ZERO));
    // It is still there, and the standard's view says so.
    assert_eq!(
        scene.read(IERC7540Redeem::claimableRedeemRequestCall { requestId: U256::ZERO, controller: scene.alice }),
        shares / u(2u64)
    );
    scene.world.warp(100);
    assert_eq!(scene.redeem_all(scene.alice), u(5 * M));
}

/// The exploit, the request in the next block, the claim before service: leavers lose what stayers lose.
#[test]
fn scenario_06_a_loss_before_service_hits_leavers_as_it_hits_stayers() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 10 * M);
    scene.deposit(scene.bob, 10 * M);
    scene.request(scene.alice, shares);
    scene.weeks(2);
    scene.lose(5 * M); // a quarter
    scene.weeks(1);
    scene.serve();
    let left = scene.redeem_all(scene.alice);
    near(left, u(75 * M / 10), 1);
    let stayed = scene.read(IERC4626::convertToAssetsCall { shares: scene.shares_of(scene.bob) });
    near(stayed, left, 1);
}

/// Leaving the queue after a payout gives back shares that have borne it.
#[test]
fn scenario_08_cancelling_after_a_payout_escapes_nothing() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 10 * M);
    scene.deposit(scene.bob, 10 * M);
    scene.request(scene.alice, shares);
    scene.weeks(2);
    scene.lose(5 * M);
    let back = scene.done(scene.alice, cancel(scene.alice));
    assert_eq!(back, shares);
    near(scene.read(IERC4626::convertToAssetsCall { shares: back }), u(75 * M / 10), 1);
}

/// Two losses of 40 % and 60 % are one of 76 %, for whoever waits and whoever stays.
#[test]
fn scenario_09_losses_multiply() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 10 * M);
    scene.deposit(scene.bob, 30 * M);
    scene.request(scene.alice, shares);
    scene.weeks(1);
    scene.lose(16 * M);
    scene.lose(144 * M / 10);
    scene.weeks(2);
    scene.serve();
    near(scene.redeem_all(scene.alice), u(24 * M / 10), 2);
    near(scene.read(IERC4626::convertToAssetsCall { shares: scene.shares_of(scene.bob) }), u(72 * M / 10), 2);
}

#[test]
fn requested_shares_earn_nothing_after_their_week() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 10 * M);
    scene.deposit(scene.bob, 10 * M);
    scene.request(scene.alice, shares);
    scene.sell(M, 0, WEEK / 2); // earned in the week after this one
    scene.weeks(3);
    near(scene.total_assets(), u(21 * M), 1);
    near(scene.serve().1, u(10 * M), 1);
    near(scene.solvency().stream, u(M / 2), 1);
}

#[test]
fn a_week_has_one_cap_for_all_its_requests() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 10 * M);
    let others = scene.deposit(scene.bob, 10 * M);
    scene.sell(M, 0, WEEK / 2);
    scene.weeks(1);
    scene.request(scene.alice, shares); // at the beginning of the week in which the premium is earned
    scene.world.warp(WEEK - 1);
    scene.request(scene.bob, others); // and at its end
    scene.world.warp(1);
    scene.done(scene.carol, IVault::catchUpCall { edges: u(1u64) });
    let week = scene.world.now() / WEEK - 1;
    let cohort = scene.read(IVault::cohortCall { week: u(week) });
    assert_eq!((cohort.units, cohort.pending), (shares + others, shares + others));
    assert_eq!(cohort.kappa, U256::from(10).pow(u(27u64)));
    near(cohort.capAssets, u(21 * M), 1);
    assert_eq!(cohort.capShares, shares + others + u(SHARES));
    scene.weeks(2);
    scene.serve();
    let (a, b) = (scene.claimable(scene.alice).1, scene.claimable(scene.bob).1);
    near(a, b, 1);
}

#[test]
fn cancelling_a_request_whose_cap_is_below_the_price_burns_the_difference() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 10 * M);
    scene.deposit(scene.bob, 10 * M);
    scene.request(scene.alice, shares);
    scene.sell(5 * M, 0, WEEK / 2);
    scene.weeks(2);
    near(scene.total_assets(), u(25 * M), 1);
    let before = scene.solvency();
    let back = scene.done(scene.alice, cancel(scene.alice));
    near(back, shares * u(8u64) / u(10u64), 1_000_000);
    let event = scene.events::<IVault::RedeemCancelled>().pop().unwrap();
    assert_eq!((event.shares, event.shares + event.burned), (back, shares));
    let after = scene.solvency();
    near(after.stream, u(25 * M / 10), 1);
    assert_eq!(scene.events::<IVault::StreamAdded>().pop().unwrap().amount, after.stream);
    // Nothing jumped that could be sniped.
    near(after.exitPrice, before.exitPrice, 1_000_000_000_000_000);
    assert_eq!(scene.shares_of(scene.alice), back);
    assert_eq!(scene.pending(scene.alice), U256::ZERO);
    scene.refused(scene.alice, cancel(scene.alice)).expect::<IVault::NothingRequested>();
}

#[test]
fn cancelled_shares_may_go_to_another() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 10 * M);
    scene.request(scene.alice, shares);
    let call = |receiver| IVault::cancelRedeemRequestCall { requestId: U256::ZERO, controller: scene.alice, receiver };
    scene.refused(scene.alice, call(Address::ZERO)).expect::<IERC20::ERC20InvalidReceiver>();
    scene.refused(scene.alice, call(scene.vault)).expect::<IERC20::ERC20InvalidReceiver>();
    scene.done(scene.alice, call(scene.bob));
    assert_eq!(scene.shares_of(scene.bob), shares);
}

#[test]
fn a_request_must_be_of_something_and_for_somebody() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, M);
    scene.refused(scene.alice, request(U256::ZERO, scene.alice, scene.alice)).expect::<IVault::ZeroShares>();
    scene.refused(scene.alice, request(shares, Address::ZERO, scene.alice)).expect::<IERC20::ERC20InvalidReceiver>();
    scene
        .refused(scene.alice, request(shares + u(1u64), scene.alice, scene.alice))
        .expect::<IERC20::ERC20InsufficientBalance>();
}

#[test]
fn a_receiver_that_the_token_refuses_can_be_replaced() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, M);
    scene.request(scene.alice, shares);
    scene.weeks(3);
    scene.serve();
    scene.token.habits.blacklisted.set(Some(scene.alice));
    scene.refused(scene.alice, redeem(shares, scene.alice)).expect::<Erc20::Blacklisted>();
    scene.done(scene.alice, IERC4626::redeemCall { shares, receiver: scene.bob, controller: scene.alice });
    assert_eq!(scene.assets_of(scene.bob), u(M));
}

#[test]
fn everybody_can_leave_and_somebody_can_begin_again() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 10 * M);
    scene.request(scene.alice, shares);
    scene.weeks(3);
    scene.serve();
    scene.redeem_all(scene.alice);
    assert_eq!(scene.read(IERC20::totalSupplyCall {}), U256::ZERO);
    assert_eq!(scene.assets_of(scene.vault), U256::ZERO);
    let shares = scene.deposit(scene.bob, M);
    scene.request(scene.bob, shares);
    scene.weeks(3);
    scene.serve();
    near(scene.redeem_all(scene.bob), u(M), 1);
}

#[test]
fn on_a_development_network_a_redemption_takes_seconds() {
    let scene = Scene::with(Settings { week: 10, cooldown: 5, patience: 5, ..Settings::default() });
    let shares = scene.deposit(scene.alice, M);
    scene.request(scene.alice, shares);
    scene.world.warp(14);
    assert_eq!(scene.serve().1, U256::ZERO);
    scene.world.warp(1);
    assert_eq!(scene.serve().1, u(M));
    assert_eq!(scene.redeem_all(scene.alice), u(M));
    assert_eq!(scene.read(IVault::weekSecondsCall {}), 10);
    assert_eq!((scene.read(IVault::cooldownCall {}), scene.read(IVault::patienceCall {})), (u(5u64), u(5u64)));
}
