//! Scenarios by name over all contracts.

use alloy_primitives::{Address, U256};
use alloy_sol_types::{SolCall, SolValue};
use protocol::abi::{
    IAssessor, IERC721, IPolicy,
    IRisk::{self, Limits, Terms},
    IVault,
};

use crate::{
    town::{COOLDOWN, DAY, FIRST, HOUR, LINES, Line, Settings, Town, WEEK, claim, order, plain_terms, text, u},
    triggers::CONFIRMED,
};

const USDC: &Line = &LINES[0];
const X: &Line = &LINES[1];
const Y: &Line = &LINES[2];
const SECOND_X: &Line = &LINES[3];
const Z: &Line = &LINES[4];

/// Within `tolerance` units.
#[track_caller]
fn near(actual: U256, expected: U256, tolerance: u64) {
    let difference = actual.max(expected) - actual.min(expected);
    assert!(difference <= u(tolerance), "{actual} is not {expected}");
}

/// What a policy would cost now.
fn quote(town: &Town, order: &IPolicy::buyCall) -> Result<IPolicy::quoteReturn, testkit::Reverted> {
    let IPolicy::buyCall { product, subject, insured, position, amount, term, .. } = order.clone();
    town.world.try_read(town.policy, IPolicy::quoteCall { product, subject, insured, position, amount, term })
}

/// A policy goes on, for whatever it costs.
fn extension(policy: U256, term: u64) -> IPolicy::extendCall {
    IPolicy::extendCall { policy, term: u(term), maxPremium: U256::MAX, deadline: U256::MAX, referrer: Address::ZERO }
}

/// The most cover that can be sold now on a line.
fn most(town: &Town, line: &Line, term: u64) -> U256 {
    let alice = town.person("alice");
    let (mut can, mut cannot) = (u(100u64), town.whole(10_000_000));
    while cannot - can > U256::ONE {
        let middle = (can + cannot) / u(2u64);
        if quote(town, &order(line, alice, middle, term)).is_ok() { can = middle } else { cannot = middle }
    }
    can
}

/// Cover is sold up to the last unit that capital carries; when the week of its deadline is over, and not a second
/// before, all of it can be sold again.
#[test]
fn scenario_14_the_last_unit_of_capacity_is_sold_and_comes_back() {
    let town = Town::new();
    let alice = town.person("alice");
    town.deposit(0, town.person("lp"), town.whole(10_000_000));
    let all = most(&town, X, 30 * DAY);
    town.fund(0, alice, town.whole(10_000_000));
    let more = order(X, alice, all + U256::ONE, 30 * DAY);
    town.refused(alice, town.policy, more).expect::<IRisk::InsufficientCapital>();
    let sold = town.buy(X, alice, all, 30 * DAY);
    let least = order(X, alice, u(100u64), 30 * DAY);
    town.refused(alice, town.policy, least).expect::<IRisk::InsufficientCapital>();
    let deadline = town.policy_of(sold.policy).deadline;
    town.world.warp_to((deadline / WEEK + 1) * WEEK - 1);
    town.refused(alice, town.policy, order(X, alice, all, 30 * DAY)).expect::<IRisk::CapacityExceeded>();
    town.wait(1);
    town.buy(X, alice, all, 30 * DAY);
}

/// Capital that covers need stays: who asked to leave waits for it, claims are paid out of it, nothing is sold on it.
#[test]
fn scenario_15_below_minimum_capital_nobody_leaves_and_claims_are_paid() {
    let town = Town::new();
    let (alice, lp) = (town.person("alice"), town.person("lp"));
    let shares = town.deposit(0, lp, town.whole(10_000_000));
    let cover = town.whole(8_000_000);
    let sold = town.buy(X, alice, cover, 365 * DAY);
    town.request(0, lp, shares);
    town.wait(2 * WEEK + COOLDOWN);
    // What minimum capital leaves free goes out, then nothing.
    let (_, out) = town.serve(0);
    near(out, town.whole(2_000_000), 40_000_000_000);
    let solvency = town.solvency(0);
    assert!(
        solvency.assets >= cover && solvency.minimumCapital == town.line(X).cover.div_ceil(u(4_096u64)) * u(4_096u64)
    );
    assert_eq!(town.serve(0), (U256::ZERO, U256::ZERO));
    assert_eq!(town.read(town.pools[0].vault, IVault::capitalCall {}).amount, U256::ZERO);
    let sale = order(Y, alice, town.whole(1_000), 30 * DAY);
    town.refused(alice, town.policy, sale).expect::<IRisk::CapacityExceeded>();

    town.script.strike(X.subject(), CONFIRMED, town.world.now(), 10_000);
    town.report(X);
    let before = town.money(0, alice);
    let (confirmed, paid) = town.file(sold.policy, 1);
    assert_eq!((confirmed, paid), (cover, cover));
    assert_eq!(town.money(0, alice) - before, cover);
    assert_eq!(town.serve(0).1, U256::ZERO, "the incident is not settled");
}

