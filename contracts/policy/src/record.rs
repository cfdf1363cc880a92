//! What is stored of a policy, packed by hand.
//!
//! ```text
//! token      |255 flags 248|247 position 216|215 subject 184|183 product 160|159       holder       0|   of ERC-721
//! amounts    |231 earning 192|191             confirmed              96|95            amount            0|
//! terms      |247 deductible 232|231 ratio 216|215 deadline 176|175 end 136|135 start 96|95   net   0|
//! and only where they are not what they mostly are:
//! insured    an address where it is not the holder
//! entry hash 32 bytes   where the trigger's entry is not empty
//! keeper     |255     most premium      160|159       keeper       0|   while somebody may extend it, until a time
//!
//! interest   |231 subject 200|199 position 168|167 until 128|127              amount                 0|
//! ```
//!
//! Subjects and positions are numbered, and an interest (a position of an insured in a subject) remembers the
//! numbers: whoever buys a second cover on the same fills three new slots, or four where the trigger has an entry.
//! A transfer of a policy that the insured holds writes the insured down.
//!
//! A policy's amounts and premium have 96 bits, which is 79 billion whole units of an asset with 18 decimals; the sum
//! of an interest has 128. Times have 40 bits, ratios 16 (basis points), products 24, numbers 32.

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
/// The entry's hash is stored, since the entry is not empty.
pub const ENTRY: u64 = 16;

/// Given back before its end.
pub const CANCELLED: u64 = 32;
/// A keeper may extend it at the holder's cost.
pub const KEEPER: u64 = 64;

/// Bits of a time.
const TIME: usize = 40;

/// A policy's word in ERC-721's storage: its holder and what is read with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token(pub Packed);

impl Token {
    /// A new policy of `product` on an interest; ERC-721 adds the holder.
    ///
    /// # Errors
    /// `SafeCastOverflowedUintDowncast` for a product above 2²⁴ − 1.
    pub fn new(product: U256, interest: Interest, flags: u64) -> Result<Self> {
        let word = Packed::default()
            .with(160, 24, fit(product, 24)?)
            .with(184, 32, interest.subject())
            .with(216, 32, interest.position())
            .with_u64(248, 8, flags);
        Ok(Self(word))
    }

    /// Who holds the certificate.
    #[must_use]
    pub fn holder(self) -> Address {
        self.0.address(0)
    }

    /// The product's id.
    #[must_use]
    pub fn product(self) -> U256 {
        self.0.get(160, 24)
    }

    /// The subject's number.
    #[must_use]
    pub fn subject(self) -> U256 {
        self.0.get(184, 32)
    }

    /// The position's number; 0 for the position of zeros.
    #[must_use]
    pub fn position(self) -> U256 {
        self.0.get(216, 32)
    }

    /// Whether all of `flags` are set.
    #[must_use]
    pub fn has(self, flags: u64) -> bool {
        self.flags() & flags == flags
    }

    /// The word with `flags` set too.
    #[must_use]
    pub fn with(self, flags: u64) -> Self {
        Self(self.0.with_u64(248, 8, self.flags() | flags))
    }

    /// The word with `flags` not set.
    #[must_use]
    pub fn without(self, flags: u64) -> Self {
        Self(self.0.with_u64(248, 8, self.flags() & !flags))
    }

    fn flags(self) -> u64 {
        self.0.u64(248, 8)
    }
}

/// Cover bought, claims confirmed, and since when the premium is earned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amounts(pub Packed);

impl Amounts {
    /// A new policy's.
    ///
    /// # Errors
    /// `SafeCastOverflowedUintDowncast` for an amount above 2⁹⁶ − 1.
    pub fn new(amount: U256, earning: u64) -> Result<Self> {
        Self(Packed(fit(amount, 96)?)).with_earning(earning)
    }

    /// Cover bought.
    #[must_use]
    pub fn amount(self) -> U256 {
        self.0.get(0, 96)
    }

    /// Claims confirmed so far.
    #[must_use]
    pub fn confirmed(self) -> U256 {
        self.0.get(96, 96)
    }

    /// Since when the premium is earned: the start of cover, or the last extension.
    #[must_use]
    pub fn earning(self) -> u64 {
        self.0.u64(192, TIME)
    }

