// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// A sequencer uptime feed, as Chainlink has one on each rollup: answer 0 is up, 1 is down, startedAt says since
/// when. Anyone may set it: for development networks only.
contract MockSequencer {
    event StatusUpdated(uint80 indexed roundId, bool up, uint256 startedAt);

    uint8 public constant decimals = 0;
    string public constant description = "L2 Sequencer Uptime Status Feed";
    uint256 public constant version = 1;

    uint80 private roundId;
    int8 private status;
    uint64 private startedAt;
    uint64 private updatedAt;

    /// Up since startedAt_; 0 leaves the feed as one that was never initialised.
    constructor(uint64 startedAt_) {
        _set(true, startedAt_);
    }

    /// Goes up or down at this moment.
    function set(bool up) external {
        _set(up, uint64(block.timestamp));
    }

    /// Goes up or down at a time of its own.
    function setAt(bool up, uint64 startedAt_) external {
        _set(up, startedAt_);
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return (roundId, status, startedAt, updatedAt, roundId);
    }

    function _set(bool up, uint64 startedAt_) private {
        roundId++;
        status = up ? int8(0) : int8(1);
        startedAt = startedAt_;
        updatedAt = uint64(block.timestamp);
        emit StatusUpdated(roundId, up, startedAt_);
    }
}
