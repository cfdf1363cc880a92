// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// A rollup's inbox that keeps the last ticket instead of sending it: for tests only.
contract MockInbox {
    uint256 public count;
    address public sender;
    address public to;
    uint256 public value;
    address public refundAddress;
    address public beneficiary;
    bytes public data;

    error InsufficientValue(uint256 expected, uint256 actual);

    function createRetryableTicket(
        address to_,
        uint256 l2CallValue,
        uint256 maxSubmissionCost,
        address excessFeeRefundAddress,
        address callValueRefundAddress,
        uint256 gasLimit,
        uint256 maxFeePerGas,
        bytes calldata data_
    ) external payable returns (uint256) {
        uint256 expected = l2CallValue + maxSubmissionCost + gasLimit * maxFeePerGas;
        if (msg.value < expected) revert InsufficientValue(expected, msg.value);
        (sender, to, value, data) = (msg.sender, to_, msg.value, data_);
        (refundAddress, beneficiary) = (excessFeeRefundAddress, callValueRefundAddress);
        return ++count;
    }
}
