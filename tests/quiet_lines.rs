//! Lines on which nothing happens, in a whole deployment over JSON-RPC: a keeper has them observed, so that a loss is found
//! inside the policies that it belongs to, and they are paid.

#[path = "stage/decree.rs"]
mod decree;
#[path = "stage/disguise.rs"]
mod disguise;
mod stage;
#[path = "stage/uniswap.rs"]
mod uniswap;

use std::sync::Arc;

use decree::send_as;
use ethers::{
    abi::{Detokenize, Token},
    contract::ContractCall,
    types::{Address, Bytes, I256, TransactionRequest, U256},
};
use palisade::{
    bindings::{
        IBridgeTrigger, IExploitTrigger, ILendingTrigger, IOracleTrigger, MockAggregator, StableCoin, bridge, exploit,
        lending, oracle, risk::Terms,
    },
    chain::{Chain, Client},
    claims::{self, BRIDGE, DEFAULT, EXPLOIT, ORACLE},
    deploy::{
        Deployment,
        deployer::solidity_init_code,
        history,
        plan::{ASSET_KEY, word},
        profile::usd,
    },
    keeper::{Keeper, Limits, Metrics, Purse, Round},
};
use peer::OzVault;
use stage::{Stage, builder, developer};
use uniswap::Uniswap;

