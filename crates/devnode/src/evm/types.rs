//! What goes into an execution and what comes out of it.

use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_eips::eip7702::RecoveredAuthorization;
use alloy_primitives::{Address, B256, Bytes, Log, U256};
use revm::state::EvmState;

use super::steps::{Step, StepOptions};
use super::trace::{CallFrame, TraceTooLarge};
use crate::wasm::HostioTrace;

/// The block that a transaction or call runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockContext {
    /// Number of the L2 block (`ArbSys.arbBlockNumber`; the `NUMBER` opcode answers [`Self::l1_number`]).
    pub number: u64,
    /// Number of the L1 block that ArbOS knows: what `NUMBER` and the host function `block_number` tell.
    pub l1_number: u64,
    /// Seconds since 1970.
    pub timestamp: u64,
    /// Base fee in wei.
    pub basefee: u64,
    /// The batch poster's address.
    pub coinbase: Address,
    /// Gas limit of the block as contracts see it (2^50 on Arbitrum).
    pub gas_limit: u64,
    /// Chain id.
    pub chain_id: u64,
}

impl BlockContext {
    /// Gas limit of every block on Arbitrum.
    pub const GAS_LIMIT: u64 = 1 << 50;
    /// The sequencer's batch poster: `COINBASE` of ordinary transactions.
    pub const COINBASE: Address = alloy_primitives::address!("a4b000000000000000000073657175656e636572");
}

impl Default for BlockContext {
    fn default() -> Self {
        Self {
            number: 0,
            l1_number: 0,
            timestamp: 0,
            basefee: 100_000_000,
            coinbase: Self::COINBASE,
            gas_limit: Self::GAS_LIMIT,
            chain_id: 412_346,
        }
    }
}

/// A transaction (or a call in the shape of one) whose signature has been checked already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TxRequest {
    /// The sender.
    pub from: Address,
    /// The recipient; none creates a contract.
    pub to: Option<Address>,
    /// Gas limit of the whole transaction.
    pub gas_limit: u64,
    /// Gas price (kinds 0 and 1) or the most paid for a unit of gas (kinds 2 and 4), in wei.
    pub max_fee: u128,
    /// Tip in wei for a unit of gas. Arbitrum drops it; it is checked against [`Self::max_fee`] only.
    pub priority_fee: u128,
    /// Wei sent along.
    pub value: U256,
    /// Calldata or init code.
    pub data: Bytes,
    /// Nonce. A transaction must have one; a call may leave it open.
    pub nonce: Option<u64>,
    /// Addresses and slots that are warm from the start (EIP-2930); empty for kind 0.
    pub access_list: Vec<(Address, Vec<B256>)>,
    /// Delegations that accounts have signed (EIP-7702), each with its signer; empty but for kind 4.
    pub authorizations: Vec<RecoveredAuthorization>,
    /// Transaction type: 0 (legacy), 1 (EIP-2930), 2 (EIP-1559), 4 (EIP-7702).
    pub kind: u8,
    /// Nobody signed it: the sender may be a contract.
    pub impersonated: bool,
    /// Programs that ran before it in its block, the latest last: where the rules say so, they cost what cached ones do.
    pub recent_programs: Vec<B256>,
    /// What of it is paid for on L1, where the chain has a price for that.
    pub l1_data: L1Data,
}

/// What of a transaction is paid for on L1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum L1Data {
    /// Nobody has signed it yet: a little more than it will be.
    #[default]
    Unsigned,
    /// The encoded transaction.
    Signed(Bytes),
    /// Nothing: it is ArbOS's own.
    None,
}

/// Addresses with their slots, as transactions hold them (EIP-2930).
pub(crate) fn access_list(items: impl IntoIterator<Item = (Address, Vec<B256>)>) -> AccessList {
    let item = |(address, storage_keys)| AccessListItem { address, storage_keys };
    AccessList(items.into_iter().map(item).collect())
}

/// Whether an execution is meant to be mined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// A signed transaction: nonce, fee and balance are checked, fees are paid.
    #[default]
    Transaction,
    /// `eth_call` and `eth_estimateGas`: no nonce check, senders may be contracts; without a gas price the base fee is 0.
    Call,
}

/// How to execute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Transaction or call.
    pub mode: Mode,
    /// Record each host I/O of every program ([`Execution::host_trace`]).
    pub trace_host_io: bool,
    /// Record the tree of calls ([`Execution::call_trace`]).
    pub trace_calls: bool,
    /// Record each opcode ([`Execution::steps`]).
    pub trace_steps: Option<StepOptions>,
}

impl Options {
    /// A mined transaction without traces.
    pub const TRANSACTION: Self =
        Self { mode: Mode::Transaction, trace_host_io: false, trace_calls: false, trace_steps: None };
    /// A call without traces.
    pub const CALL: Self = Self { mode: Mode::Call, trace_host_io: false, trace_calls: false, trace_steps: None };
}

/// How the outermost frame ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// It returned.
    #[default]
    Success,
    /// It reverted: unused gas is kept, [`Execution::output`] holds the reason.
    Revert,
    /// It failed with all its gas; the text is geth's (`out of gas`, `invalid opcode: INVALID`, …).
    Halt(String),
}

