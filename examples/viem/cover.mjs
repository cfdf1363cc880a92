// Reads what a pool can pay, quotes a cover, buys it and reads its certificate.
//
//   npm install --no-package-lock            viem and the interfaces
//   node cover.mjs http://127.0.0.1:8547     or with the RPC in PALISADE_RPC_URL
//
// The addresses are those of the package, or of a deployment file (PALISADE_DEPLOYMENT; deployments/CHAIN.json of this
// checkout if not given). The key is in PALISADE_KEY; its account has the premium.
import { existsSync, readFileSync } from "node:fs";
import {
  createPublicClient, createWalletClient, formatUnits, http, parseEventLogs, parseUnits, stringToHex, zeroAddress, zeroHash,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { addresses, erc20Abi, policyAbi, vaultAbi } from "@palisade/abi";

const rpc = process.argv[2] ?? process.env.PALISADE_RPC_URL;
const key = process.env.PALISADE_KEY;
if (!rpc || !key) {
  console.error("usage: PALISADE_KEY=0x… node cover.mjs RPC");
  process.exit(2);
}
const transport = http(rpc);
const reader = createPublicClient({ transport, pollingInterval: 100 });
const account = privateKeyToAccount(`0x${key.replace(/^0x/, "")}`);
const wallet = createWalletClient({ account, transport });

const policy = { address: await addressOf("policy"), abi: policyAbi };
const vault = { address: await addressOf("vault"), abi: vaultAbi };
const asset = { address: await reader.readContract({ ...vault, functionName: "asset" }), abi: erc20Abi };
const [decimals, symbol] = await Promise.all([
  reader.readContract({ ...asset, functionName: "decimals" }),
  reader.readContract({ ...asset, functionName: "symbol" }),
]);
const money = (value) => `${formatUnits(value, decimals)} ${symbol}`;

// 1. The pool: everything about its ability to pay is one call.
const pool = await reader.readContract({ ...vault, functionName: "solvency" });
const coverage = pool.minimumCapital > 0n ? `${Number(pool.coverageBps) / 100} % of its minimum` : "nothing to cover yet";
console.log(`pool: ${money(pool.capital)} of capital, ${coverage}, ${money(pool.reserve)} reserved for claims`);

// 2. The price: of the first product on sale, for 10,000 over its shortest term.
const [products] = await reader.readContract({ ...policy, functionName: "productPage", args: [0n, 20n] });
const product = products.find(({ status }) => status === 1);
if (!product) throw new Error("nothing is on sale");
const subject = stringToHex("USDC/USD", { size: 32 });
const amount = parseUnits("10000", decimals);
const term = BigInt(product.minTerm);
const order = [product.product, subject, account.address, zeroHash, amount, term];
const [premium, , , , , , , , ratioBps] = await reader.readContract({ ...policy, functionName: "quote", args: order });
console.log(`quote: ${money(premium)} for ${money(amount)} over ${term / 86_400n} days, ${ratioBps / 100n} % of a loss paid`);

// 3. The purchase, at most a hundredth above the quote: the price moves with time and with others' purchases.
const most = premium + premium / 100n;
await mined(wallet.writeContract({ ...asset, chain: null, functionName: "approve", args: [policy.address, most] }));
const { timestamp } = await reader.getBlock();
const { request, result } = await reader.simulateContract({
  ...policy, account, functionName: "buy", args: [...order, most, timestamp + 3_600n, account.address, zeroAddress],
});
// The books go on with every second, so the estimate of this one may be a little short in the next.
const gas = await reader.estimateContractGas({ ...request, account });
const { logs } = await mined(wallet.writeContract({ ...request, chain: null, gas: gas + gas / 4n }));
const [bought] = parseEventLogs({ abi: policyAbi, logs, eventName: "PolicyBought" });
const id = bought.args.policy;
console.log(`bought: policy ${id} for ${money(bought.args.premium)} (${money(result[1])} when simulated)`);
// Whoever claims shows the entry again: it is in the event alone.
console.log(`entry: ${bought.args.entry}`);

// 4. The certificate: a JSON document with a picture, on chain.
const record = await reader.readContract({ ...policy, functionName: "policyOf", args: [id] });
const uri = await reader.readContract({ ...policy, functionName: "tokenURI", args: [id] });
const certificate = JSON.parse(Buffer.from(uri.split(",")[1], "base64").toString());
const day = (seconds) => new Date(Number(seconds) * 1_000).toISOString().slice(0, 10);
console.log(`certificate: ${certificate.name}, held by ${record.holder}, in force ${day(record.start)} to ${day(record.end)}`);

async function addressOf(name) {
  const chain = await reader.getChainId();
  const file = process.env.PALISADE_DEPLOYMENT ?? new URL(`../../deployments/${chain}.json`, import.meta.url);
  const contracts = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).contracts : addresses[chain];
  if (!contracts) throw new Error(`no deployment on chain ${chain} is known: name its file in PALISADE_DEPLOYMENT`);
  return contracts[name];
}

async function mined(hash) {
  const receipt = await reader.waitForTransactionReceipt({ hash: await hash });
  if (receipt.status !== "success") throw new Error(`transaction ${receipt.transactionHash} failed`);
  return receipt;
}
