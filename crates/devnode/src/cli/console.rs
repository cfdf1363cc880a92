//! What a node prints: who it is, then one line a transaction.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256, hex};
use serde_json::{Value, json};

use super::Options;
use super::units::ether;
use crate::Node;
use crate::chain::Outcome;

/// Most transactions that wait to be printed.
const WAITING: usize = 10_000;
/// How long what waits at the end may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Console {
    /// For people.
    Text,
    /// For programs: one object a line.
    Json,
    /// Not at all.
    Quiet,
}

impl Console {
    pub(super) fn of(options: &Options) -> Self {
        match (options.quiet, options.json) {
            (true, _) => Self::Quiet,
            (false, true) => Self::Json,
            (false, false) => Self::Text,
        }
    }

    /// Prints who the node is and where it listens.
    pub(super) fn start(self, title: &str, node: &Node, address: SocketAddr) {
        match self {
            Self::Text => print(&banner(title, node, address)),
            Self::Json => print(&line(&banner_json(title, node, address))),
            Self::Quiet => {}
        }
    }

    /// Prints every transaction that is mined from now on, until what is returned is dropped.
    pub(super) fn watch(self, node: &Arc<Node>) -> Watch {
        let node = node.clone();
        let thread = (self != Self::Quiet).then(|| {
            // Who sends a transaction does not wait until it is printed. What nobody reads for long is left out.
            let (sender, told) = mpsc::sync_channel::<Told>(WAITING);
            node.on_transaction(Box::new(move |outcome| drop(sender.try_send(Told::of(outcome)))));
            thread::spawn(move || told.iter().for_each(|told| print(&self.told(&told))))
        });
        Watch { node, thread }
    }

    fn told(self, told: &Told) -> String {
        if self == Self::Json { line(&told.json()) } else { told.text() }
    }
}

/// Prints what happens as long as it is there.
#[derive(Debug)]
pub(super) struct Watch {
    node: Arc<Node>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        // With the listener goes the other end of the channel, and then the thread.
        self.node.on_transaction(Box::new(|_| {}));
        let until = Instant::now() + FAREWELL;
        while !thread.is_finished() && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// What is told about a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    block: u64,
    hash: B256,
    from: Address,
    to: Option<Address>,
    created: Option<Address>,
    /// First four bytes of the calldata of a call.
    selector: Option<[u8; 4]>,
    gas_used: u64,
    /// Why it failed, if it did.
    failure: Option<String>,
    /// What it wrote to the console.
    console: Vec<String>,
}

impl Told {
    fn of(outcome: &Outcome) -> Self {
        let (tx, receipt) = (outcome.transaction(), outcome.receipt());
        Self {
            block: outcome.block.header.number,
            hash: tx.hash(),
            from: tx.from(),
            to: tx.to(),
            created: receipt.contract,
            selector: tx.to().and_then(|_| tx.input().first_chunk().copied()),
            gas_used: receipt.gas_used,
            failure: outcome.failure.clone(),
            console: outcome.console.clone(),
        }
    }

    /// One line, and below it those of the console.
    fn text(&self) -> String {
        let what = match (self.to, self.created, self.selector) {
            (Some(to), _, Some(selector)) => format!("{} to {to}", hex::encode_prefixed(selector)),
            (Some(to), _, None) => format!("transfer to {to}"),
            (None, Some(created), _) => format!("created {created}"),
            (None, None, _) => "creation".to_owned(),
        };
        let status = self.failure.as_ref().map_or("success".to_owned(), |failure| format!("failed: {failure}"));
        let mut text = format!("block {}  {}  {what}  gas {}  {status}\n", self.block, self.hash, self.gas_used);
        for said in &self.console {
            let _ = writeln!(text, "    {said}");
        }
        text
    }

    fn json(&self) -> Value {
        json!({
            "type": "transaction",
            "block": self.block,
            "hash": self.hash.to_string(),
            "from": self.from.to_string(),
            "to": self.to.map(|to| to.to_string()),
            "created": self.created.map(|created| created.to_string()),
            "selector": self.selector.map(hex::encode_prefixed),
            "gasUsed": self.gas_used,
            "success": self.failure.is_none(),
            "error": self.failure,
            "console": self.console,
        })
    }
}

