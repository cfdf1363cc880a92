//! Evidence: losses, exposure and the rate in force.

use actuary::math::{WAD, YEAR};
use alloy_primitives::U256;
use protocol::abi::{IRisk, ParameterOutOfBounds};
use standards::errors::MathOverflow;

use crate::town::{CONFIRMED, DAY, GRACE, MILLE, TERM, Town, WEEK, plain_terms, text, u, usd};

/// Whether two values differ by at most a part in `parts`.
#[track_caller]
fn assert_near(actual: U256, expected: U256, parts: u64) {
    assert!(actual.abs_diff(expected) <= expected / u(parts) + u(1), "{actual} is not near {expected}");
}

/// r̂ for K = 15 M and r₀ = 0.8 %.
fn rate(losses: u64, exposure: u64) -> U256 {
    let k = 15_000_000;
    (U256::from(losses) * WAD + U256::from(k) * u(8 * MILLE)) / U256::from(exposure + k)
}

#[test]
fn without_evidence_the_rate_is_the_prior() {
    let town = Town::plain();
    let estimate = town.estimate();
    assert_eq!((estimate.losses, estimate.exposure, estimate.rate), (U256::ZERO, U256::ZERO, u(8 * MILLE)));
    let unknown = town.unread(IRisk::estimateCall { family: u(2) });
    unknown.expect::<IRisk::UnknownProduct>();
}

#[test]
fn exposure_accrues_by_itself_and_lowers_the_rate() {
    let town = Town::plain();
    town.buy("X", usd(8_000_000));
    town.warp(73 * DAY); // a fifth of a year
    let estimate = town.estimate();
    // 1.6 M years, less what 73 days forget of it: H/ln 2 · (1 − 2^(−0.1)) = 70.53 days of 73
    assert_near(estimate.exposure, usd(1_545_806), 10_000);
    assert_near(estimate.rate, rate(0, 1_545_806), 10_000);
    // looking at it changes nothing
    for _ in 0..5 {
        town.catch_up("X", 1);
    }
    assert_eq!(town.estimate().exposure, estimate.exposure);
}

#[test]
fn over_its_life_a_policy_has_its_cover_times_its_term_of_exposure() {
    let mut terms = plain_terms();
    terms.pricing.halfLife = (3_650 * DAY) as u32; // so that forgetting does not hide it
    let town = Town::with(terms);
    town.buy("X", usd(8_000_000));
    let expected = usd(8_000_000) * u(TERM) / YEAR;
    // in the books it is longer: waiting, grace, the rest of its week, and nobody looks for a while
    town.warp(TERM + GRACE + 20 * WEEK);
    town.catch_up("X", 64);
    assert_near(town.estimate().exposure, expected, 20);
    // cancelled in the middle of its term it has half of it
    let exposure = town.estimate().exposure;
    let half = town.buy("Y", usd(8_000_000));
    town.warp(DAY + TERM / 2);
    town.release(&half);
    assert_near(town.estimate().exposure - exposure, expected / u(2), 20);
    // cancelled at once it has none
    let exposure = town.estimate().exposure;
    let none = town.buy("Y", usd(8_000_000));
    town.warp(DAY);
    town.release(&none);
    assert!(town.estimate().exposure <= exposure);
}

#[test]
fn a_loss_raises_the_rate_at_once_and_it_falls_by_at_most_a_quarter_a_day() {
    let mut terms = plain_terms();
    terms.pricing.credibility = 1_000_000_000; // 1,000: nothing but evidence counts
    let town = Town::with(terms);
    let mut sold = town.buy("X", usd(1_000_000));
    town.warp(2 * DAY);
    town.open("X");
    let before = town.estimate().rate;
    town.claim(&mut sold, 5, usd(500));
    let high = town.estimate().rate;
    assert!(high > before * u(5), "{before} {high}");
    let event = &town.world.events::<IRisk::LossRecorded>(town.risk)[0];
    assert_eq!((event.family, event.amount, event.at, event.rate), (u(1), usd(500), town.now(), high));
    // much exposure: the estimate falls fast, the rate in force does not
    let mut rates = vec![high];
    for _ in 0..4 {
        town.buy("Y", usd(9_000_000));
        town.warp(DAY);
        rates.push(town.estimate().rate);
    }
    for pair in rates.windows(2) {
        assert!(pair[1] >= pair[0] * u(3) / u(4), "{pair:?}");
    }
    assert_near(rates[1], high * u(3) / u(4), 1_000);
    assert_near(rates[4], high * u(81) / u(256), 1_000);
    town.warp(60 * DAY);
    assert_eq!(town.estimate().rate, u(MILLE), "the least there is");
}

