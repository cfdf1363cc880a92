//! What is paid at once, what waits, and how a wait ends.

use alloy_primitives::{Address, U256};
use protocol::abi::{IAssessor::*, IOwned, IPolicy, IRisk, NotGuardian};

use crate::world::*;

#[test]
fn a_claim_below_the_limit_is_paid_in_the_same_transaction() {
    let town = Town::new();
    let alice = town.person("alice");
    let policy = town.buy(PLAIN, alice, usd(1_000_000));
    let incident = town.strike(4_000);
    let before = town.money(alice);
    assert_eq!(town.file(policy, incident), (usd(400_000), usd(400_000)));
    assert_eq!(town.money(alice) - before, usd(400_000));
    assert_eq!(town.stage(policy), stage::NONE);
    let paid = town.read(town.assessor, paidAtOnceCall { product: u(PLAIN), subject: text("X"), number: u(incident) });
    assert_eq!(paid, usd(400_000));
    let limits = town.read(town.assessor, limitsOfCall { vault: town.vault });
    assert_eq!((limits.instantBps, limits.paid, limits.last), (500, usd(400_000), town.world.now()));
    assert!(usd(500_000).abs_diff(limits.limit) <= usd(100), "5 % of the capital: {}", limits.limit);
    assert!(town.moves(policy));
}

#[test]
fn twenty_claims_just_below_the_limit_do_not_slip_through() {
    let town = Town::new();
    let alice = town.person("alice");
    let policies: Vec<_> = (0..20).map(|_| town.buy(PLAIN, alice, usd(100_000))).collect();
    let incident = town.strike(9_000);
    let paid: Vec<_> = policies.iter().map(|policy| town.file(*policy, incident).1).collect();
    let at_once = paid.iter().filter(|paid| !paid.is_zero()).count();
    assert_eq!(at_once, 5, "five times 90,000 are below 5 % of 10 M");
    assert_eq!(paid.iter().sum::<U256>(), usd(450_000));
    assert!(policies[5..].iter().all(|policy| town.stage(*policy) == stage::DELAYED));

    // The next day the vault pays at once again, but nothing more under this incident.
    let late = town.buy_on(PLAIN, "Y", alice, usd(100_000));
    town.world.warp(2 * DAY);
    let another = town.strike(1_000);
    assert_eq!(town.file(late, another).1, usd(10_000));
    town.execute(policies[5]);
    town.script.word.set(Some((CONFIRMED, 9_100)));
    assert_eq!(town.file(policies[0], incident), (usd(1_000), usd(1_000)), "a thousand is left of its limit");
    town.script.word.set(Some((CONFIRMED, 9_900)));
    assert_eq!(town.file(policies[1], incident), (usd(9_000), usd(9_000)));
    for policy in &policies[2..5] {
        town.script.word.set(Some((CONFIRMED, 10_000)));
        town.file(*policy, incident);
    }
    let all = town.read(town.assessor, paidAtOnceCall { product: u(PLAIN), subject: text("X"), number: u(incident) });
    let limit = town.read(town.assessor, limitsOfCall { vault: town.vault }).limit;
    assert!(all <= limit, "{all} of {limit}");
}

#[test]
fn one_day_holds_for_all_incidents_and_products_of_a_vault() {
    let town = Town::new();
    let alice = town.person("alice");
    let [first, second, third] = [(PLAIN, "X"), (STRICT, "X"), (PLAIN, "Y")]
        .map(|(product, subject)| town.buy_on(product, subject, alice, usd(1_000_000)));
    let incident = town.strike(3_000);
    assert_eq!(town.file(first, incident).1, usd(300_000));
    assert_eq!(town.file(second, incident).1, U256::ZERO, "600,000 in a day");
    // A payment goes on with the day, so that no 24 hours see more than the limit.
    town.world.warp(DAY - 1);
    town.script.word.set(Some((CONFIRMED, 1_000)));
    assert_eq!(town.file(third, incident).1, usd(100_000));
    town.world.warp(DAY - 1);
    town.script.word.set(Some((CONFIRMED, 3_000)));
    assert_eq!(town.file(third, incident).1, U256::ZERO, "100,000 are left of the day");
    assert_eq!(town.stage(third), stage::DELAYED);
}

