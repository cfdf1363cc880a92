//! A staked jury: what votes weigh, what they decide, and what they cost and earn.
//!
//! Weights are whole grains of the staked token, 1e10 of its units, so that penalties are exact: the sum of the
//! penalties is the penalty of the sum, and what some lose is to the unit what the others share.

use alloy_primitives::U256;

use crate::math::{Overflow, Result, mul_div_down};

/// Units of the staked token in one grain.
pub const GRAIN: u128 = 10_000_000_000;

/// Part of what is revealed that awards or denies, basis points.
pub const SUPERMAJORITY_BPS: u64 = 6_600;

/// An award is a whole number of percent.
pub const SHARES: usize = 100;

/// What of the amount an award must differ by for an appeal to have been right, as a divisor.
pub const MATERIAL: u64 = 10;

/// Most entries of a [`Tenure`].
pub const MOST_ENTRIES: usize = 8;

const BPS: u128 = 10_000;

/// How a vote or a case ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// Too few voted, or they did not agree.
    #[default]
    Draw,
    /// A share is awarded.
    Award,
    /// Nothing is.
    Denied,
}

/// The votes of one round, in grains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Committed, revealed or not.
    pub committed: u64,
    /// Revealed for an award.
    pub awards: u64,
    /// Revealed against one.
    pub denies: u64,
}

impl Tally {
    /// What was revealed.
    #[must_use]
    pub const fn revealed(&self) -> u64 {
        // at most what was committed
        self.awards.saturating_add(self.denies)
    }

    /// What the round decides: with a quorum revealed, 66 % of it one way, or where it is `simple` more than half.
    #[must_use]
    pub fn outcome(&self, quorum: u64, simple: bool) -> Outcome {
        let revealed = self.revealed();
        if revealed == 0 || revealed < quorum {
            return Outcome::Draw;
        }
        let carries = |side: u64| {
            let side = u128::from(side);
            let needed = if simple { BPS / 2 } else { u128::from(SUPERMAJORITY_BPS) };
            let (has, needs) = (side * BPS, u128::from(revealed) * needed);
            has > needs || !simple && has == needs
        };
        match (carries(self.awards), carries(self.denies)) {
            (true, _) => Outcome::Award,
            (_, true) => Outcome::Denied,
            _ => Outcome::Draw,
        }
    }

    /// The weight of those who are right under an outcome, and of those who are not: they voted otherwise or did not
    /// reveal. A draw makes all right who revealed.
    #[must_use]
    pub const fn sides(&self, outcome: Outcome) -> (u64, u64) {
        let right = match outcome {
            Outcome::Draw => self.revealed(),
            Outcome::Award => self.awards,
            Outcome::Denied => self.denies,
        };
        (right, self.committed.saturating_sub(right))
    }
}

/// The median of weighted places, counted from 1: the first at which half of the weight is reached, that is the lower
/// one where there are two; 0 where nothing weighs.
#[must_use]
pub fn median(weights: &[u64]) -> usize {
    let total: u128 = weights.iter().copied().map(u128::from).sum();
    let mut reached = 0;
    weights
        .iter()
        .position(|weight| {
            reached += u128::from(*weight);
            total > 0 && 2 * reached >= total
        })
        .map_or(0, |place| place + 1)
}

/// The stake that must be revealed: a part of what is eligible, rounded up; all in grains.
///
/// # Errors
/// [`Overflow`].
pub fn quorum(eligible: u64, bps: u64) -> Result<u64> {
    u64::try_from((u128::from(eligible) * u128::from(bps)).div_ceil(BPS)).map_err(|_| Overflow)
}

/// What a vote weighs, in grains, rounded down: the least that was staked, at most what is not at risk elsewhere. So all
/// penalties together never exceed the stake.
///
/// # Errors
/// [`Overflow`] where more is at risk than is staked.
pub fn weight(least: u128, stake: u128, at_risk: u128) -> Result<u64> {
    let free = stake.checked_sub(at_risk).ok_or(Overflow)?;
    u64::try_from(least.min(free) / GRAIN).map_err(|_| Overflow)
}

