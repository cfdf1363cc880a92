//! The second program: disputes, juries, executions, recoveries, views, administration.

use actuary::math::add;
use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use protocol::{
    Result, Word,
    abi::{
        AlreadyWired,
        IAssessor::{
            self, AlreadyProlonged, BondForfeited, BondReturned, ClaimAnswered, ClaimChallenged, ClaimConfirmed,
            ClaimDenied, ClaimDisputed, ClaimFiled, ClaimInconclusive, ClaimNotMet, ClaimProlonged, ClaimRaised,
            ClaimReopened, CreditWithdrawn, JuryAsked, JuryNotAllowed, JurySet, LimitsSet, LossRecovered, NotClaimant,
            NothingToPay, NothingToWithdraw, PeersSet, ProlongedTooLong, RecoveryExceedsLoss, RulesSet, TooEarly,
            TooLate, UnexpectedBalance, VerdictPending, WrongStage,
        },
        IERC20, IERC721, IJury, IOwned, IPolicy, IVault, NotWired, ParameterOutOfBounds,
    },
    call::{ask, require_code, tell, token, try_ask},
    emit, error,
    guard::Lock,
    pause::MAX_PAUSE,
    routes,
};
use stylus_sdk::{
    prelude::*,
    stylus_core::host::{AccountAccess, BlockAccess, MessageAccess},
};

use crate::{
    book::{Book, Proven, Route, is_short_of_gas},
    claim::{Claim, Stage},
    incident::{CONFIRMED, INCONCLUSIVE, NOT_MET},
    opened::{BPS, Opened},
    rules::{DAY, most_min_bond, name},
};

/// After a draw a second jury may be asked for so long.
const REFILING: u64 = 14 * DAY;

/// So long a source of data is waited for.
const SILENCE: u64 = 180 * DAY;

/// So long a no of the trigger may be proven wrong.
const REPLY: u64 = 30 * DAY;

/// So long a jury has, with its appeals; then the trigger's word counts.
const DELIBERATION: u64 = 120 * DAY;

/// Where `IRisk.Terms` says whether there is a jury.
const JURY_ALLOWED: usize = 25;

/// How a jury's case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// So much is awarded; at most what was asked for.
    Award(U256),
    /// Denied by the majority that it takes.
    Denied,
    /// Neither.
    Draw,
    /// It did not end in time.
    Silent,
}

/// The contract's second program, run by the first one on the first one's storage.
#[cfg_attr(feature = "ext", entrypoint)]
#[storage]
pub struct AssessorExt {
    book: Book,
}

#[cfg(not(feature = "ext"))]
// SAFETY: the type is what `entrypoint` would make it: the whole storage of a contract, from slot 0.
unsafe impl TopLevelStorage for AssessorExt {}

routes! {
    AssessorExt;
    IAssessor::fileDisputedCall => file_disputed(policy, incident, loss_bps, entry, evidence, reason);
    IAssessor::challengeCall => challenge(policy, reason);
    IAssessor::executeCall => execute(policy, entry, evidence);
    IAssessor::escalateCall => escalate(policy, reason);
    IAssessor::reopenCall => reopen(policy, reason);
    IAssessor::recoverCall => recover(policy, amount);
    IAssessor::withdrawCreditCall => withdraw_credit(asset, receiver);
    IAssessor::openClaimCall => open_claim(policy);
    IAssessor::claimOfCall => claim_of(policy, incident);
    IAssessor::deniedOfCall => denied_of(policy, incident);
    IAssessor::incidentOfCall => incident_of(product, subject, number);
    IAssessor::paidAtOnceCall => paid_at_once(product, subject, number);
    IAssessor::newestIncidentCall => newest_incident(product, subject);
    IAssessor::routeOfCall => route_of(product);
    IAssessor::bondsOfCall => bonds_of(vault, amount);
    IAssessor::limitsOfCall => limits_of(vault);
    IAssessor::creditOfCall => credit_of(asset, account);
    IAssessor::moneyOfCall => money_of(asset);
    IAssessor::recoveredOfCall => recovered_of(policy);
    IAssessor::rulesCall => rules();
    IAssessor::peersCall => peers();
    IAssessor::juryCall => jury();
    IAssessor::extensionCall => extension();
    IAssessor::wireCall => wire(risk, policy);
    IAssessor::wireJuryCall => wire_jury(jury);
    IAssessor::setRulesCall => set_rules(values);
    IAssessor::setLimitsCall => set_limits(vault, instant_bps, min_bond);
    IAssessor::raiseClaimCall => raise_claim(policy, entry, evidence);
    IAssessor::prolongCall => prolong(policy, duration, reason);
    IOwned::ownerCall => owner();
    IOwned::pendingOwnerCall => pending_owner();
    IOwned::transferOwnershipCall => transfer_ownership(new_owner);
    IOwned::acceptOwnershipCall => accept_ownership();
    IOwned::setupCall => setup();
    IOwned::finishSetupCall => finish_setup();
    IOwned::guardianCall => guardian();
    IOwned::setGuardianCall => set_guardian(new_guardian);
}

