//! The policy NFT: ERC-721 certificates of cover, sold, claimed on and expired.
//!
//! One contract in two programs over one storage:
//! - [`Policy`]: the everyday path: purchases, `extend`, `cancel`, `open`, `close`, `expire`, owners and transfers.
//!   What it does not know it runs in the second one;
//! - [`PolicyExt`] (feature `ext`): quotes and views, metadata, approvals, administration.
//!
//! Both hold nothing but a [`book::Book`], so their storage is the same by construction. A policy fills three
//! slots where it is what most are ([`record`] has the picture); what is ordered and signed is in [`order`], the
//! premium's parts are in [`split`].
//!
//! ```text
//! buyer ─ buy ─▶ Policy ─▶ Trigger.enter ─▶ Vault.capital ─▶ Risk.underwrite
//!                  │ records, mints
//!                  └─▶ asset.transferFrom(buyer → vault) ─▶ Vault.premium
//! ```
#![cfg_attr(not(test), no_main)]
extern crate alloc;

pub mod book;
mod everyday;
mod extension;
pub mod order;
pub mod record;
pub mod split;

pub use everyday::Policy;
pub use extension::PolicyExt;
