//! Where a transaction's gas goes, from the node's traces.

use std::collections::HashMap;

use ethers::{
    providers::Middleware,
    types::{Address, TransactionReceipt},
};
use serde_json::{Value, json};

use crate::{
    artefact::Builder,
    chain::{self, Chain},
    deploy::{Deployment, deployer::program_of},
};

/// Gas of any transaction before it does anything.
const INTRINSIC: u64 = 21_000;

/// Ink for one gas.
const INK: u64 = 10_000;

/// What a transaction is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Anatomy {
    /// Frames that entered a program.
    pub entries: usize,
    /// Storage slots that went from zero to something, over all contracts.
    pub new_slots: usize,
    /// Gas that the work itself needs: intrinsic and calldata, entries of programs (cached), their storage and logs,
    /// and the execution of EVM contracts that they call.
    pub floor: u64,
    /// Gas inside the product's trigger, with all that it reads elsewhere.
    pub trigger: u64,
}

/// Takes a mined transaction apart. The chain must have `debug_traceTransaction`.
///
/// # Errors
/// Where the node does not trace.
pub async fn anatomy(
    chain: &Chain,
    deployment: &Deployment,
    receipt: &TransactionReceipt,
) -> Result<Anatomy, chain::Error> {
    let hash = receipt.transaction_hash;
    let calls = chain.request("debug_traceTransaction", json!([hash, {"tracer": "callTracer"}])).await?;
    let hostio = chain.request("debug_traceTransaction", json!([hash, {"tracer": "stylusTracer"}])).await?;
    let changes = json!([hash, {"tracer": "prestateTracer", "tracerConfig": {"diffMode": true}}]);
    let changes = chain.request("debug_traceTransaction", changes).await?;
    let tx = chain.provider().get_transaction(hash).await.ok().flatten();
    let input = tx.map(|tx| tx.input.to_vec()).unwrap_or_default();
    let calldata: u64 = input.iter().map(|byte| if *byte == 0 { 4 } else { 16 }).sum();

    let mut programs = HashMap::new();
    let builder = Builder::find();
    for name in deployment.ledger.code_hashes.keys() {
        if let (Some(address), Ok(artefact)) = (deployment.ledger.contract(name), builder.load(program_of(name))) {
            programs.insert(address, artefact.cached_gas);
        }
    }
    let mut anatomy = Anatomy { floor: INTRINSIC + calldata, ..Anatomy::default() };
    frames(&calls, &programs, &mut anatomy);
    anatomy.trigger = inside(&calls, deployment.address("depeg"));
    storage(&hostio, &mut anatomy);
    anatomy.new_slots = new_slots(&changes);
    Ok(anatomy)
}

/// Counts entries, and the gas of EVM contracts below programs.
fn frames(frame: &Value, programs: &HashMap<Address, u64>, anatomy: &mut Anatomy) {
    let to: Option<Address> = frame["to"].as_str().and_then(|text| text.parse().ok());
    match to.and_then(|to| programs.get(&to)) {
        Some(cached_gas) => {
            anatomy.entries += 1;
            anatomy.floor += cached_gas;
            for call in frame["calls"].as_array().into_iter().flatten() {
                frames(call, programs, anatomy);
            }
        }
        None => anatomy.floor += number(&frame["gasUsed"]),
    }
}

/// Gas of the frames that entered `contract`, each with what is below it.
fn inside(frame: &Value, contract: Address) -> u64 {
    let to: Option<Address> = frame["to"].as_str().and_then(|text| text.parse().ok());
    if to == Some(contract) {
        return number(&frame["gasUsed"]);
    }
    frame["calls"].as_array().into_iter().flatten().map(|call| inside(call, contract)).sum()
}

/// Slots that are something after a transaction and were nothing before, from the difference of states: what is zero
/// is not told in it.
fn new_slots(changes: &Value) -> usize {
    let accounts = changes["post"].as_object().into_iter().flatten();
    let slots = accounts.flat_map(|(account, after)| {
        let before = &changes["pre"][account]["storage"];
        after["storage"].as_object().into_iter().flatten().filter(move |(slot, _)| before[slot.as_str()].is_null())
    });
    slots.count()
}

/// Adds up what storage and logs cost in all programs.
fn storage(records: &Value, anatomy: &mut Anatomy) {
    for record in records.as_array().into_iter().flatten() {
        let ink = number(&record["startInk"]).saturating_sub(number(&record["endInk"]));
        if let "storage_load_bytes32"
        | "storage_flush_cache"
        | "transient_load_bytes32"
        | "transient_store_bytes32"
        | "emit_log" = record["name"].as_str().unwrap_or_default()
        {
            anatomy.floor += ink / INK;
        }
        storage(&record["steps"], anatomy);
    }
}

fn number(value: &Value) -> u64 {
    match value {
        Value::Number(number) => number.as_u64().unwrap_or(0),
        Value::String(text) => u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_programs_and_the_rest_is_counted_whole() {
        let program = Address::repeat_byte(1);
        let programs = HashMap::from([(program, 500)]);
        let trace = json!({
            "to": format!("{program:?}"), "gasUsed": "0xffff",
            "calls": [{"to": format!("{:?}", Address::repeat_byte(2)), "gasUsed": "0x64"}],
        });
        let mut anatomy = Anatomy::default();
        frames(&trace, &programs, &mut anatomy);
        assert_eq!((anatomy.entries, anatomy.floor), (1, 600));
    }

    #[test]
    fn what_a_contract_calls_is_inside_it() {
        let (feed, trigger, other) = (Address::repeat_byte(3), Address::repeat_byte(2), Address::repeat_byte(1));
        let trace = json!({
            "to": format!("{other:?}"), "gasUsed": "0xffff",
            "calls": [
                {"to": format!("{trigger:?}"), "gasUsed": "0x64", "calls": [{"to": format!("{feed:?}"), "gasUsed": "0x20"}]},
                {"to": format!("{other:?}"), "gasUsed": "0x40", "calls": [{"to": format!("{trigger:?}"), "gasUsed": "0x1"}]},
            ],
        });
        assert_eq!(inside(&trace, trigger), 101);
        assert_eq!(inside(&trace, feed), 32);
    }

    #[test]
    fn a_slot_is_new_when_it_was_nothing_before() {
        let (one, other) = (format!("0x{:0>64}", 1), format!("0x{:0>64}", 2));
        let account = format!("{:?}", Address::repeat_byte(1));
        let changes = json!({
            "pre": {account.clone(): {"storage": {one.clone(): "0x01"}}},
            "post": {account: {"storage": {one.clone(): "0x02", other: "0x03"}}},
        });
        assert_eq!(new_slots(&changes), 1);
        let records = json!([
            {"name": "storage_load_bytes32", "startInk": 30_000, "endInk": 10_000},
            {"name": "call_contract", "startInk": 90_000, "endInk": 10_000, "steps": [
                {"name": "storage_flush_cache", "startInk": 50_000, "endInk": 20_000},
            ]},
        ]);
        let mut anatomy = Anatomy::default();
        storage(&records, &mut anatomy);
        assert_eq!(anatomy.floor, 5, "two for the load and three for what was called, but not for the call");
    }
}
