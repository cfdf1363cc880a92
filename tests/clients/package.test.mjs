// The npm package of the interfaces, packed, unpacked into a project and used there: from viem with types, from Solidity.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const here = fileURLToPath(new URL(".", import.meta.url));
const source = join(root, "contracts/abi");
const require = createRequire(import.meta.url);

let project, unpacked;

before(() => {
  project = mkdtempSync(join(tmpdir(), "palisade-package-"));
  const scope = join(project, "node_modules/@palisade");
  mkdirSync(scope, { recursive: true });
  const packed = execFileSync("npm", ["pack", "--json", "--pack-destination", project], { cwd: source, encoding: "utf8" });
  const [{ filename }] = JSON.parse(packed);
  execFileSync("tar", ["-xzf", join(project, filename.replace("@", "").replace("/", "-")), "-C", scope]);
  unpacked = join(scope, "abi");
  execFileSync("mv", [join(scope, "package"), unpacked]);
  symlinkSync(realpathSync(join(here, "node_modules/viem")), join(project, "node_modules/viem"));
  writeFileSync(join(project, "package.json"), '{ "private": true, "type": "module" }\n');
});

after(() => rmSync(project, { recursive: true, force: true }));

function files(folder, extension) {
  return readdirSync(folder).filter((name) => name.endsWith(extension)).sort();
}

/** What TypeScript says about a program that uses the package. */
function check(name, program) {
  writeFileSync(join(project, name), program);
  const options = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck", "--pretty", "false"];
  const { stdout, status } = spawnSync(
    process.execPath, [join(here, "node_modules/typescript/bin/tsc"), ...options, name], { cwd: project, encoding: "utf8" },
  );
  return { told: stdout, status };
}

