//! Checked arithmetic on `U256`, with the rounding in the name.
//!
//! `U256`'s own operators wrap silently and its division is large: contracts use the functions here instead.
//! One function, [`mul_div`], holds the only division; all that divide are thin callers of it.

use alloy_primitives::U256;

/// The one error of this crate: a value does not fit, a difference would be negative, or a divisor is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow;

impl core::fmt::Display for Overflow {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("arithmetic overflow")
    }
}

impl core::error::Error for Overflow {}

/// The result of checked arithmetic.
pub type Result<T = U256> = core::result::Result<T, Overflow>;

/// 1e18: the unit of rates.
pub const WAD: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

/// 1e27: the unit of indices that must keep more digits than the amounts they scale.
pub const RAY: U256 = U256::from_limbs([11_515_845_246_265_065_472, 54_210_108, 0, 0]);

/// 10,000: the unit of ratios.
pub const BPS: U256 = U256::from_limbs([10_000, 0, 0, 0]);

/// 365 days in seconds: rates are a year's.
pub const YEAR: U256 = U256::from_limbs([365 * 24 * 60 * 60, 0, 0, 0]);

/// A sum.
///
/// # Errors
/// [`Overflow`].
#[inline]
pub fn add(a: U256, b: U256) -> Result {
    a.checked_add(b).ok_or(Overflow)
}

/// A difference.
///
/// # Errors
/// [`Overflow`] where `b > a`.
#[inline]
pub fn sub(a: U256, b: U256) -> Result {
    a.checked_sub(b).ok_or(Overflow)
}

/// A product.
///
/// # Errors
/// [`Overflow`].
#[inline(never)]
pub fn mul(a: U256, b: U256) -> Result {
    match product(&a, &b).0 {
        [a, b, c, d, 0, 0, 0, 0, _] => Ok(U256::from_limbs([a, b, c, d])),
        _ => Err(Overflow),
    }
}

/// ⌊a · b ÷ d⌋, with the product in 512 bits.
///
/// # Errors
/// [`Overflow`] where the quotient does not fit or `d` is zero.
#[inline]
pub fn mul_div_down(a: U256, b: U256, d: U256) -> Result {
    Ok(mul_div(a, b, d)?.0)
}

/// ⌈a · b ÷ d⌉, with the product in 512 bits.
///
/// # Errors
/// [`Overflow`] where the quotient does not fit or `d` is zero.
#[inline]
pub fn mul_div_up(a: U256, b: U256, d: U256) -> Result {
    match mul_div(a, b, d)? {
        (quotient, true) => Ok(quotient),
        (quotient, false) => add(quotient, U256::ONE),
    }
}

/// ⌊a ÷ d⌋.
///
/// # Errors
/// [`Overflow`] where `d` is zero.
#[inline]
pub fn div_down(a: U256, d: U256) -> Result {
    mul_div_down(a, U256::ONE, d)
}

/// ⌈a ÷ d⌉.
///
/// # Errors
/// [`Overflow`] where `d` is zero.
#[inline]
pub fn div_up(a: U256, d: U256) -> Result {
    mul_div_up(a, U256::ONE, d)
}

/// ⌊amount · wad ÷ 1e18⌋.
///
/// # Errors
/// [`Overflow`].
#[inline]
pub fn wad_down(amount: U256, wad: U256) -> Result {
    mul_div_down(amount, wad, WAD)
}

/// ⌈amount · wad ÷ 1e18⌉.
///
/// # Errors
/// [`Overflow`].
#[inline]
pub fn wad_up(amount: U256, wad: U256) -> Result {
    mul_div_up(amount, wad, WAD)
}

/// ⌊amount · bps ÷ 10,000⌋.
///
/// # Errors
/// [`Overflow`].
#[inline]
pub fn bps_down(amount: U256, bps: U256) -> Result {
    mul_div_down(amount, bps, BPS)
}

