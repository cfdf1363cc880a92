// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOwned} from "./IOwned.sol";

/// The DAO's money: the treasury's share of premiums, its own tokens, ether. It leaves by the timelock's word, of each
/// token up to a budget for each period. It makes no other call and gives no allowance, so nothing slips past the budgets;
/// the timelock itself holds nothing. The zero address stands for ether. Tokens of ERC-721 and ERC-1155 are not taken,
/// since they could never leave.
interface ITreasury is IOwned {
    /// What may leave of token in each period, from a period on: this one, or the next one.
    event BudgetSet(address indexed token, uint256 amount, uint256 fromPeriod);
    event Paid(address indexed token, address indexed to, uint256 amount, uint256 indexed period);
    event EtherReceived(address indexed from, uint256 amount);

    /// More than what is left of the token's budget in this period.
    error BudgetExceeded(address token, uint256 amount, uint256 left);
    /// Nobody can be at the zero address.
    error InvalidReceiver(address to);
    /// There is less ether than should be paid.
    error InsufficientBalance(uint256 balance, uint256 needed);
    /// The receiver took no ether and did not say why.
    error FailedCall();

    /// Takes ether. Entering a program costs more than the 2,300 gas that `transfer` and `send` give: use a call.
    receive() external payable;

    // Owner
    /// Sends amount of token to to, out of this period's budget; a token that takes a fee is counted as asked. The set-up
    /// key allocates without budgets.
    function pay(address token, address to, uint256 amount) external;
    /// What may leave of token in each period, less than 2^112; a lower one from now on, a higher one from the next period
    /// on, so that no single decision raises a budget and spends it. The set-up key's holds at once.
    function setBudget(address token, uint256 amount) external;

    // Views
    /// A token's budget in this period and from the next one on, what was spent in this one, and what is left of it. What
    /// is not spent in a period does not add to the next one's.
    function budgetOf(address token) external view returns (uint256 amount, uint256 next, uint256 spent, uint256 left);
    /// The number of the period, from 0, counted from the construction.
    function period() external view returns (uint256);
    /// How long a period is.
    function periodSeconds() external view returns (uint64);
    /// When this period ends and the next one begins.
    function periodEnd() external view returns (uint64);
}
