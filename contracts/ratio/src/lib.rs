//! A feed whose price is one feed's over another's: the LST mode of the depeg trigger.
//!
//! A liquid staking token earns, so its price in what was staked only grows; it has lost its peg where the market pays less
//! than it is redeemed at. The market's feed over the exchange rate's is one as long as it does not, and the depeg trigger
//! takes it in by round ids, as it does any feed. What follows of that: each round is divided by the rate of its own time,
//! so that a round is the same whenever it is read, and a rate that is too old, or that nobody finds any more, makes it no
//! price, never a wrong one.
//!
//! The market and the rate tell the same fall at different times, a slashing above all: a market round that comes first stands over
//! the old rate until the next one. A depeg subject on this feed needs a shortest run longer than the market's heartbeat,
//! or such a round alone is a depeg.
#![cfg_attr(not(any(test, feature = "export-abi")), no_main)]
extern crate alloc;

use actuary::math::mul_div_up;
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use protocol::{
    Result,
    abi::{IRatioFeed, ParameterOutOfBounds},
    call::{Answer, ask, require_code},
    error,
    oracle::{self, IAggregator, aggregator_round},
    routes,
};
use standards::{dispatch::Encoded, encoder::Encoder, packed::Packed};
use stylus_sdk::{
    prelude::*,
    storage::{StorageAddress, StorageU256},
};

/// Decimals of the answers.
pub const DECIMALS: u64 = 18;

/// How many rounds of the rate are looked through.
pub const MOST_ROUNDS: usize = 32;

/// The largest answer, 2²⁵⁵ − 1; no reader takes it for a price.
const LARGEST: U256 = U256::from_limbs([u64::MAX, u64::MAX, u64::MAX, u64::MAX >> 1]);

/// The longest heartbeat of a rate, in seconds.
pub const LONGEST_HEARTBEAT: u64 = 30 * 24 * 60 * 60;

/// The contract.
#[entrypoint]
#[storage]
pub struct RatioFeed {
    market: StorageAddress,
    rate: StorageAddress,
    /// `|47 rate's decimals 40|39 market's decimals 32|31 rate's heartbeat 0|`
    settings: StorageU256,
}

routes! {
    RatioFeed, constructor(market, rate, rate_heartbeat);
    IRatioFeed::decimalsCall => decimals();
    IRatioFeed::descriptionCall => description();
    IRatioFeed::versionCall => version();
    IRatioFeed::latestRoundDataCall => latest_round_data();
    IRatioFeed::getRoundDataCall => get_round_data(id);
    IRatioFeed::marketCall => market();
    IRatioFeed::rateCall => rate();
    IRatioFeed::rateHeartbeatCall => rate_heartbeat();
}

/// The words of a round, in the order of `latestRoundData`.
type Round = [U256; 5];

impl RatioFeed {
    /// The price of `market` over that of `rate`, which tells a new one every `rate_heartbeat` seconds at most (1 second to
    /// 30 days, with margin).
    ///
    /// # Errors
    /// `AddressEmptyCode`; `ParameterOutOfBounds` for a heartbeat, or a feed's decimals, that are none.
    pub fn constructor(&mut self, market: Address, rate: Address, rate_heartbeat: u32) -> Result<()> {
        let heartbeat = u64::from(rate_heartbeat);
        if heartbeat == 0 || heartbeat > LONGEST_HEARTBEAT {
            return Err(out_of_bounds("rateHeartbeat", heartbeat));
        }
        let mut settings = Packed::default().with_u64(0, 32, heartbeat);
        for (at, feed, name) in [(32, market, "market"), (40, rate, "rate")] {
            require_code(self.vm(), feed)?;
            let Some(decimals) = oracle::decimals(self.vm(), feed) else { return Err(out_of_bounds(name, 0)) };
            settings = settings.with_u64(at, 8, u64::from(decimals));
        }
        self.market.set(market);
        self.rate.set(rate);
        self.settings.set(settings.0);
        Ok(())
    }

    /// Decimals of the answers.
    pub fn decimals(&self) -> U256 {
        U256::from(DECIMALS)
    }

