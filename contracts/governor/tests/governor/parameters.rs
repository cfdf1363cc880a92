//! Parameters, who sets them, and `relay`.

use alloy_primitives::{Address, B256, Bytes, U256, aliases::U48, keccak256};
use alloy_sol_types::{SolCall, SolValue};
use governor::{Governor, core::LONGEST_DELAY, core::LONGEST_PERIOD};
use protocol::abi::{IERC20, IERC6372, IGovernor, ITimelock};
use timelock::Timelock;

use crate::town::{
    COOLDOWN, Draft, EXTENSION, FOR, MIN_DELAY, NUMBERS, QUORUM, SUPPLY, State, THRESHOLD, Town, VOTING_DELAY,
    VOTING_PERIOD, arguments,
};

#[test]
fn construction_sets_them() {
    let town = Town::new();
    assert_eq!(town.read(IGovernor::nameCall {}), "Palisade Governor");
    assert_eq!(town.read(IGovernor::versionCall {}), "1");
    assert_eq!(town.read(IGovernor::COUNTING_MODECall {}), "support=bravo&quorum=for,abstain");
    assert_eq!(town.read(IERC6372::CLOCK_MODECall {}), "mode=timestamp");
    assert_eq!(town.read(IERC6372::clockCall {}), U48::from(town.world.now()));
    assert_eq!(town.read(IGovernor::tokenCall {}), town.token);
    assert_eq!(town.read(IGovernor::timelockCall {}), town.timelock);
    assert_eq!(town.read(IGovernor::votingDelayCall {}), U256::from(VOTING_DELAY));
    assert_eq!(town.read(IGovernor::votingPeriodCall {}), U256::from(VOTING_PERIOD));
    assert_eq!(town.read(IGovernor::proposalThresholdCall {}), U256::from(THRESHOLD));
    assert_eq!(town.read(IGovernor::lateQuorumVoteExtensionCall {}), U48::from(EXTENSION));
    assert_eq!(town.read(IGovernor::quorumNumerator_0Call {}), U256::from(QUORUM));
    assert_eq!(town.read(IGovernor::quorumDenominatorCall {}), U256::from(100));
    let timepoint = U256::from(town.world.now() - 1);
    assert_eq!(town.read(IGovernor::quorumCall { timepoint }), U256::from(SUPPLY * QUORUM / 100));
    let event = town.world.events::<IGovernor::VotingDelaySet>(town.governor).pop().unwrap();
    assert_eq!((event.oldVotingDelay, event.newVotingDelay), (U256::ZERO, U256::from(VOTING_DELAY)));
    let event = town.world.events::<IGovernor::TimelockChange>(town.governor).pop().unwrap();
    assert_eq!((event.oldTimelock, event.newTimelock), (Address::ZERO, town.timelock));
}

#[test]
fn construction_refuses_what_cannot_work() {
    let town = Town::new();
    let (nobody, at) = (town.world.address("nobody"), town.world.address("another governor"));
    let construct = |token, timelock, extension, numbers| {
        let arguments = arguments(token, timelock, extension, numbers);
        town.world.try_construct::<Governor>(at, town.alice, arguments)
    };
    let (token, timelock, extension) = (town.token, town.timelock, town.extension);
    for (token, timelock, extension) in
        [(nobody, timelock, extension), (token, nobody, extension), (token, timelock, nobody)]
    {
        let error = construct(token, timelock, extension, NUMBERS).unwrap_err().expect::<IGovernor::AddressEmptyCode>();
        assert_eq!(error.target, nobody);
    }
    let construct = |numbers| construct(token, timelock, extension, numbers).unwrap_err();
    let [delay, period, threshold, quorum, late] = NUMBERS;
    construct([LONGEST_DELAY + 1, period, threshold, quorum, late]).expect::<IGovernor::GovernorInvalidVotingDelay>();
    construct([delay, 0, threshold, quorum, late]).expect::<IGovernor::GovernorInvalidVotingPeriod>();
    construct([delay, LONGEST_PERIOD + 1, threshold, quorum, late]).expect::<IGovernor::GovernorInvalidVotingPeriod>();
    let error = construct([delay, period, threshold, 101, late]).expect::<IGovernor::GovernorInvalidQuorumFraction>();
    assert_eq!((error.quorumNumerator, error.quorumDenominator), (U256::from(101), U256::from(100)));
    construct([delay, period, threshold, quorum, LONGEST_PERIOD + 1])
        .expect::<IGovernor::GovernorPreventLateQuorumVoteExtensionTooLarge>();
}

