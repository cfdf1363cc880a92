//! OpenZeppelin's AccessControl with one admin role for all roles.

use alloc::{vec, vec::Vec};

use alloy_primitives::{Address, B256, b256};
use protocol::{
    Result,
    abi::IAccessControl::{AccessControlBadConfirmation, AccessControlUnauthorizedAccount, RoleGranted, RoleRevoked},
    emit, error,
};
use stylus_sdk::{
    prelude::*,
    storage::{StorageBool, StorageMap},
    stylus_core::host::MessageAccess,
};

/// Whose members grant and revoke all roles, its own among them.
pub const DEFAULT_ADMIN_ROLE: B256 = B256::ZERO;
/// `keccak256("PROPOSER_ROLE")`: who may schedule.
pub const PROPOSER_ROLE: B256 = b256!("b09aa5aeb3702cfd50b6b62bc4532604938f21248a27a1d5ca736082b6819cc1");
/// `keccak256("EXECUTOR_ROLE")`: who may execute.
pub const EXECUTOR_ROLE: B256 = b256!("d8aa0f3194971a2a116679f7c2090f6939c8d4e01a2a8d7e41d55e5351469e63");
/// `keccak256("CANCELLER_ROLE")`: who may cancel.
pub const CANCELLER_ROLE: B256 = b256!("fd643c72710c63c0180259aba6b2d05451e3591a24e58b62239378085726f783");

/// The ERC-165 id of `IAccessControl`.
pub(crate) const INTERFACE_ID: [u8; 4] = [0x79, 0x65, 0xdb, 0x0b];

/// Who has which role: one slot.
#[storage]
pub struct AccessControl {
    members: StorageMap<B256, StorageMap<Address, StorageBool>>,
}

impl AccessControl {
    pub(crate) fn has(&self, role: B256, account: Address) -> bool {
        self.members.getter(role).get(account)
    }

    /// Fails unless the caller has `role`.
    pub(crate) fn only(&self, role: B256) -> Result<()> {
        let caller = self.vm().msg_sender();
        if !self.has(role, caller) {
            return Err(error!(AccessControlUnauthorizedAccount, caller, role));
        }
        Ok(())
    }

    /// Gives `role` to `account`; no event where it has it.
    pub(crate) fn grant(&mut self, role: B256, account: Address) {
        if self.change(role, account, true) {
            emit!(self.vm(), RoleGranted, [role, account, self.vm().msg_sender()], []);
        }
    }

    /// Takes `role` from `account`; no event where it has it not.
    pub(crate) fn revoke(&mut self, role: B256, account: Address) {
        if self.change(role, account, false) {
            emit!(self.vm(), RoleRevoked, [role, account, self.vm().msg_sender()], []);
        }
    }

    pub(crate) fn renounce(&mut self, role: B256, confirmation: Address) -> Result<()> {
        let caller = self.vm().msg_sender();
        if confirmation != caller {
            return Err(error!(AccessControlBadConfirmation));
        }
        self.revoke(role, caller);
        Ok(())
    }

    fn change(&mut self, role: B256, account: Address, member: bool) -> bool {
        let mut members = self.members.setter(role);
        let mut slot = members.setter(account);
        if slot.get() == member {
            return false;
        }
        slot.set(member);
        true
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::keccak256;
    use alloy_sol_types::SolInterface;
    use protocol::abi::IAccessControl::IAccessControlCalls;

    use super::*;

    #[test]
    fn a_role_is_the_hash_of_its_name() {
        assert_eq!(PROPOSER_ROLE, keccak256("PROPOSER_ROLE"));
        assert_eq!(EXECUTOR_ROLE, keccak256("EXECUTOR_ROLE"));
        assert_eq!(CANCELLER_ROLE, keccak256("CANCELLER_ROLE"));
    }

    #[test]
    fn the_interface_id_is_that_of_all_its_functions() {
        let id = IAccessControlCalls::selectors().fold(0, |id, selector| id ^ u32::from_be_bytes(selector));
        assert_eq!(INTERFACE_ID, id.to_be_bytes());
    }
}
