//! Programs as machine code: wasmtime with Cranelift.
//!
//! One engine and one set of host functions serve all modules; dropping a module frees its code.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use wasmtime::{Config, Engine, Global, InstancePre, Linker, Memory, Store, TypedFunc, Val};

use super::{Ended, Trap, does_not_start, lacks_an_export};
use crate::wasm::{
    Fatal,
    host::{self, Machine, State, Stop},
    instrument,
    validate::{ENTRYPOINT, MEMORY},
};

/// Native stack of a program; only what is used is ever backed by memory. A word of the meter's budget is ten bytes or so
/// of a frame, but the compiler may keep any number of values that the module computes anew each time: this has room for
/// the widest such frames where the budget is 22,000 words, and for a kilobyte a word where it is 262,144.
const MAX_STACK: usize = 256 << 20;
/// Native stack that the compiler may need, and host functions on top of the program's: those that run another program
/// get more by themselves.
const RED_ZONE: usize = 2 << 20;
/// Most memory of a program.
const MAX_MEMORY: u64 = 128 << 16;

/// Adds a host function to those that modules link with.
pub(in crate::wasm) type Binder = fn(&mut Linker<Data>) -> wasmtime::Result<()>;

/// A program that calls the host.
pub(in crate::wasm) type Caller<'c> = wasmtime::Caller<'c, Data>;

/// What the store of a running program holds; see [`Module::run`] for its lifetime.
pub(in crate::wasm) type Data = super::Data<'static, Guest>;

/// Handles of what the host touches.
type Guest = super::Guest<Memory, Global>;

/// A running program, from inside of a host function.
pub(in crate::wasm) struct Inside<'c> {
    caller: Caller<'c>,
    guest: Guest,
}

impl<'c> Inside<'c> {
    pub(in crate::wasm) fn new(caller: Caller<'c>) -> Self {
        let guest = caller.data().guest();
        Self { caller, guest }
    }
}

impl Machine<'static> for Inside<'_> {
    fn state(&self) -> &State<'static> {
        &self.caller.data().state
    }

    fn state_mut(&mut self) -> &mut State<'static> {
        &mut self.caller.data_mut().state
    }

    fn memory(&self) -> &[u8] {
        self.guest.memory.data(&self.caller)
    }

    fn memory_mut(&mut self) -> &mut [u8] {
        self.guest.memory.data_mut(&mut self.caller)
    }

    fn ink(&mut self) -> u64 {
        number(self.guest.ink_left.get(&mut self.caller))
    }

    fn set_ink(&mut self, ink: u64) {
        self.guest.ink_left.set(&mut self.caller, Val::I64(ink as i64)).expect("the meter's ink is a mutable i64");
    }

    fn set_exhausted(&mut self) {
        self.guest.ink_status.set(&mut self.caller, Val::I32(1)).expect("the meter's status is a mutable i32");
    }
}

/// A global of the meter.
fn number(value: Val) -> u64 {
    match value {
        Val::I64(value) => value as u64,
        Val::I32(value) => u64::from(value as u32),
        other => unreachable!("the meter's globals are integers, not {other:?}"),
    }
}

/// What all modules share: none where wasmtime has no code for this machine.
static SHARED: LazyLock<Option<Shared>> = LazyLock::new(|| Shared::new().ok());

struct Shared {
    engine: Engine,
    linker: Linker<Data>,
}

impl Shared {
    fn new() -> wasmtime::Result<Self> {
        let engine = Engine::new(&config())?;
        let mut linker = Linker::new(&engine);
        host::IMPORTS.iter().try_for_each(|import| (import.link)(&mut linker))?;
        Ok(Self { engine, linker })
    }
}

