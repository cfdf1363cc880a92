//! The interpreter behind a small surface.
//!
//! Each module has an engine of its own, so that dropping the module frees everything. wasmi keeps the program's stack
//! on the heap; its limits are set so that the meter's own stack budget always ends a program first.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use alloy_primitives::Bytes;
use wasmi::{CompilationMode, Config, Engine, Extern, Instance, Store, TrapCode, TypedFunc, Val};

use super::{
    Exit, Fatal, Host, Invocation, Outcome,
    activation::ActivationError,
    cache::StorageCache,
    host::{self, Binder, Guest, State, Stop},
    instrument::{self, instrument},
    prices,
    validate::{Binary, ENTRYPOINT, MEMORY},
};
use crate::rules::Rules;

/// Calls that a program may have open; a frame takes at least six words of at most 262,144.
const MAX_CALLS: usize = 300_000;
/// Bytes of a program's stack, a few for each word of the meter's budget.
const MAX_STACK: usize = 64 << 20;
/// Native stack that a program may need before it is given more.
const RED_ZONE: usize = 1 << 20;
/// Native stack that it is given.
const STACK: usize = 8 << 20;

/// A compiled program: instrumented, validated, ready to run any number of times, cheap to clone.
#[derive(Clone, Debug)]
pub struct Module(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    engine: Engine,
    module: wasmi::Module,
    imports: Vec<Binder>,
}

/// Instruments and compiles a module that was activated under the same rules.
///
/// # Errors
///
/// When the chain does not accept the module.
pub fn compile(wasm: &[u8], rules: &Rules) -> Result<Module, ActivationError> {
    let (binary, metered) = meter(wasm, rules)?;
    Module::new(&metered, &binary, rules)
}

/// The module that [`compile`] hands to the engine: what was activated, with the meter in it. Its globals
/// `stylus_ink_left` (`i64`), `stylus_ink_status` and `stylus_stack_left` (`i32`) are exported; any engine that runs it
/// counts the same ink.
///
/// # Errors
///
/// When the chain does not accept the module.
pub fn instrumented(wasm: &[u8], rules: &Rules) -> Result<Vec<u8>, ActivationError> {
    meter(wasm, rules).map(|(_, metered)| metered)
}

/// A module, checked, and its instrumented form.
fn meter<'a>(wasm: &'a [u8], rules: &Rules) -> Result<(Binary<'a>, Vec<u8>), ActivationError> {
    let binary = Binary::parse(wasm, rules, u16::MAX)?;
    let instrumented = instrument(&binary).map_err(|why| ActivationError::parse([why]))?;
    binary.link(rules)?;
    Ok((binary, instrumented.wasm))
}

impl Module {
    /// Compiles the instrumented form of a binary that links.
    pub(super) fn new(instrumented: &[u8], binary: &Binary<'_>, rules: &Rules) -> Result<Self, ActivationError> {
        let engine = Engine::new(&config(rules));
        // There are modules that wasmi's translator panics at.
        let module = catch_unwind(AssertUnwindSafe(|| wasmi::Module::new(&engine, instrumented)))
            .map_err(|_| ActivationError::build("the engine cannot translate the module".to_owned()))?
            .map_err(|error| ActivationError::build(format!("the engine refuses the module: {error}")))?;
        let imports = binary
            .imports
            .iter()
            .map(|import| host::binder(import.module, import.name, rules.debug))
            .collect::<Option<_>>()
            .ok_or_else(|| ActivationError::build("an import that does not link".to_owned()))?;
        Ok(Self(Arc::new(Compiled { engine, module, imports })))
    }

    /// Instantiates the program in a store of its own, its meter set.
    fn start<'h>(&self, state: State<'h>, ink: u64, stack: u32) -> Result<Running<'h>, Fatal> {
        let Compiled { engine, module, imports } = &*self.0;
        let fatal = |error: wasmi::Error| Fatal(format!("a program that was activated does not start: {error}"));
        let missing = || Fatal("a program that was activated lacks an export".to_owned());

        let mut store = Store::new(engine, state);
        let imports: Vec<Extern> = imports.iter().map(|bind| bind(&mut store).into()).collect();
        let instance = Instance::new(&mut store, module, &imports).map_err(fatal)?;
        let guest = Guest {
            memory: instance.get_memory(&store, MEMORY).ok_or_else(missing)?,
            ink_left: instance.get_global(&store, instrument::INK_LEFT).ok_or_else(missing)?,
            ink_status: instance.get_global(&store, instrument::INK_STATUS).ok_or_else(missing)?,
        };
        let stack_left = instance.get_global(&store, instrument::STACK_LEFT).ok_or_else(missing)?;
        let set = |store: &mut Store<State<'h>>, global: wasmi::Global, value| {
            global.set(store, value).map_err(|error| Fatal(error.to_string()))
        };
        set(&mut store, guest.ink_left, Val::I64(ink as i64))?;
        set(&mut store, stack_left, Val::I32(stack as i32))?;
        store.data_mut().guest = Some(guest);
        let entry = instance.get_typed_func(&store, ENTRYPOINT).map_err(fatal)?;
        Ok(Running { store, guest, stack_left, entry })
    }
}

