//! Stakes: in, out after the cooldown, locked while a vote is open, and how long they have been there.

use alloy_primitives::{Address, U256};
use protocol::abi::IJury::{
    self, InsufficientStake, KeySet, NotJuror, NothingLeaving, StakeLocked, Staked, TooEarly, UnstakeCancelled,
    UnstakeRequested, Unstaked, ZeroAmount,
};
use standards::errors::{ERC20InsufficientAllowance, ERC20InsufficientBalance};

use crate::scene::{DAY, NO, Opening, Scene, TIMES, YES, pali, u};

#[test]
fn stake_is_pulled_and_counted() {
    let scene = Scene::new();
    let juror = scene.juror("juror", pali(100));
    assert_eq!(scene.of(juror).stake, pali(100));
    assert_eq!(scene.balance(scene.token, scene.jury), pali(100));
    let event: Staked = scene.last();
    assert_eq!((event.juror, event.amount, event.stake), (juror, pali(100), pali(100)));
    scene.fund(juror, pali(50));
    scene.done(juror, IJury::stakeCall { amount: pali(50) });
    assert_eq!(scene.of(juror).stake, pali(150));
    assert_eq!(scene.read(IJury::totalStakeCall {}), pali(150));
    assert_eq!(scene.read(IJury::heldOfCall { asset: scene.token }), pali(150));
}

#[test]
fn stake_must_be_there_and_allowed() {
    let scene = Scene::new();
    scene.refused(scene.alice, IJury::stakeCall { amount: U256::ZERO }).expect::<ZeroAmount>();
    let reverted = scene.refused(scene.alice, IJury::stakeCall { amount: u(1) });
    assert!(reverted.is::<ERC20InsufficientAllowance>() || reverted.is::<ERC20InsufficientBalance>());
    assert_eq!(scene.of(scene.alice).stake, U256::ZERO);
    assert!(!scene.refused(scene.alice, IJury::stakeCall { amount: U256::MAX }).0.is_empty());
}

#[test]
fn stake_leaves_after_the_cooldown_to_any_receiver() {
    let (scene, [juror]) = Scene::with([100]);
    scene.done(juror, IJury::requestUnstakeCall { amount: pali(40) });
    let from = scene.world.now() + TIMES[5];
    let event: UnstakeRequested = scene.last();
    assert_eq!((event.amount, event.stake, event.leavingAt), (pali(40), pali(60), from));
    let state = scene.of(juror);
    assert_eq!((state.stake, state.leaving, state.leavingAt), (pali(60), pali(40), from));
    scene.world.warp_to(from - 1);
    let withdraw = || IJury::withdrawCall { receiver: scene.alice };
    assert_eq!(scene.refused(juror, withdraw()).expect::<TooEarly>().due, u(from));
    scene.world.warp_to(from);
    assert_eq!(scene.done(juror, withdraw()), pali(40));
    assert_eq!(scene.balance(scene.token, scene.alice), pali(40));
    assert_eq!(scene.read(IJury::heldOfCall { asset: scene.token }), pali(60));
    let event: Unstaked = scene.last();
    assert_eq!((event.juror, event.receiver, event.amount), (juror, scene.alice, pali(40)));
    assert_eq!(scene.refused(juror, withdraw()).expect::<NothingLeaving>().juror, juror);
}

#[test]
fn a_second_request_begins_the_cooldown_anew() {
    let (scene, [juror]) = Scene::with([100]);
    scene.done(juror, IJury::requestUnstakeCall { amount: pali(40) });
    scene.world.warp(TIMES[5] - 1);
    scene.done(juror, IJury::requestUnstakeCall { amount: pali(10) });
    assert_eq!(scene.of(juror).leaving, pali(50));
    scene.world.warp(1);
    scene.refused(juror, IJury::withdrawCall { receiver: juror }).expect::<TooEarly>();
    scene.world.warp(TIMES[5]);
    assert_eq!(scene.done(juror, IJury::withdrawCall { receiver: juror }), pali(50));
}

#[test]
fn what_is_leaving_may_stay_but_counts_as_new() {
    let (scene, [juror]) = Scene::with([100]);
    scene.done(juror, IJury::requestUnstakeCall { amount: pali(40) });
    assert_eq!(scene.done(juror, IJury::cancelUnstakeCall {}), pali(40));
    let event: UnstakeCancelled = scene.last();
    assert_eq!((event.juror, event.amount, event.stake), (juror, pali(40), pali(100)));
    let id = scene.open();
    assert_eq!(scene.weight(id, juror), pali(60));
    scene.refused(juror, IJury::cancelUnstakeCall {}).expect::<NothingLeaving>();
}

#[test]
fn no_more_leaves_than_is_there() {
    let (scene, [juror]) = Scene::with([100]);
    scene.refused(juror, IJury::requestUnstakeCall { amount: U256::ZERO }).expect::<ZeroAmount>();
    let error = scene.refused(juror, IJury::requestUnstakeCall { amount: pali(101) }).expect::<InsufficientStake>();
    assert_eq!((error.juror, error.stake, error.needed), (juror, pali(100), pali(101)));
    scene.done(juror, IJury::requestUnstakeCall { amount: pali(100) });
    assert_eq!(scene.of(juror).stake, U256::ZERO);
    assert_eq!(scene.read(IJury::totalStakeCall {}), U256::ZERO);
}

