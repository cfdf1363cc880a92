//! What runs programs, behind a small surface.
//!
//! Ink, stack and memory are counted by the module itself, so that no contract can tell the engines apart.

pub(super) mod interpreter;
#[cfg(feature = "jit")]
pub(super) mod jit;

use std::fmt;
use std::str::FromStr;

use alloy_primitives::Bytes;

use super::{
    Exit, Fatal, Host, Invocation, Outcome,
    activation::ActivationError,
    cache::StorageCache,
    host::{State, Stop},
    instrument::instrument,
    prices,
    validate::Binary,
};
use crate::rules::Rules;

/// What runs programs. Contracts see no difference, in gas and ink neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// Interprets them (wasmi).
    #[default]
    Interpreter,
    /// Compiles them to machine code (wasmtime, Cranelift): many times faster where a program computes.
    #[cfg(feature = "jit")]
    Jit,
}

impl Engine {
    /// Engines that this build has.
    pub const ALL: &[Self] = &[
        Self::Interpreter,
        #[cfg(feature = "jit")]
        Self::Jit,
    ];
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interpreter => "interpreter",
            #[cfg(feature = "jit")]
            Self::Jit => "jit",
        })
    }
}

/// There is no such engine here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoEngine {
    /// The build has none.
    #[error("this build has no jit: build it with `--features jit`")]
    Left,
    /// Nobody has one.
    #[error("the engines are `interpreter` and `jit`")]
    Unknown,
}

impl FromStr for Engine {
    type Err = NoEngine;

    fn from_str(name: &str) -> Result<Self, NoEngine> {
        let known = Self::ALL.iter().find(|engine| engine.to_string() == name);
        known.copied().ok_or(if name == "jit" { NoEngine::Left } else { NoEngine::Unknown })
    }
}

/// A compiled program: instrumented, validated, ready to run any number of times, cheap to clone.
#[derive(Clone, Debug)]
pub struct Module(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Interpreted(interpreter::Module),
    #[cfg(feature = "jit")]
    Native(jit::Module),
}

/// Instruments and translates a module that was activated under the same rules, for the interpreter.
///
/// # Errors
///
/// When the chain does not accept the module.
pub fn compile(wasm: &[u8], rules: &Rules) -> Result<Module, ActivationError> {
    compile_for(Engine::Interpreter, wasm, rules)
}

/// The same for any engine. What another than the interpreter cannot compile is interpreted: whether a module is accepted
/// does not depend on the engine.
///
/// # Errors
///
/// When the chain does not accept the module.
pub fn compile_for(engine: Engine, wasm: &[u8], rules: &Rules) -> Result<Module, ActivationError> {
    let (binary, metered) = meter(wasm, rules)?;
    let native = match engine {
        Engine::Interpreter => None,
        #[cfg(feature = "jit")]
        Engine::Jit => jit::Module::new(&metered).map(Kind::Native),
    };
    Ok(Module(match native {
        Some(native) => native,
        None => Kind::Interpreted(interpreter::Module::new(&metered, &binary, rules)?),
    }))
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
    /// What runs it.
    pub fn engine(&self) -> Engine {
        match &self.0 {
            Kind::Interpreted(_) => Engine::Interpreter,
            #[cfg(feature = "jit")]
            Kind::Native(_) => Engine::Jit,
        }
    }

    /// Runs the program with calldata of this length to its end, however that is reached, in an instance of its own.
    fn run(&self, state: State<'_>, ink: u64, stack: u32, length: u32) -> Result<Ended, Fatal> {
        match &self.0 {
            Kind::Interpreted(module) => module.run(state, ink, stack, length),
            #[cfg(feature = "jit")]
            Kind::Native(module) => module.run(state, ink, stack, length),
        }
    }
}

/// What the store of a running program holds; `G` are the engine's handles.
pub(super) struct Data<'h, G> {
    state: State<'h>,
    /// Set once the program is instantiated, which runs none of its code.
    guest: Option<G>,
}

impl<'h, G: Copy> Data<'h, G> {
    fn new(state: State<'h>) -> Self {
        Self { state, guest: None }
    }

    #[inline]
    fn guest(&self) -> G {
        self.guest.expect("no code runs before the handles are set")
    }
}

/// Handles of what the host touches in a running program: its memory, and the globals of its meter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guest<M, G> {
    memory: M,
    ink_left: G,
    ink_status: G,
    stack_left: G,
}

fn does_not_start(why: impl fmt::Display) -> Fatal {
    Fatal(format!("a program that was activated does not start: {why}"))
}

fn lacks_an_export() -> Fatal {
    Fatal("a program that was activated lacks an export".to_owned())
}

/// How a program has run.
struct Ended {
    /// The status that it returned, or why it did not.
    status: Result<u32, Exit>,
    /// What it put out.
    result: Vec<u8>,
    ink_left: u64,
}

/// What an engine tells of a program that did not return.
struct Trap<'a> {
    /// Set if the host stopped it.
    stop: Option<&'a Stop>,
    /// What the meter says of stack and ink.
    stack_left: u64,
    ink_status: u64,
    /// The engine's own stack overflowed: the frames are much larger than what the meter takes them for.
    overflowed: bool,
    /// For people.
    text: String,
}

impl Trap<'_> {
    fn status(self) -> Result<Result<u32, Exit>, Fatal> {
        match self.stop {
            Some(Stop::Exit(status)) => Ok(Ok(*status)),
            Some(Stop::Fatal(why)) => Err(why.clone()),
            _ if self.stack_left == 0 => Ok(Err(Exit::OutOfStack)),
            _ if self.ink_status == 1 => Ok(Err(Exit::OutOfInk)),
            _ if self.overflowed => Ok(Err(Exit::OutOfStack)),
            _ => Ok(Err(Exit::Failure(self.text))),
        }
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
        result: Vec::new(),
        returned: Bytes::new(),
        cache: StorageCache::default(),
        last_code: None,
    };
    let Ended { status, result, ink_left } = module.run(state, ink, params.max_stack_depth, length)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_have_names() {
        for engine in Engine::ALL {
            assert_eq!(engine.to_string().parse(), Ok(*engine));
        }
        assert_eq!("wasmer".parse::<Engine>(), Err(NoEngine::Unknown));
        if !cfg!(feature = "jit") {
            assert_eq!("jit".parse::<Engine>(), Err(NoEngine::Left));
        }
    }
}
