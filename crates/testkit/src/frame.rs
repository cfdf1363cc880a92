//! The host that one call frame sees.

use std::{
    cell::RefCell,
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    rc::Rc,
    slice,
};

use alloy_primitives::{Address, B256, U256, keccak256};
use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use stylus_sdk::{ArbResult, prelude::*};

use crate::{Log, Message, World};

/// What ends a frame that writes in a static call.
struct StaticViolation;

pub(crate) fn static_violation() -> ! {
    resume_unwind(Box::new(StaticViolation)) // a revert, not a panic: nothing is reported
}

/// Runs a frame; a write in a static call is a revert without data, any other panic goes on.
pub(crate) fn catch_static_violation(run: impl FnOnce() -> ArbResult) -> ArbResult {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result,
        Err(payload) if payload.is::<StaticViolation>() => Err(vec![]),
        Err(payload) => resume_unwind(payload),
    }
}

/// The precompiles that contracts use: ecrecover.
pub(crate) fn precompile(at: Address, input: &[u8]) -> Option<Vec<u8>> {
    (at == Address::with_last_byte(1)).then(|| recover(input).unwrap_or_default())
}

fn recover(input: &[u8]) -> Option<Vec<u8>> {
    let mut padded = [0; 128];
    let len = input.len().min(128);
    padded[..len].copy_from_slice(&input[..len]);
    let v = U256::from_be_slice(&padded[32..64]);
    let id = RecoveryId::from_byte(u8::try_from(v).ok()?.checked_sub(27)?)?;
    let signature = Signature::from_slice(&padded[64..128]).ok()?;
    let key = VerifyingKey::recover_from_prehash(&padded[..32], &signature, id).ok()?;
    let hash = keccak256(&key.to_encoded_point(false).as_bytes()[1..]);
    let mut word = vec![0; 32];
    word[12..].copy_from_slice(&hash[12..]);
    Some(word)
}

#[derive(Clone, Copy)]
struct Cached {
    value: B256,
    dirty: bool,
}

/// The host seen by one frame: its message, its storage cache and what its last call returned.
#[derive(Clone)]
pub(crate) struct Frame {
    world: World,
    message: Message,
    cache: Rc<RefCell<HashMap<U256, Cached>>>,
    returned: Rc<RefCell<Vec<u8>>>,
}

impl Frame {
    pub(crate) fn new(world: World, message: Message) -> Self {
        Self { world, message, cache: Rc::default(), returned: Rc::default() }
    }

    /// Writes the changed words, as the entrypoint does at its end.
    pub(crate) fn flush(&self) {
        let mut state = self.world.0.borrow_mut();
        for (slot, word) in self.cache.borrow_mut().iter_mut().filter(|(_, word)| word.dirty) {
            if state.statics > 0 {
                drop(state);
                static_violation();
            }
            state.set_storage(self.message.me, *slot, word.value);
            word.dirty = false;
        }
    }

    fn call(&self, message: Message, data: Vec<u8>, is_static: bool, len: &mut usize) -> u8 {
        let result = if self.world.0.borrow().statics > 0 && message.transfer && !message.value.is_zero() {
            Err(vec![])
        } else {
            self.world.frame(message, data, is_static)
        };
        let (status, data) = match result {
            Ok(data) => (0, data),
            Err(data) => (2, data),
        };
        *len = data.len();
        *self.returned.borrow_mut() = data;
        status
    }
}

/// SAFETY: the SDK passes pointers to `len` readable bytes.
unsafe fn bytes<'a>(pointer: *const u8, len: usize) -> &'a [u8] {
    if len == 0 { &[] } else { unsafe { slice::from_raw_parts(pointer, len) } }
}

/// SAFETY: the SDK passes pointers to 20 readable bytes.
unsafe fn address(pointer: *const u8) -> Address {
    Address::from_slice(unsafe { bytes(pointer, 20) })
}

impl Host for Frame {}

impl CryptographyAccess for Frame {
    fn native_keccak256(&self, input: &[u8]) -> B256 {
        keccak256(input)
    }
}

impl CalldataAccess for Frame {
    fn read_args(&self, _: usize) -> Vec<u8> {
        unreachable!("the router is given its call data")
    }
    fn read_return_data(&self, offset: usize, size: Option<usize>) -> Vec<u8> {
        let data = self.returned.borrow();
        let from = offset.min(data.len());
        let to = size.map_or(data.len(), |size| from.saturating_add(size).min(data.len()));
        data[from..to].to_vec()
    }
    fn return_data_size(&self) -> usize {
        self.returned.borrow().len()
    }
    fn write_result(&self, _: &[u8]) {}
}

// SAFETY: no contract of the protocol creates contracts; a call is a bug and panics.
unsafe impl UnsafeDeploymentAccess for Frame {
    unsafe fn create1(&self, _: *const u8, _: usize, _: *const u8, _: *mut u8, _: *mut usize) {
        unimplemented!("the world has no CREATE")
    }
    unsafe fn create2(&self, _: *const u8, _: usize, _: *const u8, _: *const u8, _: *mut u8, _: *mut usize) {
        unimplemented!("the world has no CREATE2")
    }
}

