//! Amounts of ETH, as people write them.

use alloy_primitives::{U256, utils::format_ether};

/// Digits after the point.
const DECIMALS: usize = 18;

/// An amount of ETH, in wei: digits, with up to 18 of them after a point.
pub(super) fn parse_ether(text: &str) -> Result<U256, String> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number(whole) || !is_number(part) || part.len() > DECIMALS {
        return Err("an amount of ETH is digits, with up to 18 after a point".to_owned());
    }
    let wei = U256::from_str_radix(&format!("{whole}{part:0<DECIMALS$}"), 10).ok();
    // Sums of balances and fees stay far below 2^256.
    wei.filter(|wei| *wei <= U256::from(u128::MAX)).ok_or_else(|| "the limit is 2^128 wei".to_owned())
}

/// The shortest way to write it.
pub(super) fn ether(wei: U256) -> String {
    format_ether(wei).trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ether_is_read_to_the_wei() {
        let wei = |text: &str| parse_ether(text).map(|wei| wei.to_string());
        assert_eq!(wei("1"), Ok("1000000000000000000".to_owned()));
        assert_eq!(wei("0.000000000000000001"), Ok("1".to_owned()));
        assert_eq!(wei("12.5"), Ok("12500000000000000000".to_owned()));
        for wrong in ["", ".", "1.", ".5", "-1", "1e3", "0x1", "1.0000000000000000001", "1 000", "1.2.3"] {
            assert!(wei(wrong).is_err(), "{wrong}");
        }
        assert!(wei(&"9".repeat(80)).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(wei in any::<u128>()) {
            let wei = U256::from(wei);
            prop_assert_eq!(parse_ether(&ether(wei)), Ok(wei));
        }
    }
}
