#!/usr/bin/env bash
# Tries the node with the clients that people use: ethers, viem, Hardhat, cast and forge, in the versions that
# tests/clients/package-lock.json pins, and the npm package of the interfaces with viem, TypeScript and solc. They are
# kept outside of the checkout between runs.
#
#   scripts/clients.sh                         all of them (the node must be built: cargo build --bin palisade)
#   scripts/clients.sh viem package            some
#   scripts/clients.sh --install               installs them and tries nothing
#   PALISADE_NODE="devnode --chain-id 412346" scripts/clients.sh    another program as the node
set -euo pipefail
cd "$(dirname "$0")/../tests/clients"

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo "scripts/clients.sh needs Node.js 20 or newer with npm: https://nodejs.org" >&2
    exit 1
fi

kept=${CLIENTS_DIR:-$HOME/.cache/palisade/clients}/$(sha256sum package-lock.json | cut -c1-12)
if [[ ! -e "$kept/complete" ]]; then
    echo "Installing the clients from npm…" >&2
    mkdir -p "$kept"
    cp package.json package-lock.json "$kept"
    npm ci --prefix "$kept" --ignore-scripts --no-fund --no-audit >/dev/null
    touch "$kept/complete"
fi
if [[ "$(readlink node_modules || true)" != "$kept/node_modules" ]]; then
    rm -rf node_modules
    ln -s "$kept/node_modules" node_modules
fi

[[ "${1:-}" != --install ]] || exit 0
[[ $# -gt 0 ]] || set -- ethers viem hardhat foundry package
limit=${CLIENTS_LIMIT:-260}

# On its end `timeout` ends the whole group, so the nodes that the tests started too.
timeout --kill-after=5 "$limit" \
    node --test --test-reporter=spec --test-timeout="$((limit - 10))000" "${@/%/.test.mjs}" &
running=$!
trap 'kill "$running" 2>/dev/null || true' EXIT
wait "$running"
