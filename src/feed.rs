//! Price series that the demo plays into a feed.
//!
//! In order of preference: a CSV file given by `--feed`; the recorded Chainlink rounds of USDC/USD in the data
//! folder (`PALISADE_DATA`, or `../shared/data` beside the project), followed by the composite price of the days
//! after the recording ends; else the turning points of the same days, typed in below.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// Decimals of the prices: Chainlink's USD feeds have 8.
pub const DECIMALS: u8 = 8;

/// The recorded rounds, and what goes on after them.
const ROUNDS: &str = "usdc_usd_chainlink_rounds_2022-11_2023-03.csv";
const COMPOSITE: &str = "usdc_usd_composite_1h_2023-03.csv";

/// The recording before this time is quiet: the demo leaves it out (2023-03-10 00:00 UTC).
const FROM: u64 = 1_678_406_400;

/// The recording after this time is quiet again (2023-03-14 12:00 UTC).
const UNTIL: u64 = 1_678_795_200;

/// Turning points of USDC/USD in March 2023: time, price in units of 1e-8. Up to 12 March 08:43 rounds of
/// Chainlink's feed on Ethereum (phase 2, aggregator rounds 1012–1145), from then on the hourly composite of
/// exchanges. The public record of both is named in the README.
const TURNING_POINTS: &[(u64, u64)] = &[
    (1_678_428_059, 100_019_000),
    (1_678_497_491, 99_209_183),
    (1_678_504_823, 97_651_903),
    (1_678_505_351, 96_874_705),
    (1_678_506_863, 94_282_769),
    (1_678_511_327, 94_900_000),
    (1_678_514_723, 93_500_214),
    (1_678_517_339, 89_897_889),
    (1_678_521_083, 88_000_000),
    (1_678_524_383, 91_308_152),
    (1_678_533_239, 90_540_455),
    (1_678_540_511, 91_070_000),
    (1_678_552_691, 92_486_153),
    (1_678_558_163, 94_767_000),
    (1_678_566_899, 97_910_000),
    (1_678_574_339, 95_550_000),
    (1_678_587_011, 97_543_404),
    (1_678_608_203, 94_940_000),
    (1_678_640_421, 95_843_657),
    (1_678_658_283, 96_933_000),
    (1_678_665_483, 99_277_100),
    (1_678_676_395, 99_472_264),
    (1_678_694_494, 98_032_369),
    (1_678_716_142, 99_871_300),
    (1_678_730_289, 100_200_000),
    (1_678_759_082, 99_969_000),
    (1_678_791_481, 100_200_000),
];

/// Why a series cannot be used.
#[derive(Debug, Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is not `unix_time,price`.
    #[error("{path}, line {line}: expected `unix_time,price`, found {text:?}")]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is there.
        text: String,
    },
    /// The times do not rise.
    #[error("{path}, line {line}: time does not rise")]
    Order {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
    /// Too few prices.
    #[error("{path}: a series needs at least two prices")]
    Short {
        /// Which file.
        path: PathBuf,
    },
}

/// One price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Seconds since 1970.
    pub time: u64,
    /// In units of 1e-8.
    pub price: u64,
}

/// A series and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// In words.
    pub source: String,
    /// In the order of time.
    pub points: Vec<Point>,
}

impl Series {
    /// The series to play: `file` if given, else the recording where it is, else the turning points.
    ///
    /// # Errors
    /// Where a file that is there cannot be used.
    pub fn find(file: Option<&Path>) -> Result<Self, Error> {
        if let Some(path) = file {
            return Ok(Self { source: path.display().to_string(), points: read(path)? });
        }
        match data_folder() {
            Some(folder) => Self::recorded(&folder),
            None => Ok(Self::turning_points()),
        }
    }

    /// Chainlink's recorded rounds of March 2023 and the composite price after them.
    ///
    /// # Errors
    /// Where a file cannot be used.
    pub fn recorded(folder: &Path) -> Result<Self, Error> {
        let mut points = read(&folder.join(ROUNDS))?;
        points.retain(|point| point.time >= FROM);
        let end = points.last().map_or(0, |point| point.time);
        let after = read(&folder.join(COMPOSITE))?;
        points.extend(after.into_iter().filter(|point| point.time > end && point.time < UNTIL));
        Ok(Self { source: "recorded Chainlink rounds of USDC/USD, 10–14 March 2023".into(), points })
    }

    /// The typed-in turning points of the same days.
    #[must_use]
    pub fn turning_points() -> Self {
        let points = TURNING_POINTS.iter().map(|&(time, price)| Point { time, price }).collect();
        Self { source: "turning points of USDC/USD, 10–14 March 2023".into(), points }
    }

