//! What follows a verdict: an appeal to a second jury or to governance, once, and what they cost.

use alloy_primitives::{B256, U256};
use protocol::abi::{
    IJury::{self, CaseAppealed, CaseFinalised, CaseRuled, WrongPhase},
    ParameterOutOfBounds,
};
use standards::errors::OwnableUnauthorizedAccount;
use testkit::token::Erc20;

use crate::scene::{
    APPEAL, AWARD, COMMIT, DENIED, DRAW, ENDED, ESCALATED, NO, Opening, REVEAL, Scene, TIMES, YES, pali, share, u, usd,
};

fn appeal() -> IJury::appealCall {
    IJury::appealCall { id: u(1), reason: B256::repeat_byte(5) }
}

#[test]
fn a_verdict_may_be_appealed_for_a_while() {
    let (scene, [juror]) = Scene::with([1_000]);
    let id = scene.open();
    scene.vote(id, &[(juror, YES)]);
    let decided = scene.world.now();
    assert_eq!((scene.phase(id), scene.case(id).until), (APPEAL, decided + TIMES[3]));
    assert_eq!(scene.verdict(id), None);
    let early = scene.refused(scene.alice, IJury::finaliseCall { id }).expect::<WrongPhase>();
    assert_eq!((early.id, early.phase), (id, APPEAL));
    scene.world.warp_to(decided + TIMES[3] - 1);
    assert_eq!(scene.phase(id), APPEAL);
    scene.world.warp(1);
    assert_eq!(scene.verdict(id), Some((AWARD, usd(1_000))));
    assert_eq!(scene.refused(scene.alice, appeal()).expect::<WrongPhase>().phase, ENDED);
}

#[test]
fn only_a_verdict_is_appealed() {
    let (scene, [juror]) = Scene::with([1_000]);
    let id = scene.open();
    assert_eq!(scene.refused(scene.alice, appeal()).expect::<WrongPhase>().phase, COMMIT);
    scene.pass(id);
    assert_eq!(scene.refused(scene.alice, appeal()).expect::<WrongPhase>().phase, REVEAL);
    scene.pass(id);
    assert_eq!(scene.refused(scene.alice, appeal()).expect::<WrongPhase>().phase, ENDED, "a draw is not");
    let id = scene.open();
    scene.vote(id, &[(juror, YES)]);
    scene.appeal(id, scene.alice);
    let again = IJury::appealCall { id, reason: B256::ZERO };
    assert_eq!(scene.refused(scene.alice, again).expect::<WrongPhase>().phase, COMMIT, "nor twice");
}

#[test]
fn an_appeal_is_a_second_vote_with_double_bond_and_quorum() {
    let (scene, [first, second]) = Scene::with([1_000, 2_000]);
    let id = scene.open();
    scene.vote(id, &[(first, NO)]);
    let held = scene.read(IJury::heldOfCall { asset: scene.asset.at });
    scene.appeal(id, scene.alice);
    let event: CaseAppealed = scene.last();
    assert_eq!((event.id, event.appellant, event.toOwner, event.bond), (id, scene.alice, false, usd(40)));
    assert_eq!(scene.read(IJury::heldOfCall { asset: scene.asset.at }), held + usd(40));
    let case = scene.case(id);
    assert_eq!((case.phase, case.round, case.appellant), (COMMIT, 1, scene.alice));
    assert_eq!((case.quorum, case.until), (pali(900), scene.world.now() + TIMES[1]));
    // the same juror may vote again, with what is not at risk
    scene.vote(id, &[(first, NO), (second, YES)]);
    assert_eq!(scene.phase(id), ENDED);
    assert_eq!(scene.tally(id, 1).outcome, AWARD);
    assert_eq!(scene.verdict(id), Some((AWARD, usd(1_000))));
    scene.end(id);
    // it changed the outcome: the bond comes back, whoever was wrong in a round loses its part, twice here
    assert_eq!(scene.credit(scene.asset.at, scene.alice), usd(40));
    assert_eq!(scene.settle(id, first), [pali(10) + pali(990) / u(100), U256::ZERO, U256::ZERO]);
    assert_eq!(scene.settle(id, second), [U256::ZERO, pali(10) + pali(990) / u(100), usd(10)]);
}

