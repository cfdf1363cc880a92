//! What the tests share: a chain that is asked without a server, transactions of its accounts, and numbers in hex.

#![allow(dead_code, reason = "no test needs all of it")]

use std::sync::Arc;

use alloy_consensus::crypto::secp256k1::sign_message;
use alloy_consensus::transaction::RlpEcdsaEncodableTx;
use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, hex};
use devnode::accounts::DEV_ACCOUNTS;
use devnode::rpc::{Api, RpcError};
use devnode::{Config, Node};
use serde_json::{Value, json};

/// Chain id of a chain that was not told otherwise.
pub(crate) const CHAIN_ID: u64 = 412_346;

/// A chain and its methods.
pub(crate) struct Chain(pub(crate) Api);

impl Default for Chain {
    fn default() -> Self {
        Self::new(Config::default())
    }
}

impl Chain {
    pub(crate) fn new(config: Config) -> Self {
        Self(Api::new(Arc::new(Node::new(config).expect("a possible configuration"))))
    }

    pub(crate) fn ask(&self, method: &str, params: Value) -> Value {
        self.0.request(method, params).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    pub(crate) fn refuse(&self, method: &str, params: Value) -> RpcError {
        self.0.request(method, params).expect_err("an error")
    }

    /// Puts code at an address of one repeated byte.
    pub(crate) fn place(&self, byte: u8, code: &str) -> Address {
        let address = Address::repeat_byte(byte);
        self.ask("anvil_setCode", json!([address, code]));
        address
    }

    pub(crate) fn nonce(&self, account: Address) -> u64 {
        number(&self.ask("eth_getTransactionCount", json!([account])))
    }

    pub(crate) fn receipt(&self, hash: &Value) -> Value {
        self.ask("eth_getTransactionReceipt", json!([hash]))
    }
}

pub(crate) fn number(quantity: &Value) -> u64 {
    let text = quantity.as_str().expect("a quantity");
    u64::from_str_radix(text.strip_prefix("0x").expect("a prefix"), 16).expect("a number")
}

pub(crate) fn word(value: u64) -> String {
    format!("0x{value:064x}")
}

/// A transaction of type 2 that moves nothing.
pub(crate) fn transfer(nonce: u64, to: Address, data: &str) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 200_000,
        max_fee_per_gas: 1_000_000_000,
        max_priority_fee_per_gas: 0,
        to: TxKind::Call(to),
        value: U256::ZERO,
        access_list: Default::default(),
        input: data.parse().expect("hex"),
    }
}

/// A transaction as its sender encodes it.
pub(crate) fn encode<T: SignableTransaction<Signature> + RlpEcdsaEncodableTx>(key: B256, tx: T) -> Bytes {
    let signature = sign_message(key, tx.signature_hash()).expect("a valid key");
    tx.into_signed(signature).encoded_2718().into()
}

/// The same in hex.
pub(crate) fn sign<T: SignableTransaction<Signature> + RlpEcdsaEncodableTx>(key: B256, tx: T) -> String {
    hex::encode_prefixed(encode(key, tx))
}

/// A transaction of the first account, in hex.
pub(crate) fn signed<T: SignableTransaction<Signature> + RlpEcdsaEncodableTx>(tx: T) -> String {
    sign(DEV_ACCOUNTS[0].key, tx)
}
