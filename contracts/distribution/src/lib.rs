//! View: what a vault's portfolio may lose in a year, with value at risk, expected shortfall and probability of ruin.
//!
//! The mathematics is in [`actuary::distribution`]; here the lines that the caller names are read from Risk in one call
//! ([`portfolio`]), put together by risk key and by group, and added to the grid. Nothing is stored but where Risk is.
#![cfg_attr(not(any(test, feature = "export-abi")), no_main)]
extern crate alloc;

pub mod portfolio;

use alloc::vec;

use alloy_primitives::{Address, B256, U256};
use protocol::{Result, Revert, abi::IDistribution, call::require_code, error, routes};
use standards::{
    dispatch::{Encoded, Words},
    encoder::Encoder,
};
use stylus_sdk::{prelude::*, storage::StorageAddress};

use portfolio::Portfolio;

/// The most points of a grid.
pub const MOST_POINTS: usize = 1_024;

/// The contract.
#[entrypoint]
#[storage]
pub struct Distribution {
    risk: StorageAddress,
}

routes! {
    Distribution, constructor(risk);
    IDistribution::reportCall => report(vault, products, subjects, points, level_bps, severity_bps, assets);
    IDistribution::distributionCall => distribution(vault, products, subjects, points, severity_bps);
    IDistribution::riskCall => risk();
}

impl Distribution {
    /// A view of the books of `risk`.
    pub fn constructor(&mut self, risk: Address) -> Result<()> {
        require_code(self.vm(), risk)?;
        self.risk.set(risk);
        Ok(())
    }

    /// Whose books it reads.
    pub fn risk(&self) -> Address {
        self.risk.get()
    }

    /// Mean, value at risk, expected shortfall and probability of ruin, as `IDistribution.Report`.
    #[allow(clippy::too_many_arguments)]
    pub fn report(
        &self,
        vault: Address,
        products: Words<'_>,
        subjects: Words<'_>,
        points: U256,
        level_bps: u16,
        severity_bps: u16,
        assets: U256,
    ) -> Result<[U256; 7]> {
        if level_bps == 0 || level_bps >= 10_000 {
            return Err(out_of_bounds("levelBps", U256::from(level_bps)));
        }
        let points = bounded(points)?;
        let portfolio = self.read(vault, products, subjects, severity_bps)?;
        let (mut masses, mut scratch) = (vec![0; points], vec![0; points]);
        let grid = portfolio.fill(&mut masses, &mut scratch)?;
        let tail = grid.tail(level_bps)?;
        let assets = u128::try_from(assets).unwrap_or(u128::MAX); // no loss has more bits
        let words = [grid.mean()?, tail.value_at_risk, tail.expected_shortfall, u128::from(grid.ruin(assets)?)];
        let [mean, value_at_risk, expected_shortfall, ruin] = words.map(U256::from);
        let (largest, step) = (U256::from(portfolio.largest), U256::from(grid.step()));
        Ok([mean, value_at_risk, expected_shortfall, ruin, largest, step, U256::from(portfolio.len())])
    }

    /// The grid: its step, the largest loss, and the mass of each point.
    pub fn distribution(
        &self,
        vault: Address,
        products: Words<'_>,
        subjects: Words<'_>,
        points: U256,
        severity_bps: u16,
    ) -> Result<Encoded> {
        let points = bounded(points)?;
        let portfolio = self.read(vault, products, subjects, severity_bps)?;
        let (mut masses, mut scratch) = (vec![0; points], vec![0; points]);
        let grid = portfolio.fill(&mut masses, &mut scratch)?;
        let mut answer = Encoder::new(&[], 4 + points);
        answer.word(U256::from(grid.step())).word(U256::from(portfolio.largest));
        answer.word(U256::from(3 * 32)).word(U256::from(points));
        for mass in grid.masses() {
            answer.word(U256::from(*mass));
        }
        Ok(Encoded(answer.finish()))
    }

    fn read(&self, vault: Address, products: Words<'_>, subjects: Words<'_>, severity_bps: u16) -> Result<Portfolio> {
        if severity_bps == 0 || severity_bps > 10_000 {
            return Err(out_of_bounds("severityBps", U256::from(severity_bps)));
        }
        Portfolio::read(self.vm(), self.risk.get(), vault, products, subjects, severity_bps)
    }
}

fn bounded(points: U256) -> Result<usize> {
    let bounds = 2..=MOST_POINTS;
    usize::try_from(points).ok().filter(|points| bounds.contains(points)).ok_or_else(|| out_of_bounds("points", points))
}

fn out_of_bounds(parameter: &str, value: U256) -> Revert {
    error!(IDistribution::ParameterOutOfBounds, B256::right_padding_from(parameter.as_bytes()), value)
}
