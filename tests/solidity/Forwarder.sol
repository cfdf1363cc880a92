// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// A contract account that does what it is told: for tests only.
contract Forwarder {
    /// Calls target and passes its revert on.
    function forward(address target, bytes calldata data) external payable returns (bytes memory) {
        (bool success, bytes memory answer) = target.call{value: msg.value}(data);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
        return answer;
    }
}
