//! The passes that make a module meter itself: ink by basic block, bulk memory by byte, stack by function, memory by page.
//!
//! The result is plain WebAssembly that any engine runs with the same ink. Four globals are added after the module's
//! own ([`GLOBALS`]); the host sets them before a call and reads them during and after it.
//!
//! 1. **Meter.** A basic block ends with an instruction of [`ends_block`]. Before its first instruction the block pays
//!    for all of itself, or the program ends with the status global at 1.
//! 2. **Dynamic.** `memory.fill` and `memory.copy` pay for each byte just before they run.
//! 3. **Depth.** A function takes its frame size off the stack budget when it is entered and gives it back before
//!    each `return` and at its end. A branch to the outermost label gives nothing back, as on Nitro.
//! 4. **Heap.** `memory.grow` is preceded by a call of `pay_for_memory_grow`.

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, Encode, ExportKind, ExportSection, GlobalSection, GlobalType, Instruction,
    MemorySection, MemoryType, Module, RawSection, SectionId, ValType,
    reencode::{Reencode, RoundtripReencoder},
};
use wasmparser::{BinaryReader, BlockType as Block, ExternalKind, FunctionBody, GlobalSectionReader, Operator};

use super::{
    prices,
    validate::{Binary, ENTRYPOINT, MEMORY},
};

/// Names of the added globals, in their order.
pub(super) const GLOBALS: [&str; 4] = [INK_LEFT, INK_STATUS, SCRATCH, STACK_LEFT];
/// Ink that is left (`i64`).
pub(super) const INK_LEFT: &str = "stylus_ink_left";
/// 1 after the ink ran out (`i32`).
pub(super) const INK_STATUS: &str = "stylus_ink_status";
/// Where passes keep an operand (`i32`).
const SCRATCH: &str = "stylus_scratch_global";
/// Words of stack that are left (`i32`); 0 after it ran out.
pub(super) const STACK_LEFT: &str = "stylus_stack_left";

/// Most pages of a program's memory.
const MAX_PAGES: u64 = 128;
/// Most instructions of one instrumented body.
const MAX_OPS: u64 = 65_536;
/// Most words of one frame.
const MAX_FRAME: u32 = 10_240;
/// Most values on the stack of one function.
const MAX_HEIGHT: u32 = 4_096;
/// Words that a frame has besides its locals and temporaries.
const FRAME_OVERHEAD: u32 = 4;

/// An instrumented module.
pub(super) struct Instrumented {
    /// The module, ready for an engine.
    pub(super) wasm: Vec<u8>,
    /// Instructions of all bodies.
    pub(super) ops: u64,
}

/// Runs all passes.
pub(super) fn instrument(binary: &Binary<'_>) -> Result<Instrumented, String> {
    let mut passes = Passes {
        binary,
        ink_left: binary.globals,
        ink_status: binary.globals + 1,
        scratch: binary.globals + 2,
        stack_left: binary.globals + 3,
        pay: binary.pay_for_memory_grow().filter(|_| !binary.memory_is_fixed()),
        ops: 0,
    };
    let mut code = CodeSection::new();
    for body in &binary.bodies {
        code.raw(&passes.body(body)?);
    }
    Ok(Instrumented { wasm: assemble(binary, &code)?, ops: passes.ops })
}

/// Puts the module together again: globals and exports of the meter, the new code, everything else as it was.
fn assemble(binary: &Binary<'_>, code: &CodeSection) -> Result<Vec<u8>, String> {
    let mut module = Module::new();
    let copy = |module: &mut Module, id: SectionId| {
        if let Some(range) = binary.sections.get(&(id as u8)) {
            module.section(&RawSection { id: id as u8, data: &binary.bytes[range.clone()] });
        }
    };
    for id in [SectionId::Type, SectionId::Import, SectionId::Function, SectionId::Table] {
        copy(&mut module, id);
    }
    module.section(&memory(binary));
    module.section(&globals(binary)?);
    module.section(&exports(binary));
    copy(&mut module, SectionId::Element);
    if !code.is_empty() {
        module.section(code);
    }
    copy(&mut module, SectionId::Data);
    Ok(module.finish())
}

/// No memory grows beyond [`MAX_PAGES`], whatever it declares and pays.
fn memory(binary: &Binary<'_>) -> MemorySection {
    let maximum = binary.memory.maximum.unwrap_or(MAX_PAGES).min(MAX_PAGES);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: binary.memory.initial,
        maximum: Some(maximum.max(binary.memory.initial)),
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    memories
}

