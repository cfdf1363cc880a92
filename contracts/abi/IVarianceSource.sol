// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// How much a subject's price moves: what cover on impermanent loss is priced by.
interface IVarianceSource {
    /// yearlyWad: realised variance of the price, WAD a year; rangeFactorBps: the most by which a position that can be
    /// insured loses more than one over the whole range, in basis points (10,000: not more).
    function variance(bytes32 subject) external view returns (uint64 yearlyWad, uint16 rangeFactorBps);
}
