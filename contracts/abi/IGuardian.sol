// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOwned} from "./IOwned.sol";
import {IPausable} from "./IPausable.sol";

/// The guardian's office. This contract is the guardian of every contract and a canceller of the timelock; whoever holds
/// it, for a term that ends by itself unless a vote renews it, may do so much and nothing else: pause for a while, have a
/// claim that waits wait once more, bring money home from a strategy, and cancel what still waits in the timelock. Every
/// act has a reason and an event: docs/guardian.md.
///
/// Acts other than cancelling are limited: no seven days, wherever they begin, see more of them than the limit, whoever
/// held the office. Pauses that hold exits (2 redemptions, 3 filing, which stops their service) are held together: the
/// first begins seven days in which all of them must end, and seven days follow in which there are none. Each of the
/// contracts' own rests would let two of them take turns for ever.
interface IGuardian is IOwned, IPausable {
    /// Both zero: the office was taken away.
    event Appointed(address indexed holder, uint64 until);
    event Resigned(address indexed holder);
    /// act: the selector of what was called on target.
    event Acted(address indexed holder, address indexed target, bytes4 indexed act, bytes32 reason);
    event OperationCancelled(address indexed holder, bytes32 indexed id, bytes32 reason);
    event ActLimitSet(uint16 mostInAWeek);

    /// The office is vacant, or its term is over.
    error OfficeVacant(uint64 until);
    /// Every act has a reason.
    error ReasonMissing();
    /// So many acts were done in a week; more from this time on.
    error ActLimitReached(uint16 most, uint64 from);
    /// What only says who holds this office, or how often he may act, cannot be cancelled by who holds it.
    error OwnOffice();
    error UnknownPause(uint8 kind);

    // Who holds the office
    /// Pauses a kind of target's (IPausable: 0 deposits and 2 redemptions of a vault, 1 purchases of policies, 3 filing
    /// at Risk) for duration seconds, at most seven days; each contract has a guardian rest for as long afterwards.
    function pause(address target, uint8 kind, uint64 duration, bytes32 reason) external;
    /// Has a claim that waits wait longer, once.
    function prolong(address assessor, uint256 policy, uint64 duration, bytes32 reason) external;
    /// Brings up to assets of what a strategy is booked at back to the vault.
    function divest(address vault, address strategy, uint256 assets, bytes32 reason) external returns (uint256 came);
    /// Cancels an operation of the timelock that is not done yet, given whole, so that everybody sees what was cancelled:
    /// a batch, or the one call of an operation that was scheduled without one. Not one of whose calls each is appoint or
    /// setActLimit of this contract: nobody holds an office against a vote on it. Such a vote stands alone.
    function cancel(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata payloads,
        bytes32 predecessor,
        bytes32 salt,
        bytes32 reason
    ) external returns (bytes32 id);
    /// Leaves the office at once.
    function resign() external;

    // Owner
    /// Gives the office to holder until then, at most the longest term from now, or takes it away (both zero). What the
    /// office has done this week counts for a new holder too.
    function appoint(address holder, uint64 until) external;
    /// How many acts other than cancelling may be done in a week: 4 to 64. A lower limit counts what was done before.
    function setActLimit(uint16 mostInAWeek) external;

    // Views
    /// Who holds the office, and until when; zeros where it is vacant, the term's end also when it is over.
    function office() external view returns (address holder, uint64 until);
    function timelock() external view returns (address);
    function longestTerm() external view returns (uint64);
    /// Acts that may be done now, and how many in a week.
    function actsLeft() external view returns (uint256 left, uint16 mostInAWeek);
    /// Until when exits may be held, once they are (in the past: no hold is running), and from when on anew.
    function exitHold() external view returns (uint64 until, uint64 anewFrom);
}
