//! Votes that become their beneficiary's over time, and vote meanwhile: one allocation of one token.
//!
//! - `terms`: how much has vested by when, of all that was ever here: what is here and what was released. So what comes
//!   later vests as if it had been there from the start, as in OpenZeppelin's VestingWallet;
//! - whom all that is here votes for is the beneficiary's word ([`delegate`](Vesting::delegate)), since the contract is the
//!   token's holder;
//! - the owner may end the vesting ([`revoke`](Vesting::revoke)): what has not vested leaves, what has stays, votes, and is
//!   paid whenever it is asked for;
//! - anyone may have the beneficiary paid, and nobody else is ever paid by a release. A beneficiary that the token refuses
//!   holds nobody up, and may hand the allocation on.
//!
//! Other tokens do not vest: what lies here of them is paid whole. A token that is the vesting one by another address is
//! found out by what it moves.
#![cfg_attr(not(test), no_main)]
extern crate alloc;

mod terms;

use actuary::math::{add, sub};
use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use protocol::{
    Result,
    abi::{
        IOwned::{self, ParameterOutOfBounds},
        IVesting::{
            self, AlreadyRevoked, BeneficiaryTransferStarted, BeneficiaryTransferred, ERC20Released,
            InvalidBeneficiary, InvalidCliffDuration, InvalidReceiver, NotBeneficiary, Revoked, WrongToken,
        },
        IVotes,
    },
    call::{require_code, tell_value, token as erc20},
    emit, error,
    guard::Lock,
    roles::Roles,
    routes,
};
use standards::{Word, abi::encode_call, packed::Packed};
use stylus_sdk::{
    prelude::*,
    storage::{StorageMap, StorageU256},
    stylus_core::host::{AccountAccess, BlockAccess, MessageAccess},
};

use crate::terms::Terms;

/// The longest vesting, in seconds, and the latest start from the construction on: twenty years.
pub const LONGEST_DURATION: u64 = 20 * 366 * 24 * 60 * 60;

/// The contract: eight slots, and one for each token that was released.
///
/// ```text
/// token         |255 cliff 208|207 start 160|159 token 0|
/// beneficiary   |255 revoked at 208|207 duration 160|159 beneficiary 0|
/// pending       |159 who may accept the allocation 0|
/// released[t]   what the beneficiary was paid of token t
/// ```
#[entrypoint]
#[storage]
pub struct Vesting {
    token: StorageU256,
    beneficiary: StorageU256,
    pending: StorageU256,
    released: StorageMap<Address, StorageU256>,
    roles: Roles,
}

routes! {
    Vesting, constructor(owner, token, beneficiary, start, cliff_seconds, duration);
    IVesting::releaseCall => release(token);
    IVesting::delegateCall => delegate(delegatee);
    IVesting::transferBeneficiaryCall => transfer_beneficiary(next);
    IVesting::acceptBeneficiaryCall => accept_beneficiary();
    IVesting::revokeCall => revoke(to);
    IVesting::tokenCall => token();
    IVesting::beneficiaryCall => beneficiary();
    IVesting::pendingBeneficiaryCall => pending_beneficiary();
    IVesting::startCall => start();
    IVesting::cliffCall => cliff();
    IVesting::durationCall => duration();
    IVesting::endCall => end();
    IVesting::revokedAtCall => revoked_at();
    IVesting::releasedCall => released(token);
    IVesting::releasableCall => releasable(token);
    IVesting::vestedAmountCall => vested_amount(token, timestamp);
    IOwned::ownerCall => owner();
    IOwned::pendingOwnerCall => pending_owner();
    IOwned::transferOwnershipCall => transfer_ownership(new_owner);
    IOwned::acceptOwnershipCall => accept_ownership();
    IOwned::setupCall => setup();
    IOwned::finishSetupCall => finish_setup();
    IOwned::guardianCall => guardian();
    IOwned::setGuardianCall => set_guardian(new_guardian);
}

protocol::owned!(Vesting, roles);

