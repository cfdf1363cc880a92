//! Tokens that call back.

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use protocol::abi::{IERC20, IERC4626, IERC7540Redeem, IVault};
use standards::errors::ReentrancyGuardReentrantCall;
use testkit::Reverted;

use crate::scene::{M, Scene, WEEK, u};

/// Everything that changes the books.
fn intrusions(scene: &Scene) -> Vec<(&'static str, Vec<u8>)> {
    let token = scene.token.at; // who calls, in a hook
    let one = u(1u64);
    vec![
        ("deposit", IERC4626::depositCall { assets: one, receiver: token }.abi_encode()),
        ("deposit at least", IVault::depositCall { assets: one, receiver: token, minShares: one }.abi_encode()),
        ("mint", IERC4626::mintCall { shares: one, receiver: token }.abi_encode()),
        (
            "requestRedeem",
            IERC7540Redeem::requestRedeemCall { shares: one, controller: token, owner: token }.abi_encode(),
        ),
        ("redeem", IERC4626::redeemCall { shares: one, receiver: token, controller: token }.abi_encode()),
        ("withdraw", IERC4626::withdrawCall { assets: one, receiver: token, controller: token }.abi_encode()),
        ("serve", IVault::serveCall { n: one }.abi_encode()),
        (
            "cancel",
            IVault::cancelRedeemRequestCall { requestId: U256::ZERO, controller: token, receiver: token }.abi_encode(),
        ),
        ("catchUp", IVault::catchUpCall { edges: one }.abi_encode()),
        ("topUp", IVault::topUpCall {}.abi_encode()),
        ("claimOwed", IVault::claimOwedCall { policy: one }.abi_encode()),
        ("recover", IVault::recoverCall { amount: one }.abi_encode()),
        ("withdrawCredit", IVault::withdrawCreditCall { receiver: token }.abi_encode()),
        ("collectFees", IVault::collectFeesCall {}.abi_encode()),
        ("premium", scene.premium(1, scene.world.now(), scene.world.now() + 1).abi_encode()),
        ("mint at most", IVault::mintCall { shares: one, receiver: token, maxAssets: one }.abi_encode()),
        ("refund", refund(scene, 1, token).abi_encode()),
        ("reprice", reprice(scene).abi_encode()),
        ("pay", scene.claim(1, token, 0, 1, 1, 0).abi_encode()),
        ("invest", IVault::investCall { strategy: token, assets: one }.abi_encode()),
        ("divest", IVault::divestCall { strategy: token, assets: one }.abi_encode()),
        ("harvest", IVault::harvestCall { strategy: token }.abi_encode()),
        ("reportHeld", IVault::reportHeldCall { riskKey: crate::scene::KEY }.abi_encode()),
    ]
}

/// The refund of a premium for the week that begins now.
fn refund(scene: &Scene, net: u64, to: Address) -> IVault::refundCall {
    let now = scene.world.now();
    IVault::refundCall {
        net: u(net),
        start: u(now),
        end: u(now + WEEK),
        remaining: u(1u64),
        cover: u(1u64),
        shortRateBps: U256::ZERO,
        to,
    }
}

fn reprice(scene: &Scene) -> IVault::repriceCall {
    let now = scene.world.now();
    IVault::repriceCall {
        net: U256::ZERO,
        start: u(now),
        end: u(now + 1),
        addedNet: U256::ZERO,
        newEnd: u(now + 2),
        treasuryFee: U256::ZERO,
        juryFee: U256::ZERO,
        referrer: Address::ZERO,
        referralFee: U256::ZERO,
    }
}

/// Runs an operation once for each intrusion: it goes on, and the intrusion was refused by the lock.
fn besiege(scene: &Scene, mut operation: impl FnMut()) {
    for (name, data) in intrusions(scene) {
        *scene.token.habits.hook.borrow_mut() = Some((scene.vault, data));
        *scene.token.habits.hook_result.borrow_mut() = None;
        operation();
        let result = scene.token.habits.hook_result.borrow_mut().take().expect("the hook ran");
        let reverted = Reverted(result.expect_err(name));
        assert!(reverted.is::<ReentrancyGuardReentrantCall>(), "{name}: {reverted:?}");
    }
    *scene.token.habits.hook.borrow_mut() = None;
}

#[test]
fn a_deposit_cannot_be_entered_again() {
    let scene = Scene::new();
    scene.fund(scene.alice, 100 * M);
    besiege(&scene, || {
        scene.done(scene.alice, IERC4626::depositCall { assets: u(M), receiver: scene.alice });
    });
    besiege(&scene, || {
        scene.done(scene.alice, IERC4626::mintCall { shares: u(M), receiver: scene.alice });
    });
}

