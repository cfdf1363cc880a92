//! What clients see of the server: WebSocket and subscriptions, browsers, bounds, and that nothing brings it down.

mod support;

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use alloy_primitives::{Address, hex};
use devnode::accounts::DEV_ACCOUNTS;
use devnode::rpc::{Api, RpcError};
use devnode::{Config, Handle, Node};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{number, signed, transfer, word};
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

/// Stores its first word in slot 0 and logs it with topic 7.
const WRITER: &str = "0x5f355f555f355f52600760205fa1";

/// A node that is served in the background.
struct Server {
    node: Handle,
    runtime: tokio::runtime::Runtime,
}

impl Server {
    fn new(config: Config) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let node = runtime.block_on(devnode::serve(Config { port: 0, ..config })).expect("a free port");
        Self { node, runtime }
    }

    fn address(&self) -> SocketAddr {
        self.node.address()
    }

    /// Asks without the detour over the network.
    fn ask(&self, method: &str, params: Value) -> Value {
        self.node.api().request(method, params).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    fn refuse(&self, method: &str, params: Value) -> RpcError {
        self.node.api().request(method, params).expect_err("an error")
    }

    /// Asks over HTTP.
    fn post(&self, body: impl AsRef<[u8]>) -> Reply {
        let mut connection = Connection::new(self.address());
        connection.ask("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json", body.as_ref())
    }

    /// Sends a request without a body.
    fn send(&self, head: &str) -> Reply {
        Connection::new(self.address()).ask(head, b"")
    }

    fn open(&self) -> Client {
        Client::new(self.address())
    }

    /// Calls a contract by a transaction of the first account.
    fn call(&self, to: Address, word: u64) -> Value {
        let nonce = number(&self.ask("eth_getTransactionCount", json!([DEV_ACCOUNTS[0].address])));
        self.ask("eth_sendRawTransaction", json!([call(nonce, to, word)]))
    }

    fn writer(&self, byte: u8) -> Address {
        let address = Address::repeat_byte(byte);
        self.ask("anvil_setCode", json!([address, WRITER]));
        address
    }

    /// Waits until nobody listens to the chain any more.
    fn wait_for_silence(&self) {
        let started = Instant::now();
        while self.node.node().listeners() > 0 {
            assert!(started.elapsed() < Duration::from_secs(10), "{} listen", self.node.node().listeners());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new(Config::default())
    }
}

/// A signed call of the first account with one word.
fn call(nonce: u64, to: Address, value: u64) -> String {
    signed(transfer(nonce, to, &word(value)))
}

fn request(id: u64, method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

/// An answer over HTTP.
#[derive(Debug)]
struct Reply {
    status: u16,
    /// In lower case.
    head: String,
    body: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// A connection over which one request after the other is sent.
struct Connection(TcpStream);

impl Connection {
    fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a server");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
        stream.set_nodelay(true).expect("set");
        Self(stream)
    }

    fn ask(&mut self, head: &str, body: &[u8]) -> Reply {
        let head = format!("{head}\r\nContent-Length: {}\r\n\r\n", body.len());
        self.0.write_all(&[head.as_bytes(), body].concat()).expect("sent");
        let mut read = Vec::new();
        let end = loop {
            if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            self.read(&mut read);
        };
        let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let length: usize = length.map_or(0, |length| length.trim().parse().expect("a length"));
        while read.len() < end + length {
            self.read(&mut read);
        }
        let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
        Reply { status, head, body: String::from_utf8_lossy(&read[end..]).into_owned() }
    }

    fn read(&mut self, into: &mut Vec<u8>) {
        let mut some = [0; 4096];
        let length = self.0.read(&mut some).expect("an answer in time");
        assert_ne!(length, 0, "hung up after {:?}", String::from_utf8_lossy(into));
        into.extend(&some[..length]);
    }
}

/// A WebSocket client.
struct Client {
    socket: WebSocket<TcpStream>,
    told: VecDeque<Value>,
    asked: u64,
}

impl Client {
    fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a server");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
        let (socket, _) = client(format!("ws://{address}/"), stream).expect("a WebSocket");
        Self { socket, told: VecDeque::new(), asked: 0 }
    }

    fn read(&mut self) -> Value {
        let message = self.socket.read().expect("a message in time");
        serde_json::from_str(message.to_text().expect("text")).expect("JSON")
    }

    /// The answer to a request; what is told meanwhile is kept for [`Self::told`].
    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        self.socket.send(Message::text(request(self.asked, method, params).to_string())).expect("sent");
        loop {
            let message = self.read();
            if message["id"] == self.asked {
                return message;
            }
            self.told.push_back(message);
        }
    }

    fn subscribe(&mut self, params: Value) -> String {
        let answer = self.ask("eth_subscribe", params);
        answer["result"].as_str().unwrap_or_else(|| panic!("no id: {answer}")).to_owned()
    }

    /// What a subscription is told next, with the whole message checked.
    fn told(&mut self, id: &str) -> Value {
        let mut message = self.told.pop_front().unwrap_or_else(|| self.read());
        let result = message["params"]["result"].take();
        let envelope = json!({ "subscription": id, "result": null });
        assert_eq!(message, json!({ "jsonrpc": "2.0", "method": "eth_subscription", "params": envelope }));
        result
    }

    /// That nothing was told besides what was read.
    fn told_nothing(&mut self) {
        self.ask("eth_chainId", json!([]));
        assert!(self.told.is_empty(), "{:?}", self.told);
    }
}

