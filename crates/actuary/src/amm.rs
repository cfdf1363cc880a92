//! Positions in constant-product pools: what they hold at a price, what that is worth, and what holding would be.
//!
//! A position of liquidity L in the range [a, b] of square-root prices holds, at the square-root price p inside it,
//!
//! ```text
//! token 0: L · (1/p − 1/b)        token 1: L · (p − a)
//! ```
//!
//! and at a price outside what it holds at the range's nearer end (Uniswap v3 white paper, §6.2). A position over the
//! whole range, as all are in Uniswap v2, has a = 0 and b = ∞; its liquidity is √(reserve 0 · reserve 1) times its
//! share. Impermanent loss is what the tokens that were held at one price are worth at another beyond what the
//! position is worth there.
//!
//! Square-root prices are of token 1 in token 0's smallest units, in units of 2^−96; all products have 512 bits.

use alloy_primitives::U256;

use crate::{
    Overflow,
    math::{Result, WAD, add, mul, mul_div_down, mul_div_up, sqrt_down, sub},
};

/// 2^96: the unit of square-root prices.
pub const Q96: U256 = U256::from_limbs([0, 1 << 32, 0, 0]);

/// 2^128: the unit of fee growth.
pub const Q128: U256 = U256::from_limbs([0, 0, 1, 0]);

/// The largest tick, and the least with its sign changed.
pub const MOST_TICK: u32 = 887_272;

/// 2^128 ÷ √1.0001^(2^i), rounded to the nearest.
const ROOTS: [u128; 20] = [
    0xfffc_b933_bd6f_ad37_aa2d_162d_1a59_4001,
    0xfff9_7272_373d_4132_59a4_6990_580e_213a,
    0xfff2_e50f_5f65_6932_ef12_357c_f3c7_fdcc,
    0xffe5_caca_7e10_e4e6_1c36_24ea_a094_1cd0,
    0xffcb_9843_d60f_6159_c9db_5883_5c92_6644,
    0xff97_3b41_fa98_c081_472e_6896_dfb2_54c0,
    0xff2e_a164_66c9_6a38_43ec_78b3_26b5_2861,
    0xfe5d_ee04_6a99_a2a8_11c4_61f1_969c_3053,
    0xfcbe_86c7_900a_88ae_dcff_c83b_479a_a3a4,
    0xf987_a725_3ac4_1317_6f2b_074c_f781_5e54,
    0xf339_2b08_22b7_0005_940c_7a39_8e4b_70f3,
    0xe715_9475_a2c2_9b74_43b2_9c7f_a6e8_89d9,
    0xd097_f3bd_fd20_22b8_845a_d8f7_92aa_5825,
    0xa9f7_4646_2d87_0fdf_8a65_dc1f_90e0_61e5,
    0x70d8_69a1_56d2_a1b8_90bb_3df6_2baf_32f7,
    0x31be_135f_97d0_8fd9_8123_1505_542f_cfa6,
    0x09aa_508b_5b7a_84e1_c677_de54_f3e9_9bc9,
    0x005d_6af8_dedb_8119_6699_c329_225e_e604,
    0x0000_2216_e584_f5fa_1ea9_2604_1bed_fe98,
    0x0000_0000_048a_1703_91f7_dc42_444e_8fa2,
];

/// A range of square-root prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Its lower end; zero for none.
    pub lower: U256,
    /// Its upper end; the largest number for none.
    pub upper: U256,
}

impl Range {
    /// The range of a position in Uniswap v2.
    pub const WHOLE: Self = Self { lower: U256::ZERO, upper: U256::MAX };

    /// The range between two ticks.
    ///
    /// # Errors
    /// [`Overflow`] where they are out of bounds or not in order.
    pub fn of_ticks(lower: i32, upper: i32) -> Result<Self> {
        if lower >= upper {
            return Err(Overflow);
        }
        Ok(Self { lower: sqrt_price_at(lower)?, upper: sqrt_price_at(upper)? })
    }
}

/// Amounts of both tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amounts {
    /// Of token 0.
    pub token0: U256,
    /// Of token 1.
    pub token1: U256,
}

/// Which way a quotient is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To less.
    Down,
    /// To more.
    Up,
}

impl Rounding {
    fn mul_div(self, a: U256, b: U256, d: U256) -> Result {
        match self {
            Self::Down => mul_div_down(a, b, d),
            Self::Up => mul_div_up(a, b, d),
        }
    }
}

/// √1.0001^tick, as Uniswap v3 has it to the last digit: rounded up from 128 to 96 digits behind the point.
///
/// # Errors
/// [`Overflow`] for a tick beyond [`MOST_TICK`].
pub fn sqrt_price_at(tick: i32) -> Result {
    let steps = tick.unsigned_abs();
    if steps > MOST_TICK {
        return Err(Overflow);
    }
    let mut ratio = Q128;
    for (bit, root) in ROOTS.iter().enumerate() {
        if steps >> bit & 1 == 1 {
            // both are at most 2^128: no division, the product's upper half
            ratio = if ratio == Q128 { U256::from(*root) } else { mul(ratio, U256::from(*root))?.wrapping_shr(128) };
        }
    }
    if tick > 0 {
        ratio = mul_div_down(U256::MAX, U256::ONE, ratio)?;
    }
    let low = ratio.as_limbs()[0] as u32;
    add(ratio.wrapping_shr(32), U256::from(u8::from(low > 0)))
}

