//! The Solidity interface and the two programs agree, and so does their storage.

use alloy_primitives::{Address, Bytes, U256, hex};
use alloy_sol_types::{SolCall, SolInterface};
use governor::{Governor, GovernorExt};
use protocol::abi::{IERC165, IERC6372, IGovernor, ITokenReceiver};
use stylus_sdk::storage::StorageType;
use testkit::World;

use crate::town::{FOR, State, Town};

fn selectors() -> Vec<[u8; 4]> {
    let mut all: Vec<_> = IGovernor::IGovernorCalls::selectors().collect();
    all.extend(IERC6372::IERC6372Calls::selectors());
    all.extend(ITokenReceiver::ITokenReceiverCalls::selectors());
    all.extend(IERC165::IERC165Calls::selectors());
    all
}

#[test]
fn every_selector_is_in_exactly_one_program() {
    World::new().assert_split::<Governor, GovernorExt>(selectors());
}

#[test]
fn a_proposals_life_is_in_the_first_program() {
    let world = World::new();
    for selector in [
        IGovernor::proposeCall::SELECTOR,
        IGovernor::castVoteCall::SELECTOR,
        IGovernor::castVoteWithReasonCall::SELECTOR,
        IGovernor::queueCall::SELECTOR,
        IGovernor::executeCall::SELECTOR,
        IGovernor::cancelCall::SELECTOR,
        IGovernor::stateCall::SELECTOR,
    ] {
        assert!(world.routes::<Governor>(selector), "0x{}", hex::encode(selector));
    }
}

#[test]
fn both_programs_have_the_same_storage() {
    assert_eq!(Governor::REQUIRED_SLOTS, GovernorExt::REQUIRED_SLOTS);
    assert_eq!(Governor::SLOT_BYTES, GovernorExt::SLOT_BYTES);
    // and what one writes the other reads, through every kind of field
    let town = Town::new();
    assert_eq!(town.read(IGovernor::extensionCall {}), town.extension);
    assert_eq!(town.read(IGovernor::tokenCall {}), town.token);
    let (description, params) = (String::new(), Bytes::from(vec![1]));
    let proposal = town.active(&town.draft("both"));
    let vote =
        IGovernor::castVoteWithReasonAndParamsCall { proposalId: proposal, support: FOR, reason: description, params };
    town.send(town.alice, vote);
    assert!(town.read(IGovernor::hasVotedCall { proposalId: proposal, account: town.alice }));
    town.world.warp_to(town.deadline(proposal) + 1);
    assert_eq!(town.state(proposal), State::Succeeded);
}

#[test]
fn interface_ids_are_openzeppelins() {
    let town = Town::new();
    for (id, supported) in [
        (hex!("01ffc9a7"), true), // ERC-165
        (hex!("4e2312e0"), true), // ERC-1155 receiver
        (governor_id(true), true),
        (governor_id(false), true),
        (hex!("ffffffff"), false),
        (hex!("00000000"), false),
    ] {
        let answer = town.read(IERC165::supportsInterfaceCall { interfaceId: id.into() });
        assert_eq!(answer, supported, "0x{}", hex::encode(id));
    }
}

/// From the signatures of OpenZeppelin's `IGovernor`, 5.3 and before.
fn governor_id(with_proposal_id: bool) -> [u8; 4] {
    let batch = "(address[],uint256[],bytes[],bytes32)";
    let mut signatures: Vec<String> = [
        "name()",
        "version()",
        "COUNTING_MODE()",
        "state(uint256)",
        "proposalThreshold()",
        "proposalSnapshot(uint256)",
        "proposalDeadline(uint256)",
        "proposalProposer(uint256)",
        "proposalEta(uint256)",
        "proposalNeedsQueuing(uint256)",
        "votingDelay()",
        "votingPeriod()",
        "quorum(uint256)",
        "getVotes(address,uint256)",
        "getVotesWithParams(address,uint256,bytes)",
        "hasVoted(uint256,address)",
        "propose(address[],uint256[],bytes[],string)",
        "castVote(uint256,uint8)",
        "castVoteWithReason(uint256,uint8,string)",
        "castVoteWithReasonAndParams(uint256,uint8,string,bytes)",
        "castVoteBySig(uint256,uint8,address,bytes)",
        "castVoteWithReasonAndParamsBySig(uint256,uint8,address,string,bytes,bytes)",
    ]
    .map(String::from)
    .into();
    signatures.extend(["hashProposal", "queue", "execute", "cancel"].map(|name| format!("{name}{batch}")));
    if with_proposal_id {
        signatures.push(format!("getProposalId{batch}"));
    }
    let id = signatures.iter().fold(0, |id, signature| {
        let hash = alloy_primitives::keccak256(signature);
        id ^ u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
    });
    id.to_be_bytes()
}

#[test]
fn an_unknown_selector_is_in_neither_program() {
    let town = Town::new();
    let unknown = vec![0xde, 0xad, 0xbe, 0xef];
    assert_eq!(town.world.transact(town.alice, town.governor, U256::ZERO, unknown), Err(vec![]));
}

#[test]
fn it_takes_neither_ether_nor_tokens() {
    let town = Town::new();
    let (from, data) = (town.alice, Bytes::new());
    town.world.set_ether(from, U256::from(5));
    let plain = town.world.transact(from, town.governor, U256::ONE, vec![]);
    testkit::Reverted(plain.unwrap_err()).expect::<IGovernor::GovernorDisabledDeposit>();
    let voted = IGovernor::castVoteCall { proposalId: U256::ZERO, support: 0 }.abi_encode();
    assert_eq!(town.world.transact(from, town.governor, U256::ONE, voted), Err(vec![]));
    let (id, value) = (U256::ONE, U256::ONE);
    let call = ITokenReceiver::onERC721ReceivedCall { operator: from, from, tokenId: id, data: data.clone() };
    town.refused(from, call).expect::<IGovernor::GovernorDisabledDeposit>();
    let call = ITokenReceiver::onERC1155ReceivedCall { operator: from, from, id, value, data: data.clone() };
    town.refused(from, call).expect::<IGovernor::GovernorDisabledDeposit>();
    let (ids, values) = (vec![id], vec![value]);
    let call = ITokenReceiver::onERC1155BatchReceivedCall { operator: from, from, ids, values, data };
    town.refused(from, call).expect::<IGovernor::GovernorDisabledDeposit>();
}

#[test]
fn the_second_program_by_itself_has_no_power() {
    let town = Town::new();
    let call = IGovernor::setProposalThresholdCall { newProposalThreshold: U256::ZERO };
    // its own storage is empty, so its timelock is the zero address and nothing was proposed
    town.world.refused(town.alice, town.extension, call.clone()).expect::<IGovernor::GovernorOnlyExecutor>();
    town.world.refused(Address::ZERO, town.extension, call).expect::<IGovernor::GovernorUnproposedCall>();
}
