//! What people read: tables, numbers with separators, steps.

use std::io::{IsTerminal, Write};

use ethers::types::U256;

/// A table of text, printed in columns.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
    right: Vec<bool>,
}

impl Table {
    /// A table with these headings; those that begin with `>` are aligned to the right.
    #[must_use]
    pub fn new(headings: &[&str]) -> Self {
        let right = headings.iter().map(|heading| heading.starts_with('>')).collect();
        let rows = vec![headings.iter().map(|heading| heading.trim_start_matches('>').to_owned()).collect()];
        Self { rows, right }
    }

    /// Adds a row.
    pub fn row<I: IntoIterator<Item = S>, S: Into<String>>(&mut self, cells: I) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.right.len();
        let width =
            |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        for (index, row) in self.rows.iter().enumerate() {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate().take(columns) {
                let pad = " ".repeat(widths[column].saturating_sub(cell.chars().count()));
                if self.right[column] {
                    line.push_str(&pad);
                    line.push_str(cell);
                } else {
                    line.push_str(cell);
                    line.push_str(&pad);
                }
                line.push_str("  ");
            }
            writeln!(f, "{}", line.trim_end())?;
            if index == 0 {
                let rule: Vec<_> = widths.iter().map(|width| "─".repeat(*width)).collect();
                writeln!(f, "{}", rule.join("  "))?;
            }
        }
        Ok(())
    }
}

/// An integer with thousands separators.
#[must_use]
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// An amount of `decimals` decimals with thousands separators and `shown` decimals (cut, not rounded).
#[must_use]
pub fn amount(value: U256, decimals: u32, shown: u32) -> String {
    let unit = U256::exp10(decimals as usize);
    let (whole, rest) = value.div_mod(unit);
    let whole = if whole.bits() <= 64 { grouped(whole.as_u64()) } else { whole.to_string() };
    if shown == 0 {
        return whole;
    }
    let rest = format!("{:0>width$}", rest.to_string(), width = decimals as usize);
    let rest: String = rest.chars().chain(std::iter::repeat('0')).take(shown as usize).collect();
    format!("{whole}.{rest}")
}

/// A WAD ratio (1e18 = 100 %) as a percentage.
#[must_use]
pub fn percent(wad: U256) -> String {
    format!("{} %", amount(wad * U256::from(100u64), 18, 3))
}

/// Basis points as a percentage.
#[must_use]
pub fn percent_bps(bps: u64) -> String {
    format!("{}.{:02} %", bps / 100, bps % 100)
}

/// Seconds since 1970 as a UTC date and time.
#[must_use]
pub fn utc(time: u64) -> String {
    let days = time / 86_400;
    let (hours, minutes) = (time % 86_400 / 3_600, time % 3_600 / 60);
    // Days to a civil date: Howard Hinnant's algorithm, for dates from 1970 on.
    let z = days + 719_468;
    let era = z / 146_097;
    let day_of_era = z % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {hours:02}:{minutes:02}")
}

/// A duration in the largest unit that fits.
#[must_use]
pub fn span(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Progress of long work, on standard error: a line that is overwritten on a terminal, plain lines elsewhere.
#[derive(Debug)]
pub struct Progress {
    quiet: bool,
}

impl Progress {
    /// Progress that says nothing where `quiet`.
    #[must_use]
    pub const fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// Says what is being done now.
    pub fn now(&self, what: &str) {
        if self.quiet {
            return;
        }
        let mut out = std::io::stderr();
        let result = if out.is_terminal() {
            write!(out, "\r\x1b[2K  {what}").and_then(|()| out.flush())
        } else {
            writeln!(out, "  {what}")
        };
        drop(result); // nobody is there to read it
    }

    /// Clears the line.
    pub fn done(&self) {
        if !self.quiet && std::io::stderr().is_terminal() {
            eprint!("\r\x1b[2K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_cut() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(amount(U256::from(1_234_567_899u64), 6, 2), "1,234.56");
        assert_eq!(amount(U256::from(5u64), 6, 6), "0.000005");
        assert_eq!(amount(U256::from(5u64), 0, 0), "5");
        assert_eq!(percent(U256::exp10(16)), "1.000 %");
        assert_eq!(percent_bps(8330), "83.30 %");
    }

    #[test]
    fn dates_are_utc() {
        assert_eq!(utc(0), "1970-01-01 00:00");
        assert_eq!(utc(1_678_521_083), "2023-03-11 07:51");
        assert_eq!(utc(1_709_164_800), "2024-02-29 00:00");
    }

    #[test]
    fn a_table_lines_up() {
        let mut table = Table::new(&["name", ">gas"]);
        table.row(["deposit", "1"]);
        table.row(["x", "1,000"]);
        assert_eq!(table.to_string(), "name       gas\n───────  ─────\ndeposit      1\nx        1,000\n");
    }
}
