//! The DAO: motions, the proposals that they become, and where each of those is on its way.
//!
//! ```text
//! Motion ─ propose ─▶ Pending ─▶ Active ─▶ Succeeded ─ queue ─▶ Queued ─ delay ─▶ execute ─▶ Executed
//!                        │          └────▶ Defeated                │
//!                        └────────────────────▶ Canceled ◀─────────┘
//! ```
//!
//! [`simulation`] tells what a motion would do, by the chain's own word, before anybody votes on it.

pub mod simulation;

use std::sync::Arc;

use ethers::{
    abi::Detokenize,
    contract::{ContractCall, EthEvent},
    types::{Address, Bytes, Filter, TransactionRequest, U256},
    utils::{hex, keccak256},
};

use crate::{
    bindings::{IGovernor, ITimelock, governor::ProposalCreatedFilter},
    chain::{Client, Error},
    claims,
    deploy::Deployment,
    report::{amount, utc},
};

type Result<T, E = Error> = std::result::Result<T, E>;

/// In front of the proposer's address at the end of a description that is his alone.
const PROPOSER: &str = "#proposer=0x";

/// Texts of up to so many digits are proposals' numbers, longer ones the beginning of an id.
const MOST_NUMBER_DIGITS: usize = 5;

/// Fewer hexadecimal digits than this are not the beginning of an id.
const FEWEST_ID_DIGITS: usize = 4;

/// A call that the timelock is to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// Whom.
    pub to: Address,
    /// The ether that goes with it.
    pub value: U256,
    /// The function and its arguments.
    pub data: Bytes,
}

impl Action {
    /// A call without ether.
    #[must_use]
    pub fn new(to: Address, data: Bytes) -> Self {
        Self { to, value: U256::zero(), data }
    }

    /// The call of a contract's function.
    ///
    /// # Panics
    /// For a call without a recipient, which no contract of ours makes.
    #[must_use]
    pub fn of<D: Detokenize>(call: &ContractCall<Client, D>) -> Self {
        let to = call.tx.to_addr().copied().expect("a call goes to a contract");
        Self::new(to, call.calldata().expect("a call has call data"))
    }

    /// The transaction by which `from` would do the same.
    #[must_use]
    pub fn request(&self, from: Address) -> TransactionRequest {
        TransactionRequest::new().from(from).to(self.to).value(self.value).data(self.data.clone())
    }
}

/// Calls that the timelock is to make, with the words that they are proposed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Motion {
    /// The calls, in order.
    pub actions: Vec<Action>,
    /// The words.
    pub description: String,
}

impl Motion {
    /// Calls in order; none sends ether.
    #[must_use]
    pub fn new(actions: Vec<(Address, Bytes)>, description: impl Into<String>) -> Self {
        let actions = actions.into_iter().map(|(to, data)| Action::new(to, data)).collect();
        Self { actions, description: description.into() }
    }

    /// The ether that goes with all calls.
    #[must_use]
    pub fn value(&self) -> U256 {
        self.actions.iter().fold(U256::zero(), |sum, action| sum.saturating_add(action.value))
    }

    /// What it is called: the first line of its words.
    #[must_use]
    pub fn title(&self) -> &str {
        let words = words(&self.description);
        words
            .lines()
            .map(|line| line.trim_start_matches('#').trim())
            .find(|line| !line.is_empty())
            .unwrap_or("untitled")
    }

    /// Proposes it.
    pub fn propose(&self, governor: &IGovernor<Client>) -> ContractCall<Client, U256> {
        let (targets, values, calls) = self.lists();
        governor.propose(targets, values, calls, self.description.clone())
    }

    /// Queues it, once it has won.
    pub fn queue(&self, governor: &IGovernor<Client>) -> ContractCall<Client, U256> {
        let (targets, values, calls) = self.lists();
        governor.queue(targets, values, calls, keccak256(&self.description))
    }

