// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOwned} from "./IOwned.sol";
import {IPausable} from "./IPausable.sol";
import {IERC165} from "./IERC165.sol";
import {IERC20Permit} from "./IERC20.sol";
import {IERC4626, IERC7540Redeem} from "./IERC4626.sol";

/// The capital pool: a share token whose deposits are synchronous (ERC-4626) and whose redemptions are requests
/// (ERC-7540, request id 0, weekly cohorts inside), that takes premiums in and pays claims out.
interface IVault is IOwned, IPausable, IERC4626, IERC7540Redeem, IERC20Permit, IERC165 {
    /// The ability to pay, in one answer. Amounts in the asset's smallest unit; prices in RAY (1e27 = one
    /// smallest unit of asset for one smallest unit of share).
    struct Solvency {
        uint256 assets;          // A: what can pay claims
        uint256 cash;
        uint256 invested;
        uint256 unearned;        // premiums not earned yet
        uint256 served;          // redemptions served and not yet claimed
        uint256 payables;        // credited to accounts and to owed claims, and not yet taken
        uint256 owed;            // confirmed claims that could not be paid yet
        uint256 stream;          // income that is released over time
        uint256 reserve;         // worst payout of all cover that can still claim under open incidents
        uint256 requested;       // shares that asked to leave
        uint256 capital;         // capital for capacity
        uint256 minimumCapital;
        uint256 targetCapital;
        uint256 activeCover;
        uint256 coverageBps;     // capital over minimum capital; the largest uint256 where that is zero
        uint256 entryPrice;
        uint256 exitPrice;
        bool closed;             // no deposits and no sales
    }

    /// The ability to pay as it was.
    struct Checkpoint {
        uint64 at;
        uint256 coverageBps;     // as in Solvency
        uint256 capital;
    }

    event PremiumReceived(uint256 net, uint256 treasuryFee, uint256 juryFee, uint256 referralFee, uint64 start, uint64 end);
    /// A premium ended early: of what was left unearned so much went back, and the rest into the stream.
    event PremiumRefunded(address indexed to, uint256 refunded, uint256 left);
    /// A premium goes on with what was added to it: kept of both together is earned from start to end.
    event PremiumExtended(uint256 kept, uint256 net, uint256 treasuryFee, uint256 juryFee, uint256 referralFee, uint64 start, uint64 end);
    event ClaimPaid(uint256 indexed policy, address indexed to, uint256 confirmed, uint256 paid, uint256 owed);
    event PayoutCredited(address indexed to, uint256 amount);
    event CreditWithdrawn(address indexed account, address indexed receiver, uint256 amount);
    event RedeemCancelled(address indexed controller, uint256 shares, uint256 burned);
    event CohortServed(uint32 indexed week, uint256 shares, uint256 assets);
    /// A due cohort waits for unsettled incidents, until this time at the latest.
    event ServiceDelayed(uint32 indexed week, uint256 until);
    event TopUp(uint256 amount, uint256 owed);
    event SolvencyCheckpoint(uint256 indexed index, uint256 coverageBps, uint256 capital);
    event StreamAdded(uint256 amount, uint64 end);
    event FeesCollected(address indexed account, uint256 amount);
    event Recovered(address indexed from, uint256 amount);
    /// Run-off began or ended: by order, or for ever because a share fell below a thousandth of its first price.
    event RunOffSet(bool ordered);
    event PeersSet(address indexed risk, address indexed policy, address indexed assessor);
    event TreasurySet(address indexed treasury);
    event AllocatorSet(address indexed allocator);
    event Invested(address indexed strategy, uint256 assets);
    event Divested(address indexed strategy, uint256 assets);
    /// So much came in beyond the books: it is paid to who is owed, and streamed to the shares.
    event Harvested(address indexed strategy, uint256 gain);

