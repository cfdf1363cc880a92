//! `palisade demo`: the whole story, step by step.

use std::path::PathBuf;

use clap::Args;
use ethers::signers::Signer;
use eyre::Result;

use super::{Connection, gas::table_of, status::solvency_table};
use crate::{
    artefact::{Builder, write_atomically},
    chain::{Chain, Clock, DEVELOPMENT_KEY, wallet},
    deploy::Ledger,
    feed::Series,
    report::span,
    story::{Setting, Story},
};

/// Where and with which prices.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Play on this RPC instead of the embedded node.
    #[arg(long, value_name = "URL")]
    rpc: Option<String>,
    /// A `unix_time,price` CSV to play instead of USDC's days of March 2023.
    #[arg(long, value_name = "FILE")]
    feed: Option<PathBuf>,
    /// Where the certificate's SVG goes.
    #[arg(long, default_value = "build/certificate.svg", value_name = "FILE")]
    certificate: PathBuf,
    /// Largest code that the embedded node takes. Real chains have 24,576.
    #[arg(long, default_value_t = crate::artefact::SIZE_LIMIT, value_name = "BYTES")]
    code_size_limit: usize,
    /// Print nothing but errors.
    #[arg(long, short)]
    quiet: bool,
}

pub(crate) async fn run(options: Options) -> Result<()> {
    let series = Series::find(options.feed.as_deref())?;
    let builder = Builder::find().with_limit(options.code_size_limit);
    builder.load_all()?;
    let Some(rpc) = &options.rpc else {
        // the story's first day is ten days before the first price: time to deposit, buy and wait
        let start = series.points.first().map(|point| point.time - 10 * 86_400);
        let config = devnode::Config {
            port: 0,
            timestamp: start,
            code_size_limit: options.code_size_limit,
            ..devnode::Config::default()
        };
        let node = devnode::serve(config).await?;
        let folder = std::env::temp_dir().join(format!("palisade-demo-{}", std::process::id()));
        let result = play(&options, series, builder, &node.url(), folder.join("deployment.json")).await;
        node.stop().await;
        drop(std::fs::remove_dir_all(&folder)); // nothing of value: the chain is gone too
        return result;
    };
    let chain = Chain::connect(rpc).await?;
    let path = Ledger::path_of(builder.root(), chain.id(), "-demo");
    play(&options, series, builder, rpc, path).await
}

async fn play(options: &Options, series: Series, builder: Builder, url: &str, ledger: PathBuf) -> Result<()> {
    let chain = Chain::connect(url).await?;
    let signer = match &options.rpc {
        None => wallet(DEVELOPMENT_KEY)?,
        Some(rpc) => Connection { rpc: rpc.clone(), chain_id: None, keystore: None }.signer(&chain)?,
    };
    let tell: fn(&str) = if options.quiet { |_| {} } else { |line| println!("{line}") };
    let on_step: fn(&str) = if options.quiet { |_| {} } else { |step| crate::report::Progress::new(false).now(step) };
    if chain.clock() == Clock::Real {
        tell("This chain's clock cannot be moved: short parameters, and the story waits for time to pass.\n");
    }
    let started = std::time::Instant::now();
    let deployer = chain.client(signer.with_chain_id(chain.id()));
    let setting = Setting { chain, deployer, builder: builder.clone(), ledger: &ledger, series, tell, on_step };
    let mut story = Story::begin(setting).await?;
    crate::report::Progress::new(options.quiet).done();
    let contracts = story.deployment.ledger.code_hashes.len();
    tell(&format!(
        "{contracts} programs deployed, activated, wired, verified and handed to the timelock ({})\n",
        span(started.elapsed().as_secs())
    ));
    story.play().await?;

    let svg = story.certificate().await?;
    if let Some(folder) = options.certificate.parent() {
        std::fs::create_dir_all(folder)?;
    }
    write_atomically(&options.certificate, &svg)?;
    tell(&format!("\nThe certificate of policy #{} is in {}\n", story.policy, options.certificate.display()));
    tell(&solvency_table(&story.solvency().await?, 6).to_string());
    tell(&table_of(&story.measured).to_string());
    tell(&format!("The story took {}.", span(started.elapsed().as_secs())));
    Ok(())
}
