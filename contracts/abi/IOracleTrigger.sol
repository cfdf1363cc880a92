// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ISeriesTrigger} from "./ISeriesTrigger.sol";

/// Oracle error: a feed that for too long says something else than the market does.
///
/// Two references say what is true: a second feed and the time-weighted mean price of a Uniswap v3 pool. A sample reads
/// all three. The feed is wrong where it deviates by more than D from both (|feed - reference| / reference) while they
/// agree within D / 2 (of the smaller): what is not whole is the smaller deviation beyond D, rounded down, at most the
/// cap. The answer that the feed gives counts however old it is, since that is what its readers use: one that has died
/// is wrong as soon as the market has moved, and not before; zero and less are a deviation of all of it.
///
/// - A reference that is stale, clamped or not readable is none. The pool is one only while its mean liquidity
///   (harmonic, over the same time as the price) and its cardinality are at least what was registered: a price that was
///   pushed into an empty range is worth nothing.
/// - What one reference finds alone (the other is none, or they do not agree) is latent evidence. Where one is none and
///   the other finds nothing, nobody knows: no sample is taken.
/// - What was between two samples counts as the better of both, and all rounds of the feed in between must be wrong as
///   well: a sample reads them, at most 8; of more than these, or of another phase, nothing is known.
/// - No sample is taken while the sequencer is not up.
///
/// Evidence of observe: empty. It takes a sample and compares windows. While nothing is found, samples closer than an
/// eighth of gap to the last one are not kept.
///
/// enter answers with an empty entry, and with the largest uint256 for interest. size is what it takes to move the pool's
/// price by D, in the vault's asset, where the pool's quote token stands for a unit of it (assetDecimals); otherwise
/// (255) the largest uint256. insured and position do not matter.
///
/// constructor(address owner, address setup, address sequencerFeed, uint32 shortest): shortest is the least number of
/// seconds that a subject may have as its duration, recovery, window, gap, twap or heartbeat.
interface IOracleTrigger is ISeriesTrigger {
    struct Subject {
        address feed;               // Chainlink proxy: the covered one
        address secondFeed;         // of the same price
        address pool;               // Uniswap v3: the same price, of token0 in token1
        bool inverted;              // of token1 in token0
        uint32 feedHeartbeat;       // no cover is sold on an older answer
        uint32 secondHeartbeat;     // an older answer is no reference
        uint32 twap;                // over which the pool's mean is taken, at least gap
        uint128 minLiquidity;       // least harmonic mean liquidity over twap
        uint16 minCardinality;      // of the pool's observations
        uint16 deviationBps;        // D
        uint16 capBps;              // the largest loss
        uint32 duration;            // T
        uint32 recovery;            // R
        uint32 window;              // W, at most T + R
        uint32 gap;                 // longest time between two samples, at most T / 4
        uint8 assetDecimals;        // of the vault's asset where the quote token stands for one unit of it; else 255
    }

    event SubjectRegistered(bytes32 indexed subject, address indexed feed, address indexed pool);

    /// The three prices cannot all be read, are stale, or do not agree within D / 2.
    error SourcesNotHealthy(address feed, address secondFeed, address pool);

    /// Owner: registers a subject for ever; another configuration is another subject. All three sources must agree.
    function register(bytes32 subject, Subject calldata config) external;

    function subjectOf(bytes32 subject) external view returns (Subject memory);
    /// The three prices as a sample would take them now, in WAD; zero: none.
    function pricesOf(bytes32 subject) external view returns (uint128 feed, uint128 secondFeed, uint128 pool);
    /// The last round of the feed that was read.
    function cursorOf(bytes32 subject) external view returns (uint80 roundId);
}
