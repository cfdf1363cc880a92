//! Cover against impermanent loss in a whole deployment, over JSON-RPC: a position in Uniswap's published code, from its
//! purchase to its payment, with what the keeper and `palisade file` do for it.

#[path = "stage/decree.rs"]
mod decree;
#[path = "stage/disguise.rs"]
mod disguise;
mod stage;
#[path = "stage/uniswap.rs"]
mod uniswap;

use std::{
    process::{Command, Output, Stdio},
    sync::Arc,
};

use decree::send_as;
use ethers::{
    abi::{Detokenize, Token},
    contract::ContractCall,
    types::{Address, Bytes, I256, U256},
};
use palisade::{
    bindings::{IImpermanentLossTrigger, MockAggregator, StableCoin, impermanent_loss::Subject, risk::Terms},
    chain::{Chain, Client},
    claims,
    deploy::{
        Deployment,
        deployer::solidity_init_code,
        history,
        plan::{ASSET_KEY, word},
        profile::usd,
    },
    keeper::{Keeper, Limits, Metrics, Purse, Round},
};
use stage::{Stage, builder, developer};
use uniswap::{Uniswap, create, root};

const SUBJECT: &str = "USDX/USDY 0.3%";
const COVER: u8 = claims::IMPERMANENT_LOSS;
const DAY: u64 = 86_400;
const WINDOW: u64 = 3_600;
/// The ends of the insured range: about 0.5 and 2.
const ENDS: [i32; 2] = [-6_960, 6_960];

/// A deployment with a product on positions in a pool of the vault's asset and another dollar, and somebody who has one
/// there.
struct Venue {
    stage: Stage,
    chain: Chain,
    me: Arc<Client>,
    uniswap: Uniswap,
    feed: MockAggregator<Client>,
    trigger: IImpermanentLossTrigger<Client>,
    product: U256,
}

impl Venue {
    async fn open(name: &str) -> Option<Self> {
        let mut stage = Stage::open(name).await;
        stage.story.capital().await.unwrap();
        let story = &stage.story;
        let (chain, deployment) = (story.chain().clone(), &story.deployment);
        let me = developer(&chain);
        let text = |text: &str| Token::String(text.into());
        let code = |name: &str, arguments: &[Token]| solidity_init_code(&builder(), name, arguments).unwrap();
        let other = code("StableCoin", &[text("Another dollar"), text("USDY")]);
        let other = create(&chain, &me, "another dollar", other, &[]).await;
        let feed = code("MockAggregator", &[Token::Uint(8.into()), text("USDY / USDX"), Token::Int(1.into())]);
        let feed = create(&chain, &me, "feed", feed, &[]).await;
        let Some(uniswap) = Uniswap::deploy(&chain, &me, [deployment.address("asset"), other]).await else {
            stage.strike().await;
            return None;
        };
        let mut venue = Self {
            trigger: deployment.impermanent_loss(&me),
            feed: MockAggregator::new(feed, me.clone()),
            product: U256::zero(),
            chain,
            me,
            uniswap,
            stage,
        };
        venue.furnish().await;
        venue.sell().await;
        Some(venue)
    }

    fn deployment(&self) -> &Deployment {
        &self.stage.story.deployment
    }

    async fn run<D: Detokenize>(&self, call: ContractCall<Client, D>) {
        let what = call.function.name.clone();
        self.chain.send(&what, &self.me, call).await.unwrap();
    }

    async fn read<D: Detokenize>(&self, call: ContractCall<Client, D>) -> D {
        self.chain.read("reading", call).await.unwrap()
    }

    /// Sends a call in the timelock's name, as a proposal would.
    async fn govern<D: Detokenize>(&self, call: ContractCall<Client, D>) {
        send_as(&self.chain, self.deployment().address("timelock"), &call).await;
    }

    /// The price of the other dollar in the asset, by the feed, now.
    async fn feed(&self, price: f64) {
        self.run(self.feed.push(I256::from((price * 1e8).round() as i128))).await;
    }

