//! Votes: weights, reasons, parameters, signatures.

use alloy_primitives::{Address, Bytes, U256, hex, keccak256, uint};
use alloy_sol_types::{Eip712Domain, SolCall, SolStruct, SolValue, sol};
use protocol::abi::{IERC20, IGovernor, IVotes};
use stylus_sdk::ArbResult;
use testkit::{Context, Native, signer::Signer};

use crate::town::{ABSTAIN, AGAINST, FOR, State, Town};

sol! {
    struct Ballot { uint256 proposalId; uint8 support; address voter; uint256 nonce; }
    struct ExtendedBallot { uint256 proposalId; uint8 support; address voter; uint256 nonce; string reason; bytes params; }

    function isValidSignature(bytes32 hash, bytes signature) external view returns (bytes4);
}

fn domain(town: &Town) -> Eip712Domain {
    Eip712Domain {
        name: Some("Palisade Governor".into()),
        version: Some("1".into()),
        chain_id: Some(uint!(412346_U256)),
        verifying_contract: Some(town.governor),
        salt: None,
    }
}

/// A town with a proposal to vote on, and a signer with Carol's 20,000 votes.
fn signing() -> (Town, U256, Signer) {
    let town = Town::new();
    let signer = Signer::new("signer");
    let votes = U256::from(20_000);
    town.world.send(town.carol, town.token, IERC20::transferCall { to: signer.address, value: votes }).unwrap();
    town.world.send(signer.address, town.token, IVotes::delegateCall { delegatee: signer.address }).unwrap();
    let proposal = town.active(&town.draft("Sign"));
    (town, proposal, signer)
}

fn ballot(town: &Town, signer: &Signer, ballot: &Ballot) -> IGovernor::castVoteBySigCall {
    let signature = signer.sign(ballot.eip712_signing_hash(&domain(town))).to_bytes().into();
    let Ballot { proposalId, support, voter, .. } = *ballot;
    IGovernor::castVoteBySigCall { proposalId, support, voter, signature }
}

#[test]
fn a_vote_weighs_what_the_voter_had_at_the_snapshot() {
    let town = Town::new();
    let proposal = town.propose(&town.draft("Weigh"));
    let snapshot = town.snapshot(proposal);
    town.world.warp_to(snapshot);
    town.world.send(town.alice, town.token, IERC20::transferCall { to: town.bob, value: U256::from(1) }).unwrap();
    town.world.warp(1);
    town.world.send(town.alice, town.token, IERC20::transferCall { to: town.bob, value: U256::from(49_999) }).unwrap();
    assert_eq!(town.vote(town.alice, proposal, FOR), U256::from(49_999));
    assert_eq!(town.vote(town.bob, proposal, AGAINST), U256::from(30_001));
    assert_eq!(town.vote(town.carol, proposal, ABSTAIN), U256::from(20_000));
    assert_eq!(town.tally(proposal), [30_001, 49_999, 20_000]);
    // who had none votes with none
    assert_eq!(town.vote(town.at, proposal, FOR), U256::ZERO);
    let votes = town.read(IGovernor::getVotesCall { account: town.alice, timepoint: U256::from(snapshot) });
    assert_eq!(votes, U256::from(49_999));
    let params = Bytes::from(vec![1, 2]);
    let with = IGovernor::getVotesWithParamsCall { account: town.alice, timepoint: U256::from(snapshot), params };
    assert_eq!(town.read(with), votes);
    let future = IGovernor::getVotesCall { account: town.alice, timepoint: U256::from(town.world.now()) };
    town.refused(town.alice, future).expect::<IVotes::ERC5805FutureLookup>();
}

#[test]
fn a_vote_is_told_with_its_reason() {
    let town = Town::new();
    let proposal = town.active(&town.draft("Tell"));
    town.vote(town.alice, proposal, FOR);
    let event = town.world.events::<IGovernor::VoteCast>(town.governor).pop().unwrap();
    assert_eq!((event.voter, event.proposalId, event.support), (town.alice, proposal, FOR));
    assert_eq!((event.weight, event.reason.as_str()), (U256::from(50_000), ""));
    let reason = "Because it is good, and long enough for two words of thirty-two bytes";
    let call = IGovernor::castVoteWithReasonCall { proposalId: proposal, support: ABSTAIN, reason: reason.into() };
    assert_eq!(town.send(town.bob, call), U256::from(30_000));
    let event = town.world.events::<IGovernor::VoteCast>(town.governor).pop().unwrap();
    assert_eq!((event.voter, event.support, event.reason.as_str()), (town.bob, ABSTAIN, reason));
    assert_eq!(town.tally(proposal), [0, 50_000, 30_000]);
}

