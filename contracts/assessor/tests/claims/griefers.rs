//! What an attacker would try, each way by itself: to be paid after the time, twice or too soon, to hold the pool's money
//! for nothing, to take a claimant's rise.

use alloy_primitives::U256;
use protocol::abi::{
    IAssessor::*,
    IERC721::setApprovalForAllCall,
    IFallTrigger::InsufficientGas,
    IPolicy,
    IRisk::{self, CatchUpFirst},
};

use crate::world::*;

/// Number, verdict and closing of each booking, in order.
fn bookings(town: &Town) -> Vec<(U256, u8, bool)> {
    let reported = town.world.events::<IncidentReported>(town.assessor);
    reported.iter().map(|one| (one.number, one.verdict, one.closedAt != 0)).collect()
}

#[test]
fn a_dispute_under_the_newest_incident_ends_with_the_time_for_its_claims() {
    for broken in [false, true] {
        let town = Town::new();
        let alice = town.person("alice");
        let policy = town.buy(PLAIN, alice, usd(1_000_000));
        let incident = town.strike(5_000);
        town.close();
        town.report(PLAIN);
        if broken {
            town.script.broken.set(Some(true));
        } else {
            town.script.word.set(Some((NOT_MET, 0)));
        }
        town.world.warp(GRACE + 1);
        let refused = town.refused::<IRisk::ClaimAfterDeadline>(alice, dispute(policy, incident, 5_000));
        assert!(refused.clock > refused.deadline);
    }
}

#[test]
fn in_the_last_second_of_the_time_a_dispute_is_heard() {
    let town = Town::new();
    let policy = town.buy(PLAIN, town.person("alice"), usd(1_000_000));
    let incident = town.strike(5_000);
    town.close();
    town.report(PLAIN);
    town.script.word.set(Some((NOT_MET, 0)));
    town.world.warp(GRACE);
    assert_eq!(town.dispute(policy, incident, 5_000), stage::JURY);
}

#[test]
fn a_loss_that_a_jury_awarded_is_not_paid_again_under_its_incident() {
    let town = Town::new();
    let alice = town.person("alice");
    let policy = town.buy(EXPLOIT, alice, usd(1_000_000));
    town.world.warp(2 * HOUR);
    assert_eq!(town.dispute(policy, 0, 4_000), stage::JURY);
    town.judge(1, AWARD, usd(400_000));
    assert_eq!(town.execute(policy).1, usd(400_000));
    // the trigger needed two observations
    let incident = town.strike(4_000);
    town.refused::<NothingToPay>(alice, filing(policy, incident));
    town.script.word.set(Some((CONFIRMED, 4_500)));
    assert_eq!(town.file(policy, incident).0, usd(50_000), "what the trigger proves beyond it");
}

#[test]
fn a_loss_that_was_paid_under_an_incident_is_not_awarded_again_without_one() {
    let town = Town::new();
    let alice = town.person("alice");
    let policy = town.buy(PLAIN, alice, usd(1_000_000));
    let incident = town.strike(4_000);
    assert_eq!(town.file(policy, incident).1, usd(400_000));
    town.refused::<NothingToPay>(alice, dispute(policy, 0, 4_000));
    assert_eq!(town.dispute(policy, 0, 5_000), stage::JURY);
    assert_eq!(town.claim(policy).amount, usd(100_000), "the loss of the position as a whole");
}

#[test]
fn a_no_of_the_trigger_is_not_undone_by_its_silence() {
    let town = Town::new();
    let alice = town.person("alice");
    let policy = town.buy(STRICT, alice, usd(1_000_000));
    town.strike(2_000);
    town.script.word.set(Some((INCONCLUSIVE, 0)));
    town.dispute(policy, 1, 2_000);
    town.script.word.set(Some((NOT_MET, 0)));
    town.execute(policy);
    town.world.warp(30 * DAY + 1);
    town.script.broken.set(Some(true));
    assert_eq!(town.execute(policy), (U256::ZERO, U256::ZERO));
    assert_eq!((town.stage(policy), town.credit(alice)), (stage::NONE, U256::ZERO), "the deposit is the jury's");
}

#[test]
fn nobody_makes_a_trigger_silent_by_what_he_sends() {
    let town = Town::new();
    let alice = town.person("alice");
    let policy = town.buy(STRICT, alice, usd(1_000_000));
    town.world.warp(2 * HOUR);
    town.script.strict.set(true);
    let junk = || fileDisputedCall { evidence: vec![1].into(), ..dispute(policy, 0, 10_000) };
    assert_eq!(town.refused::<JuryNotAllowed>(alice, junk()).product, u(STRICT), "without evidence it says no");
    // with a reason to wait there is a claim, and junk does not end it well either
    town.script.word.set(Some((INCONCLUSIVE, 0)));
    assert_eq!(town.must(alice, town.assessor, junk()).stage, stage::WAITING);
    town.script.word.set(Some((NOT_MET, 0)));
    let execute = || executeCall { evidence: vec![1].into(), ..execution(policy) };
    town.must(alice, town.assessor, execute());
    assert!(town.claim(policy).answered);
    town.world.warp(30 * DAY + 1);
    town.must(alice, town.assessor, execute());
    assert_eq!((town.stage(policy), town.credit(alice)), (stage::NONE, U256::ZERO));
}

