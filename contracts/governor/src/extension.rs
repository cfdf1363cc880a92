//! The second program: parameters and their setters, votes by signature, `relay`, receivers.

use alloc::{string::String, vec, vec::Vec};

use alloy_primitives::{
    Address, B256, U256,
    aliases::{B32, U32, U48},
    b256, keccak256,
};
use alloy_sol_types::SolCall;
use protocol::{
    Result, Word,
    abi::IGovernor::{
        self, GovernorDisabledDeposit, GovernorInvalidSignature, GovernorOnlyExecutor, GovernorUnproposedCall,
    },
    call::{require_code, tell_value},
    error,
};
use standards::{
    abi::encode_call,
    ecdsa,
    eip712::{self, DomainDescription},
    encoder::Encoder,
    erc165,
    votes::CLOCK_MODE,
};
use stylus_sdk::{
    abi::Bytes,
    prelude::*,
    stylus_core::host::{BlockAccess, MessageAccess},
};

use crate::core::{Core, NAME, QUORUM_DENOMINATOR, VERSION};

/// `keccak256("Ballot(uint256 proposalId,uint8 support,address voter,uint256 nonce)")`.
const BALLOT_TYPEHASH: B256 = b256!("f2aad550cf55f045cb27e9c559f9889fdfb6e6cdaa032301d6ea397784ae51d7");
/// `keccak256("ExtendedBallot(uint256 proposalId,uint8 support,address voter,uint256 nonce,string reason,bytes params)")`.
const EXTENDED_BALLOT_TYPEHASH: B256 = b256!("3e83946653575f9a39005e1545185629e92736b7528ab20ca3816f315424a811");

/// The ERC-165 id of OpenZeppelin's `IGovernor`: all its functions but ERC-165's.
const INTERFACE_ID: [u8; 4] = interface_id(&[]);
/// The same without `getProposalId`, as it was before OpenZeppelin 5.3.
const OLD_INTERFACE_ID: [u8; 4] = interface_id(&[IGovernor::getProposalIdCall::SELECTOR]);

/// The contract's second program, run by the first one on the first one's storage.
#[cfg_attr(feature = "ext", entrypoint)]
#[storage]
pub struct GovernorExt {
    core: Core,
}

#[cfg(not(feature = "ext"))]
// SAFETY: the type is what `entrypoint` would make it: the whole storage of a contract, from slot 0.
unsafe impl TopLevelStorage for GovernorExt {}

