// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOwned} from "./IOwned.sol";
import {IPausable} from "./IPausable.sol";

/// Products, prices, capacity, required capital, the claims clock, and open incidents with their reserve.
/// Risk calls nobody: callers hand it what it needs.
interface IRisk is IOwned, IPausable {
    enum Cover { Exploit, ImpermanentLoss, Default, Oracle, Bridge, Depeg }
    enum Status { None, OnSale, Sunset, Retired }

    /// How one version of a product is priced. Amounts are in the asset's smallest unit, rates WAD a year
    /// (1e18 = 100 %), ratios basis points, times seconds.
    struct Pricing {
        uint64 priorRate;           // r0: prior loss rate
        uint64 minRate;             // bounds of the estimated rate
        uint64 maxRate;
        uint128 credibility;        // K, in asset times years
        uint32 halfLife;            // of losses and exposure in the estimate
        uint16 marginBps;           // margin of conservatism on the pure premium, 12000 = 1.2
        uint64 costOfCapital;       // on what is locked beyond the pure premium
        uint16 kinkBps;             // utilisation at the curve's kink
        uint64 kinkRate;            // load at the kink
        uint64 fullRate;            // load at full utilisation
        uint128 minPremium;
        uint128 lossCap;            // most that one loss adds to the estimate
    }

    /// What one version of a product covers and how much of it is sold. Units as in Pricing.
    struct Limits {
        uint16 capitalFactorBps;    // capital locked for each unit of cover
        uint16 capacityBps;         // share of the vault's capital that this product may lock
        uint16 subjectBps;          // share of a subject's size that may be covered
        uint32 waiting;             // from purchase to the start of cover
        uint32 grace;               // from the end of cover to the last filing
        uint32 minTerm;
        uint32 maxTerm;
        uint128 minAmount;
        uint128 maxAmount;
        uint16 coinsuranceBaseBps;  // coinsurance = min(base + slope times rate, max)
        uint16 coinsuranceSlopeBps; // 20000 = 2 for each unit of rate
        uint16 coinsuranceMaxBps;
        uint16 deductibleBps;       // loss that is never paid
        bool jury;                  // whether a jury may decide
        bytes32 termsHash;          // hash of the wording
    }

    /// The terms of one version of a product.
    struct Terms { Pricing pricing; Limits limits; }

    /// What a product is, for ever: a revision is a new product of the same family. Its status goes from None to
    /// OnSale, Sunset (nothing is sold, policies run on) and Retired (no cover is in the books), one step at a time.
    struct Product {
        address vault;
        address trigger;
        uint8 cover;
        uint8 status;
        uint256 family;             // the first version's id
        uint256 latest;             // the family's newest version
    }

    /// A premium and where it comes from.
    struct Quote {
        uint256 net;                // the pool's premium: purePremium + capitalCost + load, or the minimum
        uint256 purePremium;
        uint256 capitalCost;
        uint256 load;
        uint256 rate;               // loss rate in force, WAD a year
        uint256 utilisationBefore;  // WAD
        uint256 utilisationAfter;
        uint256 ratioBps;           // compensation ratio; 0 for a renewal, which keeps its own
        uint256 deductibleBps;
        uint256 locked;             // capital that the cover locks
        uint256 waiting;            // 0 for a renewal
    }

    /// One line: a product on a subject.
    struct Line {
        bytes32 riskKey;
        uint8 state;                // 0 quiet, 1 latent or not closed, 2 closed
        uint16 worstBps;
        uint256 cover;              // worst payout of all policies not released (G)
        uint256 exposed;            // of it, what could claim when the incidents opened and is not released (E)
        uint256 confirmed;          // confirmed claims under them (V)
        uint256 reserve;            // worst payout still to come under them
        uint64 latentSince;         // of the newest evidence, while there is nothing but latent evidence
        uint64 lapseAt;             // on the claims clock; 0 unless closed
    }

