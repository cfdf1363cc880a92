//! The second program: stakes, appeals, rulings, credits, views, administration.

use actuary::math::to_u128;
use alloy_primitives::{Address, B256, U256};
use protocol::{
    Result, Word as _,
    abi::{
        AlreadyWired,
        IJury::{
            self, AssessorSet, AwardRateSet, CaseAppealed, CaseRuled, CreditWithdrawn, InsufficientStake, KeySet,
            NothingLeaving, NothingToWithdraw, RulesSet, StakeLocked, Staked, TooEarly, UnstakeCancelled,
            UnstakeRequested, Unstaked, ZeroAmount,
        },
        IOwned, ParameterOutOfBounds,
    },
    call::require_code,
    emit, error,
    guard::Lock,
    routes,
};
use standards::errors::OwnableUnauthorizedAccount;
use stylus_sdk::{
    prelude::*,
    stylus_core::host::{BlockAccess, MessageAccess},
};

use crate::{
    book::{BPS, Book},
    docket::Phase,
};

/// Bounds of the parts that `IJury.setRules` sets.
const QUORUM_BOUNDS: (u64, u64) = (500, 4_000);
const PENALTY_BOUNDS: (u64, u64) = (10, 500);

/// A rate has so many bits.
const RATE_BITS: usize = 96;

/// The contract's second program, run by the first one on the first one's storage.
#[cfg_attr(feature = "ext", entrypoint)]
#[storage]
pub struct JuryExt {
    book: Book,
}

#[cfg(not(feature = "ext"))]
// SAFETY: the type is what `entrypoint` would make it: the whole storage of a contract, from slot 0.
unsafe impl TopLevelStorage for JuryExt {}

routes! {
    JuryExt;
    IJury::stakeCall => stake(amount);
    IJury::requestUnstakeCall => request_unstake(amount);
    IJury::cancelUnstakeCall => cancel_unstake();
    IJury::withdrawCall => withdraw(receiver);
    IJury::setKeyCall => set_key(key);
    IJury::withdrawCreditCall => withdraw_credit(asset, receiver);
    IJury::appealCall => appeal(id, reason);
    IJury::caseOfCall => case_of(id);
    IJury::tallyOfCall => tally_of(id, round);
    IJury::voteOfCall => vote_of(id, round, juror);
    IJury::weightOfCall => weight_of(id, juror);
    IJury::jurorOfCall => juror_of(juror);
    IJury::hashVoteCall => hash_vote(id, juror, choice, share_bps, reason, salt);
    IJury::creditOfCall => credit_of(asset, account);
    IJury::spareOfCall => spare_of(asset);
    IJury::heldOfCall => held_of(asset);
    IJury::casesCall => cases();
    IJury::totalStakeCall => total_stake();
    IJury::tokenCall => token();
    IJury::extensionCall => extension();
    IJury::assessorCall => assessor();
    IJury::timesCall => times();
    IJury::rulesCall => rules();
    IJury::awardRateOfCall => award_rate_of(asset);
    IJury::ruleCall => rule(id, share_bps);
    IJury::setRulesCall => set_rules(quorum_bps, penalty_bps);
    IJury::setAwardRateCall => set_award_rate(asset, rate);
    IJury::wireCall => wire(assessor);
    IOwned::ownerCall => owner();
    IOwned::pendingOwnerCall => pending_owner();
    IOwned::transferOwnershipCall => transfer_ownership(new_owner);
    IOwned::acceptOwnershipCall => accept_ownership();
    IOwned::setupCall => setup();
    IOwned::finishSetupCall => finish_setup();
    IOwned::guardianCall => guardian();
    IOwned::setGuardianCall => set_guardian(new_guardian);
}

protocol::owned!(JuryExt, book.roles);

impl JuryExt {
    // ————————————————————————————————————————————————————————————————————————————————————————————————————— stakes

    /// Adds to the caller's stake; `IJury.stake`.
    ///
    /// # Errors
    /// `ZeroAmount`, `SafeCastOverflowedUintDowncast`, `UnexpectedBalance`, `ReentrancyGuardReentrantCall`; what the token
    /// refuses.
    ///
    /// # Events
    /// `Staked`.
    pub fn stake(&mut self, amount: U256) -> Result<()> {
        let lock = Lock::take()?;
        let juror = self.vm().msg_sender();
        let stake = self.add_stake(juror, nonzero(amount)?)?;
        let token = self.book.token.get();
        self.book.pull(token, juror, amount)?;
        emit!(self.vm(), Staked, [juror], [amount, stake]);
        lock.release();
        Ok(())
    }

