//! Makes the table of yearly losses and exposures by cover type, its part of docs/pricing.md and its plot, from
//! recorded losses, values locked and prices: `cargo run -p actuary --example history -- [FOLDER]`. The folder is
//! `PALISADE_DATA` or `../shared/data` where none is given. With `--plot` only the page and the plot are made, from the
//! table as it is: the second of two runs, since the first one's program has the old table in it.

mod data;
mod page;
mod plot;
mod tally;

use std::{fs, process::ExitCode};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("history: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let argument = std::env::args().nth(1);
    let root = data::workspace();
    let write = |path: &str, text: String| fs::write(root.join(path), text).map_err(|error| format!("{path}: {error}"));
    if argument.as_deref() != Some("--plot") {
        let table = tally::source(&tally::tally(&data::folder(argument)?)?);
        if table != include_str!("../../src/history/table.rs") {
            write("crates/actuary/src/history/table.rs", table)?;
            println!("The table has changed. Run again with --plot for its page and its plot.");
            return Ok(());
        }
    }
    let path = "docs/pricing.md";
    let page = fs::read_to_string(root.join(path)).map_err(|error| format!("{path}: {error}"))?;
    write(path, page::renewed(&page)?)?;
    write("docs/history.svg", plot::picture())
}
