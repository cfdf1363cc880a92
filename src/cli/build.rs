//! `palisade build`: contracts into programs.

use clap::Args;
use eyre::Result;

use crate::{
    artefact::{Builder, SIZE_LIMIT},
    report::{Progress, grouped},
};

/// How to build.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Keep programs up to this size too: only a development chain that is told so takes them.
    #[arg(long, default_value_t = SIZE_LIMIT, value_name = "BYTES")]
    code_size_limit: usize,
    /// Print nothing but errors.
    #[arg(long, short)]
    quiet: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let builder = Builder::find().with_limit(options.code_size_limit);
    let progress = Progress::new(options.quiet);
    let mut built = 0;
    let artefacts = builder.build(|program| {
        built += 1;
        progress.now(&format!("building {}", program.name));
    })?;
    progress.done();
    if !options.quiet {
        let largest = artefacts.iter().max_by_key(|artefact| artefact.bytes);
        let total = artefacts.len();
        println!("{total} programs, {built} of them built anew; build/contracts holds them");
        if let Some(largest) = largest {
            let (bytes, limit) = (grouped(largest.bytes as u64), grouped(options.code_size_limit as u64));
            println!("the largest is {} with {bytes} of {limit} bytes", largest.name);
        }
    }
    Ok(())
}
