//! Vesting: every function, error and role, OpenZeppelin's schedule by numbers, votes with the real token, and tokens with
//! bad habits.

use std::{cell::Cell, collections::BTreeSet, rc::Rc};

use alloy_primitives::{Address, U256, hex, uint};
use alloy_sol_types::{SolCall, SolEvent, SolInterface, SolValue};
use proptest::prelude::*;
use protocol::abi::{IERC20, IOwned, IVesting, IVotes};
use standards::errors::{
    AddressEmptyCode, FailedCall, InvalidReturnData, MathOverflow, OwnableInvalidOwner, OwnableUnauthorizedAccount,
    ReentrancyGuardReentrantCall, SafeERC20FailedOperation,
};
use stylus_sdk::ArbResult;
use testkit::{
    Context, Native, Reverted, World,
    token::{Erc20, Token as Coin},
};
use token::Token;
use vesting::{LONGEST_DURATION, Vesting};

const HOUR: u64 = 3_600;
const YEAR: u64 = 365 * 24 * HOUR;
/// As in OpenZeppelin's tests: 100 whole tokens over four years, the first of which is before the cliff.
const AMOUNT: U256 = uint!(100_000_000_000_000_000_000_U256);
const DURATION: u64 = 4 * YEAR;
const CLIFF: u64 = YEAR;

fn u(value: u64) -> U256 {
    U256::from(value)
}

/// An allocation of a token to Alice that begins in an hour.
struct Scene {
    world: World,
    token: Address,
    at: Address,
    owner: Address,
    alice: Address,
    bob: Address,
    carol: Address,
    start: u64,
}

impl Scene {
    /// Of PALI, with a cliff.
    fn new() -> Self {
        let scene = Self::with_cliff(CLIFF);
        scene.deposit(AMOUNT);
        scene
    }

    /// Of PALI, and nothing is there yet.
    fn with_cliff(cliff: u64) -> Self {
        let world = World::new();
        let token = world.address("token");
        let treasury = world.address("treasury");
        world.construct::<Token>(token, treasury, (treasury, AMOUNT * u(1_000)).abi_encode_params());
        Self::of(world, token, cliff)
    }

    /// Of a token with bad habits, over 1,000 seconds without a cliff.
    fn of_coin() -> (Self, Coin) {
        let world = World::new();
        let coin = Coin::deploy(&world, world.address("token"), 18);
        let mut scene = Self::of(world, coin.at, 0);
        scene.at = scene.world.address("short vesting");
        scene.build(scene.at, scene.arguments(0, 1_000)).unwrap();
        (scene, coin)
    }

    fn of(world: World, token: Address, cliff: u64) -> Self {
        let [at, owner, alice, bob, carol] =
            ["vesting", "timelock", "alice", "bob", "carol"].map(|name| world.address(name));
        let start = world.now() + HOUR;
        let scene = Self { world, token, at, owner, alice, bob, carol, start };
        scene.build(at, scene.arguments(cliff, DURATION)).unwrap();
        scene
    }

    fn arguments(&self, cliff: u64, duration: u64) -> Arguments {
        let (owner, token, beneficiary, start) = (self.owner, self.token, self.alice, self.start);
        Arguments { owner, token, beneficiary, start, cliff, duration }
    }

    fn build(&self, at: Address, arguments: Arguments) -> Result<(), Reverted> {
        let Arguments { owner, token, beneficiary, start, cliff, duration } = arguments;
        let arguments = (owner, token, beneficiary, start, cliff, duration).abi_encode_params();
        self.world.try_construct::<Vesting>(at, self.owner, arguments)
    }

    /// The treasury sends PALI here.
    fn deposit(&self, value: U256) {
        self.transfer(self.world.address("treasury"), self.at, value);
    }

    fn transfer(&self, from: Address, to: Address, value: U256) {
        self.world.send(from, self.token, IERC20::transferCall { to, value }).unwrap();
    }

    #[track_caller]
    fn done<C: SolCall>(&self, from: Address, call: C) -> C::Return {
        match self.world.send(from, self.at, call) {
            Ok(answer) => answer,
            Err(reverted) => panic!("{} reverted with 0x{}", C::SIGNATURE, hex::encode(reverted.0)),
        }
    }

    #[track_caller]
    fn refused<C: SolCall>(&self, from: Address, call: C) -> Reverted {
        self.world.refused(from, self.at, call)
    }

    fn read<C: SolCall>(&self, call: C) -> C::Return {
        self.world.read(self.at, call)
    }

    /// Somebody has the beneficiary paid.
    #[track_caller]
    fn release(&self) {
        self.done(self.carol, IVesting::releaseCall { token: self.token });
    }

    #[track_caller]
    fn revoke(&self) -> U256 {
        self.done(self.owner, IVesting::revokeCall { to: self.bob })
    }

