//! The capital that cover requires.
//!
//! The x of a risk key is the worst payout of all cover on it. The keys of a group fail together with correlation ρ,
//! different groups independently:
//!
//! ```text
//! SCR_g² = (1 − ρ) · Σx² + ρ · (Σx)²          SCR² = Σ SCR_g²
//! minimum = max(SCR · m, largest x)           target = max(SCR · t, floor)
//! ```

use alloy_primitives::U256;

use crate::{
    Overflow,
    math::{BPS, Result, add, bps_up, mul, mul_div_up, sqrt_up, sub},
};

/// One group's exposures, as the two sums that its requirement needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Σx².
    pub squares: U256,
    /// Σx.
    pub sum: U256,
}

impl Group {
    /// The group after one exposure changed from `old` to `new`.
    ///
    /// # Errors
    /// [`Overflow`](crate::Overflow); also where `old` was never in the group.
    pub fn replace(self, old: U256, new: U256) -> Result<Self> {
        let squares = sub(add(self.squares, mul(new, new)?)?, mul(old, old)?)?;
        Ok(Self { squares, sum: sub(add(self.sum, new)?, old)? })
    }

    /// SCR² for a correlation of `correlation_bps`, rounded up once: Σx² + ρ · ((Σx)² − Σx²), so that it rises with
    /// each exposure and with the correlation to the last unit.
    ///
    /// # Errors
    /// [`Overflow`](crate::Overflow); also for a correlation above 10,000.
    pub fn requirement_squared(&self, correlation_bps: U256) -> Result {
        if correlation_bps > BPS {
            return Err(Overflow);
        }
        let together = sub(mul(self.sum, self.sum)?, self.squares)?;
        add(self.squares, mul_div_up(together, correlation_bps, BPS)?)
    }
}

/// SCR of the sum of the groups' squares, rounded up.
#[must_use]
pub fn requirement(squared: U256) -> U256 {
    sqrt_up(squared)
}

/// The capital below which nobody may leave: max(SCR · m, largest x), rounded up.
///
/// # Errors
/// [`Overflow`](crate::Overflow).
pub fn minimum(requirement: U256, factor_bps: U256, largest: U256) -> Result {
    Ok(bps_up(requirement, factor_bps)?.max(largest))
}

/// The capital below which no cover is sold: max(SCR · t, floor), rounded up.
///
/// # Errors
/// [`Overflow`](crate::Overflow).
pub fn target(requirement: U256, factor_bps: U256, floor: U256) -> Result {
    Ok(bps_up(requirement, factor_bps)?.max(floor))
}
