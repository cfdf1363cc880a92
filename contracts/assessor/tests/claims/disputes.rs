//! Challenges, disputes and waits: every way through the jury, and every way without.

use alloy_primitives::U256;
use alloy_sol_types::Revert;
use protocol::abi::IAssessor::*;
use testkit::token::Erc20;

use crate::world::*;

/// A claim of a million that waits for its delay.
fn delayed() -> (Town, U256, u64) {
    let town = Town::new();
    let policy = town.buy(PLAIN, town.person("alice"), usd(2_000_000));
    let incident = town.strike(5_000);
    town.file(policy, incident);
    (town, policy, incident)
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————————— challenge

#[test]
fn anyone_challenges_a_delayed_claim_once_and_before_it_is_due() {
    let (town, policy, _) = delayed();
    let (bob, carol) = (town.person("bob"), town.person("carol"));
    let case = town.challenge(bob, policy);
    let claim = town.claim(policy);
    assert_eq!((claim.stage, claim.party, claim.bond), (stage::CHALLENGED, bob, usd(20_000)), "2 % of it");
    assert_eq!(claim.juryCase, u(case));
    let asked = town.jurors.asked.borrow()[0].clone();
    assert_eq!((asked.policy, asked.asset, asked.amount), (policy, town.token.at, usd(1_000_000)));
    assert_eq!((asked.bond, town.money(town.person("jury"))), (usd(20_000), asked.fee));
    assert_eq!((asked.snapshot, asked.simple, asked.reason), (claim.filedAt, false, text("it was not")));
    town.check();
    town.fund(carol, usd(1_000_000));
    assert_eq!(town.refused::<WrongStage>(carol, challenge(policy)).stage, stage::CHALLENGED);
    let pending = town.refused::<VerdictPending>(carol, execution(policy));
    assert_eq!((pending.policy, pending.juryCase), (policy, u(case)));

    let (town, policy, _) = delayed();
    town.fund(bob, usd(1_000_000));
    town.world.warp(3 * DAY);
    town.refused::<TooLate>(bob, challenge(policy));
}

#[test]
fn a_challenged_claim_that_the_jury_denies_is_undone_to_the_unit() {
    let town = Town::new();
    let (alice, bob) = (town.person("alice"), town.person("bob"));
    let policy = town.buy(PLAIN, alice, usd(2_000_000));
    let other = town.buy(PLAIN, town.person("carol"), usd(1_000_000));
    let incident = town.strike(5_000);
    town.report(PLAIN);
    town.must(bob, town.vault, protocol::abi::IVault::collectFeesCall {});
    let (reserve, cover, before) = (town.reserve(), town.active_cover(), town.solvency());
    town.file(policy, incident);
    let case = town.challenge(bob, policy);
    town.judge(case, DENIED, U256::ZERO);
    assert_eq!(town.execute(policy), (U256::ZERO, U256::ZERO));
    let after = town.solvency();
    assert_eq!((town.reserve(), town.active_cover()), (reserve, cover));
    assert_eq!((after.assets, after.owed, after.payables), (before.assets, before.owed, before.payables));
    assert_eq!((town.policy_of(policy).confirmed, town.policy_of(policy).locked), (U256::ZERO, false));
    let denied = town.world.events::<ClaimDenied>(town.assessor);
    assert_eq!((denied[0].policy, denied[0].amount), (policy, usd(1_000_000)));
    // his bond, and a twentieth of the jury's money
    assert!(town.credit(bob) > usd(20_000), "a justified challenge earns something");
    assert_eq!(town.read(town.assessor, deniedOfCall { policy, incident: u(incident) }), usd(1_000_000));

    // The same loss does not rise again; a larger one does, by what it is larger.
    town.refused::<NothingToPay>(alice, filing(policy, incident));
    town.script.word.set(Some((CONFIRMED, 5_100)));
    assert_eq!(town.file(policy, incident), (usd(20_000), usd(20_000)));
    town.script.word.set(None);
    assert_eq!(town.file(other, incident), (usd(500_000), U256::ZERO), "above what is left at once");
    assert_eq!(town.reserve(), reserve - usd(20_000));
    // and every policy leaves the books in the end
    town.world.warp(TERM + 3 * GRACE);
    town.execute(other);
    for policy in [policy, other] {
        town.must(bob, town.policy, protocol::abi::IPolicy::expireCall { policy });
    }
    assert_eq!(town.active_cover(), U256::ZERO);
}

#[test]
fn a_challenged_claim_is_paid_unless_it_is_denied_and_the_bond_is_the_holders() {
    for (outcome, award) in [(DRAW, U256::ZERO), (AWARD, usd(1)), (AWARD, U256::MAX)] {
        let (town, policy, incident) = delayed();
        let (alice, bob) = (town.person("alice"), town.person("bob"));
        let case = town.challenge(bob, policy);
        town.judge(case, outcome, award);
        let before = town.money(alice);
        assert_eq!(town.execute(policy), (usd(1_000_000), usd(1_000_000)));
        assert_eq!(town.money(alice) - before, usd(1_000_000));
        assert_eq!((town.credit(alice), town.credit(bob)), (usd(20_000), U256::ZERO));
        assert_eq!(town.read(town.assessor, claimOfCall { policy, incident: u(incident) }), usd(1_000_000));
    }
}

#[test]
fn a_jury_that_never_ends_leaves_a_challenged_claim_to_the_triggers_word() {
    for gone in [false, true] {
        let (town, policy, _) = delayed();
        town.challenge(town.person("bob"), policy);
        town.jurors.gone.set(gone);
        town.world.warp(120 * DAY - 1);
        town.refused::<VerdictPending>(town.person("anyone"), execution(policy));
        town.world.warp(1);
        assert_eq!(town.execute(policy).1, usd(1_000_000));
        assert_eq!(town.credit(town.person("alice")), usd(20_000));
    }
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————————— the jury

/// A claim of a fifth of a million that the trigger says no to, before a jury.
fn disputed() -> (Town, U256) {
    let town = Town::new();
    let alice = town.person("alice");
    let policy = town.buy(PLAIN, alice, usd(1_000_000));
    town.strike(5_000);
    town.script.word.set(Some((NOT_MET, 0)));
    town.refused::<ClaimNotMet>(alice, filing(policy, 1));
    assert_eq!(town.dispute(policy, 1, 2_000), stage::JURY);
    town.check();
    (town, policy)
}

#[test]
fn a_no_of_the_trigger_goes_before_a_jury_where_the_product_has_one() {
    let town = Town::new();
    let alice = town.person("alice");
    let policy = town.buy(STRICT, alice, usd(1_000_000));
    town.strike(5_000);
    assert_eq!(town.refused::<ClaimConfirmed>(alice, dispute(policy, 1, 100)).policy, policy);
    town.script.word.set(Some((NOT_MET, 0)));
    let logs = town.world.logs().len();
    town.refused::<ClaimNotMet>(alice, filing(policy, 1));
    assert_eq!(town.refused::<JuryNotAllowed>(alice, dispute(policy, 1, 2_000)).product, u(STRICT));
    assert_eq!((town.world.logs().len(), town.policy_of(policy).filed), (logs, false), "nothing changed");

    let (town, policy) = disputed();
    let claim = town.claim(policy);
    assert_eq!((claim.amount, claim.bond, claim.lossBps), (usd(200_000), usd(4_000), 2_000));
    assert_eq!(claim.party, town.person("alice"));
    // the reserve has the claim in full and the rest of the cover as far as the open incident takes it
    assert_eq!(town.reserve(), usd(1_000_000));
}

#[test]
fn a_claim_before_a_jury_is_reserved_without_an_incident_too() {
    let town = Town::new();
    let alice = town.person("alice");
    let policy = town.buy(EXPLOIT, alice, usd(1_000_000));
    town.world.warp(2 * HOUR);
    assert_eq!(town.dispute(policy, 0, 2_000), stage::JURY);
    assert_eq!((town.reserve(), town.active_cover()), (usd(200_000), usd(800_000)));
    // An incident begins and is over meanwhile; the claim stays what it was.
    town.strike(1_000);
    town.report(EXPLOIT);
    assert_eq!(town.reserve(), usd(1_000_000));
    town.close();
    town.report(EXPLOIT);
    // a tenth of the whole cover, beside the claim; what was claimed before an incident is kept rounded up, to six digits
    let about = |amount: U256| town.reserve() >= amount && town.reserve() <= amount + usd(1);
    assert!(about(usd(300_000)), "{}", town.reserve());
    town.judge(1, DENIED, U256::ZERO);
    town.execute(policy);
    assert!(about(usd(100_000)), "{}", town.reserve());
    assert_eq!(town.active_cover(), usd(1_000_000));
}

#[test]
fn what_a_jury_awards_is_paid_and_the_bond_comes_back() {
    for (award, paid) in [(usd(50_000), usd(50_000)), (usd(200_000), usd(200_000)), (U256::MAX, usd(200_000))] {
        let (town, policy) = disputed();
        let alice = town.person("alice");
        town.judge(1, AWARD, award);
        let before = town.money(alice);
        assert_eq!(town.execute(policy), (paid, paid));
        assert_eq!((town.money(alice) - before, town.credit(alice)), (paid, usd(4_000)));
        assert_eq!((town.reserve(), town.policy_of(policy).confirmed), (usd(1_000_000) - paid, paid));
        assert!(town.moves(policy));
    }
}

#[test]
fn an_award_of_nothing_is_a_denial_with_the_bond_back() {
    let (town, policy) = disputed();
    town.judge(1, AWARD, U256::ZERO);
    assert_eq!(town.execute(policy), (U256::ZERO, U256::ZERO));
    assert_eq!(town.credit(town.person("alice")), usd(4_000));
}

#[test]
fn a_denied_dispute_costs_the_bond_and_may_be_made_again() {
    let (town, policy) = disputed();
    let before = town.read(town.assessor, moneyOfCall { asset: town.token.at }).jury;
    town.judge(1, DENIED, U256::ZERO);
    assert_eq!(town.execute(policy), (U256::ZERO, U256::ZERO));
    assert_eq!(town.credit(town.person("alice")), U256::ZERO);
    let after = town.read(town.assessor, moneyOfCall { asset: town.token.at }).jury;
    assert_eq!(after - before, usd(4_000), "it is the jury's");
    assert_eq!((town.reserve(), town.active_cover()), (usd(1_000_000), usd(1_000_000)));
    assert_eq!(town.dispute(policy, 1, 2_000), stage::JURY);
    town.judge(2, AWARD, usd(1));
    assert_eq!(town.execute(policy).1, usd(1));
}

#[test]
fn a_draw_reopens_filing_for_a_fortnight_and_a_second_jury_decides() {
    for (outcome, bond_back) in [(AWARD, true), (DENIED, false), (DRAW, true)] {
        let (town, policy) = disputed();
        let alice = town.person("alice");
        town.judge(1, DRAW, U256::ZERO);
        assert_eq!(town.execute(policy), (U256::ZERO, U256::ZERO));
        assert_eq!((town.stage(policy), town.claim(policy).due), (stage::REOPENED, town.world.now() + 14 * DAY));
        town.refused::<TooEarly>(alice, execution(policy));
        let again = reopenCall { policy, reason: text("new evidence") };
        town.refused::<NotClaimant>(town.person("bob"), again.clone());
        town.world.warp(14 * DAY);
        town.must(alice, town.assessor, again.clone());
        assert_eq!(town.refused::<WrongStage>(alice, again).stage, stage::JURY);
        assert!(town.claim(policy).second && town.jurors.asked.borrow()[1].simple);
        town.judge(2, outcome, usd(70_000));
        let paid = if outcome == AWARD { usd(70_000) } else { U256::ZERO };
        assert_eq!(town.execute(policy), (paid, paid), "a second draw is the trigger's no");
        assert_eq!(town.credit(alice), if bond_back { usd(4_000) } else { U256::ZERO });
        assert_eq!(town.stage(policy), stage::NONE);
    }
}

#[test]
fn a_draw_that_nobody_takes_up_ends_after_a_fortnight_with_the_bond_back() {
    let (town, policy) = disputed();
    town.judge(1, DRAW, U256::ZERO);
    town.execute(policy);
    town.world.warp(14 * DAY + 1);
    let late = reopenCall { policy, reason: text("too late") };
    town.refused::<TooLate>(town.person("alice"), late);
    assert_eq!(town.execute(policy), (U256::ZERO, U256::ZERO));
    assert_eq!((town.stage(policy), town.credit(town.person("alice"))), (stage::NONE, usd(4_000)));
}

#[test]
fn a_jury_that_never_ends_leaves_a_dispute_to_the_triggers_no_with_the_bond_back() {
    let (town, policy) = disputed();
    town.jurors.gone.set(true);
    town.world.warp(120 * DAY - 1);
    town.refused::<VerdictPending>(town.person("anyone"), execution(policy));
    town.world.warp(1);
    assert_eq!(town.execute(policy), (U256::ZERO, U256::ZERO));
    assert_eq!((town.stage(policy), town.credit(town.person("alice"))), (stage::NONE, usd(4_000)));
    assert_eq!(town.reserve(), usd(1_000_000), "of the incident, which is still open");
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————————— waiting

/// A claim of a fifth of a million that the trigger cannot tell about.
fn waiting(product: u64) -> (Town, U256) {
    let town = Town::new();
    let alice = town.person("alice");
    let policy = town.buy(product, alice, usd(1_000_000));
    town.strike(2_000);
    town.script.word.set(Some((INCONCLUSIVE, 0)));
    town.refused::<ClaimInconclusive>(alice, filing(policy, 1));
    assert_eq!(town.dispute(policy, 1, 2_000), stage::WAITING);
    assert_eq!(town.claim(policy).bond, usd(1_000), "half a per cent");
    town.check();
    (town, policy)
}

#[test]
fn a_claim_that_waits_for_data_is_paid_when_the_source_answers() {
    let (town, policy) = waiting(STRICT);
    let alice = town.person("alice");
    town.refused::<ClaimInconclusive>(alice, execution(policy));
    // long after the time for claims
    town.world.warp(100 * DAY);
    town.script.word.set(Some((CONFIRMED, 1_500)));
    let wrong = executeCall { entry: vec![1].into(), ..execution(policy) };
    town.refused::<EntryMismatch>(alice, wrong);
    assert_eq!(town.execute(policy), (usd(150_000), usd(150_000)), "what it proves, at most what was asked for");
    assert_eq!((town.credit(alice), town.reserve()), (usd(1_000), usd(850_000)), "the incident is still open");
}

#[test]
fn a_large_one_then_waits_for_its_delay_and_may_be_challenged() {
    let (town, policy) = waiting(EXPLOIT);
    town.script.word.set(Some((CONFIRMED, 9_000)));
    assert_eq!(town.execute(policy), (usd(200_000), U256::ZERO));
    let claim = town.claim(policy);
    assert_eq!((claim.stage, claim.amount, claim.bond), (stage::DELAYED, usd(200_000), U256::ZERO));
    let case = town.challenge(town.person("bob"), policy);
    town.judge(case, DENIED, U256::ZERO);
    town.execute(policy);
    assert_eq!(town.active_cover(), usd(1_000_000));
}

#[test]
fn a_trigger_that_reverts_cannot_tell_but_one_without_gas_or_with_nonsense_has_said_nothing() {
    let town = Town::new();
    let alice = town.person("alice");
    let policy = town.buy(STRICT, alice, usd(1_000_000));
    town.strike(2_000);
    town.report(STRICT);
    town.script.broken.set(Some(false));
    let refused = town.world.refused(alice, town.assessor, dispute(policy, 1, 2_000));
    assert!(refused.0.is_empty());
    town.script.broken.set(Some(true));
    // a claimant who shows nonsense does not make it a claim that waits for data, reserved for a small deposit
    let call = fileDisputedCall { evidence: vec![1].into(), ..dispute(policy, 1, 2_000) };
    assert_eq!(town.refused::<Revert>(alice, call).reason, "no data");
    assert_eq!(town.dispute(policy, 1, 2_000), stage::WAITING);
    town.refused::<ClaimInconclusive>(alice, execution(policy));
}

#[test]
fn a_no_may_be_proven_wrong_for_thirty_days_and_costs_the_deposit_after_them() {
    let (town, policy) = waiting(STRICT);
    let alice = town.person("alice");
    town.script.word.set(Some((NOT_MET, 0)));
    assert_eq!(town.execute(policy), (U256::ZERO, U256::ZERO));
    let claim = town.claim(policy);
    assert_eq!((claim.answered, claim.due), (true, town.world.now() + 30 * DAY));
    town.refused::<TooEarly>(alice, execution(policy));
    town.world.warp(30 * DAY);
    town.refused::<TooEarly>(alice, execution(policy));
    town.script.word.set(Some((CONFIRMED, 100)));
    assert_eq!(town.execute(policy).1, usd(10_000), "in the last second");

    let (town, policy) = waiting(STRICT);
    town.script.word.set(Some((NOT_MET, 0)));
    town.execute(policy);
    town.world.warp(30 * DAY + 1);
    assert_eq!(town.execute(policy), (U256::ZERO, U256::ZERO));
    assert_eq!((town.stage(policy), town.credit(alice)), (stage::NONE, U256::ZERO));
}

#[test]
fn a_loss_within_what_was_paid_is_a_no_too() {
    let (town, policy) = waiting(STRICT);
    town.script.word.set(Some((CONFIRMED, 0)));
    town.execute(policy);
    assert!(town.claim(policy).answered);
}

#[test]
fn a_source_that_never_answers_ends_a_claim_without_a_jury_after_seven_months_with_the_deposit_back() {
    let (town, policy) = waiting(STRICT);
    let alice = town.person("alice");
    let escalate = escalateCall { policy, reason: text("decide") };
    town.world.warp(180 * DAY - 1);
    town.refused::<ClaimInconclusive>(alice, execution(policy));
    town.refused::<TooEarly>(alice, escalate.clone());
    town.world.warp(1);
    town.refused::<JuryNotAllowed>(alice, escalate);
    town.execute(policy);
    assert_eq!(town.claim(policy).due, town.world.now() + 30 * DAY);
    town.world.warp(30 * DAY + 1);
    assert_eq!(town.execute(policy), (U256::ZERO, U256::ZERO));
    assert_eq!((town.stage(policy), town.credit(alice), town.reserve()), (stage::NONE, usd(1_000), usd(1_000_000)));
}

#[test]
fn after_a_no_or_half_a_year_the_jury_decides_where_there_is_one() {
    for silent in [false, true] {
        let (town, policy) = waiting(PLAIN);
        let (alice, bob) = (town.person("alice"), town.person("bob"));
        let escalate = escalateCall { policy, reason: text("decide") };
        town.refused::<TooEarly>(alice, escalate.clone());
        if silent {
            town.world.warp(180 * DAY);
        } else {
            town.script.word.set(Some((NOT_MET, 0)));
            town.execute(policy);
        }
        town.refused::<NotClaimant>(bob, escalate.clone());
        let before = town.money(alice);
        town.must(alice, town.assessor, escalate);
        assert_eq!(before - town.money(alice), usd(3_000), "the rest of the bond");
        assert_eq!((town.stage(policy), town.claim(policy).bond), (stage::JURY, usd(4_000)));
        town.check();
        town.judge(1, AWARD, usd(120_000));
        assert_eq!(town.execute(policy).1, usd(120_000));
        assert_eq!(town.credit(alice), usd(4_000));
    }
}

#[test]
fn an_operator_who_filed_gets_his_deposit_back_when_the_holder_goes_on() {
    let town = Town::new();
    let (alice, bob) = (town.person("alice"), town.person("bob"));
    let policy = town.buy(PLAIN, alice, usd(1_000_000));
    town.must(alice, town.policy, protocol::abi::IERC721::setApprovalForAllCall { operator: bob, approved: true });
    town.strike(2_000);
    town.script.word.set(Some((INCONCLUSIVE, 0)));
    town.fund(bob, usd(1_000));
    town.must(bob, town.assessor, dispute(policy, 1, 2_000));
    town.script.word.set(Some((NOT_MET, 0)));
    town.execute(policy);
    town.must(alice, town.assessor, escalateCall { policy, reason: text("decide") });
    assert_eq!((town.credit(bob), town.claim(policy).party, town.claim(policy).bond), (usd(1_000), alice, usd(4_000)));
    town.check();
}

#[test]
fn a_bond_that_does_not_come_in_whole_is_refused() {
    let (town, policy, _) = delayed();
    let bob = town.person("bob");
    town.refused::<Erc20::ERC20InsufficientAllowance>(bob, challenge(policy));
    town.fund(bob, usd(1_000_000));
    town.token.habits.fee_bps.set(1);
    let refused = town.refused::<UnexpectedBalance>(bob, challenge(policy));
    assert!(refused.actual < refused.expected);
    assert_eq!(town.stage(policy), stage::DELAYED);
}
