//! What was written is what comes back, wherever the file ends.

use std::fs;
use std::time::Duration;

use alloy_consensus::crypto::secp256k1::sign_message;
use alloy_consensus::{SignableTransaction, TxLegacy};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, Keccak256, TxKind, U256};
use proptest::prelude::*;
use tempfile::TempDir;

use super::super::store::Store;
use super::super::{BlockRef, CallAt, CallRequest, ConfigError, Node};
use super::journal::LEAST;
use super::*;
use crate::accounts::DEV_ACCOUNTS;
use crate::evm::Options;
use crate::rules::Rules;

/// Stores its first word in slot 0 and logs it with topic 7.
const WRITER: &[u8] = &[0x5f, 0x35, 0x5f, 0x55, 0x5f, 0x35, 0x5f, 0x52, 0x60, 0x07, 0x60, 0x20, 0x5f, 0xa1];
/// Gives back what slot 0 holds.
const READER: &[u8] = &[0x5f, 0x54, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3];

/// A node with a file that is written anew from `least` bytes on.
fn open_with(path: &Path, config: Config, least: u64) -> Result<Node, StateFileError> {
    let rules = Rules::of(config.arbos_version).expect("a known version");
    let (chain, file) = open_file(path, &config, || Chain::genesis(&config, &rules))?;
    let chain = Store::in_file(chain, Journal::start(file, least));
    Ok(Node::over(config, rules, chain))
}

fn config(path: &Path) -> Config {
    Config { state_file: Some(path.to_path_buf()), ..Config::default() }
}

fn open_node(path: &Path) -> Node {
    Node::new(config(path)).expect("a usable file")
}

fn refused(config: Config) -> StateFileError {
    match Node::new(config) {
        Err(ConfigError::StateFile(error)) => error,
        other => panic!("not refused: {other:?}"),
    }
}

/// Everything about a chain, as a hash.
fn fingerprint(node: &Node) -> B256 {
    let mut hasher = Keccak256::new();
    let all = record::image(Identity::of(&node.config), &node.chain.read(), |payload| {
        hasher.update(payload);
        Ok(())
    });
    all.expect("a hash takes everything");
    hasher.finalize()
}

fn transaction(sender: usize, nonce: u64, to: Address, data: U256) -> Bytes {
    let tx = TxLegacy {
        chain_id: Some(412_346),
        nonce,
        gas_price: 1_000_000_000,
        gas_limit: 200_000,
        to: TxKind::Call(to),
        value: U256::from(nonce),
        input: data.to_be_bytes::<32>().into(),
    };
    let signature = sign_message(DEV_ACCOUNTS[sender].key, tx.signature_hash()).expect("a valid key");
    tx.into_signed(signature).encoded_2718().into()
}

fn nonce(node: &Node, sender: usize) -> u64 {
    node.read(&BlockRef::Latest, |view| view.nonce(DEV_ACCOUNTS[sender].address)).expect("the latest block")
}

#[derive(Clone, Debug)]
enum Act {
    Send { sender: usize, ahead: u64, word: u64 },
    Mine { blocks: u64, interval: u64 },
    Balance { account: u8, wei: u64 },
    Nonce { account: u8, nonce: u64 },
    Code { account: u8, byte: u8 },
    Slot { account: u8, slot: u64, value: u64 },
    Later { seconds: u64 },
    Next { ahead: u64 },
    Snapshot,
    Revert { which: usize },
    Save,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (0usize..3, 0u64..3, any::<u64>()).prop_map(|(sender, ahead, word)| Act::Send { sender, ahead, word }),
        2 => (0u64..4, 0u64..3).prop_map(|(blocks, interval)| Act::Mine { blocks, interval }),
        1 => (0u8..3, any::<u64>()).prop_map(|(account, wei)| Act::Balance { account, wei }),
        1 => (0u8..3, 0u64..3).prop_map(|(account, nonce)| Act::Nonce { account, nonce }),
        1 => (0u8..3, 0u8..3).prop_map(|(account, byte)| Act::Code { account, byte }),
        2 => (0u8..3, 0u64..3, 0u64..3).prop_map(|(account, slot, value)| Act::Slot { account, slot, value }),
        1 => (0u64..1_000).prop_map(|seconds| Act::Later { seconds }),
        1 => (0u64..1_000).prop_map(|ahead| Act::Next { ahead }),
        2 => Just(Act::Snapshot),
        2 => (0usize..4).prop_map(|which| Act::Revert { which }),
        4 => Just(Act::Save),
    ];
    proptest::collection::vec(act, 1..40)
}

