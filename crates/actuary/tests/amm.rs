//! Positions and impermanent loss against published vectors and their own laws.

use actuary::{
    Overflow,
    amm::{
        Amounts, MOST_TICK, Q96, Q128, Range, Rounding, agree, amounts, fees, growth_inside, impermanent_loss,
        liquidity_of_share, sqrt_price_at, sqrt_ratio, supply_with_fee, value,
    },
};
use alloy_primitives::U256;
use proptest::prelude::*;

const NO_FEES: Amounts = Amounts { token0: U256::ZERO, token1: U256::ZERO };

fn u(value: u128) -> U256 {
    U256::from(value)
}

/// The square-root price of a price in millionths.
fn root(millionths: u128) -> U256 {
    sqrt_ratio(u(millionths), u(1_000_000)).unwrap()
}

fn range(lower: u128, upper: u128) -> Range {
    Range { lower: root(lower), upper: root(upper) }
}

/// What is lost of the value of holding, from a price of one to `price`, in 10^-12.
fn loss(range: Range, price: u128) -> f64 {
    let liquidity = u(10).pow(u(30));
    let prices = [root(1_000_000), root(price)];
    let lost = impermanent_loss([liquidity; 2], range, prices, NO_FEES, true).unwrap();
    let held = value(amounts(liquidity, range, prices[0], Rounding::Down).unwrap(), prices[1], true, Rounding::Down);
    f64::from(lost * u(10).pow(u(18)) / held.unwrap()) / 1e18
}

