// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOwned} from "./IOwned.sol";
import {ITrigger} from "./ITrigger.sol";

/// Depeg: a run of Chainlink rounds at or below the trigger price that lasts long enough.
/// Evidence (ABI-encoded): uint80[] roundIds, consecutive in time; see observe.
interface IDepegTrigger is IOwned, ITrigger {
    struct Subject {
        address feed;             // Chainlink proxy
        uint64 triggerPrice;      // at or below: depegged. Prices WAD (1e18 = par)
        uint64 recoveryPrice;     // above for recovery seconds: the incident closes
        uint32 duration;          // T: how long a run must last to be an incident
        uint32 recovery;          // R
        uint32 window;            // W: the loss is 1 - the time-weighted price over the worst window
        uint32 heartbeat;         // the feed's, with margin: the last round counts for no longer
        uint64 floorPrice;        // circuit-breaker floor of the aggregator: at or below, the price is clamped
    }

    event SubjectRegistered(bytes32 indexed subject, address indexed feed);
    event RunProven(bytes32 indexed subject, uint80 cursor, uint64 until);
    event IncidentOpened(bytes32 indexed subject, uint256 indexed number, uint64 openedAt);
    event IncidentClosed(bytes32 indexed subject, uint256 indexed number, uint64 closedAt, uint16 worstBps);

    error UnknownSubject(bytes32 subject);
    error SubjectExists(bytes32 subject);
    error InvalidRound(uint80 roundId);
    error RoundsNotConsecutive(uint80 roundId, uint80 expected);
    error TooManyRounds(uint256 given, uint256 most);
    error UnknownIncident(bytes32 subject, uint256 number);

    function register(bytes32 subject, Subject calldata config) external;
    function subjectOf(bytes32 subject) external view returns (Subject memory);
    /// Where the proof of rounds stands: the last round taken in and its time.
    function cursorOf(bytes32 subject) external view returns (uint80 roundId, uint64 updatedAt);
    function sequencerFeed() external view returns (address);
}
