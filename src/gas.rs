//! What every operation costs, beside what it needs at least, what others need for the same, and what it may.
//!
//! The story is played on a node of its own, with a second operation of each kind; then OpenZeppelin's contracts do
//! what they can do too on the same node.

use std::sync::Arc;

use ethers::{
    abi::{Detokenize, Token},
    contract::ContractCall,
    signers::Signer,
    types::{Address, Bytes, TransactionReceipt, TransactionRequest, U256},
    utils::{id, keccak256},
};

use crate::{
    artefact::Builder,
    bindings::{
        IDistribution, IGovernor, IPolicy, ITimelock, IToken, IVault, StableCoin, governor::ProposalCreatedFilter,
    },
    chain::{self, Chain, Client, DEVELOPMENT_KEY, wallet},
    deploy::{
        self, Deployer,
        deployer::solidity_init_code,
        profile::{pali, usd},
    },
    feed::Series,
    story::{self, Measured, Setting, Story, Tale, event},
    trace::{Anatomy, anatomy},
};

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The node did not start.
    #[error("the embedded node did not start: {0}")]
    Node(String),
    /// The story, or what comes after it, failed.
    #[error(transparent)]
    Story(#[from] story::Error),
}

impl From<chain::Error> for Error {
    fn from(error: chain::Error) -> Self {
        Self::Story(error.into())
    }
}

impl From<deploy::Error> for Error {
    fn from(error: deploy::Error) -> Self {
        Self::Story(error.into())
    }
}

type Result<T, E = Error> = std::result::Result<T, E>;

/// What others need for the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theirs {
    /// Gas of the whole transaction: the second one of the kind, or the only one.
    pub gas: u64,
    /// Gas of the first one, where there are two.
    pub first: Option<u64>,
    /// Whose.
    pub whose: &'static str,
}

/// One operation.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was done.
    pub operation: String,
    /// Gas of the last one of its kind.
    pub gas: u64,
    /// Gas of the first one, where there are several.
    pub first: Option<u64>,
    /// Gas of the last one with programs out of the chain's cache, where that was measured.
    pub uncached: Option<u64>,
    /// What the last one is made of.
    pub anatomy: Anatomy,
    /// What others need.
    pub theirs: Option<Theirs>,
}

/// Gas of peers' published code, whole transactions in steady state on local EVMs, for what has no counterpart in
/// OpenZeppelin's contracts.
const NOTED: &[(&str, u64, &str)] = &[
    ("request redemption", 236_900, "Cozy, noted"),
    ("buy", 299_553, "Ensuro, noted"),
    ("extend", 334_846, "Ensuro's replacement, noted"),
    ("cancel", 253_863, "Ensuro, noted"),
    ("file", 184_304, "Ensuro without verification, noted"),
    ("expire", 140_884, "Ensuro, noted"),
];

/// Which operation of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The first one of all, where slots are new.
    First,
    /// A later one by the same user.
    Later,
    /// The only one.
    Only,
}

/// What an operation may cost with programs in the chain's cache.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// What is done.
    pub operation: &'static str,
    /// Which one of its kind.
    pub which: Which,
    /// The goal. A purchase has it beside what its trigger does.
    pub gas: u64,
    /// Where the goal is not reached today: what is measured and one percent, which must not be passed.
    pub ceiling: Option<u64>,
}

const fn limit(operation: &'static str, which: Which, gas: u64, ceiling: Option<u64>) -> Limit {
    Limit { operation, which, gas, ceiling }
}

/// The limits.
pub const LIMITS: &[Limit] = &[
    limit("deposit", Which::Later, 85_000, None),
    limit("deposit", Which::First, 125_000, None),
    limit("request redemption", Which::Later, 80_000, None),
    limit("claim redemption", Which::Later, 90_000, None),
    limit("buy", Which::Later, 255_000, None),
    limit("extend", Which::Later, 155_000, Some(208_147)),
    limit("cancel", Which::Later, 122_000, Some(149_617)),
    limit("expire", Which::Later, 60_000, None),
    limit("commit", Which::Later, 70_000, None),
    limit("reveal", Which::Later, 80_000, None),
    limit("file", Which::Only, 245_000, None),
    limit("propose", Which::Only, 74_900, None),
    limit("vote", Which::First, 108_000, None),
    limit("vote", Which::Later, 80_000, None),
    limit("queue", Which::Only, 115_000, None),
    limit("execute", Which::Only, 88_000, None),
];

/// What the DAO does at less than OpenZeppelin's contracts need for the same.
pub const CHEAPER: &[&str] =
    &["delegate", "transfer votes", "transfer votes between delegates", "propose", "vote", "queue", "execute"];

/// How many slots a purchase may fill, over all contracts.
pub const NEW_SLOTS_OF_A_PURCHASE: usize = 4;

