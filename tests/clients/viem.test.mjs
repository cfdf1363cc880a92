// viem against the node.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  ContractFunctionRevertedError, createPublicClient, createTestClient, createWalletClient, decodeFunctionResult,
  defineChain, encodeFunctionData, getContract, http, keccak256, parseEther, publicActions, recoverMessageAddress,
  recoverTypedDataAddress, toHex, walletActions, webSocket,
} from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { ALICE, ALICE_KEY, BOB, CHAIN_ID, INTERNAL_TYPE, heard, startNode } from "./node.mjs";
import { compile } from "./solidity.mjs";

const LEDGER = compile("Ledger");
const ACCOUNT = compile("Account");
const alice = privateKeyToAccount(ALICE_KEY);
/** Nobody has its key. */
const WHALE = "0x00000000000000000000000000000000DeaDBeef";
const pollingInterval = 50;

let node, chain, reader, wallet;

before(async () => {
  node = await startNode();
  chain = defineChain({
    id: CHAIN_ID,
    name: "devnode",
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [node.url], webSocket: [node.webSocket] } },
  });
  reader = createPublicClient({ chain, transport: http(), pollingInterval, cacheTime: 0 });
  wallet = createWalletClient({ chain, account: alice, transport: http(), pollingInterval });
});

after(() => node?.stop());

/** Waits for what was sent, and answers its receipt. */
async function mined(hash) {
  return reader.waitForTransactionReceipt({ hash: await hash });
}

async function deploy(first = 7n, value = 0n) {
  const { contractAddress: address } = await mined(wallet.deployContract({ ...LEDGER, args: [first], value }));
  return getContract({ address, abi: LEDGER.abi, client: { public: reader, wallet } });
}

/** The error of a contract that is somewhere inside `error`. */
function revertOf(error) {
  const found = error.walk((inner) => inner instanceof ContractFunctionRevertedError);
  assert.ok(found, `no revert in: ${error.message}`);
  return found;
}

