// ethers v6 against the node.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  Contract, ContractFactory, JsonRpcProvider, Wallet, WebSocketProvider,
  ZeroAddress, hexlify, keccak256, parseEther, verifyMessage, verifyTypedData,
} from "ethers";
import { connect } from "./ethers.mjs";
import { ALICE, BOB, CHAIN_ID, INTERNAL_TYPE, heard } from "./node.mjs";
import { compile } from "./solidity.mjs";
import {
  ARB_WASM, ARB_WASM_ABI, ARB_WASM_CACHE, ARB_WASM_CACHE_ABI, CACHE_MANAGER, CACHE_MANAGER_ABI, ECHO_CODE, initCode,
} from "./stylus.mjs";

const LEDGER = compile("Ledger");
const ACCOUNT = compile("Account");

let node, provider, alice, bob, stop;

before(async () => {
  ({ node, provider, alice, bob, stop } = await connect());
});

after(() => stop?.());

async function deploy(signer = alice, first = 7n, overrides = {}) {
  const ledger = await new ContractFactory(LEDGER.abi, LEDGER.bytecode, signer).deploy(first, overrides);
  return ledger.waitForDeployment();
}

/** Sends and waits. */
async function mined(sent) {
  return (await sent).wait();
}

describe("the chain", () => {
  test("tells its id, accounts and client", async () => {
    const unknown = new JsonRpcProvider(node.url);
    assert.equal((await unknown.getNetwork()).chainId, BigInt(CHAIN_ID));
    unknown.destroy();
    const accounts = await provider.listAccounts();
    assert.equal(accounts[1].address, ALICE);
    assert.equal(accounts[2].address, BOB);
    assert.match(await provider.send("web3_clientVersion", []), /^nitro\/devnode-v\d/);
  });

  test("tells its fees: the base fee, and no tip", async () => {
    const fees = await provider.getFeeData();
    assert.equal(fees.gasPrice, 100_000_000n);
    assert.equal(fees.maxPriorityFeePerGas, 0n);
    assert.equal(fees.maxFeePerGas, 200_000_000n, "ethers doubles the base fee");
  });

  test("answers a batch in one request", async () => {
    let requests = 0;
    const counted = new JsonRpcProvider(node.url, CHAIN_ID, { staticNetwork: true, batchMaxCount: 10, cacheTimeout: -1 });
    counted.on("debug", ({ action, payload }) => {
      if (action === "sendRpcPayload" && Array.isArray(payload) && payload.length === 4) requests += 1;
    });
    const [number, balance, code, refused] = await Promise.allSettled([
      counted.getBlockNumber(),
      counted.getBalance(ALICE),
      counted.getCode(ARB_WASM),
      counted.send("eth_nonsense", []),
    ]);
    counted.destroy();
    assert.equal(requests, 1);
    assert.equal(typeof number.value, "number");
    assert.ok(balance.value > 0n);
    assert.equal(code.value, "0xfe");
    assert.match(refused.reason.message, /eth_nonsense|method not found|unsupported/i);
  });

  test("shows Arbitrum's own transaction in each block without breaking clients", async () => {
    const receipt = await mined(alice.sendTransaction({ to: BOB, value: 1n }));
    const block = await provider.getBlock(receipt.blockNumber, true);
    assert.equal(block.transactions.length, 2);
    assert.equal(receipt.index, 1);
    const [internal, own] = block.prefetchedTransactions;
    assert.equal(internal.type, Number(INTERNAL_TYPE));
    assert.equal(internal.to, "0x00000000000000000000000000000000000A4B05");
    assert.equal(own.hash, receipt.hash);
    const alone = await provider.getTransaction(internal.hash);
    assert.equal(alone.blockNumber, receipt.blockNumber);
    assert.equal((await provider.getTransactionReceipt(internal.hash)).gasUsed, 0n);
  });

  test("remembers the past", async () => {
    const past = await provider.getBlockNumber();
    const held = await provider.getBalance(BOB);
    await mined(alice.sendTransaction({ to: BOB, value: 5n }));
    assert.equal(await provider.getBalance(BOB), held + 5n);
    assert.equal(await provider.getBalance(BOB, past), held);
  });
});

