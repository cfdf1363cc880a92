//! What clients see: errors in geth's words, overrides, snapshots, time, batches, the server itself.

mod support;

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::sync::Arc;

use alloy_consensus::{TxEip1559, TxLegacy};
use alloy_primitives::{Address, TxKind, U256, hex};
use devnode::accounts::DEV_ACCOUNTS;
use devnode::rpc::ServeError;
use devnode::{Config, Node};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{Chain, number, signed, transfer, word};

/// Reverts with its calldata; `60008037` … : CALLDATACOPY everything, REVERT.
const REVERTER: &str = "0x365f5f37365ffd";
/// Gives back what slot 0 holds.
const READER: &str = "0x5f545f5260205ff3";
/// Stores its first word in slot 0 and logs it with topic 7.
const WRITER: &str = "0x5f355f555f355f52600760205fa1";
/// Gives back the time.
const TELL_TIME: &str = "0x425f5260205ff3";

impl Chain {
    /// Sends a transaction of the first account.
    fn send(&self, to: Address, data: &str) -> Value {
        let nonce = self.nonce(DEV_ACCOUNTS[0].address);
        self.ask("eth_sendRawTransaction", json!([signed(transfer(nonce, to, data))]))
    }
}

/// `Error(string)` with the text "no".
fn error_no() -> String {
    format!("0x08c379a0{:064x}{:064x}{:0<64}", 0x20, 2, hex::encode("no"))
}

#[test]
fn reverts_have_code_three_their_reason_and_their_data() {
    let chain = Chain::default();
    let reverter = chain.place(0x11, REVERTER);
    for method in ["eth_call", "eth_estimateGas"] {
        let error = chain.refuse(method, json!([{ "to": reverter, "data": error_no() }]));
        assert_eq!((error.code, error.message.as_str()), (3, "execution reverted: no"), "{method}");
        assert_eq!(error.data, Some(json!(error_no())), "{method}");
        let error = chain.refuse(method, json!([{ "to": reverter }]));
        assert_eq!((error.code, error.message.as_str(), error.data), (3, "execution reverted", Some(json!("0x"))));
    }
}

#[test]
fn failures_that_are_no_reverts_have_no_data() {
    let chain = Chain::default();
    let invalid = chain.place(0x12, "0xfe");
    let error = chain.refuse("eth_call", json!([{ "to": invalid }]));
    assert_eq!((error.code, error.message.as_str(), error.data), (-32000, "invalid opcode: INVALID", None));
}

#[test]
fn a_reverted_transaction_is_mined_with_status_zero() {
    let chain = Chain::default();
    let reverter = chain.place(0x11, REVERTER);
    let receipt = chain.receipt(&chain.send(reverter, &error_no()));
    assert_eq!((&receipt["status"], &receipt["blockNumber"]), (&json!("0x0"), &json!("0x1")));
    assert_eq!(receipt["transactionIndex"], "0x1", "Arbitrum's own transaction comes first");
}

