//! The `devnode` binary: its output, its errors, and that it loses nothing older than a second when it is killed.
//!
//! `DEVNODE_RESTARTS=50 cargo test -p devnode --test persistence` kills it more often than the five times of the short run.

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use alloy_consensus::TxLegacy;
use alloy_primitives::{Address, TxKind, U256, hex};
use devnode::accounts::{DEV_ACCOUNTS, DevAccount};
use serde_json::{Value, json};
use support::{CHAIN_ID, number, sign};
use tempfile::TempDir;

/// Whom the load writes to: slot 0 counts.
const COUNTER: Address = Address::repeat_byte(0xc0);
/// Reverts with its calldata.
const REVERTER: &str = "0x365f5f37365ffd";
/// What may be lost.
const SECOND: Duration = Duration::from_secs(1);

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_devnode"));
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs the binary to its end.
fn run(args: &[&str]) -> Output {
    command(args).output().expect("the binary runs")
}

/// The one line on standard error of a run that fails with `code`.
fn complaint(code: i32, args: &[&str]) -> String {
    let output = run(args);
    assert_eq!(output.status.code(), Some(code), "{args:?}");
    assert!(output.stdout.is_empty(), "{args:?}");
    let text = String::from_utf8(output.stderr).expect("text");
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    text.trim_end().to_owned()
}

/// A node in a process of its own.
struct Process {
    child: Child,
    out: BufReader<ChildStdout>,
    /// The first line that it printed.
    banner: Value,
    address: String,
}

impl Process {
    fn start(args: &[&str]) -> Self {
        let args = [&["--port", "0", "--json"], args].concat();
        let mut child = command(&args).stdout(Stdio::piped()).spawn().expect("the binary runs");
        let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
        let banner = next_line(&mut out);
        let address = banner["http"].as_str().and_then(|url| url.strip_prefix("http://")).expect("an address");
        Self { child, out, address: address.to_owned(), banner }
    }

    fn ask(&self, method: &str, params: Value) -> Value {
        ask(&self.address, method, params).unwrap_or_else(|problem| panic!("{method}: {problem}"))
    }

    fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Asks it to stop, and waits until it has.
    #[cfg(unix)]
    fn stop(mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(asked.expect("there is a kill").success());
        assert!(self.child.wait().expect("it ends").success());
    }
}

fn next_line(out: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    out.read_line(&mut line).expect("it prints");
    serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line:?}"))
}

/// The result, or what went wrong: nodes are killed while they are asked.
fn ask(address: &str, method: &str, params: Value) -> Result<Value, String> {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let mut stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
    let length = body.len();
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
    .map_err(|error| error.to_string())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(|error| error.to_string())?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    let answer: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
    match answer.get("result") {
        Some(result) => Ok(result.clone()),
        None => Err(answer["error"].to_string()),
    }
}

fn legacy(nonce: u64, to: TxKind, input: &str) -> TxLegacy {
    TxLegacy {
        chain_id: Some(CHAIN_ID),
        nonce,
        gas_price: 1_000_000_000,
        gas_limit: 200_000,
        to,
        value: U256::ZERO,
        input: input.parse().expect("hex"),
    }
}

/// A signed call of the first account.
fn call(nonce: u64, to: Address, input: &str) -> String {
    sign(DEV_ACCOUNTS[0].key, legacy(nonce, TxKind::Call(to), input))
}

/// What a node has confirmed, each with the moment when it did.
#[derive(Default)]
struct Confirmed {
    /// Hashes of transactions, by nonce.
    sent: Vec<(Value, Instant)>,
    /// Values of the counter, rising.
    counted: Vec<(u64, Instant)>,
}

impl Confirmed {
    /// Whatever was confirmed a second before `end`.
    fn due<T: Clone>(all: &[(T, Instant)], end: Instant) -> Vec<T> {
        all.iter().filter(|(_, at)| end.duration_since(*at) >= SECOND).map(|(what, _)| what.clone()).collect()
    }
}

