//! Arguments of a request, with geth's words about what is wrong with them.

use std::collections::HashMap;
use std::str::FromStr;

use alloy_eips::eip7702::{Authorization, SignedAuthorization};
use alloy_primitives::{Address, B256, Bytes, U256, hex};
use serde_json::{Map, Value};

use super::error::RpcError;
use crate::chain::{BlockOverrides, BlockRef, CALL_GAS_CAP, CallAt, CallRequest, LogFilter, LogRange, SendRequest};
use crate::state::{AccountOverride, StorageOverride};

/// Most overridden accounts or slots, or items of an access list, in one argument.
const MAX_ITEMS: usize = 10_000;
/// Most addresses of a filter, and most alternatives for one of its topics.
const MAX_ALTERNATIVES: usize = 1_000;
/// Most topics of a log.
const MAX_TOPICS: usize = 4;
/// Largest code that an account is given by hand, in bytes.
const MAX_CODE: usize = 1 << 20;
/// Most authorisations of a call: the gas of more of them is never there.
const MAX_AUTHORIZATIONS: usize = (CALL_GAS_CAP / 25_000) as usize;

pub(super) type Parsed<T> = Result<T, String>;

/// The positional arguments of a request.
#[derive(Debug)]
pub(super) struct Params(Vec<Value>);

impl Params {
    /// Takes the `params` of a request: an array, or nothing.
    pub(super) fn new(params: Value) -> Result<Self, RpcError> {
        match params {
            Value::Null => Ok(Self(Vec::new())),
            Value::Array(values) => Ok(Self(values)),
            _ => Err(RpcError::invalid("non-array args")),
        }
    }

    /// Checks how many there are.
    pub(super) fn expect(&self, least: usize, most: usize) -> Result<(), RpcError> {
        if let Some(missing) = (0..least).find(|i| self.get(*i).is_none()) {
            return Err(RpcError::invalid(format!("missing value for required argument {missing}")));
        }
        if self.0.len() > most {
            return Err(RpcError::invalid(format!("too many arguments, want at most {most}")));
        }
        Ok(())
    }

    /// An argument as it is; absent and null are the same.
    pub(super) fn get(&self, i: usize) -> Option<&Value> {
        self.0.get(i).filter(|value| !value.is_null())
    }

    fn parse<T>(&self, i: usize, parse: impl FnOnce(&Value) -> Parsed<T>) -> Result<Option<T>, RpcError> {
        let parsed = self.get(i).map(parse).transpose();
        parsed.map_err(|problem| RpcError::invalid(format!("invalid argument {i}: {problem}")))
    }

    fn required<T>(&self, i: usize, parse: impl FnOnce(&Value) -> Parsed<T>) -> Result<T, RpcError> {
        let missing = || RpcError::invalid(format!("missing value for required argument {i}"));
        self.parse(i, parse)?.ok_or_else(missing)
    }

    pub(super) fn address(&self, i: usize) -> Result<Address, RpcError> {
        self.required(i, address)
    }

    pub(super) fn hash(&self, i: usize) -> Result<B256, RpcError> {
        self.required(i, hash)
    }

    pub(super) fn bytes(&self, i: usize) -> Result<Bytes, RpcError> {
        self.required(i, bytes)
    }

    /// Code to put into an account.
    pub(super) fn code(&self, i: usize) -> Result<Bytes, RpcError> {
        self.required(i, code)
    }

    pub(super) fn flag(&self, i: usize) -> Result<bool, RpcError> {
        Ok(self.parse(i, |value| value.as_bool().ok_or_else(|| wrong(value, "bool")))?.unwrap_or_default())
    }

    /// A number as hex quantity, decimal text or JSON number.
    pub(super) fn number(&self, i: usize) -> Result<u64, RpcError> {
        self.required(i, number)
    }

    pub(super) fn number_or(&self, i: usize, default: u64) -> Result<u64, RpcError> {
        Ok(self.parse(i, number)?.unwrap_or(default))
    }

