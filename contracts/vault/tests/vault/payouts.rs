//! Claims: paid at once, owed, topped up, won back, credited.

use alloy_primitives::{Address, U256};
use protocol::abi::{IERC4626, IOwned::UnauthorizedCaller, IVault};
use standards::errors::MathOverflow;
use testkit::token::Erc20;

use crate::scene::{M, Scene, WEEK, near, u};

/// Names of the insured, so that each has its own balance.
fn insured(scene: &Scene, name: &str) -> Address {
    scene.world.address(name)
}

#[test]
fn a_solvent_pool_pays_a_claim_in_full_at_once() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    let slots = scene.world.slots_of(scene.vault);
    scene.gate.reserve.set(3 * M);
    assert_eq!(scene.pay(7, scene.bob, 0, M), u(M));
    assert_eq!(scene.pay(7, scene.bob, M, 3 * M), u(2 * M), "a rise is paid, less what it had");
    assert_eq!(scene.assets_of(scene.bob), u(3 * M));
    assert_eq!(scene.total_assets(), u(7 * M));
    let event = scene.events::<IVault::ClaimPaid>().pop().unwrap();
    assert_eq!(
        (event.policy, event.to, event.confirmed, event.paid, event.owed),
        (u(7u64), scene.bob, u(3 * M), u(2 * M), U256::ZERO)
    );
    let owed = scene.read(IVault::owedOfCall { policy: u(7u64) });
    assert_eq!((owed.confirmed, owed.owed, owed.payee), (U256::ZERO, U256::ZERO, Address::ZERO));
    assert_eq!(scene.world.slots_of(scene.vault), slots, "nothing is recorded");
}

#[test]
fn only_the_assessor_orders_payouts() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    for who in [scene.alice, scene.owner, scene.setup, scene.policy, scene.risk] {
        let error = scene.refused(who, scene.claim(1, who, 0, M, M, 0)).expect::<UnauthorizedCaller>();
        assert_eq!(error.account, who);
    }
}

#[test]
fn claims_never_fall() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    scene.refused(scene.assessor, scene.claim(1, scene.bob, 2, 1, 2, 2)).expect::<MathOverflow>();
}

/// Premiums that are not earned yet pay nothing.
#[test]
fn unearned_premiums_are_not_assets() {
    let scene = Scene::new();
    scene.deposit(scene.alice, M);
    scene.sell(9 * M, 0, 4 * WEEK);
    scene.gate.reserve.set(2 * M);
    near(scene.pay(1, scene.bob, 0, 2 * M), u(M), 1);
    near(scene.solvency().unearned, u(9 * M), 1);
}

#[test]
fn the_published_example_of_two_incidents() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| insured(&scene, name));
    scene.gate.reserve.set(12 * M);
    near(scene.pay(1, a, 0, 8 * M / 10), u(666_666_666_666u64), 1);
    near(scene.pay(3, c, 0, M), u(833_333_333_333u64), 1);
    near(scene.pay(2, b, 0, 28 * M / 10), u(2_333_333_333_333u64), 1);
    let solvency = scene.solvency();
    near(solvency.owed, u(766_666_666_667u64), 2);
    near(solvency.assets, u(6_166_666_666_667u64), 2);
    assert!(solvency.closed);

    // X closes: only a's rise is left of it.
    scene.gate.reserve.set(56 * M / 10);
    let topped_up = scene.done(scene.carol, IVault::topUpCall {});
    near(topped_up, u(676_470_588_235u64), 2);
    let event = scene.events::<IVault::TopUp>().pop().unwrap();
    assert_eq!((event.amount, event.owed), (topped_up, scene.solvency().owed));
    for (policy, who, confirmed) in [(1u64, a, 8 * M / 10), (2, b, 28 * M / 10), (3, c, M)] {
        scene.done(scene.carol, IVault::claimOwedCall { policy: u(policy) });
        near(scene.assets_of(who), u(confirmed) * u(10u64) / u(102u64) * u(10u64), 20);
        let owed = scene.read(IVault::owedOfCall { policy: u(policy) });
        assert_eq!((owed.confirmed, owed.payee), (u(confirmed), who));
        near(owed.owed, u(confirmed) - scene.assets_of(who), 0);
    }

    scene.pay(1, a, 8 * M / 10, 14 * M / 10);
    scene.pay(4, d, 0, 5 * M);
    for (who, confirmed) in [(a, 14 * M / 10), (b, 28 * M / 10), (c, M), (d, 5 * M)] {
        near(scene.assets_of(who), u(confirmed) * u(100u64) / u(102u64), 20);
    }
    near(scene.solvency().owed, u(2 * M / 10), 20);
    near(scene.solvency().assets, U256::ZERO, 20);
}

