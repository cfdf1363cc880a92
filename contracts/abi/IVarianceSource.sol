// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// What a trigger of impermanent loss answers beside ITrigger.
interface IVarianceSource {
    /// Realised variance of the pair's price, WAD a year, and how many times the loss of a position over the whole range
    /// one in this subject may have (at least 10000). Fails, or answers 0, where it is not known.
    function variance(bytes32 subject) external view returns (uint64 yearlyWad, uint16 rangeFactorBps);
}