#[test]
fn all_methods_work_over_a_websocket() {
    let server = Server::default();
    let mut client = server.open();
    assert_eq!(client.ask("eth_chainId", json!([]))["result"], "0x64aba");
    let hash = client.ask("eth_sendRawTransaction", json!([call(0, Address::repeat_byte(1), 0)]))["result"].clone();
    assert_eq!(client.ask("eth_getTransactionReceipt", json!([hash]))["result"]["status"], "0x1");
    assert_eq!(client.ask("eth_none", json!([]))["error"]["code"], -32601);
    let batch = json!([request(7, "eth_blockNumber", json!([])), request(8, "net_version", json!([]))]);
    client.socket.send(Message::text(batch.to_string())).expect("sent");
    let answer = client.read();
    assert_eq!((&answer[0]["result"], &answer[1]["result"]), (&json!("0x1"), &json!("412346")));
    client.socket.send(Message::text("{")).expect("sent");
    assert_eq!(client.read()["error"]["code"], -32700);
    assert_eq!(client.ask("eth_chainId", json!([]))["result"], "0x64aba");
}

#[test]
fn new_heads_are_told_as_geth_does() {
    let server = Server::default();
    let mut client = server.open();
    let id = client.subscribe(json!(["newHeads"]));
    assert!(id.len() > 10 && id.starts_with("0x") && !id.starts_with("0x0"), "{id}");
    server.call(Address::repeat_byte(1), 0);
    let head = client.told(&id);
    let block = server.ask("eth_getBlockByNumber", json!(["latest", false]));
    let not_told = ["size", "transactions", "uncles", "l1BlockNumber", "sendCount", "sendRoot"];
    for (field, value) in block.as_object().expect("a block") {
        assert_eq!(head.get(field), (!not_told.contains(&field.as_str())).then_some(value), "{field}");
    }
    let absent = ["withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot", "requestsHash"];
    for (field, value) in head.as_object().expect("a header") {
        assert_eq!(value.is_null(), absent.contains(&field.as_str()), "{field}");
    }
    server.ask("anvil_mine", json!(["0x12c"]));
    for number in 2..=301 {
        assert_eq!(client.told(&id)["number"], format!("{number:#x}"));
    }
    client.told_nothing();
}

