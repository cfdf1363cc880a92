//! The DAO: OpenZeppelin's Governor with Settings, CountingSimple, VotesQuorumFraction, TimelockControl and
//! PreventLateQuorum, so that voting sites and tools work with it unchanged.
//!
//! One contract in two programs over one storage:
//! - [`Governor`]: a proposal's life: `propose`, `castVote`, `castVoteWithReason`, `queue`, `execute`, `cancel`, and
//!   the views on it. What it does not know it runs in the second one;
//! - [`GovernorExt`] (feature `ext`): parameters and their setters, votes by signature, `relay`, receivers.
//!
//! Both hold nothing but a [`core::Core`], so their storage is the same by construction.
//!
//! ```text
//! propose ─▶ Pending ─ delay ─▶ Active ─ period ─▶ Succeeded ─ queue ─▶ Queued ─ timelock ─▶ execute ─▶ Executed
//!               │                  └────────▶ Defeated
//!               └─ cancel ─▶ Canceled
//! ```
#![cfg_attr(not(any(test, feature = "export-abi")), no_main)]
extern crate alloc;

mod actions;
pub mod core;
mod description;
mod everyday;
mod extension;
pub mod proposal;

pub use everyday::Governor;
pub use extension::GovernorExt;
