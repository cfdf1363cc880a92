//! Impermanent loss of real positions: the bytecode that Uniswap published, deployed on a node, traded with through
//! JSON-RPC, and the trigger as WASM beside it.
//!
//! The bytecode is that of the npm packages which tests/solidity/package.json pins; it is read where they are installed.

#[path = "stage/site.rs"]
mod site;
#[path = "stage/uniswap.rs"]
mod uniswap;

use std::{path::PathBuf, sync::Arc};

use ethers::{
    abi::{Token, encode},
    types::{Address, Bytes, I256, U256},
};
use palisade::{
    bindings::{
        IImpermanentLossTrigger, MockAggregator, StableCoin,
        impermanent_loss::{Subject, Terms},
    },
    chain::{Chain, Client},
    deploy::Deployer,
};
use uniswap::{Uniswap, create, published, root};

mod v2 {
    #![allow(missing_docs, dead_code, clippy::all)]
    ethers::contract::abigen!(
        Factory,
        r#"[
            function createPair(address a, address b) external returns (address)
            function getPair(address a, address b) external view returns (address)
        ]"#;
        Pair,
        r#"[
            function mint(address to) external returns (uint256)
            function swap(uint256 out0, uint256 out1, address to, bytes data) external
            function getReserves() external view returns (uint112 reserve0, uint112 reserve1, uint32 time)
            function approve(address spender, uint256 value) external returns (bool)
            function balanceOf(address account) external view returns (uint256)
        ]"#;
    );
}
use v2::{Factory, Pair};

const WINDOW: u64 = 600;
const NFT: [u8; 32] = [1; 32];
const PAIR: [u8; 32] = [2; 32];
const CONFIRMED: u8 = 2;
const NOT_MET: u8 = 1;
/// The ends of the insured range: about 0.5 and 2.
const ENDS: [i32; 2] = [-6_960, 6_960];
/// What the check of a claim on an NFT and on a pair's shares costs, with the price of the end stored by it.
const CLAIMS: [u64; 2] = [188_112, 149_022];

/// Two dollars that trade with each other, a feed, and the trigger.
struct Stage {
    chain: Chain,
    client: Arc<Client>,
    tokens: [StableCoin<Client>; 2],
    uniswap: Uniswap,
    pair: Pair<Client>,
    feed: MockAggregator<Client>,
    trigger: IImpermanentLossTrigger<Client>,
    node: devnode::Handle,
    folder: PathBuf,
}

impl Stage {
    async fn set() -> Option<Self> {
        let factory = published("v2-core/build/UniswapV2Factory.json")?;
        let (mut d, node, folder) = site::open("impermanent-loss").await;
        let (chain, client) = (d.chain.clone(), d.client.clone());
        let me = Token::Address(client.address());
        let tokens = [dollar(&mut d, "one").await, dollar(&mut d, "two").await];
        let uniswap = Uniswap::deploy(&chain, &client, tokens).await?;
        let tokens = uniswap.tokens;
        let factory = create(&chain, &client, "v2 factory", factory, std::slice::from_ref(&me)).await;
        let text = Token::String("one in two".into());
        let arguments = [Token::Uint(8.into()), text, Token::Int(1.into())];
        let feed = d.solidity("feed", "MockAggregator", &arguments).await.unwrap();
        let arguments = [me.clone(), me, Token::Address(Address::zero()), Token::Uint(WINDOW.into())];
        let trigger = d.program("impermanent-loss", Some(&arguments)).await.expect("run `palisade build` first");
        let factory = Factory::new(factory, client.clone());
        let open = factory.create_pair(tokens[0], tokens[1]);
        chain.send("creating the pair", &client, open).await.unwrap();
        let pair = chain.read("pair", factory.get_pair(tokens[0], tokens[1])).await.unwrap();
        let stage = Self {
            tokens: tokens.map(|token| StableCoin::new(token, client.clone())),
            uniswap,
            pair: Pair::new(pair, client.clone()),
            feed: MockAggregator::new(feed, client.clone()),
            trigger: IImpermanentLossTrigger::new(trigger, client.clone()),
            chain,
            client,
            node,
            folder,
        };
        stage.furnish().await;
        Some(stage)
    }