protocol::owned!(AssessorExt, book.roles);

// ————————————————————————————————————————————————————————————————————————————————————————————————————————— disputes

impl AssessorExt {
    /// Files what the trigger does not confirm; `IAssessor.fileDisputed`. A trigger that reverts with an error cannot tell,
    /// where it was shown nothing.
    ///
    /// # Errors
    /// What the trigger refuses of evidence; `ClaimConfirmed`, `JuryNotAllowed`, `NothingToPay`, `NoIncident`, `EntryMismatch`, `NotWired`,
    /// `UnexpectedBalance`, `ReentrancyGuardReentrantCall`; what the token, Policy, Risk and Jury refuse.
    ///
    /// # Events
    /// `ClaimFiled`, `ClaimDisputed`; `JuryAsked`.
    pub fn file_disputed(
        &mut self,
        policy: U256,
        incident: U256,
        loss_bps: u16,
        entry: &[u8],
        evidence: &[u8],
        reason: B256,
    ) -> Result<(u64, U256)> {
        let lock = Lock::take()?;
        let opened = self.book.open_policy(policy, entry)?;
        let route = self.book.route(opened.product)?;
        let booked = self.book.require_booked(&opened, route.trigger, incident)?;
        self.book.require_in_time(&opened, booked, incident, true)?;
        let (verdict, _) = self.book.hear(&opened, route.trigger, incident, entry, evidence)?;
        let loss_bps = u64::from(loss_bps).min(BPS);
        emit!(self.vm(), ClaimFiled, [policy, incident, opened.holder], [verdict, loss_bps]);
        let (now, caller) = (self.vm().block_timestamp(), self.vm().msg_sender());
        let amount = self.book.rise(policy, incident, &opened, loss_bps)?;
        let [_, bond, deposit] = self.bonds(route.vault, amount)?;
        let (stage, bond, due) = match verdict {
            INCONCLUSIVE => (Stage::Waiting, deposit, now.saturating_add(SILENCE)),
            NOT_MET => {
                self.require_jury(opened.product)?;
                (Stage::Jury, bond, now.saturating_add(DELIBERATION))
            }
            _ => return Err(error!(ClaimConfirmed, policy, incident)),
        };
        let code = self.book.reserve(&opened, 0, U256::ZERO, amount)?;
        let mut claim = Claim {
            stage,
            incident: incident.as_limbs()[0], // Risk has bounded it
            loss_bps,
            filed_at: now,
            due,
            code,
            amount,
            bond,
            party: caller,
            held: amount,
            ..Claim::default()
        };
        emit!(self.vm(), ClaimDisputed, [policy, incident, caller], [stage.code().word(), amount, bond]);
        self.book.set_claim(policy, &claim);
        let asset = self.book.asset(route.vault)?;
        self.pull_bond(asset, bond)?;
        if stage == Stage::Jury {
            self.ask_jury(policy, &mut claim, &route, reason)?;
        }
        lock.release();
        Ok((stage.code(), amount))
    }

    /// Challenges a delayed claim; `IAssessor.challenge`.
    ///
    /// # Errors
    /// `WrongStage`, `TooLate`, `NotWired`, `UnexpectedBalance`, `ReentrancyGuardReentrantCall`; what the token and Jury
    /// refuse.
    ///
    /// # Events
    /// `ClaimChallenged`, `JuryAsked`.
    pub fn challenge(&mut self, policy: U256, reason: B256) -> Result<U256> {
        let lock = Lock::take()?;
        let mut claim = self.claim_at(policy, Stage::Delayed)?;
        let (now, caller) = (self.vm().block_timestamp(), self.vm().msg_sender());
        if now >= claim.due {
            return Err(error!(TooLate, policy, claim.due));
        }
        let (_, route) = self.policy_and_route(policy)?;
        let [bond, ..] = self.bonds(route.vault, claim.amount)?;
        claim.stage = Stage::Challenged;
        claim.due = now.saturating_add(DELIBERATION);
        claim.party = caller;
        claim.bond = bond;
        self.book.set_claim(policy, &claim);
        emit!(self.vm(), ClaimChallenged, [policy, caller], [bond]);
        let asset = self.book.asset(route.vault)?;
        self.pull_bond(asset, bond)?;
        self.ask_jury(policy, &mut claim, &route, reason)?;
        lock.release();
        Ok(claim.case)
    }

