//! Five thousand simulated years: premiums pay for losses, and the required capital survives what they do not.
//!
//! Forty risk keys in four groups, in two models. The first is like the record: incidents come as a Poisson process; in
//! a group one in four draws in its neighbours; severity is a Pareto distribution with α = 1.33, the exponent fitted to
//! recorded losses, capped at the whole cover. The second one has closed forms for all that is asked of it, and what
//! is simulated may differ from them by five standard errors, no more. The generator is seeded: the tests are the same
//! everywhere.

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

/// So many standard errors may lie between what is simulated and its closed form: beyond lies one normal variable in
/// 1.7 million.
const ERRORS: f64 = 5.0;

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
    // The estimate is the mean of a thousand other years, pulled to the prior by its credibility. The difference of two
    // means of 1,000 and 5,000 years has the standard error σ·√(1/1,000 + 1/5,000).
    let pure: f64 = f64::from(rate) / 1e18 * whole;
    let variance = years.iter().map(|losses| (losses - mean).powi(2)).sum::<f64>() / (YEARS - 1) as f64;
    let error = (variance * (1.0 / 1_000.0 + 1.0 / YEARS as f64)).sqrt();
    let pull = 15.0 * COVER / (1_000.0 * whole) * (0.026 * whole - mean).abs();
    assert!((mean - pure).abs() <= ERRORS * error + pull, "mean losses {mean}, expected {pure} ± {error}");
    // Losses beyond premiums do happen.
    assert!(years.iter().any(|losses| *losses > premiums));
}

// ————————————————————————————————————————————————————————————————————————————————————— a model with closed forms

/// In a year a group has a shock or none; its keys then fail independently of each other. Severity is uniform on the
/// cover, or all of it.
#[derive(Clone, Copy)]
struct Shocks {
    shock: f64,
    /// How likely a key is to fail without and with a shock.
    fails: [f64; 2],
    whole: bool,
}

/// Raw moments 1 to 4 as cumulants.
fn cumulants([m1, m2, m3, m4]: [f64; 4]) -> [f64; 4] {
    [
        m1,
        m2 - m1 * m1,
        m3 - 3.0 * m2 * m1 + 2.0 * m1.powi(3),
        m4 - 4.0 * m3 * m1 - 3.0 * m2 * m2 + 12.0 * m2 * m1 * m1 - 6.0 * m1.powi(4),
    ]
}

/// Cumulants 1 to 4 as raw moments.
fn moments([k1, k2, k3, k4]: [f64; 4]) -> [f64; 4] {
    [
        k1,
        k2 + k1 * k1,
        k3 + 3.0 * k2 * k1 + k1.powi(3),
        k4 + 4.0 * k3 * k1 + 3.0 * k2 * k2 + 6.0 * k2 * k1 * k1 + k1.powi(4),
    ]
}

impl Shocks {
    /// How likely each of the two states of a group is.
    fn states(&self) -> [f64; 2] {
        [1.0 - self.shock, self.shock]
    }

    /// Moments of one severity, in covers.
    fn severities(&self) -> [f64; 4] {
        if self.whole { [1.0; 4] } else { [1.0 / 2.0, 1.0 / 3.0, 1.0 / 4.0, 1.0 / 5.0] }
    }

    /// Mean, variance and fourth central moment of a year's losses, in covers. Independent sums add their cumulants,
    /// the two states of a group mix their moments.
    fn year(&self) -> (f64, f64, f64) {
        let mut group = [0.0; 4];
        for (state, fails) in self.states().into_iter().zip(self.fails) {
            let key = cumulants(self.severities().map(|moment| fails * moment));
            let keys = moments(key.map(|cumulant| KEYS as f64 * cumulant));
            for (sum, moment) in group.iter_mut().zip(keys) {
                *sum += state * moment;
            }
        }
        let [mean, variance, _, excess] = cumulants(group).map(|cumulant| GROUPS as f64 * cumulant);
        (mean, variance, excess + 3.0 * variance * variance)
    }

    /// Variance of one key's losses, and how the losses of two in a group are correlated.
    fn key(&self) -> (f64, f64) {
        let mix =
            |of: &dyn Fn(f64) -> f64| -> f64 { self.states().iter().zip(self.fails).map(|(s, p)| s * of(p)).sum() };
        let [first, second, ..] = self.severities();
        let fails = mix(&|p| p);
        let variance = fails * second - (fails * first).powi(2);
        let covariance = first * first * (mix(&|p| p * p) - fails * fails);
        (variance, covariance / variance)
    }

    /// How likely each number of failed keys is: a mixture of two binomials for a group, convolved over the groups.
    fn failures(&self) -> Vec<f64> {
        let mut group = vec![0.0; KEYS + 1];
        for (state, fails) in self.states().into_iter().zip(self.fails) {
            let mut binomial = vec![1.0];
            for _ in 0..KEYS {
                binomial = convolve(&binomial, &[1.0 - fails, fails]);
            }
            for (sum, mass) in group.iter_mut().zip(binomial) {
                *sum += state * mass;
            }
        }
        (0..GROUPS).fold(vec![1.0], |all, _| convolve(&all, &group))
    }

    fn simulate(&self, random: &mut Random) -> f64 {
        let mut losses = 0.0;
        for _ in 0..GROUPS {
            let fails = self.fails[usize::from(random.unit() < self.shock)];
            for _ in 0..KEYS {
                let (failed, severity) = (random.unit() < fails, random.unit());
                losses += f64::from(u8::from(failed)) * if self.whole { 1.0 } else { severity };
            }
        }
        losses
    }
}

