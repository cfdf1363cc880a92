// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IAssessor} from "@palisade/abi/IAssessor.sol";
import {IERC20} from "@palisade/abi/IERC20.sol";
import {IPolicy} from "@palisade/abi/IPolicy.sol";

/// A treasury that holds a stablecoin, insures itself against its depeg, and claims.
contract SelfInsured {
    IPolicy public immutable policies;
    IAssessor public immutable assessor;
    IERC20 public immutable asset; // what premiums and payouts are in
    address public immutable owner = msg.sender;

    constructor(IPolicy policies_, IAssessor assessor_, IERC20 asset_) {
        (policies, assessor, asset) = (policies_, assessor_, asset_);
    }

    /// What a cover would cost now.
    function quote(uint256 product, bytes32 subject, uint256 amount, uint256 term) public view returns (uint256 premium) {
        (premium,,,,,,,,,,,) = policies.quote(product, subject, address(this), 0, amount, term);
    }

    /// Buys cover with this contract's money, for a premium of at most maxPremium. The certificate is this contract's.
    function insure(uint256 product, bytes32 subject, uint256 amount, uint256 term, uint256 maxPremium)
        external
        returns (uint256 policy)
    {
        require(msg.sender == owner, "Not the owner");
        asset.approve(address(policies), maxPremium);
        (policy,) = policies.buy(
            product, subject, address(this), 0, amount, term, maxPremium, block.timestamp, address(this), address(0)
        );
        asset.approve(address(policies), 0);
    }

    /// Files a claim; anyone may have it filed. What is small is here when the call ends, what is large after a delay.
    /// entry: the bytes of the event PolicyBought. evidence: empty for the incident's worst time.
    function claim(uint256 policy, uint256 incident, bytes calldata entry) external returns (uint256 paid) {
        (, paid) = assessor.file(policy, incident, entry, "");
    }

    /// Cover that is left.
    function remaining(uint256 policy) external view returns (uint256) {
        return policies.policyOf(policy).remaining;
    }

    function withdraw(address to, uint256 amount) external {
        require(msg.sender == owner, "Not the owner");
        require(asset.transfer(to, amount), "Transfer failed");
    }
}
