//! The governor's storage, and the rules that both programs need.

use alloc::{vec, vec::Vec};

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::{SolCall, SolEvent};
use protocol::{
    Result, Word,
    abi::{
        IGovernor::{
            GovernorAlreadyCastVote, GovernorInvalidProposalThreshold, GovernorInvalidQuorumFraction,
            GovernorInvalidVoteType, GovernorInvalidVotingDelay, GovernorInvalidVotingPeriod,
            GovernorNonexistentProposal, GovernorPreventLateQuorumVoteExtensionTooLarge,
            GovernorUnexpectedProposalState, LateQuorumVoteExtensionSet, ProposalExtended, ProposalThresholdSet,
            QuorumNumeratorUpdated, TimelockChange, VoteCast, VoteCastWithParams, VotingDelaySet, VotingPeriodSet,
        },
        ITimelock, IVotes,
    },
    call::{ask, require_code},
    emit, error,
    ext::Extension,
};
use standards::{
    abi::log_bytes, checkpoints::Trace, encoder::Encoder, errors::MathOverflow, packed::Packed, permit::Nonces,
};
use stylus_sdk::{
    prelude::*,
    storage::{StorageB256, StorageBool, StorageMap, StorageU256},
    stylus_core::host::{BlockAccess, RawLogAccess},
};

use crate::proposal::{LONGEST_VOTE, Proposal, State};

/// The governor's name, also that of its signatures' domain.
pub const NAME: &str = "Palisade Governor";
/// The version of the governor and of its signatures' domain.
pub const VERSION: &str = "1";
/// The quorum's numerator is in hundredths of the supply.
pub const QUORUM_DENOMINATOR: u64 = 100;
/// The longest voting delay: one year.
pub const LONGEST_DELAY: u64 = 365 * 24 * 60 * 60;
/// The longest voting period, and the longest extension by a late quorum: half of what a proposal's record holds.
pub const LONGEST_PERIOD: u64 = LONGEST_VOTE / 2;

const TOKEN: usize = 0;
const DELAY: (usize, usize) = (160, 32);
const PERIOD: (usize, usize) = (192, 24);
const EXTENSION: (usize, usize) = (216, 24);
const TIMELOCK: usize = 0;
const THRESHOLD: (usize, usize) = (160, 96);
const AGAINST: (usize, usize) = (0, 128);
const FOR: (usize, usize) = (128, 128);

/// How a vote is cast: against, for or abstaining, as CountingSimple counts `support`.
const VOTE_AGAINST: u8 = 0;
const VOTE_FOR: u8 = 1;
const VOTE_ABSTAIN: u8 = 2;

/// The governor's storage.
///
/// ```text
/// settings          |255 0 240|239 extension 216|215 period 192|191 delay 160|159 token 0|
/// control           |255 proposal threshold 160|159 timelock 0|
/// proposals[id]     the record: see [`Proposal`]
/// tallies[id]       |255 for 128|127 against 0|
/// abstentions[id]   votes that abstain
/// receipts[id][a]   whether a has voted
/// operations[id]    the timelock's id of a queued proposal
/// announced[hash]   how many calls of the governor itself with this data the proposal in execution makes
/// quorum            the history of the quorum's numerator
/// ```
#[storage]
pub struct Core {
    settings: StorageU256,
    control: StorageU256,
    proposals: StorageMap<U256, StorageU256>,
    tallies: StorageMap<U256, StorageU256>,
    abstentions: StorageMap<U256, StorageU256>,
    receipts: StorageMap<U256, StorageMap<Address, StorageBool>>,
    pub(crate) operations: StorageMap<U256, StorageB256>,
    pub(crate) announced: StorageMap<B256, StorageU256>,
    quorum: Trace,
    pub(crate) nonces: Nonces,
    pub(crate) extension: Extension,
}

/// The votes of a proposal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Votes against.
    pub against: u128,
    /// Votes for.
    pub support: u128,
    /// Votes that abstain: they count for the quorum only.
    pub abstain: u128,
}

impl Core {
    // —————————————————————————————————————————————————————————————————————————————————————————————— proposals

    /// The record of a proposal; empty where there is none.
    pub(crate) fn proposal(&self, id: U256) -> Proposal {
        Proposal(Packed(self.proposals.get(id)))
    }

    pub(crate) fn set_proposal(&mut self, id: U256, proposal: Proposal) {
        self.proposals.setter(id).set(proposal.0.0);
    }

