#!/usr/bin/env bash
# Tries the node with cargo-stylus: checks, deploys, activates, caches, traces and replays the contract of
# tests/clients/stylus. Part of the test command's long mode: the tool's own build, once, takes ten minutes or more.
#
#   scripts/cargo-stylus.sh      (the node must be built: cargo build --bin palisade)
set -euo pipefail
cd "$(dirname "$0")/.."
version=0.10.10
target=${CARGO_TARGET_DIR:-$HOME/.cache/palisade/target}
tools=${TOOLS_DIR:-$target/tools}
tool=$tools/bin/cargo-stylus

if [[ "$("$tool" stylus --version 2>/dev/null)" != *" $version" ]]; then
    echo "Building cargo-stylus $version…" >&2
    # Unoptimised: it waits for the node and for Cargo most of the time.
    CARGO_TARGET_DIR=$tools/build CARGO_PROFILE_DEV_DEBUG=0 \
        cargo install --debug --locked --version "$version" --root "$tools" cargo-stylus
    rm -rf "$tools/build"
fi

# A copy, since the tool wants the builds below the project.
project=$tools/counter
mkdir -p "$project"
cp -R tests/clients/stylus/. rust-toolchain.toml "$project"

source scripts/contract-env.sh
# The contract runs on this machine too, to tell its constructor, with the standard library that it is built with.
export CARGO_PROFILE_DEV_PANIC=abort
export PALISADE_NODE=${PALISADE_NODE:-"$target/debug/palisade node"}
CARGO_TARGET_DIR=$project/target CARGO_STYLUS=$tool STYLUS_PROJECT=$project CLIENTS_LIMIT=1200 \
    scripts/clients.sh cargo-stylus
