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
use crate::wasm::trace::HostioRecord;

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
            trace_calls: matches!(self, Self::Calls { .. } | Self::Selectors),
            ..Options::default()
        }
    }

    fn tell(self, execution: &Execution, fees: &Fees) -> Answer {
        let missing = || RpcError::new("the execution left no trace");
        match self {
            Self::Calls { logs, only_top } => {
                let frame = execution.call_trace.as_ref().ok_or_else(missing)?;
                let mut told = call(frame, logs, only_top);
                told["beforeEVMTransfers"] = fees.before();
                told["afterEVMTransfers"] = fees.after();
                Ok(told)
            }
            Self::HostIo => {
                let records = execution.host_trace.as_ref().and_then(|trace| trace.records()).unwrap_or_default();
                if count(records) > MAX_RECORDS {
                    return Err(RpcError::new(format!("more than {MAX_RECORDS} host I/Os")));
                }
                Ok(records.iter().map(host_io).collect())
            }
            Self::Selectors => {
                let mut counts = BTreeMap::new();
                selectors(execution.call_trace.as_ref().ok_or_else(missing)?, &mut counts);
                Ok(json!(counts))
            }
            Self::Nothing => Ok(json!({})),
        }
    }

    /// Arbitrum's own transaction tells ArbOS about its block and calls nobody.
    fn tell_internal(self, tx: &Transaction) -> Value {
        match self {
            Self::Calls { .. } => json!({
                "beforeEVMTransfers": [],
                "afterEVMTransfers": [],
                "from": bytes(tx.from()),
                "gas": "0x0",
                "gasUsed": "0x0",
                "to": bytes(Transaction::INTERNAL_ADDRESS),
                "input": bytes(tx.input()),
                "value": "0x0",
                "type": "CALL",
            }),
            Self::HostIo => json!([]),
            Self::Selectors | Self::Nothing => json!({}),
        }
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
    match api.node().trace(tx.hash(), tracer.options())? {
        Some(execution) => {
            let base_fee = block.header.base_fee_per_gas.unwrap_or_default();
            tracer.tell(&execution, &Fees::paid(tx.from(), tx.gas_limit(), base_fee, &execution))
        }
        None => Ok(tracer.tell_internal(tx)),
    }
}

pub(super) fn trace_call(api: &Api, params: &Params) -> Answer {
    let request: CallRequest = params.call(0)?;
    let tracer = Tracer::of(params, 2)?;
    let mut at = params.call_at(1, BlockRef::Latest)?;
    // Overrides come inside the tracer's options here.
    let inner = Params::new(json!([
        null,
        params.get(2).and_then(|options| options.get("stateOverrides")),
        params.get(2).and_then(|options| options.get("blockOverrides")),
    ]))?;
    let overrides = inner.call_at(0, BlockRef::Latest)?;
    (at.state, at.overrides) = (overrides.state, overrides.overrides);
    let execution = api.node().call(&request, &at, tracer.options())?;
    let base_fee = api.node().config().base_fee;
    tracer.tell(&execution, &Fees::of_call(request.from.unwrap_or_default(), base_fee, &execution))
}

/// What is moved before and after an execution to pay for it.
struct Fees {
    payer: Address,
    paid: U256,
    refunded: U256,
    collected: U256,
    poster: U256,
}

impl Fees {
    fn paid(payer: Address, gas_limit: u64, base_fee: u64, execution: &Execution) -> Self {
        let wei = |gas: u64| U256::from(gas) * U256::from(base_fee);
        let l1 = execution.gas_used_for_l1;
        Self {
            payer,
            paid: wei(gas_limit),
            refunded: wei(gas_limit.saturating_sub(execution.gas_used)),
            collected: wei(execution.gas_used.saturating_sub(l1)),
            poster: wei(l1),
        }
    }

    /// A call pays nothing; what it would bring is told all the same.
    fn of_call(payer: Address, base_fee: u64, execution: &Execution) -> Self {
        Self { paid: U256::ZERO, refunded: U256::ZERO, ..Self::paid(payer, execution.gas_used, base_fee, execution) }
    }

    fn before(&self) -> Value {
        json!([transfer("feePayment", Some(self.payer), None, self.paid)])
    }

    fn after(&self) -> Value {
        json!([
            transfer("gasRefund", None, Some(self.payer), self.refunded),
            transfer("feeCollection", None, Some(NETWORK_FEE_ACCOUNT), self.collected),
            transfer("feeCollection", None, Some(L1_PRICER), self.poster),
        ])
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
