//! `palisade deploy`: the protocol on any RPC.

use clap::Args;
use ethers::{signers::Signer, types::Address};
use eyre::Result;

use super::Connection;
use crate::{
    artefact::Builder,
    chain::Clock,
    deploy::{self, Deployer, Ledger, Profile},
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
    /// Who may pause.
    #[arg(long, value_name = "ADDRESS")]
    guardian: Option<Address>,
    /// Seconds instead of days, for development chains whose clock cannot be moved.
    #[arg(long)]
    short: bool,
    /// Begin a new deployment beside a finished one.
    #[arg(long)]
    afresh: bool,
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
        allocation: vec![],
    };
    let deployment = deploy::deploy(&mut deployer, &profile, &settings).await?;
    let mut table = Table::new(&["contract", "address"]);
    for (name, address) in &deployment.ledger.contracts {
        table.row([name.clone(), format!("{address:?}")]);
    }
    print!("{table}");
    println!("\nverified: code, wiring and owners; the deployer kept nothing. {} holds it.", path.display());
    Ok(())
}
