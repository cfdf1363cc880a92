//! The host functions that programs import: `vm_hooks`, and `console` where debugging is allowed.
//!
//! Every function charges before it reads or writes memory, in the order that is observable on chain, and records
//! itself for the tracer once it has succeeded.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use wasmparser::{FuncType, ValType};

#[cfg(feature = "jit")]
use super::engine::jit;
use super::{
    CallKind, CallRequest, CreateRequest, Environment, Fatal, Host, HostError, StylusParams,
    cache::{Flush, StorageCache},
    engine::interpreter,
    prices::{self, ADD_MOD, DIV, EVM_API, HOSTIO, MUL_MOD, PTR},
};
use crate::rules::Rules;

/// A running program as the host touches it, whatever runs it.
pub(super) trait Machine<'h> {
    /// What the invocation knows.
    fn state(&self) -> &State<'h>;
    /// The same, to be changed.
    fn state_mut(&mut self) -> &mut State<'h>;
    /// The program's memory as it is now.
    fn memory(&self) -> &[u8];
    /// The same, to be written.
    fn memory_mut(&mut self) -> &mut [u8];
    /// Ink that the meter has.
    fn ink(&mut self) -> u64;
    /// Sets the meter's ink.
    fn set_ink(&mut self, ink: u64);
    /// Tells the meter that the ink ran out.
    fn set_exhausted(&mut self);
}

/// What one invocation knows.
pub(super) struct State<'h> {
    pub(super) host: &'h mut dyn Host,
    pub(super) env: &'h Environment,
    pub(super) rules: &'h Rules,
    pub(super) params: &'h StylusParams,
    pub(super) calldata: &'h [u8],
    /// What the program has put out.
    pub(super) result: Vec<u8>,
    /// Return data of the last call or create.
    pub(super) returned: Bytes,
    pub(super) cache: StorageCache,
    /// The code that was read last costs nothing to read again.
    pub(super) last_code: Option<(Address, Bytes)>,
}

/// Why a host function does not return to the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// `exit_early`
    Exit(u32),
    /// The ink is gone; the meter says so too.
    OutOfInk,
    /// The program may not do this, or pointed outside of its memory.
    Failure(String),
    /// The node failed.
    Fatal(Fatal),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(status) => write!(f, "early exit with status {status}"),
            Self::OutOfInk => f.write_str("out of ink"),
            Self::Failure(why) => f.write_str(why),
            Self::Fatal(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for Stop {}

impl From<Fatal> for Stop {
    fn from(why: Fatal) -> Self {
        Self::Fatal(why)
    }
}

impl From<HostError> for Stop {
    fn from(why: HostError) -> Self {
        match why {
            HostError::Refused(why) => Self::Failure(why.to_owned()),
            HostError::Fatal(why) => Self::Fatal(why),
        }
    }
}

/// What a host function answers.
type Answer<T = ()> = Result<T, Stop>;

/// A host function as modules see it, and how each engine binds it.
#[derive(Debug)]
pub(super) struct Import {
    module: &'static str,
    name: &'static str,
    params: &'static [ValType],
    results: &'static [ValType],
    pub(super) bind: interpreter::Binder,
    #[cfg(feature = "jit")]
    pub(super) link: jit::Binder,
}

/// A Rust type that passes between a program and the host.
trait Wire {
    const TYPES: &'static [ValType];
}

impl Wire for () {
    const TYPES: &'static [ValType] = &[];
}
impl Wire for u32 {
    const TYPES: &'static [ValType] = &[ValType::I32];
}
impl Wire for u64 {
    const TYPES: &'static [ValType] = &[ValType::I64];
}
impl Wire for f32 {
    const TYPES: &'static [ValType] = &[ValType::F32];
}
impl Wire for f64 {
    const TYPES: &'static [ValType] = &[ValType::F64];
}

/// Lists host functions: how a module names and types them, and the method of [`Hook`] behind each.
macro_rules! imports {
    ($($module:literal { $($name:ident ($($param:ident: $ty:ident),*) -> $result:ty;)* })*) => {
        pub(super) const IMPORTS: &[Import] = &[$($(
            Import {
                module: $module,
                name: stringify!($name),
                params: &[$(<$ty as Wire>::TYPES[0]),*],
                results: <$result as Wire>::TYPES,
                bind: |store| {
                    wasmi::Func::wrap(store, |caller: interpreter::Caller<'_, '_>, $($param: $ty),*| -> Result<$result, wasmi::Error> {
                        Hook::enter(interpreter::Inside::new(caller)).$name($($param),*).map_err(wasmi::Error::host)
                    })
                },
                #[cfg(feature = "jit")]
                link: |linker| {
                    let hook = |caller: jit::Caller<'_>, $($param: $ty),*| -> wasmtime::Result<$result> {
                        Hook::enter(jit::Inside::new(caller)).$name($($param),*).map_err(wasmtime::Error::new)
                    };
                    linker.func_wrap($module, stringify!($name), hook).map(|_| ())
                },
            },
        )*)*];
    };
}

