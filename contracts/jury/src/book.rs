//! The storage that both programs of the contract work on, and what both do with it.

use actuary::{
    jury::{GRAIN, Outcome, SHARES, Tally, Tenure, award_limit, median},
    math::{add, mul_div_down, to_u128},
};
use alloy_primitives::{Address, B256, U256};
use protocol::{
    Result, Word as _,
    abi::IJury::{UnexpectedBalance, UnknownCase, WrongPhase},
    call::token,
    error,
    ext::Extension,
    roles::Roles,
};
use standards::{abi::encode_call, checkpoints::Trace, packed::Packed};
use stylus_sdk::{
    prelude::*,
    storage::{StorageAddress, StorageMap, StorageU256},
    stylus_core::host::{AccountAccess, BlockAccess, CryptographyAccess},
};

use crate::{
    docket::{Head, Phase},
    juror::{Juror, Vote, entry},
};

/// Basis points of one.
pub const BPS: u64 = 10_000;

/// Weights in one word of a round's shares.
const PER_WORD: usize = 4;

/// Everything that the contract stores.
#[storage]
pub struct Book {
    /// Owner, set-up key, guardian.
    pub roles: Roles,
    /// The second program.
    pub extension: Extension,
    /// What jurors stake.
    pub token: StorageAddress,
    /// Who opens cases.
    pub assessor: StorageAddress,
    rules: StorageU256,
    /// All that is staked.
    pub total: Trace,
    /// asset → most that is awarded for each 1e18 units revealed; 96 bits.
    pub rates: StorageMap<Address, StorageU256>,
    /// juror → who may commit for him.
    pub keys: StorageMap<Address, StorageAddress>,
    jurors: StorageMap<Address, JurorWords>,
    cases: StorageMap<U256, CaseWords>,
    /// 2 · case + round → its votes.
    rounds: StorageMap<U256, RoundWords>,
    /// asset → all that is accounted for.
    pub held: StorageMap<Address, StorageU256>,
    /// asset → what no juror had a right to.
    pub spare: StorageMap<Address, StorageU256>,
    /// asset → account → what it may withdraw.
    pub credits: StorageMap<Address, StorageMap<Address, StorageU256>>,
}

/// A juror's [`Juror`] word, the older entries of his tenure two in a word, and what is leaving:
/// `|135 from 96|95 amount 0|`.
#[storage]
struct JurorWords {
    word: StorageU256,
    older: StorageMap<U256, StorageU256>,
    leaving: StorageU256,
}

/// A case.
///
/// ```text
/// head     see docket::Head
/// asset    |255 award rate 160|159 asset 0|
/// amount   |255 bond of an appeal 128|127 amount 0|
/// fee      |255 award, once finalised 128|127 fee that is left 0|
/// pot      |223 weight that is left 128|127 penalties that are left 0|
/// appellant
/// ```
#[storage]
struct CaseWords {
    head: StorageU256,
    asset: StorageU256,
    amount: StorageU256,
    fee: StorageU256,
    pot: StorageU256,
    appellant: StorageAddress,
}

/// A round's votes: `|191 denies 128|127 awards 64|63 committed 0|`, the weight behind each percent four in a word, and
/// each juror's [`Vote`].
#[storage]
struct RoundWords {
    tally: StorageU256,
    shares: StorageMap<U256, StorageU256>,
    votes: StorageMap<Address, StorageU256>,
}

/// What is set for cases to come and for ever.
///
/// ```text
/// |255 cases 224|223 penalty 208|207 quorum 192|191 cooldown 160|159 ruling|127 appealing|95 revealing|63 committing|31 window 0|
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules(pub Packed);

impl Rules {
    /// The time of this place: 0 window, 1 committing, 2 revealing, 3 appealing, 4 ruling, 5 cooldown.
    #[must_use]
    pub fn time(self, place: usize) -> u64 {
        self.0.u64(32 * place, 32)
    }

