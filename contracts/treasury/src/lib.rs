//! The DAO's money, and how much of it may leave in a period.
//!
//! It leaves by one function, [`pay`](Treasury::pay), by the owner's word; there is no other call and no allowance, so what
//! the budgets say is all that can happen. Periods follow each other without gap from the construction on. A budget is
//! lowered at once and raised from the next period on: within a period it only falls, in whatever order it is set.
//!
//! ```text
//! period                3                      │ 4                 │ 5
//! setBudget             ─ 6 ──── 20 ──── 9 ─── │ ──── 30 ───────── │
//! may leave in it   10  │ 6      6       6     │ 9    9            │ 30
//! ```
//!
//! The set-up key, while there is one, pays without budgets and its budgets hold at once: it allocates what the DAO begins
//! with. An owner who is that key too is held to the budgets.
#![cfg_attr(not(test), no_main)]
extern crate alloc;

use actuary::books::plus;
use alloy_primitives::{Address, B256, U256};
use protocol::{
    Result,
    abi::{
        IOwned::{self, ParameterOutOfBounds},
        ITreasury::{self, BudgetExceeded, BudgetSet, EtherReceived, InsufficientBalance, InvalidReceiver, Paid},
    },
    call::{tell_value, token},
    emit, error,
    guard::Lock,
    roles::Roles,
    routes,
};
use standards::packed::Packed;
use stylus_sdk::{
    prelude::*,
    storage::{StorageMap, StorageU256},
    stylus_core::host::{AccountAccess, BlockAccess, MessageAccess},
};

/// The shortest period, in seconds: one minute, for development networks.
pub const SHORTEST_PERIOD: u64 = 60;

/// The longest period, in seconds: 366 days.
pub const LONGEST_PERIOD: u64 = 366 * 24 * 60 * 60;

/// Budgets, and what is spent of them, have 112 bits.
const AMOUNT: usize = 112;

/// Where a budget's word keeps the number of its period: 32 bits are eight thousand years of the shortest ones.
const PERIOD: (usize, usize) = (2 * AMOUNT, 32);

/// What is kept of one token. As long as the period is the one of the first word, that is all that a payment reads and
/// writes; later the budget is the second word, and nothing is spent of it.
///
/// ```text
/// first   |255 period 224|223 spent 112|111 budget in this period 0|
/// next    budget from the next period on
/// ```
#[storage]
pub struct BudgetWords {
    first: StorageU256,
    next: StorageU256,
}

/// The contract: six slots, and two for each token.
///
/// ```text
/// clock   |127 period in seconds 64|63 construction 0|
/// ```
#[entrypoint]
#[storage]
pub struct Treasury {
    clock: StorageU256,
    budgets: StorageMap<Address, BudgetWords>,
    roles: Roles,
}

/// A token's budget in this period, and what was spent of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Budget {
    amount: u128,
    spent: u128,
}

impl Budget {
    /// What may still leave: nothing where the budget was lowered below what was spent.
    fn left(self) -> u128 {
        self.amount.saturating_sub(self.spent)
    }
}

routes! {
    Treasury, constructor(owner, setup, period_seconds), receive(receive);
    ITreasury::payCall => pay(token, to, amount);
    ITreasury::setBudgetCall => set_budget(token, amount);
    ITreasury::budgetOfCall => budget_of(token);
    ITreasury::periodCall => period();
    ITreasury::periodSecondsCall => period_seconds();
    ITreasury::periodEndCall => period_end();
    IOwned::ownerCall => owner();
    IOwned::pendingOwnerCall => pending_owner();
    IOwned::transferOwnershipCall => transfer_ownership(new_owner);
    IOwned::acceptOwnershipCall => accept_ownership();
    IOwned::setupCall => setup();
    IOwned::finishSetupCall => finish_setup();
    IOwned::guardianCall => guardian();
    IOwned::setGuardianCall => set_guardian(new_guardian);
}

protocol::owned!(Treasury, roles);

impl Treasury {
    /// The owner is the timelock, `setup` the deployer's key until it finishes the set-up; the first period, of
    /// `period_seconds` (60 to 366 days), begins now.
    ///
    /// # Errors
    /// `OwnableInvalidOwner`, `ParameterOutOfBounds`.
    pub fn constructor(&mut self, owner: Address, setup: Address, period_seconds: u64) -> Result<()> {
        self.roles.construct(owner, setup)?;
        if !(SHORTEST_PERIOD..=LONGEST_PERIOD).contains(&period_seconds) {
            return Err(out_of_bounds("periodSeconds", U256::from(period_seconds)));
        }
        let now = self.vm().block_timestamp();
        self.clock.set(Packed::default().with_u64(0, 64, now).with_u64(64, 64, period_seconds).0);
        Ok(())
    }

