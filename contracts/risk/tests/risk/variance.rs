//! Impermanent loss is priced from variance, and credibility scales it.

use actuary::math::{WAD, YEAR};
use alloy_primitives::U256;
use proptest::prelude::*;
use protocol::abi::{IOwned, IRisk, ParameterOutOfBounds};

use crate::town::{DAY, MILLE, TERM, Town, plain_terms, text, u, usd};

/// 80 % volatility: σ² = 0.64 a year.
const YEARLY: u64 = 640 * MILLE;

/// A town whose product 2 covers impermanent loss on subject P, with r₀ = 2 % and K = 15 M.
fn town() -> Town {
    let town = Town::plain();
    let mut terms = plain_terms();
    terms.pricing.priorRate = 20 * MILLE;
    town.own(IRisk::addProductCall { vault: town.vault, trigger: town.trigger, cover: 1, newTerms: terms });
    town.list(2, "P", "key X");
    town.set_status(2, 1);
    town
}

fn observation(yearly: u64, factor: u32) -> IRisk::observeVarianceCall {
    IRisk::observeVarianceCall { product: u(2), subject: text("P"), yearly, rangeFactorBps: factor }
}

fn observe(town: &Town, yearly: u64, factor: u32) {
    town.world.send(town.policy, town.risk, observation(yearly, factor)).unwrap();
}

fn purchase(town: &Town, amount: U256) -> IRisk::underwriteCall {
    IRisk::underwriteCall { product: u(2), ..town.purchase("P", amount) }
}

fn quote(town: &Town, amount: U256, term: u64) -> IRisk::Quote {
    town.read(IRisk::quoteCall { product: u(2), subject: text("P"), amount, term: u(term), capital: town.capital })
}

/// σ²/8 = 8 % a year. For 100,000 over 73 days, with a margin of 1.2: 100,000 · 0.2 · 8 % · 1.2 = 1,920.
#[test]
fn the_pure_premium_is_the_loss_to_be_expected() {
    let town = town();
    observe(&town, YEARLY, 10_000);
    let told = quote(&town, usd(100_000), 73 * DAY);
    assert_eq!((told.rate, told.purePremium), (u(80 * MILLE), usd(1_920)));
    // a range that loses two and a half times as much
    observe(&town, YEARLY, 25_000);
    let told = quote(&town, usd(100_000), 73 * DAY);
    assert_eq!((told.rate, told.purePremium), (u(200 * MILLE), usd(4_800)));
    let seen = town.read(IRisk::varianceCall { product: u(2), subject: text("P") });
    let expected = (u(YEARLY), u(25_000), u(town.now()), u(200 * MILLE));
    assert_eq!((seen.yearly, seen.rangeFactorBps, seen.at, seen.lossRate), expected);
    let events = town.world.events::<IRisk::VarianceObserved>(town.risk);
    assert_eq!((events.len(), events[1].yearly, events[1].rangeFactorBps), (2, YEARLY, 25_000));
    assert_eq!(events[1].lossRate, u(200 * MILLE));
    // and what is charged is what was quoted
    let sold = town.make(IRisk::underwriteCall { term: u(73 * DAY), ..purchase(&town, usd(100_000)) });
    assert_eq!(sold.net, told.net);
    let answer = town.read(IRisk::portfolioCall { vault: town.vault, products: vec![u(2)], subjects: vec![text("P")] });
    assert_eq!(answer.exposures[0].rate, 200 * MILLE);
}

/// Losses of 0.3 M without exposure: r̂ = (0.3 + 15 · 2 %) ÷ 15 = 4 %, twice r₀.
#[test]
fn credibility_scales_it() {
    let town = town();
    observe(&town, YEARLY, 10_000);
    town.own(IRisk::seedLossCall { family: u(2), at: town.now(), loss: usd(300_000), exposure: u(0) });
    assert_eq!(town.read(IRisk::estimateCall { family: u(2) }).rate, u(40 * MILLE));
    assert_eq!(quote(&town, usd(100_000), TERM).rate, u(160 * MILLE));
    // as much exposure again as K: r̂ = r₀
    town.own(IRisk::seedLossCall { family: u(2), at: town.now(), loss: u(0), exposure: usd(15_000_000) });
    town.warp(3 * DAY);
    let rate = quote(&town, usd(100_000), TERM).rate;
    assert!(rate.abs_diff(u(80 * MILLE)) < u(MILLE), "{rate}");
}

#[test]
fn it_is_at_least_the_least_rate_and_at_most_all() {
    let town = town();
    observe(&town, 1, 10_000);
    assert_eq!(quote(&town, usd(100_000), TERM).rate, u(MILLE));
    observe(&town, u64::MAX, u32::MAX);
    assert_eq!(quote(&town, usd(100_000), TERM).rate, WAD);
    town.own(IRisk::seedLossCall { family: u(2), at: town.now(), loss: usd(9_000_000), exposure: u(0) });
    assert_eq!(quote(&town, usd(100_000), TERM).rate, WAD);
    let refused = IRisk::underwriteCall { term: u(365 * DAY), ..purchase(&town, usd(100_000)) };
    town.not_sold(refused).expect::<IRisk::PremiumExceedsCover>();
}

