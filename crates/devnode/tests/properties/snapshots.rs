//! Snapshots: going back restores everything that anybody can ask for.

use alloy_consensus::TxLegacy;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use devnode::accounts::DEV_ACCOUNTS;
use devnode::chain::{BlockRef, LogFilter, LogRange};
use devnode::{Config, Node};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::cases;
use crate::support::{CHAIN_ID, encode};

/// Stores its second word in the slot that its first one names, and logs the slot with topic 7.
const WRITER: [u8; 11] = [0x60, 0x20, 0x35, 0x5f, 0x35, 0x55, 0x60, 0x07, 0x5f, 0x5f, 0xa1];
const SLOTS: u64 = 4;
const START: u64 = 1_800_000_000;

#[derive(Clone, Debug)]
enum Step {
    Pay { to: u8, value: u64 },
    Write { contract: u8, slot: u64, value: u64 },
    Deploy,
    Refused,
    SetBalance { of: u8, value: u64 },
    SetNonce { of: u8, value: u64 },
    SetCode { of: u8, code: Vec<u8> },
    SetStorage { of: u8, slot: u64, value: u64 },
    Mine { blocks: u64 },
    Pass { seconds: u64 },
    Snapshot,
    Revert(Index),
}

fn step() -> impl Strategy<Value = Step> {
    let (who, slot, value) = (0..4_u8, 0..SLOTS, 0..3_u64);
    prop_oneof![
        3 => (who.clone(), 0..1_000_u64).prop_map(|(to, value)| Step::Pay { to, value }),
        4 => (0..2_u8, slot.clone(), value.clone())
            .prop_map(|(contract, slot, value)| Step::Write { contract, slot, value }),
        1 => Just(Step::Deploy),
        1 => Just(Step::Refused),
        1 => (who.clone(), any::<u64>()).prop_map(|(of, value)| Step::SetBalance { of, value }),
        1 => (who.clone(), 1..9_u64).prop_map(|(of, value)| Step::SetNonce { of, value }),
        1 => (2..4_u8, proptest::collection::vec(any::<u8>(), 0..5)).prop_map(|(of, code)| Step::SetCode { of, code }),
        1 => (who, slot, value).prop_map(|(of, slot, value)| Step::SetStorage { of, slot, value }),
        1 => (0..3_u64).prop_map(|blocks| Step::Mine { blocks }),
        1 => (0..100_u64).prop_map(|seconds| Step::Pass { seconds }),
        4 => Just(Step::Snapshot),
        3 => any::<Index>().prop_map(Step::Revert),
    ]
}

/// The first two carry [`WRITER`].
pub(crate) fn account(number: u8) -> Address {
    Address::repeat_byte(0x50 + number)
}

/// Balance, nonce, code and slots of an account.
type Account = (U256, u64, Bytes, Vec<U256>);

/// All that can be asked about a chain.
#[derive(Debug, PartialEq, Eq)]
struct Facts {
    /// Blocks with their transactions and receipts, as text.
    blocks: Vec<String>,
    /// The accounts after each block.
    states: Vec<Vec<Account>>,
    logs: Vec<devnode::chain::FoundLog>,
    found: Vec<Option<(u64, usize)>>,
}

/// A node and who sends to it.
pub(crate) struct Chain {
    pub(crate) node: Node,
    /// Transactions that were ever sent.
    pub(crate) sent: Vec<B256>,
}

impl Chain {
    pub(crate) fn of(config: Config) -> Self {
        let node = Node::new(config).expect("a possible configuration");
        for number in 0..2 {
            node.set_code(account(number), WRITER.into());
        }
        Self { node, sent: Vec::new() }
    }

    fn send(&mut self, to: TxKind, value: u64, input: Vec<u8>) {
        let nonce = self.node.read(&BlockRef::Latest, |view| view.nonce(DEV_ACCOUNTS[0].address)).expect("it is kept");
        self.sent.push(self.node.send_raw(sign(nonce, to, value, input)).expect("it is accepted"));
    }

    /// Lets one of the first two accounts store a value.
    pub(crate) fn write(&mut self, contract: u8, slot: u64, value: u64) {
        self.send(TxKind::Call(account(contract)), 0, words([slot, value]));
    }

