//! Blocks and receipts in the form that Arbitrum chains give them.

use alloy_consensus::proofs::ordered_trie_root_with_encoder;
use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, Eip658Value, Header, ReceiptWithBloom};
use alloy_primitives::{Address, B64, B256, Bloom, Bytes, Log, U256, logs_bloom};
use alloy_rlp::Encodable;

use super::transaction::Transaction;
use crate::evm::{BlockContext, Execution};
use crate::state::Version;

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Whether it succeeded.
    pub success: bool,
    /// Gas used.
    pub gas_used: u64,
    /// The part of it that paid for L1 data.
    pub gas_used_for_l1: u64,
    /// Gas used in the block up to here.
    pub cumulative_gas_used: u64,
    /// The contract that it created, or would have created.
    pub contract: Option<Address>,
    /// Logs.
    pub logs: Vec<Log>,
    /// Filter over the logs.
    pub bloom: Bloom,
    /// Index of the first log in the block.
    pub first_log: usize,
}

impl Receipt {
    /// Receipt of Arbitrum's own transaction.
    fn internal() -> Self {
        Self {
            success: true,
            gas_used: 0,
            gas_used_for_l1: 0,
            cumulative_gas_used: 0,
            contract: None,
            logs: Vec::new(),
            bloom: Bloom::ZERO,
            first_log: 0,
        }
    }
}

/// A transaction in its block.
#[derive(Clone, Debug)]
pub struct Mined {
    /// The transaction.
    pub tx: Transaction,
    /// What became of it.
    pub receipt: Receipt,
    /// State that it began with.
    pub before: Version,
}

/// A block.
#[derive(Clone, Debug)]
pub struct Block {
    /// The header, as it is hashed.
    pub header: Header,
    /// Hash of the header.
    pub hash: B256,
    /// Transactions in order.
    pub transactions: Vec<Mined>,
    /// L1 block number that its transactions saw.
    pub l1_number: u64,
    /// Length of the encoded block.
    pub size: usize,
    /// State after it.
    pub version: Version,
}

impl Block {
    /// A block that was sealed before: its hash and length follow from the rest.
    pub(super) fn restore(header: Header, transactions: Vec<Mined>, l1_number: u64, version: Version) -> Self {
        let (hash, size) = (header.hash_slow(), encoded_length(&header, &transactions));
        Self { header, hash, transactions, l1_number, size, version }
    }

    /// Surroundings of what runs in this block.
    pub fn context(&self, chain_id: u64) -> BlockContext {
        BlockContext {
            number: self.header.number,
            l1_number: self.l1_number,
            timestamp: self.header.timestamp,
            basefee: self.header.base_fee_per_gas.unwrap_or_default(),
            coinbase: BlockContext::COINBASE,
            gas_limit: BlockContext::GAS_LIMIT,
            chain_id,
        }
    }
}

impl Block {
    /// The encoded block: `rlp([header, transactions, uncles])`.
    pub fn raw(&self) -> Bytes {
        let mut transactions = Vec::new();
        for mined in &self.transactions {
            match mined.tx.kind() {
                0 => transactions.extend_from_slice(mined.tx.raw()),
                _ => mined.tx.raw().encode(&mut transactions),
            }
        }
        let mut parts = Vec::new();
        self.header.encode(&mut parts);
        alloy_rlp::Header { list: true, payload_length: transactions.len() }.encode(&mut parts);
        parts.extend(transactions);
        parts.push(alloy_rlp::EMPTY_LIST_CODE);
        let mut raw = Vec::new();
        alloy_rlp::Header { list: true, payload_length: parts.len() }.encode(&mut raw);
        raw.extend(parts);
        raw.into()
    }
}

impl Mined {
    /// The encoded receipt (EIP-2718).
    pub fn raw_receipt(&self) -> Bytes {
        let mut raw = Vec::new();
        encode_receipt(self, &mut raw);
        raw.into()
    }
}

/// A block in the making.
#[derive(Debug)]
pub(super) struct Builder {
    pub(super) context: BlockContext,
    pub(super) parent: B256,
    pub(super) arbos_version: u64,
    /// Programs that its transactions ran, the latest last, where that makes them cheaper.
    pub(super) recent_programs: Vec<B256>,
    transactions: Vec<Mined>,
}

