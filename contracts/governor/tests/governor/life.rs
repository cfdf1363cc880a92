//! A proposal's life: proposed, voted on, queued, executed; or cancelled, defeated, extended.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall;
use protocol::abi::{IERC20, IGovernor, ITimelock, IVotes};
use testkit::Reverted;

use crate::town::{ABSTAIN, AGAINST, EXTENSION, FOR, MIN_DELAY, State, THRESHOLD, Town, VOTING_DELAY, VOTING_PERIOD};

#[test]
fn a_proposal_is_voted_on_queued_and_executed() {
    let town = Town::new();
    let draft = town.draft("Raise the cap");
    let start = town.world.now();
    let proposal = town.send(town.alice, draft.propose());

    // proposed
    assert_eq!(proposal, draft.id());
    let batch = draft.queue();
    let hash = IGovernor::hashProposalCall {
        targets: batch.targets.clone(),
        values: batch.values.clone(),
        calldatas: batch.calldatas.clone(),
        descriptionHash: batch.descriptionHash,
    };
    assert_eq!(town.read(hash), proposal);
    let id = IGovernor::getProposalIdCall {
        targets: batch.targets,
        values: batch.values,
        calldatas: batch.calldatas,
        descriptionHash: batch.descriptionHash,
    };
    assert_eq!(town.read(id), proposal);
    let snapshot = start + VOTING_DELAY;
    let event = town.world.events::<IGovernor::ProposalCreated>(town.governor).pop().unwrap();
    assert_eq!((event.proposalId, event.proposer), (proposal, town.alice));
    assert_eq!(
        (event.targets, event.values, event.calldatas),
        (draft.targets.clone(), draft.values.clone(), draft.calldatas.clone())
    );
    assert_eq!((event.signatures, event.description), (vec![String::new()], draft.description.clone()));
    assert_eq!((event.voteStart, event.voteEnd), (U256::from(snapshot), U256::from(snapshot + VOTING_PERIOD)));
    assert_eq!(town.read(IGovernor::proposalProposerCall { proposalId: proposal }), town.alice);
    assert_eq!((town.snapshot(proposal), town.deadline(proposal)), (snapshot, snapshot + VOTING_PERIOD));
    assert!(town.read(IGovernor::proposalNeedsQueuingCall { proposalId: proposal }));

    // pending to the snapshot, active to the deadline
    town.world.warp_to(snapshot);
    assert_eq!(town.state(proposal), State::Pending);
    town.world.warp_to(snapshot + 1);
    assert_eq!(town.state(proposal), State::Active);
    town.vote(town.alice, proposal, FOR);
    town.vote(town.bob, proposal, AGAINST);
    town.world.warp_to(snapshot + VOTING_PERIOD);
    assert_eq!(town.state(proposal), State::Active);
    town.unexpected(town.refused(town.dave, draft.queue()), proposal, State::Active, &[State::Succeeded]);
    town.world.warp_to(snapshot + VOTING_PERIOD + 1);
    assert_eq!(town.state(proposal), State::Succeeded);

    // queued by anyone
    assert_eq!(town.read(IGovernor::proposalEtaCall { proposalId: proposal }), U256::ZERO);
    assert_eq!(town.send(town.dave, draft.queue()), proposal);
    let eta = town.world.now() + MIN_DELAY;
    assert_eq!(town.read(IGovernor::proposalEtaCall { proposalId: proposal }), U256::from(eta));
    let event = town.world.events::<IGovernor::ProposalQueued>(town.governor).pop().unwrap();
    assert_eq!((event.proposalId, event.etaSeconds), (proposal, U256::from(eta)));
    let operation = draft.operation(town.governor);
    assert_eq!(town.world.read(town.timelock, ITimelock::getTimestampCall { id: operation }), U256::from(eta));
    assert_eq!(town.state(proposal), State::Queued);
    town.unexpected(town.refused(town.dave, draft.queue()), proposal, State::Queued, &[State::Succeeded]);

    // executed by anyone, after the delay
    town.world.warp_to(eta - 1);
    town.refused(town.dave, draft.execute()).expect::<ITimelock::TimelockUnexpectedOperationState>();
    town.world.warp_to(eta);
    assert!(town.target.calls.borrow().is_empty());
    assert_eq!(town.send(town.dave, draft.execute()), proposal);
    assert_eq!(*town.target.calls.borrow(), [(town.timelock, b"do it".to_vec())]);
    assert_eq!(town.world.events::<IGovernor::ProposalExecuted>(town.governor).pop().unwrap().proposalId, proposal);
    assert_eq!(town.state(proposal), State::Executed);
    let expected = [State::Queued];
    town.unexpected(town.refused(town.dave, draft.execute()), proposal, State::Executed, &expected);
    town.unexpected(town.refused(town.alice, draft.propose()), proposal, State::Executed, &[]);
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————— proposing

#[test]
fn a_proposer_needs_the_threshold_a_second_ago() {
    let town = Town::new();
    let draft = town.draft("Raise the cap");
    let error = town.refused(town.dave, draft.propose()).expect::<IGovernor::GovernorInsufficientProposerVotes>();
    let numbers = (U256::from(THRESHOLD - 1), U256::from(THRESHOLD));
    assert_eq!((error.proposer, error.votes, error.threshold), (town.dave, numbers.0, numbers.1));
    // votes that come in this very second do not help
    town.world.send(town.alice, town.token, IERC20::transferCall { to: town.dave, value: U256::ONE }).unwrap();
    town.refused(town.dave, draft.propose()).expect::<IGovernor::GovernorInsufficientProposerVotes>();
    town.world.warp(1);
    town.send(town.dave, draft.propose());
    town.send(town.erin, town.draft("Another").propose());
}

#[test]
fn a_proposal_has_one_to_ten_complete_actions() {
    let town = Town::new();
    let draft = |targets, values, calldatas| {
        let mut draft = town.draft("Lengths");
        draft.targets = vec![town.at; targets];
        draft.values = vec![U256::ZERO; values];
        draft.calldatas = vec![Bytes::new(); calldatas];
        draft
    };
    for (targets, values, calldatas) in [(0, 0, 0), (1, 2, 1), (1, 1, 2), (2, 1, 1)] {
        let error = town.refused(town.alice, draft(targets, values, calldatas).propose());
        let error = error.expect::<IGovernor::GovernorInvalidProposalLength>();
        let lengths = [targets, calldatas, values].map(U256::from);
        assert_eq!([error.targets, error.calldatas, error.values], lengths);
    }
    let error = town.refused(town.alice, draft(11, 11, 11).propose()).expect::<IGovernor::GovernorTooManyActions>();
    assert_eq!((error.actions, error.most), (U256::from(11), U256::from(10)));
    town.send(town.alice, draft(10, 10, 10).propose());
}

#[test]
fn the_same_proposal_cannot_be_made_twice() {
    let town = Town::new();
    let draft = town.draft("Once");
    let proposal = town.propose(&draft);
    town.unexpected(town.refused(town.bob, draft.propose()), proposal, State::Pending, &[]);
    // another description makes it another proposal
    assert_ne!(town.propose(&town.draft("Twice")), proposal);
}

#[test]
fn a_description_can_belong_to_its_proposer() {
    let town = Town::new();
    let draft = town.draft(&format!("Mine#proposer={}", town.alice));
    let error = town.refused(town.bob, draft.propose()).expect::<IGovernor::GovernorRestrictedProposer>();
    assert_eq!(error.proposer, town.bob);
    town.propose(&draft);
}

#[test]
fn what_was_never_proposed_has_no_state() {
    let town = Town::new();
    let draft = town.draft("Never");
    let proposal = draft.id();
    let nonexistent = |reverted: Reverted| {
        assert_eq!(reverted.expect::<IGovernor::GovernorNonexistentProposal>().proposalId, proposal);
    };
    nonexistent(town.refused(town.alice, IGovernor::stateCall { proposalId: proposal }));
    nonexistent(town.refused(town.alice, IGovernor::castVoteCall { proposalId: proposal, support: FOR }));
    nonexistent(town.refused(town.alice, draft.queue()));
    nonexistent(town.refused(town.alice, draft.execute()));
    nonexistent(town.refused(town.alice, draft.cancel()));
    assert_eq!((town.snapshot(proposal), town.deadline(proposal), town.tally(proposal)), (0, 0, [0; 3]));
    assert_eq!(town.read(IGovernor::proposalProposerCall { proposalId: proposal }), Address::ZERO);
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————— cancelling

#[test]
fn the_proposer_cancels_before_the_vote() {
    let town = Town::new();
    let draft = town.draft("A mistake");
    let proposal = town.propose(&draft);
    town.world.warp_to(town.snapshot(proposal));
    let error = town.refused(town.bob, draft.cancel()).expect::<IGovernor::GovernorUnableToCancel>();
    assert_eq!((error.proposalId, error.account), (proposal, town.bob));
    assert_eq!(town.send(town.alice, draft.cancel()), proposal);
    assert_eq!(town.world.events::<IGovernor::ProposalCanceled>(town.governor).pop().unwrap().proposalId, proposal);
    assert_eq!(town.state(proposal), State::Canceled);
    town.world.warp(1);
    let vote = IGovernor::castVoteCall { proposalId: proposal, support: FOR };
    town.unexpected(town.refused(town.alice, vote), proposal, State::Canceled, &[State::Active]);
    town.refused(town.alice, draft.cancel()).expect::<IGovernor::GovernorUnableToCancel>();
    town.unexpected(town.refused(town.alice, draft.propose()), proposal, State::Canceled, &[]);
}

#[test]
fn nobody_cancels_once_the_vote_began() {
    let town = Town::new();
    let draft = town.draft("Too late");
    town.active(&draft);
    town.refused(town.alice, draft.cancel()).expect::<IGovernor::GovernorUnableToCancel>();
}

#[test]
fn what_is_cancelled_in_the_timelock_is_cancelled() {
    let town = Town::new();
    let draft = town.draft("Cancelled below");
    let proposal = town.ready(&draft);
    let cancel = ITimelock::cancelCall { id: draft.operation(town.governor) };
    town.world.send(town.governor, town.timelock, cancel).unwrap();
    assert_eq!(town.state(proposal), State::Canceled);
    let expected = [State::Queued];
    town.unexpected(town.refused(town.dave, draft.execute()), proposal, State::Canceled, &expected);
}

#[test]
fn what_is_executed_in_the_timelock_is_executed() {
    let town = Town::new();
    let draft = town.draft("Executed below");
    let proposal = town.ready(&draft);
    let mut salt = draft.hash();
    salt.iter_mut().zip(town.governor).for_each(|(byte, own)| *byte ^= own);
    let execute = ITimelock::executeBatchCall {
        targets: draft.targets.clone(),
        values: draft.values.clone(),
        payloads: draft.calldatas.clone(),
        predecessor: B256::ZERO,
        salt,
    };
    town.world.send(town.dave, town.timelock, execute).unwrap();
    assert_eq!(town.state(proposal), State::Executed);
    let expected = [State::Queued];
    town.unexpected(town.refused(town.dave, draft.execute()), proposal, State::Executed, &expected);
}

// —————————————————————————————————————————————————————————————————————————————————————————————————————— counting

#[test]
fn without_quorum_a_proposal_is_defeated() {
    let town = Town::new();
    let draft = town.draft("Nobody cares");
    let proposal = town.active(&draft);
    town.vote(town.bob, proposal, FOR); // 30,000 of 40,000
    town.vote(town.alice, proposal, AGAINST); // votes against make no quorum
    town.world.warp_to(town.deadline(proposal) + 1);
    assert_eq!(town.state(proposal), State::Defeated);
    town.unexpected(town.refused(town.dave, draft.queue()), proposal, State::Defeated, &[State::Succeeded]);
}

#[test]
fn abstaining_votes_make_a_quorum_and_decide_nothing() {
    let town = Town::new();
    let proposal = town.active(&town.draft("Let the others"));
    town.vote(town.alice, proposal, ABSTAIN);
    town.vote(town.erin, proposal, FOR);
    town.world.warp_to(town.deadline(proposal) + 1);
    assert_eq!(town.tally(proposal), [0, 1_000, 50_000]);
    assert_eq!(town.state(proposal), State::Succeeded);
}

#[test]
fn a_tie_is_a_defeat() {
    let town = Town::new();
    let proposal = town.active(&town.draft("Tie"));
    town.vote(town.alice, proposal, FOR);
    town.vote(town.bob, proposal, AGAINST);
    town.vote(town.carol, proposal, AGAINST);
    town.world.warp_to(town.deadline(proposal) + 1);
    assert_eq!(town.tally(proposal), [50_000, 50_000, 0]);
    assert_eq!(town.state(proposal), State::Defeated);
}

#[test]
fn the_quorum_is_reached_exactly() {
    let town = Town::new();
    // Bob keeps 19,999, and one unit votes by itself
    let last = town.world.address("last");
    for (from, to, value) in [(town.bob, town.at, 10_001), (town.at, last, 1)] {
        town.world.send(from, town.token, IERC20::transferCall { to, value: U256::from(value) }).unwrap();
    }
    town.world.send(last, town.token, IVotes::delegateCall { delegatee: last }).unwrap();
    town.world.warp(1);
    let [short, exact] = ["short", "exact"].map(|description| town.propose(&town.draft(description)));
    town.world.warp_to(town.snapshot(exact) + 1);
    for proposal in [short, exact] {
        town.vote(town.carol, proposal, FOR);
        town.vote(town.bob, proposal, FOR);
    }
    assert_eq!(town.read(IGovernor::quorumCall { timepoint: U256::from(town.snapshot(exact)) }), U256::from(40_000));
    town.vote(last, exact, ABSTAIN);
    town.world.warp_to(town.deadline(exact) + 1);
    assert_eq!((town.tally(short), town.tally(exact)), ([0, 39_999, 0], [0, 39_999, 1]));
    assert_eq!((town.state(short), town.state(exact)), (State::Defeated, State::Succeeded));
}

/// The quorum is rounded down, as OpenZeppelin's: a supply of 1,000,099 needs 40,003 of the 40,003.96.
#[test]
fn a_quorum_with_a_fraction_is_rounded_down() {
    let town = Town::with_supply(1_000_099);
    let last = town.world.address("last");
    for (from, to, value) in [(town.bob, town.at, 9_998), (town.at, last, 1)] {
        town.world.send(from, town.token, IERC20::transferCall { to, value: U256::from(value) }).unwrap();
    }
    town.world.send(last, town.token, IVotes::delegateCall { delegatee: last }).unwrap();
    town.world.warp(1);
    let proposal = town.active(&town.draft("fraction"));
    assert_eq!(town.read(IGovernor::quorumCall { timepoint: U256::from(town.snapshot(proposal)) }), U256::from(40_003));
    town.vote(town.carol, proposal, FOR);
    town.vote(town.bob, proposal, FOR); // 40,002
    town.world.warp_to(town.deadline(proposal));
    assert_eq!(town.world.events::<IGovernor::ProposalExtended>(town.governor).len(), 0);
    town.vote(last, proposal, FOR);
    assert_eq!(town.world.events::<IGovernor::ProposalExtended>(town.governor).len(), 1);
}

// —————————————————————————————————————————————————————————————————————————————————————————————————— late quorum

#[test]
fn a_late_quorum_extends_the_vote_once() {
    let town = Town::new();
    let draft = town.draft("Wait for it");
    let proposal = town.active(&draft);
    let deadline = town.deadline(proposal);
    town.vote(town.bob, proposal, FOR);
    assert_eq!(town.deadline(proposal), deadline);
    town.world.warp_to(deadline);
    town.vote(town.alice, proposal, FOR);
    let extended = deadline + EXTENSION;
    assert_eq!(town.deadline(proposal), extended);
    let event = town.world.events::<IGovernor::ProposalExtended>(town.governor).pop().unwrap();
    assert_eq!((event.proposalId, event.extendedDeadline), (proposal, extended));
    town.world.warp_to(extended);
    assert_eq!(town.state(proposal), State::Active);
    town.vote(town.carol, proposal, AGAINST);
    assert_eq!((town.deadline(proposal), town.snapshot(proposal)), (extended, deadline - VOTING_PERIOD));
    assert_eq!(town.world.events::<IGovernor::ProposalExtended>(town.governor).len(), 1);
    town.world.warp(1);
    assert_eq!(town.state(proposal), State::Succeeded);
    town.send(town.dave, draft.queue());
    town.world.warp(MIN_DELAY);
    town.send(town.dave, draft.execute());
}

#[test]
fn an_early_quorum_extends_nothing() {
    let town = Town::new();
    let proposal = town.active(&town.draft("Early"));
    let deadline = town.deadline(proposal);
    town.world.warp_to(deadline - EXTENSION);
    town.vote(town.alice, proposal, FOR);
    assert_eq!(town.deadline(proposal), deadline);
    assert!(town.world.events::<IGovernor::ProposalExtended>(town.governor).is_empty());
    // and a later vote is not the one that brought it
    town.world.warp_to(deadline);
    town.vote(town.bob, proposal, FOR);
    assert_eq!(town.deadline(proposal), deadline);
}

// ————————————————————————————————————————————————————————————————————————————————————————————— queue and execute

#[test]
fn what_is_not_queued_cannot_be_executed() {
    let town = Town::new();
    let draft = town.draft("Straight away");
    let proposal = town.succeeded(&draft);
    town.unexpected(town.refused(town.dave, draft.execute()), proposal, State::Succeeded, &[State::Queued]);
}

#[test]
fn an_action_that_fails_leaves_the_proposal_queued() {
    let town = Town::new();
    let draft = town.draft("It fails");
    let proposal = town.ready(&draft);
    *town.target.answer.borrow_mut() = Some(Err(b"said why".to_vec()));
    assert_eq!(town.refused(town.dave, draft.execute()).0, b"said why");
    *town.target.answer.borrow_mut() = Some(Err(vec![]));
    town.refused(town.dave, draft.execute()).expect::<IGovernor::FailedCall>();
    assert_eq!(town.state(proposal), State::Queued);
    *town.target.answer.borrow_mut() = None;
    town.send(town.dave, draft.execute());
}

#[test]
fn ether_for_the_actions_goes_through_the_timelock() {
    let town = Town::new();
    let mut draft = town.draft("Pay");
    let payee = town.world.address("payee");
    (draft.targets, draft.values, draft.calldatas) = (vec![payee], vec![U256::from(7)], vec![Bytes::new()]);
    town.ready(&draft);
    town.world.set_ether(town.dave, U256::from(7));
    let input = draft.execute().abi_encode();
    town.world.transact(town.dave, town.governor, U256::from(7), input).unwrap();
    assert_eq!((town.world.ether(payee), town.world.ether(town.governor)), (U256::from(7), U256::ZERO));
}

#[test]
fn proposals_in_one_timelock_do_not_meet() {
    let town = Town::new();
    // the same calls under another description are another operation
    let (first, second) = (town.draft("First"), town.draft("Second"));
    assert_ne!(first.operation(town.governor), second.operation(town.governor));
    assert_ne!(first.operation(town.governor), first.operation(town.at));
    town.pass(&first);
    town.pass(&second);
    assert_eq!(town.target.calls.borrow().len(), 2);
}

#[test]
fn an_execution_can_neither_be_repeated_nor_nested_from_inside() {
    let town = Town::new();
    let (outer, other) = (town.draft("Outer"), town.draft("Other"));
    town.propose(&other);
    let proposal = town.ready(&outer);
    for inner in [outer.execute().abi_encode(), other.queue().abi_encode()] {
        *town.target.then.borrow_mut() = Some((town.governor, inner));
        *town.target.answer.borrow_mut() = Some(Err(vec![]));
        town.refused(town.dave, outer.execute());
        let inside = Reverted(town.target.inner.borrow_mut().take().unwrap().unwrap_err());
        inside.expect::<IGovernor::ReentrancyGuardReentrantCall>();
    }
    assert_eq!(town.state(proposal), State::Queued);
    // proposing and voting from inside are as from outside
    *town.target.answer.borrow_mut() = None;
    town.world.send(town.alice, town.token, IERC20::transferCall { to: town.at, value: U256::from(2_000) }).unwrap();
    town.world.send(town.at, town.token, IVotes::delegateCall { delegatee: town.at }).unwrap();
    town.world.warp(1);
    let next = town.draft("Next");
    *town.target.then.borrow_mut() = Some((town.governor, next.propose().abi_encode()));
    town.send(town.dave, outer.execute());
    assert_eq!(town.state(next.id()), State::Pending);
    assert_eq!(town.read(IGovernor::proposalProposerCall { proposalId: next.id() }), town.at);
}

// ————————————————————————————————————————————————————————————————————————————————————————————————————————— slots

/// What each step costs in new words: the gas of a proposal is mostly that.
#[test]
fn each_step_fills_as_few_words_as_it_must() {
    let town = Town::new();
    let slots =
        || (town.world.slots_of(town.governor), town.world.slots_of(town.timelock), town.world.slots_of(town.token));
    let mut before = slots();
    let mut filled = |step: &str, governor: usize, timelock: usize| {
        let after = slots();
        assert_eq!((after.0 - before.0, after.1 - before.1, after.2), (governor, timelock, before.2), "{step}");
        before = after;
    };
    let draft = town.draft("Words");
    let proposal = town.active(&draft);
    filled("propose: the record", 1, 0);
    town.vote(town.alice, proposal, FOR);
    filled("the first vote: a tally and a receipt", 2, 0);
    town.vote(town.bob, proposal, AGAINST);
    filled("a later vote: a receipt", 1, 0);
    town.world.warp_to(town.deadline(proposal) + 1);
    town.send(town.dave, draft.queue());
    filled("queue: the operation's id and its time", 1, 1);
    town.world.warp(MIN_DELAY);
    let full = town.world.slots_of(town.governor);
    town.send(town.dave, draft.execute());
    assert_eq!(town.world.slots_of(town.governor), full - 1, "execute: the operation's id is forgotten");
}

#[test]
fn each_step_enters_each_peer_as_seldom_as_it_can() {
    let town = Town::new();
    let frames = || town.world.frames_of_last_transaction();
    let draft = town.draft("Entries");
    let proposal = town.propose(&draft);
    assert_eq!(frames(), 2, "propose: the governor and the token's votes");
    town.world.warp_to(town.snapshot(proposal) + 1);
    town.vote(town.bob, proposal, FOR);
    assert_eq!(frames(), 3, "a vote before quorum: votes and supply");
    town.vote(town.alice, proposal, FOR);
    assert_eq!(frames(), 3, "the vote that brings it");
    town.vote(town.carol, proposal, FOR);
    assert_eq!(frames(), 2, "a vote after it: votes");
    town.world.warp_to(town.deadline(proposal) + 1);
    town.send(town.dave, draft.queue());
    assert_eq!(frames(), 3, "queue: the delay and the schedule");
    town.world.warp(MIN_DELAY);
    town.send(town.dave, draft.execute());
    assert_eq!(frames(), 4, "execute: whether it is pending, the batch and its target");
}
