// Starts the node under test and ends it: each test file has one of its own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const target = process.env.CARGO_TARGET_DIR ?? join(homedir(), ".cache/palisade/target");
const [program, ...before] = process.env.PALISADE_NODE?.split(" ") ?? [join(target, "debug/palisade"), "node"];

/** The chain that the node is by default. */
export const CHAIN_ID = 412346;

/** Unlocked and funded accounts: the second and the third of `eth_accounts`, with their published keys. */
export const ALICE = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
export const ALICE_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
export const BOB = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
export const BOB_KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";

/** The type of the transaction with which each block begins. */
export const INTERNAL_TYPE = "0x6a";

/** Starts a node on a free port and waits until it listens. */
export async function startNode(...options) {
  const words = [...before, "--port", "0", ...options];
  const child = spawn(program, words, { cwd: new URL("../..", import.meta.url), stdio: ["ignore", "pipe", "pipe"] });
  const end = () => child.kill("SIGKILL");
  process.once("exit", end);

  let errors = "";
  child.stderr.on("data", (data) => (errors += data));
  const listening = new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = line.match(/http:\/\/127\.0\.0\.1:\d+/);
      if (found) resolve(found[0]);
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the node ended with ${code} before it listened: ${errors}`)));
  });
  const url = await listening;

  return {
    url,
    webSocket: url.replace("http", "ws"),
    /** One request as it goes over the wire; an answer that is an error is returned, not thrown. */
    async ask(method, params = []) {
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
      const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
      return answer.json();
    },
    async stop() {
      process.off("exit", end);
      if (child.exitCode !== null) return;
      child.kill("SIGINT");
      const late = setTimeout(end, 5_000);
      await once(child, "exit");
      clearTimeout(late);
    },
  };
}

/** Resolves with the first value that `start` hands on, and rejects where none comes in time. */
export function heard(start, milliseconds = 10_000) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`nothing was heard within ${milliseconds} ms`)), milliseconds);
    start((...values) => {
      clearTimeout(late);
      resolve(values.length > 1 ? values : values[0]);
    });
  });
}