    /// Takes ether.
    ///
    /// # Events
    /// `EtherReceived`.
    pub fn receive(&mut self) {
        emit!(self.vm(), EtherReceived, [self.vm().msg_sender()], [self.vm().msg_value()]);
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————————— owner

    /// Sends `amount` of `token`, or of ether where that is zero, to `to`.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`; `InvalidReceiver`; `BudgetExceeded`; `InsufficientBalance`, `FailedCall` or what the
    /// receiver refuses of ether; `AddressEmptyCode`, `SafeERC20FailedOperation` or what the token refuses.
    ///
    /// # Events
    /// `Paid`.
    pub fn pay(&mut self, token: Address, to: Address, amount: U256) -> Result<()> {
        let lock = Lock::take()?;
        self.roles.only_owner()?;
        if to.is_zero() {
            return Err(error!(InvalidReceiver, to));
        }
        if self.is_owner() {
            self.spend(token, amount)?;
        }
        emit!(self.vm(), Paid, [token, to, self.period()], [amount]);
        if token.is_zero() {
            self.send_ether(to, amount)?;
        } else {
            token::transfer(self.vm(), token, to, amount)?;
        }
        lock.release();
        Ok(())
    }

    /// Sets what may leave of `token` in each period: a lower budget from now on, a higher one from the next period on;
    /// the set-up key's from now on.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`; `ParameterOutOfBounds` for more than 112 bits.
    ///
    /// # Events
    /// `BudgetSet`.
    pub fn set_budget(&mut self, token: Address, amount: U256) -> Result<()> {
        self.roles.only_owner()?;
        if amount.bit_len() > AMOUNT {
            return Err(out_of_bounds("amount", amount));
        }
        let next = amount.to::<u128>();
        let mut budget = self.budget(token);
        budget.amount = if self.is_owner() { budget.amount.min(next) } else { next };
        self.set(token, budget);
        self.budgets.setter(token).next.set(amount);
        let from = self.period() + u64::from(budget.amount < next);
        emit!(self.vm(), BudgetSet, [token], [amount, from]);
        Ok(())
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————————— views

    /// The budget of `token` in this period and from the next one on, what was spent in this one, and what is left of it.
    pub fn budget_of(&self, token: Address) -> [U256; 4] {
        let budget = self.budget(token);
        let [amount, spent, left] = [budget.amount, budget.spent, budget.left()].map(U256::from);
        [amount, self.budgets.getter(token).next.get(), spent, left]
    }

    /// The number of the period, from 0.
    pub fn period(&self) -> u64 {
        let since = self.vm().block_timestamp().saturating_sub(self.begin());
        since.checked_div(self.period_seconds()).unwrap_or_default() // a period is 0 before the construction only
    }

    /// How long a period is.
    pub fn period_seconds(&self) -> u64 {
        Packed(self.clock.get()).u64(64, 64)
    }

    /// When this period ends and the next one begins.
    pub fn period_end(&self) -> u64 {
        // A time of the chain, and at most a period more.
        self.begin() + (self.period() + 1) * self.period_seconds()
    }
}

impl Treasury {
    /// Counts `amount` as spent.
    fn spend(&mut self, token: Address, amount: U256) -> Result<()> {
        let mut budget = self.budget(token);
        let left = budget.left();
        if amount > U256::from(left) {
            return Err(error!(BudgetExceeded, token, amount, left));
        }
        budget.spent = plus(budget.spent, amount.to())?;
        self.set(token, budget);
        Ok(())
    }

    fn send_ether(&self, to: Address, amount: U256) -> Result<()> {
        let balance = self.vm().balance(self.vm().contract_address());
        if balance < amount {
            return Err(error!(InsufficientBalance, balance, amount));
        }
        tell_value(self.vm(), to, amount, &[]).map(drop)
    }

    /// Whether the budgets bind the caller.
    fn is_owner(&self) -> bool {
        self.vm().msg_sender() == self.roles.owner()
    }

    /// When the first period began.
    fn begin(&self) -> u64 {
        Packed(self.clock.get()).u64(0, 64)
    }

    fn budget(&self, token: Address) -> Budget {
        let words = self.budgets.getter(token);
        let first = Packed(words.first.get());
        if first.u64(PERIOD.0, PERIOD.1) == self.period() {
            return Budget { amount: first.u128(0, AMOUNT), spent: first.u128(AMOUNT, AMOUNT) };
        }
        Budget { amount: Packed(words.next.get()).u128(0, AMOUNT), spent: 0 }
    }

    fn set(&mut self, token: Address, budget: Budget) {
        let word = Packed::default()
            .with_u128(0, AMOUNT, budget.amount)
            .with_u128(AMOUNT, AMOUNT, budget.spent)
            .with_u64(PERIOD.0, PERIOD.1, self.period());
        self.budgets.setter(token).first.set(word.0);
    }
}

fn out_of_bounds(name: &str, value: U256) -> protocol::Revert {
    error!(ParameterOutOfBounds, B256::right_padding_from(name.as_bytes()), value)
}
