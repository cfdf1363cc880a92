//! The record of single opcodes that geth's default tracer tells.
//!
//! Programs have no opcodes, but Nitro tells some of their host calls as the opcode that does the same: so does this
//! record. Their gas is what is left afterwards, their `pc` is 0.

use std::collections::{BTreeMap, HashMap};

use alloy_primitives::{Address, Bytes, U256};
use revm::bytecode::OpCode;
use revm::bytecode::opcode as op;

use super::trace::TRACE_BYTES;
use crate::wasm::trace::HostioRecord;

/// What is recorded of each step beside its opcode and gas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepOptions {
    /// The stack.
    pub stack: bool,
    /// The memory.
    pub memory: bool,
    /// At reads and writes of storage: all slots of the account that were read or written so far.
    pub storage: bool,
    /// What the last call gave back.
    pub return_data: bool,
}

/// One opcode, as things were before it ran.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Where it stands in its code.
    pub pc: usize,
    /// The opcode.
    pub op: u8,
    /// Gas that is left.
    pub gas: u64,
    /// Gas that it takes, what it hands to a call included.
    pub cost: u64,
    /// Frames that are open; 1 in the outermost.
    pub depth: usize,
    /// Refund of the transaction so far.
    pub refund: u64,
    /// The stack, its top last.
    pub stack: Option<Vec<U256>>,
    /// The memory; empty if it is not recorded.
    pub memory: Bytes,
    /// Slots of the account; empty unless this reads or writes one.
    pub storage: BTreeMap<U256, U256>,
    /// What the last call gave back; empty if it is not recorded.
    pub return_data: Bytes,
    /// Why the opcode did not begin to run.
    pub error: Option<&'static str>,
}

impl Step {
    /// Name of the opcode as geth tells it.
    pub fn name(&self) -> String {
        match OpCode::new(self.op) {
            Some(op) => op.as_str().to_owned(),
            None => format!("opcode {:#x} not defined", self.op),
        }
    }

    /// Roughly the bytes that telling this step takes.
    fn size(&self) -> usize {
        let stack = self.stack.as_ref().map_or(0, Vec::len);
        600 + 100 * stack + 5 * self.memory.len() + 250 * self.storage.len() + 2 * self.return_data.len()
    }
}

/// Records steps while they run.
#[derive(Debug)]
pub(super) struct StepRecorder {
    options: StepOptions,
    steps: Vec<Step>,
    size: usize,
    /// Slots that were read or written, by account.
    storage: HashMap<Address, BTreeMap<U256, U256>>,
    frames: Vec<Frame>,
    /// Ink for a unit of gas.
    pub(super) ink_price: u64,
}

#[derive(Debug, Default)]
struct Frame {
    /// Whose storage it uses.
    account: Address,
    /// Refund of the frames around it, and its own.
    outer_refund: i64,
    refund: i64,
    /// Slots that a program has written and not flushed.
    written: Vec<(U256, U256)>,
}

impl StepRecorder {
    pub(super) fn new(options: StepOptions) -> Self {
        Self { options, steps: Vec::new(), size: 0, storage: HashMap::new(), frames: Vec::new(), ink_price: 10_000 }
    }

    /// What is recorded of each step.
    pub(super) const fn options(&self) -> StepOptions {
        self.options
    }

    /// Whether there is no room for more.
    pub(super) const fn is_full(&self) -> bool {
        self.size > TRACE_BYTES
    }

    /// The steps, in order.
    pub(super) fn finish(self) -> Vec<Step> {
        self.steps
    }

    /// A frame begins that uses the storage of `account`.
    pub(super) fn enter(&mut self, account: Address) {
        let outer_refund = self.frames.last().map_or(0, |frame| frame.outer_refund + frame.refund);
        self.frames.push(Frame { account, outer_refund, ..Frame::default() });
    }

    /// The frame that began last uses the storage of `account`.
    pub(super) fn set_account(&mut self, account: Address) {
        if let Some(frame) = self.frames.last_mut() {
            frame.account = account;
        }
    }

    /// The frame that began last ends.
    pub(super) fn exit(&mut self) {
        self.frames.pop();
    }

    /// Sets or adds to the refund of the frame that runs.
    pub(super) fn set_refund(&mut self, refund: i64) {
        if let Some(frame) = self.frames.last_mut() {
            frame.refund = refund;
        }
    }

    pub(super) fn add_refund(&mut self, delta: i64) {
        if let Some(frame) = self.frames.last_mut() {
            frame.refund += delta;
        }
    }

