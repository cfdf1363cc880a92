//! Random sequences of everything that anybody can do, over all contracts.
//!
//! After every call the pools' books are looked at, after every 20 everything else. In the end everything is settled,
//! everybody leaves, and nothing but rounding, fees and donations stays behind. `PROPTEST_CASES` asks for more runs,
//! `LONG` for runs of 500 calls and 5,000 of them.

use alloy_primitives::U256;
use proptest::{collection::vec, prelude::*, test_runner::FileFailurePersistence};
use protocol::abi::{IERC4626, IERC7540Redeem, IRisk, IVault};

use crate::{
    invariants::{self, Check},
    model::{Look, Model},
    steps::{Step, step},
    town::{COOLDOWN, DAY, HOUR, LINES, PATIENCE, WEEK, u},
    triggers::{CONFIRMED, NOT_MET},
};

/// How many calls lie between two looks at everything.
const LOOK_EVERY: usize = 20;

fn is_long() -> bool {
    std::env::var_os("LONG").is_some()
}

fn calls() -> usize {
    if is_long() { 500 } else { 200 }
}

/// As many runs as `PROPTEST_CASES` says; else half of 256, for there are two kinds of sequences, or of 5,000.
fn config() -> ProptestConfig {
    let usual = ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::default())),
        ..ProptestConfig::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_some() {
        return usual;
    }
    ProptestConfig { cases: if is_long() { 2_500 } else { 128 }, ..usual }
}

fn run(steps: &[Step]) -> Check {
    let mut model = Model::new();
    let mut looks = [0, 1].map(|pool| Look::at(&model, pool));
    for (index, step) in steps.iter().enumerate() {
        let loss = model.apply(step)?;
        looks = invariants::each(&model, &looks, loss)?;
        if (index + 1) % LOOK_EVERY == 0 {
            invariants::all(&mut model)?;
        }
    }
    invariants::all(&mut model)?;
    everybody_leaves(&mut model)
}

