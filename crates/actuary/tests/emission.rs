//! The curve of the emission and the index by which it is shared.

use actuary::{Overflow, emission::*};
use alloy_primitives::{U256, U512};
use proptest::prelude::*;

/// A thousand whole tokens a second, the most that is ever set.
const MOST: u128 = 1_000_000_000_000_000_000_000;

#[test]
fn the_curve_is_as_published_at_six_points() {
    for target in [100u128, 100_000_000_000_000, 1 << 120] {
        for (percent, bps) in [(0, 0), (50, 7_500), (100, 10_000), (110, 9_000), (120, 8_000), (200, 8_000)] {
            let capital = target / 100 * percent;
            let target = target / 100 * 100;
            assert_eq!(rate_down(MOST, capital, target), Ok(MOST / 10_000 * bps), "{percent} % of {target}");
        }
    }
}

#[test]
fn the_curve_rises_steeply_first_and_is_level_at_the_target() {
    let rate = |percent| rate_down(10_000, percent, 100).unwrap();
    assert_eq!([1, 10, 25, 75, 90, 99].map(rate), [199, 1_900, 4_375, 9_375, 9_900, 9_999]);
    assert_eq!([101, 105, 115, 119, 121].map(rate), [9_900, 9_500, 8_500, 8_100, 8_000]);
}

#[test]
fn nothing_is_emitted_where_no_capital_is_wanted() {
    for capital in [0, 1, u128::MAX] {
        assert_eq!(rate_down(MOST, capital, 0), Ok(0));
    }
    assert_eq!(rate_down(0, 100, 100), Ok(0));
}

#[test]
fn the_largest_numbers_fit() {
    assert_eq!(rate_down(u128::MAX, u128::MAX, u128::MAX), Ok(u128::MAX));
    assert_eq!(rate_down(MOST, u128::MAX - 1, u128::MAX), Ok(MOST - 1));
    assert_eq!(rate_down(MOST, u128::MAX, 1), Ok(MOST / 10 * 8));
    // A thousand tokens a second for a single share, for as long as times have bits.
    let mut emission = Emission { staked: 1, rate: MOST, free: u128::MAX, ..Emission::default() };
    let emitted = emission.accrue((1 << 40) - 1).unwrap();
    assert_eq!(emitted, MOST * ((1 << 40) - 1));
    let mut stake = Stake { shares: 1, ..Stake::default() };
    stake.settle(emission.index).unwrap();
    assert_eq!(stake.earned, emitted);
}

proptest! {
    #[test]
    fn a_rate_is_the_curves_value_rounded_down(most in 0..=MOST, capital: u128, target in 1u128..) {
        let [m, c, t] = [most, capital, target].map(U512::from);
        let two = U512::from(2);
        // most · numerator ÷ denominator
        let (numerator, denominator) = if c < t {
            (c * (two * t - c), t * t)
        } else if c * U512::from(5) < t * U512::from(6) {
            (two * t - c, t)
        } else {
            (U512::from(4), U512::from(5))
        };
        let rate = U512::from(rate_down(most, capital, target).unwrap());
        prop_assert!(rate * denominator <= m * numerator);
        prop_assert!((rate + U512::from(1)) * denominator > m * numerator);
        prop_assert!(rate <= m);
    }

    #[test]
    fn more_capital_never_lowers_the_rate_below_the_target_nor_raises_it_above(
        most in 0..=MOST, target in 1u128..1 << 120, [first, second] in [0u128..1 << 121, 0u128..1 << 121],
    ) {
        let (less, more) = (first.min(second), first.max(second));
        let [low, high] = [less, more].map(|capital| rate_down(most, capital, target).unwrap());
        if more <= target {
            prop_assert!(low <= high);
        } else if less >= target {
            prop_assert!(low >= high);
            prop_assert!(high >= rate_down(most, u128::MAX, target).unwrap());
        }
    }

    #[test]
    fn time_in_pieces_emits_what_it_emits_at_once(
        rate in 0..=MOST, staked in 1u128.., free in 0u128..1 << 100,
        times in prop::collection::vec(0u64..1 << 30, 1..20),
    ) {
        let start = Emission { staked, rate, free, ..Emission::default() };
        let (mut pieces, mut whole, mut now) = (start, start, 0);
        for elapsed in times {
            now += elapsed;
            pieces.accrue(now).unwrap();
        }
        whole.accrue(now).unwrap();
        prop_assert_eq!((pieces.promised, pieces.free, pieces.since), (whole.promised, whole.free, whole.since));
        prop_assert!(pieces.index <= whole.index);
        prop_assert_eq!(pieces.promised, (rate * u128::from(now)).min(free));
        prop_assert_eq!(pieces.promised + pieces.free, free);
        // One stake of all has less than one unit for each piece below it.
        let mut all = Stake { shares: staked, ..Stake::default() };
        all.settle(pieces.index).unwrap();
        prop_assert!(all.earned <= pieces.promised && pieces.promised - all.earned <= 21);
    }

    #[test]
    fn settling_often_gains_nothing(shares: u128, rises in prop::collection::vec(0u128.., 1..20)) {
        let (mut often, mut once) = (Stake { shares, ..Stake::default() }, Stake { shares, ..Stake::default() });
        let mut index = U256::ZERO;
        for rise in rises {
            index += U256::from(rise >> 8);
            often.settle(index).unwrap();
        }
        once.settle(index).unwrap();
        prop_assert!(often.earned <= once.earned && once.earned - often.earned < 20);
    }

    #[test]
    fn who_underwrites_himself_gains_nothing_by_a_rebate(
        gross in 0u128..1 << 100, treasury in 0u16..=5_000, jury in 0u16..=5_000, referral in 0u16..=10_000,
    ) {
        prop_assume!(treasury + jury <= 5_000);
        let most = u128::from(most_rebate_bps(treasury, jury, referral).unwrap());
        let [treasury, jury, referral] = [treasury, jury, referral].map(u128::from);
        // In parts of 10,000²: what fees take less what comes back by a referral, and the net premium's rebate.
        let lost = gross * (treasury * (10_000 - referral) + jury * 10_000);
        let net = gross * (10_000 - treasury - jury);
        prop_assert!(net * most <= lost);
        prop_assert!(gross == 0 || net * (most + 1) > lost);
    }
}

