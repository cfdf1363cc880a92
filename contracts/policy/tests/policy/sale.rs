//! Buying: what is checked, recorded, paid and told.

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::SolCall;
use proptest::prelude::*;
use protocol::abi::{EnforcedPause, IERC721, IPolicy, IRisk, NotWired};
use standards::errors::{
    AddressEmptyCode, ERC721InvalidReceiver, InvalidReturnData, ReentrancyGuardReentrantCall, SafeERC20FailedOperation,
};
use testkit::token::Erc20;

use crate::world::{DAY, GRACE, PRODUCT, Town, WAITING, subject, text, usd};

#[test]
fn a_purchase_is_recorded_paid_and_told() {
    let town = Town::new();
    *town.peers.entry.borrow_mut() = b"entry".to_vec();
    let now = town.world.now();
    let referrer = town.bob;
    let sold = town.must(town.alice, IPolicy::buyCall { referrer, position: text("vault 7"), ..town.purchase() });
    // 3 % net of 100,000 is 3,000; gross 3,000 / 0.9, rounded up to the unit
    assert_eq!((sold.policy, sold.premium), (U256::ONE, U256::from(3_333_333_334u64)));

    let policy = town.policy_of(sold.policy);
    assert_eq!((policy.holder, policy.insured), (town.alice, town.alice));
    assert_eq!((policy.product, policy.subject, policy.position), (PRODUCT, subject(), text("vault 7")));
    assert_eq!((policy.amount, policy.confirmed, policy.remaining), (usd(100_000), U256::ZERO, usd(95_000)));
    assert_eq!((policy.start, policy.end), (now + WAITING, now + WAITING + 90 * DAY));
    assert_eq!(policy.deadline, now + WAITING + 90 * DAY + GRACE);
    assert_eq!((policy.ratioBps, policy.deductibleBps), (9_500, 200));
    assert_eq!((policy.net, policy.earning), (usd(3_000), policy.start));
    assert_eq!(policy.entryHash, keccak256(b"entry"));
    assert_eq!((policy.filed, policy.locked, policy.expired), (false, false, false));

    assert_eq!(town.usd.balance_of(&town.world, town.vault), sold.premium);
    let premiums = town.peers.premiums.borrow();
    let [premium] = &premiums[..] else { panic!("one premium") };
    let parts = [premium.net, premium.treasuryFee, premium.juryFee, premium.referralFee];
    let fees = [266_666_668u64, 66_666_666, 0].map(U256::from);
    assert_eq!(parts[0], usd(3_000));
    assert_eq!(parts[2], fees[1], "a fifth of all fees, rounded down");
    assert_eq!(parts[1] + parts[3], fees[0], "the treasury's share and the referrer's in it");
    assert_eq!(parts[3], U256::from(53_333_333u64), "a fifth of the treasury's share, rounded down");
    assert_eq!((premium.start, premium.end), (U256::from(policy.start), U256::from(policy.end)));
    assert_eq!(premium.referrer, referrer);

    let [bought] = &town.world.events::<IPolicy::PolicyBought>(town.policy)[..] else { panic!("one sale") };
    assert_eq!((bought.policy, bought.product, bought.subject), (sold.policy, PRODUCT, subject()));
    assert_eq!((bought.payer, bought.insured, bought.position), (town.alice, town.alice, text("vault 7")));
    assert_eq!((bought.amount, bought.premium, &bought.entry[..]), (usd(100_000), sold.premium, &b"entry"[..]));
    assert_eq!((bought.start, bought.end, bought.deadline), (policy.start, policy.end, policy.deadline));
    let [split] = &town.world.events::<IPolicy::PremiumSplit>(town.policy)[..] else { panic!("one split") };
    assert_eq!([split.net, split.treasuryFee, split.juryFee, split.referralFee], parts);
    assert_eq!((split.policy, split.referrer), (sold.policy, referrer));
    let [minted] = &town.world.events::<IERC721::Transfer>(town.policy)[..] else { panic!("one mint") };
    assert_eq!((minted.from, minted.to, minted.tokenId), (Address::ZERO, town.alice, sold.policy));
}