#[test]
fn parameters_are_told_and_change_nothing() {
    let town = Town::new();
    let proposal = town.active(&town.draft("Parameters"));
    let cast = |voter, params: &[u8]| {
        let (reason, params) = ("why".into(), Bytes::copy_from_slice(params));
        let call = IGovernor::castVoteWithReasonAndParamsCall { proposalId: proposal, support: FOR, reason, params };
        town.send(voter, call)
    };
    assert_eq!(cast(town.alice, &[1, 2, 3]), U256::from(50_000));
    let event = town.world.events::<IGovernor::VoteCastWithParams>(town.governor).pop().unwrap();
    assert_eq!(
        (event.voter, event.proposalId, event.support, event.weight),
        (town.alice, proposal, FOR, U256::from(50_000))
    );
    assert_eq!((event.reason.as_str(), event.params), ("why", Bytes::from(vec![1, 2, 3])));
    // without any it is a plain vote
    cast(town.bob, &[]);
    assert_eq!(town.world.events::<IGovernor::VoteCastWithParams>(town.governor).len(), 1);
    assert_eq!(town.world.events::<IGovernor::VoteCast>(town.governor).pop().unwrap().voter, town.bob);
    assert_eq!(town.tally(proposal), [0, 80_000, 0]);
}

#[test]
fn nobody_votes_twice_or_in_a_fourth_way() {
    let town = Town::new();
    let proposal = town.active(&town.draft("Twice"));
    for support in [3, 255] {
        let call = IGovernor::castVoteCall { proposalId: proposal, support };
        town.refused(town.alice, call).expect::<IGovernor::GovernorInvalidVoteType>();
    }
    assert!(!town.read(IGovernor::hasVotedCall { proposalId: proposal, account: town.alice }));
    town.vote(town.alice, proposal, FOR);
    assert!(town.read(IGovernor::hasVotedCall { proposalId: proposal, account: town.alice }));
    for support in [AGAINST, FOR, ABSTAIN] {
        let call = IGovernor::castVoteCall { proposalId: proposal, support };
        let error = town.refused(town.alice, call).expect::<IGovernor::GovernorAlreadyCastVote>();
        assert_eq!(error.voter, town.alice);
    }
    assert_eq!(town.tally(proposal), [0, 50_000, 0]);
}

#[test]
fn votes_are_cast_while_the_vote_runs() {
    let town = Town::new();
    let proposal = town.propose(&town.draft("When"));
    let call = IGovernor::castVoteCall { proposalId: proposal, support: FOR };
    town.world.warp_to(town.snapshot(proposal));
    town.unexpected(town.refused(town.alice, call.clone()), proposal, State::Pending, &[State::Active]);
    town.world.warp_to(town.deadline(proposal) + 1);
    town.unexpected(town.refused(town.alice, call), proposal, State::Defeated, &[State::Active]);
}

// ———————————————————————————————————————————————————————————————————————————————————————————————— by signature

#[test]
fn a_signed_ballot_is_good_once() {
    let (town, proposal, signer) = signing();
    let voter = signer.address;
    let signed = Ballot { proposalId: proposal, support: AGAINST, voter, nonce: U256::ZERO };
    let call = ballot(&town, &signer, &signed);
    assert_eq!(town.send(town.dave, call.clone()), U256::from(20_000));
    assert_eq!(town.tally(proposal), [20_000, 0, 0]);
    assert_eq!(town.read(IGovernor::noncesCall { owner: voter }), U256::ONE);
    assert_eq!(town.world.events::<IGovernor::VoteCast>(town.governor).pop().unwrap().voter, voter);
    let error = town.refused(town.dave, call).expect::<IGovernor::GovernorInvalidSignature>();
    assert_eq!(error.voter, voter);
}