impl Builder {
    pub(super) fn new(context: BlockContext, parent: B256, arbos_version: u64) -> Self {
        Self { context, parent, arbos_version, recent_programs: Vec::new(), transactions: Vec::new() }
    }

    /// How many transactions it has.
    pub(super) fn len(&self) -> usize {
        self.transactions.len()
    }

    /// Adds Arbitrum's own transaction.
    pub(super) fn push_internal(&mut self, tx: Transaction, before: Version) {
        self.transactions.push(Mined { tx, receipt: Receipt::internal(), before });
    }

    /// Adds an executed transaction.
    pub(super) fn push(&mut self, tx: Transaction, execution: &Execution, before: Version) {
        let last = self.transactions.last().map(|mined| &mined.receipt);
        let receipt = Receipt {
            success: execution.is_success(),
            gas_used: execution.gas_used,
            gas_used_for_l1: execution.gas_used_for_l1,
            cumulative_gas_used: last.map_or(0, |last| last.cumulative_gas_used) + execution.gas_used,
            contract: tx.to().is_none().then(|| tx.from().create(tx.nonce())),
            bloom: logs_bloom(&execution.logs),
            logs: execution.logs.clone(),
            first_log: last.map_or(0, |last| last.first_log + last.logs.len()),
        };
        self.transactions.push(Mined { tx, receipt, before });
    }

    /// Seals the block over the state `version`, whose commitment is `state_root`.
    pub(super) fn seal(self, state_root: B256, version: Version) -> Block {
        let Self { context, parent, arbos_version, transactions, .. } = self;
        let mut bloom = Bloom::ZERO;
        for mined in &transactions {
            bloom |= mined.receipt.bloom;
        }
        let mut mix_hash = B256::ZERO;
        mix_hash[8..16].copy_from_slice(&context.l1_number.to_be_bytes());
        mix_hash[16..24].copy_from_slice(&arbos_version.to_be_bytes());
        let header = Header {
            parent_hash: parent,
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary: context.coinbase,
            state_root,
            transactions_root: ordered_trie_root_with_encoder(&transactions, |mined, out| {
                out.extend_from_slice(mined.tx.raw());
            }),
            receipts_root: ordered_trie_root_with_encoder(&transactions, encode_receipt),
            logs_bloom: bloom,
            difficulty: U256::ONE,
            number: context.number,
            gas_limit: context.gas_limit,
            gas_used: transactions.last().map_or(0, |mined| mined.receipt.cumulative_gas_used),
            timestamp: context.timestamp,
            extra_data: Bytes::from(B256::ZERO),
            mix_hash,
            nonce: B64::from(1u64.to_be_bytes()),
            base_fee_per_gas: Some(context.basefee),
            ..Default::default()
        };
        Block {
            hash: header.hash_slow(),
            size: encoded_length(&header, &transactions),
            header,
            transactions,
            l1_number: context.l1_number,
            version,
        }
    }
}

/// The receipt as it stands in the receipts trie: type, then status, gas, bloom and logs in RLP.
fn encode_receipt(mined: &Mined, out: &mut Vec<u8>) {
    let receipt = alloy_consensus::Receipt {
        status: Eip658Value::Eip658(mined.receipt.success),
        cumulative_gas_used: mined.receipt.cumulative_gas_used,
        logs: mined.receipt.logs.clone(),
    };
    if mined.tx.kind() != 0 {
        out.push(mined.tx.kind());
    }
    ReceiptWithBloom::new(receipt, mined.receipt.bloom).encode(out);
}

/// Length of `rlp([header, transactions, uncles])`; typed transactions are strings in it.
fn encoded_length(header: &Header, transactions: &[Mined]) -> usize {
    let listed = |length: usize| alloy_rlp::length_of_length(length) + length;
    let transaction = |mined: &Mined| match mined.tx.kind() {
        0 => mined.tx.raw().len(),
        _ => mined.tx.raw().length(),
    };
    let transactions = listed(transactions.iter().map(transaction).sum());
    let uncles = listed(0);
    listed(header.length() + transactions + uncles)
}
