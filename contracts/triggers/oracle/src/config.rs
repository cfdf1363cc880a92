//! A subject's configuration: what governance registers, for ever.

use alloy_primitives::{Address, U256};
use protocol::{
    Result, Word,
    oracle::{Feed, ONE},
    trigger::{
        WHOLE,
        rules::{Rules, out_of_bounds, within},
    },
};
use standards::{
    dispatch::{Argument, Arguments},
    packed::Packed,
};

use crate::pool::{Mean, scaled};

/// The longest heartbeat: 7 days.
const LONGEST_HEARTBEAT: u64 = 7 * 24 * 60 * 60;

/// The longest time over which a pool's mean is taken: a day.
const LONGEST_TWAP: u64 = 24 * 60 * 60;

/// A deviation of which nothing is beyond is no error: above this, and recovered where nothing is.
const RECOVERED: u64 = WHOLE - 1;

/// `assetDecimals` of a quote token that does not stand for a unit of the vault's asset.
const NO_UNIT: u8 = 255;

/// A basis point in WAD.
const BASIS_POINT: u64 = WHOLE / 10_000;

/// `IOracleTrigger.Subject`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) feed: Address,
    pub(crate) second_feed: Address,
    pub(crate) pool: Address,
    pub(crate) inverted: bool,
    feed_heartbeat: u32,
    second_heartbeat: u32,
    twap: u32,
    min_liquidity: u128,
    min_cardinality: u16,
    deviation_bps: u16,
    cap_bps: u16,
    duration: u32,
    recovery: u32,
    window: u32,
    gap: u32,
    asset_decimals: u8,
}

impl<'a> Argument<'a> for Subject {
    fn read(arguments: &mut Arguments<'a>) -> Option<Self> {
        Some(Self {
            feed: arguments.read()?,
            second_feed: arguments.read()?,
            pool: arguments.read()?,
            inverted: arguments.read()?,
            feed_heartbeat: arguments.read()?,
            second_heartbeat: arguments.read()?,
            twap: arguments.read()?,
            min_liquidity: arguments.read()?,
            min_cardinality: arguments.read()?,
            deviation_bps: arguments.read()?,
            cap_bps: arguments.read()?,
            duration: arguments.read()?,
            recovery: arguments.read()?,
            window: arguments.read()?,
            gap: arguments.read()?,
            asset_decimals: arguments.read()?,
        })
    }
}

/// Decimals of the two feeds, of the priced token and of the one that it is priced in.
pub(crate) type Decimals = [u8; 4];

/// A configuration in memory, without the rules of its series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) feed: Feed,
    pub(crate) second: Feed,
    pub(crate) pool: Address,
    inverted: bool,
    pub(crate) twap: u64,
    pub(crate) min_liquidity: u128,
    pub(crate) min_cardinality: u64,
    deviation_bps: u64,
    cap_bps: u64,
    /// Of the priced token and of the one that it is priced in.
    base_decimals: u8,
    quote_decimals: u8,
    asset_decimals: u8,
}

impl Config {
    /// Four words:
    ///
    /// ```text
    /// 0  feed 160 | its heartbeat 32 | decimals: feed 8, second 8, base 8, quote 8, asset 8 | inverted 1 | – 23
    /// 1  second feed 160 | its heartbeat 32 | twap 32 | deviation 16 | cap 16
    /// 2  pool 160 | cardinality 16 | – 80
    /// 3  liquidity 128 | floor of the second feed 128
    /// ```
    pub(crate) fn pack(&self) -> [U256; 4] {
        let mut first = Packed::default()
            .with_address(0, self.feed.at)
            .with_u64(160, 32, self.feed.heartbeat)
            .with_u64(232, 1, u64::from(self.inverted));
        let decimals =
            [self.feed.decimals, self.second.decimals, self.base_decimals, self.quote_decimals, self.asset_decimals];
        for (index, decimals) in decimals.into_iter().enumerate() {
            first = first.with_u64(192 + 8 * index, 8, decimals.into());
        }
        let second = Packed::default()
            .with_address(0, self.second.at)
            .with_u64(160, 32, self.second.heartbeat)
            .with_u64(192, 32, self.twap)
            .with_u64(224, 16, self.deviation_bps)
            .with_u64(240, 16, self.cap_bps);
        let third = Packed::default().with_address(0, self.pool).with_u64(160, 16, self.min_cardinality);
        let fourth = Packed::default().with_u128(0, 128, self.min_liquidity).with_u128(128, 128, self.second.floor);
        [first.0, second.0, third.0, fourth.0]
    }

    /// The configuration in four words; none was written where the feed is zero.
    pub(crate) fn unpack(words: [U256; 4]) -> Self {
        let [first, second, third, fourth] = words.map(Packed);
        let decimals = |index: usize| first.u64(192 + 8 * index, 8) as u8;
        Self {
            feed: Feed { at: first.address(0), decimals: decimals(0), heartbeat: first.u64(160, 32), floor: 0 },
            second: Feed {
                at: second.address(0),
                decimals: decimals(1),
                heartbeat: second.u64(160, 32),
                floor: fourth.u128(128, 128),
            },
            pool: third.address(0),
            inverted: first.u64(232, 1) == 1,
            twap: second.u64(192, 32),
            min_liquidity: fourth.u128(0, 128),
            min_cardinality: third.u64(160, 16),
            deviation_bps: second.u64(224, 16),
            cap_bps: second.u64(240, 16),
            base_decimals: decimals(2),
            quote_decimals: decimals(3),
            asset_decimals: decimals(4),
        }
    }