#[test]
fn the_rate_stays_within_its_bounds() {
    let mut terms = plain_terms();
    terms.pricing.minRate = 7 * MILLE;
    terms.pricing.maxRate = 9 * MILLE;
    let town = Town::with(terms);
    town.own(IRisk::seedLossCall { family: u(1), at: town.now(), loss: usd(500_000), exposure: u(0) });
    assert_eq!(town.estimate().rate, u(9 * MILLE));
    town.own(IRisk::seedLossCall { family: u(1), at: town.now(), loss: u(0), exposure: usd(5_000_000_000) });
    town.warp(30 * DAY);
    assert_eq!(town.estimate().rate, u(7 * MILLE));
}

#[test]
fn an_incident_counts_up_to_the_loss_cap() {
    let mut terms = plain_terms();
    terms.pricing.lossCap = usd(1_000_000).to();
    let town = Town::with(terms);
    let (mut a, mut b) = (town.buy("X", usd(800_000)), town.buy("X", usd(800_000)));
    let mut c = town.buy("Y", usd(800_000));
    town.warp(2 * DAY);
    town.open("X");
    town.open("Y");
    town.claim(&mut a, 10_000, usd(800_000));
    assert_eq!(town.estimate().losses, usd(800_000));
    town.claim(&mut b, 5_000, usd(400_000));
    assert_eq!(town.estimate().losses, usd(1_000_000), "of 1.2 M");
    town.claim(&mut b, 10_000, usd(800_000));
    assert_eq!(town.estimate().losses, usd(1_000_000));
    town.claim(&mut c, 10_000, usd(800_000)); // another line's incident
    assert_eq!(town.estimate().losses, usd(1_800_000));
    let recorded: Vec<_> = town.world.events::<IRisk::LossRecorded>(town.risk).iter().map(|e| e.amount).collect();
    assert_eq!(recorded, [usd(800_000), usd(200_000), usd(800_000)]);
}

#[test]
fn losses_and_exposure_are_forgotten_by_half_lives() {
    let town = Town::plain();
    town.own(IRisk::seedLossCall { family: u(1), at: town.now(), loss: usd(100_000), exposure: usd(2_000_000) });
    assert_eq!(town.estimate().losses, usd(100_000));
    assert_near(town.estimate().exposure, usd(2_000_000), 1_000_000);
    assert_near(town.estimate().rate, rate(100_000, 2_000_000), 1_000_000);
    town.warp(730 * DAY);
    assert_near(town.estimate().losses, usd(50_000), 1_000_000);
    assert_near(town.estimate().exposure, usd(1_000_000), 1_000_000);
}