#[test]
fn each_peer_is_told_what_it_must_know() {
    let town = Town::new();
    town.peers.size.set(usd(7));
    town.must(town.alice, IPolicy::buyCall { position: text("p"), ..town.purchase() });
    let underwritten = town.peers.underwritten.borrow();
    let [call] = &underwritten[..] else { panic!("one underwriting") };
    assert_eq!((call.product, call.subject), (PRODUCT, subject()));
    assert_eq!((call.amount, call.term), (usd(100_000), U256::from(90 * DAY)));
    assert_eq!((call.capital, call.size), (usd(10_000_000), usd(7)));
    let entered = town.peers.entered.borrow();
    let [call] = &entered[..] else { panic!("one entry") };
    assert_eq!((call.subject, call.insured, call.position), (subject(), town.alice, text("p")));
}

#[test]
fn scenario_21_a_quote_in_the_same_block_is_the_premium_paid() {
    let town = Town::new();
    for amount in [usd(1), usd(12_345), U256::from(1_000_003)] {
        let quote = town.read(IPolicy::quoteCall { amount, ..town.question() });
        let sold = town.must(town.alice, IPolicy::buyCall { amount, ..town.purchase() });
        assert_eq!(quote.premium, sold.premium);
        assert_eq!(quote.net, town.peers.premiums.borrow().last().unwrap().net);
    }
}

#[test]
fn a_quote_passes_on_what_risk_says() {
    let town = Town::new();
    let quote = town.read(IPolicy::quoteCall { amount: usd(100), ..town.question() });
    let parts = [quote.purePremium, quote.capitalCost, quote.load, quote.rate, quote.utilisationBefore]
        .map(|part| part.to::<u64>());
    assert_eq!((quote.net, parts), (usd(3), [1, 2, 3, 4, 5]));
    assert_eq!(quote.utilisationAfter, usd(10_000_000), "the vault's capital went to Risk");
    assert_eq!((quote.ratioBps, quote.deductibleBps), (U256::from(9_500), U256::from(200)));
    assert_eq!((quote.waiting, quote.locked), (U256::from(WAITING), U256::from(9)));
}

#[test]
fn a_quote_of_a_closed_vault_or_an_unknown_product_fails() {
    let town = Town::new();
    let quote = |product| IPolicy::quoteCall { product, ..town.question() };
    let unknown = town.world.try_read(town.policy, quote(U256::from(9))).err().unwrap();
    assert_eq!(unknown.expect::<IRisk::UnknownProduct>().product, U256::from(9));
    town.peers.closed.set(true);
    assert!(town.world.try_read(town.policy, quote(PRODUCT)).err().unwrap().is::<IPolicy::PurchasesClosed>());
}

#[test]
fn scenario_21_one_unit_less_than_the_premium_is_refused() {
    let town = Town::new();
    let quote = town.read(town.question());
    let less = quote.premium - U256::ONE;
    let refused = town.refused(town.alice, IPolicy::buyCall { maxPremium: less, ..town.purchase() });
    let error = refused.expect::<IPolicy::PremiumTooHigh>();
    assert_eq!((error.premium, error.max), (quote.premium, less));
    town.must(town.alice, IPolicy::buyCall { maxPremium: quote.premium, ..town.purchase() });
}

#[test]
fn scenario_21_after_its_deadline_a_purchase_is_refused() {
    let town = Town::new();
    let deadline = U256::from(town.world.now() - 1);
    let refused = town.refused(town.alice, IPolicy::buyCall { deadline, ..town.purchase() });
    assert_eq!(refused.expect::<IPolicy::DeadlinePassed>().deadline, deadline);
}

