//! Programs in frames: how they are found and started, and what they reach of the EVM.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;

use alloy_primitives::{Address, B256, Bytes, Keccak256, Log, LogData, U256};
use parking_lot::Mutex;
use revm::Database;
use revm::bytecode::opcode;
use revm::context::JournalTr;
use revm::handler::FrameResult;
use revm::interpreter::{
    CallInput, CallInputs, CallScheme, CallValue, CreateInputs, CreateScheme, FrameInput, Gas, InstructionResult,
    InterpreterResult,
};

use super::context::{Ctx, Failure, JournalSlots, peek};
use super::frames::ArbEvm;
use crate::arbos::Space;
use crate::arbos::precompiles::check_active;
use crate::arbos::state::{self, Program};
use crate::rules::Rules;
use crate::wasm::code::{ProgramCode, decompress};
use crate::wasm::{
    CallKind, CallOutcome, CallRequest, CreateOutcome, CreateRequest, Engine, Environment, Exit, Fatal, Host,
    HostError, HostioTrace, Invocation, Loaded, Module, Pages, ProgramCosts, StorageWrite, StylusParams, compile_for,
};

/// Gas of calls and creations that programs make.
mod gas {
    pub(super) const WARM_ACCOUNT: u64 = 100;
    pub(super) const COLD_ACCOUNT: u64 = 2_600;
    pub(super) const CALL_VALUE: u64 = 9_000;
    pub(super) const NEW_ACCOUNT: u64 = 25_000;
    pub(super) const STIPEND: u64 = 2_300;
    pub(super) const CREATE: u64 = 32_000;
    pub(super) const HASH_WORD: u64 = 6;
}

/// Native stack that a program, and what it calls until the next program, may need; and how much is added at a time.
const STACK_RED_ZONE: usize = 1 << 20;
const STACK_SEGMENT: usize = 8 << 20;
/// Compiled programs that are kept.
const CACHED_MODULES: usize = 1_024;

/// Programs compiled for an engine, by [`module_key`]; the one compiled first goes first.
#[derive(Debug)]
pub(super) struct ModuleCache {
    engine: Engine,
    entries: Mutex<CacheEntries>,
}

#[derive(Debug, Default)]
struct CacheEntries {
    modules: HashMap<B256, Module>,
    order: VecDeque<B256>,
}

impl ModuleCache {
    /// An empty cache.
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine, entries: Mutex::default() }
    }

    /// Compiled programs that are kept now.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.lock().modules.len()
    }

    /// The module of a key, compiled now if it is not here.
    fn get(&self, key: B256, compile: impl FnOnce(Engine) -> Result<Module, Fatal>) -> Result<Module, Fatal> {
        if let Some(module) = self.entries.lock().modules.get(&key) {
            return Ok(module.clone());
        }
        // Not under the lock: others may run meanwhile, and compiling twice does no harm.
        let module = compile(self.engine)?;
        let mut entries = self.entries.lock();
        if entries.modules.insert(key, module.clone()).is_none() {
            entries.order.push_back(key);
            if entries.order.len() > CACHED_MODULES
                && let Some(oldest) = entries.order.pop_front()
            {
                entries.modules.remove(&oldest);
            }
        }
        Ok(module)
    }
}

/// Programs that ran lately, the latest last: they cost what cached ones do, where the rules say so.
#[derive(Debug, Default)]
pub(super) struct RecentPrograms(VecDeque<B256>);

impl From<Vec<B256>> for RecentPrograms {
    fn from(programs: Vec<B256>) -> Self {
        Self(programs.into())
    }
}

impl From<RecentPrograms> for Vec<B256> {
    fn from(programs: RecentPrograms) -> Self {
        programs.0.into()
    }
}

impl RecentPrograms {
    /// Notes a program as the latest; answers whether it was among the last `size`.
    fn insert(&mut self, hash: B256, size: usize) -> bool {
        let position = self.0.iter().position(|known| *known == hash);
        if let Some(position) = position {
            self.0.remove(position);
        }
        self.0.push_back(hash);
        while self.0.len() > size {
            self.0.pop_front();
        }
        position.is_some()
    }
}

impl<DB: Database<Error = Infallible>> ArbEvm<DB> {
    /// Runs the program on top of the stack of frames.
    pub(super) fn run_program(&mut self) -> Result<InterpreterResult, Failure> {
        stacker::maybe_grow(STACK_RED_ZONE, STACK_SEGMENT, || self.run_program_here())
    }

