// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOwned} from "./IOwned.sol";

/// Votes that become their beneficiary's over time: nothing before the cliff, then linearly until the end. All of them
/// vote while they vest, for whom the beneficiary names. ABI and events of OpenZeppelin's VestingWallet with a cliff, for
/// one token. The owner (the timelock) may revoke what has not vested.
interface IVesting is IOwned {
    event ERC20Released(address indexed token, uint256 amount);
    event BeneficiaryTransferStarted(address indexed beneficiary, address indexed next);
    event BeneficiaryTransferred(address indexed beneficiary, address indexed next);
    /// What had not vested went back; what had stays the beneficiary's.
    event Revoked(uint256 returned, address indexed to);

    error NotBeneficiary(address account);
    error AlreadyRevoked();

    // Anyone
    /// Pays the beneficiary what has vested since the last time.
    function release(address token) external;

    // The beneficiary
    /// Lets delegatee vote with all that is here.
    function delegate(address delegatee) external;
    /// Offers the allocation to next, who accepts it; zero withdraws the offer.
    function transferBeneficiary(address next) external;
    function acceptBeneficiary() external;

    // Owner
    /// Ends the vesting now: what has not vested goes to to.
    function revoke(address to) external returns (uint256 returned);

    // Views
    function token() external view returns (address);
    function beneficiary() external view returns (address);
    function pendingBeneficiary() external view returns (address);
    function start() external view returns (uint256);
    function cliff() external view returns (uint256);
    function duration() external view returns (uint256);
    function end() external view returns (uint256);
    /// When it was revoked; 0 where it was not.
    function revokedAt() external view returns (uint256);
    function released(address token) external view returns (uint256);
    function releasable(address token) external view returns (uint256);
    /// What has vested by timestamp of all that was ever here.
    function vestedAmount(address token, uint64 timestamp) external view returns (uint256);
}
