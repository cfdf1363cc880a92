//! One sale: what is checked, what it costs, what it books.

use actuary::{
    math::{BPS, add, bps_down, bps_up, mul_div_down},
    premium::{Premium, Sale as Priced},
};
use alloy_primitives::{B256, U256};
use protocol::{Result, abi::IRisk, error};

use crate::{
    book::{Book, Exposure, MOST_SIBLINGS, MOST_WEEKS, ON_SALE, Open, amount},
    family::Family,
    line::State,
    terms::{Terms, field},
};

/// A sale that may be made now.
pub struct Sale {
    /// The most that the policy can pay: amount times ratio, rounded down.
    pub cover: u128,
    /// What the pool gets, and for what.
    pub premium: Premium,
    /// The loss rate in force, WAD a year.
    pub rate: U256,
    /// The compensation ratio in basis points.
    pub ratio: U256,
    /// The product's terms.
    pub terms: Terms,
    /// The last filing, on the claims clock.
    pub deadline: u64,
    /// Capital that the product locks before and after, and the most that it may lock.
    pub locked: (U256, U256, U256),
    /// The line after it.
    pub open: Open,
    family: Family,
    exposure: Option<Exposure>,
}

impl Book {
    /// Prices a cover of `amount` for `term` seconds on a subject of `size`, for a vault with `capital`, and checks all
    /// that Risk knows. Nothing is written: a quote is a sale that is not made.
    ///
    /// # Errors
    /// `UnknownProduct`, `UnknownSubject`, `ProductNotOnSale`, `AmountOutOfBounds`, `TermOutOfBounds`, `LineNotQuiet`,
    /// `CatchUpFirst`, `SubjectCapacityExceeded`, `CapacityExceeded`, `InsufficientCapital`, `PremiumExceedsCover`,
    /// `MathOverflow`.
    pub(crate) fn sell(
        &self,
        product: U256,
        subject: B256,
        amount_wanted: U256,
        term: U256,
        capital: U256,
        size: U256,
    ) -> Result<Sale> {
        let mut open = self.open(product, subject, MOST_WEEKS, false)?;
        if open.route.status != ON_SALE {
            return Err(error!(IRisk::ProductNotOnSale, product));
        }
        let terms = self.terms(product);
        let (least, most) = (terms.get(field::MIN_AMOUNT), terms.get(field::MAX_AMOUNT));
        if amount_wanted < least || amount_wanted > most {
            return Err(error!(IRisk::AmountOutOfBounds, amount_wanted, least, most));
        }
        let (shortest, longest) = (terms.get(field::MIN_TERM), terms.get(field::MAX_TERM));
        if term < shortest || term > longest {
            return Err(error!(IRisk::TermOutOfBounds, term, shortest, longest));
        }
        if open.line.state != State::Quiet {
            return Err(error!(IRisk::LineNotQuiet, product, subject));
        }
        if !open.done {
            return Err(error!(IRisk::CatchUpFirst));
        }

        // The evidence: what was released on the way here no longer counts as cover.
        let mut family = self.family(open.route.family)?;
        let rate = family.rate(&terms)?;
        family.set_rate(rate)?;
        let sold = open.sold_by_family(&family)?;
        let ratio = terms.compensation(rate)?;
        let cover = amount(bps_down(amount_wanted, ratio)?)?;

        // The subject's size, over all its lines.
        open.line.sell(cover)?;
        let on_subject = U256::from(self.on_subject(&open)?);
        let allowed = bps_down(size, terms.get(field::SUBJECT))?;
        if on_subject > allowed {
            return Err(error!(IRisk::SubjectCapacityExceeded, on_subject, allowed));
        }

        // The product's share of the capital.
        let factor = terms.get(field::CAPITAL_FACTOR);
        let limit = bps_down(capital, terms.get(field::CAPACITY))?;
        let before = bps_up(sold, factor)?;
        let after = bps_up(add(sold, U256::from(cover))?, factor)?;
        if after > limit {
            return Err(error!(IRisk::CapacityExceeded, after, limit));
        }

        // The capital that all cover of the vault wants, this one included; and what its incidents may still take.
        let exposure = self.exposure(&open)?;
        let target = self.target(open.route.vault, exposure.as_ref())?;
        let (reserve, _) = self.unsettled(open.route.vault);
        let required = target.max(U256::from(reserve));
        if capital < required {
            return Err(error!(IRisk::InsufficientCapital, capital, required));
        }

        let priced =
            Priced { cover: U256::from(cover), term, rate, before: sold, capacity: mul_div_down(limit, BPS, factor)? };
        let premium = terms.pricing().premium(&priced)?;
        if premium.net > priced.cover {
            return Err(error!(IRisk::PremiumExceedsCover, premium.net, priced.cover));
        }
        // Terms are below two years, waiting and grace below half a year each.
        let times = terms.small(field::WAITING) + terms.small(field::GRACE) + term.as_limbs()[0];
        let deadline = open.clock.claims() + times;
        let locked = (before, after, limit);
        Ok(Sale { cover, premium, rate, ratio, terms, deadline, locked, open, family, exposure })
    }

    /// Makes a sale: books its cover.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn make(&mut self, sale: &Sale) -> Result<()> {
        let week = sale.open.clock.week_of(sale.deadline);
        self.change_bucket(&sale.open, week, sale.cover, 0)?;
        self.close(&sale.open, Some(sale.family), sale.exposure)
    }

    /// The cover of all lines on the same subject, vault and trigger, with what `open` sells.
    fn on_subject(&self, open: &Open) -> Result<u128> {
        let mut sum = open.line.cover;
        let mut sibling = open.line.sibling;
        for _ in 0..MOST_SIBLINGS {
            if sibling == 0 || U256::from(sibling) == open.product {
                break;
            }
            let line = self.glance(U256::from(sibling), open.subject);
            sum = sum.checked_add(line.cover).ok_or(actuary::Overflow)?;
            sibling = line.sibling;
        }
        Ok(sum)
    }
}
