//! `eth_*`, `net_*` and `web3_*`.

use alloy_primitives::{U256, keccak256};
use serde_json::{Value, json};

use super::error::{RpcError, output};
use super::filters::Filter;
use super::params::Params;
use super::types::{self, bytes, quantity};
use super::{Answer, Api};
use crate::chain::{Block, BlockRef, LogFilter};
use crate::evm::{BlockContext, Options};

/// Most blocks of `eth_feeHistory`.
const MAX_FEE_HISTORY: u64 = 1_024;
/// Gas that ArbOS calls full for a second of blocks: the speed limit.
const SPEED_LIMIT: u64 = 7_000_000;

/// Name and version of this node: first the one that tools look for, then its own.
pub(super) const VERSION: &str = concat!("nitro/devnode-v", env!("CARGO_PKG_VERSION"));

pub(super) fn client_version(_: &Api, _: &Params) -> Answer {
    Ok(json!(VERSION))
}

pub(super) fn sha3(_: &Api, params: &Params) -> Answer {
    Ok(bytes(keccak256(params.bytes(0)?)))
}

pub(super) fn net_version(api: &Api, _: &Params) -> Answer {
    Ok(Value::String(api.node().config().chain_id.to_string()))
}

pub(super) fn net_listening(_: &Api, _: &Params) -> Answer {
    Ok(json!(true))
}

/// Peers, uncles, hash rate: there are none.
pub(super) fn none(_: &Api, _: &Params) -> Answer {
    Ok(json!("0x0"))
}

/// Syncing, mining: never.
pub(super) fn no(_: &Api, _: &Params) -> Answer {
    Ok(json!(false))
}

pub(super) fn chain_id(api: &Api, _: &Params) -> Answer {
    Ok(quantity(api.node().config().chain_id))
}

pub(super) fn block_number(api: &Api, _: &Params) -> Answer {
    Ok(quantity(api.node().block_number()))
}

/// The batch poster, who makes every block.
pub(super) fn coinbase(_: &Api, _: &Params) -> Answer {
    Ok(bytes(BlockContext::COINBASE))
}

pub(super) fn gas_price(api: &Api, _: &Params) -> Answer {
    Ok(quantity(api.node().base_fee()))
}

/// Tips are dropped.
pub(super) fn priority_fee(_: &Api, _: &Params) -> Answer {
    Ok(json!("0x0"))
}

pub(super) fn fee_history(api: &Api, params: &Params) -> Answer {
    let newest =
        api.node().block(&params.block(1, BlockRef::Latest)?).ok_or_else(|| RpcError::new("header not found"))?;
    let percentiles = params.percentiles(2)?;
    let last = newest.header.number;
    let count = params.number(0)?.min(MAX_FEE_HISTORY).min(last + 1);
    if count == 0 {
        return Ok(json!({ "oldestBlock": "0x0", "gasUsedRatio": [] }));
    }
    let oldest = last + 1 - count;
    let block = |number| api.node().block(&BlockRef::Number(number)).ok_or_else(|| RpcError::new("header not found"));
    let mut previous = oldest.checked_sub(1).map(block).transpose()?.map(|parent| parent.header.timestamp);
    let mut ratios = Vec::new();
    let mut base_fees = Vec::new();
    for number in oldest..=last {
        let Block { header, .. } = &*block(number)?;
        let capacity = header.timestamp.saturating_sub(previous.unwrap_or_default()).saturating_mul(SPEED_LIMIT);
        ratios.push(if header.gas_used >= capacity { 1.0 } else { header.gas_used as f64 / capacity as f64 });
        base_fees.push(quantity(header.base_fee_per_gas.unwrap_or_default()));
        previous = Some(header.timestamp);
    }
    base_fees.push(match api.node().block(&BlockRef::Number(last + 1)) {
        Some(next) => quantity(next.header.base_fee_per_gas.unwrap_or_default()),
        None => quantity(api.node().base_fee()),
    });
    let mut history = json!({ "oldestBlock": quantity(oldest), "baseFeePerGas": base_fees, "gasUsedRatio": ratios });
    if !percentiles.is_empty() {
        history["reward"] = json!(vec![vec!["0x0"; percentiles.len()]; count as usize]);
    }
    Ok(history)
}

pub(super) fn balance(api: &Api, params: &Params) -> Answer {
    let address = params.address(0)?;
    Ok(quantity(api.node().read(&params.block(1, BlockRef::Latest)?, |state| state.balance(address))?))
}

pub(super) fn code(api: &Api, params: &Params) -> Answer {
    let address = params.address(0)?;
    Ok(bytes(api.node().read(&params.block(1, BlockRef::Latest)?, |state| state.code(address))?))
}

pub(super) fn storage_at(api: &Api, params: &Params) -> Answer {
    let (address, slot) = (params.address(0)?, params.slot(1)?);
    let value = api.node().read(&params.block(2, BlockRef::Latest)?, |state| state.slot(address, slot))?;
    Ok(bytes(value.to_be_bytes::<32>()))
}

pub(super) fn transaction_count(api: &Api, params: &Params) -> Answer {
    let (address, block) = (params.address(0)?, params.block(1, BlockRef::Latest)?);
    match block {
        BlockRef::Pending => Ok(quantity(api.node().pending_nonce(address))),
        block => Ok(quantity(api.node().read(&block, |state| state.nonce(address))?)),
    }
}

/// What `found` makes of a block, or null where there is none.
fn of_block(api: &Api, block: BlockRef, found: impl FnOnce(&Block) -> Value) -> Answer {
    Ok(api.node().block(&block).map_or(Value::Null, |block| found(&block)))
}

fn number(params: &Params) -> Result<BlockRef, RpcError> {
    params.block(0, BlockRef::Latest)
}

