//! `palisade delegate`, `proposals`, `vote`, `queue` and `execute`: how the DAO decides.

use clap::{Args, ValueEnum};
use ethers::types::{Address, TransactionReceipt, U256};
use eyre::{Result, bail, eyre};
use serde_json::{Value, json};

use super::session::{Consent, Place, Session, Unit};
use crate::{
    bindings::{IToken, governor::VoteCastFilter},
    chain::Client,
    dao::{self, Proposal, Standing, Votes},
    interface::Names,
    report::{Table, amount, utc},
    story::event,
};

/// Who votes with the account's PALI.
#[derive(Debug, Args)]
pub(crate) struct DelegateOptions {
    /// Who; the account itself if not given.
    #[arg(value_name = "ADDRESS")]
    to: Option<Address>,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    place: Place,
}

/// Which proposals to show.
#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    /// Those that are over, too.
    #[arg(long)]
    all: bool,
    /// All about each, for programs.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// How to vote on what.
#[derive(Debug, Args)]
pub(crate) struct VoteOptions {
    /// The proposal's number in `palisade proposals --all`, its id, or the beginning of its id.
    proposal: String,
    /// How.
    choice: Choice,
    /// Why, for all to read.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    place: Place,
}

/// A vote, as CountingSimple counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Choice {
    Against = 0,
    For = 1,
    /// Counts for the quorum only.
    Abstain = 2,
}

/// What to queue.
#[derive(Debug, Args)]
pub(crate) struct QueueOptions {
    /// The proposal's number in `palisade proposals --all`, its id, or the beginning of its id.
    proposal: String,
    #[command(flatten)]
    place: Place,
}