    /// Takes a waiting claim before a jury; `IAssessor.escalate`.
    ///
    /// # Errors
    /// `WrongStage`, `TooEarly`, `NotClaimant`, `JuryNotAllowed`, `NotWired`, `UnexpectedBalance`,
    /// `ReentrancyGuardReentrantCall`; what the token and Jury refuse.
    ///
    /// # Events
    /// `JuryAsked`.
    pub fn escalate(&mut self, policy: U256, reason: B256) -> Result<U256> {
        let lock = Lock::take()?;
        let mut claim = self.claim_at(policy, Stage::Waiting)?;
        let now = self.vm().block_timestamp();
        if !claim.answered && now < claim.due {
            return Err(error!(TooEarly, policy, claim.due));
        }
        let (opened, route) = self.policy_and_route(policy)?;
        self.require_claimant(policy, &claim, &opened)?;
        self.require_jury(opened.product)?;
        let [_, bond, _] = self.bonds(route.vault, claim.amount)?;
        let caller = self.vm().msg_sender();
        if caller != claim.party {
            self.return_bond(policy, &claim, &route)?;
            (claim.party, claim.bond) = (caller, U256::ZERO);
        }
        let more = bond.saturating_sub(claim.bond);
        claim.stage = Stage::Jury;
        claim.due = now.saturating_add(DELIBERATION);
        claim.bond = add(claim.bond, more)?;
        self.book.set_claim(policy, &claim);
        let asset = self.book.asset(route.vault)?;
        self.pull_bond(asset, more)?;
        self.ask_jury(policy, &mut claim, &route, reason)?;
        lock.release();
        Ok(claim.case)
    }

    /// Asks a second jury after a draw; `IAssessor.reopen`.
    ///
    /// # Errors
    /// `WrongStage`, `TooLate`, `NotClaimant`, `ReentrancyGuardReentrantCall`; what Jury refuses.
    ///
    /// # Events
    /// `JuryAsked`.
    pub fn reopen(&mut self, policy: U256, reason: B256) -> Result<U256> {
        let lock = Lock::take()?;
        let mut claim = self.claim_at(policy, Stage::Reopened)?;
        let now = self.vm().block_timestamp();
        if now > claim.due {
            return Err(error!(TooLate, policy, claim.due));
        }
        let (opened, route) = self.policy_and_route(policy)?;
        self.require_claimant(policy, &claim, &opened)?;
        claim.stage = Stage::Jury;
        claim.due = now.saturating_add(DELIBERATION);
        claim.second = true;
        self.book.set_claim(policy, &claim);
        self.ask_jury(policy, &mut claim, &route, reason)?;
        lock.release();
        Ok(claim.case)
    }

    /// Raises a claim that waits for its delay or a jury to what its trigger proves now; `IAssessor.raiseClaim`.
    ///
    /// # Errors
    /// `WrongStage`, `NotClaimant`, `EntryMismatch`, `ClaimNotMet`, `ClaimInconclusive`, `NothingToPay`, `TooLate`,
    /// `ReentrancyGuardReentrantCall`; what Risk and the trigger refuse.
    ///
    /// # Events
    /// `ClaimRaised`.
    pub fn raise_claim(&mut self, policy: U256, entry: &[u8], evidence: &[u8]) -> Result<U256> {
        let lock = Lock::take()?;
        let mut claim = self.book.claim(policy);
        let incident = U256::from(claim.incident);
        if !matches!(claim.stage, Stage::Delayed | Stage::Challenged) || incident.is_zero() {
            return Err(error!(WrongStage, policy, claim.stage.code()));
        }
        let (opened, route) = self.policy_and_route(policy)?;
        if !self.acts_for(opened.holder)? {
            return Err(error!(NotClaimant, self.vm().msg_sender(), policy));
        }
        self.book.require_entry(&opened, entry)?;
        let loss_bps = match self.book.prove(&opened, route.trigger, incident, entry, evidence)? {
            (CONFIRMED, loss_bps) => loss_bps,
            (INCONCLUSIVE, _) => return Err(error!(ClaimInconclusive, policy, incident)),
            _ => return Err(error!(ClaimNotMet, policy, incident)),
        };
        let more = self.book.rise(policy, incident, &opened, loss_bps)?.saturating_sub(claim.held);
        if more.is_zero() {
            return Err(error!(NothingToPay, policy, incident));
        }
        // What is reserved is decided in one: Risk must still count both parts alike.
        if self.book.reserve(&opened, loss_bps, claim.held, more)? != claim.code {
            return Err(error!(TooLate, policy, claim.due));
        }
        let delay = self.book.delay(&route, &opened, &Proven { policy, incident, loss_bps, rise: more })?;
        if claim.stage == Stage::Delayed {
            claim.due = claim.due.max(self.vm().block_timestamp().saturating_add(delay));
        }
        claim.loss_bps = loss_bps;
        claim.amount = add(claim.amount, more)?;
        claim.held = add(claim.held, more)?;
        self.book.set_claim(policy, &claim);
        emit!(self.vm(), ClaimRaised, [policy, incident, opened.holder], [claim.amount, U256::from(claim.due)]);
        lock.release();
        Ok(claim.amount)
    }

    /// Whether the caller is a policy's holder or his operator.
    fn acts_for(&self, holder: Address) -> Result<bool> {
        let caller = self.vm().msg_sender();
        if caller == holder {
            return Ok(true);
        }
        let words = [holder.word(), caller.word()];
        ask(self.vm(), self.book.policy.get(), IERC721::isApprovedForAllCall::SELECTOR, &words)?.bool(0)
    }

