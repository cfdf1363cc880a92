//! ERC-20 balances and allowances, with OpenZeppelin's semantics and ERC-6093's errors.
//!
//! Names with an underscore act for whom they are told; the others act for the caller. [`Allowances`] stand by
//! themselves for tokens that keep their balances in another way, such as [`crate::votes`].

use alloy_primitives::{Address, U256};
use stylus_sdk::{
    prelude::*,
    storage::{StorageMap, StorageU256},
    stylus_core::host::MessageAccess,
};

use crate::{
    abi::Result,
    emit, error,
    errors::{
        ERC20InsufficientAllowance, ERC20InsufficientBalance, ERC20InvalidApprover, ERC20InvalidReceiver,
        ERC20InvalidSender, ERC20InvalidSpender, MathOverflow,
    },
    events::{Approval, Transfer},
};

/// Who may move how many of whose units: one slot.
#[storage]
pub struct Allowances {
    allowances: StorageMap<Address, StorageMap<Address, StorageU256>>,
}

impl Allowances {
    /// How many units of `owner` `spender` may move; `U256::MAX` means any number, for ever.
    #[must_use]
    pub fn allowance(&self, owner: Address, spender: Address) -> U256 {
        self.allowances.getter(owner).get(spender)
    }

    /// Lets `spender` move `value` of `owner`'s units; nobody's permission is asked.
    ///
    /// # Errors
    /// `ERC20InvalidApprover` and `ERC20InvalidSpender` for the zero address.
    ///
    /// # Events
    /// `Approval`.
    #[inline(never)]
    pub fn _approve(&mut self, owner: Address, spender: Address, value: U256) -> Result<()> {
        self.set(owner, spender, value)?;
        emit!(self.vm(), Approval, [owner, spender], [value]);
        Ok(())
    }

    /// Takes `value` off what `spender` may move of `owner`'s units. An allowance of `U256::MAX` stays. No
    /// event: a transfer that follows tells it.
    ///
    /// # Errors
    /// `ERC20InsufficientAllowance`; those of [`_approve`](Self::_approve).
    #[inline(never)]
    pub fn _spend_allowance(&mut self, owner: Address, spender: Address, value: U256) -> Result<()> {
        let allowance = self.allowance(owner, spender);
        if allowance == U256::MAX {
            return Ok(());
        }
        match allowance.checked_sub(value) {
            Some(rest) => self.set(owner, spender, rest),
            None => Err(error!(ERC20InsufficientAllowance, spender, allowance, value)),
        }
    }

    fn set(&mut self, owner: Address, spender: Address, value: U256) -> Result<()> {
        if owner.is_zero() {
            return Err(error!(ERC20InvalidApprover, owner));
        }
        if spender.is_zero() {
            return Err(error!(ERC20InvalidSpender, spender));
        }
        self.allowances.setter(owner).setter(spender).set(value);
        Ok(())
    }
}

/// Balances, allowances and the total supply: three slots.
#[storage]
pub struct Erc20 {
    balances: StorageMap<Address, StorageU256>,
    allowances: Allowances,
    total_supply: StorageU256,
}

impl Erc20 {
    /// How many units exist.
    #[must_use]
    pub fn total_supply(&self) -> U256 {
        self.total_supply.get()
    }

    /// How many units `account` has.
    #[must_use]
    pub fn balance_of(&self, account: Address) -> U256 {
        self.balances.get(account)
    }

    /// How many units of `owner` `spender` may move; `U256::MAX` means any number, for ever.
    #[must_use]
    pub fn allowance(&self, owner: Address, spender: Address) -> U256 {
        self.allowances.allowance(owner, spender)
    }

    /// The caller sends `value` to `to`.
    ///
    /// # Errors
    /// As [`_transfer`](Self::_transfer).
    ///
    /// # Events
    /// `Transfer`.
    pub fn transfer(&mut self, to: Address, value: U256) -> Result<()> {
        let from = self.vm().msg_sender();
        self._transfer(from, to, value)
    }

    /// The caller lets `spender` move `value` of its units, replacing what it allowed before.
    ///
    /// # Errors
    /// As [`_approve`](Self::_approve).
    ///
    /// # Events
    /// `Approval`.
    pub fn approve(&mut self, spender: Address, value: U256) -> Result<()> {
        let owner = self.vm().msg_sender();
        self._approve(owner, spender, value)
    }