impl Limit {
    /// What counts against the limit; `None` where it was not measured.
    #[must_use]
    pub fn measured(&self, rows: &[Row]) -> Option<u64> {
        let row = rows.iter().find(|row| row.operation == self.operation)?;
        match self.which {
            Which::First => row.first,
            Which::Later if self.operation == "buy" => Some(row.gas - row.anatomy.trigger),
            Which::Later => row.first.map(|_| row.gas),
            Which::Only => Some(row.gas),
        }
    }

    /// Whether the goal is reached.
    #[must_use]
    pub fn is_met(&self, rows: &[Row]) -> bool {
        self.measured(rows).is_some_and(|gas| gas <= self.gas)
    }
}

/// Plays the story with programs in the chain's cache or out of it, a second operation of each kind, and what others
/// have for the same.
///
/// # Errors
/// What an operation failed with.
pub async fn measure(builder: &Builder, cache: bool, code_size_limit: usize) -> Result<Vec<Row>> {
    let builder = builder.clone().with_limit(code_size_limit);
    let mut rows = of(Tale::Depeg, &builder, cache, code_size_limit).await?;
    let judged = of(JUDGED, &builder, cache, code_size_limit).await?;
    rows.extend(judged.into_iter().filter(|row| JURY.contains(&row.operation.as_str())));
    Ok(rows)
}

/// The story with a jury, and what jurors do in it.
const JUDGED: Tale = Tale::Exploit;
const JURY: &[&str] = &["stake", "commit", "reveal", "settle"];

/// Plays a story on a node of its own.
async fn of(tale: Tale, builder: &Builder, cache: bool, code_size_limit: usize) -> Result<Vec<Row>> {
    let series = Series::turning_points();
    let start = tale.begins().or(series.points.first().map(|point| point.time - 10 * 86_400));
    let config = devnode::Config { port: 0, timestamp: start, code_size_limit, ..devnode::Config::default() };
    let node = devnode::serve(config).await.map_err(|error| Error::Node(error.to_string()))?;
    let folder = std::env::temp_dir().join(format!("palisade-gas-{}-{cache}-{tale}", std::process::id()));
    let rows = on(&node.url(), tale, builder.clone(), cache, series, &folder).await;
    node.stop().await;
    drop(std::fs::remove_dir_all(&folder)); // the chain is gone too
    rows
}

async fn on(
    url: &str,
    tale: Tale,
    builder: Builder,
    cache: bool,
    series: Series,
    folder: &std::path::Path,
) -> Result<Vec<Row>> {
    let chain = Chain::connect(url).await?;
    // a block a second, however fast the machine is: what books cost that were kept in the same second already is not measured
    chain.request("evm_mine", ()).await?;
    chain.request("anvil_setBlockTimestampInterval", [1_u64]).await?;
    let deployer = chain.client(wallet(DEVELOPMENT_KEY)?.with_chain_id(chain.id()));
    let setting = Setting {
        chain: chain.clone(),
        deployer: deployer.clone(),
        builder: builder.clone(),
        ledger: &folder.join("deployment.json"),
        series,
        tell: |_| {},
        on_step: |_| {},
    };
    let mut story = Story::begin_for(tale, setting).await?;
    let token = match tale {
        Tale::Depeg => Some(collectible(&mut story, &deployer, &folder.join("collectible.json")).await?),
        _ => None,
    };
    if cache {
        story.cache_programs(&deployer).await?;
    }
    story.play_tale(tale).await?;
    if let Some(token) = token {
        story.again().await?;
        let bob = story.cast.bob.clone();
        for id in [1_u64, 2] {
            let mint = StableCoin::new(token, bob.clone()).mint(bob.address(), id.into());
            story.act("mint a token", &bob, mint).await?;
        }
    }
    let mut rows: Vec<Row> = Vec::new();
    for Measured { operation, gas, receipt } in &story.measured {
        let anatomy = anatomy(&chain, &story.deployment, receipt).await?;
        match rows.iter_mut().find(|row| row.operation == *operation) {
            Some(row) => {
                row.first.get_or_insert(row.gas);
                (row.gas, row.anatomy) = (*gas, anatomy);
            }
            None => rows.push(Row {
                operation: operation.clone(),
                gas: *gas,
                first: None,
                uncached: None,
                anatomy,
                theirs: NOTED.iter().find(|(name, ..)| name == operation).map(|(_, gas, whose)| Theirs {
                    gas: *gas,
                    first: None,
                    whose,
                }),
            }),
        }
    }
    if tale != Tale::Depeg {
        return Ok(rows);
    }
    let mut others = Counterparts { chain, builder, deployer, measured: Vec::new() };
    others.play(&story).await?;
    for (operation, theirs) in others.measured {
        if let Some(row) = rows.iter_mut().find(|row| row.operation == operation) {
            row.theirs = Some(theirs);
        }
    }
    Ok(rows)
}

