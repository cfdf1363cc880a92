//! The chain: one block a transaction, with its clock, its past and its snapshots.

mod block;
mod blocks;
mod call;
mod clock;
mod dump;
mod events;
mod logs;
mod mining;
mod outcome;
mod persist;
mod pool;
mod queue;
mod store;
mod transaction;
mod unlocked;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use parking_lot::Mutex;
use revm::database_interface::DatabaseCommit;
use revm::state::AccountInfo;

pub use block::{Block, Mined, Receipt};
pub use call::{AccessListResult, BlockOverrides, CALL_GAS_CAP, CallAt, CallError, CallRequest, Prestate};
pub use clock::{ClockError, LATEST as MAX_TIME};
pub use dump::DumpError;
pub use events::{Listener, Missed, News};
pub use logs::{FoundLog, LogError, LogFilter, LogRange, MAX_LOGS};
pub use mining::Mining;
pub use outcome::{Listener as TransactionListener, Outcome};
pub use persist::StateFileError;
pub use queue::QueueError;
pub use transaction::{DecodeError, MAX_TX_BYTES, Transaction};
pub use unlocked::{SendRequest, UnlockedError};

use block::Builder;
use blocks::Blocks;
use clock::Clock;
use events::Events;
use mining::{Desk, Timer};
use outcome::Outcomes;
use persist::Saved;
use queue::Queue;
use store::Store;

use crate::arbos::state::{block_hashes, l1, l2, space};
use crate::arbos::{self, STATE_ADDRESS};
use crate::config::Config;
use crate::evm::{BlockContext, Executor, L1Data, Options, TxError, TxRequest};
use crate::predeploys;
use crate::rules::Rules;
use crate::state::{State, Version, View, bytecode};

/// Most blocks that one request mines.
pub const MAX_MINED: u64 = 100_000;
/// Snapshots that are kept; older ones are dropped.
const MAX_SNAPSHOTS: usize = 10_000;

/// A node could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The rules of that version are not known.
    #[error("unknown ArbOS version {0}: choose one of {known:?}", known = Rules::VERSIONS)]
    ArbosVersion(u64),
    /// The state file cannot be used.
    #[error(transparent)]
    StateFile(#[from] StateFileError),
}

/// Which block is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlockRef {
    /// The latest one. Blocks are final at once, so `safe` and `finalized` mean it too.
    #[default]
    Latest,
    /// The latest one, too; but calls in it see the time that was set for the next block.
    Pending,
    /// Genesis.
    Earliest,
    /// By number.
    Number(u64),
    /// By hash.
    Hash(B256),
}

