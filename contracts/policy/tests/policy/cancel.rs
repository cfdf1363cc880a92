//! Policies that end before their time, or many at once.

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use protocol::abi::{IERC721, IPolicy, IRisk, ParameterOutOfBounds};
use standards::errors::{
    ERC721InvalidReceiver, ERC721NonexistentToken, OwnableUnauthorizedAccount, ReentrancyGuardReentrantCall,
};

use crate::world::{DAY, GRACE, PRODUCT, Town, refund, subject, usd};

/// Longer than any policy here.
const WHOLE: u64 = 91 * DAY + GRACE + 1;

// ———————————————————————————————————————————————————————————————————————————————————————————————————————— cancel

#[test]
fn scenario_30_a_cancel_refunds_what_cover_has_not_used_and_the_parts_are_the_premium() {
    let town = Town::new();
    let policy = town.bought();
    let sold = town.policy_of(policy);
    let paid = town.usd.balance_of(&town.world, town.vault);
    let had = town.usd.balance_of(&town.world, town.bob);
    town.world.warp_to(sold.start + 30 * DAY); // a third of the term
    town.must(town.owner, IPolicy::setShortRateCall { bps: 1_000 });
    let refunded = town.must(town.alice, IPolicy::cancelCall { policy, receiver: town.bob });
    assert_eq!(refunded, usd(1_800), "two thirds of the net 3,000, less a tenth");
    assert_eq!(town.usd.balance_of(&town.world, town.bob) - had, refunded);
    assert_eq!(town.usd.balance_of(&town.world, town.vault) + refunded, paid, "the rest of the premium stays");

    let refunds = town.peers.refunds.borrow();
    let [call] = &refunds[..] else { panic!("one refund") };
    assert_eq!((call.net, call.shortRateBps, call.to), (usd(3_000), U256::from(1_000), town.bob));
    assert_eq!((call.start, call.end), (U256::from(sold.start), U256::from(sold.end)));
    assert_eq!((call.remaining, call.cover), (usd(95_000), usd(95_000)), "an untouched policy has all of its cover");
    let released = town.peers.released.borrow();
    let [call] = &released[..] else { panic!("one release") };
    assert_eq!((call.product, call.subject, call.cover), (PRODUCT, subject(), usd(95_000)));
    assert_eq!((call.deadline, call.filed, call.confirmed), (U256::from(sold.deadline), false, U256::ZERO));
    let [event] = &town.world.events::<IPolicy::PolicyCancelled>(town.policy)[..] else { panic!("one cancel") };
    assert_eq!((event.policy, event.receiver, event.refunded), (policy, town.bob, refunded));
    let policy = town.policy_of(policy);
    assert_eq!((policy.cancelled, policy.expired, policy.holder), (true, false, town.alice));
}

#[test]
fn scenario_30_no_cancel_during_an_incident() {
    let town = Town::new();
    let policy = town.bought();
    town.peers.quiet.set(false);
    let refused = town.refused(town.alice, IPolicy::cancelCall { policy, receiver: town.alice });
    assert_eq!(refused.expect::<IRisk::LineNotQuiet>().subject, subject());
    assert!(!town.policy_of(policy).cancelled && town.live_cover() == usd(100_000), "nothing has changed");
    town.peers.quiet.set(true);
    town.cancel(policy);
}

#[test]
fn before_its_start_a_cancel_refunds_all_but_the_short_rate() {
    let town = Town::new();
    let policy = town.bought();
    assert_eq!(town.cancel(policy), usd(3_000));
    let policy = town.bought();
    town.world.warp_to(town.policy_of(policy).end);
    assert_eq!(town.cancel(policy), U256::ZERO, "and in the last second nothing");
}

#[test]
fn what_claims_have_used_is_not_refunded() {
    let town = Town::new();
    let policy = town.bought();
    town.open(policy);
    town.close(policy, usd(38_000));
    assert_eq!(town.cancel(policy), usd(1_800), "57,000 of 95,000 are left");
    let refunds = town.peers.refunds.borrow();
    assert_eq!((refunds[0].remaining, refunds[0].cover), (usd(57_000), usd(95_000)));
    assert_eq!(refund(town.world.now(), &refunds[0]), usd(1_800));
    let released = town.peers.released.borrow();
    assert_eq!((released[0].filed, released[0].confirmed), (true, usd(38_000)));
}

