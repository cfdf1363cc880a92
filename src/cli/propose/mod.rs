//! `palisade propose`: proposals from templates, each of which shows what it would do before it is sent.
//!
//! A template reads what there is, checks its arguments against it and makes a [`Draft`]: calls for the timelock, and the
//! parameters that they are about. The rest is the same for all: the calls are decoded and simulated, parameters are shown
//! as they are and as they would be, what would revert is refused, and whoever signs is asked.

mod cover;
mod money;
mod raw;
mod rules;
mod units;

use clap::{Args, Subcommand};
use ethers::{abi::Detokenize, contract::ContractCall, types::U256};
use eyre::{Result, bail, eyre};

use super::session::{Consent, Place, Session, Unit};
use crate::{
    bindings::governor::ProposalCreatedFilter,
    chain::Client,
    dao::{
        self, Action, Motion,
        simulation::{Executor, Outcome, Reading, Simulation},
    },
    deploy::covers::MOST_ACTIONS,
    interface::Names,
    report::{Table, amount, span, utc},
    story::event,
};

/// What to propose, and how.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    template: Template,
    /// More words below the title.
    #[arg(long, global = true, value_name = "TEXT")]
    description: Option<String>,
    /// Let the description not end with the proposer: somebody who submits the same before could take it back.
    #[arg(long, global = true)]
    open: bool,
    /// Show what it would do, and propose nothing.
    #[arg(long, global = true)]
    preview: bool,
    /// Propose it even though it would revert today.
    #[arg(long, global = true)]
    force: bool,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum Template {
    /// Pay from the treasury, within its budget.
    Pay(money::Pay),
    /// Set what may leave the treasury in a period.
    Budget(money::Budget),
    /// Pay PALI from the treasury into the rewards, for emission; or another token, for rebates.
    Fund(money::Fund),
    /// Set what the rewards emit at most.
    Emission(money::Emission),
    /// Set what of their premium comes back to those who were long insured.
    Loyalty(money::Loyalty),
    /// Change where a vault's spare money may work.
    Strategy(money::StrategyOptions),
    /// Put a vault's spare money into a strategy.
    Invest(money::Invest),
    /// Revise a product's terms, or add a product.
    Product(Box<cover::Product>),
    /// List a subject with a product.
    List(cover::List),
    /// Put a product on sale, or take it off.
    Status(cover::Status),
    /// Register a subject with a trigger.
    Subject(cover::Subject),
    /// Set how premiums are shared.
    Shares(cover::Shares),
    /// Set what is kept of a refund.
    ShortRate(cover::ShortRate),
    /// Set what claims may take at once, and the least bond against them.
    Limits(cover::Limits),
    /// Offer cover from a vault that `palisade add-vault` deployed.
    AddVault(cover::AddVault),
    /// Appoint the guardian, or nobody.
    Guardian(rules::Guardian),
    /// Set how long what was decided waits in the timelock.
    Delay(rules::Delay),
    /// Set how the DAO votes.
    Settings(rules::Settings),
    /// Any calls.
    Raw(raw::Raw),
}

impl Template {
    async fn draft(&self, session: &Session) -> Result<Draft> {
        match self {
            Self::Pay(template) => template.draft(session).await,
            Self::Budget(template) => template.draft(session).await,
            Self::Fund(template) => template.draft(session).await,
            Self::Emission(template) => template.draft(session).await,
            Self::Loyalty(template) => template.draft(session).await,
            Self::Strategy(template) => template.draft(session).await,
            Self::Invest(template) => template.draft(session).await,
            Self::Product(template) => template.draft(session).await,
            Self::List(template) => template.draft(session).await,
            Self::Status(template) => template.draft(session).await,
            Self::Subject(template) => template.draft(session).await,
            Self::Shares(template) => template.draft(session).await,
            Self::ShortRate(template) => template.draft(session).await,
            Self::Limits(template) => template.draft(session).await,
            Self::AddVault(template) => template.draft(session).await,
            Self::Guardian(template) => template.draft(session).await,
            Self::Delay(template) => template.draft(session).await,
            Self::Settings(template) => template.draft(session).await,
            Self::Raw(template) => template.draft(session),
        }
    }