    /// Takes out of the caller's stake; `IJury.requestUnstake`.
    ///
    /// # Errors
    /// `ZeroAmount`, `StakeLocked`, `InsufficientStake`.
    ///
    /// # Events
    /// `UnstakeRequested`.
    pub fn request_unstake(&mut self, amount: U256) -> Result<()> {
        let value = nonzero(amount)?;
        let juror = self.vm().msg_sender();
        let word = self.book.juror(juror);
        if word.open_votes() > 0 {
            return Err(error!(StakeLocked, juror, word.open_votes()));
        }
        let rest = word.stake().checked_sub(value);
        let rest = rest.ok_or_else(|| error!(InsufficientStake, juror, word.stake(), amount))?;
        self.book.set_stake(juror, word, rest)?;
        let from = self.vm().block_timestamp().saturating_add(self.book.rules().time(5));
        // Together they were staked, so they fit.
        let leaving = self.book.leaving(juror).0.saturating_add(value);
        self.book.set_leaving(juror, leaving, from);
        emit!(self.vm(), UnstakeRequested, [juror], [amount, rest, from]);
        Ok(())
    }

    /// Stakes again what is leaving; `IJury.cancelUnstake`.
    ///
    /// # Errors
    /// `NothingLeaving`.
    ///
    /// # Events
    /// `UnstakeCancelled`.
    pub fn cancel_unstake(&mut self) -> Result<U256> {
        let juror = self.vm().msg_sender();
        let (amount, _) = self.take_leaving(juror)?;
        let stake = self.add_stake(juror, amount)?;
        emit!(self.vm(), UnstakeCancelled, [juror], [amount, stake]);
        Ok(U256::from(amount))
    }

    /// Sends what is leaving; `IJury.withdraw`.
    ///
    /// # Errors
    /// `NothingLeaving`, `TooEarly`, `ReentrancyGuardReentrantCall`; what the token refuses.
    ///
    /// # Events
    /// `Unstaked`.
    pub fn withdraw(&mut self, receiver: Address) -> Result<U256> {
        let lock = Lock::take()?;
        let juror = self.vm().msg_sender();
        let (amount, from) = self.take_leaving(juror)?;
        if self.vm().block_timestamp() < from {
            return Err(error!(TooEarly, from));
        }
        let (token, amount) = (self.book.token.get(), U256::from(amount));
        self.book.send(token, receiver, amount)?;
        emit!(self.vm(), Unstaked, [juror, receiver], [amount]);
        lock.release();
        Ok(amount)
    }

    /// Lets a key commit for the caller; `IJury.setKey`.
    ///
    /// # Events
    /// `KeySet`.
    pub fn set_key(&mut self, key: Address) -> Result<()> {
        let juror = self.vm().msg_sender();
        self.book.keys.setter(juror).set(key);
        emit!(self.vm(), KeySet, [juror, key], []);
        Ok(())
    }

    /// Pays out what was credited to the caller; `IJury.withdrawCredit`.
    ///
    /// # Errors
    /// `NothingToWithdraw`, `ReentrancyGuardReentrantCall`; what the token refuses.
    ///
    /// # Events
    /// `CreditWithdrawn`.
    pub fn withdraw_credit(&mut self, asset: Address, receiver: Address) -> Result<U256> {
        let lock = Lock::take()?;
        let account = self.vm().msg_sender();
        let amount = self.book.credits.getter(asset).get(account);
        if amount.is_zero() {
            return Err(error!(NothingToWithdraw, asset, account));
        }
        self.book.credits.setter(asset).setter(account).set(U256::ZERO);
        self.book.send(asset, receiver, amount)?;
        emit!(self.vm(), CreditWithdrawn, [asset, account, receiver], [amount]);
        lock.release();
        Ok(amount)
    }

    // ———————————————————————————————————————————————————————————————————————————————————————————————————— appeals

