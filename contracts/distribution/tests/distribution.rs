//! The view over a book of Risk's that answers what a test wants.

use std::{cell::RefCell, rc::Rc};

use actuary::distribution::{Grid, Key, ONE};
use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::{SolCall, SolError, SolInterface, SolValue};
use distribution::{
    Distribution, MOST_POINTS,
    portfolio::{MOST_KEYS, MOST_LINES},
};
use proptest::prelude::*;
use protocol::abi::{
    IDistribution::{self, CoverMissing, LinesNotAscending, ParameterOutOfBounds},
    IRisk::{self, Exposure},
};
use stylus_sdk::ArbResult;
use testkit::{Context, Native, Reverted, World};

const WAD: u64 = 1_000_000_000_000_000_000;

/// A Risk with given exposures.
#[derive(Clone, Default)]
struct Book {
    exposures: Rc<RefCell<Vec<Exposure>>>,
    missing: Rc<RefCell<U256>>,
}

impl Native for Book {
    fn call(&self, _: &Context<'_>, input: &[u8]) -> ArbResult {
        let call = IRisk::portfolioCall::abi_decode(input).expect("the only call there is");
        assert_eq!(call.products.len(), call.subjects.len());
        if call.products.first() == Some(&U256::MAX) {
            return Err(IRisk::UnknownProduct { product: U256::MAX }.abi_encode());
        }
        let exposures = self.exposures.borrow()[..call.products.len()].to_vec();
        Ok(IRisk::portfolioCall::abi_encode_returns(&IRisk::portfolioReturn {
            exposures,
            missing: *self.missing.borrow(),
        }))
    }
}

struct Town {
    world: World,
    at: Address,
    book: Book,
}

impl Town {
    fn of(exposures: Vec<Exposure>) -> Self {
        let world = World::new();
        let (at, risk) = (world.address("distribution"), world.address("risk"));
        let book = Book::default();
        *book.exposures.borrow_mut() = exposures;
        world.place_native(risk, book.clone());
        world.construct::<Distribution>(at, world.address("deployer"), (risk,).abi_encode());
        Self { world, at, book }
    }

    /// The call for as many lines as there are exposures.
    fn call(&self) -> IDistribution::reportCall {
        let lines = self.book.exposures.borrow().len();
        IDistribution::reportCall {
            vault: self.world.address("vault"),
            products: (1..=lines).map(U256::from).collect(),
            subjects: vec![B256::ZERO; lines],
            points: U256::from(512),
            levelBps: 9_950,
            severityBps: 10_000,
            assets: U256::from(1_000),
        }
    }

    fn report(&self) -> IDistribution::Report {
        self.world.read(self.at, self.call())
    }

    #[track_caller]
    fn refused(&self, call: IDistribution::reportCall) -> Reverted {
        self.world.try_read(self.at, call).map(|_| ()).expect_err("it must be refused")
    }

    fn distribution(&self, points: u64) -> IDistribution::distributionReturn {
        let IDistribution::reportCall { vault, products, subjects, .. } = self.call();
        let points = U256::from(points);
        self.world
            .read(self.at, IDistribution::distributionCall { vault, products, subjects, points, severityBps: 10_000 })
    }
}

fn exposure(key: u8, group: u32, correlation_bps: u16, amount: u64, rate: u64) -> Exposure {
    Exposure {
        riskKey: B256::repeat_byte(key),
        group,
        correlationBps: correlation_bps,
        amount: U256::from(amount),
        rate,
    }
}

fn name(text: &str) -> B256 {
    B256::right_padding_from(text.as_bytes())
}

#[test]
fn the_table_has_every_function_of_the_interface() {
    let world = World::new();
    for selector in IDistribution::IDistributionCalls::selectors() {
        assert!(world.routes::<Distribution>(selector));
    }
    assert!(!world.routes::<Distribution>([0xde, 0xad, 0xbe, 0xef]));
}