    fn run_program_here(&mut self) -> Result<InterpreterResult, Failure> {
        let frame = self.inner.frame_stack.get();
        let depth = frame.depth;
        let limit = frame.interpreter.gas.remaining();
        // Init code that is a program has no hash by which it could be active.
        let (call, hash) = match &frame.input {
            FrameInput::Call(call) => (call.clone(), call.known_bytecode.0),
            _ => return Ok(self.refuse(&Program::default(), limit)),
        };
        let code = frame.interpreter.bytecode.original_bytes();

        let mut slots = JournalSlots(&mut self.inner.ctx.journaled_state);
        let Ok(params) = state::load_params(&mut slots);
        let Ok(program) = Program::load(&mut slots, hash);
        let timestamp = self.inner.ctx.chain.block.timestamp;
        if check_active(&program, &params, timestamp).is_err() {
            return Ok(self.refuse(&program, limit));
        }

        let rules = self.inner.ctx.chain.rules.clone();
        let is_cached = program.is_cached
            || (rules.block_cache && self.inner.ctx.chain.recent.insert(hash, params.block_cache_size.into()));
        let modules = self.inner.ctx.chain.modules.clone();
        let journal = &mut self.inner.ctx.journaled_state;
        let key = module_key(&code, hash, &rules, |address| peek(journal, address, |account| account.info.code_hash));
        if let Some(steps) = &mut self.inner.ctx.chain.steps {
            steps.ink_price = params.ink_price.into();
            // Nitro tells these reads of ArbOS, too: its version and the number of the L1 block.
            for slot in [Space::ROOT.at(state::root::VERSION), state::space::block_hashes().at(0)] {
                steps.push_for_program(opcode::SLOAD, 0, 0, vec![slot]);
            }
        }
        let module = modules
            .get(key, |engine| {
                let wasm = unpack(&code, &rules, &params, |address| {
                    peek(journal, address, |account| {
                        account.info.code.as_ref().map(|code| code.original_bytes()).unwrap_or_default()
                    })
                })
                .ok_or_else(|| Fatal(format!("the code of program {hash} cannot be unpacked")))?;
                compile_for(engine, &wasm, &rules).map_err(|e| Fatal(format!("program {hash}: {e}")))
            })
            .map_err(fatal)?;

        let calldata = call.input.bytes(&self.inner.ctx);
        let env = self.environment(&call);
        self.inner.ctx.chain.read_l1_number = true;
        let mut host = ProgramHost { evm: self, env: &env, depth, refund: 0 };
        let outcome = Invocation {
            module: &module,
            rules: &rules,
            params: &params,
            costs: ProgramCosts { is_cached, ..program.costs() },
            env: &env,
            calldata: &calldata,
            gas: limit,
        }
        .run(&mut host)
        .map_err(fatal)?;
        let refund = host.refund;
        self.inner.ctx.chain.tell_host_calls();
        if let Some(steps) = &mut self.inner.ctx.chain.steps {
            let end = match outcome.exit {
                Exit::Success => Some(opcode::RETURN),
                Exit::Revert => Some(opcode::REVERT),
                _ => None,
            };
            let stack = vec![U256::from(outcome.output.len()), U256::ZERO];
            if let Some(op) = end {
                steps.push_for_program(op, outcome.gas_left, 0, stack);
            }
        }

        let mut gas = Gas::new(limit);
        gas.set_remaining(outcome.gas_left);
        let result = match outcome.exit {
            Exit::Success => {
                gas.record_refund(refund);
                InstructionResult::Return
            }
            Exit::Revert | Exit::Failure(_) => InstructionResult::Revert,
            Exit::OutOfInk => InstructionResult::OutOfGas,
            Exit::OutOfStack => self.fail("max call depth exceeded".into()),
        };
        Ok(InterpreterResult::new(result, outcome.output, gas))
    }

    /// Ends a frame with all its gas and a text of its own.
    fn fail(&mut self, text: String) -> InstructionResult {
        self.inner.ctx.chain.failure = Some(text);
        InstructionResult::PrecompileError
    }

