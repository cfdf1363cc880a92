//! What a chain keeps of its past, and what it knows of L1.

use alloy_primitives::{Address, B256, Bytes, U256};
use devnode::chain::{BlockRef, CallAt, CallError, CallRequest, LogFilter, LogRange};
use devnode::evm::Options;
use devnode::{Config, Node};

use crate::snapshots::{Chain, account};

const START: u64 = 1_800_000_000;

#[test]
fn old_blocks_can_be_forgotten() {
    let config = Config { history: 2, blocks: 4, timestamp: Some(START), ..Config::default() };
    let mut chain = Chain::of(config);
    let early = chain.node.snapshot();
    for value in 1..=9 {
        chain.write(0, 0, value);
    }
    let late = chain.node.snapshot();
    chain.write(0, 0, 10);
    let node = &chain.node;
    let is_kept = |number| node.block(&BlockRef::Number(number)).is_some();
    assert_eq!((0..=11).filter(|number| is_kept(*number)).collect::<Vec<_>>(), [0, 7, 8, 9, 10]);
    assert_eq!(node.block(&BlockRef::Earliest).map(|block| block.header.number), Some(0));
    let found: Vec<bool> = chain.sent.iter().map(|hash| node.find(*hash).is_some()).collect();
    assert_eq!(found, [vec![false; 6], vec![true; 4]].concat());

    let slot = |number| node.read(&BlockRef::Number(number), |view| view.slot(account(0), U256::ZERO));
    assert_eq!(slot(7), Err(CallError::Forgotten(7)));
    assert_eq!((8..=10).map(|number| slot(number).unwrap()).collect::<Vec<_>>(), [8, 9, 10].map(U256::from));
    let all = LogFilter { blocks: LogRange::Numbers(BlockRef::Earliest, BlockRef::Latest), ..LogFilter::default() };
    let logs = node.logs(&all).expect("few logs");
    assert_eq!(logs.iter().map(|log| log.block_number).collect::<Vec<_>>(), [7, 8, 9, 10]);

    assert!(!node.revert(early), "its state is forgotten");
    assert_eq!(node.block_number(), 10);
    assert!(node.revert(late), "that is no reason why a later one could not be gone back to");
    assert_eq!(node.block_number(), 9);
}

#[test]
fn a_snapshot_within_the_history_survives_that_blocks_are_forgotten() {
    let config = Config { history: 2, blocks: 3, timestamp: Some(START), ..Config::default() };
    let mut chain = Chain::of(config);
    for value in 1..=9 {
        chain.write(0, 0, value);
    }
    let id = chain.node.snapshot();
    let head = chain.node.block(&BlockRef::Latest).map(|block| block.hash);
    chain.write(0, 0, 10);
    chain.write(0, 0, 11);
    assert!(chain.node.revert(id));
    assert_eq!(chain.node.block(&BlockRef::Latest).map(|block| block.hash), head);
    chain.write(0, 0, 12);
    assert_eq!(chain.node.block_number(), 10);
}

#[test]
fn l1_may_advance_with_time() {
    /// Gives back the block number.
    const TELL_NUMBER: [u8; 7] = [0x43, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3];
    let told = |config: Config, times: &[u64]| -> Vec<u64> {
        let node = Node::new(Config { timestamp: Some(START), ..config }).expect("a possible configuration");
        let contract = Address::repeat_byte(0x43);
        node.set_code(contract, Bytes::from_static(&TELL_NUMBER));
        let mut numbers = Vec::new();
        for time in times {
            node.set_next_timestamp(START + time).expect("a later time");
            node.mine(1, 0).expect("one block");
            let call = CallRequest { to: Some(contract), ..CallRequest::default() };
            let done = node.call(&call, &CallAt::from(BlockRef::Latest), Options::CALL).expect("it is executed");
            let block = node.block(&BlockRef::Latest).expect("it is there");
            let number = U256::from_be_slice(&done.output).to::<u64>();
            assert_eq!((block.l1_number, &block.header.mix_hash[8..16]), (number, &number.to_be_bytes()[..]));
            numbers.push(number);
        }
        numbers
    };
    let times = [1, 5, 12, 13, 25, 1_213];
    assert_eq!(told(Config::default(), &times), [0; 6]);
    assert_eq!(told(Config { l1_block_number: 7, ..Config::default() }, &times), [7; 6]);
    let advancing = Config { l1_block_number: 7, l1_block_time: 12, ..Config::default() };
    assert_eq!(told(advancing, &times), [7, 7, 7, 8, 9, 108]);
}

/// A hash that no block has.
#[test]
fn unknown_hashes_are_not_found() {
    let chain = Chain::of(Config::default());
    assert!(chain.node.find(B256::ZERO).is_none() && chain.node.block(&BlockRef::Hash(B256::ZERO)).is_none());
}
