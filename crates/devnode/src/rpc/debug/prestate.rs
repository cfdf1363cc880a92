//! The accounts and slots that an execution touched, as geth's `prestateTracer` tells them.
//!
//! What counts as touched is what the execution has loaded: also the accounts that get fees, and ArbOS's own where a
//! precompile or a program had it read or written.

use alloy_primitives::{Address, B256, Bytes, U256, hex};
use revm::state::{Account, AccountInfo};
use serde_json::{Map, Value, json};

use super::super::types::{bytes, quantity};
use crate::chain::Prestate;
use crate::evm::Execution;

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Config {
    /// Only what has changed, as it was and as it is.
    pub(super) diff: bool,
    pub(super) code: bool,
    pub(super) storage: bool,
}

pub(super) fn tell(execution: &Execution, prestate: &Prestate, config: Config) -> Value {
    let (mut pre, mut post) = (Map::new(), Map::new());
    for (address, before) in prestate {
        let after = execution.state.get(address);
        if let Some(after) = after
            && after.is_created()
            && before.is_empty()
        {
            // What came to be has no past.
            if config.diff && !after.is_selfdestructed() {
                post.insert(key(address), changes(before, after, config));
            }
            continue;
        }
        let mut told = account(before, config);
        let slots = after.into_iter().filter(|_| config.storage).flat_map(|after| &after.storage);
        let slots = slots.map(|(slot, value)| (slot, value.original_value(), value.present_value()));
        if config.diff {
            let Some(after) = after else { continue };
            let is_gone = after.is_selfdestructed();
            let changed = changes(before, after, config);
            if !is_gone && changed.as_object().is_none_or(Map::is_empty) && !has_cleared_slot(after, config) {
                continue;
            }
            let slots = slots.filter(|(_, was, is)| !was.is_zero() && (is_gone || was != is));
            put_storage(&mut told, slots.map(|(slot, was, _)| (*slot, was)));
            if !is_gone {
                post.insert(key(address), changed);
            }
        } else {
            put_storage(&mut told, slots.map(|(slot, was, _)| (*slot, was)));
        }
        pre.insert(key(address), Value::Object(told));
    }
    if config.diff { json!({ "pre": pre, "post": post }) } else { Value::Object(pre) }
}

fn key(address: &Address) -> String {
    hex::encode_prefixed(address)
}

/// An account as it was: the nonce and the code only if there are.
fn account(info: &AccountInfo, config: Config) -> Map<String, Value> {
    let mut told = Map::new();
    told.insert("balance".to_owned(), quantity(info.balance));
    if info.nonce != 0 {
        told.insert("nonce".to_owned(), info.nonce.into());
    }
    let code = code(info);
    if config.code && !code.is_empty() {
        told.insert("code".to_owned(), bytes(code));
    }
    told
}

/// What is different about an account now. Slots that are zero now are not told, nor is a code that is gone.
fn changes(before: &AccountInfo, after: &Account, config: Config) -> Value {
    let mut told = Map::new();
    if after.info.balance != before.balance {
        told.insert("balance".to_owned(), quantity(after.info.balance));
    }
    if after.info.nonce != before.nonce {
        told.insert("nonce".to_owned(), after.info.nonce.into());
    }
    if config.code && after.info.code_hash != before.code_hash {
        told.insert("code".to_owned(), bytes(code(&after.info)));
    }
    if config.storage {
        let changed = after.storage.iter().filter(|(_, slot)| slot.is_changed() && !slot.present_value().is_zero());
        put_storage(&mut told, changed.map(|(key, slot)| (*key, slot.present_value())));
    }
    Value::Object(told)
}

fn has_cleared_slot(after: &Account, config: Config) -> bool {
    config.storage && after.storage.values().any(|slot| slot.is_changed() && slot.present_value().is_zero())
}

fn put_storage(told: &mut Map<String, Value>, slots: impl Iterator<Item = (U256, U256)>) {
    let slots: Map<String, Value> =
        slots.map(|(slot, value)| (hex::encode_prefixed(B256::from(slot)), bytes(B256::from(value)))).collect();
    if !slots.is_empty() {
        told.insert("storage".to_owned(), slots.into());
    }
}

fn code(info: &AccountInfo) -> Bytes {
    info.code.as_ref().map(|code| code.original_bytes()).unwrap_or_default()
}
