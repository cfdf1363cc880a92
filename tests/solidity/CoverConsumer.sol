// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IAssessor} from "../../contracts/abi/IAssessor.sol";
import {IERC20} from "../../contracts/abi/IERC20.sol";
import {IPolicy} from "../../contracts/abi/IPolicy.sol";

/// A protocol that insures what it holds: it buys its cover and files its claim by the ABI alone, as any contract
/// on the chain can. Its owner tells it when; certificates and payouts are the contract's own.
contract CoverConsumer {
    event Insured(uint256 indexed policy, uint256 premium);
    event Compensated(uint256 indexed policy, uint256 indexed incident, uint256 confirmed, uint256 paid);

    error NotOwner(address caller);
    /// The premium left the contract but is not what the purchase told, or the payout did not arrive.
    error UnexpectedBalance(uint256 expected, uint256 actual);
    error TransferFailed();

    address public immutable owner;
    IPolicy public immutable policies;
    IAssessor public immutable assessor;
    IERC20 public immutable asset;
    /// Every policy bought, in order.
    uint256[] public bought;

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        _;
    }

    constructor(IPolicy policies_, IAssessor assessor_, IERC20 asset_) {
        owner = msg.sender;
        policies = policies_;
        assessor = assessor_;
        asset = asset_;
    }

    /// The premium for a cover of amount over term seconds, at this moment.
    function premiumOf(uint256 product, bytes32 subject, uint256 amount, uint256 term) external view returns (uint256 premium) {
        (premium,,,,,,,,,,,) = policies.quote(product, subject, address(this), bytes32(0), amount, term);
    }

    /// Buys cover for this contract out of its own money, for a premium of at most maxPremium.
    function insure(uint256 product, bytes32 subject, uint256 amount, uint256 term, uint256 maxPremium)
        external
        onlyOwner
        returns (uint256 policy, uint256 premium)
    {
        uint256 balance = asset.balanceOf(address(this));
        if (!asset.approve(address(policies), maxPremium)) revert TransferFailed();
        (policy, premium) = policies.buy(
            product, subject, address(this), bytes32(0), amount, term, maxPremium, block.timestamp, address(this), address(0)
        );
        if (!asset.approve(address(policies), 0)) revert TransferFailed();
        uint256 left = asset.balanceOf(address(this));
        if (left + premium != balance) revert UnexpectedBalance(balance - premium, left);
        bought.push(policy);
        emit Insured(policy, premium);
    }

    /// Files a policy's claim; the payout arrives in the same call. Anyone may make the contract do so.
    function claim(uint256 policy, uint256 incident, bytes calldata entry, bytes calldata evidence)
        external
        returns (uint256 confirmed, uint256 paid)
    {
        uint256 balance = asset.balanceOf(address(this));
        (confirmed, paid) = assessor.file(policy, incident, entry, evidence);
        uint256 now_ = asset.balanceOf(address(this));
        if (now_ != balance + paid) revert UnexpectedBalance(balance + paid, now_);
        emit Compensated(policy, incident, confirmed, paid);
    }

    /// Cover that is left of a policy.
    function remaining(uint256 policy) external view returns (uint256) {
        return policies.policyOf(policy).remaining;
    }

    function boughtCount() external view returns (uint256) {
        return bought.length;
    }

    /// Takes the contract's money out.
    function withdraw(address to, uint256 amount) external onlyOwner {
        if (!asset.transfer(to, amount)) revert TransferFailed();
    }

    /// Certificates may be sent here.
    function onERC721Received(address, address, uint256, bytes calldata) external pure returns (bytes4) {
        return this.onERC721Received.selector;
    }
}
