// A Hardhat project against the node.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { BOB_KEY, startNode } from "./node.mjs";

const command = createRequire(import.meta.url).resolve("hardhat/internal/cli/bootstrap.js");
const project = fileURLToPath(new URL("hardhat", import.meta.url));

let node, made;

before(async () => {
  made = await mkdtemp(join(tmpdir(), "palisade-hardhat-"));
  node = await startNode();
});

after(async () => {
  await node?.stop();
  await rm(made, { recursive: true, force: true });
});

async function hardhat(...words) {
  const env = {
    ...process.env, NODE_URL: node.url, HARDHAT_MADE: made, ACCOUNT_KEY: BOB_KEY,
    HARDHAT_DISABLE_TELEMETRY_PROMPT: "true", CI: "true", NODE_TEST_CONTEXT: undefined,
  };
  try {
    return await promisify(execFile)(process.execPath, [command, ...words], { cwd: project, env });
  } catch (error) {
    throw new Error(`hardhat ${words.join(" ")}:\n${error.stdout}${error.stderr}`);
  }
}

test("compiles with the compiler that npm brought", async () => {
  const { stdout } = await hardhat("compile");
  assert.match(stdout, /Compiled \d+ Solidity files successfully/);
});

for (const [network, passing] of [["unlocked", 6], ["keyed", 5]]) {
  test(`deploys, calls and tests on the network "${network}"`, async () => {
    const { stdout } = await hardhat("test", "--network", network);
    assert.match(stdout, new RegExp(`${passing} passing`));
    assert.doesNotMatch(stdout, /failing/);
  });
}