    /// Makes a delayed claim wait longer, once. Guardian or owner.
    ///
    /// # Errors
    /// `NotGuardian`, `WrongStage`, `TooLate`, `AlreadyProlonged`, `ProlongedTooLong`.
    ///
    /// # Events
    /// `ClaimProlonged`.
    pub fn prolong(&mut self, policy: U256, duration: u64, reason: B256) -> Result<()> {
        self.book.roles.only_guardian()?;
        let mut claim = self.claim_at(policy, Stage::Delayed)?;
        if self.vm().block_timestamp() >= claim.due {
            return Err(error!(TooLate, policy, claim.due));
        }
        if claim.prolonged {
            return Err(error!(AlreadyProlonged, policy));
        }
        if duration > MAX_PAUSE {
            return Err(error!(ProlongedTooLong, duration, MAX_PAUSE));
        }
        claim.prolonged = true;
        claim.due = claim.due.saturating_add(duration);
        self.book.set_claim(policy, &claim);
        emit!(self.vm(), ClaimProlonged, [policy], [U256::from(claim.due), reason.word()]);
        Ok(())
    }

    fn claim_at(&self, policy: U256, stage: Stage) -> Result<Claim> {
        let claim = self.book.claim(policy);
        if claim.stage == stage { Ok(claim) } else { Err(error!(WrongStage, policy, claim.stage.code())) }
    }

    fn require_claimant(&self, policy: U256, claim: &Claim, opened: &Opened) -> Result<()> {
        let caller = self.vm().msg_sender();
        if caller == claim.party || caller == opened.holder {
            return Ok(());
        }
        Err(error!(NotClaimant, caller, policy))
    }

    fn require_jury(&self, product: U256) -> Result<()> {
        if self.book.jury.get().is_zero() {
            return Err(error!(NotWired));
        }
        if self.book.terms(product, JURY_ALLOWED)? == 0 {
            return Err(error!(JuryNotAllowed, product));
        }
        Ok(())
    }

    /// A policy, which exists and is open, and where its product's calls go.
    fn policy_and_route(&self, policy: U256) -> Result<(Opened, Route)> {
        let words = ask(self.vm(), self.book.policy.get(), IPolicy::policyOfCall::SELECTOR, &[policy])?;
        let opened = Opened::of_view(&words)?;
        let route = self.book.known_route(opened.product);
        Ok((opened, route))
    }

    /// A challenger's bond, a claimant's before a jury, and a deposit.
    fn bonds(&self, vault: Address, amount: U256) -> Result<[U256; 3]> {
        self.book.rules().bonds(amount, self.book.least_bonds.get(vault))
    }

    /// Takes a bond from the caller; it is held from then on.
    fn pull_bond(&mut self, asset: Address, bond: U256) -> Result<()> {
        self.pull(asset, bond)?;
        self.book.hold(asset, bond)
    }

    /// Takes `amount` from the caller.
    fn pull(&self, asset: Address, amount: U256) -> Result<()> {
        if amount.is_zero() {
            return Ok(());
        }
        let (me, caller) = (self.vm().contract_address(), self.vm().msg_sender());
        let expected = add(token::balance_of(self.vm(), asset, me)?, amount)?;
        token::transfer_from(self.vm(), asset, caller, me, amount)?;
        let actual = token::balance_of(self.vm(), asset, me)?;
        if actual == expected { Ok(()) } else { Err(error!(UnexpectedBalance, expected, actual)) }
    }
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————————— executions

impl AssessorExt {
    /// Goes on with a claim as far as time and others allow; `IAssessor.execute`.
    ///
    /// # Errors
    /// `WrongStage`, `TooEarly`, `VerdictPending`, `ClaimInconclusive`, `EntryMismatch`,
    /// `ReentrancyGuardReentrantCall`; what Risk, Policy and Vault refuse.
    ///
    /// # Events
    /// `ClaimSettled`, `ClaimDenied`, `ClaimDelayed`, `ClaimAnswered` or `ClaimReopened`; `BondReturned`,
    /// `BondForfeited`.
    pub fn execute(&mut self, policy: U256, entry: &[u8], evidence: &[u8]) -> Result<(U256, U256)> {
        let lock = Lock::take()?;
        let claim = self.book.claim(policy);
        if claim.stage == Stage::None {
            return Err(error!(WrongStage, policy, 0u64));
        }
        let now = self.vm().block_timestamp();
        let waits = match claim.stage {
            Stage::Delayed => now < claim.due,
            Stage::Reopened => now <= claim.due,
            _ => false,
        };
        if waits {
            return Err(error!(TooEarly, policy, claim.due));
        }
        let (opened, route) = self.policy_and_route(policy)?;
        let done = match claim.stage {
            Stage::Delayed => {
                let amount = self.still_lost(policy, &claim, &opened, &route, entry, evidence)?;
                self.end(policy, &claim, &opened, &route, amount)?
            }
            Stage::Reopened => {
                self.return_bond(policy, &claim, &route)?;
                self.end(policy, &claim, &opened, &route, U256::ZERO)?
            }
            Stage::Challenged => self.end_challenge(policy, &claim, &opened, &route)?,
            Stage::Jury => self.end_dispute(policy, claim, &opened, &route)?,
            Stage::Waiting | Stage::None => self.prove_again(policy, claim, &opened, &route, entry, evidence)?,
        };
        lock.release();
        Ok(done)
    }