/// OpenZeppelin's vault.
mod peer {
    #![allow(missing_docs, unreachable_pub, clippy::all)]
    ethers::contract::abigen!(OzVault, "tests/solidity/artifacts/OzVault.json");
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const LENDER: &str = "a lender of USDX";
const TOKEN: &str = "a bridged token";
const FEED: &str = "a feed";
const ETHER: U256 = U256([1_000_000_000_000_000_000, 0, 0, 0]);

/// A deployment with capital, and somebody who governs and is insured.
struct Venue {
    stage: Stage,
    chain: Chain,
    me: Arc<Client>,
}

impl Venue {
    async fn open(name: &str) -> Self {
        let mut stage = Stage::open(name).await;
        stage.story.capital().await.unwrap();
        let chain = stage.story.chain().clone();
        Self { me: developer(&chain), chain, stage }
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

    /// Sends a call in the name of an account without a key.
    async fn run_as<D: Detokenize>(&self, from: Address, call: ContractCall<Client, D>) {
        send_as(&self.chain, from, &call).await;
    }

    async fn govern<D: Detokenize>(&self, call: ContractCall<Client, D>) {
        self.run_as(self.deployment().address("timelock"), call).await;
    }

    async fn create(&self, name: &str, arguments: &[Token]) -> Address {
        let code = solidity_init_code(&builder(), name, arguments).unwrap();
        let tx = TransactionRequest::new().from(self.me.address()).data(code);
        let receipt = self.chain.send_transaction(name, &self.me, tx.into()).await.unwrap();
        receipt.contract_address.unwrap()
    }

    /// Puts a product on a subject on sale.
    async fn sell(&self, trigger: Address, cover: u8, subject: &str) -> U256 {
        let risk = self.deployment().risk(&self.me);
        let (vault, key) = (self.deployment().address("vault"), word(&format!("key of {cover}")));
        let terms: Terms = self.read(risk.terms(self.deployment().product)).await;
        let (credibility, cap) = (history::credibility(), history::loss_cap());
        let half_life = actuary::history::HALF_LIFE as u32;
        let prior = 10_000_000_000_000_000; // one percent
        self.govern(risk.set_cover_type(word(ASSET_KEY), cover, prior, credibility, half_life, cap)).await;
        self.govern(risk.set_risk_key(key, 1)).await;
        self.govern(risk.add_product(vault, trigger, cover, terms)).await;
        let product = self.read(risk.product_count()).await;
        self.govern(risk.list_subject(product, word(subject), key)).await;
        self.govern(risk.set_status(product, 1)).await;
        product
    }

    /// Buys a policy for 28 days; answers with its number, start and end.
    async fn buy(&self, product: U256, subject: &str) -> (U256, u64, u64) {
        let (policy, me) = (self.deployment().policy(&self.me), self.me.address());
        let (amount, term) = (usd(10_000), U256::from(28 * DAY));
        let (position, nobody) = ([0; 32], Address::zero());
        self.run(policy.buy(product, word(subject), me, position, amount, term, amount, U256::MAX, me, nobody)).await;
        let id = self.read(policy.policy_count()).await;
        let record = self.read(policy.policy_of(id)).await;
        (id, record.start, record.end)
    }

    /// A vault of OpenZeppelin's with a million of the insured's.
    async fn lender(&self) -> OzVault<Client> {
        let (asset, me) = (self.stage.story.asset(&self.me), self.me.address());
        let lender = OzVault::new(self.create("OzVault", &[Token::Address(asset.address())]).await, self.me.clone());
        self.run(asset.mint(me, usd(2_000_000))).await;
        for spender in [lender.address(), self.deployment().address("policy")] {
            self.run(asset.approve(spender, U256::MAX)).await;
        }
        self.run(lender.deposit(usd(1_000_000), me)).await;
        lender
    }

    async fn until(&self, time: u64) {
        self.chain.wait_until(time, &self.me).await.unwrap();
    }

    async fn pass(&self, seconds: u64) {
        self.until(self.chain.now().await.unwrap() + seconds).await;
    }

    fn keeper(&self, a_day: U256) -> Keeper {
        let client = self.stage.story.cast.keeper.clone();
        let limits = Limits { a_day, gas_price: U256::exp10(12) };
        let purse = Purse::open(&self.stage.folder.join("keeper.json"), limits).unwrap();
        Keeper::new(self.deployment().clone(), client, purse, Metrics::default())
    }

    /// Files a claim; answers with what was paid at once.
    async fn claim(&self, policy: U256, number: u64) -> U256 {
        let asset = self.stage.story.asset(&self.me);
        let before = self.read(asset.balance_of(self.me.address())).await;
        let entry = claims::entry_of(self.deployment(), policy).await.unwrap();
        let assessor = self.deployment().assessor(&self.me);
        self.run(assessor.file(policy, number.into(), entry, Bytes::default())).await;
        self.read(asset.balance_of(self.me.address())).await - before
    }
}

/// What was done, of one kind.
fn deeds(round: &Round, kind: &str) -> usize {
    assert_eq!(round.troubles, Vec::<String>::new());
    round.deeds.iter().filter(|deed| deed.kind == kind).count()
}

fn skipped() -> bool {
    let skipped = std::env::var_os("PALISADE_RPC_URL").is_some();
    if skipped {
        eprintln!("skipped: it needs the clock of the embedded node");
    }
    skipped
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loss_of_a_lender_is_paid_though_nobody_but_the_keeper_observed() {
    if skipped() {
        return;
    }
    let venue = Venue::open("quiet-lender").await;
    let trigger: ILendingTrigger<Client> = venue.deployment().lending(&venue.me);
    let asset = venue.stage.story.asset(&venue.me);
    let lender = venue.lender().await;
    let subject = lending::Subject {
        source: lender.address(),
        asset: asset.address(),
        kind: 2,
        trigger_bps: 200,
        persistence: (6 * HOUR) as u32,
        calm: (3 * DAY) as u32,
    };
    venue.govern(trigger.register(word(LENDER), subject)).await;
    let product = venue.sell(trigger.address(), DEFAULT, LENDER).await;
    let mut keeper = venue.keeper(ETHER);
    venue.pass(7 * HOUR).await;
    assert_eq!(deeds(&keeper.round().await.unwrap(), "observe"), 0, "where there is no cover nobody pays for it");

    let (policy, start, _) = venue.buy(product, LENDER).await;
    assert_eq!(deeds(&keeper.round().await.unwrap(), "observe"), 0, "the purchase was an observation");
    venue.until(start - 60).await;
    keeper.round().await.unwrap();
    venue.until(start + 60).await;
    // Beyond its limits it sends nothing, and tries again.
    let mut poor = venue.keeper(U256::one());
    let round = poor.round().await.unwrap();
    assert!(round.deeds.is_empty() && round.troubles.iter().any(|line| line.contains("observe")), "{round:?}");
    let mut keeper = venue.keeper(ETHER);
    assert_eq!(deeds(&keeper.round().await.unwrap(), "observe"), 1, "the cover has begun");
    assert_eq!(deeds(&keeper.round().await.unwrap(), "observe"), 0);
    let (.., observed_at, _) = venue.read(trigger.course_of(word(LENDER))).await;
    assert!(observed_at >= start);
    venue.pass(3 * HOUR - 120).await;
    assert_eq!(deeds(&keeper.round().await.unwrap(), "observe"), 0);
    venue.pass(240).await;
    assert_eq!(deeds(&keeper.round().await.unwrap(), "observe"), 1, "half of the persistence has passed");

    // Nobody else comes. A tenth is stolen.
    for _ in 0..4 {
        venue.pass(2 * HOUR).await;
        keeper.round().await.unwrap();
    }
    venue.run_as(lender.address(), asset.transfer(Address::from_low_u64_be(0xdead), usd(100_000))).await;
    let mut reports = 0;
    for _ in 0..8 {
        reports += deeds(&keeper.round().await.unwrap(), "report");
        venue.pass(HOUR).await;
    }
    assert_eq!(reports, 2, "latent, and confirmed");
    let (fell_after, ..) = venue.read(trigger.fall_of(word(LENDER), U256::one())).await;
    assert!(fell_after > start, "the fall is found inside the cover");
    let paid = venue.claim(policy, 1).await;
    let record = venue.read(venue.deployment().policy(&venue.me).policy_of(policy)).await;
    let part = 1_000 - u64::from(record.deductible_bps);
    assert_eq!(paid, usd(10_000) * part * u64::from(record.ratio_bps) / 100_000_000);
    venue.stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridges_supply_is_observed_in_every_period_and_its_reserve_compared_with_it() {
    if skipped() {
        return;
    }
    let venue = Venue::open("quiet-bridge").await;
    let me = venue.me.address();
    let trigger: IBridgeTrigger<Client> = venue.deployment().bridge(&venue.me);
    let text = |text: &str| Token::String(text.into());
    let token = venue.create("StableCoin", &[text("A bridged token"), text("BRG")]).await;
    let token = StableCoin::new(token, venue.me.clone());
    venue.run(token.mint(me, usd(1_000_000))).await;
    let asset = venue.stage.story.asset(&venue.me);
    venue.run(asset.mint(me, usd(10_000))).await;
    venue.run(asset.approve(venue.deployment().address("policy"), U256::MAX)).await;
    let feed = venue.create("MockAggregator", &[Token::Uint(6.into()), text("Reserves"), Token::Int(1.into())]).await;
    let feed = MockAggregator::new(feed, venue.me.clone());
    let reserve = |tokens: u64| feed.push(I256::from_raw(usd(tokens)));
    venue.run(reserve(1_000_000)).await;
    let subject = bridge::Subject {
        token: token.address(),
        feed: feed.address(),
        escrow_token: Address::zero(),
        escrow: Address::zero(),
        in_flight: 0,
        trigger_ratio: 970_000_000_000_000_000,
        recovery_ratio: 990_000_000_000_000_000,
        duration: (6 * HOUR) as u32,
        recovery: DAY as u32,
        window: DAY as u32,
        gap: DAY as u32,
        period: (3 * HOUR) as u32,
        asset_decimals: 6,
    };
    venue.govern(trigger.register(word(TOKEN), subject)).await;
    let product = venue.sell(trigger.address(), BRIDGE, TOKEN).await;
    let mut keeper = venue.keeper(ETHER);
    // Nothing else is due: a period after the other is observed once, without cover too, and the reserve compared.
    let period = 3 * HOUR;
    let next = |now: u64| now.next_multiple_of(period) + 60;
    for _ in 0..3 {
        venue.until(next(venue.chain.now().await.unwrap())).await;
        assert_eq!(deeds(&keeper.round().await.unwrap(), "observe"), 1);
        assert_eq!(deeds(&keeper.round().await.unwrap(), "observe"), 0);
    }
    venue.run(reserve(1_000_000)).await;
    let (policy, start, _) = venue.buy(product, TOKEN).await;
    while venue.chain.now().await.unwrap() < start {
        venue.pass(12 * HOUR).await;
        venue.run(reserve(1_000_000)).await;
        keeper.round().await.unwrap();
    }
    // More than eight periods without a purchase; then a tenth is missing.
    venue.run(reserve(900_000)).await;
    let mut reports = 0;
    for _ in 0..4 {
        venue.pass(8 * HOUR).await;
        venue.run(reserve(900_000)).await;
        reports += deeds(&keeper.round().await.unwrap(), "report");
    }
    assert!(reports > 0);
    let incident = venue.read(trigger.incident(word(TOKEN), U256::one())).await;
    assert!(incident.verdict == claims::CONFIRMED && incident.opened_at >= start, "{incident:?}");
    assert!(venue.claim(policy, 1).await > U256::zero());
    venue.stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_backs_a_protocol_is_observed_once_its_cover_has_begun_and_twice_in_its_persistence() {
    if skipped() {
        return;
    }
    let venue = Venue::open("quiet-exploit").await;
    let trigger: IExploitTrigger<Client> = venue.deployment().exploit(&venue.me);
    let protocol = venue.lender().await;
    let persistence = 7 * DAY;
    let subject = exploit::Subject {
        share: protocol.address(),
        asset: venue.deployment().address("asset"),
        holders: [protocol.address(), Address::zero(), Address::zero()],
        pausable: Address::zero(),
        beacon: Address::zero(),
        trigger_bps: 1_000,
        persistence: persistence as u32,
        calm: persistence as u32,
    };
    venue.govern(trigger.register(word(LENDER), subject)).await;
    let product = venue.sell(trigger.address(), EXPLOIT, LENDER).await;
    let mut keeper = venue.keeper(ETHER);
    let (_, start, _) = venue.buy(product, LENDER).await;
    // Half of a week is long after the start.
    let half = persistence / 2;
    for (time, count) in [(start + 60, 1), (start + half, 0), (start + half + 120, 1)] {
        venue.until(time).await;
        assert_eq!(deeds(&keeper.round().await.unwrap(), "observe"), count, "{} s after the start", time - start);
        assert_eq!(deeds(&keeper.round().await.unwrap(), "observe"), 0);
    }
    venue.stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_is_doubted_is_sampled_until_it_is_found_wrong() {
    if skipped() {
        return;
    }
    let venue = Venue::open("quiet-feed").await;
    let me = venue.me.address();
    let trigger: IOracleTrigger<Client> = venue.deployment().oracle(&venue.me);
    let asset = venue.deployment().address("asset");
    let text = |text: &str| Token::String(text.into());
    let other = venue.create("StableCoin", &[text("Another dollar"), text("USDY")]).await;
    let Some(uniswap) = Uniswap::deploy(&venue.chain, &venue.me, [asset, other]).await else {
        return venue.stage.strike().await;
    };
    for token in uniswap.tokens.map(|token| StableCoin::new(token, venue.me.clone())) {
        venue.run(token.mint(me, U256::exp10(20))).await;
        for spender in [uniswap.manager.address(), uniswap.router, venue.deployment().address("policy")] {
            venue.run(token.approve(spender, U256::MAX)).await;
        }
    }
    venue.run(uniswap.pool.increase_observation_cardinality_next(20)).await;
    uniswap.mint([-6_960, 6_960], 10u128.pow(13)).await;
    for _ in 0..2 {
        venue.pass(20 * MINUTE).await;
        uniswap.swap(true, 1_000_000, U256::zero()).await;
        uniswap.swap(false, 1_000_000, U256::zero()).await;
    }
    let mut feeds = Vec::new();
    for name in ["feed", "second"] {
        let feed = venue.create("MockAggregator", &[Token::Uint(8.into()), text(name), Token::Int(1.into())]).await;
        feeds.push(MockAggregator::new(feed, venue.me.clone()));
    }
    let say = async |prices: [i128; 2]| {
        for (feed, price) in feeds.iter().zip(prices) {
            venue.run(feed.push(I256::from(price * 1_000_000))).await;
        }
    };
    venue.pass(HOUR).await;
    say([100, 100]).await;
    let subject = oracle::Subject {
        feed: feeds[0].address(),
        second_feed: feeds[1].address(),
        pool: uniswap.pool.address(),
        inverted: false,
        feed_heartbeat: (2 * HOUR) as u32,
        second_heartbeat: (2 * HOUR) as u32,
        twap: HOUR as u32,
        min_liquidity: 10u128.pow(12),
        min_cardinality: 10,
        deviation_bps: 500,
        cap_bps: 5_000,
        duration: (4 * HOUR) as u32,
        recovery: (4 * HOUR) as u32,
        window: (4 * HOUR) as u32,
        gap: HOUR as u32,
        asset_decimals: 255,
    };
    venue.govern(trigger.register(word(FEED), subject)).await;
    let product = venue.sell(trigger.address(), ORACLE, FEED).await;
    let (policy, start, _) = venue.buy(product, FEED).await;
    let mut keeper = venue.keeper(ETHER);

    // Its cover begins: one sample. While references find nothing no other is needed.
    for (time, count) in [(start - 60, 0), (start + 60, 1), (start + 2 * HOUR, 0)] {
        venue.until(time).await;
        say([100, 100]).await;
        assert_eq!(deeds(&keeper.round().await.unwrap(), "observe"), count);
        assert_eq!(deeds(&keeper.round().await.unwrap(), "observe"), 0);
    }
    // A reference is silent and the other finds nothing: nobody knows, and nothing would be kept.
    venue.pass(2 * HOUR + MINUTE).await;
    venue.run(feeds[0].push(I256::from(100_000_000))).await;
    assert_eq!(deeds(&keeper.round().await.unwrap(), "observe"), 0);

    // It is wrong by a fifth, and goes on so.
    let (mut samples, mut reports) = (0, 0);
    for _ in 0..16 {
        say([120, 100]).await;
        let round = keeper.round().await.unwrap();
        samples += deeds(&round, "observe");
        reports += deeds(&round, "report");
        venue.pass(20 * MINUTE).await;
    }
    assert!((6..=8).contains(&samples) && reports >= 1, "{samples} samples, {reports} reports");
    let incident = venue.read(trigger.incident(word(FEED), U256::one())).await;
    assert!(incident.verdict == claims::CONFIRMED && incident.opened_at >= start, "{incident:?}");
    assert!(venue.claim(policy, 1).await > U256::zero());
    venue.stage.strike().await;
}