#[track_caller]
fn assert_close(actual: f64, expected: f64) {
    assert!((actual - expected).abs() <= 1e-9, "{actual} is not {expected}");
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————————— vectors

#[test]
fn over_the_whole_range_the_loss_is_that_of_the_closed_form() {
    // price in millionths, the published loss in percent
    for (price, published) in [
        (250_000, 20.0000),
        (500_000, 5.7191),
        (800_000, 0.6192),
        (1_000_000, 0.0),
        (1_250_000, 0.6192),
        (1_500_000, 2.0204),
        (2_000_000, 5.7191),
        (3_000_000, 13.3975),
        (4_000_000, 20.0000),
        (5_000_000, 25.4644),
    ] {
        let actual = loss(Range::WHOLE, price);
        assert!((actual * 100.0 - published).abs() < 5.1e-5, "{price}: {actual}");
        let k = price as f64 / 1e6;
        assert_close(actual, 1.0 - 2.0 * k.sqrt() / (1.0 + k));
    }
}

#[test]
fn in_a_range_the_loss_is_that_of_the_closed_form() {
    for (lower, upper, price, published) in [
        (800_000, 1_250_000, 1_100_000, 1.0745),
        (800_000, 1_250_000, 1_250_000, 5.8652),
        (800_000, 1_250_000, 2_000_000, 29.3989),
        (800_000, 1_250_000, 800_000, 5.8652),
        (800_000, 1_250_000, 500_000, 29.3989),
        (250_000, 4_000_000, 2_000_000, 11.4382),
    ] {
        let actual = loss(range(lower, upper), price);
        assert!((actual * 100.0 - published).abs() < 5.1e-5, "{lower} to {upper} at {price}: {actual}");
        let [a, b, p] = [lower, upper, price].map(|price| price as f64 / 1e6);
        let holds = |p: f64| {
            let p = p.clamp(a, b);
            (1.0 / p.sqrt() - 1.0 / b.sqrt(), p.sqrt() - a.sqrt())
        };
        let worth = |(x, y): (f64, f64)| x * p + y;
        assert_close(actual, 1.0 - worth(holds(p)) / worth(holds(1.0)));
    }
}

#[test]
fn a_move_of_ten_percent_loses_an_eighth_of_a_percent() {
    for price in [900_000, 1_100_000] {
        let actual = loss(Range::WHOLE, price);
        assert!((0.0011..0.0014).contains(&actual), "{actual}");
    }
}

#[test]
fn ticks_are_those_of_the_pools() {
    assert_eq!(sqrt_price_at(0), Ok(Q96));
    // TickMath's MIN_SQRT_RATIO and MAX_SQRT_RATIO
    assert_eq!(sqrt_price_at(-(MOST_TICK as i32)), Ok(u(4_295_128_739)));
    let most: U256 = "1461446703485210103287273052203988822378723970342".parse().unwrap();
    assert_eq!(sqrt_price_at(MOST_TICK as i32), Ok(most));
    for beyond in [MOST_TICK as i32 + 1, -(MOST_TICK as i32) - 1, i32::MIN, i32::MAX] {
        assert_eq!(sqrt_price_at(beyond), Err(Overflow));
    }
    for tick in [-200_000, -7_000, -1, 1, 60, 6_931, 200_000] {
        let actual = f64::from(sqrt_price_at(tick).unwrap()) / f64::from(Q96);
        let expected = 1.0001f64.powf(f64::from(tick) / 2.0);
        assert!((actual / expected - 1.0).abs() < 1e-11, "{tick}: {actual}");
    }
    assert_eq!(Range::of_ticks(5, 5), Err(Overflow));
}

#[test]
fn fees_are_netted_and_a_gain_is_no_loss() {
    let liquidity = u(1_000_000_000);
    let prices = [root(1_000_000), root(4_000_000)];
    let lost = |fees| impermanent_loss([liquidity; 2], Range::WHOLE, prices, fees, true).unwrap();
    // holding is worth 5, the position 4
    assert_eq!(lost(NO_FEES), u(1_000_000_000));
    assert_eq!(lost(Amounts { token0: u(100_000_000), token1: u(50_000_000) }), u(550_000_000));
    assert_eq!(lost(Amounts { token0: u(250_000_000), token1: U256::ZERO }), U256::ZERO);
    assert_eq!(lost(Amounts { token0: U256::ZERO, token1: u(2_000_000_000) }), U256::ZERO);
}

#[test]
fn fee_growth_wraps_around() {
    assert_eq!(fees(u(7), U256::MAX, Q128 - U256::ONE), Ok(u(7)));
    assert_eq!(fees(u(7), U256::ZERO, U256::ONE), Ok(U256::ONE), "rounded up");
    // in the range, below it, above it
    let outside = [u(10), u(30)];
    assert_eq!(growth_inside(u(100), outside, 0, [-1, 1]), u(60));
    assert_eq!(growth_inside(u(100), outside, -2, [-1, 1]), u(10).wrapping_sub(u(30)));
    assert_eq!(growth_inside(u(100), outside, 1, [-1, 1]), u(20));
}

#[test]
fn the_protocols_share_of_a_pairs_fees_is_counted() {
    // √k went from 1,000 to 1,100: a sixth of the growth is the protocol's
    let supply = supply_with_fee([u(1_100), u(1_100)], u(1_000), u(1_000_000)).unwrap();
    assert_eq!(supply, u(1_000 + 16), "1,000 · 100 / 6,500 rounded up");
    assert_eq!(supply_with_fee([u(1_100), u(1_100)], u(1_000), U256::ZERO), Ok(u(1_000)));
    assert_eq!(liquidity_of_share([u(400), u(900)], u(1), u(2)), Ok(u(300)));
    assert_eq!(liquidity_of_share([u(400), u(900)], u(1), U256::ZERO), Err(Overflow));
}

#[test]
fn prices_agree_up_to_the_deviation() {
    assert!(agree(root(1_000_000), root(1_010_000), 101));
    assert!(agree(root(1_010_000), root(1_000_000), 101));
    assert!(!agree(root(1_000_000), root(1_010_000), 99));
    assert!(!agree(U256::ZERO, Q96, 9_999));
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————————————— laws

fn word() -> impl Strategy<Value = U256> {
    (any::<[u64; 4]>(), 0usize..256).prop_map(|(limbs, shift)| U256::from_limbs(limbs) >> shift)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn nothing_panics_for_any_input(words in prop::array::uniform8(word()), tick: i32, bps: u16) {
        let [a, b, c, d, e, f, g, h] = words;
        let range = Range { lower: c, upper: d };
        let fees = Amounts { token0: e, token1: f };
        let _ = amounts(a, range, b, Rounding::Up);
        let _ = impermanent_loss([a, b], range, [g, h], fees, true);
        let _ = impermanent_loss([a, b], Range::WHOLE, [g, h], fees, false);
        let _ = (sqrt_price_at(tick), sqrt_ratio(a, b), agree(a, b, bps));
        let _ = (liquidity_of_share([a, b], c, d), supply_with_fee([a, b], c, d), actuary::amm::fees(a, b, c));
    }

    #[test]
    fn the_loss_is_the_same_for_a_price_and_its_inverse(k in 1_000u128..1_000_000_000) {
        let inverse = 1_000_000_000_000 / k;
        let (a, b) = (loss(Range::WHOLE, k), loss(Range::WHOLE, inverse));
        // the inverse is a whole number of millionths
        prop_assert!((a - b).abs() <= 1.5 / inverse as f64, "{a} and {b}");
    }

    #[test]
    fn a_wide_range_loses_what_the_whole_one_does(k in 10_000u128..100_000_000) {
        let wide = Range { lower: sqrt_price_at(-887_220).unwrap(), upper: sqrt_price_at(887_220).unwrap() };
        prop_assert!((loss(wide, k) - loss(Range::WHOLE, k)).abs() < 1e-9);
    }

    #[test]
    fn a_range_that_is_the_same_on_both_sides_never_loses_less(
        k in 100_000u128..10_000_000, high in 1_010_000u128..100_000_000,
    ) {
        // its lower end is a whole number of millionths
        prop_assert!(loss(range(1_000_000_000_000 / high, high), k) + 1e-4 >= loss(Range::WHOLE, k));
    }

    #[test]
    fn less_liquidity_loses_less_and_rounding_is_against_the_position(
        liquidity in 1u128..1 << 100, part in 0u128..1 << 100, from in -200_000i32..200_000, to in -200_000i32..200_000,
    ) {
        let range = Range::of_ticks(-100_000, 100_020).unwrap();
        let prices = [from, to].map(|tick| sqrt_price_at(tick).unwrap());
        let part = part.min(liquidity);
        let lost = |l: u128| impermanent_loss([u(l); 2], range, prices, NO_FEES, true).unwrap();
        // a few units of either token
        let root = prices[1] / Q96 + u(1);
        prop_assert!(lost(part) <= lost(liquidity) + u(8) * (root * root + u(1)));
        let [down, up] = [Rounding::Down, Rounding::Up].map(|r| amounts(u(liquidity), range, prices[0], r).unwrap());
        prop_assert!(down.token0 <= up.token0 && up.token0 <= down.token0 + u(2) + (Q96 / prices[0]));
        prop_assert!(down.token1 <= up.token1 && up.token1 <= down.token1 + u(1));
        // at the same price nothing is lost
        let still = impermanent_loss([u(liquidity); 2], range, [prices[0]; 2], NO_FEES, true).unwrap();
        prop_assert_eq!(still, U256::ZERO);
    }

    #[test]
    fn square_roots_of_ratios_are_exact(a in 1u64.., b in 1u64..) {
        let ratio = sqrt_ratio(u(a.into()), u(b.into())).unwrap();
        let expected = (a as f64 / b as f64).sqrt();
        prop_assert!((f64::from(ratio) / f64::from(Q96) / expected - 1.0).abs() < 1e-8);
    }
}
