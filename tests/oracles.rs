//! Oracle errors against a real market: the pool that Uniswap published, traded with on a node, as a reference of the
//! oracle trigger, and how one would make it say something else.

#[path = "stage/site.rs"]
mod site;
#[path = "stage/uniswap.rs"]
mod uniswap;

use std::{path::PathBuf, sync::Arc};

use ethers::{
    abi::{Detokenize, Token},
    contract::ContractCall,
    types::{Address, Bytes, I256, U256},
};
use palisade::{
    bindings::{
        IOracleTrigger, MockAggregator, StableCoin,
        oracle::{Incident, Subject, Terms},
    },
    chain::{Chain, Client},
};
use uniswap::{Uniswap, root};

const SUBJECT: [u8; 32] = [7; 32];
const MINUTE: u64 = 60;
const INCONCLUSIVE: u8 = 0;
const NOT_MET: u8 = 1;
const CONFIRMED: u8 = 2;
/// All that is in the pool: between 0.5 and 2.
const ENDS: [i32; 2] = [-6_960, 6_960];
/// More than there is to take.
const ALL: u128 = 10u128.pow(17);
/// What a sample costs in which the feed is found wrong.
const SAMPLE: u64 = 148_718;

/// A pool, two feeds, and the trigger; D = 5 %, T = 1 h, R = 2 h, a mean of 30 minutes.
struct Stage {
    chain: Chain,
    client: Arc<Client>,
    uniswap: Uniswap,
    feeds: [MockAggregator<Client>; 2],
    trigger: IOracleTrigger<Client>,
    node: devnode::Handle,
    folder: PathBuf,
}

impl Stage {
    async fn set() -> Option<Self> {
        let (mut d, node, folder) = site::open("oracles").await;
        let (chain, client) = (d.chain.clone(), d.client.clone());
        let text = |text: &str| Token::String(text.into());
        let mut tokens = Vec::new();
        for name in ["one", "two"] {
            tokens.push(d.solidity(name, "StableCoin", &[text("Test dollar"), text("USDX")]).await.unwrap());
        }
        let mut feeds = Vec::new();
        for name in ["feed", "second"] {
            let arguments = [Token::Uint(8.into()), text("one in two"), Token::Int(1.into())];
            feeds.push(d.solidity(name, "MockAggregator", &arguments).await.unwrap());
        }
        let me = Token::Address(client.address());
        let arguments = [me.clone(), me, Token::Address(Address::zero()), Token::Uint(MINUTE.into())];
        let trigger = d.program("oracle", Some(&arguments)).await.expect("run `palisade build` first");
        let Some(uniswap) = Uniswap::deploy(&chain, &client, [tokens[0], tokens[1]]).await else {
            node.stop().await;
            drop(std::fs::remove_dir_all(&folder));
            return None;
        };
        let stage = Self {
            uniswap,
            feeds: [0, 1].map(|index: usize| MockAggregator::new(feeds[index], client.clone())),
            trigger: IOracleTrigger::new(trigger, client.clone()),
            chain,
            client,
            node,
            folder,
        };
        for token in stage.uniswap.tokens.map(|token| StableCoin::new(token, stage.client.clone())) {
            stage.run(token.mint(stage.client.address(), U256::exp10(20))).await;
            for spender in [stage.uniswap.manager.address(), stage.uniswap.router] {
                stage.run(token.approve(spender, U256::MAX)).await;
            }
        }
        stage.uniswap.mint(ENDS, 10u128.pow(13)).await;
        Some(stage)
    }

    fn config(&self, min_cardinality: u16) -> Subject {
        Subject {
            feed: self.feeds[0].address(),
            second_feed: self.feeds[1].address(),
            pool: self.uniswap.pool.address(),
            inverted: false,
            feed_heartbeat: 3_600,
            second_heartbeat: 3_600,
            twap: 1_800,
            min_liquidity: 10u128.pow(12),
            min_cardinality,
            deviation_bps: 500,
            cap_bps: 5_000,
            duration: 3_600,
            recovery: 7_200,
            window: 3_600,
            gap: 900,
            asset_decimals: 6,
        }
    }

    async fn run<D: Detokenize>(&self, call: ContractCall<Client, D>) -> u64 {
        let what = call.function.name.clone();
        self.chain.send(&what, &self.client, call).await.unwrap().gas_used.unwrap().as_u64()
    }

    async fn read<D: Detokenize>(&self, call: ContractCall<Client, D>) -> D {
        self.chain.read("reading", call).await.unwrap()
    }

    async fn refused<D: Detokenize>(&self, call: ContractCall<Client, D>) -> String {
        let error = self.chain.send("what is refused", &self.client, call).await.unwrap_err();
        error.refusal().unwrap_or_else(|| panic!("{error}")).to_owned()
    }

    async fn pass(&self, seconds: u64) {
        let now = self.chain.now().await.unwrap();
        self.chain.wait_until(now + seconds, &self.client).await.unwrap();
    }

    /// Both feeds write a round.
    async fn say(&self, prices: [f64; 2]) {
        for (feed, price) in self.feeds.iter().zip(prices) {
            self.run(feed.push(I256::from((price * 1e8).round() as i128))).await;
        }
    }

