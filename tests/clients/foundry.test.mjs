// Foundry's cast and forge against the node.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { arch, platform, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { ALICE, ALICE_KEY, BOB, BOB_KEY, CHAIN_ID, INTERNAL_TYPE, startNode } from "./node.mjs";

// The packages' own launcher forgets whether the program failed.
const system = `${platform()}-${arch() === "x64" ? "amd64" : arch()}`;
const program = (tool) => createRequire(import.meta.url).resolve(`@foundry-rs/${tool}-${system}/bin/${tool}`);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const STORED = "Stored(address indexed,uint256 indexed,uint256)";
const byAlice = ["--private-key", ALICE_KEY];

let node, project, ledger;

before(async () => {
  node = await startNode();
  project = await mkdtemp(join(tmpdir(), "palisade-foundry-"));
  await mkdir(join(project, "home"));
  await cp(here("contracts"), join(project, "src"), { recursive: true });
  await cp(here("foundry/foundry.toml"), join(project, "foundry.toml"));
  await cp(here("foundry/Deploy.s.sol"), join(project, "script/Deploy.s.sol"));
  ledger = (await create("Ledger", "--constructor-args", "7")).deployedTo;
});

after(async () => {
  await node?.stop();
  await rm(project, { recursive: true, force: true });
});

/** Runs a program: inside of the project, whose compiler it then knows, or outside. */
async function run(tool, words, inside = tool === "forge") {
  const env = { ...process.env, HOME: join(project, "home"), ETH_RPC_URL: node.url, NO_COLOR: "1", NODE_TEST_CONTEXT: undefined };
  if (inside) env.FOUNDRY_SOLC = here("foundry/solc.mjs");
  try {
    const { stdout } = await promisify(execFile)(program(tool), words, { cwd: inside ? project : env.HOME, env });
    return stdout.trim();
  } catch (error) {
    throw new Error(`${tool} ${words.join(" ")}: ${error.stdout}${error.stderr}`);
  }
}

const cast = (...words) => run("cast", words);
const castJson = async (...words) => JSON.parse(await cast(...words, "--json"));

async function create(name, ...words) {
  return JSON.parse(await run("forge", ["create", `src/${name}.sol:${name}`, "--broadcast", "--json", ...byAlice, ...words]));
}

describe("forge", () => {
  test("creates a contract", async () => {
    const created = await create("Ledger", "--constructor-args", "41");
    assert.equal(created.deployer, ALICE);
    assert.equal(await cast("call", created.deployedTo, "total()(uint256)"), "41");
    const receipt = await castJson("receipt", created.transactionHash);
    assert.equal(receipt.contractAddress.toLowerCase(), created.deployedTo.toLowerCase());
  });

  for (const [how, signing] of [["a key", ["--private-key", BOB_KEY]], ["an unlocked account", ["--unlocked", "--sender", BOB]]]) {
    test(`broadcasts a script by ${how}`, async () => {
      await run("forge", ["script", "script/Deploy.s.sol", "--rpc-url", node.url, "--broadcast", ...signing]);
      const told = await readFile(join(project, `broadcast/Deploy.s.sol/${CHAIN_ID}/run-latest.json`), "utf8");
      const { transactions, receipts } = JSON.parse(told);
      assert.deepEqual(transactions.map((one) => one.transactionType), ["CREATE", "CALL"]);
      assert.deepEqual(receipts.map((one) => [one.status, one.from]), [["0x1", BOB.toLowerCase()], ["0x1", BOB.toLowerCase()]]);
      assert.equal(await cast("call", transactions[0].contractAddress, "total()(uint256)"), "42");
    });
  }
});

