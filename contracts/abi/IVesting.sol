// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOwned} from "./IOwned.sol";

/// Votes that become their beneficiary's over time: nothing before the cliff, then linearly until the end. All of them
/// vote while they vest, for whom the beneficiary names. ABI and events of OpenZeppelin's VestingWallet with a cliff, for
/// one token; its owner is the timelock, which may revoke what has not vested, and there is no set-up key. What comes
/// later vests as if it had been there from the start; other tokens that come here are the beneficiary's at once.
interface IVesting is IOwned {
    event ERC20Released(address indexed token, uint256 amount);
    event BeneficiaryTransferStarted(address indexed beneficiary, address indexed next);
    event BeneficiaryTransferred(address indexed beneficiary, address indexed next);
    /// What had not vested went back; what had stays the beneficiary's.
    event Revoked(uint256 returned, address indexed to);

    error NotBeneficiary(address account);
    /// Neither nobody nor this contract itself.
    error InvalidBeneficiary(address beneficiary);
    /// The cliff is after the end.
    error InvalidCliffDuration(uint64 cliffSeconds, uint64 durationSeconds);
    error AlreadyRevoked();
    /// What was revoked goes neither to nobody nor back here.
    error InvalidReceiver(address to);
    /// By another address, this token moves the one that vests.
    error WrongToken(address token);
    /// The token refused to delegate and did not say why.
    error FailedCall();

    // Anyone
    /// Pays the beneficiary what has vested since the last time; of any other token, all that is here.
    function release(address token) external;

    // The beneficiary
    /// Lets delegatee vote with all that is here, until it is told otherwise.
    function delegate(address delegatee) external;
    /// Offers the allocation to next, who accepts it; zero withdraws the offer.
    function transferBeneficiary(address next) external;
    /// Takes the allocation, with what has vested and was not released.
    function acceptBeneficiary() external;

    // Owner
    /// Ends the vesting now: what has not vested goes to to, and all that is left is the beneficiary's.
    function revoke(address to) external returns (uint256 returned);

    // Views
    /// What vests.
    function token() external view returns (address);
    function beneficiary() external view returns (address);
    function pendingBeneficiary() external view returns (address);
    /// From when on it is counted.
    function start() external view returns (uint256);
    /// Before this, nothing has vested.
    function cliff() external view returns (uint256);
    /// Seconds from the start to the end.
    function duration() external view returns (uint256);
    /// When all has vested, as it was agreed; a revocation ends it earlier.
    function end() external view returns (uint256);
    /// When it was revoked; 0 where it was not.
    function revokedAt() external view returns (uint256);
    /// What the beneficiary was paid of a token.
    function released(address token) external view returns (uint256);
    /// What release would pay now.
    function releasable(address token) external view returns (uint256);
    /// What has vested by timestamp of all that was ever here and not revoked, rounded down.
    function vestedAmount(address token, uint64 timestamp) external view returns (uint256);
}
