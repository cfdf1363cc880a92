//! Premiums, which are earned over the time they were paid for, and the fees that come with them.

use actuary::{
    books::{Earning, plus},
    math::{to_u64, to_u128},
};
use alloy_primitives::{Address, B256, U256};
use protocol::{
    Result,
    abi::{
        IOwned::ParameterOutOfBounds,
        IVault::{FeesCollected, PremiumReceived, StreamAdded, UnexpectedBalance},
    },
    call, emit, error,
    guard::Lock,
};
use stylus_sdk::{
    prelude::*,
    stylus_core::host::{AccountAccess, BlockAccess},
};

use crate::state::{Open, State};

/// A gross premium in its parts, in the asset's smallest unit.
pub(crate) struct Premium {
    /// The pool's part.
    pub(crate) net: U256,
    /// When cover begins, in seconds.
    pub(crate) start: U256,
    /// When cover ends, in seconds.
    pub(crate) end: U256,
    /// The treasury's part.
    pub(crate) treasury_fee: U256,
    /// The jury's part.
    pub(crate) jury_fee: U256,
    /// Who brought the buyer; zero for nobody.
    pub(crate) referrer: Address,
    /// The referrer's part.
    pub(crate) referral_fee: U256,
}

impl State {
    /// Books a premium that was transferred here before, and checks that the vault has it.
    ///
    /// # Errors
    /// `UnauthorizedCaller` for anyone but the policy contract; `ParameterOutOfBounds` for cover that began already or
    /// ends before it begins; `UnexpectedBalance`, `CatchUpFirst`.
    ///
    /// # Events
    /// `PremiumReceived`.
    pub(crate) fn premium(&mut self, premium: &Premium) -> Result<()> {
        let lock = Lock::take()?;
        self.only(self.policy.get())?;
        let (start, end) = (to_u64(premium.start)?, to_u64(premium.end)?);
        if start < self.vm().block_timestamp() {
            return Err(error!(ParameterOutOfBounds, name("start"), start));
        }
        if end <= start {
            return Err(error!(ParameterOutOfBounds, name("end"), end));
        }
        let net = to_u128(premium.net)?;
        let referral_fee = to_u128(premium.referral_fee)?;

        let mut open = self.open()?;
        let earning = Earning::of(net, start, end, open.books.seconds)?;
        open.books.premium(net, &earning)?;
        let rate = earning.rate as i128; // has 127 bits
        self.add_change(earning.from, rate)?;
        self.add_change(earning.until, -rate)?;
        self.close(&open)?;

        let (treasury, jury) = self.fees();
        let mut treasury = plus(treasury, to_u128(premium.treasury_fee)?)?;
        let jury = plus(jury, to_u128(premium.jury_fee)?)?;
        let (served, mut payable) = self.liabilities();
        if premium.referrer.is_zero() {
            treasury = plus(treasury, referral_fee)?;
        } else if referral_fee > 0 {
            payable = plus(payable, referral_fee)?;
            self.set_liabilities(served, payable)?;
            self.add_credit(premium.referrer, referral_fee)?;
        }
        self.set_fees(treasury, jury)?;
        emit!(
            self.vm(),
            PremiumReceived,
            [],
            [premium.net, premium.treasury_fee, premium.jury_fee, premium.referral_fee, premium.start, premium.end]
        );

        // Nothing is invested, so all that is in the books is cash.
        let mut expected = U256::from(open.books.pool);
        for part in [served, payable, treasury, jury] {
            expected = expected.wrapping_add(U256::from(part)); // five values of 104 bits
        }
        let actual = call::token::balance_of(self.vm(), self.asset(), self.vm().contract_address())?;
        if actual < expected {
            return Err(error!(UnexpectedBalance, expected, actual));
        }
        lock.release();
        Ok(())
    }

    /// Sends the fees to the treasury and to the assessor, who holds the jury's.
    ///
    /// # Errors
    /// Those of the token.
    ///
    /// # Events
    /// `FeesCollected` for each that has some.
    pub(crate) fn collect_fees(&mut self) -> Result<(U256, U256)> {
        let lock = Lock::take()?;
        let (treasury, jury) = self.fees();
        self.set_fees(0, 0)?;
        let asset = self.asset();
        for (account, fee) in [(self.treasury.get(), treasury), (self.assessor.get(), jury)] {
            if fee > 0 {
                emit!(self.vm(), FeesCollected, [account], [fee]);
                call::token::transfer(self.vm(), asset, account, U256::from(fee))?;
            }
        }
        lock.release();
        Ok((U256::from(treasury), U256::from(jury)))
    }

    /// Brings the books forward by at most `edges`; answers whether they stand in the present week.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn catch_up(&mut self, edges: U256) -> Result<bool> {
        let lock = Lock::take()?;
        let done = self.bring_forward(to_u64(edges).unwrap_or(u64::MAX))?;
        lock.release();
        Ok(done)
    }

    /// Tells that `amount` went into the stream, where it is something.
    pub(crate) fn log_stream(&self, open: &Open, amount: u128) {
        if amount > 0 {
            emit!(self.vm(), StreamAdded, [], [amount, open.books.stream.end]);
        }
    }
}

/// The name of a parameter as `ParameterOutOfBounds` tells it: its ASCII bytes, padded with zeros.
#[must_use]
pub fn name(parameter: &str) -> B256 {
    B256::right_padding_from(parameter.as_bytes())
}
