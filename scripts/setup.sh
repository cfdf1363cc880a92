#!/usr/bin/env bash
# What both commands need: the pinned toolchain with the standard library's sources, and a target directory that
# is kept between runs. Sourced by demo.sh and test.sh; changes nothing where everything is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$HOME/.cache/palisade/target}
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}

step() { printf '\n== %s (%s)\n' "$1" "$(date -u +%H:%M:%S)"; }
need() { command -v "$1" >/dev/null || { printf '%s is missing: %s\n' "$1" "$2" >&2; exit 1; }; }

need cargo "install Rust with rustup, then run this again"
need cc "a C compiler is needed (Debian: apt-get install build-essential)"
scripts/wasm-target.sh
