//! The storage of all programs, and how books are opened and closed.
//!
//! Words are packed so that everyday operations touch few of them (amounts of assets have 104 bits, of shares 128,
//! times 40, numbers of weeks 32; least significant bits first):
//!
//! ```text
//! main         pool 104 | supply 128 | week seconds 20 | flags 4
//! unearned     unearned 168 (with 48 of fraction) | week 32 | horizon 32 | invested 1
//! flow         rate 128 | queued 128
//! stream       amount 104 | since 40 | end 40 | head 32 | tail 32
//! liabilities  served 104 | payable 104
//! debt         owed 104 | claims 104 | epoch 32
//! psi          ψ
//! fees         treasury 104 | jury 104
//! settings     asset 160 | deposits paused until 40 | redemptions paused until 40 | decimals 8
//! risk         risk 160 | cooldown 32 | patience 32
//! investment   allocator 160 | invested 96
//! changes      one word for two weeks: rate change of the even week i128 | of the odd one i128
//! cohort       units 128 | pending 128      RAY − κ 90 | waiting 38 | α 128      cap assets 128 | cap shares 128
//! request      units 128 | week 32          carried shares i128 | carried assets i128
//! newest       see [`crate::history`]
//! record       confirmed 104 | owed 104 | epoch 32                  ψ 96 | payee 160
//! ```
//!
//! A deposit writes `main` and a balance; `stream`, `debt` and `investment` are not even read while a flag says that
//! they are empty.

use actuary::{
    Overflow,
    books::{Accrued, Books, Marked, Marks, Price, Stream, Value},
    payout::{Debt, RAY, Record},
    redemption::{Cohort, Request},
};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use protocol::{
    Result,
    abi::{
        IAllocator,
        IOwned::{NotWired, UnauthorizedCaller},
        IRisk,
        IVault::{CatchUpFirst, UnexpectedBalance},
    },
    call::{self, ask, tell},
    error,
    ext::Extension,
    guard::Lock,
    pause::Pause,
    roles::Roles,
};
use standards::{Word, packed::Packed};
use stylus_sdk::{
    prelude::*,
    storage::{StorageAddress, StorageBool, StorageMap, StorageU256},
    stylus_core::host::{AccountAccess, BlockAccess, MessageAccess},
};

use crate::shares::Shares;

/// How many weekly edges one call brings the books forward at most; beyond, `catchUp` comes first. Cover of a year
/// never leaves more behind.
pub const MAX_EDGES: u64 = 64;

/// Pause kinds: deposits.
pub const DEPOSITS: u8 = 0;
/// Pause kinds: redemptions.
pub const REDEMPTIONS: u8 = 2;

const AMOUNT: usize = 104;
const TIME: usize = 40;
const WEEK: usize = 32;
const INVESTED: usize = 96;

/// Where `unearned` says that something is invested.
const INVESTED_FLAG: usize = 168 + 2 * WEEK;

/// Set while the stream holds something.
const STREAMING: u64 = 1;
/// Set while something is owed.
const OWING: u64 = 2;
/// Set by governance: run-off.
const ORDERED: u64 = 4;
/// Set for ever once a share is worth nearly nothing.
const DEPLETED: u64 = 8;

/// The three words of a cohort.
#[storage]
pub struct CohortWords {
    shares: StorageU256,
    indices: StorageU256,
    cap: StorageU256,
}

/// The two words of a controller's request.
#[storage]
pub struct RequestWords {
    units: StorageU256,
    carried: StorageU256,
}

/// The two words of what a policy is owed.
#[storage]
pub struct RecordWords {
    amounts: StorageU256,
    payee: StorageU256,
}

/// Everything that a vault stores; the layout of all programs.
#[storage]
pub struct State {
    main: StorageU256,
    unearned: StorageU256,
    flow: StorageU256,
    stream: StorageU256,
    liabilities: StorageU256,
    debt: StorageU256,
    psi: StorageU256,
    fees: StorageU256,
    settings: StorageU256,
    risk: StorageU256,
    changes: StorageMap<U256, StorageU256>,
    cohorts: StorageMap<U256, CohortWords>,
    requests: StorageMap<Address, RequestWords>,
    records: StorageMap<U256, RecordWords>,
    credits: StorageMap<Address, StorageU256>,
    operators: StorageMap<Address, StorageMap<Address, StorageBool>>,
    pub(crate) policy: StorageAddress,
    pub(crate) assessor: StorageAddress,
    pub(crate) treasury: StorageAddress,
    pub(crate) extension: Extension,
    pub(crate) second_extension: Extension,
    pub(crate) shares: Shares,
    pub(crate) roles: Roles,
    pub(crate) deposits_pause: Pause,
    pub(crate) redemptions_pause: Pause,
    investment: StorageU256,
    pub(crate) newest: StorageU256,
    pub(crate) checkpoints: StorageMap<U256, StorageU256>,
}

