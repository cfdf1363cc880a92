//! What differs between ArbOS versions, in one value.
//!
//! Nothing else in the crate compares version numbers: code asks a [`Rules`] field what it may do.

use revm::primitives::hardfork::SpecId;

/// The rules of one ArbOS version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// ArbOS version, as `ArbSys.arbOSVersion()` tells it less 55.
    pub arbos_version: u64,
    /// The chain allows debugging: programs may import the console, and a start function is dropped instead of refused.
    pub debug: bool,
    /// Ethereum fork whose opcodes, precompiles and gas table the EVM follows.
    pub spec: SpecId,
    /// Version that activation writes into a program; programs of another version must be activated again.
    pub stylus_version: u16,
    /// Largest `maxStackDepth`, in words, that the chain's parameters may hold; a fresh chain has it.
    pub max_stack_depth_cap: u32,
    /// Largest execution gas of a transaction (after intrinsic gas); gas above it is held back and returned.
    pub per_tx_gas_limit: u64,
    /// Intrinsic gas counts towards that limit.
    pub per_tx_limit_counts_intrinsic: bool,
    /// Running out of gas inside a storage flush ends the program as out of gas; before, it was a plain revert.
    pub flush_out_of_gas_is_out_of_ink: bool,
    /// Functions and blocks with several results, and blocks with parameters, are accepted.
    pub multi_value: bool,
    /// A program may live in several accounts: root (`EFF002`) and fragment (`EFF001`) codes.
    pub fragments: bool,
    /// Fragments that a program of a fresh chain may have; the chain's owners may change that.
    pub max_fragments: u8,
    /// A program that ran earlier in the same block costs what a cached program costs.
    pub block_cache: bool,
    /// `ArbWasm.activationGas` exists and is charged when a program is activated.
    pub activation_gas: bool,
    /// Code that is no program makes activation fail with `ProgramNotWasm()`; before, with an empty revert.
    pub not_wasm_is_typed: bool,
    /// Largest code of an account: EIP-170's, unless a development chain is told to allow more.
    pub code_size_limit: usize,
    /// A contract delegated to a precompile (EIP-7702) behaves as an account without code.
    pub delegated_precompile_is_empty: bool,
}

impl Rules {
    /// Versions that this node knows, oldest first.
    pub const VERSIONS: [u64; 3] = [40, 51, 61];
    /// What a new development chain runs.
    pub const DEFAULT_VERSION: u64 = 51;

    /// Rules of a development chain of an ArbOS version; `None` when the node does not know it.
    pub fn of(arbos_version: u64) -> Option<Self> {
        let v40 = Self {
            arbos_version,
            debug: true,
            spec: SpecId::PRAGUE,
            stylus_version: 2,
            max_stack_depth_cap: 262_144,
            per_tx_gas_limit: 32_000_000,
            per_tx_limit_counts_intrinsic: false,
            flush_out_of_gas_is_out_of_ink: false,
            multi_value: true,
            fragments: false,
            max_fragments: 0,
            block_cache: false,
            activation_gas: false,
            not_wasm_is_typed: false,
            code_size_limit: 24_576,
            delegated_precompile_is_empty: false,
        };
        let v51 = Self {
            spec: SpecId::OSAKA,
            max_stack_depth_cap: 22_000,
            per_tx_limit_counts_intrinsic: true,
            flush_out_of_gas_is_out_of_ink: true,
            delegated_precompile_is_empty: true,
            ..v40.clone()
        };
        let v61 = Self {
            multi_value: false,
            fragments: true,
            max_fragments: 4,
            block_cache: true,
            activation_gas: true,
            not_wasm_is_typed: true,
            ..v51.clone()
        };
        match arbos_version {
            40 => Some(v40),
            51 => Some(v51),
            61 => Some(v61),
            _ => None,
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::of(Self::DEFAULT_VERSION).expect("the default version is known")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_version_has_rules_and_others_have_none() {
        for version in Rules::VERSIONS {
            assert_eq!(Rules::of(version).map(|r| r.arbos_version), Some(version));
        }
        for version in [0, 39, 41, 50, 60, 62] {
            assert_eq!(Rules::of(version), None);
        }
    }

    #[test]
    fn the_default_is_fifty_one() {
        let rules = Rules::default();
        assert_eq!((rules.arbos_version, rules.spec, rules.max_stack_depth_cap), (51, SpecId::OSAKA, 22_000));
        assert!(rules.multi_value && !rules.fragments);
    }
}
