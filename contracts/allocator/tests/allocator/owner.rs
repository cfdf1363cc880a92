//! What governance may do, and nobody else.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use protocol::abi::{
    IAllocator::{self, CapSet, QueueSet, StrategyAdded, StrategyRemoved},
    IOwned,
};
use standards::errors::{AddressEmptyCode, OwnableUnauthorizedAccount};
use testkit::{strategy::Erc4626, token::Token};

use crate::scene::{CAP, KEY, OTHER_KEY, Scene, u};

#[test]
fn only_the_vault_moves_money() {
    let scene = Scene::new();
    let strategy = scene.strategy("lender").at;
    for who in [scene.owner, scene.alice] {
        let reverted = [
            scene.refused(who, IAllocator::markCall {}),
            scene.refused(who, IAllocator::freeCall { needed: u(1) }),
            scene.refused(who, IAllocator::putCall { strategy, assets: u(1) }),
            scene.refused(who, IAllocator::takeCall { strategy, assets: u(1) }),
            scene.refused(who, IAllocator::harvestCall { strategy }),
        ];
        for reverted in reverted {
            assert_eq!(reverted.expect::<IOwned::UnauthorizedCaller>().account, who);
        }
    }
}

#[test]
fn only_the_owner_decides_about_strategies() {
    let scene = Scene::new();
    let strategy = scene.strategy("lender").at;
    for who in [scene.vault, scene.alice] {
        let reverted = [
            scene.refused(who, scene.add(scene.world.address("another"))),
            scene.refused(who, IAllocator::setCapCall { strategy, cap: u(1) }),
            scene.refused(who, IAllocator::setQueueCall { queue: vec![strategy] }),
            scene.refused(who, IAllocator::removeStrategyCall { strategy, force: true }),
        ];
        for reverted in reverted {
            assert_eq!(reverted.expect::<OwnableUnauthorizedAccount>().account, who);
        }
    }
}

#[test]
fn ownership_moves_in_two_steps() {
    let scene = Scene::new();
    scene.done(scene.owner, IOwned::transferOwnershipCall { newOwner: scene.alice });
    assert_eq!(scene.world.read(scene.allocator, IOwned::ownerCall {}), scene.owner);
    assert_eq!(scene.world.read(scene.allocator, IOwned::pendingOwnerCall {}), scene.alice);
    scene.refused(scene.vault, IOwned::acceptOwnershipCall {}).expect::<OwnableUnauthorizedAccount>();
    scene.done(scene.alice, IOwned::acceptOwnershipCall {});
    assert_eq!(scene.world.read(scene.allocator, IOwned::ownerCall {}), scene.alice);
    assert_eq!(scene.world.read(scene.allocator, IOwned::setupCall {}), Address::ZERO);
    scene.refused(scene.alice, IOwned::finishSetupCall {}).expect::<OwnableUnauthorizedAccount>();
    scene.done(scene.alice, IOwned::setGuardianCall { newGuardian: scene.vault });
    assert_eq!(scene.world.read(scene.allocator, IOwned::guardianCall {}), scene.vault);
}

#[test]
fn a_strategy_must_be_for_the_vaults_asset_and_not_the_vault() {
    let scene = Scene::new();
    let other = Token::deploy(&scene.world, scene.world.address("another token"), 6);
    let foreign = testkit::strategy::Strategy::deploy(&scene.world, scene.world.address("foreign"), &other);
    for wrong in [foreign.at, scene.vault, scene.token.at] {
        assert_eq!(scene.refused(scene.owner, scene.add(wrong)).expect::<IAllocator::WrongAsset>().strategy, wrong);
    }
    scene.refused(scene.owner, scene.add(scene.alice)).expect::<AddressEmptyCode>();
    let mute = scene.unlisted("mute");
    mute.revert_in(Erc4626::assetCall::SELECTOR);
    scene.refused(scene.owner, scene.add(mute.at)).expect::<IAllocator::WrongAsset>();
}