fn banner(title: &str, node: &Node, address: SocketAddr) -> String {
    let config = node.config();
    let mut text = format!("{title}\n\n");
    let mut row = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<14}{value}");
    };
    row("Chain id", config.chain_id.to_string());
    row("ArbOS", config.arbos_version.to_string());
    row("Base fee", format!("{} wei", config.base_fee));
    if let Some(file) = &config.state_file {
        row("State", format!("{}, at block {}", file.display(), node.block_number()));
    }
    let _ = writeln!(text, "\nAccounts, {} ETH each when the chain began, and their keys", ether(config.balance));
    for (i, account) in config.accounts.iter().enumerate() {
        let _ = writeln!(text, "({i})  {}  {}", account.address, account.key);
    }
    let _ = writeln!(text, "\nThese keys are public: never send anything of value to their addresses on a real chain.");
    let _ = writeln!(text, "\nListening on http://{address} and ws://{address}");
    text
}

fn banner_json(title: &str, node: &Node, address: SocketAddr) -> Value {
    let config = node.config();
    let accounts = config
        .accounts
        .iter()
        .map(|account| json!({ "address": account.address.to_string(), "privateKey": account.key.to_string() }));
    json!({
        "type": "node",
        "title": title,
        "chainId": config.chain_id,
        "arbosVersion": config.arbos_version,
        "baseFee": config.base_fee,
        "balance": config.balance.to_string(),
        "accounts": accounts.collect::<Vec<_>>(),
        "block": node.block_number(),
        "state": config.state_file.as_ref().map(|file| file.display().to_string()),
        "http": format!("http://{address}"),
        "ws": format!("ws://{address}"),
    })
}

fn line(json: &Value) -> String {
    format!("{json}\n")
}

/// Prints at once. Whoever does not listen any more does not stop the node.
fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{address, b256};

    use super::*;
    use crate::Config;

    fn told() -> Told {
        Told {
            block: 7,
            hash: b256!("00000000000000000000000000000000000000000000000000000000000000aa"),
            from: address!("3f1Eae7D46d88F08fc2F8ed27FCb2AB183EB2d0E"),
            to: Some(address!("70997970C51812dc3A010C7d01b50e0d17dc79C8")),
            created: None,
            selector: Some([0xa9, 0x05, 0x9c, 0xbb]),
            gas_used: 51_234,
            failure: None,
            console: Vec::new(),
        }
    }

    #[test]
    fn a_transaction_is_one_line() {
        let hash = format!("0x{:0>64}", "aa");
        let to = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
        assert_eq!(told().text(), format!("block 7  {hash}  0xa9059cbb to {to}  gas 51234  success\n"));
        let transfer = Told { selector: None, ..told() };
        assert_eq!(transfer.text(), format!("block 7  {hash}  transfer to {to}  gas 51234  success\n"));
        let failed = Told { failure: Some("no".to_owned()), console: vec!["hello".to_owned()], ..told() };
        assert!(failed.text().ends_with("gas 51234  failed: no\n    hello\n"));
        let created = Told { to: None, selector: None, created: told().to, ..told() };
        assert!(created.text().contains(&format!("created {to}")));
    }

    #[test]
    fn a_transaction_is_one_object() {
        let object = Told { failure: Some("out of gas".to_owned()), ..told() }.json();
        assert_eq!(object["type"], "transaction");
        assert_eq!((&object["block"], &object["gasUsed"]), (&json!(7), &json!(51_234)));
        assert_eq!((&object["success"], &object["error"]), (&json!(false), &json!("out of gas")));
        assert_eq!((&object["selector"], &object["created"]), (&json!("0xa9059cbb"), &Value::Null));
        assert!(!line(&object).trim_end().contains('\n'));
    }

    #[test]
    fn the_banner_shows_accounts_keys_and_where_to_connect() {
        let node = Node::new(Config::default()).expect("possible");
        let address = SocketAddr::from(([127, 0, 0, 1], 8547));
        let text = banner("devnode", &node, address);
        for shown in
            ["412346", "51", "1000000 ETH", "http://127.0.0.1:8547 and ws://127.0.0.1:8547", "These keys are public"]
        {
            assert!(text.contains(shown), "{shown}");
        }
        for account in &node.config().accounts {
            assert!(text.contains(&format!("{}  {}", account.address, account.key)));
        }
        let object = banner_json("devnode", &node, address);
        assert_eq!(object["accounts"].as_array().map(Vec::len), Some(node.config().accounts.len()));
        assert_eq!((&object["http"], &object["state"]), (&json!("http://127.0.0.1:8547"), &Value::Null));
    }
}
