//! What was recorded. Made by `cargo run -p actuary --example history -- FOLDER`, not by hand; what counts as what
//! is said there and in docs/pricing.md.

use super::{History, Year};

/// How long the recordings last, in seconds.
pub const SPAN: u64 = 176_342_400;

/// The histories, by cover type.
pub const TABLE: &[History] = &[
    History {
        cover: 0,
        name: "Exploit",
        prior: 26_000_000_000_000_000,
        coins: false,
        years: &[
            year(2020, 1_593_648_000, 7, 65_650_000, 4_546_612_480),
            year(2021, 1_625_227_200, 39, 743_463_000, 82_265_607_127),
            year(2022, 1_656_763_200, 20, 548_150_000, 63_128_948_971),
            year(2023, 1_688_299_200, 52, 580_654_000, 33_895_122_924),
            year(2024, 1_719_878_400, 43, 316_504_700, 60_284_727_506),
            year(2025, 1_744_934_400, 21, 140_629_450, 41_442_601_665),
        ],
    },
    History { cover: 2, name: "Default", prior: 5_000_000_000_000_000, coins: false, years: &[] },
    History {
        cover: 3,
        name: "Oracle",
        prior: 7_000_000_000_000_000,
        coins: false,
        years: &[
            year(2020, 1_593_648_000, 6, 58_750_000, 2_273_306_240),
            year(2021, 1_625_227_200, 11, 285_470_000, 41_132_803_563),
            year(2022, 1_656_763_200, 8, 76_719_000, 31_564_474_485),
            year(2023, 1_688_299_200, 7, 15_107_000, 16_947_561_461),
            year(2024, 1_719_878_400, 6, 38_350_000, 30_142_363_752),
            year(2025, 1_744_934_400, 3, 17_275_000, 20_721_300_832),
        ],
    },
    History {
        cover: 4,
        name: "Bridge",
        prior: 40_000_000_000_000_000,
        coins: false,
        years: &[
            year(2020, 1_593_648_000, 0, 0, 18_053_925),
            year(2021, 1_625_227_200, 3, 628_400_000, 16_604_094_437),
            year(2022, 1_656_763_200, 8, 1_577_699_449, 15_808_367_367),
            year(2023, 1_688_299_200, 5, 299_950_000, 8_237_939_330),
            year(2024, 1_719_878_400, 3, 17_100_000, 10_168_917_961),
            year(2025, 1_744_934_400, 0, 0, 6_482_551_786),
        ],
    },
    History {
        cover: 5,
        name: "Depeg",
        prior: 8_000_000_000_000_000,
        coins: true,
        years: &[
            year(2020, 1_593_648_000, 0, 0, 5_265_749),
            year(2021, 1_625_227_200, 0, 0, 6_000_000),
            year(2022, 1_656_763_200, 1, 754_221, 5_413_698),
            year(2023, 1_688_299_200, 2, 168_264, 5_504_109),
            year(2024, 1_719_878_400, 1, 38_684, 5_013_695),
            year(2025, 1_744_934_400, 0, 0, 2_931_505),
        ],
    },
];

const fn year(year: u16, at: u64, events: u32, losses: u64, exposure: u64) -> Year {
    Year { year, at, events, losses, exposure }
}
