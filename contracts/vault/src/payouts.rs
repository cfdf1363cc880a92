//! Claims, what is owed, what was won back, and credits.

use actuary::{
    books::{Marked, minus, plus},
    math::to_u128,
    payout::{Record, Rise},
};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use protocol::{
    Result,
    abi::{
        IAllocator,
        IVault::{ClaimPaid, CreditWithdrawn, PayoutCredited, Recovered, RunOffSet, TopUp, ZeroAssets},
    },
    call, emit, error,
    guard::Lock,
};
use stylus_sdk::{prelude::*, stylus_core::host::MessageAccess};

use crate::state::{Open, State};

impl State {
    /// Settles a policy whose confirmed claims rise and pays `to` what is due at once.
    ///
    /// It is paid out of cash; only what that is short of is brought back from the strategies, and what they do not give
    /// is owed until they do. A recipient that cannot receive blocks nobody: its payout becomes a credit.
    ///
    /// # Errors
    /// `UnauthorizedCaller` for anyone but the assessor; `MathOverflow` where the claims would fall; `CatchUpFirst`.
    ///
    /// # Events
    /// `ClaimPaid`; `PayoutCredited` for each credit; `TopUp`; `RunOffSet` where a share became worth nearly nothing.
    pub(crate) fn pay(&mut self, policy: U256, to: Address, rise: &Rise) -> Result<U256> {
        let lock = Lock::take()?;
        self.only(self.assessor.get())?;
        let mut open = self.open()?;
        let claim = minus(rise.total, rise.before)?;
        let mut solvent = !open.is_short(rise.reserve_before.max(claim))?;
        if open.books.invested > 0 {
            let needed = plus(claim, open.books.debt.owed)?;
            open = self.raise(open, needed, rise.reserve_before)?;
            solvent = !open.is_short(rise.reserve_before.max(claim))? && open.liquid()? >= claim;
        }
        let (mut record, mut payee) = (Record::default(), Address::ZERO);
        if !solvent {
            if !open.is_whole() {
                open = self.open_whole()?;
            }
            (record, payee) = self.record(policy);
        }
        let settlement = open.books.settle(rise, &record, open.now)?;
        let given_up = !open.depleted && open.value()?.is_depleted();
        open.depleted |= given_up;
        self.close(&open)?;
        if !solvent {
            self.set_record(policy, &settlement.record, to)?;
        }

        // What the payee gets leaves the books before it is sent; what it cannot receive comes back as payable.
        if settlement.set_aside > 0 || settlement.taken > 0 {
            let (served, payable) = self.liabilities();
            let payable = minus(plus(payable, settlement.set_aside)?, settlement.taken)?;
            self.set_liabilities(served, payable)?;
        }
        self.log_top_up(&open, settlement.set_aside);
        if settlement.former > 0 {
            self.add_credit(payee, settlement.former)?;
            emit!(self.vm(), PayoutCredited, [payee], [settlement.former]);
        }
        if given_up {
            emit!(self.vm(), RunOffSet, [], [true]);
        }
        emit!(self.vm(), ClaimPaid, [policy, to], [rise.total, settlement.paid, settlement.record.owed]);
        self.send_or_credit(to, settlement.paid)?;
        lock.release();
        Ok(U256::from(settlement.paid))
    }

    /// Tops up what is owed, as far as open incidents leave room for.
    ///
    /// # Errors
    /// `CatchUpFirst`, `NotWired`; what risk reverted with.
    ///
    /// # Events
    /// `TopUp`, `SolvencyCheckpoint`.
    pub(crate) fn top_up(&mut self) -> Result<U256> {
        let lock = Lock::take()?;
        let (_, amount) = self.top_up_and_note()?;
        lock.release();
        Ok(U256::from(amount))
    }

    /// Tops up what is owed, and keeps a checkpoint where one is due: whether it did, and the amount.
    pub(crate) fn top_up_and_note(&mut self) -> Result<(bool, u128)> {
        let gate = self.gate()?;
        let mut open = self.open()?;
        let owed = open.books.debt.owed;
        open = self.raise(open, owed, gate.reserve)?;
        let amount = self.top_up_open(&mut open, gate.reserve)?;
        self.close(&open)?;
        Ok((self.note(&open, &gate)?, amount))
    }

    /// Brings money back from the strategies where `needed` is more than what can be paid at once: `open` is opened anew
    /// for that, so nothing was done to it yet. They may give less, or nothing.
    ///
    /// # Errors
    /// `MathOverflow`; what the allocator reverted with.
    ///
    /// # Events
    /// `TopUp`, `StreamAdded`.
    pub(crate) fn raise(&mut self, open: Open, needed: u128, reserve: u128) -> Result<Open> {
        let liquid = open.liquid()?;
        if open.books.invested == 0 || needed <= liquid {
            return Ok(open);
        }
        let missing = U256::from(needed - liquid);
        let freed = call::tell(self.vm(), self.investment().0, IAllocator::freeCall::SELECTOR, &[missing])?.u128(0)?;
        let mut open = self.open_richer(freed)?;
        self.absorb(&mut open, reserve)?;
        Ok(open)
    }

