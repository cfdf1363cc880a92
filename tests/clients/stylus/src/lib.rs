//! A counter with an owner: one constructor, one event, one error, one view.
#![cfg_attr(not(feature = "export-abi"), no_main)]
extern crate alloc;

use alloc::{vec, vec::Vec};

use alloy_primitives::{Address, U256};
use alloy_sol_types::sol;
use stylus_sdk::{
    prelude::*,
    storage::{StorageAddress, StorageU256},
};

sol! {
    event Counted(address indexed by, uint256 number);
    error NotOwner(address who);
}

/// The contract.
#[entrypoint]
#[storage]
pub struct Counter {
    owner: StorageAddress,
    number: StorageU256,
}

/// What it reverts with.
#[derive(SolidityError)]
pub enum Error {
    /// Only the owner counts.
    NotOwner(NotOwner),
}

#[public]
impl Counter {
    /// Begins at `first`; `owner` counts.
    #[constructor]
    #[payable]
    pub fn constructor(&mut self, owner: Address, first: U256) {
        self.owner.set(owner);
        self.number.set(first);
    }

    /// How far it is.
    pub fn number(&self) -> U256 {
        self.number.get()
    }

    /// Who counts.
    pub fn owner(&self) -> Address {
        self.owner.get()
    }

    /// Counts on.
    pub fn add(&mut self, by: U256) -> Result<U256, Error> {
        let who = self.vm().msg_sender();
        if who != self.owner.get() {
            return Err(Error::NotOwner(NotOwner { who }));
        }
        let number = self.number.get() + by;
        self.number.set(number);
        self.vm().log(Counted { by: who, number });
        Ok(number)
    }
}
