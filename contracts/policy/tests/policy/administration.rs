//! Roles, wiring, shares and pauses.

use alloy_primitives::{Address, U256};
use alloy_sol_types::{SolCall, SolValue};
use policy::Policy;
use protocol::abi::{
    AlreadyWired, IERC721, IOwned, IPolicy, NotGuardian, NotWired, ParameterOutOfBounds, PauseSet, PauseTooLong,
    PauseTooSoon,
};
use standards::errors::{AddressEmptyCode, OwnableInvalidOwner, OwnableUnauthorizedAccount};

use crate::world::{DAY, Town, text};

#[test]
fn at_construction_the_roles_and_the_second_program_are_set() {
    let town = Town::unwired();
    assert_eq!(town.read(IOwned::ownerCall {}), town.owner);
    assert_eq!(town.read(IOwned::setupCall {}), town.deployer);
    assert_eq!(town.read(IOwned::guardianCall {}), Address::ZERO);
    assert_eq!(town.read(IOwned::pendingOwnerCall {}), Address::ZERO);
    assert_eq!(town.read(IPolicy::extensionCall {}), town.extension);
    let shares = town.read(IPolicy::sharesCall {});
    assert_eq!((shares.treasuryBps, shares.juryBps, shares.referralBps), (0, 0, 0));
    let peers = town.read(IPolicy::peersCall {});
    assert_eq!((peers.risk, peers.assessor, peers.certificate), (Address::ZERO, Address::ZERO, Address::ZERO));
}

#[test]
fn it_is_constructed_once_with_an_owner_and_a_second_program() {
    let town = Town::unwired();
    let again = (town.bob, town.bob, town.extension).abi_encode_params();
    assert!(town.world.try_construct::<Policy>(town.policy, town.bob, again).is_err());
    assert_eq!(town.read(IOwned::ownerCall {}), town.owner);
    let at = town.world.address("another");
    let construct = |owner, extension| {
        town.world.try_construct::<Policy>(at, town.bob, (owner, town.bob, extension).abi_encode_params()).unwrap_err()
    };
    construct(Address::ZERO, town.extension).expect::<OwnableInvalidOwner>();
    construct(town.owner, town.alice).expect::<AddressEmptyCode>();
}

#[test]
fn peers_are_wired_once_by_the_owner_or_the_set_up_key() {
    let town = Town::unwired();
    let wire = || IPolicy::wireCall { risk: town.risk, assessor: town.assessor, certificate: town.certificate };
    assert_eq!(town.refused(town.alice, wire()).expect::<OwnableUnauthorizedAccount>().account, town.alice);
    town.must(town.deployer, wire());
    let event = town.world.events::<IPolicy::PeersSet>(town.policy).pop().unwrap();
    assert_eq!((event.risk, event.assessor, event.certificate), (town.risk, town.assessor, town.certificate));
    let peers = town.read(IPolicy::peersCall {});
    assert_eq!((peers.risk, peers.assessor, peers.certificate), (town.risk, town.assessor, town.certificate));
    town.refused(town.deployer, wire()).expect::<AlreadyWired>();
    town.refused(town.owner, wire()).expect::<AlreadyWired>();
}

#[test]
fn peers_must_be_contracts() {
    let town = Town::unwired();
    let nobody = town.alice;
    for (risk, assessor, certificate) in [
        (nobody, town.assessor, town.certificate),
        (town.risk, nobody, town.certificate),
        (town.risk, town.assessor, nobody),
        (Address::ZERO, town.assessor, town.certificate),
    ] {
        town.refused(town.owner, IPolicy::wireCall { risk, assessor, certificate }).expect::<AddressEmptyCode>();
    }
}

#[test]
fn the_owner_replaces_the_certificate_and_nothing_else() {
    let town = Town::new();
    let certificate = town.vault;
    town.refused(town.deployer, IPolicy::setCertificateCall { certificate }).expect::<OwnableUnauthorizedAccount>();
    town.refused(town.owner, IPolicy::setCertificateCall { certificate: town.alice }).expect::<AddressEmptyCode>();
    town.must(town.owner, IPolicy::setCertificateCall { certificate });
    let peers = town.read(IPolicy::peersCall {});
    assert_eq!((peers.risk, peers.assessor, peers.certificate), (town.risk, town.assessor, certificate));
    let [update] = &town.world.events::<IERC721::BatchMetadataUpdate>(town.policy)[..] else { panic!("one update") };
    assert_eq!((update._fromTokenId, update._toTokenId), (U256::ZERO, U256::MAX));
    assert_eq!(town.world.events::<IPolicy::PeersSet>(town.policy).len(), 2);
}

#[test]
fn before_it_is_wired_no_certificate_is_replaced() {
    let town = Town::unwired();
    let certificate = town.certificate;
    town.refused(town.owner, IPolicy::setCertificateCall { certificate }).expect::<NotWired>();
}

