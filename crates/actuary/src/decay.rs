//! Exponential forgetting: what is left of a value after a time, 2^(−Δt/H), and what a steady source adds meanwhile.

use alloy_primitives::U256;

use crate::{
    Overflow,
    math::{Result, mul, mul_div_down, mul_div_up},
};

/// One, in the fixed point of [`remaining`]: 2^63.
const ONE: u64 = 1 << 63;

/// ln 2 · 2^64, rounded to nearest.
const LN2: u64 = 0xb172_17f7_d1cf_79ac;

/// Beyond so many halvings nothing is left of any value.
const MOST_HALVINGS: u64 = 192;

/// What is left after some time, worked out once for all values that decay alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decay {
    /// Of [`ONE`], in (½, 1].
    fraction: u64,
    halvings: u64,
    half_life: u64,
}

impl Decay {
    /// 2^(−elapsed/half_life).
    ///
    /// # Errors
    /// [`Overflow`] for a half-life of zero.
    pub fn new(elapsed: u64, half_life: u64) -> Result<Self> {
        let halvings = elapsed.checked_div(half_life).ok_or(Overflow)?;
        let rest = U256::from(elapsed % half_life);
        let part = mul_div_down(rest, U256::from(ONE), U256::from(half_life))?.as_limbs()[0];
        // e^(−x) = 1 − x/1 · (1 − x/2 · (1 − x/3 · …)) with x = part · ln 2 < 0.7. What is left out is below 2^−70: for x
        // below 2^−z, the term after x^n where n·z + log2(n!) ≥ 70.
        let x = high(part, LN2, 64);
        let terms = match x.leading_zeros() {
            0..=4 => 20,
            5..=8 => 12,
            9..=16 => 8,
            17..=24 => 5,
            _ => 3,
        };
        let fraction = (1..=terms).rev().fold(ONE, |inner, n| ONE - high(x, inner, 63) / n);
        Ok(Self { fraction, halvings, half_life })
    }

    /// ⌊value · 2^(−elapsed/half_life)⌋, but for an error of the factor below 2^−58.
    ///
    /// # Errors
    /// None that can happen.
    pub fn down(&self, value: U256) -> Result {
        if self.halvings > MOST_HALVINGS {
            return Ok(U256::ZERO);
        }
        mul_div_down(value, U256::from(self.fraction), self.divisor())
    }

    /// ⌈value · 2^(−elapsed/half_life)⌉, but for an error of the factor below 2^−58.
    ///
    /// # Errors
    /// None that can happen.
    pub fn up(&self, value: U256) -> Result {
        if self.halvings > MOST_HALVINGS {
            return Ok(U256::from(u8::from(!value.is_zero())));
        }
        mul_div_up(value, U256::from(self.fraction), self.divisor())
    }

    /// What a steady `level` adds up to meanwhile while all of it decays, in level times seconds, rounded down:
    /// ∫ level · 2^(−s/H) ds = level · H ÷ ln 2 · (1 − 2^(−Δt/H)).
    ///
    /// The integral is exact, so it does not matter how often a sum is brought up to date.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn accrual_down(&self, level: U256) -> Result {
        let left = if self.halvings < 64 { self.fraction >> self.halvings } else { 0 };
        // Both factors below are in units of 2^−63.
        mul_div_down(mul(level, U256::from(self.half_life))?, U256::from(ONE - left), U256::from(LN2 >> 1))
    }

    /// 2^(63 + halvings).
    fn divisor(&self) -> U256 {
        U256::from(ONE).wrapping_shl(self.halvings as usize)
    }
}

/// [`Decay::down`] of one value.
///
/// # Errors
/// [`Overflow`] for a half-life of zero.
pub fn decay_down(value: U256, elapsed: u64, half_life: u64) -> Result {
    Decay::new(elapsed, half_life)?.down(value)
}

/// [`Decay::up`] of one value.
///
/// # Errors
/// [`Overflow`] for a half-life of zero.
pub fn decay_up(value: U256, elapsed: u64, half_life: u64) -> Result {
    Decay::new(elapsed, half_life)?.up(value)
}

/// [`Decay::accrual_down`] of one level.
///
/// # Errors
/// [`Overflow`]; also for a half-life of zero.
pub fn accrual_down(level: U256, elapsed: u64, half_life: u64) -> Result {
    Decay::new(elapsed, half_life)?.accrual_down(level)
}

/// ⌊a · b ÷ 2^shift⌋ of a product that fits then.
const fn high(a: u64, b: u64, shift: u32) -> u64 {
    ((a as u128 * b as u128) >> shift) as u64
}
