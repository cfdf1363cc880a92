//! Strategies that work, and strategies that do not.

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use protocol::abi::IAllocator::{self, Divested, Harvested, Invested, LossBooked};
use standards::errors::ReentrancyGuardReentrantCall;
use testkit::{Reverted, strategy::Erc4626};

use crate::scene::{Scene, u};

#[test]
fn money_goes_in_and_comes_back() {
    let scene = Scene::new();
    let strategy = scene.strategy("lender");
    scene.put(&strategy, 100);
    assert_eq!((strategy.assets(&scene.world), scene.marks()), (u(100), [100; 3]));
    assert_eq!(scene.take(&strategy, 30), 30);
    assert_eq!((scene.cash(), scene.marks()), (30, [70; 3]));
    assert_eq!(scene.take(&strategy, 1_000), 70, "no more than its book");
    assert_eq!((scene.cash(), scene.marks()), (100, [0; 3]));
    assert_eq!(scene.take(&strategy, 1), 0);
    let invested = scene.events::<Invested>();
    assert_eq!((invested[0].strategy, invested[0].assets), (strategy.at, u(100)));
    let divested: Vec<_> = scene.events::<Divested>().iter().map(|event| (event.strategy, event.assets)).collect();
    assert_eq!(divested, [(strategy.at, u(30)), (strategy.at, u(70))]);
}

#[test]
fn a_gain_counts_for_who_enters_up_to_a_quarter_until_it_is_harvested() {
    let scene = Scene::new();
    let strategy = scene.strategy("lender");
    scene.put(&strategy, 100);
    strategy.gain(&scene.world, u(10));
    assert_eq!(scene.marks(), [100, 110, 100]);
    strategy.gain(&scene.world, u(90));
    assert_eq!(scene.marks(), [100, 125, 100]);
    assert_eq!(scene.harvest(strategy.at), 100);
    assert_eq!((scene.cash(), scene.marks()), (100, [100; 3]));
    assert_eq!(scene.harvest(strategy.at), 0);
    let harvested = scene.events::<Harvested>();
    assert_eq!((harvested.len(), harvested[0].strategy, harvested[0].assets), (1, strategy.at, u(100)));
}

#[test]
fn a_loss_is_booked_once_and_its_return_is_a_gain() {
    let scene = Scene::new();
    let strategy = scene.strategy("lender");
    scene.put(&strategy, 100);
    strategy.lose(&scene.world, u(20));
    assert_eq!(scene.marks(), [80; 3]);
    assert_eq!(scene.marks(), [80; 3]);
    let losses = scene.events::<LossBooked>();
    assert_eq!((losses.len(), losses[0].strategy, losses[0].loss), (1, strategy.at, u(20)));
    strategy.gain(&scene.world, u(20));
    assert_eq!(scene.marks(), [80, 100, 80]);
    assert_eq!(scene.harvest(strategy.at), 20);
    assert_eq!(scene.marks(), [80; 3]);
}

#[test]
fn a_strategy_that_does_not_tell_its_worth_is_booked_as_before_and_counts_as_nothing_for_who_leaves() {
    let scene = Scene::new();
    let [strategy, other] = ["lender", "other"].map(|name| scene.strategy(name));
    scene.put(&strategy, 100);
    scene.put(&other, 50);
    let unknown = [150, 150, 50];
    strategy.revert_in(Erc4626::convertToAssetsCall::SELECTOR);
    assert_eq!(scene.marks(), unknown);
    strategy.habits.verbose.set(true);
    assert_eq!(scene.marks(), unknown, "a revert of a megabyte");
    strategy.break_down(false);
    assert_eq!(scene.marks(), [150; 3], "an answer of a megabyte, whose first word is right");
    strategy.habits.verbose.set(false);
    strategy.habits.silent.set(true);
    assert_eq!(scene.marks(), unknown);
    strategy.habits.silent.set(false);
    strategy.habits.absurd.set(true);
    assert_eq!(scene.marks(), unknown, "more than there is money");
    strategy.habits.absurd.set(false);
    assert_eq!(scene.marks(), [150; 3]);
    assert!(scene.events::<LossBooked>().is_empty());
}

