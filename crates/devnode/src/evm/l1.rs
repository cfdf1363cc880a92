//! What a transaction's data costs on L1, where the chain has a price for it.

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Signature, TxKind, U256, keccak256};

use super::types::{L1Data, TxRequest, access_list};

/// Units of a byte: what a byte of calldata costs on L1 in gas.
const UNITS_PER_BYTE: u64 = 16;
/// Units by which the data of what is not signed yet is overestimated: sixteen bytes and a hundredth.
const SPARE_UNITS: u64 = 16 * UNITS_PER_BYTE;
const SPARE_PERCENT: u64 = 1;
/// Part by which the price may rise until it is sent.
const PRICE_RISE_PERCENT: u64 = 10;
/// Window of the compression: 2^22 bytes.
const WINDOW: i32 = 22;

/// Wei that the data of a transaction costs at a price for a unit; more than that for one that is not signed yet.
pub(super) fn cost(tx: &TxRequest, chain_id: u64, price: U256, quality: i32) -> U256 {
    match &tx.l1_data {
        L1Data::None => U256::ZERO,
        L1Data::Signed(raw) => price.saturating_mul(U256::from(units(raw, quality))),
        L1Data::Unsigned => {
            let units = units(&stand_in(tx, chain_id), quality).saturating_add(SPARE_UNITS);
            let units = units.saturating_add(units * SPARE_PERCENT / 100);
            let price = price.saturating_mul(U256::from(100 + PRICE_RISE_PERCENT)) / U256::from(100);
            price.saturating_mul(U256::from(units))
        }
    }
}

/// Units of some data: they count its compressed bytes. (Nitro compresses with another encoder, whose sizes differ by a
/// few bytes.)
fn units(data: &[u8], quality: i32) -> u64 {
    let params = brotli::enc::BrotliEncoderParams { quality, lgwin: WINDOW, ..Default::default() };
    let mut compressed = Vec::new();
    let written = brotli::BrotliCompress(&mut &*data, &mut compressed, &params);
    let length = if written.is_ok() { compressed.len() } else { data.len() };
    (length as u64).saturating_mul(UNITS_PER_BYTE)
}

/// What a signed transaction could be that does what a call does. Its signature does not compress, as none does.
fn stand_in(tx: &TxRequest, chain_id: u64) -> Vec<u8> {
    let noise = |seed: u8| U256::from_be_bytes(keccak256([seed]).0);
    TxEip1559 {
        chain_id,
        nonce: tx.nonce.unwrap_or(noise(0).as_limbs()[0] >> 32),
        gas_limit: tx.gas_limit,
        max_fee_per_gas: tx.max_fee.max(u128::from(noise(1).as_limbs()[0] >> 16)),
        max_priority_fee_per_gas: tx.priority_fee,
        to: tx.to.map_or(TxKind::Create, TxKind::Call),
        value: tx.value,
        access_list: access_list(tx.access_list.iter().cloned()),
        input: tx.data.clone(),
    }
    .into_signed(Signature::new(noise(2), noise(3), true))
    .encoded_2718()
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Bytes;

    use super::*;

    #[test]
    fn data_is_counted_compressed_and_overestimated_until_it_is_signed() {
        let price = U256::from(1_000);
        let of = |l1_data| cost(&TxRequest { l1_data, ..TxRequest::default() }, 1, price, 1);
        assert_eq!(of(L1Data::None), U256::ZERO);
        let zeros = of(L1Data::Signed(vec![0; 10_000].into()));
        assert!(zeros < price * U256::from(16 * 100), "{zeros}");
        let noise: Vec<u8> = (0..100_u8).flat_map(|seed| keccak256([seed]).0).collect();
        let incompressible = of(L1Data::Signed(noise.into()));
        assert!(incompressible >= price * U256::from(16 * 3_200), "{incompressible}");
        let signed = of(L1Data::Signed(Bytes::from(stand_in(&TxRequest::default(), 1))));
        let unsigned = of(L1Data::Unsigned);
        assert!(unsigned > signed * U256::from(111) / U256::from(100), "{unsigned} > {signed}");
    }
}
