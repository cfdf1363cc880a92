//! What a portfolio may lose in a year: the distribution of its aggregate loss, on a grid.
//!
//! The individual risk model with a common shock in each group. A risk key fails within the year with probability p
//! and then loses L, or loses nothing. The keys of one group share a shock that comes with probability s: with it each
//! key fails with q₁, without it with q₀, independently of the others. Groups are independent of each other. For the
//! correlation ρ between every two keys of a group, and m its likeliest key,
//!
//! ```text
//! s ÷ (1 − s) = ρ · pₘ ÷ (1 − pₘ)
//! q₀ = p − min(p, ρ · √(p · (1 − p) · pₘ ÷ (1 − pₘ)))          q₁ = q₀ + (p − q₀) ÷ s
//! ```
//!
//! Each key's p is kept exactly, and the likeliest key fails in every shock. Since the conditional probabilities of a
//! pair differ by Δ and Δ′, its covariance is s(1 − s)ΔΔ′, which is ρ·√(p(1 − p)p′(1 − p′)). A key that is so much
//! less likely than m that q₀ would be negative (its odds below ρ² times m's) has the most correlation that p admits.
//! (Klugman, Panjer, Willmot, *Loss Models*, on the individual risk model and its recursion; Lindskog, McNeil, *Common
//! Poisson shock models*, and every mixture model of credit risk for the rest.)
//!
//! The grid has the distribution so far; a key moves what fails up by its loss: one multiplication a point, never grid
//! by grid. A group splits the grid into its part without the shock and its part with it, and adds them again:
//!
//! ```text
//! F ← (1 − s)·F ∗ A + s·F ∗ B
//! ```
//!
//! Masses are in units of 2⁻⁶³. What is moved is taken from where it was, so they always add up to one exactly, without
//! an error in the last place. Everything is rounded towards larger losses: losses up to the grid, probabilities and
//! moved masses up to the next unit. The last point is the largest loss there is; what the rounded losses of many keys
//! would carry beyond it stays there.

use alloy_primitives::U256;

use crate::{
    Overflow,
    math::{BPS, Result, WAD, add, div_up, mul, mul_div_down, mul_div_up, sqrt_down, sub, to_u64, to_u128},
};

/// A certainty: 2⁶³ units of mass.
pub const ONE: u64 = 1 << 63;

const ONE_WORD: U256 = U256::from_limbs([ONE, 0, 0, 0]);

/// A risk key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Key {
    /// What it loses where it fails.
    pub loss: u128,
    /// That it fails within the year, of [`ONE`].
    pub probability: u64,
}

impl Key {
    /// A key of `exposure` with an expected loss of `rate` (WAD a year for a unit of it) that takes `severity_bps` of
    /// the exposure where it fails. Both are rounded up; where the rate is beyond the severity, failing is certain.
    ///
    /// # Errors
    /// [`Overflow`] for a severity that is not from 1 to 10,000.
    pub fn new(exposure: u128, rate: U256, severity_bps: u16) -> Result<Self> {
        let severity = U256::from(severity_bps);
        if severity.is_zero() || severity > BPS {
            return Err(Overflow);
        }
        let loss = to_u128(mul_div_up(U256::from(exposure), severity, BPS)?)?;
        let certain = mul(WAD, severity)?;
        let scaled = rate.checked_mul(BPS).unwrap_or(certain).min(certain);
        let probability = to_u64(mul_div_up(scaled, ONE_WORD, certain)?)?;
        Ok(Self { loss, probability })
    }
}

/// The shock of a group: how likely it is, and what it takes to share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shock {
    /// That it comes, of [`ONE`].
    pub probability: u64,
    correlation: U256,
    likeliest: U256,
}

impl Shock {
    /// The shock that gives every two keys a correlation of `correlation_bps`, where `likeliest` is the largest of
    /// their probabilities below [`ONE`].
    ///
    /// # Errors
    /// [`Overflow`] for a correlation above 10,000 or a probability of one or more.
    pub fn new(correlation_bps: u16, likeliest: u64) -> Result<Self> {
        let (correlation, likeliest) = (U256::from(correlation_bps), U256::from(likeliest));
        if correlation > BPS || likeliest >= ONE_WORD {
            return Err(Overflow);
        }
        let odds = mul(correlation, likeliest)?;
        let all = add(mul(BPS, sub(ONE_WORD, likeliest)?)?, odds)?;
        Ok(Self { probability: to_u64(mul_div_up(odds, ONE_WORD, all)?)?, correlation, likeliest })
    }

