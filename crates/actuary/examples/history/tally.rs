//! The table: what was lost and what could have been, by cover type and year.

use std::path::Path;

use super::data::{DAY, Loss, Price, first_day, locked, losses, prices};

/// A year of the table; amounts as [`actuary::history::Year`] has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Year {
    pub(crate) year: u16,
    pub(crate) at: u64,
    pub(crate) events: u32,
    pub(crate) losses: u64,
    pub(crate) exposure: u64,
}

/// A cover type of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct History {
    pub(crate) cover: u8,
    pub(crate) name: &'static str,
    /// In hundredths of a percent.
    pub(crate) prior_bps: u64,
    pub(crate) coins: bool,
    pub(crate) years: Vec<Year>,
}

/// The whole table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    /// Seconds from the first day to the end of the last one.
    pub(crate) span: u64,
    pub(crate) histories: Vec<History>,
}

/// The chains whose value locked is recorded. A loss counts where it touched one of them.
const CHAINS: [&str; 6] = ["Arbitrum", "Avalanche", "BSC", "Ethereum", "Optimism", "Polygon"];

/// The share of the value locked that hangs on a price feed: lenders, synthetic assets, derivatives. Assumed.
const PRICED_PERCENT: u64 = 50;

/// What counts as which cover's loss. Custodians, front ends and projects that robbed their own users are nobody's.
const EXPLOIT: &[&str] = &["protocol_exploit", "governance", "key_compromise", "unknown"];
const ORACLE: &[&str] = &["oracle"];
const BRIDGE: &[&str] = &["bridge"];

/// A coin that a policy could have named, from the first day of a month to the first day of another.
struct Coin {
    from: Option<(u64, u64)>,
    to: Option<(u64, u64)>,
    /// The recordings of its depegs, and whether the coin is what they are quoted in.
    recordings: &'static [(&'static str, bool)],
}

/// The stablecoins that were among the five largest at some time, while they were widely traded. Assumed.
const COINS: [Coin; 7] = [
    // USDT
    Coin { from: None, to: None, recordings: &[("usdc_usdt_binance_1m_2022-05.csv", true)] },
    // USDC
    Coin { from: None, to: None, recordings: &[("usdc_usd_composite_1h_2023-03.csv", false)] },
    // DAI
    Coin { from: None, to: None, recordings: &[("dai_usd_composite_1h_2023-03.csv", false)] },
    // TUSD
    Coin { from: None, to: None, recordings: &[("tusd_usdt_binance_1h_2024-01_03.csv", false)] },
    // BUSD
    Coin { from: None, to: Some((2024, 1)), recordings: &[] },
    // UST
    Coin { from: Some((2020, 10)), to: Some((2022, 6)), recordings: &[("ust_usdt_binance_1h_2022-05.csv", false)] },
    // FDUSD
    Coin { from: Some((2023, 7)), to: None, recordings: &[("fdusd_usdt_binance_1h_2025-04.csv", false)] },
];

/// The depeg product's trigger: so long at or below that price, and what is paid is the loss of the worst window.
const TRIGGER_PRICE: f64 = 0.97;
const RUN: u64 = DAY / 4;
const WINDOW: u64 = DAY / 2;

/// The part of a year that is recorded, in days.
struct Part {
    year: u64,
    from: u64,
    to: u64,
}

/// Reads the recordings and adds them up.
pub(crate) fn tally(folder: &Path) -> Result<Table, String> {
    let locked = locked(folder)?;
    let losses = losses(folder)?;
    let (Some(first), Some(last)) = (locked.first(), locked.last()) else { return Err("no value is locked".into()) };
    let (from, to) = (first.day, last.day + 1);
    let years = (1970..).skip_while(|year| first_day(year + 1, 1) <= from).take_while(|year| first_day(*year, 1) < to);
    let parts: Vec<_> = years
        .map(|year| Part { year, from: from.max(first_day(year, 1)), to: to.min(first_day(year + 1, 1)) })
        .collect();

    let dollars = |share: &dyn Fn(&super::data::Locked) -> u64, categories: &[&str]| {
        let year = |part: &Part| {
            let days = locked.iter().filter(|locked| (part.from..part.to).contains(&locked.day));
            let lost: Vec<_> = losses.iter().filter(|loss| counts(loss, part, categories)).collect();
            Year {
                events: lost.len() as u32,
                losses: lost.iter().map(|loss| loss.usd).sum(),
                exposure: days.map(share).sum::<u64>() / 365,
                ..blank(part)
            }
        };
        parts.iter().map(year).collect::<Vec<_>>()
    };
    let histories = vec![
        History {
            cover: 0,
            name: "Exploit",
            prior_bps: 260,
            coins: false,
            years: dollars(&|locked| locked.ethereum + locked.others, EXPLOIT),
        },
        // nobody recorded what lenders lost to borrowers
        History { cover: 2, name: "Default", prior_bps: 50, coins: false, years: Vec::new() },
        History {
            cover: 3,
            name: "Oracle",
            prior_bps: 70,
            coins: false,
            years: dollars(&|locked| (locked.ethereum + locked.others) * PRICED_PERCENT / 100, ORACLE),
        },
        History {
            cover: 4,
            name: "Bridge",
            prior_bps: 400,
            coins: false,
            // the first year of a history is the first one with exposure
            years: dollars(&|locked| locked.others, BRIDGE).into_iter().filter(|year| year.exposure > 0).collect(),
        },
        History { cover: 5, name: "Depeg", prior_bps: 80, coins: true, years: depegs(folder, &parts)? },
    ];
    Ok(Table { span: (to - from) * DAY, histories })
}

