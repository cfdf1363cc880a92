//! Claims that wait for a decision: reserved in full, beside their line.

use alloy_primitives::U256;
use protocol::abi::{EnforcedPause, IOwned::UnauthorizedCaller, IRisk, ParameterOutOfBounds};
use standards::errors::MathOverflow;

use crate::town::{CONFIRMED, Cover, DAY, GRACE, LATENT, TERM, Town, text, u, usd};

fn reserving(town: &Town, cover: &Cover, loss_bps: u64, total: U256) -> IRisk::reserveClaimCall {
    let IRisk::claimCall { product, subject, lossBps, cover, deadline, filed, before, total } =
        town.claim_call(cover, loss_bps, total);
    IRisk::reserveClaimCall { product, subject, lossBps, cover, deadline, filed, before, total }
}

/// Reserves what a policy claims; answers with its code.
#[track_caller]
fn reserve(town: &Town, cover: &mut Cover, loss_bps: u64, amount: U256) -> U256 {
    let call = reserving(town, cover, loss_bps, cover.confirmed + amount);
    cover.filed = true;
    town.world.send(town.assessor, town.risk, call).unwrap()
}

fn deciding(cover: &Cover, code: U256, held: U256, paid: U256) -> IRisk::decideClaimCall {
    IRisk::decideClaimCall { product: u(cover.product), subject: cover.subject, code, held, paid }
}

/// Decides it; the reserve before and after.
#[track_caller]
fn decide(town: &Town, cover: &mut Cover, code: U256, held: U256, paid: U256) -> (U256, U256) {
    let reserve = town.world.send(town.assessor, town.risk, deciding(cover, code, held, paid)).unwrap();
    cover.confirmed += paid;
    (reserve.reserveBefore, reserve.reserveAfter)
}

/// Two policies of 1,000 on X.
fn two() -> (Town, Cover, Cover) {
    let town = Town::plain();
    let (first, second) = (town.buy("X", usd(1_000)), town.buy("X", usd(1_000)));
    town.warp(2 * DAY);
    (town, first, second)
}

#[test]
fn what_is_proven_stays_reserved_as_it_was() {
    let (town, mut first, mut second) = two();
    town.open("X");
    let code = reserve(&town, &mut first, 4_000, usd(400));
    assert_eq!((town.gate().reserve, town.gate().unsettled, town.active_cover()), (usd(2_000), u(1), usd(1_600)));
    // It closes at 40 %: the one's 400 wait, the other's may come.
    assert_eq!(town.book(town.report("X", 1, CONFIRMED, town.now(), town.now(), 4_000)).1, usd(800));
    assert_eq!(town.claim(&mut second, 4_000, usd(400)), (usd(800), usd(400)));
    assert_eq!(decide(&town, &mut first, code, usd(400), usd(400)), (usd(400), U256::ZERO));
    assert_eq!((town.line("X").confirmed, town.active_cover()), (usd(800), usd(1_200)));
    assert_eq!(town.estimate().losses, usd(800), "the history has each once");
}

#[test]
fn what_is_denied_under_its_incident_leaves_no_trace() {
    let (town, mut first, mut second) = two();
    town.open("X");
    let before = (town.line("X"), town.gate().reserve, town.active_cover(), town.estimate().losses);
    let code = reserve(&town, &mut first, 4_000, usd(400));
    assert_eq!(decide(&town, &mut first, code, usd(400), U256::ZERO), (usd(2_000), usd(2_000)));
    let line = town.line("X");
    assert_eq!((line.exposed, line.confirmed, line.cover), (before.0.exposed, before.0.confirmed, before.0.cover));
    assert_eq!((town.gate().reserve, town.active_cover(), town.estimate().losses), (before.1, before.2, before.3));
    assert_eq!(town.claim(&mut first, 5_000, usd(500)), (usd(2_000), usd(1_500)));
    assert_eq!(town.claim(&mut second, 5_000, usd(500)), (usd(1_500), usd(1_000)));
}

#[test]
fn a_part_that_is_paid_is_confirmed_and_the_rest_is_cover_again() {
    let (town, mut first, _) = two();
    town.open("X");
    let code = reserve(&town, &mut first, 6_000, usd(600));
    assert_eq!(decide(&town, &mut first, code, usd(600), usd(250)), (usd(2_000), usd(1_750)));
    assert_eq!((town.line("X").confirmed, town.active_cover()), (usd(250), usd(1_750)));
}

#[test]
fn an_unproven_claim_is_reserved_without_an_incident_and_counts_as_unsettled() {
    let (town, mut first, _) = two();
    let code = reserve(&town, &mut first, 0, usd(700));
    let gate = town.gate();
    assert_eq!((gate.reserve, gate.unsettled, town.active_cover()), (usd(700), u(1), usd(1_300)));
    assert_eq!(town.exposure("key X"), usd(1_300), "what the reserve holds is no exposure");
    // An incident meanwhile exposes the rest.
    town.open("X");
    assert_eq!((town.gate().reserve, town.gate().unsettled), (usd(2_000), u(2)));
    assert_eq!(decide(&town, &mut first, code, usd(700), usd(300)), (usd(2_000), usd(1_700)));
    assert_eq!((town.line("X").exposed, town.gate().unsettled), (usd(1_700), u(1)));
}