    error PreviewNotSupported();
    error ZeroShares();
    error ZeroAssets();
    error DepositsClosed();
    error CatchUpFirst();
    error UnauthorizedOperator(address caller, address controller);
    error RequestIdNotSupported(uint256 requestId);
    error NothingRequested(address controller);
    error SlippageExceeded(uint256 value, uint256 limit);
    /// The token took a fee or changed balances by itself: what came in is not what was sent.
    error UnexpectedBalance(uint256 expected, uint256 actual);
    /// More would be invested than half of the free capital, or than what is not set aside for anybody.
    error ExceedsFreeCapital(uint256 invested, uint256 limit);
    error StillInvested(uint256 invested);

    // Called by Policy
    /// The gross premium has been transferred here just before; it is booked and checked against the balance.
    function premium(uint256 net, uint256 start, uint256 end, uint256 treasuryFee, uint256 juryFee, address referrer, uint256 referralFee) external;
    /// Gives back the part of a policy's premium that its cover has not used: net was booked from start to end;
    /// remaining of cover is what the policy could still be paid. Less shortRateBps; the rest of what was unearned
    /// goes to the stream. What to cannot receive becomes a credit.
    /// Claims are never paid out of unearned premiums, so cash is never short of a refund, and one takes nothing
    /// from who is owed: what it leaves free is there for them first.
    function refund(uint256 net, uint256 start, uint256 end, uint256 remaining, uint256 cover, uint256 shortRateBps, address to)
        external returns (uint256 refunded);
    /// What is left of a premium and a new one are earned together from now (or from start, if that is later) to
    /// newEnd. The new gross premium has been transferred here just before. Answers with the net that the new
    /// schedule stands for: what was left, rounded down, and addedNet.
    function reprice(
        uint256 net, uint256 start, uint256 end, uint256 addedNet, uint256 newEnd, uint256 treasuryFee, uint256 juryFee, address referrer, uint256 referralFee
    ) external returns (uint256 kept);
    /// Capital for capacity (assets less the requested shares' part), and whether the vault takes no new business
    /// whatever its reserve: run-off by order or for ever, or something is owed. Risk, which knows the reserve,
    /// also sells nothing while the reserve exceeds the capital.
    function capital() external view returns (uint256 amount, bool closed);

    // Called by Assessor
    /// Settles a policy's confirmed claims, which rise from before to total; the reserve before and after as
    /// Risk.claim answered them. Pays to at once what the share of the pool allows, out of cash and then out of what
    /// strategies give back, and owes the rest. What to cannot receive becomes a credit. What is still owed belongs to the payee of the newest settlement; what
    /// was topped up before, to the one before.
    function pay(uint256 policy, address to, uint256 before, uint256 total, uint256 reserveBefore, uint256 reserveAfter)
        external returns (uint256 paid);

    // Anyone
    /// Brings the books forward by at most so many weekly edges; everything else does it by itself, up to 64.
    function catchUp(uint256 edges) external returns (bool done);
    /// Serves due cohorts in order, looking at no more than n weeks. Nothing is served while anything is owed,
    /// while the reserve exceeds the assets or while filing is paused; a due cohort waits for unsettled incidents
    /// as long as patience says, counted from the first call that finds it so, so that who does not want the
    /// price of that time can cancel. Under a pause of filing, requests, cancels and claims of what was served go on.
    function serve(uint256 n) external returns (uint256 shares, uint256 assets);
    /// Tops up what is owed from what came in.
    function topUp() external returns (uint256 amount);
    /// Keeps a checkpoint where the coverage ratio differs by more than 1 % from the newest one's; anyone. So do serve,
    /// topUp and recover, which ask for the ratio anyhow; a sale or a deposit, whose gas everybody pays, does not.
    function checkpoint() external returns (bool kept);
    /// Sends the accrued fees to the treasury and to the assessor.
    function collectFees() external returns (uint256 treasuryFee, uint256 juryFee);
    /// Takes what was credited to the caller (a payout that could not be sent, a referral fee).
    function withdrawCredit(address receiver) external returns (uint256 amount);
    /// Pays a policy's payee what it was owed and has been topped up since; anyone may ask for it.
    function claimOwed(uint256 policy) external returns (uint256 amount);
    /// Brings money in that was won back: first to what is owed, then as a stream to the shares.
    function recover(uint256 amount) external;
    /// Takes back what was not served, as shares worth the lower of the cohort's cap and their value now.
    function cancelRedeemRequest(uint256 requestId, address controller, address receiver) external returns (uint256 shares);
    /// Brings a strategy's gain home, first to what is owed, then as a stream to the shares; for the zero address, what
    /// removed strategies left with the allocator.
    function harvest(address strategy) external returns (uint256 gain);
    /// Tells Risk what is booked in strategies on a risk key now: after a payout or a redemption brought money back.
    function reportHeld(bytes32 riskKey) external;
    /// A deposit that makes at least minShares.
    function deposit(uint256 assets, address receiver, uint256 minShares) external returns (uint256 shares);
    /// A mint that takes at most maxAssets.
    function mint(uint256 shares, address receiver, uint256 maxAssets) external returns (uint256 assets);

