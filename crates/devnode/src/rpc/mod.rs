//! JSON-RPC: the methods, and the server that carries them.

mod accounts;
mod connection;
mod debug;
mod dev;
mod error;
mod eth;
mod filters;
mod hosts;
mod params;
mod server;
mod subscriptions;
mod types;

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use serde_json::Value;

pub use error::RpcError;
pub use server::{Handle, ServeError, serve, serve_node};

use crate::chain::Node;
use filters::Filters;
use params::Params;

type Answer = Result<Value, RpcError>;

/// The methods over one chain. Usable without a server: [`Api::request`] answers as the server would.
#[derive(Debug)]
pub struct Api {
    node: Arc<Node>,
    filters: Mutex<Filters>,
}

impl Api {
    /// The methods over `node`.
    pub fn new(node: Arc<Node>) -> Self {
        // Without a thread, blocks are not made by the clock: all else works, and setting the interval tells why.
        let _ = node.start_timer();
        Self { node, filters: Mutex::default() }
    }

    /// The chain.
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    fn filters(&self) -> MutexGuard<'_, Filters> {
        self.filters.lock()
    }

    /// Names of all methods.
    pub fn methods() -> impl Iterator<Item = &'static str> {
        METHODS.iter().map(|(name, ..)| *name)
    }

    /// Answers one request. `params` is the array of arguments, or null.
    ///
    /// # Errors
    ///
    /// What a client would be told.
    pub fn request(&self, method: &str, params: Value) -> Result<Value, RpcError> {
        let found = METHODS.iter().find(|(name, ..)| *name == method);
        let (_, least, most, answer) = found.ok_or_else(|| RpcError::unknown_method(method))?;
        let params = Params::new(params)?;
        params.expect(*least, *most)?;
        answer(self, &params)
    }
}

