//! The first program: what Policy, Assessor and Vault call every day.

use alloc::vec::Vec;

use actuary::math::{WAD, mul_div_up};
use alloy_primitives::{Address, B256, U256};
use protocol::{
    Result, Word,
    abi::{EnforcedPause, IRisk, ParameterOutOfBounds},
    emit, error, ext, routes,
};
use stylus_sdk::{prelude::*, stylus_core::host::BlockAccess};

use crate::{
    book::{Book, MOST_WEEKS, Open, amount},
    line::{Claims, Moment, Report, State, Verdict},
    sale::{Order, Wanted},
    terms::{field, name},
};

/// The contract's first program; what it does not know it runs in [`RiskExt`](crate::RiskExt).
#[cfg_attr(not(any(feature = "ext", feature = "more")), entrypoint)]
#[storage]
pub struct Risk {
    book: Book,
}

#[cfg(any(feature = "ext", feature = "more"))]
// SAFETY: the type is what `entrypoint` would make it: the whole storage of a contract, from slot 0.
unsafe impl TopLevelStorage for Risk {}

routes! {
    Risk, constructor(owner, setup, extension, second_extension, week_seconds, latent_limit, min_seconds), fallback(fallback);
    IRisk::underwriteCall => underwrite(product, subject, amount, term, capital, size);
    IRisk::renewCall => renew(product, subject, cover, deadline, term, capital, size);
    IRisk::releaseCall => release(product, subject, cover, deadline, filed, confirmed);
    IRisk::incidentCall => incident(product, subject, number, verdict, opened_at, closed_at, worst_bps);
    IRisk::claimCall => claim(product, subject, loss_bps, cover, deadline, filed, before, total);
    IRisk::reserveClaimCall => reserve_claim(product, subject, loss_bps, cover, deadline, filed, before, total);
    IRisk::gateCall => gate(vault);
    IRisk::catchUpCall => catch_up(product, subject, n);
    IRisk::quoteCall => quote(product, subject, amount, term, capital);
    IRisk::quoteRenewalCall => quote_renewal(product, subject, cover, deadline, term, capital);
    IRisk::claimsClockCall => claims_clock();
}

impl Risk {
    /// The owner is the timelock, `setup` the deployer's key until it finishes the set-up, `extension` the second
    /// program and `second_extension` the third. Fixed for ever: the length of the weekly buckets (10 seconds to 7 days; the vault has the same), how
    /// long latent evidence holds (1 second to 7 days), and the shortest waiting, grace and term (1 second to 7 days).
    #[allow(clippy::too_many_arguments)]
    pub fn constructor(
        &mut self,
        owner: Address,
        setup: Address,
        extension: Address,
        second_extension: Address,
        week_seconds: u64,
        latent_limit: u64,
        min_seconds: u64,
    ) -> Result<()> {
        const LONGEST: u64 = 7 * 24 * 60 * 60;
        let bounded = |value: u64, least: u64, text: &str| {
            if (least..=LONGEST).contains(&value) {
                Ok(value)
            } else {
                Err(error!(ParameterOutOfBounds, name(text), value))
            }
        };
        let week_seconds = bounded(week_seconds, 10, "weekSeconds")?;
        let latent_limit = bounded(latent_limit, 1, "latentLimit")?;
        let min_seconds = bounded(min_seconds, 1, "minSeconds")?;
        self.book.roles.construct(owner, setup)?;
        self.book.extension.construct(extension)?;
        self.book.second_extension.construct(second_extension)?;
        self.book.construct(week_seconds, latent_limit, min_seconds);
        Ok(())
    }

    // ———————————————————————————————————————————————————————————————————————————————————————————————————— Policy

    /// Prices and books a cover from now. Answers with net premium, ratio, deductible, waiting and deadline.
    pub fn underwrite(
        &mut self,
        product: U256,
        subject: B256,
        amount: U256,
        term: U256,
        capital: U256,
        size: U256,
    ) -> Result<[U256; 5]> {
        self.book.only_policy()?;
        let wanted = Wanted::New(amount);
        let sale = self.book.sell(&Order { product, subject, wanted, term, capital, size })?;
        self.book.make(&sale)?;
        let net = sale.premium.net;
        emit!(self.vm(), IRisk::Underwritten, [product, subject], [amount, net, sale.rate]);
        Ok([net, sale.ratio, sale.terms.get(field::DEDUCTIBLE), sale.waiting, U256::from(sale.deadline)])
    }

    /// Prices what is left of a cover for `term` more seconds after its end, and moves it in the books. Answers with
    /// net premium and deadline.
    #[allow(clippy::too_many_arguments)]
    pub fn renew(
        &mut self,
        product: U256,
        subject: B256,
        cover: U256,
        deadline: U256,
        term: U256,
        capital: U256,
        size: U256,
    ) -> Result<(U256, U256)> {
        self.book.only_policy()?;
        let wanted = Wanted::Longer { cover, deadline };
        let sale = self.book.sell(&Order { product, subject, wanted, term, capital, size })?;
        self.book.make(&sale)?;
        let (net, deadline) = (sale.premium.net, U256::from(sale.deadline));
        emit!(self.vm(), IRisk::Renewed, [product, subject], [cover, net, sale.rate, deadline]);
        Ok((net, deadline))
    }