impl Vesting {
    /// The owner is the timelock; there is no set-up key. What comes here of `token` becomes `beneficiary`'s from `start`
    /// (seconds since 1970, past or future) over `duration` seconds, nothing of it before `cliff_seconds` have passed. The
    /// votes are nobody's until the beneficiary says whose.
    ///
    /// # Errors
    /// `OwnableInvalidOwner`, `AddressEmptyCode`, `InvalidBeneficiary`; `ParameterOutOfBounds` for more than twenty years;
    /// `InvalidCliffDuration` for a cliff after the end.
    ///
    /// # Events
    /// `BeneficiaryTransferred`.
    pub fn constructor(
        &mut self,
        owner: Address,
        token: Address,
        beneficiary: Address,
        start: u64,
        cliff_seconds: u64,
        duration: u64,
    ) -> Result<()> {
        self.roles.construct(owner, Address::ZERO)?;
        require_code(self.vm(), token)?;
        if self.is_nobody(beneficiary) {
            return Err(error!(InvalidBeneficiary, beneficiary));
        }
        let latest = self.vm().block_timestamp() + LONGEST_DURATION;
        for (name, value, most) in [("start", start, latest), ("duration", duration, LONGEST_DURATION)] {
            if value > most {
                return Err(error!(ParameterOutOfBounds, B256::right_padding_from(name.as_bytes()), value));
            }
        }
        if cliff_seconds > duration {
            return Err(error!(InvalidCliffDuration, cliff_seconds, duration));
        }
        let terms = Terms { start, cliff: start + cliff_seconds, duration, revoked_at: 0 };
        self.set(Packed(token.word()), Packed(beneficiary.word()), terms);
        emit!(self.vm(), BeneficiaryTransferred, [Address::ZERO, beneficiary], []);
        Ok(())
    }

    // ———————————————————————————————————————————————————————————————————————————————————————————————————— anyone

    /// Pays the beneficiary what has vested since the last time; of any other token than the one that vests, all that is
    /// here.
    ///
    /// # Errors
    /// `WrongToken` where the one that vests moves by another one's address; `SafeERC20FailedOperation`,
    /// `InvalidReturnData` or what the token refuses.
    ///
    /// # Events
    /// `ERC20Released`.
    pub fn release(&mut self, token: Address) -> Result<()> {
        let lock = Lock::take()?;
        let amount = self.releasable(token)?;
        let released = add(self.released(token), amount)?;
        self.released.setter(token).set(released);
        emit!(self.vm(), ERC20Released, [token], [amount]);
        let own = self.token();
        let before = if token == own { U256::ZERO } else { self.balance(own)? };
        erc20::transfer(self.vm(), token, self.beneficiary(), amount)?;
        if token != own && self.balance(own)? < before {
            return Err(error!(WrongToken, token));
        }
        lock.release();
        Ok(())
    }

    // ——————————————————————————————————————————————————————————————————————————————————————————————— beneficiary

    /// Lets `delegatee` vote with all that is here, now and later.
    ///
    /// # Errors
    /// `NotBeneficiary`; `FailedCall` or what the token refuses.
    pub fn delegate(&mut self, delegatee: Address) -> Result<()> {
        let lock = Lock::take()?;
        self.only_beneficiary()?;
        let data = encode_call(IVotes::delegateCall::SELECTOR, &[delegatee.word()]);
        tell_value(self.vm(), self.token(), U256::ZERO, &data)?;
        lock.release();
        Ok(())
    }

    /// Offers the allocation to `next`; zero withdraws the offer.
    ///
    /// # Errors
    /// `NotBeneficiary`.
    ///
    /// # Events
    /// `BeneficiaryTransferStarted`.
    pub fn transfer_beneficiary(&mut self, next: Address) -> Result<()> {
        let beneficiary = self.only_beneficiary()?;
        self.pending.set(next.word());
        emit!(self.vm(), BeneficiaryTransferStarted, [beneficiary, next], []);
        Ok(())
    }