    #[track_caller]
    fn delegate(&self, delegatee: Address) {
        self.done(self.alice, IVesting::delegateCall { delegatee });
    }

    fn vested(&self, timestamp: u64) -> U256 {
        self.read(IVesting::vestedAmountCall { token: self.token, timestamp })
    }

    fn released(&self) -> U256 {
        self.read(IVesting::releasedCall { token: self.token })
    }

    fn releasable(&self) -> U256 {
        self.read(IVesting::releasableCall { token: self.token })
    }

    fn balance(&self, account: Address) -> U256 {
        self.world.read(self.token, IERC20::balanceOfCall { account })
    }

    fn votes(&self, account: Address) -> U256 {
        self.world.read(self.token, IVotes::getVotesCall { account })
    }

    fn past_votes(&self, account: Address, timepoint: u64) -> U256 {
        self.world.read(self.token, IVotes::getPastVotesCall { account, timepoint: u(timepoint) })
    }

    fn last<E: SolEvent>(&self) -> E {
        self.world.events::<E>(self.at).pop().expect("there was one")
    }
}

#[derive(Clone, Copy)]
struct Arguments {
    owner: Address,
    token: Address,
    beneficiary: Address,
    start: u64,
    cliff: u64,
    duration: u64,
}

/// OpenZeppelin's `_vestingSchedule` with a cliff, word for word.
fn openzeppelins(total: U256, start: u64, cliff: u64, duration: u64, timestamp: u64) -> U256 {
    if timestamp < cliff || timestamp < start {
        U256::ZERO
    } else if timestamp >= start + duration {
        total
    } else {
        total * u(timestamp - start) / u(duration)
    }
}

// ——————————————————————————————————————————————————————————————————————————————————————— interface, construction

fn selectors() -> BTreeSet<[u8; 4]> {
    IVesting::IVestingCalls::selectors().chain(IOwned::IOwnedCalls::selectors()).collect()
}

#[test]
fn each_function_of_the_interface_is_in_the_program_and_no_other() {
    let world = World::new();
    for selector in selectors() {
        assert!(world.routes::<Vesting>(selector), "{selector:x?}");
    }
    let rows = include_str!("../src/lib.rs").lines().filter(|line| line.contains("Call => ")).count();
    assert_eq!(rows, selectors().len());
}

#[test]
fn functions_and_the_event_are_openzeppelins() {
    for (selector, signature) in [
        (IVesting::releaseCall::SELECTOR, hex!("19165587")), // release(address)
        (IVesting::releasedCall::SELECTOR, hex!("9852595c")),
        (IVesting::releasableCall::SELECTOR, hex!("a3f8eace")),
        (IVesting::vestedAmountCall::SELECTOR, hex!("810ec23b")),
        (IVesting::startCall::SELECTOR, hex!("be9a6555")),
        (IVesting::durationCall::SELECTOR, hex!("0fb5a6b4")),
        (IVesting::endCall::SELECTOR, hex!("efbe1c1c")),
        (IVesting::cliffCall::SELECTOR, hex!("13d033c0")),
    ] {
        assert_eq!(selector, signature);
    }
    assert_eq!(IVesting::ERC20Released::SIGNATURE, "ERC20Released(address,uint256)");
}

#[test]
fn no_function_takes_ether() {
    let scene = Scene::new();
    scene.world.set_ether(scene.owner, u(1_000));
    for selector in selectors() {
        let data = [&selector[..], &[0; 32 * 4]].concat();
        assert_eq!(scene.world.transact(scene.owner, scene.at, U256::ONE, data), Err(vec![]));
    }
    assert_eq!(scene.world.transact(scene.owner, scene.at, U256::ONE, vec![]), Err(vec![]));
}

#[test]
fn it_tells_its_terms() {
    let scene = Scene::new();
    let start = scene.start;
    assert_eq!(scene.read(IVesting::tokenCall {}), scene.token);
    assert_eq!(scene.read(IVesting::beneficiaryCall {}), scene.alice);
    assert_eq!(scene.read(IVesting::pendingBeneficiaryCall {}), Address::ZERO);
    assert_eq!(scene.read(IVesting::startCall {}), u(start));
    assert_eq!(scene.read(IVesting::cliffCall {}), u(start + CLIFF));
    assert_eq!(scene.read(IVesting::durationCall {}), u(DURATION));
    assert_eq!(scene.read(IVesting::endCall {}), u(start + DURATION));
    assert_eq!(scene.read(IVesting::revokedAtCall {}), U256::ZERO);
    let event = scene.last::<IVesting::BeneficiaryTransferred>();
    assert_eq!((event.beneficiary, event.next), (Address::ZERO, scene.alice));
}