/// Why a transaction is refused. The texts are geth's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The bytes are no transaction of this chain.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It cannot be executed.
    #[error(transparent)]
    Rejected(#[from] TxError),
    /// It comes too early and cannot wait.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// A chain without a server. All methods may be called from any thread; calls run beside each other, transactions one
/// after the other.
#[derive(Debug)]
pub struct Node {
    config: Config,
    executor: Executor,
    chain: Store,
    outcomes: Outcomes,
    timer: Timer,
    /// Held while a transaction is filled in and sent.
    sending: Mutex<()>,
}

#[derive(Debug)]
struct Chain {
    blocks: Blocks,
    state: State,
    clock: Clock,
    queue: Queue,
    snapshots: Vec<Snapshot>,
    next_snapshot: u64,
    events: Events,
    /// Time of the first block after genesis.
    started: Option<u64>,
    /// What the state file knows of it, if there is one.
    saved: Option<Saved>,
    desk: Desk,
}

/// What [`Node::revert`] goes back to.
#[derive(Clone, Debug)]
struct Snapshot {
    id: u64,
    /// Number of the latest block.
    block: u64,
    version: Version,
    clock: Clock,
}

impl Node {
    /// A fresh chain, or the one that its state file holds.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the configuration asks for what this node cannot do.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let mut rules = Rules::of(config.arbos_version).ok_or(ConfigError::ArbosVersion(config.arbos_version))?;
        rules.code_size_limit = config.code_size_limit;
        let genesis = || Chain::genesis(&config, &rules);
        let chain = match &config.state_file {
            None => Store::in_memory(genesis()),
            Some(path) => {
                let (mut chain, journal) = persist::open(path, &config, genesis)?;
                chain.desk.mining = Mining::every(config.block_time);
                Store::in_file(chain, journal)
            }
        };
        let node = Self::over(config, rules, chain);
        if node.config.state_file.is_some() {
            node.take_up();
        }
        Ok(node)
    }

    fn over(config: Config, rules: Rules, chain: Store) -> Self {
        let (outcomes, timer, sending) = (Outcomes::default(), Timer::default(), Mutex::default());
        let executor = Executor::with_engine(rules, config.engine);
        Self { executor, chain, outcomes, config, timer, sending }
    }

    /// Waits until the state file has everything that has happened so far. Without one there is nothing to wait for.
    /// It is written within a second anyway.
    ///
    /// # Errors
    ///
    /// The file cannot be written. That is tried again as long as the node lives.
    pub fn save(&self) -> Result<(), StateFileError> {
        self.chain.journal().map_or(Ok(()), |journal| journal.save())
    }

    /// Why the state file cannot be written at present; none if it can, or if there is none.
    pub fn save_failure(&self) -> Option<StateFileError> {
        self.chain.journal()?.failure()
    }

    /// What it was made with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Has `listener` told of each transaction once it is mined, in the order of the chain. It may call the node; whoever
    /// sends transactions waits for it. Another listener takes its place.
    pub fn on_transaction(&self, listener: TransactionListener) {
        self.outcomes.listen(listener);
    }

    /// The rules that it follows.
    pub fn rules(&self) -> &Rules {
        self.executor.rules()
    }

    /// What tells this chain from others: it is another one after [`Node::reset`].
    pub fn instance(&self) -> B256 {
        self.chain.read().desk.instance
    }

    /// Number of the latest block.
    pub fn block_number(&self) -> u64 {
        self.chain.read().head().header.number
    }

    /// The latest block.
    pub fn head(&self) -> Arc<Block> {
        self.chain.read().head().clone()
    }

    /// A block.
    pub fn block(&self, block: &BlockRef) -> Option<Arc<Block>> {
        self.chain.read().block(block).cloned()
    }

    /// The block of a mined transaction and its index there.
    pub fn find(&self, hash: B256) -> Option<(Arc<Block>, usize)> {
        self.chain.read().find(hash).map(|(block, index)| (block.clone(), index))
    }

    /// A transaction that waits, for the next block or for those before it.
    pub fn queued(&self, hash: B256) -> Option<Transaction> {
        let chain = self.chain.read();
        chain.desk.pool.find(hash).or_else(|| chain.queue.find(hash)).cloned()
    }

    /// Reads the state after a block.
    ///
    /// # Errors
    ///
    /// There is no such block, or its state is no longer kept.
    pub fn read<T>(&self, block: &BlockRef, read: impl FnOnce(View<'_>) -> T) -> Result<T, CallError> {
        let chain = self.chain.read();
        let block = chain.block(block).ok_or(CallError::UnknownBlock)?;
        chain.view(block).map(read)
    }

    /// Decodes and executes a signed transaction; its block is there when this returns, if [blocks are made so](Mining).
    /// One whose nonce is too high waits for those before it.
    ///
    /// # Errors
    ///
    /// The reason why it is refused. Nothing changes then.
    pub fn send_raw(&self, raw: Bytes) -> Result<B256, SendError> {
        let tx = Transaction::decode(raw, self.config.chain_id)?;
        let sent = self.submit(&mut self.chain.write(), tx);
        self.outcomes.tell();
        sent
    }

    /// Makes blocks, the first one of the transactions that wait and the others empty, `interval` seconds apart where that
    /// is not zero. Gives the number of the latest block.
    ///
    /// # Errors
    ///
    /// More than [`MAX_MINED`] blocks, or times beyond what the clock can show: blocks before such a time are made.
    pub fn mine(&self, blocks: u64, interval: u64) -> Result<u64, MineError> {
        if blocks > MAX_MINED {
            return Err(MineError::TooMany(blocks));
        }
        let mut chain = self.chain.write();
        for i in 0..blocks {
            if i > 0 && interval > 0 {
                let latest = chain.head().header.timestamp;
                chain.clock.set_next(latest.saturating_add(interval), latest)?;
            }
            self.mine_block(&mut chain)?;
        }
        let number = chain.head().header.number;
        drop(chain);
        self.outcomes.tell();
        Ok(number)
    }

    /// Begins the chain anew, as it was when the node began. Nothing that waits, no snapshot and nothing that was set
    /// remains.
    ///
    /// # Errors
    ///
    /// [`MineError::NoThread`]
    pub fn reset(self: &Arc<Self>) -> Result<(), MineError> {
        let mut chain = self.chain.write();
        let next_snapshot = chain.next_snapshot;
        let removed = chain.truncate(0);
        let mut events = std::mem::take(&mut chain.events);
        events.removed(removed);
        *chain = Chain { events, ..Chain::genesis(&self.config, self.executor.rules()) };
        // No old number is given to a new snapshot.
        chain.next_snapshot = next_snapshot;
        drop(chain);
        self.start_timer()
    }

    /// Base fee of the next block, in wei.
    pub fn base_fee(&self) -> u64 {
        self.chain.read().base_fee()
    }

    /// Sets the base fee from the next block on, in wei, as the chain's owner could.
    pub fn set_base_fee(&self, wei: u64) {
        let mut chain = self.chain.write();
        for offset in [l2::BASE_FEE, l2::MIN_BASE_FEE] {
            chain.state.set_storage(STATE_ADDRESS, space::l2().at(offset), U256::from(wei));
        }
    }

    /// Sets the number of the L1 block that contracts see from the next block on.
    ///
    /// # Errors
    ///
    /// A number below the present one: L1 does not go back.
    pub fn set_l1_number(&self, number: u64) -> Result<(), MineError> {
        let mut chain = self.chain.write();
        let latest = self.l1_number(&chain, chain.head().header.timestamp);
        if number < latest {
            return Err(MineError::L1Number { wanted: number, latest });
        }
        let slot = space::block_hashes().at(block_hashes::L1_NUMBER);
        chain.state.set_storage(STATE_ADDRESS, slot, U256::from(number));
        Ok(())
    }

    /// Time in seconds since 1970 that the next block would have.
    pub fn next_timestamp(&self) -> u64 {
        let chain = self.chain.read();
        chain.clock.peek(chain.head().header.timestamp)
    }

    /// Moves the clock forward by some seconds. Gives by how much it is ahead of the wall clock now.
    ///
    /// # Errors
    ///
    /// [`ClockError::TooFar`].
    pub fn increase_time(&self, seconds: u64) -> Result<i64, ClockError> {
        let mut chain = self.chain.write();
        let latest = chain.head().header.timestamp;
        chain.clock.increase(seconds, latest)
    }

    /// Sets the time of the next block, in seconds since 1970; the clock runs on from there.
    ///
    /// # Errors
    ///
    /// A time before the latest block's, or one that is [too far](ClockError::TooFar) away.
    pub fn set_next_timestamp(&self, time: u64) -> Result<(), ClockError> {
        let mut chain = self.chain.write();
        let latest = chain.head().header.timestamp;
        chain.clock.set_next(time, latest)
    }

    /// Sets the clock, in seconds since 1970; gives the seconds by which that moved it.
    ///
    /// # Errors
    ///
    /// A time before the latest block's, or one that is [too far](ClockError::TooFar) away.
    pub fn set_time(&self, time: u64) -> Result<i64, ClockError> {
        let mut chain = self.chain.write();
        let latest = chain.head().header.timestamp;
        chain.clock.set(time, latest)
    }

    /// Lets each block come so many seconds after the one before it; `None` goes back to the clock. Gives what was set
    /// before.
    pub fn set_block_step(&self, seconds: Option<u64>) -> Option<u64> {
        self.chain.write().clock.set_step(seconds)
    }

    /// Remembers the present; [`Node::revert`] goes back to it.
    pub fn snapshot(&self) -> u64 {
        let mut chain = self.chain.write();
        let id = chain.next_snapshot;
        chain.next_snapshot += 1;
        let snapshot = Snapshot {
            id,
            block: chain.head().header.number,
            version: chain.state.version(),
            clock: chain.clock.clone(),
        };
        chain.snapshots.push(snapshot);
        if chain.snapshots.len() > MAX_SNAPSHOTS {
            chain.snapshots.remove(0);
        }
        id
    }

    /// Goes back to a snapshot, which is used up by that together with all later ones. False if it is not there (any more).
    pub fn revert(&self, id: u64) -> bool {
        let mut chain = self.chain.write();
        let Some(position) = chain.snapshots.iter().position(|snapshot| snapshot.id == id) else { return false };
        let snapshot = chain.snapshots[position].clone();
        if !chain.state.rewind(snapshot.version) {
            return false;
        }
        chain.snapshots.truncate(position);
        let removed = chain.truncate(snapshot.block);
        chain.events.removed(removed);
        chain.clock = snapshot.clock;
        chain.queue = Queue::default();
        chain.desk.pool.take();
        true
    }

    /// Sets the balance of an account, in wei.
    pub fn set_balance(&self, address: Address, balance: U256) {
        self.edit(address, |info| info.balance = balance);
    }

    /// Sets the nonce of an account.
    pub fn set_nonce(&self, address: Address, nonce: u64) {
        self.edit(address, |info| info.nonce = nonce);
    }

    /// Sets the code of an account.
    pub fn set_code(&self, address: Address, code: Bytes) {
        self.edit(address, |info| {
            info.set_code(bytecode(code));
        });
    }

    /// Sets a slot of an account.
    pub fn set_storage(&self, address: Address, slot: U256, value: U256) {
        self.chain.write().state.set_storage(address, slot, value);
    }

    fn edit(&self, address: Address, edit: impl FnOnce(&mut AccountInfo)) {
        let mut chain = self.chain.write();
        let mut info = chain.state.latest().info(address);
        edit(&mut info);
        chain.state.set_account(address, info);
    }

    /// Whether a transaction is being executed, so that reading has to wait.
    pub(crate) fn is_busy(&self) -> bool {
        self.chain.is_locked_exclusive()
    }

    /// Executes a transaction in a block of its own.
    fn mine_transaction(&self, chain: &mut Chain, tx: Transaction) -> Result<(), TxError> {
        chain.attempt(|chain| {
            let mut builder = self.begin_block(chain);
            let execution = self.include(chain, &mut builder, tx)?;
            let index = builder.len() - 1;
            chain.append(builder, &self.config);
            self.outcomes.push(|| Outcome::new(chain.head().clone(), index, &execution));
            Ok(())
        })
    }

    /// Begins a block: its time and, if that is on, Arbitrum's own transaction with its effect.
    fn begin_block(&self, chain: &mut Chain) -> Builder {
        let parent = chain.head().clone();
        let timestamp = chain.clock.tick(parent.header.timestamp);
        let context = self.next_context(chain, timestamp);
        let (number, l1_number) = (context.number, context.l1_number);
        chain.settle_base_fee();
        let mut builder = Builder::new(context, parent.hash, self.config.arbos_version);
        if self.config.internal_tx {
            // Genesis has time 0: no time passes between it and the first block.
            let passed = if parent.header.number == 0 { 0 } else { timestamp - parent.header.timestamp };
            let tx = Transaction::start_block(self.config.chain_id, l1_number, number, passed);
            builder.push_internal(tx, chain.state.version());
            let call = remember_hash(parent.hash);
            if let Ok(mut execution) =
                self.execute(chain.state.latest().into(), &builder.context, &call, &Options::CALL)
            {
                execution.state.retain(|address, _| *address == predeploys::BLOCK_HASHES);
                chain.state.commit(execution.state);
            }
        }
        builder
    }

    /// Surroundings of the next block.
    fn next_context(&self, chain: &Chain, timestamp: u64) -> BlockContext {
        BlockContext {
            number: chain.head().header.number + 1,
            l1_number: self.l1_number(chain, timestamp),
            timestamp,
            basefee: chain.base_fee(),
            coinbase: BlockContext::COINBASE,
            gas_limit: BlockContext::GAS_LIMIT,
            chain_id: self.config.chain_id,
        }
    }

    /// Number of the L1 block that the next block knows if it comes at that time.
    fn l1_number(&self, chain: &Chain, timestamp: u64) -> u64 {
        let passed = timestamp.saturating_sub(chain.started.unwrap_or(timestamp));
        self.config.l1_number_after(passed).max(chain.arbos(space::block_hashes().at(block_hashes::L1_NUMBER)))
    }
}

/// What Arbitrum's own transaction does to the state: it tells a contract the hash of the block before (EIP-2935).
fn remember_hash(parent: B256) -> TxRequest {
    TxRequest {
        from: predeploys::SYSTEM,
        to: Some(predeploys::BLOCK_HASHES),
        gas_limit: 30_000_000,
        data: parent.into(),
        l1_data: L1Data::None,
        ..TxRequest::default()
    }
}

/// Blocks could not be mined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MineError {
    /// More than [`MAX_MINED`] at once.
    #[error("cannot mine {0} blocks at once, the limit is {MAX_MINED}")]
    TooMany(u64),
    /// The system gives no thread that would make them by the clock.
    #[error("the system gives no thread to make blocks by the clock")]
    NoThread,
    /// L1 does not go back.
    #[error("L1 block number {wanted} is lower than the present one, {latest}")]
    L1Number {
        /// What was asked for.
        wanted: u64,
        /// The present one.
        latest: u64,
    },
    /// Their times cannot be.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// A fault of the node itself.
    #[error("internal error: the node panicked")]
    Panicked,
}

