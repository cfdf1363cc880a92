// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC20} from "../../contracts/abi/IERC20.sol";

/// What a user of strategies needs of an ERC-4626 vault, with a switch for its moods: for tests only.
contract LendingStrategy {
    enum Mood {
        Good,
        Reverts,
        BurnsGas,
        SaysTooMuch
    }

    IERC20 public immutable asset;
    Mood public mood;
    uint256 public totalSupply;
    mapping(address account => uint256) public balanceOf;

    error Paused();

    constructor(IERC20 asset_) {
        asset = asset_;
    }

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    /// Gives assets to nobody.
    function lose(uint256 assets) external {
        asset.transfer(address(0xdead), assets);
    }

    function convertToAssets(uint256 shares) external view returns (uint256) {
        _feel();
        return _worth(shares);
    }

    function maxWithdraw(address owner) external view returns (uint256) {
        _feel();
        return _worth(balanceOf[owner]);
    }

    function maxRedeem(address owner) external view returns (uint256) {
        _feel();
        return balanceOf[owner];
    }

    function deposit(uint256 assets, address receiver) external returns (uint256 shares) {
        _feel();
        shares = totalSupply == 0 ? assets : assets * totalSupply / _total();
        asset.transferFrom(msg.sender, address(this), assets);
        totalSupply += shares;
        balanceOf[receiver] += shares;
    }

    function withdraw(uint256 assets, address receiver, address owner) external returns (uint256 shares) {
        _feel();
        shares = (assets * totalSupply + _total() - 1) / _total();
        _pay(shares, assets, receiver, owner);
    }

    function redeem(uint256 shares, address receiver, address owner) external returns (uint256 assets) {
        _feel();
        assets = _worth(shares);
        _pay(shares, assets, receiver, owner);
    }

    function _pay(uint256 shares, uint256 assets, address receiver, address owner) private {
        require(owner == msg.sender);
        balanceOf[owner] -= shares;
        totalSupply -= shares;
        asset.transfer(receiver, assets);
    }

    function _total() private view returns (uint256) {
        return asset.balanceOf(address(this));
    }

    function _worth(uint256 shares) private view returns (uint256) {
        return totalSupply == 0 ? shares : shares * _total() / totalSupply;
    }

    function _feel() private view {
        Mood now_ = mood;
        if (now_ == Mood.Reverts) revert Paused();
        if (now_ == Mood.BurnsGas) {
            while (true) {}
        }
        if (now_ == Mood.SaysTooMuch) {
            // As much as the gas that it is given pays for.
            assembly ("memory-safe") {
                revert(0, 100000)
            }
        }
    }
}
