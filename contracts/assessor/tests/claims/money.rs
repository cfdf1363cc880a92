//! Bounties, recoveries, credits, and that no money of anybody is lost whatever happens in whatever order.

use alloy_primitives::{Bytes, U256};
use proptest::{collection::vec, prelude::*};
use protocol::abi::{
    IAssessor::{self, *},
    IERC20, IRisk, IVault,
};
use testkit::token::Erc20;

use crate::world::*;

#[test]
fn the_first_to_report_an_incident_as_confirmed_earns_a_bounty_once() {
    let town = Town::new();
    let anyone = town.person("anyone");
    town.buy(PLAIN, town.person("alice"), usd(2_000_000));
    let fees = town.read(town.vault, IVault::feesAccruedCall {}).juryFee;
    assert!(fees > U256::ZERO);
    town.must(anyone, town.vault, IVault::collectFeesCall {});
    town.strike(1_000);
    town.script.events.borrow_mut()[0].0 = INCONCLUSIVE;
    town.report(PLAIN);
    assert_eq!(town.credit(anyone), U256::ZERO, "latent evidence earns nothing");
    town.script.events.borrow_mut()[0].0 = CONFIRMED;
    town.report(PLAIN);
    let bounty = fees * u(500) / u(10_000);
    assert_eq!(town.credit(anyone), bounty, "a twentieth of the jury's money");
    let earned = town.world.events::<BountyEarned>(town.assessor);
    assert_eq!((earned.len(), earned[0].reporter, earned[0].amount), (1, anyone, bounty));
    town.check();
    for worst in [1_200, 1_300] {
        town.script.events.borrow_mut()[0].3 = worst;
        town.report(PLAIN);
    }
    town.close();
    town.report(PLAIN);
    assert_eq!(town.credit(anyone), bounty, "once");
}

#[test]
fn a_bounty_is_at_most_a_hundredth_of_what_is_reserved() {
    let town = Town::new();
    town.buy(PLAIN, town.person("alice"), usd(100));
    town.token.mint(&town.world, town.assessor, usd(1_000_000));
    town.strike(1_000);
    town.report(STRICT);
    assert_eq!(town.credit(town.person("anyone")), U256::ZERO, "where nobody is covered it is worth nothing");
    town.report(PLAIN);
    assert_eq!(town.credit(town.person("anyone")), usd(1));
    // nor is it worth more for what is reserved elsewhere
    town.report(EXPLOIT);
    assert_eq!(town.credit(town.person("anyone")), usd(1));
    town.check();
}

#[test]
fn what_is_won_back_goes_to_the_pool_and_is_at_most_the_loss() {
    let town = Town::new();
    let (alice, bob) = (town.person("alice"), town.person("bob"));
    let policy = town.buy(PLAIN, alice, usd(1_000_000));
    let incident = town.strike(3_000);
    town.fund(bob, usd(1_000_000));
    let recover = |amount: U256| recoverCall { policy, amount };
    // Nothing was lost: nothing is won back, not even nothing.
    for amount in [0, 1] {
        assert_eq!(town.refused::<RecoveryExceedsLoss>(bob, recover(u(amount))).left, U256::ZERO);
    }
    town.file(policy, incident);
    let (assets, money) = (town.solvency().assets, town.money(bob));
    town.must(bob, town.assessor, recover(usd(100_000)));
    assert_eq!((town.solvency().assets - assets, money - town.money(bob)), (usd(100_000), usd(100_000)));
    assert!(town.solvency().stream >= usd(100_000), "as a stream to the shares");
    town.must(bob, town.assessor, recover(usd(150_000)));
    let refused = town.refused::<RecoveryExceedsLoss>(bob, recover(usd(50_000) + u(1)));
    assert_eq!((refused.amount, refused.left), (usd(50_000) + u(1), usd(50_000)));
    town.must(bob, town.assessor, recover(usd(50_000)));
    assert_eq!(town.read(town.assessor, recoveredOfCall { policy }), usd(300_000));
    let receipts = town.world.events::<LossRecovered>(town.assessor);
    assert_eq!(
        receipts.iter().map(|receipt| receipt.total).collect::<Vec<_>>(),
        [100, 250, 300].map(|k| usd(k * 1_000))
    );
    assert_eq!(
        town.read(town.token.at, IERC20::allowanceCall { owner: town.assessor, spender: town.vault }),
        U256::ZERO
    );
    town.check();
}

