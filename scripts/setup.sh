#!/usr/bin/env bash
# What both commands need: the pinned toolchain with the standard library's sources, and a target directory that
# is kept between runs. Sourced by demo.sh and test.sh; changes nothing where everything is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$HOME/.cache/palisade/target}
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}

# Tests know where their crates are, and cargo takes what it built in another checkout for fresh: what was built there last is
# built again here.
if [ "$(cat "$CARGO_TARGET_DIR/checkout" 2>/dev/null || true)" != "$PWD" ]; then
  find . -name '*.rs' -not -path '*/node_modules/*' -not -path './target/*' -exec touch {} +
  mkdir -p "$CARGO_TARGET_DIR"
  printf '%s\n' "$PWD" >"$CARGO_TARGET_DIR/checkout"
fi

step() { printf '\n== %s (%s)\n' "$1" "$(date -u +%H:%M:%S)"; }
need() { command -v "$1" >/dev/null || { printf '%s is missing: %s\n' "$1" "$2" >&2; exit 1; }; }

need cargo "install Rust with rustup, then run this again"
need cc "a C compiler is needed (Debian: apt-get install build-essential)"
scripts/wasm-target.sh
