// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOwned} from "./IOwned.sol";

/// Claims: anyone reports incidents, holders file; the trigger decides, small claims are paid in the same transaction and
/// large ones after a delay in which they may be challenged. What a trigger cannot decide a jury does, where the product
/// has one. Every path ends by the clock, whoever does nothing: docs/claims.md.
interface IAssessor is IOwned {
    /// What an open claim waits for. Delayed: its delay, after which anyone executes it. Challenged: a jury, and is paid
    /// unless that denies it. Waiting: the trigger cannot tell yet. Jury: a jury, and is paid what that awards. Reopened:
    /// the jury had a draw; the claimant may ask a second one.
    enum Stage { None, Delayed, Challenged, Waiting, Jury, Reopened }

    /// An open claim. Amounts in the vault's asset. A policy has at most one, and cannot be transferred meanwhile.
    struct Claim {
        uint8 stage;
        uint256 incident;
        uint16 lossBps;
        uint256 amount;        // what it is about, reserved in full
        address party;         // whose the bond is: the challenger, or who filed; zero while there is none
        uint256 bond;
        uint64 filedAt;
        /// Delayed: executed from then on. Challenged, Jury: from then on without the jury, by the trigger's word.
        /// Waiting: until then the source is waited for, and once it has answered, other proofs. Reopened: the last
        /// second in which a second jury is asked.
        uint64 due;
        bool answered;         // Waiting: the trigger said no, or was silent for all the time it had
        bool prolonged;
        bool second;           // the second jury
        uint256 juryCase;
    }

    event IncidentReported(uint256 indexed product, bytes32 indexed subject, uint256 indexed number, address reporter, uint8 verdict, uint64 openedAt, uint64 closedAt, uint16 worstBps);
    /// The first to report an incident as confirmed earned this, out of the jury's share of premiums.
    event BountyEarned(uint256 indexed product, bytes32 indexed subject, uint256 indexed number, address reporter, uint256 amount);
    event ClaimFiled(uint256 indexed policy, uint256 indexed incident, address indexed holder, uint8 verdict, uint16 lossBps);
    /// confirmed: by how much the policy's confirmed claims rose; paid: what the vault paid of it at once.
    event ClaimSettled(uint256 indexed policy, uint256 indexed incident, address indexed payee, uint256 confirmed, uint256 paid);
    /// Confirmed and reserved, but too large to be paid at once.
    event ClaimDelayed(uint256 indexed policy, uint256 indexed incident, address indexed holder, uint256 amount, uint64 due);
    /// Filed although the trigger did not confirm it.
    event ClaimDisputed(uint256 indexed policy, uint256 indexed incident, address indexed claimant, uint8 stage, uint256 amount, uint256 bond);
    event ClaimChallenged(uint256 indexed policy, address indexed challenger, uint256 bond);
    event ClaimProlonged(uint256 indexed policy, uint64 due, bytes32 reason);
    /// A jury was asked; reason: the hash of what the asker says.
    event JuryAsked(uint256 indexed policy, uint256 indexed juryCase, address indexed asker, bool second, bytes32 reason);
    /// The trigger said no (or was silent for all the time it had): until due it may still be proven otherwise.
    event ClaimAnswered(uint256 indexed policy, uint8 verdict, uint64 due);
    event ClaimReopened(uint256 indexed policy, uint64 due);
    /// Nothing of it is paid: all its cover is there again.
    event ClaimDenied(uint256 indexed policy, uint256 indexed incident, address indexed holder, uint256 amount);
    event BondReturned(uint256 indexed policy, address indexed to, uint256 amount);
    /// to: the holder who was challenged; zero: the jury's money.
    event BondForfeited(uint256 indexed policy, address indexed to, uint256 amount);
    event CreditWithdrawn(address indexed asset, address indexed account, address indexed receiver, uint256 amount);
    /// The receipt of subrogation: of what was paid on the policy, total has been won back so far.
    event LossRecovered(uint256 indexed policy, address indexed from, uint256 amount, uint256 total);
    event PeersSet(address indexed risk, address indexed policy);
    event JurySet(address indexed jury);
    event RulesSet(uint32 minDelay, uint32 maxDelay, uint16 fullBps, uint16 challengeBps, uint16 juryBps, uint16 depositBps, uint16 bountyBps);
    event LimitsSet(address indexed vault, uint16 instantBps, uint96 minBond);

