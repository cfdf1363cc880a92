//! Records: what a chain is and what became of it, in RLP.
//!
//! A frame's payload is a sequence of `kind (1 byte) | RLP`. A list of at most one element stands for something that may be
//! absent. RLP has no room for fields that an older program does not know: whoever changes a record changes the format.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, Log, U256, logs_bloom};
use alloy_rlp::{Decodable, Encodable, RlpDecodable, RlpEncodable};
use revm::state::AccountInfo;

use super::super::Chain;
use super::super::block::{Block, Mined, Receipt};
use super::super::clock::Clock;
use super::super::transaction::Transaction;
use super::StateFileError;
use crate::config::Config;
use crate::state::{Changes, Version, Writes};

/// Bytes after which a frame of an image ends.
const FRAME: usize = 1 << 20;

/// Whose chain it is. A configuration that asks for another one does not get it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub(super) struct Identity {
    chain_id: u64,
    arbos_version: u64,
    base_fee: u64,
}

impl Identity {
    pub(super) fn of(config: &Config) -> Self {
        Self { chain_id: config.chain_id, arbos_version: config.arbos_version, base_fee: config.base_fee }
    }

    /// Fails if a file with this identity is not one with `wanted`.
    pub(super) fn check(&self, wanted: &Self, path: &Path) -> Result<(), StateFileError> {
        let fields = [
            ("chain id", self.chain_id, wanted.chain_id),
            ("ArbOS version", self.arbos_version, wanted.arbos_version),
            ("base fee", self.base_fee, wanted.base_fee),
        ];
        match fields.into_iter().find(|(_, found, wanted)| found != wanted) {
            None => Ok(()),
            Some((what, found, wanted)) => {
                Err(StateFileError::Mismatch { path: path.to_path_buf(), what, found, wanted })
            }
        }
    }
}

/// One change of the chain, whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub(in super::super) struct Step {
    /// Another chain began in the place of what was there: its genesis is the first of [`Self::blocks`].
    anew: bool,
    /// Number of the last block that stays, if later ones went.
    kept: Vec<u64>,
    /// Version that the state went back to, if it did.
    rewound: Vec<u64>,
    codes: Vec<CodeRecord>,
    writes: Vec<WritesRecord>,
    version: u64,
    horizon: u64,
    blocks: Vec<BlockRecord>,
    /// Number of the oldest block after genesis that is kept.
    oldest: u64,
    /// Time of the first block after genesis.
    started: Vec<u64>,
    clock: ClockRecord,
    /// Transactions that wait since, for others or for the next block.
    queued: Vec<TransactionRecord>,
    /// Hashes of those that wait no longer.
    dropped: Vec<B256>,
}

#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
struct CodeRecord {
    hash: B256,
    code: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
struct WritesRecord {
    version: u64,
    accounts: Vec<AccountRecord>,
    slots: Vec<SlotRecord>,
}

#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
struct AccountRecord {
    address: Address,
    /// None if it exists no longer.
    info: Vec<InfoRecord>,
}

#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
struct InfoRecord {
    nonce: u64,
    balance: U256,
    code_hash: B256,
}

#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
struct SlotRecord {
    address: Address,
    slot: U256,
    value: U256,
}

#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
struct BlockRecord {
    header: Header,
    l1_number: u64,
    version: u64,
    transactions: Vec<MinedRecord>,
}

#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
struct TransactionRecord {
    raw: Bytes,
    from: Address,
}

#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
struct MinedRecord {
    tx: TransactionRecord,
    before: u64,
    success: bool,
    gas_used: u64,
    gas_used_for_l1: u64,
    cumulative_gas_used: u64,
    contract: Vec<Address>,
    logs: Vec<Log>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, RlpEncodable, RlpDecodable)]
struct ClockRecord {
    /// In two's complement.
    offset: u64,
    next: Vec<u64>,
    step: Vec<u64>,
    moved: bool,
}

