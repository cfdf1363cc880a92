//! `palisade gas`: what every operation of the story costs.

use clap::Args;
use ethers::signers::Signer;
use eyre::Result;
use serde_json::json;

use crate::{
    artefact::Builder,
    chain::{Chain, DEVELOPMENT_KEY, wallet},
    feed::Series,
    report::{Progress, Table, grouped},
    story::{Measured, Setting, Story},
    trace::{Anatomy, anatomy},
};

/// What others need for the same, measured on a Nitro node or on local EVMs: whole transactions, steady state.
const PEERS: &[(&str, u64, &str)] = &[
    ("deposit", 56_692, "OpenZeppelin ERC-4626"),
    ("request redemption", 236_900, "Cozy"),
    ("claim redemption", 57_657, "OpenZeppelin ERC-4626"),
    ("buy", 299_553, "Ensuro"),
    ("file", 184_304, "Ensuro, without verification"),
    ("delegate", 95_529, "OpenZeppelin"),
    ("propose", 74_929, "OpenZeppelin"),
    ("vote", 122_243, "OpenZeppelin, first"),
    ("queue", 145_846, "OpenZeppelin"),
    ("execute", 90_271, "OpenZeppelin"),
    ("expire", 140_884, "Ensuro"),
];

/// How to show the table.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// An array of {operation, gas, gas_uncached, floor, peer} with the first operation's gas, entries and new slots.
    #[arg(long)]
    json: bool,
    /// Largest code that the embedded node takes. Real chains have 24,576.
    #[arg(long, default_value_t = crate::artefact::SIZE_LIMIT, value_name = "BYTES")]
    code_size_limit: usize,
}

/// One operation: the second of its kind by the same user where there are two.
struct Row {
    operation: String,
    gas: u64,
    first: Option<u64>,
    uncached: u64,
    anatomy: Anatomy,
}

pub(crate) async fn run(options: Options) -> Result<()> {
    let progress = Progress::new(options.json);
    progress.now("the story with programs in the cache");
    let cached = measure(true, options.code_size_limit).await?;
    progress.now("the story with programs out of the cache");
    let uncached = measure(false, options.code_size_limit).await?;
    progress.done();

    let mut rows: Vec<Row> = Vec::new();
    for (measured, anatomy) in &cached {
        let gas = measured.gas;
        let Some(row) = rows.iter_mut().find(|row| row.operation == measured.operation) else {
            rows.push(Row { operation: measured.operation.clone(), gas, first: None, uncached: 0, anatomy: *anatomy });
            continue;
        };
        row.first.get_or_insert(row.gas);
        (row.gas, row.anatomy) = (gas, *anatomy);
    }
    for (measured, _) in &uncached {
        if let Some(row) = rows.iter_mut().find(|row| row.operation == measured.operation) {
            row.uncached = measured.gas;
        }
    }
    if options.json {
        let rows: Vec<_> = rows.iter().map(as_json).collect();
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        print!("{}", table(&rows));
        println!(
            "\nGas of whole transactions; first: where storage slots are new. The floor is what the work itself needs:"
        );
        println!(
            "intrinsic gas and calldata, entering each program, storage, logs, and the asset token's own execution."
        );
    }
    Ok(())
}

fn peer(operation: &str) -> Option<(u64, &'static str)> {
    PEERS.iter().find(|(name, _, _)| *name == operation).map(|(_, gas, who)| (*gas, *who))
}

fn as_json(row: &Row) -> serde_json::Value {
    json!({
        "operation": row.operation,
        "gas": row.gas,
        "gas_first": row.first,
        "gas_uncached": row.uncached,
        "floor": row.anatomy.floor,
        "entries": row.anatomy.entries,
        "new_slots": row.anatomy.new_slots,
        "peer": peer(&row.operation).map(|(gas, _)| gas),
        "peer_name": peer(&row.operation).map(|(_, who)| who),
    })
}

fn table(rows: &[Row]) -> Table {
    let headings =
        ["operation", ">gas", ">first", ">uncached", ">entries", ">new slots", ">floor", ">ratio", ">peer", "whose"];
    let mut table = Table::new(&headings);
    for row in rows {
        let peer = peer(&row.operation);
        let ratio = row.gas * 100 / row.anatomy.floor.max(1);
        table.row([
            row.operation.clone(),
            grouped(row.gas),
            row.first.map_or_else(String::new, grouped),
            grouped(row.uncached),
            row.anatomy.entries.to_string(),
            row.anatomy.new_slots.to_string(),
            grouped(row.anatomy.floor),
            format!("{}.{:02}", ratio / 100, ratio % 100),
            peer.map_or_else(String::new, |(gas, _)| grouped(gas)),
            peer.map_or_else(String::new, |(_, who)| who.to_owned()),
        ]);
    }
    table
}

/// The operations of a story as a short table.
pub(crate) fn table_of(measured: &[Measured]) -> Table {
    let mut table = Table::new(&["operation", ">times", ">gas, first", ">gas, last"]);
    let mut seen: Vec<&str> = Vec::new();
    for one in measured {
        if seen.contains(&one.operation.as_str()) {
            continue;
        }
        seen.push(&one.operation);
        let all: Vec<_> = measured.iter().filter(|other| other.operation == one.operation).collect();
        let last = all.last().map_or(one.gas, |last| last.gas);
        table.row([one.operation.clone(), all.len().to_string(), grouped(one.gas), grouped(last)]);
    }
    table
}

/// Plays the story and a second operation of each kind on a node of its own.
async fn measure(cache: bool, code_size_limit: usize) -> Result<Vec<(Measured, Anatomy)>> {
    let series = Series::turning_points();
    let start = series.points.first().map(|point| point.time - 10 * 86_400);
    let config = devnode::Config { port: 0, timestamp: start, code_size_limit, ..devnode::Config::default() };
    let node = devnode::serve(config).await?;
    let chain = Chain::connect(&node.url()).await?;
    let deployer = chain.client(wallet(DEVELOPMENT_KEY)?.with_chain_id(chain.id()));
    let folder = std::env::temp_dir().join(format!("palisade-gas-{}", std::process::id()));
    let ledger = folder.join("deployment.json");
    let setting = Setting {
        chain: chain.clone(),
        deployer: deployer.clone(),
        builder: Builder::find().with_limit(code_size_limit),
        ledger: &ledger,
        series,
        tell: |_| {},
        on_step: |_| {},
    };
    let mut story = Story::begin(setting).await?;
    if cache {
        story.cache_programs(&deployer).await?;
    }
    story.play().await?;
    story.again().await?;
    let mut measured = Vec::new();
    for one in &story.measured {
        measured.push((one.clone(), anatomy(&chain, &story.deployment, &one.receipt).await?));
    }
    node.stop().await;
    drop(std::fs::remove_dir_all(&folder)); // the chain is gone too
    Ok(measured)
}
