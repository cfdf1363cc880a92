//! Impermanent loss of real positions: the bytecode that Uniswap published, deployed on a node, traded with through
//! JSON-RPC, and the trigger as WASM beside it.
//!
//! The bytecode is that of the npm packages which tests/solidity/package.json pins; it is read where they are installed.

#[path = "stage/site.rs"]
mod site;

use std::{path::PathBuf, sync::Arc};

use ethers::{
    abi::{Token, encode},
    types::{Address, Bytes, I256, TransactionRequest, U256},
};
use palisade::{
    bindings::{
        IImpermanentLossTrigger, MockAggregator, StableCoin,
        impermanent_loss::{Subject, Terms},
    },
    chain::{Chain, Client},
    deploy::Deployer,
};

mod uniswap {
    #![allow(missing_docs, clippy::all)]
    ethers::contract::abigen!(
        Factory,
        r#"[
            function getPool(address a, address b, uint24 fee) external view returns (address)
            function createPair(address a, address b) external returns (address)
            function getPair(address a, address b) external view returns (address)
        ]"#;
        Pool,
        r#"[
            function increaseObservationCardinalityNext(uint16 next) external
            function slot0() external view returns (uint160 price, int24 tick, uint16 index, uint16 cardinality, uint16 next, uint8 fee, bool unlocked)
        ]"#;
        Pair,
        r#"[
            function mint(address to) external returns (uint256)
            function swap(uint256 out0, uint256 out1, address to, bytes data) external
            function getReserves() external view returns (uint112 reserve0, uint112 reserve1, uint32 time)
            function approve(address spender, uint256 value) external returns (bool)
            function balanceOf(address account) external view returns (uint256)
        ]"#;
        Manager,
        r#"[
            struct Mint { address token0; address token1; uint24 fee; int24 lower; int24 upper; uint256 desired0; uint256 desired1; uint256 least0; uint256 least1; address to; uint256 deadline; }
            function createAndInitializePoolIfNecessary(address token0, address token1, uint24 fee, uint160 price) external payable returns (address)
            function mint(Mint params) external payable returns (uint256, uint128, uint256, uint256)
            function approve(address to, uint256 id) external
            function ownerOf(uint256 id) external view returns (address)
        ]"#;
        Router,
        r#"[
            struct Swap { address tokenIn; address tokenOut; uint24 fee; address to; uint256 deadline; uint256 amountIn; uint256 leastOut; uint160 limit; }
            function exactInputSingle(Swap params) external payable returns (uint256)
        ]"#;
    );
}
use uniswap::{Factory, Manager, Mint, Pair, Pool, Router, Swap};

const FEE: u32 = 3_000;
const WINDOW: u64 = 600;
const NFT: [u8; 32] = [1; 32];
const PAIR: [u8; 32] = [2; 32];
const CONFIRMED: u8 = 2;
const NOT_MET: u8 = 1;
/// The ends of the insured range: about 0.5 and 2.
const ENDS: [i32; 2] = [-6_960, 6_960];

/// The initialisation code of an artefact of an installed package.
fn published(path: &str) -> Option<Vec<u8>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/solidity/node_modules/@uniswap");
    let text = std::fs::read_to_string(root.join(path)).ok()?;
    let artefact: serde_json::Value = serde_json::from_str(&text).expect("an artefact is JSON");
    let code = artefact["bytecode"].as_str().expect("an artefact has bytecode");
    Some(hex::decode(code.trim_start_matches("0x")).expect("bytecode is hexadecimal"))
}

/// Two dollars that trade with each other, a feed, and the trigger.
struct Stage {
    chain: Chain,
    client: Arc<Client>,
    tokens: [StableCoin<Client>; 2],
    pool: Pool<Client>,
    pair: Pair<Client>,
    manager: Manager<Client>,
    router: Router<Client>,
    feed: MockAggregator<Client>,
    trigger: IImpermanentLossTrigger<Client>,
    node: devnode::Handle,
    folder: PathBuf,
}

fn address(at: Address) -> Token {
    Token::Address(at)
}

/// √price in units of 2^−96.
fn root(price: f64) -> U256 {
    U256::from((price.sqrt() * 2f64.powi(64)) as u128) << 32
}