#[test]
fn refused_transactions_are_told_in_geths_words_and_change_nothing() {
    let chain = Chain::default();
    let (from, to) = (DEV_ACCOUNTS[0].address, Address::repeat_byte(0x33));
    let refuse = |raw: String| chain.refuse("eth_sendRawTransaction", json!([raw])).message;
    chain.send(to, "0x");
    assert_eq!(refuse(signed(transfer(0, to, "0x"))), format!("nonce too low: address {from}, tx: 0 state: 1"));
    let poor = TxEip1559 { value: U256::MAX >> 1, ..transfer(1, to, "0x") };
    assert!(
        refuse(signed(poor)).starts_with(&format!("insufficient funds for gas * price + value: address {from} have"))
    );
    let starved = TxEip1559 { gas_limit: 20_999, ..transfer(1, to, "0x") };
    assert_eq!(refuse(signed(starved)), "intrinsic gas too low: have 20999, want 21000");
    let stingy = TxEip1559 { max_fee_per_gas: 99_999_999, ..transfer(1, to, "0x") };
    assert_eq!(
        refuse(signed(stingy)),
        format!("max fee per gas less than block base fee: address {from}, maxFeePerGas: 99999999, baseFee: 100000000")
    );
    let elsewhere = TxEip1559 { chain_id: 1, ..transfer(1, to, "0x") };
    assert_eq!(refuse(signed(elsewhere)), "invalid chain id for signer: have 1 want 412346");
    assert_eq!(refuse("0x03c0".to_owned()), "transaction type not supported");
    assert_eq!(refuse("0x".to_owned()), "typed transaction too short");
    assert_eq!(refuse(format!("{}00", signed(transfer(1, to, "0x")))), "rlp: input contains more than one value");
    assert_eq!(refuse(format!("0x02{}", "00".repeat(95_000))), "oversized data: transaction size 95001, limit 95000");
    assert_eq!(chain.ask("eth_blockNumber", json!([])), "0x1");
    assert_eq!(chain.ask("eth_getTransactionCount", json!([from])), "0x1");
}

#[test]
fn a_transaction_without_a_chain_id_is_accepted() {
    let chain = Chain::default();
    let tx = TxLegacy {
        chain_id: None,
        nonce: 0,
        gas_price: 100_000_000_000,
        gas_limit: 21_000,
        to: TxKind::Call(Address::repeat_byte(0x33)),
        value: U256::ONE,
        input: Default::default(),
    };
    let hash = chain.ask("eth_sendRawTransaction", json!([signed(tx)]));
    assert_eq!(chain.receipt(&hash)["status"], "0x1");
    let told = chain.ask("eth_getTransactionByHash", json!([hash]));
    assert!(told["v"] == "0x1b" || told["v"] == "0x1c", "{}", told["v"]);
    assert!(told.get("chainId").is_none());
}

#[test]
fn a_transaction_that_comes_early_waits_for_those_before_it() {
    let chain = Chain::default();
    let to = Address::repeat_byte(0x33);
    let raw = |nonce| json!([signed(transfer(nonce, to, "0x"))]);
    let third = chain.ask("eth_sendRawTransaction", raw(2));
    let second = chain.ask("eth_sendRawTransaction", raw(1));
    assert_eq!(chain.refuse("eth_sendRawTransaction", raw(1)).message, "already known");
    assert!(chain.receipt(&third).is_null());
    assert!(chain.ask("eth_getTransactionByHash", json!([third]))["blockNumber"].is_null());
    let first = chain.ask("eth_sendRawTransaction", raw(0));
    let numbers: Vec<u64> =
        [first, second, third].iter().map(|hash| number(&chain.receipt(hash)["blockNumber"])).collect();
    assert_eq!(numbers, [1, 2, 3]);
}

#[test]
fn the_queue_is_bounded() {
    let chain = Chain::default();
    let raw = |nonce| json!([signed(transfer(nonce, Address::ZERO, "0x"))]);
    for nonce in 1..=64 {
        chain.ask("eth_sendRawTransaction", raw(nonce));
    }
    assert_eq!(chain.refuse("eth_sendRawTransaction", raw(65)).message, "txpool is full");
    chain.ask("eth_sendRawTransaction", raw(0));
    assert_eq!(chain.ask("eth_blockNumber", json!([])), "0x41");
}

