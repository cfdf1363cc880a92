//! The programs and the Solidity interface agree.

use std::collections::BTreeSet;

use alloy_primitives::U256;
use alloy_sol_types::{SolInterface, SolValue};
use jury::{Jury, JuryExt};
use protocol::abi::{IJury, IOwned};
use testkit::World;

use crate::scene::{Scene, TIMES};

fn selectors() -> BTreeSet<[u8; 4]> {
    IJury::IJuryCalls::selectors().chain(IOwned::IOwnedCalls::selectors()).collect()
}

#[test]
fn each_function_is_in_one_of_the_two_programs_and_no_other() {
    World::new().assert_split::<Jury, JuryExt>(selectors());
    let programs = [include_str!("../../src/everyday.rs"), include_str!("../../src/extension.rs")];
    let rows = programs.iter().flat_map(|text| text.lines()).filter(|line| line.contains("Call => ")).count();
    assert_eq!(rows, selectors().len());
}

#[test]
fn no_function_takes_ether() {
    let scene = Scene::new();
    scene.world.set_ether(scene.alice, U256::from(selectors().len()));
    for selector in selectors() {
        let mut data = selector.to_vec();
        data.extend([0; 32 * 8]);
        assert_eq!(scene.world.transact(scene.alice, scene.jury, U256::ONE, data), Err(vec![]));
    }
}

#[test]
fn the_second_program_by_itself_is_nobodys() {
    let scene = Scene::new();
    assert!(scene.world.send(scene.deployer, scene.extension, IJury::wireCall { assessor: scene.assessor }).is_err());
    let arguments = (scene.alice, scene.alice, scene.extension, scene.token, TIMES.map(U256::from)).abi_encode_params();
    assert!(scene.world.try_construct::<Jury>(scene.jury, scene.alice, arguments).is_err(), "nor is it built twice");
    assert_eq!(scene.world.slots_of(scene.extension), 0);
}
