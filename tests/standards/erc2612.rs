//! ERC-2612 in the domain that ERC-5267 describes.

use std::sync::Arc;

use ethers::{
    abi::{ParamType, Token, decode, encode},
    types::{Address, H256, Signature, U256},
    utils::keccak256,
};
use palisade::chain::Client;

use crate::{
    erc20::approved,
    rules::{Called, Contract, Done, People, Rules, error},
};

const PERMIT: &str = "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)";
const TYPE: &str = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)";
const DOMAIN: &str = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";

/// Half the order of secp256k1.
const HALF_ORDER: &str = "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0";
const ORDER: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

/// What is signed.
#[derive(Clone, Copy)]
struct Permit {
    owner: Address,
    spender: Address,
    value: U256,
    deadline: U256,
}

impl Permit {
    fn digest(&self, separator: H256, nonce: U256) -> H256 {
        let words = [
            Token::FixedBytes(keccak256(TYPE).into()),
            Token::Address(self.owner),
            Token::Address(self.spender),
            Token::Uint(self.value),
            Token::Uint(nonce),
            Token::Uint(self.deadline),
        ];
        let whole = [&[0x19, 0x01][..], separator.as_bytes(), &keccak256(encode(&words))].concat();
        H256(keccak256(whole))
    }

    async fn bring(&self, token: &Contract, who: &Arc<Client>, signature: Signature) -> Called<Done> {
        let (r, s) = (<[u8; 32]>::from(signature.r), <[u8; 32]>::from(signature.s));
        let v = u8::try_from(signature.v).expect("27 or 28");
        token.tell(who, PERMIT, (self.owner, self.spender, self.value, self.deadline, v, r, s)).await
    }
}

fn sign(who: &Arc<Client>, digest: H256) -> Signature {
    who.signer().sign_hash(digest).expect("a key signs any hash")
}

/// The separator of a domain without a salt.
fn separator(name: &str, version: &str, chain: U256, contract: Address) -> H256 {
    let hash = |text: &str| Token::FixedBytes(keccak256(text).into());
    H256(keccak256(encode(&[hash(DOMAIN), hash(name), hash(version), Token::Uint(chain), Token::Address(contract)])))
}

async fn nonce(token: &Contract, who: Address) -> U256 {
    token.word("nonces(address)", who).await.unwrap_or_default()
}

async fn allowance(token: &Contract, owner: Address, spender: Address) -> Option<U256> {
    token.word("allowance(address,address)", (owner, spender)).await
}

/// What `eip712Domain()` tells: its fields, name, version, chain and contract.
async fn domain(token: &Contract) -> Option<(u8, String, String, U256, Address)> {
    let kinds = [
        ParamType::FixedBytes(1),
        ParamType::String,
        ParamType::String,
        ParamType::Uint(256),
        ParamType::Address,
        ParamType::FixedBytes(32),
        ParamType::Array(ParamType::Uint(256).into()),
    ];
    let answer = token.ask(Address::zero(), "eip712Domain()", ()).await.ok()?;
    let mut words = decode(&kinds, &answer).ok()?.into_iter();
    let fields = words.next()?.into_fixed_bytes()?[0];
    let (name, version) = (words.next()?.into_string()?, words.next()?.into_string()?);
    Some((fields, name, version, words.next()?.into_uint()?, words.next()?.into_address()?))
}

