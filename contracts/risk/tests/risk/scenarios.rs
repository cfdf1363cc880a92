//! Named scenarios of pricing and capacity that every insurer on a chain has met or missed. Those that are about one
//! property are where the property is: 16 and 33 with the sales, 18 with the inputs.

use alloy_primitives::U256;
use protocol::abi::IRisk::{self, Terms};

use crate::town::{CONFIRMED, DAY, TERM, Town, WEEK, plain_terms, text, u, usd};

/// Terms whose smallest cover and premium are one unit.
fn fine_terms() -> Terms {
    let mut terms = plain_terms();
    terms.limits.minAmount = 1;
    terms.pricing.minPremium = 1;
    terms
}

#[test]
fn scenario_14_capacity_is_sold_to_its_last_unit_and_comes_back_when_cover_expires() {
    let mut terms = fine_terms();
    terms.limits.capacityBps = 4_000;
    terms.limits.capitalFactorBps = 5_000;
    let town = Town::with(terms);
    let with = |amount| IRisk::underwriteCall { capital: usd(10_000_000), ..town.purchase("X", amount) };
    let first = town.make(with(usd(3_000_000)));
    town.warp(5 * WEEK);
    town.make(with(usd(5_000_000)));
    let capacity = town.read(IRisk::capacityCall { product: u(1), capital: usd(10_000_000) });
    assert_eq!((capacity.locked, capacity.limit), (usd(4_000_000), usd(4_000_000)), "exactly all of it");
    let full = || {
        let refused = town.not_sold(with(u(1))).expect::<IRisk::CapacityExceeded>();
        assert_eq!((refused.needed, refused.available), (usd(4_000_000) + u(1), usd(4_000_000)));
    };
    full();
    let over = (first.deadline.to::<u64>() / WEEK + 1) * WEEK;
    town.world.warp_to(over - 1);
    full();
    town.warp(1);
    town.make(with(usd(3_000_000)));
    full();
}

#[test]
fn scenario_17_a_day_a_year_and_a_day_beside_it_cost_what_the_formula_says() {
    let mut terms = plain_terms();
    terms.limits.minTerm = DAY as u32;
    terms.limits.maxTerm = (366 * DAY) as u32;
    let town = Town::with(terms);
    let call = |term: u64| IRisk::underwriteCall { term: u(term), ..town.purchase("X", usd(1_000_000)) };
    // 1 M of 50 M at 0.8 %, to the unit
    for (days, net) in [(1, 191_365_540u64), (364, 69_085_781_978), (365, 69_274_000_000), (366, 69_462_209_376)] {
        let sold = town.make(call(days * DAY));
        assert_eq!(sold.net, u(net), "{days} days");
        town.release(&sold);
    }
    for term in [0, DAY - 1, 366 * DAY + 1] {
        let refused = town.not_sold(call(term)).expect::<IRisk::TermOutOfBounds>();
        assert_eq!((refused.term, refused.min, refused.max), (u(term), u(DAY), u(366 * DAY)));
    }
}

#[test]
fn scenario_18_amounts_of_seventy_six_digits_are_refused_by_name() {
    let town = Town::plain();
    let huge = U256::from(10).pow(u(76));
    let call = town.purchase("X", usd(1_000));
    town.not_sold(IRisk::underwriteCall { amount: huge, ..call.clone() }).expect::<IRisk::AmountOutOfBounds>();
    town.not_sold(IRisk::underwriteCall { term: huge, ..call.clone() }).expect::<IRisk::TermOutOfBounds>();
    town.not_sold(IRisk::underwriteCall { product: huge, ..call.clone() }).expect::<IRisk::UnknownProduct>();
    // much capital and a large subject are no error
    town.make(IRisk::underwriteCall { capital: U256::from(1u128 << 120), size: huge, ..call });
}

