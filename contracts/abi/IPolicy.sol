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
        uint256 remaining;     // amount times ratio, less confirmed: of no use once expired or cancelled
        uint64 start;          // cover begins, after the waiting period
        uint64 end;            // cover ends
        uint64 deadline;       // last filing, on the claims clock
        uint16 ratioBps;       // compensation ratio at the sale
        uint16 deductibleBps;  // deductible at the sale
        uint256 net;           // the pool's premium, earned from earning to end; a cancel gives back a part of it
        uint64 earning;        // start, or the last extension
        bytes32 entryHash;     // hash of the trigger's entry at the sale
        bool filed;            // whether a claim was ever filed
        bool locked;           // whether a claim is open: it cannot be transferred
        bool expired;          // closed for good; the certificate stays its holder's
        bool cancelled;        // given back before its end: closed for good too
    }

    /// What a page shows of a product. Amounts in the asset's smallest unit, times in seconds.
    struct ProductView {
        uint256 product;
        address vault;
        address trigger;
        address asset;         // zeros of the asset's where the vault or the asset does not tell them
        uint8 decimals;
        bytes32 symbol;        // as text
        uint8 cover;           // IRisk.Cover
        uint8 status;          // IRisk.Status
        uint256 family;
        uint256 latest;        // the family's newest version
        uint32 waiting;
        uint32 grace;
        uint32 minTerm;
        uint32 maxTerm;
        uint128 minAmount;
        uint128 maxAmount;
        uint16 deductibleBps;
        bool jury;             // whether a jury may decide
        bytes32 termsHash;     // hash of the wording
    }

    /// Everything about a sale that will matter at a claim; entry is what Assessor.file asks for.
    event PolicyBought(
        uint256 indexed policy, uint256 indexed product, bytes32 indexed subject, address payer, address insured, bytes32 position,
        uint256 amount, uint256 premium, uint64 start, uint64 end, uint64 deadline, bytes entry
    );
    /// premium = net + treasuryFee + juryFee + referralFee, exactly.
    event PremiumSplit(uint256 indexed policy, uint256 net, uint256 treasuryFee, uint256 juryFee, uint256 referralFee, address indexed referrer);
    event PolicyExpired(uint256 indexed policy);
    /// Cover goes on until end; PremiumSplit tells the parts of the premium.
    event PolicyExtended(uint256 indexed policy, address indexed payer, uint256 premium, uint64 end, uint64 deadline);
    event ExtensionAllowed(uint256 indexed policy, address indexed keeper, uint256 mostPremium, uint64 until);
    event PolicyCancelled(uint256 indexed policy, address indexed receiver, uint256 refunded);
    event PolicyClaimed(uint256 indexed policy, uint256 confirmed, uint256 remaining);
    /// Where a product's calls and money go, for ever.
    event ProductListed(uint256 indexed product, address indexed trigger, address indexed vault, address asset);
    event PeersSet(address indexed risk, address indexed assessor, address indexed certificate);
    event SharesSet(uint16 treasuryBps, uint16 juryBps, uint16 referralBps);
    event ShortRateSet(uint16 bps);

    /// The vault is closed for business.
    error PurchasesClosed();
    error PremiumTooHigh(uint256 premium, uint256 max);
    error DeadlinePassed(uint256 deadline);
    error SubjectNotHealthy(bytes32 subject);
    /// Live cover on one (subject, insured, position) would pass the interest that the trigger reads.
    error InterestExceeded(uint256 cover, uint256 interest);
    /// The insured is neither the payer nor has signed.
    error InsuredMustConsent(address insured);
    /// A claim is open: no transfer, no second claim, no expiry before it is closed.
    error PolicyLocked(uint256 policy);
    /// Nothing to close: no claim is open.
    error ClaimNotOpen(uint256 policy);
    /// Confirmed claims would pass the cover (amount times ratio).
    error CoverExceeded(uint256 confirmed, uint256 cover);
    error PolicyNotOver(uint256 policy, uint256 deadline);
    error PolicyIsExpired(uint256 policy);
    error PolicyIsCancelled(uint256 policy);
    /// Cover has ended: there is nothing to cancel, and nothing to extend without a gap.
    error PolicyNotInForce(uint256 policy, uint256 end);
    /// A policy that a claim was filed on is not extended: buy another one.
    error PolicyWasFiled(uint256 policy);
    /// More policies than one call takes.
    error TooManyPolicies(uint256 given, uint256 most);
    /// The caller is neither the policy's holder nor one of its operators.
    error NotHolder(address caller, uint256 policy);

    /// Buys cover for term seconds after the waiting period. The premium, at most maxPremium, is taken from the
    /// caller by allowance. deadline: the purchase must happen by then. insured is the caller. The certificate goes to
    /// receiver, which is not called. A referrer is paid out of the treasury's share; the buyer, the insured and the
    /// receiver are none.
    function buy(
        uint256 product, bytes32 subject, address insured, bytes32 position, uint256 amount, uint256 term,
        uint256 maxPremium, uint256 deadline, address receiver, address referrer
    ) external returns (uint256 policy, uint256 premium);
    /// buy, with the caller's permit of maxPremium for this contract given to the asset before. A permit that fails,
    /// since somebody has brought it already, fails no purchase that the allowance suffices for.
    function buyWithPermit(
        uint256 product, bytes32 subject, address insured, bytes32 position, uint256 amount, uint256 term,
        uint256 maxPremium, uint256 deadline, address receiver, address referrer,
        uint256 permitDeadline, uint8 v, bytes32 r, bytes32 s
    ) external returns (uint256 policy, uint256 premium);
    /// buy for an insured who has signed, with the insured's key or as a contract (ERC-1271), and the caller pays. What
    /// is signed, once and until signedUntil, is the EIP-712 struct Consent(address insured,uint256 product,
    /// bytes32 subject,bytes32 position,uint256 amount,uint256 term,address receiver,uint256 nonce,uint256 deadline),
    /// deadline being signedUntil.
    function buyFor(
        uint256 product, bytes32 subject, address insured, bytes32 position, uint256 amount, uint256 term,
        uint256 maxPremium, uint256 deadline, address receiver, address referrer,
        uint256 signedUntil, bytes calldata signature
    ) external returns (uint256 policy, uint256 premium);
    /// Lets cover go on for term seconds after its end, at today's price for what it covers, without a gap and without
    /// a second waiting period. Amount, ratio and deductible stay; everything that buy checks is checked again. Its
    /// holder or an operator, who pays; or the keeper of allowExtension, and the holder pays by his allowance of the
    /// asset to this contract. Not once a claim was filed, nor after its end. deadline and referrer are as in buy.
    function extend(uint256 policy, uint256 term, uint256 maxPremium, uint256 deadline, address referrer)
        external returns (uint256 premium, uint64 newEnd);
    /// Lets keeper extend a policy once until then, at the holder's cost of at most mostPremium; the holder only. A
    /// transfer ends it; the zero address takes it back.
    function allowExtension(uint256 policy, address keeper, uint256 mostPremium, uint64 until) external;
    /// Closes a policy whose last filing has passed, on the claims clock; anyone. The certificate stays.
    function expire(uint256 policy) external;
    /// Expires those of at most 50 policies whose last filing has passed, and answers how many. The others, what is
    /// closed already and what does not exist are passed over.
    function batchExpire(uint256[] calldata policies) external returns (uint256 done);
    /// Gives a policy back before its end; its holder or an operator. receiver gets the part of the net premium that
    /// its cover has not used (by time and by what claims have left of it), less the short rate; what it cannot
    /// receive becomes its credit at the vault. Not while a claim is open, nor while an incident is open on its line.
    function cancel(uint256 policy, address receiver) external returns (uint256 refunded);

    /// Keeps a product's trigger, vault and asset as Risk and the vault tell them now, for ever; anyone. Its first
    /// sale does it otherwise.
    function list(uint256 product) external;
    /// Hands the variance that a trigger of impermanent loss tells (IVarianceSource) on to Risk, so that quote knows
    /// today's; anyone. buy and extend do it by themselves.
    function observeVariance(uint256 product, bytes32 subject) external;

    // Called by Assessor
    /// Locks a policy for a claim by caller (its holder or an operator) and answers with its terms; filed:
    /// whether a claim was filed before this one.
    function open(uint256 policy, address caller) external returns (
        uint256 product, bytes32 subject, address insured, bytes32 position, uint256 start, uint256 end,
        uint256 deadline, uint256 amount, uint256 confirmed, uint256 ratioBps, uint256 deductibleBps,
        bool filed, bytes32 entryHash, address holder
    );
    /// Records the claims confirmed so far and unlocks.
    function close(uint256 policy, uint256 confirmed) external;

    // Views
    /// What buy would take now, and where it comes from: net is the pool's, premium what the buyer pays, locked the
    /// capital that the cover locks. Fails where the subject is not healthy; the interest in the position is heard
    /// where the trigger can tell it in a view. Pauses and the subject's size have their own say in buy.
    function quote(uint256 product, bytes32 subject, address insured, bytes32 position, uint256 amount, uint256 term)
        external view returns (
            uint256 premium, uint256 net, uint256 purePremium, uint256 capitalCost, uint256 load, uint256 rate,
            uint256 utilisationBefore, uint256 utilisationAfter, uint256 ratioBps, uint256 deductibleBps, uint256 waiting,
            uint256 locked
        );
    function policyOf(uint256 policy) external view returns (Policy memory);
    /// Those of the policies from number cursor on (0 begins at the first) that owner holds, closed ones too. n counts
    /// the numbers that are looked at; next is where to go on, 0 where none are left.
    function policiesOf(address owner, uint256 cursor, uint256 n) external view returns (uint256[] memory policies, uint256 next);
    /// The n products from cursor on (0 begins at the first); next is where to go on, 0 where none are left.
    function productPage(uint256 cursor, uint256 n) external view returns (ProductView[] memory products, uint256 next);
    /// Capital that a product locks, the most that it may lock now, and what a sale finds of it: nothing while the
    /// product is not on sale, its vault closed or purchases paused. The vault's other products may leave less.
    function capacity(uint256 product) external view returns (uint256 locked, uint256 limit, uint256 available);
    /// Policies sold so far; their numbers run from 1 to it.
    function policyCount() external view returns (uint256);
    /// The same: certificates are never destroyed.
    function totalSupply() external view returns (uint256);
    /// Live cover on one (subject, insured, position) of the product's trigger, over all products with that
    /// trigger, and until when it counts.
    function coverOn(uint256 product, bytes32 subject, address insured, bytes32 position) external view returns (uint256 amount, uint256 until);
    function shares() external view returns (uint16 treasuryBps, uint16 juryBps, uint16 referralBps);
    /// What the next Consent of an insured must carry.
    function nonces(address insured) external view returns (uint256);
    /// Of the EIP-712 domain with name "Palisade Policy" and version "1".
    function DOMAIN_SEPARATOR() external view returns (bytes32);
    /// Who may extend a policy at its holder's cost, for how much and until when; zeros where nobody may.
    function extensionAllowance(uint256 policy) external view returns (address keeper, uint256 mostPremium, uint64 until);
    /// What is kept of a refund, basis points.
    function shortRate() external view returns (uint16 bps);
    function pausedUntil() external view returns (uint256);
    function peers() external view returns (address risk, address assessor, address certificate);
    function extension() external view returns (address);

    // Owner and guardian
    function wire(address risk, address assessor, address certificate) external;
    /// Replaces the renderer of certificates.
    function setCertificate(address certificate) external;
    /// The treasury's and the jury's share of the gross premium, together at most 50 %; referralBps is the
    /// referrer's part of the treasury's share. For sales from now on.
    function setShares(uint16 treasuryBps, uint16 juryBps, uint16 referralBps) external;
    /// What is kept of a refund, at most 20 %. For cancellations from now on.
    function setShortRate(uint16 bps) external;
    function pausePurchases(uint64 duration, bytes32 reason) external;
}
