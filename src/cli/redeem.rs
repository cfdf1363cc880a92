//! `palisade redeem`: capital out of the pool, by a request that waits for its week.

use clap::{Args, Subcommand};
use ethers::types::{Address, U256};
use eyre::{Result, bail};

use super::session::{Consent, Place, Session};
use crate::report::{Table, utc};

/// What to do about leaving.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    step: Step,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// Ask to leave with so many shares, or with `all`. They are served at the price of their week's service.
    Request {
        /// How many shares.
        shares: String,
    },
    /// Take back what was not served yet.
    Cancel,
    /// Serve the cohorts that are due; anyone may.
    Serve {
        /// How many weeks to look at, at most.
        #[arg(long, default_value_t = 8)]
        weeks: u32,
    },
    /// Take what was served.
    Claim {
        /// Who gets it, if not the account itself.
        #[arg(long, value_name = "ADDRESS")]
        to: Option<Address>,
    },
    /// Show what waits and what can be taken.
    Status {
        /// Whose request, if not the account's own.
        #[arg(long, value_name = "ADDRESS")]
        of: Option<Address>,
    },
}

pub(crate) async fn run(options: Options) -> Result<()> {
    let session = Session::signer(&options.place).await?;
    let (chain, client, me) = (&session.chain, &session.client, session.me());
    let (asset, share) = (&session.asset_unit, &session.share_unit);
    let vault = session.deployment.vault(client);
    match options.step {
        Step::Request { shares } => {
            let have = chain.read("reading shares", vault.balance_of(me)).await?;
            let shares = if shares == "all" { have } else { share.parse(&shares)? };
            if shares.is_zero() || shares > have {
                bail!("{me:?} has {}", share.show(have));
            }
            let worth = chain.read("valuing the shares", vault.convert_to_assets(shares)).await?;
            options.consent.ask(&format!(
                "{me:?} asks to leave with {}, worth {} now\nThey earn nothing after their week and share losses until \
                 they are served; the price is that of their service, at most that of now",
                share.show(shares),
                asset.show(worth)
            ))?;
            let receipt = chain.send("requesting", client, vault.request_redeem(shares, me, me)).await?;
            println!("requested in {:?}", receipt.transaction_hash);
            print!("{}", table(&session, me).await?);
        }
        Step::Cancel => {
            let (_, pending, ..) = chain.read("reading the request", vault.request_of(me)).await?;
            if pending.is_zero() {
                bail!("{me:?} has no request that waits");
            }
            options.consent.ask(&format!("{me:?} takes back a request of {}", share.show(pending)))?;
            let before = chain.read("reading shares", vault.balance_of(me)).await?;
            let call = vault.cancel_redeem_request(U256::zero(), me, me);
            let receipt = chain.send("cancelling", client, call).await?;
            let after = chain.read("reading shares", vault.balance_of(me)).await?;
            println!("{} came back in {:?}", share.show(after.saturating_sub(before)), receipt.transaction_hash);
        }
        Step::Serve { weeks } => {
            let receipt = chain.send("serving", client, vault.serve(weeks.into())).await?;
            println!("served in {:?}", receipt.transaction_hash);
            print!("{}", table(&session, me).await?);
        }
        Step::Claim { to } => {
            let (_, _, shares, assets, _) = chain.read("reading the request", vault.request_of(me)).await?;
            if shares.is_zero() {
                bail!("nothing of {me:?} is served and not yet taken");
            }
            let to = to.unwrap_or(me);
            options.consent.ask(&format!("{to:?} gets {} for {}", asset.show(assets), share.show(shares)))?;
            let receipt = chain.send("claiming", client, vault.redeem(shares, to, me)).await?;
            println!("{} were paid in {:?}", asset.show(assets), receipt.transaction_hash);
        }
        Step::Status { of } => print!("{}", table(&session, of.unwrap_or(me)).await?),
    }
    Ok(())
}

/// A controller's request.
async fn table(session: &Session, controller: Address) -> Result<Table> {
    let vault = session.deployment.vault(&session.client);
    let (_, pending, shares, assets, due) =
        session.chain.read("reading the request", vault.request_of(controller)).await?;
    let mut table = Table::new(&["request", ">"]);
    table.row(["waits".to_owned(), session.share_unit.show(pending)]);
    let due = if due.is_zero() { "—".to_owned() } else { utc(due.low_u64()) };
    table.row(["due (UTC)".to_owned(), due]);
    table.row(["served".to_owned(), session.share_unit.show(shares)]);
    table.row(["to take".to_owned(), session.asset_unit.show(assets)]);
    Ok(table)
}
