//! A subject's configuration: what governance registers, for ever.

use alloy_primitives::{Address, U256};
use protocol::{
    Result, Word,
    abi::ParameterOutOfBounds,
    error,
    oracle::{Feed, MAX_DECIMALS},
};
use standards::packed::Packed;

/// The longest window, reach and heartbeat: 30 days.
const LONGEST: u64 = 30 * 24 * 60 * 60;

/// The longest half-life: a year.
const LONGEST_HALF_LIFE: u64 = 365 * 24 * 60 * 60;

/// The most by which pool and feed may differ: 5 %.
const MOST_DEVIATION: u64 = 500;

/// The least variance that may be registered: 0.0001 a year, a volatility of one percent.
const LEAST_VARIANCE: u64 = 100_000_000_000_000;

/// Basis points of one.
const BPS: u64 = 10_000;

/// `IImpermanentLossTrigger.Subject` in words, in its order.
pub(crate) type Subject = [U256; 15];

/// What the pool says about its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) tokens: [Address; 2],
    pub(crate) decimals: [u8; 2],
    pub(crate) fee: u64,
}

/// A configuration in memory. Times in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) pool: Address,
    pub(crate) venue: Address,
    pub(crate) is_pair: bool,
    /// Whether values are in the pool's token 1.
    pub(crate) quote_is_1: bool,
    pub(crate) decimals: [u8; 2],
    /// The pool's, in hundredths of a basis point.
    pub(crate) fee: u64,
    pub(crate) feed: Feed,
    pub(crate) window: u64,
    pub(crate) reach: u64,
    pub(crate) min_liquidity: u128,
    pub(crate) min_cardinality: u64,
    pub(crate) deviation_bps: u16,
    pub(crate) range_factor_bps: u16,
    pub(crate) half_life: u64,
    pub(crate) variance_floor: u64,
    pub(crate) asset_decimals: u8,
}

impl Config {
    /// Four words:
    ///
    /// ```text
    /// 0  pool 160 | heartbeat 32 | window 32 | reach 32
    /// 1  feed 160 | deviation 16 | range factor 16 | decimals 0 8 | decimals 1 8 | feed's 8 | asset's 8 | half-life 32
    /// 2  venue 160 | fee 24 | pair 1 | quote 1 | – 6 | variance floor 64
    /// 3  least liquidity 128 | least cardinality 16 | – 112
    /// ```
    pub(crate) fn pack(&self) -> [U256; 4] {
        let first = Packed::default()
            .with_address(0, self.pool)
            .with_u64(160, 32, self.feed.heartbeat)
            .with_u64(192, 32, self.window)
            .with_u64(224, 32, self.reach);
        let second = Packed::default()
            .with_address(0, self.feed.at)
            .with_u64(160, 16, self.deviation_bps.into())
            .with_u64(176, 16, self.range_factor_bps.into())
            .with_u64(192, 8, self.decimals[0].into())
            .with_u64(200, 8, self.decimals[1].into())
            .with_u64(208, 8, self.feed.decimals.into())
            .with_u64(216, 8, self.asset_decimals.into())
            .with_u64(224, 32, self.half_life);
        let third = Packed::default()
            .with_address(0, self.venue)
            .with_u64(160, 24, self.fee)
            .with_u64(184, 1, self.is_pair.into())
            .with_u64(185, 1, self.quote_is_1.into())
            .with_u64(192, 64, self.variance_floor);
        let fourth = Packed::default().with_u128(0, 128, self.min_liquidity).with_u64(128, 16, self.min_cardinality);
        [first.0, second.0, third.0, fourth.0]
    }

