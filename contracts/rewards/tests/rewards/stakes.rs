//! Who stakes, what a stake earns, and how it gets out.

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::SolValue;
use protocol::abi::{
    IERC20, IERC20Permit, IERC4626, IOwned,
    IRewards::{
        self, InsufficientStake, NothingToUnstake, RewardPaid, Staked, UnstakeNotReady, UnstakeRequested, Unstaked,
        ZeroShares,
    },
};
use standards::errors::{ERC20InsufficientAllowance, ERC20InsufficientBalance, ERC20InvalidReceiver, MathOverflow};
use testkit::signer::{Signature, Signer};

use crate::scene::{COOLDOWN, DAY, M, PALI, Scene, WEEK, u};

#[test]
fn a_stake_alone_earns_all_that_is_emitted() {
    let scene = Scene::funded();
    let shares = scene.stake(scene.alice, 100 * M);
    assert_eq!(scene.shares_of(scene.rewards), shares);
    assert_eq!(scene.read(IRewards::totalStakedCall {}), shares);
    scene.world.warp(1_000);
    assert_eq!(scene.earned(scene.alice), u(1_000 * PALI));
    assert_eq!(scene.claim(scene.alice), u(1_000 * PALI));
    assert_eq!(scene.pali_of(scene.alice), u(1_000 * PALI));
    assert_eq!(scene.earned(scene.alice), U256::ZERO);
    assert_eq!(scene.claim(scene.alice), U256::ZERO, "no time has passed");
    let staked = scene.events::<Staked>();
    assert_eq!((staked[0].from, staked[0].account, staked[0].shares), (scene.alice, scene.alice, shares));
    let paid = scene.events::<RewardPaid>();
    assert_eq!(paid.len(), 1);
    assert_eq!((paid[0].account, paid[0].receiver, paid[0].amount), (scene.alice, scene.alice, u(1_000 * PALI)));
}

#[test]
fn stakes_earn_by_their_shares_and_their_time() {
    let scene = Scene::funded();
    scene.stake(scene.alice, 25 * M);
    scene.stake(scene.bob, 75 * M);
    let before = scene.earned(scene.alice);
    scene.world.warp(1_000);
    let (alice, bob) = (scene.earned(scene.alice) - before, scene.earned(scene.bob));
    assert!(alice.abs_diff(u(250 * PALI)) <= U256::ONE && bob.abs_diff(u(750 * PALI)) <= U256::ONE, "{alice} {bob}");
    // Half of bob's leaves: from now on he has 3 of 5 parts.
    let half = scene.stake_of(scene.bob).shares / u(2u64);
    scene.done(scene.bob, IRewards::requestUnstakeCall { shares: half });
    scene.world.warp(1_000);
    let later = scene.earned(scene.bob) - bob;
    assert!(later.abs_diff(u(600 * PALI)) <= u(2u64), "{later}");
}

#[test]
fn one_may_stake_for_another_who_alone_can_take_it_out() {
    let scene = Scene::funded();
    let shares = scene.deposit(scene.alice, 100 * M);
    scene.done(scene.alice, IRewards::stakeCall { shares, account: scene.bob });
    assert_eq!((scene.stake_of(scene.alice).shares, scene.stake_of(scene.bob).shares), (U256::ZERO, shares));
    let error = scene.refused(scene.alice, IRewards::requestUnstakeCall { shares }).expect::<InsufficientStake>();
    assert_eq!((error.account, error.shares, error.needed), (scene.alice, U256::ZERO, shares));
    scene.done(scene.bob, IRewards::requestUnstakeCall { shares });
}

#[test]
fn no_shares_no_account_and_more_than_one_has_are_refused() {
    let scene = Scene::funded();
    let (alice, rewards) = (scene.alice, scene.rewards);
    let shares = scene.deposit(alice, 100 * M);
    scene.refused(alice, IRewards::stakeCall { shares: U256::ZERO, account: alice }).expect::<ZeroShares>();
    for account in [Address::ZERO, rewards] {
        let error = scene.refused(alice, IRewards::stakeCall { shares, account }).expect::<ERC20InvalidReceiver>();
        assert_eq!(error.receiver, account);
    }
    let more = IRewards::stakeCall { shares: shares + U256::ONE, account: alice };
    scene.refused(alice, more).expect::<ERC20InsufficientBalance>();
    scene.refused(alice, IRewards::stakeCall { shares: U256::MAX, account: alice }).expect::<MathOverflow>();
    scene.done_at(scene.vault, alice, IERC20::approveCall { spender: rewards, value: U256::ZERO });
    scene.refused(alice, IRewards::stakeCall { shares, account: alice }).expect::<ERC20InsufficientAllowance>();
    assert_eq!(scene.read(IRewards::totalStakedCall {}), U256::ZERO);
}

