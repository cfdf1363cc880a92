// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC165} from "./IERC165.sol";
import {IERC6372} from "./IToken.sol";
import {ITokenReceiver} from "./ITimelock.sol";

/// The DAO: ABI, ids, events and errors of OpenZeppelin's Governor with Settings, CountingSimple,
/// VotesQuorumFraction, TimelockControl and PreventLateQuorum. Times are seconds; a proposal has at most ten actions.
interface IGovernor is IERC165, IERC6372, ITokenReceiver {
    enum ProposalState {
        Pending,
        Active,
        Canceled,
        Defeated,
        Succeeded,
        Queued,
        Expired,
        Executed
    }

    event ProposalCreated(
        uint256 proposalId,
        address proposer,
        address[] targets,
        uint256[] values,
        string[] signatures,
        bytes[] calldatas,
        uint256 voteStart,
        uint256 voteEnd,
        string description
    );
    event ProposalQueued(uint256 proposalId, uint256 etaSeconds);
    event ProposalExecuted(uint256 proposalId);
    event ProposalCanceled(uint256 proposalId);
    event ProposalExtended(uint256 indexed proposalId, uint64 extendedDeadline);
    event VoteCast(address indexed voter, uint256 proposalId, uint8 support, uint256 weight, string reason);
    event VoteCastWithParams(
        address indexed voter, uint256 proposalId, uint8 support, uint256 weight, string reason, bytes params
    );
    event VotingDelaySet(uint256 oldVotingDelay, uint256 newVotingDelay);
    event VotingPeriodSet(uint256 oldVotingPeriod, uint256 newVotingPeriod);
    event ProposalThresholdSet(uint256 oldProposalThreshold, uint256 newProposalThreshold);
    event QuorumNumeratorUpdated(uint256 oldQuorumNumerator, uint256 newQuorumNumerator);
    event LateQuorumVoteExtensionSet(uint64 oldVoteExtension, uint64 newVoteExtension);
    event TimelockChange(address oldTimelock, address newTimelock);

    error GovernorInvalidProposalLength(uint256 targets, uint256 calldatas, uint256 values);
    error GovernorTooManyActions(uint256 actions, uint256 most);
    error GovernorAlreadyCastVote(address voter);
    error GovernorDisabledDeposit();
    error GovernorOnlyExecutor(address account);
    /// The timelock calls what no proposal in execution asks for.
    error GovernorUnproposedCall(bytes32 dataHash);
    error GovernorNonexistentProposal(uint256 proposalId);
    error GovernorUnexpectedProposalState(uint256 proposalId, ProposalState current, bytes32 expectedStates);
    error GovernorInvalidVotingDelay(uint256 votingDelay);
    error GovernorInvalidVotingPeriod(uint256 votingPeriod);
    /// A late quorum extends a vote by its own period at most.
    error GovernorPreventLateQuorumVoteExtensionTooLarge(uint256 newVoteExtension, uint256 maxVoteExtension);
    error GovernorInvalidProposalThreshold(uint256 threshold);
    error GovernorInsufficientProposerVotes(address proposer, uint256 votes, uint256 threshold);
    error GovernorRestrictedProposer(address proposer);
    error GovernorInvalidVoteType();
    error GovernorInvalidSignature(address voter);
    error GovernorUnableToCancel(uint256 proposalId, address account);
    error GovernorInvalidQuorumFraction(uint256 quorumNumerator, uint256 quorumDenominator);
    error AddressEmptyCode(address target);
    error FailedCall();
    error ReentrancyGuardReentrantCall();
    error MathOverflow();

    // OpenZeppelin's, which nothing here raises: names are constants, every proposal is queued, params count nothing,
    // ballots take the nonce that is next, amounts fit.
    error InvalidAccountNonce(address account, uint256 currentNonce);
    error GovernorInvalidVoteParams();
    error GovernorAlreadyQueuedProposal(uint256 proposalId);
    error GovernorNotQueuedProposal(uint256 proposalId);
    error GovernorQueueNotImplemented();
    error GovernorProposalQueueingNotRequired(uint256 proposalId);
    error GovernorProposalQueueingFailed(uint256 proposalId);
    error ERC6372InconsistentClock();
    error CheckpointUnorderedInsertion();
    error InvalidShortString();
    error StringTooLong(string str);
    error SafeCastOverflowedUintDowncast(uint8 bits, uint256 value);