    /// The part of the stake that a first vote takes.
    #[must_use]
    pub fn quorum_bps(self) -> u64 {
        self.0.u64(192, 16)
    }

    /// The part of a weight that a wrong or missing vote loses.
    #[must_use]
    pub fn penalty_bps(self) -> u64 {
        self.0.u64(208, 16)
    }

    /// How many cases there are.
    #[must_use]
    pub fn cases(self) -> u64 {
        self.0.u64(224, 32)
    }

    /// With these parts.
    #[must_use]
    pub fn with_parts(self, quorum_bps: u64, penalty_bps: u64) -> Self {
        Self(self.0.with_u64(192, 16, quorum_bps).with_u64(208, 16, penalty_bps))
    }

    /// With so many cases.
    #[must_use]
    pub fn with_cases(self, cases: u64) -> Self {
        Self(self.0.with_u64(224, 32, cases))
    }
}

/// What a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matter {
    /// In what it is.
    pub asset: Address,
    /// Most awarded for each 1e18 units revealed.
    pub rate: U256,
    /// The most that can be awarded.
    pub amount: U256,
    /// What an appeal costs.
    pub bond: U256,
}

/// What there is to share in a case once its verdict is fixed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pots {
    /// What was awarded.
    pub award: u128,
    /// Of the fee, in the asset.
    pub fee: u128,
    /// Of the penalties.
    pub penalties: u128,
    /// The weight of those who were right and are not settled, in grains.
    pub weight: u128,
}

/// How a vote ended, and what it awards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// How.
    pub outcome: Outcome,
    /// What was voted.
    pub voted: U256,
    /// The most that those who revealed may award.
    pub limit: U256,
}

impl Word {
    /// What is awarded.
    #[must_use]
    pub fn award(&self) -> U256 {
        self.voted.min(self.limit)
    }
}

/// A verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// How it ended.
    pub outcome: Outcome,
    /// What is awarded.
    pub award: U256,
}

impl From<Word> for Verdict {
    fn from(word: Word) -> Self {
        Self { outcome: word.outcome, award: word.award() }
    }
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————————————— cases

impl Book {
    /// Times, parts, and the number of cases.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules(Packed(self.rules.get()))
    }