#[test]
fn logs_are_told_to_those_who_want_them() {
    let server = Server::default();
    let (one, two) = (server.writer(0x21), server.writer(0x22));
    let mut client = server.open();
    let of_one = client.subscribe(json!(["logs", { "address": one }]));
    let mut topics = server.open();
    let of_topic = topics.subscribe(json!(["logs", { "address": [one, two], "topics": [[word(1), word(7)]] }]));
    let mut others = server.open();
    others.subscribe(json!(["logs", { "topics": [word(8)] }]));
    others.subscribe(json!(["logs", { "topics": [null, null] }]));
    others.subscribe(json!(["logs", { "fromBlock": "0x10", "toBlock": "0x20" }]));
    for to in [two, one] {
        server.call(to, 5);
    }
    let logs = server.ask("eth_getLogs", json!([{ "fromBlock": "0x0" }]));
    assert_eq!(client.told(&of_one), logs[1]);
    assert_eq!((topics.told(&of_topic), topics.told(&of_topic)), (logs[0].clone(), logs[1].clone()));
    assert_eq!(logs[1]["removed"], false);
    for client in [&mut client, &mut topics, &mut others] {
        client.told_nothing();
    }
}

#[test]
fn accepted_transactions_are_told_even_while_they_wait() {
    let server = Server::default();
    let (mut hashes, mut full) = (server.open(), server.open());
    let of_hashes = hashes.subscribe(json!(["newPendingTransactions"]));
    let of_full = full.subscribe(json!(["newPendingTransactions", true]));
    let filter = server.ask("eth_newPendingTransactionFilter", json!([]));
    let send = |nonce| server.ask("eth_sendRawTransaction", json!([call(nonce, Address::repeat_byte(1), 9)]));
    let sent = [send(1), send(0)];
    for hash in &sent {
        assert_eq!(&hashes.told(&of_hashes), hash);
        let told = full.told(&of_full);
        assert_eq!((&told["hash"], &told["blockNumber"], &told["input"]), (hash, &Value::Null, &json!(word(9))));
        assert_eq!(told["from"], json!(DEV_ACCOUNTS[0].address.to_string().to_lowercase()));
    }
    assert_eq!(server.ask("eth_getFilterChanges", json!([filter])), json!(sent));
    assert_eq!(server.ask("eth_getFilterChanges", json!([filter])), json!([]));
    hashes.told_nothing();
    full.told_nothing();
}

#[test]
fn who_unsubscribes_hears_no_more() {
    let server = Server::default();
    let mut client = server.open();
    let id = client.subscribe(json!(["newHeads"]));
    assert_eq!(server.open().ask("eth_unsubscribe", json!([id]))["error"]["message"], "subscription not found");
    assert_eq!(client.ask("eth_unsubscribe", json!([id]))["result"], true);
    server.ask("evm_mine", json!([]));
    let again = client.ask("eth_unsubscribe", json!([id]));
    assert_eq!(again["error"], json!({ "code": -32000, "message": "subscription not found" }));
    assert_eq!(client.ask("eth_unsubscribe", json!([{}]))["error"]["message"], "subscription not found");
    client.told_nothing();
    server.wait_for_silence();
}

#[test]
fn a_revert_takes_logs_back_and_tells_the_new_head() {
    let server = Server::default();
    let writer = server.writer(0x21);
    let mut client = server.open();
    let mut heads = server.open();
    let of_logs = client.subscribe(json!(["logs", { "address": writer }]));
    let of_heads = heads.subscribe(json!(["newHeads"]));
    let filter = server.ask("eth_newFilter", json!([{ "address": writer }]));
    server.call(writer, 1);
    let snapshot = server.ask("evm_snapshot", json!([]));
    server.call(writer, 2);
    server.call(writer, 3);
    let mut told: Vec<Value> = (0..3).map(|_| client.told(&of_logs)).collect();
    // What one has not heard of is not taken back either.
    let number = |head: Value| head["number"].clone();
    let mut numbers: Vec<Value> = (0..3).map(|_| number(heads.told(&of_heads))).collect();
    assert_eq!(server.ask("eth_getFilterChanges", json!([filter])), json!(told));
    server.ask("evm_revert", json!([snapshot]));
    let removed = told.split_off(1).into_iter().map(|mut log| {
        log["removed"] = true.into();
        log
    });
    let removed: Vec<Value> = removed.collect();
    assert_eq!([client.told(&of_logs), client.told(&of_logs)], removed[..]);
    server.call(writer, 4);
    let replaced = client.told(&of_logs);
    assert_eq!((&replaced["blockNumber"], &replaced["removed"]), (&json!("0x2"), &json!(false)));
    assert_ne!(replaced["blockHash"], removed[0]["blockHash"]);
    let changes = server.ask("eth_getFilterChanges", json!([filter]));
    assert_eq!(changes, json!([removed[0], removed[1], replaced]));
    numbers.extend((0..2).map(|_| number(heads.told(&of_heads))));
    assert_eq!(numbers, ["0x1", "0x2", "0x3", "0x1", "0x2"]);
    client.told_nothing();
    heads.told_nothing();
}