describe("a contract", () => {
  test("is deployed, called and sent to", async () => {
    const ledger = await deploy(alice, 7n, { value: 3n });
    assert.equal(await ledger.owner(), ALICE);
    assert.equal(await ledger.total(), 7n);
    const receipt = await mined(ledger.store(1, 35n));
    assert.equal(receipt.status, 1);
    assert.equal(await ledger.total(), 42n);
    assert.equal(await provider.getBalance(ledger), 3n);
    assert.equal(BigInt(await provider.getStorage(ledger, 0)), 42n);
    const [chain, , time, origin] = await ledger.surroundings();
    assert.equal(chain, BigInt(CHAIN_ID));
    assert.ok(time >= BigInt((await provider.getBlock("latest")).timestamp));
    assert.equal(origin, ALICE);
  });

  test("uses what was estimated, or little less", async () => {
    const ledger = await deploy();
    const estimate = await ledger.store.estimateGas(9, 1n);
    const receipt = await mined(ledger.store(9, 1n));
    assert.ok(receipt.gasUsed <= estimate, `${receipt.gasUsed} used, ${estimate} estimated`);
    assert.ok(estimate <= (receipt.gasUsed * 102n) / 100n, `${receipt.gasUsed} used, ${estimate} estimated`);
    assert.equal(receipt.gasPrice, 100_000_000n);
  });

  test("tells why it reverted: a reason, an error with values, a panic", async () => {
    const ledger = await deploy();
    const where = { code: "CALL_EXCEPTION", action: "call" };
    await assert.rejects(ledger.refuse(), { ...where, reason: "not today" });
    await assert.rejects(ledger.withdraw.staticCall(5n), (error) => {
      assert.equal(error.code, "CALL_EXCEPTION");
      assert.equal(error.revert.name, "TooMuch");
      assert.deepEqual([...error.revert.args], [ALICE, 5n, 0n]);
      return true;
    });
    await assert.rejects(ledger.share(0), (error) => {
      assert.equal(error.revert.name, "Panic");
      assert.equal(error.revert.args[0], 0x12, "divided by zero");
      return true;
    });
  });

  test("tells an estimate and a sender why it would revert", async () => {
    const ledger = await deploy();
    await assert.rejects(ledger.withdraw.estimateGas(5n), (error) => {
      assert.equal(error.action, "estimateGas");
      assert.equal(ledger.interface.parseError(error.data).name, "TooMuch");
      return true;
    });
    await assert.rejects(ledger.withdraw(5n), (error) => error.code === "CALL_EXCEPTION" && error.action === "estimateGas");
  });

  test("leaves a receipt of a failed transaction", async () => {
    const ledger = await deploy();
    const sent = await ledger.withdraw(5n, { gasLimit: 100_000n });
    await assert.rejects(sent.wait(), (error) => {
      assert.equal(error.code, "CALL_EXCEPTION");
      assert.equal(error.receipt.status, 0);
      assert.equal(error.receipt.logs.length, 0);
      return true;
    });
  });

  test("answers by the state that a caller dreams up", async () => {
    const ledger = await deploy();
    const call = { to: await ledger.getAddress(), data: ledger.interface.encodeFunctionData("total") };
    const slot = `0x${"0".repeat(64)}`;
    const override = { [call.to]: { stateDiff: { [slot]: `0x${(99).toString(16).padStart(64, "0")}` } } };
    assert.equal(BigInt(await provider.send("eth_call", [call, "latest", override])), 99n);
    assert.equal(BigInt(await provider.send("eth_call", [call, "latest"])), 7n);
  });
});

