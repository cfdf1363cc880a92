//! What is answered: blocks, transactions, receipts and logs in the form in which Nitro tells them.

use alloy_primitives::{Address, U256, hex};
use serde_json::{Value, json};

use crate::chain::{Block, FoundLog, Mined, Transaction};

/// Bytes as hex.
pub(super) fn bytes(bytes: impl AsRef<[u8]>) -> Value {
    Value::String(hex::encode_prefixed(bytes))
}

/// A number as hex without leading zeros.
pub(super) fn quantity<T>(number: T) -> Value
where
    U256: TryFrom<T, Error: std::fmt::Debug>,
{
    let number = U256::try_from(number).expect("unsigned numbers fit");
    Value::String(format!("{number:#x}"))
}

fn optional_address(address: Option<Address>) -> Value {
    address.map_or(Value::Null, bytes)
}

/// A block with its transactions' hashes, or with all of them.
pub(super) fn block(block: &Block, full: bool) -> Value {
    let header = &block.header;
    let transactions: Vec<Value> = block
        .transactions
        .iter()
        .enumerate()
        .map(|(i, mined)| if full { transaction(&mined.tx, Some((block, i))) } else { bytes(mined.tx.hash()) })
        .collect();
    json!({
        "baseFeePerGas": quantity(header.base_fee_per_gas.unwrap_or_default()),
        "difficulty": quantity(header.difficulty),
        "extraData": bytes(&header.extra_data),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "hash": bytes(block.hash),
        "l1BlockNumber": quantity(block.l1_number),
        "logsBloom": bytes(header.logs_bloom),
        "miner": bytes(header.beneficiary),
        "mixHash": bytes(header.mix_hash),
        "nonce": bytes(header.nonce),
        "number": quantity(header.number),
        "parentHash": bytes(header.parent_hash),
        "receiptsRoot": bytes(header.receipts_root),
        "sendCount": "0x0",
        "sendRoot": bytes(&header.extra_data),
        "sha3Uncles": bytes(header.ommers_hash),
        "size": quantity(block.size as u64),
        "stateRoot": bytes(header.state_root),
        "timestamp": quantity(header.timestamp),
        "transactions": transactions,
        "transactionsRoot": bytes(header.transactions_root),
        "uncles": [],
    })
}

/// A header as subscriptions tell it: what it is hashed from and its hash, with the fields that it does not have.
pub(super) fn header(block: &Block) -> Value {
    let header = &block.header;
    json!({
        "parentHash": bytes(header.parent_hash),
        "sha3Uncles": bytes(header.ommers_hash),
        "miner": bytes(header.beneficiary),
        "stateRoot": bytes(header.state_root),
        "transactionsRoot": bytes(header.transactions_root),
        "receiptsRoot": bytes(header.receipts_root),
        "logsBloom": bytes(header.logs_bloom),
        "difficulty": quantity(header.difficulty),
        "number": quantity(header.number),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.timestamp),
        "extraData": bytes(&header.extra_data),
        "mixHash": bytes(header.mix_hash),
        "nonce": bytes(header.nonce),
        "baseFeePerGas": quantity(header.base_fee_per_gas.unwrap_or_default()),
        "withdrawalsRoot": null,
        "blobGasUsed": null,
        "excessBlobGas": null,
        "parentBeaconBlockRoot": null,
        "requestsHash": null,
        "hash": bytes(block.hash),
    })
}

