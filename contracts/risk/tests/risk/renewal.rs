//! Renewals: what is checked, what they cost, what they move.

use actuary::{
    math::{BPS, WAD, YEAR},
    premium::{Premium, Pricing as Formula, Sale},
};
use alloy_primitives::U256;
use proptest::prelude::*;
use protocol::abi::{IOwned::UnauthorizedCaller, IRisk};
use standards::errors::MathOverflow;

use crate::town::{CONFIRMED, Cover, DAY, GRACE, MILLE, TERM, Town, WAITING, WEEK, plain_terms, text, u, usd};

/// What the published formula says for a cover on the plain terms for `term`, the first of it at `before`.
fn formula(town: &Town, cover: U256, before: U256, term: u64) -> Premium {
    let mille = |n: u64| U256::from(n * MILLE);
    let curve =
        actuary::curve::Curve { base: U256::ZERO, kink: mille(800), kink_rate: mille(20), full_rate: mille(300) };
    let pricing =
        Formula { margin_bps: u(12_000), capital_factor_bps: BPS, cost_of_capital: mille(60), curve, minimum: usd(1) };
    let rate = town.estimate().rate;
    pricing.premium(&Sale { cover, term: u(term), rate, before, capacity: town.capital }).unwrap()
}

#[test]
fn a_renewal_costs_todays_price_over_the_part_of_the_curve_that_the_cover_holds() {
    let town = Town::plain();
    let first = town.buy("X", usd(8_000_000));
    town.buy("Y", usd(10_000_000));
    town.buy("Y", usd(9_000_000));
    town.warp(60 * DAY);
    let (net, deadline) = town.renew(&first, TERM);
    // 27 M are sold: the cover counts as the last of them
    assert_eq!(net, formula(&town, usd(8_000_000), usd(19_000_000), TERM).net);
    assert_ne!(net, first.net, "the evidence of sixty days has lowered the rate");
    assert_eq!(deadline, first.deadline + u(TERM));
    let event = &town.world.events::<IRisk::Renewed>(town.risk)[0];
    assert_eq!((event.product, event.subject, event.cover), (u(1), text("X"), usd(8_000_000)));
    assert_eq!((event.net, event.rate, event.deadline), (net, town.estimate().rate, deadline));
}

#[test]
fn who_has_all_that_is_sold_renews_at_the_price_of_a_first_purchase() {
    let town = Town::plain();
    let sold = town.buy("X", usd(100_000));
    assert_eq!(town.renew(&sold, TERM).0, sold.net);
    assert_eq!(town.line("X").cover, usd(100_000));
}

#[test]
fn a_renewal_moves_the_bucket_and_nothing_else() {
    let town = Town::plain();
    let other = town.buy("X", usd(1_000));
    let sold = town.buy("X", usd(5_000));
    town.warp(40 * DAY);
    let books = |town: &Town| {
        let estimate = town.estimate();
        let capital = (town.gate().target, town.gate().minimum, town.exposure("key X"));
        (town.line("X").cover, town.active_cover(), capital, estimate.exposure, estimate.rate)
    };
    let before = books(&town);
    let renewed = Cover { deadline: town.renew(&sold, TERM).1, ..sold };
    assert_eq!(books(&town), before);
    // at the end of the first term the other one leaves alone
    let week: u64 = other.deadline.to::<u64>() / WEEK;
    town.world.warp_to((week + 1) * WEEK);
    assert!(town.catch_up("X", 64));
    assert_eq!(town.line("X").cover, usd(5_000));
    // and this one in the week of its new deadline
    let week: u64 = renewed.deadline.to::<u64>() / WEEK;
    town.world.warp_to((week + 1) * WEEK - 1);
    assert_eq!(town.line("X").cover, usd(5_000));
    town.warp(1);
    assert!(town.catch_up("X", 64));
    assert_eq!((town.line("X").cover, town.active_cover(), town.exposure("key X")), Default::default());
}