    // Of ERC-5267; the domain never changes.
    event EIP712DomainChanged();

    /// Refuses: the timelock holds the DAO's money.
    receive() external payable;

    // Proposals
    function propose(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata calldatas,
        string calldata description
    ) external returns (uint256 proposalId);
    function queue(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata calldatas,
        bytes32 descriptionHash
    ) external returns (uint256 proposalId);
    function execute(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata calldatas,
        bytes32 descriptionHash
    ) external payable returns (uint256 proposalId);
    /// The proposer, while the vote has not begun.
    function cancel(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata calldatas,
        bytes32 descriptionHash
    ) external returns (uint256 proposalId);

    function hashProposal(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata calldatas,
        bytes32 descriptionHash
    ) external view returns (uint256);
    function getProposalId(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata calldatas,
        bytes32 descriptionHash
    ) external view returns (uint256);
    function state(uint256 proposalId) external view returns (ProposalState);
    function proposalSnapshot(uint256 proposalId) external view returns (uint256);
    function proposalDeadline(uint256 proposalId) external view returns (uint256);
    function proposalProposer(uint256 proposalId) external view returns (address);
    function proposalEta(uint256 proposalId) external view returns (uint256);
    function proposalNeedsQueuing(uint256 proposalId) external view returns (bool);
    function proposalVotes(uint256 proposalId)
        external
        view
        returns (uint256 againstVotes, uint256 forVotes, uint256 abstainVotes);
    function hasVoted(uint256 proposalId, address account) external view returns (bool);

    // Votes: support is 0 against, 1 for, 2 abstain
    function castVote(uint256 proposalId, uint8 support) external returns (uint256 weight);
    function castVoteWithReason(uint256 proposalId, uint8 support, string calldata reason)
        external
        returns (uint256 weight);
    function castVoteWithReasonAndParams(
        uint256 proposalId,
        uint8 support,
        string calldata reason,
        bytes calldata params
    ) external returns (uint256 weight);
    function castVoteBySig(uint256 proposalId, uint8 support, address voter, bytes calldata signature)
        external
        returns (uint256 weight);
    function castVoteWithReasonAndParamsBySig(
        uint256 proposalId,
        uint8 support,
        address voter,
        string calldata reason,
        bytes calldata params,
        bytes calldata signature
    ) external returns (uint256 weight);
    function getVotes(address account, uint256 timepoint) external view returns (uint256);
    function getVotesWithParams(address account, uint256 timepoint, bytes calldata params)
        external
        view
        returns (uint256);

    // Parameters
    function name() external view returns (string memory);
    function version() external view returns (string memory);
    function COUNTING_MODE() external view returns (string memory);
    function token() external view returns (address);
    function timelock() external view returns (address);
    function votingDelay() external view returns (uint256);
    function votingPeriod() external view returns (uint256);
    function proposalThreshold() external view returns (uint256);
    function lateQuorumVoteExtension() external view returns (uint48);
    /// The votes for and abstaining that a proposal with this snapshot needs.
    function quorum(uint256 timepoint) external view returns (uint256);
    function quorumNumerator() external view returns (uint256);
    function quorumNumerator(uint256 timepoint) external view returns (uint256);
    function quorumDenominator() external view returns (uint256);
    function extension() external view returns (address);

    // Signatures
    function BALLOT_TYPEHASH() external view returns (bytes32);
    function EXTENDED_BALLOT_TYPEHASH() external view returns (bytes32);
    function nonces(address owner) external view returns (uint256);
    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        );

    // The timelock, when a proposal says so
    function setVotingDelay(uint48 newVotingDelay) external;
    function setVotingPeriod(uint32 newVotingPeriod) external;
    function setProposalThreshold(uint256 newProposalThreshold) external;
    function setLateQuorumVoteExtension(uint48 newVoteExtension) external;
    function updateQuorumNumerator(uint256 newQuorumNumerator) external;
    function updateTimelock(address newTimelock) external;
    /// Calls anything in the governor's own name: for what was sent to it by mistake.
    function relay(address target, uint256 value, bytes calldata data) external payable;
}
