//! Purchases by signature: a permit of the buyer's money, and the consent of who is insured.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall, SolStruct, SolValue, sol};
use protocol::abi::IPolicy;
use standards::ecdsa::IERC1271;
use stylus_sdk::ArbResult;
use testkit::{Context, Native, signer::Signer, token::Erc20};

use crate::world::{DAY, Town, subject, text, usd};

sol! {
    struct Consent {
        address insured; uint256 product; bytes32 subject; bytes32 position; uint256 amount; uint256 term;
        address receiver; uint256 nonce; uint256 deadline;
    }
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————————— permit

/// Alice's usual purchase with her permit of so much, and no allowance from before.
fn permitted(town: &Town, max_premium: U256, r: B256) -> IPolicy::buyWithPermitCall {
    let IPolicy::buyCall { product, subject, insured, position, amount, term, deadline, receiver, referrer, .. } =
        town.purchase();
    IPolicy::buyWithPermitCall {
        product,
        subject,
        insured,
        position,
        amount,
        term,
        maxPremium: max_premium,
        deadline,
        receiver,
        referrer,
        permitDeadline: deadline,
        v: 27,
        r,
        s: B256::ZERO,
    }
}

fn signed(town: &Town, max_premium: U256) -> B256 {
    let now = U256::from(town.world.now());
    town.usd.sign(&town.world, town.alice, town.policy, max_premium, now)
}

#[test]
fn a_permit_pays_for_a_purchase_without_an_allowance() {
    let town = Town::new();
    town.usd.approve(&town.world, town.alice, town.policy, U256::ZERO);
    let most = usd(4_000);
    let sold = town.must(town.alice, permitted(&town, most, signed(&town, most)));
    assert_eq!(town.usd.balance_of(&town.world, town.vault), sold.premium);
    assert_eq!(town.policy_of(sold.policy).insured, town.alice);
    // it was of maxPremium, exactly
    let (owner, spender) = (town.alice, town.policy);
    assert_eq!(town.world.read(town.usd.at, Erc20::allowanceCall { owner, spender }), most - sold.premium);
}

#[test]
fn a_permit_that_somebody_has_brought_already_fails_no_purchase() {
    let town = Town::new();
    town.usd.approve(&town.world, town.alice, town.policy, U256::ZERO);
    let (most, now) = (usd(4_000), U256::from(town.world.now()));
    let r = signed(&town, most);
    let (owner, spender) = (town.alice, town.policy);
    let permit = Erc20::permitCall { owner, spender, value: most, deadline: now, v: 27, r, s: B256::ZERO };
    assert!(town.world.send(town.bob, town.usd.at, permit).is_ok());
    town.must(town.alice, permitted(&town, most, r));
}

#[test]
fn a_permit_of_something_else_pays_for_nothing() {
    let town = Town::new();
    town.usd.approve(&town.world, town.alice, town.policy, U256::ZERO);
    let r = signed(&town, usd(4_000));
    town.refused(town.alice, permitted(&town, usd(5_000), r)).expect::<Erc20::ERC20InsufficientAllowance>();
    town.refused(town.bob, permitted(&town, usd(4_000), r)).expect::<IPolicy::InsuredMustConsent>();
}

#[test]
fn an_asset_without_permits_sells_by_allowance() {
    struct Plain;
    impl Native for Plain {
        fn call(&self, _: &Context<'_>, input: &[u8]) -> ArbResult {
            if input.starts_with(&Erc20::permitCall::SELECTOR) { Err(vec![]) } else { Ok(U256::ONE.abi_encode()) }
        }
    }
    let town = Town::new();
    town.bought();
    town.world.place_native(town.usd.at, Plain);
    town.must(town.alice, permitted(&town, usd(4_000), B256::ZERO));
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————————— consent

/// Bob's purchase for an insured who signs with `sign`, good for a day.
fn consented(town: &Town, insured: Address, nonce: u64, sign: impl Fn(B256) -> Vec<u8>) -> IPolicy::buyForCall {
    let IPolicy::buyCall { product, subject, amount, term, maxPremium, deadline, referrer, .. } = town.purchase();
    let (position, receiver) = (text("p"), insured);
    let until = U256::from(town.world.now() + DAY);
    let nonce = U256::from(nonce);
    let consent = Consent { insured, product, subject, position, amount, term, receiver, nonce, deadline: until };
    let separator = town.read(IPolicy::DOMAIN_SEPARATORCall {});
    let digest = keccak256([b"\x19\x01".as_slice(), &separator[..], &consent.eip712_hash_struct()[..]].concat());
    IPolicy::buyForCall {
        product,
        subject,
        insured,
        position,
        amount,
        term,
        maxPremium,
        deadline,
        receiver,
        referrer,
        signedUntil: until,
        signature: sign(digest).into(),
    }
}

#[test]
fn who_has_signed_is_insured_by_somebody_else_who_pays() {
    let town = Town::new();
    let carol = Signer::new("carol");
    let had = town.usd.balance_of(&town.world, town.bob);
    let call = consented(&town, carol.address, 0, |digest| carol.sign(digest).to_bytes());
    let sold = town.must(town.bob, call);
    let policy = town.policy_of(sold.policy);
    assert_eq!((policy.holder, policy.insured), (carol.address, carol.address));
    assert_eq!(had - town.usd.balance_of(&town.world, town.bob), sold.premium);
    let [bought] = &town.world.events::<IPolicy::PolicyBought>(town.policy)[..] else { panic!("one sale") };
    assert_eq!((bought.payer, bought.insured), (town.bob, carol.address));
    assert_eq!(town.read(IPolicy::noncesCall { insured: carol.address }), U256::ONE);
    let entered = town.peers.entered.borrow();
    assert_eq!((entered[0].subject, entered[0].insured, entered[0].position), (subject(), carol.address, text("p")));
}

#[test]
fn a_consent_is_good_once_for_what_was_signed_and_until_then() {
    let town = Town::new();
    let carol = Signer::new("carol");
    let sign = |digest| carol.sign(digest).to_bytes();
    let call = |nonce| consented(&town, carol.address, nonce, sign);
    let refused = |call| {
        assert_eq!(town.refused(town.bob, call).expect::<IPolicy::InsuredMustConsent>().insured, carol.address);
    };
    refused(IPolicy::buyForCall { amount: usd(100_001), ..call(0) });
    refused(IPolicy::buyForCall { term: U256::from(91 * DAY), ..call(0) });
    refused(IPolicy::buyForCall { product: U256::from(2), ..call(0) });
    refused(IPolicy::buyForCall { subject: text("DAI/USD"), ..call(0) });
    refused(IPolicy::buyForCall { position: text("q"), ..call(0) });
    refused(IPolicy::buyForCall { receiver: town.bob, ..call(0) });
    refused(IPolicy::buyForCall { signedUntil: call(0).signedUntil + U256::ONE, ..call(0) });
    refused(IPolicy::buyForCall { signature: Bytes::new(), ..call(0) });
    refused(call(1));
    // price, time and referrer are the payer's
    let signed = IPolicy::buyForCall { maxPremium: usd(4_000), referrer: town.guardian, ..call(0) };
    town.must(town.bob, signed.clone());
    refused(signed);
    let next = call(1);
    town.world.warp(DAY + 1);
    let deadline = U256::from(town.world.now());
    let error = town.refused(town.bob, IPolicy::buyForCall { deadline, ..next.clone() });
    assert_eq!(error.expect::<IPolicy::DeadlinePassed>().deadline, next.signedUntil);
}

#[test]
fn a_signature_of_somebody_else_is_no_consent() {
    let town = Town::new();
    let (carol, dave) = (Signer::new("carol"), Signer::new("dave"));
    let call = consented(&town, carol.address, 0, |digest| dave.sign(digest).to_bytes());
    town.refused(town.bob, call).expect::<IPolicy::InsuredMustConsent>();
    let call = consented(&town, Address::ZERO, 0, |digest| dave.sign(digest).to_bytes());
    town.refused(town.bob, call).expect::<IPolicy::InsuredMustConsent>();
    assert_eq!(town.read(IPolicy::noncesCall { insured: carol.address }), U256::ZERO);
}

#[test]
fn the_insured_refers_nobody() {
    let town = Town::new();
    let carol = Signer::new("carol");
    let call = consented(&town, carol.address, 0, |digest| carol.sign(digest).to_bytes());
    town.must(town.bob, IPolicy::buyForCall { referrer: carol.address, ..call });
    assert_eq!(town.peers.premiums.borrow()[0].referrer, Address::ZERO);
}

#[test]
fn a_contract_consents_by_its_own_word() {
    struct Wallet;
    impl Native for Wallet {
        fn call(&self, _: &Context<'_>, input: &[u8]) -> ArbResult {
            let call = IERC1271::isValidSignatureCall::abi_decode(input).map_err(|_| vec![])?;
            let valid = call.signature[..] == *b"the owners agree";
            Ok(if valid { B256::right_padding_from(&input[..4]).abi_encode() } else { vec![0; 32] })
        }
    }
    let town = Town::new();
    let wallet = town.world.address("wallet");
    town.world.place_native(wallet, Wallet);
    let call = consented(&town, wallet, 0, |_| b"the owners differ".to_vec());
    town.refused(town.bob, call).expect::<IPolicy::InsuredMustConsent>();
    let call = consented(&town, wallet, 0, |_| b"the owners agree".to_vec());
    let sold = town.must(town.bob, call);
    assert_eq!(town.policy_of(sold.policy).holder, wallet);
}

#[test]
fn a_consent_is_for_this_contract_on_this_chain() {
    let town = Town::new();
    let here = town.read(IPolicy::DOMAIN_SEPARATORCall {});
    let hash = |text: &str| U256::from_be_bytes(keccak256(text).0);
    let domain = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
    let chain = U256::from(412_346);
    let words = [hash(domain), hash("Palisade Policy"), hash("1"), chain, town.policy.into_word().into()];
    assert_eq!(here, keccak256(words.abi_encode()));
}
