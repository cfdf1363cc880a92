//! The program and the Solidity interface agree.

use std::collections::BTreeSet;

use allocator::Allocator;
use alloy_primitives::{Address, U256};
use alloy_sol_types::{SolInterface, SolValue};
use protocol::abi::{IAllocator, IOwned};
use standards::errors::{AddressEmptyCode, OwnableInvalidOwner};
use testkit::World;

use crate::scene::Scene;

fn selectors() -> BTreeSet<[u8; 4]> {
    IAllocator::IAllocatorCalls::selectors().chain(IOwned::IOwnedCalls::selectors()).collect()
}

#[test]
fn each_function_of_the_interface_is_in_the_program_and_no_other() {
    let world = World::new();
    for selector in selectors() {
        assert!(world.routes::<Allocator>(selector), "{selector:x?}");
    }
    let rows = include_str!("../../src/lib.rs").lines().filter(|line| line.contains("Call => ")).count();
    assert_eq!(rows, selectors().len());
}

#[test]
fn no_function_takes_ether() {
    let scene = Scene::new();
    scene.world.set_ether(scene.vault, U256::from(selectors().len()));
    for selector in selectors() {
        let mut data = selector.to_vec();
        data.extend([0; 32 * 4]);
        assert_eq!(scene.world.transact(scene.vault, scene.allocator, U256::ONE, data), Err(vec![]));
    }
}

#[test]
fn it_belongs_to_one_vault_and_knows_its_asset() {
    let scene = Scene::new();
    assert_eq!(scene.world.read(scene.allocator, IAllocator::vaultCall {}), scene.vault);
    assert_eq!(scene.world.read(scene.allocator, IAllocator::assetCall {}), scene.token.at);
    let build = |owner: Address, vault: Address| {
        let arguments = (owner, Address::ZERO, vault).abi_encode_params();
        scene.world.try_construct::<Allocator>(scene.world.address("another"), scene.owner, arguments)
    };
    build(Address::ZERO, scene.vault).unwrap_err().expect::<OwnableInvalidOwner>();
    build(scene.owner, scene.alice).unwrap_err().expect::<AddressEmptyCode>();
    build(scene.owner, scene.vault).unwrap();
}
