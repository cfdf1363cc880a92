//! The guardian's office: one address that is guardian of every contract and a canceller of the timelock, and one person
//! behind it, for a term that ends by itself.
//!
//! - Who holds it may [`pause`](Guardian::pause), [`prolong`](Guardian::prolong), [`divest`](Guardian::divest) and
//!   [`cancel`](Guardian::cancel), each with a reason. It forwards these five calls with arguments of one word each, no
//!   ether and its lock held: a target that is no contract of the protocol can do nothing with that which it could not do
//!   by itself.
//! - Acts other than cancelling are counted by their times: an act is refused while the one that is `most` before it is
//!   less than seven days old. So no seven days see more than `most`, whoever held the office.
//! - Exits are held by pauses of redemptions and of filing, and the contracts let each rest by itself: taken in turns
//!   they would hold exits for ever. Here they share one hold: seven days from the first of them, then seven without.
//! - Nobody holds the office against a vote on it: an operation that only appoints, or limits, is not cancelled. One that
//!   gives the office itself away is, since its new owner could keep a canceller for ever.
//!
//! ```text
//! office    holder 160 | until 64 | most in a week 16
//! terms     timelock 160 | longest term 64
//! acts      how many so far 64 | since when exits are held 64
//! times     four times of 64 in a word: act n at n mod 64
//! ```
#![cfg_attr(not(test), no_main)]
extern crate alloc;

use alloc::vec::Vec;

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use protocol::{
    Result, Revert, Word,
    abi::{
        IAssessor,
        IGuardian::{
            self, ActLimitReached, ActLimitSet, Acted, Appointed, OfficeVacant, OperationCancelled, OwnOffice,
            ReasonMissing, Resigned, UnknownPause,
        },
        IOwned, IPolicy, IRisk, ITimelock, IVault, NotGuardian, ParameterOutOfBounds, PauseTooLong, PauseTooSoon,
    },
    call::{Answer, ask, ask_raw, require_code, tell},
    emit, error,
    guard::Lock,
    pause::MAX_PAUSE,
    roles::Roles,
    routes,
    time::{WEEK, YEAR},
};
use standards::{dispatch::Words, encoder::Encoder, packed::Packed};
use stylus_sdk::{
    abi::Bytes,
    prelude::*,
    storage::{StorageMap, StorageU256},
    stylus_core::host::{AccountAccess, BlockAccess, MessageAccess},
};

/// The longest term that a deployment may allow: a year.
pub const LONGEST_TERM: u64 = YEAR;

/// How many acts a week allows in a new office.
pub const DEFAULT_ACTS: u64 = 16;

/// The least and the most that governance may allow.
pub const FEWEST_ACTS: u64 = 4;
/// As many acts as are remembered.
pub const MOST_ACTS: u64 = 64;

/// How long exits may be held, and how long not after that.
pub const LONGEST_HOLD: u64 = MAX_PAUSE;

/// `IPausable`'s kinds.
mod kind {
    pub(crate) const DEPOSITS: u8 = 0;
    pub(crate) const PURCHASES: u8 = 1;
    pub(crate) const REDEMPTIONS: u8 = 2;
    pub(crate) const FILING: u8 = 3;
}

/// The contract.
#[entrypoint]
#[storage]
pub struct Guardian {
    office: StorageU256,
    terms: StorageU256,
    acts: StorageU256,
    times: StorageMap<U256, StorageU256>,
    roles: Roles,
}

routes! {
    Guardian, constructor(owner, setup, timelock, longest_term);
    IGuardian::pauseCall => pause(target, kind, duration, reason);
    IGuardian::prolongCall => prolong(assessor, policy, duration, reason);
    IGuardian::divestCall => divest(vault, strategy, assets, reason);
    IGuardian::cancelCall => cancel(targets, values, payloads, predecessor, salt, reason);
    IGuardian::resignCall => resign();
    IGuardian::appointCall => appoint(holder, until);
    IGuardian::setActLimitCall => set_act_limit(most);
    IGuardian::officeCall => office();
    IGuardian::timelockCall => timelock();
    IGuardian::longestTermCall => longest_term();
    IGuardian::actsLeftCall => acts_left();
    IGuardian::exitHoldCall => exit_hold();
    IOwned::ownerCall => owner();
    IOwned::pendingOwnerCall => pending_owner();
    IOwned::transferOwnershipCall => transfer_ownership(new_owner);
    IOwned::acceptOwnershipCall => accept_ownership();
    IOwned::setupCall => setup();
    IOwned::finishSetupCall => finish_setup();
    IOwned::guardianCall => guardian();
    IOwned::setGuardianCall => set_guardian(new_guardian);
}

protocol::owned!(Guardian, roles);

