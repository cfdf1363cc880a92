//! The program and the Solidity interface agree.

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};
use alloy_sol_types::{SolInterface, SolValue};
use guardian::{DEFAULT_ACTS, Guardian, LONGEST_TERM};
use protocol::abi::{IGuardian, IOwned, ParameterOutOfBounds};
use standards::errors::{AddressEmptyCode, OwnableInvalidOwner};
use testkit::World;

use crate::scene::{Scene, TERM, text, u};

fn selectors() -> BTreeSet<[u8; 4]> {
    IGuardian::IGuardianCalls::selectors().chain(IOwned::IOwnedCalls::selectors()).collect()
}

#[test]
fn each_function_of_the_interface_is_in_the_program_and_no_other() {
    let world = World::new();
    for selector in selectors() {
        assert!(world.routes::<Guardian>(selector), "{selector:x?}");
    }
    let rows = include_str!("../../src/lib.rs").lines().filter(|line| line.contains("Call => ")).count();
    assert_eq!(rows, selectors().len());
}

#[test]
fn no_function_takes_ether() {
    let scene = Scene::new();
    scene.world.set_ether(scene.holder, U256::from(selectors().len()));
    for selector in selectors() {
        let mut data = selector.to_vec();
        data.extend([0; 32 * 6]);
        assert_eq!(scene.world.transact(scene.holder, scene.office, U256::ONE, data), Err(vec![]));
    }
}

#[test]
fn a_new_office_is_vacant_and_knows_its_timelock_and_its_longest_term() {
    let scene = Scene::new();
    let at = scene.world.address("another office");
    scene.build(at, TERM).unwrap();
    let office = scene.world.read(at, IGuardian::officeCall {});
    assert_eq!((office.holder, office.until), (Address::ZERO, 0));
    assert_eq!(scene.world.read(at, IGuardian::timelockCall {}), scene.timelock);
    assert_eq!(scene.world.read(at, IGuardian::longestTermCall {}), TERM);
    assert_eq!(scene.world.read(at, IOwned::ownerCall {}), scene.timelock);
    let acts = scene.world.read(at, IGuardian::actsLeftCall {});
    assert_eq!((acts.left, acts.mostInAWeek), (u(DEFAULT_ACTS), DEFAULT_ACTS as u16));
    let hold = scene.world.read(at, IGuardian::exitHoldCall {});
    assert_eq!((hold.until, hold.anewFrom), (0, 0));
}

#[test]
fn an_office_needs_an_owner_a_timelock_and_a_term_of_at_most_a_year() {
    let scene = Scene::new();
    let at = scene.world.address("another office");
    let build = |owner: Address, timelock: Address, term: u64| {
        let arguments = (owner, Address::ZERO, timelock, term).abi_encode_params();
        scene.world.try_construct::<Guardian>(at, scene.stranger, arguments)
    };
    build(Address::ZERO, scene.timelock, TERM).unwrap_err().expect::<OwnableInvalidOwner>();
    let error = build(scene.timelock, scene.stranger, TERM).unwrap_err().expect::<AddressEmptyCode>();
    assert_eq!(error.target, scene.stranger);
    for term in [0, LONGEST_TERM + 1] {
        let error = build(scene.timelock, scene.timelock, term).unwrap_err().expect::<ParameterOutOfBounds>();
        assert_eq!((error.parameter, error.value), (text("longestTerm"), u(term)));
    }
    build(scene.timelock, scene.timelock, LONGEST_TERM).unwrap();
}
