//! One proposal in one word, and the states that it can be in.

use alloy_primitives::{Address, U256};
use standards::packed::Packed;

/// A proposal's state, as `IGovernor.ProposalState` counts it. `Expired` (6) cannot happen: the timelock keeps what
/// is queued until it is executed or cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// The vote begins after the snapshot.
    Pending = 0,
    /// The vote runs, to the deadline's second.
    Active = 1,
    /// Taken back by its proposer, or by the timelock's canceller.
    Canceled = 2,
    /// Without quorum, or without more votes for than against.
    Defeated = 3,
    /// Won, and not queued yet.
    Succeeded = 4,
    /// In the timelock.
    Queued = 5,
    /// Done.
    Executed = 7,
}

impl State {
    /// The bitmap of this state alone, as errors tell which ones were expected.
    #[must_use]
    pub const fn bit(self) -> u64 {
        1 << self as u8
    }
}

const PROPOSER: usize = 0;
const START: (usize, usize) = (160, 34);
const DURATION: (usize, usize) = (194, 24);
const ETA: (usize, usize) = (218, 34);
const QUORUM: usize = 252;
const EXECUTED: usize = 253;
const CANCELED: usize = 254;

/// The end of time for proposals: what the fields for times hold (in the year 2514).
pub const LAST_TIME: u64 = (1 << START.1) - 1;
/// The longest vote, extension included: what the field for the duration holds (194 days).
pub const LONGEST_VOTE: u64 = (1 << DURATION.1) - 1;

/// A proposal's record.
///
/// ```text
/// |255 0|254 canceled|253 executed|252 quorum reached|251 eta 218|217 duration 194|193 start 160|159 proposer 0|
/// ```
/// `start` is the snapshot: votes count as they were then, and are cast after it. `start + duration` is the deadline,
/// and moves when a late quorum extends the vote. Whether quorum was reached is kept because votes never fall, so
/// that it is worked out until then only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proposal(pub Packed);

impl Proposal {
    /// A new proposal; the times fit, as the settings' bounds see to.
    #[must_use]
    pub fn new(proposer: Address, start: u64, duration: u64) -> Self {
        debug_assert!(start <= LAST_TIME && duration <= LONGEST_VOTE);
        let word = Packed::default().with_address(PROPOSER, proposer);
        Self(word.with_u64(START.0, START.1, start).with_u64(DURATION.0, DURATION.1, duration))
    }

    /// Whether there is one.
    #[must_use]
    pub fn exists(self) -> bool {
        self.0.0 != U256::ZERO
    }

    /// Who proposed it.
    #[must_use]
    pub fn proposer(self) -> Address {
        self.0.address(PROPOSER)
    }

    /// The snapshot: the vote begins after it.
    #[must_use]
    pub fn start(self) -> u64 {
        self.0.u64(START.0, START.1)
    }

    /// The vote's last second.
    #[must_use]
    pub fn deadline(self) -> u64 {
        self.start() + self.0.u64(DURATION.0, DURATION.1)
    }

    /// When the timelock lets it be executed; 0 before it is queued.
    #[must_use]
    pub fn eta(self) -> u64 {
        self.0.u64(ETA.0, ETA.1)
    }

    /// Whether quorum was reached.
    #[must_use]
    pub fn quorum_reached(self) -> bool {
        self.flag(QUORUM)
    }

    /// Whether it was executed.
    #[must_use]
    pub fn executed(self) -> bool {
        self.flag(EXECUTED)
    }

    /// Whether it was cancelled.
    #[must_use]
    pub fn canceled(self) -> bool {
        self.flag(CANCELED)
    }

    /// With quorum reached, and this deadline.
    #[must_use]
    pub fn with_quorum(self, deadline: u64) -> Self {
        Self(self.0.with_u64(DURATION.0, DURATION.1, deadline - self.start()).with_u64(QUORUM, 1, 1))
    }

    /// Queued until `eta`.
    #[must_use]
    pub fn with_eta(self, eta: u64) -> Self {
        Self(self.0.with_u64(ETA.0, ETA.1, eta))
    }

    /// Executed.
    #[must_use]
    pub fn with_executed(self) -> Self {
        Self(self.0.with_u64(EXECUTED, 1, 1))
    }

    /// Cancelled.
    #[must_use]
    pub fn with_canceled(self) -> Self {
        Self(self.0.with_u64(CANCELED, 1, 1))
    }

    fn flag(self, offset: usize) -> bool {
        self.0.u64(offset, 1) == 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_field_keeps_its_value(
            proposer: [u8; 20],
            start in 1..=LAST_TIME,
            duration in 0..=LONGEST_VOTE,
            extended in 0..=LONGEST_VOTE,
            eta in 0..=LAST_TIME,
        ) {
            let proposer = Address::from(proposer);
            let new = Proposal::new(proposer, start, duration);
            prop_assert_eq!((new.proposer(), new.start(), new.deadline(), new.eta()), (proposer, start, start + duration, 0));
            prop_assert!(new.exists() && !new.quorum_reached() && !new.executed() && !new.canceled());

            let full = new.with_eta(eta).with_quorum(start + extended).with_executed().with_canceled();
            prop_assert_eq!((full.proposer(), full.start(), full.deadline(), full.eta()), (proposer, start, start + extended, eta));
            prop_assert!(full.quorum_reached() && full.executed() && full.canceled());
        }
    }
}
