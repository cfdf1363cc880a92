//! The risk contract: every function, error and role; the reserve's worked examples; random histories against a
//! reference model.

mod administration;
mod capital;
mod claims_clock;
mod evidence;
mod incidents;
mod inputs;
mod interface;
mod levels;
mod model;
mod portfolio;
mod renewal;
mod sale;
mod scenarios;
mod town;
mod undecided;
mod variance;
