//! Failures as geth words them: clients compare these texts.

use alloy_primitives::hex;
use alloy_sol_types::{Panic, Revert, SolError};
use revm::interpreter::InstructionResult;

use crate::arbos::precompiles::describe_error;

/// All gas is gone.
pub(super) const OUT_OF_GAS: &str = "out of gas";
/// A revert.
pub(super) const REVERTED: &str = "execution reverted";

/// The text of a failed frame; `None` if it did not fail.
pub(super) fn failure(result: InstructionResult) -> Option<&'static str> {
    use InstructionResult as R;
    Some(match result {
        R::Stop | R::Return | R::SelfDestruct | R::Suspend => return None,
        R::Revert => REVERTED,
        R::CallTooDeep => "max call depth exceeded",
        R::OutOfFunds => "insufficient balance for transfer",
        R::InvalidFEOpcode => "invalid opcode: INVALID",
        R::OpcodeNotFound | R::NotActivated => "invalid opcode",
        R::CallNotAllowedInsideStatic | R::StateChangeDuringStaticCall => "write protection",
        R::InvalidJump => "invalid jump destination",
        R::StackUnderflow => "stack underflow",
        R::StackOverflow => "stack limit reached 1024 (1023)",
        R::OutOfOffset => "return data out of bounds",
        R::CreateCollision => "contract address collision",
        R::NonceOverflow => "nonce uint64 overflow",
        R::CreateContractSizeLimit => "max code size exceeded",
        R::CreateInitCodeSizeLimit => "max initcode size exceeded",
        R::CreateContractStartingWithEF => "invalid code: must not begin with 0xef",
        R::MemoryLimitOOG | R::InvalidOperandOOG => "gas uint64 overflow",
        R::PrecompileError => "precompile failed",
        _ => OUT_OF_GAS,
    })
}

/// The text that a call fails with which reverted: `execution reverted` and, where the data has one, the reason.
pub fn revert_message(data: &[u8]) -> String {
    match describe_error(data).or_else(|| revert_reason(data)) {
        Some(reason) => format!("{REVERTED}: {reason}"),
        None => REVERTED.to_owned(),
    }
}

/// Why something reverted, for people: the reason where the data has one, else selector and data of the error.
pub fn describe_revert(data: &[u8]) -> String {
    if let Some(reason) = describe_error(data).or_else(|| revert_reason(data)) {
        return reason;
    }
    match data.split_first_chunk::<4>() {
        None if data.is_empty() => "without a reason".to_owned(),
        None => hex::encode_prefixed(data),
        Some((selector, [])) => format!("error {}", hex::encode_prefixed(selector)),
        Some((selector, data)) => format!("error {} {}", hex::encode_prefixed(selector), hex::encode_prefixed(data)),
    }
}

/// The text of an `Error(string)` or what a `Panic(uint256)` stands for.
pub(super) fn revert_reason(data: &[u8]) -> Option<String> {
    if let Ok(revert) = Revert::abi_decode(data) {
        return Some(revert.reason);
    }
    let code = Panic::abi_decode(data).ok()?.code;
    Some(match u8::try_from(code).ok().and_then(panic_name) {
        Some(name) => name.to_owned(),
        None => format!("unknown panic code: {code:#x}"),
    })
}

const fn panic_name(code: u8) -> Option<&'static str> {
    Some(match code {
        0x00 => "generic panic",
        0x01 => "assert(false)",
        0x11 => "arithmetic underflow or overflow",
        0x12 => "division or modulo by zero",
        0x21 => "enum overflow",
        0x22 => "invalid encoded storage byte array accessed",
        0x31 => "out-of-bounds array access; popping on an empty array",
        0x32 => "out-of-bounds access of an array or bytesN",
        0x41 => "out of memory",
        0x51 => "uninitialized function",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{U256, hex};

    use super::*;

    #[test]
    fn reverts_tell_their_reason() {
        let text = Revert::from("hello").abi_encode();
        assert_eq!(revert_message(&text), "execution reverted: hello");
        let panic = Panic { code: U256::from(0x11) }.abi_encode();
        assert_eq!(revert_message(&panic), "execution reverted: arithmetic underflow or overflow");
        let panic = Panic { code: U256::from(0x99) }.abi_encode();
        assert_eq!(revert_message(&panic), "execution reverted: unknown panic code: 0x99");
        assert_eq!(revert_message(&hex!("6f809c4e")), "execution reverted: error ProgramNotActivated()");
    }

    #[test]
    fn errors_of_contracts_are_described_by_selector_and_data() {
        assert_eq!(describe_revert(&Revert::from("hello").abi_encode()), "hello");
        assert_eq!(describe_revert(&hex!("aabbccdd")), "error 0xaabbccdd");
        assert_eq!(describe_revert(&hex!("aabbccdd0102")), "error 0xaabbccdd 0x0102");
        assert_eq!(describe_revert(&hex!("aabb")), "0xaabb");
        assert_eq!(describe_revert(&[]), "without a reason");
    }

    #[test]
    fn other_reverts_have_none() {
        for data in [&[][..], &hex!("08c379a0"), &hex!("aabbccdd")] {
            assert_eq!(revert_message(data), "execution reverted");
        }
    }
}
