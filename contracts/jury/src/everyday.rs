//! The first program: what a case takes.

use actuary::{
    jury::{MATERIAL, Outcome, part, penalty, quorum, weight},
    math::{div_down, mul, to_u128},
};
use alloy_primitives::{Address, B256, U256};
use protocol::{
    Result, Word as _,
    abi::{
        IJury::{
            self, AlreadyCommitted, AwardRateNotSet, CaseFinalised, CaseOpened, CommitmentMismatch, InvalidVote,
            NoWeight, NotCommitted, NotFinalised, NotJuror, NothingToSettle, VoteCommitted, VoteRevealed, VoteSettled,
        },
        ParameterOutOfBounds, UnauthorizedCaller,
    },
    call::require_code,
    emit, error, ext,
    guard::Lock,
    routes,
};
use standards::packed::Packed;
use stylus_sdk::{
    ArbResult,
    prelude::*,
    stylus_core::host::{BlockAccess, MessageAccess},
};

use crate::{
    book::{BPS, Book, Matter, Pots, Rules, Verdict},
    docket::{Head, Phase},
    juror::{AWARDS, COMMITTED, DENIES, Vote},
};

const DAY: u64 = 24 * 60 * 60;

/// The longest of each of `IJury.times`; together a case lasts less than 110 days.
const MOST_TIMES: [u64; 6] = [30 * DAY, 14 * DAY, 14 * DAY, 14 * DAY, 60 * DAY, 30 * DAY];
const TIME_NAMES: [&str; 6] = ["window", "committing", "revealing", "appealing", "ruling", "cooldown"];

/// Of a new deployment: 15 % must vote, and one in a hundred is lost.
const DEFAULT_QUORUM_BPS: u64 = 1_500;
const DEFAULT_PENALTY_BPS: u64 = 100;

/// `IJury.Outcome` as a choice: an award.
const AWARD: u64 = Outcome::Award as u64;
/// `IJury.Outcome` as a choice: a denial.
const DENIAL: u64 = Outcome::Denied as u64;

/// The contract's first program; what it does not know it runs in [`JuryExt`](crate::JuryExt).
#[cfg_attr(not(feature = "ext"), entrypoint)]
#[storage]
pub struct Jury {
    book: Book,
}

#[cfg(feature = "ext")]
// SAFETY: the type is what `entrypoint` would make it: the whole storage of a contract, from slot 0.
unsafe impl TopLevelStorage for Jury {}

routes! {
    Jury, constructor(owner, setup, extension, token, times), fallback(fallback);
    IJury::commitCall => commit(id, juror, commitment);
    IJury::revealCall => reveal(id, juror, choice, share_bps, reason, salt);
    IJury::openCall => open(policy, asset, amount, snapshot, simple, fee, bond, reason);
    IJury::verdictCall => verdict(id);
    IJury::finaliseCall => finalise(id);
    IJury::settleCall => settle(id, juror);
}

