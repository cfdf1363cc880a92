//! The checked-in ABIs as data: functions with the names of their arguments and of their arguments' fields, calls as people
//! read them, and values as people write them in JSON.

use std::{collections::BTreeMap, sync::LazyLock};

use ethers::{
    abi::{ParamType, Token},
    types::{Address, H256, I256, U256},
    utils::{hex, id},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::deploy::{Ledger, plan::word};

/// Every interface by its name, those whose errors are told first in front.
pub const INTERFACES: &[(&str, &str)] = &[
    ("IRisk", include_str!("../contracts/abi/json/IRisk.json")),
    ("IVault", include_str!("../contracts/abi/json/IVault.json")),
    ("IAllocator", include_str!("../contracts/abi/json/IAllocator.json")),
    ("IPolicy", include_str!("../contracts/abi/json/IPolicy.json")),
    ("IAssessor", include_str!("../contracts/abi/json/IAssessor.json")),
    ("IJury", include_str!("../contracts/abi/json/IJury.json")),
    ("IDepegTrigger", include_str!("../contracts/abi/json/IDepegTrigger.json")),
    ("ILendingTrigger", include_str!("../contracts/abi/json/ILendingTrigger.json")),
    ("IExploitTrigger", include_str!("../contracts/abi/json/IExploitTrigger.json")),
    ("IBridgeTrigger", include_str!("../contracts/abi/json/IBridgeTrigger.json")),
    ("IOracleTrigger", include_str!("../contracts/abi/json/IOracleTrigger.json")),
    ("IImpermanentLossTrigger", include_str!("../contracts/abi/json/IImpermanentLossTrigger.json")),
    ("IDistribution", include_str!("../contracts/abi/json/IDistribution.json")),
    ("IToken", include_str!("../contracts/abi/json/IToken.json")),
    ("IGovernor", include_str!("../contracts/abi/json/IGovernor.json")),
    ("ITimelock", include_str!("../contracts/abi/json/ITimelock.json")),
    ("ITreasury", include_str!("../contracts/abi/json/ITreasury.json")),
    ("IRewards", include_str!("../contracts/abi/json/IRewards.json")),
    ("IGuardian", include_str!("../contracts/abi/json/IGuardian.json")),
    ("IVesting", include_str!("../contracts/abi/json/IVesting.json")),
    ("IERC20", include_str!("../contracts/abi/json/IERC20.json")),
];

/// Which interface a contract of a deployment has, by the ledger's names (without a vault's number).
const CONTRACTS: &[(&str, &str)] = &[
    ("risk", "IRisk"),
    ("vault", "IVault"),
    ("allocator", "IAllocator"),
    ("policy", "IPolicy"),
    ("assessor", "IAssessor"),
    ("jury", "IJury"),
    ("depeg", "IDepegTrigger"),
    ("lending", "ILendingTrigger"),
    ("exploit", "IExploitTrigger"),
    ("bridge", "IBridgeTrigger"),
    ("oracle", "IOracleTrigger"),
    ("impermanent-loss", "IImpermanentLossTrigger"),
    ("distribution", "IDistribution"),
    ("token", "IToken"),
    ("governor", "IGovernor"),
    ("timelock", "ITimelock"),
    ("treasury", "ITreasury"),
    ("rewards", "IRewards"),
    ("guardian", "IGuardian"),
    ("vesting", "IVesting"),
    ("asset", "IERC20"),
];

/// More bytes than this are not shown whole.
const MOST_BYTES: usize = 64;

static PARSED: LazyLock<BTreeMap<&str, Interface>> = LazyLock::new(|| {
    let parse = |json: &str| {
        let entries: Vec<Entry> = serde_json::from_str(json).expect("the checked-in ABIs are valid");
        let functions = entries.into_iter().filter(|entry| entry.kind == "function");
        let functions = functions.map(|entry| Function {
            name: entry.name,
            inputs: entry.inputs,
            outputs: entry.outputs,
            is_view: matches!(entry.mutability.as_str(), "view" | "pure"),
        });
        Interface { functions: functions.collect() }
    };
    INTERFACES.iter().map(|(name, json)| (*name, parse(json))).collect()
});

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    inputs: Vec<Parameter>,
    #[serde(default)]
    outputs: Vec<Parameter>,
    #[serde(default, rename = "stateMutability")]
    mutability: String,
}

