//! Prices: the reference pool's mean over a window, and the feed that must agree with it.

use actuary::{
    amm::{agree, sqrt_price_at, sqrt_ratio},
    math::{Result as Math, WAD, mul},
};
use alloy_primitives::{Address, U256};
use alloy_sol_types::{SolCall, sol};
use protocol::{
    call::{self, Answer},
    oracle::{self, Fault, Feed, Round, Sequencer, aggregator_round, phase, round_id},
};
use standards::encoder::Encoder;
use stylus_sdk::{
    host::VM,
    stylus_core::host::{BlockAccess, MeteringAccess},
};

use crate::config::{Config, Tokens};

sol! {
    /// What is read of a Uniswap v3 pool, and of a v2 pair where the name is the same.
    interface IPool {
        function token0() external view returns (address);
        function token1() external view returns (address);
        function fee() external view returns (uint24);
        function factory() external view returns (address);
        function slot0() external view returns (uint160 sqrtPriceX96, int24 tick, uint16 observationIndex, uint16 observationCardinality, uint16 observationCardinalityNext, uint8 feeProtocol, bool unlocked);
        function observe(uint32[] secondsAgos) external view returns (int56[] tickCumulatives, uint160[] secondsPerLiquidityCumulativeX128s);
        function feeGrowthGlobal0X128() external view returns (uint256);
        function feeGrowthGlobal1X128() external view returns (uint256);
        function ticks(int24 tick) external view returns (uint128 liquidityGross, int128 liquidityNet, uint256 feeGrowthOutside0X128, uint256 feeGrowthOutside1X128, int56 tickCumulativeOutside, uint160 secondsPerLiquidityOutsideX128, uint32 secondsOutside, bool initialized);
    }
    interface IFactory {
        function getPool(address tokenA, address tokenB, uint24 fee) external view returns (address);
        function getPair(address tokenA, address tokenB) external view returns (address);
    }
    interface IDecimals {
        function decimals() external view returns (uint8);
    }
}

/// Gas that must be left when a round is said not to exist, so that no lack of gas can feign it.
const ABSENCE_GAS: u64 = 400_000;

/// Phases that may begin and end between two rounds.
const MOST_PHASES: u16 = 8;

/// Rounds without a price that may stand between two with one.
const MOST_VOID: u32 = 8;

/// Where to look for what the feed said at a moment: the id of the round that held, 0 for its latest, and where that
/// was the last of its phase, the id of the round that followed in a later one; 0 where it was not.
pub(crate) type Hint = [u128; 2];

/// The square-root prices of a moment, by pool and by feed.
pub(crate) type Prices = [U256; 2];

/// Prices, and the pool's harmonic mean liquidity over the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quote {
    pub(crate) prices: Prices,
    pub(crate) liquidity: u128,
}

/// An address that a contract tells.
pub(crate) fn address_of(vm: &VM, at: Address, selector: [u8; 4], words: &[U256]) -> Option<Address> {
    call::try_ask(vm, at, selector, words, 1)?.address(0).ok()
}

/// A number that a contract tells.
pub(crate) fn word_of(vm: &VM, at: Address, selector: [u8; 4], words: &[U256]) -> Option<U256> {
    call::try_ask(vm, at, selector, words, 1)?.word(0).ok()
}

/// What a pool says about its tokens, where its factory knows it.
pub(crate) fn tokens(vm: &VM, pool: Address) -> Option<Tokens> {
    let tokens = [
        address_of(vm, pool, IPool::token0Call::SELECTOR, &[])?,
        address_of(vm, pool, IPool::token1Call::SELECTOR, &[])?,
    ];
    let fee = word_of(vm, pool, IPool::feeCall::SELECTOR, &[])?;
    let factory = address_of(vm, pool, IPool::factoryCall::SELECTOR, &[])?;
    let [first, second] = tokens.map(protocol::Word::word);
    if address_of(vm, factory, IFactory::getPoolCall::SELECTOR, &[first, second, fee])? != pool {
        return None;
    }
    let mut decimals = [0; 2];
    for (decimals, token) in decimals.iter_mut().zip(tokens) {
        *decimals = u8::try_from(word_of(vm, token, IDecimals::decimalsCall::SELECTOR, &[])?).ok()?;
    }
    Some(Tokens { tokens, decimals, fee: u64::try_from(fee).ok()? })
}

/// Whether the venue is of the pool's tokens: a pair that its factory knows, or a manager of the pool's factory.
pub(crate) fn is_venue_of(vm: &VM, venue: Address, is_pair: bool, pool: Address, tokens: &Tokens) -> bool {
    let factory = address_of(vm, venue, IPool::factoryCall::SELECTOR, &[]);
    if !is_pair {
        return factory.is_some() && factory == address_of(vm, pool, IPool::factoryCall::SELECTOR, &[]);
    }
    let words = tokens.tokens.map(protocol::Word::word);
    let known = factory.and_then(|factory| address_of(vm, factory, IFactory::getPairCall::SELECTOR, &words));
    known == Some(venue)
        && address_of(vm, venue, IPool::token0Call::SELECTOR, &[]) == Some(tokens.tokens[0])
        && address_of(vm, venue, IPool::token1Call::SELECTOR, &[]) == Some(tokens.tokens[1])
}

/// Whether the pool has the observations that were registered, reaching back beyond the window.
pub(crate) fn reaches(vm: &VM, config: &Config) -> bool {
    let cardinality = call::try_ask(vm, config.pool, IPool::slot0Call::SELECTOR, &[], 7)
        .and_then(|slot| slot.u64(3).ok())
        .unwrap_or_default();
    cardinality >= config.min_cardinality && mean(vm, config, config.reach).is_some()
}

