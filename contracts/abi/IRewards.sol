// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOwned} from "./IOwned.sol";

/// Rewards for capital: shares of a vault are staked and earn PALI along a curve that peaks where the vault has the
/// capital that it is meant to have. Nothing is promised that is not held. A loyalty share gives a part of their premium
/// back to who were insured long and never claimed. Staked shares carry the vault's risk as all others do; nothing is
/// slashed here.
///
/// Everything that stakers and funders do, and poke, first emits for the time since the last update at the rate stored
/// then, and afterwards reads the vault and stores the new rate.
interface IRewards is IOwned {
    event Staked(address indexed from, address indexed account, uint256 shares);
    /// All that is leaving of account's is ready at this time.
    event UnstakeRequested(address indexed account, uint256 shares, uint64 ready);
    event Unstaked(address indexed account, address indexed receiver, uint256 shares);
    /// Staked shares went into the vault's queue as a request of controller's.
    event RedemptionRequested(address indexed account, address indexed controller, uint256 shares);
    event RewardPaid(address indexed account, address indexed receiver, uint256 amount);
    event Funded(address indexed token, uint256 amount);
    event Defunded(address indexed token, address indexed to, uint256 amount);
    /// So much is emitted a second from now on, at this capital of the vault and this target; both are zero where the
    /// vault did not tell them.
    event EmissionChanged(uint256 perSecond, uint256 capital, uint256 target);
    event MostEmissionSet(uint128 mostPerSecond);
    /// For policies from this number on.
    event LoyaltySet(uint16 bps, uint64 leastSeconds, uint256 firstPolicy);
    event RebatePaid(uint256 indexed policy, address indexed receiver, address indexed asset, uint256 amount);

    error ZeroShares();
    /// account has fewer shares here than it would take out.
    error InsufficientStake(address account, uint256 shares, uint256 needed);
    error NothingToUnstake(address account);
    error UnstakeNotReady(uint64 ready);
    /// What came in of the vault's shares is not what was sent.
    error UnexpectedBalance(uint256 expected, uint256 actual);
    /// Another's request at the vault may only be added to by who is its operator there.
    error UnauthorizedOperator(address caller, address controller);
    /// Neither what is emitted nor what rebates are paid in.
    error UnknownToken(address token);
    /// All that is here of it is booked.
    error NothingToFund(address token);
    /// So much of a token is not promised; more was asked for. For a rebate: try again once more is funded.
    error InsufficientFunds(address token, uint256 available, uint256 needed);
    /// Nothing is due on this policy: it was claimed on or given back, its rebate was paid, its cover was too short, it
    /// was sold while there was no loyalty share, or another vault bears it.
    error NoRebate(uint256 policy);
    /// Who underwrites himself would gain by buying: more would be given back than the fees of a premium take.
    error RebateAboveFees(uint16 bps, uint16 mostBps);

    // Stakers
    /// Stakes shares of the caller's for account.
    function stake(uint256 shares, address account) external;
    /// stake, with the caller's permit of the shares for this contract given to the vault before. A permit that fails
    /// fails no stake that the allowance suffices for.
    function stakeWithPermit(uint256 shares, address account, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
    /// Shares stop to earn and can be taken out once a request for redemption that was made now would be due. A further
    /// request moves all that is leaving to its own time: take out first what is ready.
    function requestUnstake(uint256 shares) external returns (uint64 ready);
    /// Takes out all that was leaving and is ready.
    function unstake(address receiver) external returns (uint256 shares);
    /// Puts shares into the vault's queue at once, those first that are leaving, so that nobody waits twice. controller
    /// is the caller, or has made the caller its operator at the vault. A controller whose request of an earlier week
    /// is not served, or not taken out in full, has to make this contract its operator at the vault before.
    function requestRedeem(uint256 shares, address controller) external;
    /// Pays the caller all that it has earned.
    function claim(address receiver) external returns (uint256 amount);

    // Holders of policies
    /// Gives the holder the loyalty share of a policy that is over, once; expires it where nobody has done so.
    function claimRebate(uint256 policy, address receiver) external returns (uint256 amount);

    // Anyone
    /// Takes in what was sent here: PALI for emission, the vault's asset for rebates.
    function fund(address token) external returns (uint256 amount);
    function poke() external returns (uint256 perSecond);

    // Owner
    /// What is emitted a second at the target capital: at most 1,000 PALI.
    function setEmission(uint128 mostPerSecond) external;
    /// For policies sold from now on: the part of the net premium that is given back, at most 2,000 basis points and what
    /// the fees of a premium are now, and how long cover must have lasted, at least 13 weeks of the vault. 0 for none.
    /// What is extended gets no higher share than at its extension.
    function setLoyalty(uint16 bps, uint64 leastSeconds) external;
    /// Gives back what nothing was promised of: PALI that is not emitted, what rebates are paid from, shares that nobody
    /// staked, and any other token.
    function defund(address token, address to, uint256 amount) external;

    // Views
    function vault() external view returns (address);
    function token() external view returns (address);
    function policy() external view returns (address);
    /// The vault's asset, which rebates are paid in.
    function asset() external view returns (address);
    /// Shares that earn.
    function totalStaked() external view returns (uint256);
    /// Shares that asked to leave and are still here.
    function totalLeaving() external view returns (uint256);
    /// Shares that earn, PALI to claim, shares that are leaving, and when these are ready.
    function stakeOf(address account) external view returns (uint256 shares, uint256 earned, uint256 leaving, uint64 ready);
    /// The rate in force, that at the target, what was emitted and not claimed, and what is left to emit.
    function emission() external view returns (uint256 perSecond, uint128 mostPerSecond, uint256 promised, uint256 free);
    /// For policies sold now.
    function loyalty() external view returns (uint16 bps, uint64 leastSeconds);
    /// What a policy's holder gets as things stand, once it is over and as far as there are funds; 0 for nothing.
    function rebateOf(uint256 policy) external view returns (uint256 amount);
    /// What there is for rebates.
    function rebateFunds() external view returns (uint256 amount);
    /// How long a request waits after the week in which it was made, as at the vault.
    function cooldown() external view returns (uint64);
}