impl From<&Clock> for ClockRecord {
    fn from(clock: &Clock) -> Self {
        Self {
            offset: clock.offset as u64,
            next: Vec::from_iter(clock.next),
            step: Vec::from_iter(clock.step),
            moved: clock.moved,
        }
    }
}

impl From<ClockRecord> for Clock {
    fn from(clock: ClockRecord) -> Self {
        Self {
            offset: clock.offset as i64,
            next: clock.next.first().copied(),
            step: clock.step.first().copied(),
            moved: clock.moved,
        }
    }
}

impl From<&Transaction> for TransactionRecord {
    fn from(tx: &Transaction) -> Self {
        Self { raw: tx.raw().clone(), from: tx.from() }
    }
}

impl TransactionRecord {
    fn restore(self) -> Option<Transaction> {
        Transaction::restore(self.raw, self.from).ok()
    }
}

impl From<&Block> for BlockRecord {
    fn from(block: &Block) -> Self {
        let transactions = block.transactions.iter().map(|mined| {
            let receipt = &mined.receipt;
            MinedRecord {
                tx: (&mined.tx).into(),
                before: mined.before,
                success: receipt.success,
                gas_used: receipt.gas_used,
                gas_used_for_l1: receipt.gas_used_for_l1,
                cumulative_gas_used: receipt.cumulative_gas_used,
                contract: Vec::from_iter(receipt.contract),
                logs: receipt.logs.clone(),
            }
        });
        Self {
            header: block.header.clone(),
            l1_number: block.l1_number,
            version: block.version,
            transactions: transactions.collect(),
        }
    }
}

impl BlockRecord {
    fn restore(self) -> Option<Block> {
        let mut first_log = 0;
        let mut transactions = Vec::with_capacity(self.transactions.len());
        for record in self.transactions {
            let receipt = Receipt {
                success: record.success,
                gas_used: record.gas_used,
                gas_used_for_l1: record.gas_used_for_l1,
                cumulative_gas_used: record.cumulative_gas_used,
                contract: record.contract.first().copied(),
                bloom: logs_bloom(&record.logs),
                logs: record.logs,
                first_log,
            };
            first_log += receipt.logs.len();
            transactions.push(Mined { tx: record.tx.restore()?, receipt, before: record.before });
        }
        Some(Block::restore(self.header, transactions, self.l1_number, self.version))
    }
}

impl From<Writes> for WritesRecord {
    fn from(writes: Writes) -> Self {
        let info =
            |info: AccountInfo| InfoRecord { nonce: info.nonce, balance: info.balance, code_hash: info.code_hash };
        let account = |(address, account): (_, Option<AccountInfo>)| AccountRecord {
            address,
            info: Vec::from_iter(account.map(info)),
        };
        let slot = |(address, slot, value)| SlotRecord { address, slot, value };
        Self {
            version: writes.version,
            accounts: writes.accounts.into_iter().map(account).collect(),
            slots: writes.slots.into_iter().map(slot).collect(),
        }
    }
}

impl From<WritesRecord> for Writes {
    fn from(writes: WritesRecord) -> Self {
        let info = |info: InfoRecord| AccountInfo {
            nonce: info.nonce,
            balance: info.balance,
            code_hash: info.code_hash,
            code: None,
            ..AccountInfo::default()
        };
        let account = |account: AccountRecord| (account.address, account.info.into_iter().next().map(info));
        let slot = |slot: SlotRecord| (slot.address, slot.slot, slot.value);
        Self {
            version: writes.version,
            accounts: writes.accounts.into_iter().map(account).collect(),
            slots: writes.slots.into_iter().map(slot).collect(),
        }
    }
}

impl Step {
    /// A step that changes the state only.
    fn of(changes: Changes) -> Self {
        Self {
            rewound: Vec::from_iter(changes.rewound),
            codes: changes.codes.into_iter().map(|(hash, code)| CodeRecord { hash, code }).collect(),
            writes: changes.writes.into_iter().map(WritesRecord::from).collect(),
            version: changes.version,
            horizon: changes.horizon,
            ..Self::default()
        }
    }

