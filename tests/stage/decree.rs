//! Calls in the name of accounts without keys, on the embedded node: of the timelock, as it makes them once the DAO has
//! voted and the delay is over.

use ethers::{abi::Detokenize, contract::ContractCall, types::Address};
use palisade::chain::{Chain, Client};
use serde_json::json;

use crate::disguise;

/// Sends a call in an account's name; it must succeed.
pub(crate) async fn send_as<D: Detokenize>(chain: &Chain, from: Address, call: &ContractCall<Client, D>) {
    disguise::impersonate(chain, from).await;
    let tx = json!({ "from": from, "to": call.tx.to(), "data": call.calldata(), "gas": "0x1312d00" });
    let hash = chain.request("eth_sendTransaction", [tx]).await.unwrap();
    let receipt = chain.request("eth_getTransactionReceipt", [hash]).await.unwrap();
    assert_eq!(receipt["status"], "0x1", "{}", call.function.name);
}