    /// The state of a proposal, from its record.
    ///
    /// # Errors
    /// `GovernorNonexistentProposal`; what the timelock reverts with.
    #[inline(never)]
    pub(crate) fn state(&self, id: U256, proposal: Proposal) -> Result<State> {
        let now = self.vm().block_timestamp();
        Ok(if proposal.executed() {
            State::Executed
        } else if proposal.canceled() {
            State::Canceled
        } else if !proposal.exists() {
            return Err(error!(GovernorNonexistentProposal, id));
        } else if now <= proposal.start() {
            State::Pending
        } else if now <= proposal.deadline() {
            State::Active
        } else if !proposal.quorum_reached() || !self.succeeded(id) {
            State::Defeated
        } else if proposal.eta() == 0 {
            State::Succeeded
        } else {
            self.queued_state(id)?
        })
    }

    /// Fails unless the proposal is in one of the states of the bitmap `expected`.
    ///
    /// # Errors
    /// `GovernorUnexpectedProposalState`; those of [`state`](Self::state).
    pub(crate) fn require_state(&self, id: U256, proposal: Proposal, expected: u64) -> Result<()> {
        let state = self.state(id, proposal)?;
        if state.bit() & expected == 0 {
            return Err(error!(GovernorUnexpectedProposalState, id, state as u8, expected));
        }
        Ok(())
    }

    /// The votes that a proposal has.
    pub(crate) fn tally(&self, id: U256) -> Tally {
        let tally = Packed(self.tallies.get(id));
        Tally {
            against: tally.u128(AGAINST.0, AGAINST.1),
            support: tally.u128(FOR.0, FOR.1),
            abstain: self.abstentions.get(id).saturating_to(),
        }
    }

    /// Whether `account` voted on the proposal.
    pub(crate) fn has_voted(&self, id: U256, account: Address) -> bool {
        self.receipts.getter(id).get(account)
    }

    fn succeeded(&self, id: U256) -> bool {
        let tally = Packed(self.tallies.get(id));
        tally.u128(FOR.0, FOR.1) > tally.u128(AGAINST.0, AGAINST.1)
    }

