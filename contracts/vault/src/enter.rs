//! Deposits: synchronous, at the entry price, up to 120 % of target capital.

use actuary::{
    books::Value,
    math::{bps_down, to_u128},
};
use alloy_primitives::{Address, U256};
use protocol::{
    Result,
    abi::{
        IERC4626::{Deposit, ERC4626ExceededMaxDeposit, ERC4626ExceededMaxMint},
        IPausable::EnforcedPause,
        IVault::{DepositsClosed, SlippageExceeded, ZeroAssets, ZeroShares},
    },
    emit, error,
    guard::Lock,
};
use stylus_sdk::{
    prelude::*,
    stylus_core::host::{BlockAccess, MessageAccess},
};

use crate::state::{DEPOSITS, Gate, Open, State};

/// How much capital deposits may bring, in basis points of target capital.
const LIMIT_BPS: u64 = 12_000;

/// The largest pool: amounts are kept in 104 bits.
const LARGEST: u128 = (1 << 104) - 1;

/// A deposit under way: opened books, what the pool is worth, and the most that may come in.
struct Entry {
    open: Open,
    value: Value,
    most: u128,
}

impl State {
    /// Deposits exactly `assets` of the caller and makes at least `least` shares for `receiver`.
    ///
    /// # Errors
    /// `EnforcedPause`, `DepositsClosed`, `ERC4626ExceededMaxDeposit`, `ZeroShares`, `SlippageExceeded`,
    /// `ERC20InvalidReceiver`, `UnexpectedBalance`, `CatchUpFirst`, `NotWired`; those of the token.
    ///
    /// # Events
    /// `Transfer`, `Deposit`.
    pub(crate) fn deposit(&mut self, assets: U256, receiver: Address, least: U256) -> Result<U256> {
        let lock = Lock::take()?;
        let entry = self.begin_entry(receiver)?;
        let amount = to_u128(assets).unwrap_or(u128::MAX);
        if amount > entry.most {
            return Err(error!(ERC4626ExceededMaxDeposit, receiver, assets, entry.most));
        }
        let shares = entry.value.to_shares_down(amount)?;
        if shares == 0 {
            return Err(error!(ZeroShares));
        }
        if U256::from(shares) < least {
            return Err(error!(SlippageExceeded, shares, least));
        }
        self.finish_entry(entry, amount, shares, receiver)?;
        lock.release();
        Ok(U256::from(shares))
    }

    /// Makes exactly `shares` for `receiver` and takes what they cost from the caller, rounded up.
    ///
    /// # Errors
    /// As [`deposit`](Self::deposit), with `ERC4626ExceededMaxMint`.
    ///
    /// # Events
    /// `Transfer`, `Deposit`.
    pub(crate) fn mint(&mut self, shares: U256, receiver: Address) -> Result<U256> {
        let lock = Lock::take()?;
        let entry = self.begin_entry(receiver)?;
        let most = entry.value.to_shares_down(entry.most)?;
        let amount = to_u128(shares).unwrap_or(u128::MAX);
        if amount > most {
            return Err(error!(ERC4626ExceededMaxMint, receiver, shares, most));
        }
        if amount == 0 {
            return Err(error!(ZeroShares));
        }
        let assets = entry.value.to_assets_up(amount)?;
        self.finish_entry(entry, assets, amount, receiver)?;
        lock.release();
        Ok(U256::from(assets))
    }

    fn begin_entry(&mut self, receiver: Address) -> Result<Entry> {
        if self.vm().block_timestamp() < self.paused_until(DEPOSITS) {
            return Err(error!(EnforcedPause));
        }
        self.shares.require_receiver(receiver)?;
        let gate = self.gate()?;
        let mut open = self.open()?;
        self.top_up_open(&mut open, gate.reserve)?;
        if open.is_run_off() || open.is_short(gate.reserve)? {
            return Err(error!(DepositsClosed));
        }
        let most = most_in(&open, &gate)?;
        Ok(Entry { value: open.value()?, open, most })
    }

    fn finish_entry(&mut self, entry: Entry, assets: u128, shares: u128, receiver: Address) -> Result<()> {
        if assets == 0 {
            return Err(error!(ZeroAssets));
        }
        let Entry { mut open, .. } = entry;
        self.pull(self.asset(), assets)?;
        open.books.enter(assets, shares)?;
        self.close(&open)?;
        self.shares.shift(Address::ZERO, receiver, shares)?;
        let caller = self.vm().msg_sender();
        emit!(self.vm(), Deposit, [caller, receiver], [assets, shares]);
        Ok(())
    }

    /// The most assets that a deposit may bring now; zero while deposits are paused or closed, or risk does not
    /// answer.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn max_deposit(&self) -> Result<(Open, u128)> {
        let open = self.glance()?;
        let Ok(gate) = self.gate() else { return Ok((open, 0)) };
        let paused = open.now < self.paused_until(DEPOSITS);
        // What is owed is topped up before a deposit, so the vault is open where that pays all of it.
        let assets = open.value()?.assets;
        let covered = assets >= gate.reserve.saturating_add(open.books.debt.owed);
        if paused || open.ordered || open.depleted || !covered {
            return Ok((open, 0));
        }
        let most = most_in(&open, &gate)?;
        Ok((open, most))
    }
}

/// ⌊120 % of target capital⌋ less capital, as far as the books can hold it.
fn most_in(open: &Open, gate: &Gate) -> Result<u128> {
    let limit = to_u128(bps_down(U256::from(gate.target), U256::from(LIMIT_BPS))?)?;
    let capital = open.value()?.capital()?;
    Ok(limit.saturating_sub(capital).min(LARGEST.saturating_sub(open.books.pool)))
}
