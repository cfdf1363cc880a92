//! What pages find out: whose policies, which products, how much of them is left.

use alloy_primitives::{Address, B256, U256};
use protocol::abi::{IERC721, IPolicy, IRisk, NotWired};

use crate::world::{PRODUCT, Town, text, usd};

fn policies_of(town: &Town, owner: Address, cursor: u64, n: U256) -> (Vec<u64>, u64) {
    let call = IPolicy::policiesOfCall { owner, cursor: U256::from(cursor), n };
    let answer = town.read(call);
    (answer.policies.into_iter().map(|id| id.to()).collect(), answer.next.to())
}

#[test]
fn an_owners_policies_are_found_page_by_page() {
    let town = Town::new();
    for buyer in [town.alice, town.bob, town.alice, town.bob, town.alice] {
        town.must(buyer, town.purchase_by(buyer));
    }
    let of = |owner, cursor, n| policies_of(&town, owner, cursor, U256::from(n));
    assert_eq!(of(town.alice, 0, 2), (vec![1], 3), "n counts the numbers that were looked at");
    assert_eq!(of(town.alice, 3, 2), (vec![3], 5));
    assert_eq!(of(town.alice, 5, 2), (vec![5], 0));
    assert_eq!(of(town.alice, 1, 5), (vec![1, 3, 5], 0));
    assert_eq!(of(town.bob, 0, 100), (vec![2, 4], 0));
    assert_eq!(of(town.bob, 4, 1), (vec![4], 5));
    assert_eq!(policies_of(&town, town.bob, 2, U256::MAX), (vec![2, 4], 0));
    assert_eq!(of(town.bob, 6, 10), (vec![], 0));
    assert_eq!(of(town.bob, u64::MAX, 10), (vec![], 0));
    assert_eq!(of(town.bob, 2, 0), (vec![], 2), "nobody goes on by looking at nothing");
    assert_eq!(of(Address::ZERO, 0, 100), (vec![], 0));
    assert_eq!(of(town.owner, 0, 100), (vec![], 0));
    // who holds them now, and closed ones too
    town.must(town.alice, IERC721::transferFromCall { from: town.alice, to: town.bob, tokenId: U256::ONE });
    town.must(town.bob, IPolicy::cancelCall { policy: U256::from(4), receiver: town.bob });
    assert_eq!(of(town.bob, 0, 100), (vec![1, 2, 4], 0));
}

#[test]
fn before_the_first_sale_there_are_none() {
    let town = Town::new();
    assert_eq!(policies_of(&town, town.alice, 0, U256::from(10)), (vec![], 0));
}

#[test]
fn products_are_shown_with_what_a_buyer_must_know() {
    let town = Town::new();
    town.bought(); // product 1 has a route now; product 2 is told by Risk, the vault and the asset
    let page = |cursor: u64, n: u64| {
        let answer = town.read(IPolicy::productPageCall { cursor: U256::from(cursor), n: U256::from(n) });
        (answer.products, answer.next.to::<u64>())
    };
    let (all, next) = page(0, 10);
    assert_eq!((all.len(), next), (2, 0));
    for (index, product) in all.iter().enumerate() {
        assert_eq!(product.product, U256::from(index + 1));
        assert_eq!((product.vault, product.trigger, product.asset), (town.vault, town.trigger, town.usd.at));
        assert_eq!((product.decimals, product.symbol), (6, text("USDX")));
        assert_eq!((product.cover, product.status), (5, 1));
        assert_eq!((product.family, product.latest), (product.product, product.product));
        // the mock's terms are their own places, counted from 1
        assert_eq!([product.waiting, product.grace, product.minTerm, product.maxTerm], [16, 17, 18, 19]);
        assert_eq!((product.minAmount, product.maxAmount), (20, 21));
        assert_eq!(product.deductibleBps, 25);
        assert_eq!(product.termsHash, B256::from(U256::from(27)));
    }
    let numbers = |(products, next): (Vec<IPolicy::ProductView>, u64)| {
        (products.into_iter().map(|product| product.product.to::<u64>()).collect::<Vec<_>>(), next)
    };
    assert_eq!(numbers(page(0, 1)), (vec![1], 2));
    assert_eq!(numbers(page(2, 1)), (vec![2], 0));
    assert_eq!(numbers(page(3, 1)), (vec![], 0));
}

#[test]
fn a_product_whose_vault_does_not_answer_is_shown_without_its_asset() {
    let town = Town::new();
    town.peers.moved.set(true); // to where no contract is
    let page = town.read(IPolicy::productPageCall { cursor: PRODUCT, n: U256::ONE });
    assert_eq!(page.products[0].vault, town.world.address("elsewhere"));
    assert_eq!((page.products[0].asset, page.products[0].symbol), (Address::ZERO, B256::ZERO));
}

#[test]
fn capacity_is_what_a_sale_may_still_lock() {
    let town = Town::new();
    let capacity = || {
        let answer = town.read(IPolicy::capacityCall { product: PRODUCT });
        (answer.locked, answer.limit, answer.available)
    };
    let (locked, limit) = (usd(2_000_000), usd(5_000_000));
    assert_eq!(capacity(), (locked, limit, usd(3_000_000)));
    town.peers.status.set(2);
    assert_eq!(capacity(), (locked, limit, U256::ZERO), "not on sale");
    town.peers.status.set(1);
    town.peers.closed.set(true);
    assert_eq!(capacity(), (locked, limit, U256::ZERO), "a closed vault");
    town.peers.closed.set(false);
    town.must(town.guardian, IPolicy::pausePurchasesCall { duration: 100, reason: text("audit") });
    assert_eq!(capacity(), (locked, limit, U256::ZERO), "a pause");
    town.world.warp(100);
    town.peers.capital.set(usd(3_000_000));
    assert_eq!(capacity(), (locked, usd(1_500_000), U256::ZERO), "more is locked than may be");
    let unknown = town.world.try_read(town.policy, IPolicy::capacityCall { product: U256::from(9) }).err().unwrap();
    unknown.expect::<IRisk::UnknownProduct>();
}

#[test]
fn before_it_is_wired_nothing_is_known_of_products() {
    let town = Town::unwired();
    let page = IPolicy::productPageCall { cursor: U256::ZERO, n: U256::ONE };
    town.world.try_read(town.policy, page).err().unwrap().expect::<NotWired>();
    let capacity = IPolicy::capacityCall { product: PRODUCT };
    town.world.try_read(town.policy, capacity).err().unwrap().expect::<NotWired>();
}