#[test]
fn subscriptions_that_cannot_be_are_refused_in_geths_words() {
    let server = Server::default();
    let mut client = server.open();
    let mut refuse = |params: Value| {
        let error = client.ask("eth_subscribe", params)["error"].clone();
        (error["code"].as_i64().expect("a code"), error["message"].as_str().expect("a message").to_owned())
    };
    assert_eq!(refuse(json!(["none"])), (-32601, "no \"none\" subscription in eth namespace".to_owned()));
    assert_eq!(refuse(json!([])), (-32602, "expected subscription name as first argument".to_owned()));
    assert_eq!(refuse(json!({ "a": 1 })), (-32602, "non-array args".to_owned()));
    assert_eq!(refuse(json!(["logs"])), (-32602, "missing value for required argument 1".to_owned()));
    assert_eq!(refuse(json!(["newHeads", 1])), (-32602, "too many arguments, want at most 1".to_owned()));
    assert_eq!(
        refuse(json!(["logs", { "toBlock": "pending" }])),
        (-32000, "pending logs are not supported".to_owned())
    );
    let backwards = json!(["logs", { "fromBlock": "0x2", "toBlock": "0x1" }]);
    assert_eq!(refuse(backwards), (-32602, "invalid block range params".to_owned()));
    let flag = refuse(json!(["newPendingTransactions", 1]));
    assert_eq!(flag.1, "invalid argument 1: json: cannot unmarshal number into Go value of type bool");
    let over_http = server.post(request(1, "eth_subscribe", json!(["newHeads"])).to_string()).json();
    assert_eq!(over_http["error"], json!({ "code": -32601, "message": "notifications not supported" }));
    let batch = json!([request(1, "eth_subscribe", json!(["newHeads"])), request(2, "eth_chainId", json!([]))]);
    client.socket.send(Message::text(batch.to_string())).expect("sent");
    let answer = client.read();
    assert_eq!(answer[0]["error"]["message"], "subscriptions cannot be made in a batch");
    assert_eq!(answer[1]["result"], "0x64aba");
    server.wait_for_silence();
}

#[test]
fn a_connection_holds_a_hundred_subscriptions_and_gives_them_back() {
    let server = Server::default();
    let mut client = server.open();
    let ids: Vec<String> = (0..100).map(|_| client.subscribe(json!(["newHeads"]))).collect();
    let error = client.ask("eth_subscribe", json!(["newHeads"]))["error"].clone();
    assert_eq!((&error["code"], &error["data"]), (&json!(-32006), &json!("Exceeded max limit of 100")));
    let mut other = server.open();
    other.subscribe(json!(["newHeads"]));
    assert_eq!(server.node.node().listeners(), 101);
    server.ask("evm_mine", json!([]));
    let mut told: Vec<String> = (0..100).map(|_| client.read()["params"]["subscription"].to_string()).collect();
    told.sort_unstable();
    let mut wanted: Vec<String> = ids.iter().map(|id| json!(id).to_string()).collect();
    wanted.sort_unstable();
    assert_eq!(told, wanted);
    // One leaves in good order, the other without a word.
    other.socket.close(None).expect("closing");
    drop((client, other));
    server.wait_for_silence();
}

