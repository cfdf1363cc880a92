//! Rewards for capital: PALI for staked shares of a vault, and a part of their premium back for the loyal.
//!
//! How much is emitted and who earns it are plain functions in [`actuary::emission`]; this crate keeps their numbers
//! and moves tokens:
//!
//! - here: the storage layout, stakes, funds, what the owner may do;
//! - [`pace`]: what the vault is asked, which may fail and then changes nothing;
//! - [`loyalty`]: what is given back to holders of policies.
//!
//! Every operation emits first, at the rate that was stored, and in the end asks the vault and stores the new rate.
//! What is emitted was held before (`free`), is promised from then on, and is paid to who claims it.
//!
//! ```text
//! vault      vault 160 | week seconds 32 | cooldown 32
//! risk       risk 160                                     zero until the vault is wired
//! policy     policy 160 | terms of loyalty 32
//! token      token 160
//! asset      asset 160
//! pace       per second 96 | most 96 | since 40
//! index      2⁻¹²⁸ of what one share has earned
//! funds      promised 128 | free 128
//! held       staked 128 | leaving 128
//! rebates    of the asset
//! staker     shares 128 | earned 128      index      leaving 128 | ready 64
//! terms      bps 16 | least seconds 64 | first policy 128 | since 40
//! paid       one word for 256 policies: a bit where a rebate was paid
//! ```
#![cfg_attr(not(test), no_main)]
extern crate alloc;

pub mod loyalty;
pub mod pace;

use actuary::{
    books::{edge, minus, plus},
    emission::{Emission, Stake},
    math::{sub, to_u128},
};
use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use protocol::{
    Result,
    abi::{
        IERC20::ERC20InvalidReceiver,
        IERC20Permit, IERC4626, IERC7540Redeem, IOwned,
        IOwned::ParameterOutOfBounds,
        IRewards::{
            self, Defunded, Funded, InsufficientFunds, InsufficientStake, MostEmissionSet, NothingToFund,
            NothingToUnstake, RedemptionRequested, RewardPaid, Staked, UnauthorizedOperator, UnexpectedBalance,
            UnknownToken, UnstakeNotReady, UnstakeRequested, Unstaked, ZeroShares,
        },
        IVault,
    },
    call::{ask, require_code, tell, token},
    emit, error,
    guard::Lock,
    roles::Roles,
    routes,
};
use standards::{Word, packed::Packed};
use stylus_sdk::{
    prelude::*,
    storage::{StorageMap, StorageU256},
    stylus_core::host::{AccountAccess, BlockAccess, MessageAccess},
};

/// The most that may be emitted a second at the target: a thousand whole tokens.
pub const MOST_PER_SECOND: u128 = 1_000_000_000_000_000_000_000;

/// Bits of a rate.
const RATE: usize = 96;
/// Bits of a time.
const TIME: usize = 40;

/// What is kept of one staker.
#[storage]
pub struct StakerWords {
    stake: StorageU256,
    index: StorageU256,
    leaving: StorageU256,
}

/// The contract.
#[entrypoint]
#[storage]
pub struct Rewards {
    vault: StorageU256,
    risk: StorageU256,
    policy: StorageU256,
    token: StorageU256,
    asset: StorageU256,
    pace: StorageU256,
    index: StorageU256,
    funds: StorageU256,
    held: StorageU256,
    rebates: StorageU256,
    stakers: StorageMap<Address, StakerWords>,
    terms: StorageMap<U256, StorageU256>,
    paid: StorageMap<U256, StorageU256>,
    roles: Roles,
}

