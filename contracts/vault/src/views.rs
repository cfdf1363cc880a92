//! What pages and contracts read: prices, limits and the ability to pay.

use actuary::{
    books::{Price, Value},
    math::{mul_div_down, mul_div_up},
    payout::RAY,
};
use alloy_primitives::{Address, FixedBytes, U256};
use alloy_sol_types::SolCall;
use protocol::{Result, abi::IRisk, call::ask};
use standards::{Word, erc165};
use stylus_sdk::{prelude::*, stylus_core::host::AccountAccess};

use crate::{history::coverage, state::State};

/// ERC-7540's operators.
const ERC7540_OPERATOR: [u8; 4] = [0xe3, 0xbc, 0x4e, 0x65];
/// ERC-7540's asynchronous redemption.
const ERC7540_REDEEM: [u8; 4] = [0x62, 0x0e, 0xe8, 0xe4];
/// ERC-7575: a vault whose share may be another contract.
const ERC7575: [u8; 4] = [0x2f, 0x0a, 0x18, 0xc5];

impl State {
    pub(crate) fn value(&self) -> Result<Value> {
        self.glance()?.value()
    }

    /// What who enters pays for: TA, and what investments are worth above their books.
    pub(crate) fn total_assets(&self) -> Result<U256> {
        Ok(U256::from(self.value()?.entry()))
    }

    /// Capital for capacity, and whether the vault takes no new business whatever its reserve.
    pub(crate) fn capital(&self) -> Result<(U256, bool)> {
        let open = self.glance()?;
        Ok((U256::from(open.value()?.capital()?), open.is_run_off()))
    }

    /// Shares for `assets` on entry, rounded down.
    pub(crate) fn convert_to_shares(&self, assets: U256) -> Result<U256> {
        let value = self.value()?;
        let total = U256::from(value.entry()).wrapping_add(U256::ONE);
        Ok(mul_div_down(assets, U256::from(value.all_shares()?), total)?)
    }

    /// What `shares` cost on entry, rounded down.
    pub(crate) fn convert_to_assets(&self, shares: U256) -> Result<U256> {
        let value = self.value()?;
        let total = U256::from(value.entry()).wrapping_add(U256::ONE);
        Ok(mul_div_down(shares, total, U256::from(value.all_shares()?))?)
    }

    /// What `shares` cost on entry, rounded up.
    pub(crate) fn preview_mint(&self, shares: U256) -> Result<U256> {
        let value = self.value()?;
        let total = U256::from(value.entry()).wrapping_add(U256::ONE);
        Ok(mul_div_up(shares, total, U256::from(value.all_shares()?))?)
    }

    /// Shares of `controller` that were served, whether they can be taken now or not.
    pub(crate) fn claimable_shares(&self, controller: Address) -> Result<u128> {
        let request = self.request(controller);
        Ok(request.claimable_shares(&self.served_cohort(request.week))?)
    }

    /// What `controller` has asked for and was not served.
    pub(crate) fn pending(&self, controller: Address) -> Result<U256> {
        let request = self.request(controller);
        Ok(U256::from(request.pending(&self.served_cohort(request.week))?))
    }

    /// What `controller` has asked for: week, waiting shares, claimable shares and assets, and when the rest is due.
    pub(crate) fn request_view(&self, controller: Address) -> Result<(U256, U256, U256, U256, U256)> {
        let request = self.request(controller);
        let cohort = self.served_cohort(request.week);
        let pending = request.pending(&cohort)?;
        let due = if pending == 0 { 0 } else { (request.week + 1) * self.seconds() + self.cooldown() };
        Ok((
            U256::from(request.week),
            U256::from(pending),
            U256::from(request.claimable_shares(&cohort)?),
            U256::from(request.claimable_assets(&cohort)?),
            U256::from(due),
        ))
    }

    /// A cohort: units, waiting shares, κ and α in RAY, and the price that caps it.
    pub(crate) fn cohort_view(&self, week: u64) -> Result<(U256, U256, U256, U256, U256, U256)> {
        let cohort = self.cohort(week);
        Ok((
            U256::from(cohort.units),
            U256::from(cohort.pending),
            U256::from(cohort.kappa()),
            in_ray(cohort.alpha())?,
            U256::from(cohort.cap.assets),
            U256::from(cohort.cap.shares),
        ))
    }

    /// Confirmed claims of a policy, what is owed of them, and to whom.
    pub(crate) fn owed_view(&self, policy: U256) -> Result<(U256, U256, Address)> {
        let (record, payee) = self.record(policy);
        let owed = record.owed_now(&self.peek_unpriced()?.books.debt)?;
        Ok((U256::from(record.confirmed), U256::from(owed), payee))
    }

    /// The ability to pay, in the order of `IVault.Solvency`.
    pub(crate) fn solvency(&self) -> Result<[U256; 18]> {
        let open = self.peek()?;
        let value = open.value()?;
        let gate = self.gate()?;
        let (served, payable) = self.liabilities();
        let unearned = open.books.unearned_up(open.now)?;
        // Cash is what of the pool is not invested, and what left the pool without having been sent.
        let pool = U256::from(open.books.pool.saturating_sub(open.books.invested));
        let cash = pool.wrapping_add(U256::from(served)).wrapping_add(U256::from(payable));
        let capital = U256::from(value.capital()?);
        let minimum = U256::from(gate.minimum);
        let coverage = coverage(value.capital()?, gate.minimum)?;
        let me = self.vm().contract_address().word();
        let cover = ask(self.vm(), self.risk(), IRisk::activeCoverCall::SELECTOR, &[me])?.word(0)?;
        let entry = Price { assets: value.entry().saturating_add(1), shares: value.all_shares()? };
        Ok([
            U256::from(value.assets),
            cash,
            U256::from(open.books.invested),
            U256::from(unearned),
            U256::from(served),
            U256::from(payable),
            U256::from(value.owed),
            U256::from(value.stream),
            U256::from(gate.reserve),
            U256::from(value.queued),
            capital,
            minimum,
            U256::from(gate.target),
            cover,
            coverage,
            in_ray(entry)?,
            in_ray(value.exit_price(gate.reserve)?)?,
            U256::from(u8::from(open.is_run_off() || value.assets < gate.reserve)),
        ])
    }

    /// Whether the interface of this id is supported.
    pub(crate) fn supports(&self, id: FixedBytes<4>) -> bool {
        erc165::supports(id.0, &[ERC7540_OPERATOR, ERC7540_REDEEM, ERC7575])
    }
}

/// A price in RAY, rounded down.
fn in_ray(price: Price) -> Result<U256> {
    Ok(mul_div_down(U256::from(price.assets), U256::from(RAY), U256::from(price.shares))?)
}
