//! The depeg trigger against every state of its feed and every shape of a dip.

use crate::common::*;
use alloy_primitives::{Address, B256, U256, aliases::U80};
use alloy_sol_types::{SolInterface, SolValue};
use depeg::DepegTrigger;
use protocol::{
    abi::{IDepegTrigger, IOwned, ITrigger},
    oracle::round_id,
};
use standards::errors::OwnableUnauthorizedAccount;

const PAR: i128 = 100_000_000;

/// The loss over a window of `total` seconds, `below` of them at `price` and the others at par, rounded down.
fn loss(price: i128, below: u64, total: u64) -> u16 {
    ((PAR - price) * i128::from(below) * 10_000 / (PAR * i128::from(total))) as u16
}

// ————————————————————————————————————————————————————————————————————————————————————————————————————— interface

#[test]
fn every_function_of_the_interface_is_routed_and_no_other() {
    let mut selectors: Vec<[u8; 4]> = IDepegTrigger::IDepegTriggerCalls::selectors().collect();
    selectors.extend(ITrigger::ITriggerCalls::selectors());
    selectors.extend(IOwned::IOwnedCalls::selectors());
    let setup = Setup::empty(8);
    for selector in &selectors {
        assert!(
            setup.world.routes::<DepegTrigger>(*selector),
            "0x{} is not routed",
            alloy_primitives::hex::encode(selector)
        );
    }
    assert_eq!(selectors.len(), 7 + 7 + 8);
}

// ——————————————————————————————————————————————————————————————————————————————————————————— the state of the feed

#[test]
fn fresh_a_feed_at_par_is_healthy() {
    let s = Setup::new();
    s.warp_to(25 * HOUR);
    assert!(s.healthy() && s.enter(), "exactly as old as the heartbeat");
}

#[test]
fn stale_nothing_is_sold_on_an_old_price() {
    let s = Setup::new();
    s.warp_to(25 * HOUR + 1);
    assert!(!s.healthy() && !s.enter());
    s.round(25 * HOUR + 2, PAR);
    assert!(s.healthy() && s.enter());
}

/// A round that has no price is not sold on, not taken in while it is the last, and passed over once one follows.
fn passed_over(bad: impl Fn(&Setup) -> u128) {
    let s = Setup::new();
    s.round(HOUR, PAR);
    let bad = bad(&s);
    assert!(!s.enter() && !s.healthy());
    assert_eq!(s.cursor(), bad - 2, "a latest round without a price says nothing about the one before it");
    let error: IDepegTrigger::InvalidRound = s.try_observe(&[bad - 1, bad]).unwrap_err().expect();
    assert_eq!(error.roundId, U80::from(bad));
    let next = s.round(3 * HOUR, 95_000_000);
    s.try_observe(&[bad - 1, bad, next]).unwrap();
    assert_eq!(s.cursor(), next);
    // Without evidence it goes the same way, and the windows too walk past the round.
    s.round(5 * HOUR, PAR);
    s.round(29 * HOUR, PAR);
    let (number, incident) = s.observe();
    assert_eq!((number, incident.openedAt, incident.closedAt), (1, s.start + 3 * HOUR, s.start + 29 * HOUR));
    assert_eq!(incident.worstBps, loss(95_000_000, 2, 24));
    assert_eq!(s.window(4 * HOUR), Some(loss(95_000_000, 1, 24)));
}

#[test]
fn negative_a_price_below_zero_is_none() {
    passed_over(|s| s.round(2 * HOUR, -PAR));
}

#[test]
fn zero_a_price_of_zero_is_none() {
    passed_over(|s| s.round(2 * HOUR, 0));
}

#[test]
fn incomplete_round_an_answer_carried_over_is_none() {
    passed_over(|s| {
        s.warp_to(2 * HOUR);
        let before = s.feed.latest();
        s.feed.push_raw(Raw { answer: PAR, updated_at: s.world.now(), answered_in: before })
    });
}

#[test]
fn incomplete_round_one_still_being_answered_is_none() {
    passed_over(|s| {
        s.warp_to(2 * HOUR);
        let id = s.feed.latest() + 1;
        s.feed.push_raw(Raw { answer: 0, updated_at: 0, answered_in: id })
    });
}

#[test]
fn a_price_that_does_not_fit_is_none() {
    passed_over(|s| {
        s.warp_to(2 * HOUR);
        let id = s.feed.latest() + 1;
        s.feed.push_raw(Raw { answer: i128::MAX, updated_at: s.world.now(), answered_in: id })
    });
}

#[test]
fn any_number_of_rounds_without_a_price_is_passed_over() {
    for (voids, calls) in [(31, 1), (33, 2), (100, 4)] {
        let s = Setup::new();
        for minute in 0..voids {
            s.round(HOUR + minute, 0);
        }
        s.round(2 * HOUR, 95_000_000);
        s.warp_to(3 * HOUR);
        for _ in 0..calls {
            s.observe();
        }
        assert_eq!(s.cursor(), s.feed.latest(), "{voids} rounds");
        assert_eq!((s.count(), s.incident(1).openedAt), (1, s.start + 2 * HOUR));
        // As many again while it is open: the windows pass them by too.
        for minute in 0..voids {
            s.round(3 * HOUR + minute, 0);
        }
        s.rounds(&[(4 * HOUR, PAR), (28 * HOUR, PAR)]);
        for _ in 0..calls + 2 {
            s.observe();
        }
        let incident = s.incident(1);
        assert_eq!((incident.closedAt, incident.worstBps), (s.start + 28 * HOUR, loss(95_000_000, 2, 24)));
        assert!(s.healthy() && s.enter());
        assert_eq!(s.window(3 * HOUR), Some(loss(95_000_000, 1, 24)));
    }
}

#[test]
fn any_number_of_rounds_without_a_price_is_passed_over_at_the_ends_of_phases() {
    let s = Setup::new();
    for minute in 0..40 {
        s.round(HOUR + minute, 0);
    }
    let end = s.feed.latest();
    s.feed.start_phase(2);
    let ids: Vec<_> = (0..40).map(|minute| s.round(2 * HOUR + minute, 0)).collect();
    let next = s.round(3 * HOUR, 95_000_000);
    // What ends the old phase is taken in without evidence, the change of phase needs a list.
    s.observe();
    let rest: Vec<_> = (end - 7..=end).chain(ids[..24].iter().copied()).collect();
    s.try_observe(&rest).unwrap();
    assert!(s.cursor() < end && !s.healthy());
    s.observe();
    assert_eq!(s.cursor(), next);
    s.rounds(&[(4 * HOUR, PAR), (28 * HOUR, PAR)]);
    for _ in 0..3 {
        s.observe();
    }
    let incident = s.incident(1);
    assert_eq!((incident.openedAt, incident.closedAt), (s.start + 3 * HOUR, s.start + 28 * HOUR));
    assert_eq!(incident.worstBps, loss(95_000_000, 1, 24));
    assert!(s.healthy());
}

#[test]
fn rounds_without_a_price_are_passed_over_only_where_one_with_a_price_follows() {
    let s = Setup::new();
    let ids: Vec<_> = (0..40).map(|minute| s.round(HOUR + minute, 0)).collect();
    s.observe();
    let error: IDepegTrigger::InvalidRound = s.try_observe(&ids[..32]).unwrap_err().expect();
    assert_eq!(error.roundId, U80::from(ids[31]));
    // One of them is corrected after all.
    s.feed.state.rounds.borrow_mut().get_mut(&ids[20]).unwrap().answer = 95_000_000;
    s.round(2 * HOUR, PAR);
    s.observe();
    s.observe();
    assert_eq!(s.cursor(), s.feed.latest());
    assert_eq!(s.window(HOUR), None);
    s.warp_to(26 * HOUR);
    s.round(26 * HOUR, PAR);
    s.observe();
    assert!(s.window(HOUR).is_some_and(|bps| bps > 0), "it counts");
}

