//! What governance decides about claims, and what limits a vault has.

use actuary::math::{add, bps_up, div_down, mul, mul_div_down};
use alloy_primitives::U256;
use protocol::{Result, abi::ParameterOutOfBounds, error};
use standards::packed::Packed;

use crate::opened::BPS;

const HOUR: u64 = 60 * 60;

/// One day in seconds.
pub const DAY: u64 = 24 * HOUR;

/// The longest delay.
pub const LONGEST_DELAY: u64 = 7 * DAY;

/// A limit at construction that is none, for development networks.
pub const UNLIMITED: u64 = u16::MAX as u64;

/// The rules of all vaults, in one word.
///
/// ```text
/// |159 most at once 144|143 bounty 128|127 deposit 112|111 jury 96|95 challenge 80|79 full 64|63 max 32|31 min 0|
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules(pub Packed);

/// Offset, bits, least and most of each rule, in the order of `IAssessor.setRules`.
const RULES: [(usize, usize, u64, u64, &str); 7] = [
    (0, 32, 1, LONGEST_DELAY, "minDelay"),
    (32, 32, 1, LONGEST_DELAY, "maxDelay"),
    (64, 16, 100, BPS, "fullBps"),
    (80, 16, 10, 1_000, "challengeBps"),
    (96, 16, 10, 1_000, "juryBps"),
    (112, 16, 10, 500, "depositBps"),
    (128, 16, 0, 1_000, "bountyBps"),
];

impl Rules {
    /// The rules of a new deployment: two hours to three days at a fifth of the capital, bonds of 2 %, deposits of a half
    /// per cent, a bounty of a twentieth. `most_at_once`: basis points of a vault's capital, for ever.
    #[must_use]
    pub fn new(most_at_once: u64) -> Self {
        const DEFAULTS: [u64; 7] = [2 * HOUR, 3 * DAY, 2_000, 200, 200, 50, 500];
        let mut word = Packed::default().with_u64(144, 16, most_at_once);
        for ((offset, bits, ..), value) in RULES.iter().zip(DEFAULTS) {
            word = word.with_u64(*offset, *bits, value);
        }
        Self(word)
    }

    /// With these values, in the order of `IAssessor.setRules`.
    ///
    /// # Errors
    /// `ParameterOutOfBounds`.
    pub fn with(self, values: [u64; 7]) -> Result<Self> {
        let mut word = self.0;
        for ((offset, bits, least, most, text), value) in RULES.iter().zip(values) {
            if value < *least || value > *most {
                return Err(error!(ParameterOutOfBounds, name(text), value));
            }
            word = word.with_u64(*offset, *bits, value);
        }
        if values[1] < values[0] {
            return Err(error!(ParameterOutOfBounds, name("maxDelay"), values[1]));
        }
        Ok(Self(word))
    }

    /// All values, in the order of `IAssessor.setRules`.
    #[must_use]
    pub fn values(self) -> [U256; 7] {
        RULES.map(|(offset, bits, ..)| self.0.get(offset, bits))
    }

    /// The most of a vault's capital that is ever paid at once, basis points.
    #[must_use]
    pub fn most_at_once(self) -> u64 {
        self.0.u64(144, 16)
    }

    /// How long a claim waits that is `size` of `capital`: min + (max − min) · min(1, size ÷ (full · capital)), rounded
    /// down.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn delay(self, size: U256, capital: U256) -> Result<u64> {
        let [min, max] = [self.0.u64(0, 32), self.0.u64(32, 32)];
        let full = mul_div_down(capital, self.0.get(64, 16), U256::from(BPS))?;
        if size >= full {
            return Ok(max);
        }
        // less than max − min, which has 32 bits
        let grown = mul_div_down(U256::from(max.saturating_sub(min)), size, full)?;
        Ok(min.saturating_add(grown.as_limbs()[0]))
    }

    /// A challenger's bond, a claimant's before a jury, and of one who waits, rounded up; `least` for the first two, a
    /// quarter of it for the third.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn bonds(self, amount: U256, least: U256) -> Result<[U256; 3]> {
        let part = |offset: usize| bps_up(amount, self.0.get(offset, 16));
        Ok([part(80)?.max(least), part(96)?.max(least), part(112)?.max(least.wrapping_shr(2))])
    }

    /// What a report or a justified challenge earns of the jury's `money`: its part, at most a hundredth of the `stake`
    /// that it was about; rounded down.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn bounty(self, money: U256, stake: U256) -> Result<U256> {
        let part = mul_div_down(money, self.0.get(128, 16), U256::from(BPS))?;
        Ok(part.min(div_down(stake, U256::from(100))?))
    }
}

/// What a vault pays at once, in one word. A day begins with a payment, and ends when none was made for 24 hours: so no 24
/// hours see more than the limit.
///
/// ```text
/// |248 set|247 limit 152|151 paid 56|55 last 16|15 part of capital 0|
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AtOnce(pub Packed);

impl AtOnce {
    /// The part of the capital that governance set, if it did.
    #[must_use]
    pub fn bps(self) -> Option<u64> {
        (self.0.u64(248, 1) == 1).then(|| self.0.u64(0, 16))
    }