#[test]
fn a_lie_upwards_counts_for_a_quarter_and_a_lie_downwards_is_a_loss() {
    let scene = Scene::new();
    let strategy = scene.strategy("liar");
    scene.put(&strategy, 100);
    strategy.habits.says.set(Some((50, 1)));
    assert_eq!(scene.marks(), [100, 125, 100]);
    strategy.habits.says.set(Some((1, 2)));
    assert_eq!(scene.marks(), [50; 3]);
}

#[test]
fn a_gain_that_is_what_was_put_in_is_found_out() {
    let scene = Scene::new();
    let strategy = scene.strategy("liar");
    scene.put(&strategy, 100);
    strategy.habits.says.set(Some((13, 10)));
    assert_eq!(scene.harvest(strategy.at), 30, "it came in");
    strategy.habits.says.set(None);
    assert_eq!((scene.cash(), scene.marks()), (30, [70; 3]));
    assert_eq!(scene.events::<LossBooked>()[0].loss, u(9), "already with the harvest: 70 · 1.3 = 91");
}

#[test]
fn what_fails_on_the_way_in_fails_altogether() {
    let scene = Scene::new();
    let strategy = scene.strategy("lender");
    scene.put(&strategy, 100);
    let refused = || {
        let error = scene.try_put(&strategy, 100).unwrap_err().expect::<IAllocator::StrategyFailed>();
        assert_eq!(error.strategy, strategy.at);
        assert_eq!(strategy.assets(&scene.world), u(100));
    };
    for selector in
        [Erc4626::depositCall::SELECTOR, Erc4626::balanceOfCall::SELECTOR, Erc4626::convertToAssetsCall::SELECTOR]
    {
        strategy.revert_in(selector);
        refused();
    }
    strategy.break_down(false);
    strategy.habits.lazy.set(true);
    refused();
    strategy.habits.lazy.set(false);
    strategy.habits.greedy.set(true);
    refused();
    strategy.habits.greedy.set(false);
    strategy.habits.says.set(Some((98, 100)));
    refused();
    strategy.habits.says.set(Some((99, 100)));
    scene.put(&strategy, 100);
}

#[test]
fn what_was_not_transferred_here_cannot_be_put_anywhere() {
    let scene = Scene::new();
    let [strategy, removed] = ["lender", "removed"].map(|name| scene.strategy(name));
    let call = || IAllocator::putCall { strategy: strategy.at, assets: u(50) };
    scene.refused(scene.vault, call()).expect::<standards::errors::MathOverflow>();
    // What waits here for the vault is not there for that.
    scene.put(&removed, 100);
    scene.done(scene.owner, IAllocator::removeStrategyCall { strategy: removed.at, force: false });
    scene.refused(scene.vault, call()).expect::<standards::errors::MathOverflow>();
}

#[test]
fn who_gives_nothing_back_is_passed_over() {
    let scene = Scene::new();
    let [bad, good] = ["bad", "good"].map(|name| scene.strategy(name));
    scene.put(&bad, 100);
    scene.put(&good, 100);
    for selector in [Erc4626::maxWithdrawCall::SELECTOR, Erc4626::withdrawCall::SELECTOR] {
        bad.revert_in(selector);
        assert_eq!(scene.free(10), 10);
    }
    bad.habits.verbose.set(true);
    assert_eq!(scene.free(10), 10);
    bad.habits.verbose.set(false);
    bad.break_down(false);
    bad.habits.silent.set(true);
    assert_eq!(scene.free(10), 10);
    bad.habits.silent.set(false);
    bad.habits.limit.set(Some(0));
    assert_eq!(scene.free(10), 10);
    assert_eq!((bad.assets(&scene.world), good.assets(&scene.world)), (u(100), u(50)));
    bad.habits.limit.set(Some(15));
    assert_eq!(scene.free(40), 40);
    assert_eq!((bad.assets(&scene.world), good.assets(&scene.world)), (u(85), u(25)));
    assert_eq!(scene.free(1_000), 40, "all that there is to have now");
    assert_eq!((scene.cash(), scene.marks()), (130, [70; 3]));
}