impl StorageAccess for Frame {
    unsafe fn storage_cache_bytes32(&self, slot: U256, value: B256) {
        self.cache.borrow_mut().insert(slot, Cached { value, dirty: true });
    }
    fn flush_cache(&self, clear: bool) {
        self.flush();
        if clear {
            self.cache.borrow_mut().clear();
        }
    }
    fn storage_load_bytes32(&self, slot: U256) -> B256 {
        if let Some(word) = self.cache.borrow().get(&slot) {
            return word.value;
        }
        let value = self.world.0.borrow().storage(self.message.me, slot);
        self.cache.borrow_mut().insert(slot, Cached { value, dirty: false });
        value
    }
}

// SAFETY: pointers are used within the call only, with the lengths that the SDK gives.
unsafe impl UnsafeCallAccess for Frame {
    unsafe fn call_contract(
        &self,
        to: *const u8,
        data: *const u8,
        len: usize,
        value: *const u8,
        _gas: u64,
        returned: &mut usize,
    ) -> u8 {
        let (to, data) = unsafe { (address(to), bytes(data, len).to_vec()) };
        let value = U256::from_be_slice(unsafe { bytes(value, 32) });
        let message = Message { sender: self.message.me, me: to, code: to, value, transfer: true };
        self.call(message, data, false, returned)
    }
    unsafe fn static_call_contract(
        &self,
        to: *const u8,
        data: *const u8,
        len: usize,
        _gas: u64,
        returned: &mut usize,
    ) -> u8 {
        let (to, data) = unsafe { (address(to), bytes(data, len).to_vec()) };
        let message = Message { sender: self.message.me, me: to, code: to, value: U256::ZERO, transfer: true };
        self.call(message, data, true, returned)
    }
    unsafe fn delegate_call_contract(
        &self,
        to: *const u8,
        data: *const u8,
        len: usize,
        _gas: u64,
        returned: &mut usize,
    ) -> u8 {
        let (code, data) = unsafe { (address(to), bytes(data, len).to_vec()) };
        let message = Message { code, transfer: false, ..self.message.clone() };
        self.call(message, data, false, returned)
    }
}

impl BlockAccess for Frame {
    fn block_basefee(&self) -> U256 {
        U256::from(100_000_000u64)
    }
    fn block_coinbase(&self) -> Address {
        Address::ZERO
    }
    fn block_number(&self) -> u64 {
        unreachable!("on Arbitrum this is an estimate of L1's block: no contract may use it")
    }
    fn block_timestamp(&self) -> u64 {
        self.world.now()
    }
    fn block_gas_limit(&self) -> u64 {
        1 << 50
    }
}

impl ChainAccess for Frame {
    fn chain_id(&self) -> u64 {
        self.world.0.borrow().chain_id
    }
}

impl AccountAccess for Frame {
    fn balance(&self, account: Address) -> U256 {
        self.world.ether(account)
    }
    fn contract_address(&self) -> Address {
        self.message.me
    }
    fn code(&self, account: Address) -> Vec<u8> {
        if self.code_size(account) == 0 { vec![] } else { vec![0xef] }
    }
    fn code_size(&self, account: Address) -> usize {
        usize::from(self.world.0.borrow().has_code(account))
    }
    fn code_hash(&self, account: Address) -> B256 {
        keccak256(self.code(account))
    }
}

impl MemoryAccess for Frame {
    fn pay_for_memory_grow(&self, _: u16) {}
}

impl MessageAccess for Frame {
    fn msg_sender(&self) -> Address {
        self.message.sender
    }
    fn msg_reentrant(&self) -> bool {
        self.world.0.borrow().stack.iter().filter(|at| **at == self.message.me).count() > 1
    }
    fn msg_value(&self) -> U256 {
        self.message.value
    }
    fn tx_origin(&self) -> Address {
        self.world.0.borrow().origin
    }
}

impl MeteringAccess for Frame {
    fn evm_gas_left(&self) -> u64 {
        self.world.0.borrow().gas_left.unwrap_or(u64::MAX)
    }
    fn evm_ink_left(&self) -> u64 {
        u64::MAX
    }
    fn tx_gas_price(&self) -> U256 {
        U256::ZERO
    }
    fn tx_ink_price(&self) -> u32 {
        10_000
    }
}

impl RawLogAccess for Frame {
    fn emit_log(&self, input: &[u8], topics: usize) {
        let (topics, data) = input.split_at(topics * 32);
        let topics: Vec<_> = topics.chunks(32).map(B256::from_slice).collect();
        self.raw_log(&topics, data).expect("a log has at most four topics");
    }
    fn raw_log(&self, topics: &[B256], data: &[u8]) -> Result<(), &'static str> {
        if topics.len() > 4 {
            return Err("too many topics");
        }
        let mut state = self.world.0.borrow_mut();
        if state.statics > 0 {
            drop(state);
            static_violation();
        }
        state.push_log(Log { address: self.message.me, topics: topics.to_vec(), data: data.to_vec() });
        Ok(())
    }
}
