//! Lasting falls of what a share is worth: what the triggers share that can read only the present. `IFallTrigger` says
//! what follows from an observation.
//!
//! - [`course`]: the reference, and how long a fall has stood, as a pure state machine over observations;
//! - [`record`]: the stored course and incidents of a subject, and a policy's loss; [`probe`]: reads of sources that are
//!   trusted with nothing.

pub mod course;
pub mod probe;
pub mod record;

use alloc::vec::Vec;

use alloy_primitives::{Address, B256, U256};
use standards::{
    dispatch::{Argument, Arguments, Encoded},
    encoder::Encoder,
};

use crate::{Result, Revert, Word, abi::IFallTrigger, abi::ParameterOutOfBounds, error};

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

/// What a loss is measured from: the value of a share and the insured's shares at the purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The value of a share.
    pub value: u128,
    /// The insured's shares.
    pub shares: u128,
}

impl Entry {
    /// `abi.encode(uint256 value, uint256 shares)`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut entry = Encoder::new(&[], 2);
        entry.word(U256::from(self.value)).word(U256::from(self.shares));
        entry.finish()
    }

    /// Reads what [`Entry::encode`] wrote.
    ///
    /// # Errors
    /// `InvalidEntry` for anything else.
    pub fn decode(entry: &[u8]) -> Result<Self> {
        let mut arguments = Arguments::new(entry);
        match (arguments.read(), arguments.read()) {
            (Some(value), Some(shares)) if entry.len() == 64 => Ok(Self { value, shares }),
            _ => Err(error!(IFallTrigger::InvalidEntry)),
        }
    }
}

impl Entry {
    /// The verdict and the loss in basis points of a share's loss, where the insured still holds `held` shares: it counts
    /// for the part of the shares that is still there, rounded down. Without a loss the verdict is open as long as the
    /// incident is.
    #[must_use]
    pub fn claim(&self, loss_bps: u64, held: u128, closed: bool) -> (Verdict, u64) {
        let part = U256::from(loss_bps) * U256::from(held.min(self.shares));
        let loss_bps = part.checked_div(U256::from(self.shares)).map_or(0, |loss_bps| loss_bps.to::<u64>());
        match (loss_bps, closed) {
            (0, true) => (Verdict::NotMet, 0),
            (0, false) => (Verdict::Inconclusive, 0),
            _ => (Verdict::Confirmed, loss_bps),
        }
    }
}

/// The answer of `ITrigger.enter`.
#[must_use]
pub fn entered(healthy: bool, entry: &Entry, interest: U256, size: U256) -> Encoded {
    let mut answer = Encoder::new(&[], 4);
    answer.word(healthy.word()).bytes(&entry.encode()).word(interest).word(size);
    Encoded(answer.finish())
}

/// The error of a value outside of its bounds.
#[must_use]
pub fn out_of_bounds(name: &[u8], value: u64) -> Revert {
    let mut text = [0; 32];
    text[..name.len()].copy_from_slice(name);
    error!(ParameterOutOfBounds, standards::abi::from_bytes(&text), value)
}
