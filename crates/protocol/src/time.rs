//! Weeks and their edges.

/// One week in seconds: premiums, expiries and redemptions go by weekly buckets.
pub const WEEK: u64 = 7 * 24 * 60 * 60;

/// One year in seconds: rates are per 365 days.
pub const YEAR: u64 = 365 * 24 * 60 * 60;

/// The week that holds `time`.
#[must_use]
pub const fn week(time: u64) -> u64 {
    time / WEEK
}

/// The weekly edge after `time`: edge(t) = (⌊t / W⌋ + 1) · W.
#[must_use]
pub const fn edge(time: u64) -> u64 {
    (time / WEEK + 1) * WEEK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edge_is_always_later() {
        assert_eq!(edge(0), WEEK);
        assert_eq!(edge(WEEK - 1), WEEK);
        assert_eq!(edge(WEEK), 2 * WEEK);
        assert_eq!(week(WEEK), 1);
    }
}