#[test]
fn the_insured_must_be_the_buyer() {
    let town = Town::new();
    let refused = town.refused(town.alice, IPolicy::buyCall { insured: town.bob, ..town.purchase() });
    assert_eq!(refused.expect::<IPolicy::InsuredMustConsent>().insured, town.bob);
}

#[test]
fn a_certificate_needs_a_receiver() {
    let town = Town::new();
    let refused = town.refused(town.alice, IPolicy::buyCall { receiver: Address::ZERO, ..town.purchase() });
    refused.expect::<ERC721InvalidReceiver>();
}

#[test]
fn while_purchases_are_paused_nothing_is_sold() {
    let town = Town::new();
    town.must(town.guardian, IPolicy::pausePurchasesCall { duration: 100, reason: text("audit") });
    town.refused(town.alice, town.purchase()).expect::<EnforcedPause>();
    town.world.warp(100);
    town.must(town.alice, town.purchase());
}

#[test]
fn an_unhealthy_subject_is_not_insured() {
    let town = Town::new();
    town.peers.healthy.set(false);
    assert_eq!(town.refused(town.alice, town.purchase()).expect::<IPolicy::SubjectNotHealthy>().subject, subject());
}

#[test]
fn a_closed_vault_sells_nothing() {
    let town = Town::new();
    town.peers.closed.set(true);
    town.refused(town.alice, town.purchase()).expect::<IPolicy::PurchasesClosed>();
}

#[test]
fn a_product_that_risk_does_not_know_is_not_sold() {
    let town = Town::new();
    for product in [U256::ZERO, U256::from(3), U256::MAX] {
        let refused = town.refused(town.alice, IPolicy::buyCall { product, ..town.purchase() });
        assert_eq!(refused.expect::<IRisk::UnknownProduct>().product, product);
    }
}

#[test]
fn before_it_is_wired_the_contract_sells_and_quotes_nothing() {
    let town = Town::unwired();
    town.refused(town.alice, town.purchase()).expect::<NotWired>();
    town.world.try_read(town.policy, town.question()).err().unwrap().expect::<NotWired>();
}

#[test]
fn what_the_peers_refuse_is_passed_on() {
    let town = Town::new();
    town.bought();
    town.world.place_native(town.risk, Refusing);
    let error = town.refused(town.alice, town.purchase()).expect::<IRisk::CapacityExceeded>();
    assert_eq!((error.needed, error.available), (U256::from(2), U256::ONE));
}

struct Refusing;

impl testkit::Native for Refusing {
    fn call(&self, _: &testkit::Context<'_>, _: &[u8]) -> stylus_sdk::ArbResult {
        Err(alloy_sol_types::SolError::abi_encode(&IRisk::CapacityExceeded {
            needed: U256::from(2),
            available: U256::ONE,
        }))
    }
}

#[test]
fn a_product_without_a_trigger_or_a_vault_is_not_sold() {
    let town = Town::new();
    struct Empty;
    impl testkit::Native for Empty {
        fn call(&self, _: &testkit::Context<'_>, _: &[u8]) -> stylus_sdk::ArbResult {
            Ok(vec![0; 192])
        }
    }
    town.world.place_native(town.risk, Empty);
    town.refused(town.alice, town.purchase()).expect::<AddressEmptyCode>();
}

#[test]
fn a_trigger_that_answers_garbage_is_told_from_one_that_answers() {
    let town = Town::new();
    town.bought();
    let one = U256::ONE;
    let words = |words: &[U256]| words.iter().flat_map(|word| word.to_be_bytes::<32>()).collect::<Vec<_>>();
    for garbage in [
        vec![],                                                         // nothing
        words(&[one, U256::from(128)]),                                 // too short a head
        words(&[one, U256::from(128), one, one]),                       // an entry after the end
        words(&[one, U256::from(128), one, one, U256::from(33), one]),  // a byte too few
        words(&[one, U256::MAX, one, one, U256::ZERO]),                 // an offset far away
        words(&[one, U256::from(128), one, one, U256::MAX]),            // a length that never ends
        words(&[U256::from(2), U256::from(128), one, one, U256::ZERO]), // neither true nor false
    ] {
        *town.peers.garbled.borrow_mut() = Some(garbage.clone());
        let refused = town.refused(town.alice, town.purchase());
        assert_eq!(refused.expect::<InvalidReturnData>().from, town.trigger, "{garbage:?}");
    }
    *town.peers.garbled.borrow_mut() = Some(words(&[one, U256::from(128), U256::MAX, U256::MAX, U256::ZERO]));
    town.bought();
}