#[test]
fn browsers_may_ask_from_any_page() {
    let server = Server::default();
    let preflight = server.send(
        "OPTIONS / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://dapp.example\r\nAccess-Control-Request-Method: POST\r\n\
         Access-Control-Request-Headers: content-type,x-own\r\nAccess-Control-Request-Private-Network: true",
    );
    assert_eq!(preflight.status, 200, "{preflight:?}");
    for header in [
        "access-control-allow-origin: *",
        "access-control-allow-methods: *",
        "access-control-allow-headers: content-type,x-own",
        "access-control-allow-private-network: true",
    ] {
        assert!(preflight.head.contains(header), "{header} in {}", preflight.head);
    }
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://dapp.example\r\nContent-Type: application/json";
    let answer =
        Connection::new(server.address()).ask(head, request(1, "eth_chainId", json!([])).to_string().as_bytes());
    assert!(answer.head.contains("access-control-allow-origin: *"), "{}", answer.head);
    assert_eq!(answer.json()["result"], "0x64aba");
}

#[test]
fn a_name_that_was_made_to_point_here_is_refused() {
    let server = Server::default();
    let body = request(1, "eth_chainId", json!([])).to_string();
    let ask = |server: &Server, host: &str| {
        let head = format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json");
        Connection::new(server.address()).ask(&head, body.as_bytes())
    };
    for host in ["localhost", "127.0.0.1:1", "[::1]:8547"] {
        assert_eq!(ask(&server, host).status, 200, "{host}");
    }
    let refused = ask(&server, "evil.example:8547");
    assert_eq!((refused.status, refused.body.lines().count()), (403, 1));
    assert!(refused.body.starts_with("host \"evil.example:8547\" is not allowed"), "{}", refused.body);
    let target = server.send("GET http://evil.example/ HTTP/1.1\r\nHost: localhost");
    assert_eq!(target.status, 403);
    let upgrade = server.send(
        "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    );
    assert_eq!(upgrade.status, 403);
    let named = Server::new(Config { allowed_hosts: vec!["node".to_owned()], ..Config::default() });
    assert_eq!((ask(&named, "node:8547").status, ask(&named, "evil.example").status), (200, 403));
}

#[test]
fn who_looks_with_a_browser_sees_that_the_node_is_up() {
    let server = Server::default();
    let seen = server.send("GET / HTTP/1.1\r\nHost: localhost");
    assert_eq!(seen.status, 200);
    assert!(seen.body.contains("is up, chain 412346") && seen.body.lines().count() == 1, "{}", seen.body);
    let other = server.send("DELETE / HTTP/1.1\r\nHost: localhost");
    assert_eq!(other.status, 405);
}

#[test]
fn batches_run_in_order_and_are_bounded() {
    let server = Server::default();
    let many = |count: u64| {
        let one = |i| request(i, if i % 2 == 0 { "evm_mine" } else { "eth_blockNumber" }, json!([]));
        Value::Array((0..count).map(one).collect()).to_string()
    };
    let answer = server.post(many(1_000)).json();
    assert_eq!(answer.as_array().map(Vec::len), Some(1_000));
    for i in (1..1_000).step_by(2) {
        assert_eq!((&answer[i]["id"], &answer[i]["result"]), (&json!(i), &json!(format!("{:#x}", i.div_ceil(2)))));
    }
    let too_long = json!([{ "jsonrpc": "2.0", "id": 0, "error": { "code": -32600, "message": "batch too large" } }]);
    assert_eq!(server.post(many(1_001)).json(), too_long);
    assert_eq!(server.ask("eth_blockNumber", json!([])), "0x1f4", "nothing of it was done");
    let mut client = server.open();
    client.socket.send(Message::text(many(1_001))).expect("sent");
    assert_eq!(client.read(), too_long);
    let endless = server.post(format!("[1{}]", ",1".repeat(1 << 20)));
    assert_eq!((endless.status, endless.json()["error"]["code"].is_i64()), (200, true));
}

#[test]
fn notifications_are_not_answered() {
    let server = Server::default();
    let notification = json!({ "jsonrpc": "2.0", "method": "eth_chainId" });
    for body in [notification.clone(), json!([notification, notification])] {
        let reply = server.post(body.to_string());
        assert_eq!((reply.status, reply.body.as_str()), (200, ""));
    }
    let mut client = server.open();
    client.socket.send(Message::text(notification.to_string())).expect("sent");
    client.told_nothing();
}

#[test]
fn nesting_is_bounded() {
    let server = Server::default();
    for depth in [200, 100_000, 4_000_000] {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let params = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"eth_call","params":{nested}}}"#);
        for body in [nested, params.clone(), format!("[{params}]")] {
            let answer = server.post(body).json();
            let answer = if answer.is_array() { &answer[0] } else { &answer };
            assert!(answer["error"]["code"].is_i64(), "{answer}");
        }
    }
    assert_eq!(server.post(request(1, "eth_chainId", json!([])).to_string()).json()["result"], "0x64aba");
}

