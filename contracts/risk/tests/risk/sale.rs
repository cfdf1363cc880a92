//! Sales: what is checked, what they cost, what they book.

use actuary::{
    math::{BPS, WAD},
    premium::{Premium, Pricing as Formula, Sale},
};
use alloy_primitives::U256;
use proptest::prelude::*;
use protocol::abi::{IOwned::UnauthorizedCaller, IRisk};
use standards::errors::MathOverflow;

use crate::town::{CONFIRMED, DAY, GRACE, MILLE, TERM, Town, WAITING, WEEK, cents, plain_terms, text, u, usd};

/// What the published formula says for a sale on the plain terms, after `before` has been sold.
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
fn a_sale_costs_what_the_formula_says() {
    let town = Town::plain();
    let sold = town.buy("X", usd(100_000));
    let expected = formula(&town, usd(100_000), U256::ZERO, TERM);
    assert_eq!(sold.net, expected.net);
    // 236.71 pure + 1,475.94 for capital + 0.62 load, in cents
    assert_eq!(sold.net / u(10_000), u(171_327));
    let next = town.buy("Y", usd(200_000));
    assert_eq!(next.net, formula(&town, usd(200_000), usd(100_000), TERM).net);
}

#[test]
fn a_quote_equals_what_underwrite_charges_in_the_same_block() {
    let town = Town::plain();
    town.buy("Y", usd(3_000_000));
    town.warp(40 * DAY);
    let quote = town.read(IRisk::quoteCall {
        product: u(1),
        subject: text("X"),
        amount: usd(250_000),
        term: u(TERM),
        capital: town.capital,
    });
    let sold = town.world.send(town.policy, town.risk, town.purchase("X", usd(250_000))).unwrap();
    assert_eq!(quote.net, sold.net);
    assert_eq!(quote.net, quote.purePremium + quote.capitalCost + quote.load);
    assert_eq!((quote.ratioBps, quote.deductibleBps, quote.waiting), (sold.ratioBps, sold.deductibleBps, sold.waiting));
    assert_eq!(quote.rate, town.estimate().rate);
    assert_eq!(quote.locked, usd(250_000));
    assert_eq!(quote.utilisationBefore, usd(3_000_000) * WAD / town.capital);
    assert_eq!(quote.utilisationAfter, usd(3_250_000) * WAD / town.capital);
}

#[test]
fn a_sale_answers_with_the_products_terms_and_a_deadline_on_the_claims_clock() {
    let mut terms = plain_terms();
    terms.limits.coinsuranceBaseBps = 1_000;
    terms.limits.coinsuranceSlopeBps = 20_000;
    terms.limits.coinsuranceMaxBps = 3_000;
    terms.limits.deductibleBps = 200;
    let town = Town::with(terms);
    town.pause(town.guardian, DAY).unwrap();
    town.warp(3 * DAY);
    let sold = town.world.send(town.policy, town.risk, town.purchase("X", usd(100_000))).unwrap();
    // 1 − (10 % + 2 · 0.8 %)
    assert_eq!((sold.ratioBps, sold.deductibleBps, sold.waiting), (u(8_840), u(200), u(WAITING)));
    assert_eq!(sold.deadline, u(town.now() - DAY + WAITING + TERM + GRACE));
    // What is booked is what can be paid at most.
    assert_eq!(town.line("X").cover, usd(88_400));
    assert_eq!(town.exposure("key X"), usd(88_400));
    assert_eq!(town.active_cover(), usd(88_400));
    let event = &town.world.events::<IRisk::Underwritten>(town.risk)[0];
    assert_eq!((event.product, event.subject, event.amount), (u(1), text("X"), usd(100_000)));
    assert_eq!((event.net, event.rate), (sold.net, u(8 * MILLE)));
}

#[test]
fn only_policy_sells_and_releases() {
    let town = Town::plain();
    let sold = town.buy("X", usd(1_000));
    for caller in [town.owner, town.setup, town.assessor, town.vault, town.anyone] {
        let refused = town.world.refused(caller, town.risk, town.purchase("X", usd(1_000)));
        assert_eq!(refused.expect::<UnauthorizedCaller>().account, caller);
        let refused = town.world.refused(caller, town.risk, town.release_call(&sold));
        assert_eq!(refused.expect::<UnauthorizedCaller>().account, caller);
    }
}