#[test]
fn a_large_claim_is_reserved_and_waits_the_longer_the_larger_it_is() {
    let town = Town::new();
    let alice = town.person("alice");
    let [half, whole] = [600_000, 3_000_000].map(|amount| town.buy(PLAIN, alice, usd(amount)));
    let incident = town.strike(10_000);
    town.report(PLAIN);
    let (reserve, cover, before) = (town.reserve(), town.active_cover(), town.solvency());
    assert_eq!(reserve, usd(3_600_000));
    assert_eq!(town.file(half, incident), (usd(600_000), U256::ZERO));
    assert_eq!(town.file(whole, incident), (usd(3_000_000), U256::ZERO));
    let now = town.world.now();
    let [short, long] = [half, whole].map(|policy| town.claim(policy).due - now);
    assert!((2 * HOUR..3 * DAY).contains(&short), "between the bounds: {short}");
    // 2 h + 70 h × 0.6 ÷ (20 % of some 10.01 M)
    assert!((22 * HOUR..=23 * HOUR).contains(&short), "in proportion: {short}");
    assert_eq!(long, 3 * DAY);

    // From the moment of confirmation nobody leaves with it, and nothing else has changed.
    let after = town.solvency();
    assert_eq!((town.reserve(), after.assets, after.owed), (reserve, before.assets, U256::ZERO));
    assert_eq!(after.exitPrice, before.exitPrice);
    assert_eq!(town.active_cover(), cover - reserve, "it is no cover any more, but reserved");
    assert_eq!(town.policy_of(half).confirmed, U256::ZERO);
    assert!(town.policy_of(half).locked && !town.moves(half));
    town.refused::<IPolicy::PolicyLocked>(alice, filing(half, incident));

    let early = town.refused::<TooEarly>(alice, execution(half));
    assert_eq!((early.policy, early.due), (half, U256::from(now + short)));
    town.world.warp(short - 1);
    town.refused::<TooEarly>(alice, execution(half));
    town.world.warp(1);
    let money = town.money(alice);
    assert_eq!(town.execute(half), (usd(600_000), usd(600_000)), "by anyone");
    assert_eq!((town.money(alice) - money, town.reserve()), (usd(600_000), usd(3_000_000)));
    assert_eq!(town.policy_of(half).confirmed, usd(600_000));
    assert!(town.moves(half));
    assert_eq!(town.refused::<WrongStage>(alice, execution(half)).stage, stage::NONE);
    town.world.warp(3 * DAY);
    assert_eq!(town.execute(whole).1, usd(3_000_000));
    assert_eq!((town.reserve(), town.active_cover()), (U256::ZERO, U256::ZERO));
}

#[test]
fn a_part_of_the_cover_that_waits_leaves_the_rest_reserved_while_the_incident_is_open() {
    let town = Town::new();
    let alice = town.person("alice");
    let policy = town.buy(PLAIN, alice, usd(2_000_000));
    let incident = town.strike(3_000);
    town.report(PLAIN);
    assert_eq!(town.reserve(), usd(2_000_000));
    town.file(policy, incident);
    assert_eq!(town.reserve(), usd(2_000_000), "it may get worse");
    town.close();
    town.report(PLAIN);
    assert_eq!(town.reserve(), usd(600_000), "what waits, and nothing more");
    town.world.warp(3 * DAY);
    assert_eq!(town.execute(policy).1, usd(600_000));
    assert_eq!((town.reserve(), town.active_cover()), (U256::ZERO, usd(1_400_000)));
}

#[test]
fn an_exploit_is_never_paid_at_once() {
    let town = Town::new();
    let alice = town.person("alice");
    let policy = town.buy(EXPLOIT, alice, usd(1_000));
    let incident = town.strike(100);
    assert_eq!(town.file(policy, incident), (usd(10), U256::ZERO));
    assert_eq!(town.stage(policy), stage::DELAYED);
    town.world.warp(2 * HOUR + 60);
    assert_eq!(town.execute(policy), (usd(10), usd(10)));
}

#[test]
fn a_claim_that_waits_survives_the_lapse_of_its_incident_and_the_end_of_the_time_for_claims() {
    let town = Town::new();
    let alice = town.person("alice");
    let policy = town.buy(PLAIN, alice, usd(2_000_000));
    let incident = town.strike(5_000);
    town.close();
    town.report(PLAIN);
    town.world.warp(GRACE - 60);
    town.file(policy, incident);
    town.world.warp(3 * DAY);
    let line = town.read(town.risk, IRisk::lineCall { product: u(PLAIN), subject: text("X") });
    assert_eq!(line.state, 0, "the incident has lapsed");
    town.buy(PLAIN, town.person("bob"), usd(1_000));
    assert_eq!(town.reserve(), usd(1_000_000), "the claim has not");
    assert_eq!(town.execute(policy), (usd(1_000_000), usd(1_000_000)));
    assert_eq!(town.reserve(), U256::ZERO);
}