    async fn until(&self, time: u64) {
        self.chain.wait_until(time, &self.me).await.unwrap();
    }

    async fn pass(&self, seconds: u64) {
        self.until(self.chain.now().await.unwrap() + seconds).await;
    }

    /// Liquidity over the whole range, observations, and a position of this account in escrow.
    async fn furnish(&self) {
        for token in self.uniswap.tokens.map(|token| StableCoin::new(token, self.me.clone())) {
            self.run(token.mint(self.me.address(), U256::exp10(18))).await;
            for spender in [self.uniswap.manager.address(), self.uniswap.router, self.deployment().address("policy")] {
                self.run(token.approve(spender, U256::MAX)).await;
            }
        }
        self.run(self.uniswap.pool.increase_observation_cardinality_next(50)).await;
        self.uniswap.mint([-887_220, 887_220], 10u128.pow(13)).await;
        self.feed(1.0).await;
        for _ in 0..2 {
            self.pass(2 * WINDOW).await;
            self.uniswap.swap(true, 1_000_000, U256::zero()).await;
            self.uniswap.swap(false, 1_000_000, U256::zero()).await;
        }
        self.uniswap.mint(ENDS, 10u128.pow(10)).await;
    }

    /// Governance registers the pool and puts a product on it on sale; the position is deposited.
    async fn sell(&mut self) {
        let subject = Subject {
            pool: self.uniswap.pool.address(),
            venue: self.uniswap.manager.address(),
            pair: false,
            quote: self.deployment().address("asset"),
            feed: self.feed.address(),
            heartbeat: 2 * DAY as u32,
            window: WINDOW as u32,
            reach: WINDOW as u32,
            min_liquidity: 1_000_000_000,
            min_cardinality: 10,
            deviation_bps: 100,
            range_factor_bps: 65_000,
            half_life: 30 * DAY as u32,
            variance_floor: 40_000_000_000_000_000,
            asset_decimals: 6,
        };
        self.govern(self.trigger.register(word(SUBJECT), subject)).await;
        let risk = self.deployment().risk(&self.me);
        let (vault, key) = (self.deployment().address("vault"), word("venue:uniswap"));
        let terms: Terms = self.read(risk.terms(self.deployment().product)).await;
        let half_life = actuary::history::HALF_LIFE as u32;
        let (credibility, cap) = (history::credibility(), history::loss_cap());
        let prior = 10_000_000_000_000_000; // one percent
        self.govern(risk.set_cover_type(word(ASSET_KEY), COVER, prior, credibility, half_life, cap)).await;
        self.govern(risk.set_risk_key(key, 1)).await;
        self.govern(risk.add_product(vault, self.trigger.address(), COVER, terms)).await;
        self.product = self.read(risk.product_count()).await;
        self.govern(risk.list_subject(self.product, word(SUBJECT), key)).await;
        self.govern(risk.set_status(self.product, 1)).await;
        self.run(self.uniswap.manager.approve(self.trigger.address(), 2.into())).await;
        self.run(self.trigger.deposit(word(SUBJECT), 2.into())).await;
    }

    async fn refused<D: Detokenize>(&self, call: ContractCall<Client, D>) -> String {
        let error = self.chain.send("what is refused", &self.me, call).await.unwrap_err();
        error.refusal().unwrap_or_else(|| panic!("{error}")).to_owned()
    }

    /// The purchase of a policy on the position for 28 days.
    fn purchase(&self, amount: U256) -> ContractCall<Client, (U256, U256)> {
        let (policy, me) = (self.deployment().policy(&self.me), self.me.address());
        let mut position = [0; 32];
        position[31] = 1;
        let (term, deadline) = (U256::from(28 * DAY), U256::MAX);
        policy.buy(self.product, word(SUBJECT), me, position, amount, term, amount, deadline, me, Address::zero())
    }

