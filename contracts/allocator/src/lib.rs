//! Fund allocation: the strategies that a vault's spare money works in.
//!
//! The vault decides how much; this contract holds the strategies' shares, keeps what each is booked at, and is what
//! stands between the vault and a strategy that reverts, lies, calls back or burns its gas ([`reach`]):
//!
//! - what a strategy answers is one word or nothing, what it does is measured by the asset's balances;
//! - what came back is booked as what arrived, never as what was said;
//! - a worth below the book is a loss, booked before anything is priced; a worth above it counts for who enters, up to a
//!   quarter of the book, and is income only once it has been brought home;
//! - a strategy that does not answer is worth its book to who enters and nothing to who leaves.
//!
//! ```text
//! vault     vault 160 | strategies 8
//! place     strategy 160 | book 96      shares 128 | cap 96      risk key
//! ```
#![cfg_attr(not(test), no_main)]
extern crate alloc;

pub mod reach;

use alloc::vec::Vec;

use actuary::{
    books::{minus, plus},
    math::to_u128,
};
use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use protocol::{
    Result,
    abi::{
        IAllocator::{
            self, CapExceeded, CapSet, Divested, Harvested, Invested, LossBooked, QueueSet, StrategyAdded,
            StrategyAlreadyAdded, StrategyFailed, StrategyNotEmpty, StrategyRemoved, TooManyStrategies,
            UnknownStrategy, WrongAsset, WrongQueue,
        },
        IERC20, IERC4626, IOwned,
        IOwned::{ParameterOutOfBounds, UnauthorizedCaller},
    },
    call::{ask, require_code, tell, token},
    emit, error,
    guard::{self, Lock},
    roles::Roles,
    routes,
};
use standards::{
    Word,
    dispatch::{Encoded, Words},
    encoder::Encoder,
    errors::ReentrancyGuardReentrantCall,
    packed::Packed,
};
use stylus_sdk::{
    prelude::*,
    storage::{StorageB256, StorageMap, StorageU256},
    stylus_core::host::{AccountAccess, MessageAccess},
};

/// The most strategies: an operation on the vault may have to ask all of them.
pub const MOST_STRATEGIES: u64 = 8;

/// Books and caps have 96 bits.
const BOOK: usize = 96;

/// Up to which part of its book a gain counts before it is harvested: a quarter.
const GAIN_DIVISOR: u128 = 4;

/// What a strategy may cost to go in: one in a hundred.
const ENTRY_DIVISOR: u128 = 100;

/// What is kept of one strategy.
#[storage]
pub struct PlaceWords {
    first: StorageU256,
    second: StorageU256,
    risk_key: StorageB256,
}

/// The contract.
#[entrypoint]
#[storage]
pub struct Allocator {
    vault: StorageU256,
    asset: StorageU256,
    idle: StorageU256,
    places: StorageMap<U256, PlaceWords>,
    roles: Roles,
}

/// A strategy, and what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    at: Address,
    book: u128,
    shares: u128,
    cap: u128,
}

/// A strategy that is worth less than it is booked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Loss {
    place: u64,
    position: Position,
    worth: u128,
}

/// What everything is booked at, and the higher and the lower of book and worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Marks {
    book: u128,
    high: u128,
    low: u128,
}

impl Marks {
    /// Counts a strategy in, whose losses are booked.
    fn count(&mut self, book: u128, worth: Option<u128>) -> Result<()> {
        // A book of 96 bits and its quarter fit.
        let most = book + book / GAIN_DIVISOR;
        self.book = plus(self.book, book)?;
        self.high = plus(self.high, worth.unwrap_or(book).clamp(book, most))?;
        self.low = plus(self.low, worth.map_or(0, |_| book))?;
        Ok(())
    }
}

impl From<Marks> for (U256, U256, U256) {
    fn from(marks: Marks) -> Self {
        (U256::from(marks.book), U256::from(marks.high), U256::from(marks.low))
    }
}