/// A bare ERC-721 token (examples/collectible), which becomes one of the story's programs.
async fn collectible(story: &mut Story, deployer: &Arc<Client>, ledger: &std::path::Path) -> Result<Address> {
    const NAME: &str = "collectible";
    let (chain, builder) = (story.chain().clone(), story.builder.clone());
    let mut steps = Deployer::open(chain, deployer.clone(), builder, ledger, "example", true).await?;
    let token = steps.program(NAME, None).await?;
    let deployment = &mut story.deployment.ledger;
    deployment.contracts.insert(NAME.into(), token);
    deployment.code_hashes.insert(NAME.into(), steps.ledger.code_hashes[NAME]);
    Ok(token)
}

/// Contracts in Solidity that do the same, as far as they can.
struct Counterparts {
    chain: Chain,
    builder: Builder,
    deployer: Arc<Client>,
    measured: Vec<(&'static str, Theirs)>,
}

impl Counterparts {
    async fn play(&mut self, story: &Story) -> Result<()> {
        self.vault(story).await?;
        self.certificates(story).await?;
        self.distribution(story).await?;
        let token = self.votes(story).await?;
        self.governor(story, token).await
    }

    async fn deploy(&self, contract: &str, arguments: &[Token]) -> Result<Address> {
        let code = solidity_init_code(&self.builder, contract, arguments)?;
        let tx = TransactionRequest::new().data(code);
        let receipt = self.chain.send_transaction(contract, &self.deployer, tx.into()).await?;
        Ok(receipt.contract_address.unwrap_or_default())
    }

    /// Sends a call and keeps what it cost: as the first, or as the second of its kind.
    async fn act<D: Detokenize>(
        &mut self,
        operation: &'static str,
        whose: &'static str,
        who: &Arc<Client>,
        call: ContractCall<Client, D>,
    ) -> Result<TransactionReceipt> {
        let receipt = self.chain.send(operation, who, call).await?;
        let gas = receipt.gas_used.unwrap_or_default().as_u64();
        match self.measured.iter_mut().find(|(name, _)| *name == operation) {
            Some((_, theirs)) => {
                theirs.first.get_or_insert(theirs.gas);
                theirs.gas = gas;
            }
            None => self.measured.push((operation, Theirs { gas, first: None, whose })),
        }
        Ok(receipt)
    }

    async fn vault(&mut self, story: &Story) -> Result<()> {
        const WHOSE: &str = "OpenZeppelin ERC4626";
        let alice = story.cast.alice.clone();
        let (me, to) = (alice.address(), story.cast.keeper.address());
        let asset = story.deployment.address("asset");
        let vault = IVault::new(self.deploy("OzVault", &[Token::Address(asset)]).await?, alice.clone());
        story.provide(&alice, vault.address(), usd(10_000_000)).await?;
        for _ in 0..2 {
            self.act("deposit", WHOSE, &alice, vault.deposit(usd(100_000), me)).await?;
        }
        for _ in 0..2 {
            self.act("mint", WHOSE, &alice, vault.mint(usd(100_000), me)).await?;
        }
        for _ in 0..2 {
            self.act("transfer shares", WHOSE, &alice, vault.transfer(to, usd(1_000))).await?;
        }
        for _ in 0..2 {
            self.act("claim redemption", "OpenZeppelin ERC4626, redeem", &alice, vault.redeem(usd(1_000), me, me))
                .await?;
        }
        Ok(())
    }

    async fn certificates(&mut self, story: &Story) -> Result<()> {
        let bob = story.cast.bob.clone();
        let nft = self.deploy("OzCertificate", &[]).await?;
        let (mint, nft) = (StableCoin::new(nft, bob.clone()), IPolicy::new(nft, bob.clone()));
        for token in [1u64, 2, 3] {
            let call = mint.mint(bob.address(), token.into());
            self.act("mint a token", "OpenZeppelin ERC721", &bob, call).await?;
        }
        for token in [1u64, 2] {
            let call = nft.transfer_from(bob.address(), story.cast.keeper.address(), token.into());
            self.act("transfer policy", "OpenZeppelin ERC721", &bob, call).await?;
        }
        Ok(())
    }

    async fn distribution(&mut self, story: &Story) -> Result<()> {
        let keeper = story.cast.keeper.clone();
        let risk = Token::Address(story.deployment.address("risk"));
        let contract = IDistribution::new(self.deploy("Distribution", &[risk]).await?, keeper.clone());
        self.act("distribution", "the same in Solidity", &keeper, story.losses(&contract)).await?;
        Ok(())
    }

