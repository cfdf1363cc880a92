//! The card of a policy and its description.

use alloc::string::{String, ToString};

use actuary::math::mul_div_down;
use alloy_primitives::{Address, B256, U256};

use crate::{
    FaceTuple,
    text::{amount, base64, date, decimal, exact_amount, hex, json, name, short, symbol, time, xml},
};

/// The picture: 600 × 600, with `${…}` where a policy's values go.
const CARD: &str = include_str!("card.svg");
/// The description, with `${…}` likewise.
const METADATA: &str = include_str!("metadata.json");

/// What is shown of a policy: `ICertificate.Face`.
#[derive(Clone, Debug)]
pub struct Face {
    /// The policy's number.
    pub policy: U256,
    /// The type of cover, as `IRisk.Cover`.
    pub cover: u8,
    /// The product's id.
    pub product: U256,
    /// What the cover is about.
    pub subject: B256,
    /// Whose loss is covered.
    pub insured: Address,
    /// What of the insured's is covered.
    pub position: B256,
    /// Cover bought, in the asset's smallest unit.
    pub amount: U256,
    /// What can still be paid.
    pub remaining: U256,
    /// When cover begins.
    pub start: u64,
    /// When cover ends.
    pub end: u64,
    /// 0 waiting, 1 in force, 2 in grace, 3 claim open, 4 used up, 5 expired.
    pub state: u8,
    /// The asset's decimals.
    pub decimals: u8,
    /// The asset's symbol, as text.
    pub symbol: B256,
}

impl From<FaceTuple> for Face {
    fn from(face: FaceTuple) -> Self {
        let (
            policy,
            cover,
            product,
            subject,
            insured,
            position,
            amount,
            remaining,
            start,
            end,
            state,
            decimals,
            symbol,
        ) = face;
        Self {
            policy,
            cover,
            product,
            subject,
            insured,
            position,
            amount,
            remaining,
            start,
            end,
            state,
            decimals,
            symbol,
        }
    }
}

impl Face {
    /// The picture.
    #[must_use]
    pub fn svg(&self) -> String {
        let (cover, accent) = self.cover();
        let (state, signal) = self.state();
        let pill = 64 + state.len() * 11;
        let accent = if self.state >= USED_UP { PALE } else { accent };
        let subject = name(self.subject).unwrap_or_else(|| short(&hex(self.subject.as_slice())));
        let symbol = cut(symbol(self.symbol), 12);
        let (amount, remaining) = (amount(self.amount, self.decimals), amount(self.remaining, self.decimals));
        let (start, end) = (date(self.start), date(self.end));
        let amount_size = fit(width(&amount) + width(&symbol) * 6 / 10, 510, 46);
        let payout = width(self.payout()) + width(&remaining) + width(&symbol) + width("  ");
        let values = [
            ("policy", policy(self.policy)),
            ("cover", cover.to_string()),
            ("accent", accent.to_string()),
            ("state", state.to_string()),
            ("signal", signal.to_string()),
            ("pill", number(560 - pill)),
            ("pillWidth", number(pill)),
            ("pillMiddle", number(560 - pill / 2)),
            ("subjectSize", number(fit(width(&subject), 520, 58))),
            ("subject", xml(&subject)),
            ("amountSize", number(amount_size)),
            ("symbolSize", number(amount_size * 6 / 10)),
            ("amount", xml(&amount)),
            ("symbol", xml(&symbol)),
            ("bar", decimal(self.bar())),
            ("remaining", xml(&remaining)),
            ("payout", self.payout().to_string()),
            ("payoutSize", number(fit(payout, 520, 24))),
            ("startSize", number(fit(width(&start), 250, 29))),
            ("startDate", start),
            ("startTime", time(self.start)),
            ("endSize", number(fit(width(&end), 250, 29))),
            ("endDate", end),
            ("endTime", time(self.end)),
            ("insured", short(&hex(self.insured.as_slice()))),
        ];
        fill(CARD, &values)
    }