#[test]
fn an_appeal_that_draws_leaves_the_first_word() {
    let (scene, [first, second]) = Scene::with([1_000, 1_000]);
    for ballots in [&[][..], &[(second, YES)], &[(first, NO), (second, YES)]] {
        let id = scene.open();
        scene.vote(id, &[(first, NO)]);
        scene.appeal(id, scene.alice);
        scene.vote(id, ballots);
        // in the second, 1,000 of 2,000 are the double quorum of 600, so it is no draw
        let expected = if ballots.len() == 1 { AWARD } else { DENIED };
        assert_eq!(scene.verdict(id).unwrap().0, expected);
        scene.end(id);
        for juror in [first, second] {
            let _ = scene.world.send(juror, scene.jury, IJury::settleCall { id, juror });
        }
    }
}

#[test]
fn a_forfeited_bond_is_the_jurors() {
    let (scene, [juror, other]) = Scene::with([3_000, 1_000]);
    let id = scene.open();
    scene.vote(id, &[(juror, YES)]);
    scene.appeal(id, scene.alice);
    scene.vote(id, &[(juror, YES), (other, NO)]);
    scene.end(id);
    let event: CaseFinalised = scene.last();
    assert_eq!((event.id, event.outcome, event.award), (id, AWARD, usd(1_000)));
    assert_eq!((event.penalties, event.fee), (pali(10), usd(50)));
    assert_eq!(scene.credit(scene.asset.at, scene.alice), U256::ZERO);
    assert_eq!(scene.settle(id, juror), [U256::ZERO, pali(10), usd(50)]);
    assert_eq!(scene.settle(id, other), [pali(10), U256::ZERO, U256::ZERO]);
}

#[test]
fn an_appeal_is_right_where_the_award_moves_by_a_tenth_of_the_amount() {
    for (second, returned) in [(5_900, false), (6_000, true), (4_000, true), (4_100, false), (5_000, false)] {
        let (scene, [juror]) = Scene::with([1_000]);
        let id = scene.open();
        scene.vote(id, &[(juror, share(5_000))]);
        scene.appeal(id, scene.alice);
        scene.vote(id, &[(juror, share(second))]);
        scene.end(id);
        assert_eq!(scene.verdict(id), Some((AWARD, usd(u64::from(second) / 10))));
        assert_eq!(scene.credit(scene.asset.at, scene.alice) == usd(40), returned, "{second}");
    }
}

#[test]
fn a_jury_awards_at_most_the_rate_of_what_was_revealed() {
    let (scene, [juror]) = Scene::with([100]);
    let id = scene.open();
    scene.decide(id, &[(juror, YES)]);
    assert_eq!(scene.verdict(id), Some((AWARD, usd(300))));
}

#[test]
fn what_is_too_large_for_the_jury_is_appealed_to_governance() {
    for ruling in [0, 2_500, 10_000] {
        let (scene, [juror]) = Scene::with([100]);
        let id = scene.open();
        scene.vote(id, &[(juror, YES)]);
        scene.appeal(id, scene.alice);
        let event: CaseAppealed = scene.last();
        assert!(event.toOwner);
        let case = scene.case(id);
        assert_eq!((case.phase, case.round, case.until), (ESCALATED, 0, scene.world.now() + TIMES[4]));
        assert_eq!(scene.refused(juror, scene.commit_call(id, juror, YES)).expect::<WrongPhase>().phase, ESCALATED);
        assert_eq!(scene.refused(juror, scene.reveal_call(id, juror, YES)).expect::<WrongPhase>().phase, ESCALATED);
        let rule = |share_bps| IJury::ruleCall { id, shareBps: share_bps };
        for who in [scene.alice, scene.deployer, scene.assessor] {
            assert_eq!(scene.refused(who, rule(0)).expect::<OwnableUnauthorizedAccount>().account, who);
        }
        scene.refused(scene.owner, rule(10_001)).expect::<ParameterOutOfBounds>();
        scene.done(scene.owner, rule(ruling));
        let event: CaseRuled = scene.last();
        assert_eq!((event.id, event.shareBps), (id, ruling));
        assert_eq!(scene.refused(scene.owner, rule(0)).expect::<WrongPhase>().phase, ENDED);
        let outcome = if ruling == 0 { DENIED } else { AWARD };
        assert_eq!(scene.verdict(id), Some((outcome, usd(u64::from(ruling) / 10))), "no limit");
        scene.end(id);
        // 300 had been awarded: 250 is nearer than a tenth of the amount
        let returned = if ruling == 2_500 { U256::ZERO } else { usd(40) };
        assert_eq!(scene.credit(scene.asset.at, scene.alice), returned);
        let right = ruling > 0;
        assert_eq!(scene.settle(id, juror)[0], if right { U256::ZERO } else { pali(1) });
    }
}

