//! The table as docs/pricing.md shows it, with what follows from it.

use actuary::{
    decay::{decay_down, decay_up},
    history::{CREDIBILITY, HALF_LIFE, History, LOSS_CAP, SPAN, TABLE},
};
use alloy_primitives::U256;

use super::{data::first_day, tally::separated};

/// Between these lines the page is made, not written.
const BEGIN: &str = "<!-- history: made by `cargo run -p actuary --example history` -->\n";
const END: &str = "<!-- history: end -->\n";

/// The asset's smallest units in a whole one: six decimals.
const UNIT: u128 = 1_000_000;

/// The default credibility and loss cap in the smallest unit.
const K: u128 = CREDIBILITY as u128 * UNIT;
const CAP: u128 = LOSS_CAP as u128 * UNIT;

/// The page with its part made anew.
pub(crate) fn renewed(page: &str) -> Result<String, String> {
    let missing = || String::from("docs/pricing.md has no place for the history");
    let (before, rest) = page.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok(format!("{before}{BEGIN}{}{END}{after}", part()))
}

/// The end of the recordings.
pub(crate) fn recorded_until() -> u64 {
    first_day(2020, 1) * 86_400 + SPAN
}

/// The estimate of a history at a time, as a part of one.
pub(crate) fn rate(history: &History, now: u64) -> f64 {
    let rate = history.rate(K, CAP, HALF_LIFE, now).expect("the table is within bounds");
    rate.as_limbs()[0] as f64 / 1e18
}

fn part() -> String {
    let (then, later) = (recorded_until(), recorded_until() + 365 * 86_400);
    let mut out =
        String::from("| cover | prior r₀ | rate at the end of the table | a year later |\n|---|---:|---:|---:|\n");
    for history in TABLE {
        let [prior, rate, fading] =
            [history.prior as f64 / 1e18, rate(history, then), rate(history, later)].map(percent);
        out += &format!("| {} | {prior} | **{rate}** | {fading} |\n", history.name);
    }
    for history in TABLE.iter().filter(|history| !history.years.is_empty()) {
        out += &detail(history, then);
    }
    out
}

/// One history: what was recorded, what that is as evidence, and the sum.
fn detail(history: &History, now: u64) -> String {
    let unit = if history.coins { "coins" } else { "million USD" };
    let mut out = format!(
        "\n**{}**, {unit}\n\n\
         | year | events | lost | exposed | lost of it | left d | e·d | l·d |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|\n",
        history.name
    );
    let (mut losses, mut exposure) = (0.0, 0.0);
    for year in history.years {
        let record = history.record(year, K).expect("the table is within bounds");
        let ago = now - year.at;
        let counted = record.loss.min(CAP);
        let left = |up: bool, value: u128| {
            let decay = if up { decay_up } else { decay_down };
            decay(U256::from(value), ago, HALF_LIFE).expect("it only falls").as_limbs()[0] as f64 / K as f64
        };
        let (e, l) = (left(false, record.exposure), left(true, counted));
        (losses, exposure) = (losses + l, exposure + e);
        out += &format!(
            "| {} | {} | {} | {} | {}{} | {:.3} | {e:.3} | {} |\n",
            year.year,
            year.events,
            amount(history, year.losses),
            amount(history, year.exposure),
            percent(year.losses as f64 / year.exposure as f64),
            if counted < record.loss { " (capped)" } else { "" },
            left(false, K),
            percent(l),
        );
    }
    // what the sum below says is what the estimator says
    let sum = (losses + history.prior as f64 / 1e18) / (exposure + 1.0);
    assert!((sum - rate(history, now)).abs() < 1e-9, "the sum and the estimator differ");
    out += &format!(
        "| | | | | | | {exposure:.3} | {} |\n\nr̂ = ({} + {}) ÷ ({exposure:.3} + 1) = **{}**\n",
        percent(losses),
        percent(losses),
        percent(history.prior as f64 / 1e18),
        percent(sum),
    );
    out
}

fn amount(history: &History, value: u64) -> String {
    if history.coins { format!("{:.3}", value as f64 / 1e6) } else { separated((value + 500_000) / 1_000_000, ',') }
}

fn percent(value: f64) -> String {
    format!("{:.2} %", value * 100.0)
}
