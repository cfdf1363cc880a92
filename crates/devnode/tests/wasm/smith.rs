//! Random modules: what instrumentation adds is seen in ink alone, and ink does not depend on who counts it.

use arbitrary::Unstructured;
use devnode::{
    rules::Rules,
    wasm::{Exit, ProgramCosts, StylusParams, activate, instrumented},
};
use proptest::{collection::vec, prelude::*, sample::Index};
use wasm_smith::{Config, InstructionKind, InstructionKinds};
use wasmi::{CompilationMode, Engine, Extern, Func, Instance, Store, TrapCode, Val};
use wasmparser::ValType;

use crate::{
    cases,
    spec::adapter::{Call, Source, Value},
    world::{World, compile},
};

/// More than any of these programs needs.
const INK: u64 = 1 << 62;
/// Instructions after which a plain program is stopped: it should have ended.
const FUEL: u64 = 200_000_000;
/// Loops and calls of a program before it traps by itself.
const ROUNDS: u32 = 2_000;

/// Modules that the chain accepts, but for segments that are out of bounds. Bulk memory operations come without
/// segments, since what is made of those (`memory.init`, `data.drop`) is refused.
pub(crate) fn config(bulk_memory: bool, multi_value: bool) -> Config {
    let segments = if bulk_memory { 0 } else { 8 };
    Config {
        allow_floats: false,
        allow_start_export: false,
        allowed_instructions: InstructionKinds::new(&[
            InstructionKind::NumericInt,
            InstructionKind::Parametric,
            InstructionKind::Variable,
            InstructionKind::MemoryInt,
            InstructionKind::Control,
        ]),
        bulk_memory_enabled: bulk_memory,
        multi_value_enabled: multi_value,
        max_data_segments: segments,
        max_element_segments: segments,
        max_elements: 8,
        max_funcs: 12,
        min_funcs: 1,
        max_globals: 10,
        max_imports: 0,
        max_instructions: 200,
        max_memories: 1,
        min_memories: 1,
        max_memory32_bytes: 4 << 16,
        memory_max_size_required: true,
        max_table_elements: 16,
        max_tables: 1,
        table_max_size_required: true,
        compact_imports_enabled: false,
        exceptions_enabled: false,
        extended_const_enabled: false,
        gc_enabled: false,
        memory64_enabled: false,
        reference_types_enabled: false,
        relaxed_simd_enabled: false,
        saturating_float_to_int_enabled: false,
        simd_enabled: false,
        tail_call_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        ..Config::default()
    }
}

/// A program of a random module, and the module's version of the rules.
#[derive(Clone, Debug)]
struct Random {
    seed: Vec<u8>,
    bulk_memory: bool,
    multi_value: bool,
    calls: Vec<(Index, Vec<i64>)>,
}

fn random() -> impl Strategy<Value = Random> {
    let argument = prop_oneof![-3..70_000_i64, any::<i64>()];
    let calls = vec((any::<Index>(), vec(argument, 10)), 1..4);
    (vec(any::<u8>(), 0..3_000), any::<bool>(), any::<bool>(), calls)
        .prop_map(|(seed, bulk_memory, multi_value, calls)| Random { seed, bulk_memory, multi_value, calls })
}

impl Random {
    fn rules(&self) -> Rules {
        Rules::of(if self.multi_value { 51 } else { 61 }).expect("a known version")
    }

    /// The program; none if the seed makes no module.
    fn program(&self) -> Option<Vec<u8>> {
        let mut seed = Unstructured::new(&self.seed);
        let mut module = wasm_smith::Module::new(config(self.bulk_memory, self.multi_value), &mut seed).ok()?;
        module.ensure_termination(ROUNDS).expect("all functions are valid");
        let bytes = module.to_bytes();
        let source = Source::read(&bytes).expect("nothing is imported");
        let callable = source.callable();
        if callable.is_empty() {
            return None;
        }
        let calls: Vec<Call> = self
            .calls
            .iter()
            .map(|(which, arguments)| {
                let (index, params) = which.get(&callable);
                let arguments = params.iter().zip(arguments.iter().cycle()).map(|(ty, &value)| match ty {
                    ValType::I64 => Value::I64(value),
                    _ => Value::I32(value as i32),
                });
                Call::Function { index: *index, arguments: arguments.collect() }
            })
            .collect();
        Some(source.calling(&calls).expect("it is read back"))
    }
}

/// How a module ran.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Run {
    status: Result<u32, Option<TrapCode>>,
    memory: Vec<u8>,
    /// Ink, status of the meter and stack that are left; none of a plain module.
    meter: Option<(u64, u32, u32)>,
}