#[test]
fn nothing_is_sold_on_an_unknown_product_or_subject() {
    let town = Town::plain();
    let refused = town.not_sold(IRisk::underwriteCall { product: u(9), ..town.purchase("X", usd(1_000)) });
    assert_eq!(refused.expect::<IRisk::UnknownProduct>().product, u(9));
    let refused = town.not_sold(town.purchase("Z", usd(1_000))).expect::<IRisk::UnknownSubject>();
    assert_eq!((refused.product, refused.subject), (u(1), text("Z")));
    town.not_sold(IRisk::underwriteCall { product: U256::MAX, ..town.purchase("X", usd(1_000)) })
        .expect::<IRisk::UnknownProduct>();
}

#[test]
fn a_product_sells_only_while_it_is_on_sale() {
    let town = Town::bare();
    town.add_vault(town.vault);
    town.own(IRisk::setGroupCall { group: 1, correlationBps: 0 });
    town.own(IRisk::setRiskKeyCall { riskKey: text("key X"), group: 1 });
    let product = town.add_product(town.vault, plain_terms());
    town.list(product, "X", "key X");
    let refused = |town: &Town| {
        town.not_sold(town.purchase("X", usd(1_000))).expect::<IRisk::ProductNotOnSale>();
    };
    refused(&town);
    town.set_status(product, 1);
    town.buy("X", usd(1_000));
    town.set_status(product, 2);
    refused(&town);
    assert_eq!(town.line("X").cover, usd(1_000), "what is sold runs on");
    town.warp(WAITING + TERM + GRACE + WEEK);
    assert!(town.catch_up("X", 64));
    town.set_status(product, 3);
    refused(&town);
}

#[test]
fn amount_and_term_stay_within_their_bounds() {
    let town = Town::plain();
    for amount in [U256::ZERO, usd(100) - u(1), usd(10_000_000) + u(1), U256::MAX] {
        let refused = town.not_sold(town.purchase("X", amount)).expect::<IRisk::AmountOutOfBounds>();
        assert_eq!((refused.amount, refused.min, refused.max), (amount, usd(100), usd(10_000_000)));
    }
    for term in [U256::ZERO, u(7 * DAY - 1), u(365 * DAY + 1), U256::MAX] {
        let call = IRisk::underwriteCall { term, ..town.purchase("X", usd(1_000)) };
        let refused = town.not_sold(call).expect::<IRisk::TermOutOfBounds>();
        assert_eq!((refused.term, refused.min, refused.max), (term, u(7 * DAY), u(365 * DAY)));
    }
    town.buy("X", usd(100));
    town.buy("X", usd(10_000_000));
}

#[test]
fn cover_on_a_subject_stays_within_its_share_of_the_size() {
    let mut terms = plain_terms();
    terms.limits.subjectBps = 2_000;
    let town = Town::with(terms);
    let sized = |amount| IRisk::underwriteCall { size: usd(50_000), ..town.purchase("X", amount) };
    town.make(sized(usd(6_000)));
    let refused = town.not_sold(sized(usd(5_000))).expect::<IRisk::SubjectCapacityExceeded>();
    assert_eq!((refused.needed, refused.available), (usd(11_000), usd(10_000)));
    town.make(sized(usd(4_000)));
    // another subject has its own size
    town.make(IRisk::underwriteCall { subject: text("Y"), ..sized(usd(10_000)) });
}

#[test]
fn all_lines_of_a_subject_count_against_its_size() {
    let mut terms = plain_terms();
    terms.limits.subjectBps = 2_000;
    let town = Town::with(terms.clone());
    let other = town.add_product(town.vault, terms.clone());
    town.list(other, "X", "key X");
    town.set_status(other, 1);
    let sized = |product, amount| IRisk::underwriteCall {
        product: u(product),
        size: usd(50_000),
        ..town.purchase("X", amount)
    };
    town.make(sized(1, usd(6_000)));
    town.not_sold(sized(other, usd(4_001))).expect::<IRisk::SubjectCapacityExceeded>();
    town.make(sized(other, usd(3_000)));
    // a revision does not start afresh
    let revised: u64 = town.own(IRisk::reviseProductCall { family: u(1), newTerms: terms }).to();
    town.list(revised, "X", "key X");
    town.set_status(revised, 1);
    let refused = town.not_sold(sized(revised, usd(1_001))).expect::<IRisk::SubjectCapacityExceeded>();
    assert_eq!(refused.needed, usd(10_001));
    town.make(sized(revised, usd(1_000)));
    town.not_sold(sized(other, usd(100))).expect::<IRisk::SubjectCapacityExceeded>();
}

