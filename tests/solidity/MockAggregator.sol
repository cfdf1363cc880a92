// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// A Chainlink-style price feed, proxy and aggregator in one, that anyone may feed: for development networks only.
///
/// Round ids are packed as a proxy's: the phase in the upper 16 of 80 bits, the aggregator's count in the lower
/// 64. What was pushed stays readable for ever; an unknown round reverts with "No data present".
contract MockAggregator {
    /// A round in one slot. carried: how many rounds ago its answer was given, 0 for a round of its own.
    struct Round {
        int176 answer;
        uint64 updatedAt;
        uint16 carried;
    }

    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);
    event PhaseStarted(uint16 indexed phase);

    uint8 public immutable decimals;
    /// The circuit breaker's floor, which the trigger's registration compares with its own; nothing is cut here.
    int192 public immutable minAnswer;
    string public description;
    uint256 public constant version = 4;

    uint16 public phaseId = 1;
    uint64 private count;
    bool private broken;
    mapping(uint256 id => Round) private rounds;
    mapping(uint16 phase => uint64) private counts;

    constructor(uint8 decimals_, string memory description_, int192 minAnswer_) {
        decimals = decimals_;
        description = description_;
        minAnswer = minAnswer_;
    }

    /// Adds a round at this moment.
    function push(int256 answer) external returns (uint80 roundId) {
        return _push(answer, block.timestamp, 0);
    }

    /// Adds a round with a time of its own, as in a recorded series.
    function pushAt(int256 answer, uint256 updatedAt) external returns (uint80 roundId) {
        return _push(answer, updatedAt, 0);
    }

    /// Adds many rounds of a recorded series.
    function pushBatch(int256[] calldata answers, uint256[] calldata updatedAts) external returns (uint80 last) {
        require(answers.length == updatedAts.length, "Lengths differ");
        for (uint256 i = 0; i < answers.length; i++) {
            last = _push(answers[i], updatedAts[i], 0);
        }
    }

    /// Adds a broken round: any answer, any time (0: still being answered), an answer carried over from `carried`
    /// rounds ago.
    function pushRaw(int256 answer, uint256 updatedAt, uint16 carried) external returns (uint80 roundId) {
        return _push(answer, updatedAt, carried);
    }

    /// Begins a new phase, as when the proxy gets a new aggregator; its rounds count from 1 again.
    function startPhase() external returns (uint16 phase) {
        counts[phaseId] = count;
        count = 0;
        phase = ++phaseId;
        emit PhaseStarted(phase);
    }

    /// Makes every read revert, or stops that.
    function setBroken(bool broken_) external {
        broken = broken_;
    }

    function aggregator() external view returns (address) {
        return address(this);
    }

    function phaseAggregators(uint16 phase) external view returns (address) {
        return phase == 0 || phase > phaseId ? address(0) : address(this);
    }

    function latestRound() external view returns (uint256) {
        return _id(phaseId, count);
    }

    function latestAnswer() external view returns (int256) {
        return rounds[_id(phaseId, count)].answer;
    }

    /// How many rounds a phase has.
    function roundsOf(uint16 phase) external view returns (uint64) {
        return phase == phaseId ? count : counts[phase];
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return _read(_id(phaseId, count));
    }

    function getRoundData(uint80 roundId) external view returns (uint80, int256, uint256, uint256, uint80) {
        return _read(roundId);
    }

    function _push(int256 answer, uint256 updatedAt, uint16 carried) private returns (uint80 id) {
        require(answer == int176(answer) && updatedAt <= type(uint64).max, "Does not fit");
        id = _id(phaseId, ++count);
        // The time is stored one higher, so that a round that is still being answered differs from none.
        rounds[id] = Round(int176(answer), uint64(updatedAt) + 1, carried);
        emit AnswerUpdated(answer, id, updatedAt);
    }

    function _read(uint80 id) private view returns (uint80, int256, uint256, uint256, uint80) {
        require(!broken, "Broken");
        Round memory round = rounds[id];
        require(round.updatedAt != 0, "No data present");
        uint256 updatedAt = round.updatedAt - 1;
        return (id, round.answer, updatedAt, updatedAt, id - round.carried);
    }

    function _id(uint16 phase, uint64 round) private pure returns (uint80) {
        return (uint80(phase) << 64) | round;
    }
}