#[test]
fn a_renewal_within_one_week_stays_in_its_bucket() {
    let mut terms = plain_terms();
    terms.limits.minTerm = (WEEK / 8) as u32;
    let town = Town::with(terms);
    let slots = |town: &Town| town.world.slots_of(town.risk);
    // so that the deadline is at the beginning of a week, two weeks share a word, and so does the next deadline
    town.warp(2 * WEEK - (town.now() + WAITING + TERM + GRACE) % (2 * WEEK));
    let mut sold = town.buy("X", usd(5_000));
    let before = slots(&town);
    for _ in 0..8 {
        sold.deadline = town.renew(&sold, WEEK / 8).1;
    }
    assert_eq!(slots(&town), before);
    sold.deadline = town.renew(&sold, WEEK).1;
    assert_eq!(slots(&town), before, "one word is empty and another one is filled");
    town.release(&sold);
    assert_eq!(town.line("X").cover, U256::ZERO);
}

#[test]
fn a_renewed_policy_has_its_cover_times_both_its_terms_of_exposure() {
    let mut terms = plain_terms();
    terms.pricing.halfLife = (3_650 * DAY) as u32; // so that forgetting does not hide it
    let town = Town::with(terms);
    let sold = town.buy("X", usd(8_000_000));
    town.warp(80 * DAY);
    town.renew(&sold, TERM);
    town.warp(2 * TERM - 80 * DAY + GRACE + 2 * WEEK);
    town.catch_up("X", 64);
    let expected = usd(8_000_000) * u(2 * TERM) / YEAR;
    let exposure = town.estimate().exposure;
    assert!(exposure.abs_diff(expected) <= expected / u(20), "{exposure} is not near {expected}");
}

#[test]
fn a_renewed_policy_may_be_claimed_on_until_its_new_deadline() {
    let town = Town::plain();
    let mut sold = town.buy("X", usd(5_000));
    town.warp(60 * DAY);
    sold.deadline = town.renew(&sold, TERM).1;
    town.warp(TERM);
    assert_eq!(town.open("X").1, usd(5_000), "its incident is in the second term");
    assert_eq!(town.claim(&mut sold, 10_000, usd(5_000)), (usd(5_000), U256::ZERO));
}

#[test]
fn a_pause_moves_what_is_renewed_as_it_moves_everything() {
    let town = Town::plain();
    let sold = town.buy("X", usd(5_000));
    town.pause(town.guardian, 5 * DAY).unwrap();
    // the term ended by the calendar, not yet on the claims clock
    town.warp(WAITING + TERM + 5 * DAY);
    let (_, deadline) = town.renew(&sold, TERM);
    assert_eq!(deadline, sold.deadline + u(TERM));
    town.warp(1);
    let town = Town::plain();
    let sold = town.buy("X", usd(5_000));
    town.pause(town.guardian, 5 * DAY).unwrap();
    town.warp(WAITING + TERM + 5 * DAY + 1);
    town.not_renewed(town.renewal(&sold, TERM)).expect::<IRisk::CoverOver>();
}

#[test]
fn only_policy_renews() {
    let town = Town::plain();
    let sold = town.buy("X", usd(1_000));
    for caller in [town.owner, town.setup, town.assessor, town.vault, town.anyone] {
        let refused = town.world.refused(caller, town.risk, town.renewal(&sold, TERM));
        assert_eq!(refused.expect::<UnauthorizedCaller>().account, caller);
    }
}

#[test]
fn cover_that_has_ended_is_bought_anew() {
    let town = Town::plain();
    let sold = town.buy("X", usd(1_000));
    town.warp(WAITING + TERM + 1);
    let refused = town.not_renewed(town.renewal(&sold, TERM)).expect::<IRisk::CoverOver>();
    assert_eq!((refused.end, refused.clock), (sold.deadline - u(GRACE), u(town.clock())));
    // nor when it has left the books
    town.warp(GRACE + 2 * WEEK);
    town.catch_up("X", 64);
    town.not_renewed(town.renewal(&sold, TERM)).expect::<IRisk::CoverOver>();
    // in its last second it may be renewed
    let sold = town.buy("X", usd(1_000));
    town.warp(WAITING + TERM);
    town.renew(&sold, TERM);
}

