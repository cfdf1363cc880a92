//! Nothing that is sent as a program may bring the node down: decoder, validator, instrumentation, engine.

use std::{
    fs,
    path::Path,
    sync::OnceLock,
    time::{Duration, Instant},
};

use crate::{
    cases,
    smith::config,
    spec::{adapter::Source, is_valid},
    world::{Program, Transaction, World, compile},
};
use alloy_primitives::{Address, Bytes, U256};
use devnode::{
    rules::Rules,
    wasm::{
        Activation, Exit, ProgramCode, ProgramCosts, StylusParams, UnpackError, activate, decompress,
        prices::MAX_WASM_SIZE,
    },
};
use proptest::{collection::vec, prelude::*, sample::Index};

fn suite() -> &'static [serde_json::Value] {
    static SUITE: OnceLock<serde_json::Value> = OnceLock::new();
    let suite = SUITE.get_or_init(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/programs.json");
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
    });
    suite["steps"].as_array().unwrap()
}

/// What a recorded step sends.
fn deployment(id: &str) -> Bytes {
    let step = suite().iter().find(|step| step["id"] == id).unwrap_or_else(|| panic!("no step {id}"));
    step["data"].as_str().unwrap().parse().unwrap()
}

fn costs_of(activation: &Activation) -> ProgramCosts {
    let Activation { init, cached, footprint, .. } = *activation;
    ProgramCosts { version: 2, init, cached, footprint, is_cached: true }
}

/// Modules that real deployments carried.
fn modules() -> &'static [Vec<u8>] {
    static MODULES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    MODULES.get_or_init(|| {
        let modules: Vec<_> = suite()
            .iter()
            .filter(|step| step["id"].as_str().unwrap().starts_with("deploy "))
            .filter_map(|step| {
                let data: Bytes = step["data"].as_str().unwrap().parse().unwrap();
                match ProgramCode::parse(data.get(43..)?, &Rules::default())? {
                    ProgramCode::Classic { dictionary, compressed } => {
                        decompress(dictionary, compressed, MAX_WASM_SIZE).ok()
                    }
                    _ => None,
                }
            })
            // the largest are only slow
            .filter(|module| module.len() < 20_000)
            .collect();
        assert!(modules.len() > 70, "only {} modules", modules.len());
        modules
    })
}

/// What nothing that is sent may take, unoptimised and on a busy machine.
const LONG: Duration = Duration::from_secs(20);

/// Activates a module and, where that succeeds, runs it.
fn try_all(wasm: &[u8], rules: &Rules, calldata: Vec<u8>) {
    let began = Instant::now();
    try_in_time(wasm, rules, calldata);
    assert!(began.elapsed() < LONG, "{:?} for {} bytes", began.elapsed(), wasm.len());
}

fn try_in_time(wasm: &[u8], rules: &Rules, calldata: Vec<u8>) {
    let Ok(activation) = activate(wasm, rules, &StylusParams::default(), 0) else { return };
    let module = compile(wasm, rules).expect("what activates compiles");
    let tx = Transaction {
        from: Address::repeat_byte(1),
        to: Address::repeat_byte(2),
        value: U256::ZERO,
        data: calldata.into(),
        gas: 200_000,
    };
    let receipt = World::default().transact(rules, &module, costs_of(&activation), &tx);
    assert!(receipt.gas_used <= tx.gas);
    if let Exit::OutOfInk | Exit::OutOfStack = receipt.exit {
        assert_eq!(receipt.gas_used, tx.gas);
    }
}

fn rules() -> impl Strategy<Value = Rules> {
    proptest::sample::select(Rules::VERSIONS.to_vec()).prop_map(|version| Rules::of(version).unwrap())
}

/// The recorded program that does what its calldata says, one opcode for each host function.
fn probe() -> &'static (Program, ProgramCosts) {
    static PROBE: OnceLock<(Program, ProgramCosts)> = OnceLock::new();
    PROBE.get_or_init(|| {
        let data: Bytes = deployment("deploy probe");
        let wasm = decompress(0, &data[47..], MAX_WASM_SIZE).unwrap();
        let activation = activate(&wasm, &Rules::default(), &StylusParams::default(), 0).unwrap();
        (compile(&wasm, &Rules::default()).unwrap(), costs_of(&activation))
    })
}

