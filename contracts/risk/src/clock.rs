//! The claims clock: time less the time for which filing was paused.

use protocol::{Result, abi::PauseTooLong, abi::PauseTooSoon, error, pause::MAX_PAUSE};
use standards::packed::Packed;

/// Time as one call sees it, and the word that says how much of it does not count for claims.
///
/// ```text
/// policy 160 | paused until 32 | paused in all 32 | week seconds 32
/// ```
///
/// `paused in all` holds a pause in full from its beginning on, so the clock needs no more than these two numbers:
/// C = now − paused in all + what is left of the pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    now: u64,
    until: u64,
    paused: u64,
    week: u64,
}

impl Clock {
    /// Reads the clock's fields out of their word.
    #[must_use]
    pub fn new(now: u64, word: Packed) -> Self {
        Self { now, until: word.u64(160, 32), paused: word.u64(192, 32), week: word.u64(224, 32) }
    }

    /// `word` with the clock's fields replaced.
    #[must_use]
    pub fn store(self, word: Packed) -> Packed {
        word.with_u64(160, 32, self.until).with_u64(192, 32, self.paused).with_u64(224, 32, self.week)
    }

    /// A clock that has never stood still.
    #[must_use]
    pub const fn starting(now: u64, week: u64) -> Self {
        Self { now, until: 0, paused: 0, week }
    }

    /// Seconds since 1970.
    #[must_use]
    pub const fn now(self) -> u64 {
        self.now
    }

    /// Until when filing is paused; in the past where it is not.
    #[must_use]
    pub const fn paused_until(self) -> u64 {
        self.until
    }

    /// Whether filing is paused now.
    #[must_use]
    pub const fn is_paused(self) -> bool {
        self.now < self.until
    }

    /// C: the time on the claims clock. It stands still while filing is paused.
    #[must_use]
    pub const fn claims(self) -> u64 {
        self.now - self.stopped()
    }

    /// For how long filing has been paused so far.
    #[must_use]
    pub const fn stopped(self) -> u64 {
        self.paused.saturating_sub(self.until.saturating_sub(self.now))
    }

    /// Length of a weekly bucket in seconds.
    #[must_use]
    pub const fn week(self) -> u64 {
        self.week
    }

    /// The bucket that holds a deadline.
    #[must_use]
    pub const fn week_of(self, deadline: u64) -> u64 {
        deadline / self.week
    }

    /// Pauses filing for `duration` seconds from now; 0 ends a pause. The guardian may pause once, not before `rest`;
    /// the owner at any time. Answers with the clock and until when the guardian rests.
    ///
    /// # Errors
    /// `PauseTooLong` above seven days; `PauseTooSoon` for the guardian during its rest.
    pub fn pause(self, duration: u64, rest: u64, by_owner: bool) -> Result<(Self, u64)> {
        if duration > MAX_PAUSE {
            return Err(error!(PauseTooLong, duration, MAX_PAUSE));
        }
        if !by_owner && self.now < rest {
            return Err(error!(PauseTooSoon, rest));
        }
        let until = self.now + duration;
        let clock = Self { until, paused: self.stopped() + duration, ..self };
        Ok((clock, until + MAX_PAUSE))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: u64 = 86_400;

    fn at(clock: Clock, now: u64) -> Clock {
        Clock { now, ..clock }
    }

    #[test]
    fn the_clock_stands_still_while_filing_is_paused() {
        let clock = Clock::starting(1_000_000, 7 * DAY);
        let (clock, rest) = clock.pause(DAY, 0, false).unwrap();
        assert_eq!(rest, 1_000_000 + DAY + MAX_PAUSE);
        for passed in [0, 1, DAY - 1, DAY] {
            assert_eq!(at(clock, 1_000_000 + passed).claims(), 1_000_000);
        }
        assert_eq!(at(clock, 1_000_000 + DAY + 5).claims(), 1_000_005);
        assert!(at(clock, 1_000_000 + DAY - 1).is_paused() && !at(clock, 1_000_000 + DAY).is_paused());
    }

    #[test]
    fn the_guardian_rests_as_long_as_it_may_pause_and_the_owner_never() {
        let clock = Clock::starting(1_000_000, 7 * DAY);
        let (clock, rest) = clock.pause(DAY, 0, false).unwrap();
        let next = at(clock, rest - 1);
        assert_eq!(next.pause(1, rest, false).unwrap_err(), error!(PauseTooSoon, rest));
        assert!(next.pause(1, rest, true).is_ok());
        assert!(at(clock, rest).pause(1, rest, false).is_ok());
        assert_eq!(clock.pause(MAX_PAUSE + 1, 0, true).unwrap_err(), error!(PauseTooLong, MAX_PAUSE + 1, MAX_PAUSE));
    }

    proptest! {
        /// Whatever the owner does with pauses, the clock is time less the seconds in which filing was paused.
        #[test]
        fn the_clock_counts_running_seconds(steps in prop::collection::vec((0u64..20, prop::option::of(0u64..20)), 1..30)) {
            let mut clock = Clock::starting(1_000, 10);
            let (mut running, mut word) = (1_000u64, Packed::default());
            for (wait, pause) in steps {
                for _ in 0..wait {
                    running += u64::from(!clock.is_paused());
                    clock = at(clock, clock.now + 1);
                    prop_assert_eq!(clock.claims(), running);
                }
                if let Some(duration) = pause {
                    clock = clock.pause(duration, u64::MAX, true).unwrap().0;
                    prop_assert_eq!(clock.claims(), running);
                }
                word = clock.store(word.with_u64(0, 64, 77));
                prop_assert_eq!((Clock::new(clock.now, word), word.u64(0, 64)), (clock, 77));
            }
        }
    }
}