describe("the public client", () => {
  test("reads the chain", async () => {
    assert.equal(await reader.getChainId(), CHAIN_ID);
    assert.equal(await reader.getGasPrice(), 100_000_000n);
    assert.equal(await reader.estimateMaxPriorityFeePerGas(), 0n);
    const { maxFeePerGas, maxPriorityFeePerGas } = await reader.estimateFeesPerGas();
    assert.deepEqual([maxFeePerGas, maxPriorityFeePerGas], [120_000_000n, 0n], "viem adds a fifth to the base fee");
    await mined(wallet.sendTransaction({ to: BOB, value: 1n }));
    const history = await reader.getFeeHistory({ blockCount: 1, rewardPercentiles: [25, 75] });
    assert.equal(history.baseFeePerGas.length, 2);
    assert.equal(history.baseFeePerGas[0], 100_000_000n);
    assert.deepEqual(history.reward, [[0n, 0n]]);
  });

  test("reads blocks whose first transaction is Arbitrum's own", async () => {
    const receipt = await mined(wallet.sendTransaction({ to: BOB, value: 1n }));
    const block = await reader.getBlock({ blockNumber: receipt.blockNumber, includeTransactions: true });
    assert.equal(block.transactions[0].typeHex, INTERNAL_TYPE);
    assert.equal(block.transactions[1].hash, receipt.transactionHash);
    assert.equal(block.transactions[1].type, "eip1559");
    assert.equal(receipt.transactionIndex, 1);
    assert.equal(receipt.gasUsedForL1, "0x0");
    const internal = await reader.getTransaction({ hash: block.transactions[0].hash });
    assert.equal(internal.blockNumber, receipt.blockNumber);
  });

  test("reads, simulates and writes a contract", async () => {
    const ledger = await deploy(7n, 3n);
    assert.equal(await ledger.read.total(), 7n);
    const { request, result } = await reader.simulateContract({
      address: ledger.address, abi: LEDGER.abi, functionName: "ask", args: [ledger.address, 0n], account: alice,
    });
    assert.equal(result, 7n);
    const receipt = await mined(wallet.writeContract(request));
    assert.equal(receipt.status, "success");
    const [stored] = await reader.getContractEvents({
      address: ledger.address, abi: LEDGER.abi, eventName: "Stored", args: { who: ALICE }, fromBlock: receipt.blockNumber,
    });
    assert.deepEqual(stored.args, { who: ALICE, key: 0n, value: 7n });
    assert.equal(stored.blockHash, receipt.blockHash);
    const both = await Promise.all([ledger.read.owner(), ledger.read.values([0n])]);
    assert.deepEqual(both, [ALICE, 7n]);
  });

  test("decodes custom errors, reasons and panics", async () => {
    const ledger = await deploy();
    const simulate = (functionName, args = []) =>
      reader.simulateContract({ address: ledger.address, abi: LEDGER.abi, functionName, args, account: alice });
    await assert.rejects(simulate("withdraw", [5n]), (error) => {
      const { data } = revertOf(error);
      assert.equal(data.errorName, "TooMuch");
      assert.deepEqual(data.args, [ALICE, 5n, 0n]);
      return true;
    });
    await assert.rejects(simulate("refuse"), (error) => revertOf(error).reason === "not today");
    await assert.rejects(simulate("share", [0n]), (error) => revertOf(error).data.args[0] === 0x12n);
    await assert.rejects(ledger.write.withdraw([5n]), (error) => revertOf(error).data.errorName === "TooMuch");
    await assert.rejects(ledger.estimateGas.withdraw([5n], { account: alice }), (error) => revertOf(error).data.errorName === "TooMuch");
  });

  test("overrides state and block", async () => {
    const ledger = await deploy();
    const call = { address: ledger.address, abi: LEDGER.abi };
    const stateOverride = [{ address: ledger.address, stateDiff: [{ slot: toHex(0, { size: 32 }), value: toHex(99, { size: 32 }) }] }];
    assert.equal(await reader.readContract({ ...call, functionName: "total", stateOverride }), 99n);
    const data = encodeFunctionData({ ...call, functionName: "surroundings" });
    const { data: answer } = await reader.call({ to: ledger.address, data, blockOverrides: { time: 4_000_000_000n } });
    const [, , time] = decodeFunctionResult({ ...call, functionName: "surroundings", data: answer });
    assert.equal(time, 4_000_000_000n);
  });

  test("makes access lists", async () => {
    const ledger = await deploy();
    const data = encodeFunctionData({ abi: LEDGER.abi, functionName: "store", args: [1n, 1n] });
    const { accessList, gasUsed } = await reader.createAccessList({ account: ALICE, to: ledger.address, data });
    const [entry] = accessList;
    assert.equal(accessList.length, 1);
    assert.equal(entry.address.toLowerCase(), ledger.address.toLowerCase());
    const value = keccak256(`${toHex(1n, { size: 32 })}${toHex(1n, { size: 32 }).slice(2)}`);
    assert.deepEqual([...entry.storageKeys].sort(), [toHex(0, { size: 32 }), value].sort());
    assert.ok(gasUsed > 21_000n);
    const receipt = await mined(wallet.sendTransaction({ type: "eip2930", to: ledger.address, data, accessList }));
    assert.equal(receipt.type, "eip2930");
    assert.equal(receipt.gasUsed, gasUsed);
  });

  test("batches", async () => {
    const batching = createPublicClient({ chain, transport: http(node.url, { batch: { wait: 5 } }), cacheTime: 0 });
    const answers = await Promise.all([batching.getChainId(), batching.getGasPrice(), batching.getBalance({ address: WHALE })]);
    assert.deepEqual(answers, [CHAIN_ID, 100_000_000n, 0n]);
  });

  test("is told clearly that there are no proofs", async () => {
    await assert.rejects(reader.getProof({ address: ALICE, storageKeys: [] }), ({ details }) => {
      assert.match(details, /proof|trie|state root/i);
      assert.doesNotMatch(details, /does not exist/);
      return true;
    });
  });
});

