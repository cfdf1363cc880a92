//! The precompiles of ArbOS: contracts at fixed addresses that read and write the chain's own state.
//!
//! Gas of a call: 3 a word of arguments, 800 to open the state (unless the method is pure), what the method burns, 3 a word
//! of the result. The state's slots cost 800 to read, 20,000 to write (5,000 if the new value is zero). How calls end:
//! `Fail`.

mod arb_debug;
mod arb_gas_info;
mod arb_info;
mod arb_owner;
mod arb_sys;
mod arb_wasm;
mod arb_wasm_cache;
pub(crate) mod errors;
mod interfaces;
#[cfg(test)]
mod tests;

use std::convert::Infallible;

use alloy_primitives::{Address, B256, Bytes, Log, LogData, U256, address};
use alloy_sol_types::{SolError, SolEvent, SolInterface, SolValue};

use super::state::{self, AddressSet, space};
use super::storage::Slots;
use crate::evm::BlockContext;
use crate::rules::Rules;
use crate::wasm::StylusParams;

pub(crate) use arb_wasm::check_active;
pub use errors::describe as describe_error;
pub(crate) use interfaces::*;

/// `ArbSys`.
pub const ARB_SYS: Address = address!("0000000000000000000000000000000000000064");
/// `ArbInfo`.
pub const ARB_INFO: Address = address!("0000000000000000000000000000000000000065");
/// `ArbOwnerPublic`.
pub const ARB_OWNER_PUBLIC: Address = address!("000000000000000000000000000000000000006b");
/// `ArbGasInfo`.
pub const ARB_GAS_INFO: Address = address!("000000000000000000000000000000000000006c");
/// `ArbStatistics`.
pub const ARB_STATISTICS: Address = address!("000000000000000000000000000000000000006f");
/// `ArbOwner`.
pub const ARB_OWNER: Address = address!("0000000000000000000000000000000000000070");
/// `ArbWasm`.
pub const ARB_WASM: Address = address!("0000000000000000000000000000000000000071");
/// `ArbWasmCache`.
pub const ARB_WASM_CACHE: Address = address!("0000000000000000000000000000000000000072");
/// `ArbDebug`, on development chains.
pub const ARB_DEBUG: Address = address!("00000000000000000000000000000000000000ff");
/// `NodeInterface`: answered by the node in calls and estimates, no account on chain.
pub const NODE_INTERFACE: Address = address!("00000000000000000000000000000000000000c8");

/// Last bytes of the addresses that have precompiles under all rules of this node: `ArbSys` to `ArbNativeTokenManager`.
const FIRST: u8 = 0x64;
const LAST: u8 = 0x73;
/// `ArbFilteredTransactionsManager`, from ArbOS 60 on.
const FILTER_MANAGER: u8 = 0x74;

/// Addresses of all precompiles of ArbOS. Those without methods here revert whatever they are asked.
pub fn addresses(rules: &Rules) -> impl Iterator<Item = Address> {
    (FIRST..=LAST)
        .chain(rules.fragments.then_some(FILTER_MANAGER))
        .map(Address::with_last_byte)
        .chain(rules.debug.then_some(ARB_DEBUG))
}

/// How a precompile's call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fail {
    /// A revert without data that takes all gas: unknown method, bad arguments, value to a method that takes none, a
    /// write where none is allowed, too little gas.
    All,
    /// A revert with a Solidity error; unused gas is kept.
    Solidity(Vec<u8>),
    /// A revert without data; unused gas is kept.
    Plain,
    /// An error that is no revert; all gas is gone.
    Error(String),
}

impl<E: SolError> From<E> for Fail {
    fn from(error: E) -> Self {
        Self::Solidity(error.abi_encode())
    }
}

pub(crate) type Answer = Result<Vec<u8>, Fail>;