/// ⌈amount · bps ÷ 10,000⌉.
///
/// # Errors
/// [`Overflow`].
#[inline]
pub fn bps_up(amount: U256, bps: U256) -> Result {
    mul_div_up(amount, bps, BPS)
}

/// The value as a `u128`.
///
/// # Errors
/// [`Overflow`].
#[inline]
pub fn to_u128(value: U256) -> Result<u128> {
    match value.as_limbs() {
        [low, high, 0, 0] => Ok(u128::from(*low) | (u128::from(*high) << 64)),
        _ => Err(Overflow),
    }
}

/// The value as a `u64`.
///
/// # Errors
/// [`Overflow`].
#[inline]
pub fn to_u64(value: U256) -> Result<u64> {
    match value.as_limbs() {
        [low, 0, 0, 0] => Ok(*low),
        _ => Err(Overflow),
    }
}

/// ⌊√a⌋, by Newton's iteration from above.
#[must_use]
pub fn sqrt_down(a: U256) -> U256 {
    if a.is_zero() {
        return a;
    }
    // 2^⌈bits/2⌉ > √a, and from above the iteration falls strictly until it has arrived.
    let mut root = U256::ONE.wrapping_shl(a.bit_len().div_ceil(2));
    loop {
        // `root` is never zero (it stays ≥ ⌊√a⌋ ≥ 1), and the sum is at most 2^129.
        let Ok(quotient) = div_down(a, root) else {
            return U256::ZERO;
        };
        let next = root.wrapping_add(quotient).wrapping_shr(1);
        if next >= root {
            return root;
        }
        root = next;
    }
}

/// ⌈√a⌉.
#[must_use]
pub fn sqrt_up(a: U256) -> U256 {
    let root = sqrt_down(a);
    match mul(root, root) {
        Ok(square) if square == a => root,
        _ => root.wrapping_add(U256::ONE),
    }
}

/// ⌊a · b ÷ d⌋ and whether nothing remains.
///
/// Schoolbook multiplication and Knuth's algorithm D on digits of 64 bits: few bytes, and quick because most numbers
/// have one digit or two.
///
/// # Errors
/// [`Overflow`] where the quotient does not fit into 256 bits or `d` is zero.
#[inline(never)]
pub fn mul_div(a: U256, b: U256, d: U256) -> Result<(U256, bool)> {
    let length = digits(&d);
    if length == 0 {
        return Err(Overflow);
    }
    let (mut rest, used) = product(&a, &b);
    // The divisor's top digit gets its top bit set; the dividend moves along.
    let shift = d.as_limbs()[length - 1].leading_zeros();
    let mut divisor = *d.as_limbs();
    shift_left(&mut divisor[..length], shift);
    shift_left(&mut rest[..=used], shift);

    let top = divisor[length - 1];
    let mut quotient = [0u64; 4];
    for at in (0..=used.saturating_sub(length)).rev() {
        let (head, next) = (rest[at + length], rest[at + length - 1]);
        if head == 0 && next < top {
            continue; // this digit is zero
        }
        // The estimate is at most two too large before it is corrected by the second digit, and at most one after it.
        let (mut estimate, mut left_over) =
            if head < top { divide(head, next, top) } else { (u64::MAX, next.wrapping_add(top)) };
        if length > 1 {
            // Where the remainder has more than one digit the estimate is no longer too large by more than one.
            let mut fits = head < top || left_over >= top;
            while fits && {
                let (low, high) = wide(estimate, divisor[length - 2]);
                high > left_over || high == left_over && low > rest[at + length - 2]
            } {
                estimate -= 1;
                (left_over, fits) = match left_over.overflowing_add(top) {
                    (sum, over) => (sum, !over),
                };
            }
        }
        // rest[at..] -= estimate · divisor
        let (mut carry, mut borrow) = (0, false);
        for i in 0..length {
            let (low, high) = wide(estimate, divisor[i]);
            let (low, over) = low.overflowing_add(carry);
            carry = high + u64::from(over); // at most 2^64 − 1
            (rest[at + i], borrow) = minus(rest[at + i], low, borrow);
        }
        (rest[at + length], borrow) = minus(rest[at + length], carry, borrow);
        if borrow {
            estimate -= 1;
            let mut over = false;
            for i in 0..length {
                (rest[at + i], over) = plus(rest[at + i], divisor[i], over);
            }
            rest[at + length] = rest[at + length].wrapping_add(u64::from(over));
        }
        match quotient.get_mut(at) {
            Some(digit) => *digit = estimate,
            None if estimate == 0 => {}
            None => return Err(Overflow),
        }
    }
    Ok((U256::from_limbs(quotient), rest[..length].iter().all(|digit| *digit == 0)))
}