/// What a weight loses, in units of the token; exact, since a grain is a multiple of 10,000.
#[must_use]
pub const fn penalty(weight: u64, bps: u64) -> u128 {
    // below 2^64 · 2^16 · 1e6
    (weight as u128) * (bps as u128) * (GRAIN / BPS)
}

/// The most that a jury may award: so much for each 1e18 units revealed, rounded down.
///
/// # Errors
/// [`Overflow`].
pub fn award_limit(revealed: u64, rate: U256) -> Result {
    const PER: u128 = 1_000_000_000_000_000_000 / GRAIN;
    mul_div_down(U256::from(revealed), rate, U256::from(PER))
}

/// A part of a pot by weight, rounded down. Whoever takes the parts one after another, each out of what the one before
/// left, takes all of it.
///
/// # Errors
/// [`Overflow`] where nothing weighs.
pub fn part(pot: u128, weight: u128, of: u128) -> Result<u128> {
    crate::math::to_u128(mul_div_down(U256::from(pot), U256::from(weight), U256::from(of))?)
}

/// From `time` on there has been at least `stake`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Since when.
    pub time: u64,
    /// How much.
    pub stake: u128,
}

/// How long how much of a stake has been there: entries of rising time and stake, the last one all of it.
///
/// A fall takes away what is above it, for all times; a rise adds an entry. So the least stake from any time until now is
/// the last entry that is not later, exactly, unless more rises than there is room for stand at once: then the entry is
/// given up that costs least, and what it held counts as having come with the next one, never sooner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tenure {
    entries: [Entry; MOST_ENTRIES],
    count: usize,
}

impl Tenure {
    /// A tenure of these entries, the oldest first; those beyond [`MOST_ENTRIES`] are left out.
    #[must_use]
    pub fn of(entries: impl Iterator<Item = Entry>) -> Self {
        let mut tenure = Self::default();
        for (slot, entry) in tenure.entries.iter_mut().zip(entries) {
            *slot = entry;
            tenure.count += 1;
        }
        tenure
    }

    /// The entries, the oldest first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        self.entries.get(..self.count).unwrap_or_default()
    }

    /// All of the stake.
    #[must_use]
    pub fn stake(&self) -> u128 {
        self.entries().last().map_or(0, |entry| entry.stake)
    }

    /// The least stake at any time from `since` on.
    #[must_use]
    pub fn least(&self, since: u64) -> u128 {
        self.entries().iter().rev().find(|entry| entry.time <= since).map_or(0, |entry| entry.stake)
    }

    /// Sets the stake at `time`, which is never before the last entry's.
    pub fn set(&mut self, time: u64, stake: u128) {
        let before = self.stake();
        if stake > before {
            self.push(Entry { time, stake });
        } else if stake < before {
            // What is left has been there since the first entry that held as much.
            let kept = self.entries().iter().position(|entry| entry.stake >= stake).unwrap_or_default();
            self.count = if stake == 0 { 0 } else { kept + 1 };
            if let Some(entry) = self.entries.get_mut(kept) {
                entry.stake = stake;
            }
        }
    }

    fn push(&mut self, entry: Entry) {
        match self.entries().last() {
            Some(last) if last.time == entry.time => self.count -= 1,
            _ if self.count == MOST_ENTRIES => self.give_up_one(entry.time),
            _ => {}
        }
        if let Some(slot) = self.entries.get_mut(self.count) {
            *slot = entry;
            self.count += 1;
        }
    }

    /// Takes out the entry whose stake, above the one before it, loses least time until the next one, the last one's
    /// until `next`.
    fn give_up_one(&mut self, next: u64) {
        let mut cheapest = (u128::MAX, 0);
        let mut below = 0;
        for (index, entry) in self.entries().iter().enumerate() {
            let until = self.entries().get(index + 1).map_or(next, |later| later.time);
            let grains = entry.stake.saturating_sub(below) / GRAIN;
            let cost = grains.saturating_mul(u128::from(until.saturating_sub(entry.time)));
            if cost < cheapest.0 {
                cheapest = (cost, index);
            }
            below = entry.stake;
        }
        self.entries.copy_within(cheapest.1 + 1.., cheapest.1);
        self.count -= 1;
    }
}
