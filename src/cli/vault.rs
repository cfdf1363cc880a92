//! `palisade add-vault`: a further vault, for new business where an older one is in run-off.

use clap::Args;
use eyre::Result;
use serde_json::json;

use super::session::{Place, Session};
use crate::{
    artefact::Builder,
    deploy::{Deployer, add_vault},
};

/// Which vault.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The vault's number; the first one is that of the deployment.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(2..=32))]
    number: u32,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn run(options: Options) -> Result<()> {
    let session = Session::signer(&options.place).await?;
    let profile = session.profile()?;
    let Session { chain, deployment, client, .. } = session;
    let ledger = &deployment.ledger;
    let mut deployer = Deployer::open(chain, client, Builder::find(), ledger.path(), profile.name, false).await?;
    deployer.on_step = |step| eprintln!("  {step}");
    let addition = add_vault(&mut deployer, &deployment, &profile, options.number).await?;
    let calls = addition.actions.iter().map(|(target, data)| json!({"target": target, "calldata": data}));
    let out = json!({
        "vault": addition.vault, "product": addition.product.to_string(), "proposal": calls.collect::<Vec<_>>(),
    });
    println!("{}", serde_json::to_string_pretty(&out)?);
    Ok(())
}
