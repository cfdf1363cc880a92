//! Owner, set-up key and guardian.
//!
//! The owner is the timelock from a contract's construction on. The set-up key (the deployer) has the owner's
//! rights until it gives them up for ever with `finishSetup`; a finished contract has none. Ownership moves in
//! two steps. The guardian can only pause (see [`crate::pause`]).

use alloy_primitives::Address;
use stylus_sdk::{prelude::*, storage::StorageAddress, stylus_core::host::MessageAccess};

use crate::{
    Result,
    abi::{GuardianSet, NotGuardian, SetupFinished},
    emit, error,
};
use standards::{
    errors::{OwnableInvalidOwner, OwnableUnauthorizedAccount},
    events::{OwnershipTransferStarted, OwnershipTransferred},
};

/// Gives a contract the functions of `IOwned`, which its roles answer: `owned!(Vault, state.roles)`. Its routes name them.
#[macro_export]
macro_rules! owned {
    ($contract:ty, $($roles:ident).+) => {
        impl $contract {
            /// The owner: the timelock.
            pub fn owner(&self) -> ::alloy_primitives::Address {
                self.$($roles).+.owner()
            }

            /// Who may accept the ownership.
            pub fn pending_owner(&self) -> ::alloy_primitives::Address {
                self.$($roles).+.pending_owner()
            }

            /// Offers the ownership; zero withdraws an offer.
            pub fn transfer_ownership(&mut self, new_owner: ::alloy_primitives::Address) -> $crate::Result<()> {
                self.$($roles).+.transfer_ownership(new_owner)
            }

            /// Takes the ownership that was offered.
            pub fn accept_ownership(&mut self) -> $crate::Result<()> {
                self.$($roles).+.accept_ownership()
            }

            /// The set-up key; zero once the set-up is finished.
            pub fn setup(&self) -> ::alloy_primitives::Address {
                self.$($roles).+.setup()
            }

            /// Gives up the set-up key for ever.
            pub fn finish_setup(&mut self) -> $crate::Result<()> {
                self.$($roles).+.finish_setup()
            }

            /// The guardian; zero where there is none.
            pub fn guardian(&self) -> ::alloy_primitives::Address {
                self.$($roles).+.guardian()
            }

            /// Appoints the guardian; zero for none.
            pub fn set_guardian(&mut self, new_guardian: ::alloy_primitives::Address) -> $crate::Result<()> {
                self.$($roles).+.set_guardian(new_guardian)
            }
        }
    };
}

/// Owner, pending owner, set-up key and guardian of one contract: four slots.
#[storage]
pub struct Roles {
    owner: StorageAddress,
    pending: StorageAddress,
    setup: StorageAddress,
    guardian: StorageAddress,
}

impl Roles {
    /// Sets the owner and the set-up key, at construction.
    ///
    /// # Errors
    /// `OwnableInvalidOwner` for the zero address as owner.
    ///
    /// # Events
    /// `OwnershipTransferred`.
    pub fn construct(&mut self, owner: Address, setup: Address) -> Result<()> {
        if owner.is_zero() {
            return Err(error!(OwnableInvalidOwner, owner));
        }
        self.owner.set(owner);
        self.setup.set(setup);
        emit!(self.vm(), OwnershipTransferred, [Address::ZERO, owner], []);
        Ok(())
    }

    /// The owner.
    #[must_use]
    pub fn owner(&self) -> Address {
        self.owner.get()
    }

    /// Who may accept the ownership.
    #[must_use]
    pub fn pending_owner(&self) -> Address {
        self.pending.get()
    }

    /// The set-up key; zero once the set-up is finished.
    #[must_use]
    pub fn setup(&self) -> Address {
        self.setup.get()
    }

    /// The guardian; zero where there is none.
    #[must_use]
    pub fn guardian(&self) -> Address {
        self.guardian.get()
    }

    /// Fails unless the caller is the owner, or the set-up key while there is one.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`.
    pub fn only_owner(&self) -> Result<()> {
        let caller = self.vm().msg_sender();
        if caller == self.owner.get() || caller == self.setup.get() {
            return Ok(());
        }
        Err(error!(OwnableUnauthorizedAccount, caller))
    }

    /// Fails unless the caller is the guardian or the owner.
    ///
    /// # Errors
    /// `NotGuardian`.
    pub fn only_guardian(&self) -> Result<()> {
        let caller = self.vm().msg_sender();
        if caller == self.guardian.get() || caller == self.owner.get() {
            return Ok(());
        }
        Err(error!(NotGuardian, caller))
    }

    /// Gives up the set-up key for ever.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount` for anyone but the set-up key.
    ///
    /// # Events
    /// `SetupFinished`.
    pub fn finish_setup(&mut self) -> Result<()> {
        let caller = self.vm().msg_sender();
        if caller != self.setup.get() {
            return Err(error!(OwnableUnauthorizedAccount, caller));
        }
        self.setup.set(Address::ZERO);
        emit!(self.vm(), SetupFinished, [caller], []);
        Ok(())
    }

    /// Offers the ownership to `owner`; zero withdraws an offer.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`.
    ///
    /// # Events
    /// `OwnershipTransferStarted`.
    pub fn transfer_ownership(&mut self, owner: Address) -> Result<()> {
        let caller = self.vm().msg_sender();
        if caller != self.owner.get() {
            return Err(error!(OwnableUnauthorizedAccount, caller));
        }
        self.pending.set(owner);
        emit!(self.vm(), OwnershipTransferStarted, [caller, owner], []);
        Ok(())
    }

    /// Takes the ownership that was offered.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount` for anyone but the pending owner.
    ///
    /// # Events
    /// `OwnershipTransferred`.
    pub fn accept_ownership(&mut self) -> Result<()> {
        let caller = self.vm().msg_sender();
        if caller != self.pending.get() {
            return Err(error!(OwnableUnauthorizedAccount, caller));
        }
        let previous = self.owner.get();
        self.owner.set(caller);
        self.pending.set(Address::ZERO);
        emit!(self.vm(), OwnershipTransferred, [previous, caller], []);
        Ok(())
    }

    /// Appoints the guardian; zero for none.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`.
    ///
    /// # Events
    /// `GuardianSet`.
    pub fn set_guardian(&mut self, guardian: Address) -> Result<()> {
        self.only_owner()?;
        self.guardian.set(guardian);
        emit!(self.vm(), GuardianSet, [guardian], []);
        Ok(())
    }
}
