#!/usr/bin/env bash
# Sets up, builds and plays the whole story on the embedded node. Arguments go to `palisade demo`:
#   scripts/demo.sh [--rpc URL] [--feed FILE]
source "$(dirname "$0")/setup.sh"
step "building the command (the first time compiles for some minutes)"
# --workspace: the same features as the tests, so that nothing is compiled twice
cargo build --locked --workspace --bin palisade
step "building the contracts"
"$CARGO_TARGET_DIR/debug/palisade" build
step "the story"
exec "$CARGO_TARGET_DIR/debug/palisade" demo "$@"