    /// The capital that a vault needs and where that comes from. Amounts in the vault's asset.
    struct Capital {
        uint256 requirement;        // SCR, over all correlation groups
        uint256 largest;            // largest risk key; an upper bound after it fell, until recount
        uint256 minimum;            // gates exits
        uint256 target;             // gates new cover
        uint256 reserve;
        uint16 minimumBps;          // m
        uint16 targetBps;           // t
        uint256 floor;
        bytes32 assetKey;           // no cover is sold on it
    }

    /// A historical loss that governance entered as evidence, with the exposure that it stood on.
    struct Seed { uint64 at; uint128 loss; uint128 exposure; }

    /// A line as a part of its vault's exposures: its cover as booked, less what the reserve holds.
    struct Exposure {
        bytes32 riskKey;
        uint32 group;
        uint16 correlationBps;
        uint256 amount;
        uint64 rate;                // loss rate in force under the version's terms, WAD a year
    }

    event PeersSet(address indexed policy, address indexed assessor);
    event VaultAdded(address indexed vault, bytes32 assetKey);
    event CapitalSet(address indexed vault, uint16 minimumBps, uint16 targetBps, uint128 floor);
    event GroupSet(uint32 indexed group, uint16 correlationBps);
    event RiskKeySet(bytes32 indexed riskKey, uint32 indexed group);
    event HeldSet(address indexed vault, bytes32 indexed riskKey, uint256 amount);
    event ProductAdded(uint256 indexed product, uint256 indexed family, address indexed vault, address trigger, uint8 cover);
    event ProductStatusSet(uint256 indexed product, uint8 status);
    event TermsURISet(uint256 indexed product, string uri);
    event SubjectListed(uint256 indexed product, bytes32 indexed subject, bytes32 indexed riskKey);
    event Underwritten(uint256 indexed product, bytes32 indexed subject, uint256 amount, uint256 net, uint256 rate);
    event Renewed(uint256 indexed product, bytes32 indexed subject, uint256 cover, uint256 net, uint256 rate, uint256 deadline);
    /// Cover left the books: by cancel, by expiry of a filed policy, or because the week of its deadline is over.
    event Released(uint256 indexed product, bytes32 indexed subject, uint256 cover);
    event IncidentChanged(uint256 indexed product, bytes32 indexed subject, uint256 indexed number, uint8 state, uint16 worstBps, uint256 reserve);
    /// A claim that is not decided yet is reserved in full, beside its line.
    event ClaimReserved(uint256 indexed product, bytes32 indexed subject, uint256 amount);
    /// It is decided: so much of it is paid.
    event ClaimDecided(uint256 indexed product, bytes32 indexed subject, uint256 held, uint256 paid);
    /// A loss entered a family's estimate: amount as it counts there, at its date, and the rate in force after it.
    event LossRecorded(uint256 indexed family, uint256 amount, uint64 at, uint256 rate);

    /// What is believed of a cover type, of vaults of one asset, before evidence; id is that of its records.
    event CoverTypeSet(bytes32 indexed assetKey, uint8 indexed cover, uint256 indexed id, uint64 priorRate, uint128 credibility, uint32 halfLife, uint128 lossCap);
    /// A cover type's estimate became a product's prior.
    event PriorSet(uint256 indexed product, uint256 prior);
    /// Variance of a subject's pair, WAD a year, range factor of positions in it, and the loss rate a year that follows.
    event VarianceObserved(uint256 indexed product, bytes32 indexed subject, uint64 yearly, uint32 rangeFactorBps, uint256 lossRate);

