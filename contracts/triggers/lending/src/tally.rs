//! What lenders have lost where no price says it: the increments of what is missing, over the supply.

use actuary::math::{mul_div_down, mul_div_up};
use alloy_primitives::U256;
use protocol::{Result, fall::course::Rules, oracle::ONE};
use standards::packed::Packed;

/// All of it in basis points.
const WHOLE: u64 = 10_000;

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
    /// Since when every observation has found as many claims that nothing covers as matter; 0: the last one has not.
    bare_at: u64,
}

/// What a source says of its losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Losses {
    /// Aave's deficit, or the lost assets that nothing covers.
    pub(crate) missing: u128,
    /// All of it: the supply, or the total assets.
    pub(crate) supply: u128,
    /// Claims that nothing covers, beyond what is said to be missing.
    pub(crate) short: u128,
}

/// When a source is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) now: u64,
    /// Since the last observation.
    pub(crate) passed: u64,
    pub(crate) rules: Rules,
}

impl Tally {
    /// The tally at the registration: what is missing already counts for nothing.
    pub(crate) const fn begin(losses: &Losses) -> Self {
        let Losses { missing, supply, .. } = *losses;
        Self { missing, lost: 0, mean: supply, supply, bare_at: 0 }
    }

    /// Two words: `missing 128 | lost 64 | bare at 48 | – 16` and `mean 128 | supply 128`.
    pub(crate) fn pack(&self) -> [U256; 2] {
        let first = Packed::default().with_u128(0, 128, self.missing).with_u128(128, 64, self.lost);
        let second = Packed::default().with_u128(0, 128, self.mean).with_u128(128, 128, self.supply);
        [first.with_u64(192, 48, self.bare_at).0, second.0]
    }

    pub(crate) fn unpack(words: [U256; 2]) -> Self {
        let [first, second] = words.map(Packed);
        Self {
            missing: first.u128(0, 128),
            lost: first.u128(128, 64),
            mean: second.u128(0, 128),
            supply: second.u128(128, 128),
            bare_at: first.u64(192, 48),
        }
    }

    /// What is left of a share, in WAD.
    pub(crate) const fn value(&self) -> u128 {
        ONE - self.lost
    }

    /// Whether claims are bare, be it for a moment.
    pub(crate) const fn is_bare(&self) -> bool {
        self.bare_at > 0
    }

    /// Whether they have been for long enough.
    pub(crate) const fn is_latent(&self, at: &Moment) -> bool {
        self.is_bare() && at.now - self.bare_at >= at.rules.persistence
    }

    /// The tally after a reading; what the supply was counts in full after the persistence. An increment is rounded down,
    /// and what came back up.
    ///
    /// # Errors
    /// `MathOverflow`, which no amount of a real token reaches.
    pub(crate) fn next(&self, losses: &Losses, at: &Moment) -> Result<Self> {
        let Losses { missing, supply, short } = *losses;
        let persistence = at.rules.persistence;
        let (passed, whole) = (U256::from(at.passed.min(persistence)), U256::from(persistence));
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
        // Products of 128 and 14 bits fit. By the mean, so that who comes for an observation hides nothing.
        let bare =
            short > 0 && U256::from(short) * U256::from(WHOLE) >= U256::from(mean) * U256::from(at.rules.trigger_bps);
        let bare_at = match (bare, self.bare_at) {
            (false, _) => 0,
            (true, 0) => at.now,
            (true, since) => since,
        };
        Ok(Self { missing, lost, mean, supply, bare_at })
    }
}
