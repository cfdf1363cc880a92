//! Accounts that sign: for permits, delegations and ballots.

use alloy_primitives::{Address, B256, keccak256};
use k256::ecdsa::SigningKey;

/// An account whose key is known.
#[derive(Clone, Debug)]
pub struct Signer {
    key: SigningKey,
    /// The account.
    pub address: Address,
}

/// A signature in its three parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The recovery id, 27 or 28.
    pub v: u8,
    /// r.
    pub r: B256,
    /// s, in the lower half of the curve's order.
    pub s: B256,
}

impl Signer {
    /// The signer that stands for `name`, always the same.
    ///
    /// # Panics
    /// Where the hash of `name` is no key, which has a chance of 2⁻¹²⁸.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let key = SigningKey::from_slice(keccak256(name.as_bytes()).as_slice()).expect("a hash is a key");
        let point = key.verifying_key().to_encoded_point(false);
        let address = Address::from_slice(&keccak256(&point.as_bytes()[1..])[12..]);
        Self { key, address }
    }

    /// Signs a digest.
    ///
    /// # Panics
    /// Never for a digest of 32 bytes.
    #[must_use]
    pub fn sign(&self, digest: B256) -> Signature {
        let (signature, id) = self.key.sign_prehash_recoverable(digest.as_slice()).expect("a digest has 32 bytes");
        let bytes = signature.to_bytes();
        Signature { v: 27 + id.to_byte(), r: B256::from_slice(&bytes[..32]), s: B256::from_slice(&bytes[32..]) }
    }
}

impl Signature {
    /// r ‖ s ‖ v, as wallets give it.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        [self.r.as_slice(), self.s.as_slice(), &[self.v]].concat()
    }
}
