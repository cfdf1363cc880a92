//! Replays what a real Nitro node (v3.9.8, ArbOS 51, L1 price 0) answered, and compares.
//!
//! A suite in `tests/vectors` is one account and its steps in order; its nonces start at zero, so all addresses are the
//! recorded ones. Flags of a step say what of the answer must be equal: `volatile` (depends on time or block: status and
//! gas only), `shape` (names and types only), `setup` (not compared), `loose` (not gas, ink and output), `dataFee` (the fee
//! in output and event depends on time). Error texts are for orientation: codes and data must be equal.

mod support;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use alloy_consensus::{TxEip1559, TxEip2930, TxLegacy};
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, hex, keccak256};
use devnode::accounts::DEV_ACCOUNTS;
use devnode::rpc::Api;
use devnode::wasm::Engine;
use devnode::{Config, Node};
use serde_json::{Map, Value, json};

const FEE: u128 = 1_000_000_000;
/// Differences that are printed of a suite.
const SHOWN: usize = 40;

/// Steps whose answer is known to differ, and why. One that does not differ any more fails its suite.
const KNOWN: [(&str, &str, &str); 0] = [];

/// Steps of which only the shape must be equal, but all is.
const EXACT: [(&str, &str); 1] = [("rpc", "trace: struct logs")];

#[test]
fn programs() {
    replay(&["programs"]);
}

#[test]
fn storage() {
    replay(&["storage"]);
}

#[test]
fn hostio() {
    replay(&["hostio"]);
}

#[test]
fn accounts() {
    replay(&["accounts"]);
}

/// It calls programs that only `programs` activates.
#[test]
fn calls() {
    replay(&["programs", "calls"]);
}

#[test]
fn creates() {
    replay(&["creates"]);
}

/// The deployer's programs must be active already.
#[test]
fn contracts_and_deployer() {
    replay(&["contracts", "deployer"]);
}

#[test]
fn rpc() {
    replay(&["rpc"]);
}

#[test]
fn evm() {
    replay(&["evm"]);
}

#[test]
fn precompiles() {
    replay(&["precompiles"]);
}

/// Replays suites with each engine that there is.
fn replay(names: &[&str]) {
    Engine::ALL.iter().for_each(|&engine| replay_with(engine, names));
}

/// Runs suites one after the other on one new chain; fails with the differences.
fn replay_with(engine: Engine, names: &[&str]) {
    let mut chain = Chain::new(engine);
    let mut report = String::new();
    let (mut passed, mut failed) = (0, 0);
    for name in names {
        let path = format!("{}/tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let suite: Value = serde_json::from_slice(&std::fs::read(path).expect("a recorded suite")).expect("JSON");
        let mut account = Account::new(&suite);
        chain.fund(account.address);
        for step in suite["steps"].as_array().expect("steps") {
            let got = compact(account.perform(&mut chain, step));
            if flag(step, "setup") {
                continue;
            }
            let id = text(step, "id");
            let is_exact = EXACT.contains(&(name, id));
            let known = KNOWN.iter().find(|(suite, known, _)| suite == name && *known == id);
            let mut differences = Vec::new();
            if is_exact {
                diff(Some(&step["expect"]), Some(&got), "", &mut differences);
            } else {
                diff(Some(&essence(step, &step["expect"])), Some(&essence(step, &got)), "", &mut differences);
            }
            match (differences.is_empty(), known) {
                (true, None) => {
                    passed += 1;
                    continue;
                }
                (false, Some((.., why))) => {
                    println!("{name}/{id} differs: {why}");
                    continue;
                }
                (true, Some(_)) => differences.push("it does not differ any more".to_owned()),
                (false, None) => {}
            }
            failed += 1;
            if failed <= SHOWN {
                let _ = writeln!(report, "{name}/{id}\n  {}", differences[..differences.len().min(6)].join("\n  "));
            }
        }
    }
    assert!(failed == 0, "{report}{engine}: {passed} passed, {failed} failed");
    println!("{engine}: {passed} passed, 0 failed");
}

fn flag(step: &Value, name: &str) -> bool {
    step[name].as_bool().unwrap_or_default()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} is a text"))
}

/// A node and the account that funds the others.
struct Chain {
    api: Api,
    rich_nonce: u64,
}

impl Chain {
    fn new(engine: Engine) -> Self {
        let node = Node::new(Config { engine, ..Config::default() }).expect("a possible configuration");
        Self { api: Api::new(Arc::new(node)), rich_nonce: 0 }
    }

