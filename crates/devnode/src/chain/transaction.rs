//! Transactions: decoding what users sign, and the one that begins each block.

use alloy_consensus::transaction::RlpEcdsaDecodableTx;
use alloy_consensus::{SignableTransaction, Signed, TxEip1559, TxEip2930, TxEip7702, TxLegacy};
use alloy_eips::eip2930::AccessList;
use alloy_eips::eip7702::{RecoveredAuthorization, SignedAuthorization};
use alloy_primitives::{Address, B256, B512, Bytes, Signature, TxKind, U256, address, keccak256};
use alloy_rlp::{Decodable, Encodable};
use revm::precompile::secp256k1::ecrecover;

use crate::evm::{L1Data, TxRequest};

/// Largest signed transaction, in bytes: what Arbitrum's sequencers accept.
pub const MAX_TX_BYTES: usize = 95_000;

/// Type of transactions with blobs.
const BLOB_TYPE: u8 = 3;

/// Why bytes are no transaction that this chain accepts. The texts are geth's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Nothing was sent.
    #[error("typed transaction too short")]
    Empty,
    /// More bytes than [`MAX_TX_BYTES`].
    #[error("oversized data: transaction size {0}, limit {MAX_TX_BYTES}")]
    Oversized(usize),
    /// A transaction with blobs (type 3): Arbitrum has none.
    #[error("transaction type not supported")]
    Blobs,
    /// A type other than 0, 1, 2 and 4.
    #[error("transaction type not supported")]
    UnsupportedType(u8),
    /// Not the RLP of a transaction.
    #[error("rlp: {0}")]
    Rlp(alloy_rlp::Error),
    /// Bytes follow the transaction.
    #[error("rlp: input contains more than one value")]
    Trailing,
    /// Signed for another chain.
    #[error("invalid chain id for signer: have {have} want {want}")]
    ChainId {
        /// Chain id of the transaction.
        have: u64,
        /// Chain id of this chain.
        want: u64,
    },
    /// No account signed this.
    #[error("invalid transaction v, r, s values")]
    Signature,
}

impl From<alloy_rlp::Error> for DecodeError {
    fn from(error: alloy_rlp::Error) -> Self {
        Self::Rlp(error)
    }
}

/// Fields of a transaction and what its type adds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Body {
    Legacy(Signed<TxLegacy>),
    Eip2930(Signed<TxEip2930>),
    Eip1559(Signed<TxEip1559>),
    Eip7702(Signed<TxEip7702>),
    Internal { chain_id: u64, data: Bytes },
}

impl Body {
    /// Reads what users sign.
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let mut rest = raw;
        let body = match raw.first() {
            None => return Err(DecodeError::Empty),
            Some(0xc0..) => Self::Legacy(TxLegacy::rlp_decode_signed(&mut rest)?),
            Some(&kind) => {
                rest = &rest[1..];
                match kind {
                    1 => Self::Eip2930(TxEip2930::rlp_decode_signed(&mut rest)?),
                    2 => Self::Eip1559(TxEip1559::rlp_decode_signed(&mut rest)?),
                    BLOB_TYPE => return Err(DecodeError::Blobs),
                    4 => Self::Eip7702(TxEip7702::rlp_decode_signed(&mut rest)?),
                    other => return Err(DecodeError::UnsupportedType(other)),
                }
            }
        };
        if !rest.is_empty() {
            return Err(DecodeError::Trailing);
        }
        Ok(body)
    }

    /// Reads what follows the type of Arbitrum's own transaction.
    fn decode_internal(mut rest: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = alloy_rlp::Header::decode_bytes(&mut rest, true)?;
        let (chain_id, data) = (u64::decode(&mut fields)?, Bytes::decode(&mut fields)?);
        if !rest.is_empty() || !fields.is_empty() {
            return Err(DecodeError::Trailing);
        }
        Ok(Self::Internal { chain_id, data })
    }

    /// Fields common to what users sign; none for Arbitrum's own.
    fn signed(&self) -> Option<&dyn alloy_consensus::Transaction> {
        match self {
            Self::Legacy(tx) => Some(tx.tx()),
            Self::Eip2930(tx) => Some(tx.tx()),
            Self::Eip1559(tx) => Some(tx.tx()),
            Self::Eip7702(tx) => Some(tx.tx()),
            Self::Internal { .. } => None,
        }
    }

    fn chain_id(&self) -> Option<u64> {
        match self {
            Self::Internal { chain_id, .. } => Some(*chain_id),
            _ => self.signed().and_then(|tx| tx.chain_id()),
        }
    }

    /// Who signed it.
    fn signer(&self) -> Result<Address, DecodeError> {
        match self {
            Self::Legacy(tx) => recover(tx),
            Self::Eip2930(tx) => recover(tx),
            Self::Eip1559(tx) => recover(tx),
            Self::Eip7702(tx) => recover(tx),
            Self::Internal { .. } => Ok(Transaction::INTERNAL_ADDRESS),
        }
    }
}

