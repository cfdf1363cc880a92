//! Confirmed claims that a pool could not pay in full, and how all of them end with the same share.
//!
//! A claim is paid min(1, A ÷ R) of itself at once: A are the assets, R is the worst payout of all cover that can
//! still claim, this claim included. The rest is owed. Whenever R falls or A rises, what is owed is topped up first,
//! so that claims end with the same share in whatever order they were filed. Nobody ever pays back.
//!
//! ```text
//! K  confirmed claims of which something is owed        O  what is owed of them        D = K − O
//! ψ  what is left of a unit owed since ψ was one        epoch: rises whenever O reaches zero
//! owed of a record now = 0 in an older epoch, else ⌈owed · ψ ÷ ψᵢ⌉
//! ```
//!
//! In a solvent pool all of this is zero and costs one comparison.
//!
//! Only what is liquid can be paid: where part of a solvent pool is invested and does not come back at once, a claim is
//! owed that part meanwhile.

use alloy_primitives::U256;

use crate::{
    books::{Books, minus, plus, scale_down, scale_up},
    math::{Result, add, div_down, to_u128},
};

/// 1e27: where ψ begins.
pub const RAY: u128 = 1_000_000_000_000_000_000_000_000_000;

/// How many units two shares may differ by and still count as the same: what rounding made of equal claims.
const SLACK: u64 = 8;

/// What a pool owes on confirmed claims in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Debt {
    /// K: confirmed claims of which something is owed, in full.
    pub claims: u128,
    /// O: what is owed of them.
    pub owed: u128,
    /// ψ, in RAY: what is left of a unit that has been owed since the epoch began.
    pub psi: u128,
    /// How often everything owed has been paid.
    pub epoch: u64,
}

impl Default for Debt {
    fn default() -> Self {
        Self { claims: 0, owed: 0, psi: RAY, epoch: 0 }
    }
}

impl Debt {
    /// Tops up what is owed out of `assets`, as far as claims to come with a `reserve` leave room for and at most by
    /// `liquid`; answers by how much.
    ///
    /// All of it where A ≥ O + R, else T = max(0, ⌊(K · A + O · R − K · R) ÷ (K + R)⌋, which brings every claim
    /// in K to the share (A + D) ÷ (K + R).
    ///
    /// # Errors
    /// [`Overflow`](crate::Overflow).
    pub fn top_up(&mut self, assets: u128, reserve: u128, liquid: u128) -> Result<u128> {
        if self.owed == 0 {
            return Ok(0);
        }
        let amount = if assets >= plus(self.owed, reserve)? {
            self.owed
        } else {
            let [k, a, o, r] = [self.claims, assets, self.owed, reserve].map(U256::from);
            // Products of 128 bits fit; their sum is checked.
            let gain = add(k.wrapping_mul(a), o.wrapping_mul(r))?;
            let share = gain.saturating_sub(k.wrapping_mul(r));
            to_u128(div_down(share, add(k, r)?)?)?
        };
        let amount = amount.min(liquid);
        self.psi = scale_up(self.psi, minus(self.owed, amount)?, self.owed)?;
        self.owed = minus(self.owed, amount)?;
        self.settle_epoch();
        Ok(amount)
    }

    /// Begins a new epoch where nothing is owed any more.
    fn settle_epoch(&mut self) {
        if self.owed == 0 {
            *self = Self { claims: 0, owed: 0, psi: RAY, epoch: self.epoch + 1 };
        }
    }
}

/// What one policy is owed; kept only while there is something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Its confirmed claims in all.
    pub confirmed: u128,
    /// What was owed of them when this was written.
    pub owed: u128,
    /// ψ at that time.
    pub psi: u128,
    /// The epoch of that time.
    pub epoch: u64,
}

impl Record {
    /// What is still owed. The rest of [`owed`](Self::owed) has been topped up since and can be taken.
    ///
    /// # Errors
    /// [`Overflow`](crate::Overflow).
    pub fn owed_now(&self, debt: &Debt) -> Result<u128> {
        if self.epoch < debt.epoch || self.owed == 0 {
            return Ok(0);
        }
        scale_up(self.owed, debt.psi, self.psi)
    }
}

/// A policy's confirmed claims rise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rise {
    /// From this much in all,
    pub before: u128,
    /// to this much.
    pub total: u128,
    /// R while the rise is still part of it,
    pub reserve_before: u128,
    /// and R without.
    pub reserve_after: u128,
}