    /// What there is, as the template's file would hold it, where that is asked for.
    async fn show(&self, session: &Session) -> Result<Option<String>> {
        match self {
            Self::Product(template) if template.show => template.present(session).await.map(Some),
            Self::Subject(template) if template.show => template.present(session).await.map(Some),
            _ => Ok(None),
        }
    }

    const fn only_shows(&self) -> bool {
        match self {
            Self::Product(template) => template.show,
            Self::Subject(template) => template.show,
            _ => false,
        }
    }
}

/// A proposal in the making.
#[derive(Debug, Default)]
struct Draft {
    title: String,
    actions: Vec<Action>,
    readings: Vec<Reading>,
    /// Whether it is simulated as of the earliest moment at which it could be executed, instead of as of now.
    at_execution: bool,
    notes: Vec<String>,
}

impl Draft {
    fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// Adds a call.
    fn call<D: Detokenize>(self, call: &ContractCall<Client, D>) -> Self {
        self.action(Action::of(call))
    }

    fn action(mut self, action: Action) -> Self {
        self.actions.push(action);
        self
    }

    /// Adds a parameter that it is about.
    fn reads(mut self, reading: Reading) -> Self {
        self.readings.push(reading);
        self
    }

    /// Adds a view that it is about.
    fn shows<D: Detokenize>(
        self,
        name: impl Into<String>,
        view: &ContractCall<Client, D>,
        show: impl Fn(D) -> String + Send + Sync + 'static,
    ) -> Self {
        self.reads(Reading::new(name, view, show))
    }

    /// Has it simulated as of its execution, where it is about time and not about feeds, which would look silent then.
    fn at_execution(mut self) -> Self {
        self.at_execution = true;
        self
    }

    fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

/// When a proposal goes on, at the earliest.
struct Calendar {
    /// The vote begins after it.
    opens: u64,
    closes: u64,
    executable: u64,
    delay: u64,
}

impl Calendar {
    async fn read(session: &Session) -> Result<Self> {
        const WHAT: &str = "reading the DAO's settings";
        let (chain, client) = (&session.chain, &session.client);
        let governor = session.deployment.governor(client);
        let voting_delay = chain.read(WHAT, governor.voting_delay()).await?;
        let voting_period = chain.read(WHAT, governor.voting_period()).await?;
        let delay = chain.read(WHAT, session.deployment.timelock(client).get_min_delay()).await?.low_u64();
        let opens = chain.now().await?.saturating_add(voting_delay.low_u64());
        let closes = opens.saturating_add(voting_period.low_u64());
        // a vote is over after its last second, and what was queued waits from the next one on
        Ok(Self { opens, closes, executable: closes.saturating_add(delay).saturating_add(1), delay })
    }
}

pub(crate) async fn run(options: Options) -> Result<()> {
    let session = if options.preview || options.template.only_shows() {
        Session::reader(&options.place).await?
    } else {
        Session::signer(&options.place).await?
    };
    if let Some(text) = options.template.show(&session).await? {
        println!("{text}");
        return Ok(());
    }
    let draft = options.template.draft(&session).await?;
    if draft.actions.is_empty() {
        bail!("there is nothing to propose: no call was given");
    }
    if draft.actions.len() > MOST_ACTIONS {
        bail!("a proposal has at most {MOST_ACTIONS} calls, and this one would have {}", draft.actions.len());
    }
    let (chain, client, me) = (&session.chain, &session.client, session.me());
    let calendar = Calendar::read(&session).await?;
    let deployment = &session.deployment;
    let executor = Executor { timelock: deployment.address("timelock"), governor: deployment.address("governor") };
    let at = draft.at_execution.then_some(calendar.executable);
    let simulation = executor.simulate(chain, &draft.actions, &draft.readings, at).await?;
    let preview = preview(&draft, &simulation, &calendar, &session.names());
    if options.preview {
        print!("{preview}");
        return Ok(());
    }

    let governor = deployment.governor(client);
    let threshold = chain.read("reading the threshold", governor.proposal_threshold()).await?;
    let votes = chain.read("reading votes", deployment.token(client).get_votes(me)).await?;
    if votes < threshold {
        let shown = |votes: U256| amount(votes, 18, 0);
        bail!(
            "{me:?} has {} votes, and {} are needed to propose: PALI votes once it is delegated (`palisade delegate`)",
            shown(votes),
            shown(threshold)
        );
    }
    if let (Some((index, reason)), false) = (simulation.failure(), options.force) {
        eprint!("{preview}");
        let call = session.names().call(draft.actions[index].to, &draft.actions[index].data).title();
        bail!(
            "nothing was proposed: call {} ({call}) would revert with {reason}; --force proposes it all the same",
            index + 1
        );
    }
    options.consent.ask(preview.trim_end())?;
    let words = match &options.description {
        Some(more) => format!("{}\n\n{more}", draft.title),
        None => draft.title.clone(),
    };
    let description = if options.open { words } else { dao::owned_by(me, &words) };
    let motion = Motion { actions: draft.actions, description };
    let receipt = chain.send("proposing", client, motion.propose(&governor)).await?;
    let hash = receipt.transaction_hash;
    let created: ProposalCreatedFilter =
        event(&receipt, governor.address()).ok_or_else(|| eyre!("nothing was proposed in {hash:?}"))?;
    let proposals = dao::proposals(deployment).await?;
    let number = proposals.iter().find(|proposal| proposal.id == created.proposal_id).map(|proposal| proposal.number);
    println!(
        "proposal #{}, {}: the vote runs from {} to {} (UTC), in {hash:?}",
        number.map_or_else(|| created.proposal_id.to_string(), |number| number.to_string()),
        motion.title(),
        utc(created.vote_start.low_u64()),
        utc(created.vote_end.low_u64()),
    );
    Ok(())
}

/// What a proposal says and what it would do.
fn preview(draft: &Draft, simulation: &Simulation, calendar: &Calendar, names: &Names) -> String {
    use std::fmt::Write;
    let mut out = format!("{}\n", draft.title);
    let ether = Unit { symbol: "ether".into(), decimals: 18 };
    for (index, (action, outcome)) in draft.actions.iter().zip(&simulation.outcomes).enumerate() {
        let call = names.call(action.to, &action.data);
        let value = if action.value.is_zero() { String::new() } else { format!(" with {}", ether.show(action.value)) };
        let verdict = match outcome {
            Outcome::Done => String::new(),
            Outcome::Reverts(reason) => format!("  — would revert: {reason}"),
            Outcome::NotReached => "  — not reached".into(),
            Outcome::Unknown(reason) => format!("  — not to be tried without the calls before it ({reason})"),
        };
        _ = writeln!(out, "\n{}. {}{value}{verdict}", index + 1, call.title());
        let width = call.arguments.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, value) in &call.arguments {
            let pad = " ".repeat(width - name.chars().count());
            _ = writeln!(out, "   {name}{pad}  {value}");
        }
    }
    if !draft.readings.is_empty() {
        let unknown = || "?".to_owned();
        let mut table = Table::new(&["what changes", "now", "then"]);
        for (reading, (before, after)) in draft.readings.iter().zip(&simulation.values) {
            let before = before.clone().unwrap_or_else(|| "—".into());
            table.row([reading.name.clone(), before, after.clone().unwrap_or_else(unknown)]);
        }
        _ = write!(out, "\n{table}");
    }
    let tried = match (simulation.failure(), simulation.together, draft.at_execution) {
        (Some(_), ..) => "Simulated: it would revert.".into(),
        (None, false, _) => "This node cannot simulate calls together: each was tried by itself.".into(),
        (None, true, false) => "Simulated as of now: it would be executed.".to_owned(),
        (None, true, true) => {
            format!("Simulated as of {} (UTC): it would be executed.", utc(calendar.executable))
        }
    };
    _ = writeln!(out, "\n{tried}");
    for note in &draft.notes {
        _ = writeln!(out, "{note}");
    }
    _ = writeln!(
        out,
        "Proposed now, the vote runs from {} to {} (UTC); then {} in the timelock.",
        utc(calendar.opens),
        utc(calendar.closes),
        span(calendar.delay)
    );
    out
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use ethers::types::{Address, Bytes};

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn parse(words: &str) -> Result<Options, clap::Error> {
        Line::try_parse_from(["propose"].into_iter().chain(words.split(' '))).map(|line| line.options)
    }