/// Sends transactions and sets a slot by hand, as fast as the node takes them, until it is gone.
fn load(address: &str, first_nonce: u64, first_count: u64) -> Confirmed {
    let gone = AtomicBool::new(false);
    thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut sent = Vec::new();
            for nonce in first_nonce.. {
                let raw = call(nonce, Address::repeat_byte(1), "0x");
                match ask(address, "eth_sendRawTransaction", json!([raw])) {
                    Ok(hash) => sent.push((hash, Instant::now())),
                    Err(_) => break,
                }
            }
            gone.store(true, Ordering::Relaxed);
            sent
        });
        let mut counted = Vec::new();
        for count in first_count.. {
            let set = ask(address, "anvil_setStorageAt", json!([COUNTER, "0x0", format!("{count:#066x}")]));
            if set.is_err() || gone.load(Ordering::Relaxed) {
                break;
            }
            counted.push((count, Instant::now()));
            thread::sleep(Duration::from_millis(5));
        }
        Confirmed { sent: sender.join().expect("it ends"), counted }
    })
}

#[test]
fn a_node_that_is_killed_loses_nothing_older_than_a_second() {
    let rounds: u64 = std::env::var("DEVNODE_RESTARTS").map_or(5, |rounds| rounds.parse().expect("a number"));
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("chain");
    let args = ["--state", file.to_str().expect("text")];
    let (mut first_nonce, mut first_count) = (0, 1);
    for round in 0..rounds {
        let node = Process::start(&args);
        // That the chain went back is written like all else.
        let snapshot = node.ask("evm_snapshot", json!([]));
        node.ask("anvil_mine", json!(["0x2"]));
        node.ask("anvil_setNonce", json!([DEV_ACCOUNTS[0].address, "0xffff"]));
        assert_eq!(node.ask("evm_revert", json!([snapshot])), true);
        let address = node.address.clone();
        let loader = thread::spawn(move || load(&address, first_nonce, first_count));
        thread::sleep(Duration::from_millis(1_100 + round * 379 % 900));
        let end = Instant::now();
        node.kill();
        let confirmed = loader.join().expect("it ends");

        let node = Process::start(&args);
        let nonce = number(&node.ask("eth_getTransactionCount", json!([DEV_ACCOUNTS[0].address])));
        let kept = (nonce - first_nonce) as usize;
        let due = Confirmed::due(&confirmed.sent, end).len();
        assert!(kept >= due, "round {round}: {kept} of {due} transactions that are older than a second");
        for (i, (hash, _)) in confirmed.sent.iter().enumerate() {
            let receipt = node.ask("eth_getTransactionReceipt", json!([hash]));
            assert_eq!(receipt.is_null(), i >= kept, "round {round}: transaction {i} of {kept}");
        }
        let counted = number_of_word(&node.ask("eth_getStorageAt", json!([COUNTER, "0x0"])));
        let due = Confirmed::due(&confirmed.counted, end).into_iter().max().unwrap_or(0);
        assert!(counted >= due, "round {round}: {counted} is older than {due}");
        let blocks = number(&node.ask("eth_blockNumber", json!([])));
        assert_eq!((&node.banner["block"], blocks), (&json!(blocks), nonce), "round {round}: a block a transaction");
        let past = format!("{:#x}", blocks.saturating_sub(5_000));
        let then = node.ask("eth_getTransactionCount", json!([DEV_ACCOUNTS[0].address, past]));
        assert_eq!(then, json!(past), "round {round}: the past can be read");
        (first_nonce, first_count) = (nonce, counted.max(due) + 1);
        println!("round {round}: {} transactions confirmed, {kept} kept, block {blocks}", confirmed.sent.len());
        node.kill();
    }
}

fn number_of_word(word: &Value) -> u64 {
    let digits = word.as_str().expect("a word").trim_start_matches("0x").trim_start_matches('0');
    if digits.is_empty() { 0 } else { u64::from_str_radix(digits, 16).expect("a number") }
}

