//! Errors of the precompiles in words: nodes tell them by name wherever their selector shows up.

use alloy_sol_types::{SolError, SolInterface};

use super::{ArbDebug, ArbSys, ArbWasm};

/// `error Name(arguments)` if `data` is an error of a precompile: what follows `execution reverted: `.
pub fn describe(data: &[u8]) -> Option<String> {
    if let Ok(error) = ArbWasm::ArbWasmErrors::abi_decode(data) {
        use ArbWasm::ArbWasmErrors as E;
        return Some(match error {
            E::ProgramNotWasm(_) => "error ProgramNotWasm()".into(),
            E::ProgramNotActivated(_) => "error ProgramNotActivated()".into(),
            E::ProgramNeedsUpgrade(e) => {
                format!("error ProgramNeedsUpgrade({}, {})", e.version, e.stylusVersion)
            }
            E::ProgramExpired(e) => format!("error ProgramExpired({})", e.ageInSeconds),
            E::ProgramUpToDate(_) => "error ProgramUpToDate()".into(),
            E::ProgramKeepaliveTooSoon(e) => {
                format!("error ProgramKeepaliveTooSoon({})", e.ageInSeconds)
            }
            E::ProgramInsufficientValue(e) => {
                format!("error ProgramInsufficientValue({}, {})", e.have, e.want)
            }
        });
    }
    if let Ok(e) = ArbSys::InvalidBlockNumber::abi_decode(data) {
        return Some(format!("error InvalidBlockNumber({}, {})", e.requested, e.current));
    }
    if let Ok(e) = ArbDebug::Custom::abi_decode(data) {
        return Some(format!("error Custom({}, {}, {})", e.number, e.message, e.flag));
    }
    None
}

/// The words of an error that ends a frame without being a revert.
pub(crate) fn words<E: SolError>(error: &E) -> String {
    describe(&error.abi_encode()).unwrap_or_else(|| format!("error {}", E::SIGNATURE))
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{U256, hex};

    use super::*;

    #[test]
    fn errors_are_told_by_name_and_arguments() {
        assert_eq!(describe(&hex!("6f809c4e")).as_deref(), Some("error ProgramNotActivated()"));
        let error = ArbSys::InvalidBlockNumber { requested: U256::from(1_000_000_000), current: U256::from(93) };
        assert_eq!(words(&error), "error InvalidBlockNumber(1000000000, 93)");
        assert_eq!(
            words(&ArbWasm::ProgramKeepaliveTooSoon { ageInSeconds: 244 }),
            "error ProgramKeepaliveTooSoon(244)"
        );
    }

    #[test]
    fn other_data_is_not_told() {
        for data in [&[][..], &hex!("6f809c"), &hex!("08c379a0"), &hex!("16bd0cf8")] {
            assert_eq!(describe(data), None);
        }
    }
}