/// What a precompile sees of the chain beyond its own arguments.
pub(crate) trait World: Slots<Error = Infallible> {
    /// Rules of the chain.
    fn rules(&self) -> &Rules;
    /// The block.
    fn block(&self) -> &BlockContext;
    /// Wei that the transaction pays for its data on L1.
    fn l1_fee(&self) -> U256;
    /// Hash of an L2 block.
    fn block_hash(&mut self, number: u64) -> B256;
    /// Balance of an account.
    fn balance(&mut self, address: Address) -> U256;
    /// Code of an account.
    fn code(&mut self, address: Address) -> Bytes;
    /// Code hash of an account; zero if it does not exist.
    fn code_hash(&mut self, address: Address) -> B256;
    /// Moves wei; false if there are too few.
    fn transfer(&mut self, from: Address, to: Address, amount: U256) -> bool;
    /// Destroys wei of an account; false if there are too few.
    fn burn(&mut self, from: Address, amount: U256) -> bool;
    /// Emits a log.
    fn log(&mut self, log: Log);
    /// Warms an account; true if it was cold.
    fn warm(&mut self, address: Address) -> bool;
    /// Memory pages that programs of this transaction hold.
    fn open_pages(&self) -> u16;
    /// Frames that are running, the precompile's own not counted.
    fn depth(&self) -> usize;
    /// Caller of the frame that called the precompile, if there is one.
    fn callers_caller(&self) -> Option<Address>;
}

/// A call of a precompile.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    /// The precompile.
    pub(crate) precompile: Address,
    /// Account that it acts as: another one in delegate calls.
    pub(crate) acting: Address,
    /// Caller.
    pub(crate) caller: Address,
    /// Wei sent along.
    pub(crate) value: U256,
    /// State may not change.
    pub(crate) is_static: bool,
    /// Calldata.
    pub(crate) input: &'a [u8],
    /// Gas of the call.
    pub(crate) gas: u64,
}

/// What came of a call of a precompile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    /// Result, or how the call failed.
    pub(crate) answer: Answer,
    /// Gas that is left.
    pub(crate) gas_left: u64,
}

/// A running call of a precompile: its request, its gas, the chain. As [`Slots`] it charges for what it touches.
pub(crate) struct Frame<'a> {
    request: Request<'a>,
    gas_left: u64,
    world: &'a mut dyn World,
}

/// Runs a precompile.
pub(crate) fn call(request: Request<'_>, world: &mut dyn World) -> Response {
    if request.precompile == ARB_OWNER {
        return arb_owner::call_as_owner(request, world);
    }
    run(request, world)
}

/// Runs a precompile with the ordinary accounting.
fn run(request: Request<'_>, world: &mut dyn World) -> Response {
    let gas_left = request.gas;
    let method = match request.precompile {
        ARB_SYS => arb_sys::call,
        ARB_INFO => arb_info::info,
        ARB_OWNER_PUBLIC => arb_owner::public,
        ARB_GAS_INFO => arb_gas_info::call,
        ARB_STATISTICS => arb_info::statistics,
        ARB_OWNER => arb_owner::call,
        ARB_WASM => arb_wasm::call,
        ARB_WASM_CACHE => arb_wasm_cache::call,
        ARB_DEBUG => arb_debug::call,
        _ => |_: &mut Frame<'_>| Err(Fail::All),
    };
    let mut frame = Frame { request, gas_left, world };
    let answer = frame.copy(frame.request.input.len().saturating_sub(4)).and_then(|()| method(&mut frame));
    // Results and Solidity errors are paid for by the word; who cannot pay gets neither.
    let answer = match answer {
        Ok(data) => frame.copy(data.len()).map(|()| data),
        Err(Fail::Solidity(data)) => frame.copy(data.len()).and(Err(Fail::Solidity(data))),
        other => other,
    };
    let gas_left = match &answer {
        Err(Fail::All | Fail::Error(_)) => 0,
        _ => frame.gas_left,
    };
    Response { answer, gas_left }
}

impl Slots for Frame<'_> {
    type Error = Fail;

    fn read(&mut self, slot: U256) -> Result<U256, Fail> {
        self.burn_gas(gas::STORAGE_READ)?;
        let Ok(value) = self.world.read(slot);
        Ok(value)
    }

    fn write(&mut self, slot: U256, value: U256) -> Result<(), Fail> {
        self.burn_gas(if value.is_zero() { gas::STORAGE_CLEAR } else { gas::STORAGE_WRITE })?;
        let Ok(()) = self.world.write(slot, value);
        Ok(())
    }
}

