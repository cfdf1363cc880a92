//! `palisade demo`: stories, step by step.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Args;
use ethers::signers::Signer;
use eyre::{Result, bail};

use super::{Connection, gas::table_of, status::solvency_table};
use crate::{
    artefact::{Builder, write_atomically},
    chain::{Chain, Clock, DEVELOPMENT_KEY, wallet},
    deploy::Ledger,
    feed::Series,
    report::{Progress, Table, span},
    story::{self, Setting, Story, Tale, money},
};

/// Where, which stories, and with which prices.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Which story: depeg, exploit, impermanent-loss, lending, oracle, bridge, or all. Each is of one cover: it is offered by vote, bought,
    /// what it is for happens, the claim is paid or refused, an underwriter leaves.
    #[arg(long = "story", value_name = "NAME", default_value = "depeg", value_parser = chosen)]
    stories: Stories,
    /// Play on this RPC instead of the embedded node. Where its clock cannot be moved, only the depeg can be played.
    #[arg(long, value_name = "URL")]
    rpc: Option<String>,
    /// A `unix_time,price` CSV for the depeg to play instead of USDC's days of March 2023.
    #[arg(long, value_name = "FILE")]
    feed: Option<PathBuf>,
    /// Where the certificate's SVG goes; of several stories, with their names.
    #[arg(long, default_value = "build/certificate.svg", value_name = "FILE")]
    certificate: PathBuf,
    /// Largest code that the embedded node takes. Real chains have 24,576.
    #[arg(long, default_value_t = crate::artefact::SIZE_LIMIT, value_name = "BYTES")]
    code_size_limit: usize,
    /// Print nothing but errors.
    #[arg(long, short)]
    quiet: bool,
}

/// One story, or all.
#[derive(Clone, Debug)]
struct Stories(Vec<Tale>);

fn chosen(name: &str) -> Result<Stories, String> {
    Tale::choice(name).map(Stories)
}

/// What a story came to.
struct Played {
    tale: Tale,
    transactions: usize,
    paid: String,
    took: u64,
}

pub(crate) async fn run(options: Options) -> Result<()> {
    let Stories(tales) = &options.stories;
    if options.feed.is_some() && !tales.contains(&Tale::Depeg) {
        bail!("--feed is for the story of the depeg");
    }
    let series = Series::find(options.feed.as_deref())?;
    let builder = Builder::find().with_limit(options.code_size_limit);
    builder.load_all()?;
    let mut played = Vec::new();
    for tale in tales {
        if tales.len() > 1 && !options.quiet {
            println!("\n── {tale} ──\n");
        }
        match play_one(&options, *tale, &series, &builder).await {
            Ok(story) => played.push(story),
            // a story among others is left out where the protocol that it is about is not there
            Err(error) if tales.len() > 1 && is_missing(&error) => eprintln!("left out: {error}"),
            Err(error) => return Err(error),
        }
    }
    if tales.len() > 1 && !options.quiet {
        let mut table = Table::new(&["story", ">transactions", ">paid on claims", ">took"]);
        for Played { tale, transactions, paid, took } in played {
            table.row([tale.name().to_owned(), transactions.to_string(), paid, span(took)]);
        }
        println!("\n{table}");
    }
    Ok(())
}

fn is_missing(error: &eyre::Report) -> bool {
    matches!(error.downcast_ref(), Some(story::Error::Package { .. }))
}

async fn play_one(options: &Options, tale: Tale, series: &Series, builder: &Builder) -> Result<Played> {
    let Some(rpc) = &options.rpc else {
        // the depeg's first day is ten days before the first price: time to deposit, buy and wait
        let prices = series.points.first().map(|point| point.time - 10 * 86_400);
        let config = devnode::Config {
            port: 0,
            timestamp: tale.begins().or(prices),
            code_size_limit: options.code_size_limit,
            ..devnode::Config::default()
        };
        let node = devnode::serve(config).await?;
        let folder = std::env::temp_dir().join(format!("palisade-demo-{}-{tale}", std::process::id()));
        let result = play(options, tale, series.clone(), builder, &node.url(), &folder.join("deployment.json")).await;
        node.stop().await;
        drop(std::fs::remove_dir_all(&folder)); // nothing of value: the chain is gone too
        return result;
    };
    let chain = Chain::connect(rpc).await?;
    let path = Ledger::path_of(builder.root(), chain.id(), "-demo");
    play(options, tale, series.clone(), builder, rpc, &path).await
}

async fn play(
    options: &Options,
    tale: Tale,
    series: Series,
    builder: &Builder,
    url: &str,
    ledger: &Path,
) -> Result<Played> {
    let chain = Chain::connect(url).await?;
    let signer = match &options.rpc {
        None => wallet(DEVELOPMENT_KEY)?,
        Some(rpc) => Connection { rpc: rpc.clone(), chain_id: None, keystore: None }.signer(&chain)?,
    };
    let tell: fn(&str) = if options.quiet { |_| {} } else { |line| println!("{line}") };
    let on_step: fn(&str) = if options.quiet { |_| {} } else { |step| Progress::new(false).now(step) };
    if chain.clock() == Clock::Real && tale == Tale::Depeg {
        tell("This chain's clock cannot be moved: short parameters, and the story waits for time to pass.\n");
    }
    let started = Instant::now();
    let deployer = chain.client(signer.with_chain_id(chain.id()));
    let setting = Setting { chain, deployer, builder: builder.clone(), ledger, series, tell, on_step };
    let mut story = Story::begin_for(tale, setting).await?;
    Progress::new(options.quiet).done();
    let contracts = story.deployment.ledger.code_hashes.len();
    tell(&format!(
        "{contracts} programs deployed, activated, wired, verified and handed to the timelock ({})\n",
        span(started.elapsed().as_secs())
    ));
    story.play_tale(tale).await?;

    let svg = story.certificate().await?;
    let alone = options.stories.0.len() == 1;
    let path = if alone { options.certificate.clone() } else { named(&options.certificate, tale) };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    write_atomically(&path, &svg)?;
    tell(&format!("\nThe certificate of policy #{} is in {}\n", story.policy, path.display()));
    let took = started.elapsed().as_secs();
    if alone {
        tell(&solvency_table(&story.solvency().await?, 6).to_string());
        tell(&table_of(&story.measured).to_string());
        tell(&format!("The story took {}.", span(took)));
    }
    Ok(Played { tale, transactions: story.measured.len(), paid: money(story.paid), took })
}

/// The path with the story's name before its extension.
fn named(path: &Path, tale: Tale) -> PathBuf {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}-{tale}{extension}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_of_several_stories_have_their_names() {
        let named = |path: &str| named(Path::new(path), Tale::Bridge).display().to_string();
        assert_eq!(named("build/certificate.svg"), "build/certificate-bridge.svg");
        assert_eq!(named("certificate"), "certificate-bridge");
    }
}
