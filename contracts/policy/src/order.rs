//! What a buyer orders, and the consent of whoever is insured by somebody else.

use alloy_primitives::{Address, B256, U256, b256};
use protocol::Word;
use standards::{
    dispatch::{Argument, Arguments},
    eip712,
};
use stylus_sdk::host::VM;

/// The name of the contract's domain for signatures.
pub const DOMAIN: &str = "Palisade Policy";
/// The domain's version.
pub const VERSION: &str = "1";

/// `keccak256("Consent(address insured,uint256 product,bytes32 subject,bytes32 position,uint256 amount,uint256 term,`
/// `address receiver,uint256 nonce,uint256 deadline)")`.
pub const CONSENT_TYPEHASH: B256 = b256!("c88feba3591598c2ca9f5e9f58ada3c36c84c36fb299eee124a350ee76bd87ba");

/// The arguments of `buy`, with which those of the other purchases begin.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// The product's id.
    pub product: U256,
    /// What the cover is about.
    pub subject: B256,
    /// Whose loss is covered.
    pub insured: Address,
    /// What of the insured's is covered.
    pub position: B256,
    /// Cover to buy.
    pub amount: U256,
    /// For how long.
    pub term: U256,
    /// The most that may be paid.
    pub max_premium: U256,
    /// By when.
    pub deadline: U256,
    /// Who gets the certificate.
    pub receiver: Address,
    /// Who sent the buyer here.
    pub referrer: Address,
}

impl<'a> Argument<'a> for Order {
    #[inline(never)]
    fn read(arguments: &mut Arguments<'a>) -> Option<Self> {
        Some(Self {
            product: arguments.read()?,
            subject: arguments.read()?,
            insured: arguments.read()?,
            position: arguments.read()?,
            amount: arguments.read()?,
            term: arguments.read()?,
            max_premium: arguments.read()?,
            deadline: arguments.read()?,
            receiver: arguments.read()?,
            referrer: arguments.read()?,
        })
    }
}

impl Order {
    /// The digest that the insured signs for somebody else to buy this. Price, time and referrer are the payer's.
    #[must_use]
    pub fn consent(&self, vm: &VM, nonce: U256, until: U256) -> B256 {
        let words = [
            self.insured.word(),
            self.product,
            self.subject.word(),
            self.position.word(),
            self.amount,
            self.term,
            self.receiver.word(),
            nonce,
            until,
        ];
        eip712::typed_hash(separator(vm), eip712::struct_hash(CONSENT_TYPEHASH, &words))
    }
}

/// The separator of the contract's domain.
#[must_use]
pub fn separator(vm: &VM) -> B256 {
    eip712::domain_separator(vm, DOMAIN, VERSION)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::keccak256;

    use super::*;

    #[test]
    fn the_consent_type_is_that_of_its_string() {
        let string = "Consent(address insured,uint256 product,bytes32 subject,bytes32 position,uint256 amount,uint256 term,address receiver,uint256 nonce,uint256 deadline)";
        assert_eq!(CONSENT_TYPEHASH, keccak256(string));
    }
}
