// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

interface ArbWasm {
    function codehashAsmSize(bytes32 codehash) external view returns (uint32);
}

interface ArbWasmCache {
    function cacheProgram(address program) external;
    function codehashIsCached(bytes32 codehash) external view returns (bool);
}

/// Puts programs into the chain's cache, so that they cost less to call.
///
/// Answers as the CacheManager that Arbitrum chains have at this address does while there is room: bids are taken,
/// and none is needed. Nothing is ever put out again: a development chain does not live that long. Own code.
contract CacheManager {
    ArbWasm private constant ARB_WASM = ArbWasm(0x0000000000000000000000000000000000000071);
    ArbWasmCache private constant ARB_WASM_CACHE = ArbWasmCache(0x0000000000000000000000000000000000000072);

    /// Bytes that fit.
    uint64 public constant cacheSize = 512 << 20;
    bool public constant isPaused = false;

    /// Bytes of the programs that are in.
    uint64 public queueSize;

    event InsertBid(bytes32 indexed codehash, address program, uint192 bid, uint64 size);

    error AsmTooLarge(uint256 asm, uint256 queueSize, uint256 cacheSize);
    error AlreadyCached(bytes32 codehash);

    /// Takes a program in. Reverts as ArbWasm does where it is not activated.
    function placeBid(address program) external payable {
        bytes32 codehash = program.codehash;
        uint64 size = ARB_WASM.codehashAsmSize(codehash);
        if (ARB_WASM_CACHE.codehashIsCached(codehash)) revert AlreadyCached(codehash);
        requireRoom(size);
        queueSize += size;
        ARB_WASM_CACHE.cacheProgram(program);
        emit InsertBid(codehash, program, uint192(msg.value), size);
    }

    /// The least bid for a program.
    function getMinBid(address program) external view returns (uint192) {
        return getMinBid(ARB_WASM.codehashAsmSize(program.codehash));
    }

    /// The least bid for so many bytes.
    function getMinBid(uint64 size) public view returns (uint192) {
        requireRoom(size);
        return 0;
    }

    function requireRoom(uint64 size) private view {
        if (queueSize + size > cacheSize) revert AsmTooLarge(size, queueSize, cacheSize);
    }
}