    /// Executes it, once it has waited in the timelock.
    pub fn execute(&self, governor: &IGovernor<Client>) -> ContractCall<Client, U256> {
        let (targets, values, calls) = self.lists();
        governor.execute(targets, values, calls, keccak256(&self.description))
    }

    /// Asks for the id under which the timelock has it, once `governor` has queued it.
    pub fn operation(&self, timelock: &ITimelock<Client>, governor: Address) -> ContractCall<Client, [u8; 32]> {
        let (targets, values, calls) = self.lists();
        timelock.hash_operation_batch(targets, values, calls, [0; 32], salt(&self.description, governor))
    }

    fn lists(&self) -> (Vec<Address>, Vec<U256>, Vec<Bytes>) {
        let targets = self.actions.iter().map(|action| action.to).collect();
        let values = self.actions.iter().map(|action| action.value).collect();
        (targets, values, self.actions.iter().map(|action| action.data.clone()).collect())
    }
}

impl From<ProposalCreatedFilter> for Motion {
    fn from(created: ProposalCreatedFilter) -> Self {
        let calls = created.targets.into_iter().zip(created.values).zip(created.calldatas);
        let actions = calls.map(|((to, value), data)| Action { to, value, data }).collect();
        Self { actions, description: created.description }
    }
}

/// The salt with which `governor` schedules what is proposed in these words: their hash, with its address on the first
/// bytes.
#[must_use]
pub fn salt(description: &str, governor: Address) -> [u8; 32] {
    let mut salt = keccak256(description);
    for (byte, own) in salt.iter_mut().zip(governor.as_bytes()) {
        *byte ^= own;
    }
    salt
}

/// A description without its proposer at the end.
#[must_use]
pub fn words(description: &str) -> &str {
    let cut = description.len().checked_sub(PROPOSER.len() + 40);
    match cut.filter(|cut| description.is_char_boundary(*cut)) {
        Some(cut) if description[cut..].starts_with(PROPOSER) => description[..cut].trim_end(),
        _ => description,
    }
}

/// A description that nobody but `proposer` can propose: whoever submitted it first could take it back.
#[must_use]
pub fn owned_by(proposer: Address, description: &str) -> String {
    format!("{description}\n\n{PROPOSER}{}", hex::encode(proposer))
}

/// `IGovernor.ProposalState`, as OpenZeppelin numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The vote has not begun.
    Pending,
    /// The vote runs.
    Active,
    /// Taken back by its proposer, or cancelled in the timelock.
    Canceled,
    /// Voted down, or too few voted.
    Defeated,
    /// Won, and not queued.
    Succeeded,
    /// Waits in the timelock, or has waited.
    Queued,
    /// Not executed in time: not on this timelock.
    Expired,
    /// Done.
    Executed,
}

impl State {
    const ALL: [Self; 8] = [
        Self::Pending,
        Self::Active,
        Self::Canceled,
        Self::Defeated,
        Self::Succeeded,
        Self::Queued,
        Self::Expired,
        Self::Executed,
    ];

    /// The state with the governor's number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// In one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Canceled => "cancelled",
            Self::Defeated => "defeated",
            Self::Succeeded => "succeeded",
            Self::Queued => "queued",
            Self::Expired => "expired",
            Self::Executed => "executed",
        }
    }

    /// Whether something can still become of it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Active | Self::Succeeded | Self::Queued)
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A motion that was proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Its number, from 1 for the oldest.
    pub number: usize,
    /// The governor's id.
    pub id: U256,
    /// Who proposed it.
    pub proposer: Address,
    /// What was proposed.
    pub motion: Motion,
}