    /// Sets them.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules.set(rules.0.0);
    }

    /// A case's first word.
    ///
    /// # Errors
    /// `UnknownCase`.
    pub fn head(&self, id: U256) -> Result<Head> {
        let head = Head(Packed(self.cases.getter(id).head.get()));
        if !head.exists() {
            return Err(error!(UnknownCase, id));
        }
        Ok(head)
    }

    /// Sets it.
    pub fn set_head(&mut self, id: U256, head: Head) {
        self.cases.setter(id).head.set(head.0.0);
    }

    /// What a case is about.
    #[must_use]
    pub fn matter(&self, id: U256) -> Matter {
        let case = self.cases.getter(id);
        let (asset, amount) = (Packed(case.asset.get()), Packed(case.amount.get()));
        Matter {
            asset: asset.address(0),
            rate: asset.get(160, 96),
            amount: amount.get(0, 128),
            bond: amount.get(128, 128),
        }
    }

    /// Writes what a case is about; the amounts are checked to have 128 bits, the rate 96.
    pub fn set_matter(&mut self, id: U256, matter: &Matter) {
        let mut case = self.cases.setter(id);
        case.asset.set(Packed::default().with_address(0, matter.asset).with(160, 96, matter.rate).0);
        case.amount.set(Packed::default().with(0, 128, matter.amount).with(128, 128, matter.bond).0);
    }

    /// What there is to share.
    #[must_use]
    pub fn pots(&self, id: U256) -> Pots {
        let case = self.cases.getter(id);
        let (fee, pot) = (Packed(case.fee.get()), Packed(case.pot.get()));
        Pots {
            award: fee.u128(128, 128),
            fee: fee.u128(0, 128),
            penalties: pot.u128(0, 128),
            weight: pot.u128(128, 96),
        }
    }

    /// Sets it.
    pub fn set_pots(&mut self, id: U256, pots: &Pots) {
        let mut case = self.cases.setter(id);
        case.fee.set(Packed::default().with_u128(0, 128, pots.fee).with_u128(128, 128, pots.award).0);
        case.pot.set(Packed::default().with_u128(0, 128, pots.penalties).with_u128(128, 96, pots.weight).0);
    }

    /// Who appealed.
    #[must_use]
    pub fn appellant(&self, id: U256) -> Address {
        self.cases.getter(id).appellant.get()
    }

    /// Sets who appealed.
    pub fn set_appellant(&mut self, id: U256, appellant: Address) {
        self.cases.setter(id).appellant.set(appellant);
    }

    /// A round's votes.
    #[must_use]
    pub fn tally(&self, id: U256, round: u64) -> Tally {
        let word = Packed(self.rounds.getter(round_key(id, round)).tally.get());
        Tally { committed: word.u64(0, 64), awards: word.u64(64, 64), denies: word.u64(128, 64) }
    }

    /// Sets them.
    pub fn set_tally(&mut self, id: U256, round: u64, tally: Tally) {
        let word = Packed::default().with_u64(0, 64, tally.committed);
        let word = word.with_u64(64, 64, tally.awards).with_u64(128, 64, tally.denies);
        self.rounds.setter(round_key(id, round)).tally.set(word.0);
    }

    /// A juror's vote in a round.
    #[must_use]
    pub fn vote(&self, id: U256, round: u64, juror: Address) -> Vote {
        Vote(Packed(self.rounds.getter(round_key(id, round)).votes.get(juror)))
    }

    /// Sets it.
    pub fn set_vote(&mut self, id: U256, round: u64, juror: Address, vote: Vote) {
        self.rounds.setter(round_key(id, round)).votes.setter(juror).set(vote.0.0);
    }

    /// Counts a weight for a share of so many percent.
    pub fn count_share(&mut self, id: U256, round: u64, percent: u64, weight: u64) {
        let place = percent.saturating_sub(1) as usize;
        let (index, offset) = (U256::from(place / PER_WORD), 64 * (place % PER_WORD));
        let mut round = self.rounds.setter(round_key(id, round));
        let mut slot = round.shares.setter(index);
        let word = Packed(slot.get());
        // all weights together have 64 bits
        slot.set(word.with_u64(offset, 64, word.u64(offset, 64).saturating_add(weight)).0);
    }

    /// The median share of a round's awards, basis points.
    #[must_use]
    pub fn median_bps(&self, id: U256, round: u64) -> u64 {
        let mut weights = [0; SHARES];
        let round = self.rounds.getter(round_key(id, round));
        for (index, chunk) in weights.chunks_exact_mut(PER_WORD).enumerate() {
            let word = round.shares.get(U256::from(index));
            chunk.copy_from_slice(word.as_limbs());
        }
        100 * median(&weights) as u64
    }

    /// How a round's vote ended.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn word(&self, id: U256, head: Head, round: u64) -> Result<Word> {
        let tally = self.tally(id, round);
        let outcome = tally.outcome(head.quorum(round), head.simple());
        if outcome == Outcome::Draw {
            return Ok(Word::default());
        }
        let matter = self.matter(id);
        let limit = award_limit(tally.revealed(), matter.rate)?;
        let share = if outcome == Outcome::Award { self.median_bps(id, round) } else { 0 };
        Ok(Word { outcome, voted: share_of(matter.amount, share)?, limit })
    }

    /// Where a case is now, and until when.
    #[must_use]
    pub fn phase(&self, id: U256, head: Head) -> (Phase, u64) {
        let first = || self.tally(id, 0).outcome(head.quorum(0), head.simple());
        head.phase(self.vm().block_timestamp(), self.rules().time(3), first)
    }

    /// Fails where a case is not at this phase.
    ///
    /// # Errors
    /// `WrongPhase`.
    pub fn require_phase(&self, id: U256, head: Head, phase: Phase) -> Result<()> {
        let (is, _) = self.phase(id, head);
        if is != phase {
            return Err(error!(WrongPhase, id, is as u64));
        }
        Ok(())
    }

    /// The verdict of a case that has ended: the appeal's, or the first vote's where there was none or it decided nothing.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn verdict(&self, id: U256, head: Head) -> Result<Verdict> {
        if let Some(outcome) = head.outcome() {
            return Ok(Verdict { outcome, award: U256::from(self.pots(id).award) });
        }
        if let Some(share) = head.ruling() {
            let outcome = if share == 0 { Outcome::Denied } else { Outcome::Award };
            return Ok(Verdict { outcome, award: share_of(self.matter(id).amount, share)? });
        }
        if head.round() == 1 {
            let word = self.word(id, head, 1)?;
            if word.outcome != Outcome::Draw {
                return Ok(word.into());
            }
        }
        Ok(self.word(id, head, 0)?.into())
    }
}

