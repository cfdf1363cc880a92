//! What must come out of an incident, from the formulas of the books alone: plain integers, no contract.
//!
//! Premiums are earned from the weekly edge after cover starts to the one after it ends; a leaver gets the lower of the
//! price that capped the week he asked in and the price after reserve; a claim is a part of the cover that was bought.

use alloy_primitives::U256;

use crate::insurer::{AT_ONCE, DAY, GRACE, HOUR, WEEK, u};

/// Virtual shares.
const DELTA: u64 = 1_000_000;

/// One policy, as it was sold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sold {
    pub(crate) amount: U256,
    /// The pool's premium.
    pub(crate) net: U256,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Sold {
    /// What is not earned of its premium, in units of 2^-48.
    fn unearned(&self, now: u64) -> U256 {
        let edge = |time: u64| (time / WEEK + 1) * WEEK;
        let from = edge(self.start);
        let to = edge(self.end).max(from + WEEK);
        let rate: U256 = self.net << 48usize;
        let rate = rate.div_ceil(u(to - from));
        rate * u(to.saturating_sub(now.max(from)))
    }

    /// Whether it could claim under what opened then, as far as weeks of deadlines tell.
    fn is_exposed(&self, opened: u64) -> bool {
        (self.end + GRACE) / WEEK >= (opened + GRACE) / WEEK
    }
}

/// The pool's books without strategies, in one incident.
#[derive(Clone, Debug, Default)]
pub(crate) struct Books {
    pub(crate) deposits: U256,
    pub(crate) shares: U256,
    pub(crate) sold: Vec<Sold>,
    /// Claims paid, and confirmed.
    pub(crate) paid: U256,
    pub(crate) confirmed: U256,
    /// What leavers got.
    pub(crate) served: U256,
    /// What was won back.
    pub(crate) recovered: U256,
    /// Won back or forgone by leavers, from when on it flows to the shares, for four weeks.
    pub(crate) stream: U256,
    pub(crate) streams_from: u64,
    /// What was paid at once: under the incident, and in the day that began with this limit.
    at_once: U256,
    /// What waited under it.
    waited: U256,
    day: Option<(U256, U256, u64)>,
}

impl Books {
    /// What can pay claims.
    pub(crate) fn assets(&self, now: u64) -> U256 {
        let premiums: U256 = self.sold.iter().map(|sold| sold.net).sum();
        let unearned: U256 = self.sold.iter().map(|sold| sold.unearned(now)).sum();
        let unearned = unearned.div_ceil(U256::ONE << 48usize);
        self.deposits + premiums + self.recovered - unearned - self.paid - self.served
    }

    /// What the shares are worth before the reserve.
    pub(crate) fn middle(&self, now: u64) -> U256 {
        let end = self.streams_from + 4 * WEEK;
        let left = u(end.saturating_sub(now.max(self.streams_from)));
        self.assets(now) - (self.stream * left).div_ceil(u(4 * WEEK))
    }

    /// The worst that can still be claimed: all cover that was exposed while the incident is open, by its worst loss after.
    pub(crate) fn reserve(&self, opened: u64, closed_worst: Option<u16>) -> U256 {
        let exposed = self.sold.iter().filter(|sold| sold.is_exposed(opened)).map(|sold| sold.amount).sum::<U256>();
        let worst = exposed * u(closed_worst.unwrap_or(10_000).into());
        worst.div_ceil(u(10_000)).saturating_sub(self.confirmed)
    }

    /// What shares bring that leave now.
    pub(crate) fn exit(&self, shares: U256, reserve: U256, now: u64) -> U256 {
        shares * (self.middle(now).saturating_sub(reserve) + U256::ONE) / (self.shares + u(DELTA))
    }

    /// Shares are served that asked in a week which closed at `edge`, when the books were `then`.
    pub(crate) fn serve(&mut self, shares: U256, then: &Self, edge: u64, reserve: U256, now: u64) -> U256 {
        let cap = (then.middle(edge) + U256::ONE, then.shares + u(DELTA));
        let price = (self.middle(now).saturating_sub(reserve) + U256::ONE, self.shares + u(DELTA));
        let lower = if cap.0 * price.1 < price.0 * cap.1 { cap } else { price };
        let paid = shares * lower.0 / lower.1;
        let worth = shares * (self.middle(now) + U256::ONE) / (self.shares + u(DELTA));
        self.served += paid;
        self.shares -= shares;
        (self.stream, self.streams_from) = (worth - paid, now);
        paid
    }

    /// A confirmed claim at this moment: whether it is paid at once, else how long it waits. All that is paid at once
    /// under the incident, and since a day without such a payment, keeps to a twentieth of the capital; what waits waits
    /// from two hours to three days, in proportion to all that was confirmed under the incident so far, of a fifth of the capital.
    pub(crate) fn claim(&mut self, rise: U256, now: u64) -> Option<u64> {
        let capital = self.middle(now);
        let (limit, before) = match self.day {
            Some((limit, paid, last)) if now < last + DAY => (limit, paid),
            _ => (capital * u(AT_ONCE) / u(10_000), U256::ZERO),
        };
        if before + rise <= limit && self.at_once + rise <= limit {
            self.at_once += rise;
            self.day = Some((limit, before + rise, now));
            return None;
        }
        let (least, most) = (2 * HOUR, 3 * DAY);
        self.waited += rise;
        let (size, full) = (self.at_once + self.waited, capital / u(5));
        Some(if size >= full { most } else { least + (u(most - least) * size / full).to::<u64>() })
    }
}

/// Seeded numbers.
pub(crate) struct Seeded(pub(crate) u64);

impl Seeded {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}
