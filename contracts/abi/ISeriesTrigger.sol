// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOwned} from "./IOwned.sol";
import {ITrigger} from "./ITrigger.sol";

/// What triggers have in common whose evidence is a series of samples that are taken at moments.
///
/// A sample says how much of a subject is whole, in WAD (1e18 = all of it). Samples are taken in order of their time and
/// kept, each at most gap seconds after the one before it: what lies between two that are further apart is unknown, and
/// counts as whole in losses, but neither as short nor as recovered.
///
/// An incident opens when the subject has been short (at or below the trigger level) for duration seconds without a gap.
/// It counts from the last sample that was not short before that (openedAt), so that nobody can have it begin inside
/// his cover by sampling late. It closes when the subject has been above the recovery level for recovery seconds
/// without a gap; however it oscillates in between, it is one incident. The loss is 1 - the time-weighted mean of what
/// was whole over the worst full window of window seconds; windows of one incident lie between the closing of the
/// incident before it and its own, so that no loss is in two incidents. The loss of a policy is that of the worst such
/// window inside its covered time, for which the incident must open there.
///
/// What a trigger finds in one of its sources alone is latent evidence: where it lasts for duration seconds, an incident
/// is Inconclusive (its closedAt is 0). It becomes Confirmed under the same number, or NotMet with the first sample in
/// which nothing is found, and is then over (closedAt is the time of that sample).
///
/// Evidence of prove: empty, or abi.encode(uint64 start): the window [start, start + window]. Empty is the incident's
/// worst window, moved into the covered time where it lies outside.
interface ISeriesTrigger is IOwned, ITrigger {
    /// A sample was taken in: from this time on, value is whole. Of two of one time the later event counts.
    event Sampled(bytes32 indexed subject, uint64 time, uint64 value);
    /// verdict: Inconclusive where it is latent; the same number may then be opened again as Confirmed.
    event IncidentOpened(bytes32 indexed subject, uint256 indexed number, uint64 openedAt, uint8 verdict);
    /// All windows that end by until have been compared; the worst so far starts at worstStart.
    event WindowsCompared(bytes32 indexed subject, uint256 indexed number, uint64 until, uint64 worstStart, uint16 worstBps);
    /// verdict: NotMet where it had been latent only.
    event IncidentClosed(bytes32 indexed subject, uint256 indexed number, uint64 closedAt, uint16 worstBps, uint8 verdict);

    error UnknownSubject(bytes32 subject);
    error SubjectExists(bytes32 subject);
    error InvalidEvidence();
    error UnknownIncident(bytes32 subject, uint256 number);
    /// The window does not start between these two: outside of the covered time, of the incident, or not known yet.
    error WindowNotCovered(uint64 start, uint64 first, uint64 last);

    /// How many samples there are, the newest one's time and value, and until when the next one must follow.
    function seriesOf(bytes32 subject) external view returns (uint256 count, uint64 time, uint64 value, uint64 validUntil);
    /// The worst window of an incident so far, by its start, and up to when windows have been compared.
    function worstWindow(bytes32 subject, uint256 number) external view returns (uint64 start, uint16 lossBps, uint64 comparedUntil);
    /// The loss over the window that begins at start, whatever incident it is in; known: whether the samples reach
    /// over all of it.
    function windowLoss(bytes32 subject, uint64 start) external view returns (bool known, uint16 lossBps);
    /// The chain's uptime feed; zero where it has none.
    function sequencerFeed() external view returns (address);
    /// The least number of seconds of a subject's times.
    function shortest() external view returns (uint32);
}
