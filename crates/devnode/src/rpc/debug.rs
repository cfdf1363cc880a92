//! `debug_*`: what happened inside an execution.

use std::collections::BTreeMap;

use alloy_primitives::{Address, Log, U256, address, hex};
use serde_json::{Map, Value, json};

use super::error::RpcError;
use super::params::Params;
use super::types::{bytes, quantity};
use super::{Answer, Api};
use crate::chain::{Block, BlockRef, CallError, CallRequest, Transaction};
use crate::evm::trace::CallFrame;
use crate::evm::{Execution, Options};
use crate::wasm::trace::{HostioRecord, HostioTrace};

/// Who gets the fees of a development chain: nobody is set as its network fee account.
const NETWORK_FEE_ACCOUNT: Address = Address::ZERO;
/// Who gets what is paid for L1 data.
const L1_PRICER: Address = address!("a4b00000000000000000000000000000000000f6");
/// Most host I/Os and calls that are told of one execution.
const MAX_RECORDS: usize = 1_000_000;

/// How an execution is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tracer {
    /// The tree of calls.
    Calls { logs: bool, only_top: bool },
    /// Host I/Os of programs.
    HostIo,
    /// The calls one after the other, each with its place in the tree.
    Flat,
    /// How often each selector was called with how many bytes.
    Selectors,
    /// Nothing.
    Nothing,
}

impl Tracer {
    /// The tracer that argument `i` names.
    fn of(params: &Params, i: usize) -> Result<Self, RpcError> {
        let options = params.get(i);
        let name = options.and_then(|options| options.get("tracer")).and_then(Value::as_str);
        let set =
            |name| options.and_then(|options| options.get("tracerConfig")?.get(name)?.as_bool()).unwrap_or_default();
        match name {
            Some("callTracer") => Ok(Self::Calls { logs: set("withLog"), only_top: set("onlyTopCall") }),
            Some("stylusTracer") => Ok(Self::HostIo),
            Some("flatCallTracer") => Ok(Self::Flat),
            Some("4byteTracer") => Ok(Self::Selectors),
            Some("noopTracer") => Ok(Self::Nothing),
            // The JavaScript that cargo-stylus sends to nodes without a stylusTracer: it asks for the same.
            Some(script) if script.contains("\"hostio\": function") => Ok(Self::HostIo),
            Some(other) => {
                let name: String = other.chars().take(64).collect();
                Err(RpcError::new(format!("ReferenceError: {name} is not defined at <eval>:1:2(0)")))
            }
            None => Err(RpcError::new("struct logs are not recorded by this node: name a tracer")),
        }
    }

    fn options(self) -> Options {
        Options {
            trace_host_io: self == Self::HostIo,
            trace_calls: matches!(self, Self::Calls { .. } | Self::Flat | Self::Selectors),
            ..Options::default()
        }
    }

    /// Tells an execution. `place` is what a transaction has and a call has not: where it stands in its block.
    fn tell(self, execution: &Execution, fees: &Fees, place: Option<(&Block, usize)>) -> Answer {
        let frame = || execution.call_trace.as_ref().ok_or_else(|| RpcError::new("the execution left no trace"));
        match self {
            Self::Calls { logs, only_top } => {
                let mut told = call(frame()?, logs, only_top);
                (told["beforeEVMTransfers"], told["afterEVMTransfers"]) = (fees.before(), fees.after());
                Ok(told)
            }
            Self::Flat => {
                let mut told = Vec::new();
                flatten(frame()?, &mut Vec::new(), place, &mut told);
                (told[0]["beforeEVMTransfers"], told[0]["afterEVMTransfers"]) = (fees.before(), fees.after());
                Ok(Value::Array(told))
            }
            Self::HostIo => {
                let records = execution.host_trace.as_ref().and_then(HostioTrace::records);
                let records =
                    records.ok_or_else(|| RpcError::new("a call without a frame cannot be told by stylusTracer"))?;
                if count(records) > MAX_RECORDS {
                    return Err(RpcError::new(format!("more than {MAX_RECORDS} host I/Os")));
                }
                Ok(records.iter().map(host_io).collect())
            }
            Self::Selectors => {
                let mut counts = BTreeMap::new();
                selectors(frame()?, &mut counts);
                Ok(json!(counts))
            }
            Self::Nothing => Ok(json!({})),
        }
    }
}

