//! A chain behind an RPC: connecting, sending, waiting, and its clock.

use std::{sync::Arc, time::Duration};

use ethers::{
    contract::{ContractCall, ContractError},
    middleware::SignerMiddleware,
    providers::{Http, Middleware, Provider, ProviderError},
    signers::{LocalWallet, Signer},
    types::{
        Address, BlockNumber, Bytes, Filter, H256, Log, TransactionReceipt, TransactionRequest, U256,
        transaction::eip2718::TypedTransaction,
    },
};
use thiserror::Error;

use crate::failure;

/// How long a transaction may take to be mined.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a transaction may take beyond the estimate and a quarter of it: some words are fresh only once the second has
/// changed, as a checkpoint of votes is (four of them, at 22,100 each). Gas that is not used costs nothing.
const SLACK: u64 = 100_000;

/// Logs of so many blocks are asked for at once.
const MOST_BLOCKS: u64 = 1 << 20;

/// Where a node refuses even so few, there are none to be had.
const FEWEST_BLOCKS: u64 = 64;

/// The public key of every Arbitrum development chain's first account. It protects nothing.
pub const DEVELOPMENT_KEY: &str = "b6b15c8cb491557369f3c7d2c287b053eb229daa9c22138887752191c9520659";

/// The chain id of Arbitrum development chains.
pub const DEVELOPMENT_CHAIN: u64 = 412_346;

/// A client that signs.
pub type Client = SignerMiddleware<Provider<Http>, LocalWallet>;

/// What can go wrong on the way to a chain and on it.
#[derive(Debug, Error)]
pub enum Error {
    /// Nobody answers as a chain does.
    #[error("no Ethereum RPC answers at {url}: {reason}. Start a node (`palisade node`) or give the right --rpc")]
    Unreachable {
        /// The address tried.
        url: String,
        /// Why.
        reason: String,
    },
    /// The chain is another one than expected.
    #[error("{url} is chain {actual}, but chain {expected} was expected")]
    WrongChain {
        /// The address.
        url: String,
        /// What was expected.
        expected: u64,
        /// What is there.
        actual: u64,
    },
    /// The account cannot pay.
    #[error("{account:?} has no ether on chain {chain}: fund it, or give another key (PALISADE_KEY or --keystore)")]
    NoFunds {
        /// The account.
        account: Address,
        /// The chain.
        chain: u64,
    },
    /// A private key cannot be used.
    #[error("{0}")]
    Key(String),
    /// A call or a transaction would revert or did.
    #[error("{what} failed: {reason}")]
    Reverted {
        /// What was tried.
        what: String,
        /// The decoded error.
        reason: String,
    },
    /// A transaction failed on chain.
    #[error("{what} failed in transaction {hash:?}: {reason}")]
    FailedOnChain {
        /// What was tried.
        what: String,
        /// The transaction.
        hash: H256,
        /// The decoded error.
        reason: String,
    },
    /// A transaction did not get mined in time.
    #[error("{what}: transaction {hash:?} was not mined within {} s", PATIENCE.as_secs())]
    NotMined {
        /// What was tried.
        what: String,
        /// The transaction.
        hash: H256,
    },
    /// The RPC failed in the middle.
    #[error("{what}: {reason}")]
    Rpc {
        /// What was tried.
        what: String,
        /// Why.
        reason: String,
    },
}

impl Error {
    /// What a contract refused with, in its own words; `None` where something else went wrong.
    #[must_use]
    pub fn refusal(&self) -> Option<&str> {
        match self {
            Self::Reverted { reason, .. } | Self::FailedOnChain { reason, .. } => Some(reason),
            _ => None,
        }
    }
}

type Result<T, E = Error> = std::result::Result<T, E>;

/// Whether the chain's clock can be moved, as on a test node, or must be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// `evm_increaseTime` works.
    Movable,
    /// Time passes by itself.
    Real,
}

/// A transaction that is signed and not sent yet.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Its hash.
    pub hash: H256,
    raw: Bytes,
    tx: TypedTransaction,
}

impl Signed {
    /// The gas that it may use, the price of a unit that it may pay, and the ether that goes with it.
    #[must_use]
    pub fn at_most(&self) -> (U256, U256, U256) {
        let price = match &self.tx {
            TypedTransaction::Eip1559(tx) => tx.max_fee_per_gas.unwrap_or_default(),
            tx => tx.gas_price().unwrap_or_default(),
        };
        let value = self.tx.value().copied().unwrap_or_default();
        (self.tx.gas().copied().unwrap_or_default(), price, value)
    }
}

