//! What a family of products really loses: Bühlmann–Straub with exponential forgetting.
//!
//! ```text
//! r̂ = (S + K·r₀) ÷ (E + K) = Z · S/E + (1 − Z) · r₀,    Z = E ÷ (E + K)
//! ```
//!
//! S are the losses seen, E is the exposure they were seen on (cover times years), r₀ what was expected before
//! anything was seen, and K how much exposure that expectation weighs. It is the mean after the evidence of a Poisson
//! process whose rate is gamma distributed with α = K·r₀ and β = K. S and E decay by the same half-life.
//!
//! Evidence has two levels where there are several products of a cover type: what is expected of one before it has shown
//! anything is the estimate for all of its type, own evidence included. See [`Prior::of_part`].

use alloy_primitives::U256;

use crate::{
    decay::decay_up,
    math::{Result, WAD, add, div_up, mul},
};

/// In what time a rate in force may halve: it then falls by at most 25 % a day (2^(−86400/208175) = 0.75).
pub const RATE_HALF_LIFE: u64 = 208_175;

/// What is believed before any evidence, and the bounds of what is believed after it. Rates are WAD a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prior {
    /// r₀.
    pub rate: U256,
    /// K, in the unit of exposure.
    pub credibility: U256,
    /// The estimate is never below.
    pub min: U256,
    /// The estimate is never above.
    pub max: U256,
}

impl Prior {
    /// r̂ for `losses` on `exposure`, WAD a year, rounded up, within the bounds. Exposure and credibility may be
    /// counted in any one unit of asset times time; losses then come as asset times that unit's part of a year.
    ///
    /// # Errors
    /// [`Overflow`](crate::Overflow); also where there is neither exposure nor credibility.
    pub fn estimate(&self, losses: U256, exposure: U256) -> Result {
        let evidence = add(mul(losses, WAD)?, mul(self.credibility, self.rate)?)?;
        let rate = div_up(evidence, add(exposure, self.credibility)?)?;
        Ok(rate.max(self.min).min(self.max))
    }
}

impl Prior {
    /// The prior of a part of what this is the prior of, a product of a cover type: `losses` and `exposure` are those of
    /// the whole, `credibility` is what the whole's estimate weighs against the part's own evidence. A part without
    /// evidence has the whole's rate, one with much evidence its own.
    ///
    /// # Errors
    /// As [`estimate`](Self::estimate).
    pub fn of_part(&self, losses: U256, exposure: U256, credibility: U256) -> Result<Self> {
        Ok(Self { rate: self.estimate(losses, exposure)?, credibility, ..*self })
    }
}

/// The rate in force: a new estimate counts at once where it is higher; where it is lower, the `previous` rate falls
/// towards it by at most 25 % a day of the `elapsed` seconds. Rounded up.
///
/// # Errors
/// None that can happen; see [`decay_up`].
pub fn in_force(estimate: U256, previous: U256, elapsed: u64) -> Result {
    Ok(estimate.max(decay_up(previous, elapsed, RATE_HALF_LIFE)?))
}
