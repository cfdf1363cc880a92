// cargo-stylus against the node: CARGO_STYLUS is the program, STYLUS_PROJECT a copy of ./stylus that it may build in
// (scripts/cargo-stylus.sh makes both).
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify, stripVTControlCharacters } from "node:util";
import { Contract, keccak256 } from "ethers";
import { connect } from "./ethers.mjs";
import { ALICE, ALICE_KEY, BOB } from "./node.mjs";
import { ARB_WASM, ARB_WASM_ABI, ARB_WASM_CACHE, ARB_WASM_CACHE_ABI, ECHO, ECHO_CODE, initCode } from "./stylus.mjs";

const COUNTER_ABI = [
  "function number() view returns (uint256)",
  "function owner() view returns (address)",
  "function add(uint256 by) returns (uint256)",
  "event Counted(address indexed by, uint256 number)",
  "error NotOwner(address who)",
];
const ADDRESS = /0x[0-9a-f]{40}\b/i;

let node, provider, alice, bob, stop, counter, added;

before(async () => {
  ({ node, provider, alice, bob, stop } = await connect());
});

after(() => stop?.());

async function stylus(words) {
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
  const options = { cwd: process.env.STYLUS_PROJECT, env, maxBuffer: 1 << 26 };
  // After the command's name: a constructor's arguments take all that follows them.
  const command = words.slice(0, words[0] === "cache" ? 2 : 1);
  const all = ["stylus", ...command, "--endpoint", node.url, ...words.slice(command.length)];
  try {
    const { stdout, stderr } = await promisify(execFile)(process.env.CARGO_STYLUS, all, options);
    return stripVTControlCharacters(stdout + stderr);
  } catch (error) {
    throw new Error(`cargo stylus ${words.join(" ")}: ${stripVTControlCharacters(`${error.message}\n${error.stdout}${error.stderr}`)}`);
  }
}

/** What a trace tells: names of host calls, in order. */
const names = (told) => JSON.parse(told.slice(told.indexOf("[{"))).map((call) => call.name);

test("check accepts a contract", async () => {
  const told = await stylus(["check"]);
  assert.match(told, /contract size: \d/);
  assert.match(told, /wasm data fee: 0\.\d+ ETH/);
});

test("check tells why it refuses a module", async () => {
  // The same module as one that is accepted, but what it exports has another name.
  const file = join(process.env.STYLUS_PROJECT, "target/nameless.wasm");
  await writeFile(file, Buffer.from(ECHO.toString("latin1").replace("user_entrypoint", "user_entrypoimt"), "latin1"));
  await assert.rejects(stylus(["check", "--wasm-file", file]), /entrypoint/);
});

test("deploy deploys, activates and constructs", async () => {
  const told = await stylus(["deploy", "--no-verify", "--private-key", ALICE_KEY, "--constructor-args", BOB, "41"]);
  const [address] = told.match(/deployed code at address: (.*)/)[1].match(ADDRESS);
  counter = new Contract(address, COUNTER_ABI, bob);
  assert.equal(await counter.number(), 41n);
  assert.equal(await counter.owner(), BOB);
  const arbWasm = new Contract(ARB_WASM, ARB_WASM_ABI, provider);
  assert.equal(await arbWasm.programVersion(address), 2n);

  added = await (await counter.add(1n)).wait();
  assert.equal(await counter.number(), 42n);
  assert.equal(counter.interface.parseLog(added.logs[0]).args.number, 42n);
  await assert.rejects(counter.connect(alice).add(1n), (error) => counter.interface.parseError(error.data).args.who === ALICE);
});

test("deploy does not activate what is active already", async () => {
  const wrong = stylus(["deploy", "--no-verify", "--private-key", ALICE_KEY, "--constructor-args", BOB]);
  await assert.rejects(wrong, /mismatch number of constructor arguments/);
  const told = await stylus(["deploy", "--no-verify", "--private-key", ALICE_KEY, "--constructor-args", ALICE, "7"]);
  assert.doesNotMatch(told, /data fee/);
  const [address] = told.match(/deployed code at address: (.*)/)[1].match(ADDRESS);
  assert.notEqual(address, counter.target);
  assert.equal(await new Contract(address, COUNTER_ABI, provider).number(), 7n);
});

test("activate activates", async () => {
  const { contractAddress } = await (await alice.sendTransaction({ data: initCode(ECHO_CODE) })).wait();
  await assert.rejects(provider.call({ to: contractAddress, data: "0x2a" }));
  const told = await stylus(["activate", "--address", contractAddress, "--private-key", ALICE_KEY]);
  assert.match(told, /successfully activated contract/);
  assert.equal(await provider.call({ to: contractAddress, data: "0x2a" }), "0x2a");
});

test("cache tells, suggests and bids", async () => {
  assert.match(await stylus(["cache", "status", "--address", counter.target]), /is not yet cached/);
  assert.match(await stylus(["cache", "suggest-bid", counter.target]), /: 0 wei/);
  const told = await stylus(["cache", "bid", counter.target, "0", "--private-key", ALICE_KEY]);
  assert.match(told, /Successfully cached contract/);
  const cache = new Contract(ARB_WASM_CACHE, ARB_WASM_CACHE_ABI, provider);
  assert.equal(await cache.codehashIsCached(keccak256(await provider.getCode(counter.target))), true);
  assert.match(await stylus(["cache", "status", "--address", counter.target]), /is cached/);
  await assert.rejects(stylus(["cache", "bid", counter.target, "0", "--private-key", ALICE_KEY]), /already cached/);
});

test("trace tells the host calls of a transaction, by its own script and by the node's tracer", async () => {
  const scripted = names(await stylus(["trace", "--tx", added.hash]));
  assert.equal(scripted.at(0), "user_entrypoint");
  assert.equal(scripted.at(-1), "user_returned");
  for (const name of ["read_args", "msg_sender", "storage_load_bytes32", "storage_cache_bytes32", "emit_log", "write_result"]) {
    assert.ok(scripted.includes(name), `${name} in ${scripted}`);
  }
  assert.deepEqual(names(await stylus(["trace", "--use-native-tracer", "--tx", added.hash])), scripted);
});

test("simulate tells the host calls of a call", async () => {
  const data = counter.interface.encodeFunctionData("number");
  const simulated = names(await stylus(["simulate", "--from", ALICE, "--to", counter.target, "--data", data]));
  assert.ok(simulated.includes("storage_load_bytes32"));
  assert.ok(!simulated.includes("emit_log"));
});

test("replay runs the contract's native build over what was traced", async () => {
  // As its debugger would run it.
  const told = await stylus(["replay", "--child", "--tx", added.hash]);
  assert.match(told, /call completed successfully/);
  const refused = await (await counter.connect(alice).add(1n, { gasLimit: 1_000_000n })).wait().catch((error) => error.receipt);
  assert.equal(refused.status, 0);
  assert.match(await stylus(["replay", "--child", "--tx", refused.hash]), /call reverted/);
});

test("a program is estimated, and pays what it used", async () => {
  const estimate = await counter.add.estimateGas(1n);
  const { gasUsed } = await (await counter.add(1n)).wait();
  assert.ok(gasUsed <= estimate, `${gasUsed} used, ${estimate} estimated`);
});