#[test]
fn it_outlives_the_lapse_of_its_incident_and_is_exposed_to_another_when_denied() {
    for (loss, name) in [(4_000, "proven"), (0, "unproven")] {
        let (town, mut first, mut second) = two();
        let opened = town.now();
        town.open("X");
        town.book(town.report("X", 1, CONFIRMED, opened, town.now(), 4_000));
        let code = reserve(&town, &mut first, loss, usd(400));
        town.warp(GRACE + 1);
        town.catch_up("X", 100);
        assert_eq!((town.line("X").state, town.gate().reserve), (0, usd(400)), "{name}");
        // Another incident, under which somebody claims; then the old one is denied.
        let again = town.now();
        town.book(town.report("X", 2, CONFIRMED, again, 0, 0));
        assert_eq!(town.gate().reserve, usd(2_000), "{name}: 1,600 exposed and 400 beside");
        town.claim(&mut second, 10_000, usd(1_000));
        assert_eq!(decide(&town, &mut first, code, usd(400), U256::ZERO), (usd(1_000), usd(1_000)), "{name}");
        town.book(town.report("X", 2, CONFIRMED, again, town.now(), 10_000));
        assert_eq!(town.claim(&mut first, 10_000, usd(1_000)), (usd(1_000), U256::ZERO), "{name}");
        town.warp(TERM + 2 * GRACE + LATENT);
        for cover in [first, second] {
            town.release(&cover);
        }
        assert_eq!((town.active_cover(), town.gate().reserve), (U256::ZERO, U256::ZERO), "{name}");
    }
}

#[test]
fn it_can_be_denied_after_others_of_its_incident_have_left_the_books() {
    let (town, mut first, mut second) = two();
    town.open("X");
    town.claim(&mut second, 10_000, usd(1_000));
    let code = reserve(&town, &mut first, 10_000, usd(1_000));
    town.warp(TERM + GRACE + 30 * DAY);
    town.release(&second);
    decide(&town, &mut first, code, usd(1_000), U256::ZERO);
    town.release(&first);
    assert_eq!(town.active_cover(), U256::ZERO);
}

#[test]
fn it_is_reserved_as_a_claim_is_made_and_decided_whenever() {
    let (town, mut first, _) = two();
    let send = |call: IRisk::reserveClaimCall| town.world.refused(town.assessor, town.risk, call);
    send(reserving(&town, &first, 4_000, usd(400))).expect::<IRisk::LineQuiet>();
    town.open("X");
    let call = reserving(&town, &first, 4_000, usd(400));
    assert_eq!(
        town.world.refused(town.policy, town.risk, call.clone()).expect::<UnauthorizedCaller>().account,
        town.policy
    );
    let bounds = send(reserving(&town, &first, 4_000, usd(1_001))).expect::<ParameterOutOfBounds>();
    assert_eq!(bounds.parameter, text("total"));
    let bounds = send(reserving(&town, &first, 10_001, usd(400))).expect::<ParameterOutOfBounds>();
    assert_eq!(bounds.parameter, text("lossBps"));
    let falling = Cover { confirmed: usd(500), ..first };
    send(reserving(&town, &falling, 4_000, usd(400))).expect::<MathOverflow>();
    town.pause(town.owner, DAY).unwrap();
    send(call).expect::<EnforcedPause>();
    town.pause(town.owner, 0).unwrap();
    let code = reserve(&town, &mut first, 4_000, usd(400));

    let refused = town.world.refused(town.policy, town.risk, deciding(&first, code, usd(400), usd(400)));
    assert_eq!(refused.expect::<UnauthorizedCaller>().account, town.policy);
    let more = town.world.refused(town.assessor, town.risk, deciding(&first, code, usd(400), usd(401)));
    more.expect::<MathOverflow>();
    town.pause(town.owner, DAY).unwrap();
    town.warp(TERM + GRACE);
    decide(&town, &mut first, code, usd(400), usd(400));
    let late = reserving(&town, &first, 4_000, usd(800));
    town.warp(3 * GRACE);
    send(late).expect::<IRisk::ClaimAfterDeadline>();
}

#[test]
fn both_are_told() {
    let (town, mut first, _) = two();
    let code = reserve(&town, &mut first, 0, usd(700));
    decide(&town, &mut first, code, usd(700), usd(300));
    let reserved = &town.world.events::<IRisk::ClaimReserved>(town.risk)[0];
    assert_eq!((reserved.subject, reserved.amount), (text("X"), usd(700)));
    let decided = &town.world.events::<IRisk::ClaimDecided>(town.risk)[0];
    assert_eq!((decided.subject, decided.held, decided.paid), (text("X"), usd(700), usd(300)));
}