    pub(super) fn quantity(&self, i: usize) -> Result<U256, RpcError> {
        self.required(i, quantity)
    }

    /// A storage slot: a quantity, or up to 32 bytes of hex.
    pub(super) fn slot(&self, i: usize) -> Result<U256, RpcError> {
        self.required(i, slot)
    }

    /// A field of an argument that is an object.
    pub(super) fn option<T>(
        &self,
        i: usize,
        name: &str,
        parse: impl FnOnce(&Value) -> Parsed<T>,
    ) -> Result<Option<T>, RpcError> {
        let parsed = self.parse(i, |value| field(object(value, "tracers.TraceConfig")?, name, parse));
        Ok(parsed?.flatten())
    }

    pub(super) fn block(&self, i: usize, default: BlockRef) -> Result<BlockRef, RpcError> {
        Ok(self.parse(i, block)?.unwrap_or(default))
    }

    pub(super) fn call(&self, i: usize) -> Result<CallRequest, RpcError> {
        self.required(i, call)
    }

    /// A transaction that the node is to sign.
    pub(super) fn send(&self, i: usize) -> Result<SendRequest, RpcError> {
        self.required(i, send)
    }

    pub(super) fn log_filter(&self, i: usize) -> Result<LogFilter, RpcError> {
        self.required(i, log_filter)
    }

    /// Block, state overrides and block overrides from argument `i` on.
    pub(super) fn call_at(&self, i: usize, default: BlockRef) -> Result<CallAt, RpcError> {
        Ok(CallAt {
            block: self.block(i, default)?,
            state: self.parse(i + 1, state_overrides)?.unwrap_or_default(),
            overrides: self.parse(i + 2, block_overrides)?.unwrap_or_default(),
            transaction: None,
        })
    }

    /// Percentiles of `eth_feeHistory`.
    pub(super) fn percentiles(&self, i: usize) -> Result<Vec<f64>, RpcError> {
        let parse = |value: &Value| {
            let items = value.as_array().ok_or_else(|| wrong(value, "[]float64"))?;
            items.iter().map(|item| item.as_f64().ok_or_else(|| wrong(item, "float64"))).collect()
        };
        let percentiles: Vec<f64> = self.parse(i, parse)?.unwrap_or_default();
        let rising = percentiles.windows(2).all(|pair| pair[0] <= pair[1]);
        if percentiles.len() > 100 || !rising || percentiles.iter().any(|p| !(0.0..=100.0).contains(p)) {
            return Err(RpcError::new("invalid reward percentile"));
        }
        Ok(percentiles)
    }
}

pub(super) fn flag(value: &Value) -> Parsed<bool> {
    value.as_bool().ok_or_else(|| wrong(value, "bool"))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn wrong(value: &Value, wanted: &str) -> String {
    format!("json: cannot unmarshal {} into Go value of type {wanted}", kind(value))
}

pub(super) fn text<'a>(value: &'a Value, wanted: &str) -> Parsed<&'a str> {
    value.as_str().ok_or_else(|| wrong(value, wanted))
}

fn digits<'a>(value: &'a Value, wanted: &str) -> Parsed<&'a str> {
    let text = text(value, wanted)?;
    text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).ok_or_else(|| "hex string without 0x prefix".to_owned())
}

fn bytes(value: &Value) -> Parsed<Bytes> {
    let digits = digits(value, "hexutil.Bytes")?;
    if digits.len() % 2 != 0 {
        return Err("hex string of odd length".to_owned());
    }
    hex::decode(digits).map(Bytes::from).map_err(|_| "invalid hex string".to_owned())
}

fn code(value: &Value) -> Parsed<Bytes> {
    let code = bytes(value)?;
    if code.len() > MAX_CODE {
        return Err(format!("code of {} bytes, the limit is {MAX_CODE}", code.len()));
    }
    Ok(code)
}