    /// What it is.
    pub fn description(&self) -> Encoded {
        let mut encoder = Encoder::new(&[], 1);
        encoder.bytes(b"Market price over rate");
        Encoded(encoder.finish())
    }

    /// The version of this feed.
    pub fn version(&self) -> U256 {
        U256::ONE
    }

    /// The market's latest round, over the rate of its time.
    ///
    /// # Errors
    /// What the feeds refuse.
    pub fn latest_round_data(&self) -> Result<Round> {
        let answer = ask(self.vm(), self.market.get(), IAggregator::latestRoundDataCall::SELECTOR, &[])?;
        self.over_rate(words(&answer)?)
    }

    /// A round of the market's, over the rate of its time.
    ///
    /// # Errors
    /// What the feeds refuse.
    pub fn get_round_data(&self, id: U256) -> Result<Round> {
        let answer = ask(self.vm(), self.market.get(), IAggregator::getRoundDataCall::SELECTOR, &[id])?;
        self.over_rate(words(&answer)?)
    }

    /// The feed above the line.
    pub fn market(&self) -> Address {
        self.market.get()
    }

    /// The feed below it.
    pub fn rate(&self) -> Address {
        self.rate.get()
    }

    /// The longest time between two rounds of the rate, in seconds.
    pub fn rate_heartbeat(&self) -> u32 {
        Packed(self.settings.get()).u64(0, 32) as u32
    }

    /// A round with its answer over the rate of its time, rounded up, as prices of feeds are; 0 where there is none, and
    /// the largest answer where it passes that.
    fn over_rate(&self, mut round: Round) -> Result<Round> {
        let [_, price, _, updated_at, _] = round;
        if !is_price(price) || updated_at.is_zero() {
            return Ok(round); // it is no price of the market's either
        }
        let settings = Packed(self.settings.get());
        round[1] = U256::ZERO;
        if let Some(rate) = self.rate_at(updated_at, settings.u64(0, 32))? {
            let [above, below] = [settings.u64(40, 8) + DECIMALS, settings.u64(32, 8)].map(power);
            // 128 bits by 150, which need more than a word, over 128 by 90
            round[1] = mul_div_up(price, above, rate * below).unwrap_or(LARGEST).min(LARGEST);
        }
        Ok(round)
    }

    /// The rate at a moment: of the last round until then. A feed that does not answer fails the call: it has said nothing,
    /// and whoever starves it of gas must not make it say that there is no price.
    ///
    /// # Errors
    /// What the rate feed refuses.
    fn rate_at(&self, time: U256, heartbeat: u64) -> Result<Option<U256>> {
        let (vm, rate) = (self.vm(), self.rate.get());
        let mut told = ask(vm, rate, IAggregator::latestRoundDataCall::SELECTOR, &[])?;
        for _ in 0..MOST_ROUNDS {
            let [id, price, _, updated_at, _] = words(&told)?;
            if !updated_at.is_zero() && updated_at <= time {
                let fresh = time - updated_at <= U256::from(heartbeat);
                return Ok((fresh && is_price(price)).then_some(price));
            }
            if id.bit_len() > 80 || aggregator_round(id.to::<u128>()) <= 1 {
                return Ok(None); // the phase began later
            }
            told = ask(vm, rate, IAggregator::getRoundDataCall::SELECTOR, &[id - U256::ONE])?;
        }
        Ok(None)
    }
}

/// Whether an answer is positive, and has at most 128 bits.
fn is_price(answer: U256) -> bool {
    !answer.is_zero() && answer.bit_len() <= 128
}

fn words(answer: &Answer) -> Result<Round> {
    let mut words = [U256::ZERO; 5];
    for (index, word) in words.iter_mut().enumerate() {
        *word = answer.word(index)?;
    }
    Ok(words)
}

/// Ten to a power of at most 45.
fn power(exponent: u64) -> U256 {
    U256::from(10).pow(U256::from(exponent))
}

fn out_of_bounds(name: &str, value: u64) -> protocol::Revert {
    error!(ParameterOutOfBounds, alloy_primitives::B256::right_padding_from(name.as_bytes()), value)
}
