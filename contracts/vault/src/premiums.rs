//! Premiums, which are earned over the time they were paid for, and the fees that come with them.

use actuary::{
    books::{Earning, minus, plus, scale_down, unused},
    math::{to_u64, to_u128},
};
use alloy_primitives::{Address, B256, U256};
use protocol::{
    Result,
    abi::{
        IOwned::ParameterOutOfBounds,
        IVault::{FeesCollected, PremiumExtended, PremiumReceived, PremiumRefunded, StreamAdded, UnexpectedBalance},
    },
    call, emit, error,
    guard::Lock,
};
use stylus_sdk::{
    prelude::*,
    stylus_core::host::{AccountAccess, BlockAccess},
};

use crate::state::{Depth, Open, State};

/// The whole in basis points.
const BPS: u128 = 10_000;

/// A premium that was booked before: all that its earning follows from.
pub(crate) struct Sold {
    net: u128,
    start: u64,
    end: u64,
}

impl Sold {
    pub(crate) fn new(net: U256, start: U256, end: U256) -> Result<Self> {
        Ok(Self { net: to_u128(net)?, start: to_u64(start)?, end: to_u64(end)? })
    }

    /// How it is earned, and what of it cover has not used.
    fn earning(&self, open: &Open) -> Result<(Earning, u128)> {
        let Self { net, start, end } = *self;
        let unused = unused(net, start, end, open.now)?;
        Ok((Earning::of(net, start, end, open.books.seconds)?, unused))
    }
}

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

        let mut open = self.open_unpriced(Depth::Everyday)?;
        let earning = Earning::of(net, start, end, open.books.seconds)?;
        open.books.premium(net, &earning)?;
        self.begin(&earning)?;
        self.close(&open)?;
        self.book_fees(premium)?;
        emit!(
            self.vm(),
            PremiumReceived,
            [],
            [premium.net, premium.treasury_fee, premium.jury_fee, premium.referral_fee, premium.start, premium.end]
        );
        self.require_balance(&open)?;
        lock.release();
        Ok(())
    }

    /// Ends a premium early and pays `to` the part that its cover has not used, less the short rate: `remaining` of
    /// `cover` is what the policy could still be paid. The rest of what was unearned goes into the stream.
    ///
    /// Claims are paid out of what is earned alone, and no more than that is invested, so the pool has every refund in cash, and a refund takes nothing
    /// from who is owed. A recipient that cannot receive blocks nobody: its refund becomes a credit.
    ///
    /// # Errors
    /// `UnauthorizedCaller` for anyone but the policy contract; `MathOverflow` for what was never booked, for a
    /// `remaining` above `cover` and for a short rate above the whole; `CatchUpFirst`.
    ///
    /// # Events
    /// `PremiumRefunded`, `StreamAdded`; `PayoutCredited` where `to` cannot receive.
    pub(crate) fn refund(&mut self, sold: &Sold, part: [U256; 3], to: Address) -> Result<U256> {
        let lock = Lock::take()?;
        self.only(self.policy.get())?;
        let [remaining, cover, short_rate] = part;
        let mut open = self.open_unpriced(Depth::Queue)?;
        let (earning, unused) = sold.earning(&open)?;
        let rate = minus(BPS, to_u128(short_rate)?)?;
        minus(to_u128(cover)?, to_u128(remaining)?)?;
        let refunded = scale_down(scale_down(unused, to_u128(remaining)?, to_u128(cover)?)?, rate, BPS)?;
        let cancelled = open.books.cancel(&earning, refunded, open.now)?;
        self.end(&earning, &open)?;
        self.close(&open)?;
        emit!(self.vm(), PremiumRefunded, [to], [refunded, cancelled.left]);
        self.log_stream(&open, cancelled.streamed);
        self.send_or_credit(to, refunded)?;
        lock.release();
        Ok(U256::from(refunded))
    }

    /// Books a premium that was transferred here before together with what is left of another: both are earned from
    /// now, or from the start of cover if that is later, to the new end. Answers what both are together.
    ///
    /// # Errors
    /// `UnauthorizedCaller` for anyone but the policy contract; `ParameterOutOfBounds` for an end that is over or not
    /// later than the old one; `MathOverflow` for what was never booked; `UnexpectedBalance`, `CatchUpFirst`.
    ///
    /// # Events
    /// `PremiumExtended`; `StreamAdded` where more was unearned than cover had left to use.
    pub(crate) fn reprice(&mut self, sold: &Sold, premium: &Premium) -> Result<U256> {
        let lock = Lock::take()?;
        self.only(self.policy.get())?;
        let mut open = self.open_unpriced(Depth::Queue)?;
        let (earning, unused) = sold.earning(&open)?;
        let start = open.now.max(sold.start);
        let end = to_u64(premium.end)?;
        if end <= start.max(sold.end) {
            return Err(error!(ParameterOutOfBounds, name("newEnd"), end));
        }
        let added = to_u128(premium.net)?;
        let kept = plus(unused, added)?;
        let longer = Earning::of(kept, start, end, open.books.seconds)?;
        let streamed = open.books.extend(&earning, added, &longer, open.now)?;
        self.end(&earning, &open)?;
        self.begin(&longer)?;
        self.close(&open)?;
        self.book_fees(premium)?;
        emit!(
            self.vm(),
            PremiumExtended,
            [],
            [
                U256::from(kept),
                premium.net,
                premium.treasury_fee,
                premium.jury_fee,
                premium.referral_fee,
                U256::from(start),
                premium.end
            ]
        );
        self.log_stream(&open, streamed);
        self.require_balance(&open)?;
        lock.release();
        Ok(U256::from(kept))
    }

    /// Books the changes of the rate at both edges of an earning.
    fn begin(&mut self, earning: &Earning) -> Result<()> {
        let rate = earning.rate as i128; // has 127 bits
        self.add_change(earning.from, rate)?;
        self.add_change(earning.until, -rate)
    }

    /// Takes back those changes of the rate of an earning that are still to come.
    fn end(&mut self, earning: &Earning, open: &Open) -> Result<()> {
        let rate = earning.rate as i128; // has 127 bits
        if earning.is_ahead(open.books.week) {
            self.add_change(earning.from, -rate)?;
        }
        if !earning.is_over(open.books.week) {
            self.add_change(earning.until, rate)?;
        }
        Ok(())
    }

    /// Books what of a premium is not the pool's.
    fn book_fees(&mut self, premium: &Premium) -> Result<()> {
        let (treasury, jury) = self.fees();
        let mut treasury = plus(treasury, to_u128(premium.treasury_fee)?)?;
        let jury = plus(jury, to_u128(premium.jury_fee)?)?;
        let fee = to_u128(premium.referral_fee)?;
        if premium.referrer.is_zero() {
            treasury = plus(treasury, fee)?;
        } else if fee > 0 {
            let (served, payable) = self.liabilities();
            self.set_liabilities(served, plus(payable, fee)?)?;
            self.add_credit(premium.referrer, fee)?;
        }
        self.set_fees(treasury, jury)
    }

    /// Fails where the vault does not have what its books say.
    fn require_balance(&self, open: &Open) -> Result<()> {
        let ((treasury, jury), (served, payable)) = (self.fees(), self.liabilities());
        let mut expected = U256::from(open.books.pool.saturating_sub(open.books.invested));
        for part in [served, payable, treasury, jury] {
            expected = expected.wrapping_add(U256::from(part)); // five values of 104 bits
        }
        let actual = call::token::balance_of(self.vm(), self.asset(), self.vm().contract_address())?;
        if actual < expected {
            return Err(error!(UnexpectedBalance, expected, actual));
        }
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