/// The functions of a contract.
#[derive(Clone, Debug)]
pub struct Interface {
    functions: Vec<Function>,
}

impl Interface {
    /// The interface with this name, such as `IRisk`.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        PARSED.get(name)
    }

    /// The interface of a contract, by its name in the deployment: `risk`, `vault#2`.
    #[must_use]
    pub fn of_contract(name: &str) -> Option<&'static Self> {
        let kind = name.split('#').next().unwrap_or(name);
        let (_, interface) = CONTRACTS.iter().find(|(contract, _)| *contract == kind)?;
        Self::named(interface)
    }

    /// The functions with a name, of which there may be several.
    pub fn functions<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Function> {
        self.functions.iter().filter(move |function| function.name == name)
    }

    fn selected(&self, selector: &[u8]) -> Option<&Function> {
        self.functions.iter().find(|function| function.selector() == selector)
    }
}

/// A function with its arguments and answers by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its arguments.
    pub inputs: Vec<Parameter>,
    /// Its answers.
    pub outputs: Vec<Parameter>,
    /// Whether it only reads.
    pub is_view: bool,
}

impl Function {
    /// A function from its signature, such as `setShares(uint16,uint16,uint16)`, with or without names.
    ///
    /// # Errors
    /// What is wrong with the signature, in words.
    pub fn parse(signature: &str) -> Result<Self, String> {
        let text = signature.trim().trim_start_matches("function ");
        let parsed = ethers::abi::HumanReadableParser::parse_function(text)
            .map_err(|_| format!("{signature:?} is no signature, such as setShares(uint16,uint16,uint16)"))?;
        let inputs = parsed.inputs.into_iter().map(|input| Parameter::of(input.name, &input.kind)).collect();
        Ok(Self { name: parsed.name, inputs, outputs: Vec::new(), is_view: false })
    }

    /// The signature whose hash selects it.
    #[must_use]
    pub fn signature(&self) -> String {
        let kinds: Vec<_> = self.inputs.iter().map(Parameter::canonical).collect();
        format!("{}({})", self.name, kinds.join(","))
    }

    /// The first four bytes of a call.
    #[must_use]
    pub fn selector(&self) -> [u8; 4] {
        id(self.signature())
    }

    /// A call's data.
    #[must_use]
    pub fn encode(&self, arguments: &[Token]) -> Vec<u8> {
        [&self.selector()[..], &ethers::abi::encode(arguments)].concat()
    }

    /// The arguments in a call's data; nothing where they are not in it.
    #[must_use]
    pub fn decode(&self, data: &[u8]) -> Option<Vec<Token>> {
        let kinds: Vec<_> = self.inputs.iter().map(Parameter::kind).collect();
        let tokens = ethers::abi::decode(&kinds, data.get(4..)?).ok()?;
        (self.encode(&tokens) == data).then_some(tokens)
    }

    /// The first answer in what it returned.
    #[must_use]
    pub fn first_answer(&self, data: &[u8]) -> Option<(&Parameter, Token)> {
        let kinds: Vec<_> = self.outputs.iter().map(Parameter::kind).collect();
        let tokens = ethers::abi::decode(&kinds, data).ok()?;
        self.outputs.first().zip(tokens.into_iter().next())
    }
}

/// An argument, an answer, or a field of one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Parameter {
    /// Its name; empty where nobody told.
    pub name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    components: Vec<Parameter>,
}

