//! Stories on a chain, one for each cover: capital, a cover, what it is for, a claim, an exit; a vote in each.
//!
//! Each step acts through the contracts' ABIs only, then reads the chain and fails where it does not find the
//! step's effect. The demo prints them, the end-to-end tests run them step by step, the gas table measures that of the
//! depeg.
//!
//! | module | holds |
//! |---|---|
//! | `steps` | the depeg's steps: capital, cover, report, claim, exit |
//! | `cover` | what the other stories share: an offer, sales, reports, claims, checks |
//! | `dao`, `jury` | proposals; challenges and verdicts |
//! | [`lending`], [`exploit`], [`bridge`], [`oracle`], [`impermanent_loss`] | a story each |
//! | `uniswap` | Uniswap's published contracts |
//! | `again` | a second operation of each kind, for the gas table |

mod again;
pub mod bridge;
mod cast;
mod cover;
mod dao;
pub mod exploit;
pub mod impermanent_loss;
mod jury;
pub mod lending;
pub mod oracle;
mod steps;
mod tale;
mod uniswap;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use ethers::{
    abi::RawLog,
    contract::{ContractCall, EthEvent},
    types::{Address, Bytes, TransactionReceipt, U256},
};

pub use cast::Cast;
pub use cover::{Line, Sold};
pub use tale::Tale;

use crate::{
    artefact::Builder,
    bindings::{MockAggregator, StableCoin, vault::Solvency},
    chain::{self, Chain, Client, Clock, wall_clock},
    deploy::{self, Deployer, Deployment, Grant, Profile, profile::pali},
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
    /// A story takes weeks, and the chain's clock cannot be moved.
    #[error("the story of {0} takes weeks: play it on a chain whose clock can be moved, as that of `palisade node`")]
    Clock(Tale),
    /// A protocol that a story is about cannot be deployed.
    #[error("{path}: {reason}. Run `npm ci --prefix tests/solidity`")]
    Package {
        /// Its artefact.
        path: PathBuf,
        /// Why.
        reason: String,
    },
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
    /// Where the artefacts are.
    pub builder: Builder,
    /// What is bought and reported: the depeg product on its feed, until a story offers another.
    pub line: Line,
    /// The policy, once it is bought.
    pub policy: U256,
    /// The trigger's entry of the policy, from its event.
    pub entry: Bytes,
    /// The incident, once it is reported.
    pub incident: U256,
    /// Paid to policies' holders so far.
    pub paid: U256,
    /// What came into the pool beside capital: all net premiums, and what was won back.
    income: U256,
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
        Self::begin_for(Tale::Depeg, setting).await
    }

    /// The same for another story.
    ///
    /// # Errors
    /// What the deployment failed with; [`Error::Clock`] where the story cannot be played on the chain.
    pub async fn begin_for(tale: Tale, setting: Setting<'_>) -> Result<Self> {
        let Setting { chain, deployer, builder, ledger, series, tell, on_step } = setting;
        if tale != Tale::Depeg && chain.clock() == Clock::Real {
            return Err(Error::Clock(tale));
        }
        chain.require_funds(deployer.address()).await?;
        let profile = match chain.clock() {
            Clock::Movable => Profile::standard(),
            Clock::Real => Profile::short(),
        };
        let cast = Cast::gather(&chain, &deployer).await?;
        let mut steps = Deployer::open(chain, deployer, builder.clone(), ledger, profile.name, true).await?;
        steps.on_step = on_step;
        let reporter = if tale == Tale::Bridge { Some(bridge::reporter(&mut steps).await?) } else { None };
        let options = deploy::Options {
            allocation: vec![(cast.dora.address(), pali(20_000_000)), (cast.erin.address(), pali(10_000_000))],
            vesting: vec![Grant {
                beneficiary: cast.erin.address(),
                amount: pali(4_000_000),
                cliff: 90 * 86_400,
                duration: 360 * 86_400,
            }],
            guardian: Some(cast.gina.address()),
            reporter,
            ..deploy::Options::default()
        };
        let deployment = deploy::deploy(&mut steps, &profile, &options).await?;
        let line = Line { product: deployment.product, subject: deployment.subject(), position: [0; 32] };
        Ok(Self {
            builder,
            line,
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
            income: U256::zero(),
            facts: BTreeMap::new(),
        })
    }

    /// Every step of a story in order.
    ///
    /// # Errors
    /// The first step that failed.
    pub async fn play_tale(&mut self, tale: Tale) -> Result<()> {
        match tale {
            Tale::Depeg => self.play().await,
            Tale::ImpermanentLoss => impermanent_loss::ImpermanentLoss::open(self).await?.play().await,
            Tale::Lending => lending::Lending::open(self).await?.play().await,
            Tale::Exploit => exploit::Exploit::open(self).await?.play().await,
            Tale::Bridge => bridge::Bridge::open(self).await?.play().await,
            Tale::Oracle => oracle::Oracle::open(self).await?.play().await,
        }
    }

    /// Every step of the depeg's in order.
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