/// Who signed a transaction, found by the library that runs the precompile: it is several times as fast as alloy's.
fn recover<T: SignableTransaction<Signature>>(tx: &Signed<T>) -> Result<Address, DecodeError> {
    let signature = tx.signature();
    // EIP-2: of the two signatures that a key can make of another one, only the lower counts.
    if signature.normalize_s().is_some() {
        return Err(DecodeError::Signature);
    }
    let [r, s] = [signature.r(), signature.s()].map(B256::from);
    let key = ecrecover(&B512::from(r.concat_const(s)), u8::from(signature.v()), &tx.signature_hash());
    key.map(Address::from_word).map_err(|_| DecodeError::Signature)
}

/// A transaction of a user, or Arbitrum's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    body: Body,
    raw: Bytes,
    hash: B256,
    from: Address,
    impersonated: bool,
    /// Delegations (type 4), each with its signer: finding out is slow, so it is done once.
    authorizations: Vec<RecoveredAuthorization>,
}

impl Transaction {
    /// Type of the transaction that Arbitrum puts first into each block.
    pub const INTERNAL_TYPE: u8 = 0x6a;
    /// Sender and recipient of that transaction.
    pub const INTERNAL_ADDRESS: Address = address!("00000000000000000000000000000000000a4b05");

    /// Signature of a transaction that nobody signed.
    pub const IMPERSONATED: Signature = Signature::new(U256::ONE, U256::ONE, false);

    /// Reads a signed transaction of type 0 (also one without a chain id), 1, 2 or 4 and finds out who signed it.
    ///
    /// # Errors
    ///
    /// Anything else, and transactions for another chain than `chain_id`.
    pub fn decode(raw: Bytes, chain_id: u64) -> Result<Self, DecodeError> {
        // Blobs are large: it is not their size that is wrong with them.
        if raw.len() > MAX_TX_BYTES && raw.first() != Some(&BLOB_TYPE) {
            return Err(DecodeError::Oversized(raw.len()));
        }
        let body = Body::decode(&raw)?;
        if let Some(have) = body.chain_id().filter(|have| *have != chain_id) {
            return Err(DecodeError::ChainId { have, want: chain_id });
        }
        let from = body.signer()?;
        Ok(Self::new(body, raw, from))
    }

    /// A transaction that nobody signed, encoded with [`Self::IMPERSONATED`] in the signature's place. Its hash depends
    /// on the sender too, or two senders could have transactions of the same hash.
    ///
    /// # Errors
    ///
    /// The bytes are no transaction.
    pub fn impersonated(raw: Bytes, from: Address) -> Result<Self, DecodeError> {
        let hash = keccak256([&raw, from.as_slice()].concat());
        Ok(Self { hash, impersonated: true, ..Self::new(Body::decode(&raw)?, raw, from) })
    }

    fn new(body: Body, raw: Bytes, from: Address) -> Self {
        let signed: &[SignedAuthorization] = match &body {
            Body::Eip7702(tx) => &tx.tx().authorization_list,
            _ => &[],
        };
        let authorizations = signed.iter().cloned().map(SignedAuthorization::into_recovered).collect();
        Self { hash: keccak256(&raw), body, raw, from, impersonated: false, authorizations }
    }

    /// A transaction that was accepted before, Arbitrum's own as well: its sender is taken on trust.
    pub(super) fn restore(raw: Bytes, from: Address) -> Result<Self, DecodeError> {
        let body = match raw.first() {
            Some(&Self::INTERNAL_TYPE) => Body::decode_internal(&raw[1..])?,
            _ => Body::decode(&raw)?,
        };
        let tx = Self::new(body, raw, from);
        // Nobody has the key that makes this signature, whose signer is somebody all the same.
        if tx.signature() == Some(&Self::IMPERSONATED) && tx.body.signer() != Ok(from) {
            return Self::impersonated(tx.raw, from);
        }
        Ok(tx)
    }

    /// The transaction that begins block `number`: `startBlock(l1BaseFee, l1BlockNumber, l2BlockNumber, timePassed)`.
    pub fn start_block(chain_id: u64, l1_number: u64, number: u64, time_passed: u64) -> Self {
        let mut data = vec![0x6b, 0xf6, 0xa4, 0x2d];
        for word in [0, l1_number, number, time_passed] {
            data.extend(U256::from(word).to_be_bytes::<32>());
        }
        let data = Bytes::from(data);
        let mut raw = vec![Self::INTERNAL_TYPE];
        alloy_rlp::Header { list: true, payload_length: chain_id.length() + data.length() }.encode(&mut raw);
        chain_id.encode(&mut raw);
        data.encode(&mut raw);
        let raw = Bytes::from(raw);
        Self::new(Body::Internal { chain_id, data }, raw, Self::INTERNAL_ADDRESS)
    }