/// Does something. What is refused is refused.
fn act(node: &Node, snapshots: &mut Vec<u64>, act: Act) {
    let address = |account: u8| Address::repeat_byte(0x20 + account);
    match act {
        Act::Send { sender, ahead, word } => {
            let tx = transaction(sender, nonce(node, sender) + ahead, address(0), U256::from(word));
            let _ = node.send_raw(tx);
        }
        Act::Mine { blocks, interval } => {
            node.mine(blocks, interval).expect("a few");
        }
        Act::Balance { account, wei } => node.set_balance(address(account), U256::from(wei)),
        Act::Nonce { account, nonce } => node.set_nonce(address(account), nonce),
        Act::Code { account, byte } => {
            let code = if byte == 0 { WRITER.to_vec() } else { vec![byte] };
            node.set_code(address(account), code.into());
        }
        Act::Slot { account, slot, value } => {
            node.set_storage(address(account), U256::from(slot), U256::from(value));
        }
        Act::Later { seconds } => {
            node.increase_time(seconds).expect("near");
        }
        Act::Next { ahead } => {
            let _ = node.set_next_timestamp(node.next_timestamp() + ahead);
        }
        Act::Snapshot => snapshots.push(node.snapshot()),
        Act::Revert { which } => {
            if let Some(id) = snapshots.get(which) {
                node.revert(*id);
                snapshots.truncate(which);
            }
        }
        Act::Save => node.save().expect("a disk"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Wherever a file ends, it holds the chain as it was at the last save before.
    #[test]
    fn every_prefix_is_a_chain_that_there_was(
        acts in acts(),
        cuts in proptest::collection::vec(0.0f64..1.0, 6),
        internal_tx in any::<bool>(),
        history in 1u64..8,
        blocks in prop_oneof![Just(u64::MAX), 0u64..12],
    ) {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("chain");
        let config = Config { internal_tx, history, blocks, ..config(&path) };
        let node = Node::new(config.clone()).expect("a new file");
        node.set_code(Address::repeat_byte(0x20), WRITER.to_vec().into());
        let mut snapshots = Vec::new();
        let length = || fs::metadata(&path).expect("it is there").len();
        node.save().expect("a disk");
        let mut saved = vec![(length(), fingerprint(&node))];
        for step in acts {
            act(&node, &mut snapshots, step);
            node.save().expect("a disk");
            saved.push((length(), fingerprint(&node)));
        }
        drop(node);
        let bytes = fs::read(&path).expect("it is there");
        prop_assert_eq!(bytes.len() as u64, saved.last().expect("one at least").0);

        let first = saved[0].0;
        let anywhere = cuts.into_iter().map(|cut| first + ((bytes.len() as u64 - first) as f64 * cut) as u64);
        let edges = saved.iter().map(|(length, _)| *length).chain(saved.iter().map(|(length, _)| *length - 1));
        for cut in anywhere.chain(edges).filter(|cut| *cut >= first) {
            let copy = folder.path().join("copy");
            fs::write(&copy, &bytes[..cut as usize]).expect("a disk");
            let again = Node::new(Config { state_file: Some(copy), ..config.clone() }).expect("a usable file");
            let (_, expected) = saved.iter().rfind(|(length, _)| *length <= cut).expect("the first one at least");
            prop_assert_eq!(fingerprint(&again), *expected, "cut at {} of {}", cut, bytes.len());
            again.mine(1, 0).expect("it goes on");
        }
    }
}

#[test]
fn blocks_receipts_calls_and_traces_of_the_past_survive_a_restart() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("chain");
    let (writer, reader) = (Address::repeat_byte(1), Address::repeat_byte(2));
    let node = open_node(&path);
    node.set_code(writer, WRITER.to_vec().into());
    let hashes: Vec<B256> =
        (0..3).map(|i| node.send_raw(transaction(0, i, writer, U256::from(i + 10))).expect("accepted")).collect();
    node.set_code(reader, READER.to_vec().into());
    node.increase_time(1_000_000).expect("near");
    let waiting = node.send_raw(transaction(0, 5, writer, U256::ZERO)).expect("it waits");
    let time = node.next_timestamp();
    let blocks: Vec<_> = (0..4).map(|i| node.block(&BlockRef::Number(i)).expect("it is there")).collect();
    let trace = node.trace(hashes[1], Options::CALL).expect("its state is kept");
    drop(node);

    let node = open_node(&path);
    assert_eq!(node.block_number(), 3);
    for (number, before) in blocks.iter().enumerate() {
        let after = node.block(&BlockRef::Number(number as u64)).expect("it is there");
        assert_eq!(format!("{after:?}"), format!("{before:?}"));
        assert_eq!(node.block(&BlockRef::Hash(before.hash)).expect("it is there").hash, after.hash);
    }
    for (i, hash) in hashes.iter().enumerate() {
        let (block, index) = node.find(*hash).expect("it was mined");
        assert_eq!((block.header.number, block.transactions[index].receipt.logs.len()), (i as u64 + 1, 1));
    }
    let again = node.trace(hashes[1], Options::CALL).expect("its state is kept");
    assert_eq!((again.gas_used, again.logs), (trace.gas_used, trace.logs));
    let stored = |block: u64| node.read(&BlockRef::Number(block), |view| view.slot(writer, U256::ZERO));
    assert_eq!([1, 2, 3].map(stored), [10, 11, 12].map(|value| Ok(U256::from(value))));
    let call = CallRequest { to: Some(reader), ..CallRequest::default() };
    let at_latest = node.call(&call, &CallAt::default(), Options::CALL).expect("it runs");
    assert_eq!(at_latest.output.len(), 32, "code that was set by hand is there");
    assert!((time..time + 60).contains(&node.next_timestamp()), "the clock is still ahead");
    assert!(node.queued(waiting).is_some());
    for nonce in 3..5 {
        node.send_raw(transaction(0, nonce, writer, U256::ZERO)).expect("accepted");
    }
    assert!(node.find(waiting).is_some(), "those before it came");
}

#[test]
fn a_chain_that_takes_the_place_of_another_is_written_whole() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("chain");
    let node = open_node(&path);
    node.mine(3, 0).expect("a few");
    node.set_balance(Address::repeat_byte(1), U256::from(1));
    *node.chain.write() = Chain::genesis(&node.config, node.executor.rules());
    node.mine(1, 0).expect("one");
    node.set_balance(Address::repeat_byte(2), U256::from(2));
    let expected = fingerprint(&node);
    drop(node);
    let node = open_node(&path);
    assert_eq!((fingerprint(&node), node.block_number()), (expected, 1));
}