#[test]
fn scenario_19_ten_units_for_ten_seconds_cost_the_least_premium() {
    let mut terms = plain_terms();
    terms.limits.waiting = 1;
    terms.limits.grace = 1;
    terms.limits.minTerm = 10;
    terms.limits.minAmount = 500_000;
    let town = Town::with_times(10, 1, 1);
    town.furnish(terms);
    let call = IRisk::underwriteCall { term: u(10), ..town.purchase("X", usd(10)) };
    let quote = town.read(IRisk::quoteCall {
        product: u(1),
        subject: call.subject,
        amount: call.amount,
        term: call.term,
        capital: call.capital,
    });
    assert_eq!(quote.net, usd(1));
    assert!(quote.purePremium + quote.capitalCost + quote.load < u(10));
    let sold = town.make(call.clone());
    assert_eq!(sold.net, usd(1));
    assert_eq!(town.renew(&sold, 10).0, usd(1), "and so does a renewal");
    // cover that is worth less than that is refused
    town.make(IRisk::underwriteCall { amount: usd(1), ..call.clone() });
    town.not_sold(IRisk::underwriteCall { amount: usd(1) - u(1), ..call }).expect::<IRisk::PremiumExceedsCover>();
}

#[test]
fn scenario_20_beyond_full_utilisation_nothing_is_sold_or_renewed_until_capital_or_cover_is_back() {
    let mut terms = fine_terms();
    terms.limits.capitalFactorBps = 5_000;
    let town = Town::with(terms);
    let with = |subject: &str, capital, amount| IRisk::underwriteCall { capital, ..town.purchase(subject, amount) };
    let rich = usd(14_000_000);
    let x = town.make(with("X", rich, usd(10_000_000)));
    let y = town.make(with("Y", rich, usd(2_800_000)));
    // losses have taken the capital: utilisation 160 %
    let poor = usd(4_000_000);
    let capacity = town.read(IRisk::capacityCall { product: u(1), capital: poor });
    assert_eq!((capacity.locked, capacity.limit), (usd(6_400_000), poor));
    let refused = town.not_sold(with("X", poor, u(1))).expect::<IRisk::CapacityExceeded>();
    assert_eq!((refused.needed, refused.available), (usd(6_400_000) + u(1), poor));
    let renewal = |capital| IRisk::renewCall { capital, ..town.renewal(&y, TERM) };
    let refused = town.not_renewed(renewal(poor)).expect::<IRisk::CapacityExceeded>();
    assert_eq!((refused.needed, refused.available), (usd(6_400_000), poor));
    // capital is back
    town.make(with("Y", rich, u(1)));
    // or cover is
    town.release(&x);
    town.make_renewal(renewal(poor));
    town.make(with("Y", poor, u(1)));
}

/// A town whose asset has so many decimals.
fn decimals(decimals: u32) -> (Town, impl Fn(u64) -> U256) {
    let one = U256::from(10).pow(U256::from(decimals));
    let whole = move |units: u64| U256::from(units) * one;
    let mut terms = plain_terms();
    let pricing = &mut terms.pricing;
    [pricing.credibility, pricing.minPremium, pricing.lossCap] = [15_000_000, 1, 10_000_000].map(|n| whole(n).to());
    terms.limits.minAmount = whole(100).to();
    terms.limits.maxAmount = whole(10_000_000).to();
    terms.limits.deductibleBps = 200;
    let mut town = Town::bare();
    town.capital = whole(50_000_000);
    town.furnish(terms);
    town.own(IRisk::setCapitalCall {
        vault: town.vault,
        minimumBps: 10_000,
        targetBps: 12_000,
        floor: whole(1_000_000).to(),
    });
    (town, whole)
}

