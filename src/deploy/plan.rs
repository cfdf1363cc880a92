//! The whole deployment, step by step.

use std::{collections::BTreeMap, sync::Arc};

use ethers::{
    abi::Token,
    contract::ContractCall,
    types::{Address, Bytes, I256, U256},
    utils::keccak256,
};

use super::{
    Deployer, Ledger, Profile,
    covers::{prior, terms},
    deployer::{Error, Result},
    history,
    profile::{pali, usd},
};
use crate::{
    audit::audit,
    bindings::{
        IAllocator, IAssessor, IBridgeTrigger, IDepegTrigger, IDistribution, IExploitTrigger, IGovernor, IGuardian,
        IImpermanentLossTrigger, IJury, ILendingTrigger, IOracleTrigger, IPolicy, IRewards, IRisk, ITimelock, IToken,
        ITreasury, IVault, MockAggregator, depeg::Subject,
    },
    chain::{self, Chain, Client},
};

/// The covered feed's subject, as text in 32 bytes.
pub const SUBJECT: &str = "USDC/USD";

/// What stands behind the subject and fails as one.
pub const RISK_KEY: &str = "asset:USDC";

/// What the vault's own asset depends on: no cover is sold on it.
pub const ASSET_KEY: &str = "asset:USDX";

/// Correlation group of stablecoins.
const GROUP: u32 = 1;

/// The cover type of the depeg product, as `IRisk.Cover` numbers it.
pub const DEPEG: u8 = 5;

/// How much of a vault's capital claims may take at once, in basis points.
const AT_ONCE: u64 = 500;

/// The least bond of who challenges or disputes a claim, in whole units of the vault's asset.
const LEAST_BOND: u64 = 100;

/// How much of a vault's asset a jury may award for each PALI that votes: a cent.
const AWARD_RATE: u64 = 10_000;

/// What is kept of a refund, in basis points.
const SHORT_RATE: u16 = 500;

/// A year in seconds.
const YEAR: u64 = 365 * 86_400;

/// How many vaults Risk lists at most.
const MOST_VAULTS: u32 = 32;

/// `IRisk.Status.OnSale`.
pub(super) const ON_SALE: u8 = 1;

/// What may leave the treasury in a period: of votes and of the vault's asset, in whole units.
const BUDGETS: (u64, u64) = (1_000_000, 250_000);

/// What stakers of shares share: votes that are set aside for them, and how many of them a year at most, in whole units.
const REWARDS: (u64, u64) = (5_000_000, 2_000_000);

/// All votes that there are.
#[must_use]
pub fn supply() -> U256 {
    pali(100_000_000)
}

/// Text as a left-aligned word.
///
/// # Panics
/// For more than 32 bytes.
#[must_use]
pub fn word(text: &str) -> [u8; 32] {
    assert!(text.len() <= 32, "a word holds 32 bytes");
    let mut word = [0; 32];
    word[..text.len()].copy_from_slice(text.as_bytes());
    word
}

/// What a deployment builds on. What is not given is deployed as a mock, on development chains only.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The vault's asset.
    pub asset: Option<Address>,
    /// The Chainlink feed that the depeg product covers.
    pub feed: Option<Address>,
    /// The sequencer uptime feed; none on chains without one.
    pub sequencer: Option<Address>,
    /// The contract on L1 that reports what escrows hold (contracts/l1/BackingReporter.sol); none where bridges are watched
    /// by reserve feeds alone.
    pub reporter: Option<Address>,
    /// Who holds the guardian's office for its first term; nobody if not given.
    pub guardian: Option<Address>,
    /// Who receives voting tokens at the start; the rest stays in the treasury.
    pub allocation: Vec<(Address, U256)>,
    /// Who receives them over time, each by a contract of its own.
    pub vesting: Vec<Grant>,
}

/// Votes that become somebody's over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whose they become; who names whom they vote for until then.
    pub beneficiary: Address,
    /// How many.
    pub amount: U256,
    /// Seconds before any of them is the beneficiary's.
    pub cliff: u64,
    /// Seconds until all of them are.
    pub duration: u64,
}

