//! What a developer sees of an execution: opcodes, state before and after, console lines, where the gas of programs went.

mod support;

use std::sync::mpsc;

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, address, hex, keccak256};
use devnode::accounts::DEV_ACCOUNTS;
use devnode::profile::Profile;
use serde_json::{Value, json};
use support::{Chain, signed, transfer};

/// Stores 7 in slot 0, loads it, and gives it back.
const STORER: &str = "0x60075f555f545f5260205ff3";
/// Clears slot 0.
const CLEARER: &str = "0x5f5f5500";
/// Calls the address in its calldata with its gas, then creates an empty contract.
const CALLER: &str = "0x5f5f5f5f5f5f355af1505f5f5ff000";
/// Reverts with its calldata.
const REVERTER: &str = "0x365f5f37365ffd";
/// Calls the address of `console.log` with its calldata, then reverts with nothing.
const TALKER: &str = "0x365f5f375f5f365f6a636f6e736f6c652e6c6f675afa505f5ffd";
const ARB_WASM: Address = address!("0000000000000000000000000000000000000071");

impl Chain {
    fn send(&self, to: Option<Address>, value: u128, data: impl Into<Bytes>) -> Value {
        let tx = TxEip1559 {
            gas_limit: 10_000_000,
            to: to.map_or(TxKind::Create, TxKind::Call),
            value: U256::from(value),
            input: data.into(),
            ..transfer(self.nonce(DEV_ACCOUNTS[0].address), Address::ZERO, "0x")
        };
        self.ask("eth_sendRawTransaction", json!([signed(tx)]))
    }

    fn trace(&self, hash: &Value, options: Value) -> Value {
        self.ask("debug_traceTransaction", json!([hash, options]))
    }

    /// Deploys and activates a program.
    fn program(&self, wat: &str) -> Address {
        let wasm = wat_bytes(wat);
        let code = [&hex!("eff00000")[..], &stored_brotli(&wasm)].concat();
        // Init code that returns what follows it: PUSH2 length, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN.
        let length = (code.len() as u16).to_be_bytes();
        let init = [&[0x61, length[0], length[1], 0x80, 0x60, 10, 0x5f, 0x39, 0x5f, 0xf3], code.as_slice()].concat();
        let receipt = self.receipt(&self.send(None, 0, init));
        assert_eq!(receipt["status"], "0x1", "{receipt}");
        let program: Address = receipt["contractAddress"].as_str().expect("an address").parse().expect("an address");
        let activate = [&keccak256("activateProgram(address)")[..4], program.into_word().as_slice()].concat();
        let receipt = self.receipt(&self.send(Some(ARB_WASM), 10u128.pow(18), activate));
        assert_eq!(receipt["status"], "0x1", "{receipt}");
        program
    }
}

fn wat_bytes(wat: &str) -> Vec<u8> {
    let buffer = wast::parser::ParseBuffer::new(wat).expect("tokens");
    wast::parser::parse::<wast::Wat<'_>>(&buffer).expect("a module").encode().expect("an encoding")
}

/// A brotli stream that holds `bytes` as they are: one stored block, then an empty last one.
fn stored_brotli(bytes: &[u8]) -> Vec<u8> {
    assert!((1..=1 << 16).contains(&bytes.len()));
    // Window of 2^16 (one bit 0), not the last block (0), four nibbles of length (00), length - 1, stored (1).
    let head = ((bytes.len() as u32 - 1) << 4) | (1 << 20);
    [&head.to_le_bytes()[..3], bytes, &[3]].concat()
}

fn call_data(to: Address) -> Bytes {
    to.into_word().to_vec().into()
}

fn log(trace: &Value, op: &str) -> Value {
    let steps = trace["structLogs"].as_array().expect("steps");
    steps.iter().find(|step| step["op"] == op).unwrap_or_else(|| panic!("{op} in {trace}")).clone()
}

