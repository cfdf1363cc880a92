//! Programs by interpretation: wasmi.
//!
//! Each module has an engine of its own, so that dropping the module frees everything. wasmi keeps the program's stack
//! on the heap; its limits are set so that the meter's own stack budget always ends a program first.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use wasmi::{CompilationMode, Config, Engine, Extern, Func, Global, Instance, Memory, Store, TrapCode, TypedFunc, Val};

use super::{Ended, Trap, does_not_start, lacks_an_export};
use crate::rules::Rules;
use crate::wasm::{
    Fatal,
    activation::ActivationError,
    host::{self, Import, Machine, State, Stop},
    instrument,
    validate::{Binary, ENTRYPOINT, MEMORY},
};

/// Calls that a program may have open; a frame takes at least six words of at most 262,144.
const MAX_CALLS: usize = 300_000;
/// Bytes of a program's stack, a few for each word of the meter's budget.
const MAX_STACK: usize = 64 << 20;
/// Native stack that a program may need before it is given more.
const RED_ZONE: usize = 1 << 20;
/// Native stack that it is given.
const STACK: usize = 8 << 20;

/// Makes the function that a module's import is bound to.
pub(in crate::wasm) type Binder = for<'s> fn(&mut Store<Data<'s>>) -> Func;

/// A program that calls the host.
pub(in crate::wasm) type Caller<'c, 'h> = wasmi::Caller<'c, Data<'h>>;

/// What the store of a running program holds.
pub(in crate::wasm) type Data<'h> = super::Data<'h, Guest>;

/// Handles of what the host touches.
type Guest = super::Guest<Memory, Global>;

impl wasmi::errors::HostError for Stop {}

/// A running program, from inside of a host function.
pub(in crate::wasm) struct Inside<'c, 'h> {
    caller: Caller<'c, 'h>,
    guest: Guest,
}

impl<'c, 'h> Inside<'c, 'h> {
    #[inline]
    pub(in crate::wasm) fn new(caller: Caller<'c, 'h>) -> Self {
        let guest = caller.data().guest();
        Self { caller, guest }
    }
}

impl<'h> Machine<'h> for Inside<'_, 'h> {
    #[inline]
    fn state(&self) -> &State<'h> {
        &self.caller.data().state
    }

    #[inline]
    fn state_mut(&mut self) -> &mut State<'h> {
        &mut self.caller.data_mut().state
    }

    #[inline]
    fn memory(&self) -> &[u8] {
        self.guest.memory.data(&self.caller)
    }

    #[inline]
    fn memory_mut(&mut self) -> &mut [u8] {
        self.guest.memory.data_mut(&mut self.caller)
    }

    #[inline]
    fn ink(&mut self) -> u64 {
        number(self.guest.ink_left.get(&self.caller))
    }

    #[inline]
    fn set_ink(&mut self, ink: u64) {
        self.guest.ink_left.set(&mut self.caller, Val::I64(ink as i64)).expect("the meter's ink is a mutable i64");
    }

    #[inline]
    fn set_exhausted(&mut self) {
        self.guest.ink_status.set(&mut self.caller, Val::I32(1)).expect("the meter's status is a mutable i32");
    }
}

/// A global of the meter.
#[inline]
fn number(value: Val) -> u64 {
    match value {
        Val::I64(value) => value as u64,
        Val::I32(value) => u64::from(value as u32),
        other => unreachable!("the meter's globals are integers, not {other:?}"),
    }
}

/// A program that wasmi has translated.
#[derive(Clone, Debug)]
pub(in crate::wasm) struct Module(Arc<Translated>);

#[derive(Debug)]
struct Translated {
    engine: Engine,
    module: wasmi::Module,
    imports: Vec<&'static Import>,
}

impl Module {
    /// Translates the instrumented form of a binary that links.
    pub(in crate::wasm) fn new(
        instrumented: &[u8],
        binary: &Binary<'_>,
        rules: &Rules,
    ) -> Result<Self, ActivationError> {
        let engine = Engine::new(&config(rules));
        // There are modules that wasmi's translator panics at.
        let module = catch_unwind(AssertUnwindSafe(|| wasmi::Module::new(&engine, instrumented)))
            .map_err(|_| ActivationError::build("the engine cannot translate the module".to_owned()))?
            .map_err(|error| ActivationError::build(format!("the engine refuses the module: {error}")))?;
        let imports = binary
            .imports
            .iter()
            .map(|import| host::find(import.module, import.name, rules.debug))
            .collect::<Option<_>>()
            .ok_or_else(|| ActivationError::build("an import that does not link".to_owned()))?;
        Ok(Self(Arc::new(Translated { engine, module, imports })))
    }

    pub(super) fn run(&self, state: State<'_>, ink: u64, stack: u32, length: u32) -> Result<Ended, Fatal> {
        self.start(state, ink, stack)?.run(length)
    }

    /// Instantiates the program in a store of its own, its meter set.
    fn start<'h>(&self, state: State<'h>, ink: u64, stack: u32) -> Result<Running<'h>, Fatal> {
        let Translated { engine, module, imports } = &*self.0;
        let mut store = Store::new(engine, Data::new(state));
        let imports: Vec<Extern> = imports.iter().map(|import| (import.bind)(&mut store).into()).collect();
        let instance = Instance::new(&mut store, module, &imports).map_err(does_not_start)?;
        let global = |name| instance.get_global(&store, name).ok_or_else(lacks_an_export);
        let guest = Guest {
            memory: instance.get_memory(&store, MEMORY).ok_or_else(lacks_an_export)?,
            ink_left: global(instrument::INK_LEFT)?,
            ink_status: global(instrument::INK_STATUS)?,
            stack_left: global(instrument::STACK_LEFT)?,
        };
        let entry = instance.get_typed_func(&store, ENTRYPOINT).map_err(does_not_start)?;
        guest.ink_left.set(&mut store, Val::I64(ink as i64)).map_err(does_not_start)?;
        guest.stack_left.set(&mut store, Val::I32(stack as i32)).map_err(does_not_start)?;
        store.data_mut().guest = Some(guest);
        Ok(Running { store, guest, entry })
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
    store: Store<Data<'h>>,
    guest: Guest,
    entry: TypedFunc<u32, u32>,
}

impl Running<'_> {
    fn run(mut self, length: u32) -> Result<Ended, Fatal> {
        let ended = stacker::maybe_grow(RED_ZONE, STACK, || self.entry.call(&mut self.store, length));
        let global = |global: Global| number(global.get(&self.store));
        let status = match ended {
            Ok(status) => Ok(status),
            Err(error) => Trap {
                stop: error.downcast_ref(),
                stack_left: global(self.guest.stack_left),
                ink_status: global(self.guest.ink_status),
                overflowed: error.as_trap_code() == Some(TrapCode::StackOverflow),
                text: error.to_string(),
            }
            .status()?,
        };
        let ink_left = global(self.guest.ink_left);
        Ok(Ended { status, result: self.store.into_data().state.result, ink_left })
    }
}