#[test]
fn a_quote_hears_the_trigger_as_far_as_it_can_be_read() {
    let town = Town::new();
    town.peers.interest.set(usd(150_000));
    town.read(town.question());
    town.bought();
    let refused = || town.world.try_read(town.policy, town.question()).err().unwrap();
    let error = refused().expect::<IPolicy::InterestExceeded>();
    assert_eq!((error.cover, error.interest), (usd(200_000), usd(150_000)));
    town.read(IPolicy::quoteCall { insured: town.bob, ..town.question() });
    town.read(IPolicy::quoteCall { position: text("other"), ..town.question() });
    town.peers.mute.set(true); // as one that writes when it is entered
    town.read(town.question());
    town.peers.healthy.set(false);
    assert_eq!(refused().expect::<IPolicy::SubjectNotHealthy>().subject, subject());
}

// ————————————————————————————————————————————————————————————————————————————————————————————————————— interest

#[test]
fn scenario_27_live_cover_on_one_interest_stays_within_it() {
    let town = Town::new();
    town.peers.interest.set(usd(150_000));
    town.bought();
    let error = town.refused(town.alice, town.purchase()).expect::<IPolicy::InterestExceeded>();
    assert_eq!((error.cover, error.interest), (usd(200_000), usd(150_000)));
    town.must(town.alice, IPolicy::buyCall { amount: usd(50_000), ..town.purchase() });
    town.refused(town.alice, IPolicy::buyCall { amount: U256::ONE, ..town.purchase() })
        .expect::<IPolicy::InterestExceeded>();
}

#[test]
fn another_position_insured_or_subject_is_another_interest() {
    let town = Town::new();
    town.peers.interest.set(usd(100_000));
    town.bought();
    town.must(town.bob, town.purchase_by(town.bob));
    town.must(town.alice, IPolicy::buyCall { position: text("other"), ..town.purchase() });
    town.must(town.alice, IPolicy::buyCall { subject: text("DAI/USD"), ..town.purchase() });
}

#[test]
fn another_product_with_the_same_trigger_is_the_same_interest() {
    let town = Town::new();
    town.peers.interest.set(usd(100_000));
    town.bought();
    let product = U256::from(2);
    town.refused(town.alice, IPolicy::buyCall { product, ..town.purchase() }).expect::<IPolicy::InterestExceeded>();
}

#[test]
fn cover_counts_until_the_latest_end_among_the_policies() {
    let town = Town::new();
    town.peers.interest.set(usd(200_000));
    let cover_on = || {
        town.read(IPolicy::coverOnCall {
            product: PRODUCT,
            subject: subject(),
            insured: town.alice,
            position: B256::ZERO,
        })
    };
    assert_eq!(cover_on().amount, U256::ZERO);
    town.bought();
    let end = town.policy_of(U256::ONE).end;
    assert_eq!((cover_on().amount, cover_on().until), (usd(100_000), U256::from(end)));
    town.must(town.alice, IPolicy::buyCall { term: U256::from(30 * DAY), ..town.purchase() });
    assert_eq!((cover_on().amount, cover_on().until), (usd(200_000), U256::from(end)), "the later end stays");

    town.world.warp_to(end);
    town.refused(town.alice, town.purchase()).expect::<IPolicy::InterestExceeded>();
    town.world.warp(1);
    assert_eq!(cover_on().amount, U256::ZERO);
    town.bought();
    assert_eq!(cover_on().amount, usd(100_000));
    assert_eq!(cover_on().until, U256::from(town.policy_of(U256::from(3)).end));
}

