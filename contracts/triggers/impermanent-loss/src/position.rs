//! Positions: what is deposited, and what it is worth.

use actuary::{
    amm::{
        Amounts, Range, Rounding, amounts, fees, growth_inside, impermanent_loss, liquidity_of_share, supply_with_fee,
        value,
    },
    math::{BPS, Result as Math, WAD, add, mul_div_down, mul_div_up, sub},
};
use alloy_primitives::{Address, U256};
use alloy_sol_types::{SolCall, sol};
use protocol::{Word, call};
use standards::{dispatch::Arguments, encoder::Encoder};
use stylus_sdk::host::VM;

use crate::{
    config::Config,
    market::{IPool, Prices, signed, tick_word, word_of},
};

sol! {
    interface IPair {
        function getReserves() external view returns (uint112 reserve0, uint112 reserve1, uint32 blockTimestampLast);
        function totalSupply() external view returns (uint256);
        function kLast() external view returns (uint256);
    }
    struct Collect {
        uint256 tokenId;
        address recipient;
        uint128 amount0Max;
        uint128 amount1Max;
    }
    interface IManager {
        function positions(uint256 tokenId) external view returns (uint96 nonce, address operator, address token0, address token1, uint24 fee, int24 tickLower, int24 tickUpper, uint128 liquidity, uint256 feeGrowthInside0LastX128, uint256 feeGrowthInside1LastX128, uint128 tokensOwed0, uint128 tokensOwed1);
        function collect(Collect params) external payable returns (uint256 amount0, uint256 amount1);
    }
}

/// A position as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) range: Range,
    pub(crate) liquidity: U256,
    /// Fee growth inside the range; none in a pair, where fees are in the liquidity.
    pub(crate) growth: [U256; 2],
}

/// What a policy's loss is measured from: `abi.encode(liquidity, value, growth0, growth1)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) liquidity: U256,
    pub(crate) value: U256,
    pub(crate) growth: [U256; 2],
}

impl Entry {
    pub(crate) fn encode(&self) -> alloc::vec::Vec<u8> {
        let mut encoder = Encoder::new(&[], 4);
        encoder.word(self.liquidity).word(self.value).word(self.growth[0]).word(self.growth[1]);
        encoder.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let [liquidity, value, growth0, growth1] = Arguments::new(bytes).read()?;
        (bytes.len() == 128).then_some(Self { liquidity, value, growth: [growth0, growth1] })
    }
}

/// Reads a position. At the purchase a pair's shares count with the protocol's fee that it has not minted yet, so that
/// the liquidity to hold is not too large. Nothing where the venue does not tell, or an NFT is of another pool.
pub(crate) fn read(vm: &VM, config: &Config, held: U256, at_purchase: bool) -> Option<Position> {
    if config.is_pair { read_shares(vm, config, held, at_purchase) } else { read_nft(vm, config, held) }
}

fn read_shares(vm: &VM, config: &Config, shares: U256, at_purchase: bool) -> Option<Position> {
    let answer = call::try_ask(vm, config.venue, IPair::getReservesCall::SELECTOR, &[], 2)?;
    let reserves = [answer.word(0).ok()?, answer.word(1).ok()?];
    let mut supply = word_of(vm, config.venue, IPair::totalSupplyCall::SELECTOR, &[])?;
    if at_purchase {
        let k_last = word_of(vm, config.venue, IPair::kLastCall::SELECTOR, &[])?;
        supply = supply_with_fee(reserves, supply, k_last).ok()?;
    }
    let liquidity = liquidity_of_share(reserves, shares, supply).ok()?;
    Some(Position { range: Range::WHOLE, liquidity, growth: [U256::ZERO; 2] })
}

