//! Acting in the name of accounts without keys, on the embedded node.

use ethers::types::{Address, Bytes};
use palisade::chain::Chain;
use serde_json::json;

/// Lets the node send in the name of an account, which gets the ether for it.
pub(crate) async fn impersonate(chain: &Chain, account: Address) {
    chain.request("anvil_impersonateAccount", [account]).await.unwrap();
    chain.request("anvil_setBalance", json!([account, "0x56bc75e2d63100000"])).await.unwrap();
}

/// Sends a call in an account's name; it must succeed. Answers the gas of it.
pub(crate) async fn send(chain: &Chain, from: Address, to: Address, data: Bytes) -> u64 {
    impersonate(chain, from).await;
    let tx = json!({ "from": from, "to": to, "data": data, "gas": "0x1312d00" });
    let hash = chain.request("eth_sendTransaction", [tx]).await.unwrap();
    let receipt = chain.request("eth_getTransactionReceipt", [hash]).await.unwrap();
    assert_eq!(receipt["status"], "0x1", "{receipt}");
    u64::from_str_radix(receipt["gasUsed"].as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}
