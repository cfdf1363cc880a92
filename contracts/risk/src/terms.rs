//! The terms of a product, their bounds, and the words they are kept in.
//!
//! Terms come and go as the 27 words of `IRisk.Terms`. In storage a version's terms are two words that every price
//! needs, one that a new cover needs beside them, one that only pages read, and the two times in the word that says what
//! the product is (see [`book`](crate::book)), which are all that the books of an end of cover need:
//!
//! ```text
//! price     cost of capital 30 | kink 14 | kink rate 30 | full rate 30 | capital factor 14 | capacity 14 |
//!           shortest term 26 | margin 16 | least premium 80
//! bounds    least amount 80 | most amount 96 | coinsurance base 14 | slope 16 | max 14 | deductible 14
//! evidence  prior rate 30 | least rate 30 | most rate 30 | loss cap 96 | subject 14 | longest term 26 |
//!           prior of the cover type 30
//! memory    credibility 96 | half-life 32 | jury 1
//! product   … 208 | grace 24 | waiting 24
//! ```
//!
//! Rates are kept to nine digits after the point. The hash of the wording has a word of its own.

use actuary::{
    credibility::Prior,
    curve::Curve,
    math::{YEAR, div_down},
    premium::{Pricing, compensation_bps},
};
use alloy_primitives::U256;
use protocol::{Result, abi::ParameterOutOfBounds, error};
use standards::packed::Packed;

/// Rates are multiples of this many WAD units: nine digits after the point.
pub const RATE_UNIT: u64 = 1_000_000_000;

/// How many words `IRisk.Terms` has.
pub const WORDS: usize = 27;

/// The last word: the hash of the wording.
pub const TERMS_HASH: usize = 26;

/// The most weekly buckets that a grace may span: an incident's opening reads as many.
pub const MOST_GRACE_WEEKS: u64 = 52;

const DAY: u128 = 86_400;

/// Where a value is in `IRisk.Terms`.
pub mod field {
    #![allow(missing_docs)]
    pub const PRIOR_RATE: usize = 0;
    pub const MIN_RATE: usize = 1;
    pub const MAX_RATE: usize = 2;
    pub const CREDIBILITY: usize = 3;
    pub const HALF_LIFE: usize = 4;
    pub const MARGIN: usize = 5;
    pub const COST_OF_CAPITAL: usize = 6;
    pub const KINK: usize = 7;
    pub const KINK_RATE: usize = 8;
    pub const FULL_RATE: usize = 9;
    pub const MIN_PREMIUM: usize = 10;
    pub const LOSS_CAP: usize = 11;
    pub const CAPITAL_FACTOR: usize = 12;
    pub const CAPACITY: usize = 13;
    pub const SUBJECT: usize = 14;
    pub const WAITING: usize = 15;
    pub const GRACE: usize = 16;
    pub const MIN_TERM: usize = 17;
    pub const MAX_TERM: usize = 18;
    pub const MIN_AMOUNT: usize = 19;
    pub const MAX_AMOUNT: usize = 20;
    pub const COINSURANCE_BASE: usize = 21;
    pub const COINSURANCE_SLOPE: usize = 22;
    pub const COINSURANCE_MAX: usize = 23;
    pub const DEDUCTIBLE: usize = 24;
    pub const JURY: usize = 25;
}

/// The words of storage.
const PRICE: u8 = 0;
const BOUNDS: u8 = 1;
const EVIDENCE: u8 = 2;
const MEMORY: u8 = 3;
const PRODUCT: u8 = 4;

/// Where the evidence has what the cover type's says, in [`RATE_UNIT`]s.
const TYPE_PRIOR: usize = 226;

/// A value: which word holds it where, in which unit, and its bounds.
struct Field {
    word: u8,
    offset: u8,
    bits: u8,
    unit: u64,
    low: u128,
    high: u128,
}

const fn field(word: u8, offset: u8, bits: u8, low: u128, high: u128) -> Field {
    Field { word, offset, bits, unit: 1, low, high }
}

/// A rate of at most 100 % a year.
const fn rate(word: u8, offset: u8) -> Field {
    Field { word, offset, bits: 30, unit: RATE_UNIT, low: 0, high: 1_000_000_000_000_000_000 }
}