    /// The caller moves `value` from `from` to `to`, by the allowance that `from` gave it.
    ///
    /// # Errors
    /// As [`_spend_allowance`](Self::_spend_allowance) and [`_transfer`](Self::_transfer).
    ///
    /// # Events
    /// `Transfer`.
    pub fn transfer_from(&mut self, from: Address, to: Address, value: U256) -> Result<()> {
        let spender = self.vm().msg_sender();
        self._spend_allowance(from, spender, value)?;
        self._transfer(from, to, value)
    }

    /// Makes `value` new units for `to`.
    ///
    /// # Errors
    /// `ERC20InvalidReceiver` for the zero address; `MathOverflow` where the supply would pass 2²⁵⁶ − 1.
    ///
    /// # Events
    /// `Transfer` from the zero address.
    pub fn mint(&mut self, to: Address, value: U256) -> Result<()> {
        if to.is_zero() {
            return Err(error!(ERC20InvalidReceiver, to));
        }
        self._update(Address::ZERO, to, value)
    }

    /// Destroys `value` units of `from`.
    ///
    /// # Errors
    /// `ERC20InvalidSender` for the zero address; `ERC20InsufficientBalance`.
    ///
    /// # Events
    /// `Transfer` to the zero address.
    pub fn burn(&mut self, from: Address, value: U256) -> Result<()> {
        if from.is_zero() {
            return Err(error!(ERC20InvalidSender, from));
        }
        self._update(from, Address::ZERO, value)
    }

    /// Moves `value` from `from` to `to`; nobody's permission is asked.
    ///
    /// # Errors
    /// `ERC20InvalidSender` and `ERC20InvalidReceiver` for the zero address; `ERC20InsufficientBalance`.
    ///
    /// # Events
    /// `Transfer`.
    pub fn _transfer(&mut self, from: Address, to: Address, value: U256) -> Result<()> {
        if from.is_zero() {
            return Err(error!(ERC20InvalidSender, from));
        }
        if to.is_zero() {
            return Err(error!(ERC20InvalidReceiver, to));
        }
        self._update(from, to, value)
    }

    /// Lets `spender` move `value` of `owner`'s units; nobody's permission is asked.
    ///
    /// # Errors
    /// `ERC20InvalidApprover` and `ERC20InvalidSpender` for the zero address.
    ///
    /// # Events
    /// `Approval`.
    pub fn _approve(&mut self, owner: Address, spender: Address, value: U256) -> Result<()> {
        self.allowances._approve(owner, spender, value)
    }

    /// Takes `value` off what `spender` may move of `owner`'s units. An allowance of `U256::MAX` stays. No
    /// event: a transfer that follows tells it.
    ///
    /// # Errors
    /// `ERC20InsufficientAllowance`; those of [`_approve`](Self::_approve).
    pub fn _spend_allowance(&mut self, owner: Address, spender: Address, value: U256) -> Result<()> {
        self.allowances._spend_allowance(owner, spender, value)
    }

    /// Moves `value` from `from` to `to`, where the zero address stands for what does not exist: the one
    /// function that changes balances, under transfers, mints and burns.
    ///
    /// # Errors
    /// `ERC20InsufficientBalance`; `MathOverflow` where a mint would take the supply past 2²⁵⁶ − 1.
    ///
    /// # Events
    /// `Transfer`.
    #[inline(never)]
    pub fn _update(&mut self, from: Address, to: Address, value: U256) -> Result<()> {
        if from.is_zero() {
            let supply = self.total_supply.get().checked_add(value).ok_or_else(|| error!(MathOverflow))?;
            self.total_supply.set(supply);
        } else {
            let mut slot = self.balances.setter(from);
            let balance = slot.get();
            match balance.checked_sub(value) {
                Some(rest) => slot.set(rest),
                None => return Err(error!(ERC20InsufficientBalance, from, balance, value)),
            }
        }
        // Below, nothing can wrap: the sum of all balances is the supply.
        if to.is_zero() {
            let supply = self.total_supply.get().wrapping_sub(value);
            self.total_supply.set(supply);
        } else {
            let mut slot = self.balances.setter(to);
            let balance = slot.get().wrapping_add(value);
            slot.set(balance);
        }
        emit!(self.vm(), Transfer, [from, to], [value]);
        Ok(())
    }
}
