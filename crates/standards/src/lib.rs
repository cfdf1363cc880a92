//! ERC building blocks as storage structs for Stylus contracts.
//!
//! The map:
//! - [`abi`]: words, reverts and events in their smallest form; [`call`]: calls to other contracts;
//! - [`encoder`]: dynamic arguments; [`dispatch`]: a contract's functions as a table;
//! - [`packed`]: several small integers in one storage slot; [`text`]: short strings in one;
//! - [`erc20`], [`permit`], [`votes`] with its [`checkpoints`]: tokens; [`eip712`], [`ecdsa`]: signatures;
//! - [`erc721`]: certificates; [`erc165`]: interface ids;
//! - [`errors`], [`events`]: the ERCs' own errors (ERC-6093, OpenZeppelin) and events.
//!
//! A building block is a `#[storage]` struct with plain methods; a contract embeds it and exposes what it
//! wants by functions of its own (`#[public]` or [`routes!`]), so that nothing is paid for that is not exposed.
extern crate alloc;

pub mod abi;
pub mod call;
pub mod checkpoints;
pub mod dispatch;
pub mod ecdsa;
pub mod eip712;
pub mod encoder;
pub mod erc165;
pub mod erc20;
pub mod erc721;
pub mod errors;
pub mod events;
pub mod packed;
pub mod permit;
pub mod text;
pub mod votes;

pub use abi::{Result, Revert, Word};
