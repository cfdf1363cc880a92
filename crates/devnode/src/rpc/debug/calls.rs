//! The tree of calls, as `callTracer`, `flatCallTracer` and `4byteTracer` tell it, and the wei moved around it.

use std::collections::BTreeMap;

use alloy_primitives::{Address, Log, U256, address, hex};
use serde_json::{Map, Value, json};

use super::super::types::{bytes, quantity};
use crate::chain::{Block, Transaction};
use crate::evm::Execution;
use crate::evm::trace::CallFrame;

/// Who gets the fees of a development chain: nobody is set as its network fee account.
const NETWORK_FEE_ACCOUNT: Address = Address::ZERO;
/// Who gets what is paid for L1 data.
const L1_PRICER: Address = address!("a4b00000000000000000000000000000000000f6");

/// Arbitrum's own transaction as the frame around the call that it made.
pub(super) fn internal_frame(tx: &Transaction, made: Option<CallFrame>) -> CallFrame {
    CallFrame {
        kind: "CALL",
        from: tx.from(),
        to: tx.to(),
        value: Some(U256::ZERO),
        input: tx.input().clone(),
        calls: made.into_iter().collect(),
        ..CallFrame::default()
    }
}

/// What is moved before and after an execution to pay for it.
pub(super) enum Fees {
    /// Nothing.
    None,
    /// Wei that the sender pays before, gets back after, and that others collect.
    Some { payer: Address, paid: U256, refunded: U256, collected: U256, poster: U256 },
}

impl Fees {
    pub(super) fn of_transaction(tx: &Transaction, base_fee: u64, execution: &Execution) -> Self {
        let unused = tx.gas_limit().saturating_sub(execution.gas_used);
        Self::new(tx.from(), tx.gas_limit(), unused, base_fee, execution)
    }

    /// A call pays nothing; what it would bring is told all the same.
    pub(super) fn of_call(payer: Address, base_fee: u64, execution: &Execution) -> Self {
        Self::new(payer, 0, 0, base_fee, execution)
    }

    fn new(payer: Address, paid: u64, refunded: u64, base_fee: u64, execution: &Execution) -> Self {
        let wei = |gas: u64| U256::from(gas) * U256::from(base_fee);
        let l1 = execution.gas_used_for_l1;
        let collected = wei(execution.gas_used.saturating_sub(l1));
        Self::Some { payer, paid: wei(paid), refunded: wei(refunded), collected, poster: wei(l1) }
    }

    pub(super) fn before(&self) -> Value {
        match self {
            Self::None => json!([]),
            Self::Some { payer, paid, .. } => json!([transfer("feePayment", Some(*payer), None, *paid)]),
        }
    }

    pub(super) fn after(&self) -> Value {
        match self {
            Self::None => json!([]),
            Self::Some { payer, refunded, collected, poster, .. } => json!([
                transfer("gasRefund", None, Some(*payer), *refunded),
                transfer("feeCollection", None, Some(NETWORK_FEE_ACCOUNT), *collected),
                transfer("feeCollection", None, Some(L1_PRICER), *poster),
            ]),
        }
    }
}

/// A movement of wei outside the EVM. Addresses are told with their checksum here.
fn transfer(purpose: &str, from: Option<Address>, to: Option<Address>, value: U256) -> Value {
    let told = |address: Option<Address>| address.map(|address| address.to_checksum(None));
    json!({ "purpose": purpose, "from": told(from), "to": told(to), "value": quantity(value) })
}

pub(super) fn call(frame: &CallFrame, logs: bool, only_top: bool) -> Value {
    let mut told = Map::new();
    let mut put = |name: &str, value: Value| told.insert(name.to_owned(), value);
    put("from", bytes(frame.from));
    put("gas", quantity(frame.gas));
    put("gasUsed", quantity(frame.gas_used));
    if let Some(to) = frame.to {
        put("to", bytes(to));
    }
    put("input", bytes(&frame.input));
    if !frame.output.is_empty() {
        put("output", bytes(&frame.output));
    }
    if let Some(error) = &frame.error {
        put("error", error.clone().into());
    }
    if let Some(reason) = &frame.revert_reason {
        put("revertReason", reason.clone().into());
    }
    if !only_top && !frame.calls.is_empty() {
        put("calls", frame.calls.iter().map(|inner| call(inner, logs, false)).collect());
    }
    if logs && !frame.logs.is_empty() {
        put("logs", frame.logs.iter().map(log).collect());
    }
    if let Some(value) = frame.value {
        put("value", quantity(value));
    }
    put("type", frame.kind.into());
    Value::Object(told)
}

/// Tells a frame and then those that it called; `path` leads from the outermost frame to it.
pub(super) fn flatten(frame: &CallFrame, path: &mut Vec<usize>, place: Option<(&Block, usize)>, told: &mut Vec<Value>) {
    let (kind, action, result) = match frame.kind {
        "CREATE" | "CREATE2" => (
            "create",
            json!({
                "creationMethod": frame.kind.to_ascii_lowercase(),
                "from": bytes(frame.from),
                "gas": quantity(frame.gas),
                "init": bytes(&frame.input),
                "value": quantity(frame.value.unwrap_or_default()),
            }),
            json!({ "address": frame.to.map(bytes), "code": bytes(&frame.output), "gasUsed": quantity(frame.gas_used) }),
        ),
        "SELFDESTRUCT" => (
            "suicide",
            json!({
                "address": bytes(frame.from),
                "balance": quantity(frame.value.unwrap_or_default()),
                "refundAddress": frame.to.map(bytes),
            }),
            Value::Null,
        ),
        call => (
            "call",
            json!({
                "callType": call.to_ascii_lowercase(),
                "from": bytes(frame.from),
                "gas": quantity(frame.gas),
                "input": bytes(&frame.input),
                "to": frame.to.map(bytes),
                "value": quantity(frame.value.unwrap_or_default()),
            }),
            json!({ "gasUsed": quantity(frame.gas_used), "output": bytes(&frame.output) }),
        ),
    };
    let mut entry = json!({ "action": action, "subtraces": frame.calls.len(), "traceAddress": path, "type": kind });
    match &frame.error {
        None => entry["result"] = result,
        Some(error) => entry["error"] = error.clone().into(),
    }
    if let Some((block, index)) = place {
        entry["blockHash"] = bytes(block.hash);
        entry["blockNumber"] = block.header.number.into();
        entry["transactionHash"] = bytes(block.transactions[index].tx.hash());
        entry["transactionPosition"] = index.into();
    }
    told.push(entry);
    for (i, inner) in frame.calls.iter().enumerate() {
        path.push(i);
        flatten(inner, path, place, told);
        path.pop();
    }
}

fn log(log: &Log) -> Value {
    json!({
        "address": bytes(log.address),
        "topics": log.topics().iter().map(bytes).collect::<Vec<_>>(),
        "data": bytes(&log.data.data),
        "position": "0x0",
    })
}

/// Counts `selector-bytes of arguments` over all calls that carry a selector.
pub(super) fn selectors(frame: &CallFrame, counts: &mut BTreeMap<String, u64>) {
    if !frame.kind.starts_with("CREATE") && frame.input.len() >= 4 {
        let name = format!("{}-{}", hex::encode_prefixed(&frame.input[..4]), frame.input.len() - 4);
        *counts.entry(name).or_default() += 1;
    }
    for inner in &frame.calls {
        selectors(inner, counts);
    }
}