    async fn votes(&mut self, story: &Story) -> Result<Address> {
        const WHOSE: &str = "OpenZeppelin ERC20Votes";
        let (dora, erin) = (story.cast.dora.clone(), story.cast.erin.clone());
        let address = self.deploy("OzVotes", &[]).await?;
        let mint = StableCoin::new(address, dora.clone());
        for (who, votes) in [(&dora, 20_000_000), (&erin, 10_000_000)] {
            self.chain.send("minting", &dora, mint.mint(who.address(), pali(votes))).await?;
        }
        for who in [&dora, &erin] {
            let token = IToken::new(address, who.clone());
            self.act("delegate", WHOSE, who, token.delegate(who.address())).await?;
        }
        let token = IToken::new(address, dora.clone());
        for _ in 0..2 {
            story.pass(1).await?;
            let call = token.transfer(story.cast.keeper.address(), pali(1_000));
            self.act("transfer votes", WHOSE, &dora, call).await?;
        }
        for _ in 0..2 {
            story.pass(1).await?;
            let call = token.transfer(erin.address(), pali(1_000));
            self.act("transfer votes between delegates", WHOSE, &dora, call).await?;
        }
        story.pass(1).await?;
        Ok(address)
    }

    /// A proposal, two votes, queue and execution, as in the story.
    async fn governor(&mut self, story: &Story, token: Address) -> Result<()> {
        const WHOSE: &str = "OpenZeppelin Governor";
        let (dora, profile) = (story.cast.dora.clone(), &story.profile);
        let nobody = Token::Array(vec![Token::Address(Address::zero())]);
        let me = Token::Address(self.deployer.address());
        let number = |value: u64| Token::Uint(value.into());
        let arguments = [number(profile.delay), Token::Array(vec![]), nobody, me];
        let timelock = self.deploy("OzTimelock", &arguments).await?;
        let governor = [
            Token::Address(token),
            Token::Address(timelock),
            number(profile.voting_delay),
            number(profile.voting_period),
            Token::Uint(pali(100_000)),
            number(profile.vote_extension),
        ];
        let address = self.deploy("OzGovernor", &governor).await?;
        let roles = ITimelock::new(timelock, self.deployer.clone());
        let grant = roles.grant_role(keccak256("PROPOSER_ROLE"), address);
        self.chain.send("granting", &self.deployer, grant).await?;

        // a parameter that only the timelock can set
        let call = [&id("updateDelay(uint256)")[..], &ethers::abi::encode(&[number(profile.delay)])].concat();
        let (targets, values, calls) = (vec![timelock], vec![U256::zero()], vec![Bytes::from(call)]);
        let description = "Lower the treasury's share of premiums to 8 %".to_owned();
        let hash = keccak256(&description);
        let governor = IGovernor::new(address, dora.clone());
        let propose = governor.propose(targets.clone(), values.clone(), calls.clone(), description);
        let receipt = self.act("propose", WHOSE, &dora, propose).await?;
        let created: Option<ProposalCreatedFilter> = event(&receipt, address);
        let proposal = created.map(|created| created.proposal_id).unwrap_or_default();
        story.pass(profile.voting_delay + 1).await?;
        for who in [story.cast.dora.clone(), story.cast.erin.clone()] {
            let vote = IGovernor::new(address, who.clone()).cast_vote(proposal, 1);
            self.act("vote", WHOSE, &who, vote).await?;
        }
        story.pass(profile.voting_period + 1).await?;
        let queue = governor.queue(targets.clone(), values.clone(), calls.clone(), hash);
        self.act("queue", WHOSE, &dora, queue).await?;
        story.pass(profile.delay + 1).await?;
        self.act("execute", WHOSE, &dora, governor.execute(targets, values, calls, hash)).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(operation: &str, first: Option<u64>, gas: u64, trigger: u64) -> Row {
        let anatomy = Anatomy { trigger, ..Anatomy::default() };
        Row { operation: operation.into(), gas, first, uncached: None, anatomy, theirs: None }
    }

    #[test]
    fn a_limit_is_met_up_to_its_last_unit() {
        let at = |gas| [row("expire", Some(1), gas, 0)];
        let expire = limit("expire", Which::Later, 60_000, None);
        assert!(expire.is_met(&at(60_000)));
        assert!(!expire.is_met(&at(60_001)));
        assert!(!expire.is_met(&[]), "what was not measured meets nothing");
        assert!(!expire.is_met(&[row("expire", None, 1, 0)]), "one operation is no second one");
    }

    #[test]
    fn a_purchase_is_counted_beside_its_trigger() {
        let rows = [row("buy", Some(400_000), 300_000, 45_001)];
        assert_eq!(limit("buy", Which::Later, 255_000, None).measured(&rows), Some(254_999));
        assert_eq!(limit("buy", Which::First, 255_000, None).measured(&rows), Some(400_000));
    }
}
