//! An embedded Nitro-compatible development node: EVM and Stylus over JSON-RPC.