#[test]
fn nothing_is_emitted_to_nobody_nor_out_of_nothing_and_that_time_passes() {
    let mut emission = Emission { rate: 10, free: 100, since: 5, ..Emission::default() };
    assert_eq!(emission.accrue(50), Ok(0));
    assert_eq!((emission.since, emission.free), (50, 100));
    emission.staked = 4;
    assert_eq!(emission.accrue(53), Ok(30));
    assert_eq!(emission.accrue(1_000), Ok(70));
    assert_eq!((emission.free, emission.promised), (0, 100));
    assert_eq!(emission.accrue(2_000), Ok(0));
    assert_eq!(emission.fund(100), Ok(None), "all of it is booked");
    assert_eq!(emission.fund(99), Ok(None), "less than is booked");
    assert_eq!(emission.fund(150), Ok(Some(50)));
    assert_eq!(emission.accrue(2_001), Ok(10), "the gap is not paid");
    assert_eq!(emission.accrue(1_999), Ok(0), "a clock that goes back emits nothing");
    assert_eq!(emission.since, 2_001);
}

#[test]
fn shares_join_leave_and_are_paid() {
    let mut emission = Emission { rate: 100, free: 1_000, ..Emission::default() };
    let (mut first, mut second) = (Stake::default(), Stake::default());
    first.join(&mut emission, 1).unwrap();
    second.join(&mut emission, 2).unwrap();
    emission.accrue(1).unwrap();
    for stake in [&mut first, &mut second] {
        stake.settle(emission.index).unwrap();
    }
    assert_eq!((first.earned, second.earned), (33, 66));
    assert_eq!(second.leave(&mut emission, 3), Ok(None));
    assert_eq!(second.leave(&mut emission, 2), Ok(Some(())));
    assert_eq!((emission.staked, second.shares), (1, 0));
    assert_eq!(second.claim(&mut emission), Ok(66));
    assert_eq!((second.earned, emission.promised), (0, 34));
    assert_eq!(second.claim(&mut emission), Ok(0));
    assert_eq!(Stake { earned: 35, ..first }.claim(&mut emission), Err(Overflow));
    assert_eq!(Stake { index: U256::MAX, ..first }.settle(emission.index), Err(Overflow));
    assert_eq!(first.join(&mut emission, u128::MAX), Err(Overflow));
}

#[test]
fn the_most_of_a_rebate_is_what_fees_take() {
    assert_eq!(most_rebate_bps(800, 200, 2_000), Ok(933)); // 8.4 of 90
    assert_eq!(most_rebate_bps(1_000, 0, 0), Ok(1_111));
    assert_eq!(most_rebate_bps(1_000, 0, 10_000), Ok(0));
    assert_eq!(most_rebate_bps(0, 0, 0), Ok(0));
    assert_eq!(most_rebate_bps(5_000, 0, 0), Ok(10_000));
    for (treasury, jury, referral) in [(10_000, 0, 0), (6_000, 5_000, 0), (1, 1, 10_001)] {
        assert_eq!(most_rebate_bps(treasury, jury, referral), Err(Overflow));
    }
}