/// Arbitrum's own transaction as the frame around the call that it made.
fn internal_frame(tx: &Transaction, made: Option<CallFrame>) -> CallFrame {
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

pub(super) fn trace_transaction(api: &Api, params: &Params) -> Answer {
    let hash = params.hash(0)?;
    let (block, index) = api.node().find(hash).ok_or(CallError::UnknownTransaction)?;
    trace_mined(api, &block, index, Tracer::of(params, 1)?)
}

pub(super) fn trace_block_by_number(api: &Api, params: &Params) -> Answer {
    trace_block(api, params.block(0, BlockRef::Latest)?, params)
}

pub(super) fn trace_block_by_hash(api: &Api, params: &Params) -> Answer {
    trace_block(api, BlockRef::Hash(params.hash(0)?), params)
}

fn trace_block(api: &Api, block: BlockRef, params: &Params) -> Answer {
    let tracer = Tracer::of(params, 1)?;
    let block = api.node().block(&block).ok_or_else(|| RpcError::new("block not found"))?;
    let traced = block.transactions.iter().enumerate().map(|(index, mined)| {
        let result = trace_mined(api, &block, index, tracer)?;
        Ok(json!({ "txHash": bytes(mined.tx.hash()), "result": result }))
    });
    traced.collect()
}

fn trace_mined(api: &Api, block: &Block, index: usize, tracer: Tracer) -> Answer {
    let tx = &block.transactions[index].tx;
    let mut execution = api.node().trace(tx.hash(), tracer.options())?;
    let fees = if tx.is_internal() {
        execution.call_trace = Some(internal_frame(tx, execution.call_trace));
        Fees::None
    } else {
        Fees::of_transaction(tx, block.header.base_fee_per_gas.unwrap_or_default(), &execution)
    };
    tracer.tell(&execution, &fees, Some((block, index)))
}

pub(super) fn trace_call(api: &Api, params: &Params) -> Answer {
    let request: CallRequest = params.call(0)?;
    let tracer = Tracer::of(params, 2)?;
    // Overrides come inside the tracer's options here.
    let option = |name| params.get(2).and_then(|options| options.get(name));
    let at = json!([params.get(1), option("stateOverrides"), option("blockOverrides")]);
    let at = Params::new(at)?.call_at(0, BlockRef::Latest)?;
    let execution = api.node().call(&request, &at, tracer.options())?;
    let base_fee = api.node().config().base_fee;
    tracer.tell(&execution, &Fees::of_call(request.from.unwrap_or_default(), base_fee, &execution), None)
}

/// What is moved before and after an execution to pay for it.
enum Fees {
    /// Nothing.
    None,
    /// Wei that the sender pays before, gets back after, and that others collect.
    Some { payer: Address, paid: U256, refunded: U256, collected: U256, poster: U256 },
}

impl Fees {
    fn of_transaction(tx: &Transaction, base_fee: u64, execution: &Execution) -> Self {
        let unused = tx.gas_limit().saturating_sub(execution.gas_used);
        Self::new(tx.from(), tx.gas_limit(), unused, base_fee, execution)
    }

    /// A call pays nothing; what it would bring is told all the same.
    fn of_call(payer: Address, base_fee: u64, execution: &Execution) -> Self {
        Self::new(payer, 0, 0, base_fee, execution)
    }

    fn new(payer: Address, paid: u64, refunded: u64, base_fee: u64, execution: &Execution) -> Self {
        let wei = |gas: u64| U256::from(gas) * U256::from(base_fee);
        let l1 = execution.gas_used_for_l1;
        let collected = wei(execution.gas_used.saturating_sub(l1));
        Self::Some { payer, paid: wei(paid), refunded: wei(refunded), collected, poster: wei(l1) }
    }

    fn before(&self) -> Value {
        match self {
            Self::None => json!([]),
            Self::Some { payer, paid, .. } => json!([transfer("feePayment", Some(*payer), None, *paid)]),
        }
    }

    fn after(&self) -> Value {
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

fn call(frame: &CallFrame, logs: bool, only_top: bool) -> Value {
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
fn flatten(frame: &CallFrame, path: &mut Vec<usize>, place: Option<(&Block, usize)>, told: &mut Vec<Value>) {
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

fn count(records: &[HostioRecord]) -> usize {
    records.iter().map(|record| 1 + count(&record.steps)).sum()
}

fn host_io(record: &HostioRecord) -> Value {
    let mut told = json!({
        "name": record.name,
        "args": bytes(&record.args),
        "outs": bytes(&record.outs),
        "startInk": record.start_ink,
        "endInk": record.end_ink,
    });
    if let Some(address) = record.address {
        told["address"] = bytes(address);
        told["steps"] = record.steps.iter().map(host_io).collect();
    }
    told
}

/// Counts `selector-bytes of arguments` over all calls that carry a selector.
fn selectors(frame: &CallFrame, counts: &mut BTreeMap<String, u64>) {
    if !frame.kind.starts_with("CREATE") && frame.input.len() >= 4 {
        let name = format!("{}-{}", hex::encode_prefixed(&frame.input[..4]), frame.input.len() - 4);
        *counts.entry(name).or_default() += 1;
    }
    for inner in &frame.calls {
        selectors(inner, counts);
    }
}
