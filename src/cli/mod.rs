//! The command line: `main` parses and dispatches here; each subcommand is a module with one `run`.
//!
//! Results go to standard output (`--json` where a program may read them), progress and errors to standard error,
//! one line an error that says what failed and what to do.

mod audit;
mod build;
mod claim;
mod cover;
mod demo;
mod deploy;
mod deposit;
mod gas;
mod governance;
mod jury;
mod keeper;
mod node;
mod policy;
mod propose;
mod redeem;
mod session;
mod sizes;
mod status;
mod vault;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use ethers::signers::{LocalWallet, Signer};
use eyre::{Result, WrapErr, eyre};

use crate::chain::{Chain, DEVELOPMENT_CHAIN, DEVELOPMENT_KEY, Error, wallet};

/// Palisade: decentralised insurance for DeFi on Arbitrum.
#[derive(Debug, Parser)]
#[command(name = "palisade", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the embedded Nitro-compatible node with funded accounts.
    Node(Box<devnode::cli::Options>),
    /// Build the contracts into programs that go on chain.
    Build(build::Options),
    /// Show the size of every built program and what a call of it costs.
    Sizes(sizes::Options),
    /// Deploy, wire and configure the protocol, and hand it to its timelock. Goes on where it was interrupted.
    Deploy(deploy::Options),
    /// Deploy a further vault over a deployment's books, and tell what the DAO has to do before business goes to it.
    AddVault(vault::Options),
    /// Prove by what the chain says that a deployment is what it should be: code, owners, roles, wiring, parameters.
    Audit(audit::Options),
    /// Show a deployment's ability to pay, products and prices.
    Status(status::Options),
    /// Pay capital into the pool and get shares of it.
    Deposit(deposit::Options),
    /// Leave the pool: ask, take back, take what was served.
    Redeem(redeem::Options),
    /// Tell what a cover costs and why.
    Quote(cover::QuoteOptions),
    /// Buy a cover and get its certificate.
    Buy(cover::BuyOptions),
    /// List the policies that an account holds.
    Policies(policy::ListOptions),
    /// Let a policy go on after its end, at today's price.
    Extend(policy::ExtendOptions),
    /// End a policy early and get back what its cover has not used.
    Cancel(policy::CancelOptions),
    /// List the incidents that were reported.
    Incidents(claim::ListOptions),
    /// Show a trigger what happened, and have the pool reserve for it.
    Report(claim::ReportOptions),
    /// Claim on a policy: what its trigger confirms is paid.
    File(claim::FileOptions),
    /// Challenge a claim that waits: a jury decides.
    Challenge(claim::ChallengeOptions),
    /// Go on with a claim that waited: pay it, if nothing speaks against it any more.
    Settle(claim::SettleOptions),
    /// Give back what was won back after a payout.
    Recover(claim::RecoverOptions),
    /// Serve as a juror: stake, seal a vote, show it, take what it earned.
    Jury(jury::Options),
    /// Let PALI vote: through oneself, or through somebody else.
    Delegate(governance::DelegateOptions),
    /// Put a proposal to the DAO, made from a template, after a look at what it would do.
    Propose(Box<propose::Options>),
    /// List what was proposed to the DAO, and what is next.
    Proposals(governance::ListOptions),
    /// Vote on a proposal of the DAO's.
    Vote(governance::VoteOptions),
    /// Queue a proposal that has won in the timelock.
    Queue(governance::QueueOptions),
    /// Execute a proposal that has waited in the timelock.
    Execute(governance::ExecuteOptions),
    /// Prove incidents and do what is due, until it is stopped.
    Keeper(keeper::Options),
    /// Play a story: capital, a cover, what it is for, a claim, an exit, a vote.
    Demo(demo::Options),
    /// Measure the gas of every operation of the story, with cached and uncached programs.
    Gas(gas::Options),
}