    /// Takes a configuration in, with everything checked that can be known without prices; `floor` is that of the second
    /// feed's aggregator.
    ///
    /// # Errors
    /// `ParameterOutOfBounds` with the name of the value.
    pub(crate) fn checked(
        subject: &Subject,
        [feed_decimals, second_decimals, base_decimals, quote_decimals]: Decimals,
        floor: u128,
        shortest: u64,
    ) -> Result<(Self, Rules)> {
        let rules = Rules {
            // At most 1e-18 of a loss is none.
            trigger: RECOVERED - 1,
            recovery: RECOVERED,
            duration: subject.duration.into(),
            calm: subject.recovery.into(),
            window: subject.window.into(),
            gap: subject.gap.into(),
        };
        rules.check(shortest, [b"trigger", b"level"])?;
        // A sample shows one moment: no incident may rest on less than five.
        within(b"gap", rules.gap, shortest, rules.duration / 4)?;
        within(b"twap", subject.twap.into(), rules.gap.max(shortest), LONGEST_TWAP)?;
        within(b"feedHeartbeat", subject.feed_heartbeat.into(), shortest, LONGEST_HEARTBEAT)?;
        within(b"secondHeartbeat", subject.second_heartbeat.into(), shortest, LONGEST_HEARTBEAT)?;
        within(b"deviationBps", subject.deviation_bps.into(), 50, 5_000)?;
        within(b"capBps", subject.cap_bps.into(), 1, 10_000)?;
        within(b"minCardinality", subject.min_cardinality.into(), 2, u16::MAX.into())?;
        if subject.min_liquidity == 0 {
            return Err(out_of_bounds(b"minLiquidity", 0));
        }
        if subject.second_feed == subject.feed {
            return Err(out_of_bounds(b"secondFeed", 0));
        }
        for decimals in [base_decimals, quote_decimals] {
            within(b"pool", decimals.into(), 0, 18)?;
        }
        let asset = subject.asset_decimals;
        if asset > 18 && asset != NO_UNIT {
            return Err(out_of_bounds(b"assetDecimals", asset.into()));
        }
        let feed = |at, decimals, heartbeat: u32, floor| Feed { at, decimals, heartbeat: heartbeat.into(), floor };
        let config = Self {
            feed: feed(subject.feed, feed_decimals, subject.feed_heartbeat, 0),
            second: feed(subject.second_feed, second_decimals, subject.second_heartbeat, floor),
            pool: subject.pool,
            inverted: subject.inverted,
            twap: subject.twap.into(),
            min_liquidity: subject.min_liquidity,
            min_cardinality: subject.min_cardinality.into(),
            deviation_bps: subject.deviation_bps.into(),
            cap_bps: subject.cap_bps.into(),
            base_decimals,
            quote_decimals,
            asset_decimals: asset,
        };
        Ok((config, rules))
    }

    /// The configuration as `subjectOf` answers it.
    pub(crate) fn words(&self, rules: &Rules) -> [U256; 16] {
        [
            self.feed.at.word(),
            self.second.at.word(),
            self.pool.word(),
            self.inverted.word(),
            U256::from(self.feed.heartbeat),
            U256::from(self.second.heartbeat),
            U256::from(self.twap),
            U256::from(self.min_liquidity),
            U256::from(self.min_cardinality),
            U256::from(self.deviation_bps),
            U256::from(self.cap_bps),
            U256::from(rules.duration),
            U256::from(rules.calm),
            U256::from(rules.window),
            U256::from(rules.gap),
            U256::from(self.asset_decimals),
        ]
    }

    /// D in WAD.
    pub(crate) const fn deviation(&self) -> u64 {
        self.deviation_bps * BASIS_POINT
    }

    /// A mean tick in the direction in which the feed's price is.
    const fn direct(&self, tick: i64) -> i64 {
        if self.inverted { -tick } else { tick }
    }

    /// A pool's mean price in WAD, rounded down; nothing where it is zero or does not fit.
    pub(crate) fn price(&self, mean: &Mean) -> Option<u128> {
        let exponent = 18 + u32::from(self.base_decimals) - u32::from(self.quote_decimals);
        scaled(10u128.pow(exponent), self.direct(mean.tick)).filter(|price| *price > 0)
    }

    /// What it takes to move the pool's price by D, in the vault's asset: half of D of the virtual reserve of the quote
    /// token, which is liquidity times the root of the price. Without limit where the quote token does not stand for
    /// the asset.
    pub(crate) fn size(&self, mean: &Mean) -> U256 {
        if self.asset_decimals == NO_UNIT {
            return U256::MAX;
        }
        let reserve = scaled(mean.liquidity, self.direct(mean.tick) / 2).unwrap_or(0);
        let moved = U256::from(reserve) * U256::from(self.deviation_bps) / U256::from(20_000);
        let ten = U256::from(10);
        let (asset, quote) = (u64::from(self.asset_decimals), u64::from(self.quote_decimals));
        // 128 bits by 14, and by 60
        if asset >= quote {
            moved * ten.pow(U256::from(asset - quote))
        } else {
            moved / ten.pow(U256::from(quote - asset))
        }
    }

    /// What of a deviation in WAD is beyond D, at most the cap.
    pub(crate) fn beyond(&self, deviation: u64) -> u64 {
        deviation.saturating_sub(self.deviation()).min(self.cap_bps * BASIS_POINT)
    }
}

/// How far `price` is from `truth`, by `truth`, in WAD, rounded down; at most 10.
pub(crate) fn deviation(price: u128, truth: u128) -> u64 {
    if truth == 0 {
        return 0;
    }
    let most = 10 * WHOLE;
    // 128 bits by 60
    let quotient = U256::from(price.abs_diff(truth)) * U256::from(ONE) / U256::from(truth);
    u64::try_from(quotient).unwrap_or(most).min(most)
}
