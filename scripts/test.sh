#!/usr/bin/env bash
# Everything that is tested, in one command.
source "$(dirname "$0")/setup.sh"

step "formatting"
cargo fmt --all --check

if command -v npm >/dev/null; then
  step "Solidity artefacts are fresh"
  scripts/solidity.sh --check
  step "installing the clients that examples and node are tried with"
  scripts/clients.sh --install
else
  step "Node is absent: the freshness of the Solidity artefacts is not checked"
fi

step "building the command"
cargo build --locked --workspace --bin palisade

step "building the contracts"
"$CARGO_TARGET_DIR/debug/palisade" build
"$CARGO_TARGET_DIR/debug/palisade" sizes

# Random inputs are those of one seed, so that what is green here is green everywhere; the long mode draws its own, as
# does `cargo test` by hand. A failure prints its input and is then a test by itself.
if [ -z "${LONG:-}" ]; then
  export PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED:-20261126}
fi

step "unit, property, contract and end-to-end tests"
cargo test --locked --workspace --no-fail-fast

if command -v npm >/dev/null; then
  step "the node as its clients see it: ethers, viem, Hardhat, cast and forge; the npm package"
  scripts/clients.sh
else
  step "Node.js is absent: the node is not tried with its clients"
fi
# The long mode: cargo-stylus against the node, its compiler of programs, a minute of random input for each of its
# decoders, fifty kills.
if [ -n "${LONG:-}" ]; then
  step "cargo-stylus against the node"
  scripts/cargo-stylus.sh
  scripts/jit.sh
  scripts/fuzz.sh
  step "the node, killed fifty times"
  DEVNODE_RESTARTS=50 cargo test --locked --workspace --test persistence -- --nocapture that_is_killed
fi

step "the demo: one story quietly, then all"
"$CARGO_TARGET_DIR/debug/palisade" demo --quiet
"$CARGO_TARGET_DIR/debug/palisade" demo --story all

step "lints"
cargo clippy --locked --workspace --all-targets -- -D warnings

step "all is well"
