//! Values as text: amounts, dates, names, escapes, base64.
//!
//! Written out by hand, since the standard library's formatting is larger than everything else here.

use alloc::{string::String, vec::Vec};

use alloy_primitives::{B256, U256};

/// A whole number in decimal digits.
#[must_use]
pub fn decimal(value: U256) -> String {
    let mut limbs = *value.as_limbs();
    let mut digits = Vec::new();
    loop {
        let mut rest = 0u128;
        for limb in limbs.iter_mut().rev() {
            let dividend = rest << 64 | u128::from(*limb);
            *limb = (dividend / 10) as u64;
            rest = dividend % 10;
        }
        digits.push(b'0' + rest as u8);
        if limbs == [0; 4] {
            break;
        }
    }
    digits.iter().rev().map(|digit| char::from(*digit)).collect()
}

/// An amount as people write it, all its digits: `1,234.5`.
#[must_use]
pub fn exact_amount(value: U256, decimals: u8) -> String {
    let (whole, fraction) = split(value, decimals);
    join(&whole, &fraction)
}

/// An amount with four digits behind the point, or eight where it is below one; rounded down.
#[must_use]
pub fn amount(value: U256, decimals: u8) -> String {
    let (whole, mut fraction) = split(value, decimals);
    let shown = if whole == "0" { 8 } else { 4 };
    if fraction.len() > shown {
        fraction.truncate(shown);
        fraction.truncate(fraction.trim_end_matches('0').len());
        if whole == "0" && fraction.is_empty() {
            return String::from("<0.00000001");
        }
    }
    join(&whole, &fraction)
}

/// The digits before the point and those behind it, without zeros at the end.
fn split(value: U256, decimals: u8) -> (String, String) {
    let mut whole = decimal(value);
    let decimals = usize::from(decimals);
    while whole.len() <= decimals {
        whole.insert(0, '0');
    }
    let mut fraction = whole.split_off(whole.len() - decimals);
    fraction.truncate(fraction.trim_end_matches('0').len());
    (whole, fraction)
}

fn join(whole: &str, fraction: &str) -> String {
    let mut out = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// The UTC date of a time: `5 Mar 2023`.
#[must_use]
pub fn date(time: u64) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day) = civil(time / 86_400);
    let mut out = decimal(U256::from(day));
    out.push(' ');
    out.push_str(MONTHS[month]);
    out.push(' ');
    out.push_str(&decimal(U256::from(year)));
    out
}

/// The UTC time of day of a time: `09:05`.
#[must_use]
pub fn time(time: u64) -> String {
    let minutes = time % 86_400 / 60;
    let two = |value: u64| [b'0' + (value / 10) as u8, b'0' + (value % 10) as u8].map(char::from);
    let [a, b] = two(minutes / 60);
    let [c, d] = two(minutes % 60);
    [a, b, ':', c, d].iter().collect()
}

/// Year, month from 0 and day from 1 of a number of days since 1970-01-01, in the Gregorian calendar.
///
/// Years are counted from March, so that the leap day is the last of its year; four hundred of them have 146,097
/// days.
fn civil(days: u64) -> (u64, usize, u64) {
    let days = days.saturating_add(719_468); // since 0000-03-01
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365; // of the era
    let day = day - (365 * year + year / 4 - year / 100); // of the year
    let month = (5 * day + 2) / 153; // from March
    let day = day - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year + u64::from(month >= 10);
    (year, (month as usize + 2) % 12, day)
}

/// A word as the name that it is, if it is one: printable ASCII, then zeros.
#[must_use]
pub fn name(word: B256) -> Option<String> {
    let len = word.iter().rposition(|byte| *byte != 0)? + 1;
    let text = &word[..len];
    text.iter().all(|byte| matches!(byte, b' '..=b'~')).then(|| text.iter().map(|byte| char::from(*byte)).collect())
}

/// An asset's symbol: UTF-8 up to the first zero. What cannot be read, or would play with how the rest reads
/// (controls, directions, characters of no width), is a replacement character.
#[must_use]
pub fn symbol(word: B256) -> String {
    let len = word.iter().position(|byte| *byte == 0).unwrap_or(32);
    let text = String::from_utf8_lossy(&word[..len]);
    text.chars().map(|c| if is_plain(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

fn is_plain(c: char) -> bool {
    !matches!(
        u32::from(c),
        ..0x20                  // controls
        | 0x7f..=0xa0           // controls, no-break space
        | 0xad                  // soft hyphen
        | 0x300..=0x36f         // combining marks
        | 0x61c                 // direction
        | 0x180e
        | 0x2000..=0x200f       // spaces, no width, direction
        | 0x2028..=0x202f       // line ends, direction
        | 0x205f..=0x206f
        | 0xe000..=0xf8ff       // private use
        | 0xfe00..=0xfe0f       // variants
        | 0xfeff
        | 0xfff0..=0xffff
        | 0x1_f000..            // pictures, tags, private use
    )
}

/// Bytes in hexadecimal: `0x…`.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut out = String::from("0x");
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            out.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
        }
    }
    out
}

/// A long hexadecimal number's beginning and end.
#[must_use]
pub fn short(hex: &str) -> String {
    let mut out = String::from(&hex[..8]);
    out.push('…');
    out.push_str(&hex[hex.len() - 6..]);
    out
}