#[test]
fn what_is_won_back_goes_first_to_who_is_owed() {
    let town = Town::new();
    let (alice, bob) = (town.person("alice"), town.person("bob"));
    let first = town.buy_on(PLAIN, "X", alice, usd(7_000_000));
    let second = town.buy_on(STRICT, "Y", alice, usd(7_000_000));
    let incident = town.strike(10_000);
    for policy in [first, second] {
        town.file(policy, incident);
    }
    town.world.warp(3 * DAY);
    for policy in [first, second] {
        town.execute(policy);
    }
    let owed = town.solvency().owed;
    assert!(owed > usd(3_000_000));
    town.fund(bob, usd(2_000_000));
    town.must(bob, town.assessor, recoverCall { policy: first, amount: usd(2_000_000) });
    let after = town.solvency();
    assert_eq!((owed - after.owed, after.stream), (usd(2_000_000), U256::ZERO));
}

#[test]
fn a_credit_is_taken_by_its_account_to_wherever_it_likes() {
    let town = Town::new();
    let (alice, bob, carol) = (town.person("alice"), town.person("bob"), town.person("carol"));
    let policy = town.buy(PLAIN, alice, usd(2_000_000));
    let incident = town.strike(5_000);
    town.file(policy, incident);
    let case = town.challenge(bob, policy);
    town.judge(case, DRAW, U256::ZERO);
    // who cannot be paid blocks nobody
    town.token.habits.blacklisted.set(Some(alice));
    town.execute(policy);
    let asset = town.token.at;
    let take = |receiver| withdrawCreditCall { asset, receiver };
    assert_eq!(town.refused::<NothingToWithdraw>(bob, take(bob)).account, bob);
    town.refused::<Erc20::Blacklisted>(alice, take(alice));
    assert_eq!(town.must(alice, town.assessor, take(carol)), usd(10_000));
    assert_eq!(town.money(carol), usd(10_000));
    town.refused::<NothingToWithdraw>(alice, take(carol));
    town.check();
}

/// One thing that somebody does.
#[derive(Clone, Debug)]
enum Step {
    File(usize),
    Dispute(usize, u16),
    Challenge(usize),
    Execute(usize),
    Escalate(usize),
    Reopen(usize),
    Prolong(usize),
    Judge(u8, u64),
    Say(u8, u16),
    Strike(u16),
    Close,
    Report,
    Raise(usize),
    Withdraw(usize),
    Recover(usize, u64),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let policy = 0usize..6;
    prop_oneof![
        4 => policy.clone().prop_map(Step::File),
        4 => (policy.clone(), 1u16..10_000).prop_map(|(policy, loss)| Step::Dispute(policy, loss)),
        3 => policy.clone().prop_map(Step::Challenge),
        6 => policy.clone().prop_map(Step::Execute),
        2 => policy.clone().prop_map(Step::Escalate),
        2 => policy.clone().prop_map(Step::Reopen),
        1 => policy.clone().prop_map(Step::Prolong),
        4 => (0u8..3, 0u64..2_000_000).prop_map(|(outcome, award)| Step::Judge(outcome, award)),
        3 => (0u8..4, 0u16..10_000).prop_map(|(verdict, loss)| Step::Say(verdict, loss)),
        2 => (1u16..10_000).prop_map(Step::Strike),
        1 => Just(Step::Close),
        2 => Just(Step::Report),
        2 => policy.clone().prop_map(Step::Raise),
        2 => (0usize..4).prop_map(Step::Withdraw),
        1 => (policy, 1u64..100_000).prop_map(|(policy, amount)| Step::Recover(policy, amount)),
        5 => prop_oneof![60u64..DAY, DAY..20 * DAY, 20 * DAY..130 * DAY].prop_map(Step::Wait),
    ]
}

