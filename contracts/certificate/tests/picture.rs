//! The card as people see it: laid out with the widest letters, and drawn, for every state, cover and extreme.
//!
//! Which font a wallet draws with is not known, so texts are measured as if set in DejaVu Sans Bold, the widest of those
//! that the card's list falls back to: that needs neither a font nor a renderer. Where `rsvg-convert` is installed the
//! cards are drawn too, with the fonts there are: each text must leave its pixels, and all of them within its box.
//! `CERTIFICATE_PICTURES` names a folder that keeps the drawings.

mod layout;
mod png;

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use alloy_primitives::{Address, B256, U256};
use certificate::Face;
use layout::{Text, texts};
use png::Picture;

/// The card's edges, in its own units.
const SIZE: f32 = 600.0;

/// What text keeps from the edges.
const MARGIN: f32 = 36.0;

/// Where the picture of stakes begins: its highest tip.
const STAKES: f32 = 540.0;

/// How many texts a card has.
const TEXTS: usize = 15;

/// WCAG's least contrast of text.
const CONTRAST: f32 = 4.5;

fn word(text: &str) -> B256 {
    B256::right_padding_from(text.as_bytes())
}

fn face() -> Face {
    Face {
        policy: U256::from(12),
        cover: 5,
        product: U256::ONE,
        subject: word("USDC/USD"),
        insured: Address::repeat_byte(0xa1),
        position: B256::ZERO,
        amount: U256::from(250_000_000_000u64),
        remaining: U256::from(237_500_000_000u64),
        start: 1_678_320_000,
        end: 1_686_096_000,
        state: 1,
        decimals: 6,
        symbol: word("USDC"),
    }
}

/// Every state and cover, some of neither.
fn looks() -> Vec<(String, Face)> {
    let looks = (0..8).flat_map(|state| (0..7).map(move |cover| (state, cover)));
    looks.map(|(state, cover)| (format!("state {state}, cover {cover}"), Face { state, cover, ..face() })).collect()
}

/// The longest texts and largest numbers, in each state.
fn extremes() -> Vec<(String, Face)> {
    let mut faces = Vec::new();
    for state in 0..8 {
        let largest = Face {
            policy: U256::MAX,
            cover: 1,
            subject: B256::repeat_byte(b'W'),
            insured: Address::repeat_byte(0xdd),
            amount: U256::MAX,
            remaining: U256::MAX,
            start: u64::MAX,
            end: u64::MAX,
            state,
            symbol: word("WWWWWWWWWWWWWWWW"),
            ..face()
        };
        for decimals in [0, 6, 18, 77, 255] {
            faces.push((format!("largest, state {state}, {decimals} decimals"), Face { decimals, ..largest.clone() }));
        }
        // amounts as large as vaults are, with symbols and subjects of every width
        for text in [
            "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@",
            "mmmmmmmmmmmmmmmm",
            "wwwwwwwwwwwwwwww",
            "QQQQQQQQQQQQQQQQ",
            "{{{{{{{{{{{{{{{{",
            "llllllllllllllll",
        ] {
            let symbol = word(text);
            let faces_of = Face {
                subject: symbol,
                symbol,
                amount: U256::from(u128::MAX >> 30),
                state,
                decimals: 18,
                ..largest.clone()
            };
            faces.push((format!("{text}, state {state}"), faces_of));
        }
        for symbol in ["日本円日本円日本円", "€€€€€€€€€€", "ＷＷＷＷＷＷＷＷＷＷ"]
        {
            faces.push((format!("{symbol}, state {state}"), Face { symbol: word(symbol), state, ..face() }));
        }
    }
    faces
}

#[test]
fn every_text_is_within_the_card_and_over_no_other() {
    for (name, face) in looks().into_iter().chain(extremes()) {
        let texts = texts(&face.svg());
        assert_eq!(texts.len(), TEXTS, "{name}");
        for text in &texts {
            let inside =
                text.left >= MARGIN && text.right <= SIZE - MARGIN && text.top >= MARGIN && text.bottom < STAKES;
            assert!(inside, "{name}: {text:?} is not within its card");
        }
        for (index, one) in texts.iter().enumerate() {
            for other in &texts[index + 1..] {
                assert!(!one.meets(other), "{name}: {one:?} is over {other:?}");
            }
        }
    }
}

#[test]
fn what_counts_can_be_read_in_a_small_picture() {
    // 200 pixels, a third of the card's units: letters of 24 units are eight pixels high
    let texts = texts(&face().svg());
    for said in ["Depeg cover", "USDC/USD", "250,000USDC", "Pays up to 237,500 USDC", "9 Mar 2023", "7 Jun 2023"] {
        let text = texts.iter().find(|text| text.said == said).unwrap_or_else(|| panic!("{said} in {texts:?}"));
        assert!(text.size >= 24.0, "{text:?}");
    }
}

#[test]
fn every_text_stands_out_from_what_is_behind_it() {
    for (name, face) in looks() {
        let svg = face.svg();
        let background = Background::of(&svg);
        for text in texts(&svg) {
            let behind = luminance(background.lightest(&text));
            for fill in &text.fills {
                let contrast = (luminance(fill.map(f32::from)) + 0.05) / (behind + 0.05);
                assert!(contrast >= CONTRAST, "{name}: {contrast:.2} of {text:?}");
            }
        }
    }
}