/// A term is sold from the shortest to the longest, for what its time is worth.
#[test]
fn scenario_17_terms_of_a_week_a_year_and_a_day_beside_them() {
    let town = Town::new();
    let alice = town.person("alice");
    town.deposit(0, town.person("lp"), town.whole(10_000_000));
    town.fund(0, alice, town.whole(1_000_000));
    let net = |days: u64| {
        let order = order(X, alice, town.whole(1_000_000), days * DAY);
        quote(&town, &order).map(|quote| (quote.purePremium, quote.net, quote.premium))
    };
    for days in [0, 1, 6, 366] {
        assert!(net(days).unwrap_err().is::<IRisk::TermOutOfBounds>(), "{days}");
        let refused = order(X, alice, town.whole(1_000_000), days * DAY);
        town.refused(alice, town.policy, refused).expect::<IRisk::TermOutOfBounds>();
    }
    // What a year's losses cost is in proportion to time, and all of it dearer for longer.
    let (year, day_less, week) = (net(365).unwrap(), net(364).unwrap(), net(7).unwrap());
    near(day_less.0 * u(365u64), year.0 * u(364u64), 3 * 365);
    near(week.0 * u(365u64), year.0 * u(7u64), 3 * 365);
    assert!(week.1 < day_less.1 && day_less.1 < year.1);
    for (days, (_, net, premium)) in [(365, year), (364, day_less), (7, week)] {
        // The price moves with each sale: only the first one is as quoted here.
        let town = Town::new();
        town.deposit(0, town.person("lp"), town.whole(10_000_000));
        let sold = town.buy(X, alice, town.whole(1_000_000), days * DAY);
        assert_eq!((town.policy_of(sold.policy).net, sold.premium), (net, premium));
    }
}

/// Purchase, partial claim, refund, redemption in assets of other decimals: the same, to the cent.
#[test]
fn scenario_22_six_eight_and_eighteen_decimals_give_the_same() {
    let run = |decimals: u8| {
        let town = Town::with(Settings { decimals, ..Settings::default() });
        let (alice, bob, lp) = (town.person("alice"), town.person("bob"), town.person("lp"));
        let shares = town.deposit(1, lp, town.whole(10_000_000));
        assert_eq!(shares, town.whole(10_000_000) * u(1_000_000u64));
        let claimed = town.buy(SECOND_X, alice, town.whole(1_500_000), 90 * DAY);
        let cancelled = town.buy(Z, bob, town.whole(700_000), 365 * DAY);
        let ratio = town.policy_of(claimed.policy).ratioBps;
        town.wait(10 * DAY);
        town.script.strike(SECOND_X.subject(), CONFIRMED, town.world.now(), 3_200);
        town.report(SECOND_X);
        let (confirmed, paid) = town.file(claimed.policy, 1);
        assert_eq!(confirmed, paid);
        // amount · ratio · (loss − deductible)
        assert_eq!(confirmed, town.whole(1_500_000) * u(ratio) * u(3_000u64) / u(100_000_000u64));
        let cancel = IPolicy::cancelCall { policy: cancelled.policy, receiver: bob };
        let refunded = town.must(bob, town.policy, cancel);
        town.script.change(SECOND_X.subject(), |event| event.closed = town.world.now());
        town.report(SECOND_X);
        town.request(1, lp, shares / u(2u64));
        town.wait(60 * DAY);
        town.serve(1);
        let left = town.redeem_all(1, lp);
        let solvency = town.solvency(1);
        let amounts = [claimed.premium, cancelled.premium, paid, refunded, left, solvency.assets, solvency.unearned];
        let cents = amounts.map(|amount| (amount * u(100u64) + town.unit / u(2u64)) / town.unit);
        (cents, ratio, solvency.coverageBps.to::<u64>() / 10, solvency.entryPrice / u(1_000_000_000_000u64))
    };
    let six = run(6);
    assert!(six.0.iter().all(|amount| *amount > u(10_000u64)), "{six:?}");
    assert_eq!(six, run(8));
    assert_eq!(six, run(18));
}

