//! Claims: anyone reports incidents, holders file; the trigger decides and the vault pays.
//!
//! An incident is what its trigger says; a report books its newest state in Risk, where it moves reserve and exit price at
//! once. A claim is verified by the trigger for its own policy: what is confirmed beyond what was confirmed before is
//! paid, so that a loss that turns out larger can be filed again, and no evidence is paid twice.
//!
//! Small claims are paid in the same transaction. Large ones wait, reserved in full in Risk and payable by anyone when
//! they are due; meanwhile they may be challenged. What the trigger does not confirm may be disputed before a jury, or
//! waits for data. Each of these ends by the clock, whoever does nothing: docs/claims.md has the stages.
//!
//! A waiting claim is in the reserve and in nothing else: confirmed claims, the policy's cover and the vault's payments
//! change in one step, when it is decided, so that nothing has to be undone.
//!
//! Calls go down only: Policy → trigger → Risk → Policy → Vault, one entry each but for Policy, which is opened and
//! closed. None of them calls back, and Jury is only asked. Assessor holds bonds, bounties and the jury's share of
//! premiums, each until its owner takes it.
//!
//! One contract in two programs over one storage:
//! - [`Assessor`]: reports, and claims that are confirmed; what it does not know it runs in the second one;
//! - [`AssessorExt`] (feature `ext`): disputes, juries, executions, recoveries, views, administration.
//!
//! [`book`] has the storage and what both do; [`incident`], [`claim`] and [`rules`] are its words.
#![cfg_attr(not(test), no_main)]
extern crate alloc;

pub mod book;
pub mod claim;
mod everyday;
mod extension;
pub mod incident;
pub mod opened;
pub mod rules;

pub use everyday::Assessor;
pub use extension::AssessorExt;
