//! What is given back to whom.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use protocol::abi::{
    IERC721,
    IOwned::ParameterOutOfBounds,
    IPolicy::{self, NotHolder, PolicyLocked, PolicyNotOver},
    IRewards::{self, InsufficientFunds, LoyaltySet, NoRebate, NothingToFund, RebateAboveFees, RebatePaid},
};
use standards::errors::{ERC20InvalidReceiver, ERC721NonexistentToken, ReentrancyGuardReentrantCall};
use testkit::Reverted;

use crate::scene::{DAY, GRACE, LONG, M, Scene, WEEK, u};

/// A tenth of the net premium of 3,000.
const TENTH: u64 = 300_000_000;

/// A tenth is given back after 26 weeks, and there is enough for it.
fn loyal() -> Scene {
    let scene = Scene::new();
    scene.deposit(scene.bob, 50 * M);
    set(&scene, 1_000, LONG);
    fund(&scene, 100 * TENTH);
    scene
}

#[track_caller]
fn set(scene: &Scene, bps: u16, least_seconds: u64) {
    scene.done(scene.owner, IRewards::setLoyaltyCall { bps, leastSeconds: least_seconds });
}

#[track_caller]
fn fund(scene: &Scene, assets: u64) {
    scene.usd.mint(&scene.world, scene.rewards, u(assets));
    assert_eq!(scene.done(scene.carol, IRewards::fundCall { token: scene.usd.at }), u(assets));
}

/// Time passes until no claim can be filed for a policy.
fn outlive(scene: &Scene, policy: U256) {
    scene.world.warp_to(scene.policy_of(policy).deadline + 1);
}

fn claim(scene: &Scene, policy: U256) -> IRewards::claimRebateCall {
    IRewards::claimRebateCall { policy, receiver: scene.alice }
}

fn rebate(scene: &Scene, policy: U256) -> U256 {
    scene.read(IRewards::rebateOfCall { policy })
}

/// A policy's cover goes on for a week.
#[track_caller]
fn extend(scene: &Scene, holder: Address, policy: U256) {
    let (referrer, most) = (Address::ZERO, U256::MAX);
    let call = IPolicy::extendCall { policy, term: u(WEEK), maxPremium: most, deadline: most, referrer };
    scene.done_at(scene.policy, holder, call);
}

/// Nothing is due on a policy, whether it is over or not.
#[track_caller]
fn nothing_due(scene: &Scene, policy: U256) {
    assert_eq!(rebate(scene, policy), U256::ZERO);
    assert_eq!(scene.refused(scene.alice, claim(scene, policy)).expect::<NoRebate>().policy, policy);
}

#[test]
fn who_was_insured_long_and_never_claimed_gets_a_part_of_the_net_premium_back_once() {
    let scene = loyal();
    let policy = scene.buy(scene.alice, 1, LONG);
    assert_eq!(scene.policy_of(policy).net, u(10 * TENTH));
    assert_eq!(rebate(&scene, policy), u(TENTH), "as things stand");
    outlive(&scene, policy);
    let call = IRewards::claimRebateCall { policy, receiver: scene.carol };
    assert_eq!(scene.done(scene.alice, call), u(TENTH));
    assert_eq!(scene.usd_of(scene.carol), u(TENTH));
    assert_eq!(scene.read(IRewards::rebateFundsCall {}), u(99 * TENTH));
    assert!(scene.policy_of(policy).expired, "it was expired on the way");
    let paid = scene.events::<RebatePaid>();
    assert_eq!((paid.len(), paid[0].policy, paid[0].receiver), (1, policy, scene.carol));
    assert_eq!((paid[0].asset, paid[0].amount), (scene.usd.at, u(TENTH)));
    nothing_due(&scene, policy);
}

#[test]
fn nothing_is_given_back_before_the_last_filing_has_passed_on_the_claims_clock() {
    let scene = loyal();
    let policy = scene.buy(scene.alice, 1, LONG);
    let deadline = scene.policy_of(policy).deadline;
    assert_eq!(deadline, scene.world.now() + DAY + LONG + GRACE);
    for now in [deadline - GRACE, deadline] {
        scene.world.warp_to(now);
        let error = scene.refused(scene.alice, claim(&scene, policy)).expect::<PolicyNotOver>();
        assert_eq!((error.policy, error.deadline), (policy, u(deadline)));
    }
    // Filing was paused for two days: the clock is behind.
    scene.gate.paused.set(2 * DAY);
    scene.world.warp_to(deadline + 2 * DAY);
    scene.refused(scene.alice, claim(&scene, policy)).expect::<PolicyNotOver>();
    assert_eq!(scene.read(IRewards::rebateFundsCall {}), u(100 * TENTH));
    scene.world.warp(1);
    assert_eq!(scene.done(scene.alice, claim(&scene, policy)), u(TENTH));
}

