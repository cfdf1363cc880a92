//! A vault's lines as exposures.

use alloy_primitives::{Address, U256};
use protocol::abi::{IRisk, ParameterOutOfBounds};

use crate::town::{DAY, GROUP, MILLE, TERM, Town, WEEK, text, u, usd};

fn call(vault: Address, lines: &[(u64, &str)]) -> IRisk::portfolioCall {
    IRisk::portfolioCall {
        vault,
        products: lines.iter().map(|(product, _)| u(*product)).collect(),
        subjects: lines.iter().map(|(_, subject)| text(subject)).collect(),
    }
}

#[test]
fn each_line_has_its_key_its_group_its_cover_and_its_rate() {
    let town = Town::plain();
    town.buy("X", usd(1_000));
    town.buy("Y", usd(500));
    let answer = town.read(call(town.vault, &[(1, "X"), (1, "Y")]));
    assert_eq!(answer.missing, U256::ZERO);
    let [x, y] = &answer.exposures[..] else { panic!("two exposures") };
    assert_eq!((x.riskKey, x.group, x.correlationBps, x.amount), (text("key X"), GROUP, 2_500, usd(1_000)));
    assert_eq!((y.riskKey, y.amount), (text("key Y"), usd(500)));
    let estimate = town.read(IRisk::estimateCall { family: u(1) });
    assert_eq!((U256::from(x.rate), x.rate), (estimate.rate, 8 * MILLE));
}

#[test]
fn cover_on_other_lines_is_missing() {
    let town = Town::plain();
    town.buy("X", usd(1_000));
    town.buy("Y", usd(500));
    assert_eq!(town.read(call(town.vault, &[(1, "X")])).missing, usd(500));
    let none = town.read(call(town.vault, &[]));
    assert_eq!((none.exposures.len(), none.missing), (0, usd(1_500)));
}

#[test]
fn cover_that_only_has_to_leave_still_counts() {
    let town = Town::plain();
    town.buy("X", usd(1_000));
    town.world.warp(TERM + 100 * DAY + WEEK);
    assert_eq!(town.line("X").cover, U256::ZERO);
    let answer = town.read(call(town.vault, &[(1, "X")]));
    assert_eq!((answer.exposures[0].amount, answer.missing), (usd(1_000), U256::ZERO));
}

#[test]
fn what_the_reserve_holds_is_no_exposure() {
    let town = Town::plain();
    town.buy("X", usd(1_000));
    town.world.warp(2 * DAY);
    town.open("X");
    let answer = town.read(call(town.vault, &[(1, "X")]));
    assert_eq!((answer.exposures[0].amount, answer.missing), (town.exposure("key X"), U256::ZERO));
}

#[test]
fn a_line_of_another_vault_or_of_none_is_refused() {
    let town = Town::plain();
    town.unread(call(town.anyone, &[(1, "X")])).expect::<IRisk::UnknownSubject>();
    town.unread(call(town.vault, &[(1, "Z")])).expect::<IRisk::UnknownSubject>();
    town.unread(call(town.vault, &[(2, "X")])).expect::<IRisk::UnknownProduct>();
    let uneven = IRisk::portfolioCall { vault: town.vault, products: vec![u(1)], subjects: vec![] };
    town.unread(uneven).expect::<ParameterOutOfBounds>();
}