#[test]
fn filing_may_be_paused_but_not_what_was_filed() {
    let town = Town::new();
    let alice = town.person("alice");
    let [filed, unfiled] = [2_000_000, 2_000_000].map(|amount| town.buy(PLAIN, alice, usd(amount)));
    let incident = town.strike(5_000);
    town.file(filed, incident);
    town.must(town.owner, town.risk, IRisk::pauseFilingCall { duration: 7 * DAY, reason: text("a bug") });
    town.refused::<protocol::abi::EnforcedPause>(alice, filing(unfiled, incident));
    town.world.warp(3 * DAY);
    assert_eq!(town.execute(filed).1, usd(1_000_000));
}

#[test]
fn the_guardian_prolongs_once_by_a_week_at_most_and_never_denies() {
    let town = Town::new();
    let alice = town.person("alice");
    let policy = town.buy(PLAIN, alice, usd(2_000_000));
    let incident = town.strike(5_000);
    town.file(policy, incident);
    let due = town.claim(policy).due;
    let prolong = |duration: u64| prolongCall { policy, duration, reason: text("looks odd") };
    town.refused::<NotGuardian>(alice, prolong(DAY));
    assert_eq!(town.refused::<ProlongedTooLong>(town.guardian, prolong(7 * DAY + 1)).most, u(7 * DAY));
    town.must(town.guardian, town.assessor, prolong(7 * DAY));
    assert_eq!((town.claim(policy).due, town.claim(policy).prolonged), (due + 7 * DAY, true));
    town.refused::<AlreadyProlonged>(town.guardian, prolong(1));
    town.refused::<AlreadyProlonged>(town.owner, prolong(1));
    town.world.warp(10 * DAY);
    town.refused::<TooLate>(town.guardian, prolong(1));
    assert_eq!(town.execute(policy).1, usd(1_000_000));
    assert_eq!(town.refused::<WrongStage>(town.guardian, prolong(1)).stage, stage::NONE);
}

#[test]
fn a_claim_on_the_position_by_itself_needs_no_incident() {
    let town = Town::new();
    let alice = town.person("alice");
    let [small, large] = [100_000, 2_000_000].map(|amount| town.buy(PLAIN, alice, usd(amount)));
    town.world.warp(2 * HOUR);
    town.refused::<ClaimNotMet>(alice, filing(small, 0));
    town.script.word.set(Some((CONFIRMED, 5_000)));
    assert_eq!(town.file(small, 0), (usd(50_000), usd(50_000)));
    assert_eq!((town.reserve(), town.active_cover()), (U256::ZERO, usd(2_050_000)));
    town.refused::<NothingToPay>(alice, filing(small, 0));
    assert_eq!(town.file(large, 0), (usd(1_000_000), U256::ZERO));
    assert_eq!(town.reserve(), usd(1_000_000));
    town.world.warp(3 * DAY);
    assert_eq!(town.execute(large).1, usd(1_000_000));
    assert_eq!((town.reserve(), town.active_cover()), (U256::ZERO, usd(1_050_000)));
}

#[test]
fn who_is_proven_under_lapsed_latent_evidence_need_not_wait_for_a_report() {
    let town = Town::new();
    let alice = town.person("alice");
    let policy = town.buy(PLAIN, alice, usd(100_000));
    town.strike(2_000);
    town.script.events.borrow_mut()[0].0 = INCONCLUSIVE;
    town.report(PLAIN);
    assert_eq!(town.reserve(), usd(100_000));
    town.world.warp(LATENT);
    town.must(town.owner, town.risk, IRisk::catchUpCall { product: u(PLAIN), subject: text("X"), n: u(1) });
    assert_eq!(town.reserve(), U256::ZERO, "nothing followed");
    town.script.events.borrow_mut()[0].0 = CONFIRMED;
    assert_eq!(town.file(policy, 1), (usd(20_000), usd(20_000)));
}

#[test]
fn a_number_that_the_trigger_does_not_know_opens_nothing() {
    let town = Town::new();
    let alice = town.person("alice");
    let policy = town.buy(PLAIN, alice, usd(100_000));
    town.world.warp(2 * HOUR);
    town.refused::<NoIncident>(alice, filing(policy, 1));
    town.fund(alice, usd(10_000));
    town.refused::<NoIncident>(alice, dispute(policy, 7, 1_000));
}

