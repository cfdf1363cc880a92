//! Calls to other contracts.
//!
//! [`ask`] reads (STATICCALL), [`tell`] changes (CALL); both pass a callee's revert data on unchanged.
//! Arguments and answers are static words: every interface between the contracts keeps to that.
//! [`token`] holds the calls to ERC-20 tokens, which answer in more ways than the standard allows.

use alloc::vec::Vec;

use alloy_primitives::{Address, U256};
use stylus_sdk::{
    call::RawCall,
    host::VM,
    stylus_core::host::{AccountAccess, StorageAccess},
};

use crate::{
    abi::{Result, Revert, encode_call, from_bytes},
    errors::{AddressEmptyCode, FailedCall, InvalidReturnData},
    packed::Packed,
};

/// What a callee answered: static words.
#[derive(Clone, Debug)]
pub struct Answer {
    from: Address,
    data: Vec<u8>,
}

impl Answer {
    /// An answer made of bytes, for callers that already have them.
    #[must_use]
    pub const fn new(from: Address, data: Vec<u8>) -> Self {
        Self { from, data }
    }

    /// The word at `index`.
    ///
    /// # Errors
    /// `InvalidReturnData` where the callee answered less (an account without code answers nothing).
    #[inline(never)]
    pub fn word(&self, index: usize) -> Result<U256> {
        match self.data.get(32 * index..).and_then(<[u8]>::first_chunk) {
            Some(word) => Ok(from_bytes(word)),
            None => Err(self.invalid()),
        }
    }

    /// The word at `index` as an address; its upper bytes must be zero.
    ///
    /// # Errors
    /// `InvalidReturnData`.
    pub fn address(&self, index: usize) -> Result<Address> {
        let word = self.word(index)?;
        if word.bit_len() > 160 {
            return Err(self.invalid());
        }
        Ok(Packed(word).address(0))
    }

    /// The word at `index` as a `bool`.
    ///
    /// # Errors
    /// `InvalidReturnData` for anything but 0 and 1.
    pub fn bool(&self, index: usize) -> Result<bool> {
        match self.u64(index)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.invalid()),
        }
    }

    /// The word at `index` as a `u64`.
    ///
    /// # Errors
    /// `InvalidReturnData` where it is larger.
    pub fn u64(&self, index: usize) -> Result<u64> {
        u64::try_from(self.word(index)?).map_err(|_| self.invalid())
    }

    /// The word at `index` as a `u128`.
    ///
    /// # Errors
    /// `InvalidReturnData` where it is larger.
    pub fn u128(&self, index: usize) -> Result<u128> {
        u128::try_from(self.word(index)?).map_err(|_| self.invalid())
    }

    /// The dynamic `bytes` (or `string`) whose offset is the word at `index`.
    ///
    /// # Errors
    /// `InvalidReturnData` where offset or length point outside of what the callee answered.
    pub fn bytes(&self, index: usize) -> Result<&[u8]> {
        let offset = usize::try_from(self.word(index)?).map_err(|_| self.invalid())?;
        let tail = self.data.get(offset..).unwrap_or_default();
        let (len, bytes) = tail.split_first_chunk().ok_or_else(|| self.invalid())?;
        let len = usize::try_from(from_bytes(len)).map_err(|_| self.invalid())?;
        bytes.get(..len).ok_or_else(|| self.invalid())
    }

    /// The raw bytes.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    fn invalid(&self) -> Revert {
        crate::error!(InvalidReturnData, self.from)
    }
}

/// Reads from `to`: a STATICCALL of `selector` with static `words`.
///
/// # Errors
/// What the callee reverted with.
#[inline(never)]
pub fn ask(vm: &VM, to: Address, selector: [u8; 4], words: &[U256]) -> Result<Answer> {
    ask_raw(vm, to, &encode_call(selector, words))
}

/// Reads from `to` with call data that is encoded already.
///
/// # Errors
/// What the callee reverted with.
#[inline(never)]
pub fn ask_raw(vm: &VM, to: Address, calldata: &[u8]) -> Result<Answer> {
    // A read may look at this contract's own storage (a call-back), so what was written must be flushed.
    // SAFETY: no storage guard is alive across the call, since guards borrow `self` and this takes the VM only.
    let result = unsafe { RawCall::new_static(vm).flush_storage_cache().call(to, calldata) };
    match result {
        Ok(data) => Ok(Answer { from: to, data }),
        Err(data) => Err(Revert::raw(data)),
    }
}

/// Reads from `to` like [`ask`], but a failure (revert, no code, too short an answer) is `None`.
///
/// For sources that may be broken without that being the caller's error.
#[inline(never)]
pub fn try_ask(vm: &VM, to: Address, selector: [u8; 4], words: &[U256], answers: usize) -> Option<Answer> {
    let answer = ask(vm, to, selector, words).ok()?;
    (answer.data.len() >= 32 * answers).then_some(answer)
}

/// Changes `to`: a CALL of `selector` with static `words`, no value. The storage cache is flushed and
/// emptied first, so that what a re-entering callee changed is read afresh.
///
/// # Errors
/// What the callee reverted with.
#[inline(never)]
pub fn tell(vm: &VM, to: Address, selector: [u8; 4], words: &[U256]) -> Result<Answer> {
    tell_raw(vm, to, &encode_call(selector, words))
}

/// Changes `to` with call data that is encoded already.
///
/// # Errors
/// What the callee reverted with.
#[inline(never)]
pub fn tell_raw(vm: &VM, to: Address, calldata: &[u8]) -> Result<Answer> {
    // SAFETY: as in `ask_raw`; the cache is emptied, so no stale word survives the call.
    let result = unsafe { RawCall::new(vm).clear_storage_cache().call(to, calldata) };
    match result {
        Ok(data) => Ok(Answer { from: to, data }),
        Err(data) => Err(Revert::raw(data)),
    }
}