    error UnknownProduct(uint256 product);
    error UnknownVault(address vault);
    error UnknownSubject(uint256 product, bytes32 subject);
    error UnknownRiskKey(bytes32 riskKey);
    error UnknownGroup(uint32 group);
    error UnknownCoverType(bytes32 assetKey, uint8 cover);
    /// Impermanent loss has no price where nobody knows the variance.
    error VarianceUnknown(uint256 product, bytes32 subject);
    error SubjectAlreadyListed(uint256 product, bytes32 subject);
    /// Where the wording is may be told until its version is put on sale.
    error TermsFixed(uint256 product);
    error ProductNotOnSale(uint256 product);
    /// So many lines of the version have cover in the books. Cover whose deadline is over leaves by catchUp, a policy
    /// that was filed by its expiry.
    error CoverInForce(uint256 product, uint256 lines);
    error AmountOutOfBounds(uint256 amount, uint256 min, uint256 max);
    error TermOutOfBounds(uint256 term, uint256 min, uint256 max);
    /// An incident is open on the line, or its grace after closing has not passed.
    error LineNotQuiet(uint256 product, bytes32 subject);
    /// No incident is booked on the line that a claim could be made under.
    error LineQuiet(uint256 product, bytes32 subject);
    error CapacityExceeded(uint256 needed, uint256 available);
    /// Cover on one subject would pass its share of the subject's size.
    error SubjectCapacityExceeded(uint256 needed, uint256 available);
    /// The vault's capital is below what new cover requires: its target, or its reserve where that is more.
    error InsufficientCapital(uint256 capital, uint256 required);
    error PremiumExceedsCover(uint256 premium, uint256 amount);
    /// More weeks are to be processed than one call does: call catchUp.
    error CatchUpFirst();
    /// Only cover that has not ended (on the claims clock) is renewed.
    error CoverOver(uint256 end, uint256 clock);
    error ClaimAfterDeadline(uint256 deadline, uint256 clock);
    /// No cover is sold on the vault's own asset.
    error VaultAsset(bytes32 riskKey);

    // Called by Policy
    /// Prices and books a cover from now: start = now + waiting, end = start + term. capital: what Vault.capital
    /// answers; size: what the trigger answers. deadline is the last filing, on the claims clock. What is priced,
    /// booked and released is the cover, the most that the policy can ever pay: amount times ratio, rounded down.
    function underwrite(uint256 product, bytes32 subject, uint256 amount, uint256 term, uint256 capital, uint256 size)
        external returns (uint256 net, uint256 ratioBps, uint256 deductibleBps, uint256 waiting, uint256 deadline);
    /// Prices what is left of a cover for term more seconds after its end and moves it in the books; every check of
    /// underwrite but its bounds of amount. cover: what the policy can still be paid; deadline: its last filing as
    /// booked. The new term begins where the old one ends: newDeadline is deadline plus term, and is no later than that
    /// of the longest cover that could be bought now. The policy must not have been filed.
    function renew(uint256 product, bytes32 subject, uint256 cover, uint256 deadline, uint256 term, uint256 capital, uint256 size)
        external returns (uint256 net, uint256 newDeadline);
    /// Takes what is left of a policy's cover out of the books: cancel (the line must be quiet), or expiry of a
    /// policy that was filed (after its deadline; others leave by themselves). cover: amount times ratio, rounded
    /// down; confirmed: its claims so far.
    function release(uint256 product, bytes32 subject, uint256 cover, uint256 deadline, bool filed, uint256 confirmed) external;
    /// Impermanent loss: what the trigger says about a subject (IVarianceSource), before it is priced. yearly: variance
    /// of the pair's price, WAD a year, not zero; rangeFactorBps: how many times the loss of a position over the whole
    /// range a position may have, at least 10000.
    function observeVariance(uint256 product, bytes32 subject, uint64 yearly, uint32 rangeFactorBps) external;