/// The digits of a · b, of which so many are used; above them there is room for one more.
fn product(a: &U256, b: &U256) -> ([u64; 9], usize) {
    let (left, right) = (&a.as_limbs()[..digits(a)], &b.as_limbs()[..digits(b)]);
    let mut product = [0u64; 9];
    for (i, &x) in left.iter().enumerate() {
        let mut carry = 0;
        for (j, &y) in right.iter().enumerate() {
            let (low, high) = wide(x, y);
            let (low, first) = low.overflowing_add(product[i + j]);
            let (low, second) = low.overflowing_add(carry);
            product[i + j] = low;
            carry = high + u64::from(first) + u64::from(second); // at most 2^64 − 1
        }
        product[i + right.len()] = carry;
    }
    (product, left.len() + right.len())
}

/// How many digits a number has.
fn digits(value: &U256) -> usize {
    value.as_limbs().iter().rposition(|digit| *digit != 0).map_or(0, |last| last + 1)
}

/// Moves digits up by fewer bits than a digit has; what leaves the last one is lost.
fn shift_left(digits: &mut [u64], shift: u32) {
    if shift > 0 {
        let mut carry = 0;
        for digit in digits {
            let moved = *digit << shift | carry;
            carry = *digit >> (64 - shift);
            *digit = moved;
        }
    }
}

/// a · b, the lower and the upper digit.
#[inline]
const fn wide(a: u64, b: u64) -> (u64, u64) {
    let ((a1, a0), (b1, b0)) = ((a >> 32, a & LOW), (b >> 32, b & LOW));
    let low = a0 * b0;
    let first = a1 * b0 + (low >> 32);
    let second = a0 * b1 + (first & LOW);
    (second << 32 | low & LOW, a1 * b1 + (first >> 32) + (second >> 32))
}

/// (high · 2^64 + low) ÷ d and what remains, for a d whose top bit is set and high < d.
fn divide(high: u64, low: u64, d: u64) -> (u64, u64) {
    let (quotient, rest) = half(high, low >> 32, d);
    let (second, rest) = half(rest, low & LOW, d);
    (quotient << 32 | second, rest)
}

/// (high · 2^32 + next) ÷ d and what remains, for a d whose top bit is set, high < d and next < 2^32.
fn half(high: u64, next: u64, d: u64) -> (u64, u64) {
    let (top, second) = (d >> 32, d & LOW);
    let (mut estimate, mut left_over) = (high / top, high % top);
    while estimate > LOW || estimate * second > (left_over << 32 | next) {
        estimate -= 1;
        left_over += top;
        if left_over > LOW {
            break;
        }
    }
    (estimate, (high << 32 | next).wrapping_sub(estimate.wrapping_mul(d)))
}

/// a + b + carry, and whether it has one digit more.
const fn plus(a: u64, b: u64, carry: bool) -> (u64, bool) {
    let (sum, first) = a.overflowing_add(b);
    let (sum, second) = sum.overflowing_add(carry as u64);
    (sum, first | second)
}

/// a − b − borrow, and whether it is below zero.
const fn minus(a: u64, b: u64, borrow: bool) -> (u64, bool) {
    let (difference, first) = a.overflowing_sub(b);
    let (difference, second) = difference.overflowing_sub(borrow as u64);
    (difference, first | second)
}

/// The lower half of a digit.
const LOW: u64 = 0xffff_ffff;
