//! What Assessor does with a policy, and its end.

use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256, keccak256};
use protocol::abi::{IERC721, IPolicy, UnauthorizedCaller};
use standards::errors::{ERC721NonexistentToken, ReentrancyGuardReentrantCall};

use crate::world::{DAY, GRACE, PRODUCT, Town, WAITING, subject, text, usd};

// —————————————————————————————————————————————————————————————————————————————————————————————————————————— open

#[test]
fn an_opened_policy_answers_with_its_terms_and_is_locked() {
    let town = Town::new();
    *town.peers.entry.borrow_mut() = b"entry".to_vec();
    let policy = town.must(town.alice, IPolicy::buyCall { position: text("p"), ..town.purchase() }).policy;
    let sold = town.policy_of(policy);
    let terms = town.open(policy);
    assert_eq!((terms.product, terms.subject, terms.position), (PRODUCT, subject(), text("p")));
    assert_eq!((terms.insured, terms.holder), (town.alice, town.alice));
    let times = [sold.start, sold.end, sold.deadline].map(U256::from);
    assert_eq!([terms.start, terms.end, terms.deadline], times);
    assert_eq!((terms.amount, terms.confirmed), (usd(100_000), U256::ZERO));
    assert_eq!((terms.ratioBps, terms.deductibleBps), (U256::from(9_500), U256::from(200)));
    assert_eq!((terms.filed, terms.entryHash), (false, keccak256(b"entry")));
    let policy = town.policy_of(policy);
    assert_eq!((policy.locked, policy.filed, policy.expired), (true, true, false));
}

#[test]
fn an_empty_entry_has_the_hash_of_nothing() {
    let town = Town::new();
    let policy = town.bought();
    assert_eq!(town.policy_of(policy).entryHash, KECCAK256_EMPTY);
    assert_eq!(town.open(policy).entryHash, KECCAK256_EMPTY);
}

#[test]
fn the_second_claim_on_a_policy_knows_of_the_first() {
    let town = Town::new();
    let policy = town.bought();
    town.open(policy);
    town.close(policy, usd(10));
    let again = town.open(policy);
    assert_eq!((again.filed, again.confirmed), (true, usd(10)));
}

#[test]
fn only_assessor_opens_and_closes() {
    let town = Town::new();
    let policy = town.bought();
    for who in [town.alice, town.owner, town.guardian, town.risk] {
        let opened = town.refused(who, IPolicy::openCall { policy, caller: town.alice });
        assert_eq!(opened.expect::<UnauthorizedCaller>().account, who);
        let closed = town.refused(who, IPolicy::closeCall { policy, confirmed: U256::ZERO });
        assert_eq!(closed.expect::<UnauthorizedCaller>().account, who);
    }
}

#[test]
fn before_it_is_wired_nobody_is_assessor() {
    let town = Town::unwired();
    for who in [town.assessor, town.deployer, Address::ZERO] {
        let call = IPolicy::openCall { policy: U256::ONE, caller: who };
        let refused = town.refused(who, call);
        if who.is_zero() {
            refused.expect::<ERC721NonexistentToken>(); // no account is the zero address
        } else {
            refused.expect::<UnauthorizedCaller>();
        }
    }
}

#[test]
fn only_the_holder_or_an_operator_files() {
    let town = Town::new();
    let policy = town.bought();
    let open = |caller| IPolicy::openCall { policy, caller };
    let refused = town.refused(town.assessor, open(town.bob)).expect::<IPolicy::NotHolder>();
    assert_eq!((refused.caller, refused.policy), (town.bob, policy));
    // who may move this one policy may not file for it
    town.must(town.alice, IERC721::approveCall { to: town.bob, tokenId: policy });
    town.refused(town.assessor, open(town.bob)).expect::<IPolicy::NotHolder>();
    town.must(town.alice, IERC721::setApprovalForAllCall { operator: town.bob, approved: true });
    town.must(town.assessor, open(town.bob));
    town.close(policy, U256::ZERO);
    // the insured who sold his policy files no more
    town.must(town.alice, IERC721::transferFromCall { from: town.alice, to: town.guardian, tokenId: policy });
    town.refused(town.assessor, open(town.alice)).expect::<IPolicy::NotHolder>();
    town.must(town.assessor, open(town.guardian));
}

#[test]
fn a_policy_has_one_claim_open_at_a_time() {
    let town = Town::new();
    let policy = town.bought();
    town.open(policy);
    let refused = town.refused(town.assessor, IPolicy::openCall { policy, caller: town.alice });
    assert_eq!(refused.expect::<IPolicy::PolicyLocked>().policy, policy);
}

