//! The evidence of a family of products: losses, exposure and the rate in force.
//!
//! ```text
//! losses    losses 96 | as of 32 | half-life 32 | credibility 96
//! exposure  cover 96 | exposure 96 | as of 32 | rate 32
//! ```
//!
//! Losses change by claims only, so they have a time of their own; a sale reads the first word and writes the second.
//! Exposure is counted in units of asset times 2²⁰ seconds (twelve days), the rate to nine digits after the point,
//! rounded up. Exposure accrues by itself: cover in the books times time. Cover is in the books longer than it runs
//! (waiting, grace, the rest of a week, and until somebody looks), so what it had too much is taken back when it
//! leaves: over a policy's life its exposure is its cover times its term.

use actuary::{
    credibility::in_force,
    decay::{Decay, decay_down, decay_up},
    math::{Result, YEAR, add, div_down, div_up, mul, to_u64, to_u128},
};
use alloy_primitives::U256;
use standards::packed::Packed;

use crate::{
    fit,
    terms::{RATE_UNIT, Terms, field},
};

/// The unit of exposure: 2²⁰ seconds.
const UNIT_BITS: usize = 20;

/// The largest amount.
const LARGEST: u128 = (1 << 96) - 1;

/// A family's two words, brought up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Worst payout of all policies not released.
    pub cover: u128,
    losses: u128,
    losses_at: u64,
    half_life: u64,
    credibility: u128,
    /// In asset times 2²⁰ seconds.
    exposure: u128,
    /// The rate in force at the last change, after what it may have fallen since; in [`RATE_UNIT`]s.
    floor: u64,
    now: u64,
}

impl Family {
    /// A family without evidence.
    ///
    /// # Errors
    /// None that can happen.
    pub fn new(now: u64, terms: &Terms) -> Result<Self> {
        Ok(Self {
            cover: 0,
            losses: 0,
            losses_at: now,
            half_life: terms.small(field::HALF_LIFE),
            credibility: to_u128(terms.get(field::CREDIBILITY))?,
            exposure: 0,
            floor: 0,
            now,
        })
    }

    /// Reads a family and brings it up to `now`.
    ///
    /// # Errors
    /// [`Overflow`](actuary::Overflow).
    pub fn load(losses: Packed, exposure: Packed, now: u64) -> Result<Self> {
        let half_life = losses.u64(128, 32);
        let cover = exposure.u128(0, 96);
        let elapsed = now - exposure.u64(192, 32);
        let decay = Decay::new(elapsed, half_life)?;
        let accrued = decay.accrual_down(U256::from(cover))?.wrapping_shr(UNIT_BITS);
        let before = decay.down(exposure.get(96, 96))?;
        let floor = in_force(U256::ZERO, exposure.get(224, 32), elapsed)?;
        Ok(Self {
            cover,
            losses: losses.u128(0, 96),
            losses_at: losses.u64(96, 32),
            half_life,
            credibility: losses.u128(160, 96),
            exposure: to_u128(add(before, accrued)?)?,
            floor: floor.as_limbs()[0],
            now,
        })
    }

    /// The two words.
    ///
    /// # Errors
    /// [`Overflow`](actuary::Overflow) where the cover has more than 96 bits. Losses and exposure stay at what fits.
    pub fn store(&self) -> Result<(Packed, Packed)> {
        let losses = Packed::default()
            .with_u128(0, 96, self.losses.min(LARGEST))
            .with_u64(96, 32, self.losses_at)
            .with_u64(128, 32, self.half_life)
            .with_u128(160, 96, self.credibility);
        let exposure = Packed::default()
            .with_u128(0, 96, fit(self.cover, 96)?)
            .with_u128(96, 96, self.exposure.min(LARGEST))
            .with_u64(192, 32, self.now)
            .with_u64(224, 32, self.floor);
        Ok((losses, exposure))
    }

    /// Takes the half-life and the credibility of a version's terms; what was forgotten so far stays forgotten.
    ///
    /// # Errors
    /// None that can happen.
    pub fn adopt(&mut self, terms: &Terms) -> Result<()> {
        self.losses = self.losses_now()?;
        self.losses_at = self.now;
        self.half_life = terms.small(field::HALF_LIFE);
        self.credibility = to_u128(terms.get(field::CREDIBILITY))?;
        Ok(())
    }

    /// Losses as they count now, rounded up.
    ///
    /// # Errors
    /// None that can happen.
    pub fn losses_now(&self) -> Result<u128> {
        to_u128(decay_up(U256::from(self.losses), self.now - self.losses_at, self.half_life)?)
    }

