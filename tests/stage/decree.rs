//! Calls of contracts in the name of accounts without keys, on the embedded node: of the timelock, as it makes them once
//! the DAO has voted and the delay is over.

use ethers::{abi::Detokenize, contract::ContractCall, types::Address};
use palisade::chain::{Chain, Client};

use crate::disguise;

/// Sends a call in an account's name; it must succeed.
pub(crate) async fn send_as<D: Detokenize>(chain: &Chain, from: Address, call: &ContractCall<Client, D>) {
    let to = *call.tx.to_addr().expect("a call goes to a contract");
    disguise::send(chain, from, to, call.calldata().expect("a call has call data")).await;
}
