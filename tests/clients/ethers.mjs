// A node with what ethers needs to ask it, for the test files that use ethers.
import { JsonRpcProvider, Wallet } from "ethers";
import { ALICE_KEY, BOB_KEY, CHAIN_ID, startNode } from "./node.mjs";

/** Starts a node; `stop` ends it and all that asks it. */
export async function connect() {
  const node = await startNode();
  const provider = new JsonRpcProvider(node.url, CHAIN_ID, { staticNetwork: true, pollingInterval: 50, cacheTimeout: -1 });
  return {
    node,
    provider,
    alice: new Wallet(ALICE_KEY, provider),
    bob: new Wallet(BOB_KEY, provider),
    async stop() {
      provider.destroy();
      await node.stop();
    },
  };
}