#[test]
fn scenario_22_six_eight_and_eighteen_decimals_are_one_and_the_same() {
    for (of, first_net, next_net) in [
        (6, 1_713_278_777u128, 1_714_511_654u128),
        (8, 171_327_877_651, 171_451_165_322),
        (18, 1_713_278_776_505_911_052_731, 1_714_511_653_218_239_819_854),
    ] {
        let (town, whole) = decimals(of);
        // to the unit
        let mut first = town.buy("X", whole(100_000));
        let next = town.buy("Y", whole(100_000));
        assert_eq!((first.net, next.net), (U256::from(first_net), U256::from(next_net)), "{of} decimals");
        assert_eq!(town.renew(&next, TERM).0, next.net);
        assert_eq!(town.active_cover(), whole(200_000));
        // what is required: √2.5 times, 2.4 with the correlation of 25 % … to the requirement's own unit
        let minimum = town.gate().minimum;
        let exact = (whole(100_000) * whole(100_000) * u(5) / u(2)).root(2);
        assert!(minimum >= exact && minimum - exact <= u(3 * 4_096), "{minimum} for {exact}");
        // a claim, and what the others may still take
        town.warp(2 * DAY);
        town.open("X");
        assert_eq!(town.gate().reserve, whole(98_000));
        assert_eq!(town.claim(&mut first, 5_000, whole(48_000)), (whole(98_000), whole(50_000)));
        // the loss is in the rate: (48,000 + 15 M · 0.8 %) ÷ 15 M, less two days of exposure, to seven digits
        let rate = town.estimate().rate / u(100_000_000_000);
        assert_eq!(rate, u(111_991), "{of} decimals");
    }
}

#[test]
fn scenario_23_a_revision_between_quote_and_purchase_is_a_product_of_its_own() {
    let town = Town::plain();
    let sold = town.buy("X", usd(100_000));
    let quote = |product: u64| IRisk::quoteCall {
        product: u(product),
        subject: text("X"),
        amount: usd(100_000),
        term: u(TERM),
        capital: town.capital,
    };
    let quoted = town.read(quote(1)).net;
    let mut terms = plain_terms();
    terms.pricing.marginBps = 24_000;
    terms.limits.deductibleBps = 1_000;
    let next: u64 = town.own(IRisk::reviseProductCall { family: u(1), newTerms: terms }).to();
    // who was quoted the old terms gets neither them nor the new ones
    town.unread(quote(1)).expect::<IRisk::ProductNotOnSale>();
    town.not_sold(town.purchase("X", usd(100_000))).expect::<IRisk::ProductNotOnSale>();
    town.not_renewed(town.renewal(&sold, TERM)).expect::<IRisk::ProductNotOnSale>();
    town.list(next, "X", "key X");
    town.unread(quote(next)).expect::<IRisk::ProductNotOnSale>();
    town.set_status(next, 1);
    let new = town.read(quote(next));
    assert!(new.net > quoted && new.deductibleBps == u(1_000));
    // what was sold keeps its terms: a loss within the new deductible is paid
    assert!(town.has_terms(1, &plain_terms()));
    town.warp(2 * DAY);
    town.book(town.report("X", 1, CONFIRMED, town.now(), town.now(), 500));
    assert_eq!(town.gate().reserve, usd(5_000));
}

/// There is no ring of buckets whose last one could be mistaken for its first.
#[test]
fn scenario_34_every_bucket_up_to_that_of_the_longest_term_is_let_go_once_and_in_its_week() {
    let mut terms = plain_terms();
    terms.limits.maxTerm = (730 * DAY) as u32;
    terms.limits.waiting = (180 * DAY) as u32;
    terms.limits.grace = (180 * DAY) as u32;
    let town = Town::with(terms);
    let mut sold = vec![];
    for (index, term) in (1..=104).map(|weeks| weeks * 7).chain([729, 730]).enumerate() {
        let amount = usd(1_000 + index as u64);
        sold.push(town.make(IRisk::underwriteCall { term: u(term * DAY), ..town.purchase("X", amount) }));
    }
    let last = sold.iter().map(|cover| cover.deadline.to::<u64>() / WEEK).max().unwrap();
    assert_eq!(last, (town.now() + (730 + 360) * DAY) / WEEK);
    let first = town.now() / WEEK;
    for week in first + 1..=last + 1 {
        town.world.warp_to(week * WEEK);
        let left: U256 = sold.iter().filter(|c| c.deadline.to::<u64>() / WEEK >= week).map(|c| c.cover).sum();
        assert_eq!(town.line("X").cover, left, "week {}", week - first);
        assert!(town.catch_up("X", 1));
        assert_eq!((town.line("X").cover, town.active_cover()), (left, left), "week {}", week - first);
    }
    assert_eq!(town.active_cover(), U256::ZERO);
}