/// A share of an amount, rounded down.
///
/// # Errors
/// `MathOverflow`.
fn share_of(amount: U256, share_bps: u64) -> Result<U256> {
    Ok(mul_div_down(amount, U256::from(share_bps), U256::from(BPS))?)
}

fn round_key(id: U256, round: u64) -> U256 {
    // Ids are counted; one that does not exist is refused before.
    id.wrapping_shl(1) | U256::from(round)
}

// —————————————————————————————————————————————————————————————————————————————————————————————————————————— jurors

impl Book {
    /// A juror's word.
    #[must_use]
    pub fn juror(&self, juror: Address) -> Juror {
        Juror(Packed(self.jurors.getter(juror).word.get()))
    }

    /// Sets it, but not his stake.
    pub fn set_juror(&mut self, juror: Address, word: Juror) {
        self.jurors.setter(juror).word.set(word.0.0);
    }

    /// How long how much of a juror's stake has been there.
    #[must_use]
    pub fn tenure(&self, juror: Address, word: Juror) -> Tenure {
        let words = self.jurors.getter(juror);
        let entries = (0..word.older()).map(|index| entry(Packed(words.older.get(U256::from(index / 2))), index % 2));
        let newest = (word.stake() > 0).then(|| word.newest());
        Tenure::of(entries.chain(newest))
    }

    /// The least stake of a juror since a time. Reads one word where the stake has been there for so long.
    #[must_use]
    pub fn least(&self, juror: Address, word: Juror, since: u64) -> u128 {
        if word.newest().time <= since {
            return word.stake();
        }
        self.tenure(juror, word).least(since)
    }

    /// Sets a juror's stake, and his word as it is otherwise; counts the difference in the total.
    ///
    /// # Errors
    /// `SafeCastOverflowedUintDowncast`, `MathOverflow`.
    pub fn set_stake(&mut self, juror: Address, word: Juror, stake: u128) -> Result<()> {
        let now = self.vm().block_timestamp();
        let total = self.total.latest();
        let others = total.checked_sub(word.stake()).ok_or(actuary::Overflow)?;
        self.total.push(now, others.checked_add(stake).ok_or(actuary::Overflow)?)?;
        let mut tenure = self.tenure(juror, word);
        tenure.set(now, stake);
        let (word, older) = word.with_tenure(&tenure);
        let mut words = self.jurors.setter(juror);
        words.word.set(word.0.0);
        for (index, packed) in older.iter().enumerate().take(word.older().div_ceil(2)) {
            words.older.setter(U256::from(index)).set(packed.0);
        }
        Ok(())
    }

    /// What is leaving, and from when on it may be withdrawn.
    #[must_use]
    pub fn leaving(&self, juror: Address) -> (u128, u64) {
        let word = Packed(self.jurors.getter(juror).leaving.get());
        (word.u128(0, 96), word.u64(96, 40))
    }