#[test]
fn it_does_not_matter_who_expires_a_policy() {
    let scene = loyal();
    let policy = scene.buy(scene.alice, 1, LONG);
    outlive(&scene, policy);
    scene.done_at(scene.policy, scene.carol, IPolicy::expireCall { policy });
    assert_eq!(scene.done(scene.alice, claim(&scene, policy)), u(TENTH));
}

#[test]
fn nothing_is_given_back_once_a_claim_was_filed_whatever_became_of_it() {
    let scene = loyal();
    let policy = scene.buy(scene.alice, 1, LONG);
    scene.world.warp(2 * DAY);
    scene.done_at(scene.policy, scene.assessor, IPolicy::openCall { policy, caller: scene.alice });
    nothing_due(&scene, policy);
    scene.done_at(scene.policy, scene.assessor, IPolicy::closeCall { policy, confirmed: U256::ZERO });
    outlive(&scene, policy);
    nothing_due(&scene, policy);
    scene.done_at(scene.policy, scene.carol, IPolicy::expireCall { policy });
    nothing_due(&scene, policy);
}

#[test]
fn after_a_rebate_no_claim_can_be_filed() {
    let scene = loyal();
    let policy = scene.buy(scene.alice, 1, LONG);
    outlive(&scene, policy);
    scene.done(scene.alice, claim(&scene, policy));
    let open = IPolicy::openCall { policy, caller: scene.alice };
    scene.world.refused(scene.assessor, scene.policy, open).expect::<IPolicy::PolicyIsExpired>();
}

#[test]
fn nothing_is_given_back_of_a_policy_that_was_given_back() {
    let scene = loyal();
    let policy = scene.buy(scene.alice, 1, LONG);
    scene.weeks(25);
    scene.done_at(scene.policy, scene.alice, IPolicy::cancelCall { policy, receiver: scene.alice });
    nothing_due(&scene, policy);
    outlive(&scene, policy);
    nothing_due(&scene, policy);
}

#[test]
fn cover_must_have_lasted_and_its_extensions_count() {
    let scene = loyal();
    let short = scene.buy(scene.alice, 1, LONG - 1);
    let extended = scene.buy(scene.bob, 1, LONG - WEEK);
    nothing_due(&scene, short);
    assert_eq!(rebate(&scene, extended), U256::ZERO);
    scene.weeks(20);
    extend(&scene, scene.bob, extended);
    let record = scene.policy_of(extended);
    assert_eq!(record.end - record.start, LONG);
    // Of both premiums what was not earned when it was extended: less than was paid, and that is the base.
    assert!(record.net < u(10 * TENTH + 2_850_000_000) && record.net > u(2_850_000_000u64));
    assert_eq!(rebate(&scene, extended), record.net / u(10u64));
    outlive(&scene, extended);
    let call = IRewards::claimRebateCall { policy: extended, receiver: scene.bob };
    assert_eq!(scene.done(scene.bob, call), record.net / u(10u64));
    nothing_due(&scene, short);
}

#[test]
fn an_extension_keeps_no_old_terms_and_gains_no_new_ones() {
    let scene = Scene::new();
    scene.deposit(scene.carol, 50 * M);
    let before = scene.buy(scene.alice, 1, LONG);
    set(&scene, 1_000, LONG);
    let [sold, early, kept] = [(); 3].map(|()| scene.buy(scene.alice, 1, LONG));
    scene.weeks(10);
    extend(&scene, scene.alice, early);
    let tenth = |policy| scene.policy_of(policy).net / u(10u64);
    assert_eq!(rebate(&scene, early), tenth(early));
    scene.weeks(1);
    set(&scene, 200, LONG);
    assert_eq!(rebate(&scene, early), tenth(early));
    for policy in [before, sold] {
        extend(&scene, scene.alice, policy);
    }
    assert_eq!(rebate(&scene, before), U256::ZERO);
    assert_eq!(rebate(&scene, sold), scene.policy_of(sold).net / u(50u64), "a fiftieth, as at the extension");
    assert_eq!([early, kept].map(|policy| rebate(&scene, policy)), [early, kept].map(tenth), "nothing else changes");
    // Not by better terms either.
    set(&scene, 2_000, LONG);
    extend(&scene, scene.alice, early);
    assert_eq!(rebate(&scene, early), tenth(early));
    set(&scene, 0, 0);
    scene.weeks(1);
    extend(&scene, scene.alice, early);
    nothing_due(&scene, early);
}

