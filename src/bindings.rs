//! Typed clients of the contracts, generated from the checked-in ABIs.
#![allow(missing_docs, unreachable_pub, clippy::all)]

/// One module a contract, since interfaces share the names of events and errors.
macro_rules! bindings {
    ($($module:ident: $name:ident = $path:literal;)*) => {
        $(
            pub mod $module {
                ethers::contract::abigen!($name, $path, derives(serde::Deserialize, serde::Serialize));
            }
            pub use $module::$name;
        )*
    };
}

bindings! {
    token: IToken = "contracts/abi/json/IToken.json";
    governor: IGovernor = "contracts/abi/json/IGovernor.json";
    timelock: ITimelock = "contracts/abi/json/ITimelock.json";
    treasury: ITreasury = "contracts/abi/json/ITreasury.json";
    vesting: IVesting = "contracts/abi/json/IVesting.json";
    guardian: IGuardian = "contracts/abi/json/IGuardian.json";
    rewards: IRewards = "contracts/abi/json/IRewards.json";
    vault: IVault = "contracts/abi/json/IVault.json";
    allocator: IAllocator = "contracts/abi/json/IAllocator.json";
    policy: IPolicy = "contracts/abi/json/IPolicy.json";
    risk: IRisk = "contracts/abi/json/IRisk.json";
    jury: IJury = "contracts/abi/json/IJury.json";
    assessor: IAssessor = "contracts/abi/json/IAssessor.json";
    distribution: IDistribution = "contracts/abi/json/IDistribution.json";
    depeg: IDepegTrigger = "contracts/abi/json/IDepegTrigger.json";
    impermanent_loss: IImpermanentLossTrigger = "contracts/abi/json/IImpermanentLossTrigger.json";
    lending: ILendingTrigger = "contracts/abi/json/ILendingTrigger.json";
    exploit: IExploitTrigger = "contracts/abi/json/IExploitTrigger.json";
    bridge: IBridgeTrigger = "contracts/abi/json/IBridgeTrigger.json";
    oracle: IOracleTrigger = "contracts/abi/json/IOracleTrigger.json";
    lending_strategy: LendingStrategy = "tests/solidity/artifacts/LendingStrategy.json";
    backing_reporter: BackingReporter = "tests/solidity/artifacts/BackingReporter.json";
    inbox: MockInbox = "tests/solidity/artifacts/MockInbox.json";
    forwarder: Forwarder = "tests/solidity/artifacts/Forwarder.json";
    stable_coin: StableCoin = "tests/solidity/artifacts/StableCoin.json";
    aggregator: MockAggregator = "tests/solidity/artifacts/MockAggregator.json";
}

/// Arbitrum's own contract for programs, at 0x71.
pub mod arb_wasm {
    ethers::contract::abigen!(
        ArbWasm,
        r#"[
            function programTimeLeft(address program) external view returns (uint64)
            function codehashKeepalive(bytes32 codehash) external payable
            function activateProgram(address program) external payable returns (uint16, uint256)
            event ProgramLifetimeExtended(bytes32 indexed codehash, uint256 dataFee)
            event ProgramActivated(bytes32 indexed codehash, bytes32 moduleHash, address program, uint256 dataFee, uint16 version)
        ]"#
    );
}
pub use arb_wasm::ArbWasm;