/// The contracts of a deployment, ready to use.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The chain.
    pub chain: Chain,
    /// The ledger that it came from.
    pub ledger: Ledger,
    /// The depeg product's id.
    pub product: U256,
}

macro_rules! contracts {
    ($($name:ident: $type:ident = $key:literal;)*) => {
        /// What every finished deployment has.
        const CONTRACTS: &[&str] = &[$($key),*];

        impl Deployment {
            $(
                #[doc = concat!("The ", $key, " contract, used by `client`.")]
                #[must_use]
                pub fn $name(&self, client: &Arc<Client>) -> $type<Client> {
                    $type::new(self.address($key), client.clone())
                }
            )*
        }
    };
}

contracts! {
    token: IToken = "token";
    governor: IGovernor = "governor";
    timelock: ITimelock = "timelock";
    risk: IRisk = "risk";
    vault: IVault = "vault";
    allocator: IAllocator = "allocator";
    policy: IPolicy = "policy";
    assessor: IAssessor = "assessor";
    jury: IJury = "jury";
    depeg: IDepegTrigger = "depeg";
    lending: ILendingTrigger = "lending";
    exploit: IExploitTrigger = "exploit";
    bridge: IBridgeTrigger = "bridge";
    oracle: IOracleTrigger = "oracle";
    impermanent_loss: IImpermanentLossTrigger = "impermanent-loss";
    distribution: IDistribution = "distribution";
    treasury: ITreasury = "treasury";
    guardian: IGuardian = "guardian";
    rewards: IRewards = "rewards";
}

impl Deployment {
    /// The deployment that a finished ledger describes.
    ///
    /// # Errors
    /// [`Error::Verification`] where the ledger is not finished, or of a version that had fewer contracts.
    pub fn of(chain: Chain, ledger: Ledger) -> Result<Self> {
        let product = ledger.ids.get("add the depeg product").copied().filter(|_| ledger.finished);
        let Some(product) = product else {
            let path = ledger.path().display().to_string();
            return Err(Error::Verification(format!(
                "the deployment in {path} is not finished: run `palisade deploy`"
            )));
        };
        if let Some(missing) = CONTRACTS.iter().find(|name| ledger.contract(name).is_none()) {
            let path = ledger.path().display().to_string();
            return Err(Error::Verification(format!(
                "the deployment in {path} is of an older version, without {missing}: run `palisade deploy --afresh`"
            )));
        }
        Ok(Self { chain, ledger, product: product.into() })
    }

    /// The address of a contract.
    ///
    /// # Panics
    /// For a name that no finished deployment has.
    #[must_use]
    pub fn address(&self, name: &str) -> Address {
        self.ledger.contract(name).unwrap_or_else(|| panic!("a finished deployment has a {name}"))
    }

    /// The covered subject.
    #[must_use]
    pub fn subject(&self) -> [u8; 32] {
        word(SUBJECT)
    }
}