    fn take_changes(&mut self) -> Changes {
        Changes {
            rewound: self.rewound.first().copied(),
            codes: std::mem::take(&mut self.codes).into_iter().map(|record| (record.hash, record.code)).collect(),
            writes: std::mem::take(&mut self.writes).into_iter().map(Writes::from).collect(),
            version: self.version,
            horizon: self.horizon,
        }
    }
}

/// What the state file knows of a chain.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Saved {
    /// Number of the last block there.
    head: u64,
    /// Number of the last of them that is still part of the chain.
    kept: u64,
    clock: Clock,
    queued: HashSet<B256>,
}

impl Saved {
    /// Tells that the chain lost its blocks after `number`.
    pub(in super::super) fn keep(&mut self, number: u64) {
        self.kept = self.kept.min(number);
    }
}

impl Chain {
    /// From now on, remembers what changes for [`Chain::take_step`].
    pub(super) fn record(&mut self) {
        self.state.record();
        let head = self.head().header.number;
        self.saved = Some(Saved {
            head,
            kept: head,
            clock: self.clock.clone(),
            queued: self.waiting().map(Transaction::hash).collect(),
        });
    }

    /// What changed since this or [`Chain::record`] was called last; none if nothing did. A chain for which neither was
    /// has come in the place of the one for which they were.
    pub(in super::super) fn take_step(&mut self) -> Option<Step> {
        let Some(mut saved) = self.saved.take() else {
            self.record();
            return Some(self.whole());
        };
        let changes = self.state.take_changes();
        let step = self.step_since(&mut saved, changes);
        self.saved = Some(saved);
        step
    }

    /// What changed since `saved`, which becomes the present; `changes` are those of the state.
    fn step_since(&self, saved: &mut Saved, changes: Option<Changes>) -> Option<Step> {
        let head = self.blocks.head().header.number;
        let kept = saved.kept.min(head);
        let waiting = self.waiting_in_order();
        let hashes: HashSet<B256> = waiting.iter().map(|tx| tx.hash()).collect();
        let mut dropped: Vec<B256> = saved.queued.difference(&hashes).copied().collect();
        dropped.sort_unstable();
        let new: Vec<&Transaction> = waiting.into_iter().filter(|tx| !saved.queued.contains(&tx.hash())).collect();
        let same = kept == saved.head && kept == head && self.clock == saved.clock;
        if changes.is_none() && same && dropped.is_empty() && new.is_empty() {
            return None;
        }
        let (version, horizon) = (self.state.version(), self.state.horizon());
        let step = Step {
            kept: Vec::from_iter((kept < saved.head).then_some(kept)),
            blocks: self.blocks.since(kept + 1).map(|block| BlockRecord::from(&**block)).collect(),
            dropped,
            ..self.present(new, changes.unwrap_or(Changes { version, horizon, ..Changes::default() }))
        };
        *saved = Saved { head, kept: head, clock: self.clock.clone(), queued: hashes };
        Some(step)
    }

    /// What waits, in the order of senders and nonces.
    fn waiting_in_order(&self) -> Vec<&Transaction> {
        let mut waiting: Vec<&Transaction> = self.waiting().collect();
        waiting.sort_by_key(|tx| (tx.from(), tx.nonce()));
        waiting
    }

    /// A step that tells all but blocks as it is now.
    fn present(&self, queued: Vec<&Transaction>, changes: Changes) -> Step {
        Step {
            oldest: self.blocks.oldest(),
            started: Vec::from_iter(self.started),
            clock: (&self.clock).into(),
            queued: queued.into_iter().map(TransactionRecord::from).collect(),
            ..Step::of(changes)
        }
    }

    /// The step from nothing to this chain.
    fn whole(&self) -> Step {
        Step {
            anew: true,
            blocks: self.blocks.since(0).map(|block| BlockRecord::from(&**block)).collect(),
            ..self.present(self.waiting_in_order(), self.state.contents())
        }
    }