    /// Buys one; answers with its number, start and end.
    async fn buy(&self, amount: U256) -> (U256, u64, u64) {
        let policy = self.deployment().policy(&self.me);
        self.run(self.purchase(amount)).await;
        let id = self.read(policy.policy_count()).await;
        let record = self.read(policy.policy_of(id)).await;
        (id, record.start, record.end)
    }

    /// Whether the trigger holds the price of a moment.
    async fn knows(&self, at: u64) -> bool {
        let (pool, feed) = self.read(self.trigger.price_at(word(SUBJECT), at)).await;
        assert_eq!(pool.is_zero(), feed.is_zero());
        !pool.is_zero()
    }

    async fn keeper(&self) -> Keeper {
        let client = self.stage.story.cast.keeper.clone();
        let limits = Limits { a_day: U256::exp10(18), gas_price: U256::exp10(12) };
        let purse = Purse::open(&self.stage.folder.join("keeper.json"), limits).unwrap();
        Keeper::new(self.deployment().clone(), client, purse, Metrics::default())
    }

    fn file(&self, policy: U256) -> Output {
        let file = self.stage.folder.join("deployment.json");
        let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
        command.args(["file", &policy.to_string(), "--yes", "--rpc", &self.stage.node.url()]);
        command.args(["--deployment", file.to_str().unwrap()]).stdin(Stdio::null());
        command.env_remove("PALISADE_RPC_URL").env_remove("PALISADE_PASSWORD");
        command.env("PALISADE_KEY", hex::encode(self.me.signer().signer().to_bytes()));
        command.output().unwrap()
    }

    /// Claims on a policy by the command; answers with what was paid.
    async fn claim(&self, policy: U256) -> U256 {
        let asset = self.stage.story.asset(&self.me);
        let before = self.read(asset.balance_of(self.me.address())).await;
        let output = self.file(policy);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.read(asset.balance_of(self.me.address())).await - before
    }
}

/// What was done, of one kind.
fn deeds(round: &Round, kind: &str) -> usize {
    assert_eq!(round.troubles, Vec::<String>::new());
    round.deeds.iter().filter(|deed| deed.kind == kind).count()
}

