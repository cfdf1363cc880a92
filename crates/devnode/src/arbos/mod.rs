//! ArbOS: the state that the chain keeps about itself, and the precompiles by which contracts reach it.

mod genesis;
pub mod precompiles;
pub mod state;
mod storage;

use alloy_primitives::{Address, address};

pub use genesis::{Genesis, GenesisAccount, genesis};
pub use storage::{Slots, Space};

/// The account whose storage is ArbOS's state.
pub const STATE_ADDRESS: Address = address!("a4b05fffffffffffffffffffffffffffffffffff");
