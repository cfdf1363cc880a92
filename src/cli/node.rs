//! `palisade node`: the embedded node in the foreground, with the options of the `devnode` command.

use clap::Args;
use eyre::Result;

/// What can be set about the node.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    node: devnode::cli::Options,
}

pub(crate) async fn run(options: Options) -> Result<()> {
    Ok(devnode::cli::run(options.node, "Palisade's embedded node").await?)
}
