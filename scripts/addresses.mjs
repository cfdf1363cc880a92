// Writes the addresses of a finished deployment into the package of the interfaces, beside those of other chains.
//
//   node scripts/addresses.mjs deployments/42161.json                  into contracts/abi/addresses.json
//   node scripts/addresses.mjs deployments/42161.json --into FILE      into another one
//
// Then run scripts/solidity.sh, which makes the modules of it. Deployments on development chains are nobody else's: they
// are refused.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const DEVELOPMENT = [1337, 31337, 412346];

const [file, option, other] = process.argv.slice(2);
if (!file || (option !== undefined && (option !== "--into" || !other))) {
  fail("usage: node scripts/addresses.mjs deployments/CHAIN.json [--into FILE]");
}
const { chain_id: chain, finished, contracts } = JSON.parse(readFileSync(file, "utf8"));
if (!Number.isSafeInteger(chain) || typeof contracts !== "object") fail(`${file} is not a deployment file`);
if (!finished) fail(`the deployment in ${file} is not finished: run palisade deploy`);
if (DEVELOPMENT.includes(chain)) fail(`chain ${chain} is a development chain: its addresses are not for publication`);

const into = other ?? fileURLToPath(new URL("../contracts/abi/addresses.json", import.meta.url));
const known = existsSync(into) ? JSON.parse(readFileSync(into, "utf8")) : {};
const sorted = Object.fromEntries(Object.entries(contracts).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(into, `${JSON.stringify({ ...known, [chain]: sorted }, null, 2)}\n`);
console.log(`${Object.keys(sorted).length} contracts of chain ${chain} are in ${into}`);

function fail(message) {
  console.error(message);
  process.exit(1);
}