/// What a signer signs so that the rewards may take shares.
fn permit(scene: &Scene, signer: &Signer, shares: U256, deadline: U256) -> Signature {
    let separator: B256 = scene.world.read(scene.vault, IERC20Permit::DOMAIN_SEPARATORCall {});
    let nonce = scene.world.read(scene.vault, IERC20Permit::noncesCall { owner: signer.address });
    let words = (standards::permit::PERMIT_TYPEHASH, signer.address, scene.rewards, shares, nonce, deadline);
    let hash = keccak256(words.abi_encode());
    signer.sign(keccak256([&[0x19, 0x01], separator.as_slice(), hash.as_slice()].concat()))
}

#[test]
fn shares_are_staked_by_a_permit() {
    let scene = Scene::funded();
    let signer = Signer::new("underwriter");
    let who = signer.address;
    let shares = scene.deposit(who, 100 * M);
    scene.done_at(scene.vault, who, IERC20::approveCall { spender: scene.rewards, value: U256::ZERO });
    let deadline = u(scene.world.now());
    let Signature { v, r, s } = permit(&scene, &signer, shares, deadline);
    let call = IRewards::stakeWithPermitCall { shares, account: who, deadline, v, r, s };
    scene.refused(scene.alice, call.clone()).expect::<ERC20InsufficientAllowance>();
    scene.done(who, call.clone());
    assert_eq!(scene.stake_of(who).shares, shares);
    // The permit is used up, and there is no allowance left.
    scene.refused(who, call).expect::<ERC20InsufficientAllowance>();
}

#[test]
fn a_permit_that_somebody_brought_before_stops_no_stake() {
    let scene = Scene::funded();
    let signer = Signer::new("underwriter");
    let who = signer.address;
    let shares = scene.deposit(who, 100 * M);
    let deadline = u(scene.world.now());
    let Signature { v, r, s } = permit(&scene, &signer, shares, deadline);
    let brought = IERC20Permit::permitCall { owner: who, spender: scene.rewards, value: shares, deadline, v, r, s };
    scene.done_at(scene.vault, scene.carol, brought);
    scene.done(who, IRewards::stakeWithPermitCall { shares, account: who, deadline, v, r, s });
    assert_eq!(scene.stake_of(who).shares, shares);
}

#[test]
fn a_stake_is_ready_when_a_redemption_requested_in_its_place_would_be_due() {
    let scene = Scene::funded();
    let shares = scene.stake(scene.alice, 50 * M);
    let unstaked = scene.deposit(scene.bob, 50 * M);
    for offset in [0, 3 * DAY, WEEK - 1] {
        let start = scene.world.now();
        scene.world.warp(offset);
        let part = shares / u(10u64);
        let ready = scene.done(scene.alice, IRewards::requestUnstakeCall { shares: part });
        scene.request(scene.bob, unstaked / u(10u64));
        assert_eq!(u(ready), scene.request_of(scene.bob).due, "{offset}");
        assert_eq!(ready, start + WEEK + COOLDOWN);
        scene.world.warp_to(ready - 1);
        let early = scene.refused(scene.alice, IRewards::unstakeCall { receiver: scene.alice });
        assert_eq!(early.expect::<UnstakeNotReady>().ready, ready);
        scene.world.warp_to(ready);
        let before = scene.shares_of(scene.carol);
        assert_eq!(scene.done(scene.alice, IRewards::unstakeCall { receiver: scene.carol }), part);
        assert_eq!(scene.shares_of(scene.carol) - before, part);
    }
    let requested = scene.events::<UnstakeRequested>();
    assert_eq!((requested.len(), requested[0].account, requested[0].shares), (3, scene.alice, shares / u(10u64)));
    let unstaked = scene.events::<Unstaked>();
    assert_eq!(
        (unstaked[0].account, unstaked[0].receiver, unstaked[0].shares),
        (scene.alice, scene.carol, shares / u(10u64))
    );
    assert_eq!(scene.read(IRewards::cooldownCall {}), COOLDOWN);
}

