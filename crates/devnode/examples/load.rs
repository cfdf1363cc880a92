//! Loads a node over HTTP and shows how long answers take, or fills a chain and shows how much memory that takes.
//!
//! ```text
//! cargo run --release -p devnode --example load -- [send|call|memory] [--count N] [--connections N]
//! ```
//!
//! `send`: transactions, each followed by the question for its receipt. `call`: `eth_call` of a contract and of a program.
//! `memory`: blocks on a chain without a server. Without a word: `send` and `call`.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use alloy_primitives::{Address, Bytes, U256, address, hex};
use devnode::accounts::{DEV_ACCOUNTS, DevAccount};
use devnode::chain::{CallRequest, SendRequest};
use devnode::{Config, Handle, Node};
use serde_json::{Value, json};

type Failure = Box<dyn Error + Send + Sync>;

const ARB_WASM: Address = address!("0000000000000000000000000000000000000071");
/// Gives back what slot 0 holds.
const READER: [u8; 9] = [0x5f, 0x54, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3, 0x00];

struct Arguments {
    what: Vec<String>,
    count: Option<u64>,
    connections: usize,
}

impl Arguments {
    fn read() -> Result<Self, Failure> {
        let mut arguments = Self { what: Vec::new(), count: None, connections: 1 };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number = || words.next().ok_or_else(|| format!("{word} needs a number"));
            match word.as_str() {
                "--count" => arguments.count = Some(number()?.parse()?),
                "--connections" => arguments.connections = number()?.parse::<usize>()?.clamp(1, DEV_ACCOUNTS.len()),
                "send" | "call" | "memory" => arguments.what.push(word),
                other => return Err(format!("unknown: {other}; see the head of examples/load.rs").into()),
            }
        }
        if arguments.what.is_empty() {
            arguments.what = ["send", "call"].map(str::to_owned).to_vec();
        }
        Ok(arguments)
    }
}

fn main() -> Result<(), Failure> {
    let arguments = Arguments::read()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for what in &arguments.what {
        match what.as_str() {
            "memory" => memory(arguments.count.unwrap_or(100_000))?,
            what => {
                let config = Config { port: 0, ..Config::default() };
                let node = runtime.block_on(devnode::serve(config))?;
                let count = arguments.count.unwrap_or(5_000);
                match what {
                    "send" => send(&node, count, arguments.connections)?,
                    _ => call(&node, count, arguments.connections)?,
                }
                runtime.block_on(node.stop());
            }
        }
    }
    Ok(())
}

/// A connection that is kept.
struct Client {
    stream: BufReader<TcpStream>,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Client {
    fn connect(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), request: Vec::new(), answer: Vec::new() })
    }

    /// Asks one method; its result.
    fn ask(&mut self, method: &str, params: &Value) -> Result<Value, Failure> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        self.request.clear();
        write!(
            self.request,
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        self.stream.get_mut().write_all(&self.request)?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err("the node closed the connection".into());
            }
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse()?,
                Some(_) => {}
                None if line.trim_end().is_empty() => break,
                None if line.starts_with("HTTP/1.1 200") => {}
                None => return Err(line.into()),
            }
        }
        self.answer.resize(length, 0);
        self.stream.read_exact(&mut self.answer)?;
        let mut answer: Value = serde_json::from_slice(&self.answer)?;
        match answer.get("error") {
            Some(error) => Err(format!("{method}: {error}").into()),
            None => Ok(answer["result"].take()),
        }
    }
}

/// A transaction that the node signs.
fn sign(
    node: &Node,
    account: &DevAccount,
    nonce: u64,
    to: Option<Address>,
    value: u64,
    gas_limit: u64,
    input: Bytes,
) -> Result<Bytes, Failure> {
    let call = CallRequest {
        from: Some(account.address),
        to,
        gas: Some(gas_limit),
        value: U256::from(value),
        data: input,
        nonce: Some(nonce),
        ..CallRequest::default()
    };
    Ok(node.sign_transaction(&SendRequest { call, ..SendRequest::default() })?.raw().clone())
}

/// Transfers of one account, signed beforehand.
fn transfers(node: &Node, account: &DevAccount, count: u64) -> Result<Vec<Bytes>, Failure> {
    let to = Some(Address::repeat_byte(0x77));
    (0..count).map(|nonce| sign(node, account, nonce, to, 1, 21_000, Bytes::new())).collect()
}

fn send(node: &Handle, count: u64, connections: usize) -> Result<(), Failure> {
    let address = node.address();
    let each = count / connections as u64;
    let signed = DEV_ACCOUNTS[..connections].iter().map(|account| transfers(node.node(), account, each));
    let signed = signed.collect::<Result<Vec<_>, _>>()?;
    let run = |raw: &Vec<Bytes>| -> Result<Vec<Duration>, Failure> {
        let mut client = Client::connect(address)?;
        raw.iter()
            .map(|raw| {
                let began = Instant::now();
                let hash = client.ask("eth_sendRawTransaction", &json!([raw]))?;
                let receipt = client.ask("eth_getTransactionReceipt", &json!([hash]))?;
                let took = began.elapsed();
                if receipt["status"] == "0x1" { Ok(took) } else { Err(format!("no success: {receipt}").into()) }
            })
            .collect()
    };
    show("eth_sendRawTransaction + eth_getTransactionReceipt", side_by_side(&signed, run)?);
    Ok(())
}

