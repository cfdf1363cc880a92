//! The load for scarce capacity: a rate that rises with utilisation, slowly up to a kink and steeply after it.
//!
//! Who takes capacity from one utilisation to another pays the area below the curve between them, so a purchase in
//! pieces costs what it costs at once. Positions and capacity are in one unit (cover, or WAD); rates are WAD a year.

use alloy_primitives::U256;

use crate::math::{Result, WAD, add, mul, mul_div_down, mul_div_up, sub};

/// A curve of two straight pieces. `base ≤ kink_rate ≤ full_rate`, `kink ≤ 1e18`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Curve {
    /// The rate of an empty product.
    pub base: U256,
    /// Utilisation at the kink, WAD.
    pub kink: U256,
    /// The rate at the kink.
    pub kink_rate: U256,
    /// The rate at full utilisation; the second piece goes on beyond it.
    pub full_rate: U256,
}

impl Curve {
    /// The rate at `position` of `capacity`, rounded up.
    ///
    /// # Errors
    /// [`Overflow`](crate::Overflow); also for a curve that falls.
    pub fn rate_up(&self, position: U256, capacity: U256) -> Result {
        let kink = self.kink_of(capacity)?;
        if position < kink {
            return add(self.base, mul_div_up(self.first_rise()?, position, kink)?);
        }
        let width = sub(capacity, kink)?;
        if width.is_zero() {
            return Ok(self.full_rate);
        }
        add(self.kink_rate, mul_div_up(self.second_rise()?, sub(position, kink)?, width)?)
    }

    /// The area below the curve from 0 to `position` of `capacity`: ∫ rate(s ÷ capacity) ds, in positions times WAD,
    /// rounded down.
    ///
    /// # Errors
    /// [`Overflow`](crate::Overflow); also for a curve that falls.
    pub fn area_down(&self, position: U256, capacity: U256) -> Result {
        let kink = self.kink_of(capacity)?;
        let first = position.min(kink);
        let mut area = mul(self.base, first)?;
        if !first.is_zero() {
            area = add(area, half_square(self.first_rise()?, first, kink)?)?;
        }
        let second = sub(position, first)?;
        if second.is_zero() {
            return Ok(area);
        }
        let width = sub(capacity, kink)?;
        if width.is_zero() {
            return add(area, mul(self.full_rate, second)?);
        }
        area = add(area, mul(self.kink_rate, second)?)?;
        add(area, half_square(self.second_rise()?, second, width)?)
    }

    /// Where the kink is.
    fn kink_of(&self, capacity: U256) -> Result {
        mul_div_down(capacity, self.kink, WAD)
    }

    fn first_rise(&self) -> Result {
        sub(self.kink_rate, self.base)
    }

    fn second_rise(&self) -> Result {
        sub(self.full_rate, self.kink_rate)
    }
}

/// ⌊rise · length² ÷ (2 · width)⌋: the triangle over a piece that rises by `rise` on `width`.
fn half_square(rise: U256, length: U256, width: U256) -> Result {
    mul_div_down(mul(rise, length)?, length, add(width, width)?)
}