#[test]
fn a_trigger_that_was_given_too_little_gas_has_said_nothing() {
    let town = Town::new();
    let alice = town.person("alice");
    let policy = town.buy(STRICT, alice, usd(1_000_000));
    town.strike(2_000);
    town.script.starved.set(true);
    town.refused::<InsufficientGas>(alice, dispute(policy, 1, 2_000));
    town.script.starved.set(false);
    town.script.word.set(Some((INCONCLUSIVE, 0)));
    town.dispute(policy, 1, 2_000);
    town.script.starved.set(true);
    town.refused::<InsufficientGas>(alice, execution(policy));
}

#[test]
fn a_claim_that_waits_rises_with_its_loss() {
    let town = Town::new();
    let (alice, bob) = (town.person("alice"), town.person("bob"));
    let policy = town.buy(PLAIN, alice, usd(2_000_000));
    let incident = town.strike(3_000);
    town.refused::<WrongStage>(alice, raising(policy));
    town.file(policy, incident);
    town.refused::<NothingToPay>(alice, raising(policy));
    let case = town.challenge(bob, policy);
    town.script.events.borrow_mut()[0].3 = 6_000;
    town.close();
    town.report(PLAIN);
    assert_eq!(town.refused::<NotClaimant>(bob, raising(policy)).caller, bob);
    let wrong = raiseClaimCall { entry: vec![1].into(), ..raising(policy) };
    town.refused::<EntryMismatch>(alice, wrong);
    assert_eq!(town.must(alice, town.assessor, raising(policy)), usd(1_200_000));
    let claim = town.claim(policy);
    assert_eq!((claim.stage, claim.amount, claim.bond), (stage::CHALLENGED, usd(1_200_000), usd(12_000)));
    assert_eq!(town.reserve(), usd(1_200_000), "all of it is reserved");
    // the jury is slow, and the incident lapses meanwhile
    town.world.warp(GRACE + 1);
    let before = town.money(alice);
    town.judge(case, AWARD, U256::MAX);
    assert_eq!(town.execute(policy), (usd(1_200_000), usd(1_200_000)));
    assert_eq!((town.money(alice) - before, town.reserve()), (usd(1_200_000), U256::ZERO));
    assert_eq!(town.read(town.assessor, claimOfCall { policy, incident: u(incident) }), usd(1_200_000));
}

#[test]
fn a_delayed_claim_that_rises_waits_as_long_as_the_whole_and_only_while_the_incident_lasts() {
    let town = Town::new();
    let (alice, bob) = (town.person("alice"), town.person("bob"));
    let policy = town.buy(PLAIN, alice, usd(3_000_000));
    town.must(alice, town.policy, setApprovalForAllCall { operator: bob, approved: true });
    let incident = town.strike(2_000);
    town.file(policy, incident);
    let due = town.claim(policy).due;
    assert!(due < town.world.now() + DAY);
    town.world.warp(HOUR);
    town.script.events.borrow_mut()[0].3 = 9_000;
    assert_eq!(town.must(bob, town.assessor, raising(policy)), usd(2_700_000), "an operator, too");
    assert_eq!(town.claim(policy).due, town.world.now() + 3 * DAY);
    for (word, expected) in [(NOT_MET, true), (INCONCLUSIVE, false)] {
        town.script.word.set(Some((word, 0)));
        if expected {
            town.refused::<ClaimNotMet>(alice, raising(policy));
        } else {
            town.refused::<ClaimInconclusive>(alice, raising(policy));
        }
    }
    town.script.word.set(None);
    town.close();
    town.report(PLAIN);
    // a stranger waits for nobody, but after the lapse nothing rises
    town.must(town.guardian, town.assessor, prolongCall { policy, duration: 7 * DAY, reason: text("odd") });
    town.script.events.borrow_mut()[0].3 = 10_000;
    town.world.warp(GRACE + 1);
    assert!(town.send(alice, town.assessor, raising(policy)).is_err());
    assert_eq!(town.execute(policy).1, usd(2_700_000));
}

#[test]
fn parts_wait_as_long_as_the_whole() {
    let town = Town::new();
    let alice = town.person("alice");
    let policies: Vec<_> = (0..20).map(|_| town.buy(EXPLOIT, alice, usd(100_000))).collect();
    let incident = town.strike(10_000);
    let now = town.world.now();
    let waits: Vec<_> = policies
        .iter()
        .map(|policy| {
            town.file(*policy, incident);
            town.claim(*policy).due - now
        })
        .collect();
    assert!(waits.windows(2).all(|pair| pair[0] < pair[1]), "each waits longer: {waits:?}");
    assert!(waits[19] > 3 * DAY - HOUR, "the last as long as one of 2 M: {}", waits[19]);
}

