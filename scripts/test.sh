#!/usr/bin/env bash
# Everything that is tested, in one command. LONG=1 adds what takes longer than an hour allows.
source "$(dirname "$0")/setup.sh"

step "formatting"
cargo fmt --all --check

step "lints"
cargo clippy --locked --workspace --all-targets -- -D warnings

if command -v npm >/dev/null; then
  step "Solidity artefacts are fresh"
  scripts/solidity.sh --check
else
  step "Node is absent: the freshness of the Solidity artefacts is not checked"
fi

step "the command and the contracts"
cargo build --locked --bin palisade
"$CARGO_TARGET_DIR/debug/palisade" build

step "unit, property, contract and end-to-end tests"
cargo test --locked --workspace

step "the demo, twice"
"$CARGO_TARGET_DIR/debug/palisade" demo --quiet
"$CARGO_TARGET_DIR/debug/palisade" demo --quiet
