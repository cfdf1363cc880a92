//! In-process world: runs the real contracts against each other natively.
//!
//! A [`World`] holds accounts, storage, logs and a clock. Contracts are registered at addresses by their Rust
//! type and reached through their real routers, so decoding, payability and the constructor guard are
//! exercised. Calls nest as on chain: a failing frame leaves no trace (storage, transient storage, balances,
//! logs), a static frame cannot write, and each frame has the host's storage cache: what is written is not seen
//! by others before it is flushed, and what was read stays cached until the cache is emptied.
//!
//! ```
//! use alloy_primitives::{Address, U256};
//! use testkit::{World, token::{Erc20, Token}};
//!
//! let world = World::new();
//! let usd = Token::deploy(&world, world.address("usd"), 6);
//! let alice = world.address("alice");
//! usd.mint(&world, alice, U256::from(5));
//! let balance = world.read(usd.at, Erc20::balanceOfCall { account: alice });
//! assert_eq!(balance, U256::from(5));
//! ```
//!
//! What it cannot tell: gas, WASM traps, memory and stack limits. Those are for the node.
#![cfg(not(target_arch = "wasm32"))]

pub mod feed;
mod frame;
pub mod signer;
pub mod strategy;
pub mod teller;
pub mod token;

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use alloy_primitives::{Address, B256, U256, hex, keccak256};
use alloy_sol_types::{SolCall, SolError, SolEvent};
use protocol::guard::hook;
use stylus_sdk::{
    ArbResult,
    abi::{Router, router_entrypoint},
    host::VM,
    prelude::*,
};

use frame::Frame;

/// The selector of every contract's constructor.
const CONSTRUCTOR: [u8; 4] = [0x55, 0x85, 0x25, 0x8d];

/// A contract of the world written directly in Rust: a mock.
pub trait Native {
    /// Answers one call.
    fn call(&self, context: &Context<'_>, input: &[u8]) -> ArbResult;
}

/// What a [`Native`] contract sees and may do in one call.
pub struct Context<'a> {
    /// The world; calls to other contracts go through [`Context::call`].
    pub world: &'a World,
    /// The contract's own address.
    pub me: Address,
    /// Who calls.
    pub sender: Address,
}

impl Context<'_> {
    /// The contract's storage word at `slot`.
    #[must_use]
    pub fn load(&self, slot: U256) -> U256 {
        self.world.0.borrow().storage(self.me, slot).into()
    }

    /// Sets the contract's storage word at `slot`; undone with the frame.
    pub fn store(&self, slot: U256, value: U256) {
        self.world.0.borrow_mut().set_storage(self.me, slot, value.into());
    }

    /// Calls another contract from this one.
    pub fn call(&self, to: Address, input: Vec<u8>) -> ArbResult {
        self.world.frame(Message { sender: self.me, me: to, code: to, value: U256::ZERO, transfer: true }, input, false)
    }

    /// Emits an event.
    pub fn emit<E: SolEvent>(&self, event: &E) {
        let data = event.encode_log_data();
        let log = Log { address: self.me, topics: data.topics().to_vec(), data: data.data.to_vec() };
        self.world.0.borrow_mut().push_log(log);
    }
}

type Entry = Rc<dyn Fn(&World, &Message, Vec<u8>) -> ArbResult>;

/// An emitted log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Who emitted it.
    pub address: Address,
    /// Its topics.
    pub topics: Vec<B256>,
    /// Its data.
    pub data: Vec<u8>,
}

/// Revert data of a call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reverted(pub Vec<u8>);

impl Reverted {
    /// The typed error that it must be.
    ///
    /// # Panics
    /// Where it is another one.
    #[track_caller]
    pub fn expect<E: SolError>(&self) -> E {
        match E::abi_decode(&self.0) {
            Ok(error) if self.0[..4] == E::SELECTOR => error,
            _ => panic!("expected {}, got 0x{}", E::SIGNATURE, hex::encode(&self.0)),
        }
    }

    /// Whether it is an error of this type.
    #[must_use]
    pub fn is<E: SolError>(&self) -> bool {
        self.0.get(..4) == Some(&E::SELECTOR[..])
    }
}

/// Who calls whom with what.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) sender: Address,
    /// Whose storage and balance are used.
    pub(crate) me: Address,
    /// Whose code runs.
    pub(crate) code: Address,
    pub(crate) value: U256,
    /// Whether the value moves (not for a DELEGATECALL, which only inherits it).
    pub(crate) transfer: bool,
}