#[test]
fn a_claim_of_a_redemption_cannot_be_entered_again() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 100 * M);
    scene.request(scene.alice, shares);
    scene.weeks(3);
    scene.serve();
    besiege(&scene, || {
        scene.done(
            scene.alice,
            IERC4626::redeemCall { shares: shares / u(100u64), receiver: scene.bob, controller: scene.alice },
        );
    });
    besiege(&scene, || {
        scene.done(scene.alice, IERC4626::withdrawCall { assets: u(M), receiver: scene.bob, controller: scene.alice });
    });
}

#[test]
fn a_payout_cannot_be_entered_again() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 100 * M);
    let mut paid = 0;
    besiege(&scene, || {
        scene.gate.reserve.set(M);
        scene.pay(1, scene.bob, paid, paid + M);
        paid += M;
    });
}

#[test]
fn a_refund_cannot_be_entered_again() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 100 * M);
    for _ in intrusions(&scene) {
        scene.sell(M, 0, WEEK);
    }
    besiege(&scene, || {
        assert_eq!(scene.done(scene.policy, refund(&scene, M, scene.bob)), u(M));
    });
    assert_eq!(scene.assets_of(scene.vault), u(100 * M));
}

#[test]
fn a_recovery_fees_and_credits_cannot_be_entered_again() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    scene.fund(scene.bob, 100 * M);
    besiege(&scene, || {
        scene.done(scene.bob, IVault::recoverCall { amount: u(M) });
    });
    besiege(&scene, || {
        *scene.token.habits.hook_result.borrow_mut() = None;
        let hook = scene.token.habits.hook.borrow_mut().take();
        scene.token.mint(&scene.world, scene.vault, u(30u64));
        let now = scene.world.now();
        let premium = IVault::premiumCall {
            treasuryFee: u(10u64),
            juryFee: u(10u64),
            referrer: scene.carol,
            referralFee: u(10u64),
            ..scene.premium(0, now, now + WEEK)
        };
        scene.done(scene.policy, premium);
        *scene.token.habits.hook.borrow_mut() = hook;
        scene.done(scene.bob, IVault::collectFeesCall {});
        scene.done(scene.carol, IVault::withdrawCreditCall { receiver: scene.carol });
    });
    assert_eq!(scene.assets_of(scene.treasury), u(10 * intrusions(&scene).len() as u64));
}

#[test]
fn a_claim_of_what_was_owed_cannot_be_entered_again() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    scene.gate.reserve.set(100 * M);
    scene.pay(1, scene.bob, 0, 100 * M);
    scene.fund(scene.carol, 100 * M);
    besiege(&scene, || {
        let hook = scene.token.habits.hook.borrow_mut().take();
        scene.done(scene.carol, IVault::recoverCall { amount: u(M) });
        *scene.token.habits.hook.borrow_mut() = hook;
        scene.done(scene.carol, IVault::claimOwedCall { policy: u(1u64) });
    });
}

/// A hook may read: what it sees is the state before the deposit or after the payout, never between.
#[test]
fn what_a_hook_reads_is_whole() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    scene.fund(scene.bob, M);
    let read = IERC4626::totalAssetsCall {}.abi_encode();
    *scene.token.habits.hook.borrow_mut() = Some((scene.vault, read));
    let seen = || {
        let answer = scene.token.habits.hook_result.borrow_mut().take().unwrap().unwrap();
        IERC4626::totalAssetsCall::abi_decode_returns(&answer).unwrap()
    };
    scene.done(scene.bob, IERC4626::depositCall { assets: u(M), receiver: scene.bob });
    assert_eq!(seen(), u(10 * M));
    scene.lose(M);
    assert_eq!(seen(), u(10 * M));
}

/// Shares may move in a hook: balances are not part of the books.
#[test]
fn shares_may_move_in_a_hook() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.token.at, M);
    let data = IERC20::transferCall { to: scene.bob, value: shares }.abi_encode();
    *scene.token.habits.hook.borrow_mut() = Some((scene.vault, data));
    scene.fund(scene.alice, M);
    scene.done(scene.alice, IERC4626::depositCall { assets: u(M), receiver: scene.alice });
    assert_eq!(scene.shares_of(scene.bob), shares);
    assert_eq!(scene.shares_of(scene.token.at), U256::ZERO);
    assert_ne!(scene.bob, Address::ZERO);
}
