//! What a product begins with: the years of losses that others had (docs/pricing.md).

use actuary::history::{Record, of};

use super::profile::usd;

/// The default credibility K, in the asset's smallest unit.
#[must_use]
pub fn credibility() -> u128 {
    usd(actuary::history::CREDIBILITY).as_u128()
}

/// The default loss cap, in the asset's smallest unit.
#[must_use]
pub fn loss_cap() -> u128 {
    usd(actuary::history::LOSS_CAP).as_u128()
}

/// The rate that is believed of a cover type before any evidence.
///
/// # Panics
/// For a cover type without a history.
#[must_use]
pub fn prior(cover: u8) -> u64 {
    of(cover).expect("the cover type has a history").prior
}

/// The records of a cover type that are not of the future at `now`, the year of the least losses first: so the estimate
/// ends as high as it ever was, and no rate on the way to it stays in force.
///
/// # Panics
/// Never: the table's amounts are far from the limits, which is a test.
#[must_use]
pub fn records(cover: u8, now: u64) -> Vec<Record> {
    let Some(history) = of(cover) else { return Vec::new() };
    let years = history.years.iter().filter(|year| year.at <= now);
    let record = |year| history.record(year, credibility()).expect("the table is within bounds");
    let mut records: Vec<_> = years.map(record).collect();
    // amounts of at most 2^60: their products fit
    records.sort_by(|a, b| (a.loss.min(loss_cap()) * b.exposure).cmp(&(b.loss.min(loss_cap()) * a.exposure)));
    records
}

#[cfg(test)]
mod tests {
    use actuary::history::{HALF_LIFE, TABLE};

    use super::*;

    #[test]
    fn records_come_in_rising_order_of_their_rate_and_none_is_of_the_future() {
        for history in TABLE {
            let records = records(history.cover, u64::MAX);
            assert_eq!(records.len(), history.years.len());
            let rate = |record: &Record| record.loss.min(loss_cap()) as f64 / record.exposure as f64;
            assert!(records.is_sorted_by(|a, b| rate(a) <= rate(b)), "{}", history.name);
            assert!(records.iter().all(|record| record.exposure < 1 << 60 && record.loss < 1 << 60));
        }
        let first = of(5).unwrap().years[0];
        assert!(super::records(5, first.at - 1).is_empty());
        assert_eq!(super::records(5, first.at).len(), 1);
        assert!(super::records(1, u64::MAX).is_empty(), "impermanent loss has no history");
    }

    #[test]
    fn the_estimate_of_a_product_at_the_end_of_the_table() {
        let rate = |cover| {
            let now = 1_577_836_800 + actuary::history::SPAN;
            let rate = of(cover).unwrap().rate(credibility(), loss_cap(), HALF_LIFE, now).unwrap();
            format!("{:.2} %", f64::from(rate) / 1e16)
        };
        let page = include_str!("../../docs/pricing.md");
        for (cover, name) in [(0, "Exploit"), (2, "Default"), (3, "Oracle"), (4, "Bridge"), (5, "Depeg")] {
            let row = page.lines().find(|line| line.starts_with(&format!("| {name} |"))).expect(name);
            assert!(row.contains(&format!("| **{}** |", rate(cover))), "{row}: {}", rate(cover));
        }
    }
}