impl Guardian {
    /// The owner is the timelock, `setup` the deployer's key until it finishes the set-up; `timelock` is where operations
    /// are cancelled, and `longest_term` (seconds, at most [`LONGEST_TERM`]) bounds each appointment, both for ever. The
    /// office begins vacant.
    ///
    /// # Errors
    /// `OwnableInvalidOwner`, `AddressEmptyCode` for the timelock, `ParameterOutOfBounds` for the term.
    ///
    /// # Events
    /// `OwnershipTransferred`, `ActLimitSet`.
    pub fn constructor(&mut self, owner: Address, setup: Address, timelock: Address, longest_term: u64) -> Result<()> {
        self.roles.construct(owner, setup)?;
        require_code(self.vm(), timelock)?;
        if longest_term == 0 || longest_term > LONGEST_TERM {
            return Err(error!(ParameterOutOfBounds, name("longestTerm"), longest_term));
        }
        self.terms.set(Packed::default().with_address(0, timelock).with_u64(160, 64, longest_term).0);
        self.allow(DEFAULT_ACTS);
        Ok(())
    }

    // ———————————————————————————————————————————————————————————————————————————————————————— who holds the office

    /// Pauses a kind of a contract's for `duration` seconds; `IGuardian.pause`.
    ///
    /// # Errors
    /// `OfficeVacant`, `NotGuardian`, `ReasonMissing`, `UnknownPause`, `ActLimitReached`; for redemptions and filing
    /// `PauseTooSoon` after a hold and `PauseTooLong` beyond its end; `AddressEmptyCode`,
    /// `ReentrancyGuardReentrantCall`; what the contract refuses.
    ///
    /// # Events
    /// `Acted`; the contract's `PauseSet`.
    pub fn pause(&mut self, target: Address, kind: u8, duration: u64, reason: B256) -> Result<()> {
        let (selector, of_a_vault) = match kind {
            kind::DEPOSITS | kind::REDEMPTIONS => (IVault::pauseCall::SELECTOR, true),
            kind::PURCHASES => (IPolicy::pausePurchasesCall::SELECTOR, false),
            kind::FILING => (IRisk::pauseFilingCall::SELECTOR, false),
            _ => return Err(error!(UnknownPause, kind)),
        };
        let words = [kind.word(), duration.word(), reason.word()];
        let (words, hold) = (if of_a_vault { &words[..] } else { &words[1..] }, kind >= kind::REDEMPTIONS);
        self.act(target, selector, words, reason, hold.then_some(duration)).map(drop)
    }

    /// Has a delayed claim wait `duration` seconds longer, once; `IGuardian.prolong`.
    ///
    /// # Errors
    /// `OfficeVacant`, `NotGuardian`, `ReasonMissing`, `ActLimitReached`, `AddressEmptyCode`,
    /// `ReentrancyGuardReentrantCall`; what the assessor refuses.
    ///
    /// # Events
    /// `Acted`; the assessor's `ClaimProlonged`.
    pub fn prolong(&mut self, assessor: Address, policy: U256, duration: u64, reason: B256) -> Result<()> {
        let words = [policy, duration.word(), reason.word()];
        self.act(assessor, IAssessor::prolongCall::SELECTOR, &words, reason, None).map(drop)
    }

    /// Brings up to `assets` of what a strategy is booked at back to its vault; answers what came.
    ///
    /// # Errors
    /// `OfficeVacant`, `NotGuardian`, `ReasonMissing`, `ActLimitReached`, `AddressEmptyCode`, `InvalidReturnData`,
    /// `ReentrancyGuardReentrantCall`; what the vault refuses.
    ///
    /// # Events
    /// `Acted`; the vault's `Divested`.
    pub fn divest(&mut self, vault: Address, strategy: Address, assets: U256, reason: B256) -> Result<U256> {
        let words = [strategy.word(), assets];
        self.act(vault, IVault::divestCall::SELECTOR, &words, reason, None)?.word(0)
    }