    /// The end of a frame whose program cannot be called.
    fn refuse(&mut self, program: &Program, limit: u64) -> InterpreterResult {
        let mut slots = JournalSlots(&mut self.inner.ctx.journaled_state);
        let Ok(params) = state::load_params(&mut slots);
        let timestamp = self.inner.ctx.chain.block.timestamp;
        let text = match check_active(program, &params, timestamp) {
            Err(inactive) => inactive.words(),
            Ok(()) => String::new(),
        };
        let mut gas = Gas::new(limit);
        gas.spend_all();
        InterpreterResult::new(self.fail(text), Bytes::new(), gas)
    }

    fn environment(&self, call: &CallInputs) -> Environment {
        let ctx = &self.inner.ctx;
        Environment {
            block_basefee: U256::from(ctx.block.basefee),
            block_coinbase: ctx.block.beneficiary,
            block_gas_limit: ctx.block.gas_limit,
            block_number: ctx.chain.block.l1_number,
            block_timestamp: ctx.chain.block.timestamp,
            chain_id: ctx.chain.block.chain_id,
            contract_address: call.target_address,
            msg_sender: call.caller,
            msg_value: call.call_value(),
            tx_gas_price: ctx.chain.gas_price,
            tx_origin: ctx.tx.caller,
            reentrant: ctx.chain.is_reentrant(call.target_address),
            is_static: call.is_static,
            max_code_size: ctx.chain.rules.code_size_limit as u64,
        }
    }
}

/// What tells a program's module: the hash of its code and, since that of a root names its pieces by address only, their
/// hashes.
fn module_key(code: &[u8], hash: B256, rules: &Rules, mut hash_of: impl FnMut(Address) -> B256) -> B256 {
    match ProgramCode::parse(code, rules) {
        Some(ProgramCode::Root { fragments, .. }) => {
            let mut key = Keccak256::new();
            key.update(hash);
            fragments.into_iter().for_each(|address| key.update(hash_of(address)));
            key.finalize()
        }
        _ => hash,
    }
}

/// The module in a code, unpacked; pieces of it are read by `code_of`.
fn unpack(
    code: &[u8],
    rules: &Rules,
    params: &StylusParams,
    mut code_of: impl FnMut(Address) -> Bytes,
) -> Option<Vec<u8>> {
    match ProgramCode::parse(code, rules)? {
        ProgramCode::Classic { dictionary, compressed } => {
            decompress(dictionary, compressed, params.max_wasm_size).ok()
        }
        ProgramCode::Root { dictionary, fragments, .. } => {
            let mut compressed = Vec::new();
            for address in fragments {
                let code = code_of(address);
                let ProgramCode::Fragment { piece } = ProgramCode::parse(&code, rules)? else {
                    return None;
                };
                compressed.extend_from_slice(piece);
            }
            decompress(dictionary, &compressed, params.max_wasm_size).ok()
        }
        ProgramCode::Fragment { .. } => None,
    }
}

fn fatal(failure: Fatal) -> Failure {
    Failure::Custom(failure.0)
}

fn told(failure: Failure) -> Fatal {
    match failure {
        Failure::Db(never) => match never {},
        Failure::Custom(text) => Fatal(text),
    }
}

/// The EVM under one running program.
struct ProgramHost<'a, DB: Database<Error = Infallible>> {
    evm: &'a mut ArbEvm<DB>,
    env: &'a Environment,
    depth: usize,
    refund: i64,
}

impl<DB: Database<Error = Infallible>> ProgramHost<'_, DB> {
    fn ctx(&mut self) -> &mut Ctx<DB> {
        self.evm.ctx()
    }

    /// Records the opcode (with gas, cost and stack) that stands for what begins now.
    fn tell_step(&mut self, step: impl FnOnce() -> (u8, u64, u64, Vec<U256>)) {
        let chain = &mut self.ctx().chain;
        chain.tell_host_calls();
        if let Some(steps) = &mut chain.steps {
            let (op, gas, cost, stack) = step();
            steps.push_for_program(op, gas, cost, stack);
        }
    }

    /// Gas of a call before any is forwarded, and the code that it runs; `None` if the gas does not reach.
    fn prepare_call(&mut self, request: &CallRequest) -> Option<(u64, (B256, revm::bytecode::Bytecode))> {
        let mut base = gas::WARM_ACCOUNT;
        if base > request.gas_left {
            return None;
        }
        let journal = &mut self.ctx().journaled_state;
        let Ok(load) = journal.load_account_with_code(request.target);
        let (is_cold, is_empty) = (load.is_cold, load.is_empty());
        let mut code = (load.info.code_hash, load.info.code.clone().unwrap_or_default());
        if is_cold {
            base = gas::COLD_ACCOUNT;
        }
        if !request.value.is_zero() {
            base += gas::CALL_VALUE;
            if is_empty {
                base += gas::NEW_ACCOUNT;
            }
        }
        if base > request.gas_left {
            return None;
        }
        // Whose code an account borrows (EIP-7702) is neither paid for nor warm afterwards.
        if let Some(delegate) = code.1.eip7702_address() {
            code = peek(journal, delegate, |account| {
                (account.info.code_hash, account.info.code.clone().unwrap_or_default())
            });
        }
        Some((base, code))
    }
}

