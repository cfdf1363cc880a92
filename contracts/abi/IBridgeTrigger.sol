// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ISeriesTrigger} from "./ISeriesTrigger.sol";

/// Bridge failure: a token of this chain that is backed elsewhere, and for too long by less than there is of it.
///
/// A sample is the backing ratio: (backing + inFlight) / supply, at most 1, rounded up. It is one of a moment for which
/// somebody vouches: the time of a round of a Chainlink reserve feed, or the L1 time at which a BackingReporter read the
/// balance of the bridge's escrow. Which of both is the subject's configuration.
///
/// - A report from L1 counts only if it comes from the reporter (its alias calls deliver), is newer than the last sample
///   and arrives at most an hour after its time: an old balance is worth nothing. What was between two reports counts as
///   the better of both.
/// - Rounds are taken in by observe, in their order; a round holds until the next one, for gap seconds (its heartbeat) at
///   most. Where a subject is short or in an incident, observe also takes in that the latest round still holds.
/// - The supply is what was observed here before the backing: the least of all observations of the newest period before
///   the sample's, at most 8 periods back, and not more than there is when the sample is taken in. So tokens that exist
///   for a moment count for nothing, and neither do those that were minted after their backing was read. What was minted
///   without backing counts a period later.
///
/// Evidence of observe: empty. It observes the supply, takes in rounds, at most 16, and compares windows.
///
/// enter answers with an empty entry. Where the token stands for a unit of the vault's asset (assetDecimals), interest
/// is the insured's balance and size is the supply; otherwise (assetDecimals 255) both are the largest uint256. The
/// position does not matter.
///
/// constructor(address owner, address setup, address sequencerFeed, address reporter, uint32 shortest): reporter is the
/// BackingReporter on L1 (zero: only reserve feeds can be registered); shortest is the least number of seconds that a
/// subject may have as its duration, recovery, window, gap or period.
interface IBridgeTrigger is ISeriesTrigger {
    struct Subject {
        address token;            // of this chain: its supply is to be backed
        address feed;             // Chainlink reserve feed; zero: reports from L1
        address escrowToken;      // on L1; zero is ether. Both zero with a feed
        address escrow;           // on L1: holds the backing
        uint96 inFlight;          // counted as backing: what may be on its way, in the token's smallest unit
        uint64 triggerRatio;      // at or below: short. WAD
        uint64 recoveryRatio;     // above for recovery seconds: the incident closes
        uint32 duration;          // T: how long it must be short to be an incident
        uint32 recovery;          // R
        uint32 window;            // W, at most T + R
        uint32 gap;               // longest time between two samples; with reports at most T / 2
        uint32 period;            // over which the least supply counts; at most gap, at least gap / 8
        uint8 assetDecimals;      // of the vault's asset where one token stands for one unit of it; else 255
    }

    event SubjectRegistered(bytes32 indexed subject, address indexed token, address indexed source);
    /// A report arrived: the escrow held balance at this time.
    event BackingReported(bytes32 indexed subject, uint64 time, uint256 balance, uint8 decimals);

    /// The token does not tell its decimals or its supply, or there is none of it.
    error TokenNotHealthy(address token);
    /// The feed has no fresh reserve, too many decimals, or the reserve is not above the recovery ratio.
    error FeedNotHealthy(address feed);
    error NotReporter(address caller);
    error WrongEscrow(address token, address escrow);
    /// The report arrived more than an hour after its time, or before it.
    error ReportTooLate(uint64 time, uint64 nowAt);
    error ReportNotNewer(uint64 time, uint64 last);
    /// The supply was not observed in the eight periods before this time: observe first, then report.
    error SupplyNotObserved(bytes32 subject, uint64 time);

    /// Owner: registers a subject for ever; another configuration is another subject. A feed must be healthy.
    function register(bytes32 subject, Subject calldata config) external;
    /// The reporter's alias: what the escrow held at this L1 time.
    function deliver(bytes32 subject, address token, address escrow, uint256 balance, uint8 decimals, uint64 time) external;

    function subjectOf(bytes32 subject) external view returns (Subject memory);
    /// The last round that was walked, and the newest backing in WAD.
    function backingOf(bytes32 subject) external view returns (uint80 roundId, uint128 backing);
    /// The supply that a sample of this time is compared with, in WAD, were it taken in later than now.
    function supplyBefore(bytes32 subject, uint64 time) external view returns (bool known, uint128 supply);
    /// The BackingReporter on L1; zero where there is none.
    function reporter() external view returns (address);
}