#[test]
fn calls_see_overrides() {
    let chain = Chain::default();
    let nobody = Address::repeat_byte(0x44);
    let call = |params: Value| chain.ask("eth_call", params);
    let code = |code: &str| json!({ nobody.to_string(): { "code": code } });
    assert_eq!(call(json!([{ "to": nobody }, "latest", code(TELL_TIME), { "time": "0x12345678" }])), word(0x12345678));
    let slots = json!({ nobody.to_string(): { "code": READER, "stateDiff": { word(0): word(99) } } });
    assert_eq!(call(json!([{ "to": nobody }, "latest", slots])), word(99));
    let reader = chain.place(0x45, READER);
    chain.ask("anvil_setStorageAt", json!([reader, "0x0", word(5)]));
    assert_eq!(call(json!([{ "to": reader }])), word(5));
    let other_slot = json!({ reader.to_string(): { "stateDiff": { word(1): word(6) } } });
    assert_eq!(call(json!([{ "to": reader }, "latest", other_slot])), word(5));
    let all = json!({ reader.to_string(): { "state": { word(1): word(6) } } });
    assert_eq!(call(json!([{ "to": reader }, "latest", all])), word(0));
    let rich = json!({ nobody.to_string(): { "balance": "0x1" } });
    assert_eq!(call(json!([{ "from": nobody, "to": Address::ZERO, "value": "0x1" }, "latest", rich])), "0x");
    let poor = chain.refuse("eth_call", json!([{ "from": nobody, "to": reader, "value": "0x1" }]));
    assert!(poor.message.starts_with("err: insufficient funds for gas * price + value: address"), "{poor}");
    assert!(poor.message.ends_with("(supplied gas 50000000)"), "{poor}");
}

#[test]
fn estimates_suffice_and_are_near_the_least() {
    let chain = Chain::default();
    let writer = chain.place(0x22, WRITER);
    let from = DEV_ACCOUNTS[0].address;
    let call = json!({ "from": from, "to": writer, "data": word(1) });
    let estimate = number(&chain.ask("eth_estimateGas", json!([call])));
    let tx = TxEip1559 { gas_limit: estimate, ..transfer(0, writer, &word(1)) };
    let receipt = chain.receipt(&chain.ask("eth_sendRawTransaction", json!([signed(tx)])));
    assert_eq!(receipt["status"], "0x1");
    let used = number(&receipt["gasUsed"]);
    assert!(used <= estimate && estimate <= used + used / 50, "{used} used, {estimate} estimated");
    assert_eq!(
        chain.ask("eth_estimateGas", json!([{ "from": from, "to": Address::repeat_byte(0x33), "value": "0x1" }])),
        "0x5208"
    );
    let error =
        chain.refuse("eth_estimateGas", json!([{ "from": from, "to": writer, "data": word(2), "gas": "0x5300" }]));
    assert_eq!(error.message, "gas required exceeds allowance (21248)");
}

#[test]
fn access_lists_name_what_is_touched() {
    let chain = Chain::default();
    let reader = chain.place(0x45, READER);
    let other = Address::repeat_byte(0x46);
    let call = |to: Address| chain.ask("eth_createAccessList", json!([{ "to": to }]));
    assert_eq!(call(reader)["accessList"], json!([{ "address": reader, "storageKeys": [word(0)] }]));
    // BALANCE of another account.
    let asker = chain.place(0x47, &format!("0x73{}315f5260205ff3", hex::encode(other)));
    assert_eq!(call(asker)["accessList"], json!([{ "address": other, "storageKeys": [] }]));
    assert_eq!(call(other)["accessList"], json!([]));
    // SLOAD of the slot that is numbered as the gas that is left: every list changes it.
    let restless = chain.place(0x48, "0x5a545f5260205ff3");
    let settled = chain.0.request("eth_createAccessList", json!([{ "to": restless }]));
    assert!(settled.is_err_and(|error| error.message.contains("every access list")));
}

#[test]
fn old_blocks_can_be_read() {
    let chain = Chain::default();
    let writer = chain.place(0x22, WRITER);
    for value in 1..=3 {
        chain.send(writer, &word(value));
    }
    for block in 0..=3 {
        let at = format!("{block:#x}");
        assert_eq!(chain.ask("eth_getStorageAt", json!([writer, "0x0", at])), word(block));
        assert_eq!(chain.ask("eth_getTransactionCount", json!([DEV_ACCOUNTS[0].address, at])), at.as_str());
    }
    let hash = &chain.ask("eth_getBlockByNumber", json!(["0x2", false]))["hash"];
    assert_eq!(chain.ask("eth_getStorageAt", json!([writer, "0x0", { "blockHash": hash }])), word(2));
    assert_eq!(chain.refuse("eth_getBalance", json!([writer, "0x99"])).message, "header not found");
}

