// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC20, IERC20Permit} from "./IERC20.sol";

/// ERC-6372: the clock of votes and proposals, which is seconds since 1970 ("mode=timestamp").
interface IERC6372 {
    function clock() external view returns (uint48);
    function CLOCK_MODE() external view returns (string memory);
}

/// ERC-5805: votes that are delegated and can be looked up for any time in the past.
interface IVotes is IERC6372 {
    event DelegateChanged(address indexed delegator, address indexed fromDelegate, address indexed toDelegate);
    event DelegateVotesChanged(address indexed delegate, uint256 previousVotes, uint256 newVotes);

    error VotesExpiredSignature(uint256 expiry);
    /// The past is what is before now: the answer for it can never change.
    error ERC5805FutureLookup(uint256 timepoint, uint48 clock);

    function getVotes(address account) external view returns (uint256);
    function getPastVotes(address account, uint256 timepoint) external view returns (uint256);
    function getPastTotalSupply(uint256 timepoint) external view returns (uint256);
    function delegates(address account) external view returns (address);
    function delegate(address delegatee) external;
    function delegateBySig(address delegatee, uint256 nonce, uint256 expiry, uint8 v, bytes32 r, bytes32 s) external;
}

/// PALI, the governance token: ERC-20 with permit and votes, and OpenZeppelin's ERC20Votes functions beyond the
/// standards. Its supply is fixed at construction.
interface IToken is IERC20, IERC20Permit, IVotes {
    struct Checkpoint208 {
        uint48 _key;
        uint208 _value;
    }

    error ERC20ExceededSafeSupply(uint256 increasedSupply, uint256 cap);
    error ECDSAInvalidSignature();
    error ECDSAInvalidSignatureS(bytes32 s);
    // OpenZeppelin's, which nothing here raises: names are constants, signatures have three words, times only grow.
    error ECDSAInvalidSignatureLength(uint256 length);
    error CheckpointUnorderedInsertion();
    error ERC6372InconsistentClock();
    error InvalidShortString();
    error StringTooLong(string str);
    error SafeCastOverflowedUintDowncast(uint8 bits, uint256 value);

    // Of ERC-5267; the domain never changes.
    event EIP712DomainChanged();

    /// How many checkpoints the votes of an account have.
    function numCheckpoints(address account) external view returns (uint32);
    /// A checkpoint of an account's votes, the oldest first; Panic(0x32) where there is none, as in Solidity.
    function checkpoints(address account, uint32 pos) external view returns (Checkpoint208 memory);
}
