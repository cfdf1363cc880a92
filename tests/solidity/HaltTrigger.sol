// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ITrigger} from "../../contracts/abi/ITrigger.sol";

/// What the covered contracts answer.
interface IHaltable {
    function paused() external view returns (bool);
}

/// A trigger of one's own: cover against a contract that stays halted. Its README section explains it line by line.
///
/// A subject is a contract that answers paused(). What is seen at one observation is latent evidence; still halted at
/// another one at least `persistence` later, it is an incident, counted from the last observation that found it running. It
/// closes when it is found running. A policy that was in force at the opening loses `lossBps` of its cover.
contract HaltTrigger is ITrigger {
    event SubjectRegistered(bytes32 indexed subject, address indexed target);
    event IncidentOpened(bytes32 indexed subject, uint256 indexed number, uint64 openedAt);
    event IncidentConfirmed(bytes32 indexed subject, uint256 indexed number);
    event IncidentClosed(bytes32 indexed subject, uint256 indexed number, uint64 closedAt, Verdict verdict);

    error NotOwner(address caller);
    error UnknownSubject(bytes32 subject);
    error SubjectExists(bytes32 subject);
    error UnknownIncident(bytes32 subject, uint256 number);
    error NotHealthy(address target);

    address public immutable owner;
    uint64 public immutable persistence;
    uint16 public immutable lossBps;

    mapping(bytes32 subject => address) public targetOf;
    mapping(bytes32 subject => Incident[]) private found;
    /// The last observation that found it running, and the first that found it halted since.
    mapping(bytes32 subject => uint64) public ranAt;
    mapping(bytes32 subject => uint64) public haltedAt;

    constructor(address owner_, uint64 persistence_, uint16 lossBps_) {
        require(persistence_ > 0 && lossBps_ > 0 && lossBps_ <= 10_000, "Out of bounds");
        (owner, persistence, lossBps) = (owner_, persistence_, lossBps_);
    }

    /// Governance registers a subject for ever; one that is halted already cannot be covered.
    function register(bytes32 subject, address target) external {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        if (targetOf[subject] != address(0)) revert SubjectExists(subject);
        (bool known, bool halted) = _look(target);
        if (!known || halted) revert NotHealthy(target);
        targetOf[subject] = target;
        ranAt[subject] = uint64(block.timestamp);
        emit SubjectRegistered(subject, target);
    }

    function observe(bytes32 subject, bytes calldata) external returns (uint256 number, Incident memory latest) {
        _observe(subject);
        number = found[subject].length;
        if (number > 0) latest = found[subject][number - 1];
    }

    /// Nothing is measured from a value at the purchase, so the entry is empty; neither interest nor size is known here.
    function enter(bytes32 subject, address, bytes32)
        external
        returns (bool healthy_, bytes memory entry, uint256 interest, uint256 size)
    {
        _observe(subject);
        return (_healthy(subject), "", type(uint256).max, type(uint256).max);
    }

    function prove(Terms calldata terms, bytes calldata, uint256 number, bytes calldata)
        external
        returns (Verdict verdict, uint16 loss_)
    {
        _observe(terms.subject);
        return _loss(terms, number);
    }

    function healthy(bytes32 subject) external view returns (bool) {
        return _healthy(subject);
    }

    function incidents(bytes32 subject) external view returns (uint256 count) {
        return found[subject].length;
    }

    function incident(bytes32 subject, uint256 number) external view returns (Incident memory) {
        return _incident(subject, number);
    }

    function loss(Terms calldata terms, bytes calldata, uint256 number) external view returns (Verdict, uint16) {
        return _loss(terms, number);
    }

    function _observe(bytes32 subject) private {
        address target = targetOf[subject];
        if (target == address(0)) revert UnknownSubject(subject);
        (bool known, bool halted) = _look(target);
        // What cannot be read tells nothing: nothing changes.
        if (!known) return;
        uint64 time = uint64(block.timestamp);
        Incident[] storage list = found[subject];
        uint256 number = list.length;
        bool open = number > 0 && list[number - 1].closedAt == 0;
        if (!halted) {
            (ranAt[subject], haltedAt[subject]) = (time, 0);
            if (open) {
                Incident storage last = list[number - 1];
                last.closedAt = time;
                // Latent evidence that nothing followed was none.
                if (last.verdict == Verdict.Inconclusive) (last.verdict, last.worstBps) = (Verdict.NotMet, 0);
                emit IncidentClosed(subject, number, time, last.verdict);
            }
        } else if (!open) {
            haltedAt[subject] = time;
            list.push(Incident(Verdict.Inconclusive, ranAt[subject], 0, lossBps));
            emit IncidentOpened(subject, number + 1, ranAt[subject]);
        } else if (list[number - 1].verdict == Verdict.Inconclusive && time >= haltedAt[subject] + persistence) {
            list[number - 1].verdict = Verdict.Confirmed;
            emit IncidentConfirmed(subject, number);
        }
    }

    /// The same for everybody but for the time that is covered: the event must begin inside it.
    function _loss(Terms calldata terms, uint256 number) private view returns (Verdict, uint16) {
        // This trigger knows no loss of a position by itself.
        if (number == 0) return (Verdict.NotMet, 0);
        Incident memory event_ = _incident(terms.subject, number);
        bool covered = event_.openedAt >= terms.start && event_.openedAt <= terms.end;
        if (!covered || event_.verdict == Verdict.NotMet) return (Verdict.NotMet, 0);
        return event_.verdict == Verdict.Confirmed ? (Verdict.Confirmed, event_.worstBps) : (Verdict.Inconclusive, 0);
    }

    function _incident(bytes32 subject, uint256 number) private view returns (Incident memory) {
        if (number == 0 || number > found[subject].length) revert UnknownIncident(subject, number);
        return found[subject][number - 1];
    }

    function _healthy(bytes32 subject) private view returns (bool) {
        Incident[] storage list = found[subject];
        (bool known, bool halted) = _look(targetOf[subject]);
        return known && !halted && (list.length == 0 || list[list.length - 1].closedAt != 0);
    }

    /// Reads without trusting: a target that reverts, is gone or answers too little is not known.
    function _look(address target) private view returns (bool known, bool halted) {
        (bool done, bytes memory answer) = target.staticcall{gas: 100_000}(abi.encodeCall(IHaltable.paused, ()));
        if (!done || answer.length < 32) return (false, false);
        return (true, abi.decode(answer, (uint256)) != 0);
    }
}

