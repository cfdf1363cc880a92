//! Rewards for capital: how much is emitted, and who earns it.
//!
//! With x = capital ÷ target, of the most that is ever emitted:
//!
//! ```text
//! x < 1          2x − x²         rises steeply at first and is level at the target
//! 1 ≤ x < 1.2    2 − x           falls by as much as the capital is above the target
//! 1.2 ≤ x        0.8             goes on as it is
//! ```
//!
//! What is emitted is shared by an index: what one share has earned since the beginning, in units of 2⁻¹²⁸. The index
//! and what an account earns by it are rounded down, so that all accounts together never have more than was emitted.
//! Since a stake has at most 128 bits, an update of the index loses less than one unit, and so does the settling of an
//! account.

use alloy_primitives::U256;

use crate::{
    Overflow,
    books::{minus, plus},
    math::{BPS, Result, add, bps_down, mul, mul_div_down, sub, to_u128},
};

/// One, in units of the index: 2^128.
pub const SCALE: U256 = U256::from_limbs([0, 0, 1, 0]);

/// From this part of the target on the emission falls no more, basis points.
pub const LEVEL_BPS: U256 = U256::from_limbs([12_000, 0, 0, 0]);

/// What is emitted then of the most, basis points.
pub const LEAST_BPS: U256 = U256::from_limbs([8_000, 0, 0, 0]);

/// What is emitted a second at this capital, of `most` at the target, rounded down; nothing where no capital is wanted.
///
/// # Errors
/// None that can happen.
pub fn rate_down(most: u128, capital: u128, target: u128) -> Result<u128> {
    if target == 0 {
        return Ok(0);
    }
    let [most, capital, target] = [most, capital, target].map(U256::from);
    let twice = add(target, target)?;
    let rate = if capital < target {
        // (2x − x²) = capital · (2 · target − capital) ÷ target²
        mul_div_down(most, mul(capital, sub(twice, capital)?)?, mul(target, target)?)?
    } else if mul(capital, BPS)? < mul(target, LEVEL_BPS)? {
        mul_div_down(most, sub(twice, capital)?, target)?
    } else {
        bps_down(most, LEAST_BPS)?
    };
    to_u128(rate)
}

/// What is emitted to all stakes together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Emission {
    /// What one share has earned since the beginning, in 2⁻¹²⁸.
    pub index: U256,
    /// Shares that earn.
    pub staked: u128,
    /// What is emitted a second.
    pub rate: u128,
    /// Until when it was emitted.
    pub since: u64,
    /// Emitted and not claimed.
    pub promised: u128,
    /// Held and not emitted.
    pub free: u128,
}

impl Emission {
    /// Emits for the time until `now` at the rate that was in force; answers how much.
    ///
    /// Nothing is emitted while nothing is staked, nor more than is free: the time that is passed over is never paid.
    ///
    /// # Errors
    /// [`Overflow`]: not for 2^70 a second and times of 40 bits.
    pub fn accrue(&mut self, now: u64) -> Result<u128> {
        let elapsed = now.saturating_sub(self.since);
        self.since = self.since.max(now);
        if self.staked == 0 {
            return Ok(0);
        }
        let emitted = self.rate.saturating_mul(u128::from(elapsed)).min(self.free);
        let rise = mul_div_down(U256::from(emitted), SCALE, U256::from(self.staked))?;
        self.index = add(self.index, rise)?;
        self.free = minus(self.free, emitted)?;
        self.promised = plus(self.promised, emitted)?;
        Ok(emitted)
    }

    /// Takes in what is held beyond what is booked; answers how much, `None` where there is nothing.
    ///
    /// # Errors
    /// None that can happen.
    pub fn fund(&mut self, held: u128) -> Result<Option<u128>> {
        let booked = plus(self.promised, self.free)?;
        let Some(amount) = held.checked_sub(booked).filter(|amount| *amount > 0) else { return Ok(None) };
        self.free = plus(self.free, amount)?;
        Ok(Some(amount))
    }
}

/// One account's stake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stake {
    /// Shares that earn.
    pub shares: u128,
    /// Earned until the index was as below, and not claimed.
    pub earned: u128,
    /// The index when the account was settled.
    pub index: U256,
}

impl Stake {
    /// Adds what the shares have earned until the index is `index`, rounded down.
    ///
    /// # Errors
    /// [`Overflow`]; also where the index has fallen.
    pub fn settle(&mut self, index: U256) -> Result<()> {
        let earned = mul_div_down(U256::from(self.shares), sub(index, self.index)?, SCALE)?;
        self.earned = plus(self.earned, to_u128(earned)?)?;
        self.index = index;
        Ok(())
    }

    /// Adds shares to a settled stake, and to all of them.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn join(&mut self, emission: &mut Emission, shares: u128) -> Result<()> {
        self.shares = plus(self.shares, shares)?;
        emission.staked = plus(emission.staked, shares)?;
        Ok(())
    }

    /// Takes shares off a settled stake, and off all of them; `None` where it has fewer.
    ///
    /// # Errors
    /// [`Overflow`] where the stake was never joined.
    pub fn leave(&mut self, emission: &mut Emission, shares: u128) -> Result<Option<()>> {
        let Some(rest) = self.shares.checked_sub(shares) else { return Ok(None) };
        self.shares = rest;
        emission.staked = minus(emission.staked, shares)?;
        Ok(Some(()))
    }

    /// Takes all that a settled stake has earned.
    ///
    /// # Errors
    /// [`Overflow`] where it was never emitted.
    pub fn claim(&mut self, emission: &mut Emission) -> Result<u128> {
        emission.promised = minus(emission.promised, self.earned)?;
        Ok(core::mem::take(&mut self.earned))
    }
}

/// The most of a net premium that may be given back so that who buys of himself loses by it, basis points rounded down:
/// what fees take of a gross premium, without what a referrer may get, in parts of the net one.
///
/// Of a gross premium the pool has 1 − treasury − jury. Who owns the whole pool pays the rest, less what a second
/// account of his gets as a referrer: treasury · (1 − referral) + jury.
///
/// # Errors
/// [`Overflow`] for shares of more than the whole.
pub fn most_rebate_bps(treasury_bps: u16, jury_bps: u16, referral_bps: u16) -> Result<u16> {
    let [treasury, jury, referral] = [treasury_bps, jury_bps, referral_bps].map(U256::from);
    let lost = add(mul(treasury, sub(BPS, referral)?)?, mul(jury, BPS)?)?;
    let net = sub(BPS, add(treasury, jury)?)?;
    // lost is in parts of 10,000², net in parts of 10,000.
    let most = mul_div_down(lost, U256::ONE, net)?;
    u16::try_from(most).map_err(|_| Overflow)
}