impl Parameter {
    /// A parameter of a type whose fields have no names.
    #[must_use]
    pub fn of(name: impl Into<String>, kind: &ParamType) -> Self {
        let name = name.into();
        match kind {
            ParamType::Tuple(fields) => {
                let components = fields.iter().map(|field| Self::of("", field)).collect();
                Self { name, kind: "tuple".into(), components }
            }
            ParamType::Array(item) => {
                let item = Self::of("", item);
                Self { name, kind: format!("{}[]", item.kind), components: item.components }
            }
            ParamType::FixedArray(item, length) => {
                let item = Self::of("", item);
                Self { name, kind: format!("{}[{length}]", item.kind), components: item.components }
            }
            plain => Self { name, kind: plain.to_string(), components: Vec::new() },
        }
    }

    /// The type, as the encoding knows it.
    ///
    /// # Panics
    /// For a type that no ABI has.
    #[must_use]
    pub fn kind(&self) -> ParamType {
        ethers::abi::ethabi::param_type::Reader::read(&self.canonical()).expect("an ABI has types that there are")
    }

    /// Fields of a struct.
    #[must_use]
    pub fn fields(&self) -> &[Self] {
        &self.components
    }

    fn canonical(&self) -> String {
        let Some(dimensions) = self.kind.strip_prefix("tuple") else { return self.kind.clone() };
        let fields: Vec<_> = self.components.iter().map(Self::canonical).collect();
        format!("({}){dimensions}", fields.join(","))
    }

    /// What an array has many of.
    fn item(&self) -> Self {
        let kind = self.kind.rsplit_once('[').map_or(self.kind.as_str(), |(item, _)| item);
        Self { name: String::new(), kind: kind.into(), components: self.components.clone() }
    }

    /// A value from JSON: integers as numbers or text (`"1_000"`, `"0x10"`), structs as objects of their fields,
    /// addresses also by a contract's name, 32 bytes also as text of at most so many.
    ///
    /// # Errors
    /// What is wrong where, in words.
    pub fn token(&self, value: &Value, names: &Names) -> Result<Token, String> {
        let told = |wanted: &str| format!("{}{value} is no {wanted}", self.prefix());
        let text = value.as_str();
        match self.kind() {
            ParamType::Address => {
                let found = text.and_then(|text| names.resolve(text));
                found.map(Token::Address).ok_or_else(|| told("address or name of a contract"))
            }
            ParamType::Bool => {
                let found = value.as_bool().or_else(|| text.and_then(|text| text.parse().ok()));
                found.map(Token::Bool).ok_or_else(|| told("truth value"))
            }
            ParamType::String => text.map(|text| Token::String(text.into())).ok_or_else(|| told("text")),
            ParamType::Uint(bits) => {
                let found = digits(value).and_then(|(negative, number)| (!negative).then_some(number));
                let found = found.filter(|number| number.bits() <= bits);
                found.map(Token::Uint).ok_or_else(|| told(&format!("whole number of at most {bits} bits")))
            }
            ParamType::Int(bits) => {
                let found = digits(value).and_then(|(negative, number)| signed(negative, number, bits));
                found.map(Token::Int).ok_or_else(|| told(&format!("whole number of at most {bits} bits")))
            }
            ParamType::FixedBytes(length) => {
                let bytes = text.and_then(|text| fixed_bytes(text, length));
                bytes.map(Token::FixedBytes).ok_or_else(|| told(&format!("{length} bytes")))
            }
            ParamType::Bytes => {
                let bytes = text.and_then(|text| hex::decode(text.strip_prefix("0x")?).ok());
                bytes.map(Token::Bytes).ok_or_else(|| told("bytes in hexadecimal"))
            }
            ParamType::Array(_) => Ok(Token::Array(self.items(value, None, names)?)),
            ParamType::FixedArray(_, length) => Ok(Token::FixedArray(self.items(value, Some(length), names)?)),
            ParamType::Tuple(_) => self.structure(value, names),
        }
    }

