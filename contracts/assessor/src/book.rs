//! The storage that both programs of the contract work on, and what both of them do: to open a policy, to have it proven,
//! to book incidents, to confirm a claim and to keep other people's money.

use actuary::math::{add, sub};
use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::{SolCall, SolError};
use protocol::{
    Result, Word,
    abi::{
        IAssessor::{
            BountyEarned, ClaimDelayed, ClaimSettled, EntryMismatch, IncidentReported, NoIncident, NothingToPay,
        },
        IERC4626,
        IFallTrigger::InsufficientGas,
        IPolicy, IRisk, ITrigger, IVault, NotWired,
    },
    call::{Answer, ask, ask_raw, require_code, tell, tell_raw, token},
    emit, error,
    ext::Extension,
    roles::Roles,
};
use standards::{
    abi::{Revert, to_bytes},
    encoder::Encoder,
    packed::Packed,
};
use stylus_sdk::{
    prelude::*,
    storage::{StorageAddress, StorageMap, StorageU256},
    stylus_core::host::{AccountAccess, BlockAccess, CryptographyAccess, MessageAccess},
};

use crate::{
    claim::{Claim, ClaimWords, Stage},
    incident::{INCONCLUSIVE, Incident},
    opened::{BPS, Opened},
    rules::{AtOnce, Rules},
};

/// Where the grace is among the words of `IRisk.Terms`.
const GRACE: usize = 16;

/// Incidents of one line that a report brings up to date, at most.
const INCIDENTS_PER_REPORT: u64 = 8;

/// `IRisk.Cover.Exploit`: never paid at once.
const EXPLOIT: u64 = 0;

/// Where in a product's word it says that nothing is paid at once.
const SLOW: usize = 160;

/// Everything that the contract stores.
#[storage]
pub struct Book {
    /// Owner, set-up key, guardian.
    pub roles: Roles,
    /// The second program.
    pub extension: Extension,
    pub(crate) risk: StorageAddress,
    pub(crate) policy: StorageAddress,
    pub(crate) jury: StorageAddress,
    rules: StorageU256,
    /// product → its trigger, and |160 nothing is paid at once| its vault; they never change.
    triggers: StorageMap<U256, StorageAddress>,
    vaults: StorageMap<U256, StorageU256>,
    /// hash of (product, subject) → the newest incident that is booked.
    newest: StorageMap<B256, StorageU256>,
    /// hash of (product, subject, number) → [`Incident`].
    incidents: StorageMap<B256, StorageU256>,
    /// policy → incident → |191 denied 96|95 confirmed 0|.
    claims: StorageMap<U256, StorageMap<U256, StorageU256>>,
    /// vault → [`AtOnce`], and its least bond.
    limits: StorageMap<Address, StorageU256>,
    pub(crate) least_bonds: StorageMap<Address, StorageU256>,
    /// policy → its open claim.
    pub(crate) open: StorageMap<U256, ClaimWords>,
    /// policy → what was won back.
    pub(crate) recovered: StorageMap<U256, StorageU256>,
    /// asset → bonds and credits; and account → credits.
    pub(crate) held: StorageMap<Address, StorageU256>,
    pub(crate) credits: StorageMap<Address, StorageMap<Address, StorageU256>>,
    /// hash of (product, subject, number) → what of an incident's claims was confirmed but not paid at once.
    waited: StorageMap<B256, StorageU256>,
}

/// Where a product's calls go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// What decides.
    pub trigger: Address,
    /// Who pays.
    pub vault: Address,
    /// Whether nothing is paid at once.
    pub slow: bool,
}

/// A rise of a policy's claims that the trigger has confirmed.
#[derive(Clone, Copy, Debug)]
pub struct Proven {
    /// The policy.
    pub policy: U256,
    /// The incident's number.
    pub incident: U256,
    /// The policy's loss, basis points.
    pub loss_bps: u64,
    /// By how much its claims rise.
    pub rise: U256,
}