#[test]
fn future_timestamp_a_round_of_the_future_is_neither_sold_on_nor_taken_in() {
    let s = Setup::new();
    let id = s.feed.push(PAR, s.start + 10);
    assert!(!s.enter() && !s.healthy());
    s.try_observe(&[id]).unwrap_err().expect::<IDepegTrigger::InvalidRound>();
    s.feed.push(PAR, s.start);
    s.try_observe(&[id, id + 1]).unwrap_err().expect::<IDepegTrigger::InvalidRound>();
    s.warp_to(10);
    s.try_observe(&[id]).unwrap();
}

#[test]
fn a_price_of_more_than_18_times_par_counts_as_18_times_par() {
    let s = Setup::new();
    s.rounds(&[(20 * HOUR, PAR), (40 * HOUR, 50_000_000), (64 * HOUR, 2000 * PAR), (66 * HOUR, PAR), (90 * HOUR, PAR)]);
    assert_eq!(s.observe().1.worstBps, 5_000, "a window before the peak is the worst");
    // An hour at 18.45 times par makes up for 23 hours at half: no more is counted, and it is enough.
    assert_eq!(s.window(41 * HOUR), Some(0));
}

#[test]
fn sequencer_down_a_last_round_does_not_go_on_counting() {
    let s = Setup::new();
    s.round(10 * HOUR, 95_000_000);
    s.warp_to(12 * HOUR);
    s.uptime.down.set(true);
    assert_eq!(s.observe().0, 0);
    assert!(!s.healthy() && !s.enter());
    s.uptime.down.set(false);
    assert_eq!(s.observe().0, 1, "up for long enough, the same price is proof");
}

#[test]
fn within_grace_a_sequencer_that_has_just_come_back_proves_nothing() {
    let s = Setup::new();
    s.round(10 * HOUR, PAR);
    s.warp_to(12 * HOUR);
    s.uptime.started_at.set(s.world.now() - HOUR);
    assert!(!s.healthy() && !s.enter());
    s.warp_to(12 * HOUR + 1);
    assert!(s.healthy() && s.enter());
}

#[test]
fn started_at_0_an_uptime_feed_without_a_start_proves_nothing() {
    let s = Setup::new();
    s.round(10 * HOUR, 95_000_000);
    s.warp_to(12 * HOUR);
    s.uptime.started_at.set(0);
    assert_eq!(s.observe().0, 0);
    s.uptime.started_at.set(s.start);
    s.uptime.broken.set(true);
    assert_eq!(s.observe().0, 0);
    assert!(!s.enter());
    s.uptime.broken.set(false);
    assert_eq!(s.observe().0, 1);
}

#[test]
fn rounds_with_a_successor_count_whatever_the_sequencer_does_now() {
    let s = Setup::new();
    s.rounds(&[(10 * HOUR, 95_000_000), (12 * HOUR, PAR)]);
    s.uptime.down.set(true);
    assert_eq!(s.observe().0, 1);
}

#[test]
fn a_chain_without_an_uptime_feed_does_without() {
    let s = Setup::empty(8);
    let other = s.world.address("other");
    let arguments = (s.owner, Address::ZERO, Address::ZERO, 600u32).abi_encode_params();
    s.world.construct::<DepegTrigger>(other, s.owner, arguments);
    let s = Setup { trigger: other, ..s };
    s.register(config(s.feed.at)).unwrap();
    s.uptime.down.set(true);
    assert!(s.enter());
    assert_eq!(s.world.read(other, IDepegTrigger::sequencerFeedCall {}), Address::ZERO);
}

#[test]
fn floor_clamped_a_price_at_the_floor_counts_as_the_floor() {
    for price in [400_000, 1_000_000] {
        let s = Setup::new();
        s.rounds(&[(10 * HOUR, price), (20 * HOUR, price), (35 * HOUR, price)]);
        assert_eq!(s.observe().1.worstBps, 9_900, "no more is known than that it is at most a cent");
    }
}

#[test]
fn floor_clamped_nothing_is_sold_on_a_clamped_price() {
    let s = Setup::empty(8);
    s.feed.push(PAR * 985 / 1000, s.start);
    let clamped = IDepegTrigger::Subject {
        floorPrice: 985_000_000_000_000_000,
        triggerPrice: 986_000_000_000_000_000,
        ..config(s.feed.at)
    };
    s.register(clamped.clone()).unwrap_err().expect::<IDepegTrigger::FeedNotHealthy>();
    s.feed.push(PAR, s.start);
    s.register(clamped).unwrap();
    s.feed.push(PAR * 985 / 1000, s.start);
    assert!(!s.enter());
}

#[test]
fn decimals_6_8_18_and_others_give_the_same_losses() {
    for decimals in [6, 8, 12, 18, 20] {
        let s = Setup::with_decimals(decimals);
        s.rounds(&[(10 * HOUR, 90_000_000), (16 * HOUR, PAR), (40 * HOUR, PAR)]);
        assert_eq!(s.observe().1.worstBps, loss(90_000_000, 6, 24), "{decimals} decimals");
    }
}

// ————————————————————————————————————————————————————————————————————————————————————————————— what an incident is

#[test]
fn exactly_at_the_trigger_is_depegged_and_a_hair_above_is_not() {
    for (price, incidents) in [(97_000_000, 1), (97_000_001, 0)] {
        let s = Setup::new();
        s.rounds(&[(10 * HOUR, price), (12 * HOUR, PAR)]);
        assert_eq!(s.observe().0, incidents);
    }
}

#[test]
fn exactly_at_the_recovery_price_has_not_recovered() {
    for (price, closed) in [(99_000_000, false), (99_000_001, true)] {
        let s = Setup::new();
        s.rounds(&[(10 * HOUR, 95_000_000), (12 * HOUR, price), (36 * HOUR, price)]);
        assert_eq!(s.observe().1.closedAt > 0, closed);
    }
}

#[test]
fn dip_shorter_than_t_is_no_incident() {
    let s = Setup::new();
    s.rounds(&[(10 * HOUR, 50_000_000), (11 * HOUR - 1, PAR)]);
    assert_eq!(s.observe().0, 0);
    assert!(s.enter());
    assert_eq!(s.loss(0, 30 * DAY, 1), (INCONCLUSIVE, 0), "an incident that nobody has proven is not known");
}

#[test]
fn a_dip_of_exactly_t_is_an_incident_that_opened_with_its_first_round() {
    let s = Setup::new();
    s.rounds(&[(10 * HOUR, 96_000_000), (10 * HOUR + 1800, 95_000_000), (11 * HOUR, PAR)]);
    let (number, incident) = s.observe();
    assert_eq!((number, incident.openedAt, incident.closedAt), (1, s.start + 10 * HOUR, 0));
    assert_eq!(incident.verdict, CONFIRMED);
}

#[test]
fn two_short_dips_do_not_add_up_to_a_run() {
    let s = Setup::new();
    s.rounds(&[
        (10 * HOUR, 90_000_000),
        (10 * HOUR + 1800, 97_500_000),
        (10 * HOUR + 1900, 90_000_000),
        (11 * HOUR + 600, PAR),
    ]);
    assert_eq!(s.observe().0, 0);
}

#[test]
fn a_last_round_without_successor_counts_until_now_and_for_its_heartbeat_at_most() {
    let s = Setup::empty(8);
    let slow = IDepegTrigger::Subject { duration: 26 * HOUR as u32, ..config(s.feed.at) };
    s.register(slow).unwrap();
    s.round(10 * HOUR, 90_000_000);
    s.warp_to(60 * HOUR);
    assert_eq!(s.observe().0, 0, "25 hours are known, 26 are needed");
    // The next round is late: what lies between is unknown, but the run is not cut.
    s.round(61 * HOUR, 90_000_000);
    s.warp_to(62 * HOUR);
    let (number, incident) = s.observe();
    assert_eq!((number, incident.openedAt), (1, s.start + 10 * HOUR));
}