    /// The trigger says that this policy has no claim under this incident.
    error ClaimNotMet(uint256 policy, uint256 incident);
    /// The trigger cannot tell yet.
    error ClaimInconclusive(uint256 policy, uint256 incident);
    /// The trigger confirms it: it is filed without a bond.
    error ClaimConfirmed(uint256 policy, uint256 incident);
    /// The same loss was confirmed (or denied by a jury) before: nothing rises.
    error NothingToPay(uint256 policy, uint256 incident);
    /// The trigger knows no such incident.
    error NoIncident(uint256 product, bytes32 subject);
    /// The entry is not the one that the policy was sold with.
    error EntryMismatch(bytes32 expected, bytes32 actual);
    /// The policy's claim is at another stage.
    error WrongStage(uint256 policy, uint8 stage);
    error TooEarly(uint256 policy, uint256 due);
    error TooLate(uint256 policy, uint256 due);
    error AlreadyProlonged(uint256 policy);
    error ProlongedTooLong(uint256 duration, uint256 most);
    /// No jury decides about this product.
    error JuryNotAllowed(uint256 product);
    /// The jury has not ended.
    error VerdictPending(uint256 policy, uint256 juryCase);
    /// The caller neither filed the claim nor holds the policy.
    error NotClaimant(address caller, uint256 policy);
    /// More would be won back than was lost.
    error RecoveryExceedsLoss(uint256 amount, uint256 left);
    error NothingToWithdraw(address asset, address account);
    /// The token took a fee or changed balances by itself.
    error UnexpectedBalance(uint256 expected, uint256 actual);

    /// Takes in evidence on a subject and books its incidents for the product's line: each opens, is raised or
    /// closes. Anyone, never paused; at most eight incidents a call. Answers with the newest that is booked (number
    /// 0: the subject has none yet; what the evidence proved stays proven). Who first reports one as confirmed earns a
    /// bounty, as a credit, out of what the jury has here (Vault.collectFees, which anyone calls, brings more).
    function report(uint256 product, bytes32 subject, bytes calldata evidence)
        external returns (uint256 number, uint8 verdict, uint16 worstBps);
    /// Files a policy's claim under an incident of its subject (0: the position by itself, for triggers that know such),
    /// by the holder or an operator. entry: the bytes of PolicyBought. Confirmed: the rise of the claim is paid at once
    /// while all that is paid at once under the incident, and from the vault until a day without has passed, stays below
    /// the vault's limit; confirmed is that rise, paid what of it the vault could pay. Beyond the limit, and where the
    /// product covers exploits, the claim is reserved and waits (paid 0). Otherwise the call fails with a typed error
    /// and nothing changes.
    function file(uint256 policy, uint256 incident, bytes calldata entry, bytes calldata evidence)
        external returns (uint256 confirmed, uint256 paid);
    /// Files what the trigger does not confirm, as a loss of lossBps. Where it says no: with a bond, before a jury, if
    /// the product has one. Where it cannot tell: in time, with a small deposit. Both are pulled from the caller, the
    /// holder or an operator. A trigger that reverts cannot tell, but where it was shown evidence the call fails as it did.
    /// reason: the hash of what he says.
    function fileDisputed(uint256 policy, uint256 incident, uint16 lossBps, bytes calldata entry, bytes calldata evidence, bytes32 reason)
        external returns (uint8 stage, uint256 amount);
    /// Challenges a delayed claim, once, before it is due: a jury decides, and only 66 % against it keep it from being
    /// paid. The bond, pulled from the caller, comes back if they do, else it is the holder's.
    function challenge(uint256 policy, bytes32 reason) external returns (uint256 juryCase);
    /// Goes on with a claim as far as time and others allow; anyone. entry and evidence are for one that waits for data.
    /// confirmed and paid are as in file; zeros where it is denied, or goes on waiting at another stage.
    function execute(uint256 policy, bytes calldata entry, bytes calldata evidence)
        external returns (uint256 confirmed, uint256 paid);
    /// Takes a waiting claim before a jury once the source has answered no or its time is over, for the rest of a bond;
    /// its claimant.
    function escalate(uint256 policy, bytes32 reason) external returns (uint256 juryCase);
    /// Asks a second jury after a draw, which decides by simple majority; the claimant.
    function reopen(uint256 policy, bytes32 reason) external returns (uint256 juryCase);
    /// Brings in money that was won back after a payout on a policy: from the caller through its vault, first to what is
    /// owed, then to the shares; together at most what was confirmed on the policy.
    function recover(uint256 policy, uint256 amount) external;
    /// Pays out what was credited to the caller: bonds, bounties.
    function withdrawCredit(address asset, address receiver) external returns (uint256 amount);