    /// What the timelock says of a proposal that was queued: it may have been executed or cancelled there.
    fn queued_state(&self, id: U256) -> Result<State> {
        let operation = self.operations.get(id).word();
        let says = |selector| ask(self.vm(), self.timelock(), selector, &[operation])?.bool(0);
        Ok(if says(ITimelock::isOperationPendingCall::SELECTOR)? {
            State::Queued
        } else if says(ITimelock::isOperationDoneCall::SELECTOR)? {
            State::Executed
        } else {
            State::Canceled
        })
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————————— votes

    /// Casts the votes that `account` had at the snapshot, once and wholly, and answers how many.
    ///
    /// # Errors
    /// `GovernorUnexpectedProposalState` unless the vote runs; `GovernorAlreadyCastVote`; `GovernorInvalidVoteType`.
    ///
    /// # Events
    /// `VoteCast`, or `VoteCastWithParams` where there are `params`; `ProposalExtended` where the vote brings the
    /// quorum so late that the deadline moves.
    #[inline(never)]
    pub(crate) fn cast_vote(
        &mut self,
        id: U256,
        account: Address,
        support: u8,
        reason: &[u8],
        params: &[u8],
    ) -> Result<U256> {
        let proposal = self.proposal(id);
        self.require_state(id, proposal, State::Active.bit())?;
        if self.has_voted(id, account) {
            return Err(error!(GovernorAlreadyCastVote, account));
        }
        let weight = self.votes(account, U256::from(proposal.start()))?;
        self.receipts.setter(id).setter(account).set(true);
        self.count(id, support, weight)?;

        let topics = [VoteCast::SIGNATURE_HASH, account.into_word()];
        let words = [id, U256::from(support), weight];
        if params.is_empty() {
            log_bytes(self.vm(), &topics, &words, reason);
        } else {
            let topics = [VoteCastWithParams::SIGNATURE_HASH, account.into_word()].concat();
            let mut log = Encoder::new(&topics, 5);
            log.word(words[0]).word(words[1]).word(words[2]).bytes(reason).bytes(params);
            self.vm().emit_log(&log.finish(), 2);
        }
        if !proposal.quorum_reached() {
            self.note_quorum(id, proposal)?;
        }
        Ok(weight)
    }

    /// The votes that `account` had at `timepoint`, which must be past.
    pub(crate) fn votes(&self, account: Address, timepoint: U256) -> Result<U256> {
        ask(self.vm(), self.token(), IVotes::getPastVotesCall::SELECTOR, &[account.word(), timepoint])?.word(0)
    }

    /// The votes for and abstaining that a proposal with this snapshot needs:
    /// ⌊supply then · numerator then ÷ 100⌋.
    pub(crate) fn quorum(&self, timepoint: U256) -> Result<U256> {
        Ok(actuary::math::div_down(self.quorum_product(timepoint)?, U256::from(QUORUM_DENOMINATOR))?)
    }

    /// The quorum before its division: supply then · numerator then.
    fn quorum_product(&self, timepoint: U256) -> Result<U256> {
        let supply = ask(self.vm(), self.token(), IVotes::getPastTotalSupplyCall::SELECTOR, &[timepoint])?.word(0)?;
        let product = supply.checked_mul(U256::from(self.quorum_numerator_at(timepoint)));
        product.ok_or_else(|| error!(MathOverflow))
    }

    fn count(&mut self, id: U256, support: u8, weight: U256) -> Result<()> {
        let add = |votes: U256| match u128::try_from(votes.saturating_add(weight)) {
            Ok(sum) => Ok(U256::from(sum)),
            Err(_) => Err(error!(MathOverflow)),
        };
        if support == VOTE_ABSTAIN {
            let mut slot = self.abstentions.setter(id);
            let sum = add(slot.get())?;
            slot.set(sum);
            return Ok(());
        }
        let (offset, bits) = match support {
            VOTE_AGAINST => AGAINST,
            VOTE_FOR => FOR,
            _ => return Err(error!(GovernorInvalidVoteType)),
        };
        let mut slot = self.tallies.setter(id);
        let tally = Packed(slot.get());
        let sum = add(tally.get(offset, bits))?;
        slot.set(tally.with(offset, bits, sum).0);
        Ok(())
    }

    /// Marks the proposal once its quorum is reached, and lets the vote run for the extension from now at least,
    /// so that the others have time to answer who brought it late.
    fn note_quorum(&mut self, id: U256, proposal: Proposal) -> Result<()> {
        let tally = self.tally(id);
        let present = U256::from(tally.support).saturating_add(U256::from(tally.abstain));
        // present ≥ ⌊product ÷ 100⌋, without the division: (present + 1) · 100 > product. Votes are of 128 bits.
        let above = present.saturating_add(U256::ONE).saturating_mul(U256::from(QUORUM_DENOMINATOR));
        if above <= self.quorum_product(U256::from(proposal.start()))? {
            return Ok(());
        }
        let extended = self.vm().block_timestamp() + self.late_quorum_extension();
        let deadline = proposal.deadline().max(extended);
        if deadline > proposal.deadline() {
            emit!(self.vm(), ProposalExtended, [id], [deadline]);
        }
        self.set_proposal(id, proposal.with_quorum(deadline));
        Ok(())
    }

    // ———————————————————————————————————————————————————————————————————————————————————————————— parameters

    pub(crate) fn token(&self) -> Address {
        self.settings().address(TOKEN)
    }

    pub(crate) fn voting_delay(&self) -> u64 {
        self.settings().u64(DELAY.0, DELAY.1)
    }

    pub(crate) fn voting_period(&self) -> u64 {
        self.settings().u64(PERIOD.0, PERIOD.1)
    }

    pub(crate) fn late_quorum_extension(&self) -> u64 {
        self.settings().u64(EXTENSION.0, EXTENSION.1)
    }

    pub(crate) fn timelock(&self) -> Address {
        self.control().address(TIMELOCK)
    }

    pub(crate) fn proposal_threshold(&self) -> U256 {
        self.control().get(THRESHOLD.0, THRESHOLD.1)
    }

    pub(crate) fn quorum_numerator(&self) -> u128 {
        self.quorum.latest()
    }

    pub(crate) fn quorum_numerator_at(&self, timepoint: U256) -> u128 {
        self.quorum.at(timepoint.saturating_to())
    }

    pub(crate) fn set_token(&mut self, token: Address) -> Result<()> {
        require_code(self.vm(), token)?;
        self.settings.set(self.settings().with_address(TOKEN, token).0);
        Ok(())
    }

    /// Sets the voting delay in seconds.
    ///
    /// # Errors
    /// `GovernorInvalidVotingDelay` above [`LONGEST_DELAY`].
    ///
    /// # Events
    /// `VotingDelaySet`.
    pub(crate) fn set_voting_delay(&mut self, new: U256) -> Result<()> {
        if new > U256::from(LONGEST_DELAY) {
            return Err(error!(GovernorInvalidVotingDelay, new));
        }
        emit!(self.vm(), VotingDelaySet, [], [self.voting_delay(), new]);
        self.settings.set(self.settings().with(DELAY.0, DELAY.1, new).0);
        Ok(())
    }

    /// Sets the voting period in seconds.
    ///
    /// # Errors
    /// `GovernorInvalidVotingPeriod` for zero, and above [`LONGEST_PERIOD`].
    ///
    /// # Events
    /// `VotingPeriodSet`.
    pub(crate) fn set_voting_period(&mut self, new: U256) -> Result<()> {
        if new.is_zero() || new > U256::from(LONGEST_PERIOD) {
            return Err(error!(GovernorInvalidVotingPeriod, new));
        }
        emit!(self.vm(), VotingPeriodSet, [], [self.voting_period(), new]);
        self.settings.set(self.settings().with(PERIOD.0, PERIOD.1, new).0);
        Ok(())
    }

    /// Sets for how many seconds a vote runs at least after its quorum was reached.
    ///
    /// # Errors
    /// `GovernorPreventLateQuorumVoteExtensionTooLarge` above the voting period.
    ///
    /// # Events
    /// `LateQuorumVoteExtensionSet`.
    pub(crate) fn set_late_quorum_extension(&mut self, new: U256) -> Result<()> {
        let most = U256::from(self.voting_period());
        if new > most {
            return Err(error!(GovernorPreventLateQuorumVoteExtensionTooLarge, new, most));
        }
        emit!(self.vm(), LateQuorumVoteExtensionSet, [], [self.late_quorum_extension(), new]);
        self.settings.set(self.settings().with(EXTENSION.0, EXTENSION.1, new).0);
        Ok(())
    }

    /// Sets how many votes a proposer must have.
    ///
    /// # Errors
    /// `GovernorInvalidProposalThreshold` above 2⁹⁶ − 1, which no token of the protocol's kind reaches.
    ///
    /// # Events
    /// `ProposalThresholdSet`.
    pub(crate) fn set_proposal_threshold(&mut self, new: U256) -> Result<()> {
        if new.bit_len() > THRESHOLD.1 {
            return Err(error!(GovernorInvalidProposalThreshold, new));
        }
        emit!(self.vm(), ProposalThresholdSet, [], [self.proposal_threshold(), new]);
        self.control.set(self.control().with(THRESHOLD.0, THRESHOLD.1, new).0);
        Ok(())
    }

    /// Sets the quorum, in hundredths of the supply, for proposals whose snapshot is not before now.
    ///
    /// # Errors
    /// `GovernorInvalidQuorumFraction` above 100.
    ///
    /// # Events
    /// `QuorumNumeratorUpdated`.
    pub(crate) fn set_quorum_numerator(&mut self, new: U256) -> Result<()> {
        let denominator = U256::from(QUORUM_DENOMINATOR);
        if new > denominator {
            return Err(error!(GovernorInvalidQuorumFraction, new, denominator));
        }
        let now = self.vm().block_timestamp();
        let old = self.quorum_numerator();
        self.quorum.push(now, new.to())?;
        emit!(self.vm(), QuorumNumeratorUpdated, [], [old, new]);
        Ok(())
    }

    /// Sets the timelock. Proposals that the old one holds count as cancelled.
    ///
    /// # Errors
    /// `AddressEmptyCode`.
    ///
    /// # Events
    /// `TimelockChange`.
    pub(crate) fn set_timelock(&mut self, new: Address) -> Result<()> {
        require_code(self.vm(), new)?;
        emit!(self.vm(), TimelockChange, [], [self.timelock(), new]);
        self.control.set(self.control().with_address(TIMELOCK, new).0);
        Ok(())
    }

    fn settings(&self) -> Packed {
        Packed(self.settings.get())
    }

    fn control(&self) -> Packed {
        Packed(self.control.get())
    }
}

// The settings fit their fields, and the longest vote with the longest extension fits its record.
const _: () = assert!(LONGEST_DELAY < 1 << DELAY.1 && LONGEST_PERIOD < 1 << PERIOD.1 && PERIOD.1 == EXTENSION.1);
const _: () = assert!(2 * LONGEST_PERIOD <= LONGEST_VOTE);