    /// The same with `confirmed` claims.
    ///
    /// # Errors
    /// `SafeCastOverflowedUintDowncast` for claims above 2⁹⁶ − 1.
    pub fn with_confirmed(self, confirmed: U256) -> Result<Self> {
        Ok(Self(self.0.with(96, 96, fit(confirmed, 96)?)))
    }

    /// The same with a premium that is earned since then.
    ///
    /// # Errors
    /// `SafeCastOverflowedUintDowncast` for a time above 2⁴⁰ − 1.
    pub fn with_earning(self, earning: u64) -> Result<Self> {
        Ok(Self(self.0.with(192, TIME, fit(U256::from(earning), TIME)?)))
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
    pub fn new(net: U256, start: U256, end: U256, deadline: U256, ratio: U256, deductible: U256) -> Result<Self> {
        let mut word = Packed::default();
        let mut offset = 0;
        let fields = [(96, net), (TIME, start), (TIME, end), (TIME, deadline), (16, ratio), (16, deductible)];
        for (bits, value) in fields {
            word = word.with(offset, bits, fit(value, bits)?);
            offset += bits;
        }
        Ok(Self(word))
    }

    /// The pool's premium, earned until the end.
    #[must_use]
    pub fn net(self) -> U256 {
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

    /// The same until another end, with another premium and last filing.
    ///
    /// # Errors
    /// As [`Terms::new`].
    pub fn extended(self, net: U256, end: U256, deadline: U256) -> Result<Self> {
        let kept = [self.start(), self.ratio(), self.deductible()].map(U256::from);
        Self::new(net, kept[0], end, deadline, kept[1], kept[2])
    }

    /// The cover of `amount`: its worst payout, ⌊amount · ratio⌋.
    ///
    /// # Errors
    /// None: 112 bits hold the product.
    pub fn cover(self, amount: U256) -> Result<U256> {
        Ok(bps_down(amount, U256::from(self.ratio()))?)
    }
}

/// What is insured in one interest: a position of an insured in a subject of a trigger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest(pub Packed);

impl Interest {
    /// Live cover: the sum of the amounts sold, until the latest end among them.
    #[must_use]
    pub fn amount(self, now: u64) -> U256 {
        if now > self.until() { U256::ZERO } else { self.0.get(0, 128) }
    }

    /// The latest end among the covers sold.
    #[must_use]
    pub fn until(self) -> u64 {
        self.0.u64(128, TIME)
    }

    /// The position's number; 0 for the position of zeros.
    #[must_use]
    pub fn position(self) -> U256 {
        self.0.get(168, 32)
    }

    /// The subject's number; 0 before the first sale.
    #[must_use]
    pub fn subject(self) -> U256 {
        self.0.get(200, 32)
    }

    /// The same with other cover.
    ///
    /// # Errors
    /// `SafeCastOverflowedUintDowncast` for an amount above 2¹²⁸ − 1.
    pub fn with_cover(self, amount: U256, until: u64) -> Result<Self> {
        let word = self.0.with(0, 128, fit(amount, 128)?);
        Ok(Self(word.with(128, TIME, fit(U256::from(until), TIME)?)))
    }

    /// The same with numbers of subject and position.
    ///
    /// # Errors
    /// `SafeCastOverflowedUintDowncast` for a number above 2³² − 1.
    pub fn with_numbers(self, subject: U256, position: U256) -> Result<Self> {
        Ok(Self(self.0.with(200, 32, fit(subject, 32)?).with(168, 32, fit(position, 32)?)))
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
            net in 0u128..1 << 96, start in 0u64..1 << 40, end in 0u64..1 << 40, deadline in 0u64..1 << 40,
            ratio: u16, deductible: u16,
        ) {
            let terms = Terms::new(
                U256::from(net), U256::from(start), U256::from(end), U256::from(deadline), U256::from(ratio), U256::from(deductible),
            ).unwrap();
            prop_assert_eq!(terms.net(), U256::from(net));
            prop_assert_eq!((terms.start(), terms.end(), terms.deadline()), (start, end, deadline));
            prop_assert_eq!((terms.ratio(), terms.deductible()), (u64::from(ratio), u64::from(deductible)));
            let longer = terms.extended(U256::from(net / 2), U256::from(end / 2), U256::from(deadline / 2)).unwrap();
            prop_assert_eq!((longer.net(), longer.start()), (U256::from(net / 2), start));
            prop_assert_eq!((longer.end(), longer.deadline()), (end / 2, deadline / 2));
            prop_assert_eq!((longer.ratio(), longer.deductible()), (terms.ratio(), terms.deductible()));
        }

        #[test]
        fn amount_confirmed_and_earning_are_apart(
            [amount, first, second] in [0u128..1 << 96, 0u128..1 << 96, 0u128..1 << 96], earning in 0u64..1 << 40, later in 0u64..1 << 40,
        ) {
            let [amount, first, second] = [amount, first, second].map(U256::from);
            let amounts = Amounts::new(amount, earning).unwrap().with_confirmed(first).unwrap();
            prop_assert_eq!((amounts.amount(), amounts.confirmed(), amounts.earning()), (amount, first, earning));
            let amounts = amounts.with_confirmed(second).unwrap().with_earning(later).unwrap();
            prop_assert_eq!((amounts.amount(), amounts.confirmed(), amounts.earning()), (amount, second, later));
        }

        #[test]
        fn flags_leave_the_rest_of_the_word(
            product in 0u32..1 << 24, subject: u32, position: u32, flags in 0u64..256, more in 0u64..256,
        ) {
            let [product, subject, position] = [product, subject, position].map(U256::from);
            let interest = Interest::default().with_numbers(subject, position).unwrap();
            let token = Token::new(product, interest, flags).unwrap().with(more);
            prop_assert!(token.has(flags) && token.has(more));
            prop_assert_eq!([token.product(), token.subject(), token.position()], [product, subject, position]);
            prop_assert_eq!(token.without(more), Token::new(product, interest, flags & !more).unwrap());
        }

        #[test]
        fn an_interest_keeps_its_numbers_when_its_cover_changes(amount: u128, until in 0u64..1 << 40, subject: u32, position: u32) {
            let [subject, position] = [subject, position].map(U256::from);
            let interest = Interest::default().with_numbers(subject, position).unwrap().with_cover(U256::from(amount), until).unwrap();
            prop_assert_eq!([interest.subject(), interest.position()], [subject, position]);
            prop_assert_eq!((interest.amount(until), interest.until()), (U256::from(amount), until));
            prop_assert_eq!(interest.amount(until + 1), U256::ZERO);
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
            let [net, start, end, deadline, ratio, deductible] = values;
            assert!(Terms::new(net, start, end, deadline, ratio, deductible).is_err(), "{field}");
        }
    }

    #[test]
    fn a_number_that_does_not_fit_is_refused() {
        let (interest, too_large) = (Interest::default(), uint!(0x100000000_U256));
        assert!(interest.with_numbers(too_large, U256::ZERO).is_err());
        assert!(interest.with_numbers(U256::ZERO, too_large).is_err());
        assert!(interest.with_cover(U256::from(1u8).wrapping_shl(128), 0).is_err());
        assert!(interest.with_cover(U256::ZERO, 1 << 40).is_err());
        assert!(Token::new(uint!(0x1000000_U256), interest, 0).is_err());
        let (amounts, too_much) = (Amounts::new(U256::ZERO, 0).unwrap(), U256::from(1u8).wrapping_shl(96));
        assert!(Amounts::new(too_much, 0).is_err() && amounts.with_confirmed(too_much).is_err());
        assert!(Amounts::new(U256::ZERO, 1 << 40).is_err());
    }

    #[test]
    fn the_cover_of_an_amount_is_rounded_down() {
        let terms = Terms::new(U256::ZERO, U256::ZERO, U256::ZERO, U256::ZERO, uint!(9_999_U256), U256::ZERO).unwrap();
        assert_eq!(terms.cover(uint!(3_U256)).unwrap(), uint!(2_U256));
        assert_eq!(terms.cover(uint!(10_000_U256)).unwrap(), uint!(9_999_U256));
    }
}
