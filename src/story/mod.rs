//! The whole story on a chain: capital, a cover, a depeg, a claim, an exit, a vote.
//!
//! Each step acts through the contracts' ABIs only, then reads the chain and fails where it does not find the
//! step's effect. The demo prints it, the end-to-end tests run it step by step, the gas table measures it.

mod again;
mod cast;
mod steps;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use ethers::{
    abi::RawLog,
    contract::{ContractCall, EthEvent},
    types::{Address, Bytes, TransactionReceipt, U256},
};

pub use cast::Cast;

use crate::{
    artefact::Builder,
    bindings::{MockAggregator, StableCoin, vault::Solvency},
    chain::{self, Chain, Client, Clock, wall_clock},
    deploy::{self, Deployer, Deployment, Profile, profile::pali},
    feed::{Point, Series},
    report::{amount, grouped},
};

/// Decimals of the asset that the story uses.
pub const ASSET_DECIMALS: u32 = 6;

/// Why the story ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// On the chain.
    #[error(transparent)]
    Chain(#[from] chain::Error),
    /// In the deployment.
    #[error(transparent)]
    Deploy(#[from] deploy::Error),
    /// A step went through but did not do what it is for.
    #[error("{step}: expected {expected}, found {found}")]
    NoEffect {
        /// The step.
        step: &'static str,
        /// What it should have done.
        expected: String,
        /// What is on chain.
        found: String,
    },
    /// The series does not hold what the story is about.
    #[error("the price series does not depeg: {0}")]
    NoDepeg(String),
}

/// The result of a step.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One measured operation.
#[derive(Clone, Debug)]
pub struct Measured {
    /// What was done.
    pub operation: String,
    /// Gas of the whole transaction.
    pub gas: u64,
    /// The transaction, for its trace.
    pub receipt: TransactionReceipt,
}

/// A story in progress.
pub struct Story {
    /// What it plays on.
    pub deployment: Deployment,
    /// Its parameters.
    pub profile: Profile,
    /// Its people.
    pub cast: Cast,
    /// Every operation so far.
    pub measured: Vec<Measured>,
    /// Where lines go: the demo prints them, tests ignore them.
    pub tell: fn(&str),
    series: Series,
    played: Vec<Point>,
    next_point: usize,
    /// The policy, once it is bought.
    pub policy: U256,
    /// The trigger's entry of the policy, from its event.
    pub entry: Bytes,
    /// The incident, once it is reported.
    pub incident: U256,
    /// Paid to the policy's holder so far.
    pub paid: U256,
    /// Facts that later steps compare with.
    facts: BTreeMap<&'static str, U256>,
}

/// How a story is begun.
pub struct Setting<'a> {
    /// The chain.
    pub chain: Chain,
    /// Who deploys and funds the others.
    pub deployer: Arc<Client>,
    /// Where the artefacts are.
    pub builder: Builder,
    /// Where the deployment is kept.
    pub ledger: &'a Path,
    /// The prices.
    pub series: Series,
    /// Where lines go.
    pub tell: fn(&str),
    /// Told each step of the deployment.
    pub on_step: fn(&str),
}

impl Story {
    /// Funds the cast and deploys the protocol.
    ///
    /// # Errors
    /// What the deployment failed with.
    pub async fn begin(setting: Setting<'_>) -> Result<Self> {
        let Setting { chain, deployer, builder, ledger, series, tell, on_step } = setting;
        chain.require_funds(deployer.address()).await?;
        let profile = match chain.clock() {
            Clock::Movable => Profile::standard(),
            Clock::Real => Profile::short(),
        };
        let cast = Cast::gather(&chain, &deployer).await?;
        let mut steps = Deployer::open(chain, deployer, builder, ledger, profile.name, true).await?;
        steps.on_step = on_step;
        let options = deploy::Options {
            allocation: vec![(cast.dora.address(), pali(20_000_000)), (cast.erin.address(), pali(10_000_000))],
            ..deploy::Options::default()
        };
        let deployment = deploy::deploy(&mut steps, &profile, &options).await?;
        Ok(Self {
            deployment,
            profile,
            cast,
            measured: Vec::new(),
            tell,
            series,
            played: Vec::new(),
            next_point: 0,
            policy: U256::zero(),
            entry: Bytes::default(),
            incident: U256::zero(),
            paid: U256::zero(),
            facts: BTreeMap::new(),
        })
    }