    async fn furnish(&self) {
        for token in &self.tokens {
            self.run(token.mint(self.client.address(), U256::exp10(18))).await;
            for spender in [self.uniswap.manager.address(), self.uniswap.router] {
                self.run(token.approve(spender, U256::MAX)).await;
            }
            self.run(token.transfer(self.pair.address(), U256::exp10(13))).await;
        }
        self.run(self.pair.mint(self.client.address())).await;
        self.run(self.uniswap.pool.increase_observation_cardinality_next(50)).await;
        self.uniswap.mint([-887_220, 887_220], 10u128.pow(13)).await;
        self.feed(1.0).await;
        // two observations, and time between them
        for _ in 0..2 {
            self.pass(2 * WINDOW).await;
            self.uniswap.swap(true, 1_000_000, U256::zero()).await;
            self.uniswap.swap(false, 1_000_000, U256::zero()).await;
        }
        for (subject, pair) in [(NFT, false), (PAIR, true)] {
            self.run(self.trigger.register(subject, self.config(pair))).await;
        }
    }

    fn config(&self, pair: bool) -> Subject {
        Subject {
            pool: self.uniswap.pool.address(),
            venue: if pair { self.pair.address() } else { self.uniswap.manager.address() },
            pair,
            quote: self.tokens[1].address(),
            feed: self.feed.address(),
            heartbeat: 86_400,
            window: WINDOW as u32,
            reach: WINDOW as u32,
            min_liquidity: 1_000_000_000,
            min_cardinality: 10,
            deviation_bps: 100,
            range_factor_bps: 65_000,
            half_life: 30 * 86_400,
            variance_floor: 40_000_000_000_000_000,
            asset_decimals: 6,
        }
    }

    async fn run<D: ethers::abi::Detokenize>(&self, call: ethers::contract::ContractCall<Client, D>) -> u64 {
        let what = call.function.name.clone();
        self.chain.send(&what, &self.client, call).await.unwrap().gas_used.unwrap().as_u64()
    }

    async fn pass(&self, seconds: u64) {
        let now = self.chain.now().await.unwrap();
        self.chain.wait_until(now + seconds, &self.client).await.unwrap();
    }

    async fn feed(&self, price: f64) {
        self.run(self.feed.push(I256::from((price * 1e8) as i128))).await;
    }

    /// Buys a policy on a position, as Policy asks: terms that begin in a minute and end an hour later, and the entry.
    async fn enter(&self, subject: [u8; 32], number: u64) -> (Terms, Bytes, U256) {
        let mut position = [0; 32];
        position[24..].copy_from_slice(&number.to_be_bytes());
        let insured = self.client.address();
        let call = self.trigger.enter(subject, insured, position);
        let (healthy, entry, interest, size) = self.chain.read("enter", call.clone()).await.unwrap();
        assert!(healthy && !size.is_zero());
        eprintln!("gas: enter {}", self.run(call).await);
        let start = self.chain.now().await.unwrap() + 60;
        (Terms { subject, insured, position, start, end: start + 3_600 }, entry, interest)
    }

    async fn verdict(&self, terms: &Terms, entry: &Bytes) -> (u8, u16) {
        let call = self.trigger.loss(terms.clone(), entry.clone(), U256::zero());
        self.chain.read("loss", call).await.unwrap()
    }
}

async fn dollar(d: &mut Deployer, name: &str) -> Address {
    let arguments = ["Test dollar", "USDX"].map(|text| Token::String(text.into()));
    d.solidity(name, "StableCoin", &arguments).await.unwrap()
}

/// What a position in a range holds at a price, a unit of liquidity, in token 1.
fn worth(holds: (f64, f64), price: f64) -> f64 {
    holds.0 * price + holds.1
}