/// ERC-2612 of a token; the holder signs, the stranger brings the signatures.
pub(crate) async fn suite(token: &Contract, people: &People) -> Rules {
    let mut rules = Rules::of("ERC-2612");
    let chain = U256::from(token.chain.id());
    let told = token.word("DOMAIN_SEPARATOR()", ()).await.map(|word| H256(word.into())).unwrap_or_default();
    let described = domain(token).await;
    rules.holds("eip712Domain() tells the domain", described.is_some(), ());
    let Some((fields, name, version, id, contract)) = described else { return rules };
    rules.same("the domain has name, version, chain and contract", fields, 0x0f);
    rules.same("the domain is of this chain", id, chain);
    rules.same("the domain is of this contract", contract, token.address);
    let expected = separator(&name, &version, id, contract);
    rules.same("DOMAIN_SEPARATOR() is the hash of the domain", told, expected);

    let (holder, friend) = (people.holder.address(), people.friend.address());
    let first = nonce(token, holder).await;
    let permit = Permit { owner: holder, spender: friend, value: 77.into(), deadline: U256::MAX };
    let good = sign(&people.holder, permit.digest(told, first));

    // what was signed for something else
    let other = Permit { value: 78.into(), ..permit };
    let refused = other.bring(token, &people.stranger, good).await;
    rules.refused("a signature is good for its value only", refused);
    let other = Permit { spender: people.stranger.address(), ..permit };
    rules.refused("a signature is good for its spender only", other.bring(token, &people.stranger, good).await);
    let other = Permit { owner: friend, ..permit };
    rules.refused("a signature is good for its owner only", other.bring(token, &people.stranger, good).await);
    let other = Permit { deadline: U256::MAX - 1, ..permit };
    rules.refused("a signature is good for its deadline only", other.bring(token, &people.stranger, good).await);
    let theirs = sign(&people.stranger, permit.digest(told, first));
    let refused = permit.bring(token, &people.stranger, theirs).await;
    let with = error("ERC2612InvalidSigner(address,address)", (people.stranger.address(), holder));
    rules.refused_with("nobody signs for another", refused, &with);
    let early = sign(&people.holder, permit.digest(told, first + 1));
    rules.refused("a signature with a later nonce is not good yet", permit.bring(token, &people.stranger, early).await);
    for (rule, domain) in [
        ("a signature is good on its chain only", separator(&name, &version, id + 1, contract)),
        ("a signature is good for its contract only", separator(&name, &version, id, friend)),
    ] {
        let foreign = sign(&people.holder, permit.digest(domain, first));
        rules.refused(rule, permit.bring(token, &people.stranger, foreign).await);
    }
    let order = U256::from_str_radix(ORDER, 16).expect("a constant");
    let half = U256::from_str_radix(HALF_ORDER, 16).expect("a constant");
    assert!(good.s <= half, "what signs here keeps to the lower half");
    let twin = Signature { s: order - good.s, v: 55 - good.v, ..good };
    rules.refused("the twin of a signature is none", permit.bring(token, &people.stranger, twin).await);
    let nobody = Permit { owner: Address::zero(), ..permit };
    let none = Signature { r: U256::one(), s: U256::one(), v: 27 };
    rules.refused("the zero address signs nothing", nobody.bring(token, &people.stranger, none).await);
    let broken = Signature { v: 29, ..good };
    rules.refused("a signature that no key made is refused", nobody.bring(token, &people.stranger, broken).await);
    let past = Permit { deadline: U256::one(), ..permit };
    let late = sign(&people.holder, past.digest(told, first));
    let with = error("ERC2612ExpiredSignature(uint256)", U256::one());
    rules.refused_with("a signature ends", past.bring(token, &people.stranger, late).await, &with);
    rules.same("what is refused uses nothing up", nonce(token, holder).await, first);

    let done = permit.bring(token, &people.stranger, good).await;
    if let Some(done) = rules.done("anyone can bring the owner's signature", done) {
        rules.same("permit sets the allowance", allowance(token, holder, friend).await, Some(77.into()));
        rules.emitted("permit emits Approval", &done, token, &approved(holder, friend, 77.into()));
        rules.same("permit uses one nonce up", nonce(token, holder).await, first + 1);
    }
    rules.refused("a signature is good once", permit.bring(token, &people.stranger, good).await);
    let again = Permit { value: U256::zero(), ..permit };
    let signature = sign(&people.holder, again.digest(told, first + 1));
    rules.done("the next nonce makes the next signature good", again.bring(token, &people.holder, signature).await);
    rules.same("a permit replaces the allowance", allowance(token, holder, friend).await, Some(0.into()));
    rules
}