/// A chain.
#[derive(Clone, Debug)]
pub struct Chain {
    provider: Provider<Http>,
    url: String,
    id: u64,
    clock: Clock,
}

/// Seconds since 1970.
#[must_use]
pub fn wall_clock() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}

impl Chain {
    /// Connects and finds out which chain it is and what its clock can do.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn connect(url: &str) -> Result<Self> {
        // a web server answers with a whole page: its first line says enough
        let unreachable = |reason: String| Error::Unreachable {
            url: url.into(),
            reason: reason.lines().next().unwrap_or_default().into(),
        };
        let provider = Provider::<Http>::try_from(url)
            .map_err(|error| unreachable(error.to_string()))?
            .interval(Duration::from_millis(20));
        let id = tokio::time::timeout(Duration::from_secs(10), provider.get_chainid())
            .await
            .map_err(|_| unreachable("no answer within 10 s".into()))?
            .map_err(|error| unreachable(brief(&error)))?;
        let moved: std::result::Result<serde_json::Value, _> = provider.request("evm_increaseTime", [0u64]).await;
        let clock = if moved.is_ok() { Clock::Movable } else { Clock::Real };
        Ok(Self { provider, url: url.into(), id: id.as_u64(), clock })
    }

    /// The chain id.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What its clock can do.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    /// The provider.
    #[must_use]
    pub const fn provider(&self) -> &Provider<Http> {
        &self.provider
    }

    /// A client that signs with `wallet`.
    #[must_use]
    pub fn client(&self, wallet: LocalWallet) -> Arc<Client> {
        Arc::new(SignerMiddleware::new(self.provider.clone(), wallet.with_chain_id(self.id)))
    }

    /// Fails where `account` has no ether.
    ///
    /// # Errors
    /// [`Error::NoFunds`].
    pub async fn require_funds(&self, account: Address) -> Result<()> {
        let balance = self.balance(account).await?;
        if balance.is_zero() { Err(Error::NoFunds { account, chain: self.id }) } else { Ok(()) }
    }

    /// The time of the newest block.
    ///
    /// # Errors
    /// [`Error::Rpc`].
    pub async fn now(&self) -> Result<u64> {
        let block = self.rpc("reading the newest block", self.provider.get_block(BlockNumber::Latest).await)?;
        Ok(block.map_or(0, |block| block.timestamp.as_u64()))
    }

    /// The number of the newest block.
    ///
    /// # Errors
    /// [`Error::Rpc`].
    pub async fn block_number(&self) -> Result<u64> {
        Ok(self.rpc("reading the newest block", self.provider.get_block_number().await)?.as_u64())
    }

    /// Lets the clock reach `time`: moves it where that is possible, waits else. Where blocks are made on demand only,
    /// `client` sends itself nothing, so that there is a newest block of that time to estimate and call at.
    ///
    /// # Errors
    /// [`Error::Rpc`].
    pub async fn wait_until(&self, time: u64, client: &Arc<Client>) -> Result<()> {
        match self.clock {
            Clock::Movable => {
                let now = self.now().await?;
                if time > now {
                    let moved: std::result::Result<serde_json::Value, _> =
                        self.provider.request("evm_setNextBlockTimestamp", [time]).await;
                    self.rpc("moving the clock", moved)?;
                    let mined: std::result::Result<serde_json::Value, _> = self.provider.request("evm_mine", ()).await;
                    self.rpc("mining a block", mined)?;
                }
            }
            Clock::Real => {
                while wall_clock() <= time {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                if self.now().await? < time {
                    let nothing = TransactionRequest::new().to(client.address()).value(0);
                    self.send_transaction("making a block", client, nothing.into()).await?;
                }
            }
        }
        Ok(())
    }

    /// The code of an account.
    ///
    /// # Errors
    /// [`Error::Rpc`].
    pub async fn code(&self, account: Address) -> Result<Bytes> {
        self.rpc("reading code", self.provider.get_code(account, None).await)
    }

    /// Sends a contract call and waits for its receipt.
    ///
    /// # Errors
    /// [`Error::Reverted`] where it would revert, [`Error::FailedOnChain`] where it did, and RPC errors.
    pub async fn send<D: ethers::abi::Detokenize>(
        &self,
        what: &str,
        client: &Arc<Client>,
        call: ContractCall<Client, D>,
    ) -> Result<TransactionReceipt> {
        self.send_transaction(what, client, call.tx).await
    }

    /// Sends a transaction and waits for its receipt.
    ///
    /// # Errors
    /// As [`Chain::send`].
    pub async fn send_transaction(
        &self,
        what: &str,
        client: &Arc<Client>,
        tx: TypedTransaction,
    ) -> Result<TransactionReceipt> {
        let signed = self.sign(what, client, tx).await?;
        self.submit(what, &signed).await
    }

    /// Completes and signs a transaction without sending it, so that its hash can be written down first.
    ///
    /// # Errors
    /// [`Error::Reverted`] where it would revert, and RPC errors.
    pub async fn sign(&self, what: &str, client: &Arc<Client>, mut tx: TypedTransaction) -> Result<Signed> {
        tx.set_from(client.address());
        tx.set_chain_id(self.id);
        if tx.gas().is_none() {
            let estimate = client.estimate_gas(&tx, None).await.map_err(|error| failed(what, &error))?;
            tx.set_gas(estimate + estimate / 4 + SLACK);
        }
        let price = self.rpc(what, self.provider.get_gas_price().await)?;
        match &mut tx {
            TypedTransaction::Eip1559(inner) => {
                inner.max_fee_per_gas.get_or_insert(price * 2);
                inner.max_priority_fee_per_gas.get_or_insert(U256::zero());
            }
            other => drop(other.set_gas_price(price * 2)),
        }
        if tx.nonce().is_none() {
            let nonce = self.provider.get_transaction_count(client.address(), Some(BlockNumber::Pending.into())).await;
            tx.set_nonce(self.rpc(what, nonce)?);
        }
        let signature = client
            .signer()
            .sign_transaction(&tx)
            .await
            .map_err(|error| Error::Key(format!("signing failed: {error}")))?;
        let raw = tx.rlp_signed(&signature);
        Ok(Signed { hash: ethers::utils::keccak256(&raw).into(), raw, tx })
    }

    /// Sends a signed transaction and waits for its receipt.
    ///
    /// # Errors
    /// As [`Chain::send`].
    pub async fn submit(&self, what: &str, signed: &Signed) -> Result<TransactionReceipt> {
        let pending = self.provider.send_raw_transaction(signed.raw.clone()).await;
        if let Err(error) = pending {
            return Err(failed(what, &error));
        }
        let receipt = self.receipt(what, signed.hash).await?;
        if receipt.status != Some(1.into()) {
            let block = receipt.block_number.map(|number| BlockNumber::Number(number).into());
            let reason = match self.provider.call(&signed.tx, block).await {
                Err(error) => match failed(what, &error) {
                    Error::Reverted { reason, .. } => reason,
                    _ => "the node does not say why".into(),
                },
                Ok(_) => "it succeeds when repeated: out of gas, or the state has changed".into(),
            };
            return Err(Error::FailedOnChain { what: what.into(), hash: signed.hash, reason });
        }
        Ok(receipt)
    }

    /// Waits for the receipt of a transaction that was sent.
    ///
    /// # Errors
    /// [`Error::NotMined`] and RPC errors.
    pub async fn receipt(&self, what: &str, hash: H256) -> Result<TransactionReceipt> {
        let started = std::time::Instant::now();
        loop {
            if let Some(receipt) = self.rpc(what, self.provider.get_transaction_receipt(hash).await)? {
                return Ok(receipt);
            }
            if started.elapsed() > PATIENCE {
                return Err(Error::NotMined { what: what.into(), hash });
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Sends ether.
    ///
    /// # Errors
    /// As [`Chain::send`].
    pub async fn transfer(&self, client: &Arc<Client>, to: Address, value: U256) -> Result<TransactionReceipt> {
        let tx = TransactionRequest::new().to(to).value(value);
        self.send_transaction("sending ether", client, tx.into()).await
    }

    /// The answer of a view function.
    ///
    /// # Errors
    /// [`Error::Reverted`] and RPC errors.
    pub async fn read<D: ethers::abi::Detokenize>(&self, what: &str, call: ContractCall<Client, D>) -> Result<D> {
        call.call().await.map_err(|error| contract_error(what, &error))
    }

    /// What a call would answer, as bytes.
    ///
    /// # Errors
    /// [`Error::Reverted`] and RPC errors.
    pub async fn ask(&self, what: &str, tx: TransactionRequest) -> Result<Bytes> {
        self.provider.call(&tx.into(), None).await.map_err(|error| failed(what, &error))
    }

    /// The logs that a filter finds from block `first` on, in the order of the chain: asked for in pages, which become smaller
    /// where the node refuses one.
    ///
    /// # Errors
    /// [`Error::Rpc`].
    pub async fn logs(&self, filter: &Filter, first: u64) -> Result<Vec<Log>> {
        let newest = self.block_number().await?;
        let (mut from, mut page) = (first, MOST_BLOCKS);
        let mut found = Vec::new();
        while from <= newest {
            let to = newest.min(from.saturating_add(page - 1));
            let asked = filter.clone().from_block(from).to_block(to);
            match self.provider.get_logs(&asked).await {
                Ok(logs) => {
                    found.extend(logs);
                    from = to + 1;
                }
                Err(error) if page <= FEWEST_BLOCKS => return Err(failed("reading logs", &error)),
                Err(_) => page /= 2,
            }
        }
        Ok(found)
    }

    /// The ether of an account.
    ///
    /// # Errors
    /// [`Error::Rpc`].
    pub async fn balance(&self, account: Address) -> Result<U256> {
        self.rpc("reading a balance", self.provider.get_balance(account, None).await)
    }

    /// Any RPC method.
    ///
    /// # Errors
    /// [`Error::Rpc`].
    pub async fn request<T: serde::Serialize + std::fmt::Debug + Send + Sync>(
        &self,
        method: &str,
        params: T,
    ) -> Result<serde_json::Value> {
        self.rpc(method, self.provider.request(method, params).await)
    }

    fn rpc<T>(&self, what: &str, result: std::result::Result<T, ProviderError>) -> Result<T> {
        result.map_err(|error| Error::Rpc { what: what.into(), reason: brief(&error) })
    }
}

/// A contract error in the contract's own words.
#[must_use]
pub fn contract_error(what: &str, error: &ContractError<Client>) -> Error {
    match error {
        ContractError::Revert(data) => Error::Reverted { what: what.into(), reason: failure::decode(data) },
        ContractError::MiddlewareError { e } => failed(what, e),
        ContractError::ProviderError { e } => failed(what, e),
        other => Error::Reverted { what: what.into(), reason: other.to_string() },
    }
}

/// What the node refused, decoded where it carries revert data; or that it did not answer.
pub(crate) fn failed<E: ethers::providers::MiddlewareError>(what: &str, error: &E) -> Error {
    let what = what.to_owned();
    let Some(response) = error.as_error_response() else {
        let reason = brief(error).lines().next().unwrap_or_default().to_owned();
        return Error::Rpc { what, reason };
    };
    match response.as_revert_data() {
        Some(data) if !data.is_empty() => Error::Reverted { what, reason: failure::decode(&data) },
        _ => Error::Reverted { what, reason: response.message.clone() },
    }
}

/// The essence of a transport error.
fn brief<E: std::fmt::Display>(error: &E) -> String {
    let text = error.to_string();
    let text = text.rsplit(": ").next().unwrap_or(&text);
    text.to_owned()
}

/// A wallet from a hexadecimal private key.
///
/// # Errors
/// [`Error::Key`], which does not repeat the key.
pub fn wallet(key: &str) -> Result<LocalWallet> {
    key.trim()
        .trim_start_matches("0x")
        .parse()
        .map_err(|_| Error::Key("the private key is not 32 bytes of hexadecimal digits".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_key_is_refused_without_being_repeated() {
        let error = wallet("0xsecret").unwrap_err().to_string();
        assert!(!error.contains("secret"));
        let good = wallet(DEVELOPMENT_KEY).unwrap();
        assert_eq!(format!("{:?}", good.address()), "0x3f1eae7d46d88f08fc2f8ed27fcb2ab183eb2d0e");
    }

    #[tokio::test]
    async fn a_wrong_rpc_is_one_line() {
        let error = Chain::connect("http://127.0.0.1:9").await.unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("no Ethereum RPC answers at http://127.0.0.1:9"), "{text}");
        assert_eq!(text.lines().count(), 1);
    }

    #[tokio::test]
    async fn a_web_server_is_no_rpc_and_its_page_is_not_shown() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _ = stream.read(&mut [0; 1024]).await;
                let page = "HTTP/1.1 501 Unsupported\r\ncontent-length: 13\r\nconnection: close\r\n\r\n<html>\n</html>";
                let _ = stream.write_all(page.as_bytes()).await;
            }
        });
        let text = Chain::connect(&url).await.unwrap_err().to_string();
        assert_eq!(text.lines().count(), 1, "{text}");
        server.abort();
    }
}