/// What a position in the range holds at a price, a unit of liquidity.
fn holds(price: f64) -> [f64; 2] {
    let [lower, upper] = ENDS.map(|tick| 1.0001f64.powf(f64::from(tick) / 2.0));
    let root = price.sqrt().clamp(lower, upper);
    [1.0 / root - 1.0 / upper, root - lower]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_is_covered_its_prices_are_kept_and_its_loss_is_paid() {
    if std::env::var_os("PALISADE_RPC_URL").is_some() {
        eprintln!("skipped: it needs the clock of the embedded node");
        return;
    }
    let Some(venue) = Venue::open("positions").await else { return };
    let mut keeper = venue.keeper().await;
    let amount = usd(10_000);
    let (first, start, end) = venue.buy(amount).await;
    assert_eq!(deeds(&keeper.round().await.unwrap(), "store"), 0, "there is nothing to store yet");

    // The price of the start is stored by the round that held, which is not the feed's latest any more.
    venue.until(start - 60).await;
    venue.feed(1.0).await;
    venue.until(start + 60).await;
    venue.feed(1.001).await;
    assert_eq!(deeds(&keeper.round().await.unwrap(), "store"), 1);
    assert!(venue.knows(start).await);
    assert_eq!(deeds(&keeper.round().await.unwrap(), "store"), 0, "once is enough");

    // The variance goes on being sampled while nobody buys.
    venue.pass(2 * DAY + 60).await;
    assert_eq!(deeds(&keeper.round().await.unwrap(), "sample"), 0, "the feed is silent");
    venue.feed(1.0).await;
    assert_eq!(deeds(&keeper.round().await.unwrap(), "sample"), 1);
    assert_eq!(deeds(&keeper.round().await.unwrap(), "sample"), 0);

    // A second policy begins without anybody's care.
    let (second, other_start, other_end) = venue.buy(amount / 2).await;
    venue.until(other_start - 60).await;
    venue.feed(1.0).await;
    venue.until(other_start + 60).await;
    // Both together cover what the position is worth at most: 20,000.
    let call = venue.purchase(amount);
    assert!(venue.refused(call).await.contains("InterestExceeded"));
    // Nobody has a pool reserve for what is not over: neither is it filed, nor does it wait for data.
    let entry = claims::entry_of(venue.deployment(), second).await.unwrap();
    let assessor = venue.deployment().assessor(&venue.me);
    let call = assessor.file_disputed(second, U256::zero(), 10_000, entry, Bytes::default(), [1; 32]);
    assert!(venue.refused(call).await.contains("JuryNotAllowed"));
    let told = String::from_utf8(venue.file(second).stderr).unwrap();
    assert!(told.contains("is taken at the end of the term"), "{told}");

    // The price doubles.
    venue.uniswap.swap(false, 10u128.pow(16), root(2.0)).await;
    let asset_is_1 = venue.uniswap.tokens[1] == venue.deployment().address("asset");
    let price = if asset_is_1 { 2.0 } else { 0.5 };
    for end in [end, other_end] {
        venue.until(end - 60).await;
        venue.feed(price).await;
        if end == other_end {
            // the feed's proxy turns to an aggregator that has been running for a while
            venue.run(venue.feed.start_phase()).await;
            let ahead: Vec<U256> = (1..=5u64).map(|step| (end - 5_000 + step).into()).collect();
            venue.run(venue.feed.push_batch(vec![I256::from(100_000_000); 5], ahead)).await;
        }
        venue.until(end + 60).await;
        venue.feed(price).await;
    }

    // Both claims are paid. For the second one the command finds the prices of start and end by itself, the latter where the
    // feed went from one phase to another; for the first one the keeper does.
    let [x, y] = holds(1.0);
    let [left_x, left_y] = holds(2.0);
    // the pool's fee on what moved its price, beside those of the liquidity that was there
    let fees = (2f64.sqrt() - 1.0) * 0.003 / 0.997;
    let lost = 2.0 * x + y - 2.0 * left_x - left_y - fees;
    let part = lost * if asset_is_1 { 1.0 } else { 0.5 } / (x + y);
    let policy = venue.deployment().policy(&venue.me);
    for (id, amount) in [(second, amount / 2), (first, amount)] {
        assert!(!venue.knows(if id == second { other_end } else { end }).await);
        if id == first {
            // a round goes on with the policies where the last one stopped
            let rounds = [keeper.round().await.unwrap(), keeper.round().await.unwrap()];
            assert_eq!(rounds.iter().map(|round| deeds(round, "store")).sum::<usize>(), 1);
            assert!(venue.knows(end).await);
        }
        let paid = venue.claim(id).await.as_u64() as f64;
        let record = venue.read(policy.policy_of(id)).await;
        let [ratio, deductible] = [record.ratio_bps, record.deductible_bps].map(|bps| f64::from(bps) / 10_000.0);
        let expected = amount.as_u64() as f64 * (part - deductible) * ratio;
        assert!((paid / expected - 1.0).abs() < 0.01, "{paid} is not {expected}");
        assert!(!venue.file(id).status.success(), "it is paid once");
    }
    assert!(venue.knows(other_start).await && venue.knows(other_end).await);

    // Its cover type learns of the losses, once.
    let risk = venue.deployment().risk(&venue.me);
    let before = venue.read(risk.prior(venue.product)).await;
    assert_eq!(deeds(&keeper.round().await.unwrap(), "sync"), 1);
    let after = venue.read(risk.prior(venue.product)).await;
    let (.., rate) = venue.read(risk.cover_type(word(ASSET_KEY), COVER)).await;
    assert!(after > before && after.abs_diff(rate) < rate / 100, "{before} {after} {rate}");
    assert_eq!(deeds(&keeper.round().await.unwrap(), "sync"), 0);
    venue.stage.strike().await;
}
