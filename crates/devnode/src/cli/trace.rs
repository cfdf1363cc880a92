//! `trace`: what a transaction's programs asked of their host, and where the gas went.

use alloy_primitives::B256;
use clap::Args;
use serde_json::json;

use super::CliError;
use super::client::{ClientError, ask};
use crate::profile::Profile;

/// Which transaction to show.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct TraceOptions {
    /// Hash of the transaction.
    pub hash: B256,
    /// The devnode that has it.
    #[arg(long, default_value = "http://127.0.0.1:8547", value_name = "URL")]
    pub rpc: String,
}

/// Prints the profile of a transaction.
///
/// # Errors
///
/// The node cannot be asked, or does not have the transaction.
pub fn run(options: &TraceOptions) -> Result<(), CliError> {
    let profile = ask(&options.rpc, "devnode_profile", json!([options.hash.to_string()]))?;
    let profile: Profile = serde_json::from_value(profile)
        .map_err(|error| ClientError::Foreign(options.rpc.clone(), error.to_string()))?;
    print!("{profile}");
    Ok(())
}