    // Views
    function solvency() external view returns (Solvency memory);
    /// How many checkpoints of the ability to pay there are.
    function checkpointCount() external view returns (uint256);
    /// At most n of them (and 1,000) from number cursor on, oldest first; next is zero after the newest one.
    function checkpoints(uint256 cursor, uint256 n) external view returns (Checkpoint[] memory page, uint256 next);
    function creditOf(address account) external view returns (uint256);
    /// Confirmed in all, paid in all, and still owed of a policy; zeros where nothing was ever owed.
    function owedOf(uint256 policy) external view returns (uint256 confirmed, uint256 owed, address payee);
    function cohort(uint256 week) external view returns (uint256 units, uint256 pending, uint256 kappa, uint256 alpha, uint256 capAssets, uint256 capShares);
    /// A controller's request: the week it is in, shares that wait, shares and assets to claim, and when the
    /// waiting shares become due (0 where none wait).
    function requestOf(address controller)
        external view returns (uint256 week, uint256 pending, uint256 shares, uint256 assets, uint256 due);
    /// The first week whose cohort is not served.
    function redemptionHead() external view returns (uint256 week);
    /// How long a week is: 604800, shorter on development networks.
    function weekSeconds() external view returns (uint64);
    /// From the closing of a week to the service of its requests.
    function cooldown() external view returns (uint256);
    /// How long a due cohort waits for incidents to be settled, in all.
    function patience() external view returns (uint256);
    /// Run-off: by order of governance, and for ever because a share fell below a thousandth of its first price.
    function runOff() external view returns (bool ordered, bool depleted);
    function feesAccrued() external view returns (uint256 treasuryFee, uint256 juryFee);
    function pausedUntil(uint8 kind) external view returns (uint256);
    function peers() external view returns (address risk, address policy, address assessor, address treasury);
    /// Whose strategies spare money works in; zero for nobody's.
    function allocator() external view returns (address);
    /// The second program, and the third.
    function extension() external view returns (address);
    function secondExtension() external view returns (address);

    // Owner and guardian
    function wire(address risk, address policy, address assessor, address treasury) external;
    function setTreasury(address treasury) external;
    /// Only while nothing is invested. Zero for none.
    function setAllocator(address newAllocator) external;
    /// Puts cash that is not set aside for anybody into a strategy; at most half of the free capital is invested then.
    /// Free is capital less the reserve; while that is below the minimum, nothing is invested.
    function invest(address strategy, uint256 assets) external;
    /// Brings up to assets of what a strategy is booked at back. Guardian or owner.
    function divest(address strategy, uint256 assets) external returns (uint256 came);
    /// Closes the vault for deposits and sales, or opens it again. Redemptions go on.
    function orderRunOff(bool ordered) external;
    /// kind 0: deposits, 2: redemptions.
    function pause(uint8 kind, uint64 duration, bytes32 reason) external;
}
