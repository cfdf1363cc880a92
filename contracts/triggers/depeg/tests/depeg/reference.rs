//! Random series of rounds, taken in in random pieces at random moments, against a reference that looks at every
//! second of the whole series.

use crate::common::*;
use alloy_primitives::U256;
use alloy_sol_types::SolValue;
use proptest::{collection::vec, prelude::*, sample::select};
use protocol::{abi::IDepegTrigger, oracle::phase};

const PAR: i128 = 100_000_000;
const DURATION: u64 = 40;
const RECOVERY: u64 = 60;
const WINDOW: u64 = 50;
const HEARTBEAT: u64 = 70;

/// What happens next to the feed or to the trigger.
#[derive(Clone, Debug)]
enum Step {
    /// A round after so many seconds; before it, maybe a new phase, whose aggregator had said so much before.
    Round { gap: u64, price: i128, phase: Option<Vec<u64>> },
    /// A round without a price.
    Void,
    /// Time passes and somebody calls, with a list of so many rounds or without evidence.
    Call { after: u64, listed: Option<usize> },
}

fn step() -> impl Strategy<Value = Step> {
    let price =
        select(vec![50, 80, 90, 96, 97, 98, 99, 100, 100, 100, 101, 110]).prop_map(|percent| percent * PAR / 100);
    let phase = prop_oneof![12 => Just(None), 1 => vec(1u64..20, 0..3).prop_map(Some)];
    prop_oneof![
        10 => (0u64..90, price, phase).prop_map(|(gap, price, phase)| Step::Round { gap, price, phase }),
        1 => Just(Step::Void),
        4 => (0u64..30, proptest::option::of(1usize..=32)).prop_map(|(after, listed)| Step::Call { after, listed }),
    ]
}

/// The series as it was pushed: ids in the order in which they are walked, and whether each has a price of its time.
#[derive(Default)]
struct Series {
    walked: Vec<(u128, bool)>,
    /// Time and price of the rounds that count.
    prices: Vec<(u64, i128)>,
}

impl Series {
    /// At most `most` ids after the cursor, the last of which has a price.
    fn list(&self, cursor: u128, most: usize) -> Vec<u128> {
        let from = self.walked.iter().position(|(id, _)| *id == cursor).unwrap() + 1;
        let mut list = &self.walked[from..(from + most).min(self.walked.len())];
        while let [rest @ .., (_, false)] = list {
            list = rest;
        }
        list.iter().map(|(id, _)| *id).collect()
    }
}

/// An incident as the reference finds it.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    opened_at: u64,
    closed_at: u64,
    worst_start: u64,
    worst_bps: u16,
}

/// The price of every second from the first round to `until`, and the incidents.
fn reference(prices: &[(u64, i128)], until: u64) -> (Vec<i128>, Vec<Found>) {
    let origin = prices[0].0;
    let mut seconds = Vec::new();
    let mut spans: Vec<(u64, u64)> = Vec::new();
    let (mut run, mut open, mut recovered) = (None::<(u64, u64)>, None::<u64>, 0);
    for (index, (time, price)) in prices.iter().enumerate() {
        let next = prices.get(index + 1).map_or(until, |next| next.0);
        let (depegged, above) = (*price <= 97_000_000, *price > 99_000_000);
        if !depegged {
            run = None;
        }
        if !above {
            recovered = 0;
        }
        for second in *time..next {
            let known = second - time < HEARTBEAT;
            seconds.push(if known { *price } else { PAR });
            if known && depegged {
                let (start, length) = run.unwrap_or((second, 0));
                run = Some((start, length + 1));
                if open.is_none() && length + 1 >= DURATION {
                    open = Some(start);
                }
            }
            if !known {
                recovered = 0;
            } else if above {
                recovered += 1;
                if recovered >= RECOVERY
                    && let Some(opened) = open.take()
                {
                    spans.push((opened, second + 1));
                }
            }
        }
        if depegged && run.is_none() {
            run = Some((*time, 0)); // a round that its successor replaced in the same second
        }
    }
    spans.extend(open.map(|opened| (opened, 0)));
    let last = prices.last().unwrap().0;
    let mut found = Vec::new();
    let mut earliest = origin;
    for (opened_at, closed_at) in spans {
        let limit = if closed_at > 0 { closed_at } else { last };
        let first = earliest.max(opened_at.saturating_sub(WINDOW));
        let worst = (first..)
            .take_while(|start| start + WINDOW <= limit)
            .map(|start| (area(&seconds, origin, start), start))
            .min();
        let (worst_start, worst_bps) = worst.map_or((0, 0), |(area, start)| (start, bps(area)));
        found.push(Found { opened_at, closed_at, worst_start, worst_bps });
        earliest = closed_at;
    }
    (seconds, found)
}

fn area(seconds: &[i128], origin: u64, start: u64) -> i128 {
    let from = (start - origin) as usize;
    seconds[from..from + WINDOW as usize].iter().sum()
}

fn bps(area: i128) -> u16 {
    let par = PAR * i128::from(WINDOW);
    ((par - area).max(0) * 10_000 / par) as u16
}

