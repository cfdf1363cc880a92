//! A bare ERC-721 token of the building blocks in `crates/standards`: what a contract of one's own looks like, and what
//! its minting costs beside OpenZeppelin's. Anyone mints.
#![cfg_attr(not(any(test, feature = "export-abi")), no_main)]
extern crate alloc;

use alloy_primitives::{Address, FixedBytes, U256};
use alloy_sol_types::sol;
use protocol::{
    Result,
    abi::{IERC165, IERC721},
    routes,
};
use standards::{
    erc165::{self, ERC721},
    erc721::Erc721,
    packed::Packed,
};
use stylus_sdk::prelude::*;

sol! {
    /// Besides ERC-721.
    interface ICollectible {
        /// Makes a token for an account.
        function mint(address to, uint256 tokenId) external;
    }
}

/// The contract.
#[entrypoint]
#[storage]
pub struct Collectible {
    tokens: Erc721,
}

routes! {
    Collectible;
    ICollectible::mintCall => mint(to, token_id);
    IERC721::balanceOfCall => balance_of(owner);
    IERC721::ownerOfCall => owner_of(token_id);
    IERC721::transferFromCall => transfer_from(from, to, token_id);
    IERC721::safeTransferFrom_0Call => safe_transfer_from(from, to, token_id);
    IERC721::safeTransferFrom_1Call => safe_transfer_from_with_data(from, to, token_id, data);
    IERC721::approveCall => approve(to, token_id);
    IERC721::setApprovalForAllCall => set_approval_for_all(operator, approved);
    IERC721::getApprovedCall => get_approved(token_id);
    IERC721::isApprovedForAllCall => is_approved_for_all(owner, operator);
    IERC165::supportsInterfaceCall => supports_interface(id);
}

impl Collectible {
    /// Makes a token for `to`.
    pub fn mint(&mut self, to: Address, token_id: U256) -> Result<()> {
        self.tokens.mint(to, token_id, Packed::default())
    }

    /// How many tokens `owner` has.
    pub fn balance_of(&self, owner: Address) -> Result<U256> {
        self.tokens.balance_of(owner)
    }

    /// Whose a token is.
    pub fn owner_of(&self, token_id: U256) -> Result<Address> {
        self.tokens.owner_of(token_id)
    }

    /// Hands a token on.
    pub fn transfer_from(&mut self, from: Address, to: Address, token_id: U256) -> Result<()> {
        self.tokens.transfer_from(from, to, token_id).map(drop)
    }

    /// The same; a contract must take it.
    pub fn safe_transfer_from(&mut self, from: Address, to: Address, token_id: U256) -> Result<()> {
        self.safe_transfer_from_with_data(from, to, token_id, &[])
    }

    /// The same, with data for it.
    pub fn safe_transfer_from_with_data(&mut self, from: Address, to: Address, id: U256, data: &[u8]) -> Result<()> {
        self.transfer_from(from, to, id)?;
        self.tokens.check_received(from, to, id, data)
    }

    /// Lets `to` hand a token on.
    pub fn approve(&mut self, to: Address, token_id: U256) -> Result<()> {
        self.tokens.approve(to, token_id)
    }

    /// Lets `operator` hand on all tokens of the caller.
    pub fn set_approval_for_all(&mut self, operator: Address, approved: bool) -> Result<()> {
        self.tokens.set_approval_for_all(operator, approved)
    }

    /// Who may hand a token on.
    pub fn get_approved(&self, token_id: U256) -> Result<Address> {
        self.tokens.get_approved(token_id)
    }

    /// Whether `operator` may hand on all tokens of `owner`.
    pub fn is_approved_for_all(&self, owner: Address, operator: Address) -> bool {
        self.tokens.is_approved_for_all(owner, operator)
    }

    /// ERC-165.
    pub fn supports_interface(&self, id: FixedBytes<4>) -> bool {
        erc165::supports(id.0, &[ERC721])
    }
}
