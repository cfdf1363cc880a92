//! Redemptions: requested, served in weekly cohorts, claimed. ERC-7540 with the one request id 0.

use actuary::{
    books::{minus, plus},
    math::to_u128,
    redemption::{Cohort, Limits, Request},
};
use alloy_primitives::{Address, U256};
use protocol::{
    Result,
    abi::{
        IERC20::ERC20InvalidReceiver,
        IERC4626::{ERC4626ExceededMaxRedeem, ERC4626ExceededMaxWithdraw, Withdraw},
        IERC7540Redeem::{OperatorSet, RedeemRequest},
        IPausable::EnforcedPause,
        IVault::{
            CohortServed, NothingRequested, RedeemCancelled, RequestIdNotSupported, ServiceDelayed,
            UnauthorizedOperator, ZeroAssets, ZeroShares,
        },
    },
    call, emit, error,
    guard::Lock,
};
use stylus_sdk::{
    prelude::*,
    stylus_core::host::{AccountAccess, BlockAccess, MessageAccess},
};

use crate::state::{Depth, Gate, Open, REDEMPTIONS, State};

impl State {
    /// Asks to redeem `shares` of `owner` for `controller`, in the cohort of this week. What `controller` asked for in
    /// an earlier week and was not served moves along.
    ///
    /// # Errors
    /// `EnforcedPause`, `ZeroShares`, `ERC20InvalidReceiver` for the zero address as controller;
    /// `ERC20InsufficientAllowance` where the caller is neither owner nor its operator; `UnauthorizedOperator` where a
    /// stranger would move an earlier request; `ERC20InsufficientBalance`, `CatchUpFirst`.
    ///
    /// # Events
    /// `Transfer`, `RedeemRequest`; `RedeemCancelled` where an earlier request moves.
    pub(crate) fn request_redeem(&mut self, shares: U256, controller: Address, owner: Address) -> Result<U256> {
        let lock = Lock::take()?;
        self.require_redemptions()?;
        if shares.is_zero() {
            return Err(error!(ZeroShares));
        }
        if controller.is_zero() {
            return Err(error!(ERC20InvalidReceiver, controller));
        }
        let caller = self.vm().msg_sender();
        if caller != owner && !self.is_operator(owner, caller) {
            self.shares.spend(owner, shares)?;
        }
        let amount = to_u128(shares)?;
        let vault = self.vm().contract_address();
        self.shares.shift(owner, vault, amount)?;

        let mut open = self.open_unpriced(Depth::Queue)?;
        let week = open.books.week;
        let mut request = self.request_units(controller);
        let mut joining = amount;
        let moves = request.units > 0 && request.week != week;
        if moves {
            self.require_controller(controller)?;
            if open.books.invested > 0 {
                open = self.open_queue()?; // what moves is worth what it is worth now
            }
            request = self.request(controller);
            let kept = self.leave(&mut open, &mut request, controller)?;
            joining = plus(joining, kept)?;
        }
        if open.books.queued == 0 {
            open.head = week;
        }
        let mut cohort = self.open_cohort(week);
        open.books.join(&mut request, &mut cohort, joining)?;
        self.set_open_cohort(week, &cohort);
        if moves {
            self.set_request(controller, &request);
        } else {
            self.set_request_units(controller, &request);
        }
        self.close(&open)?;
        emit!(self.vm(), RedeemRequest, [controller, owner, U256::ZERO], [caller, shares]);
        lock.release();
        Ok(U256::ZERO)
    }

    /// Takes back what was not served of the request of `controller` and gives its shares to `receiver`: those that
    /// are worth the lower of the cohort's cap and the price now.
    ///
    /// # Errors
    /// `RequestIdNotSupported`, `EnforcedPause`, `UnauthorizedOperator`, `NothingRequested`, `ERC20InvalidReceiver`,
    /// `CatchUpFirst`.
    ///
    /// # Events
    /// `Transfer`, `RedeemCancelled`; `StreamAdded` where shares were burned.
    pub(crate) fn cancel_redeem(&mut self, id: U256, controller: Address, receiver: Address) -> Result<U256> {
        let lock = Lock::take()?;
        if !id.is_zero() {
            return Err(error!(RequestIdNotSupported, id));
        }
        self.require_redemptions()?;
        self.require_controller(controller)?;
        self.shares.require_receiver(receiver)?;
        let mut open = self.open_queue()?;
        let mut request = self.request(controller);
        if request.pending(&self.served_cohort(request.week))? == 0 {
            return Err(error!(NothingRequested, controller));
        }
        let kept = self.leave(&mut open, &mut request, controller)?;
        self.set_request(controller, &request);
        self.close(&open)?;
        let vault = self.vm().contract_address();
        self.shares.shift(vault, receiver, kept)?;
        lock.release();
        Ok(U256::from(kept))
    }

