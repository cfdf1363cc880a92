//! The Solidity interface and the two programs agree, and so does their storage.

use alloy_primitives::{U256, hex};
use alloy_sol_types::{SolCall, SolInterface};
use policy::{Policy, PolicyExt};
use protocol::abi::{IERC165, IERC721, IOwned, IPolicy};
use stylus_sdk::storage::StorageType;
use testkit::World;

use crate::world::{Town, usd};

/// Every selector of the interface: the contract's own and the inherited ones.
fn selectors() -> Vec<[u8; 4]> {
    let mut all: Vec<_> = IPolicy::IPolicyCalls::selectors().collect();
    all.extend(IOwned::IOwnedCalls::selectors());
    all.extend(IERC721::IERC721Calls::selectors());
    all.extend(IERC165::IERC165Calls::selectors());
    all
}

#[test]
fn every_selector_is_in_exactly_one_program() {
    World::new().assert_split::<Policy, PolicyExt>(selectors());
}

#[test]
fn what_users_call_every_day_is_in_the_first_program() {
    let world = World::new();
    for selector in [
        IPolicy::buyCall::SELECTOR,
        IPolicy::openCall::SELECTOR,
        IPolicy::closeCall::SELECTOR,
        IPolicy::expireCall::SELECTOR,
        IERC721::transferFromCall::SELECTOR,
        IERC721::ownerOfCall::SELECTOR,
    ] {
        assert!(world.routes::<Policy>(selector), "0x{}", hex::encode(selector));
    }
}

#[test]
fn an_unknown_selector_is_in_neither_program() {
    let town = Town::new();
    let unknown = [0xde, 0xad, 0xbe, 0xef];
    assert!(!town.world.routes::<Policy>(unknown) && !town.world.routes::<PolicyExt>(unknown));
    assert_eq!(town.world.transact(town.alice, town.policy, U256::ZERO, unknown.to_vec()), Err(vec![]));
    assert_eq!(town.world.transact(town.alice, town.policy, U256::ZERO, vec![]), Err(vec![]));
}

#[test]
fn both_programs_have_the_same_storage() {
    assert_eq!(Policy::REQUIRED_SLOTS, PolicyExt::REQUIRED_SLOTS);
    assert_eq!(Policy::SLOT_BYTES, PolicyExt::SLOT_BYTES);
    // and what one writes the other reads, through every kind of field
    let town = Town::new();
    let policy = town.bought();
    assert_eq!(town.policy_of(policy).amount, usd(100_000));
    assert_eq!(town.read(IERC721::ownerOfCall { tokenId: policy }), town.policy_of(policy).holder);
}

#[test]
fn ether_sent_by_mistake_is_refused() {
    let town = Town::new();
    town.world.set_ether(town.alice, U256::from(10));
    for data in [town.purchase().abi_encode(), IERC721::nameCall {}.abi_encode(), vec![]] {
        assert_eq!(town.world.transact(town.alice, town.policy, U256::ONE, data), Err(vec![]));
    }
    assert_eq!(town.world.ether(town.policy), U256::ZERO);
}