impl Chain {
    fn genesis(config: &Config, rules: &Rules) -> Self {
        let mut state = State::default();
        let owner = config.accounts.first().map(|account| account.address).unwrap_or_default();
        let genesis = arbos::Genesis { chain_id: config.chain_id, owner, basefee: config.base_fee };
        for account in arbos::genesis(rules, &genesis).into_iter().chain(predeploys::accounts()) {
            state.set_account(account.address, account.info);
            for (slot, value) in account.storage {
                state.set_storage(account.address, slot, value);
            }
        }
        for account in &config.accounts {
            let info = AccountInfo { balance: config.balance, ..state.latest().info(account.address) };
            state.set_account(account.address, info);
        }
        if config.l1_price_per_unit != 0 {
            let slot = space::l1().at(l1::PRICE_PER_UNIT);
            state.set_storage(STATE_ADDRESS, slot, U256::from(config.l1_price_per_unit));
        }
        let version = state.version();
        state.forget_before(version);
        let context = BlockContext {
            basefee: config.base_fee,
            l1_number: config.l1_block_number,
            chain_id: config.chain_id,
            coinbase: Address::ZERO,
            ..Default::default()
        };
        let root = keccak256(config.chain_id.to_be_bytes());
        let block = Builder::new(context, B256::ZERO, config.arbos_version).seal(root, version);
        let mut chain = Self { state, clock: Clock::new(config.timestamp), ..Self::new(block) };
        chain.desk.mining = Mining::every(config.block_time);
        chain
    }

