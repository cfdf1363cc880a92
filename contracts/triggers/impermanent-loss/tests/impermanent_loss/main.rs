//! The impermanent-loss trigger in a world with pools and feeds that can be anything: `market` for its sources and
//! subjects, `claims` for positions and their loss.

mod claims;
mod common;
mod market;