    /// Appeals a first vote; `IJury.appeal`. What is too large for the stake revealed goes to governance.
    ///
    /// # Errors
    /// `UnknownCase`, `WrongPhase`, `UnexpectedBalance`, `ReentrancyGuardReentrantCall`; what the asset refuses.
    ///
    /// # Events
    /// `CaseAppealed`.
    pub fn appeal(&mut self, id: U256, reason: B256) -> Result<()> {
        let lock = Lock::take()?;
        let head = self.book.head(id)?;
        self.book.require_phase(id, head, Phase::Appeal)?;
        let (first, matter) = (self.book.word(id, head, 0)?, self.book.matter(id));
        // What was awarded, or what was denied.
        let at_stake = if first.voted.is_zero() { matter.amount } else { first.voted };
        let to_owner = at_stake > first.limit;
        let (now, rules) = (self.vm().block_timestamp(), self.book.rules());
        let head = if to_owner {
            head.escalated(now.saturating_add(rules.time(4)))
        } else {
            let committing = now.saturating_add(rules.time(1));
            head.appealed(committing, committing.saturating_add(rules.time(2)))
        };
        self.book.set_head(id, head);
        let appellant = self.vm().msg_sender();
        self.book.set_appellant(id, appellant);
        self.book.pull(matter.asset, appellant, matter.bond)?;
        emit!(self.vm(), CaseAppealed, [id, appellant], [to_owner, matter.bond, reason]);
        lock.release();
        Ok(())
    }

