#!/usr/bin/env bash
# The build settings of the contracts, as environment variables. `palisade build` reads them from here, and
# whoever runs `cargo stylus` sources this file first, so that both build the same program:
#
#   source scripts/contract-env.sh
#
# Why each: the standard library is compiled along with the contract and every panic becomes one `unreachable`
# (kilobytes less); size before speed, since each call of a program that is not cached pays for its size; a 40 KiB
# stack instead of 1 MiB, which every call would pay for in memory pages; no source positions and no formatting of
# them, so that no path of the building machine ends up in the program and the code hash is the same everywhere; no
# global value numbering, since that of this compiler can forget that an argument passed in memory was moved away (Rust
# issue 155241), and programs are no larger without it.
export RUSTC_BOOTSTRAP=1
export CARGO_UNSTABLE_BUILD_STD=std,panic_abort
export CARGO_UNSTABLE_BUILD_STD_FEATURES=optimize_for_size
export CARGO_PROFILE_RELEASE_OPT_LEVEL=z
export CARGO_PROFILE_RELEASE_LTO=fat
export CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1
export CARGO_PROFILE_RELEASE_PANIC=abort
export CARGO_PROFILE_RELEASE_STRIP=symbols
export CARGO_PROFILE_RELEASE_DEBUG=false
export CARGO_PROFILE_RELEASE_INCREMENTAL=false
export CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=false
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="-Zunstable-options -Cpanic=immediate-abort -Clink-arg=-zstack-size=40960 -Ctarget-cpu=mvp -Ctarget-feature=+bulk-memory -Zlocation-detail=none -Zfmt-debug=none -Zmir-enable-passes=-GVN"