#[test]
fn a_renewal_meets_every_check_of_a_purchase() {
    let mut terms = plain_terms();
    terms.limits.subjectBps = 2_000;
    terms.limits.capacityBps = 4_000;
    let town = Town::with(terms.clone());
    let sold = town.buy("X", usd(6_000_000));
    town.buy("Y", usd(2_000_000));
    let renewal = town.renewal(&sold, TERM);
    let with = |call: &IRisk::renewCall| town.not_renewed(call.clone());

    let unknown = with(&IRisk::renewCall { product: u(9), ..renewal.clone() });
    assert_eq!(unknown.expect::<IRisk::UnknownProduct>().product, u(9));
    with(&IRisk::renewCall { subject: text("Z"), ..renewal.clone() }).expect::<IRisk::UnknownSubject>();
    // the subject's size, with the cover in it already
    let refused = with(&IRisk::renewCall { size: usd(29_999_999), ..renewal.clone() });
    let refused = refused.expect::<IRisk::SubjectCapacityExceeded>();
    assert_eq!((refused.needed, refused.available), (usd(6_000_000), cents_of(29_999_999, 20)));
    // capacity and capital that losses have taken since
    let refused = with(&IRisk::renewCall { capital: usd(20_000_000) - u(3), ..renewal.clone() });
    let refused = refused.expect::<IRisk::CapacityExceeded>();
    assert_eq!((refused.needed, refused.available), (usd(8_000_000), usd(8_000_000) - u(2)));
    town.make_renewal(IRisk::renewCall { capital: usd(20_000_000), size: usd(30_000_000), ..renewal.clone() });

    // a term within its bounds, and no further than who buys now may reach
    let sold = town.buy("X", usd(1_000));
    for (term, longest) in [(0, 275), (7 * DAY - 1, 275), (275 * DAY + 1, 275), (u64::MAX, 275)] {
        let refused = town.not_renewed(town.renewal(&sold, term)).expect::<IRisk::TermOutOfBounds>();
        assert_eq!((refused.term, refused.min, refused.max), (u(term), u(7 * DAY), u(longest * DAY)));
    }
    town.warp(WAITING + TERM - DAY);
    let refused = town.not_renewed(town.renewal(&sold, 366 * DAY)).expect::<IRisk::TermOutOfBounds>();
    assert_eq!(refused.max, u(365 * DAY));
    town.renew(&sold, 365 * DAY);
}

/// A share of whole units, in the smallest one.
fn cents_of(units: u64, percent: u64) -> U256 {
    usd(units) * u(percent) / u(100)
}

#[test]
fn a_renewal_needs_the_capital_that_a_purchase_needs() {
    let mut terms = plain_terms();
    terms.limits.capitalFactorBps = 5_000; // so that capacity does not bind
    let town = Town::with(terms);
    let sold = town.buy("X", usd(6_000_000));
    let with = |cover: &Cover, capital| IRisk::renewCall { capital, ..town.renewal(cover, TERM) };
    // one key: target = 1.2 x, no more by the renewal
    let target = town.gate().target;
    let refused = town.not_renewed(with(&sold, target - u(1))).expect::<IRisk::InsufficientCapital>();
    assert_eq!((refused.capital, refused.required), (target - u(1), target));
    town.make_renewal(with(&sold, target));
    // nor while the reserve exceeds the capital
    let other = town.buy("Y", usd(1_000));
    town.warp(2 * DAY);
    town.open("X");
    assert_eq!((town.gate().reserve, town.gate().target), (usd(6_000_000), usd(1_000_000)));
    let refused = town.not_renewed(with(&other, usd(6_000_000) - u(1))).expect::<IRisk::InsufficientCapital>();
    assert_eq!(refused.required, usd(6_000_000));
    town.make_renewal(with(&other, usd(6_000_000)));
}

#[test]
fn nothing_is_renewed_while_the_line_is_not_quiet_or_its_version_not_on_sale() {
    let town = Town::plain();
    let sold = town.buy("X", usd(1_000));
    town.warp(2 * DAY);
    town.open("X");
    town.not_renewed(town.renewal(&sold, TERM)).expect::<IRisk::LineNotQuiet>();
    town.book(town.report("X", 1, CONFIRMED, town.now(), town.now(), 2_500));
    town.warp(GRACE);
    town.not_renewed(town.renewal(&sold, TERM)).expect::<IRisk::LineNotQuiet>();
    town.warp(1);
    let sold = Cover { deadline: town.renew(&sold, TERM).1, ..sold };
    town.own(IRisk::reviseProductCall { family: u(1), newTerms: plain_terms() });
    town.not_renewed(town.renewal(&sold, TERM)).expect::<IRisk::ProductNotOnSale>();
    // what was renewed runs on
    town.warp(TERM);
    assert_eq!(town.line("X").cover, usd(1_000));
}