#[test]
#[cfg(unix)]
fn a_node_that_is_asked_to_stop_keeps_everything() {
    let folder = TempDir::new().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    let (state, dump) = (path("chain"), path("dump.json"));
    let node = Process::start(&["--state", &state, "--dump", &dump]);
    node.ask("anvil_setBalance", json!([COUNTER, "0x7"]));
    node.ask("eth_sendRawTransaction", json!([call(0, COUNTER, "0x")]));
    node.stop();
    let node = Process::start(&["--state", &state]);
    assert_eq!(node.ask("eth_blockNumber", json!([])), "0x1");
    assert_eq!(node.ask("eth_getBalance", json!([COUNTER])), "0x7");
    node.stop();
    let dumped: Value = serde_json::from_str(&fs::read_to_string(&dump).expect("it was written")).expect("JSON");
    assert_eq!(dumped["accounts"]["0xc0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0"]["balance"], "0x7");

    let node = Process::start(&["--load", &dump]);
    assert_eq!(node.ask("eth_getBalance", json!([COUNTER])), "0x7");
    let state = node.ask("anvil_dumpState", json!([]));
    node.ask("anvil_setBalance", json!([COUNTER, "0x8"]));
    assert_eq!(node.ask("hardhat_loadState", json!([state])), true);
    assert_eq!(node.ask("eth_getBalance", json!([COUNTER])), "0x7");
    node.stop();
}

#[test]
fn the_node_and_its_transactions_are_told_as_json() {
    let mut node = Process::start(&[]);
    assert_eq!(node.banner["type"], "node");
    assert_eq!((&node.banner["chainId"], &node.banner["arbosVersion"]), (&json!(412_346), &json!(51)));
    assert_eq!(node.banner["accounts"].as_array().map(Vec::len), Some(DEV_ACCOUNTS.len()));
    node.ask("anvil_setCode", json!([COUNTER, REVERTER]));
    let error = format!("0x08c379a0{:064x}{:064x}{:0<64}", 0x20, 2, hex::encode("no"));
    let failed = node.ask("eth_sendRawTransaction", json!([call(0, COUNTER, &error)]));
    let line = next_line(&mut node.out);
    assert_eq!((&line["type"], &line["hash"], &line["block"]), (&json!("transaction"), &failed, &json!(1)));
    assert_eq!((&line["success"], &line["error"]), (&json!(false), &json!("no")));
    assert_eq!(line["selector"], "0x08c379a0");
    node.ask("eth_sendRawTransaction", json!([call(1, Address::repeat_byte(1), "0x")]));
    let line = next_line(&mut node.out);
    assert_eq!((&line["success"], &line["error"], &line["gasUsed"]), (&json!(true), &Value::Null, &json!(21_000)));
    node.kill();
}