/// Deploys everything; goes on where an earlier run stopped.
///
/// # Errors
/// What a step failed with; what was done stays in the ledger.
pub async fn deploy(d: &mut Deployer, profile: &Profile, options: &Options) -> Result<Deployment> {
    let me = d.client.address();
    let vested = options.vesting.iter().map(|grant| grant.beneficiary);
    if options.allocation.iter().map(|(receiver, _)| *receiver).chain(vested).any(|receiver| receiver == me) {
        let reason = "who deploys keeps nothing: allocate votes to other accounts than the deployer's";
        return Err(Error::Verification(reason.into()));
    }
    let (asset, feed, sequencer) = foundations(d, options).await?;

    // the DAO
    let timelock = d
        .program(
            "timelock",
            Some(&[
                uint(profile.delay),
                Token::Array(vec![]),
                Token::Array(vec![address(Address::zero())]),
                address(me),
                uint(profile.cooldown + profile.week),
            ]),
        )
        .await?;
    let arguments = [&owners(timelock, me, None)[..], &[uint(profile.budget_period)]].concat();
    let treasury = d.program("treasury", Some(&arguments)).await?;
    let token = d.program("token", Some(&[address(treasury), uint(supply())])).await?;
    let governor_ext = d.program("governor-ext", None).await?;
    let governor = d
        .program(
            "governor",
            Some(&[
                address(token),
                address(timelock),
                address(governor_ext),
                uint(profile.voting_delay),
                uint(profile.voting_period),
                uint(pali(100_000)),
                uint(4),
                uint(profile.vote_extension),
            ]),
        )
        .await?;

    let office = [&owners(timelock, me, None)[..], &[address(timelock), uint(profile.office_term)]].concat();
    let guardian = d.program("guardian", Some(&office)).await?;

    // the insurer
    let certificate = d.program("certificate", None).await?;
    let risk_ext = d.program("risk-ext", None).await?;
    let risk_more = d.program("risk-more", None).await?;
    let times = [address(risk_more), uint(profile.week), uint(profile.latent_limit), uint(profile.min_seconds)];
    let risk = d.program("risk", Some(&[&owners(timelock, me, Some(risk_ext))[..], &times].concat())).await?;
    d.program("distribution", Some(&[address(risk)])).await?;
    let (vault, allocator) = pool(d, "", asset, timelock, profile).await?;
    let policy_ext = d.program("policy-ext", None).await?;
    let policy = d.program("policy", Some(&owners(timelock, me, Some(policy_ext)))).await?;
    let assessor_ext = d.program("assessor-ext", None).await?;
    let arguments = [&owners(timelock, me, Some(assessor_ext))[..], &[uint(AT_ONCE)]].concat();
    let assessor = d.program("assessor", Some(&arguments)).await?;
    let jury_ext = d.program("jury-ext", None).await?;
    let times = Token::FixedArray(profile.jury.map(uint).to_vec());
    let arguments = [&owners(timelock, me, Some(jury_ext))[..], &[address(token), times]].concat();
    let jury = d.program("jury", Some(&arguments)).await?;

    let arguments = [&owners(timelock, me, None)[..], &[address(vault), address(token), address(policy)]].concat();
    let rewards = d.program("rewards", Some(&arguments)).await?;

    // who says whether a loss happened
    let shortest = uint(profile.min_seconds);
    let trigger = |more: &[Token]| [&owners(timelock, me, None)[..], more].concat();
    let depeg = d.program("depeg", Some(&trigger(&[address(sequencer), shortest.clone()]))).await?;
    d.program("lending", Some(&trigger(std::slice::from_ref(&shortest)))).await?;
    d.program("exploit", Some(&trigger(&[uint(profile.apart)]))).await?;
    let bridge = [address(sequencer), address(options.reporter.unwrap_or_default()), shortest.clone()];
    d.program("bridge", Some(&trigger(&bridge))).await?;
    let feeds = trigger(&[address(sequencer), shortest]);
    d.program("oracle", Some(&feeds)).await?;
    d.program("impermanent-loss", Some(&feeds)).await?;

    let client = d.client.clone();
    let contract = Contracts {
        risk: IRisk::new(risk, client.clone()),
        vault: IVault::new(vault, client.clone()),
        allocator: IAllocator::new(allocator, client.clone()),
        policy: IPolicy::new(policy, client.clone()),
        assessor: IAssessor::new(assessor, client.clone()),
        jury: IJury::new(jury, client.clone()),
        depeg: IDepegTrigger::new(depeg, client.clone()),
        timelock: ITimelock::new(timelock, client.clone()),
        token: IToken::new(token, client.clone()),
        treasury: ITreasury::new(treasury, client.clone()),
        guardian: IGuardian::new(guardian, client.clone()),
        rewards: IRewards::new(rewards, client.clone()),
    };

    // wiring
    d.call("wire risk", contract.risk.wire(policy, assessor)).await?;
    d.call("wire vault", contract.vault.wire(risk, policy, assessor, treasury)).await?;
    d.call("appoint the allocator", contract.vault.set_allocator(allocator)).await?;
    d.call("wire policy", contract.policy.wire(risk, assessor, certificate)).await?;
    d.call("wire assessor", contract.assessor.wire(risk, policy)).await?;
    d.call("wire jury", contract.jury.wire(assessor)).await?;
    d.call("have a jury", contract.assessor.wire_jury(jury)).await?;
    d.call("limit what juries award", contract.jury.set_award_rate(asset, AWARD_RATE.into())).await?;
    d.call("limit what is paid at once", limits(&contract.assessor, vault)).await?;

    // configuration
    d.call("set the premium's shares", contract.policy.set_shares(1_000, 500, 2_000)).await?;
    d.call("set the short rate", contract.policy.set_short_rate(SHORT_RATE)).await?;
    d.call("add the vault", listing(&contract.risk, vault)).await?;
    d.call("set the group", contract.risk.set_group(GROUP, 5_000)).await?;
    d.call("set the risk key", contract.risk.set_risk_key(word(RISK_KEY), GROUP)).await?;
    let subject = Subject {
        feed,
        trigger_price: 970_000_000_000_000_000,
        recovery_price: 990_000_000_000_000_000,
        duration: profile.run as u32,
        recovery: profile.recovery as u32,
        window: profile.window as u32,
        heartbeat: profile.heartbeat as u32,
        floor_price: 10_000_000_000_000_000,
    };
    d.call("register the subject", contract.depeg.register(word(SUBJECT), subject)).await?;
    // what others lost is evidence of the cover type; its products begin with what follows from it
    d.call("set what is believed of depegs", believed(&contract.risk, DEPEG)).await?;
    let now = d.chain.now().await?;
    for (year, seed) in past_depegs(&contract.risk, now) {
        d.call(&format!("enter the depegs of {year}"), seed).await?;
    }
    let add = contract.risk.add_product(vault, depeg, DEPEG, terms(DEPEG, profile));
    let product = d.id("add the depeg product", add, async { contract.risk.product_count().call().await }).await?;
    let product = U256::from(product);
    d.call("list the subject", contract.risk.list_subject(product, word(SUBJECT), word(RISK_KEY))).await?;
    d.call("put the product on sale", contract.risk.set_status(product, ON_SALE)).await?;
    install_guardian(d, profile, options, &contract).await?;
    allocate(d, options, &contract, asset).await?;

    hand_over(d, &contract, governor).await?;
    let chain = d.chain.clone();
    let wrong = audit(&chain, &d.client, &d.ledger, None).await?.into_iter().find(|check| !check.holds);
    if let Some(wrong) = wrong {
        return Err(Error::Verification(wrong.to_string()));
    }
    d.ledger.finished = true;
    d.ledger.save()?;
    Deployment::of(chain, d.ledger.clone())
}