fn globals(binary: &Binary<'_>) -> Result<GlobalSection, String> {
    let mut globals = GlobalSection::new();
    if let Some(range) = binary.sections.get(&(SectionId::Global as u8)) {
        let reader = BinaryReader::new(&binary.bytes[range.clone()], range.start as u64);
        let own = GlobalSectionReader::new(reader).map_err(|error| error.to_string())?;
        RoundtripReencoder.parse_global_section(&mut globals, own).map_err(|error| error.to_string())?;
    }
    let mutable = |val_type| GlobalType { val_type, mutable: true, shared: false };
    globals.global(mutable(ValType::I64), &ConstExpr::i64_const(0));
    for _ in 1..GLOBALS.len() {
        globals.global(mutable(ValType::I32), &ConstExpr::i32_const(0));
    }
    Ok(globals)
}

/// Only the entry point and the memory stay exported.
fn exports(binary: &Binary<'_>) -> ExportSection {
    let mut exports = ExportSection::new();
    for export in &binary.exports {
        match (export.name, export.kind) {
            (ENTRYPOINT, ExternalKind::Func) => exports.export(ENTRYPOINT, ExportKind::Func, export.index),
            (MEMORY, ExternalKind::Memory) => exports.export(MEMORY, ExportKind::Memory, export.index),
            _ => continue,
        };
    }
    for (name, index) in GLOBALS.into_iter().zip(binary.globals..) {
        exports.export(name, ExportKind::Global, index);
    }
    exports
}

struct Passes<'b, 'a> {
    binary: &'b Binary<'a>,
    ink_left: u32,
    ink_status: u32,
    scratch: u32,
    stack_left: u32,
    pay: Option<u32>,
    ops: u64,
}

impl Passes<'_, '_> {
    /// Instruments one body; answers its bytes without their length.
    fn body(&mut self, body: &FunctionBody<'_>) -> Result<Vec<u8>, String> {
        let text = |error: wasmparser::BinaryReaderError| error.to_string();
        let plan = self.plan(body).map_err(text)??;
        let start = body.range().start;
        let bytes = body.as_bytes();
        let at = |position: u64| (position - start) as usize;

        let mut out = Writer { bytes: Vec::with_capacity(bytes.len() * 3), ops: 0 };
        let mut ops = body.get_operators_reader().map_err(text)?;
        out.bytes.extend_from_slice(&bytes[..at(ops.original_position())]);
        self.enter(&mut out, plan.size);

        let mut blocks = plan.blocks.into_iter();
        let mut new_block = true;
        while !ops.eof() {
            let from = at(ops.original_position());
            let op = ops.read().map_err(text)?;
            let raw = &bytes[from..at(ops.original_position())];
            if new_block {
                self.pay_block(&mut out, blocks.next().expect("planned from the same instructions"));
            }
            new_block = ends_block(&op);
            match op {
                Operator::MemoryFill { .. } | Operator::MemoryCopy { .. } => self.pay_bytes(&mut out),
                Operator::MemoryGrow { .. } => self.pay_pages(&mut out),
                Operator::Return => self.leave(&mut out, plan.size),
                Operator::End if ops.eof() => {
                    self.leave(&mut out, plan.size);
                    out.op(Instruction::Return);
                }
                _ => {}
            }
            out.raw(raw);
        }
        if out.ops > MAX_OPS {
            return Err(format!("too many wasm opcodes in func body: {} > {MAX_OPS}", out.ops));
        }
        self.ops += out.ops;
        Ok(out.bytes)
    }

    /// What a body costs: each block's ink, and the frame's words.
    fn plan(&self, body: &FunctionBody<'_>) -> wasmparser::Result<Result<Plan, String>> {
        let mut locals = 0u32;
        for group in body.get_locals_reader()? {
            locals = locals.saturating_add(group?.0);
        }
        let params = |ty: u32| self.binary.types[ty as usize].params().len() as u64;
        let mut stack = Heights::default();
        let mut blocks = Vec::new();
        let mut cost = 0u64;
        let mut new_block = true;
        for op in body.get_operators_reader()? {
            let op = op?;
            if new_block {
                // the meter's own temporaries
                stack.peak(2);
            }
            if let Operator::MemoryFill { .. } | Operator::MemoryCopy { .. } = op {
                stack.peak(3);
            }
            stack.walk(&op, self.binary);
            cost = cost.saturating_add(prices::opcode_price(&op, params));
            new_block = ends_block(&op);
            if new_block {
                blocks.push(std::mem::take(&mut cost).saturating_add(prices::BLOCK));
            }
        }
        if stack.worst > MAX_HEIGHT {
            return Ok(Err(format!("too many values on the stack at once: {} > {MAX_HEIGHT}", stack.worst)));
        }
        let size = stack.worst.saturating_add(locals).saturating_add(FRAME_OVERHEAD);
        if size > MAX_FRAME {
            return Ok(Err(format!("frame too large: {size} > {MAX_FRAME}-word limit")));
        }
        Ok(Ok(Plan { blocks, size }))
    }