/// How to undo one change.
enum Undo {
    Storage(Address, U256, B256),
    Transient(Address, B256, B256),
    Balance(Address, U256),
    Logs(usize),
}

#[derive(Default)]
pub(crate) struct State {
    storage: HashMap<(Address, U256), B256>,
    transient: HashMap<(Address, B256), B256>,
    balances: HashMap<Address, U256>,
    logs: Vec<Log>,
    journal: Vec<Undo>,
    code: HashMap<Address, Entry>,
    pub(crate) stack: Vec<Address>,
    pub(crate) statics: usize,
    pub(crate) timestamp: u64,
    pub(crate) chain_id: u64,
    pub(crate) origin: Address,
    pub(crate) gas_left: Option<u64>,
    calls: usize,
}

impl State {
    pub(crate) fn storage(&self, at: Address, slot: U256) -> B256 {
        self.storage.get(&(at, slot)).copied().unwrap_or_default()
    }

    pub(crate) fn set_storage(&mut self, at: Address, slot: U256, value: B256) {
        let old = self.storage.insert((at, slot), value).unwrap_or_default();
        self.journal.push(Undo::Storage(at, slot, old));
    }

    fn balance(&self, account: Address) -> U256 {
        self.balances.get(&account).copied().unwrap_or_default()
    }

    fn set_balance(&mut self, account: Address, value: U256) {
        let old = self.balances.insert(account, value).unwrap_or_default();
        self.journal.push(Undo::Balance(account, old));
    }

    pub(crate) fn push_log(&mut self, log: Log) {
        self.journal.push(Undo::Logs(self.logs.len()));
        self.logs.push(log);
    }

    pub(crate) fn has_code(&self, account: Address) -> bool {
        self.code.contains_key(&account)
    }

    fn roll_back(&mut self, mark: usize) {
        while self.journal.len() > mark {
            match self.journal.pop() {
                Some(Undo::Storage(at, slot, old)) => drop(self.storage.insert((at, slot), old)),
                Some(Undo::Transient(at, key, old)) => drop(self.transient.insert((at, key), old)),
                Some(Undo::Balance(account, old)) => drop(self.balances.insert(account, old)),
                Some(Undo::Logs(len)) => self.logs.truncate(len),
                None => unreachable!("the journal is longer than the mark"),
            }
        }
    }
}

/// A chain in memory. Clones share it.
#[derive(Clone, Default)]
pub struct World(pub(crate) Rc<RefCell<State>>);

struct TransientHook(World);

impl hook::Transient for TransientHook {
    fn load(&self, key: &[u8; 32]) -> [u8; 32] {
        let state = self.0.0.borrow();
        let me = *state.stack.last().expect("transient storage is read inside a call");
        state.transient.get(&(me, B256::from(*key))).copied().unwrap_or_default().0
    }

    fn store(&self, key: &[u8; 32], value: &[u8; 32]) {
        let mut state = self.0.0.borrow_mut();
        if state.statics > 0 {
            drop(state);
            frame::static_violation();
        }
        let me = *state.stack.last().expect("transient storage is written inside a call");
        let key = B256::from(*key);
        let old = state.transient.insert((me, key), B256::from(*value)).unwrap_or_default();
        state.journal.push(Undo::Transient(me, key, old));
    }
}

impl World {
    /// An empty world in November 2023, on the development chain's id. It becomes this thread's world.
    #[must_use]
    pub fn new() -> Self {
        let world = Self::default();
        {
            let mut state = world.0.borrow_mut();
            state.chain_id = 412_346;
            state.timestamp = 1_700_000_000;
        }
        hook::install(Rc::new(TransientHook(world.clone())));
        world
    }

    /// An address that stands for `name`, always the same.
    #[must_use]
    pub fn address(&self, name: &str) -> Address {
        Address::from_slice(&keccak256(name.as_bytes())[12..])
    }

    /// Puts contract type `C` at `at`, without running its constructor.
    pub fn place<C>(&self, at: Address)
    where
        C: Router<C, Storage = C> + StorageType + TopLevelStorage + ValueDenier + 'static,
    {
        let entry: Entry = Rc::new(|world, message, input| {
            let host = Frame::new(world.clone(), message.clone());
            let result = router_entrypoint::<C, C>(input, VM { host: Box::new(host.clone()) });
            if result.is_ok() {
                host.flush();
            }
            result
        });
        self.0.borrow_mut().code.insert(at, entry);
    }

