//! What is stored of a policy, packed by hand.
//!
//! ```text
//! token    |231 flags 224|223 subject 192|191 product 160|159            holder            0|   of ERC-721
//! amounts  |255          confirmed         128|127             amount                     0|
//! terms    |247 deductible|231 ratio|215 deadline|175   end  |135  start |95    premium    0|
//! and only where they are not what they mostly are:
//! insured  an address      where it is not the holder
//! position 32 bytes        where it is not zero
//! entry    32 bytes        where the trigger's entry is not empty
//! ```
//!
//! A purchase by the insured, of a cover without a position and without an entry, so fills three new slots. A
//! transfer of such a policy writes the insured down.
//!
//! Amounts have 128 bits; the premium has 96, which is 79 billion whole units of an asset with 18 decimals.
//! Subjects are numbered (see [`crate::book`]), so they take 32 bits; times take 40, ratios 16 (basis points).

use actuary::math::bps_down;
use alloy_primitives::{Address, U256};
use protocol::{Result, error};
use standards::{errors::SafeCastOverflowedUintDowncast, packed::Packed};

/// A claim was filed at least once.
pub const FILED: u64 = 1;
/// A claim is open.
pub const LOCKED: u64 = 2;
/// Closed for good.
pub const EXPIRED: u64 = 4;
/// The insured is stored, since it is not (or no longer) the holder.
pub const INSURED: u64 = 8;
/// The position is stored, since it is not zero.
pub const POSITION: u64 = 16;
/// The entry's hash is stored, since the entry is not empty.
pub const ENTRY: u64 = 32;

/// Bits of a time.
const TIME: usize = 40;

/// A policy's word in ERC-721's storage: its holder and what is read with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token(pub Packed);

impl Token {
    /// A new policy of `product` on the subject of number `subject`; ERC-721 adds the holder.
    #[must_use]
    pub fn new(product: u32, subject: u32, flags: u64) -> Self {
        let word = Packed::default().with_u64(160, 32, u64::from(product)).with_u64(192, 32, u64::from(subject));
        Self(word.with_u64(224, 8, flags))
    }

    /// Who holds the certificate.
    #[must_use]
    pub fn holder(self) -> Address {
        self.0.address(0)
    }

    /// The product's id.
    #[must_use]
    pub fn product(self) -> u64 {
        self.0.u64(160, 32)
    }

    /// The subject's number.
    #[must_use]
    pub fn subject(self) -> u64 {
        self.0.u64(192, 32)
    }

    /// Whether all of `flags` are set.
    #[must_use]
    pub fn has(self, flags: u64) -> bool {
        self.0.u64(224, 8) & flags == flags
    }

    /// The word with `flags` set too.
    #[must_use]
    pub fn with(self, flags: u64) -> Self {
        Self(self.0.with_u64(224, 8, self.0.u64(224, 8) | flags))
    }

    /// The word with `flags` not set.
    #[must_use]
    pub fn without(self, flags: u64) -> Self {
        Self(self.0.with_u64(224, 8, self.0.u64(224, 8) & !flags))
    }
}

/// Cover bought and claims confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amounts(pub Packed);

impl Amounts {
    /// A new policy's.
    #[must_use]
    pub fn new(amount: u128) -> Self {
        Self(Packed::default().with_u128(0, 128, amount))
    }

    /// Cover bought.
    #[must_use]
    pub fn amount(self) -> U256 {
        self.0.get(0, 128)
    }

    /// Claims confirmed so far.
    #[must_use]
    pub fn confirmed(self) -> U256 {
        self.0.get(128, 128)
    }

    /// The same with `confirmed` claims.
    #[must_use]
    pub fn with_confirmed(self, confirmed: u128) -> Self {
        Self(self.0.with_u128(128, 128, confirmed))
    }
}

/// Premium, times and ratios of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms(pub Packed);

impl Terms {
    /// What a policy is sold with.
    ///
    /// # Errors
    /// `SafeCastOverflowedUintDowncast` for a value that its field cannot hold: nothing is ever cut.
    pub fn new(premium: U256, start: U256, end: U256, deadline: U256, ratio: U256, deductible: U256) -> Result<Self> {
        let mut word = Packed::default();
        let mut offset = 0;
        let fields = [(96, premium), (TIME, start), (TIME, end), (TIME, deadline), (16, ratio), (16, deductible)];
        for (bits, value) in fields {
            word = word.with(offset, bits, fit(value, bits)?);
            offset += bits;
        }
        Ok(Self(word))
    }

