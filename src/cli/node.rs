//! `palisade node`: the embedded node in the foreground, with the options of the `devnode` command.

use eyre::Result;

pub(crate) async fn run(options: devnode::cli::Options) -> Result<()> {
    Ok(devnode::cli::run(options, "Palisade's embedded node").await?)
}
