//! Makes a program of a module of the specification: an entry point that calls its functions and checks what they give.
//!
//! Nothing of the module but its imports and exports is lost. Index 0 becomes `pay_for_memory_grow`, so every function
//! moves up by one; what the specification's host offers (`spectest`) becomes the module's own.

use std::collections::HashMap;

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataCountSection, DataSection, ElementSection, EntityType, ExportKind,
    ExportSection, Function, FunctionSection, GlobalSection, ImportSection, Instruction, MemorySection, MemoryType,
    Module, StartSection, TableSection, TypeSection, ValType,
    reencode::{self, Reencode, utils},
};
use wasmparser::{
    BlockType as Block, ElementItems, ExternalKind, FuncType, FunctionBody, Operator, Parser, Payload, TypeRef,
    ValType as Val,
};

/// A number that passes between a directive and a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    I32(i32),
    I64(i64),
}

/// What a directive does.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Function { index: u32, arguments: Vec<Value> },
    Global(u32),
}

/// A directive that a program can carry out.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// These are the results; of `None`, whatever they are.
    Returns(Call, Option<Vec<Value>>),
    /// It does not return.
    Traps(Call),
}

/// A module of the specification, read.
pub(crate) struct Source<'a> {
    bytes: &'a [u8],
    types: Vec<FuncType>,
    /// Type of each function, imported ones first.
    functions: Vec<u32>,
    bodies: Vec<FunctionBody<'a>>,
    exports: HashMap<&'a str, (ExternalKind, u32)>,
    globals: Vec<Val>,
    imported_globals: usize,
    elements: Vec<u32>,
    start: Option<u32>,
    memory: Option<(u64, Option<u64>)>,
    imported_table: bool,
    has_data_count: bool,
    /// Functions that meet a float, however indirectly.
    floaty: Vec<bool>,
    /// Some body computes with floats.
    pub(crate) computes_floats: bool,
}

/// What a program keeps of its module beside what can run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Keep {
    /// Functions that meet floats; else they are emptied.
    pub(crate) floats: bool,
    /// The start function as such; it runs first in any case.
    pub(crate) start: bool,
}

/// Directives that a body of the adapter has at most: whole modules would exceed what one function may hold.
const CHECKS_PER_FUNCTION: usize = 100;
/// What a program returns when something that should trap did not.
const NO_TRAP: i32 = -1;

