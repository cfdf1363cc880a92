//! Stylus programs: what the chain accepts, what it charges, and how it runs them.
//!
//! The path of a program is [`decompress`] → [`activate`] (once, stored by ArbOS) → [`compile`] (cached by the caller
//! per code hash) → [`Invocation::run`] (each call). The EVM is behind the [`Host`] trait; everything a program can observe
//! (ink, memory rules, the storage cache, the order of charges) is decided in this module.
//!
//! | file | holds |
//! |---|---|
//! | [`prices`] | every number: opcode and host-call prices, the page model, call and activation costs |
//! | `validate` | which modules are accepted, and the texts of refusals |
//! | `instrument` | the passes that make a module meter itself |
//! | [`activation`] | activation: estimates, statistics, gas |
//! | `engine` | what runs programs, behind a small surface: the interpreter, and with the feature `jit` a compiler |
//! | `host` | the `vm_hooks` functions |
//! | `cache` | the storage cache of one invocation |
//! | [`trace`] | the record that `stylusTracer` tells |

pub mod activation;
mod cache;
pub mod code;
mod engine;
mod host;
mod instrument;
pub mod prices;
pub mod trace;
mod validate;

use alloy_primitives::{Address, B256, Bytes, U256};

use crate::rules::Rules;

pub use activation::{Activation, ActivationError, activate};
pub use code::{ProgramCode, UnpackError, decompress};
pub use engine::{Engine, Module, NoEngine, compile, compile_for, instrumented};
pub use prices::{Pages, StylusParams};
pub use trace::HostioTrace;

/// A failure of the node itself (its database); it aborts the transaction and is never seen by contracts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fatal(pub String);

/// Why a [`Host`] operation did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The operation is not allowed here (write protection, no gas for a create): the program fails, which is a
    /// revert without data that keeps the remaining gas.
    #[error("{0}")]
    Refused(&'static str),
    /// The node failed.
    #[error(transparent)]
    Fatal(#[from] Fatal),
}

/// A value read from an account or a slot, and whether this was the transaction's first touch of it (EIP-2929).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded<T> {
    /// What was read.
    pub value: T,
    /// The account or slot was cold before this read; it is warm now.
    pub cold: bool,
}

/// What a storage write met; decides its gas and refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageWrite {
    /// The slot was cold before this write; it is warm now.
    pub cold: bool,
    /// Value at the start of the transaction.
    pub original: U256,
    /// Value before this write.
    pub present: U256,
    /// Value after this write.
    pub new: U256,
}

/// How a program calls another account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// `call_contract`
    Call,
    /// `delegate_call_contract`: code of the target, storage, caller and value of this frame.
    Delegate,
    /// `static_call_contract`
    Static,
}

/// A call that a program asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRequest {
    /// How the target is called.
    pub kind: CallKind,
    /// Account whose code runs.
    pub target: Address,
    /// Wei sent along; zero unless `kind` is [`CallKind::Call`].
    pub value: U256,
    /// Calldata.
    pub input: Bytes,
    /// Gas that the program has left.
    pub gas_left: u64,
    /// Gas that the program wants to forward, at most `gas_left`.
    pub gas_requested: u64,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallOutcome {
    /// The callee succeeded.
    pub success: bool,
    /// Gas that the caller pays: the base cost and what the callee used, the stipend not given back. At most
    /// `gas_left`; equal to it when the base cost could not be paid.
    pub cost: u64,
    /// Return data: of a success or a revert; empty after any other failure.
    pub output: Bytes,
}

/// A contract creation that a program asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateRequest {
    /// Init code.
    pub code: Bytes,
    /// Wei sent along.
    pub value: U256,
    /// `Some` for `create2`.
    pub salt: Option<B256>,
    /// Gas that the program has left.
    pub gas_left: u64,
}

/// What came of a creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateOutcome {
    /// The new contract, or `None` when there is none.
    pub address: Option<Address>,
    /// Gas that the caller pays.
    pub cost: u64,
    /// Return data: only of a creation that reverted.
    pub output: Bytes,
}

/// What a program can ask about the frame, transaction and block it runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Base fee of the block (zero in calls without a gas price).
    pub block_basefee: U256,
    /// Fee recipient of the block: the batch poster.
    pub block_coinbase: Address,
    /// Gas limit of the block.
    pub block_gas_limit: u64,
    /// L1 block number that ArbOS knows, as the `NUMBER` opcode answers.
    pub block_number: u64,
    /// Timestamp of the block.
    pub block_timestamp: u64,
    /// Chain id.
    pub chain_id: u64,
    /// Acting account: whose storage and balance are used.
    pub contract_address: Address,
    /// Caller of the frame.
    pub msg_sender: Address,
    /// Value of the frame.
    pub msg_value: U256,
    /// Price that the transaction pays for gas.
    pub tx_gas_price: U256,
    /// Sender of the transaction.
    pub tx_origin: Address,
    /// The acting account has another open frame that is no delegate call.
    pub reentrant: bool,
    /// The frame may not change state.
    pub is_static: bool,
    /// Longest code that an account may carry; scales the price of reading code.
    pub max_code_size: u64,
}