    /// Takes in what came back from the strategies beyond their books; answers how much that is.
    pub(crate) fn absorb(&mut self, open: &mut Open, reserve: u128) -> Result<u128> {
        let Marked { surplus, .. } = open.marked;
        let recovered = open.books.absorb(&open.marked, reserve, open.now)?;
        self.set_aside(open, recovered.topped_up)?;
        self.log_stream(open, recovered.streamed);
        Ok(surplus)
    }

    /// Tops up what is owed in opened books: first thing in every operation that knows the reserve.
    pub(crate) fn top_up_open(&mut self, open: &mut Open, reserve: u128) -> Result<u128> {
        let amount = open.books.top_up(reserve, open.now)?;
        self.set_aside(open, amount)?;
        Ok(amount)
    }

    /// Makes `amount`, which left the pool, payable to those that are owed.
    fn set_aside(&mut self, open: &Open, amount: u128) -> Result<()> {
        if amount > 0 {
            let (served, payable) = self.liabilities();
            self.set_liabilities(served, plus(payable, amount)?)?;
        }
        self.log_top_up(open, amount);
        Ok(())
    }

    fn log_top_up(&self, open: &Open, amount: u128) {
        if amount > 0 {
            emit!(self.vm(), TopUp, [], [amount, open.books.debt.owed]);
        }
    }

    /// Pays the payee of a policy what it was owed and has been topped up since; anyone may ask for it.
    ///
    /// # Errors
    /// `ZeroAssets` where that is nothing.
    ///
    /// # Events
    /// `ClaimPaid`; `PayoutCredited` where the payee cannot receive.
    pub(crate) fn claim_owed(&mut self, policy: U256) -> Result<U256> {
        let lock = Lock::take()?;
        let debt = self.peek_unpriced()?.books.debt;
        let (record, payee) = self.record(policy);
        let owed = record.owed_now(&debt)?;
        let amount = minus(record.owed, owed)?;
        if amount == 0 {
            return Err(error!(ZeroAssets));
        }
        let record = Record { owed, psi: debt.psi, epoch: debt.epoch, ..record };
        self.set_record(policy, &record, payee)?;
        let (served, payable) = self.liabilities();
        self.set_liabilities(served, minus(payable, amount)?)?;
        emit!(self.vm(), ClaimPaid, [policy, payee], [record.confirmed, amount, owed]);
        self.send_or_credit(payee, amount)?;
        lock.release();
        Ok(U256::from(amount))
    }

    /// Takes `amount` from the caller, which was won back after a payout: first for what is owed; what it lifts the
    /// shares' worth by goes into the stream.
    ///
    /// # Errors
    /// `ZeroAssets`, `UnexpectedBalance`, `CatchUpFirst`, `NotWired`; those of the token.
    ///
    /// # Events
    /// `Recovered`, `TopUp`, `StreamAdded`.
    pub(crate) fn recover(&mut self, amount: U256) -> Result<()> {
        let lock = Lock::take()?;
        let amount = to_u128(amount)?;
        if amount == 0 {
            return Err(error!(ZeroAssets));
        }
        let gate = self.gate()?;
        self.pull(self.asset(), amount)?;
        let mut open = self.open_queue()?;
        let recovered = open.books.recover(amount, gate.reserve, open.now)?;
        self.close(&open)?;
        let caller = self.vm().msg_sender();
        emit!(self.vm(), Recovered, [caller], [amount]);
        self.set_aside(&open, recovered.topped_up)?;
        self.log_stream(&open, recovered.streamed);
        self.note(&open, &gate)?;
        lock.release();
        Ok(())
    }

    /// Pays `receiver` what was credited to the caller.
    ///
    /// # Errors
    /// `ZeroAssets`; those of the token.
    ///
    /// # Events
    /// `CreditWithdrawn`.
    pub(crate) fn withdraw_credit(&mut self, receiver: Address) -> Result<U256> {
        let lock = Lock::take()?;
        let caller = self.vm().msg_sender();
        let credit = self.credit(caller);
        if credit.is_zero() {
            return Err(error!(ZeroAssets));
        }
        self.set_credit(caller, U256::ZERO);
        let (served, payable) = self.liabilities();
        self.set_liabilities(served, minus(payable, to_u128(credit)?)?)?;
        emit!(self.vm(), CreditWithdrawn, [caller, receiver], [credit]);
        call::token::transfer(self.vm(), self.asset(), receiver, credit)?;
        lock.release();
        Ok(credit)
    }

    /// Sends `amount` to `to`; where the token refuses, it stays here as a credit.
    pub(crate) fn send_or_credit(&mut self, to: Address, amount: u128) -> Result<()> {
        if amount == 0 || call::token::transfer(self.vm(), self.asset(), to, U256::from(amount)).is_ok() {
            return Ok(());
        }
        let (served, payable) = self.liabilities();
        self.set_liabilities(served, plus(payable, amount)?)?;
        self.add_credit(to, amount)?;
        emit!(self.vm(), PayoutCredited, [to], [amount]);
        Ok(())
    }

    /// Adds to what `account` can take by `withdrawCredit`.
    pub(crate) fn add_credit(&mut self, account: Address, amount: u128) -> Result<()> {
        let sum = actuary::math::add(self.credit(account), U256::from(amount))?;
        self.set_credit(account, sum);
        Ok(())
    }
}