fn hash(params: &Params) -> Result<BlockRef, RpcError> {
    params.hash(0).map(BlockRef::Hash)
}

pub(super) fn block_by_number(api: &Api, params: &Params) -> Answer {
    let full = params.flag(1)?;
    of_block(api, number(params)?, |block| types::block(block, full))
}

pub(super) fn block_by_hash(api: &Api, params: &Params) -> Answer {
    let full = params.flag(1)?;
    of_block(api, hash(params)?, |block| types::block(block, full))
}

pub(super) fn transaction_count_by_number(api: &Api, params: &Params) -> Answer {
    of_block(api, number(params)?, |block| quantity(block.transactions.len() as u64))
}

pub(super) fn transaction_count_by_hash(api: &Api, params: &Params) -> Answer {
    of_block(api, hash(params)?, |block| quantity(block.transactions.len() as u64))
}

pub(super) fn uncle_count_by_number(api: &Api, params: &Params) -> Answer {
    of_block(api, number(params)?, |_| json!("0x0"))
}

pub(super) fn uncle_count_by_hash(api: &Api, params: &Params) -> Answer {
    of_block(api, hash(params)?, |_| json!("0x0"))
}

fn transaction_in(api: &Api, block: BlockRef, index: u64) -> Answer {
    of_block(api, block, |block| {
        let mined = usize::try_from(index).ok().and_then(|index| Some((index, block.transactions.get(index)?)));
        mined.map_or(Value::Null, |(index, mined)| types::transaction(&mined.tx, Some((block, index))))
    })
}

pub(super) fn transaction_by_number_and_index(api: &Api, params: &Params) -> Answer {
    transaction_in(api, number(params)?, params.number(1)?)
}

pub(super) fn transaction_by_hash_and_index(api: &Api, params: &Params) -> Answer {
    transaction_in(api, hash(params)?, params.number(1)?)
}

pub(super) fn transaction_by_hash(api: &Api, params: &Params) -> Answer {
    let hash = params.hash(0)?;
    Ok(match api.node().find(hash) {
        Some((block, index)) => types::transaction(&block.transactions[index].tx, Some((&block, index))),
        None => api.node().queued(hash).map_or(Value::Null, |tx| types::transaction(&tx, None)),
    })
}

pub(super) fn raw_transaction(api: &Api, params: &Params) -> Answer {
    let hash = params.hash(0)?;
    let mined = api.node().find(hash).map(|(block, index)| bytes(block.transactions[index].tx.raw()));
    Ok(mined.or_else(|| api.node().queued(hash).map(|tx| bytes(tx.raw()))).unwrap_or_else(|| json!("0x")))
}

pub(super) fn receipt(api: &Api, params: &Params) -> Answer {
    Ok(api.node().find(params.hash(0)?).map_or(Value::Null, |(block, index)| types::receipt(&block, index)))
}

pub(super) fn block_receipts(api: &Api, params: &Params) -> Answer {
    of_block(api, number(params)?, |block| (0..block.transactions.len()).map(|i| types::receipt(block, i)).collect())
}

pub(super) fn send_raw_transaction(api: &Api, params: &Params) -> Answer {
    Ok(bytes(api.node().send_raw(params.bytes(0)?)?))
}

pub(super) fn call(api: &Api, params: &Params) -> Answer {
    let at = params.call_at(1, BlockRef::Latest)?;
    output(api.node().call(&params.call(0)?, &at, Options::CALL)?).map(bytes)
}

pub(super) fn estimate_gas(api: &Api, params: &Params) -> Answer {
    let at = params.call_at(1, BlockRef::Pending)?;
    Ok(quantity(api.node().estimate_gas(&params.call(0)?, &at)?))
}

pub(super) fn create_access_list(api: &Api, params: &Params) -> Answer {
    let at = params.call_at(1, BlockRef::Pending)?;
    let result = api.node().create_access_list(&params.call(0)?, &at)?;
    let list = result.access_list.iter().map(|(address, slots)| {
        json!({ "address": bytes(address), "storageKeys": slots.iter().map(bytes).collect::<Vec<_>>() })
    });
    let mut json = json!({ "accessList": list.collect::<Vec<_>>(), "gasUsed": quantity(result.gas_used) });
    if let Some(error) = result.error {
        json["error"] = error.into();
    }
    Ok(json)
}

pub(super) fn logs(api: &Api, params: &Params) -> Answer {
    Ok(api.node().logs(&params.log_filter(0)?)?.iter().map(types::log).collect())
}

pub(super) fn new_filter(api: &Api, params: &Params) -> Answer {
    api.filters().install(Filter::Logs(params.log_filter(0)?), api.node())
}

pub(super) fn new_block_filter(api: &Api, _: &Params) -> Answer {
    api.filters().install(Filter::Blocks, api.node())
}

pub(super) fn new_pending_transaction_filter(api: &Api, _: &Params) -> Answer {
    api.filters().install(Filter::Transactions, api.node())
}

pub(super) fn filter_changes(api: &Api, params: &Params) -> Answer {
    api.filters().changes(params.quantity(0)?, api.node())
}

pub(super) fn filter_logs(api: &Api, params: &Params) -> Answer {
    let filter: LogFilter = api.filters().log_filter(params.quantity(0)?)?;
    Ok(api.node().logs(&filter)?.iter().map(types::log).collect())
}

pub(super) fn uninstall_filter(api: &Api, params: &Params) -> Answer {
    let id: U256 = params.quantity(0)?;
    Ok(json!(api.filters().uninstall(id)))
}

pub(super) fn subscribe(_: &Api, _: &Params) -> Answer {
    Err(RpcError { code: -32601, message: "notifications not supported".to_owned(), data: None })
}