/// A vault, of three programs, and its allocator, called by their names and `suffix`: constructed, not yet wired.
async fn pool(
    d: &mut Deployer,
    suffix: &str,
    asset: Address,
    timelock: Address,
    profile: &Profile,
) -> Result<(Address, Address)> {
    let me = d.client.address();
    let vault_ext = d.program("vault-ext", None).await?;
    let vault_more = d.program("vault-more", None).await?;
    let number = suffix.trim_start_matches('#');
    let title = ["Palisade stablecoin pool", number].join(" ");
    let share = [
        address(vault_more),
        address(asset),
        Token::String(title.trim_end().into()),
        Token::String(format!("pUSDX{number}")),
        uint(profile.week),
        uint(profile.cooldown),
        uint(profile.patience),
    ];
    let arguments = [&owners(timelock, me, Some(vault_ext))[..], &share].concat();
    let vault = d.program(&format!("vault{suffix}"), Some(&arguments)).await?;
    let arguments = [&owners(timelock, me, None)[..], &[address(vault)]].concat();
    let allocator = d.program(&format!("allocator{suffix}"), Some(&arguments)).await?;
    Ok((vault, allocator))
}

/// Lists a vault with Risk.
fn listing(risk: &IRisk<Client>, vault: Address) -> ContractCall<Client, ()> {
    risk.add_vault(vault, word(ASSET_KEY), 10_000, 12_000, usd(9_000_000).as_u128())
}

/// Sets what a vault's claims may take at once, and the least bond against them.
fn limits(assessor: &IAssessor<Client>, vault: Address) -> ContractCall<Client, ()> {
    assessor.set_limits(vault, AT_ONCE as u16, usd(LEAST_BOND).as_u128())
}

