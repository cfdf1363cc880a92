//! Failures as people read them: what failed, on which transaction, and why in the contract's own words.

use std::sync::LazyLock;

use ethers::{
    abi::{Abi, ErrorExt, Token, ethabi::AbiError},
    types::Bytes,
    utils::hex,
};

use crate::interface::{INTERFACES, text_of};

static ERRORS: LazyLock<Vec<AbiError>> = LazyLock::new(|| {
    let parse = |json: &str| serde_json::from_str::<Abi>(json).expect("the checked-in ABIs are valid");
    let known = INTERFACES.iter().flat_map(|(_, json)| parse(json).errors.into_values().flatten());
    let mut errors: Vec<_> = known.collect();
    errors.push(AbiError { name: "Error".into(), inputs: vec![string("message")] });
    errors.push(AbiError { name: "Panic".into(), inputs: vec![number("code")] });
    // the protocol's contract on L1, the deployer and the tokens of others
    for (name, inputs) in [
        ("NotTopLevel", vec![address("caller")]),
        ("WrongValue", vec![number("sent"), number("needed")]),
        ("NoToken", vec![address("token")]),
        ("ContractInitializationError", vec![address("contract")]),
        ("ERC20InsufficientBalance", vec![address("sender"), number("balance"), number("needed")]),
        ("ERC20InsufficientAllowance", vec![address("spender"), number("allowance"), number("needed")]),
    ] {
        errors.push(AbiError { name: name.into(), inputs });
    }
    errors
});

fn param(name: &str, kind: ethers::abi::ParamType) -> ethers::abi::Param {
    ethers::abi::Param { name: name.into(), kind, internal_type: None }
}
fn string(name: &str) -> ethers::abi::Param {
    param(name, ethers::abi::ParamType::String)
}
fn number(name: &str) -> ethers::abi::Param {
    param(name, ethers::abi::ParamType::Uint(256))
}
fn address(name: &str) -> ethers::abi::Param {
    param(name, ethers::abi::ParamType::Address)
}

/// Revert data in words: the error's name with its arguments, or the bytes where no known interface has it.
#[must_use]
pub fn decode(data: &[u8]) -> String {
    let Some(selector) = data.get(..4) else {
        return if data.is_empty() {
            "reverted without data".into()
        } else {
            format!("reverted with 0x{}", hex::encode(data))
        };
    };
    for error in ERRORS.iter().filter(|error| error.selector() == selector) {
        if let Ok(tokens) = error.decode(&data[4..]) {
            let named = error.inputs.iter().zip(tokens).map(|(input, token)| {
                if input.name.is_empty() { show(&token) } else { format!("{}: {}", input.name, show(&token)) }
            });
            return format!("{}({})", error.name, named.collect::<Vec<_>>().join(", "));
        }
    }
    format!("reverted with 0x{}", hex::encode(data))
}

fn show(token: &Token) -> String {
    match token {
        Token::Address(address) => format!("{address:?}"),
        Token::Uint(number) | Token::Int(number) => number.to_string(),
        Token::FixedBytes(bytes) => {
            // parameters and subjects are text in 32 bytes
            text_of(bytes).map_or_else(|| format!("0x{}", hex::encode(bytes)), |text| format!("{text:?}"))
        }
        Token::Bytes(bytes) => format!("0x{}", hex::encode(bytes)),
        Token::String(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}

/// The revert data inside an error of ethers, if there is some.
#[must_use]
pub fn revert_data<M: ethers::providers::Middleware>(error: &ethers::contract::ContractError<M>) -> Option<Bytes> {
    error.as_revert().cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_errors_are_told_by_name() {
        let mut data = ethers::utils::id("PremiumTooHigh(uint256,uint256)").to_vec();
        for value in [7u8, 5] {
            data.extend([0; 31]);
            data.push(value);
        }
        assert_eq!(decode(&data), "PremiumTooHigh(premium: 7, max: 5)");
        assert_eq!(decode(&[]), "reverted without data");
        assert_eq!(decode(&[1, 2, 3, 4]), "reverted with 0x01020304");
    }

    #[test]
    fn names_in_words_are_told_as_text() {
        let mut data = ethers::utils::id("ParameterOutOfBounds(bytes32,uint256)").to_vec();
        let parameter = crate::deploy::plan::word("shortRateBps").to_vec();
        data.extend(ethers::abi::encode(&[Token::FixedBytes(parameter), Token::Uint(7.into())]));
        assert_eq!(decode(&data), "ParameterOutOfBounds(parameter: \"shortRateBps\", value: 7)");
    }

    #[test]
    fn a_solidity_string_is_told_too() {
        let mut data = hex::decode("08c379a0").unwrap();
        data.extend(ethers::abi::encode(&[Token::String("No data present".into())]));
        assert_eq!(decode(&data), "Error(message: \"No data present\")");
    }
}