/// All proposals of a deployment's governor, the oldest first.
///
/// # Errors
/// RPC errors.
pub async fn proposals(deployment: &Deployment) -> Result<Vec<Proposal>> {
    let filter = Filter::new().address(deployment.address("governor")).topic0(ProposalCreatedFilter::signature());
    let created = claims::logs(deployment, filter).await?.into_iter().filter_map(claims::decode);
    let proposals = created.enumerate().map(|(index, created): (usize, ProposalCreatedFilter)| {
        let (id, proposer) = (created.proposal_id, created.proposer);
        Proposal { number: index + 1, id, proposer, motion: created.into() }
    });
    Ok(proposals.collect())
}

/// The proposal that is meant by its number, its id, or the beginning of its id, in decimal or hexadecimal digits.
///
/// # Errors
/// In words, where there is none or there are several.
pub fn find<'a>(proposals: &'a [Proposal], text: &str) -> Result<&'a Proposal, String> {
    let is_number = text.len() <= MOST_NUMBER_DIGITS && !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if is_number {
        let number: usize = text.parse().unwrap_or(0);
        let found = number.checked_sub(1).and_then(|index| proposals.get(index));
        return found.ok_or_else(|| match proposals.len() {
            0 => format!("there is no proposal #{text}: nothing was proposed yet"),
            last => format!("there is no proposal #{text}: they are numbered from 1 to {last}"),
        });
    }
    let lower = text.to_lowercase();
    let begins = |proposal: &&Proposal| match lower.strip_prefix("0x") {
        Some(digits) => digits.len() >= FEWEST_ID_DIGITS && format!("{:064x}", proposal.id).starts_with(digits),
        None => lower.len() > MOST_NUMBER_DIGITS && proposal.id.to_string().starts_with(&lower),
    };
    let mut found = proposals.iter().filter(begins);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(format!("no proposal's id begins with {text}: `palisade proposals --all` lists them")),
        (Some(_), Some(_)) => Err(format!("several proposals' ids begin with {text}: give more of it")),
    }
}

/// Votes that were cast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Votes {
    /// For.
    pub support: U256,
    /// Against.
    pub against: U256,
    /// Abstaining: they count for the quorum only.
    pub abstain: U256,
    /// How many votes for and abstaining are needed.
    pub quorum: U256,
}

impl Votes {
    /// Whether enough took part.
    #[must_use]
    pub fn reach_quorum(&self) -> bool {
        self.support.saturating_add(self.abstain) >= self.quorum
    }
}

/// Where a proposal is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its state.
    pub state: State,
    /// Its votes.
    pub votes: Votes,
    /// When votes are counted as they were delegated; the vote begins after it.
    pub snapshot: u64,
    /// The vote's last second.
    pub deadline: u64,
    /// When the timelock lets it be executed; 0 before it is queued.
    pub eta: u64,
    /// The chain's time at which all this was so.
    pub now: u64,
}

impl Standing {
    /// Reads it from the chain.
    ///
    /// # Errors
    /// RPC errors, and what the governor refuses.
    pub async fn of(deployment: &Deployment, client: &Arc<Client>, id: U256) -> Result<Self> {
        const WHAT: &str = "reading the proposal";
        let (chain, governor) = (&deployment.chain, deployment.governor(client));
        let number = chain.read(WHAT, governor.state(id)).await?;
        let unknown =
            || Error::Rpc { what: WHAT.into(), reason: format!("the governor tells an unknown state {number}") };
        let state = State::from_number(number).ok_or_else(unknown)?;
        let (against, support, abstain) = chain.read(WHAT, governor.proposal_votes(id)).await?;
        let snapshot = chain.read(WHAT, governor.proposal_snapshot(id)).await?;
        let now = chain.now().await?;
        // the quorum is a part of the votes that there were, known once the moment is past
        let quorum = chain.read(WHAT, governor.quorum(snapshot.min(now.saturating_sub(1).into()))).await?;
        let deadline = chain.read(WHAT, governor.proposal_deadline(id)).await?;
        let eta = chain.read(WHAT, governor.proposal_eta(id)).await?;
        let votes = Votes { support, against, abstain, quorum };
        let [snapshot, deadline, eta] = [snapshot, deadline, eta].map(|time| time.low_u64());
        Ok(Self { state, votes, snapshot, deadline, eta, now })
    }

