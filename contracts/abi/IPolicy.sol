// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOwned} from "./IOwned.sol";
import {IPausable} from "./IPausable.sol";
import {IERC721} from "./IERC721.sol";

/// Certificates of cover: an ERC-721 token a policy. Nothing loops over policies.
interface IPolicy is IOwned, IPausable, IERC721 {
    struct Policy {
        address holder;
        uint256 product;
        bytes32 subject;
        address insured;
        bytes32 position;
        uint256 amount;        // cover bought
        uint256 confirmed;     // claims confirmed so far
        uint256 remaining;     // amount times ratio, less confirmed
        uint64 start;          // cover begins, after the waiting period
        uint64 end;            // cover ends
        uint64 deadline;       // last filing, on the claims clock
        uint16 ratioBps;       // compensation ratio at the sale
        uint16 deductibleBps;  // deductible at the sale
        uint256 premium;       // gross premium paid
        bytes32 entryHash;     // hash of the trigger's entry at the sale
        bool filed;            // whether a claim was ever filed
        bool locked;           // whether a claim is open
        bool expired;          // closed for good
    }

    event PolicyBought(
        uint256 indexed policy, uint256 indexed product, bytes32 indexed subject, address payer, address insured, bytes32 position,
        uint256 amount, uint256 premium, uint64 start, uint64 end, uint64 deadline, bytes entry
    );
    event PremiumSplit(uint256 indexed policy, uint256 net, uint256 treasuryFee, uint256 juryFee, uint256 referralFee, address indexed referrer);
    event PolicyExpired(uint256 indexed policy);
    event PolicyClaimed(uint256 indexed policy, uint256 confirmed, uint256 remaining);
    event SharesSet(uint16 treasuryBps, uint16 juryBps, uint16 referralBps);

    error PurchasesClosed();
    error PremiumTooHigh(uint256 premium, uint256 max);
    error DeadlinePassed(uint256 deadline);
    error SubjectNotHealthy(bytes32 subject);
    /// Live cover on one (subject, insured, position) would pass the interest that the trigger reads.
    error InterestExceeded(uint256 cover, uint256 interest);
    /// The insured is neither the payer nor has signed.
    error InsuredMustConsent(address insured);
    error PolicyLocked(uint256 policy);
    error PolicyNotOver(uint256 policy, uint256 deadline);
    error PolicyIsExpired(uint256 policy);
    error NotHolder(address caller, uint256 policy);

    /// Buys cover for term seconds after the waiting period. The premium, at most maxPremium, is taken from the
    /// caller by allowance. deadline: the purchase must happen by then.
    function buy(
        uint256 product, bytes32 subject, address insured, bytes32 position, uint256 amount, uint256 term,
        uint256 maxPremium, uint256 deadline, address receiver, address referrer
    ) external returns (uint256 policy, uint256 premium);
    /// Closes policies whose last filing has passed; anyone.
    function expire(uint256 policy) external;

    // Called by Assessor
    /// Locks a policy for a claim by caller (its holder or an operator) and answers with its terms.
    function open(uint256 policy, address caller) external returns (
        uint256 product, bytes32 subject, address insured, bytes32 position, uint256 start, uint256 end,
        uint256 deadline, uint256 amount, uint256 confirmed, uint256 ratioBps, uint256 deductibleBps,
        bool filed, bytes32 entryHash, address holder
    );
    /// Records the claims confirmed so far and unlocks.
    function close(uint256 policy, uint256 confirmed) external;

    // Views
    function quote(uint256 product, bytes32 subject, uint256 amount, uint256 term) external view returns (
        uint256 premium, uint256 net, uint256 pure, uint256 capitalCost, uint256 load, uint256 rate,
        uint256 utilisationBefore, uint256 utilisationAfter, uint256 ratioBps, uint256 deductibleBps, uint256 waiting
    );
    function policyOf(uint256 policy) external view returns (Policy memory);
    function policyCount() external view returns (uint256);
    function totalSupply() external view returns (uint256);
    /// Live cover on one (subject, insured, position), and until when it counts.
    function coverOn(bytes32 subject, address insured, bytes32 position) external view returns (uint256 amount, uint256 until);
    function shares() external view returns (uint16 treasuryBps, uint16 juryBps, uint16 referralBps);
    function pausedUntil() external view returns (uint256);
    function peers() external view returns (address risk, address assessor, address certificate);
    function extension() external view returns (address);

    // Owner and guardian
    function wire(address risk, address assessor, address certificate) external;
    function setCertificate(address certificate) external;
    /// referralBps is the referrer's part of the treasury's share.
    function setShares(uint16 treasuryBps, uint16 juryBps, uint16 referralBps) external;
    function pausePurchases(uint64 duration, bytes32 reason) external;
}
