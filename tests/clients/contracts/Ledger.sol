// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// What the clients try: each function has one thing for a client to encode, decode, estimate or trace.
contract Ledger {
    error TooMuch(address who, uint256 asked, uint256 held);

    event Stored(address indexed who, uint256 indexed key, uint256 value);
    event Note(string text);

    address public immutable owner;
    uint256 public total;
    mapping(uint256 key => uint256) public values;

    constructor(uint256 first) payable {
        owner = msg.sender;
        store(0, first);
    }

    receive() external payable {}

    function store(uint256 key, uint256 value) public {
        total = total - values[key] + value;
        values[key] = value;
        emit Stored(msg.sender, key, value);
    }

    function note(string calldata text) external {
        emit Note(text);
    }

    /// Reverts with an error that carries values.
    function withdraw(uint256 amount) external {
        if (amount > address(this).balance) {
            revert TooMuch(msg.sender, amount, address(this).balance);
        }
        (bool paid,) = msg.sender.call{value: amount}("");
        require(paid, "not paid");
    }

    /// Reverts with a reason.
    function refuse() external pure {
        require(false, "not today");
    }

    /// Panics where the divisor is zero.
    function share(uint256 divisor) external view returns (uint256) {
        return total / divisor;
    }

    /// What contracts see of the chain.
    function surroundings() external view returns (uint256 chain, uint256 number, uint256 time, address origin) {
        return (block.chainid, block.number, block.timestamp, tx.origin);
    }

    /// A call within a call, for traces.
    function ask(Ledger other, uint256 key) external returns (uint256 value) {
        value = other.values(key);
        store(key, value);
    }
}
