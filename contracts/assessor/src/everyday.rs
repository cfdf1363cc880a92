//! The first program: reports, and claims that their trigger confirms.

use alloc::vec::Vec;

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use protocol::{
    Result, Word,
    abi::{
        IAssessor::{self, ClaimFiled, ClaimInconclusive, ClaimNotMet},
        ITrigger, ParameterOutOfBounds,
    },
    call::tell_raw,
    emit, error, ext,
    guard::Lock,
    routes,
};
use standards::encoder::Encoder;
use stylus_sdk::prelude::*;

use crate::{
    book::{Book, Proven},
    incident::{CONFIRMED, INCONCLUSIVE, Incident},
    rules::{Rules, UNLIMITED, name},
};

/// The largest part of a vault's capital that a deployment may let be paid at once, basis points.
const MOST_AT_ONCE: u64 = 2_000;

/// The contract's first program; what it does not know it runs in [`AssessorExt`](crate::AssessorExt).
#[cfg_attr(not(feature = "ext"), entrypoint)]
#[storage]
pub struct Assessor {
    book: Book,
}

#[cfg(feature = "ext")]
// SAFETY: the type is what `entrypoint` would make it: the whole storage of a contract, from slot 0.
unsafe impl TopLevelStorage for Assessor {}

routes! {
    Assessor, constructor(owner, setup, extension, most_at_once), fallback(fallback);
    IAssessor::reportCall => report(product, subject, evidence);
    IAssessor::fileCall => file(policy, incident, entry, evidence);
}

impl Assessor {
    /// The owner is the timelock, `setup` the deployer's key until it finishes the set-up, `extension` the second
    /// program. `most_at_once`: basis points of a vault's capital that are ever paid at once, at most 2,000; what a vault
    /// pays where governance does not say less. 65,535 on development networks: all of it, whatever the capital.
    ///
    /// # Errors
    /// `OwnableInvalidOwner`, `AddressEmptyCode`, `ParameterOutOfBounds`.
    pub fn constructor(&mut self, owner: Address, setup: Address, extension: Address, most_at_once: u16) -> Result<()> {
        let most_at_once = u64::from(most_at_once);
        if most_at_once > MOST_AT_ONCE && most_at_once != UNLIMITED {
            return Err(error!(ParameterOutOfBounds, name("mostAtOnce"), most_at_once));
        }
        self.book.roles.construct(owner, setup)?;
        self.book.extension.construct(extension)?;
        self.book.set_rules(Rules::new(most_at_once));
        Ok(())
    }

    /// Takes in evidence on a subject and books its incidents for the product's line; `IAssessor.report`.
    ///
    /// Never paused. A trigger that took evidence in but has no incident yet is no error: what it proved stays proven.
    ///
    /// # Errors
    /// `NotWired`, `ReentrancyGuardReentrantCall`, `InvalidReturnData`, and what Risk and the trigger refuse.
    ///
    /// # Events
    /// `IncidentReported` for each incident that has news; `BountyEarned`.
    pub fn report(&mut self, product: U256, subject: B256, evidence: &[u8]) -> Result<(U256, u64, u64)> {
        let lock = Lock::take()?;
        let trigger = self.book.route(product)?.trigger;
        let mut call = Encoder::new(&ITrigger::observeCall::SELECTOR, 2);
        call.word(subject.word()).bytes(evidence);
        let answer = tell_raw(self.vm(), trigger, &call.finish())?;
        let number = answer.u64(0)?;
        let latest = Incident::of(trigger, &answer, 1)?;
        let (number, incident) = self.book.catch_up(product, subject, trigger, number, latest)?;
        lock.release();
        Ok((U256::from(number), incident.verdict(), incident.worst_bps()))
    }

    /// Files a policy's claim under an incident; `IAssessor.file`. Answers with its rise and what was paid of it.
    ///
    /// # Errors
    /// `EntryMismatch`, `NoIncident`, `ClaimAfterDeadline` (of `IRisk`: the grace of an incident that is not the newest
    /// is over), `ClaimNotMet`, `ClaimInconclusive`, `NothingToPay`; `NotWired`, `ReentrancyGuardReentrantCall`,
    /// `InvalidReturnData`, and what Policy, Risk, Vault and the trigger refuse.
    ///
    /// # Events
    /// `ClaimFiled`; `ClaimSettled` or `ClaimDelayed`; `IncidentReported` where nobody had reported the incident.
    pub fn file(&mut self, policy: U256, incident: U256, entry: &[u8], evidence: &[u8]) -> Result<(U256, U256)> {
        let lock = Lock::take()?;
        let opened = self.book.open_policy(policy, entry)?;
        let route = self.book.route(opened.product)?;
        let booked = self.book.require_booked(&opened, route.trigger, incident)?;
        self.book.require_in_time(&opened, booked, incident)?;

        let (verdict, loss_bps) = self.book.prove(&opened, route.trigger, incident, entry, evidence)?;
        emit!(self.vm(), ClaimFiled, [policy, incident, opened.holder], [verdict, loss_bps]);
        if verdict == INCONCLUSIVE {
            return Err(error!(ClaimInconclusive, policy, incident));
        }
        if verdict != CONFIRMED {
            return Err(error!(ClaimNotMet, policy, incident));
        }
        if !booked.is_confirmed() {
            self.book.refresh(&opened, route.trigger, incident)?;
        }

        let rise = self.book.rise(policy, incident, &opened, loss_bps)?;
        let claim = Proven { policy, incident, loss_bps, rise };
        let paid = if self.book.take_at_once(&route, &opened, &claim)? {
            self.book.pay_at_once(&route, &opened, &claim)?
        } else {
            self.book.delay_claim(&route, &opened, &claim)?;
            U256::ZERO
        };
        lock.release();
        Ok((rise, paid))
    }

    /// Runs everything else in the second program.
    pub fn fallback(&mut self, calldata: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
        ext::delegate(self.vm(), self.book.extension.program(), calldata)
    }
}