    /// `if ink < cost { status = 1; unreachable }; ink -= cost`
    fn pay_block(&self, out: &mut Writer, cost: u64) {
        out.op(Instruction::GlobalGet(self.ink_left));
        out.op(Instruction::I64Const(cost as i64));
        out.op(Instruction::I64LtU);
        self.exhaust_ink(out);
        out.op(Instruction::GlobalGet(self.ink_left));
        out.op(Instruction::I64Const(cost as i64));
        out.op(Instruction::I64Sub);
        out.op(Instruction::GlobalSet(self.ink_left));
    }

    /// `ink -= 100 * size`, exhausted when that wraps; the operand stays on the stack.
    fn pay_bytes(&self, out: &mut Writer) {
        out.op(Instruction::GlobalSet(self.scratch));
        out.op(Instruction::GlobalGet(self.ink_left));
        out.op(Instruction::GlobalGet(self.ink_left));
        out.op(Instruction::GlobalGet(self.scratch));
        out.op(Instruction::I64ExtendI32U);
        out.op(Instruction::I64Const(prices::BULK_BYTE as i64));
        out.op(Instruction::I64Mul);
        out.op(Instruction::I64Sub);
        out.op(Instruction::GlobalSet(self.ink_left));
        out.op(Instruction::GlobalGet(self.ink_left));
        out.op(Instruction::I64LtU);
        self.exhaust_ink(out);
        out.op(Instruction::GlobalGet(self.scratch));
    }

    fn exhaust_ink(&self, out: &mut Writer) {
        out.op(Instruction::If(BlockType::Empty));
        out.op(Instruction::I32Const(1));
        out.op(Instruction::GlobalSet(self.ink_status));
        out.op(Instruction::Unreachable);
        out.op(Instruction::End);
    }

    /// `if stack <= size { stack = 0; unreachable }; stack -= size`
    fn enter(&self, out: &mut Writer, size: u32) {
        out.op(Instruction::GlobalGet(self.stack_left));
        out.op(Instruction::I32Const(size as i32));
        out.op(Instruction::I32LeU);
        out.op(Instruction::If(BlockType::Empty));
        out.op(Instruction::I32Const(0));
        out.op(Instruction::GlobalSet(self.stack_left));
        out.op(Instruction::Unreachable);
        out.op(Instruction::End);
        out.op(Instruction::GlobalGet(self.stack_left));
        out.op(Instruction::I32Const(size as i32));
        out.op(Instruction::I32Sub);
        out.op(Instruction::GlobalSet(self.stack_left));
    }

    /// `stack += size`
    fn leave(&self, out: &mut Writer, size: u32) {
        out.op(Instruction::GlobalGet(self.stack_left));
        out.op(Instruction::I32Const(size as i32));
        out.op(Instruction::I32Add);
        out.op(Instruction::GlobalSet(self.stack_left));
    }

    /// `pay_for_memory_grow(pages)`; the operand stays on the stack.
    fn pay_pages(&self, out: &mut Writer) {
        if let Some(pay) = self.pay {
            out.op(Instruction::GlobalSet(self.scratch));
            out.op(Instruction::GlobalGet(self.scratch));
            out.op(Instruction::GlobalGet(self.scratch));
            out.op(Instruction::Call(pay));
        }
    }
}

/// A body under construction, and how many instructions it has.
struct Writer {
    bytes: Vec<u8>,
    ops: u64,
}

impl Writer {
    fn op(&mut self, instruction: Instruction<'_>) {
        instruction.encode(&mut self.bytes);
        self.ops += 1;
    }

    fn raw(&mut self, instruction: &[u8]) {
        self.bytes.extend_from_slice(instruction);
        self.ops += 1;
    }
}

/// What the first walk over a body finds.
struct Plan {
    /// Ink of each basic block.
    blocks: Vec<u64>,
    /// Words of the frame.
    size: u32,
}

