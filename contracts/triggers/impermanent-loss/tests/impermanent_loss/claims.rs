//! Positions, their loss at the end of a term, and how one would make it larger.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::{SolCall, SolValue};
use proptest::prelude::*;
use protocol::abi::IImpermanentLossTrigger::{
    self, InvalidEvidence, InvalidReceiver, NotPositionOwner, PositionDeposited, PositionWithdrawn, PriceStored,
    UnknownSubject, WrongPosition,
};
use standards::errors::ReentrancyGuardReentrantCall;

use crate::common::*;

const ENDS: [i32; 2] = [-6_931, 6_931];

/// A policy on Alice's position, begun.
fn insured(setup: &Setup, subject: B256) -> (U256, Policy) {
    let value = if subject == PAIR { 2 * ONE } else { 7 };
    let position = setup.deposit(subject, setup.alice, value).unwrap();
    let policy = setup.buy(subject, setup.alice, position);
    setup.begin(&policy);
    (position, policy)
}

fn at_the_end(subject: B256, millionths: u64) -> (u8, u16) {
    let setup = Setup::new();
    let policy = insured(&setup, subject).1;
    setup.end(&policy, millionths);
    setup.prove(&policy).unwrap()
}

// ————————————————————————————————————————————————————————————————————————————————————————————————————————— the loss

#[test]
fn a_pairs_shares_lose_what_the_closed_form_says() {
    for millionths in [500_000, 800_000, 1_250_000, 2_000_000, 4_000_000] {
        assert_loss(at_the_end(PAIR, millionths), expected_bps(None, 1.0, millionths as f64 / 1e6));
    }
}

#[test]
fn an_nft_loses_what_the_closed_form_says_inside_and_outside_of_its_range() {
    for millionths in [250_000, 800_000, 1_250_000, 1_900_000, 2_100_000, 4_000_000] {
        let expected = expected_bps(Some(ENDS), 1.0, millionths as f64 / 1e6);
        assert_loss(at_the_end(NFT, millionths), expected.min(10_000.0));
    }
}

#[test]
fn a_price_that_came_back_loses_nothing_whatever_it_was_in_between() {
    for subject in [PAIR, NFT] {
        let setup = Setup::new();
        let policy = insured(&setup, subject).1;
        setup.world.warp(10 * DAY);
        setup.price(4_000_000);
        setup.end(&policy, 1_000_000);
        assert_eq!(setup.prove(&policy).unwrap(), (NOT_MET, 0));
    }
}

#[test]
fn the_interest_is_the_value_of_the_position() {
    let setup = Setup::new();
    let close = |value: U256, expected: f64| (f64::from(value) / 1e18 / expected - 1.0).abs() < 1e-4;
    let shares = setup.deposit(PAIR, setup.alice, 2 * ONE).unwrap();
    let entered = setup.enter(PAIR, setup.alice, shares);
    assert!(close(entered.interest, 4.0), "{}", entered.interest);
    // 1,000 · 2/21 of liquidity at a price of one
    assert!(close(entered.size, 2_000.0 / 21.0), "{}", entered.size);
    let nft = setup.deposit(NFT, setup.alice, 7).unwrap();
    let interest = setup.enter(NFT, setup.alice, nft).interest;
    assert!(close(interest, 2.0 * (1.0 - 0.5f64.sqrt())), "{interest}");
}