fn call(node: &Handle, count: u64, connections: usize) -> Result<(), Failure> {
    let address = node.address();
    let mut client = Client::connect(address)?;
    let contract = Address::repeat_byte(0x66);
    client.ask("anvil_setCode", &json!([contract, Bytes::from_static(&READER)]))?;
    let program = deploy_program(node.node(), &mut client)?;
    // the program's script: the chain's id
    for (name, to, data) in [("a contract", contract, "0x"), ("a program", program, "0x15")] {
        let params = json!([{ "to": to, "data": data }, "latest"]);
        let run = |_: &()| -> Result<Vec<Duration>, Failure> {
            let mut client = Client::connect(address)?;
            (0..count / connections as u64)
                .map(|_| {
                    let began = Instant::now();
                    client.ask("eth_call", &params)?;
                    Ok(began.elapsed())
                })
                .collect()
        };
        show(&format!("eth_call of {name}"), side_by_side(&vec![(); connections], run)?);
    }
    Ok(())
}

/// Deploys and activates the recorded program that does what its calldata says.
fn deploy_program(node: &Node, client: &mut Client) -> Result<Address, Failure> {
    let path = format!("{}/tests/vectors/programs.json", env!("CARGO_MANIFEST_DIR"));
    let suite: Value = serde_json::from_slice(&std::fs::read(path)?)?;
    let steps = suite["steps"].as_array().ok_or("a suite has steps")?;
    let step = steps.iter().find(|step| step["id"] == "deploy probe").ok_or("the probe is recorded")?;
    let code: Bytes = step["data"].as_str().unwrap_or_default().parse()?;
    let account = &DEV_ACCOUNTS[0];
    let program = account.address.create(0);
    let activate = [&hex!("58c780c2")[..], &program.into_word()[..]].concat();
    let fee = 1_000_000_000_000_000_000;
    for raw in [
        sign(node, account, 0, None, 0, 10_000_000, code)?,
        sign(node, account, 1, Some(ARB_WASM), fee, 30_000_000, activate.into())?,
    ] {
        let hash = client.ask("eth_sendRawTransaction", &json!([raw]))?;
        let receipt = client.ask("eth_getTransactionReceipt", &json!([hash]))?;
        if receipt["status"] != "0x1" {
            return Err(format!("no success: {receipt}").into());
        }
    }
    Ok(program)
}

/// All durations, and the time that all took together.
struct Measured {
    each: Vec<Duration>,
    all: Duration,
}

fn side_by_side<T: Sync>(
    inputs: &[T],
    run: impl Fn(&T) -> Result<Vec<Duration>, Failure> + Sync,
) -> Result<Measured, Failure> {
    let began = Instant::now();
    let results: Vec<Result<Vec<Duration>, Failure>> = std::thread::scope(|scope| {
        let threads: Vec<_> = inputs.iter().map(|input| scope.spawn(|| run(input))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("a thread panicked".into()))).collect()
    });
    let all = began.elapsed();
    Ok(Measured { each: results.into_iter().collect::<Result<Vec<_>, _>>()?.concat(), all })
}

fn show(name: &str, mut measured: Measured) {
    measured.each.sort_unstable();
    let each = &measured.each;
    let Some(max) = each.last() else { return };
    let part = |percent: usize| each[(each.len() * percent / 100).min(each.len() - 1)].as_secs_f64() * 1e3;
    println!(
        "{name}: {} in {:.2} s = {:.0} a second; p50 {:.3} ms, p90 {:.3} ms, p99 {:.3} ms, max {:.3} ms",
        each.len(),
        measured.all.as_secs_f64(),
        each.len() as f64 / measured.all.as_secs_f64(),
        part(50),
        part(90),
        part(99),
        max.as_secs_f64() * 1e3
    );
}

/// Blocks of one transfer each, on a chain that keeps little of its past.
fn memory(blocks: u64) -> Result<(), Failure> {
    let node = Node::new(Config { history: 128, blocks: 1_024, ..Config::default() })?;
    let account = &DEV_ACCOUNTS[0];
    let steps = 10;
    println!("{:>8} blocks: {:>7} KiB", 0, resident()?);
    for step in 0..steps {
        for nonce in blocks * step / steps..blocks * (step + 1) / steps {
            // to as many accounts as there are in a small town
            let to = Some(Address::left_padding_from(&(nonce % 1_000 + 0x1_0000).to_be_bytes()));
            node.send_raw(sign(&node, account, nonce, to, 1, 21_000, Bytes::new())?)?;
        }
        println!("{:>8} blocks: {:>7} KiB", node.block_number(), resident()?);
    }
    Ok(())
}

/// Memory of this process, in KiB.
fn resident() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("the system does not tell")?;
    Ok(line.split_whitespace().nth(1).unwrap_or_default().parse()?)
}