/// Logs text through the console, stores calldata's first word, and returns it.
const PROGRAM: &str = r#"(module
    (import "vm_hooks" "read_args" (func $args (param i32)))
    (import "vm_hooks" "write_result" (func $result (param i32 i32)))
    (import "vm_hooks" "storage_cache_bytes32" (func $cache (param i32 i32)))
    (import "vm_hooks" "storage_flush_cache" (func $flush (param i32)))
    (import "vm_hooks" "pay_for_memory_grow" (func (param i32)))
    (import "console" "log_txt" (func $log (param i32 i32)))
    (memory (export "memory") 1 1)
    (data (i32.const 64) "hello")
    (func (export "user_entrypoint") (param i32) (result i32)
        (call $log (i32.const 64) (i32.const 5))
        (call $args (i32.const 0))
        (call $cache (i32.const 32) (i32.const 0))
        (call $flush (i32.const 0))
        (call $result (i32.const 0) (i32.const 32))
        (i32.const 0)))"#;

#[test]
fn opcodes_are_told_in_geths_shape() {
    let chain = Chain::default();
    let storer = chain.place(0x11, STORER);
    let trace = chain.trace(&chain.send(Some(storer), 0, Bytes::new()), json!({ "enableMemory": true }));
    assert_eq!(trace["failed"], false);
    assert_eq!(trace["returnValue"], format!("0x{:064x}", 7));
    let ops: Vec<_> = trace["structLogs"].as_array().expect("steps").iter().map(|step| &step["op"]).collect();
    assert_eq!(ops, ["PUSH1", "PUSH0", "SSTORE", "PUSH0", "SLOAD", "PUSH0", "MSTORE", "PUSH1", "PUSH0", "RETURN"]);

    let store = log(&trace, "SSTORE");
    assert_eq!(store["stack"], json!(["0x7", "0x0"]));
    assert_eq!((&store["pc"], &store["depth"], &store["gasCost"]), (&json!(3), &json!(1), &json!(22_100)));
    assert_eq!(store["storage"], json!({ format!("{:064x}", 0): format!("{:064x}", 7) }));
    let load = log(&trace, "SLOAD");
    assert_eq!(load["gas"].as_u64().unwrap(), store["gas"].as_u64().unwrap() - 22_102);
    assert_eq!((&load["gasCost"], &load["storage"]), (&json!(100), &store["storage"]));
    assert_eq!(log(&trace, "MSTORE").get("memory"), None, "memory is told as it was before");
    assert_eq!(log(&trace, "RETURN")["memory"], json!([format!("{:064x}", 7)]));
}

