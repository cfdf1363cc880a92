// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOwned} from "./IOwned.sol";

/// Claims: anyone reports incidents, holders file; the trigger decides and the vault pays in the same transaction.
interface IAssessor is IOwned {
    event IncidentReported(uint256 indexed product, bytes32 indexed subject, uint256 indexed number, address reporter, uint8 verdict, uint64 openedAt, uint64 closedAt, uint16 worstBps);
    event ClaimFiled(uint256 indexed policy, uint256 indexed incident, address indexed holder, uint8 verdict, uint16 lossBps);
    event ClaimSettled(uint256 indexed policy, uint256 indexed incident, address indexed payee, uint256 confirmed, uint256 paid);

    /// The trigger says that this policy has no claim under this incident.
    error ClaimNotMet(uint256 policy, uint256 incident);
    /// The trigger cannot tell yet.
    error ClaimInconclusive(uint256 policy, uint256 incident);
    /// The same loss was confirmed before: nothing rises.
    error NothingToPay(uint256 policy, uint256 incident);
    error NoIncident(uint256 product, bytes32 subject);
    error EntryMismatch(bytes32 expected, bytes32 actual);

    /// Takes in evidence on a subject and books its newest incident for the product's line: it opens, is raised
    /// or closes. Anyone.
    function report(uint256 product, bytes32 subject, bytes calldata evidence)
        external returns (uint256 number, uint8 verdict, uint16 worstBps);
    /// Files a policy's claim under an incident of its subject, by the holder or an operator. entry: the bytes of
    /// PolicyBought. Confirmed: the rise of the claim is paid at once. Otherwise the call fails with a typed
    /// error and nothing changes.
    function file(uint256 policy, uint256 incident, bytes calldata entry, bytes calldata evidence)
        external returns (uint256 confirmed, uint256 paid);

    /// Confirmed claims of a policy under one incident.
    function claimOf(uint256 policy, uint256 incident) external view returns (uint256 confirmed);
    /// The trigger and the vault of a product, as cached from Risk.
    function routeOf(uint256 product) external view returns (address trigger, address vault);
    function peers() external view returns (address risk, address policy);

    // Owner
    function wire(address risk, address policy) external;
}