    /// With the part set, and with it the limit of a day that has begun.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn with_bps(self, bps: u64, capital: U256) -> Result<Self> {
        Self(self.0.with_u64(248, 1, 1).with_u64(0, 16, bps)).limited(bps, capital)
    }

    /// Whether a payment now is still in the day of the last one.
    #[must_use]
    pub fn is_in_day(self, now: u64) -> bool {
        let last = self.last();
        last != 0 && now < last.saturating_add(DAY)
    }

    /// The last payment.
    #[must_use]
    pub fn last(self) -> u64 {
        self.0.u64(16, 40)
    }

    /// What was paid in its day.
    #[must_use]
    pub fn paid(self) -> U256 {
        self.0.get(56, 96)
    }

    /// The day's limit.
    #[must_use]
    pub fn limit(self) -> U256 {
        self.0.get(152, 96)
    }

    /// A day in which nothing was paid yet: its limit is `bps` of `capital`.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn fresh(self, bps: u64, capital: U256) -> Result<Self> {
        Self(self.0.with(56, 96, U256::ZERO)).limited(bps, capital)
    }

    fn limited(self, bps: u64, capital: U256) -> Result<Self> {
        let most = U256::MAX.wrapping_shr(160);
        let limit = if bps == UNLIMITED { most } else { mul_div_down(capital, U256::from(bps), U256::from(BPS))? };
        Ok(Self(self.0.with(152, 96, limit.min(most))))
    }

    /// With `amount` more paid now, if that keeps to the limit, as must what was `paid` under the incident.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn pay(self, amount: U256, under_incident: U256, now: u64) -> Result<Option<Self>> {
        let paid = add(self.paid(), amount)?;
        if paid.max(under_incident) > self.limit() {
            return Ok(None);
        }
        Ok(Some(Self(self.0.with_u64(16, 40, now).with(56, 96, paid))))
    }
}

/// The name of a parameter as `ParameterOutOfBounds` tells it.
#[must_use]
pub fn name(parameter: &str) -> alloy_primitives::B256 {
    alloy_primitives::B256::right_padding_from(parameter.as_bytes())
}

/// The largest least bond of an asset with so many decimals: 10,000 whole units.
///
/// # Errors
/// `MathOverflow` where that does not fit.
pub fn most_min_bond(decimals: u64) -> Result<U256> {
    let mut unit = U256::from(10_000);
    for _ in 0..decimals.min(36) {
        unit = mul(unit, U256::from(10))?;
    }
    Ok(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn u(value: u64) -> U256 {
        U256::from(value)
    }

    #[test]
    fn a_delay_grows_with_size_between_its_bounds() {
        let rules = Rules::new(500);
        let capital = u(10_000_000);
        assert_eq!(rules.delay(u(0), capital).unwrap(), 2 * HOUR);
        // 10 % of the capital is half way to 20 %
        assert_eq!(rules.delay(u(1_000_000), capital).unwrap(), 2 * HOUR + 35 * HOUR);
        for size in [2_000_000, 2_000_001, u64::MAX] {
            assert_eq!(rules.delay(u(size), capital).unwrap(), 3 * DAY);
        }
        assert_eq!(rules.delay(u(1_999_999), capital).unwrap(), 3 * DAY - 1);
        assert_eq!(rules.delay(u(0), u(0)).unwrap(), 3 * DAY, "a vault without capital pays nothing soon");
    }

    #[test]
    fn bonds_are_rounded_up_and_have_a_least() {
        let rules = Rules::new(500);
        assert_eq!(rules.bonds(u(1_000_001), u(0)).unwrap(), [u(20_001), u(20_001), u(5_001)]);
        assert_eq!(rules.bonds(u(100), u(80)).unwrap(), [u(80), u(80), u(20)]);
    }

    #[test]
    fn a_bounty_is_a_part_of_the_money_and_a_hundredth_of_what_it_is_about() {
        let rules = Rules::new(500);
        assert_eq!(rules.bounty(u(1_000), u(1_000_000)).unwrap(), u(50));
        assert_eq!(rules.bounty(u(1_000), u(499)).unwrap(), u(4));
        assert_eq!(rules.bounty(u(0), u(499)).unwrap(), u(0));
    }

    #[test]
    fn rules_are_bounded_one_by_one() {
        let good = [1, DAY, 100, 10, 10, 10, 0];
        let rules = Rules::new(500);
        assert_eq!(rules.with(good).unwrap().values(), good.map(u));
        assert_eq!(rules.with(good).unwrap().most_at_once(), 500, "which nobody changes");
        for (index, (_, _, least, most, _)) in RULES.iter().enumerate() {
            for value in [least.checked_sub(1), Some(most + 1)].into_iter().flatten() {
                let mut bad = good;
                bad[index] = value;
                assert!(rules.with(bad).is_err(), "{index}: {value}");
            }
        }
        assert!(rules.with([DAY, DAY - 1, 100, 10, 10, 10, 0]).is_err(), "max before min");
    }

    #[test]
    fn no_24_hours_see_more_than_the_limit() {
        let day = AtOnce::default().fresh(500, u(10_000)).unwrap();
        assert_eq!(day.limit(), u(500));
        let mut day = day.pay(u(100), u(100), 1_000).unwrap().unwrap();
        for number in 1..5 {
            let now = 1_000 + number * (DAY - 1);
            assert!(day.is_in_day(now));
            day = day.pay(u(100), u(100), now).unwrap().unwrap();
        }
        let last = day.last();
        assert_eq!(day.pay(u(1), u(1), last).unwrap(), None, "the limit is reached");
        assert!(day.is_in_day(last + DAY - 1) && !day.is_in_day(last + DAY), "a day without a payment ends it");
        assert_eq!(
            AtOnce::default().fresh(500, u(10_000)).unwrap().pay(u(1), u(501), 1).unwrap(),
            None,
            "the incident's"
        );
        let without = AtOnce::default().fresh(UNLIMITED, u(0)).unwrap();
        assert!(without.pay(u(u64::MAX), u(u64::MAX), 1).unwrap().is_some());
    }
}