    fn items(&self, value: &Value, length: Option<usize>, names: &Names) -> Result<Vec<Token>, String> {
        let items = value.as_array().filter(|items| length.is_none_or(|length| items.len() == length));
        let wanted = length.map_or("list".to_owned(), |length| format!("list of {length}"));
        let items = items.ok_or_else(|| format!("{}{value} is no {wanted}", self.prefix()))?;
        let item = self.item();
        items.iter().map(|value| item.token(value, names).map_err(|reason| self.prefix() + &reason)).collect()
    }

    fn structure(&self, value: &Value, names: &Names) -> Result<Token, String> {
        let within = |reason: String| self.prefix() + &reason;
        if let Value::Array(values) = value {
            if values.len() != self.components.len() {
                return Err(format!("{}{} fields are needed", self.prefix(), self.components.len()));
            }
            let fields = self.components.iter().zip(values).map(|(field, value)| field.token(value, names));
            return Ok(Token::Tuple(fields.collect::<Result<_, _>>().map_err(within)?));
        }
        let object = value.as_object().ok_or_else(|| format!("{}an object of fields is needed", self.prefix()))?;
        let known: Vec<_> = self.components.iter().map(|field| field.name.as_str()).collect();
        if let Some(unknown) = object.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(format!("{}there is no field {unknown:?}; there are {}", self.prefix(), known.join(", ")));
        }
        let fields = self.components.iter().map(|field| {
            let value = object.get(&field.name).ok_or_else(|| format!("the field {:?} is missing", field.name))?;
            field.token(value, names)
        });
        Ok(Token::Tuple(fields.collect::<Result<_, _>>().map_err(within)?))
    }

    fn prefix(&self) -> String {
        if self.name.is_empty() { String::new() } else { format!("{}: ", self.name) }
    }

    /// A value as JSON that [`Parameter::token`] takes.
    #[must_use]
    pub fn json(&self, token: &Token) -> Value {
        match token {
            Token::Uint(number) if number.bits() <= 53 => json!(number.as_u64()),
            Token::Tuple(fields) if self.components.iter().all(|field| !field.name.is_empty()) => {
                let fields = self.components.iter().zip(fields);
                Value::Object(fields.map(|(field, token)| (field.name.clone(), field.json(token))).collect())
            }
            Token::Tuple(fields) => {
                Value::Array(self.components.iter().zip(fields).map(|(field, token)| field.json(token)).collect())
            }
            Token::Array(items) | Token::FixedArray(items) => {
                let item = self.item();
                Value::Array(items.iter().map(|token| item.json(token)).collect())
            }
            Token::Bool(value) => json!(value),
            Token::String(text) => json!(text),
            Token::Uint(number) => json!(number.to_string()),
            Token::Int(number) => json!(I256::from_raw(*number).to_string()),
            Token::Address(address) => json!(format!("{address:?}")),
            Token::FixedBytes(bytes) => {
                let text = text_of(bytes).filter(|text| !text.starts_with("0x"));
                json!(text.unwrap_or_else(|| format!("0x{}", hex::encode(bytes))))
            }
            Token::Bytes(bytes) => json!(format!("0x{}", hex::encode(bytes))),
        }
    }

    /// A value in lines of a name and a text each, fields by dotted names.
    fn lines(&self, name: &str, token: &Token, names: &Names, out: &mut Vec<(String, String)>) {
        match token {
            Token::Tuple(fields) if !self.components.is_empty() => {
                for (index, (field, token)) in self.components.iter().zip(fields).enumerate() {
                    let own = if field.name.is_empty() { index.to_string() } else { field.name.clone() };
                    let name = if name.is_empty() { own } else { format!("{name}.{own}") };
                    field.lines(&name, token, names, out);
                }
            }
            Token::Array(items) | Token::FixedArray(items) if !items.is_empty() => {
                let item = self.item();
                for (index, token) in items.iter().enumerate() {
                    item.lines(&format!("{name}[{index}]"), token, names, out);
                }
            }
            plain => out.push((name.into(), show(plain, names))),
        }
    }
}

