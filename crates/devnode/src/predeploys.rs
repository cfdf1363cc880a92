//! Contracts that a fresh chain has, beside ArbOS's own: what the set-up of a development chain would deploy first.

use std::collections::BTreeMap;

use alloy_primitives::{Address, address, hex};
use revm::state::AccountInfo;

use crate::arbos::state::{AddressSet, space};
use crate::arbos::{GenesisAccount, STATE_ADDRESS};
use crate::state::bytecode;

/// The deterministic deployment proxy: salt and init code in, CREATE2.
pub const CREATE2_FACTORY: Address = address!("4e59b44847b379578588920ca78fbf26c0b4956c");
/// Deploys, activates and constructs a program in one transaction (`predeploys/StylusDeployer.sol`).
pub const STYLUS_DEPLOYER: Address = address!("cEcba2F1DC234f70Dd89F2041029807F8D03A990");
/// Puts programs into the cache of the chain, for any bid (`predeploys/CacheManager.sol`).
pub const CACHE_MANAGER: Address = address!("2F8Bd4EaB69764c105aDd7dE7CB0402557a44E6f");

/// Keeps the hashes of past blocks (EIP-2935, `predeploys/BlockHashes.yul`).
pub const BLOCK_HASHES: Address = address!("0000f90827f1c53a10cb7a02335b175320002935");
/// Who tells it the hash of the latest block.
pub const SYSTEM: Address = address!("fffffffffffffffffffffffffffffffffffffffe");

/// Address and runtime code of each.
const CONTRACTS: [(Address, &str); 4] = [
    (CREATE2_FACTORY, include_str!("../predeploys/create2-factory.hex")),
    (STYLUS_DEPLOYER, include_str!("../predeploys/stylus-deployer.hex")),
    (CACHE_MANAGER, include_str!("../predeploys/cache-manager.hex")),
    (BLOCK_HASHES, include_str!("../predeploys/block-hashes.hex")),
];

/// The accounts that hold them, and ArbOS's own with what it knows of them.
pub(crate) fn accounts() -> impl Iterator<Item = GenesisAccount> {
    let contracts = CONTRACTS.into_iter().map(|(address, code)| {
        let code = hex::decode(code.trim()).expect("checked in as hex");
        let info = AccountInfo { nonce: 1, ..AccountInfo::from_bytecode(bytecode(code.into())) };
        GenesisAccount { address, info, storage: Vec::new() }
    });
    let mut slots = BTreeMap::new();
    let Ok(()) = AddressSet(space::cache_managers()).insert(&mut slots, CACHE_MANAGER);
    let info = AccountInfo { nonce: 1, ..AccountInfo::default() };
    contracts.chain([GenesisAccount { address: STATE_ADDRESS, info, storage: slots.into_iter().collect() }])
}

/// The runtime code of our StylusDeployer, for chains that have none at [`STYLUS_DEPLOYER`].
#[must_use]
pub fn stylus_deployer_code() -> Vec<u8> {
    hex::decode(include_str!("../predeploys/stylus-deployer.hex").trim()).expect("checked in as hex")
}
