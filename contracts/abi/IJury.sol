// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOwned} from "./IOwned.sol";

/// The jury: whoever stakes PALI may vote on claims that no trigger decides.
///
/// A case is opened by Assessor and ends by the clock, whoever does nothing:
///
///   Commit → Reveal → Appeal → Ended                          nobody appealed
///            Reveal → Ended                                   a draw, which nobody can appeal
///                     Appeal → Commit → Reveal → Ended        the appeal, once; a draw in it leaves the first vote's word
///                     Appeal → Escalated → Ended              the appeal of what is too large for the stake revealed
///
/// A vote is an award of a share of the amount, or a denial. It takes a quorum of the stake that was there, and 66 % of
/// what was revealed; the share awarded is the median of those who award, by weight. Else it is a draw. A simple case (a
/// second one, after a draw) takes the quorum and a majority. A jury awards at most a rate for each PALI revealed, which
/// governance sets for each asset; where the case is about more, the appeal is governance's to rule, and where that is
/// silent the first vote's word stands.
///
/// A juror's weight is the least that he had staked at any time since the window before the snapshot, less what is at risk
/// in other votes. Who votes against the final outcome, or does not reveal, loses the same small part of that weight; those
/// who voted for the outcome share it, and the fee, by weight. After a draw all who revealed are right.
///
/// Stake, weights and penalties are in PALI (weights are multiples of 1e10 of its units), amounts, fees and bonds in the
/// case's asset, shares and parts in basis points, times in seconds.
interface IJury is IOwned {
    /// Where a case is. Commit, Reveal: votes, of the first round or of the appeal. Appeal: the first vote has a verdict
    /// that anyone may appeal. Escalated: governance may rule.
    enum Phase { None, Commit, Reveal, Appeal, Escalated, Ended }
    /// How a vote or a case ended.
    enum Outcome { Draw, Award, Denied }
    /// What is known of a juror's vote; Settled ones are forgotten.
    enum Vote { None, Committed, Awards, Denies }

    /// A case.
    struct Case {
        uint8 phase;
        uint8 round;          // 0 the first vote, 1 the appeal
        uint64 until;         // when the phase ends; 0 for an ended case
        bool simple;
        bool finalised;       // its votes may be settled
        address asset;
        uint256 amount;       // the most that can be awarded
        uint256 bond;         // what an appeal costs
        uint64 since;         // the weights' window begins here
        uint256 quorum;       // of this round, in PALI
        uint16 penaltyBps;    // of the weight of a vote
        uint256 awardRate;    // most awarded for each 1e18 units of PALI revealed
        address appellant;    // zero while there is none
    }

    /// One round of a case, in PALI.
    struct Tally {
        uint256 committed;
        uint256 awards;       // revealed for an award
        uint256 denies;       // revealed against
        uint16 shareBps;      // the median of those who award
        uint8 outcome;        // of the round, as revealed so far
    }

    /// A juror.
    struct Juror {
        uint256 stake;
        uint256 atRisk;       // the penalties of all votes that are not settled
        uint256 openVotes;    // how many those are; while there is one, stake is locked
        uint256 leaving;      // unstaked, to be withdrawn
        uint64 leavingAt;     // from then on
        address key;          // commits for the juror; zero for none
    }

    event Staked(address indexed juror, uint256 amount, uint256 stake);
    event UnstakeRequested(address indexed juror, uint256 amount, uint256 stake, uint64 leavingAt);
    event UnstakeCancelled(address indexed juror, uint256 amount, uint256 stake);
    event Unstaked(address indexed juror, address indexed receiver, uint256 amount);
    event KeySet(address indexed juror, address indexed key);
    /// quorum in PALI; reason: the hash of what the opener says.
    event CaseOpened(uint256 indexed id, uint256 indexed policy, address indexed asset, uint256 amount, uint64 snapshot, bool simple, uint256 fee, uint256 quorum, bytes32 reason);
    event VoteCommitted(uint256 indexed id, address indexed juror, uint8 round, uint256 weight);
    /// reason: the hash of the juror's reasons.
    event VoteRevealed(uint256 indexed id, address indexed juror, uint8 round, uint8 choice, uint16 shareBps, bytes32 reason);
    /// toOwner: governance rules on it, else a second jury votes.
    event CaseAppealed(uint256 indexed id, address indexed appellant, bool toOwner, uint256 bond, bytes32 reason);
    event CaseRuled(uint256 indexed id, uint16 shareBps);
    /// penalties and fee are what those share who were right.
    event CaseFinalised(uint256 indexed id, uint8 outcome, uint256 award, uint256 penalties, uint256 fee);
    event VoteSettled(uint256 indexed id, address indexed juror, uint256 penalty, uint256 reward, uint256 fee);
    event CreditWithdrawn(address indexed asset, address indexed account, address indexed receiver, uint256 amount);
    event AssessorSet(address indexed assessor);
    event RulesSet(uint16 quorumBps, uint16 penaltyBps);
    event AwardRateSet(address indexed asset, uint256 rate);

