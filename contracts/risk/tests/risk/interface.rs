//! The Solidity interface and the three programs agree, and so does their storage.

use alloy_primitives::{U256, hex};
use alloy_sol_types::{SolCall, SolInterface};
use protocol::abi::{IOwned, IRisk};
use risk::{Risk, RiskExt, RiskMore};
use stylus_sdk::storage::StorageType;
use testkit::World;

use crate::town::{Town, plain_terms, text, usd};

#[test]
fn every_selector_is_in_exactly_one_program() {
    let world = World::new();
    for selector in IRisk::IRiskCalls::selectors().chain(IOwned::IOwnedCalls::selectors()) {
        let routes =
            [world.routes::<Risk>(selector), world.routes::<RiskExt>(selector), world.routes::<RiskMore>(selector)];
        let programs = routes.into_iter().filter(|routes| *routes).count();
        assert_eq!(programs, 1, "0x{}: {routes:?}", hex::encode(selector));
    }
}

#[test]
fn what_peers_call_every_day_is_in_the_first_program() {
    let world = World::new();
    for selector in [
        IRisk::underwriteCall::SELECTOR,
        IRisk::renewCall::SELECTOR,
        IRisk::releaseCall::SELECTOR,
        IRisk::incidentCall::SELECTOR,
        IRisk::claimCall::SELECTOR,
        IRisk::gateCall::SELECTOR,
        IRisk::claimsClockCall::SELECTOR,
    ] {
        assert!(world.routes::<Risk>(selector), "0x{}", hex::encode(selector));
    }
}

#[test]
fn an_unknown_selector_is_in_neither_program() {
    let town = Town::bare();
    let unknown = [0xde, 0xad, 0xbe, 0xef];
    assert!(!town.world.routes::<Risk>(unknown) && !town.world.routes::<RiskExt>(unknown));
    assert!(!town.world.routes::<RiskMore>(unknown));
    assert_eq!(town.world.transact(town.anyone, town.risk, U256::ZERO, unknown.to_vec()), Err(vec![]));
    assert_eq!(town.world.transact(town.anyone, town.risk, U256::ZERO, vec![]), Err(vec![]));
}

#[test]
fn all_programs_have_the_same_storage() {
    assert_eq!([Risk::REQUIRED_SLOTS; 2], [RiskExt::REQUIRED_SLOTS, RiskMore::REQUIRED_SLOTS]);
    assert_eq!([Risk::SLOT_BYTES; 2], [RiskExt::SLOT_BYTES, RiskMore::SLOT_BYTES]);
    // and what one writes the other reads
    let town = Town::plain();
    town.buy("X", usd(1_000));
    assert_eq!(town.line("X").cover, usd(1_000));
    assert!(town.has_terms(1, &plain_terms()));
    assert_eq!(town.exposure("key X"), usd(1_000));
}

#[test]
fn ether_sent_by_mistake_is_refused() {
    let town = Town::plain();
    town.world.set_ether(town.policy, U256::from(10));
    let calls = [town.purchase("X", usd(1_000)).abi_encode(), IRisk::productCountCall {}.abi_encode(), vec![]];
    for data in calls {
        assert_eq!(town.world.transact(town.policy, town.risk, U256::ONE, data), Err(vec![]));
    }
    assert_eq!(town.world.ether(town.risk), U256::ZERO);
}

#[test]
fn a_sale_writes_six_words_and_none_of_them_is_new_but_the_first_bucket() {
    let town = Town::plain();
    let before = town.world.slots_of(town.risk);
    town.buy("X", usd(1_000));
    assert_eq!(town.world.slots_of(town.risk) - before, 2, "the bucket, and the vault's requirement, once");
    town.buy("X", usd(2_000));
    town.buy("Y", usd(2_000));
    assert_eq!(town.world.slots_of(town.risk) - before, 3, "the bucket of the other line");
    assert_eq!(town.line_of(1, text("Y")).cover, usd(2_000));
}