    /// What of a delayed claim is still lost now. An exploit is looked at again at payment, and the smaller loss counts:
    /// what was given back meanwhile is not paid for. Others pay what was proven.
    ///
    /// Who executes chooses the moment, and an observation could be bent for it: for [`REPLY`] only who speaks for the
    /// policy may take less than was proven, and nobody has to take nothing.
    ///
    /// # Errors
    /// `EntryMismatch`, `ClaimInconclusive`; what ran out of gas.
    fn still_lost(
        &mut self,
        policy: U256,
        claim: &Claim,
        opened: &Opened,
        route: &Route,
        entry: &[u8],
        evidence: &[u8],
    ) -> Result<U256> {
        let incident = U256::from(claim.incident);
        if !route.slow || incident.is_zero() {
            return Ok(claim.amount);
        }
        self.book.require_entry(opened, entry)?;
        let over = self.vm().block_timestamp() > claim.due.saturating_add(REPLY);
        let (verdict, loss_bps) = match self.book.hear(opened, route.trigger, incident, entry, evidence) {
            Ok(word) => word,
            Err(refused) if is_short_of_gas(&refused) => return Err(refused),
            Err(_) => (INCONCLUSIVE, 0),
        };
        let lost = match verdict {
            CONFIRMED => self.book.rise(policy, incident, opened, loss_bps).unwrap_or_default().min(claim.amount),
            NOT_MET => U256::ZERO,
            // a source that is silent for so long leaves it at what it said before
            _ if over => claim.amount,
            _ => return Err(error!(ClaimInconclusive, policy, incident)),
        };
        if lost < claim.amount && !over && !self.acts_for(opened.holder)? {
            return Err(error!(ClaimInconclusive, policy, incident));
        }
        Ok(lost)
    }

    /// A challenged claim is paid unless the jury denied it. The challenger was right, or half of his bond is the holder's,
    /// whom he kept waiting, and half the jury's money, so that nobody challenges himself for nothing.
    fn end_challenge(&mut self, policy: U256, claim: &Claim, opened: &Opened, route: &Route) -> Result<(U256, U256)> {
        let denied = self.outcome(policy, claim)? == Outcome::Denied;
        let asset = self.book.asset(route.vault)?;
        if !denied {
            let half = claim.bond.wrapping_shr(1);
            self.book.credit(asset, opened.holder, claim.bond.saturating_sub(half))?;
            emit!(self.vm(), BondForfeited, [policy, opened.holder], [claim.bond.saturating_sub(half)]);
            self.book.release(asset, half)?;
            emit!(self.vm(), BondForfeited, [policy, Address::ZERO], [half]);
            return self.end(policy, claim, opened, route, claim.amount);
        }
        self.return_bond(policy, claim, route)?;
        self.book.reward(asset, claim.party, claim.amount)?;
        self.book.add_claims(policy, U256::from(claim.incident), U256::ZERO, claim.amount);
        self.end(policy, claim, opened, route, U256::ZERO)
    }

    /// What the trigger did not confirm is paid as far as the jury awarded it.
    fn end_dispute(&mut self, policy: U256, mut claim: Claim, opened: &Opened, route: &Route) -> Result<(U256, U256)> {
        let outcome = self.outcome(policy, &claim)?;
        match outcome {
            Outcome::Award(award) => {
                self.return_bond(policy, &claim, route)?;
                self.end(policy, &claim, opened, route, award)
            }
            Outcome::Draw if !claim.second => {
                claim.stage = Stage::Reopened;
                claim.due = self.vm().block_timestamp().saturating_add(REFILING);
                self.book.set_claim(policy, &claim);
                emit!(self.vm(), ClaimReopened, [policy], [U256::from(claim.due)]);
                Ok((U256::ZERO, U256::ZERO))
            }
            Outcome::Denied => {
                self.forfeit_bond(policy, &claim, route)?;
                self.end(policy, &claim, opened, route, U256::ZERO)
            }
            Outcome::Draw | Outcome::Silent => {
                self.return_bond(policy, &claim, route)?;
                self.end(policy, &claim, opened, route, U256::ZERO)
            }
        }
    }

