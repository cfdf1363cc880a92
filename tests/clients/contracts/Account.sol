// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// Code for accounts that have a key (EIP-7702): what it does happens in the account's own name.
contract Account {
    event Executed(address indexed by, address indexed to);

    function execute(address to, uint256 value, bytes calldata data) external payable returns (bytes memory answer) {
        bool done;
        (done, answer) = to.call{value: value}(data);
        require(done, "not executed");
        emit Executed(msg.sender, to);
    }

    receive() external payable {}
}