    /// What happens next to proposal `number`, and when.
    #[must_use]
    pub fn next(&self, number: usize) -> String {
        match self.state {
            State::Pending => format!("the vote begins after {} (UTC)", utc(self.snapshot)),
            State::Active => format!("the vote runs until {} (UTC)", utc(self.deadline)),
            State::Succeeded => format!("`palisade queue {number}`"),
            State::Queued if self.now < self.eta => format!("waits in the timelock until {} (UTC)", utc(self.eta)),
            State::Queued => format!("`palisade execute {number}`"),
            State::Defeated if self.votes.reach_quorum() => "voted down".into(),
            State::Defeated => "too few voted".into(),
            State::Canceled | State::Expired | State::Executed => "—".into(),
        }
    }

    /// Nothing where proposal `number` can be voted on; else why not.
    #[must_use]
    pub fn no_vote(&self, number: usize) -> Option<String> {
        match self.state {
            State::Active => None,
            State::Pending => Some(self.unready(number)),
            _ => Some(format!("the vote on proposal #{number} is over: it is {}", self.state)),
        }
    }

    /// Nothing where proposal `number` can be queued; else why not.
    #[must_use]
    pub fn no_queue(&self, number: usize) -> Option<String> {
        match self.state {
            State::Succeeded => None,
            State::Queued => Some(format!("proposal #{number} is queued already: {}", self.next(number))),
            _ => Some(self.unready(number)),
        }
    }

    /// Nothing where proposal `number` can be executed; else why not.
    #[must_use]
    pub fn no_execution(&self, number: usize) -> Option<String> {
        match self.state {
            State::Queued if self.now >= self.eta => None,
            State::Queued => Some(format!("proposal #{number} {}", self.next(number))),
            State::Succeeded => {
                Some(format!("proposal #{number} has won and is not queued yet: `palisade queue {number}`"))
            }
            _ => Some(self.unready(number)),
        }
    }