/// Runs a module with nothing of the crate around it.
fn interpret(wasm: &[u8], config: &wasmi::Config, ink: Option<u64>) -> Run {
    let engine = Engine::new(config);
    let module = wasmi::Module::new(&engine, wasm).expect("it was accepted");
    let mut store = Store::new(&engine, ());
    let _ = store.set_fuel(FUEL);
    let pay = Func::wrap(&mut store, |_: u32| {});
    let instance = Instance::new(&mut store, &module, &[Extern::from(pay)]).expect("it starts");
    let global = |store: &Store<()>, name| instance.get_global(store, name).map(|global| global.get(store));
    if let Some(ink) = ink {
        let globals = [("stylus_ink_left", Val::I64(ink as i64)), ("stylus_stack_left", Val::I32(1 << 20))];
        for (name, value) in globals {
            instance.get_global(&store, name).expect("it has a meter").set(&mut store, value).expect("it is mutable");
        }
    }
    let entry = instance.get_typed_func::<u32, u32>(&store, "user_entrypoint").expect("it has an entry point");
    let status = entry.call(&mut store, 0).map_err(|error| error.as_trap_code());
    let memory = instance.get_memory(&store, "memory").expect("it has a memory").data(&store).to_vec();
    let number = |name| match global(&store, name) {
        Some(Val::I64(value)) => value as u64,
        Some(Val::I32(value)) => u64::from(value as u32),
        _ => panic!("{name} is a number"),
    };
    let meter = ink
        .map(|_| (number("stylus_ink_left"), number("stylus_ink_status") as u32, number("stylus_stack_left") as u32));
    Run { status, memory, meter }
}

/// The same of a module with a meter, as machine code.
#[cfg(feature = "jit")]
fn native(wasm: &[u8], ink: u64) -> Run {
    use wasmtime::{Config, Engine, Func, Instance, Module, Store, Trap, Val};
    let mut config = Config::new();
    config.max_wasm_stack(1 << 20);
    let mut store = Store::new(&Engine::new(&config).expect("a machine with a compiler"), ());
    let module = Module::new(store.engine(), wasm).expect("it was accepted");
    let pay = Func::wrap(&mut store, |_: u32| {});
    let instance = Instance::new(&mut store, &module, &[pay.into()]).expect("it starts");
    let global = |store: &mut Store<()>, name| instance.get_global(store, name).expect("it has a meter");
    for (name, value) in [("stylus_ink_left", Val::I64(ink as i64)), ("stylus_stack_left", Val::I32(1 << 20))] {
        global(&mut store, name).set(&mut store, value).expect("it is mutable");
    }
    let entry = instance.get_typed_func::<u32, u32>(&mut store, "user_entrypoint").expect("it has an entry point");
    let status = entry.call(&mut store, 0).map_err(|error| {
        Some(match error.downcast_ref::<Trap>()? {
            Trap::UnreachableCodeReached => TrapCode::UnreachableCodeReached,
            Trap::MemoryOutOfBounds => TrapCode::MemoryOutOfBounds,
            Trap::TableOutOfBounds => TrapCode::TableOutOfBounds,
            Trap::IndirectCallToNull => TrapCode::IndirectCallToNull,
            Trap::IntegerDivisionByZero => TrapCode::IntegerDivisionByZero,
            Trap::IntegerOverflow => TrapCode::IntegerOverflow,
            Trap::BadConversionToInteger => TrapCode::BadConversionToInteger,
            Trap::BadSignature => TrapCode::BadSignature,
            Trap::StackOverflow => TrapCode::StackOverflow,
            _ => return None,
        })
    });
    let memory = instance.get_memory(&mut store, "memory").expect("it has a memory").data(&store).to_vec();
    let mut number = |name| match global(&mut store, name).get(&mut store) {
        Val::I64(value) => value as u64,
        Val::I32(value) => u64::from(value as u32),
        _ => panic!("{name} is a number"),
    };
    let meter = (number("stylus_ink_left"), number("stylus_ink_status") as u32, number("stylus_stack_left") as u32);
    Run { status, memory, meter: Some(meter) }
}

fn engine(mode: CompilationMode, fuel: bool) -> wasmi::Config {
    let mut config = wasmi::Config::default();
    config.set_max_recursion_depth(300_000).set_max_stack_height(64 << 20).compilation_mode(mode).consume_fuel(fuel);
    config
}