describe("the wallet client", () => {
  test("sends each type of transaction", async () => {
    const types = [
      ["legacy", { gasPrice: 100_000_000n }],
      ["eip2930", { gasPrice: 100_000_000n, accessList: [{ address: BOB, storageKeys: [] }] }],
      ["eip1559", { maxFeePerGas: 200_000_000n, maxPriorityFeePerGas: 0n }],
    ];
    for (const [type, fields] of types) {
      const receipt = await mined(wallet.sendTransaction({ type, to: BOB, value: 1n, ...fields }));
      assert.deepEqual([receipt.type, receipt.status], [type, "success"]);
      assert.equal((await reader.getTransaction({ hash: receipt.transactionHash })).type, type);
    }
  });

  test("delegates an account to code (EIP-7702), paid by another or by itself", async () => {
    const { contractAddress } = await mined(wallet.deployContract(ACCOUNT));
    const owner = privateKeyToAccount(generatePrivateKey());
    const ledger = await deploy();
    const inner = encodeFunctionData({ abi: LEDGER.abi, functionName: "store", args: [5n, 55n] });
    const data = encodeFunctionData({ abi: ACCOUNT.abi, functionName: "execute", args: [ledger.address, 0n, inner] });

    const authorization = await wallet.signAuthorization({ account: owner, contractAddress });
    const receipt = await mined(wallet.sendTransaction({ authorizationList: [authorization], to: owner.address, data }));
    assert.deepEqual([receipt.type, receipt.status], ["eip7702", "success"]);
    assert.equal(await reader.getCode({ address: owner.address }), `0xef0100${contractAddress.slice(2).toLowerCase()}`);
    assert.equal((await reader.getDelegation({ address: owner.address })).toLowerCase(), contractAddress.toLowerCase());
    const [stored] = await reader.getContractEvents({ address: ledger.address, abi: LEDGER.abi, args: { who: owner.address }, eventName: "Stored", fromBlock: 0n });
    assert.equal(stored.args.value, 55n);
    const known = await reader.getTransaction({ hash: receipt.transactionHash });
    assert.equal(known.type, "eip7702");
    assert.equal(known.authorizationList[0].address.toLowerCase(), contractAddress.toLowerCase());

    await mined(wallet.sendTransaction({ to: owner.address, value: parseEther("1") }));
    const own = createWalletClient({ chain, account: owner, transport: http(), pollingInterval });
    const away = await own.signAuthorization({ contractAddress: "0x0000000000000000000000000000000000000000", executor: "self" });
    assert.equal((await mined(own.sendTransaction({ authorizationList: [away], to: owner.address }))).status, "success");
    assert.equal(await reader.getCode({ address: owner.address }), undefined, "delegated to nobody");
  });

  test("uses the node's unlocked accounts", async () => {
    const unlocked = createWalletClient({ chain, account: ALICE, transport: http(), pollingInterval });
    assert.ok((await unlocked.getAddresses()).includes(ALICE));
    const receipt = await mined(unlocked.sendTransaction({ to: BOB, value: 1n }));
    assert.equal(receipt.status, "success");
    const message = "a word";
    assert.equal(await recoverMessageAddress({ message, signature: await unlocked.signMessage({ message }) }), ALICE);
    const typed = {
      domain: { name: "Ledger", chainId: CHAIN_ID },
      types: { Order: [{ name: "from", type: "address" }, { name: "amount", type: "uint256" }] },
      primaryType: "Order",
      message: { from: BOB, amount: 5n },
    };
    const signature = await unlocked.signTypedData(typed);
    assert.equal(await recoverTypedDataAddress({ ...typed, signature }), ALICE);
    assert.equal(signature, await alice.signTypedData(typed));
  });

  test("gets the receipt with the sending where it asks for both", async () => {
    const request = await wallet.prepareTransactionRequest({ to: BOB, value: 1n });
    const receipt = await reader.request({ method: "eth_sendRawTransactionSync", params: [await wallet.signTransaction(request)] });
    assert.equal(receipt.status, "0x1");
    assert.equal(receipt.from, ALICE.toLowerCase());
  });
});