describe("the package", () => {
  test("holds the interfaces, their ABIs and types, and nothing else", () => {
    assert.deepEqual(
      readdirSync(unpacked).filter((name) => !name.endsWith(".sol")).sort(),
      ["LICENSE", "README.md", "addresses.json", "js", "json", "package.json"],
    );
    assert.deepEqual(files(unpacked, ".sol"), files(source, ".sol"));
    assert.deepEqual(readdirSync(join(unpacked, "json")).sort(), readdirSync(join(source, "json")).sort());
    assert.deepEqual(readdirSync(join(unpacked, "js")).sort(), readdirSync(join(source, "js")).sort());
  });

  test("has the workspace's version", () => {
    const { version } = readFileSync(join(root, "Cargo.toml"), "utf8").match(/\nversion = "(?<version>[^"]+)"/).groups;
    assert.equal(JSON.parse(readFileSync(join(unpacked, "package.json"), "utf8")).version, version);
  });

  test("has each ABI as a constant that is the JSON", async () => {
    writeFileSync(join(project, "all.js"), 'export * from "@palisade/abi";\n');
    const all = await import(pathToFileURL(join(project, "all.js")));
    const names = Object.keys(all).filter((name) => name.endsWith("Abi"));
    const abis = files(join(unpacked, "json"), ".json").map((name) => JSON.parse(readFileSync(join(unpacked, "json", name), "utf8")));
    assert.equal(names.length, abis.length);
    const asText = (abi) => JSON.stringify(abi);
    assert.deepEqual(names.map((name) => asText(all[name])).sort(), abis.map(asText).sort());
    assert.ok(["erc20Abi", "erc20PermitAbi", "erc7540RedeemAbi", "policyAbi", "impermanentLossTriggerAbi"].every((name) => names.includes(name)));
    assert.deepEqual(all.addresses, JSON.parse(readFileSync(join(unpacked, "addresses.json"), "utf8")));
  });

  test("types what viem reads and sends", () => {
    const { told, status } = check("right.ts", `
      import { createPublicClient, http, parseEventLogs, type Address, type Hex } from "viem";
      import { erc20Abi, policyAbi, vaultAbi } from "@palisade/abi";

      const client = createPublicClient({ transport: http("http://127.0.0.1:8547") });
      const address: Address = "0x0000000000000000000000000000000000000001";
      const subject: Hex = "0x00";
      const { reserve, closed } = await client.readContract({ address, abi: vaultAbi, functionName: "solvency" });
      const money: [bigint, boolean] = [reserve, closed];
      const [premium] = await client.readContract({
        address, abi: policyAbi, functionName: "quote", args: [1n, subject, address, subject, 1_000_000n, 86_400n],
      });
      const { holder, remaining } = await client.readContract({ address, abi: policyAbi, functionName: "policyOf", args: [1n] });
      const face: [Address, bigint, bigint] = [holder, remaining, premium];
      const symbol: string = await client.readContract({ address, abi: erc20Abi, functionName: "symbol" });
      const [bought] = parseEventLogs({ abi: policyAbi, logs: [], eventName: "PolicyBought" });
      const entry: Hex = bought.args.entry;
      console.log(money, face, symbol, entry);
    `);
    assert.equal(status, 0, told);
  });

  test("has a wrong name or argument found before anything runs", () => {
    const { told, status } = check("wrong.ts", `
      import { createPublicClient, http } from "viem";
      import { addresses, policyAbi, vaultAbi } from "@palisade/abi";

      const client = createPublicClient({ transport: http("http://127.0.0.1:8547") });
      const address = "0x0000000000000000000000000000000000000001";
      client.readContract({ address, abi: vaultAbi, functionName: "solvent" });
      client.readContract({ address, abi: policyAbi, functionName: "policyOf", args: ["first"] });
      (await client.readContract({ address, abi: vaultAbi, functionName: "solvency" })).reserves;
      addresses[412346];
    `);
    assert.notEqual(status, 0);
    const lines = told.split("\n").filter((line) => line.startsWith("wrong.ts"));
    const places = new Set(lines.map((line) => Number(line.match(/\((\d+),/)[1])));
    assert.deepEqual([...places], [7, 8, 9, 10], told);
  });

  test("is imported by path from Solidity", () => {
    const solc = require("solc");
    const content = readFileSync(join(root, "examples/solidity/SelfInsured.sol"), "utf8");
    const input = {
      language: "Solidity",
      sources: { "SelfInsured.sol": { content } },
      settings: { optimizer: { enabled: true }, outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } } },
    };
    const find = (path) => ({ contents: readFileSync(join(project, "node_modules", path), "utf8") });
    const { errors = [], contracts } = JSON.parse(solc.compile(JSON.stringify(input), { import: find }));
    assert.deepEqual(errors.map(({ formattedMessage }) => formattedMessage), []);
    assert.ok(contracts["SelfInsured.sol"].SelfInsured.evm.bytecode.object.length > 0);
    assert.ok(contracts["@palisade/abi/IPolicy.sol"].IPolicy.abi.length > 0);
  });
});

describe("the addresses", () => {
  const write = (deployment, into) => {
    const file = join(project, "deployment.json");
    writeFileSync(file, JSON.stringify(deployment));
    return spawnSync(process.execPath, [join(root, "scripts/addresses.mjs"), file, "--into", into], { encoding: "utf8" });
  };
  const [one, two] = ["0x0000000000000000000000000000000000000001", "0x0000000000000000000000000000000000000002"];

  test("of a finished deployment come beside those of other chains", () => {
    const into = join(project, "addresses.json");
    writeFileSync(into, JSON.stringify({ 7: { vault: two }, 42161: { vault: two, old: two } }));
    const { status, stderr } = write({ chain_id: 42161, finished: true, contracts: { vault: one, policy: two } }, into);
    assert.equal(status, 0, stderr);
    assert.deepEqual(JSON.parse(readFileSync(into, "utf8")), { 7: { vault: two }, 42161: { policy: two, vault: one } });
  });

  test("of an unfinished one, or of a development chain, do not", () => {
    const into = join(project, "none.json");
    const unfinished = write({ chain_id: 42161, finished: false, contracts: {} }, into);
    assert.match(unfinished.stderr, /is not finished/);
    const development = write({ chain_id: 412346, finished: true, contracts: { vault: one } }, into);
    assert.match(development.stderr, /is a development chain/);
    assert.deepEqual([unfinished.status, development.status], [1, 1]);
    assert.ok(!readdirSync(project).includes("none.json"));
  });
});
