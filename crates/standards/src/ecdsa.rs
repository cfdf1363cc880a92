//! Signatures: who signed a digest (the ecrecover precompile), and whether an account, which may be a contract
//! (ERC-1271), stands by a signature.

use alloy_primitives::{Address, B256, U256, uint};
use alloy_sol_types::{SolCall, sol};
use stylus_sdk::{call::RawCall, host::VM, stylus_core::host::AccountAccess};

use crate::{
    abi::{Result, Word},
    call, error,
    errors::{ECDSAInvalidSignature, ECDSAInvalidSignatureS},
};

/// Half of the curve's order: of the two `s` that fit a signature only the one that is not above it is taken, so
/// that nobody can make a second signature out of a first one.
pub const MAX_S: U256 = uint!(0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0_U256);

/// The precompile that recovers a signer.
const ECRECOVER: Address = Address::with_last_byte(1);

sol! {
    interface IERC1271 {
        function isValidSignature(bytes32 hash, bytes signature) external view returns (bytes4);
    }
}

/// Who signed `hash`; never the zero address.
///
/// # Errors
/// `ECDSAInvalidSignatureS` where `s` is in the upper half, `ECDSAInvalidSignature` where nobody did.
#[inline(never)]
pub fn recover(vm: &VM, hash: B256, v: u8, r: B256, s: B256) -> Result<Address> {
    if s.word() > MAX_S {
        return Err(error!(ECDSAInvalidSignatureS, s));
    }
    let mut input = [0; 128];
    input[..32].copy_from_slice(hash.as_slice());
    input[63] = v;
    input[64..96].copy_from_slice(r.as_slice());
    input[96..].copy_from_slice(s.as_slice());
    // SAFETY: a precompile reads no storage, so nothing has to be flushed before it.
    let answer = unsafe { RawCall::new_static(vm).call(ECRECOVER, &input) };
    match answer {
        Ok(word) if word.len() == 32 && word != [0; 32] => Ok(Address::from_slice(&word[12..])),
        _ => Err(error!(ECDSAInvalidSignature)),
    }
}

/// Whether `signer` stands by `signature` of `hash`: an account by its key (65 bytes, r ‖ s ‖ v), a contract by
/// its `isValidSignature` (ERC-1271).
#[must_use]
pub fn is_valid_signature_now(vm: &VM, signer: Address, hash: B256, signature: &[u8]) -> bool {
    if vm.code_size(signer) == 0 {
        return match signature {
            [rs @ .., v] if rs.len() == 64 => {
                recover(vm, hash, *v, B256::from_slice(&rs[..32]), B256::from_slice(&rs[32..]))
                    .is_ok_and(|account| account == signer)
            }
            _ => false,
        };
    }
    let selector = IERC1271::isValidSignatureCall::SELECTOR;
    let mut answer = [0; 32];
    answer[..4].copy_from_slice(&selector);
    call::ask_raw(vm, signer, &encode_question(hash, signature))
        .and_then(|given| given.word(0))
        .is_ok_and(|word| word == U256::from_be_bytes(answer))
}

fn encode_question(hash: B256, signature: &[u8]) -> alloc::vec::Vec<u8> {
    let words = [hash.word(), U256::from(64), U256::from(signature.len())];
    let mut data = crate::abi::encode_call(IERC1271::isValidSignatureCall::SELECTOR, &words);
    data.extend_from_slice(signature);
    data.resize(100 + signature.len().next_multiple_of(32), 0);
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_to_a_contract_is_encoded_as_solidity_would() {
        for len in [0, 1, 32, 65] {
            let (hash, signature) = (B256::repeat_byte(7), alloc::vec![0xab; len]);
            let call = IERC1271::isValidSignatureCall { hash, signature: signature.clone().into() };
            assert_eq!(encode_question(hash, &signature), call.abi_encode());
        }
    }
}
