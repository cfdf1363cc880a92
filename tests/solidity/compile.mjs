// Compiles the Solidity interfaces, the contracts of L1, mocks, consumers, examples and peers with the pinned compiler and
// writes what is checked in: tests/solidity/artifacts/NAME.json with {abi, bytecode}, and of the package in contracts/abi
// what is not written by hand: json/NAME.json with the plain ABI, js/ with the same as constants and their types, the
// addresses in addresses.json likewise, the version and the licence.
// With --check nothing is written: it fails where a checked-in file differs from what would be written.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { abiModule, addressModule, constantOf, indexModule } from "./package.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const require = createRequire(import.meta.url);

const pins = JSON.parse(readFileSync(join(here, "package.json"), "utf8")).devDependencies;
const pinned = pins.solc;
const solc = require("solc");
if (!solc.version().startsWith(`${pinned}+`)) {
  fail(`solc ${pinned} is pinned, ${solc.version()} is installed: run npm ci in tests/solidity`);
}
for (const [name, version] of Object.entries(pins)) {
  const installed = require(`${name}/package.json`).version;
  if (installed !== version) fail(`${name} ${version} is pinned, ${installed} is installed: run npm ci in tests/solidity`);
}

const folders = ["contracts/abi", "contracts/l1", "examples/solidity", "tests/solidity", "tests/solidity/peers"];
const files = (folder, extension) =>
  existsSync(join(root, folder)) ? readdirSync(join(root, folder)).filter((name) => name.endsWith(extension)).sort() : [];
const sources = {};
for (const folder of folders) {
  for (const name of files(folder, ".sol")) {
    sources[`${folder}/${name}`] = { content: readFileSync(join(root, folder, name), "utf8") };
  }
}

const output = JSON.parse(
  solc.compile(
    JSON.stringify({
      language: "Solidity",
      sources,
      settings: {
        evmVersion: "cancun",
        // examples import the interfaces as those do who have installed the package
        remappings: ["@palisade/abi/=contracts/abi/"],
        optimizer: { enabled: true, runs: 10_000 },
        metadata: { bytecodeHash: "none", appendCBOR: false },
        outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
      },
    }),
    // what the sources import of pinned packages
    { import: (path) => ({ contents: readFileSync(join(here, "node_modules", path), "utf8") }) },
  ),
);
const problems = output.errors ?? [];
for (const problem of problems) {
  console.error(problem.formattedMessage.trimEnd());
}
if (problems.length > 0) {
  fail("the compiler has something to say");
}

// What should be there: path → content.
const wanted = new Map();
const modules = [];
for (const [source, contracts] of Object.entries(output.contracts)) {
  if (!(source in sources)) continue;
  for (const [name, { abi, evm }] of Object.entries(contracts)) {
    if (source.startsWith("contracts/abi/")) {
      wanted.set(`contracts/abi/json/${name}.json`, text(abi));
      module_(name, abiModule(constantOf(name), basename(source), abi));
    } else if (evm.bytecode.object !== "") {
      wanted.set(`tests/solidity/artifacts/${name}.json`, text({ abi, bytecode: `0x${evm.bytecode.object}` }));
    }
  }
}
module_("addresses", addressModule(JSON.parse(read("contracts/abi/addresses.json"))));
module_("index", indexModule(modules.sort()));
const { version } = read("Cargo.toml").match(/^\[workspace\.package\]\nversion = "(?<version>[^"]+)"/m).groups;
wanted.set("contracts/abi/package.json", text({ ...JSON.parse(read("contracts/abi/package.json")), version }));
wanted.set("contracts/abi/LICENSE", read("LICENSE"));
const generated = [["contracts/abi/json", ".json"], ["contracts/abi/js", ".ts"], ["contracts/abi/js", ".js"], ["tests/solidity/artifacts", ".json"]];
const present = generated.flatMap(([folder, extension]) => files(folder, extension).map((name) => `${folder}/${name}`));
const surplus = present.filter((path) => !wanted.has(path));
const stale = [...wanted].filter(([path, content]) => !existsSync(join(root, path)) || read(path) !== content);

if (process.argv.includes("--check")) {
  for (const path of surplus) console.error(`${path} has no source`);
  for (const [path] of stale) console.error(`${path} is not what its source compiles to`);
  if (surplus.length + stale.length > 0) fail("run scripts/solidity.sh and check the result in");
  console.log(`${wanted.size} Solidity artefacts are fresh (solc ${pinned}).`);
} else {
  for (const path of surplus) rmSync(join(root, path));
  for (const [path, content] of stale) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  const names = [...new Set(stale.map(([path]) => basename(path).replace(/\.(json|js|d\.ts)$/, "")))];
  console.log(`${wanted.size} Solidity artefacts, ${stale.length} written${names.length ? `: ${names.join(", ")}` : ""}.`);
}

function module_(name, { js, types }) {
  modules.push(name);
  wanted.set(`contracts/abi/js/${name}.js`, js);
  wanted.set(`contracts/abi/js/${name}.d.ts`, types);
}

function read(path) {
  return readFileSync(join(root, path), "utf8");
}

function text(value) {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