fn holds(ends: Option<[i32; 2]>, price: f64) -> (f64, f64) {
    let [lower, upper] =
        ends.map_or([0.0, f64::INFINITY], |ends| ends.map(|tick| 1.0001f64.powf(f64::from(tick) / 2.0)));
    let root = price.sqrt().clamp(lower, upper);
    (1.0 / root - 1.0 / upper, root - lower)
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_in_uniswap_lose_what_the_trigger_says() {
    if std::env::var_os("PALISADE_RPC_URL").is_some() {
        eprintln!("skipped: it needs the clock of the embedded node");
        return;
    }
    let Some(stage) = Stage::set().await else { return };
    let Stage { chain, trigger, uniswap, pair, .. } = &stage;
    let manager = &uniswap.manager;

    // A position in a range and a thousandth of the pair are insured.
    uniswap.mint(ENDS, 10u128.pow(10)).await;
    stage.run(manager.approve(trigger.address(), 2.into())).await;
    stage.run(pair.approve(trigger.address(), U256::MAX)).await;
    let deposit = stage.run(trigger.deposit(NFT, 2.into())).await;
    stage.run(trigger.deposit(PAIR, U256::exp10(10))).await;
    assert_eq!(chain.read("owner", manager.owner_of(2.into())).await.unwrap(), trigger.address());
    let (nft, nft_entry, nft_interest) = stage.enter(NFT, 1).await;
    let (shares, shares_entry, shares_interest) = stage.enter(PAIR, 2).await;
    for interest in [nft_interest, shares_interest] {
        assert!((interest.as_u64() as f64 / 2e10 - 1.0).abs() < 1e-3, "{interest}");
    }

    // The prices of both starts are stored; then the price doubles, in the pool by trading.
    let mut store = 0;
    for terms in [&nft, &shares] {
        chain.wait_until(terms.start + 1, &stage.client).await.unwrap();
        let moment = encode(&[Token::Uint(terms.start.into()), Token::Uint(0.into())]);
        store = stage.run(trigger.observe(terms.subject, moment.into())).await;
    }
    stage.pass(600).await;
    uniswap.swap(false, 10u128.pow(16), root(2.0)).await;
    stage.feed(2.0).await;
    // the pair is traded with as well: 10,000 in, and what its price gives for it out
    let (reserve0, reserve1, _) = chain.read("reserves", pair.get_reserves()).await.unwrap();
    let given = 10u128.pow(12);
    let out = given * 997 * reserve0 / (reserve1 * 1_000 + given * 997);
    stage.run(stage.tokens[1].transfer(pair.address(), given.into())).await;
    stage.run(pair.swap(out.into(), U256::zero(), stage.client.address(), Bytes::new())).await;

    // At the end both have lost what the closed form says, less fees.
    chain.wait_until(nft.end.max(shares.end) + 1, &stage.client).await.unwrap();
    let claims = [(&nft, &nft_entry, Some(ENDS)), (&shares, &shares_entry, None)];
    for ((terms, entry, ends), ceiling) in claims.into_iter().zip(CLAIMS) {
        let prove = stage.run(trigger.prove(terms.clone(), entry.clone(), U256::zero(), Bytes::new())).await;
        let again = stage.run(trigger.prove(terms.clone(), entry.clone(), U256::zero(), Bytes::new())).await;
        eprintln!("gas: claim {prove}, with both prices stored {again}");
        assert!(prove <= ceiling + ceiling / 100, "{prove} is more than {ceiling} and one percent");
        let (verdict, loss) = stage.verdict(terms, entry).await;
        let value = worth(holds(ends, 1.0), 1.0);
        let lost = worth(holds(ends, 1.0), 2.0) - worth(holds(ends, 2.0), 2.0);
        // the pool's fee on what moved its price; of the pair's, a thousandth part and hardly anything
        let fees = if ends.is_some() { (2f64.sqrt() - 1.0) * 0.003 / 0.997 } else { 0.0003 / 2.0 * 2f64.sqrt() };
        let expected = (lost - fees) / value * 10_000.0;
        assert_eq!(verdict, CONFIRMED);
        assert!((f64::from(loss) - expected).abs() < 4.0, "{loss} is not {expected}");
    }
    eprintln!("gas: deposit {deposit}, storing a price {store}");

    // A price that a large trade moves now changes nothing but the fees; what is withdrawn is not insured.
    let before = stage.verdict(&nft, &nft_entry).await;
    uniswap.swap(false, 10u128.pow(16), root(16.0)).await;
    assert!(chain.read("price", uniswap.pool.slot_0()).await.unwrap().0 > root(15.9));
    let after = stage.verdict(&nft, &nft_entry).await;
    assert!(after.0 == CONFIRMED && after.1 <= before.1 && before.1 - after.1 < 3, "{before:?} {after:?}");
    stage.run(trigger.collect(U256::one(), stage.client.address())).await;
    assert_eq!(stage.verdict(&nft, &nft_entry).await, after, "collected fees count all the same");
    stage.run(trigger.withdraw(U256::one(), stage.client.address())).await;
    assert_eq!(stage.verdict(&nft, &nft_entry).await, (NOT_MET, 0));
    stage.run(trigger.withdraw(2.into(), stage.client.address())).await;
    assert_eq!(stage.verdict(&shares, &shares_entry).await, (NOT_MET, 0));
    assert!(chain.read("shares", pair.balance_of(trigger.address())).await.unwrap().is_zero());

    stage.node.stop().await;
    drop(std::fs::remove_dir_all(&stage.folder));
}
