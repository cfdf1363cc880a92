//! Incidents that are found in a series of samples: what the triggers share whose evidence is taken at moments.
//!
//! A trigger takes samples of a subject: how much of it is whole, in WAD. `ISeriesTrigger` says what follows from them.
//!
//! - [`rules`]: levels and times of a subject; [`course`]: how long it has been short or recovered, as a pure state
//!   machine over samples; [`record`]: the stored series, incidents and their worst window.
//!
//! Times are block timestamps (below 2^48) and values are at most 1e18, so that no sum of value times seconds passes
//! 2^108: plain operators on `u64` and `u128` cannot overflow here.

pub mod course;
pub mod record;
pub mod rules;

use alloy_primitives::{Address, B256, U256};
use standards::dispatch::{Argument, Arguments};

use crate::oracle::ONE;

/// All of it: the value of a sample that finds nothing wrong.
pub const WHOLE: u64 = ONE as u64;

/// `ITrigger.Verdict`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Verdict {
    /// Nobody knows; of an incident: latent evidence.
    Inconclusive = 0,
    /// There was no loss.
    NotMet = 1,
    /// Proven.
    Confirmed = 2,
}

impl Verdict {
    /// The verdict of a number; what is none is unknown.
    #[must_use]
    pub const fn of(number: u64) -> Self {
        match number {
            1 => Self::NotMet,
            2 => Self::Confirmed,
            _ => Self::Inconclusive,
        }
    }
}

/// `ITrigger.Terms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What the cover is about.
    pub subject: B256,
    /// Who is insured.
    pub insured: Address,
    /// What of his.
    pub position: B256,
    /// The first covered second.
    pub start: u64,
    /// The first second after the covered ones.
    pub end: u64,
}

impl<'a> Argument<'a> for Terms {
    fn read(arguments: &mut Arguments<'a>) -> Option<Self> {
        Some(Self {
            subject: arguments.read()?,
            insured: arguments.read()?,
            position: arguments.read()?,
            start: arguments.read()?,
            end: arguments.read()?,
        })
    }
}

/// An incident's number and `ITrigger.Incident`: verdict, opened at, closed at, worst loss in basis points.
pub type Newest = (U256, u8, u64, u64, u16);

/// The start of a window, of an `abi.encode(uint64)`; nothing where there is no evidence.
///
/// # Errors
/// `InvalidEvidence` for anything else.
pub fn window_start(evidence: &[u8]) -> crate::Result<Option<u64>> {
    if evidence.is_empty() {
        return Ok(None);
    }
    match (evidence.len(), Arguments::new(evidence).read()) {
        (32, Some(start)) => Ok(Some(start)),
        _ => Err(crate::error!(crate::abi::ISeriesTrigger::InvalidEvidence)),
    }
}