#[test]
fn the_longest_vote_fits_its_record() {
    let town = Town::new();
    let at = town.world.address("another governor");
    let numbers = [LONGEST_DELAY, LONGEST_PERIOD, 0, 1, LONGEST_PERIOD];
    town.world.construct::<Governor>(at, town.alice, arguments(town.token, town.timelock, town.extension, numbers));
    let draft = town.draft("Long");
    let start = town.world.now();
    // without a threshold anyone proposes, and the token is not asked
    let proposal = town.world.send(town.at, at, draft.propose()).unwrap();
    assert_eq!(town.world.frames_of_last_transaction(), 1);
    let read = |call: IGovernor::proposalDeadlineCall| town.world.read(at, call);
    let deadline = start + LONGEST_DELAY + LONGEST_PERIOD;
    assert_eq!(read(IGovernor::proposalDeadlineCall { proposalId: proposal }), U256::from(deadline));
    town.world.warp_to(deadline);
    town.world.send(town.alice, at, IGovernor::castVoteCall { proposalId: proposal, support: FOR }).unwrap();
    let extended = U256::from(deadline + LONGEST_PERIOD);
    assert_eq!(read(IGovernor::proposalDeadlineCall { proposalId: proposal }), extended);
}

/// All setters in one proposal.
fn settings(town: &Town) -> Draft {
    town.own(&[
        IGovernor::setVotingDelayCall { newVotingDelay: U48::from(11) }.abi_encode(),
        IGovernor::setVotingPeriodCall { newVotingPeriod: 101 }.abi_encode(),
        IGovernor::setProposalThresholdCall { newProposalThreshold: U256::from(999) }.abi_encode(),
        IGovernor::setLateQuorumVoteExtensionCall { newVoteExtension: U48::from(31) }.abi_encode(),
        IGovernor::updateQuorumNumeratorCall { newQuorumNumerator: U256::from(5) }.abi_encode(),
    ])
}

#[test]
fn a_proposal_changes_them() {
    let town = Town::new();
    town.pass(&settings(&town));
    assert_eq!(town.read(IGovernor::votingDelayCall {}), U256::from(11));
    assert_eq!(town.read(IGovernor::votingPeriodCall {}), U256::from(101));
    assert_eq!(town.read(IGovernor::proposalThresholdCall {}), U256::from(999));
    assert_eq!(town.read(IGovernor::lateQuorumVoteExtensionCall {}), U48::from(31));
    assert_eq!(town.read(IGovernor::quorumNumerator_0Call {}), U256::from(5));
    assert_eq!(town.read(IGovernor::tokenCall {}), town.token);
    assert_eq!(town.read(IGovernor::timelockCall {}), town.timelock);
    macro_rules! last {
        ($event:ident, $old:ident, $new:ident) => {{
            let event = town.world.events::<IGovernor::$event>(town.governor).pop().unwrap();
            (event.$old.to_string(), event.$new.to_string())
        }};
    }
    let told = |old: u64, new: u64| (old.to_string(), new.to_string());
    assert_eq!(last!(VotingDelaySet, oldVotingDelay, newVotingDelay), told(10, 11));
    assert_eq!(last!(VotingPeriodSet, oldVotingPeriod, newVotingPeriod), told(100, 101));
    assert_eq!(last!(ProposalThresholdSet, oldProposalThreshold, newProposalThreshold), told(1_000, 999));
    assert_eq!(last!(LateQuorumVoteExtensionSet, oldVoteExtension, newVoteExtension), told(30, 31));
    assert_eq!(last!(QuorumNumeratorUpdated, oldQuorumNumerator, newQuorumNumerator), told(4, 5));
    // the new threshold counts from now on
    town.send(town.dave, town.draft("With 999").propose());
}

