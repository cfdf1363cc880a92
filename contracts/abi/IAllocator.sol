// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOwned} from "./IOwned.sol";

/// Where a vault's spare money works: ERC-4626 strategies that governance chose, with a cap each and in an order.
///
/// It holds the strategies' shares and keeps what each is booked at: what was put there, less what came back and what
/// was lost. Every call of a strategy has its gas counted out and no more of its answer read than one word: whatever a
/// strategy does, the vault is not blocked. A caller who gives too little gas for that is refused, so that nobody can
/// make a good strategy look broken.
///
/// Three values: book; high, the higher of book and worth, which who enters pays; low, the lower, which who leaves is
/// paid. A worth below the book is a loss and is booked at once; a gain is only counted when it is harvested, and
/// above a quarter of the book not even in high. A strategy that does not tell its worth is booked as before, and counts
/// as nothing for who leaves. Worth is what convertToAssets says: strategies whose word one transaction can move do
/// not belong here.
interface IAllocator is IOwned {
    struct StrategyInfo {
        address strategy;
        bytes32 riskKey;  // what it fails with: the vault's exposure on this key counts it
        uint256 cap;      // the most that may be booked there
        uint256 shares;
        uint256 book;
        uint256 worth;    // what the shares are worth by its own word
        bool answers;     // whether it told
    }

    event StrategyAdded(address indexed strategy, uint256 cap, bytes32 indexed riskKey);
    event CapSet(address indexed strategy, uint256 cap);
    event QueueSet(address indexed strategy, uint256 place);
    /// What came back, and what of the book did not.
    event StrategyRemoved(address indexed strategy, uint256 returned, uint256 writtenOff);
    event Invested(address indexed strategy, uint256 assets);
    event Divested(address indexed strategy, uint256 assets);
    event Harvested(address indexed strategy, uint256 assets);
    event LossBooked(address indexed strategy, uint256 loss);

    error UnknownStrategy(address strategy);
    error StrategyAlreadyAdded(address strategy);
    error TooManyStrategies(uint256 most);
    /// It is not for the vault's asset, or is the vault itself.
    error WrongAsset(address strategy);
    error CapExceeded(address strategy, uint256 book, uint256 cap);
    /// It did not take what it was given, or made less than 99 % of it.
    error StrategyFailed(address strategy);
    /// So much of its book, or some of its shares, would be given up.
    error StrategyNotEmpty(address strategy, uint256 book);
    /// The queue must name each strategy once.
    error WrongQueue(uint256 length);
    /// A strategy could not be given the gas that it may use.
    error InsufficientGas(uint256 left, uint256 needed);

    // Called by Vault
    /// Books losses and answers with the three values.
    function mark() external returns (uint256 book, uint256 high, uint256 low);
    /// Brings up to needed back to the vault: what waits here, then the strategies in the order of the queue, each up to
    /// its book.
    function free(uint256 needed) external returns (uint256 freed);
    /// Puts assets, which were transferred here just before, into a strategy. Answers with its risk key and what is now
    /// booked on that.
    function put(address strategy, uint256 assets) external returns (bytes32 riskKey, uint256 held);
    /// Brings up to assets of a strategy's book back to the vault.
    function take(address strategy, uint256 assets) external returns (uint256 taken, bytes32 riskKey, uint256 held);
    /// Brings a strategy's gain back to the vault; for the zero address, what removed strategies left here.
    function harvest(address strategy) external returns (uint256 gain, bytes32 riskKey, uint256 held);

    // Views
    /// The three values, as mark() would answer. Refused while a strategy is being called.
    function value() external view returns (uint256 book, uint256 high, uint256 low);
    function vault() external view returns (address);
    function asset() external view returns (address);
    /// What removed strategies left here and the vault has not had yet.
    function idle() external view returns (uint256);
    /// What is booked on a risk key.
    function heldOn(bytes32 riskKey) external view returns (uint256);
    /// All strategies, at most eight, in the order in which money comes back from them.
    function strategies() external view returns (StrategyInfo[] memory);

    // Owner
    function addStrategy(address strategy, uint256 cap, bytes32 riskKey) external;
    function setCap(address strategy, uint256 cap) external;
    function setQueue(address[] calldata queue) external;
    /// Takes out all that a strategy gives, which waits here for the vault, and forgets the strategy. What does not come
    /// is written off where force says so; else the strategy stays.
    function removeStrategy(address strategy, bool force) external returns (uint256 returned);
}
