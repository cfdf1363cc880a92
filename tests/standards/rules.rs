//! What a suite works with: a contract called by the standard's own signatures, events and errors word by word, and
//! the list of rules that were kept and broken.

use std::{fmt::Debug, sync::Arc};

use ethers::{
    abi::{Token, Tokenize, encode},
    providers::{JsonRpcError, Middleware, MiddlewareError},
    types::{
        Address, Bytes, H256, TransactionReceipt, TransactionRequest, U256, transaction::eip2718::TypedTransaction,
    },
    utils::id,
};
use palisade::{
    chain::{Chain, Client},
    failure,
};

/// Who calls: three accounts with ether. The first one holds what the suite moves.
pub(crate) struct People {
    pub(crate) holder: Arc<Client>,
    pub(crate) friend: Arc<Client>,
    pub(crate) stranger: Arc<Client>,
}

/// A call that was refused, with what it reverted with.
pub(crate) type Called<T> = Result<T, Bytes>;

/// A transaction that was mined, and what the same call answered just before.
pub(crate) struct Done {
    pub(crate) answer: Bytes,
    pub(crate) receipt: TransactionReceipt,
}

/// A contract of which only the standard is known.
#[derive(Clone)]
pub(crate) struct Contract {
    pub(crate) chain: Chain,
    pub(crate) address: Address,
}

impl Contract {
    pub(crate) fn new(chain: &Chain, address: Address) -> Self {
        Self { chain: chain.clone(), address }
    }

    /// What a function would answer to `from` now.
    pub(crate) async fn ask(&self, from: Address, function: &str, arguments: impl Tokenize) -> Called<Bytes> {
        let tx = TransactionRequest::new().from(from).to(self.address).data(calldata(function, arguments));
        let answer = self.chain.provider().call(&tx.into(), None).await;
        answer.map_err(|error| {
            let data = error.as_error_response().and_then(JsonRpcError::as_revert_data);
            data.unwrap_or_else(|| panic!("{function} fails for another reason than a revert: {error}"))
        })
    }

    /// The first word of what a function answers; `None` where it reverts or answers less.
    pub(crate) async fn word(&self, function: &str, arguments: impl Tokenize) -> Option<U256> {
        first_word(&self.ask(Address::zero(), function, arguments).await.ok()?)
    }

    /// The address that a function answers.
    pub(crate) async fn account(&self, function: &str, arguments: impl Tokenize) -> Option<Address> {
        let word = self.word(function, arguments).await?;
        Some(H256(word.into()).into())
    }

    /// The text that a function answers.
    pub(crate) async fn text(&self, function: &str, arguments: impl Tokenize) -> Option<String> {
        let answer = self.ask(Address::zero(), function, arguments).await.ok()?;
        ethers::abi::decode(&[ethers::abi::ParamType::String], &answer).ok()?.pop()?.into_string()
    }

    /// How many of the smallest units of this token there are to one of `other`, by their decimals; at least one.
    pub(crate) async fn units_to_one_of(&self, other: &Self) -> U256 {
        let decimals = async |token: &Self| token.word("decimals()", ()).await.unwrap_or_default();
        let more = decimals(self).await.saturating_sub(decimals(other).await);
        U256::exp10(more.low_u64().min(30) as usize)
    }

    /// Sends a call. Where it would be refused it is not sent.
    pub(crate) async fn tell(&self, who: &Arc<Client>, function: &str, arguments: impl Tokenize) -> Called<Done> {
        let data = calldata(function, arguments);
        let tx = TransactionRequest::new().from(who.address()).to(self.address).data(data);
        let tx = TypedTransaction::Legacy(tx);
        let answer = self.chain.provider().call(&tx, None).await;
        let answer = answer.map_err(|error| {
            let data = error.as_error_response().and_then(JsonRpcError::as_revert_data);
            data.unwrap_or_else(|| panic!("{function} fails for another reason than a revert: {error}"))
        })?;
        let receipt = self.chain.send_transaction(function, who, tx).await;
        Ok(Done { answer, receipt: receipt.unwrap_or_else(|error| panic!("{error}")) })
    }
}

fn calldata(function: &str, arguments: impl Tokenize) -> Vec<u8> {
    [&id(function)[..], &encode(&arguments.into_tokens())].concat()
}