describe("a WebSocket", () => {
  let listener;
  before(() => {
    listener = createPublicClient({ chain, transport: webSocket(node.webSocket, { reconnect: false }), cacheTime: 0 });
  });
  after(async () => (await listener.transport.getRpcClient()).close());

  const settled = () => listener.getChainId().then(() => new Promise((resolve) => setTimeout(resolve, 200)));

  test("carries requests, and blocks as they come", async () => {
    let stop;
    const block = heard((hear) => (stop = listener.watchBlocks({ onBlock: (block) => hear(block), onError: hear })));
    await settled();
    const receipt = await mined(wallet.sendTransaction({ to: BOB, value: 1n }));
    const seen = await block;
    stop();
    assert.equal(seen.number, receipt.blockNumber, seen.message);
    assert.equal(seen.hash, receipt.blockHash);
  });

  test("carries the events of a contract, and no others", async () => {
    const ledger = await deploy();
    let stop;
    const logs = heard((hear) => {
      const args = { who: ALICE };
      stop = listener.watchContractEvent({ address: ledger.address, abi: LEDGER.abi, eventName: "Stored", args, onLogs: hear, onError: hear });
    });
    await settled();
    await mined(ledger.write.note(["not this"]));
    const receipt = await mined(ledger.write.store([6n, 66n]));
    const [log] = await logs;
    stop();
    assert.deepEqual(log.args, { who: ALICE, key: 6n, value: 66n });
    assert.equal(log.transactionHash, receipt.transactionHash);
    assert.equal(log.removed, false);
  });

  test("carries hashes of transactions as they are sent", async () => {
    let stop;
    const hashes = heard((hear) => (stop = listener.watchPendingTransactions({ onTransactions: hear, onError: hear })));
    await settled();
    const receipt = await mined(wallet.sendTransaction({ to: BOB, value: 1n }));
    const seen = await hashes;
    stop();
    assert.ok(seen.includes(receipt.transactionHash));
  });
});

