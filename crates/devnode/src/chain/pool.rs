//! Transactions that wait for the next block.

use alloy_primitives::{Address, B256};

use super::queue::QueueError;
use super::transaction::Transaction;

/// Most transactions that wait for one block.
const MAX_PENDING: usize = 4_096;
/// By how many percent a transaction must pay more than the one whose place it takes.
const REPLACEMENT_PERCENT: u128 = 10;

/// Transactions in the order in which they came; those of one sender have successive nonces.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool(Vec<Transaction>);

impl Pool {
    /// Puts one behind all others.
    pub(super) fn push(&mut self, tx: Transaction) -> Result<(), QueueError> {
        if self.0.len() >= MAX_PENDING {
            return Err(QueueError::Full);
        }
        self.0.push(tx);
        Ok(())
    }

    /// Puts one in the place of another of the same sender and nonce, if it pays more.
    pub(super) fn replace(&mut self, tx: Transaction) -> Result<(), QueueError> {
        let known = self.0.iter_mut().find(|known| known.from() == tx.from() && known.nonce() == tx.nonce());
        let Some(known) = known else { return self.push(tx) };
        if known.hash() == tx.hash() {
            return Err(QueueError::AlreadyKnown);
        }
        let raised = |fee: u128| fee.saturating_add(fee.saturating_mul(REPLACEMENT_PERCENT) / 100);
        let tip = |tx: &Transaction| tx.priority_fee().unwrap_or_else(|| tx.max_fee());
        let is_raised = tx.max_fee() > known.max_fee() && tx.max_fee() >= raised(known.max_fee());
        if !is_raised || tip(&tx) < raised(tip(known)) {
            return Err(QueueError::Underpriced);
        }
        *known = tx;
        Ok(())
    }

    /// How many of a sender wait.
    pub(super) fn count(&self, sender: Address) -> u64 {
        self.0.iter().filter(|tx| tx.from() == sender).count() as u64
    }

    /// A waiting transaction by its hash.
    pub(super) fn find(&self, hash: B256) -> Option<&Transaction> {
        self.0.iter().find(|tx| tx.hash() == hash)
    }

    /// All that wait.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Transaction> {
        self.0.iter()
    }

    /// Takes out all.
    pub(super) fn take(&mut self) -> Vec<Transaction> {
        std::mem::take(&mut self.0)
    }

    /// Drops one, and takes out those of the same sender that came after it: their turn has not come any more. `None` if
    /// it does not wait here.
    pub(super) fn remove(&mut self, hash: B256) -> Option<Vec<Transaction>> {
        let (sender, nonce) = self.find(hash).map(|tx| (tx.from(), tx.nonce()))?;
        let (gone, kept): (Vec<_>, Vec<_>) =
            self.take().into_iter().partition(|tx| tx.from() == sender && tx.nonce() >= nonce);
        self.0 = kept;
        Some(gone.into_iter().filter(|tx| tx.nonce() > nonce).collect())
    }
}