    /// Rules on an escalated case; `IJury.rule`.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount` for anyone but the owner, the set-up key included; `UnknownCase`, `WrongPhase`,
    /// `ParameterOutOfBounds`.
    ///
    /// # Events
    /// `CaseRuled`.
    pub fn rule(&mut self, id: U256, share_bps: u16) -> Result<()> {
        let caller = self.vm().msg_sender();
        if caller != self.book.roles.owner() {
            return Err(error!(OwnableUnauthorizedAccount, caller));
        }
        let head = self.book.head(id)?;
        self.book.require_phase(id, head, Phase::Escalated)?;
        let share = within("shareBps", U256::from(share_bps), (0, BPS))?;
        self.book.set_head(id, head.ruled(share));
        emit!(self.vm(), CaseRuled, [id], [share]);
        Ok(())
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————————————— views

    /// See `IJury`.
    pub fn case_of(&self, id: U256) -> Result<[U256; 13]> {
        let head = self.book.head(id)?;
        let (phase, until) = self.book.phase(id, head);
        let matter = self.book.matter(id);
        Ok([
            U256::from(phase as u8),
            U256::from(head.round()),
            U256::from(until),
            head.simple().word(),
            head.outcome().is_some().word(),
            matter.asset.word(),
            matter.amount,
            matter.bond,
            U256::from(head.since()),
            Book::units(head.quorum(head.round())),
            U256::from(head.penalty_bps()),
            matter.rate,
            self.book.appellant(id).word(),
        ])
    }

    /// See `IJury`.
    pub fn tally_of(&self, id: U256, round: u8) -> Result<[U256; 5]> {
        let head = self.book.head(id)?;
        let round = within("round", U256::from(round), (0, 1))?;
        let tally = self.book.tally(id, round);
        Ok([
            Book::units(tally.committed),
            Book::units(tally.awards),
            Book::units(tally.denies),
            U256::from(self.book.median_bps(id, round)),
            U256::from(tally.outcome(head.quorum(round), head.simple()) as u8),
        ])
    }

    /// See `IJury`.
    pub fn vote_of(&self, id: U256, round: u8, juror: Address) -> Result<(u64, u64, U256)> {
        self.book.head(id)?;
        let vote = self.book.vote(id, within("round", U256::from(round), (0, 1))?, juror);
        Ok((vote.state(), vote.share_bps(), Book::units(vote.weight())))
    }

    /// See `IJury`.
    pub fn weight_of(&self, id: U256, juror: Address) -> Result<U256> {
        let since = self.book.head(id)?.since();
        let word = self.book.juror(juror);
        let least = self.book.least(juror, word, since);
        Ok(Book::units(actuary::jury::weight(least, word.stake(), word.at_risk())?))
    }

    /// See `IJury`.
    pub fn juror_of(&self, juror: Address) -> [U256; 6] {
        let word = self.book.juror(juror);
        let (leaving, from) = self.book.leaving(juror);
        [
            U256::from(word.stake()),
            U256::from(word.at_risk()),
            U256::from(word.open_votes()),
            U256::from(leaving),
            U256::from(from),
            self.book.keys.get(juror).word(),
        ]
    }

    /// See `IJury`.
    pub fn hash_vote(&self, id: U256, juror: Address, choice: u8, share_bps: u16, reason: B256, salt: B256) -> U256 {
        self.book.commitment(id, juror, choice, share_bps, reason, salt).0
    }

    /// See `IJury`.
    pub fn credit_of(&self, asset: Address, account: Address) -> U256 {
        self.book.credits.getter(asset).get(account)
    }

    /// See `IJury`.
    pub fn spare_of(&self, asset: Address) -> U256 {
        self.book.spare.get(asset)
    }

    /// See `IJury`.
    pub fn held_of(&self, asset: Address) -> U256 {
        self.book.held.get(asset)
    }

    /// See `IJury`.
    pub fn cases(&self) -> u64 {
        self.book.rules().cases()
    }

    /// See `IJury`.
    pub fn total_stake(&self) -> u128 {
        self.book.total.latest()
    }

    /// See `IJury`.
    pub fn token(&self) -> Address {
        self.book.token.get()
    }

    /// See `IJury`.
    pub fn extension(&self) -> Address {
        self.book.extension.program()
    }

    /// See `IJury`.
    pub fn assessor(&self) -> Address {
        self.book.assessor.get()
    }

    /// See `IJury`.
    pub fn times(&self) -> [U256; 6] {
        let rules = self.book.rules();
        [0, 1, 2, 3, 4, 5].map(|place| U256::from(rules.time(place)))
    }

    /// See `IJury`.
    pub fn rules(&self) -> (u64, u64) {
        let rules = self.book.rules();
        (rules.quorum_bps(), rules.penalty_bps())
    }

    /// See `IJury`.
    pub fn award_rate_of(&self, asset: Address) -> U256 {
        self.book.rates.get(asset)
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————————————— owner

    /// Sets quorum and penalty of cases to come; `IJury.setRules`.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`, `ParameterOutOfBounds`.
    ///
    /// # Events
    /// `RulesSet`.
    pub fn set_rules(&mut self, quorum_bps: u16, penalty_bps: u16) -> Result<()> {
        self.book.roles.only_owner()?;
        let quorum = within("quorumBps", U256::from(quorum_bps), QUORUM_BOUNDS)?;
        let penalty = within("penaltyBps", U256::from(penalty_bps), PENALTY_BOUNDS)?;
        let rules = self.book.rules().with_parts(quorum, penalty);
        self.book.set_rules(rules);
        emit!(self.vm(), RulesSet, [], [quorum, penalty]);
        Ok(())
    }

    /// Sets how much of an asset is awarded for each PALI revealed, in cases to come; `IJury.setAwardRate`.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`, `ParameterOutOfBounds`, `AddressEmptyCode`.
    ///
    /// # Events
    /// `AwardRateSet`.
    pub fn set_award_rate(&mut self, asset: Address, rate: U256) -> Result<()> {
        self.book.roles.only_owner()?;
        if rate.bit_len() > RATE_BITS {
            return Err(error!(ParameterOutOfBounds, name("rate"), rate));
        }
        require_code(self.vm(), asset)?;
        self.book.rates.setter(asset).set(rate);
        emit!(self.vm(), AwardRateSet, [asset], [rate]);
        Ok(())
    }

    /// Sets who opens cases, once; `IJury.wire`.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`, `AlreadyWired`, `AddressEmptyCode`.
    ///
    /// # Events
    /// `AssessorSet`.
    pub fn wire(&mut self, assessor: Address) -> Result<()> {
        self.book.roles.only_owner()?;
        if !self.book.assessor.get().is_zero() {
            return Err(error!(AlreadyWired));
        }
        require_code(self.vm(), assessor)?;
        self.book.assessor.set(assessor);
        emit!(self.vm(), AssessorSet, [assessor], []);
        Ok(())
    }
}

impl JuryExt {
    /// Adds to a juror's stake; answers with all of it.
    fn add_stake(&mut self, juror: Address, amount: u128) -> Result<U256> {
        let word = self.book.juror(juror);
        let stake = word.stake().checked_add(amount).ok_or(actuary::Overflow)?;
        self.book.set_stake(juror, word, stake)?;
        Ok(U256::from(stake))
    }

    /// Takes what is leaving, and from when on it may be withdrawn.
    fn take_leaving(&mut self, juror: Address) -> Result<(u128, u64)> {
        let (amount, from) = self.book.leaving(juror);
        if amount == 0 {
            return Err(error!(NothingLeaving, juror));
        }
        self.book.set_leaving(juror, 0, 0);
        Ok((amount, from))
    }
}

fn nonzero(amount: U256) -> Result<u128> {
    if amount.is_zero() {
        return Err(error!(ZeroAmount));
    }
    Ok(to_u128(amount)?)
}

/// A value within bounds.
fn within(parameter: &str, value: U256, (least, most): (u64, u64)) -> Result<u64> {
    if value < U256::from(least) || value > U256::from(most) {
        return Err(error!(ParameterOutOfBounds, name(parameter), value));
    }
    Ok(value.as_limbs()[0])
}

fn name(parameter: &str) -> B256 {
    B256::right_padding_from(parameter.as_bytes())
}
