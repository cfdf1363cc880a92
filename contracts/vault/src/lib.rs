//! The capital pool: ERC-4626 deposits, ERC-7540 redemptions, premiums and payouts.
//!
//! Underwriters deposit an asset and hold shares (an ERC-20 token with permit). Premiums of cover that is sold
//! against the pool are earned over the time they were paid for; confirmed claims are paid out of it. Shares are
//! redeemed by request: a week's requests are one cohort, served in order after a cooldown, as far as the capital
//! that open cover needs leaves room for.
//!
//! The money rules are plain functions in [`actuary`]: [`actuary::books`] (what the pool and a share are worth,
//! premiums, the stream), [`actuary::redemption`] (cohorts), [`actuary::payout`] (what is owed). This crate keeps
//! their numbers in storage and moves tokens and shares:
//!
//! - [`state`]: the storage layout and how books are opened and closed;
//! - [`shares`]: the share token; [`enter`]: deposits; [`leave`]: redemptions; [`premiums`]: premiums and fees;
//!   [`payouts`]: claims, what is owed, recoveries and credits; [`invest`]: what works in strategies; [`views`]: what
//!   pages and contracts read; [`history`]: how the ability to pay changed;
//! - [`everyday`], [`extension`] and [`more`]: the three programs over this storage, as tables of their functions.
//!
//! Three programs, because one would be too large: the first holds what happens every day; its fallback runs the
//! second one, built with feature `ext`, by DELEGATECALL, and that one's the third, built with feature `more`.
#![cfg_attr(not(test), no_main)]
extern crate alloc;

pub mod enter;
#[cfg(any(not(any(feature = "ext", feature = "more")), not(target_arch = "wasm32")))]
pub mod everyday;
#[cfg(any(feature = "ext", not(target_arch = "wasm32")))]
pub mod extension;
pub mod history;
pub mod invest;
pub mod leave;
#[cfg(any(feature = "more", not(target_arch = "wasm32")))]
pub mod more;
pub mod payouts;
pub mod premiums;
pub mod shares;
pub mod state;
pub mod views;

#[cfg(any(not(any(feature = "ext", feature = "more")), not(target_arch = "wasm32")))]
pub use everyday::Vault;
#[cfg(any(feature = "ext", not(target_arch = "wasm32")))]
pub use extension::VaultExt;
#[cfg(any(feature = "more", not(target_arch = "wasm32")))]
pub use more::VaultMore;