#[test]
fn what_counts_as_come_back_is_what_arrived() {
    let scene = Scene::new();
    let strategy = scene.strategy("short");
    scene.put(&strategy, 100);
    strategy.habits.short.set(true);
    assert_eq!(scene.free(40), 20);
    assert_eq!(scene.cash(), 20);
    // Shares for 40 are gone, 20 of these stayed with the strategy: they are its shares' again.
    assert_eq!(scene.marks(), [80; 3]);
    // An absurd answer about what can be withdrawn makes nobody ask for more than the book.
    strategy.habits.short.set(false);
    strategy.habits.absurd.set(true);
    assert_eq!(scene.free(1_000), 80);
    assert_eq!(scene.marks()[0], 0);
}

#[test]
fn a_strategy_that_calls_back_finds_the_door_locked() {
    let scene = Scene::new();
    let strategy = scene.strategy("burglar");
    scene.put(&strategy, 100);
    let at = strategy.at;
    let intrusions = [
        IAllocator::markCall {}.abi_encode(),
        IAllocator::freeCall { needed: u(1) }.abi_encode(),
        IAllocator::putCall { strategy: at, assets: u(1) }.abi_encode(),
        IAllocator::takeCall { strategy: at, assets: u(1) }.abi_encode(),
        IAllocator::harvestCall { strategy: at }.abi_encode(),
        IAllocator::removeStrategyCall { strategy: at, force: true }.abi_encode(),
        scene.add(scene.alice).abi_encode(),
        IAllocator::valueCall {}.abi_encode(),
    ];
    for data in intrusions {
        *strategy.habits.hook.borrow_mut() = Some((scene.allocator, data));
        strategy.habits.hook_results.borrow_mut().clear();
        scene.put(&strategy, 10_000);
        strategy.gain(&scene.world, u(5_000));
        assert_eq!(scene.free(2_000), 2_000);
        assert_eq!(scene.take(&strategy, 3_000), 3_000);
        assert!(scene.harvest(at) > 4_990);
        let results = std::mem::take(&mut *strategy.habits.hook_results.borrow_mut());
        assert!(results.len() >= 8);
        for result in results {
            Reverted(result.unwrap_err()).expect::<ReentrancyGuardReentrantCall>();
        }
    }
}

/// Else somebody could make a good strategy look broken, and have others leave at half the price.
#[test]
fn who_gives_too_little_gas_is_refused() {
    let scene = Scene::new();
    let strategy = scene.strategy("lender");
    scene.put(&strategy, 100);
    for (gas, needed) in [(226_249, 226_250u64), (1_566_874, 1_566_875)] {
        scene.world.set_gas_left(Some(gas));
        let reverted = scene.refused(scene.vault, IAllocator::freeCall { needed: u(1) });
        let error = reverted.expect::<IAllocator::InsufficientGas>();
        assert_eq!((error.left, error.needed), (u(gas), u(needed)));
    }
    scene.world.set_gas_left(Some(1_566_875));
    assert_eq!(scene.free(1), 1);
    scene.world.set_gas_left(Some(226_249));
    scene.refused(scene.vault, IAllocator::markCall {}).expect::<IAllocator::InsufficientGas>();
    scene.world.set_gas_left(None);
}

#[test]
fn what_nobody_put_here_is_not_counted() {
    let scene = Scene::new();
    let strategy = scene.strategy("lender");
    scene.put(&strategy, 100);
    scene.token.mint(&scene.world, scene.allocator, u(7));
    assert_eq!(scene.marks(), [100; 3]);
    assert_eq!(scene.harvest(Address::ZERO), 0);
    assert_eq!(scene.world.read(scene.allocator, IAllocator::idleCall {}), U256::ZERO);
    scene.put(&strategy, 10);
    assert_eq!(scene.marks(), [110; 3]);
}