    /// The configuration in four words; none was written where the pool is zero.
    pub(crate) fn unpack(words: [U256; 4]) -> Self {
        let [first, second, third, fourth] = words.map(Packed);
        Self {
            pool: first.address(0),
            venue: third.address(0),
            is_pair: third.u64(184, 1) == 1,
            quote_is_1: third.u64(185, 1) == 1,
            decimals: [second.u64(192, 8) as u8, second.u64(200, 8) as u8],
            fee: third.u64(160, 24),
            feed: Feed {
                at: second.address(0),
                decimals: second.u64(208, 8) as u8,
                heartbeat: first.u64(160, 32),
                floor: 0,
            },
            window: first.u64(192, 32),
            reach: first.u64(224, 32),
            min_liquidity: fourth.u128(0, 128),
            min_cardinality: fourth.u64(128, 16),
            deviation_bps: second.u64(160, 16) as u16,
            range_factor_bps: second.u64(176, 16) as u16,
            half_life: second.u64(224, 32),
            variance_floor: third.u64(192, 64),
            asset_decimals: second.u64(216, 8) as u8,
        }
    }

    /// The configuration as `subjectOf` answers it.
    pub(crate) fn subject(&self, quote: Address) -> Subject {
        [
            self.pool.word(),
            self.venue.word(),
            self.is_pair.word(),
            quote.word(),
            self.feed.at.word(),
            self.feed.heartbeat.word(),
            self.window.word(),
            self.reach.word(),
            self.min_liquidity.word(),
            self.min_cardinality.word(),
            self.deviation_bps.word(),
            self.range_factor_bps.word(),
            self.half_life.word(),
            self.variance_floor.word(),
            self.asset_decimals.word(),
        ]
    }

    /// Takes a configuration in, with everything checked that can be known without prices.
    ///
    /// # Errors
    /// `ParameterOutOfBounds` with the name of the value.
    pub(crate) fn checked(subject: &Subject, tokens: &Tokens, feed_decimals: u8, shortest: u64) -> Result<Self> {
        let number = |name: &[u8], index: usize, least: u64, most: u64| -> Result<u64> {
            let value = u64::try_from(subject[index]).unwrap_or(u64::MAX);
            if value < least || value > most { Err(out_of_bounds(name, value)) } else { Ok(value) }
        };
        let address = |index: usize| Packed(subject[index]).address(0);
        let min_liquidity = u128::try_from(subject[8]).unwrap_or_default();
        if min_liquidity == 0 {
            return Err(out_of_bounds(b"minLiquidity", 0));
        }
        for decimals in tokens.decimals {
            if decimals > MAX_DECIMALS {
                return Err(out_of_bounds(b"decimals", decimals.into()));
            }
        }
        Ok(Self {
            pool: address(0),
            venue: address(1),
            is_pair: number(b"pair", 2, 0, 1)? == 1,
            quote_is_1: address(3) == tokens.tokens[1],
            decimals: tokens.decimals,
            fee: tokens.fee,
            feed: Feed {
                at: address(4),
                decimals: feed_decimals,
                heartbeat: number(b"heartbeat", 5, shortest, LONGEST)?,
                floor: 0,
            },
            window: number(b"window", 6, shortest, LONGEST)?,
            reach: number(b"reach", 7, shortest, LONGEST)?,
            min_liquidity,
            min_cardinality: number(b"minCardinality", 9, 2, u16::MAX.into())?,
            deviation_bps: number(b"deviationBps", 10, 1, MOST_DEVIATION)? as u16,
            range_factor_bps: number(b"rangeFactorBps", 11, BPS, u16::MAX.into())? as u16,
            half_life: number(b"halfLife", 12, shortest, LONGEST_HALF_LIFE)?,
            variance_floor: number(b"varianceFloor", 13, LEAST_VARIANCE, u64::MAX)?,
            asset_decimals: number(b"assetDecimals", 14, 0, MAX_DECIMALS.into())? as u8,
        })
    }
}

/// The error of a value outside of its bounds.
pub(crate) fn out_of_bounds(name: &[u8], value: u64) -> protocol::Revert {
    let mut text = [0; 32];
    text[..name.len()].copy_from_slice(name);
    error!(ParameterOutOfBounds, U256::from_be_bytes(text), value)
}
