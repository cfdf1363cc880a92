//! How often the office may act, and for how long it may hold exits.

use guardian::{FEWEST_ACTS, MOST_ACTS};
use proptest::prelude::*;
use protocol::abi::{IGuardian, IPausable, IVault, ParameterOutOfBounds};

use crate::scene::{DAY, FILING, HOUR, REDEMPTIONS, Scene, TERM, WEEK, text, u};

fn limit(scene: &Scene, most: u64) {
    let call = IGuardian::setActLimitCall { mostInAWeek: most as u16 };
    scene.must(scene.timelock, scene.office, call);
}

#[test]
fn sixteen_acts_are_all_for_a_week() {
    let scene = Scene::new();
    let first = scene.world.now();
    for done in 0..16 {
        assert_eq!(scene.left(), 16 - done);
        scene.try_act().unwrap();
        scene.world.warp(HOUR);
    }
    assert_eq!(scene.left(), 0);
    let error = scene.try_act().unwrap_err().expect::<IGuardian::ActLimitReached>();
    assert_eq!((error.most, error.from), (16, first + WEEK));
    scene.world.warp_to(first + WEEK - 1);
    scene.try_act().unwrap_err().expect::<IGuardian::ActLimitReached>();
    scene.world.warp(1);
    assert_eq!(scene.left(), 1, "they come back one by one");
    scene.try_act().unwrap();
    let error = scene.try_act().unwrap_err().expect::<IGuardian::ActLimitReached>();
    assert_eq!(error.from, first + HOUR + WEEK);
    scene.world.warp(2 * WEEK);
    assert_eq!(scene.left(), 16);
}

#[test]
fn what_failed_does_not_count() {
    let scene = Scene::new();
    scene.refused(scene.pause(scene.vault, 7, DAY)).expect::<IGuardian::UnknownPause>();
    scene.refused(scene.pause(scene.vault, 0, WEEK + 1)).expect::<IPausable::PauseTooLong>();
    scene.refused(scene.pause(scene.vault, REDEMPTIONS, WEEK + 1)).expect::<IPausable::PauseTooLong>();
    assert_eq!(scene.left(), 16);
    let hold = scene.world.read(scene.office, IGuardian::exitHoldCall {});
    assert_eq!((hold.until, hold.anewFrom), (0, 0));
}

#[test]
fn governance_allows_four_to_sixty_four_and_a_lower_limit_counts_what_was_done() {
    let scene = Scene::new();
    for most in [FEWEST_ACTS - 1, MOST_ACTS + 1, 0, u64::from(u16::MAX)] {
        let call = IGuardian::setActLimitCall { mostInAWeek: most as u16 };
        let error = scene.world.refused(scene.timelock, scene.office, call).expect::<ParameterOutOfBounds>();
        assert_eq!((error.parameter, error.value), (text("mostInAWeek"), u(most)));
    }
    limit(&scene, 64);
    assert_eq!(scene.world.events::<IGuardian::ActLimitSet>(scene.office).pop().unwrap().mostInAWeek, 64);
    for _ in 0..10 {
        scene.try_act().unwrap();
    }
    limit(&scene, 4);
    assert_eq!(scene.left(), 0);
    scene.try_act().unwrap_err().expect::<IGuardian::ActLimitReached>();
    limit(&scene, 12);
    assert_eq!(scene.left(), 2);
}

#[test]
fn a_new_holder_has_what_the_last_one_left() {
    let scene = Scene::new();
    for _ in 0..16 {
        scene.try_act().unwrap();
    }
    scene.must(scene.timelock, scene.office, scene.appoint(scene.stranger, DAY));
    scene.world.refused(scene.stranger, scene.office, scene.divest()).expect::<IGuardian::ActLimitReached>();
    scene.must(scene.timelock, scene.office, scene.appoint(scene.holder, DAY));
    scene.try_act().unwrap_err().expect::<IGuardian::ActLimitReached>();
}

