//! Which tracer a request names, and what it has of an execution to tell.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::Answer;
use super::super::error::RpcError;
use super::super::params::{Params, Parsed, field, flag, number, object, text};
use super::super::types::bytes;
use super::calls::{self, Fees};
use super::{prestate, steps};
use crate::chain::{Block, Prestate};
use crate::evm::steps::StepOptions;
use crate::evm::{Execution, Options};
use crate::wasm::trace::{HostioRecord, HostioTrace};

/// Longest name or script of a tracer, in bytes.
const MAX_NAME: usize = 64 * 1024;
/// Most tracers of a `muxTracer`.
const MAX_TRACERS: usize = 16;

/// How an execution is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tracer {
    /// One opcode after the other.
    Steps { options: StepOptions, limit: u64 },
    /// The tree of calls.
    Calls { logs: bool, only_top: bool },
    /// Host I/Os of programs.
    HostIo,
    /// The calls one after the other, each with its place in the tree.
    Flat,
    /// How often each selector was called with how many bytes.
    Selectors,
    /// Accounts and slots that were touched, as they were before.
    Prestate(prestate::Config),
    /// Several at once.
    Several(Vec<(String, Tracer)>),
    /// Nothing.
    Nothing,
}

/// What there is to tell.
#[derive(Clone, Copy)]
pub(super) struct Traced<'a> {
    pub(super) execution: &'a Execution,
    pub(super) prestate: &'a Prestate,
    pub(super) fees: &'a Fees,
    /// What a transaction has and a call has not: where it stands in its block.
    pub(super) place: Option<(&'a Block, usize)>,
}

impl Tracer {
    /// The tracer that argument `i` names. `timeout` and `reexec` are accepted and mean nothing here.
    pub(super) fn of(params: &Params, i: usize) -> Result<Self, RpcError> {
        let Some(name) = params.option(i, "tracer", name_of)? else {
            let on = |name| Ok::<_, RpcError>(params.option(i, name, flag)?.unwrap_or_default());
            let options = StepOptions {
                stack: !on("disableStack")?,
                memory: on("enableMemory")?,
                storage: !on("disableStorage")?,
                return_data: on("enableReturnData")?,
            };
            return Ok(Self::Steps { options, limit: params.option(i, "limit", number)?.unwrap_or_default() });
        };
        let config = params.option(i, "tracerConfig", |config| object(config, "json.RawMessage").cloned())?;
        Self::named(&name, &config.unwrap_or_default(), true)
    }

    fn named(name: &str, config: &Map<String, Value>, outermost: bool) -> Result<Self, RpcError> {
        let on = |name| match field(config, name, flag) {
            Ok(flag) => Ok(flag.unwrap_or_default()),
            Err(problem) => Err(RpcError::invalid(format!("invalid tracerConfig: {problem}"))),
        };
        match name {
            "callTracer" => Ok(Self::Calls { logs: on("withLog")?, only_top: on("onlyTopCall")? }),
            "stylusTracer" => Ok(Self::HostIo),
            "flatCallTracer" => Ok(Self::Flat),
            "4byteTracer" => Ok(Self::Selectors),
            "prestateTracer" => Ok(Self::Prestate(prestate::Config {
                diff: on("diffMode")?,
                code: !on("disableCode")?,
                storage: !on("disableStorage")?,
            })),
            "noopTracer" => Ok(Self::Nothing),
            "muxTracer" if outermost => {
                if config.len() > MAX_TRACERS {
                    return Err(RpcError::invalid(format!("more than {MAX_TRACERS} tracers")));
                }
                let tracers = config.iter().map(|(name, config)| {
                    let none = Map::new();
                    let config = match config {
                        Value::Null => &none,
                        config => object(config, "json.RawMessage").map_err(RpcError::invalid)?,
                    };
                    Ok((name.clone(), Self::named(name, config, false)?))
                });
                tracers.collect::<Result<_, RpcError>>().map(Self::Several)
            }
            // The JavaScript that cargo-stylus sends to nodes without a stylusTracer: it asks for the same.
            script if script.contains("\"hostio\": function") => Ok(Self::HostIo),
            other => {
                let name: String = other.chars().take(64).collect();
                Err(RpcError::new(format!("ReferenceError: {name} is not defined at <eval>:1:2(0)")))
            }
        }
    }

    /// What must be recorded for it.
    pub(super) fn options(&self) -> Options {
        match self {
            Self::Steps { options, .. } => Options { trace_steps: Some(*options), ..Options::default() },
            Self::HostIo => Options { trace_host_io: true, ..Options::default() },
            Self::Calls { .. } | Self::Flat | Self::Selectors => Options { trace_calls: true, ..Options::default() },
            Self::Prestate(_) | Self::Nothing => Options::default(),
            Self::Several(tracers) => {
                tracers.iter().map(|(_, tracer)| tracer.options()).fold(Options::default(), |all, one| Options {
                    trace_host_io: all.trace_host_io || one.trace_host_io,
                    trace_calls: all.trace_calls || one.trace_calls,
                    ..all
                })
            }
        }
    }

    /// Tells an execution.
    pub(super) fn tell(&self, traced: &Traced<'_>) -> Answer {
        let Traced { execution, prestate, fees, place } = *traced;
        if let Some(error) = execution.trace_error {
            return Err(RpcError::new(error.to_string()));
        }
        let frame = || execution.call_trace.as_ref().ok_or_else(|| RpcError::new("the execution left no trace"));
        match self {
            Self::Steps { limit, .. } => Ok(steps::tell(execution, *limit)),
            Self::Calls { logs, only_top } => {
                let mut told = calls::call(frame()?, *logs, *only_top);
                (told["beforeEVMTransfers"], told["afterEVMTransfers"]) = (fees.before(), fees.after());
                Ok(told)
            }
            Self::Flat => {
                let mut told = Vec::new();
                calls::flatten(frame()?, &mut Vec::new(), place, &mut told);
                (told[0]["beforeEVMTransfers"], told[0]["afterEVMTransfers"]) = (fees.before(), fees.after());
                Ok(Value::Array(told))
            }
            Self::HostIo => {
                let records = execution.host_trace.as_ref().and_then(HostioTrace::records);
                let records =
                    records.ok_or_else(|| RpcError::new("a call without a frame cannot be told by stylusTracer"))?;
                Ok(records.iter().map(host_io).collect())
            }
            Self::Selectors => {
                let mut counts = BTreeMap::new();
                calls::selectors(frame()?, &mut counts);
                Ok(json!(counts))
            }
            Self::Prestate(config) => Ok(prestate::tell(execution, prestate, *config)),
            Self::Several(tracers) => {
                let told = tracers.iter().map(|(name, tracer)| Ok((name.clone(), tracer.tell(traced)?)));
                told.collect::<Result<Map<_, _>, RpcError>>().map(Value::Object)
            }
            Self::Nothing => Ok(json!({})),
        }
    }
}

fn name_of(value: &Value) -> Parsed<String> {
    let name = text(value, "string")?;
    if name.len() > MAX_NAME {
        return Err(format!("a tracer of {} bytes, the limit is {MAX_NAME}", name.len()));
    }
    Ok(name.to_owned())
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