/// `trace` of the program of a recorded suite: its first steps deploy it, activate it and divide 7 by 2.
#[test]
fn what_a_program_did_is_shown_in_a_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/hostio.json");
    let suite: Value = serde_json::from_slice(&fs::read(path).expect("a recorded suite")).expect("JSON");
    let account = DevAccount {
        address: suite["from"].as_str().and_then(|from| from.parse().ok()).expect("an address"),
        key: suite["key"].as_str().and_then(|key| key.parse().ok()).expect("a key"),
    };
    let node = Process::start(&[]);
    node.ask("anvil_setBalance", json!([account.address, "0xde0b6b3a7640000"]));
    let mut hashes = Vec::new();
    for (nonce, step) in suite["steps"].as_array().expect("steps")[..3].iter().enumerate() {
        let text = |name: &str| step[name].as_str().expect("a text");
        let to = step["to"].as_str().map_or(TxKind::Create, |to| TxKind::Call(to.parse().expect("an address")));
        let tx = TxLegacy {
            gas_limit: step["gas"].as_u64().expect("a number"),
            value: text("value").parse().expect("a number"),
            ..legacy(nonce as u64, to, text("data"))
        };
        hashes.push(node.ask("eth_sendRawTransaction", json!([sign(account.key, tx)])));
    }
    let trace = |hash: &str| {
        let output = run(&["trace", hash, "--rpc", node.banner["http"].as_str().expect("an address")]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let shown = trace(hashes[2].as_str().expect("a hash"));
    assert!(shown.to_lowercase().contains("call 0x3aa15817a9e4d9fa0db330fbc2cae3237a84d22a (program)"), "{shown}");
    let rows: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    let division = rows.iter().find(|row| row.first() == Some(&"math_div")).expect("it divides");
    assert_eq!(division[1], "1", "{shown}");
    assert!(division[2].starts_with("4.35"), "43,520 ink: {shown}");
    let creation = trace(hashes[0].as_str().expect("a hash"));
    assert!(creation.contains("CREATE") && !creation.contains("(program)"), "{creation}");

    let unknown = format!("0x{:064x}", 1);
    let text = complaint(1, &["trace", &unknown, "--rpc", node.banner["http"].as_str().expect("an address")]);
    assert!(text.contains("transaction not found"), "{text}");
    let text = complaint(1, &["trace", &unknown, "--rpc", "127.0.0.1:1"]);
    assert!(text.contains("is no address of a node"), "{text}");
    node.kill();
    let text = complaint(1, &["trace", &unknown, "--rpc", "http://127.0.0.1:1"]);
    assert!(text.contains("cannot reach http://127.0.0.1:1"), "{text}");
}

#[test]
fn what_cannot_be_is_told_in_one_line() {
    let folder = TempDir::new().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    let notes = path("notes.txt");
    fs::write(&notes, "not a chain\n").expect("a disk");
    let node = Process::start(&["--state", &path("chain")]);
    let port = node.address.rsplit_once(':').expect("a port").1;
    let chain = path("chain");

    let cases: [(i32, &[&str], &str); 11] = [
        (1, &["--port", port], "is in use already"),
        (1, &["--host", "0.0.0.0"], "refusing to listen on 0.0.0.0"),
        (1, &["--arbos", "7"], "unknown ArbOS version 7"),
        (1, &["--state", &notes], "is no state file of a devnode"),
        (1, &["--state", &chain], "is in use by another node"),
        (1, &["--load", &notes], "the dump is no JSON"),
        (1, &["--load", &path("nothing")], "cannot read"),
        (2, &["--port", "70000"], "invalid value '70000'"),
        (2, &["--balance", "much"], "an amount of ETH is digits"),
        (2, &["--fork-url", "http://127.0.0.1:1"], "this node does not fork other chains"),
        (2, &["trace", "0x12"], "invalid value '0x12'"),
    ];
    for (code, args, problem) in cases {
        let text = complaint(code, args);
        assert!(text.starts_with("error: ") && text.contains(problem), "{text}");
    }
    assert_eq!(fs::read_to_string(&notes).expect("it is there"), "not a chain\n");
    node.kill();
    let text = complaint(1, &["--state", &chain, "--chain-id", "5"]);
    assert!(text.contains("holds a chain with chain id 412346, not 5"), "{text}");
    assert!(Path::new(&chain).exists());
}

#[test]
fn help_and_version_are_answered() {
    let help = run(&["--help"]);
    let text = String::from_utf8(help.stdout).expect("text");
    assert!(help.status.success() && help.stderr.is_empty());
    for argument in ["--state <FILE>", "--arbos <VERSION>", "--balance <ETH>", "--quiet", "trace"] {
        assert!(text.contains(argument), "{argument}");
    }
    let version = String::from_utf8(run(&["--version"]).stdout).expect("text");
    assert_eq!(version.trim_end(), concat!("devnode ", env!("CARGO_PKG_VERSION")));
}
