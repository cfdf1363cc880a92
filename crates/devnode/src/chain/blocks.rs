//! The blocks of a chain: by number, by hash, by transaction.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use alloy_primitives::B256;

use super::block::Block;

/// All blocks, or genesis and the latest ones.
#[derive(Debug)]
pub(super) struct Blocks {
    genesis: Arc<Block>,
    /// Without gaps, the last one at the end; genesis is not among them.
    later: VecDeque<Arc<Block>>,
    by_hash: HashMap<B256, u64>,
    /// Block number and index of each transaction.
    transactions: HashMap<B256, (u64, usize)>,
}

impl Blocks {
    pub(super) fn new(genesis: Block) -> Self {
        Self {
            by_hash: HashMap::from([(genesis.hash, 0)]),
            genesis: Arc::new(genesis),
            later: VecDeque::new(),
            transactions: HashMap::new(),
        }
    }

    pub(super) fn genesis(&self) -> &Arc<Block> {
        &self.genesis
    }

    pub(super) fn head(&self) -> &Arc<Block> {
        self.later.back().unwrap_or(&self.genesis)
    }

    /// Number of the oldest block after genesis that is kept, or would be if there were any.
    pub(super) fn oldest(&self) -> u64 {
        self.later.front().map_or(1, |block| block.header.number)
    }

    pub(super) fn get(&self, number: u64) -> Option<&Arc<Block>> {
        if number == 0 {
            return Some(&self.genesis);
        }
        self.later.get(usize::try_from(number.checked_sub(self.oldest())?).ok()?)
    }

    pub(super) fn by_hash(&self, hash: B256) -> Option<&Arc<Block>> {
        self.get(*self.by_hash.get(&hash)?)
    }

    /// The block of a transaction and its index there.
    pub(super) fn find(&self, transaction: B256) -> Option<(&Arc<Block>, usize)> {
        let (number, index) = self.transactions.get(&transaction)?;
        Some((self.get(*number)?, *index))
    }

    /// Blocks from a number on, in order, without what is forgotten.
    pub(super) fn since(&self, number: u64) -> impl Iterator<Item = &Arc<Block>> {
        let skipped = usize::try_from(number.saturating_sub(self.oldest())).unwrap_or(usize::MAX);
        let genesis = (number == 0).then_some(&self.genesis);
        genesis.into_iter().chain(self.later.range(skipped.min(self.later.len())..))
    }

    /// Puts a block on top and forgets all but genesis and the last `kept`.
    pub(super) fn push(&mut self, block: Arc<Block>, kept: u64) {
        // The block first: what points to it can be taken back by it.
        self.later.push_back(block.clone());
        let number = block.header.number;
        self.by_hash.insert(block.hash, number);
        for (index, mined) in block.transactions.iter().enumerate() {
            self.transactions.insert(mined.tx.hash(), (number, index));
        }
        while self.later.len() as u64 > kept
            && let Some(block) = self.later.pop_front()
        {
            self.forget(&block);
        }
    }

    /// Forgets all blocks before `number` but genesis.
    pub(super) fn forget_before(&mut self, number: u64) {
        while let Some(block) = self.later.pop_front_if(|block| block.header.number < number) {
            self.forget(&block);
        }
    }

    /// Removes all blocks after `number`; those, in order.
    pub(super) fn truncate(&mut self, number: u64) -> Vec<Arc<Block>> {
        let first = self.later.partition_point(|block| block.header.number <= number);
        let removed: Vec<_> = self.later.split_off(first).into();
        removed.iter().for_each(|block| self.forget(block));
        removed
    }

    /// How many blocks there are, and how many are found by hash and by transaction.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        (self.later.len(), self.by_hash.len(), self.transactions.len())
    }

    fn forget(&mut self, block: &Block) {
        self.by_hash.remove(&block.hash);
        for mined in &block.transactions {
            self.transactions.remove(&mined.tx.hash());
        }
    }
}