#[test]
fn the_right_goes_with_the_certificate() {
    let scene = loyal();
    let policy = scene.buy(scene.alice, 1, LONG);
    outlive(&scene, policy);
    let transfer = IERC721::transferFromCall { from: scene.alice, to: scene.bob, tokenId: policy };
    scene.done_at(scene.policy, scene.alice, transfer);
    let error = scene.refused(scene.alice, claim(&scene, policy)).expect::<NotHolder>();
    assert_eq!((error.caller, error.policy), (scene.alice, policy));
    scene.done(scene.bob, IRewards::claimRebateCall { policy, receiver: scene.bob });
    scene.refused(scene.bob, claim(&scene, policy)).expect::<NoRebate>();
}

#[test]
fn a_policy_has_its_rebate_by_the_terms_of_its_sale() {
    let scene = Scene::new();
    scene.deposit(scene.bob, 50 * M);
    assert_eq!(scene.read(IRewards::loyaltyCall {}).bps, 0, "off by default");
    let before = scene.buy(scene.alice, 1, LONG);
    set(&scene, 1_000, LONG);
    let first = scene.buy(scene.alice, 1, LONG);
    set(&scene, 500, 13 * WEEK);
    let second = scene.buy(scene.alice, 1, LONG);
    let third = scene.buy(scene.alice, 1, 13 * WEEK);
    set(&scene, 0, 0);
    let after = scene.buy(scene.alice, 1, LONG);
    set(&scene, 2_000, LONG);
    set(&scene, 1_500, LONG); // nothing was sold by the terms before
    let last = scene.buy(scene.alice, 1, LONG);
    let due = [before, first, second, third, after, last].map(|policy| rebate(&scene, policy));
    assert_eq!(due, [0, 10, 5, 5, 0, 15].map(|tenths| u(TENTH / 10 * tenths)));
    let now = scene.read(IRewards::loyaltyCall {});
    assert_eq!((now.bps, now.leastSeconds), (1_500, LONG));
    let set: Vec<_> = scene.events::<LoyaltySet>().iter().map(|e| (e.bps, e.leastSeconds, e.firstPolicy)).collect();
    let firsts = [2, 3, 5, 6, 6].map(|first: u64| u(first));
    let terms = [(1_000, LONG), (500, 13 * WEEK), (0, 0), (2_000, LONG), (1_500, LONG)];
    assert_eq!(set, std::array::from_fn::<_, 5, _>(|i| (terms[i].0, terms[i].1, firsts[i])));
}

#[test]
fn the_terms_of_a_sale_are_found_among_many() {
    let scene = Scene::new();
    scene.deposit(scene.bob, 50 * M);
    let sold: Vec<_> = (1..=20u16)
        .map(|percent| {
            set(&scene, 100 * percent, LONG);
            [scene.buy(scene.alice, 1, LONG), scene.buy(scene.alice, 1, LONG)]
        })
        .collect();
    for (percent, policies) in (1..).zip(sold) {
        assert_eq!(policies.map(|policy| rebate(&scene, policy)), [u(TENTH / 10 * percent); 2]);
    }
}

#[test]
fn no_more_is_given_back_than_was_funded_and_the_rest_can_wait() {
    let scene = Scene::new();
    scene.deposit(scene.bob, 50 * M);
    set(&scene, 1_000, LONG);
    scene.fund(1_000); // PALI is for stakers
    let [first, second] = [0, 1].map(|_| scene.buy(scene.alice, 1, LONG));
    outlive(&scene, second);
    fund(&scene, TENTH + TENTH / 2);
    scene.done(scene.alice, claim(&scene, first));
    let error = scene.refused(scene.alice, claim(&scene, second)).expect::<InsufficientFunds>();
    assert_eq!((error.token, error.available, error.needed), (scene.usd.at, u(TENTH / 2), u(TENTH)));
    assert!(!scene.policy_of(second).expired, "nothing of it stays");
    scene.refused(scene.carol, IRewards::fundCall { token: scene.usd.at }).expect::<NothingToFund>();
    fund(&scene, TENTH / 2);
    assert_eq!(scene.done(scene.alice, claim(&scene, second)), u(TENTH));
    assert_eq!(scene.usd_of(scene.rewards), U256::ZERO);
}

#[test]
fn what_was_sent_and_not_taken_in_pays_no_rebate() {
    let scene = Scene::new();
    scene.deposit(scene.bob, 50 * M);
    set(&scene, 1_000, LONG);
    let policy = scene.buy(scene.alice, 1, LONG);
    outlive(&scene, policy);
    scene.usd.mint(&scene.world, scene.rewards, u(TENTH));
    assert_eq!(scene.refused(scene.alice, claim(&scene, policy)).expect::<InsufficientFunds>().available, U256::ZERO);
}

#[test]
fn a_policy_that_another_vault_bears_has_no_rebate_here() {
    let scene = loyal();
    let policy = scene.buy(scene.alice, 2, LONG);
    nothing_due(&scene, policy);
    outlive(&scene, policy);
    nothing_due(&scene, policy);
}