#[test]
fn governance_sets_limits_and_rules_within_bounds() {
    let town = Town::new();
    let alice = town.person("alice");
    let set =
        |bps: u16, bond: u128| setLimitsCall { vault: town.vault, instantBps: bps, minBond: bond.try_into().unwrap() };
    let most = 10_000_000_000;
    town.refused::<IOwned::OwnableUnauthorizedAccount>(alice, set(1, 1));
    assert_eq!(town.refused::<IOwned::ParameterOutOfBounds>(town.owner, set(501, 0)).parameter, text("instantBps"));
    assert_eq!(town.refused::<IOwned::ParameterOutOfBounds>(town.owner, set(500, most + 1)).parameter, text("minBond"));
    town.must(town.owner, town.assessor, set(100, most));
    let [policy, small] = [1_000_000, 100_000].map(|amount| town.buy(PLAIN, alice, usd(amount)));
    let incident = town.strike(2_000);
    assert_eq!(town.file(policy, incident), (usd(200_000), U256::ZERO), "above 1 %");
    // A day that has begun obeys at once.
    assert_eq!(town.file(small, incident).1, usd(20_000));
    town.must(town.owner, town.assessor, set(0, most));
    assert_eq!(town.read(town.assessor, limitsOfCall { vault: town.vault }).limit, U256::ZERO);
    let bonds = town.read(town.assessor, bondsOfCall { vault: town.vault, amount: usd(200_000) });
    assert_eq!((bonds.challenge, bonds.jury, bonds.deposit), (usd(10_000), usd(10_000), usd(2_500)));

    let rules = |max: u32| setRulesCall {
        minDelay: 60,
        maxDelay: max,
        fullBps: 1_000,
        challengeBps: 300,
        juryBps: 400,
        depositBps: 100,
        bountyBps: 100,
    };
    town.refused::<IOwned::OwnableUnauthorizedAccount>(alice, rules(60));
    assert_eq!(town.refused::<IOwned::ParameterOutOfBounds>(town.owner, rules(59)).parameter, text("maxDelay"));
    town.must(town.owner, town.assessor, rules(60));
    let set = town.read(town.assessor, rulesCall {});
    assert_eq!((set.minDelay, set.maxDelay, set.fullBps, set.bountyBps), (60, 60, 1_000, 100));
    assert!(town.claim(policy).due > town.world.now() + 60, "what waits already is left alone");
}

#[test]
fn a_jury_is_wired_once_and_until_then_nothing_is_challenged() {
    let town = Town::without_jury();
    let alice = town.person("alice");
    let policy = town.buy(PLAIN, alice, usd(2_000_000));
    let incident = town.strike(5_000);
    town.file(policy, incident);
    town.fund(alice, usd(1_000_000));
    town.refused::<IOwned::NotWired>(alice, challenge(policy));
    assert_eq!(town.read(town.assessor, juryCall {}), Address::ZERO);
    let wire = |jury: Address| wireJuryCall { jury };
    town.refused::<IOwned::OwnableUnauthorizedAccount>(alice, wire(town.risk));
    town.refused::<standards::errors::AddressEmptyCode>(town.owner, wire(alice));
    town.must(town.owner, town.assessor, wire(town.risk));
    town.refused::<IOwned::AlreadyWired>(town.owner, wire(town.policy));
    town.world.warp(3 * DAY);
    assert_eq!(town.execute(policy).1, usd(1_000_000));
}

#[test]
fn a_vault_that_is_short_pays_a_delayed_claim_like_any_other_and_owes_the_rest() {
    let town = Town::new();
    let (alice, bob) = (town.person("alice"), town.person("bob"));
    let first = town.buy_on(PLAIN, "X", alice, usd(7_000_000));
    let second = town.buy_on(STRICT, "Y", bob, usd(7_000_000));
    let incident = town.strike(10_000);
    for policy in [first, second] {
        town.file(policy, incident);
    }
    town.world.warp(3 * DAY);
    let assets = town.solvency().assets;
    let [one, two] = [first, second].map(|policy| town.execute(policy).1);
    assert!(one.abs_diff(two) <= u(8), "the same share in either order: {one}, {two}");
    assert!(one + two <= assets && assets - one - two <= u(16), "{one} + {two} of {assets}");
    let owed = town.solvency().owed;
    // shares are rounded up, so what is owed may be a unit more or less than what is missing
    assert!((one + two + owed).abs_diff(usd(14_000_000)) <= u(2));
    let filed = town.world.events::<ClaimSettled>(town.assessor);
    assert_eq!(filed.iter().map(|event| event.confirmed).collect::<Vec<_>>(), [usd(7_000_000), usd(7_000_000)]);
}
