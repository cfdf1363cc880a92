//! EIP-712 typed data: the domain of a contract and the digest that is signed; ERC-5267's description of it.
//!
//! A domain is name, version, chain and contract. It is worked out afresh each time, so that a signature for one
//! chain is never good on another after a fork, and nothing has to be stored.

use alloc::{string::String, vec, vec::Vec};

use alloy_primitives::{Address, B256, FixedBytes, U256, b256, keccak256};
use stylus_sdk::{
    host::VM,
    stylus_core::host::{AccountAccess, ChainAccess},
};

use crate::{
    abi::{Word, write_words},
    dispatch::Encoded,
    encoder::Encoder,
};

/// `keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")`.
pub const DOMAIN_TYPEHASH: B256 = b256!("8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f");

/// What `eip712Domain()` answers (ERC-5267): fields, name, version, chain, contract, salt, extensions.
pub type DomainDescription = (FixedBytes<1>, String, String, U256, Address, B256, Vec<U256>);

/// The separator of the running contract's domain under this name and version.
#[must_use]
pub fn domain_separator(vm: &VM, name: impl AsRef<[u8]>, version: &str) -> B256 {
    let words =
        [keccak256(name).word(), keccak256(version).word(), U256::from(vm.chain_id()), vm.contract_address().word()];
    struct_hash(DOMAIN_TYPEHASH, &words)
}

/// The hash of a struct of this type whose members are (or are hashed to) single words.
#[inline(never)]
#[must_use]
pub fn struct_hash(typehash: B256, words: &[U256]) -> B256 {
    let mut data = vec![0; 32 + 32 * words.len()];
    data[..32].copy_from_slice(typehash.as_slice());
    write_words(&mut data[32..], words);
    keccak256(&data)
}

/// The digest to sign for a struct in a domain.
#[must_use]
pub fn typed_hash(domain: B256, struct_hash: B256) -> B256 {
    let mut data = [0; 66];
    data[..2].copy_from_slice(b"\x19\x01");
    data[2..34].copy_from_slice(domain.as_slice());
    data[34..].copy_from_slice(struct_hash.as_slice());
    keccak256(data)
}

/// The running contract's domain as ERC-5267 describes it: name, version, chain and contract are in use.
#[must_use]
pub fn describe(vm: &VM, name: &str, version: &str) -> DomainDescription {
    (
        FixedBytes([0x0f]),
        name.into(),
        version.into(),
        U256::from(vm.chain_id()),
        vm.contract_address(),
        B256::ZERO,
        Vec::new(),
    )
}

/// [`describe`], encoded.
#[must_use]
pub fn encoded_description(vm: &VM, name: &[u8], version: &str) -> Encoded {
    let mut encoder = Encoder::new(&[], 7);
    encoder
        .word(U256::from(0x0f) << 248)
        .bytes(name)
        .bytes(version.as_bytes())
        .word(U256::from(vm.chain_id()))
        .word(vm.contract_address().word())
        .word(U256::ZERO)
        .words(&[]);
    Encoded(encoder.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_type_is_that_of_its_string() {
        let string = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
        assert_eq!(DOMAIN_TYPEHASH, keccak256(string));
    }

    /// The example of EIP-712 itself ("Ether Mail", chain 1): its separator and its digest.
    #[test]
    fn the_example_of_the_standard() {
        let words = [
            keccak256("Ether Mail").word(),
            keccak256("1").word(),
            U256::ONE,
            alloy_primitives::address!("CcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC").word(),
        ];
        let domain = struct_hash(DOMAIN_TYPEHASH, &words);
        assert_eq!(domain, b256!("f2cee375fa42b42143804025fc449deafd50cc031ca257e0b194a650a912090f"));
        let mail = b256!("c52c0ee5d84264471806290a3f2c4cecfc5490626bf912d01f240d7a274b371e");
        assert_eq!(typed_hash(domain, mail), b256!("be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2"));
    }
}
