//! Stylus programs on the program layer alone, without blocks, transactions and precompiles.
//!
//! `PROPTEST_CASES=100000 cargo test -p devnode --test wasm` tries random input for minutes instead of seconds.
//! With the feature `jit`, every program runs on both engines, which must agree on all that can be seen.

mod fuzz;
mod limits;
mod smith;
mod spec;
mod vectors;
mod world;

use proptest::test_runner::Config;

/// How often a property is tried: as `PROPTEST_CASES` says, else `usual` times.
fn cases(usual: u32) -> Config {
    let usual = Config::with_cases(usual);
    if std::env::var_os("PROPTEST_CASES").is_some() { Config::default() } else { usual }
}
