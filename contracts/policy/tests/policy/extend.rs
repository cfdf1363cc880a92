//! Policies that go on after their end.

use alloy_primitives::{Address, U256};
use protocol::abi::{EnforcedPause, IERC721, IPolicy, IRisk};
use standards::errors::{ERC721NonexistentToken, ReentrancyGuardReentrantCall, SafeCastOverflowedUintDowncast};
use testkit::{Reverted, token::Erc20};

use crate::world::{DAY, GRACE, PRODUCT, Town, subject, text, usd};

const TERM: u64 = 90 * DAY;

/// The usual extension: another 90 days, at any price, now.
fn extension(town: &Town, policy: U256) -> IPolicy::extendCall {
    IPolicy::extendCall {
        policy,
        term: U256::from(TERM),
        maxPremium: U256::MAX,
        deadline: U256::from(town.world.now()),
        referrer: Address::ZERO,
    }
}

fn extend(town: &Town, policy: U256) -> IPolicy::extendReturn {
    town.must(town.alice, extension(town, policy))
}

fn refused(town: &Town, policy: U256) -> Reverted {
    town.refused(town.alice, extension(town, policy))
}

/// Alice lets bob extend a policy for at most so much, for a day.
fn allow(town: &Town, policy: U256, most: U256) {
    let until = town.world.now() + DAY;
    town.must(town.alice, IPolicy::allowExtensionCall { policy, keeper: town.bob, mostPremium: most, until });
}

#[test]
fn an_extension_is_paid_at_todays_price_and_cover_goes_on_without_a_gap() {
    let town = Town::new();
    let policy = town.bought();
    let sold = town.policy_of(policy);
    town.world.warp_to(sold.start + 60 * DAY);
    town.peers.net_bps.set(600); // dearer than at the sale
    let (had, paid) = (town.usd.balance_of(&town.world, town.alice), town.usd.balance_of(&town.world, town.vault));
    let extended = town.must(town.alice, IPolicy::extendCall { referrer: town.bob, ..extension(&town, policy) });
    // 6 % of what the policy can be paid, 95,000, is 5,700; gross 5,700 / 0.9, rounded up to the unit
    assert_eq!(extended.premium, U256::from(6_333_333_334u64));
    assert_eq!(extended.newEnd, sold.end + TERM);
    assert_eq!(had - town.usd.balance_of(&town.world, town.alice), extended.premium);
    assert_eq!(town.usd.balance_of(&town.world, town.vault) - paid, extended.premium);

    let after = town.policy_of(policy);
    assert_eq!((after.start, after.end), (sold.start, extended.newEnd), "no second waiting period");
    assert_eq!(after.deadline, sold.deadline + TERM);
    assert_eq!((after.amount, after.remaining), (sold.amount, sold.remaining));
    assert_eq!((after.ratioBps, after.deductibleBps), (sold.ratioBps, sold.deductibleBps));
    assert_eq!((after.net, after.earning), (usd(1_000 + 5_700), town.world.now()), "a third of the old, and the new");

    let renewed = town.peers.renewed.borrow();
    let [call] = &renewed[..] else { panic!("one renewal") };
    assert_eq!((call.product, call.subject, call.cover), (PRODUCT, subject(), usd(95_000)));
    assert_eq!((call.deadline, call.term), (U256::from(sold.deadline), U256::from(TERM)));
    assert_eq!((call.capital, call.size), (usd(10_000_000), U256::MAX));
    let repriced = town.peers.repriced.borrow();
    let [call] = &repriced[..] else { panic!("one repricing") };
    assert_eq!((call.net, call.addedNet), (usd(3_000), usd(5_700)));
    let times = [sold.start, sold.end, extended.newEnd].map(U256::from);
    assert_eq!([call.start, call.end, call.newEnd], times);
    assert_eq!(call.addedNet + call.treasuryFee + call.juryFee + call.referralFee, extended.premium);
    assert_eq!((call.referrer, call.referralFee.is_zero()), (town.bob, false));

    let [event] = &town.world.events::<IPolicy::PolicyExtended>(town.policy)[..] else { panic!("one extension") };
    assert_eq!((event.policy, event.payer, event.premium), (policy, town.alice, extended.premium));
    assert_eq!((event.end, event.deadline), (after.end, after.deadline));
    let splits = town.world.events::<IPolicy::PremiumSplit>(town.policy);
    assert_eq!((splits.len(), splits[1].net, splits[1].referrer), (2, usd(5_700), town.bob));
}

