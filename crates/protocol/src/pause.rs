//! Pauses that end by themselves.
//!
//! A pause is an end time. The guardian may set it to at most [`MAX_PAUSE`] from now, once; after it has ended it
//! may be set again only after as long a time of running, and only the owner can renew it before that. The owner
//! may also end it early.

use alloy_primitives::{U256, aliases::U64};
use stylus_sdk::{prelude::*, storage::StorageU64, stylus_core::host::BlockAccess};

use crate::{
    Result,
    abi::{EnforcedPause, PauseTooLong, PauseTooSoon},
    error,
};

/// The longest pause: seven days.
pub const MAX_PAUSE: u64 = 7 * 24 * 60 * 60;

/// One pause: until when, when it began, and until when the guardian may not pause again. One slot.
#[storage]
pub struct Pause {
    until: StorageU64,
    since: StorageU64,
    rest: StorageU64,
}

impl Pause {
    /// When the pause ends; in the past where there is none.
    #[must_use]
    pub fn until(&self) -> u64 {
        self.until.get().to::<u64>()
    }

    /// When the last pause began.
    #[must_use]
    pub fn since(&self) -> u64 {
        self.since.get().to::<u64>()
    }

    /// Whether it is paused now.
    #[must_use]
    pub fn active(&self) -> bool {
        self.vm().block_timestamp() < self.until()
    }

    /// Fails while paused.
    ///
    /// # Errors
    /// `EnforcedPause`.
    pub fn require_running(&self) -> Result<()> {
        if self.active() {
            return Err(error!(EnforcedPause));
        }
        Ok(())
    }

    /// Sets a pause of `duration` seconds from now; `0` ends it. `by_owner` may renew, a guardian may not.
    /// The caller checks the role and emits the event.
    ///
    /// # Errors
    /// `PauseTooLong`; `PauseTooSoon` where a guardian pauses again too early (or tries to end a pause's rest).
    pub fn set(&mut self, duration: u64, by_owner: bool) -> Result<u64> {
        let now = self.vm().block_timestamp();
        if duration > MAX_PAUSE {
            return Err(error!(PauseTooLong, U256::from(duration), U256::from(MAX_PAUSE)));
        }
        if !by_owner && now < self.rest.get().to::<u64>() {
            return Err(error!(PauseTooSoon, U256::from(self.rest.get().to::<u64>())));
        }
        let until = now + duration;
        if !self.active() {
            self.since.set(U64::from(now));
        }
        self.until.set(U64::from(until));
        self.rest.set(U64::from(until + MAX_PAUSE));
        Ok(until)
    }
}