#[test]
fn a_feed_that_died_in_the_dip_still_proves_what_it_said() {
    let s = Setup::new();
    s.round(10 * HOUR, 20_000_000);
    s.warp_to(300 * HOUR);
    let (number, incident) = s.observe();
    assert_eq!((number, incident.closedAt), (1, 0));
    // From 11 h on 24 hours of 0.2 are known; that is the worst window there is.
    assert_eq!(s.prove(0, 300 * HOUR, 1, 11 * HOUR).unwrap(), (CONFIRMED, 8_000));
    let error: IDepegTrigger::WindowNotCovered = s.prove(0, 300 * HOUR, 1, 11 * HOUR + 1).unwrap_err().expect();
    assert_eq!((error.start, error.last), (s.start + 11 * HOUR + 1, s.start + 11 * HOUR));
}

#[test]
fn unknown_time_counts_as_par() {
    let s = Setup::new();
    s.rounds(&[(10 * HOUR, 50_000_000), (40 * HOUR, 50_000_000), (45 * HOUR, PAR)]);
    s.observe();
    // 10 h … 35 h is known, 35 h … 40 h is not.
    assert_eq!(s.window(20 * HOUR), Some(loss(50_000_000, 15 + 4, 24)));
    assert_eq!(s.incident(1).worstBps, 5_000);
}

#[test]
fn oscillation_is_one_incident_however_the_price_goes() {
    let s = Setup::new();
    for hour in 10..60 {
        s.round(hour * HOUR, if hour % 3 == 0 { PAR } else { 96_000_000 });
    }
    s.observe();
    let (number, incident) = s.observe();
    assert_eq!((number, incident.openedAt, incident.closedAt), (1, s.start + 10 * HOUR, 0));
}

#[test]
fn an_incident_closes_after_r_above_the_recovery_price_at_the_very_second() {
    let s = Setup::new();
    s.rounds(&[(10 * HOUR, 95_000_000), (12 * HOUR, 98_000_000), (15 * HOUR, PAR), (30 * HOUR, PAR)]);
    s.warp_to(39 * HOUR - 1);
    assert_eq!(s.observe().1.closedAt, 0);
    s.warp_to(39 * HOUR);
    let incident = s.observe().1;
    assert_eq!(incident.closedAt, s.start + 39 * HOUR);
    let events = s.world.events::<IDepegTrigger::IncidentClosed>(s.trigger);
    assert_eq!((events.len(), events[0].closedAt, events[0].worstBps), (1, s.start + 39 * HOUR, incident.worstBps));
}

#[test]
fn a_recovery_that_is_interrupted_begins_again() {
    let s = Setup::new();
    s.rounds(&[(10 * HOUR, 95_000_000), (12 * HOUR, PAR), (35 * HOUR, 98_900_000), (36 * HOUR, PAR), (59 * HOUR, PAR)]);
    assert_eq!(s.observe().1.closedAt, 0);
    s.round(60 * HOUR, PAR);
    assert_eq!(s.observe().1.closedAt, s.start + 60 * HOUR);
}

#[test]
fn a_recovery_with_a_gap_proves_nothing() {
    let s = Setup::empty(8);
    s.register(IDepegTrigger::Subject { heartbeat: 10 * HOUR as u32, ..config(s.feed.at) }).unwrap();
    s.rounds(&[
        (5 * HOUR, 95_000_000),
        (7 * HOUR, PAR),
        (16 * HOUR, PAR),
        (27 * HOUR, PAR),
        (36 * HOUR, PAR),
        (45 * HOUR, PAR),
    ]);
    assert_eq!(s.observe().1.closedAt, 0, "the round at 16 h counted until 26 h");
    s.round(51 * HOUR, PAR);
    assert_eq!(s.observe().1.closedAt, s.start + 51 * HOUR, "24 hours after the gap");
}

#[test]
fn a_stale_price_proves_no_recovery() {
    let s = Setup::new();
    s.rounds(&[(10 * HOUR, 95_000_000), (12 * HOUR, PAR)]);
    s.warp_to(12 * HOUR + 25 * HOUR + 1);
    assert_eq!(s.observe().1.closedAt, 0);
    // Its successor proves it.
    s.round(38 * HOUR, PAR);
    assert_eq!(s.observe().1.closedAt, s.start + 36 * HOUR);
}

#[test]
fn no_loss_is_in_two_incidents() {
    let s = Setup::new();
    // Closed at 36 h; the next dip comes two hours later: a window over both belongs to neither.
    s.rounds(&[
        (10 * HOUR, 80_000_000),
        (12 * HOUR, PAR),
        (36 * HOUR, PAR),
        (38 * HOUR, 90_000_000),
        (40 * HOUR, PAR),
        (64 * HOUR, PAR),
    ]);
    let (number, second) = s.observe();
    let first = s.incident(1);
    assert_eq!(
        (number, first.closedAt, second.openedAt, second.closedAt),
        (2, s.start + 36 * HOUR, s.start + 38 * HOUR, s.start + 64 * HOUR)
    );
    assert_eq!((first.worstBps, second.worstBps), (loss(80_000_000, 2, 24), loss(90_000_000, 2, 24)));
    assert_eq!(s.loss(0, 100 * HOUR, 1), (CONFIRMED, first.worstBps));
    assert_eq!(s.loss(0, 100 * HOUR, 2), (CONFIRMED, second.worstBps));
    for (incident, window) in [(1, 12 * HOUR + 1), (2, 36 * HOUR - 1)] {
        s.prove(0, 100 * HOUR, incident, window).unwrap_err().expect::<IDepegTrigger::WindowNotCovered>();
    }
    assert_eq!(s.prove(0, 100 * HOUR, 2, 36 * HOUR).unwrap(), (CONFIRMED, second.worstBps));
}

#[test]
fn the_worst_window_may_begin_before_the_incident() {
    let s = Setup::new();
    // Just above the trigger for a day, below it for an hour, then at par: the worst window ends with the dip.
    s.rounds(&[(10 * HOUR, 97_500_000), (34 * HOUR, 96_000_000), (35 * HOUR, PAR), (59 * HOUR, PAR)]);
    let incident = s.observe().1;
    let expected = ((23 * 25 + 40) * 10_000 / (24 * 1000)) as u16;
    assert_eq!((incident.openedAt, incident.worstBps), (s.start + 34 * HOUR, expected));
    assert_eq!(s.worst(1).start, s.start + 11 * HOUR);
}

#[test]
fn an_incident_soon_after_the_registration_has_a_full_window() {
    let s = Setup::new();
    s.rounds(&[(60, 90_000_000), (2 * HOUR, PAR), (26 * HOUR, PAR)]);
    let incident = s.observe().1;
    assert_eq!(incident.closedAt, s.start + 26 * HOUR);
    assert_eq!(incident.worstBps, ((2 * HOUR - 60) * 1_000 / DAY) as u16);
}

// ————————————————————————————————————————————————————————————————————————————————————————————————— taking rounds in

#[test]
fn incident_replay_the_same_round_twice_counts_once() {
    let s = Setup::new();
    let ids = [s.round(10 * HOUR, 96_000_000), s.round(10 * HOUR + 1800, 96_000_000)];
    s.try_observe(&[ids[0], ids[0], ids[1], ids[1]]).unwrap();
    s.try_observe(&ids).unwrap();
    s.try_observe(&[ids[0]]).unwrap();
    assert_eq!((s.count(), s.cursor()), (0, ids[1]));
    let next = s.round(10 * HOUR + 3599, PAR);
    s.try_observe(&[ids[0], ids[1], next]).unwrap();
    assert_eq!(s.count(), 0, "one second less than an hour");
    assert_eq!(s.world.events::<IDepegTrigger::RunProven>(s.trigger).len(), 2, "nothing new is no event");
}

