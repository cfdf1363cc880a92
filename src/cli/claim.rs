//! `palisade incidents`, `report`, `file`, `challenge`, `settle` and `recover`: what happened, and who is paid for it.

use clap::Args;
use ethers::{
    types::{Bytes, U256},
    utils::keccak256,
};
use eyre::{Result, bail, eyre};

use super::session::{Consent, Place, Session, subject};
use crate::{
    bindings::{
        IDepegTrigger, IImpermanentLossTrigger,
        assessor::{ClaimDelayedFilter, ClaimSettledFilter, IncidentReportedFilter},
        policy::Policy,
    },
    claims::{self, CONFIRMED, IMPERMANENT_LOSS, Line, MOST_ROUNDS},
    keeper::subject_name,
    report::{Table, percent_bps, utc},
    story::event,
};

/// Reports that one command sends at most: 32 rounds each.
const MOST_REPORTS: usize = 64;

/// Where to look.
#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    #[command(flatten)]
    place: Place,
}

/// What to report on.
#[derive(Debug, Args)]
pub(crate) struct ReportOptions {
    /// The product's number; the first one with this subject if not given.
    #[arg(long, value_name = "NUMBER")]
    product: Option<u64>,
    /// The subject.
    #[arg(long, default_value = crate::deploy::plan::SUBJECT, value_parser = subject, value_name = "TEXT")]
    subject: [u8; 32],
    #[command(flatten)]
    place: Place,
}

/// What to claim.
#[derive(Debug, Args)]
pub(crate) struct FileOptions {
    /// The policy's number.
    policy: u64,
    /// The incident's number; the newest one if not given (0, none, for impermanent loss).
    #[arg(long, value_name = "NUMBER")]
    incident: Option<u64>,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    place: Place,
}

/// What to challenge.
#[derive(Debug, Args)]
pub(crate) struct ChallengeOptions {
    /// The policy's number.
    policy: u64,
    /// Why its claim should not be paid; its hash goes on chain.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    place: Place,
}

/// What to go on with.
#[derive(Debug, Args)]
pub(crate) struct SettleOptions {
    /// The policy's number.
    policy: u64,
    #[command(flatten)]
    place: Place,
}

