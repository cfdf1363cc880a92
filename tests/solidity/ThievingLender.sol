// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC20} from "../../contracts/abi/IERC20.sol";
import {InsuredDeposits} from "./InsuredDeposits.sol";

/// A lender that calls back whoever withdraws from it: for tests only.
contract ThievingLender {
    IERC20 public immutable asset;
    mapping(address account => uint256) public balanceOf;

    constructor(IERC20 asset_) {
        asset = asset_;
    }

    function deposit(uint256 assets, address receiver) external returns (uint256) {
        asset.transferFrom(msg.sender, address(this), assets);
        balanceOf[receiver] += assets;
        return assets;
    }

    /// Asks for the same once more before anything is paid.
    function withdraw(uint256 assets, address receiver, address owner) external returns (uint256) {
        InsuredDeposits(owner).withdraw(0, receiver);
        return assets;
    }

    function convertToAssets(uint256 shares) external pure returns (uint256) {
        return shares;
    }
}

/// A token that keeps a hundredth of what is moved, and while it refuses says no to everything and does nothing: for tests
/// only.
contract FeeCoin {
    uint8 public constant decimals = 6;
    mapping(address account => uint256) public balanceOf;
    bool public refuses;

    function refuse(bool refuses_) external {
        refuses = refuses_;
    }

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
    }

    function approve(address, uint256) external view returns (bool) {
        return !refuses;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        if (refuses) return false;
        balanceOf[from] -= value;
        balanceOf[to] += value - value / 100;
        return true;
    }
}