const FIELDS: [Field; TERMS_HASH] = [
    rate(EVIDENCE, 0),                         // prior rate
    rate(EVIDENCE, 30),                        // least rate
    rate(EVIDENCE, 60),                        // most rate
    field(MEMORY, 0, 96, 1, (1 << 96) - 1),    // credibility
    field(MEMORY, 96, 32, DAY, 3_650 * DAY),   // half-life
    field(PRICE, 158, 16, 10_000, 50_000),     // margin
    rate(PRICE, 0),                            // cost of capital
    field(PRICE, 30, 14, 1, 9_999),            // kink
    rate(PRICE, 44),                           // kink rate
    rate(PRICE, 74),                           // full rate
    field(PRICE, 174, 80, 1, (1 << 80) - 1),   // least premium
    field(EVIDENCE, 90, 96, 1, (1 << 96) - 1), // loss cap
    field(PRICE, 104, 14, 1, 10_000),          // capital factor
    field(PRICE, 118, 14, 1, 10_000),          // capacity
    field(EVIDENCE, 186, 14, 1, 10_000),       // subject
    field(PRODUCT, 232, 24, 0, 180 * DAY),     // waiting
    field(PRODUCT, 208, 24, 0, 180 * DAY),     // grace
    field(PRICE, 132, 26, 1, 730 * DAY),       // shortest term
    field(EVIDENCE, 200, 26, 1, 730 * DAY),    // longest term
    field(BOUNDS, 0, 80, 1, (1 << 80) - 1),    // least amount
    field(BOUNDS, 80, 96, 1, (1 << 96) - 1),   // most amount
    field(BOUNDS, 176, 14, 0, 9_000),          // coinsurance: base
    field(BOUNDS, 190, 16, 0, 65_535),         // slope
    field(BOUNDS, 206, 14, 0, 9_000),          // max
    field(BOUNDS, 220, 14, 0, 5_000),          // deductible
    field(MEMORY, 128, 1, 0, 1),               // jury
];

/// The values' names in the interface, for `ParameterOutOfBounds`.
const NAMES: [&str; TERMS_HASH] = [
    "priorRate",
    "minRate",
    "maxRate",
    "credibility",
    "halfLife",
    "marginBps",
    "costOfCapital",
    "kinkBps",
    "kinkRate",
    "fullRate",
    "minPremium",
    "lossCap",
    "capitalFactorBps",
    "capacityBps",
    "subjectBps",
    "waiting",
    "grace",
    "minTerm",
    "maxTerm",
    "minAmount",
    "maxAmount",
    "coinsuranceBaseBps",
    "coinsuranceSlopeBps",
    "coinsuranceMaxBps",
    "deductibleBps",
    "jury",
];

/// A version's terms in their words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms(pub [Packed; 5]);

impl Terms {
    /// Packs the words of `IRisk.Terms`, with every bound checked: each value's own, those between values, and those
    /// of the contract: `shortest` for waiting, grace and term, and [`MOST_GRACE_WEEKS`] of `week` seconds for grace.
    ///
    /// # Errors
    /// `ParameterOutOfBounds` with the value's name.
    pub fn pack(words: &[U256; WORDS], shortest: u64, week: u64) -> Result<Self> {
        let mut terms = Self::default();
        for (index, value) in words.iter().enumerate().take(TERMS_HASH) {
            terms = terms.with(index, *value)?;
        }
        let ordered = [
            (field::MIN_RATE, field::PRIOR_RATE),
            (field::PRIOR_RATE, field::MAX_RATE),
            (field::KINK_RATE, field::FULL_RATE),
            (field::MIN_TERM, field::MAX_TERM),
            (field::MIN_AMOUNT, field::MAX_AMOUNT),
            (field::COINSURANCE_BASE, field::COINSURANCE_MAX),
        ];
        for (low, high) in ordered {
            if words[low] > words[high] {
                return Err(refused(low, words[low]));
            }
        }
        for index in [field::WAITING, field::GRACE, field::MIN_TERM] {
            if words[index] < U256::from(shortest) {
                return Err(refused(index, words[index]));
            }
        }
        if words[field::GRACE] > U256::from(MOST_GRACE_WEEKS * week) {
            return Err(refused(field::GRACE, words[field::GRACE]));
        }
        Ok(terms)
    }

    /// The terms with one value replaced, which must be within its own bounds.
    ///
    /// # Errors
    /// `ParameterOutOfBounds` with the value's name.
    pub fn with(mut self, index: usize, value: U256) -> Result<Self> {
        let field = &FIELDS[index];
        let stored = div_down(value, U256::from(field.unit))?;
        let whole = stored.wrapping_mul(U256::from(field.unit)) == value;
        if !whole || value < U256::from(field.low) || value > U256::from(field.high) {
            return Err(refused(index, value));
        }
        let word = &mut self.0[usize::from(field.word)];
        *word = word.with(usize::from(field.offset), usize::from(field.bits), stored);
        Ok(self)
    }

