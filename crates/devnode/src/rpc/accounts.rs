//! What the node does in the name of its accounts: signing, and sending what it signs or what nobody does.

use std::thread;
use std::time::{Duration, Instant};

use alloy_dyn_abi::TypedData;
use alloy_primitives::{Address, B256, eip191_hash_message};
use serde_json::json;

use super::error::RpcError;
use super::params::Params;
use super::types::{self, bytes};
use super::{Answer, Api};

/// How long a client waits for a receipt that does not say so.
const RECEIPT_WAIT: u64 = 20_000;
/// The longest that one waits, in milliseconds.
const MAX_RECEIPT_WAIT: u64 = 60_000;
/// How often the node looks whether it is there.
const RECEIPT_STEP: Duration = Duration::from_millis(5);

pub(super) fn accounts(api: &Api, _: &Params) -> Answer {
    Ok(api.node().accounts().iter().map(bytes).collect())
}

pub(super) fn send_transaction(api: &Api, params: &Params) -> Answer {
    Ok(bytes(api.node().send(&params.send(0)?)?))
}

pub(super) fn send_transaction_sync(api: &Api, params: &Params) -> Answer {
    let wait = wait(params)?;
    receipt(api, api.node().send(&params.send(0)?)?, wait)
}

pub(super) fn send_raw_transaction_sync(api: &Api, params: &Params) -> Answer {
    let wait = wait(params)?;
    receipt(api, api.node().send_raw(params.bytes(0)?)?, wait)
}

pub(super) fn sign_transaction(api: &Api, params: &Params) -> Answer {
    let tx = api.node().sign_transaction(&params.send(0)?)?;
    Ok(json!({ "raw": bytes(tx.raw()), "tx": types::transaction(&tx, None) }))
}

/// Account, then message.
pub(super) fn sign(api: &Api, params: &Params) -> Answer {
    sign_hash(api, params.address(0)?, eip191_hash_message(params.bytes(1)?))
}

/// Message, then account.
pub(super) fn personal_sign(api: &Api, params: &Params) -> Answer {
    sign_hash(api, params.address(1)?, eip191_hash_message(params.bytes(0)?))
}

/// Account, then typed data (EIP-712) as an object or as text.
pub(super) fn sign_typed_data(api: &Api, params: &Params) -> Answer {
    let account = params.address(0)?;
    let wrong = |problem: String| RpcError::invalid(format!("invalid argument 1: {problem}"));
    let data = params.get(1).cloned().unwrap_or_default();
    let data: TypedData = serde_json::from_value(data).map_err(|error| wrong(error.to_string()))?;
    sign_hash(api, account, data.eip712_signing_hash().map_err(|error| wrong(error.to_string()))?)
}

pub(super) fn pending_transactions(api: &Api, _: &Params) -> Answer {
    Ok(api.node().pending().iter().map(|tx| types::transaction(tx, None)).collect())
}

pub(super) fn impersonate(api: &Api, params: &Params) -> Answer {
    api.node().impersonate(params.address(0)?)?;
    Ok(json!(true))
}

pub(super) fn stop_impersonating(api: &Api, params: &Params) -> Answer {
    Ok(json!(api.node().stop_impersonating(params.address(0)?)))
}

pub(super) fn impersonate_all(api: &Api, params: &Params) -> Answer {
    api.node().impersonate_all(params.flag(0)?);
    Ok(json!(true))
}

fn sign_hash(api: &Api, account: Address, hash: B256) -> Answer {
    Ok(bytes(api.node().sign_hash(account, hash)?.as_bytes()))
}

fn wait(params: &Params) -> Result<Duration, RpcError> {
    Ok(Duration::from_millis(params.number_or(1, RECEIPT_WAIT)?.min(MAX_RECEIPT_WAIT)))
}

/// The receipt of a transaction once it is mined.
fn receipt(api: &Api, hash: B256, wait: Duration) -> Answer {
    let end = Instant::now() + wait;
    loop {
        if let Some((block, index)) = api.node().find(hash) {
            return Ok(types::receipt(&block, index));
        }
        if Instant::now() >= end {
            let message = format!(
                "The transaction was added to the transaction pool but wasn't processed in {} ms",
                wait.as_millis()
            );
            return Err(RpcError { code: 4, message, data: Some(bytes(hash)) });
        }
        thread::sleep(RECEIPT_STEP.min(wait));
    }
}