#[test]
fn state_beyond_the_history_is_forgotten_and_said_to_be() {
    let chain = Chain::new(Config { history: 3, ..Config::default() });
    let writer = chain.place(0x22, WRITER);
    for value in 1..=10 {
        chain.send(writer, &word(value));
    }
    assert_eq!(chain.ask("eth_getStorageAt", json!([writer, "0x0", "0x7"])), word(7));
    let error = chain.refuse("eth_getStorageAt", json!([writer, "0x0", "0x6"]));
    assert_eq!(error.message, "missing trie node: state of block 6 is not available");
    assert_eq!(chain.ask("eth_getBlockByNumber", json!(["0x1", true]))["transactions"][1]["nonce"], "0x0");
}

#[test]
fn a_revert_restores_state_blocks_and_time() {
    let chain = Chain::default();
    let writer = chain.place(0x22, WRITER);
    chain.send(writer, &word(1));
    let (head, time) = (chain.ask("eth_getBlockByNumber", json!(["latest", false])), chain.0.node().next_timestamp());
    let first = chain.ask("evm_snapshot", json!([]));
    chain.ask("evm_increaseTime", json!([86_400]));
    let later = chain.ask("evm_snapshot", json!([]));
    let undone = chain.send(writer, &word(2));
    chain.ask("anvil_setBalance", json!([writer, "0x7"]));
    assert_eq!(chain.ask("evm_revert", json!([first])), true);
    assert_eq!(chain.ask("eth_getBlockByNumber", json!(["latest", false])), head);
    assert_eq!(chain.ask("eth_getStorageAt", json!([writer, "0x0"])), word(1));
    assert_eq!(chain.ask("eth_getBalance", json!([writer])), "0x0");
    assert!(chain.receipt(&undone).is_null());
    assert!(chain.0.node().next_timestamp() < time + 3_600, "the clock went back too");
    assert_eq!(chain.ask("evm_revert", json!([later])), false, "later snapshots are gone");
    assert_eq!(chain.ask("evm_revert", json!([first])), false, "a snapshot is used up");
    chain.send(writer, &word(3));
    assert_eq!(chain.ask("eth_getStorageAt", json!([writer, "0x0"])), word(3));
}

#[test]
fn time_can_be_moved_forward_only() {
    let chain = Chain::new(Config { timestamp: Some(1_700_000_000), ..Config::default() });
    let clock = chain.place(0x55, TELL_TIME);
    let latest = |chain: &Chain| number(&chain.ask("eth_getBlockByNumber", json!(["latest", false]))["timestamp"]);
    chain.ask("evm_mine", json!([]));
    assert!((1_700_000_000..1_700_000_060).contains(&latest(&chain)));
    chain.ask("evm_setNextBlockTimestamp", json!([1_800_000_000]));
    assert_eq!(chain.ask("eth_call", json!([{ "to": clock }, "pending"])), word(1_800_000_000));
    chain.ask("evm_mine", json!([]));
    assert_eq!(latest(&chain), 1_800_000_000);
    chain.ask("evm_mine", json!(["0x6b49d201"]));
    assert_eq!(latest(&chain), 1_800_000_001);
    chain.ask("evm_increaseTime", json!(["0xe10"]));
    chain.ask("anvil_mine", json!(["0x3", "0x3c"]));
    assert!((1_800_003_721..1_800_003_781).contains(&latest(&chain)), "{}", latest(&chain));
    let error = chain.refuse("evm_setNextBlockTimestamp", json!([1_800_000_000]));
    assert!(error.message.contains("is lower than the latest block's timestamp"), "{error}");
    assert_eq!(
        chain.refuse("evm_increaseTime", json!(["0xffffffffffffffff"])).message,
        "timestamp beyond the year 9999"
    );
    assert!(chain.refuse("anvil_mine", json!(["0xffffffff"])).message.starts_with("cannot mine 4294967295 blocks"));
}