routes! {
    Rewards, constructor(owner, setup, vault, token, policy);
    IRewards::stakeCall => stake(shares, account);
    IRewards::stakeWithPermitCall => stake_with_permit(shares, account, deadline, v, r, s);
    IRewards::requestUnstakeCall => request_unstake(shares);
    IRewards::unstakeCall => unstake(receiver);
    IRewards::requestRedeemCall => request_redeem(shares, controller);
    IRewards::claimCall => claim(receiver);
    IRewards::claimRebateCall => claim_rebate(policy, receiver);
    IRewards::fundCall => fund(token);
    IRewards::pokeCall => poke();
    IRewards::setEmissionCall => set_emission(most_per_second);
    IRewards::setLoyaltyCall => set_loyalty(bps, least_seconds);
    IRewards::defundCall => defund(token, to, amount);
    IRewards::vaultCall => vault();
    IRewards::tokenCall => token();
    IRewards::policyCall => policy();
    IRewards::assetCall => asset();
    IRewards::totalStakedCall => total_staked();
    IRewards::totalLeavingCall => total_leaving();
    IRewards::stakeOfCall => stake_of(account);
    IRewards::emissionCall => emission();
    IRewards::loyaltyCall => loyalty();
    IRewards::rebateOfCall => rebate_of(policy);
    IRewards::rebateFundsCall => rebate_funds();
    IRewards::cooldownCall => cooldown();
    IOwned::ownerCall => owner();
    IOwned::pendingOwnerCall => pending_owner();
    IOwned::transferOwnershipCall => transfer_ownership(new_owner);
    IOwned::acceptOwnershipCall => accept_ownership();
    IOwned::setupCall => setup();
    IOwned::finishSetupCall => finish_setup();
    IOwned::guardianCall => guardian();
    IOwned::setGuardianCall => set_guardian(new_guardian);
}

protocol::owned!(Rewards, roles);