fn fixed<const N: usize>(value: &Value, name: &str) -> Parsed<[u8; N]> {
    let digits = digits(value, name)?;
    if digits.len() != 2 * N {
        return Err(format!("hex string has length {}, want {} for {name}", digits.len(), 2 * N));
    }
    hex::decode_to_array(digits).map_err(|_| "invalid hex string".to_owned())
}

fn address(value: &Value) -> Parsed<Address> {
    fixed(value, "common.Address").map(Address::new)
}

fn hash(value: &Value) -> Parsed<B256> {
    fixed(value, "common.Hash").map(B256::new)
}

fn quantity(value: &Value) -> Parsed<U256> {
    if let Some(number) = value.as_u64() {
        return Ok(U256::from(number));
    }
    let text = text(value, "*hexutil.Big")?;
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some("") => Err("hex string \"0x\"".to_owned()),
        Some(digits) if digits.len() > 64 => Err("hex number > 256 bits".to_owned()),
        Some(digits) => U256::from_str_radix(digits, 16).map_err(|_| "invalid hex string".to_owned()),
        None => U256::from_str(text).map_err(|_| "hex string without 0x prefix".to_owned()),
    }
}

pub(super) fn number(value: &Value) -> Parsed<u64> {
    u64::try_from(quantity(value)?).map_err(|_| "hex number > 64 bits".to_owned())
}

fn fee(value: &Value) -> Parsed<u128> {
    u128::try_from(quantity(value)?).map_err(|_| "fee above 2^128 wei".to_owned())
}

fn slot(value: &Value) -> Parsed<U256> {
    let text = text(value, "string")?;
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if digits.is_empty() || digits.len() > 64 {
        return Err("unable to decode storage key: hex string too long, want at most 32 bytes".to_owned());
    }
    U256::from_str_radix(digits, 16).map_err(|_| "unable to decode storage key: hex string invalid".to_owned())
}

fn block(value: &Value) -> Parsed<BlockRef> {
    if let Value::Object(object) = value {
        return match (object.get("blockHash"), object.get("blockNumber")) {
            (Some(by_hash), None) => hash(by_hash).map(BlockRef::Hash),
            (None, Some(by_number)) => block(by_number),
            (Some(_), Some(_)) => {
                Err("cannot specify both BlockHash and BlockNumber, choose one or the other".to_owned())
            }
            (None, None) => Err("at least one of BlockNumber or BlockHash is needed if a block is given".to_owned()),
        };
    }
    match value.as_str() {
        Some("latest" | "safe" | "finalized" | "") => Ok(BlockRef::Latest),
        Some("pending") => Ok(BlockRef::Pending),
        Some("earliest") => Ok(BlockRef::Earliest),
        Some(digits) if digits.len() == 66 => hash(value).map(BlockRef::Hash),
        _ => number(value).map(BlockRef::Number),
    }
}

pub(super) fn object<'a>(value: &'a Value, wanted: &str) -> Parsed<&'a Map<String, Value>> {
    let object = value.as_object().ok_or_else(|| wrong(value, wanted))?;
    if object.len() > MAX_ITEMS {
        return Err(format!("more than {MAX_ITEMS} entries"));
    }
    Ok(object)
}

fn array<'a>(value: &'a Value, wanted: &str) -> Parsed<&'a [Value]> {
    let array = value.as_array().ok_or_else(|| wrong(value, wanted))?;
    if array.len() > MAX_ITEMS {
        return Err(format!("more than {MAX_ITEMS} entries"));
    }
    Ok(array)
}

/// An optional field; absent and null are the same.
pub(super) fn field<T>(
    object: &Map<String, Value>,
    name: &str,
    parse: impl FnOnce(&Value) -> Parsed<T>,
) -> Parsed<Option<T>> {
    object.get(name).filter(|value| !value.is_null()).map(parse).transpose()
}

