//! What only a development node has: `evm_*`, `anvil_*` and `hardhat_*`.

use std::time::Duration;

use alloy_primitives::U256;
use alloy_sol_types::SolCall;
use serde_json::{Value, json};

use super::error::RpcError;
use super::params::Params;
use super::types::{bytes, quantity};
use super::{Answer, Api};
use crate::arbos::precompiles::{ARB_WASM, ArbWasm};
use crate::chain::{CallRequest, MAX_TIME, Mining, SendRequest};
use crate::evm::BlockContext;

/// From here on, `evm_setIntervalMining` counts milliseconds, as Hardhat does; below, seconds, as anvil does.
const MILLISECONDS_FROM: u64 = 250;
/// Wei sent along with an activation; what it does not cost comes back.
const ACTIVATION_VALUE: u64 = 1_000_000_000_000_000_000;

pub(super) fn snapshot(api: &Api, _: &Params) -> Answer {
    Ok(quantity(api.node().snapshot()))
}

pub(super) fn revert(api: &Api, params: &Params) -> Answer {
    Ok(json!(api.node().revert(params.number(0)?)))
}

/// One block, at a time that may be given, or what an object says: `{ timestamp, blocks }`.
pub(super) fn evm_mine(api: &Api, params: &Params) -> Answer {
    let inner = match params.get(0) {
        Some(Value::Object(options)) => json!([options.get("timestamp"), options.get("blocks")]),
        time => json!([time]),
    };
    let inner = Params::new(inner)?;
    let blocks = inner.number_or(1, 1)?;
    if inner.get(0).is_some() {
        api.node().set_next_timestamp(inner.number(0)?)?;
    }
    api.node().mine(blocks, 0)?;
    Ok(json!("0x0"))
}

pub(super) fn automine(api: &Api, _: &Params) -> Answer {
    Ok(json!(api.node().mining() == Mining::Automatic))
}

/// Off: what is sent waits for `evm_mine`. Blocks that are made by the clock go on then.
pub(super) fn set_automine(api: &Api, params: &Params) -> Answer {
    match (params.flag(0)?, api.node().mining()) {
        (true, _) => api.node().set_mining(Mining::Automatic)?,
        (false, Mining::Automatic) => api.node().set_mining(Mining::Manual)?,
        (false, Mining::Interval(_) | Mining::Manual) => {}
    }
    Ok(json!(true))
}

/// Seconds between blocks that are made by the clock.
pub(super) fn interval(api: &Api, _: &Params) -> Answer {
    Ok(match api.node().mining() {
        Mining::Interval(interval) => json!(interval.as_secs()),
        Mining::Automatic | Mining::Manual => Value::Null,
    })
}

pub(super) fn set_interval(api: &Api, params: &Params) -> Answer {
    every(api, Duration::from_secs(params.number(0)?))
}

/// Tools count differently under this name: see [`MILLISECONDS_FROM`].
pub(super) fn set_interval_loosely(api: &Api, params: &Params) -> Answer {
    let interval = params.number(0)?;
    every(
        api,
        if interval < MILLISECONDS_FROM { Duration::from_secs(interval) } else { Duration::from_millis(interval) },
    )
}

fn every(api: &Api, interval: Duration) -> Answer {
    match (interval.is_zero(), api.node().mining()) {
        (false, _) => api.node().set_mining(Mining::Interval(interval))?,
        (true, Mining::Interval(_)) => api.node().set_mining(Mining::Manual)?,
        (true, Mining::Automatic | Mining::Manual) => {}
    }
    Ok(json!(true))
}

/// Back to genesis.
pub(super) fn reset(api: &Api, params: &Params) -> Answer {
    // viem names the fork that it does not want, too, and leaves out its URL.
    let fork = params.get(0).and_then(|options| options.get("forking")?.get("jsonRpcUrl"));
    if fork.is_some_and(|url| !url.is_null()) {
        return Err(RpcError::new("forking is not supported: this node cannot begin from another chain's state"));
    }
    api.node().reset()?;
    Ok(json!(true))
}

pub(super) fn set_base_fee(api: &Api, params: &Params) -> Answer {
    api.node().set_base_fee(params.number(0)?);
    Ok(json!(true))
}

pub(super) fn set_coinbase(_: &Api, params: &Params) -> Answer {
    params.address(0)?;
    Err(RpcError::new(format!("the coinbase cannot be set: it is the batch poster, {}", BlockContext::COINBASE)))
}

pub(super) fn set_prevrandao(_: &Api, params: &Params) -> Answer {
    params.slot(0)?;
    Err(RpcError::new("PREVRANDAO cannot be set: it is 1 on Arbitrum"))
}

pub(super) fn set_chain_id(_: &Api, params: &Params) -> Answer {
    params.number(0)?;
    Err(RpcError::new("the chain id is part of the genesis: start a node with another one"))
}

