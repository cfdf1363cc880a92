//! A test for each rule of claims.

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::{SolCall, SolError, SolInterface, SolValue};
use assessor::{Assessor, AssessorExt};
use protocol::abi::{IAssessor, IERC4626, IOwned, IPausable, IPolicy, IRisk, ITrigger, IVault};
use standards::errors::{
    AddressEmptyCode, InvalidReturnData, OwnableInvalidOwner, OwnableUnauthorizedAccount, ReentrancyGuardReentrantCall,
};

use crate::peers::*;

#[test]
fn every_function_of_the_interface_is_routed_and_no_other() {
    let s = Setup::bare();
    let selectors: Vec<_> = IAssessor::IAssessorCalls::selectors().chain(IOwned::IOwnedCalls::selectors()).collect();
    assert_eq!(selectors.len(), 30 + 8);
    s.world.assert_split::<Assessor, AssessorExt>(selectors);
    assert!(!s.world.routes::<Assessor>([0xde, 0xad, 0xbe, 0xef]));
    assert!(!s.world.routes::<AssessorExt>([0xde, 0xad, 0xbe, 0xef]));
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————————————— filing

#[test]
fn a_confirmed_claim_is_paid_in_the_same_transaction() {
    let s = Setup::new();
    // 1,000,000 × 90 % × (10 % − 2 %)
    assert_eq!(s.file(1).unwrap(), (72_000, 72_000));
    assert_eq!(s.claim_of(1), 72_000);
    let settled = s.world.events::<IAssessor::ClaimSettled>(s.assessor);
    assert_eq!(
        (settled[0].policy, settled[0].incident, settled[0].payee),
        (U256::from(POLICY), U256::from(1), s.holder)
    );
    assert_eq!((settled[0].confirmed, settled[0].paid), (U256::from(72_000), U256::from(72_000)));
    let filed = s.world.events::<IAssessor::ClaimFiled>(s.assessor);
    assert_eq!((filed[0].holder, filed[0].verdict, filed[0].lossBps), (s.holder, 2, 1_000));
}

#[test]
fn each_peer_is_called_once_in_order_and_the_policy_twice() {
    let s = Setup::new();
    s.report().unwrap();
    s.calls();
    s.file(1).unwrap();
    let mut calls = s.calls();
    let capital = calls.remove(2);
    assert_eq!(capital.to, s.vault.at);
    assert!(capital.decode::<IVault::capitalCall>().is_some(), "where no payment was made for a day");
    assert_eq!(calls.len(), 5);
    assert!(calls.iter().all(|call| call.from == s.assessor));
    let open = calls[0].decode::<IPolicy::openCall>().unwrap();
    assert_eq!((calls[0].to, open.policy, open.caller), (s.policy.at, U256::from(POLICY), s.holder));
    let prove = calls[1].decode::<ITrigger::proveCall>().unwrap();
    assert_eq!(
        (calls[1].to, prove.number, &prove.entry[..], &prove.evidence[..]),
        (s.trigger.at, U256::from(1), ENTRY, &b"proof"[..])
    );
    let ITrigger::Terms { subject, insured, position, start, end } = prove.terms;
    assert_eq!((subject, insured, position, start, end), (SUBJECT, s.insured, B256::repeat_byte(0x77), 500, 9_000));
    let claim = calls[2].decode::<IRisk::claimCall>().unwrap();
    assert_eq!(
        (calls[2].to, claim.product, claim.subject, claim.lossBps),
        (s.risk.at, U256::from(PRODUCT), SUBJECT, U256::from(1_000))
    );
    assert_eq!((claim.cover, claim.deadline, claim.filed), (U256::from(900_000), U256::from(10_000), false));
    assert_eq!((claim.before, claim.total), (U256::ZERO, U256::from(72_000)));
    let close = calls[3].decode::<IPolicy::closeCall>().unwrap();
    assert_eq!((calls[3].to, close.policy, close.confirmed), (s.policy.at, U256::from(POLICY), U256::from(72_000)));
    let pay = calls[4].decode::<IVault::payCall>().unwrap();
    assert_eq!(
        (calls[4].to, pay.policy, pay.to, pay.before, pay.total),
        (s.vault.at, U256::from(POLICY), s.holder, U256::ZERO, U256::from(72_000))
    );
    assert_eq!((pay.reserveBefore, pay.reserveAfter), (U256::from(900_000), U256::from(828_000)));
    assert_eq!(s.world.frames_of_last_transaction(), 7);
    s.sells(Terms { confirmed: 72_000, filed: true, ..Terms::new() });
    s.proves(2, 1_100);
    s.file(1).unwrap();
    assert_eq!(s.calls().len(), 5, "the second one of a day knows its limit");
}

#[test]
fn a_claim_is_amount_times_ratio_times_what_the_loss_exceeds_the_deductible_by_rounded_down() {
    for (amount, ratio, deductible, loss, claim) in [
        (1_000_000, 9_000, 200, 1_000, 72_000),
        (1_000_000, 10_000, 0, 1_000, 100_000),
        (1_000_000, 10_000, 0, 10_000, 1_000_000),
        (1_000_000, 10_000, 200, 10_000, 980_000),
        (999, 9_999, 1, 777, 77),         // 77.51… of it
        (10_001, 9_999, 0, 9_999, 9_998), // 9,998.9999
        (1_000_000, 9_000, 200, 201, 90),
    ] {
        let s = Setup::new();
        s.sells(Terms { amount, ratio, deductible, ..Terms::new() });
        s.proves(2, loss);
        assert_eq!(s.file(1).unwrap().0, claim, "{amount} at {ratio} less {deductible}, loss {loss}");
    }
}

#[test]
fn a_loss_within_the_deductible_is_nothing_to_pay() {
    let s = Setup::new();
    for loss in [0, 1, 199, 200] {
        s.proves(2, loss);
        let error: IAssessor::NothingToPay = s.file(1).unwrap_err().expect();
        assert_eq!((error.policy, error.incident), (U256::from(POLICY), U256::from(1)));
    }
}

#[test]
fn a_trigger_cannot_make_a_loss_larger_than_all() {
    let s = Setup::new();
    s.proves(2, u16::MAX);
    assert_eq!(s.file(1).unwrap().0, 882_000, "1,000,000 × 90 % × 98 %");
    let claim: Vec<_> = s.calls().iter().filter_map(Got::decode::<IRisk::claimCall>).collect();
    assert_eq!(claim[0].lossBps, U256::from(10_000));
}

#[test]
fn nothing_pays_more_than_the_remaining_cover() {
    let s = Setup::new();
    s.sells(Terms { confirmed: 850_000, filed: true, ..Terms::new() });
    assert_eq!(s.file(1).unwrap().0, 50_000);
    let claim: Vec<_> = s.calls().iter().filter_map(Got::decode::<IRisk::claimCall>).collect();
    assert_eq!((claim[0].before, claim[0].total, claim[0].filed), (U256::from(850_000), U256::from(900_000), true));
    s.sells(Terms { confirmed: 900_000, filed: true, ..Terms::new() });
    s.file(2).unwrap_err().expect::<IAssessor::NothingToPay>();
}

#[test]
fn a_rise_of_the_loss_is_paid_once() {
    let s = Setup::new();
    assert_eq!(s.file(1).unwrap().0, 72_000);
    s.sells(Terms { confirmed: 72_000, filed: true, ..Terms::new() });
    s.file(1).unwrap_err().expect::<IAssessor::NothingToPay>();
    s.proves(2, 1_500);
    s.calls();
    assert_eq!(s.file(1).unwrap().0, 45_000);
    let calls = s.calls();
    let pay = calls.iter().find_map(Got::decode::<IVault::payCall>).unwrap();
    assert_eq!((pay.before, pay.total), (U256::from(72_000), U256::from(117_000)));
    assert_eq!(s.claim_of(1), 117_000);
    s.sells(Terms { confirmed: 117_000, filed: true, ..Terms::new() });
    s.file(1).unwrap_err().expect::<IAssessor::NothingToPay>();
    s.proves(2, 900);
    s.file(1).unwrap_err().expect::<IAssessor::NothingToPay>();
    assert_eq!(s.claim_of(1), 117_000, "a smaller proof takes nothing back");
}

#[test]
fn two_incidents_on_one_policy_are_two_claims_out_of_one_cover() {
    let s = Setup::new();
    s.proves(2, 6_200);
    assert_eq!(s.file(1).unwrap().0, 540_000);
    s.sells(Terms { confirmed: 540_000, filed: true, ..Terms::new() });
    s.proves(2, 5_200);
    assert_eq!(s.file(2).unwrap().0, 360_000, "450,000 are confirmed, 360,000 are left");
    assert_eq!((s.claim_of(1), s.claim_of(2)), (540_000, 360_000));
    s.sells(Terms { confirmed: 900_000, filed: true, ..Terms::new() });
    for incident in [1, 2] {
        s.proves(2, 10_000);
        s.file(incident).unwrap_err().expect::<IAssessor::NothingToPay>();
    }
}

#[test]
fn what_the_vault_cannot_pay_at_once_is_confirmed_all_the_same() {
    let s = Setup::new();
    s.pays(10);
    assert_eq!(s.file(1).unwrap(), (72_000, 10));
    assert_eq!(s.claim_of(1), 72_000);
    assert_eq!(s.world.events::<IAssessor::ClaimSettled>(s.assessor)[0].paid, U256::from(10));
}

/// Files, expects an error and that nothing whatsoever changed.
fn changes_nothing<E: SolError>(s: &Setup) -> E {
    let (logs, traces) = (s.world.logs().len(), s.traces());
    let error = s.file(1).unwrap_err().expect();
    assert_eq!((s.claim_of(1), s.world.logs().len(), s.traces()), (0, logs, traces));
    error
}

#[test]
fn not_met_fails_and_changes_nothing() {
    let s = Setup::new();
    s.proves(1, 1_000);
    let error: IAssessor::ClaimNotMet = changes_nothing(&s);
    assert_eq!((error.policy, error.incident), (U256::from(POLICY), U256::from(1)));
    s.proves(3, 1_000);
    changes_nothing::<IAssessor::ClaimNotMet>(&s);
}

#[test]
fn inconclusive_fails_and_changes_nothing() {
    let s = Setup::new();
    s.proves(0, 1_000);
    let error: IAssessor::ClaimInconclusive = changes_nothing(&s);
    assert_eq!((error.policy, error.incident), (U256::from(POLICY), U256::from(1)));
}

#[test]
fn the_entry_must_be_the_one_of_the_sale() {
    let s = Setup::new();
    s.sells(Terms { entry_hash: B256::repeat_byte(9), ..Terms::new() });
    let error: IAssessor::EntryMismatch = changes_nothing(&s);
    assert_eq!((error.expected, error.actual), (B256::repeat_byte(9), keccak256(ENTRY)));
    // A trigger that gave no entry: its hash is that of nothing.
    s.sells(Terms { entry_hash: keccak256([]), ..Terms::new() });
    changes_nothing::<IAssessor::EntryMismatch>(&s);
    let call = IAssessor::fileCall { entry: Default::default(), ..file(1) };
    s.world.send(s.holder, s.assessor, call).map(drop).unwrap();
}

#[test]
fn only_whom_the_policy_knows_may_file() {
    let s = Setup::new();
    s.policy.fails::<IPolicy::openCall>(&IPolicy::NotHolder { caller: s.holder, policy: U256::from(POLICY) });
    changes_nothing::<IPolicy::NotHolder>(&s);
    let stranger = s.world.address("stranger");
    s.sells(Terms::new());
    s.world.send(stranger, s.assessor, file(1)).map(drop).unwrap();
    let calls = s.calls();
    assert_eq!(calls.iter().find_map(Got::decode::<IPolicy::openCall>).unwrap().caller, s.holder);
    let open = calls.iter().rev().find_map(Got::decode::<IPolicy::openCall>).unwrap();
    assert_eq!(open.caller, stranger, "Policy is told who asks, not who holds");
    let pay = calls.iter().find_map(Got::decode::<IVault::payCall>).unwrap();
    assert_eq!(pay.to, s.holder, "the holder is paid, whoever filed");
}

#[test]
fn what_a_peer_refuses_is_passed_on_and_changes_nothing() {
    let s = Setup::new();
    s.risk.fails::<IRisk::claimCall>(&IRisk::ClaimAfterDeadline { deadline: U256::from(1), clock: U256::from(2) });
    changes_nothing::<IRisk::ClaimAfterDeadline>(&s);
    s.risk.fails::<IRisk::claimCall>(&IPausable::EnforcedPause {});
    changes_nothing::<IPausable::EnforcedPause>(&s);
    s.risk.answers::<IRisk::claimCall>((U256::ZERO, U256::ZERO));
    s.vault.fails::<IVault::payCall>(&IVault::ZeroAssets {});
    changes_nothing::<IVault::ZeroAssets>(&s);
    s.pays(1);
    s.policy.fails::<IPolicy::closeCall>(&IPolicy::ClaimNotOpen { policy: U256::from(POLICY) });
    changes_nothing::<IPolicy::ClaimNotOpen>(&s);
    s.policy.answers::<IPolicy::closeCall>(());
    s.trigger.fails::<ITrigger::proveCall>(&ITriggerError::Broken {});
    changes_nothing::<ITriggerError::Broken>(&s);
    s.trigger.answers::<ITrigger::proveCall>(());
    changes_nothing::<InvalidReturnData>(&s);
}

alloy_sol_types::sol! {
    interface ITriggerError {
        error Broken();
    }
}

#[test]
fn a_claim_names_an_incident_that_the_trigger_knows() {
    let s = Setup::new();
    s.knows((0, 0, 0, 0));
    let error: IAssessor::NoIncident = s.file(1).unwrap_err().expect();
    assert_eq!((error.product, error.subject), (U256::from(PRODUCT), SUBJECT));
}

#[test]
fn an_incident_that_nobody_has_reported_is_booked_by_the_first_claim() {
    let s = Setup::new();
    s.knows((2, 1_000, 1_500, 1_000));
    s.file(3).unwrap();
    assert_eq!(s.bookings(), vec![(3, (2, 1_000, 1_500, 1_000))]);
    assert_eq!((s.newest(), s.booked(3)), (3, (2, 1_000, 1_500, 1_000)));
    // An older one too; the newest stays the newest.
    s.file(2).unwrap();
    assert_eq!((s.bookings().len(), s.newest()), (1, 3));
    s.sells(Terms { confirmed: 144_000, ..Terms::new() });
    s.proves(2, 1_100);
    s.file(3).unwrap();
    assert_eq!(s.bookings(), vec![], "once");
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————————— reporting

/// Risk lets a line go on being claimed on while a newer incident is open; that is no reason to claim under one that is
/// over.
#[test]
fn an_older_incident_is_claimed_under_until_its_grace_since_the_booked_closing_is_over() {
    let s = Setup::new();
    s.report().unwrap();
    let closed = (2, 1_000, 1_800, 1_000);
    s.observes(1, closed);
    s.knows(closed);
    s.clock(5_000);
    s.report().unwrap();
    // what comes later about it does not begin its grace again
    s.clock(6_000);
    s.knows((2, 1_000, 1_800, 1_100));
    s.observes(2, (2, 3_000, 0, 100));
    s.report().unwrap();
    assert_eq!((s.newest(), s.booked(1)), (2, (2, 1_000, 1_800, 1_100)));

    s.clock(5_000 + GRACE);
    assert_eq!(s.file(1).unwrap(), (72_000, 72_000));
    s.sells(Terms { confirmed: 72_000, filed: true, ..Terms::new() });
    s.proves(2, 2_000);
    s.clock(5_001 + GRACE);
    let refused = s.file(1).unwrap_err().expect::<IRisk::ClaimAfterDeadline>();
    assert_eq!((refused.deadline, refused.clock), (U256::from(5_000 + GRACE), U256::from(5_001 + GRACE)));
    assert!(s.file(2).is_ok(), "the newest is Risk's to judge");
}

#[test]
fn a_report_opens_raises_and_closes_an_incident() {
    let s = Setup::new();
    for incident in [(2, 1_000, 0, 300), (2, 1_000, 0, 900), (2, 1_000, 1_800, 1_100)] {
        s.observes(1, incident);
        assert_eq!(s.report().unwrap(), (1, 2, incident.3));
        assert_eq!(s.bookings(), vec![(1, incident)]);
        assert_eq!(s.booked(1), incident);
    }
    let events = s.world.events::<IAssessor::IncidentReported>(s.assessor);
    assert_eq!(events.len(), 3);
    let last = &events[2];
    assert_eq!(
        (last.product, last.subject, last.number, last.reporter),
        (U256::from(PRODUCT), SUBJECT, U256::from(1), s.holder)
    );
    assert_eq!((last.verdict, last.openedAt, last.closedAt, last.worstBps), (2, 1_000, 1_800, 1_100));
}

#[test]
fn no_report_fails_for_its_bounty() {
    let s = Setup::new();
    s.vault.fails::<IERC4626::assetCall>(&IVault::ZeroAssets {});
    assert_eq!(s.report().unwrap(), (1, 2, 1_000));
    assert_eq!(s.bookings().len(), 1);
    assert_eq!(s.world.events::<IAssessor::BountyEarned>(s.assessor).len(), 0);
}

#[test]
fn a_report_passes_the_evidence_on() {
    let s = Setup::new();
    s.report().unwrap();
    let observe = s.calls().iter().find_map(Got::decode::<ITrigger::observeCall>).unwrap();
    assert_eq!((observe.subject, &observe.evidence[..]), (SUBJECT, &b"hint"[..]));
}

#[test]
fn a_report_without_news_books_nothing() {
    let s = Setup::new();
    s.report().unwrap();
    s.bookings();
    s.report().unwrap();
    assert_eq!(s.bookings(), vec![]);
    assert_eq!(s.world.events::<IAssessor::IncidentReported>(s.assessor).len(), 1);
}

#[test]
fn a_report_without_an_incident_is_no_error_so_that_long_runs_are_proven_in_pieces() {
    let s = Setup::new();
    s.observes(0, (0, 0, 0, 0));
    let before = s.traces();
    assert_eq!(s.report().unwrap(), (0, 0, 0));
    assert!(s.traces() > before, "what the trigger stored stays");
    assert_eq!((s.bookings(), s.newest()), (vec![], 0));
}

#[test]
fn latent_evidence_is_booked_as_such_and_may_come_to_nothing() {
    let s = Setup::new();
    s.observes(1, (0, 1_000, 0, 0));
    assert_eq!(s.report().unwrap(), (1, 0, 0));
    s.observes(1, (1, 1_000, 0, 0));
    assert_eq!(s.report().unwrap(), (1, 1, 0));
    assert_eq!(s.bookings(), vec![(1, (0, 1_000, 0, 0)), (1, (1, 1_000, 0, 0))]);
}

#[test]
fn a_report_closes_the_incident_before_it_books_the_next_one() {
    let s = Setup::new();
    s.report().unwrap();
    s.bookings();
    s.knows((2, 1_000, 1_200, 1_000));
    s.observes(2, (2, 1_300, 0, 400));
    assert_eq!(s.report().unwrap(), (2, 2, 400));
    assert_eq!(s.bookings(), vec![(1, (2, 1_000, 1_200, 1_000)), (2, (2, 1_300, 0, 400))]);
}

#[test]
fn a_report_that_is_far_behind_catches_up_eight_incidents_a_call() {
    let s = Setup::new();
    s.knows((2, 1_000, 1_200, 700));
    s.observes(20, (2, 1_900, 0, 300));
    assert_eq!(s.report().unwrap().0, 8);
    assert_eq!(s.bookings().iter().map(|(number, _)| *number).collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
    assert_eq!(s.report().unwrap().0, 16);
    assert_eq!(s.bookings().iter().map(|(number, _)| *number).collect::<Vec<_>>(), (9..=16).collect::<Vec<_>>());
    assert_eq!(s.report().unwrap(), (20, 2, 300));
    assert_eq!(s.bookings().last().unwrap(), &(20, (2, 1_900, 0, 300)));
    assert_eq!(s.newest(), 20);
}

#[test]
fn what_is_no_incident_is_not_booked() {
    let s = Setup::new();
    for (number, words) in [
        (U256::from(1), [3u64, 1_000, 0, 1_000]),
        (U256::from(1), [256 + 2, 1_000, 0, 1_000]),
        (U256::from(1), [2, 1_000, 0, 10_001]),
        (U256::from(1), [2, 1_000, 0, 65_536 + 1]),
        (U256::MAX, [2, 1_000, 0, 1_000]),
    ] {
        s.trigger.answers::<ITrigger::observeCall>((number, words.map(U256::from)));
        let error: InvalidReturnData = s.report().unwrap_err().expect();
        assert_eq!(error.from, s.trigger.at);
    }
    s.trigger.answers::<ITrigger::observeCall>((U256::from(1), [U256::from(2), U256::MAX, U256::ZERO, U256::ZERO]));
    s.report().unwrap_err().expect::<InvalidReturnData>();
    s.trigger.answers::<ITrigger::observeCall>(());
    s.report().unwrap_err().expect::<InvalidReturnData>();
}

#[test]
fn a_report_that_risk_refuses_is_not_kept() {
    let s = Setup::new();
    s.risk.fails::<IRisk::incidentCall>(&IRisk::CatchUpFirst {});
    s.report().unwrap_err().expect::<IRisk::CatchUpFirst>();
    assert_eq!((s.booked(1), s.newest()), ((0, 0, 0, 0), 0));
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————————————— routes

#[test]
fn a_products_route_is_asked_of_risk_once() {
    let s = Setup::new();
    let route = |s: &Setup| {
        let route = s.world.read(s.assessor, IAssessor::routeOfCall { product: U256::from(PRODUCT) });
        (route.trigger, route.vault)
    };
    assert_eq!(route(&s), (Address::ZERO, Address::ZERO));
    s.report().unwrap();
    s.report().unwrap();
    s.file(1).unwrap();
    assert_eq!(s.calls().iter().filter_map(Got::decode::<IRisk::productCall>).count(), 1);
    assert_eq!(route(&s), (s.trigger.at, s.vault.at));
}

#[test]
fn an_unknown_product_has_no_route() {
    let s = Setup::new();
    s.risk.fails::<IRisk::productCall>(&IRisk::UnknownProduct { product: U256::from(PRODUCT) });
    s.report().unwrap_err().expect::<IRisk::UnknownProduct>();
    s.risk.answers::<IRisk::productCall>([U256::ZERO; 6]);
    s.report().unwrap_err().expect::<AddressEmptyCode>();
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————————— re-entrancy

#[test]
fn a_hostile_trigger_that_re_enters_is_refused() {
    let s = Setup::new();
    s.report().unwrap();
    let report = IAssessor::reportCall { product: U256::from(PRODUCT), subject: SUBJECT, evidence: Default::default() };
    for inner in [file(1).abi_encode(), report.abi_encode()] {
        *s.trigger.hook.borrow_mut() = Some((s.assessor, inner));
        s.report().unwrap();
        assert_eq!(s.trigger.last_hooked(), Err(ReentrancyGuardReentrantCall {}.abi_encode()));
    }
    *s.trigger.hook.borrow_mut() = Some((s.assessor, file(1).abi_encode()));
    assert_eq!(s.file(1).unwrap().0, 72_000, "and the claim goes on as if nothing had happened");
    assert_eq!(s.trigger.last_hooked(), Err(ReentrancyGuardReentrantCall {}.abi_encode()));
    assert_eq!(s.calls().iter().filter_map(Got::decode::<IVault::payCall>).count(), 1);
}

#[test]
fn whoever_is_called_may_look_but_not_file() {
    let s = Setup::new();
    for peer in [&s.policy, &s.risk, &s.vault] {
        *peer.hook.borrow_mut() = Some((s.assessor, file(1).abi_encode()));
    }
    s.file(1).unwrap();
    for peer in [&s.policy, &s.risk, &s.vault] {
        assert!(peer.hooked.borrow().iter().all(|result| *result == Err(ReentrancyGuardReentrantCall {}.abi_encode())));
        *peer.hook.borrow_mut() = None;
    }
    let look = IAssessor::claimOfCall { policy: U256::from(POLICY), incident: U256::from(2) };
    *s.vault.hook.borrow_mut() = Some((s.assessor, look.abi_encode()));
    s.sells(Terms { confirmed: 72_000, ..Terms::new() });
    s.file(2).unwrap();
    assert_eq!(s.vault.last_hooked(), Ok(U256::from(72_000).abi_encode()), "effects come before the payment");
}

#[test]
fn the_lock_is_given_back_within_the_transaction() {
    let s = Setup::new();
    // A contract that reports and then files in one transaction.
    struct Both(Address);
    impl testkit::Native for Both {
        fn call(&self, context: &testkit::Context<'_>, _: &[u8]) -> stylus_sdk::ArbResult {
            let report =
                IAssessor::reportCall { product: U256::from(PRODUCT), subject: SUBJECT, evidence: Default::default() };
            context.call(self.0, report.abi_encode())?;
            context.call(self.0, report.abi_encode())?;
            context.call(self.0, file(1).abi_encode())
        }
    }
    let both = s.world.address("both");
    s.world.place_native(both, Both(s.assessor));
    s.world.transact(s.holder, both, U256::ZERO, vec![]).unwrap();
    assert_eq!(s.claim_of(1), 72_000);
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————————— governance

#[test]
fn before_it_is_wired_it_does_nothing() {
    let s = Setup::bare();
    s.report().unwrap_err().expect::<IOwned::NotWired>();
    s.file(1).unwrap_err().expect::<IOwned::NotWired>();
}

#[test]
fn peers_are_wired_once_by_the_owner_and_must_be_contracts() {
    let s = Setup::bare();
    let wire = |from: Address, risk: Address, policy: Address| {
        s.world.send(from, s.assessor, IAssessor::wireCall { risk, policy }).map(drop)
    };
    wire(s.holder, s.risk.at, s.policy.at).unwrap_err().expect::<OwnableUnauthorizedAccount>();
    let nobody = s.world.address("nobody");
    wire(s.owner, nobody, s.policy.at).unwrap_err().expect::<AddressEmptyCode>();
    wire(s.owner, s.risk.at, nobody).unwrap_err().expect::<AddressEmptyCode>();
    wire(s.owner, s.risk.at, s.policy.at).unwrap();
    let peers = s.world.read(s.assessor, IAssessor::peersCall {});
    assert_eq!((peers.risk, peers.policy), (s.risk.at, s.policy.at));
    let events = s.world.events::<IAssessor::PeersSet>(s.assessor);
    assert_eq!((events[0].risk, events[0].policy), (s.risk.at, s.policy.at));
    wire(s.owner, s.risk.at, s.policy.at).unwrap_err().expect::<IOwned::AlreadyWired>();
}

#[test]
fn the_set_up_key_wires_until_it_gives_itself_up() {
    let s = Setup::bare();
    let (at, key) = (s.world.address("another"), s.world.address("deployer"));
    let extension = s.world.address("assessor ext");
    s.world.construct::<Assessor>(at, key, (s.owner, key, extension, MOST_AT_ONCE).abi_encode_params());
    assert_eq!(s.world.read(at, IOwned::setupCall {}), key);
    s.world.send(key, at, IOwned::setGuardianCall { newGuardian: s.holder }).map(drop).unwrap();
    assert_eq!(s.world.read(at, IOwned::guardianCall {}), s.holder);
    s.world.send(key, at, IOwned::finishSetupCall {}).map(drop).unwrap();
    assert_eq!(s.world.read(at, IOwned::setupCall {}), Address::ZERO);
    let wire = IAssessor::wireCall { risk: s.risk.at, policy: s.policy.at };
    s.world.send(key, at, wire).map(drop).unwrap_err().expect::<OwnableUnauthorizedAccount>();
    let guardian = IOwned::setGuardianCall { newGuardian: key };
    s.world.send(key, at, guardian).map(drop).unwrap_err().expect::<OwnableUnauthorizedAccount>();
    s.world.send(key, at, IOwned::finishSetupCall {}).map(drop).unwrap_err().expect::<OwnableUnauthorizedAccount>();
}

#[test]
fn ownership_moves_in_two_steps_and_never_to_nobody_at_construction() {
    let s = Setup::new();
    let heir = s.world.address("heir");
    let transfer = IOwned::transferOwnershipCall { newOwner: heir };
    s.world.send(s.holder, s.assessor, transfer.clone()).map(drop).unwrap_err().expect::<OwnableUnauthorizedAccount>();
    s.world.send(s.owner, s.assessor, transfer).map(drop).unwrap();
    assert_eq!(s.world.read(s.assessor, IOwned::pendingOwnerCall {}), heir);
    s.world
        .send(s.holder, s.assessor, IOwned::acceptOwnershipCall {})
        .map(drop)
        .unwrap_err()
        .expect::<OwnableUnauthorizedAccount>();
    s.world.send(heir, s.assessor, IOwned::acceptOwnershipCall {}).map(drop).unwrap();
    assert_eq!(s.world.read(s.assessor, IOwned::ownerCall {}), heir);
    let at = s.world.address("another");
    let extension = s.world.address("assessor ext");
    let construct = |owner: Address, extension: Address, most: u16| {
        let arguments = (owner, Address::ZERO, extension, most).abi_encode_params();
        s.world.try_construct::<Assessor>(at, s.owner, arguments)
    };
    construct(Address::ZERO, extension, 500).unwrap_err().expect::<OwnableInvalidOwner>();
    construct(s.owner, heir, 500).unwrap_err().expect::<AddressEmptyCode>();
    construct(s.owner, extension, 2_001).unwrap_err().expect::<IOwned::ParameterOutOfBounds>();
    construct(s.owner, extension, u16::MAX).unwrap();
}