/// A change of the terms is a product of its own: nothing is sold at a price that its buyer was not quoted, and who has
/// a policy keeps what it was sold with.
#[test]
fn scenario_23_a_revision_between_quote_and_purchase_changes_nobodys_terms() {
    let town = Town::new();
    let (alice, bob) = (town.person("alice"), town.person("bob"));
    town.deposit(0, town.person("lp"), town.whole(10_000_000));
    let old = town.buy(X, alice, town.whole(100_000), 90 * DAY);
    let wanted = order(X, bob, town.whole(100_000), 90 * DAY);
    let quoted = quote(&town, &wanted).unwrap().premium;

    let plain = plain_terms(town.unit);
    let limits = Limits { deductibleBps: 1_000, coinsuranceBaseBps: 2_000, coinsuranceMaxBps: 3_000, ..plain.limits };
    let pricing = IRisk::Pricing { marginBps: 50_000, ..plain.pricing };
    let revise = IRisk::reviseProductCall { family: u(FIRST), newTerms: Terms { pricing, limits } };
    let revised = town.must(town.owner, town.risk, revise);
    town.fund(0, bob, town.whole(100_000));
    town.refused(bob, town.policy, wanted.clone()).expect::<IRisk::ProductNotOnSale>();
    let list = IRisk::listSubjectCall { product: revised, subject: X.subject(), riskKey: text(X.key) };
    town.must(town.owner, town.risk, list);
    let wanted = IPolicy::buyCall { product: revised, maxPremium: quoted, ..wanted };
    town.refused(bob, town.policy, wanted.clone()).expect::<IRisk::ProductNotOnSale>();
    town.must(town.owner, town.risk, IRisk::setStatusCall { product: revised, status: 1 });
    town.refused(bob, town.policy, wanted.clone()).expect::<IPolicy::PremiumTooHigh>();
    let new = town.must(bob, town.policy, IPolicy::buyCall { maxPremium: U256::MAX, ..wanted });

    town.wait(DAY);
    town.script.strike(X.subject(), CONFIRMED, town.world.now(), 5_000);
    assert_eq!(town.file(old.policy, 1).0, town.whole(50_000));
    let ratio = u(town.policy_of(new.policy).ratioBps);
    assert!(ratio <= u(8_000u64));
    assert_eq!(town.file(new.policy, 1).0, town.whole(100_000) * ratio * u(4_000u64) / u(100_000_000u64));
}

#[test]
fn scenario_24_a_claim_in_the_block_of_the_purchase_finds_no_cover_yet() {
    let town = Town::new();
    let alice = town.person("alice");
    town.deposit(0, town.person("lp"), town.whole(10_000_000));
    let sold = town.buy(X, alice, town.whole(100_000), 90 * DAY);
    town.script.strike(X.subject(), CONFIRMED, town.world.now(), 10_000);
    let refused = town.refused(alice, town.assessor, claim(sold.policy, 1)).expect::<IAssessor::ClaimNotMet>();
    assert_eq!((refused.policy, refused.incident), (sold.policy, u(1u64)));
    // Nothing stays of it: neither a lock nor a mark.
    let policy = town.policy_of(sold.policy);
    assert!(!policy.locked && !policy.filed && policy.confirmed.is_zero());
}

/// An event counts from the first second of cover to the last, and not one second beside them.
#[test]
fn scenario_25_events_at_the_edges_of_cover() {
    for (from_start, second, met) in
        [(true, -1i64, false), (true, 0, true), (true, 1, true), (false, 0, true), (false, 1, false)]
    {
        let town = Town::new();
        let alice = town.person("alice");
        town.deposit(0, town.person("lp"), town.whole(10_000_000));
        let sold = town.buy(X, alice, town.whole(100_000), 7 * DAY);
        let policy = town.policy_of(sold.policy);
        let edge = if from_start { policy.start } else { policy.end };
        town.world.warp_to(edge.checked_add_signed(second).unwrap());
        town.script.strike(X.subject(), CONFIRMED, town.world.now(), 4_000);
        town.wait(2 * HOUR);
        if met {
            assert_eq!(town.file(sold.policy, 1), (town.whole(40_000), town.whole(40_000)));
        } else {
            town.refused(alice, town.assessor, claim(sold.policy, 1)).expect::<IAssessor::ClaimNotMet>();
        }
    }
}

