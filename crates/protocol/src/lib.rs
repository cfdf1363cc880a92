//! What Palisade's contracts share.
//!
//! The map:
//! - [`abi`]: every contract's Solidity interface, read from `contracts/abi`, for selectors, errors and events;
//! - [`guard`]: the reentrancy lock in transient storage; [`roles`]: owner, set-up key and guardian;
//!   [`pause`]: pauses that end by themselves; [`ext`]: the second program of a contract in two;
//! - [`time`]: weeks, their edges and the claims clock;
//! - [`oracle`]: Chainlink reads with every check; [`trigger`]: incidents that are found in a series of samples;
//!   [`fall`]: lasting falls of what a share is worth.
extern crate alloc;

pub mod abi;
pub mod ext;
pub mod fall;
pub mod guard;
pub mod oracle;
pub mod pause;
pub mod roles;
pub mod time;
pub mod trigger;

pub use standards::{
    abi::{Result, Revert, Word},
    call, emit, error, routes,
};
