//! How much is emitted, when, and out of what.

use alloy_primitives::U256;
use protocol::abi::{
    IRewards::{self, EmissionChanged, Funded, NothingToFund, UnknownToken},
    IVault,
};

use crate::scene::{M, PALI, Scene, u};

/// What is emitted a second where the vault has so many millions and is meant to have a hundred.
fn rate_at(millions: u64) -> U256 {
    let scene = Scene::new();
    scene.gate.target.set(1_000 * M); // room for the deposit
    if millions > 0 {
        scene.deposit(scene.alice, millions * M);
    }
    scene.gate.target.set(100 * M);
    let rate = scene.done(scene.carol, IRewards::pokeCall {});
    assert_eq!(rate, scene.rate());
    rate
}

#[test]
fn the_emission_follows_the_curve_over_the_vaults_target() {
    for (millions, bps) in [(0, 0), (50, 7_500), (100, 10_000), (110, 9_000), (120, 8_000), (200, 8_000)] {
        assert_eq!(rate_at(millions), u(PALI / 10_000 * bps), "{millions} % of the target");
    }
}

#[test]
fn a_new_rate_is_told_with_what_it_comes_from_and_an_old_one_is_not() {
    let scene = Scene::new();
    let before = scene.events::<EmissionChanged>().len();
    scene.stake(scene.alice, 50 * M);
    scene.done(scene.carol, IRewards::pokeCall {});
    let changed = scene.events::<EmissionChanged>().split_off(before);
    assert_eq!(changed.len(), 1);
    let told = (changed[0].perSecond, changed[0].capital, changed[0].target);
    assert_eq!(told, (u(PALI * 3 / 4), u(50 * M), u(100 * M)));
}

#[test]
fn time_is_emitted_at_the_rate_that_was_stored_and_poke_stores_the_new_one() {
    let scene = Scene::funded();
    scene.stake(scene.alice, 50 * M);
    let start = scene.earned(scene.alice);
    scene.world.warp(100);
    // The vault has twice as much now, and nobody has told the rewards.
    scene.deposit(scene.bob, 50 * M);
    scene.world.warp(100);
    assert!((scene.earned(scene.alice) - start).abs_diff(u(150 * PALI)) <= U256::ONE);
    assert_eq!(scene.rate(), u(PALI * 3 / 4));
    assert_eq!(scene.done(scene.carol, IRewards::pokeCall {}), u(PALI));
    assert!((scene.earned(scene.alice) - start).abs_diff(u(150 * PALI)) <= U256::ONE, "a poke pays nothing by itself");
    scene.world.warp(100);
    assert!((scene.earned(scene.alice) - start).abs_diff(u(250 * PALI)) <= u(2u64));
}

#[test]
fn a_request_that_is_taken_back_leaves_another_rate_until_anybody_pokes() {
    let scene = Scene::funded();
    scene.stake(scene.alice, 50 * M);
    let shares = scene.deposit(scene.bob, 50 * M);
    scene.request(scene.bob, shares);
    assert_eq!(scene.done(scene.bob, IRewards::pokeCall {}), u(PALI * 3 / 4));
    let (controller, receiver) = (scene.bob, scene.bob);
    let cancel = IVault::cancelRedeemRequestCall { requestId: U256::ZERO, controller, receiver };
    assert_eq!(scene.done_at(scene.vault, scene.bob, cancel), shares, "at no cost");
    scene.world.warp(100);
    assert!(scene.earned(scene.alice).abs_diff(u(75 * PALI)) <= U256::ONE);
    assert_eq!(scene.done(scene.alice, IRewards::pokeCall {}), u(PALI));
}

#[test]
fn every_operation_of_stakers_reads_the_vault_again() {
    let scene = Scene::funded();
    let shares = scene.stake(scene.alice, 100 * M);
    let part = shares / u(10u64);
    let mut target = 100 * M;
    let mut changes = |what: &str| {
        // At a target of twice the capital and at one equal to it, by turns.
        let expected = if target == 100 * M { PALI } else { PALI * 3 / 4 };
        assert!(scene.rate().abs_diff(u(expected)) <= u(1_000_000u64), "{what}: {}", scene.rate());
        target = if target == 100 * M { 200 * M } else { 100 * M };
        scene.gate.target.set(target);
    };
    changes("stake");
    scene.done(scene.alice, IRewards::claimCall { receiver: scene.alice });
    changes("claim");
    scene.done(scene.alice, IRewards::requestUnstakeCall { shares: part });
    changes("requestUnstake");
    scene.weeks(3);
    scene.done(scene.alice, IRewards::unstakeCall { receiver: scene.alice });
    changes("unstake");
    scene.fund(1);
    changes("fund");
    scene.done(scene.alice, IRewards::stakeCall { shares: part, account: scene.bob });
    changes("stake for another");
    scene.done(scene.owner, IRewards::setEmissionCall { mostPerSecond: PALI });
    changes("setEmission");
}

