//! PALI, the governance token: ERC-20 with permit (ERC-2612) and votes (ERC-5805) by the clock of ERC-6372.
//!
//! The supply is fixed at construction: nobody can mint or burn, and nobody owns the contract.
#![cfg_attr(not(any(test, feature = "export-abi")), no_main)]
extern crate alloc;

use alloc::{string::String, vec, vec::Vec};

use alloy_primitives::{
    Address, B256, U256,
    aliases::{U48, U208},
};
use alloy_sol_types::Panic;
use protocol::{Result, error};
use standards::{
    eip712::{self, DomainDescription},
    permit::{Nonces, Permit},
    votes::{CLOCK_MODE, Delegation, Erc20Votes},
};
use stylus_sdk::{prelude::*, stylus_core::host::BlockAccess};

/// The token's name, also that of its signatures' domain.
pub const NAME: &str = "Palisade";
/// The token's symbol.
pub const SYMBOL: &str = "PALI";
/// The version of the signatures' domain.
pub const VERSION: &str = "1";

/// Solidity's code of an index out of bounds.
const OUT_OF_BOUNDS: u64 = 0x32;

/// The token: votes, and the nonces that permits and delegations share.
#[entrypoint]
#[storage]
pub struct Token {
    votes: Erc20Votes,
    nonces: Nonces,
}

// The lifetime keeps the SDK from comparing every two selectors at compile time, which takes minutes. That they
// differ is a test.
#[public]
#[allow(clippy::extra_unused_lifetimes)]
impl<'a> Token {
    /// Makes the whole supply for `holder`, once and for all.
    #[constructor]
    pub fn constructor(&mut self, holder: Address, supply: U256) -> Result<()> {
        self.votes.mint(holder, supply)
    }

    // ———————————————————————————————————————————————————————————————————————————————————————————————— ERC-20

    /// The token's name.
    pub fn name(&self) -> String {
        NAME.into()
    }

    /// The token's symbol.
    pub fn symbol(&self) -> String {
        SYMBOL.into()
    }

    /// How many decimals a whole token has.
    pub fn decimals(&self) -> u8 {
        18
    }

    /// How many units exist.
    pub fn total_supply(&self) -> U256 {
        self.votes.total_supply()
    }

    /// How many units `account` has.
    pub fn balance_of(&self, account: Address) -> U256 {
        self.votes.balance_of(account)
    }

    /// How many units of `owner` `spender` may move.
    pub fn allowance(&self, owner: Address, spender: Address) -> U256 {
        self.votes.allowance(owner, spender)
    }

    /// Sends `value` to `to`, and its votes from the caller's delegate to that of `to`.
    pub fn transfer(&mut self, to: Address, value: U256) -> Result<bool> {
        self.votes.transfer(to, value)?;
        Ok(true)
    }

    /// Lets `spender` move `value` of the caller's units; `U256::MAX` any number for ever.
    pub fn approve(&mut self, spender: Address, value: U256) -> Result<bool> {
        self.votes.approve(spender, value)?;
        Ok(true)
    }

    /// Moves `value` from `from` to `to` by the allowance that the caller has.
    pub fn transfer_from(&mut self, from: Address, to: Address, value: U256) -> Result<bool> {
        self.votes.transfer_from(from, to, value)?;
        Ok(true)
    }

    // —————————————————————————————————————————————————————————————————————————————————————— ERC-2612, ERC-5267

    /// Sets an allowance by its owner's signature.
    #[allow(clippy::too_many_arguments)]
    pub fn permit(
        &mut self,
        owner: Address,
        spender: Address,
        value: U256,
        deadline: U256,
        v: u8,
        r: B256,
        s: B256,
    ) -> Result<()> {
        let separator = self.domain_separator();
        Permit { owner, spender, value, deadline, v, r, s }.verify(&mut self.nonces, separator)?;
        self.votes._approve(owner, spender, value)
    }

    /// The nonce that the next signature of `owner`, permit or delegation, must carry.
    pub fn nonces(&self, owner: Address) -> U256 {
        self.nonces.nonce(owner)
    }

    /// The separator of the signatures' domain.
    #[selector(name = "DOMAIN_SEPARATOR")]
    pub fn domain_separator(&self) -> B256 {
        eip712::domain_separator(self.vm(), NAME, VERSION)
    }

    /// The signatures' domain.
    #[selector(name = "eip712Domain")]
    pub fn eip712_domain(&self) -> DomainDescription {
        eip712::describe(self.vm(), NAME, VERSION)
    }

    // —————————————————————————————————————————————————————————————————————————————————————— ERC-6372, ERC-5805

    /// Seconds since 1970.
    pub fn clock(&self) -> U48 {
        U48::from(self.vm().block_timestamp())
    }

    /// What the clock counts.
    #[selector(name = "CLOCK_MODE")]
    pub fn clock_mode(&self) -> String {
        CLOCK_MODE.into()
    }

    /// The votes that `account` has now.
    pub fn get_votes(&self, account: Address) -> U256 {
        self.votes.votes(account)
    }

    /// The votes that `account` had at `timepoint`, which must be past.
    pub fn get_past_votes(&self, account: Address, timepoint: U256) -> Result<U256> {
        self.votes.past_votes(account, timepoint)
    }

    /// The supply at `timepoint`, which must be past.
    pub fn get_past_total_supply(&self, timepoint: U256) -> Result<U256> {
        self.votes.past_total_supply(timepoint)
    }

    /// Who votes for `account`.
    pub fn delegates(&self, account: Address) -> Address {
        self.votes.delegates(account)
    }

    /// Lets `delegatee` vote for the caller.
    pub fn delegate(&mut self, delegatee: Address) -> Result<()> {
        self.votes.delegate(delegatee)
    }

    /// Lets `delegatee` vote for whoever signed.
    pub fn delegate_by_sig(
        &mut self,
        delegatee: Address,
        nonce: U256,
        expiry: U256,
        v: u8,
        r: B256,
        s: B256,
    ) -> Result<()> {
        let separator = self.domain_separator();
        let delegation = Delegation { delegatee, nonce, expiry, v, r, s };
        self.votes.delegate_by_sig(&mut self.nonces, separator, &delegation)
    }

    /// How many checkpoints the votes of `account` have.
    pub fn num_checkpoints(&self, account: Address) -> u32 {
        self.votes.checkpoint_count(account)
    }

    /// Time and value of a checkpoint of `account`'s votes, the oldest first.
    ///
    /// # Errors
    /// `Panic(0x32)` where there is none, as an index out of bounds has in Solidity.
    pub fn checkpoints(&self, account: Address, pos: u32) -> Result<(U48, U208)> {
        match self.votes.checkpoint(account, pos) {
            Some(checkpoint) => Ok((U48::from(checkpoint.time), U208::from(checkpoint.value))),
            None => Err(error!(Panic, OUT_OF_BOUNDS)),
        }
    }
}
