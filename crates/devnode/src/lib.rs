//! An embedded Nitro-compatible development node: EVM and Stylus over JSON-RPC.
//!
//! [`chain::Node`] is the chain itself and needs no server: tests embed it and call its methods. [`serve`] puts it behind
//! HTTP and WebSocket, on one port. Programs (WebAssembly behind the prefix `EFF000`) are instrumented, metered and
//! priced as an Arbitrum chain does it, so that a transaction costs here what it costs there.
//!
//! ```no_run
//! # async fn example() -> Result<(), devnode::rpc::ServeError> {
//! let node = devnode::serve(devnode::Config { port: 0, ..Default::default() }).await?;
//! println!("listening on {}", node.url());
//! node.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`wasm`] | programs: validation, instrumentation, prices, the engines, the host functions |
//! | [`evm`] | one transaction or call: revm with programs run in its frames |
//! | [`arbos`] | the chain's own state and the precompiles |
//! | [`rules`] | what differs between ArbOS versions |
//! | [`state`] | accounts and storage, with their past |
//! | [`chain`] | blocks, receipts, the clock, snapshots, estimates |
//! | [`profile`] | where the gas of a transaction went |
//! | [`rpc`] | JSON-RPC: methods, errors as geth words them, the server |
//! | [`cli`] | the command line, for binaries that offer a node |

pub mod accounts;
pub mod arbos;
pub mod chain;
pub mod cli;
pub mod config;
pub mod evm;
pub mod predeploys;
pub mod profile;
pub mod rpc;
pub mod rules;
pub mod state;
pub mod wasm;

pub use chain::Node;
pub use config::Config;
pub use rpc::{Handle, serve};

#[cfg(all(debug_assertions, not(feature = "portable-dispatch")))]
compile_error!(
    "with debug assertions, programs need the feature `portable-dispatch`: without it they overflow the native stack"
);

/// The example of the README is one that works.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