/// What [`Books::settle`] decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settlement {
    /// What the payee gets at once.
    pub paid: u128,
    /// The part of it that was set aside before or meanwhile; the other part leaves the pool now.
    pub taken: u128,
    /// What had been set aside for this policy before and was not taken: its former payee's.
    pub former: u128,
    /// What was set aside in all for owed claims, this one's part among it.
    pub set_aside: u128,
    /// What is owed now; nothing where `owed` is zero.
    pub record: Record,
}

impl Books {
    /// Tops up what is owed (see [`Debt::top_up`]); what it answers is payable from now on.
    ///
    /// # Errors
    /// [`Overflow`](crate::Overflow).
    pub fn top_up(&mut self, reserve: u128, now: u64) -> Result<u128> {
        if self.debt.owed == 0 {
            return Ok(0);
        }
        let assets = self.value(now)?.assets;
        let liquid = assets.saturating_sub(self.invested);
        let amount = self.debt.top_up(assets, reserve, liquid)?;
        self.pool = minus(self.pool, amount)?;
        Ok(amount)
    }

    /// Settles a policy whose confirmed claims rise; `record` is what it was owed before.
    ///
    /// A claim is paid on its whole, less what it had. With K′ and D′ the claims of which something is owed and this
    /// one, and what all of them have been paid:
    ///
    /// - all of it where A ≥ R;
    /// - the common share (A + D′) ÷ (K′ + R), where the claims before have not had more;
    /// - else A ÷ R: another incident opened after they were paid.
    ///
    /// # Errors
    /// [`Overflow`](crate::Overflow); where `total < before`, too.
    pub fn settle(&mut self, rise: &Rise, record: &Record, now: u64) -> Result<Settlement> {
        let mut set_aside = self.top_up(rise.reserve_before, now)?;

        let was_owed = record.owed_now(&self.debt)?;
        let former = minus(record.owed, was_owed)?;
        let had = minus(rise.before, was_owed)?;
        if was_owed > 0 {
            // Rounding up may have made the last record's part a unit more than what is owed in all.
            self.debt.claims = minus(self.debt.claims, rise.before)?;
            self.debt.owed = self.debt.owed.saturating_sub(was_owed);
            self.debt.settle_epoch();
        }

        let assets = self.value(now)?.assets;
        let due = self.due(rise.total, rise.before, had, assets, rise.reserve_before)?;
        let paid = due.saturating_sub(had).min(assets.saturating_sub(self.invested));
        let owed = minus(minus(rise.total, had)?, paid)?;
        self.pool = minus(self.pool, paid)?;
        if owed > 0 {
            self.debt.claims = plus(self.debt.claims, rise.total)?;
            self.debt.owed = plus(self.debt.owed, owed)?;
        }
        let mut record = Record { confirmed: rise.total, owed, psi: self.debt.psi, epoch: self.debt.epoch };

        set_aside = plus(set_aside, self.top_up(rise.reserve_after, now)?)?;
        record.owed = record.owed_now(&self.debt)?;
        record.psi = self.debt.psi;
        record.epoch = self.debt.epoch;
        let taken = minus(owed, record.owed)?;
        self.cut_stream(now)?;
        Ok(Settlement { paid: plus(paid, taken)?, taken, former, set_aside, record })
    }

    /// What a claim of `total` is due in all, of which `before` was confirmed and `had` paid.
    fn due(&self, total: u128, before: u128, had: u128, assets: u128, reserve: u128) -> Result<u128> {
        minus(total, before)?;
        if assets >= reserve {
            return Ok(total);
        }
        let claims = plus(self.debt.claims, before)?;
        let paid = plus(minus(self.debt.claims, self.debt.owed)?, had)?;
        let worth = plus(assets, paid)?;
        let against = plus(claims, reserve)?;
        // D′ ÷ K′ ≤ (A + D′) ÷ (K′ + R), with D′ less the slack; products of 128 bits fit.
        let [d, k, w, g] = [paid, claims, worth, against].map(U256::from);
        let theirs = d.saturating_sub(U256::from(SLACK)).wrapping_mul(g);
        if theirs <= w.wrapping_mul(k) { scale_down(total, worth, against) } else { scale_down(total, assets, reserve) }
    }
}