#[test]
fn drawings_keep_to_the_layout() {
    if draw(&face().svg()).is_none() {
        return eprintln!("skipped: rsvg-convert is not installed");
    }
    let folder = std::env::var_os("CERTIFICATE_PICTURES");
    // each state, each cover and each extreme once
    let some = looks().into_iter().filter(|(_, face)| face.state == 1 || face.cover == face.state % 7);
    let claimed = extremes().into_iter().filter(|(_, face)| face.state == 3);
    for (name, face) in some.chain(claimed) {
        let svg = face.svg();
        let (words, none) = (draw(&svg).expect("it is drawn"), draw(&wordless(&svg)).expect("it is drawn"));
        let (texts, background) = (texts(&svg), Background::of(&svg));
        for (x, y) in [(0, 0), (599, 0), (0, 599), (599, 599)] {
            assert_eq!(words.at(x, y)[3], 0, "the corners are round");
        }
        let mut ink = vec![0; texts.len()];
        for (x, y) in (0..600).flat_map(|y| (0..600).map(move |x| (x, y))) {
            let (x_middle, y_middle) = (x as f32 + 0.5, y as f32 + 0.5);
            let at = texts.iter().position(|text| text.has(x_middle, y_middle));
            if words.at(x, y) != none.at(x, y) {
                ink[at.unwrap_or_else(|| panic!("{name}: ink at {x}, {y} is in no text's box"))] += 1;
            }
            // contrast is measured against the background that is drawn
            if let Some(text) = at.map(|at| &texts[at]).filter(|text| text.within(x_middle, y_middle)) {
                let expected = background.at(x_middle, y_middle, text.said.starts_with(DOT));
                let [drawn @ .., opacity] = none.at(x, y);
                let near =
                    expected.iter().zip(drawn).all(|(expected, drawn)| (expected - f32::from(drawn)).abs() < 4.0);
                assert!(near && opacity == 255, "{name}: {drawn:?} is drawn at {x}, {y}, not {expected:?}");
            }
        }
        // where there is no font there are no words
        let fonts = ink.iter().any(|ink| *ink > 0);
        for (text, ink) in texts.iter().zip(ink) {
            assert!(ink > 10 || text.size < 4.0 || !fonts, "{name}: {text:?} is not to be seen");
        }
        if let Some(folder) = &folder {
            let file = name.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
            for size in [1_000, 200] {
                let picture = rsvg(&svg, size).expect("it is drawn");
                std::fs::write(Path::new(folder).join(format!("{file}-{size}.png")), picture)
                    .expect("the folder is there");
            }
        }
    }
}

/// What is behind the words: a gradient, the accent's light from the upper right corner, the state's pill.
struct Background {
    from: Colour,
    to: Colour,
    accent: Colour,
    light: f32,
    signal: Colour,
    pill: f32,
}

/// Red, green and blue, to 255.
type Colour = [f32; 3];

impl Background {
    /// Reads it from a card.
    fn of(svg: &str) -> Self {
        let after = |mark: &str| svg.split_once(mark).unwrap_or_else(|| panic!("{mark} in {svg}")).1;
        let value = |mark: &str| after(mark).split_once('"').expect("a value ends").0;
        let colour = |mark: &str| {
            let digits = value(mark).strip_prefix('#').expect("a colour");
            [0, 2, 4].map(|at| f32::from(u8::from_str_radix(&digits[at..at + 2], 16).expect("a colour")))
        };
        let radial = r#"<radialGradient id="r" cx="1" cy="0" r="1"><stop stop-color=""#;
        let light = after(radial).split_once("stop-opacity=\"").expect("it fades").1;
        Self {
            from: colour(r#"<linearGradient id="g" x2="1" y2="1"><stop stop-color=""#),
            to: colour(r#"<stop offset="1" stop-color=""#),
            accent: colour(radial),
            light: light.split_once('"').expect("a value ends").0.parse().expect("a number"),
            signal: colour("<g fill=\""),
            pill: value("rx=\"19\" fill-opacity=\"").parse().expect("a number"),
        }
    }

    /// The colour at a point, of the pill or not.
    fn at(&self, x: f32, y: f32, pill: bool) -> Colour {
        let base = mix(self.from, self.to, (x + y) / (2.0 * SIZE));
        let distance = (SIZE - x).hypot(y) / SIZE;
        let lit = mix(base, self.accent, self.light * (1.0 - distance).max(0.0));
        if pill { mix(lit, self.signal, self.pill) } else { lit }
    }

    /// The lightest colour behind a text.
    fn lightest(&self, text: &Text) -> Colour {
        let points = (0..=40).flat_map(|x| (0..=10).map(move |y| (x as f32 / 40.0, y as f32 / 10.0)));
        let colours = points.map(|(x, y)| {
            let [x, y] = [text.left + x * (text.right - text.left), text.top + y * (text.bottom - text.top)];
            self.at(x, y, text.said.starts_with(DOT))
        });
        colours.max_by(|a, b| luminance(*a).total_cmp(&luminance(*b))).expect("there are points")
    }
}

/// What the state's text begins with.
const DOT: char = '●';

fn mix(a: Colour, b: Colour, part: f32) -> Colour {
    [0, 1, 2].map(|channel| a[channel] + (b[channel] - a[channel]) * part)
}

/// WCAG's relative luminance of a colour.
fn luminance(colour: Colour) -> f32 {
    let [red, green, blue] = colour.map(|value| {
        let value = value / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// A card without its texts.
fn wordless(svg: &str) -> String {
    let mut parts = svg.split("<text ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + part.split_once("</text>").expect("a text ends").1)
}

/// A card in as many pixels as it has units; none without a renderer.
fn draw(svg: &str) -> Option<Picture> {
    rsvg(svg, SIZE as u32).map(|file| Picture::decode(&file))
}

/// A card as a PNG file; none without a renderer.
fn rsvg(svg: &str, size: u32) -> Option<Vec<u8>> {
    let mut command = Command::new("rsvg-convert");
    command.args(["--width", &size.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().ok()?;
    child.stdin.take().expect("its input").write_all(svg.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "it takes the card for an SVG");
    Some(output.stdout)
}
