//! What lenders have lost where no price says it: the increments of what is missing, over the supply.

use actuary::math::{mul_div_down, mul_div_up};
use alloy_primitives::U256;
use protocol::{Result, oracle::ONE};
use standards::packed::Packed;

/// What is missing, the loss and the supply as they were observed last.
///
/// The supply is a mean over time. What it was between two observations only they tell, so the one counts for that time
/// that is nearer to the mean: who comes or goes around one observation moves nothing, whenever the next one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Aave's deficit, or the lost assets that nothing covers.
    missing: u128,
    /// The lost part in WAD, at most all of it.
    lost: u128,
    /// The mean supply.
    mean: u128,
    /// The supply that was read last.
    supply: u128,
}

impl Tally {
    /// The tally at the registration: what is missing already counts for nothing.
    pub(crate) const fn begin(missing: u128, supply: u128) -> Self {
        Self { missing, lost: 0, mean: supply, supply }
    }

    /// Two words: `missing 128 | lost 128` and `mean 128 | supply 128`.
    pub(crate) fn pack(&self) -> [U256; 2] {
        [(self.missing, self.lost), (self.mean, self.supply)]
            .map(|(low, high)| Packed::default().with_u128(0, 128, low).with_u128(128, 128, high).0)
    }

    pub(crate) fn unpack(words: [U256; 2]) -> Self {
        let [first, second] = words.map(Packed);
        Self {
            missing: first.u128(0, 128),
            lost: first.u128(128, 128),
            mean: second.u128(0, 128),
            supply: second.u128(128, 128),
        }
    }

    /// What is left of a share, in WAD.
    pub(crate) const fn value(&self) -> u128 {
        ONE - self.lost
    }

    /// The tally after a reading, `passed` seconds after the last one; what the supply was counts in full after `over`
    /// seconds. An increment is rounded down, and what came back up.
    ///
    /// # Errors
    /// `MathOverflow`, which no amount of a real token reaches.
    pub(crate) fn next(&self, missing: u128, supply: u128, passed: u64, over: u64) -> Result<Self> {
        let (passed, whole) = (U256::from(passed.min(over)), U256::from(over));
        let (before, now) = (self.supply.abs_diff(self.mean), supply.abs_diff(self.mean));
        let (nearer, distance) = if before < now { (self.supply, before) } else { (supply, now) };
        // at most the distance
        let moved = mul_div_down(U256::from(distance), passed, whole)?.to::<u128>();
        let mean = if nearer >= self.mean { self.mean + moved } else { self.mean - moved };
        let lost = if missing > self.missing {
            let more = U256::from(missing - self.missing);
            let part = mul_div_down(more, U256::from(ONE), U256::from(mean.max(missing)))?;
            // the divisor is at least the increment, so the part is at most ONE
            (self.lost + part.to::<u128>()).min(ONE)
        } else if missing < self.missing {
            let back = U256::from(self.missing - missing);
            let part = mul_div_up(U256::from(self.lost), back, U256::from(self.missing))?;
            // at most what was lost
            self.lost - part.to::<u128>()
        } else {
            self.lost
        };
        Ok(Self { missing, lost, mean, supply })
    }
}