/// A value that has no parts, in words.
fn show(token: &Token, names: &Names) -> String {
    match token {
        Token::Address(address) => names.show(*address),
        Token::Uint(number) => grouped(&number.to_string()),
        Token::Int(number) => grouped(&I256::from_raw(*number).to_string()),
        Token::Bool(value) => value.to_string(),
        Token::String(text) => format!("{text:?}"),
        Token::FixedBytes(bytes) => {
            text_of(bytes).map_or_else(|| format!("0x{}", hex::encode(bytes)), |text| format!("{text:?}"))
        }
        Token::Bytes(bytes) if bytes.len() > MOST_BYTES => {
            format!("0x{}… ({} bytes)", hex::encode(&bytes[..MOST_BYTES]), bytes.len())
        }
        Token::Bytes(bytes) => format!("0x{}", hex::encode(bytes)),
        Token::Array(_) | Token::FixedArray(_) | Token::Tuple(_) => "none".into(),
    }
}

/// Digits with separators of thousands, from five on.
fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    if digits.len() < 5 {
        return number.into();
    }
    let mut out = String::from(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Text that 32 bytes hold, left-aligned; nothing where they are something else.
#[must_use]
pub fn text_of(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().rposition(|byte| *byte != 0)? + 1;
    let text = &bytes[..end];
    (bytes.len() == 32 && text.len() > 1 && text.iter().all(|byte| (0x20..0x7f).contains(byte)))
        .then(|| String::from_utf8_lossy(text).into_owned())
}

/// The sign and the digits of an integer.
fn digits(value: &Value) -> Option<(bool, U256)> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.chars().filter(|c| !matches!(c, '_' | ',')).collect(),
        _ => return None,
    };
    let (negative, text) = text.strip_prefix('-').map_or((false, text.as_str()), |rest| (true, rest));
    let number = match text.strip_prefix("0x") {
        Some(digits) if !digits.is_empty() => U256::from_str_radix(digits, 16).ok(),
        _ if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => U256::from_dec_str(text).ok(),
        _ => None,
    };
    Some((negative, number?))
}

/// An integer of so many bits as two's complement.
fn signed(negative: bool, number: U256, bits: usize) -> Option<U256> {
    let limit = U256::one() << (bits - 1);
    match negative {
        false => (number < limit).then_some(number),
        true if number.is_zero() => Some(number),
        true => (number <= limit).then(|| !number + U256::one()),
    }
}

fn fixed_bytes(text: &str, length: usize) -> Option<Vec<u8>> {
    match text.strip_prefix("0x") {
        Some(digits) => hex::decode(digits).ok().filter(|bytes| bytes.len() == length),
        None => (length == 32 && !text.is_empty() && text.len() <= 32).then(|| word(text).to_vec()),
    }
}

/// The contracts of a deployment by name and by address.
#[derive(Clone, Debug, Default)]
pub struct Names {
    by_name: BTreeMap<String, Address>,
}

impl Names {
    /// The names of a deployment's contracts.
    #[must_use]
    pub fn of(ledger: &Ledger) -> Self {
        Self { by_name: ledger.contracts.clone() }
    }

    /// The name of an address; nothing where the deployment has none for it.
    #[must_use]
    pub fn name(&self, address: Address) -> Option<&str> {
        let found = self.by_name.iter().filter(|(_, known)| **known == address).map(|(name, _)| name.as_str());
        found.min_by_key(|name| Interface::of_contract(name).is_none())
    }

    /// An address in hexadecimal, or that of a contract by its name.
    #[must_use]
    pub fn resolve(&self, text: &str) -> Option<Address> {
        if text.starts_with("0x") { text.parse().ok() } else { self.by_name.get(text).copied() }
    }

    /// An address with its name.
    #[must_use]
    pub fn show(&self, address: Address) -> String {
        self.name(address).map_or_else(|| format!("{address:?}"), |name| format!("{name} ({address:?})"))
    }

