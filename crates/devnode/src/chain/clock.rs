//! The chain's time: the wall clock, which tests may move forward.

use std::time::{SystemTime, UNIX_EPOCH};

/// Latest time that can be set (the end of the year 9999), so that sums with contracts' periods stay in range.
pub const LATEST: u64 = 253_402_300_799;

/// A time that cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClockError {
    /// Blocks would go back in time.
    #[error("timestamp {wanted} is lower than the latest block's timestamp {latest}")]
    Past {
        /// What was asked for.
        wanted: u64,
        /// Time of the latest block.
        latest: u64,
    },
    /// Beyond the year 9999.
    #[error("timestamp beyond the year 9999")]
    TooFar,
}

/// Gives blocks their timestamps, in seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Clock {
    /// Seconds by which the chain is ahead of the wall clock (or behind it).
    pub(super) offset: i64,
    /// Time of the next block, set by hand.
    pub(super) next: Option<u64>,
    /// Seconds from each block to the next, whatever the wall clock says.
    pub(super) step: Option<u64>,
    /// The clock was moved since the latest block.
    pub(super) moved: bool,
}

impl Clock {
    /// A clock that shows `start` now, or the wall clock's time.
    pub(super) fn new(start: Option<u64>) -> Self {
        let mut clock = Self::default();
        if let Some(start) = start {
            clock.jump(start);
        }
        clock
    }

    /// Time that a block after one of time `latest` would have now. Several blocks may share a second.
    pub(super) fn peek(&self, latest: u64) -> u64 {
        let stepped = || self.step.map(|step| latest.saturating_add(step).min(LATEST));
        self.next.or_else(stepped).unwrap_or_else(|| self.now()).max(latest)
    }

    /// The time for the next block; from then on the clock runs from there.
    pub(super) fn tick(&mut self, latest: u64) -> u64 {
        let time = self.peek(latest);
        if self.next.take().is_some() {
            self.jump(time);
        }
        self.moved = false;
        time
    }

    /// Whether the clock was moved since the latest block.
    pub(super) fn is_moved(&self) -> bool {
        self.moved || self.step.is_some()
    }

    /// Moves the clock forward; gives the sum of all moves.
    pub(super) fn increase(&mut self, seconds: u64, latest: u64) -> Result<i64, ClockError> {
        let target =
            self.peek(latest).checked_add(seconds).filter(|target| *target <= LATEST).ok_or(ClockError::TooFar)?;
        match self.next.or(self.step) {
            Some(_) => self.next = Some(target),
            None => self.offset += seconds as i64,
        }
        self.moved = true;
        Ok(self.offset)
    }

    /// Sets the clock; gives the seconds by which that moved it.
    pub(super) fn set(&mut self, time: u64, latest: u64) -> Result<i64, ClockError> {
        check(time, latest)?;
        let before = self.now();
        self.jump(time);
        self.next = None;
        self.moved = true;
        Ok(time as i64 - before as i64)
    }

    /// Lets each block come so many seconds after the one before it; `None` goes back to the wall clock. Gives what was
    /// set before.
    pub(super) fn set_step(&mut self, seconds: Option<u64>) -> Option<u64> {
        std::mem::replace(&mut self.step, seconds)
    }

    /// Sets the time of the next block.
    pub(super) fn set_next(&mut self, time: u64, latest: u64) -> Result<(), ClockError> {
        check(time, latest)?;
        self.next = Some(time);
        self.moved = true;
        Ok(())
    }

    fn now(&self) -> u64 {
        wall().saturating_add_signed(self.offset)
    }

    fn jump(&mut self, time: u64) {
        self.offset = time as i64 - wall() as i64;
    }
}

/// Whether a block after one of time `latest` may have this time.
fn check(time: u64, latest: u64) -> Result<(), ClockError> {
    if time < latest {
        return Err(ClockError::Past { wanted: time, latest });
    }
    if time > LATEST {
        return Err(ClockError::TooFar);
    }
    Ok(())
}

fn wall() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_decreases() {
        let mut clock = Clock::new(Some(1_000));
        let first = clock.tick(0);
        assert!((1_000..1_010).contains(&first));
        assert_eq!(clock.tick(5_000), 5_000);
        assert_eq!(clock.set_next(4_999, 5_000), Err(ClockError::Past { wanted: 4_999, latest: 5_000 }));
    }

    #[test]
    fn the_clock_runs_on_from_where_it_was_set() {
        let mut clock = Clock::new(None);
        clock.set_next(2_000_000_000, 0).expect("in the future");
        assert!(clock.is_moved());
        assert_eq!(clock.tick(0), 2_000_000_000);
        assert!(!clock.is_moved());
        assert!((2_000_000_000..2_000_000_010).contains(&clock.tick(2_000_000_000)));
        clock.increase(3_600, 2_000_000_000).expect("in range");
        assert!((2_000_003_600..2_000_003_610).contains(&clock.peek(2_000_000_000)));
    }

    #[test]
    fn a_move_adds_to_a_time_that_was_set() {
        let mut clock = Clock::new(Some(1_000));
        clock.set_next(9_000, 1_000).expect("in the future");
        clock.increase(10, 1_000).expect("in range");
        assert_eq!(clock.tick(1_000), 9_010);
    }

    #[test]
    fn blocks_can_be_a_fixed_time_apart() {
        let mut clock = Clock::new(Some(1_000));
        assert_eq!(clock.set_step(Some(12)), None);
        assert_eq!((clock.tick(1_000), clock.tick(1_012)), (1_012, 1_024));
        clock.increase(100, 1_024).expect("in range");
        assert_eq!((clock.tick(1_024), clock.tick(1_136)), (1_136, 1_148));
        assert_eq!(clock.set_step(None), Some(12));
    }

    #[test]
    fn the_clock_can_be_set() {
        let mut clock = Clock::new(Some(1_000));
        clock.set_next(5_000, 1_000).expect("in the future");
        let moved = clock.set(2_000, 1_000).expect("in the future");
        assert!((990..=1_000).contains(&moved), "{moved}");
        assert!((2_000..2_010).contains(&clock.tick(1_000)));
        assert_eq!(clock.set(1_999, 2_000), Err(ClockError::Past { wanted: 1_999, latest: 2_000 }));
    }

    #[test]
    fn the_far_future_is_refused() {
        let mut clock = Clock::new(None);
        assert_eq!(clock.increase(u64::MAX, 0), Err(ClockError::TooFar));
        assert_eq!(clock.set_next(LATEST + 1, 0), Err(ClockError::TooFar));
        clock.set_next(LATEST, 0).expect("the last second");
    }
}
