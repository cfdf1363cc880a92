//! An ERC-20 whose units vote: delegation and past votes by time (ERC-5805, ERC-6372 in seconds), with
//! OpenZeppelin's `ERC20Votes` semantics, errors and events.
//!
//! An account's balance and its delegate share one word, so that a transfer learns whose votes it moves without
//! reading more, and a first delegation fills no slot but its delegate's history ([`Trace`]).

use alloy_primitives::{Address, B256, U256, b256};
use stylus_sdk::{
    prelude::*,
    storage::{StorageMap, StorageU256},
    stylus_core::host::{BlockAccess, MessageAccess},
};

use crate::{
    abi::{Result, Word},
    checkpoints::{Checkpoint, MAX_VALUE, Trace},
    ecdsa, eip712, emit,
    erc20::Allowances,
    error,
    errors::{
        ERC20ExceededSafeSupply, ERC20InsufficientBalance, ERC20InvalidReceiver, ERC20InvalidSender,
        ERC5805FutureLookup, MathOverflow, VotesExpiredSignature,
    },
    events::{DelegateChanged, DelegateVotesChanged, Transfer},
    packed::Packed,
    permit::Nonces,
};

/// `keccak256("Delegation(address delegatee,uint256 nonce,uint256 expiry)")`.
pub const DELEGATION_TYPEHASH: B256 = b256!("e48329057bfd03d55e49b547132e39cffd9c1820ad7b9d4c5307691425d15adf");

/// ERC-6372's description of the clock: seconds since 1970.
pub const CLOCK_MODE: &str = "mode=timestamp";

/// The largest total supply: 2⁹⁵ − 1, or 39.6 billion units of 18 decimals.
pub const MAX_SUPPLY: U256 = U256::from_limbs([MAX_VALUE as u64, (MAX_VALUE >> 64) as u64, 0, 0]);

/// Where an account's word keeps its balance and its delegate.
const BALANCE: (usize, usize) = (0, 96);
const DELEGATE: usize = 96;

/// Balances, delegates, allowances, and the histories of votes and supply: five slots.
///
/// ```text
/// accounts[a]    |255 delegate 96|95 balance 0|
/// traces[d]      the votes that delegate d has had
/// supply         the total supply that there has been
/// ```
#[storage]
pub struct Erc20Votes {
    accounts: StorageMap<Address, StorageU256>,
    traces: StorageMap<Address, Trace>,
    supply: Trace,
    allowances: Allowances,
}

impl Erc20Votes {
    // ————————————————————————————————————————————————————————————————————————————————————————————— the token

    /// How many units exist.
    #[must_use]
    pub fn total_supply(&self) -> U256 {
        U256::from(self.supply.latest())
    }