/// The first word of an answer.
pub(crate) fn first_word(answer: &Bytes) -> Option<U256> {
    answer.get(..32).map(U256::from_big_endian)
}

/// An error as a contract reverts with it.
pub(crate) fn error(signature: &str, arguments: impl Tokenize) -> Bytes {
    calldata(signature, arguments).into()
}

/// An event: its signature, the words of its topics, and its data.
pub(crate) struct Event {
    topics: Vec<H256>,
    data: Vec<u8>,
}

impl Event {
    pub(crate) fn new(signature: &str, indexed: impl Tokenize, data: impl Tokenize) -> Self {
        let words = indexed.into_tokens().into_iter().map(|word: Token| H256::from_slice(&encode(&[word])));
        let topics = std::iter::once(H256(ethers::utils::keccak256(signature))).chain(words).collect();
        Self { topics, data: encode(&data.into_tokens()) }
    }

    /// Whether `contract` emitted it once, and no other event of that signature.
    fn is_the_only_one(&self, receipt: &TransactionReceipt, contract: Address) -> bool {
        let mut of_the_kind =
            receipt.logs.iter().filter(|log| log.address == contract && log.topics.first() == self.topics.first());
        let only = of_the_kind.next().is_some_and(|log| log.topics == self.topics && log.data[..] == self.data);
        only && of_the_kind.next().is_none()
    }
}

/// The rules of a standard, as a contract keeps or breaks them.
pub(crate) struct Rules {
    standard: &'static str,
    kept: usize,
    broken: Vec<(&'static str, String)>,
}

impl Rules {
    pub(crate) const fn of(standard: &'static str) -> Self {
        Self { standard, kept: 0, broken: Vec::new() }
    }

    /// A rule that holds or does not; `found` tells what there is instead.
    pub(crate) fn holds(&mut self, rule: &'static str, kept: bool, found: impl Debug) {
        if kept {
            self.kept += 1;
        } else {
            self.broken.push((rule, format!("{found:?}")));
        }
    }

    /// A rule by which something is exactly so.
    pub(crate) fn same<T: PartialEq + Debug>(&mut self, rule: &'static str, found: T, expected: T) {
        self.holds(rule, found == expected, format_args!("{found:?}, not {expected:?}"));
    }

    /// A rule by which a call goes through; answers what it did.
    pub(crate) fn done<T>(&mut self, rule: &'static str, called: Called<T>) -> Option<T> {
        match called {
            Ok(done) => {
                self.kept += 1;
                Some(done)
            }
            Err(data) => {
                self.broken.push((rule, failure::decode(&data)));
                None
            }
        }
    }

    /// A rule by which a call is refused.
    pub(crate) fn refused<T>(&mut self, rule: &'static str, called: Called<T>) {
        self.holds(rule, called.is_err(), "it goes through");
    }

    /// A rule by which a call is refused with a certain error.
    pub(crate) fn refused_with<T>(&mut self, rule: &'static str, called: Called<T>, with: &Bytes) {
        match called {
            Ok(_) => self.holds(rule, false, "it goes through"),
            Err(data) => {
                let (found, expected) = (failure::decode(&data), failure::decode(with));
                self.holds(rule, data == *with, format_args!("{found}, not {expected}"));
            }
        }
    }

    /// A rule by which a transaction emits an event of `contract`, once, and none like it.
    pub(crate) fn emitted(&mut self, rule: &'static str, done: &Done, contract: &Contract, event: &Event) {
        let kept = event.is_the_only_one(&done.receipt, contract.address);
        self.holds(rule, kept, &done.receipt.logs);
    }

    /// The rules that were broken, and how.
    pub(crate) fn broken(&self) -> &[(&'static str, String)] {
        &self.broken
    }

    /// Fails where a rule was broken, with all that were.
    pub(crate) fn must_be_kept_by(self, who: &str) {
        let broken: Vec<_> = self.broken.iter().map(|(rule, found)| format!("\n  {rule}: {found}")).collect();
        assert!(broken.is_empty(), "{who} breaks {}:{}", self.standard, broken.concat());
        assert!(self.kept > 0, "no rule of {} was looked at", self.standard);
        eprintln!("{who} keeps {} rules of {}", self.kept, self.standard);
    }
}
