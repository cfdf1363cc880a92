//! The record of calls that `callTracer` tells. Host calls of programs are in [`crate::wasm::HostioTrace`].

use alloy_primitives::{Address, Bytes, Log, U256};

/// One call, creation or self-destruction and all calls that it made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFrame {
    /// Opcode by which it began: `CALL`, `STATICCALL`, `DELEGATECALL`, `CALLCODE`, `CREATE`, `CREATE2`, `SELFDESTRUCT`.
    pub kind: &'static str,
    /// Caller.
    pub from: Address,
    /// Callee or, if it came to be, the created contract.
    pub to: Option<Address>,
    /// Wei sent along; none for static calls.
    pub value: Option<U256>,
    /// Gas given to the frame.
    pub gas: u64,
    /// Gas that it used.
    pub gas_used: u64,
    /// Calldata or init code.
    pub input: Bytes,
    /// Return or revert data, or the code of the created contract.
    pub output: Bytes,
    /// Why it failed, as geth words it (`execution reverted`, `out of gas`, …).
    pub error: Option<String>,
    /// The text of a Solidity `Error(string)` or the name of a `Panic`.
    pub revert_reason: Option<String>,
    /// Logs of this frame alone; without those of failed frames.
    pub logs: Vec<Log>,
    /// Calls made, in order.
    pub calls: Vec<CallFrame>,
}
