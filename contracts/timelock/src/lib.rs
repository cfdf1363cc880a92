//! The owner of every contract: OpenZeppelin's TimelockController, and a minimum delay that stays longer than the
//! vault's cooldown, so that whoever dislikes a change can leave before it.
//!
//! ```text
//! Unset ─ schedule (proposer) ─▶ Waiting ─ delay ─▶ Ready ─ execute (executor) ─▶ Done
//!   ▲                               │                 │
//!   └────────── cancel (canceller) ─┴─────────────────┘
//! ```
#![cfg_attr(not(any(test, feature = "export-abi")), no_main)]
extern crate alloc;

mod access;

use alloc::{vec, vec::Vec};

use alloy_primitives::{
    Address, B256, U256,
    aliases::{B32, U64},
    keccak256,
};
use alloy_sol_types::{SolCall, SolEvent};
use protocol::{
    Result, Word,
    abi::{
        ITimelock::{
            CallExecuted, CallSalt, CallScheduled, Cancelled, MinDelayChange, TimelockDelayTooLong,
            TimelockInsufficientDelay, TimelockInvalidOperationLength, TimelockUnauthorizedCaller,
            TimelockUnexecutedPredecessor, TimelockUnexpectedOperationState,
        },
        ITokenReceiver,
    },
    call::{require_code, tell_value},
    emit, error,
    guard::Lock,
};
use standards::{encoder::Encoder, erc165, errors::MathOverflow};
use stylus_sdk::{
    abi::Bytes,
    prelude::*,
    storage::{StorageMap, StorageU64, StorageU256},
    stylus_core::host::{AccountAccess, BlockAccess, MessageAccess, RawLogAccess},
};

pub use access::{CANCELLER_ROLE, DEFAULT_ADMIN_ROLE, EXECUTOR_ROLE, PROPOSER_ROLE};

/// The longest minimum delay, one year: a longer one would lock every contract for good.
pub const LONGEST_DELAY: u64 = 365 * 24 * 60 * 60;

/// The timestamp of an operation that is done.
const DONE: U256 = U256::ONE;

/// Where an operation is between unknown and done, as `ITimelock.OperationState` counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Unset,
    Waiting,
    Ready,
    Done,
}

impl State {
    /// The bitmap of this state alone, as errors tell which ones were expected.
    fn bit(self) -> U256 {
        U256::from(1_u8 << self as u8)
    }
}

/// The timelock: roles, operations and delays.
///
/// ```text
/// timestamps[id]   when an operation becomes ready; 0 where it is unset, 1 where it is done
/// delays           |127 cooldown 64|63 minimum delay 0|
/// ```
#[entrypoint]
#[storage]
pub struct Timelock {
    access: access::AccessControl,
    timestamps: StorageMap<B256, StorageU256>,
    min_delay: StorageU64,
    cooldown: StorageU64,
}