describe("events", () => {
  test("are found by their filters", async () => {
    const ledger = await deploy();
    const first = await mined(ledger.store(1, 10n));
    await mined(ledger.connect(bob).store(2, 20n));
    const all = await ledger.queryFilter("Stored", 0);
    assert.deepEqual(all.map((event) => event.args.value), [7n, 10n, 20n]);
    const [ofBob] = await ledger.queryFilter(ledger.filters.Stored(BOB), 0);
    assert.deepEqual([...ofBob.args], [BOB, 2n, 20n]);
    const ofKeys = await ledger.queryFilter(ledger.filters.Stored(null, [0, 2]), 0);
    assert.deepEqual(ofKeys.map((event) => event.args.key), [0n, 2n]);
    const inBlock = await provider.getLogs({ blockHash: first.blockHash, address: await ledger.getAddress() });
    assert.equal(inBlock.length, 1);
    assert.equal(inBlock[0].transactionIndex, 1);
    assert.equal((await ledger.queryFilter("Note", 0)).length, 0);
  });

  test("reach who polls over HTTP", async () => {
    const ledger = await deploy();
    const listening = heard((hear) => ledger.once("Note", hear));
    await new Promise((resolve) => setTimeout(resolve, 200));
    await mined(ledger.note("over HTTP"));
    const [words, event] = await listening;
    assert.equal(words, "over HTTP");
    assert.equal(event.log.address, await ledger.getAddress());
  });

  test("reach who subscribed over WebSocket, and blocks do", async () => {
    const socket = new WebSocketProvider(node.webSocket, CHAIN_ID, { staticNetwork: true });
    try {
      assert.equal(await socket.getBlockNumber(), await provider.getBlockNumber());
      const ledger = await deploy();
      const there = new Contract(await ledger.getAddress(), LEDGER.abi, socket);
      const stored = heard((hear) => there.on(there.filters.Stored(BOB), hear));
      const block = heard((hear) => socket.on("block", (number) => hear(number)));
      // A request on the same socket is answered after the subscriptions.
      await socket.send("eth_chainId", []);
      await new Promise((resolve) => setTimeout(resolve, 200));
      await mined(ledger.store(1, 1n));
      const receipt = await mined(ledger.connect(bob).store(4, 44n));
      const event = await stored;
      assert.deepEqual([...event.args], [BOB, 4n, 44n]);
      assert.equal(event.log.transactionHash, receipt.hash);
      assert.ok((await block) >= receipt.blockNumber - 1);
    } finally {
      await socket.destroy();
    }
  });
});

describe("transactions", () => {
  const slotList = (address) => [{ address, storageKeys: [`0x${"0".repeat(64)}`] }];

  for (const [name, type, fields] of [
    ["legacy", 0, () => ({ gasPrice: 200_000_000n })],
    ["with an access list (EIP-2930)", 1, (to) => ({ gasPrice: 100_000_000n, accessList: slotList(to) })],
    ["with a fee cap (EIP-1559)", 2, (to) => ({
      maxFeePerGas: 300_000_000n, maxPriorityFeePerGas: 1n, accessList: slotList(to),
    })],
  ]) {
    test(`are sent: ${name}`, async () => {
      const ledger = await deploy();
      const to = await ledger.getAddress();
      const data = ledger.interface.encodeFunctionData("store", [1, 1n]);
      const receipt = await mined(alice.sendTransaction({ type, to, data, ...fields(to) }));
      assert.equal(receipt.type, type);
      assert.equal(receipt.status, 1);
      assert.equal(receipt.gasPrice, 100_000_000n, "all pay the base fee, and no tip");
      const known = await provider.getTransaction(receipt.hash);
      assert.equal(known.type, type);
      assert.equal(known.from, ALICE);
      assert.deepEqual(known.accessList ?? null, type === 0 ? null : fields(to).accessList.map((entry) => ({ ...entry })));
      assert.equal(known.signature.v, known.signature.yParity + 27);
    });
  }

  test("delegate an account to code (EIP-7702)", async () => {
    const code = await (await new ContractFactory(ACCOUNT.abi, ACCOUNT.bytecode, alice).deploy()).waitForDeployment();
    const ledger = await deploy();
    const owner = Wallet.createRandom(provider);
    const authorization = await owner.authorize({ address: await code.getAddress(), nonce: 0, chainId: CHAIN_ID });
    const inner = ledger.interface.encodeFunctionData("store", [5, 55n]);
    const data = code.interface.encodeFunctionData("execute", [await ledger.getAddress(), 0, inner]);
    const receipt = await mined(alice.sendTransaction({ type: 4, to: owner.address, data, authorizationList: [authorization] }));
    assert.equal(receipt.type, 4);
    assert.equal(receipt.status, 1);
    assert.equal(await provider.getCode(owner), `0xef0100${(await code.getAddress()).slice(2).toLowerCase()}`);
    assert.equal(await provider.getTransactionCount(owner), 1, "the authorisation took a nonce");
    const [stored] = await ledger.queryFilter(ledger.filters.Stored(owner.address), 0);
    assert.equal(stored.args.value, 55n);
    const known = await provider.getTransaction(receipt.hash);
    assert.equal(known.authorizationList.length, 1);
    assert.equal(known.authorizationList[0].address, await code.getAddress());
    assert.equal(known.authorizationList[0].signature.serialized, authorization.signature.serialized);
  });

  test("that cannot be are refused with the words that clients know", async () => {
    const nonce = await alice.getNonce();
    const plain = { to: BOB, value: 1n };
    await assert.rejects(alice.sendTransaction({ ...plain, nonce: nonce - 1, gasLimit: 30_000n }), { code: "NONCE_EXPIRED" });
    const poor = Wallet.createRandom(provider);
    await assert.rejects(poor.sendTransaction({ ...plain, gasLimit: 21_000n }), { code: "INSUFFICIENT_FUNDS" });
    const cheap = alice.sendTransaction({ ...plain, gasLimit: 30_000n, maxFeePerGas: 1n, maxPriorityFeePerGas: 0n });
    await assert.rejects(cheap, /max fee per gas less than block base fee/);
    await assert.rejects(alice.sendTransaction({ ...plain, gasLimit: 20_999n }), /intrinsic gas too low/);
    await assert.rejects(alice.sendTransaction({ to: ZeroAddress, value: parseEther("100000000"), gasLimit: 30_000n }), {
      code: "INSUFFICIENT_FUNDS",
    });
  });
});

