//! When blocks are made, and of which transactions.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256, keccak256};
use parking_lot::{Condvar, Mutex, MutexGuard};
use revm::database_interface::DatabaseCommit;

use super::block::Builder;
use super::pool::Pool;
use super::{Chain, MineError, Node, Outcome, SendError, Transaction};
use crate::evm::{Execution, Options, TxError};
use crate::state::Overlay;

/// Longest time between two blocks that are made by the clock.
const MAX_INTERVAL: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// Shortest one.
const MIN_INTERVAL: Duration = Duration::from_millis(1);

/// When blocks are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mining {
    /// At once, one for each transaction.
    #[default]
    Automatic,
    /// One each time that so much time has passed, with all transactions that wait then.
    Interval(Duration),
    /// When [`Node::mine`] is called, the first one with all transactions that wait.
    Manual,
}

impl Mining {
    /// How a node begins that makes blocks in this interval; none, or no time: [`Self::Automatic`].
    pub(super) fn every(interval: Option<Duration>) -> Self {
        match interval {
            None | Some(Duration::ZERO) => Self::Automatic,
            Some(interval) => Self::Interval(interval),
        }
    }
}

/// What a node's user has arranged. It is no part of the chain, and snapshots do not hold it.
#[derive(Debug)]
pub(super) struct Desk {
    /// What tells this chain from others.
    pub(super) instance: B256,
    pub(super) mining: Mining,
    pub(super) pool: Pool,
    /// Accounts in whose name everybody may send.
    pub(super) impersonated: BTreeSet<Address>,
    /// Everybody may send in every name.
    pub(super) impersonate_all: bool,
}

impl Desk {
    pub(super) fn new() -> Self {
        // Seeded by the system, other for each.
        let [a, b] = [RandomState::new(), RandomState::new()].map(|random| random.hash_one(0_u8));
        Self {
            instance: keccak256([a, b].map(u64::to_be_bytes).concat()),
            mining: Mining::Automatic,
            pool: Pool::default(),
            impersonated: BTreeSet::new(),
            impersonate_all: false,
        }
    }
}

