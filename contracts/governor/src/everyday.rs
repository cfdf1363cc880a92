//! The first program: a proposal's life.

use alloc::{string::String, vec, vec::Vec};

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::{SolCall, SolEvent};
use protocol::{
    Result, Word,
    abi::{
        IGovernor::{
            GovernorInsufficientProposerVotes, GovernorRestrictedProposer, GovernorUnableToCancel,
            GovernorUnexpectedProposalState, ProposalCanceled, ProposalCreated, ProposalExecuted, ProposalQueued,
        },
        ITimelock,
    },
    call::{ask, tell_raw, tell_value},
    emit, error, ext,
    guard::Lock,
};
use standards::{encoder::Encoder, errors::MathOverflow};
use stylus_sdk::{
    abi::Bytes,
    prelude::*,
    stylus_core::host::{AccountAccess, BlockAccess, MessageAccess, RawLogAccess},
};

use crate::{
    actions::Actions,
    core::Core,
    description,
    proposal::{LAST_TIME, Proposal, State},
};

/// The contract's first program; what it does not know it runs in [`GovernorExt`](crate::GovernorExt).
#[cfg_attr(not(feature = "ext"), entrypoint)]
#[storage]
pub struct Governor {
    core: Core,
}

#[cfg(feature = "ext")]
// SAFETY: the type is what `entrypoint` would make it: the whole storage of a contract, from slot 0.
unsafe impl TopLevelStorage for Governor {}