    /// What the evidence of the product's cover type says, in [`RATE_UNIT`]s; 0 where nothing is known of it.
    #[must_use]
    pub fn type_prior(&self) -> u64 {
        self.0[usize::from(EVIDENCE)].u64(TYPE_PRIOR, 30)
    }

    /// The terms with what their cover type's evidence says.
    #[must_use]
    pub fn with_type_prior(mut self, prior: u64) -> Self {
        let word = &mut self.0[usize::from(EVIDENCE)];
        *word = word.with_u64(TYPE_PRIOR, 30, prior);
        self
    }

    /// The terms with what their cover type's evidence says in the place of the prior rate; as they are where that is
    /// nothing.
    #[must_use]
    pub fn believed(mut self) -> Self {
        let prior = self.type_prior();
        if prior != 0 {
            let word = &mut self.0[usize::from(EVIDENCE)];
            *word = word.with_u64(0, 30, prior);
        }
        self
    }

    /// The words of `IRisk.Terms`, but for the hash of the wording.
    #[must_use]
    pub fn unpack(&self) -> [U256; WORDS] {
        let mut words = [U256::ZERO; WORDS];
        for (index, word) in words.iter_mut().enumerate().take(TERMS_HASH) {
            *word = self.get(index);
        }
        words
    }

    /// A value, in the unit of the interface.
    #[must_use]
    pub fn get(&self, index: usize) -> U256 {
        let field = &FIELDS[index];
        let stored = self.0[usize::from(field.word)].get(usize::from(field.offset), usize::from(field.bits));
        stored.wrapping_mul(U256::from(field.unit))
    }

    /// A value that fits in 64 bits: times and ratios.
    #[must_use]
    pub fn small(&self, index: usize) -> u64 {
        self.get(index).as_limbs()[0]
    }

    /// What is believed of a family before evidence, for a `credibility` in asset times years; in asset times seconds.
    #[must_use]
    pub fn prior(&self, credibility: U256) -> Prior {
        Prior {
            rate: self.get(field::PRIOR_RATE),
            credibility: credibility.wrapping_mul(YEAR),
            min: self.get(field::MIN_RATE),
            max: self.get(field::MAX_RATE),
        }
    }

    /// How a cover is priced.
    #[must_use]
    pub fn pricing(&self) -> Pricing {
        Pricing {
            margin_bps: self.get(field::MARGIN),
            capital_factor_bps: self.get(field::CAPITAL_FACTOR),
            cost_of_capital: self.get(field::COST_OF_CAPITAL),
            curve: Curve {
                base: U256::ZERO,
                kink: self.get(field::KINK).wrapping_mul(U256::from(100_000_000_000_000u64)),
                kink_rate: self.get(field::KINK_RATE),
                full_rate: self.get(field::FULL_RATE),
            },
            minimum: self.get(field::MIN_PREMIUM),
        }
    }

    /// The compensation ratio at a loss rate, in basis points.
    ///
    /// # Errors
    /// None for terms within their bounds.
    pub fn compensation(&self, rate: U256) -> Result<U256> {
        let [base, slope, max] = [field::COINSURANCE_BASE, field::COINSURANCE_SLOPE, field::COINSURANCE_MAX];
        Ok(compensation_bps(rate, self.get(base), self.get(slope), self.get(max))?)
    }
}

/// The refusal of a value by its name.
pub(crate) fn refused(index: usize, value: U256) -> protocol::Revert {
    error!(ParameterOutOfBounds, name(NAMES[index]), value)
}

/// A parameter's name as `ParameterOutOfBounds` tells it: text at the left of a word.
#[must_use]
pub fn name(text: &str) -> U256 {
    let mut word = [0; 32];
    word[..text.len()].copy_from_slice(text.as_bytes());
    U256::from_be_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_word_do_not_overlap() {
        let mut used = [U256::ZERO; 5];
        used[usize::from(EVIDENCE)] = Packed::default().with(TYPE_PRIOR, 30, U256::MAX).0;
        used[usize::from(PRODUCT)] = Packed::default().with(0, 208, U256::MAX).0;
        for (index, field) in FIELDS.iter().enumerate() {
            let mask = Packed::default().with(usize::from(field.offset), usize::from(field.bits), U256::MAX).0;
            assert_eq!(used[usize::from(field.word)] & mask, U256::ZERO, "{}", NAMES[index]);
            used[usize::from(field.word)] |= mask;
            assert!(usize::from(field.offset) + usize::from(field.bits) <= 256);
            let fits = U256::from(field.high / u128::from(field.unit)) < U256::from(1) << usize::from(field.bits);
            assert!(fits && field.low <= field.high, "{}", NAMES[index]);
        }
    }
}
