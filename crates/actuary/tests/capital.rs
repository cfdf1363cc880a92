//! Required capital against worked numbers and its own laws.

use actuary::{
    Overflow,
    capital::{Group, minimum, requirement, target},
    math::*,
};
use alloy_primitives::U256;
use proptest::prelude::*;

fn u(value: u128) -> U256 {
    U256::from(value)
}

fn group(exposures: &[u128]) -> Group {
    exposures.iter().fold(Group::default(), |group, x| group.replace(U256::ZERO, u(*x)).unwrap())
}

/// SCR of one group.
fn scr(exposures: &[u128], correlation_bps: u128) -> U256 {
    requirement(group(exposures).requirement_squared(u(correlation_bps)).unwrap())
}

#[test]
fn worked_requirements() {
    let micro = 1_000_000;
    let four = [10 * micro; 4];
    assert_eq!(scr(&four, 0), u(20_000_000));
    assert_eq!(scr(&four, 2_500), u(26_457_514)); // 26.4575131…, rounded up
    assert_eq!(scr(&four, 10_000), u(40_000_000));
    assert_eq!(scr(&[40 * micro, 5 * micro, 3 * micro], 2_500), u(42_444_081)); // 42.4440808…
}

#[test]
fn required_capital_is_never_below_the_largest_exposure_nor_the_floor() {
    assert_eq!(minimum(u(100), u(5_000), u(60)), Ok(u(60)));
    assert_eq!(minimum(u(101), u(5_000), u(10)), Ok(u(51)));
    assert_eq!(target(u(100), u(15_000), u(60)), Ok(u(150)));
    assert_eq!(target(u(100), u(15_000), u(600)), Ok(u(600)));
    assert_eq!(minimum(U256::MAX, u(15_000), u(1)), Err(Overflow));
    assert_eq!(target(U256::MAX, u(15_000), u(1)), Err(Overflow));
}

#[test]
fn an_exposure_that_was_never_in_a_group_cannot_leave_it() {
    assert_eq!(group(&[5]).replace(u(6), U256::ZERO), Err(Overflow));
    assert_eq!(group(&[5]).replace(U256::ZERO, U256::MAX), Err(Overflow));
    assert_eq!(group(&[5]).requirement_squared(u(10_001)), Err(Overflow));
}

/// The square used to be rounded twice: all of one exposure required a unit more at ρ = 50 % than at ρ = 1.
#[test]
fn one_exposure_requires_itself_whatever_the_correlation() {
    let one = [193_750_834_295_673_222_819_393_221];
    for correlation in [0, 1, 4_999, 9_999, 10_000] {
        assert_eq!(scr(&one, correlation), u(one[0]));
    }
}

fn exposures() -> impl Strategy<Value = Vec<u128>> {
    prop::collection::vec(0u128..1 << 90, 0..12)
}

proptest! {
    #[test]
    fn running_sums_are_what_a_recount_gives(history in prop::collection::vec((0usize..6, 0u128..1 << 90), 1..40)) {
        let mut group = Group::default();
        let mut exposures = [0u128; 6];
        for (at, x) in history {
            group = group.replace(u(exposures[at]), u(x)).unwrap();
            exposures[at] = x;
        }
        prop_assert_eq!(group.sum, exposures.iter().map(|x| u(*x)).sum::<U256>());
        prop_assert_eq!(group.squares, exposures.iter().map(|x| u(*x) * u(*x)).sum::<U256>());
    }

    #[test]
    fn the_requirement_of_two_groups_is_at_most_the_sum_of_theirs(a in exposures(), b in exposures(), correlation in 0u128..=10_000) {
        let both: Vec<_> = a.iter().chain(&b).copied().collect();
        prop_assert!(scr(&both, correlation) <= scr(&a, correlation) + scr(&b, correlation) + U256::ONE);
        // Independent groups add in squares: less still.
        let squared = group(&a).requirement_squared(u(correlation)).unwrap() + group(&b).requirement_squared(u(correlation)).unwrap();
        prop_assert!(requirement(squared) <= scr(&a, correlation) + scr(&b, correlation) + U256::ONE);
    }

    #[test]
    fn the_requirement_is_between_the_largest_and_the_sum(x in exposures(), correlation in 0u128..=10_000) {
        let largest = x.iter().max().copied().unwrap_or_default();
        let scr = scr(&x, correlation);
        prop_assert!(scr >= u(largest) && scr <= group(&x).sum);
    }

    #[test]
    fn the_requirement_scales_with_the_exposures(x in prop::collection::vec(0u128..1 << 80, 1..12), correlation in 0u128..=10_000, by in 1u128..1_000) {
        let scaled: Vec<_> = x.iter().map(|x| x * by).collect();
        let (one, many) = (scr(&x, correlation), scr(&scaled, correlation));
        prop_assert!(many <= one * u(by) && many + u(by) >= one * u(by));
    }

    #[test]
    fn the_requirement_rises_with_exposure_and_with_correlation(x in exposures(), more in 0u128..1 << 90, low in 0u128..=10_000, high in 0u128..=10_000) {
        let (low, high) = (low.min(high), low.max(high));
        prop_assert!(scr(&x, low) <= scr(&x, high));
        let larger: Vec<_> = x.iter().copied().chain([more]).collect();
        prop_assert!(scr(&x, low) <= scr(&larger, low));
    }

    #[test]
    fn no_requirement_wraps(squares: [u64; 4], sum: [u64; 4], old: [u64; 4], new: [u64; 4], correlation in 0u128..=10_000) {
        let [squares, sum, old, new] = [squares, sum, old, new].map(U256::from_limbs);
        let group = Group { squares, sum };
        if let Ok(after) = group.replace(old, new) {
            prop_assert_eq!(after.replace(new, old), Ok(group));
        }
        if let Ok(squared) = group.requirement_squared(u(correlation)) {
            prop_assert!(correlation == 10_000 || mul_div_up(squares, BPS - u(correlation), BPS).unwrap() <= squared);
        }
    }
}