/// While a claim is decided its policy stays where it is; then it can be given away, and its new holder claims.
#[test]
fn scenario_26_a_policy_does_not_move_while_a_claim_is_open() {
    let town = Town::new();
    let (alice, bob, script) = (town.person("alice"), town.person("bob"), town.person("script"));
    town.deposit(0, town.person("lp"), town.whole(10_000_000));
    let sold = town.buy(X, alice, town.whole(100_000), 90 * DAY);
    town.wait(DAY);
    town.script.strike(X.subject(), CONFIRMED, town.world.now(), 4_000);
    // The trigger, whom the holder trusts with everything, tries in the middle of the claim.
    town.must(alice, town.policy, IERC721::setApprovalForAllCall { operator: script, approved: true });
    let give = IERC721::transferFromCall { from: alice, to: script, tokenId: sold.policy };
    *town.script.hook.borrow_mut() = Some((town.policy, give.abi_encode()));
    assert_eq!(town.file(sold.policy, 1).1, town.whole(40_000));
    let tried = town.script.hook_result.borrow().clone().unwrap().unwrap_err();
    assert!(testkit::Reverted(tried).is::<IPolicy::PolicyLocked>());
    *town.script.hook.borrow_mut() = None;

    town.must(alice, town.policy, IERC721::transferFromCall { from: alice, to: bob, tokenId: sold.policy });
    town.script.change(X.subject(), |event| event.worst = 7_000);
    town.refused(alice, town.assessor, claim(sold.policy, 1)).expect::<IPolicy::NotHolder>();
    let before = town.money(0, alice);
    assert_eq!(town.file(sold.policy, 1), (town.whole(30_000), town.whole(30_000)));
    assert_eq!((town.money(0, bob), town.money(0, alice)), (town.whole(30_000), before));
    assert_eq!(town.policy_of(sold.policy).confirmed, town.whole(70_000));
}

/// There is no more of a cover to be had: its term grows, its amount never does, and what happened before is not news.
#[test]
fn scenario_28_an_extension_covers_neither_more_nor_earlier() {
    let town = Town::new();
    let alice = town.person("alice");
    town.deposit(0, town.person("lp"), town.whole(10_000_000));
    let sold = town.buy(X, alice, town.whole(100_000), 30 * DAY);
    let before = town.policy_of(sold.policy);
    town.wait(20 * DAY);
    let extend = extension(sold.policy, 30 * DAY);
    // Nobody extends into an event that is known.
    let event = town.script.strike(X.subject(), CONFIRMED, town.world.now(), 10_000);
    town.refused(alice, town.policy, extend.clone()).expect::<IPolicy::SubjectNotHealthy>();
    town.script.change(X.subject(), |event| event.verdict = crate::triggers::NOT_MET);
    town.must(alice, town.policy, extend.clone());
    let after = town.policy_of(sold.policy);
    assert_eq!((after.amount, after.remaining, after.start), (before.amount, before.remaining, before.start));
    assert_eq!((after.end, after.deadline), (before.end + 30 * DAY, before.deadline + 30 * DAY));
    town.refused(alice, town.assessor, claim(sold.policy, event)).expect::<IAssessor::ClaimNotMet>();
    // In the added time it pays what it would have paid before, once.
    town.wait(20 * DAY);
    let event = town.script.strike(X.subject(), CONFIRMED, town.world.now(), 10_000);
    assert_eq!(town.file(sold.policy, event), (town.whole(100_000), town.whole(100_000)));
    town.refused(alice, town.assessor, claim(sold.policy, event)).expect::<IAssessor::NothingToPay>();
}

/// Once cover has ended there is nothing to extend: the grace is for claims.
#[test]
fn scenario_29_a_lapsed_policy_is_not_renewed_in_its_grace() {
    let town = Town::new();
    let alice = town.person("alice");
    town.deposit(0, town.person("lp"), town.whole(10_000_000));
    let sold = town.buy(X, alice, town.whole(100_000), 30 * DAY);
    let end = town.policy_of(sold.policy).end;
    town.world.warp_to(end + 1);
    town.refused(alice, town.policy, extension(sold.policy, 30 * DAY)).expect::<IPolicy::PolicyNotInForce>();
    town.script.strike(X.subject(), CONFIRMED, town.world.now(), 10_000);
    town.refused(alice, town.assessor, claim(sold.policy, 1)).expect::<IAssessor::ClaimNotMet>();
}