/// Prices of what precompiles do.
pub(crate) mod gas {
    /// A word of arguments or results.
    pub(crate) const COPY_WORD: u64 = 3;
    /// A slot of ArbOS read; also what opening the state costs.
    pub(crate) const STORAGE_READ: u64 = 800;
    /// A slot of ArbOS written.
    pub(crate) const STORAGE_WRITE: u64 = 20_000;
    /// A slot of ArbOS cleared.
    pub(crate) const STORAGE_CLEAR: u64 = 5_000;
    /// The parameters of programs.
    pub(crate) const PARAMS: u64 = 100;
    /// The code hash of an account.
    pub(crate) const CODE_HASH: u64 = 2_600;
    /// The balance of an account.
    pub(crate) const BALANCE: u64 = 700;
    /// A log and each of its topics.
    pub(crate) const LOG: u64 = 375;
    /// A byte of a log.
    pub(crate) const LOG_BYTE: u64 = 8;
}

impl<'a> Frame<'a> {
    fn burn_gas(&mut self, amount: u64) -> Result<(), Fail> {
        self.gas_left = self.gas_left.checked_sub(amount).ok_or(Fail::All)?;
        Ok(())
    }

    fn copy(&mut self, bytes: usize) -> Result<(), Fail> {
        self.burn_gas(gas::COPY_WORD * (bytes as u64).div_ceil(32))
    }

    /// Decodes the call; what cannot be decoded is refused.
    fn decode<T: SolInterface>(&self) -> Result<T, Fail> {
        T::abi_decode(self.request.input).map_err(|_| Fail::All)
    }

    /// Begins a method that needs nothing of the chain.
    fn pure(&mut self) -> Result<(), Fail> {
        if self.request.value.is_zero() { Ok(()) } else { Err(Fail::All) }
    }

    /// Begins a method that reads. Whoever delegates to a precompile does not get its view of the state.
    fn view(&mut self) -> Result<(), Fail> {
        self.pure()?;
        self.open_state()
    }

    /// Begins a method that writes.
    fn write_method(&mut self) -> Result<(), Fail> {
        self.pure()?;
        self.payable()
    }

    /// Begins a method that writes and takes value.
    fn payable(&mut self) -> Result<(), Fail> {
        if self.request.is_static {
            return Err(Fail::All);
        }
        self.open_state()
    }

    fn open_state(&mut self) -> Result<(), Fail> {
        if self.request.acting != self.request.precompile {
            return Err(Fail::All);
        }
        self.burn_gas(gas::STORAGE_READ)
    }

    /// The parameters of programs, at their own price.
    fn params(&mut self) -> Result<StylusParams, Fail> {
        self.burn_gas(gas::PARAMS)?;
        let Ok(params) = state::load_params(self.world);
        Ok(params)
    }

    fn code_hash(&mut self, address: Address) -> Result<B256, Fail> {
        self.burn_gas(gas::CODE_HASH)?;
        Ok(self.world.code_hash(address))
    }

    fn emit<E: SolEvent>(&mut self, event: &E) -> Result<(), Fail> {
        self.emit_data(event.encode_log_data())
    }

    fn emit_data(&mut self, data: LogData) -> Result<(), Fail> {
        if self.request.is_static {
            return Err(Fail::All);
        }
        self.burn_gas(log_gas(&data))?;
        self.world.log(Log { address: self.request.precompile, data });
        Ok(())
    }

    fn timestamp(&self) -> u64 {
        self.world.block().timestamp
    }

    /// Whether an address owns the chain. One read.
    fn is_owner(&mut self, address: Address) -> Result<bool, Fail> {
        AddressSet(space::chain_owners()).contains(self, address)
    }
}

fn log_gas(data: &LogData) -> u64 {
    gas::LOG * (data.topics().len() as u64 + 1) + gas::LOG_BYTE * data.data.len() as u64
}

/// Encodes a single word.
fn word(value: impl TryInto<U256>) -> Answer {
    value.try_into().map(|word| word.abi_encode()).map_err(|_| Fail::All)
}

/// Encodes several values as the results of a function.
fn words<const N: usize>(values: [U256; N]) -> Answer {
    Ok(values.iter().flat_map(|value| value.to_be_bytes::<32>()).collect())
}