/// Does one thing; whether it was allowed does not matter.
fn act(town: &Town, policies: &[U256], step: &Step) {
    let people = town.people.borrow().clone();
    let newest = town.script.events.borrow().len() as u64;
    let holder = |number: usize| people[number % 3];
    let bob = people[1];
    match *step {
        Step::File(n) => drop(town.send(holder(n), town.assessor, filing(policies[n], newest))),
        Step::Dispute(n, loss) => drop(town.send(holder(n), town.assessor, dispute(policies[n], newest, loss))),
        Step::Challenge(n) => drop(town.send(bob, town.assessor, challenge(policies[n]))),
        Step::Execute(n) => drop(town.send(bob, town.assessor, execution(policies[n]))),
        Step::Escalate(n) => {
            drop(town.send(holder(n), town.assessor, escalateCall { policy: policies[n], reason: text("on") }));
        }
        Step::Reopen(n) => {
            drop(town.send(holder(n), town.assessor, reopenCall { policy: policies[n], reason: text("again") }));
        }
        Step::Prolong(n) => {
            let call = prolongCall { policy: policies[n], duration: DAY, reason: text("odd") };
            drop(town.send(town.guardian, town.assessor, call));
        }
        Step::Judge(outcome, award) => {
            let open = town.jurors.verdicts.borrow().iter().position(Option::is_none);
            if let Some(case) = open {
                town.judge(case as u64 + 1, outcome, usd(award));
            }
        }
        Step::Say(verdict, loss) => town.script.word.set((verdict < 3).then_some((verdict, loss))),
        Step::Strike(worst) => drop(town.strike(worst)),
        Step::Close => town.close(),
        Step::Report => {
            let call = IAssessor::reportCall { product: u(PLAIN), subject: text("X"), evidence: Bytes::new() };
            drop(town.send(people[3], town.assessor, call));
        }
        Step::Raise(n) => drop(town.send(holder(n), town.assessor, raising(policies[n]))),
        Step::Withdraw(n) => {
            let call = withdrawCreditCall { asset: town.token.at, receiver: people[n] };
            drop(town.send(people[n], town.assessor, call));
        }
        Step::Recover(n, amount) => {
            drop(town.send(bob, town.assessor, recoverCall { policy: policies[n], amount: usd(amount) }));
        }
        Step::Wait(seconds) => town.world.warp(seconds),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever anybody does: bonds and credits are conserved to the unit, no policy has more than its cover, what is
    /// open is reserved; and in the end everything ends by the clock, with nobody but one who executes.
    #[test]
    fn no_money_is_lost_and_every_claim_ends(steps in vec(step(), 1..40)) {
        let town = Town::new();
        let people = town.people.borrow().clone();
        let policies: Vec<_> = [(PLAIN, 900_000), (EXPLOIT, 500_000), (STRICT, 700_000), (PLAIN, 80_000), (EXPLOIT, 1), (STRICT, 1_300_000)]
            .iter()
            .zip(people.iter().take(3).cycle())
            .map(|((product, amount), who)| town.buy(*product, *who, usd(*amount)))
            .collect();
        for who in &people {
            town.fund(*who, usd(1_000_000));
        }
        town.strike(2_000);
        for step in &steps {
            act(&town, &policies, step);
            town.check();
            let open = policies.iter().fold(U256::ZERO, |sum, policy| sum + town.claim(*policy).amount);
            prop_assert!(town.reserve() >= open, "what is open is reserved: {} of {open}", town.reserve());
            for policy in &policies {
                let known = town.policy_of(*policy);
                prop_assert_eq!(known.locked, town.stage(*policy) != stage::NONE);
                prop_assert!(known.confirmed <= known.amount);
            }
        }
        // Nobody does anything any more, nothing answers; a passer-by executes now and then.
        town.jurors.gone.set(true);
        town.script.broken.set(Some(true));
        for _ in 0..4 {
            town.world.warp(181 * DAY);
            for policy in &policies {
                drop(town.send(people[3], town.assessor, execution(*policy)));
            }
        }
        town.check();
        for policy in &policies {
            prop_assert_eq!(town.stage(*policy), stage::NONE);
            town.must(people[3], town.policy, protocol::abi::IPolicy::expireCall { policy: *policy });
        }
        for product in [PLAIN, EXPLOIT, STRICT] {
            let call = IRisk::catchUpCall { product: u(product), subject: text("X"), n: u(1_000) };
            prop_assert!(town.must(people[3], town.risk, call));
        }
        prop_assert_eq!(town.active_cover(), U256::ZERO, "every policy leaves the books");
    }
}