#[test]
fn who_never_sold_has_no_cover() {
    let town = Town::new();
    let cover = town.read(IPolicy::coverOnCall {
        product: U256::from(9),
        subject: subject(),
        insured: town.alice,
        position: B256::ZERO,
    });
    assert_eq!((cover.amount, cover.until), (U256::ZERO, U256::ZERO));
}

// —————————————————————————————————————————————————————————————————————————————————————————————————————— premium

#[test]
fn the_premium_is_taken_by_allowance_and_never_without() {
    let town = Town::new();
    town.usd.approve(&town.world, town.alice, town.policy, U256::from(1));
    town.refused(town.alice, town.purchase()).expect::<Erc20::ERC20InsufficientAllowance>();
    assert_eq!(town.read(IPolicy::policyCountCall {}), U256::ZERO);
    assert_eq!(
        town.world.logs().iter().filter(|log| log.address == town.policy && log.topics.len() == 4).count(),
        1,
        "nothing but the wiring"
    );
}

#[test]
fn a_token_that_answers_false_sells_nothing_and_a_silent_one_does() {
    let town = Town::new();
    town.usd.habits.refuses.set(true);
    town.refused(town.alice, town.purchase()).expect::<SafeERC20FailedOperation>();
    town.usd.habits.refuses.set(false);
    town.usd.habits.silent.set(true);
    town.bought();
}

