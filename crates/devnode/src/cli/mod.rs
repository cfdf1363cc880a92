//! The command line: what the `devnode` binary is made of, for other binaries to offer the same.
//!
//! Results go to standard output, one JSON object a line with `--json`; errors are for the caller to print.

mod client;
mod console;
mod trace;
mod units;

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::U256;
use clap::Args;

pub use client::ClientError;
pub use trace::{TraceOptions, run as trace};

use crate::accounts::{DEFAULT_PATH, DEV_ACCOUNTS, DeriveError, TEST_MNEMONIC, derive};
use crate::chain::{DumpError, StateFileError};
use crate::rpc::ServeError;
use crate::wasm::Engine;
use crate::{Config, Node};
use console::Console;
use units::parse_ether;

/// How long clients have to take their answers when the node stops.
const FAREWELL: Duration = Duration::from_secs(2);
/// Accounts of a phrase that are funded if nothing else is said.
const DERIVED: u32 = 10;

/// What can be set about a node.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Options {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS", help_heading = "Server")]
    pub host: IpAddr,
    /// Port to listen on, for HTTP and WebSockets; 0 picks a free one.
    #[arg(long, default_value_t = 8547, help_heading = "Server")]
    pub port: u16,
    /// Let other machines reach the node. Whoever does commands the chain, and the accounts' keys are public.
    #[arg(long, help_heading = "Server")]
    pub allow_remote: bool,
    /// A name, other than those of this machine, by which clients may reach the node; may be given several times. `*`
    /// stands for all.
    #[arg(long, value_name = "NAME", help_heading = "Server")]
    pub allow_host: Vec<String>,
    /// Chain id.
    #[arg(long, default_value_t = 412_346, value_name = "ID", help_heading = "Chain")]
    pub chain_id: u64,
    /// ArbOS version: 40, 51 or 61.
    #[arg(long, default_value_t = crate::rules::Rules::DEFAULT_VERSION, value_name = "VERSION", help_heading = "Chain")]
    pub arbos: u64,
    /// What runs programs: interpreter or jit. Gas is the same; jit, in builds that have it, is faster where programs
    /// compute much.
    #[arg(long, default_value_t, value_name = "ENGINE", help_heading = "Chain")]
    pub engine: Engine,
    /// Base fee of every block, in wei.
    #[arg(long, default_value_t = 100_000_000, value_name = "WEI", help_heading = "Chain")]
    pub base_fee: u64,
    /// Time of the first block, in seconds since 1970; now if not given.
    #[arg(long, value_name = "SECONDS", help_heading = "Chain")]
    pub timestamp: Option<u64>,
    /// Leave out Arbitrum's own transaction at the start of each block.
    #[arg(long, help_heading = "Chain")]
    pub no_internal_tx: bool,
    /// Largest code of an account. Real chains have 24,576.
    #[arg(long, default_value_t = 24_576, value_name = "BYTES", help_heading = "Chain")]
    pub code_size_limit: usize,
    /// Blocks whose state can still be read.
    #[arg(long, default_value_t = 10_000, value_name = "BLOCKS", help_heading = "Chain")]
    pub history: u64,
    /// Blocks that can be looked up at all, with their transactions and receipts; all if not given.
    #[arg(long, value_name = "BLOCKS", help_heading = "Chain")]
    pub blocks: Option<u64>,
    /// Seconds from each block to the next, which takes the transactions that wait then; without it there is a block for
    /// each transaction, at once.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, help_heading = "Chain")]
    pub block_time: Option<Duration>,
    /// Price of a unit of data on L1, in wei: a byte of a compressed transaction is 16 units.
    #[arg(long, default_value_t = 0, value_name = "WEI", help_heading = "Chain")]
    pub l1_price: u64,
    /// Seconds from each L1 block to the next; 0 lets the L1 block number stay as it is.
    #[arg(long, default_value_t = 0, value_name = "SECONDS", help_heading = "Chain")]
    pub l1_block_time: u64,
    /// Not there: this node cannot fork other chains.
    #[arg(long, value_name = "URL", value_parser = refuse_fork, hide = true)]
    pub fork_url: Option<String>,
    /// Fund the accounts of this phrase, in the place of those that are published everywhere.
    #[arg(long, value_name = "WORDS", help_heading = "Accounts")]
    pub mnemonic: Option<String>,
    /// How many accounts of the phrase (of `test test … junk` if there is none) are funded.
    #[arg(long, value_name = "N", help_heading = "Accounts")]
    pub accounts: Option<u32>,
    /// What each of the funded accounts owns, in ETH.
    #[arg(long, default_value = "1000000", value_name = "ETH", value_parser = parse_ether, help_heading = "Accounts")]
    pub balance: U256,
    /// Keep the chain in this file, and take up the one that is there. Written within a second of every change.
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    pub state: Option<PathBuf>,
    /// Begin with the accounts in this file: JSON as anvil and --dump write it.
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    pub load: Option<PathBuf>,
    /// Write all accounts into this file at the end, as JSON.
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    pub dump: Option<PathBuf>,
    /// Print nothing.
    #[arg(long, short, conflicts_with = "json", help_heading = "Output")]
    pub quiet: bool,
    /// Print one JSON object a line: first the node, then each transaction.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