// The lifetime keeps the SDK from comparing every two selectors at compile time, which takes minutes. That they
// differ is a test.
#[public]
#[allow(clippy::extra_unused_lifetimes)]
impl<'a> Governor {
    /// The votes' token, the timelock, the second program, and the parameters: voting delay and period in seconds,
    /// the votes that a proposer needs, the quorum in hundredths of the supply, and for how long a vote runs at least
    /// after its quorum.
    #[constructor]
    #[allow(clippy::too_many_arguments)]
    pub fn constructor(
        &mut self,
        token: Address,
        timelock: Address,
        extension: Address,
        voting_delay: U256,
        voting_period: U256,
        proposal_threshold: U256,
        quorum_numerator: U256,
        late_quorum_extension: U256,
    ) -> Result<()> {
        self.core.set_token(token)?;
        self.core.set_timelock(timelock)?;
        self.core.extension.construct(extension)?;
        self.core.set_voting_delay(voting_delay)?;
        self.core.set_voting_period(voting_period)?;
        self.core.set_proposal_threshold(proposal_threshold)?;
        self.core.set_quorum_numerator(quorum_numerator)?;
        self.core.set_late_quorum_extension(late_quorum_extension)
    }

    /// Everything else is in the second program.
    #[fallback]
    #[payable]
    pub fn fallback(&mut self, calldata: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
        ext::delegate(self.vm(), self.core.extension.program(), calldata)
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————— proposals

    /// Proposes actions; the caller needs the threshold's votes a second ago. Answers the proposal's id.
    pub fn propose(
        &mut self,
        targets: Vec<Address>,
        values: Vec<U256>,
        calldatas: Vec<Bytes>,
        description: String,
    ) -> Result<U256> {
        let now = self.vm().block_timestamp();
        let proposer = self.vm().msg_sender();
        let description = description.as_bytes();
        if !description::belongs_to(description, proposer) {
            return Err(error!(GovernorRestrictedProposer, proposer));
        }
        let threshold = self.core.proposal_threshold();
        if !threshold.is_zero() {
            let votes = self.core.votes(proposer, U256::from(now.saturating_sub(1)))?;
            if votes < threshold {
                return Err(error!(GovernorInsufficientProposerVotes, proposer, votes, threshold));
            }
        }
        let actions = Actions { targets, values, calldatas };
        actions.check()?;
        let id = actions.proposal_id(keccak256(description));
        let existing = self.core.proposal(id);
        if existing.exists() {
            let state = self.core.state(id, existing)?;
            return Err(error!(GovernorUnexpectedProposalState, id, state as u8, U256::ZERO));
        }
        let start = now + self.core.voting_delay();
        let proposal = Proposal::new(proposer, start, self.core.voting_period());
        self.core.set_proposal(id, proposal);

        let mut log = Encoder::new(ProposalCreated::SIGNATURE_HASH.as_slice(), 9);
        log.word(id)
            .word(proposer.word())
            .addresses(&actions.targets)
            .words(&actions.values)
            .empty_strings(actions.targets.len())
            .payloads(&actions.calldatas)
            .word(U256::from(start))
            .word(U256::from(proposal.deadline()))
            .bytes(description);
        self.vm().emit_log(&log.finish(), 1);
        Ok(id)
    }

    /// Hands a proposal that won to the timelock. Anyone may call it.
    pub fn queue(
        &mut self,
        targets: Vec<Address>,
        values: Vec<U256>,
        calldatas: Vec<Bytes>,
        description_hash: B256,
    ) -> Result<U256> {
        let lock = Lock::take()?;
        let actions = Actions { targets, values, calldatas };
        let id = actions.proposal_id(description_hash);
        let proposal = self.core.proposal(id);
        self.core.require_state(id, proposal, State::Succeeded.bit())?;

        let timelock = self.core.timelock();
        let delay = ask(self.vm(), timelock, ITimelock::getMinDelayCall::SELECTOR, &[])?.word(0)?;
        let eta = U256::from(self.vm().block_timestamp()).saturating_add(delay);
        if eta > U256::from(LAST_TIME) {
            return Err(error!(MathOverflow));
        }
        let salt = self.salt(description_hash);
        self.core.operations.setter(id).set(actions.operation_id(salt));
        self.core.set_proposal(id, proposal.with_eta(eta.to()));
        let words = [U256::ZERO, salt.word(), delay];
        tell_raw(self.vm(), timelock, &actions.encode(&ITimelock::scheduleBatchCall::SELECTOR, &words))?;
        emit!(self.vm(), ProposalQueued, [], [id, eta]);
        lock.release();
        Ok(id)
    }

    /// Lets the timelock make the proposal's calls, all or none. Anyone may call it once the delay is over.
    #[payable]
    pub fn execute(
        &mut self,
        targets: Vec<Address>,
        values: Vec<U256>,
        calldatas: Vec<Bytes>,
        description_hash: B256,
    ) -> Result<U256> {
        let lock = Lock::take()?;
        let actions = Actions { targets, values, calldatas };
        let id = actions.proposal_id(description_hash);
        let proposal = self.core.proposal(id);
        self.core.require_state(id, proposal, State::Queued.bit())?;
        self.core.set_proposal(id, proposal.with_executed());
        self.core.operations.setter(id).set(B256::ZERO);

        // What the timelock may ask of the governor itself meanwhile is what the proposal says.
        let own = self.announce(&actions);
        let words = [U256::ZERO, self.salt(description_hash).word()];
        let data = actions.encode(&ITimelock::executeBatchCall::SELECTOR, &words);
        tell_value(self.vm(), self.core.timelock(), self.vm().msg_value(), &data)?;
        for hash in own {
            self.core.announced.setter(hash).set(U256::ZERO);
        }
        emit!(self.vm(), ProposalExecuted, [], [id]);
        lock.release();
        Ok(id)
    }

    /// The proposer takes the proposal back, before the vote begins.
    pub fn cancel(
        &mut self,
        targets: Vec<Address>,
        values: Vec<U256>,
        calldatas: Vec<Bytes>,
        description_hash: B256,
    ) -> Result<U256> {
        let caller = self.vm().msg_sender();
        let id = Actions { targets, values, calldatas }.proposal_id(description_hash);
        let proposal = self.core.proposal(id);
        if self.core.state(id, proposal)? != State::Pending || caller != proposal.proposer() {
            return Err(error!(GovernorUnableToCancel, id, caller));
        }
        self.core.set_proposal(id, proposal.with_canceled());
        emit!(self.vm(), ProposalCanceled, [], [id]);
        Ok(id)
    }

    /// The id of a proposal.
    pub fn hash_proposal(
        &self,
        targets: Vec<Address>,
        values: Vec<U256>,
        calldatas: Vec<Bytes>,
        description_hash: B256,
    ) -> U256 {
        Actions { targets, values, calldatas }.proposal_id(description_hash)
    }

    /// The id of a proposal.
    pub fn get_proposal_id(
        &self,
        targets: Vec<Address>,
        values: Vec<U256>,
        calldatas: Vec<Bytes>,
        description_hash: B256,
    ) -> U256 {
        self.hash_proposal(targets, values, calldatas, description_hash)
    }

    /// The proposal's state, as `IGovernor.ProposalState` counts it.
    pub fn state(&self, proposal_id: U256) -> Result<u8> {
        Ok(self.core.state(proposal_id, self.core.proposal(proposal_id))? as u8)
    }

    /// When the votes are counted as they were; the vote begins after it. 0 where there is no proposal.
    pub fn proposal_snapshot(&self, proposal_id: U256) -> U256 {
        U256::from(self.core.proposal(proposal_id).start())
    }

    /// The vote's last second, which a late quorum may move.
    pub fn proposal_deadline(&self, proposal_id: U256) -> U256 {
        U256::from(self.core.proposal(proposal_id).deadline())
    }

    /// Who proposed it.
    pub fn proposal_proposer(&self, proposal_id: U256) -> Address {
        self.core.proposal(proposal_id).proposer()
    }

    /// When the timelock lets it be executed; 0 before it is queued.
    pub fn proposal_eta(&self, proposal_id: U256) -> U256 {
        U256::from(self.core.proposal(proposal_id).eta())
    }

    /// Whether proposals must be queued: all of them.
    pub fn proposal_needs_queuing(&self, _proposal_id: U256) -> bool {
        true
    }

    /// The votes against, for and abstaining.
    pub fn proposal_votes(&self, proposal_id: U256) -> (U256, U256, U256) {
        let tally = self.core.tally(proposal_id);
        (U256::from(tally.against), U256::from(tally.support), U256::from(tally.abstain))
    }

    /// Whether `account` voted on the proposal.
    pub fn has_voted(&self, proposal_id: U256, account: Address) -> bool {
        self.core.has_voted(proposal_id, account)
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————————— votes

    /// Casts all the votes that the caller had at the snapshot: 0 against, 1 for, 2 abstaining.
    pub fn cast_vote(&mut self, proposal_id: U256, support: u8) -> Result<U256> {
        let voter = self.vm().msg_sender();
        self.core.cast_vote(proposal_id, voter, support, &[], &[])
    }

    /// [`cast_vote`](Self::cast_vote) with a reason for everybody to read.
    pub fn cast_vote_with_reason(&mut self, proposal_id: U256, support: u8, reason: String) -> Result<U256> {
        let voter = self.vm().msg_sender();
        self.core.cast_vote(proposal_id, voter, support, reason.as_bytes(), &[])
    }
}

impl Governor {
    /// The timelock's salt: the description's hash with the governor's address on its first bytes, so that two
    /// governors with one timelock never meet.
    fn salt(&self, description_hash: B256) -> B256 {
        let mut salt = description_hash;
        for (byte, own) in salt.iter_mut().zip(self.vm().contract_address()) {
            *byte ^= own;
        }
        salt
    }

    /// Notes the calls that the actions make to the governor itself, and answers their data's hashes.
    fn announce(&mut self, actions: &Actions) -> Vec<B256> {
        let me = self.vm().contract_address();
        let mut own = Vec::new();
        for (_, data) in actions.targets.iter().zip(&actions.calldatas).filter(|(target, _)| **target == me) {
            let hash = keccak256(data);
            let mut count = self.core.announced.setter(hash);
            let more = count.get().saturating_add(U256::ONE);
            count.set(more);
            own.push(hash);
        }
        own
    }
}