    /// Adds a step of the frame that runs; depth, refund and, of what reads or writes it, storage are filled in.
    pub(super) fn push(&mut self, mut step: Step) {
        if self.is_full() {
            return;
        }
        let (refund, account) =
            self.frames.last().map_or((0, Address::ZERO), |frame| (frame.outer_refund + frame.refund, frame.account));
        step.depth = self.frames.len();
        step.refund = u64::try_from(refund).unwrap_or(0);
        if self.options.storage && [op::SLOAD, op::SSTORE].contains(&step.op) && step.error.is_none() {
            step.storage = self.storage.get(&account).cloned().unwrap_or_default();
        }
        self.size += step.size();
        self.steps.push(step);
    }

    /// Notes the value of a slot that the next step reads or writes.
    pub(super) fn note_slot(&mut self, slot: U256, value: U256) {
        if self.options.storage
            && let Some(frame) = self.frames.last()
        {
            self.storage.entry(frame.account).or_default().insert(slot, value);
        }
    }

    /// Adds the opcode that stands for what a program did.
    pub(super) fn push_for_program(&mut self, op: u8, gas: u64, cost: u64, stack: Vec<U256>) {
        let stack = self.options.stack.then_some(stack);
        self.push(Step { op, gas, cost, stack, ..Step::default() });
    }

    /// Adds what a host call is told as, if it is.
    pub(super) fn host_call(&mut self, record: &HostioRecord) {
        let price = self.ink_price.max(1);
        let (gas, cost) = (record.end_ink / price, record.start_ink.saturating_sub(record.end_ink) / price);
        let (args, outs) = (record.args.as_ref(), record.outs.as_ref());
        let word = |bytes: &[u8], at: usize, size: usize| {
            U256::try_from_be_slice(bytes.get(at..at + size).unwrap_or_default()).unwrap_or_default()
        };
        let size = |bytes: &[u8]| U256::from(bytes.len());
        let zero = U256::ZERO;
        let (op, stack) = match record.name.as_str() {
            "read_args" => (op::CALLDATACOPY, vec![size(outs), zero, zero]),
            "storage_load_bytes32" => {
                let slot = word(args, 0, 32);
                self.note_slot(slot, word(outs, 0, 32));
                (op::SLOAD, vec![slot])
            }
            "storage_cache_bytes32" => {
                let (slot, value) = (word(args, 0, 32), word(args, 32, 32));
                if let Some(frame) = self.frames.last_mut() {
                    frame.written.retain(|(written, _)| *written != slot);
                    frame.written.push((slot, value));
                }
                return;
            }
            "storage_flush_cache" => {
                let written = self.frames.last_mut().map(|frame| std::mem::take(&mut frame.written));
                // All slots are paid for at once: the first one tells the price.
                let mut cost = cost;
                for (slot, value) in written.unwrap_or_default() {
                    self.note_slot(slot, value);
                    self.push_for_program(op::SSTORE, gas, std::mem::take(&mut cost), vec![value, slot]);
                }
                return;
            }
            "transient_load_bytes32" => (op::TLOAD, vec![word(args, 0, 32)]),
            "transient_store_bytes32" => (op::TSTORE, vec![word(args, 32, 32), word(args, 0, 32)]),
            "emit_log" => {
                let topics = word(args, 0, 4).saturating_to::<usize>().min(4);
                let mut stack: Vec<U256> = (0..topics).rev().map(|i| word(args, 4 + 32 * i, 32)).collect();
                stack.extend([U256::from(args.len().saturating_sub(4 + 32 * topics)), zero]);
                (op::LOG0 + topics as u8, stack)
            }
            "read_return_data" => (op::RETURNDATACOPY, vec![word(args, 4, 4), word(args, 0, 4), zero]),
            "return_data_size" => (op::RETURNDATASIZE, Vec::new()),
            "account_balance" => (op::BALANCE, vec![word(args, 0, 20)]),
            "account_code" => (op::EXTCODECOPY, vec![word(args, 24, 4), word(args, 20, 4), zero, word(args, 0, 20)]),
            "account_code_size" => (op::EXTCODESIZE, vec![word(args, 0, 20)]),
            "account_codehash" => (op::EXTCODEHASH, vec![word(args, 0, 20)]),
            "native_keccak256" => (op::KECCAK256, vec![size(args), zero]),
            "block_basefee" => (op::BASEFEE, Vec::new()),
            "block_coinbase" => (op::COINBASE, Vec::new()),
            "block_gas_limit" => (op::GASLIMIT, Vec::new()),
            "block_number" => (op::NUMBER, Vec::new()),
            "block_timestamp" => (op::TIMESTAMP, Vec::new()),
            "chainid" => (op::CHAINID, Vec::new()),
            "contract_address" => (op::ADDRESS, Vec::new()),
            "msg_sender" => (op::CALLER, Vec::new()),
            "msg_value" => (op::CALLVALUE, Vec::new()),
            "tx_gas_price" => (op::GASPRICE, Vec::new()),
            "tx_origin" => (op::ORIGIN, Vec::new()),
            "evm_gas_left" => (op::GAS, Vec::new()),
            // Calls and creations were told when they began; results are told when the program ends; mathematics, memory
            // and ink have no part in the chain.
            _ => return,
        };
        self.push_for_program(op, gas, cost, stack);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, args: &[u8], outs: &[u8], start_ink: u64, end_ink: u64) -> HostioRecord {
        HostioRecord {
            name: name.to_owned(),
            args: args.to_vec().into(),
            outs: outs.to_vec().into(),
            start_ink,
            end_ink,
            address: None,
            steps: Vec::new(),
        }
    }