fn call(value: &Value) -> Parsed<CallRequest> {
    let object = object(value, "ethapi.TransactionArgs")?;
    let (data, input) = (field(object, "data", bytes)?, field(object, "input", bytes)?);
    if let (Some(data), Some(input)) = (&data, &input)
        && data != input
    {
        return Err(
            "both \"data\" and \"input\" are set and not equal. Please use \"input\" to pass transaction call data"
                .to_owned(),
        );
    }
    let call = CallRequest {
        from: field(object, "from", address)?,
        to: field(object, "to", address)?,
        gas: field(object, "gas", number)?,
        gas_price: field(object, "gasPrice", fee)?,
        max_fee: field(object, "maxFeePerGas", fee)?,
        priority_fee: field(object, "maxPriorityFeePerGas", fee)?,
        value: field(object, "value", quantity)?.unwrap_or_default(),
        data: input.or(data).unwrap_or_default(),
        nonce: field(object, "nonce", number)?,
        access_list: field(object, "accessList", access_list)?.unwrap_or_default(),
        authorizations: field(object, "authorizationList", authorizations)?,
    };
    if ["blobVersionedHashes", "blobs", "maxFeePerBlobGas"].iter().any(|name| object.get(*name).is_some_and(is_some)) {
        return Err("transaction type not supported".to_owned());
    }
    if call.gas_price.is_some() && (call.max_fee.is_some() || call.priority_fee.is_some()) {
        return Err("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified".to_owned());
    }
    Ok(call)
}

/// Neither null nor empty.
fn is_some(value: &Value) -> bool {
    !value.is_null() && value.as_array().is_none_or(|items| !items.is_empty())
}

fn send(value: &Value) -> Parsed<SendRequest> {
    let fields = object(value, "ethapi.TransactionArgs")?;
    let kind = |value: &Value| u8::try_from(number(value)?).map_err(|_| "transaction type not supported".to_owned());
    let (kind, chain_id) = (field(fields, "type", kind)?, field(fields, "chainId", number)?);
    Ok(SendRequest { call: call(value)?, kind, chain_id })
}

fn authorizations(value: &Value) -> Parsed<Vec<SignedAuthorization>> {
    let item = |item: &Value| {
        let object = object(item, "types.SetCodeAuthorization")?;
        let missing = |name: &str| format!("missing required field '{name}' for SetCodeAuthorization");
        let word = |name: &str| field(object, name, quantity)?.ok_or_else(|| missing(name));
        let inner = Authorization {
            chain_id: word("chainId")?,
            address: field(object, "address", address)?.ok_or_else(|| missing("address"))?,
            nonce: field(object, "nonce", number)?.ok_or_else(|| missing("nonce"))?,
        };
        let parity = match field(object, "yParity", quantity)? {
            Some(parity) => parity,
            None => field(object, "v", quantity)?.ok_or_else(|| missing("yParity"))?,
        };
        let parity = u8::try_from(parity).map_err(|_| "hex number > 8 bits".to_owned())?;
        Ok(SignedAuthorization::new_unchecked(inner, parity, word("r")?, word("s")?))
    };
    let items = array(value, "[]types.SetCodeAuthorization")?;
    if items.len() > MAX_AUTHORIZATIONS {
        return Err(format!("more than {MAX_AUTHORIZATIONS} authorizations"));
    }
    items.iter().map(item).collect()
}

fn access_list(value: &Value) -> Parsed<Vec<(Address, Vec<B256>)>> {
    let item = |item: &Value| {
        let object = object(item, "types.AccessTuple")?;
        let keys = |keys: &Value| array(keys, "[]common.Hash")?.iter().map(hash).collect();
        let address = field(object, "address", address)?.ok_or("missing required field 'address' for AccessTuple")?;
        Ok((address, field(object, "storageKeys", keys)?.unwrap_or_default()))
    };
    array(value, "types.AccessList")?.iter().map(item).collect()
}