#[test]
fn arguments_are_bounded() {
    let server = Server::default();
    let refuse = |method: &str, params: Value| {
        let error = server.refuse(method, params);
        assert_eq!(error.code, -32602, "{error}");
        error.message
    };
    let nobody = Address::repeat_byte(0x44);
    let addresses = |count: usize| json!([{ "address": vec![nobody; count] }]);
    let too_many = "invalid argument 0: exceed max addresses or topics per search position";
    for method in ["eth_getLogs", "eth_newFilter"] {
        server.ask(method, addresses(1_000));
        assert_eq!(refuse(method, addresses(1_001)), too_many);
        server.ask(method, json!([{ "topics": [vec![word(1); 1_000]] }]));
        assert_eq!(refuse(method, json!([{ "topics": [vec![word(1); 1_001]] }])), too_many);
        assert_eq!(refuse(method, json!([{ "topics": vec![word(1); 5] }])), "invalid argument 0: exceed max topics");
    }
    let code = format!("0x{}", "00".repeat((1 << 20) + 1));
    assert!(refuse("anvil_setCode", json!([nobody, code])).ends_with("code of 1048577 bytes, the limit is 1048576"));
    let overrides = json!([{ "to": nobody }, "latest", { nobody.to_string(): { "code": code } }]);
    assert!(refuse("eth_call", overrides).contains("code of 1048577 bytes"));
    let slots: serde_json::Map<String, Value> = (0..10_001).map(|slot| (word(slot), json!(word(1)))).collect();
    let overrides = json!([{ "to": nobody }, "latest", { nobody.to_string(): { "stateDiff": slots } }]);
    assert!(refuse("eth_call", overrides).contains("more than 10000 entries"));
}

#[test]
fn ranges_of_logs_are_as_geth_takes_them() {
    let server = Server::default();
    let writer = server.writer(0x21);
    server.call(writer, 1);
    server.call(writer, 2);
    let block = server.ask("eth_getBlockByNumber", json!(["0x1", false]));
    let find = |filter: Value| server.ask("eth_getLogs", json!([filter])).as_array().expect("logs").len();
    assert_eq!(find(json!({ "blockHash": block["hash"] })), 1);
    assert_eq!(find(json!({ "fromBlock": "earliest", "toBlock": "latest" })), 2);
    // Clients ask like this when they have seen everything.
    assert_eq!(find(json!({ "fromBlock": "0x3", "toBlock": "latest" })), 0);
    assert_eq!(find(json!({ "fromBlock": "0x3" })), 0);
    assert_eq!(find(json!({ "fromBlock": "0x2", "toBlock": "0xffffffffffffffff" })), 1);
    let refuse = |filter: Value| {
        let error = server.refuse("eth_getLogs", json!([filter]));
        (error.code, error.message)
    };
    assert_eq!(refuse(json!({ "blockHash": word(1) })), (-32000, "unknown block".to_owned()));
    let both = refuse(json!({ "blockHash": word(1), "fromBlock": "0x1" }));
    assert_eq!(both, (-32602, "invalid argument 0: can't specify fromBlock/toBlock with blockHash".to_owned()));
    let backwards = json!({ "fromBlock": "0x2", "toBlock": "0x1" });
    assert_eq!(refuse(backwards.clone()), (-32602, "invalid block range params".to_owned()));
    assert_eq!(server.refuse("eth_newFilter", json!([backwards])).message, "invalid block range params");
    // A filter by block hash waits for nothing, but finds what is there.
    let filter = server.ask("eth_newFilter", json!([{ "blockHash": block["hash"] }]));
    assert_eq!(server.ask("eth_getFilterLogs", json!([filter])).as_array().map(Vec::len), Some(1));
}

