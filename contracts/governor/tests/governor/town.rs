//! A town with a token, a timelock and a governor.

use std::{cell::RefCell, rc::Rc};

use alloy_primitives::{Address, B256, Bytes, U256, hex, keccak256};
use alloy_sol_types::{SolCall, SolValue};
use governor::{Governor, GovernorExt};
use protocol::abi::{IERC20, IGovernor, IVotes};
use stylus_sdk::ArbResult;
use testkit::{Context, Native, Reverted, World};
use timelock::Timelock;
use token::Token;

pub(crate) const SUPPLY: u64 = 1_000_000;
pub(crate) const THRESHOLD: u64 = 1_000;
/// Hundredths of the supply: 40,000 votes.
pub(crate) const QUORUM: u64 = 4;
pub(crate) const VOTING_DELAY: u64 = 10;
pub(crate) const VOTING_PERIOD: u64 = 100;
pub(crate) const EXTENSION: u64 = 30;
pub(crate) const MIN_DELAY: u64 = 50;
pub(crate) const COOLDOWN: u64 = 40;

pub(crate) const AGAINST: u8 = 0;
pub(crate) const FOR: u8 = 1;
pub(crate) const ABSTAIN: u8 = 2;

/// A proposal's states, in the interface's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Pending,
    Active,
    Canceled,
    Defeated,
    Succeeded,
    Queued,
    Executed = 7,
}

/// A target that remembers who called it with what.
#[derive(Default)]
pub(crate) struct Target {
    pub(crate) calls: RefCell<Vec<(Address, Vec<u8>)>>,
    /// What it calls first, and how that went.
    pub(crate) then: RefCell<Option<(Address, Vec<u8>)>>,
    pub(crate) inner: RefCell<Option<ArbResult>>,
    /// What it answers; nothing by default.
    pub(crate) answer: RefCell<Option<ArbResult>>,
}

struct Handle(Rc<Target>);

impl Native for Handle {
    fn call(&self, context: &Context<'_>, input: &[u8]) -> ArbResult {
        self.0.calls.borrow_mut().push((context.sender, input.to_vec()));
        if let Some((to, data)) = self.0.then.borrow().clone() {
            *self.0.inner.borrow_mut() = Some(context.call(to, data));
        }
        self.0.answer.borrow().clone().unwrap_or(Ok(vec![]))
    }
}

/// What is proposed.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) targets: Vec<Address>,
    pub(crate) values: Vec<U256>,
    pub(crate) calldatas: Vec<Bytes>,
    pub(crate) description: String,
}

impl Draft {
    pub(crate) fn propose(&self) -> IGovernor::proposeCall {
        let Self { targets, values, calldatas, description } = self.clone();
        IGovernor::proposeCall { targets, values, calldatas, description }
    }

    pub(crate) fn hash(&self) -> B256 {
        keccak256(&self.description)
    }

    pub(crate) fn queue(&self) -> IGovernor::queueCall {
        let Self { targets, values, calldatas, .. } = self.clone();
        IGovernor::queueCall { targets, values, calldatas, descriptionHash: self.hash() }
    }

    pub(crate) fn execute(&self) -> IGovernor::executeCall {
        let Self { targets, values, calldatas, .. } = self.clone();
        IGovernor::executeCall { targets, values, calldatas, descriptionHash: self.hash() }
    }

    pub(crate) fn cancel(&self) -> IGovernor::cancelCall {
        let Self { targets, values, calldatas, .. } = self.clone();
        IGovernor::cancelCall { targets, values, calldatas, descriptionHash: self.hash() }
    }

    /// As OpenZeppelin has it.
    pub(crate) fn id(&self) -> U256 {
        let Self { targets, values, calldatas, .. } = self.clone();
        keccak256((targets, values, calldatas, self.hash()).abi_encode_params()).into()
    }

    /// The timelock's id, with the governor's address on the first bytes of the salt.
    pub(crate) fn operation(&self, governor: Address) -> B256 {
        let Self { targets, values, calldatas, .. } = self.clone();
        let mut own = B256::ZERO;
        own[..20].copy_from_slice(governor.as_slice());
        keccak256((targets, values, calldatas, B256::ZERO, own ^ self.hash()).abi_encode_params())
    }
}

/// The town: Alice has 50,000 votes, Bob 30,000, Carol 20,000, Dave 999 and Erin 1,000; the rest sleeps.
pub(crate) struct Town {
    pub(crate) world: World,
    pub(crate) token: Address,
    pub(crate) timelock: Address,
    pub(crate) governor: Address,
    pub(crate) extension: Address,
    pub(crate) alice: Address,
    pub(crate) bob: Address,
    pub(crate) carol: Address,
    pub(crate) dave: Address,
    pub(crate) erin: Address,
    pub(crate) at: Address,
    pub(crate) target: Rc<Target>,
}

/// The constructor's arguments, as numbers: delay, period, threshold, quorum, extension.
pub(crate) fn arguments(token: Address, timelock: Address, extension: Address, numbers: [u64; 5]) -> Vec<u8> {
    let [delay, period, threshold, quorum, late] = numbers.map(U256::from);
    (token, timelock, extension, delay, period, threshold, quorum, late).abi_encode_params()
}

pub(crate) const NUMBERS: [u64; 5] = [VOTING_DELAY, VOTING_PERIOD, THRESHOLD, QUORUM, EXTENSION];

impl Town {
    pub(crate) fn new() -> Self {
        Self::with_supply(SUPPLY)
    }