#[test]
fn historical_losses_are_kept_as_records_and_count_by_their_date() {
    let town = Town::plain();
    let at = town.now() - 730 * DAY;
    town.own(IRisk::seedLossCall { family: u(1), at, loss: usd(20_000_000), exposure: usd(4_000_000) });
    town.own(IRisk::seedLossCall { family: u(1), at: 0, loss: usd(7), exposure: usd(9) });
    // capped at 10 M, then two years old
    assert_near(town.estimate().losses, usd(5_000_000), 1_000_000);
    assert_near(town.estimate().exposure, usd(2_000_000), 1_000_000);
    assert_eq!(town.read(IRisk::seedCountCall { family: u(1) }), u(2));
    let seed = town.read(IRisk::seedCall { family: u(1), index: u(0) });
    assert_eq!((seed.at, seed.loss, seed.exposure), (at, usd(20_000_000).to(), usd(4_000_000).to()));
    let seed = town.read(IRisk::seedCall { family: u(1), index: u(1) });
    assert_eq!((seed.at, seed.loss, seed.exposure), (0, usd(7).to(), usd(9).to()));
    let event = &town.world.events::<IRisk::LossRecorded>(town.risk)[0];
    assert_eq!((event.at, event.rate), (at, town.world.events::<IRisk::LossRecorded>(town.risk)[1].rate));

    let call = IRisk::seedLossCall { family: u(1), at: town.now() + 1, loss: u(1), exposure: u(1) };
    assert_eq!(town.owner_refused(call).expect::<ParameterOutOfBounds>().parameter, text("at"));
    let call = IRisk::seedLossCall { family: u(5), at: 0, loss: u(1), exposure: u(1) };
    town.owner_refused(call).expect::<IRisk::UnknownProduct>();
    let call = IRisk::seedLossCall { family: u(1), at: 0, loss: U256::MAX, exposure: u(1) };
    town.owner_refused(call).expect::<MathOverflow>();
}

#[test]
fn a_revision_keeps_the_evidence_and_moves_the_rate_gently() {
    let town = Town::plain();
    town.own(IRisk::seedLossCall { family: u(1), at: town.now(), loss: usd(600_000), exposure: usd(15_000_000) });
    let before = town.estimate();
    assert_near(before.rate, rate(600_000, 15_000_000), 1_000_000); // 2.4 %
    let mut terms = plain_terms();
    terms.pricing.priorRate = MILLE;
    terms.pricing.credibility = usd(1_000_000_000).to();
    terms.pricing.halfLife = (365 * DAY) as u32;
    town.own(IRisk::reviseProductCall { family: u(1), newTerms: terms });
    let after = town.estimate();
    assert_eq!((after.losses, after.rate), (before.losses, before.rate));
    town.warp(DAY);
    assert_near(town.estimate().rate, before.rate * u(3) / u(4), 1_000);
    town.warp(364 * DAY);
    assert_near(town.estimate().losses, usd(300_000), 10_000);
    assert_near(town.estimate().rate, u(1_296 * MILLE / 1_000), 100); // (300 + 1,000) K ÷ 1,007.5 M
}

#[test]
fn coinsurance_follows_the_evidence() {
    let mut terms = plain_terms();
    terms.limits.coinsuranceBaseBps = 1_000;
    terms.limits.coinsuranceSlopeBps = 20_000;
    terms.limits.coinsuranceMaxBps = 3_000;
    let town = Town::with(terms);
    let ratio = || town.world.send(town.policy, town.risk, town.purchase("X", usd(1_000))).unwrap().ratioBps;
    assert_eq!(ratio(), u(8_840));
    town.own(IRisk::seedLossCall { family: u(1), at: town.now(), loss: usd(480_000), exposure: usd(0) });
    assert_eq!(ratio(), u(8_200)); // 4 %
    town.own(IRisk::seedLossCall { family: u(1), at: town.now(), loss: usd(9_000_000), exposure: usd(0) });
    assert_eq!(ratio(), u(7_000));
}

#[test]
fn the_exposure_of_lines_that_claim_stays_theirs() {
    let town = Town::plain();
    let mut sold = town.buy("X", usd(1_000_000));
    town.warp(2 * DAY);
    town.book(town.report("X", 1, CONFIRMED, town.now(), 0, 10_000));
    town.claim(&mut sold, 10_000, usd(1_000_000));
    let exposure = town.estimate().exposure;
    assert!(exposure > U256::ZERO);
    town.warp(TERM + GRACE);
    town.release(&sold);
    assert!(town.estimate().exposure <= exposure);
    assert_eq!(town.active_cover(), U256::ZERO);
}
