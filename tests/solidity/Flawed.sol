// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC721URIStorage} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721URIStorage.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

// Contracts that break one rule of their standard each, chosen at construction: what the suites of the standards must
// notice. For tests only.

/// An ERC-20 token with permit that breaks a rule.
contract FlawedCoin is ERC20Permit {
    uint256 private immutable flaw;

    constructor(uint256 flaw_) ERC20("Flawed coin", "FLAW") ERC20Permit("Flawed coin") {
        flaw = flaw_;
    }

    function mint(address to, uint256 value) external {
        _mint(to, value);
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        if (flaw == 1) return false;
        if (flaw == 2) _mint(to, 1);
        if (flaw == 3 && value == 0) return true; // without an event
        bool moved = super.transfer(to, value);
        return flaw != 4 && moved;
    }

    function approve(address spender, uint256 value) public override returns (bool) {
        return super.approve(spender, flaw == 5 ? allowance(msg.sender, spender) + value : value);
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        if (flaw == 6) {
            _transfer(from, to, value);
            return true;
        }
        return super.transferFrom(from, to, value);
    }

    function _spendAllowance(address owner, address spender, uint256 value) internal override {
        if (flaw == 7 && allowance(owner, spender) >= value) return;
        super._spendAllowance(owner, spender, value);
    }

    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        public
        override
    {
        if (flaw == 8) {
            _approve(owner, spender, value); // for whoever asks
            return;
        }
        if (flaw == 9) {
            super.permit(owner, spender, value, deadline, v, r, s);
            _approve(owner, spender, value + 1);
            return;
        }
        super.permit(owner, spender, value, deadline, v, r, s);
    }

    function eip712Domain()
        public
        view
        override
        returns (bytes1, string memory, string memory, uint256, address, bytes32, uint256[] memory)
    {
        // flaw 10 tells another name than the one that is signed for
        string memory told = flaw == 10 ? "Sound coin" : name();
        return (hex"0f", told, "1", block.chainid, address(this), bytes32(0), new uint256[](0));
    }
}

/// An ERC-4626 vault that breaks a rule.
contract FlawedVault is ERC4626 {
    using Math for uint256;

    uint256 private immutable flaw;

    constructor(IERC20 asset, uint256 flaw_) ERC20("Flawed vault", "FLAW") ERC4626(asset) {
        flaw = flaw_;
    }

    function maxDeposit(address receiver) public view override returns (uint256) {
        // less than what a deposit takes
        return flaw == 1 ? 1_000 : super.maxDeposit(receiver);
    }

    function deposit(uint256 assets, address receiver) public override returns (uint256 shares) {
        shares = previewDeposit(assets);
        _deposit(msg.sender, flaw == 2 ? msg.sender : receiver, assets, shares);
        if (flaw == 3) return shares + 1;
    }

    function previewDeposit(uint256 assets) public view override returns (uint256) {
        return _convertToShares(assets, flaw == 4 ? Math.Rounding.Ceil : Math.Rounding.Floor);
    }

    function previewMint(uint256 shares) public view override returns (uint256) {
        return _convertToAssets(shares, flaw == 5 ? Math.Rounding.Floor : Math.Rounding.Ceil);
    }

    function previewRedeem(uint256 shares) public view override returns (uint256) {
        return _convertToAssets(shares, flaw == 6 ? Math.Rounding.Ceil : Math.Rounding.Floor);
    }

    function convertToAssets(uint256 shares) public view override returns (uint256) {
        return _convertToAssets(shares, flaw == 7 ? Math.Rounding.Ceil : Math.Rounding.Floor);
    }

    function _deposit(address caller, address receiver, uint256 assets, uint256 shares) internal override {
        super._deposit(caller, receiver, assets, shares);
        if (flaw == 8) emit Deposit(receiver, caller, assets, shares);
    }
}

/// ERC-721 certificates that break a rule.
contract FlawedCertificate is ERC721URIStorage {
    uint256 private immutable flaw;

    constructor(uint256 flaw_) ERC721("Flawed certificate", "FLAW") {
        flaw = flaw_;
    }

    function mint(address to, uint256 id) external {
        _mint(to, id);
    }

    function setTokenURI(uint256 id, string calldata uri) external {
        if (flaw == 1) return;
        _setTokenURI(id, uri);
    }

    function transferFrom(address from, address to, uint256 id) public override(ERC721, IERC721) {
        address approved = _getApproved(id);
        if (flaw == 2) {
            _transfer(from, to, id); // by whoever asks
            return;
        }
        super.transferFrom(from, to, id);
        if (flaw == 3) _approve(approved, id, address(0));
    }

    function safeTransferFrom(address from, address to, uint256 id, bytes memory data) public override(ERC721, IERC721) {
        if (flaw == 4) {
            transferFrom(from, to, id); // without a question
            return;
        }
        super.safeTransferFrom(from, to, id, flaw == 5 ? bytes("") : data);
    }

    function supportsInterface(bytes4 id) public view override returns (bool) {
        return flaw == 6 || super.supportsInterface(id);
    }

    function ownerOf(uint256 id) public view override(ERC721, IERC721) returns (address) {
        return flaw == 7 ? _ownerOf(id) : super.ownerOf(id);
    }

    function balanceOf(address owner) public view override(ERC721, IERC721) returns (uint256) {
        return flaw == 8 && owner == address(0) ? 0 : super.balanceOf(owner);
    }
}
