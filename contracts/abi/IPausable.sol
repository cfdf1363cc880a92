// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// Pauses that end by themselves after at most seven days. Kinds: 0 deposits, 1 purchases, 2 redemptions, 3 claim filing.
interface IPausable {
    event PauseSet(uint8 indexed kind, address indexed by, uint64 until, bytes32 reason);

    error EnforcedPause();
    error PauseTooLong(uint256 duration, uint256 longest);
    /// A guardian may pause again only from this time on; only the owner renews before.
    error PauseTooSoon(uint256 allowedFrom);
}
