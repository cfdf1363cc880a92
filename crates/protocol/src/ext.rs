//! The second program of a contract in two.
//!
//! A contract whose ABI is larger than one program holds its everyday functions in the first program and the
//! others in the second, over the same storage struct. The first one's `#[fallback]` runs the second by
//! DELEGATECALL. The address of the second is set once, at construction.

use alloc::vec::Vec;

use alloy_primitives::Address;
use stylus_sdk::{host::VM, prelude::*, storage::StorageAddress};

use crate::{Result, call};

/// Where the second program is: one slot.
#[storage]
pub struct Extension {
    program: StorageAddress,
}

impl Extension {
    /// Sets the second program, at construction.
    ///
    /// # Errors
    /// `AddressEmptyCode` where nothing is deployed there.
    pub fn construct(&mut self, program: Address) -> Result<()> {
        call::require_code(self.vm(), program)?;
        self.program.set(program);
        Ok(())
    }

    /// The second program.
    #[must_use]
    pub fn program(&self) -> Address {
        self.program.get()
    }
}

/// Runs the second program with this call's data; what a first program's fallback does.
///
/// # Errors
/// What it reverted with; empty for a selector that neither program knows.
pub fn delegate(vm: &VM, program: Address, calldata: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
    call::delegate(vm, program, calldata)
}