for (const mode of ["anvil", "hardhat"]) {
  describe(`the test client in the mode of ${mode}`, () => {
    let tester;
    before(() => {
      tester = createTestClient({ mode, chain, transport: http(), pollingInterval, cacheTime: 0 }).extend(publicActions).extend(walletActions);
    });
    const latest = () => tester.getBlock();

    test("sets balance, nonce, code and storage", async () => {
      await tester.setBalance({ address: WHALE, value: parseEther("5") });
      assert.equal(await tester.getBalance({ address: WHALE }), parseEther("5"));
      await tester.setNonce({ address: WHALE, nonce: 420 });
      assert.equal(await tester.getTransactionCount({ address: WHALE }), 420);
      const address = "0x00000000000000000000000000000000000c0de0";
      await tester.setCode({ address, bytecode: "0x60005460005260206000f3" });
      assert.equal(await tester.getCode({ address }), "0x60005460005260206000f3");
      await tester.setStorageAt({ address, index: 0, value: toHex(77, { size: 32 }) });
      assert.equal(await tester.getStorageAt({ address, slot: "0x0" }), toHex(77, { size: 32 }));
      assert.equal((await tester.call({ to: address })).data, toHex(77, { size: 32 }));
    });

    test("impersonates", async () => {
      await tester.setBalance({ address: WHALE, value: parseEther("5") });
      const transfer = { account: WHALE, to: BOB, value: parseEther("1") };
      await assert.rejects(tester.sendTransaction(transfer));
      await tester.impersonateAccount({ address: WHALE });
      const receipt = await mined(tester.sendTransaction(transfer));
      assert.deepEqual([receipt.status, receipt.from], ["success", WHALE.toLowerCase()]);
      assert.equal((await tester.getTransaction({ hash: receipt.transactionHash })).from, WHALE.toLowerCase());
      await tester.stopImpersonatingAccount({ address: WHALE });
      await assert.rejects(tester.sendTransaction(transfer));
    });

    test("mines", async () => {
      const { number, timestamp } = await latest();
      await tester.mine({ blocks: 3, interval: 60 });
      const after = await latest();
      assert.equal(after.number, number + 3n);
      assert.ok(after.timestamp >= timestamp + 120n);
    });

    test("sets time", async () => {
      const { timestamp } = await latest();
      await tester.setNextBlockTimestamp({ timestamp: timestamp + 500n });
      await tester.mine({ blocks: 1 });
      assert.equal((await latest()).timestamp, timestamp + 500n);
      await tester.increaseTime({ seconds: 100 });
      await tester.mine({ blocks: 1 });
      assert.ok((await latest()).timestamp >= timestamp + 600n);
    });

    test("takes snapshots and goes back to them", async () => {
      await tester.setBalance({ address: WHALE, value: 1n });
      const { number } = await latest();
      const id = await tester.snapshot();
      await tester.setBalance({ address: WHALE, value: 2n });
      await tester.mine({ blocks: 2 });
      await tester.revert({ id });
      assert.equal(await tester.getBalance({ address: WHALE }), 1n);
      assert.equal((await latest()).number, number);
    });

    test("dumps the state and loads it", async () => {
      const ledger = await deploy(31n);
      await tester.setBalance({ address: WHALE, value: 123n });
      const state = await tester.dumpState();
      assert.match(state, /^0x[0-9a-f]+$/);
      await mined(ledger.write.store([1n, 1n]));
      await tester.setBalance({ address: WHALE, value: 456n });
      await tester.loadState({ state });
      assert.equal(await tester.getBalance({ address: WHALE }), 123n);
      assert.equal(await ledger.read.total(), 31n);
      const other = await startNode();
      try {
        const there = createTestClient({ mode, chain, transport: http(other.url), cacheTime: 0 }).extend(publicActions);
        await there.loadState({ state });
        assert.equal(await there.getBalance({ address: WHALE }), 123n);
        assert.equal(await there.readContract({ address: ledger.address, abi: LEDGER.abi, functionName: "total" }), 31n);
      } finally {
        await other.stop();
      }
    });

    test("holds transactions back and lets them go", async () => {
      await tester.setAutomine(false);
      try {
        assert.equal(await tester.getAutomine(), false);
        const hash = await wallet.sendTransaction({ to: BOB, value: 1n });
        await assert.rejects(tester.getTransactionReceipt({ hash }));
        await tester.mine({ blocks: 1 });
        assert.equal((await tester.getTransactionReceipt({ hash })).status, "success");
      } finally {
        await tester.setAutomine(true);
      }
      assert.equal(await tester.getAutomine(), true);
    });

    test("drops what waits", async () => {
      await tester.setAutomine(false);
      try {
        const hash = await wallet.sendTransaction({ to: BOB, value: 1n });
        await tester.dropTransaction({ hash });
        await tester.mine({ blocks: 1 });
        await assert.rejects(tester.getTransactionReceipt({ hash }));
      } finally {
        await tester.setAutomine(true);
      }
    });

    test("begins anew", async () => {
      const other = await startNode();
      try {
        const there = createTestClient({ mode, chain, transport: http(other.url), cacheTime: 0 }).extend(publicActions);
        await there.setBalance({ address: WHALE, value: 1n });
        await there.mine({ blocks: 3 });
        await there.reset();
        assert.equal(await there.getBlockNumber(), 0n);
        assert.equal(await there.getBalance({ address: WHALE }), 0n);
      } finally {
        await other.stop();
      }
    });

    // Hardhat has no such thing.
    if (mode === "anvil") test("sets the time between blocks", async () => {
      await tester.setBlockTimestampInterval({ interval: 30 });
      try {
        await tester.mine({ blocks: 1 });
        const { timestamp } = await latest();
        await tester.mine({ blocks: 1 });
        assert.equal((await latest()).timestamp, timestamp + 30n);
      } finally {
        await tester.removeBlockTimestampInterval();
      }
    });

    // viem counts in seconds for anvil and in milliseconds for hardhat; the node cannot know whom it hears.
    if (mode === "anvil") test("makes blocks by the clock", async () => {
      const { number } = await latest();
      await tester.setIntervalMining({ interval: 1 });
      try {
        await heard((hear) => {
          const look = setInterval(async () => {
            if ((await latest()).number <= number) return;
            clearInterval(look);
            hear();
          }, 100);
        });
      } finally {
        await tester.setIntervalMining({ interval: 0 });
        await tester.setAutomine(true);
      }
    });

    test("sets the base fee of the next block", async () => {
      await tester.setNextBlockBaseFeePerGas({ baseFeePerGas: 300_000_000n });
      await tester.mine({ blocks: 1 });
      assert.equal((await latest()).baseFeePerGas, 300_000_000n);
      await tester.setNextBlockBaseFeePerGas({ baseFeePerGas: 100_000_000n });
      await tester.mine({ blocks: 1 });
      assert.equal((await latest()).baseFeePerGas, 100_000_000n);
    });
  });
}