    /// A chain of one block, without any state.
    fn new(genesis: Block) -> Self {
        Self {
            blocks: Blocks::new(genesis),
            state: State::default(),
            clock: Clock::default(),
            queue: Queue::default(),
            snapshots: Vec::new(),
            next_snapshot: 1,
            events: Events::default(),
            started: None,
            saved: None,
            desk: Desk::new(),
        }
    }

    /// A number in ArbOS's state.
    fn arbos(&self, slot: U256) -> u64 {
        u64::try_from(self.state.latest().slot(STATE_ADDRESS, slot)).unwrap_or(u64::MAX)
    }

    /// Base fee of the next block.
    fn base_fee(&self) -> u64 {
        self.arbos(space::l2().at(l2::BASE_FEE))
    }

    /// What the beginning of a block makes of the base fee of the one after it: without load, the least one.
    fn settle_base_fee(&mut self) {
        let least = self.arbos(space::l2().at(l2::MIN_BASE_FEE));
        if self.base_fee() != least {
            self.state.set_storage(STATE_ADDRESS, space::l2().at(l2::BASE_FEE), U256::from(least));
        }
    }

    /// Does all of `work` or, if it fails or panics, nothing of it.
    fn attempt(&mut self, work: impl FnOnce(&mut Self) -> Result<(), TxError>) -> Result<(), TxError> {
        let (head, version, clock) = (self.head().header.number, self.state.version(), self.clock.clone());
        let done = catch_unwind(AssertUnwindSafe(|| work(self)))
            .unwrap_or_else(|_| Err(TxError::Internal("internal error: the node panicked".to_owned())));
        if done.is_err() {
            self.truncate(head);
            let rewound = self.state.rewind(version);
            debug_assert!(rewound, "the version of a moment ago is not forgotten");
            self.clock = clock;
        }
        done
    }

