//! One sale, or the renewal of one: what is checked, what it costs, what it books.

use actuary::{
    math::{BPS, add, bps_down, bps_up, mul_div_down, sub, to_u64},
    premium::{Premium, Sale as Priced},
};
use alloy_primitives::{B256, U256};
use protocol::{Result, abi::IRisk, error};

use crate::{
    book::{Book, Exposure, MOST_SIBLINGS, MOST_WEEKS, ON_SALE, Open, Route, amount},
    family::Family,
    line::State,
    terms::{Terms, field},
};

/// What Policy asks a price for.
pub struct Order {
    /// The product's id.
    pub product: U256,
    /// What it covers.
    pub subject: B256,
    /// New cover, or what is left of one.
    pub wanted: Wanted,
    /// For how long, or how much longer.
    pub term: U256,
    /// The vault's capital.
    pub capital: U256,
    /// The subject's size.
    pub size: U256,
}

/// Which cover is priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// So much new cover, before coinsurance.
    New(U256),
    /// A cover that is in the books until its deadline, after its end.
    Longer {
        /// What it can still pay.
        cover: U256,
        /// Its last filing, on the claims clock.
        deadline: U256,
    },
}

/// A sale, or a renewal, that may be made now.
pub struct Sale {
    /// The most that the policy can pay: amount times ratio, rounded down.
    pub cover: u128,
    /// What the pool gets, and for what.
    pub premium: Premium,
    /// The loss rate in force, WAD a year.
    pub rate: U256,
    /// The compensation ratio in basis points; 0 for a renewal, which keeps its own.
    pub ratio: U256,
    /// From now to the start; 0 for a renewal, which begins at the end of what is renewed.
    pub waiting: U256,
    /// The product's terms, as far as a sale of this kind needs them.
    pub terms: Terms,
    /// The last filing, on the claims clock.
    pub deadline: u64,
    /// The last filing of what is renewed.
    renewed: Option<u64>,
    /// Capital that the product locks before and after, and the most that it may lock.
    pub locked: (U256, U256, U256),
    /// The line after it.
    pub open: Open,
    family: Family,
    exposure: Option<Exposure>,
}

impl Book {
    /// Prices an order, for a vault with so much capital and a subject of such a size, and checks all that Risk knows.
    /// Nothing is written: a quote is a sale that is not made.
    ///
    /// A renewal is priced over the part of the curve that its cover holds already, and counts nowhere twice. It
    /// reaches no further than a purchase of today could.
    ///
    /// # Errors
    /// `UnknownProduct`, `UnknownSubject`, `ProductNotOnSale`, `AmountOutOfBounds`, `TermOutOfBounds`, `LineNotQuiet`,
    /// `CatchUpFirst`, `VarianceUnknown`, `SubjectCapacityExceeded`, `CapacityExceeded`, `InsufficientCapital`, `PremiumExceedsCover`,
    /// `MathOverflow`; `CoverOver` for the renewal of what has ended.
    pub(crate) fn sell(&self, order: &Order) -> Result<Sale> {
        let Order { product, subject, wanted, term, capital, size } = *order;
        let mut open = self.open(product, subject, MOST_WEEKS, false)?;
        if open.route.status != ON_SALE {
            return Err(error!(IRisk::ProductNotOnSale, product));
        }
        let mut terms = self.prices(product);
        if let Wanted::New(_) = wanted {
            terms.0[1] = self.bounds(product).0[1];
        }
        // Terms are below two years, waiting and grace below half a year each.
        let [shortest, longest] = [field::MIN_TERM, field::MAX_TERM].map(|index| terms.small(index));
        let Route { waiting, grace, .. } = open.route;
        let clock = open.clock.claims();
        // When its first second counts, on the claims clock and with its grace; and for how long it may.
        let (from, longest, renewed) = match wanted {
            Wanted::New(amount) => {
                let (least, most) = (terms.get(field::MIN_AMOUNT), terms.get(field::MAX_AMOUNT));
                if amount < least || amount > most {
                    return Err(error!(IRisk::AmountOutOfBounds, amount, least, most));
                }
                (clock + waiting + grace, longest, None)
            }
            Wanted::Longer { deadline, .. } => {
                let deadline = to_u64(deadline)?;
                let end = deadline.saturating_sub(grace);
                if clock > end {
                    return Err(error!(IRisk::CoverOver, end, clock));
                }
                (deadline, (clock + waiting + longest).saturating_sub(end), Some(deadline))
            }
        };
        if term < U256::from(shortest) || term > U256::from(longest) {
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
        let rate = family.rate(&terms.believed())?;
        family.set_rate(rate)?;
        let rate = self.priced(&open.route, product, subject, &terms, rate)?;
        let sold = open.sold_by_family(&family)?;
        let (cover, before, ratio, waiting) = match wanted {
            Wanted::New(amount_wanted) => {
                let ratio = terms.compensation(rate)?;
                let cover = amount(bps_down(amount_wanted, ratio)?)?;
                open.line.sell(cover)?;
                (cover, sold, ratio, U256::from(waiting))
            }
            Wanted::Longer { cover, .. } => (amount(cover)?, sub(sold, cover)?, U256::ZERO, U256::ZERO),
        };
        let priced_cover = U256::from(cover);

        // The subject's size, over all its lines.
        let on_subject = U256::from(self.on_subject(&open)?);
        let allowed = bps_down(size, terms.get(field::SUBJECT))?;
        if on_subject > allowed {
            return Err(error!(IRisk::SubjectCapacityExceeded, on_subject, allowed));
        }

        // The product's share of the capital.
        let factor = terms.get(field::CAPITAL_FACTOR);
        let limit = bps_down(capital, terms.get(field::CAPACITY))?;
        let locked_before = bps_up(before, factor)?;
        let locked_after = bps_up(add(before, priced_cover)?, factor)?;
        if locked_after > limit {
            return Err(error!(IRisk::CapacityExceeded, locked_after, limit));
        }

        // The capital that all cover of the vault wants, this one included; and what its incidents may still take.
        let exposure = self.exposure(&open)?;
        if let (Wanted::New(_), Some(exposure)) = (wanted, &exposure) {
            self.require_room(open.route.vault, exposure)?;
        }
        let target = self.target(open.route.vault, exposure.as_ref())?;
        let (reserve, _) = self.unsettled(open.route.vault);
        let required = target.max(U256::from(reserve));
        if capital < required {
            return Err(error!(IRisk::InsufficientCapital, capital, required));
        }

        let capacity = mul_div_down(limit, BPS, factor)?;
        let premium = terms.pricing().premium(&Priced { cover: priced_cover, term, rate, before, capacity })?;
        if premium.net > priced_cover {
            return Err(error!(IRisk::PremiumExceedsCover, premium.net, priced_cover));
        }
        let deadline = from + term.as_limbs()[0];
        let locked = (locked_before, locked_after, limit);
        Ok(Sale { cover, premium, rate, ratio, waiting, terms, deadline, renewed, locked, open, family, exposure })
    }

    /// Makes a sale: books its cover, or moves it to the week of its new deadline.
    ///
    /// # Errors
    /// `MathOverflow`; where what is renewed is not in the books.
    pub(crate) fn make(&mut self, sale: &Sale) -> Result<()> {
        if let Some(deadline) = sale.renewed {
            let week = sale.open.clock.week_of(deadline);
            self.change_bucket(&sale.open, week, 0, sale.cover)?;
        }
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
