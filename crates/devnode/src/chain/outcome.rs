//! What happened with each mined transaction, for those who want to be told.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::block::{Block, Mined, Receipt};
use super::transaction::Transaction;
use crate::evm::{Execution, Status, describe_revert};

/// What happened with a mined transaction.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its block.
    pub block: Arc<Block>,
    /// Its place in there.
    pub index: usize,
    /// What programs and contracts wrote to the console, line by line; also when it failed.
    pub console: Vec<String>,
    /// Why it failed, for people: the text of `Error(string)`, the name of a `Panic(uint256)`, selector and data of other
    /// errors, or the failure in geth's words (`out of gas`). `None` if it succeeded.
    pub failure: Option<String>,
}

impl Outcome {
    pub(super) fn new(block: Arc<Block>, index: usize, execution: &Execution) -> Self {
        let failure = match &execution.status {
            Status::Success => None,
            Status::Revert => Some(describe_revert(&execution.output)),
            Status::Halt(reason) => Some(reason.clone()),
        };
        Self { block, index, console: execution.console.clone(), failure }
    }

    /// The transaction with its receipt.
    pub fn mined(&self) -> &Mined {
        &self.block.transactions[self.index]
    }

    /// The transaction.
    pub fn transaction(&self) -> &Transaction {
        &self.mined().tx
    }

    /// Its receipt.
    pub fn receipt(&self) -> &Receipt {
        &self.mined().receipt
    }
}

/// Who is told of mined transactions.
pub type Listener = Box<dyn Fn(&Outcome) + Send + Sync>;

/// Outcomes on their way to the listener: in the order of the chain, told while the chain is not locked.
#[derive(Default)]
pub(super) struct Outcomes {
    listener: Mutex<Option<Listener>>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// Whether anybody listens.
    wanted: bool,
    outcomes: VecDeque<Outcome>,
}

impl Outcomes {
    pub(super) fn listen(&self, listener: Listener) {
        *self.listener.lock() = Some(listener);
        self.waiting.lock().wanted = true;
    }

    /// Adds an outcome, if anybody listens.
    pub(super) fn push(&self, outcome: impl FnOnce() -> Outcome) {
        let mut waiting = self.waiting.lock();
        if waiting.wanted {
            waiting.outcomes.push_back(outcome());
        }
    }

    /// Tells what waits. Where another thread (or the listener itself, which may send transactions) is at it, that one
    /// tells it.
    pub(super) fn tell(&self) {
        while !self.waiting.lock().outcomes.is_empty() {
            let Some(listener) = self.listener.try_lock() else { return };
            while let Some(outcome) = self.next() {
                if let Some(tell) = &*listener {
                    tell(&outcome);
                }
            }
        }
    }

    fn next(&self) -> Option<Outcome> {
        self.waiting.lock().outcomes.pop_front()
    }
}

impl fmt::Debug for Outcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcomes").finish_non_exhaustive()
    }
}