#[test]
fn logs_are_found_by_address_topic_and_block() {
    let chain = Chain::default();
    let writer = chain.place(0x22, WRITER);
    let filter = chain.ask("eth_newFilter", json!([{ "address": writer }]));
    let blocks = chain.ask("eth_newBlockFilter", json!([]));
    chain.send(writer, &word(1));
    chain.send(writer, &word(2));
    let find = |filter: Value| chain.ask("eth_getLogs", json!([filter])).as_array().expect("logs").len();
    assert_eq!(find(json!({ "fromBlock": "0x0", "toBlock": "latest" })), 2);
    assert_eq!(find(json!({})), 1, "the latest block only");
    assert_eq!(find(json!({ "fromBlock": "0x0", "topics": [word(7)] })), 2);
    assert_eq!(find(json!({ "fromBlock": "0x0", "topics": [[word(8), word(7)]] })), 2);
    assert_eq!(find(json!({ "fromBlock": "0x0", "topics": [word(8)] })), 0);
    assert_eq!(find(json!({ "fromBlock": "0x0", "topics": [null, word(7)] })), 0);
    assert_eq!(find(json!({ "fromBlock": "0x0", "address": [Address::ZERO, writer] })), 2);
    assert_eq!(find(json!({ "fromBlock": "0x0", "address": Address::ZERO })), 0);
    assert_eq!(
        chain.refuse("eth_getLogs", json!([{ "fromBlock": "0x10", "toBlock": "0x1" }])).message,
        "invalid block range params"
    );
    let changes = |id: &Value| chain.ask("eth_getFilterChanges", json!([id])).as_array().expect("changes").len();
    assert_eq!((changes(&filter), changes(&blocks)), (2, 2));
    assert_eq!((changes(&filter), changes(&blocks)), (0, 0));
    assert_eq!(chain.ask("eth_uninstallFilter", json!([filter])), true);
    assert_eq!(chain.refuse("eth_getFilterChanges", json!([filter])).message, "filter not found");
}

#[test]
fn a_block_can_be_without_arbitrums_own_transaction() {
    let chain = Chain::new(Config { internal_tx: false, ..Config::default() });
    let receipt = chain.receipt(&chain.send(Address::repeat_byte(0x33), "0x"));
    assert_eq!(receipt["transactionIndex"], "0x0");
    assert_eq!(chain.ask("eth_getBlockTransactionCountByNumber", json!(["0x1"])), "0x1");
}

#[test]
fn headers_hash_to_their_hash_and_chain_to_their_parents() {
    let chain = Chain::default();
    chain.send(Address::repeat_byte(0x33), "0x");
    chain.send(Address::repeat_byte(0x33), "0x1234");
    for number in 1..=2 {
        let block = chain.0.node().block(&devnode::chain::BlockRef::Number(number)).expect("a block");
        let parent = chain.0.node().block(&devnode::chain::BlockRef::Number(number - 1)).expect("a block");
        assert_eq!(block.header.hash_slow(), block.hash);
        assert_eq!(block.header.parent_hash, parent.hash);
        assert_ne!(block.header.state_root, parent.header.state_root);
    }
}

#[test]
fn contracts_can_ask_for_past_block_hashes() {
    let chain = Chain::default();
    chain.ask("anvil_mine", json!(["0x5"]));
    let hash = &chain.ask("eth_getBlockByNumber", json!(["0x3", false]))["hash"];
    let call = |number| json!([{ "to": devnode::predeploys::BLOCK_HASHES, "data": word(number) }]);
    assert_eq!(&chain.ask("eth_call", call(3)), hash);
    assert_eq!(chain.refuse("eth_call", call(5)).code, 3, "not the present block's");
}

