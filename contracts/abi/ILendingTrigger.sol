// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IFallTrigger} from "./IFallTrigger.sol";

/// Lending: bad debt that lenders bear. What one share of a lender's position is worth:
///
/// - kind 1, a reserve of Aave v3.3 or later: 1e18 less the sum of the deficit's increments, each over the supply when it
///   came. What is paid back of the deficit takes the same part of the loss back. Where aTokens are not covered by money,
///   debt and deficit to triggerBps, nothing is sold; where that stands for persistence seconds, at all observations, it is
///   latent evidence: a flash loan is none. Deficit that existed at the registration counts for nothing.
/// - kind 2, an ERC-4626 vault: convertToAssets of one share.
/// - kind 3, a vault that keeps its price and tells lostAssets (MetaMorpho 1.1): the same, less the sum of increments of
///   what is lost and not covered by shares of address(1), each over the total assets when it came; as with kind 1.
///
/// The supply (kind 1) and the total assets (kind 3) are a mean over the last persistence seconds. Between two observations
/// the one of both counts that is nearer to the mean: a deposit or a withdrawal around one observation moves nothing, and
/// what grows or shrinks counts once two observations in a row have seen it.
///
/// constructor(address owner, address setup, uint32 shortest): shortest is the least number of seconds of a subject's
/// persistence and calm.
interface ILendingTrigger is IFallTrigger {
    struct Subject {
        address source;       // Aave's pool, or the vault
        address asset;        // what is lent
        uint8 kind;           // 1, 2 or 3
        uint16 triggerBps;    // a fall of this much matters: 50 to 9,000
        uint32 persistence;   // how long it must stand
        uint32 calm;          // closed after so long without a deeper one, at least persistence
    }

    event SubjectRegistered(bytes32 indexed subject, address indexed source, address indexed asset, uint256 value);

    /// Owner: registers a subject for ever; another configuration is another subject. The source must answer.
    function register(bytes32 subject, Subject calldata config) external;

    /// A subject, and the token that its lenders hold.
    function subjectOf(bytes32 subject) external view returns (Subject memory config, address share);
}
