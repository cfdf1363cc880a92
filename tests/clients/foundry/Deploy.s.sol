// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ledger} from "../src/Ledger.sol";

/// What forge lets a script ask for.
interface Vm {
    function startBroadcast() external;
    function stopBroadcast() external;
}

/// Deploys a ledger and writes to it.
contract Deploy {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    bool public constant IS_SCRIPT = true;

    function run() external returns (Ledger ledger) {
        VM.startBroadcast();
        ledger = new Ledger(7);
        ledger.store(1, 35);
        VM.stopBroadcast();
        require(ledger.total() == 42, "not written");
    }
}