    /// Gross premium paid.
    #[must_use]
    pub fn premium(self) -> U256 {
        self.0.get(0, 96)
    }

    /// When cover begins.
    #[must_use]
    pub fn start(self) -> u64 {
        self.0.u64(96, TIME)
    }

    /// When cover ends.
    #[must_use]
    pub fn end(self) -> u64 {
        self.0.u64(136, TIME)
    }

    /// The last filing, on the claims clock.
    #[must_use]
    pub fn deadline(self) -> u64 {
        self.0.u64(176, TIME)
    }

    /// Compensation ratio, basis points.
    #[must_use]
    pub fn ratio(self) -> u64 {
        self.0.u64(216, 16)
    }

    /// Deductible, basis points.
    #[must_use]
    pub fn deductible(self) -> u64 {
        self.0.u64(232, 16)
    }

    /// The cover of `amount`: its worst payout, ⌊amount · ratio⌋.
    ///
    /// # Errors
    /// None: 144 bits hold the product.
    pub fn cover(self, amount: U256) -> Result<U256> {
        Ok(bps_down(amount, U256::from(self.ratio()))?)
    }
}

/// `value`, if `bits` bits hold it.
///
/// # Errors
/// `SafeCastOverflowedUintDowncast`.
pub fn fit(value: U256, bits: usize) -> Result<U256> {
    if value.bit_len() > bits {
        let bits = u8::try_from(bits).unwrap_or(u8::MAX);
        return Err(error!(SafeCastOverflowedUintDowncast, bits, value));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::uint;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_field_keeps_its_value(
            premium in 0u128..1 << 96, start in 0u64..1 << 40, end in 0u64..1 << 40, deadline in 0u64..1 << 40,
            ratio: u16, deductible: u16,
        ) {
            let terms = Terms::new(
                U256::from(premium), U256::from(start), U256::from(end), U256::from(deadline), U256::from(ratio), U256::from(deductible),
            ).unwrap();
            prop_assert_eq!(terms.premium(), U256::from(premium));
            prop_assert_eq!((terms.start(), terms.end(), terms.deadline()), (start, end, deadline));
            prop_assert_eq!((terms.ratio(), terms.deductible()), (u64::from(ratio), u64::from(deductible)));
        }

        #[test]
        fn amount_and_confirmed_are_apart(amount: u128, first: u128, second: u128) {
            let amounts = Amounts::new(amount).with_confirmed(first).with_confirmed(second);
            prop_assert_eq!((amounts.amount(), amounts.confirmed()), (U256::from(amount), U256::from(second)));
        }

        #[test]
        fn flags_leave_the_rest_of_the_word(product: u32, subject: u32, flags in 0u64..64, more in 0u64..64) {
            let token = Token::new(product, subject, flags).with(more);
            prop_assert!(token.has(flags) && token.has(more));
            prop_assert_eq!((token.product(), token.subject()), (u64::from(product), u64::from(subject)));
            prop_assert_eq!(token.without(more), Token::new(product, subject, flags & !more));
        }
    }

    #[test]
    fn a_value_that_does_not_fit_is_refused_and_never_cut() {
        let zero = U256::ZERO;
        let too_large = uint!(0x1000000000000000000000000_U256);
        let refused = Terms::new(too_large, zero, zero, zero, zero, zero).unwrap_err();
        assert_eq!(refused, error!(SafeCastOverflowedUintDowncast, 96u8, too_large));
        for field in 1..6 {
            let mut values = [zero; 6];
            values[field] = U256::from(1u64 << 40);
            let [premium, start, end, deadline, ratio, deductible] = values;
            assert!(Terms::new(premium, start, end, deadline, ratio, deductible).is_err(), "{field}");
        }
    }

    #[test]
    fn the_cover_of_an_amount_is_rounded_down() {
        let terms = Terms::new(U256::ZERO, U256::ZERO, U256::ZERO, U256::ZERO, uint!(9_999_U256), U256::ZERO).unwrap();
        assert_eq!(terms.cover(uint!(3_U256)).unwrap(), uint!(2_U256));
        assert_eq!(terms.cover(uint!(10_000_U256)).unwrap(), uint!(9_999_U256));
    }
}
