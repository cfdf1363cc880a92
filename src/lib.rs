//! Palisade's harness: artefacts, deployment, operations and reports.
//!
//! | module | holds |
//! |---|---|
//! | [`artefact`] | contract crates into programs: build, canonical form, compression |
//! | [`chain`] | a chain behind an RPC: sending, waiting, its clock |
//! | [`audit`] | whether a deployment is what it should be, read from the chain |
//! | [`bindings`] | typed clients from the checked-in ABIs |
//! | [`failure`] | revert data in the contracts' own words |
//! | [`deploy`] | the deployment, step by step, resumable and verified |
//! | [`feed`] | price series |
//! | [`interface`] | the checked-in ABIs as data: calls in words, values from JSON |
//! | [`dao`] | motions, proposals, where each is on its way, and what it would do |
//! | [`story`] | the whole story, each step with its check |
//! | [`report`] | tables and numbers for people |
//! | [`trace`] | where the gas of a transaction goes |
//! | [`gas`] | what every operation costs, and what it may |
//! | [`claims`] | what a claim needs: lines, entries, evidence |
//! | [`keeper`] | does what is due when nobody else does |
//! | [`cli`] | the command line |

pub mod artefact;
pub mod audit;
pub mod bindings;
pub mod chain;
pub mod claims;
pub mod cli;
pub mod dao;
pub mod deploy;
pub mod failure;
pub mod feed;
pub mod gas;
pub mod interface;
pub mod keeper;
pub mod report;
pub mod story;
pub mod trace;
mod whole;
