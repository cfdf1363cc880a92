// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOwned} from "./IOwned.sol";

/// Claims: anyone reports incidents, holders file; the trigger decides and the vault pays in the same transaction.
interface IAssessor is IOwned {
    event IncidentReported(uint256 indexed product, bytes32 indexed subject, uint256 indexed number, address reporter, uint8 verdict, uint64 openedAt, uint64 closedAt, uint16 worstBps);
    event ClaimFiled(uint256 indexed policy, uint256 indexed incident, address indexed holder, uint8 verdict, uint16 lossBps);
    /// confirmed: by how much the policy's confirmed claims rose; paid: what the vault paid of it at once.
    event ClaimSettled(uint256 indexed policy, uint256 indexed incident, address indexed payee, uint256 confirmed, uint256 paid);
    event PeersSet(address indexed risk, address indexed policy);

    /// The trigger says that this policy has no claim under this incident.
    error ClaimNotMet(uint256 policy, uint256 incident);
    /// The trigger cannot tell yet.
    error ClaimInconclusive(uint256 policy, uint256 incident);
    /// The same loss was confirmed before: nothing rises.
    error NothingToPay(uint256 policy, uint256 incident);
    /// A claim names an incident, from 1 on.
    error NoIncident(uint256 product, bytes32 subject);
    /// The entry is not the one that the policy was sold with.
    error EntryMismatch(bytes32 expected, bytes32 actual);

    /// Takes in evidence on a subject and books its incidents for the product's line: each opens, is raised or
    /// closes. Anyone, never paused; at most eight incidents a call. Answers with the newest that is booked (number
    /// 0: the subject has none yet; what the evidence proved stays proven).
    function report(uint256 product, bytes32 subject, bytes calldata evidence)
        external returns (uint256 number, uint8 verdict, uint16 worstBps);
    /// Files a policy's claim under an incident of its subject, by the holder or an operator. entry: the bytes of
    /// PolicyBought. Confirmed: the rise of the claim is paid at once; confirmed is that rise, paid what of it the
    /// vault could pay. Otherwise the call fails with a typed error and nothing changes.
    function file(uint256 policy, uint256 incident, bytes calldata entry, bytes calldata evidence)
        external returns (uint256 confirmed, uint256 paid);

    /// Confirmed claims of a policy under one incident.
    function claimOf(uint256 policy, uint256 incident) external view returns (uint256 confirmed);
    /// An incident as it was booked last for a line; zeros where it was not.
    function incidentOf(uint256 product, bytes32 subject, uint256 number)
        external view returns (uint8 verdict, uint64 openedAt, uint64 closedAt, uint16 worstBps);
    /// The number of the newest incident that is booked for a line; zero where there is none.
    function newestIncident(uint256 product, bytes32 subject) external view returns (uint256 number);
    /// The trigger and the vault of a product, as cached from Risk.
    function routeOf(uint256 product) external view returns (address trigger, address vault);
    function peers() external view returns (address risk, address policy);

    // Owner
    function wire(address risk, address policy) external;
}
