//! The program and the Solidity interface agree.

use std::collections::BTreeSet;

use alloy_primitives::U256;
use alloy_sol_types::SolInterface;
use protocol::abi::{IOwned, IRewards};
use rewards::Rewards;
use testkit::World;

use crate::scene::{M, PALI, Scene, u};

fn selectors() -> BTreeSet<[u8; 4]> {
    IRewards::IRewardsCalls::selectors().chain(IOwned::IOwnedCalls::selectors()).collect()
}

#[test]
fn the_program_has_each_function_of_the_interface_and_no_other() {
    let world = World::new();
    for selector in selectors() {
        assert!(world.routes::<Rewards>(selector), "{selector:x?}");
    }
    // Rows are counted in the source, because a router cannot be asked for what it knows.
    let rows = include_str!("../../src/lib.rs").lines().filter(|line| line.contains("Call => ")).count();
    assert_eq!(rows, selectors().len());
    assert_eq!(rows, IRewards::IRewardsCalls::COUNT + IOwned::IOwnedCalls::COUNT, "no two share a selector");
}

#[test]
fn no_function_takes_ether_and_no_other_is_known() {
    let scene = Scene::new();
    scene.world.set_ether(scene.alice, U256::from(selectors().len()));
    for selector in selectors() {
        let data = [&selector[..], &[0; 32 * 7]].concat();
        assert_eq!(scene.world.transact(scene.alice, scene.rewards, U256::ONE, data), Err(vec![]));
    }
    assert_eq!(scene.world.ether(scene.rewards), U256::ZERO);
    for data in [vec![], vec![1, 2, 3, 4]] {
        assert_eq!(scene.world.transact(scene.alice, scene.rewards, U256::ZERO, data), Err(vec![]));
    }
}

#[test]
fn the_words_are_where_the_picture_says() {
    let scene = Scene::funded();
    let shares = scene.stake(scene.alice, 100 * M);
    let leaving = shares / u(4u64);
    let ready = scene.done(scene.alice, IRewards::requestUnstakeCall { shares: leaving });
    scene.done(scene.owner, IRewards::setLoyaltyCall { bps: 0, leastSeconds: 0 });
    let word = |slot: u64| U256::from_be_bytes(scene.world.storage_at(scene.rewards, u(slot)).0);
    let address = |at: alloy_primitives::Address| U256::from_be_slice(at.as_slice());
    assert_eq!(word(0), address(scene.vault) | u(604_800u64) << 160 | u(2 * 604_800u64) << 192);
    assert_eq!(word(1), address(scene.world.address("risk")));
    assert_eq!(word(2), address(scene.policy) | U256::ONE << 160);
    assert_eq!((word(3), word(4)), (address(scene.pali), address(scene.usd.at)));
    assert_eq!(word(5), u(PALI) | u(PALI) << 96 | u(scene.world.now()) << 192);
    assert_eq!(word(7), u(1_000_000_000 * PALI) << 128);
    assert_eq!(word(8), (shares - leaving) | leaving << 128);
    assert!(ready > scene.world.now());
}

/// Storage is what operations cost: how many new words each of them fills, the first and the second time.
#[test]
fn the_second_operation_of_its_kind_fills_no_new_word() {
    let scene = Scene::funded();
    let shares = scene.deposit(scene.alice, 100 * M) / u(10u64);
    let mut words = scene.world.slots_of(scene.rewards);
    let mut new_words = |operation: &str, expected: isize| {
        let now = scene.world.slots_of(scene.rewards);
        assert_eq!(now as isize - words as isize, expected, "{operation}");
        words = now;
    };
    let stake = || scene.done(scene.alice, IRewards::stakeCall { shares, account: scene.alice });
    stake();
    new_words("first stake of all: what is staked, a stake", 2);
    scene.world.warp(1);
    stake();
    new_words("second stake: the index, and that of the staker", 2);
    scene.world.warp(1);
    stake();
    new_words("third stake", 0);
    scene.claim(scene.alice);
    new_words("a claim", 0);
    let unstake = || scene.done(scene.alice, IRewards::requestUnstakeCall { shares });
    unstake();
    new_words("first request", 1);
    unstake();
    new_words("second request", 0);
    scene.weeks(3);
    scene.done(scene.alice, IRewards::unstakeCall { receiver: scene.alice });
    new_words("what was leaving is gone", -1);
}