/// What is refunded and what is earned are the premium; nothing goes back while an incident is open, and afterwards a
/// part of what is left.
#[test]
fn scenario_30_refunds_and_what_is_earned_are_the_premium() {
    let town = Town::new();
    let alice = town.person("alice");
    let vault = town.pools[0].vault;
    town.deposit(0, town.person("lp"), town.whole(10_000_000));
    let sold = town.buy(X, alice, town.whole(1_000_000), 100 * DAY);
    let policy = town.policy_of(sold.policy);
    let cancel = IPolicy::cancelCall { policy: sold.policy, receiver: alice };
    town.must(town.owner, town.policy, IPolicy::setShortRateCall { bps: 1_000 });
    town.wait(10 * DAY);
    town.script.strike(X.subject(), CONFIRMED, town.world.now(), 2_000);
    town.report(X);
    town.refused(alice, town.policy, cancel.clone()).expect::<IRisk::LineNotQuiet>();
    town.file(sold.policy, 1);
    town.script.change(X.subject(), |event| event.closed = town.world.now());
    town.report(X);
    town.refused(alice, town.policy, cancel.clone()).expect::<IRisk::LineNotQuiet>();
    // Quiet again after the grace; a fifth of the cover is used up.
    town.wait(15 * DAY);
    let before = town.solvency(0);
    let refunded = town.must(alice, town.policy, cancel.clone());
    let unused = policy.net * u(policy.end - town.world.now()) / u(policy.end - policy.start);
    near(refunded, unused * u(8_000u64) * u(9_000u64) / u(100_000_000u64), 2);
    let after = town.solvency(0);
    assert!(after.unearned.is_zero());
    // All the rest of what was unearned is the pool's, over time.
    near(after.assets - before.assets, before.unearned - refunded, 1);
    near(after.stream, before.unearned - refunded, 1);
    town.refused(alice, town.policy, cancel).expect::<IPolicy::PolicyIsCancelled>();
    let fees = town.read(vault, IVault::feesAccruedCall {});
    assert_eq!(fees.treasuryFee + fees.juryFee + policy.net, sold.premium);
    let lost = town.whole(200_000);
    assert_eq!(town.money(0, vault), town.whole(10_000_000) + sold.premium - refunded - lost);
}

/// A thousand policies whose deadlines are in one week: expired one by one, in batches of 50 or not at all, filed or
/// not, with the week taken out in one call or in ten, the books end the same.
#[test]
fn scenario_32_a_thousand_policies_of_one_week_leave_the_same_books_however_they_are_swept() {
    let run = |sweep: &dyn Fn(&Town, &[U256])| {
        let town = Town::new();
        town.deposit(0, town.person("lp"), town.whole(10_000_000));
        let policies: Vec<_> = (0..1_000u64)
            .map(|number| {
                let who = town.person(&format!("holder {}", number % 7));
                town.buy(X, who, town.whole(1_000 + number), 30 * DAY).policy
            })
            .collect();
        town.wait(DAY);
        town.script.strike(X.subject(), CONFIRMED, town.world.now(), 1_000);
        for policy in policies.iter().step_by(10) {
            town.file(*policy, 1);
        }
        town.script.change(X.subject(), |event| event.closed = town.world.now());
        town.report(X);
        let deadline = town.policy_of(policies[999]).deadline;
        town.world.warp_to((deadline / WEEK + 1) * WEEK);
        sweep(&town, &policies);
        let catch_up = IRisk::catchUpCall { product: u(FIRST), subject: X.subject(), n: u(100u64) };
        assert!(town.must(town.person("anyone"), town.risk, catch_up));
        assert!(policies.iter().all(|policy| town.policy_of(*policy).expired));
        let line = town.line(X);
        assert!(line.cover.is_zero() && line.reserve.is_zero());
        let vault = town.pools[0].vault;
        assert!(town.read(town.risk, IRisk::activeCoverCall { vault }).is_zero());
        let evidence = town.read(town.risk, IRisk::estimateCall { family: u(FIRST) });
        (town.solvency(0).abi_encode(), evidence.losses, evidence.rate, evidence.exposure)
    };
    let anyone = |town: &Town| town.person("anyone");
    let batches = |town: &Town, policies: &[U256]| {
        for batch in policies.chunks(50) {
            let call = IPolicy::batchExpireCall { policies: batch.to_vec() };
            assert_eq!(town.must(anyone(town), town.policy, call), u(batch.len() as u64));
        }
    };
    let one_by_one = |town: &Town, policies: &[U256]| {
        for policy in policies.iter().rev() {
            town.must(anyone(town), town.policy, IPolicy::expireCall { policy: *policy });
        }
    };
    let in_ten_weeks_before = |town: &Town, policies: &[U256]| {
        for policies in policies.chunks(100) {
            let call = IRisk::catchUpCall { product: u(FIRST), subject: X.subject(), n: u(1u64) };
            town.must(anyone(town), town.risk, call);
            batches(town, policies);
        }
    };
    let (solvency, losses, rate, exposure) = run(&batches);
    for sweep in [&one_by_one as &dyn Fn(&Town, &[U256]), &in_ten_weeks_before] {
        let other = run(sweep);
        assert_eq!((&other.0, other.1, other.2), (&solvency, losses, rate));
        // Exposure is corrected by the middle of the week where it leaves with it, in units of 2^32.
        near(other.3, exposure, 1_100);
    }
}