    /// `known`: how many of the transactions that were ever sent are looked for.
    fn facts(&self, known: usize) -> Facts {
        let addresses: Vec<Address> = (0..4).map(account).chain([DEV_ACCOUNTS[0].address, Address::ZERO]).collect();
        let latest = self.node.block_number();
        let blocks = (0..=latest).map(|number| {
            let block = self.node.block(&BlockRef::Number(number)).expect("it is there");
            assert_eq!(self.node.block(&BlockRef::Hash(block.hash)).map(|same| same.hash), Some(block.hash));
            format!("{block:?}")
        });
        let states = (0..=latest).map(|number| {
            let state = self.node.read(&BlockRef::Number(number), |view| {
                let of = |&address: &Address| {
                    let slots = (0..SLOTS).map(|slot| view.slot(address, U256::from(slot))).collect();
                    (view.balance(address), view.nonce(address), view.code(address), slots)
                };
                addresses.iter().map(of).collect()
            });
            state.expect("it is kept")
        });
        let all = LogFilter { blocks: LogRange::Numbers(BlockRef::Earliest, BlockRef::Latest), ..LogFilter::default() };
        let found = |hash: &B256| self.node.find(*hash).map(|(block, index)| (block.header.number, index));
        Facts {
            blocks: blocks.collect(),
            states: states.collect(),
            logs: self.node.logs(&all).expect("few logs"),
            found: self.sent[..known].iter().map(found).collect(),
        }
    }
}

fn sign(nonce: u64, to: TxKind, value: u64, input: Vec<u8>) -> Bytes {
    let tx = TxLegacy {
        chain_id: Some(CHAIN_ID),
        nonce,
        gas_price: 1_000_000_000,
        gas_limit: 200_000,
        to,
        value: U256::from(value),
        input: input.into(),
    };
    encode(DEV_ACCOUNTS[0].key, tx)
}

fn words(words: [u64; 2]) -> Vec<u8> {
    words.map(|word| U256::from(word).to_be_bytes::<32>()).concat()
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn going_back_restores_everything(steps in proptest::collection::vec(step(), 1..40)) {
        let mut chain = Chain::of(Config { timestamp: Some(START), ..Config::default() });
        // of each snapshot that can be gone back to: what there was, and how many transactions had been sent
        let mut past: Vec<(u64, Facts, usize)> = Vec::new();
        for step in steps {
            match step {
                Step::Pay { to, value } => chain.send(TxKind::Call(account(to)), value, Vec::new()),
                Step::Write { contract, slot, value } => chain.write(contract, slot, value),
                Step::Deploy => chain.send(TxKind::Create, 5, vec![0x60, 1, 0x5f, 0xf3]),
                Step::Refused => {
                    let known = chain.sent.len();
                    let before = chain.facts(known);
                    let poor = TxKind::Call(account(0));
                    let raw = sign(0, poor, u64::MAX, vec![0; 100_000]);
                    prop_assert!(chain.node.send_raw(raw).is_err());
                    let nonce = chain.node.read(&BlockRef::Latest, |view| view.nonce(DEV_ACCOUNTS[0].address));
                    if nonce.expect("it is kept") > 0 {
                        prop_assert!(chain.node.send_raw(sign(0, poor, 1, Vec::new())).is_err());
                    }
                    prop_assert_eq!(chain.facts(known), before);
                }
                Step::SetBalance { of, value } => chain.node.set_balance(account(of), U256::from(value)),
                Step::SetNonce { of, value } => chain.node.set_nonce(account(of), value),
                Step::SetCode { of, code } => chain.node.set_code(account(of), code.into()),
                Step::SetStorage { of, slot, value } => {
                    chain.node.set_storage(account(of), U256::from(slot), U256::from(value));
                }
                Step::Mine { blocks } => {
                    chain.node.mine(blocks, 1).expect("few blocks");
                }
                Step::Pass { seconds } => {
                    chain.node.increase_time(seconds).expect("a short time");
                }
                Step::Snapshot => {
                    let facts = chain.facts(chain.sent.len());
                    past.push((chain.node.snapshot(), facts, chain.sent.len()));
                }
                Step::Revert(which) => {
                    if past.is_empty() {
                        prop_assert!(!chain.node.revert(9_999));
                        continue;
                    }
                    let later = past.split_off(which.index(past.len()));
                    let (id, facts, known) = &later[0];
                    prop_assert!(chain.node.revert(*id));
                    prop_assert_eq!(&chain.facts(*known), facts);
                    for hash in &chain.sent[*known..] {
                        prop_assert!(facts.found.len() == *known && chain.node.find(*hash).is_none());
                    }
                    for (id, ..) in &later {
                        prop_assert!(!chain.node.revert(*id), "it is used up");
                    }
                    chain.sent.truncate(*known);
                }
            }
        }
    }
}
