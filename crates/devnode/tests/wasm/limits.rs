//! What the chain refuses, and what the interpreter must bear: modules written for one rule each.

use alloy_primitives::{Address, U256};
use devnode::{
    rules::Rules,
    wasm::{Exit, ProgramCosts, StylusParams, activate},
};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, ElementSection, Elements, EntityType, ExportKind, ExportSection,
    Function, FunctionSection, GlobalSection, GlobalType, ImportSection, Instruction, MemorySection, MemoryType,
    Module, StartSection, TypeSection, ValType,
};

use crate::world::{Receipt, Transaction, World, compile};

/// A module under construction: the entry point is function 0 of its own.
struct Build {
    types: TypeSection,
    imports: ImportSection,
    functions: FunctionSection,
    memory: (u64, Option<u64>),
    globals: GlobalSection,
    exports: ExportSection,
    start: Option<u32>,
    elements: ElementSection,
    code: CodeSection,
    datas: DataSection,
    imported: u32,
}

/// Type of the entry point, and of [`NOTHING`].
const ENTRY: u32 = 0;
/// No parameters, no results.
const NOTHING: u32 = 1;

impl Build {
    /// A module whose entry point has these locals and instructions.
    fn new(locals: &[(u32, ValType)], body: &[Instruction<'_>]) -> Self {
        let mut build = Self {
            types: TypeSection::new(),
            imports: ImportSection::new(),
            functions: FunctionSection::new(),
            memory: (0, Some(0)),
            globals: GlobalSection::new(),
            exports: ExportSection::new(),
            start: None,
            elements: ElementSection::new(),
            code: CodeSection::new(),
            datas: DataSection::new(),
            imported: 0,
        };
        build.types.ty().function([ValType::I32], [ValType::I32]);
        build.types.ty().function([], []);
        build.function(ENTRY, locals, body);
        build
    }

    fn function(&mut self, ty: u32, locals: &[(u32, ValType)], body: &[Instruction<'_>]) {
        self.functions.function(ty);
        let mut function = Function::new(locals.iter().copied());
        for instruction in body {
            function.instruction(instruction);
        }
        function.instruction(&Instruction::End);
        self.code.function(&function);
    }

    fn import(&mut self, module: &str, name: &str, ty: u32) {
        self.imports.import(module, name, EntityType::Function(ty));
        self.imported += 1;
    }

    fn finish(mut self) -> Vec<u8> {
        let mut memories = MemorySection::new();
        let (minimum, maximum) = self.memory;
        memories.memory(MemoryType { minimum, maximum, memory64: false, shared: false, page_size_log2: None });
        self.exports.export("memory", ExportKind::Memory, 0);
        self.exports.export("user_entrypoint", ExportKind::Func, self.imported);
        let mut module = Module::new();
        module.section(&self.types).section(&self.imports).section(&self.functions).section(&memories);
        module.section(&self.globals).section(&self.exports);
        if let Some(function_index) = self.start {
            module.section(&StartSection { function_index });
        }
        module.section(&self.elements).section(&self.code).section(&self.datas);
        module.finish()
    }
}

fn refusal(build: Build, rules: &Rules) -> String {
    match activate(&build.finish(), rules, &StylusParams::default(), 0) {
        Ok(_) => "accepted".to_owned(),
        Err(refusal) => refusal.to_string().rsplit("\n    ").next().unwrap().to_owned(),
    }
}

fn version(version: u64) -> Rules {
    Rules::of(version).unwrap()
}

fn run(wasm: &[u8], rules: &Rules, world: &mut World, gas: u64) -> Receipt {
    let activation = activate(wasm, rules, &world.params, 0).expect("it is accepted");
    let module = compile(wasm, rules).unwrap();
    let costs = ProgramCosts {
        version: 2,
        init: activation.init,
        cached: activation.cached,
        footprint: activation.footprint,
        is_cached: true,
    };
    let tx = Transaction {
        from: Address::ZERO,
        to: Address::repeat_byte(2),
        value: U256::ZERO,
        data: Default::default(),
        gas,
    };
    world.transact(rules, &module, costs, &tx)
}

const fn return_zero() -> [Instruction<'static>; 1] {
    [Instruction::I32Const(0)]
}

#[test]
fn what_is_too_many_is_refused() {
    let rules = Rules::default();
    let build = || Build::new(&[], &return_zero());

    let mut imports = build();
    for _ in 0..514 {
        imports.import("vm_hooks", "read_args", NOTHING);
    }
    assert_eq!(refusal(imports, &rules), "too many wasm imports: 514 > 513");

    let mut globals = build();
    for _ in 0..32_765 {
        globals
            .globals
            .global(GlobalType { val_type: ValType::I32, mutable: false, shared: false }, &ConstExpr::i32_const(0));
    }
    assert_eq!(refusal(globals, &rules), "too many wasm globals: 32769 > 32768");

    let mut exports = build();
    for index in 0..1_019 {
        exports.exports.export(&format!("e{index}"), ExportKind::Func, 0);
    }
    let wasm = exports.finish();
    assert!(activate(&wasm, &Rules { debug: false, ..rules.clone() }, &StylusParams::default(), 0).is_ok());
    let refused = activate(&wasm, &rules, &StylusParams::default(), 0).unwrap_err().to_string();
    assert!(refused.ends_with("too many wasm exports: 1025 > 1024"), "{refused}");

    let mut elements = build();
    for _ in 0..129 {
        elements.elements.passive(Elements::Functions((&[][..]).into()));
    }
    assert_eq!(refusal(elements, &rules), "too many wasm elements: 129 > 128");

    let mut datas = build();
    for _ in 0..129 {
        datas.datas.passive([]);
    }
    assert_eq!(refusal(datas, &rules), "too many wasm datas: 129 > 128");
}

#[test]
fn frames_and_stacks_have_their_limits() {
    let rules = Rules::default();
    let tall = |height: usize| {
        let mut body = vec![Instruction::I32Const(1); height];
        body.extend(vec![Instruction::Drop; height - 1]);
        Build::new(&[], &body)
    };
    // the meter's two temporaries are on top of the first block's start only
    assert_eq!(refusal(tall(4_096), &rules), "accepted");
    assert_eq!(refusal(tall(4_097), &rules), "too many values on the stack at once: 4097 > 4096");
    assert_eq!(refusal(Build::new(&[(348, ValType::I64)], &return_zero()), &rules), "accepted");
    assert_eq!(
        refusal(Build::new(&[(348, ValType::I64), (1, ValType::I32)], &return_zero()), &rules),
        "too many wasm locals: 349 > 348"
    );
}

#[test]
fn memory_is_bound_by_what_is_open_already() {
    let rules = Rules::default();
    let mut build = Build::new(&[], &return_zero());
    build.memory = (100, Some(100));
    let wasm = build.finish();
    assert!(activate(&wasm, &rules, &StylusParams::default(), 28).is_ok());
    let refused = activate(&wasm, &rules, &StylusParams::default(), 29).unwrap_err().to_string();
    assert!(refused.ends_with("memory size 100 exceeds bound 99"), "{refused}");
}

#[test]
fn debugging_is_for_chains_that_allow_it() {
    let strict = Rules { debug: false, ..Rules::default() };
    let console = || {
        let mut build = Build::new(&[], &return_zero());
        build.types.ty().function([ValType::I32], []);
        build.import("console", "log_i32", 2);
        build
    };
    assert_eq!(refusal(console(), &Rules::default()), "accepted");
    assert_eq!(refusal(console(), &strict), "No such import log_i32 in console for user");

    let start = || {
        let mut build = Build::new(&[], &return_zero());
        build.function(NOTHING, &[], &[Instruction::Unreachable]);
        build.start = Some(1);
        build
    };
    assert_eq!(refusal(start(), &strict), "wasm start functions not allowed");
    let receipt = run(&start().finish(), &Rules::default(), &mut World::default(), 100_000);
    assert_eq!(receipt.exit, Exit::Success, "a start function is dropped, not run");
}

#[test]
fn several_results_end_with_sixty_one() {
    let pair = || {
        let mut build = Build::new(&[], &return_zero());
        build.types.ty().function([], [ValType::I32, ValType::I32]);
        build.function(2, &[], &[Instruction::I32Const(1), Instruction::I32Const(2)]);
        build
    };
    let typed_block = || {
        let body = [Instruction::I32Const(5), Instruction::Block(BlockType::FunctionType(ENTRY)), Instruction::End];
        Build::new(&[], &body)
    };
    for build in [pair, typed_block] {
        assert_eq!(refusal(build(), &version(51)), "accepted");
        let refused = activate(&build().finish(), &version(61), &StylusParams::default(), 0).unwrap_err().to_string();
        assert!(refused.contains("failed to validate user"), "{refused}");
    }
}

#[test]
fn the_same_import_has_one_type() {
    let mut build = Build::new(&[], &return_zero());
    build.import("vm_hooks", "read_args", NOTHING);
    build.import("vm_hooks", "read_args", ENTRY);
    assert_eq!(refusal(build, &Rules::default()), "inconsistent imports for vm_hooks read_args");
}

/// The smallest frames there are: the stack budget ends them long before the interpreter's limits do.
#[test]
fn the_stack_budget_ends_recursion_before_the_interpreter() {
    for (arbos, words) in [(40, 262_144), (51, 22_000)] {
        let mut build = Build::new(&[], &[Instruction::Call(1), Instruction::I32Const(0)]);
        build.function(NOTHING, &[], &[Instruction::Call(1)]);
        let mut world =
            World { params: StylusParams { max_stack_depth: words, ..Default::default() }, ..Default::default() };
        let receipt = run(&build.finish(), &version(arbos), &mut world, 30_000_000);
        assert_eq!((receipt.exit, receipt.gas_used), (Exit::OutOfStack, 30_000_000), "ArbOS {arbos}");
    }
}

/// A function that calls itself, with a host call in each frame to count them by, and values that are needed before and
/// after: in locals, on the stack, or (made of one local) where only a compiler sees a value worth keeping.
#[test]
fn the_stack_budget_ends_frames_of_any_kind() {
    let round = |locals: u32, height: usize, kept: u64| {
        let mut build = Build::new(&[], &[Instruction::Call(2), Instruction::I32Const(0)]);
        build.types.ty().function([], [ValType::I64]);
        build.import("vm_hooks", "evm_ink_left", 2);
        let mut body = Vec::new();
        for local in 0..locals {
            body.extend([Instruction::Call(0), Instruction::LocalSet(local)]);
        }
        body.extend(vec![Instruction::GlobalGet(0); height]);
        let products = || {
            (0..kept).flat_map(|number| {
                let odd = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) as i64 | 1;
                let multiply = [Instruction::LocalGet(0), Instruction::I64Const(odd), Instruction::I64Mul];
                multiply.into_iter().chain([Instruction::GlobalGet(0), Instruction::I64Xor, Instruction::GlobalSet(0)])
            })
        };
        body.extend(products());
        body.extend([Instruction::Call(0), Instruction::Drop, Instruction::Call(2)]);
        body.extend(products());
        body.extend(vec![Instruction::GlobalSet(0); height]);
        for local in 0..locals {
            body.extend([Instruction::LocalGet(local), Instruction::GlobalSet(0)]);
        }
        build.function(NOTHING, &[(locals, ValType::I64)], &body);
        build
            .globals
            .global(GlobalType { val_type: ValType::I64, mutable: true, shared: false }, &ConstExpr::i64_const(3));
        build.finish()
    };
    for (locals, height, kept) in
        [(0, 0, 0), (1, 0, 0), (340, 0, 0), (0, 4_000, 0), (1, 0, 40), (1, 0, 400), (1, 0, 5_000)]
    {
        for (arbos, words) in [(40, 262_144), (51, 22_000)] {
            if arbos == 40 && kept > 1_000 {
                continue; // gigabytes
            }
            let mut world =
                World { params: StylusParams { max_stack_depth: words, ..Default::default() }, ..Default::default() };
            let receipt = run(&round(locals, height, kept), &version(arbos), &mut world, 30_000_000);
            let case = format!("{locals} locals, {height} values, {kept} products, ArbOS {arbos}");
            assert_eq!(receipt.exit, Exit::OutOfStack, "{case}");
            let frames = receipt.trace.records().unwrap().len() / (locals as usize + 1);
            assert!(frames > words as usize / 5_000, "{case}: {frames}");
        }
    }
}

/// Frames that are wide for the interpreter and narrow for the budget: constants need no words.
#[test]
fn wide_frames_of_the_interpreter_are_borne() {
    let mut build = Build::new(&[], &[Instruction::Call(1), Instruction::I32Const(0)]);
    let mut body = Vec::new();
    for constant in 0..8_000u64 {
        let distinct = (constant.wrapping_mul(0x9E37_79B9_7F4A_7C15)) as i64;
        body.extend([
            Instruction::I64Const(distinct),
            Instruction::GlobalGet(0),
            Instruction::I64Mul,
            Instruction::Drop,
        ]);
    }
    body.push(Instruction::Call(1));
    build.function(NOTHING, &[], &body);
    build.globals.global(GlobalType { val_type: ValType::I64, mutable: true, shared: false }, &ConstExpr::i64_const(3));
    let receipt = run(&build.finish(), &Rules::default(), &mut World::default(), 32_000_000);
    assert!(matches!(receipt.exit, Exit::OutOfStack | Exit::OutOfInk), "{:?}", receipt.exit);
    assert_eq!(receipt.gas_used, 32_000_000);
}

/// Whatever was paid, memory ends at 128 pages.
#[test]
fn no_memory_is_larger_than_all_pages() {
    let mut build = Build::new(
        &[],
        &[
            Instruction::I32Const(127),
            Instruction::MemoryGrow(0),
            Instruction::Drop,
            Instruction::I32Const(65_536),
            Instruction::MemoryGrow(0),
            Instruction::I32Const(-1),
            Instruction::I32Ne,
        ],
    );
    build.types.ty().function([ValType::I32], []);
    build.import("vm_hooks", "pay_for_memory_grow", 2);
    build.memory = (1, Some(1_000));
    let wasm = build.finish();
    // 128 pages cost 31,999,998 gas: more than a transaction may use, unless pages are cheap
    let receipt = run(&wasm, &Rules::default(), &mut World::default(), 40_000_000);
    assert_eq!(receipt.exit, Exit::OutOfInk);
    let params = StylusParams { free_pages: u16::MAX, ..Default::default() };
    let receipt = run(&wasm, &Rules::default(), &mut World { params, ..Default::default() }, 1_000_000);
    assert_eq!(receipt.exit, Exit::Success, "grown to 128, and by no page more");
}
