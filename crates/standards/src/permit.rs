//! Allowances by signature (ERC-2612) and the nonces that make each signature good once.

use alloy_primitives::{Address, B256, U256, b256};
use stylus_sdk::{
    prelude::*,
    storage::{StorageMap, StorageU256},
    stylus_core::host::BlockAccess,
};

use crate::{
    abi::{Result, Word},
    ecdsa, eip712,
    erc20::Erc20,
    error,
    errors::{ERC2612ExpiredSignature, ERC2612InvalidSigner, InvalidAccountNonce},
};

/// `keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)")`.
pub const PERMIT_TYPEHASH: B256 = b256!("6e71edae12b1b97f4d1f60370fef10105fa2faae0126114a169c64845d6126c9");

/// How many signatures of each account have been used: one slot, and one for each account that signs.
#[storage]
pub struct Nonces {
    nonces: StorageMap<Address, StorageU256>,
}

impl Nonces {
    /// The nonce that the next signature of `owner` must carry.
    #[must_use]
    pub fn nonce(&self, owner: Address) -> U256 {
        self.nonces.get(owner)
    }

    /// Uses up the nonce of `owner` and answers it.
    pub fn use_nonce(&mut self, owner: Address) -> U256 {
        let mut slot = self.nonces.setter(owner);
        let nonce = slot.get();
        slot.set(nonce.wrapping_add(U256::ONE)); // 2²⁵⁶ signatures are never reached
        nonce
    }

    /// Uses up the nonce of `owner`, which must be `nonce`.
    ///
    /// # Errors
    /// `InvalidAccountNonce` with the one that it is.
    pub fn use_checked_nonce(&mut self, owner: Address, nonce: U256) -> Result<()> {
        let current = self.use_nonce(owner);
        if current != nonce {
            return Err(error!(InvalidAccountNonce, owner, current));
        }
        Ok(())
    }
}

/// What an owner signs, and its signature.
#[derive(Clone, Copy, Debug)]
pub struct Permit {
    /// Whose units.
    pub owner: Address,
    /// Who may move them.
    pub spender: Address,
    /// How many.
    pub value: U256,
    /// Until when the signature is good, in seconds.
    pub deadline: U256,
    /// The signature's recovery id, 27 or 28.
    pub v: u8,
    /// The signature's r.
    pub r: B256,
    /// The signature's s.
    pub s: B256,
}

impl Permit {
    /// Uses the signature up, which must be the owner's in the domain of `separator`
    /// (see [`eip712::domain_separator`]); the caller then sets the allowance.
    ///
    /// # Errors
    /// `ERC2612ExpiredSignature`; `ERC2612InvalidSigner` where someone else signed, or the owner another text;
    /// `ECDSAInvalidSignature`, `ECDSAInvalidSignatureS`.
    #[inline(never)]
    pub fn verify(&self, nonces: &mut Nonces, separator: B256) -> Result<()> {
        let Self { owner, spender, value, deadline, v, r, s } = *self;
        if U256::from(nonces.vm().block_timestamp()) > deadline {
            return Err(error!(ERC2612ExpiredSignature, deadline));
        }
        let nonce = nonces.use_nonce(owner);
        let words = [owner.word(), spender.word(), value, nonce, deadline];
        let digest = eip712::typed_hash(separator, eip712::struct_hash(PERMIT_TYPEHASH, &words));
        let signer = ecdsa::recover(nonces.vm(), digest, v, r, s)?;
        if signer != owner {
            return Err(error!(ERC2612InvalidSigner, signer, owner));
        }
        Ok(())
    }
}

/// Sets an allowance by its owner's signature in the domain of `separator`
/// (see [`eip712::domain_separator`]). Anyone may bring the signature.
///
/// # Errors
/// Those of [`Permit::verify`] and of an approval.
///
/// # Events
/// `Approval`.
pub fn permit(erc20: &mut Erc20, nonces: &mut Nonces, separator: B256, permit: &Permit) -> Result<()> {
    permit.verify(nonces, separator)?;
    erc20._approve(permit.owner, permit.spender, permit.value)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::keccak256;

    use super::*;

    #[test]
    fn the_permit_type_is_that_of_its_string() {
        let string = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)";
        assert_eq!(PERMIT_TYPEHASH, keccak256(string));
    }
}