/// Text that stays text within XML.
#[must_use]
pub fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Text that stays text within a JSON string. It has no controls: [`name`] and [`symbol`] see to that.
#[must_use]
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Bytes in base64, padded.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut three = [0; 3];
        three[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
        for index in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * index) & 63) as usize];
            out.push(if index <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

/// Text as a data URI of this type.
#[must_use]
pub fn data_uri(mime: &str, text: &str) -> String {
    let mut out = String::from("data:");
    out.push_str(mime);
    out.push_str(";base64,");
    out.push_str(&base64(text.as_bytes()));
    out
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString};

    use alloy_primitives::uint;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn decimals_are_those_of_the_number(limbs: [u64; 4]) {
            let value = U256::from_limbs(limbs);
            prop_assert_eq!(decimal(value), value.to_string());
        }

        #[test]
        fn an_exact_amount_reads_back_as_the_number(limbs: [u64; 4], decimals: u8) {
            let value = U256::from_limbs(limbs);
            let text = exact_amount(value, decimals).replace(',', "");
            let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
            let zeros = "0".repeat(usize::from(decimals) - fraction.len());
            let digits = format!("{whole}{fraction}{zeros}");
            prop_assert_eq!(digits.parse(), Ok(value));
        }

        #[test]
        fn dates_go_on_day_by_day(day in 0u64..4_000_000) {
            let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
            let ((year, month, date), next) = (civil(day), civil(day + 1));
            let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            let expected = match (date == lengths[month], month) {
                (false, _) => (year, month, date + 1),
                (true, 11) => (year + 1, 0, 1),
                (true, _) => (year, month + 1, 1),
            };
            prop_assert_eq!(next, expected);
        }
    }

    #[test]
    fn known_dates() {
        assert_eq!((date(0), time(0)), ("1 Jan 1970".into(), "00:00".into()));
        assert_eq!((date(951_782_399), time(951_782_399)), ("28 Feb 2000".into(), "23:59".into()));
        assert_eq!(date(951_782_400), "29 Feb 2000");
        assert_eq!((date(1_678_492_800), time(1_678_521_960)), ("11 Mar 2023".into(), "08:06".into()));
        assert_eq!(date(4_107_542_400), "1 Mar 2100", "2100 is no leap year");
        assert!(date(u64::MAX).len() < 25);
    }

    #[test]
    fn amounts_as_people_write_them() {
        let usdc = |value: u64| amount(U256::from(value), 6);
        assert_eq!(usdc(0), "0");
        assert_eq!(usdc(1_000_000), "1");
        assert_eq!(usdc(1_234_567_890_123), "1,234,567.8901");
        assert_eq!(exact_amount(uint!(1_234_567_890_123_U256), 6), "1,234,567.890123");
        assert_eq!(usdc(999_999_999), "999.9999", "rounded down");
        assert_eq!(usdc(100_000_000_000), "100,000");
        assert_eq!(usdc(1), "0.000001");
        assert_eq!(amount(U256::ONE, 18), "<0.00000001");
        assert_eq!(exact_amount(U256::ONE, 18), "0.000000000000000001");
        assert_eq!(amount(uint!(1_000_000_000_000_000_001_U256), 18), "1");
        assert_eq!(amount(uint!(123_U256), 0), "123");
        assert_eq!(exact_amount(U256::ONE, 255).len(), 257);
    }

    #[test]
    fn base64_of_rfc_4648() {
        let vectors = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (text, encoded) in vectors {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }

    #[test]
    fn a_name_is_printable_ascii_and_then_zeros() {
        let word = |bytes: &[u8]| B256::right_padding_from(bytes);
        assert_eq!(name(word(b"USDC/USD")).unwrap(), "USDC/USD");
        assert_eq!(name(B256::repeat_byte(b'x')).unwrap().len(), 32);
        for bytes in [&b""[..], b"a\0b", b"a\nb", b"\x7f", "\u{e9}".as_bytes(), &[0, b'a'], &[1; 32]] {
            assert!(name(word(bytes)).is_none(), "{bytes:?}");
        }
    }

    #[test]
    fn a_symbol_cannot_play_tricks() {
        let read = |text: &str| symbol(B256::right_padding_from(text.as_bytes()));
        assert_eq!(read("USD₮0"), "USD₮0");
        assert_eq!(read("日本円"), "日本円");
        assert_eq!(read(""), "");
        for trick in ["\u{202e}", "\u{200b}", "\u{7}", "\u{feff}", "\u{2066}", "\u{ffff}", "\u{e0041}", "\u{85}"] {
            assert_eq!(read(&format!("A{trick}B")), "A\u{fffd}B");
        }
        assert_eq!(symbol(B256::right_padding_from(&[b'A', 0xff])), "A\u{fffd}");
        assert_eq!(symbol(B256::right_padding_from(b"A\0B")), "A");
    }

    #[test]
    fn text_stays_text() {
        assert_eq!(xml(r#"<a b="c">&'"#), "&lt;a b=&quot;c&quot;&gt;&amp;&#39;");
        assert_eq!(json("a\"b\\c"), "a\\\"b\\\\c");
        assert_eq!(data_uri("text/plain", "hi"), "data:text/plain;base64,aGk=");
    }

    #[test]
    fn a_long_number_is_shortened_in_its_middle() {
        assert_eq!(short(&hex(&[0xab; 32])), "0xababab…ababab");
    }
}
