//! The claims clock: filing may be paused, and every deadline moves along.

use protocol::abi::{EnforcedPause, IRisk, NotGuardian, PauseTooLong, PauseTooSoon};

use crate::town::{CONFIRMED, DAY, GRACE, Town, WEEK, text, u, usd};

#[test]
fn a_pause_stops_filing_and_the_clock() {
    let town = Town::plain();
    let mut sold = town.buy("X", usd(1_000));
    town.warp(2 * DAY);
    town.open("X");
    let stopped = town.clock();
    town.pause(town.guardian, 3 * DAY).unwrap();
    assert!(town.gate().filingPaused);
    assert_eq!(town.read(IRisk::filingPausedUntilCall {}), u(town.now() + 3 * DAY));
    town.world.refused(town.assessor, town.risk, town.claim_call(&sold, 1, usd(1))).expect::<EnforcedPause>();
    // reports go on
    town.book(town.report("X", 1, CONFIRMED, town.now(), 0, 100));
    town.warp(3 * DAY - 1);
    assert_eq!(town.clock(), stopped);
    town.world.refused(town.assessor, town.risk, town.claim_call(&sold, 1, usd(1))).expect::<EnforcedPause>();
    town.warp(1);
    assert_eq!((town.clock(), town.gate().filingPaused), (stopped, false));
    town.claim(&mut sold, 1, usd(1));
    let told = &town.pauses()[0];
    assert_eq!((told.kind, told.by, told.until, told.reason), (3, town.guardian, town.now(), text("why")));
}

#[test]
fn a_pause_prolongs_deadlines_buckets_and_the_lapse() {
    let town = Town::plain();
    let mut sold = town.buy("X", usd(1_000));
    town.warp(2 * DAY);
    let opened = town.now();
    town.open("X");
    town.pause(town.guardian, 7 * DAY).unwrap();
    let deadline: u64 = sold.deadline.to();
    town.world.warp_to(deadline + 7 * DAY);
    town.claim(&mut sold, 1_000, usd(1)); // the last second
    town.warp(1);
    town.world
        .refused(town.assessor, town.risk, town.claim_call(&sold, 1_000, usd(2)))
        .expect::<IRisk::ClaimAfterDeadline>();
    // the lapse
    town.book(town.report("X", 1, CONFIRMED, opened, town.now(), 1_000));
    let lapse = town.line("X").lapseAt;
    assert_eq!(lapse, town.clock() + GRACE);
    town.pause(town.owner, DAY).unwrap();
    town.world.warp_to(town.now() + DAY + GRACE);
    assert_eq!((town.clock(), town.line("X").state), (lapse, 2));
    town.warp(1);
    assert_eq!(town.line("X").state, 0);
}

#[test]
fn a_bucket_leaves_by_the_claims_clock() {
    let town = Town::plain();
    let sold = town.buy("X", usd(1_000));
    town.pause(town.guardian, 6 * DAY).unwrap();
    let week = sold.deadline.to::<u64>() / WEEK;
    town.world.warp_to((week + 1) * WEEK + 6 * DAY - 1);
    assert_eq!(town.line("X").cover, usd(1_000));
    town.warp(1);
    assert_eq!(town.line("X").cover, usd(0));
}

#[test]
fn cover_whose_deadline_a_pause_moved_is_still_exposed() {
    // Sold before a pause: its deadline on the claims clock is earlier than end + grace on the wall.
    let town = Town::plain();
    town.make(IRisk::underwriteCall { term: u(60 * DAY), ..town.purchase("X", usd(1_000)) });
    town.pause(town.guardian, 7 * DAY).unwrap();
    town.warp(61 * DAY); // the last second of cover
    assert_eq!(town.open("X").1, usd(1_000));
}

#[test]
fn the_guardian_pauses_once_and_the_owner_as_it_wants() {
    let town = Town::bare();
    for caller in [town.anyone, town.setup, town.policy, town.assessor] {
        let refused = town.pause(caller, DAY).unwrap_err().expect::<NotGuardian>();
        assert_eq!(refused.account, caller);
    }
    let long = town.pause(town.guardian, 7 * DAY + 1).unwrap_err().expect::<PauseTooLong>();
    assert_eq!((long.duration, long.longest), (u(7 * DAY + 1), u(7 * DAY)));
    town.pause(town.guardian, DAY).unwrap();
    let from = town.now() + 8 * DAY;
    for _ in 0..8 {
        assert_eq!(town.pause(town.guardian, DAY).unwrap_err().expect::<PauseTooSoon>().allowedFrom, u(from));
        town.warp(DAY - 1);
    }
    town.pause(town.owner, 7 * DAY).unwrap();
    town.warp(DAY);
    town.pause(town.owner, 0).unwrap();
    assert!(!town.gate().filingPaused);
    // paused for 1 + 1 days in all
    assert_eq!(town.clock(), town.now() - 2 * DAY);
}