    /// That a key of `probability` fails without the shock, and with it.
    ///
    /// # Errors
    /// [`Overflow`] for a probability above [`ONE`].
    pub fn conditional(&self, probability: u64) -> Result<(u64, u64)> {
        if probability >= ONE || self.probability == 0 {
            return if probability > ONE { Err(Overflow) } else { Ok((probability, probability)) };
        }
        let p = U256::from(probability);
        let variance = mul(p, sub(ONE_WORD, p)?)?;
        let root = sqrt_down(mul_div_down(variance, self.likeliest, sub(ONE_WORD, self.likeliest)?)?);
        let shared = mul_div_down(root, self.correlation, BPS)?.min(p);
        let without = sub(p, shared)?;
        let more = mul_div_up(shared, ONE_WORD, U256::from(self.probability))?;
        Ok((to_u64(without)?, to_u64(add(without, more)?.min(ONE_WORD))?))
    }
}

/// The distribution of what the keys lose that were added so far.
#[derive(Debug)]
pub struct Grid<'a> {
    masses: &'a mut [u64],
    /// The part under a group's shock; zero between groups.
    shocked: &'a mut [u64],
    step: u128,
    largest: u128,
    /// What the keys to come may lose together.
    left: u128,
    /// The point of the largest loss.
    last: usize,
    /// The last point that anything may be at.
    used: usize,
}

/// What a distribution says at one level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// The least loss that is not exceeded with the level's probability.
    pub value_at_risk: u128,
    /// The mean of the worst losses, as many as the level leaves; at least the value at risk. Rounded up.
    pub expected_shortfall: u128,
}

impl<'a> Grid<'a> {
    /// A grid for keys that lose `largest` together at most: as many points as `masses` has, from zero to `largest`.
    /// `scratch` is as long as `masses`; what both hold does not matter.
    ///
    /// # Errors
    /// [`Overflow`] for fewer than two points or a scratch of another length.
    pub fn new(masses: &'a mut [u64], scratch: &'a mut [u64], largest: u128) -> Result<Self> {
        if masses.len() < 2 || masses.len() != scratch.len() {
            return Err(Overflow);
        }
        masses.fill(0);
        scratch.fill(0);
        masses[0] = ONE;
        let step = largest.div_ceil(masses.len() as u128 - 1).max(1);
        let last = largest.div_ceil(step) as usize; // at most as many steps as there are points but one
        Ok(Self { masses, shocked: scratch, step, largest, left: largest, last, used: 0 })
    }

    /// The distance of two points.
    #[must_use]
    pub const fn step(&self) -> u128 {
        self.step
    }

    /// The probabilities of the points, in units of 2⁻⁶³: their sum is [`ONE`].
    #[must_use]
    pub fn masses(&self) -> &[u64] {
        self.masses
    }

    /// The loss that a point stands for.
    #[must_use]
    pub fn value(&self, point: usize) -> u128 {
        if point < self.last { self.step * point as u128 } else { self.largest }
    }

    /// Adds the keys of one group, of which every two are correlated by `correlation_bps`.
    ///
    /// # Errors
    /// [`Overflow`] for a correlation above 10,000, a probability above [`ONE`], or keys that lose more together than
    /// the largest; the grid is of no use then.
    pub fn add_group(&mut self, correlation_bps: u16, keys: &[Key]) -> Result<()> {
        for key in keys {
            self.left = self.left.checked_sub(key.loss).filter(|_| key.probability <= ONE).ok_or(Overflow)?;
        }
        let uncertain = keys.iter().map(|key| key.probability).filter(|p| *p < ONE);
        let shock = Shock::new(correlation_bps, uncertain.max().unwrap_or(0))?;
        if shock.probability == 0 || keys.len() < 2 {
            for key in keys {
                let points = self.points(key.loss);
                convolve(&mut self.masses[..=self.last], self.used, points, key.probability);
                self.grow(points);
            }
            return Ok(());
        }
        for (mass, shocked) in self.masses.iter_mut().zip(self.shocked.iter_mut()).take(self.used + 1) {
            *shocked = part(*mass, shock.probability);
            *mass -= *shocked;
        }
        for key in keys {
            let points = self.points(key.loss);
            let (without, with) = shock.conditional(key.probability)?;
            convolve(&mut self.masses[..=self.last], self.used, points, without);
            convolve(&mut self.shocked[..=self.last], self.used, points, with);
            self.grow(points);
        }
        for (mass, shocked) in self.masses.iter_mut().zip(self.shocked.iter_mut()).take(self.used + 1) {
            *mass += *shocked;
            *shocked = 0;
        }
        Ok(())
    }

