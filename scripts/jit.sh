#!/usr/bin/env bash
# Builds and tests the node with its compiler of programs (the feature jit): every program that a test runs is run by
# both engines, which must agree. Part of the test command's long mode.
source "$(dirname "$0")/setup.sh"

step "the node with its compiler of programs"
cargo test --locked -p devnode --features jit --no-fail-fast

step "its lints"
cargo clippy --locked -p devnode --features jit --all-targets -- -D warnings