    /// Has the trigger look at a waiting claim again. A no, and silence that lasts too long, may still be proven wrong for
    /// a while; then the claim is over.
    fn prove_again(
        &mut self,
        policy: U256,
        mut claim: Claim,
        opened: &Opened,
        route: &Route,
        entry: &[u8],
        evidence: &[u8],
    ) -> Result<(U256, U256)> {
        self.book.require_entry(opened, entry)?;
        let (now, incident) = (self.vm().block_timestamp(), U256::from(claim.incident));
        let (verdict, loss_bps) = match self.book.hear(opened, route.trigger, incident, entry, evidence) {
            Ok(word) => word,
            Err(refused) if is_short_of_gas(&refused) => return Err(refused),
            Err(_) => (INCONCLUSIVE, 0),
        };
        let rise = match verdict {
            CONFIRMED => self.book.rise(policy, incident, opened, loss_bps).unwrap_or_default().min(claim.held),
            _ => U256::ZERO,
        };
        if !rise.is_zero() {
            self.return_bond(policy, &claim, route)?;
            (claim.bond, claim.party) = (U256::ZERO, Address::ZERO);
            claim.amount = rise;
            claim.loss_bps = loss_bps;
            let proven = Proven { policy, incident, loss_bps, rise };
            if self.book.take_at_once(route, opened, &proven)? {
                return self.end(policy, &claim, opened, route, rise);
            }
            claim.stage = Stage::Delayed;
            claim.due = now.saturating_add(self.book.delay(route, opened, &proven)?);
            self.book.set_claim(policy, &claim);
            let words = [rise, U256::from(claim.due)];
            emit!(self.vm(), IAssessor::ClaimDelayed, [policy, incident, opened.holder], [words[0], words[1]]);
            return Ok((rise, U256::ZERO));
        }
        let said_no = verdict != INCONCLUSIVE;
        if claim.answered {
            if now <= claim.due {
                return Err(error!(TooEarly, policy, claim.due));
            }
            // a no is not undone by silence
            if said_no || claim.refused {
                self.forfeit_bond(policy, &claim, route)?;
            } else {
                self.return_bond(policy, &claim, route)?;
            }
            return self.end(policy, &claim, opened, route, U256::ZERO);
        }
        if !said_no && now < claim.due {
            return Err(error!(ClaimInconclusive, policy, incident));
        }
        claim.answered = true;
        claim.refused = said_no;
        claim.due = now.saturating_add(REPLY);
        self.book.set_claim(policy, &claim);
        emit!(self.vm(), ClaimAnswered, [policy], [U256::from(verdict), U256::from(claim.due)]);
        Ok((U256::ZERO, U256::ZERO))
    }

    /// Ends a claim: `amount` of what was reserved is confirmed and paid, the rest is cover again, and the policy is free.
    fn end(
        &mut self,
        policy: U256,
        claim: &Claim,
        opened: &Opened,
        route: &Route,
        amount: U256,
    ) -> Result<(U256, U256)> {
        let incident = U256::from(claim.incident);
        self.book.set_claim(policy, &Claim::default());
        self.book.add_claims(policy, incident, amount, U256::ZERO);
        let reserve = self.book.decide(opened, claim.code, claim.held, amount)?;
        if amount.is_zero() {
            let words = [policy, opened.confirmed];
            tell(self.vm(), self.book.policy.get(), IPolicy::closeCall::SELECTOR, &words)?;
            emit!(self.vm(), ClaimDenied, [policy, incident, opened.holder], [claim.amount]);
            return Ok((U256::ZERO, U256::ZERO));
        }
        let paid = self.book.settle(policy, incident, opened, route.vault, amount, &reserve)?;
        Ok((amount, paid))
    }

    fn return_bond(&mut self, policy: U256, claim: &Claim, route: &Route) -> Result<()> {
        if claim.bond.is_zero() {
            return Ok(());
        }
        let asset = self.book.asset(route.vault)?;
        self.book.credit(asset, claim.party, claim.bond)?;
        emit!(self.vm(), BondReturned, [policy, claim.party], [claim.bond]);
        Ok(())
    }

    /// The bond is the jury's from now on.
    fn forfeit_bond(&mut self, policy: U256, claim: &Claim, route: &Route) -> Result<()> {
        let asset = self.book.asset(route.vault)?;
        self.book.release(asset, claim.bond)?;
        emit!(self.vm(), BondForfeited, [policy, Address::ZERO], [claim.bond]);
        Ok(())
    }
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————————— the jury

impl AssessorExt {
    /// Opens a case about a claim, whose number it keeps, and pays the jury's fee out of the jury's money.
    fn ask_jury(&mut self, policy: U256, claim: &mut Claim, route: &Route, reason: B256) -> Result<()> {
        let jury = self.book.jury.get();
        if jury.is_zero() {
            return Err(error!(NotWired));
        }
        let asset = self.book.asset(route.vault)?;
        let mut fee = self.book.rules().bounty(self.book.jury_money(asset)?, claim.amount)?;
        if !fee.is_zero() && token::transfer(self.vm(), asset, jury, fee).is_err() {
            fee = U256::ZERO;
        }
        let (snapshot, second) = (U256::from(claim.filed_at), claim.second.word());
        let words = [policy, asset.word(), claim.amount, snapshot, second, fee, claim.bond, reason.word()];
        claim.case = tell(self.vm(), jury, IJury::openCall::SELECTOR, &words)?.word(0)?;
        self.book.set_claim(policy, claim);
        let asker = self.vm().msg_sender();
        emit!(self.vm(), JuryAsked, [policy, claim.case, asker], [claim.second.word(), reason.word()]);
        Ok(())
    }

