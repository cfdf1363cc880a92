//! What was lost to each kind of risk before there was any evidence of our own, as evidence of a product.
//!
//! [`TABLE`] has, by cover type and year, the losses that were recorded and the exposure that they stood on. A product
//! is not the market: an average year of the market says as much about it as its prior does, K. So with E the market's
//! exposure in one year and Σ that of all T years,
//!
//! ```text
//! exposure = K · T · E ÷ Σ          loss = exposure · L ÷ E
//! ```
//!
//! is the record of that year. It counts by its date, as every record does, and up to the loss cap.

mod table;

use alloy_primitives::U256;

use crate::{
    credibility::Prior,
    decay::{decay_down, decay_up},
    math::{Result, YEAR, add, mul, mul_div_down, mul_div_up, to_u128},
};

pub use table::{SPAN, TABLE};

/// The default terms of a product's memory: half-life of two years.
pub const HALF_LIFE: u64 = 730 * 86_400;

/// The default credibility K, in whole units of the asset (a stablecoin) times years.
pub const CREDIBILITY: u64 = 15_000_000;

/// The default loss cap, in whole units of the asset.
pub const LOSS_CAP: u64 = 1_000_000;

/// A year's losses and exposure. Amounts are US dollars, or millionths of all coins of one kind where the history is
/// one of coins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Year {
    /// The year.
    pub year: u16,
    /// The middle of its recorded part.
    pub at: u64,
    /// How many losses.
    pub events: u32,
    /// All of them.
    pub losses: u64,
    /// What could have been lost, times years.
    pub exposure: u64,
}

/// What was lost to one kind of risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// The cover type, as `IRisk.Cover`.
    pub cover: u8,
    /// Its name.
    pub name: &'static str,
    /// The rate believed before any of this, WAD a year.
    pub prior: u64,
    /// Whether amounts are coins, not dollars.
    pub coins: bool,
    /// Year by year; empty where nothing was recorded.
    pub years: &'static [Year],
}

/// A year as a record of a product: `IRisk.Seed`. Amounts in the asset's smallest unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its year.
    pub year: u16,
    /// When it counts from.
    pub at: u64,
    /// Losses.
    pub loss: u128,
    /// Asset times years.
    pub exposure: u128,
}

/// The history of a cover type.
#[must_use]
pub fn of(cover: u8) -> Option<&'static History> {
    TABLE.iter().find(|history| history.cover == cover)
}

impl History {
    /// A year as a record of a product with this `credibility`. Exposure is rounded down, the loss up.
    ///
    /// # Errors
    /// [`Overflow`](crate::Overflow); also for a year without exposure.
    pub fn record(&self, year: &Year, credibility: u128) -> Result<Record> {
        let whole = self.years.iter().try_fold(U256::ZERO, |sum, year| add(sum, U256::from(year.exposure)))?;
        let spanned = mul(U256::from(credibility), U256::from(SPAN))?;
        let exposure = mul_div_down(spanned, U256::from(year.exposure), mul(whole, YEAR)?)?;
        let loss = mul_div_up(exposure, U256::from(year.losses), U256::from(year.exposure))?;
        Ok(Record { year: year.year, at: year.at, loss: to_u128(loss)?, exposure: to_u128(exposure)? })
    }

    /// The estimate at a time, WAD a year, rounded up: the prior and all records that are not of the future.
    ///
    /// # Errors
    /// [`Overflow`](crate::Overflow).
    pub fn rate(&self, credibility: u128, loss_cap: u128, half_life: u64, now: u64) -> Result {
        let (mut losses, mut exposure) = (U256::ZERO, U256::ZERO);
        for year in self.years.iter().filter(|year| year.at <= now) {
            let record = self.record(year, credibility)?;
            let counted = U256::from(record.loss.min(loss_cap));
            losses = add(losses, decay_up(counted, now - year.at, half_life)?)?;
            exposure = add(exposure, decay_down(U256::from(record.exposure), now - year.at, half_life)?)?;
        }
        let prior = Prior {
            rate: U256::from(self.prior),
            credibility: U256::from(credibility),
            min: U256::ZERO,
            max: U256::MAX,
        };
        prior.estimate(losses, exposure)
    }
}
