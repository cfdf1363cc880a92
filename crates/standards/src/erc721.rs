//! ERC-721 owners, approvals and operators, with OpenZeppelin's semantics and ERC-6093's errors.
//!
//! Each token is one word: its owner, and 96 bits beside it that belong to the contract, which so keeps a
//! record's flags and small fields where the owner is read and written anyway.
//!
//! ```text
//! |255            160|159                       0|
//! | the contract's 96| owner 160                 |
//! ```
//!
//! Minting calls no receiver. [`Erc721::check_received`] is the call that `safeTransferFrom` makes after its
//! transfer.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::{SolCall, sol};
use stylus_sdk::{
    prelude::*,
    storage::{StorageAddress, StorageBool, StorageMap, StorageU256},
    stylus_core::host::{AccountAccess, MessageAccess},
};

use crate::{
    abi::{Result, Revert, Word, encode_call, push_bytes},
    call, emit, error,
    errors::{
        ERC721IncorrectOwner, ERC721InsufficientApproval, ERC721InvalidApprover, ERC721InvalidOperator,
        ERC721InvalidOwner, ERC721InvalidReceiver, ERC721InvalidSender, ERC721NonexistentToken,
    },
    events::ApprovalForAll,
    packed::Packed,
};

sol! {
    #[allow(missing_docs)]
    interface IERC721Receiver {
        function onERC721Received(address operator, address from, uint256 tokenId, bytes calldata data) external returns (bytes4);
    }
}

/// Where the contract's bits begin in a token's word, above the owner.
pub const BESIDE: usize = 160;

/// Tokens, balances, approvals and operators: four slots.
#[storage]
pub struct Erc721 {
    tokens: StorageMap<U256, StorageU256>,
    balances: StorageMap<Address, StorageU256>,
    approvals: StorageMap<U256, StorageAddress>,
    operators: StorageMap<Address, StorageMap<Address, StorageBool>>,
}

impl Erc721 {
    // ———————————————————————————————————————————————————————————————————————————————————————————————— views

    /// A token's word: its owner (zero where there is no such token) and the contract's bits from [`BESIDE`] on.
    #[must_use]
    pub fn word(&self, id: U256) -> Packed {
        Packed(self.tokens.get(id))
    }

    /// A token's word.
    ///
    /// # Errors
    /// `ERC721NonexistentToken`.
    pub fn minted(&self, id: U256) -> Result<Packed> {
        let word = self.word(id);
        if word.address(0).is_zero() {
            return Err(error!(ERC721NonexistentToken, id));
        }
        Ok(word)
    }

    /// The owner of a token.
    ///
    /// # Errors
    /// `ERC721NonexistentToken`.
    pub fn owner_of(&self, id: U256) -> Result<Address> {
        Ok(self.minted(id)?.address(0))
    }

    /// How many tokens `owner` has.
    ///
    /// # Errors
    /// `ERC721InvalidOwner` for the zero address.
    pub fn balance_of(&self, owner: Address) -> Result<U256> {
        if owner.is_zero() {
            return Err(error!(ERC721InvalidOwner, owner));
        }
        Ok(self.balances.get(owner))
    }

    /// Who may move a token beside its owner and operators; zero for nobody.
    ///
    /// # Errors
    /// `ERC721NonexistentToken`.
    pub fn get_approved(&self, id: U256) -> Result<Address> {
        self.minted(id)?;
        Ok(self.approvals.get(id))
    }

    /// Whether `operator` may move all tokens of `owner`.
    #[must_use]
    pub fn is_approved_for_all(&self, owner: Address, operator: Address) -> bool {
        self.operators.getter(owner).get(operator)
    }

    // ———————————————————————————————————————————————————————————————————————————————————————————— approvals

    /// The caller, who owns the token or is an operator of its owner, lets `to` move it; zero takes that back.
    ///
    /// # Errors
    /// `ERC721NonexistentToken`, `ERC721InvalidApprover`.
    ///
    /// # Events
    /// `Approval`.
    pub fn approve(&mut self, to: Address, id: U256) -> Result<()> {
        let owner = self.owner_of(id)?;
        let caller = self.vm().msg_sender();
        if caller != owner && !self.is_approved_for_all(owner, caller) {
            return Err(error!(ERC721InvalidApprover, caller));
        }
        self.approvals.setter(id).set(to);
        emit!(self.vm(), Approval, [owner, to, id], []);
        Ok(())
    }

    /// The caller makes `operator` one of its operators, or no longer.
    ///
    /// # Errors
    /// `ERC721InvalidOperator` for the zero address.
    ///
    /// # Events
    /// `ApprovalForAll`.
    pub fn set_approval_for_all(&mut self, operator: Address, approved: bool) -> Result<()> {
        if operator.is_zero() {
            return Err(error!(ERC721InvalidOperator, operator));
        }
        let owner = self.vm().msg_sender();
        self.operators.setter(owner).setter(operator).set(approved);
        emit!(self.vm(), ApprovalForAll, [owner, operator], [approved]);
        Ok(())
    }

    // ———————————————————————————————————————————————————————————————————————————————————————————— movements