#[test]
fn exits_are_held_for_seven_days_and_then_not_for_seven() {
    let scene = Scene::new();
    let start = scene.world.now();
    let hold = || {
        let hold = scene.world.read(scene.office, IGuardian::exitHoldCall {});
        (hold.until, hold.anewFrom)
    };
    scene.does(scene.pause(scene.risk, FILING, 2 * DAY));
    assert_eq!(hold(), (start + WEEK, start + 2 * WEEK));
    scene.world.warp(3 * DAY);
    let error = scene.refused(scene.pause(scene.vault, REDEMPTIONS, 4 * DAY + 1)).expect::<IPausable::PauseTooLong>();
    assert_eq!((error.duration, error.longest), (u(4 * DAY + 1), u(4 * DAY)));
    scene.does(scene.pause(scene.vault, REDEMPTIONS, 4 * DAY));
    assert_eq!(hold(), (start + WEEK, start + 2 * WEEK), "a second pause moves nothing");
    for time in [start + WEEK, start + 2 * WEEK - 1] {
        scene.world.warp_to(time);
        for (target, kind) in [(scene.vault, REDEMPTIONS), (scene.risk, FILING)] {
            let error = scene.refused(scene.pause(target, kind, 1)).expect::<IPausable::PauseTooSoon>();
            assert_eq!(error.allowedFrom, u(start + 2 * WEEK));
        }
    }
    scene.world.warp(1);
    scene.does(scene.pause(scene.risk, FILING, WEEK));
    assert_eq!(hold(), (start + 3 * WEEK, start + 4 * WEEK));
}

#[test]
fn other_pauses_hold_no_exits() {
    let scene = Scene::new();
    scene.does(scene.pause(scene.vault, REDEMPTIONS, WEEK));
    scene.world.warp(WEEK);
    scene.does(scene.pause(scene.vault, 0, WEEK));
    scene.does(scene.pause(scene.policy, 1, WEEK));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whenever acts are tried, and whatever the limit becomes in between: no seven days see more of them than the limit
    /// that was in force at the last of them, and no act is refused that would have kept to it.
    #[test]
    fn no_seven_days_see_more_acts_than_the_limit(
        steps in prop::collection::vec((0u64..2 * DAY, 0u8..4, 4u64..=64), 1..160),
        start in 4u64..12,
    ) {
        let scene = Scene::new();
        let mut most = start;
        limit(&scene, most);
        let mut done = Vec::new();
        for (wait, choice, next) in steps {
            // Mostly a burst, sometimes a while.
            scene.world.warp(if choice == 0 { wait } else { wait / 64 });
            if choice == 1 && next % 8 == 0 {
                most = next;
                limit(&scene, most);
            }
            let now = scene.world.now();
            scene.must(scene.timelock, scene.office, scene.appoint(scene.holder, TERM));
            let recent = done.iter().filter(|time| **time + WEEK > now).count() as u64;
            prop_assert_eq!(scene.left(), most.saturating_sub(recent));
            match scene.try_act() {
                Ok(()) => {
                    prop_assert!(recent < most);
                    done.push(now);
                }
                Err(reverted) => {
                    let error = reverted.expect::<IGuardian::ActLimitReached>();
                    prop_assert!(recent >= most);
                    let recent_then = done.iter().filter(|time| **time + WEEK > error.from).count() as u64;
                    prop_assert!(recent_then < most && error.from > now);
                }
            }
        }
    }

    /// Whatever is paused when: exits are held at most seven days in any fourteen.
    #[test]
    fn exits_are_free_for_seven_days_after_each_hold(
        steps in prop::collection::vec((0u64..5 * DAY, prop::bool::ANY, 0u64..=WEEK), 1..60),
    ) {
        let scene = Scene::new();
        limit(&scene, 64);
        let mut held: Vec<(u64, u64)> = Vec::new();
        for (wait, filing, duration) in steps {
            scene.world.warp(wait);
            let now = scene.world.now();
            let (target, kind) = if filing { (scene.risk, FILING) } else { (scene.vault, REDEMPTIONS) };
            if scene.world.send(scene.holder, scene.office, scene.pause(target, kind, duration)).is_ok() && duration > 0 {
                held.push((now, now + duration));
            }
        }
        let paused = scene.world.read(scene.vault, IVault::pausedUntilCall { kind: REDEMPTIONS });
        prop_assert!(paused <= u(scene.world.now() + WEEK));
        // Pauses that follow each other without seven free days are one hold.
        let mut holds: Vec<(u64, u64)> = Vec::new();
        for (from, to) in held {
            match holds.last_mut() {
                Some((_, end)) if from < *end + WEEK => *end = to.max(*end),
                _ => holds.push((from, to)),
            }
        }
        for (from, to) in holds {
            prop_assert!(to - from <= WEEK, "held from {from} to {to}");
        }
    }
}
