//! What a cover costs, and what part of a loss it compensates.
//!
//! ```text
//! net = ⌈ A·T·r̂·margin + cost of capital · T · max(0, locked − A·T·r̂·margin) + T · (Φ(before + A) − Φ(before)) ⌉
//! ```
//!
//! A is the cover (the most that can be paid), T its term in years, r̂ the loss rate in force, Φ the area below the
//! [`Curve`]. Every part is linear in A or an area, so a purchase in pieces costs the same but for one unit a piece.

use alloy_primitives::U256;

use crate::{
    curve::Curve,
    math::{BPS, Result, WAD, YEAR, add, div_down, div_up, mul, mul_div_up, sub, wad_up},
};

/// The pricing terms of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pricing {
    /// Margin on the expected loss, in basis points: 12,000 is 1.2.
    pub margin_bps: U256,
    /// Capital that a unit of cover locks, in basis points.
    pub capital_factor_bps: U256,
    /// What locked capital costs beyond the expected loss, WAD a year.
    pub cost_of_capital: U256,
    /// The load for scarce capacity.
    pub curve: Curve,
    /// The least premium.
    pub minimum: U256,
}

/// A cover to be priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sale {
    /// The most that can be paid.
    pub cover: U256,
    /// Seconds.
    pub term: U256,
    /// The loss rate in force, WAD a year.
    pub rate: U256,
    /// Cover that the product has sold already.
    pub before: U256,
    /// Cover that the product may have in all.
    pub capacity: U256,
}

/// A premium and its parts: `net = pure + capital_cost + load`, unless the minimum is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Premium {
    /// What is paid.
    pub net: U256,
    /// The expected loss with its margin.
    pub pure: U256,
    /// What the locked capital costs.
    pub capital_cost: U256,
    /// The load for scarce capacity, and what rounding adds.
    pub load: U256,
    /// Capital that the cover locks.
    pub locked: U256,
}

impl Pricing {
    /// The premium of `sale`; all in all rounded up once.
    ///
    /// # Errors
    /// [`Overflow`](crate::Overflow).
    pub fn premium(&self, sale: &Sale) -> Result<Premium> {
        // The three parts in units of 1e−18 of the asset's smallest unit.
        let margin = mul_div_up(sale.rate, self.margin_bps, BPS)?;
        let pure = mul_div_up(mul(sale.cover, margin)?, sale.term, YEAR)?;
        let locked = mul_div_up(mul(sale.cover, WAD)?, self.capital_factor_bps, BPS)?;
        let at_risk = locked.saturating_sub(pure);
        let capital_cost = mul_div_up(wad_up(at_risk, self.cost_of_capital)?, sale.term, YEAR)?;
        let area = sub(
            self.curve.area_down(add(sale.before, sale.cover)?, sale.capacity)?,
            self.curve.area_down(sale.before, sale.capacity)?,
        )?;
        let load = mul_div_up(area, sale.term, YEAR)?;

        let net = div_up(add(add(pure, capital_cost)?, load)?, WAD)?;
        let (pure, capital_cost) = (div_down(pure, WAD)?, div_down(capital_cost, WAD)?);
        let load = sub(sub(net, pure)?, capital_cost)?;
        Ok(Premium { net: net.max(self.minimum), pure, capital_cost, load, locked: div_up(locked, WAD)? })
    }
}

/// The part of a loss that a policy compensates, in basis points: 1 − coinsurance, where coinsurance rises with the
/// loss rate, min(base + slope · rate, max), rounded up. A slope of 20,000 is two for each unit of rate.
///
/// # Errors
/// [`Overflow`](crate::Overflow); also where `max_bps` is above 10,000.
pub fn compensation_bps(rate: U256, base_bps: U256, slope_bps: U256, max_bps: U256) -> Result {
    let coinsurance = add(base_bps, wad_up(slope_bps, rate)?)?.min(max_bps);
    sub(BPS, coinsurance)
}