    /// Why proposal `number`, which has not won, goes no further.
    fn unready(&self, number: usize) -> String {
        let votes = |value| amount(value, 18, 0);
        match self.state {
            State::Pending => format!("the vote on proposal #{number} begins only after {} (UTC)", utc(self.snapshot)),
            State::Active => format!("the vote on proposal #{number} runs until {} (UTC)", utc(self.deadline)),
            State::Defeated if self.votes.reach_quorum() => format!(
                "proposal #{number} was voted down: {} PALI for it, {} against",
                votes(self.votes.support),
                votes(self.votes.against)
            ),
            State::Defeated => format!(
                "proposal #{number} was defeated: {} PALI of the quorum of {} took part",
                votes(self.votes.support.saturating_add(self.votes.abstain)),
                votes(self.votes.quorum)
            ),
            State::Executed => format!("proposal #{number} was executed already"),
            state => format!("proposal #{number} is {state}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposal(number: usize, id: U256) -> Proposal {
        let motion = Motion::new(Vec::new(), "");
        Proposal { number, id, proposer: Address::zero(), motion }
    }

    #[test]
    fn a_proposal_is_meant_by_its_number_or_its_id() {
        let one = U256::from_dec_str("123456789012345678901234567890").unwrap();
        let two = U256::from_dec_str("123456999999999999999999999999").unwrap();
        let three = U256::from(0xabcd_u64) << 240;
        let all = [proposal(1, one), proposal(2, two), proposal(3, three)];
        for (text, number) in [
            ("1", 1),
            ("3", 3),
            ("1234567", 1),
            ("123456789012345678901234567890", 1),
            ("1234569", 2),
            ("0xABCD", 3),
            ("0xabcd00", 3),
        ] {
            assert_eq!(find(&all, text).unwrap().number, number, "{text}");
        }
        for (text, reason) in [
            ("0", "numbered from 1 to 3"),
            ("4", "there is no proposal #4"),
            ("12345", "there is no proposal #12345"),
            ("123456", "several proposals' ids begin with 123456"),
            ("777777", "no proposal's id begins with 777777"),
            ("0xab", "no proposal's id begins with 0xab"),
            ("", "no proposal's id"),
            ("first", "no proposal's id begins with first"),
        ] {
            assert!(find(&all, text).unwrap_err().contains(reason), "{text}");
        }
        assert!(find(&[], "1").unwrap_err().contains("nothing was proposed yet"));
    }

    #[test]
    fn a_description_is_its_proposers_and_its_title_is_without_him() {
        let proposer = Address::repeat_byte(0xab);
        let description = owned_by(proposer, "# Lower the share\n\nBecause it is high.");
        assert!(description.ends_with(&format!("#proposer=0x{}", "ab".repeat(20))));
        let motion = Motion::new(Vec::new(), description.clone());
        assert_eq!(motion.title(), "Lower the share");
        assert_eq!(words(&description), "# Lower the share\n\nBecause it is high.");
        assert_eq!(words("plain"), "plain");
        assert_eq!(words(&"ä".repeat(40)), "ä".repeat(40), "a cut inside of a letter is none");
        assert_eq!(Motion::new(Vec::new(), owned_by(proposer, "")).title(), "untitled");
    }

    fn standing(state: State) -> Standing {
        let pali = |amount: u64| U256::from(amount) * U256::exp10(18);
        let votes = Votes { support: pali(3), against: pali(5), abstain: pali(1), quorum: pali(4) };
        Standing { state, votes, snapshot: 86_400, deadline: 2 * 86_400, eta: 3 * 86_400, now: 86_400 }
    }

    #[test]
    fn states_are_numbered_as_openzeppelin_does() {
        let names = (0..8).map(|number| State::from_number(number).unwrap().name()).collect::<Vec<_>>();
        let expected = ["pending", "active", "cancelled", "defeated", "succeeded", "queued", "expired", "executed"];
        assert_eq!(names, expected);
        assert_eq!(State::from_number(8), None);
    }

    #[test]
    fn each_state_says_what_it_does_not_allow() {
        for (state, vote, queue, execute) in [
            (State::Pending, "begins only after 1970-01-02", "begins only after", "begins only after 1970-01-02"),
            (State::Active, "", "runs until 1970-01-03", "runs until 1970-01-03"),
            (State::Canceled, "it is cancelled", "is cancelled", "is cancelled"),
            (State::Defeated, "it is defeated", "voted down: 3 PALI for it, 5 against", "voted down"),
            (State::Succeeded, "it is succeeded", "", "is not queued yet: `palisade queue 7`"),
            (
                State::Queued,
                "it is queued",
                "is queued already: waits in the timelock",
                "#7 waits in the timelock until 1970-01-04",
            ),
            (State::Executed, "it is executed", "was executed already", "was executed already"),
        ] {
            let standing = standing(state);
            let answers = [standing.no_vote(7), standing.no_queue(7), standing.no_execution(7)];
            for (answer, expected) in answers.iter().zip([vote, queue, execute]) {
                match answer {
                    None => assert_eq!(expected, "", "{state}"),
                    Some(told) => assert!(!expected.is_empty() && told.contains(expected), "{state}: {told}"),
                }
            }
        }
        let ready = Standing { now: 3 * 86_400, ..standing(State::Queued) };
        assert_eq!((ready.no_execution(7), ready.next(7)), (None, "`palisade execute 7`".into()));
        let mut few = standing(State::Defeated);
        few.votes.abstain = U256::zero();
        assert!(few.no_queue(7).unwrap().contains("3 PALI of the quorum of 4 took part"));
        assert_eq!(few.next(7), "too few voted");
    }
}