    /// An answer as it stands in a suite.
    fn ask(&self, method: &str, params: Value) -> Value {
        match self.api.request(method, params) {
            Ok(result) => json!({ "result": result }),
            Err(error) => {
                let mut told = json!({ "code": error.code, "message": error.message });
                if let Some(data) = error.data {
                    told["data"] = data;
                }
                json!({ "error": told })
            }
        }
    }

    fn fund(&mut self, address: Address) {
        let step = json!({
            "to": address, "data": "0x", "gas": 21_000, "value": (U256::from(100) * U256::from(10).pow(U256::from(18))).to_string()
        });
        let sent = self.ask("eth_sendRawTransaction", json!([sign(DEV_ACCOUNTS[0].key, self.rich_nonce, &step)]));
        assert!(sent.get("error").is_none(), "funding: {sent}");
        self.rich_nonce += 1;
    }
}

/// The account of a suite.
struct Account {
    address: Address,
    key: B256,
    nonce: u64,
    /// What `$tx`, `$block`, `$hash` and `$raw` stand for.
    names: HashMap<&'static str, Value>,
}

impl Account {
    fn new(suite: &Value) -> Self {
        let address = text(suite, "from").parse().expect("an address");
        let key = text(suite, "key").parse().expect("a key");
        Self { address, key, nonce: 0, names: HashMap::new() }
    }

    fn perform(&mut self, chain: &mut Chain, step: &Value) -> Value {
        match text(step, "kind") {
            "rpc" => chain.ask(text(step, "method"), self.resolve(&step["params"])),
            "call" => {
                let value: U256 = text(step, "value").parse().expect("a number");
                let gas = step["gas"].as_u64().expect("gas");
                let call = json!({
                    "from": self.address, "to": step["to"], "data": step["data"],
                    "value": format!("{value:#x}"), "gas": format!("{gas:#x}"),
                });
                chain.ask("eth_call", json!([call, "latest"]))
            }
            "tx" => self.transact(chain, step),
            other => panic!("unknown kind of step: {other}"),
        }
    }

    fn transact(&mut self, chain: &Chain, step: &Value) -> Value {
        let raw = sign(self.key, self.nonce, step);
        let sent = chain.ask("eth_sendRawTransaction", json!([raw]));
        if let Some(error) = sent.get("error") {
            return json!({ "rejected": error });
        }
        self.nonce += 1;
        let hash = &sent["result"];
        let receipt = &chain.ask("eth_getTransactionReceipt", json!([hash]))["result"];
        if flag(step, "remember") {
            self.names = HashMap::from([
                ("$tx", receipt["transactionHash"].clone()),
                ("$block", receipt["blockNumber"].clone()),
                ("$hash", receipt["blockHash"].clone()),
                ("$raw", json!(raw)),
            ]);
        }
        let number = |name: &str| u64::from_str_radix(&text(receipt, name)[2..], 16).expect("a quantity");
        let logs = receipt["logs"].as_array().expect("logs").iter();
        let mut out = json!({
            "status": number("status"),
            "gasUsed": number("gasUsed"),
            "logs": logs.map(|log| only(log, &["address", "topics", "data"])).collect::<Vec<_>>(),
        });
        if !receipt["contractAddress"].is_null() {
            out["contractAddress"] = receipt["contractAddress"].clone();
        }
        let calls = chain.ask("debug_traceTransaction", json!([hash, { "tracer": "callTracer" }]));
        if let Some(calls) = calls.get("result") {
            out["output"] = calls.get("output").cloned().unwrap_or_else(|| json!("0x"));
            if let Some(error) = calls.get("error") {
                out["error"] = error.clone();
            }
        }
        let ink = chain.ask("debug_traceTransaction", json!([hash, { "tracer": "stylusTracer" }]));
        if let Some(records) = ink["result"].as_array().filter(|records| !records.is_empty()) {
            let ends = ["user_entrypoint", "exit_early", "user_returned"];
            let told = records.iter().filter(|record| step["ink"] != "total" || ends.contains(&text(record, "name")));
            out["ink"] = told.cloned().collect();
        }
        out
    }

    fn resolve(&self, value: &Value) -> Value {
        match value {
            Value::String(name) => self.names.get(name.as_str()).unwrap_or(value).clone(),
            Value::Array(items) => items.iter().map(|item| self.resolve(item)).collect(),
            Value::Object(fields) => {
                Value::Object(fields.iter().map(|(name, value)| (name.clone(), self.resolve(value))).collect())
            }
            other => other.clone(),
        }
    }
}

