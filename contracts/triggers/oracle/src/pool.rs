//! The time-weighted mean price of a Uniswap v3 pool, and what it takes to move it.
//!
//! A tick t is the price 1.0001^t of token0 in token1, both in their smallest units. The mean tick over a time is the
//! difference of the pool's cumulative ticks by the seconds, towards minus infinity; the harmonic mean of its liquidity
//! over the same time follows from the cumulative seconds per liquidity.

use alloy_primitives::{Address, I256, U256};
use alloy_sol_types::{SolCall, sol};
use protocol::call::{ask_raw, try_ask};
use standards::encoder::Encoder;
use stylus_sdk::host::VM;

sol! {
    /// What is read of a pool.
    interface IUniswapV3Pool {
        function token0() external view returns (address);
        function token1() external view returns (address);
        function slot0() external view returns (uint160 sqrtPriceX96, int24 tick, uint16 observationIndex, uint16 observationCardinality, uint16 observationCardinalityNext, uint8 feeProtocol, bool unlocked);
        function observe(uint32[] calldata secondsAgos) external view returns (int56[] memory tickCumulatives, uint160[] memory secondsPerLiquidityCumulativeX128s);
    }
}

/// The largest tick whose price is still exact to 2^-60: a ratio of 2^64.
const LARGEST_TICK: i64 = 443_636;

/// 1.0001^-(2^i) in 128 bits after the point.
const POWERS: [u128; 19] = [
    0xfff97272373d413259a46990580e213a,
    0xfff2e50f5f656932ef12357cf3c7fdcc,
    0xffe5caca7e10e4e61c3624eaa0941cd0,
    0xffcb9843d60f6159c9db58835c926644,
    0xff973b41fa98c081472e6896dfb254c0,
    0xff2ea16466c96a3843ec78b326b52861,
    0xfe5dee046a99a2a811c461f1969c3053,
    0xfcbe86c7900a88aedcffc83b479aa3a4,
    0xf987a7253ac413176f2b074cf7815e54,
    0xf3392b0822b70005940c7a398e4b70f3,
    0xe7159475a2c29b7443b29c7fa6e889d9,
    0xd097f3bdfd2022b8845ad8f792aa5825,
    0xa9f746462d870fdf8a65dc1f90e061e5,
    0x70d869a156d2a1b890bb3df62baf32f7,
    0x31be135f97d08fd981231505542fcfa6,
    0x09aa508b5b7a84e1c677de54f3e99bc9,
    0x005d6af8dedb81196699c329225ee604,
    0x00002216e584f5fa1ea926041bedfe98,
    0x00000000048a170391f7dc42444e8fa2,
];

/// What a pool says of a time up to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mean {
    /// Of the price of token0 in token1.
    pub(crate) tick: i64,
    /// Harmonic mean of the liquidity in range.
    pub(crate) liquidity: u128,
}

/// A pool's tokens; nothing where it does not tell.
pub(crate) fn tokens(vm: &VM, pool: Address) -> Option<[Address; 2]> {
    let ask = |selector| try_ask(vm, pool, selector, &[], 1)?.address(0).ok();
    Some([ask(IUniswapV3Pool::token0Call::SELECTOR)?, ask(IUniswapV3Pool::token1Call::SELECTOR)?])
}

/// How many observations a pool keeps; nothing where it does not tell.
pub(crate) fn cardinality(vm: &VM, pool: Address) -> Option<u64> {
    try_ask(vm, pool, IUniswapV3Pool::slot0Call::SELECTOR, &[], 7)?.u64(3).ok()
}

/// The mean over the last `seconds`; nothing where the pool's observations do not reach that far back, or it answers
/// something else than was asked.
pub(crate) fn mean(vm: &VM, pool: Address, seconds: u64) -> Option<Mean> {
    let mut call = Encoder::new(&IUniswapV3Pool::observeCall::SELECTOR, 1);
    call.words(&[U256::from(seconds), U256::ZERO]);
    let answer = ask_raw(vm, pool, &call.finish()).ok()?;
    let mut words = [U256::ZERO; 8];
    for (index, word) in words.iter_mut().enumerate() {
        *word = answer.word(index).ok()?;
    }
    // two arrays of two: their places, and in each place a length before the values
    let [first, second, ticks, before, now, others, from, until] = words;
    if [first, second, ticks, others] != [64u64, 160, 2, 2].map(U256::from) {
        return None;
    }
    let (before, now) = (cumulative(before)?, cumulative(now)?);
    let tick = now.checked_sub(before)?.div_euclid(i64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?);
    // both are below 2^160 and wrap there
    let passed = until.wrapping_sub(from) & (U256::MAX >> 96usize);
    if passed.is_zero() {
        return None;
    }
    let liquidity = (U256::from(seconds) << 128usize) / passed;
    Some(Mean { tick, liquidity: u128::try_from(liquidity).unwrap_or(u128::MAX) })
}

/// A cumulative tick of 56 bits.
fn cumulative(word: U256) -> Option<i64> {
    i64::try_from(I256::from_raw(word)).ok().filter(|tick| tick.unsigned_abs() < 1 << 55)
}

/// `amount` times 1.0001^`tick`, rounded down; nothing where the tick is too large or the product does not fit.
pub(crate) fn scaled(amount: u128, tick: i64) -> Option<u128> {
    if tick.abs() > LARGEST_TICK {
        return None;
    }
    let distance = tick.unsigned_abs();
    // 1.0001^-distance, with 128 bits after the point
    let mut ratio = U256::ONE << 128usize;
    for (bit, power) in POWERS.iter().enumerate() {
        if distance >> bit & 1 == 1 {
            ratio = (ratio * U256::from(*power)) >> 128usize; // 129 bits by 128
        }
    }
    let product =
        if tick > 0 { (U256::from(amount) << 128usize) / ratio } else { (U256::from(amount) * ratio) >> 128usize };
    u128::try_from(product).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_squares_of_one_another() {
        for pair in POWERS.windows(2) {
            let square = (U256::from(pair[0]) * U256::from(pair[0])) >> 128usize;
            let distance = square.abs_diff(U256::from(pair[1]));
            assert!(distance <= U256::from(2), "{distance}");
        }
    }
}