/// The id of a cover type's records in Risk: of its products in vaults whose asset has the key [`ASSET_KEY`].
#[must_use]
pub fn cover_type(cover: u8) -> U256 {
    let mut input = [0; 64];
    input[..32].copy_from_slice(&word(ASSET_KEY));
    input[63] = cover;
    keccak256(input).into()
}

/// Sets what is believed of a cover type before any evidence.
pub(super) fn believed(risk: &IRisk<Client>, cover: u8) -> ContractCall<Client, ()> {
    let half_life = actuary::history::HALF_LIFE as u32;
    risk.set_cover_type(word(ASSET_KEY), cover, prior(cover), history::credibility(), half_life, history::loss_cap())
}

/// What enters the depegs before `now` into their cover type's history, with the year of each call.
fn past_depegs(risk: &IRisk<Client>, now: u64) -> impl Iterator<Item = (u16, ContractCall<Client, ()>)> {
    history::records(DEPEG, now).into_iter().map(move |record| {
        (record.year, risk.seed_loss(cover_type(DEPEG), record.at, record.loss.into(), record.exposure.into()))
    })
}

/// A vault beside those that are there, and what the DAO has to do before business goes to it.
#[derive(Clone, Debug)]
pub struct Addition {
    /// The vault: wired, guarded, its set-up finished, the timelock's.
    pub vault: Address,
    /// The id that its product gets, if no other product is added before.
    pub product: U256,
    /// Calls for the timelock, in order: they list the vault and put its product on sale.
    pub actions: Vec<(Address, Bytes)>,
}

/// Deploys vault `number` (2 or more) with an allocator of its own over the books, policies and claims that are there:
/// where an older one is in run-off, new business goes to it. Goes on where an earlier run stopped.
///
/// # Errors
/// What a step failed with; [`Error::Verification`] for a number that no further vault can have.
pub async fn add_vault(d: &mut Deployer, deployment: &Deployment, profile: &Profile, number: u32) -> Result<Addition> {
    if !(2..=MOST_VAULTS).contains(&number) {
        return Err(Error::Verification(format!("a further vault is number 2 to {MOST_VAULTS}, not {number}")));
    }
    let at = |name| deployment.address(name);
    let suffix = format!("#{number}");
    let (vault, allocator) = pool(d, &suffix, at("asset"), at("timelock"), profile).await?;
    let client = d.client.clone();
    let contract = IVault::new(vault, client.clone());
    let wire = contract.wire(at("risk"), at("policy"), at("assessor"), at("treasury"));
    d.call(&format!("wire vault{suffix}"), wire).await?;
    d.call(&format!("appoint allocator{suffix}"), contract.set_allocator(allocator)).await?;
    let lender = IAllocator::new(allocator, client.clone());
    d.call(&format!("guard vault{suffix}"), contract.set_guardian(at("guardian"))).await?;
    d.call(&format!("guard allocator{suffix}"), lender.set_guardian(at("guardian"))).await?;
    d.call(&format!("finish the set-up of allocator{suffix}"), lender.finish_setup()).await?;
    d.call(&format!("finish the set-up of vault{suffix}"), contract.finish_setup()).await?;

    offer_vault(deployment, &client, profile, vault).await
}