#[test]
fn who_is_owed_takes_its_top_ups_whoever_asks() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 5 * M);
    scene.gate.reserve.set(10 * M);
    near(scene.pay(1, scene.bob, 0, 10 * M), u(5 * M), 0);
    let owed = scene.read(IVault::owedOfCall { policy: u(1u64) });
    assert_eq!((owed.confirmed, owed.owed, owed.payee), (u(10 * M), u(5 * M), scene.bob));
    scene.refused(scene.bob, IVault::claimOwedCall { policy: u(1u64) }).expect::<IVault::ZeroAssets>();
    scene.refused(scene.bob, IVault::claimOwedCall { policy: u(2u64) }).expect::<IVault::ZeroAssets>();

    // A premium is earned: what is owed comes first.
    scene.sell(2 * M, 0, WEEK / 2);
    scene.weeks(2);
    near(scene.done(scene.carol, IVault::topUpCall {}), u(2 * M), 1);
    near(scene.done(scene.carol, IVault::claimOwedCall { policy: u(1u64) }), u(2 * M), 1);
    near(scene.assets_of(scene.bob), u(7 * M), 1);
    let event = scene.events::<IVault::ClaimPaid>().pop().unwrap();
    assert_eq!((event.policy, event.to, event.confirmed, event.owed), (u(1u64), scene.bob, u(10 * M), u(3 * M)));

    // The rest is won back; afterwards nothing is recorded.
    scene.fund(scene.carol, 3 * M);
    scene.done(scene.carol, IVault::recoverCall { amount: u(3 * M) });
    assert_eq!(scene.solvency().owed, U256::ZERO);
    scene.done(scene.carol, IVault::claimOwedCall { policy: u(1u64) });
    assert_eq!(scene.assets_of(scene.bob), u(10 * M));
    assert_eq!(scene.read(IVault::owedOfCall { policy: u(1u64) }).payee, Address::ZERO);
    assert_eq!(scene.solvency().payables, U256::ZERO);
}

#[test]
fn while_anything_is_owed_the_vault_is_closed_and_it_opens_by_itself() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 10 * M);
    scene.request(scene.alice, shares / u(2u64));
    scene.fund(scene.carol, 20 * M);
    scene.weeks(3);
    // Five sixths are paid, and another incident reserves the rest.
    scene.gate.reserve.set(12 * M);
    near(scene.pay(1, scene.bob, 0, 6 * M), u(5 * M), 0);
    assert!(scene.solvency().closed && scene.read(IVault::capitalCall {}).closed);
    let deposit = IERC4626::depositCall { assets: u(M), receiver: scene.carol };
    scene.refused(scene.carol, deposit.clone()).expect::<IVault::DepositsClosed>();
    assert_eq!(scene.read(IERC4626::maxDepositCall { receiver: scene.carol }), U256::ZERO);
    assert_eq!(scene.serve(), (U256::ZERO, U256::ZERO));

    // The other incident closes without a loss: all is paid, and business goes on without an order.
    scene.gate.reserve.set(0);
    near(scene.read(IERC4626::maxDepositCall { receiver: scene.carol }), u(118 * M), 1);
    scene.done(scene.carol, deposit);
    assert_eq!(scene.solvency().owed, U256::ZERO);
    assert!(!scene.solvency().closed && !scene.read(IVault::capitalCall {}).closed);
    assert_eq!(scene.events::<IVault::TopUp>().len(), 1, "the deposit topped up first");
    near(scene.done(scene.bob, IVault::claimOwedCall { policy: u(1u64) }), u(M), 1);
}

#[test]
fn service_tops_up_first() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 10 * M);
    scene.request(scene.alice, shares / u(2u64));
    scene.weeks(3);
    scene.gate.reserve.set(12 * M);
    scene.pay(1, scene.bob, 0, 6 * M);
    scene.gate.reserve.set(0);
    let (_, assets) = scene.serve();
    assert_eq!(scene.solvency().owed, U256::ZERO);
    near(assets, u(2 * M), 1);
}

