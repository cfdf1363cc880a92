//! `palisade audit`: whether the deployment on the chain is what it should be.

use clap::Args;
use eyre::{Result, bail};
use serde_json::json;

use super::session::{Place, Session};
use crate::{
    artefact::Builder,
    audit::{Check, audit},
    report::Table,
};

/// What to show.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Every fact, not only those that do not hold.
    #[arg(long)]
    all: bool,
    /// An array of all facts for programs.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn run(options: Options) -> Result<()> {
    let session = Session::reader(&options.place).await?;
    let builder = Builder::find();
    let ledger = &session.deployment.ledger;
    let checks = audit(&session.chain, &session.client, ledger, Some(&builder)).await?;
    let wrong = checks.iter().filter(|check| !check.holds).count();
    if options.json {
        println!("{}", serde_json::to_string_pretty(&json!(checks))?);
    } else {
        let shown: Vec<_> = checks.iter().filter(|check| options.all || !check.holds).collect();
        if !shown.is_empty() {
            print!("{}", table(&shown));
        }
        let built = checks.iter().any(|check| check.what.starts_with("the build of"));
        let beside = if built { "" } else { " (there is no build to compare the code with: palisade build)" };
        println!("{} facts read, {} as they should be{beside}", checks.len(), checks.len() - wrong);
    }
    if wrong > 0 {
        bail!("{wrong} of {} facts are not as they should be", checks.len());
    }
    Ok(())
}

fn table(checks: &[&Check]) -> Table {
    let mut table = Table::new(&["", "about", "what", "found", "should be"]);
    for check in checks {
        table.row([
            if check.holds { "ok" } else { "WRONG" }.to_owned(),
            check.topic.to_string(),
            check.what.clone(),
            check.found.clone(),
            check.expected.clone(),
        ]);
    }
    table
}