#[test]
fn terms_that_are_none_are_refused() {
    let scene = Scene::new();
    let good = scene.arguments(CLIFF, DURATION);
    let at = scene.world.address("another");
    let refused = |arguments| scene.build(at, arguments).unwrap_err();
    refused(Arguments { owner: Address::ZERO, ..good }).expect::<OwnableInvalidOwner>();
    refused(Arguments { token: scene.bob, ..good }).expect::<AddressEmptyCode>();
    for beneficiary in [Address::ZERO, at] {
        let error = refused(Arguments { beneficiary, ..good }).expect::<IVesting::InvalidBeneficiary>();
        assert_eq!(error.beneficiary, beneficiary);
    }
    let error = refused(Arguments { cliff: DURATION + 1, ..good }).expect::<IVesting::InvalidCliffDuration>();
    assert_eq!((error.cliffSeconds, error.durationSeconds), (DURATION + 1, DURATION));
    for duration in [LONGEST_DURATION + 1, u64::MAX] {
        let error = refused(Arguments { duration, ..good }).expect::<IOwned::ParameterOutOfBounds>();
        assert_eq!((&error.parameter[..9], error.value), (&b"duration\0"[..], u(duration)));
    }
    let latest = scene.world.now() + LONGEST_DURATION;
    for start in [latest + 1, u64::MAX] {
        let error = refused(Arguments { start, ..good }).expect::<IOwned::ParameterOutOfBounds>();
        assert_eq!((&error.parameter[..6], error.value), (&b"start\0"[..], u(start)));
    }
    let long = Arguments { start: latest, cliff: LONGEST_DURATION, duration: LONGEST_DURATION, ..good };
    scene.build(at, long).unwrap();
    assert_eq!(scene.world.read(at, IVesting::endCall {}), u(latest + LONGEST_DURATION));
}

#[test]
fn there_is_no_setup_key_and_ownership_moves_in_two_steps() {
    let scene = Scene::new();
    assert_eq!(scene.read(IOwned::setupCall {}), Address::ZERO);
    scene.refused(scene.owner, IOwned::finishSetupCall {}).expect::<OwnableUnauthorizedAccount>();
    scene.done(scene.owner, IOwned::setGuardianCall { newGuardian: scene.carol });
    assert_eq!(scene.read(IOwned::guardianCall {}), scene.carol);
    scene.refused(scene.carol, IVesting::revokeCall { to: scene.carol }).expect::<OwnableUnauthorizedAccount>();
    scene.done(scene.owner, IOwned::transferOwnershipCall { newOwner: scene.bob });
    assert_eq!(scene.read(IOwned::pendingOwnerCall {}), scene.bob);
    scene.done(scene.bob, IOwned::acceptOwnershipCall {});
    assert_eq!(scene.read(IOwned::ownerCall {}), scene.bob);
    scene.refused(scene.owner, IVesting::revokeCall { to: scene.owner }).expect::<OwnableUnauthorizedAccount>();
}

// —————————————————————————————————————————————————————————————————————————————————————————————————————— schedule

#[test]
fn what_vests_by_when_is_openzeppelins_by_numbers() {
    let scene = Scene::new();
    for (elapsed, vested) in [
        (0, U256::ZERO),
        (CLIFF - 1, U256::ZERO),
        (CLIFF, uint!(25_000_000_000_000_000_000_U256)),
        (CLIFF + 1, uint!(25_000_000_792_744_799_594_U256)),
        (2 * YEAR, uint!(50_000_000_000_000_000_000_U256)),
        (3 * YEAR, uint!(75_000_000_000_000_000_000_U256)),
        (DURATION - 1, uint!(99_999_999_207_255_200_405_U256)),
        (DURATION, AMOUNT),
        (DURATION + 1, AMOUNT),
    ] {
        assert_eq!(scene.vested(scene.start + elapsed), vested, "{elapsed}");
    }
    assert_eq!((scene.vested(0), scene.vested(scene.start - 1)), (U256::ZERO, U256::ZERO));
    assert_eq!(scene.vested(u64::MAX), AMOUNT);
}

#[test]
fn without_a_cliff_it_vests_from_the_start() {
    let scene = Scene::with_cliff(0);
    scene.deposit(AMOUNT);
    assert_eq!((scene.vested(scene.start - 1), scene.vested(scene.start)), (U256::ZERO, U256::ZERO));
    assert_eq!(scene.vested(scene.start + 1), u(792_744_799_594));
}

#[test]
fn without_a_duration_all_vests_at_the_start() {
    let scene = Scene::new();
    let at = scene.world.address("another");
    scene.build(at, scene.arguments(0, 0)).unwrap();
    scene.transfer(scene.world.address("treasury"), at, u(5));
    let vested = |timestamp| scene.world.read(at, IVesting::vestedAmountCall { token: scene.token, timestamp });
    assert_eq!((vested(scene.start - 1), vested(scene.start)), (U256::ZERO, u(5)));
}

