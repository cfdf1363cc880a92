#!/usr/bin/env bash
# What is tested, in one command. ALL=1 runs every test of the workspace instead of the end-to-end ones and the world's.
source "$(dirname "$0")/setup.sh"

step "formatting"
cargo fmt --all --check

if command -v npm >/dev/null; then
  step "Solidity artefacts are fresh"
  scripts/solidity.sh --check
else
  step "Node is absent: the freshness of the Solidity artefacts is not checked"
fi

step "building the command"
cargo build --locked --workspace --bin palisade

step "building the contracts"
"$CARGO_TARGET_DIR/debug/palisade" build --code-size-limit "$CODE_SIZE_LIMIT"
"$CARGO_TARGET_DIR/debug/palisade" sizes

if [ -n "${ALL:-}" ]; then
  step "unit, property, contract and end-to-end tests"
  cargo test --locked --workspace
else
  step "the story end to end, step by step, and the test world"
  cargo test --locked --workspace --test story --test world
fi

step "the demo, twice"
"$CARGO_TARGET_DIR/debug/palisade" demo --quiet --code-size-limit "$CODE_SIZE_LIMIT"
"$CARGO_TARGET_DIR/debug/palisade" demo --code-size-limit "$CODE_SIZE_LIMIT"

step "all is well"