    /// The lowest price.
    #[must_use]
    pub fn low(&self) -> Point {
        self.points.iter().copied().min_by_key(|point| point.price).unwrap_or(Point { time: 0, price: 0 })
    }

    /// The same series that begins at `start` and runs `speed` times as fast. Points that fall on the same second
    /// are merged: the later one stays.
    #[must_use]
    pub fn played(&self, start: u64, speed: u64) -> Vec<Point> {
        let first = self.points.first().map_or(0, |point| point.time);
        let mut points: Vec<Point> = Vec::with_capacity(self.points.len());
        for point in &self.points {
            let time = start + (point.time - first) / speed;
            match points.last_mut() {
                Some(last) if last.time == time => last.price = point.price,
                _ => points.push(Point { time, price: point.price }),
            }
        }
        points
    }
}

/// The folder of recorded data, where there is one.
#[must_use]
pub fn data_folder() -> Option<PathBuf> {
    let named = std::env::var_os("PALISADE_DATA").map(PathBuf::from);
    let beside = crate::artefact::Builder::find().root().join("../shared/data");
    [named, Some(beside)].into_iter().flatten().find(|folder| folder.join(ROUNDS).is_file())
}

fn read(path: &Path) -> Result<Vec<Point>, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::File { path: path.into(), source })?;
    let mut points: Vec<Point> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line_number = index + 1;
        let mut cells = line.split(',');
        let (time, price) = (cells.next().unwrap_or_default().trim(), cells.next().unwrap_or_default().trim());
        if line.trim().is_empty() || (index == 0 && time == "unix_time") {
            continue;
        }
        let point = time.parse().ok().zip(price_units(price)).map(|(time, price)| Point { time, price });
        let Some(point) = point else {
            return Err(Error::Line { path: path.into(), line: line_number, text: line.into() });
        };
        if points.last().is_some_and(|last| last.time >= point.time) {
            return Err(Error::Order { path: path.into(), line: line_number });
        }
        points.push(point);
    }
    if points.len() < 2 {
        return Err(Error::Short { path: path.into() });
    }
    Ok(points)
}

/// A decimal price in units of 1e-8, cut after the eighth decimal; `None` for zero and for what is no price.
fn price_units(text: &str) -> Option<u64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(decimals) {
        return None;
    }
    let decimals: String = decimals.chars().chain(std::iter::repeat('0')).take(usize::from(DECIMALS)).collect();
    let units = whole.parse::<u64>().ok()?.checked_mul(100_000_000)?.checked_add(decimals.parse().ok()?)?;
    (units > 0).then_some(units)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("palisade-feed-{}-{name}.csv", std::process::id()));
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn prices_are_read_as_they_are_written() {
        assert_eq!(price_units("1"), Some(100_000_000));
        assert_eq!(price_units("0.88"), Some(88_000_000));
        assert_eq!(price_units("0.9878413760288599"), Some(98_784_137));
        for bad in ["", "0", "-1", "1e3", "x", "1.2.3"] {
            assert_eq!(price_units(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_csv_with_or_without_heading_is_taken() {
        let path = file("good", "unix_time,price,more\n10,1.0,x\n20,0.9,y\n");
        let series = Series::find(Some(&path)).unwrap();
        assert_eq!(series.points, [Point { time: 10, price: 100_000_000 }, Point { time: 20, price: 90_000_000 }]);
        assert_eq!(series.low().time, 20);
    }

    #[test]
    fn bad_files_are_refused_by_line() {
        let text = |name: &str, text: &str| Series::find(Some(&file(name, text))).unwrap_err().to_string();
        assert!(text("word", "10,1.0\nbad\n").contains("line 2: expected"));
        assert!(text("order", "20,1.0\n10,1.0\n").contains("line 2: time does not rise"));
        assert!(text("short", "10,1.0\n").contains("at least two"));
        assert!(Series::find(Some(Path::new("nowhere.csv"))).unwrap_err().to_string().contains("nowhere.csv"));
    }

    #[test]
    fn the_turning_points_rise_in_time_and_hold_the_low() {
        let series = Series::turning_points();
        assert!(series.points.windows(2).all(|pair| pair[0].time < pair[1].time));
        assert_eq!(series.low(), Point { time: 1_678_521_083, price: 88_000_000 });
    }

    #[test]
    fn a_faster_series_keeps_its_shape() {
        let points = Series::turning_points().played(1_000, 3_600);
        assert_eq!(points[0].time, 1_000);
        assert!(points.windows(2).all(|pair| pair[0].time < pair[1].time));
        assert!(points.last().unwrap().time < 1_000 + 110);
        assert_eq!(points.iter().map(|point| point.price).min(), Some(88_000_000));
    }
}
