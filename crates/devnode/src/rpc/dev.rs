//! What only a development node has: `evm_*`, `anvil_*` and `hardhat_*`.

use serde_json::{Value, json};

use super::params::Params;
use super::types::{bytes, quantity};
use super::{Answer, Api};

pub(super) fn snapshot(api: &Api, _: &Params) -> Answer {
    Ok(quantity(api.node().snapshot()))
}

pub(super) fn revert(api: &Api, params: &Params) -> Answer {
    Ok(json!(api.node().revert(params.number(0)?)))
}

/// One block, at a time that may be given.
pub(super) fn evm_mine(api: &Api, params: &Params) -> Answer {
    if params.get(0).is_some() {
        api.node().set_next_timestamp(params.number(0)?)?;
    }
    api.node().mine(1, 0)?;
    Ok(json!("0x0"))
}

/// Some blocks, some seconds apart.
pub(super) fn mine(api: &Api, params: &Params) -> Answer {
    api.node().mine(params.number_or(0, 1)?, params.number_or(1, 0)?)?;
    Ok(Value::Null)
}

pub(super) fn increase_time(api: &Api, params: &Params) -> Answer {
    Ok(json!(api.node().increase_time(params.number(0)?)?))
}

pub(super) fn set_next_timestamp(api: &Api, params: &Params) -> Answer {
    api.node().set_next_timestamp(params.number(0)?)?;
    Ok(Value::Null)
}

pub(super) fn set_balance(api: &Api, params: &Params) -> Answer {
    api.node().set_balance(params.address(0)?, params.quantity(1)?);
    Ok(Value::Null)
}

pub(super) fn set_nonce(api: &Api, params: &Params) -> Answer {
    api.node().set_nonce(params.address(0)?, params.number(1)?);
    Ok(Value::Null)
}

pub(super) fn set_code(api: &Api, params: &Params) -> Answer {
    api.node().set_code(params.address(0)?, params.code(1)?);
    Ok(Value::Null)
}

pub(super) fn set_storage_at(api: &Api, params: &Params) -> Answer {
    api.node().set_storage(params.address(0)?, params.slot(1)?, params.slot(2)?);
    Ok(json!(true))
}

/// All accounts, as compressed JSON. Past states are not part of it, whatever the argument says.
pub(super) fn dump_state(api: &Api, _: &Params) -> Answer {
    Ok(bytes(api.node().dump_compressed()))
}

/// Takes accounts over from what another node dumped.
pub(super) fn load_state(api: &Api, params: &Params) -> Answer {
    api.node().load(&params.bytes(0)?)?;
    Ok(json!(true))
}
