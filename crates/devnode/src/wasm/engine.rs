//! The interpreter behind a small surface.

use super::{Fatal, Host, Invocation, Outcome, activation::ActivationError};
use crate::rules::Rules;

/// A compiled program: instrumented, validated, ready to run any number of times, cheap to clone.
#[derive(Clone, Debug)]
pub struct Module;

/// Instruments and compiles a module that was activated under the same rules.
pub fn compile(_wasm: &[u8], _rules: &Rules, _debug: bool) -> Result<Module, ActivationError> {
    unimplemented!()
}

pub(super) fn run(_call: Invocation<'_>, _host: &mut dyn Host) -> Result<Outcome, Fatal> {
    unimplemented!()
}
