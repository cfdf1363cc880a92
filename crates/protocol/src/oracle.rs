//! Chainlink reads with every check.
//!
//! A read never fails: it answers with a [`Round`] or with the [`Fault`] that makes the source useless right now,
//! so that a caller can tell "the price says no" from "nobody knows". A price is positive, complete, not of the
//! future, scaled to WAD (1e18) with checked arithmetic, and marked where the aggregator's circuit breaker cut it.
//!
//! Round ids of a proxy are packed: the phase (which aggregator) in the upper 16 of 80 bits, the aggregator's
//! own count in the lower 64. Inside a phase rounds count up by one; a new phase begins again at 1.

use alloy_primitives::{Address, U256};
use alloy_sol_types::{SolCall, sol};
use stylus_sdk::{host::VM, stylus_core::host::BlockAccess};

use crate::call;

sol! {
    /// Chainlink's proxy, and of the aggregator behind it what is of interest.
    interface IAggregator {
        function decimals() external view returns (uint8);
        function latestRoundData() external view returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
        function getRoundData(uint80 id) external view returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
        function aggregator() external view returns (address);
        function minAnswer() external view returns (int192);
    }
}

/// The most decimals that a feed may have.
pub const MAX_DECIMALS: u8 = 27;

/// How long the sequencer must have been up again before a latest price counts.
pub const SEQUENCER_GRACE: u64 = 60 * 60;

/// WAD as a price: 1e18.
pub const ONE: u128 = 1_000_000_000_000_000_000;

/// A price feed and how it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feed {
    /// The proxy.
    pub at: Address,
    /// Decimals of its answers, 0 to [`MAX_DECIMALS`].
    pub decimals: u8,
    /// Longest time between two rounds, with margin, in seconds; an older price is stale.
    pub heartbeat: u64,
    /// The aggregator's floor as a price in WAD; an answer at or below it says "at most this". 0: none.
    pub floor: u128,
}

/// One round whose price can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// The proxy's round id.
    pub id: u128,
    /// The price in WAD, rounded up where the feed has more than 18 decimals, never below the feed's floor.
    pub price: u128,
    /// When the round was written, in seconds.
    pub updated_at: u64,
    /// Whether the answer was at or below the floor: the true price may be lower than [`Round::price`].
    pub clamped: bool,
}

/// Why a source tells nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It reverted, is no contract, or answered something else than was asked. Running out of gas looks the same:
    /// a caller that draws conclusions from it must have enough gas left.
    Unreadable,
    /// The round holds nothing: it does not exist or is still being answered.
    Missing,
    /// The round carries the answer of an earlier one.
    Incomplete,
    /// The price is zero or negative.
    NotPositive,
    /// The round is of the future.
    Future,
    /// The price is older than the feed's heartbeat.
    Stale,
    /// The price does not fit into 128 bits of WAD.
    TooLarge,
}

/// The state of the chain's sequencer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sequencer {
    /// Up for longer than [`SEQUENCER_GRACE`], or a chain without an uptime feed.
    Up,
    /// Down.
    Down,
    /// Up again, but not for long enough.
    Grace,
    /// The uptime feed is not readable or not initialised.
    Unknown,
}

/// The id of a phase's round.
#[must_use]
pub const fn round_id(phase: u16, round: u64) -> u128 {
    ((phase as u128) << 64) | round as u128
}

/// The phase of a round id.
#[must_use]
pub const fn phase(id: u128) -> u16 {
    (id >> 64) as u16
}

/// The aggregator's own count of a round id.
#[must_use]
pub const fn aggregator_round(id: u128) -> u64 {
    id as u64
}

/// The round `id`; how old it is does not matter.
///
/// # Errors
/// The fault that makes it useless.
pub fn round(vm: &VM, feed: &Feed, id: u128) -> Result<Round, Fault> {
    let round = read(vm, feed, IAggregator::getRoundDataCall::SELECTOR, &[U256::from(id)])?;
    if round.id != id {
        return Err(Fault::Unreadable);
    }
    Ok(round)
}