/// How much of the books an operation takes out, beyond what flags say is there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Depth {
    /// Neither the stream's word nor the debt's.
    Everyday,
    /// The stream's word, which holds the queue's ends.
    Queue,
    /// Both.
    Whole,
}

/// Whether the allocator is asked what the investments are worth, where there are any.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Marking {
    /// It is not: nothing is done that depends on it.
    Not,
    /// It is, and nothing changes.
    Seen,
    /// It books losses too. So much has come back in cash since the books were closed.
    Booked(u128),
}

impl Marking {
    /// Whether the allocator is asked: where something is invested, or has come back of what the books did not know.
    const fn asks(self, invested: bool) -> bool {
        match self {
            Self::Not => false,
            Self::Seen => invested,
            Self::Booked(came) => invested || came > 0,
        }
    }
}

/// Books that were taken out of storage and brought to the present week, with what they were opened from.
pub struct Open {
    /// The books.
    pub books: Books,
    /// The first cohort that is not served.
    pub head: u64,
    /// Run-off by order of governance.
    pub ordered: bool,
    /// Closed for ever: a share is worth nearly nothing.
    pub depleted: bool,
    /// When they were opened.
    pub now: u64,
    /// What was found when the investments were marked.
    pub(crate) marked: Marked,
    before: Words,
}

/// The words that books are kept in; `None` where a word was not read, because a flag says that it is empty.
#[derive(Clone, Copy)]
struct Words {
    main: Packed,
    unearned: Packed,
    flow: Packed,
    stream: Option<Packed>,
    debt: Option<(Packed, U256)>,
    invested: bool,
}

/// What risk says about this vault.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    /// Worst payout of all cover that can still claim under open incidents.
    pub reserve: u128,
    /// Capital that must stay.
    pub minimum: u128,
    /// Capital that the cover sold wants.
    pub target: u128,
    /// How many incidents are latent or not closed.
    pub unsettled: u64,
    /// Whether filing is paused, and with it the service of redemptions.
    pub filing_paused: bool,
}

impl Open {
    /// What the pool is worth now.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn value(&self) -> Result<Value> {
        Ok(self.books.value(self.now)?)
    }

    /// What can be paid at once.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn liquid(&self) -> Result<u128> {
        Ok(self.books.liquid(self.now)?)
    }

    /// Whether stream and debt were taken out, whatever flags said.
    pub(crate) const fn is_whole(&self) -> bool {
        self.before.stream.is_some() && self.before.debt.is_some()
    }

    /// Whether the vault takes no new business, whatever the reserve: by order, for ever, or because it owes.
    #[must_use]
    pub const fn is_run_off(&self) -> bool {
        self.ordered || self.depleted || self.books.debt.owed > 0
    }

    /// Whether confirmed or possible claims take all there is: no deposit, no service.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn is_short(&self, reserve: u128) -> Result<bool> {
        Ok(self.books.debt.owed > 0 || self.value()?.assets < reserve)
    }
}

/// `value` in a field of `bits` bits.
fn put(word: Packed, offset: usize, bits: usize, value: u128) -> Result<Packed> {
    if bits < 128 && value >> bits != 0 {
        return Err(Overflow.into());
    }
    Ok(word.with_u128(offset, bits, value))
}

/// A signed half of a word, the lower one for `high == 0`.
fn signed(word: Packed, high: usize) -> i128 {
    word.u128(128 * high, 128) as i128
}

impl State {
    /// Sets the pool up, at construction.
    pub(crate) fn construct_books(&mut self, seconds: u64) -> Result<()> {
        let books = Books::new(self.vm().block_timestamp(), seconds);
        let main = Packed::default().with_u64(AMOUNT + 128, 20, seconds);
        self.main.set(main.0);
        let unearned = put(Packed::default(), 168, WEEK, u128::from(books.week))?;
        self.unearned.set(unearned.0);
        Ok(())
    }

