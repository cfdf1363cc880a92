//! All contracts of the insurer together, each of them the real one: scenarios by name, and what holds whatever
//! anybody does, in any order.

mod invariants;
mod model;
mod outcome;
mod scenarios;
mod sequences;
mod steps;
mod strategies;
mod town;
mod triggers;