#[test]
fn there_are_at_most_eight_strategies_each_once_and_a_cap_has_96_bits() {
    let scene = Scene::new();
    let first = scene.strategy("0");
    scene.refused(scene.owner, scene.add(first.at)).expect::<IAllocator::StrategyAlreadyAdded>();
    let beyond = U256::ONE << 96;
    for error in [
        scene.refused(scene.owner, IAllocator::addStrategyCall { cap: beyond, ..scene.add(scene.unlisted("x").at) }),
        scene.refused(scene.owner, IAllocator::setCapCall { strategy: first.at, cap: beyond }),
    ] {
        let error = error.expect::<IOwned::ParameterOutOfBounds>();
        assert_eq!((error.parameter, error.value), (B256::right_padding_from(b"cap"), beyond));
    }
    for name in ["1", "2", "3", "4", "5", "6", "7"] {
        scene.strategy(name);
    }
    let ninth = scene.unlisted("8");
    assert_eq!(scene.refused(scene.owner, scene.add(ninth.at)).expect::<IAllocator::TooManyStrategies>().most, u(8));
    scene.done(scene.owner, IAllocator::removeStrategyCall { strategy: first.at, force: false });
    scene.done(scene.owner, scene.add(ninth.at));
    let added = scene.events::<StrategyAdded>();
    assert_eq!((added.len(), added[8].strategy, added[8].cap, added[8].riskKey), (9, ninth.at, u(CAP), KEY));
    assert_eq!(scene.info().len(), 8);
}

#[test]
fn what_is_not_a_strategy_is_refused_everywhere() {
    let scene = Scene::new();
    scene.strategy("lender");
    let strategy = scene.unlisted("stranger").at;
    for reverted in [
        scene.refused(scene.owner, IAllocator::setCapCall { strategy, cap: u(1) }),
        scene.refused(scene.owner, IAllocator::removeStrategyCall { strategy, force: true }),
        scene.refused(scene.vault, IAllocator::putCall { strategy, assets: u(1) }),
        scene.refused(scene.vault, IAllocator::takeCall { strategy, assets: u(1) }),
        scene.refused(scene.vault, IAllocator::harvestCall { strategy }),
    ] {
        assert_eq!(reverted.expect::<IAllocator::UnknownStrategy>().strategy, strategy);
    }
}

#[test]
fn no_more_is_booked_in_a_strategy_than_its_cap() {
    let scene = Scene::new();
    let strategy = scene.strategy("lender");
    scene.put(&strategy, CAP);
    let error = scene.try_put(&strategy, 1).unwrap_err().expect::<IAllocator::CapExceeded>();
    assert_eq!((error.strategy, error.book, error.cap), (strategy.at, u(CAP + 1), u(CAP)));
    scene.done(scene.owner, IAllocator::setCapCall { strategy: strategy.at, cap: u(CAP + 1) });
    scene.put(&strategy, 1);
    // A lower cap takes nothing out.
    scene.done(scene.owner, IAllocator::setCapCall { strategy: strategy.at, cap: u(0) });
    assert_eq!(scene.marks(), [CAP + 1; 3]);
    let caps: Vec<_> = scene.events::<CapSet>().iter().map(|event| (event.strategy, event.cap)).collect();
    assert_eq!(caps, [(strategy.at, u(CAP + 1)), (strategy.at, u(0))]);
    scene.try_put(&strategy, 1).unwrap_err().expect::<IAllocator::CapExceeded>();
}

#[test]
fn the_queue_is_the_order_in_which_money_comes_back() {
    let scene = Scene::new();
    let strategies = ["first", "second", "third"].map(|name| scene.strategy(name));
    for strategy in &strategies {
        scene.put(strategy, 100);
    }
    assert_eq!(scene.free(150), 150);
    let books = || strategies.each_ref().map(|strategy| strategy.assets(&scene.world).to::<u64>());
    assert_eq!(books(), [0, 50, 100]);
    let [first, second, third] = strategies.each_ref().map(|strategy| strategy.at);
    scene.done(scene.owner, IAllocator::setQueueCall { queue: vec![third, first, second] });
    assert_eq!(scene.free(110), 110);
    assert_eq!(books(), [0, 40, 0]);
    let order: Vec<_> = scene.info().iter().map(|info| info.strategy).collect();
    assert_eq!(order, [third, first, second]);
    let places: Vec<_> = scene.events::<QueueSet>().iter().map(|event| (event.strategy, event.place)).collect();
    assert_eq!(places, [(third, u(0)), (first, u(1)), (second, u(2))]);
    let twice = vec![first, first, second];
    let short = vec![first, second];
    let stranger = vec![first, second, scene.alice];
    for (queue, length) in [(twice, 3), (short, 2), (stranger, 3)] {
        let error = scene.refused(scene.owner, IAllocator::setQueueCall { queue }).expect::<IAllocator::WrongQueue>();
        assert_eq!(error.length, u(length));
    }
}

