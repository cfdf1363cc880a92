//! Checked arithmetic on `U256`, with the rounding in the name.
//!
//! `U256`'s own operators wrap silently and its division is large: contracts use the functions here instead.
//! One function, [`mul_div`], holds the only division; all the others are thin callers of it.

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
#[inline]
pub fn mul(a: U256, b: U256) -> Result {
    mul_div_down(a, b, U256::ONE)
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
/// Schoolbook multiplication and Knuth's algorithm D on digits of 32 bits: few bytes, and quick because short
/// numbers have few digits.
///
/// # Errors
/// [`Overflow`] where the quotient does not fit into 256 bits or `d` is zero.
#[inline(never)]
pub fn mul_div(a: U256, b: U256, d: U256) -> Result<(U256, bool)> {
    let shift = d.leading_zeros() % 32;
    let length = d.bit_len().div_ceil(32);
    if length == 0 {
        return Err(Overflow);
    }
    // The divisor's top digit gets its top bit set; the dividend moves along.
    let divisor = digits(d.wrapping_shl(shift));
    // Only the digits that are there: most numbers have few.
    let (left, right) = (digits(a), digits(b));
    let (left, right) = (&left[..a.bit_len().div_ceil(32)], &right[..b.bit_len().div_ceil(32)]);
    let used = left.len() + right.len();
    let mut rest = [0u32; 17];
    for (i, &x) in left.iter().enumerate() {
        let mut carry = 0;
        for (j, &y) in right.iter().enumerate() {
            let sum = u64::from(x) * u64::from(y) + u64::from(rest[i + j]) + carry;
            rest[i + j] = low(sum);
            carry = sum >> 32;
        }
        rest[i + right.len()] = low(carry);
    }
    if shift > 0 {
        let mut carry = 0;
        for digit in &mut rest[..=used] {
            let moved = (u64::from(*digit) << shift) | carry;
            *digit = low(moved);
            carry = moved >> 32;
        }
    }

    let top = u64::from(divisor[length - 1]);
    let second = if length > 1 { u64::from(divisor[length - 2]) } else { 0 };
    let mut quotient = [0u32; 8];
    for at in (0..=used.saturating_sub(length)).rev() {
        let head = (u64::from(rest[at + length]) << 32) | u64::from(rest[at + length - 1]);
        if head < top {
            continue; // this digit is zero
        }
        // The estimate is at most two too large before this loop and at most one after it.
        let (mut estimate, mut left_over) = (head / top, head % top);
        let next = if length > 1 { u64::from(rest[at + length - 2]) } else { 0 };
        while estimate > u64::from(u32::MAX) || estimate * second > ((left_over << 32) | next) {
            estimate -= 1;
            left_over += top;
            if left_over > u64::from(u32::MAX) {
                break;
            }
        }
        // rest[at..] -= estimate · divisor
        let mut borrow = 0i64;
        let mut carry = 0u64;
        for i in 0..=length {
            let product = carry + if i < length { estimate * u64::from(divisor[i]) } else { 0 };
            carry = product >> 32;
            let difference = i64::from(rest[at + i]) - i64::from(low(product)) + borrow;
            rest[at + i] = difference as u32;
            borrow = difference >> 32;
        }
        if borrow < 0 {
            estimate -= 1;
            let mut carry = 0u64;
            for i in 0..=length {
                let digit = if i < length { u64::from(divisor[i]) } else { 0 };
                let sum = u64::from(rest[at + i]) + digit + carry;
                rest[at + i] = low(sum);
                carry = sum >> 32;
            }
        }
        match quotient.get_mut(at) {
            Some(digit) => *digit = low(estimate),
            None if estimate == 0 => {}
            None => return Err(Overflow),
        }
    }
    let mut limbs = [0u64; 4];
    for (limb, pair) in limbs.iter_mut().zip(quotient.chunks_exact(2)) {
        *limb = u64::from(pair[0]) | (u64::from(pair[1]) << 32);
    }
    Ok((U256::from_limbs(limbs), rest == [0; 17]))
}

/// The digits of `value` in base 2^32, the lowest first.
fn digits(value: U256) -> [u32; 8] {
    let mut digits = [0; 8];
    for (pair, &limb) in digits.chunks_exact_mut(2).zip(value.as_limbs()) {
        pair[0] = low(limb);
        pair[1] = low(limb >> 32);
    }
    digits
}

/// The lower 32 bits.
const fn low(value: u64) -> u32 {
    value as u32
}