#[test]
fn the_owner_sets_the_shares_within_their_bounds() {
    let town = Town::new();
    let set = |treasury, jury, referral| IPolicy::setSharesCall {
        treasuryBps: treasury,
        juryBps: jury,
        referralBps: referral,
    };
    town.refused(town.deployer, set(1, 2, 3)).expect::<OwnableUnauthorizedAccount>();
    town.refused(town.guardian, set(1, 2, 3)).expect::<OwnableUnauthorizedAccount>();
    town.must(town.owner, set(3_000, 2_000, 10_000));
    let shares = town.read(IPolicy::sharesCall {});
    assert_eq!((shares.treasuryBps, shares.juryBps, shares.referralBps), (3_000, 2_000, 10_000));
    let event = town.world.events::<IPolicy::SharesSet>(town.policy).pop().unwrap();
    assert_eq!((event.treasuryBps, event.juryBps, event.referralBps), (3_000, 2_000, 10_000));
    let error = town.refused(town.owner, set(3_000, 2_001, 0)).expect::<ParameterOutOfBounds>();
    assert_eq!((error.parameter, error.value), (text("treasuryBps"), U256::from(5_001)));
    let error = town.refused(town.owner, set(0, 0, 10_001)).expect::<ParameterOutOfBounds>();
    assert_eq!((error.parameter, error.value), (text("referralBps"), U256::from(10_001)));
}

#[test]
fn setting_shares_and_peers_touches_neither_count_nor_each_other() {
    let town = Town::new();
    town.bought();
    town.must(town.owner, IPolicy::setSharesCall { treasuryBps: 1, juryBps: 2, referralBps: 3 });
    town.must(town.owner, IPolicy::setCertificateCall { certificate: town.vault });
    assert_eq!(town.read(IPolicy::policyCountCall {}), U256::ONE);
    assert_eq!(town.read(IPolicy::sharesCall {}).juryBps, 2);
    assert_eq!(town.read(IPolicy::peersCall {}).risk, town.risk);
    assert_eq!(town.bought(), U256::from(2));
}

#[test]
fn a_guardian_pauses_for_a_week_at_most_and_not_again_at_once() {
    let town = Town::new();
    let pause = |duration| IPolicy::pausePurchasesCall { duration, reason: text("incident") };
    town.refused(town.alice, pause(1)).expect::<NotGuardian>();
    town.refused(town.deployer, pause(1)).expect::<NotGuardian>();
    town.refused(town.guardian, pause(7 * DAY + 1)).expect::<PauseTooLong>();
    let until = town.world.now() + 7 * DAY;
    town.must(town.guardian, pause(7 * DAY));
    assert_eq!(town.read(IPolicy::pausedUntilCall {}), U256::from(until));
    let event = town.world.events::<PauseSet>(town.policy).pop().unwrap();
    assert_eq!((event.kind, event.by, event.until, event.reason), (1, town.guardian, until, text("incident")));
    town.world.warp(7 * DAY);
    town.refused(town.guardian, pause(1)).expect::<PauseTooSoon>();
    town.must(town.owner, pause(DAY));
    town.must(town.owner, pause(0));
    town.bought();
}

#[test]
fn a_pause_of_purchases_holds_up_neither_transfers_nor_claims_nor_expiries() {
    let town = Town::new();
    let (first, second) = (town.bought(), town.bought());
    town.must(town.guardian, IPolicy::pausePurchasesCall { duration: 7 * DAY, reason: text("") });
    town.open(first);
    town.close(first, U256::ONE);
    town.must(town.alice, IERC721::transferFromCall { from: town.alice, to: town.bob, tokenId: second });
    town.world.warp(200 * DAY);
    town.must(town.owner, IPolicy::pausePurchasesCall { duration: 7 * DAY, reason: text("") });
    town.must(town.bob, IPolicy::expireCall { policy: second });
}

#[test]
fn ownership_moves_in_two_steps_and_the_set_up_key_gives_itself_up() {
    let town = Town::unwired();
    town.refused(town.deployer, IOwned::transferOwnershipCall { newOwner: town.bob })
        .expect::<OwnableUnauthorizedAccount>();
    town.must(town.owner, IOwned::transferOwnershipCall { newOwner: town.bob });
    assert_eq!(town.read(IOwned::pendingOwnerCall {}), town.bob);
    town.refused(town.alice, IOwned::acceptOwnershipCall {}).expect::<OwnableUnauthorizedAccount>();
    town.must(town.bob, IOwned::acceptOwnershipCall {});
    assert_eq!(town.read(IOwned::ownerCall {}), town.bob);

    town.refused(town.bob, IOwned::finishSetupCall {}).expect::<OwnableUnauthorizedAccount>();
    town.must(town.deployer, IOwned::setGuardianCall { newGuardian: town.guardian });
    assert_eq!(town.read(IOwned::guardianCall {}), town.guardian);
    town.must(town.deployer, IOwned::finishSetupCall {});
    assert_eq!(town.read(IOwned::setupCall {}), Address::ZERO);
    let set = IPolicy::setSharesCall { treasuryBps: 0, juryBps: 0, referralBps: 0 };
    town.refused(town.deployer, set).expect::<OwnableUnauthorizedAccount>();
    town.refused(town.alice, IOwned::setGuardianCall { newGuardian: town.alice })
        .expect::<OwnableUnauthorizedAccount>();
}

#[test]
fn called_directly_the_second_program_owns_nothing() {
    let town = Town::new();
    let call = |data: Vec<u8>| town.world.transact(town.deployer, town.extension, U256::ZERO, data);
    let set = IPolicy::setSharesCall { treasuryBps: 1, juryBps: 1, referralBps: 1 };
    assert!(call(set.abi_encode()).is_err());
    assert!(
        call(
            IPolicy::wireCall { risk: town.risk, assessor: town.assessor, certificate: town.certificate }.abi_encode()
        )
        .is_err()
    );
    assert!(call((town.deployer, town.deployer, town.extension).abi_encode_params()).is_err());
    assert!(call([&[0x55, 0x85, 0x25, 0x8d][..], &[0; 96]].concat()).is_err(), "it has no constructor");
    assert_eq!(town.world.slots_of(town.extension), 0);
}