    /// How a claim's case ended. A jury that does not answer is silent once its time is over: nobody waits for ever.
    ///
    /// # Errors
    /// `VerdictPending`.
    fn outcome(&self, policy: U256, claim: &Claim) -> Result<Outcome> {
        let verdict = try_ask(self.vm(), self.book.jury.get(), IJury::verdictCall::SELECTOR, &[claim.case], 3);
        let ended = verdict.filter(|verdict| verdict.bool(0).unwrap_or_default());
        match ended.map(|verdict| (verdict.word(1), verdict.word(2))) {
            Some((Ok(U256::ONE), Ok(award))) => Ok(Outcome::Award(award.min(claim.amount))),
            Some((Ok(DENIED), _)) => Ok(Outcome::Denied),
            Some(_) => Ok(Outcome::Draw),
            None if self.vm().block_timestamp() < claim.due => Err(error!(VerdictPending, policy, claim.case)),
            None => Ok(Outcome::Silent),
        }
    }
}

/// `IJury.verdict`: denied.
const DENIED: U256 = U256::from_limbs([2, 0, 0, 0]);

// —————————————————————————————————————————————————————————————————————————————————————————————— recoveries and credits

impl AssessorExt {
    /// Brings in what was won back after a payout on a policy; `IAssessor.recover`.
    ///
    /// # Errors
    /// `RecoveryExceedsLoss`, `UnexpectedBalance`, `ReentrancyGuardReentrantCall`; what the token and the vault refuse,
    /// among it `ZeroAssets`.
    ///
    /// # Events
    /// `LossRecovered`.
    pub fn recover(&mut self, policy: U256, amount: U256) -> Result<()> {
        let lock = Lock::take()?;
        let (opened, route) = self.policy_and_route(policy)?;
        let before = self.book.recovered.get(policy);
        let left = opened.confirmed.saturating_sub(before);
        if amount > left || left.is_zero() {
            return Err(error!(RecoveryExceedsLoss, amount, left));
        }
        let total = add(before, amount)?;
        self.book.recovered.setter(policy).set(total);
        let caller = self.vm().msg_sender();
        emit!(self.vm(), LossRecovered, [policy, caller], [amount, total]);
        let asset = self.book.asset(route.vault)?;
        self.pull(asset, amount)?;
        tell(self.vm(), asset, IERC20::approveCall::SELECTOR, &[route.vault.word(), amount])?;
        tell(self.vm(), route.vault, IVault::recoverCall::SELECTOR, &[amount])?;
        lock.release();
        Ok(())
    }

    /// Pays `receiver` what was credited to the caller in an asset.
    ///
    /// # Errors
    /// `NothingToWithdraw`, `ReentrancyGuardReentrantCall`; those of the token.
    ///
    /// # Events
    /// `CreditWithdrawn`.
    pub fn withdraw_credit(&mut self, asset: Address, receiver: Address) -> Result<U256> {
        let lock = Lock::take()?;
        let caller = self.vm().msg_sender();
        let credit = self.credit_of(asset, caller);
        if credit.is_zero() {
            return Err(error!(NothingToWithdraw, asset, caller));
        }
        self.book.credits.setter(asset).setter(caller).set(U256::ZERO);
        self.book.release(asset, credit)?;
        emit!(self.vm(), CreditWithdrawn, [asset, caller, receiver], [credit]);
        token::transfer(self.vm(), asset, receiver, credit)?;
        lock.release();
        Ok(credit)
    }
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————————————— views

impl AssessorExt {
    /// A policy's open claim, as `IAssessor.Claim`.
    pub fn open_claim(&self, policy: U256) -> [U256; 12] {
        let claim = self.book.claim(policy);
        [
            U256::from(claim.stage.code()),
            U256::from(claim.incident),
            U256::from(claim.loss_bps),
            claim.amount,
            claim.party.word(),
            claim.bond,
            U256::from(claim.filed_at),
            U256::from(claim.due),
            claim.answered.word(),
            claim.prolonged.word(),
            claim.second.word(),
            claim.case,
        ]
    }

    /// Confirmed claims of a policy under one incident, in the vault's asset.
    pub fn claim_of(&self, policy: U256, incident: U256) -> U256 {
        self.book.claims(policy, incident).0
    }

    /// What a jury denied of a policy's confirmed claims under one incident.
    pub fn denied_of(&self, policy: U256, incident: U256) -> U256 {
        self.book.claims(policy, incident).1
    }

    /// An incident as it was booked last; zeros where it was not.
    pub fn incident_of(&self, product: U256, subject: B256, number: U256) -> (u64, u64, u64, u64) {
        let incident = self.book.incident(product, subject, number);
        (incident.verdict(), incident.opened_at(), incident.closed_at(), incident.worst_bps())
    }

    /// What was paid at once under an incident.
    pub fn paid_at_once(&self, product: U256, subject: B256, number: U256) -> U256 {
        self.book.incident(product, subject, number).paid()
    }

    /// The number of the newest incident that is booked for a line; zero where there is none.
    pub fn newest_incident(&self, product: U256, subject: B256) -> U256 {
        self.book.newest(product, subject)
    }