#[test]
fn nothing_is_emitted_while_nothing_is_staked_and_that_time_is_never_paid() {
    let scene = Scene::funded();
    let shares = scene.deposit(scene.alice, 100 * M);
    scene.done(scene.carol, IRewards::pokeCall {});
    scene.weeks(10);
    let emission = scene.read(IRewards::emissionCall {});
    assert_eq!((emission.perSecond, emission.promised, emission.free), (u(PALI), U256::ZERO, u(1_000_000_000 * PALI)));
    scene.done(scene.alice, IRewards::stakeCall { shares, account: scene.alice });
    assert_eq!(scene.earned(scene.alice), U256::ZERO);
    scene.world.warp(10);
    assert!(scene.earned(scene.alice).abs_diff(u(10 * PALI)) <= U256::ONE);
}

#[test]
fn no_more_is_promised_than_is_held_and_the_gap_is_never_paid() {
    let scene = Scene::new();
    scene.stake(scene.alice, 100 * M);
    scene.fund(100 * PALI);
    scene.world.warp(1_000); // ten times what is there
    let emission = scene.read(IRewards::emissionCall {});
    assert_eq!((emission.promised, emission.free), (u(100 * PALI), U256::ZERO));
    assert!(scene.earned(scene.alice).abs_diff(u(100 * PALI)) <= U256::ONE);
    // New funds pay from their coming on, whether somebody poked in the gap or not.
    scene.fund(1_000 * PALI);
    assert!(scene.earned(scene.alice).abs_diff(u(100 * PALI)) <= U256::ONE);
    scene.world.warp(50);
    assert!(scene.earned(scene.alice).abs_diff(u(150 * PALI)) <= u(2u64));
    assert!(scene.claim(scene.alice) <= u(150 * PALI));
    let emission = scene.read(IRewards::emissionCall {});
    assert!(emission.promised <= u(2u64) && emission.free == u(950 * PALI));
    assert_eq!(scene.pali_of(scene.rewards), emission.promised + emission.free);
}

#[test]
fn what_is_sent_is_a_fund_once_it_is_taken_in_and_nothing_is_taken_in_twice() {
    let scene = Scene::new();
    scene.stake(scene.alice, 100 * M);
    scene.send_pali(500 * PALI);
    scene.world.warp(100);
    assert_eq!(scene.earned(scene.alice), U256::ZERO, "nothing is booked yet");
    assert_eq!(scene.done(scene.bob, IRewards::fundCall { token: scene.pali }), u(500 * PALI));
    let funded = scene.events::<Funded>();
    assert_eq!((funded[0].token, funded[0].amount), (scene.pali, u(500 * PALI)));
    scene.world.warp(100);
    let error = scene.refused(scene.bob, IRewards::fundCall { token: scene.pali }).expect::<NothingToFund>();
    assert_eq!(error.token, scene.pali);
    for token in [scene.vault, scene.policy] {
        let error = scene.refused(scene.bob, IRewards::fundCall { token }).expect::<UnknownToken>();
        assert_eq!(error.token, token);
    }
}

/// Funds for rebates store a new rate too, and the time before them was at the old one.
#[test]
fn funds_for_rebates_price_no_time_that_has_passed_anew() {
    let scene = Scene::funded();
    scene.stake(scene.alice, 100 * M);
    let fund = || {
        scene.usd.mint(&scene.world, scene.rewards, U256::ONE);
        scene.done(scene.carol, IRewards::fundCall { token: scene.usd.at });
    };
    // A hundred seconds at the whole rate are not taken back by run-off.
    scene.world.warp(100);
    scene.done_at(scene.vault, scene.owner, IVault::orderRunOffCall { ordered: true });
    fund();
    assert_eq!(scene.rate(), U256::ZERO);
    assert!(scene.earned(scene.alice).abs_diff(u(100 * PALI)) <= U256::ONE, "{}", scene.earned(scene.alice));
    // Nor is a time without any emission paid once that ends.
    scene.weeks(1);
    scene.done_at(scene.vault, scene.owner, IVault::orderRunOffCall { ordered: false });
    fund();
    assert_eq!(scene.rate(), u(PALI));
    assert!(scene.earned(scene.alice).abs_diff(u(100 * PALI)) <= U256::ONE, "{}", scene.earned(scene.alice));
    scene.world.warp(10);
    assert!(scene.earned(scene.alice).abs_diff(u(110 * PALI)) <= u(2u64));
}

