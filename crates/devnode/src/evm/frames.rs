//! The frames of an execution: revm's loop, with programs run where their code is called.

use std::convert::Infallible;
use std::mem;

use alloy_primitives::{Address, Bytes, KECCAK256_EMPTY, U256};
use revm::Database;
use revm::bytecode::{Bytecode, opcode};
use revm::context::{Cfg, ContextTr, Evm, FrameStack, JournalTr};
use revm::handler::instructions::EthInstructions;
use revm::handler::{EthFrame, EvmTr, FrameData, FrameResult, ItemOrResult};
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::interpreter_action::FrameInit;
use revm::interpreter::interpreter_types::{Jumps, LegacyBytecode, LoopControl, ReturnData};
use revm::interpreter::{
    CallInputs, CallScheme, CreateScheme, FrameInput, InstructionResult, Interpreter, InterpreterAction,
    InterpreterResult, SharedMemory,
};

use super::console::CONSOLE;
use super::context::{Ctx, Failure, OpenFrame, peek};
use super::precompiles::Precompiles;
use super::steps::{Step, StepOptions};
use super::trace::CallFrame;
use super::words;
use crate::arbos::PRECOMPILE_CODE;
use crate::wasm::code::ProgramCode;

type Inner<DB> = Evm<Ctx<DB>, (), EthInstructions<EthInterpreter, Ctx<DB>>, Precompiles, EthFrame<EthInterpreter>>;

/// revm with Arbitrum's opcodes and precompiles, and programs.
pub(super) struct ArbEvm<DB: Database<Error = Infallible>> {
    pub(super) inner: Inner<DB>,
}

/// First byte of codes that only Stylus may store.
const RESERVED: u8 = 0xEF;
/// Gas for a byte of a contract's code.
const CODE_DEPOSIT: u64 = 200;

impl<DB: Database<Error = Infallible>> ArbEvm<DB> {
    pub(super) fn ctx(&mut self) -> &mut Ctx<DB> {
        &mut self.inner.ctx
    }

    /// Runs a frame and all that it calls on a stack of their own, inside the frame that runs now.
    pub(super) fn run_nested(&mut self, depth: usize, frame_input: FrameInput) -> Result<FrameResult, Failure> {
        let memory = self.inner.frame_stack.get().interpreter.memory.new_child_context();
        let outer = mem::replace(&mut self.inner.frame_stack, FrameStack::new());
        let result = self.run(FrameInit { depth, memory, frame_input });
        self.inner.frame_stack = outer;
        self.inner.frame_stack.get().interpreter.memory.free_child_context();
        result
    }

    /// Memory of the outermost frame.
    pub(super) fn new_memory(&self) -> SharedMemory {
        use revm::context::LocalContextTr;
        let ctx = &self.inner.ctx;
        let mut memory = SharedMemory::new_with_buffer(ctx.local.shared_memory_buffer().clone());
        memory.set_memory_limit(ctx.cfg().memory_limit());
        memory
    }

    /// Runs a frame and all that it calls, from an empty stack of frames until its result is there.
    pub(super) fn run(&mut self, first: FrameInit) -> Result<FrameResult, Failure> {
        let mut next = Some(first);
        loop {
            let ended = match next.take() {
                Some(init) => self.begin(init)?,
                None => match self.step()? {
                    ItemOrResult::Item(init) => {
                        next = Some(init);
                        continue;
                    }
                    ItemOrResult::Result(result) => {
                        self.inner.ctx.chain.pop();
                        Some(result)
                    }
                },
            };
            let Some(result) = ended else { continue };
            self.record_end(&result);
            if self.inner.frame_stack.index().is_none() {
                return Ok(result);
            }
            if let Some(result) = self.inner.frame_return_result(result)? {
                return Ok(result);
            }
        }
    }

    /// Enters a frame; `Some` if it ended at once, as calls of precompiles and of accounts without code do.
    fn begin(&mut self, mut init: FrameInit) -> Result<Option<FrameResult>, Failure> {
        self.record_begin(&init.frame_input);
        if let FrameInput::Call(call) = &mut init.frame_input
            && self.borrows_precompile(call)
        {
            call.known_bytecode = (KECCAK256_EMPTY, Bytecode::default());
        }
        let open = match &init.frame_input {
            FrameInput::Call(call) => OpenFrame {
                acting: matches!(call.scheme, CallScheme::Call | CallScheme::StaticCall).then_some(call.target_address),
                caller: call.caller,
            },
            FrameInput::Create(create) => OpenFrame { acting: None, caller: create.caller() },
            FrameInput::Empty => return Err(Failure::Custom("an empty frame".into())),
        };
        let created = match self.inner.frame_init(init)? {
            ItemOrResult::Result(result) => return Ok(Some(result)),
            ItemOrResult::Item(frame) => match &frame.data {
                FrameData::Create(create) => Some(create.created_address),
                FrameData::Call(_) => None,
            },
        };
        let chain = &mut self.inner.ctx.chain;
        if let (Some(created), Some(steps)) = (created, &mut chain.steps) {
            steps.set_account(created);
        }
        chain.push(OpenFrame { acting: created.or(open.acting), ..open });
        Ok(None)
    }

