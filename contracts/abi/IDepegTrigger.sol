// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOwned} from "./IOwned.sol";
import {ITrigger} from "./ITrigger.sol";

/// Depeg: a run of Chainlink rounds at or below the trigger price that lasts long enough.
///
/// A round's price holds from its time until the next round's, and for the heartbeat at most; what is unknown counts
/// as par. An incident opens with the first round of a run that lasts for duration seconds, and closes when the price
/// has been above the recovery price for recovery seconds without a gap: however it oscillates in between, it is one
/// incident. The loss is 1 - the time-weighted price over the worst full window of window seconds; windows of one
/// incident lie between the closing of the incident before it and its own, so that no loss is in two incidents. The
/// loss of a policy is that of the worst such window inside its covered time. It is measured from par: entry is
/// empty, and nothing is sold while the price is not above the recovery price.
///
/// Rounds are taken in without a gap from the registration on, so everything can be proven after the fact by
/// anyone, and the result does not depend on who called when.
///
/// constructor(address owner, address setup, address sequencerFeed, uint32 shortest): sequencerFeed is the chain's
/// uptime feed (zero where it has none); shortest is the least number of seconds that a subject may have as its
/// duration, recovery, window or heartbeat.
///
/// Evidence of observe: empty, or abi.encode(uint80[] roundIds), consecutive. Empty takes in by itself the rounds that
/// follow in the same phase, at most 32. A list is needed where the phase changes; rounds that were taken in before
/// are passed over; it names rounds without a price too, and must end with one that has one, or where the latest round of
/// the same phase has one.
/// Evidence of prove: empty, or abi.encode(uint64 start): the window [start, start + window]. Empty is the incident's
/// worst window, moved into the covered time where it lies outside.
///
/// enter answers with an empty entry, and with the largest uint256 for interest and size: whoever holds a currency
/// that loses its peg has an interest, and no limit of either is known on chain. insured and position do not matter.
interface IDepegTrigger is IOwned, ITrigger {
    struct Subject {
        address feed;             // Chainlink proxy; for a staking token an IRatioFeed
        uint64 triggerPrice;      // at or below: depegged. Prices WAD (1e18 = par)
        uint64 recoveryPrice;     // above for recovery seconds: the incident closes
        uint32 duration;          // T: how long a run must last to be an incident
        uint32 recovery;          // R
        uint32 window;            // W, at most T + R
        uint32 heartbeat;         // the feed's, with margin: no round counts for longer
        uint64 floorPrice;        // circuit-breaker floor of the aggregator: at or below, the price is clamped to it
    }

    event SubjectRegistered(bytes32 indexed subject, address indexed feed, uint80 firstRound);
    /// Rounds were taken in, up to this one and its time.
    event RunProven(bytes32 indexed subject, uint80 cursor, uint64 until);
    event IncidentOpened(bytes32 indexed subject, uint256 indexed number, uint64 openedAt);
    /// All windows that end by until have been compared; the worst so far starts at worstStart.
    event WindowsCompared(bytes32 indexed subject, uint256 indexed number, uint64 until, uint64 worstStart, uint16 worstBps);
    event IncidentClosed(bytes32 indexed subject, uint256 indexed number, uint64 closedAt, uint16 worstBps);

    error UnknownSubject(bytes32 subject);
    error SubjectExists(bytes32 subject);
    /// The feed has no price that is fresh, above the recovery price and not clamped, or too many decimals.
    error FeedNotHealthy(address feed);
    error InvalidEvidence();
    /// The round cannot be read, or is of the future, or none with a price follows it.
    error InvalidRound(uint80 roundId);
    error RoundsNotConsecutive(uint80 roundId, uint80 expected);
    error TooManyRounds(uint256 given, uint256 most);
    /// A change of phase rests on rounds that do not exist: with little gas that could be feigned.
    error NotEnoughGas(uint256 left, uint256 needed);
    error UnknownIncident(bytes32 subject, uint256 number);
    /// The window does not start between these two: outside of the covered time, of the incident, or not known yet.
    error WindowNotCovered(uint64 start, uint64 first, uint64 last);

    /// Owner: registers a subject for ever; another configuration is another subject. The feed must be healthy.
    function register(bytes32 subject, Subject calldata config) external;

    function subjectOf(bytes32 subject) external view returns (Subject memory);
    /// Where the proof of rounds stands: the last round taken in and its time.
    function cursorOf(bytes32 subject) external view returns (uint80 roundId, uint64 updatedAt);
    /// The worst window of an incident so far, by its start, and up to when windows have been compared.
    function worstWindow(bytes32 subject, uint256 number) external view returns (uint64 start, uint16 lossBps, uint64 comparedUntil);
    /// The loss over the window that begins at start, whatever incident it is in; known: whether its rounds have been
    /// taken in.
    function windowLoss(bytes32 subject, uint64 start) external view returns (bool known, uint16 lossBps);
    /// The chain's uptime feed; zero where it has none.
    function sequencerFeed() external view returns (address);
    /// The least number of seconds of a subject's times.
    function shortest() external view returns (uint32);
}
