// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IBridgeTrigger} from "../abi/IBridgeTrigger.sol";

/// The rollup's inbox on L1, as far as it is used.
interface IInbox {
    function createRetryableTicket(
        address to,
        uint256 l2CallValue,
        uint256 maxSubmissionCost,
        address excessFeeRefundAddress,
        address callValueRefundAddress,
        uint256 gasLimit,
        uint256 maxFeePerGas,
        bytes calldata data
    ) external payable returns (uint256);
}

/// What the reporter asks of a token.
interface IEscrowToken {
    function balanceOf(address account) external view returns (uint256);
    function decimals() external view returns (uint8);
}

/// Tells Arbitrum what a bridge's escrow holds on L1. For anyone, for any escrow, without an owner.
///
/// A report is read from L1 in the same transaction and carries its time; what it is worth is the receiver's to judge, who
/// accepts nothing but calls of this contract's alias (this address + 0x1111000000000000000000000000000000001111). The
/// ticket can be redeemed by anyone for a week, and until it is too late for the receiver.
///
/// The caller must be an account without code that calls this contract itself: then nothing that is borrowed and given
/// back in one transaction can be in the escrow, or missing from it, while it is read.
contract BackingReporter {
    IInbox public immutable inbox;

    event Reported(
        address indexed receiver, bytes32 indexed subject, uint256 indexed ticket, address token, address escrow, uint256 balance
    );

    /// The caller is a contract, or an account with code.
    error NotTopLevel(address caller);
    /// Not exactly what the ticket costs was sent.
    error WrongValue(uint256 sent, uint256 needed);
    /// No token is there, or it does not say what an ERC-20 does.
    error NoToken(address token);

    constructor(IInbox inbox_) {
        inbox = inbox_;
    }

    /// Sends what escrow holds of token (zero: ether) to receiver on Arbitrum, about subject. What the ticket does not
    /// use is given back to the caller there.
    ///
    /// maxSubmissionCost, gasLimit, maxFeePerGas: of the retryable ticket; the value sent is the first plus the product
    /// of the others.
    function report(
        address receiver,
        bytes32 subject,
        address token,
        address escrow,
        uint256 maxSubmissionCost,
        uint256 gasLimit,
        uint256 maxFeePerGas
    ) external payable returns (uint256 ticket) {
        if (msg.sender != tx.origin || msg.sender.code.length != 0) revert NotTopLevel(msg.sender);
        uint256 needed = maxSubmissionCost + gasLimit * maxFeePerGas;
        if (msg.value != needed) revert WrongValue(msg.value, needed);
        (uint256 balance, uint8 decimals) = _held(token, escrow);
        bytes memory data =
            abi.encodeCall(IBridgeTrigger.deliver, (subject, token, escrow, balance, decimals, uint64(block.timestamp)));
        ticket = inbox.createRetryableTicket{value: needed}(
            receiver, 0, maxSubmissionCost, msg.sender, msg.sender, gasLimit, maxFeePerGas, data
        );
        emit Reported(receiver, subject, ticket, token, escrow, balance);
    }

    function _held(address token, address escrow) private view returns (uint256 balance, uint8 decimals) {
        if (token == address(0)) return (escrow.balance, 18);
        if (token.code.length == 0) revert NoToken(token);
        return (IEscrowToken(token).balanceOf(escrow), IEscrowToken(token).decimals());
    }
}