#[test]
fn scenario_28_an_extension_covers_neither_more_nor_earlier() {
    let town = Town::new();
    let policy = town.bought();
    let sold = town.policy_of(policy);
    extend(&town, policy);
    town.peers.ratio.set(9_900); // what a new policy would get
    extend(&town, policy);
    let terms = town.open(policy);
    assert_eq!((terms.amount, terms.ratioBps), (usd(100_000), U256::from(9_500)));
    assert_eq!(terms.start, U256::from(sold.start), "what happened before the first start stays uncovered");
    assert_eq!(terms.end, U256::from(sold.end + 2 * TERM));
}

#[test]
fn scenario_29_a_lapsed_policy_is_not_renewed_in_its_grace() {
    let town = Town::new();
    let (policy, other) = (town.bought(), town.bought());
    let end = town.policy_of(policy).end;
    town.world.warp_to(end);
    extend(&town, other); // the last second
    town.world.warp(1);
    let error = refused(&town, policy).expect::<IPolicy::PolicyNotInForce>();
    assert_eq!((error.policy, error.end), (policy, U256::from(end)));
    allow(&town, policy, U256::from(u64::MAX));
    town.refused(town.bob, extension(&town, policy)).expect::<IPolicy::PolicyNotInForce>();
}

#[test]
fn before_its_start_an_extension_leaves_the_begin_of_earning() {
    let town = Town::new();
    let policy = town.bought();
    let sold = town.policy_of(policy);
    extend(&town, policy);
    let after = town.policy_of(policy);
    assert_eq!((after.net, after.earning), (usd(3_000 + 2_850), sold.start));
}

#[test]
fn what_was_filed_locked_cancelled_or_expired_is_not_extended() {
    let town = Town::new();
    let (filed, cancelled, expired) = (town.bought(), town.bought(), town.bought());
    refused(&town, U256::from(9)).expect::<ERC721NonexistentToken>();
    town.open(filed);
    refused(&town, filed).expect::<IPolicy::PolicyLocked>();
    town.close(filed, U256::ZERO);
    assert_eq!(refused(&town, filed).expect::<IPolicy::PolicyWasFiled>().policy, filed);
    town.cancel(cancelled);
    refused(&town, cancelled).expect::<IPolicy::PolicyIsCancelled>();
    town.world.warp(91 * DAY + GRACE + 1);
    town.must(town.bob, IPolicy::expireCall { policy: expired });
    refused(&town, expired).expect::<IPolicy::PolicyIsExpired>();
    assert!(town.peers.repriced.borrow().is_empty());
}

#[test]
fn an_extension_is_checked_like_a_purchase() {
    let town = Town::new();
    let policy = town.bought();
    let entered = town.peers.entered.borrow().len();
    town.peers.healthy.set(false);
    refused(&town, policy).expect::<IPolicy::SubjectNotHealthy>();
    town.peers.healthy.set(true);
    town.peers.closed.set(true);
    refused(&town, policy).expect::<IPolicy::PurchasesClosed>();
    town.peers.closed.set(false);
    town.peers.quiet.set(false);
    refused(&town, policy).expect::<IRisk::LineNotQuiet>();
    town.peers.quiet.set(true);
    town.peers.interest.set(usd(99_999));
    let error = refused(&town, policy).expect::<IPolicy::InterestExceeded>();
    assert_eq!((error.cover, error.interest), (usd(100_000), usd(99_999)));
    town.peers.interest.set(usd(100_000));
    let deadline = U256::from(town.world.now() - 1);
    town.refused(town.alice, IPolicy::extendCall { deadline, ..extension(&town, policy) })
        .expect::<IPolicy::DeadlinePassed>();
    let most = U256::from(3_166_666_666u64);
    let call = IPolicy::extendCall { maxPremium: most, ..extension(&town, policy) };
    let error = town.refused(town.alice, call).expect::<IPolicy::PremiumTooHigh>();
    assert_eq!((error.premium, error.max), (most + U256::ONE, most));
    town.must(town.guardian, IPolicy::pausePurchasesCall { duration: 100, reason: text("audit") });
    refused(&town, policy).expect::<EnforcedPause>();
    town.world.warp(100);
    town.peers.size.set(usd(7));
    extend(&town, policy);
    let call = town.peers.entered.borrow()[entered].clone();
    assert_eq!((call.subject, call.insured), (subject(), town.alice));
    assert_eq!(town.peers.renewed.borrow().last().unwrap().size, usd(7));
}