/// The latest deadline that a sale can have is in a week of its own year: it leaves in that week like any other, with
/// nobody having touched the line in between.
#[test]
fn scenario_34_cover_of_the_longest_term_leaves_in_its_week() {
    for days_into_the_week in [0, 3, 6] {
        let town = Town::new();
        let alice = town.person("alice");
        town.deposit(0, town.person("lp"), town.whole(10_000_000));
        town.wait(days_into_the_week * DAY);
        let long = town.buy(X, alice, town.whole(1_000_000), 365 * DAY);
        let short = town.buy(X, alice, town.whole(300_000), 7 * DAY);
        let end = town.policy_of(long.policy).deadline;
        let short_end = town.policy_of(short.policy).deadline;
        town.world.warp_to((short_end / WEEK + 1) * WEEK);
        assert_eq!(town.line(X).cover, town.whole(1_000_000));
        town.world.warp_to((end / WEEK + 1) * WEEK - 1);
        assert_eq!(town.line(X).cover, town.whole(1_000_000));
        town.wait(1);
        assert_eq!(town.line(X).cover, U256::ZERO);
        // A sale brings the books there by itself.
        town.buy(X, alice, town.whole(200_000), 7 * DAY);
        assert_eq!(town.read(town.risk, IRisk::activeCoverCall { vault: town.pools[0].vault }), town.whole(200_000));
    }
}

// —————————————————————————————————————————————————————————————————————————————————————————— two disasters at once

/// A town whose first pool has `capital` and covers of 6 million on X and on Y, of four holders: 2, 4 (X), 1, 5 (Y).
fn two_disasters(capital: u64) -> (Town, [U256; 4]) {
    let town = Town::new();
    // Cover locks half of its amount: more is sold than the pool can pay if all of it is lost.
    let plain = plain_terms(town.unit);
    let limits = Limits { capitalFactorBps: 5_000, ..plain.limits };
    let revise = IRisk::reviseProductCall { family: u(FIRST), newTerms: Terms { limits, ..plain } };
    let product = town.must(town.owner, town.risk, revise);
    for line in [X, Y] {
        let list = IRisk::listSubjectCall { product, subject: line.subject(), riskKey: text(line.key) };
        town.must(town.owner, town.risk, list);
    }
    town.must(town.owner, town.risk, IRisk::setStatusCall { product, status: 1 });
    let vault = town.pools[0].vault;
    // Each premium may take a unit by its rounding.
    let floor = (town.whole(capital) - u(10u64)).to();
    let set = IRisk::setCapitalCall { vault, minimumBps: 10_000, targetBps: 10_000, floor };
    town.must(town.owner, town.risk, set.clone());
    town.deposit(0, town.person("lp"), town.whole(capital));
    let policies = [(X, 2), (X, 4), (Y, 1), (Y, 5)].map(|(line, millions)| {
        let holder = town.person(&format!("holder of {millions} on {}", line.subject));
        let line = Line { product: product.to(), ..*line };
        town.buy(&line, holder, town.whole(millions * 1_000_000), 90 * DAY).policy
    });
    town.wait(2 * HOUR);
    (town, policies)
}

