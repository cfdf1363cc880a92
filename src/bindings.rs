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
    vault: IVault = "contracts/abi/json/IVault.json";
    allocator: IAllocator = "contracts/abi/json/IAllocator.json";
    policy: IPolicy = "contracts/abi/json/IPolicy.json";
    risk: IRisk = "contracts/abi/json/IRisk.json";
    assessor: IAssessor = "contracts/abi/json/IAssessor.json";
    distribution: IDistribution = "contracts/abi/json/IDistribution.json";
    depeg: IDepegTrigger = "contracts/abi/json/IDepegTrigger.json";
    impermanent_loss: IImpermanentLossTrigger = "contracts/abi/json/IImpermanentLossTrigger.json";
    lending_strategy: LendingStrategy = "tests/solidity/artifacts/LendingStrategy.json";
    stable_coin: StableCoin = "tests/solidity/artifacts/StableCoin.json";
    aggregator: MockAggregator = "tests/solidity/artifacts/MockAggregator.json";
}