describe("cast", () => {
  test("reads the chain", async () => {
    assert.equal(await cast("chain-id"), String(CHAIN_ID));
    assert.match(await cast("client"), /devnode/);
    assert.equal(await cast("gas-price"), "100000000");
    assert.ok(Number(await cast("block-number")) > 0);
    const { transactions } = await castJson("block", "latest", "--full");
    assert.equal(transactions[0].type, INTERNAL_TYPE);
    assert.equal(transactions.length, 2);
  });

  test("reads accounts", async () => {
    assert.ok(BigInt(await cast("balance", ALICE)) > 10n ** 23n);
    assert.ok(Number(await cast("nonce", ALICE)) > 0);
    assert.match(await cast("code", ledger), /^0x6080604052/);
    const created = await create("Ledger", "--constructor-args", "9");
    assert.equal(BigInt(await cast("storage", created.deployedTo, "0")), 9n);
    const values = await cast("index", "uint256", "0", "1");
    assert.equal(BigInt(await cast("storage", created.deployedTo, values)), 9n);
  });

  test("sends, and finds what was sent", async () => {
    const receipt = await castJson("send", ledger, "store(uint256,uint256)", "1", "35", ...byAlice);
    assert.equal(receipt.status, "0x1");
    assert.equal(receipt.transactionIndex, "0x1");
    assert.equal(await cast("call", ledger, "values(uint256)(uint256)", "1"), "35");
    const known = await castJson("tx", receipt.transactionHash);
    assert.deepEqual([known.type, known.from], ["0x2", ALICE.toLowerCase()]);
    assert.equal(await cast("receipt", receipt.transactionHash, "gasUsed"), String(Number(receipt.gasUsed)));
    const logs = await castJson("logs", "--from-block", "0", "--address", ledger, STORED, ALICE, "1");
    assert.deepEqual(logs.map((log) => log.transactionHash), [receipt.transactionHash]);
    assert.equal(BigInt(logs[0].data), 35n);
  });

  test("estimates what is then used, or little more", async () => {
    const call = [ledger, "store(uint256,uint256)", "2", "1"];
    const estimate = Number(await cast("estimate", ...call, "--from", ALICE));
    const used = Number((await castJson("send", ...call, ...byAlice)).gasUsed);
    assert.ok(used <= estimate && estimate <= used * 1.02, `${used} used, ${estimate} estimated`);
  });

  test("makes access lists, and sends with them", async () => {
    const call = [ledger, "store(uint256,uint256)", "0", "1"];
    const { accessList, gasUsed } = await castJson("access-list", ...call, "--from", ALICE);
    assert.deepEqual(accessList.map((entry) => [entry.address, entry.storageKeys.length]), [[ledger.toLowerCase(), 2]]);
    const receipt = await castJson("send", ...call, "--access-list", JSON.stringify(accessList), ...byAlice);
    assert.equal(receipt.gasUsed, gasUsed);
  });

  test("tells why a call or a transaction reverts", async () => {
    await assert.rejects(cast("call", ledger, "refuse()"), /execution reverted: not today/);
    await assert.rejects(cast("send", ledger, "refuse()", ...byAlice), /execution reverted: not today/);
    const selector = await cast("sig", "TooMuch(address,uint256,uint256)");
    await assert.rejects(cast("call", ledger, "withdraw(uint256)", "5", "--from", ALICE), new RegExp(`execution reverted.*${selector}`));
    const failed = await castJson("send", ledger, "withdraw(uint256)", "5", "--gas-limit", "100000", ...byAlice);
    assert.equal(failed.status, "0x0");
  });

  test("sends the old way, and from an unlocked account", async () => {
    const legacy = await castJson("send", BOB, "--value", "1", "--legacy", ...byAlice);
    assert.deepEqual([legacy.type, legacy.status], ["0x0", "0x1"]);
    const unlocked = await castJson("send", BOB, "--value", "1", "--unlocked", "--from", ALICE);
    assert.deepEqual([unlocked.from, unlocked.status], [ALICE.toLowerCase(), "0x1"]);
  });

  test("delegates an account to code (EIP-7702)", async () => {
    const { deployedTo: code } = await create("Account");
    const { private_key: key, address } = (await castJson("wallet", "new"))[0];
    const authorization = await cast("wallet", "sign-auth", code, "--private-key", key, "--nonce", "0", "--chain", String(CHAIN_ID));
    const inner = await cast("calldata", "store(uint256,uint256)", "5", "55");
    const receipt = await castJson(
      "send", address, "execute(address,uint256,bytes)", ledger, "0", inner, "--auth", authorization, ...byAlice,
    );
    assert.deepEqual([receipt.type, receipt.status], ["0x4", "0x1"]);
    assert.equal(await cast("code", address), `0xef0100${code.slice(2).toLowerCase()}`);
    const [log] = await castJson("logs", "--from-block", "0", "--address", ledger, STORED, address);
    assert.equal(BigInt(log.data), 55n);
  });

  test("commands the node", async () => {
    const number = Number(await cast("block-number"));
    await cast("rpc", "evm_mine");
    assert.equal(Number(await cast("block-number")), number + 1);
    const anybody = "0x00000000000000000000000000000000000000a1";
    await cast("rpc", "anvil_setBalance", anybody, "0x10");
    assert.equal(await cast("balance", anybody), "16");
    await cast("rpc", "anvil_impersonateAccount", anybody);
    await cast("rpc", "anvil_setBalance", anybody, "0xde0b6b3a7640000");
    const receipt = await castJson("send", BOB, "--value", "1", "--unlocked", "--from", anybody);
    assert.equal(receipt.from, anybody);
    await assert.rejects(cast("rpc", "eth_nonsense"), /-32601/);
  });

  test("speaks over a WebSocket", async () => {
    assert.equal(await cast("call", ledger, "owner()(address)", "--rpc-url", node.webSocket), ALICE);
    const receipt = await castJson("send", ledger, "store(uint256,uint256)", "8", "8", "--rpc-url", node.webSocket, ...byAlice);
    assert.equal(receipt.status, "0x1");
  });

  // This version of cast reads no block that has a transaction of Arbitrum's own type (Foundry's pull request 16459
  // mends it), be it a real chain's or this node's: so without.
  test("runs a transaction again, on a chain without Arbitrum's own", async () => {
    const plain = await startNode("--no-internal-tx");
    try {
      const at = ["--rpc-url", plain.url];
      const { deployedTo } = await create("Ledger", ...at, "--constructor-args", "7");
      const receipt = await castJson("send", deployedTo, "ask(address,uint256)", deployedTo, "0", ...at, ...byAlice);
      assert.equal(receipt.transactionIndex, "0x0");
      const told = await run("cast", ["run", receipt.transactionHash, "--with-local-artifacts", ...at], true);
      assert.match(told, /Ledger::ask\(/);
      assert.match(told, /emit Stored\(/);
      assert.match(told, /\[staticcall\]/);
      assert.match(told, /Transaction successfully executed/);
      assert.match(told, new RegExp(`Gas used: ${Number(receipt.gasUsed)}\\b`));
    } finally {
      await plain.stop();
    }
  });
});