#[test]
fn opcodes_are_told_without_what_is_not_wanted() {
    let chain = Chain::default();
    let storer = chain.place(0x11, STORER);
    let hash = chain.send(Some(storer), 0, Bytes::new());
    let trace =
        chain.trace(&hash, json!({ "disableStack": true, "disableStorage": true, "timeout": "5s", "reexec": 3 }));
    let names = ["pc", "op", "gas", "gasCost", "depth"];
    for step in trace["structLogs"].as_array().expect("steps") {
        let fields = step.as_object().expect("an object");
        assert!(fields.len() == names.len() && names.iter().all(|name| fields.contains_key(*name)), "{step}");
    }
    let cut = chain.trace(&hash, json!({ "limit": 1 }));
    assert_eq!(cut["structLogs"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_call_costs_what_it_hands_over_and_a_creation_does_not() {
    let chain = Chain::default();
    let storer = chain.place(0x11, STORER);
    let caller = chain.place(0x22, CALLER);
    let trace = chain.trace(&chain.send(Some(caller), 0, call_data(storer)), json!({ "enableReturnData": true }));
    let call = log(&trace, "CALL");
    let gas = call["gas"].as_u64().unwrap() - 2_600;
    assert_eq!(call["gasCost"], 2_600 + gas - gas / 64);
    let inner = log(&trace, "SSTORE");
    assert_eq!((&inner["depth"], &inner["storage"].as_object().map(|slots| slots.len())), (&json!(2), &Some(1)));
    assert_eq!(log(&trace, "POP")["returnData"], format!("0x{:064x}", 7));
    assert_eq!(log(&trace, "CREATE")["gasCost"], 32_000);
}

#[test]
fn refunds_and_failures_stand_at_their_opcodes() {
    let chain = Chain::default();
    let clearer = chain.place(0x11, CLEARER);
    chain.ask("anvil_setStorageAt", json!([clearer, "0x0", format!("0x{:064x}", 1)]));
    let trace = chain.trace(&chain.send(Some(clearer), 0, Bytes::new()), json!({}));
    assert_eq!(log(&trace, "SSTORE").get("refund"), None);
    assert_eq!(log(&trace, "STOP")["refund"], 4_800);

    let call = |to: Address, gas: u64| {
        chain.ask("debug_traceCall", json!([{ "to": to, "gas": format!("{gas:#x}") }, "latest", {}]))
    };
    let starved = call(clearer, 21_100);
    assert_eq!((&starved["failed"], &starved["returnValue"]), (&json!(true), &json!("0x")));
    assert_eq!(log(&starved, "SSTORE")["error"], "out of gas");
    let underflow = call(chain.place(0x12, "0x50"), 50_000);
    assert_eq!(log(&underflow, "POP")["error"], "stack underflow");
    let undefined = call(chain.place(0x13, "0x0c"), 50_000);
    assert_eq!(log(&undefined, "opcode 0xc not defined").get("error"), None);
}

#[test]
fn traces_that_are_too_large_are_refused() {
    let chain = Chain::default();
    // A loop without an end: JUMPDEST, MSIZE, POP, PUSH0, JUMP.
    let endless = chain.place(0x11, "0x5b59505f56");
    let error = chain.refuse("debug_traceCall", json!([{ "to": endless }, "latest", {}]));
    assert_eq!(error.message, "the trace is too large: it would take more than 512 MiB");
    // The same with calls of 4 KiB: JUMPDEST, PUSH0, PUSH0, PUSH2 4096, PUSH0, PUSH0, GAS, STATICCALL, POP, PUSH0, JUMP.
    let caller = chain.place(0x12, "0x5b5f5f6110005f5f5afa505f56");
    for tracer in ["callTracer", "flatCallTracer"] {
        let error = chain.refuse("debug_traceCall", json!([{ "to": caller }, "latest", { "tracer": tracer }]));
        assert!(error.message.starts_with("the trace is too large"), "{tracer}: {}", error.message);
    }
}

#[test]
fn options_of_a_wrong_kind_are_refused() {
    let chain = Chain::default();
    let refuse = |options: Value| chain.refuse("debug_traceCall", json!([{}, "latest", options])).code;
    for options in [
        json!("callTracer"),
        json!({ "tracer": 7 }),
        json!({ "tracer": "x".repeat(100_000) }),
        json!({ "disableStack": "yes" }),
        json!({ "limit": -1 }),
        json!({ "tracer": "callTracer", "tracerConfig": [] }),
        json!({ "tracer": "callTracer", "tracerConfig": { "withLog": 1 } }),
        json!({ "tracer": "muxTracer", "tracerConfig": { "callTracer": 1 } }),
    ] {
        assert_eq!(refuse(options.clone()), -32602, "{options}");
    }
    assert_eq!(refuse(json!({ "tracer": "muxTracer", "tracerConfig": { "muxTracer": {} } })), -32000);
}

#[test]
fn the_state_before_a_transaction_is_told() {
    let chain = Chain::default();
    let storer = chain.place(0x11, STORER);
    let sender = DEV_ACCOUNTS[0].address;
    let balance = chain.ask("eth_getBalance", json!([sender]));
    let hash = chain.send(Some(storer), 0, Bytes::new());
    let pre = chain.trace(&hash, json!({ "tracer": "prestateTracer" }));
    let at = |address: Address| &pre[hex::encode_prefixed(address)];
    assert_eq!(*at(sender), json!({ "balance": balance }));
    let slot = format!("0x{:064x}", 0);
    assert_eq!(*at(storer), json!({ "balance": "0x0", "code": STORER, "storage": { &slot: &slot } }));
    assert_eq!(at(address!("a4b000000000000000000073657175656e636572"))["balance"], "0x0");
    let bare = json!({ "tracer": "prestateTracer", "tracerConfig": { "disableCode": true, "disableStorage": true } });
    assert_eq!(chain.trace(&hash, bare)[hex::encode_prefixed(storer)], json!({ "balance": "0x0" }));
}

#[test]
fn the_difference_that_a_transaction_makes_is_told() {
    let chain = Chain::default();
    let (storer, clearer) = (chain.place(0x11, STORER), chain.place(0x12, CLEARER));
    let one = format!("0x{:064x}", 1);
    chain.ask("anvil_setStorageAt", json!([clearer, "0x0", one]));
    let diff =
        |hash: &Value| chain.trace(hash, json!({ "tracer": "prestateTracer", "tracerConfig": { "diffMode": true } }));
    let (sender, slot) = (hex::encode_prefixed(DEV_ACCOUNTS[0].address), format!("0x{:064x}", 0));

    let told = diff(&chain.send(Some(storer), 0, Bytes::new()));
    let key = hex::encode_prefixed(storer);
    assert_eq!(told["pre"][&key], json!({ "balance": "0x0", "code": STORER }));
    assert_eq!(told["post"][&key], json!({ "storage": { &slot: format!("0x{:064x}", 7) } }));
    assert_eq!(told["post"][&sender]["nonce"], 1);
    assert_eq!(told["post"][&sender]["balance"], chain.ask("eth_getBalance", json!([sender])));

    let told = diff(&chain.send(Some(clearer), 0, Bytes::new()));
    let key = hex::encode_prefixed(clearer);
    assert_eq!(told["pre"][&key]["storage"], json!({ &slot: one }));
    assert_eq!(told["post"][&key], json!({}));

    // Init code that returns one byte: PUSH1 1, PUSH0, RETURN.
    let hash = chain.send(None, 5, hex!("60015ff3").to_vec());
    let told = diff(&hash);
    let created = chain.receipt(&hash)["contractAddress"].as_str().expect("an address").to_owned();
    assert_eq!(told["pre"].get(&created), None, "what was created has no past");
    assert_eq!(told["post"][&created], json!({ "balance": "0x5", "nonce": 1, "code": "0x00" }));
}

#[test]
fn several_tracers_tell_at_once() {
    let chain = Chain::default();
    let storer = chain.place(0x11, STORER);
    let hash = chain.send(Some(storer), 0, hex!("01020304").to_vec());
    let mux = json!({ "tracer": "muxTracer", "tracerConfig": { "4byteTracer": null, "prestateTracer": {}, "callTracer": { "onlyTopCall": true } } });
    let told = chain.trace(&hash, mux);
    for (name, config) in
        [("4byteTracer", json!({})), ("prestateTracer", json!({})), ("callTracer", json!({ "onlyTopCall": true }))]
    {
        assert_eq!(told[name], chain.trace(&hash, json!({ "tracer": name, "tracerConfig": config })), "{name}");
    }
}

#[test]
fn blocks_are_traced_by_number_hash_and_bytes_with_every_tracer() {
    let chain = Chain::default();
    let storer = chain.place(0x11, STORER);
    let hash = chain.send(Some(storer), 0, Bytes::new());
    let block = chain.ask("eth_getBlockByNumber", json!(["latest"]));
    let raw = chain.ask("debug_getRawBlock", json!(["latest"]));
    for tracer in [
        json!({}),
        json!({ "tracer": "prestateTracer" }),
        json!({ "tracer": "callTracer" }),
        json!({ "tracer": "flatCallTracer" }),
    ] {
        let by_number = chain.ask("debug_traceBlockByNumber", json!(["latest", tracer]));
        assert_eq!(by_number.as_array().map(Vec::len), Some(2), "Arbitrum's own transaction, too");
        assert_eq!(by_number[1], json!({ "txHash": hash, "result": chain.trace(&hash, tracer.clone()) }));
        assert_eq!(chain.ask("debug_traceBlockByHash", json!([block["hash"], tracer])), by_number);
        assert_eq!(chain.ask("debug_traceBlock", json!([raw, tracer])), by_number);
    }
    assert_eq!(chain.refuse("debug_traceBlockByNumber", json!(["0x0"])).message, "genesis is not traceable");
    assert!(chain.refuse("debug_traceBlock", json!(["0x01"])).message.starts_with("could not decode block"));
}

#[test]
fn blocks_headers_and_receipts_are_given_encoded() {
    let chain = Chain::default();
    chain.send(Some(Address::repeat_byte(1)), 1, Bytes::new());
    let block = chain.ask("eth_getBlockByNumber", json!(["latest"]));
    let bytes = |value: Value| hex::decode(value.as_str().expect("hex")).expect("hex");
    let header = bytes(chain.ask("debug_getRawHeader", json!(["latest"])));
    assert_eq!(json!(keccak256(&header)), block["hash"]);
    let raw = bytes(chain.ask("debug_getRawBlock", json!([block["hash"]])));
    assert_eq!(block["size"], format!("{:#x}", raw.len()));
    assert!(raw.windows(header.len()).any(|part| part == header));
    let receipts = chain.ask("debug_getRawReceipts", json!(["latest"]));
    let kinds: Vec<_> =
        receipts.as_array().expect("receipts").iter().map(|receipt| bytes(receipt.clone())[0]).collect();
    assert_eq!(kinds, [0x6a, 2]);
}

#[test]
fn what_needs_state_roots_is_refused_with_the_reason() {
    let chain = Chain::default();
    for method in ["eth_getProof", "debug_storageRangeAt"] {
        let error = chain.refuse(method, json!([Address::ZERO, [], "latest"]));
        assert_eq!(error.code, -32601);
        assert!(error.message.contains("state roots"), "{}", error.message);
    }
}

#[test]
fn calls_are_traced_on_old_blocks_with_overrides_and_before_a_transaction() {
    let chain = Chain::default();
    // Gives back slot 0.
    let reader = chain.place(0x11, "0x5f545f5260205ff3");
    chain.ask("evm_mine", json!([]));
    chain.ask("anvil_setStorageAt", json!([reader, "0x0", format!("0x{:064x}", 5)]));
    chain.ask("evm_mine", json!([]));
    let value = |block: &str, options: Value| {
        chain.ask("debug_traceCall", json!([{ "to": reader }, block, options]))["returnValue"].clone()
    };
    let word = |number: u64| json!(format!("0x{number:064x}"));
    assert_eq!(value("0x1", json!({})), word(0));
    assert_eq!(value("latest", json!({})), word(5));
    let slots =
        json!({ "stateOverrides": { reader.to_string(): { "stateDiff": { format!("0x{:064x}", 0): word(9) } } } });
    assert_eq!(value("latest", slots), word(9));
    let time = json!({ "stateOverrides": { reader.to_string(): { "code": "0x425f5260205ff3" } }, "blockOverrides": { "time": "0x99" } });
    assert_eq!(value("latest", time), word(0x99));

    let storer = chain.place(0x22, STORER);
    chain.send(Some(storer), 0, Bytes::new());
    let slot = |index: u64| {
        let config = json!({ "tracer": "prestateTracer", "txIndex": format!("{index:#x}") });
        chain.ask("debug_traceCall", json!([{ "to": storer }, "latest", config]))[hex::encode_prefixed(storer)]["storage"].clone()
    };
    assert_eq!(slot(1), json!({ format!("0x{:064x}", 0): word(0) }));
    let error = chain.refuse("debug_traceCall", json!([{}, "latest", { "txIndex": "0x2" }]));
    assert!(error.message.starts_with("transaction index 2 out of range for block"), "{}", error.message);
}

#[test]
fn a_listener_hears_of_each_transaction_in_order() {
    let chain = Chain::default();
    let (tell, heard) = mpsc::channel();
    let tell = std::sync::Mutex::new(tell);
    chain.0.node().on_transaction(Box::new(move |outcome| {
        let told =
            (outcome.transaction().hash(), outcome.receipt().success, outcome.console.clone(), outcome.failure.clone());
        tell.lock().expect("no panic").send(told).expect("somebody hears");
    }));
    let (reverter, talker) = (chain.place(0x11, REVERTER), chain.place(0x12, TALKER));
    let error = hex::decode(format!("08c379a0{:064x}{:064x}{:0<64}", 0x20, 2, hex::encode("no"))).expect("hex");
    let line = [
        &keccak256("log(string,uint256)")[..4],
        &hex::decode(format!("{:064x}{:064x}{:064x}{:0<64}", 0x40, 42, 6, hex::encode("answer"))).expect("hex"),
    ]
    .concat();
    let program = PROGRAM;
    let hashes: Vec<B256> = [
        chain.send(Some(reverter), 0, error),
        chain.send(Some(reverter), 0, hex!("aabbccdd01").to_vec()),
        chain.send(Some(talker), 0, line),
        chain.send(Some(chain.place(0x13, "0xfe")), 0, Bytes::new()),
    ]
    .iter()
    .map(|hash| hash.as_str().expect("a hash").parse().expect("a hash"))
    .collect();
    let told: Vec<_> = heard.try_iter().collect();
    assert_eq!(told.iter().map(|told| told.0).collect::<Vec<_>>(), hashes);
    assert!(told.iter().all(|told| !told.1));
    assert_eq!(told[2].2, ["answer 42"], "a revert does not take back what was said");
    let failures: Vec<_> = told.iter().map(|told| told.3.as_deref().unwrap_or_default()).collect();
    assert_eq!(failures, ["no", "error 0xaabbccdd 0x01", "without a reason", "invalid opcode: INVALID"]);

    let program = chain.program(program);
    heard.try_iter().for_each(drop);
    chain.send(Some(program), 0, vec![7; 32]);
    let (_, success, console, failure) = heard.try_recv().expect("told before the sender has its answer");
    assert_eq!((success, console, failure), (true, vec!["hello".to_owned()], None));
}

#[test]
fn a_program_is_told_as_the_opcodes_that_do_the_same() {
    let chain = Chain::default();
    let program = chain.program(PROGRAM);
    let trace = chain.trace(&chain.send(Some(program), 0, vec![7; 32]), json!({}));
    let ops: Vec<_> = trace["structLogs"].as_array().expect("steps").iter().map(|step| &step["op"]).collect();
    assert_eq!(ops, ["SLOAD", "SLOAD", "CALLDATACOPY", "SSTORE", "RETURN"]);
    let store = log(&trace, "SSTORE");
    assert_eq!(store["stack"], json!([format!("0x7{}", "07".repeat(31)), "0x0"]));
    assert_eq!(store["storage"], json!({ format!("{:064x}", 0): "07".repeat(32) }));
    assert_eq!((&store["gasCost"], &store["depth"]), (&json!(22_106), &json!(1)));
}

#[test]
fn a_profile_tells_where_the_gas_of_programs_went() {
    let chain = Chain::default();
    let program = chain.program(PROGRAM);
    let caller = chain.place(0x22, CALLER);
    for (to, data, depth) in [(program, Bytes::from(vec![7; 32]), 0), (caller, call_data(program), 1)] {
        let hash = chain.send(Some(to), 0, data);
        let json = chain.ask("devnode_profile", json!([hash]));
        let profile: Profile = serde_json::from_value(json).expect("a profile");
        let used =
            chain.receipt(&hash)["gasUsed"].as_str().map(|gas| u64::from_str_radix(&gas[2..], 16).expect("a number"));
        assert_eq!(Some(profile.gas_used), used);
        let own: f64 = profile.frames.iter().map(|frame| frame.own_gas).sum();
        assert_eq!(profile.intrinsic as f64 + own, (profile.gas_used + profile.refunded) as f64, "{profile}");
        let frame = profile.frames.iter().find(|frame| frame.program.is_some()).expect("the program's frame");
        assert_eq!((frame.depth, frame.address), (depth, Some(program)));
        let inside = frame.program.as_ref().expect("a program");
        let host: f64 = inside.host_calls.iter().map(|calls| calls.gas).sum();
        assert!((inside.entry as f64 + inside.instructions + host - frame.own_gas).abs() < 2.0, "{profile}");
        assert_eq!(inside.host_calls[0].name, "storage_flush_cache", "{profile}");
        let table = profile.to_string();
        assert!(table.contains("storage_flush_cache") && table.contains("own instructions"), "{table}");
    }
    let unknown = chain.refuse("devnode_profile", json!([B256::ZERO]));
    assert_eq!(unknown.message, "transaction not found");
}