/// As OpenZeppelin's own tests walk through the schedule: 64 points, and a release at each.
#[test]
fn releases_keep_to_openzeppelins_schedule() {
    let scene = Scene::new();
    for point in 0..=64 {
        scene.world.warp_to(scene.start + point * DURATION / 60);
        let now = scene.world.now();
        let vested = openzeppelins(AMOUNT, scene.start, scene.start + CLIFF, DURATION, now);
        assert_eq!(scene.vested(now), vested);
        let due = vested - scene.released();
        assert_eq!(scene.releasable(), due);
        scene.release();
        let event = scene.last::<IVesting::ERC20Released>();
        assert_eq!((event.token, event.amount), (scene.token, due));
        assert_eq!((scene.balance(scene.alice), scene.released()), (vested, vested));
        assert_eq!((scene.balance(scene.at), scene.releasable()), (AMOUNT - vested, U256::ZERO));
    }
    assert_eq!(scene.balance(scene.alice), AMOUNT);
}

#[test]
fn a_release_before_the_cliff_pays_nothing_and_costs_nothing() {
    let scene = Scene::new();
    scene.world.warp_to(scene.start + CLIFF - 1);
    scene.release();
    assert_eq!((scene.balance(scene.alice), scene.balance(scene.at)), (U256::ZERO, AMOUNT));
    assert_eq!(scene.last::<IVesting::ERC20Released>().amount, U256::ZERO);
}

#[test]
fn what_comes_later_vests_as_if_it_had_been_there_from_the_start() {
    let scene = Scene::new();
    scene.world.warp_to(scene.start + 2 * YEAR);
    scene.release();
    scene.deposit(AMOUNT);
    assert_eq!(scene.releasable(), AMOUNT / u(2));
    scene.release();
    assert_eq!((scene.balance(scene.alice), scene.balance(scene.at)), (AMOUNT, AMOUNT));
    scene.world.warp_to(scene.start + DURATION);
    scene.release();
    assert_eq!(scene.balance(scene.alice), AMOUNT * u(2));
    // after the end it is due at once
    scene.deposit(u(7));
    assert_eq!(scene.releasable(), u(7));
}

#[test]
fn anyone_may_release_and_only_the_beneficiary_is_paid() {
    let scene = Scene::new();
    scene.world.warp_to(scene.start + DURATION);
    scene.done(scene.bob, IVesting::releaseCall { token: scene.token });
    assert_eq!((scene.balance(scene.alice), scene.balance(scene.bob)), (AMOUNT, U256::ZERO));
}

