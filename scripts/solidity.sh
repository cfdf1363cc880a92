#!/usr/bin/env bash
# Compiles the Solidity interfaces (contracts/abi) and the mocks and consumers of the tests (tests/solidity) with
# the compiler that tests/solidity/package-lock.json pins, and writes the artefacts that are checked in.
#
#   scripts/solidity.sh           writes them
#   scripts/solidity.sh --check   fails where the checked-in ones are not fresh; writes nothing
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo "scripts/solidity.sh needs Node.js with npm: https://nodejs.org" >&2
    exit 1
fi

here=tests/solidity
pinned=$(node -p "require('./$here/package.json').devDependencies.solc")
installed=$(node -p "require('./$here/node_modules/solc/package.json').version" 2>/dev/null || true)
if [[ "$installed" != "$pinned" ]]; then
    echo "Installing solc $pinned from npm…" >&2
    npm ci --prefix "$here" --ignore-scripts --no-fund --no-audit >/dev/null
fi

exec node "$here/compile.mjs" "$@"
