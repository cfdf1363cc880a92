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

    /// Makes exactly `shares` for `receiver` and takes what they cost from the caller, rounded up; `most` at most.
    ///
    /// # Errors
    /// As [`deposit`](Self::deposit), with `ERC4626ExceededMaxMint`.
    ///
    /// # Events
    /// `Transfer`, `Deposit`.
    pub(crate) fn mint(&mut self, shares: U256, receiver: Address, most: U256) -> Result<U256> {
        let lock = Lock::take()?;
        let entry = self.begin_entry(receiver)?;
        let limit = entry.value.to_shares_down(entry.most)?;
        let amount = to_u128(shares).unwrap_or(u128::MAX);
        if amount > limit {
            return Err(error!(ERC4626ExceededMaxMint, receiver, shares, limit));
        }
        if amount == 0 {
            return Err(error!(ZeroShares));
        }
        let assets = entry.value.to_assets_up(amount)?;
        if U256::from(assets) > most {
            return Err(error!(SlippageExceeded, assets, most));
        }
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

    /// What the pool is worth and the most assets that a deposit may bring now; `None` while deposits are paused or
    /// closed, while the books are to be caught up first, or while risk or the allocator does not answer.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn room(&self) -> Result<Option<(Value, u128)>> {
        let (Ok(Some(open)), Ok(gate)) = (self.openable(), self.gate()) else { return Ok(None) };
        let paused = open.now < self.paused_until(DEPOSITS);
        // What is owed is topped up before a deposit, so the vault is open where that pays all of it.
        let value = open.value()?;
        let covered = value.assets >= gate.reserve.saturating_add(value.owed) && open.liquid()? >= value.owed;
        if paused || open.ordered || open.depleted || !covered {
            return Ok(None);
        }
        Ok(Some((value, most_in(&open, &gate)?)))
    }

    /// The most assets that a deposit may bring now.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn max_deposit(&self) -> Result<U256> {
        Ok(self.room()?.map_or(U256::ZERO, |(_, most)| U256::from(most)))
    }

    /// The most shares that a mint may make now.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn max_mint(&self) -> Result<U256> {
        let shares = |(value, most): (Value, u128)| value.to_shares_down(most).unwrap_or(u128::MAX);
        Ok(U256::from(self.room()?.map_or(0, shares)))
    }
}

/// ⌊120 % of target capital⌋ less capital, as far as the books can hold it.
fn most_in(open: &Open, gate: &Gate) -> Result<u128> {
    let limit = to_u128(bps_down(U256::from(gate.target), U256::from(LIMIT_BPS))?)?;
    let capital = open.value()?.capital()?;
    Ok(limit.saturating_sub(capital).min(LARGEST.saturating_sub(open.books.pool)))
}
