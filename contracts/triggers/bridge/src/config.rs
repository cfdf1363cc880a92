//! A subject's configuration: what governance registers, for ever.

use alloy_primitives::{Address, U256};
use protocol::{
    Result, Word,
    oracle::{self, Feed},
    trigger::{
        WHOLE,
        rules::{Rules, out_of_bounds, within},
    },
};
use standards::{
    dispatch::{Argument, Arguments},
    packed::Packed,
};

/// How many periods back a supply may have been observed.
pub(crate) const LOOKBACK: u64 = 8;

/// `assetDecimals` of a token that does not stand for a unit of the vault's asset.
const NO_UNIT: u8 = 255;

/// The part of the supply that may count as on its way: a tenth.
const IN_FLIGHT_DIVISOR: u128 = 10;

/// `IBridgeTrigger.Subject`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    token: Address,
    feed: Address,
    escrow_token: Address,
    escrow: Address,
    in_flight: u128,
    trigger_ratio: u64,
    recovery_ratio: u64,
    duration: u32,
    recovery: u32,
    window: u32,
    gap: u32,
    period: u32,
    asset_decimals: u8,
}

impl<'a> Argument<'a> for Subject {
    fn read(arguments: &mut Arguments<'a>) -> Option<Self> {
        Some(Self {
            token: arguments.read()?,
            feed: arguments.read()?,
            escrow_token: arguments.read()?,
            escrow: arguments.read()?,
            in_flight: arguments.read().filter(|value: &u128| value >> 96 == 0)?,
            trigger_ratio: arguments.read()?,
            recovery_ratio: arguments.read()?,
            duration: arguments.read()?,
            recovery: arguments.read()?,
            window: arguments.read()?,
            gap: arguments.read()?,
            period: arguments.read()?,
            asset_decimals: arguments.read()?,
        })
    }
}

impl Subject {
    /// Its token and its feed; zero for reports from L1.
    pub(crate) const fn sources(&self) -> (Address, Address) {
        (self.token, self.feed)
    }
}

/// A configuration in memory, without the rules of its series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) token: Address,
    /// The reserve feed, or what holds the backing on L1.
    pub(crate) source: Address,
    pub(crate) escrow_token: Address,
    /// In the token's smallest unit.
    pub(crate) in_flight: u128,
    pub(crate) is_feed: bool,
    pub(crate) token_decimals: u8,
    feed_decimals: u8,
    asset_decimals: u8,
    pub(crate) period: u64,
}

impl Config {
    /// Three words:
    ///
    /// ```text
    /// 0  token 160 | in flight 96
    /// 1  source 160 | period 32 | token decimals 8 | feed decimals 8 | asset decimals 8 | is feed 1 | – 39
    /// 2  escrow token 160 | – 96
    /// ```
    pub(crate) fn pack(&self) -> [U256; 3] {
        let first = Packed::default().with_address(0, self.token).with_u128(160, 96, self.in_flight);
        let second = Packed::default()
            .with_address(0, self.source)
            .with_u64(160, 32, self.period)
            .with_u64(192, 8, u64::from(self.token_decimals))
            .with_u64(200, 8, u64::from(self.feed_decimals))
            .with_u64(208, 8, u64::from(self.asset_decimals))
            .with_u64(216, 1, u64::from(self.is_feed));
        [first.0, second.0, self.escrow_token.word()]
    }

    /// The configuration in three words; none was written where the token is zero.
    pub(crate) fn unpack(words: [U256; 3]) -> Self {
        let [first, second, third] = words.map(Packed);
        Self {
            token: first.address(0),
            source: second.address(0),
            escrow_token: third.address(0),
            in_flight: first.u128(160, 96),
            is_feed: second.u64(216, 1) == 1,
            token_decimals: second.u64(192, 8) as u8,
            feed_decimals: second.u64(200, 8) as u8,
            asset_decimals: second.u64(208, 8) as u8,
            period: second.u64(160, 32),
        }
    }

