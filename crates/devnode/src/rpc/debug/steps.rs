//! The opcodes of an execution, as geth's default tracer tells them.

use alloy_primitives::{U256, hex};
use serde_json::{Map, Value, json};

use super::super::types::{bytes, quantity};
use crate::evm::Execution;
use crate::evm::steps::Step;

/// Tells the steps; no more once they take more than `limit` bytes of JSON, unless that is 0.
pub(super) fn tell(execution: &Execution, limit: u64) -> Value {
    let mut size = 0;
    let mut told = Vec::new();
    for step in execution.steps.iter().flatten() {
        if limit != 0 && size > limit {
            break;
        }
        let step = step_json(step);
        if limit != 0 {
            size += step.to_string().len() as u64;
        }
        told.push(step);
    }
    json!({
        "gas": execution.gas_used,
        "failed": !execution.is_success(),
        "returnValue": bytes(&execution.output),
        "structLogs": told,
    })
}

/// Stack words have a prefix and no leading zeros; memory and storage are whole words without a prefix.
fn step_json(step: &Step) -> Value {
    let word = |word: &U256| hex::encode(word.to_be_bytes::<32>());
    let mut told = Map::new();
    let mut put = |name: &str, value: Value| told.insert(name.to_owned(), value);
    put("pc", step.pc.into());
    put("op", step.name().into());
    put("gas", step.gas.into());
    put("gasCost", step.cost.into());
    put("depth", step.depth.into());
    if let Some(error) = step.error {
        put("error", error.into());
    }
    if let Some(stack) = &step.stack {
        put("stack", stack.iter().copied().map(quantity::<U256>).collect());
    }
    if !step.return_data.is_empty() {
        put("returnData", bytes(&step.return_data));
    }
    if !step.memory.is_empty() {
        put("memory", step.memory.chunks_exact(32).map(hex::encode).collect());
    }
    if !step.storage.is_empty() {
        let slots: Map<String, Value> =
            step.storage.iter().map(|(slot, value)| (word(slot), word(value).into())).collect();
        put("storage", slots.into());
    }
    if step.refund != 0 {
        put("refund", step.refund.into());
    }
    Value::Object(told)
}
