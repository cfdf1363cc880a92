//! ArbOS: the state that the chain keeps about itself, and the precompiles by which contracts reach it.

use alloy_primitives::{Address, U256, address};
use revm::state::AccountInfo;

use crate::rules::Rules;

/// The account whose storage is ArbOS's state.
pub const STATE_ADDRESS: Address = address!("a4b05fffffffffffffffffffffffffffffffffff");

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

/// What a fresh chain knows before its first block.
#[derive(Clone, Debug)]
pub struct Genesis {
    /// Chain id.
    pub chain_id: u64,
    /// The first chain owner, who may call `ArbOwner`.
    pub owner: Address,
    /// Least base fee, in wei.
    pub basefee: u64,
    /// Time of the first block, in seconds since 1970.
    pub timestamp: u64,
}

/// The accounts of a fresh chain: ArbOS's own with its slots, and the precompiles.
pub fn genesis(rules: &Rules, genesis: &Genesis) -> Vec<GenesisAccount> {
    let _ = (rules, genesis);
    Vec::new()
}