    /// Takes a configuration in, with everything checked that can be known without its sources.
    ///
    /// # Errors
    /// `ParameterOutOfBounds` with the name of the value.
    pub(crate) fn checked(
        subject: &Subject,
        token_decimals: u8,
        feed_decimals: u8,
        supply: u128,
        shortest: u64,
    ) -> Result<(Self, Rules)> {
        let is_feed = !subject.feed.is_zero();
        let rules = Rules {
            trigger: subject.trigger_ratio,
            recovery: subject.recovery_ratio,
            duration: subject.duration.into(),
            calm: subject.recovery.into(),
            window: subject.window.into(),
            gap: subject.gap.into(),
        };
        rules.check(shortest, [b"triggerRatio", b"recoveryRatio"])?;
        // A report shows one moment: no incident may rest on less than three.
        if !is_feed {
            within(b"gap", rules.gap, shortest, rules.duration / 2)?;
        }
        // A sample that comes in time must find the supply that was observed with the one before it.
        within(b"period", subject.period.into(), rules.gap.div_ceil(LOOKBACK).max(shortest), rules.gap)?;
        if is_feed && !(subject.escrow.is_zero() && subject.escrow_token.is_zero()) {
            return Err(out_of_bounds(b"escrow", 0));
        }
        if !is_feed && subject.escrow.is_zero() {
            return Err(out_of_bounds(b"escrow", 0));
        }
        let decimals = subject.asset_decimals;
        if decimals > 18 && decimals != NO_UNIT {
            return Err(out_of_bounds(b"assetDecimals", decimals.into()));
        }
        let config = Self {
            token: subject.token,
            source: if is_feed { subject.feed } else { subject.escrow },
            escrow_token: subject.escrow_token,
            in_flight: subject.in_flight,
            is_feed,
            token_decimals,
            feed_decimals,
            asset_decimals: decimals,
            period: subject.period.into(),
        };
        if config.in_flight_wad() > supply / IN_FLIGHT_DIVISOR {
            return Err(out_of_bounds(b"inFlight", subject.in_flight as u64));
        }
        Ok((config, rules))
    }

    /// The configuration as `subjectOf` answers it.
    pub(crate) fn words(&self, rules: &Rules) -> [U256; 13] {
        let (feed, escrow) = if self.is_feed { (self.source, Address::ZERO) } else { (Address::ZERO, self.source) };
        [
            self.token.word(),
            feed.word(),
            self.escrow_token.word(),
            escrow.word(),
            U256::from(self.in_flight),
            U256::from(rules.trigger),
            U256::from(rules.recovery),
            U256::from(rules.duration),
            U256::from(rules.calm),
            U256::from(rules.window),
            U256::from(rules.gap),
            U256::from(self.period),
            U256::from(self.asset_decimals),
        ]
    }

    /// The reserve feed as it is read.
    pub(crate) const fn feed(&self, gap: u64) -> Feed {
        Feed { at: self.source, decimals: self.feed_decimals, heartbeat: gap, floor: 0 }
    }

    fn in_flight_wad(&self) -> u128 {
        wad(U256::from(self.in_flight), self.token_decimals, true)
    }

    /// The backing ratio in WAD: backing and what is on its way by supply, both in WAD; rounded up, at most 1.
    pub(crate) fn ratio(&self, backing: u128, supply: u128) -> u64 {
        let backing = backing.saturating_add(self.in_flight_wad());
        if backing >= supply {
            return WHOLE;
        }
        // 128 bits by 60 fit; the backing is less than the supply, so the quotient is at most 1.
        let (quotient, rest) = (U256::from(backing) * U256::from(WHOLE)).div_rem(U256::from(supply));
        quotient.to::<u64>() + u64::from(!rest.is_zero())
    }

    /// An amount in WAD in the vault's asset's smallest unit, rounded down; without limit where the token does not stand
    /// for it.
    pub(crate) fn in_asset(&self, amount: u128) -> U256 {
        if self.asset_decimals == NO_UNIT {
            return U256::MAX;
        }
        U256::from(amount / 10u128.pow(18 - u32::from(self.asset_decimals)))
    }
}

/// An amount of so many decimals in WAD; what does not fit into 128 bits is as much as fits.
pub(crate) fn wad(amount: U256, decimals: u8, up: bool) -> u128 {
    let exponent = u32::from(decimals.min(oracle::MAX_DECIMALS));
    let Ok(amount) = u128::try_from(amount) else { return u128::MAX };
    if exponent <= 18 {
        return amount.saturating_mul(10u128.pow(18 - exponent));
    }
    let divisor = 10u128.pow(exponent - 18);
    if up { amount.div_ceil(divisor) } else { amount / divisor }
}
