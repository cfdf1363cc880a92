//! Levels and times of a subject.

use alloy_primitives::U256;
use standards::packed::Packed;

use super::WHOLE;
use crate::{Result, Revert, abi::ParameterOutOfBounds, error};

/// The longest duration, recovery, window and gap: 30 days.
pub const LONGEST: u64 = 30 * 24 * 60 * 60;

/// When a subject is short and when it has recovered. Levels in WAD, times in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// At or below: short.
    pub trigger: u64,
    /// Above: recovered.
    pub recovery: u64,
    /// How long it must be short to be an incident.
    pub duration: u64,
    /// How long it must have recovered for the incident to be over.
    pub calm: u64,
    /// Over which the loss is taken.
    pub window: u64,
    /// The longest time between two samples of which something is known in between.
    pub gap: u64,
}

impl Rules {
    /// One word: `trigger 64 | recovery 64 | duration 32 | calm 32 | window 32 | gap 32`.
    #[must_use]
    pub fn pack(&self) -> U256 {
        Packed::default()
            .with_u64(0, 64, self.trigger)
            .with_u64(64, 64, self.recovery)
            .with_u64(128, 32, self.duration)
            .with_u64(160, 32, self.calm)
            .with_u64(192, 32, self.window)
            .with_u64(224, 32, self.gap)
            .0
    }

    /// The rules in a word.
    #[must_use]
    pub fn unpack(word: U256) -> Self {
        let word = Packed(word);
        Self {
            trigger: word.u64(0, 64),
            recovery: word.u64(64, 64),
            duration: word.u64(128, 32),
            calm: word.u64(160, 32),
            window: word.u64(192, 32),
            gap: word.u64(224, 32),
        }
    }

    /// Checks that levels are in order below the whole, times inside their bounds, and that a window fits into every
    /// closed incident. The two levels go by the names that the trigger gives them.
    ///
    /// # Errors
    /// `ParameterOutOfBounds` with the name of the value.
    pub fn check(&self, shortest: u64, [trigger, recovery]: [&[u8]; 2]) -> Result<()> {
        within(recovery, self.recovery, 2, WHOLE - 1)?;
        within(trigger, self.trigger, 1, self.recovery - 1)?;
        within(b"duration", self.duration, shortest, LONGEST)?;
        within(b"recovery", self.calm, shortest, LONGEST)?;
        within(b"window", self.window, shortest, LONGEST.min(self.duration + self.calm))?;
        within(b"gap", self.gap, shortest, LONGEST)
    }

    /// The loss in basis points, rounded down, of a window over which value times seconds sum up to `area`.
    #[must_use]
    pub fn loss_bps(&self, area: u128) -> u16 {
        let whole = u128::from(WHOLE) * u128::from(self.window);
        // `whole` is below 2^82, so the product fits; the quotient is at most 10,000.
        (whole.saturating_sub(area) * 10_000 / whole.max(1)) as u16
    }
}

/// Fails where a value is outside of its bounds.
///
/// # Errors
/// `ParameterOutOfBounds`.
pub fn within(name: &[u8], value: u64, least: u64, most: u64) -> Result<()> {
    if value < least || value > most {
        return Err(out_of_bounds(name, value));
    }
    Ok(())
}

/// The error of a value outside of its bounds; a name has at most 32 bytes.
#[must_use]
pub fn out_of_bounds(name: &[u8], value: u64) -> Revert {
    let mut text = [0; 32];
    text[..name.len()].copy_from_slice(name);
    error!(ParameterOutOfBounds, U256::from_be_bytes(text), value)
}