#[test]
fn no_round_can_be_left_out() {
    let s = Setup::new();
    let ids = [s.round(HOUR, PAR), s.round(2 * HOUR, 90_000_000), s.round(3 * HOUR, PAR)];
    let error: IDepegTrigger::RoundsNotConsecutive = s.try_observe(&[ids[0], ids[2]]).unwrap_err().expect();
    assert_eq!((error.roundId, error.expected), (U80::from(ids[2]), U80::from(ids[1])));
    s.try_observe(&[ids[1]]).unwrap_err().expect::<IDepegTrigger::RoundsNotConsecutive>();
}

#[test]
fn a_round_that_cannot_be_read_is_not_passed_over() {
    let s = Setup::new();
    let ids = [s.round(HOUR, PAR), s.round(2 * HOUR, 90_000_000), s.round(3 * HOUR, PAR)];
    s.feed.state.hidden.set(ids[1]);
    let error: IDepegTrigger::InvalidRound = s.try_observe(&ids).unwrap_err().expect();
    assert_eq!(error.roundId, U80::from(ids[1]));
    s.observe();
    assert_eq!(s.cursor(), ids[0], "without evidence it goes as far as it can");
    assert!(!s.enter() && !s.healthy());
}

#[test]
fn rounds_that_do_not_exist_are_not_taken_in() {
    for zeros in [false, true] {
        let s = Setup::new();
        s.feed.state.zeros.set(zeros);
        let next = s.feed.latest() + 1;
        s.try_observe(&[next]).unwrap_err().expect::<IDepegTrigger::InvalidRound>();
        s.observe();
        assert_eq!(s.cursor(), next - 1);
    }
}

#[test]
fn evidence_that_is_no_list_of_rounds_is_refused() {
    let s = Setup::new();
    let next = s.round(HOUR, PAR);
    let good = list(&[next]);
    let mut offset = good.clone();
    offset[31] = 64;
    let mut length = good.clone();
    length[63] = 2;
    let mut wide = good.clone();
    wide[64] = 1;
    for bad in [vec![0], vec![0; 32], good[..95].to_vec(), [good.clone(), vec![0; 32]].concat(), offset, length, wide] {
        let call = ITrigger::observeCall { subject: SUBJECT, evidence: bad.into() };
        s.world.send(s.anyone, s.trigger, call).err().unwrap().expect::<IDepegTrigger::InvalidEvidence>();
    }
    for bad in [vec![0; 31], vec![0; 33], [vec![0; 23], vec![1; 9]].concat()] {
        s.prove_with(0, DAY, 1, bad).unwrap_err().expect::<IDepegTrigger::InvalidEvidence>();
    }
    s.try_observe(&[next]).unwrap();
}

#[test]
fn max_rounds_32_in_a_call_and_no_more() {
    let s = Setup::new();
    let ids: Vec<_> = (1..=40).map(|minute| s.round(minute * 60, PAR)).collect();
    let error: IDepegTrigger::TooManyRounds = s.try_observe(&ids[..33]).unwrap_err().expect();
    assert_eq!((error.given, error.most), (U256::from(33), U256::from(32)));
    s.feed.state.reads.set(0);
    s.try_observe(&ids[..32]).unwrap();
    assert_eq!((s.cursor(), s.feed.state.reads.get()), (ids[31], 32), "a quiet round is read once");
    s.observe();
    assert_eq!(s.cursor(), ids[39]);
}

#[test]
fn max_rounds_an_incident_reads_a_bounded_number_of_rounds_a_call() {
    let s = Setup::new();
    for minute in 0..600 {
        s.round(10 * HOUR + minute * 60, 95_000_000 + i128::from(minute % 7));
    }
    s.round(48 * HOUR, PAR);
    let mut calls = 0;
    while s.cursor() < s.feed.latest() || s.worst(1).comparedUntil < s.start + 48 * HOUR {
        s.feed.state.reads.set(0);
        s.observe();
        let reads = s.feed.state.reads.get();
        // 32 taken in, 32 to move the window, at most 2 × 17 to look its ends up, and the latest.
        assert!(reads <= 100, "{reads} reads");
        calls += 1;
        assert!(calls < 60, "it does not get on");
    }
    assert_eq!(s.incident(1).openedAt, s.start + 10 * HOUR);
}

#[test]
fn keeper_missed_rounds_everything_can_be_proven_long_afterwards() {
    let at_once = Setup::new();
    let late = Setup::new();
    for s in [&at_once, &late] {
        let mut hour = 10;
        for step in 0..150 {
            hour += 1 + step % 3;
            s.round(
                hour * HOUR,
                if (20..100).contains(&step) { 88_000_000 + 100_000 * i128::from(step % 40) } else { PAR },
            );
            if s.trigger == at_once.trigger && std::ptr::eq(s, &at_once) {
                s.observe();
            }
        }
    }
    late.world.warp(200 * DAY);
    for _ in 0..20 {
        late.observe();
    }
    assert_eq!(at_once.count(), 1);
    let [a, b] = [&at_once, &late].map(|s| (s.incident(1), s.worst(1).start));
    assert!(a.0.closedAt > 0);
    assert_eq!((a.0.openedAt, a.0.closedAt, a.0.worstBps, a.1), (b.0.openedAt, b.0.closedAt, b.0.worstBps, b.1));
    let terms = (late.incident(1).openedAt - late.start - HOUR, 400 * DAY);
    assert_eq!(late.loss(terms.0, terms.1, 1), at_once.loss(terms.0, terms.1, 1));
}

#[test]
fn cover_is_sold_only_on_a_series_that_is_up_to_date() {
    let s = Setup::new();
    for minute in 1..=40 {
        s.round(minute * 60, PAR);
    }
    assert!(!s.healthy(), "forty rounds are more than one call takes in");
    assert!(!s.enter());
    assert!(s.healthy() && s.enter(), "the purchase that failed would have taken in 32 of them");
}

#[test]
fn entering_takes_in_the_rounds_that_have_come() {
    let s = Setup::new();
    s.rounds(&[(HOUR, PAR), (2 * HOUR, 99_500_000)]);
    assert!(s.healthy() && s.enter());
    assert_eq!(s.cursor(), s.feed.latest());
}

#[test]
fn nothing_is_sold_below_the_recovery_price_or_while_an_incident_is_open() {
    let s = Setup::new();
    s.round(HOUR, 99_000_000);
    assert!(!s.healthy() && !s.enter(), "at the recovery price");
    s.round(HOUR + 60, 95_000_000);
    assert!(!s.healthy() && !s.enter(), "below the trigger, if only for a minute");
    s.rounds(&[(2 * HOUR, 95_000_000), (3 * HOUR, PAR)]);
    assert!(!s.healthy() && !s.enter(), "nobody has reported it, but the purchase sees it");
    s.round(27 * HOUR - 1, PAR);
    assert!(!s.healthy() && !s.enter(), "recovered, but not for long enough");
    assert_eq!(s.count(), 1);
    s.round(27 * HOUR, PAR);
    assert!(!s.healthy(), "a closing that has to be taken in");
    assert!(s.enter());
    assert!(s.healthy());
}

#[test]
fn an_incident_that_cannot_be_compared_in_one_call_closes_in_several() {
    let s = Setup::new();
    s.round(10 * HOUR, 95_000_000);
    for minute in 1..200 {
        s.round(12 * HOUR + minute * 60, PAR - i128::from(minute % 5));
    }
    s.round(36 * HOUR + 60, PAR);
    // All rounds are known at once, the windows are not.
    let mut calls = 0;
    while s.cursor() < s.feed.latest() {
        s.observe();
        calls += 1;
        if s.cursor() < s.feed.latest() {
            assert_eq!(s.incident(1).closedAt, 0, "closed means that the worst loss is final");
        }
    }
    assert!(calls > 6, "{calls} calls");
    assert_eq!(s.incident(1).closedAt, s.start + 36 * HOUR + 60);
    assert!(s.enter());
}

