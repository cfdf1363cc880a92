//! An embedded Nitro-compatible development node: EVM and Stylus over JSON-RPC.

pub mod arbos;
pub mod evm;
pub mod rules;
pub mod wasm;
