// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOwned} from "./IOwned.sol";
import {ITrigger} from "./ITrigger.sol";
import {IVarianceSource} from "./IVarianceSource.sol";

/// Impermanent loss: a Uniswap v2 or v3 position against holding, over a policy's covered time, at its end.
///
/// A position is kept in this contract while it is insured: deposit takes a pair's shares or a position's NFT and
/// gives it a number, its position in ITrigger; withdraw gives all of it back at any time, and it is insured no more.
/// So one position is insured for one owner, its liquidity cannot shrink under a policy, and what is added to it
/// later does not count. Fees of a v3 position can be collected meanwhile; they count as earned all the same.
///
/// There is no incident: what is claimed is the position by itself (number 0). The loss of a policy is what the
/// tokens that its position held at start are worth at end, less what the position is worth then, less all fees
/// since the purchase: as a part of the position's value at the purchase, in the quote token. It is European: prices
/// between start and end do not matter. Liquidity is the lesser of that at the purchase and at the claim.
///
/// A price is the mean of the reference pool over window seconds (never its present one), and a Chainlink feed must
/// agree with it; the loss is the smaller of those by either. Over the window the pool's mean liquidity (harmonic)
/// must be at least what was registered: a price that was pushed into an empty range is none. The price of any
/// moment can be stored by anyone as long as the pool's observations reach back to it; without that of start and
/// that of end a claim is Inconclusive. Until the end is over, and once the position is withdrawn, it is NotMet.
///
/// Evidence of observe: empty, or abi.encode(uint64 at, uint80 round[, uint80 next]), which stores the price of the
/// moment at. Empty samples the present price for the variance, once in window seconds at most.
/// Evidence of prove: empty, or abi.encode(uint80 round[, uint80 next]), which stores the price of the policy's end
/// first, where it is missing. round is the feed's that held at that moment; 0: its latest. next is needed where that
/// was the last round of its phase (the feed's proxy turned to another aggregator): the first round of the next phase
/// that is newer. Where aggregators ran beside each other, either's round is the feed's word.
///
/// enter answers with abi.encode(uint256 liquidity, uint256 value, uint256 growth0, uint256 growth1); interest is the
/// position's value, size what it takes to move the pool's price by ten percent, both in the vault's asset, of which
/// the quote token stands for a unit.
///
/// constructor(address owner, address setup, address sequencerFeed, uint32 shortest): shortest is the least number of
/// seconds of a subject's times.
interface IImpermanentLossTrigger is IOwned, ITrigger, IVarianceSource {
    struct Subject {
        address pool;             // Uniswap v3: the reference for prices, and what v3 positions are in
        address venue;            // a Uniswap v2 pair of the same tokens, or the manager of v3 positions
        bool pair;                // the venue is a pair
        address quote;            // in which values are told; one of the pool's tokens
        address feed;             // Chainlink proxy: the other token in the quote token
        uint32 heartbeat;         // the feed's, with margin
        uint32 window;            // over which a price is the mean
        uint32 reach;             // the pool's observations must reach back so far beyond the window at registration
        uint128 minLiquidity;     // least harmonic mean liquidity
        uint16 minCardinality;    // least number of the pool's observations at registration
        uint16 deviationBps;      // by which pool and feed may differ
        uint16 rangeFactorBps;    // the largest of a position: 2 / (2 - sqrt(a / P) - sqrt(P / b))
        uint32 halfLife;          // of the variance
        uint64 varianceFloor;     // WAD a year: where it begins, and it is never lower
        uint8 assetDecimals;      // of the vault's asset
    }

    event SubjectRegistered(bytes32 indexed subject, address indexed pool, address indexed venue);
    /// The square-root prices (2^96) of a moment, by the pool and by the feed.
    event PriceStored(bytes32 indexed subject, uint64 indexed at, uint256 poolPrice, uint256 feedPrice);
    event VarianceSampled(bytes32 indexed subject, uint256 poolPrice, uint64 yearlyWad);
    /// value: shares of the pair, or the id of the NFT.
    event PositionDeposited(uint256 indexed position, bytes32 indexed subject, address indexed owner, uint256 value);
    event PositionWithdrawn(uint256 indexed position, address indexed to);

    error UnknownSubject(bytes32 subject);
    error SubjectExists(bytes32 subject);
    error UnknownIncident(bytes32 subject, uint256 number);
    error InvalidEvidence();
    /// Pool, venue and quote do not belong together, or are not what their factory knows.
    error WrongMarket(address pool, address venue);
    /// There is no price: pool or feed do not answer, are too thin or too old, or do not agree.
    error NoPrice(bytes32 subject, uint64 at);
    error NotPositionOwner(uint256 position, address caller);
    /// The NFT is of another pool, or nothing is given.
    error WrongPosition(uint256 value);
    error InvalidReceiver(address to);

    /// Owner: registers a subject for ever; another configuration is another subject. Pool and feed must agree now.
    function register(bytes32 subject, Subject calldata config) external;
    /// Takes shares of the pair, or an NFT, by the caller's approval.
    function deposit(bytes32 subject, uint256 value) external returns (uint256 position);
    /// Gives a position back to its owner, who is the caller.
    function withdraw(uint256 position, address to) external;
    /// Collects the fees of a v3 position for its owner, who is the caller.
    function collect(uint256 position, address to) external returns (uint256 amount0, uint256 amount1);

    function subjectOf(bytes32 subject) external view returns (Subject memory);
    /// The stored square-root prices (2^96) of a moment; zeros: none.
    function priceAt(bytes32 subject, uint64 at) external view returns (uint256 poolPrice, uint256 feedPrice);
    /// A position in this contract; zeros: none.
    function positionOf(uint256 position) external view returns (bytes32 subject, address owner, uint256 value);
    /// The chain's uptime feed; zero where it has none.
    function sequencerFeed() external view returns (address);
    /// The least number of seconds of a subject's times.
    function shortest() external view returns (uint32);
}
