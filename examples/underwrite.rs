//! Reads what a pool can pay and what a cover costs there, deposits into it and reads what the shares are worth.
//!
//! ```sh
//! PALISADE_KEY=… cargo run --example underwrite -- deployments/412346.json http://127.0.0.1:8547
//! ```
//!
//! The RPC may be in `PALISADE_RPC_URL` instead. The account of the key has 1,000 of the pool's asset.

use std::{path::Path, sync::Arc, time::Duration};

use ethers::{
    middleware::SignerMiddleware,
    providers::{Http, Middleware, Provider},
    signers::{LocalWallet, Signer},
    types::{Address, U256},
};
use eyre::{OptionExt, Result};

/// Clients from the JSON ABIs of the package `@palisade/abi`.
mod abi {
    #![allow(missing_docs, clippy::all)]
    ethers::contract::abigen!(IERC20, "contracts/abi/json/IERC20.json");
    ethers::contract::abigen!(IPolicy, "contracts/abi/json/IPolicy.json");
    // two functions are called deposit: the one with a limit gets a name of its own
    ethers::contract::abigen!(
        IVault, "contracts/abi/json/IVault.json",
        methods { deposit(uint256,address,uint256) as deposit_at_least; }
    );
}

/// The underwriter's shares, and what leaving would bring for them now.
pub(crate) struct Underwritten {
    /// Shares of the pool.
    pub(crate) shares: U256,
    /// Their worth in the asset's smallest unit.
    pub(crate) worth: U256,
}

/// Does it all, and says what it finds.
///
/// # Errors
/// Where the chain cannot be read, or refuses.
pub(crate) async fn run(rpc: &str, deployment: &Path, key: &str) -> Result<Underwritten> {
    let provider = Provider::<Http>::try_from(rpc)?.interval(Duration::from_millis(100));
    let wallet: LocalWallet = key.trim_start_matches("0x").parse()?;
    let chain = provider.get_chainid().await?.as_u64();
    let client = Arc::new(SignerMiddleware::new(provider, wallet.with_chain_id(chain)));
    let me = client.address();
    let deployment: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(deployment)?)?;
    let address = |name: &str| -> Result<Address> {
        let text = deployment["contracts"][name].as_str().ok_or_eyre("the deployment lacks a contract")?;
        Ok(text.parse()?)
    };
    let (pool, policy) = (address("vault")?, address("policy")?);
    let (pool, policy) = (abi::IVault::new(pool, client.clone()), abi::IPolicy::new(policy, client.clone()));
    let asset = abi::IERC20::new(pool.asset().call().await?, client.clone());

    // everything about the ability to pay in one call
    let before = pool.solvency().call().await?;
    println!("capital {}, of it needed for the cover in force {}", before.capital, before.minimum_capital);
    println!("reserved for claims {}, confirmed and not yet paid {}", before.reserve, before.owed);

    // what buyers pay, of which underwriters earn the net premium
    let (products, _) = policy.product_page(U256::zero(), U256::from(20)).call().await?;
    let product = products.into_iter().find(|product| product.status == 1).ok_or_eyre("nothing is on sale")?;
    let mut subject = [0; 32];
    subject[..8].copy_from_slice(b"USDC/USD");
    let (amount, term) = (U256::from(product.max_amount / 10), U256::from(product.min_term));
    let quote = policy.quote(product.product, subject, me, [0; 32], amount, term).call().await?;
    println!("a cover of {amount} over {term} s costs {}, of which the pool gets {}", quote.0, quote.1);

    // a deposit that makes at least what was promised a moment ago, less a thousandth
    let assets = U256::from(1_000) * U256::exp10(asset.decimals().call().await?.into());
    let promised = pool.preview_deposit(assets).call().await?;
    asset.approve(pool.address(), assets).send().await?.await?;
    let deposit = pool.deposit_at_least(assets, me, promised - promised / 1_000);
    let receipt = deposit.send().await?.await?.ok_or_eyre("the deposit was dropped")?;
    println!("deposited {assets} in transaction {:?}", receipt.transaction_hash);

    let shares = pool.balance_of(me).call().await?;
    let worth = shares * pool.solvency().call().await?.exit_price / U256::exp10(27);
    Ok(Underwritten { shares, worth })
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let deployment = arguments.next().ok_or_eyre("name a deployment file")?;
    let rpc = arguments.next().or_else(|| std::env::var("PALISADE_RPC_URL").ok()).ok_or_eyre("name an RPC")?;
    let done = run(&rpc, Path::new(&deployment), &std::env::var("PALISADE_KEY")?).await?;
    println!("{} shares: whoever leaves now gets {} for them", done.shares, done.worth);
    Ok(())
}
