//! `palisade deploy`: the protocol on any RPC.

use clap::Args;
use ethers::{
    signers::Signer,
    types::{Address, U256},
};
use eyre::{Result, bail, eyre};

use super::Connection;
use crate::{
    artefact::Builder,
    chain::Clock,
    deploy::{self, Deployer, Grant, Ledger, Profile, profile::pali},
    report::Table,
};

/// What to deploy on.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    connection: Connection,
    /// The vault's asset; a mock on development chains if not given.
    #[arg(long, value_name = "ADDRESS")]
    asset: Option<Address>,
    /// The Chainlink feed that the depeg product covers; a mock on development chains if not given.
    #[arg(long, value_name = "ADDRESS")]
    feed: Option<Address>,
    /// The sequencer uptime feed, on chains that have one.
    #[arg(long, value_name = "ADDRESS")]
    sequencer: Option<Address>,
    /// The contract on L1 that reports what escrows of bridges hold (contracts/l1/BackingReporter.sol).
    #[arg(long, value_name = "ADDRESS")]
    reporter: Option<Address>,
    /// Who holds the guardian's office for its first term.
    #[arg(long, value_name = "ADDRESS")]
    guardian: Option<Address>,
    /// Who receives votes at the start, and how many whole ones; the rest stays in the treasury. Can be repeated.
    #[arg(long = "allocate", value_name = "ADDRESS:PALI", value_parser = allocation)]
    allocation: Vec<(Address, U256)>,
    /// Who receives votes over time, how many whole ones, days before the first and days until the last of them. They
    /// vote from the start. Can be repeated.
    #[arg(long = "vest", value_name = "ADDRESS:PALI:DAYS:DAYS", value_parser = grant)]
    vesting: Vec<Grant>,
    /// Seconds instead of days, for development chains whose clock cannot be moved.
    #[arg(long)]
    short: bool,
    /// Begin a new deployment beside a finished one.
    #[arg(long)]
    afresh: bool,
}

/// `ADDRESS:PALI`.
fn allocation(text: &str) -> Result<(Address, U256)> {
    let (receiver, votes) = text.split_once(':').ok_or_else(|| eyre!("give ADDRESS:PALI"))?;
    Ok((receiver.parse()?, pali(votes.replace('_', "").parse()?)))
}

/// `ADDRESS:PALI:DAYS:DAYS`.
fn grant(text: &str) -> Result<Grant> {
    let [beneficiary, votes, cliff, duration] = text.split(':').collect::<Vec<_>>()[..] else {
        bail!("give ADDRESS:PALI:DAYS:DAYS");
    };
    let (beneficiary, amount) = allocation(&format!("{beneficiary}:{votes}"))?;
    let days = |text: &str| text.parse::<u32>().map(|days| u64::from(days) * 86_400);
    let (cliff, duration) = (days(cliff)?, days(duration)?);
    if duration == 0 || cliff > duration {
        bail!("the first votes come before the last ones, and those after a day at least");
    }
    Ok(Grant { beneficiary, amount, cliff, duration })
}

pub(crate) async fn run(options: Options) -> Result<()> {
    let chain = options.connection.chain().await?;
    let signer = options.connection.signer(&chain)?;
    chain.require_funds(signer.address()).await?;
    let builder = Builder::find();
    let path = Ledger::path_of(builder.root(), chain.id(), "");
    let short = options.short || (chain.clock() == Clock::Real && chain.id() == crate::chain::DEVELOPMENT_CHAIN);
    let profile = if short { Profile::short() } else { Profile::standard() };
    let client = chain.client(signer);
    let mut deployer = Deployer::open(chain, client, builder, &path, profile.name, options.afresh).await?;
    deployer.on_step = |step| eprintln!("  {step}");
    let settings = deploy::Options {
        asset: options.asset,
        feed: options.feed,
        sequencer: options.sequencer,
        reporter: options.reporter,
        guardian: options.guardian,
        allocation: options.allocation,
        vesting: options.vesting,
    };
    let deployment = deploy::deploy(&mut deployer, &profile, &settings).await?;
    let mut table = Table::new(&["contract", "address"]);
    for (name, address) in &deployment.ledger.contracts {
        table.row([name.clone(), format!("{address:?}")]);
    }
    print!("{table}");
    println!(
        "\nverified: code, owners, roles, wiring and parameters; the deployer kept nothing. {} holds it.",
        path.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOMEBODY: &str = "0x00000000000000000000000000000000000000aa";

    #[test]
    fn votes_are_allocated_in_whole_ones() {
        let (receiver, votes) = allocation(&format!("{SOMEBODY}:20_000")).unwrap();
        assert_eq!((receiver, votes), (SOMEBODY.parse().unwrap(), pali(20_000)));
        for wrong in ["", SOMEBODY, "0xaa:1", &format!("{SOMEBODY}:1.5")] {
            assert!(allocation(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn votes_vest_between_two_days() {
        let found = grant(&format!("{SOMEBODY}:1000:365:1460")).unwrap();
        assert_eq!((found.cliff, found.duration), (365 * 86_400, 1_460 * 86_400));
        for wrong in ["1:0", "0:0", "400:365", "1:2:3", "x:9"] {
            assert!(grant(&format!("{SOMEBODY}:1000:{wrong}")).is_err(), "{wrong}");
        }
    }
}