#[test]
fn an_extension_counts_in_its_interest_once_and_until_its_new_end() {
    let town = Town::new();
    town.peers.interest.set(usd(200_000));
    let (first, second) = (town.bought(), town.bought());
    let end = town.policy_of(first).end;
    extend(&town, first);
    assert_eq!(town.live_cover(), usd(200_000));
    town.world.warp_to(end + 1);
    assert_eq!(town.live_cover(), usd(200_000), "until the latest end among them");
    town.refused(town.alice, town.purchase()).expect::<IPolicy::InterestExceeded>();
    town.world.warp_to(end + TERM + 1);
    assert_eq!(town.live_cover(), U256::ZERO);
    assert!(town.policy_of(second).end == end);
}

#[test]
fn the_insured_of_a_policy_that_was_sold_on_stays_who_is_asked_about() {
    let town = Town::new();
    let policy = town.bought();
    town.must(town.alice, IERC721::transferFromCall { from: town.alice, to: town.bob, tokenId: policy });
    refused(&town, policy).expect::<IPolicy::NotHolder>();
    // who has the cover or pays for it refers nobody
    for referrer in [town.alice, town.bob] {
        town.must(town.bob, IPolicy::extendCall { referrer, ..extension(&town, policy) });
        assert_eq!(town.peers.entered.borrow().last().unwrap().insured, town.alice);
        assert_eq!(town.peers.repriced.borrow().last().unwrap().referrer, Address::ZERO);
    }
}

#[test]
fn an_operator_pays_for_himself() {
    let town = Town::new();
    let policy = town.bought();
    town.must(town.alice, IERC721::setApprovalForAllCall { operator: town.bob, approved: true });
    let (alice, bob) = (town.usd.balance_of(&town.world, town.alice), town.usd.balance_of(&town.world, town.bob));
    let premium = town.must(town.bob, extension(&town, policy)).premium;
    assert_eq!(town.usd.balance_of(&town.world, town.alice), alice);
    assert_eq!(town.usd.balance_of(&town.world, town.bob), bob - premium);
}