/// What to execute.
#[derive(Debug, Args)]
pub(crate) struct ExecuteOptions {
    /// The proposal's number in `palisade proposals --all`, its id, or the beginning of its id.
    proposal: String,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn delegate(options: DelegateOptions) -> Result<()> {
    let session = Session::signer(&options.place).await?;
    let (chain, client, me) = (&session.chain, &session.client, session.me());
    let token = session.deployment.token(client);
    let to = options.to.unwrap_or(me);
    if to.is_zero() {
        bail!("nobody votes at the zero address: give another one, or none to vote yourself");
    }
    let held = chain.read("reading a balance", token.balance_of(me)).await?;
    let before = votes_of(&session, &token, to).await?;
    let through = if to == me { "itself".to_owned() } else { format!("{to:?}") };
    options.consent.ask(&format!("{me:?} lets its {} vote through {through}", Unit::pali().show(held)))?;
    let receipt = chain.send("delegating", client, token.delegate(to)).await?;
    let after = votes_of(&session, &token, to).await?;
    println!("{to:?} had {} votes and has {}, in {:?}", whole(before), whole(after), receipt.transaction_hash);
    Ok(())
}

async fn votes_of(session: &Session, token: &IToken<Client>, account: Address) -> Result<U256> {
    Ok(session.chain.read("reading votes", token.get_votes(account)).await?)
}

pub(crate) async fn list(options: ListOptions) -> Result<()> {
    let session = Session::reader(&options.place).await?;
    let mut shown = Vec::new();
    for proposal in dao::proposals(&session.deployment).await? {
        let standing = Standing::of(&session.deployment, &session.client, proposal.id).await?;
        if options.all || standing.state.is_open() {
            shown.push((proposal, standing));
        }
    }
    if options.json {
        let names = session.names();
        let shown: Vec<_> = shown.iter().map(|(proposal, standing)| as_json(proposal, standing, &names)).collect();
        println!("{}", serde_json::to_string_pretty(&shown)?);
    } else {
        print!("{}", table(&shown));
    }
    Ok(())
}

/// Proposals for people.
fn table(shown: &[(Proposal, Standing)]) -> Table {
    let mut table = Table::new(&[">#", "state", "title", ">for", ">against", ">abstain", "quorum", "next"]);
    for (proposal, standing) in shown {
        let Votes { support, against, abstain, quorum } = standing.votes;
        let reached = if standing.votes.reach_quorum() { "reached" } else { "not reached" };
        table.row([
            proposal.number.to_string(),
            standing.state.to_string(),
            proposal.motion.title().to_owned(),
            whole(support),
            whole(against),
            whole(abstain),
            format!("{} {reached}", whole(quorum)),
            standing.next(proposal.number),
        ]);
    }
    table
}

/// A proposal for programs.
fn as_json(proposal: &Proposal, standing: &Standing, names: &Names) -> Value {
    let Votes { support, against, abstain, quorum } = standing.votes;
    let actions = proposal.motion.actions.iter().map(|action| {
        json!({
            "target": action.to, "value": action.value.to_string(), "calldata": action.data,
            "call": names.call(action.to, &action.data).json(),
        })
    });
    json!({
        "number": proposal.number,
        "id": proposal.id.to_string(),
        "state": standing.state.name(),
        "title": proposal.motion.title(),
        "description": proposal.motion.description,
        "proposer": proposal.proposer,
        "for": support.to_string(), "against": against.to_string(), "abstain": abstain.to_string(),
        "quorum": quorum.to_string(),
        "snapshot": standing.snapshot, "deadline": standing.deadline,
        "eta": if standing.eta > 0 { json!(standing.eta) } else { Value::Null },
        "actions": actions.collect::<Vec<_>>(),
    })
}

/// Votes, cut to whole ones.
fn whole(votes: U256) -> String {
    amount(votes, 18, 0)
}

/// The proposal that is meant, and where it is on its way.
async fn meant(session: &Session, text: &str) -> Result<(Proposal, Standing)> {
    let proposals = dao::proposals(&session.deployment).await?;
    let proposal = dao::find(&proposals, text).map_err(|reason| eyre!(reason))?.clone();
    let standing = Standing::of(&session.deployment, &session.client, proposal.id).await?;
    Ok((proposal, standing))
}

/// Fails in words where something is not allowed.
fn allowed(obstacle: Option<String>) -> Result<()> {
    obstacle.map_or(Ok(()), |obstacle| Err(eyre!(obstacle)))
}

pub(crate) async fn vote(options: VoteOptions) -> Result<()> {
    let session = Session::signer(&options.place).await?;
    let (chain, client, me) = (&session.chain, &session.client, session.me());
    let governor = session.deployment.governor(client);
    let (proposal, standing) = meant(&session, &options.proposal).await?;
    let number = proposal.number;
    allowed(standing.no_vote(number))?;
    if chain.read("reading whether it was voted", governor.has_voted(proposal.id, me)).await? {
        bail!("{me:?} has voted on proposal #{number} already");
    }
    let votes = chain.read("reading votes", governor.get_votes(me, standing.snapshot.into())).await?;
    if votes.is_zero() {
        bail!(
            "{me:?} has no votes on proposal #{number}: they count as they were delegated on {} (UTC)",
            utc(standing.snapshot)
        );
    }
    let how = match options.choice {
        Choice::Against => "against",
        Choice::For => "for",
        Choice::Abstain => "neither for nor against",
    };
    let title = proposal.motion.title();
    options.consent.ask(&format!("{me:?} votes with {} PALI {how} proposal #{number}, {title}", whole(votes)))?;
    let support = options.choice as u8;
    let call = match options.reason {
        Some(reason) => governor.cast_vote_with_reason(proposal.id, support, reason),
        None => governor.cast_vote(proposal.id, support),
    };
    let receipt = chain.send("voting", client, call).await?;
    let cast: VoteCastFilter = event(&receipt, governor.address())
        .ok_or_else(|| eyre!("no vote was cast in {:?}", receipt.transaction_hash))?;
    let Votes { support, against, abstain, quorum } =
        Standing::of(&session.deployment, client, proposal.id).await?.votes;
    println!(
        "{} votes {how} proposal #{number}: {} for, {} against, {} abstain, of a quorum of {}; in {:?}",
        whole(cast.weight),
        whole(support),
        whole(against),
        whole(abstain),
        whole(quorum),
        receipt.transaction_hash
    );
    Ok(())
}

pub(crate) async fn queue(options: QueueOptions) -> Result<()> {
    let session = Session::signer(&options.place).await?;
    let (chain, client) = (&session.chain, &session.client);
    let (proposal, standing) = meant(&session, &options.proposal).await?;
    let number = proposal.number;
    allowed(standing.no_queue(number))?;
    let governor = session.deployment.governor(client);
    let receipt = chain.send("queueing", client, proposal.motion.queue(&governor)).await?;
    let standing = Standing::of(&session.deployment, client, proposal.id).await?;
    println!(
        "proposal #{number} waits in the timelock until {} (UTC); then `palisade execute {number}`, in {:?}",
        utc(standing.eta),
        receipt.transaction_hash
    );
    Ok(())
}

pub(crate) async fn execute(options: ExecuteOptions) -> Result<()> {
    let session = Session::signer(&options.place).await?;
    let (chain, client) = (&session.chain, &session.client);
    let (proposal, standing) = meant(&session, &options.proposal).await?;
    let number = proposal.number;
    allowed(standing.no_execution(number))?;
    let deployment = &session.deployment;
    // ether that the proposal sends comes from the timelock, and what that lacks from who executes
    let held = chain.balance(deployment.address("timelock")).await?;
    let lacking = proposal.motion.value().saturating_sub(held);
    if !lacking.is_zero() {
        let ether = Unit { symbol: "ether".into(), decimals: 18 };
        let what = format!("{:?} gives {} that proposal #{number} sends", session.me(), ether.show(lacking));
        options.consent.ask(&what)?;
    }
    let call = proposal.motion.execute(&deployment.governor(client)).value(lacking);
    let receipt: TransactionReceipt = chain.send("executing", client, call).await?;
    println!("proposal #{number} was executed: {}, in {:?}", proposal.motion.title(), receipt.transaction_hash);
    Ok(())
}

#[cfg(test)]
mod tests {
    use ethers::types::Bytes;