describe("traces", () => {
  test("are told through plain requests: calls, prestate, steps, selectors", async () => {
    const asker = await deploy(1n);
    const other = await deploy(40n);
    const { transactionHash } = await mined(asker.write.ask([other.address, 0n]));
    const trace = (options) => reader.request({ method: "debug_traceTransaction", params: [transactionHash, options].filter(Boolean) });

    const call = await trace({ tracer: "callTracer", tracerConfig: { withLog: true } });
    assert.deepEqual([call.type, call.from, call.to], ["CALL", ALICE.toLowerCase(), asker.address.toLowerCase()]);
    assert.deepEqual(call.calls.map((inner) => [inner.type, inner.to]), [["STATICCALL", other.address.toLowerCase()]]);
    assert.equal(BigInt(call.calls[0].output), 40n);
    assert.equal(call.logs[0].address, asker.address.toLowerCase());
    const receipt = await reader.getTransactionReceipt({ hash: transactionHash });
    assert.equal(BigInt(call.gasUsed), receipt.gasUsed);

    const before = await trace({ tracer: "prestateTracer" });
    assert.equal(BigInt(before[asker.address.toLowerCase()].storage[toHex(0, { size: 32 })]), 1n);
    const { pre, post } = await trace({ tracer: "prestateTracer", tracerConfig: { diffMode: true } });
    assert.equal(BigInt(pre[asker.address.toLowerCase()].storage[toHex(0, { size: 32 })]), 1n);
    assert.equal(BigInt(post[asker.address.toLowerCase()].storage[toHex(0, { size: 32 })]), 40n);

    const steps = await trace();
    assert.equal(steps.failed, false);
    assert.equal(steps.gas, Number(receipt.gasUsed));
    assert.ok(steps.structLogs.some((step) => step.op === "STATICCALL"));
    assert.ok(steps.structLogs.some((step) => step.op === "SSTORE"));
    assert.equal(steps.structLogs[0].depth, 1);

    const selectors = await trace({ tracer: "4byteTracer" });
    assert.equal(Object.values(selectors).reduce((sum, times) => sum + times), 2);

    const [internal, own] = await reader.request({ method: "debug_traceBlockByNumber", params: [toHex(receipt.blockNumber), { tracer: "callTracer" }] });
    assert.equal(own.txHash, transactionHash);
    assert.notEqual(internal.txHash, transactionHash);
  });

  test("tell why a call failed", async () => {
    const ledger = await deploy();
    const data = encodeFunctionData({ abi: LEDGER.abi, functionName: "refuse" });
    const call = { from: ALICE, to: ledger.address, data };
    const trace = await reader.request({ method: "debug_traceCall", params: [call, "latest", { tracer: "callTracer" }] });
    assert.equal(trace.error, "execution reverted");
    assert.equal(trace.revertReason, "not today");
  });
});