    /// Sets the asset, its decimals and the two delays, at construction.
    pub(crate) fn construct_settings(&mut self, asset: Address, decimals: u8, cooldown: u64, patience: u64) {
        let settings = Packed::default().with_address(0, asset).with_u64(160 + 2 * TIME, 8, u64::from(decimals));
        self.settings.set(settings.0);
        let risk = Packed::default().with_u64(160, 32, cooldown).with_u64(192, 32, patience);
        self.risk.set(risk.0);
    }

    fn settings(&self) -> Packed {
        Packed(self.settings.get())
    }

    /// The asset.
    pub fn asset(&self) -> Address {
        self.settings().address(0)
    }

    /// The share's decimals: six more than the asset's.
    pub fn decimals(&self) -> u8 {
        self.settings().u64(160 + 2 * TIME, 8) as u8
    }

    /// Until when deposits (0) or redemptions (2) are paused.
    pub fn paused_until(&self, kind: u8) -> u64 {
        let offset = 160 + if kind == DEPOSITS { 0 } else { TIME };
        self.settings().u64(offset, TIME)
    }

    /// Copies the end of a pause to where everyday operations read it.
    pub(crate) fn set_paused_until(&mut self, kind: u8, until: u64) {
        let offset = 160 + if kind == DEPOSITS { 0 } else { TIME };
        let settings = self.settings().with_u64(offset, TIME, until);
        self.settings.set(settings.0);
    }

    /// The risk contract; zero before it is wired.
    pub fn risk(&self) -> Address {
        Packed(self.risk.get()).address(0)
    }

    /// Wires the risk contract.
    pub(crate) fn set_risk(&mut self, risk: Address) {
        let word = Packed(self.risk.get()).with_address(0, risk);
        self.risk.set(word.0);
    }

    /// From the closing of a week to the service of its requests, in seconds.
    pub fn cooldown(&self) -> u64 {
        Packed(self.risk.get()).u64(160, 32)
    }

    /// How long a due cohort waits for incidents to be settled, in seconds.
    pub fn patience(&self) -> u64 {
        Packed(self.risk.get()).u64(192, 32)
    }

    /// How long a week is, in seconds.
    pub fn seconds(&self) -> u64 {
        Packed(self.main.get()).u64(AMOUNT + 128, 20)
    }

    /// All shares that exist.
    pub fn supply(&self) -> u128 {
        Packed(self.main.get()).u128(AMOUNT, 128)
    }

    /// Shares that asked to leave.
    pub fn queued(&self) -> u128 {
        Packed(self.flow.get()).u128(128, 128)
    }

    fn change(&self, week: u64) -> i128 {
        let word = Packed(self.changes.get(U256::from(week >> 1)));
        signed(word, (week & 1) as usize)
    }

    /// Adds to the change of the rate at the edge of `week`.
    pub(crate) fn add_change(&mut self, week: u64, change: i128) -> Result<()> {
        let sum = self.change(week).checked_add(change).ok_or(Overflow)?;
        let mut slot = self.changes.setter(U256::from(week >> 1));
        let word = Packed(slot.get()).with_u128(128 * (week & 1) as usize, 128, sum as u128);
        slot.set(word.0);
        Ok(())
    }