    /// How many units `account` has.
    #[must_use]
    pub fn balance_of(&self, account: Address) -> U256 {
        self.account(account).get(BALANCE.0, BALANCE.1)
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
    /// `Transfer`, `DelegateVotesChanged`.
    pub fn transfer(&mut self, to: Address, value: U256) -> Result<()> {
        let from = self.vm().msg_sender();
        self._transfer(from, to, value)
    }

    /// The caller lets `spender` move `value` of its units, replacing what it allowed before.
    ///
    /// # Errors
    /// As [`Allowances::_approve`].
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
    /// As [`Allowances::_spend_allowance`] and [`_transfer`](Self::_transfer).
    ///
    /// # Events
    /// `Transfer`, `DelegateVotesChanged`.
    pub fn transfer_from(&mut self, from: Address, to: Address, value: U256) -> Result<()> {
        let spender = self.vm().msg_sender();
        self.allowances._spend_allowance(from, spender, value)?;
        self._transfer(from, to, value)
    }

    /// Makes `value` new units for `to`.
    ///
    /// # Errors
    /// `ERC20InvalidReceiver` for the zero address; `ERC20ExceededSafeSupply` above [`MAX_SUPPLY`].
    ///
    /// # Events
    /// `Transfer` from the zero address, `DelegateVotesChanged`.
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
    /// `Transfer` to the zero address, `DelegateVotesChanged`.
    pub fn burn(&mut self, from: Address, value: U256) -> Result<()> {
        if from.is_zero() {
            return Err(error!(ERC20InvalidSender, from));
        }
        self._update(from, Address::ZERO, value)
    }

    /// Lets `spender` move `value` of `owner`'s units; nobody's permission is asked.
    ///
    /// # Errors
    /// As [`Allowances::_approve`].
    ///
    /// # Events
    /// `Approval`.
    pub fn _approve(&mut self, owner: Address, spender: Address, value: U256) -> Result<()> {
        self.allowances._approve(owner, spender, value)
    }

    /// Moves `value` from `from` to `to`; nobody's permission is asked.
    ///
    /// # Errors
    /// `ERC20InvalidSender` and `ERC20InvalidReceiver` for the zero address; `ERC20InsufficientBalance`.
    ///
    /// # Events
    /// `Transfer`, `DelegateVotesChanged`.
    pub fn _transfer(&mut self, from: Address, to: Address, value: U256) -> Result<()> {
        if from.is_zero() {
            return Err(error!(ERC20InvalidSender, from));
        }
        if to.is_zero() {
            return Err(error!(ERC20InvalidReceiver, to));
        }
        self._update(from, to, value)
    }

    /// Moves `value` from `from` to `to`, where the zero address stands for what does not exist, and the votes
    /// with it: the one function that changes balances, under transfers, mints and burns.
    ///
    /// # Errors
    /// `ERC20InsufficientBalance`; `ERC20ExceededSafeSupply` where a mint would take the supply above
    /// [`MAX_SUPPLY`].
    ///
    /// # Events
    /// `Transfer`, `DelegateVotesChanged`.
    #[inline(never)]
    pub fn _update(&mut self, from: Address, to: Address, value: U256) -> Result<()> {
        let now = self.vm().block_timestamp();
        let mut giver = Address::ZERO;
        if from.is_zero() {
            let supply = self.total_supply().saturating_add(value);
            if supply > MAX_SUPPLY {
                return Err(error!(ERC20ExceededSafeSupply, supply, MAX_SUPPLY));
            }
            self.supply.push(now, supply.to::<u128>())?;
        } else {
            let mut slot = self.accounts.setter(from);
            let account = Packed(slot.get());
            let balance = account.get(BALANCE.0, BALANCE.1);
            let Some(rest) = balance.checked_sub(value) else {
                return Err(error!(ERC20InsufficientBalance, from, balance, value));
            };
            slot.set(account.with(BALANCE.0, BALANCE.1, rest).0);
            giver = account.address(DELEGATE);
        }
        // Below, nothing can wrap and every balance fits: the sum of all balances is the supply.
        let mut taker = Address::ZERO;
        if to.is_zero() {
            let supply = self.total_supply().wrapping_sub(value);
            self.supply.push(now, supply.to::<u128>())?;
        } else {
            let mut slot = self.accounts.setter(to);
            let account = Packed(slot.get());
            let balance = account.get(BALANCE.0, BALANCE.1).wrapping_add(value);
            slot.set(account.with(BALANCE.0, BALANCE.1, balance).0);
            taker = account.address(DELEGATE);
        }
        emit!(self.vm(), Transfer, [from, to], [value]);
        self.move_votes(giver, taker, value)
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————— the votes

    /// Who votes for `account`; the zero address for nobody.
    #[must_use]
    pub fn delegates(&self, account: Address) -> Address {
        self.account(account).address(DELEGATE)
    }

    /// The votes that `account` has now, by all who delegated to it.
    #[must_use]
    pub fn votes(&self, account: Address) -> U256 {
        U256::from(self.traces.getter(account).latest())
    }

    /// The votes that `account` had at `timepoint`, after all changes of that second.
    ///
    /// # Errors
    /// `ERC5805FutureLookup` unless `timepoint` is past, so that the answer can never change.
    pub fn past_votes(&self, account: Address, timepoint: U256) -> Result<U256> {
        let time = self.past(timepoint)?;
        Ok(U256::from(self.traces.getter(account).at(time)))
    }

    /// The supply that there was at `timepoint`, after all changes of that second.
    ///
    /// # Errors
    /// `ERC5805FutureLookup` unless `timepoint` is past.
    pub fn past_total_supply(&self, timepoint: U256) -> Result<U256> {
        let time = self.past(timepoint)?;
        Ok(U256::from(self.supply.at(time)))
    }

    /// How many checkpoints the votes of `account` have.
    #[must_use]
    pub fn checkpoint_count(&self, account: Address) -> u32 {
        self.traces.getter(account).count()
    }

    /// The checkpoint of `account`'s votes at `index`, the oldest first.
    #[must_use]
    pub fn checkpoint(&self, account: Address, index: u32) -> Option<Checkpoint> {
        self.traces.getter(account).get(index)
    }

    /// The caller lets `delegatee` vote for it; the zero address for nobody.
    ///
    /// # Errors
    /// None that a caller can provoke.
    ///
    /// # Events
    /// `DelegateChanged`, `DelegateVotesChanged`.
    pub fn delegate(&mut self, delegatee: Address) -> Result<()> {
        let account = self.vm().msg_sender();
        self._delegate(account, delegatee)
    }

    /// Whoever signed lets `delegatee` vote for it, in the domain of `separator`.
    ///
    /// # Errors
    /// `VotesExpiredSignature` after `expiry` (seconds); `InvalidAccountNonce`; `ECDSAInvalidSignature`,
    /// `ECDSAInvalidSignatureS`.
    ///
    /// # Events
    /// `DelegateChanged`, `DelegateVotesChanged`.
    pub fn delegate_by_sig(&mut self, nonces: &mut Nonces, separator: B256, delegation: &Delegation) -> Result<()> {
        let Delegation { delegatee, nonce, expiry, v, r, s } = *delegation;
        if U256::from(self.vm().block_timestamp()) > expiry {
            return Err(error!(VotesExpiredSignature, expiry));
        }
        let words = [delegatee.word(), nonce, expiry];
        let digest = eip712::typed_hash(separator, eip712::struct_hash(DELEGATION_TYPEHASH, &words));
        let signer = ecdsa::recover(self.vm(), digest, v, r, s)?;
        nonces.use_checked_nonce(signer, nonce)?;
        self._delegate(signer, delegatee)
    }

    /// Lets `delegatee` vote for `account`; nobody's permission is asked.
    ///
    /// # Errors
    /// None that a caller can provoke.
    ///
    /// # Events
    /// `DelegateChanged`, `DelegateVotesChanged`.
    pub fn _delegate(&mut self, account: Address, delegatee: Address) -> Result<()> {
        let mut slot = self.accounts.setter(account);
        let word = Packed(slot.get());
        slot.set(word.with_address(DELEGATE, delegatee).0);
        let previous = word.address(DELEGATE);
        emit!(self.vm(), DelegateChanged, [account, previous, delegatee], []);
        self.move_votes(previous, delegatee, word.get(BALANCE.0, BALANCE.1))
    }

    fn move_votes(&mut self, from: Address, to: Address, value: U256) -> Result<()> {
        if from == to || value.is_zero() {
            return Ok(());
        }
        if !from.is_zero() {
            self.change_votes(from, |votes| votes.checked_sub(value))?;
        }
        if !to.is_zero() {
            self.change_votes(to, |votes| votes.checked_add(value))?;
        }
        Ok(())
    }

    fn change_votes(&mut self, delegate: Address, change: impl Fn(U256) -> Option<U256>) -> Result<()> {
        let now = self.vm().block_timestamp();
        let mut trace = self.traces.setter(delegate);
        let before = U256::from(trace.latest());
        // Votes are parts of the supply, so they neither wrap nor pass what a checkpoint holds.
        let after = change(before).ok_or_else(|| error!(MathOverflow))?;
        trace.push(now, after.saturating_to::<u128>())?;
        emit!(self.vm(), DelegateVotesChanged, [delegate], [before, after]);
        Ok(())
    }

    fn past(&self, timepoint: U256) -> Result<u64> {
        let now = self.vm().block_timestamp();
        match u64::try_from(timepoint) {
            Ok(time) if time < now => Ok(time),
            _ => Err(error!(ERC5805FutureLookup, timepoint, now)),
        }
    }

    fn account(&self, account: Address) -> Packed {
        Packed(self.accounts.get(account))
    }
}

/// What an account signs to let `delegatee` vote for it, and its signature.
#[derive(Clone, Copy, Debug)]
pub struct Delegation {
    /// Who shall vote.
    pub delegatee: Address,
    /// The signer's nonce.
    pub nonce: U256,
    /// Until when the signature is good, in seconds.
    pub expiry: U256,
    /// The signature's recovery id, 27 or 28.
    pub v: u8,
    /// The signature's r.
    pub r: B256,
    /// The signature's s.
    pub s: B256,
}

#[cfg(test)]
mod tests {
    use alloy_primitives::keccak256;

    use super::*;

    #[test]
    fn the_delegation_type_is_that_of_its_string() {
        let string = "Delegation(address delegatee,uint256 nonce,uint256 expiry)";
        assert_eq!(DELEGATION_TYPEHASH, keccak256(string));
    }

    #[test]
    fn the_largest_supply_fits_a_checkpoint_and_a_balance() {
        assert_eq!(MAX_SUPPLY, U256::from(MAX_VALUE));
        assert!(MAX_SUPPLY.bit_len() <= BALANCE.1);
    }
}