describe("an unlocked account", () => {
  const domain = { name: "Ledger", version: "1", chainId: CHAIN_ID, verifyingContract: "0x00000000000000000000000000000000000000aa" };
  const types = {
    Item: [{ name: "key", type: "uint256" }, { name: "labels", type: "string[]" }],
    Order: [{ name: "from", type: "address" }, { name: "item", type: "Item" }, { name: "proof", type: "bytes" }],
  };
  const order = { from: BOB, item: { key: 7n, labels: ["one", "two"] }, proof: "0x1234" };

  test("sends", async () => {
    const signer = await provider.getSigner(ALICE);
    const ledger = await deploy(signer, 1n);
    const receipt = await mined(ledger.store(3, 33n));
    assert.equal(receipt.from, ALICE);
    assert.equal(await ledger.values(3), 33n);
    await assert.rejects(ledger.withdraw(5n), { code: "CALL_EXCEPTION" });
  });

  test("signs messages and typed data as its key would", async () => {
    const signer = await provider.getSigner(ALICE);
    const message = await signer.signMessage("a word");
    assert.equal(message, await alice.signMessage("a word"));
    assert.equal(verifyMessage("a word", message), ALICE);
    assert.equal(await signer._legacySignMessage("a word"), message);
    const signature = await signer.signTypedData(domain, types, order);
    assert.equal(verifyTypedData(domain, types, order, signature), ALICE);
    assert.equal(signature, await alice.signTypedData(domain, types, order));
  });

  test("signs transactions without sending them", async () => {
    const nonce = await alice.getNonce();
    const hex = (value) => `0x${value.toString(16)}`;
    const wanted = { from: ALICE, to: BOB, value: "0x1", gas: "0x7530", nonce: hex(nonce), gasPrice: hex(100_000_000) };
    const { raw } = await provider.send("eth_signTransaction", [wanted]);
    assert.equal(await alice.getNonce(), nonce);
    const sent = await provider.broadcastTransaction(raw);
    assert.equal((await sent.wait()).from, ALICE);
  });

  test("is no other: a stranger is refused", async () => {
    const stranger = Wallet.createRandom().address;
    await assert.rejects(provider.send("eth_sign", [stranger, "0x1234"]), /account/i);
    await assert.rejects(provider.send("eth_sendTransaction", [{ from: stranger, to: BOB }]), /account/i);
  });
});

