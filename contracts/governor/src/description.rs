//! Who may submit a description: one that ends with `#proposer=0x…` belongs to that address, so that nobody can
//! take a proposal's id (and the right to cancel it) by submitting it first.

use alloy_primitives::Address;

const MARKER: &[u8] = b"#proposer=0x";

/// Whether `proposer` may submit `description`. Only a complete suffix of 40 hexadecimal digits in either case
/// restricts it.
pub(crate) fn belongs_to(description: &[u8], proposer: Address) -> bool {
    let Some(suffix) = description.len().checked_sub(MARKER.len() + 40) else { return true };
    let Some(digits) = description[suffix..].strip_prefix(MARKER) else { return true };
    let mut address = [0; 20];
    for (byte, pair) in address.iter_mut().zip(digits.chunks_exact(2)) {
        match (nibble(pair[0]), nibble(pair[1])) {
            (Some(high), Some(low)) => *byte = high << 4 | low,
            _ => return true,
        }
    }
    proposer == address
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use alloy_primitives::address;

    use super::*;

    const ALICE: Address = address!("00000000000000000000000000000000000a11CE");
    const BOB: Address = address!("0000000000000000000000000000000000000b0b");

    #[test]
    fn a_suffix_restricts_whatever_its_case() {
        for suffix in [format!("{ALICE}"), format!("{ALICE:x}"), format!("0x{ALICE:x}").replace("0x0x", "0x")] {
            let suffix = if suffix.starts_with("0x") { suffix } else { format!("0x{suffix}") };
            let description = format!("Raise the cap#proposer={suffix}");
            assert!(belongs_to(description.as_bytes(), ALICE), "{description}");
            assert!(!belongs_to(description.as_bytes(), BOB), "{description}");
        }
        let upper = format!("#proposer=0x{}", format!("{ALICE:x}").trim_start_matches("0x").to_uppercase());
        assert!(belongs_to(upper.as_bytes(), ALICE) && !belongs_to(upper.as_bytes(), BOB));
    }

    #[test]
    fn anything_else_is_free() {
        let whole = format!("Raise the cap#proposer={ALICE}");
        for description in [
            "",
            "Raise the cap",
            &whole[..whole.len() - 1],
            &format!("{whole} "),
            &format!("{whole}\n"),
            &whole.replace("#proposer", "#proponer"),
            &whole.replace("=0x", "=0X"),
            &format!("{}g", &whole[..whole.len() - 1]),
        ] {
            assert!(belongs_to(description.as_bytes(), BOB), "{description}");
        }
    }
}
