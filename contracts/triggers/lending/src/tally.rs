//! What lenders of an Aave reserve have lost: the increments of its deficit over its supply.

use actuary::math::{mul_div_down, mul_div_up};
use alloy_primitives::U256;
use protocol::{Result, oracle::ONE};
use standards::packed::Packed;

/// Deficit, loss and supply of a reserve as they were observed last. The supply counts by how long it lasted, so that a
/// deposit or a withdrawal around an observation moves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    deficit: u128,
    /// The lost part in WAD, at most all of it.
    lost: u128,
    /// The mean supply.
    mean: u128,
    /// The supply that was read last, and has lasted since.
    supply: u128,
}

impl Tally {
    /// The tally at the registration: the deficit that there is counts for nothing.
    pub(crate) const fn begin(deficit: u128, supply: u128) -> Self {
        Self { deficit, lost: 0, mean: supply, supply }
    }

    /// Two words: `deficit 128 | lost 128` and `mean 128 | supply 128`.
    pub(crate) fn pack(&self) -> [U256; 2] {
        [(self.deficit, self.lost), (self.mean, self.supply)]
            .map(|(low, high)| Packed::default().with_u128(0, 128, low).with_u128(128, 128, high).0)
    }

    pub(crate) fn unpack(words: [U256; 2]) -> Self {
        let [first, second] = words.map(Packed);
        Self {
            deficit: first.u128(0, 128),
            lost: first.u128(128, 128),
            mean: second.u128(0, 128),
            supply: second.u128(128, 128),
        }
    }

    /// What a share is worth, in WAD.
    pub(crate) const fn value(&self) -> u128 {
        ONE - self.lost
    }

    /// The tally after a reading, `passed` seconds after the last one; what the supply was counts in full after `over`
    /// seconds. An increment is rounded down, and what was paid back up.
    ///
    /// # Errors
    /// `MathOverflow`, which no amount of a real token reaches.
    pub(crate) fn next(&self, deficit: u128, supply: u128, passed: u64, over: u64) -> Result<Self> {
        let (passed, whole) = (U256::from(passed.min(over)), U256::from(over));
        let towards = |distance: u128| -> Result<u128> {
            // at most the distance
            Ok(mul_div_down(U256::from(distance), passed, whole)?.to::<u128>())
        };
        let mean = if self.supply >= self.mean {
            self.mean + towards(self.supply - self.mean)?
        } else {
            self.mean - towards(self.mean - self.supply)?
        };
        let lost = if deficit > self.deficit {
            let more = U256::from(deficit - self.deficit);
            let part = mul_div_down(more, U256::from(ONE), U256::from(mean.max(deficit)))?;
            // the divisor is at least the increment, so the part is at most ONE
            (self.lost + part.to::<u128>()).min(ONE)
        } else if deficit < self.deficit {
            let back = U256::from(self.deficit - deficit);
            let part = mul_div_up(U256::from(self.lost), back, U256::from(self.deficit))?;
            // at most what was lost
            self.lost - part.to::<u128>()
        } else {
            self.lost
        };
        Ok(Self { deficit, lost, mean, supply })
    }
}