    /// Takes off all blocks after `number`; gives those, in order.
    fn truncate(&mut self, number: u64) -> Vec<Arc<Block>> {
        if let Some(saved) = &mut self.saved {
            saved.keep(number);
        }
        self.blocks.truncate(number)
    }

    fn head(&self) -> &Arc<Block> {
        self.blocks.head()
    }

    fn block(&self, block: &BlockRef) -> Option<&Arc<Block>> {
        match block {
            BlockRef::Latest | BlockRef::Pending => Some(self.head()),
            BlockRef::Earliest => Some(self.blocks.genesis()),
            BlockRef::Number(number) => self.blocks.get(*number),
            BlockRef::Hash(hash) => self.blocks.by_hash(*hash),
        }
    }

    fn find(&self, hash: B256) -> Option<(&Arc<Block>, usize)> {
        self.blocks.find(hash)
    }

    /// Seals a block over the present state and puts it on top.
    fn append(&mut self, builder: Builder, config: &Config) {
        let (root, since) = {
            let parent = self.head();
            (parent.header.state_root, parent.version)
        };
        let version = self.state.version();
        let block = Arc::new(builder.seal(self.state.commitment(root, since), version));
        let number = block.header.number;
        if number == 1 {
            self.started = Some(block.header.timestamp);
        }
        // whose state can be read can be looked up
        self.blocks.push(block, config.blocks.max(config.history.saturating_add(1)));
        self.events.added();
        if let Some(oldest) = number.checked_sub(config.history).and_then(|oldest| self.blocks.get(oldest)) {
            self.state.forget_before(oldest.version);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::DEV_ACCOUNTS;

    #[test]
    fn a_panic_half_way_through_a_block_leaves_nothing_of_it() {
        let node = Node::new(Config::default()).expect("a possible configuration");
        node.mine(1, 0).expect("mined");
        let account = DEV_ACCOUNTS[0].address;
        let read = |node: &Node| {
            let chain = node.chain.read();
            (chain.head().hash, chain.blocks.counts(), chain.state.version(), chain.state.latest().nonce(account))
        };
        let before = read(&node);
        let failed = node.chain.write().attempt(|chain| {
            let builder = node.begin_block(chain);
            chain.append(builder, &Config::default());
            let builder = node.begin_block(chain);
            chain.state.set_account(account, AccountInfo::default());
            drop(builder);
            panic!("on purpose")
        });
        assert_eq!(failed, Err(TxError::Internal("internal error: the node panicked".to_owned())));
        assert_eq!(read(&node), before);
        assert_eq!(node.mine(1, 0), Ok(2), "the chain goes on");
    }
}
