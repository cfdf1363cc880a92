//! Juries: medians, majorities, penalties and tenures, by example and against plain models.

use actuary::jury::{
    Entry, GRAIN, MOST_ENTRIES, Outcome, SHARES, Tally, Tenure, award_limit, median, part, penalty, quorum, weight,
};
use alloy_primitives::U256;
use proptest::{collection::vec, prelude::*};

const fn tally(awards: u64, denies: u64) -> Tally {
    Tally { committed: awards + denies, awards, denies }
}

#[test]
fn it_takes_exactly_66_percent() {
    assert_eq!(tally(66, 34).outcome(0, false), Outcome::Award);
    assert_eq!(tally(6_599, 3_401).outcome(0, false), Outcome::Draw);
    assert_eq!(tally(34, 66).outcome(0, false), Outcome::Denied);
    assert_eq!(tally(3_401, 6_599).outcome(0, false), Outcome::Draw);
    assert_eq!(tally(50, 50).outcome(0, false), Outcome::Draw);
    assert_eq!(tally(u64::MAX / 2, 0).outcome(0, false), Outcome::Award);
}

#[test]
fn a_simple_case_takes_more_than_half() {
    assert_eq!(tally(51, 49).outcome(0, true), Outcome::Award);
    assert_eq!(tally(49, 51).outcome(0, true), Outcome::Denied);
    assert_eq!(tally(50, 50).outcome(0, true), Outcome::Draw);
}

#[test]
fn a_quorum_that_is_missed_by_one_is_missed() {
    for simple in [false, true] {
        assert_eq!(tally(100, 0).outcome(100, simple), Outcome::Award);
        assert_eq!(tally(99, 0).outcome(100, simple), Outcome::Draw);
        assert_eq!(tally(0, 0).outcome(0, simple), Outcome::Draw);
    }
    assert_eq!(quorum(1_000, 1_500), Ok(150));
    assert_eq!(quorum(1_001, 1_500), Ok(151));
    assert_eq!(quorum(0, 1_500), Ok(0));
}

#[test]
fn who_is_right_depends_on_the_outcome() {
    let tally = Tally { committed: 100, awards: 50, denies: 20 };
    assert_eq!(tally.sides(Outcome::Award), (50, 50));
    assert_eq!(tally.sides(Outcome::Denied), (20, 80));
    assert_eq!(tally.sides(Outcome::Draw), (70, 30));
}

#[test]
fn the_median_is_the_lower_one() {
    assert_eq!(median(&[]), 0);
    assert_eq!(median(&[0; SHARES]), 0);
    assert_eq!(median(&[0, 5, 0]), 2);
    assert_eq!(median(&[5, 0, 5]), 1);
    assert_eq!(median(&[4, 2, 5]), 2);
    assert_eq!(median(&[5, 5, 11]), 3);
    assert_eq!(median(&[u64::MAX, u64::MAX, u64::MAX]), 2);
}

#[test]
fn a_penalty_is_exact() {
    // a thousand tokens, one per cent
    let grains = (1_000 * 10u128.pow(18) / GRAIN) as u64;
    assert_eq!(penalty(grains, 100), 10 * 10u128.pow(18));
    assert_eq!(penalty(1, 1), GRAIN / 10_000);
}

#[test]
fn an_award_is_limited_by_what_was_revealed() {
    // 2,000 tokens, and 3 of an asset of six decimals for each
    let grains = (2_000 * 10u128.pow(18) / GRAIN) as u64;
    assert_eq!(award_limit(grains, U256::from(3_000_000)), Ok(U256::from(6_000_000_000u64)));
    assert_eq!(award_limit(1, U256::from(99_999_999)), Ok(U256::ZERO));
}

#[test]
fn a_weight_is_in_whole_grains_and_leaves_what_is_at_risk() {
    assert_eq!(weight(7 * GRAIN - 1, 7 * GRAIN, 0), Ok(6));
    assert_eq!(weight(7 * GRAIN, 9 * GRAIN, 3 * GRAIN), Ok(6));
    assert_eq!(weight(GRAIN, GRAIN, GRAIN), Ok(0));
    assert!(weight(0, 1, 2).is_err());
}

#[test]
fn a_fall_takes_what_came_last() {
    let mut tenure = Tenure::default();
    tenure.set(10, 100);
    tenure.set(20, 150);
    tenure.set(30, 120);
    tenure.set(40, 200);
    assert_eq!([9, 10, 19, 20, 39, 40, 99].map(|since| tenure.least(since)), [0, 100, 100, 120, 120, 200, 200]);
    tenure.set(50, 90);
    assert_eq!([9, 10, 99].map(|since| tenure.least(since)), [0, 90, 90]);
    tenure.set(60, 0);
    assert_eq!((tenure.entries(), tenure.stake()), (&[][..], 0));
    tenure.set(70, 5);
    assert_eq!([69, 70].map(|since| tenure.least(since)), [0, 5]);
}