routes! {
    Allocator, constructor(owner, setup, vault);
    IAllocator::markCall => mark();
    IAllocator::freeCall => free(needed);
    IAllocator::putCall => put(strategy, assets);
    IAllocator::takeCall => take(strategy, assets);
    IAllocator::harvestCall => harvest(strategy);
    IAllocator::valueCall => value();
    IAllocator::vaultCall => vault();
    IAllocator::assetCall => asset();
    IAllocator::idleCall => idle();
    IAllocator::heldOnCall => held_on(risk_key);
    IAllocator::strategiesCall => strategies();
    IAllocator::addStrategyCall => add_strategy(strategy, cap, risk_key);
    IAllocator::setCapCall => set_cap(strategy, cap);
    IAllocator::setQueueCall => set_queue(queue);
    IAllocator::removeStrategyCall => remove_strategy(strategy, force);
    IOwned::ownerCall => owner();
    IOwned::pendingOwnerCall => pending_owner();
    IOwned::transferOwnershipCall => transfer_ownership(new_owner);
    IOwned::acceptOwnershipCall => accept_ownership();
    IOwned::setupCall => setup();
    IOwned::finishSetupCall => finish_setup();
    IOwned::guardianCall => guardian();
    IOwned::setGuardianCall => set_guardian(new_guardian);
}

protocol::owned!(Allocator, roles);