    /// Puts contract type `C` at `at` and runs its constructor with ABI-encoded `arguments`, sent by `from`.
    ///
    /// # Panics
    /// Where the constructor reverts; use [`World::try_construct`] to see how.
    #[track_caller]
    pub fn construct<C>(&self, at: Address, from: Address, arguments: Vec<u8>)
    where
        C: Router<C, Storage = C> + StorageType + TopLevelStorage + ValueDenier + 'static,
    {
        if let Err(reverted) = self.try_construct::<C>(at, from, arguments) {
            panic!("the constructor reverted with 0x{}", hex::encode(reverted.0));
        }
    }

    /// [`World::construct`] that tells how the constructor reverted.
    ///
    /// # Errors
    /// The constructor's revert data.
    pub fn try_construct<C>(&self, at: Address, from: Address, arguments: Vec<u8>) -> Result<(), Reverted>
    where
        C: Router<C, Storage = C> + StorageType + TopLevelStorage + ValueDenier + 'static,
    {
        self.place::<C>(at);
        let mut input = CONSTRUCTOR.to_vec();
        input.extend(arguments);
        self.transact(from, at, U256::ZERO, input).map(drop).map_err(Reverted)
    }

    /// Puts a mock at `at`.
    pub fn place_native(&self, at: Address, native: impl Native + 'static) {
        let entry: Entry = Rc::new(move |world, message, input| {
            native.call(&Context { world, me: message.me, sender: message.sender }, &input)
        });
        self.0.borrow_mut().code.insert(at, entry);
    }

    /// Whether contract type `C` itself has a function of this selector; its fallback does not count.
    ///
    /// The function is entered without arguments in an empty contract, and what it does is undone.
    #[must_use]
    pub fn routes<C>(&self, selector: [u8; 4]) -> bool
    where
        C: Router<C, Storage = C> + StorageType + TopLevelStorage + ValueDenier + 'static,
    {
        let at = self.address("an empty contract");
        let message = Message { sender: at, me: at, code: at, value: U256::ZERO, transfer: true };
        let mark = {
            let mut state = self.0.borrow_mut();
            state.stack.push(at);
            state.journal.len()
        };
        let host = Frame::new(self.clone(), message);
        // SAFETY: the contract is the only one on this host, and lives no longer than this call.
        let mut contract = unsafe { C::new(U256::ZERO, 0, VM { host: Box::new(host) }) };
        let known = C::route(&mut contract, u32::from_be_bytes(selector), &[]).is_some();
        let mut state = self.0.borrow_mut();
        state.stack.pop();
        state.roll_back(mark);
        known
    }

    /// Checks that each of these functions is in exactly one of a contract's two programs.
    ///
    /// # Panics
    /// Where one is in both or in neither.
    #[track_caller]
    pub fn assert_split<First, Second>(&self, selectors: impl IntoIterator<Item = [u8; 4]>)
    where
        First: Router<First, Storage = First> + StorageType + TopLevelStorage + ValueDenier + 'static,
        Second: Router<Second, Storage = Second> + StorageType + TopLevelStorage + ValueDenier + 'static,
    {
        for selector in selectors {
            let (first, second) = (self.routes::<First>(selector), self.routes::<Second>(selector));
            let shown = hex::encode(selector);
            assert!(first != second, "0x{shown}: {first} in the first, {second} in the second");
        }
    }

    /// A transaction of `from` that calls a function.
    ///
    /// # Errors
    /// The revert data.
    pub fn send<C: SolCall>(&self, from: Address, to: Address, call: C) -> Result<C::Return, Reverted> {
        let data = self.transact(from, to, U256::ZERO, call.abi_encode()).map_err(Reverted)?;
        Ok(C::abi_decode_returns(&data)
            .unwrap_or_else(|e| panic!("{} answers what its interface does not: {e}", C::SIGNATURE)))
    }

    /// A transaction of `from` that must be refused: its revert data.
    ///
    /// # Panics
    /// Where it succeeds.
    #[track_caller]
    pub fn refused<C: SolCall>(&self, from: Address, to: Address, call: C) -> Reverted {
        match self.transact(from, to, U256::ZERO, call.abi_encode()) {
            Ok(_) => panic!("{} should have been refused", C::SIGNATURE),
            Err(data) => Reverted(data),
        }
    }

    /// What a function answers to nobody in particular; nothing stays changed.
    ///
    /// # Panics
    /// Where it reverts; use [`World::try_read`] for its error.
    #[track_caller]
    pub fn read<C: SolCall>(&self, to: Address, call: C) -> C::Return {
        match self.try_read(to, call) {
            Ok(answer) => answer,
            Err(reverted) => panic!("{} reverted with 0x{}", C::SIGNATURE, hex::encode(reverted.0)),
        }
    }