fn convolve(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0; a.len() + b.len() - 1];
    for (i, x) in a.iter().enumerate() {
        for (j, y) in b.iter().enumerate() {
            sums[i + j] += x * y;
        }
    }
    sums
}

const SHOCKS: Shocks = Shocks { shock: 0.1, fails: [0.01, 0.3], whole: false };

/// The losses of 5,000 years, in covers.
fn simulated(shocks: &Shocks, seed: u64) -> Vec<f64> {
    let mut random = Random(seed);
    (0..YEARS).map(|_| shocks.simulate(&mut random)).collect()
}

#[test]
fn five_thousand_years_have_the_mean_and_the_variance_of_the_closed_form() {
    let n = YEARS as f64;
    for (seed, shocks) in [(1, SHOCKS), (2, Shocks { whole: true, ..SHOCKS }), (3, Shocks { shock: 0.0, ..SHOCKS })] {
        let years = simulated(&shocks, seed);
        let mean = years.iter().sum::<f64>() / n;
        let variance = years.iter().map(|losses| (losses - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let (expected, square, fourth) = shocks.year();
        // σ/√n, and the standard error of a sample's variance: √((μ₄ − σ⁴·(n−3)/(n−1)) / n)
        let of_mean = (square / n).sqrt();
        let of_variance = ((fourth - square * square * (n - 3.0) / (n - 1.0)) / n).sqrt();
        assert!((mean - expected).abs() <= ERRORS * of_mean, "mean {mean}, not {expected} ± {of_mean}");
        assert!((variance - square).abs() <= ERRORS * of_variance, "{variance}, not {square} ± {of_variance}");
    }
}

/// The requirement of covers of one with the correlation of the model, in standard deviations of one key, is the
/// standard deviation of all.
#[test]
fn the_required_capital_is_the_spread_of_five_thousand_years() {
    for (seed, shocks) in [(4, SHOCKS), (5, Shocks { whole: true, ..SHOCKS }), (6, Shocks { shock: 0.5, ..SHOCKS })] {
        let (of_key, correlation) = shocks.key();
        let basis_points = (correlation * 10_000.0).round();
        let mut group = Group::default();
        for _ in 0..KEYS {
            group = group.replace(U256::ZERO, U256::from(COVER)).unwrap();
        }
        let squared = group.requirement_squared(U256::from(basis_points)).unwrap() * U256::from(GROUPS);
        let required = (f64::from(requirement(squared)) / COVER).powi(2) * of_key;
        // Exactly so, but for half a basis point of the correlation: of (Σx)² − Σx² in each group.
        let (_, square, fourth) = shocks.year();
        let rounding = 0.000_05 * (GROUPS * (KEYS * KEYS - KEYS)) as f64 * of_key;
        assert!((required - square).abs() <= rounding + 1e-9, "{required}, not {square} ± {rounding}");
        // And so 5,000 years say.
        let (n, years) = (YEARS as f64, simulated(&shocks, seed));
        let mean = years.iter().sum::<f64>() / n;
        let variance = years.iter().map(|losses| (losses - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let error = ((fourth - square * square * (n - 3.0) / (n - 1.0)) / n).sqrt();
        assert!((variance - required).abs() <= ERRORS * error + rounding, "{variance}, not {required} ± {error}");
    }
}

/// How often premiums, and capital beside them, pay for a year: the frequency in 5,000 years against the probability,
/// for every amount whose probability p has n·p·(1−p) of at least 25, so that the frequency is near normal.
#[test]
fn losses_are_paid_in_as_many_of_five_thousand_years_as_their_distribution_says() {
    let shocks = Shocks { whole: true, ..SHOCKS };
    let (n, years, masses) = (YEARS as f64, simulated(&shocks, 7), shocks.failures());
    assert!((masses.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    let mean: f64 = masses.iter().enumerate().map(|(failed, mass)| failed as f64 * mass).sum();
    assert!((mean - shocks.year().0).abs() < 1e-12);
    let mut tested = 0;
    let mut paid = 0.0;
    for (failed, mass) in masses.iter().enumerate() {
        paid += mass;
        let spread = paid * (1.0 - paid);
        if n * spread < 25.0 {
            continue;
        }
        let often = years.iter().filter(|losses| **losses <= failed as f64 + 0.5).count() as f64 / n;
        let error = (spread / n).sqrt();
        assert!((often - paid).abs() <= ERRORS * error, "{failed}: {often}, not {paid} ± {error}");
        tested += 1;
    }
    assert!(tested >= 8, "{tested} amounts");
}

/// r̂ after n years is (Σ losses + K·r₀) ÷ (n·cover + K): its mean and its spread follow from those of a year.
#[test]
fn the_estimate_of_five_thousand_years_is_as_near_the_true_rate_as_it_must_be() {
    let whole = COVER * (GROUPS * KEYS) as f64;
    let (mean, square, _) = SHOCKS.year();
    let n = YEARS as f64;
    for (seed, credibility) in [(8, 0.0), (9, 100.0 * whole), (10, n * whole)] {
        let losses = simulated(&SHOCKS, seed).iter().sum::<f64>() * COVER;
        let prior = Prior {
            rate: U256::from(100_000_000_000_000_000u64), // 10 %
            credibility: U256::from(credibility),
            min: U256::ZERO,
            max: WAD,
        };
        let rate = f64::from(prior.estimate(U256::from(losses), U256::from(n * whole)).unwrap()) / 1e18;
        let weight = n * whole + credibility;
        let expected = (n * mean * COVER + credibility * 0.1) / weight;
        let error = (n * square).sqrt() * COVER / weight;
        assert!((rate - expected).abs() <= ERRORS * error, "{rate}, not {expected} ± {error}");
    }
}