#[test]
fn a_save_reaches_the_disk_without_being_asked_for() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("chain");
    let node = open_node(&path);
    let before = fs::metadata(&path).expect("it is there").len();
    node.set_balance(Address::repeat_byte(1), U256::from(1));
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while fs::metadata(&path).expect("it is there").len() == before {
        assert!(std::time::Instant::now() < deadline, "nothing was written");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(node.save_failure(), None);
}

#[test]
fn reads_are_not_written() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("chain");
    let node = open_node(&path);
    let before = fs::metadata(&path).expect("it is there").len();
    node.snapshot();
    node.call(&CallRequest::default(), &CallAt::default(), Options::CALL).expect("it runs");
    assert!(node.send_raw(transaction(0, 0, Address::ZERO, U256::MAX)).is_ok());
    node.save().expect("a disk");
    let after = fs::metadata(&path).expect("it is there").len();
    assert!(node.send_raw(transaction(0, 0, Address::ZERO, U256::MAX)).is_err(), "its nonce was used");
    node.save().expect("a disk");
    assert!(before < after && after == fs::metadata(&path).expect("it is there").len());
}

#[test]
fn a_file_that_has_grown_is_written_anew_while_the_chain_goes_on() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("chain");
    let node = open_with(&path, config(&path), 0).expect("a new file");
    let length = || fs::metadata(&path).expect("it is there").len();
    let image = length();
    node.set_code(Address::repeat_byte(1), WRITER.to_vec().into());
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    let (mut longest, mut round) = (image, 0);
    while length() >= longest {
        longest = length();
        assert!(std::time::Instant::now() < deadline, "it was never written anew");
        let snapshot = node.snapshot();
        for _ in 0..20 {
            let word = U256::from(round);
            node.send_raw(transaction(0, nonce(&node, 0), Address::repeat_byte(1), word)).expect("accepted");
            round += 1;
        }
        if round % 60 != 0 {
            assert!(node.revert(snapshot));
        }
        node.save().expect("a disk");
    }
    assert!(longest >= image * 4);
    node.set_balance(Address::repeat_byte(2), U256::from(9));
    let expected = fingerprint(&node);
    drop(node);
    assert_eq!(fingerprint(&open_with(&path, config(&path), LEAST).expect("a usable file")), expected);
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2, "the file and its lock");
}