    /// Takes the books out and brings them to the present week, `most` edges at most.
    #[inline(never)]
    fn read(&self, depth: Depth, most: u64, marking: Marking) -> Result<(Open, Accrued)> {
        let now = self.vm().block_timestamp();
        let main = Packed(self.main.get());
        let unearned = Packed(self.unearned.get());
        let flow = Packed(self.flow.get());
        let flags = main.u64(252, 4);
        let seconds = main.u64(AMOUNT + 128, 20);
        if seconds == 0 {
            return Err(Overflow.into()); // never constructed
        }
        let week = unearned.u64(168, WEEK);
        let behind = week < now / seconds;
        let stream = (depth >= Depth::Queue || behind || flags & STREAMING != 0).then(|| Packed(self.stream.get()));
        let debt = (depth == Depth::Whole || flags & OWING != 0).then(|| (Packed(self.debt.get()), self.psi.get()));

        let mut books = Books {
            pool: main.u128(0, AMOUNT),
            invested: 0,
            gain: 0,
            doubt: 0,
            supply: main.u128(AMOUNT, 128),
            queued: flow.u128(128, 128),
            unearned: unearned.get(0, 168),
            rate: flow.u128(0, 128),
            week,
            horizon: unearned.u64(200, WEEK),
            tail: 0,
            stream: Stream::default(),
            debt: Debt::default(),
            seconds,
        };
        let mut head = 0;
        if let Some(word) = stream {
            books.stream =
                Stream { amount: word.u128(0, AMOUNT), since: word.u64(104, TIME), end: word.u64(144, TIME) };
            head = word.u64(184, WEEK);
            books.tail = word.u64(216, WEEK);
        }
        if let Some((word, psi)) = debt {
            books.debt = Debt {
                owed: word.u128(0, AMOUNT),
                claims: word.u128(104, AMOUNT),
                epoch: word.u64(208, 32),
                psi: if psi.is_zero() { RAY } else { Packed(psi).u128(0, 128) },
            };
        }
        let invested = unearned.u64(INVESTED_FLAG, 1) != 0;
        let mut marked = Marked::default();
        if invested {
            books.invested = self.investment().1;
        }
        if marking.asks(invested) {
            marked = self.mark(&mut books, marking)?;
        }
        let accrued = books.accrue(now, most, |week| self.change(week))?;
        if marked.loss > 0 && accrued.done {
            books.cut_stream(now)?;
        }
        let open = Open {
            books,
            head,
            ordered: flags & ORDERED != 0,
            depleted: flags & DEPLETED != 0,
            now,
            marked,
            before: Words { main, unearned, flow, stream, debt, invested },
        };
        Ok((open, accrued))
    }