/// The square root of a ratio of smallest units of token 1 to those of token 0, rounded down.
///
/// # Errors
/// [`Overflow`] where it has more than 160 bits, or `units0` is zero.
pub fn sqrt_ratio(units1: U256, units0: U256) -> Result {
    // as many digits behind the point as fit
    let root = match mul_div_down(units1, U256::ONE.wrapping_shl(192), units0) {
        Ok(ratio) => sqrt_down(ratio),
        Err(Overflow) => sqrt_down(mul_div_down(units1, Q128, units0)?).wrapping_shl(32),
    };
    if root.bit_len() > 160 { Err(Overflow) } else { Ok(root) }
}

/// What a position holds at a square-root price.
///
/// # Errors
/// [`Overflow`] where an amount does not fit, the liquidity has more than 128 bits, or the price is zero.
pub fn amounts(liquidity: U256, range: Range, price: U256, rounding: Rounding) -> Result<Amounts> {
    if price.is_zero() || liquidity.bit_len() > 128 || range.lower > range.upper {
        return Err(Overflow);
    }
    let price = price.clamp(range.lower, range.upper);
    let scaled = liquidity.wrapping_shl(96);
    let token0 = if range.upper == U256::MAX {
        rounding.mul_div(scaled, U256::ONE, price)?
    } else {
        // L · (b − p) / (b · p)
        rounding.mul_div(rounding.mul_div(scaled, sub(range.upper, price)?, range.upper)?, U256::ONE, price)?
    };
    let token1 = rounding.mul_div(liquidity, sub(price, range.lower)?, Q96)?;
    Ok(Amounts { token0, token1 })
}

/// What amounts are worth at a square-root price, in the smallest unit of one of the tokens.
///
/// # Errors
/// [`Overflow`] where it does not fit, or the price is zero.
pub fn value(amounts: Amounts, price: U256, in_token1: bool, rounding: Rounding) -> Result {
    let (from, to, times, by) = if in_token1 {
        (amounts.token0, amounts.token1, price, Q96)
    } else {
        (amounts.token1, amounts.token0, Q96, price)
    };
    add(rounding.mul_div(rounding.mul_div(from, times, by)?, times, by)?, to)
}

/// What a liquidity has earned while the fee growth in its range went from `before` to `after`, rounded up.
///
/// Both wrap around, as the pool's counters do.
///
/// # Errors
/// [`Overflow`] where it does not fit.
pub fn fees(liquidity: U256, before: U256, after: U256) -> Result {
    mul_div_up(after.wrapping_sub(before), liquidity, Q128)
}

/// The fee growth inside a range, from the pool's counters: in all, and outside of each end (Uniswap v3 white paper,
/// §6.3). They wrap around.
#[must_use]
pub fn growth_inside(global: U256, outside: [U256; 2], tick: i32, ends: [i32; 2]) -> U256 {
    let below = if tick >= ends[0] { outside[0] } else { global.wrapping_sub(outside[0]) };
    let above = if tick < ends[1] { outside[1] } else { global.wrapping_sub(outside[1]) };
    global.wrapping_sub(below).wrapping_sub(above)
}

/// The liquidity of `share` of `supply` shares of a pair with these reserves: √(reserve 0 · reserve 1) times the share,
/// rounded down.
///
/// # Errors
/// [`Overflow`] for no supply.
pub fn liquidity_of_share(reserves: [U256; 2], share: U256, supply: U256) -> Result {
    mul_div_down(sqrt_down(mul(reserves[0], reserves[1])?), share, supply)
}

/// Shares of a pair as they will be once it has minted the protocol's sixth of the fees since `k_last`, rounded up
/// (Uniswap v2 white paper, §2.4). A `k_last` of zero: there is no such fee.
///
/// # Errors
/// [`Overflow`].
pub fn supply_with_fee(reserves: [U256; 2], supply: U256, k_last: U256) -> Result {
    let (root, last) = (sqrt_down(mul(reserves[0], reserves[1])?), sqrt_down(k_last));
    if last.is_zero() || root <= last {
        return Ok(supply);
    }
    let divisor = add(mul(root, U256::from(5))?, last)?;
    add(supply, mul_div_up(supply, sub(root, last)?, divisor)?)
}

/// Whether two square-root prices differ, as prices, by at most so many basis points of the lower one.
#[must_use]
pub fn agree(a: U256, b: U256, bps: u16) -> bool {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    let within = || -> Result<bool> {
        let ratio = mul_div_up(high, WAD, low)?;
        let most = mul_div_down(mul(WAD, WAD)?, U256::from(10_000 + u32::from(bps)), U256::from(10_000))?;
        Ok(mul(ratio, ratio)? <= most)
    };
    within().unwrap_or(false)
}

/// The loss of a position against holding what it held at the square-root price `from`, at the square-root price `to`:
/// what holding is worth beyond the position and the fees that it has earned, in the smallest unit of one token.
/// Rounded down; nothing where there is a gain.
///
/// `then` is the liquidity whose tokens are held, `now` the one that is left with what was earned inside it.
///
/// # Errors
/// [`Overflow`].
pub fn impermanent_loss(
    [then, now]: [U256; 2],
    range: Range,
    [from, to]: [U256; 2],
    fees: Amounts,
    in_token1: bool,
) -> Result {
    let held = value(amounts(then, range, from, Rounding::Down)?, to, in_token1, Rounding::Down)?;
    let left = value(amounts(now, range, to, Rounding::Up)?, to, in_token1, Rounding::Up)?;
    let earned = value(fees, to, in_token1, Rounding::Up)?;
    Ok(held.saturating_sub(add(left, earned)?))
}
