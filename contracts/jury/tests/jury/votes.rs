//! One round: who may commit and reveal when, and what the votes decide.

use alloy_primitives::{B256, U256, keccak256};
use alloy_sol_types::SolValue;
use protocol::abi::IJury::{
    self, AlreadyCommitted, CommitmentMismatch, InvalidVote, NoWeight, NotCommitted, UnknownCase, VoteCommitted,
    VoteRevealed, WrongPhase,
};

use crate::scene::{
    AWARD, Ballot, COMMIT, DENIED, DRAW, ENDED, NO, Opening, REVEAL, Scene, TIMES, YES, pali, share, u, usd,
};

#[test]
fn a_case_goes_through_its_phases_by_the_clock_alone() {
    let (scene, [juror]) = Scene::with([100]);
    let id = scene.open();
    let opened = scene.world.now();
    let case = scene.case(id);
    assert_eq!((case.phase, case.round, case.until), (COMMIT, 0, opened + TIMES[1]));
    assert_eq!((case.simple, case.finalised, case.asset), (false, false, scene.asset.at));
    assert_eq!((case.amount, case.bond, case.quorum), (usd(1_000), usd(40), pali(15)));
    assert_eq!((case.since, case.penaltyBps, case.awardRate), (opened - TIMES[0], 100, u(3_000_000)));
    scene.commit(id, juror, YES);
    scene.world.warp_to(opened + TIMES[1] - 1);
    assert_eq!(scene.phase(id), COMMIT);
    scene.world.warp(1);
    assert_eq!((scene.phase(id), scene.case(id).until), (REVEAL, opened + TIMES[1] + TIMES[2]));
    assert_eq!(scene.verdict(id), None);
    scene.world.warp_to(opened + TIMES[1] + TIMES[2]);
    // nobody revealed: a draw, which ends at once
    assert_eq!((scene.phase(id), scene.case(id).until), (ENDED, 0));
    assert_eq!(scene.verdict(id), Some((DRAW, U256::ZERO)));
}

#[test]
fn a_vote_is_committed_and_then_revealed() {
    let (scene, [juror, other]) = Scene::with([100, 1]);
    let id = scene.open();
    scene.commit(id, juror, share(4_000));
    let event: VoteCommitted = scene.last();
    assert_eq!((event.id, event.juror, event.round, event.weight), (id, juror, 0, pali(100)));
    let vote = |round| {
        let vote = scene.read(IJury::voteOfCall { id, round, juror });
        (vote.vote, vote.shareBps, vote.weight)
    };
    assert_eq!(vote(0), (1, 0, pali(100)));
    assert_eq!(vote(1), (0, 0, U256::ZERO));
    let state = scene.of(juror);
    assert_eq!((state.atRisk, state.openVotes), (pali(1), u(1)));
    scene.pass(id);
    // anyone who knows the salt reveals
    scene.done(other, scene.reveal_call(id, juror, share(4_000)));
    let event: VoteRevealed = scene.last();
    assert_eq!((event.id, event.juror, event.round, event.choice, event.shareBps), (id, juror, 0, AWARD, 4_000));
    assert_eq!(event.reason, B256::repeat_byte(1));
    assert_eq!(vote(0), (2, 4_000, pali(100)));
    let tally = scene.tally(id, 0);
    assert_eq!((tally.committed, tally.awards, tally.denies), (pali(100), pali(100), U256::ZERO));
    assert_eq!((tally.shareBps, tally.outcome), (4_000, AWARD));
}

#[test]
fn the_commitment_is_the_hash_of_all_of_the_vote() {
    let (scene, [juror]) = Scene::with([100]);
    let id = scene.open();
    let expected = (id, juror, u(1), u(10_000), B256::repeat_byte(1), scene.salt(juror)).abi_encode();
    assert_eq!(scene.hash(id, juror, YES), keccak256(expected));
}