// ————————————————————————————————————————————————————————————————————————————————————————————————————— what is kept

impl Book {
    /// The rules in force.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules(Packed(self.rules.get()))
    }

    pub(crate) fn set_rules(&mut self, rules: Rules) {
        self.rules.set(rules.0.0);
    }

    /// A product's trigger and vault; zeros where it was never used.
    #[must_use]
    pub fn known_route(&self, product: U256) -> Route {
        let word = Packed(self.vaults.get(product));
        Route { trigger: self.triggers.get(product), vault: word.address(0), slow: word.u64(SLOW, 1) == 1 }
    }

    /// A product's trigger and vault; asked of Risk the first time.
    ///
    /// # Errors
    /// `NotWired`, `AddressEmptyCode`; what Risk refuses.
    pub fn route(&mut self, product: U256) -> Result<Route> {
        let known = self.known_route(product);
        if !known.trigger.is_zero() {
            return Ok(known);
        }
        let risk = self.peer(self.risk.get())?;
        let answer = ask(self.vm(), risk, IRisk::productCall::SELECTOR, &[product])?;
        let (vault, trigger, slow) = (answer.address(0)?, answer.address(1)?, answer.u64(2)? == EXPLOIT);
        require_code(self.vm(), trigger)?;
        self.triggers.setter(product).set(trigger);
        let word = Packed::default().with_address(0, vault).with_u64(SLOW, 1, u64::from(slow));
        self.vaults.setter(product).set(word.0);
        Ok(Route { trigger, vault, slow })
    }

    fn peer(&self, peer: Address) -> Result<Address> {
        if peer.is_zero() { Err(error!(NotWired)) } else { Ok(peer) }
    }

    /// What is confirmed of a policy's claims under an incident, and what a jury denied of them.
    #[must_use]
    pub fn claims(&self, policy: U256, incident: U256) -> (U256, U256) {
        let word = Packed(self.claims.getter(policy).get(incident));
        (word.get(0, 96), word.get(96, 96))
    }

    /// Adds to what is confirmed, and to what a jury denied, of a policy's claims; both have 96 bits, as its cover has.
    pub(crate) fn add_claims(&mut self, policy: U256, incident: U256, confirmed: U256, denied: U256) {
        let (was, were) = self.claims(policy, incident);
        let word =
            Packed::default().with(0, 96, was.saturating_add(confirmed)).with(96, 96, were.saturating_add(denied));
        self.claims.setter(policy).setter(incident).set(word.0);
    }

    /// What a vault pays at once.
    #[must_use]
    pub fn at_once(&self, vault: Address) -> AtOnce {
        AtOnce(Packed(self.limits.get(vault)))
    }

    pub(crate) fn set_at_once(&mut self, vault: Address, at_once: AtOnce) {
        self.limits.setter(vault).set(at_once.0.0);
    }

    /// An incident of a line as it was booked last.
    #[must_use]
    pub fn incident(&self, product: U256, subject: B256, number: U256) -> Incident {
        Incident(Packed(self.incidents.get(self.incident_key(product, subject, number))))
    }

    fn set_incident(&mut self, product: U256, subject: B256, number: U256, incident: Incident) {
        let key = self.incident_key(product, subject, number);
        self.incidents.setter(key).set(incident.0.0);
    }

    /// The number of the newest incident that is booked for a line.
    #[must_use]
    pub fn newest(&self, product: U256, subject: B256) -> U256 {
        self.newest.get(self.line_key(product, subject))
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

// ——————————————————————————————————————————————————————————————————————————————————————————————————————— incidents

impl Book {
    /// Books an incident that nobody has reported yet for the policy's line, as its trigger tells it, and brings those
    /// before it up to date: none of them stays open in the books since a later one was booked first. Number 0 is none: it
    /// stands for the position by itself.
    ///
    /// # Errors
    /// `NoIncident` for a number that the trigger does not know; `IRisk.CatchUpFirst` where so many are not booked that
    /// they have to be reported first; what the trigger and Risk refuse.
    pub fn require_booked(&mut self, opened: &Opened, trigger: Address, number: U256) -> Result<Incident> {
        let known = self.incident(opened.product, opened.subject, number);
        if known.is_booked() || number.is_zero() {
            return Ok(known);
        }
        let incident = self.ask_incident(trigger, opened.subject, number)?;
        if incident.opened_at() == 0 {
            return Err(error!(NoIncident, opened.product, opened.subject));
        }
        let (product, subject) = (opened.product, opened.subject);
        if self.newest(product, subject) < number {
            let wanted = u64::try_from(number).unwrap_or(u64::MAX);
            if self.catch_up(product, subject, trigger, wanted, incident)?.0 != wanted {
                return Err(error!(IRisk::CatchUpFirst));
            }
        } else {
            self.book(product, subject, number, incident)?;
        }
        Ok(self.incident(product, subject, number))
    }

    /// Books anew an incident that was latent when it was booked last, since a policy has been proven under it: latent
    /// evidence lapses, and who is proven need not wait for another report.
    ///
    /// # Errors
    /// What the trigger and Risk refuse.
    pub fn refresh(&mut self, opened: &Opened, trigger: Address, number: U256) -> Result<()> {
        if number.is_zero() || self.incident(opened.product, opened.subject, number).is_confirmed() {
            return Ok(());
        }
        let incident = self.ask_incident(trigger, opened.subject, number)?;
        self.book(opened.product, opened.subject, number, incident)?;
        Ok(())
    }

    /// Fails where the time for claims under an incident is over: its product's grace since its closing was booked. For
    /// the newest incident of a line Risk knows that where it books a claim that is proven; an older one must not come
    /// back with it, and what is not proven must not either (`unproven`).
    ///
    /// # Errors
    /// `IRisk.ClaimAfterDeadline`.
    pub fn require_in_time(&self, opened: &Opened, incident: Incident, number: U256, unproven: bool) -> Result<()> {
        let recorded = incident.recorded();
        if recorded == 0 || !unproven && number >= self.newest(opened.product, opened.subject) {
            return Ok(());
        }
        let grace = self.terms(opened.product, GRACE)?;
        let (last, clock) = (recorded.saturating_add(grace), self.claims_clock()?);
        if clock > last {
            return Err(error!(IRisk::ClaimAfterDeadline, last, clock));
        }
        Ok(())
    }

    /// A word of a product's terms, as `IRisk.Terms` counts them.
    pub(crate) fn terms(&self, product: U256, index: usize) -> Result<u64> {
        ask(self.vm(), self.risk.get(), IRisk::termsCall::SELECTOR, &[product])?.u64(index)
    }

    fn claims_clock(&self) -> Result<u64> {
        ask(self.vm(), self.risk.get(), IRisk::claimsClockCall::SELECTOR, &[])?.u64(0)
    }

    /// Brings a line's incidents up to date: the one that was the newest, and those after it, at most
    /// [`INCIDENTS_PER_REPORT`] of them. Answers with the newest that is booked now, whose bounties the caller earned.
    ///
    /// # Errors
    /// What the trigger and Risk refuse.
    pub(crate) fn catch_up(
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
            self.report(product, subject, between, incident)?;
        }
        let newest = if last == number { latest } else { self.ask_incident(trigger, subject, U256::from(last))? };
        if last != booked {
            self.newest.setter(line).set(U256::from(last));
        }
        self.report(product, subject, last, newest)?;
        Ok((last, newest))
    }

    fn ask_incident(&self, trigger: Address, subject: B256, number: U256) -> Result<Incident> {
        let answer = ask(self.vm(), trigger, ITrigger::incidentCall::SELECTOR, &[subject.word(), number])?;
        Incident::of(trigger, &answer, 0)
    }

    /// Books one incident, and gives its reporter the bounty where it is the first to report it as confirmed.
    fn report(&mut self, product: U256, subject: B256, number: u64, incident: Incident) -> Result<()> {
        let number = U256::from(number);
        let before = self.incident(product, subject, number);
        let Some(reserve) = self.book(product, subject, number, incident)? else { return Ok(()) };
        if before.is_confirmed() || before.has_bounty() || !incident.is_confirmed() {
            return Ok(());
        }
        let known = self.incident(product, subject, number);
        self.set_incident(product, subject, number, known.with_bounty());
        let reporter = self.vm().msg_sender();
        let earned =
            self.asset(self.known_route(product).vault).and_then(|asset| self.reward(asset, reporter, reserve));
        let amount = earned.unwrap_or_default(); // no report fails for its bounty
        if !amount.is_zero() {
            emit!(self.vm(), BountyEarned, [product, subject, number], [reporter, amount]);
        }
        Ok(())
    }

    /// Books one incident in Risk where it has news; answers with the line's reserve after it.
    fn book(&mut self, product: U256, subject: B256, number: U256, incident: Incident) -> Result<Option<U256>> {
        let before = self.incident(product, subject, number);
        if before.told() == incident.told() {
            return Ok(None);
        }
        let recorded = match (before.recorded(), incident.closed_at()) {
            (0, 0) => 0,
            (0, _) => self.claims_clock()?,
            (recorded, _) => recorded,
        };
        self.set_incident(product, subject, number, before.telling(incident).recorded_at(recorded));
        let (verdict, opened, closed, worst) =
            (incident.verdict(), incident.opened_at(), incident.closed_at(), incident.worst_bps());
        let reporter = self.vm().msg_sender();
        emit!(self.vm(), IncidentReported, [product, subject, number], [reporter, verdict, opened, closed, worst]);
        let words = [product, subject.word(), number, verdict.word(), opened.word(), closed.word(), worst.word()];
        tell(self.vm(), self.risk.get(), IRisk::incidentCall::SELECTOR, &words)?.word(2).map(Some)
    }
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————————— a claim

/// A call about a policy: its terms, its entry and an incident's number.
fn about(opened: &Opened, selector: [u8; 4], words: usize, entry: &[u8], incident: U256) -> Encoder {
    let mut call = Encoder::new(&selector, words);
    call.word(opened.subject.word())
        .word(opened.insured.word())
        .word(opened.position.word())
        .word(opened.start.word())
        .word(opened.end.word())
        .bytes(entry)
        .word(incident);
    call
}

/// Whether a trigger says that its caller gave it too little gas.
pub(crate) fn is_short_of_gas(refused: &Revert) -> bool {
    refused.data().starts_with(&InsufficientGas::SELECTOR)
}

impl Book {
    /// Locks the policy for a claim by the caller and checks the entry against the one that it was sold with.
    ///
    /// # Errors
    /// `NotWired`, `EntryMismatch`; what Policy refuses.
    pub fn open_policy(&self, policy: U256, entry: &[u8]) -> Result<Opened> {
        let policies = self.peer(self.policy.get())?;
        let caller = self.vm().msg_sender();
        let opened = Opened::of(&tell(self.vm(), policies, IPolicy::openCall::SELECTOR, &[policy, caller.word()])?)?;
        self.require_entry(&opened, entry)?;
        Ok(opened)
    }

    /// Fails where the entry is not the one that the policy was sold with.
    ///
    /// # Errors
    /// `EntryMismatch`.
    pub fn require_entry(&self, opened: &Opened, entry: &[u8]) -> Result<()> {
        let actual = self.vm().native_keccak256(entry);
        if actual == opened.entry_hash { Ok(()) } else { Err(error!(EntryMismatch, opened.entry_hash, actual)) }
    }

    /// The trigger's word on one policy: verdict and loss.
    ///
    /// # Errors
    /// What the trigger reverted with; `InvalidReturnData`.
    pub fn prove(
        &self,
        opened: &Opened,
        trigger: Address,
        incident: U256,
        entry: &[u8],
        evidence: &[u8],
    ) -> Result<(u64, u64)> {
        let mut call = about(opened, ITrigger::proveCall::SELECTOR, 8, entry, incident);
        call.bytes(evidence);
        let answer = tell_raw(self.vm(), trigger, &call.finish())?;
        Ok((answer.u64(0)?, answer.u64(1)?.min(BPS)))
    }

    /// The trigger's word where its silence counts for somebody: one that refuses the evidence is asked without any, so
    /// that nobody makes it silent by what he sends; one that refuses that as well cannot tell, where it was shown nothing.
    ///
    /// # Errors
    /// What ran out of gas, or says that it would, has said nothing; what the trigger refuses with evidence and without.
    pub fn hear(
        &self,
        opened: &Opened,
        trigger: Address,
        incident: U256,
        entry: &[u8],
        evidence: &[u8],
    ) -> Result<(u64, u64)> {
        let refused = match self.prove(opened, trigger, incident, entry, evidence) {
            Ok(word) => return Ok(word),
            Err(refused) => refused,
        };
        if refused.data().is_empty() || is_short_of_gas(&refused) {
            return Err(refused);
        }
        let call = about(opened, ITrigger::lossCall::SELECTOR, 7, entry, incident);
        match ask_raw(self.vm(), trigger, &call.finish()) {
            Ok(answer) => Ok((answer.u64(0)?, answer.u64(1)?.min(BPS))),
            Err(refused) if !evidence.is_empty() || is_short_of_gas(&refused) => Err(refused),
            Err(_) => Ok((INCONCLUSIVE, 0)),
        }
    }

    /// By how much a policy's claims under an incident rise with this loss: beyond what was confirmed or denied before,
    /// at most by what is left of the cover.
    ///
    /// What a jury awarded for the position by itself (number 0) counts under every incident, and all that is confirmed
    /// counts for the position by itself: no loss is paid twice under two numbers.
    ///
    /// # Errors
    /// `NothingToPay`.
    pub fn rise(&self, policy: U256, incident: U256, opened: &Opened, loss_bps: u64) -> Result<U256> {
        let (confirmed, denied) = self.claims(policy, incident);
        let elsewhere = match incident {
            U256::ZERO => opened.confirmed.saturating_sub(confirmed),
            // a word that is not read where it must be zero
            _ if opened.confirmed == confirmed => U256::ZERO,
            _ => self.claims(policy, U256::ZERO).0,
        };
        let had = add(add(confirmed, denied)?, elsewhere)?;
        let left = opened.cover()?.saturating_sub(opened.confirmed);
        let rise = opened.claim(loss_bps)?.saturating_sub(had).min(left);
        if rise.is_zero() { Err(error!(NothingToPay, policy, incident)) } else { Ok(rise) }
    }

    /// Whether a confirmed claim is paid at once; if so, it counts from now on.
    ///
    /// # Errors
    /// `MathOverflow`; what the vault refuses.
    pub fn take_at_once(&mut self, route: &Route, opened: &Opened, claim: &Proven) -> Result<bool> {
        if route.slow {
            return Ok(false);
        }
        let now = self.vm().block_timestamp();
        let mut day = self.at_once(route.vault);
        if !day.is_in_day(now) {
            let bps = day.bps().unwrap_or_else(|| self.rules().most_at_once());
            day = day.fresh(bps, self.capital(route.vault)?)?;
        }
        let incident = self.incident(opened.product, opened.subject, claim.incident);
        let under_incident = add(incident.paid(), claim.rise)?;
        let Some(day) = day.pay(claim.rise, under_incident, now)? else { return Ok(false) };
        self.set_at_once(route.vault, day);
        if !claim.incident.is_zero() {
            self.set_incident(opened.product, opened.subject, claim.incident, incident.with_paid(under_incident));
        }
        Ok(true)
    }

    /// How long a claim waits that is not paid at once: by all that was confirmed under its incident, at once or not, so
    /// that parts wait as long as the whole.
    ///
    /// # Errors
    /// `MathOverflow`; what the vault refuses.
    pub fn delay(&mut self, route: &Route, opened: &Opened, claim: &Proven) -> Result<u64> {
        let mut size = claim.rise;
        if !claim.incident.is_zero() {
            let key = self.incident_key(opened.product, opened.subject, claim.incident);
            let waited = add(self.waited.get(key), claim.rise)?;
            self.waited.setter(key).set(waited);
            size = add(Incident(Packed(self.incidents.get(key))).paid(), waited)?;
        }
        self.rules().delay(size, self.capital(route.vault)?)
    }

    /// A vault's capital for capacity.
    pub(crate) fn capital(&self, vault: Address) -> Result<U256> {
        ask(self.vm(), vault, IVault::capitalCall::SELECTOR, &[])?.word(0)
    }

    /// Reserves what is claimed until it is decided, beside `held` of the policy's that is; answers with Risk's code for
    /// it.
    ///
    /// # Errors
    /// What Risk refuses.
    pub fn reserve(&self, opened: &Opened, proven_bps: u64, held: U256, amount: U256) -> Result<u64> {
        let words = self.risk_words(opened, proven_bps, held, amount)?;
        tell(self.vm(), self.risk.get(), IRisk::reserveClaimCall::SELECTOR, &words)?.u64(0)
    }

    fn risk_words(&self, opened: &Opened, loss_bps: u64, held: U256, amount: U256) -> Result<[U256; 8]> {
        let before = add(opened.confirmed, held)?;
        Ok([
            opened.product,
            opened.subject.word(),
            U256::from(loss_bps),
            opened.cover()?,
            opened.deadline,
            opened.filed.word(),
            before,
            add(before, amount)?,
        ])
    }

    /// Confirms a claim that has not been reserved, and pays it. Answers with what was paid.
    ///
    /// # Errors
    /// What Risk, Policy and the vault refuse.
    ///
    /// # Events
    /// `ClaimSettled`.
    pub fn pay_at_once(&mut self, route: &Route, opened: &Opened, claim: &Proven) -> Result<U256> {
        let Proven { policy, incident, loss_bps, rise } = *claim;
        self.add_claims(policy, incident, rise, U256::ZERO);
        let risk = self.risk.get();
        let reserve = if incident.is_zero() {
            // no incident holds it: it is reserved and decided in one
            let code = self.reserve(opened, 0, U256::ZERO, rise)?;
            self.decide(opened, code, rise, rise)?
        } else {
            tell(self.vm(), risk, IRisk::claimCall::SELECTOR, &self.risk_words(opened, loss_bps, U256::ZERO, rise)?)?
        };
        self.settle(policy, incident, opened, route.vault, rise, &reserve)
    }

    /// Tells Risk how a reserved claim was decided; it answers with the reserve before and after.
    pub(crate) fn decide(&self, opened: &Opened, code: u64, held: U256, paid: U256) -> Result<Answer> {
        let words = [opened.product, opened.subject.word(), U256::from(code), held, paid];
        tell(self.vm(), self.risk.get(), IRisk::decideClaimCall::SELECTOR, &words)
    }

    /// Closes the policy and lets the vault pay its holder.
    pub(crate) fn settle(
        &mut self,
        policy: U256,
        incident: U256,
        opened: &Opened,
        vault: Address,
        amount: U256,
        reserve: &Answer,
    ) -> Result<U256> {
        let total = add(opened.confirmed, amount)?;
        tell(self.vm(), self.policy.get(), IPolicy::closeCall::SELECTOR, &[policy, total])?;
        let words = [policy, opened.holder.word(), opened.confirmed, total, reserve.word(0)?, reserve.word(1)?];
        let paid = tell(self.vm(), vault, IVault::payCall::SELECTOR, &words)?.word(0)?;
        emit!(self.vm(), ClaimSettled, [policy, incident, opened.holder], [amount, paid]);
        Ok(paid)
    }

    /// Reserves a confirmed claim that is too large to be paid at once; the policy stays locked.
    ///
    /// # Errors
    /// What Risk and the vault refuse.
    ///
    /// # Events
    /// `ClaimDelayed`.
    pub fn delay_claim(&mut self, route: &Route, opened: &Opened, claim: &Proven) -> Result<()> {
        let now = self.vm().block_timestamp();
        let due = now.saturating_add(self.delay(route, opened, claim)?);
        let proven = if claim.incident.is_zero() { 0 } else { claim.loss_bps };
        let code = self.reserve(opened, proven, U256::ZERO, claim.rise)?;
        self.set_claim(
            claim.policy,
            &Claim {
                stage: Stage::Delayed,
                incident: claim.incident.as_limbs()[0], // Risk has bounded it
                loss_bps: claim.loss_bps,
                filed_at: now,
                due,
                code,
                amount: claim.rise,
                held: claim.rise,
                ..Claim::default()
            },
        );
        emit!(self.vm(), ClaimDelayed, [claim.policy, claim.incident, opened.holder], [claim.rise, U256::from(due)]);
        Ok(())
    }

    /// A policy's open claim.
    #[must_use]
    pub fn claim(&self, policy: U256) -> Claim {
        self.open.getter(policy).read()
    }

    pub(crate) fn set_claim(&mut self, policy: U256, claim: &Claim) {
        self.open.setter(policy).write(claim);
    }
}

// ———————————————————————————————————————————————————————————————————————————————————————————— other people's money

impl Book {
    /// A vault's asset.
    ///
    /// # Errors
    /// What the vault refuses.
    pub fn asset(&self, vault: Address) -> Result<Address> {
        ask(self.vm(), vault, IERC4626::assetCall::SELECTOR, &[])?.address(0)
    }

    /// The jury's money in an asset: what is here and nobody's.
    ///
    /// # Errors
    /// What the token refuses.
    pub fn jury_money(&self, asset: Address) -> Result<U256> {
        let balance = token::balance_of(self.vm(), asset, self.vm().contract_address())?;
        Ok(balance.saturating_sub(self.held.get(asset)))
    }

    /// Credits an account with its reward out of the jury's money; `stake` is what it was about.
    ///
    /// # Errors
    /// `MathOverflow`; what the token refuses.
    pub fn reward(&mut self, asset: Address, account: Address, stake: U256) -> Result<U256> {
        let amount = self.rules().bounty(self.jury_money(asset)?, stake)?;
        if !amount.is_zero() {
            self.hold(asset, amount)?;
            self.credit(asset, account, amount)?;
        }
        Ok(amount)
    }

    /// Counts what is here as somebody's from now on.
    pub(crate) fn hold(&mut self, asset: Address, amount: U256) -> Result<()> {
        let held = add(self.held.get(asset), amount)?;
        self.held.setter(asset).set(held);
        Ok(())
    }

    /// Counts it as the jury's, or as gone.
    pub(crate) fn release(&mut self, asset: Address, amount: U256) -> Result<()> {
        let held = sub(self.held.get(asset), amount)?;
        self.held.setter(asset).set(held);
        Ok(())
    }

    /// Makes what is held an account's to take.
    pub(crate) fn credit(&mut self, asset: Address, account: Address, amount: U256) -> Result<()> {
        let credit = add(self.credits.getter(asset).get(account), amount)?;
        self.credits.setter(asset).setter(account).set(credit);
        Ok(())
    }
}