#[test]
fn the_end_says_goodbye_to_subscribers() {
    let server = Server::default();
    let mut client = server.open();
    client.subscribe(json!(["newHeads"]));
    let started = Instant::now();
    let Server { node, runtime } = server;
    runtime.block_on(node.stop());
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert!(matches!(client.socket.read(), Ok(Message::Close(_)) | Err(_)));
}

/// Any JSON, with what clients send more often than chance would.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "0x[0-9a-f]{0,70}".prop_map(Value::from),
        any::<u64>().prop_map(|number| json!(format!("{number:#x}"))),
        (0u64..4).prop_map(|number| json!(format!("{number:#x}"))),
        any::<[u8; 32]>().prop_map(|hash| json!(hex::encode_prefixed(hash))),
        Just(json!(DEV_ACCOUNTS[0].address)),
        prop_oneof![Just("latest"), Just("pending"), Just("earliest"), Just("callTracer")].prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("from"),
        Just("to"),
        Just("data"),
        Just("input"),
        Just("gas"),
        Just("value"),
        Just("nonce"),
        Just("accessList"),
        Just("address"),
        Just("topics"),
        Just("fromBlock"),
        Just("toBlock"),
        Just("blockHash"),
        Just("tracer"),
        Just("tracerConfig"),
        Just("stateDiff"),
        Just("code"),
        Just("balance"),
        Just("x"),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            proptest::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|fields| fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

thread_local! {
    static SERVER: Server = Server::default();
    static API: Api = Api::new(std::sync::Arc::new(Node::new(Config::default()).expect("a possible configuration")));
}

/// That any bytes as a body are answered, and that the connection or at least the server goes on.
fn survives(body: &[u8]) {
    SERVER.with(|server| {
        let reply = server.post(body);
        match reply.status {
            // Nothing is said to notifications.
            200 => assert!(reply.body.is_empty() || reply.json() != Value::Null),
            status => assert!((400..500).contains(&status), "{reply:?}"),
        }
        assert_eq!(server.post(request(1, "eth_chainId", json!([])).to_string()).json()["result"], "0x64aba");
    });
}

/// 256 inputs to a property, or as many as the environment says.
fn cases() -> ProptestConfig {
    let usual = ProptestConfig::with_cases(256);
    if std::env::var_os("PROPTEST_CASES").is_some() { ProptestConfig::default() } else { usual }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_bytes_are_answered(body in proptest::collection::vec(any::<u8>(), 0..200), start in "[{\\[ ]{0,3}") {
        survives(&[start.as_bytes(), &body].concat());
    }

    #[test]
    fn damaged_requests_are_answered(
        at in 0usize..200, byte in any::<u8>(), cut in any::<bool>(), batch in any::<bool>(), params in any_json(),
    ) {
        let mut body = request(1, "eth_getLogs", json!([params]));
        if batch {
            body = json!([body, request(2, "eth_chainId", json!([]))]);
        }
        let mut body = body.to_string().into_bytes();
        let at = at % body.len();
        if cut { body.truncate(at) } else { body[at] = byte }
        survives(&body);
    }

    /// Whatever the arguments, every method answers; only that it does so without a panic is asked for.
    #[test]
    fn any_arguments_are_answered(params in proptest::collection::vec(any_json(), 0..4), alone in any_json()) {
        API.with(|api| {
            for method in Api::methods() {
                // Some mine as many blocks as they are told to: a few suffice here.
                let mines = ["anvil_mine", "hardhat_mine"].contains(&method);
                let answers = !mines || params.first().is_none_or(|blocks| !blocks.is_string() && !blocks.is_number());
                if answers {
                    let _ = api.request(method, Value::Array(params.clone()));
                }
                let _ = api.request(method, alone.clone());
            }
            assert_eq!(api.request("eth_chainId", json!([])), Ok(json!("0x64aba")));
        });
    }
}
