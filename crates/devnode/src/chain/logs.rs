//! Search for logs.

use alloy_primitives::{Address, B256, Bloom, BloomInput, Log};

use super::{BlockRef, Chain, Mined, Node};

/// Most logs that one search gives.
pub const MAX_LOGS: usize = 100_000;

/// Which logs are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Blocks to search.
    pub blocks: LogRange,
    /// Contracts; empty: all.
    pub addresses: Vec<Address>,
    /// For each position the topics that it may have; empty: any.
    pub topics: Vec<Vec<B256>>,
}

/// Blocks to search for logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogRange {
    /// One block.
    Hash(B256),
    /// From one to another, both included.
    Numbers(BlockRef, BlockRef),
}

impl Default for LogRange {
    fn default() -> Self {
        Self::Numbers(BlockRef::Latest, BlockRef::Latest)
    }
}

/// A log and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundLog {
    /// The log.
    pub log: Log,
    /// Number of its block.
    pub block_number: u64,
    /// Hash of its block.
    pub block_hash: B256,
    /// Time of its block.
    pub timestamp: u64,
    /// Its transaction.
    pub transaction_hash: B256,
    /// Index of that in the block.
    pub transaction_index: usize,
    /// Index of the log in the block.
    pub index: usize,
}

/// Why a search fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// There is no such block.
    #[error("unknown block")]
    UnknownBlock,
    /// It ends before it begins.
    #[error("invalid block range params")]
    Range,
    /// More than [`MAX_LOGS`].
    #[error("query returned more than {MAX_LOGS} results")]
    TooMany,
}

impl LogFilter {
    /// Whether a log is wanted, wherever it stands.
    pub fn matches(&self, log: &Log) -> bool {
        let address = self.addresses.is_empty() || self.addresses.contains(&log.address);
        let topics = log.topics();
        let mut wanted = self.topics.iter().enumerate();
        address
            && self.topics.len() <= topics.len()
            && wanted.all(|(i, any_of)| any_of.is_empty() || any_of.contains(&topics[i]))
    }

    /// Whether a block with this bloom may hold such a log.
    fn may_match(&self, bloom: &Bloom) -> bool {
        let has = |bytes: &[u8]| bloom.contains_input(BloomInput::Raw(bytes));
        let address = self.addresses.is_empty() || self.addresses.iter().any(|address| has(address.as_slice()));
        address
            && self.topics.iter().all(|any_of| any_of.is_empty() || any_of.iter().any(|topic| has(topic.as_slice())))
    }
}

impl Node {
    /// All logs that a filter wants, in order.
    ///
    /// # Errors
    ///
    /// An unknown block hash, a range that ends before it begins, or too many results.
    pub fn logs(&self, filter: &LogFilter) -> Result<Vec<FoundLog>, LogError> {
        let chain = self.chain.read();
        let (first, last) = match &filter.blocks {
            LogRange::Hash(hash) => {
                let number = chain.block(&BlockRef::Hash(*hash)).ok_or(LogError::UnknownBlock)?.header.number;
                (number, number)
            }
            LogRange::Numbers(from, to) => (chain.number(from), chain.number(to)),
        };
        if first > last {
            return Err(LogError::Range);
        }
        chain.logs_between(filter, first, last)
    }

    /// As [`Node::logs`], in blocks `first` to `last` whatever the filter says.
    pub(crate) fn logs_between(&self, filter: &LogFilter, first: u64, last: u64) -> Result<Vec<FoundLog>, LogError> {
        self.chain.read().logs_between(filter, first, last)
    }
}

impl Chain {
    fn logs_between(&self, filter: &LogFilter, first: u64, last: u64) -> Result<Vec<FoundLog>, LogError> {
        let last = last.min(self.head().header.number);
        let mut found = Vec::new();
        for number in first..=last {
            let block = &self.blocks[number as usize];
            if !filter.may_match(&block.header.logs_bloom) {
                continue;
            }
            for (transaction_index, Mined { tx, receipt, .. }) in block.transactions.iter().enumerate() {
                for (i, log) in receipt.logs.iter().enumerate().filter(|(_, log)| filter.matches(log)) {
                    if found.len() == MAX_LOGS {
                        return Err(LogError::TooMany);
                    }
                    found.push(FoundLog {
                        log: log.clone(),
                        block_number: number,
                        block_hash: block.hash,
                        timestamp: block.header.timestamp,
                        transaction_hash: tx.hash(),
                        transaction_index,
                        index: receipt.first_log + i,
                    });
                }
            }
        }
        Ok(found)
    }

    /// Number that a reference means in a range of logs: unknown numbers stand for themselves.
    fn number(&self, block: &BlockRef) -> u64 {
        match block {
            BlockRef::Number(number) => *number,
            BlockRef::Earliest => 0,
            other => self.block(other).map_or(u64::MAX, |block| block.header.number),
        }
    }
}