/// What the DAO has to do before business goes to a vault that was deployed by [`add_vault`].
///
/// # Errors
/// [`Error::Verification`] while its deployer may still set it up; RPC errors.
pub async fn offer_vault(
    deployment: &Deployment,
    client: &Arc<Client>,
    profile: &Profile,
    vault: Address,
) -> Result<Addition> {
    let (risk, at) = (deployment.risk(client), |name| deployment.address(name));
    let key = IVault::new(vault, client.clone()).setup();
    if !deployment.chain.read("reading the vault's set-up key", key).await?.is_zero() {
        let reason = format!("the set-up of the vault {vault:?} is not finished: `palisade add-vault` goes on with it");
        return Err(Error::Verification(reason));
    }
    let count = deployment.chain.read("counting the products", risk.product_count()).await?;
    let product = count + 1;
    let mut actions = vec![
        listing(&risk, vault).calldata(),
        risk.add_product(vault, at("depeg"), DEPEG, terms(DEPEG, profile)).calldata(),
    ];
    actions.push(risk.list_subject(product, word(SUBJECT), word(RISK_KEY)).calldata());
    actions.push(risk.set_status(product, ON_SALE).calldata());
    let mut actions: Vec<_> =
        actions.into_iter().map(|call| (risk.address(), call.expect("a call has call data"))).collect();
    let assessor = deployment.assessor(client);
    let limit = limits(&assessor, vault).calldata().expect("a call has call data");
    actions.push((assessor.address(), limit));
    Ok(Addition { vault, product, actions })
}

struct Contracts {
    risk: IRisk<Client>,
    vault: IVault<Client>,
    allocator: IAllocator<Client>,
    policy: IPolicy<Client>,
    assessor: IAssessor<Client>,
    jury: IJury<Client>,
    depeg: IDepegTrigger<Client>,
    timelock: ITimelock<Client>,
    token: IToken<Client>,
    treasury: ITreasury<Client>,
    guardian: IGuardian<Client>,
    rewards: IRewards<Client>,
}

/// The guardian's office becomes the guardian of what it may pause, and a canceller of the timelock.
async fn install_guardian(d: &mut Deployer, profile: &Profile, options: &Options, contract: &Contracts) -> Result<()> {
    let office = contract.guardian.address();
    d.call("guard risk", contract.risk.set_guardian(office)).await?;
    d.call("guard vault", contract.vault.set_guardian(office)).await?;
    d.call("guard allocator", contract.allocator.set_guardian(office)).await?;
    d.call("guard policy", contract.policy.set_guardian(office)).await?;
    d.call("guard assessor", contract.assessor.set_guardian(office)).await?;
    d.call("let the guardian cancel", contract.timelock.grant_role(keccak256("CANCELLER_ROLE"), office)).await?;
    if let Some(holder) = options.guardian {
        // a minute less than the longest term: the clock may go on before this is mined
        let until = d.chain.now().await? + profile.office_term - 60;
        d.call("appoint the guardian", contract.guardian.appoint(holder, until)).await?;
    }
    Ok(())
}

/// Gives out votes, sets the stakers' aside, and sets the budgets of the treasury, which holds the rest.
async fn allocate(d: &mut Deployer, options: &Options, contract: &Contracts, asset: Address) -> Result<()> {
    let (treasury, token, rewards) = (&contract.treasury, contract.token.address(), &contract.rewards);
    for (receiver, amount) in shares(&options.allocation) {
        d.call(&format!("allocate votes to {receiver:?}"), treasury.pay(token, receiver, amount)).await?;
    }
    let timelock = contract.timelock.address();
    for (number, grant) in options.vesting.iter().enumerate() {
        let name = format!("vesting#{}", number + 1);
        let times = [uint(d.chain.now().await?), uint(grant.cliff), uint(grant.duration)];
        let parties = [timelock, token, grant.beneficiary].map(address);
        let vesting = d.program(&name, Some(&[&parties[..], &times].concat())).await?;
        d.call(&format!("set the votes of {name} aside"), treasury.pay(token, vesting, grant.amount)).await?;
    }
    let (set_aside, yearly) = REWARDS;
    d.call("set the stakers' votes aside", treasury.pay(token, rewards.address(), pali(set_aside))).await?;
    d.call("fund the rewards", rewards.fund(token)).await?;
    let most = (pali(yearly) / YEAR).as_u128();
    d.call("set what stakers earn", rewards.set_emission(most)).await?;
    let (votes, dollars) = BUDGETS;
    d.call("set the budget of votes", treasury.set_budget(token, pali(votes))).await?;
    d.call("set the budget of the asset", treasury.set_budget(asset, usd(dollars))).await
}