#[test]
fn one_call_closes_an_incident_and_opens_the_next() {
    let s = Setup::new();
    s.rounds(&[(10 * HOUR, 95_000_000), (12 * HOUR, PAR), (30 * HOUR, PAR), (37 * HOUR, 95_000_000)]);
    s.warp_to(38 * HOUR);
    let (number, incident) = s.observe();
    assert_eq!((number, incident.openedAt, incident.closedAt), (2, s.start + 37 * HOUR, 0));
    assert_eq!(s.incident(1).closedAt, s.start + 36 * HOUR);
}

#[test]
fn a_round_dated_before_a_closing_that_is_proven_waits_for_it() {
    let s = Setup::new();
    for minute in 1..300 {
        s.round(minute * 60, PAR - i128::from(minute % 5));
    }
    s.rounds(&[(10 * HOUR, 95_000_000), (12 * HOUR + 60, PAR)]);
    s.warp_to(36 * HOUR + 60);
    while s.cursor() < s.feed.latest() {
        s.observe();
    }
    s.observe();
    // The closing is known by the live price, the comparison is not at its end; then a late round comes.
    assert_eq!(s.incident(1).closedAt, 0);
    let (before, late) = (s.cursor(), s.feed.push(50_000_000, s.start + 36 * HOUR));
    let mut calls = 0;
    while s.incident(1).closedAt == 0 {
        assert_eq!(s.cursor(), before);
        s.observe();
        calls += 1;
    }
    assert!(calls > 1, "{calls} calls");
    s.observe();
    assert_eq!((s.incident(1).closedAt, s.cursor()), (s.start + 36 * HOUR + 60, late));
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————————————— phases

/// Two rounds of a dip at the end of phase 1, and the setup.
fn end_of_a_phase() -> (Setup, u128) {
    let s = Setup::new();
    s.rounds(&[(10 * HOUR, 90_000_000), (10 * HOUR + 1800, 90_000_000)]);
    let last = s.feed.latest();
    (s, last)
}

#[test]
fn phase_change_a_run_is_not_cut_by_it() {
    for zeros in [false, true] {
        let (s, last) = end_of_a_phase();
        s.feed.state.zeros.set(zeros);
        s.feed.start_phase(2);
        let ids = [last - 1, last, s.round(10 * HOUR + 2000, 90_000_000), s.round(12 * HOUR, PAR)];
        s.observe();
        assert_eq!(s.cursor(), last, "a new phase is entered by evidence only");
        assert!(!s.enter() && !s.healthy());
        let (number, incident) = s.try_observe(&ids).unwrap();
        assert_eq!((number, incident.openedAt), (1, s.start + 10 * HOUR));
        // Windows are compared and proven across the change.
        s.rounds(&[(24 * HOUR, PAR), (40 * HOUR, PAR)]);
        assert_eq!(s.observe().1.worstBps, loss(90_000_000, 2, 24));
        assert_eq!(s.window(10 * HOUR + 1900), Some(((2 * HOUR - 1900) * 1_000 / DAY) as u16));
    }
}

#[test]
fn phase_change_the_end_of_the_old_phase_cannot_be_left_out() {
    let (s, last) = end_of_a_phase();
    s.feed.start_phase(2);
    let next = s.round(11 * HOUR, PAR);
    let error: IDepegTrigger::RoundsNotConsecutive = s.try_observe(&[last - 1, next]).unwrap_err().expect();
    assert_eq!((error.roundId, error.expected), (U80::from(next), U80::from(last)));
}

#[test]
fn phase_change_the_beginning_of_the_new_phase_cannot_be_left_out() {
    let (s, last) = end_of_a_phase();
    s.feed.start_phase(2);
    let ids = [s.round(11 * HOUR, 90_000_000), s.round(12 * HOUR, PAR)];
    let error: IDepegTrigger::RoundsNotConsecutive = s.try_observe(&[last - 1, last, ids[1]]).unwrap_err().expect();
    assert_eq!(error.expected, U80::from(ids[0]));
}

#[test]
fn phase_change_what_a_new_aggregator_said_before_its_phase_is_passed_over() {
    let (s, last) = end_of_a_phase();
    s.feed.start_phase(2);
    // It had been running for a while, and said something else.
    let early: Vec<_> = (0..5).map(|i| s.feed.push(50_000_000, s.start + HOUR + i)).collect();
    let first = s.round(11 * HOUR, PAR);
    // Named from the start or from the last round that is too early, or not at all: the same.
    for ids in [
        [&[last - 1, last], &early[..], &[first]].concat(),
        vec![last - 1, last, early[4], first],
        vec![last - 1, last, first],
    ] {
        let snapshot = Setup::new();
        snapshot.rounds(&[(10 * HOUR, 90_000_000), (10 * HOUR + 1800, 90_000_000)]);
        snapshot.feed.start_phase(2);
        for i in 0..5 {
            snapshot.feed.push(50_000_000, snapshot.start + HOUR + i);
        }
        snapshot.round(11 * HOUR, PAR);
        let (number, incident) = snapshot.try_observe(&ids).unwrap();
        assert_eq!((number, incident.openedAt), (1, snapshot.start + 10 * HOUR));
        snapshot.rounds(&[(35 * HOUR, PAR)]);
        assert_eq!(snapshot.observe().1.worstBps, loss(90_000_000, 1, 24));
    }
}

#[test]
fn phase_change_a_phase_in_between_must_be_empty() {
    let (s, last) = end_of_a_phase();
    s.feed.start_phase(4);
    let ids = [last - 1, last, s.round(11 * HOUR, PAR)];
    s.try_observe(&ids).unwrap();
    assert_eq!(s.cursor(), round_id(4, 1));

    let (s, last) = end_of_a_phase();
    s.feed.start_phase(2);
    let between = s.round(10 * HOUR + 1900, 90_000_000);
    s.feed.start_phase(3);
    let next = s.round(11 * HOUR, PAR);
    let error: IDepegTrigger::RoundsNotConsecutive = s.try_observe(&[last - 1, last, next]).unwrap_err().expect();
    assert_eq!(error.expected, U80::from(between));
    s.try_observe(&[last - 1, last, between, next]).unwrap();
}

#[test]
fn phase_change_a_phase_that_added_nothing_is_passed_through() {
    let (s, last) = end_of_a_phase();
    s.feed.start_phase(2);
    let old = s.feed.push(50_000_000, s.start + HOUR); // before the last price
    s.feed.start_phase(3);
    let next = s.round(12 * HOUR, PAR);
    s.try_observe(&[last - 1, last, old]).unwrap_err().expect::<IDepegTrigger::InvalidRound>();
    s.try_observe(&[last - 1, last, old, next]).unwrap();
    s.rounds(&[(24 * HOUR, PAR), (40 * HOUR, PAR)]);
    let incident = s.observe().1;
    assert_eq!((incident.openedAt, incident.worstBps), (s.start + 10 * HOUR, loss(90_000_000, 2, 24)));
    assert_eq!(s.window(11 * HOUR), Some(loss(90_000_000, 1, 24)));
}

#[test]
fn phase_change_a_round_without_a_price_may_end_a_phase() {
    let (s, last) = end_of_a_phase();
    let void = s.round(10 * HOUR + 1900, 0);
    s.feed.start_phase(2);
    let next = s.round(12 * HOUR, PAR);
    s.try_observe(&[last - 1, last, next]).unwrap_err().expect::<IDepegTrigger::RoundsNotConsecutive>();
    let (number, _) = s.try_observe(&[last - 1, last, void, next]).unwrap();
    assert_eq!(number, 1);
}

#[test]
fn phase_change_ids_that_go_back_or_far_or_start_at_zero_are_refused() {
    let (s, last) = end_of_a_phase();
    s.try_observe(&[last - 1, last]).unwrap();
    for id in [round_id(2, 0), round_id(10, 1), last + 2] {
        s.try_observe(&[id]).unwrap_err().expect::<IDepegTrigger::RoundsNotConsecutive>();
    }
    s.try_observe(&[round_id(2, 1)]).unwrap_err().expect::<IDepegTrigger::InvalidRound>();
}

#[test]
fn phase_change_with_little_gas_the_end_of_a_phase_cannot_be_feigned() {
    let (s, last) = end_of_a_phase();
    s.feed.start_phase(2);
    let next = s.round(12 * HOUR, PAR);
    s.world.set_gas_left(Some(399_999));
    let error: IDepegTrigger::NotEnoughGas = s.try_observe(&[last - 1, last, next]).unwrap_err().expect();
    assert_eq!((error.left, error.needed), (U256::from(399_999), U256::from(400_000)));
    s.try_observe(&[last - 1, last]).unwrap();
    s.world.set_gas_left(Some(400_000));
    s.try_observe(&[next]).unwrap();
}

// ————————————————————————————————————————————————————————————————————————————————————————————————————————— policies

/// A dip to 0.90 from 100 h to 106 h, closed at 130 h.
fn a_dip() -> Setup {
    let s = Setup::new();
    for hour in (20..=100).step_by(20) {
        s.round(hour * HOUR, if hour == 100 { 90_000_000 } else { PAR });
    }
    s.rounds(&[(106 * HOUR, PAR), (120 * HOUR, PAR), (140 * HOUR, PAR)]);
    let (number, incident) = s.observe();
    assert_eq!((number, incident.openedAt, incident.closedAt), (1, s.start + 100 * HOUR, s.start + 130 * HOUR));
    assert_eq!(incident.worstBps, loss(90_000_000, 6, 24));
    s
}

#[test]
fn a_policy_that_covers_it_all_has_the_worst_loss_without_evidence() {
    let s = a_dip();
    s.feed.state.reads.set(0);
    assert_eq!(s.prove_with(0, 1000 * HOUR, 1, vec![]).unwrap(), (CONFIRMED, 250));
    assert_eq!(s.feed.state.reads.get(), 0, "the worst window is known: nothing is read");
}

#[test]
fn event_in_the_waiting_period_is_not_covered() {
    let s = a_dip();
    assert_eq!(s.loss(100 * HOUR, 1000 * HOUR, 1), (CONFIRMED, 250), "it opened with the first covered second");
    assert_eq!(s.loss(100 * HOUR + 1, 1000 * HOUR, 1), (NOT_MET, 0));
    assert_eq!(s.prove(100 * HOUR + 1, 1000 * HOUR, 1, 101 * HOUR).unwrap(), (NOT_MET, 0));
}

#[test]
fn an_event_after_the_end_is_not_covered() {
    let s = a_dip();
    assert_eq!(s.loss(0, 100 * HOUR, 1), (NOT_MET, 0));
    assert_eq!(s.loss(0, 100 * HOUR + 1, 1), (INCONCLUSIVE, 0), "a second of it is less than a basis point");
}

#[test]
fn dip_crossing_the_policys_end_is_covered_as_far_as_it_lies_inside() {
    let s = a_dip();
    assert_eq!(s.loss(0, 103 * HOUR, 1), (CONFIRMED, loss(90_000_000, 3, 24)));
    s.prove(0, 103 * HOUR, 1, 79 * HOUR + 1).unwrap_err().expect::<IDepegTrigger::WindowNotCovered>();
}

#[test]
fn evidence_before_the_start_is_refused() {
    let s = a_dip();
    let error: IDepegTrigger::WindowNotCovered =
        s.prove(90 * HOUR, 1000 * HOUR, 1, 90 * HOUR - 1).unwrap_err().expect();
    assert_eq!((error.first, error.last), (s.start + 90 * HOUR, s.start + 106 * HOUR));
    assert_eq!(s.prove(90 * HOUR, 1000 * HOUR, 1, 90 * HOUR).unwrap().0, CONFIRMED);
}

#[test]
fn partial_coverage_of_the_window_pays_by_the_windows_that_lie_inside() {
    let s = a_dip();
    // 26 hours of cover that begin 2 hours before the dip: only windows that start until 100 h fit.
    assert_eq!(s.loss(98 * HOUR, 124 * HOUR, 1), (CONFIRMED, 250));
    // Less cover than a window: nothing can ever be measured.
    assert_eq!(s.loss(99 * HOUR, 122 * HOUR, 1), (NOT_MET, 0));
}

#[test]
fn any_window_proven_only_raises() {
    let s = a_dip();
    for window in (82..=106).map(|hour| hour * HOUR) {
        assert_eq!(s.prove(0, 1000 * HOUR, 1, window).unwrap(), (CONFIRMED, 250), "the worst one is known, and inside");
    }
    // Where the worst one is outside, a window is worth what it is.
    assert_eq!(s.prove(0, 103 * HOUR, 1, 78 * HOUR).unwrap(), (CONFIRMED, loss(90_000_000, 2, 24)));
    assert_eq!(s.prove(0, 103 * HOUR, 1, 79 * HOUR).unwrap(), (CONFIRMED, loss(90_000_000, 3, 24)));
}

#[test]
fn two_policies_one_event_each_by_its_own_covered_time() {
    let s = a_dip();
    assert_eq!(s.loss(0, 1000 * HOUR, 1).1, 250);
    assert_eq!(s.loss(0, 104 * HOUR, 1).1, loss(90_000_000, 4, 24));
    assert_eq!(s.loss(90 * HOUR, 115 * HOUR, 1).1, 250);
    assert_eq!(s.count(), 1);
}

#[test]
fn while_no_full_window_is_known_the_verdict_is_open() {
    let s = Setup::new();
    s.round(20 * HOUR, 90_000_000);
    s.warp_to(22 * HOUR);
    assert_eq!(s.observe().0, 1);
    assert_eq!(s.loss(10 * HOUR, 100 * HOUR, 1), (INCONCLUSIVE, 0));
    // From 34 h on a full window lies inside the cover, and the latest price goes on counting.
    s.warp_to(34 * HOUR);
    assert_eq!(s.loss(10 * HOUR, 100 * HOUR, 1), (CONFIRMED, loss(90_000_000, 14, 24)));
    s.uptime.down.set(true);
    assert_eq!(s.loss(10 * HOUR, 100 * HOUR, 1), (INCONCLUSIVE, 0));
}

#[test]
fn a_claim_during_the_incident_rises_with_it() {
    let s = Setup::new();
    s.round(30 * HOUR, 90_000_000);
    s.round(32 * HOUR, 80_000_000);
    s.observe();
    assert_eq!(s.loss(0, 100 * HOUR, 1), (CONFIRMED, loss(90_000_000, 2, 24)));
    s.round(36 * HOUR, PAR);
    s.observe();
    assert_eq!(s.loss(0, 100 * HOUR, 1), (CONFIRMED, loss(90_000_000, 2, 24) + loss(80_000_000, 4, 24)));
}

#[test]
fn a_live_price_never_counts_beyond_a_closing_that_nobody_has_taken_in() {
    let s = Setup::new();
    s.rounds(&[(30 * HOUR, 90_000_000), (32 * HOUR, PAR)]);
    s.observe();
    s.round(40 * HOUR, PAR);
    s.observe();
    s.warp_to(58 * HOUR);
    let error: IDepegTrigger::WindowNotCovered = s.prove(0, 100 * HOUR, 1, 33 * HOUR).unwrap_err().expect();
    assert_eq!(error.last, s.start + 32 * HOUR, "the incident closes at 56 h");
    s.observe();
    assert_eq!(s.incident(1).closedAt, s.start + 56 * HOUR);
}

#[test]
fn feed_reverting_makes_a_verdict_inconclusive_never_not_met() {
    let s = a_dip();
    s.feed.state.broken.set(true);
    assert_eq!(s.loss(0, 103 * HOUR, 1), (INCONCLUSIVE, 0), "a window that has to be read");
    assert_eq!(s.loss(0, 1000 * HOUR, 1), (CONFIRMED, 250), "what was proven stays proven");
    assert!(!s.healthy() && !s.enter());
    assert_eq!(s.observe().0, 1);
    s.feed.state.broken.set(false);
    for hidden in 2..=8 {
        // Any round on the way to the window's ends: from the first checkpoint to the one after the dip's.
        s.feed.state.hidden.set(round_id(1, hidden));
        let expected = if hidden <= 7 { (INCONCLUSIVE, 0) } else { (CONFIRMED, loss(90_000_000, 3, 24)) };
        assert_eq!(s.loss(0, 103 * HOUR, 1), expected, "round {hidden}");
    }
    s.feed.state.broken.set(true);
    let next = s.feed.latest() + 1;
    s.try_observe(&[next]).unwrap_err().expect::<IDepegTrigger::InvalidRound>();
}

#[test]
fn feed_reverting_in_an_incident_stops_nothing_for_good() {
    let s = Setup::new();
    s.rounds(&[(30 * HOUR, 90_000_000), (32 * HOUR, PAR), (50 * HOUR, PAR)]);
    s.observe();
    s.feed.state.hidden.set(round_id(1, 1));
    s.round(60 * HOUR, PAR);
    s.observe();
    s.feed.state.hidden.set(0);
    s.observe();
    assert_eq!((s.incident(1).closedAt, s.incident(1).worstBps), (s.start + 56 * HOUR, loss(90_000_000, 2, 24)));
}

#[test]
fn without_an_incident_there_is_nothing_to_claim() {
    let s = a_dip();
    assert_eq!(s.loss(0, 1000 * HOUR, 0), (NOT_MET, 0));
    assert_eq!(s.loss(0, 1000 * HOUR, 2), (INCONCLUSIVE, 0));
}

#[test]
fn prices_above_par_make_up_for_prices_below_it_in_the_same_window() {
    let s = Setup::new();
    s.rounds(&[(30 * HOUR, 95_000_000), (32 * HOUR, 150_000_000), (40 * HOUR, PAR), (60 * HOUR, PAR)]);
    s.observe();
    assert_eq!(s.incident(1).worstBps, loss(95_000_000, 2, 24), "a window that ends at 32 h");
    assert_eq!(
        s.loss(29 * HOUR, 54 * HOUR, 1),
        (INCONCLUSIVE, 0),
        "in every window inside, the price was above par on average"
    );
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————————— governance

#[test]
fn registering_is_for_the_owner_and_for_ever() {
    let s = Setup::empty(8);
    let call = IDepegTrigger::registerCall { subject: SUBJECT, config: config(s.feed.at) };
    let error: OwnableUnauthorizedAccount = s.world.send(s.anyone, s.trigger, call).err().unwrap().expect();
    assert_eq!(error.account, s.anyone);
    s.register(config(s.feed.at)).unwrap();
    let error: IDepegTrigger::SubjectExists = s.register(config(s.feed.at)).unwrap_err().expect();
    assert_eq!(error.subject, SUBJECT);
    let events = s.world.events::<IDepegTrigger::SubjectRegistered>(s.trigger);
    assert_eq!(
        (events[0].subject, events[0].feed, events[0].firstRound),
        (SUBJECT, s.feed.at, U80::from(s.feed.latest()))
    );
    let stored = s.world.read(s.trigger, IDepegTrigger::subjectOfCall { subject: SUBJECT });
    assert_eq!(stored.abi_encode(), config(s.feed.at).abi_encode());
    let zero = IDepegTrigger::registerCall { subject: B256::ZERO, config: config(s.feed.at) };
    let error: IOwned::ParameterOutOfBounds = s.world.send(s.owner, s.trigger, zero).err().unwrap().expect();
    assert!(error.parameter.starts_with(b"subject"));
}

#[test]
fn a_bad_configuration_cannot_be_registered() {
    let good = config(Setup::empty(8).feed.at);
    let wad = 1_000_000_000_000_000_000;
    let with = |change: &dyn Fn(&mut IDepegTrigger::Subject)| {
        let mut config = good.clone();
        change(&mut config);
        config
    };
    let cases: Vec<(&str, IDepegTrigger::Subject)> = vec![
        ("recoveryPrice", with(&|c| c.recoveryPrice = wad)),
        ("recoveryPrice", with(&|c| c.recoveryPrice = 0)),
        ("triggerPrice", with(&|c| c.triggerPrice = c.recoveryPrice)),
        ("triggerPrice", with(&|c| c.triggerPrice = 0)),
        ("floorPrice", with(&|c| c.floorPrice = c.triggerPrice)),
        ("duration", with(&|c| c.duration = 599)),
        ("duration", with(&|c| c.duration = 30 * DAY as u32 + 1)),
        ("recovery", with(&|c| c.recovery = 599)),
        ("recovery", with(&|c| c.recovery = 30 * DAY as u32 + 1)),
        ("window", with(&|c| c.window = 599)),
        ("window", with(&|c| c.window = c.duration + c.recovery + 1)),
        ("heartbeat", with(&|c| c.heartbeat = 599)),
        ("heartbeat", with(&|c| c.heartbeat = 7 * DAY as u32 + 1)),
    ];
    for (name, config) in cases {
        let s = Setup::empty(8);
        let error: IOwned::ParameterOutOfBounds = s.register(config).unwrap_err().expect();
        assert_eq!(String::from_utf8_lossy(&error.parameter.0).trim_end_matches('\0'), name);
    }
    for edge in [
        with(&|c| c.window = c.duration + c.recovery),
        with(&|c| (c.duration, c.recovery, c.window, c.heartbeat) = (600, 600, 600, 600)),
        with(&|c| (c.recoveryPrice, c.triggerPrice, c.floorPrice) = (wad - 1, wad - 2, wad - 3)),
        with(&|c| c.floorPrice = 0),
    ] {
        Setup::empty(8).register(edge).unwrap();
    }
}

#[test]
fn a_feed_that_is_not_healthy_cannot_be_registered() {
    let refused = |s: &Setup| {
        let error: IDepegTrigger::FeedNotHealthy = s.register(config(s.feed.at)).unwrap_err().expect();
        assert_eq!(error.feed, s.feed.at);
    };
    let s = Setup::empty(8);
    s.round(HOUR, 99_000_000);
    refused(&s);
    let s = Setup::empty(8);
    s.warp_to(26 * HOUR);
    refused(&s);
    let s = Setup::empty(8);
    s.feed.state.broken.set(true);
    refused(&s);
    let s = Setup::empty(28);
    refused(&s);
    let s = Setup::empty(8);
    let nothing = config(s.world.address("nothing"));
    s.register(nothing).unwrap_err().expect::<IDepegTrigger::FeedNotHealthy>();
}

#[test]
fn the_floor_is_not_below_the_aggregators_own() {
    let s = Setup::empty(8);
    s.feed.state.min_answer.set(1_000_001);
    let error: IOwned::ParameterOutOfBounds = s.register(config(s.feed.at)).unwrap_err().expect();
    assert!(error.parameter.starts_with(b"floorPrice"));
    s.feed.state.min_answer.set(1_000_000);
    s.register(config(s.feed.at)).unwrap();
}

#[test]
fn the_constructor_refuses_what_cannot_work() {
    let s = Setup::empty(8);
    let at = s.world.address("another");
    let construct = |owner: Address, sequencer: Address, shortest: u32| {
        s.world.try_construct::<DepegTrigger>(
            at,
            s.owner,
            (owner, Address::ZERO, sequencer, shortest).abi_encode_params(),
        )
    };
    construct(Address::ZERO, Address::ZERO, 600).unwrap_err().expect::<standards::errors::OwnableInvalidOwner>();
    construct(s.owner, s.anyone, 600).unwrap_err().expect::<standards::errors::AddressEmptyCode>();
    construct(s.owner, Address::ZERO, 0).unwrap_err().expect::<IOwned::ParameterOutOfBounds>();
    construct(s.owner, s.world.address("uptime"), 600).unwrap();
    assert_eq!(s.world.read(at, IDepegTrigger::shortestCall {}), 600);
    assert_eq!(s.world.read(at, IDepegTrigger::sequencerFeedCall {}), s.world.address("uptime"));
}

#[test]
fn the_set_up_key_registers_until_it_gives_itself_up() {
    let s = Setup::empty(8);
    let (at, key) = (s.world.address("another"), s.world.address("deployer"));
    s.world.construct::<DepegTrigger>(at, key, (s.owner, key, Address::ZERO, 600u32).abi_encode_params());
    let register = |subject: B256| {
        s.world.send(key, at, IDepegTrigger::registerCall { subject, config: config(s.feed.at) }).map(drop)
    };
    register(SUBJECT).unwrap();
    assert_eq!(s.world.read(at, IOwned::setupCall {}), key);
    s.world.send(key, at, IOwned::setGuardianCall { newGuardian: s.anyone }).unwrap();
    assert_eq!(s.world.read(at, IOwned::guardianCall {}), s.anyone);
    s.world.send(key, at, IOwned::finishSetupCall {}).unwrap();
    assert_eq!(s.world.read(at, IOwned::setupCall {}), Address::ZERO);
    register(B256::repeat_byte(1)).unwrap_err().expect::<OwnableUnauthorizedAccount>();
    s.world.send(key, at, IOwned::finishSetupCall {}).err().unwrap().expect::<OwnableUnauthorizedAccount>();
    s.world
        .send(key, at, IOwned::setGuardianCall { newGuardian: key })
        .err()
        .unwrap()
        .expect::<OwnableUnauthorizedAccount>();
}

#[test]
fn ownership_moves_in_two_steps() {
    let s = Setup::new();
    let heir = s.world.address("heir");
    s.world
        .send(s.anyone, s.trigger, IOwned::transferOwnershipCall { newOwner: heir })
        .err()
        .unwrap()
        .expect::<OwnableUnauthorizedAccount>();
    s.world.send(s.owner, s.trigger, IOwned::transferOwnershipCall { newOwner: heir }).unwrap();
    assert_eq!(
        (s.world.read(s.trigger, IOwned::ownerCall {}), s.world.read(s.trigger, IOwned::pendingOwnerCall {})),
        (s.owner, heir)
    );
    s.world
        .send(s.anyone, s.trigger, IOwned::acceptOwnershipCall {})
        .err()
        .unwrap()
        .expect::<OwnableUnauthorizedAccount>();
    s.world.send(heir, s.trigger, IOwned::acceptOwnershipCall {}).unwrap();
    assert_eq!(s.world.read(s.trigger, IOwned::ownerCall {}), heir);
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————————————— views

#[test]
fn an_unknown_subject_is_named_as_such() {
    let s = Setup::empty(8);
    s.try_observe(&[]).unwrap_err().expect::<IDepegTrigger::UnknownSubject>();
    let reverts = [
        s.world.try_read(s.trigger, ITrigger::incidentsCall { subject: SUBJECT }).err().unwrap(),
        s.world.try_read(s.trigger, ITrigger::incidentCall { subject: SUBJECT, number: U256::from(1) }).err().unwrap(),
        s.world.try_read(s.trigger, IDepegTrigger::subjectOfCall { subject: SUBJECT }).err().unwrap(),
        s.world.try_read(s.trigger, IDepegTrigger::cursorOfCall { subject: SUBJECT }).err().unwrap(),
        s.world
            .try_read(s.trigger, IDepegTrigger::worstWindowCall { subject: SUBJECT, number: U256::from(1) })
            .err()
            .unwrap(),
        s.world.try_read(s.trigger, IDepegTrigger::windowLossCall { subject: SUBJECT, start: 0 }).err().unwrap(),
        s.prove(0, DAY, 1, 0).unwrap_err(),
    ];
    for reverted in reverts {
        assert_eq!(reverted.expect::<IDepegTrigger::UnknownSubject>().subject, SUBJECT);
    }
    let enter = ITrigger::enterCall { subject: SUBJECT, insured: s.anyone, position: B256::ZERO };
    s.world.send(s.anyone, s.trigger, enter).err().unwrap().expect::<IDepegTrigger::UnknownSubject>();
    assert!(!s.healthy());
}

#[test]
fn an_unknown_incident_is_named_as_such() {
    let s = a_dip();
    for number in [0, 2] {
        let call = ITrigger::incidentCall { subject: SUBJECT, number: U256::from(number) };
        let error: IDepegTrigger::UnknownIncident = s.world.try_read(s.trigger, call).err().unwrap().expect();
        assert_eq!(error.number, U256::from(number));
        let call = IDepegTrigger::worstWindowCall { subject: SUBJECT, number: U256::from(number) };
        s.world.try_read(s.trigger, call).err().unwrap().expect::<IDepegTrigger::UnknownIncident>();
    }
}

#[test]
fn the_loss_over_any_window_that_was_taken_in_can_be_read() {
    let s = a_dip();
    assert_eq!(s.window(0), Some(0));
    assert_eq!(s.window(78 * HOUR), Some(loss(90_000_000, 2, 24)));
    assert_eq!(s.window(105 * HOUR), Some(loss(90_000_000, 1, 24)));
    assert_eq!(s.window(116 * HOUR), Some(0));
    assert_eq!(s.window(116 * HOUR + 1), None, "beyond the last round");
    let before = IDepegTrigger::windowLossCall { subject: SUBJECT, start: s.start - 1 };
    assert!(!s.world.read(s.trigger, before).known, "before the first one");
    let far = IDepegTrigger::windowLossCall { subject: SUBJECT, start: u64::MAX };
    assert!(!s.world.read(s.trigger, far).known);
}

#[test]
fn the_worst_window_and_the_progress_of_the_comparison_can_be_read() {
    let s = Setup::new();
    s.round(30 * HOUR, 90_000_000);
    s.warp_to(31 * HOUR);
    s.observe();
    assert_eq!((s.worst(1).lossBps, s.worst(1).comparedUntil), (0, s.start + 30 * HOUR));
    s.round(32 * HOUR, PAR);
    s.observe();
    let worst = s.worst(1);
    assert_eq!(
        (worst.start, worst.lossBps, worst.comparedUntil),
        (s.start + 8 * HOUR, loss(90_000_000, 2, 24), s.start + 32 * HOUR)
    );
    let events = s.world.events::<IDepegTrigger::WindowsCompared>(s.trigger);
    assert_eq!((events.last().unwrap().until, events.last().unwrap().worstBps), (worst.comparedUntil, worst.lossBps));
    s.rounds(&[(50 * HOUR, PAR), (56 * HOUR, PAR)]);
    s.observe();
    assert_eq!(s.worst(1).comparedUntil, s.start + 56 * HOUR);
    let opened = s.world.events::<IDepegTrigger::IncidentOpened>(s.trigger);
    assert_eq!((opened.len(), opened[0].number, opened[0].openedAt), (1, U256::from(1), s.start + 30 * HOUR));
}

#[test]
fn terms_of_any_size_are_answered() {
    let s = a_dip();
    let terms = ITrigger::Terms { start: 0, end: u64::MAX, ..s.terms(0, 0) };
    let call = ITrigger::lossCall { terms, entry: Default::default(), number: U256::MAX };
    assert_eq!(s.world.read(s.trigger, call.clone()).verdict as u8, INCONCLUSIVE);
    let call = ITrigger::lossCall { number: U256::from(1), ..call };
    assert_eq!(s.world.read(s.trigger, call).lossBps, 250);
    let terms = ITrigger::Terms { start: u64::MAX, end: 0, ..s.terms(0, 0) };
    let call = ITrigger::lossCall { terms, entry: Default::default(), number: U256::from(1) };
    assert_eq!(s.world.read(s.trigger, call).verdict as u8, NOT_MET);
    let evidence = u64::MAX.abi_encode();
    s.prove_with(0, 1000 * HOUR, 1, evidence).unwrap_err().expect::<IDepegTrigger::WindowNotCovered>();
}