#[test]
fn a_policy_that_does_not_exist_is_neither_opened_closed_nor_expired() {
    let town = Town::new();
    for policy in [U256::ZERO, U256::from(2), U256::MAX] {
        town.bought();
        town.refused(town.assessor, IPolicy::openCall { policy: policy + U256::from(7), caller: town.alice })
            .expect::<ERC721NonexistentToken>();
        town.refused(town.assessor, IPolicy::closeCall { policy: U256::MAX, confirmed: U256::ZERO })
            .expect::<ERC721NonexistentToken>();
        town.refused(town.alice, IPolicy::expireCall { policy: U256::ZERO }).expect::<ERC721NonexistentToken>();
    }
}

// ————————————————————————————————————————————————————————————————————————————————————————————————————————— close

#[test]
fn closing_records_the_claims_unlocks_and_tells() {
    let town = Town::new();
    let policy = town.bought();
    town.open(policy);
    town.close(policy, usd(40_000));
    let after = town.policy_of(policy);
    assert_eq!((after.confirmed, after.remaining), (usd(40_000), usd(55_000)));
    assert_eq!((after.locked, after.filed), (false, true));
    let [claimed] = &town.world.events::<IPolicy::PolicyClaimed>(town.policy)[..] else { panic!("one claim") };
    assert_eq!((claimed.policy, claimed.confirmed, claimed.remaining), (policy, usd(40_000), usd(55_000)));
    let updates = town.world.events::<IERC721::MetadataUpdate>(town.policy);
    assert_eq!(updates.iter().map(|update| update._tokenId).collect::<Vec<_>>(), [policy, policy]);
}

#[test]
fn nothing_pays_more_than_the_cover() {
    let town = Town::new();
    let policy = town.bought();
    town.open(policy);
    for confirmed in [usd(95_000) + U256::ONE, U256::from(u128::MAX) + U256::ONE, U256::MAX] {
        let error =
            town.refused(town.assessor, IPolicy::closeCall { policy, confirmed }).expect::<IPolicy::CoverExceeded>();
        assert_eq!((error.confirmed, error.cover), (confirmed, usd(95_000)));
    }
    town.close(policy, usd(95_000));
    assert_eq!(town.policy_of(policy).remaining, U256::ZERO);
}

#[test]
fn without_an_open_claim_there_is_nothing_to_close() {
    let town = Town::new();
    let policy = town.bought();
    let close = || town.refused(town.assessor, IPolicy::closeCall { policy, confirmed: U256::ONE });
    assert_eq!(close().expect::<IPolicy::ClaimNotOpen>().policy, policy);
    town.open(policy);
    town.close(policy, U256::ZERO);
    close().expect::<IPolicy::ClaimNotOpen>();
}

#[test]
fn scenario_26_while_a_claim_is_open_a_policy_is_not_transferred_and_then_its_new_holder_files() {
    let town = Town::new();
    let policy = town.bought();
    town.open(policy);
    let (from, to) = (town.alice, town.bob);
    town.refused(from, IERC721::transferFromCall { from, to, tokenId: policy }).expect::<IPolicy::PolicyLocked>();
    town.refused(from, IERC721::safeTransferFrom_0Call { from, to, tokenId: policy }).expect::<IPolicy::PolicyLocked>();
    let data = vec![1].into();
    town.refused(from, IERC721::safeTransferFrom_1Call { from, to, tokenId: policy, data })
        .expect::<IPolicy::PolicyLocked>();
    // an approval given meanwhile works afterwards
    town.must(from, IERC721::approveCall { to, tokenId: policy });
    town.refused(to, IERC721::transferFromCall { from, to, tokenId: policy }).expect::<IPolicy::PolicyLocked>();
    town.close(policy, U256::ZERO);
    town.must(to, IERC721::transferFromCall { from, to, tokenId: policy });
    assert_eq!(town.policy_of(policy).holder, to);
    let open = |caller| IPolicy::openCall { policy, caller };
    town.refused(town.assessor, open(from)).expect::<IPolicy::NotHolder>();
    town.must(town.assessor, open(to));
}

#[test]
fn scenario_24_a_claim_in_the_block_of_the_purchase_is_on_cover_that_has_not_begun() {
    let town = Town::new();
    let policy = town.bought();
    let terms = town.open(policy);
    assert_eq!(terms.start, U256::from(town.world.now() + WAITING), "no incident of now lies in it");
    town.close(policy, U256::ZERO);
}