    error UnknownCase(uint256 id);
    /// The case is at another phase.
    error WrongPhase(uint256 id, uint8 phase);
    /// The juror has nothing that counts in this case: staked too late, left, or all is at risk elsewhere.
    error NoWeight(uint256 id, address juror);
    error AlreadyCommitted(uint256 id, address juror);
    /// There is no vote of this juror to reveal.
    error NotCommitted(uint256 id, address juror);
    /// This is not what was committed.
    error CommitmentMismatch(uint256 id, address juror);
    /// An award is a whole number of percent, 1 to 100; a denial has none.
    error InvalidVote(uint8 choice, uint16 shareBps);
    /// The caller is neither the juror nor his key.
    error NotJuror(address caller, address juror);
    /// Stake does not leave while votes wait to be settled.
    error StakeLocked(address juror, uint256 openVotes);
    error InsufficientStake(address juror, uint256 stake, uint256 needed);
    error ZeroAmount();
    error NothingLeaving(address juror);
    error TooEarly(uint256 due);
    /// The juror has no vote in this case that waits to be settled.
    error NothingToSettle(uint256 id, address juror);
    error NotFinalised(uint256 id);
    /// Governance has not said how much may be awarded in this asset.
    error AwardRateNotSet(address asset);
    error NothingToWithdraw(address asset, address account);
    /// The token took a fee or changed balances by itself, or what should have been sent was not.
    error UnexpectedBalance(uint256 expected, uint256 actual);

    // Assessor
    /// Opens a case about a policy; Assessor only, which has sent fee of asset just before (what is sent beyond it is
    /// nobody's). amount: the most that can be awarded; snapshot: the filing's time, weights count from the window before
    /// it on; simple: a second case; bond: what the asker put up, an appeal costs double. Ids count from 1.
    function open(uint256 policy, address asset, uint256 amount, uint64 snapshot, bool simple, uint256 fee, uint256 bond, bytes32 reason)
        external returns (uint256 id);
    /// Whether a case has ended for good, and how: Outcome, and what is awarded. Counts by the clock; needs nobody.
    function verdict(uint256 id) external view returns (bool ended, uint8 outcome, uint256 award);

    // Jurors
    /// Adds to the caller's stake, pulled from him. It counts in cases whose window begins later.
    function stake(uint256 amount) external;
    /// Takes amount out of the caller's stake; it counts no more, and may be withdrawn after the cooldown, which begins
    /// anew for all that is leaving.
    function requestUnstake(uint256 amount) external;
    /// Stakes again all that is leaving, as new stake.
    function cancelUnstake() external returns (uint256 amount);
    /// Sends what is leaving.
    function withdraw(address receiver) external returns (uint256 amount);
    /// Lets a key commit for the caller; it can do nothing else. Zero for none.
    function setKey(address key) external;
    /// Commits juror's vote, by him or his key: commitment is hashVote(…).
    function commit(uint256 id, address juror, bytes32 commitment) external;
    /// Reveals a vote; whoever knows the salt. choice: 1 award of shareBps, 2 denial.
    function reveal(uint256 id, address juror, uint8 choice, uint16 shareBps, bytes32 reason, bytes32 salt) external;
    /// Settles juror's votes in a finalised case: unlocks, takes the penalty, credits his part. Anyone.
    function settle(uint256 id, address juror) external returns (uint256 penalty, uint256 reward, uint256 fee);
    /// Pays out what was credited to the caller: parts in PALI and in assets, bonds of appeals.
    function withdrawCredit(address asset, address receiver) external returns (uint256 amount);

    // Anyone
    /// Appeals a first vote, for a bond that is pulled from the caller. It comes back where the outcome changes, or the
    /// award by a tenth of the amount, or governance is silent; else it is the jurors'.
    function appeal(uint256 id, bytes32 reason) external;
    /// Fixes the verdict of a case that has ended, so that its votes can be settled.
    function finalise(uint256 id) external returns (uint8 outcome, uint256 award);

    // Views
    function caseOf(uint256 id) external view returns (Case memory);
    function tallyOf(uint256 id, uint8 round) external view returns (Tally memory);
    /// A juror's vote in a round that is not settled.
    function voteOf(uint256 id, uint8 round, address juror) external view returns (uint8 vote, uint16 shareBps, uint256 weight);
    /// What juror's vote would weigh if it was committed now.
    function weightOf(uint256 id, address juror) external view returns (uint256 weight);
    function jurorOf(address juror) external view returns (Juror memory);
    /// keccak256(abi.encode(id, juror, choice, shareBps, reason, salt)).
    function hashVote(uint256 id, address juror, uint8 choice, uint16 shareBps, bytes32 reason, bytes32 salt) external view returns (bytes32);
    function creditOf(address asset, address account) external view returns (uint256);
    /// Fees and penalties that no juror had a right to; added to the next case in the asset.
    function spareOf(address asset) external view returns (uint256);
    /// All that is accounted for: stakes, what is leaving, fees, bonds, credits.
    function heldOf(address asset) external view returns (uint256);
    function cases() external view returns (uint256 count);
    function totalStake() external view returns (uint256);
    function token() external view returns (address);
    /// The second program of this contract, which the first one runs for what it does not know.
    function extension() external view returns (address);
    function assessor() external view returns (address);
    /// Fixed at construction: the window before a snapshot in which stake must have been there, the phases of a vote, how
    /// long a verdict may be appealed, how long governance may rule, and the cooldown of an unstaking.
    function times() external view returns (uint32 window, uint32 committing, uint32 revealing, uint32 appealing, uint32 ruling, uint32 cooldown);
    /// Of cases to come.
    function rules() external view returns (uint16 quorumBps, uint16 penaltyBps);
    function awardRateOf(address asset) external view returns (uint256 rate);

    // Owner
    /// Rules on an escalated case: awards a share of its amount, without a limit; 0 denies. The owner alone.
    function rule(uint256 id, uint16 shareBps) external;
    /// For cases to come: the quorum, 500 to 4000 of the stake (an appeal takes double), and the penalty, 10 to 500 of a
    /// vote's weight.
    function setRules(uint16 quorumBps, uint16 penaltyBps) external;
    /// For cases to come: how much of asset a jury may award for each 1e18 units of PALI revealed. 0: no cases.
    function setAwardRate(address asset, uint256 rate) external;
    /// Sets the one contract that opens cases, once.
    function wire(address assessor) external;
}
