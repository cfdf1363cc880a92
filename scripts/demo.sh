#!/usr/bin/env bash
# Sets up, builds and plays the whole story on the embedded node. Arguments go to `palisade demo`:
#   scripts/demo.sh [--rpc URL] [--feed FILE] [--json]
source "$(dirname "$0")/setup.sh"
step "building the command"
cargo build --locked --bin palisade
step "building the contracts"
"$CARGO_TARGET_DIR/debug/palisade" build
step "the story"
exec "$CARGO_TARGET_DIR/debug/palisade" demo "$@"