    pub(crate) fn with_supply(supply: u64) -> Self {
        let world = World::new();
        let at = |name: &str| world.address(name);
        let [token, timelock, governor, extension] = ["token", "timelock", "governor", "extension"].map(at);
        let [deployer, alice, bob, carol, dave, erin] = ["deployer", "alice", "bob", "carol", "dave", "erin"].map(at);
        world.construct::<Token>(token, deployer, (deployer, U256::from(supply)).abi_encode_params());
        let roles = (U256::from(MIN_DELAY), vec![governor], vec![Address::ZERO], Address::ZERO, U256::from(COOLDOWN));
        world.construct::<Timelock>(timelock, deployer, roles.abi_encode_params());
        world.place::<GovernorExt>(extension);
        world.construct::<Governor>(governor, deployer, arguments(token, timelock, extension, NUMBERS));
        for (account, votes) in [(alice, 50_000), (bob, 30_000), (carol, 20_000), (dave, 999), (erin, 1_000)] {
            world.send(deployer, token, IERC20::transferCall { to: account, value: U256::from(votes) }).unwrap();
            world.send(account, token, IVotes::delegateCall { delegatee: account }).unwrap();
        }
        world.warp(1);
        let target = Rc::new(Target::default());
        let town = Self {
            at: at("target"),
            token,
            timelock,
            governor,
            extension,
            alice,
            bob,
            carol,
            dave,
            erin,
            target,
            world,
        };
        town.world.place_native(town.at, Handle(town.target.clone()));
        town
    }

    pub(crate) fn read<C: SolCall>(&self, call: C) -> C::Return {
        self.world.read(self.governor, call)
    }

    #[track_caller]
    pub(crate) fn send<C: SolCall>(&self, from: Address, call: C) -> C::Return {
        self.world.send(from, self.governor, call).unwrap_or_else(|reverted| panic!("0x{}", hex::encode(reverted.0)))
    }

    #[track_caller]
    pub(crate) fn refused<C: SolCall>(&self, from: Address, call: C) -> Reverted {
        self.world.refused(from, self.governor, call)
    }

    pub(crate) fn draft(&self, description: &str) -> Draft {
        Draft {
            targets: vec![self.at],
            values: vec![U256::ZERO],
            calldatas: vec![Bytes::from(b"do it".to_vec())],
            description: description.into(),
        }
    }

    /// A draft that calls the governor itself.
    pub(crate) fn own(&self, calls: &[Vec<u8>]) -> Draft {
        Draft {
            targets: vec![self.governor; calls.len()],
            values: vec![U256::ZERO; calls.len()],
            calldatas: calls.iter().cloned().map(Bytes::from).collect(),
            description: format!("own {calls:?}"),
        }
    }

    pub(crate) fn propose(&self, draft: &Draft) -> U256 {
        self.send(self.alice, draft.propose())
    }

    pub(crate) fn vote(&self, voter: Address, proposal: U256, support: u8) -> U256 {
        self.send(voter, IGovernor::castVoteCall { proposalId: proposal, support })
    }

    pub(crate) fn state(&self, proposal: U256) -> State {
        match self.read(IGovernor::stateCall { proposalId: proposal }) as u8 {
            0 => State::Pending,
            1 => State::Active,
            2 => State::Canceled,
            3 => State::Defeated,
            4 => State::Succeeded,
            5 => State::Queued,
            7 => State::Executed,
            state => panic!("there is no state {state}"),
        }
    }

    pub(crate) fn snapshot(&self, proposal: U256) -> u64 {
        self.read(IGovernor::proposalSnapshotCall { proposalId: proposal }).to()
    }

    pub(crate) fn deadline(&self, proposal: U256) -> u64 {
        self.read(IGovernor::proposalDeadlineCall { proposalId: proposal }).to()
    }

    /// Against, for, abstaining.
    pub(crate) fn tally(&self, proposal: U256) -> [u64; 3] {
        let votes = self.read(IGovernor::proposalVotesCall { proposalId: proposal });
        [votes.againstVotes, votes.forVotes, votes.abstainVotes].map(|votes| votes.to())
    }

    /// Proposes, and waits for the vote to begin.
    pub(crate) fn active(&self, draft: &Draft) -> U256 {
        let proposal = self.propose(draft);
        self.world.warp_to(self.snapshot(proposal) + 1);
        proposal
    }

    /// Proposes, wins the vote, and waits for its end.
    pub(crate) fn succeeded(&self, draft: &Draft) -> U256 {
        let proposal = self.active(draft);
        self.vote(self.alice, proposal, FOR);
        self.world.warp_to(self.deadline(proposal) + 1);
        proposal
    }

    /// Brings a draft into the timelock, and waits for its delay.
    pub(crate) fn ready(&self, draft: &Draft) -> U256 {
        let proposal = self.succeeded(draft);
        self.send(self.dave, draft.queue());
        self.world.warp(MIN_DELAY);
        proposal
    }

    /// A draft's whole life.
    pub(crate) fn pass(&self, draft: &Draft) {
        self.ready(draft);
        self.send(self.dave, draft.execute());
    }

    #[track_caller]
    pub(crate) fn unexpected(&self, reverted: Reverted, proposal: U256, state: State, expected: &[State]) {
        let error = reverted.expect::<IGovernor::GovernorUnexpectedProposalState>();
        let bits = expected.iter().fold(0, |bits, state| bits | 1_u8 << *state as u8);
        assert_eq!((error.proposalId, error.current as u8), (proposal, state as u8));
        assert_eq!(error.expectedStates, B256::with_last_byte(bits));
    }
}
