// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOwned} from "./IOwned.sol";
import {ITrigger} from "./ITrigger.sol";

/// What triggers have in common that look for a lasting fall of what one share is worth.
///
/// An observation reads the value of one share now; the chain keeps no other. The reference is the highest value that
/// stood at two observations at least persistence seconds apart, and at all between them. A value at or below the
/// reference less triggerBps is a fall: seen once, it is latent evidence, and opens an incident as Inconclusive. Where it
/// stands at an observation persistence seconds later, and at all between, the incident is Confirmed under the same
/// number, with the smallest of these falls; one observation without it ends that, and where nothing else is latent the
/// incident is NotMet and closed. A deeper fall must stand in the same way, and be deeper by 0.5 % of the reference.
/// The incident closes after calm seconds without a deeper one, wherever the value is then. The lowest value since the fall
/// stood becomes the reference, however it oscillated in between, but for dips that did not stand.
///
/// fellAfter is the last observation before the fall at which there was none: the event is counted from there, so that
/// nobody can have it begin inside his cover by observing late. A policy is covered where fellAfter is not before its
/// start, for what was seen before its end. Whoever is insured has the subject observed when his cover begins and before
/// it ends. Its loss is (min(reference, value at entry) - value that stood) / value at entry, times the part of the
/// shares that it was sold on which the insured still has.
///
/// The shares that the insured has are those of the moment at which his claim is proven. Shares bear no names: one set can be
/// behind the claims of several insured, one after the other, each of whom had it when he bought. docs/claims.md says
/// what bounds that.
///
/// A source that reverts, answers too little or something absurd tells nothing: nothing changes, and what was not
/// Confirmed stays Inconclusive.
///
/// entry: abi.encode(uint256 value, uint256 shares). Evidence is not needed, and not read. position must be zero: with any
/// other the interest is 0. Interest and size are in the subject's asset: cover on it belongs into a vault of that asset.
interface IFallTrigger is IOwned, ITrigger {
    /// latent: something else than a fall was found; doubtful: a fall seen now counts for nothing.
    event Observed(bytes32 indexed subject, uint256 value, bool latent, bool doubtful);
    /// Latent evidence.
    event IncidentOpened(bytes32 indexed subject, uint256 indexed number, uint64 openedAt);
    event IncidentConfirmed(bytes32 indexed subject, uint256 indexed number, uint64 fellAfter, uint64 seenAt, uint16 worstBps);
    event IncidentDeepened(bytes32 indexed subject, uint256 indexed number, uint64 seenAt, uint16 worstBps);
    /// verdict: NotMet where it had been latent only.
    event IncidentClosed(bytes32 indexed subject, uint256 indexed number, uint64 closedAt, uint16 worstBps, uint8 verdict);

    error UnknownSubject(bytes32 subject);
    error SubjectExists(bytes32 subject);
    error UnknownIncident(bytes32 subject, uint256 number);
    /// The entry is not one that enter answered.
    error InvalidEntry();
    /// A source cannot be read, is not what the configuration says, or its values are too coarse to measure by.
    error SourceNotHealthy(address source);
    /// A source that is short of gas would look like a broken one.
    error InsufficientGas(uint256 left, uint256 needed);

    /// The reference, the value that the newest incident fell to as far as it stood, when the last observation was and
    /// the last one without a fall.
    function courseOf(bytes32 subject)
        external view returns (uint256 referenceValue, uint256 worst, uint64 observedAt, uint64 soundAt);
    /// Of an incident: the last observation before the fall, and the reference and the lowest value that stood.
    function fallOf(bytes32 subject, uint256 number)
        external view returns (uint64 fellAfter, uint256 referenceValue, uint256 worst);
    /// What an observation would read now; known: whether all sources answer.
    function valueOf(bytes32 subject) external view returns (bool known, uint256 value, bool latent, bool doubtful);
    /// The least number of seconds of persistence and calm.
    function shortest() external view returns (uint32);
}
