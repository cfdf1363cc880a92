//! Signed transactions from anybody: never a panic, and what is accepted has one encoding.

use alloy_consensus::transaction::{RlpEcdsaEncodableTx, Transaction as _};
use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxEnvelope, TxLegacy};
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use devnode::accounts::DEV_ACCOUNTS;
use devnode::chain::{DecodeError, MAX_TX_BYTES, Transaction};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::cases;
use crate::support::{CHAIN_ID, encode};

fn signed<T>(tx: T) -> Vec<u8>
where
    T: SignableTransaction<Signature> + RlpEcdsaEncodableTx,
{
    encode(DEV_ACCOUNTS[0].key, tx).to_vec()
}

#[derive(Clone, Debug)]
struct Fields {
    kind: u8,
    protected: bool,
    nonce: u64,
    fee: u128,
    gas_limit: u64,
    to: Option<[u8; 20]>,
    value: [u8; 32],
    input: Vec<u8>,
    list: Vec<([u8; 20], Vec<[u8; 32]>)>,
}

impl Fields {
    fn encode(&self) -> Vec<u8> {
        let Self { nonce, gas_limit, fee, .. } = *self;
        let to = self.to.map_or(TxKind::Create, |to| TxKind::Call(to.into()));
        let (value, input) = (U256::from_be_bytes(self.value), Bytes::from(self.input.clone()));
        let items = self.list.iter().map(|(address, slots)| AccessListItem {
            address: address.into(),
            storage_keys: slots.iter().map(B256::from).collect(),
        });
        let access_list = AccessList(items.collect());
        let chain_id = CHAIN_ID;
        match self.kind {
            0 => {
                let chain_id = self.protected.then_some(CHAIN_ID);
                signed(TxLegacy { chain_id, nonce, gas_price: fee, gas_limit, to, value, input })
            }
            1 => signed(TxEip2930 { chain_id, nonce, gas_price: fee, gas_limit, to, value, access_list, input }),
            _ => signed(TxEip1559 {
                chain_id,
                nonce,
                gas_limit,
                max_fee_per_gas: fee,
                max_priority_fee_per_gas: fee / 2,
                to,
                value,
                access_list,
                input,
            }),
        }
    }
}

fn fields() -> impl Strategy<Value = Fields> {
    let list = vec((any::<[u8; 20]>(), vec(any::<[u8; 32]>(), 0..3)), 0..3);
    let value = prop_oneof![Just([0; 32]), any::<[u8; 32]>()];
    let input = vec(any::<u8>(), 0..100);
    let numbers = (any::<u64>(), any::<u128>(), any::<u64>());
    (0..3_u8, any::<bool>(), numbers, any::<Option<[u8; 20]>>(), value, input, list).prop_map(
        |(kind, protected, (nonce, fee, gas_limit), to, value, input, list)| Fields {
            kind,
            protected,
            nonce,
            fee,
            gas_limit,
            to,
            value,
            input,
            list,
        },
    )
}

#[derive(Clone, Debug)]
enum Damage {
    Set(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Cut(Index),
    Append(u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        1 => any::<Index>().prop_map(Damage::Remove),
        1 => any::<Index>().prop_map(Damage::Cut),
        1 => any::<u8>().prop_map(Damage::Append),
    ]
}

fn apply(raw: &mut Vec<u8>, damage: Damage) {
    if raw.is_empty() {
        return;
    }
    match damage {
        Damage::Set(at, byte) => {
            let at = at.index(raw.len());
            raw[at] = byte;
        }
        Damage::Insert(at, byte) => raw.insert(at.index(raw.len()), byte),
        Damage::Remove(at) => {
            raw.remove(at.index(raw.len()));
        }
        Damage::Cut(at) => raw.truncate(at.index(raw.len())),
        Damage::Append(byte) => raw.push(byte),
    }
}

/// Whatever is accepted says what another reader of the same bytes finds, and is written back as it came.
fn check(raw: &[u8]) -> Result<Option<Transaction>, TestCaseError> {
    let Ok(tx) = Transaction::decode(raw.to_vec().into(), CHAIN_ID) else { return Ok(None) };
    let other = TxEnvelope::decode_2718(&mut &raw[..]).expect("another reader accepts it, too");
    prop_assert_eq!(other.encoded_2718(), raw, "it has another encoding");
    prop_assert_eq!(tx.raw().as_ref(), raw);
    prop_assert_eq!(tx.hash(), *other.tx_hash());
    prop_assert_eq!(
        (tx.kind(), tx.nonce(), tx.gas_limit(), tx.value(), tx.to()),
        (other.tx_type() as u8, other.nonce(), other.gas_limit(), other.value(), other.to())
    );
    prop_assert_eq!((tx.max_fee(), tx.priority_fee()), (other.max_fee_per_gas(), other.max_priority_fee_per_gas()));
    prop_assert_eq!(tx.input(), other.input());
    prop_assert_eq!(tx.access_list(), other.access_list());
    prop_assert!(tx.chain_id().is_none_or(|chain| chain == CHAIN_ID));
    prop_assert!(tx.from() != Address::ZERO);
    Ok(Some(tx))
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn what_is_signed_is_read_back(fields in fields()) {
        let tx = check(&fields.encode())?.expect("it is accepted");
        prop_assert_eq!((tx.from(), tx.kind(), tx.nonce()), (DEV_ACCOUNTS[0].address, fields.kind, fields.nonce));
    }

    #[test]
    fn damaged_transactions_are_refused_or_read_back(fields in fields(), damages in vec(damage(), 1..4)) {
        let mut raw = fields.encode();
        for damage in damages {
            apply(&mut raw, damage);
        }
        check(&raw)?;
    }

    #[test]
    fn any_bytes_are_refused_or_read_back(kind in 0..8_u8, mut raw in vec(any::<u8>(), 0..200)) {
        check(&raw)?;
        raw.insert(0, kind);
        check(&raw)?;
        raw[0] = 0xf8;
        check(&raw)?;
    }
}

#[test]
fn what_is_too_long_is_refused_before_it_is_read() {
    let raw = vec![0xf9; MAX_TX_BYTES + 1];
    assert_eq!(Transaction::decode(raw.into(), CHAIN_ID), Err(DecodeError::Oversized(MAX_TX_BYTES + 1)));
}