/// The latest round; how old it is does not matter.
///
/// # Errors
/// The fault that makes it useless.
pub fn latest(vm: &VM, feed: &Feed) -> Result<Round, Fault> {
    read(vm, feed, IAggregator::latestRoundDataCall::SELECTOR, &[])
}

/// The latest round, which must not be older than the feed's heartbeat.
///
/// # Errors
/// The fault that makes it useless.
pub fn fresh(vm: &VM, feed: &Feed) -> Result<Round, Fault> {
    let round = latest(vm, feed)?;
    if vm.block_timestamp() - round.updated_at > feed.heartbeat {
        return Err(Fault::Stale);
    }
    Ok(round)
}

/// What a feed says to readers who check nothing but that it answers: the round `id`, or the latest one. Its price is 0
/// where the answer is zero or negative.
///
/// # Errors
/// The fault that makes it useless.
pub fn said(vm: &VM, feed: &Feed, id: Option<u128>) -> Result<Round, Fault> {
    let words = match id {
        Some(id) => words(vm, feed.at, IAggregator::getRoundDataCall::SELECTOR, &[U256::from(id)]),
        None => words(vm, feed.at, IAggregator::latestRoundDataCall::SELECTOR, &[]),
    };
    let mut words = words.ok_or(Fault::Unreadable)?;
    let is_none = words[1].is_zero() || words[1].bit(255);
    if is_none {
        words[1] = U256::ONE;
    }
    let mut round = judge(&words, feed, vm.block_timestamp())?;
    if id.is_some_and(|id| id != round.id) {
        return Err(Fault::Unreadable);
    }
    if is_none {
        round.price = 0;
    }
    Ok(round)
}

/// Whether the sequencer is up, by its uptime feed; the zero address stands for a chain that has none.
#[must_use]
pub fn sequencer(vm: &VM, uptime: Address) -> Sequencer {
    if uptime.is_zero() {
        return Sequencer::Up;
    }
    let Some(words) = words(vm, uptime, IAggregator::latestRoundDataCall::SELECTOR, &[]) else {
        return Sequencer::Unknown;
    };
    judge_sequencer(words[1], words[2], vm.block_timestamp())
}

/// The decimals of a feed, where it tells and they are at most [`MAX_DECIMALS`].
#[must_use]
pub fn decimals(vm: &VM, feed: Address) -> Option<u8> {
    let answer = call::try_ask(vm, feed, IAggregator::decimalsCall::SELECTOR, &[], 1)?;
    u8::try_from(answer.word(0).ok()?).ok().filter(|decimals| *decimals <= MAX_DECIMALS)
}

/// The smallest answer that the aggregator behind a proxy gives, as a price in WAD, where both tell.
#[must_use]
pub fn min_answer(vm: &VM, feed: &Feed) -> Option<u128> {
    let aggregator = call::try_ask(vm, feed.at, IAggregator::aggregatorCall::SELECTOR, &[], 1)?.address(0).ok()?;
    let answer = call::try_ask(vm, aggregator, IAggregator::minAnswerCall::SELECTOR, &[], 1)?.word(0).ok()?;
    scale(answer, feed.decimals).ok()
}

fn read(vm: &VM, feed: &Feed, selector: [u8; 4], arguments: &[U256]) -> Result<Round, Fault> {
    let words = words(vm, feed.at, selector, arguments).ok_or(Fault::Unreadable)?;
    judge(&words, feed, vm.block_timestamp())
}

#[inline(never)]
fn words(vm: &VM, at: Address, selector: [u8; 4], arguments: &[U256]) -> Option<[U256; 5]> {
    let answer = call::try_ask(vm, at, selector, arguments, 5)?;
    let mut words = [U256::ZERO; 5];
    for (index, word) in words.iter_mut().enumerate() {
        *word = answer.word(index).ok()?;
    }
    Some(words)
}