/// The instruction is the last of its basic block.
pub(super) fn ends_block(op: &Operator<'_>) -> bool {
    matches!(
        op,
        Operator::End
            | Operator::Else
            | Operator::Return
            | Operator::Loop { .. }
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
            | Operator::If { .. }
            | Operator::Call { .. }
            | Operator::CallIndirect { .. }
    )
}

/// Nitro's simple walk over the height of the value stack: it knows nothing of dead code and counts a block's results
/// from its start.
#[derive(Default)]
struct Heights {
    height: u32,
    worst: u32,
    scopes: Vec<u32>,
}

impl Heights {
    fn push(&mut self, values: usize) {
        self.height = self.height.saturating_add(values as u32);
        self.worst = self.worst.max(self.height);
    }

    fn pop(&mut self, values: usize) {
        self.height = self.height.saturating_sub(values as u32);
    }

    /// Temporaries that are gone at once.
    fn peak(&mut self, values: u32) {
        self.worst = self.worst.max(self.height.saturating_add(values));
    }

    fn open(&mut self, block: Block, binary: &Binary<'_>) {
        match block {
            Block::Empty => {}
            Block::Type(_) => self.push(1),
            Block::FuncType(ty) => self.push(binary.types[ty as usize].results().len()),
        }
        self.scopes.push(self.height);
    }

    fn walk(&mut self, op: &Operator<'_>, binary: &Binary<'_>) {
        use Operator as O;
        match op {
            O::Block { blockty } | O::Loop { blockty } => self.open(*blockty, binary),
            O::If { blockty } => {
                self.pop(1);
                self.open(*blockty, binary);
            }
            O::Else => self.height = self.scopes.last().copied().unwrap_or_default(),
            O::End => self.height = self.scopes.pop().unwrap_or_default(),
            O::Call { function_index } => {
                let ty = binary.function_type(*function_index);
                self.push(ty.results().len());
                self.pop(ty.params().len());
            }
            O::CallIndirect { type_index, .. } => {
                let ty = &binary.types[*type_index as usize];
                self.push(ty.results().len());
                self.pop(ty.params().len() + 1);
            }
            O::LocalGet { .. } | O::GlobalGet { .. } | O::MemorySize { .. } => self.push(1),
            O::I32Const { .. } | O::I64Const { .. } | O::F32Const { .. } | O::F64Const { .. } => self.push(1),
            O::Drop | O::BrIf { .. } | O::BrTable { .. } | O::LocalSet { .. } | O::GlobalSet { .. } => self.pop(1),
            O::Select => self.pop(2),
            O::I32Store { .. } | O::I32Store8 { .. } | O::I32Store16 { .. } => self.pop(2),
            O::I64Store { .. } | O::I64Store8 { .. } | O::I64Store16 { .. } | O::I64Store32 { .. } => self.pop(2),
            O::F32Store { .. } | O::F64Store { .. } => self.pop(2),
            O::MemoryFill { .. } | O::MemoryCopy { .. } => self.pop(3),
            _ if is_binary(op) => self.pop(1),
            // unary operations, loads, local.tee, memory.grow, br, return, unreachable, nop
            _ => {}
        }
    }
}

/// Two operands, one result.
fn is_binary(op: &Operator<'_>) -> bool {
    use Operator as O;
    matches!(
        op,
        O::I32Eq
            | O::I32Ne
            | O::I32LtS
            | O::I32LtU
            | O::I32GtS
            | O::I32GtU
            | O::I32LeS
            | O::I32LeU
            | O::I32GeS
            | O::I32GeU
            | O::I64Eq
            | O::I64Ne
            | O::I64LtS
            | O::I64LtU
            | O::I64GtS
            | O::I64GtU
            | O::I64LeS
            | O::I64LeU
            | O::I64GeS
            | O::I64GeU
            | O::I32Add
            | O::I32Sub
            | O::I32Mul
            | O::I32DivS
            | O::I32DivU
            | O::I32RemS
            | O::I32RemU
            | O::I32And
            | O::I32Or
            | O::I32Xor
            | O::I32Shl
            | O::I32ShrS
            | O::I32ShrU
            | O::I32Rotl
            | O::I32Rotr
            | O::I64Add
            | O::I64Sub
            | O::I64Mul
            | O::I64DivS
            | O::I64DivU
            | O::I64RemS
            | O::I64RemU
            | O::I64And
            | O::I64Or
            | O::I64Xor
            | O::I64Shl
            | O::I64ShrS
            | O::I64ShrU
            | O::I64Rotl
            | O::I64Rotr
    )
}