/// What each receiver gets: all that is allocated to it, which is one step of the deployment.
fn shares(allocation: &[(Address, U256)]) -> BTreeMap<Address, U256> {
    let mut shares = BTreeMap::<_, U256>::new();
    for (receiver, amount) in allocation {
        let share = shares.entry(*receiver).or_default();
        *share = share.saturating_add(*amount);
    }
    shares
}

/// Asset, feed and sequencer feed: given, or mocks on a development chain.
async fn foundations(d: &mut Deployer, options: &Options) -> Result<(Address, Address, Address)> {
    let development = d.chain.id() == chain::DEVELOPMENT_CHAIN;
    let missing =
        |what: &str| Error::Verification(format!("give the address of {what}: mocks are for development chains"));
    let asset = match options.asset {
        Some(asset) => asset,
        None if development => {
            d.solidity("asset", "StableCoin", &[Token::String("Test dollar".into()), Token::String("USDX".into())])
                .await?
        }
        None => return Err(missing("the vault's asset (--asset)")),
    };
    let feed = match options.feed {
        Some(feed) => feed,
        None if development => {
            let arguments = [uint(8), Token::String("USDC / USD".into()), Token::Int(U256::from(1_000_000))];
            d.solidity("feed", "MockAggregator", &arguments).await?
        }
        None => return Err(missing("the covered Chainlink feed (--feed)")),
    };
    if options.feed.is_none() {
        // a trigger registers a feed only while it is healthy
        let mock = MockAggregator::new(feed, d.client.clone());
        d.call("open the feed at par", mock.push(I256::from(100_000_000))).await?;
    }
    for (name, address) in [("asset", asset), ("feed", feed)] {
        d.ledger.contracts.insert(name.into(), address);
    }
    Ok((asset, feed, options.sequencer.unwrap_or_default()))
}

/// Gives everything to the timelock and keeps nothing.
async fn hand_over(d: &mut Deployer, contract: &Contracts, governor: Address) -> Result<()> {
    let me = d.client.address();
    let timelock = &contract.timelock;
    for role in ["PROPOSER_ROLE", "CANCELLER_ROLE"] {
        d.call(&format!("grant {role} to the governor"), timelock.grant_role(keccak256(role), governor)).await?;
    }
    d.call("finish the set-up of risk", contract.risk.finish_setup()).await?;
    d.call("finish the set-up of vault", contract.vault.finish_setup()).await?;
    d.call("finish the set-up of allocator", contract.allocator.finish_setup()).await?;
    d.call("finish the set-up of policy", contract.policy.finish_setup()).await?;
    d.call("finish the set-up of assessor", contract.assessor.finish_setup()).await?;
    d.call("finish the set-up of jury", contract.jury.finish_setup()).await?;
    d.call("finish the set-up of depeg", contract.depeg.finish_setup()).await?;
    d.call("finish the set-up of guardian", contract.guardian.finish_setup()).await?;
    d.call("finish the set-up of rewards", contract.rewards.finish_setup()).await?;
    d.call("finish the set-up of treasury", contract.treasury.finish_setup()).await?;
    for name in ["lending", "exploit", "bridge", "oracle", "impermanent-loss"] {
        // the set-up key is given up by the same function on each
        let trigger = IDepegTrigger::new(d.ledger.contract(name).unwrap_or_default(), d.client.clone());
        d.call(&format!("finish the set-up of {name}"), trigger.finish_setup()).await?;
    }
    d.call("renounce the timelock's administration", timelock.renounce_role([0; 32], me)).await
}

/// The first arguments of every constructor: owner, set-up key and, of a contract in two programs, the second one.
fn owners(owner: Address, setup: Address, extension: Option<Address>) -> Vec<Token> {
    [Some(owner), Some(setup), extension].into_iter().flatten().map(Token::Address).collect()
}

fn address(address: Address) -> Token {
    Token::Address(address)
}

fn uint(value: impl Into<U256>) -> Token {
    Token::Uint(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_named_twice_gets_both() {
        let [one, other] = [1, 2].map(Address::repeat_byte);
        let allocation = [(other, pali(3)), (one, pali(5)), (other, pali(4)), (one, U256::MAX)];
        assert_eq!(shares(&allocation), [(one, U256::MAX), (other, pali(7))].into());
    }
}
