//! Claims: anyone reports incidents, holders file; the trigger decides and the vault pays in the same transaction.
//!
//! Assessor holds no money and no opinion. An incident is what its trigger says; [`Assessor::report`] books its newest
//! state in Risk, where it moves reserve and exit price at once. A claim is verified by the trigger for its own policy
//! ([`Assessor::file`]): what is confirmed beyond what was confirmed before is paid, so that a loss that turns out
//! larger can be filed again, and no evidence is paid twice.
//!
//! Calls go down only: Policy → trigger → Risk → Policy → Vault, one entry each but for Policy, which is opened and
//! closed. None of them calls back.
#![cfg_attr(not(any(test, feature = "export-abi")), no_main)]
extern crate alloc;

use alloc::{vec, vec::Vec};

use actuary::math::mul_div_down;
use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use protocol::{
    Result, Word,
    abi::{
        AlreadyWired,
        IAssessor::{
            ClaimFiled, ClaimInconclusive, ClaimNotMet, ClaimSettled, EntryMismatch, IncidentReported, NoIncident,
            NothingToPay, PeersSet,
        },
        IPolicy, IRisk, ITrigger, IVault, NotWired,
    },
    call::{Answer, ask, require_code, tell, tell_raw},
    emit, error,
    guard::Lock,
    roles::Roles,
};
use standards::{abi::to_bytes, encoder::Encoder, errors::InvalidReturnData, packed::Packed};
use stylus_sdk::{
    abi::Bytes,
    prelude::*,
    storage::{StorageAddress, StorageMap, StorageU256},
    stylus_core::host::{CryptographyAccess, MessageAccess},
};

/// Basis points of one, squared: ratio times loss.
const BPS_SQUARED: u64 = 10_000 * 10_000;

/// Basis points of one.
const BPS: u64 = 10_000;

/// `ITrigger.Verdict`: what is unknown.
const INCONCLUSIVE: u64 = 0;

/// `ITrigger.Verdict`: proven.
const CONFIRMED: u64 = 2;

/// Where the grace is among the words of `IRisk.Terms`.
const GRACE: usize = 16;

/// Incidents of one line that a report brings up to date, at most.
const INCIDENTS_PER_REPORT: u64 = 8;

/// An incident as it was booked last, in one word: verdict 8 bits, openedAt 64, closedAt 64, worstBps 16, a bit that
/// says that there is one, and in 40 bits when its closing was booked, on the claims clock.
///
/// ```text
/// 255    193 192    153 152 151  136 135  72 71     8 7       0
/// | unused | recorded | 1 | worst  | closed | opened | verdict |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Incident(Packed);

impl Incident {
    /// What a trigger answers, from the word at `index` on.
    ///
    /// # Errors
    /// `InvalidReturnData` where it is no incident: what does not fit is never cut.
    fn of(trigger: Address, answer: &Answer, index: usize) -> Result<Self> {
        let word = |offset: usize| answer.u64(index + offset);
        let (verdict, opened_at, closed_at, worst_bps) = (word(0)?, word(1)?, word(2)?, word(3)?);
        if verdict > CONFIRMED || worst_bps > BPS {
            return Err(error!(InvalidReturnData, trigger));
        }
        Ok(Self(
            Packed::default()
                .with_u64(0, 8, verdict)
                .with_u64(8, 64, opened_at)
                .with_u64(72, 64, closed_at)
                .with_u64(136, 16, worst_bps)
                .with_u64(152, 1, 1),
        ))
    }

    fn verdict(self) -> u64 {
        self.0.u64(0, 8)
    }

    fn opened_at(self) -> u64 {
        self.0.u64(8, 64)
    }

    fn closed_at(self) -> u64 {
        self.0.u64(72, 64)
    }

    fn worst_bps(self) -> u64 {
        self.0.u64(136, 16)
    }

    /// What its trigger said.
    fn told(self) -> U256 {
        self.0.get(0, 153)
    }

    /// When its closing was booked, on the claims clock; 0 before.
    fn recorded(self) -> u64 {
        self.0.u64(153, 40)
    }

    fn recorded_at(self, clock: u64) -> Self {
        Self(self.0.with_u64(153, 40, clock))
    }
}

/// A policy as Policy opens it for a claim: the words of `IPolicy.open`.
struct Opened {
    product: U256,
    subject: B256,
    insured: Address,
    position: B256,
    start: u64,
    end: u64,
    deadline: U256,
    amount: U256,
    confirmed: U256,
    ratio_bps: u64,
    deductible_bps: u64,
    filed: bool,
    entry_hash: B256,
    holder: Address,
}

