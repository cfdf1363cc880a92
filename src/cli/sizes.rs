//! `palisade sizes`: how large each program is and what a call of it costs before it does anything.

use clap::Args;
use eyre::Result;
use serde_json::json;

use crate::{
    artefact::{Builder, SIZE_LIMIT},
    report::{Table, grouped},
};

/// How to show the table.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// An array of {contract, bytes, wasm_bytes, init_gas, cached_gas}.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let artefacts = Builder::find().load_all()?;
    if options.json {
        let rows: Vec<_> = artefacts
            .iter()
            .map(|artefact| {
                json!({
                    "contract": artefact.name,
                    "bytes": artefact.bytes,
                    "wasm_bytes": artefact.wasm_bytes,
                    "init_gas": artefact.init_gas,
                    "cached_gas": artefact.cached_gas,
                })
            })
            .collect();
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    let mut table = Table::new(&["program", ">bytes", ">of the limit", ">wasm bytes", ">init gas", ">cached gas"]);
    for artefact in &artefacts {
        table.row([
            artefact.name.clone(),
            grouped(artefact.bytes as u64),
            format!("{} %", artefact.bytes * 100 / SIZE_LIMIT),
            grouped(artefact.wasm_bytes as u64),
            grouped(artefact.init_gas),
            grouped(artefact.cached_gas),
        ]);
    }
    print!("{table}");
    Ok(())
}