impl Rewards {
    /// The owner is the timelock, `setup` the deployer's key until it finishes the set-up. Fixed for ever: the vault
    /// whose shares are staked, with its week, its cooldown and its asset; the token that is emitted, which is neither
    /// of the two; and the contract of the policies that the vault bears.
    pub fn constructor(
        &mut self,
        owner: Address,
        setup: Address,
        vault: Address,
        token: Address,
        policy: Address,
    ) -> Result<()> {
        self.roles.construct(owner, setup)?;
        for peer in [vault, token, policy] {
            require_code(self.vm(), peer)?;
        }
        let asset = ask(self.vm(), vault, IERC4626::assetCall::SELECTOR, &[])?.address(0)?;
        let week = ask(self.vm(), vault, IVault::weekSecondsCall::SELECTOR, &[])?.word(0)?;
        let cooldown = ask(self.vm(), vault, IVault::cooldownCall::SELECTOR, &[])?.word(0)?;
        if token == asset || token == vault {
            return Err(error!(ParameterOutOfBounds, parameter("token"), token.word()));
        }
        if week.is_zero() || week.bit_len() > 32 {
            return Err(error!(ParameterOutOfBounds, parameter("weekSeconds"), week));
        }
        if cooldown.bit_len() > 32 {
            return Err(error!(ParameterOutOfBounds, parameter("cooldown"), cooldown));
        }
        self.vault.set(Packed::default().with_address(0, vault).with(160, 32, week).with(192, 32, cooldown).0);
        self.token.set(token.word());
        self.policy.set(policy.word());
        self.asset.set(asset.word());
        Ok(())
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————————— stakers

    /// Stakes `shares` of the caller's for `account`.
    ///
    /// # Errors
    /// `ZeroShares`; `ERC20InvalidReceiver` for the zero address and this contract as account; those of the transfer;
    /// `UnexpectedBalance`.
    ///
    /// # Events
    /// `Staked`; `EmissionChanged` where the rate is another one.
    pub fn stake(&mut self, shares: U256, account: Address) -> Result<()> {
        let lock = Lock::take()?;
        self.take_in(shares, account)?;
        lock.release();
        Ok(())
    }

    /// [`stake`](Self::stake), with the caller's permit given to the vault before.
    ///
    /// # Errors
    /// As [`stake`](Self::stake).
    ///
    /// # Events
    /// As [`stake`](Self::stake).
    pub fn stake_with_permit(
        &mut self,
        shares: U256,
        account: Address,
        deadline: U256,
        v: u8,
        r: B256,
        s: B256,
    ) -> Result<()> {
        let lock = Lock::take()?;
        let (caller, me) = (self.vm().msg_sender(), self.vm().contract_address());
        let words = [caller.word(), me.word(), shares, deadline, v.word(), r.word(), s.word()];
        // Where it fails, the allowance decides: somebody may have brought the permit already.
        drop(tell(self.vm(), self.vault(), IERC20Permit::permitCall::SELECTOR, &words));
        self.take_in(shares, account)?;
        lock.release();
        Ok(())
    }

    /// Has `shares` of the caller's leave: they earn no more, and all that is leaving is ready once a request for
    /// redemption that was made now would be due. Answers when.
    ///
    /// # Errors
    /// `ZeroShares`, `InsufficientStake`.
    ///
    /// # Events
    /// `UnstakeRequested`; `EmissionChanged` where the rate is another one.
    pub fn request_unstake(&mut self, shares: U256) -> Result<u64> {
        let lock = Lock::take()?;
        let account = self.vm().msg_sender();
        let amount = nonzero(shares)?;
        let (mut emission, mut stake) = self.settled(account)?;
        if stake.leave(&mut emission, amount)?.is_none() {
            return Err(error!(InsufficientStake, account, stake.shares, shares));
        }
        let (leaving, _) = self.leaving(account);
        let settings = Packed(self.vault.get());
        // Never before the time of an earlier request: both lengths are fixed.
        let ready = edge(self.vm().block_timestamp(), settings.u64(160, 32)).saturating_add(settings.u64(192, 32));
        self.set_leaving(account, plus(leaving, amount)?, ready);
        self.set_total_leaving(plus(self.all_leaving(), amount)?);
        self.set_stake(account, &stake);
        self.close(&emission);
        emit!(self.vm(), UnstakeRequested, [account], [shares, ready.word()]);
        self.refresh();
        lock.release();
        Ok(ready)
    }

    /// Takes out all that was leaving of the caller's and is ready.
    ///
    /// # Errors
    /// `ERC20InvalidReceiver`, `NothingToUnstake`, `UnstakeNotReady`.
    ///
    /// # Events
    /// `Unstaked`; `EmissionChanged` where the rate is another one.
    pub fn unstake(&mut self, receiver: Address) -> Result<U256> {
        let lock = Lock::take()?;
        self.require_receiver(receiver)?;
        let account = self.vm().msg_sender();
        let (leaving, ready) = self.leaving(account);
        if leaving == 0 {
            return Err(error!(NothingToUnstake, account));
        }
        if self.vm().block_timestamp() < ready {
            return Err(error!(UnstakeNotReady, ready));
        }
        self.set_leaving(account, 0, 0);
        self.set_total_leaving(minus(self.all_leaving(), leaving)?);
        let emission = self.accrued()?;
        self.close(&emission);
        let shares = U256::from(leaving);
        emit!(self.vm(), Unstaked, [account, receiver], [shares]);
        token::transfer(self.vm(), self.vault(), receiver, shares)?;
        self.refresh();
        lock.release();
        Ok(shares)
    }

    /// Puts `shares` of the caller's, those first that are leaving, into the vault's queue as a request of
    /// `controller`.
    ///
    /// # Errors
    /// `ZeroShares`, `InsufficientStake`; `UnauthorizedOperator` where the caller is neither the controller nor its
    /// operator at the vault; those of the vault.
    ///
    /// # Events
    /// `RedemptionRequested`; `EmissionChanged` where the rate is another one.
    pub fn request_redeem(&mut self, shares: U256, controller: Address) -> Result<()> {
        let lock = Lock::take()?;
        let account = self.vm().msg_sender();
        let amount = nonzero(shares)?;
        let vault = self.vault();
        // The vault knows this contract only: who may add to a controller's request is checked here.
        if controller != account {
            let words = [controller.word(), account.word()];
            if !ask(self.vm(), vault, IERC7540Redeem::isOperatorCall::SELECTOR, &words)?.bool(0)? {
                return Err(error!(UnauthorizedOperator, account, controller));
            }
        }
        let (mut emission, mut stake) = self.settled(account)?;
        let (leaving, ready) = self.leaving(account);
        let first = leaving.min(amount);
        if stake.leave(&mut emission, minus(amount, first)?)?.is_none() {
            return Err(error!(InsufficientStake, account, plus(stake.shares, leaving)?, shares));
        }
        if first > 0 {
            let left = minus(leaving, first)?;
            self.set_leaving(account, left, if left > 0 { ready } else { 0 });
            self.set_total_leaving(minus(self.all_leaving(), first)?);
        }
        self.set_stake(account, &stake);
        self.close(&emission);
        emit!(self.vm(), RedemptionRequested, [account, controller], [shares]);
        let words = [shares, controller.word(), self.vm().contract_address().word()];
        tell(self.vm(), vault, IERC7540Redeem::requestRedeemCall::SELECTOR, &words)?;
        self.refresh();
        lock.release();
        Ok(())
    }

    /// Pays `receiver` all that the caller has earned; answers how much.
    ///
    /// # Errors
    /// `ERC20InvalidReceiver`; those of the token.
    ///
    /// # Events
    /// `RewardPaid` where it is anything; `EmissionChanged` where the rate is another one.
    pub fn claim(&mut self, receiver: Address) -> Result<U256> {
        let lock = Lock::take()?;
        self.require_receiver(receiver)?;
        let account = self.vm().msg_sender();
        let (mut emission, mut stake) = self.settled(account)?;
        let amount = U256::from(stake.claim(&mut emission)?);
        self.set_stake(account, &stake);
        self.close(&emission);
        if !amount.is_zero() {
            emit!(self.vm(), RewardPaid, [account, receiver], [amount]);
            token::transfer(self.vm(), self.token(), receiver, amount)?;
        }
        self.refresh();
        lock.release();
        Ok(amount)
    }

    // ——————————————————————————————————————————————————————————————————————————————————————————————————— anyone

    /// Takes in what was sent here of PALI, for emission, or of the vault's asset, for rebates; answers how much.
    ///
    /// # Errors
    /// `UnknownToken`, `NothingToFund`.
    ///
    /// # Events
    /// `Funded`; `EmissionChanged` where the rate is another one.
    pub fn fund(&mut self, token: Address) -> Result<U256> {
        let lock = Lock::take()?;
        let mut emission = self.accrued()?;
        let amount = if token == self.token() {
            let held = to_u128(self.balance(token)?)?;
            let Some(amount) = emission.fund(held)? else { return Err(error!(NothingToFund, token)) };
            U256::from(amount)
        } else if token == self.asset() {
            let (held, booked) = (self.balance(token)?, self.rebates.get());
            if held <= booked {
                return Err(error!(NothingToFund, token));
            }
            self.rebates.set(held);
            sub(held, booked)?
        } else {
            return Err(error!(UnknownToken, token));
        };
        self.close(&emission);
        emit!(self.vm(), Funded, [token], [amount]);
        self.refresh();
        lock.release();
        Ok(amount)
    }

    /// Emits, asks the vault and stores the new rate; answers it.
    ///
    /// # Errors
    /// None but the lock's.
    ///
    /// # Events
    /// `EmissionChanged` where the rate is another one.
    pub fn poke(&mut self) -> Result<u128> {
        let lock = Lock::take()?;
        let emission = self.accrued()?;
        self.close(&emission);
        self.refresh();
        lock.release();
        Ok(self.per_second())
    }

    // ———————————————————————————————————————————————————————————————————————————————————————————————————— owner

    /// Sets what is emitted a second at the target. What was emitted until now stays.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`; `ParameterOutOfBounds` above [`MOST_PER_SECOND`].
    ///
    /// # Events
    /// `MostEmissionSet`; `EmissionChanged` where the rate is another one.
    pub fn set_emission(&mut self, most_per_second: u128) -> Result<()> {
        let lock = Lock::take()?;
        self.roles.only_owner()?;
        if most_per_second > MOST_PER_SECOND {
            return Err(error!(ParameterOutOfBounds, parameter("mostPerSecond"), most_per_second));
        }
        let emission = self.accrued()?;
        self.close(&emission);
        self.pace.set(Packed(self.pace.get()).with_u128(RATE, RATE, most_per_second).0);
        emit!(self.vm(), MostEmissionSet, [], [most_per_second]);
        self.refresh();
        lock.release();
        Ok(())
    }

    /// Sends `amount` of a token to `to`, of what nothing was promised of.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`, `ERC20InvalidReceiver`, `InsufficientFunds`; those of the transfer.
    ///
    /// # Events
    /// `Defunded`.
    pub fn defund(&mut self, token: Address, to: Address, amount: U256) -> Result<()> {
        let lock = Lock::take()?;
        self.roles.only_owner()?;
        self.require_receiver(to)?;
        if token == self.token() {
            let mut emission = self.accrued()?;
            let left = rest(token, U256::from(emission.free), amount)?;
            emission.free = to_u128(left)?;
            self.close(&emission);
        } else if token == self.asset() {
            self.pay_out(amount)?;
        } else if token == self.vault() {
            let booked = U256::from(plus(self.staked(), self.all_leaving())?);
            rest(token, sub(self.balance(token)?, booked)?, amount)?;
        }
        emit!(self.vm(), Defunded, [token, to], [amount]);
        token::transfer(self.vm(), token, to, amount)?;
        lock.release();
        Ok(())
    }

    // ———————————————————————————————————————————————————————————————————————————————————————————————————— views

    /// The vault whose shares are staked.
    pub fn vault(&self) -> Address {
        Packed(self.vault.get()).address(0)
    }

    /// What is emitted.
    pub fn token(&self) -> Address {
        Packed(self.token.get()).address(0)
    }

    /// Whose policies get rebates.
    pub fn policy(&self) -> Address {
        Packed(self.policy.get()).address(0)
    }

    /// The vault's asset, which rebates are paid in.
    pub fn asset(&self) -> Address {
        Packed(self.asset.get()).address(0)
    }

    /// Shares that earn.
    pub fn total_staked(&self) -> u128 {
        self.staked()
    }

    /// Shares that asked to leave and are still here.
    pub fn total_leaving(&self) -> u128 {
        self.all_leaving()
    }

    /// Shares that earn, what can be claimed, shares that are leaving, and when these are ready.
    ///
    /// # Errors
    /// None that can happen.
    pub fn stake_of(&self, account: Address) -> Result<(u128, u128, u128, u64)> {
        let (_, stake) = self.settled(account)?;
        let (leaving, ready) = self.leaving(account);
        Ok((stake.shares, stake.earned, leaving, ready))
    }

    /// The rate in force, that at the target, what was emitted and not claimed, and what is left to emit.
    ///
    /// # Errors
    /// None that can happen.
    pub fn emission(&self) -> Result<(u128, u128, u128, u128)> {
        let emission = self.accrued()?;
        Ok((emission.rate, self.most(), emission.promised, emission.free))
    }

    /// What there is for rebates.
    pub fn rebate_funds(&self) -> U256 {
        self.rebates.get()
    }

    /// How long a request waits after the week in which it was made.
    pub fn cooldown(&self) -> u64 {
        Packed(self.vault.get()).u64(192, 32)
    }
}

impl Rewards {
    /// Books a stake and takes its shares from the caller.
    fn take_in(&mut self, shares: U256, account: Address) -> Result<()> {
        self.require_receiver(account)?;
        let amount = nonzero(shares)?;
        let (mut emission, mut stake) = self.settled(account)?;
        stake.join(&mut emission, amount)?;
        plus(emission.staked, self.all_leaving())?;
        self.set_stake(account, &stake);
        self.close(&emission);
        let (caller, me) = (self.vm().msg_sender(), self.vm().contract_address());
        emit!(self.vm(), Staked, [caller, account], [shares]);
        let vault = self.vault();
        let expected = actuary::math::add(self.balance(vault)?, shares)?;
        token::transfer_from(self.vm(), vault, caller, me, shares)?;
        let actual = self.balance(vault)?;
        if actual != expected {
            return Err(error!(UnexpectedBalance, expected, actual));
        }
        self.refresh();
        Ok(())
    }