fn state_overrides(value: &Value) -> Parsed<HashMap<Address, AccountOverride>> {
    let slots = |value: &Value| {
        let slots = object(value, "map[common.Hash]common.Hash")?;
        let slots = slots.iter().map(|(key, value)| Ok((slot(&Value::String(key.clone()))?, slot(value)?)));
        slots.collect::<Parsed<HashMap<U256, U256>>>()
    };
    let account = |(key, value): (&String, &Value)| {
        let address = address(&Value::String(key.clone()))?;
        let object = object(value, "override.OverrideAccount")?;
        let storage = match (field(object, "state", slots)?, field(object, "stateDiff", slots)?) {
            (Some(_), Some(_)) => return Err(format!("account {address} has both 'state' and 'stateDiff'")),
            (Some(all), None) => StorageOverride::All(all),
            (None, Some(some)) => StorageOverride::Some(some),
            (None, None) => StorageOverride::None,
        };
        if field(object, "movePrecompileToAddress", address_only)?.is_some() {
            return Err(format!("account {address}: precompiles cannot be moved"));
        }
        let change = AccountOverride {
            balance: field(object, "balance", quantity)?,
            nonce: field(object, "nonce", number)?,
            code: field(object, "code", code)?,
            storage,
        };
        Ok((address, change))
    };
    object(value, "override.StateOverride")?.iter().map(account).collect()
}

fn address_only(value: &Value) -> Parsed<Address> {
    address(value)
}

fn block_overrides(value: &Value) -> Parsed<BlockOverrides> {
    let object = object(value, "override.BlockOverrides")?;
    let base_fee = match field(object, "baseFeePerGas", number)? {
        Some(fee) => Some(fee),
        None => field(object, "baseFee", number)?,
    };
    let coinbase = match field(object, "feeRecipient", address)? {
        Some(coinbase) => Some(coinbase),
        None => field(object, "coinbase", address)?,
    };
    Ok(BlockOverrides {
        number: field(object, "number", number)?,
        time: field(object, "time", number)?,
        gas_limit: field(object, "gasLimit", number)?,
        coinbase,
        base_fee,
    })
}

/// Alternatives of a filter.
fn alternatives<'a>(value: &'a Value, wanted: &str) -> Parsed<&'a [Value]> {
    let array = array(value, wanted)?;
    if array.len() > MAX_ALTERNATIVES {
        return Err("exceed max addresses or topics per search position".to_owned());
    }
    Ok(array)
}

fn log_filter(value: &Value) -> Parsed<LogFilter> {
    let object = object(value, "filters.FilterCriteria")?;
    let (from, to) = (field(object, "fromBlock", block)?, field(object, "toBlock", block)?);
    let blocks = match field(object, "blockHash", hash)? {
        Some(_) if from.is_some() || to.is_some() => {
            return Err("can't specify fromBlock/toBlock with blockHash".to_owned());
        }
        Some(hash) => LogRange::Hash(hash),
        None => LogRange::Numbers(from.unwrap_or_default(), to.unwrap_or_default()),
    };
    let addresses = |value: &Value| match value {
        Value::Array(_) => alternatives(value, "[]common.Address")?.iter().map(address).collect(),
        one => address(one).map(|one| vec![one]),
    };
    let any_of = |value: &Value| match value {
        Value::Null => Ok(Vec::new()),
        // A null among alternatives lets every topic pass.
        Value::Array(_) => {
            let alternatives = alternatives(value, "[]common.Hash")?;
            if alternatives.iter().any(Value::is_null) {
                Ok(Vec::new())
            } else {
                alternatives.iter().map(hash).collect()
            }
        }
        one => hash(one).map(|one| vec![one]),
    };
    let topics = |value: &Value| {
        let positions = array(value, "[][]common.Hash")?;
        if positions.len() > MAX_TOPICS {
            return Err("exceed max topics".to_owned());
        }
        positions.iter().map(any_of).collect()
    };
    Ok(LogFilter {
        blocks,
        addresses: field(object, "address", addresses)?.unwrap_or_default(),
        topics: field(object, "topics", topics)?.unwrap_or_default(),
    })
}