#[test]
fn nothing_is_sold_while_the_variance_is_unknown() {
    let town = town();
    let answer = town.read(IRisk::portfolioCall { vault: town.vault, products: vec![u(2)], subjects: vec![text("P")] });
    assert_eq!((answer.exposures[0].amount, answer.exposures[0].rate), (u(0), 20 * MILLE));
    let refused = town.not_sold(purchase(&town, usd(1_000))).expect::<IRisk::VarianceUnknown>();
    assert_eq!((refused.product, refused.subject), (u(2), text("P")));
    let refuse = |from, call| town.world.refused(from, town.risk, call);
    refuse(town.anyone, observation(YEARLY, 10_000)).expect::<IOwned::UnauthorizedCaller>();
    refuse(town.policy, observation(0, 10_000)).expect::<IRisk::VarianceUnknown>();
    let low = refuse(town.policy, observation(YEARLY, 9_999)).expect::<ParameterOutOfBounds>();
    assert_eq!((low.parameter, low.value), (text("rangeFactorBps"), u(9_999)));
    let unlisted = IRisk::observeVarianceCall { subject: text("Q"), ..observation(YEARLY, 10_000) };
    refuse(town.policy, unlisted).expect::<IRisk::UnknownSubject>();
    // credibility needs something to relate to
    let mut terms = plain_terms();
    (terms.pricing.priorRate, terms.pricing.minRate) = (0, 0);
    let add =
        |cover| IRisk::addProductCall { vault: town.vault, trigger: town.trigger, cover, newTerms: terms.clone() };
    assert_eq!(town.owner_refused(add(1)).expect::<ParameterOutOfBounds>().parameter, text("priorRate"));
    town.own(add(0));
    // other covers do not ask
    observe(&town, YEARLY, 10_000);
    town.world
        .send(
            town.policy,
            town.risk,
            IRisk::observeVarianceCall { product: u(1), subject: text("X"), ..observation(YEARLY, 10_000) },
        )
        .unwrap();
    let call = IRisk::quoteCall {
        product: u(1),
        subject: text("X"),
        amount: usd(1_000),
        term: u(TERM),
        capital: town.capital,
    };
    assert_eq!(town.read(call).rate, u(8 * MILLE));
}

#[test]
fn a_renewal_is_priced_by_the_variance_of_its_day() {
    let town = town();
    observe(&town, YEARLY, 10_000);
    let sold = town.make(purchase(&town, usd(1_000_000)));
    let term = 30 * DAY;
    let calm = town.quote_renewal(town.renewal(&sold, term)).unwrap();
    observe(&town, 2 * YEARLY, 10_000);
    let wild = town.quote_renewal(town.renewal(&sold, term)).unwrap();
    assert_eq!((calm.rate, wild.rate), (u(80 * MILLE), u(160 * MILLE)));
    assert!(wild.purePremium.abs_diff(calm.purePremium * u(2)) <= u(1));
    assert_eq!(town.renew(&sold, term).0, wild.net);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    /// More variance, a narrower range, more losses never make it cheaper; two halves cost what the whole does; the
    /// pure premium is σ²T/8 · factor · r̂ ÷ r₀ with its margin.
    #[test]
    fn the_price_is_monotone_and_does_not_depend_on_how_it_is_split(
        yearly in 1u64..5_000 * MILLE, more in 0u64..1_000 * MILLE, factor in 10_000u32..65_535, wider: u16,
        loss in 0u64..400_000, amount in 10_000u64..1_000_000,
    ) {
        let town = town();
        observe(&town, yearly, factor);
        let amount = usd(amount);
        let low = quote(&town, amount, TERM);
        let expected = U256::from(yearly) * u(factor.into()) / u(80_000);
        let expected = expected.max(u(MILLE)).min(WAD);
        prop_assert!(low.rate.abs_diff(expected) <= u(1));
        let pure = amount * low.rate * u(12) / u(10) * u(TERM) / (YEAR * WAD);
        prop_assert!(low.purePremium.abs_diff(pure) <= u(1));

        let whole = low.net;
        let half = amount / u(2);
        let first = town.world.try_read(town.risk, IRisk::quoteCall {
            product: u(2), subject: text("P"), amount: half, term: u(TERM), capital: town.capital,
        }).unwrap();
        prop_assert_eq!(first.rate, low.rate);
        let sold = town.make(purchase(&town, half));
        let rest = quote(&town, amount - half, TERM).net;
        prop_assert!((sold.net + rest).abs_diff(whole) <= u(2), "{} + {rest} is not {whole}", sold.net);
        town.release(&sold);

        observe(&town, yearly + more, factor + u32::from(wider));
        let high = quote(&town, amount, TERM);
        prop_assert!(high.rate >= low.rate && high.net >= whole);
        town.own(IRisk::seedLossCall { family: u(2), at: town.now(), loss: usd(loss), exposure: u(0) });
        let higher = quote(&town, amount, TERM);
        prop_assert!(higher.rate >= high.rate && higher.net >= high.net && higher.rate <= WAD);
    }
}