#[test]
fn the_factory_deploys_to_the_known_address() {
    let chain = Chain::default();
    // Init code that returns one byte, 0x42.
    let init = "60425f5360015ff3";
    let hash = chain.send(devnode::predeploys::CREATE2_FACTORY, &format!("{}{init}", word(0)));
    assert_eq!(chain.receipt(&hash)["status"], "0x1");
    let expected = devnode::predeploys::CREATE2_FACTORY.create2_from_code([0; 32], hex::decode(init).expect("hex"));
    assert_eq!(chain.ask("eth_getCode", json!([expected])), "0x42");
}

#[test]
fn a_cache_manager_is_there_and_asks_for_no_bid() {
    let chain = Chain::default();
    let call = |to: &str, data: &str| chain.ask("eth_call", json!([{ "to": to, "data": data }]));
    let manager = "0x2f8bd4eab69764c105add7de7cb0402557a44e6f";
    let managers = call("0x0000000000000000000000000000000000000072", "0x0ec1d773");
    assert_eq!(managers, json!(format!("{}{}{:0>64}", word(32), &word(1)[2..], &manager[2..])));
    // getMinBid(uint64)
    assert_eq!(call(manager, &format!("0xd29b303e{}", &word(24_000)[2..])), json!(word(0)));
}

#[test]
fn wrong_arguments_are_told_in_geths_words() {
    let chain = Chain::default();
    let refuse = |method: &str, params: Value| {
        let error = chain.refuse(method, params);
        assert!([-32602, -32601].contains(&error.code), "{error}");
        error.message
    };
    assert_eq!(refuse("eth_noSuchMethod", json!([])), "the method eth_noSuchMethod does not exist/is not available");
    assert_eq!(refuse("eth_getBalance", json!([])), "missing value for required argument 0");
    assert_eq!(refuse("eth_chainId", json!([1, 2])), "too many arguments, want at most 0");
    assert_eq!(
        refuse("eth_getBalance", json!(["0x12", "latest"])),
        "invalid argument 0: hex string has length 2, want 40 for common.Address"
    );
    assert_eq!(
        refuse("eth_getBalance", json!([{}, "latest"])),
        "invalid argument 0: json: cannot unmarshal object into Go value of type common.Address"
    );
    assert_eq!(refuse("eth_sendRawTransaction", json!(["0x123"])), "invalid argument 0: hex string of odd length");
    assert_eq!(refuse("eth_sendRawTransaction", json!(["1234"])), "invalid argument 0: hex string without 0x prefix");
    assert_eq!(
        refuse("eth_getBlockByNumber", json!(["0x1ffffffffffffffff", false])),
        "invalid argument 0: hex number > 64 bits"
    );
    assert_eq!(refuse("eth_chainId", json!({ "a": 1 })), "non-array args");
}

#[test]
fn tracers_tell_calls_selectors_and_nothing() {
    let chain = Chain::default();
    let writer = chain.place(0x22, WRITER);
    let hash = chain.send(writer, &word(1));
    let trace = |options: Value| chain.ask("debug_traceTransaction", json!([hash, options]));
    let calls = trace(json!({ "tracer": "callTracer", "tracerConfig": { "withLog": true } }));
    assert_eq!((&calls["type"], &calls["value"], &calls["gas"]), (&json!("CALL"), &json!("0x0"), &json!("0x30d40")));
    assert_eq!(calls["gasUsed"], chain.receipt(&hash)["gasUsed"]);
    assert_eq!(calls["logs"][0]["topics"], json!([word(7)]));
    assert_eq!(calls["beforeEVMTransfers"][0]["value"], "0x12309ce54000", "gas limit times base fee");
    assert_eq!(trace(json!({ "tracer": "4byteTracer" })), json!({ "0x00000000-28": 1 }));
    assert_eq!(trace(json!({ "tracer": "noopTracer" })), json!({}));
    assert_eq!(trace(json!({ "tracer": "stylusTracer" })), json!([]));
    let script = "{ \"hostio\": function(info) {} }";
    assert_eq!(trace(json!({ "tracer": script })), json!([]));
    assert!(
        chain.refuse("debug_traceTransaction", json!([hash, { "tracer": "x" }])).message.starts_with("ReferenceError")
    );
    assert_eq!(chain.refuse("debug_traceTransaction", json!([word(1), {}])).message, "transaction not found");
    let block = chain.ask("debug_traceBlockByNumber", json!(["latest", { "tracer": "callTracer" }]));
    assert_eq!((block.as_array().map(Vec::len), &block[1]["txHash"]), (Some(2), &hash));
}