    /// Hash of the encoded transaction.
    pub fn hash(&self) -> B256 {
        self.hash
    }

    /// The sender: who signed it, or in whose name it was sent.
    pub fn from(&self) -> Address {
        self.from
    }

    /// Whether nobody signed it.
    pub fn is_impersonated(&self) -> bool {
        self.impersonated
    }

    /// The encoded transaction (EIP-2718).
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// Type: 0, 1, 2, 4 or [`Self::INTERNAL_TYPE`].
    pub fn kind(&self) -> u8 {
        match &self.body {
            Body::Legacy(_) => 0,
            Body::Eip2930(_) => 1,
            Body::Eip1559(_) => 2,
            Body::Eip7702(_) => 4,
            Body::Internal { .. } => Self::INTERNAL_TYPE,
        }
    }

    /// Whether this is Arbitrum's own transaction.
    pub fn is_internal(&self) -> bool {
        matches!(self.body, Body::Internal { .. })
    }

    fn signed(&self) -> Option<&dyn alloy_consensus::Transaction> {
        self.body.signed()
    }

    /// Chain id; none in legacy transactions that any chain accepts.
    pub fn chain_id(&self) -> Option<u64> {
        self.body.chain_id()
    }

    /// Nonce of the sender.
    pub fn nonce(&self) -> u64 {
        self.signed().map_or(0, |tx| tx.nonce())
    }

    /// Gas limit.
    pub fn gas_limit(&self) -> u64 {
        self.signed().map_or(0, |tx| tx.gas_limit())
    }

    /// Gas price, or the most that a unit of gas may cost (types 2 and 4), in wei.
    pub fn max_fee(&self) -> u128 {
        self.signed().map_or(0, |tx| tx.max_fee_per_gas())
    }

    /// Tip in wei for a unit of gas (types 2 and 4). Nobody takes it on Arbitrum.
    pub fn priority_fee(&self) -> Option<u128> {
        self.signed().and_then(|tx| tx.max_priority_fee_per_gas())
    }

    /// Wei sent along.
    pub fn value(&self) -> U256 {
        self.signed().map_or(U256::ZERO, |tx| tx.value())
    }

    /// Calldata or init code.
    pub fn input(&self) -> &Bytes {
        match &self.body {
            Body::Legacy(tx) => &tx.tx().input,
            Body::Eip2930(tx) => &tx.tx().input,
            Body::Eip1559(tx) => &tx.tx().input,
            Body::Eip7702(tx) => &tx.tx().input,
            Body::Internal { data, .. } => data,
        }
    }

    /// The recipient; none creates a contract.
    pub fn to(&self) -> Option<Address> {
        match self.signed().map(|tx| tx.kind()) {
            Some(TxKind::Call(to)) => Some(to),
            Some(TxKind::Create) => None,
            None => Some(Self::INTERNAL_ADDRESS),
        }
    }

    /// Access list (types 1, 2 and 4).
    pub fn access_list(&self) -> Option<&AccessList> {
        match &self.body {
            Body::Eip2930(tx) => Some(&tx.tx().access_list),
            Body::Eip1559(tx) => Some(&tx.tx().access_list),
            Body::Eip7702(tx) => Some(&tx.tx().access_list),
            Body::Legacy(_) | Body::Internal { .. } => None,
        }
    }

    /// Delegations that accounts have signed (type 4).
    pub fn authorization_list(&self) -> Option<&[SignedAuthorization]> {
        match &self.body {
            Body::Eip7702(tx) => Some(&tx.tx().authorization_list),
            _ => None,
        }
    }

    /// The signature; none on Arbitrum's own.
    pub fn signature(&self) -> Option<&Signature> {
        match &self.body {
            Body::Legacy(tx) => Some(tx.signature()),
            Body::Eip2930(tx) => Some(tx.signature()),
            Body::Eip1559(tx) => Some(tx.signature()),
            Body::Eip7702(tx) => Some(tx.signature()),
            Body::Internal { .. } => None,
        }
    }

    /// What the executor needs of it.
    pub fn request(&self) -> TxRequest {
        let access_list = self.access_list().into_iter().flat_map(|list| &list.0);
        TxRequest {
            from: self.from,
            to: self.to(),
            gas_limit: self.gas_limit(),
            max_fee: self.max_fee(),
            priority_fee: self.priority_fee().unwrap_or_default(),
            value: self.value(),
            data: self.input().clone(),
            nonce: Some(self.nonce()),
            access_list: access_list.map(|item| (item.address, item.storage_keys.clone())).collect(),
            authorizations: self.authorizations.clone(),
            kind: self.kind(),
            impersonated: self.impersonated,
            recent_programs: Vec::new(),
            l1_data: L1Data::Signed(self.raw.clone()),
        }
    }
}