impl Opened {
    fn of(answer: &Answer) -> Result<Self> {
        let bytes = |index: usize| -> Result<B256> { Ok(B256::new(answer.word(index)?.to_be_bytes())) };
        Ok(Self {
            product: answer.word(0)?,
            subject: bytes(1)?,
            insured: answer.address(2)?,
            position: bytes(3)?,
            start: answer.u64(4)?,
            end: answer.u64(5)?,
            deadline: answer.word(6)?,
            amount: answer.word(7)?,
            confirmed: answer.word(8)?,
            ratio_bps: answer.u64(9)?,
            deductible_bps: answer.u64(10)?,
            filed: answer.bool(11)?,
            entry_hash: bytes(12)?,
            holder: answer.address(13)?,
        })
    }

    /// The most that the policy can ever pay: amount times ratio, rounded down.
    fn cover(&self) -> Result<U256> {
        Ok(mul_div_down(self.amount, U256::from(self.ratio_bps), U256::from(BPS))?)
    }

    /// The claim under one incident with this loss: amount times ratio times what the loss exceeds the deductible by,
    /// rounded down.
    fn claim(&self, loss_bps: u64) -> Result<U256> {
        // both factors are basis points, so their product fits
        let factor = self.ratio_bps.saturating_mul(loss_bps.saturating_sub(self.deductible_bps));
        Ok(mul_div_down(self.amount, U256::from(factor), U256::from(BPS_SQUARED))?)
    }
}

/// The contract.
#[entrypoint]
#[storage]
pub struct Assessor {
    roles: Roles,
    risk: StorageAddress,
    policy: StorageAddress,
    /// product → its trigger and its vault, which never change.
    triggers: StorageMap<U256, StorageAddress>,
    vaults: StorageMap<U256, StorageAddress>,
    /// hash of (product, subject) → the newest incident that is booked.
    newest: StorageMap<B256, StorageU256>,
    /// hash of (product, subject, number) → [`Incident`].
    incidents: StorageMap<B256, StorageU256>,
    /// policy → incident → confirmed.
    claims: StorageMap<U256, StorageMap<U256, StorageU256>>,
}