    // Called by Assessor
    /// An incident's newest state, as the trigger tells it (verdict as ITrigger.Verdict). Answers with the vault's
    /// reserve before and after. What is no news (the same latent evidence again, an incident that is closed in the
    /// books, NotMet for a confirmed one) changes nothing.
    function incident(uint256 product, bytes32 subject, uint256 number, uint256 verdict, uint256 openedAt, uint256 closedAt, uint256 worstBps)
        external returns (uint256 reserveBefore, uint256 reserveAfter);
    /// A policy's confirmed claims rise from before to total. cover: amount times ratio; filed: whether it had
    /// filed before; lossBps: its own loss, to which a closed incident's worst is raised first. Answers with the
    /// vault's reserve before and after the claim. Fails after the deadline and while filing is paused.
    function claim(uint256 product, bytes32 subject, uint256 lossBps, uint256 cover, uint256 deadline, bool filed, uint256 before, uint256 total)
        external returns (uint256 reserveBefore, uint256 reserveAfter);

    /// Reserves such a rise in full until it is decided, whatever happens to the incident meanwhile: a claim that waits
    /// for a delay, for data or for a jury. lossBps zero: the trigger has not proven it, and the line may be quiet. Fails
    /// as claim does. code: what decideClaim is to be told.
    function reserveClaim(uint256 product, bytes32 subject, uint256 lossBps, uint256 cover, uint256 deadline, bool filed, uint256 before, uint256 total)
        external returns (uint256 code);
    /// Ends what reserveClaim began: of held, paid is confirmed and the rest is cover again. Answers with the vault's
    /// reserve before and after what is paid. Never refused for time or pauses.
    function decideClaim(uint256 product, bytes32 subject, uint256 code, uint256 held, uint256 paid)
        external returns (uint256 reserveBefore, uint256 reserveAfter);

    // Called by Vault and by pages
    /// reserve and required capital of a vault, how many of its incidents are latent or not closed (and of its claims are
    /// undecided and unproven), and whether claim filing is paused.
    function gate(address vault)
        external view returns (uint256 reserve, uint256 minimum, uint256 target, uint256 unsettled, bool filingPaused);

    // Anyone
    /// Processes at most n weekly buckets of a line, and lets go what has lapsed. done: nothing is left to process.
    function catchUp(uint256 product, bytes32 subject, uint256 n) external returns (bool done);
    /// Finds the largest risk key of a vault again, after it fell.
    function recount(address vault) external;
    /// Called by a vault: so much of its assets is in strategies that fail with this risk key, which counts as cover on it
    /// would.
    function hold(bytes32 riskKey, uint256 amount) external;
    /// Tells cover types what these families have seen since the last time, and makes the types' estimates the priors
    /// of the families' newest versions: a loss raises the rates of all of them at once, and they fall by at most 25 %
    /// a day. At most 32 families.
    function syncCoverType(uint256[] calldata families) external;