fn read_nft(vm: &VM, config: &Config, id: U256) -> Option<Position> {
    let told = call::try_ask(vm, config.venue, IManager::positionsCall::SELECTOR, &[id], 12)?;
    let tokens = [IPool::token0Call::SELECTOR, IPool::token1Call::SELECTOR];
    for (index, selector) in tokens.into_iter().enumerate() {
        if word_of(vm, config.pool, selector, &[])? != told.word(2 + index).ok()? {
            return None;
        }
    }
    if told.u64(4).ok()? != config.fee {
        return None;
    }
    let mut ends = [0; 2];
    for (index, end) in ends.iter_mut().enumerate() {
        *end = i32::try_from(signed(told.word(5 + index).ok()?)).ok()?;
    }
    let liquidity = told.word(7).ok()?;
    let tick = i32::try_from(signed(call::try_ask(vm, config.pool, IPool::slot0Call::SELECTOR, &[], 7)?.word(1).ok()?));
    let mut outside = [[U256::ZERO; 2]; 2];
    for (index, end) in ends.into_iter().enumerate() {
        let told = call::try_ask(vm, config.pool, IPool::ticksCall::SELECTOR, &[tick_word(end)], 8)?;
        for (token, outside) in outside.iter_mut().enumerate() {
            outside[index] = told.word(2 + token).ok()?;
        }
    }
    let global = [
        word_of(vm, config.pool, IPool::feeGrowthGlobal0X128Call::SELECTOR, &[])?,
        word_of(vm, config.pool, IPool::feeGrowthGlobal1X128Call::SELECTOR, &[])?,
    ];
    let tick = tick.ok()?;
    let growth = [0, 1].map(|token: usize| growth_inside(global[token], outside[token], tick, ends));
    Some(Position { range: Range::of_ticks(ends[0], ends[1]).ok()?, liquidity, growth })
}

/// The entry of a position at its purchase, valued at the lower of both prices; nothing where it is worth nothing, out
/// of its range, or in a narrower one than is insured.
pub(crate) fn enter(config: &Config, position: &Position, prices: Prices) -> Option<Entry> {
    let Position { range, liquidity, growth } = *position;
    let mut least = U256::MAX;
    for price in prices {
        if !config.is_pair && !is_wide_enough(config, range, price) {
            return None;
        }
        let held = amounts(liquidity, range, price, Rounding::Down).ok()?;
        least = least.min(value(held, price, config.quote_is_1, Rounding::Down).ok()?);
    }
    (!least.is_zero()).then_some(Entry { liquidity, value: least, growth })
}

/// Whether the price is in the range, and the range not narrower than the subject's factor allows:
/// 2 ÷ (2 − √(a/P) − √(P/b)) ([`actuary::variance`]), rounded up.
fn is_wide_enough(config: &Config, range: Range, price: U256) -> bool {
    let factor = || -> Math {
        let both = add(mul_div_up(range.lower, WAD, price)?, mul_div_up(price, WAD, range.upper)?)?;
        let two = add(WAD, WAD)?;
        mul_div_up(two, BPS, sub(two, both)?)
    };
    price > range.lower
        && price < range.upper
        && factor().is_ok_and(|factor| factor <= U256::from(config.range_factor_bps))
}

/// The loss of a position in basis points of its value at the purchase, rounded down: by pool and by feed, the smaller.
/// Nothing where an amount does not fit.
pub(crate) fn loss_bps(config: &Config, entry: &Entry, position: &Position, start: Prices, end: Prices) -> Option<u16> {
    let then = entry.liquidity.min(position.liquidity);
    // what a pair's liquidity has grown by are fees
    let now = if config.is_pair { position.liquidity } else { then };
    let earned = Amounts {
        token0: fees(then, entry.growth[0], position.growth[0]).ok()?,
        token1: fees(then, entry.growth[1], position.growth[1]).ok()?,
    };
    let mut least = u16::MAX;
    for (from, to) in start.into_iter().zip(end) {
        let lost = impermanent_loss([then, now], position.range, [from, to], earned, config.quote_is_1).ok()?;
        let bps = mul_div_down(lost, BPS, entry.value).ok()?.min(BPS);
        least = least.min(u16::try_from(bps).ok()?);
    }
    Some(least)
}

/// An amount of the quote token in the vault's asset, rounded down; nothing where it does not fit.
pub(crate) fn in_asset(config: &Config, amount: U256) -> U256 {
    let decimals = config.decimals[usize::from(config.quote_is_1)];
    let units = |decimals: u8| U256::from(10u128.pow(decimals.into()));
    mul_div_down(amount, units(config.asset_decimals), units(decimals)).unwrap_or_default()
}

/// The call that collects an NFT's fees.
pub(crate) fn collect_call(id: U256, to: Address) -> [U256; 4] {
    [id, to.word(), u128::MAX.word(), u128::MAX.word()]
}
