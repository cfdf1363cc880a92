//! What the certificate is told of a policy.

use alloy_primitives::{B256, U256};
use alloy_sol_types::{SolCall, SolValue};
use protocol::abi::{ICertificate, IERC721, IPolicy};
use standards::errors::InvalidReturnData;
use stylus_sdk::ArbResult;
use testkit::{Context, Native, token::Erc20};

use crate::world::{DAY, PRODUCT, Town, subject, text, usd};

impl Town {
    fn face(&self, policy: U256) -> ICertificate::Face {
        let uri = self.read(IERC721::tokenURICall { tokenId: policy });
        assert_eq!(uri, "data:application/json;base64,e30=", "what the certificate answers is passed on");
        self.peers.faces.borrow_mut().pop().expect("the certificate was asked")
    }

    fn state(&self, policy: U256) -> u8 {
        self.face(policy).state
    }
}

#[test]
fn the_certificate_is_told_everything_that_it_shows() {
    let town = Town::new();
    let policy = town.must(town.alice, IPolicy::buyCall { position: text("p"), ..town.purchase() }).policy;
    let (face, sold) = (town.face(policy), town.policy_of(policy));
    assert_eq!((face.policy, face.cover, face.product), (policy, 5, PRODUCT));
    assert_eq!((face.subject, face.insured, face.position), (subject(), town.alice, text("p")));
    assert_eq!((face.amount, face.remaining), (usd(100_000), usd(95_000)));
    assert_eq!((face.start, face.end), (sold.start, sold.end));
    assert_eq!((face.decimals, face.symbol), (6, text("USDX")));
}

#[test]
fn the_state_follows_a_policy_through_its_life() {
    let town = Town::new();
    let policy = town.bought();
    let sold = town.policy_of(policy);
    assert_eq!(town.state(policy), 0, "waiting");
    town.world.warp_to(sold.start);
    assert_eq!(town.state(policy), 1, "in force");
    town.open(policy);
    assert_eq!(town.state(policy), 3, "claim open");
    town.close(policy, usd(1));
    assert_eq!(town.state(policy), 1);
    town.world.warp_to(sold.end);
    assert_eq!(town.state(policy), 1, "its last second is covered");
    town.world.warp(1);
    assert_eq!(town.state(policy), 2, "in grace");
    town.world.warp_to(sold.deadline);
    assert_eq!(town.state(policy), 2);
    town.world.warp(1);
    assert_eq!(town.state(policy), 5, "expired, whether anyone has said so");
    town.peers.paused.set(DAY);
    assert_eq!(town.state(policy), 2, "the claims clock decides");
    town.peers.paused.set(0);
    town.must(town.bob, IPolicy::expireCall { policy });
    town.peers.paused.set(DAY);
    assert_eq!(town.state(policy), 5, "expired for good");
    let policy = town.bought();
    town.cancel(policy);
    assert_eq!(town.state(policy), 6, "cancelled");
}

#[test]
fn a_policy_that_paid_all_is_used_up() {
    let town = Town::new();
    let policy = town.bought();
    town.open(policy);
    town.close(policy, usd(95_000));
    assert_eq!(town.state(policy), 4);
}

/// A token that answers its views with these bytes.
struct Odd {
    decimals: ArbResult,
    symbol: ArbResult,
}

impl Native for Odd {
    fn call(&self, _: &Context<'_>, input: &[u8]) -> ArbResult {
        match <[u8; 4]>::try_from(&input[..4]).unwrap() {
            Erc20::decimalsCall::SELECTOR => self.decimals.clone(),
            Erc20::symbolCall::SELECTOR => self.symbol.clone(),
            _ => Ok(U256::ONE.abi_encode()),
        }
    }
}

#[test]
fn an_assets_symbol_may_be_anything_and_is_cut_to_whole_characters() {
    let string = |text: &str| Ok(text.to_string().abi_encode());
    let expected = |bytes: &[u8]| B256::right_padding_from(bytes);
    let cases: [(ArbResult, B256); 9] = [
        (string("USD₮0"), expected("USD₮0".as_bytes())),
        (Ok(text("MKR").0.to_vec()), text("MKR")), // bytes32, as before the standard
        (string(&"x".repeat(40)), expected(&[b'x'; 32])),
        (string(&format!("{}₮", "x".repeat(31))), expected(&[b'x'; 31])), // a character across the cut
        (string(&format!("{}₮", "x".repeat(29))), expected(format!("{}₮", "x".repeat(29)).as_bytes())),
        (string(""), B256::ZERO),
        (Err(vec![]), B256::ZERO),
        (Ok(vec![]), B256::ZERO),
        (Ok([U256::MAX, U256::MAX].abi_encode()), B256::ZERO), // an offset that points nowhere
    ];
    for (symbol, expected) in cases {
        let town = Town::new();
        town.world.place_native(town.usd.at, Odd { decimals: Ok(U256::from(18).abi_encode()), symbol: symbol.clone() });
        assert_eq!(town.face(town.bought()).symbol, expected, "{symbol:?}");
    }
}

#[test]
fn an_asset_without_sensible_decimals_has_none() {
    for (decimals, expected) in
        [(Ok(U256::from(8).abi_encode()), 8), (Err(vec![]), 0), (Ok(vec![]), 0), (Ok(U256::from(256).abi_encode()), 0)]
    {
        let town = Town::new();
        town.world.place_native(town.usd.at, Odd { decimals, symbol: Ok(vec![]) });
        assert_eq!(town.face(town.bought()).decimals, expected);
    }
}

#[test]
fn a_certificate_that_answers_garbage_is_named() {
    let town = Town::new();
    let policy = town.bought();
    struct Garbage(Vec<u8>);
    impl Native for Garbage {
        fn call(&self, _: &Context<'_>, _: &[u8]) -> ArbResult {
            Ok(self.0.clone())
        }
    }
    for garbage in [vec![], (U256::from(32), U256::from(2), B256::repeat_byte(0xff)).abi_encode()] {
        town.world.place_native(town.certificate, Garbage(garbage));
        let refused = town.world.try_read(town.policy, IERC721::tokenURICall { tokenId: policy }).err().unwrap();
        assert_eq!(refused.expect::<InvalidReturnData>().from, town.certificate);
    }
}
