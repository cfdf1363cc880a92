//! What governance may do, and nobody else; and how the contract begins.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use protocol::abi::{
    IERC20,
    IOwned::{self, ParameterOutOfBounds},
    IRewards::{self, Defunded, InsufficientFunds, MostEmissionSet},
};
use standards::errors::{AddressEmptyCode, ERC20InvalidReceiver, OwnableInvalidOwner, OwnableUnauthorizedAccount};
use testkit::token::Token;

use crate::{
    odd::Odd,
    scene::{LONG, M, PALI, Scene, u},
};

#[test]
fn only_the_owner_sets_anything_or_takes_anything_back() {
    let scene = Scene::funded();
    scene.done(scene.owner, IOwned::setGuardianCall { newGuardian: scene.guardian });
    let reverted = |who| {
        [
            scene.refused(who, IRewards::setEmissionCall { mostPerSecond: 1 }),
            scene.refused(who, IRewards::setLoyaltyCall { bps: 0, leastSeconds: LONG }),
            scene.refused(who, IRewards::defundCall { token: scene.pali, to: scene.alice, amount: U256::ONE }),
            scene.refused(who, IOwned::setGuardianCall { newGuardian: scene.alice }),
            scene.refused(who, IOwned::transferOwnershipCall { newOwner: scene.alice }),
        ]
    };
    for who in [scene.alice, scene.guardian, scene.vault, scene.policy] {
        for reverted in reverted(who) {
            assert_eq!(reverted.expect::<OwnableUnauthorizedAccount>().account, who);
        }
    }
    // The set-up key may until it gives itself up.
    scene.done(scene.setup, IRewards::setEmissionCall { mostPerSecond: 1 });
    scene.done(scene.setup, IOwned::finishSetupCall {});
    scene.refused(scene.setup, IRewards::setEmissionCall { mostPerSecond: 1 }).expect::<OwnableUnauthorizedAccount>();
}

#[test]
fn ownership_moves_in_two_steps() {
    let scene = Scene::new();
    scene.done(scene.owner, IOwned::transferOwnershipCall { newOwner: scene.alice });
    assert_eq!(scene.read(IOwned::ownerCall {}), scene.owner);
    assert_eq!(scene.read(IOwned::pendingOwnerCall {}), scene.alice);
    scene.refused(scene.bob, IOwned::acceptOwnershipCall {}).expect::<OwnableUnauthorizedAccount>();
    scene.done(scene.alice, IOwned::acceptOwnershipCall {});
    assert_eq!(scene.read(IOwned::ownerCall {}), scene.alice);
    scene.done(scene.alice, IOwned::setGuardianCall { newGuardian: scene.guardian });
    assert_eq!(scene.read(IOwned::guardianCall {}), scene.guardian);
}

#[test]
fn the_emission_is_at_most_a_thousand_tokens_a_second() {
    let scene = Scene::new();
    let most = 1_000 * PALI;
    let error = scene.refused(scene.owner, IRewards::setEmissionCall { mostPerSecond: most + 1 });
    let error = error.expect::<ParameterOutOfBounds>();
    assert_eq!((error.parameter, error.value), (B256::right_padding_from(b"mostPerSecond"), u(most + 1)));
    scene.done(scene.owner, IRewards::setEmissionCall { mostPerSecond: most });
    assert_eq!(scene.read(IRewards::emissionCall {}).mostPerSecond, most);
    assert_eq!(scene.events::<MostEmissionSet>().pop().unwrap().mostPerSecond, most);
}

#[test]
fn another_emission_begins_when_it_is_set() {
    let scene = Scene::funded();
    scene.stake(scene.alice, 100 * M);
    scene.world.warp(100);
    scene.done(scene.owner, IRewards::setEmissionCall { mostPerSecond: 3 * PALI });
    scene.world.warp(100);
    assert!(scene.earned(scene.alice).abs_diff(u(400 * PALI)) <= u(2u64));
    scene.done(scene.owner, IRewards::setEmissionCall { mostPerSecond: 0 });
    scene.weeks(1);
    assert!(scene.earned(scene.alice).abs_diff(u(400 * PALI)) <= u(2u64));
}

#[test]
fn what_was_promised_is_never_taken_back() {
    let scene = Scene::new();
    scene.fund(1_000 * PALI);
    scene.stake(scene.alice, 100 * M);
    scene.world.warp(400);
    let defund = |amount| IRewards::defundCall { token: scene.pali, to: scene.bob, amount: u(amount) };
    let error = scene.refused(scene.owner, defund(600 * PALI + 1)).expect::<InsufficientFunds>();
    assert_eq!((error.token, error.available, error.needed), (scene.pali, u(600 * PALI), u(600 * PALI + 1)));
    scene.done(scene.owner, defund(600 * PALI));
    assert_eq!(scene.pali_of(scene.bob), u(600 * PALI));
    let taken = scene.events::<Defunded>();
    assert_eq!((taken[0].token, taken[0].to, taken[0].amount), (scene.pali, scene.bob, u(600 * PALI)));
    scene.weeks(1);
    assert!(scene.claim(scene.alice).abs_diff(u(400 * PALI)) <= u(2u64));
    scene.refused(scene.owner, defund(1)).expect::<InsufficientFunds>();
}