#[test]
fn values_are_in_the_assets_decimals_and_in_either_token() {
    for (decimals, quote) in [([18, 6], 1), ([6, 18], 1), ([18, 6], 0), ([8, 8], 0)] {
        let setup = Setup::empty(decimals);
        {
            let mut state = setup.state.borrow_mut();
            state.reserves = decimals.map(|decimals| 1_000 * 10u128.pow(decimals.into()));
            let liquidity = 10u128.pow((u32::from(decimals[0]) + u32::from(decimals[1])) / 2) * 1_000;
            state.history[0].2 = liquidity;
        }
        let mut config = setup.config(true);
        config.quote = setup.state.borrow().tokens[quote];
        config.minLiquidity = 1;
        config.assetDecimals = 6;
        setup.register(PAIR, config).unwrap();
        let position = setup.deposit(PAIR, setup.alice, 10 * ONE).unwrap();
        let policy = setup.buy(PAIR, setup.alice, position);
        assert!(policy.interest.abs_diff(U256::from(20_000_000)) < U256::from(4_000), "{}", policy.interest);
        setup.begin(&policy);
        // the feed tells the other token's price in the quote token
        let (pool, feed) = if quote == 1 { (2_000_000, 2_000_000) } else { (500_000, 2_000_000) };
        setup.world.warp_to(policy.terms.end - DAY);
        setup.pool_price(pool, 1_000 * ONE);
        setup.feed_price(feed);
        setup.hold(DAY);
        setup.world.warp(1);
        assert_loss(setup.prove(&policy).unwrap(), expected_bps(None, 1.0, 2.0));
    }
}