/// Wakes a thread when a block is due; it ends with the node.
#[derive(Debug, Default)]
pub(super) struct Timer(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    set: Mutex<Set>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Set {
    interval: Option<Duration>,
    /// How often the interval was set.
    version: u64,
    has_thread: bool,
    is_over: bool,
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.set.lock().is_over = true;
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn run(&self, node: &Weak<Node>) {
        let mut set = self.set.lock();
        while !set.is_over {
            let Some(interval) = set.interval else {
                self.changed.wait(&mut set);
                continue;
            };
            let (version, due) = (set.version, Instant::now() + interval);
            let is_current = |set: &Set| !set.is_over && set.version == version;
            while is_current(&set) && !self.changed.wait_until(&mut set, due).timed_out() {}
            if is_current(&set) {
                MutexGuard::unlocked(&mut set, || {
                    if let Some(node) = node.upgrade() {
                        node.mine_on_time();
                    }
                });
            }
        }
    }
}

impl Node {
    /// When blocks are made.
    pub fn mining(&self) -> Mining {
        self.chain.read().desk.mining
    }

    /// Sets when blocks are made. What waits is mined at once if that is [`Mining::Automatic`].
    ///
    /// # Errors
    ///
    /// [`MineError::NoThread`], or a fault of the node itself.
    pub fn set_mining(self: &Arc<Self>, mining: Mining) -> Result<(), MineError> {
        let mining = match mining {
            Mining::Interval(interval) => Mining::Interval(interval.clamp(MIN_INTERVAL, MAX_INTERVAL)),
            other => other,
        };
        let mut chain = self.chain.write();
        chain.desk.mining = mining;
        if mining == Mining::Automatic && chain.desk.pool.iter().next().is_some() {
            self.mine_block(&mut chain)?;
        }
        drop(chain);
        self.outcomes.tell();
        self.start_timer()
    }

    /// Begins to make blocks by the clock if that is how they are made. [`crate::rpc::Api`] does it for its node.
    ///
    /// # Errors
    ///
    /// [`MineError::NoThread`]
    pub fn start_timer(self: &Arc<Self>) -> Result<(), MineError> {
        let interval = match self.mining() {
            Mining::Interval(interval) => Some(interval),
            Mining::Automatic | Mining::Manual => None,
        };
        let shared = &self.timer.0;
        let mut set = shared.set.lock();
        if set.interval == interval {
            return Ok(());
        }
        set.interval = interval;
        set.version += 1;
        shared.changed.notify_all();
        if !set.has_thread {
            let (node, shared) = (Arc::downgrade(self), shared.clone());
            let thread = thread::Builder::new().name("devnode-blocks".to_owned());
            thread.spawn(move || shared.run(&node)).map_err(|_| MineError::NoThread)?;
            set.has_thread = true;
        }
        Ok(())
    }

    /// The nonce of an account's next transaction, counting those that wait.
    pub fn pending_nonce(&self, account: Address) -> u64 {
        self.chain.read().pending_nonce(account)
    }

    /// Transactions that the next block takes.
    pub fn pending(&self) -> Vec<Transaction> {
        self.chain.read().desk.pool.iter().cloned().collect()
    }

    /// Drops a transaction that is not mined yet; later ones of its sender wait for another one in its place. False if it
    /// does not wait.
    pub fn drop_transaction(&self, hash: B256) -> bool {
        let mut chain = self.chain.write();
        match chain.desk.pool.remove(hash) {
            Some(later) => {
                for tx in later {
                    // If too many wait already, it is gone too.
                    let _ = chain.queue.push(tx);
                }
                true
            }
            None => chain.queue.remove(hash),
        }
    }

    /// Drops all transactions that are not mined yet, or those of one sender.
    pub fn drop_transactions(&self, sender: Option<Address>) {
        let mut chain = self.chain.write();
        let gone = |tx: &&Transaction| sender.is_none_or(|sender| tx.from() == sender);
        let hashes: Vec<B256> = chain.waiting().filter(gone).map(Transaction::hash).collect();
        for hash in hashes {
            chain.desk.pool.remove(hash);
            chain.queue.remove(hash);
        }
    }

    /// Takes a transaction: mines it, or lets it wait.
    pub(super) fn submit(&self, chain: &mut Chain, tx: Transaction) -> Result<B256, SendError> {
        let (hash, sender) = (tx.hash(), tx.from());
        let next = chain.pending_nonce(sender);
        if tx.nonce() > next {
            chain.queue.push(tx.clone())?;
            chain.events.accepted(tx);
            return Ok(hash);
        }
        if chain.desk.mining == Mining::Automatic {
            self.mine_transaction(chain, tx.clone())?;
        } else {
            self.check(chain, &tx)?;
            if tx.nonce() < next { chain.desk.pool.replace(tx.clone())? } else { chain.desk.pool.push(tx.clone())? }
        }
        chain.events.accepted(tx);
        self.promote(chain, sender);
        Ok(hash)
    }

    /// Takes what waited for others of its sender and need not any longer; what turns out to be refused is dropped.
    fn promote(&self, chain: &mut Chain, sender: Address) {
        while let Some(next) = {
            let nonce = chain.pending_nonce(sender);
            chain.queue.take(sender, nonce)
        } {
            if chain.desk.mining == Mining::Automatic {
                let _ = self.mine_transaction(chain, next);
            } else if self.check(chain, &next).is_ok() {
                let _ = chain.desk.pool.push(next);
            }
        }
    }

    /// Takes what waited for the next block when the chain was written to its file.
    pub(super) fn take_up(&self) {
        let mut chain = self.chain.write();
        let senders: BTreeSet<Address> = chain.queue.iter().map(Transaction::from).collect();
        for sender in senders {
            self.promote(&mut chain, sender);
        }
    }

    /// Checks whether a transaction could be executed if it were the next one of its sender.
    fn check(&self, chain: &Chain, tx: &Transaction) -> Result<(), TxError> {
        let mut request = tx.request();
        let nonce = chain.state.latest().nonce(tx.from());
        request.nonce = request.nonce.map(|own| own.min(nonce));
        let timestamp = chain.clock.peek(chain.head().header.timestamp);
        let state = Overlay::from(chain.state.latest());
        self.executor.check(state, &self.next_context(chain, timestamp), &request)
    }

    /// Makes a block of what waits, even if nothing does.
    pub(super) fn mine_block(&self, chain: &mut Chain) -> Result<(), MineError> {
        let mined = chain.attempt(|chain| {
            let mut builder = self.begin_block(chain);
            let mut included = Vec::new();
            for tx in chain.desk.pool.take() {
                match self.include(chain, &mut builder, tx.clone()) {
                    Ok(execution) => included.push((builder.len() - 1, execution)),
                    // One before it was refused: it may come again.
                    Err(TxError::NonceTooHigh { .. }) => _ = chain.queue.push(tx),
                    Err(_) => {}
                }
            }
            chain.append(builder, &self.config);
            for (index, execution) in included {
                self.outcomes.push(|| Outcome::new(chain.head().clone(), index, &execution));
            }
            Ok(())
        });
        mined.map_err(|_| MineError::Panicked)
    }

    fn mine_on_time(&self) {
        let mut chain = self.chain.write();
        // It may have been set otherwise a moment ago.
        if matches!(chain.desk.mining, Mining::Interval(_)) {
            // Nobody asked for it who could be told; the next one is tried again.
            let _ = self.mine_block(&mut chain);
        }
        drop(chain);
        self.outcomes.tell();
    }

    /// Executes a transaction as the next one of a block. One that is refused leaves nothing.
    pub(super) fn include(
        &self,
        chain: &mut Chain,
        builder: &mut Builder,
        tx: Transaction,
    ) -> Result<Execution, TxError> {
        let before = chain.state.version();
        let mut request = tx.request();
        request.recent_programs = std::mem::take(&mut builder.recent_programs);
        let done = self.execute(chain.state.latest().into(), &builder.context, &request, &Options::TRANSACTION);
        match done {
            Ok(mut execution) => {
                builder.recent_programs = std::mem::take(&mut execution.recent_programs);
                builder.push(tx, &execution, before);
                chain.state.commit(std::mem::take(&mut execution.state));
                Ok(execution)
            }
            Err(error) => {
                builder.recent_programs = request.recent_programs;
                Err(error)
            }
        }
    }
}

impl Chain {
    /// Transactions that are not mined yet.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Transaction> {
        self.desk.pool.iter().chain(self.queue.iter())
    }

    /// The nonce of an account's next transaction.
    pub(super) fn pending_nonce(&self, account: Address) -> u64 {
        self.state.latest().nonce(account).saturating_add(self.desk.pool.count(account))
    }
}
