// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC20, IERC20Permit} from "../../contracts/abi/IERC20.sol";
import {IVault} from "../../contracts/abi/IVault.sol";

/// Brings capital into a vault and out of it for others, by the ABI alone, as any router on the chain can. It keeps
/// nothing: what it takes of the caller is in the vault when the call ends. What the vault reverts with is what the
/// caller sees.
contract CapitalRouter {
    event Deposited(address indexed caller, address indexed receiver, uint256 assets, uint256 shares);
    event Requested(address indexed caller, uint256 requestId, uint256 shares);
    event Claimed(address indexed caller, address indexed receiver, uint256 shares, uint256 assets);

    error TransferFailed();

    IVault public immutable vault;
    IERC20 public immutable asset;

    constructor(IVault vault_) {
        vault = vault_;
        asset = IERC20(vault_.asset());
        if (!asset.approve(address(vault_), type(uint256).max)) revert TransferFailed();
    }

    /// Deposits assets of the caller, by its allowance to this contract; receiver gets at least minShares.
    function deposit(uint256 assets, address receiver, uint256 minShares) public returns (uint256 shares) {
        if (!asset.transferFrom(msg.sender, address(this), assets)) revert TransferFailed();
        shares = vault.deposit(assets, receiver, minShares);
        emit Deposited(msg.sender, receiver, assets, shares);
    }

    /// deposit, with the caller's permit of assets for this contract given to the asset before. A permit that somebody
    /// has brought already fails no deposit that the allowance suffices for.
    function depositWithPermit(
        uint256 assets, address receiver, uint256 minShares, uint256 deadline, uint8 v, bytes32 r, bytes32 s
    ) external returns (uint256 shares) {
        try IERC20Permit(address(asset)).permit(msg.sender, address(this), assets, deadline, v, r, s) {} catch {}
        return deposit(assets, receiver, minShares);
    }

    /// Asks for shares of the caller back; this contract is its operator. The request is the caller's own.
    function request(uint256 shares) external returns (uint256 requestId) {
        requestId = vault.requestRedeem(shares, msg.sender, msg.sender);
        emit Requested(msg.sender, requestId, shares);
    }

    /// Takes the caller's request back, as far as it was not served; the shares go to receiver.
    function cancel(address receiver) external returns (uint256 shares) {
        return vault.cancelRedeemRequest(0, msg.sender, receiver);
    }

    /// Takes all that was served of the caller's request; receiver gets at least minAssets.
    function claim(address receiver, uint256 minAssets) external returns (uint256 assets) {
        uint256 shares = vault.maxRedeem(msg.sender);
        assets = vault.redeem(shares, receiver, msg.sender);
        if (assets < minAssets) revert IVault.SlippageExceeded(assets, minAssets);
        emit Claimed(msg.sender, receiver, shares, assets);
    }
}