#[test]
fn a_ballot_that_the_voter_did_not_sign_is_refused() {
    let (town, proposal, signer) = signing();
    let voter = signer.address;
    let signed = Ballot { proposalId: proposal, support: FOR, voter, nonce: U256::ZERO };
    let good = ballot(&town, &signer, &signed);
    let thief = ballot(&town, &Signer::new("thief"), &signed);
    let wrong_nonce = ballot(&town, &signer, &Ballot { nonce: U256::ONE, ..signed.clone() });
    let short = IGovernor::castVoteBySigCall { signature: good.signature.slice(..64), ..good.clone() };
    let long = IGovernor::castVoteBySigCall { signature: [&good.signature[..], &[0]].concat().into(), ..good.clone() };
    let empty = IGovernor::castVoteBySigCall { signature: Bytes::new(), ..good.clone() };
    let other = IGovernor::castVoteBySigCall { support: AGAINST, ..good.clone() };
    let nobody = IGovernor::castVoteBySigCall { voter: Address::ZERO, signature: vec![0; 65].into(), ..good.clone() };
    for call in [thief, wrong_nonce, short, long, empty, other, nobody] {
        let voter = call.voter;
        let error = town.refused(town.dave, call).expect::<IGovernor::GovernorInvalidSignature>();
        assert_eq!(error.voter, voter);
    }
    assert_eq!(town.read(IGovernor::noncesCall { owner: voter }), U256::ZERO, "what is refused uses nothing up");
    town.send(town.dave, good);
}

#[test]
fn a_signed_extended_ballot_carries_reason_and_parameters() {
    let (town, proposal, signer) = signing();
    let (voter, reason, params) = (signer.address, String::from("why"), Bytes::from(vec![9; 40]));
    let signed = ExtendedBallot {
        proposalId: proposal,
        support: FOR,
        voter,
        nonce: U256::ZERO,
        reason: reason.clone(),
        params: params.clone(),
    };
    let signature: Bytes = signer.sign(signed.eip712_signing_hash(&domain(&town))).to_bytes().into();
    let call = IGovernor::castVoteWithReasonAndParamsBySigCall {
        proposalId: proposal,
        support: FOR,
        voter,
        reason,
        params,
        signature,
    };
    let other = IGovernor::castVoteWithReasonAndParamsBySigCall { reason: "another".into(), ..call.clone() };
    town.refused(town.dave, other).expect::<IGovernor::GovernorInvalidSignature>();
    let other = IGovernor::castVoteWithReasonAndParamsBySigCall { params: Bytes::new(), ..call.clone() };
    town.refused(town.dave, other).expect::<IGovernor::GovernorInvalidSignature>();
    assert_eq!(town.send(town.dave, call.clone()), U256::from(20_000));
    let event = town.world.events::<IGovernor::VoteCastWithParams>(town.governor).pop().unwrap();
    assert_eq!((event.voter, event.reason, event.params), (voter, call.reason, call.params));
}

/// A wallet that stands by signatures which are the hash itself.
struct Wallet(bool);

impl Native for Wallet {
    fn call(&self, _: &Context<'_>, input: &[u8]) -> ArbResult {
        let Ok(call) = isValidSignatureCall::abi_decode(input) else { return Err(vec![]) };
        let valid = self.0 && call.signature[..] == call.hash[..];
        let answer = if valid { hex!("1626ba7e") } else { hex!("ffffffff") };
        Ok([answer.as_slice(), &[0; 28]].concat())
    }
}

#[test]
fn a_contract_stands_by_its_signature() {
    let (town, proposal, _) = signing();
    for (voter, stands) in [(town.bob, true), (town.alice, false)] {
        town.world.place_native(voter, Wallet(stands));
        let signed = Ballot { proposalId: proposal, support: FOR, voter, nonce: U256::ZERO };
        let signature = signed.eip712_signing_hash(&domain(&town)).to_vec().into();
        let call = IGovernor::castVoteBySigCall { proposalId: proposal, support: FOR, voter, signature };
        assert_eq!(town.world.send(town.dave, town.governor, call.clone()).is_ok(), stands);
        if !stands {
            town.refused(town.dave, call).expect::<IGovernor::GovernorInvalidSignature>();
        }
    }
    assert_eq!(town.tally(proposal), [0, 30_000, 0]);
}

#[test]
fn it_describes_its_domain() {
    let town = Town::new();
    let described = town.read(IGovernor::eip712DomainCall {});
    assert_eq!(
        (described.fields.0, described.name.as_str(), described.version.as_str()),
        ([0x0f], "Palisade Governor", "1")
    );
    assert_eq!((described.chainId, described.verifyingContract), (uint!(412346_U256), town.governor));
    let ballot = "Ballot(uint256 proposalId,uint8 support,address voter,uint256 nonce)";
    assert_eq!(town.read(IGovernor::BALLOT_TYPEHASHCall {}), keccak256(ballot));
    assert_eq!(Ballot::eip712_root_type(), ballot);
    assert_eq!(
        town.read(IGovernor::EXTENDED_BALLOT_TYPEHASHCall {}),
        keccak256(ExtendedBallot::eip712_root_type().as_bytes())
    );
    let _ = described.extensions.abi_encode();
}