#[test]
fn a_refund_after_an_extension_is_one_of_the_new_schedule() {
    let town = Town::new();
    let policy = town.bought();
    let sold = town.policy_of(policy);
    town.world.warp_to(sold.start + 45 * DAY);
    extend(&town, policy);
    let extended = town.policy_of(policy);
    assert_eq!(extended.net, usd(1_500 + 2_850));
    town.world.warp_to(sold.end + 45 * DAY / 2);
    town.cancel(policy);
    let refunds = town.peers.refunds.borrow();
    assert_eq!(refunds[0].net, extended.net);
    assert_eq!((refunds[0].start, refunds[0].end), (U256::from(extended.earning), U256::from(extended.end)));
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————————— keepers

#[test]
fn a_keeper_extends_once_at_the_holders_cost() {
    let town = Town::new();
    let policy = town.bought();
    let premium = U256::from(3_166_666_667u64);
    allow(&town, policy, premium);
    let allowed = town.read(IPolicy::extensionAllowanceCall { policy });
    assert_eq!((allowed.keeper, allowed.mostPremium, allowed.until), (town.bob, premium, town.world.now() + DAY));
    let [event] = &town.world.events::<IPolicy::ExtensionAllowed>(town.policy)[..] else { panic!("one leave") };
    assert_eq!((event.policy, event.keeper, event.mostPremium), (policy, town.bob, premium));
    let (alice, bob) = (town.usd.balance_of(&town.world, town.alice), town.usd.balance_of(&town.world, town.bob));
    let referrer = town.bob; // the keeper triggers it, and refers nobody
    let extended = town.must(town.bob, IPolicy::extendCall { referrer, ..extension(&town, policy) });
    assert_eq!(extended.premium, premium);
    assert_eq!(town.usd.balance_of(&town.world, town.alice), alice - premium);
    assert_eq!(town.usd.balance_of(&town.world, town.bob), bob);
    assert_eq!(town.peers.repriced.borrow()[0].referrer, Address::ZERO);
    assert_eq!(town.read(IPolicy::extensionAllowanceCall { policy }).keeper, Address::ZERO);
    town.refused(town.bob, extension(&town, policy)).expect::<IPolicy::NotHolder>();
}

#[test]
fn a_keeper_pays_no_more_than_allowed_and_no_later() {
    let town = Town::new();
    let policy = town.bought();
    let most = U256::from(3_166_666_666u64);
    allow(&town, policy, most);
    let error = town.refused(town.bob, extension(&town, policy)).expect::<IPolicy::PremiumTooHigh>();
    assert_eq!((error.premium, error.max), (most + U256::ONE, most));
    let stranger = town.world.address("stranger");
    town.refused(stranger, extension(&town, policy)).expect::<IPolicy::NotHolder>();
    allow(&town, policy, most + U256::ONE);
    town.world.warp(DAY);
    town.peers.net_bps.set(299);
    let late = town.must(town.bob, extension(&town, policy));
    assert!(late.premium < most, "in the last second");
    allow(&town, policy, most);
    town.world.warp(DAY + 1);
    town.refused(town.bob, extension(&town, policy)).expect::<IPolicy::NotHolder>();
}

#[test]
fn without_the_holders_allowance_of_the_asset_a_keeper_extends_nothing() {
    let town = Town::new();
    let policy = town.bought();
    allow(&town, policy, usd(10_000));
    town.usd.approve(&town.world, town.alice, town.policy, U256::ONE);
    town.refused(town.bob, extension(&town, policy)).expect::<Erc20::ERC20InsufficientAllowance>();
    assert_eq!(town.read(IPolicy::extensionAllowanceCall { policy }).keeper, town.bob, "it was not used up");
}

#[test]
fn the_holder_takes_his_leave_back_and_so_does_a_transfer_or_a_cancel() {
    let town = Town::new();
    let policy = town.bought();
    let nobody = || town.refused(town.bob, extension(&town, policy)).expect::<IPolicy::NotHolder>();
    allow(&town, policy, usd(10_000));
    let back = IPolicy::allowExtensionCall { policy, keeper: Address::ZERO, mostPremium: U256::ZERO, until: 0 };
    town.must(town.alice, back);
    nobody();
    allow(&town, policy, usd(10_000));
    let transfer = |from, to| IERC721::transferFromCall { from, to, tokenId: policy };
    town.must(town.alice, transfer(town.alice, town.guardian));
    nobody();
    town.must(town.guardian, transfer(town.guardian, town.alice));
    nobody();
    allow(&town, policy, usd(10_000));
    town.must(town.alice, transfer(town.alice, town.alice));
    nobody();
    assert_eq!(town.policy_of(policy).insured, town.alice);
    allow(&town, policy, usd(10_000));
    town.cancel(policy);
    assert_eq!(town.read(IPolicy::extensionAllowanceCall { policy }).keeper, Address::ZERO);
}

#[test]
fn only_the_holder_gives_leave_and_for_a_living_policy() {
    let town = Town::new();
    let policy = town.bought();
    town.must(town.alice, IERC721::setApprovalForAllCall { operator: town.bob, approved: true });
    let allow = |policy, most| IPolicy::allowExtensionCall { policy, keeper: town.bob, mostPremium: most, until: 1 };
    town.refused(town.bob, allow(policy, U256::ONE)).expect::<IPolicy::NotHolder>();
    town.refused(town.alice, allow(U256::from(9), U256::ONE)).expect::<ERC721NonexistentToken>();
    town.refused(town.alice, allow(policy, U256::ONE << 96)).expect::<SafeCastOverflowedUintDowncast>();
    town.cancel(policy);
    town.refused(town.alice, allow(policy, U256::ONE)).expect::<IPolicy::PolicyIsCancelled>();
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————— re-entrancy

#[test]
fn nobody_re_enters_an_extension() {
    let town = Town::new();
    let (policy, other) = (town.bought(), town.bought());
    for peer in ["trigger", "risk", "vault"] {
        town.hook(peer, extension(&town, other));
        extend(&town, policy);
        town.hook_refusal().expect::<ReentrancyGuardReentrantCall>();
    }
}

#[test]
fn a_policy_that_is_moved_in_the_middle_keeps_its_insured() {
    let town = Town::new();
    let policy = town.bought();
    allow(&town, policy, usd(10_000));
    town.must(town.alice, IERC721::approveCall { to: town.trigger, tokenId: policy });
    town.hook("trigger", IERC721::transferFromCall { from: town.alice, to: town.guardian, tokenId: policy });
    town.must(town.bob, extension(&town, policy));
    let after = town.policy_of(policy);
    assert_eq!((after.holder, after.insured), (town.guardian, town.alice));
}

#[test]
fn an_extension_makes_one_call_to_each_peer() {
    let town = Town::new();
    let policy = town.bought();
    let before = town.world.slots_of(town.policy);
    extend(&town, policy);
    // Policy; Trigger.enter, Vault.capital, Risk.renew, asset.transferFrom, Vault.reprice
    assert_eq!(town.world.frames_of_last_transaction(), 6);
    assert_eq!(town.world.slots_of(town.policy), before, "and fills no new word");
}