    /// The function that a call is of.
    #[must_use]
    pub fn function(&self, to: Address, data: &[u8]) -> Option<&'static Function> {
        let selector = data.get(..4)?;
        match self.name(to).and_then(Interface::of_contract) {
            Some(interface) => interface.selected(selector),
            // a contract of somebody else's: what ours have the same name for
            None => PARSED.values().find_map(|interface| interface.selected(selector)),
        }
    }

    /// A call in words.
    #[must_use]
    pub fn call(&self, to: Address, data: &[u8]) -> Call {
        let contract = self.name(to).map_or_else(|| format!("{to:?}"), Into::into);
        if data.is_empty() {
            return Call { contract, function: None, arguments: Vec::new() };
        }
        let decoded = self.function(to, data).and_then(|function| Some((function, function.decode(data)?)));
        let Some((function, tokens)) = decoded else {
            let bytes = show(&Token::Bytes(data.to_vec()), self);
            return Call { contract, function: None, arguments: vec![("calldata".into(), bytes)] };
        };
        let mut arguments = Vec::new();
        for (index, (input, token)) in function.inputs.iter().zip(&tokens).enumerate() {
            let name = if input.name.is_empty() { index.to_string() } else { input.name.clone() };
            input.lines(&name, token, self, &mut arguments);
        }
        Call { contract, function: Some(function.name.clone()), arguments }
    }
}

/// A call in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The contract's name, or its address.
    pub contract: String,
    /// The function's name, where it is known.
    pub function: Option<String>,
    /// Its arguments by name, fields of structs by dotted names; the bytes where the function is not known.
    pub arguments: Vec<(String, String)>,
}

impl Call {
    /// Contract and function.
    #[must_use]
    pub fn title(&self) -> String {
        let Self { contract, function, arguments } = self;
        match function {
            Some(function) => format!("{contract}.{function}"),
            None if arguments.is_empty() => contract.clone(),
            None => format!("{contract}, an unknown function"),
        }
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let arguments: Map<_, _> = self.arguments.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        json!({"contract": self.contract, "function": self.function, "arguments": arguments})
    }
}

