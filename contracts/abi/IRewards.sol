// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOwned} from "./IOwned.sol";

/// Rewards for capital: shares of a vault are staked and earn PALI along a curve that peaks where the vault has the
/// capital that it is meant to have. Nothing is promised that is not held. A loyalty share gives a part of their premium
/// back to who were insured long and never claimed. Staked shares carry the vault's risk as all others do; nothing is
/// slashed here.
interface IRewards is IOwned {
    event Staked(address indexed from, address indexed account, uint256 shares);
    event UnstakeRequested(address indexed account, uint256 shares, uint64 ready);
    event Unstaked(address indexed account, address indexed receiver, uint256 shares);
    /// Staked shares went into the vault's queue as a request of controller's.
    event RedemptionRequested(address indexed account, address indexed controller, uint256 shares);
    event RewardPaid(address indexed account, address indexed receiver, uint256 amount);
    event Funded(address indexed token, uint256 amount);
    event Defunded(address indexed token, address indexed to, uint256 amount);
    /// So much is emitted a second from now on, at this capital of the vault and this target.
    event EmissionChanged(uint256 perSecond, uint256 capital, uint256 target);
    event MostEmissionSet(uint128 mostPerSecond);
    event LoyaltySet(uint16 bps, uint64 leastSeconds);
    event RebatePaid(uint256 indexed policy, address indexed receiver, address indexed asset, uint256 amount);

    // Stakers
    function stake(uint256 shares, address account) external;
    function stakeWithPermit(uint256 shares, address account, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
    function requestUnstake(uint256 shares) external returns (uint64 ready);
    function unstake(address receiver) external returns (uint256 shares);
    function requestRedeem(uint256 shares, address controller) external;
    function claim(address receiver) external returns (uint256 amount);

    // Holders of policies
    function claimRebate(uint256 policy, address receiver) external returns (uint256 amount);

    // Anyone
    /// Takes in what was sent here: PALI for emission, other tokens for rebates.
    function fund(address token) external returns (uint256 amount);
    function poke() external returns (uint256 perSecond);

    // Owner
    function setEmission(uint128 mostPerSecond) external;
    function setLoyalty(uint16 bps, uint64 leastSeconds) external;
    /// Gives back what nothing was promised of.
    function defund(address token, address to, uint256 amount) external;

    // Views
    function vault() external view returns (address);
    function token() external view returns (address);
    function policy() external view returns (address);
    function totalStaked() external view returns (uint256);
    function stakeOf(address account) external view returns (uint256 shares, uint256 earned, uint256 leaving, uint64 ready);
    function emission() external view returns (uint256 perSecond, uint128 mostPerSecond, uint256 promised, uint256 free);
    function loyalty() external view returns (uint16 bps, uint64 leastSeconds);
    function rebateOf(uint256 policy) external view returns (uint256 amount);
    function cooldown() external view returns (uint64);
}