/// Checks the five words (roundId, answer, startedAt, updatedAt, answeredInRound) of a round.
fn judge(words: &[U256; 5], feed: &Feed, now: u64) -> Result<Round, Fault> {
    let [id, answer, _, updated_at, answered_in] = *words;
    if id.bit_len() > 80 {
        return Err(Fault::Unreadable);
    }
    if updated_at.is_zero() {
        return Err(Fault::Missing);
    }
    if updated_at > U256::from(now) {
        return Err(Fault::Future);
    }
    if answered_in < id {
        return Err(Fault::Incomplete);
    }
    let price = scale(answer, feed.decimals)?;
    let clamped = price <= feed.floor;
    Ok(Round {
        id: id.to::<u128>(),
        price: if clamped { feed.floor } else { price },
        updated_at: updated_at.to::<u64>(),
        clamped,
    })
}

/// A signed answer of a feed as a price in WAD, rounded up.
fn scale(answer: U256, decimals: u8) -> Result<u128, Fault> {
    if answer.is_zero() || answer.bit(255) {
        return Err(Fault::NotPositive);
    }
    if answer.bit_len() > 128 {
        return Err(Fault::TooLarge);
    }
    let answer = answer.to::<u128>();
    if decimals <= 18 {
        answer.checked_mul(10u128.pow(18 - u32::from(decimals))).ok_or(Fault::TooLarge)
    } else {
        Ok(answer.div_ceil(10u128.pow(u32::from(decimals) - 18)))
    }
}

/// Checks an uptime feed's answer (0 up, 1 down) and since when it is so.
fn judge_sequencer(answer: U256, started_at: U256, now: u64) -> Sequencer {
    if started_at.is_zero() || started_at > U256::from(now) || answer > U256::ONE {
        return Sequencer::Unknown;
    }
    if answer == U256::ONE {
        return Sequencer::Down;
    }
    if now - started_at.to::<u64>() <= SEQUENCER_GRACE {
        return Sequencer::Grace;
    }
    Sequencer::Up
}

#[cfg(test)]
mod tests {
    use alloy_primitives::I256;
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_678_610_987;

    fn feed(decimals: u8, floor: u128) -> Feed {
        Feed { at: Address::ZERO, decimals, heartbeat: 86_400, floor }
    }

    fn words(answer: i128, updated_at: u64) -> [U256; 5] {
        let id = U256::from(round_id(2, 746));
        [id, I256::try_from(answer).unwrap().into_raw(), U256::from(updated_at), U256::from(updated_at), id]
    }

    fn judged(answer: i128, decimals: u8) -> Result<Round, Fault> {
        judge(&words(answer, NOW), &feed(decimals, 0), NOW)
    }

    #[test]
    fn ids_pack_the_phase_above_the_aggregators_round() {
        // A round of the USDC / USD feed: phase 2, aggregator round 746.
        assert_eq!(round_id(2, 746), 36_893_488_147_419_103_978);
        assert_eq!((phase(round_id(2, 746)), aggregator_round(round_id(2, 746))), (2, 746));
        assert_eq!(round_id(u16::MAX, u64::MAX), (1 << 80) - 1);
    }

    #[test]
    fn a_price_is_scaled_from_0_6_8_18_and_27_decimals() {
        for decimals in [0, 6, 8, 18, 27] {
            let answer = 3 * 10i128.pow(decimals);
            assert_eq!(judged(answer, decimals as u8).unwrap().price, 3 * ONE, "{decimals} decimals");
        }
        assert_eq!(judged(88_000_000, 8).unwrap().price, 880_000_000_000_000_000);
        assert_eq!(judged(1, 27).unwrap().price, 1, "what is lost beyond 18 decimals is rounded up");
    }