    use super::*;
    use crate::dao::{Motion, State};

    fn shown() -> (Proposal, Standing) {
        let pali = |amount: u64| U256::from(amount) * U256::exp10(18);
        let motion = Motion::new(vec![(Address::repeat_byte(5), Bytes::default())], "# Give\n\nmore#proposer=0x");
        let proposal = Proposal { number: 3, id: 77.into(), proposer: Address::repeat_byte(1), motion };
        let votes = Votes { support: pali(5_000_000), against: pali(1), abstain: 0.into(), quorum: pali(4_000_000) };
        let standing =
            Standing { state: State::Active, votes, snapshot: 86_400, deadline: 172_800, eta: 0, now: 90_000 };
        (proposal, standing)
    }

    #[test]
    fn a_proposal_is_a_line_with_what_is_next() {
        let text = table(&[shown()]).to_string();
        let row = text.lines().last().unwrap();
        let expected = "3  active  Give   5,000,000        1        0  4,000,000 reached  the vote runs until 1970-01-03 00:00 (UTC)";
        assert_eq!(row, expected);
    }

    #[test]
    fn programs_get_all_of_it() {
        let (proposal, standing) = shown();
        let told = as_json(&proposal, &standing, &Names::default());
        assert_eq!((&told["number"], &told["state"], &told["id"]), (&json!(3), &json!("active"), &json!("77")));
        assert_eq!(told["for"], json!("5000000000000000000000000"));
        assert_eq!(told["eta"], Value::Null);
        assert_eq!(told["actions"][0]["call"]["function"], Value::Null);
    }
}