#[test]
fn a_full_tenure_gives_up_what_costs_least() {
    let mut tenure = Tenure::default();
    for step in 0..MOST_ENTRIES as u64 {
        tenure.set(1_000 * step + 1_000, u128::from(step + 1) * 100 * GRAIN);
    }
    // a second's worth of one grain is given up, not the stake that has been there longest
    tenure.set(8_001, 801 * GRAIN);
    tenure.set(8_002, 900 * GRAIN);
    assert_eq!(tenure.entries().len(), MOST_ENTRIES);
    assert_eq!(tenure.least(1_000), 100 * GRAIN);
    assert_eq!(tenure.least(8_001), 700 * GRAIN);
    assert_eq!(tenure.least(8_002), 900 * GRAIN);
}

proptest! {
    #[test]
    fn the_median_splits_the_weight(weights in vec(0u64..1_000, 1..SHARES)) {
        let place = median(&weights);
        let total: u64 = weights.iter().sum();
        if total == 0 {
            prop_assert_eq!(place, 0);
        } else {
            let below: u64 = weights[..place - 1].iter().sum();
            prop_assert!(2 * below < total);
            prop_assert!(2 * (below + weights[place - 1]) >= total);
        }
    }

    #[test]
    fn a_cartel_below_a_third_awards_nothing_and_one_above_makes_a_draw(cartel in 0u64..1_000_000, honest in 1u64..1_000_000, simple: bool) {
        let (revealed, of) = (cartel + honest, tally(cartel, honest).outcome(0, simple));
        if 3 * cartel < revealed {
            prop_assert_ne!(of, Outcome::Award);
        }
        if !simple && 100 * cartel > 34 * revealed && 100 * cartel < 66 * revealed {
            prop_assert_eq!(of, Outcome::Draw);
        }
        // nothing is different from the other side
        let mirrored = tally(honest, cartel).outcome(0, simple);
        prop_assert_eq!(of == Outcome::Award, mirrored == Outcome::Denied);
        prop_assert_eq!(of == Outcome::Draw, mirrored == Outcome::Draw);
    }

    #[test]
    fn penalties_add_up(weights in vec(any::<u32>(), 0..20), bps in 1u64..500) {
        let sum: u64 = weights.iter().copied().map(u64::from).sum();
        let each: u128 = weights.iter().map(|weight| penalty(u64::from(*weight), bps)).sum();
        prop_assert_eq!(each, penalty(sum, bps));
    }

    #[test]
    fn what_is_at_risk_never_exceeds_the_stake(stake in 0u128..1 << 90, rounds in vec((10u64..=500, any::<bool>()), 0..200)) {
        let (mut stake, mut open) = (stake, Vec::new());
        for (bps, settles) in rounds {
            let at_risk: u128 = open.iter().sum();
            open.push(penalty(weight(stake, stake, at_risk).unwrap(), bps));
            prop_assert!(open.iter().sum::<u128>() <= stake);
            if settles {
                stake -= open.remove(0);
            }
        }
    }

    #[test]
    fn parts_in_any_order_are_the_whole(pot in 0u128..1 << 100, weights in vec(1u128..1 << 64, 1..20)) {
        let (mut left, mut of) = (pot, weights.iter().sum::<u128>());
        for weight in weights {
            let taken = part(left, weight, of).unwrap();
            (left, of) = (left - taken, of - weight);
        }
        prop_assert_eq!(left, 0);
    }

    /// Against all that a stake ever was. Exact while there is room, and never more.
    #[test]
    fn the_least_stake_is_the_least_there_was(steps in vec((0u64..50, 0u128..20), 1..60)) {
        let (mut tenure, mut time) = (Tenure::default(), 1_000);
        let mut history = vec![Entry::default()];
        let mut exact = true;
        for (wait, stake) in steps {
            time += wait;
            let stake = stake * GRAIN;
            exact &= !(tenure.entries().len() == MOST_ENTRIES && stake > tenure.stake());
            tenure.set(time, stake);
            history.push(Entry { time, stake });
            prop_assert_eq!(tenure.stake(), stake);
            prop_assert!(tenure.entries().is_sorted_by(|a, b| a.time < b.time && a.stake < b.stake));
            for since in (990..=time).step_by(7) {
                let before = history.iter().rposition(|entry| entry.time <= since).unwrap_or_default();
                let least = history[before..].iter().map(|entry| entry.stake).min().unwrap();
                prop_assert!(tenure.least(since) <= least);
                if exact {
                    prop_assert_eq!(tenure.least(since), least);
                }
            }
        }
    }
}
