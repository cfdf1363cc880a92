//! Impermanent loss: what the trigger says about variance reaches Risk before every price.

use alloy_primitives::U256;
use protocol::abi::{IPolicy, IRisk};

use crate::world::{DAY, PRODUCT, Town, subject};

const IMPERMANENT_LOSS: u8 = 1;

fn town() -> Town {
    let town = Town::new();
    town.peers.cover.set(IMPERMANENT_LOSS);
    town.peers.variance.set(Some((640, 25_000)));
    town
}

#[test]
fn a_sale_and_an_extension_hand_on_the_variance_of_the_moment_first() {
    let town = town();
    let policy = town.bought();
    town.peers.variance.set(Some((700, 30_000)));
    town.must(
        town.alice,
        IPolicy::extendCall {
            policy,
            term: U256::from(30 * DAY),
            maxPremium: U256::MAX,
            deadline: U256::from(town.world.now()),
            referrer: town.bob,
        },
    );
    let observed = town.peers.observed.borrow();
    let told: Vec<_> = observed.iter().map(|(call, after)| (call.yearly, call.rangeFactorBps, *after)).collect();
    assert_eq!(told, [(640, 25_000, 0), (700, 30_000, 1)]);
    assert!(observed.iter().all(|(call, _)| (call.product, call.subject) == (PRODUCT, subject())));
}

#[test]
fn anyone_has_it_handed_on_so_that_quotes_know_it() {
    let town = town();
    town.must(town.bob, IPolicy::observeVarianceCall { product: PRODUCT, subject: subject() });
    assert_eq!(town.peers.observed.borrow().len(), 1);
    let unknown = IPolicy::observeVarianceCall { product: U256::from(9), subject: subject() };
    town.refused(town.bob, unknown).expect::<IRisk::UnknownProduct>();
}

#[test]
fn nothing_is_sold_where_the_trigger_does_not_know_it() {
    let town = town();
    town.peers.variance.set(None);
    let refused = town.refused(town.alice, town.purchase()).expect::<IRisk::VarianceUnknown>();
    assert_eq!((refused.product, refused.subject), (PRODUCT, subject()));
    assert!(town.peers.underwritten.borrow().is_empty());
}

#[test]
fn no_other_cover_asks() {
    let town = Town::new();
    town.bought();
    assert!(town.peers.observed.borrow().is_empty());
}