/// What was won back.
#[derive(Debug, Args)]
pub(crate) struct RecoverOptions {
    /// The policy that was paid.
    policy: u64,
    /// How much, in whole units of the asset.
    amount: String,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn list(options: ListOptions) -> Result<()> {
    let session = Session::reader(&options.place).await?;
    let (chain, client) = (&session.chain, &session.client);
    let assessor = session.deployment.assessor(client);
    let mut table =
        Table::new(&[">product", "subject", ">incident", "opened (UTC)", "closed (UTC)", "state", ">worst loss"]);
    for line in claims::lines(&session.deployment, client).await? {
        let newest = chain.read("reading incidents", assessor.newest_incident(line.product, line.subject)).await?;
        for number in 1..=newest.low_u64() {
            let call = assessor.incident_of(line.product, line.subject, number.into());
            let (verdict, opened, closed, worst) = chain.read("reading an incident", call).await?;
            if opened == 0 {
                continue; // before the product had its first report
            }
            table.row([
                line.product.to_string(),
                subject_name(&line.subject),
                format!("#{number}"),
                utc(opened),
                if closed > 0 { utc(closed) } else { "—".into() },
                if verdict == CONFIRMED { "proven".into() } else { "suspected".into() },
                percent_bps(worst.into()),
            ]);
        }
    }
    print!("{table}");
    Ok(())
}

pub(crate) async fn report(options: ReportOptions) -> Result<()> {
    let session = Session::signer(&options.place).await?;
    let (chain, client) = (&session.chain, &session.client);
    let lines = claims::lines(&session.deployment, client).await?;
    let named = |line: &&Line| {
        line.subject == options.subject && options.product.is_none_or(|product| line.product == product.into())
    };
    let name = subject_name(&options.subject);
    let line = lines.iter().find(named).ok_or_else(|| eyre!("no product has the subject {name}"))?;
    let assessor = session.deployment.assessor(client);
    let mut last: Option<IncidentReportedFilter> = None;
    for sent in 0.. {
        let pending = claims::pending(&session.deployment, client, line).await?;
        // the first report is sent in any case: time alone can close an incident
        if (sent > 0 && (pending.waiting == 0 || line.cover != crate::deploy::plan::DEPEG)) || sent == MOST_REPORTS {
            break;
        }
        let call = assessor.report(line.product, line.subject, pending.evidence);
        let receipt = chain.send("reporting", client, call).await?;
        if let Some(reported) = event(&receipt, assessor.address()) {
            last = Some(reported);
        }
        eprintln!(
            "  {} observations taken in, in {:?}",
            pending.waiting.min(MOST_ROUNDS as u64),
            receipt.transaction_hash
        );
    }
    match last {
        None => println!("{name}: nothing new"),
        Some(IncidentReportedFilter { number, verdict, opened_at, closed_at, worst_bps, .. }) => println!(
            "{name}: incident #{number} {}, opened {} (UTC), {}, worst loss {}",
            if verdict == CONFIRMED { "is proven" } else { "is suspected" },
            utc(opened_at),
            if closed_at > 0 { format!("closed {} (UTC)", utc(closed_at)) } else { "still open".into() },
            percent_bps(worst_bps.into())
        ),
    }
    Ok(())
}

/// Stores the price of an impermanent-loss policy's start, where nobody has: its claim stores that of the end alone.
async fn store_start(session: &Session, line: &Line, policy: &Policy) -> Result<()> {
    let (chain, client) = (&session.chain, &session.client);
    if chain.now().await? <= policy.end {
        bail!("an impermanent loss is taken at the end of the term, after {} (UTC)", utc(policy.end));
    }
    if let Some(hint) = claims::missing_price(&session.deployment, client, line, policy.start).await? {
        let trigger = IImpermanentLossTrigger::new(line.trigger, client.clone());
        let call = trigger.observe(line.subject, hint.evidence(policy.start));
        chain.send("storing the price of the policy's start", client, call).await?;
    }
    Ok(())
}

pub(crate) async fn file(options: FileOptions) -> Result<()> {
    let session = Session::signer(&options.place).await?;
    let (chain, client) = (&session.chain, &session.client);
    let id = U256::from(options.policy);
    let policy: Policy = chain.read("reading the policy", session.deployment.policy(client).policy_of(id)).await?;
    let line = claims::lines(&session.deployment, client)
        .await?
        .into_iter()
        .find(|line| line.product == policy.product && line.subject == policy.subject)
        .ok_or_else(|| eyre!("policy #{id} is on a subject that is not listed any more"))?;
    let name = subject_name(&line.subject);
    let number = match options.incident {
        Some(number) => U256::from(number),
        None if line.cover == IMPERMANENT_LOSS => U256::zero(),
        None => {
            chain
                .read("reading incidents", IDepegTrigger::new(line.trigger, client.clone()).incidents(line.subject))
                .await?
        }
    };
    if line.cover == IMPERMANENT_LOSS {
        store_start(&session, &line, &policy).await?;
    } else if number.is_zero() {
        bail!("nothing has been proven on {name} yet: `palisade report` shows its trigger what happened");
    }
    let entry = claims::entry_of(&session.deployment, id).await?;
    let evidence = claims::best_window(&session.deployment, client, &line, number, &policy).await?;
    let assessor = session.deployment.assessor(client);
    let open = chain.read("reading the claim", assessor.open_claim(id)).await?;
    if matches!(open.stage, DELAYED | CHALLENGED) {
        return raise(&session, &options.consent, id, open.amount, entry, evidence).await;
    }
    let call = assessor.file(id, number, entry, evidence).from(session.me());
    let (confirmed, paid) = chain.read("filing", call.clone()).await?;
    let unit = &session.asset_unit;
    let wait = match paid {
        paid if paid == confirmed => "",
        paid if paid.is_zero() => " (it is large, and waits before it is paid)",
        _ => " (not all of it at once: the pool is short)",
    };
    options
        .consent
        .ask(&format!("policy #{id} claims {} under incident #{number} of {name}{wait}", unit.show(confirmed)))?;
    let receipt = chain.send("filing", client, call).await?;
    if let Some(delayed) = event::<ClaimDelayedFilter>(&receipt, assessor.address()) {
        println!(
            "{} were confirmed; from {} (UTC) on `palisade settle {id}` pays them, in {:?}",
            unit.show(delayed.amount),
            utc(delayed.due),
            receipt.transaction_hash
        );
        return Ok(());
    }
    tell_settled(&session, &receipt)
}

/// Raises a claim that waits to what is lost by now.
async fn raise(
    session: &Session,
    consent: &Consent,
    id: U256,
    before: U256,
    entry: Bytes,
    evidence: Bytes,
) -> Result<()> {
    let (chain, client) = (&session.chain, &session.client);
    let call = session.deployment.assessor(client).raise_claim(id, entry, evidence).from(session.me());
    let amount = chain.read("raising the claim", call.clone()).await?;
    let unit = &session.asset_unit;
    let rise =
        format!("the claim on policy #{id} that waits rises from {} to {}", unit.show(before), unit.show(amount));
    consent.ask(&rise)?;
    let receipt = chain.send("raising the claim", client, call).await?;
    println!("{rise}, in {:?}", receipt.transaction_hash);
    Ok(())
}

/// Tells what was paid in a transaction.
fn tell_settled(session: &Session, receipt: &ethers::types::TransactionReceipt) -> Result<()> {
    let hash = receipt.transaction_hash;
    let settled: ClaimSettledFilter = event(receipt, session.deployment.address("assessor"))
        .ok_or_else(|| eyre!("nothing was settled in {hash:?}"))?;
    let unit = &session.asset_unit;
    println!(
        "{} were confirmed and {} paid to {:?}, in {hash:?}",
        unit.show(settled.confirmed),
        unit.show(settled.paid),
        settled.payee
    );
    Ok(())
}

pub(crate) async fn challenge(options: ChallengeOptions) -> Result<()> {
    let session = Session::signer(&options.place).await?;
    let (chain, client) = (&session.chain, &session.client);
    let assessor = session.deployment.assessor(client);
    let id = U256::from(options.policy);
    let claim = chain.read("reading the claim", assessor.open_claim(id)).await?;
    let policy: Policy = chain.read("reading the policy", session.deployment.policy(client).policy_of(id)).await?;
    let (_, vault) = chain.read("reading the product", assessor.route_of(policy.product)).await?;
    let (bond, ..) = chain.read("reading the bond", assessor.bonds_of(vault, claim.amount)).await?;
    options.consent.ask(&format!(
        "{:?} puts up {}, which are lost unless the jury denies the claim of {} on policy #{id}",
        session.me(),
        session.asset_unit.show(bond),
        session.asset_unit.show(claim.amount)
    ))?;
    session.provide(assessor.address(), bond).await?;
    let receipt = chain.send("challenging", client, assessor.challenge(id, keccak256(&options.reason))).await?;
    let claim = chain.read("reading the claim", assessor.open_claim(id)).await?;
    println!("a jury decides in case #{}, in {:?}", claim.jury_case, receipt.transaction_hash);
    Ok(())
}

pub(crate) async fn settle(options: SettleOptions) -> Result<()> {
    let session = Session::signer(&options.place).await?;
    let (chain, client) = (&session.chain, &session.client);
    let assessor = session.deployment.assessor(client);
    let id = U256::from(options.policy);
    let entry = claims::entry_of(&session.deployment, id).await?;
    let receipt = chain.send("settling", client, assessor.execute(id, entry, Bytes::default())).await?;
    if event::<ClaimSettledFilter>(&receipt, assessor.address()).is_some() {
        return tell_settled(&session, &receipt);
    }
    let stage = chain.read("reading the claim", assessor.open_claim(id)).await?.stage;
    let now = STAGES.get(usize::from(stage)).copied().unwrap_or("open");
    println!("nothing was paid: the claim on policy #{id} is {now}, in {:?}", receipt.transaction_hash);
    Ok(())
}

/// `IAssessor.Stage`: of claims that wait and may rise.
const DELAYED: u8 = 1;
const CHALLENGED: u8 = 2;

/// `IAssessor.Stage` in words.
const STAGES: [&str; 6] =
    ["closed", "delayed", "before a jury", "waiting for data", "before a jury", "open for a second jury"];

pub(crate) async fn recover(options: RecoverOptions) -> Result<()> {
    let session = Session::signer(&options.place).await?;
    let (chain, client) = (&session.chain, &session.client);
    let assessor = session.deployment.assessor(client);
    let (id, amount) = (U256::from(options.policy), session.asset_unit.parse(&options.amount)?);
    let shown = session.asset_unit.show(amount);
    options.consent.ask(&format!("{:?} gives {shown} back to the pool that paid policy #{id}", session.me()))?;
    session.provide(assessor.address(), amount).await?;
    let receipt = chain.send("giving back", client, assessor.recover(id, amount)).await?;
    let total = chain.read("reading what came back", assessor.recovered_of(id)).await?;
    println!(
        "{shown} came back, {} of policy #{id} in all, in {:?}",
        session.asset_unit.show(total),
        receipt.transaction_hash
    );
    Ok(())
}