    /// Ten minutes pass at a time; each ends with rounds of both feeds and a sample. Answers with what the last one cost.
    async fn hold(&self, minutes: u64, prices: [f64; 2]) -> u64 {
        let mut gas = 0;
        for _ in 0..minutes / 10 {
            self.pass(10 * MINUTE).await;
            self.say(prices).await;
            gas = self.run(self.trigger.observe(SUBJECT, Bytes::new())).await;
        }
        gas
    }

    /// Brings the pool to a price, whatever it takes.
    async fn push(&self, price: f64) {
        let down = self.read(self.uniswap.pool.slot_0()).await.0 > root(price);
        self.uniswap.swap(down, ALL, root(price)).await;
    }

    async fn count(&self) -> u64 {
        self.read(self.trigger.incidents(SUBJECT)).await.as_u64()
    }

    async fn incident(&self, number: u64) -> Incident {
        self.read(self.trigger.incident(SUBJECT, number.into())).await
    }

    /// The pool's price as a sample would take it; zero for none.
    async fn pool_price(&self) -> f64 {
        self.read(self.trigger.prices_of(SUBJECT)).await.2 as f64 / 1e18
    }

    async fn is_healthy(&self) -> bool {
        self.read(self.trigger.healthy(SUBJECT)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_is_held_against_a_market_that_is_traded_in() {
    if std::env::var_os("PALISADE_RPC_URL").is_some() {
        eprintln!("skipped: it needs the clock of the embedded node");
        return;
    }
    let Some(stage) = Stage::set().await else { return };
    let Stage { uniswap, trigger, .. } = &stage;

    // A pool that keeps fewer observations than are asked for is no reference, nor one that does not reach back.
    let trade = async || {
        uniswap.swap(true, 1_000_000, U256::zero()).await;
        uniswap.swap(false, 1_000_000, U256::zero()).await;
    };
    stage.say([1.0, 1.0]).await;
    stage.run(uniswap.pool.increase_observation_cardinality_next(5)).await;
    trade().await;
    assert!(stage.refused(trigger.register(SUBJECT, stage.config(2))).await.contains("SourcesNotHealthy"));
    stage.pass(30 * MINUTE).await;
    trade().await;
    assert!(stage.refused(trigger.register(SUBJECT, stage.config(6))).await.contains("SourcesNotHealthy"));
    stage.run(trigger.register([8; 32], stage.config(5))).await;
    stage.run(uniswap.pool.increase_observation_cardinality_next(200)).await;
    for _ in 0..5 {
        stage.pass(MINUTE).await;
        trade().await;
    }
    stage.run(trigger.register(SUBJECT, stage.config(200))).await;
    stage.hold(60, [1.0, 1.0]).await;
    assert!(stage.is_healthy().await && (stage.pool_price().await - 1.0).abs() < 1e-3);

    // A price that is pushed far within one block, and back in the next, is outweighed.
    stage.push(1.9).await;
    stage.pass(1).await;
    stage.push(1.0).await;
    assert!((stage.pool_price().await - 1.0).abs() < 0.01 && stage.is_healthy().await);
    stage.hold(60, [1.0, 1.0]).await;
    assert_eq!(stage.count().await, 0);

    // Who owns the second feed pushes the pool to where nobody has liquidity, which costs what all of it is worth and
    // comes back with the price: he finds nothing but doubt.
    stage.push(3.0).await;
    stage.hold(120, [1.0, 3.0]).await;
    assert_eq!(stage.pool_price().await, 0.0, "it is no reference");
    let incident = stage.incident(1).await;
    assert_eq!((stage.count().await, incident.verdict, incident.worst_bps), (1, INCONCLUSIVE, 0));
    let now = stage.chain.now().await.unwrap();
    let insured = stage.client.address();
    let terms = Terms { subject: SUBJECT, insured, position: [0; 32], start: 0, end: now };
    let loss = trigger.loss(terms.clone(), Bytes::new(), U256::one());
    assert_eq!(stage.read(loss).await, (INCONCLUSIVE, 0));
    stage.push(1.0).await;
    stage.hold(60, [1.0, 1.0]).await;
    let incident = stage.incident(1).await;
    assert!(incident.verdict == NOT_MET && incident.closed_at > 0 && stage.is_healthy().await);

    // The market moves, the second feed with it, and the covered feed does not: it is wrong by a third of the true price.
    stage.push(1.5).await;
    stage.hold(30, [1.0, 1.5]).await;
    let gas = stage.hold(120, [1.0, 1.5]).await;
    eprintln!("gas: a sample that finds the feed wrong {gas}");
    assert!(gas <= SAMPLE + SAMPLE / 100, "{gas} is more than {SAMPLE} and one percent");
    let incident = stage.incident(2).await;
    assert_eq!((stage.count().await, incident.verdict, incident.closed_at), (2, CONFIRMED, 0));
    assert!((2_830..=2_833).contains(&incident.worst_bps), "{}", incident.worst_bps);
    let terms = Terms { end: stage.chain.now().await.unwrap(), ..terms };
    let proof = stage.read(trigger.prove(terms, Bytes::new(), 2.into(), Bytes::new())).await;
    assert_eq!(proof, (CONFIRMED, incident.worst_bps));
    assert!(!stage.is_healthy().await);

    // It follows, and the incident closes.
    stage.hold(140, [1.5, 1.5]).await;
    assert!(stage.incident(2).await.closed_at > 0 && stage.is_healthy().await);
    stage.node.stop().await;
    drop(std::fs::remove_dir_all(&stage.folder));
}
