//! Realised variance and the impermanent loss to be expected from it, against published vectors and their own laws.

use actuary::{
    Overflow,
    math::{WAD, YEAR, mul_div_down, sqrt_down},
    variance::{expected_loss, log_return, loss_rate, range_factor, realised},
};
use alloy_primitives::U256;
use proptest::prelude::*;

const DAY: u64 = 86_400;

fn u(value: u128) -> U256 {
    U256::from(value)
}

fn float(wad: U256) -> f64 {
    f64::from(wad) / 1e18
}

#[track_caller]
fn assert_close(actual: U256, expected: f64, relative: f64) {
    let actual = float(actual);
    assert!((actual - expected).abs() <= expected.abs() * relative, "{actual} is not {expected}");
}

// ————————————————————————————————————————————————————————————————————————————————————————————————————— logarithms

#[test]
fn logarithms_of_known_ratios() {
    // ln 2, ln 3, ln 10 and ln 1.0001 (a tick) to 18 digits, rounded up
    for (before, after, expected) in [
        (1, 2, 693_147_180_559_945_310),
        (1, 3, 1_098_612_288_668_109_692),
        (10, 1, 2_302_585_092_994_045_685),
        (10_000, 10_001, 99_995_000_333_309),
        (1, 1 << 100, 69_314_718_055_994_530_942),
    ] {
        let log = log_return(u(before), u(after)).unwrap();
        assert!(log >= u(expected) && log < u(expected + 100), "ln({after}/{before}) = {log}, not {expected}");
    }
    let most = log_return(U256::ONE, U256::MAX).unwrap();
    assert_close(most, 256.0 * std::f64::consts::LN_2, 1e-12);
}

