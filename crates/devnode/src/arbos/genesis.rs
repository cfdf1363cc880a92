//! What a fresh chain knows before its first block.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use revm::bytecode::Bytecode;
use revm::state::AccountInfo;

use super::STATE_ADDRESS;
use super::precompiles;
use super::state::{AddressSet, DataPricer, l1, l2, root, space, store_params};
use super::storage::{Slots, Space};
use crate::rules::Rules;
use crate::wasm::StylusParams;

/// Code of precompiles: an invalid instruction, so that they count as contracts.
pub const PRECOMPILE_CODE: [u8; 1] = [0xFE];

/// An account of a fresh chain.
#[derive(Clone, Debug)]
pub struct GenesisAccount {
    /// Where it lives.
    pub address: Address,
    /// Balance, nonce and code.
    pub info: AccountInfo,
    /// Slots that are not zero.
    pub storage: Vec<(U256, U256)>,
}

/// Settings of a fresh chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// Chain id.
    pub chain_id: u64,
    /// The first chain owner, who may call `ArbOwner`. Development chains of Nitro have the zero address here: owners
    /// are made by `ArbDebug.becomeChainOwner`. Fees go to the zero address, as they do there.
    pub owner: Address,
    /// Base fee, also the least one, in wei.
    pub basefee: u64,
}

/// The accounts of a fresh chain: ArbOS's own with its slots, and the precompiles.
pub fn genesis(rules: &Rules, genesis: &Genesis) -> Vec<GenesisAccount> {
    let mut slots = BTreeMap::new();
    let Ok(()) = initialize(&mut slots, rules, genesis);
    let arbos = GenesisAccount {
        address: STATE_ADDRESS,
        info: AccountInfo { nonce: 1, ..AccountInfo::default() },
        storage: slots.into_iter().collect(),
    };
    let code = Bytecode::new_legacy(PRECOMPILE_CODE.to_vec().into());
    let precompiles = precompiles::addresses(rules).map(|address| GenesisAccount {
        address,
        info: AccountInfo { nonce: 1, ..AccountInfo::from_bytecode(code.clone()) },
        storage: Vec::new(),
    });
    [arbos].into_iter().chain(precompiles).collect()
}

fn initialize<S: Slots>(slots: &mut S, rules: &Rules, genesis: &Genesis) -> Result<(), S::Error> {
    let root_fields = [
        (root::VERSION, U256::from(rules.arbos_version)),
        (root::NETWORK_FEE_ACCOUNT, U256::ZERO),
        (root::CHAIN_ID, U256::from(genesis.chain_id)),
        (root::BROTLI_LEVEL, U256::from(1)),
    ];
    let l1_fields =
        [(l1::EQUILIBRATION_UNITS, 160_000_000), (l1::INERTIA, 10), (l1::PER_UNIT_REWARD, 10), (l1::PRICE_PER_UNIT, 0)];
    let l2_fields = [
        (l2::SPEED_LIMIT, 7_000_000),
        (l2::BLOCK_GAS_LIMIT, 32_000_000),
        (l2::BASE_FEE, genesis.basefee),
        (l2::MIN_BASE_FEE, genesis.basefee),
        (l2::INERTIA, 102),
        (l2::TOLERANCE, 10),
        (l2::PER_TX_GAS_LIMIT, rules.per_tx_gas_limit),
    ];
    for (offset, value) in root_fields {
        slots.write(Space::ROOT.at(offset), value)?;
    }
    for (offset, value) in l1_fields {
        slots.write(space::l1().at(offset), U256::from(value))?;
    }
    for (offset, value) in l2_fields {
        slots.write(space::l2().at(offset), U256::from(value))?;
    }
    AddressSet(space::chain_owners()).insert(slots, genesis.owner)?;
    let params = StylusParams {
        version: rules.stylus_version,
        max_stack_depth: rules.max_stack_depth_cap,
        max_fragment_count: rules.max_fragments,
        ..StylusParams::default()
    };
    store_params(slots, &params, rules)?;
    DataPricer::initialize(slots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbos::state::load_params;

    #[test]
    fn a_fresh_chain_has_its_parameters_and_its_precompiles() {
        let rules = Rules::default();
        let settings = Genesis { chain_id: 412_346, owner: Address::with_last_byte(9), basefee: 100_000_000 };
        let accounts = genesis(&rules, &settings);
        let arbos = accounts.iter().find(|a| a.address == STATE_ADDRESS).expect("ArbOS has an account");
        assert_eq!(arbos.info.nonce, 1);
        let mut slots: BTreeMap<_, _> = arbos.storage.iter().copied().collect();
        let Ok(params) = load_params(&mut slots);
        assert_eq!((params.ink_price, params.max_stack_depth), (10_000, 22_000));
        assert_eq!(slots[&Space::ROOT.at(root::VERSION)], U256::from(51));
        assert_eq!(slots[&space::l2().at(l2::PER_TX_GAS_LIMIT)], U256::from(32_000_000));
        assert_eq!(AddressSet(space::chain_owners()).members(&mut slots, 9), Ok(vec![settings.owner]));

        let has_code = |byte| {
            accounts.iter().any(|a| {
                a.address == Address::with_last_byte(byte)
                    && a.info.code.as_ref().is_some_and(|c| c.original_byte_slice() == PRECOMPILE_CODE)
            })
        };
        assert!((0x64..=0x73).chain([0xff]).all(has_code));
        assert!(![0x63, 0x74, 0xc8].into_iter().any(has_code));
    }
}