#[test]
fn stake_is_locked_until_the_vote_is_settled() {
    let (scene, [juror]) = Scene::with([100]);
    let id = scene.open();
    scene.commit(id, juror, YES);
    let unstake = || IJury::requestUnstakeCall { amount: u(1) };
    let error = scene.refused(juror, unstake()).expect::<StakeLocked>();
    assert_eq!((error.juror, error.openVotes), (juror, u(1)));
    scene.end(id);
    scene.refused(juror, unstake()).expect::<StakeLocked>();
    scene.settle(id, juror);
    scene.done(juror, unstake());
}

#[test]
fn weight_is_the_least_stake_since_the_window_before_the_filing() {
    let scene = Scene::new();
    let juror = scene.juror("juror", pali(100));
    let staked = scene.world.now();
    let at = |snapshot: u64| {
        let id = scene.open_with(&Opening { snapshot, ..scene.opening() });
        scene.weight(id, juror)
    };
    scene.world.warp_to(staked + TIMES[0] - 1);
    assert_eq!(at(scene.world.now()), U256::ZERO, "a second too young");
    scene.world.warp_to(staked + TIMES[0]);
    assert_eq!(at(scene.world.now()), pali(100), "just old enough");
    assert_eq!(at(scene.world.now() - 1), U256::ZERO, "filed a second before");
    // More comes and does not count, most of it leaves and counts no more, even where it comes back.
    scene.fund(juror, pali(400));
    scene.done(juror, IJury::stakeCall { amount: pali(400) });
    assert_eq!(at(scene.world.now()), pali(100));
    scene.done(juror, IJury::requestUnstakeCall { amount: pali(450) });
    scene.done(juror, IJury::cancelUnstakeCall {});
    assert_eq!(at(scene.world.now()), pali(50));
    scene.world.warp(TIMES[0]);
    assert_eq!(at(scene.world.now()), pali(500));
}

#[test]
fn unstaking_after_a_case_was_opened_lowers_the_weight() {
    let (scene, [juror]) = Scene::with([100]);
    let id = scene.open();
    scene.done(juror, IJury::requestUnstakeCall { amount: pali(70) });
    assert_eq!(scene.weight(id, juror), pali(30));
    scene.done(juror, IJury::cancelUnstakeCall {});
    assert_eq!(scene.weight(id, juror), pali(30));
}

#[test]
fn many_additions_never_count_too_much_nor_lose_the_old_stake() {
    let (scene, [juror]) = Scene::with([1_000]);
    scene.fund(juror, pali(100));
    let start = scene.world.now();
    for _ in 0..20 {
        scene.world.warp(DAY);
        scene.done(juror, IJury::stakeCall { amount: pali(1) });
    }
    assert_eq!(scene.of(juror).stake, pali(1_020));
    for (day, exact) in [(0, 1_000), (14, 1_000), (20, 1_006)] {
        let id = scene.open_with(&Opening { snapshot: start + day * DAY, ..scene.opening() });
        let weight = scene.weight(id, juror);
        assert!(weight >= pali(1_000) && weight <= pali(exact), "{day} {weight}");
    }
    scene.world.warp(TIMES[0]);
    let id = scene.open();
    assert_eq!(scene.weight(id, juror), pali(1_020));
}

#[test]
fn a_key_commits_for_the_juror_and_can_do_nothing_else() {
    let (scene, [juror, other]) = Scene::with([100, 100]);
    let key = scene.world.address("hot");
    let id = scene.open();
    assert_eq!(scene.refused(key, scene.commit_call(id, juror, YES)).expect::<NotJuror>().caller, key);
    scene.done(juror, IJury::setKeyCall { key });
    let event: KeySet = scene.last();
    assert_eq!((event.juror, event.key), (juror, key));
    assert_eq!(scene.of(juror).key, key);
    scene.done(key, scene.commit_call(id, juror, YES));
    let error = scene.refused(key, scene.commit_call(id, other, NO)).expect::<NotJuror>();
    assert_eq!((error.caller, error.juror), (key, other));
    scene.pass(id);
    scene.done(key, scene.reveal_call(id, juror, YES));
    scene.end(id);
    scene.settle(id, juror);
    // nothing of the juror's is the key's
    scene.refused(key, IJury::requestUnstakeCall { amount: u(1) }).expect::<InsufficientStake>();
    scene.refused(key, IJury::withdrawCall { receiver: key }).expect::<NothingLeaving>();
    let credit = IJury::withdrawCreditCall { asset: scene.asset.at, receiver: key };
    scene.refused(key, credit).expect::<IJury::NothingToWithdraw>();
    // and it can be taken away
    scene.done(juror, IJury::setKeyCall { key: Address::ZERO });
    let id = scene.open();
    scene.refused(key, scene.commit_call(id, juror, YES)).expect::<NotJuror>();
}
