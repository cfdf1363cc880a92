//! Products, prices, capacity, required capital, the claims clock, and open incidents with their reserve.
//!
//! Risk knows what may still be paid. It prices a cover by its family's evidence, refuses what the vault's capital or
//! the subject's size does not carry, and keeps for every vault how much capital its cover requires (which gates sales
//! and exits) and how much is reserved for incidents. It calls nobody: Policy, Assessor and Vault hand it what it needs.
//!
//! The mathematics is in [`actuary`]; here is what is remembered:
//!
//! - [`terms`]: a product's terms and their bounds; [`family`]: losses, exposure and the rate in force of a product's
//!   versions; [`line`]: a product's cover on a subject, its incidents and its reserve; [`clock`]: the claims clock;
//! - [`book`]: the storage layout, and how lines are opened, brought up to date and closed; [`sale`]: one sale;
//! - [`everyday`], [`extension`] and [`more`]: the three programs over this storage, as tables of their functions; the
//!   last one holds the evidence of cover types, which the prior rates of their products are.
//!
//! ```text
//!              families ── evidence ──▶ price
//!                 ▲                       │
//! vault ◀── products ── lines ◀── sale ───┘        lines ── incidents ──▶ reserve of the vault
//!   ▲                     │                          │
//!   └── groups ◀── risk keys ◀── cover less reserve ─┘ ──▶ required capital of the vault
//! ```
#![cfg_attr(not(test), no_main)]
extern crate alloc;

pub mod book;
pub mod clock;
mod everyday;
mod extension;
pub mod family;
pub mod line;
mod more;
pub mod sale;
pub mod terms;

pub use everyday::Risk;
pub use extension::RiskExt;
pub use more::RiskMore;

/// `value`, where it has at most `bits` bits.
///
/// # Errors
/// [`Overflow`](actuary::Overflow).
pub(crate) const fn fit(value: u128, bits: u32) -> actuary::math::Result<u128> {
    if value >> bits == 0 { Ok(value) } else { Err(actuary::Overflow) }
}