    /// Takes `amount` off what there is for rebates.
    fn pay_out(&mut self, amount: U256) -> Result<()> {
        let left = rest(self.asset(), self.rebates.get(), amount)?;
        self.rebates.set(left);
        Ok(())
    }

    /// The emission, brought to now.
    fn accrued(&self) -> Result<Emission> {
        let (pace, funds) = (Packed(self.pace.get()), Packed(self.funds.get()));
        let mut emission = Emission {
            index: self.index.get(),
            staked: self.staked(),
            rate: pace.u128(0, RATE),
            since: pace.u64(2 * RATE, TIME),
            promised: funds.u128(0, 128),
            free: funds.u128(128, 128),
        };
        emission.accrue(self.vm().block_timestamp())?;
        Ok(emission)
    }

    /// The emission, brought to now, and an account's stake, settled by it.
    fn settled(&self, account: Address) -> Result<(Emission, Stake)> {
        let emission = self.accrued()?;
        let words = self.stakers.getter(account);
        let word = Packed(words.stake.get());
        let mut stake = Stake { shares: word.u128(0, 128), earned: word.u128(128, 128), index: words.index.get() };
        stake.settle(emission.index)?;
        Ok((emission, stake))
    }

    fn close(&mut self, emission: &Emission) {
        let pace = Packed(self.pace.get()).with_u64(2 * RATE, TIME, emission.since);
        self.pace.set(pace.0);
        self.index.set(emission.index);
        self.funds.set(pair(emission.promised, emission.free));
        let held = Packed(self.held.get()).with_u128(0, 128, emission.staked);
        self.held.set(held.0);
    }