#[test]
fn leaving_shares_earn_nothing_and_what_was_earned_stays() {
    let scene = Scene::funded();
    let shares = scene.stake(scene.alice, 50 * M);
    scene.stake(scene.bob, 50 * M);
    scene.world.warp(1_000);
    scene.done(scene.alice, IRewards::requestUnstakeCall { shares });
    let earned = scene.earned(scene.alice);
    assert!(earned >= u(499 * PALI));
    scene.weeks(4);
    assert_eq!(scene.earned(scene.alice), earned);
    let staker = scene.stake_of(scene.alice);
    assert_eq!((staker.shares, staker.leaving), (U256::ZERO, shares));
    assert_eq!(scene.read(IRewards::totalLeavingCall {}), shares);
    scene.done(scene.alice, IRewards::unstakeCall { receiver: scene.alice });
    assert_eq!(scene.claim(scene.alice), earned);
    let staker = scene.stake_of(scene.alice);
    assert_eq!((staker.leaving, staker.ready, scene.shares_of(scene.alice)), (U256::ZERO, 0, shares));
}

#[test]
fn a_further_request_moves_all_that_is_leaving_to_the_later_time() {
    let scene = Scene::funded();
    let shares = scene.stake(scene.alice, 100 * M) / u(4u64);
    let first = scene.done(scene.alice, IRewards::requestUnstakeCall { shares });
    assert_eq!(scene.done(scene.alice, IRewards::requestUnstakeCall { shares }), first, "in the same week");
    scene.weeks(1);
    let second = scene.done(scene.alice, IRewards::requestUnstakeCall { shares });
    assert_eq!(second, first + WEEK);
    scene.world.warp_to(first);
    scene.refused(scene.alice, IRewards::unstakeCall { receiver: scene.alice }).expect::<UnstakeNotReady>();
    scene.world.warp_to(second);
    assert_eq!(scene.done(scene.alice, IRewards::unstakeCall { receiver: scene.alice }), shares * u(3u64));
}

#[test]
fn nothing_leaves_that_is_not_staked_and_nothing_is_unstaked_twice() {
    let scene = Scene::funded();
    let shares = scene.stake(scene.alice, 100 * M);
    scene.refused(scene.alice, IRewards::requestUnstakeCall { shares: U256::ZERO }).expect::<ZeroShares>();
    let error = scene.refused(scene.alice, IRewards::requestUnstakeCall { shares: shares + U256::ONE });
    assert_eq!(error.expect::<InsufficientStake>().shares, shares);
    let none = scene.refused(scene.alice, IRewards::unstakeCall { receiver: scene.alice });
    assert_eq!(none.expect::<NothingToUnstake>().account, scene.alice);
    scene.done(scene.alice, IRewards::requestUnstakeCall { shares });
    scene.weeks(3);
    for receiver in [Address::ZERO, scene.rewards] {
        scene.refused(scene.alice, IRewards::unstakeCall { receiver }).expect::<ERC20InvalidReceiver>();
        scene.refused(scene.alice, IRewards::claimCall { receiver }).expect::<ERC20InvalidReceiver>();
    }
    scene.done(scene.alice, IRewards::unstakeCall { receiver: scene.alice });
    scene.refused(scene.alice, IRewards::unstakeCall { receiver: scene.alice }).expect::<NothingToUnstake>();
}

#[test]
fn a_loss_of_the_vault_is_a_loss_of_the_staked_shares_and_not_more() {
    let scene = Scene::funded();
    let shares = scene.stake(scene.alice, 100 * M);
    scene.lose(40 * M);
    assert_eq!(scene.stake_of(scene.alice).shares, shares, "nothing is slashed");
    let worth: U256 = scene.world.read(scene.vault, IERC4626::convertToAssetsCall { shares });
    assert!(worth <= u(60 * M) && worth >= u(60 * M - 100), "{worth}");
}

#[test]
fn whoever_is_nobody_has_nothing() {
    let scene = Scene::funded();
    let nobody = scene.stake_of(scene.carol);
    assert_eq!((nobody.shares, nobody.earned, nobody.leaving, nobody.ready), (U256::ZERO, U256::ZERO, U256::ZERO, 0));
    assert_eq!(scene.claim(scene.carol), U256::ZERO);
    assert_eq!(scene.events::<RewardPaid>().len(), 0);
    assert_eq!(scene.read(IRewards::vaultCall {}), scene.vault);
    assert_eq!(scene.read(IRewards::tokenCall {}), scene.pali);
    assert_eq!(scene.read(IRewards::policyCall {}), scene.policy);
    assert_eq!(scene.read(IRewards::assetCall {}), scene.usd.at);
    assert_eq!(scene.read(IOwned::setupCall {}), scene.setup);
}
