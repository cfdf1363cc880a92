#!/usr/bin/env bash
# Compiles the Solidity interfaces (contracts/abi), the contracts of L1 (contracts/l1), the examples (examples/solidity) and
# the mocks, consumers and peers of the tests (tests/solidity) with the compiler and the libraries that
# tests/solidity/package-lock.json pins, and writes the artefacts that are checked in, with what the npm package in
# contracts/abi has beside the interfaces.
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
# Whether everything that is pinned is there in that version.
current() {
    node -e '
        const { join } = require("node:path");
        const here = join(process.cwd(), process.argv[1]);
        for (const [name, version] of Object.entries(require(join(here, "package.json")).devDependencies)) {
            if (require(join(here, "node_modules", name, "package.json")).version !== version) process.exit(1);
        }
    ' "$here" 2>/dev/null
}
if ! current; then
    echo "Installing the pinned compiler and libraries from npm…" >&2
    npm ci --prefix "$here" --ignore-scripts --no-fund --no-audit >/dev/null
fi

exec node "$here/compile.mjs" "$@"
