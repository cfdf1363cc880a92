// A project as its developers have it. Beside the usual: the compiler is the one that npm brought (nothing is
// downloaded), the contracts are those of the other clients, and what is made goes where the environment says.
const { subtask } = require("hardhat/config");
const { TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD } = require("hardhat/builtin-tasks/task-names");
require("@nomicfoundation/hardhat-ethers");

const made = process.env.HARDHAT_MADE;
const url = process.env.NODE_URL;
const version = "0.8.30";

subtask(TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD, async () => ({
  compilerPath: require.resolve("solc/soljson.js"),
  isSolcJs: true,
  version,
  longVersion: require("solc").version(),
}));

module.exports = {
  solidity: { version, settings: { optimizer: { enabled: true, runs: 200 } } },
  paths: { root: "..", sources: "contracts", tests: "hardhat/test", cache: `${made}/cache`, artifacts: `${made}/artifacts` },
  defaultNetwork: "unlocked",
  networks: {
    unlocked: { url, chainId: 412346 },
    keyed: { url, chainId: 412346, accounts: [process.env.ACCOUNT_KEY] },
  },
};