imports! {
    "vm_hooks" {
        read_args(dest: u32) -> ();
        write_result(data: u32, len: u32) -> ();
        exit_early(status: u32) -> ();
        storage_load_bytes32(key: u32, dest: u32) -> ();
        storage_cache_bytes32(key: u32, value: u32) -> ();
        storage_flush_cache(clear: u32) -> ();
        transient_load_bytes32(key: u32, dest: u32) -> ();
        transient_store_bytes32(key: u32, value: u32) -> ();
        call_contract(contract: u32, data: u32, len: u32, value: u32, gas: u64, returned: u32) -> u32;
        delegate_call_contract(contract: u32, data: u32, len: u32, gas: u64, returned: u32) -> u32;
        static_call_contract(contract: u32, data: u32, len: u32, gas: u64, returned: u32) -> u32;
        create1(code: u32, len: u32, endowment: u32, contract: u32, returned: u32) -> ();
        create2(code: u32, len: u32, endowment: u32, salt: u32, contract: u32, returned: u32) -> ();
        read_return_data(dest: u32, offset: u32, size: u32) -> u32;
        return_data_size() -> u32;
        emit_log(data: u32, len: u32, topics: u32) -> ();
        account_balance(address: u32, dest: u32) -> ();
        account_code(address: u32, offset: u32, size: u32, dest: u32) -> u32;
        account_code_size(address: u32) -> u32;
        account_codehash(address: u32, dest: u32) -> ();
        block_basefee(dest: u32) -> ();
        block_coinbase(dest: u32) -> ();
        block_gas_limit() -> u64;
        block_number() -> u64;
        block_timestamp() -> u64;
        chainid() -> u64;
        contract_address(dest: u32) -> ();
        msg_sender(dest: u32) -> ();
        msg_value(dest: u32) -> ();
        msg_reentrant() -> u32;
        tx_gas_price(dest: u32) -> ();
        tx_ink_price() -> u32;
        tx_origin(dest: u32) -> ();
        evm_gas_left() -> u64;
        evm_ink_left() -> u64;
        math_div(value: u32, divisor: u32) -> ();
        math_mod(value: u32, modulus: u32) -> ();
        math_pow(value: u32, exponent: u32) -> ();
        math_add_mod(value: u32, addend: u32, modulus: u32) -> ();
        math_mul_mod(value: u32, multiplier: u32, modulus: u32) -> ();
        native_keccak256(data: u32, len: u32, dest: u32) -> ();
        pay_for_memory_grow(pages: u32) -> ();
    }
    "console" {
        log_txt(text: u32, len: u32) -> ();
        log_i32(value: u32) -> ();
        log_i64(value: u64) -> ();
        log_f32(value: f32) -> ();
        log_f64(value: f64) -> ();
        tee_i32(value: u32) -> u32;
        tee_i64(value: u64) -> u64;
        tee_f32(value: f32) -> f32;
        tee_f64(value: f64) -> f64;
    }
}

/// A host function, if there is one of that name.
pub(super) fn find(module: &str, name: &str, debug: bool) -> Option<&'static Import> {
    let known = module == "vm_hooks" || (debug && module == "console");
    IMPORTS.iter().find(|import| known && import.module == module && import.name == name)
}

/// Type of a host function, if there is one of that name.
pub(super) fn signature(module: &str, name: &str, debug: bool) -> Option<FuncType> {
    find(module, name, debug).map(|import| FuncType::new(import.params.iter().copied(), import.results.iter().copied()))
}

/// One call of a host function.
struct Hook<'h, M> {
    machine: M,
    start_ink: u64,
    state: PhantomData<State<'h>>,
}