// The lifetime keeps the SDK from comparing every two selectors at compile time, which takes minutes. That they
// differ is a test.
#[public]
#[allow(clippy::extra_unused_lifetimes)]
impl<'a> Timelock {
    /// Sets the minimum delay (seconds, longer than `cooldown`), the proposers, who are cancellers too, the
    /// executors (the zero address lets everybody execute) and an admin of the roles (the zero address for none)
    /// besides the timelock itself.
    #[constructor]
    pub fn constructor(
        &mut self,
        min_delay: U256,
        proposers: Vec<Address>,
        executors: Vec<Address>,
        admin: Address,
        cooldown: U256,
    ) -> Result<()> {
        let me = self.vm().contract_address();
        self.access.grant(DEFAULT_ADMIN_ROLE, me);
        if !admin.is_zero() {
            self.access.grant(DEFAULT_ADMIN_ROLE, admin);
        }
        for proposer in proposers {
            self.access.grant(PROPOSER_ROLE, proposer);
            self.access.grant(CANCELLER_ROLE, proposer);
        }
        for executor in executors {
            self.access.grant(EXECUTOR_ROLE, executor);
        }
        self.cooldown.set(bounded(cooldown)?);
        self.set_min_delay(min_delay)
    }

    /// Takes ether.
    #[receive]
    #[payable]
    pub fn receive(&mut self) -> Result<(), Vec<u8>> {
        Ok(())
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————— operations

    /// Whether the operation was scheduled, done or not.
    pub fn is_operation(&self, id: B256) -> bool {
        self.state(id) != State::Unset
    }

    /// Whether the operation is scheduled and not done.
    pub fn is_operation_pending(&self, id: B256) -> bool {
        matches!(self.state(id), State::Waiting | State::Ready)
    }

    /// Whether the operation may be executed now, if its predecessor is done.
    pub fn is_operation_ready(&self, id: B256) -> bool {
        self.state(id) == State::Ready
    }

    /// Whether the operation was executed.
    pub fn is_operation_done(&self, id: B256) -> bool {
        self.state(id) == State::Done
    }

    /// When the operation becomes ready; 0 where it is unset, 1 where it is done.
    pub fn get_timestamp(&self, id: B256) -> U256 {
        self.timestamps.get(id)
    }

    /// The operation's state: 0 unset, 1 waiting, 2 ready, 3 done.
    pub fn get_operation_state(&self, id: B256) -> u8 {
        self.state(id) as u8
    }

    /// The least delay that an operation may be scheduled with, in seconds.
    pub fn get_min_delay(&self) -> U256 {
        U256::from(self.min_delay.get())
    }

    /// What the minimum delay must exceed, in seconds.
    pub fn cooldown(&self) -> U256 {
        U256::from(self.cooldown.get())
    }

    /// The id of an operation of one call.
    pub fn hash_operation(&self, target: Address, value: U256, data: Bytes, predecessor: B256, salt: B256) -> B256 {
        hash_operation(target, value, &data, predecessor, salt)
    }

    /// The id of an operation of several calls.
    pub fn hash_operation_batch(
        &self,
        targets: Vec<Address>,
        values: Vec<U256>,
        payloads: Vec<Bytes>,
        predecessor: B256,
        salt: B256,
    ) -> B256 {
        hash_operation_batch(&targets, &values, &payloads, predecessor, salt)
    }

    /// Schedules one call (proposers): `ITimelock.schedule`.
    pub fn schedule(
        &mut self,
        target: Address,
        value: U256,
        data: Bytes,
        predecessor: B256,
        salt: B256,
        delay: U256,
    ) -> Result<()> {
        self.access.only(PROPOSER_ROLE)?;
        let id = hash_operation(target, value, &data, predecessor, salt);
        self.schedule_operation(id, delay)?;
        self.log_scheduled(id, 0, target, value, &data, predecessor, delay);
        self.log_salt(id, salt);
        Ok(())
    }

    /// Schedules several calls, to be made in their order (proposers): `ITimelock.scheduleBatch`.
    pub fn schedule_batch(
        &mut self,
        targets: Vec<Address>,
        values: Vec<U256>,
        payloads: Vec<Bytes>,
        predecessor: B256,
        salt: B256,
        delay: U256,
    ) -> Result<()> {
        self.access.only(PROPOSER_ROLE)?;
        check_lengths(&targets, &values, &payloads)?;
        let id = hash_operation_batch(&targets, &values, &payloads, predecessor, salt);
        self.schedule_operation(id, delay)?;
        for (index, ((target, value), data)) in targets.into_iter().zip(values).zip(&payloads).enumerate() {
            self.log_scheduled(id, index, target, value, data, predecessor, delay);
        }
        self.log_salt(id, salt);
        Ok(())
    }

    /// Takes an operation back that is scheduled and not done (cancellers).
    pub fn cancel(&mut self, id: B256) -> Result<()> {
        self.access.only(CANCELLER_ROLE)?;
        if !self.is_operation_pending(id) {
            let pending = State::Waiting.bit() | State::Ready.bit();
            return Err(error!(TimelockUnexpectedOperationState, id, pending));
        }
        self.timestamps.setter(id).set(U256::ZERO);
        emit!(self.vm(), Cancelled, [id], []);
        Ok(())
    }

    /// Makes the call of a ready operation (executors): `ITimelock.execute`.
    #[payable]
    pub fn execute(
        &mut self,
        target: Address,
        value: U256,
        payload: Bytes,
        predecessor: B256,
        salt: B256,
    ) -> Result<()> {
        self.only_executor()?;
        let id = hash_operation(target, value, &payload, predecessor, salt);
        let lock = self.begin(id, predecessor)?;
        self.call(id, 0, target, value, &payload)?;
        self.end(id, lock)
    }

    /// Makes the calls of a ready operation, all or none (executors): `ITimelock.executeBatch`.
    #[payable]
    pub fn execute_batch(
        &mut self,
        targets: Vec<Address>,
        values: Vec<U256>,
        payloads: Vec<Bytes>,
        predecessor: B256,
        salt: B256,
    ) -> Result<()> {
        self.only_executor()?;
        check_lengths(&targets, &values, &payloads)?;
        let id = hash_operation_batch(&targets, &values, &payloads, predecessor, salt);
        let lock = self.begin(id, predecessor)?;
        for (index, ((target, value), data)) in targets.into_iter().zip(values).zip(&payloads).enumerate() {
            self.call(id, index, target, value, data)?;
        }
        self.end(id, lock)
    }

    /// Sets the minimum delay, for what is scheduled from now on (the timelock itself, by an operation).
    pub fn update_delay(&mut self, new_delay: U256) -> Result<()> {
        let sender = self.vm().msg_sender();
        if sender != self.vm().contract_address() {
            return Err(error!(TimelockUnauthorizedCaller, sender));
        }
        self.set_min_delay(new_delay)
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————————— roles

    /// Who may schedule.
    #[selector(name = "PROPOSER_ROLE")]
    pub fn proposer_role(&self) -> B256 {
        PROPOSER_ROLE
    }

    /// Who may execute.
    #[selector(name = "EXECUTOR_ROLE")]
    pub fn executor_role(&self) -> B256 {
        EXECUTOR_ROLE
    }

    /// Who may cancel.
    #[selector(name = "CANCELLER_ROLE")]
    pub fn canceller_role(&self) -> B256 {
        CANCELLER_ROLE
    }

    /// Who may grant and revoke roles.
    #[selector(name = "DEFAULT_ADMIN_ROLE")]
    pub fn default_admin_role(&self) -> B256 {
        DEFAULT_ADMIN_ROLE
    }

    /// Whether `account` has `role`.
    pub fn has_role(&self, role: B256, account: Address) -> bool {
        self.access.has(role, account)
    }

    /// The role whose members grant and revoke `role`: the default admin's, for all of them.
    pub fn get_role_admin(&self, _role: B256) -> B256 {
        DEFAULT_ADMIN_ROLE
    }

    /// Gives `role` to `account` (admins).
    pub fn grant_role(&mut self, role: B256, account: Address) -> Result<()> {
        self.access.only(DEFAULT_ADMIN_ROLE)?;
        self.access.grant(role, account);
        Ok(())
    }

    /// Takes `role` from `account` (admins).
    pub fn revoke_role(&mut self, role: B256, account: Address) -> Result<()> {
        self.access.only(DEFAULT_ADMIN_ROLE)?;
        self.access.revoke(role, account);
        Ok(())
    }

    /// The caller gives up its `role`, and says who it is to show that it means it.
    pub fn renounce_role(&mut self, role: B256, caller_confirmation: Address) -> Result<()> {
        self.access.renounce(role, caller_confirmation)
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————— tokens

    /// Takes an ERC-721 token.
    #[selector(name = "onERC721Received")]
    pub fn on_erc721_received(&self, _operator: Address, _from: Address, _token: U256, _data: Bytes) -> B32 {
        ITokenReceiver::onERC721ReceivedCall::SELECTOR.into()
    }

    /// Takes an ERC-1155 token.
    #[selector(name = "onERC1155Received")]
    pub fn on_erc1155_received(
        &self,
        _operator: Address,
        _from: Address,
        _id: U256,
        _value: U256,
        _data: Bytes,
    ) -> B32 {
        ITokenReceiver::onERC1155ReceivedCall::SELECTOR.into()
    }

    /// Takes ERC-1155 tokens.
    #[selector(name = "onERC1155BatchReceived")]
    pub fn on_erc1155_batch_received(
        &self,
        _operator: Address,
        _from: Address,
        _ids: Vec<U256>,
        _values: Vec<U256>,
        _data: Bytes,
    ) -> B32 {
        ITokenReceiver::onERC1155BatchReceivedCall::SELECTOR.into()
    }

    /// ERC-165: itself, AccessControl and the ERC-1155 receiver.
    pub fn supports_interface(&self, interface_id: B32) -> bool {
        erc165::supports(interface_id.0, &[access::INTERFACE_ID, erc165::ERC1155_RECEIVER])
    }
}

impl Timelock {
    fn state(&self, id: B256) -> State {
        let timestamp = self.timestamps.get(id);
        if timestamp.is_zero() {
            State::Unset
        } else if timestamp == DONE {
            State::Done
        } else if timestamp > U256::from(self.vm().block_timestamp()) {
            State::Waiting
        } else {
            State::Ready
        }
    }

    fn set_min_delay(&mut self, delay: U256) -> Result<()> {
        let old = self.get_min_delay();
        let new = bounded(delay)?;
        let cooldown = self.cooldown();
        if delay <= cooldown {
            return Err(error!(TimelockInsufficientDelay, delay, cooldown.saturating_add(U256::ONE)));
        }
        self.min_delay.set(new);
        emit!(self.vm(), MinDelayChange, [], [old, delay]);
        Ok(())
    }

    fn schedule_operation(&mut self, id: B256, delay: U256) -> Result<()> {
        if self.is_operation(id) {
            return Err(error!(TimelockUnexpectedOperationState, id, State::Unset.bit()));
        }
        let least = self.get_min_delay();
        if delay < least {
            return Err(error!(TimelockInsufficientDelay, delay, least));
        }
        let now = U256::from(self.vm().block_timestamp());
        let timestamp = now.checked_add(delay).ok_or_else(|| error!(MathOverflow))?;
        self.timestamps.setter(id).set(timestamp);
        Ok(())
    }

    fn only_executor(&self) -> Result<()> {
        if self.access.only(EXECUTOR_ROLE).is_err() && !self.access.has(EXECUTOR_ROLE, Address::ZERO) {
            return self.access.only(EXECUTOR_ROLE);
        }
        Ok(())
    }

    /// Checks that the operation may be executed now, and that no other one is being executed.
    fn begin(&self, id: B256, predecessor: B256) -> Result<Lock> {
        self.require_ready(id)?;
        if !predecessor.is_zero() && !self.is_operation_done(predecessor) {
            return Err(error!(TimelockUnexecutedPredecessor, predecessor));
        }
        Lock::take()
    }

    /// Marks the operation as done. It is ready until all its calls are made, since a later operation may wait for
    /// it; a call that cancels it makes the whole execution fail here.
    fn end(&mut self, id: B256, lock: Lock) -> Result<()> {
        self.require_ready(id)?;
        self.timestamps.setter(id).set(DONE);
        lock.release();
        Ok(())
    }

    fn require_ready(&self, id: B256) -> Result<()> {
        if !self.is_operation_ready(id) {
            return Err(error!(TimelockUnexpectedOperationState, id, State::Ready.bit()));
        }
        Ok(())
    }

    fn call(&mut self, id: B256, index: usize, target: Address, value: U256, data: &[u8]) -> Result<()> {
        if !data.is_empty() {
            require_code(self.vm(), target)?;
        }
        tell_value(self.vm(), target, value, data)?;
        let topics = [CallExecuted::SIGNATURE_HASH, id, B256::from(U256::from(index))].concat();
        let mut log = Encoder::new(&topics, 3);
        log.word(target.word()).word(value).bytes(data);
        self.vm().emit_log(&log.finish(), 3);
        Ok(())
    }

    #[allow(clippy::too_many_arguments)]
    fn log_scheduled(
        &self,
        id: B256,
        index: usize,
        target: Address,
        value: U256,
        data: &[u8],
        predecessor: B256,
        delay: U256,
    ) {
        let topics = [CallScheduled::SIGNATURE_HASH, id, B256::from(U256::from(index))].concat();
        let mut log = Encoder::new(&topics, 5);
        log.word(target.word()).word(value).bytes(data).word(predecessor.word()).word(delay);
        self.vm().emit_log(&log.finish(), 3);
    }

    fn log_salt(&self, id: B256, salt: B256) {
        if !salt.is_zero() {
            emit!(self.vm(), CallSalt, [id], [salt]);
        }
    }
}

/// A delay in seconds, at most [`LONGEST_DELAY`].
fn bounded(delay: U256) -> Result<U64> {
    let longest = U256::from(LONGEST_DELAY);
    if delay > longest {
        return Err(error!(TimelockDelayTooLong, delay, longest));
    }
    Ok(delay.to())
}

fn check_lengths(targets: &[Address], values: &[U256], payloads: &[Bytes]) -> Result<()> {
    if targets.len() != values.len() || targets.len() != payloads.len() {
        let lengths = [targets.len(), payloads.len(), values.len()].map(U256::from);
        return Err(error!(TimelockInvalidOperationLength, lengths[0], lengths[1], lengths[2]));
    }
    Ok(())
}

fn hash_operation(target: Address, value: U256, data: &[u8], predecessor: B256, salt: B256) -> B256 {
    let mut encoder = Encoder::new(&[], 5);
    encoder.word(target.word()).word(value).bytes(data).word(predecessor.word()).word(salt.word());
    keccak256(encoder.finish())
}

fn hash_operation_batch(
    targets: &[Address],
    values: &[U256],
    payloads: &[Bytes],
    predecessor: B256,
    salt: B256,
) -> B256 {
    let mut encoder = Encoder::new(&[], 5);
    encoder.addresses(targets).words(values).payloads(payloads).word(predecessor.word()).word(salt.word());
    keccak256(encoder.finish())
}