/// Which modules are valid is decided before they come here; features that none of them uses are off all the same.
fn config() -> Config {
    let mut config = Config::new();
    config
        .max_wasm_stack(MAX_STACK)
        // Not used, but held against the other.
        .async_stack_size(MAX_STACK)
        // Traps are found by comparisons, not by faults: a library leaves the signals of its process alone, and memories
        // need neither guard pages nor gigabytes of addresses. Computation is as fast either way, a short call faster so.
        .signals_based_traps(false)
        .memory_reservation(MAX_MEMORY)
        .memory_guard_size(0)
        .memory_reservation_for_growth(0)
        // Copy on write would keep a file open for each module that is cached.
        .memory_init_cow(false)
        .native_unwind_info(cfg!(windows))
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .wasm_simd(false)
        .wasm_multi_memory(false)
        .wasm_tail_call(false)
        .wasm_extended_const(false)
        .wasm_memory64(false);
    config
}

/// A program in machine code.
#[derive(Clone)]
pub(in crate::wasm) struct Module(InstancePre<Data>);

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.module().fmt(f)
    }
}

impl Module {
    /// Compiles an instrumented module that links; `None` if the engine cannot.
    pub(super) fn new(instrumented: &[u8]) -> Option<Self> {
        let Shared { engine, linker } = SHARED.as_ref()?;
        let compile = || {
            stacker::maybe_grow(RED_ZONE, 4 * RED_ZONE, || {
                linker.instantiate_pre(&wasmtime::Module::new(engine, instrumented)?)
            })
        };
        // Whatever the compiler panics at is no reason to end the node.
        catch_unwind(AssertUnwindSafe(compile)).ok()?.ok().map(Self)
    }

    pub(super) fn run(&self, state: State<'_>, ink: u64, stack: u32, length: u32) -> Result<Ended, Fatal> {
        // SAFETY: wasmtime wants data that lives for ever, lest a store is kept longer than what its data borrows. The
        // store of this data is made below, is owned by this call alone and is gone when it ends, by return or by panic,
        // while all that the state borrows lives on. Nothing takes the longer lifetime out of it: what works on the state
        // (`Hook`) is written for any lifetime, and only owned bytes come back.
        let state = unsafe { mem::transmute::<State<'_>, State<'static>>(state) };
        self.start(state, ink, stack)?.run(length)
    }

    /// Instantiates the program in a store of its own, its meter set.
    fn start(&self, state: State<'static>, ink: u64, stack: u32) -> Result<Running, Fatal> {
        let mut store = Store::new(self.0.module().engine(), Data::new(state));
        let instance = self.0.instantiate(&mut store).map_err(does_not_start)?;
        let mut global = |name| instance.get_global(&mut store, name).ok_or_else(lacks_an_export);
        let (ink_left, ink_status, stack_left) =
            (global(instrument::INK_LEFT)?, global(instrument::INK_STATUS)?, global(instrument::STACK_LEFT)?);
        let memory = instance.get_memory(&mut store, MEMORY).ok_or_else(lacks_an_export)?;
        let entry = instance.get_typed_func(&mut store, ENTRYPOINT).map_err(does_not_start)?;
        ink_left.set(&mut store, Val::I64(ink as i64)).map_err(does_not_start)?;
        stack_left.set(&mut store, Val::I32(stack as i32)).map_err(does_not_start)?;
        let guest = Guest { memory, ink_left, ink_status, stack_left };
        store.data_mut().guest = Some(guest);
        Ok(Running { store, guest, entry })
    }
}

/// A program that is about to run.
struct Running {
    store: Store<Data>,
    guest: Guest,
    entry: TypedFunc<u32, u32>,
}

impl Running {
    fn run(mut self, length: u32) -> Result<Ended, Fatal> {
        let enough = MAX_STACK + RED_ZONE;
        let ended = stacker::maybe_grow(enough, enough + RED_ZONE, || self.entry.call(&mut self.store, length));
        let mut global = |global: Global| number(global.get(&mut self.store));
        let status = match ended {
            Ok(status) => Ok(status),
            Err(error) => Trap {
                stop: error.downcast_ref::<Stop>(),
                stack_left: global(self.guest.stack_left),
                ink_status: global(self.guest.ink_status),
                overflowed: error.downcast_ref() == Some(&wasmtime::Trap::StackOverflow),
                text: error.to_string(),
            }
            .status()?,
        };
        let ink_left = global(self.guest.ink_left);
        Ok(Ended { status, result: self.store.into_data().state.result, ink_left })
    }
}
