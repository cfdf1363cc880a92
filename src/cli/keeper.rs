//! `palisade keeper`: proves incidents and does what is due, until it is stopped.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use ethers::{types::U256, utils::parse_units};
use eyre::{Result, WrapErr, bail, eyre};

use super::session::{Place, Session};
use crate::keeper::{Keeper, Limits, Metrics, Purse, Round};

/// How the keeper works.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Seconds between rounds.
    #[arg(long, default_value_t = 15, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    interval: u64,
    /// Look and act once, then end: with an error where something could not be done.
    #[arg(long)]
    once: bool,
    /// Ether that a day's transactions may cost.
    #[arg(long, default_value = "0.05", value_parser = ether, value_name = "ETHER")]
    most_a_day: U256,
    /// Gwei that a unit of gas may cost.
    #[arg(long, default_value = "5", value_parser = gwei, value_name = "GWEI")]
    most_gas_price: U256,
    /// The file that remembers what was spent; beside the deployment's if not given.
    #[arg(long, value_name = "FILE")]
    purse: Option<PathBuf>,
    /// Show numbers at http://ADDRESS/metrics, in Prometheus' format. Port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics: Option<SocketAddr>,
    /// Serve the numbers to other machines too.
    #[arg(long, requires = "metrics")]
    allow_remote: bool,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn run(options: Options) -> Result<()> {
    let session = Session::signer(&options.place).await?;
    let file = options.purse.unwrap_or_else(|| session.deployment.ledger.path().with_extension("keeper.json"));
    let limits = Limits { a_day: options.most_a_day, gas_price: options.most_gas_price };
    let purse = Purse::open(&file, limits)?;
    let metrics = Metrics::default();
    if let Some(address) = options.metrics {
        if !address.ip().is_loopback() && !options.allow_remote {
            bail!("{address} is open to other machines: give --allow-remote, or an address of this one");
        }
        let (bound, _) = metrics.serve(address).await.wrap_err_with(|| format!("{address} cannot be served on"))?;
        eprintln!("numbers at http://{bound}/metrics");
    }
    let mut keeper = Keeper::new(session.deployment.clone(), session.client.clone(), purse, metrics);
    if options.once {
        let round = keeper.round().await?;
        tell(&round);
        if round.deeds.is_empty() && round.troubles.is_empty() {
            println!("nothing is due");
        }
        return match round.troubles.len() {
            0 => Ok(()),
            count => Err(eyre!("{count} of the things that are due could not be done")),
        };
    }
    eprintln!("keeping the deployment of {} with {:?}; Ctrl-C ends it", session.chain.url(), session.me());
    tokio::select! {
        ended = keeper.run(Duration::from_secs(options.interval), tell) => Ok(ended?),
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
    }
}

fn tell(round: &Round) {
    for deed in &round.deeds {
        println!("{}: {}", deed.kind, deed.told);
    }
    for trouble in &round.troubles {
        eprintln!("trouble: {trouble}");
    }
}

fn ether(text: &str) -> Result<U256, String> {
    amount(text, "ether")
}

fn gwei(text: &str) -> Result<U256, String> {
    amount(text, "gwei")
}

fn amount(text: &str, unit: &str) -> Result<U256, String> {
    parse_units(text, unit).map(U256::from).map_err(|_| format!("{text:?} is no amount of {unit}"))
}
