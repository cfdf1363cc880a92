//! What can be set about a node.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use alloy_primitives::U256;

use crate::accounts::{DEV_ACCOUNTS, DevAccount};
use crate::rules::Rules;
use crate::wasm::Engine;

/// Settings of a node. [`Config::default`] is what `nitro --dev` is: chain 412346, ArbOS 51, base fee 0.1 gwei, L1 price 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Address that the server binds. One that others can reach is refused unless [`Self::allow_remote`] is set.
    pub host: IpAddr,
    /// Port that the server binds; 0 picks a free one.
    pub port: u16,
    /// Let the server be reached from other machines: everybody there commands the chain.
    pub allow_remote: bool,
    /// Names by which clients may reach the server, besides those of this machine: others are refused, lest a website
    /// commands the chain under a name that it lets point here. `*` stands for all.
    pub allowed_hosts: Vec<String>,
    /// Chain id.
    pub chain_id: u64,
    /// ArbOS version, one of [`Rules::VERSIONS`].
    pub arbos_version: u64,
    /// What runs programs.
    pub engine: Engine,
    /// Accounts that own [`Self::balance`] at genesis.
    pub accounts: Vec<DevAccount>,
    /// What each of them owns, in wei.
    pub balance: U256,
    /// Base fee of every block, in wei.
    pub base_fee: u64,
    /// Begin each block with Arbitrum's own transaction, so that users' transactions have index 1 as on a real chain.
    pub internal_tx: bool,
    /// Time of the first block in seconds since 1970; later ones follow the wall clock from there. `None`: now.
    pub timestamp: Option<u64>,
    /// Time from each block to the next, which takes the transactions that wait then. `None`: a block for each transaction,
    /// at once.
    pub block_time: Option<Duration>,
    /// Price of a unit of data on L1 in wei: 16 units are a byte of the compressed transaction. A development chain without
    /// L1 has 0.
    pub l1_price_per_unit: u64,
    /// L1 block number that contracts of the first block see as `block.number`. A development chain without L1 has 0.
    pub l1_block_number: u64,
    /// Seconds from one L1 block to the next, by the time of this chain's blocks; with 0 L1 stands still, as it does for
    /// a development chain without one.
    pub l1_block_time: u64,
    /// Largest code of an account, in bytes. Real chains have EIP-170's 24,576: more is for trying out programs that
    /// are still to be made smaller.
    pub code_size_limit: usize,
    /// Blocks whose state can still be read; older ones keep their headers, transactions and receipts.
    pub history: u64,
    /// Blocks that can be looked up at all, with their transactions and receipts: not fewer than [`Self::history`]. Each
    /// takes a few kilobytes of memory. Genesis is always kept.
    pub blocks: u64,
    /// File that keeps the chain beyond the life of its process. What is there is taken up: then [`Self::accounts`],
    /// [`Self::balance`] and [`Self::timestamp`], which make a fresh chain, do not count.
    pub state_file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 8547,
            allow_remote: false,
            allowed_hosts: Vec::new(),
            chain_id: 412_346,
            arbos_version: Rules::DEFAULT_VERSION,
            engine: Engine::default(),
            accounts: DEV_ACCOUNTS.to_vec(),
            balance: U256::from(1_000_000) * U256::from(10).pow(U256::from(18)),
            base_fee: 100_000_000,
            internal_tx: true,
            timestamp: None,
            block_time: None,
            l1_price_per_unit: 0,
            l1_block_number: 0,
            l1_block_time: 0,
            code_size_limit: 24_576,
            history: 10_000,
            blocks: u64::MAX,
            state_file: None,
        }
    }
}

impl Config {
    /// L1 block number that is known so many seconds after the first block.
    pub(crate) fn l1_number_after(&self, seconds: u64) -> u64 {
        self.l1_block_number.saturating_add(seconds.checked_div(self.l1_block_time).unwrap_or_default())
    }
}