    /// Takes what is left of a policy's cover out of the books.
    pub fn release(
        &mut self,
        product: U256,
        subject: B256,
        cover: U256,
        deadline: U256,
        filed: bool,
        confirmed: U256,
    ) -> Result<()> {
        self.book.only_policy()?;
        let mut open = self.book.open(product, subject, MOST_WEEKS, false)?;
        let (cover, confirmed) = (amount(cover)?, amount(confirmed)?);
        let rest = cover.checked_sub(confirmed).ok_or(actuary::Overflow)?;
        let deadline = actuary::math::to_u64(deadline)?;
        let over = open.clock.claims() > deadline;
        if !over && open.line.state != State::Quiet {
            return Err(error!(IRisk::LineNotQuiet, product, subject)); // no cancel in an incident
        }
        let week = open.clock.week_of(deadline);
        if filed {
            open.line.expire(rest, confirmed)?;
            self.book.excess(&mut open, rest, deadline)?;
        } else if week >= open.line.next {
            self.book.change_bucket(&open, week, 0, cover)?;
            open.line.release(cover)?;
            self.book.excess(&mut open, cover, deadline)?;
        }
        self.book.close(&open, None, None)
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————————— Assessor

    /// Books what a trigger says about an incident. Answers with the vault's reserve before and after, and the line's.
    #[allow(clippy::too_many_arguments)]
    pub fn incident(
        &mut self,
        product: U256,
        subject: B256,
        number: U256,
        verdict: U256,
        opened_at: U256,
        closed_at: U256,
        worst_bps: U256,
    ) -> Result<(U256, U256, U256)> {
        self.book.only_assessor()?;
        let now = U256::from(self.vm().block_timestamp());
        let bounded = |value: U256, least: U256, most: U256, text: &str| {
            if value >= least && value <= most {
                Ok(value.as_limbs()[0])
            } else {
                Err(error!(ParameterOutOfBounds, name(text), value))
            }
        };
        let report = Report {
            number: bounded(number, U256::ONE, U256::from(u32::MAX), "number")?,
            verdict: match bounded(verdict, U256::ZERO, U256::from(2), "verdict")? {
                0 => Verdict::Inconclusive,
                1 => Verdict::NotMet,
                _ => Verdict::Confirmed,
            },
            opened_at: bounded(opened_at, U256::ZERO, now, "openedAt")?,
            closed_at: if closed_at.is_zero() { 0 } else { bounded(closed_at, opened_at, now, "closedAt")? },
            worst: bounded(worst_bps, U256::ZERO, U256::from(10_000), "worstBps")?,
        };
        let mut open = self.book.open(product, subject, MOST_WEEKS, true)?;
        if !open.done {
            return Err(error!(IRisk::CatchUpFirst));
        }
        let deductible = self.book.bounds(product).small(field::DEDUCTIBLE);
        let moment = Moment { clock: open.clock, grace: open.route.grace, deductible };
        let mut line = open.line;
        let news = line.report(&report, &moment, &|from, to| self.book.scheduled(&open, from, to))?;
        open.line = line;
        let reserve = self.book.reserve(&open)?;
        self.book.close(&open, None, None)?;
        if news {
            let (state, worst) = (line.state.code(), line.worst());
            let words = [state.word(), worst.word(), line.reserve().word()];
            emit!(self.vm(), IRisk::IncidentChanged, [product, subject, number], [words[0], words[1], words[2]]);
        }
        Ok((U256::from(reserve.before), U256::from(reserve.after), U256::from(line.reserve())))
    }

    /// Books the rise of a policy's confirmed claims. Answers with the vault's reserve before and after the claim.
    #[allow(clippy::too_many_arguments)]
    pub fn claim(
        &mut self,
        product: U256,
        subject: B256,
        loss_bps: U256,
        cover: U256,
        deadline: U256,
        filed: bool,
        before: U256,
        total: U256,
    ) -> Result<(U256, U256)> {
        let (mut open, claims) =
            self.claimed(product, subject, loss_bps, cover, deadline, filed, before, total, false)?;
        let rise = claims.total - claims.before;
        open.line.raise(loss_bps.as_limbs()[0], &claims);
        let reserve_before = self.book.reserve(&open)?.after;
        let counted = open.line.confirmed;
        open.line.claim(rise)?;
        let reserve = self.book.reserve(&open)?.after;

        let family = self.book.learn(&open, counted, open.line.confirmed)?;
        self.book.close(&open, family, None)?;
        Ok((U256::from(reserve_before), U256::from(reserve)))
    }

    /// Reserves the rise of a policy's claims until it is decided, beside the line and in full. Answers with what
    /// `decide_claim`, in the third program, is told of it.
    #[allow(clippy::too_many_arguments)]
    pub fn reserve_claim(
        &mut self,
        product: U256,
        subject: B256,
        loss_bps: U256,
        cover: U256,
        deadline: U256,
        filed: bool,
        before: U256,
        total: U256,
    ) -> Result<u64> {
        let proven = !loss_bps.is_zero();
        let (mut open, claims) =
            self.claimed(product, subject, loss_bps, cover, deadline, filed, before, total, !proven)?;
        let rise = claims.total - claims.before;
        if proven {
            open.line.raise(loss_bps.as_limbs()[0], &claims);
        }
        let suspended = open.line.suspend(rise, proven)?;
        self.book.close(&open, None, None)?;
        self.book.reserve_beside(open.route.vault, rise, proven, false)?;
        emit!(self.vm(), IRisk::ClaimReserved, [product, subject], [rise]);
        Ok(suspended.code())
    }

    // ————————————————————————————————————————————————————————————————————————————————————————— Vault and anyone

    /// Reserve, minimum and target capital of a vault, how many of its lines have an incident that is latent or not
    /// closed, and whether filing is paused.
    pub fn gate(&self, vault: Address) -> Result<(U256, U256, U256, U256, bool)> {
        let (reserve, unsettled) = self.book.unsettled(vault);
        let (_, _, minimum) = self.book.minimum(vault)?;
        let target = self.book.target(vault, None)?;
        Ok((U256::from(reserve), minimum, target, U256::from(unsettled), self.book.clock().is_paused()))
    }

    /// Processes at most `n` weekly buckets of a line. Anyone.
    pub fn catch_up(&mut self, product: U256, subject: B256, n: U256) -> Result<bool> {
        let weeks = u64::try_from(n).unwrap_or(u64::MAX);
        let open = self.book.open(product, subject, weeks, true)?;
        self.book.close(&open, None, None)?;
        Ok(open.done)
    }

    /// What `underwrite` would charge now.
    pub fn quote(&self, product: U256, subject: B256, amount: U256, term: U256, capital: U256) -> Result<[U256; 11]> {
        self.quoted(&Order { product, subject, wanted: Wanted::New(amount), term, capital, size: U256::MAX })
    }

    /// What `renew` would charge now.
    pub fn quote_renewal(
        &self,
        product: U256,
        subject: B256,
        cover: U256,
        deadline: U256,
        term: U256,
        capital: U256,
    ) -> Result<[U256; 11]> {
        let wanted = Wanted::Longer { cover, deadline };
        self.quoted(&Order { product, subject, wanted, term, capital, size: U256::MAX })
    }

    /// The claims clock.
    pub fn claims_clock(&self) -> U256 {
        U256::from(self.book.clock().claims())
    }

    /// Runs everything else in the second program.
    pub fn fallback(&mut self, calldata: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
        ext::delegate(self.vm(), self.book.extension.program(), calldata)
    }

    /// Opens the line of a policy whose claims rise, with its cover out of the buckets. `anyhow`: on a quiet line too.
    #[allow(clippy::too_many_arguments)]
    fn claimed(
        &mut self,
        product: U256,
        subject: B256,
        loss_bps: U256,
        cover: U256,
        deadline: U256,
        filed: bool,
        before: U256,
        total: U256,
        anyhow: bool,
    ) -> Result<(Open, Claims)> {
        self.book.only_assessor()?;
        let mut open = self.book.open(product, subject, MOST_WEEKS, anyhow)?;
        if open.clock.is_paused() {
            return Err(error!(EnforcedPause));
        }
        let clock = U256::from(open.clock.claims());
        if clock > deadline {
            return Err(error!(IRisk::ClaimAfterDeadline, deadline, clock));
        }
        if open.line.state == State::Quiet && !anyhow {
            return Err(open.too_late().unwrap_or_else(|| error!(IRisk::LineQuiet, product, subject)));
        }
        if loss_bps > actuary::math::BPS {
            return Err(error!(ParameterOutOfBounds, name("lossBps"), loss_bps));
        }
        if total > cover {
            return Err(error!(ParameterOutOfBounds, name("total"), total));
        }
        let claims = Claims { cover: amount(cover)?, before: amount(before)?, total: amount(total)? };
        claims.total.checked_sub(claims.before).ok_or(actuary::Overflow)?;
        if !filed {
            let week = open.clock.week_of(deadline.as_limbs()[0]);
            self.book.change_bucket(&open, week, 0, claims.cover)?;
            open.line.file(week, claims.cover)?;
        }
        Ok((open, claims))
    }

    /// An order's price, as `IRisk.Quote`.
    fn quoted(&self, order: &Order) -> Result<[U256; 11]> {
        let sale = self.book.sell(order)?;
        let (premium, (before, after, limit)) = (&sale.premium, sale.locked);
        Ok([
            premium.net,
            premium.pure,
            premium.capital_cost,
            premium.load,
            sale.rate,
            mul_div_up(before, WAD, limit)?,
            mul_div_up(after, WAD, limit)?,
            sale.ratio,
            self.book.bounds(order.product).get(field::DEDUCTIBLE),
            premium.locked,
            sale.waiting,
        ])
    }
}