/// Opcodes of the probe and how many bytes of operands each takes; those with a length of their own have it here.
const OPERANDS: &[(u8, usize)] = &[
    (0x01, 32),
    (0x02, 64),
    (0x03, 1),
    (0x04, 32),
    (0x05, 64),
    (0x09, 8),
    (0x0a, 0),
    (0x0c, 20),
    (0x0d, 28),
    (0x0e, 20),
    (0x0f, 20),
    (0x15, 0),
    (0x17, 0),
    (0x18, 0),
    (0x20, 0),
    (0x21, 0),
    (0x22, 64),
    (0x23, 64),
    (0x24, 64),
    (0x25, 96),
    (0x26, 96),
    (0x30, 2),
    (0x31, 4),
    (0x32, 4),
    (0x35, 4),
    (0x36, 4),
    (0x39, 9),
    (0x3b, 4),
    (0x3c, 8),
    (0x3d, 4),
    (0x3e, 4),
    (0x3f, 12),
];

/// Operations with operands that are often small, often at the edge of memory, sometimes anything.
fn script() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        (0u8..8).prop_map(|byte| [0, 0, 0, byte]),
        (0xFFE0u32..0x1_0020).prop_map(u32::to_be_bytes),
        any::<u32>().prop_map(u32::to_be_bytes),
    ];
    let operation = (proptest::sample::select(OPERANDS), vec(word, 24)).prop_map(|((opcode, operands), words)| {
        let mut operation = vec![opcode];
        operation.extend(&words.concat()[..operands]);
        operation
    });
    vec(operation, 0..25).prop_map(|operations| operations.concat())
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn any_bytes_are_refused_or_run(bytes in vec(any::<u8>(), 0..300), rules in rules()) {
        try_all(&bytes, &rules, Vec::new());
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        module.extend(bytes);
        try_all(&module, &rules, Vec::new());
    }

    #[test]
    fn any_code_is_parsed_and_unpacked(mut code in vec(any::<u8>(), 0..400), kind in 0u8..4, rules in rules()) {
        for (at, byte) in [0xEF, 0xF0, kind, 0].into_iter().enumerate().take(code.len()) {
            code[at] = byte;
        }
        if let Some(ProgramCode::Classic { dictionary, compressed }) = ProgramCode::parse(&code, &rules)
            && let Ok(module) = decompress(dictionary, compressed, 10_000)
        {
            prop_assert!(module.len() <= 10_000);
            try_all(&module, &rules, Vec::new());
        }
    }

    /// Whatever a program asks of its host, ink only falls, effects of failures are gone and gas adds up.
    #[test]
    fn any_script_is_borne(script in script(), gas in 50_000u64..400_000) {
        let (module, costs) = probe();
        let tx = Transaction {
            from: Address::repeat_byte(1),
            to: Address::repeat_byte(2),
            value: U256::ZERO,
            data: script.into(),
            gas,
        };
        let mut world = World::default();
        let receipt = world.transact(&Rules::default(), module, *costs, &tx);
        prop_assert!(receipt.gas_used <= gas);
        if receipt.exit != Exit::Success {
            prop_assert!(world.storage.is_empty());
        }
        let records = receipt.trace.records().expect("this world records no calls");
        let mut ink = u64::MAX;
        for record in records.iter().filter(|record| record.name != "user_returned") {
            prop_assert!(record.start_ink <= ink && record.end_ink <= record.start_ink, "{records:?}");
            ink = record.end_ink;
        }
        let returned = records.iter().any(|record| record.name == "user_returned");
        prop_assert!(returned || !matches!(receipt.exit, Exit::Success | Exit::Revert));
    }

    /// Modules that are well-formed but for the bodies of their functions, which are any bytes.
    #[test]
    fn any_body_is_refused_or_run(seed in vec(any::<u8>(), 0..2_000), bulk_memory: bool, rules in rules()) {
        let config = wasm_smith::Config { allow_invalid_funcs: true, ..config(bulk_memory, rules.multi_value) };
        let mut seed = arbitrary::Unstructured::new(&seed);
        let Ok(module) = wasm_smith::Module::new(config, &mut seed) else { return Ok(()) };
        let bytes = module.to_bytes();
        try_all(&bytes, &rules, Vec::new());
        // valid by chance
        if is_valid(&bytes, rules.multi_value) {
            let source = Source::read(&bytes).expect("nothing is imported");
            try_all(&source.calling(&[]).expect("it is read back"), &rules, Vec::new());
        }
    }

    /// A stream that was good once gives an error or a module, never more than it may.
    #[test]
    fn a_damaged_stream_is_refused_or_unpacked(
        damage in vec((any::<Index>(), any::<u8>()), 0..4),
        cut in proptest::option::of(any::<Index>()),
        max_size in 0..MAX_WASM_SIZE,
    ) {
        let mut stream = deployment("deploy probe")[47..].to_vec();
        for (at, byte) in damage {
            let at = at.index(stream.len());
            stream[at] = byte;
        }
        if let Some(cut) = cut {
            stream.truncate(cut.index(stream.len()));
        }
        let began = Instant::now();
        if let Ok(module) = decompress(0, &stream, max_size) {
            prop_assert!(module.len() <= max_size as usize);
            try_all(&module, &Rules::default(), Vec::new());
        }
        prop_assert!(began.elapsed() < LONG);
    }

    #[test]
    fn a_damaged_module_is_refused_or_run(
        which in any::<Index>(),
        damage in vec((any::<Index>(), any::<u8>()), 1..6),
        cut in proptest::option::of(any::<Index>()),
        calldata in vec(any::<u8>(), 0..100),
        rules in rules(),
    ) {
        let mut module = which.get(modules()).clone();
        for (at, byte) in damage {
            let at = at.index(module.len());
            module[at] = byte;
        }
        if let Some(cut) = cut {
            module.truncate(cut.index(module.len()));
        }
        try_all(&module, &rules, calldata);
    }
}