#[test]
fn scenario_25_a_claim_is_told_when_cover_began_after_the_waiting_period_and_ends() {
    let town = Town::new();
    let sold = town.world.now();
    let policy = town.bought();
    town.world.warp(2 * WAITING);
    let terms = town.open(policy);
    assert_eq!((terms.start, terms.end), (U256::from(sold + WAITING), U256::from(sold + WAITING + 90 * DAY)));
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————————— expire

#[test]
fn after_its_last_filing_anyone_expires_a_policy() {
    let town = Town::new();
    let policy = town.bought();
    let deadline = town.policy_of(policy).deadline;
    town.world.warp_to(deadline);
    let error = town.refused(town.bob, IPolicy::expireCall { policy }).expect::<IPolicy::PolicyNotOver>();
    assert_eq!((error.policy, error.deadline), (policy, U256::from(deadline)));
    town.world.warp(1);
    town.must(town.bob, IPolicy::expireCall { policy });
    assert_eq!(town.world.frames_of_last_transaction(), 2, "Policy, and one question to Risk");
    let expired = town.policy_of(policy);
    assert_eq!((expired.expired, expired.holder), (true, town.alice));
    assert!(town.peers.released.borrow().is_empty(), "what was never filed leaves Risk's books by itself");
    let [event] = &town.world.events::<IPolicy::PolicyExpired>(town.policy)[..] else { panic!("one expiry") };
    assert_eq!(event.policy, policy);
    assert_eq!(town.world.events::<IERC721::MetadataUpdate>(town.policy).len(), 1);
}

#[test]
fn a_pause_of_filing_moves_the_expiry() {
    let town = Town::new();
    let policy = town.bought();
    town.world.warp_to(town.policy_of(policy).deadline + 100);
    town.peers.paused.set(100);
    town.refused(town.bob, IPolicy::expireCall { policy }).expect::<IPolicy::PolicyNotOver>();
    town.peers.paused.set(99);
    town.must(town.bob, IPolicy::expireCall { policy });
}

#[test]
fn a_filed_policy_is_taken_out_of_the_books_of_risk() {
    let town = Town::new();
    let policy = town.bought();
    town.open(policy);
    town.close(policy, usd(1_000));
    let deadline = town.policy_of(policy).deadline;
    town.world.warp_to(deadline + 1);
    town.must(town.bob, IPolicy::expireCall { policy });
    let released = town.peers.released.borrow();
    let [release] = &released[..] else { panic!("one release") };
    assert_eq!((release.product, release.subject), (PRODUCT, subject()));
    assert_eq!((release.cover, release.confirmed), (usd(95_000), usd(1_000)));
    assert_eq!((release.deadline, release.filed), (U256::from(deadline), true));
}

#[test]
fn a_policy_expires_once_and_for_good() {
    let town = Town::new();
    let policy = town.bought();
    town.world.warp(WHOLE);
    town.must(town.bob, IPolicy::expireCall { policy });
    assert_eq!(
        town.refused(town.bob, IPolicy::expireCall { policy }).expect::<IPolicy::PolicyIsExpired>().policy,
        policy
    );
    let open = IPolicy::openCall { policy, caller: town.alice };
    town.refused(town.assessor, open).expect::<IPolicy::PolicyIsExpired>();
    // the certificate stays and may still be given away
    town.must(town.alice, IERC721::transferFromCall { from: town.alice, to: town.bob, tokenId: policy });
    assert_eq!(town.read(IERC721::balanceOfCall { owner: town.bob }), U256::ONE);
    assert!(town.policy_of(policy).expired);
}

/// Longer than any policy here.
const WHOLE: u64 = 91 * DAY + GRACE + 1;

#[test]
fn while_a_claim_is_open_a_policy_does_not_expire() {
    let town = Town::new();
    let policy = town.bought();
    town.open(policy);
    town.world.warp(WHOLE);
    town.refused(town.bob, IPolicy::expireCall { policy }).expect::<IPolicy::PolicyLocked>();
    town.close(policy, U256::ZERO);
    town.must(town.bob, IPolicy::expireCall { policy });
}

#[test]
fn risk_cannot_re_enter_an_expiry() {
    let town = Town::new();
    let (first, second) = (town.bought(), town.bought());
    town.open(first);
    town.close(first, U256::ZERO);
    town.world.warp(WHOLE);
    town.hook("risk", IPolicy::expireCall { policy: second });
    town.must(town.bob, IPolicy::expireCall { policy: first });
    town.hook_refusal().expect::<ReentrancyGuardReentrantCall>();
    assert!(!town.policy_of(second).expired);
}

#[test]
fn a_policy_may_be_claimed_on_until_its_deadline_and_in_its_grace() {
    let town = Town::new();
    let policy = town.must(town.alice, IPolicy::buyCall { position: B256::ZERO, ..town.purchase() }).policy;
    town.world.warp_to(town.policy_of(policy).deadline); // Risk has the word on the deadline, not Policy
    town.open(policy);
    town.close(policy, usd(5));
    assert_eq!(town.policy_of(policy).confirmed, usd(5));
}