/// Signs the transaction of a step: type 2 unless it says otherwise, exactly its gas.
fn sign(key: B256, nonce: u64, step: &Value) -> String {
    let chain_id = Config::default().chain_id;
    let gas_limit = step["gas"].as_u64().expect("gas");
    let to = step["to"].as_str().map_or(TxKind::Create, |to| TxKind::Call(to.parse().expect("an address")));
    let value = text(step, "value").parse().expect("a number");
    let input: Bytes = text(step, "data").parse().expect("hex");
    let items = step["accessList"].as_array().into_iter().flatten().map(|item| AccessListItem {
        address: item[0].as_str().expect("an address").parse().expect("an address"),
        storage_keys: item[1]
            .as_array()
            .expect("slots")
            .iter()
            .map(|key| key.as_str().expect("a slot").parse().expect("a slot"))
            .collect(),
    });
    let access_list = AccessList(items.collect());
    match step["type"].as_u64().unwrap_or(2) {
        0 => support::sign(
            key,
            TxLegacy { chain_id: Some(chain_id), nonce, gas_price: FEE, gas_limit, to, value, input },
        ),
        1 => {
            support::sign(key, TxEip2930 { chain_id, nonce, gas_price: FEE, gas_limit, to, value, access_list, input })
        }
        2 => support::sign(
            key,
            TxEip1559 {
                chain_id,
                nonce,
                gas_limit,
                max_fee_per_gas: FEE,
                max_priority_fee_per_gas: 0,
                to,
                value,
                access_list,
                input,
            },
        ),
        other => panic!("no such type: {other}"),
    }
}

fn only(value: &Value, names: &[&str]) -> Value {
    Value::Object(names.iter().map(|name| ((*name).to_owned(), value[*name].clone())).collect())
}

/// Long hex is kept as its hash and length.
fn compact(value: Value) -> Value {
    match value {
        Value::String(hex) if hex.len() >= 2_102 && hex.starts_with("0x") => {
            let bytes = hex::decode(&hex).expect("hex");
            json!({ "keccak256": keccak256(&bytes), "bytes": bytes.len() })
        }
        Value::Array(items) => items.into_iter().map(compact).collect(),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, compact(value))).collect())
        }
        other => other,
    }
}

/// Names and types of an answer; of lists those of the first item.
fn shape(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().take(1).map(shape).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect())
        }
        Value::Null => json!("null"),
        Value::Bool(_) => json!("boolean"),
        Value::Number(_) => json!("number"),
        Value::String(_) => json!("string"),
    }
}

/// What of an answer must be equal.
fn essence(step: &Value, answer: &Value) -> Value {
    if flag(step, "shape") {
        return if answer.get("error").is_some() { json!({ "error": "some" }) } else { shape(answer) };
    }
    if answer.get("rejected").is_some() {
        return json!({ "rejected": true });
    }
    let mut fields: Map<String, Value> = answer.as_object().expect("an object").clone();
    let succeeded = fields.get("status").is_some_and(|status| *status != 0);
    if let Some(error) = fields.get_mut("error") {
        match error {
            Value::String(text) if text == "execution reverted" => *error = json!("reverted"),
            Value::String(_) => *error = json!("failed"),
            Value::Object(fields) => fields.retain(|name, _| ["code", "data"].contains(&name.as_str())),
            _ => {}
        }
    }
    if flag(step, "dataFee") {
        if let Some(Value::Array(logs)) = fields.get_mut("logs") {
            logs.iter_mut().for_each(|log| *log = only(log, &["address", "topics"]));
        }
        match fields.get_mut("output") {
            Some(Value::String(output)) if !succeeded => output.truncate(10),
            _ => {
                fields.remove("output");
            }
        }
    }
    if flag(step, "loose") {
        fields.retain(|name, _| !["gasUsed", "ink"].contains(&name.as_str()));
        if succeeded {
            fields.remove("output");
        }
    }
    if flag(step, "volatile") {
        fields.retain(|name, _| !["output", "logs", "ink", "result"].contains(&name.as_str()));
        if let Some(Value::Object(error)) = fields.get_mut("error") {
            error.remove("data");
        }
    }
    Value::Object(fields)
}

/// Each place at which two answers differ.
fn diff(expected: Option<&Value>, got: Option<&Value>, at: &str, found: &mut Vec<String>) {
    if expected == got {
        return;
    }
    let inside = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    match (expected, got) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
            names.sort_unstable();
            names.dedup();
            names.iter().for_each(|name| diff(a.get(*name), b.get(*name), &inside(name), found));
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            (0..a.len().max(b.len())).for_each(|i| diff(a.get(i), b.get(i), &inside(&i.to_string()), found));
        }
        (a, b) => {
            let cut = |value: Option<&Value>| {
                value.map_or("absent".to_owned(), |value| value.to_string().chars().take(120).collect())
            };
            found.push(format!("{at}: expected {}, got {}", cut(a), cut(b)));
        }
    }
}