    /// What a view function answers, by a static call.
    ///
    /// # Errors
    /// The revert data.
    pub fn try_read<C: SolCall>(&self, to: Address, call: C) -> Result<C::Return, Reverted> {
        let message = Message { sender: Address::ZERO, me: to, code: to, value: U256::ZERO, transfer: true };
        let data = self.frame(message, call.abi_encode(), true).map_err(Reverted)?;
        Ok(C::abi_decode_returns(&data)
            .unwrap_or_else(|e| panic!("{} answers what its interface does not: {e}", C::SIGNATURE)))
    }

    /// A transaction with any call data.
    pub fn transact(&self, from: Address, to: Address, value: U256, input: Vec<u8>) -> ArbResult {
        {
            let mut state = self.0.borrow_mut();
            assert!(state.stack.is_empty(), "a transaction cannot start inside another one");
            state.origin = from;
            state.calls = 0;
        }
        let result = self.frame(Message { sender: from, me: to, code: to, value, transfer: true }, input, false);
        let mut state = self.0.borrow_mut();
        state.transient.clear();
        state.journal.clear();
        result
    }

    /// How many frames the last transaction entered, its own among them.
    #[must_use]
    pub fn frames_of_last_transaction(&self) -> usize {
        self.0.borrow().calls
    }

    /// All logs so far.
    #[must_use]
    pub fn logs(&self) -> Vec<Log> {
        self.0.borrow().logs.clone()
    }

    /// All events of type `E` that `address` emitted, in order.
    #[must_use]
    pub fn events<E: SolEvent>(&self, address: Address) -> Vec<E> {
        self.0
            .borrow()
            .logs
            .iter()
            .filter(|log| log.address == address && log.topics.first() == Some(&E::SIGNATURE_HASH))
            .filter_map(|log| E::decode_raw_log(log.topics.iter().copied(), &log.data).ok())
            .collect()
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.0.borrow().timestamp
    }

    /// Lets time pass.
    pub fn warp(&self, seconds: u64) {
        self.0.borrow_mut().timestamp += seconds;
    }

    /// Sets the clock; it never goes back.
    ///
    /// # Panics
    /// Where `timestamp` is in the past.
    #[track_caller]
    pub fn warp_to(&self, timestamp: u64) {
        let mut state = self.0.borrow_mut();
        assert!(timestamp >= state.timestamp, "the clock never goes back");
        state.timestamp = timestamp;
    }

    /// What contracts are told when they ask how much gas is left; without it, no end of it.
    pub fn set_gas_left(&self, gas: Option<u64>) {
        self.0.borrow_mut().gas_left = gas;
    }

    /// Gives an account ether.
    pub fn set_ether(&self, account: Address, value: U256) {
        self.0.borrow_mut().balances.insert(account, value);
    }

    /// An account's ether.
    #[must_use]
    pub fn ether(&self, account: Address) -> U256 {
        self.0.borrow().balance(account)
    }

    /// A storage word of a contract, for tests of layouts.
    #[must_use]
    pub fn storage_at(&self, at: Address, slot: U256) -> B256 {
        self.0.borrow().storage(at, slot)
    }

    /// How many storage words of `at` are not zero.
    #[must_use]
    pub fn slots_of(&self, at: Address) -> usize {
        self.0.borrow().storage.iter().filter(|((a, _), word)| *a == at && !word.is_zero()).count()
    }

    pub(crate) fn frame(&self, message: Message, input: Vec<u8>, is_static: bool) -> ArbResult {
        let (mark, entry) = {
            let mut state = self.0.borrow_mut();
            state.calls += 1;
            let mark = state.journal.len();
            if message.transfer && !message.value.is_zero() {
                let Some(rest) = state.balance(message.sender).checked_sub(message.value) else { return Err(vec![]) };
                state.set_balance(message.sender, rest);
                let received = state.balance(message.me).checked_add(message.value).expect("ether does not overflow");
                state.set_balance(message.me, received);
            }
            (mark, state.code.get(&message.code).cloned())
        };
        if let Some(answer) = frame::precompile(message.code, &input) {
            return Ok(answer);
        }
        let Some(entry) = entry else { return Ok(vec![]) }; // an account without code
        {
            let mut state = self.0.borrow_mut();
            state.stack.push(message.me);
            state.statics += usize::from(is_static);
        }
        let result = frame::catch_static_violation(|| entry(self, &message, input));
        let mut state = self.0.borrow_mut();
        state.stack.pop();
        state.statics -= usize::from(is_static);
        if result.is_err() {
            state.roll_back(mark);
        }
        result
    }
}