impl Stage {
    async fn set() -> Option<Self> {
        let factory3 = published("v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json")?;
        let manager = published(
            "v3-periphery/artifacts/contracts/NonfungiblePositionManager.sol/NonfungiblePositionManager.json",
        )?;
        let router = published("v3-periphery/artifacts/contracts/SwapRouter.sol/SwapRouter.json")?;
        let factory2 = published("v2-core/build/UniswapV2Factory.json")?;

        let (mut d, node, folder) = site::open("impermanent-loss").await;
        let (chain, client) = (d.chain.clone(), d.client.clone());
        let me = client.address();
        let deploy = async |what: &str, code: Vec<u8>, arguments: &[Token]| {
            let tx = TransactionRequest::new().data([code, encode(arguments)].concat());
            chain.send_transaction(what, &client, tx.into()).await.unwrap().contract_address.unwrap()
        };
        let mut tokens = [dollar(&mut d, "one").await, dollar(&mut d, "two").await];
        tokens.sort_unstable();
        let factory3 = deploy("v3 factory", factory3, &[]).await;
        let manager = deploy("manager", manager, &[factory3, tokens[0], tokens[0]].map(address)).await;
        let router = deploy("router", router, &[factory3, tokens[0]].map(address)).await;
        let factory2 = deploy("v2 factory", factory2, &[address(me)]).await;
        let text = Token::String("one in two".into());
        let arguments = [Token::Uint(8.into()), text, Token::Int(1.into())];
        let feed = d.solidity("feed", "MockAggregator", &arguments).await.unwrap();
        let arguments = [address(me), address(me), address(Address::zero()), Token::Uint(WINDOW.into())];
        let trigger = d.program("impermanent-loss", Some(&arguments)).await.expect("run `palisade build` first");

        let manager = Manager::new(manager, client.clone());
        let (factory3, factory2) = (Factory::new(factory3, client.clone()), Factory::new(factory2, client.clone()));
        let send = async |what: &str, tx: ethers::types::transaction::eip2718::TypedTransaction| {
            chain.send_transaction(what, &client, tx).await.unwrap();
        };
        let create = manager.create_and_initialize_pool_if_necessary(tokens[0], tokens[1], FEE, root(1.0));
        send("creating the pool", create.tx).await;
        send("creating the pair", factory2.create_pair(tokens[0], tokens[1]).tx).await;
        let pool = chain.read("pool", factory3.get_pool(tokens[0], tokens[1], FEE)).await.unwrap();
        let pair = chain.read("pair", factory2.get_pair(tokens[0], tokens[1])).await.unwrap();
        let stage = Self {
            tokens: tokens.map(|token| StableCoin::new(token, client.clone())),
            pool: Pool::new(pool, client.clone()),
            pair: Pair::new(pair, client.clone()),
            router: Router::new(router, client.clone()),
            feed: MockAggregator::new(feed, client.clone()),
            trigger: IImpermanentLossTrigger::new(trigger, client.clone()),
            manager,
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
            for spender in [self.manager.address(), self.router.address()] {
                self.run(token.approve(spender, U256::MAX)).await;
            }
            self.run(token.transfer(self.pair.address(), U256::exp10(13))).await;
        }
        self.run(self.pair.mint(self.client.address())).await;
        self.run(self.pool.increase_observation_cardinality_next(50)).await;
        self.mint([-887_220, 887_220], 13).await;
        self.feed(1.0).await;
        // two observations, and time between them
        for _ in 0..2 {
            self.pass(2 * WINDOW).await;
            self.swap(true, 1_000_000, U256::zero()).await;
            self.swap(false, 1_000_000, U256::zero()).await;
        }
        for (subject, pair) in [(NFT, false), (PAIR, true)] {
            self.run(self.trigger.register(subject, self.config(pair))).await;
        }
    }

    fn config(&self, pair: bool) -> Subject {
        Subject {
            pool: self.pool.address(),
            venue: if pair { self.pair.address() } else { self.manager.address() },
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

    /// A position of 10^`exponent` of each token at most; its number is the next of the manager.
    async fn mint(&self, ends: [i32; 2], exponent: usize) {
        let [token0, token1] = [0, 1].map(|index: usize| self.tokens[index].address());
        let desired = U256::exp10(exponent);
        let params = Mint {
            token_0: token0,
            token_1: token1,
            fee: FEE,
            lower: ends[0],
            upper: ends[1],
            desired_0: desired,
            desired_1: desired,
            least_0: U256::zero(),
            least_1: U256::zero(),
            to: self.client.address(),
            deadline: U256::MAX,
        };
        self.run(self.manager.mint(params)).await;
    }

    /// Trades until the amount is used up or the price has reached the limit (zero: none).
    async fn swap(&self, zero_for_one: bool, amount: u128, limit: U256) {
        let [give, take] = if zero_for_one { [0, 1] } else { [1, 0] };
        let params = Swap {
            token_in: self.tokens[give].address(),
            token_out: self.tokens[take].address(),
            fee: FEE,
            to: self.client.address(),
            deadline: U256::MAX,
            amount_in: amount.into(),
            least_out: U256::zero(),
            limit,
        };
        self.run(self.router.exact_input_single(params)).await;
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
    let Some(stage) = Stage::set().await else {
        eprintln!("skipped: Uniswap's packages are not installed: run npm ci in tests/solidity");
        return;
    };
    let Stage { chain, trigger, manager, pair, .. } = &stage;

    // A position in a range and a thousandth of the pair are insured.
    stage.mint(ENDS, 10).await;
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
    stage.swap(false, 10u128.pow(16), root(2.0)).await;
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
    for (terms, entry, ends) in claims {
        let prove = stage.run(trigger.prove(terms.clone(), entry.clone(), U256::zero(), Bytes::new())).await;
        let again = stage.run(trigger.prove(terms.clone(), entry.clone(), U256::zero(), Bytes::new())).await;
        eprintln!("gas: claim {prove}, with both prices stored {again}");
        assert!(prove <= 300_000);
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
    stage.swap(false, 10u128.pow(16), root(16.0)).await;
    assert!(chain.read("price", stage.pool.slot_0()).await.unwrap().0 > root(15.9));
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