    /// Cancels an operation of the timelock; answers its id. `IGuardian.cancel`.
    ///
    /// # Errors
    /// `OfficeVacant`, `NotGuardian`, `ReasonMissing`, `OwnOffice`, `ReentrancyGuardReentrantCall`; what the timelock
    /// refuses, where it is not pending or this contract no canceller.
    ///
    /// # Events
    /// `OperationCancelled`; the timelock's `Cancelled`.
    pub fn cancel(
        &mut self,
        targets: Words<'_>,
        values: Words<'_>,
        payloads: Vec<&[u8]>,
        predecessor: B256,
        salt: B256,
        reason: B256,
    ) -> Result<B256> {
        let lock = Lock::take()?;
        let holder = self.require_holder(reason)?;
        let targets: Option<Vec<_>> =
            targets.map(|word| (word.bit_len() <= 160).then(|| Packed(word).address(0))).collect();
        let Some(targets) = targets else { return Err(Revert::raw(Vec::new())) };
        // An operation without calls concerns nobody, this office neither; arrays of different lengths are none.
        let me = self.vm().contract_address();
        let about_office = |(target, payload): (&Address, &&[u8])| *target == me && is_a_vote_on_it(payload);
        let is_one = !targets.is_empty() && targets.len() == payloads.len();
        if is_one && targets.iter().zip(&payloads).all(about_office) {
            return Err(error!(OwnOffice));
        }
        // What is asked for is encoded anew from what was looked at.
        let (values, timelock): (Vec<_>, _) = (values.collect(), self.timelock());
        let payloads: Vec<_> = payloads.into_iter().map(|payload| Bytes::from(payload.to_vec())).collect();
        let mut hash = Encoder::new(&ITimelock::hashOperationBatchCall::SELECTOR, 5);
        hash.addresses(&targets).words(&values).payloads(&payloads).word(predecessor.word()).word(salt.word());
        let mut id = ask_raw(self.vm(), timelock, &hash.finish())?.word(0)?;
        if let ([target], [value], [payload]) = (&targets[..], &values[..], &payloads[..])
            && !ask(self.vm(), timelock, ITimelock::isOperationPendingCall::SELECTOR, &[id])?.bool(0)?
        {
            let mut hash = Encoder::new(&ITimelock::hashOperationCall::SELECTOR, 5);
            hash.word(target.word()).word(*value).bytes(payload).word(predecessor.word()).word(salt.word());
            id = ask_raw(self.vm(), timelock, &hash.finish())?.word(0)?;
        }
        tell(self.vm(), timelock, ITimelock::cancelCall::SELECTOR, &[id])?;
        emit!(self.vm(), OperationCancelled, [holder, id], [reason]);
        lock.release();
        Ok(id.into())
    }

    /// Leaves the office at once.
    ///
    /// # Errors
    /// `OfficeVacant`, `NotGuardian`.
    ///
    /// # Events
    /// `Resigned`.
    pub fn resign(&mut self) -> Result<()> {
        let holder = self.holder_in_office()?;
        self.set_office(Address::ZERO, 0);
        emit!(self.vm(), Resigned, [holder], []);
        Ok(())
    }

    // ———————————————————————————————————————————————————————————————————————————————————————————————————————— owner

    /// Gives the office to `holder` until then, or takes it away where both are zero; `IGuardian.appoint`.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`; `ParameterOutOfBounds` for a term that is over or too long, and for nobody.
    ///
    /// # Events
    /// `Appointed`.
    pub fn appoint(&mut self, holder: Address, until: u64) -> Result<()> {
        self.roles.only_owner()?;
        if holder.is_zero() != (until == 0) {
            let nobody = holder.is_zero();
            return Err(error!(ParameterOutOfBounds, name(if nobody { "holder" } else { "until" }), 0u8));
        }
        let now = self.vm().block_timestamp();
        if until != 0 && (until <= now || until - now > self.longest_term()) {
            return Err(error!(ParameterOutOfBounds, name("until"), until));
        }
        self.set_office(holder, until);
        emit!(self.vm(), Appointed, [holder], [until]);
        Ok(())
    }

    /// Sets how many acts other than cancelling a week allows.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`; `ParameterOutOfBounds` outside of 4 to 64.
    ///
    /// # Events
    /// `ActLimitSet`.
    pub fn set_act_limit(&mut self, most: u16) -> Result<()> {
        self.roles.only_owner()?;
        let most = u64::from(most);
        if !(FEWEST_ACTS..=MOST_ACTS).contains(&most) {
            return Err(error!(ParameterOutOfBounds, name("mostInAWeek"), most));
        }
        self.allow(most);
        Ok(())
    }

    // ———————————————————————————————————————————————————————————————————————————————————————————————————————— views

    /// Who holds the office, and until when.
    pub fn office(&self) -> (Address, u64) {
        let office = Packed(self.office.get());
        (office.address(0), office.u64(160, 64))
    }

    /// Where operations are cancelled.
    pub fn timelock(&self) -> Address {
        Packed(self.terms.get()).address(0)
    }

    /// The longest term from an appointment on, in seconds.
    pub fn longest_term(&self) -> u64 {
        Packed(self.terms.get()).u64(160, 64)
    }

    /// Acts that may be done now, and how many a week allows.
    pub fn acts_left(&self) -> (u64, u64) {
        let (count, most) = (self.count(), self.most());
        let now = self.vm().block_timestamp();
        let recent = |back: &u64| *back <= count && now < self.time_of(count - back).saturating_add(WEEK);
        let used = (1..=most).take_while(recent).count() as u64;
        (most - used, most)
    }

