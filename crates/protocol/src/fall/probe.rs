//! Reads of sources that are trusted with nothing: their gas is counted out, and of their answers no more is read than
//! was asked for.

use alloy_primitives::{Address, U256};
use standards::abi::{encode_call, from_bytes};
use stylus_sdk::{call::RawCall, host::VM, stylus_core::host::MeteringAccess};

use crate::{Result, abi::IFallTrigger::InsufficientGas, error};

/// What a source may use to answer.
pub const LOOK_GAS: u64 = 600_000;

/// What a call itself costs, and what is done with its answer.
const MARGIN: u64 = 20_000;

/// A source's answer of `N` words; `None` where it reverts, answers less or uses more than its gas.
///
/// # Errors
/// `InsufficientGas` where it could not be given all of its gas: what is short of gas through its caller's doing must not
/// count as broken.
pub fn look<const N: usize>(vm: &VM, source: Address, selector: [u8; 4], words: &[U256]) -> Result<Option<[U256; N]>> {
    let mut answer = [U256::ZERO; N];
    Ok(look_into(vm, source, &encode_call(selector, words), &mut answer)?.then_some(answer))
}

/// A source's answer of one word that fits into 128 bits.
///
/// # Errors
/// As [`look`].
pub fn amount(vm: &VM, source: Address, selector: [u8; 4], words: &[U256]) -> Result<Option<u128>> {
    let answer: Option<[U256; 1]> = look(vm, source, selector, words)?;
    Ok(answer.and_then(|[word]| u128::try_from(word).ok()))
}

/// A source's answer of one address.
///
/// # Errors
/// As [`look`].
pub fn address(vm: &VM, source: Address, selector: [u8; 4], words: &[U256]) -> Result<Option<Address>> {
    let answer: Option<[U256; 1]> = look(vm, source, selector, words)?;
    Ok(answer.and_then(|[word]| to_address(word)))
}

/// A word as an address, where it is one.
#[must_use]
pub fn to_address(word: U256) -> Option<Address> {
    (word.bit_len() <= 160).then(|| standards::packed::Packed(word).address(0))
}

#[inline(never)]
fn look_into(vm: &VM, source: Address, data: &[u8], words: &mut [U256]) -> Result<bool> {
    let (left, needed) = (vm.evm_gas_left(), LOOK_GAS + LOOK_GAS / 32 + MARGIN);
    if left < needed {
        return Err(error!(InsufficientGas, left, needed));
    }
    let call = RawCall::new_static(vm).gas(LOOK_GAS).limit_return_data(0, 32 * words.len()).flush_storage_cache();
    // SAFETY: no storage guard is alive across the call, and a static call changes nothing.
    let Ok(answer) = (unsafe { call.call(source, data) }) else { return Ok(false) };
    if answer.len() < 32 * words.len() {
        return Ok(false);
    }
    for (word, bytes) in words.iter_mut().zip(answer.as_chunks().0) {
        *word = from_bytes(bytes);
    }
    Ok(true)
}