/// Name, least and most arguments, and what answers.
type Method = (&'static str, usize, usize, fn(&Api, &Params) -> Answer);

const METHODS: &[Method] = &[
    ("eth_accounts", 0, 0, accounts::accounts),
    ("eth_blockNumber", 0, 0, eth::block_number),
    ("eth_call", 1, 4, eth::call),
    ("eth_chainId", 0, 0, eth::chain_id),
    ("eth_coinbase", 0, 0, eth::coinbase),
    ("eth_createAccessList", 1, 3, eth::create_access_list),
    ("eth_estimateGas", 1, 4, eth::estimate_gas),
    ("eth_feeHistory", 2, 3, eth::fee_history),
    ("eth_gasPrice", 0, 0, eth::gas_price),
    ("eth_getBalance", 1, 2, eth::balance),
    ("eth_getBlockByHash", 1, 2, eth::block_by_hash),
    ("eth_getBlockByNumber", 1, 2, eth::block_by_number),
    ("eth_getBlockReceipts", 1, 1, eth::block_receipts),
    ("eth_getBlockTransactionCountByHash", 1, 1, eth::transaction_count_by_hash),
    ("eth_getBlockTransactionCountByNumber", 1, 1, eth::transaction_count_by_number),
    ("eth_getCode", 1, 2, eth::code),
    ("eth_getFilterChanges", 1, 1, eth::filter_changes),
    ("eth_getFilterLogs", 1, 1, eth::filter_logs),
    ("eth_getLogs", 1, 1, eth::logs),
    ("eth_getProof", 0, 3, debug::no_proof),
    ("eth_getRawTransactionByHash", 1, 1, eth::raw_transaction),
    ("eth_getStorageAt", 2, 3, eth::storage_at),
    ("eth_getTransactionByBlockHashAndIndex", 2, 2, eth::transaction_by_hash_and_index),
    ("eth_getTransactionByBlockNumberAndIndex", 2, 2, eth::transaction_by_number_and_index),
    ("eth_getTransactionByHash", 1, 1, eth::transaction_by_hash),
    ("eth_getTransactionCount", 1, 2, eth::transaction_count),
    ("eth_getTransactionReceipt", 1, 1, eth::receipt),
    ("eth_getUncleCountByBlockHash", 1, 1, eth::uncle_count_by_hash),
    ("eth_getUncleCountByBlockNumber", 1, 1, eth::uncle_count_by_number),
    ("eth_hashrate", 0, 0, eth::none),
    ("eth_maxPriorityFeePerGas", 0, 0, eth::priority_fee),
    ("eth_mining", 0, 0, eth::no),
    ("eth_newBlockFilter", 0, 0, eth::new_block_filter),
    ("eth_newFilter", 1, 1, eth::new_filter),
    ("eth_newPendingTransactionFilter", 0, 1, eth::new_pending_transaction_filter),
    ("eth_pendingTransactions", 0, 0, accounts::pending_transactions),
    ("eth_sendRawTransaction", 1, 1, eth::send_raw_transaction),
    ("eth_sendRawTransactionSync", 1, 2, accounts::send_raw_transaction_sync),
    ("eth_sendTransaction", 1, 1, accounts::send_transaction),
    ("eth_sendTransactionSync", 1, 2, accounts::send_transaction_sync),
    ("eth_sign", 2, 2, accounts::sign),
    ("eth_signTransaction", 1, 1, accounts::sign_transaction),
    ("eth_signTypedData", 2, 2, accounts::sign_typed_data),
    ("eth_signTypedData_v4", 2, 2, accounts::sign_typed_data),
    ("eth_subscribe", 0, 2, eth::subscribe),
    ("eth_syncing", 0, 0, eth::no),
    ("eth_uninstallFilter", 1, 1, eth::uninstall_filter),
    ("eth_unsubscribe", 0, 1, eth::subscribe),
    ("net_listening", 0, 0, eth::net_listening),
    ("net_peerCount", 0, 0, eth::none),
    ("net_version", 0, 0, eth::net_version),
    ("personal_sign", 2, 3, accounts::personal_sign),
    ("web3_clientVersion", 0, 0, eth::client_version),
    ("web3_sha3", 1, 1, eth::sha3),
    ("debug_getRawBlock", 1, 1, debug::raw_block),
    ("debug_getRawHeader", 1, 1, debug::raw_header),
    ("debug_getRawReceipts", 1, 1, debug::raw_receipts),
    ("debug_getRawTransaction", 1, 1, eth::raw_transaction),
    ("debug_storageRangeAt", 0, 5, debug::no_storage_range),
    ("debug_traceBlock", 1, 2, debug::trace_block_by_bytes),
    ("debug_traceBlockByHash", 1, 2, debug::trace_block_by_hash),
    ("debug_traceBlockByNumber", 1, 2, debug::trace_block_by_number),
    ("debug_traceCall", 1, 3, debug::trace_call),
    ("debug_traceTransaction", 1, 2, debug::trace_transaction),
    ("devnode_activate", 1, 1, dev::activate),
    ("devnode_profile", 1, 1, debug::profile),
    ("devnode_setL1BlockNumber", 1, 1, dev::set_l1_number),
    ("evm_getAutomine", 0, 0, dev::automine),
    ("evm_increaseTime", 1, 1, dev::increase_time),
    ("evm_mine", 0, 1, dev::evm_mine),
    ("evm_revert", 1, 1, dev::revert),
    ("evm_setAccountBalance", 2, 2, dev::set_balance),
    ("evm_setAccountCode", 2, 2, dev::set_code),
    ("evm_setAccountNonce", 2, 2, dev::set_nonce),
    ("evm_setAccountStorageAt", 3, 3, dev::set_storage_at),
    ("evm_setAutomine", 1, 1, dev::set_automine),
    ("evm_setIntervalMining", 1, 1, dev::set_interval_loosely),
    ("evm_setNextBlockTimestamp", 1, 1, dev::set_next_timestamp),
    ("evm_setTime", 1, 1, dev::set_time),
    ("evm_snapshot", 0, 0, dev::snapshot),
    ("anvil_autoImpersonateAccount", 1, 1, accounts::impersonate_all),
    ("anvil_dropAllTransactions", 0, 0, dev::drop_all_transactions),
    ("anvil_dropTransaction", 1, 1, dev::drop_transaction),
    ("anvil_dumpState", 0, 1, dev::dump_state),
    ("anvil_getAutomine", 0, 0, dev::automine),
    ("anvil_getIntervalMining", 0, 0, dev::interval),
    ("anvil_impersonateAccount", 1, 1, accounts::impersonate),
    ("anvil_increaseTime", 1, 1, dev::increase_time),
    ("anvil_loadState", 1, 1, dev::load_state),
    ("anvil_metadata", 0, 0, dev::metadata),
    ("anvil_mine", 0, 2, dev::mine),
    ("anvil_nodeInfo", 0, 0, dev::node_info),
    ("anvil_removeBlockTimestampInterval", 0, 0, dev::remove_step),
    ("anvil_removePoolTransactions", 1, 1, dev::drop_transactions_of),
    ("anvil_reset", 0, 1, dev::reset),
    ("anvil_revert", 1, 1, dev::revert),
    ("anvil_setAutomine", 1, 1, dev::set_automine),
    ("anvil_setBalance", 2, 2, dev::set_balance),
    ("anvil_setBlockTimestampInterval", 1, 1, dev::set_step),
    ("anvil_setChainId", 1, 1, dev::set_chain_id),
    ("anvil_setCode", 2, 2, dev::set_code),
    ("anvil_setCoinbase", 1, 1, dev::set_coinbase),
    ("anvil_setIntervalMining", 1, 1, dev::set_interval),
    ("anvil_setNextBlockBaseFeePerGas", 1, 1, dev::set_base_fee),
    ("anvil_setNextBlockTimestamp", 1, 1, dev::set_next_timestamp),
    ("anvil_setNonce", 2, 2, dev::set_nonce),
    ("anvil_setStorageAt", 3, 3, dev::set_storage_at),
    ("anvil_setTime", 1, 1, dev::set_time),
    ("anvil_snapshot", 0, 0, dev::snapshot),
    ("anvil_stopImpersonatingAccount", 1, 1, accounts::stop_impersonating),
    ("hardhat_dropTransaction", 1, 1, dev::drop_transaction),
    ("hardhat_dumpState", 0, 1, dev::dump_state),
    ("hardhat_getAutomine", 0, 0, dev::automine),
    ("hardhat_impersonateAccount", 1, 1, accounts::impersonate),
    ("hardhat_loadState", 1, 1, dev::load_state),
    ("hardhat_metadata", 0, 0, dev::metadata),
    ("hardhat_mine", 0, 2, dev::mine),
    ("hardhat_reset", 0, 1, dev::reset),
    ("hardhat_setBalance", 2, 2, dev::set_balance),
    ("hardhat_setCode", 2, 2, dev::set_code),
    ("hardhat_setCoinbase", 1, 1, dev::set_coinbase),
    ("hardhat_setNextBlockBaseFeePerGas", 1, 1, dev::set_base_fee),
    ("hardhat_setNonce", 2, 2, dev::set_nonce),
    ("hardhat_setPrevRandao", 1, 1, dev::set_prevrandao),
    ("hardhat_setStorageAt", 3, 3, dev::set_storage_at),
    ("hardhat_stopImpersonatingAccount", 1, 1, accounts::stop_impersonating),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Names in backticks.
    fn quoted(text: &str) -> Vec<&str> {
        text.split('`').skip(1).step_by(2).collect()
    }

    #[test]
    fn the_readme_lists_the_methods_that_there_are() {
        let readme = include_str!("../../README.md");
        let (_, section) = readme.split_once("\n## Methods\n").expect("a section");
        let rows = section.lines().take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with("| `"));
        let mut listed = BTreeSet::new();
        for row in rows {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            for prefix in quoted(cells[1]) {
                listed.extend(quoted(cells[2]).into_iter().map(|name| format!("{prefix}{name}")));
            }
        }
        let there: BTreeSet<String> = METHODS.iter().map(|(name, ..)| (*name).to_owned()).collect();
        assert_eq!(there.difference(&listed).collect::<Vec<_>>(), Vec::<&String>::new(), "not listed");
        assert_eq!(listed.difference(&there).collect::<Vec<_>>(), Vec::<&String>::new(), "listed but not there");
        assert_eq!(there.len(), METHODS.len(), "each once");
    }
}