/// A transaction and where it stands; one that waits stands nowhere.
pub(super) fn transaction(tx: &Transaction, place: Option<(&Block, usize)>) -> Value {
    let base_fee = place.and_then(|(block, _)| block.header.base_fee_per_gas);
    let gas_price = match (tx.kind(), base_fee) {
        (0 | 1, _) | (_, None) => U256::from(tx.max_fee()),
        (Transaction::INTERNAL_TYPE, _) => U256::ZERO,
        (_, Some(base_fee)) => U256::from(base_fee),
    };
    let mut json = json!({
        "blockHash": place.map(|(block, _)| bytes(block.hash)),
        "blockNumber": place.map(|(block, _)| quantity(block.header.number)),
        "from": bytes(tx.from()),
        "gas": quantity(tx.gas_limit()),
        "gasPrice": quantity(gas_price),
        "hash": bytes(tx.hash()),
        "input": bytes(tx.input()),
        "nonce": quantity(tx.nonce()),
        "to": optional_address(tx.to()),
        "transactionIndex": place.map(|(_, index)| quantity(index as u64)),
        "value": quantity(tx.value()),
        "type": quantity(u64::from(tx.kind())),
    });
    if let Some(priority_fee) = tx.priority_fee() {
        json["maxFeePerGas"] = quantity(tx.max_fee());
        json["maxPriorityFeePerGas"] = quantity(priority_fee);
    }
    if let Some(chain_id) = tx.chain_id() {
        json["chainId"] = quantity(chain_id);
    }
    if let Some(list) = tx.access_list() {
        let items = list.0.iter().map(|item| {
            json!({
                "address": bytes(item.address),
                "storageKeys": item.storage_keys.iter().map(bytes).collect::<Vec<_>>(),
            })
        });
        json["accessList"] = items.collect();
    }
    if let Some(list) = tx.authorization_list() {
        let items = list.iter().map(|signed| {
            json!({
                "chainId": quantity(signed.chain_id),
                "address": bytes(signed.address),
                "nonce": quantity(signed.nonce),
                "yParity": quantity(u64::from(signed.y_parity())),
                "r": quantity(signed.r()),
                "s": quantity(signed.s()),
            })
        });
        json["authorizationList"] = items.collect();
    }
    match tx.signature() {
        None => (json["v"], json["r"], json["s"]) = ("0x0".into(), "0x0".into(), "0x0".into()),
        Some(signature) => {
            let parity = u64::from(signature.v());
            let v = match (tx.kind(), tx.chain_id()) {
                (0, Some(chain_id)) => U256::from(chain_id) * U256::from(2) + U256::from(35 + parity),
                (0, None) => U256::from(27 + parity),
                _ => U256::from(parity),
            };
            (json["v"], json["r"], json["s"]) = (quantity(v), quantity(signature.r()), quantity(signature.s()));
            if tx.kind() != 0 {
                json["yParity"] = quantity(parity);
            }
        }
    }
    json
}

/// The receipt of a block's transaction.
pub(super) fn receipt(block: &Block, index: usize) -> Value {
    let Mined { tx, receipt, .. } = &block.transactions[index];
    let logs = receipt.logs.iter().enumerate().map(|(i, inner)| {
        log(&FoundLog {
            log: inner.clone(),
            block_number: block.header.number,
            block_hash: block.hash,
            timestamp: block.header.timestamp,
            transaction_hash: tx.hash(),
            transaction_index: index,
            index: receipt.first_log + i,
            removed: false,
        })
    });
    json!({
        "blockHash": bytes(block.hash),
        "blockNumber": quantity(block.header.number),
        "contractAddress": optional_address(receipt.contract),
        "cumulativeGasUsed": quantity(receipt.cumulative_gas_used),
        "effectiveGasPrice": quantity(block.header.base_fee_per_gas.unwrap_or_default()),
        "from": bytes(tx.from()),
        "gasUsed": quantity(receipt.gas_used),
        "gasUsedForL1": quantity(receipt.gas_used_for_l1),
        "l1BlockNumber": quantity(block.l1_number),
        "logs": logs.collect::<Vec<_>>(),
        "logsBloom": bytes(receipt.bloom),
        "status": quantity(u64::from(receipt.success)),
        "timeboosted": false,
        "to": optional_address(tx.to()),
        "transactionHash": bytes(tx.hash()),
        "transactionIndex": quantity(index as u64),
        "type": quantity(u64::from(tx.kind())),
    })
}

/// A log.
pub(super) fn log(found: &FoundLog) -> Value {
    json!({
        "address": bytes(found.log.address),
        "topics": found.log.topics().iter().map(bytes).collect::<Vec<_>>(),
        "data": bytes(&found.log.data.data),
        "blockNumber": quantity(found.block_number),
        "transactionHash": bytes(found.transaction_hash),
        "transactionIndex": quantity(found.transaction_index as u64),
        "blockHash": bytes(found.block_hash),
        "blockTimestamp": quantity(found.timestamp),
        "logIndex": quantity(found.index as u64),
        "removed": found.removed,
    })
}
