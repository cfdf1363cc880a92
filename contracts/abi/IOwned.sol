// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IBuildingBlocks} from "./IBuildingBlocks.sol";

/// Ownership in two steps, a set-up key that gives itself up, and a guardian that can only pause.
/// Every contract of the protocol has these.
interface IOwned is IBuildingBlocks {
    event OwnershipTransferStarted(address indexed previousOwner, address indexed newOwner);
    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);
    event SetupFinished(address indexed setup);
    event GuardianSet(address indexed guardian);

    error OwnableUnauthorizedAccount(address account);
    error OwnableInvalidOwner(address owner);
    error NotGuardian(address account);
    /// The caller is not the one contract that may call this function.
    error UnauthorizedCaller(address account);
    /// Peers are wired once.
    error AlreadyWired();
    /// The contract cannot work before its peers are wired.
    error NotWired();
    /// A parameter is outside its bounds: which one, by its name in the interface, and its value.
    error ParameterOutOfBounds(bytes32 parameter, uint256 value);

    /// The timelock.
    function owner() external view returns (address);
    function pendingOwner() external view returns (address);
    function transferOwnership(address newOwner) external;
    function acceptOwnership() external;
    /// The key that may configure until it gives itself up; zero afterwards.
    function setup() external view returns (address);
    function finishSetup() external;
    /// Who may pause, for at most seven days; zero for nobody.
    function guardian() external view returns (address);
    function setGuardian(address newGuardian) external;
}