    /// Moves a token by the caller's right: its owner, an operator, or who was approved for it. The approval
    /// ends, the contract's bits stay. Answers with the token's new word.
    ///
    /// # Errors
    /// `ERC721InvalidReceiver` for the zero address; `ERC721NonexistentToken`; `ERC721InsufficientApproval`;
    /// `ERC721IncorrectOwner` where `from` does not own it.
    ///
    /// # Events
    /// `Transfer`.
    #[inline(never)]
    pub fn transfer_from(&mut self, from: Address, to: Address, id: U256) -> Result<Packed> {
        if to.is_zero() {
            return Err(error!(ERC721InvalidReceiver, to));
        }
        let word = self.minted(id)?;
        let owner = word.address(0);
        let caller = self.vm().msg_sender();
        let approved = self.approvals.get(id);
        if caller != owner && caller != approved && !self.is_approved_for_all(owner, caller) {
            return Err(error!(ERC721InsufficientApproval, caller, id));
        }
        if owner != from {
            return Err(error!(ERC721IncorrectOwner, from, id, owner));
        }
        if !approved.is_zero() {
            self.approvals.setter(id).set(Address::ZERO);
        }
        let word = word.with_address(0, to);
        self.tokens.setter(id).set(word.0);
        self.take(from);
        self.give(to);
        emit!(self.vm(), Transfer, [from, to, id], []);
        Ok(word)
    }

    /// Makes a token for `to`, with the contract's bits of `beside` (those from [`BESIDE`] on). No receiver is
    /// called.
    ///
    /// # Errors
    /// `ERC721InvalidReceiver` for the zero address; `ERC721InvalidSender` where the token exists.
    ///
    /// # Events
    /// `Transfer` from the zero address.
    pub fn mint(&mut self, to: Address, id: U256, beside: Packed) -> Result<()> {
        if to.is_zero() {
            return Err(error!(ERC721InvalidReceiver, to));
        }
        if !self.word(id).address(0).is_zero() {
            return Err(error!(ERC721InvalidSender, Address::ZERO));
        }
        self.tokens.setter(id).set(beside.with_address(0, to).0);
        self.give(to);
        emit!(self.vm(), Transfer, [Address::ZERO, to, id], []);
        Ok(())
    }

    /// Destroys a token, the contract's bits with it. Nobody's permission is asked.
    ///
    /// # Errors
    /// `ERC721NonexistentToken`.
    ///
    /// # Events
    /// `Transfer` to the zero address.
    pub fn burn(&mut self, id: U256) -> Result<()> {
        let owner = self.owner_of(id)?;
        self.tokens.setter(id).set(U256::ZERO);
        if !self.approvals.get(id).is_zero() {
            self.approvals.setter(id).set(Address::ZERO);
        }
        self.take(owner);
        emit!(self.vm(), Transfer, [owner, Address::ZERO, id], []);
        Ok(())
    }

    /// Sets the contract's bits of a token to those of `beside`; its owner stays.
    pub fn set_beside(&mut self, id: U256, beside: Packed) {
        let owner = self.word(id).address(0);
        self.tokens.setter(id).set(beside.with_address(0, owner).0);
    }

    /// Asks `to`, if it is a contract, whether it takes the token that `from` sent it: the end of a safe
    /// transfer. It is the receiver's turn then: whatever must hold must hold before.
    ///
    /// # Errors
    /// `ERC721InvalidReceiver` where it answers anything but the magic value or reverts without data; what it
    /// reverted with otherwise.
    pub fn check_received(&mut self, from: Address, to: Address, id: U256, data: &[u8]) -> Result<()> {
        type Received = IERC721Receiver::onERC721ReceivedCall;
        let vm = self.vm();
        if vm.code_size(to) == 0 {
            return Ok(());
        }
        let head = [vm.msg_sender().word(), from.word(), id, U256::from(4 * 32)];
        let mut calldata = encode_call(Received::SELECTOR, &head);
        push_bytes(&mut calldata, data);
        let refused = || -> Revert { error!(ERC721InvalidReceiver, to) };
        let answer = call::tell_raw(vm, to, &calldata)
            .map_err(|revert| if revert.data().is_empty() { refused() } else { revert })?;
        let mut magic = B256::ZERO;
        magic[..4].copy_from_slice(&Received::SELECTOR);
        match answer.data().get(..32) {
            Some(word) if word == magic => Ok(()),
            _ => Err(refused()),
        }
    }

    fn give(&mut self, to: Address) {
        let mut balance = self.balances.setter(to);
        // Cannot wrap: each token is a storage word that somebody paid for.
        let more = balance.get().wrapping_add(U256::ONE);
        balance.set(more);
    }

    fn take(&mut self, from: Address) {
        let mut balance = self.balances.setter(from);
        // Cannot wrap: `from` has the token that is taken.
        let less = balance.get().wrapping_sub(U256::ONE);
        balance.set(less);
    }
}

sol! {
    // ERC-721's Transfer and Approval index all three values; ERC-20's of the same signature only two.
    #[derive(Debug)] event Transfer(address indexed from, address indexed to, uint256 indexed tokenId);
    #[derive(Debug)] event Approval(address indexed owner, address indexed approved, uint256 indexed tokenId);
}
