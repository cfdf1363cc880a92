//! Stylus programs on the program layer alone, without blocks, transactions and precompiles.

mod fuzz;
mod limits;
mod vectors;
mod world;