    /// How many points a loss is, rounded up.
    fn points(&self, loss: u128) -> usize {
        loss.div_ceil(self.step) as usize
    }

    fn grow(&mut self, points: usize) {
        self.used = (self.used + points).min(self.last);
    }

    /// The mean loss, rounded up.
    ///
    /// # Errors
    /// None that can happen.
    pub fn mean(&self) -> Result<u128> {
        to_u128(div_up(self.sum_from(0)?, ONE_WORD)?)
    }

    /// Σ mass · value over the points from `first` on.
    fn sum_from(&self, first: usize) -> Result {
        let inner = self.masses.iter().enumerate().take(self.last).skip(first);
        // Below the mass of one times the number of points.
        let steps: u128 = inner.map(|(point, mass)| u128::from(*mass) * point as u128).sum();
        let end = if first <= self.last { self.masses[self.last] } else { 0 };
        add(mul(U256::from(steps), U256::from(self.step))?, mul(U256::from(end), U256::from(self.largest))?)
    }

    /// The probability, in WAD and rounded up, that more than `assets` is lost.
    ///
    /// # Errors
    /// None that can happen.
    pub fn ruin(&self, assets: u128) -> Result<u64> {
        let points = self.masses.iter().enumerate().take(self.used + 1);
        let beyond: u64 = points.filter(|(point, _)| self.value(*point) > assets).map(|(_, mass)| *mass).sum();
        to_u64(mul_div_up(U256::from(beyond), WAD, ONE_WORD)?)
    }

    /// Value at risk and expected shortfall at `level_bps` (9,950 is 99.5 %).
    ///
    /// # Errors
    /// [`Overflow`] for a level that is not from 1 to 9,999.
    pub fn tail(&self, level_bps: u16) -> Result<Tail> {
        if level_bps == 0 || level_bps >= 10_000 {
            return Err(Overflow);
        }
        // in 10,000ths of a unit of mass
        let allowed = u128::from(10_000 - level_bps) * u128::from(ONE);
        let (mut point, mut beyond) = (self.used, 0);
        while point > 0 {
            let with = beyond + u128::from(self.masses[point]) * 10_000;
            if with > allowed {
                break;
            }
            (point, beyond) = (point - 1, with);
        }
        let value_at_risk = self.value(point);
        let worse = mul(self.sum_from(point + 1)?, BPS)?;
        let rest = mul(U256::from(allowed - beyond), U256::from(value_at_risk))?;
        let expected_shortfall = to_u128(div_up(add(worse, rest)?, U256::from(allowed))?)?;
        Ok(Tail { value_at_risk, expected_shortfall })
    }
}

/// `mass` times a probability, rounded up; at most `mass`.
#[inline]
fn part(mass: u64, probability: u64) -> u64 {
    let product = u128::from(mass) * u128::from(probability);
    ((product + u128::from(ONE - 1)) >> 63) as u64
}

/// Moves a part of every mass up by `points`; what would pass the last point stays at it.
fn convolve(masses: &mut [u64], used: usize, points: usize, probability: u64) {
    if points == 0 || probability == 0 {
        return;
    }
    let last = masses.len() - 1;
    // From the top down, so that nothing is moved twice.
    for from in (0..=used.min(last)).rev() {
        let mass = masses[from];
        if mass != 0 {
            let moved = part(mass, probability);
            masses[from] = mass - moved;
            masses[(from + points).min(last)] += moved;
        }
    }
}
