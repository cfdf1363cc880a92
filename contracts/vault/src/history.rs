//! The history of the ability to pay: a checkpoint where the coverage ratio has moved by more than a hundredth.
//!
//! ```text
//! newest       count 40 | coverage of the newest one 112
//! checkpoint   time 40 | capital 104 | coverage 112
//! ```

use actuary::math::{mul_div_down, to_u64};
use alloy_primitives::U256;
use protocol::{Result, abi::IVault::SolvencyCheckpoint, emit, guard::Lock};
use standards::{dispatch::Encoded, encoder::Encoder, packed::Packed};
use stylus_sdk::prelude::*;

use crate::state::{Gate, Open, State};

/// How far the coverage ratio may move without being kept: so many times the change is at most the ratio.
const FINENESS: u128 = 100;

/// Capital beyond what this many bits hold counts as coverage without end, as does capital without any cover.
const COVERAGE: usize = 112;
const ENDLESS: u128 = (1 << COVERAGE) - 1;

/// The most checkpoints of one page.
const LARGEST_PAGE: u64 = 1_000;

/// Capital over the minimum that must stay, in basis points, rounded down; `U256::MAX` where nothing must.
///
/// # Errors
/// `MathOverflow`.
pub(crate) fn coverage(capital: u128, minimum: u128) -> Result<U256> {
    if minimum == 0 {
        return Ok(U256::MAX);
    }
    Ok(mul_div_down(U256::from(capital), U256::from(10_000), U256::from(minimum))?)
}

/// A coverage ratio as a checkpoint holds it.
fn held(coverage: U256) -> u128 {
    u128::try_from(coverage).unwrap_or(ENDLESS).min(ENDLESS)
}

/// Whether a coverage ratio is more than a hundredth away from the one that was kept last.
const fn has_moved(kept: u128, now: u128) -> bool {
    if kept == ENDLESS || now == ENDLESS {
        return kept != now;
    }
    now.abs_diff(kept) * FINENESS > kept // 112 and 7 bits
}

impl State {
    /// Keeps a checkpoint where the coverage ratio has moved since the newest one; answers whether it did.
    ///
    /// # Errors
    /// `MathOverflow`.
    ///
    /// # Events
    /// `SolvencyCheckpoint`.
    pub(crate) fn note(&mut self, open: &Open, gate: &Gate) -> Result<bool> {
        let capital = open.value()?.capital()?;
        let coverage = coverage(capital, gate.minimum)?;
        let newest = Packed(self.newest.get());
        let (count, now) = (newest.u64(0, 40), held(coverage));
        if count > 0 && !has_moved(newest.u128(40, COVERAGE), now) {
            return Ok(false);
        }
        let word =
            Packed::default().with_u64(0, 40, open.now).with_u128(40, 104, capital).with_u128(144, COVERAGE, now);
        self.checkpoints.setter(U256::from(count)).set(word.0);
        let newest = Packed::default().with_u64(0, 40, count + 1).with_u128(40, COVERAGE, now);
        self.newest.set(newest.0);
        emit!(self.vm(), SolvencyCheckpoint, [count], [coverage, U256::from(capital)]);
        Ok(true)
    }

    /// Keeps a checkpoint now, where the coverage ratio has moved since the newest one; anyone may ask for it. What is
    /// owed is topped up before.
    ///
    /// # Errors
    /// `CatchUpFirst`, `NotWired`; what risk reverted with.
    ///
    /// # Events
    /// `SolvencyCheckpoint`; `TopUp`.
    pub(crate) fn checkpoint(&mut self) -> Result<bool> {
        let lock = Lock::take()?;
        let (kept, _) = self.top_up_and_note()?;
        lock.release();
        Ok(kept)
    }

    /// How many checkpoints there are.
    pub(crate) fn checkpoint_count(&self) -> U256 {
        U256::from(Packed(self.newest.get()).u64(0, 40))
    }

    /// At most `n` checkpoints from number `cursor` on, and where the next page begins: zero after the newest one.
    pub(crate) fn checkpoint_page(&self, cursor: U256, n: U256) -> Encoded {
        let count = Packed(self.newest.get()).u64(0, 40);
        let from = to_u64(cursor).unwrap_or(u64::MAX).min(count);
        let until = from.saturating_add(to_u64(n).unwrap_or(u64::MAX).min(LARGEST_PAGE)).min(count);
        let mut page = Encoder::new(&[], 3 + 3 * (until - from) as usize);
        let next = if until < count { until } else { 0 };
        page.word(U256::from(64)).word(U256::from(next)).word(U256::from(until - from));
        for number in from..until {
            let word = Packed(self.checkpoints.get(U256::from(number)));
            let coverage = word.u128(144, COVERAGE);
            let coverage = if coverage == ENDLESS { U256::MAX } else { U256::from(coverage) };
            page.word(U256::from(word.u64(0, 40))).word(coverage).word(word.get(40, 104));
        }
        Encoded(page.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundredth_is_not_yet_a_change() {
        for (kept, now, moved) in [
            (10_000, 10_000, false),
            (10_000, 10_100, false),
            (10_000, 10_101, true),
            (10_000, 9_900, false),
            (10_000, 9_899, true),
            (0, 0, false),
            (0, 1, true),
            (99, 100, true),
            (100, 101, false),
            (ENDLESS, ENDLESS, false),
            (ENDLESS, ENDLESS - 1, true),
            (5, ENDLESS, true),
            (ENDLESS - 1, 1, true),
        ] {
            assert_eq!(has_moved(kept, now), moved, "{kept} to {now}");
        }
    }

    #[test]
    fn a_ratio_is_rounded_down_and_endless_without_cover() {
        assert_eq!(coverage(1, 3).unwrap(), U256::from(3_333));
        assert_eq!(coverage(0, 0).unwrap(), U256::MAX);
        assert_eq!(held(coverage(u128::MAX >> 24, 1).unwrap()), ENDLESS);
        assert_eq!(held(U256::MAX), ENDLESS);
        assert_eq!(held(U256::from(7)), 7);
    }
}