fn play(steps: &[Step], rest: u64) -> (Setup, Series) {
    let s = Setup::with(8, 1);
    s.register(IDepegTrigger::Subject {
        duration: DURATION as u32,
        recovery: RECOVERY as u32,
        window: WINDOW as u32,
        heartbeat: HEARTBEAT as u32,
        ..config(s.feed.at)
    })
    .unwrap();
    let mut series = Series { walked: vec![(s.feed.latest(), true)], prices: vec![(s.start, PAR)] };
    let round = |series: &mut Series, gap: u64, price: i128, new_phase: Option<&Vec<u64>>| {
        let at = s.world.now() + gap;
        if let Some(early) = new_phase {
            s.feed.start_phase(phase(s.feed.latest()) + 1);
            let last = series.prices.last().unwrap().0;
            let mut times: Vec<_> = early.iter().map(|before| last - before).collect();
            times.sort_unstable();
            for time in times {
                series.walked.push((s.feed.push(PAR / 2, time), false));
            }
        }
        s.world.warp_to(at);
        series.walked.push((s.feed.push(price, at), true));
        series.prices.push((at, price));
    };
    for step in steps {
        match step {
            Step::Round { gap, price, phase } => round(&mut series, *gap, *price, phase.as_ref()),
            Step::Void => series.walked.push((s.feed.push(0, s.world.now()), false)),
            Step::Call { after, listed } => {
                s.world.warp(*after);
                let list = listed.map_or(vec![], |most| series.list(s.cursor(), most));
                s.try_observe(&list).unwrap();
            }
        }
    }
    round(&mut series, 0, PAR, None);
    s.world.warp(rest);
    // Somebody takes in the rest.
    for _ in 0..steps.len() + 20 {
        let list = series.list(s.cursor(), 32);
        s.try_observe(&list).unwrap();
    }
    assert_eq!(s.cursor(), s.feed.latest());
    (s, series)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn incidents_and_worst_losses_are_those_of_the_whole_series_in_any_partition_into_calls(
        steps in vec(step(), 1..70),
        rest in 0..=HEARTBEAT,
        policies in vec((0u64..3000, 0u64..400, 0u64..3000), 8),
    ) {
        let (s, series) = play(&steps, rest);
        let (seconds, expected) = reference(&series.prices, s.world.now());
        let found: Vec<_> = (1..=s.count())
            .map(|number| {
                let (incident, worst) = (s.incident(number), s.worst(number));
                prop_assert_eq!(worst.lossBps, incident.worstBps);
                Ok(Found { opened_at: incident.openedAt, closed_at: incident.closedAt, worst_start: worst.start, worst_bps: incident.worstBps })
            })
            .collect::<Result<_, TestCaseError>>()?;
        prop_assert_eq!(&found, &expected);

        // Policies over any time: whatever window is named, it pays what it is worth, and never more than the worst.
        let last = series.prices.last().unwrap().0;
        let length = s.world.now() - s.start;
        for (from, term, window) in policies {
            let (from, until) = (from % (length + 1), from % (length + 1) + term);
            for (number, incident) in expected.iter().enumerate().map(|(index, incident)| (index as u64 + 1, incident)) {
                let earliest = if number == 1 { s.start } else { expected[number as usize - 2].closed_at };
                let limit = if incident.closed_at > 0 { incident.closed_at } else { s.world.now() };
                let inside: Vec<u64> = (earliest.max(s.start + from).max(incident.opened_at.saturating_sub(WINDOW))..)
                    .take_while(|start| start + WINDOW <= limit.min(s.start + until))
                    .collect();
                let covered = (s.start + from..s.start + until).contains(&incident.opened_at);
                let truth = inside.iter().map(|start| (area(&seconds, s.start, *start), *start)).min();
                let (verdict, without) = s.loss(from, until, number);
                let Some((worst, at)) = truth.filter(|_| covered) else {
                    prop_assert_ne!(verdict, CONFIRMED);
                    continue;
                };
                prop_assert!(without <= bps(worst));
                prop_assert_eq!(verdict == CONFIRMED, without > 0);
                prop_assert_eq!(s.prove(from, until, number, at - s.start).unwrap().1, bps(worst), "the worst window named");
                let named = s.start + window % (length + 1);
                match s.prove(from, until, number, named - s.start) {
                    Ok((_, loss)) => {
                        prop_assert!(inside.contains(&named));
                        prop_assert!(loss >= bps(area(&seconds, s.start, named)) && loss <= bps(worst));
                    }
                    Err(reverted) => {
                        reverted.expect::<IDepegTrigger::WindowNotCovered>();
                        prop_assert!(!inside.contains(&named));
                    }
                }
            }
        }

        // Any window that was taken in can be read.
        for start in (s.start..).take_while(|start| start + WINDOW <= last).step_by(37) {
            prop_assert_eq!(s.window(start - s.start), Some(bps(area(&seconds, s.start, start))));
        }
    }

    #[test]
    fn evidence_of_any_bytes_is_refused_or_harmless(bytes in vec(any::<u8>(), 0..200), words in vec(any::<u128>(), 0..6)) {
        let s = Setup::new();
        s.rounds(&[(30 * HOUR, 90_000_000), (32 * HOUR, PAR), (40 * HOUR, PAR)]);
        s.observe();
        let before = s.prove_with(0, 100 * HOUR, 1, vec![]).unwrap();
        let listed = words.iter().map(|word| U256::from(*word)).collect::<Vec<_>>().abi_encode();
        for evidence in [bytes, listed] {
            let call = protocol::abi::ITrigger::observeCall { subject: SUBJECT, evidence: evidence.clone().into() };
            let _ = s.world.send(s.anyone, s.trigger, call);
            if let Ok(proven) = s.prove_with(0, 100 * HOUR, 1, evidence) {
                prop_assert_eq!(proven, before);
            }
        }
        prop_assert_eq!((s.cursor(), s.prove_with(0, 100 * HOUR, 1, vec![]).unwrap()), (s.feed.latest(), before));
    }
}
