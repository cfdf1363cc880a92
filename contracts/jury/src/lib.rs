//! The jury: whoever stakes the protocol's token may vote on claims that no trigger decides.
//!
//! One contract in two programs over one storage:
//! - [`Jury`]: what a case takes: `open`, `commit`, `reveal`, `verdict`, `finalise`, `settle`. What it does not know it
//!   runs in the second one;
//! - [`JuryExt`] (feature `ext`): stakes, appeals, rulings, credits, views, administration.
//!
//! Both hold nothing but a [`book::Book`]. What a vote weighs, decides, costs and earns is in [`actuary::jury`]; a case's
//! phases are in [`docket`], a juror's word is in [`juror`].
//!
//! Every phase ends by the clock, so [`docket`] tells a case's state from what is stored and the time; nobody has to do
//! anything for a verdict. The jury calls nobody but tokens, after all is written; Assessor asks for the verdict.
#![cfg_attr(not(test), no_main)]
extern crate alloc;

pub mod book;
pub mod docket;
mod everyday;
mod extension;
pub mod juror;

pub use everyday::Jury;
pub use extension::JuryExt;
