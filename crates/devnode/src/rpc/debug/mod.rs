//! `debug_*`: what happened inside an execution.

mod calls;
mod prestate;
mod steps;
mod tracer;

use std::sync::Arc;

use alloy_primitives::keccak256;
use serde_json::json;

use super::error::RpcError;
use super::params::{Params, number};
use super::types::bytes;
use super::{Answer, Api};
use crate::chain::{Block, BlockRef, CallError, CallRequest};
use calls::Fees;
use tracer::{Traced, Tracer};

pub(super) fn trace_transaction(api: &Api, params: &Params) -> Answer {
    let hash = params.hash(0)?;
    let (block, index) = api.node().find(hash).ok_or(CallError::UnknownTransaction)?;
    trace_mined(api, &block, index, &Tracer::of(params, 1)?)
}

pub(super) fn trace_block_by_number(api: &Api, params: &Params) -> Answer {
    trace_block(api, params.block(0, BlockRef::Latest)?, params)
}

pub(super) fn trace_block_by_hash(api: &Api, params: &Params) -> Answer {
    trace_block(api, BlockRef::Hash(params.hash(0)?), params)
}

/// The block is given encoded; one that this chain does not have cannot be executed.
pub(super) fn trace_block_by_bytes(api: &Api, params: &Params) -> Answer {
    let raw = params.bytes(0)?;
    let header = encoded_header(&raw).map_err(|error| RpcError::new(format!("could not decode block: {error}")))?;
    trace_block(api, BlockRef::Hash(keccak256(header)), params)
}

/// The first item of an encoded block.
fn encoded_header(mut raw: &[u8]) -> Result<&[u8], alloy_rlp::Error> {
    let mut body = alloy_rlp::Header::decode_bytes(&mut raw, true)?;
    let start = body;
    alloy_rlp::Header::decode_bytes(&mut body, true)?;
    Ok(&start[..start.len() - body.len()])
}

fn trace_block(api: &Api, block: BlockRef, params: &Params) -> Answer {
    let tracer = Tracer::of(params, 1)?;
    let block = found(api, &block)?;
    if block.header.number == 0 {
        return Err(RpcError::new("genesis is not traceable"));
    }
    let traced = block.transactions.iter().enumerate().map(|(index, mined)| {
        let result = trace_mined(api, &block, index, &tracer)?;
        Ok(json!({ "txHash": bytes(mined.tx.hash()), "result": result }))
    });
    traced.collect()
}

fn trace_mined(api: &Api, block: &Block, index: usize, tracer: &Tracer) -> Answer {
    let tx = &block.transactions[index].tx;
    let (mut execution, prestate) = api.node().trace_with_prestate(tx.hash(), tracer.options())?;
    let fees = if tx.is_internal() {
        execution.gas_used = 0;
        execution.call_trace = Some(calls::internal_frame(tx, execution.call_trace));
        Fees::None
    } else {
        Fees::of_transaction(tx, block.header.base_fee_per_gas.unwrap_or_default(), &execution)
    };
    tracer.tell(&Traced { execution: &execution, prestate: &prestate, fees: &fees, place: Some((block, index)) })
}

pub(super) fn trace_call(api: &Api, params: &Params) -> Answer {
    let request: CallRequest = params.call(0)?;
    let tracer = Tracer::of(params, 2)?;
    // Overrides come inside the tracer's options here.
    let option = |name| params.get(2).and_then(|options| options.get(name));
    let at = json!([params.get(1), option("stateOverrides"), option("blockOverrides")]);
    let mut at = Params::new(at)?.call_at(0, BlockRef::Latest)?;
    let index = params.option(2, "txIndex", number)?;
    at.transaction = index.map(|index| usize::try_from(index).unwrap_or(usize::MAX));
    let (execution, prestate) = api.node().call_with_prestate(&request, &at, tracer.options())?;
    let base_fee = api.node().base_fee();
    let fees = Fees::of_call(request.from.unwrap_or_default(), base_fee, &execution);
    tracer.tell(&Traced { execution: &execution, prestate: &prestate, fees: &fees, place: None })
}

fn found(api: &Api, block: &BlockRef) -> Result<Arc<Block>, RpcError> {
    api.node().block(block).ok_or_else(|| RpcError::new("block not found"))
}

/// The block that the first argument means.
fn named(api: &Api, params: &Params) -> Result<Arc<Block>, RpcError> {
    found(api, &params.block(0, BlockRef::Latest)?)
}

pub(super) fn raw_block(api: &Api, params: &Params) -> Answer {
    Ok(bytes(named(api, params)?.raw()))
}

pub(super) fn raw_header(api: &Api, params: &Params) -> Answer {
    Ok(bytes(alloy_rlp::encode(&named(api, params)?.header)))
}

pub(super) fn raw_receipts(api: &Api, params: &Params) -> Answer {
    Ok(named(api, params)?.transactions.iter().map(|mined| bytes(mined.raw_receipt())).collect())
}

/// What needs the tree of state, which this node does not keep.
fn no_tree(method: &str) -> Answer {
    let message = format!("the method {method} is not available: this node keeps no state roots and no tree of state");
    Err(RpcError { code: -32601, message, data: None })
}

pub(super) fn no_storage_range(_: &Api, _: &Params) -> Answer {
    no_tree("debug_storageRangeAt")
}

pub(super) fn no_proof(_: &Api, _: &Params) -> Answer {
    no_tree("eth_getProof")
}

/// Where the gas of a transaction's programs went.
pub(super) fn profile(api: &Api, params: &Params) -> Answer {
    let profile = crate::profile::of(api.node(), params.hash(0)?).map_err(|error| RpcError::new(error.to_string()))?;
    serde_json::to_value(profile).map_err(|error| RpcError::new(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_the_first_item_of_a_block() {
        // [[1, 2], [], []]
        assert_eq!(encoded_header(&[0xc5, 0xc2, 1, 2, 0xc0, 0xc0]), Ok(&[0xc2, 1, 2][..]));
        for bad in [&[][..], &[0x80], &[0xc0], &[0xc1, 0x01], &[0xc5, 0xc2, 1]] {
            assert!(encoded_header(bad).is_err(), "{bad:?}");
        }
    }
}