#[test]
fn a_product_locks_no_more_than_its_share_of_the_capital() {
    let mut terms = plain_terms();
    terms.limits.capacityBps = 4_000;
    terms.limits.capitalFactorBps = 5_000;
    let town = Town::with(terms);
    let with = |amount| IRisk::underwriteCall { capital: usd(10_000_000), ..town.purchase("X", amount) };
    town.make(with(usd(7_000_000)));
    // 4 M may be locked: 8 M of cover at one half
    let refused = town.not_sold(with(usd(2_000_000))).expect::<IRisk::CapacityExceeded>();
    assert_eq!((refused.needed, refused.available), (usd(4_500_000), usd(4_000_000)));
    let capacity = town.read(IRisk::capacityCall { product: u(1), capital: usd(10_000_000) });
    assert_eq!((capacity.locked, capacity.limit), (usd(3_500_000), usd(4_000_000)));
    town.make(with(usd(1_000_000)));
    town.not_sold(IRisk::underwriteCall { capital: U256::ZERO, ..town.purchase("X", usd(100)) })
        .expect::<IRisk::CapacityExceeded>();
}

#[test]
fn new_cover_must_leave_target_capital() {
    let town = Town::plain();
    // one key: SCR = x, target = 1.2 x
    let with = |subject: &str, amount, capital| IRisk::underwriteCall { capital, ..town.purchase(subject, amount) };
    let refused = town.not_sold(with("X", usd(9_000_000), usd(10_000_000))).expect::<IRisk::InsufficientCapital>();
    assert_eq!(refused.capital, usd(10_000_000));
    assert!(refused.required >= usd(10_800_000) && refused.required < usd(10_800_001));
    town.make(with("X", usd(8_000_000), usd(10_000_000)));
    // the floor of 1 M
    let small = with("Y", usd(200), usd(999_999));
    let town = Town::plain();
    assert_eq!(town.not_sold(small).expect::<IRisk::InsufficientCapital>().required, usd(1_000_000));
}

#[test]
fn nothing_is_sold_while_the_reserve_exceeds_the_capital() {
    let mut terms = plain_terms();
    terms.limits.capitalFactorBps = 5_000; // so that capacity does not bind
    let town = Town::with(terms);
    town.buy("X", usd(6_000_000));
    town.warp(2 * DAY);
    town.open("X");
    // the reserve holds all that is sold, so that the target is but the floor of 1 M
    assert_eq!((town.gate().reserve, town.gate().target), (usd(6_000_000), usd(1_000_000)));
    let with = |capital| IRisk::underwriteCall { capital, ..town.purchase("Y", usd(1_000)) };
    let refused = town.not_sold(with(usd(6_000_000) - u(1))).expect::<IRisk::InsufficientCapital>();
    assert_eq!((refused.capital, refused.required), (usd(6_000_000) - u(1), usd(6_000_000)));
    town.make(with(usd(6_000_000)));
    // it opens by itself when the reserve falls
    town.warp(DAY);
    town.book(town.report("X", 1, CONFIRMED, town.now() - DAY, town.now(), 2_500));
    assert_eq!(town.gate().reserve, usd(1_500_000));
    town.make(with(usd(6_000_000) - u(1)));
}

#[test]
fn a_premium_above_what_can_be_paid_is_refused() {
    let mut terms = plain_terms();
    terms.pricing.minPremium = 200_000_000;
    let town = Town::with(terms);
    let refused = town.not_sold(town.purchase("X", usd(199))).expect::<IRisk::PremiumExceedsCover>();
    assert_eq!((refused.premium, refused.amount), (usd(200), usd(199)));
    assert_eq!(town.buy("X", usd(200)).net, usd(200));
}

