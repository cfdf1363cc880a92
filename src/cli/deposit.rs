//! `palisade deposit`: capital into the pool.

use clap::Args;
use ethers::{
    types::{Address, U256},
    utils::id,
};
use eyre::{Result, bail};

use super::session::{Consent, Place, Session, less};

/// What to deposit.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How much of the vault's asset, for example 1_000.50.
    amount: String,
    /// Who gets the shares, if not the account that pays.
    #[arg(long, value_name = "ADDRESS")]
    to: Option<Address>,
    /// How many basis points fewer shares than previewed are accepted.
    #[arg(long, value_name = "BPS", default_value_t = 50, value_parser = clap::value_parser!(u16).range(0..=10_000))]
    slippage: u16,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn run(options: Options) -> Result<()> {
    let session = Session::signer(&options.place).await?;
    let (chain, asset, share) = (&session.chain, &session.asset_unit, &session.share_unit);
    let vault = session.deployment.vault(&session.client);
    let assets = asset.parse(&options.amount)?;
    let receiver = options.to.unwrap_or(session.me());
    let most = chain.read("reading the limit", vault.max_deposit(receiver)).await?;
    if most < assets {
        bail!("the pool takes at most {} now", asset.show(most));
    }
    let shares = chain.read("previewing the deposit", vault.preview_deposit(assets)).await?;
    let least = less(shares, options.slippage);
    options.consent.ask(&format!(
        "{:?} pays {} into {:?}\n{receiver:?} gets about {}, at least {}",
        session.me(),
        asset.show(assets),
        vault.address(),
        share.show(shares),
        share.show(least)
    ))?;
    session.provide(vault.address(), assets).await?;
    let before = chain.read("reading shares", vault.balance_of(receiver)).await?;
    let selector = id("deposit(uint256,address,uint256)");
    let call = vault.method_hash::<_, U256>(selector, (assets, receiver, least))?;
    let receipt = chain.send("depositing", &session.client, call).await?;
    let after = chain.read("reading shares", vault.balance_of(receiver)).await?;
    println!("{receiver:?} got {} in {:?}", share.show(after.saturating_sub(before)), receipt.transaction_hash);
    Ok(())
}