/// Both incidents of [`two_disasters`] are open and reported.
fn strike_both(town: &Town, policies: &[U256; 4], losses: [u16; 2]) {
    let product = town.policy_of(policies[0]).product.to();
    for (line, loss) in [X, Y].into_iter().zip(losses) {
        town.script.strike(line.subject(), CONFIRMED, town.world.now(), loss);
        town.report(&Line { product, ..*line });
    }
}

/// All that a policy's holder has of the pool's asset and is credited, less what was there before.
fn received(town: &Town, policy: U256, before: U256) -> U256 {
    let holder = town.policy_of(policy).holder;
    let vault = town.pools[0].vault;
    town.must(holder, vault, IVault::topUpCall {});
    let _ = town.send(holder, vault, IVault::claimOwedCall { policy });
    town.money(0, holder) + town.read(vault, IVault::creditOfCall { account: holder }) - before
}

/// All orders of four.
fn orders() -> Vec<[usize; 4]> {
    let mut all = vec![];
    for code in 0..256usize {
        let order = [code & 3, (code >> 2) & 3, (code >> 4) & 3, (code >> 6) & 3];
        if (0..4).all(|who| order.contains(&who)) {
            all.push(order);
        }
    }
    assert_eq!(all.len(), 24);
    all
}

/// Two disasters of 6 million on 10 million, both open before the first filer is paid: every filer gets 83.3 %, first
/// or last.
#[test]
fn two_disasters_of_six_on_ten_pay_every_filer_the_same_first_or_last() {
    for order in orders() {
        let (town, policies) = two_disasters(10_000_000);
        strike_both(&town, &policies, [10_000, 10_000]);
        near(town.solvency(0).assets, town.whole(10_000_000), 1);
        let before = policies.map(|policy| town.money(0, town.policy_of(policy).holder));
        for who in order {
            town.file(policies[who], 1);
        }
        for ((policy, before), millions) in policies.into_iter().zip(before).zip([2u64, 4, 1, 5]) {
            near(received(&town, policy, before), town.whole(millions * 1_000_000) * u(5u64) / u(6u64), 30);
        }
        let solvency = town.solvency(0);
        assert!(solvency.assets <= u(30u64), "{} left", solvency.assets);
        near(solvency.owed, town.whole(2_000_000), 60);
    }
}

/// The first disaster grows from 40 % to 70 % while it is open, the second takes everything: 4.2 and 6 million on 10
/// million, filed in any order, the first filer before and after: all end with 98.04 %.
#[test]
fn two_disasters_of_which_one_grows_pay_all_the_same_in_any_order() {
    for order in orders() {
        let (town, policies) = two_disasters(10_000_000);
        strike_both(&town, &policies, [4_000, 10_000]);
        let before = policies.map(|policy| town.money(0, town.policy_of(policy).holder));
        let product = town.policy_of(policies[0]).product.to();
        for (turn, who) in order.into_iter().enumerate() {
            town.file(policies[who], 1);
            if turn == 1 {
                town.script.change(X.subject(), |event| event.worst = 7_000);
                town.report(&Line { product, ..*X });
            }
        }
        // Closed at its worst, the first one holds no more than that; who filed at 40 % files for the rise.
        town.script.change(X.subject(), |event| event.closed = town.world.now());
        town.report(&Line { product, ..*X });
        for who in order {
            if town.policy_of(policies[who]).confirmed < town.whole([1_400_000, 2_800_000, 1_000_000, 5_000_000][who]) {
                town.file(policies[who], 1);
            }
        }
        for ((policy, before), cover) in
            policies.into_iter().zip(before).zip([1_400_000u64, 2_800_000, 1_000_000, 5_000_000])
        {
            near(received(&town, policy, before), town.whole(cover) * u(100u64) / u(102u64), 60);
        }
        assert!(town.solvency(0).assets <= u(60u64));
    }
}

// ————————————————————————————————————————————————————————————————————————————————————————————— the real trigger