#[test]
fn a_large_denial_is_appealed_to_governance_too() {
    let (scene, [juror]) = Scene::with([300]);
    for (amount, to_owner) in [(900, false), (901, true)] {
        let id = scene.open_with(&Opening { amount: usd(amount), ..scene.opening() });
        scene.vote(id, &[(juror, NO)]);
        scene.appeal(id, scene.alice);
        assert_eq!(scene.phase(id) == ESCALATED, to_owner);
        scene.end(id);
        scene.settle(id, juror);
    }
}

#[test]
fn where_governance_is_silent_the_first_word_stands_and_the_bond_comes_back() {
    let (scene, [juror]) = Scene::with([100]);
    let id = scene.open();
    scene.vote(id, &[(juror, YES)]);
    scene.appeal(id, scene.alice);
    scene.world.warp(TIMES[4] - 1);
    assert_eq!(scene.verdict(id), None);
    scene.world.warp(1);
    assert_eq!(scene.verdict(id), Some((AWARD, usd(300))));
    let late = scene.refused(scene.owner, IJury::ruleCall { id, shareBps: 0 });
    assert_eq!(late.expect::<WrongPhase>().phase, ENDED);
    scene.end(id);
    assert_eq!(scene.credit(scene.asset.at, scene.alice), usd(40));
    assert_eq!(scene.settle(id, juror), [U256::ZERO, U256::ZERO, usd(10)]);
}

#[test]
fn governance_rules_on_nothing_else() {
    let (scene, [juror]) = Scene::with([1_000]);
    let id = scene.open();
    let rule = || scene.refused(scene.owner, IJury::ruleCall { id, shareBps: 0 }).expect::<WrongPhase>().phase;
    assert_eq!(rule(), COMMIT);
    scene.commit(id, juror, YES);
    scene.pass(id);
    assert_eq!(rule(), REVEAL);
    scene.reveal(id, juror, YES);
    scene.pass(id);
    assert_eq!(rule(), APPEAL);
    scene.appeal(id, scene.alice);
    assert_eq!(rule(), COMMIT);
}

#[test]
fn no_case_lasts_longer_than_its_phases() {
    let (scene, [juror, rest]) = Scene::with([100, 100]);
    let longest = 2 * (TIMES[1] + TIMES[2]) + TIMES[3] + TIMES[4];
    let opened = scene.world.now();
    let ids = [100, 10_000].map(|amount| scene.open_with(&Opening { amount: usd(amount), ..scene.opening() }));
    for id in ids {
        scene.commit(id, juror, YES);
    }
    scene.pass(ids[0]);
    for id in ids {
        scene.reveal(id, juror, YES);
    }
    scene.pass(ids[0]);
    for id in ids {
        scene.appeal(id, rest);
    }
    scene.world.warp_to(opened + longest);
    for id in ids {
        assert!(scene.verdict(id).is_some());
    }
}

#[test]
fn an_appeal_without_its_bond_is_none() {
    let (scene, [juror]) = Scene::with([1_000]);
    let id = scene.open();
    scene.vote(id, &[(juror, YES)]);
    scene.asset.mint(&scene.world, scene.alice, usd(40));
    scene.refused(scene.alice, appeal()).expect::<Erc20::ERC20InsufficientAllowance>();
    scene.asset.approve(&scene.world, scene.alice, scene.jury, U256::MAX);
    scene.asset.habits.fee_bps.set(1);
    let error = scene.refused(scene.alice, appeal()).expect::<IJury::UnexpectedBalance>();
    assert_eq!(error.expected - error.actual, usd(40) / u(10_000));
    scene.asset.habits.fee_bps.set(0);
    assert_eq!(scene.phase(id), APPEAL);
    scene.done(scene.alice, appeal());
    assert_eq!(scene.case(id).appellant, scene.alice);
}

#[test]
fn draws_are_final_and_worth_nothing() {
    let (scene, [yes, no]) = Scene::with([1_000, 1_000]);
    let id = scene.open();
    scene.decide(id, &[(yes, YES), (no, NO)]);
    assert_eq!(scene.verdict(id), Some((DRAW, U256::ZERO)));
    // both were right, and share the fee
    assert_eq!(scene.settle(id, yes), [U256::ZERO, U256::ZERO, usd(5)]);
    assert_eq!(scene.settle(id, no), [U256::ZERO, U256::ZERO, usd(5)]);
}
