//! Decay, credibility, curve, premium and coinsurance against published vectors and their own laws.

use actuary::{
    Overflow,
    credibility::{Prior, in_force},
    curve::Curve,
    decay::{accrual_down, decay_down, decay_up},
    math::*,
    premium::{Premium, Pricing, Sale, compensation_bps},
};
use alloy_primitives::{U256, U512};
use proptest::prelude::*;

const DAY: u64 = 86_400;

fn u(value: u128) -> U256 {
    U256::from(value)
}

/// A WAD from a decimal with at most 18 digits after the point.
fn wad(text: &str) -> U256 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{part:0<18}");
    digits.parse().unwrap()
}

/// Whether two values differ by at most `tolerance`.
#[track_caller]
fn assert_near(actual: U256, expected: U256, tolerance: U256) {
    assert!(actual.abs_diff(expected) <= tolerance, "{actual} is not {expected} ± {tolerance}");
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————— decay

#[test]
fn decay_of_a_one_year_half_life_is_as_published() {
    let year = 365 * DAY;
    for (elapsed, expected) in [
        (0, "1"),
        (DAY, "0.9981027687"),
        (30 * DAY, "0.9446214619"),
        (year / 2, "0.7071067812"),
        (year, "0.5"),
        (2 * year, "0.25"),
    ] {
        assert_near(decay_down(WAD, elapsed, year).unwrap(), wad(expected), u(50_000_000));
    }
}

#[test]
fn decay_is_exact_to_eighteen_digits() {
    // 2^(−1/2), 2^(−1/3) and 2^(−1/100) to 20 digits.
    for (elapsed, half_life, expected) in [
        (1, 2, 707_106_781_186_547_524u128),
        (1, 3, 793_700_525_984_099_737),
        (1, 100, 993_092_495_437_035_902),
        (7, 2, 88_388_347_648_318_440),
    ] {
        assert_near(decay_down(WAD, elapsed, half_life).unwrap(), u(expected), u(3));
    }
}

#[test]
fn what_is_forgotten_is_forgotten_and_a_half_life_of_zero_is_none() {
    assert_eq!(decay_down(U256::MAX, u64::MAX, 1), Ok(U256::ZERO));
    assert_eq!(decay_up(U256::MAX, u64::MAX, 1), Ok(U256::ONE));
    assert_eq!(decay_up(U256::ZERO, u64::MAX, 1), Ok(U256::ZERO));
    assert_eq!(decay_down(U256::MAX, 0, 1), Ok(U256::MAX));
    assert_eq!(decay_down(U256::MAX, 192, 1), Ok(u(u128::from(u64::MAX))));
    for refused in [decay_down(WAD, 1, 0), decay_up(WAD, 1, 0), accrual_down(WAD, 1, 0)] {
        assert_eq!(refused, Err(Overflow));
    }
}

#[test]
fn a_level_held_for_ever_adds_up_to_its_half_life_over_ln_2() {
    // 1 / ln 2 = 1.442695040888963407
    let total = accrual_down(WAD, u64::MAX, 1_000_000).unwrap();
    assert_near(total, u(1_442_695_040_888_963_407_359_924), u(10_000_000));
    // For times much shorter than the half-life it is level times time.
    assert_near(
        accrual_down(WAD, DAY, 730 * DAY).unwrap(),
        u(u128::from(DAY)) * WAD,
        u(u128::from(DAY)) * WAD / u(2_000),
    );
}

proptest! {
    #[test]
    fn decay_never_grows_with_time_and_rounds_as_named(value: u128, a in 0u64..1 << 36, b in 0u64..1 << 36, half_life in 1u64..1 << 32) {
        let (soon, late) = (a.min(b), a.max(b));
        let value = u(value);
        let down = decay_down(value, soon, half_life).unwrap();
        let up = decay_up(value, soon, half_life).unwrap();
        prop_assert!(down <= up && up - down <= U256::ONE && up <= value);
        prop_assert!(decay_down(value, late, half_life).unwrap() <= down);
    }

    #[test]
    fn decay_in_two_steps_is_decay_in_one(value in 0u128..1 << 90, a in 0u64..1 << 30, b in 0u64..1 << 30, half_life in 1u64..1 << 30) {
        let once = decay_down(u(value), a + b, half_life).unwrap();
        let twice = decay_down(decay_down(u(value), a, half_life).unwrap(), b, half_life).unwrap();
        prop_assert!(once.abs_diff(twice) <= u(value) / u(1 << 55) + u(2));
    }

    #[test]
    fn an_accrual_does_not_depend_on_how_often_it_is_brought_up_to_date(
        level in 0u128..1 << 90, a in 0u64..1 << 28, b in 0u64..1 << 28, half_life in DAY..1 << 28,
    ) {
        let once = accrual_down(u(level), a + b, half_life).unwrap();
        let first = accrual_down(u(level), a, half_life).unwrap();
        let twice = decay_down(first, b, half_life).unwrap() + accrual_down(u(level), b, half_life).unwrap();
        let tolerance = u(level) * u(u128::from(half_life)) / u(1 << 55) + u(4);
        prop_assert!(once.abs_diff(twice) <= tolerance, "{once} {twice}");
    }

    #[test]
    fn no_decay_overflows(value: [u64; 4], elapsed: u64, half_life in 1u64..) {
        let value = U256::from_limbs(value);
        prop_assert!(decay_down(value, elapsed, half_life).is_ok_and(|left| left <= value));
        prop_assert!(decay_up(value, elapsed, half_life).is_ok_and(|left| left <= value));
        if let Ok(sum) = accrual_down(value, elapsed, half_life) {
            prop_assert!(U512::from(sum) <= U512::from(value) * U512::from(elapsed));
        }
    }
}

// —————————————————————————————————————————————————————————————————————————————————————————————— credibility

fn prior(rate: &str, credibility: u128) -> Prior {
    Prior { rate: wad(rate), credibility: u(credibility), min: U256::ZERO, max: U256::MAX }
}

#[test]
fn the_estimate_is_the_mean_of_poisson_and_gamma() {
    let prior = prior("0.026", 10_000_000);
    for (losses, exposure, expected) in [
        (0, 0, "0.026"),
        (0, 5_000_000, "0.017333333333333334"),
        (1_000_000, 50_000_000, "0.021"),
        (300_000, 10_000_000, "0.028"),
        (0, 100_000_000, "0.002363636363636364"),
    ] {
        assert_eq!(prior.estimate(u(losses), u(exposure)), Ok(wad(expected)));
    }
}

#[test]
fn a_product_begins_where_its_cover_type_is_and_ends_where_it_is_itself() {
    let whole = prior("0.026", 10_000_000);
    // the type: 0.5 M lost on 10 M, so (0.5 + 0.26) ÷ 20 = 3.8 %
    let part = whole.of_part(u(500_000), u(10_000_000), u(5_000_000)).unwrap();
    assert_eq!(part.rate, wad("0.038"));
    for (losses, exposure, expected) in [
        (0, 0, "0.038"),
        (0, 5_000_000, "0.019"),
        (500_000, 5_000_000, "0.069"),
        (10_000_000_000, 1_000_000_000_000, "0.010000139999300004"),
    ] {
        assert_eq!(part.estimate(u(losses), u(exposure)), Ok(wad(expected)));
    }
    // what bounds the type bounds its products
    let bounded = Prior { max: wad("0.03"), ..whole }.of_part(u(500_000), u(10_000_000), u(5_000_000)).unwrap();
    assert_eq!((bounded.rate, bounded.max), (wad("0.03"), wad("0.03")));
}

/// Bühlmann–Straub on Hachemeister's data, as R's `actuar::cm` gives it: K = 1552.008, collective premium 1683.713,
/// each state's weight and its own mean.
#[test]
fn the_estimate_is_that_of_actuar_on_hachemeister() {
    let k = 1_552_008u128; // thousandths of the unit of weight
    let prior = Prior { rate: wad("1683.713"), credibility: u(k), min: U256::ZERO, max: U256::MAX };
    for (weight, mean, z, premium) in [
        (100_155u128, "2060.921", "0.9847404", "2055.165"),
        (19_895, "1511.224", "0.9276352", "1523.706"),
        (13_735, "1805.843", "0.8984754", "1793.444"),
        (4_152, "1352.976", "0.7279092", "1442.967"),
        (36_110, "1599.829", "0.9587911", "1603.285"),
    ] {
        let exposure = u(weight * 1_000);
        let credibility = exposure * WAD / (exposure + u(k));
        assert_near(credibility, wad(z), u(100_000_000_000)); // 1e−7
        // Losses must be whole; a thousandth of a weight each loses nothing that shows.
        let losses = exposure * wad(mean) / WAD;
        assert_near(prior.estimate(losses, exposure).unwrap(), wad(premium), wad("0.001"));
    }
}

#[test]
fn the_estimate_stays_within_its_bounds() {
    let bounded = Prior { min: wad("0.01"), max: wad("0.05"), ..prior("0.026", 10_000_000) };
    assert_eq!(bounded.estimate(U256::ZERO, u(1_000_000_000)), Ok(wad("0.01")));
    assert_eq!(bounded.estimate(u(10_000_000), U256::ZERO), Ok(wad("0.05")));
    assert_eq!(bounded.estimate(U256::ZERO, U256::ZERO), Ok(wad("0.026")));
}

#[test]
fn without_exposure_and_credibility_there_is_no_estimate() {
    assert_eq!(prior("0.026", 0).estimate(u(1), U256::ZERO), Err(Overflow));
    assert_eq!(prior("0.026", 1).estimate(U256::MAX, U256::ZERO), Err(Overflow));
    assert_eq!(prior("0.026", 1).estimate(U256::ZERO, U256::MAX), Err(Overflow));
}

#[test]
fn a_rate_rises_at_once_and_falls_by_at_most_a_quarter_a_day() {
    let (high, low) = (wad("0.04"), wad("0.01"));
    assert_eq!(in_force(high, low, 0), Ok(high));
    assert_eq!(in_force(low, high, 0), Ok(high));
    let after_a_day = in_force(low, high, DAY).unwrap();
    assert!(after_a_day >= high * u(3) / u(4) && after_a_day <= high * u(7_501) / u(10_000));
    let after_two = in_force(low, high, 2 * DAY).unwrap();
    assert_near(in_force(low, after_a_day, DAY).unwrap(), after_two, u(2));
    assert_eq!(in_force(low, high, 5 * DAY), Ok(low));
}

proptest! {
    #[test]
    fn the_estimate_rises_with_losses_and_falls_with_exposure_without_them(
        losses in 0u128..1 << 80, more in 0u128..1 << 80, exposure in 0u128..1 << 80, longer in 0u128..1 << 80,
        credibility in 1u128..1 << 80, rate in 0u128..1 << 60,
    ) {
        let prior = Prior { rate: u(rate), credibility: u(credibility), min: U256::ZERO, max: U256::MAX };
        let estimate = prior.estimate(u(losses), u(exposure)).unwrap();
        prop_assert!(prior.estimate(u(losses + more), u(exposure)).unwrap() >= estimate);
        let own = if exposure == 0 { U256::ZERO } else { (u(losses) * WAD).div_ceil(u(exposure)) };
        // Between the prior and what was seen; more exposure with the same losses never raises it.
        prop_assert!(exposure == 0 || estimate <= own.max(u(rate)));
        prop_assert!(exposure == 0 || estimate >= (u(losses) * WAD / u(exposure)).min(u(rate)));
        prop_assert!(prior.estimate(u(losses), u(exposure + longer)).unwrap() <= estimate);
    }

    #[test]
    fn much_exposure_outweighs_any_prior(losses in 0u128..1 << 90, rate in 0u128..1 << 60) {
        let prior = Prior { rate: u(rate), credibility: u(1), min: U256::ZERO, max: U256::MAX };
        let exposure = u(1 << 100);
        let own = u(losses) * WAD / exposure;
        prop_assert!(prior.estimate(u(losses), exposure).unwrap().abs_diff(own) <= u(2));
    }

    #[test]
    fn no_estimate_wraps(losses: [u64; 4], exposure: [u64; 4], credibility: [u64; 4], rate: [u64; 4]) {
        let [losses, exposure, credibility, rate] = [losses, exposure, credibility, rate].map(U256::from_limbs);
        let prior = Prior { rate, credibility, min: U256::ZERO, max: WAD };
        if let Ok(estimate) = prior.estimate(losses, exposure) {
            prop_assert!(estimate <= WAD);
            let exact = (U512::from(losses) * U512::from(WAD) + U512::from(credibility) * U512::from(rate))
                .div_ceil(U512::from(exposure) + U512::from(credibility));
            prop_assert_eq!(U512::from(estimate), exact.min(U512::from(WAD)));
        }
    }

    #[test]
    fn a_rate_in_force_never_falls_faster_however_often_it_is_asked(
        high in 1u128..1 << 60, steps in prop::collection::vec(0u64..DAY, 1..8),
    ) {
        let total: u64 = steps.iter().sum();
        let at_once = in_force(U256::ZERO, u(high), total).unwrap();
        let by_steps = steps.iter().fold(u(high), |rate, step| in_force(U256::ZERO, rate, *step).unwrap());
        prop_assert!(by_steps >= at_once && by_steps - at_once <= u(8));
    }
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————— curve

fn curve(base: &str, kink: &str, kink_rate: &str, full_rate: &str) -> Curve {
    Curve { base: wad(base), kink: wad(kink), kink_rate: wad(kink_rate), full_rate: wad(full_rate) }
}

/// Mean rate between two utilisations.
fn mean(curve: &Curve, from: &str, to: &str) -> U256 {
    let area = curve.area_down(wad(to), WAD).unwrap() - curve.area_down(wad(from), WAD).unwrap();
    area.div_ceil(wad(to) - wad(from))
}

#[test]
fn the_curve_costs_what_cozys_does() {
    let cozy = curve("0", "0.8", "0.2", "0.5");
    for (from, to, expected) in [
        ("0", "0.2", "0.025"),
        ("0", "0.5", "0.0625"),
        ("0.5", "0.9", "0.190625"),
        ("0.8", "1", "0.35"),
        ("0", "1", "0.15"),
    ] {
        assert_eq!(mean(&cozy, from, to), wad(expected));
    }
    assert_eq!(cozy.rate_up(wad("0.95"), WAD), Ok(wad("0.425")));
    // What a refund gives back: the part of the area that is left, also beyond full utilisation.
    let refund = |from: &str, to: &str| {
        let (upper, lower) = (cozy.area_down(wad(from), WAD).unwrap(), cozy.area_down(wad(to), WAD).unwrap());
        mul_div_down(upper - lower, WAD, upper).unwrap()
    };
    assert_eq!(refund("0.5", "0"), WAD);
    for (from, to, expected) in [
        ("0.9", "0.5", "0.709302325581395348"),
        ("1", "0.8", "0.466666666666666666"),
        ("0.8", "0.2", "0.9375"),
        ("1.6", "1.5", "0.184027777777777777"),
    ] {
        assert_eq!(refund(from, to), wad(expected));
    }
}

#[test]
fn the_curve_costs_what_insuredaos_does() {
    let insure = curve("0.1", "0.9", "0.2", "0.6");
    for (at, expected) in [("0", "0.1"), ("0.45", "0.15"), ("0.9", "0.2"), ("0.95", "0.4"), ("1", "0.6")] {
        assert_eq!(insure.rate_up(wad(at), WAD), Ok(wad(expected)));
    }
    let cost = |from: &str, to: &str| {
        let area = insure.area_down(wad(to), WAD).unwrap() - insure.area_down(wad(from), WAD).unwrap();
        div_down(area, WAD).unwrap()
    };
    for (from, to, expected) in [
        ("0", "0.45", "0.05625"),
        ("0.45", "0.9", "0.07875"),
        ("0.9", "0.95", "0.015"),
        ("0.95", "1", "0.025"),
        ("0.45", "0.95", "0.09375"),
    ] {
        assert_eq!(cost(from, to), wad(expected));
    }
    // Half a year costs half of it.
    let sale = Sale { cover: wad("0.5"), term: YEAR / u(2), rate: U256::ZERO, before: wad("0.45"), capacity: WAD };
    assert_eq!(load_only(insure).premium(&sale).unwrap().net, wad("0.046875"));
}

#[test]
fn the_curve_has_the_rates_of_bridge_mutual() {
    let (moderate, safe) = (curve("0", "0.8", "0.25", "1"), curve("0", "0.8", "0.1", "0.5"));
    let pool = u(10_000_000);
    let cost = |curve: &Curve, amount: u128, used: u128| {
        let rate = curve.rate_up(u(used), pool).unwrap().max(wad("0.02"));
        wad_up(u(amount) * u(10), rate).unwrap()
    };
    // In tenths: 100 k at 51 %, 4 M at 90 %, 500 k at 100 %, and the floor of 2 % at 3 %.
    assert_eq!((cost(&moderate, 100_000, 5_100_000), cost(&safe, 100_000, 5_100_000)), (u(159_375), u(63_750)));
    assert_eq!(
        (cost(&moderate, 4_000_000, 9_000_000), cost(&safe, 4_000_000, 9_000_000)),
        (u(25_000_000), u(12_000_000))
    );
    assert_eq!((cost(&moderate, 500_000, 10_000_000), cost(&safe, 500_000, 10_000_000)), (u(5_000_000), u(2_500_000)));
    assert_eq!(cost(&moderate, 100_000, 300_000), u(20_000));
}

#[test]
fn a_curve_may_have_its_kink_at_either_end() {
    let flat_first = curve("0.1", "0", "0.1", "0.3");
    assert_eq!(flat_first.area_down(WAD, WAD), Ok(wad("0.2") * WAD));
    assert_eq!(flat_first.rate_up(U256::ZERO, WAD), Ok(wad("0.1")));
    let no_second = curve("0", "1", "0.2", "0.3");
    assert_eq!(no_second.area_down(u(2) * WAD, WAD), Ok(wad("0.1") * WAD + wad("0.3") * WAD));
    assert_eq!(no_second.rate_up(WAD, WAD), Ok(wad("0.3")));
    // Without capacity everything is beyond it.
    assert_eq!(curve("0", "0.8", "0.2", "0.5").rate_up(U256::ZERO, U256::ZERO), Ok(wad("0.5")));
}

#[test]
fn scenario_20_the_price_has_no_jump_at_the_kink_and_goes_on_beyond_full_utilisation() {
    // 2 % at 80 % of 10 M, 30 % at all of it. One unit to the kink costs half a step of the flat piece less than
    // 2 %, one unit from it half a step of the steep piece more.
    let curve = curve("0", "0.8", "0.02", "0.3");
    let (capacity, kink) = (u(10_000_000_000_000), u(8_000_000_000_000));
    let (one, beyond) = (U256::ONE, u(16_000_000_000_000));
    let positions = [kink - one, kink, kink + one, beyond];
    let areas = positions.map(|position| curve.area_down(position, capacity).unwrap());
    assert_eq!(areas[1] - areas[0], wad("0.02") - u(1_250));
    assert_eq!(areas[2] - areas[1], wad("0.02") + u(70_000));
    let rates = positions.map(|position| curve.rate_up(position, capacity).unwrap());
    assert_eq!(rates[..3], [wad("0.02") - u(2_500), wad("0.02"), wad("0.02") + u(140_000)]);
    // Losses have taken capital: utilisation 160 %. The steep piece goes on: 2 % + 28 % · 0.8 ÷ 0.2.
    assert_eq!(rates[3], wad("1.14"));
    assert_eq!(areas[3] - areas[1], kink * (wad("0.02") + wad("1.14")) / u(2));
}

#[test]
fn a_curve_that_falls_is_refused() {
    assert_eq!(curve("0.3", "0.8", "0.2", "0.5").area_down(WAD, WAD), Err(Overflow));
    assert_eq!(curve("0", "0.8", "0.2", "0.1").area_down(WAD, WAD), Err(Overflow));
    assert_eq!(curve("0", "1.2", "0.2", "0.5").area_down(u(2) * WAD, WAD), Err(Overflow));
}

// —————————————————————————————————————————————————————————————————————————————————————————————————— premium

/// A product that charges its curve only.
fn load_only(curve: Curve) -> Pricing {
    Pricing {
        margin_bps: U256::ZERO,
        capital_factor_bps: U256::ZERO,
        cost_of_capital: U256::ZERO,
        curve,
        minimum: U256::ZERO,
    }
}

fn worked() -> Pricing {
    Pricing {
        margin_bps: u(12_000),
        capital_factor_bps: BPS,
        cost_of_capital: wad("0.06"),
        curve: curve("0", "0.8", "0.02", "0.3"),
        minimum: U256::ZERO,
    }
}

/// A worked premium in an asset of so many decimals: what it is for, and its net, pure, capital cost and load.
type Worked = (u32, Sale, [u128; 4]);

#[track_caller]
fn assert_worked(vectors: [Worked; 2]) {
    for (decimals, sale, [net, pure, capital_cost, load]) in vectors {
        let premium = worked().premium(&sale).unwrap();
        let expected =
            Premium { net: u(net), pure: u(pure), capital_cost: u(capital_cost), load: u(load), locked: sale.cover };
        assert_eq!(premium, expected, "{decimals} decimals");
    }
}

/// Whole units of an asset.
fn units(decimals: u32, units: u128) -> U256 {
    u(units * 10u128.pow(decimals))
}

#[test]
fn worked_premium_of_ninety_days() {
    // 100,000; utilisation 30 → 31 %; r̂ = 7/300, 2.8 % with its margin. Exact parts: 690.410958904109589041…,
    // 1,469.237755676487145805…, 188.013698630136986301…; what rounding adds is part of the load.
    let sale = |decimals| Sale {
        cover: units(decimals, 100_000),
        term: u(u128::from(90 * DAY)),
        rate: wad("0.023333333333333333"),
        before: units(decimals, 3_000_000),
        capacity: units(decimals, 10_000_000),
    };
    let six = [2_347_662_414, 690_410_958, 1_469_237_755, 188_013_701];
    let eighteen = [
        2_347_662_413_210_733_721_149,
        690_410_958_904_109_589_041,
        1_469_237_755_676_487_145_805,
        188_013_698_630_136_986_303,
    ];
    assert_worked([(6, sale(6), six), (18, sale(18), eighteen)]);
}

#[test]
fn worked_premium_of_a_year_across_the_kink() {
    // 100,000 from 85 to 95 %: 3,120.00 + 5,812.80 + 16,000.00 = 24,932.80, without any rounding.
    let sale = |decimals| Sale {
        cover: units(decimals, 100_000),
        term: YEAR,
        rate: wad("0.026"),
        before: units(decimals, 850_000),
        capacity: units(decimals, 1_000_000),
    };
    let parts = |decimals: u32| [2_493_280, 312_000, 581_280, 1_600_000].map(|cents| cents * 10u128.pow(decimals - 2));
    assert_worked([(6, sale(6), parts(6)), (18, sale(18), parts(18))]);
}

#[test]
fn worked_premium_of_odd_numbers() {
    // One unit and one second beyond round numbers, from just below the kink to beyond it.
    let sale = |decimals| Sale {
        cover: units(decimals, 123_457) + u(1),
        term: u(u128::from(90 * DAY + 1)),
        rate: wad("0.031"),
        before: units(decimals, 7_900_001) + u(3),
        capacity: units(decimals, 10_000_000),
    };
    let six = [3_557_400_811, 1_132_422_162, 1_809_733_713, 615_244_936];
    let eighteen = [
        3_557_400_810_191_232_981_871,
        1_132_422_162_068_759_512_937,
        1_809_733_713_075_211_499_160,
        615_244_935_047_261_969_774,
    ];
    assert_worked([(6, sale(6), six), (18, sale(18), eighteen)]);
}

#[test]
fn the_split_of_ensuro() {
    // Payout 100, loss 1 %, junior ratio 10 %, senior 20 %; a twelfth of a year at 24 % and 12 %.
    let cent = wad("1");
    let sale = Sale {
        cover: u(100) * cent,
        term: YEAR / u(12),
        rate: wad("0.12"),
        before: U256::ZERO,
        capacity: u(100) * cent,
    };
    let cost = |capital_factor_bps: u128, cost_of_capital: &str| {
        let flat = curve("0", "0.5", "0", "0");
        let pricing = Pricing {
            margin_bps: BPS,
            capital_factor_bps: u(capital_factor_bps),
            cost_of_capital: wad(cost_of_capital),
            curve: flat,
            minimum: U256::ZERO,
        };
        pricing.premium(&sale).unwrap()
    };
    let junior = cost(1_000, "0.24");
    assert_eq!((junior.pure, junior.locked - junior.pure, junior.capital_cost), (cent, u(9) * cent, wad("0.18")));
    // The senior layer is what 20 % locks beyond the junior one: 10.
    let senior = cost(2_000, "0.12").capital_cost - cost(1_000, "0.12").capital_cost;
    assert_eq!((cost(2_000, "0.12").locked - junior.locked, senior), (u(10) * cent, wad("0.1")));
}

#[test]
fn scenario_19_a_premium_is_never_below_its_minimum_nor_nothing_for_something() {
    let sale = Sale { cover: u(1), term: u(1), rate: u(1), before: U256::ZERO, capacity: u(1_000) };
    assert_eq!(worked().premium(&sale).unwrap().net, U256::ONE);
    let with_minimum = Pricing { minimum: u(77), ..worked() };
    let premium = with_minimum.premium(&sale).unwrap();
    assert_eq!((premium.net, premium.pure, premium.load), (u(77), U256::ZERO, U256::ONE));
}

#[test]
fn compensation_falls_as_the_rate_rises_down_to_its_bound() {
    // clamp(10 % + 2 r̂, 10 %, 30 %)
    let ratio = |rate: &str| compensation_bps(wad(rate), u(1_000), u(20_000), u(3_000)).unwrap();
    assert_eq!(ratio("0"), u(9_000));
    assert_eq!(ratio("0.026"), u(8_480));
    assert_eq!(ratio("0.0233333"), u(8_533));
    assert_eq!(ratio("0.1"), u(7_000));
    assert_eq!(ratio("5"), u(7_000));
    assert_eq!(compensation_bps(WAD, U256::ZERO, u(20_000), u(10_001)), Err(Overflow));
    assert_eq!(compensation_bps(U256::MAX, U256::MAX, u(20_000), BPS), Err(Overflow));
}

fn pricing() -> impl Strategy<Value = Pricing> {
    (0u128..30_000, 0u128..=10_000, 0u128..1 << 60, 0u128..1 << 59, 0u128..1 << 59, 0u128..=1_000_000_000_000_000_000)
        .prop_map(|(margin, factor, cost, first, second, kink)| Pricing {
            margin_bps: u(margin),
            capital_factor_bps: u(factor),
            cost_of_capital: u(cost),
            curve: Curve { base: U256::ZERO, kink: u(kink), kink_rate: u(first), full_rate: u(first + second) },
            minimum: U256::ZERO,
        })
}

proptest! {
    #[test]
    fn scenario_16_splitting_a_purchase_never_changes_its_price_beyond_rounding(
        pricing in pricing(), pieces in prop::collection::vec(1u128..1 << 80, 1..8), before in 0u128..1 << 80,
        capacity in 1u128..1 << 84, term in 1u128..63_072_000, rate in 0u128..1 << 60,
    ) {
        let at = |cover: U256, before: U256| Sale { cover, term: u(term), rate: u(rate), before, capacity: u(capacity) };
        let mut position = u(before);
        let mut paid = U256::ZERO;
        for piece in &pieces {
            paid += pricing.premium(&at(u(*piece), position)).unwrap().net;
            position += u(*piece);
        }
        let whole = pricing.premium(&at(position - u(before), u(before))).unwrap().net;
        prop_assert!(paid >= whole, "cheaper in pieces: {paid} < {whole}");
        prop_assert!(paid - whole <= u(pieces.len() as u128), "{paid} {whole}");
    }

    #[test]
    fn a_premium_rises_with_all_that_makes_cover_dear(
        pricing in pricing(), cover in 1u128..1 << 80, before in 0u128..1 << 80, capacity in 1u128..1 << 84,
        term in 1u128..63_072_000, rate in 0u128..1 << 59, more in 1u128..1 << 59,
    ) {
        let sale = Sale { cover: u(cover), term: u(term), rate: u(rate), before: u(before), capacity: u(capacity) };
        let premium = pricing.premium(&sale).unwrap();
        let Premium { net, pure, capital_cost, load, locked } = premium;
        prop_assert_eq!(net, pure + capital_cost + load);
        prop_assert!(locked <= u(cover));
        for dearer in [
            Sale { cover: u(cover) + u(more), ..sale },
            Sale { term: u(term) + u(more), ..sale },
            Sale { before: u(before) + u(more), ..sale },
        ] {
            // The area is rounded down at either end: one unit of 1e−18 may be missing.
            prop_assert!(pricing.premium(&dearer).unwrap().net + U256::ONE >= net);
        }
        // A higher rate displaces capital cost by at most its own rise while a year of capital costs at most all of it.
        let risky = pricing.premium(&Sale { rate: u(rate + more), ..sale }).unwrap();
        prop_assert!(risky.pure >= pure);
        if pricing.cost_of_capital * u(term) <= WAD * YEAR {
            prop_assert!(risky.net + U256::ONE >= net);
        }
    }

    #[test]
    fn area_grows_with_position_and_is_what_rates_say(pricing in pricing(), a in 0u128..1 << 80, b in 0u128..1 << 80, capacity in 1u128..1 << 80) {
        let curve = pricing.curve;
        let (from, to) = (u(a.min(b)), u(a.max(b)));
        let area = curve.area_down(to, u(capacity)).unwrap() - curve.area_down(from, u(capacity)).unwrap();
        let (low, high) = (curve.rate_up(from, u(capacity)).unwrap(), curve.rate_up(to, u(capacity)).unwrap());
        prop_assert!(low <= high);
        // Roundings: rates up by one, areas down by at most three each.
        prop_assert!(area + u(6) >= low.saturating_sub(U256::ONE) * (to - from));
        prop_assert!(area <= high * (to - from) + u(6));
    }

    #[test]
    fn scenario_18_no_premium_wraps(words: [[u64; 4]; 12]) {
        let [margin_bps, capital_factor_bps, cost_of_capital, base, kink, kink_rate, full_rate, cover, term, rate, before, capacity] =
            words.map(U256::from_limbs);
        let curve = Curve { base, kink, kink_rate, full_rate };
        let pricing = Pricing { margin_bps, capital_factor_bps, cost_of_capital, curve, minimum: U256::ZERO };
        if let Ok(premium) = pricing.premium(&Sale { cover, term, rate, before, capacity }) {
            prop_assert!(U512::from(premium.net) >= U512::from(premium.pure) + U512::from(premium.capital_cost));
        }
        let largest = Sale { cover: U256::MAX, term, rate, before, capacity };
        prop_assert_eq!(pricing.premium(&largest), Err(Overflow));
    }
}
