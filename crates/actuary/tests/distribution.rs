//! The aggregate loss against every outcome, against simulated years, and against its own laws.

use actuary::{
    Overflow,
    distribution::{Grid, Key, ONE, Shock},
    math::WAD,
};
use alloy_primitives::U256;
use proptest::prelude::*;

type Groups = Vec<(u16, Vec<Key>)>;

/// A grid as it is asked: its masses, its values, and itself for the rest.
fn with_grid<T>(points: usize, groups: &Groups, ask: impl FnOnce(&Grid<'_>) -> T) -> T {
    let (mut masses, mut scratch) = (vec![7; points], vec![9; points]);
    let total = groups.iter().flat_map(|(_, keys)| keys).map(|key| key.loss).sum();
    let mut grid = Grid::new(&mut masses, &mut scratch, total).unwrap();
    for (correlation, keys) in groups {
        grid.add_group(*correlation, keys).unwrap();
    }
    ask(&grid)
}

fn key(loss: u128, probability: f64) -> Key {
    Key { loss, probability: (probability * ONE as f64) as u64 }
}

fn chance(probability: u64) -> f64 {
    probability as f64 / ONE as f64
}

/// The model in floating point, from its definition: (s, q₀ and q₁ of each key).
fn model(correlation_bps: u16, keys: &[Key]) -> (f64, Vec<(f64, f64)>) {
    let rho = f64::from(correlation_bps) / 1e4;
    let odds = |p: f64| p / (1.0 - p);
    let likeliest = keys.iter().map(|key| chance(key.probability)).filter(|p| *p < 1.0).fold(0.0, f64::max);
    let shock = rho * odds(likeliest) / (1.0 + rho * odds(likeliest));
    let conditional = keys.iter().map(|key| {
        let p = chance(key.probability);
        if p >= 1.0 || shock == 0.0 {
            return (p, p);
        }
        let shared = (rho * (p * (1.0 - p) * odds(likeliest)).sqrt()).min(p);
        (p - shared, (p - shared + shared / shock).min(1.0))
    });
    (shock, conditional.collect())
}

/// Every outcome of one group: (which keys fail, how probable that is).
fn outcomes(correlation_bps: u16, keys: &[Key]) -> Vec<(usize, f64)> {
    let (shock, conditional) = model(correlation_bps, keys);
    let product = |set: usize, with: bool| -> f64 {
        let each = conditional.iter().enumerate().map(|(index, (without, shocked))| {
            let q = if with { *shocked } else { *without };
            if set >> index & 1 == 1 { q } else { 1.0 - q }
        });
        each.product()
    };
    (0..1 << keys.len()).map(|set| (set, (1.0 - shock) * product(set, false) + shock * product(set, true))).collect()
}

fn lost(keys: &[Key], set: usize) -> u128 {
    keys.iter().enumerate().filter(|(index, _)| set >> index & 1 == 1).map(|(_, key)| key.loss).sum()
}

/// Every loss that the portfolio can have, and how probable it is: all outcomes of all groups.
fn every_loss(groups: &Groups) -> Vec<(u128, f64)> {
    let mut all = vec![(0, 1.0)];
    for (correlation, keys) in groups {
        let group: Vec<_> =
            outcomes(*correlation, keys).into_iter().map(|(set, chance)| (lost(keys, set), chance)).collect();
        all = all
            .iter()
            .flat_map(|(loss, chance)| group.iter().map(move |(more, other)| (loss + more, chance * other)))
            .collect();
    }
    all
}

fn a_key() -> impl Strategy<Value = Key> {
    (0u128..40, prop_oneof![0..=ONE, 0..=ONE / 32, Just(0), Just(ONE)])
        .prop_map(|(loss, probability)| Key { loss, probability })
}

fn a_group(keys: core::ops::Range<usize>) -> impl Strategy<Value = (u16, Vec<Key>)> {
    (prop_oneof![0u16..=10_000, Just(0), Just(10_000)], proptest::collection::vec(a_key(), keys))
}

fn a_portfolio() -> impl Strategy<Value = Groups> {
    proptest::collection::vec(a_group(0..5), 0..4)
}

/// A key of any size.
fn any_key() -> impl Strategy<Value = Key> {
    (0u128..1 << 100, 0..=ONE).prop_map(|(loss, probability)| Key { loss, probability })
}

#[test]
fn probabilities_of_halves_are_exact_to_the_last_unit() {
    // Twelve independent keys, each of which fails with 1/4, 1/2 or 3/4: all products are whole units of mass.
    let keys: Vec<_> =
        (0..12).map(|index| Key { loss: 1 + index % 5, probability: ONE / 4 * (1 + index as u64 % 3) }).collect();
    let total: u128 = keys.iter().map(|key| key.loss).sum();
    let mut expected = vec![0u64; total as usize + 1];
    for set in 0..1usize << keys.len() {
        // in units of 4⁻¹²
        let weight: u64 = (0..keys.len())
            .map(|index| {
                let quarters = keys[index].probability / (ONE / 4);
                if set >> index & 1 == 1 { quarters } else { 4 - quarters }
            })
            .product();
        expected[lost(&keys, set) as usize] += weight * (ONE >> 24);
    }
    with_grid(expected.len(), &vec![(0, keys)], |grid| {
        assert_eq!(grid.step(), 1);
        assert_eq!(grid.masses(), expected);
    });
}

#[test]
fn keys_that_are_fully_correlated_fail_together_or_not_at_all() {
    let keys = vec![Key { loss: 3, probability: ONE / 8 }; 5];
    with_grid(16, &vec![(10_000, keys)], |grid| {
        let mut expected = [0; 16];
        (expected[0], expected[15]) = (ONE / 8 * 7, ONE / 8);
        assert_eq!(grid.masses(), expected);
    });
}

#[test]
fn a_shock_gives_every_two_keys_the_correlation_that_was_asked_for() {
    for (correlation, probabilities) in [
        (5_000, vec![0.01, 0.01, 0.01]),
        (2_500, vec![0.008, 0.026, 0.04, 0.007]),
        (7_000, vec![0.3, 0.4]),
        (100, vec![0.9, 0.5]),
        (10_000, vec![0.026; 4]),
    ] {
        let keys: Vec<_> = probabilities.iter().map(|p| key(1, *p)).collect();
        let likeliest = keys.iter().map(|key| key.probability).max().unwrap();
        let shock = Shock::new(correlation, likeliest).unwrap();
        let s = chance(shock.probability);
        let rho = f64::from(correlation) / 1e4;
        for (index, one) in keys.iter().enumerate() {
            let (p, [without, with]) = (probabilities[index], conditional(&shock, one));
            assert!(((1.0 - s) * without + s * with - p).abs() < 1e-15, "p is kept");
            for (other, another) in keys.iter().enumerate().skip(index + 1) {
                let (q, [other_without, other_with]) = (probabilities[other], conditional(&shock, another));
                let covariance = s * (1.0 - s) * (with - without) * (other_with - other_without);
                let is = covariance / (p * (1.0 - p) * q * (1.0 - q)).sqrt();
                assert!((is - rho).abs() < 1e-9, "{correlation}: {is}");
            }
        }
    }
}

fn conditional(shock: &Shock, key: &Key) -> [f64; 2] {
    let (without, with) = shock.conditional(key.probability).unwrap();
    [chance(without), chance(with)]
}

#[test]
fn a_key_that_is_far_less_likely_is_correlated_as_much_as_it_can_be() {
    let shock = Shock::new(5_000, ONE / 2).unwrap();
    let [without, with] = conditional(&shock, &key(1, 1e-4));
    assert_eq!(without, 0.0);
    assert!((with * chance(shock.probability) - 1e-4).abs() < 1e-15);
}

#[test]
fn rates_and_severities_become_probabilities_and_losses_that_keep_the_expected_loss() {
    let rate = U256::from(26_000_000_000_000_000u64);
    let whole = Key::new(1_000_000, rate, 10_000).unwrap();
    assert_eq!(whole.loss, 1_000_000);
    assert!((chance(whole.probability) - 0.026).abs() < 1e-15);
    let half = Key::new(1_000_000, rate, 5_000).unwrap();
    assert_eq!(half.loss, 500_000);
    assert!((chance(half.probability) - 0.052).abs() < 1e-15);
    assert_eq!(Key::new(3, WAD, 5_000).unwrap(), Key { loss: 2, probability: ONE }, "rounded up, and certain");
    assert_eq!(Key::new(u128::MAX, U256::MAX, 10_000).unwrap(), Key { loss: u128::MAX, probability: ONE });
    assert_eq!(Key::new(1, rate, 0), Err(Overflow));
    assert_eq!(Key::new(1, rate, 10_001), Err(Overflow));
}

#[test]
fn a_distribution_without_keys_is_no_loss() {
    with_grid(2, &vec![], |grid| {
        assert_eq!(grid.masses(), [ONE, 0]);
        assert_eq!((grid.mean().unwrap(), grid.ruin(0).unwrap()), (0, 0));
        assert_eq!(grid.tail(9_950).unwrap().expected_shortfall, 0);
    });
}

#[test]
fn worked_value_at_risk_and_expected_shortfall() {
    // 100 with 1 %, 50 with 2 %: 150 with 0.02 %, 100 with 0.98 %, 50 with 1.98 %, else nothing.
    let groups = vec![(0, vec![key(100, 0.01)]), (0, vec![key(50, 0.02)])];
    with_grid(151, &groups, |grid| {
        assert_eq!(grid.step(), 1);
        let tail = |level| grid.tail(level).unwrap();
        assert_eq!((tail(9_710).value_at_risk, tail(9_890).value_at_risk), (50, 50));
        assert_eq!((tail(9_950).value_at_risk, tail(9_999).value_at_risk), (100, 150));
        // (150 · 0.02 % + 100 · 0.48 %) ÷ 0.5 % = 102
        assert_eq!(tail(9_950).expected_shortfall, 102 + 1, "rounded up, as each mass was");
        assert_eq!(grid.mean().unwrap(), 2 + 1);
        assert_eq!(grid.ruin(99).unwrap() / 1_000_000_000, 10_000_000, "1 % lose 100 or more");
        assert_eq!((grid.ruin(150).unwrap(), grid.ruin(u128::MAX).unwrap()), (0, 0));
    });
}

#[test]
fn simulated_years_agree_within_five_standard_errors() {
    const YEARS: u32 = 200_000;
    let groups: Groups = vec![
        (5_000, (0..8).map(|index| key(100 + 37 * index, 0.026)).collect()),
        (2_500, vec![key(900, 0.008), key(400, 0.04), key(250, 0.02)]),
        (0, (0..5).map(|index| key(300 + 11 * index, 0.05)).collect()),
    ];
    let total: u128 = groups.iter().flat_map(|(_, keys)| keys).map(|key| key.loss).sum();
    let models: Vec<_> = groups.iter().map(|(correlation, keys)| (keys, model(*correlation, keys))).collect();
    let mut random = Random(2026);
    let mut years = Vec::new();
    for _ in 0..YEARS {
        let mut year = 0;
        for (keys, (shock, conditional)) in &models {
            let shocked = random.unit() < *shock;
            for (key, (without, with)) in keys.iter().zip(conditional) {
                if random.unit() < if shocked { *with } else { *without } {
                    year += key.loss;
                }
            }
        }
        years.push(year);
    }
    // One point for each unit, so that nothing but chance is between the two.
    with_grid(total as usize + 1, &groups, |grid| {
        let n = f64::from(YEARS);
        for assets in [0, 99, 250, 500, 899, 1_000, 1_500, 2_000, 3_000] {
            let p = grid.ruin(assets).unwrap() as f64 / 1e18;
            let counted = years.iter().filter(|year| **year > assets).count() as f64 / n;
            let error = (p * (1.0 - p) / n).sqrt();
            assert!((counted - p).abs() < 5.0 * error, "more than {assets}: {counted} of the years, {p} of the mass");
        }
        let moment = |power: i32| {
            grid.masses().iter().enumerate().map(|(at, mass)| chance(*mass) * (at as f64).powi(power)).sum()
        };
        let (mean, square): (f64, f64) = (moment(1), moment(2));
        let sampled = years.iter().map(|year| *year as f64).sum::<f64>() / n;
        assert!((sampled - mean).abs() < 5.0 * ((square - mean * mean) / n).sqrt(), "{sampled} {mean}");
    });
}

#[test]
fn mean_and_variance_are_those_of_the_closed_forms() {
    let (keys, correlation) = ([(120u128, 0.026), (300, 0.03), (75, 0.02), (500, 0.028)], 4_000u16);
    let groups = vec![(correlation, keys.iter().map(|(loss, p)| key(*loss, *p)).collect::<Vec<_>>())];
    let deviation = |(loss, p): (u128, f64)| loss as f64 * (p * (1.0 - p)).sqrt();
    let mean: f64 = keys.iter().map(|(loss, p)| *loss as f64 * p).sum();
    let rho = f64::from(correlation) / 1e4;
    let squares: f64 = keys.iter().map(|key| deviation(*key).powi(2)).sum();
    let sum: f64 = keys.iter().map(|key| deviation(*key)).sum();
    // as the required capital: (1 − ρ)·Σσ² + ρ·(Σσ)²
    let variance = (1.0 - rho) * squares + rho * sum * sum;
    with_grid(996, &groups, |grid| {
        let moment = |power: i32| -> f64 {
            grid.masses().iter().enumerate().map(|(at, mass)| chance(*mass) * (at as f64).powi(power)).sum()
        };
        assert!((moment(1) - mean).abs() < 1e-11, "{} {mean}", moment(1));
        let is = moment(2) - moment(1).powi(2);
        assert!((is / variance - 1.0).abs() < 1e-9, "{is} {variance}");
    });
}

#[test]
fn what_is_out_of_bounds_is_refused() {
    let (mut masses, mut scratch) = ([0; 4], [0; 4]);
    assert!(Grid::new(&mut masses[..1], &mut scratch[..1], 5).is_err(), "one point");
    assert!(Grid::new(&mut masses, &mut scratch[..3], 5).is_err(), "scratch of another length");
    let add = |correlation, keys: &[Key]| {
        let (mut masses, mut scratch) = ([0; 4], [0; 4]);
        Grid::new(&mut masses, &mut scratch, 5).unwrap().add_group(correlation, keys)
    };
    assert_eq!(add(10_000, &[key(5, 0.5)]), Ok(()));
    assert_eq!(add(10_001, &[key(5, 0.5)]), Err(Overflow));
    assert_eq!(add(0, &[Key { loss: 5, probability: ONE + 1 }]), Err(Overflow));
    assert_eq!(add(0, &[key(6, 0.5)]), Err(Overflow));
    assert_eq!(add(0, &[key(3, 0.5), key(3, 0.5)]), Err(Overflow), "more together than the largest");
    let grid = Grid::new(&mut masses, &mut scratch, 5).unwrap();
    assert_eq!((grid.tail(0), grid.tail(10_000)), (Err(Overflow), Err(Overflow)));
    assert!(Shock::new(5_000, ONE).is_err());
    assert!(Shock::new(5_000, 1).unwrap().conditional(ONE + 1).is_err());
}

proptest! {
    #[test]
    fn a_grid_of_single_units_is_every_outcome(groups in a_portfolio()) {
        let total: u128 = groups.iter().flat_map(|(_, keys)| keys).map(|key| key.loss).sum();
        let mut expected = vec![0.0; total as usize + 2];
        for (loss, chance) in every_loss(&groups) {
            expected[loss as usize] += chance;
        }
        with_grid(expected.len(), &groups, |grid| {
            for (mass, expected) in grid.masses().iter().zip(&expected) {
                assert!((chance(*mass) - expected).abs() < 1e-9, "{} {expected}", chance(*mass));
            }
        });
    }

    #[test]
    fn twelve_keys_in_one_group_are_every_outcome(group in a_group(12..13)) {
        let groups = vec![group];
        let total: u128 = groups[0].1.iter().map(|key| key.loss).sum();
        let mut expected = vec![0.0; total as usize + 2];
        for (loss, chance) in every_loss(&groups) {
            expected[loss as usize] += chance;
        }
        with_grid(expected.len(), &groups, |grid| {
            for (mass, expected) in grid.masses().iter().zip(&expected) {
                assert!((chance(*mass) - expected).abs() < 1e-9);
            }
        });
    }

    #[test]
    fn mass_is_conserved_to_the_unit(
        groups in proptest::collection::vec((0u16..=10_000, proptest::collection::vec(any_key(), 0..20)), 0..4),
        points in 2usize..600,
    ) {
        with_grid(points, &groups, |grid| {
            assert_eq!(grid.masses().iter().map(|mass| u128::from(*mass)).sum::<u128>(), u128::from(ONE));
            assert!((0..points).all(|point| point == 0 || grid.value(point) >= grid.value(point - 1)));
            assert!(grid.mean().unwrap() <= grid.value(points - 1));
        });
    }

    #[test]
    fn a_coarse_grid_never_makes_losses_smaller(groups in a_portfolio(), points in 2usize..40, assets in 0u128..400) {
        let outcomes = every_loss(&groups);
        let keys = groups.iter().flat_map(|(_, keys)| keys).count() as u128;
        let beyond = |assets: u128| outcomes.iter().filter(|(loss, _)| *loss > assets).map(|(_, p)| p).sum::<f64>();
        with_grid(points, &groups, |grid| {
            let ruin = grid.ruin(assets).unwrap() as f64 / 1e18;
            assert!(ruin > beyond(assets) - 1e-9, "{ruin} {}", beyond(assets));
            // each key is rounded up by less than a step
            let most = assets.checked_sub(keys * grid.step()).map_or(1.0, beyond);
            assert!(ruin < most + 1e-9, "{ruin} {most}");
        });
    }

    #[test]
    fn measures_are_in_order(groups in a_portfolio(), points in 2usize..100, assets in 0u128..400, level in 1u16..9_999) {
        with_grid(points, &groups, |grid| {
            let (tail, higher) = (grid.tail(level).unwrap(), grid.tail(level + 1).unwrap());
            assert!(tail.value_at_risk <= tail.expected_shortfall);
            assert!(tail.expected_shortfall <= grid.value(points - 1));
            assert!(grid.mean().unwrap() <= tail.expected_shortfall + 1);
            assert!(tail.value_at_risk <= higher.value_at_risk && tail.expected_shortfall <= higher.expected_shortfall);
            assert!(grid.ruin(assets + 1).unwrap() <= grid.ruin(assets).unwrap());
            let left = u64::from(10_000 - level) * 100_000_000_000_000;
            assert!(grid.ruin(tail.value_at_risk).unwrap() <= left, "the level's probability is kept");
            if let Some(less) = tail.value_at_risk.checked_sub(1) {
                assert!(grid.ruin(less).unwrap() >= left, "by no smaller loss");
            }
        });
    }

    #[test]
    fn a_likelier_failure_never_makes_anything_better(
        groups in a_portfolio(), more in a_key(), less in 0..=ONE, assets in 0u128..400, points in 2usize..60,
    ) {
        let (mut better, mut worse) = (groups.clone(), groups);
        better.push((0, vec![Key { probability: more.probability.min(less), ..more }]));
        worse.push((0, vec![more]));
        let ask = |groups: &Groups| with_grid(points, groups, |grid| (grid.ruin(assets).unwrap(), grid.mean().unwrap()));
        let (better, worse) = (ask(&better), ask(&worse));
        prop_assert!(better.0 <= worse.0 && better.1 <= worse.1, "{better:?} {worse:?}");
    }

    #[test]
    fn no_input_is_worse_than_an_error(
        correlation: u16, keys in proptest::collection::vec((any::<u128>(), any::<u64>()), 0..5), largest: u128,
        points in 0usize..9, level: u16, assets: u128, rate: [u64; 4], severity: u16,
    ) {
        let keys: Vec<_> = keys.into_iter().map(|(loss, probability)| Key { loss, probability }).collect();
        let (mut masses, mut scratch) = (vec![0; points], vec![0; points]);
        if let Ok(mut grid) = Grid::new(&mut masses, &mut scratch, largest)
            && grid.add_group(correlation, &keys).is_ok()
        {
            let _ = (grid.mean().unwrap(), grid.ruin(assets).unwrap(), grid.tail(level));
        }
        if let Ok(key) = Key::new(assets, U256::from_limbs(rate), severity) {
            prop_assert!(key.probability <= ONE && key.loss <= assets);
        }
    }
}

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
}