#[test]
fn a_policy_whose_claim_is_open_is_not_expired_by_a_rebate() {
    let scene = loyal();
    let policy = scene.buy(scene.alice, 1, LONG);
    scene.world.warp(2 * DAY);
    scene.done_at(scene.policy, scene.assessor, IPolicy::openCall { policy, caller: scene.alice });
    outlive(&scene, policy);
    nothing_due(&scene, policy);
    scene.world.refused(scene.carol, scene.policy, IPolicy::expireCall { policy }).expect::<PolicyLocked>();
}

#[test]
fn what_does_not_exist_and_receivers_that_keep_nothing_are_refused() {
    let scene = loyal();
    let policy = scene.buy(scene.alice, 1, LONG);
    outlive(&scene, policy);
    let unknown = policy + U256::ONE;
    let error = scene.refused(scene.alice, claim(&scene, unknown)).expect::<ERC721NonexistentToken>();
    assert_eq!(error.tokenId, unknown);
    assert!(scene.world.try_read(scene.rewards, IRewards::rebateOfCall { policy: unknown }).is_err());
    for receiver in [Address::ZERO, scene.rewards] {
        let call = IRewards::claimRebateCall { policy, receiver };
        scene.refused(scene.alice, call).expect::<ERC20InvalidReceiver>();
    }
}

#[test]
fn a_token_that_refuses_a_receiver_leaves_the_rebate_for_another_one() {
    let scene = loyal();
    let policy = scene.buy(scene.alice, 1, LONG);
    outlive(&scene, policy);
    scene.usd.habits.blacklisted.set(Some(scene.alice));
    scene.refused(scene.alice, claim(&scene, policy)).expect::<testkit::token::Erc20::Blacklisted>();
    assert_eq!(scene.done(scene.alice, IRewards::claimRebateCall { policy, receiver: scene.bob }), u(TENTH));
}

#[test]
fn nothing_is_entered_again_while_a_rebate_is_paid() {
    let scene = loyal();
    let policies = [scene.buy(scene.alice, 1, LONG), scene.buy(scene.alice, 1, LONG)];
    outlive(&scene, policies[1]);
    // The second one is the token's, which would take it while the first is paid.
    let transfer = IERC721::transferFromCall { from: scene.alice, to: scene.usd.at, tokenId: policies[1] };
    scene.done_at(scene.policy, scene.alice, transfer);
    let again = IRewards::claimRebateCall { policy: policies[1], receiver: scene.bob }.abi_encode();
    *scene.usd.habits.hook.borrow_mut() = Some((scene.rewards, again));
    assert_eq!(scene.done(scene.alice, claim(&scene, policies[0])), u(TENTH));
    let result = scene.usd.habits.hook_result.borrow_mut().take().expect("the hook ran");
    assert!(Reverted(result.unwrap_err()).is::<ReentrancyGuardReentrantCall>());
    assert_eq!(scene.read(IRewards::rebateFundsCall {}), u(99 * TENTH));
}

#[test]
fn the_share_and_the_time_have_bounds() {
    let scene = Scene::new();
    let refused = |bps, least| scene.refused(scene.owner, IRewards::setLoyaltyCall { bps, leastSeconds: least });
    let error = refused(2_001, LONG).expect::<ParameterOutOfBounds>();
    assert_eq!((error.parameter, error.value), (B256::right_padding_from(b"bps"), u(2_001u64)));
    let error = refused(1, 13 * WEEK - 1).expect::<ParameterOutOfBounds>();
    assert_eq!((error.parameter, error.value), (B256::right_padding_from(b"leastSeconds"), u(13 * WEEK - 1)));
    set(&scene, 2_000, 13 * WEEK);
    set(&scene, 0, 0);
}

#[test]
fn no_more_is_promised_back_than_the_fees_of_a_premium_take() {
    let scene = Scene::new();
    // 8 % for the treasury, a fifth of it to a referrer, and 2 % for the jury: 8.4 parts of 90.
    let shares = IPolicy::setSharesCall { treasuryBps: 800, juryBps: 200, referralBps: 2_000 };
    scene.done_at(scene.policy, scene.owner, shares);
    let call = IRewards::setLoyaltyCall { bps: 934, leastSeconds: LONG };
    let error = scene.refused(scene.owner, call).expect::<RebateAboveFees>();
    assert_eq!((error.bps, error.mostBps), (934, 933));
    set(&scene, 933, LONG);
    let none = IPolicy::setSharesCall { treasuryBps: 0, juryBps: 0, referralBps: 0 };
    scene.done_at(scene.policy, scene.owner, none);
    let call = IRewards::setLoyaltyCall { bps: 1, leastSeconds: LONG };
    assert_eq!(scene.refused(scene.owner, call).expect::<RebateAboveFees>().mostBps, 0);
    set(&scene, 0, 0);
}