#[test]
fn amounts_that_do_not_fit_are_an_overflow_and_nothing_worse() {
    let mut terms = plain_terms();
    terms.limits.maxAmount = (1 << 96) - 1;
    let town = Town::with(terms);
    let most = U256::from((1u128 << 96) - 1);
    let call = IRisk::underwriteCall { capital: U256::MAX, ..town.purchase("X", most) };
    town.not_sold(call).expect::<MathOverflow>();
    let call = IRisk::underwriteCall { capital: U256::MAX >> 30, ..town.purchase("X", usd(5_000)) };
    town.make(call);
    assert_eq!(town.line("X").cover, usd(5_000));
    // 2⁹¹ units fit once, and not twice: Σx² has 160 bits of 2²⁴
    let half = IRisk::underwriteCall { capital: U256::from(1) << 100, ..town.purchase("Y", U256::from(1u128 << 91)) };
    town.make(half.clone());
    town.not_sold(half).expect::<MathOverflow>();
}

#[test]
fn no_sale_on_a_line_with_an_incident_until_grace_after_closing() {
    let town = Town::plain();
    town.buy("X", usd(1_000));
    town.warp(2 * DAY);
    let opened = town.now();
    town.open("X");
    let refused = || town.not_sold(town.purchase("X", usd(1_000))).expect::<IRisk::LineNotQuiet>();
    refused();
    town.warp(DAY);
    town.book(town.report("X", 1, CONFIRMED, opened, town.now(), 2_500));
    town.warp(GRACE);
    refused();
    town.warp(1);
    town.buy("X", usd(1_000));
    // the other subject sold all the while
    let town = Town::plain();
    town.open("X");
    town.buy("Y", usd(1_000));
}

#[test]
fn a_sale_needs_a_catch_up_where_more_weeks_are_over_than_one_call_processes() {
    let mut terms = plain_terms();
    terms.limits.maxTerm = (730 * DAY) as u32;
    let town = Town::with(terms);
    town.make(IRisk::underwriteCall { term: u(729 * DAY), ..town.purchase("X", usd(1_000)) });
    town.warp(65 * WEEK);
    town.not_sold(town.purchase("X", usd(1_000))).expect::<IRisk::CatchUpFirst>();
    assert!(!town.catch_up("X", 10));
    town.buy("X", usd(1_000)); // the other 55 weeks along the way
}

#[test]
fn a_cancelled_policy_leaves_all_books() {
    let town = Town::plain();
    let kept = town.buy("X", usd(1_000));
    let cancelled = town.buy("X", usd(5_000));
    town.warp(3 * DAY);
    town.release(&cancelled);
    assert_eq!(
        (town.line("X").cover, town.exposure("key X"), town.active_cover()),
        (usd(1_000), usd(1_000), usd(1_000))
    );
    let events = town.world.events::<IRisk::Released>(town.risk);
    assert_eq!((events[0].product, events[0].subject, events[0].cover), (u(1), text("X"), usd(5_000)));
    // its bucket knows: the rest leaves once, in its week
    town.warp(TERM + GRACE + 2 * WEEK);
    town.catch_up("X", 64);
    assert_eq!(town.line("X").cover, U256::ZERO);
    town.release(&kept); // gone by itself: nothing more happens
    assert_eq!(town.active_cover(), U256::ZERO);
}

#[test]
fn no_cancel_while_an_incident_is_open_on_the_line() {
    let town = Town::plain();
    let sold = town.buy("X", usd(1_000));
    town.warp(2 * DAY);
    town.open("X");
    town.world.refused(town.policy, town.risk, town.release_call(&sold)).expect::<IRisk::LineNotQuiet>();
}

#[test]
fn more_than_there_is_cannot_be_released() {
    let town = Town::plain();
    let sold = town.buy("X", usd(1_000));
    for cover in [usd(1_001), U256::MAX] {
        let call = IRisk::releaseCall { cover, ..town.release_call(&sold) };
        town.world.refused(town.policy, town.risk, call).expect::<MathOverflow>();
        let call = IRisk::releaseCall { cover, filed: true, ..town.release_call(&sold) };
        town.world.refused(town.policy, town.risk, call).expect::<MathOverflow>();
    }
    let call = IRisk::releaseCall { confirmed: usd(1_001), ..town.release_call(&sold) };
    town.world.refused(town.policy, town.risk, call).expect::<MathOverflow>();
    let call = IRisk::releaseCall { deadline: sold.deadline + u(9 * WEEK), ..town.release_call(&sold) };
    town.world.refused(town.policy, town.risk, call).expect::<MathOverflow>();
    let call = IRisk::releaseCall { deadline: U256::MAX, ..town.release_call(&sold) };
    town.world.refused(town.policy, town.risk, call).expect::<MathOverflow>();
}