    fn set_stake(&mut self, account: Address, stake: &Stake) {
        let mut words = self.stakers.setter(account);
        words.stake.set(pair(stake.shares, stake.earned));
        words.index.set(stake.index);
    }

    /// What is leaving of an account's, and when it is ready.
    fn leaving(&self, account: Address) -> (u128, u64) {
        let word = Packed(self.stakers.getter(account).leaving.get());
        (word.u128(0, 128), word.u64(128, 64))
    }

    fn set_leaving(&mut self, account: Address, shares: u128, ready: u64) {
        let word = Packed::default().with_u128(0, 128, shares).with_u64(128, 64, ready);
        self.stakers.setter(account).leaving.set(word.0);
    }

    fn staked(&self) -> u128 {
        Packed(self.held.get()).u128(0, 128)
    }

    fn all_leaving(&self) -> u128 {
        Packed(self.held.get()).u128(128, 128)
    }

    fn set_total_leaving(&mut self, shares: u128) {
        let held = Packed(self.held.get()).with_u128(128, 128, shares);
        self.held.set(held.0);
    }

    /// What is emitted a second.
    fn per_second(&self) -> u128 {
        Packed(self.pace.get()).u128(0, RATE)
    }

    /// What is emitted a second at the target.
    fn most(&self) -> u128 {
        Packed(self.pace.get()).u128(RATE, RATE)
    }

    /// What of a token is here.
    fn balance(&self, token: Address) -> Result<U256> {
        token::balance_of(self.vm(), token, self.vm().contract_address())
    }

    /// Fails for the zero address and this contract, where nothing comes back from.
    fn require_receiver(&self, receiver: Address) -> Result<()> {
        if receiver.is_zero() || receiver == self.vm().contract_address() {
            return Err(error!(ERC20InvalidReceiver, receiver));
        }
        Ok(())
    }
}

/// A number of shares.
fn nonzero(shares: U256) -> Result<u128> {
    if shares.is_zero() {
        return Err(error!(ZeroShares));
    }
    Ok(to_u128(shares)?)
}

/// What is left of a token once `amount` is taken off.
fn rest(token: Address, available: U256, amount: U256) -> Result<U256> {
    available.checked_sub(amount).ok_or_else(|| error!(InsufficientFunds, token, available, amount))
}

/// Two values of 128 bits in one word, the first one in the lower half.
fn pair(low: u128, high: u128) -> U256 {
    Packed::default().with_u128(0, 128, low).with_u128(128, 128, high).0
}

/// A parameter's name as its error tells it.
fn parameter(name: &str) -> B256 {
    B256::right_padding_from(name.as_bytes())
}
