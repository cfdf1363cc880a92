//! Five thousand simulated years: premiums pay for losses, and the required capital survives what they do not.
//!
//! Forty risk keys in four groups. Incidents come as a Poisson process; in a group one in four draws in its
//! neighbours. Severity is a Pareto distribution with α = 1.33, the exponent fitted to recorded losses, capped at the
//! whole cover. The generator is seeded: the test is the same everywhere.

use actuary::{
    capital::{Group, requirement},
    credibility::Prior,
    curve::Curve,
    math::{BPS, WAD, YEAR},
    premium::{Pricing, Sale},
};
use alloy_primitives::U256;

const YEARS: usize = 5_000;
const GROUPS: usize = 4;
const KEYS: usize = 10;
/// Cover on each key.
const COVER: f64 = 1e12;
/// Own incidents of a key in a year.
const FREQUENCY: f64 = 0.025;
/// What part of an incident's severity reaches each neighbour, where it spreads.
const CONTAGION: f64 = 0.5;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Knuth's method, for small means.
    fn poisson(&mut self, mean: f64) -> usize {
        let limit = (-mean).exp();
        let mut product = self.unit();
        let mut count = 0;
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// Loss as a part of the cover: Pareto from 5 %, capped at all of it.
    fn severity(&mut self) -> f64 {
        (0.05 * self.unit().powf(-1.0 / 1.33)).min(1.0)
    }
}

/// Losses of one year.
fn year(random: &mut Random) -> f64 {
    let mut losses = 0.0;
    for _ in 0..GROUPS {
        let mut lost = [0.0f64; KEYS];
        for key in 0..KEYS {
            for _ in 0..random.poisson(FREQUENCY) {
                let severity = random.severity();
                lost[key] += severity;
                if random.unit() < 0.25 {
                    for (_, other) in lost.iter_mut().enumerate().filter(|(other, _)| *other != key) {
                        *other += CONTAGION * severity * random.unit();
                    }
                }
            }
        }
        losses += lost.iter().map(|part| part.min(1.0) * COVER).sum::<f64>();
    }
    losses
}

#[test]
fn premiums_pay_for_losses_and_required_capital_for_the_rest() {
    let whole = COVER * (GROUPS * KEYS) as f64;
    // The estimate learns from a first life of the portfolio.
    let mut random = Random(20_230_311);
    let history: f64 = (0..1_000).map(|_| year(&mut random)).sum();
    let prior = Prior {
        rate: U256::from(26_000_000_000_000_000u64),
        credibility: U256::from(15.0 * COVER),
        min: U256::ZERO,
        max: WAD,
    };
    let rate = prior.estimate(U256::from(history), U256::from(1_000.0 * whole)).unwrap();

    let percent = |n: u64| U256::from(n) * WAD / U256::from(100);
    let pricing = Pricing {
        margin_bps: U256::from(12_000),
        capital_factor_bps: BPS,
        cost_of_capital: percent(6),
        curve: Curve { base: U256::ZERO, kink: percent(80), kink_rate: percent(2), full_rate: percent(30) },
        minimum: U256::ZERO,
    };
    let sale =
        Sale { cover: U256::from(whole), term: YEAR, rate, before: U256::ZERO, capacity: U256::from(whole * 1.25) };
    let premiums: f64 = pricing.premium(&sale).unwrap().net.into();

    let mut group = Group::default();
    for _ in 0..KEYS {
        group = group.replace(U256::ZERO, U256::from(COVER)).unwrap();
    }
    let squared = group.requirement_squared(U256::from(2_500)).unwrap();
    let capital: f64 = requirement(squared * U256::from(GROUPS)).into();

    let years: Vec<f64> = (0..YEARS).map(|_| year(&mut random)).collect();
    let paid = years.iter().filter(|losses| **losses <= premiums).count();
    let ruined = years.iter().filter(|losses| **losses > premiums + capital).count();
    let mean = years.iter().sum::<f64>() / YEARS as f64;
    assert!(paid * 100 >= YEARS * 95, "premiums pay for {paid} of {YEARS} years");
    assert!(ruined * 1_000 <= YEARS * 5, "ruined in {ruined} of {YEARS} years");
    // The estimate is no caricature of what happens, and losses beyond premiums do happen.
    let pure: f64 = f64::from(rate) / 1e18 * whole;
    assert!((0.9..1.1).contains(&(mean / pure)), "mean losses {mean}, expected {pure}");
    assert!(years.iter().any(|losses| *losses > premiums));
}