#[test]
fn nobody_refers_himself() {
    let town = Town::new();
    let receiver = town.bob;
    for referrer in [Address::ZERO, town.alice, town.bob] {
        town.must(town.alice, IPolicy::buyCall { receiver, referrer, ..town.purchase() });
        let premiums = town.peers.premiums.borrow();
        let premium = premiums.last().unwrap();
        assert_eq!((premium.referrer, premium.referralFee), (Address::ZERO, U256::ZERO));
        assert_eq!(premium.treasuryFee, U256::from(266_666_668u64), "the whole share stays the treasury's");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn the_parts_of_any_premium_sum_to_what_was_paid(
        amount in 1u64.., net_bps in 1u64..5_000, treasury in 0u16..=2_500, jury in 0u16..=2_500, referral in 0u16..=10_000, referred: bool,
    ) {
        let town = Town::new();
        town.peers.net_bps.set(net_bps);
        town.usd.mint(&town.world, town.alice, U256::from(u128::MAX >> 8));
        town.must(town.owner, IPolicy::setSharesCall { treasuryBps: treasury, juryBps: jury, referralBps: referral });
        let referrer = if referred { town.bob } else { Address::ZERO };
        let paid = town.must(town.alice, IPolicy::buyCall { amount: U256::from(amount), referrer, ..town.purchase() }).premium;
        prop_assert_eq!(town.usd.balance_of(&town.world, town.vault), paid);
        let premiums = town.peers.premiums.borrow();
        let sum = premiums[0].net + premiums[0].treasuryFee + premiums[0].juryFee + premiums[0].referralFee;
        prop_assert_eq!(sum, paid);
    }
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————————— limits

#[test]
fn what_does_not_fit_is_refused_and_never_cut() {
    let town = Town::new();
    town.bought();
    let too_much = U256::ONE << 96;
    town.peers.net_bps.set(0);
    town.refused(town.alice, IPolicy::buyCall { amount: too_much, ..town.purchase() })
        .expect::<standards::errors::SafeCastOverflowedUintDowncast>();
    town.refused(town.alice, IPolicy::buyCall { amount: U256::MAX, ..town.purchase() })
        .expect::<standards::errors::MathOverflow>();
    town.refused(town.alice, IPolicy::buyCall { term: U256::from(1u64 << 40), ..town.purchase() })
        .expect::<standards::errors::SafeCastOverflowedUintDowncast>();
    town.refused(town.alice, IPolicy::buyCall { term: U256::MAX - U256::from(town.world.now()), ..town.purchase() })
        .expect::<standards::errors::MathOverflow>();
}

#[test]
fn cover_starts_after_the_waiting_period_of_the_sale() {
    let town = Town::new();
    town.bought();
    town.peers.waiting.set(7 * DAY);
    town.peers.paused.set(1_000);
    let now = town.world.now();
    let second = town.policy_of(town.bought());
    assert_eq!((second.start, second.end), (now + 7 * DAY, now + 97 * DAY));
    assert_eq!(second.deadline, now - 1_000 + 97 * DAY + GRACE, "the deadline is on the claims clock");
    assert_eq!(town.policy_of(U256::ONE).start, now + WAITING, "an older policy keeps its own");
}

#[test]
fn a_policy_keeps_the_terms_it_was_sold_with() {
    let town = Town::new();
    let policy = town.bought();
    town.peers.ratio.set(5_000);
    town.peers.deductible.set(1_000);
    let kept = town.policy_of(policy);
    assert_eq!((kept.ratioBps, kept.deductibleBps, kept.remaining), (9_500, 200, usd(95_000)));
}

// ————————————————————————————————————————————————————————————————————————————————————————————————————————— slots

#[test]
fn a_second_purchase_on_the_same_interest_fills_three_slots() {
    let town = Town::new();
    town.bought();
    let before = town.world.slots_of(town.policy);
    town.bought();
    assert_eq!(town.world.slots_of(town.policy) - before, 3);
}

#[test]
fn with_a_position_and_an_entry_it_fills_four() {
    let town = Town::new();
    *town.peers.entry.borrow_mut() = vec![7];
    let purchase = || IPolicy::buyCall { position: text("p"), ..town.purchase() };
    town.must(town.alice, purchase());
    let before = town.world.slots_of(town.policy);
    town.must(town.alice, purchase());
    assert_eq!(town.world.slots_of(town.policy) - before, 4);
}

#[test]
fn a_new_buyer_fills_two_more_for_balance_and_interest() {
    let town = Town::new();
    town.bought();
    let before = town.world.slots_of(town.policy);
    town.must(town.bob, town.purchase_by(town.bob));
    assert_eq!(town.world.slots_of(town.policy) - before, 5);
}

#[test]
fn a_purchase_makes_one_call_to_each_peer() {
    let town = Town::new();
    town.bought();
    town.must(town.alice, town.purchase());
    // Policy; Trigger.enter, Vault.capital, Risk.underwrite, asset.transferFrom, Vault.premium
    assert_eq!(town.world.frames_of_last_transaction(), 6);
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————— re-entrancy

#[test]
fn no_peer_can_buy_in_the_middle_of_a_purchase() {
    let town = Town::new();
    for peer in ["trigger", "vault", "risk"] {
        town.hook(peer, town.purchase());
        town.bought();
        town.hook_refusal().expect::<ReentrancyGuardReentrantCall>();
    }
}

#[test]
fn an_asset_with_hooks_cannot_re_enter() {
    let town = Town::new();
    let first = town.bought();
    town.must(town.alice, IERC721::setApprovalForAllCall { operator: town.usd.at, approved: true });
    let re_enter = |data: Vec<u8>| {
        *town.usd.habits.hook.borrow_mut() = Some((town.policy, data));
        town.bought();
        testkit::Reverted(town.usd.habits.hook_result.borrow_mut().take().unwrap().unwrap_err())
    };
    re_enter(town.purchase().abi_encode()).expect::<ReentrancyGuardReentrantCall>();
    re_enter(IPolicy::expireCall { policy: first }.abi_encode()).expect::<ReentrancyGuardReentrantCall>();
    let send = IERC721::safeTransferFrom_0Call { from: town.alice, to: town.bob, tokenId: first };
    re_enter(send.abi_encode()).expect::<ReentrancyGuardReentrantCall>();
}

#[test]
fn an_asset_with_hooks_sees_the_sale_complete() {
    let town = Town::new();
    town.bought();
    let view = IPolicy::policyOfCall { policy: U256::from(2) };
    *town.usd.habits.hook.borrow_mut() = Some((town.policy, view.abi_encode()));
    town.bought();
    let seen = town.usd.habits.hook_result.borrow_mut().take().unwrap().unwrap();
    assert_eq!(IPolicy::policyOfCall::abi_decode_returns(&seen).unwrap().holder, town.alice);
}

#[test]
fn no_claim_is_opened_in_the_middle_of_a_purchase() {
    let town = Town::new();
    let policy = town.bought();
    struct Forward(Address, Vec<u8>);
    impl testkit::Native for Forward {
        fn call(&self, context: &testkit::Context<'_>, _: &[u8]) -> stylus_sdk::ArbResult {
            context.call(self.0, self.1.clone())
        }
    }
    let open = IPolicy::openCall { policy, caller: town.alice };
    town.world.place_native(town.assessor, Forward(town.policy, open.abi_encode()));
    *town.usd.habits.hook.borrow_mut() = Some((town.assessor, vec![]));
    town.bought();
    let refused = testkit::Reverted(town.usd.habits.hook_result.borrow_mut().take().unwrap().unwrap_err());
    refused.expect::<ReentrancyGuardReentrantCall>();
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————————— routes

#[test]
fn a_product_keeps_the_route_of_its_first_sale() {
    let town = Town::new();
    town.bought();
    assert!(town.world.frames_of_last_transaction() > 6, "the first sale asks for product, asset, decimals and symbol");
    town.peers.moved.set(true); // Risk would now answer another vault and another trigger
    town.bought();
    assert_eq!(town.world.frames_of_last_transaction(), 6);
    assert_eq!(town.peers.entered.borrow().len(), 2);
    assert_eq!(town.peers.premiums.borrow().len(), 2);
    assert!(town.usd.balance_of(&town.world, town.world.address("elsewhere")).is_zero());
    // a new product goes where Risk says
    town.refused(town.alice, IPolicy::buyCall { product: U256::from(2), ..town.purchase() })
        .expect::<AddressEmptyCode>();
}

#[test]
fn anyone_lists_a_product_before_its_first_sale() {
    let town = Town::new();
    town.must(town.bob, IPolicy::listCall { product: PRODUCT });
    let [listed] = &town.world.events::<IPolicy::ProductListed>(town.policy)[..] else { panic!("one listing") };
    assert_eq!((listed.product, listed.trigger), (PRODUCT, town.trigger));
    assert_eq!((listed.vault, listed.asset), (town.vault, town.usd.at));
    town.must(town.bob, IPolicy::listCall { product: PRODUCT });
    town.bought();
    assert_eq!(town.world.events::<IPolicy::ProductListed>(town.policy).len(), 1);
}

#[test]
fn what_risk_does_not_know_is_not_listed() {
    let town = Town::new();
    let product = U256::from(9);
    town.refused(town.bob, IPolicy::listCall { product }).expect::<IRisk::UnknownProduct>();
    Town::unwired().refused(town.bob, IPolicy::listCall { product }).expect::<NotWired>();
}

#[test]
fn in_the_middle_of_a_first_sale_nothing_else_is_listed_but_by_the_same_rules() {
    let town = Town::new();
    town.hook("trigger", IPolicy::listCall { product: U256::from(2) });
    town.bought();
    assert!(town.peers.hook_result.borrow_mut().take().unwrap().is_ok(), "listing is anybody's, at any time");
    let [first, second] = &town.world.events::<IPolicy::ProductListed>(town.policy)[..] else { panic!("two listings") };
    assert_eq!([first.product, second.product], [PRODUCT, U256::from(2)]);
    assert_eq!(town.policy_of(U256::ONE).product, PRODUCT);
}