#[test]
fn commitments_and_reveals_have_their_time() {
    let (scene, [juror, late]) = Scene::with([100, 100]);
    let id = scene.open();
    scene.commit(id, juror, YES);
    let early = scene.refused(juror, scene.reveal_call(id, juror, YES)).expect::<WrongPhase>();
    assert_eq!((early.id, early.phase), (id, COMMIT));
    scene.pass(id);
    assert_eq!(scene.refused(late, scene.commit_call(id, late, YES)).expect::<WrongPhase>().phase, REVEAL);
    scene.pass(id);
    assert_eq!(scene.refused(juror, scene.reveal_call(id, juror, YES)).expect::<WrongPhase>().phase, ENDED);
    assert_eq!(scene.refused(late, scene.commit_call(id, late, YES)).expect::<WrongPhase>().phase, ENDED);
    let none = u(9);
    for reverted in [
        scene.refused(juror, scene.commit_call(none, juror, YES)),
        scene.refused(juror, scene.reveal_call(none, juror, YES)),
        scene.refused(juror, IJury::finaliseCall { id: none }),
        scene.refused(juror, IJury::settleCall { id: none, juror }),
        scene.refused(juror, IJury::appealCall { id: none, reason: B256::ZERO }),
        scene.refused(scene.owner, IJury::ruleCall { id: none, shareBps: 0 }),
        scene.refused(juror, IJury::verdictCall { id: none }),
        scene.refused(juror, IJury::caseOfCall { id: none }),
        scene.refused(juror, IJury::tallyOfCall { id: none, round: 0 }),
        scene.refused(juror, IJury::voteOfCall { id: none, round: 0, juror }),
        scene.refused(juror, IJury::weightOfCall { id: none, juror }),
    ] {
        assert_eq!(reverted.expect::<UnknownCase>().id, none);
    }
}

#[test]
fn a_juror_commits_once_and_reveals_once_what_he_committed() {
    let (scene, [juror, silent]) = Scene::with([100, 100]);
    let id = scene.open();
    scene.commit(id, juror, YES);
    let again = scene.refused(juror, scene.commit_call(id, juror, NO)).expect::<AlreadyCommitted>();
    assert_eq!((again.id, again.juror), (id, juror));
    scene.pass(id);
    let other = scene.refused(juror, scene.reveal_call(id, juror, NO)).expect::<CommitmentMismatch>();
    assert_eq!((other.id, other.juror), (id, juror));
    let salted = IJury::revealCall { salt: B256::ZERO, ..scene.reveal_call(id, juror, YES) };
    scene.refused(juror, salted).expect::<CommitmentMismatch>();
    scene.reveal(id, juror, YES);
    assert_eq!(scene.refused(juror, scene.reveal_call(id, juror, YES)).expect::<NotCommitted>().juror, juror);
    assert_eq!(scene.refused(silent, scene.reveal_call(id, silent, YES)).expect::<NotCommitted>().juror, silent);
}

#[test]
fn a_commitment_that_is_copied_is_worthless() {
    let (scene, [juror, thief]) = Scene::with([100, 100]);
    let id = scene.open();
    let commitment = scene.hash(id, juror, YES);
    scene.done(juror, IJury::commitCall { id, juror, commitment });
    scene.done(thief, IJury::commitCall { id, juror: thief, commitment });
    scene.pass(id);
    scene.reveal(id, juror, YES);
    // all that was revealed does not open it for another juror
    let copied = IJury::revealCall { juror: thief, ..scene.reveal_call(id, juror, YES) };
    scene.refused(thief, copied).expect::<CommitmentMismatch>();
    scene.end(id);
    assert_eq!(scene.settle(id, thief)[0], pali(1), "it counts as not revealed");
    // nor in another case
    let id = scene.open();
    scene.done(juror, IJury::commitCall { id, juror, commitment });
    scene.pass(id);
    scene.refused(juror, scene.reveal_call(id, juror, YES)).expect::<CommitmentMismatch>();
}

#[test]
fn a_vote_is_a_whole_share_or_a_denial() {
    for (choice, share_bps) in
        [(0, 0), (1, 0), (1, 50), (1, 150), (1, 10_100), (1, u16::MAX), (2, 100), (3, 0), (255, 100)]
    {
        let (scene, [juror]) = Scene::with([100]);
        let (id, ballot) = (scene.open(), Ballot { choice, share_bps });
        scene.commit(id, juror, ballot);
        scene.pass(id);
        let error = scene.refused(juror, scene.reveal_call(id, juror, ballot)).expect::<InvalidVote>();
        assert_eq!((error.choice, error.shareBps), (choice, share_bps));
    }
}

#[test]
fn young_stake_weighs_nothing() {
    let (scene, [_]) = Scene::with([100]);
    let young = scene.juror("young", pali(1_000_000));
    scene.world.warp(TIMES[0] - 1);
    let id = scene.open();
    let error = scene.refused(young, scene.commit_call(id, young, YES)).expect::<NoWeight>();
    assert_eq!((error.id, error.juror), (id, young));
    // and does not raise the quorum
    assert_eq!(scene.case(id).quorum, pali(15));
    let stranger = scene.alice;
    scene.refused(stranger, scene.commit_call(id, stranger, YES)).expect::<NoWeight>();
}