#[test]
fn a_cancel_frees_its_interest() {
    let town = Town::new();
    town.peers.interest.set(usd(200_000));
    let (first, second) = (town.bought(), town.bought());
    town.refused(town.alice, town.purchase()).expect::<IPolicy::InterestExceeded>();
    town.cancel(first);
    assert_eq!(town.live_cover(), usd(100_000));
    town.bought();
    // the insured's interest, whoever holds the policy
    town.must(town.alice, IERC721::transferFromCall { from: town.alice, to: town.bob, tokenId: second });
    town.must(town.bob, IPolicy::cancelCall { policy: second, receiver: town.bob });
    assert_eq!(town.live_cover(), usd(100_000));
}

#[test]
fn only_the_holder_or_an_operator_cancels() {
    let town = Town::new();
    let policy = town.bought();
    let cancel = || IPolicy::cancelCall { policy, receiver: town.bob };
    town.must(town.alice, IERC721::approveCall { to: town.bob, tokenId: policy });
    for who in [town.bob, town.owner, town.assessor] {
        assert_eq!(town.refused(who, cancel()).expect::<IPolicy::NotHolder>().caller, who);
    }
    town.must(town.alice, IERC721::setApprovalForAllCall { operator: town.bob, approved: true });
    town.must(town.bob, cancel());
}

#[test]
fn a_refund_needs_a_receiver() {
    let town = Town::new();
    let policy = town.bought();
    let refused = town.refused(town.alice, IPolicy::cancelCall { policy, receiver: Address::ZERO });
    assert_eq!(refused.expect::<ERC721InvalidReceiver>().receiver, Address::ZERO);
}

#[test]
fn what_is_locked_over_closed_or_unknown_is_not_cancelled() {
    let town = Town::new();
    let policy = town.bought();
    let cancel = |policy| IPolicy::cancelCall { policy, receiver: town.alice };
    town.refused(town.alice, cancel(U256::from(9))).expect::<ERC721NonexistentToken>();
    town.open(policy);
    town.refused(town.alice, cancel(policy)).expect::<IPolicy::PolicyLocked>();
    town.close(policy, U256::ZERO);
    let end = town.policy_of(policy).end;
    town.world.warp_to(end + 1);
    let error = town.refused(town.alice, cancel(policy)).expect::<IPolicy::PolicyNotInForce>();
    assert_eq!((error.policy, error.end), (policy, U256::from(end)));
    town.world.warp(GRACE);
    town.must(town.bob, IPolicy::expireCall { policy });
    town.refused(town.alice, cancel(policy)).expect::<IPolicy::PolicyIsExpired>();
    assert!(town.peers.refunds.borrow().is_empty());
}

#[test]
fn a_cancelled_policy_is_closed_for_good_but_may_be_given_away() {
    let town = Town::new();
    let policy = town.bought();
    town.cancel(policy);
    let again = town.refused(town.alice, IPolicy::cancelCall { policy, receiver: town.alice });
    assert_eq!(again.expect::<IPolicy::PolicyIsCancelled>().policy, policy);
    let open = IPolicy::openCall { policy, caller: town.alice };
    town.refused(town.assessor, open).expect::<IPolicy::PolicyIsCancelled>();
    town.must(town.alice, IERC721::transferFromCall { from: town.alice, to: town.bob, tokenId: policy });
    town.world.warp(WHOLE);
    town.refused(town.bob, IPolicy::expireCall { policy }).expect::<IPolicy::PolicyIsCancelled>();
    assert_eq!(town.peers.released.borrow().len(), 1);
}

#[test]
fn nobody_re_enters_a_cancel() {
    let town = Town::new();
    for peer in ["risk", "vault"] {
        let (first, second) = (town.bought(), town.bought());
        let policy = second;
        town.hook(peer, IPolicy::cancelCall { policy, receiver: town.alice });
        town.cancel(first);
        town.hook_refusal().expect::<ReentrancyGuardReentrantCall>();
        *town.peers.hook.borrow_mut() = None;
    }
}

#[test]
fn a_cancel_asks_risk_and_the_vault_once() {
    let town = Town::new();
    let policy = town.bought();
    town.cancel(policy);
    // Policy; Risk.release, Vault.refund, which transfers
    assert_eq!(town.world.frames_of_last_transaction(), 4);
}