    /// The description, with the picture in it.
    #[must_use]
    pub fn json(&self) -> String {
        let subject = name(self.subject).unwrap_or_else(|| hex(self.subject.as_slice()));
        let position = match self.position {
            B256::ZERO => String::new(),
            position => {
                let value = name(position).unwrap_or_else(|| hex(position.as_slice()));
                fill(POSITION, &[("value", json(&value))])
            }
        };
        let values = [
            ("policy", decimal(self.policy)),
            ("product", decimal(self.product)),
            ("cover", self.cover().0.to_string()),
            ("state", self.state().0.to_string()),
            ("subject", json(&subject)),
            ("amount", exact_amount(self.amount, self.decimals)),
            ("remaining", exact_amount(self.remaining, self.decimals)),
            ("payout", self.payout().to_string()),
            ("symbol", json(&symbol(self.symbol))),
            ("start", decimal(U256::from(self.start))),
            ("end", decimal(U256::from(self.end))),
            ("startDate", date(self.start)),
            ("startTime", time(self.start)),
            ("endDate", date(self.end)),
            ("endTime", time(self.end)),
            ("insured", hex(self.insured.as_slice())),
            ("position", position),
            ("image", base64(self.svg().as_bytes())),
        ];
        fill(METADATA, &values)
    }

    /// The cover's name and its colour.
    fn cover(&self) -> (&'static str, &'static str) {
        const COVERS: [(&str, &str); 6] = [
            ("Exploit cover", "#f9a8d4"),
            ("Impermanent-loss cover", "#c4b5fd"),
            ("Default cover", "#93c5fd"),
            ("Oracle cover", "#fcd34d"),
            ("Bridge cover", "#86efac"),
            ("Depeg cover", "#5eead4"),
        ];
        COVERS.get(usize::from(self.cover)).copied().unwrap_or(("Cover", PALE))
    }

    /// The state's name and its colour.
    fn state(&self) -> (&'static str, &'static str) {
        const STATES: [(&str, &str); 7] = [
            ("Waiting", "#fcd34d"),
            ("In force", "#4ade80"),
            ("In grace", "#7dd3fc"),
            ("Claim open", "#fdba74"),
            ("Used up", OVER),
            ("Expired", OVER),
            ("Cancelled", OVER),
        ];
        STATES.get(usize::from(self.state)).copied().unwrap_or(("Unknown", OVER))
    }

    /// What is said of the remaining amount.
    fn payout(&self) -> &'static str {
        if self.state >= EXPIRED { "Unused:" } else { "Pays up to" }
    }

    /// How long the bar is: what can still be paid of the amount, of 520.
    fn bar(&self) -> U256 {
        const WIDTH: U256 = U256::from_limbs([520, 0, 0, 0]);
        mul_div_down(self.remaining.min(self.amount), WIDTH, self.amount).unwrap_or_default()
    }
}

/// The first of the states in which nothing is paid any more.
const USED_UP: u8 = 4;
/// The first of the states in which what is left is never paid.
const EXPIRED: u8 = 5;
/// The colour of what is over, and of its state's name.
const PALE: &str = "#94a3b8";
const OVER: &str = "#cbd5e1";
/// The attribute that only some policies have.
const POSITION: &str = r#",{"trait_type":"Position","value":"${value}"}"#;

/// At most `most` characters of a text.
fn cut(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text,
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
    }
}

fn number(value: usize) -> String {
    decimal(U256::from(value))
}

/// A policy's number as the card has room for it: the beginning and the end of a long one.
fn policy(number: U256) -> String {
    let digits = decimal(number);
    let mut out = String::from("#");
    match digits.len() {
        ..=9 => out.push_str(&digits),
        len => out.extend([&digits[..4], "…", &digits[len - 3..]]),
    }
    out
}

/// A font size at most `largest` at which a text of this [`width`] is at most `room` wide.
fn fit(width: usize, room: usize, largest: usize) -> usize {
    (room * 100 / width.max(1)).clamp(1, largest)
}

/// How wide a text is at most, in hundredths of its font size: as wide as the bold letters of a wide font.
fn width(text: &str) -> usize {
    let width = |c| match c {
        ' ' | '!' | '\''..=')' | ','..='/' | ':' | ';' | 'I' | 'J' | '['..=']' | 'i' | 'j' | 'l' => 46,
        '0'..='9' | 'a'..='l' | 'n'..='v' | 'x'..='z' => 72,
        '#'..='&' | '@' | 'M' | 'W' | 'm' | 'w' | '~'.. => 112,
        _ => 88,
    };
    text.chars().map(width).sum()
}

/// The template with each `${name}` replaced by its value. Values are not looked into again.
fn fill(template: &str, values: &[(&str, String)]) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template.trim_end();
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        if let Some((_, value)) = values.iter().find(|(key, _)| *key == name) {
            out.push_str(value);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}
