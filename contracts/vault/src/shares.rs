//! The share token.
//!
//! An ERC-20 token whose supply is kept in the books. Shares that asked to leave belong to the vault: its balance is
//! what the books have queued, not a word of its own, and nobody can send it shares by mistake.

use alloy_primitives::{Address, U256};
use protocol::{
    Result,
    abi::IERC20::{ERC20InsufficientBalance, ERC20InvalidReceiver, ERC20InvalidSender, Transfer},
    emit, error,
};
use standards::{
    dispatch::Encoded,
    eip712,
    erc20::Allowances,
    permit::{Nonces, Permit},
    text::ShortString,
};
use stylus_sdk::{
    prelude::*,
    storage::{StorageMap, StorageU256},
    stylus_core::host::{AccountAccess, MessageAccess},
};

use crate::state::State;

/// The version of the share's EIP-712 domain.
const VERSION: &str = "1";

/// Balances, allowances, nonces, name and symbol of the share: five slots.
#[storage]
pub struct Shares {
    balances: StorageMap<Address, StorageU256>,
    /// Who may move whose shares.
    pub(crate) allowances: Allowances,
    nonces: Nonces,
    name: StorageU256,
    symbol: StorageU256,
}

impl Shares {
    /// Sets name and symbol, at construction.
    pub fn construct(&mut self, name: ShortString, symbol: ShortString) {
        self.name.set(name.store());
        self.symbol.set(symbol.store());
    }

    /// The token's name.
    #[must_use]
    pub fn name(&self) -> ShortString {
        ShortString::load(self.name.get())
    }

    /// The token's symbol.
    #[must_use]
    pub fn symbol(&self) -> ShortString {
        ShortString::load(self.symbol.get())
    }

    /// Shares of `account`, the vault's own excepted.
    #[must_use]
    pub fn of(&self, account: Address) -> U256 {
        self.balances.get(account)
    }

    /// How many signatures of `owner` have been used.
    #[must_use]
    pub fn nonce(&self, owner: Address) -> U256 {
        self.nonces.nonce(owner)
    }

    /// Moves shares between accounts, where the vault and the zero address have no word of their own: the caller
    /// keeps the books.
    ///
    /// # Errors
    /// `ERC20InsufficientBalance`.
    ///
    /// # Events
    /// `Transfer`.
    #[inline(never)]
    pub fn shift(&mut self, from: Address, to: Address, value: u128) -> Result<()> {
        let vault = self.vm().contract_address();
        let value = U256::from(value);
        if !from.is_zero() && from != vault {
            let mut slot = self.balances.setter(from);
            let balance = slot.get();
            match balance.checked_sub(value) {
                Some(rest) => slot.set(rest),
                None => return Err(error!(ERC20InsufficientBalance, from, balance, value)),
            }
        }
        if !to.is_zero() && to != vault {
            let mut slot = self.balances.setter(to);
            // The sum of all balances is the supply, which has 128 bits.
            let balance = slot.get().wrapping_add(value);
            slot.set(balance);
        }
        emit!(self.vm(), Transfer, [from, to], [value]);
        Ok(())
    }

    /// Fails where shares cannot be sent to `to`: the zero address, and the vault itself.
    ///
    /// # Errors
    /// `ERC20InvalidReceiver`.
    pub fn require_receiver(&self, to: Address) -> Result<()> {
        if to.is_zero() || to == self.vm().contract_address() {
            return Err(error!(ERC20InvalidReceiver, to));
        }
        Ok(())
    }

    /// Moves `value` from `from` to `to`; nobody's permission is asked.
    ///
    /// # Errors
    /// `ERC20InvalidSender`, `ERC20InvalidReceiver`, `ERC20InsufficientBalance`.
    ///
    /// # Events
    /// `Transfer`.
    pub fn transfer(&mut self, from: Address, to: Address, value: U256) -> Result<()> {
        self.require_receiver(to)?;
        if from.is_zero() || from == self.vm().contract_address() {
            return Err(error!(ERC20InvalidSender, from));
        }
        match u128::try_from(value) {
            Ok(value) => self.shift(from, to, value),
            Err(_) => Err(error!(ERC20InsufficientBalance, from, self.of(from), value)),
        }
    }

    /// The caller uses up its allowance over `value` of `owner`'s shares.
    ///
    /// # Errors
    /// `ERC20InsufficientAllowance`.
    pub fn spend(&mut self, owner: Address, value: U256) -> Result<()> {
        let spender = self.vm().msg_sender();
        self.allowances._spend_allowance(owner, spender, value)
    }

    /// Sets an allowance by its owner's signature.
    ///
    /// # Errors
    /// Those of [`Permit::verify`] and of an approval.
    ///
    /// # Events
    /// `Approval`.
    pub fn permit(&mut self, permit: &Permit) -> Result<()> {
        let separator = self.separator();
        permit.verify(&mut self.nonces, separator)?;
        self.allowances._approve(permit.owner, permit.spender, permit.value)
    }

    /// The separator of the share's EIP-712 domain.
    #[must_use]
    pub fn separator(&self) -> alloy_primitives::B256 {
        eip712::domain_separator(self.vm(), self.name().as_bytes(), VERSION)
    }

    /// ERC-5267's description of that domain.
    #[must_use]
    pub fn domain(&self) -> Encoded {
        eip712::encoded_description(self.vm(), self.name().as_bytes(), VERSION)
    }
}

impl State {
    /// Shares of `account`; the vault has those that asked to leave.
    pub fn balance_of(&self, account: Address) -> U256 {
        if account == self.vm().contract_address() {
            return U256::from(self.queued());
        }
        self.shares.of(account)
    }
}