#[test]
fn other_files_are_refused_and_left_as_they_are() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("chain");
    open_node(&path).mine(3, 0).expect("a few");
    let good = fs::read(&path).expect("it is there");
    let cut = |length: usize| good[..length].to_vec();
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let cases: [(&str, Vec<u8>); 7] = [
        ("is no state file of a devnode", b"My notes\n".to_vec()),
        ("is no state file of a devnode", b"{\"accounts\":{}}".to_vec()),
        ("is no state file of a devnode", vec![0; 100]),
        ("has format 2, this devnode knows 1", [b"devnode state 2\n".as_slice(), &good[16..]].concat()),
        ("is damaged at byte 16", cut(1_000)),
        ("is damaged at byte 16", flipped(1_000)),
        ("is damaged at byte 16", cut(16)),
    ];
    for (problem, bytes) in cases {
        fs::write(&path, &bytes).expect("a disk");
        let error = refused(config(&path)).to_string();
        assert!(error.starts_with(&path.display().to_string()) && error.contains(problem), "{error}");
        assert!(!error.contains('\n'));
        assert_eq!(fs::read(&path).expect("it is there"), bytes, "{problem}");
    }
    let nowhere = folder.path().join("no/such/folder");
    assert!(matches!(refused(config(&nowhere)), StateFileError::Io { action: "lock", .. }));
    assert!(matches!(refused(config(folder.path())), StateFileError::Io { action: "use", .. }));
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2, "the file and its lock");
}

#[test]
fn an_empty_file_becomes_a_new_chain() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("chain");
    fs::write(&path, []).expect("a disk");
    let first = open_node(&path);
    let expected = fingerprint(&first);
    drop(first);
    assert_eq!(fingerprint(&open_node(&path)), expected);
}

#[test]
fn a_file_serves_one_node_at_a_time() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("chain");
    let first = open_node(&path);
    assert_eq!(refused(config(&path)), StateFileError::Locked(path.clone()));
    drop(first);
    open_node(&path);
}

#[test]
fn another_chain_than_the_one_asked_for_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("chain");
    drop(open_node(&path));
    let cases = [
        ("chain id 412346, not 5", Config { chain_id: 5, ..config(&path) }),
        ("ArbOS version 51, not 40", Config { arbos_version: 40, ..config(&path) }),
        ("base fee 100000000, not 7", Config { base_fee: 7, ..config(&path) }),
    ];
    for (problem, config) in cases {
        let error = refused(config).to_string();
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn a_disk_that_refuses_is_told_and_the_chain_goes_on() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("chain");
    let config = config(&path);
    let rules = Rules::of(config.arbos_version).expect("a known version");
    let (chain, mut file) = open_file(&path, &config, || Chain::genesis(&config, &rules)).expect("a new file");
    file.file = File::open(&path).expect("to read only");
    let chain = Store::in_file(chain, Journal::start(file, LEAST));
    let node = Node::over(config, rules, chain);
    assert_eq!(node.save(), Ok(()), "there is nothing to write yet");
    node.set_balance(Address::repeat_byte(1), U256::from(5));
    let failure = node.save().expect_err("it cannot be written");
    assert!(matches!(failure, StateFileError::Io { action: "write", .. }));
    assert_eq!(node.save_failure(), Some(failure));
    let balance = node.read(&BlockRef::Latest, |view| view.balance(Address::repeat_byte(1)));
    assert_eq!(balance, Ok(U256::from(5)));
}