/// The prices of the moment `at`, which is not of the future. Nothing where a source does not tell, the pool was too
/// thin, the feed's price too old, or both do not agree.
pub(crate) fn prices(vm: &VM, config: &Config, at: u64, hint: Hint) -> Option<Quote> {
    let ago = vm.block_timestamp().checked_sub(at)?;
    let told = round_at(vm, &config.feed, at, hint)?;
    let feed = root_of(config, told.price).ok()?;
    let (pool, liquidity) = mean(vm, config, ago)?;
    let sound = liquidity >= config.min_liquidity && agree(pool, feed, config.deviation_bps);
    sound.then_some(Quote { prices: [pool, feed], liquidity })
}

/// The prices of now, while the sequencer is up.
pub(crate) fn present(vm: &VM, sequencer: Address, config: &Config) -> Option<Quote> {
    if oracle::sequencer(vm, sequencer) != Sequencer::Up {
        return None;
    }
    prices(vm, config, vm.block_timestamp(), [0; 2])
}

/// The round whose price held at a moment: not after it, nor older than the heartbeat, and followed by none before it.
fn round_at(vm: &VM, feed: &Feed, at: u64, [id, next]: Hint) -> Option<Round> {
    let latest = oracle::latest(vm, feed).ok();
    let round = if id == 0 { latest? } else { oracle::round(vm, feed, id).ok()? };
    let held = round.updated_at <= at && at - round.updated_at <= feed.heartbeat;
    let last = latest.is_some_and(|latest| latest.id == round.id) || is_last(vm, feed, &round, next, at);
    (held && last).then_some(round)
}

/// Whether the price that followed a round came after a moment: that of the next round in its phase; or `next`, where
/// the round was the last of its phase, no phase between both has any, and `next` is where a later one is entered: at
/// its first round, or at one whose predecessor is not newer (a new aggregator may have been running before the proxy
/// turned to it).
fn is_last(vm: &VM, feed: &Feed, round: &Round, next: u128, at: u64) -> bool {
    let mut id = round.id;
    if next == 0 {
        id += 1;
    } else {
        let absent = |id: u128| {
            vm.evm_gas_left() >= ABSENCE_GAS
                && matches!(oracle::round(vm, feed, id), Err(Fault::Missing | Fault::Unreadable))
        };
        let (old, new) = (phase(id), phase(next));
        let entered = new > old
            && new - old <= MOST_PHASES
            && absent(id + 1)
            && (old + 1..new).all(|skipped| absent(round_id(skipped, 1)))
            && (aggregator_round(next) == 1
                || oracle::round(vm, feed, next - 1).is_ok_and(|before| before.updated_at <= round.updated_at));
        if !entered {
            return false;
        }
        id = next;
    }
    for id in id..id + u128::from(MOST_VOID) {
        match oracle::round(vm, feed, id) {
            Ok(following) => return following.updated_at > at,
            Err(Fault::Incomplete | Fault::NotPositive | Fault::TooLarge) => {} // it has no price, and never will
            Err(_) => return false,
        }
    }
    false
}

/// A price of the feed, WAD, as a square-root price of the pool.
fn root_of(config: &Config, price: u128) -> Math {
    let [units0, units1] = config.decimals.map(|decimals| U256::from(10u128.pow(decimals.into())));
    let price = U256::from(price);
    if config.quote_is_1 {
        sqrt_ratio(mul(units1, price)?, mul(units0, WAD)?)
    } else {
        sqrt_ratio(mul(units1, WAD)?, mul(units0, price)?)
    }
}

/// The square-root price of the pool's mean tick, rounded down, over the window that ended `ago` seconds ago, and the
/// harmonic mean of its liquidity.
fn mean(vm: &VM, config: &Config, ago: u64) -> Option<(U256, u128)> {
    let first = ago.checked_add(config.window)?;
    u32::try_from(first).ok()?;
    let mut query = Encoder::new(&IPool::observeCall::SELECTOR, 1);
    query.words(&[U256::from(first), U256::from(ago)]);
    let answer = call::ask_raw(vm, config.pool, &query.finish()).ok()?;
    let ticks = pair_at(&answer, 0)?.map(signed);
    // both have 56 bits; the difference wraps as the pool's counter does
    let difference = (ticks[1].wrapping_sub(ticks[0]) << 8) >> 8;
    let tick = i32::try_from(difference.div_euclid(i64::try_from(config.window).ok()?)).ok()?;
    let seconds = pair_at(&answer, 1)?;
    let mask = (U256::ONE.wrapping_shl(160)).wrapping_sub(U256::ONE);
    let inverse = seconds[1].wrapping_sub(seconds[0]) & mask;
    let weight = U256::from(config.window).wrapping_shl(128);
    let liquidity = actuary::math::div_down(weight, inverse).ok()?;
    Some((sqrt_price_at(tick).ok()?, u128::try_from(liquidity).unwrap_or(u128::MAX)))
}

/// Both elements of the array whose place the word at `index` tells.
fn pair_at(answer: &Answer, index: usize) -> Option<[U256; 2]> {
    let place = usize::try_from(answer.word(index).ok()?).ok()?;
    if place % 32 != 0 || place > answer.data().len() || answer.word(place / 32).ok()? != U256::from(2) {
        return None;
    }
    Some([answer.word(place / 32 + 1).ok()?, answer.word(place / 32 + 2).ok()?])
}

/// A signed number of at most 64 bits.
pub(crate) fn signed(word: U256) -> i64 {
    word.as_limbs()[0] as i64
}

/// A tick as an argument.
pub(crate) fn tick_word(tick: i32) -> U256 {
    let magnitude = U256::from(tick.unsigned_abs());
    if tick < 0 { U256::ZERO.wrapping_sub(magnitude) } else { magnitude }
}