fn blank(part: &Part) -> Year {
    Year { year: part.year as u16, at: (part.from + part.to) * DAY / 2, ..Year::default() }
}

fn counts(loss: &Loss, part: &Part, categories: &[&str]) -> bool {
    (part.from..part.to).contains(&loss.day)
        && categories.contains(&loss.category.as_str())
        && loss.chains.iter().any(|chain| CHAINS.contains(&chain.as_str()))
}

/// Coins that lost their peg, and coins that could have, in millionths of a coin.
fn depegs(folder: &Path, parts: &[Part]) -> Result<Vec<Year>, String> {
    let mut years: Vec<_> = parts.iter().map(blank).collect();
    for coin in &COINS {
        let from = coin.from.map_or(0, |(year, month)| first_day(year, month));
        let to = coin.to.map_or(u64::MAX, |(year, month)| first_day(year, month));
        for (part, year) in parts.iter().zip(&mut years) {
            let days = part.to.min(to).saturating_sub(part.from.max(from));
            year.exposure += days * 1_000_000 / 365;
        }
        for (file, inverse) in coin.recordings {
            let prices = prices(folder, file, *inverse)?;
            let Some(loss) = depeg(&prices) else { continue };
            let day = prices[0].at / DAY;
            let hit = parts.iter().zip(&mut years).find(|(part, _)| (part.from..part.to).contains(&day));
            let (_, year) = hit.ok_or_else(|| format!("{file}: not of the recorded years"))?;
            year.events += 1;
            year.losses += (loss * 1e6).ceil() as u64;
        }
    }
    Ok(years)
}

/// What the trigger would have paid on these prices, as a part of one: nothing without a run. A price holds until the
/// next one, the last one for a window.
pub(crate) fn depeg(prices: &[Price]) -> Option<f64> {
    let ends = |index: usize| prices.get(index + 1).map_or(prices[index].at + WINDOW, |next| next.at);
    let (mut run, mut longest) = (0, 0);
    for (index, price) in prices.iter().enumerate() {
        run = if price.price <= TRIGGER_PRICE { run + ends(index) - price.at } else { 0 };
        longest = longest.max(run);
    }
    if longest < RUN {
        return None;
    }
    // the mean falls and rises in straight lines, so the worst window begins or ends where a price does
    let starts = prices.iter().flat_map(|price| [Some(price.at), price.at.checked_sub(WINDOW)]).flatten();
    let worst = starts.filter_map(|start| {
        let end = start + WINDOW;
        let (mut sum, mut covered) = (0.0, 0);
        for (index, price) in prices.iter().enumerate() {
            let held = ends(index).min(end).saturating_sub(price.at.max(start));
            sum += price.price * held as f64;
            covered += held;
        }
        (covered == WINDOW).then_some(sum / WINDOW as f64)
    });
    worst.min_by(f64::total_cmp).map(|mean| 1.0 - mean)
}

/// The table as the source that the project keeps: `history/table.rs`.
pub(crate) fn source(table: &Table) -> String {
    let mut out = String::from(
        "//! What was recorded. Made by `cargo run -p actuary --example history -- FOLDER`, not by hand; what counts as what\n\
         //! is said there and in docs/pricing.md.\n\n\
         use super::{History, Year};\n\n",
    );
    out +=
        &format!("/// How long the recordings last, in seconds.\npub const SPAN: u64 = {};\n\n", grouped(table.span));
    out += "/// The histories, by cover type.\npub const TABLE: &[History] = &[\n";
    for history in &table.histories {
        let prior = grouped(history.prior_bps * 100_000_000_000_000);
        let (cover, name, coins) = (history.cover, history.name, history.coins);
        if history.years.is_empty() {
            out += &format!(
                "    History {{ cover: {cover}, name: \"{name}\", prior: {prior}, coins: {coins}, years: &[] }},\n"
            );
            continue;
        }
        out += "    History {\n";
        out += &format!("        cover: {cover},\n        name: \"{name}\",\n        prior: {prior},\n");
        out += &format!("        coins: {coins},\n        years: &[\n");
        for year in &history.years {
            let [at, losses, exposure] = [year.at, year.losses, year.exposure].map(grouped);
            let (year, events) = (year.year, year.events);
            out += &format!("            year({year}, {at}, {events}, {losses}, {exposure}),\n");
        }
        out += "        ],\n    },\n";
    }
    out += "];\n\nconst fn year(year: u16, at: u64, events: u32, losses: u64, exposure: u64) -> Year {\n    \
            Year { year, at, events, losses, exposure }\n}\n";
    out
}

/// A number as Rust writes it, `1_234`.
fn grouped(number: u64) -> String {
    separated(number, '_')
}

/// A number's digits in threes.
pub(crate) fn separated(number: u64, separator: char) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(separator);
        }
        out.push(digit);
    }
    out
}