#[test]
fn a_pairs_fees_are_netted_and_those_of_the_protocol_are_not_held() {
    let setup = Setup::new();
    let policy = insured(&setup, PAIR).1;
    setup.end(&policy, 2_000_000);
    let without = setup.prove(&policy).unwrap().1;
    // √k grows by one percent: a position worth 2·√2 of liquidity by 0.0283, of the 2 that it was worth
    setup.state.borrow_mut().reserves = [1_010 * ONE; 2];
    let with = setup.prove(&policy).unwrap().1;
    assert!((139..=143).contains(&(without - with)), "{without} {with}");

    // at the purchase the pair's unminted fee makes a share smaller
    let setup = Setup::new();
    let position = setup.deposit(PAIR, setup.alice, 2 * ONE).unwrap();
    let whole = setup.buy(PAIR, setup.alice, position).interest;
    setup.state.borrow_mut().k_last = U256::from(900 * ONE) * U256::from(900 * ONE);
    assert!(setup.buy(PAIR, setup.alice, position).interest < whole);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_loss_is_the_closed_form_less_fees_and_never_more(
        lower in 3_500i32..12_000,
        upper in 3_500i32..12_000,
        millionths in 150_000u64..6_000_000,
        fees in 0u32..100,
    ) {
        let (ends, price) = ([-lower, upper], millionths as f64 / 1e6);
        let setup = Setup::new();
        setup.state.borrow_mut().positions.get_mut(&7).unwrap().ends = ends;
        let policy = insured(&setup, NFT).1;
        // thousandths of token 1 for each unit of liquidity
        let growth = [U256::ZERO, (U256::from(fees) << 128) / U256::from(1_000)];
        setup.state.borrow_mut().growth = growth;
        setup.end(&policy, millionths);
        // an end that the price has passed keeps what was earned before
        let passed = if price < 1.0 { ends[0] } else { ends[1] };
        if (price.ln() / 1.0001f64.ln()).abs() > f64::from(passed.abs()) {
            setup.state.borrow_mut().outside.insert(passed, growth);
        }
        let (verdict, loss) = setup.prove(&policy).unwrap();
        let [root_lower, root_upper] = ends.map(|tick| 1.0001f64.powf(f64::from(tick) / 2.0));
        let value = 2.0 - root_lower - 1.0 / root_upper;
        let expected = expected_bps(Some(ends), 1.0, price) - f64::from(fees) * 10.0 / value;
        let difference = f64::from(loss) - expected.clamp(0.0, 10_000.0);
        prop_assert!((-3.0..=1.0).contains(&difference), "{loss} is not {expected}");
        prop_assert_eq!(verdict, if loss == 0 { NOT_MET } else { CONFIRMED });
    }
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————————— when

#[test]
fn nothing_is_decided_before_the_end_or_in_its_second() {
    let setup = Setup::new();
    let policy = insured(&setup, PAIR).1;
    setup.price(4_000_000);
    setup.hold(DAY);
    // no matter what is known: what is inconclusive would be reserved for
    assert_eq!(setup.prove(&policy).unwrap(), (NOT_MET, 0));
    setup.world.warp_to(policy.terms.end);
    setup.hold(0);
    assert_eq!(setup.prove(&policy).unwrap(), (NOT_MET, 0));
    setup.world.warp(1);
    assert_loss(setup.prove(&policy).unwrap(), expected_bps(None, 1.0, 4.0));
}

#[test]
fn the_price_of_the_end_is_taken_by_the_claim_and_stays() {
    let setup = Setup::new();
    let policy = insured(&setup, PAIR).1;
    setup.end(&policy, 2_000_000);
    let told = setup.prove(&policy).unwrap();
    let stored = setup.world.events::<PriceStored>(setup.trigger);
    assert_eq!(stored.iter().map(|event| event.at).collect::<Vec<_>>(), [policy.terms.start, policy.terms.end]);
    // a later price, and a pool that has forgotten, change nothing
    setup.price(1_000_000);
    setup.hold(5 * DAY);
    setup.state.borrow_mut().history.drain(..2);
    assert_eq!(setup.prove(&policy).unwrap(), told);
    assert_eq!(setup.world.events::<PriceStored>(setup.trigger).len(), 2);
}

#[test]
fn an_old_price_is_stored_by_the_round_that_held() {
    let setup = Setup::new();
    let policy = insured(&setup, PAIR).1;
    setup.end(&policy, 2_000_000);
    let held = FIRST_ROUND + setup.state.borrow().rounds.len() as u128 - 1;
    setup.world.warp(HOUR);
    setup.price(1_000_000);
    assert_eq!(setup.prove(&policy).unwrap(), (INCONCLUSIVE, 0), "the latest round is of later");
    let by = |round: u128| setup.prove_with(&policy, 0, U256::from(round).abi_encode()).unwrap();
    assert_eq!(by(held - 1), (INCONCLUSIVE, 0), "another came before the end");
    assert_eq!(by(held + 1), (INCONCLUSIVE, 0), "it came after the end");
    assert_eq!(by(held + 9), (INCONCLUSIVE, 0), "there is none");
    assert_loss(by(held), expected_bps(None, 1.0, 2.0));
}

#[test]
fn what_is_not_known_is_inconclusive() {
    // no price of the start
    let setup = Setup::new();
    let position = setup.deposit(PAIR, setup.alice, ONE).unwrap();
    let policy = setup.buy(PAIR, setup.alice, position);
    setup.end(&policy, 2_000_000);
    assert_eq!(setup.prove(&policy).unwrap(), (INCONCLUSIVE, 0));

    // the pool has forgotten the end
    let setup = Setup::new();
    let policy = insured(&setup, PAIR).1;
    setup.end(&policy, 2_000_000);
    setup.state.borrow_mut().history[0].0 = setup.world.now() - WINDOW;
    setup.state.borrow_mut().history.truncate(1);
    assert_eq!(setup.prove(&policy).unwrap(), (INCONCLUSIVE, 0));

    // the venue does not answer
    for subject in [PAIR, NFT] {
        let setup = Setup::new();
        let policy = insured(&setup, subject).1;
        setup.end(&policy, 2_000_000);
        setup.store(subject, policy.terms.end, 0).unwrap();
        setup.state.borrow_mut().broken = true;
        assert_eq!(setup.prove(&policy).unwrap(), (INCONCLUSIVE, 0));
        setup.state.borrow_mut().broken = false;
        assert_eq!(setup.prove(&policy).unwrap().0, CONFIRMED);
    }
}

#[test]
fn under_an_incident_there_is_no_claim() {
    let setup = Setup::new();
    let policy = insured(&setup, PAIR).1;
    setup.end(&policy, 2_000_000);
    assert_eq!(setup.prove_with(&policy, 1, vec![]).unwrap(), (NOT_MET, 0));
}

#[test]
fn evidence_and_entry_must_be_well_formed() {
    let setup = Setup::new();
    let mut policy = insured(&setup, PAIR).1;
    setup.end(&policy, 2_000_000);
    for evidence in [vec![1], vec![0; 63], vec![0; 96], vec![0xff; 32], vec![0xff; 64]] {
        setup.prove_with(&policy, 0, evidence).unwrap_err().expect::<InvalidEvidence>();
    }
    for entry in [vec![], policy.entry[..127].to_vec(), [policy.entry.clone(), vec![0]].concat()] {
        policy.entry = entry;
        setup.prove(&policy).unwrap_err().expect::<InvalidEvidence>();
    }
    policy.terms.subject = B256::repeat_byte(9);
    setup.prove(&policy).unwrap_err().expect::<UnknownSubject>();
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————————— attacks

#[test]
fn a_move_in_the_waiting_period_is_not_covered() {
    let setup = Setup::new();
    let position = setup.deposit(PAIR, setup.alice, ONE).unwrap();
    let policy = setup.buy(PAIR, setup.alice, position);
    setup.price(2_000_000);
    setup.hold(HOUR - 1);
    setup.begin(&policy);
    setup.end(&policy, 2_000_000);
    assert_eq!(setup.prove(&policy).unwrap(), (NOT_MET, 0));
}

#[test]
fn a_mean_that_was_pushed_in_an_empty_range_is_no_price() {
    let setup = Setup::new();
    let policy = insured(&setup, NFT).1;
    setup.world.warp_to(policy.terms.end - 60);
    setup.pool_price(1_000_000_000, 1);
    setup.feed_price(1_000_000);
    setup.world.warp(61);
    assert_eq!(setup.prove(&policy).unwrap(), (INCONCLUSIVE, 0));
    // nor is one of which nobody can tell how thin it was: the feed does not agree
    let setup = Setup::new();
    let policy = insured(&setup, NFT).1;
    setup.world.warp_to(policy.terms.end - DAY);
    setup.pool_price(2_000_000, 1_000 * ONE);
    setup.hold(DAY);
    setup.world.warp(1);
    assert_eq!(setup.prove(&policy).unwrap(), (INCONCLUSIVE, 0));
}

#[test]
fn a_spot_price_that_a_flash_loan_moved_says_nothing() {
    let setup = Setup::new();
    let policy = insured(&setup, NFT).1;
    setup.end(&policy, 2_000_000);
    let told = setup.prove(&policy).unwrap();
    setup.state.borrow_mut().spot = Some(1_000);
    assert_eq!(setup.prove(&policy).unwrap(), told);
    // of a pair the product of the reserves counts, not their ratio
    let setup = Setup::new();
    let policy = insured(&setup, PAIR).1;
    setup.end(&policy, 2_000_000);
    let told = setup.prove(&policy).unwrap();
    setup.state.borrow_mut().reserves = [100_000 * ONE, 10 * ONE];
    assert_eq!(setup.prove(&policy).unwrap(), told);
}

#[test]
fn a_donation_makes_a_loss_smaller_and_never_larger() {
    let setup = Setup::new();
    let policy = insured(&setup, PAIR).1;
    setup.end(&policy, 2_000_000);
    let told = setup.prove(&policy).unwrap();
    setup.state.borrow_mut().reserves[0] += 100 * ONE;
    assert!(setup.prove(&policy).unwrap().1 < told.1);
}

#[test]
fn what_is_withdrawn_before_the_claim_is_not_insured_and_does_not_come_back() {
    for (subject, value) in [(PAIR, 2 * ONE), (NFT, 7)] {
        let setup = Setup::new();
        let (position, policy) = insured(&setup, subject);
        setup.end(&policy, 2_000_000);
        assert_eq!(setup.prove(&policy).unwrap().0, CONFIRMED);
        setup.withdraw(position, setup.alice).unwrap();
        assert_eq!(setup.prove(&policy).unwrap(), (NOT_MET, 0));
        let again = setup.deposit(subject, setup.alice, value).unwrap();
        assert_ne!(again, position);
        assert_eq!(setup.prove(&policy).unwrap(), (NOT_MET, 0));
    }
}

#[test]
fn a_position_that_is_sold_is_insured_for_who_bought_it_only() {
    let setup = Setup::new();
    let (position, policy) = insured(&setup, NFT);
    setup.withdraw(position, setup.alice).unwrap();
    setup.state.borrow_mut().positions.get_mut(&7).unwrap().owner = setup.bob;
    let sold = setup.deposit(NFT, setup.bob, 7).unwrap();
    let theirs = setup.buy(NFT, setup.bob, sold);
    assert!(setup.enter(NFT, setup.alice, sold).interest.is_zero());
    setup.begin(&theirs);
    setup.end(&policy, 2_000_000);
    assert_eq!(setup.prove(&policy).unwrap(), (NOT_MET, 0));
    setup.world.warp_to(theirs.terms.end);
    setup.hold(0);
    setup.world.warp(1);
    assert_loss(setup.prove(&theirs).unwrap(), expected_bps(Some(ENDS), 1.0, 2.0));
}

#[test]
fn liquidity_that_is_added_after_the_purchase_does_not_count_and_less_counts_as_less() {
    let setup = Setup::new();
    let policy = insured(&setup, NFT).1;
    setup.end(&policy, 2_000_000);
    let told = setup.prove(&policy).unwrap();
    let liquidity = |part: u128| setup.state.borrow_mut().positions.get_mut(&7).unwrap().liquidity = part;
    liquidity(50 * ONE);
    assert_eq!(setup.prove(&policy).unwrap(), told);
    liquidity(ONE / 2);
    let half = setup.prove(&policy).unwrap().1;
    assert!(half.abs_diff(told.1 / 2) <= 1, "{half} of {told:?}");
    liquidity(0);
    assert_eq!(setup.prove(&policy).unwrap(), (NOT_MET, 0));
}

#[test]
fn fees_that_were_collected_before_the_end_are_netted_all_the_same() {
    let setup = Setup::new();
    let (position, policy) = insured(&setup, NFT);
    // 0.01 of token 1 for each unit of liquidity
    setup.state.borrow_mut().growth[1] = (U256::from(1) << 128) / U256::from(100);
    let call = IImpermanentLossTrigger::collectCall { position, to: setup.alice };
    assert_eq!(setup.world.send(setup.alice, setup.trigger, call).unwrap().amount0, U256::from(5));
    setup.end(&policy, 1_900_000);
    let expected = expected_bps(Some(ENDS), 1.0, 1.9) - 100.0 / (2.0 * (1.0 - 0.5f64.sqrt()));
    assert_loss(setup.prove(&policy).unwrap(), expected);
    // outside of the range nothing is earned, wherever the price is now
    let growth = setup.state.borrow().growth;
    setup.state.borrow_mut().outside.insert(ENDS[1], growth);
    setup.state.borrow_mut().spot = Some(ENDS[1] + 1);
    let outside = setup.prove(&policy).unwrap();
    assert_loss(outside, expected);
}

#[test]
fn another_position_or_another_insured_has_no_interest() {
    let setup = Setup::new();
    let position = setup.deposit(PAIR, setup.alice, ONE).unwrap();
    for (subject, insured, position) in [
        (PAIR, setup.bob, position),
        (NFT, setup.alice, position),
        (PAIR, setup.alice, position + U256::from(1)),
        (PAIR, Address::ZERO, U256::from(99)),
    ] {
        let entered = setup.enter(subject, insured, position);
        assert!(entered.healthy && entered.interest.is_zero() && entered.entry.is_empty());
    }
}

#[test]
fn a_narrow_range_and_one_that_the_price_has_left_have_no_interest() {
    for ends in [[-100, 100], [10, 9_000], [-9_000, -10], [-3_300, 3_300]] {
        let setup = Setup::new();
        setup.state.borrow_mut().positions.get_mut(&7).unwrap().ends = ends;
        let position = setup.deposit(NFT, setup.alice, 7).unwrap();
        // 1 ÷ (1 − 1.0001^(−3300/2)) = 6.57, more than 6.5
        assert!(setup.enter(NFT, setup.alice, position).interest.is_zero(), "{ends:?}");
    }
    let setup = Setup::new();
    setup.state.borrow_mut().positions.get_mut(&7).unwrap().ends = [-3_400, 3_400];
    let position = setup.deposit(NFT, setup.alice, 7).unwrap();
    assert!(!setup.enter(NFT, setup.alice, position).interest.is_zero());
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————————— deposits

#[test]
fn a_position_is_given_back_to_its_owner_only_and_whole() {
    let setup = Setup::new();
    let position = setup.deposit(PAIR, setup.alice, 2 * ONE).unwrap();
    assert_eq!(setup.state.borrow().shares[&setup.trigger], 2 * ONE);
    let told = setup.world.read(setup.trigger, IImpermanentLossTrigger::positionOfCall { position });
    assert_eq!((told.subject, told.owner, told.value), (PAIR, setup.alice, U256::from(2 * ONE)));
    let refused = setup.withdraw(position, setup.bob).unwrap_err().expect::<NotPositionOwner>();
    assert_eq!((refused.position, refused.caller), (position, setup.bob));
    // from nobody and from the trigger itself nothing would come back
    for to in [Address::ZERO, setup.trigger] {
        let call = IImpermanentLossTrigger::withdrawCall { position, to };
        setup.world.refused(setup.alice, setup.trigger, call).expect::<InvalidReceiver>();
    }
    setup.withdraw(position, setup.alice).unwrap();
    assert_eq!(setup.state.borrow().shares[&setup.alice], 10 * ONE);
    setup.withdraw(position, setup.alice).unwrap_err().expect::<NotPositionOwner>();
    assert_eq!(setup.world.events::<PositionDeposited>(setup.trigger).len(), 1);
    assert_eq!(setup.world.events::<PositionWithdrawn>(setup.trigger).len(), 1);
}

#[test]
fn an_nft_is_held_by_the_trigger_until_it_is_given_back() {
    let setup = Setup::new();
    let owner = |id: u64| setup.state.borrow().positions[&id].owner;
    assert!(setup.deposit(NFT, setup.bob, 7).is_err(), "the manager refuses who does not own it");
    let position = setup.deposit(NFT, setup.alice, 7).unwrap();
    assert_eq!(owner(7), setup.trigger);
    let collect = IImpermanentLossTrigger::collectCall { position, to: setup.bob };
    setup.world.refused(setup.bob, setup.trigger, collect).expect::<NotPositionOwner>();
    setup.withdraw(position, setup.alice).unwrap();
    assert_eq!(owner(7), setup.alice);
}

#[test]
fn nothing_and_what_is_of_another_pool_is_not_taken() {
    let setup = Setup::new();
    setup.deposit(PAIR, setup.alice, 0).unwrap_err().expect::<WrongPosition>();
    setup.deposit(NFT, setup.alice, 8).unwrap_err().expect::<WrongPosition>();
    setup.state.borrow_mut().positions.get_mut(&7).unwrap().fee = 500;
    setup.deposit(NFT, setup.alice, 7).unwrap_err().expect::<WrongPosition>();
    setup.deposit(B256::repeat_byte(9), setup.alice, 7).unwrap_err().expect::<UnknownSubject>();
    assert!(setup.deposit(PAIR, setup.alice, 11 * ONE).is_err(), "more than there is");
    let position = setup.deposit(PAIR, setup.alice, ONE).unwrap();
    let call = IImpermanentLossTrigger::collectCall { position, to: setup.alice };
    setup.world.refused(setup.alice, setup.trigger, call).expect::<WrongPosition>();
}

#[test]
fn who_is_called_in_the_middle_of_a_withdrawal_cannot_come_back() {
    let setup = Setup::new();
    let position = setup.deposit(PAIR, setup.alice, ONE).unwrap();
    for call in [
        IImpermanentLossTrigger::withdrawCall { position, to: setup.alice }.abi_encode(),
        IImpermanentLossTrigger::depositCall { subject: PAIR, value: U256::from(1) }.abi_encode(),
        IImpermanentLossTrigger::collectCall { position, to: setup.alice }.abi_encode(),
    ] {
        let position = setup.deposit(PAIR, setup.alice, ONE).unwrap();
        setup.state.borrow_mut().hook = Some((setup.trigger, call));
        setup.withdraw(position, setup.alice).unwrap();
        let answer = setup.state.borrow_mut().hook_answer.take().unwrap().unwrap_err();
        testkit::Reverted(answer).expect::<ReentrancyGuardReentrantCall>();
    }
}
