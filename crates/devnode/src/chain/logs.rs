//! Search for logs.

use alloy_primitives::{Address, B256, Bloom, BloomInput, Log};

use super::{Block, BlockRef, Chain, Mined, Node};

/// Most logs that one search gives.
pub const MAX_LOGS: usize = 100_000;
/// Most bytes of data in the logs that one search gives.
const MAX_LOG_BYTES: usize = 32 << 20;

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
    /// Whether its block is no longer part of the chain.
    pub removed: bool,
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
    /// Their data is more than can be told at once.
    #[error("query returned more than {MAX_LOG_BYTES} bytes of log data")]
    TooLong,
    /// There are no pending blocks that could hold logs.
    #[error("pending logs are not supported")]
    Pending,
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

    /// Whether the filter can be waited with: not for pending logs, and not for a range that is over before it begins.
    ///
    /// # Errors
    ///
    /// [`LogError::Pending`] or [`LogError::Range`].
    pub fn check_live(&self) -> Result<(), LogError> {
        match &self.blocks {
            LogRange::Numbers(BlockRef::Pending, _) | LogRange::Numbers(_, BlockRef::Pending) => Err(LogError::Pending),
            LogRange::Numbers(BlockRef::Number(from), BlockRef::Number(to)) if from > to => Err(LogError::Range),
            LogRange::Numbers(BlockRef::Latest, BlockRef::Number(_) | BlockRef::Earliest) => Err(LogError::Range),
            _ => Ok(()),
        }
    }

    /// What a block that came or went has for one who waits with this filter.
    pub fn of_block(&self, block: &Block, removed: bool) -> Vec<FoundLog> {
        let number = block.header.number;
        let inside = match &self.blocks {
            LogRange::Numbers(from, to) => {
                !matches!(from, BlockRef::Number(from) if number < *from)
                    && !matches!(to, BlockRef::Number(to) if number > *to)
            }
            LogRange::Hash(_) => true,
        };
        if !inside || !self.may_match(&block.header.logs_bloom) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for (transaction_index, Mined { tx, receipt, .. }) in block.transactions.iter().enumerate() {
            for (i, log) in receipt.logs.iter().enumerate().filter(|(_, log)| self.matches(log)) {
                found.push(FoundLog {
                    log: log.clone(),
                    block_number: number,
                    block_hash: block.hash,
                    timestamp: block.header.timestamp,
                    transaction_hash: tx.hash(),
                    transaction_index,
                    index: receipt.first_log + i,
                    removed,
                });
            }
        }
        found
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
    /// An unknown block hash, numbers of which the first is above the second, or too many results.
    pub fn logs(&self, filter: &LogFilter) -> Result<Vec<FoundLog>, LogError> {
        let chain = self.chain.read();
        let (first, last) = match &filter.blocks {
            LogRange::Hash(hash) => {
                let number = chain.block(&BlockRef::Hash(*hash)).ok_or(LogError::UnknownBlock)?.header.number;
                (number, number)
            }
            LogRange::Numbers(BlockRef::Pending, _) | LogRange::Numbers(_, BlockRef::Pending) => {
                return Err(LogError::Pending);
            }
            LogRange::Numbers(BlockRef::Number(from), BlockRef::Number(to)) if from > to => {
                return Err(LogError::Range);
            }
            LogRange::Numbers(from, to) => (chain.number(from), chain.number(to)),
        };
        let (mut found, mut bytes) = (Vec::new(), 0);
        // Clients ask from the block after the latest one on: there is nothing yet.
        for block in chain.blocks.since(first).take_while(|block| block.header.number <= last) {
            let more = filter.of_block(block, false);
            bytes += more.iter().map(|found| found.log.data.data.len()).sum::<usize>();
            found.extend(more);
            if found.len() > MAX_LOGS {
                return Err(LogError::TooMany);
            }
            if bytes > MAX_LOG_BYTES {
                return Err(LogError::TooLong);
            }
        }
        Ok(found)
    }
}

impl Chain {
    /// Number that a reference means in a range of logs: unknown numbers stand for themselves.
    fn number(&self, block: &BlockRef) -> u64 {
        match block {
            BlockRef::Number(number) => *number,
            BlockRef::Earliest => 0,
            other => self.block(other).map_or(u64::MAX, |block| block.header.number),
        }
    }
}