impl<DB: Database<Error = Infallible>> Host for ProgramHost<'_, DB> {
    fn sload(&mut self, key: U256) -> Result<Loaded<U256>, Fatal> {
        let account = self.env.contract_address;
        let Ok(load) = self.ctx().journaled_state.sload(account, key);
        Ok(Loaded { value: load.data, cold: load.is_cold })
    }

    fn sstore(&mut self, key: U256, value: U256) -> Result<StorageWrite, Fatal> {
        let account = self.env.contract_address;
        let Ok(load) = self.ctx().journaled_state.sstore(account, key, value);
        Ok(StorageWrite {
            cold: load.is_cold,
            original: load.data.original_value,
            present: load.data.present_value,
            new: load.data.new_value,
        })
    }

    fn refund(&mut self, delta: i64) {
        self.refund += delta;
        if let Some(steps) = &mut self.ctx().chain.steps {
            steps.add_refund(delta);
        }
    }

    fn tload(&mut self, key: U256) -> U256 {
        let account = self.env.contract_address;
        self.ctx().journaled_state.tload(account, key)
    }

    fn tstore(&mut self, key: U256, value: U256) {
        let account = self.env.contract_address;
        self.ctx().journaled_state.tstore(account, key, value);
    }

    fn call(&mut self, request: CallRequest) -> Result<CallOutcome, Fatal> {
        let failed = |cost| CallOutcome { success: false, cost, output: Bytes::new() };
        if self.env.is_static && !request.value.is_zero() {
            return Ok(failed(0));
        }
        let Some((base, known_bytecode)) = self.prepare_call(&request) else {
            return Ok(failed(request.gas_left));
        };
        // 63/64 in one step, rounded down: up to one gas less than what the EVM forwards.
        let most = u128::from(request.gas_left - base) * 63 / 64;
        let mut gas_limit = request.gas_requested.min(most as u64);
        if !request.value.is_zero() {
            gas_limit = gas_limit.saturating_add(gas::STIPEND);
        }
        let me = self.env.contract_address;
        let (scheme, caller, target_address, value) = match request.kind {
            CallKind::Call => (CallScheme::Call, me, request.target, CallValue::Transfer(request.value)),
            CallKind::Static => (CallScheme::StaticCall, me, request.target, CallValue::Transfer(U256::ZERO)),
            CallKind::Delegate => {
                (CallScheme::DelegateCall, self.env.msg_sender, me, CallValue::Apparent(self.env.msg_value))
            }
        };
        let (to, data) = (U256::from_be_slice(request.target.as_slice()), U256::from(request.input.len()));
        self.tell_step(|| {
            let mut stack = vec![U256::ZERO, U256::ZERO, data, U256::ZERO];
            let op = match request.kind {
                CallKind::Call => {
                    stack.push(request.value);
                    opcode::CALL
                }
                CallKind::Static => opcode::STATICCALL,
                CallKind::Delegate => opcode::DELEGATECALL,
            };
            stack.extend([to, U256::from(gas_limit)]);
            (op, gas_limit, base + gas_limit, stack)
        });
        let inputs = CallInputs {
            input: CallInput::Bytes(request.input),
            return_memory_offset: 0..0,
            gas_limit,
            reservoir: 0,
            bytecode_address: request.target,
            known_bytecode,
            target_address,
            caller,
            value,
            scheme,
            is_static: self.env.is_static || request.kind == CallKind::Static,
            charged_new_account_state_gas: false,
        };
        let result = self.evm.run_nested(self.depth + 1, FrameInput::Call(Box::new(inputs))).map_err(told)?;
        let ended = settle(&result);
        Host::refund(self, ended.refund);
        Ok(CallOutcome {
            success: ended.result.is_ok(),
            cost: base + gas_limit.saturating_sub(ended.returned),
            output: if ended.has_output() { result.output().into_data() } else { Bytes::new() },
        })
    }

    fn create(&mut self, request: CreateRequest) -> Result<CreateOutcome, HostError> {
        if self.env.is_static {
            return Err(HostError::Refused("write protection"));
        }
        let words = (request.code.len() as u64).div_ceil(32);
        let base = gas::CREATE + request.salt.map_or(0, |_| gas::HASH_WORD * words);
        let Some(left) = request.gas_left.checked_sub(base) else {
            return Err(HostError::Refused("out of gas"));
        };
        let kept = left / 64;
        let scheme = match request.salt {
            Some(salt) => CreateScheme::Create2 { salt: salt.into() },
            None => CreateScheme::Create,
        };
        let size = U256::from(request.code.len());
        self.tell_step(|| {
            let operands = [size, U256::ZERO, request.value];
            let (op, stack) = match request.salt {
                Some(salt) => (opcode::CREATE2, [&[salt.into()], operands.as_slice()].concat()),
                None => (opcode::CREATE, operands.to_vec()),
            };
            (op, left - kept, base, stack)
        });
        let inputs = CreateInputs::new(self.env.contract_address, scheme, request.value, request.code, left - kept, 0);
        let result = self.evm.run_nested(self.depth + 1, FrameInput::Create(Box::new(inputs))).map_err(told)?;
        let ended = settle(&result);
        Host::refund(self, ended.refund);
        let FrameResult::Create(created) = &result else {
            return Err(Fatal("a creation ended as a call".into()).into());
        };
        Ok(CreateOutcome {
            address: created.address.filter(|_| ended.result.is_ok()),
            cost: request.gas_left.saturating_sub(ended.returned.saturating_add(kept)),
            output: if ended.result == InstructionResult::Revert { result.output().into_data() } else { Bytes::new() },
        })
    }

    fn log(&mut self, topics: Vec<B256>, data: Bytes) -> Result<(), Fatal> {
        let data = LogData::new(topics, data).ok_or_else(|| Fatal("a log of five topics".into()))?;
        let address = self.env.contract_address;
        self.ctx().journaled_state.log(Log { address, data });
        Ok(())
    }

    fn balance(&mut self, address: Address) -> Result<Loaded<U256>, Fatal> {
        let Ok(load) = self.ctx().journaled_state.load_account(address);
        Ok(Loaded { value: load.info.balance, cold: load.is_cold })
    }

    fn code(&mut self, address: Address) -> Result<Loaded<Bytes>, Fatal> {
        let Ok(load) = self.ctx().journaled_state.code(address);
        Ok(Loaded { value: load.data, cold: load.is_cold })
    }

    fn code_hash(&mut self, address: Address) -> Result<Loaded<B256>, Fatal> {
        let Ok(load) = self.ctx().journaled_state.code_hash(address);
        Ok(Loaded { value: load.data, cold: load.is_cold })
    }

    fn pages(&mut self) -> &mut Pages {
        &mut self.ctx().chain.pages
    }

    fn trace(&mut self) -> Option<&mut HostioTrace> {
        self.ctx().chain.host.as_mut()
    }

    fn console(&mut self, line: &str) {
        self.ctx().chain.console.say(line);
    }
}

/// What a frame leaves to the program that called it.
struct Ended {
    result: InstructionResult,
    /// Gas that comes back: none after a failure that is no revert.
    returned: u64,
    refund: i64,
}

impl Ended {
    /// Return data of successes and reverts can be read; other failures have none.
    fn has_output(&self) -> bool {
        self.result.is_ok() || self.result == InstructionResult::Revert
    }
}

fn settle(result: &FrameResult) -> Ended {
    let (instruction, gas) = (result.instruction_result(), result.gas());
    Ended {
        result: instruction,
        returned: if instruction.is_ok_or_revert() { gas.remaining() } else { 0 },
        refund: if instruction.is_ok() { gas.refunded() } else { 0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recent_program_is_forgotten_first() {
        let mut recent = RecentPrograms::default();
        let [a, b, c] = [1, 2, 3].map(B256::with_last_byte);
        assert!(!recent.insert(a, 2) && !recent.insert(b, 2));
        assert!(recent.insert(a, 2), "it is known, and now the latest");
        assert!(!recent.insert(c, 2));
        assert!(recent.insert(a, 2) && !recent.insert(b, 2));
        recent.insert(a, 0);
        assert!(!recent.insert(a, 0), "nothing is kept in no room");
    }
}