impl<'a> Source<'a> {
    /// Reads a module; none where it needs more of a host than a program can have.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut source = Self {
            bytes,
            types: Vec::new(),
            functions: Vec::new(),
            bodies: Vec::new(),
            exports: HashMap::new(),
            globals: Vec::new(),
            imported_globals: 0,
            elements: Vec::new(),
            start: None,
            memory: None,
            imported_table: false,
            has_data_count: false,
            floaty: Vec::new(),
            computes_floats: false,
        };
        for payload in Parser::new(0).parse_all(bytes) {
            source.take(payload.ok()?)?;
        }
        source.find_floats()?;
        Some(source)
    }

    fn take(&mut self, payload: Payload<'a>) -> Option<()> {
        match payload {
            Payload::TypeSection(reader) => {
                for ty in reader.into_iter_err_on_gc_types() {
                    self.types.push(ty.ok()?);
                }
            }
            Payload::ImportSection(reader) => {
                for import in reader.into_imports() {
                    let import = import.ok()?;
                    if import.module != "spectest" {
                        return None;
                    }
                    match import.ty {
                        TypeRef::Func(ty) => self.functions.push(ty),
                        TypeRef::Global(ty) if !ty.mutable => {
                            self.globals.push(ty.content_type);
                            self.imported_globals += 1;
                        }
                        TypeRef::Memory(_) => self.memory = Some((1, Some(2))),
                        TypeRef::Table(_) => self.imported_table = true,
                        _ => return None,
                    }
                }
            }
            Payload::FunctionSection(reader) => {
                for ty in reader {
                    self.functions.push(ty.ok()?);
                }
            }
            Payload::MemorySection(reader) => {
                for memory in reader {
                    let memory = memory.ok()?;
                    self.memory = Some((memory.initial, memory.maximum));
                }
            }
            Payload::GlobalSection(reader) => {
                for global in reader {
                    self.globals.push(global.ok()?.ty.content_type);
                }
            }
            Payload::ExportSection(reader) => {
                for export in reader {
                    let export = export.ok()?;
                    self.exports.insert(export.name, (export.kind, export.index));
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::ElementSection(reader) => {
                for element in reader {
                    if let ElementItems::Functions(items) = element.ok()?.items {
                        for item in items {
                            self.elements.push(item.ok()?);
                        }
                    }
                }
            }
            Payload::DataCountSection { .. } => self.has_data_count = true,
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            _ => {}
        }
        Some(())
    }

    fn imported_functions(&self) -> usize {
        self.functions.len() - self.bodies.len()
    }

    fn ty(&self, function: u32) -> &FuncType {
        &self.types[self.functions[function as usize] as usize]
    }

    /// What a directive's name means, if a program can do it: nothing that has to do with floats.
    pub(crate) fn call(&self, name: &str, arguments: Option<Vec<Value>>) -> Option<Call> {
        match (self.exports.get(name)?, arguments) {
            (&(ExternalKind::Func, index), Some(arguments)) if !self.floaty[index as usize] => {
                Some(Call::Function { index, arguments })
            }
            (&(ExternalKind::Global, index), None) if !is_float(self.globals[index as usize]) => {
                Some(Call::Global(index))
            }
            _ => None,
        }
    }

    pub(crate) fn has_start(&self) -> bool {
        self.start.is_some()
    }

    fn find_floats(&mut self) -> Option<()> {
        let imported = self.imported_functions();
        let has_float = |ty: &FuncType| ty.params().iter().chain(ty.results()).any(|&ty| is_float(ty));
        self.floaty = (0..self.functions.len() as u32).map(|index| has_float(self.ty(index))).collect();
        let mut calls: Vec<Vec<Operator<'_>>> = Vec::new();
        for (own, body) in self.bodies.iter().enumerate() {
            let mut floaty = false;
            for local in body.get_locals_reader().ok()? {
                floaty |= is_float(local.ok()?.1);
            }
            let mut here = Vec::new();
            for op in body.get_operators_reader().ok()? {
                let op = op.ok()?;
                match op {
                    Operator::Call { .. } | Operator::CallIndirect { .. } => here.push(op),
                    Operator::GlobalGet { global_index } | Operator::GlobalSet { global_index } => {
                        floaty |= is_float(*self.globals.get(global_index as usize)?);
                    }
                    Operator::Block { blockty: Block::FuncType(ty) }
                    | Operator::Loop { blockty: Block::FuncType(ty) }
                    | Operator::If { blockty: Block::FuncType(ty) } => {
                        floaty |= has_float(self.types.get(ty as usize)?);
                    }
                    other => {
                        let name = format!("{other:?}");
                        if name.contains("F32") || name.contains("F64") {
                            floaty = true;
                            let harmless = ["Const", "Load", "Store", "Reinterpret", "blockty", "TypedSelect"];
                            self.computes_floats |= !harmless.iter().any(|word| name.contains(word));
                        }
                    }
                }
            }
            self.floaty[imported + own] |= floaty;
            calls.push(here);
        }
        // whoever calls such a function is one, too
        loop {
            let mut changed = false;
            for (own, calls) in calls.iter().enumerate() {
                let reaches = calls.iter().any(|call| match call {
                    Operator::Call { function_index } => self.floaty[*function_index as usize],
                    Operator::CallIndirect { type_index, .. } => {
                        let ty = &self.types[*type_index as usize];
                        has_float(ty)
                            || self.elements.iter().any(|&item| self.floaty[item as usize] && self.ty(item) == ty)
                    }
                    _ => false,
                });
                let floaty = &mut self.floaty[imported + own];
                changed |= reaches && !*floaty;
                *floaty |= reaches;
            }
            if !changed {
                return Some(());
            }
        }
    }

    /// The module as a program. Called with calldata of length 0 it does all steps that return and answers 0, or one
    /// more than the number of the first that gave something else. Called with a length of `n` it does them up to the
    /// `n`th that traps, and that.
    pub(crate) fn program(&self, steps: &[Step], keep: Keep) -> Result<Vec<u8>, reencode::Error> {
        let mut added = Vec::new();
        let mut main = Vec::new();
        let mut traps = 0;
        let mut number = 0;
        while number < steps.len() {
            let next = self.added_from() + added.len() as u32;
            if let Step::Traps(call) = &steps[number] {
                let mut body = Function::new([]);
                self.write_call(call, &mut body);
                for _ in self.results(call) {
                    body.instruction(&Instruction::Drop);
                }
                body.instruction(&Instruction::End);
                added.push((Added::Trap, body));
                traps += 1;
                main.extend([
                    Instruction::LocalGet(0),
                    Instruction::I32Const(traps),
                    Instruction::I32Eq,
                    Instruction::If(BlockType::Empty),
                    Instruction::Call(next),
                    Instruction::I32Const(NO_TRAP),
                    Instruction::Return,
                    Instruction::End,
                ]);
                number += 1;
            } else {
                let end = steps.len().min(number + CHECKS_PER_FUNCTION);
                let end = (number..end).find(|&at| matches!(steps[at], Step::Traps(_))).unwrap_or(end);
                added.push((Added::Checks, self.checks(&steps[number..end], number)));
                main.extend([
                    Instruction::Call(next),
                    Instruction::LocalTee(1),
                    Instruction::If(BlockType::Empty),
                    Instruction::LocalGet(1),
                    Instruction::Return,
                    Instruction::End,
                ]);
                number = end;
            }
        }
        main.push(Instruction::I32Const(0));
        self.assemble(keep, added, main)
    }

    /// The module as a program that makes these calls and answers a mix of all that they give.
    pub(crate) fn calling(&self, calls: &[Call]) -> Result<Vec<u8>, reencode::Error> {
        let mut main = Vec::new();
        for call in calls {
            self.push_call(call, &mut main);
            for ty in self.results(call).iter().rev() {
                if *ty == Val::I64 {
                    main.extend([Instruction::I64Const(0x9E37_79B9_7F4A_7C15_u64 as i64), Instruction::I64Mul]);
                    main.extend([Instruction::I64Const(32), Instruction::I64ShrU, Instruction::I32WrapI64]);
                }
                main.extend([Instruction::LocalGet(1), Instruction::I32Const(5), Instruction::I32Rotl]);
                main.extend([Instruction::I32Xor, Instruction::LocalSet(1)]);
            }
        }
        main.push(Instruction::LocalGet(1));
        self.assemble(Keep::default(), Vec::new(), main)
    }

    /// Functions that are there to be called.
    pub(crate) fn callable(&self) -> Vec<(u32, Vec<Val>)> {
        let own = self.imported_functions() as u32..self.functions.len() as u32;
        own.filter(|&index| !self.floaty[index as usize])
            .map(|index| (index, self.ty(index).params().to_vec()))
            .collect()
    }

    /// Index of the first function that is added.
    fn added_from(&self) -> u32 {
        self.functions.len() as u32 + 1
    }

    /// Puts everything together; `main` is the body of the entry point, whose local 1 is an `i32`.
    fn assemble(
        &self,
        keep: Keep,
        added: Vec<(Added, Function)>,
        main: Vec<Instruction<'_>>,
    ) -> Result<Vec<u8>, reencode::Error> {
        let Parts { mut types, tables, globals, elements, bodies, datas } = self.parts(keep.floats)?;
        let first_type = self.types.len() as u32;
        types.ty().function([ValType::I32], []);
        types.ty().function([ValType::I32], [ValType::I32]);
        types.ty().function([], [ValType::I32]);
        types.ty().function([], []);
        let [pay, entry, checks, trap] = [first_type, first_type + 1, first_type + 2, first_type + 3];

        let (mut imports, mut functions, mut code) = (ImportSection::new(), FunctionSection::new(), CodeSection::new());
        imports.import("vm_hooks", "pay_for_memory_grow", EntityType::Function(pay));
        for (ty, body) in self.functions.iter().zip(&bodies) {
            functions.function(*ty);
            code.function(body);
        }
        let entry_index = self.added_from() + added.len() as u32;
        for (kind, body) in &added {
            functions.function(match kind {
                Added::Checks => checks,
                Added::Trap => trap,
            });
            code.function(body);
        }
        let mut body = Function::new([(1, ValType::I32)]);
        if let Some(start) = self.start {
            body.instruction(&Instruction::Call(start + 1));
        }
        for instruction in main {
            body.instruction(&instruction);
        }
        body.instruction(&Instruction::End);
        functions.function(entry);
        code.function(&body);

        let (minimum, maximum) = self.memory.unwrap_or((0, Some(0)));
        let mut memories = MemorySection::new();
        memories.memory(MemoryType { minimum, maximum, memory64: false, shared: false, page_size_log2: None });
        let mut exports = ExportSection::new();
        exports.export("memory", ExportKind::Memory, 0);
        exports.export("user_entrypoint", ExportKind::Func, entry_index);
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&functions).section(&tables).section(&memories);
        module.section(&globals).section(&exports);
        if let Some(start) = self.start.filter(|_| keep.start) {
            module.section(&StartSection { function_index: start + 1 });
        }
        module.section(&elements);
        if self.has_data_count {
            module.section(&DataCountSection { count: datas.len() });
        }
        module.section(&code).section(&datas);
        Ok(module.finish())
    }

    /// What is taken over, in its new encoding.
    fn parts(&self, keep_floats: bool) -> Result<Parts, reencode::Error> {
        let mut parts = Parts::default();
        let mut shift = Shift { globals: &self.globals };
        if self.imported_table {
            parts.tables.table(wasm_encoder::TableType {
                element_type: wasm_encoder::RefType::FUNCREF,
                table64: false,
                minimum: 10,
                maximum: Some(20),
                shared: false,
            });
        }
        for &ty in &self.globals[..self.imported_globals] {
            let val_type = shift.val_type(ty)?;
            let ty = wasm_encoder::GlobalType { val_type, mutable: false, shared: false };
            parts.globals.global(ty, &spectest_value(val_type));
        }
        for _ in 0..self.imported_functions() {
            let mut nothing = Function::new([]);
            nothing.instruction(&Instruction::End);
            parts.bodies.push(nothing);
        }
        for payload in Parser::new(0).parse_all(self.bytes) {
            match payload? {
                Payload::TypeSection(reader) => shift.parse_type_section(&mut parts.types, reader)?,
                Payload::TableSection(reader) => shift.parse_table_section(&mut parts.tables, reader)?,
                Payload::GlobalSection(reader) => shift.parse_global_section(&mut parts.globals, reader)?,
                Payload::ElementSection(reader) => shift.parse_element_section(&mut parts.elements, reader)?,
                Payload::DataSection(reader) => shift.parse_data_section(&mut parts.datas, reader)?,
                Payload::CodeSectionEntry(body) => {
                    let floaty = self.floaty[parts.bodies.len()];
                    let mut function = Function::new([]);
                    if floaty && !keep_floats {
                        function.instruction(&Instruction::Unreachable).instruction(&Instruction::End);
                    } else {
                        function = shift.new_function_with_parsed_locals(&body)?;
                        let mut reader = body.get_operators_reader()?;
                        while !reader.eof() {
                            function.instruction(&shift.parse_instruction(&mut reader)?);
                        }
                    }
                    parts.bodies.push(function);
                }
                _ => {}
            }
        }
        Ok(parts)
    }

    fn results(&self, call: &Call) -> &[Val] {
        match call {
            Call::Function { index, .. } => self.ty(*index).results(),
            Call::Global(index) => &self.globals[*index as usize..=*index as usize],
        }
    }

    fn push_call(&self, call: &Call, body: &mut Vec<Instruction<'_>>) {
        match call {
            Call::Function { index, arguments } => {
                body.extend(arguments.iter().map(|argument| constant(*argument)));
                body.push(Instruction::Call(index + 1));
            }
            Call::Global(index) => body.push(Instruction::GlobalGet(*index)),
        }
    }

    fn write_call(&self, call: &Call, body: &mut Function) {
        let mut instructions = Vec::new();
        self.push_call(call, &mut instructions);
        instructions.iter().for_each(|instruction| {
            body.instruction(instruction);
        });
    }

    /// A function that does steps and answers 0, or one more than the number of the first that differs.
    fn checks(&self, steps: &[Step], first: usize) -> Function {
        let mut body = Function::new([(1, ValType::I32)]);
        for (number, step) in steps.iter().enumerate() {
            let Step::Returns(call, expected) = step else { unreachable!("traps are elsewhere") };
            self.write_call(call, &mut body);
            let Some(expected) = expected else {
                for _ in self.results(call) {
                    body.instruction(&Instruction::Drop);
                }
                continue;
            };
            if expected.is_empty() {
                continue;
            }
            for value in expected.iter().rev() {
                body.instruction(&constant(*value));
                body.instruction(match value {
                    Value::I32(_) => &Instruction::I32Ne,
                    Value::I64(_) => &Instruction::I64Ne,
                });
                for instruction in [Instruction::LocalGet(0), Instruction::I32Or, Instruction::LocalSet(0)] {
                    body.instruction(&instruction);
                }
            }
            for instruction in [
                Instruction::LocalGet(0),
                Instruction::If(BlockType::Empty),
                Instruction::I32Const((first + number + 1) as i32),
                Instruction::Return,
                Instruction::End,
            ] {
                body.instruction(&instruction);
            }
        }
        body.instruction(&Instruction::I32Const(0)).instruction(&Instruction::End);
        body
    }
}

