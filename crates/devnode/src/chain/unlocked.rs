//! Accounts in whose name the node signs, or sends without a signature.

use alloy_consensus::crypto::secp256k1::sign_message;
use alloy_consensus::transaction::RlpEcdsaEncodableTx;
use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxEip7702, TxLegacy};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind};

use super::{BlockRef, CallError, CallRequest, DecodeError, Node, SendError, Transaction};
use crate::evm::{TxError, access_list};

/// Most accounts that are impersonated at the same time.
const MAX_IMPERSONATED: usize = 10_000;

/// A transaction that the node is to sign: what it does not say is filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendRequest {
    /// Its fields. Without a sender it is the first account's.
    pub call: CallRequest,
    /// Type; it follows from the fields if absent, and is 2 if they leave it open.
    pub kind: Option<u8>,
    /// Chain id; it must be this chain's.
    pub chain_id: Option<u64>,
}

/// Why the node does not sign or send. The texts are geth's where it has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnlockedError {
    /// The node has no key of that account, and nobody may send in its name.
    #[error("unknown account")]
    UnknownAccount(Address),
    /// The account's key is no key.
    #[error("the key of account {0} is not valid")]
    Key(Address),
    /// Meant for another chain.
    #[error("chainId does not match node's (have={have}, want={want})")]
    ChainId {
        /// Chain id of the request.
        have: u64,
        /// Chain id of this chain.
        want: u64,
    },
    /// No recipient, and nothing to create.
    #[error("contract creation without any data provided")]
    EmptyCreation,
    /// The tip is above the fee cap.
    #[error("maxFeePerGas ({max_fee}) < maxPriorityFeePerGas ({tip})")]
    TipAboveFeeCap {
        /// The fee cap.
        max_fee: u128,
        /// The tip.
        tip: u128,
    },
    /// The type does not have that field.
    #[error("a transaction of type {kind} has no {field}")]
    Field {
        /// The type.
        kind: u8,
        /// Name of the field.
        field: &'static str,
    },
    /// Too many accounts are impersonated.
    #[error("more than {MAX_IMPERSONATED} impersonated accounts")]
    TooManyImpersonated,
    /// Its gas cannot be estimated.
    #[error(transparent)]
    Estimate(#[from] CallError),
    /// It is refused.
    #[error(transparent)]
    Send(#[from] SendError),
}

impl Node {
    /// Accounts that the node sends for: those with keys, then those that are impersonated.
    pub fn accounts(&self) -> Vec<Address> {
        let mut accounts: Vec<_> = self.config.accounts.iter().map(|account| account.address).collect();
        let chain = self.chain.read();
        let others = chain.desk.impersonated.iter().filter(|address| self.key(**address).is_none());
        accounts.extend(others);
        accounts
    }

    /// Signs a hash with the key of an account.
    ///
    /// # Errors
    ///
    /// The node does not have its key.
    pub fn sign_hash(&self, account: Address, hash: B256) -> Result<Signature, UnlockedError> {
        let key = self.key(account).ok_or(UnlockedError::UnknownAccount(account))?;
        sign_message(key, hash).map_err(|_| UnlockedError::Key(account))
    }

    /// Fills in and signs a transaction, and does not send it.
    ///
    /// # Errors
    ///
    /// The node does not have the sender's key, or the request is impossible.
    pub fn sign_transaction(&self, request: &SendRequest) -> Result<Transaction, UnlockedError> {
        let from = self.sender(request)?;
        self.key(from).ok_or(UnlockedError::UnknownAccount(from))?;
        let raw = self.seal(request, from, |hash| self.sign_hash(from, hash))?;
        Ok(Transaction::decode(raw, self.config.chain_id).map_err(SendError::from)?)
    }

    /// Fills in a transaction and sends it: signed if the node has the key of its sender, else as it is if that account is
    /// impersonated.
    ///
    /// # Errors
    ///
    /// Neither is so, or the request is impossible, or the transaction is refused.
    pub fn send(&self, request: &SendRequest) -> Result<B256, UnlockedError> {
        let sent = self.send_in_turn(request);
        self.outcomes.tell();
        sent
    }

    /// One after the other, or two would get the same nonce.
    fn send_in_turn(&self, request: &SendRequest) -> Result<B256, UnlockedError> {
        let _turn = self.sending.lock();
        let from = self.sender(request)?;
        let tx = if self.key(from).is_some() {
            self.sign_transaction(request)?
        } else if self.is_impersonated(from) {
            let raw = self.seal(request, from, |_| Ok(Transaction::IMPERSONATED))?;
            Transaction::impersonated(raw, from).map_err(SendError::from)?
        } else {
            return Err(UnlockedError::UnknownAccount(from));
        };
        Ok(self.submit(&mut self.chain.write(), tx)?)
    }

    /// Lets everybody send in the name of an account, without its key.
    ///
    /// # Errors
    ///
    /// [`UnlockedError::TooManyImpersonated`]
    pub fn impersonate(&self, account: Address) -> Result<(), UnlockedError> {
        let mut chain = self.chain.write();
        let impersonated = &mut chain.desk.impersonated;
        if impersonated.len() >= MAX_IMPERSONATED {
            return Err(UnlockedError::TooManyImpersonated);
        }
        impersonated.insert(account);
        Ok(())
    }

    /// Ends what [`Node::impersonate`] began; tells whether it had begun.
    pub fn stop_impersonating(&self, account: Address) -> bool {
        self.chain.write().desk.impersonated.remove(&account)
    }

    /// Lets everybody send in the name of every account, or ends that.
    pub fn impersonate_all(&self, on: bool) {
        self.chain.write().desk.impersonate_all = on;
    }

    /// Whether everybody may send in the name of an account.
    pub fn is_impersonated(&self, account: Address) -> bool {
        let chain = self.chain.read();
        chain.desk.impersonate_all || chain.desk.impersonated.contains(&account)
    }

    fn key(&self, account: Address) -> Option<B256> {
        self.config.accounts.iter().find(|known| known.address == account).map(|known| known.key)
    }

    fn sender(&self, request: &SendRequest) -> Result<Address, UnlockedError> {
        let first = || self.config.accounts.first().map(|account| account.address);
        request.call.from.or_else(first).ok_or(UnlockedError::UnknownAccount(Address::ZERO))
    }

    /// Fills in what a request leaves open and encodes it with the signature that `sign` gives.
    fn seal(
        &self,
        request: &SendRequest,
        from: Address,
        sign: impl FnOnce(B256) -> Result<Signature, UnlockedError>,
    ) -> Result<Bytes, UnlockedError> {
        let chain_id = self.config.chain_id;
        if let Some(have) = request.chain_id.filter(|have| *have != chain_id) {
            return Err(UnlockedError::ChainId { have, want: chain_id });
        }
        let mut call = CallRequest { from: Some(from), ..request.call.clone() };
        if call.to.is_none() && call.data.is_empty() {
            return Err(UnlockedError::EmptyCreation);
        }
        let kind = kind_of(request)?;
        let base_fee = u128::from(self.base_fee());
        if kind < 2 {
            call.gas_price = Some(call.gas_price.unwrap_or(base_fee));
        } else {
            let tip = call.priority_fee.unwrap_or_default();
            let max_fee = call.max_fee.unwrap_or_else(|| base_fee.saturating_mul(2).saturating_add(tip));
            if max_fee < tip {
                return Err(UnlockedError::TipAboveFeeCap { max_fee, tip });
            }
            (call.max_fee, call.priority_fee) = (Some(max_fee), Some(tip));
        }
        let gas_limit = match call.gas {
            Some(gas) => gas,
            None => self.estimate_gas(&call, &BlockRef::Pending.into())?,
        };
        let nonce = call.nonce.unwrap_or_else(|| self.pending_nonce(from));
        let to = call.to.map_or(TxKind::Create, TxKind::Call);
        let (value, input) = (call.value, call.data);
        let gas_price = call.gas_price.unwrap_or_default();
        let max_fee_per_gas = call.max_fee.unwrap_or_default();
        let max_priority_fee_per_gas = call.priority_fee.unwrap_or_default();
        let access_list = access_list(call.access_list);
        match kind {
            0 => encode(TxLegacy { chain_id: Some(chain_id), nonce, gas_price, gas_limit, to, value, input }, sign),
            1 => encode(TxEip2930 { chain_id, nonce, gas_price, gas_limit, to, value, access_list, input }, sign),
            2 => encode(
                TxEip1559 {
                    chain_id,
                    nonce,
                    gas_limit,
                    max_fee_per_gas,
                    max_priority_fee_per_gas,
                    to,
                    value,
                    access_list,
                    input,
                },
                sign,
            ),
            _ => {
                let refused = TxError::AuthorizedCreation { address: from };
                let to = to.into_to().ok_or(SendError::Rejected(refused))?;
                encode(
                    TxEip7702 {
                        chain_id,
                        nonce,
                        gas_limit,
                        max_fee_per_gas,
                        max_priority_fee_per_gas,
                        to,
                        value,
                        access_list,
                        authorization_list: call.authorizations.unwrap_or_default(),
                        input,
                    },
                    sign,
                )
            }
        }
    }
}

/// Type of a transaction, and whether its fields fit.
fn kind_of(request: &SendRequest) -> Result<u8, UnlockedError> {
    let call = &request.call;
    let kind = request.kind.unwrap_or(match (&call.authorizations, call.gas_price) {
        (Some(_), _) => 4,
        (None, None) => 2,
        (None, Some(_)) => u8::from(!call.access_list.is_empty()),
    });
    let misplaced = match kind {
        0 if !call.access_list.is_empty() => Some("accessList"),
        0 | 1 if call.max_fee.is_some() => Some("maxFeePerGas"),
        0 | 1 if call.priority_fee.is_some() => Some("maxPriorityFeePerGas"),
        2 | 4 if call.gas_price.is_some() => Some("gasPrice"),
        0..=2 if call.authorizations.is_some() => Some("authorizationList"),
        0..=2 | 4 => None,
        other => return Err(SendError::from(DecodeError::UnsupportedType(other)).into()),
    };
    misplaced.map_or(Ok(kind), |field| Err(UnlockedError::Field { kind, field }))
}

fn encode<T>(tx: T, sign: impl FnOnce(B256) -> Result<Signature, UnlockedError>) -> Result<Bytes, UnlockedError>
where
    T: SignableTransaction<Signature> + RlpEcdsaEncodableTx,
{
    let signature = sign(tx.signature_hash())?;
    Ok(tx.into_signed(signature).encoded_2718().into())
}