    /// Sets it.
    pub fn set_leaving(&mut self, juror: Address, amount: u128, from: u64) {
        let word = Packed::default().with_u128(0, 96, amount).with_u64(96, 40, from);
        self.jurors.setter(juror).leaving.set(word.0);
    }

    /// What is hashed to a commitment: case, juror, choice, share, reason and salt, a word each.
    #[must_use]
    pub fn commitment(&self, id: U256, juror: Address, choice: u8, share_bps: u16, reason: B256, salt: B256) -> Packed {
        let words = [id, juror.word(), choice.word(), share_bps.word(), reason.word(), salt.word()];
        let hash = self.vm().native_keccak256(&encode_call([0; 4], &words)[4..]);
        Packed(hash.word())
    }

    /// Grains in units of the token.
    #[must_use]
    pub fn units(grains: u64) -> U256 {
        U256::from(u128::from(grains) * GRAIN) // 64 bits and 34
    }

    /// What can be revealed at most in a case whose window begins at a time, in grains: what was staked then, at most
    /// what is staked now. No weight counts more, and nothing staked or unstaked meanwhile makes it more.
    #[must_use]
    pub fn eligible(&self, since: u64) -> u64 {
        let least = self.total.at(since).min(self.total.latest());
        (least / GRAIN) as u64 // 95 bits less 33
    }
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————————————— money

impl Book {
    /// Takes an amount from an account; all of it must arrive.
    ///
    /// # Errors
    /// `UnexpectedBalance`, `MathOverflow`; what the token refuses.
    pub fn pull(&mut self, asset: Address, from: Address, amount: U256) -> Result<()> {
        if amount.is_zero() {
            return Ok(());
        }
        let held = add(self.held.get(asset), amount)?;
        self.held.setter(asset).set(held);
        let me = self.vm().contract_address();
        let expected = add(token::balance_of(self.vm(), asset, me)?, amount)?;
        token::transfer_from(self.vm(), asset, from, me, amount)?;
        let actual = token::balance_of(self.vm(), asset, me)?;
        if actual != expected {
            return Err(error!(UnexpectedBalance, expected, actual));
        }
        Ok(())
    }

    /// Counts what was sent here before.
    ///
    /// # Errors
    /// `UnexpectedBalance` where it was not; `MathOverflow`.
    pub fn take_in(&mut self, asset: Address, amount: U256) -> Result<()> {
        if amount.is_zero() {
            return Ok(());
        }
        let held = add(self.held.get(asset), amount)?;
        let balance = token::balance_of(self.vm(), asset, self.vm().contract_address())?;
        if balance < held {
            return Err(error!(UnexpectedBalance, held, balance));
        }
        self.held.setter(asset).set(held);
        Ok(())
    }

    /// Sends an amount that nothing counts any more.
    ///
    /// # Errors
    /// `MathOverflow`; what the token refuses.
    pub fn send(&mut self, asset: Address, to: Address, amount: U256) -> Result<()> {
        let held = actuary::math::sub(self.held.get(asset), amount)?;
        self.held.setter(asset).set(held);
        token::transfer(self.vm(), asset, to, amount)
    }

    /// Credits an account.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn credit(&mut self, asset: Address, account: Address, amount: u128) -> Result<()> {
        if amount == 0 {
            return Ok(());
        }
        let mut accounts = self.credits.setter(asset);
        let mut credit = accounts.setter(account);
        let sum = add(credit.get(), U256::from(amount))?;
        credit.set(sum);
        Ok(())
    }

    /// Adds what no juror has a right to.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn add_spare(&mut self, asset: Address, amount: u128) -> Result<()> {
        let sum = add(self.spare.get(asset), U256::from(amount))?;
        self.spare.setter(asset).set(sum);
        Ok(())
    }

    /// Takes all of it.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn take_spare(&mut self, asset: Address) -> Result<u128> {
        let spare = to_u128(self.spare.get(asset))?;
        if spare > 0 {
            self.spare.setter(asset).set(U256::ZERO);
        }
        Ok(spare)
    }
}