/// [I26] The end: incidents are settled, policies expire, claims and credits are taken, everybody leaves. Every request
/// is served in its time, or its pool owes more than it has; what stays is rounding, fees and donations.
fn everybody_leaves(model: &mut Model) -> Check {
    let anyone = model.town.person("anyone");
    let habits = model.town.pools[1].token.habits.clone();
    habits.hook.borrow_mut().take();
    habits.blacklisted.set(None);
    habits.fee_bps.set(0);
    habits.refuses.set(false);
    // Prices are at par for long enough, and every event ends.
    for _ in 0..12 {
        model.town.feed.push(&model.town.world, 100_000_000);
        model.town.wait(6 * HOUR);
    }
    model.town.feed.push(&model.town.world, 100_000_000);
    let now = model.now();
    for line in &LINES[1..5] {
        model.town.script.change(line.subject(), |event| match event.verdict {
            CONFIRMED if event.closed == 0 => event.closed = now.max(event.opened),
            CONFIRMED => {}
            _ => event.verdict = NOT_MET,
        });
    }
    for line in 0..LINES.len() {
        for _ in 0..4 {
            model.apply(&Step::Report { line })?;
        }
    }
    // Pauses end, incidents lapse, premiums are earned, the stream has flowed.
    let last = model.policies.iter().map(|policy| policy.deadline).max().unwrap_or(0).max(model.now());
    while model.now() < last + 30 * DAY {
        model.town.wait(20 * WEEK);
        model.catch_up();
    }
    model.everything_comes_home()?;
    for index in 0..model.policies.len() {
        let closed = model.policies[index].is_closed();
        model.apply(&Step::Expire { policy: index })?;
        prop_assert!(closed || model.policies[index].expired, "{:?} is not over", model.policies[index]);
    }
    let looks = [0, 1].map(|pool| Look::at(model, pool));
    for (pool, look) in looks.iter().enumerate() {
        let vault = model.town.pools[pool].vault;
        prop_assert!(look.solvency.unearned.is_zero() && look.solvency.activeCover.is_zero());
        prop_assert_eq!(look.solvency.reserve, U256::ZERO);
        model.town.must(anyone, model.town.risk, IRisk::recountCall { vault });
        model.town.must(anyone, vault, IVault::topUpCall {});
        for index in 0..model.policies.len() {
            if model.policies[index].pool() == pool {
                model.apply(&Step::ClaimOwed { policy: index })?;
            }
        }
        for who in model.holders().collect::<Vec<_>>() {
            if !model.town.read(vault, IVault::creditOfCall { account: who }).is_zero() {
                model.town.must(who, vault, IVault::withdrawCreditCall { receiver: who });
            }
            // Who waits takes back what he asked for, and what that forgoes flows to all.
            let pending = IERC7540Redeem::pendingRedeemRequestCall { requestId: U256::ZERO, controller: who };
            if !model.town.read(vault, pending).is_zero() {
                let cancel = IVault::cancelRedeemRequestCall { requestId: U256::ZERO, controller: who, receiver: who };
                model.town.must(who, vault, cancel);
            }
        }
    }
    model.town.wait(5 * WEEK);
    for pool in 0..2 {
        for who in model.holders().collect::<Vec<_>>() {
            let shares = model.town.shares(pool, who);
            if !shares.is_zero() {
                model.town.request(pool, who, shares);
            }
        }
    }
    model.town.wait(2 * WEEK + COOLDOWN + PATIENCE);
    model.catch_up();
    for pool in 0..2 {
        model.town.serve(pool);
        let vault = model.town.pools[pool].vault;
        for who in model.holders().collect::<Vec<_>>() {
            if !model.town.read(vault, IERC4626::maxWithdrawCall { controller: who }).is_zero() {
                model.town.redeem_all(pool, who);
            }
        }
        model.town.must(anyone, vault, IVault::collectFeesCall {});
        let look = Look::at(model, pool);
        let dust = u(4 * model.calls + 100);
        if look.solvency.owed.is_zero() {
            // Nobody is kept but by a pool that has nothing: what is left of the shares is dust, and of the money.
            let gone = look.supply <= dust * u(1_000_000u64) || look.total.is_zero();
            prop_assert!(gone, "{} shares of {} stay", look.supply, look.total);
            prop_assert!(look.solvency.cash <= dust + u(2u64), "{} stays", look.solvency.cash);
        } else {
            // Who is owed had all there was.
            prop_assert!(look.solvency.assets <= dust, "{} is left of a pool that owes", look.solvency.assets);
        }
        prop_assert_eq!(look.balance, look.solvency.cash + model.donated[pool]);
    }
    invariants::policies_are_as_they_were_left(model)?;
    invariants::required_capital_is_worked_out_anew(model)?;
    invariants::no_money_is_made_or_lost(model)
}

proptest! {
    #![proptest_config(config())]

    /// Business as usual: deposits and sales, now and then an incident.
    #[test]
    fn in_calm_times_all_invariants_hold(steps in vec(step(false), calls())) {
        run(&steps)?;
    }

    /// Incidents all the time, on both pools, with an asset that turns on its vault.
    #[test]
    fn in_stormy_times_all_invariants_hold(steps in vec(step(true), calls())) {
        run(&steps)?;
    }
}

/// The sequences are not empty words: within a few of them every kind of step does something.
#[test]
fn every_kind_of_step_happens() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};

    let mut counts = std::collections::BTreeMap::new();
    for stormy in [false, true] {
        let mut runner = TestRunner::deterministic();
        for _ in 0..24 {
            let steps = vec(step(stormy), 200).new_tree(&mut runner).unwrap().current();
            let mut model = Model::new();
            for step in &steps {
                model.apply(step).unwrap();
            }
            for (kind, (done, refused)) in model.counts {
                let count: &mut (u64, u64) = counts.entry(kind).or_default();
                *count = (count.0 + done, count.1 + refused);
            }
        }
    }
    assert!(counts.len() >= 40, "{} kinds", counts.len());
    for (kind, (done, refused)) in &counts {
        assert!(*done > 0, "{kind} never did anything, and was refused {refused} times");
    }
}
