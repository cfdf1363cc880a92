//! Fixed-point actuarial mathematics: pricing, credibility, capital. No I/O, no SDK.
//!
//! Amounts are in an asset's smallest unit, rates WAD a year, ratios basis points, times seconds. Every function
//! is total: what does not fit is [`Overflow`], never a wrapped value. Rounding is in the names or in the first
//! line of a description.
#![no_std]

pub mod amm;
pub mod books;
pub mod capital;
pub mod credibility;
pub mod curve;
pub mod decay;
pub mod distribution;
pub mod emission;
pub mod history;
pub mod jury;
pub mod math;
pub mod payout;
pub mod premium;
pub mod redemption;
pub mod variance;

pub use math::Overflow;
