// What `hardhat test --network NAME` runs against the node.
const assert = require("node:assert/strict");
const { ethers, network } = require("hardhat");

describe("a Ledger", function () {
  let ledger, signer;

  beforeEach(async function () {
    [signer] = await ethers.getSigners();
    ledger = await ethers.deployContract("Ledger", [7n], { value: 3n });
    await ledger.waitForDeployment();
  });

  it("is deployed by the first account of the network", async function () {
    assert.equal(network.config.chainId, 412346);
    assert.equal(await ledger.owner(), signer.address);
    assert.equal(await ledger.total(), 7n);
    assert.equal(await ethers.provider.getBalance(ledger), 3n);
  });

  it("is written to, and its events are found", async function () {
    const receipt = await (await ledger.store(1n, 35n)).wait();
    assert.equal(receipt.status, 1);
    assert.equal(await ledger.total(), 42n);
    const [event] = await ledger.queryFilter(ledger.filters.Stored(signer.address, 1n));
    assert.equal(event.args.value, 35n);
  });

  it("tells its errors", async function () {
    await assert.rejects(ledger.withdraw.staticCall(5n), (error) => {
      assert.equal(error.revert?.name ?? ledger.interface.parseError(error.data).name, "TooMuch");
      return true;
    });
    await assert.rejects(ledger.refuse(), /not today/);
    await assert.rejects(ledger.withdraw(5n), (error) => {
      assert.equal(ledger.interface.parseError(error.data).name, "TooMuch");
      return true;
    });
  });

  it("sees the time that the network was given", async function () {
    const before = await ethers.provider.getBlock("latest");
    await network.provider.send("evm_increaseTime", [1_000]);
    await network.provider.send("hardhat_mine", ["0x2"]);
    const after = await ethers.provider.getBlock("latest");
    assert.equal(after.number, before.number + 2);
    assert.ok(after.timestamp >= before.timestamp + 1_000);
  });

  it("goes back to a snapshot", async function () {
    const snapshot = await network.provider.send("evm_snapshot");
    await (await ledger.store(1n, 35n)).wait();
    assert.equal(await network.provider.send("evm_revert", [snapshot]), true);
    assert.equal(await ledger.total(), 7n);
  });

  // Who signs with keys of their own has none for it.
  if (network.name === "unlocked") it("is used by an account that nobody has the key of", async function () {
    const whale = "0x00000000000000000000000000000000DeaDBeef";
    await network.provider.send("hardhat_setBalance", [whale, "0xde0b6b3a7640000"]);
    const impersonated = await ethers.getImpersonatedSigner(whale);
    await (await ledger.connect(impersonated).store(2n, 2n)).wait();
    const [event] = await ledger.queryFilter(ledger.filters.Stored(whale));
    assert.equal(event.args.key, 2n);
    await network.provider.send("hardhat_stopImpersonatingAccount", [whale]);
  });
});