    // Views
    /// What underwrite would charge now, with every check but the subject's size.
    function quote(uint256 product, bytes32 subject, uint256 amount, uint256 term, uint256 capital)
        external view returns (Quote memory);
    /// What renew would charge now, with every check but the subject's size. The utilisation after it is the present
    /// one, in which the cover counts already.
    function quoteRenewal(uint256 product, bytes32 subject, uint256 cover, uint256 deadline, uint256 term, uint256 capital)
        external view returns (Quote memory);
    function product(uint256 id) external view returns (Product memory);
    function terms(uint256 id) external view returns (Terms memory);
    /// Where the wording of a version is, whose hash is its termsHash; empty where nobody told.
    function termsURI(uint256 product) external view returns (string memory);
    function productCount() external view returns (uint256);
    /// A line as of now, whether or not anybody has touched it.
    function line(uint256 product, bytes32 subject) external view returns (Line memory);
    /// The estimate of a family: decayed losses, decayed exposure (asset times years), the rate in force.
    function estimate(uint256 family) external view returns (uint256 losses, uint256 exposure, uint256 rate);
    /// A cover type of vaults whose asset has this key: the id of its records, its terms, its decayed losses and exposure
    /// (asset times years), and the rate that follows: what the prior of its products is after syncCoverType.
    function coverType(bytes32 assetKey, uint8 cover)
        external view returns (
            uint256 id, uint256 priorRate, uint256 credibility, uint256 halfLife, uint256 lossCap,
            uint256 losses, uint256 exposure, uint256 rate
        );
    /// What is believed of a product before evidence of its own: its terms' prior rate, or its cover type's estimate as
    /// of the last syncCoverType.
    function prior(uint256 product) external view returns (uint256);
    /// What was last observed of a line's pair, when, and the loss rate a year that follows; zeros for nothing.
    function variance(uint256 product, bytes32 subject)
        external view returns (uint256 yearly, uint256 rangeFactorBps, uint256 at, uint256 lossRate);
    /// Capital that a product locks, and the most it may lock for this much capital of the vault.
    function capacity(uint256 product, uint256 capital) external view returns (uint256 locked, uint256 limit);
    /// Worst payout on a risk key in a vault, less what the reserve holds.
    function exposureOf(address vault, bytes32 riskKey) external view returns (uint256);
    /// Claims clock: time less the time for which filing was paused.
    function claimsClock() external view returns (uint256);
    function filingPausedUntil() external view returns (uint256);
    /// Cover in force of a vault: the worst payouts of all policies not released.
    function activeCover(address vault) external view returns (uint256);
    function capitalOf(address vault) external view returns (Capital memory);
    function groupOf(bytes32 riskKey) external view returns (uint32 group, uint16 correlationBps);
    /// Lines of a vault, which differ, as exposures. missing: cover in the books of the vault that is on none of them.
    function portfolio(address vault, uint256[] calldata products, bytes32[] calldata subjects)
        external view returns (Exposure[] memory exposures, uint256 missing);
    function seedCount(uint256 family) external view returns (uint256);
    function seed(uint256 family, uint256 index) external view returns (Seed memory);
    /// Length of the weekly buckets, how long latent evidence holds, and the shortest waiting, grace and term.
    function parameters() external view returns (uint256 weekSeconds, uint256 latentLimit, uint256 minSeconds);
    function peers() external view returns (address policy, address assessor);
    function extension() external view returns (address);
    function secondExtension() external view returns (address);

    // Owner and guardian
    function wire(address policy, address assessor) external;
    /// assetKey: the risk key of the vault's own asset. minimumBps and targetBps: factors on the requirement.
    function addVault(address vault, bytes32 assetKey, uint16 minimumBps, uint16 targetBps, uint128 floor) external;
    function setCapital(address vault, uint16 minimumBps, uint16 targetBps, uint128 floor) external;
    /// A correlation group; a change counts at once for all exposures in it.
    function setGroup(uint32 group, uint16 correlationBps) external;
    /// A risk key and its group; its exposures move along.
    function setRiskKey(bytes32 riskKey, uint32 group) external;
    function addProduct(address vault, address trigger, uint8 cover, Terms calldata newTerms) external returns (uint256 id);
    /// A new version; the one before it is put into Sunset. List its subjects, then put it on sale.
    function reviseProduct(uint256 family, Terms calldata newTerms) external returns (uint256 id);
    function setStatus(uint256 product, uint8 status) external;
    /// Where the wording is, in at most 256 bytes; before the version is put on sale.
    function setTermsURI(uint256 product, string calldata uri) external;
    /// Opens a line. A subject may have at most eight lines (products and versions) in one vault and trigger.
    function listSubject(uint256 product, bytes32 subject, bytes32 riskKey) external;
    /// What is believed of a cover type in vaults whose asset has this key, before evidence: priorRate (not 0),
    /// credibility, halfLife and lossCap as in Pricing, within the same bounds. Products learn of it by syncCoverType,
    /// new ones at once.
    function setCoverType(bytes32 assetKey, uint8 cover, uint64 priorRate, uint128 credibility, uint32 halfLife, uint128 lossCap) external;
    /// A historical loss and the exposure it stood on (asset times years), with its date, as prior evidence of a
    /// family or of a cover type (by its id); both count less the longer ago it is.
    function seedLoss(uint256 family, uint64 at, uint256 loss, uint256 exposure) external;
    function pauseFiling(uint64 duration, bytes32 reason) external;
}
