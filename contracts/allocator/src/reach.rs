//! Calls of strategies, which are trusted with nothing: their gas is counted out, and of their answers no more is read
//! than one word.

use alloy_primitives::{Address, U256};
use protocol::{Result, abi::IAllocator::InsufficientGas, error};
use standards::abi::{encode_call, from_bytes};
use stylus_sdk::{call::RawCall, prelude::*, stylus_core::host::MeteringAccess};

use crate::Allocator;

/// What a strategy may use to answer.
pub const LOOK_GAS: u64 = 200_000;

/// What it may use to take money in or to give it back.
pub const ACT_GAS: u64 = 1_500_000;

/// What a call itself costs, and what is done with its answer.
const MARGIN: u64 = 20_000;

impl Allocator {
    /// A strategy's answer; `None` where it reverts, answers less than a word or uses more than its gas.
    ///
    /// # Errors
    /// `InsufficientGas`.
    pub(crate) fn look(&self, strategy: Address, selector: [u8; 4], words: &[U256]) -> Result<Option<U256>> {
        self.require_gas(LOOK_GAS)?;
        let data = encode_call(selector, words);
        let call = RawCall::new_static(self.vm()).gas(LOOK_GAS).limit_return_data(0, 32).flush_storage_cache();
        // SAFETY: no storage guard is alive across the call, and a static call changes nothing.
        let answer = unsafe { call.call(strategy, &data) };
        Ok(answer.ok().and_then(|data| data.first_chunk().map(from_bytes)))
    }

    /// Has a strategy do something; whether it did is for the balances to say.
    ///
    /// # Errors
    /// `InsufficientGas`.
    pub(crate) fn act(&self, strategy: Address, selector: [u8; 4], words: &[U256]) -> Result<()> {
        self.require_gas(ACT_GAS)?;
        let data = encode_call(selector, words);
        let call = RawCall::new(self.vm()).gas(ACT_GAS).limit_return_data(0, 0).clear_storage_cache();
        // SAFETY: no storage guard is alive across the call; the cache is emptied, so no stale word survives it.
        drop(unsafe { call.call(strategy, &data) });
        Ok(())
    }

    /// Fails unless a callee can be given all of `gas`: a call gets 63 of 64 parts of what there is at most, and a
    /// strategy that was short of gas through its caller's doing must not count as broken.
    fn require_gas(&self, gas: u64) -> Result<()> {
        let (left, needed) = (self.vm().evm_gas_left(), gas + gas / 32 + MARGIN);
        if left < needed {
            return Err(error!(InsufficientGas, left, needed));
        }
        Ok(())
    }
}