    fn recorder() -> StepRecorder {
        StepRecorder::new(StepOptions { stack: true, storage: true, ..StepOptions::default() })
    }

    fn words(numbers: &[u64]) -> Vec<U256> {
        numbers.iter().copied().map(U256::from).collect()
    }

    /// The numbers are those that a Nitro node tells.
    #[test]
    fn host_calls_are_told_as_opcodes() {
        let mut steps = recorder();
        steps.enter(Address::ZERO);
        steps.host_call(&record("read_args", &[], &[0; 0x112], 4_565_896_350, 4_565_875_650));
        let slot = [U256::from(1).to_be_bytes::<32>(), U256::from(5).to_be_bytes()].concat();
        steps.host_call(&record("storage_cache_bytes32", &slot, &[], 4_565_834_221, 4_565_815_741));
        steps.host_call(&record("storage_flush_cache", &[0], &[], 4_565_771_745, 4_344_703_672));
        let log =
            [&[0, 0, 0, 2][..], &U256::from(1).to_be_bytes::<32>(), &U256::from(2).to_be_bytes::<32>(), &[0xab, 0xcd]];
        steps.host_call(&record("emit_log", &log.concat(), &[], 4_344_643_570, 4_333_147_246));
        let range = [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
        steps.host_call(&record("read_return_data", &range, &[0; 32], 4_085_268_059, 4_085_194_946));
        steps.host_call(&record("math_div", &[0; 64], &[0; 32], 2, 1));

        let told: Vec<_> =
            steps.finish().into_iter().map(|step| (step.name(), step.gas, step.cost, step.stack)).collect();
        let expected = [
            ("CALLDATACOPY", 456_587, 2, words(&[0x112, 0, 0])),
            ("SSTORE", 434_470, 22_106, words(&[5, 1])),
            ("LOG2", 433_314, 1_149, words(&[2, 1, 2, 0])),
            ("RETURNDATACOPY", 408_519, 7, words(&[0xffff_ffff, 0, 0])),
        ];
        assert_eq!(told, expected.map(|(name, gas, cost, stack)| (name.to_owned(), gas, cost, Some(stack))));
    }

    #[test]
    fn storage_is_told_by_account_as_far_as_it_is_known() {
        let mut steps = recorder();
        let (a, b) = (Address::repeat_byte(1), Address::repeat_byte(2));
        for (account, slot) in [(a, 1), (b, 2), (a, 3)] {
            steps.enter(account);
            steps.note_slot(U256::from(slot), U256::from(9));
            steps.push(Step { op: op::SSTORE, ..Step::default() });
            steps.push(Step { op: op::POP, ..Step::default() });
            steps.exit();
        }
        let told: Vec<_> =
            steps.finish().into_iter().map(|step| step.storage.into_keys().collect::<Vec<_>>()).collect();
        assert_eq!(told, [words(&[1]), vec![], words(&[2]), vec![], words(&[1, 3]), vec![]]);
    }

    #[test]
    fn refunds_of_open_frames_add_up() {
        let mut steps = recorder();
        steps.enter(Address::ZERO);
        steps.set_refund(4_800);
        steps.enter(Address::ZERO);
        steps.add_refund(-800);
        steps.push(Step::default());
        steps.exit();
        steps.push(Step::default());
        let told = steps.finish();
        assert_eq!(told.iter().map(|step| (step.depth, step.refund)).collect::<Vec<_>>(), [(2, 4_000), (1, 4_800)]);
    }

    #[test]
    fn a_full_record_takes_no_more() {
        let mut steps = recorder();
        steps.enter(Address::ZERO);
        let large = || Step { return_data: vec![0; TRACE_BYTES / 4].into(), ..Step::default() };
        (0..10).for_each(|_| steps.push(large()));
        assert!(steps.is_full());
        assert_eq!(steps.finish().len(), 2);
    }

    #[test]
    fn unknown_opcodes_have_geths_name() {
        assert_eq!(Step { op: 0x0c, ..Step::default() }.name(), "opcode 0xc not defined");
        assert_eq!(Step { op: 0xfe, ..Step::default() }.name(), "INVALID");
    }
}