#[test]
fn staked_and_leaving_shares_are_never_taken_and_those_that_nobody_staked_are() {
    let scene = Scene::new();
    let shares = scene.stake(scene.alice, 50 * M);
    scene.done(scene.alice, IRewards::requestUnstakeCall { shares: shares / u(2u64) });
    let defund = |amount| IRewards::defundCall { token: scene.vault, to: scene.bob, amount };
    let error = scene.refused(scene.owner, defund(U256::ONE)).expect::<InsufficientFunds>();
    assert_eq!((error.token, error.available), (scene.vault, U256::ZERO));
    let stray = scene.deposit(scene.carol, M);
    scene.done_at(scene.vault, scene.carol, IERC20::transferCall { to: scene.rewards, value: stray });
    scene.refused(scene.owner, defund(stray + U256::ONE)).expect::<InsufficientFunds>();
    scene.done(scene.owner, defund(stray));
    assert_eq!((scene.shares_of(scene.bob), scene.shares_of(scene.rewards)), (stray, shares));
}

#[test]
fn funds_for_rebates_and_any_other_token_can_be_taken_back() {
    let scene = Scene::new();
    scene.usd.mint(&scene.world, scene.rewards, u(M));
    scene.done(scene.carol, IRewards::fundCall { token: scene.usd.at });
    let defund = |token, amount| IRewards::defundCall { token, to: scene.bob, amount: u(amount) };
    let error = scene.refused(scene.owner, defund(scene.usd.at, M + 1)).expect::<InsufficientFunds>();
    assert_eq!((error.token, error.available, error.needed), (scene.usd.at, u(M), u(M + 1)));
    scene.done(scene.owner, defund(scene.usd.at, M));
    assert_eq!((scene.usd_of(scene.bob), scene.read(IRewards::rebateFundsCall {})), (u(M), U256::ZERO));
    let other = Token::deploy(&scene.world, scene.world.address("other"), 18);
    other.mint(&scene.world, scene.rewards, u(7u64));
    scene.done(scene.owner, defund(other.at, 7));
    assert_eq!(other.balance_of(&scene.world, scene.bob), u(7u64));
    for to in [Address::ZERO, scene.rewards] {
        let call = IRewards::defundCall { token: scene.usd.at, to, amount: U256::ZERO };
        scene.refused(scene.owner, call).expect::<ERC20InvalidReceiver>();
    }
}

#[test]
fn the_contract_begins_with_peers_that_exist_and_tokens_that_differ() {
    let odd = Odd::unconstructed();
    let (vault, pali, policy) = (odd.vault, odd.pali.at, odd.world.address("policy"));
    for (vault, token, policy) in [(odd.alice, pali, policy), (vault, odd.alice, policy), (vault, pali, odd.alice)] {
        let error = odd.construct(vault, token, policy).unwrap_err().expect::<AddressEmptyCode>();
        assert_eq!(error.target, odd.alice);
    }
    let bounds = |parameter: &[u8], value: U256| {
        let error = odd.construct(vault, pali, policy).unwrap_err().expect::<ParameterOutOfBounds>();
        assert_eq!((error.parameter, error.value), (B256::right_padding_from(parameter), value));
    };
    odd.habits.asset.set(pali);
    bounds(b"token", U256::from_be_slice(pali.as_slice()));
    odd.habits.asset.set(odd.world.address("asset"));
    let error = odd.construct(vault, vault, policy).unwrap_err().expect::<ParameterOutOfBounds>();
    assert_eq!(error.parameter, B256::right_padding_from(b"token"));
    for week in [U256::ZERO, U256::ONE << 32] {
        odd.habits.week.set(week);
        bounds(b"weekSeconds", week);
    }
    odd.habits.week.set(u(10u64));
    odd.habits.cooldown.set(U256::ONE << 32);
    bounds(b"cooldown", U256::ONE << 32);
    odd.habits.cooldown.set(u(20u64));
    odd.construct(vault, pali, policy).unwrap();
    assert_eq!(odd.construct(vault, pali, policy).unwrap_err().0, [0u8; 0], "once");
}

#[test]
fn there_is_no_contract_without_an_owner() {
    let scene = Scene::new();
    let arguments = (Address::ZERO, scene.setup, scene.vault, scene.pali, scene.policy);
    let arguments = alloy_sol_types::SolValue::abi_encode_params(&arguments);
    let at = scene.world.address("another");
    let error = scene.world.try_construct::<rewards::Rewards>(at, scene.setup, arguments).unwrap_err();
    assert_eq!(error.expect::<OwnableInvalidOwner>().owner, Address::ZERO);
    assert!(scene.world.routes::<rewards::Rewards>(IRewards::stakeCall::SELECTOR));
}