    /// Puts a block of a step on top. Only where blocks were forgotten before they were written, some may be missing.
    #[must_use]
    fn restore_block(&mut self, block: Block) -> bool {
        let head = self.head();
        let (number, parent) = (head.header.number, head.hash);
        if block.header.number == number + 1 && block.header.parent_hash != parent || block.header.number <= number {
            return false;
        }
        if block.header.number > number + 1 {
            self.blocks.truncate(0);
        }
        self.blocks.push(Arc::new(block), u64::MAX);
        true
    }
}

/// Takes a step from one chain, or from none, to the next. False if it does not lead on from this one; then that is of no
/// use any more.
#[must_use]
pub(super) fn apply(chain: &mut Option<Chain>, mut step: Step) -> bool {
    let changes = step.take_changes();
    let Step { anew, kept, blocks, oldest, started, clock, queued, dropped, .. } = step;
    let mut blocks = blocks.into_iter().map(BlockRecord::restore);
    if anew {
        let genesis = blocks.next().flatten().filter(|genesis| genesis.header.number == 0);
        *chain = genesis.map(Chain::new);
    }
    let Some(chain) = chain else { return false };
    if let Some(kept) = kept.first() {
        chain.truncate(*kept);
    }
    if !chain.state.apply(changes) {
        return false;
    }
    for block in blocks {
        if !block.is_some_and(|block| chain.restore_block(block)) {
            return false;
        }
    }
    chain.blocks.forget_before(oldest);
    chain.started = started.first().copied();
    chain.clock = clock.into();
    for hash in dropped {
        chain.queue.remove(hash);
    }
    for record in queued {
        let Some(tx) = record.restore() else { return false };
        chain.queue.restore(tx);
    }
    true
}

/// A record of a state file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// Whose chain it is: the first record.
    Identity(Identity),
    /// What became of it.
    Step(Box<Step>),
    /// The chain is complete here for the first time.
    ImageEnd,
}

/// Appends a record about one change of the chain.
pub(super) fn encode_step(step: &Step, out: &mut Vec<u8>) {
    out.push(1);
    step.encode(out);
}

/// The records of a frame; none if it is none of ours.
pub(super) fn decode(mut payload: &[u8]) -> Option<Vec<Record>> {
    let mut records = Vec::new();
    while let Some((kind, rest)) = payload.split_first() {
        payload = rest;
        records.push(match kind {
            0 => Record::Identity(Identity::decode(&mut payload).ok()?),
            1 => Record::Step(Box::new(Step::decode(&mut payload).ok()?)),
            2 => Record::ImageEnd,
            _ => return None,
        });
    }
    Some(records)
}

/// Gives a chain's image to `write`, frame by frame. Equal chains have equal images.
pub(super) fn image(
    identity: Identity,
    chain: &Chain,
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut frame = vec![0];
    identity.encode(&mut frame);
    let mut push = |step: Step, last: bool| {
        encode_step(&step, &mut frame);
        if last {
            frame.push(2);
        }
        if last || frame.len() >= FRAME {
            write(&frame)?;
            frame.clear();
        }
        Ok(())
    };
    let genesis = BlockRecord::from(&**chain.blocks.genesis());
    push(Step { anew: true, blocks: vec![genesis], ..Step::default() }, false)?;
    let Changes { codes, writes, version, horizon, .. } = chain.state.contents();
    for code in codes {
        push(Step::of(Changes { codes: vec![code], ..Changes::default() }), false)?;
    }
    for writes in writes {
        let version: Version = writes.version;
        push(Step::of(Changes { writes: vec![writes], version, ..Changes::default() }), false)?;
    }
    let now = Changes { version, horizon, ..Changes::default() };
    for block in chain.blocks.since(1) {
        push(Step { blocks: vec![BlockRecord::from(&**block)], ..Step::of(now.clone()) }, false)?;
    }
    push(chain.present(chain.waiting_in_order(), now), true)
}