impl Jury {
    /// The owner is the timelock, `setup` the deployer's key until it finishes the set-up, `extension` the second program,
    /// `token` what jurors stake, `times` those of `IJury.times`, for ever.
    pub fn constructor(
        &mut self,
        owner: Address,
        setup: Address,
        extension: Address,
        token: Address,
        times: [U256; 6],
    ) -> Result<()> {
        self.book.roles.construct(owner, setup)?;
        self.book.extension.construct(extension)?;
        require_code(self.vm(), token)?;
        self.book.token.set(token);
        let mut rules = Packed::default();
        for (place, time) in times.into_iter().enumerate() {
            let most = MOST_TIMES.get(place).copied().unwrap_or_default();
            if time.is_zero() || time > U256::from(most) {
                let name = TIME_NAMES.get(place).copied().unwrap_or_default();
                return Err(error!(ParameterOutOfBounds, B256::right_padding_from(name.as_bytes()), time));
            }
            rules = rules.with(32 * place, 32, time);
        }
        self.book.set_rules(Rules(rules).with_parts(DEFAULT_QUORUM_BPS, DEFAULT_PENALTY_BPS));
        Ok(())
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————————— votes

    /// Commits a juror's vote; `IJury.commit`.
    ///
    /// # Errors
    /// `UnknownCase`, `WrongPhase`, `NotJuror`, `AlreadyCommitted`, `NoWeight`.
    ///
    /// # Events
    /// `VoteCommitted`.
    pub fn commit(&mut self, id: U256, juror: Address, commitment: B256) -> Result<()> {
        let head = self.book.head(id)?;
        if self.vm().block_timestamp() >= head.committing_until() {
            self.book.require_phase(id, head, Phase::Commit)?;
        }
        let caller = self.vm().msg_sender();
        if caller != juror && caller != self.book.keys.get(juror) {
            return Err(error!(NotJuror, caller, juror));
        }
        let round = head.round();
        if self.book.vote(id, round, juror) != Vote::default() {
            return Err(error!(AlreadyCommitted, id, juror));
        }
        let word = self.book.juror(juror);
        let weight = weight(self.book.least(juror, word, head.since()), word.stake(), word.at_risk())?;
        if weight == 0 {
            return Err(error!(NoWeight, id, juror));
        }
        let at_risk = word.at_risk().saturating_add(penalty(weight, head.penalty_bps()));
        self.book.set_juror(juror, word.with_votes(word.open_votes().saturating_add(1), at_risk)?);
        let mut tally = self.book.tally(id, round);
        tally.committed = tally.committed.checked_add(weight).ok_or(actuary::Overflow)?;
        self.book.set_tally(id, round, tally);
        self.book.set_vote(id, round, juror, Vote::committed(weight, Packed(commitment.word())));
        emit!(self.vm(), VoteCommitted, [id, juror], [round, Book::units(weight)]);
        Ok(())
    }

    /// Reveals a vote; `IJury.reveal`.
    ///
    /// # Errors
    /// `UnknownCase`, `WrongPhase`, `NotCommitted`, `CommitmentMismatch`, `InvalidVote`.
    ///
    /// # Events
    /// `VoteRevealed`.
    pub fn reveal(
        &mut self,
        id: U256,
        juror: Address,
        choice: u8,
        share_bps: u16,
        reason: B256,
        salt: B256,
    ) -> Result<()> {
        let head = self.book.head(id)?;
        let now = self.vm().block_timestamp();
        if now < head.committing_until() || now >= head.revealing_until() || head.is_escalated() {
            self.book.require_phase(id, head, Phase::Reveal)?;
        }
        let round = head.round();
        let vote = self.book.vote(id, round, juror);
        if vote.state() != COMMITTED {
            return Err(error!(NotCommitted, id, juror));
        }
        if !vote.opens(self.book.commitment(id, juror, choice, share_bps, reason, salt)) {
            return Err(error!(CommitmentMismatch, id, juror));
        }
        let (choice, share_bps) = (u64::from(choice), u64::from(share_bps));
        let whole = share_bps.is_multiple_of(100) && (100..=BPS).contains(&share_bps);
        let mut tally = self.book.tally(id, round);
        // both are at most what was committed
        let state = match choice {
            AWARD if whole => {
                tally.awards = tally.awards.saturating_add(vote.weight());
                self.book.count_share(id, round, share_bps / 100, vote.weight());
                AWARDS
            }
            DENIAL if share_bps == 0 => {
                tally.denies = tally.denies.saturating_add(vote.weight());
                DENIES
            }
            _ => return Err(error!(InvalidVote, choice, share_bps)),
        };
        self.book.set_tally(id, round, tally);
        self.book.set_vote(id, round, juror, vote.revealed(state, share_bps));
        emit!(self.vm(), VoteRevealed, [id, juror], [round, choice, share_bps, reason]);
        Ok(())
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————————— cases

    /// Opens a case; `IJury.open`. Assessor only.
    ///
    /// # Errors
    /// `UnauthorizedCaller`, `AwardRateNotSet`, `ParameterOutOfBounds` for a snapshot in the future, `UnexpectedBalance`
    /// where the fee was not sent, `MathOverflow` for amounts above 128 bits, `ReentrancyGuardReentrantCall`.
    ///
    /// # Events
    /// `CaseOpened`.
    #[allow(clippy::too_many_arguments)] // the interface's
    pub fn open(
        &mut self,
        policy: U256,
        asset: Address,
        amount: U256,
        snapshot: u64,
        simple: bool,
        fee: U256,
        bond: U256,
        reason: B256,
    ) -> Result<U256> {
        let lock = Lock::take()?;
        let caller = self.vm().msg_sender();
        if caller != self.book.assessor.get() {
            return Err(error!(UnauthorizedCaller, caller));
        }
        let rate = self.book.rates.get(asset);
        if rate.is_zero() {
            return Err(error!(AwardRateNotSet, asset));
        }
        let now = self.vm().block_timestamp();
        if snapshot > now {
            return Err(error!(ParameterOutOfBounds, B256::right_padding_from(b"snapshot"), snapshot));
        }
        let rules = self.book.rules();
        let number = rules.cases().saturating_add(1);
        if number > u64::from(u32::MAX) {
            return Err(actuary::Overflow.into());
        }
        let id = U256::from(number);
        self.book.set_rules(rules.with_cases(number));

        let since = snapshot.saturating_sub(rules.time(0));
        let quorum = quorum(self.book.eligible(since), rules.quorum_bps())?;
        let committing = now.saturating_add(rules.time(1));
        let head = Head::new(simple, since, quorum, rules.penalty_bps());
        self.book.set_head(id, head.with_votes_until(committing, committing.saturating_add(rules.time(2))));
        let bond = U256::from(to_u128(mul(bond, U256::from(2))?)?);
        self.book.set_matter(id, &Matter { asset, rate, amount: U256::from(to_u128(amount)?), bond });
        self.book.set_pots(id, &Pots { fee: to_u128(fee)?, ..Pots::default() });
        self.book.take_in(asset, fee)?;
        let quorum = Book::units(quorum);
        emit!(self.vm(), CaseOpened, [id, policy, asset], [amount, snapshot, simple, fee, quorum, reason]);
        lock.release();
        Ok(id)
    }

    /// Whether a case has ended, how, and what is awarded; `IJury.verdict`.
    ///
    /// # Errors
    /// `UnknownCase`.
    pub fn verdict(&self, id: U256) -> Result<(bool, u8, U256)> {
        let head = self.book.head(id)?;
        if self.book.phase(id, head).0 != Phase::Ended {
            return Ok((false, 0, U256::ZERO));
        }
        let Verdict { outcome, award } = self.book.verdict(id, head)?;
        Ok((true, outcome as u8, award))
    }

    /// Fixes the verdict of a case that has ended, and what its jurors share; `IJury.finalise`. Does nothing where it is
    /// fixed.
    ///
    /// # Errors
    /// `UnknownCase`, `WrongPhase`.
    ///
    /// # Events
    /// `CaseFinalised`.
    pub fn finalise(&mut self, id: U256) -> Result<(u8, U256)> {
        let head = self.book.head(id)?;
        self.book.require_phase(id, head, Phase::Ended)?;
        let verdict = self.book.verdict(id, head)?;
        let outcome = verdict.outcome;
        if head.outcome().is_some() {
            return Ok((outcome as u8, verdict.award));
        }
        let (asset, token) = (self.book.matter(id).asset, self.book.token.get());
        let (mut right, mut wrong) = (0u128, 0u128);
        for round in 0..=head.round() {
            let sides = self.book.tally(id, round).sides(outcome);
            // sums of two numbers of 64 bits
            right = right.saturating_add(u128::from(sides.0));
            wrong = wrong.saturating_add(u128::from(penalty(sides.1, head.penalty_bps())));
        }
        let forfeited = self.end_appeal(id, head, &verdict)?;
        let mut pots = self.book.pots(id);
        let sums = [(pots.fee, forfeited, asset), (0, wrong, token)];
        let mut shared = [0; 2];
        for (sum, (a, b, of)) in shared.iter_mut().zip(sums) {
            let spare = self.book.take_spare(of)?;
            *sum = a.checked_add(b).and_then(|sum| sum.checked_add(spare)).ok_or(actuary::Overflow)?;
        }
        if right == 0 {
            self.book.add_spare(asset, shared[0])?;
            self.book.add_spare(token, shared[1])?;
            shared = [0; 2];
        }
        [pots.fee, pots.penalties] = shared;
        pots.weight = right;
        pots.award = to_u128(verdict.award)?;
        self.book.set_pots(id, &pots);
        self.book.set_head(id, head.finalised(outcome));
        emit!(self.vm(), CaseFinalised, [id], [outcome as u8, verdict.award, pots.penalties, pots.fee]);
        Ok((outcome as u8, verdict.award))
    }

    /// Settles a juror's votes in a case; `IJury.settle`.
    ///
    /// # Errors
    /// `UnknownCase`, `NotFinalised`, `NothingToSettle`.
    ///
    /// # Events
    /// `VoteSettled`.
    pub fn settle(&mut self, id: U256, juror: Address) -> Result<(U256, U256, U256)> {
        let head = self.book.head(id)?;
        let outcome = head.outcome().ok_or_else(|| error!(NotFinalised, id))?;
        let (mut votes, mut right, mut lost, mut released) = (0u64, 0u128, 0u128, 0u128);
        for round in 0..=head.round() {
            let vote = self.book.vote(id, round, juror);
            if vote == Vote::default() {
                continue;
            }
            let cost = penalty(vote.weight(), head.penalty_bps());
            // two votes of 64 bits at most
            votes = votes.saturating_add(1);
            released = released.saturating_add(cost);
            let was_right = match outcome {
                Outcome::Draw => vote.state() != COMMITTED,
                Outcome::Award => vote.state() == AWARDS,
                Outcome::Denied => vote.state() == DENIES,
            };
            if was_right {
                right = right.saturating_add(u128::from(vote.weight()));
            } else {
                lost = lost.saturating_add(cost);
            }
            self.book.set_vote(id, round, juror, Vote::default());
        }
        if votes == 0 {
            return Err(error!(NothingToSettle, id, juror));
        }
        let word = self.book.juror(juror);
        let minus = |a: u128, b: u128| a.checked_sub(b).ok_or(actuary::Overflow);
        let open = word.open_votes().saturating_sub(votes);
        let word = word.with_votes(open, minus(word.at_risk(), released)?)?;
        if lost == 0 {
            self.book.set_juror(juror, word);
        } else {
            self.book.set_stake(juror, word, minus(word.stake(), lost)?)?;
        }
        let (reward, fee) = if right > 0 { self.share(id, juror, right)? } else { (0, 0) };
        let [lost, reward, fee] = [lost, reward, fee].map(U256::from);
        emit!(self.vm(), VoteSettled, [id, juror], [lost, reward, fee]);
        Ok((lost, reward, fee))
    }

    /// Runs the second program.
    fn fallback(&mut self, calldata: &[u8]) -> ArbResult {
        ext::delegate(self.vm(), self.book.extension.program(), calldata)
    }
}

impl Jury {
    /// Credits a juror with his part of what is shared, for a weight that was right.
    fn share(&mut self, id: U256, juror: Address, right: u128) -> Result<(u128, u128)> {
        let (asset, token) = (self.book.matter(id).asset, self.book.token.get());
        let mut pots = self.book.pots(id);
        let (reward, fee) = (part(pots.penalties, right, pots.weight)?, part(pots.fee, right, pots.weight)?);
        // parts of it
        pots.penalties = pots.penalties.saturating_sub(reward);
        pots.fee = pots.fee.saturating_sub(fee);
        pots.weight = pots.weight.saturating_sub(right);
        self.book.set_pots(id, &pots);
        self.book.credit(token, juror, reward)?;
        self.book.credit(asset, juror, fee)?;
        Ok((reward, fee))
    }

    /// Gives an appeal's bond back where it changed something or governance was silent; answers with what is forfeited.
    fn end_appeal(&mut self, id: U256, head: Head, verdict: &Verdict) -> Result<u128> {
        if !head.is_appealed() {
            return Ok(0);
        }
        let Matter { asset, amount, bond, .. } = self.book.matter(id);
        let bond = to_u128(bond)?;
        let first = Verdict::from(self.book.word(id, head, 0)?);
        let moved = first.award.abs_diff(verdict.award);
        let changed =
            first.outcome != verdict.outcome || !moved.is_zero() && moved >= div_down(amount, U256::from(MATERIAL))?;
        if changed || head.is_escalated() && head.ruling().is_none() {
            let appellant = self.book.appellant(id);
            self.book.credit(asset, appellant, bond)?;
            return Ok(0);
        }
        Ok(bond)
    }
}