#[test]
fn nothing_is_emitted_where_no_capital_is_wanted() {
    let scene = Scene::funded();
    scene.stake(scene.alice, 100 * M);
    scene.gate.target.set(0);
    assert_eq!(scene.done(scene.carol, IRewards::pokeCall {}), U256::ZERO);
    let earned = scene.earned(scene.alice);
    scene.weeks(1);
    assert_eq!(scene.earned(scene.alice), earned);
}

#[test]
fn nothing_is_emitted_in_run_off_and_it_goes_on_when_that_ends() {
    let scene = Scene::funded();
    scene.stake(scene.alice, 100 * M);
    scene.done_at(scene.vault, scene.owner, IVault::orderRunOffCall { ordered: true });
    assert_eq!(scene.done(scene.carol, IRewards::pokeCall {}), U256::ZERO);
    let changed = scene.events::<EmissionChanged>();
    let last = changed.last().unwrap();
    assert_eq!((last.perSecond, last.capital, last.target), (U256::ZERO, u(100 * M), u(100 * M)));
    scene.done_at(scene.vault, scene.owner, IVault::orderRunOffCall { ordered: false });
    assert_eq!(scene.done(scene.carol, IRewards::pokeCall {}), u(PALI));
}

#[test]
fn nothing_is_emitted_while_the_vault_owes() {
    let scene = Scene::funded();
    scene.stake(scene.alice, 100 * M);
    scene.gate.reserve.set(100 * M);
    scene.lose(100 * M); // out of 200 that could be claimed, half of it is paid
    assert!(scene.world.read(scene.vault, IVault::solvencyCall {}).owed > U256::ZERO);
    assert_eq!(scene.done(scene.carol, IRewards::pokeCall {}), U256::ZERO);
}

#[test]
fn a_reserve_above_the_assets_alone_stops_nothing() {
    let scene = Scene::funded();
    scene.stake(scene.alice, 100 * M);
    scene.gate.reserve.set(101 * M);
    assert!(scene.world.read(scene.vault, IVault::solvencyCall {}).closed);
    assert_eq!(scene.done(scene.carol, IRewards::pokeCall {}), u(PALI));
}

#[test]
fn before_the_vault_is_wired_nothing_is_emitted_and_afterwards_it_is() {
    let scene = Scene::unwired();
    scene.done(scene.owner, IRewards::setEmissionCall { mostPerSecond: PALI });
    assert_eq!(scene.done(scene.carol, IRewards::pokeCall {}), U256::ZERO);
    scene.wire();
    scene.deposit(scene.alice, 100 * M);
    assert_eq!(scene.done(scene.carol, IRewards::pokeCall {}), u(PALI));
}

#[test]
fn a_target_that_cannot_be_read_leaves_the_rate_and_stops_nobody() {
    let scene = Scene::funded();
    let shares = scene.stake(scene.alice, 100 * M);
    scene.done(scene.alice, IRewards::requestUnstakeCall { shares: shares / u(2u64) });
    scene.weeks(3);
    let breakages: [&dyn Fn(); 2] = [&|| scene.gate.broken.set(true), &|| {
        scene.gate.broken.set(false);
        scene.gate.absurd.set(Some(U256::MAX));
    }];
    for break_it in breakages {
        break_it();
        assert_eq!(scene.done(scene.carol, IRewards::pokeCall {}), u(PALI));
        assert!(scene.claim(scene.alice) > U256::ZERO);
        scene.world.warp(10);
        assert!(scene.earned(scene.alice).abs_diff(u(10 * PALI)) <= u(2u64), "the stored rate goes on");
    }
    assert_eq!(scene.done(scene.alice, IRewards::unstakeCall { receiver: scene.alice }), shares / u(2u64));
    // The owner can still stop it, and what it allows is never passed.
    scene.done(scene.owner, IRewards::setEmissionCall { mostPerSecond: PALI / 10 });
    assert_eq!(scene.rate(), u(PALI / 10));
    let last = scene.events::<EmissionChanged>().pop().unwrap();
    assert_eq!((last.perSecond, last.capital, last.target), (u(PALI / 10), U256::ZERO, U256::ZERO));
    scene.done(scene.owner, IRewards::setEmissionCall { mostPerSecond: 0 });
    assert_eq!(scene.rate(), U256::ZERO);
}
