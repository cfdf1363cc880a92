//! An incident as it was booked last.

use alloy_primitives::{Address, U256};
use protocol::{Result, call::Answer, error};
use standards::{errors::InvalidReturnData, packed::Packed};

use crate::opened::BPS;

/// `ITrigger.Verdict`: what is unknown.
pub const INCONCLUSIVE: u64 = 0;

/// `ITrigger.Verdict`: proven not to be.
pub const NOT_MET: u64 = 1;

/// `ITrigger.Verdict`: proven.
pub const CONFIRMED: u64 = 2;

/// One word: what its trigger said, when its closing was booked (on the claims clock), whether a bounty was earned with
/// it, and what was paid at once under it.
///
/// ```text
/// |241 paid at once 146|145 bounty|144 recorded 105|104 one|103 worst 88|87 closed 48|47 opened 8|7 verdict 0|
/// ```
///
/// Word 0 of a line is no incident: positions by themselves share none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Incident(pub Packed);

/// Bits of a time.
const TIME: usize = 40;

impl Incident {
    /// What a trigger answers, from the word at `index` on.
    ///
    /// # Errors
    /// `InvalidReturnData` where it is no incident: what does not fit is never cut.
    pub fn of(trigger: Address, answer: &Answer, index: usize) -> Result<Self> {
        let word = |offset: usize| answer.u64(index + offset);
        let (verdict, opened_at, closed_at, worst_bps) = (word(0)?, word(1)?, word(2)?, word(3)?);
        if verdict > CONFIRMED || worst_bps > BPS || (opened_at | closed_at) >> TIME != 0 {
            return Err(error!(InvalidReturnData, trigger));
        }
        Ok(Self(
            Packed::default()
                .with_u64(0, 8, verdict)
                .with_u64(8, TIME, opened_at)
                .with_u64(48, TIME, closed_at)
                .with_u64(88, 16, worst_bps)
                .with_u64(104, 1, 1),
        ))
    }

    /// Whether there is one.
    #[must_use]
    pub fn is_booked(self) -> bool {
        self.0.u64(104, 1) == 1
    }

    /// As `ITrigger.Verdict`.
    #[must_use]
    pub fn verdict(self) -> u64 {
        self.0.u64(0, 8)
    }

    /// Whether its trigger has confirmed it.
    #[must_use]
    pub fn is_confirmed(self) -> bool {
        self.verdict() == CONFIRMED
    }

    /// When it opened.
    #[must_use]
    pub fn opened_at(self) -> u64 {
        self.0.u64(8, TIME)
    }

    /// When it closed; 0 while it is open.
    #[must_use]
    pub fn closed_at(self) -> u64 {
        self.0.u64(48, TIME)
    }

    /// Its worst loss so far, basis points.
    #[must_use]
    pub fn worst_bps(self) -> u64 {
        self.0.u64(88, 16)
    }

    /// What its trigger said.
    #[must_use]
    pub fn told(self) -> U256 {
        self.0.get(0, 105)
    }

    /// When its closing was booked, on the claims clock; 0 before.
    #[must_use]
    pub fn recorded(self) -> u64 {
        self.0.u64(105, TIME)
    }

    /// Whether a bounty was earned with it.
    #[must_use]
    pub fn has_bounty(self) -> bool {
        self.0.u64(145, 1) == 1
    }

    /// What was paid at once under it.
    #[must_use]
    pub fn paid(self) -> U256 {
        self.0.get(146, 96)
    }

    /// With its closing booked then.
    #[must_use]
    pub fn recorded_at(self, clock: u64) -> Self {
        Self(self.0.with_u64(105, TIME, clock))
    }

    /// With its bounty earned.
    #[must_use]
    pub fn with_bounty(self) -> Self {
        Self(self.0.with_u64(145, 1, 1))
    }

    /// With so much paid at once; at most 96 bits.
    #[must_use]
    pub fn with_paid(self, paid: U256) -> Self {
        Self(self.0.with(146, 96, paid))
    }

    /// With what a trigger says now.
    #[must_use]
    pub fn telling(self, news: Self) -> Self {
        Self(self.0.with(0, 105, news.told()))
    }
}