/// A word as JSON and people show it.
#[must_use]
pub fn show_word(word: [u8; 32]) -> String {
    text_of(&word).unwrap_or_else(|| format!("{:?}", H256(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let named = |name: &str, byte| (name.to_owned(), Address::repeat_byte(byte));
        Names { by_name: [named("policy", 1), named("feed", 2), named("depeg", 3)].into() }
    }

    fn function(interface: &str, name: &str) -> &'static Function {
        let interface = Interface::named(interface).unwrap();
        interface.functions.iter().find(|function| function.name == name).unwrap()
    }

    #[test]
    fn every_contract_has_an_interface_and_selectors_are_those_of_the_bindings() {
        for (name, _) in CONTRACTS {
            assert!(Interface::of_contract(name).is_some(), "{name}");
        }
        assert!(Interface::of_contract("vault#2").is_some() && Interface::of_contract("risk-ext").is_none());
        let set_shares = function("IPolicy", "setShares");
        assert_eq!(set_shares.signature(), "setShares(uint16,uint16,uint16)");
        let json: ethers::abi::Abi = serde_json::from_str(INTERFACES[0].1).unwrap();
        for theirs in json.functions() {
            let interface = Interface::named("IRisk").unwrap();
            assert!(interface.selected(&theirs.short_signature()).is_some(), "{}", theirs.name);
        }
    }

    #[test]
    fn a_call_is_told_by_names() {
        let function = function("IPolicy", "setShares");
        let data = function.encode(&[800, 500, 20_000].map(|value: u64| Token::Uint(value.into())));
        let call = names().call(Address::repeat_byte(1), &data);
        assert_eq!(call.title(), "policy.setShares");
        let told = [("treasuryBps", "800"), ("juryBps", "500"), ("referralBps", "20,000")];
        assert_eq!(call.arguments, told.map(|(name, value)| (name.to_owned(), value.to_owned())));

        let short = names().call(Address::repeat_byte(1), &data[..90]);
        assert_eq!((short.function, short.arguments.len()), (None, 1));
        let unknown = names().call(Address::repeat_byte(9), &[1, 2, 3, 4]);
        assert!(unknown.title().ends_with(", an unknown function"));
        assert_eq!(unknown.arguments, [("calldata".to_owned(), "0x01020304".to_owned())]);
    }

    #[test]
    fn fields_of_structs_have_dotted_names() {
        let register = function("IDepegTrigger", "register");
        let config = json!({
            "feed": "feed", "triggerPrice": "970_000_000_000_000_000", "recoveryPrice": "0xde0b6b3a7640000",
            "duration": 1, "recovery": 2, "window": 3, "heartbeat": 4, "floorPrice": 5,
        });
        let tokens = vec![
            register.inputs[0].token(&json!("USDC/USD"), &names()).unwrap(),
            register.inputs[1].token(&config, &names()).unwrap(),
        ];
        let call = names().call(Address::repeat_byte(3), &register.encode(&tokens));
        let feed = format!("feed ({:?})", Address::repeat_byte(2));
        for (name, value) in [
            ("subject", "\"USDC/USD\""),
            ("config.feed", feed.as_str()),
            ("config.triggerPrice", "970,000,000,000,000,000"),
            ("config.recoveryPrice", "1,000,000,000,000,000,000"),
            ("config.window", "3"),
        ] {
            assert!(call.arguments.contains(&(name.into(), value.into())), "{name}: {:?}", call.arguments);
        }
        let back = register.inputs[1].json(&tokens[1]);
        assert_eq!(register.inputs[1].token(&back, &names()).unwrap(), tokens[1], "it comes back as it was");
    }

    #[test]
    fn what_is_no_value_is_told_with_its_place() {
        let register = function("IDepegTrigger", "register");
        for (config, told) in [
            (json!({"fed": 1}), "config: there is no field \"fed\"; there are feed, triggerPrice"),
            (json!({"feed": "feed"}), "config: the field \"triggerPrice\" is missing"),
            (json!(7), "config: an object of fields is needed"),
            (json!({"feed": "nowhere"}), "config: feed: \"nowhere\" is no address or name of a contract"),
            (json!({"feed": "feed", "triggerPrice": "1e18"}), "is no whole number of at most 64 bits"),
            (json!({"feed": "feed", "triggerPrice": -1}), "triggerPrice: -1 is no whole number"),
            (json!({"feed": "feed", "triggerPrice": 1.5}), "triggerPrice: 1.5 is no whole number"),
        ] {
            let error = register.inputs[1].token(&config, &names()).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn signatures_of_others_are_read() {
        let call = Function::parse("act(address,(int8,bytes32[2]),bytes)").unwrap();
        assert_eq!(call.signature(), "act(address,(int8,bytes32[2]),bytes)");
        let token = call.inputs[1].token(&json!([-3, ["a", format!("0x{}", "00".repeat(32))]]), &names()).unwrap();
        let Token::Tuple(fields) = token else { panic!("a tuple") };
        assert_eq!(fields[0], Token::Int(!U256::from(2)));
        assert!(call.inputs[1].token(&json!([-129, ["a", "b"]]), &names()).is_err());
        assert!(call.inputs[1].token(&json!([1, ["a"]]), &names()).unwrap_err().contains("is no list of 2"));
        assert!(call.inputs[2].token(&json!("0x0"), &names()).is_err());
        assert!(Function::parse("no signature").is_err());
        let named = Function::parse("function setCap(address strategy, uint256 cap)").unwrap();
        assert_eq!((named.inputs[1].name.as_str(), named.signature().as_str()), ("cap", "setCap(address,uint256)"));
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(
            ["1", "9999", "12345", "-1234567"].map(grouped),
            ["1", "9999", "12,345", "-1,234,567"].map(String::from)
        );
    }
}