#[test]
fn an_unknown_arbos_version_is_refused() {
    let error = Node::new(Config { arbos_version: 7, ..Config::default() }).expect_err("an error");
    assert_eq!(error.to_string(), "unknown ArbOS version 7: choose one of [40, 51, 61]");
}

/// One HTTP request and the body of its answer.
fn post(address: std::net::SocketAddr, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a server");
    let length = body.len();
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        unreachable!("answers have a length")
    }
    body.to_owned()
}

/// Posts from another thread, so that the server's can answer.
async fn ask_server(address: std::net::SocketAddr, body: String) -> String {
    tokio::task::spawn_blocking(move || post(address, &body)).await.expect("no panic")
}

async fn served() -> devnode::Handle {
    devnode::serve(Config { port: 0, ..Config::default() }).await.expect("a free port")
}

#[tokio::test]
async fn the_server_answers_single_requests_and_batches() {
    let node = served().await;
    let ask = |body: Value| ask_server(node.address(), body.to_string());
    let one = ask(json!({ "jsonrpc": "2.0", "id": 7, "method": "eth_chainId" })).await;
    assert_eq!(
        serde_json::from_str::<Value>(&one).expect("JSON"),
        json!({ "jsonrpc": "2.0", "id": 7, "result": "0x64aba" })
    );
    let batch = ask(json!([
        { "jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": [] },
        { "jsonrpc": "2.0", "id": 2, "method": "eth_none", "params": [] },
        { "jsonrpc": "2.0", "method": "eth_blockNumber" },
        { "nonsense": 1 },
    ]))
    .await;
    let batch: Value = serde_json::from_str(&batch).expect("JSON");
    assert_eq!(batch[0]["result"], "0x0");
    assert_eq!(batch[1]["error"]["code"], -32601);
    assert_eq!(batch[1]["error"]["message"], "the method eth_none does not exist/is not available");
    assert_eq!((&batch[2]["error"]["code"], batch.as_array().map(Vec::len)), (&json!(-32600), Some(3)));
    let broken = ask_server(node.address(), "{".to_owned()).await;
    assert_eq!(serde_json::from_str::<Value>(&broken).expect("JSON")["error"]["code"], -32700);
    node.stop().await;
}

#[tokio::test]
async fn many_nodes_live_beside_each_other() {
    let (a, b) = (served().await, served().await);
    assert_ne!(a.url(), b.url());
    a.node().mine(3, 0).expect("mined");
    assert_eq!((a.node().block_number(), b.node().block_number()), (3, 0));
    a.stop().await;
    b.stop().await;
}

#[tokio::test]
async fn a_busy_port_is_one_clear_error_and_a_stopped_node_frees_its_own() {
    let node = served().await;
    let again = Config { port: node.address().port(), ..Config::default() };
    let error = devnode::serve(again.clone()).await.expect_err("the port is taken");
    assert!(matches!(error, ServeError::Busy(address) if address == node.address()));
    assert_eq!(error.to_string().lines().count(), 1);
    node.stop().await;
    devnode::serve(again).await.expect("free again").stop().await;
}

