//! What impermanent loss costs: realised variance from stored prices, and the loss to be expected from it.
//!
//! With σ² the variance of a pair's price in a year and no drift, a position over the whole range loses, against holding
//! what went in, 1 − e^(−σ²T/8) of its value in T years on average; σ²T/8 is that rounded up. A position in a range
//! [a, b] around the price P has the same loss on less value, as long as the price stays in the range, and a smaller
//! one outside:
//!
//! ```text
//! loss ≤ σ²T/8 · factor          factor = 2 ÷ (2 − √(a/P) − √(P/b))
//! ```
//!
//! So a cover of T years is priced by σ²/8 · factor, a loss rate a year as every other cover has one; credibility scales
//! it: rate · r̂ ÷ r₀. That is one word more between the contracts: the trigger, which keeps σ² where it keeps prices, says
//! the rate of a position beside its size, and `underwrite` takes it beside that.

use alloy_primitives::U256;

use crate::{
    Overflow,
    decay::{decay_down, decay_up},
    math::{Result, WAD, YEAR, add, mul, mul_div_up, sqrt_up, sub},
};

/// How many bits of a logarithm stand behind the point.
const FRACTION: usize = 62;

/// More than a logarithm can be too low, in units of 2^−62: less than one a step, and what its mantissa left out.
const ERROR: u64 = 256;

/// ln 2 · 10^18, rounded up.
const LN2: U256 = U256::from_limbs([693_147_180_559_945_310, 0, 0, 0]);

/// σ², WAD a year, after a price has gone from `before` to `after` in `elapsed` seconds: an average of squared
/// logarithmic returns in which what is `half_life` old weighs half. Rounded up.
///
/// What a return adds depends hardly on how long it took: to store prices more often changes nothing by itself.
///
/// # Errors
/// [`Overflow`]; also for a price of zero, no time, or a half-life of zero.
pub fn realised(variance: U256, before: U256, after: U256, elapsed: u64, half_life: u64) -> Result {
    let log = log_return(before, after)?;
    // at most 256 · ln 2, so its square times a year has less than 160 bits
    let square = mul_div_up(log, log, WAD)?;
    let sample = mul_div_up(square, YEAR, U256::from(elapsed))?;
    add(decay_up(variance, elapsed, half_life)?, sub(sample, decay_down(sample, elapsed, half_life)?)?)
}

/// |ln(after ÷ before)|, WAD; the same in both directions, exact where nothing changes. Never too low, and too high by
/// less than 100 of its last digit.
///
/// # Errors
/// [`Overflow`] for a price of zero.
pub fn log_return(before: U256, after: U256) -> Result {
    let (low, high) = if before < after { (before, after) } else { (after, before) };
    if low.is_zero() {
        return Err(Overflow);
    }
    if low == high {
        return Ok(U256::ZERO);
    }
    let ratio = log2(high) + u128::from(ERROR) - log2(low);
    mul_div_up(U256::from(ratio), LN2, U256::ONE.wrapping_shl(FRACTION))
}

/// The loss rate a year of a position with this factor, WAD: σ²/8 · factor, rounded up, at most all.
///
/// # Errors
/// [`Overflow`].
pub fn loss_rate(variance: U256, factor: U256) -> Result {
    Ok(mul_div_up(variance, factor, mul(WAD, U256::from(8))?)?.min(WAD))
}

/// The part of its value that a position is expected to lose in `term` seconds, WAD: σ²T/8 · factor, rounded up, at
/// most all.
///
/// # Errors
/// [`Overflow`].
pub fn expected_loss(variance: U256, factor: U256, term: u64) -> Result {
    let whole = mul_div_up(variance, U256::from(term), mul(YEAR, U256::from(8))?)?;
    Ok(mul_div_up(whole, factor, WAD)?.min(WAD))
}

/// How much more a position in the range from `lower` to `upper` loses at `price` than one over the whole range, WAD,
/// rounded up: one for the whole range, the more the narrower. Prices are of one unit, whichever.
///
/// # Errors
/// [`Overflow`] where the price is not in the range, or at both of its ends.
pub fn range_factor(price: U256, lower: U256, upper: U256) -> Result {
    if price < lower || price > upper {
        return Err(Overflow);
    }
    // roots of ratios of at most one
    let root = |low: U256, high: U256| Ok(sqrt_up(mul_div_up(low, mul(WAD, WAD)?, high)?));
    let two = add(WAD, WAD)?;
    mul_div_up(two, WAD, sub(two, add(root(lower, price)?, root(price, upper)?)?)?)
}

/// log₂ of a number that is not zero, in units of 2^−62, rounded down; too low by less than [`ERROR`].
fn log2(value: U256) -> u128 {
    let whole = value.bit_len() - 1;
    // value ÷ 2^whole, in [1, 2), in units of 2^−63
    let left = value.wrapping_shl(255 - whole);
    let mut mantissa = left.as_limbs()[3];
    let mut log = whole as u128;
    // each squaring doubles the logarithm: what is then two or more was one bit of it
    for _ in 0..FRACTION {
        let square = u128::from(mantissa) * u128::from(mantissa);
        let two = square >> 127;
        mantissa = (square >> (63 + two)) as u64;
        log = log << 1 | two;
    }
    log
}