/// Result of an execution. Nothing is stored: the caller commits [`Self::state`] if it is to last.
#[derive(Clone, Debug, Default)]
pub struct Execution {
    /// How it ended.
    pub status: Status,
    /// Gas paid for, refunds taken off.
    pub gas_used: u64,
    /// Refund that was granted (at most a fifth of what was spent).
    pub gas_refunded: u64,
    /// Part of [`Self::gas_used`] that pays for L1 data.
    pub gas_used_for_l1: u64,
    /// Return data, revert data or, after a creation, the code of the new contract.
    pub output: Bytes,
    /// Address of the created contract.
    pub created: Option<Address>,
    /// Logs in their order; empty unless the status is success.
    pub logs: Vec<Log>,
    /// Changed accounts and slots.
    pub state: EvmState,
    /// Host I/Os of the outermost program, nested for the programs that it called.
    pub host_trace: Option<HostioTrace>,
    /// The call tree.
    pub call_trace: Option<CallFrame>,
    /// Each opcode.
    pub steps: Option<Vec<Step>>,
    /// Set when a record did not fit: then it is cut, and must not be told.
    pub trace_error: Option<TraceTooLarge>,
    /// Gas of the transaction itself, before any code runs.
    pub intrinsic_gas: u64,
    /// Gas that the outermost frame got.
    pub frame_gas: u64,
    /// What programs and contracts wrote to the console, line by line.
    pub console: Vec<String>,
    /// Whether ArbOS was asked for the number of the L1 block: by an opcode, or because a program began to run.
    pub read_l1_number: bool,
    /// [`TxRequest::recent_programs`] of the next one in the block.
    pub recent_programs: Vec<B256>,
}

impl Execution {
    /// Whether the outermost frame returned.
    pub fn is_success(&self) -> bool {
        self.status == Status::Success
    }
}

/// Why a transaction or call was not executed at all. The texts are geth's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TxError {
    /// The nonce was used already.
    #[error("nonce too low: address {address}, tx: {tx} state: {state}")]
    NonceTooLow {
        /// The sender.
        address: Address,
        /// Nonce of the transaction.
        tx: u64,
        /// Nonce of the account.
        state: u64,
    },
    /// Transactions before this one are missing.
    #[error("nonce too high: address {address}, tx: {tx} state: {state}")]
    NonceTooHigh {
        /// The sender.
        address: Address,
        /// Nonce of the transaction.
        tx: u64,
        /// Nonce of the account.
        state: u64,
    },
    /// The account's nonce cannot grow any more.
    #[error("nonce has max value: address {address}, nonce: {nonce}")]
    NonceMax {
        /// The sender.
        address: Address,
        /// Its nonce.
        nonce: u64,
    },
    /// The sender has code (EIP-3607).
    #[error("sender not an eoa: address {address}, len(code): {length}")]
    SenderNotEoa {
        /// The sender.
        address: Address,
        /// Bytes of its code.
        length: usize,
    },
    /// The fee cap does not reach the base fee.
    #[error(
        "max fee per gas less than block base fee: address {address}, maxFeePerGas: {max_fee}, baseFee: {base_fee}"
    )]
    FeeCapTooLow {
        /// The sender.
        address: Address,
        /// What it would pay.
        max_fee: u128,
        /// What it must pay.
        base_fee: u64,
    },
    /// The tip is above the fee cap.
    #[error(
        "max priority fee per gas higher than max fee per gas: address {address}, maxPriorityFeePerGas: {tip}, maxFeePerGas: {max_fee}"
    )]
    TipAboveFeeCap {
        /// The sender.
        address: Address,
        /// The tip.
        tip: u128,
        /// The fee cap.
        max_fee: u128,
    },
    /// A transaction of type 4 without any authorisation.
    #[error("EIP-7702 transaction with empty auth list (sender {address})")]
    NoAuthorizations {
        /// The sender.
        address: Address,
    },
    /// A transaction of type 4 without a recipient.
    #[error("EIP-7702 transaction cannot be used to create contract (sender {address})")]
    AuthorizedCreation {
        /// The sender.
        address: Address,
    },
    /// The balance does not cover gas limit × fee cap + value.
    #[error("insufficient funds for gas * price + value: address {address} have {have} want {want}")]
    InsufficientFunds {
        /// The sender.
        address: Address,
        /// Its balance.
        have: U256,
        /// What it would need (saturated).
        want: U256,
    },
    /// The gas limit does not pay for the transaction itself.
    #[error("intrinsic gas too low: have {have}, want {want}")]
    IntrinsicGasTooLow {
        /// Gas limit.
        have: u64,
        /// Intrinsic gas.
        want: u64,
    },
    /// Init code above 49,152 bytes (EIP-3860).
    #[error("max initcode size exceeded: code size {size} limit {limit}")]
    InitCodeTooLarge {
        /// Bytes of the init code.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A transaction type that Arbitrum does not know.
    #[error("transaction type not supported")]
    UnsupportedType(u8),
    /// The node itself failed; nothing was executed.
    #[error("{0}")]
    Internal(String),
}
