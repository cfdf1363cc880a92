//! `palisade policies`, `extend` and `cancel`: what a holder has, prolongs and gives back.

use clap::Args;
use ethers::types::{Address, U256};
use eyre::{Result, bail};

use super::{
    cover::{PATIENCE, seconds},
    session::{Consent, Place, Session, more},
};
use crate::{
    bindings::policy::Policy,
    report::{Table, percent_bps, utc},
};

/// How many policies one question looks at.
const PAGE: u64 = 1_000;

/// Whose policies to list.
#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    /// The holder, if not the account of the key.
    #[arg(long, value_name = "ADDRESS")]
    of: Option<Address>,
    #[command(flatten)]
    place: Place,
}

/// What to extend.
#[derive(Debug, Args)]
pub(crate) struct ExtendOptions {
    /// The policy's number.
    policy: u64,
    /// By how many days.
    #[arg(long, default_value = "90", value_name = "DAYS")]
    days: f64,
    /// How many basis points more than quoted may be taken.
    #[arg(long, value_name = "BPS", default_value_t = 100, value_parser = clap::value_parser!(u16).range(0..=10_000))]
    slippage: u16,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    place: Place,
}

/// What to cancel.
#[derive(Debug, Args)]
pub(crate) struct CancelOptions {
    /// The policy's number.
    policy: u64,
    /// Who gets the refund, if not the account itself.
    #[arg(long, value_name = "ADDRESS")]
    to: Option<Address>,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn list(options: ListOptions) -> Result<()> {
    let session = match options.of {
        Some(_) => Session::reader(&options.place).await?,
        None => Session::signer(&options.place).await?,
    };
    let holder = options.of.unwrap_or(session.me());
    let contract = session.deployment.policy(&session.client);
    let mut table = Table::new(&["policy", ">cover", ">can be paid", ">pays", "from (UTC)", "to (UTC)", "state"]);
    let mut cursor = U256::zero();
    loop {
        let page = contract.policies_of(holder, cursor, PAGE.into());
        let (policies, next) = session.chain.read("listing policies", page).await?;
        for id in policies {
            let policy: Policy = session.chain.read("reading a policy", contract.policy_of(id)).await?;
            table.row([
                format!("#{id}"),
                session.asset_unit.show(policy.amount),
                session.asset_unit.show(policy.remaining),
                percent_bps(policy.ratio_bps.into()),
                utc(policy.start),
                utc(policy.end),
                state(&policy).to_owned(),
            ]);
        }
        if next.is_zero() {
            break;
        }
        cursor = next;
    }
    print!("{table}");
    Ok(())
}

/// A policy's state in a word.
fn state(policy: &Policy) -> &'static str {
    match policy {
        Policy { cancelled: true, .. } => "cancelled",
        Policy { expired: true, .. } => "expired",
        Policy { locked: true, .. } => "claim open",
        Policy { filed: true, .. } => "claimed on",
        _ => "sold",
    }
}

pub(crate) async fn extend(options: ExtendOptions) -> Result<()> {
    let session = Session::signer(&options.place).await?;
    let (chain, client) = (&session.chain, &session.client);
    let (contract, risk) = (session.deployment.policy(client), session.deployment.risk(client));
    let (id, term) = (U256::from(options.policy), U256::from(seconds(options.days)?));
    let policy: Policy = chain.read("reading the policy", contract.policy_of(id)).await?;
    if policy.cancelled || policy.expired || policy.filed {
        bail!("policy #{id} is {}: it cannot go on", state(&policy));
    }
    let (capital, closed) = chain.read("reading the capital", session.deployment.vault(client).capital()).await?;
    if closed {
        bail!("the vault takes no new business now");
    }
    let call =
        risk.quote_renewal(policy.product, policy.subject, policy.remaining, policy.deadline.into(), term, capital);
    let net = chain.read("quoting", call).await?.net;
    let (treasury, jury, _) = chain.read("reading the shares", contract.shares()).await?;
    // the pool's part is what is left of the premium after treasury and jury
    let whole = U256::from(10_000_u16.saturating_sub(treasury).saturating_sub(jury).max(1));
    let premium = (net * 10_000_u64 + whole - 1) / whole;
    let most = more(premium, options.slippage);
    options.consent.ask(&format!(
        "policy #{id} goes on until {} (UTC)\n{:?} pays about {}, at most {}",
        utc(policy.end.saturating_add(term.low_u64())),
        session.me(),
        session.asset_unit.show(premium),
        session.asset_unit.show(most)
    ))?;
    session.provide(contract.address(), most).await?;
    let deadline = chain.now().await?.max(crate::chain::wall_clock()) + PATIENCE;
    let call = contract.extend(id, term, most, deadline.into(), Address::zero());
    let receipt = chain.send("extending", client, call).await?;
    let after: Policy = chain.read("reading the policy", contract.policy_of(id)).await?;
    println!("policy #{id} covers until {} (UTC), in {:?}", utc(after.end), receipt.transaction_hash);
    Ok(())
}

pub(crate) async fn cancel(options: CancelOptions) -> Result<()> {
    let session = Session::signer(&options.place).await?;
    let (chain, client) = (&session.chain, &session.client);
    let contract = session.deployment.policy(client);
    let (id, receiver) = (U256::from(options.policy), options.to.unwrap_or(session.me()));
    let call = contract.cancel(id, receiver).from(session.me());
    let refund = chain.read("cancelling", call).await?;
    options
        .consent
        .ask(&format!("policy #{id} ends now; {receiver:?} gets {} back", session.asset_unit.show(refund)))?;
    let receipt = chain.send("cancelling", client, contract.cancel(id, receiver)).await?;
    println!("policy #{id} was cancelled in {:?}", receipt.transaction_hash);
    Ok(())
}