// The lifetime keeps the SDK from comparing every two selectors at compile time, which takes minutes. That they
// differ is a test.
#[public]
#[allow(clippy::extra_unused_lifetimes)]
impl<'a> Assessor {
    /// The owner is the timelock, `setup` the deployer's key until it finishes the set-up.
    #[constructor]
    pub fn constructor(&mut self, owner: Address, setup: Address) -> Result<()> {
        self.roles.construct(owner, setup)
    }

    // ———————————————————————————————————————————————————————————————————————————————————————————————— claims

    /// Takes in evidence on a subject and books its incidents for the product's line; `IAssessor.report`.
    ///
    /// Never paused. A trigger that took evidence in but has no incident yet is no error: what it proved stays proven.
    ///
    /// # Errors
    /// `NotWired`, `ReentrancyGuardReentrantCall`, `InvalidReturnData`, and what Risk and the trigger refuse.
    ///
    /// # Events
    /// `IncidentReported` for each incident that has news.
    pub fn report(&mut self, product: U256, subject: B256, evidence: Bytes) -> Result<(U256, u8, u16)> {
        let lock = Lock::take()?;
        let trigger = self.route(product)?.0;
        let mut call = Encoder::new(&ITrigger::observeCall::SELECTOR, 2);
        call.word(subject.word()).bytes(&evidence);
        let answer = tell_raw(self.vm(), trigger, &call.finish())?;
        let number = answer.u64(0)?;
        let latest = Incident::of(trigger, &answer, 1)?;
        let (number, incident) = self.catch_up(product, subject, trigger, number, latest)?;
        lock.release();
        let verdict = u8::try_from(incident.verdict()).unwrap_or(u8::MAX);
        let worst = u16::try_from(incident.worst_bps()).unwrap_or(u16::MAX);
        Ok((U256::from(number), verdict, worst))
    }

    /// Files a policy's claim under an incident; `IAssessor.file`.
    ///
    /// # Errors
    /// `EntryMismatch`, `NoIncident`, `ClaimAfterDeadline` (of `IRisk`: the grace of an incident that is not the newest
    /// is over), `ClaimNotMet`, `ClaimInconclusive`, `NothingToPay`; `NotWired`,
    /// `ReentrancyGuardReentrantCall`, `InvalidReturnData`, and what Policy, Risk, Vault and the trigger refuse.
    ///
    /// # Events
    /// `ClaimFiled`, `ClaimSettled`; `IncidentReported` where nobody had reported the incident.
    pub fn file(&mut self, policy: U256, incident: U256, entry: Bytes, evidence: Bytes) -> Result<(U256, U256)> {
        let lock = Lock::take()?;
        let opened = self.open(policy, &entry)?;
        let (trigger, vault) = self.route(opened.product)?;
        self.require_booked(&opened, trigger, incident)?;
        self.require_in_time(&opened, incident)?;

        let (verdict, loss_bps) = self.prove(&opened, trigger, incident, &entry, &evidence)?;
        emit!(self.vm(), ClaimFiled, [policy, incident, opened.holder], [verdict, loss_bps]);
        if verdict == INCONCLUSIVE {
            return Err(error!(ClaimInconclusive, policy, incident));
        }
        if verdict != CONFIRMED {
            return Err(error!(ClaimNotMet, policy, incident));
        }

        // what rises: the claim under this incident beyond what was confirmed, at most what is left of the cover
        let cover = opened.cover()?;
        let had = self.claims.getter(policy).get(incident);
        let left = cover.saturating_sub(opened.confirmed);
        let rise = opened.claim(loss_bps)?.saturating_sub(had).min(left);
        if rise.is_zero() {
            return Err(error!(NothingToPay, policy, incident));
        }
        // both sums are at most the cover
        self.claims.setter(policy).setter(incident).set(had.saturating_add(rise));
        let total = opened.confirmed.saturating_add(rise);

        let paid = self.settle(policy, &opened, vault, loss_bps, cover, total)?;
        emit!(self.vm(), ClaimSettled, [policy, incident, opened.holder], [rise, paid]);
        lock.release();
        Ok((rise, paid))
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————— views

    /// Confirmed claims of a policy under one incident, in the vault's asset.
    pub fn claim_of(&self, policy: U256, incident: U256) -> U256 {
        self.claims.getter(policy).get(incident)
    }

    /// An incident as it was booked last; zeros where it was not.
    pub fn incident_of(&self, product: U256, subject: B256, number: U256) -> (u8, u64, u64, u16) {
        let incident = Incident(Packed(self.incidents.get(self.incident_key(product, subject, number))));
        let verdict = u8::try_from(incident.verdict()).unwrap_or(u8::MAX);
        let worst = u16::try_from(incident.worst_bps()).unwrap_or(u16::MAX);
        (verdict, incident.opened_at(), incident.closed_at(), worst)
    }

    /// The number of the newest incident that is booked for a line; zero where there is none.
    pub fn newest_incident(&self, product: U256, subject: B256) -> U256 {
        self.newest.get(self.line_key(product, subject))
    }

    /// The trigger and the vault of a product, once it was used; zeros before.
    pub fn route_of(&self, product: U256) -> (Address, Address) {
        (self.triggers.get(product), self.vaults.get(product))
    }

    /// Risk and Policy.
    pub fn peers(&self) -> (Address, Address) {
        (self.risk.get(), self.policy.get())
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————— owner

    /// Sets the peers, once.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`, `AlreadyWired`, `AddressEmptyCode`.
    ///
    /// # Events
    /// `PeersSet`.
    pub fn wire(&mut self, risk: Address, policy: Address) -> Result<()> {
        self.roles.only_owner()?;
        if !self.risk.get().is_zero() {
            return Err(error!(AlreadyWired));
        }
        require_code(self.vm(), risk)?;
        require_code(self.vm(), policy)?;
        self.risk.set(risk);
        self.policy.set(policy);
        emit!(self.vm(), PeersSet, [risk, policy], []);
        Ok(())
    }

    /// The timelock.
    pub fn owner(&self) -> Address {
        self.roles.owner()
    }

    /// Who may accept the ownership.
    pub fn pending_owner(&self) -> Address {
        self.roles.pending_owner()
    }

    /// Offers the ownership.
    pub fn transfer_ownership(&mut self, new_owner: Address) -> Result<()> {
        self.roles.transfer_ownership(new_owner)
    }

    /// Takes the ownership that was offered.
    pub fn accept_ownership(&mut self) -> Result<()> {
        self.roles.accept_ownership()
    }

    /// The set-up key; zero once the set-up is finished.
    pub fn setup(&self) -> Address {
        self.roles.setup()
    }

    /// Gives up the set-up key for ever.
    pub fn finish_setup(&mut self) -> Result<()> {
        self.roles.finish_setup()
    }

    /// The guardian; zero where there is none.
    pub fn guardian(&self) -> Address {
        self.roles.guardian()
    }

    /// Appoints the guardian.
    pub fn set_guardian(&mut self, new_guardian: Address) -> Result<()> {
        self.roles.set_guardian(new_guardian)
    }
}

impl Assessor {
    /// A product's trigger and vault; asked of Risk the first time.
    fn route(&mut self, product: U256) -> Result<(Address, Address)> {
        let trigger = self.triggers.get(product);
        if !trigger.is_zero() {
            return Ok((trigger, self.vaults.get(product)));
        }
        let risk = self.risk.get();
        if risk.is_zero() {
            return Err(error!(NotWired));
        }
        let answer = ask(self.vm(), risk, IRisk::productCall::SELECTOR, &[product])?;
        let (vault, trigger) = (answer.address(0)?, answer.address(1)?);
        require_code(self.vm(), trigger)?;
        self.triggers.setter(product).set(trigger);
        self.vaults.setter(product).set(vault);
        Ok((trigger, vault))
    }

    /// Locks the policy for a claim by the caller and checks the entry against the one that it was sold with.
    fn open(&self, policy: U256, entry: &[u8]) -> Result<Opened> {
        let policies = self.policy.get();
        if policies.is_zero() {
            return Err(error!(NotWired));
        }
        let caller = self.vm().msg_sender();
        let opened = Opened::of(&tell(self.vm(), policies, IPolicy::openCall::SELECTOR, &[policy, caller.word()])?)?;
        let actual = self.vm().native_keccak256(entry);
        if actual != opened.entry_hash {
            return Err(error!(EntryMismatch, opened.entry_hash, actual));
        }
        Ok(opened)
    }

    /// The trigger's word on one policy.
    fn prove(
        &self,
        opened: &Opened,
        trigger: Address,
        incident: U256,
        entry: &[u8],
        evidence: &[u8],
    ) -> Result<(u64, u64)> {
        let mut call = Encoder::new(&ITrigger::proveCall::SELECTOR, 8);
        call.word(opened.subject.word())
            .word(opened.insured.word())
            .word(opened.position.word())
            .word(opened.start.word())
            .word(opened.end.word())
            .bytes(entry)
            .word(incident)
            .bytes(evidence);
        let answer = tell_raw(self.vm(), trigger, &call.finish())?;
        Ok((answer.u64(0)?, answer.u64(1)?.min(BPS)))
    }

    /// Books the claim in Risk, closes the policy and lets the vault pay; answers with what was paid at once.
    fn settle(
        &self,
        policy: U256,
        opened: &Opened,
        vault: Address,
        loss_bps: u64,
        cover: U256,
        total: U256,
    ) -> Result<U256> {
        let reserve = tell(
            self.vm(),
            self.risk.get(),
            IRisk::claimCall::SELECTOR,
            &[
                opened.product,
                opened.subject.word(),
                U256::from(loss_bps),
                cover,
                opened.deadline,
                opened.filed.word(),
                opened.confirmed,
                total,
            ],
        )?;
        let (before, after) = (reserve.word(0)?, reserve.word(1)?);
        tell(self.vm(), self.policy.get(), IPolicy::closeCall::SELECTOR, &[policy, total])?;
        tell(
            self.vm(),
            vault,
            IVault::payCall::SELECTOR,
            &[policy, opened.holder.word(), opened.confirmed, total, before, after],
        )?
        .word(0)
    }

    /// Books an incident that nobody has reported yet for the policy's line, as its trigger tells it.
    fn require_booked(&mut self, opened: &Opened, trigger: Address, number: U256) -> Result<()> {
        let key = self.incident_key(opened.product, opened.subject, number);
        if !self.incidents.get(key).is_zero() {
            return Ok(());
        }
        if number.is_zero() {
            return Err(error!(NoIncident, opened.product, opened.subject));
        }
        let incident = self.ask_incident(trigger, opened.subject, number)?;
        self.book(opened.product, opened.subject, number, incident)?;
        let line = self.line_key(opened.product, opened.subject);
        if self.newest.get(line) < number {
            self.newest.setter(line).set(number);
        }
        Ok(())
    }

    /// Fails where the time for claims under an incident is over: its product's grace since its closing was booked. For
    /// the newest incident of a line Risk knows that; an older one must not come back with it.
    fn require_in_time(&self, opened: &Opened, number: U256) -> Result<()> {
        let key = self.incident_key(opened.product, opened.subject, number);
        let recorded = Incident(Packed(self.incidents.get(key))).recorded();
        if recorded == 0 || number >= self.newest.get(self.line_key(opened.product, opened.subject)) {
            return Ok(());
        }
        let terms = ask(self.vm(), self.risk.get(), IRisk::termsCall::SELECTOR, &[opened.product])?;
        let (last, clock) = (recorded.saturating_add(terms.u64(GRACE)?), self.claims_clock()?);
        if clock > last {
            return Err(error!(IRisk::ClaimAfterDeadline, last, clock));
        }
        Ok(())
    }

    fn claims_clock(&self) -> Result<u64> {
        ask(self.vm(), self.risk.get(), IRisk::claimsClockCall::SELECTOR, &[])?.u64(0)
    }

    /// Brings a line's incidents up to date: the one that was the newest, and those after it, at most
    /// [`INCIDENTS_PER_REPORT`] of them. Answers with the newest that is booked now.
    fn catch_up(
        &mut self,
        product: U256,
        subject: B256,
        trigger: Address,
        number: u64,
        latest: Incident,
    ) -> Result<(u64, Incident)> {
        if number == 0 {
            return Ok((0, latest));
        }
        let line = self.line_key(product, subject);
        let booked = u64::try_from(self.newest.get(line)).unwrap_or(number).min(number);
        let last = number.min(booked.saturating_add(INCIDENTS_PER_REPORT));
        for between in booked.max(1)..last {
            let incident = self.ask_incident(trigger, subject, U256::from(between))?;
            self.book(product, subject, U256::from(between), incident)?;
        }
        let newest = if last == number { latest } else { self.ask_incident(trigger, subject, U256::from(last))? };
        if last != booked {
            self.newest.setter(line).set(U256::from(last));
        }
        self.book(product, subject, U256::from(last), newest)?;
        Ok((last, newest))
    }

    fn ask_incident(&self, trigger: Address, subject: B256, number: U256) -> Result<Incident> {
        let answer = ask(self.vm(), trigger, ITrigger::incidentCall::SELECTOR, &[subject.word(), number])?;
        Incident::of(trigger, &answer, 0)
    }

    /// Books one incident in Risk where it has news.
    fn book(&mut self, product: U256, subject: B256, number: U256, incident: Incident) -> Result<()> {
        let key = self.incident_key(product, subject, number);
        let before = Incident(Packed(self.incidents.get(key)));
        if before.told() == incident.told() {
            return Ok(());
        }
        let recorded = match (before.recorded(), incident.closed_at()) {
            (0, 0) => 0,
            (0, _) => self.claims_clock()?,
            (recorded, _) => recorded,
        };
        self.incidents.setter(key).set(incident.recorded_at(recorded).0.0);
        let (verdict, opened, closed, worst) =
            (incident.verdict(), incident.opened_at(), incident.closed_at(), incident.worst_bps());
        let reporter = self.vm().msg_sender();
        emit!(self.vm(), IncidentReported, [product, subject, number], [reporter, verdict, opened, closed, worst]);
        tell(
            self.vm(),
            self.risk.get(),
            IRisk::incidentCall::SELECTOR,
            &[product, subject.word(), number, verdict.word(), opened.word(), closed.word(), worst.word()],
        )?;
        Ok(())
    }

    fn line_key(&self, product: U256, subject: B256) -> B256 {
        let mut preimage = [0; 64];
        preimage[..32].copy_from_slice(&to_bytes(product));
        preimage[32..].copy_from_slice(&subject.0);
        self.vm().native_keccak256(&preimage)
    }

    fn incident_key(&self, product: U256, subject: B256, number: U256) -> B256 {
        let mut preimage = [0; 96];
        preimage[..32].copy_from_slice(&to_bytes(product));
        preimage[32..64].copy_from_slice(&subject.0);
        preimage[64..].copy_from_slice(&to_bytes(number));
        self.vm().native_keccak256(&preimage)
    }
}
