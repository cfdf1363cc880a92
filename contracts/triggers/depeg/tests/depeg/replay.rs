//! The recorded rounds of USDC / USD in March 2023, where the recording is at hand.

use std::{env, fs, path::PathBuf};

use crate::common::*;
use alloy_primitives::U256;
use protocol::abi::IDepegTrigger;

/// The world's clock begins in November 2023: the recording plays a year later.
const LATER: u64 = 365 * DAY;

const FILE: &str = "usdc_usd_chainlink_rounds_2022-11_2023-03.csv";

/// Times and prices (8 decimals) of the recording; nothing where it is not at hand.
fn recording() -> Option<Vec<(u64, i128)>> {
    let folder = env::var_os("PALISADE_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data"), PathBuf::from);
    let path = folder.join(FILE);
    let Ok(text) = fs::read_to_string(&path) else {
        eprintln!("skipped: no recording at {} (set PALISADE_DATA to the folder that has it)", path.display());
        return None;
    };
    let row = |line: &str| {
        let mut cells = line.split(',');
        let time = cells.next().unwrap().parse::<u64>().unwrap() + LATER;
        let (whole, fraction) = cells.next().unwrap().split_once('.').unwrap_or(("1", ""));
        assert!(whole == "1" || whole == "0");
        let price = format!("{whole}{fraction:0<8}").parse().unwrap();
        (time, price)
    };
    Some(text.lines().skip(1).map(row).collect())
}

#[test]
fn usdc_in_march_2023_replays_from_its_recorded_rounds() {
    let Some(rounds) = recording() else { return };
    assert_eq!(rounds.len(), 400);
    let (first, last) = (rounds[0].0, rounds[399].0);
    let s = Setup::at(first);
    let mut calls = 0;
    for (index, (time, price)) in rounds.iter().enumerate() {
        if index > 0 {
            s.world.warp_to(*time);
            s.feed.push(*price, *time);
        } else {
            s.feed.push(*price, *time);
            s.register(config(s.feed.at)).unwrap();
        }
        // A keeper who calls every twenty rounds.
        if index % 20 == 19 {
            s.observe();
            calls += 1;
        }
    }
    assert_eq!((s.cursor(), calls), (s.feed.latest(), 20));
    while s.worst(1).comparedUntil < last {
        s.observe();
        calls += 1;
    }
    assert!(calls < 40, "{calls} calls");
    // At or below 0.97 from the morning of 11 March on, and not above 0.99 for a day when the recording ends.
    let incident = s.incident(1);
    let worst = s.worst(1);
    assert_eq!((s.count(), incident.closedAt, worst.comparedUntil), (1, 0, last));

    // The same from the raw rounds, second by second.
    let price_at = |second: u64| rounds[rounds.partition_point(|round| round.0 <= second) - 1].1;
    let run = (0..rounds.len()).find(|index| {
        let end = (*index..rounds.len()).find(|i| rounds[*i].1 > 97_000_000).map_or(last, |i| rounds[i].0);
        rounds[*index].1 <= 97_000_000 && end - rounds[*index].0 >= HOUR
    });
    assert_eq!(incident.openedAt, rounds[run.unwrap()].0);
    let mut area: i128 = (incident.openedAt - DAY..incident.openedAt).map(price_at).sum();
    let mut least = (area, incident.openedAt - DAY);
    for end in incident.openedAt..last {
        area += price_at(end) - price_at(end - DAY);
        least = least.min((area, end - DAY + 1));
    }
    let par = 100_000_000 * i128::from(DAY);
    assert_eq!((worst.start, i128::from(worst.lossBps)), (least.1, (par - least.0) * 10_000 / par));
    println!(
        "USDC, March 2023, trigger 0.97 for an hour: opened at {}, worst day from {} on, loss {} basis points",
        incident.openedAt - LATER,
        worst.start - LATER,
        worst.lossBps
    );

    // A policy over all of it, and one that ended an hour after the low.
    let loss = |from: u64, until: u64| s.loss(from - s.start, until - s.start, 1);
    assert_eq!(loss(first, last + DAY), (CONFIRMED, worst.lossBps));
    let low = rounds.iter().min_by_key(|round| round.1).unwrap();
    assert_eq!(*low, (1_678_521_083 + LATER, 88_000_000));
    let (verdict, early) = loss(first, low.0 + HOUR);
    assert!(verdict == CONFIRMED && early > 0 && early < worst.lossBps);
}

#[test]
fn the_recorded_rounds_give_the_same_when_they_are_taken_in_at_the_end() {
    let Some(rounds) = recording() else { return };
    let s = Setup::at(rounds[0].0);
    s.feed.push(rounds[0].1, rounds[0].0);
    s.register(config(s.feed.at)).unwrap();
    let mut ids = vec![s.feed.latest()];
    for (time, price) in &rounds[1..] {
        s.world.warp_to(*time);
        ids.push(s.feed.push(*price, *time));
    }
    let mut most = 0;
    for chunk in ids[1..].chunks(32) {
        s.feed.state.reads.set(0);
        s.try_observe(chunk).unwrap();
        most = most.max(s.feed.state.reads.get());
    }
    for _ in 0..10 {
        s.observe();
    }
    let read = s.world.read(s.trigger, IDepegTrigger::worstWindowCall { subject: SUBJECT, number: U256::from(1) });
    assert_eq!((read.lossBps, read.comparedUntil), (s.incident(1).worstBps, rounds[399].0));
    assert_eq!((read.lossBps, read.start), EXPECTED);
    assert!(most <= 100, "{most} rounds read in one call");
}

/// The worst day's loss and its beginning.
const EXPECTED: (u16, u64) = (626, 1_678_504_823 + LATER);
