//! EIP-712 signatures, and the permits that are made of them.

use std::sync::Arc;

use ethers::{
    abi::{Token, encode},
    types::{Address, H256, Signature, U256},
    utils::keccak256,
};
use palisade::{chain::Client, story::Story};

/// The signature of a struct, given as its type and fields.
pub(crate) fn sign(who: &Arc<Client>, separator: [u8; 32], kind: &str, fields: &[Token]) -> Signature {
    let words = [&[Token::FixedBytes(keccak256(kind).to_vec())], fields].concat();
    let digest = keccak256([&[0x19, 0x01][..], &separator, &keccak256(encode(&words))].concat());
    who.signer().sign_hash(H256(digest)).expect("a key signs")
}

/// The owner's next permit of `value` for `spender`, in the asset's domain.
pub(crate) async fn permit(
    story: &Story,
    owner: &Arc<Client>,
    spender: Address,
    value: U256,
    deadline: U256,
) -> Signature {
    let asset = story.asset(owner);
    let nonce = asset.nonces(owner.address()).call().await.unwrap();
    let separator = asset.domain_separator().call().await.unwrap();
    let kind = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)";
    let fields = [
        Token::Address(owner.address()),
        Token::Address(spender),
        Token::Uint(value),
        Token::Uint(nonce),
        Token::Uint(deadline),
    ];
    sign(owner, separator, kind, &fields)
}
