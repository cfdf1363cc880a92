//! The recorded losses, prices and values locked, read where they lie.

use std::{
    fs,
    path::{Path, PathBuf},
};

pub(crate) const DAY: u64 = 86_400;

/// Where the recordings are where nobody says otherwise.
const DEFAULT_FOLDER: &str = "../shared/data";

/// The folder of the recordings: the argument, `PALISADE_DATA`, or the default, seen from the workspace.
pub(crate) fn folder(argument: Option<String>) -> Result<PathBuf, String> {
    let named = argument.or_else(|| std::env::var("PALISADE_DATA").ok());
    let folder = named.map_or_else(|| workspace().join(DEFAULT_FOLDER), PathBuf::from);
    if folder.join(LOSSES).is_file() {
        return Ok(folder);
    }
    Err(format!("no recorded losses in {}: give their folder as argument or in PALISADE_DATA", folder.display()))
}

/// The root of the workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

const LOSSES: &str = "loss_events_2016_2026.csv";
const LOCKED: &str = "chain_tvl_1d_2020_2025.csv";

/// A recorded loss.
pub(crate) struct Loss {
    /// The day, in days since 1970-01-01.
    pub(crate) day: u64,
    pub(crate) category: String,
    pub(crate) usd: u64,
    pub(crate) chains: Vec<String>,
}

/// The value locked on one day, in US dollars.
pub(crate) struct Locked {
    pub(crate) day: u64,
    /// On the chain where bridges begin.
    pub(crate) ethereum: u64,
    /// On the chains where they end.
    pub(crate) others: u64,
}

/// A price of a coin from a time on.
pub(crate) struct Price {
    pub(crate) at: u64,
    pub(crate) price: f64,
}

pub(crate) fn losses(folder: &Path) -> Result<Vec<Loss>, String> {
    let rows = rows(folder, LOSSES, &["date", "name", "category", "loss_usd", "technique", "chains"])?;
    let parsed = rows.iter().map(|row| {
        let usd = row[3].parse().map_err(|_| format!("{LOSSES}: {} is no amount", row[3]))?;
        let chains = row[5].split('|').map(str::to_owned).collect();
        Ok(Loss { day: day(&row[0])?, category: row[2].clone(), usd, chains })
    });
    parsed.collect()
}

pub(crate) fn locked(folder: &Path) -> Result<Vec<Locked>, String> {
    let columns =
        ["unix_time", "arbitrum_usd", "avalanche_usd", "bsc_usd", "ethereum_usd", "optimism_usd", "polygon_usd"];
    let number = |text: &String| match text.as_str() {
        "" => Ok(0), // nothing was locked there yet
        text => text.parse::<u64>().map_err(|_| format!("{LOCKED}: {text} is no number")),
    };
    let parsed = rows(folder, LOCKED, &columns)?.into_iter().map(|row| {
        let numbers = row.iter().map(number).collect::<Result<Vec<_>, _>>()?;
        let whole: u64 = numbers[1..].iter().sum();
        Ok(Locked { day: numbers[0] / DAY, ethereum: numbers[4], others: whole - numbers[4] })
    });
    parsed.collect()
}

/// The first two columns of a price file; one over them where the coin is what they are quoted in.
pub(crate) fn prices(folder: &Path, file: &str, inverse: bool) -> Result<Vec<Price>, String> {
    let parsed = rows(folder, file, &["unix_time", "price"])?.into_iter().map(|row| {
        let at = row[0].parse().map_err(|_| format!("{file}: {} is no time", row[0]))?;
        let price: f64 = row[1].parse().map_err(|_| format!("{file}: {} is no price", row[1]))?;
        Ok(Price { at, price: if inverse { 1.0 / price } else { price } })
    });
    parsed.collect()
}

/// The rows of a file below its header, which must begin with these columns.
fn rows(folder: &Path, file: &str, columns: &[&str]) -> Result<Vec<Vec<String>>, String> {
    let text = fs::read_to_string(folder.join(file)).map_err(|error| format!("{file}: {error}"))?;
    let mut rows = csv(&text).into_iter();
    let header = rows.next().unwrap_or_default();
    if header.len() < columns.len() || header.iter().zip(columns).any(|(found, wanted)| found != wanted) {
        return Err(format!("{file}: its columns are {header:?}, not {columns:?}"));
    }
    let whole = header.len();
    rows.map(|row| if row.len() == whole { Ok(row) } else { Err(format!("{file}: {row:?} is no row")) }).collect()
}

/// Rows of comma-separated fields (RFC 4180): a quoted field may hold commas, line ends and doubled quotes.
pub(crate) fn csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => field.extend(characters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            '\r' if !quoted => {}
            c => field.push(c),
        }
    }
    if !field.is_empty() || !row.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows
}

/// The day of a date, `2023-03-11`.
fn day(date: &str) -> Result<u64, String> {
    let parts: Vec<u64> = date.split('-').map_while(|part| part.parse().ok()).collect();
    let [year, month @ 1..=12, day @ 1..=31] = parts[..] else { return Err(format!("{date} is no date")) };
    Ok(first_day(year, month) + day - 1)
}

/// The first day of a month, from 1, in days since 1970-01-01.
pub(crate) fn first_day(year: u64, month: u64) -> u64 {
    const BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leap_days = |year: u64| year / 4 - year / 100 + year / 400;
    let leap = u64::from(month > 2 && leap_days(year) > leap_days(year - 1));
    (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969) + BEFORE[month as usize - 1] + leap
}