#[test]
fn it_knows_its_risk_and_refuses_an_account_without_code() {
    let town = Town::of(vec![]);
    assert_eq!(town.world.read(town.at, IDistribution::riskCall {}), town.world.address("risk"));
    let (world, nobody) = (World::new(), Address::repeat_byte(9));
    world
        .try_construct::<Distribution>(world.address("distribution"), world.address("deployer"), (nobody,).abi_encode())
        .unwrap_err();
}

#[test]
fn a_vault_without_cover_loses_nothing() {
    for exposures in [vec![], vec![exposure(1, 1, 0, 0, WAD)]] {
        let report = Town::of(exposures).report();
        assert_eq!(report.keys, U256::ZERO);
        let sum = report.mean + report.valueAtRisk + report.expectedShortfall + report.ruin + report.largest;
        assert_eq!(sum, U256::ZERO);
        assert_eq!(report.step, U256::from(1));
    }
}

#[test]
fn one_key_is_lost_with_its_rate() {
    let report = Town::of(vec![exposure(1, 1, 5_000, 2_000, WAD / 100)]).report();
    assert_eq!((report.keys, report.largest), (U256::from(1), U256::from(2_000)));
    assert_eq!((report.mean, report.valueAtRisk), (U256::from(21), U256::from(2_000)), "20, rounded up");
    assert_eq!(report.ruin.to::<u64>() / 10, WAD / 1_000, "1 %");
}

#[test]
fn lines_on_one_key_fail_together_with_the_mean_of_their_rates() {
    // 1,000 at 1 % and 3,000 at 5 %: 4,000 at 4 %.
    let lines =
        vec![exposure(1, 1, 0, 1_000, WAD / 100), exposure(2, 1, 0, 0, WAD), exposure(1, 1, 0, 3_000, WAD / 20)];
    let whole = vec![exposure(1, 1, 0, 4_000, WAD / 25)];
    let reports = [lines, whole].map(|exposures| Town::of(exposures).report().abi_encode());
    assert_eq!(reports[0], reports[1]);
}

#[test]
fn groups_are_found_wherever_their_lines_are() {
    let exposures = [
        exposure(1, 7, 6_000, 900, WAD / 50),
        exposure(2, 3, 2_000, 500, WAD / 40),
        exposure(3, 7, 6_000, 700, WAD / 30),
        exposure(4, 3, 2_000, 300, WAD / 60),
    ];
    let town = Town::of(exposures.to_vec());
    let answer = town.distribution(1_024);
    let (mut masses, mut scratch) = (vec![0; 1_024], vec![0; 1_024]);
    let mut grid = Grid::new(&mut masses, &mut scratch, 2_400).unwrap();
    for (correlation, members) in [(2_000, [1, 3]), (6_000, [0, 2])] {
        let keys = members.map(|index: usize| {
            Key::new(exposures[index].amount.to(), U256::from(exposures[index].rate), 10_000).unwrap()
        });
        grid.add_group(correlation, &keys).unwrap();
    }
    assert_eq!(answer.masses, grid.masses());
    assert_eq!((answer.step, answer.largest), (U256::from(grid.step()), U256::from(2_400)));
    let tail = grid.tail(9_950).unwrap();
    let report = IDistribution::reportCall { points: U256::from(1_024), ..town.call() };
    let report = town.world.read(town.at, report);
    assert_eq!(report.valueAtRisk, U256::from(tail.value_at_risk));
    assert_eq!(report.expectedShortfall, U256::from(tail.expected_shortfall));
    assert_eq!(report.ruin, U256::from(grid.ruin(1_000).unwrap()));
}

#[test]
fn a_milder_severity_is_likelier_and_as_expensive_on_average() {
    let town = Town::of(vec![exposure(1, 1, 0, 2_000, WAD / 100)]);
    let half = town.world.read(town.at, IDistribution::reportCall { severityBps: 5_000, ..town.call() });
    assert_eq!((half.largest, half.mean), (U256::from(1_000), town.report().mean));
    assert_eq!((half.ruin, half.valueAtRisk), (U256::ZERO, U256::from(1_000)));
}