#[test]
fn an_allocation_takes_one_word_when_it_is_released() {
    let scene = Scene::new();
    let before = scene.world.slots_of(scene.at);
    scene.world.warp_to(scene.start + CLIFF);
    scene.release();
    assert_eq!(scene.world.slots_of(scene.at), before + 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Whatever comes when, and however often it is released: the beneficiary has what OpenZeppelin's schedule says of the
    /// sum, rounded down, and all of it at the end.
    #[test]
    fn the_order_of_deposits_and_releases_changes_nothing(
        cliff in 0..=1_000u64,
        steps in proptest::collection::vec((0..120u64, 0..10_000u64, any::<bool>()), 1..24),
    ) {
        let (mut scene, coin) = Scene::of_coin();
        scene.at = scene.world.address("with a cliff");
        scene.build(scene.at, scene.arguments(cliff, 1_000)).unwrap();
        let start = scene.start;
        scene.world.warp_to(start - 60);
        let mut total = U256::ZERO;
        for (seconds, deposit, release) in steps {
            scene.world.warp(seconds);
            coin.mint(&scene.world, scene.at, u(deposit));
            total += u(deposit);
            let vested = openzeppelins(total, start, start + cliff, 1_000, scene.world.now());
            prop_assert_eq!(scene.vested(scene.world.now()), vested);
            prop_assert_eq!(scene.releasable(), vested - scene.balance(scene.alice));
            if release {
                scene.release();
                prop_assert_eq!(scene.balance(scene.alice), vested);
            }
        }
        scene.world.warp(2_000);
        scene.release();
        prop_assert_eq!((scene.balance(scene.alice), scene.balance(scene.at)), (total, U256::ZERO));
    }

    /// A revocation takes what has not vested, to the unit, and changes nothing of what had.
    #[test]
    fn a_revocation_changes_nothing_of_what_has_vested(
        cliff in 0..=1_000u64, amount in 0..1_000_000u64, first in 0..1_200u64, second in 0..1_200u64, later in 0..2_000u64,
    ) {
        let (mut scene, coin) = Scene::of_coin();
        scene.at = scene.world.address("with a cliff");
        scene.build(scene.at, scene.arguments(cliff, 1_000)).unwrap();
        let start = scene.start;
        coin.mint(&scene.world, scene.at, u(amount));
        scene.world.warp_to(start - 60 + first);
        scene.release();
        scene.world.warp(second);
        let now = scene.world.now();
        let schedule = |timestamp| openzeppelins(u(amount), start, start + cliff, 1_000, timestamp);
        let vested = schedule(now);
        prop_assert_eq!(scene.revoke(), u(amount) - vested);
        prop_assert_eq!(scene.balance(scene.bob), u(amount) - vested);
        // what it says of the past is what it was, but for the rounding of what is kept
        for timestamp in (start - 60..=now).step_by(37) {
            let difference = schedule(timestamp) - scene.vested(timestamp);
            prop_assert!(difference <= U256::ONE, "{} {}", timestamp, difference);
        }
        scene.world.warp(later);
        prop_assert_eq!((scene.vested(now), scene.vested(u64::MAX)), (vested, vested));
        scene.release();
        prop_assert_eq!((scene.balance(scene.alice), scene.balance(scene.at)), (vested, U256::ZERO));
    }
}

// ————————————————————————————————————————————————————————————————————————————————————————————————————————— votes

#[test]
fn all_of_it_votes_while_it_vests() {
    let scene = Scene::new();
    assert_eq!(scene.votes(scene.alice), U256::ZERO);
    scene.delegate(scene.alice);
    assert_eq!(scene.votes(scene.alice), AMOUNT);
    assert_eq!(scene.world.read(scene.token, IVotes::delegatesCall { account: scene.at }), scene.alice);
    let then = scene.world.now();
    scene.world.warp(1);
    assert_eq!(scene.past_votes(scene.alice, then), AMOUNT);
    // what comes later too
    scene.deposit(u(5));
    assert_eq!(scene.votes(scene.alice), AMOUNT + u(5));
    scene.delegate(scene.bob);
    assert_eq!((scene.votes(scene.alice), scene.votes(scene.bob)), (U256::ZERO, AMOUNT + u(5)));
    scene.delegate(Address::ZERO);
    assert_eq!(scene.votes(scene.bob), U256::ZERO);
}

#[test]
fn what_is_released_votes_for_whom_its_holder_names() {
    let scene = Scene::new();
    scene.delegate(scene.bob);
    scene.world.warp_to(scene.start + CLIFF);
    scene.release();
    let vested = AMOUNT / u(4);
    assert_eq!((scene.votes(scene.bob), scene.votes(scene.alice)), (AMOUNT - vested, U256::ZERO));
    scene.world.send(scene.alice, scene.token, IVotes::delegateCall { delegatee: scene.alice }).unwrap();
    assert_eq!((scene.votes(scene.bob), scene.votes(scene.alice)), (AMOUNT - vested, vested));
    scene.world.warp_to(scene.start + DURATION);
    scene.release();
    assert_eq!((scene.votes(scene.bob), scene.votes(scene.alice)), (U256::ZERO, AMOUNT));
}

#[test]
fn what_is_revoked_votes_no_more_and_what_has_vested_does() {
    let scene = Scene::new();
    scene.delegate(scene.carol);
    scene.world.warp_to(scene.start + 2 * YEAR);
    let half = AMOUNT / u(2);
    assert_eq!(scene.revoke(), half);
    assert_eq!((scene.votes(scene.carol), scene.votes(scene.bob)), (half, U256::ZERO));
    scene.delegate(scene.alice);
    assert_eq!((scene.votes(scene.carol), scene.votes(scene.alice)), (U256::ZERO, half));
    scene.release();
    assert_eq!((scene.votes(scene.alice), scene.balance(scene.alice)), (U256::ZERO, half));
}

#[test]
fn only_the_beneficiary_says_whose_the_votes_are() {
    let scene = Scene::new();
    for from in [scene.owner, scene.bob, scene.token, scene.at] {
        let error =
            scene.refused(from, IVesting::delegateCall { delegatee: from }).expect::<IVesting::NotBeneficiary>();
        assert_eq!(error.account, from);
    }
    assert_eq!(scene.world.read(scene.token, IVotes::delegatesCall { account: scene.at }), Address::ZERO);
}

#[test]
fn a_token_without_votes_fails_to_delegate_and_vests_all_the_same() {
    let (scene, coin) = Scene::of_coin();
    coin.mint(&scene.world, scene.at, u(10));
    scene.refused(scene.alice, IVesting::delegateCall { delegatee: scene.alice }).expect::<FailedCall>();
    scene.world.warp_to(scene.start + 500);
    scene.release();
    assert_eq!(scene.balance(scene.alice), u(5));
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————— revocation

#[test]
fn what_has_not_vested_goes_back_and_what_has_stays() {
    let scene = Scene::new();
    scene.world.warp_to(scene.start + CLIFF);
    scene.release();
    scene.world.warp_to(scene.start + 3 * YEAR);
    let quarter = AMOUNT / u(4);
    assert_eq!(scene.revoke(), quarter);
    let event = scene.last::<IVesting::Revoked>();
    assert_eq!((event.returned, event.to), (quarter, scene.bob));
    assert_eq!(scene.read(IVesting::revokedAtCall {}), u(scene.start + 3 * YEAR));
    assert_eq!((scene.balance(scene.bob), scene.balance(scene.at), scene.releasable()), {
        let half = AMOUNT / u(2);
        (quarter, half, half)
    });
    // it stays so, however long nobody asks
    scene.world.warp(10 * YEAR);
    assert_eq!(scene.releasable(), AMOUNT / u(2));
    scene.release();
    assert_eq!(scene.balance(scene.alice), AMOUNT - quarter);
    // the terms are told as they were agreed
    assert_eq!(scene.read(IVesting::endCall {}), u(scene.start + DURATION));
    assert_eq!(scene.read(IVesting::beneficiaryCall {}), scene.alice);
}

#[test]
fn before_the_cliff_all_goes_back() {
    for time in [HOUR, CLIFF + HOUR - 1] {
        let scene = Scene::new();
        scene.world.warp(time);
        assert_eq!(scene.revoke(), AMOUNT);
        assert_eq!((scene.balance(scene.bob), scene.releasable()), (AMOUNT, U256::ZERO));
        scene.world.warp(DURATION);
        scene.release();
        assert_eq!(scene.balance(scene.alice), U256::ZERO);
    }
}

#[test]
fn before_the_start_all_goes_back() {
    let scene = Scene::new();
    assert_eq!((scene.revoke(), scene.vested(scene.start + DURATION)), (AMOUNT, U256::ZERO));
}

#[test]
fn after_the_end_nothing_goes_back() {
    let scene = Scene::new();
    scene.world.warp_to(scene.start + DURATION);
    assert_eq!((scene.revoke(), scene.balance(scene.bob)), (U256::ZERO, U256::ZERO));
    assert_eq!((scene.last::<IVesting::Revoked>().returned, scene.releasable()), (U256::ZERO, AMOUNT));
    assert_eq!(scene.vested(scene.start + 2 * YEAR), AMOUNT / u(2));
}

#[test]
fn it_is_revoked_once_and_what_comes_after_is_the_beneficiarys() {
    let scene = Scene::new();
    scene.world.warp_to(scene.start + 2 * YEAR);
    scene.revoke();
    scene.deposit(u(9));
    scene.refused(scene.owner, IVesting::revokeCall { to: scene.bob }).expect::<IVesting::AlreadyRevoked>();
    assert_eq!(scene.releasable(), AMOUNT / u(2) + u(9));
}

#[test]
fn only_the_owner_revokes_and_neither_to_nobody_nor_back() {
    let scene = Scene::new();
    for from in [scene.alice, scene.bob, scene.at] {
        let error = scene.refused(from, IVesting::revokeCall { to: from }).expect::<OwnableUnauthorizedAccount>();
        assert_eq!(error.account, from);
    }
    for to in [Address::ZERO, scene.at] {
        let error = scene.refused(scene.owner, IVesting::revokeCall { to }).expect::<IVesting::InvalidReceiver>();
        assert_eq!(error.to, to);
    }
    assert_eq!(scene.read(IVesting::revokedAtCall {}), U256::ZERO);
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————— beneficiary

#[test]
fn the_allocation_is_handed_on_in_two_steps() {
    let scene = Scene::new();
    scene.delegate(scene.alice);
    scene.world.warp_to(scene.start + CLIFF);
    scene.done(scene.alice, IVesting::transferBeneficiaryCall { next: scene.bob });
    let event = scene.last::<IVesting::BeneficiaryTransferStarted>();
    assert_eq!((event.beneficiary, event.next), (scene.alice, scene.bob));
    assert_eq!(scene.read(IVesting::pendingBeneficiaryCall {}), scene.bob);
    assert_eq!(scene.read(IVesting::beneficiaryCall {}), scene.alice);
    scene.refused(scene.bob, IVesting::delegateCall { delegatee: scene.bob }).expect::<IVesting::NotBeneficiary>();

    scene.done(scene.bob, IVesting::acceptBeneficiaryCall {});
    let event = scene.last::<IVesting::BeneficiaryTransferred>();
    assert_eq!((event.beneficiary, event.next), (scene.alice, scene.bob));
    assert_eq!(scene.read(IVesting::beneficiaryCall {}), scene.bob);
    assert_eq!(scene.read(IVesting::pendingBeneficiaryCall {}), Address::ZERO);
    // the terms are the same, what is due is the new one's, and so is the word on votes
    assert_eq!(scene.read(IVesting::endCall {}), u(scene.start + DURATION));
    scene.release();
    assert_eq!((scene.balance(scene.alice), scene.balance(scene.bob)), (U256::ZERO, AMOUNT / u(4)));
    assert_eq!(scene.votes(scene.alice), AMOUNT - AMOUNT / u(4));
    scene.refused(scene.alice, IVesting::delegateCall { delegatee: scene.bob }).expect::<IVesting::NotBeneficiary>();
    scene.done(scene.bob, IVesting::delegateCall { delegatee: scene.bob });
    assert_eq!(scene.votes(scene.alice), U256::ZERO);
    scene.refused(scene.bob, IVesting::acceptBeneficiaryCall {}).expect::<IVesting::NotBeneficiary>();
}

#[test]
fn only_the_beneficiary_offers_and_only_who_it_was_offered_to_accepts() {
    let scene = Scene::new();
    for from in [scene.owner, scene.bob] {
        let offer = IVesting::transferBeneficiaryCall { next: from };
        assert_eq!(scene.refused(from, offer).expect::<IVesting::NotBeneficiary>().account, from);
    }
    scene.done(scene.alice, IVesting::transferBeneficiaryCall { next: scene.bob });
    for from in [scene.owner, scene.alice, scene.carol] {
        let error = scene.refused(from, IVesting::acceptBeneficiaryCall {}).expect::<IVesting::NotBeneficiary>();
        assert_eq!(error.account, from);
    }
    // an offer is withdrawn
    scene.done(scene.alice, IVesting::transferBeneficiaryCall { next: Address::ZERO });
    scene.refused(scene.bob, IVesting::acceptBeneficiaryCall {}).expect::<IVesting::NotBeneficiary>();
    assert_eq!(scene.read(IVesting::beneficiaryCall {}), scene.alice);
}

#[test]
fn a_revoked_allocation_keeps_its_revocation_when_it_is_handed_on() {
    let scene = Scene::new();
    scene.world.warp_to(scene.start + 2 * YEAR);
    scene.revoke();
    scene.done(scene.alice, IVesting::transferBeneficiaryCall { next: scene.carol });
    scene.done(scene.carol, IVesting::acceptBeneficiaryCall {});
    scene.refused(scene.owner, IVesting::revokeCall { to: scene.bob }).expect::<IVesting::AlreadyRevoked>();
    scene.release();
    assert_eq!(scene.balance(scene.carol), AMOUNT / u(2));
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————————— tokens

#[test]
fn a_beneficiary_that_the_token_refuses_holds_nobody_up() {
    let (scene, coin) = Scene::of_coin();
    coin.mint(&scene.world, scene.at, u(100));
    coin.habits.blacklisted.set(Some(scene.alice));
    scene.world.warp_to(scene.start + 300);
    let release = IVesting::releaseCall { token: scene.token };
    assert_eq!(scene.refused(scene.carol, release).expect::<Erc20::Blacklisted>().account, scene.alice);
    assert_eq!((scene.released(), scene.revoke(), scene.balance(scene.bob)), (U256::ZERO, u(70), u(70)));
    scene.done(scene.alice, IVesting::transferBeneficiaryCall { next: scene.carol });
    scene.done(scene.carol, IVesting::acceptBeneficiaryCall {});
    scene.release();
    assert_eq!(scene.balance(scene.carol), u(30));
}

#[test]
fn a_token_that_answers_nothing_pays_and_one_that_refuses_does_not() {
    let (scene, coin) = Scene::of_coin();
    coin.mint(&scene.world, scene.at, u(100));
    scene.world.warp_to(scene.start + 300);
    coin.habits.refuses.set(true);
    let refused = scene.refused(scene.carol, IVesting::releaseCall { token: scene.token });
    assert_eq!(refused.expect::<SafeERC20FailedOperation>().token, scene.token);
    scene.refused(scene.owner, IVesting::revokeCall { to: scene.bob }).expect::<SafeERC20FailedOperation>();
    assert_eq!((scene.released(), scene.read(IVesting::revokedAtCall {})), (U256::ZERO, U256::ZERO));
    coin.habits.refuses.set(false);
    coin.habits.silent.set(true);
    scene.release();
    assert_eq!((scene.balance(scene.alice), scene.revoke()), (u(30), u(70)));
}

#[test]
fn a_token_that_calls_back_finds_the_door_locked() {
    let (scene, coin) = Scene::of_coin();
    coin.mint(&scene.world, scene.at, u(100));
    // the token is the beneficiary, so that it may call everything; the owner hands over to it too
    scene.done(scene.alice, IVesting::transferBeneficiaryCall { next: coin.at });
    scene.done(coin.at, IVesting::acceptBeneficiaryCall {});
    scene.done(scene.owner, IOwned::transferOwnershipCall { newOwner: coin.at });
    scene.done(coin.at, IOwned::acceptOwnershipCall {});
    scene.world.warp_to(scene.start + 300);
    for data in [
        IVesting::releaseCall { token: coin.at }.abi_encode(),
        IVesting::revokeCall { to: scene.bob }.abi_encode(),
        IVesting::delegateCall { delegatee: scene.bob }.abi_encode(),
    ] {
        *coin.habits.hook.borrow_mut() = Some((scene.at, data));
        scene.release();
        let inner = coin.habits.hook_result.borrow().clone().unwrap().unwrap_err();
        Reverted(inner).expect::<ReentrancyGuardReentrantCall>();
    }
    assert_eq!((scene.released(), scene.balance(scene.at), scene.balance(coin.at)), (u(30), u(70), u(30)));
}

#[test]
fn a_token_that_takes_units_away_leaves_what_is_there() {
    let (scene, coin) = Scene::of_coin();
    coin.mint(&scene.world, scene.at, u(100));
    scene.world.warp_to(scene.start + 500);
    scene.release();
    coin.burn(&scene.world, scene.at, u(50));
    // 50 were released of a total that is 50 now, of which half has vested
    assert_eq!((scene.vested(scene.world.now()), scene.releasable()), (u(25), U256::ZERO));
    scene.release();
    coin.mint(&scene.world, scene.at, u(10));
    scene.world.warp_to(scene.start + 1_000);
    scene.release();
    assert_eq!((scene.balance(scene.alice), scene.balance(scene.at)), (u(60), U256::ZERO));
}

#[test]
fn more_than_a_word_holds_is_an_error() {
    let (scene, coin) = Scene::of_coin();
    coin.mint(&scene.world, scene.at, U256::MAX);
    scene.world.warp_to(scene.start + 500);
    // the product needs more than a word, the quotient does not
    assert_eq!(scene.releasable(), U256::MAX >> 1);
    scene.world.warp_to(scene.start + 1_000);
    scene.release();
    coin.mint(&scene.world, scene.at, U256::ONE);
    let release = IVesting::releaseCall { token: scene.token };
    scene.refused(scene.carol, release).expect::<MathOverflow>();
}

#[test]
fn another_token_is_the_beneficiarys_at_once() {
    let scene = Scene::new();
    let other = Coin::deploy(&scene.world, scene.world.address("airdrop"), 6);
    other.mint(&scene.world, scene.at, u(8));
    let token = other.at;
    let now = scene.world.now();
    assert_eq!(scene.read(IVesting::vestedAmountCall { token, timestamp: now }), u(8));
    assert_eq!(scene.read(IVesting::releasableCall { token }), u(8));
    scene.done(scene.carol, IVesting::releaseCall { token });
    let event = scene.last::<IVesting::ERC20Released>();
    assert_eq!((event.token, event.amount), (token, u(8)));
    assert_eq!(
        (other.balance_of(&scene.world, scene.alice), scene.read(IVesting::releasedCall { token })),
        (u(8), u(8))
    );
    other.mint(&scene.world, scene.at, u(2));
    assert_eq!(scene.read(IVesting::vestedAmountCall { token, timestamp: 0 }), u(10));
    // and neither the allocation nor its revocation knows of it
    assert_eq!((scene.released(), scene.balance(scene.at), scene.revoke()), (U256::ZERO, AMOUNT, AMOUNT));
    scene.done(scene.carol, IVesting::releaseCall { token });
    assert_eq!(other.balance_of(&scene.world, scene.alice), u(10));
}

#[test]
fn an_account_without_code_is_no_token() {
    let scene = Scene::new();
    let error = scene.refused(scene.carol, IVesting::releaseCall { token: scene.bob }).expect::<InvalidReturnData>();
    assert_eq!(error.from, scene.bob);
}

/// A second address of a token, which moves the token itself: here as much as it is told to, out of the vesting.
struct Alias {
    token: Address,
    moves: Rc<Cell<u64>>,
}

impl Native for Alias {
    fn call(&self, context: &Context<'_>, input: &[u8]) -> ArbResult {
        if Erc20::transferCall::abi_decode(input).is_ok() && self.moves.get() > 0 {
            let burn = Erc20::burnCall { from: context.sender, value: u(self.moves.get()) };
            context.call(self.token, burn.abi_encode())?;
        }
        Ok(U256::ONE.to_be_bytes_vec())
    }
}

#[test]
fn the_token_that_vests_does_not_leave_by_another_address() {
    let (scene, coin) = Scene::of_coin();
    coin.mint(&scene.world, scene.at, u(100));
    let (token, moves) = (scene.world.address("alias"), Rc::new(Cell::new(0)));
    scene.world.place_native(token, Alias { token: coin.at, moves: moves.clone() });
    for moved in [1, 100] {
        moves.set(moved);
        let error = scene.refused(scene.alice, IVesting::releaseCall { token }).expect::<IVesting::WrongToken>();
        assert_eq!((error.token, scene.balance(scene.at)), (token, u(100)));
    }
    // where nothing of it moves, it is a token like any other
    moves.set(0);
    scene.done(scene.alice, IVesting::releaseCall { token });
    assert_eq!(scene.read(IVesting::releasedCall { token }), U256::ONE);
}
