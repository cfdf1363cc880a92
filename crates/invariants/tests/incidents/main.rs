//! What happens when it goes badly: hostile actors in random sequences, recorded incidents with their numbers, and the
//! scenarios of claims by name. Everything but the sources of data is the real contract.

mod books;
mod guarded;
mod hostile;
mod insurer;
mod judge;
mod notice;
mod replays;
mod robber;
mod scenarios;