#[test]
fn a_renewal_needs_a_catch_up_where_a_sale_does() {
    let mut terms = plain_terms();
    terms.limits.maxTerm = (730 * DAY) as u32;
    let town = Town::with(terms);
    let sold = town.make(IRisk::underwriteCall { term: u(729 * DAY), ..town.purchase("X", usd(1_000)) });
    town.warp(65 * WEEK);
    town.not_renewed(town.renewal(&sold, TERM)).expect::<IRisk::CatchUpFirst>();
    assert!(!town.catch_up("X", 10));
    town.renew(&sold, TERM);
}

#[test]
fn what_is_not_in_the_books_is_not_renewed() {
    let town = Town::plain();
    let sold = town.buy("X", usd(1_000));
    let call = town.renewal(&sold, TERM);
    for cover in [usd(1_001), U256::from(1u128 << 96), U256::MAX] {
        town.not_renewed(IRisk::renewCall { cover, ..call.clone() }).expect::<MathOverflow>();
    }
    town.not_renewed(IRisk::renewCall { cover: U256::ZERO, ..call.clone() }).expect::<IRisk::PremiumExceedsCover>();
    for deadline in [sold.deadline + u(9 * WEEK), sold.deadline - u(9 * WEEK)] {
        town.not_renewed(IRisk::renewCall { deadline, ..call.clone() }).expect::<MathOverflow>();
    }
    town.not_renewed(IRisk::renewCall { deadline: U256::MAX, ..call.clone() }).expect::<MathOverflow>();
    town.not_renewed(IRisk::renewCall { deadline: u(u64::MAX), ..call }).expect::<IRisk::TermOutOfBounds>();
}

#[test]
fn a_quote_of_a_renewal_explains_itself() {
    let mut terms = plain_terms();
    terms.limits.coinsuranceBaseBps = 1_000;
    terms.limits.coinsuranceMaxBps = 1_000;
    terms.limits.deductibleBps = 200;
    let town = Town::with(terms);
    town.buy("Y", usd(3_000_000));
    let sold = town.buy("X", usd(1_000_000));
    assert_eq!(sold.cover, usd(900_000));
    let quote = town.quote_renewal(town.renewal(&sold, TERM)).unwrap();
    assert_eq!(quote.net, quote.purePremium + quote.capitalCost + quote.load);
    assert_eq!((quote.ratioBps, quote.waiting, quote.deductibleBps), (U256::ZERO, U256::ZERO, u(200)));
    assert_eq!((quote.rate, quote.locked), (town.estimate().rate, usd(900_000)));
    assert_eq!(quote.utilisationBefore, usd(2_700_000) * WAD / town.capital);
    assert_eq!(quote.utilisationAfter, usd(3_600_000) * WAD / town.capital);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_quote_of_a_renewal_is_what_renew_does_at_any_time(
        sold in 100u64..10_000_000, others in 0u64..10_000_000, days in 0u64..150, first in 7u64..365, term in 0u64..400,
        capital in 0u64..60_000_000,
    ) {
        let town = Town::plain();
        let sold = town.make(IRisk::underwriteCall { term: u(first * DAY), ..town.purchase("X", usd(sold)) });
        let mut beside = None;
        if others >= 100 {
            beside = Some(town.buy("X", usd(others)));
            town.buy("Y", usd(others));
        }
        town.warp(days * DAY);
        let call = IRisk::renewCall { capital: usd(capital), ..town.renewal(&sold, term * DAY) };
        let quote = town.quote_renewal(call.clone()).map(|quote| quote.net);
        let renewed = town.world.send(town.policy, town.risk, call);
        if let Ok(renewed) = &renewed {
            prop_assert_eq!(renewed.newDeadline, sold.deadline + u(term * DAY));
            // no sooner and no later than its week
            let week = renewed.newDeadline.to::<u64>() / WEEK;
            prop_assert!(renewed.newDeadline.to::<u64>() <= town.clock() + WAITING + 365 * DAY + GRACE);
            town.world.warp_to(week * WEEK);
            town.catch_up("X", 64);
            prop_assert!(town.line("X").cover >= sold.cover);
            town.world.warp_to((week + 1) * WEEK);
            town.catch_up("X", 64);
            let left = beside.filter(|beside| beside.deadline.to::<u64>() / WEEK > week);
            prop_assert_eq!(town.line("X").cover, left.map_or(U256::ZERO, |beside| beside.cover));
        }
        prop_assert_eq!(quote, renewed.map(|renewed| renewed.net));
    }
}