/// Functions that the adapter adds.
enum Added {
    /// Does steps that return.
    Checks,
    /// Does one that traps.
    Trap,
}

#[derive(Default)]
struct Parts {
    types: TypeSection,
    tables: TableSection,
    globals: GlobalSection,
    elements: ElementSection,
    bodies: Vec<Function>,
    datas: DataSection,
}

/// Moves functions up by one, and knows the values of the specification's host.
struct Shift<'s> {
    globals: &'s [Val],
}

impl Reencode for Shift<'_> {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, reencode::Error> {
        Ok(function + 1)
    }

    fn const_expr(&mut self, expr: wasmparser::ConstExpr<'_>) -> Result<ConstExpr, reencode::Error> {
        if let Ok(Operator::GlobalGet { global_index }) = expr.get_operators_reader().read()
            && let Some(&ty) = self.globals.get(global_index as usize)
        {
            return Ok(spectest_value(self.val_type(ty)?));
        }
        utils::const_expr(self, expr)
    }
}

/// What globals of the specification's host hold.
fn spectest_value(ty: ValType) -> ConstExpr {
    match ty {
        ValType::I32 => ConstExpr::i32_const(666),
        ValType::I64 => ConstExpr::i64_const(666),
        ValType::F32 => ConstExpr::f32_const(666.6_f32.into()),
        _ => ConstExpr::f64_const(666.6_f64.into()),
    }
}

fn constant(value: Value) -> Instruction<'static> {
    match value {
        Value::I32(value) => Instruction::I32Const(value),
        Value::I64(value) => Instruction::I64Const(value),
    }
}

fn is_float(ty: Val) -> bool {
    matches!(ty, Val::F32 | Val::F64)
}
