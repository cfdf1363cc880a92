//! Acting in the name of accounts without keys, on the embedded node.

use ethers::types::Address;
use palisade::chain::Chain;
use serde_json::json;

/// Lets the node send in the name of an account, which gets the ether for it.
pub(crate) async fn impersonate(chain: &Chain, account: Address) {
    chain.request("anvil_impersonateAccount", [account]).await.unwrap();
    chain.request("anvil_setBalance", json!([account, "0x56bc75e2d63100000"])).await.unwrap();
}
