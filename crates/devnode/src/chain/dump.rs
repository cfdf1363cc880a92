//! Accounts in the form in which anvil tells them: `{"accounts": {"0x…": {"nonce", "balance", "code", "storage"}}}`.

use std::io::{self, Read, Write};

use alloy_primitives::{Address, B256, Bytes, U256, hex};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use revm::state::AccountInfo;
use serde_json::{Map, Value, json};

use super::Node;
use crate::arbos::state::root;
use crate::arbos::{STATE_ADDRESS, Space};
use crate::state::bytecode;

/// Most bytes of a dump that was compressed.
const MAX_DUMP: u64 = 256 << 20;
/// What compressed bytes begin with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Why accounts cannot be loaded. Nothing is changed then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DumpError {
    /// Not JSON, and not compressed JSON.
    #[error("the dump is no JSON: {0}")]
    Json(String),
    /// It cannot be decompressed.
    #[error("the dump cannot be decompressed: {0}")]
    Gzip(String),
    /// More than `MAX_DUMP` bytes.
    #[error("the dump has more than {MAX_DUMP} bytes")]
    TooLarge,
    /// Something in it is not as it should be.
    #[error("the dump has a bad value at {place}: {problem}")]
    Value {
        /// Where.
        place: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// It has ArbOS's own state, and that of another chain.
    #[error("the dump is of a chain with {what} {found}, this one has {wanted}")]
    Mismatch {
        /// What differs.
        what: &'static str,
        /// What the dump has.
        found: U256,
        /// What this chain has.
        wanted: u64,
    },
}

/// An account of a dump.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Dumped {
    address: Address,
    nonce: u64,
    balance: U256,
    code: Bytes,
    storage: Vec<(U256, U256)>,
}

impl Node {
    /// All accounts as they are at present, ArbOS's own as well.
    pub fn dump(&self) -> Value {
        let chain = self.chain.read();
        let view = chain.state.latest();
        let account = |(address, info): (Address, AccountInfo)| {
            let slots = chain.state.slots(address).into_iter();
            let storage: Map<String, Value> = slots
                .map(|(slot, value)| (B256::from(slot).to_string(), json!(B256::from(value).to_string())))
                .collect();
            let account = json!({
                "nonce": info.nonce,
                "balance": format!("{:#x}", info.balance),
                "code": hex::encode_prefixed(view.code(address)),
                "storage": storage,
            });
            (hex::encode_prefixed(address), account)
        };
        let accounts: Map<String, Value> = chain.state.accounts().into_iter().map(account).collect();
        json!({ "accounts": accounts })
    }

    /// [`Node::dump`], compressed: what `anvil_dumpState` answers.
    pub fn dump_compressed(&self) -> Bytes {
        let compress = |json: String| -> io::Result<Vec<u8>> {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(json.as_bytes())?;
            encoder.finish()
        };
        compress(self.dump().to_string()).expect("memory can be written").into()
    }

    /// Puts the accounts of a dump (JSON, compressed or not) in the place of those with their addresses. Gives their number.
    ///
    /// # Errors
    ///
    /// It is no dump, or it has the ArbOS state of another chain.
    pub fn load(&self, dump: &[u8]) -> Result<usize, DumpError> {
        let json: Value = if dump.starts_with(&GZIP) {
            let mut bytes = Vec::new();
            let read = GzDecoder::new(dump).take(MAX_DUMP + 1).read_to_end(&mut bytes);
            read.map_err(|error| DumpError::Gzip(error.to_string()))?;
            if bytes.len() as u64 > MAX_DUMP {
                return Err(DumpError::TooLarge);
            }
            parse(&bytes)?
        } else {
            parse(dump)?
        };
        let accounts = accounts(&json)?;
        if let Some(arbos) = accounts.iter().find(|account| account.address == STATE_ADDRESS) {
            self.check_arbos(arbos)?;
        }
        let number = accounts.len();
        let mut chain = self.chain.write();
        for Dumped { address, nonce, balance, code, storage } in accounts {
            let info = AccountInfo { nonce, balance, ..AccountInfo::from_bytecode(bytecode(code)) };
            chain.state.replace(address, info, storage);
        }
        Ok(number)
    }

    /// ArbOS's state holds the version whose rules it follows, and the chain id.
    fn check_arbos(&self, arbos: &Dumped) -> Result<(), DumpError> {
        let fields = [
            ("ArbOS version", root::VERSION, self.config.arbos_version),
            ("chain id", root::CHAIN_ID, self.config.chain_id),
        ];
        for (what, offset, wanted) in fields {
            let slot = Space::ROOT.at(offset);
            let found = arbos.storage.iter().find(|(key, _)| *key == slot).map(|(_, value)| *value).unwrap_or_default();
            if found != U256::from(wanted) {
                return Err(DumpError::Mismatch { what, found, wanted });
            }
        }
        Ok(())
    }
}

fn parse(bytes: &[u8]) -> Result<Value, DumpError> {
    serde_json::from_slice(bytes).map_err(|error| DumpError::Json(error.to_string()))
}

fn accounts(dump: &Value) -> Result<Vec<Dumped>, DumpError> {
    let accounts = field(dump, "accounts", "dump")?.ok_or_else(|| bad("accounts", "it is missing"))?;
    object(accounts, "accounts")?.iter().map(|(address, account)| dumped(address, account)).collect()
}