#[test]
fn a_filing_leaves_no_incident_before_its_own_open_in_the_books() {
    let town = Town::new();
    let policy = town.buy(PLAIN, town.person("alice"), usd(100_000));
    town.buy(PLAIN, town.person("bob"), usd(3_000_000));
    town.strike(1_000);
    town.report(PLAIN);
    town.close();
    let second = town.strike(1_000);
    assert_eq!(town.file(policy, second).1, usd(10_000));
    let expected = [(u(1), CONFIRMED, false), (u(1), CONFIRMED, true), (u(2), CONFIRMED, false)];
    assert_eq!(bookings(&town), expected);
    town.close();
    town.report(PLAIN);
    // both worst losses, of what both policies can still claim
    assert!(town.reserve() <= usd(620_000), "{}", town.reserve());
}

#[test]
fn a_filing_books_eight_incidents_and_no_more() {
    let town = Town::new();
    let alice = town.person("alice");
    let policy = town.buy(PLAIN, alice, usd(100_000));
    for _ in 0..17 {
        town.strike(100);
        town.close();
    }
    town.refused::<CatchUpFirst>(alice, filing(policy, 17));
    town.report(PLAIN);
    town.report(PLAIN);
    assert_eq!(town.file(policy, 17).1, usd(1_000));
}

#[test]
fn who_challenges_himself_pays_for_it() {
    let town = Town::new();
    let (alice, bob) = (town.person("alice"), town.person("bob"));
    let policy = town.buy(PLAIN, alice, usd(2_000_000));
    let incident = town.strike(5_000);
    town.file(policy, incident);
    let jury = |town: &Town| town.read(town.assessor, moneyOfCall { asset: town.token.at }).jury;
    let case = town.challenge(bob, policy);
    let before = jury(&town);
    town.judge(case, DRAW, U256::ZERO);
    town.execute(policy);
    assert_eq!(town.credit(alice) + town.credit(bob), usd(10_000), "of 20,000");
    assert_eq!(jury(&town) - before, usd(10_000));
}

/// An exploit's claim of 900,000 that is due.
fn exploited() -> (Town, U256) {
    let town = Town::new();
    let policy = town.buy(EXPLOIT, town.person("alice"), usd(1_000_000));
    let incident = town.strike(9_000);
    town.file(policy, incident);
    town.world.warp(3 * DAY);
    (town, policy)
}

#[test]
fn an_exploit_is_proven_again_at_payment_and_the_smaller_loss_is_paid() {
    for (word, paid) in [((CONFIRMED, 9_500), 900_000), ((CONFIRMED, 4_000), 400_000), ((NOT_MET, 0), 0)] {
        let (town, policy) = exploited();
        let alice = town.person("alice");
        town.script.word.set(Some(word));
        let before = town.money(alice);
        town.must(alice, town.assessor, execution(policy));
        assert_eq!((town.money(alice) - before, town.stage(policy)), (usd(paid), stage::NONE));
        town.check();
    }
}

#[test]
fn nobody_else_takes_the_moment_at_which_less_is_proven() {
    let (town, policy) = exploited();
    let (bob, wrong) = (town.person("bob"), executeCall { entry: vec![1].into(), ..execution(policy) });
    town.refused::<EntryMismatch>(bob, wrong);
    for word in [(CONFIRMED, 8_999), (NOT_MET, 0), (INCONCLUSIVE, 0)] {
        town.script.word.set(Some(word));
        town.refused::<ClaimInconclusive>(bob, execution(policy));
    }
    town.refused::<ClaimInconclusive>(town.person("alice"), execution(policy));
    town.script.starved.set(true);
    town.refused::<InsufficientGas>(bob, execution(policy));
    town.script.starved.set(false);
    town.script.word.set(None);
    assert_eq!(town.execute(policy).1, usd(900_000), "anyone, where all of it is still lost");

    // a month later whoever executes is right, and silence leaves it at what was proven
    let (town, policy) = exploited();
    town.world.warp(31 * DAY);
    town.script.word.set(Some((CONFIRMED, 1_000)));
    assert_eq!(town.execute(policy).1, usd(100_000));
    let (town, policy) = exploited();
    town.world.warp(31 * DAY);
    town.script.broken.set(Some(false));
    assert_eq!(town.execute(policy).1, usd(900_000));
}

#[test]
fn a_policy_that_waits_is_locked_for_everybody() {
    let (town, policy) = exploited();
    town.refused::<IPolicy::PolicyLocked>(town.person("alice"), filing(policy, 1));
    assert!(!town.moves(policy));
}