/// Whether wasmi's translator gets through a module: it panics at a few, which are not activated therefore.
fn translates(wasm: &[u8]) -> bool {
    let translate = || wasmi::Module::new(&Engine::new(&engine(CompilationMode::Eager, false)), wasm).is_ok();
    std::panic::catch_unwind(translate).unwrap_or_default()
}

const MODES: [CompilationMode; 3] = [CompilationMode::Eager, CompilationMode::LazyTranslation, CompilationMode::Lazy];

proptest! {
    #![proptest_config(cases(256))]

    /// Results, traps and memory are those of the module as it was; whatever the engine does, ink is the same.
    #[test]
    fn a_metered_module_does_what_the_plain_one_does(random in random()) {
        let Some(wasm) = random.program() else { return Ok(()) };
        let Ok(metered) = instrumented(&wasm, &random.rules()) else { return Ok(()) };
        if !(translates(&wasm) && translates(&metered)) {
            return Ok(());
        }
        let plain = interpret(&wasm, &engine(CompilationMode::LazyTranslation, true), None);
        prop_assert!(plain.status != Err(Some(TrapCode::OutOfFuel)), "its rounds are limited");
        let first = interpret(&metered, &engine(CompilationMode::Eager, false), Some(INK));
        let (ink, exhausted, stack) = first.meter.expect("it has a meter");
        prop_assert!(exhausted == 0 && stack > 0, "ink and stack suffice");
        prop_assert_eq!(&plain.status, &first.status);
        prop_assert!(plain.memory == first.memory, "memories differ");
        for mode in MODES {
            for fuel in [false, true] {
                prop_assert!(interpret(&metered, &engine(mode, fuel), Some(INK)) == first, "{:?} {}", mode, fuel);
            }
        }

        #[cfg(feature = "jit")]
        prop_assert!(native(&metered, INK) == first, "machine code does what the interpreter does");

        let used = INK - ink;
        let exact = interpret(&metered, &engine(CompilationMode::Eager, false), Some(used));
        prop_assert_eq!((&exact.status, exact.meter), (&first.status, Some((0, 0, stack))));
        let less = interpret(&metered, &engine(CompilationMode::Eager, false), Some(used - 1));
        prop_assert_eq!(less.status, Err(Some(TrapCode::UnreachableCodeReached)));
        prop_assert_eq!(less.meter.map(|(_, exhausted, _)| exhausted), Some(1));
    }

    /// The same through the crate: with exactly its gas a program ends as with plenty, with less it runs out.
    #[test]
    fn a_program_needs_what_it_uses(random in random(), missing in 1_u64..5_000) {
        let Some(wasm) = random.program() else { return Ok(()) };
        let rules = random.rules();
        let Ok(activation) = activate(&wasm, &rules, &StylusParams::default(), 0) else { return Ok(()) };
        let module = compile(&wasm, &rules).expect("what activates compiles");
        let costs = ProgramCosts {
            version: 2,
            init: activation.init,
            cached: activation.cached,
            footprint: activation.footprint,
            is_cached: true,
        };
        let run = |gas| World::default().invoke(&rules, &module, costs, &[], gas);
        let plenty = 1 << 40;
        let (outcome, trace) = run(plenty);
        if matches!(outcome.exit, Exit::OutOfInk | Exit::OutOfStack) {
            return Ok(());
        }
        prop_assert_eq!(run(plenty), (outcome.clone(), trace));
        let used = plenty - outcome.gas_left;
        let (exact, _) = run(used);
        prop_assert_eq!((&exact.exit, exact.gas_left), (&outcome.exit, 0));
        let (more, _) = run(used + missing);
        prop_assert_eq!((&more.exit, more.gas_left), (&outcome.exit, missing));
        let (less, _) = run(used.saturating_sub(missing));
        prop_assert_eq!((less.exit, less.gas_left), (Exit::OutOfInk, 0));
    }
}

/// The seeds above are no good if they make nothing that is accepted and ends.
#[test]
fn random_modules_are_mostly_accepted_and_various() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let (mut accepted, mut returned, mut trapped) = (0, 0, 0);
    for _ in 0..200 {
        let random = random().new_tree(&mut runner).expect("a value").current();
        let Some(metered) = random.program().and_then(|wasm| instrumented(&wasm, &random.rules()).ok()) else {
            continue;
        };
        accepted += 1;
        match interpret(&metered, &engine(CompilationMode::LazyTranslation, false), Some(INK)).status {
            Ok(_) => returned += 1,
            Err(_) => trapped += 1,
        }
    }
    assert!(
        accepted > 100 && returned > 20 && trapped > 20,
        "{accepted} accepted, {returned} returned, {trapped} trapped"
    );
}