// The lifetime keeps the SDK from comparing every two selectors at compile time, which takes minutes. That they
// differ is a test.
#[public]
#[allow(clippy::extra_unused_lifetimes)]
impl<'a> GovernorExt {
    /// Refuses ether: the timelock holds the DAO's money.
    #[receive]
    #[payable]
    pub fn receive(&mut self) -> Result<(), Vec<u8>> {
        Err(error!(GovernorDisabledDeposit).into())
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————— parameters

    /// The governor's name.
    pub fn name(&self) -> String {
        NAME.into()
    }

    /// The governor's version.
    pub fn version(&self) -> String {
        VERSION.into()
    }

    /// How votes are counted: against, for, abstain; for and abstain make the quorum.
    #[selector(name = "COUNTING_MODE")]
    pub fn counting_mode(&self) -> String {
        "support=bravo&quorum=for,abstain".into()
    }

    /// Seconds since 1970.
    pub fn clock(&self) -> U48 {
        U48::from(self.vm().block_timestamp())
    }

    /// What the clock counts.
    #[selector(name = "CLOCK_MODE")]
    pub fn clock_mode(&self) -> String {
        CLOCK_MODE.into()
    }

    /// The token whose votes count.
    pub fn token(&self) -> Address {
        self.core.token()
    }

    /// The timelock, which makes the calls.
    pub fn timelock(&self) -> Address {
        self.core.timelock()
    }

    /// Seconds between a proposal and its snapshot.
    pub fn voting_delay(&self) -> U256 {
        U256::from(self.core.voting_delay())
    }

    /// Seconds between a proposal's snapshot and its deadline.
    pub fn voting_period(&self) -> U256 {
        U256::from(self.core.voting_period())
    }

    /// The votes that a proposer needs.
    pub fn proposal_threshold(&self) -> U256 {
        self.core.proposal_threshold()
    }

    /// For how many seconds a vote runs at least after its quorum.
    pub fn late_quorum_vote_extension(&self) -> U48 {
        U48::from(self.core.late_quorum_extension())
    }

    /// The votes for and abstaining that a proposal with this snapshot needs.
    pub fn quorum(&self, timepoint: U256) -> Result<U256> {
        self.core.quorum(timepoint)
    }

    /// The quorum in hundredths of the supply.
    #[selector(name = "quorumNumerator")]
    pub fn quorum_numerator(&self) -> U256 {
        U256::from(self.core.quorum_numerator())
    }

    /// The quorum in hundredths of the supply, as it was.
    #[selector(name = "quorumNumerator")]
    pub fn quorum_numerator_at(&self, timepoint: U256) -> U256 {
        U256::from(self.core.quorum_numerator_at(timepoint))
    }

    /// What the quorum's numerator is over: 100.
    pub fn quorum_denominator(&self) -> U256 {
        U256::from(QUORUM_DENOMINATOR)
    }

    /// This program's address.
    pub fn extension(&self) -> Address {
        self.core.extension.program()
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————————— votes

    /// The votes that `account` had at `timepoint`, which must be past.
    pub fn get_votes(&self, account: Address, timepoint: U256) -> Result<U256> {
        self.core.votes(account, timepoint)
    }

    /// [`get_votes`](Self::get_votes): parameters change nothing.
    pub fn get_votes_with_params(&self, account: Address, timepoint: U256, _params: Bytes) -> Result<U256> {
        self.core.votes(account, timepoint)
    }

    /// Casts the caller's votes with a reason and with parameters, which change nothing but the event.
    pub fn cast_vote_with_reason_and_params(
        &mut self,
        proposal_id: U256,
        support: u8,
        reason: String,
        params: Bytes,
    ) -> Result<U256> {
        let voter = self.vm().msg_sender();
        self.core.cast_vote(proposal_id, voter, support, reason.as_bytes(), &params)
    }

    /// Casts the votes of `voter`, who signed a ballot (ERC-1271 where it is a contract). Anyone may bring it.
    pub fn cast_vote_by_sig(
        &mut self,
        proposal_id: U256,
        support: u8,
        voter: Address,
        signature: Bytes,
    ) -> Result<U256> {
        let nonce = self.core.nonces.use_nonce(voter);
        let words = [proposal_id, U256::from(support), voter.word(), nonce];
        self.require_signed(voter, BALLOT_TYPEHASH, &words, &signature)?;
        self.core.cast_vote(proposal_id, voter, support, &[], &[])
    }

    /// Casts the votes of `voter`, who signed an extended ballot with a reason and parameters.
    pub fn cast_vote_with_reason_and_params_by_sig(
        &mut self,
        proposal_id: U256,
        support: u8,
        voter: Address,
        reason: String,
        params: Bytes,
        signature: Bytes,
    ) -> Result<U256> {
        let nonce = self.core.nonces.use_nonce(voter);
        let hashes = [keccak256(reason.as_bytes()).word(), keccak256(&params).word()];
        let words = [proposal_id, U256::from(support), voter.word(), nonce, hashes[0], hashes[1]];
        self.require_signed(voter, EXTENDED_BALLOT_TYPEHASH, &words, &signature)?;
        self.core.cast_vote(proposal_id, voter, support, reason.as_bytes(), &params)
    }

    /// The type of a ballot.
    #[selector(name = "BALLOT_TYPEHASH")]
    pub fn ballot_typehash(&self) -> B256 {
        BALLOT_TYPEHASH
    }

    /// The type of an extended ballot.
    #[selector(name = "EXTENDED_BALLOT_TYPEHASH")]
    pub fn extended_ballot_typehash(&self) -> B256 {
        EXTENDED_BALLOT_TYPEHASH
    }

    /// The nonce that the next ballot of `owner` must carry.
    pub fn nonces(&self, owner: Address) -> U256 {
        self.core.nonces.nonce(owner)
    }

    /// The ballots' domain.
    #[selector(name = "eip712Domain")]
    pub fn eip712_domain(&self) -> DomainDescription {
        eip712::describe(self.vm(), NAME, VERSION)
    }

    // ————————————————————————————————————————————————————————————————— what only a proposal in execution can do

    /// Sets the voting delay in seconds, for proposals from now on.
    pub fn set_voting_delay(&mut self, new_voting_delay: U48) -> Result<()> {
        let new = U256::from(new_voting_delay);
        self.only_proposed(IGovernor::setVotingDelayCall::SELECTOR, new)?;
        self.core.set_voting_delay(new)
    }

    /// Sets the voting period in seconds, for proposals from now on.
    pub fn set_voting_period(&mut self, new_voting_period: U32) -> Result<()> {
        let new = U256::from(new_voting_period);
        self.only_proposed(IGovernor::setVotingPeriodCall::SELECTOR, new)?;
        self.core.set_voting_period(new)
    }

    /// Sets how many votes a proposer needs.
    pub fn set_proposal_threshold(&mut self, new_proposal_threshold: U256) -> Result<()> {
        self.only_proposed(IGovernor::setProposalThresholdCall::SELECTOR, new_proposal_threshold)?;
        self.core.set_proposal_threshold(new_proposal_threshold)
    }

    /// Sets for how many seconds a vote runs at least after its quorum.
    pub fn set_late_quorum_vote_extension(&mut self, new_vote_extension: U48) -> Result<()> {
        let new = U256::from(new_vote_extension);
        self.only_proposed(IGovernor::setLateQuorumVoteExtensionCall::SELECTOR, new)?;
        self.core.set_late_quorum_extension(new)
    }

    /// Sets the quorum in hundredths of the supply, for snapshots from now on.
    pub fn update_quorum_numerator(&mut self, new_quorum_numerator: U256) -> Result<()> {
        self.only_proposed(IGovernor::updateQuorumNumeratorCall::SELECTOR, new_quorum_numerator)?;
        self.core.set_quorum_numerator(new_quorum_numerator)
    }

    /// Sets the timelock. What the old one holds is lost to the governor.
    pub fn update_timelock(&mut self, new_timelock: Address) -> Result<()> {
        self.only_proposed(IGovernor::updateTimelockCall::SELECTOR, new_timelock.word())?;
        self.core.set_timelock(new_timelock)
    }

    /// Calls anything in the governor's own name: for what was sent to it by mistake.
    #[payable]
    pub fn relay(&mut self, target: Address, value: U256, data: Bytes) -> Result<()> {
        let mut call = Encoder::new(&IGovernor::relayCall::SELECTOR, 3);
        call.word(target.word()).word(value).bytes(&data);
        self.only_proposed_call(&call.finish())?;
        if !data.is_empty() {
            require_code(self.vm(), target)?;
        }
        tell_value(self.vm(), target, value, &data)?;
        Ok(())
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————— tokens

    /// Refuses: the timelock holds the DAO's tokens.
    #[selector(name = "onERC721Received")]
    pub fn on_erc721_received(&self, _operator: Address, _from: Address, _token: U256, _data: Bytes) -> Result<B32> {
        Err(error!(GovernorDisabledDeposit))
    }

    /// Refuses: the timelock holds the DAO's tokens.
    #[selector(name = "onERC1155Received")]
    pub fn on_erc1155_received(
        &self,
        _operator: Address,
        _from: Address,
        _id: U256,
        _value: U256,
        _data: Bytes,
    ) -> Result<B32> {
        Err(error!(GovernorDisabledDeposit))
    }

    /// Refuses: the timelock holds the DAO's tokens.
    #[selector(name = "onERC1155BatchReceived")]
    pub fn on_erc1155_batch_received(
        &self,
        _operator: Address,
        _from: Address,
        _ids: Vec<U256>,
        _values: Vec<U256>,
        _data: Bytes,
    ) -> Result<B32> {
        Err(error!(GovernorDisabledDeposit))
    }

    /// ERC-165: itself, the governor and, as OpenZeppelin's says, the ERC-1155 receiver.
    pub fn supports_interface(&self, interface_id: B32) -> bool {
        erc165::supports(interface_id.0, &[INTERFACE_ID, OLD_INTERFACE_ID, erc165::ERC1155_RECEIVER])
    }
}

impl GovernorExt {
    fn require_signed(&self, voter: Address, typehash: B256, words: &[U256], signature: &[u8]) -> Result<()> {
        let domain = eip712::domain_separator(self.vm(), NAME, VERSION);
        let digest = eip712::typed_hash(domain, eip712::struct_hash(typehash, words));
        if !ecdsa::is_valid_signature_now(self.vm(), voter, digest, signature) {
            return Err(error!(GovernorInvalidSignature, voter));
        }
        Ok(())
    }

    fn only_proposed(&mut self, selector: [u8; 4], word: U256) -> Result<()> {
        self.only_proposed_call(&encode_call(selector, &[word]))
    }

    /// Fails unless the timelock is the caller, and makes the call for a proposal in execution: others that may
    /// schedule in the timelock have no say here.
    ///
    /// The call's data is encoded afresh from its arguments, so a proposal must encode them as the ABI's standard
    /// form has it.
    ///
    /// # Errors
    /// `GovernorOnlyExecutor`, `GovernorUnproposedCall`.
    #[inline(never)]
    fn only_proposed_call(&mut self, calldata: &[u8]) -> Result<()> {
        let caller = self.vm().msg_sender();
        if caller != self.core.timelock() {
            return Err(error!(GovernorOnlyExecutor, caller));
        }
        let hash = keccak256(calldata);
        let mut count = self.core.announced.setter(hash);
        match count.get().checked_sub(U256::ONE) {
            Some(rest) => count.set(rest),
            None => return Err(error!(GovernorUnproposedCall, hash)),
        }
        Ok(())
    }
}

/// The exclusive or of the selectors of OpenZeppelin's `IGovernor` and of `without`.
const fn interface_id(without: &[[u8; 4]]) -> [u8; 4] {
    let functions = [
        IGovernor::nameCall::SELECTOR,
        IGovernor::versionCall::SELECTOR,
        IGovernor::COUNTING_MODECall::SELECTOR,
        IGovernor::hashProposalCall::SELECTOR,
        IGovernor::getProposalIdCall::SELECTOR,
        IGovernor::stateCall::SELECTOR,
        IGovernor::proposalThresholdCall::SELECTOR,
        IGovernor::proposalSnapshotCall::SELECTOR,
        IGovernor::proposalDeadlineCall::SELECTOR,
        IGovernor::proposalProposerCall::SELECTOR,
        IGovernor::proposalEtaCall::SELECTOR,
        IGovernor::proposalNeedsQueuingCall::SELECTOR,
        IGovernor::votingDelayCall::SELECTOR,
        IGovernor::votingPeriodCall::SELECTOR,
        IGovernor::quorumCall::SELECTOR,
        IGovernor::getVotesCall::SELECTOR,
        IGovernor::getVotesWithParamsCall::SELECTOR,
        IGovernor::hasVotedCall::SELECTOR,
        IGovernor::proposeCall::SELECTOR,
        IGovernor::queueCall::SELECTOR,
        IGovernor::executeCall::SELECTOR,
        IGovernor::cancelCall::SELECTOR,
        IGovernor::castVoteCall::SELECTOR,
        IGovernor::castVoteWithReasonCall::SELECTOR,
        IGovernor::castVoteWithReasonAndParamsCall::SELECTOR,
        IGovernor::castVoteBySigCall::SELECTOR,
        IGovernor::castVoteWithReasonAndParamsBySigCall::SELECTOR,
    ];
    xor(&functions, xor(without, [0; 4]))
}

const fn xor(selectors: &[[u8; 4]], start: [u8; 4]) -> [u8; 4] {
    let mut id = u32::from_be_bytes(start);
    let mut index = 0;
    while index < selectors.len() {
        id ^= u32::from_be_bytes(selectors[index]);
        index += 1;
    }
    id.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ballot_types_are_those_of_their_strings() {
        let ballot = "Ballot(uint256 proposalId,uint8 support,address voter,uint256 nonce)";
        assert_eq!(BALLOT_TYPEHASH, keccak256(ballot));
        let extended =
            "ExtendedBallot(uint256 proposalId,uint8 support,address voter,uint256 nonce,string reason,bytes params)";
        assert_eq!(EXTENDED_BALLOT_TYPEHASH, keccak256(extended));
    }
}