#[test]
fn arguments_out_of_bounds_are_refused_by_name() {
    let town = Town::of(vec![exposure(1, 1, 0, 5, 5)]);
    let call = || town.call();
    let most = U256::from(MOST_POINTS);
    for (call, parameter) in [
        (IDistribution::reportCall { points: U256::from(1), ..call() }, "points"),
        (IDistribution::reportCall { points: most + U256::from(1), ..call() }, "points"),
        (IDistribution::reportCall { points: U256::MAX, ..call() }, "points"),
        (IDistribution::reportCall { levelBps: 0, ..call() }, "levelBps"),
        (IDistribution::reportCall { levelBps: 10_000, ..call() }, "levelBps"),
        (IDistribution::reportCall { severityBps: 0, ..call() }, "severityBps"),
        (IDistribution::reportCall { severityBps: 10_001, ..call() }, "severityBps"),
        (IDistribution::reportCall { subjects: vec![], ..call() }, "subjects"),
    ] {
        assert_eq!(town.refused(call).expect::<ParameterOutOfBounds>().parameter, name(parameter));
    }
    for points in [U256::from(2), most] {
        town.world.read(town.at, IDistribution::reportCall { points, ..call() });
    }
    town.world.read(town.at, IDistribution::reportCall { assets: U256::MAX, ..call() });
}

#[test]
fn there_are_at_most_so_many_lines_and_keys() {
    let line = |index: usize| exposure((index % MOST_KEYS) as u8, 1, 100, 1_000, WAD / 100);
    let full = Town::of((0..MOST_LINES).map(line).collect());
    assert_eq!(full.report().keys, U256::from(MOST_KEYS));
    let more = Town::of((0..=MOST_LINES).map(line).collect());
    assert_eq!(more.refused(more.call()).expect::<ParameterOutOfBounds>().parameter, name("lines"));
    let keys = Town::of((0..=MOST_KEYS).map(|index| exposure(index as u8, 1, 100, 1_000, 5)).collect());
    assert_eq!(keys.refused(keys.call()).expect::<ParameterOutOfBounds>().parameter, name("keys"));
}

#[test]
fn a_line_counts_once_and_none_is_left_out() {
    let town = Town::of(vec![exposure(1, 1, 0, 5, 5), exposure(2, 1, 0, 5, 5)]);
    let twice = IDistribution::reportCall { products: vec![U256::from(1); 2], ..town.call() };
    assert_eq!(town.refused(twice.clone()).expect::<LinesNotAscending>().index, U256::from(1));
    let subjects = vec![B256::with_last_byte(1), B256::with_last_byte(2)];
    town.world.read(town.at, IDistribution::reportCall { subjects, ..twice });
    *town.book.missing.borrow_mut() = U256::from(3);
    assert_eq!(town.refused(town.call()).expect::<CoverMissing>().cover, U256::from(3));
}

#[test]
fn what_risk_refuses_is_passed_on() {
    let town = Town::of(vec![exposure(1, 1, 0, 5, 5)]);
    let call = IDistribution::reportCall { products: vec![U256::MAX], ..town.call() };
    town.refused(call).expect::<IRisk::UnknownProduct>();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_portfolio_that_risk_can_hold_has_a_report(
        lines in proptest::collection::vec((0u8..20, 0u32..4, 0u128..1 << 96, 0u64..=WAD), 0..30),
        points in 2u64..200,
    ) {
        let exposures = lines.into_iter().map(|(key, group, amount, rate)| Exposure {
            riskKey: B256::repeat_byte(key),
            group,
            correlationBps: (group * 3_333) as u16,
            amount: U256::from(amount),
            rate,
        });
        let town = Town::of(exposures.collect());
        let masses = town.distribution(points).masses;
        prop_assert_eq!(masses.iter().sum::<u64>(), ONE);
        let report = town.report();
        prop_assert!(report.valueAtRisk <= report.expectedShortfall && report.expectedShortfall <= report.largest);
    }
}