impl<'h, M: Machine<'h>> Hook<'h, M> {
    fn enter(mut machine: M) -> Self {
        let start_ink = machine.ink();
        Self { machine, start_ink, state: PhantomData }
    }

    fn state(&mut self) -> &mut State<'h> {
        self.machine.state_mut()
    }

    fn host(&mut self) -> &mut dyn Host {
        &mut *self.machine.state_mut().host
    }

    fn env(&self) -> &'h Environment {
        self.machine.state().env
    }

    // ---- ink ----

    fn ink(&mut self) -> u64 {
        self.machine.ink()
    }

    fn exhaust(&mut self) -> Stop {
        self.machine.set_ink(0);
        self.machine.set_exhausted();
        Stop::OutOfInk
    }

    fn buy_ink(&mut self, cost: u64) -> Answer {
        match self.ink().checked_sub(cost) {
            Some(left) => {
                self.machine.set_ink(left);
                Ok(())
            }
            None => Err(self.exhaust()),
        }
    }

    fn ink_price(&self) -> u64 {
        u64::from(self.machine.state().params.ink_price).max(1)
    }

    fn buy_gas(&mut self, gas: u64) -> Answer {
        self.buy_ink(gas.saturating_mul(self.ink_price()))
    }

    /// Nothing is taken, but the program ends when there is less.
    fn require_gas(&mut self, gas: u64) -> Answer {
        if self.ink() < gas.saturating_mul(self.ink_price()) { Err(self.exhaust()) } else { Ok(()) }
    }

    fn gas_left(&mut self) -> u64 {
        self.ink() / self.ink_price()
    }

    // ---- memory ----

    fn read(&self, ptr: u32, len: u32) -> Answer<Vec<u8>> {
        let part = self.machine.memory().get(range(ptr, len as usize));
        part.map(<[u8]>::to_vec).ok_or_else(|| out_of_bounds(ptr, len))
    }

    fn read_array<const N: usize>(&self, ptr: u32) -> Answer<[u8; N]> {
        let part = self.machine.memory().get(range(ptr, N)).and_then(|part| part.try_into().ok());
        part.ok_or_else(|| out_of_bounds(ptr, N as u32))
    }

    fn read_word(&self, ptr: u32) -> Answer<U256> {
        Ok(U256::from_be_bytes(self.read_array::<32>(ptr)?))
    }

    fn read_address(&self, ptr: u32) -> Answer<Address> {
        Ok(Address::new(self.read_array(ptr)?))
    }

    fn write(&mut self, ptr: u32, bytes: &[u8]) -> Answer {
        match self.machine.memory_mut().get_mut(range(ptr, bytes.len())) {
            Some(part) => {
                part.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(out_of_bounds(ptr, bytes.len() as u32)),
        }
    }

    // ---- tracing ----

    /// Records this call, which has succeeded. `args` and `outs` are pieces that are joined only if somebody listens.
    fn trace(&mut self, name: &'static str, args: &[&[u8]], outs: &[&[u8]]) {
        let (start, end) = (self.start_ink, self.ink());
        if let Some(trace) = self.host().trace() {
            trace.record(name, args.concat().into(), outs.concat().into(), start, end);
        }
    }

    // ---- arguments and results ----

    fn read_args(mut self, dest: u32) -> Answer {
        let calldata = self.machine.state().calldata;
        self.buy_ink(HOSTIO)?;
        self.buy_ink(prices::write_price(calldata.len() as u32))?;
        self.write(dest, calldata)?;
        self.trace("read_args", &[], &[calldata]);
        Ok(())
    }

    fn write_result(mut self, data: u32, len: u32) -> Answer {
        self.buy_ink(HOSTIO)?;
        // read by the host, then kept for the caller
        self.buy_ink(prices::read_price(len))?;
        self.buy_ink(prices::read_price(len))?;
        self.state().result = self.read(data, len)?;
        let result = std::mem::take(&mut self.state().result);
        self.trace("write_result", &[&result], &[]);
        self.state().result = result;
        Ok(())
    }

    fn exit_early(mut self, status: u32) -> Answer {
        self.trace("exit_early", &[&status.to_be_bytes()], &[]);
        Err(Stop::Exit(status))
    }

    // ---- storage ----

    fn storage_load_bytes32(mut self, key: u32, dest: u32) -> Answer {
        self.buy_ink(HOSTIO + 2 * PTR)?;
        let api_gas = EVM_API / self.ink_price();
        self.require_gas(prices::COLD_SLOT + 10 + api_gas)?;
        let key = self.read_word(key)?;
        let State { cache, host, .. } = self.state();
        let (value, gas) = cache.load(*host, key, api_gas)?;
        self.buy_gas(gas)?;
        let value = value.to_be_bytes::<32>();
        self.write(dest, &value)?;
        self.trace("storage_load_bytes32", &[&key.to_be_bytes::<32>()], &[&value]);
        Ok(())
    }

    fn storage_cache_bytes32(mut self, key: u32, value: u32) -> Answer {
        self.buy_ink(HOSTIO + 2 * PTR)?;
        self.require_gas(prices::SSTORE_SENTRY + 10)?;
        let (key, value) = (self.read_word(key)?, self.read_word(value)?);
        let gas = self.state().cache.write(key, value);
        self.buy_gas(gas)?;
        self.trace("storage_cache_bytes32", &[&key.to_be_bytes::<32>(), &value.to_be_bytes::<32>()], &[]);
        Ok(())
    }

    fn storage_flush_cache(mut self, clear: u32) -> Answer {
        self.buy_ink(HOSTIO + EVM_API)?;
        self.require_gas(prices::SSTORE_SENTRY)?;
        let budget = self.gas_left().saturating_add(1);
        let State { cache, host, env, rules, .. } = self.state();
        match cache.flush(*host, env.is_static, clear != 0, budget)? {
            Flush::Done(gas) => self.buy_gas(gas)?,
            Flush::OutOfGas if rules.flush_out_of_gas_is_out_of_ink => return Err(self.exhaust()),
            Flush::OutOfGas => return Err(Stop::Failure("out of gas in a storage flush".to_owned())),
        }
        self.trace("storage_flush_cache", &[&[u8::from(clear != 0)]], &[]);
        Ok(())
    }

    fn transient_load_bytes32(mut self, key: u32, dest: u32) -> Answer {
        self.buy_ink(HOSTIO + 2 * PTR + EVM_API)?;
        self.buy_gas(prices::TRANSIENT)?;
        let key = self.read_word(key)?;
        let value = self.host().tload(key).to_be_bytes::<32>();
        self.write(dest, &value)?;
        self.trace("transient_load_bytes32", &[&key.to_be_bytes::<32>()], &[&value]);
        Ok(())
    }

    fn transient_store_bytes32(mut self, key: u32, value: u32) -> Answer {
        self.buy_ink(HOSTIO + 2 * PTR + EVM_API)?;
        self.buy_gas(prices::TRANSIENT)?;
        let (key, value) = (self.read_word(key)?, self.read_word(value)?);
        self.refuse_static()?;
        self.host().tstore(key, value);
        self.trace("transient_store_bytes32", &[&key.to_be_bytes::<32>(), &value.to_be_bytes::<32>()], &[]);
        Ok(())
    }

    // ---- calls and creates ----

    fn call_contract(self, contract: u32, data: u32, len: u32, value: u32, gas: u64, returned: u32) -> Answer<u32> {
        self.call(CallKind::Call, contract, data, len, Some(value), gas, returned)
    }

    fn delegate_call_contract(self, contract: u32, data: u32, len: u32, gas: u64, returned: u32) -> Answer<u32> {
        self.call(CallKind::Delegate, contract, data, len, None, gas, returned)
    }

    fn static_call_contract(self, contract: u32, data: u32, len: u32, gas: u64, returned: u32) -> Answer<u32> {
        self.call(CallKind::Static, contract, data, len, None, gas, returned)
    }

    #[allow(clippy::too_many_arguments, reason = "the host function has them")]
    fn call(
        mut self,
        kind: CallKind,
        contract: u32,
        data: u32,
        len: u32,
        value: Option<u32>,
        gas: u64,
        returned: u32,
    ) -> Answer<u32> {
        const SUCCEEDED: u8 = 0;
        const FAILED: u8 = 2;
        self.buy_ink(HOSTIO + 3 * PTR + EVM_API)?;
        self.buy_ink(prices::read_price(len))?;
        self.buy_ink(prices::read_price(len))?;
        let gas_left = self.gas_left();
        let target = self.read_address(contract)?;
        let input = Bytes::from(self.read(data, len)?);
        let value = value.map(|ptr| self.read_word(ptr)).transpose()?;

        let outcome = self.host().call(CallRequest {
            kind,
            target,
            value: value.unwrap_or_default(),
            input: input.clone(),
            gas_left,
            gas_requested: gas.min(gas_left),
        })?;
        self.buy_gas(outcome.cost)?;
        let length = outcome.output.len() as u32;
        self.state().returned = outcome.output;
        self.write(returned, &length.to_le_bytes())?;

        let status = if outcome.success { SUCCEEDED } else { FAILED };
        let name = match kind {
            CallKind::Call => "call_contract",
            CallKind::Delegate => "delegate_call_contract",
            CallKind::Static => "static_call_contract",
        };
        let gas = gas.to_be_bytes();
        let outs: [&[u8]; 2] = [&length.to_be_bytes(), &[status]];
        match value {
            Some(value) => {
                self.trace(name, &[target.as_slice(), &gas, &value.to_be_bytes::<32>(), &input], &outs);
            }
            None => self.trace(name, &[target.as_slice(), &gas, &input], &outs),
        }
        Ok(status.into())
    }

    fn create1(self, code: u32, len: u32, endowment: u32, contract: u32, returned: u32) -> Answer {
        self.create(code, len, endowment, None, contract, returned)
    }

    fn create2(self, code: u32, len: u32, endowment: u32, salt: u32, contract: u32, returned: u32) -> Answer {
        self.create(code, len, endowment, Some(salt), contract, returned)
    }

    fn create(
        mut self,
        code: u32,
        len: u32,
        endowment: u32,
        salt: Option<u32>,
        contract: u32,
        returned: u32,
    ) -> Answer {
        let pointers = if salt.is_some() { 4 } else { 3 };
        self.buy_ink(HOSTIO + pointers * PTR + EVM_API)?;
        self.buy_ink(prices::read_price(len))?;
        self.buy_ink(prices::read_price(len))?;
        let gas_left = self.gas_left();
        let code = Bytes::from(self.read(code, len)?);
        let value = self.read_word(endowment)?;
        let salt = salt.map(|ptr| self.read_array(ptr)).transpose()?.map(B256::new);

        let outcome = self.host().create(CreateRequest { code: code.clone(), value, salt, gas_left })?;
        self.buy_gas(outcome.cost)?;
        let length = outcome.output.len() as u32;
        self.state().returned = outcome.output;
        let address = outcome.address.unwrap_or_default();
        self.write(returned, &length.to_le_bytes())?;
        self.write(contract, address.as_slice())?;

        let outs: [&[u8]; 2] = [address.as_slice(), &length.to_be_bytes()];
        let value = value.to_be_bytes::<32>();
        match salt {
            Some(salt) => self.trace("create2", &[&value, salt.as_slice(), &code], &outs),
            None => self.trace("create1", &[&value, &code], &outs),
        }
        Ok(())
    }

    fn read_return_data(mut self, dest: u32, offset: u32, size: u32) -> Answer<u32> {
        self.buy_ink(HOSTIO + EVM_API)?;
        let returned = self.state().returned.clone();
        let available = (returned.len() as u32).saturating_sub(offset);
        let length = size.min(available);
        self.buy_ink(prices::write_price(length))?;
        let data = slice(&returned, offset, length);
        self.write(dest, data)?;
        self.trace("read_return_data", &[&offset.to_be_bytes(), &size.to_be_bytes()], &[data]);
        Ok(length)
    }

    fn return_data_size(mut self) -> Answer<u32> {
        self.buy_ink(HOSTIO)?;
        let size = self.state().returned.len() as u32;
        self.trace("return_data_size", &[], &[&size.to_be_bytes()]);
        Ok(size)
    }

    fn emit_log(mut self, data: u32, len: u32, topics: u32) -> Answer {
        self.buy_ink(HOSTIO + EVM_API)?;
        if topics > 4 || len < topics * 32 {
            return Err(Stop::Failure("bad topic data".to_owned()));
        }
        self.buy_ink(prices::read_price(len))?;
        self.buy_gas(prices::log_gas(topics, len - topics * 32))?;
        let bytes = self.read(data, len)?;
        self.refuse_static()?;
        let (words, rest) = bytes.split_at(topics as usize * 32);
        let words = words.chunks_exact(32).map(B256::from_slice).collect();
        self.host().log(words, Bytes::copy_from_slice(rest))?;
        self.trace("emit_log", &[&topics.to_be_bytes(), &bytes], &[]);
        Ok(())
    }

    // ---- accounts ----

    fn account_balance(mut self, address: u32, dest: u32) -> Answer {
        self.buy_ink(HOSTIO + 2 * PTR + EVM_API)?;
        self.require_gas(prices::COLD_ACCOUNT)?;
        let address = self.read_address(address)?;
        let balance = self.host().balance(address)?;
        self.buy_gas(prices::account_gas(balance.cold))?;
        let balance = balance.value.to_be_bytes::<32>();
        self.write(dest, &balance)?;
        self.trace("account_balance", &[address.as_slice()], &[&balance]);
        Ok(())
    }

    fn account_codehash(mut self, address: u32, dest: u32) -> Answer {
        self.buy_ink(HOSTIO + 2 * PTR + EVM_API)?;
        self.require_gas(prices::COLD_ACCOUNT)?;
        let address = self.read_address(address)?;
        let hash = self.host().code_hash(address)?;
        self.buy_gas(prices::account_gas(hash.cold))?;
        self.write(dest, hash.value.as_slice())?;
        self.trace("account_codehash", &[address.as_slice()], &[hash.value.as_slice()]);
        Ok(())
    }

    fn account_code(mut self, address: u32, offset: u32, size: u32, dest: u32) -> Answer<u32> {
        self.buy_ink(HOSTIO + EVM_API)?;
        self.require_gas(prices::COLD_ACCOUNT)?;
        let address = self.read_address(address)?;
        let code = self.code(address)?;
        // the whole code passes to the host, however little of it is wanted
        self.buy_ink(prices::write_price(code.len() as u32))?;
        let available = (code.len() as u32).saturating_sub(offset);
        let length = size.min(available);
        let part = slice(&code, offset, length);
        self.write(dest, part)?;
        self.trace("account_code", &[address.as_slice(), &offset.to_be_bytes(), &size.to_be_bytes()], &[part]);
        Ok(length)
    }

    fn account_code_size(mut self, address: u32) -> Answer<u32> {
        self.buy_ink(HOSTIO + EVM_API)?;
        self.require_gas(prices::COLD_ACCOUNT)?;
        let address = self.read_address(address)?;
        let size = self.code(address)?.len() as u32;
        self.trace("account_code_size", &[address.as_slice()], &[&size.to_be_bytes()]);
        Ok(size)
    }

    /// Reads and pays for a code, unless it is the one that was read last.
    fn code(&mut self, address: Address) -> Answer<Bytes> {
        if let Some((last, code)) = &self.state().last_code
            && *last == address
        {
            return Ok(code.clone());
        }
        let code = self.host().code(address)?;
        self.buy_gas(prices::code_gas(code.cold, self.env().max_code_size))?;
        if !code.value.is_empty() {
            self.state().last_code = Some((address, code.value.clone()));
        }
        Ok(code.value)
    }

    // ---- surroundings ----

    fn block_basefee(self, dest: u32) -> Answer {
        let value = self.env().block_basefee;
        self.get_word("block_basefee", dest, value)
    }

    fn block_coinbase(self, dest: u32) -> Answer {
        let address = self.env().block_coinbase;
        self.get_address("block_coinbase", dest, address)
    }

    fn block_gas_limit(self) -> Answer<u64> {
        let limit = self.env().block_gas_limit;
        self.get_u64("block_gas_limit", limit)
    }

    fn block_number(self) -> Answer<u64> {
        let number = self.env().block_number;
        self.get_u64("block_number", number)
    }

    fn block_timestamp(self) -> Answer<u64> {
        let timestamp = self.env().block_timestamp;
        self.get_u64("block_timestamp", timestamp)
    }

    fn chainid(self) -> Answer<u64> {
        let id = self.env().chain_id;
        self.get_u64("chainid", id)
    }

    fn contract_address(self, dest: u32) -> Answer {
        let address = self.env().contract_address;
        self.get_address("contract_address", dest, address)
    }

    fn msg_sender(self, dest: u32) -> Answer {
        let address = self.env().msg_sender;
        self.get_address("msg_sender", dest, address)
    }

    fn msg_value(self, dest: u32) -> Answer {
        let value = self.env().msg_value;
        self.get_word("msg_value", dest, value)
    }

    fn msg_reentrant(self) -> Answer<u32> {
        let reentrant = self.env().reentrant;
        self.get_u32("msg_reentrant", reentrant.into())
    }

    fn tx_gas_price(self, dest: u32) -> Answer {
        let price = self.env().tx_gas_price;
        self.get_word("tx_gas_price", dest, price)
    }

    fn tx_ink_price(self) -> Answer<u32> {
        let price = self.machine.state().params.ink_price;
        self.get_u32("tx_ink_price", price)
    }

    fn tx_origin(self, dest: u32) -> Answer {
        let address = self.env().tx_origin;
        self.get_address("tx_origin", dest, address)
    }

    fn evm_gas_left(mut self) -> Answer<u64> {
        self.buy_ink(HOSTIO)?;
        let gas = self.gas_left();
        self.trace("evm_gas_left", &[], &[&gas.to_be_bytes()]);
        Ok(gas)
    }

    fn evm_ink_left(mut self) -> Answer<u64> {
        self.buy_ink(HOSTIO)?;
        let ink = self.ink();
        self.trace("evm_ink_left", &[], &[&ink.to_be_bytes()]);
        Ok(ink)
    }

    fn get_u32(mut self, name: &'static str, value: u32) -> Answer<u32> {
        self.buy_ink(HOSTIO)?;
        self.trace(name, &[], &[&value.to_be_bytes()]);
        Ok(value)
    }

    fn get_u64(mut self, name: &'static str, value: u64) -> Answer<u64> {
        self.buy_ink(HOSTIO)?;
        self.trace(name, &[], &[&value.to_be_bytes()]);
        Ok(value)
    }

    fn get_word(self, name: &'static str, dest: u32, value: U256) -> Answer {
        self.get_bytes(name, dest, &value.to_be_bytes::<32>())
    }

    fn get_address(self, name: &'static str, dest: u32, address: Address) -> Answer {
        self.get_bytes(name, dest, address.as_slice())
    }

    fn get_bytes(mut self, name: &'static str, dest: u32, bytes: &[u8]) -> Answer {
        self.buy_ink(HOSTIO + PTR)?;
        self.write(dest, bytes)?;
        self.trace(name, &[], &[bytes]);
        Ok(())
    }

    // ---- mathematics ----

    fn math_div(self, value: u32, divisor: u32) -> Answer {
        let op = |a: U256, b: U256| a.checked_div(b).unwrap_or_default();
        self.math_two("math_div", DIV, value, divisor, op)
    }

    fn math_mod(self, value: u32, modulus: u32) -> Answer {
        let op = |a: U256, m: U256| a.checked_rem(m).unwrap_or_default();
        self.math_two("math_mod", DIV, value, modulus, op)
    }

    fn math_pow(mut self, value: u32, exponent: u32) -> Answer {
        self.buy_ink(HOSTIO + 3 * PTR)?;
        let (base, power) = (self.read_word(value)?, self.read_array::<32>(exponent)?);
        self.buy_ink(prices::pow_price(&power))?;
        let result = base.wrapping_pow(U256::from_be_bytes(power)).to_be_bytes::<32>();
        self.write(value, &result)?;
        self.trace("math_pow", &[&base.to_be_bytes::<32>(), &power], &[&result]);
        Ok(())
    }

    fn math_add_mod(self, value: u32, addend: u32, modulus: u32) -> Answer {
        self.math_three("math_add_mod", ADD_MOD, value, addend, modulus, U256::add_mod)
    }

    fn math_mul_mod(self, value: u32, multiplier: u32, modulus: u32) -> Answer {
        self.math_three("math_mul_mod", MUL_MOD, value, multiplier, modulus, U256::mul_mod)
    }

    fn math_two(mut self, name: &'static str, cost: u64, a: u32, b: u32, op: fn(U256, U256) -> U256) -> Answer {
        self.buy_ink(HOSTIO + 3 * PTR + cost)?;
        let (x, y) = (self.read_word(a)?, self.read_word(b)?);
        let result = op(x, y).to_be_bytes::<32>();
        self.write(a, &result)?;
        self.trace(name, &[&x.to_be_bytes::<32>(), &y.to_be_bytes::<32>()], &[&result]);
        Ok(())
    }

    fn math_three(
        mut self,
        name: &'static str,
        cost: u64,
        a: u32,
        b: u32,
        m: u32,
        op: fn(U256, U256, U256) -> U256,
    ) -> Answer {
        self.buy_ink(HOSTIO + 4 * PTR + cost)?;
        let (x, y, z) = (self.read_word(a)?, self.read_word(b)?, self.read_word(m)?);
        let result = op(x, y, z).to_be_bytes::<32>();
        self.write(a, &result)?;
        let args: [&[u8]; 3] = [&x.to_be_bytes::<32>(), &y.to_be_bytes::<32>(), &z.to_be_bytes::<32>()];
        self.trace(name, &args, &[&result]);
        Ok(())
    }

    fn native_keccak256(mut self, data: u32, len: u32, dest: u32) -> Answer {
        self.buy_ink(prices::keccak_price(len))?;
        let preimage = self.read(data, len)?;
        let digest = keccak256(&preimage);
        self.write(dest, digest.as_slice())?;
        self.trace("native_keccak256", &[&preimage], &[digest.as_slice()]);
        Ok(())
    }

    // ---- memory growth ----

    fn pay_for_memory_grow(mut self, pages: u32) -> Answer {
        // only 16 bits count; growing by more fails in the engine
        let new = pages as u16;
        if new == 0 {
            self.buy_ink(HOSTIO)?;
        } else {
            let params = self.state().params;
            let pages = self.host().pages();
            let gas = pages.cost(new, params);
            pages.open(new);
            self.buy_gas(gas)?;
        }
        self.trace("pay_for_memory_grow", &[&new.to_be_bytes()], &[]);
        Ok(())
    }

    // ---- console: free, and only where debugging is allowed ----

    fn log_txt(mut self, text: u32, len: u32) -> Answer {
        let text = self.read(text, len)?;
        self.say(String::from_utf8_lossy(&text));
        Ok(())
    }

    fn log_i32(mut self, value: u32) -> Answer {
        self.say(value as i32);
        Ok(())
    }

    fn log_i64(mut self, value: u64) -> Answer {
        self.say(value as i64);
        Ok(())
    }

    fn log_f32(mut self, value: f32) -> Answer {
        self.say(value);
        Ok(())
    }

    fn log_f64(mut self, value: f64) -> Answer {
        self.say(value);
        Ok(())
    }

    fn tee_i32(self, value: u32) -> Answer<u32> {
        self.log_i32(value).map(|()| value)
    }

    fn tee_i64(self, value: u64) -> Answer<u64> {
        self.log_i64(value).map(|()| value)
    }

    fn tee_f32(self, value: f32) -> Answer<f32> {
        self.log_f32(value).map(|()| value)
    }

    fn tee_f64(self, value: f64) -> Answer<f64> {
        self.log_f64(value).map(|()| value)
    }

    fn say(&mut self, what: impl fmt::Display) {
        self.host().console(&what.to_string());
    }

    fn refuse_static(&self) -> Answer {
        if self.env().is_static { Err(Stop::Failure("write protection".to_owned())) } else { Ok(()) }
    }
}

/// Where `length` bytes at `ptr` are.
fn range(ptr: u32, length: usize) -> Range<usize> {
    ptr as usize..ptr as usize + length
}

fn out_of_bounds(ptr: u32, len: u32) -> Stop {
    Stop::Failure(format!("{len} bytes at {ptr} are outside of memory"))
}

/// A part of `bytes` that is known to be inside, or nothing when `offset` is not.
fn slice(bytes: &[u8], offset: u32, length: u32) -> &[u8] {
    bytes.get(offset as usize..).and_then(|rest| rest.get(..length as usize)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_forty_two_hooks() {
        assert_eq!(IMPORTS.iter().filter(|import| import.module == "vm_hooks").count(), 42);
    }

    #[test]
    fn the_console_is_for_debugging_only() {
        assert!(signature("console", "log_txt", true).is_some());
        assert!(signature("console", "log_txt", false).is_none());
        assert!(signature("debug", "null_host", true).is_none());
        assert!(signature("vm_hooks", "log_txt", true).is_none());
    }
}
