//! Redemption: requests, weekly cohorts, service in order, and claims.
//!
//! All requests of one week are one [`Cohort`]. At the edge that closes the week its price is capped at the middle
//! price of that moment, one cap for all in it. After a cooldown cohorts are served in order, pro rata inside one, at
//! the lower of cap and exit price, as far as capital and liquid money allow. A service changes two numbers, whatever
//! the number of requests: κ, the part of a unit that still waits, and α, the assets served on a unit.
//!
//! ```text
//! pending   = ⌊u · κ⌋
//! claimable = u − pending + carried shares,  ⌊u · α⌋ + carried assets
//! ```
//!
//! Σ⌊u · κ⌋ ≤ P and Σ⌊u · α⌋ ≤ what was served, because both round down: at most one unit of dust a service and a
//! claim stays behind.

use crate::{
    Overflow,
    books::{Books, Price, minus, plus, scale_down, scale_up},
    math::Result,
    payout::RAY,
};

/// From so many assets a share on, α is kept in [`COARSE`]; below, it has at most 126 bits in RAY.
const DEAR: u128 = 1 << 36;

/// In what α is kept where a share is worth more than RAY leaves room for: in a pool that nearly all have left, with
/// assets that came later. What is rounded is a smaller part of it than in RAY of a share at its first price.
const COARSE: u128 = 1_000_000_000_000;

/// The bit of α that says so.
const IS_COARSE: u128 = 1 << 127;

/// The requests of one week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cohort {
    /// Shares that were requested, served or not: the units that κ and α count by.
    pub units: u128,
    /// P: shares that still wait.
    pub pending: u128,
    /// RAY − κ. A cohort begins with κ = 1, that is with zero here.
    pub gone: u128,
    /// α: assets served on a unit, as [`alpha`](Self::alpha) tells it: in RAY or, with the highest bit set, coarser.
    pub alpha: u128,
    /// Since when the cohort, once due, has waited for incidents to be settled, in seconds; zero while it has not.
    pub waiting: u64,
    /// The price at the edge that closed the week; not set while it is open.
    pub cap: Price,
}

impl Cohort {
    /// κ: the part of a unit that still waits, in RAY.
    #[must_use]
    pub const fn kappa(&self) -> u128 {
        RAY.saturating_sub(self.gone)
    }

    /// α: so many assets were served on so many units.
    #[must_use]
    pub const fn alpha(&self) -> Price {
        let assets = self.alpha & !IS_COARSE;
        Price { assets, shares: if assets == self.alpha { RAY } else { COARSE } }
    }

    /// Whether a due cohort still waits at `now` while incidents are not settled: `patience` seconds in all, from the
    /// first time that its service was tried during one. In this time who does not want the exit price can cancel,
    /// however long the cohort has been due.
    pub fn waits(&mut self, now: u64, patience: u64) -> bool {
        if self.waiting == 0 {
            self.waiting = now;
        }
        now - self.waiting < patience
    }
}

/// What one controller has asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// u: its units in the cohort of `week`.
    pub units: u128,
    /// The week of its request.
    pub week: u64,
    /// Claimable shares carried over from earlier cohorts, less what was taken out.
    pub shares: i128,
    /// Claimable assets carried over from earlier cohorts, less what was taken out.
    pub assets: i128,
}

impl Request {
    /// Shares that wait to be served.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn pending(&self, cohort: &Cohort) -> Result<u128> {
        scale_down(self.units, cohort.kappa(), RAY)
    }

    /// Shares that were served and whose assets can be taken.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn claimable_shares(&self, cohort: &Cohort) -> Result<u128> {
        let served = minus(self.units, self.pending(cohort)?)?;
        served.checked_add_signed(self.shares).ok_or(Overflow)
    }

    /// The assets that can be taken.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn claimable_assets(&self, cohort: &Cohort) -> Result<u128> {
        let served = cohort.alpha().assets_down(self.units)?;
        served.checked_add_signed(self.assets).ok_or(Overflow)
    }

    /// Takes the assets of `shares` out and answers them: all of them for all shares, else ⌊pro rata⌋. `None` where
    /// fewer shares are claimable.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn redeem(&mut self, cohort: &Cohort, shares: u128) -> Result<Option<u128>> {
        let (all_shares, all_assets) = (self.claimable_shares(cohort)?, self.claimable_assets(cohort)?);
        if shares > all_shares {
            return Ok(None);
        }
        let assets = if shares == all_shares { all_assets } else { scale_down(all_assets, shares, all_shares)? };
        self.take(cohort, shares, assets)?;
        Ok(Some(assets))
    }

    /// Takes `assets` out and answers for how many shares: ⌈pro rata⌉. `None` where fewer assets are claimable.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn withdraw(&mut self, cohort: &Cohort, assets: u128) -> Result<Option<u128>> {
        let (all_shares, all_assets) = (self.claimable_shares(cohort)?, self.claimable_assets(cohort)?);
        if assets > all_assets {
            return Ok(None);
        }
        if assets == 0 {
            return Ok(Some(0));
        }
        let shares = scale_up(all_shares, assets, all_assets)?;
        self.take(cohort, shares, assets)?;
        Ok(Some(shares))
    }

    fn take(&mut self, cohort: &Cohort, shares: u128, assets: u128) -> Result<()> {
        self.shares = self.shares.checked_sub_unsigned(shares).ok_or(Overflow)?;
        self.assets = self.assets.checked_sub_unsigned(assets).ok_or(Overflow)?;
        if cohort.pending == 0 && self.claimable_shares(cohort)? == 0 && self.claimable_assets(cohort)? == 0 {
            // The cohort is over: its units are never counted by again.
            *self = Self { week: self.week, ..Self::default() };
        }
        Ok(())
    }
}

