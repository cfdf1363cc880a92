//! The table of yearly losses: what the recordings say, what is evidence of a product, what docs/pricing.md shows.

#[path = "../examples/history/data.rs"]
mod data;
#[path = "../examples/history/page.rs"]
mod page;
#[path = "../examples/history/plot.rs"]
mod plot;
#[path = "../examples/history/tally.rs"]
mod tally;

use std::fs;

use actuary::history::{CREDIBILITY, HALF_LIFE, LOSS_CAP, SPAN, TABLE, of};
use alloy_primitives::U256;
use data::Price;

const UNIT: u128 = 1_000_000;
const K: u128 = CREDIBILITY as u128 * UNIT;
const CAP: u128 = LOSS_CAP as u128 * UNIT;

fn read(path: &str) -> String {
    fs::read_to_string(data::workspace().join(path)).unwrap()
}

#[test]
fn the_table_is_what_the_recordings_say() {
    let folder = match data::folder(None) {
        Ok(folder) => folder,
        Err(absent) => return eprintln!("skipped: {absent}"),
    };
    let made = tally::source(&tally::tally(&folder).unwrap());
    assert!(made == read("crates/actuary/src/history/table.rs"), "run `cargo run -p actuary --example history`");
}

#[test]
fn the_page_and_the_plot_show_the_table() {
    let page = read("docs/pricing.md");
    assert!(page::renewed(&page).unwrap() == page, "run `cargo run -p actuary --example history -- --plot`");
    assert!(plot::picture() == read("docs/history.svg"), "run `cargo run -p actuary --example history -- --plot`");
}

#[test]
fn an_average_year_of_the_market_weighs_what_the_prior_weighs() {
    let years = SPAN as f64 / (365.0 * 86_400.0);
    for history in TABLE.iter().filter(|history| !history.years.is_empty()) {
        let records = history.years.iter().map(|year| history.record(year, K).unwrap());
        let (mut exposure, mut loss) = (0, 0);
        for (record, year) in records.zip(history.years) {
            let (rate, recorded) =
                (year.losses as f64 / year.exposure as f64, record.loss as f64 / record.exposure as f64);
            assert!((rate - recorded).abs() < 1e-6, "{} {}: {rate} and {recorded}", history.name, year.year);
            (exposure, loss) = (exposure + record.exposure, loss + record.loss);
        }
        assert!((exposure as f64 / K as f64 - years).abs() < 1e-9, "{}", history.name);
        assert!(loss < exposure);
    }
}

#[test]
fn the_estimate_is_the_sum_that_the_page_shows() {
    // the depeg history at the end of the table, by the page's formula in floating point
    let now = page::recorded_until();
    for history in TABLE {
        let (mut losses, mut exposure) = (history.prior as f64 / 1e18, 1.0);
        let whole: u64 = history.years.iter().map(|year| year.exposure).sum();
        for year in history.years {
            let e = SPAN as f64 / (365.0 * 86_400.0) * year.exposure as f64 / whole as f64;
            let l = (e * year.losses as f64 / year.exposure as f64).min(LOSS_CAP as f64 / CREDIBILITY as f64);
            let left = 0.5f64.powf((now - year.at) as f64 / HALF_LIFE as f64);
            (losses, exposure) = (losses + l * left, exposure + e * left);
        }
        let estimate = history.rate(K, CAP, HALF_LIFE, now).unwrap();
        assert!((f64::from(estimate) / 1e18 - losses / exposure).abs() < 1e-12, "{}", history.name);
    }
}

#[test]
fn before_the_first_record_and_long_after_the_last_one_the_prior_stands() {
    for history in TABLE {
        let prior = U256::from(history.prior);
        assert_eq!(history.rate(K, CAP, HALF_LIFE, 0), Ok(prior));
        let late = history.rate(K, CAP, HALF_LIFE, u64::MAX).unwrap();
        assert!(late.abs_diff(prior) < U256::from(1_000_000), "{late} of {}", history.name);
    }
}

#[test]
fn each_cover_has_one_history_but_impermanent_loss() {
    assert_eq!(TABLE.iter().map(|history| history.cover).collect::<Vec<_>>(), [0, 2, 3, 4, 5]);
    assert!(of(1).is_none() && of(6).is_none());
    assert_eq!(of(5).unwrap().name, "Depeg");
    for history in TABLE {
        assert!(history.years.iter().all(|year| year.exposure > 0 && year.losses < year.exposure), "{}", history.name);
        assert!(history.years.is_sorted_by(|a, b| a.at < b.at && a.year < b.year));
    }
}

// —————————————————————————————————————————————————————————————————————————————————————————————— reading and counting

#[test]
fn fields_may_hold_commas_quotes_and_line_ends() {
    let rows = data::csv("a,\"b,\n\"\"c\"\"\",\r\nd,,e");
    assert_eq!(rows, [["a", "b,\n\"c\"", ""], ["d", "", "e"]]);
}

#[test]
fn days_are_those_of_the_calendar() {
    for (year, month, day) in [(1970, 1, 0), (1970, 3, 59), (2000, 3, 11_017), (2020, 1, 18_262), (2024, 3, 19_783)] {
        assert_eq!(data::first_day(year, month), day, "{year}-{month}");
    }
}

#[test]
fn a_coin_loses_what_the_trigger_would_have_paid() {
    let hours = |prices: &[f64]| {
        let price = |(hour, price): (usize, &f64)| Price { at: 3_600 * (hour as u64 + 1_000), price: *price };
        tally::depeg(&prices.iter().enumerate().map(price).collect::<Vec<_>>())
    };
    assert_eq!(hours(&[[1.0].repeat(6), [0.9].repeat(5), [1.0].repeat(20)].concat()), None, "five hours are no run");
    // six hours at 0.9 within twelve: 5 %
    let loss = hours(&[[1.0].repeat(10), [0.9].repeat(6), [1.0].repeat(20)].concat()).unwrap();
    assert!((loss - 0.05).abs() < 1e-12, "{loss}");
    // the worst window ends where the price rises, which is no hour at which it begins to be low
    let loss = hours(&[[1.0].repeat(10), [0.97].repeat(3), [0.9].repeat(10), [1.1].repeat(20)].concat()).unwrap();
    assert!((loss - (10.0 * 0.1 + 2.0 * 0.03) / 12.0).abs() < 1e-12, "{loss}");
    // the last price holds for a window
    let loss = hours(&[[1.0].repeat(10), [0.9].repeat(2), [0.2].repeat(2)].concat()).unwrap();
    assert!((loss - 0.8).abs() < 1e-12, "{loss}");
}