    #[test]
    fn a_price_that_does_not_fit_is_no_price() {
        assert_eq!(judged(i128::MAX, 8), Err(Fault::TooLarge));
        let mut wide = words(1, NOW);
        wide[1] = U256::ONE << 200;
        assert_eq!(judge(&wide, &feed(27, 0), NOW), Err(Fault::TooLarge));
    }

    #[test]
    fn zero_and_negative_are_no_price() {
        assert_eq!(judged(0, 8), Err(Fault::NotPositive));
        assert_eq!(judged(-1, 8), Err(Fault::NotPositive));
    }

    #[test]
    fn a_round_without_a_time_is_missing() {
        assert_eq!(judge(&words(1, 0), &feed(8, 0), NOW), Err(Fault::Missing));
    }

    #[test]
    fn a_round_of_the_future_is_refused_and_one_of_this_second_is_not() {
        assert_eq!(judge(&words(1, NOW + 1), &feed(8, 0), NOW), Err(Fault::Future));
        assert!(judge(&words(1, NOW), &feed(8, 0), NOW).is_ok());
        let mut never = words(1, 1);
        never[3] = U256::MAX;
        assert_eq!(judge(&never, &feed(8, 0), NOW), Err(Fault::Future));
    }

    #[test]
    fn an_answer_carried_over_is_incomplete() {
        let mut carried = words(1, NOW);
        carried[4] -= U256::ONE;
        assert_eq!(judge(&carried, &feed(8, 0), NOW), Err(Fault::Incomplete));
    }

    #[test]
    fn a_round_id_beyond_80_bits_is_unreadable() {
        let mut wide = words(1, NOW);
        (wide[0], wide[4]) = (U256::ONE << 80, U256::ONE << 80);
        assert_eq!(judge(&wide, &feed(8, 0), NOW), Err(Fault::Unreadable));
    }

    #[test]
    fn a_price_at_or_below_the_floor_is_the_floor_and_says_so() {
        let floor = ONE / 100;
        for (answer, price, clamped) in
            [(999_999, floor, true), (1_000_000, floor, true), (1_000_001, 10_000_010_000_000_000, false)]
        {
            let round = judge(&words(answer, NOW), &feed(8, floor), NOW).unwrap();
            assert_eq!((round.price, round.clamped), (price, clamped));
        }
    }

    #[test]
    fn the_sequencer_counts_as_up_only_after_its_grace() {
        let since = |age: u64| U256::from(NOW - age);
        assert_eq!(judge_sequencer(U256::ZERO, since(3601), NOW), Sequencer::Up);
        assert_eq!(judge_sequencer(U256::ZERO, since(3600), NOW), Sequencer::Grace);
        assert_eq!(judge_sequencer(U256::ZERO, since(0), NOW), Sequencer::Grace);
        assert_eq!(judge_sequencer(U256::ONE, since(9000), NOW), Sequencer::Down);
    }

    #[test]
    fn a_sequencer_feed_that_never_started_or_talks_nonsense_is_unknown() {
        assert_eq!(judge_sequencer(U256::ZERO, U256::ZERO, NOW), Sequencer::Unknown);
        assert_eq!(judge_sequencer(U256::ZERO, U256::from(NOW + 1), NOW), Sequencer::Unknown);
        assert_eq!(judge_sequencer(U256::from(2), U256::from(1), NOW), Sequencer::Unknown);
    }

    proptest! {
        #[test]
        fn scaling_never_wraps_and_never_rounds_down(answer in 1u128.., decimals in 0u8..=27) {
            let exact = U256::from(answer);
            let scaled = scale(exact, decimals);
            let wide = exact.checked_mul(U256::from(10).pow(U256::from(18))).unwrap();
            let (floor, rest) = wide.div_rem(U256::from(10).pow(U256::from(decimals)));
            let expected = floor + U256::from(u8::from(!rest.is_zero()));
            match scaled {
                Ok(price) => prop_assert_eq!(U256::from(price), expected),
                Err(fault) => prop_assert!(fault == Fault::TooLarge && expected > U256::from(u128::MAX)),
            }
        }
    }
}