    /// Until when exits may be held, and from when on anew; zeros where they never were.
    pub fn exit_hold(&self) -> (u64, u64) {
        match self.held_since() {
            0 => (0, 0),
            since => (since.saturating_add(LONGEST_HOLD), since.saturating_add(2 * LONGEST_HOLD)),
        }
    }
}

impl Guardian {
    /// Does one act: calls `target` for the holder, whose act is counted. `hold`: for how long it holds exits, if it does.
    fn act(
        &mut self,
        target: Address,
        selector: [u8; 4],
        words: &[U256],
        reason: B256,
        hold: Option<u64>,
    ) -> Result<Answer> {
        let lock = Lock::take()?;
        let holder = self.require_holder(reason)?;
        require_code(self.vm(), target)?;
        self.count_act()?;
        if let Some(duration) = hold {
            self.hold_exits(duration)?;
        }
        let answer = tell(self.vm(), target, selector, words)?;
        emit!(self.vm(), Acted, [holder, target, B256::right_padding_from(&selector)], [reason]);
        lock.release();
        Ok(answer)
    }

    /// The caller, who must hold the office.
    fn holder_in_office(&self) -> Result<Address> {
        let ((holder, until), caller) = (self.office(), self.vm().msg_sender());
        if self.vm().block_timestamp() >= until {
            return Err(error!(OfficeVacant, until));
        }
        if caller != holder {
            return Err(error!(NotGuardian, caller));
        }
        Ok(holder)
    }

    fn require_holder(&self, reason: B256) -> Result<Address> {
        let holder = self.holder_in_office()?;
        if reason.is_zero() {
            return Err(error!(ReasonMissing));
        }
        Ok(holder)
    }

    /// Counts one act, unless the one that is `most` before it is less than a week old.
    fn count_act(&mut self) -> Result<()> {
        let (count, most, now) = (self.count(), self.most(), self.vm().block_timestamp());
        if count >= most {
            let from = self.time_of(count - most).saturating_add(WEEK);
            if now < from {
                return Err(error!(ActLimitReached, most, from));
            }
        }
        let place = (count % MOST_ACTS) as usize;
        let mut slot = self.times.setter(U256::from(place / 4));
        let word = Packed(slot.get()).with_u64(64 * (place % 4), 64, now);
        slot.set(word.0);
        let acts = Packed(self.acts.get()).with_u64(0, 64, count + 1);
        self.acts.set(acts.0);
        Ok(())
    }

    /// Holds exits for `duration` seconds from now, within seven days from the first hold; after them seven days are free.
    fn hold_exits(&mut self, duration: u64) -> Result<()> {
        let (now, since) = (self.vm().block_timestamp(), self.held_since());
        let anew = since.saturating_add(2 * LONGEST_HOLD);
        let end = if now < anew { since.saturating_add(LONGEST_HOLD) } else { now.saturating_add(LONGEST_HOLD) };
        let left = end.saturating_sub(now);
        if left == 0 {
            return Err(error!(PauseTooSoon, anew));
        }
        if duration > left {
            return Err(error!(PauseTooLong, duration, left));
        }
        if now >= anew {
            let acts = Packed(self.acts.get()).with_u64(64, 64, now);
            self.acts.set(acts.0);
        }
        Ok(())
    }

    fn allow(&mut self, most: u64) {
        let office = Packed(self.office.get()).with_u64(224, 16, most);
        self.office.set(office.0);
        emit!(self.vm(), ActLimitSet, [], [most]);
    }

    fn set_office(&mut self, holder: Address, until: u64) {
        let office = Packed(self.office.get()).with_address(0, holder).with_u64(160, 64, until);
        self.office.set(office.0);
    }

    fn most(&self) -> u64 {
        Packed(self.office.get()).u64(224, 16)
    }

    fn count(&self) -> u64 {
        Packed(self.acts.get()).u64(0, 64)
    }

    fn held_since(&self) -> u64 {
        Packed(self.acts.get()).u64(64, 64)
    }

    /// When an act was done, one of the last [`MOST_ACTS`].
    fn time_of(&self, act: u64) -> u64 {
        let place = (act % MOST_ACTS) as usize;
        Packed(self.times.get(U256::from(place / 4))).u64(64 * (place % 4), 64)
    }
}

/// Whether a call of this contract only says who holds the office, or how often he may act.
fn is_a_vote_on_it(payload: &[u8]) -> bool {
    let selector = payload.first_chunk();
    selector == Some(&IGuardian::appointCall::SELECTOR) || selector == Some(&IGuardian::setActLimitCall::SELECTOR)
}

/// The name of a parameter as `ParameterOutOfBounds` tells it.
fn name(parameter: &str) -> B256 {
    B256::right_padding_from(parameter.as_bytes())
}