/// Six-hourly rounds at a price, for so many hours.
fn trade(town: &Town, price: i64, hours: u64) {
    for _ in 0..hours / 6 {
        town.feed.push(&town.world, price);
        town.wait(6 * HOUR);
    }
    town.feed.push(&town.world, price);
}

/// A dollar falls to 0.88 for two days and recovers, seen by the real trigger: nothing is sold, who was covered is paid
/// what the worst window says, who was not is not, and the reserve lapses after the grace.
#[test]
fn a_depeg_is_reported_filed_paid_and_over_with_the_real_trigger() {
    let town = Town::new();
    let [alice, bob, lp] = ["alice", "bob", "lp"].map(|name| town.person(name));
    town.deposit(0, lp, town.whole(10_000_000));
    town.feed.push(&town.world, 100_000_000);
    let covered = town.buy(USDC, alice, town.whole(500_000), 90 * DAY);
    trade(&town, 99_900_000, 72);
    let waiting = town.buy(USDC, bob, town.whole(500_000), 90 * DAY);
    trade(&town, 88_000_000, 48);
    town.fund(0, bob, town.whole(1_000));
    town.refused(bob, town.policy, order(USDC, bob, town.whole(1_000), 90 * DAY))
        .expect::<IPolicy::SubjectNotHealthy>();
    let reported = town.report(USDC);
    assert_eq!((reported.number, reported.verdict, reported.worstBps), (u(1u64), CONFIRMED, 1_200));
    let policy = town.policy_of(covered.policy);
    // open: whoever was covered could lose all but the deductible
    let both = town.line(USDC).cover;
    assert_eq!(town.solvency(0).reserve, (both * u(9_800u64)).div_ceil(u(10_000u64)));
    let exit = town.solvency(0).exitPrice;
    let (confirmed, paid) = town.file(covered.policy, 1);
    assert_eq!(confirmed, policy.amount * u(policy.ratioBps) * u(1_000u64) / u(100_000_000u64));
    assert_eq!(paid, confirmed);
    town.refused(bob, town.assessor, claim(waiting.policy, 1)).expect::<IAssessor::ClaimNotMet>();

    trade(&town, 99_900_000, 24);
    town.report(USDC);
    let line = town.line(USDC);
    assert_eq!((line.state, line.worstBps), (2, 1_200));
    assert!(town.solvency(0).exitPrice > exit, "the worst loss is known");
    town.wait(30 * DAY + 1);
    let line = town.line(USDC);
    assert_eq!((line.state, line.reserve), (0, U256::ZERO));
    town.feed.push(&town.world, 100_000_000);
    town.buy(USDC, bob, town.whole(1_000), 90 * DAY);
    assert_eq!(town.solvency(0).reserve, U256::ZERO);
}

/// A certificate of the whole town: rendered from the policy that was bought, by the contract that draws it.
#[test]
fn a_policy_shows_its_certificate() {
    let town = Town::new();
    let alice = town.person("alice");
    town.deposit(0, town.person("lp"), town.whole(10_000_000));
    town.feed.push(&town.world, 100_000_000);
    let sold = town.buy(USDC, alice, town.whole(500_000), 90 * DAY);
    let uri = town.read(town.policy, IERC721::tokenURICall { tokenId: sold.policy });
    assert!(uri.starts_with("data:application/json;base64,"), "{uri}");
}

/// Once an incident is over and its grace has passed, it is claimed under no longer, whatever else opens on the line.
#[test]
fn an_incident_that_has_lapsed_is_over_for_good() {
    let town = Town::new();
    let alice = town.person("alice");
    town.deposit(0, town.person("lp"), town.whole(10_000_000));
    let sold = town.buy(X, alice, town.whole(1_000_000), 300 * DAY);
    town.wait(DAY);
    town.script.strike(X.subject(), CONFIRMED, town.world.now(), 6_000);
    town.report(X);
    town.script.change(X.subject(), |event| event.closed = town.world.now());
    town.report(X);
    town.wait(14 * DAY + 1);
    assert_eq!(town.solvency(0).reserve, town.line(X).reserve + town.whole(600_000));
    town.refused(alice, town.assessor, claim(sold.policy, 1)).expect::<IRisk::ClaimAfterDeadline>();
    town.script.strike(X.subject(), CONFIRMED, town.world.now(), 500);
    town.report(X);
    town.refused(alice, town.assessor, claim(sold.policy, 1)).expect::<IRisk::ClaimAfterDeadline>();
}