    /// The trigger and the vault of a product, once it was used; zeros before.
    pub fn route_of(&self, product: U256) -> (Address, Address) {
        let route = self.book.known_route(product);
        (route.trigger, route.vault)
    }

    /// A challenger's bond, a claimant's before a jury, and a deposit.
    pub fn bonds_of(&self, vault: Address, amount: U256) -> Result<[U256; 3]> {
        self.bonds(vault, amount)
    }

    /// A vault's limit: its part of the capital, the day's amount, what was paid in the day, when last, the least bond.
    pub fn limits_of(&self, vault: Address) -> [U256; 5] {
        let day = self.book.at_once(vault);
        let bps = day.bps().unwrap_or_else(|| self.book.rules().most_at_once());
        [U256::from(bps), day.limit(), day.paid(), U256::from(day.last()), self.book.least_bonds.get(vault)]
    }

    /// What an account can take by `withdraw_credit`.
    pub fn credit_of(&self, asset: Address, account: Address) -> U256 {
        self.book.credits.getter(asset).get(account)
    }

    /// Of an asset: bonds and credits, and the jury's money.
    pub fn money_of(&self, asset: Address) -> Result<(U256, U256)> {
        Ok((self.book.held.get(asset), self.book.jury_money(asset)?))
    }

    /// What has been won back of what was confirmed on a policy.
    pub fn recovered_of(&self, policy: U256) -> U256 {
        self.book.recovered.get(policy)
    }

    /// The rules in force.
    pub fn rules(&self) -> [U256; 7] {
        self.book.rules().values()
    }

    /// Risk and Policy.
    pub fn peers(&self) -> (Address, Address) {
        (self.book.risk.get(), self.book.policy.get())
    }

    /// The jury; zero before it is wired.
    pub fn jury(&self) -> Address {
        self.book.jury.get()
    }

    /// The second program.
    pub fn extension(&self) -> Address {
        self.book.extension.program()
    }
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————————————— owner

impl AssessorExt {
    /// Sets the peers, once.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`, `AlreadyWired`, `AddressEmptyCode`.
    ///
    /// # Events
    /// `PeersSet`.
    pub fn wire(&mut self, risk: Address, policy: Address) -> Result<()> {
        self.book.roles.only_owner()?;
        if !self.book.risk.get().is_zero() {
            return Err(error!(AlreadyWired));
        }
        require_code(self.vm(), risk)?;
        require_code(self.vm(), policy)?;
        self.book.risk.set(risk);
        self.book.policy.set(policy);
        emit!(self.vm(), PeersSet, [risk, policy], []);
        Ok(())
    }

    /// Sets the jury, once.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`, `AlreadyWired`, `AddressEmptyCode`.
    ///
    /// # Events
    /// `JurySet`.
    pub fn wire_jury(&mut self, jury: Address) -> Result<()> {
        self.book.roles.only_owner()?;
        if !self.book.jury.get().is_zero() {
            return Err(error!(AlreadyWired));
        }
        require_code(self.vm(), jury)?;
        self.book.jury.set(jury);
        emit!(self.vm(), JurySet, [jury], []);
        Ok(())
    }

    /// Sets the rules for claims from now on.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`, `ParameterOutOfBounds`.
    ///
    /// # Events
    /// `RulesSet`.
    pub fn set_rules(&mut self, values: [U256; 7]) -> Result<()> {
        self.book.roles.only_owner()?;
        let rules = self.book.rules().with(values.map(|value| u64::try_from(value).unwrap_or(u64::MAX)))?;
        self.book.set_rules(rules);
        let v = values;
        emit!(self.vm(), RulesSet, [], [v[0], v[1], v[2], v[3], v[4], v[5], v[6]]);
        Ok(())
    }

    /// Sets what a vault pays at once, and its least bond.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`, `ParameterOutOfBounds`; what the vault and its asset refuse.
    ///
    /// # Events
    /// `LimitsSet`.
    pub fn set_limits(&mut self, vault: Address, instant_bps: u16, min_bond: u128) -> Result<()> {
        self.book.roles.only_owner()?;
        let most = self.book.rules().most_at_once();
        let bps = u64::from(instant_bps);
        if bps > most {
            return Err(error!(ParameterOutOfBounds, name("instantBps"), bps));
        }
        let asset = self.book.asset(vault)?;
        let decimals = ask(self.vm(), asset, IERC20::decimalsCall::SELECTOR, &[])?.u64(0)?;
        let min_bond = U256::from(min_bond);
        if min_bond > most_min_bond(decimals)? {
            return Err(error!(ParameterOutOfBounds, name("minBond"), min_bond));
        }
        let day = self.book.at_once(vault).with_bps(bps, self.book.capital(vault)?)?;
        self.book.set_at_once(vault, day);
        self.book.least_bonds.setter(vault).set(min_bond);
        emit!(self.vm(), LimitsSet, [vault], [U256::from(bps), min_bond]);
        Ok(())
    }
}