#[test]
fn neither_staking_nor_unstaking_after_the_filing_moves_the_quorum() {
    let (scene, [juror, leaver]) = Scene::with([100, 100]);
    let id = scene.open();
    assert_eq!(scene.case(id).quorum, pali(30));
    scene.done(leaver, IJury::requestUnstakeCall { amount: pali(100) });
    assert_eq!(scene.case(id).quorum, pali(30));
    // who left before a case was opened cannot be asked for
    let without = scene.open();
    assert_eq!(scene.case(without).quorum, pali(15));
    // and whoever comes makes it no more than what was there when the window began
    scene.juror("whale", pali(1_000_000));
    let with = scene.open();
    assert_eq!([id, without, with].map(|id| scene.case(id).quorum), [pali(30), pali(15), pali(30)]);
    scene.decide(id, &[(juror, YES)]);
    assert_eq!(scene.verdict(id).unwrap().0, AWARD);
}

#[test]
fn the_share_is_the_median_of_those_who_award() {
    let (scene, [a, b, c, d]) = Scene::with([300, 200, 100, 100]);
    let id = scene.open();
    scene.decide(id, &[(a, share(6_000)), (b, share(4_000)), (c, share(100)), (d, NO)]);
    // 600 award, of which 300 at most 40 %
    assert_eq!(scene.verdict(id), Some((AWARD, usd(400))));
    assert_eq!(scene.tally(id, 0).shareBps, 4_000);
}

#[test]
fn every_share_can_be_awarded() {
    for percent in [1, 4, 5, 37, 99, 100] {
        let (scene, [juror]) = Scene::with([1_000]);
        let id = scene.open();
        scene.decide(id, &[(juror, share(100 * percent))]);
        assert_eq!(scene.verdict(id), Some((AWARD, usd(10 * u64::from(percent)))));
    }
}

#[test]
fn it_takes_66_percent_of_what_was_revealed() {
    for (awards, denies, outcome) in [(66, 34, AWARD), (65, 35, DRAW), (34, 66, DENIED), (35, 65, DRAW), (50, 50, DRAW)]
    {
        let (scene, [yes, no]) = Scene::with([10 * awards, 10 * denies]);
        let id = scene.open();
        scene.decide(id, &[(yes, YES), (no, NO)]);
        assert_eq!(scene.verdict(id).unwrap().0, outcome, "{awards} against {denies}");
    }
}

#[test]
fn it_takes_the_quorum() {
    let (scene, [small, grain, _rest]) = Scene::with([14, 1, 85]);
    let id = scene.open();
    scene.decide(id, &[(small, YES)]);
    assert_eq!(scene.verdict(id), Some((DRAW, U256::ZERO)));
    scene.settle(id, small);
    let id = scene.open();
    scene.decide(id, &[(small, YES), (grain, YES)]);
    assert_eq!(scene.verdict(id), Some((AWARD, usd(45))), "limited by what was revealed");
}

#[test]
fn a_simple_case_takes_a_majority_and_a_quorum() {
    for (awards, denies, outcome) in [(51, 49, AWARD), (49, 51, DENIED), (50, 50, DRAW)] {
        let (scene, [yes, no, _rest]) = Scene::with([10 * awards, 10 * denies, 100]);
        let id = scene.open_with(&Opening { simple: true, ..scene.opening() });
        assert!(scene.case(id).simple);
        scene.decide(id, &[(yes, YES), (no, NO)]);
        assert_eq!(scene.verdict(id).unwrap().0, outcome, "{awards} against {denies}");
    }
    let (scene, [yes, _rest]) = Scene::with([14, 86]);
    let id = scene.open_with(&Opening { simple: true, ..scene.opening() });
    scene.decide(id, &[(yes, YES)]);
    assert_eq!(scene.verdict(id).unwrap().0, DRAW);
}

#[test]
fn a_jury_without_stake_draws() {
    let scene = Scene::new();
    let id = scene.open();
    scene.end(id);
    assert_eq!(scene.verdict(id), Some((DRAW, U256::ZERO)));
    assert_eq!(scene.case(id).quorum, U256::ZERO);
}

#[test]
fn stake_at_risk_elsewhere_weighs_no_more() {
    let (scene, [juror]) = Scene::with([100]);
    let mut at_risk = U256::ZERO;
    for _ in 0..5 {
        let id = scene.open();
        assert_eq!(scene.weight(id, juror), pali(100) - at_risk);
        scene.commit(id, juror, YES);
        at_risk = scene.of(juror).atRisk;
    }
    assert_eq!(scene.of(juror).openVotes, u(5));
    // 100 · (1 − 0.99⁵)
    assert_eq!(at_risk, U256::from(4_900_995_010_000_000_000u128));
}