impl Allocator {
    /// The owner is the timelock, `setup` the deployer's key until it finishes the set-up; `vault` is whose money this
    /// is, for ever.
    pub fn constructor(&mut self, owner: Address, setup: Address, vault: Address) -> Result<()> {
        self.roles.construct(owner, setup)?;
        require_code(self.vm(), vault)?;
        let asset = ask(self.vm(), vault, IERC4626::assetCall::SELECTOR, &[])?.address(0)?;
        self.vault.set(vault.word());
        self.asset.set(asset.word());
        Ok(())
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————————— Vault

    /// See `IAllocator`.
    pub fn mark(&mut self) -> Result<(U256, U256, U256)> {
        let lock = self.enter()?;
        let (marks, losses) = self.survey()?;
        for Loss { place, mut position, worth } in losses {
            self.book_loss(&mut position, worth);
            self.set_position(place, &position);
        }
        lock.release();
        Ok(marks.into())
    }

    /// See `IAllocator`.
    pub fn free(&mut self, needed: U256) -> Result<U256> {
        let lock = self.enter()?;
        let needed = to_u128(needed).unwrap_or(u128::MAX);
        let mut freed = self.release_idle(needed)?;
        for place in 0..self.count() {
            let mut position = self.position(place);
            let most = (needed - freed).min(position.book);
            if most > 0 {
                freed = plus(freed, self.divest(place, &mut position, most)?)?;
            }
        }
        lock.release();
        Ok(U256::from(freed))
    }

    /// See `IAllocator`.
    pub fn put(&mut self, strategy: Address, assets: U256) -> Result<(B256, U256)> {
        let lock = self.enter()?;
        let place = self.find(strategy)?;
        let mut position = self.position(place);
        let amount = to_u128(assets)?;
        let book = plus(position.book, amount)?;
        if book > position.cap {
            return Err(error!(CapExceeded, strategy, book, position.cap));
        }
        let before = self.balance()?;
        minus(before, plus(self.idle_now(), amount)?)?; // it was transferred here
        let (asset, me) = (self.asset(), self.vm().contract_address().word());
        tell(self.vm(), asset, IERC20::approveCall::SELECTOR, &[strategy.word(), assets])?;
        self.act(strategy, IERC4626::depositCall::SELECTOR, &[assets, me])?;
        let shares = self.shares(strategy)?.unwrap_or(0);
        let made = Position { shares: shares.saturating_sub(position.shares), ..position };
        let worth = self.worth(&made)?.unwrap_or(0);
        if self.balance()? != before - amount || worth < amount - amount / ENTRY_DIVISOR {
            return Err(error!(StrategyFailed, strategy));
        }
        position = Position { book, shares, ..position };
        self.set_position(place, &position);
        emit!(self.vm(), Invested, [strategy], [assets]);
        lock.release();
        self.held_with(place)
    }

    /// See `IAllocator`.
    pub fn take(&mut self, strategy: Address, assets: U256) -> Result<(U256, B256, U256)> {
        let lock = self.enter()?;
        let place = self.find(strategy)?;
        let mut position = self.position(place);
        let most = to_u128(assets).unwrap_or(u128::MAX).min(position.book);
        let taken = self.divest(place, &mut position, most)?;
        lock.release();
        let (risk_key, held) = self.held_with(place)?;
        Ok((U256::from(taken), risk_key, held))
    }

    /// See `IAllocator`.
    pub fn harvest(&mut self, strategy: Address) -> Result<(U256, B256, U256)> {
        let lock = self.enter()?;
        if strategy.is_zero() {
            let gain = self.release_idle(u128::MAX)?;
            lock.release();
            return Ok((U256::from(gain), B256::ZERO, U256::ZERO));
        }
        let place = self.find(strategy)?;
        let mut position = self.position(place);
        // They may not have been told when they changed last.
        position.shares = self.shares(strategy)?.unwrap_or(position.shares);
        let gain = self.worth(&position)?.unwrap_or(0).saturating_sub(position.book);
        let gain = self.withdraw(&mut position, gain)?;
        // Who calls a gain what was put there is found out now.
        if let Some(worth) = self.worth(&position)? {
            self.book_loss(&mut position, worth);
        }
        self.set_position(place, &position);
        if gain > 0 {
            emit!(self.vm(), Harvested, [strategy], [gain]);
        }
        lock.release();
        let (risk_key, held) = self.held_with(place)?;
        Ok((U256::from(gain), risk_key, held))
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————————— views

    /// See `IAllocator`.
    pub fn value(&self) -> Result<(U256, U256, U256)> {
        if guard::is_locked() {
            return Err(error!(ReentrancyGuardReentrantCall));
        }
        Ok(self.survey()?.0.into())
    }

    /// See `IAllocator`.
    pub fn vault(&self) -> Address {
        Packed(self.vault.get()).address(0)
    }

    /// See `IAllocator`.
    pub fn asset(&self) -> Address {
        Packed(self.asset.get()).address(0)
    }

    /// See `IAllocator`.
    pub fn idle(&self) -> U256 {
        self.idle.get()
    }

    /// See `IAllocator`.
    pub fn held_on(&self, risk_key: B256) -> Result<U256> {
        let mut held = 0;
        for place in 0..self.count() {
            if self.risk_key(place) == risk_key {
                held = plus(held, self.position(place).book)?;
            }
        }
        Ok(U256::from(held))
    }

    /// See `IAllocator`.
    pub fn strategies(&self) -> Result<Encoded> {
        let count = self.count();
        let mut answer = Encoder::new(&[], 2 + 7 * count as usize);
        answer.word(U256::from(32)).word(U256::from(count));
        for place in 0..count {
            let position = self.position(place);
            let worth = self.worth(&position)?;
            answer.word(position.at.word()).word(self.risk_key(place).word());
            for value in [position.cap, position.shares, position.book, worth.unwrap_or(0)] {
                answer.word(U256::from(value));
            }
            answer.word(worth.is_some().word());
        }
        Ok(Encoded(answer.finish()))
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————————— owner

    /// See `IAllocator`.
    pub fn add_strategy(&mut self, strategy: Address, cap: U256, risk_key: B256) -> Result<()> {
        let lock = Lock::take()?;
        self.roles.only_owner()?;
        let cap = bounded(cap)?;
        let place = self.count();
        if self.place_of(strategy).is_some() {
            return Err(error!(StrategyAlreadyAdded, strategy));
        }
        if place >= MOST_STRATEGIES {
            return Err(error!(TooManyStrategies, MOST_STRATEGIES));
        }
        require_code(self.vm(), strategy)?;
        let asset = self.look(strategy, IERC4626::assetCall::SELECTOR, &[])?;
        if asset != Some(self.asset.get()) || strategy == self.vault() {
            return Err(error!(WrongAsset, strategy));
        }
        // Shares that a removed strategy left, and that are worth something again, are a gain.
        let shares = self.shares(strategy)?.unwrap_or(0);
        self.set_position(place, &Position { at: strategy, book: 0, shares, cap });
        self.places.setter(U256::from(place)).risk_key.set(risk_key);
        self.set_count(place + 1);
        emit!(self.vm(), StrategyAdded, [strategy, risk_key], [cap]);
        lock.release();
        Ok(())
    }

    /// See `IAllocator`.
    pub fn set_cap(&mut self, strategy: Address, cap: U256) -> Result<()> {
        self.roles.only_owner()?;
        let place = self.find(strategy)?;
        let position = Position { cap: bounded(cap)?, ..self.position(place) };
        self.set_position(place, &position);
        emit!(self.vm(), CapSet, [strategy], [cap]);
        Ok(())
    }

    /// See `IAllocator`.
    pub fn set_queue(&mut self, queue: Words<'_>) -> Result<()> {
        self.roles.only_owner()?;
        let (count, length) = (self.count(), queue.len());
        let mut rest: Vec<_> = (0..count).map(|place| (self.position(place), self.risk_key(place))).collect();
        if length != rest.len() {
            return Err(error!(WrongQueue, length as u64));
        }
        for (place, strategy) in (0..).zip(queue) {
            let Some(index) = rest.iter().position(|(position, _)| position.at.word() == strategy) else {
                return Err(error!(WrongQueue, length as u64));
            };
            let (position, risk_key) = rest.swap_remove(index);
            self.set_place(place, &position, risk_key);
            emit!(self.vm(), QueueSet, [position.at], [place]);
        }
        Ok(())
    }

    /// See `IAllocator`.
    pub fn remove_strategy(&mut self, strategy: Address, force: bool) -> Result<U256> {
        let lock = Lock::take()?;
        self.roles.only_owner()?;
        let place = self.find(strategy)?;
        let mut position = self.position(place);
        if let Some(worth) = self.worth(&position)? {
            self.book_loss(&mut position, worth);
        }
        let before = self.balance()?;
        let me = self.vm().contract_address().word();
        let most = self.look(strategy, IERC4626::maxRedeemCall::SELECTOR, &[me])?;
        let shares = U256::from(position.shares).min(most.unwrap_or(U256::MAX));
        if !shares.is_zero() {
            self.act(strategy, IERC4626::redeemCall::SELECTOR, &[shares, me, me])?;
        }
        let returned = self.balance()?.saturating_sub(before);
        let lost = position.book.saturating_sub(returned);
        let left = self.shares(strategy)?.unwrap_or(position.shares);
        if !force && (lost > 0 || left > 0) {
            return Err(error!(StrategyNotEmpty, strategy, lost));
        }
        self.set_idle(plus(self.idle_now(), returned)?);
        let last = self.count() - 1;
        for place in place..last {
            let (next, risk_key) = (self.position(place + 1), self.risk_key(place + 1));
            self.set_place(place, &next, risk_key);
        }
        let nothing = Position { at: Address::ZERO, book: 0, shares: 0, cap: 0 };
        self.set_place(last, &nothing, B256::ZERO);
        self.set_count(last);
        emit!(self.vm(), StrategyRemoved, [strategy], [returned, lost]);
        lock.release();
        Ok(U256::from(returned))
    }
}

impl Allocator {
    /// Takes the lock for the vault.
    fn enter(&self) -> Result<Lock> {
        let lock = Lock::take()?;
        let caller = self.vm().msg_sender();
        if caller != self.vault() {
            return Err(error!(UnauthorizedCaller, caller));
        }
        Ok(lock)
    }

    /// Asks every strategy what it is worth; answers with the values, losses booked, and with who has lost.
    fn survey(&self) -> Result<(Marks, Vec<Loss>)> {
        let idle = self.idle_now();
        let mut marks = Marks { book: idle, high: idle, low: idle };
        let mut losses = Vec::new();
        for place in 0..self.count() {
            let position = self.position(place);
            if position.book == 0 {
                continue;
            }
            let worth = self.worth(&position)?;
            let book = worth.unwrap_or(position.book).min(position.book);
            if let Some(worth) = worth.filter(|worth| *worth < position.book) {
                losses.push(Loss { place, position, worth });
            }
            marks.count(book, worth)?;
        }
        Ok((marks, losses))
    }

    /// Lowers a book to what it is worth.
    fn book_loss(&self, position: &mut Position, worth: u128) {
        let loss = position.book.saturating_sub(worth);
        if loss > 0 {
            position.book = worth;
            emit!(self.vm(), LossBooked, [position.at], [loss]);
        }
    }

    /// Brings up to `most` of a strategy's book back to the vault; answers how much came.
    fn divest(&mut self, place: u64, position: &mut Position, most: u128) -> Result<u128> {
        let got = self.withdraw(position, most)?;
        position.book = minus(position.book, got)?;
        self.set_position(place, position);
        if got > 0 {
            emit!(self.vm(), Divested, [position.at], [got]);
        }
        Ok(got)
    }

    /// Has a strategy send up to `most` to the vault; answers how much of it arrived there.
    fn withdraw(&self, position: &mut Position, most: u128) -> Result<u128> {
        let (vault, me) = (self.vault(), self.vm().contract_address().word());
        let available = self.look(position.at, IERC4626::maxWithdrawCall::SELECTOR, &[me])?;
        let wanted = U256::from(most).min(available.unwrap_or_default());
        if wanted.is_zero() {
            return Ok(0);
        }
        let before = token::balance_of(self.vm(), self.asset(), vault)?;
        self.act(position.at, IERC4626::withdrawCall::SELECTOR, &[wanted, vault.word(), me])?;
        let arrived = token::balance_of(self.vm(), self.asset(), vault)?.saturating_sub(before);
        position.shares = self.shares(position.at)?.unwrap_or(position.shares);
        Ok(to_u128(arrived.min(wanted))?)
    }

    /// Sends up to `most` of what waits here to the vault.
    fn release_idle(&mut self, most: u128) -> Result<u128> {
        let idle = self.idle_now();
        let amount = idle.min(most);
        if amount > 0 {
            self.set_idle(idle - amount);
            token::transfer(self.vm(), self.asset(), self.vault(), U256::from(amount))?;
        }
        Ok(amount)
    }

    /// What a strategy says that its shares are worth; `None` where it says nothing that can be so.
    fn worth(&self, position: &Position) -> Result<Option<u128>> {
        if position.shares == 0 {
            return Ok(Some(0));
        }
        let shares = U256::from(position.shares);
        let worth = self.look(position.at, IERC4626::convertToAssetsCall::SELECTOR, &[shares])?;
        Ok(worth.filter(|worth| worth.bit_len() <= BOOK).map(|worth| worth.to()))
    }

    /// How many shares of a strategy are here; `None` where it says nothing that can be so.
    fn shares(&self, strategy: Address) -> Result<Option<u128>> {
        let me = self.vm().contract_address().word();
        let shares = self.look(strategy, IERC20::balanceOfCall::SELECTOR, &[me])?;
        Ok(shares.and_then(|shares| u128::try_from(shares).ok()))
    }

    /// What of the asset is here.
    fn balance(&self) -> Result<u128> {
        Ok(to_u128(token::balance_of(self.vm(), self.asset(), self.vm().contract_address())?)?)
    }

    /// The risk key of a place, and what is booked on it in all.
    fn held_with(&self, place: u64) -> Result<(B256, U256)> {
        let risk_key = self.risk_key(place);
        Ok((risk_key, self.held_on(risk_key)?))
    }

    fn count(&self) -> u64 {
        Packed(self.vault.get()).u64(160, 8)
    }

    fn set_count(&mut self, count: u64) {
        self.vault.set(Packed(self.vault.get()).with_u64(160, 8, count).0);
    }

    fn idle_now(&self) -> u128 {
        Packed(self.idle.get()).u128(0, 128)
    }

    fn set_idle(&mut self, idle: u128) {
        self.idle.set(U256::from(idle));
    }

    fn position(&self, place: u64) -> Position {
        let words = self.places.getter(U256::from(place));
        let [first, second] = [words.first.get(), words.second.get()].map(Packed);
        Position {
            at: first.address(0),
            book: first.u128(160, BOOK),
            shares: second.u128(0, 128),
            cap: second.u128(128, BOOK),
        }
    }

    fn set_position(&mut self, place: u64, position: &Position) {
        let mut words = self.places.setter(U256::from(place));
        words.first.set(Packed::default().with_address(0, position.at).with_u128(160, BOOK, position.book).0);
        words.second.set(Packed::default().with_u128(0, 128, position.shares).with_u128(128, BOOK, position.cap).0);
    }

    fn set_place(&mut self, place: u64, position: &Position, risk_key: B256) {
        self.set_position(place, position);
        self.places.setter(U256::from(place)).risk_key.set(risk_key);
    }

    fn risk_key(&self, place: u64) -> B256 {
        self.places.getter(U256::from(place)).risk_key.get()
    }

    fn place_of(&self, strategy: Address) -> Option<u64> {
        (0..self.count()).find(|place| self.position(*place).at == strategy)
    }

    fn find(&self, strategy: Address) -> Result<u64> {
        self.place_of(strategy).ok_or_else(|| error!(UnknownStrategy, strategy))
    }
}

/// A cap: at most 96 bits.
fn bounded(cap: U256) -> Result<u128> {
    if cap.bit_len() > BOOK {
        return Err(error!(ParameterOutOfBounds, B256::right_padding_from(b"cap"), cap));
    }
    Ok(cap.to())
}
