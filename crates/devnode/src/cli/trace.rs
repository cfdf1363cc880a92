//! `trace`: what a transaction's programs asked of their host, and where the gas went.
//!
//! It reads what `stylusTracer` tells, so it works with any node that has one.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use alloy_primitives::{B256, hex, keccak256};
use clap::Args;
use serde_json::{Value, json};

use super::CliError;
use super::client::{ClientError, ask};

/// The precompile that tells the price of ink.
const ARB_WASM: &str = "0x0000000000000000000000000000000000000071";

/// Which transaction to show.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct TraceOptions {
    /// Hash of the transaction.
    pub hash: B256,
    /// The node that has it.
    #[arg(long, default_value = "http://127.0.0.1:8547", value_name = "URL")]
    pub rpc: String,
}

/// Prints what each program of a transaction did.
///
/// # Errors
///
/// The node cannot be asked, or does not have the transaction.
pub fn run(options: &TraceOptions) -> Result<(), CliError> {
    let hash = options.hash.to_string();
    let ask = |method: &str, params: Value| ask(&options.rpc, method, params);
    let receipt = ask("eth_getTransactionReceipt", json!([hash]))?;
    if receipt.is_null() {
        return Err(ClientError::Refused(format!("{} has no transaction {hash}", options.rpc)).into());
    }
    let tx = ask("eth_getTransactionByHash", json!([hash]))?;
    let records = ask("debug_traceTransaction", json!([hash, { "tracer": "stylusTracer" }]))?;
    let ink_price = hex::encode_prefixed(&keccak256("inkPrice()")[..4]);
    let price = ask("eth_call", json!([{ "to": ARB_WASM, "data": ink_price }, receipt["blockNumber"]]))?;

    let gas = quantity(&receipt["gasUsed"]).unwrap_or_default();
    let block = quantity(&receipt["blockNumber"]).unwrap_or_default();
    let status = if receipt["status"] == "0x1" { "success" } else { "failed" };
    println!("transaction {hash}: {status}, gas {gas}, block {block}");
    let mut programs = Vec::new();
    collect(records.as_array().map_or(&[], Vec::as_slice), tx["to"].as_str(), &mut programs);
    if programs.is_empty() {
        println!("\nNo program ran in it.");
    }
    let price = quantity(&price).filter(|price| *price > 0).unwrap_or(10_000);
    for program in &programs {
        print!("\n{}", program.table(price, gas));
    }
    Ok(())
}

/// One run of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Program {
    address: String,
    /// Ink of the calls of each host function, what they called included, and their number.
    calls: BTreeMap<String, (u64, u64)>,
    /// Ink between the calls: the program's own instructions, up to its last call.
    computation: u64,
}

impl Program {
    /// The program that these records are of, if they are a program's.
    fn of(records: &[Value], address: Option<&str>) -> Option<Self> {
        let name = |record: &Value| record["name"].as_str().unwrap_or_default().to_owned();
        let mut left =
            records.iter().find(|record| name(record) == "user_entrypoint").and_then(|entry| ink(entry, "startInk"))?;
        let mut program = Self { address: address.unwrap_or("a new contract").to_owned(), ..Self::default() };
        for record in records {
            let name = name(record);
            // Frames have no ink of their own; what comes and goes carries the ink at the start.
            if name.is_empty() || name.starts_with("evm_") || name.starts_with("user_") {
                continue;
            }
            let (Some(start), Some(end)) = (ink(record, "startInk"), ink(record, "endInk")) else { continue };
            program.computation += left.saturating_sub(start);
            let (ink, calls) = program.calls.entry(name).or_default();
            *ink += start.saturating_sub(end);
            *calls += 1;
            left = end;
        }
        Some(program)
    }

    /// A line for each host function, the dearest first. `gas` is that of the whole transaction.
    fn table(&self, price: u64, gas: u64) -> String {
        let mut rows: Vec<(&str, u64, u64)> =
            self.calls.iter().map(|(name, (ink, calls))| (name.as_str(), *calls, *ink)).collect();
        rows.sort_by_key(|(name, _, ink)| (std::cmp::Reverse(*ink), *name));
        let mut text = format!("program {}\n", self.address);
        let _ = writeln!(text, "{:<28}{:>8}{:>14}{:>8}", "host function", "calls", "gas", "share");
        let mut row = |name: &str, calls: &str, ink: u64| {
            let spent = ink as f64 / price as f64;
            let share = 100.0 * spent / gas.max(1) as f64;
            let _ = writeln!(text, "{name:<28}{calls:>8}{spent:>14.2}{share:>7.1}%");
        };
        for (name, calls, ink) in rows {
            row(name, &calls.to_string(), ink);
        }
        row("between the calls", "", self.computation);
        text
    }
}

/// The programs that ran, callers before those that they called.
fn collect(records: &[Value], address: Option<&str>, programs: &mut Vec<Program>) {
    programs.extend(Program::of(records, address));
    for record in records {
        if let Some(steps) = record["steps"].as_array() {
            collect(steps, record["address"].as_str(), programs);
        }
    }
}

/// Nodes tell ink as a number or as a quantity.
fn ink(record: &Value, name: &str) -> Option<u64> {
    record[name].as_u64().or_else(|| quantity(&record[name]))
}

fn quantity(value: &Value) -> Option<u64> {
    let digits = value.as_str()?.strip_prefix("0x")?.trim_start_matches('0');
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 16).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, start: u64, end: u64) -> Value {
        json!({ "name": name, "args": "0x", "outs": "0x", "startInk": start, "endInk": end })
    }

    #[test]
    fn ink_is_counted_by_function_and_between_them() {
        let mut call = record("call_contract", 800, 300);
        call["address"] = json!("0x02");
        call["steps"] = json!([record("user_entrypoint", 500, 500), record("read_args", 490, 480)]);
        let records = [
            record("user_entrypoint", 1_000, 1_000),
            record("read_args", 950, 900),
            record("read_args", 900, 850),
            call,
            record("user_returned", 1_000, 1_000),
        ];
        let mut programs = Vec::new();
        collect(&records, Some("0x01"), &mut programs);
        let caller = Program {
            address: "0x01".to_owned(),
            calls: BTreeMap::from([("read_args".to_owned(), (100, 2)), ("call_contract".to_owned(), (500, 1))]),
            computation: 100,
        };
        let called = Program {
            address: "0x02".to_owned(),
            calls: BTreeMap::from([("read_args".to_owned(), (10, 1))]),
            computation: 10,
        };
        assert_eq!(programs, [caller, called]);
        let table = programs[0].table(10, 100);
        let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[2], ["call_contract", "1", "50.00", "50.0%"]);
        assert_eq!(rows[3], ["read_args", "2", "10.00", "10.0%"]);
        assert_eq!(rows[4], ["between", "the", "calls", "10.00", "10.0%"]);
    }

    #[test]
    fn contracts_of_the_evm_are_no_programs() {
        let frame = json!({ "name": "evm_call_contract", "address": "0x03", "steps": [] });
        let mut programs = Vec::new();
        collect(&[frame], Some("0x01"), &mut programs);
        assert!(programs.is_empty());
    }

    #[test]
    fn ink_is_read_in_both_forms() {
        assert_eq!(ink(&json!({ "startInk": 17 }), "startInk"), Some(17));
        assert_eq!(ink(&json!({ "startInk": "0x11" }), "startInk"), Some(17));
        assert_eq!((quantity(&json!("0x0")), quantity(&json!("nothing"))), (Some(0), None));
    }
}
