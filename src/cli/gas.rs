//! `palisade gas`: what every operation of the story costs.

use clap::Args;
use eyre::Result;
use serde_json::json;

use crate::{
    artefact::Builder,
    gas::{LIMITS, Limit, NEW_SLOTS_OF_A_PURCHASE, Row, Which, measure},
    report::{Progress, Table, grouped},
    story::Measured,
};

/// How to show the table.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// An object with two arrays: the operations, each with its gas (also of the first one, and with programs out of
    /// the cache), floor, entries, new slots and what others need; and the limits, each with what counts against it.
    #[arg(long)]
    json: bool,
    /// Largest code that the embedded node takes. Real chains have 24,576.
    #[arg(long, default_value_t = crate::artefact::SIZE_LIMIT, value_name = "BYTES")]
    code_size_limit: usize,
}

pub(crate) async fn run(options: Options) -> Result<()> {
    let progress = Progress::new(options.json);
    let builder = Builder::find();
    progress.now("the story with programs in the cache");
    let mut rows = measure(&builder, true, options.code_size_limit).await?;
    progress.now("the story with programs out of the cache");
    for row in measure(&builder, false, options.code_size_limit).await? {
        if let Some(same) = rows.iter_mut().find(|same| same.operation == row.operation) {
            same.uncached = Some(row.gas);
        }
    }
    progress.done();
    if options.json {
        let operations: Vec<_> = rows.iter().map(row_as_json).collect();
        let limits: Vec<_> = LIMITS.iter().map(|limit| limit_as_json(limit, &rows)).collect();
        println!("{}", serde_json::to_string_pretty(&json!({"operations": operations, "limits": limits}))?);
        return Ok(());
    }
    print!("{}", table(&rows));
    println!(
        "\nGas of whole transactions; first: where storage slots are new. The floor is what the work itself needs:"
    );
    println!(
        "intrinsic gas and calldata, entering each program, storage, logs, and the asset token's own execution. Theirs:"
    );
    println!("contracts in Solidity on the same node; noted: published code of peers on local EVMs.\n");
    print!("{}", limits(&rows));
    println!("\nA purchase counts without its trigger, and fills at most {NEW_SLOTS_OF_A_PURCHASE} new slots.");
    Ok(())
}

fn row_as_json(row: &Row) -> serde_json::Value {
    json!({
        "operation": row.operation,
        "gas": row.gas,
        "gas_first": row.first,
        "gas_uncached": row.uncached,
        "floor": row.anatomy.floor,
        "trigger": row.anatomy.trigger,
        "entries": row.anatomy.entries,
        "new_slots": row.anatomy.new_slots,
        "theirs": row.theirs.map(|theirs| theirs.gas),
        "theirs_first": row.theirs.and_then(|theirs| theirs.first),
        "whose": row.theirs.map(|theirs| theirs.whose),
    })
}

fn limit_as_json(limit: &Limit, rows: &[Row]) -> serde_json::Value {
    json!({
        "operation": limit.operation,
        "first": limit.which == Which::First,
        "limit": limit.gas,
        "measured": limit.measured(rows),
        "met": limit.is_met(rows),
    })
}

fn table(rows: &[Row]) -> Table {
    let headings = [
        "operation",
        ">gas",
        ">first",
        ">uncached",
        ">entries",
        ">new slots",
        ">floor",
        ">ratio",
        ">theirs",
        ">first",
        "whose",
    ];
    let mut table = Table::new(&headings);
    let optional = |gas: Option<u64>| gas.map_or_else(String::new, grouped);
    for row in rows {
        let ratio = row.gas * 100 / row.anatomy.floor.max(1);
        table.row([
            row.operation.clone(),
            grouped(row.gas),
            optional(row.first),
            optional(row.uncached),
            row.anatomy.entries.to_string(),
            row.anatomy.new_slots.to_string(),
            grouped(row.anatomy.floor),
            format!("{}.{:02}", ratio / 100, ratio % 100),
            optional(row.theirs.map(|theirs| theirs.gas)),
            optional(row.theirs.and_then(|theirs| theirs.first)),
            row.theirs.map_or_else(String::new, |theirs| theirs.whose.to_owned()),
        ]);
    }
    table
}

/// The limits, and whether they are met.
fn limits(rows: &[Row]) -> Table {
    let mut table = Table::new(&["limit", ">at most", ">measured", "met"]);
    for limit in LIMITS {
        let measured = limit.measured(rows);
        table.row([
            format!("{}{}", limit.operation, if limit.which == Which::First { ", the first" } else { "" }),
            grouped(limit.gas),
            measured.map_or_else(String::new, grouped),
            if limit.is_met(rows) { "yes" } else { "no" }.to_owned(),
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
