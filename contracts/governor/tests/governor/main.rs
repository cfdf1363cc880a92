//! The governor with the real timelock and the real token: every function and error, and a proposal's life.

mod interface;
mod life;
mod parameters;
mod town;
mod votes;