describe("time and state", () => {
  test("go where the developer wants them", async () => {
    const ledger = await deploy();
    const snapshot = await provider.send("evm_snapshot", []);
    await mined(ledger.store(1, 1n));
    const { timestamp, number } = await provider.getBlock("latest");

    await provider.send("evm_increaseTime", [3_600]);
    await provider.send("evm_mine", []);
    const later = await provider.getBlock("latest");
    assert.equal(later.number, number + 1);
    assert.ok(later.timestamp >= timestamp + 3_600);

    const chosen = later.timestamp + 1_000;
    await provider.send("evm_setNextBlockTimestamp", [chosen]);
    const receipt = await mined(ledger.store(2, 2n));
    assert.equal((await receipt.getBlock()).timestamp, chosen);

    assert.equal(await provider.send("evm_revert", [snapshot]), true);
    assert.equal(await ledger.total(), 7n);
    assert.equal(await provider.getTransactionReceipt(receipt.hash), null);
    assert.equal(await provider.send("evm_revert", [snapshot]), false, "a snapshot serves once");
  });

  test("wait where automatic blocks are off", async () => {
    await provider.send("evm_setAutomine", [false]);
    try {
      const nonce = await alice.getNonce();
      const number = await provider.getBlockNumber();
      const sent = [
        await alice.sendTransaction({ to: BOB, value: 1n, nonce, gasLimit: 30_000n }),
        await alice.sendTransaction({ to: BOB, value: 2n, nonce: nonce + 1, gasLimit: 30_000n }),
      ];
      assert.equal(await provider.getTransactionReceipt(sent[0].hash), null);
      assert.equal(await alice.getNonce("latest"), nonce);
      assert.equal(await alice.getNonce("pending"), nonce + 2);
      await provider.send("evm_mine", []);
      const [first, second] = await Promise.all(sent.map((one) => one.wait()));
      assert.equal(first.blockNumber, number + 1);
      assert.equal(second.blockNumber, number + 1);
      assert.deepEqual([first.index, second.index], [1, 2]);
      assert.equal(second.cumulativeGasUsed, first.gasUsed + second.gasUsed);
    } finally {
      await provider.send("evm_setAutomine", [true]);
    }
  });

  test("a transaction with a later nonce waits for the one before it", async () => {
    const nonce = await alice.getNonce();
    const second = await alice.sendTransaction({ to: BOB, value: 2n, nonce: nonce + 1, gasLimit: 30_000n });
    assert.equal(await provider.getTransactionReceipt(second.hash), null);
    const first = await alice.sendTransaction({ to: BOB, value: 1n, nonce, gasLimit: 30_000n });
    assert.equal((await first.wait()).status, 1);
    assert.equal((await second.wait()).status, 1);
  });
});

describe("a Stylus program", () => {
  let program;

  test("is deployed, activated, called and traced", async () => {
    const receipt = await mined(alice.sendTransaction({ data: initCode(ECHO_CODE) }));
    program = receipt.contractAddress;
    assert.equal(await provider.getCode(program), hexlify(ECHO_CODE));

    const arbWasm = new Contract(ARB_WASM, ARB_WASM_ABI, alice);
    await assert.rejects(arbWasm.programVersion(program), (error) => error.revert.name === "ProgramNotActivated");
    const [version, fee] = await arbWasm.activateProgram.staticCall(program, { value: parseEther("1") });
    const activated = await mined(arbWasm.activateProgram(program, { value: (fee * 12n) / 10n }));
    assert.equal(activated.status, 1);
    assert.equal(await arbWasm.programVersion(program), version);

    assert.equal(await provider.call({ to: program, data: "0x00010203" }), "0x00010203");
    const sent = await mined(alice.sendTransaction({ to: program, data: "0x2a" }));
    const trace = await provider.send("debug_traceTransaction", [sent.hash, { tracer: "stylusTracer" }]);
    assert.deepEqual(trace.map((call) => call.name), ["user_entrypoint", "read_args", "write_result", "user_returned"]);
    assert.equal(trace[1].outs, "0x2a");
  });

  test("is cached for a bid of nothing, and costs less to call then", async () => {
    const cache = new Contract(ARB_WASM_CACHE, ARB_WASM_CACHE_ABI, alice);
    const manager = new Contract(CACHE_MANAGER, CACHE_MANAGER_ABI, alice);
    assert.deepEqual([...(await cache.allCacheManagers())], [CACHE_MANAGER]);
    assert.equal(await manager.getMinBid(program), 0n);
    const before = await provider.estimateGas({ to: program, data: "0x2a" });
    assert.equal((await mined(manager.placeBid(program))).status, 1);
    assert.equal(await cache.codehashIsCached(keccak256(ECHO_CODE)), true);
    assert.ok((await provider.estimateGas({ to: program, data: "0x2a" })) < before);
    await assert.rejects(manager.placeBid(program), (error) => manager.interface.parseError(error.data).name === "AlreadyCached");
    await assert.rejects(manager.placeBid.staticCall(BOB), (error) => error.revert.name === "ProgramNotActivated");
  });
});
