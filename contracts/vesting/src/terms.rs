//! How much has vested by when: OpenZeppelin's VestingWallet with a cliff, and an end that may come earlier.
//!
//! ```text
//! 0 ────────────┐ cliff      ⌊total · (t − start) ÷ (end − start)⌋         end ──── total
//! ──── start ───┴──────────────────────────────────────────────────────────┘
//! ```
//!
//! A revocation at r keeps what has vested and nothing else: with what is kept as the total and r as the end, the line is
//! the one that it was.

use actuary::math::{Result, mul_div_down};
use alloy_primitives::U256;
use standards::packed::Packed;

/// Times have 48 bits.
const TIME: usize = 48;

/// When it vests. Times in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) start: u64,
    /// Not before the start.
    pub(crate) cliff: u64,
    /// From the start to the end, which is not before the cliff.
    pub(crate) duration: u64,
    /// 0 where it was not revoked.
    pub(crate) revoked_at: u64,
}

impl Terms {
    /// The terms in the upper bits of two words that hold addresses.
    ///
    /// ```text
    /// first   |255 cliff 208|207 start 160|
    /// second  |255 revoked at 208|207 duration 160|
    /// ```
    pub(crate) fn unpack(first: Packed, second: Packed) -> Self {
        let [start, duration] = [first, second].map(|word| word.u64(160, TIME));
        let [cliff, revoked_at] = [first, second].map(|word| word.u64(160 + TIME, TIME));
        Self { start, cliff, duration, revoked_at }
    }

    /// The two words with these terms.
    pub(crate) fn pack(self, first: Packed, second: Packed) -> [Packed; 2] {
        [(first, self.start, self.cliff), (second, self.duration, self.revoked_at)]
            .map(|(word, low, high)| word.with_u64(160, TIME, low).with_u64(160 + TIME, TIME, high))
    }

    /// When all has vested, as it was agreed.
    pub(crate) fn end(self) -> u64 {
        self.start + self.duration
    }

    /// What of `total` has vested by `timestamp`, rounded down.
    pub(crate) fn vested(self, total: U256, timestamp: u64) -> Result<U256> {
        let end = match self.revoked_at {
            0 => self.end(),
            revoked_at => revoked_at.min(self.end()),
        };
        if timestamp >= end {
            return Ok(total);
        }
        if timestamp < self.cliff {
            return Ok(U256::ZERO);
        }
        // start ≤ cliff ≤ timestamp < end
        mul_div_down(total, U256::from(timestamp - self.start), U256::from(end - self.start))
    }
}