    #[test]
    fn every_template_takes_its_arguments() {
        let who = "0x00000000000000000000000000000000000000aa";
        for words in [
            format!("pay {who} 10_000 --token PALI"),
            "budget 100_000 --token asset".into(),
            "fund 1_000_000".into(),
            "emission 10_000".into(),
            "loyalty 2.5% --after 365d".into(),
            format!("strategy add {who} --cap 1_000 --risk-key asset:USDC"),
            format!("strategy cap {who} 0"),
            format!("strategy remove {who} --write-off"),
            format!("strategy queue {who} {who} --vault 2"),
            format!("invest {who} 1_000"),
            "product 1 --show".into(),
            "product 1 --terms terms.json".into(),
            "product new --trigger depeg --cover depeg --terms terms.json".into(),
            "list 1 DAI/USD asset:DAI".into(),
            "status 1 sunset".into(),
            "subject depeg DAI/USD --config dai.json --description words".into(),
            "shares --treasury 8 --jury 5 --referral 20".into(),
            "short-rate 5%".into(),
            "limits --at-once 4 --least-bond 200".into(),
            "add-vault 2".into(),
            format!("guardian {who} --for 90d"),
            "guardian nobody".into(),
            "delay 20d".into(),
            "settings --voting-delay 1d --voting-period 5d --threshold 100_000 --quorum 4 --extension 1d".into(),
            format!("raw --title Pause --call {who} setCap(address,uint256) {who} 5 --yes"),
        ] {
            parse(&words).unwrap_or_else(|error| panic!("{words}: {error}"));
        }
        for words in [
            "bribe 1",
            "shares --treasury 8%% --jury 5",
            "delay 20",
            "status 1 burning",
            "product --terms x",
            "guardian",
            "short-rate -1",
        ] {
            assert!(parse(words).is_err(), "{words}");
        }
    }

    #[test]
    fn a_preview_tells_calls_and_what_they_change() {
        let reading = |name: &str| Reading::raw(name, Address::zero(), None, Bytes::default(), |_| None);
        let calls = [
            Action::new(Address::repeat_byte(1), Bytes::default()),
            Action::new(Address::repeat_byte(2), vec![1, 2, 3, 4].into()),
        ];
        let draft = calls.into_iter().fold(Draft::new("Give").reads(reading("a share")).note("Note."), Draft::action);
        let calendar = Calendar { opens: 0, closes: 86_400, executable: 3 * 86_400, delay: 2 * 86_400 };
        let fine = Simulation {
            outcomes: vec![Outcome::Done, Outcome::Done],
            values: vec![(Some("1 %".into()), Some("2 %".into()))],
            together: true,
        };
        let text = preview(&draft, &fine, &calendar, &Names::default());
        for part in [
            "Give\n\n1. 0x0101",
            "an unknown function\n   calldata  0x01020304",
            "a share       1 %  2 %",
            "as of now: it would",
            "Note.",
            "then 2 days in the timelock",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let bad = Simulation {
            outcomes: vec![Outcome::Reverts("Nope(code: 1)".into()), Outcome::NotReached],
            values: vec![(Some("1 %".into()), None)],
            together: true,
        };
        assert_eq!(bad.failure(), Some((0, "Nope(code: 1)")));
        let text = preview(&draft, &bad, &calendar, &Names::default());
        for part in ["— would revert: Nope(code: 1)", "— not reached", "1 %  ?", "it would revert."] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
