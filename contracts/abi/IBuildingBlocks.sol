// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// What the building blocks that the protocol's contracts share refuse with, named as OpenZeppelin's where it has one.
interface IBuildingBlocks {
    error ReentrancyGuardReentrantCall();
    /// A result that no word holds, or less than nothing.
    error MathOverflow();
    /// A value for which its place in storage is too small.
    error SafeCastOverflowedUintDowncast(uint8 bits, uint256 value);
    error AddressEmptyCode(address target);
    /// A token that answered neither true nor nothing.
    error SafeERC20FailedOperation(address token);
    /// A contract that answered with something else than its interface says.
    error InvalidReturnData(address from);
}
