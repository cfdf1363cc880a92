//! `palisade node`: the embedded node in the foreground.

use std::net::IpAddr;

use clap::Args;
use eyre::Result;

/// What can be set about the node.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    host: IpAddr,
    /// Port to listen on; 0 picks a free one.
    #[arg(long, default_value_t = 8547)]
    port: u16,
    /// Let other machines reach the node. Its accounts' keys are public.
    #[arg(long)]
    allow_remote: bool,
    /// Chain id.
    #[arg(long, default_value_t = crate::chain::DEVELOPMENT_CHAIN, value_name = "ID")]
    chain_id: u64,
    /// ArbOS version.
    #[arg(long, default_value_t = devnode::rules::Rules::DEFAULT_VERSION, value_name = "VERSION")]
    arbos: u64,
    /// Time of the first block, in seconds since 1970; now if not given.
    #[arg(long, value_name = "SECONDS")]
    timestamp: Option<u64>,
    /// Leave out Arbitrum's own transaction at the start of each block.
    #[arg(long)]
    no_internal_tx: bool,
    /// Largest code of an account. Real chains have 24,576.
    #[arg(long, default_value_t = crate::artefact::SIZE_LIMIT, value_name = "BYTES")]
    code_size_limit: usize,
    /// Print nothing.
    #[arg(long, short)]
    quiet: bool,
}

pub(crate) async fn run(options: Options) -> Result<()> {
    let config = devnode::Config {
        host: options.host,
        port: options.port,
        allow_remote: options.allow_remote,
        chain_id: options.chain_id,
        arbos_version: options.arbos,
        timestamp: options.timestamp,
        code_size_limit: options.code_size_limit,
        internal_tx: !options.no_internal_tx,
        ..devnode::Config::default()
    };
    let accounts = config.accounts.clone();
    let node = devnode::serve(config).await?;
    if !options.quiet {
        println!("Palisade's embedded node: chain {}, ArbOS {}\n", options.chain_id, options.arbos);
        for account in &accounts {
            println!("  {}  {}", account.address, account.key);
        }
        println!("\nThese keys are public: never send anything of value to their addresses.");
        println!("Listening on {}", node.url());
    }
    tokio::signal::ctrl_c().await?;
    node.stop().await;
    Ok(())
}
