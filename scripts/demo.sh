#!/usr/bin/env bash
# Sets up, builds and plays the stories of all covers on the embedded node. Arguments go to `palisade demo`, which then
# plays the depeg's unless told otherwise:
#   scripts/demo.sh [--story NAME|all] [--rpc URL] [--feed FILE]
source "$(dirname "$0")/setup.sh"
step "building the command (the first time compiles for some minutes)"
# --workspace: the same features as the tests, so that nothing is compiled twice
cargo build --locked --workspace --bin palisade
step "building the contracts"
"$CARGO_TARGET_DIR/debug/palisade" build
if [ ! -d tests/solidity/node_modules/@uniswap ]; then
  if command -v npm >/dev/null; then
    step "installing Uniswap's published contracts, which two stories trade with"
    npm ci --prefix tests/solidity --ignore-scripts --no-fund --no-audit
  else
    step "npm is absent: two stories are left out"
  fi
fi
[ $# -gt 0 ] || set -- --story all
step "the demo"
exec "$CARGO_TARGET_DIR/debug/palisade" demo "$@"