#[test]
fn what_is_booked_is_told_by_risk_key_and_by_strategy() {
    let scene = Scene::new();
    let [first, second] = ["first", "second"].map(|name| scene.strategy(name));
    let third = scene.unlisted("third");
    scene.done(scene.owner, IAllocator::addStrategyCall { riskKey: OTHER_KEY, ..scene.add(third.at) });
    scene.put(&first, 100);
    assert_eq!(scene.try_put(&second, 20).unwrap(), (KEY, u(120)));
    assert_eq!(scene.try_put(&third, 3).unwrap(), (OTHER_KEY, u(3)));
    let held = |risk_key: B256| scene.world.read(scene.allocator, IAllocator::heldOnCall { riskKey: risk_key });
    assert_eq!([KEY, OTHER_KEY, B256::ZERO].map(held), [120, 3, 0].map(u));
    first.gain(&scene.world, u(10));
    second.revert_in(Erc4626::convertToAssetsCall::SELECTOR);
    let info = scene.info();
    let told = |index: usize| {
        let IAllocator::StrategyInfo { strategy, riskKey, cap, shares, book, worth, answers } = info[index];
        (strategy, riskKey, [cap, shares, book, worth].map(|value| value.to::<u64>()), answers)
    };
    assert_eq!(told(0), (first.at, KEY, [CAP, 100, 100, 110], true));
    assert_eq!(told(1), (second.at, KEY, [CAP, 20, 20, 0], false));
    assert_eq!(told(2), (third.at, OTHER_KEY, [CAP, 3, 3, 3], true));
}

#[test]
fn a_removed_strategy_gives_back_what_it_has() {
    let scene = Scene::new();
    let [first, second] = ["first", "second"].map(|name| scene.strategy(name));
    scene.put(&first, 100);
    scene.put(&second, 50);
    first.gain(&scene.world, u(7));
    let returned = scene.done(scene.owner, IAllocator::removeStrategyCall { strategy: first.at, force: false });
    assert_eq!(returned, u(107));
    let removed = scene.events::<StrategyRemoved>();
    assert_eq!((removed[0].strategy, removed[0].returned, removed[0].writtenOff), (first.at, u(107), u(0)));
    assert_eq!(scene.info().iter().map(|info| info.strategy).collect::<Vec<_>>(), [second.at]);
    // It waits for the vault, and is as good as cash.
    assert_eq!(scene.world.read(scene.allocator, IAllocator::idleCall {}), u(107));
    assert_eq!(scene.marks(), [157; 3]);
    assert_eq!(scene.free(30), 30);
    assert_eq!(scene.harvest(Address::ZERO), 77);
    assert_eq!((scene.harvest(Address::ZERO), scene.cash()), (0, 107));
    assert_eq!(scene.marks(), [50; 3]);
}

#[test]
fn a_strategy_that_gives_nothing_back_is_removed_by_force_only_and_written_off() {
    let scene = Scene::new();
    let strategy = scene.strategy("lender");
    scene.put(&strategy, 100);
    let remove = |force: bool| IAllocator::removeStrategyCall { strategy: strategy.at, force };
    // Paused in either way, it says that there is something and does not give it.
    strategy.revert_in(Erc4626::redeemCall::SELECTOR);
    let error = scene.refused(scene.owner, remove(false)).expect::<IAllocator::StrategyNotEmpty>();
    assert_eq!((error.strategy, error.book), (strategy.at, u(100)));
    strategy.break_down(false);
    strategy.habits.limit.set(Some(0));
    scene.refused(scene.owner, remove(false)).expect::<IAllocator::StrategyNotEmpty>();
    strategy.habits.limit.set(None);
    strategy.break_down(true);
    scene.refused(scene.owner, remove(false)).expect::<IAllocator::StrategyNotEmpty>();
    assert_eq!(scene.done(scene.owner, remove(true)), u(0));
    let removed = scene.events::<StrategyRemoved>();
    assert_eq!((removed[0].returned, removed[0].writtenOff), (u(0), u(100)));
    assert_eq!((scene.marks(), scene.info().len()), ([0; 3], 0));

    // Should it work again one day, what it has is a gain.
    strategy.break_down(false);
    scene.done(scene.owner, scene.add(strategy.at));
    assert_eq!(scene.marks(), [0; 3]);
    assert_eq!((scene.harvest(strategy.at), scene.cash()), (100, 100));
}

#[test]
fn part_of_what_is_missing_is_written_off() {
    let scene = Scene::new();
    let strategy = scene.strategy("lender");
    scene.put(&strategy, 100);
    strategy.habits.short.set(true);
    let remove = |force: bool| IAllocator::removeStrategyCall { strategy: strategy.at, force };
    let error = scene.refused(scene.owner, remove(false)).expect::<IAllocator::StrategyNotEmpty>();
    assert_eq!(error.book, u(50));
    assert_eq!(scene.done(scene.owner, remove(true)), u(50));
    assert_eq!(scene.events::<StrategyRemoved>()[0].writtenOff, u(50));
    assert_eq!(scene.marks(), [50; 3]);
}