#[tokio::test]
async fn a_client_that_stays_connected_does_not_hold_up_the_end() {
    let node = served().await;
    let address = node.address();
    let connected = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).expect("a server");
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_chainId" }).to_string();
        write!(
            stream,
            "POST / HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("sent");
        let mut start = [0; 12];
        stream.read_exact(&mut start).expect("an answer");
        assert_eq!(&start, b"HTTP/1.1 200");
        stream
    });
    let stream = connected.await.expect("no panic");
    tokio::time::timeout(std::time::Duration::from_secs(10), node.stop()).await.expect("it ends");
    drop(stream);
}

#[tokio::test]
async fn dropping_the_handle_stops_the_server() {
    let node = served().await;
    let address = node.address();
    drop(node);
    for _ in 0..100 {
        if std::net::TcpListener::bind(address).is_ok() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{address} is still bound");
}

#[tokio::test]
async fn other_machines_are_kept_out_unless_that_is_asked_for() {
    let open = Config { host: IpAddr::V4(Ipv4Addr::UNSPECIFIED), port: 0, ..Config::default() };
    assert!(matches!(devnode::serve(open.clone()).await, Err(ServeError::Remote(_))));
    devnode::serve(Config { allow_remote: true, ..open }).await.expect("asked for").stop().await;
}

#[tokio::test]
async fn a_request_above_ten_megabytes_is_refused() {
    let node = served().await;
    let body =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "web3_sha3", "params": [format!("0x{}", "00".repeat(6 << 20))] });
    let address = node.address();
    // The server may hang up before all is sent: either way there is no result.
    let sent = tokio::task::spawn_blocking(move || std::panic::catch_unwind(|| post(address, &body.to_string()))).await;
    assert!(!sent.expect("joined").is_ok_and(|answer| answer.contains("\"result\"")));
    node.stop().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever the bytes, the node answers and lives.
    #[test]
    fn no_bytes_bring_the_node_down(raw in proptest::collection::vec(any::<u8>(), 0..300), kind in 0u8..5) {
        let chain = CHAIN.with(Arc::clone);
        let mut raw = raw;
        if let Some(first) = raw.first_mut() {
            *first = match kind { 0 => 0xf8, 1 => 1, 2 => 2, 3 => 0xc0, _ => *first };
        }
        prop_assert!(chain.0.request("eth_sendRawTransaction", json!([hex::encode_prefixed(&raw)])).is_err());
    }

    /// A valid transaction with one byte changed or cut off: an error, or another transaction, but no panic.
    #[test]
    fn no_damaged_transaction_brings_the_node_down(at in 0usize..400, byte in any::<u8>(), cut in any::<bool>()) {
        let chain = CHAIN.with(Arc::clone);
        let mut raw = hex::decode(signed(transfer(1 << 40, Address::repeat_byte(0x33), &word(1)))).expect("hex");
        let at = at % raw.len();
        if cut { raw.truncate(at) } else { raw[at] = byte }
        let _ = chain.0.request("eth_sendRawTransaction", json!([hex::encode_prefixed(&raw)]));
    }

    /// Any code may be called.
    #[test]
    fn no_code_brings_the_node_down(code in proptest::collection::vec(any::<u8>(), 0..100), program in any::<bool>()) {
        let chain = CHAIN.with(Arc::clone);
        let mut code = code;
        if program { code.splice(0..0, [0xef, 0xf0, 0, 0]); }
        let at = Address::repeat_byte(0x66).to_string();
        let overrides = json!({ at.clone(): { "code": hex::encode_prefixed(&code) } });
        let _ = chain.0.request("eth_call", json!([{ "to": at, "gas": "0x30d40" }, "latest", overrides]));
        prop_assert!(chain.0.request("eth_blockNumber", json!([])).is_ok());
    }
}

thread_local! {
    static CHAIN: Arc<Chain> = Arc::default();
}