    /// Takes a request out of its cohort; answers the shares that are left of it, which are nobody's yet.
    fn leave(&mut self, open: &mut Open, request: &mut Request, controller: Address) -> Result<u128> {
        let mut cohort = self.cohort(request.week);
        let left = open.books.leave(request, &mut cohort, open.now)?;
        self.set_cohort(request.week, &cohort)?;
        let burned = plus(left.burned, left.dust)?;
        if burned > 0 {
            let vault = self.vm().contract_address();
            self.shares.shift(vault, Address::ZERO, burned)?;
        }
        self.log_stream(open, left.streamed);
        emit!(self.vm(), RedeemCancelled, [controller], [left.kept, left.burned]);
        Ok(left.kept)
    }

    /// Serves due cohorts in order, looking at no more than `most` weeks.
    ///
    /// Nothing is served while anything is owed, while possible claims take all there is, or while filing is paused;
    /// a due cohort waits for incidents to be settled, but no longer than the vault's patience, from the first try on.
    ///
    /// # Errors
    /// `EnforcedPause`, `CatchUpFirst`, `NotWired`; what risk or the allocator reverted with.
    ///
    /// # Events
    /// `ServiceDelayed` where a cohort begins to wait. For each cohort served `Transfer` and `CohortServed`; `StreamAdded` where it was served below the middle price; `TopUp`.
    pub(crate) fn serve(&mut self, most: U256) -> Result<(U256, U256)> {
        let lock = Lock::take()?;
        self.require_redemptions()?;
        let gate = self.gate()?;
        let mut open = self.open_queue()?;
        let mut left = to_u128(most).unwrap_or(u128::MAX);
        if open.books.invested > 0 {
            let needed = self.due(&open, left, &gate)?;
            open = self.raise(open, needed, gate.reserve)?;
        }
        self.top_up_open(&mut open, gate.reserve)?;
        let (mut shares, mut assets) = (0, 0);
        while left > 0 && open.books.queued > 0 && !gate.filing_paused && !open.is_short(gate.reserve)? {
            left -= 1;
            let mut cohort = self.cohort(open.head);
            if cohort.pending == 0 {
                open.head += 1;
                continue;
            }
            if !self.is_due(&open, open.head) {
                break;
            }
            let first = cohort.waiting == 0;
            if gate.unsettled > 0 && cohort.waits(open.now, self.patience()) {
                if first {
                    self.set_cohort(open.head, &cohort)?;
                    emit!(self.vm(), ServiceDelayed, [open.head], [open.now + self.patience()]);
                }
                break;
            }
            let limits = Limits { reserve: gate.reserve, minimum: gate.minimum, liquid: open.liquid()? };
            let Some(served) = open.books.serve(&mut cohort, &limits, open.now)? else { break };
            self.set_cohort(open.head, &cohort)?;
            let vault = self.vm().contract_address();
            self.shares.shift(vault, Address::ZERO, served.shares)?;
            emit!(self.vm(), CohortServed, [open.head], [served.shares, served.assets]);
            self.log_stream(&open, served.forgone);
            shares = plus(shares, served.shares)?;
            assets = plus(assets, served.assets)?;
            if cohort.pending == 0 {
                open.head += 1;
            }
        }
        self.close(&open)?;
        if assets > 0 {
            let (served, payable) = self.liabilities();
            self.set_liabilities(plus(served, assets)?, payable)?;
        }
        self.note(&open, &gate)?;
        lock.release();
        Ok((U256::from(shares), U256::from(assets)))
    }

    /// Whether the cooldown of a week's cohort is over.
    fn is_due(&self, open: &Open, week: u64) -> bool {
        open.now >= (week + 1) * open.books.seconds + self.cooldown()
    }

    /// What `serve` may need in cash, when it looks at no more than `most` weeks: what is owed, and what due cohorts can
    /// have at best.
    fn due(&self, open: &Open, most: u128, gate: &Gate) -> Result<u128> {
        let (mut week, mut shares, mut left) = (open.head, 0, most);
        while left > 0 && shares < open.books.queued && !gate.filing_paused && self.is_due(open, week) {
            shares = plus(shares, self.open_cohort(week).pending)?;
            week += 1;
            left -= 1;
        }
        let value = open.value()?;
        let worth = value.middle_price()?.assets_down(shares)?;
        Ok(plus(value.owed, worth.min(value.budget(gate.reserve, gate.minimum)))?)
    }