/// What [`Books::leave`] gave back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Shares given back.
    pub kept: u128,
    /// Shares destroyed, because the cap was below what they are worth now.
    pub burned: u128,
    /// Further shares destroyed: what rounding left in a cohort without units.
    pub dust: u128,
    /// What all of these were worth, which went into the stream.
    pub streamed: u128,
}

/// What [`Books::serve`] did for one cohort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Shares destroyed.
    pub shares: u128,
    /// Assets set aside for them.
    pub assets: u128,
    /// What the shares were worth more, which went into the stream.
    pub forgone: u128,
}

/// How far a cohort can be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// R: worst payout of all cover that can still claim under open incidents.
    pub reserve: u128,
    /// M: capital that must stay.
    pub minimum: u128,
    /// Money that can be paid out at once.
    pub liquid: u128,
}

impl Books {
    /// Adds `shares` to the request and to the cohort of the present week. The request has no units in another.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn join(&mut self, request: &mut Request, cohort: &mut Cohort, shares: u128) -> Result<()> {
        request.units = plus(request.units, shares)?;
        request.week = self.week;
        cohort.units = plus(cohort.units, shares)?;
        cohort.pending = plus(cohort.pending, shares)?;
        self.queued = plus(self.queued, shares)?;
        self.tail = self.week;
        Ok(())
    }

    /// Takes what is not served of a request out of its cohort; what was served stays claimable.
    ///
    /// A share whose cap is below its worth now comes back only in part: a standing request is no free option. The
    /// rest is burned and its worth goes into the stream.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn leave(&mut self, request: &mut Request, cohort: &mut Cohort, now: u64) -> Result<Left> {
        let pending = request.pending(cohort)?;
        let shares = request.claimable_shares(cohort)?;
        let assets = request.claimable_assets(cohort)?;
        cohort.units = minus(cohort.units, request.units)?;
        cohort.pending = minus(cohort.pending, pending)?;
        self.queued = minus(self.queued, pending)?;
        *request = Request {
            units: 0,
            week: request.week,
            shares: i128::try_from(shares).map_err(|_| Overflow)?,
            assets: i128::try_from(assets).map_err(|_| Overflow)?,
        };

        let mut left = Left { kept: pending, ..Left::default() };
        let price = self.value(now)?.middle_price()?;
        if cohort.cap.is_set() {
            let worth = cohort.cap.assets_down(pending)?;
            if worth < price.assets_down(pending)? {
                left.kept = scale_down(worth, price.shares, price.assets)?.min(pending);
                left.burned = minus(pending, left.kept)?;
            }
        }
        if cohort.units == 0 {
            left.dust = cohort.pending;
            cohort.pending = 0;
            self.queued = minus(self.queued, left.dust)?;
        }
        let destroyed = plus(left.burned, left.dust)?;
        if destroyed > 0 {
            left.streamed = price.assets_down(destroyed)?;
            self.supply = minus(self.supply, destroyed)?;
            self.stream_in(left.streamed, now)?;
        }
        Ok(left)
    }

    /// Serves a cohort whose cap is set, as far as the limits allow: at min(cap, exit price), out of
    /// min(A − O − R − M, liquid). `None` where nothing can be served now.
    ///
    /// The pool falls by what is set aside, N by the middle worth of the shares: the middle price never moves.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn serve(&mut self, cohort: &mut Cohort, limits: &Limits, now: u64) -> Result<Option<Served>> {
        let value = self.value(now)?;
        let budget = value.budget(limits.reserve, limits.minimum).min(limits.liquid);
        let price = cohort.cap.lower(value.exit_price(limits.reserve)?)?;
        let shares = match scale_down(budget, price.shares, price.assets) {
            Ok(affordable) => affordable.min(cohort.pending),
            Err(Overflow) => cohort.pending, // more than there can be
        };
        let assets = price.assets_down(shares)?;
        let worth = value.middle_price()?.assets_down(shares)?;
        // Nothing is given for a share while no exit basis is left, or by a budget of less than a unit: that passes.
        // A cap that is worth nothing does not, and must not hold up the cohorts behind.
        if value.exit(limits.reserve) == 0 || shares == 0 || (assets == 0 && shares < cohort.pending) {
            return Ok(None);
        }
        let forgone = minus(worth, assets)?;
        self.supply = minus(self.supply, shares)?;
        self.queued = minus(self.queued, shares)?;
        self.pool = minus(self.pool, assets)?;
        self.stream_in(forgone, now)?;
        self.cut_stream(now)?;
        cohort.pending = minus(cohort.pending, shares)?;
        // No price of a cohort is above its cap, so all services of one keep α alike.
        if cohort.cap.assets / cohort.cap.shares >= DEAR {
            cohort.alpha |= IS_COARSE;
        }
        cohort.alpha = plus(cohort.alpha, scale_down(assets, cohort.alpha().shares, cohort.units)?)?;
        cohort.gone = minus(RAY, scale_down(cohort.pending, RAY, cohort.units)?)?;
        Ok(Some(Served { shares, assets, forgone }))
    }
}