    /// The books as they are now, for reading what a flag says is there.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn glance(&self) -> Result<Open> {
        Ok(self.read(Depth::Everyday, u64::MAX, Marking::Seen)?.0)
    }

    /// The books as [`open`](Self::open) would take them out; `None` where that needs catching up first.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn openable(&self) -> Result<Option<Open>> {
        let (open, accrued) = self.read(Depth::Everyday, MAX_EDGES, Marking::Seen)?;
        Ok(accrued.done.then_some(open))
    }

    /// Keeps the cap of the cohort that closed while the books were brought forward.
    fn keep_cap(&mut self, accrued: &Accrued) {
        if let Some((week, cap)) = accrued.closed {
            self.cohorts.setter(U256::from(week)).cap.set(pair(cap.assets, cap.shares));
        }
    }

    /// The books as they are now, for reading.
    ///
    /// # Errors
    /// `MathOverflow`; what the allocator reverted with.
    pub fn peek(&self) -> Result<Open> {
        Ok(self.read(Depth::Whole, u64::MAX, Marking::Seen)?.0)
    }

    /// The books as they are now, for reading what does not depend on the worth of investments.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn peek_unpriced(&self) -> Result<Open> {
        Ok(self.read(Depth::Whole, u64::MAX, Marking::Not)?.0)
    }

    /// The books of an everyday operation: what a flag says is empty is not read. Losses of investments are booked first.
    /// Whoever opens books holds the lock until it has closed them.
    ///
    /// # Errors
    /// `CatchUpFirst` where more than [`MAX_EDGES`] edges have passed; `MathOverflow`; what the allocator reverted
    /// with.
    pub(crate) fn open(&mut self) -> Result<Open> {
        self.opened(Depth::Everyday, Marking::Booked(0))
    }

    /// The books of an operation on the queue or the stream.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn open_queue(&mut self) -> Result<Open> {
        self.opened(Depth::Queue, Marking::Booked(0))
    }

    /// The books of an operation that may begin a debt.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn open_whole(&mut self) -> Result<Open> {
        self.opened(Depth::Whole, Marking::Booked(0))
    }

    /// The books of an operation for which `came` of what is invested has come back since they were closed.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn open_richer(&mut self, came: u128) -> Result<Open> {
        self.opened(Depth::Whole, Marking::Booked(came))
    }

    /// The books of an operation that uses no price: the allocator is not asked.
    ///
    /// # Errors
    /// `CatchUpFirst`, `MathOverflow`.
    pub(crate) fn open_unpriced(&mut self, depth: Depth) -> Result<Open> {
        self.opened(depth, Marking::Not)
    }

    fn opened(&mut self, depth: Depth, marking: Marking) -> Result<Open> {
        let (open, accrued) = self.read(depth, MAX_EDGES, marking)?;
        if !accrued.done {
            return Err(error!(CatchUpFirst));
        }
        self.keep_cap(&accrued);
        Ok(open)
    }

    /// The allocator, and what is invested through it.
    pub(crate) fn investment(&self) -> (Address, u128) {
        let word = Packed(self.investment.get());
        (word.address(0), word.u128(160, INVESTED))
    }

    /// Sets the allocator of a vault that has invested nothing.
    pub(crate) fn set_allocator(&mut self, allocator: Address) {
        self.investment.set(allocator.word());
    }

    /// Takes in what the investments are worth.
    #[inline(never)]
    fn mark(&self, books: &mut Books, marking: Marking) -> Result<Marked> {
        let (vm, allocator) = (self.vm(), self.investment().0);
        let (answer, came) = match marking {
            Marking::Booked(came) => (tell(vm, allocator, IAllocator::markCall::SELECTOR, &[])?, came),
            _ => (ask(vm, allocator, IAllocator::valueCall::SELECTOR, &[])?, 0),
        };
        let marks = Marks { book: answer.u128(0)?, high: answer.u128(1)?, low: answer.u128(2)? };
        Ok(books.mark(&marks, came)?)
    }

    /// Brings the books forward by at most `edges`; answers whether they stand in the present week.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn bring_forward(&mut self, edges: u64) -> Result<bool> {
        let (open, accrued) = self.read(Depth::Queue, edges, Marking::Not)?;
        self.keep_cap(&accrued);
        self.close(&open)?;
        Ok(accrued.done)
    }

    /// Begins or ends run-off by order.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn order_run_off(&mut self, ordered: bool) -> Result<()> {
        let lock = Lock::take()?;
        let mut open = self.open_unpriced(Depth::Everyday)?;
        open.ordered = ordered;
        self.close(&open)?;
        lock.release();
        Ok(())
    }

    /// Puts the books back: only words that changed.
    ///
    /// # Errors
    /// `MathOverflow` where a field does not fit.
    #[inline(never)]
    pub(crate) fn close(&mut self, open: &Open) -> Result<()> {
        let Open { books, before, .. } = open;
        debug_assert!(before.stream.is_some() || books.stream == Stream::default(), "a stream that is not written");
        debug_assert!(before.debt.is_some() || books.debt == Debt::default(), "a debt that is not written");
        let streaming = books.stream.amount > 0 && books.stream.end > open.now;
        let mut flags = u64::from(streaming) * STREAMING;
        flags |= u64::from(books.debt.owed > 0) * OWING;
        flags |= u64::from(open.ordered) * ORDERED;
        flags |= u64::from(open.depleted) * DEPLETED;
        let main = put(before.main, 0, AMOUNT, books.pool)?.with_u128(AMOUNT, 128, books.supply);
        write(&mut self.main, before.main, main.with_u64(252, 4, flags));

        if books.unearned.bit_len() > 168 {
            return Err(Overflow.into());
        }
        let mut unearned = Packed(books.unearned);
        unearned = put(unearned, 168, WEEK, u128::from(books.week))?;
        unearned = put(unearned, 200, WEEK, u128::from(books.horizon))?;
        let invested = books.invested > 0;
        unearned = unearned.with_u64(INVESTED_FLAG, 1, u64::from(invested));
        write(&mut self.unearned, before.unearned, unearned);

        write(&mut self.flow, before.flow, Packed(pair(books.rate, books.queued)));

        if invested || before.invested {
            let word = Packed(self.investment.get());
            write(&mut self.investment, word, put(word, 160, INVESTED, books.invested)?);
        }
        if let Some(before) = before.stream {
            let mut stream = put(Packed::default(), 0, AMOUNT, books.stream.amount)?;
            stream = put(stream, 104, TIME, u128::from(books.stream.since))?;
            stream = put(stream, 144, TIME, u128::from(books.stream.end))?;
            stream = put(stream, 184, WEEK, u128::from(open.head))?;
            stream = put(stream, 216, WEEK, u128::from(books.tail))?;
            write(&mut self.stream, before, stream);
        }
        if let Some((before, psi)) = before.debt {
            let mut debt = put(Packed::default(), 0, AMOUNT, books.debt.owed)?;
            debt = put(debt, 104, AMOUNT, books.debt.claims)?;
            debt = put(debt, 208, 32, u128::from(books.debt.epoch))?;
            write(&mut self.debt, before, debt);
            let next = if books.debt.psi == RAY { U256::ZERO } else { U256::from(books.debt.psi) };
            write(&mut self.psi, Packed(psi), Packed(next));
        }
        Ok(())
    }

    /// Served and payable: what leaves the pool's books but not its cash.
    pub fn liabilities(&self) -> (u128, u128) {
        let word = Packed(self.liabilities.get());
        (word.u128(0, AMOUNT), word.u128(104, AMOUNT))
    }

    /// Sets what is served and what is payable.
    pub(crate) fn set_liabilities(&mut self, served: u128, payable: u128) -> Result<()> {
        let word = put(put(Packed::default(), 0, AMOUNT, served)?, 104, AMOUNT, payable)?;
        self.liabilities.set(word.0);
        Ok(())
    }

    /// Fees of the treasury and of the jury that were not collected yet.
    pub fn fees(&self) -> (u128, u128) {
        let word = Packed(self.fees.get());
        (word.u128(0, AMOUNT), word.u128(104, AMOUNT))
    }

    /// Sets the fees that were not collected yet.
    pub(crate) fn set_fees(&mut self, treasury: u128, jury: u128) -> Result<()> {
        let word = put(put(Packed::default(), 0, AMOUNT, treasury)?, 104, AMOUNT, jury)?;
        self.fees.set(word.0);
        Ok(())
    }

    /// The cohort of a week.
    pub fn cohort(&self, week: u64) -> Cohort {
        let cap = Packed(self.cohorts.getter(U256::from(week)).cap.get());
        let cap = Price { assets: cap.u128(0, 128), shares: cap.u128(128, 128) };
        Cohort { cap, ..self.served_cohort(week) }
    }

    /// The cohort of a week, its cap left out: all that a claim needs.
    pub(crate) fn served_cohort(&self, week: u64) -> Cohort {
        let indices = Packed(self.cohorts.getter(U256::from(week)).indices.get());
        Cohort {
            gone: indices.u128(0, 90),
            waiting: indices.u64(90, 38),
            alpha: indices.u128(128, 128),
            ..self.open_cohort(week)
        }
    }

    /// The cohort of a week that is open, when nothing can have been served: all that a request needs.
    pub(crate) fn open_cohort(&self, week: u64) -> Cohort {
        let shares = Packed(self.cohorts.getter(U256::from(week)).shares.get());
        Cohort { units: shares.u128(0, 128), pending: shares.u128(128, 128), ..Cohort::default() }
    }

    /// Keeps the cohort of a week that is open.
    pub(crate) fn set_open_cohort(&mut self, week: u64, cohort: &Cohort) {
        self.cohorts.setter(U256::from(week)).shares.set(pair(cohort.units, cohort.pending));
    }

    /// Keeps a cohort; its cap is kept when the books are opened.
    ///
    /// # Errors
    /// `MathOverflow` where a field does not fit.
    pub(crate) fn set_cohort(&mut self, week: u64, cohort: &Cohort) -> Result<()> {
        self.set_open_cohort(week, cohort);
        let indices = put(Packed::default(), 0, 90, cohort.gone)?;
        let indices = put(indices, 90, 38, u128::from(cohort.waiting))?.with_u128(128, 128, cohort.alpha);
        self.cohorts.setter(U256::from(week)).indices.set(indices.0);
        Ok(())
    }

    /// What a controller has asked for.
    pub fn request(&self, controller: Address) -> Request {
        let carried = Packed(self.requests.getter(controller).carried.get());
        Request { shares: signed(carried, 0), assets: signed(carried, 1), ..self.request_units(controller) }
    }

    /// What a controller has asked for, what it carried over left out.
    pub(crate) fn request_units(&self, controller: Address) -> Request {
        let units = Packed(self.requests.getter(controller).units.get());
        Request { units: units.u128(0, 128), week: units.u64(128, WEEK), ..Request::default() }
    }

    /// Keeps a controller's units.
    pub(crate) fn set_request_units(&mut self, controller: Address, request: &Request) {
        let units = Packed(U256::from(request.units)).with_u64(128, WEEK, request.week);
        let mut words = self.requests.setter(controller);
        let before = Packed(words.units.get());
        write(&mut words.units, before, units);
    }

    /// Keeps what a controller has asked for.
    pub(crate) fn set_request(&mut self, controller: Address, request: &Request) {
        self.set_request_units(controller, request);
        let mut words = self.requests.setter(controller);
        let before = Packed(words.carried.get());
        write(&mut words.carried, before, Packed(pair(request.shares as u128, request.assets as u128)));
    }

    /// What a policy is owed, and to whom.
    pub fn record(&self, policy: U256) -> (Record, Address) {
        let words = self.records.getter(policy);
        let [amounts, payee] = [&words.amounts, &words.payee].map(|word| Packed(word.get()));
        let record = Record {
            confirmed: amounts.u128(0, AMOUNT),
            owed: amounts.u128(104, AMOUNT),
            epoch: amounts.u64(208, 32),
            psi: payee.u128(0, 96),
        };
        (record, payee.address(96))
    }

    /// Keeps what a policy is owed; forgets it where that is nothing.
    pub(crate) fn set_record(&mut self, policy: U256, record: &Record, payee: Address) -> Result<()> {
        let mut words = self.records.setter(policy);
        let (mut amounts, mut to) = (Packed::default(), Packed::default());
        if record.owed > 0 {
            amounts = put(amounts, 0, AMOUNT, record.confirmed)?;
            amounts = put(amounts, 104, AMOUNT, record.owed)?;
            amounts = put(amounts, 208, 32, u128::from(record.epoch))?;
            to = put(to, 0, 96, record.psi)?.with_address(96, payee);
        }
        let before = Packed(words.amounts.get());
        write(&mut words.amounts, before, amounts);
        let before = Packed(words.payee.get());
        write(&mut words.payee, before, to);
        Ok(())
    }

    /// What `account` can take by `withdrawCredit`.
    pub fn credit(&self, account: Address) -> U256 {
        self.credits.get(account)
    }

    /// Sets what `account` can take by `withdrawCredit`.
    pub(crate) fn set_credit(&mut self, account: Address, value: U256) {
        self.credits.setter(account).set(value);
    }

    /// Whether `operator` acts for `controller`.
    pub fn is_operator(&self, controller: Address, operator: Address) -> bool {
        self.operators.getter(controller).get(operator)
    }

    /// Lets `operator` act for `controller`, or no longer.
    pub(crate) fn set_operator(&mut self, controller: Address, operator: Address, approved: bool) {
        self.operators.setter(controller).setter(operator).set(approved);
    }

    /// Asks risk about this vault.
    ///
    /// # Errors
    /// `NotWired`; what risk reverted with.
    #[inline(never)]
    pub fn gate(&self) -> Result<Gate> {
        let risk = self.risk();
        if risk.is_zero() {
            return Err(error!(NotWired));
        }
        let me = self.vm().contract_address().word();
        let answer = ask(self.vm(), risk, IRisk::gateCall::SELECTOR, &[me])?;
        Ok(Gate {
            reserve: answer.u128(0)?,
            minimum: answer.u128(1)?,
            target: answer.u128(2)?,
            unsettled: answer.u64(3)?,
            filing_paused: answer.bool(4)?,
        })
    }

    /// Fails unless the caller is `peer`.
    ///
    /// # Errors
    /// `UnauthorizedCaller`.
    pub(crate) fn only(&self, peer: Address) -> Result<()> {
        let caller = self.vm().msg_sender();
        if caller != peer {
            return Err(error!(UnauthorizedCaller, caller));
        }
        Ok(())
    }

    /// Takes `amount` of the asset from the caller and measures that all of it came in.
    ///
    /// # Errors
    /// `UnexpectedBalance`; those of a token transfer.
    pub(crate) fn pull(&self, asset: Address, amount: u128) -> Result<()> {
        let (vm, amount) = (self.vm(), U256::from(amount));
        let (caller, me) = (vm.msg_sender(), vm.contract_address());
        let before = call::token::balance_of(vm, asset, me)?;
        call::token::transfer_from(vm, asset, caller, me, amount)?;
        let expected = before.checked_add(amount).ok_or(Overflow)?;
        let actual = call::token::balance_of(vm, asset, me)?;
        if actual != expected {
            return Err(error!(UnexpectedBalance, expected, actual));
        }
        Ok(())
    }
}

/// Two values of 128 bits in one word, the first one in the lower half.
fn pair(low: u128, high: u128) -> U256 {
    Packed::default().with_u128(0, 128, low).with_u128(128, 128, high).0
}

/// Sets a word where it changed.
fn write(slot: &mut StorageU256, before: Packed, after: Packed) {
    if before != after {
        slot.set(after.0);
    }
}