#[test]
fn a_payee_that_the_token_refuses_gets_a_credit() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    scene.token.habits.blacklisted.set(Some(scene.bob));
    scene.gate.reserve.set(M);
    assert_eq!(scene.pay(1, scene.bob, 0, M), u(M));
    let event = scene.events::<IVault::PayoutCredited>().pop().unwrap();
    assert_eq!((event.to, event.amount), (scene.bob, u(M)));
    assert_eq!(scene.read(IVault::creditOfCall { account: scene.bob }), u(M));
    let solvency = scene.solvency();
    assert_eq!((solvency.payables, solvency.assets, solvency.cash), (u(M), u(9 * M), u(10 * M)));
    scene.refused(scene.bob, IVault::withdrawCreditCall { receiver: scene.bob }).expect::<Erc20::Blacklisted>();
    scene.done(scene.bob, IVault::withdrawCreditCall { receiver: scene.carol });
    assert_eq!(scene.assets_of(scene.carol), u(M));
    assert_eq!(scene.solvency().payables, U256::ZERO);
}

/// A token that changes balances by itself. What it adds is nobody's; what it takes is missed by who comes when nothing is
/// left: a redemption waits, a payout becomes a credit, and both are there again when the balance is.
#[test]
fn the_books_do_not_follow_a_token_that_changes_balances() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 10 * M);
    scene.request(scene.alice, shares / u(2u64));
    scene.weeks(3);
    scene.serve();
    let before = scene.solvency_words();
    scene.token.mint(&scene.world, scene.vault, u(3 * M));
    assert_eq!(scene.solvency_words(), before);
    scene.token.burn(&scene.world, scene.vault, u(9 * M));
    assert_eq!(scene.solvency_words(), before);

    let redeem = IERC4626::redeemCall { shares: shares / u(2u64), receiver: scene.alice, controller: scene.alice };
    scene.refused(scene.alice, redeem.clone());
    let withdraw = IERC4626::withdrawCall { assets: u(4 * M), receiver: scene.alice, controller: scene.alice };
    scene.done(scene.alice, withdraw);
    scene.gate.reserve.set(M);
    assert_eq!(scene.pay(1, scene.bob, 0, M), u(M));
    assert_eq!(scene.read(IVault::creditOfCall { account: scene.bob }), u(M));

    scene.token.mint(&scene.world, scene.vault, u(6 * M));
    scene.done(scene.bob, IVault::withdrawCreditCall { receiver: scene.bob });
    near(scene.redeem_all(scene.alice), u(M), 1);
    assert_eq!(scene.assets_of(scene.vault), scene.solvency().cash);
}

#[test]
fn a_top_up_that_cannot_be_sent_is_a_credit_too() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 5 * M);
    scene.gate.reserve.set(10 * M);
    scene.pay(1, scene.bob, 0, 10 * M);
    scene.fund(scene.carol, 5 * M);
    scene.done(scene.carol, IVault::recoverCall { amount: u(5 * M) });
    scene.token.habits.blacklisted.set(Some(scene.bob));
    scene.done(scene.carol, IVault::claimOwedCall { policy: u(1u64) });
    assert_eq!(scene.read(IVault::creditOfCall { account: scene.bob }), u(5 * M));
    scene.done(scene.bob, IVault::withdrawCreditCall { receiver: scene.alice });
    assert_eq!(scene.assets_of(scene.alice), u(5 * M));
}

#[test]
fn a_new_holder_takes_over_what_is_owed_and_the_former_one_keeps_its_top_ups() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 5 * M);
    scene.gate.reserve.set(10 * M);
    scene.pay(1, scene.bob, 0, 10 * M);
    // One million comes in and tops bob's claim up; he does not take it.
    scene.sell(M, 0, WEEK / 2);
    scene.weeks(2);
    scene.done(scene.carol, IVault::topUpCall {});
    // The policy changes hands and its claim rises by two million.
    scene.gate.reserve.set(2 * M);
    assert_eq!(scene.pay(1, scene.carol, 10 * M, 12 * M), U256::ZERO);
    near(scene.read(IVault::creditOfCall { account: scene.bob }), u(M), 1);
    let event = scene.events::<IVault::PayoutCredited>().pop().unwrap();
    assert_eq!(event.to, scene.bob);
    let owed = scene.read(IVault::owedOfCall { policy: u(1u64) });
    assert_eq!((owed.confirmed, owed.payee), (u(12 * M), scene.carol));
    near(owed.owed, u(6 * M), 1);
    scene.fund(scene.alice, 6 * M);
    scene.done(scene.alice, IVault::recoverCall { amount: u(6 * M) });
    scene.done(scene.alice, IVault::claimOwedCall { policy: u(1u64) });
    near(scene.assets_of(scene.carol), u(6 * M), 1);
}