#[test]
fn a_module_that_unpacks_to_more_than_allowed_is_refused() {
    let bomb = deployment("deploy ops_65536").slice(47..);
    let whole = decompress(0, &bomb, MAX_WASM_SIZE).unwrap();
    assert!(whole.len() > 65_536);
    let most = whole.len() as u32;
    assert_eq!(decompress(0, &bomb, most).as_deref(), Ok(&*whole));
    assert_eq!(decompress(0, &bomb, most - 1), Err(UnpackError::TooLong(most - 1)));
    assert_eq!(decompress(0, &bomb[..bomb.len() - 1], MAX_WASM_SIZE), Err(UnpackError::Corrupt));
    assert_eq!(decompress(1, &bomb, MAX_WASM_SIZE), Err(UnpackError::Dictionary(1)));
    assert_eq!(decompress(0, &[], MAX_WASM_SIZE), Err(UnpackError::Corrupt));
}

/// Modules that are as long as allowed and made to be slow for whoever reads them.
#[test]
fn the_most_tedious_modules_are_refused_or_run_in_time() {
    use wasm_encoder::{
        BlockType, CodeSection, ExportKind, ExportSection, Function, FunctionSection, Instruction, MemorySection,
        MemoryType, Module, TypeSection, ValType,
    };
    let module = |results: usize, bodies: usize, locals: &[(u32, ValType)], code: &[Instruction<'_>]| {
        let (mut types, mut functions, mut bytes) = (TypeSection::new(), FunctionSection::new(), CodeSection::new());
        types.ty().function([ValType::I32], [ValType::I32]);
        types.ty().function([], vec![ValType::I64; results]);
        for _ in 0..bodies {
            functions.function(0);
            let mut body = Function::new(locals.iter().copied());
            code.iter().for_each(|instruction| {
                body.instruction(instruction);
            });
            body.instruction(&Instruction::I32Const(0)).instruction(&Instruction::End);
            bytes.function(&body);
        }
        let (mut memories, mut exports) = (MemorySection::new(), ExportSection::new());
        let memory = MemoryType { minimum: 0, maximum: Some(0), memory64: false, shared: false, page_size_log2: None };
        memories.memory(memory);
        exports.export("memory", ExportKind::Memory, 0).export("user_entrypoint", ExportKind::Func, 0);
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&memories).section(&exports).section(&bytes);
        module.finish()
    };
    let nested = |depth: usize| {
        let mut code = vec![Instruction::Block(BlockType::Empty); depth];
        code.extend(vec![Instruction::End; depth]);
        code
    };
    let wide_branches = |targets: usize| {
        let mut code = vec![Instruction::Block(BlockType::FunctionType(1))];
        code.extend(vec![Instruction::I64Const(1); 1_000]);
        code.extend([Instruction::LocalGet(0), Instruction::BrTable(vec![0; targets].into(), 0), Instruction::End]);
        code.extend(vec![Instruction::Drop; 1_000]);
        code
    };
    let ones = vec![(1, ValType::I32); 348];
    let groups = vec![(0, ValType::I32); 40_000];
    for wasm in [
        module(0, 1, &[], &nested(2_500)),
        module(0, 1, &[], &nested(40_000)),
        module(1_000, 1, &[], &wide_branches(20_000)),
        module(0, 4_096, &[], &vec![Instruction::Nop; 20]),
        module(0, 100, &ones, &[Instruction::Nop]),
        module(0, 1, &groups, &[]),
        module(0, 1, &[], &[Instruction::BrTable(vec![0; 120_000].into(), 0)]),
    ] {
        for version in Rules::VERSIONS {
            try_all(&wasm, &Rules::of(version).unwrap(), Vec::new());
        }
    }
}