#[test]
fn cover_leaves_by_itself_when_the_week_of_its_deadline_is_over() {
    let town = Town::plain();
    let sold = town.buy("X", usd(1_000));
    let week: u64 = sold.deadline.to::<u64>() / WEEK;
    town.world.warp_to((week + 1) * WEEK - 1);
    assert!(town.catch_up("X", 64));
    assert_eq!(town.line("X").cover, usd(1_000));
    town.warp(1);
    assert_eq!(town.line("X").cover, U256::ZERO, "a page sees it without a transaction");
    assert_eq!(town.active_cover(), usd(1_000), "required capital is high until somebody looks");
    assert!(town.catch_up("X", 64));
    assert_eq!((town.active_cover(), town.exposure("key X")), (U256::ZERO, U256::ZERO));
    assert_eq!(town.world.events::<IRisk::Released>(town.risk)[0].cover, usd(1_000));
}

#[test]
fn scenario_33_two_hundred_idle_weeks_are_skipped() {
    let town = Town::plain();
    town.buy("X", usd(1_000));
    town.warp(200 * WEEK);
    // The last bucket is in week 18: from there on there is nothing to read.
    town.buy("X", usd(2_000));
    assert_eq!(town.line("X").cover, usd(2_000));
}

#[test]
fn scenario_33_two_catch_ups_equal_one() {
    let mut terms = plain_terms();
    terms.limits.maxTerm = (730 * DAY) as u32;
    let twice = Town::with(terms.clone());
    let once = Town::with(terms);
    for town in [&twice, &once] {
        for days in [700, 30, 370, 90] {
            town.make(IRisk::underwriteCall { term: u(days * DAY), ..town.purchase("X", usd(1_000 + days)) });
            town.warp(3 * DAY);
        }
        town.warp(200 * WEEK);
    }
    assert!(!twice.catch_up("X", 17));
    assert!(!twice.catch_up("X", 0));
    assert!(twice.catch_up("X", 200));
    assert!(once.catch_up("X", 500));
    let state = |town: &Town| {
        let estimate = town.estimate();
        (town.line("X").cover, town.exposure("key X"), town.gate().target, estimate.exposure, estimate.rate)
    };
    assert_eq!(state(&twice), state(&once));
    assert_eq!(twice.line("X").cover, U256::ZERO);
    assert!(town_is_done(&twice));
}

fn town_is_done(town: &Town) -> bool {
    town.catch_up("X", 0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn scenario_16_splitting_a_purchase_never_changes_its_price_beyond_rounding(parts in prop::collection::vec(10_000u64..100_000_000, 1..6), before in 0u64..20_000_000) {
        let (whole, split) = (Town::plain(), Town::plain());
        if before >= 100 {
            let before = usd(before.min(10_000_000));
            whole.buy("Y", before);
            split.buy("Y", before);
            whole.warp(10 * DAY);
            split.warp(10 * DAY);
        }
        let total: u64 = parts.iter().sum();
        let at_once = whole.buy("X", cents(total)).net;
        let paid: U256 = parts.iter().map(|part| split.buy("X", cents(*part)).net).sum();
        let cheap = parts.iter().filter(|part| formula(&split, cents(**part), U256::ZERO, TERM).net <= usd(1)).count();
        prop_assert!(paid >= at_once);
        prop_assert!(cheap > 0 || paid - at_once <= u(parts.len() as u64), "{} {}", paid, at_once);
    }

    #[test]
    fn a_quote_is_what_underwrite_does_at_any_time(
        amount in 1u64..60_000_000, sold in 0u64..10_000_000, days in 0u64..400, term in 1u64..500, capital in 0u64..80_000_000,
    ) {
        let town = Town::plain();
        if sold >= 100 {
            town.buy("X", usd(sold));
        }
        town.warp(days * DAY);
        let (product, subject, amount, term, capital) = (u(1), text("X"), usd(amount), u(term * DAY), usd(capital));
        let quote = town.world.try_read(town.risk, IRisk::quoteCall { product, subject, amount, term, capital });
        let call = IRisk::underwriteCall { product, subject, amount, term, capital, size: U256::MAX };
        let sale = town.world.send(town.policy, town.risk, call);
        let quote = quote.map(|quote| (quote.net, quote.ratioBps));
        prop_assert_eq!(quote, sale.map(|sale| (sale.net, sale.ratioBps)));
    }
}