#[test]
fn a_proposals_quorum_is_that_of_its_snapshot() {
    let town = Town::new();
    let update = town.own(&[IGovernor::updateQuorumNumeratorCall { newQuorumNumerator: U256::from(100) }.abi_encode()]);
    town.ready(&update);
    let draft = town.draft("Before the change");
    let proposal = town.active(&draft);
    town.send(town.dave, update.execute());
    town.vote(town.alice, proposal, FOR); // 5 of 4 hundredths, not of 100
    town.world.warp_to(town.deadline(proposal) + 1);
    assert_eq!(town.state(proposal), State::Succeeded);
    let at = |timepoint: u64| town.read(IGovernor::quorumNumerator_1Call { timepoint: U256::from(timepoint) });
    assert_eq!((at(town.snapshot(proposal)), at(town.world.now())), (U256::from(4), U256::from(100)));
    assert_eq!(town.read(IGovernor::quorumCall { timepoint: U256::from(town.world.now() - 1) }), U256::from(SUPPLY));
    assert_eq!(at(0), U256::ZERO);
    let next = town.active(&town.draft("After the change"));
    town.vote(town.alice, next, FOR);
    town.world.warp_to(town.deadline(next) + 1);
    assert_eq!(town.state(next), State::Defeated);
}

#[test]
fn only_a_proposal_in_execution_changes_them() {
    let town = Town::new();
    let relay = IGovernor::relayCall { target: town.at, value: U256::ZERO, data: Bytes::new() }.abi_encode();
    let timelock = IGovernor::updateTimelockCall { newTimelock: town.at }.abi_encode();
    for data in settings(&town).calldatas.into_iter().map(|data| data.to_vec()).chain([relay, timelock]) {
        for account in [town.alice, town.governor] {
            let refused = town.world.transact(account, town.governor, U256::ZERO, data.clone()).unwrap_err();
            let error = testkit::Reverted(refused).expect::<IGovernor::GovernorOnlyExecutor>();
            assert_eq!(error.account, account);
        }
        // the timelock by itself, as another of its proposers could have it
        let refused = town.world.transact(town.timelock, town.governor, U256::ZERO, data.clone()).unwrap_err();
        let error = testkit::Reverted(refused).expect::<IGovernor::GovernorUnproposedCall>();
        assert_eq!(error.dataHash, keccak256(&data));
    }
}

#[test]
fn what_a_proposal_asks_for_is_asked_for_as_often_only() {
    let town = Town::new();
    let set = |new: u64| IGovernor::setVotingDelayCall { newVotingDelay: U48::from(new) }.abi_encode();
    // the same call twice, around another one
    town.pass(&town.own(&[set(1), set(2), set(1)]));
    assert_eq!(town.read(IGovernor::votingDelayCall {}), U256::ONE);
    // what was announced and not used is forgotten: here the target answers in the governor's place
    let refused = town.world.transact(town.timelock, town.governor, U256::ZERO, set(1)).unwrap_err();
    testkit::Reverted(refused).expect::<IGovernor::GovernorUnproposedCall>();
}