    /// Whether the code of a call is a precompile's, to which an account delegates (EIP-7702): where the rules say so, it
    /// has nothing to run then.
    fn borrows_precompile(&mut self, call: &CallInputs) -> bool {
        let ctx = &mut self.inner.ctx;
        if !ctx.chain.rules.delegated_precompile_is_empty
            || call.known_bytecode.1.original_byte_slice() != PRECOMPILE_CODE
        {
            return false;
        }
        let delegate = peek(&mut ctx.journaled_state, call.bytecode_address, |account| {
            account.info.code.as_ref().and_then(Bytecode::eip7702_address)
        });
        delegate.is_some_and(|delegate| self.inner.precompiles.addresses().contains(&delegate))
    }

    /// Runs the frame on top until it calls another one or ends.
    fn step(&mut self) -> Result<ItemOrResult<FrameInit, FrameResult>, Failure> {
        let rules = &self.inner.ctx.chain.rules;
        let frame = self.inner.frame_stack.get();
        let mut action = if ProgramCode::is_callable(frame.interpreter.bytecode.original_byte_slice(), rules) {
            InterpreterAction::Return(self.run_program()?)
        } else if self.inner.ctx.chain.steps.is_some() {
            self.run_recorded()
        } else {
            frame.interpreter.run_plain(
                self.inner.instruction.instruction_table(),
                self.inner.instruction.gas_table(),
                &mut self.inner.ctx,
            )
        };
        if let InterpreterAction::Return(result) = &mut action {
            self.check_end(result);
        }
        let frame = self.inner.frame_stack.get();
        frame.process_next_action::<_, Failure>(&mut self.inner.ctx, action).inspect(|next| {
            if next.is_result() {
                frame.set_finished(true);
            }
        })
    }

    /// Runs the frame on top as [`Interpreter::run_plain`] does, and records each opcode.
    fn run_recorded(&mut self) -> InterpreterAction {
        let Evm { ctx, instruction, frame_stack, .. } = &mut self.inner;
        let (instructions, gas_table) = (instruction.instruction_table(), instruction.gas_table());
        let interpreter = &mut frame_stack.get().interpreter;
        let failure = loop {
            let step = ctx.chain.steps.as_ref().map(|steps| observe(interpreter, steps.options()));
            let [value, slot] = top_two(interpreter);
            let result = interpreter.step(instructions, gas_table, ctx);
            if let (Some(mut step), Some(steps)) = (step, &mut ctx.chain.steps) {
                let error = result.err().filter(|error| is_refused(*error));
                step.error = error.and_then(words::failure);
                step.cost = step.gas.saturating_sub(interpreter.gas.remaining());
                match (error, interpreter.bytecode.action()) {
                    // Gas that did not suffice: what was charged before, at least the opcode's fixed price.
                    (Some(_), _) => step.cost = step.cost.max(gas_table[step.op as usize].into()),
                    // What the init code gets is no part of the opcode's price.
                    (None, Some(InterpreterAction::NewFrame(FrameInput::Create(create)))) => {
                        step.cost = step.cost.saturating_sub(create.gas_limit());
                    }
                    _ => {}
                }
                match step.op {
                    opcode::SLOAD if result.is_ok() => steps.note_slot(slot, top_two(interpreter)[1]),
                    opcode::SSTORE if result.is_ok() => steps.note_slot(slot, value),
                    _ => {}
                }
                steps.push(step);
                steps.set_refund(interpreter.gas.refunded());
            }
            if let Err(failure) = result {
                break failure;
            }
        };
        if interpreter.bytecode.action().is_none() {
            interpreter.halt(failure);
        }
        interpreter.take_next_action()
    }

    /// What revm does not look at when a frame ends: codes that begin with `EF` must be programs.
    fn check_end(&mut self, result: &mut InterpreterResult) {
        let frame = self.inner.frame_stack.get();
        let chain = &mut self.inner.ctx.chain;
        if result.result == InstructionResult::OpcodeNotFound && chain.failure.is_none() {
            let opcode = frame
                .interpreter
                .bytecode
                .pc()
                .checked_sub(1)
                .and_then(|pc| frame.interpreter.bytecode.bytecode_slice().get(pc));
            chain.failure = opcode.map(|op| format!("invalid opcode: opcode {op:#x} not defined"));
        }
        if !matches!(frame.data, FrameData::Create(_)) || !result.result.is_ok() {
            return;
        }
        let size = result.output.len();
        if size > self.inner.ctx.cfg.max_code_size() {
            return;
        }
        if result.output.first() == Some(&RESERVED) && ProgramCode::parse(&result.output, &chain.rules).is_none() {
            result.result = InstructionResult::CreateContractStartingWithEF;
            result.output = Bytes::new();
        } else if result.gas.remaining() < CODE_DEPOSIT * size as u64 {
            chain.failure = Some("contract creation code storage out of gas".into());
        }
    }

