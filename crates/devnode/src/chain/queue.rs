//! Transactions that came before their predecessors.

use std::collections::{BTreeMap, HashMap};

use alloy_primitives::{Address, B256};

use super::transaction::Transaction;

/// Most transactions that may wait, of one sender.
const MAX_PER_SENDER: usize = 64;
/// Most transactions that may wait.
const MAX_QUEUED: usize = 1_024;

/// Why a transaction cannot wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// It waits already.
    #[error("already known")]
    AlreadyKnown,
    /// It does not pay enough to take the place of one that waits.
    #[error("replacement transaction underpriced")]
    Underpriced,
    /// Too many wait.
    #[error("txpool is full")]
    Full,
}

/// Transactions whose nonce is too high, by sender and nonce.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    senders: HashMap<Address, BTreeMap<u64, Transaction>>,
    length: usize,
}

impl Queue {
    /// Puts a transaction into the queue; it replaces one of the same sender and nonce.
    pub(super) fn push(&mut self, tx: Transaction) -> Result<(), QueueError> {
        let waiting = self.senders.get(&tx.from());
        let replaced = waiting.and_then(|waiting| waiting.get(&tx.nonce()));
        if replaced.is_some_and(|replaced| replaced.hash() == tx.hash()) {
            return Err(QueueError::AlreadyKnown);
        }
        if replaced.is_none() {
            if self.length >= MAX_QUEUED || waiting.is_some_and(|waiting| waiting.len() >= MAX_PER_SENDER) {
                return Err(QueueError::Full);
            }
            self.length += 1;
        }
        self.senders.entry(tx.from()).or_default().insert(tx.nonce(), tx);
        Ok(())
    }

    /// Takes out the transaction of `sender` with this nonce, and drops those with lower ones.
    pub(super) fn take(&mut self, sender: Address, nonce: u64) -> Option<Transaction> {
        let waiting = self.senders.get_mut(&sender)?;
        let before = waiting.len();
        let mut due = waiting.split_off(&nonce);
        let taken = due.remove(&nonce);
        self.length -= before - due.len();
        if due.is_empty() {
            self.senders.remove(&sender);
        } else {
            *waiting = due;
        }
        taken
    }

    /// Puts back what waited before a restart.
    pub(super) fn restore(&mut self, tx: Transaction) {
        if self.senders.entry(tx.from()).or_default().insert(tx.nonce(), tx).is_none() {
            self.length += 1;
        }
    }

    /// Takes out a transaction by its hash; false if it does not wait here.
    pub(super) fn remove(&mut self, hash: B256) -> bool {
        let Some((sender, nonce)) = self.find(hash).map(|tx| (tx.from(), tx.nonce())) else { return false };
        if let Some(waiting) = self.senders.get_mut(&sender) {
            waiting.remove(&nonce);
            self.length -= 1;
            if waiting.is_empty() {
                self.senders.remove(&sender);
            }
        }
        true
    }

    /// What waits.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Transaction> {
        self.senders.values().flat_map(BTreeMap::values)
    }

    /// A waiting transaction by its hash.
    pub(super) fn find(&self, hash: B256) -> Option<&Transaction> {
        self.iter().find(|tx| tx.hash() == hash)
    }
}