fn dumped(address: &str, account: &Value) -> Result<Dumped, DumpError> {
    let place = |name: &str| format!("accounts.{address}.{name}");
    let number = |name: &str| match field(account, name, address)? {
        None => Ok(U256::ZERO),
        Some(value) => quantity(value).ok_or_else(|| bad(place(name), "no number")),
    };
    let nonce = u64::try_from(number("nonce")?).map_err(|_| bad(place("nonce"), "too large"))?;
    let code = match field(account, "code", address)? {
        None => Bytes::new(),
        Some(code) => {
            code.as_str().and_then(|code| code.parse().ok()).ok_or_else(|| bad(place("code"), "no hex string"))?
        }
    };
    let mut storage = Vec::new();
    if let Some(slots) = field(account, "storage", address)? {
        for (slot, value) in object(slots, &place("storage"))? {
            let at = || place(&format!("storage.{slot}"));
            let slot = quantity(&json!(slot)).ok_or_else(|| bad(at(), "no slot"))?;
            storage.push((slot, quantity(value).ok_or_else(|| bad(at(), "no number"))?));
        }
    }
    Ok(Dumped {
        address: address.parse().map_err(|_| bad(format!("accounts.{address}"), "no address"))?,
        nonce,
        balance: number("balance")?,
        code,
        storage,
    })
}

/// A field; absent and null are the same.
fn field<'a>(value: &'a Value, name: &str, place: &str) -> Result<Option<&'a Value>, DumpError> {
    Ok(object(value, place)?.get(name).filter(|field| !field.is_null()))
}

fn object<'a>(value: &'a Value, place: &str) -> Result<&'a Map<String, Value>, DumpError> {
    value.as_object().ok_or_else(|| bad(place, "no object"))
}

/// A number of JSON, or hex digits of up to 32 bytes.
fn quantity(value: &Value) -> Option<U256> {
    if let Some(number) = value.as_u64() {
        return Some(U256::from(number));
    }
    let digits = value.as_str()?.strip_prefix("0x")?;
    (!digits.is_empty()).then(|| U256::from_str_radix(digits, 16).ok()).flatten()
}

fn bad(place: impl Into<String>, problem: &'static str) -> DumpError {
    DumpError::Value { place: place.into(), problem }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::address;

    use super::*;
    use crate::config::Config;

    const SOMEBODY: Address = address!("00000000000000000000000000000000000a11ce");

    fn node() -> Node {
        Node::new(Config::default()).expect("a possible configuration")
    }

    #[test]
    fn a_dump_makes_the_same_accounts_elsewhere() {
        let first = node();
        first.set_balance(SOMEBODY, U256::from(7));
        first.set_nonce(SOMEBODY, 3);
        first.set_code(SOMEBODY, Bytes::from_static(&[0xef, 0xf0, 0, 0, 1]));
        first.set_storage(SOMEBODY, U256::from(1), U256::from(2));
        let second = node();
        second.set_storage(SOMEBODY, U256::from(5), U256::from(6));
        for dump in [first.dump().to_string().into_bytes(), first.dump_compressed().to_vec()] {
            second.set_balance(SOMEBODY, U256::from(1));
            assert!(second.load(&dump).expect("a dump") > 20, "ArbOS, precompiles, funded accounts");
            assert_eq!(second.dump(), first.dump());
        }
        let account = &second.dump()["accounts"]["0x00000000000000000000000000000000000a11ce"];
        let slots = json!({ B256::with_last_byte(1).to_string(): B256::with_last_byte(2).to_string() });
        let expected = json!({ "nonce": 3, "balance": "0x7", "code": "0xeff0000001", "storage": slots });
        assert_eq!(account, &expected);
    }

    #[test]
    fn numbers_may_be_written_as_older_anvils_do() {
        let node = node();
        let account = json!({ "nonce": "0x5", "balance": "0x10", "code": "0x", "storage": { "0x1": "0x2" } });
        let dump = json!({ "accounts": { SOMEBODY.to_string(): account }, "best_block_number": "0x9" });
        assert_eq!(node.load(dump.to_string().as_bytes()), Ok(1));
        let read = |view: crate::state::View<'_>| {
            (view.nonce(SOMEBODY), view.balance(SOMEBODY), view.slot(SOMEBODY, U256::ONE))
        };
        let read = node.read(&super::super::BlockRef::Latest, read).expect("the latest");
        assert_eq!(read, (5, U256::from(16), U256::from(2)));
    }

    #[test]
    fn what_is_no_dump_changes_nothing() {
        let node = node();
        let before = node.dump();
        let problem = |dump: &str| node.load(dump.as_bytes()).expect_err("no dump").to_string();
        assert!(problem("{").starts_with("the dump is no JSON: "));
        assert_eq!(problem("{}"), "the dump has a bad value at accounts: it is missing");
        assert_eq!(problem("[]"), "the dump has a bad value at dump: no object");
        assert_eq!(problem(r#"{"accounts":{"0x12":{}}}"#), "the dump has a bad value at accounts.0x12: no address");
        let bad_nonce = r#"{"accounts":{"0x00000000000000000000000000000000000a11ce":{"nonce":"five"}}}"#;
        assert!(problem(bad_nonce).ends_with("a11ce.nonce: no number"));
        assert!(matches!(node.load(&[0x1f, 0x8b, 1, 2, 3]), Err(DumpError::Gzip(_))));
        assert_eq!(node.dump(), before);
    }

    #[test]
    fn arbos_of_another_chain_is_refused() {
        let other = Node::new(Config { chain_id: 5, ..Config::default() }).expect("a possible configuration");
        let error = node().load(&other.dump_compressed()).expect_err("another chain");
        assert_eq!(error.to_string(), "the dump is of a chain with chain id 5, this one has 412346");
        let other = Node::new(Config { arbos_version: 40, ..Config::default() }).expect("a possible configuration");
        let error = node().load(&other.dump_compressed()).expect_err("another version");
        assert_eq!(error.to_string(), "the dump is of a chain with ArbOS version 40, this one has 51");
    }
}
