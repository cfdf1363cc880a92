//! A subject's configuration: what governance registers, for ever.

use alloy_primitives::{Address, U256};
use protocol::{
    Result,
    abi::{IDepegTrigger, ParameterOutOfBounds},
    error,
    oracle::{self, Feed, ONE},
};
use standards::packed::Packed;

/// The longest duration, recovery and window: 30 days.
pub(crate) const LONGEST: u64 = 30 * 24 * 60 * 60;

/// The longest heartbeat: 7 days.
pub(crate) const LONGEST_HEARTBEAT: u64 = 7 * 24 * 60 * 60;

/// The values of `IDepegTrigger.Subject` in their order: feed, trigger price, recovery price, duration, recovery,
/// window, heartbeat, floor price.
pub(crate) type Subject = (Address, u64, u64, u32, u32, u32, u32, u64);

/// A configuration in memory. Prices in WAD, times in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) feed: Feed,
    pub(crate) trigger_price: u64,
    pub(crate) recovery_price: u64,
    pub(crate) duration: u64,
    pub(crate) recovery: u64,
    pub(crate) window: u64,
}

impl Config {
    /// Two words:
    ///
    /// ```text
    /// 0  feed 160 | trigger price 64 | duration 32
    /// 1  recovery price 64 | floor price 64 | recovery 32 | window 32 | heartbeat 32 | decimals 8 | – 24
    /// ```
    pub(crate) fn pack(&self) -> [U256; 2] {
        let first = Packed::default().with_address(0, self.feed.at).with_u64(160, 64, self.trigger_price).with_u64(
            224,
            32,
            self.duration,
        );
        let second = Packed::default()
            .with_u64(0, 64, self.recovery_price)
            .with_u128(64, 64, self.feed.floor)
            .with_u64(128, 32, self.recovery)
            .with_u64(160, 32, self.window)
            .with_u64(192, 32, self.feed.heartbeat)
            .with_u64(224, 8, u64::from(self.feed.decimals));
        [first.0, second.0]
    }

    /// The configuration in two words; none was written where the feed is zero.
    pub(crate) fn unpack(words: [U256; 2]) -> Self {
        let [first, second] = words.map(Packed);
        Self {
            feed: Feed {
                at: first.address(0),
                decimals: second.u64(224, 8) as u8,
                heartbeat: second.u64(192, 32),
                floor: second.u128(64, 64),
            },
            trigger_price: first.u64(160, 64),
            recovery_price: second.u64(0, 64),
            duration: first.u64(224, 32),
            recovery: second.u64(128, 32),
            window: second.u64(160, 32),
        }
    }

    /// The configuration as `subjectOf` answers it.
    pub(crate) fn subject(&self) -> Subject {
        (
            self.feed.at,
            self.trigger_price,
            self.recovery_price,
            self.duration as u32,
            self.recovery as u32,
            self.window as u32,
            self.feed.heartbeat as u32,
            self.feed.floor as u64,
        )
    }

    /// Takes a configuration in, with everything checked that can be known without the feed: prices in order below
    /// par, times inside their bounds, and a window that fits into every closed incident.
    ///
    /// # Errors
    /// `ParameterOutOfBounds` with the name of the value.
    pub(crate) fn checked(subject: Subject, decimals: u8, shortest: u64) -> Result<Self> {
        let (at, trigger_price, recovery_price, duration, recovery, window, heartbeat, floor) = subject;
        let config = Self {
            feed: Feed { at, decimals, heartbeat: u64::from(heartbeat), floor: u128::from(floor) },
            trigger_price,
            recovery_price,
            duration: u64::from(duration),
            recovery: u64::from(recovery),
            window: u64::from(window),
        };
        let bounds: [(&[u8], u64, u64, u64); 7] = [
            (b"recoveryPrice", recovery_price, 2, ONE as u64 - 1),
            (b"triggerPrice", trigger_price, 1, recovery_price - u64::from(recovery_price > 0)),
            (b"floorPrice", floor, 0, trigger_price - u64::from(trigger_price > 0)),
            (b"duration", config.duration, shortest, LONGEST),
            (b"recovery", config.recovery, shortest, LONGEST),
            (b"window", config.window, shortest, config.duration + config.recovery),
            (b"heartbeat", config.feed.heartbeat, shortest, LONGEST_HEARTBEAT),
        ];
        for (name, value, least, most) in bounds {
            if value < least || value > most {
                return Err(out_of_bounds(name, value));
            }
        }
        Ok(config)
    }

    /// Whether a latest round lets cover be sold: above the recovery price and not cut by the circuit breaker.
    pub(crate) fn is_sound(&self, round: &oracle::Round) -> bool {
        round.price > u128::from(self.recovery_price) && !round.clamped
    }

    /// The loss in basis points, rounded down, of a window whose price times seconds sum up to `area`.
    pub(crate) fn loss_bps(&self, area: u128) -> u16 {
        let par = ONE * u128::from(self.window);
        // par is below 2^92, so the product fits; the quotient is at most 10,000.
        (par.saturating_sub(area) * 10_000 / par) as u16
    }
}

/// The error of a value outside of its bounds.
pub(crate) fn out_of_bounds(name: &[u8], value: u64) -> protocol::Revert {
    let mut text = [0; 32];
    text[..name.len()].copy_from_slice(name);
    error!(ParameterOutOfBounds, U256::from_be_bytes(text), value)
}

/// The error of a subject that was never registered.
pub(crate) fn unknown_subject(subject: alloy_primitives::B256) -> protocol::Revert {
    error!(IDepegTrigger::UnknownSubject, subject)
}