#[test]
fn parameters_out_of_bounds_make_the_execution_fail() {
    let town = Town::new();
    let delay = IGovernor::setVotingDelayCall { newVotingDelay: U48::from(LONGEST_DELAY + 1) }.abi_encode();
    let period = IGovernor::setVotingPeriodCall { newVotingPeriod: 0 }.abi_encode();
    let threshold = IGovernor::setProposalThresholdCall { newProposalThreshold: U256::ONE << 96 }.abi_encode();
    let extension =
        IGovernor::setLateQuorumVoteExtensionCall { newVoteExtension: U48::from(LONGEST_PERIOD + 1) }.abi_encode();
    let quorum = IGovernor::updateQuorumNumeratorCall { newQuorumNumerator: U256::from(101) }.abi_encode();
    let timelock = IGovernor::updateTimelockCall { newTimelock: town.world.address("nobody") }.abi_encode();
    let refused = |data: Vec<u8>| {
        let draft = town.own(&[data]);
        town.ready(&draft);
        town.refused(town.dave, draft.execute())
    };
    assert_eq!(
        refused(delay).expect::<IGovernor::GovernorInvalidVotingDelay>().votingDelay,
        U256::from(LONGEST_DELAY + 1)
    );
    assert_eq!(refused(period).expect::<IGovernor::GovernorInvalidVotingPeriod>().votingPeriod, U256::ZERO);
    refused(threshold).expect::<IGovernor::GovernorInvalidProposalThreshold>();
    refused(extension).expect::<IGovernor::GovernorPreventLateQuorumVoteExtensionTooLarge>();
    refused(quorum).expect::<IGovernor::GovernorInvalidQuorumFraction>();
    refused(timelock).expect::<IGovernor::AddressEmptyCode>();
}

#[test]
fn the_timelock_can_be_replaced() {
    let town = Town::new();
    let new = town.world.address("new timelock");
    let roles = (U256::from(MIN_DELAY), vec![town.governor], vec![Address::ZERO], Address::ZERO, U256::from(COOLDOWN));
    town.world.construct::<Timelock>(new, town.alice, roles.abi_encode_params());
    let stranded = town.draft("Left behind");
    let proposal = town.ready(&stranded);
    town.pass(&town.own(&[IGovernor::updateTimelockCall { newTimelock: new }.abi_encode()]));
    assert_eq!(town.read(IGovernor::timelockCall {}), new);
    let event = town.world.events::<IGovernor::TimelockChange>(town.governor).pop().unwrap();
    assert_eq!((event.oldTimelock, event.newTimelock), (town.timelock, new));
    assert_eq!(town.read(IGovernor::proposalThresholdCall {}), U256::from(THRESHOLD), "the threshold stays beside it");
    assert_eq!(town.state(proposal), State::Canceled, "what the old one holds counts as cancelled");
    town.pass(&town.draft("Through the new one"));
    assert_eq!(town.target.calls.borrow().last().unwrap().0, new);
    let done = ITimelock::isOperationDoneCall { id: town.draft("Through the new one").operation(town.governor) };
    assert!(town.world.read(new, done));
}

#[test]
fn relay_recovers_what_was_sent_to_the_governor() {
    let town = Town::new();
    town.world.send(town.alice, town.token, IERC20::transferCall { to: town.governor, value: U256::from(5) }).unwrap();
    let data = IERC20::transferCall { to: town.alice, value: U256::from(5) }.abi_encode().into();
    let relay = IGovernor::relayCall { target: town.token, value: U256::ZERO, data };
    town.pass(&town.own(&[relay.abi_encode()]));
    let balance = |account| town.world.read(town.token, IERC20::balanceOfCall { account });
    assert_eq!((balance(town.governor), balance(town.alice)), (U256::ZERO, U256::from(50_000)));
}

#[test]
fn relay_sends_ether_and_calls_nobody_without_code() {
    let town = Town::new();
    let payee = town.world.address("payee");
    town.world.set_ether(town.governor, U256::from(3));
    let relay =
        |data: &[u8]| IGovernor::relayCall { target: payee, value: U256::from(3), data: Bytes::copy_from_slice(data) };
    let draft = town.own(&[relay(b"hello").abi_encode()]);
    town.ready(&draft);
    town.refused(town.dave, draft.execute()).expect::<IGovernor::AddressEmptyCode>();
    town.pass(&town.own(&[relay(b"").abi_encode()]));
    assert_eq!(town.world.ether(payee), U256::from(3));
}

#[test]
fn a_proposal_without_its_own_calls_announces_nothing() {
    let town = Town::new();
    let draft = town.draft("Nothing of its own");
    town.ready(&draft);
    let before = town.world.slots_of(town.governor);
    town.send(town.dave, draft.execute());
    // the operation's id is forgotten, and no announcement is left
    assert_eq!(town.world.slots_of(town.governor), before - 1);
    assert_ne!(draft.operation(town.governor), B256::ZERO);
}
