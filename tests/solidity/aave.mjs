// Compiles Aave v3 from the sources in its npm package, which has no bytecode, with the pinned compiler, into
// build/aave/NAME.json with {abi, bytecode, links: {library: its placeholder in the bytecode}}. Does nothing where that was
// done for the pinned versions. Exits with 2 where the package or the compiler is not installed.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const packages = join(here, "node_modules");
const out = join(here, "../../build/aave");
const pins = JSON.stringify(JSON.parse(readFileSync(join(here, "package.json"), "utf8")).devDependencies);
const stamp = join(out, "pins.json");
if (existsSync(stamp) && readFileSync(stamp, "utf8") === pins) process.exit(0);
let solc;
try {
  solc = createRequire(import.meta.url)("solc");
} catch {
  process.exit(2);
}

const aave = "@aave-dao/aave-v3-origin/src/contracts";
const entries = [
  "instances/PoolInstance.sol",
  "instances/PoolConfiguratorInstance.sol",
  "instances/ATokenInstance.sol",
  "instances/VariableDebtTokenInstance.sol",
  "misc/AaveOracle.sol",
  "misc/DefaultReserveInterestRateStrategyV2.sol",
  "protocol/configuration/ACLManager.sol",
  "protocol/configuration/PoolAddressesProvider.sol",
];
const remapped = [
  ["openzeppelin-contracts/contracts/", "@openzeppelin/contracts/"],
  ["solidity-utils/", "@bgd-labs/solidity-utils/src/"],
];

/** The file that an import names. */
function find(path) {
  for (const [from, to] of remapped) {
    if (path.startsWith(from)) path = to + path.slice(from.length);
  }
  const file = join(packages, path);
  return existsSync(file) ? { contents: readFileSync(file, "utf8") } : { error: `${path} is not installed` };
}

if (!existsSync(join(packages, aave))) process.exit(2);
const sources = Object.fromEntries(
  entries.map((entry) => [`${aave}/${entry}`, { content: find(`${aave}/${entry}`).contents }]),
);
const output = JSON.parse(
  solc.compile(
    JSON.stringify({
      language: "Solidity",
      sources,
      settings: {
        evmVersion: "cancun",
        optimizer: { enabled: true, runs: 200 },
        metadata: { bytecodeHash: "none", appendCBOR: false },
        outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.bytecode.linkReferences"] } },
      },
    }),
    { import: find },
  ),
);
const errors = (output.errors ?? []).filter((problem) => problem.severity === "error");
if (errors.length > 0) {
  for (const error of errors) console.error(error.formattedMessage);
  process.exit(1);
}
mkdirSync(out, { recursive: true });
for (const [source, contracts] of Object.entries(output.contracts)) {
  if (!source.startsWith(aave)) continue;
  for (const [name, { abi, evm }] of Object.entries(contracts)) {
    const { object, linkReferences } = evm.bytecode;
    if (object === "") continue;
    const links = {};
    for (const library of Object.values(linkReferences)) {
      for (const [used, [{ start }]] of Object.entries(library)) links[used] = object.slice(2 * start, 2 * start + 40);
    }
    writeFileSync(join(out, `${name}.json`), JSON.stringify({ abi, bytecode: object, links }));
  }
}
writeFileSync(stamp, pins);
