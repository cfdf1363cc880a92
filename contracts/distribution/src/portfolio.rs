//! A vault's lines as risk keys in their groups.

use alloc::vec::Vec;

use actuary::{
    Overflow,
    distribution::{Grid, Key},
    math::{add, div_up, mul, to_u128},
};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use protocol::{
    Result, Word,
    abi::{IDistribution, IRisk},
    call::{Answer, ask_raw},
    error,
};
use standards::{dispatch::Words, encoder::Encoder};
use stylus_sdk::host::VM;

use crate::out_of_bounds;

/// The most lines: what one reading costs is bounded.
pub const MOST_LINES: usize = 256;

/// The most risk keys: each is a pass over the grid, or two.
pub const MOST_KEYS: usize = 64;

/// Words of `IRisk.Exposure`.
const EXPOSURE: usize = 5;

/// What the lines on one risk key come to.
struct Exposure {
    risk_key: U256,
    group: u64,
    correlation_bps: u16,
    amount: u128,
    /// Σ amount · rate.
    expected: U256,
}

/// The risk keys of a vault, group by group.
pub struct Portfolio {
    /// What they lose together at most.
    pub largest: u128,
    /// The groups: their correlation, and where their keys end.
    groups: Vec<(u16, usize)>,
    keys: Vec<Key>,
}

impl Portfolio {
    /// Reads lines of `vault` from `risk`.
    ///
    /// # Errors
    /// `ParameterOutOfBounds`, `LinesNotAscending`, `CoverMissing`, and what Risk reverts with.
    pub fn read(
        vm: &VM,
        risk: Address,
        vault: Address,
        products: Words<'_>,
        subjects: Words<'_>,
        severity_bps: u16,
    ) -> Result<Self> {
        let lines = products.len();
        if lines > MOST_LINES {
            return Err(out_of_bounds("lines", U256::from(lines)));
        }
        if subjects.len() != lines {
            return Err(out_of_bounds("subjects", U256::from(subjects.len())));
        }
        let mut last = None;
        for (index, line) in products.zip(subjects).enumerate() {
            if last.is_some_and(|last| last >= line) {
                return Err(error!(IDistribution::LinesNotAscending, U256::from(index)));
            }
            last = Some(line);
        }
        let (products, subjects): (Vec<_>, Vec<_>) = products.zip(subjects).unzip();
        let mut call = Encoder::new(&IRisk::portfolioCall::SELECTOR, 3);
        call.word(vault.word()).words(&products).words(&subjects);
        let answer = ask_raw(vm, risk, &call.finish())?;
        // An offset, what is missing, and the number of lines come first.
        let missing = answer.word(1)?;
        if !missing.is_zero() {
            return Err(error!(IDistribution::CoverMissing, missing));
        }
        let mut exposures: Vec<Exposure> = Vec::with_capacity(lines.min(MOST_KEYS));
        for line in 0..lines {
            gather(&mut exposures, &answer, 3 + EXPOSURE * line)?;
        }
        Self::of(exposures, severity_bps)
    }

    fn of(mut exposures: Vec<Exposure>, severity_bps: u16) -> Result<Self> {
        exposures.sort_by_key(|exposure| exposure.group); // those of one group stay in the order of their lines
        let (mut largest, mut groups, mut keys) = (0u128, Vec::new(), Vec::with_capacity(exposures.len()));
        let mut group = None;
        for exposure in &exposures {
            if group != Some(exposure.group) {
                group = Some(exposure.group);
                groups.push((exposure.correlation_bps, 0));
            }
            let rate = div_up(exposure.expected, U256::from(exposure.amount))?;
            let key = Key::new(exposure.amount, rate, severity_bps)?;
            largest = largest.checked_add(key.loss).ok_or(Overflow)?;
            keys.push(key);
            if let Some((_, end)) = groups.last_mut() {
                *end = keys.len();
            }
        }
        Ok(Self { largest, groups, keys })
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Their distribution, on a grid of as many points as `masses` has.
    ///
    /// # Errors
    /// None that can happen for masses and scratch of one length, above one.
    pub fn fill<'a>(&self, masses: &'a mut [u64], scratch: &'a mut [u64]) -> Result<Grid<'a>> {
        let mut grid = Grid::new(masses, scratch, self.largest)?;
        let mut start = 0;
        for (correlation_bps, end) in &self.groups {
            grid.add_group(*correlation_bps, &self.keys[start..*end])?;
            start = *end;
        }
        Ok(grid)
    }
}

/// Adds the exposure at a word of Risk's answer to those on the same risk key. Lines without cover are left out.
fn gather(exposures: &mut Vec<Exposure>, answer: &Answer, at: usize) -> Result<()> {
    let (amount, rate) = (answer.u128(at + 3)?, answer.word(at + 4)?);
    if amount == 0 {
        return Ok(());
    }
    let risk_key = answer.word(at)?;
    let expected = mul(U256::from(amount), rate)?;
    if let Some(known) = exposures.iter_mut().find(|known| known.risk_key == risk_key) {
        known.amount = to_u128(add(U256::from(known.amount), U256::from(amount))?)?;
        known.expected = add(known.expected, expected)?;
        return Ok(());
    }
    if exposures.len() == MOST_KEYS {
        return Err(out_of_bounds("keys", U256::from(MOST_KEYS + 1)));
    }
    let group = answer.u64(at + 1)?;
    let correlation_bps = answer.u64(at + 2)?.min(10_000) as u16; // Risk keeps no more
    exposures.push(Exposure { risk_key, group, correlation_bps, amount, expected });
    Ok(())
}
