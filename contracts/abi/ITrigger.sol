// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// What decides on chain whether a loss happened. Anyone may write one, in Rust or in Solidity.
///
/// A subject is what a cover is about (a feed, a pool, a bridge, a lender): a configuration that governance
/// registers in the trigger. An incident is one event on a subject, with a number from 1, an opening, a closing
/// and a worst loss, the same for everybody. Evidence only says where to look; every value is read from chain
/// again, and what it proves is stored, so that long runs are proven in pieces.
interface ITrigger {
    /// What is unknown is Inconclusive, never NotMet.
    enum Verdict { Inconclusive, NotMet, Confirmed }

    /// The covered line of one policy: its subject, who and what is insured, from when until when (seconds).
    struct Terms { bytes32 subject; address insured; bytes32 position; uint64 start; uint64 end; }

    /// Inconclusive is latent evidence; closedAt 0 means open; worstBps is the worst loss so far.
    struct Incident { Verdict verdict; uint64 openedAt; uint64 closedAt; uint16 worstBps; }

    /// Takes in evidence about a subject and answers with its newest incident (number 0: none yet). Anyone;
    /// bounded; goes on where it stopped.
    function observe(bytes32 subject, bytes calldata evidence) external returns (uint256 number, Incident memory latest);

    /// Takes in what the chain proves now and answers for a purchase: whether the subject is healthy, the entry
    /// that a later loss is measured from, the interest of the insured in the position and the subject's size
    /// (both in the vault's asset; the largest uint256 where the trigger knows no limit).
    function enter(bytes32 subject, address insured, bytes32 position)
        external returns (bool healthy, bytes memory entry, uint256 interest, uint256 size);

    /// Takes in evidence and answers for one policy under incident number (0: the position by itself).
    function prove(Terms calldata terms, bytes calldata entry, uint256 number, bytes calldata evidence)
        external returns (Verdict verdict, uint16 lossBps);

    function healthy(bytes32 subject) external view returns (bool);
    function incidents(bytes32 subject) external view returns (uint256 count);
    function incident(bytes32 subject, uint256 number) external view returns (Incident memory);
    function loss(Terms calldata terms, bytes calldata entry, uint256 number)
        external view returns (Verdict verdict, uint16 lossBps);
}