#[test]
fn a_price_of_zero_has_no_logarithm() {
    for (before, after) in [(0, 1), (1, 0), (0, 0)] {
        assert_eq!(log_return(u(before), u(after)), Err(Overflow));
    }
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————————— variance

#[test]
fn a_steady_daily_move_is_found_as_the_variance_that_it_is() {
    // up and down by 4 % each day: σ² = 365 · ln(1.04)² = 0.56146
    let (mut variance, half_life) = (U256::ZERO, 10 * DAY);
    for day in 0..400u32 {
        let (before, after) = if day % 2 == 0 { (100, 104) } else { (104, 100) };
        variance = realised(variance, u(before), u(after), DAY, half_life).unwrap();
    }
    assert_close(variance, 365.0 * 1.04f64.ln().powi(2), 1e-9);
}

#[test]
fn a_half_life_without_a_move_halves_it() {
    let variance = realised(WAD, u(7), u(7), 30 * DAY, 30 * DAY).unwrap();
    assert_eq!(variance, u(500_000_000_000_000_000));
}

#[test]
fn no_time_and_no_half_life_are_refused() {
    assert_eq!(realised(WAD, u(1), u(2), 0, DAY), Err(Overflow));
    assert_eq!(realised(WAD, u(1), u(2), DAY, 0), Err(Overflow));
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————— loss and range

#[test]
fn a_move_of_ten_percent_costs_what_the_approximation_says() {
    // one move by 10 % in a year: σ²T/8 against 1 − 2√k ÷ (1 + k), both near 0.12 %
    let log = log_return(u(100), u(110)).unwrap();
    let variance = mul_div_down(log, log, WAD).unwrap();
    let expected = expected_loss(variance, WAD, 365 * DAY).unwrap();
    assert_close(expected, 0.001_135_5, 1e-3);
    let exact = 1.0 - 2.0 * 1.1f64.sqrt() / 2.1;
    assert!((float(expected) - exact).abs() < 0.000_01, "{exact}");
}

#[test]
fn losses_of_known_variances() {
    // σ = 80 % a year, 90 days: 0.64 · 0.24658 ÷ 8 = 1.9726 %; in a range with factor 2 twice that
    let variance = u(640_000_000_000_000_000);
    assert_eq!(expected_loss(variance, WAD, 90 * DAY).unwrap(), u(19_726_027_397_260_274));
    assert_eq!(expected_loss(variance, WAD + WAD, 90 * DAY).unwrap(), u(39_452_054_794_520_548));
    assert_eq!(loss_rate(variance, WAD).unwrap(), u(80_000_000_000_000_000));
    assert_eq!(loss_rate(variance * u(1_000), WAD).unwrap(), WAD, "no more than all is lost");
}

#[test]
fn factors_of_known_ranges() {
    let unit = u(1_000_000);
    assert_eq!(range_factor(unit, u(250_000), u(4_000_000)).unwrap(), WAD + WAD, "from a quarter to four times");
    assert_close(range_factor(unit, u(800_000), u(1_250_000)).unwrap(), 9.472_135_954_999_58, 1e-12);
    let whole = range_factor(unit, U256::ZERO, U256::MAX).unwrap();
    assert!(whole >= WAD && whole < WAD + u(10), "{whole}");
    for (lower, upper) in [(1_000_001, 2_000_000), (1, 999_999), (1_000_000, 1_000_000), (2_000_000, 1)] {
        assert_eq!(range_factor(unit, u(lower), u(upper)), Err(Overflow), "{lower} to {upper}");
    }
}

#[test]
fn the_factor_turns_the_loss_of_the_whole_range_into_that_of_a_range() {
    // at twice the price: 5.7191 % of holding over the whole range, 11.4382 % in [0.25, 4]; the factor is of the value
    // at the start, so losses are compared as parts of it
    let loss = (2f64.sqrt() - 1.0).powi(2) / 2.0; // of a value of 2
    let holding = |value: f64| value * (1.0 + 2.0) / 2.0;
    assert!((loss * 2.0 / holding(2.0) - 0.057_191).abs() < 1e-6);
    let factor = float(range_factor(u(4), u(1), u(16)).unwrap());
    assert!((factor * loss / holding(1.0) - 0.114_382).abs() < 1e-6);
}

/// What a position in a range loses against holding, as a part of its value at price 1, when the price is `p`.
fn loss_in_range(p: f64, lower: f64, upper: f64) -> f64 {
    let value = |p: f64| {
        let root = p.clamp(lower, upper).sqrt();
        p * (1.0 / root - 1.0 / upper.sqrt()) + root - lower.sqrt()
    };
    let holding = p * (1.0 - 1.0 / upper.sqrt()) + 1.0 - lower.sqrt();
    (holding - value(p)) / value(1.0)
}

#[test]
fn the_expected_loss_is_an_upper_bound_of_the_mean_over_all_prices() {
    // the mean over a logarithmic normal price without drift, by Simpson's rule, for narrow and wide ranges
    for (sigma, years) in [(0.3, 0.25), (0.8, 0.25), (0.8, 1.0), (1.5, 0.5)] {
        for (lower, upper) in [(1e-12, 1e12), (0.25, 4.0), (0.8, 1.25), (0.95, 1.3)] {
            let deviation = sigma * f64::sqrt(years);
            let density = |z: f64| (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
            let at =
                |z: f64| density(z) * loss_in_range((deviation * z - deviation * deviation / 2.0).exp(), lower, upper);
            let steps = 4_000;
            let h = 20.0 / f64::from(steps);
            let weight = |i: i32| if i == 0 || i == steps { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
            let mean = (0..=steps).map(|i| weight(i) * at(f64::from(i) * h - 10.0)).sum::<f64>() * h / 3.0;

            let wad = |value: f64| U256::from((value * 1e18) as u128);
            let factor = range_factor(wad(1.0), wad(lower), wad(upper)).unwrap();
            let term = (years * 365.0 * DAY as f64) as u64;
            let expected = float(expected_loss(wad(sigma * sigma), factor, term).unwrap());
            assert!(mean <= expected + 1e-9, "σ {sigma}, {years} years, {lower} to {upper}: {mean} > {expected}");
            if lower < 1e-9 {
                let exact = 1.0 - (-sigma * sigma * years / 8.0).exp();
                assert!((mean - exact).abs() < 1e-5, "{mean} is not {exact}");
            }
        }
    }
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————————————— laws

fn word() -> impl Strategy<Value = U256> {
    (any::<[u64; 4]>(), 0usize..256).prop_map(|(limbs, shift)| U256::from_limbs(limbs) >> shift)
}

proptest! {
    #[test]
    fn nothing_panics_for_any_input(words in prop::array::uniform4(word()), elapsed: u64, half_life: u64) {
        let [a, b, c, d] = words;
        let _ = log_return(a, b);
        let _ = realised(c, a, b, elapsed, half_life);
        let _ = expected_loss(a, b, elapsed);
        let _ = loss_rate(a, b);
        let _ = range_factor(a, c, d);
    }

    #[test]
    fn what_a_bounded_variance_becomes_fits_for_every_price(
        variance: u128, before in word(), after in word(), elapsed in 1u64.., half_life in 1u64..,
    ) {
        prop_assume!(!before.is_zero() && !after.is_zero());
        prop_assert!(realised(u(variance), before, after, elapsed, half_life).is_ok());
    }

    #[test]
    fn a_logarithm_is_that_of_floating_point(before in 1u64.., after in 1u64..) {
        let log = log_return(u(before.into()), u(after.into())).unwrap();
        let expected = (after as f64).ln() - (before as f64).ln();
        prop_assert!((float(log) - expected.abs()).abs() < 1e-13, "{log} is not {expected}");
        prop_assert_eq!(log, log_return(u(after.into()), u(before.into())).unwrap());
    }

    #[test]
    fn logarithms_of_pieces_add_up(a in 1u64.., b in 1u64.., c in 1u64..) {
        let mut prices = [a, b, c].map(|price| u(price.into()));
        prices.sort_unstable();
        let [low, middle, high] = prices;
        let pieces = log_return(low, middle).unwrap() + log_return(middle, high).unwrap();
        let whole = log_return(low, high).unwrap();
        prop_assert!(pieces.abs_diff(whole) < u(200), "{pieces} is not {whole}");
    }

    #[test]
    fn variance_is_between_what_it_was_and_the_last_sample(
        variance in 0u128..1 << 100, before in 1u64.., after in 1u64.., elapsed in 1u64..1 << 32, half_life in 1u64..1 << 32,
    ) {
        let [before, after] = [before, after].map(|price| u(price.into()));
        let log = log_return(before, after).unwrap();
        let sample = actuary::math::mul_div_up(log * log, YEAR, WAD * u(elapsed.into())).unwrap();
        let next = realised(u(variance), before, after, elapsed, half_life).unwrap();
        let slack = u(4) + (u(variance).max(sample) >> 56usize); // rounding, and the error of what decays
        prop_assert!(next + slack >= u(variance).min(sample) && next <= u(variance).max(sample) + slack);
    }

    #[test]
    fn variance_rises_with_what_it_was_and_with_the_move(
        variance in 0u128..1 << 100, more in 0u128..1 << 100, price in 1u64..1 << 62, up in 0u64..1 << 60, further in 0u64..1 << 60,
        elapsed in 1u64..1 << 32, half_life in 1u64..1 << 32,
    ) {
        let (price, near) = (u(price.into()), u(u128::from(price) + u128::from(up)));
        let far = near + u(further.into());
        let base = realised(u(variance), price, near, elapsed, half_life).unwrap();
        prop_assert!(realised(u(variance) + u(more), price, near, elapsed, half_life).unwrap() >= base);
        // logarithms that differ by less than their error may come in the wrong order
        let [next, error] = [log_return(price, far).unwrap(), u(100)];
        if next >= log_return(price, near).unwrap() {
            let farther = realised(u(variance), price, far, elapsed, half_life).unwrap();
            prop_assert!(farther + error >= base);
        }
    }

    #[test]
    fn to_look_in_between_at_an_unchanged_price_adds_nothing(
        variance in 0u128..1 << 80, before in 1u64.., after in 1u64.., first in 1u64..DAY, second in 1u64..DAY,
    ) {
        let half_life = 30 * DAY;
        let [before, after] = [before, after].map(|price| u(price.into()));
        let once = realised(u(variance), before, after, first + second, half_life).unwrap();
        let still = realised(u(variance), before, before, first, half_life).unwrap();
        let twice = realised(still, before, after, second, half_life).unwrap();
        // the move came within less time, but what it adds differs by no more than two days of forgetting
        let slack = once / u(20) + u(100);
        prop_assert!(once.abs_diff(twice) <= slack, "{once} and {twice}");
    }

    #[test]
    fn the_loss_rises_with_variance_factor_and_term_and_is_never_more_than_all(
        variance in 0u128..1 << 80, factor in 0u128..1 << 80, term in 0u64..1 << 40, more in 0u128..1 << 60, longer in 0u64..1 << 32,
    ) {
        let (variance, factor, more) = (u(variance), u(factor), u(more));
        let loss = expected_loss(variance, factor, term).unwrap();
        prop_assert!(loss <= WAD);
        prop_assert!(expected_loss(variance + more, factor, term).unwrap() >= loss);
        prop_assert!(expected_loss(variance, factor + more, term).unwrap() >= loss);
        prop_assert!(expected_loss(variance, factor, term + longer).unwrap() >= loss);
    }

    #[test]
    fn a_narrower_range_has_a_larger_factor_and_scale_does_not_matter(
        price in 1u64..1 << 40, below in 1u64..1 << 40, above in 1u64..1 << 40, wider in 0u64..1 << 40, scale in 1u64..1 << 40,
    ) {
        let scaled = |value: u64| u(value.into()) * u(scale.into());
        let [p, low, high] = [price, price.saturating_sub(below), price + above];
        let narrow = range_factor(u(p.into()), u(low.into()), u(high.into())).unwrap();
        let wide = range_factor(u(p.into()), u(low.saturating_sub(wider).into()), u((high + wider).into())).unwrap();
        prop_assert!(narrow >= wide && wide >= WAD);
        prop_assert_eq!(range_factor(scaled(p), scaled(low), scaled(high)).unwrap(), narrow);
    }

    #[test]
    fn a_range_that_is_the_same_on_both_sides_has_the_factor_of_its_width(width in 1_001u64..1_000_000) {
        // from P/w to P·w: 1 ÷ (1 − √(1/w))
        let width = u(width.into());
        let factor = range_factor(width * u(1_000), u(1_000_000), width * width).unwrap();
        let root = sqrt_down(WAD * WAD * u(1_000) / width);
        prop_assert!(factor.abs_diff(WAD * WAD / (WAD - root)) <= factor * factor / WAD / u(1 << 50) + u(8));
    }
}