#[test]
fn what_is_won_back_streams_to_the_shares() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    scene.lose(4 * M);
    scene.fund(scene.bob, 4 * M);
    let before = scene.solvency().exitPrice;
    scene.done(scene.bob, IVault::recoverCall { amount: u(4 * M) });
    let event = scene.events::<IVault::Recovered>().pop().unwrap();
    assert_eq!((event.from, event.amount), (scene.bob, u(4 * M)));
    let event = scene.events::<IVault::StreamAdded>().pop().unwrap();
    assert_eq!((event.amount, event.end), (u(4 * M), scene.world.now() + 4 * WEEK));
    let solvency = scene.solvency();
    assert_eq!((solvency.exitPrice, solvency.stream), (before, u(4 * M)), "nothing jumps");
    scene.weeks(1);
    assert_eq!(scene.solvency().stream, u(3 * M));
    scene.weeks(3);
    assert_eq!(scene.solvency().stream, U256::ZERO);
    assert_eq!(scene.total_assets(), u(10 * M));
    scene.refused(scene.bob, IVault::recoverCall { amount: U256::ZERO }).expect::<IVault::ZeroAssets>();
}

#[test]
fn a_claim_cuts_the_stream_before_it_cuts_deeper() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    scene.fund(scene.bob, 4 * M);
    scene.done(scene.bob, IVault::recoverCall { amount: u(4 * M) });
    scene.lose(12 * M);
    let solvency = scene.solvency();
    assert_eq!((solvency.assets, solvency.stream), (u(2 * M), u(2 * M)));
}

#[test]
fn scenario_11_a_pool_whose_share_is_worth_nearly_nothing_is_given_up_for_ever() {
    let scene = Scene::new();
    let shares = scene.deposit(scene.alice, 10 * M);
    scene.lose(10 * M - 10_000_000_000); // a thousandth is left
    assert!(!scene.read(IVault::runOffCall {}).depleted);
    scene.lose(1_000_000);
    let run_off = scene.read(IVault::runOffCall {});
    assert!(run_off.depleted && !run_off.ordered);
    assert!(scene.events::<IVault::RunOffSet>().pop().unwrap().ordered);
    scene.fund(scene.bob, 20 * M);
    let deposit = IERC4626::depositCall { assets: u(M), receiver: scene.bob };
    scene.refused(scene.bob, deposit.clone()).expect::<IVault::DepositsClosed>();
    // Not even governance opens it again, nor what is won back, but the shares get that.
    scene.done(scene.owner, IVault::orderRunOffCall { ordered: false });
    scene.done(scene.bob, IVault::recoverCall { amount: u(5 * M) });
    scene.refused(scene.bob, deposit).expect::<IVault::DepositsClosed>();
    scene.request(scene.alice, shares);
    scene.weeks(5);
    scene.serve();
    // The cap is the price at the end of the request's week, when a quarter of the stream had been released.
    near(scene.redeem_all(scene.alice), u(5 * M / 4), 11_000_000_000);
}

#[test]
fn a_total_loss_leaves_shares_worth_nothing_and_claims_owed() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    scene.gate.reserve.set(25 * M);
    near(scene.pay(1, scene.bob, 0, 25 * M), u(10 * M), 0);
    assert_eq!(scene.total_assets(), U256::ZERO);
    assert_eq!(scene.solvency().owed, u(15 * M));
    assert!(scene.read(IVault::runOffCall {}).depleted);
}

#[test]
fn confirmed_claims_of_which_nothing_is_left_to_pay_are_owed_in_full() {
    let scene = Scene::new();
    scene.gate.reserve.set(M);
    assert_eq!(scene.pay(1, scene.bob, 0, M), U256::ZERO);
    assert_eq!(scene.solvency().owed, u(M));
    assert_eq!(scene.assets_of(scene.bob), U256::ZERO);
}
