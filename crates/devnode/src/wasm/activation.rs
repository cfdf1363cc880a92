//! Activation: whether a module is accepted, and what it costs to activate and to call.

use std::fmt;

use alloy_primitives::{B256, Keccak256};

use super::{StylusParams, instrument::instrument, validate::Binary};
use crate::rules::Rules;

/// Why a module was refused; the text is Nitro's as far as it is known. A refusal burns all gas of the activation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivationError {
    context: &'static str,
    causes: Vec<String>,
}

impl ActivationError {
    pub(super) fn parse(causes: impl Into<Vec<String>>) -> Self {
        Self { context: "failed to parse wasm", causes: causes.into() }
    }

    pub(super) fn build(cause: String) -> Self {
        Self { context: "failed to build user module", causes: vec![cause] }
    }
}

impl fmt::Display for ActivationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n\nCaused by:", self.context)?;
        match self.causes.as_slice() {
            [cause] => cause.lines().try_for_each(|line| write!(f, "\n    {line}")),
            causes => causes.iter().enumerate().try_for_each(|(index, cause)| write!(f, "\n   {index}: {cause}")),
        }
    }
}

impl std::error::Error for ActivationError {}

/// What activation found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    /// Hash of the instrumented module. Unlike Nitro's it is no Merkle root of a proving machine.
    pub module_hash: B256,
    /// Cost of a call when not cached, in the units of [`super::prices::init_gas`].
    pub init: u16,
    /// Cost of a call when cached, in the units of [`super::prices::cached_gas`].
    pub cached: u16,
    /// Pages of memory at the start.
    pub footprint: u16,
    /// Estimated size of the native code in bytes: what the data fee is counted by.
    pub asm_estimate: u32,
    /// Gas for the work of activation, in addition to [`super::prices::ACTIVATION`].
    pub gas: u64,
}

/// Checks a module and counts its costs. `open_pages` are the pages that the transaction holds already.
///
/// # Errors
///
/// When the chain does not accept the module.
pub fn activate(
    wasm: &[u8],
    rules: &Rules,
    params: &StylusParams,
    open_pages: u16,
) -> Result<Activation, ActivationError> {
    let page_limit = params.page_limit.saturating_sub(open_pages);
    let binary = Binary::parse(wasm, rules, page_limit)?;
    let instrumented = instrument(&binary).map_err(|why| ActivationError::parse([why]))?;
    binary.link(rules)?;
    // what the interpreter cannot run must not be activated either
    super::engine::interpreter::Module::new(&instrumented.wasm, &binary, rules)?;

    let counts = Counts::of(&binary);
    let too_costly = |what: &str| ActivationError::parse([format!("{what} cost exceeds 16 bits")]);
    let mut module_hash = Keccak256::new();
    module_hash.update(b"devnode-module");
    module_hash.update(&instrumented.wasm);
    Ok(Activation {
        module_hash: module_hash.finalize(),
        init: counts.init().try_into().map_err(|_| too_costly("init"))?,
        cached: counts.cached().try_into().map_err(|_| too_costly("cached init"))?,
        footprint: counts.footprint as u16,
        asm_estimate: counts.asm_estimate().try_into().unwrap_or(u32::MAX),
        gas: counts.gas(instrumented.ops),
    })
}

/// What costs are estimated from. All divisions truncate, term by term.
struct Counts {
    /// Functions of its own.
    functions: u64,
    /// Parameters and results of these functions.
    type_words: u64,
    /// Bytes of the module.
    bytes: u64,
    /// Globals, those of the meter included.
    globals: u64,
    /// Bytes of data segments as encoded.
    datas: u64,
    /// Bytes of element segments as encoded.
    elements: u64,
    /// Bytes that data segments hold.
    content: u64,
    /// Pages of memory at the start.
    footprint: u64,
}

impl Counts {
    fn of(binary: &Binary<'_>) -> Self {
        let words = |&ty: &u32| {
            let ty = &binary.types[ty as usize];
            (ty.params().len() + ty.results().len()) as u64
        };
        Self {
            functions: binary.functions.len() as u64,
            type_words: binary.functions.iter().map(words).sum(),
            bytes: binary.bytes.len() as u64,
            globals: u64::from(binary.globals) + super::instrument::GLOBALS.len() as u64,
            datas: binary.data_bytes,
            elements: binary.element_bytes,
            content: binary.content_bytes,
            footprint: binary.memory.initial,
        }
    }

    fn asm_estimate(&self) -> u64 {
        512_000 + self.functions * 996_829 / 1_000 + self.type_words * 11_416 / 1_000 + self.bytes * 62_628 / 10_000
    }

    fn cached(&self) -> u64 {
        self.functions * 13_420 / 100_000
            + self.type_words * 89 / 100_000
            + self.bytes * 122 / 100_000
            + self.globals * 1_628 / 1_000
            + (self.datas + self.elements) * 75_244 / 100_000
            + self.footprint * 5
    }

    fn init(&self) -> u64 {
        self.functions * 8_252 / 1_000 + self.type_words * 1_059 / 1_000 + self.bytes * 1_286 / 10_000
    }

    /// Each kind of work takes some microseconds, of which each costs 28 gas.
    fn gas(&self, ops: u64) -> u64 {
        const MICROSECOND: u64 = 2 * 7_000_000 / 500_000;
        let work = [
            self.bytes * 31_733 / 100_000,
            self.functions * 17_263 / 100_000,
            self.content * 17_376 / 100_000,
            self.elements * 17_376 / 100_000,
            self.footprint * 2_217,
            ops * 535 / 1_000,
        ];
        work.iter().map(|microseconds| microseconds * MICROSECOND).sum()
    }
}