/// Calls `to` with `value` of this contract's ether and any call data; flushes and empties the storage cache first,
/// as [`tell`] does.
///
/// # Errors
/// What the callee reverted with; `FailedCall` where it did not say.
#[inline(never)]
pub fn tell_value(vm: &VM, to: Address, value: U256, calldata: &[u8]) -> Result<Answer> {
    // SAFETY: as in `tell_raw`.
    let result = unsafe { RawCall::new_with_value(vm, value).clear_storage_cache().call(to, calldata) };
    match result {
        Ok(data) => Ok(Answer { from: to, data }),
        Err(data) if data.is_empty() => Err(crate::error!(FailedCall)),
        Err(data) => Err(Revert::raw(data)),
    }
}

/// Runs the code of `program` on this contract's storage (DELEGATECALL), for contracts in two programs.
///
/// # Errors
/// What it reverted with.
pub fn delegate(vm: &VM, program: Address, calldata: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
    // SAFETY: `program` is the second half of the same contract, with the same storage struct; the cache is
    // emptied before and nothing is read from it after the call.
    unsafe { RawCall::new_delegate(vm).clear_storage_cache().call(program, calldata) }
}

/// Writes all changed words to storage, as a program must before it makes a raw call of its own.
pub fn flush(vm: &VM) {
    vm.flush_cache(true);
}

/// Calls to ERC-20 tokens.
pub mod token {
    use alloy_sol_types::{SolCall, sol};

    use super::{AccountAccess, Address, Result, Revert, U256, VM, ask, tell};
    use crate::{
        abi::Word,
        errors::{AddressEmptyCode, SafeERC20FailedOperation},
    };

    sol! {
        interface Erc20 {
            function balanceOf(address account) external view returns (uint256);
            function transfer(address to, uint256 value) external returns (bool);
            function transferFrom(address from, address to, uint256 value) external returns (bool);
            function approve(address spender, uint256 value) external returns (bool);
            function decimals() external view returns (uint8);
        }
    }

    /// The balance of `account` in `token`.
    ///
    /// # Errors
    /// `InvalidReturnData`, or what the token reverted with.
    pub fn balance_of(vm: &VM, token: Address, account: Address) -> Result<U256> {
        ask(vm, token, Erc20::balanceOfCall::SELECTOR, &[account.word()])?.word(0)
    }

    /// Sends `value` of `token` to `to`. A token that answers nothing is accepted, as USDT does.
    ///
    /// # Errors
    /// `SafeERC20FailedOperation` where it answers anything but true; `AddressEmptyCode` where nothing is there.
    pub fn transfer(vm: &VM, token: Address, to: Address, value: U256) -> Result<()> {
        checked(vm, token, Erc20::transferCall::SELECTOR, &[to.word(), value])
    }

    /// Takes `value` of `token` from `from` to `to`, by the allowance given to this contract.
    ///
    /// # Errors
    /// As [`transfer`].
    pub fn transfer_from(vm: &VM, token: Address, from: Address, to: Address, value: U256) -> Result<()> {
        checked(vm, token, Erc20::transferFromCall::SELECTOR, &[from.word(), to.word(), value])
    }

    #[inline(never)]
    fn checked(vm: &VM, token: Address, selector: [u8; 4], words: &[U256]) -> Result<()> {
        let failed = || -> Revert { crate::error!(SafeERC20FailedOperation, token) };
        let answer = tell(vm, token, selector, words)?;
        if answer.data().is_empty() {
            if vm.code_size(token) == 0 {
                return Err(crate::error!(AddressEmptyCode, token));
            }
            return Ok(());
        }
        match answer.bool(0) {
            Ok(true) => Ok(()),
            _ => Err(failed()),
        }
    }
}

/// Fails where no contract is deployed at `target`.
///
/// # Errors
/// `AddressEmptyCode`.
pub fn require_code(vm: &VM, target: Address) -> Result<()> {
    if vm.code_size(target) == 0 {
        return Err(crate::error!(AddressEmptyCode, target));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(words: &[u64], tail: &[u8]) -> Answer {
        let mut data = encode_call([0; 4], &words.iter().copied().map(U256::from).collect::<Vec<_>>())[4..].to_vec();
        data.extend_from_slice(tail);
        Answer::new(Address::ZERO, data)
    }

    #[test]
    fn bytes_are_read_where_their_offset_points() {
        assert_eq!(answer(&[64, 7, 3], b"abc").bytes(0).unwrap(), b"abc");
        assert_eq!(answer(&[32, 0], b"").bytes(0).unwrap(), b"");
    }

    #[test]
    fn bytes_outside_of_the_answer_are_refused() {
        assert!(answer(&[64, 7, 4], b"abc").bytes(0).is_err(), "one byte too few");
        assert!(answer(&[96, 7, 3], b"abc").bytes(0).is_err(), "no room for the length");
        assert!(answer(&[u64::MAX, 0], b"").bytes(0).is_err(), "an offset far outside");
        assert!(answer(&[32, u64::MAX], b"").bytes(0).is_err(), "a length far too large");
        assert!(answer(&[], b"").bytes(0).is_err(), "nothing at all");
        let wrapping = U256::from(usize::MAX - 31);
        let data = wrapping.to_be_bytes::<32>().to_vec();
        assert!(Answer::new(Address::ZERO, data).bytes(0).is_err(), "an offset whose end wraps");
    }
}
