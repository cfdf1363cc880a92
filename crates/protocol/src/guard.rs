//! The reentrancy lock, in transient storage.
//!
//! Every external function that changes state and calls out holds a [`Lock`] while it runs. The lock is one
//! transient word of the contract: it costs 200 gas, ends with the transaction and rolls back with the frame.
//! The SDK does not wrap the host's transient storage, so this module declares the two functions; natively it
//! asks a hook that the test world serves.

use standards::{Result, error, errors::ReentrancyGuardReentrantCall};

/// The key of the lock's word: the bytes of "palisade.lock".
const KEY: [u8; 32] = *b"palisade.lock\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// A held lock. Dropping it does not release it: call [`Lock::release`] on the way out; a revert rolls it back.
#[must_use = "release the lock on the way out"]
pub struct Lock(());

impl Lock {
    /// Takes the contract's lock.
    ///
    /// # Errors
    /// `ReentrancyGuardReentrantCall` where it is held, that is when the contract was re-entered.
    pub fn take() -> Result<Self> {
        if host::load(&KEY) != [0; 32] {
            return Err(error!(ReentrancyGuardReentrantCall));
        }
        let mut held = [0; 32];
        held[31] = 1;
        host::store(&KEY, &held);
        Ok(Self(()))
    }

    /// Gives the lock back.
    pub fn release(self) {
        host::store(&KEY, &[0; 32]);
    }
}

/// Whether the contract is inside a locked function: view functions that must not answer in the middle of one
/// may ask.
#[must_use]
pub fn is_locked() -> bool {
    host::load(&KEY) != [0; 32]
}

#[cfg(target_arch = "wasm32")]
mod host {
    #[link(wasm_import_module = "vm_hooks")]
    unsafe extern "C" {
        fn transient_load_bytes32(key: *const u8, dest: *mut u8);
        fn transient_store_bytes32(key: *const u8, value: *const u8);
    }

    pub(super) fn load(key: &[u8; 32]) -> [u8; 32] {
        let mut word = [0; 32];
        // SAFETY: both pointers are to 32 bytes that live across the call.
        unsafe { transient_load_bytes32(key.as_ptr(), word.as_mut_ptr()) };
        word
    }

    pub(super) fn store(key: &[u8; 32], value: &[u8; 32]) {
        // SAFETY: both pointers are to 32 bytes that live across the call.
        unsafe { transient_store_bytes32(key.as_ptr(), value.as_ptr()) };
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod host {
    pub(super) fn load(key: &[u8; 32]) -> [u8; 32] {
        super::hook::with(|hook| hook.load(key))
    }

    pub(super) fn store(key: &[u8; 32], value: &[u8; 32]) {
        super::hook::with(|hook| hook.store(key, value));
    }
}

/// Where native builds find transient storage: the test world installs it.
#[cfg(not(target_arch = "wasm32"))]
pub mod hook {
    extern crate std;
    use alloc::rc::Rc;
    use std::cell::RefCell;

    /// The transient storage of the contract that is running.
    pub trait Transient {
        /// The word at `key`.
        fn load(&self, key: &[u8; 32]) -> [u8; 32];
        /// Sets the word at `key`.
        fn store(&self, key: &[u8; 32], value: &[u8; 32]);
    }

    std::thread_local! {
        static HOOK: RefCell<Option<Rc<dyn Transient>>> = const { RefCell::new(None) };
    }

    /// Installs the transient storage of this thread's world.
    pub fn install(hook: Rc<dyn Transient>) {
        HOOK.with(|slot| *slot.borrow_mut() = Some(hook));
    }

    pub(super) fn with<R>(run: impl FnOnce(&dyn Transient) -> R) -> R {
        let hook = HOOK.with(|slot| slot.borrow().clone());
        run(&*hook.expect("a test world must be installed on this thread"))
    }
}