impl Options {
    /// The node's settings.
    ///
    /// # Errors
    ///
    /// Settings that no node can have.
    pub fn config(&self) -> Result<Config, CliError> {
        let accounts = match (&self.mnemonic, self.accounts) {
            (None, None) => DEV_ACCOUNTS.to_vec(),
            (None, Some(count)) => {
                let derived = derive(TEST_MNEMONIC, DEFAULT_PATH, count)?;
                [&DEV_ACCOUNTS[..1], &derived].concat()
            }
            (Some(phrase), count) => derive(phrase, DEFAULT_PATH, count.unwrap_or(DERIVED))?,
        };
        Ok(Config {
            accounts,
            block_time: self.block_time,
            l1_price_per_unit: self.l1_price,
            host: self.host,
            port: self.port,
            allow_remote: self.allow_remote,
            allowed_hosts: self.allow_host.clone(),
            chain_id: self.chain_id,
            arbos_version: self.arbos,
            engine: self.engine,
            balance: self.balance,
            base_fee: self.base_fee,
            internal_tx: !self.no_internal_tx,
            timestamp: self.timestamp,
            code_size_limit: self.code_size_limit,
            history: self.history,
            blocks: self.blocks.unwrap_or(u64::MAX),
            l1_block_time: self.l1_block_time,
            state_file: self.state.clone(),
            ..Config::default()
        })
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The node cannot be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The phrase gives no accounts.
    #[error(transparent)]
    Accounts(#[from] DeriveError),
    /// A file of accounts is none.
    #[error("cannot load {path}: {error}")]
    Load {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: DumpError,
    },
    /// A file cannot be read or written.
    #[error("cannot {action} {path}: {error}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The end of the chain did not reach its file.
    #[error(transparent)]
    Save(#[from] StateFileError),
    /// The system does not tell when to stop.
    #[error("cannot wait for signals: {0}")]
    Signals(io::Error),
    /// Another node does not answer as it should.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl CliError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |error| Self::Io { action, path, error }
    }
}

/// Serves a node until Ctrl-C or SIGTERM. `title` is what it is called.
///
/// # Errors
///
/// It cannot begin, or what is to be kept cannot be written at the end.
pub async fn run(options: Options, title: &str) -> Result<(), CliError> {
    // From here on a signal ends the node in order, also while it begins.
    let mut stop = Stop::new().map_err(CliError::Signals)?;
    let node = Arc::new(Node::new(options.config()?).map_err(ServeError::from)?);
    if let Some(path) = &options.load {
        let dump = fs::read(path).map_err(CliError::io("read", path))?;
        node.load(&dump).map_err(|error| CliError::Load { path: path.clone(), error })?;
    }
    let server = crate::rpc::serve_node(node.clone()).await?;
    let console = Console::of(&options);
    // Before it says where it listens: who reads that may send the first transaction at once.
    let watch = console.watch(&node);
    console.start(title, &node, server.address());
    let mut failure = None;
    loop {
        tokio::select! {
            () = stop.requested() => break,
            () = tokio::time::sleep(Duration::from_secs(1)) => {
                let now = node.save_failure();
                if let Some(problem) = now.as_ref().filter(|_| now != failure) {
                    eprintln!("warning: {problem}; what happens now is lost unless that ends");
                }
                failure = now;
            }
        }
    }
    // Clients that do not hang up are left.
    let _ = tokio::time::timeout(FAREWELL, server.stop()).await;
    drop(watch);
    let saved = node.save();
    if let Some(path) = &options.dump {
        fs::write(path, format!("{}\n", node.dump())).map_err(CliError::io("write", path))?;
    }
    Ok(saved?)
}

/// Signals that ask to stop.
struct Stop {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    #[cfg(unix)]
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    #[cfg(not(unix))]
    fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(unix)]
    async fn requested(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn requested(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("{text} is no number of seconds"))?;
    let time = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
    if time < Duration::from_millis(1) { Err("at least a thousandth of a second".to_owned()) } else { Ok(time) }
}

fn refuse_fork(_: &str) -> Result<String, String> {
    Err("this node does not fork other chains; --load takes accounts from a file".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        options: Options,
    }

    fn parse(args: &[&str]) -> Result<Options, clap::Error> {
        Cli::try_parse_from([&["devnode"], args].concat()).map(|cli| cli.options)
    }

    #[test]
    fn without_arguments_a_node_is_the_default_one() {
        assert_eq!(parse(&[]).expect("no arguments").config().expect("possible"), Config::default());
    }

    #[test]
    fn every_argument_is_explained() {
        for argument in Cli::command().get_arguments() {
            assert!(argument.get_help().is_some(), "{}", argument.get_id());
        }
    }

    #[test]
    fn accounts_come_from_a_phrase() {
        let accounts = |args: &[&str]| parse(args).expect("arguments").config().expect("possible").accounts;
        assert_eq!(accounts(&["--accounts", "3"]), DEV_ACCOUNTS[..4], "Nitro's own and three of the phrase");
        assert_eq!(accounts(&["--mnemonic", TEST_MNEMONIC, "--accounts", "2"]), DEV_ACCOUNTS[1..3]);
        assert_eq!(accounts(&["--mnemonic", TEST_MNEMONIC]), DEV_ACCOUNTS[1..]);
        let refused = parse(&["--mnemonic", "test junk"]).expect("arguments").config().expect_err("no phrase");
        assert!(refused.to_string().starts_with("not a mnemonic phrase"), "{refused}");
    }

    #[test]
    fn a_time_between_blocks_is_a_number_of_seconds() {
        let time = |text| parse(&["--block-time", text]).map(|options| options.block_time);
        assert_eq!(time("0.25").expect("a number"), Some(Duration::from_millis(250)));
        for wrong in ["0", "-1", "soon", "inf", "1e300", "NaN"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_engine_is_one_that_is_built_in() {
        let engine = |name| parse(&["--engine", name]).map(|options| options.engine).map_err(|error| error.to_string());
        assert_eq!(engine("interpreter"), Ok(Engine::Interpreter));
        if cfg!(feature = "jit") {
            assert!(engine("jit").is_ok());
        } else {
            let refused = engine("jit").expect_err("it is not built in");
            assert!(refused.contains("this build has no jit"), "{refused}");
        }
    }

    #[test]
    fn quiet_and_json_exclude_each_other() {
        assert!(parse(&["--quiet", "--json"]).is_err());
    }
}