    /// Exposure as it counts now, in asset times years.
    ///
    /// # Errors
    /// None that can happen.
    pub fn exposure_now(&self) -> Result {
        div_down(self.exposure_seconds(), YEAR)
    }

    fn exposure_seconds(&self) -> U256 {
        U256::from(self.exposure).wrapping_shl(UNIT_BITS)
    }

    /// The rate in force under a version's terms, WAD a year, rounded up to nine digits: the estimate, but never less
    /// than the last rate in force less 25 % a day.
    ///
    /// # Errors
    /// [`Overflow`](actuary::Overflow).
    pub fn rate(&self, terms: &Terms) -> Result<U256> {
        let rate = self.estimate(terms)?.max(U256::from(self.floor));
        Ok(rate.wrapping_mul(U256::from(RATE_UNIT)).min(terms.get(field::MAX_RATE)))
    }

    /// What the evidence says under a version's terms, in [`RATE_UNIT`]s, rounded up.
    ///
    /// # Errors
    /// [`Overflow`](actuary::Overflow).
    pub fn estimate(&self, terms: &Terms) -> Result<U256> {
        let prior = terms.prior(U256::from(self.credibility));
        let losses = mul(U256::from(self.losses_now()?), YEAR)?;
        div_up(prior.estimate(losses, self.exposure_seconds())?, U256::from(RATE_UNIT))
    }

    /// Sets the rate in force, as [`rate`](Self::rate) answered it: from here it falls by at most 25 % a day.
    ///
    /// # Errors
    /// None that can happen: rates are at most 100 % a year.
    pub fn set_rate(&mut self, rate: U256) -> Result<()> {
        self.floor = to_u64(div_down(rate, U256::from(RATE_UNIT))?)?;
        Ok(())
    }

    /// Adds a loss that happened `ago` seconds before now on an `exposure` in asset times years. Answers with the loss
    /// as it counts now.
    ///
    /// # Errors
    /// [`Overflow`](actuary::Overflow).
    pub fn record(&mut self, loss: u128, exposure: u128, ago: u64) -> Result<u128> {
        let loss = to_u128(decay_up(U256::from(loss), ago, self.half_life)?)?;
        self.losses = to_u128(add(U256::from(self.losses_now()?), U256::from(loss))?)?;
        self.losses_at = self.now;
        let seconds = decay_down(mul(U256::from(exposure), YEAR)?, ago, self.half_life)?;
        self.exposure = to_u128(add(U256::from(self.exposure), seconds.wrapping_shr(UNIT_BITS))?)?;
        Ok(loss)
    }

    /// What is told in `word` as it counts now: losses and exposure.
    fn known(&self, word: Packed) -> Result<(u128, u128)> {
        let elapsed = self.now - word.u64(192, 32);
        let losses = to_u128(decay_up(word.get(0, 96), elapsed, self.half_life)?)?;
        Ok((losses, to_u128(decay_down(word.get(96, 96), elapsed, self.half_life)?)?))
    }

    /// What was told in `word`, as of now: before the half-life changes.
    ///
    /// # Errors
    /// None that can happen.
    pub fn retell(&self, word: Packed) -> Result<Packed> {
        let (losses, exposure) = self.known(word)?;
        Ok(self.told(losses, exposure))
    }

    /// Tells `whole`, the cover type, what this family has seen since `word` was told: losses that came in, and exposure
    /// that was added or taken back. Answers with what is told then.
    ///
    /// # Errors
    /// [`Overflow`](actuary::Overflow).
    pub fn tell(&self, word: Packed, whole: &mut Self) -> Result<Packed> {
        let (losses, exposure) = self.known(word)?;
        let seen = self.losses_now()?.min(LARGEST);
        let news = U256::from(seen.saturating_sub(losses));
        whole.losses = to_u128(add(U256::from(whole.losses_now()?), news)?)?;
        whole.losses_at = whole.now;
        let covered = self.exposure.min(LARGEST);
        whole.exposure = (whole.exposure + covered).saturating_sub(exposure); // 97 bits
        Ok(self.told(seen, covered))
    }

    fn told(&self, losses: u128, exposure: u128) -> Packed {
        Packed::default().with_u128(0, 96, losses).with_u128(96, 96, exposure).with_u64(192, 32, self.now)
    }

    /// Takes back exposure that cover had too much, in asset times seconds; at most all there is.
    pub fn forgo(&mut self, seconds: U256) {
        let units = to_u128(seconds.wrapping_shr(UNIT_BITS)).unwrap_or(u128::MAX);
        self.exposure = self.exposure.saturating_sub(units);
    }
}