#[test]
fn the_short_rate_is_the_owners_and_bounded() {
    let town = Town::new();
    assert_eq!(town.read(IPolicy::shortRateCall {}), 0);
    town.refused(town.guardian, IPolicy::setShortRateCall { bps: 1 }).expect::<OwnableUnauthorizedAccount>();
    let refused = town.refused(town.owner, IPolicy::setShortRateCall { bps: 2_001 });
    assert_eq!(refused.expect::<ParameterOutOfBounds>().value, U256::from(2_001));
    town.must(town.owner, IPolicy::setShortRateCall { bps: 2_000 });
    assert_eq!(town.read(IPolicy::shortRateCall {}), 2_000);
    assert_eq!(town.world.events::<IPolicy::ShortRateSet>(town.policy)[0].bps, 2_000);
    assert_eq!(town.cancel(town.bought()), usd(2_400));
}

// ————————————————————————————————————————————————————————————————————————————————————————————————— many at once

#[test]
fn many_policies_expire_by_one_call_and_one_look_at_the_clock() {
    let town = Town::new();
    let filed = town.bought();
    town.open(filed);
    town.close(filed, usd(5));
    let (plain, locked, cancelled, expired) = (town.bought(), town.bought(), town.bought(), town.bought());
    town.open(locked);
    town.cancel(cancelled);
    town.world.warp(WHOLE);
    town.must(town.bob, IPolicy::expireCall { policy: expired });
    let young = town.bought();
    let (released, clocks) = (town.peers.released.borrow().len(), town.peers.clocks.get());
    let nothing = U256::from(77);
    let policies = vec![filed, locked, plain, nothing, cancelled, expired, young, plain, U256::ZERO, U256::MAX];
    assert_eq!(town.must(town.bob, IPolicy::batchExpireCall { policies: policies.clone() }), U256::from(2));
    assert_eq!(town.peers.clocks.get() - clocks, 1);
    assert_eq!(town.peers.released.borrow().len() - released, 1, "Risk hears of the one that was filed");
    for (policy, over) in [(filed, true), (plain, true), (locked, false), (cancelled, false), (young, false)] {
        assert_eq!(town.policy_of(policy).expired, over, "{policy}");
    }
    assert_eq!(town.must(town.bob, IPolicy::batchExpireCall { policies }), U256::ZERO);
    assert_eq!(town.must(town.bob, IPolicy::batchExpireCall { policies: vec![] }), U256::ZERO);
}

#[test]
fn more_than_fifty_are_refused_at_once() {
    let town = Town::new();
    let policies = vec![U256::ONE; 51];
    let error = town.refused(town.bob, IPolicy::batchExpireCall { policies }).expect::<IPolicy::TooManyPolicies>();
    assert_eq!((error.given, error.most), (U256::from(51), U256::from(50)));
}

#[test]
fn scenario_32_a_thousand_policies_swept_in_parts_end_as_one_by_one() {
    // a thousand policies, expired by so many a call: what is left in storage
    let swept_by = |part: usize| {
        let town = Town::new();
        let all: Vec<_> = (0..1_000).map(|_| town.bought()).collect();
        town.world.warp(WHOLE);
        for part in all.chunks(part) {
            if let [policy] = *part {
                town.must(town.bob, IPolicy::expireCall { policy });
            } else {
                let policies = part.to_vec();
                assert_eq!(town.must(town.bob, IPolicy::batchExpireCall { policies }), U256::from(part.len()));
            }
            assert_eq!(town.world.frames_of_last_transaction(), 2, "Policy, and one question to Risk");
        }
        assert!(all.iter().all(|policy| town.policy_of(*policy).expired));
        town.world.slots_of(town.policy)
    };
    assert_eq!(swept_by(50), swept_by(1));
}

#[test]
fn words_that_are_no_list_are_refused() {
    let town = Town::new();
    let mut data = IPolicy::batchExpireCall { policies: vec![U256::ONE] }.abi_encode();
    data[4 + 63] = 2; // two, says the length; one is there
    assert_eq!(town.world.transact(town.bob, town.policy, U256::ZERO, data), Err(vec![]));
}