fn config(rules: &Rules) -> Config {
    let mut config = Config::default();
    config
        .set_max_recursion_depth(MAX_CALLS)
        .set_max_stack_height(MAX_STACK)
        // Translated while it runs, a function at which the translator panics would take the process with it.
        .compilation_mode(CompilationMode::Eager)
        .ignore_custom_sections(true)
        .allow_start_fn(false)
        .wasm_multi_value(rules.multi_value)
        .wasm_reference_types(false)
        .wasm_multi_memory(false)
        .wasm_tail_call(false)
        .wasm_extended_const(false)
        .wasm_memory64(false);
    config
}

/// A program that is about to run.
struct Running<'h> {
    store: Store<State<'h>>,
    guest: Guest,
    stack_left: wasmi::Global,
    entry: TypedFunc<u32, u32>,
}

/// How a program has run.
struct Ended {
    /// The status that it returned, or why it did not.
    status: Result<u32, Exit>,
    /// What it put out.
    result: Vec<u8>,
    ink_left: u64,
}

impl Running<'_> {
    /// Runs to the end, however it is reached.
    fn run(mut self, length: u32) -> Result<Ended, Fatal> {
        let ended = stacker::maybe_grow(RED_ZONE, STACK, || self.entry.call(&mut self.store, length));
        let ink_left = match self.guest.ink_left.get(&self.store) {
            Val::I64(ink) => ink as u64,
            _ => 0,
        };
        let is = |global: &wasmi::Global, value| matches!(global.get(&self.store), Val::I32(is) if is == value);
        let status = match ended {
            Ok(status) => Ok(status),
            Err(error) => match error.downcast_ref::<Stop>() {
                Some(Stop::Exit(status)) => Ok(*status),
                Some(Stop::Fatal(why)) => return Err(why.clone()),
                _ if is(&self.stack_left, 0) => Err(Exit::OutOfStack),
                _ if is(&self.guest.ink_status, 1) => Err(Exit::OutOfInk),
                _ if error.as_trap_code() == Some(TrapCode::StackOverflow) => Err(Exit::OutOfStack),
                _ => Err(Exit::Failure(error.to_string())),
            },
        };
        Ok(Ended { status, result: self.store.into_data().result, ink_left })
    }
}

/// One invocation from its first charge to its last.
pub(super) fn run(call: Invocation<'_>, host: &mut dyn Host) -> Result<Outcome, Fatal> {
    let Invocation { module, rules, params, costs, env, calldata, gas } = call;
    let all_gas = |exit| Outcome { exit, output: Bytes::new(), gas_left: 0 };

    let before = *host.pages();
    let start = before.cost(costs.footprint, params).saturating_add(prices::call_gas(
        params,
        costs.version,
        costs.init,
        costs.cached,
        costs.is_cached,
    ));
    let Some(started) = gas.checked_sub(start) else { return Ok(all_gas(Exit::OutOfInk)) };
    host.pages().open(costs.footprint);

    let ink_price = u64::from(params.ink_price).max(1);
    let ink = started.saturating_mul(ink_price);
    let length = calldata.len() as u32;
    if let Some(trace) = host.trace() {
        trace.record("user_entrypoint", length.to_be_bytes().into(), Bytes::new(), ink, ink);
    }
    let state = State {
        host: &mut *host,
        env,
        rules,
        params,
        calldata,
        guest: None,
        result: Vec::new(),
        returned: Bytes::new(),
        cache: StorageCache::default(),
        last_code: None,
    };
    let Ended { status, result, ink_left } = module.start(state, ink, params.max_stack_depth)?.run(length)?;
    host.pages().open = before.open;
    if let (Ok(status), Some(trace)) = (&status, host.trace()) {
        trace.record("user_returned", Bytes::new(), status.to_be_bytes().into(), ink, ink);
    }

    let gas_left = ink_left / ink_price;
    let exit = match status {
        Ok(0) => Exit::Success,
        Ok(_) => Exit::Revert,
        Err(exit @ Exit::Failure(_)) => return Ok(Outcome { exit, output: Bytes::new(), gas_left }),
        Err(exit) => return Ok(all_gas(exit)),
    };
    // a result costs at least what the EVM's memory of its length does
    match gas.checked_sub(prices::result_gas(result.len())) {
        Some(floor) => Ok(Outcome { exit, output: result.into(), gas_left: gas_left.min(floor) }),
        None => Ok(all_gas(Exit::OutOfInk)),
    }
}
