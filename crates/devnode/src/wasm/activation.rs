//! Activation: what a module costs to activate and to call.

use alloy_primitives::B256;

use super::StylusParams;
use crate::rules::Rules;

/// Why a module was refused; the text is Nitro's as far as it is known. A refusal burns all gas of the activation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ActivationError(pub String);

/// What activation found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    /// Hash of the instrumented module. Unlike Nitro's it is no Merkle root of a proving machine.
    pub module_hash: B256,
    /// Cost of a call when not cached, in the units of [`super::prices::call_gas`].
    pub init: u16,
    /// Cost of a call when cached, same units.
    pub cached: u16,
    /// Pages of memory at the start.
    pub footprint: u16,
    /// Estimated size of the native code in bytes: what the data fee is counted by.
    pub asm_estimate: u32,
    /// Gas for the work of activation, in addition to the fixed charge.
    pub gas: u64,
}

/// Checks a module and counts its costs. `open_pages` are the pages that the transaction holds already; `debug` chains
/// accept the console.
pub fn activate(
    _wasm: &[u8],
    _rules: &Rules,
    _params: &StylusParams,
    _open_pages: u16,
    _debug: bool,
) -> Result<Activation, ActivationError> {
    unimplemented!()
}
