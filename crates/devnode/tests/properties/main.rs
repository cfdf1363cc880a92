//! What holds whatever is sent: money, effects of what fails, call trees across both machines, snapshots, decoding.
//!
//! `PROPTEST_CASES=100000 cargo test -p devnode --test properties` tries random input for minutes instead of seconds.

mod decode;
mod past;
mod snapshots;
#[path = "../support/mod.rs"]
mod support;
mod trees;

use proptest::test_runner::Config;

/// How often a property is tried: as `PROPTEST_CASES` says, else `usual` times.
fn cases(usual: u32) -> Config {
    let usual = Config::with_cases(usual);
    if std::env::var_os("PROPTEST_CASES").is_some() { Config::default() } else { usual }
}