/// The state and the EVM under a program. One value serves one frame; nested frames get their own.
///
/// Reads and writes only act and tell facts: gas is charged by the caller of the trait, except for calls and creates,
/// whose outcome carries its cost.
pub trait Host {
    /// Reads a slot of the acting account and warms it.
    fn sload(&mut self, key: U256) -> Result<Loaded<U256>, Fatal>;
    /// Writes a slot of the acting account and warms it. Never called in a static frame.
    fn sstore(&mut self, key: U256, value: U256) -> Result<StorageWrite, Fatal>;
    /// Adds to (or takes from) the refund counter of this frame.
    fn refund(&mut self, delta: i64);
    /// Reads a transient slot of the acting account.
    fn tload(&mut self, key: U256) -> U256;
    /// Writes a transient slot of the acting account. Never called in a static frame.
    fn tstore(&mut self, key: U256, value: U256);
    /// Calls an account and returns when the callee has ended. The cost follows the rules of programs: base cost
    /// (2,600 cold or 100 warm, 9,000 for value, 25,000 for value to an empty account), 63/64 of the rest at most,
    /// a stipend of 2,300 that is not netted. Value in a static frame is answered as a failure that costs nothing.
    fn call(&mut self, request: CallRequest) -> Result<CallOutcome, Fatal>;
    /// Creates a contract: base cost 32,000 and 6 a word of init code for `create2`, 1/64 of the rest kept back.
    /// A static frame or too little gas for the base cost is [`HostError::Refused`].
    fn create(&mut self, request: CreateRequest) -> Result<CreateOutcome, HostError>;
    /// Emits a log of the acting account. Never called in a static frame.
    fn log(&mut self, topics: Vec<B256>, data: Bytes) -> Result<(), Fatal>;
    /// Balance of an account, which it warms.
    fn balance(&mut self, address: Address) -> Result<Loaded<U256>, Fatal>;
    /// Code of an account, which it warms: a program's as it is stored, with its prefix.
    fn code(&mut self, address: Address) -> Result<Loaded<Bytes>, Fatal>;
    /// Code hash of an account, which it warms: zero when the account does not exist.
    fn code_hash(&mut self, address: Address) -> Result<Loaded<B256>, Fatal>;
    /// Memory pages of the transaction: not rolled back by reverts.
    fn pages(&mut self) -> &mut Pages;
    /// Where host calls are recorded, if somebody listens.
    fn trace(&mut self) -> Option<&mut HostioTrace>;
    /// A line that a program writes to the console (development chains only).
    fn console(&mut self, _line: &str) {}
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Status 0.
    Success,
    /// Another status: a revert with the program's result.
    Revert,
    /// A trap or a refused host call: a revert without data that keeps the gas. The text is for people.
    Failure(String),
    /// The ink, or the gas for starting or for the result's length, ran out: all gas is gone.
    OutOfInk,
    /// The program's own stack budget ran out: the depth error of the EVM, all gas is gone.
    OutOfStack,
}

/// What came of running a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub exit: Exit,
    /// Result of a success or a revert, else empty.
    pub output: Bytes,
    /// Gas that is left; zero when it ran out.
    pub gas_left: u64,
}

/// What ArbOS stores about an activated program, as far as a call needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramCosts {
    /// Stylus version of the activation.
    pub version: u16,
    /// Cost of a call when it is not cached, in the units of [`prices::init_gas`].
    pub init: u16,
    /// Cost of a call when it is cached, in the units of [`prices::cached_gas`].
    pub cached: u16,
    /// Pages of memory at the start.
    pub footprint: u16,
    /// The program is in the cache (`ArbWasmCache`, or it ran in this block where that counts).
    pub is_cached: bool,
}

/// One call of a program.
#[derive(Clone, Copy, Debug)]
pub struct Invocation<'a> {
    /// The program, compiled.
    pub module: &'a Module,
    /// Rules of the chain.
    pub rules: &'a Rules,
    /// ArbOS's parameters of programs.
    pub params: &'a StylusParams,
    /// What ArbOS stores about the program.
    pub costs: ProgramCosts,
    /// Frame, transaction and block.
    pub env: &'a Environment,
    /// Calldata.
    pub calldata: &'a [u8],
    /// Gas of the frame; the cost of starting is taken from it.
    pub gas: u64,
}

impl Invocation<'_> {
    /// Charges the start (pages, cached or init cost), runs the program and settles its gas.
    ///
    /// # Errors
    ///
    /// Only when the node itself fails; whatever the program does is an [`Outcome`].
    pub fn run(self, host: &mut dyn Host) -> Result<Outcome, Fatal> {
        engine::run(self, host)
    }
}