    /// Takes the allocation that was offered, with what has vested and was not released.
    ///
    /// # Errors
    /// `NotBeneficiary` for anyone but who it was offered to.
    ///
    /// # Events
    /// `BeneficiaryTransferred`.
    pub fn accept_beneficiary(&mut self) -> Result<()> {
        let caller = self.vm().msg_sender();
        if caller != self.pending_beneficiary() {
            return Err(error!(NotBeneficiary, caller));
        }
        let word = Packed(self.beneficiary.get());
        self.beneficiary.set(word.with_address(0, caller).0);
        self.pending.set(U256::ZERO);
        emit!(self.vm(), BeneficiaryTransferred, [word.address(0), caller], []);
        Ok(())
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————————— owner

    /// Ends the vesting now: what has not vested goes to `to`.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`, `InvalidReceiver`, `AlreadyRevoked`; `SafeERC20FailedOperation` or what the token
    /// refuses.
    ///
    /// # Events
    /// `Revoked`.
    pub fn revoke(&mut self, to: Address) -> Result<U256> {
        let lock = Lock::take()?;
        self.roles.only_owner()?;
        // What came back here would be the beneficiary's.
        if self.is_nobody(to) {
            return Err(error!(InvalidReceiver, to));
        }
        let mut terms = self.terms();
        if terms.revoked_at != 0 {
            return Err(error!(AlreadyRevoked));
        }
        let token = self.token();
        let returned = sub(self.balance(token)?, self.releasable(token)?)?;
        terms.revoked_at = self.vm().block_timestamp();
        self.set(Packed(self.token.get()), Packed(self.beneficiary.get()), terms);
        emit!(self.vm(), Revoked, [to], [returned]);
        if !returned.is_zero() {
            erc20::transfer(self.vm(), token, to, returned)?;
        }
        lock.release();
        Ok(returned)
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————————— views

    /// What vests.
    pub fn token(&self) -> Address {
        Packed(self.token.get()).address(0)
    }

    /// Whose it becomes.
    pub fn beneficiary(&self) -> Address {
        Packed(self.beneficiary.get()).address(0)
    }

    /// Who may accept the allocation.
    pub fn pending_beneficiary(&self) -> Address {
        Packed(self.pending.get()).address(0)
    }

    /// From when on it is counted.
    pub fn start(&self) -> u64 {
        self.terms().start
    }

    /// Before this, nothing has vested.
    pub fn cliff(&self) -> u64 {
        self.terms().cliff
    }

    /// Seconds from the start to the end.
    pub fn duration(&self) -> u64 {
        self.terms().duration
    }

    /// When all has vested, as it was agreed.
    pub fn end(&self) -> u64 {
        self.terms().end()
    }

    /// When it was revoked; 0 where it was not.
    pub fn revoked_at(&self) -> u64 {
        self.terms().revoked_at
    }

    /// What the beneficiary was paid of `token`.
    pub fn released(&self, token: Address) -> U256 {
        self.released.get(token)
    }

    /// What a release would pay now: nothing where the token took away more than what has not vested.
    ///
    /// # Errors
    /// As [`vested_amount`](Self::vested_amount).
    pub fn releasable(&self, token: Address) -> Result<U256> {
        let vested = self.vested_amount(token, self.vm().block_timestamp())?;
        Ok(vested.saturating_sub(self.released(token)))
    }

    /// What has vested by `timestamp` of all that was ever here of `token` and not revoked, rounded down.
    ///
    /// # Errors
    /// `InvalidReturnData` or what the token refuses; `MathOverflow`.
    pub fn vested_amount(&self, token: Address, timestamp: u64) -> Result<U256> {
        let total = add(self.balance(token)?, self.released(token))?;
        if token != self.token() {
            return Ok(total);
        }
        Ok(self.terms().vested(total, timestamp)?)
    }
}

impl Vesting {
    fn only_beneficiary(&self) -> Result<Address> {
        let caller = self.vm().msg_sender();
        if caller != self.beneficiary() {
            return Err(error!(NotBeneficiary, caller));
        }
        Ok(caller)
    }

    /// Whether an account is none, or this contract.
    fn is_nobody(&self, account: Address) -> bool {
        account.is_zero() || account == self.vm().contract_address()
    }

    fn balance(&self, token: Address) -> Result<U256> {
        erc20::balance_of(self.vm(), token, self.vm().contract_address())
    }

    fn terms(&self) -> Terms {
        Terms::unpack(Packed(self.token.get()), Packed(self.beneficiary.get()))
    }

    fn set(&mut self, token: Packed, beneficiary: Packed, terms: Terms) {
        let [token, beneficiary] = terms.pack(token, beneficiary);
        self.token.set(token.0);
        self.beneficiary.set(beneficiary.0);
    }
}