pub(super) fn set_l1_number(api: &Api, params: &Params) -> Answer {
    api.node().set_l1_number(params.number(0)?)?;
    Ok(json!(true))
}

pub(super) fn drop_transaction(api: &Api, params: &Params) -> Answer {
    Ok(json!(api.node().drop_transaction(params.hash(0)?)))
}

pub(super) fn drop_all_transactions(api: &Api, _: &Params) -> Answer {
    api.node().drop_transactions(None);
    Ok(json!(true))
}

pub(super) fn drop_transactions_of(api: &Api, params: &Params) -> Answer {
    api.node().drop_transactions(Some(params.address(0)?));
    Ok(json!(true))
}

/// Activates a program at the first account's cost; answers the transaction's hash.
pub(super) fn activate(api: &Api, params: &Params) -> Answer {
    let data = ArbWasm::activateProgramCall { program: params.address(0)? }.abi_encode();
    let call = CallRequest {
        to: Some(ARB_WASM),
        value: U256::from(ACTIVATION_VALUE),
        data: data.into(),
        ..CallRequest::default()
    };
    Ok(bytes(api.node().send(&SendRequest { call, ..SendRequest::default() })?))
}

pub(super) fn node_info(api: &Api, _: &Params) -> Answer {
    let node = api.node();
    let head = node.head();
    Ok(json!({
        "currentBlockNumber": quantity(head.header.number),
        "currentBlockTimestamp": head.header.timestamp,
        "currentBlockHash": bytes(head.hash),
        "hardFork": node.rules().spec.to_string().to_lowercase(),
        "transactionOrder": "fifo",
        "environment": {
            "baseFee": quantity(node.base_fee()),
            "chainId": node.config().chain_id,
            "gasLimit": quantity(BlockContext::GAS_LIMIT),
            "gasPrice": quantity(node.base_fee()),
        },
        "forkConfig": { "forkUrl": null, "forkBlockNumber": null, "forkRetryBackoff": null },
        "arbosVersion": node.config().arbos_version,
    }))
}

pub(super) fn metadata(api: &Api, _: &Params) -> Answer {
    let node = api.node();
    let head = node.head();
    Ok(json!({
        "clientVersion": super::eth::VERSION,
        "chainId": node.config().chain_id,
        "instanceId": bytes(node.instance()),
        "latestBlockNumber": head.header.number,
        "latestBlockHash": bytes(head.hash),
    }))
}

/// Some blocks, some seconds apart.
pub(super) fn mine(api: &Api, params: &Params) -> Answer {
    api.node().mine(params.number_or(0, 1)?, params.number_or(1, 0)?)?;
    Ok(Value::Null)
}

pub(super) fn increase_time(api: &Api, params: &Params) -> Answer {
    Ok(json!(api.node().increase_time(params.number(0)?)?))
}

/// In seconds or, if that would be beyond the year 9999, in milliseconds.
pub(super) fn set_time(api: &Api, params: &Params) -> Answer {
    let time = params.number(0)?;
    Ok(json!(api.node().set_time(if time > MAX_TIME { time / 1_000 } else { time })?))
}

pub(super) fn set_step(api: &Api, params: &Params) -> Answer {
    api.node().set_block_step(Some(params.number(0)?));
    Ok(Value::Null)
}

/// Whether there was one.
pub(super) fn remove_step(api: &Api, _: &Params) -> Answer {
    Ok(json!(api.node().set_block_step(None).is_some()))
}

pub(super) fn set_next_timestamp(api: &Api, params: &Params) -> Answer {
    api.node().set_next_timestamp(params.number(0)?)?;
    Ok(Value::Null)
}

pub(super) fn set_balance(api: &Api, params: &Params) -> Answer {
    api.node().set_balance(params.address(0)?, params.quantity(1)?);
    Ok(Value::Null)
}

pub(super) fn set_nonce(api: &Api, params: &Params) -> Answer {
    api.node().set_nonce(params.address(0)?, params.number(1)?);
    Ok(Value::Null)
}

pub(super) fn set_code(api: &Api, params: &Params) -> Answer {
    api.node().set_code(params.address(0)?, params.code(1)?);
    Ok(Value::Null)
}

pub(super) fn set_storage_at(api: &Api, params: &Params) -> Answer {
    api.node().set_storage(params.address(0)?, params.slot(1)?, params.slot(2)?);
    Ok(json!(true))
}

/// All accounts, as compressed JSON. Past states are not part of it, whatever the argument says.
pub(super) fn dump_state(api: &Api, _: &Params) -> Answer {
    Ok(bytes(api.node().dump_compressed()))
}

/// Takes accounts over from what another node dumped.
pub(super) fn load_state(api: &Api, params: &Params) -> Answer {
    api.node().load(&params.bytes(0)?)?;
    Ok(json!(true))
}