    /// A policy's open claim; zeros where there is none.
    function openClaim(uint256 policy) external view returns (Claim memory);
    /// Confirmed claims of a policy under one incident.
    function claimOf(uint256 policy, uint256 incident) external view returns (uint256 confirmed);
    /// What a jury denied although the trigger had confirmed it: it does not rise again.
    function deniedOf(uint256 policy, uint256 incident) external view returns (uint256 denied);
    /// An incident as it was booked last for a line; zeros where it was not.
    function incidentOf(uint256 product, bytes32 subject, uint256 number)
        external view returns (uint8 verdict, uint64 openedAt, uint64 closedAt, uint16 worstBps);
    /// What was paid at once under an incident.
    function paidAtOnce(uint256 product, bytes32 subject, uint256 number) external view returns (uint256 amount);
    /// The number of the newest incident that is booked for a line; zero where there is none.
    function newestIncident(uint256 product, bytes32 subject) external view returns (uint256 number);
    /// The trigger and the vault of a product, as cached from Risk.
    function routeOf(uint256 product) external view returns (address trigger, address vault);
    /// What a claim of this amount needs as a bond: of a challenger, of a claimant before a jury, of one who waits.
    function bondsOf(address vault, uint256 amount) external view returns (uint256 challenge, uint256 jury, uint256 deposit);
    /// A vault's limit as a part of its capital, what it was in amounts when a payment last began a day, what was paid
    /// at once since, when last, and the least bond.
    function limitsOf(address vault)
        external view returns (uint16 instantBps, uint256 limit, uint256 paid, uint64 last, uint256 minBond);
    function creditOf(address asset, address account) external view returns (uint256);
    /// Of an asset: bonds and credits, which are somebody's, and the rest: the jury's.
    function moneyOf(address asset) external view returns (uint256 held, uint256 jury);
    /// What has been won back of what was confirmed on a policy.
    function recoveredOf(uint256 policy) external view returns (uint256 amount);
    function rules() external view returns (
        uint32 minDelay, uint32 maxDelay, uint16 fullBps, uint16 challengeBps, uint16 juryBps, uint16 depositBps, uint16 bountyBps
    );
    function peers() external view returns (address risk, address policy);
    function jury() external view returns (address);
    function extension() external view returns (address);

    // Owner and guardian
    function wire(address risk, address policy) external;
    /// The jury, once. Until then nothing is challenged and nothing disputed.
    function wireJury(address jury) external;
    /// The delay of a claim goes from minDelay to maxDelay, in proportion to what is claimed of fullBps of the vault's
    /// capital. Bonds are parts of what is claimed; bountyBps, a part of the jury's money. For claims from now on.
    function setRules(
        uint32 minDelay, uint32 maxDelay, uint16 fullBps, uint16 challengeBps, uint16 juryBps, uint16 depositBps, uint16 bountyBps
    ) external;
    /// A vault's limit for what is paid at once, at most the one of the construction, and its least bond, at most 10,000
    /// whole units of its asset.
    function setLimits(address vault, uint16 instantBps, uint96 minBond) external;
    /// Makes a delayed claim wait longer, once, for at most seven days. Guardian or owner.
    function prolong(uint256 policy, uint64 duration, bytes32 reason) external;
}
