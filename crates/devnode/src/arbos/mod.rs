//! ArbOS: the state that the chain keeps about itself, and the precompiles by which contracts reach it.

mod genesis;
pub mod precompiles;
pub mod state;
mod storage;

use alloy_primitives::{Address, address};

pub use genesis::{Genesis, GenesisAccount, PRECOMPILE_CODE, genesis};
pub use storage::{Slots, Space};

/// Who gets what is paid for data on L1.
pub const L1_PRICER: Address = address!("a4b00000000000000000000000000000000000f6");
/// The account whose storage is ArbOS's state.
pub const STATE_ADDRESS: Address = address!("a4b05fffffffffffffffffffffffffffffffffff");