    /// Every step in order.
    ///
    /// # Errors
    /// The first step that failed.
    pub async fn play(&mut self) -> Result<()> {
        self.capital().await?;
        self.cover().await?;
        self.ask_to_leave().await?;
        // where time is waited for, the vote runs while the rest of the story plays
        let waiting = self.chain().clock() == Clock::Real;
        if waiting {
            self.propose().await?;
        }
        self.depeg().await?;
        self.report().await?;
        self.claim().await?;
        self.recovery().await?;
        self.leave().await?;
        if !waiting {
            self.propose().await?;
        }
        self.vote_and_execute().await
    }

    /// Puts every program into the chain's cache; `owner` must be allowed to.
    ///
    /// # Errors
    /// Where it is not.
    pub async fn cache_programs(&self, owner: &Arc<Client>) -> Result<()> {
        let cache = Address::from_low_u64_be(0x72);
        for name in self.deployment.ledger.code_hashes.keys() {
            let mut data = ethers::utils::id("cacheProgram(address)").to_vec();
            data.extend(ethers::abi::encode(&[ethers::abi::Token::Address(self.deployment.address(name))]));
            let tx = ethers::types::TransactionRequest::new().to(cache).data(data);
            self.chain().send_transaction("caching a program", owner, tx.into()).await?;
        }
        Ok(())
    }

    /// The chain.
    #[must_use]
    pub const fn chain(&self) -> &Chain {
        &self.deployment.chain
    }

    /// The asset, used by `client`.
    #[must_use]
    pub fn asset(&self, client: &Arc<Client>) -> StableCoin<Client> {
        StableCoin::new(self.deployment.address("asset"), client.clone())
    }

    /// The feed, used by `client`.
    #[must_use]
    pub fn feed(&self, client: &Arc<Client>) -> MockAggregator<Client> {
        MockAggregator::new(self.deployment.address("feed"), client.clone())
    }

    /// Sends a call of `who`, measures it and answers with its receipt.
    ///
    /// # Errors
    /// As [`Chain::send`].
    pub async fn act<D: ethers::abi::Detokenize>(
        &mut self,
        operation: &str,
        who: &Arc<Client>,
        call: ContractCall<Client, D>,
    ) -> Result<TransactionReceipt> {
        let receipt = self.deployment.chain.send(operation, who, call).await?;
        let gas = receipt.gas_used.unwrap_or_default().as_u64();
        self.measured.push(Measured { operation: operation.into(), gas, receipt: receipt.clone() });
        Ok(receipt)
    }

    /// Gas of the last operation, in words.
    #[must_use]
    pub fn gas(&self) -> String {
        self.measured.last().map_or_else(String::new, |last| format!("{} gas", grouped(last.gas)))
    }

    /// The vault's ability to pay.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn solvency(&self) -> Result<Solvency> {
        let vault = self.deployment.vault(&self.cast.keeper);
        Ok(self.deployment.chain.read("reading the solvency", vault.solvency()).await?)
    }

    fn say(&self, line: &str) {
        (self.tell)(line);
    }

    /// Fails with the step's name unless `fact` holds.
    fn expect(step: &'static str, fact: bool, expected: impl Into<String>, found: impl Into<String>) -> Result<()> {
        if fact { Ok(()) } else { Err(Error::NoEffect { step, expected: expected.into(), found: found.into() }) }
    }

    /// Lets the clock reach `time`.
    async fn until(&self, time: u64) -> Result<()> {
        Ok(self.deployment.chain.wait_until(time, &self.cast.keeper).await?)
    }

    async fn now(&self) -> Result<u64> {
        Ok(match self.deployment.chain.clock() {
            Clock::Movable => self.deployment.chain.now().await?,
            Clock::Real => wall_clock(),
        })
    }
}

/// The first event of type `E` that `from` emitted in a transaction.
#[must_use]
pub fn event<E: EthEvent>(receipt: &TransactionReceipt, from: Address) -> Option<E> {
    receipt
        .logs
        .iter()
        .filter(|log| log.address == from)
        .find_map(|log| E::decode_log(&RawLog { topics: log.topics.clone(), data: log.data.to_vec() }).ok())
}

/// An amount of the asset in words.
#[must_use]
pub fn money(value: U256) -> String {
    format!("{} USDX", amount(value, ASSET_DECIMALS, 2))
}