    fn record_begin(&mut self, input: &FrameInput) {
        let ctx = &mut self.inner.ctx;
        ctx.chain.tell_host_calls();
        if let Some(steps) = &mut ctx.chain.steps {
            steps.enter(match input {
                FrameInput::Call(call) => call.target_address,
                _ => Address::ZERO,
            });
        }
        if let FrameInput::Call(call) = input
            && call.bytecode_address == CONSOLE
        {
            let line = call.input.bytes(ctx);
            ctx.chain.console.call(&line);
        }
        let nested = !ctx.chain.frames.is_empty();
        if ctx.chain.calls.is_none() && !(nested && ctx.chain.host.is_some()) {
            return;
        }
        let (frame, host_name) = match input {
            FrameInput::Call(call) => {
                let (kind, host_name) = match call.scheme {
                    CallScheme::Call => ("CALL", "evm_call_contract"),
                    CallScheme::StaticCall => ("STATICCALL", "evm_static_call_contract"),
                    CallScheme::DelegateCall => ("DELEGATECALL", "evm_delegate_call_contract"),
                    CallScheme::CallCode => ("CALLCODE", ""),
                };
                let frame = CallFrame {
                    kind,
                    from: match call.scheme {
                        CallScheme::DelegateCall => call.target_address,
                        _ => call.caller,
                    },
                    to: Some(call.bytecode_address),
                    value: (call.scheme != CallScheme::StaticCall).then(|| call.call_value()),
                    gas: call.gas_limit,
                    input: call.input.bytes(ctx),
                    ..CallFrame::default()
                };
                (frame, host_name)
            }
            FrameInput::Create(create) => {
                let (kind, host_name) = match create.scheme() {
                    CreateScheme::Create2 { .. } => ("CREATE2", "evm_create2"),
                    _ => ("CREATE", "evm_create1"),
                };
                let nonce = match ctx.journaled_state.load_account(create.caller()) {
                    Ok(caller) => caller.info.nonce,
                };
                let frame = CallFrame {
                    kind,
                    from: create.caller(),
                    to: Some(create.created_address(nonce)),
                    value: Some(create.value()),
                    gas: create.gas_limit(),
                    input: create.init_code().clone(),
                    ..CallFrame::default()
                };
                (frame, host_name)
            }
            FrameInput::Empty => return,
        };
        if let Some(host) = &mut ctx.chain.host
            && nested
        {
            host.enter(host_name, frame.to.unwrap_or_default());
        }
        if let Some(calls) = &mut ctx.chain.calls {
            calls.enter(frame, ctx.journaled_state.logs());
        }
    }

    fn record_end(&mut self, result: &FrameResult) {
        let ctx = &mut self.inner.ctx;
        ctx.chain.tell_host_calls();
        if let Some(steps) = &mut ctx.chain.steps {
            steps.exit();
        }
        let instruction = result.instruction_result();
        let error = words::failure(instruction).map(|text| ctx.chain.failure.take().unwrap_or_else(|| text.to_owned()));
        // The outermost frame's failure is what the execution tells.
        if ctx.chain.frames.is_empty() {
            ctx.chain.failure.clone_from(&error);
        } else if let Some(host) = &mut ctx.chain.host {
            host.exit();
        }
        if let Some(calls) = &mut ctx.chain.calls {
            let gas = result.gas();
            let left = if instruction.is_ok_or_revert() { gas.remaining() } else { 0 };
            let output = result.output().into_data();
            calls.exit(gas.limit().saturating_sub(left), output, error, ctx.journaled_state.logs());
        }
    }
}

/// What is recorded of the opcode that runs next.
fn observe(interpreter: &Interpreter, options: StepOptions) -> Step {
    Step {
        pc: interpreter.bytecode.pc(),
        op: interpreter.bytecode.opcode(),
        gas: interpreter.gas.remaining(),
        stack: options.stack.then(|| interpreter.stack.data().clone()),
        memory: if options.memory { interpreter.memory.context_memory().to_vec().into() } else { Bytes::new() },
        return_data: if options.return_data { interpreter.return_data.buffer().clone() } else { Bytes::new() },
        ..Step::default()
    }
}

/// The two words on top of the stack, the top last; zero where there is none.
fn top_two(interpreter: &Interpreter) -> [U256; 2] {
    let mut words = interpreter.stack.data().iter().rev().copied();
    let (top, below) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    [below, top]
}

/// Whether an opcode failed before it did anything: for want of gas, or of operands.
fn is_refused(result: InstructionResult) -> bool {
    matches!(result, InstructionResult::StackUnderflow | InstructionResult::StackOverflow)
        || words::failure(result) == Some(words::OUT_OF_GAS)
}