/// A contract that its owner halts: for the tests.
contract Haltable is IHaltable {
    bool public paused;

    function halt(bool halted) external {
        paused = halted;
    }
}

/// A trigger that says whatever brings its friends most: for the tests. It confirms one incident for ever and for everybody.
/// Who has it look is called back, where an ambush is laid.
contract LyingTrigger is ITrigger {
    uint64 public immutable since = uint64(block.timestamp);
    bool public lies;
    /// More than all of it.
    uint16 public says = 10_000;
    /// What it calls back with; nothing at first.
    bytes public ambush;

    function lie(uint16 says_) external {
        (lies, says) = (true, says_);
    }

    function lay(bytes calldata ambush_) external {
        ambush = ambush_;
    }

    function observe(bytes32, bytes calldata) external returns (uint256 number, Incident memory latest) {
        if (ambush.length > 0) {
            (bool done, bytes memory answer) = msg.sender.call(ambush);
            if (!done) {
                assembly {
                    revert(add(answer, 32), mload(answer))
                }
            }
        }
        if (lies) (number, latest) = (1, _incident());
    }

    function enter(bytes32, address, bytes32) external pure returns (bool, bytes memory, uint256, uint256) {
        return (true, "", type(uint256).max, type(uint256).max);
    }

    function prove(Terms calldata, bytes calldata, uint256, bytes calldata) external view returns (Verdict, uint16) {
        return (Verdict.Confirmed, says);
    }

    function healthy(bytes32) external pure returns (bool) {
        return true;
    }

    function incidents(bytes32) external view returns (uint256) {
        return lies ? 1 : 0;
    }

    function incident(bytes32, uint256) external view returns (Incident memory) {
        return _incident();
    }

    function loss(Terms calldata, bytes calldata, uint256) external view returns (Verdict, uint16) {
        return (Verdict.Confirmed, says);
    }

    function _incident() private view returns (Incident memory) {
        return Incident(Verdict.Confirmed, since, 0, says);
    }
}