    /// Pays out what was served for `shares` of `controller`.
    ///
    /// # Errors
    /// `EnforcedPause`, `UnauthorizedOperator`, `ZeroShares`, `ZeroAssets`, `ERC4626ExceededMaxRedeem`; those of the
    /// token.
    ///
    /// # Events
    /// `Withdraw`.
    pub(crate) fn redeem(&mut self, shares: U256, receiver: Address, controller: Address) -> Result<U256> {
        let lock = Lock::take()?;
        let (mut request, cohort) = self.begin_claim(controller)?;
        let amount = to_u128(shares).unwrap_or(u128::MAX);
        if amount == 0 {
            return Err(error!(ZeroShares));
        }
        let most = request.claimable_shares(&cohort)?;
        let Some(assets) = request.redeem(&cohort, amount)? else {
            return Err(error!(ERC4626ExceededMaxRedeem, controller, shares, most));
        };
        self.finish_claim(&request, amount, assets, receiver, controller)?;
        lock.release();
        Ok(U256::from(assets))
    }

    /// Pays out `assets` of what was served for `controller`.
    ///
    /// # Errors
    /// As [`redeem`](Self::redeem), with `ERC4626ExceededMaxWithdraw`.
    ///
    /// # Events
    /// `Withdraw`.
    pub(crate) fn withdraw(&mut self, assets: U256, receiver: Address, controller: Address) -> Result<U256> {
        let lock = Lock::take()?;
        let (mut request, cohort) = self.begin_claim(controller)?;
        let amount = to_u128(assets).unwrap_or(u128::MAX);
        let most = request.claimable_assets(&cohort)?;
        let Some(shares) = request.withdraw(&cohort, amount)? else {
            return Err(error!(ERC4626ExceededMaxWithdraw, controller, assets, most));
        };
        self.finish_claim(&request, shares, amount, receiver, controller)?;
        lock.release();
        Ok(U256::from(shares))
    }

    fn begin_claim(&self, controller: Address) -> Result<(Request, Cohort)> {
        self.require_redemptions()?;
        self.require_controller(controller)?;
        let request = self.request(controller);
        Ok((request, self.served_cohort(request.week)))
    }

    fn finish_claim(
        &mut self,
        request: &Request,
        shares: u128,
        assets: u128,
        receiver: Address,
        controller: Address,
    ) -> Result<()> {
        if assets == 0 {
            return Err(error!(ZeroAssets));
        }
        self.set_request(controller, request);
        let (served, payable) = self.liabilities();
        self.set_liabilities(minus(served, assets)?, payable)?;
        let caller = self.vm().msg_sender();
        emit!(self.vm(), Withdraw, [caller, receiver, controller], [assets, shares]);
        call::token::transfer(self.vm(), self.asset(), receiver, U256::from(assets))
    }

    /// Lets `operator` act for the caller's requests, or no longer.
    ///
    /// # Events
    /// `OperatorSet`.
    pub(crate) fn operate(&mut self, operator: Address, approved: bool) {
        let controller = self.vm().msg_sender();
        self.set_operator(controller, operator, approved);
        emit!(self.vm(), OperatorSet, [controller, operator], [approved]);
    }

    fn require_redemptions(&self) -> Result<()> {
        if self.vm().block_timestamp() < self.paused_until(REDEMPTIONS) {
            return Err(error!(EnforcedPause));
        }
        Ok(())
    }

    /// Fails unless the caller is `controller` or its operator.
    fn require_controller(&self, controller: Address) -> Result<()> {
        let caller = self.vm().msg_sender();
        if caller != controller && !self.is_operator(controller, caller) {
            return Err(error!(UnauthorizedOperator, caller, controller));
        }
        Ok(())
    }

    /// Shares and assets that `controller` can take now; none while redemptions are paused.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn claimable(&self, controller: Address) -> Result<(u128, u128)> {
        if self.require_redemptions().is_err() {
            return Ok((0, 0));
        }
        let request = self.request(controller);
        let cohort = self.served_cohort(request.week);
        Ok((request.claimable_shares(&cohort)?, request.claimable_assets(&cohort)?))
    }
}