/// Runs the command that the arguments ask for.
///
/// # Errors
/// What the command failed with.
pub async fn run() -> Result<()> {
    match Cli::parse().command {
        Command::Node(options) => node::run(*options).await,
        Command::Build(options) => build::run(&options),
        Command::Sizes(options) => sizes::run(&options),
        Command::Deploy(options) => deploy::run(options).await,
        Command::AddVault(options) => vault::run(options).await,
        Command::Audit(options) => audit::run(options).await,
        Command::Status(options) => status::run(options).await,
        Command::Deposit(options) => deposit::run(options).await,
        Command::Redeem(options) => redeem::run(options).await,
        Command::Quote(options) => cover::quote(options).await,
        Command::Buy(options) => cover::buy(options).await,
        Command::Policies(options) => policy::list(options).await,
        Command::Extend(options) => policy::extend(options).await,
        Command::Cancel(options) => policy::cancel(options).await,
        Command::Incidents(options) => claim::list(options).await,
        Command::Report(options) => claim::report(options).await,
        Command::File(options) => claim::file(options).await,
        Command::Challenge(options) => claim::challenge(options).await,
        Command::Settle(options) => claim::settle(options).await,
        Command::Recover(options) => claim::recover(options).await,
        Command::Jury(options) => jury::run(options).await,
        Command::Delegate(options) => governance::delegate(options).await,
        Command::Propose(options) => propose::run(*options).await,
        Command::Proposals(options) => governance::list(options).await,
        Command::Vote(options) => governance::vote(options).await,
        Command::Queue(options) => governance::queue(options).await,
        Command::Execute(options) => governance::execute(options).await,
        Command::Keeper(options) => keeper::run(options).await,
        Command::Demo(options) => demo::run(options).await,
        Command::Gas(options) => gas::run(options).await,
    }
}

/// Where the chain is and who signs.
#[derive(Clone, Debug, Args)]
pub(crate) struct Connection {
    /// The chain's JSON-RPC.
    #[arg(long, global = true, env = "PALISADE_RPC_URL", default_value = "http://127.0.0.1:8547", value_name = "URL")]
    rpc: String,
    /// Refuse to work on another chain than this.
    #[arg(long, global = true, value_name = "ID")]
    chain_id: Option<u64>,
    /// An encrypted keystore file (its password: PALISADE_PASSWORD). Without one the key is taken from PALISADE_KEY;
    /// on a development chain the public development key serves.
    #[arg(long, global = true, value_name = "FILE")]
    keystore: Option<PathBuf>,
}

impl Connection {
    /// Connects to the chain.
    pub(crate) async fn chain(&self) -> Result<Chain> {
        let chain = Chain::connect(&self.rpc).await?;
        match self.chain_id {
            Some(expected) if expected != chain.id() => {
                Err(Error::WrongChain { url: self.rpc.clone(), expected, actual: chain.id() }.into())
            }
            _ => Ok(chain),
        }
    }

    /// Who signs on `chain`.
    pub(crate) fn signer(&self, chain: &Chain) -> Result<LocalWallet> {
        if let Some(path) = &self.keystore {
            let password = std::env::var("PALISADE_PASSWORD")
                .map_err(|_| eyre!("set PALISADE_PASSWORD to open the keystore {}", path.display()))?;
            return LocalWallet::decrypt_keystore(path, password)
                .map(|wallet| wallet.with_chain_id(chain.id()))
                .wrap_err_with(|| format!("the keystore {} cannot be opened", path.display()));
        }
        match std::env::var("PALISADE_KEY") {
            Ok(key) => Ok(wallet(&key)?),
            Err(_) if chain.id() == DEVELOPMENT_CHAIN => Ok(wallet(DEVELOPMENT_KEY)?),
            Err(_) => Err(eyre!("no key for chain {}: set PALISADE_KEY or give --keystore FILE", chain.id())),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_has_options_that_go_together() {
        Cli::command().debug_assert();
    }
}
