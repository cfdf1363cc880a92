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

/// ⌊value · 2^(−elapsed/half_life)⌋, but for an error of the factor below 2^−58.
///
/// # Errors
/// [`Overflow`] for a half-life of zero.
pub fn decay_down(value: U256, elapsed: u64, half_life: u64) -> Result {
    match remaining(elapsed, half_life)? {
        (_, halvings) if halvings > MOST_HALVINGS => Ok(U256::ZERO),
        (fraction, halvings) => mul_div_down(value, U256::from(fraction), divisor(halvings)),
    }
}

/// ⌈value · 2^(−elapsed/half_life)⌉, but for an error of the factor below 2^−58.
///
/// # Errors
/// [`Overflow`] for a half-life of zero.
pub fn decay_up(value: U256, elapsed: u64, half_life: u64) -> Result {
    match remaining(elapsed, half_life)? {
        (_, halvings) if halvings > MOST_HALVINGS => Ok(U256::from(u8::from(!value.is_zero()))),
        (fraction, halvings) => mul_div_up(value, U256::from(fraction), divisor(halvings)),
    }
}

/// What a steady `level` adds up to in `elapsed` seconds while all of it decays, in level times seconds, rounded
/// down: ∫ level · 2^(−s/H) ds = level · H ÷ ln 2 · (1 − 2^(−Δt/H)).
///
/// The integral is exact, so it does not matter how often a sum is brought up to date.
///
/// # Errors
/// [`Overflow`]; also for a half-life of zero.
pub fn accrual_down(level: U256, elapsed: u64, half_life: u64) -> Result {
    let (fraction, halvings) = remaining(elapsed, half_life)?;
    let left = if halvings < 64 { fraction >> halvings } else { 0 };
    // Both factors below are in units of 2^−63.
    mul_div_down(mul(level, U256::from(half_life))?, U256::from(ONE - left), U256::from(LN2 >> 1))
}

/// 2^(−elapsed/half_life) as a fraction of [`ONE`] in (½, 1] and a number of halvings.
fn remaining(elapsed: u64, half_life: u64) -> Result<(u64, u64)> {
    let halvings = elapsed.checked_div(half_life).ok_or(Overflow)?;
    let rest = U256::from(elapsed % half_life);
    let part = mul_div_down(rest, U256::from(ONE), U256::from(half_life))?.as_limbs()[0];
    // e^(−x) = 1 − x/1 · (1 − x/2 · (1 − x/3 · …)) with x = part · ln 2 < 0.7: the term after x^20 is below 2^−70.
    let x = high(part, LN2, 64);
    let fraction = (1..=20).rev().fold(ONE, |inner, n| ONE - high(x, inner, 63) / n);
    Ok((fraction, halvings))
}

/// ⌊a · b ÷ 2^shift⌋ of a product that fits then.
const fn high(a: u64, b: u64, shift: u32) -> u64 {
    ((a as u128 * b as u128) >> shift) as u64
}

/// 2^(63 + halvings).
fn divisor(halvings: u64) -> U256 {
    U256::from(ONE).wrapping_shl(halvings as usize)
}
