//! The lending trigger as WASM on a node, through JSON-RPC, on a market of Aave v3 that is compiled from the sources in its
//! npm package: money is really lent, borrowed and lost.

#[path = "stage/site.rs"]
mod site;

use std::{
    collections::HashMap,
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Arc, LazyLock},
};

use ethers::{
    abi::{Abi, Detokenize, Token, Tokenize},
    contract::{Contract, ContractCall},
    signers::LocalWallet,
    types::{Address, Bytes, I256, TransactionRequest, U256},
    utils::keccak256,
};
use palisade::{
    bindings::{ILendingTrigger, MockAggregator, StableCoin, lending},
    chain::{Chain, Client},
    deploy::{Deployer, profile::usd},
};
use serde_json::Value;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
const SUBJECT: [u8; 32] = [0xaa; 32];

const INCONCLUSIVE: u8 = 0;
const NOT_MET: u8 = 1;
const CONFIRMED: u8 = 2;

/// `ILendingTrigger`'s kind of an Aave reserve.
const AAVE: u8 = 1;

/// One in Aave's base currency.
const BASE: u64 = 100_000_000;

type Aave = Contract<Client>;

/// Why nothing is tried; `None` where Aave is compiled, which is done once.
static MISSING: LazyLock<Option<&'static str>> = LazyLock::new(|| {
    if std::env::var_os("PALISADE_RPC_URL").is_some() {
        return Some("it needs a node of its own");
    }
    let mut compiler = Command::new("node");
    compiler.arg("tests/solidity/aave.mjs").current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
    let Ok(status) = compiler.status() else {
        return Some("Node.js is not installed");
    };
    match status.code() {
        Some(0) => None,
        Some(2) => Some("Aave and the compiler are not installed in tests/solidity (npm ci)"),
        code => panic!("tests/solidity/aave.mjs ends with {code:?}"),
    }
});

/// Says so where nothing is tried.
fn skipped() -> bool {
    if let Some(why) = *MISSING {
        eprintln!("skipped: {why}");
    }
    MISSING.is_some()
}

/// What the package's sources were compiled to.
struct Artefact {
    abi: Abi,
    bytecode: String,
    links: HashMap<String, String>,
}

impl Artefact {
    fn load(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("build/aave").join(format!("{name}.json"));
        let mut artefact: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        Self {
            abi: serde_json::from_value(artefact["abi"].take()).unwrap(),
            bytecode: artefact["bytecode"].as_str().unwrap().into(),
            links: serde_json::from_value(artefact["links"].take()).unwrap(),
        }
    }
}

/// A market of Aave's with dollars to borrow against a coin, whose price the test sets.
struct Market {
    chain: Chain,
    client: Arc<Client>,
    borrower: Arc<Client>,
    dollar: StableCoin<Client>,
    coin: StableCoin<Client>,
    price: MockAggregator<Client>,
    pool: Aave,
    lending: ILendingTrigger<Client>,
    node: devnode::Handle,
    folder: PathBuf,
    start: u64,
}

/// Deploys a contract of Aave's with the libraries that it is linked with.
async fn deploy(d: &Deployer, name: &str, arguments: &[Token], libraries: &mut HashMap<String, Address>) -> Aave {
    let Artefact { abi, mut bytecode, links } = Artefact::load(name);
    for (library, placeholder) in links {
        if !libraries.contains_key(&library) {
            let there = Box::pin(deploy(d, &library, &[], libraries)).await;
            libraries.insert(library.clone(), there.address());
        }
        bytecode = bytecode.replace(&placeholder, &hex::encode(libraries[&library]));
    }
    let mut code = hex::decode(bytecode).unwrap();
    code.extend(ethers::abi::encode(arguments));
    let tx = TransactionRequest::new().data(code);
    let receipt = d.chain.send_transaction(name, &d.client, tx.into()).await.unwrap();
    Contract::new(receipt.contract_address.unwrap(), abi, d.client.clone())
}

/// The same contract at another address: behind a proxy.
fn behind(implementation: &Aave, address: Address, client: &Arc<Client>) -> Aave {
    Contract::new(address, implementation.abi().clone(), client.clone())
}

impl Market {
    async fn open(name: &str) -> Self {
        let (mut d, node, folder) = site::open(name).await;
        let (chain, client) = (d.chain.clone(), d.client.clone());
        let me = client.address();
        let text = |text: &str| Token::String(text.into());
        let token = |address: Address| Token::Address(address);
        let dollar = d.solidity("dollar", "StableCoin", &[text("Test dollar"), text("USDX")]).await.unwrap();
        let coin = d.solidity("coin", "StableCoin", &[text("Test coin"), text("COIN")]).await.unwrap();
        let feed = |description: &str| [Token::Uint(8.into()), text(description), Token::Int(U256::one())];
        let one = d.solidity("dollar-feed", "MockAggregator", &feed("USDX/USD")).await.unwrap();
        let price = d.solidity("coin-feed", "MockAggregator", &feed("COIN/USD")).await.unwrap();
        let shortest = [token(me), token(me), Token::Uint(HOUR.into())];
        let lending = d.program("lending", Some(&shortest)).await.expect("run `palisade build` first");

        let libraries = &mut HashMap::new();
        let provider = deploy(&d, "PoolAddressesProvider", &[text("test"), token(me)], libraries).await;
        let given = token(provider.address());
        let set = |method: &'static str, to: Address| (method, to);
        let tell = |(method, to): (&'static str, Address)| {
            let call = provider.method::<_, ()>(method, to).unwrap();
            let (chain, client) = (chain.clone(), client.clone());
            async move { chain.send(method, &client, call).await.unwrap() }
        };
        tell(set("setACLAdmin", me)).await;
        let roles = deploy(&d, "ACLManager", std::slice::from_ref(&given), libraries).await;
        tell(set("setACLManager", roles.address())).await;
        for role in ["addPoolAdmin", "addRiskAdmin"] {
            chain.send(role, &client, roles.method::<_, ()>(role, me).unwrap()).await.unwrap();
        }
        let sources =
            [vec![dollar, coin], vec![one, price]].map(|list| Token::Array(list.into_iter().map(token).collect()));
        let [assets, feeds] = sources;
        let nobody = token(Address::zero());
        let oracle = [given.clone(), assets, feeds, nobody.clone(), nobody.clone(), Token::Uint(BASE.into())];
        let oracle = deploy(&d, "AaveOracle", &oracle, libraries).await;
        tell(set("setPriceOracle", oracle.address())).await;
        let rates = deploy(&d, "DefaultReserveInterestRateStrategyV2", std::slice::from_ref(&given), libraries).await;
        let rates = token(rates.address());
        let pool = deploy(&d, "PoolInstance", &[given, rates], libraries).await;
        tell(set("setPoolImpl", pool.address())).await;
        let configurator = deploy(&d, "PoolConfiguratorInstance", &[], libraries).await;
        tell(set("setPoolConfiguratorImpl", configurator.address())).await;
        let place = |method: &str| provider.method::<_, Address>(method, ()).unwrap();
        let pool = behind(&pool, chain.read("getPool", place("getPool")).await.unwrap(), &client);
        let configurator =
            behind(&configurator, chain.read("configurator", place("getPoolConfigurator")).await.unwrap(), &client);

        let shares = deploy(&d, "ATokenInstance", &[token(pool.address()), nobody.clone(), token(me)], libraries).await;
        let debts = deploy(&d, "VariableDebtTokenInstance", &[token(pool.address()), nobody], libraries).await;
        // borrowing costs nothing until 90 % are lent, so that amounts are round
        let rates = ethers::abi::encode(&[9_000u64, 0, 0, 3_000].map(|rate| Token::Uint(rate.into())));
        let reserve = |asset: Address, name: &str| {
            let texts = ["a", "a", "d", "d"].map(|prefix| [prefix, name].concat());
            let [first, second, third, fourth] = texts;
            let implementations = (shares.address(), debts.address(), asset);
            (
                implementations.0,
                implementations.1,
                implementations.2,
                first,
                second,
                third,
                fourth,
                Bytes::default(),
                Bytes::from(rates.clone()),
            )
        };
        let reserves = vec![reserve(dollar, "USDX"), reserve(coin, "COIN")];
        let configure = [
            configurator.method::<_, ()>("initReserves", (reserves,)).unwrap(),
            configurator.method("setReserveBorrowing", (dollar, true)).unwrap(),
            configurator
                .method(
                    "configureReserveAsCollateral",
                    (coin, U256::from(8_000), U256::from(8_500), U256::from(10_500)),
                )
                .unwrap(),
        ];
        for call in configure {
            let what = call.function.name.clone();
            chain.send(&what, &client, call).await.unwrap();
        }

        let borrower = chain.client(LocalWallet::from_bytes(&keccak256("palisade: who borrows")).unwrap());
        chain.transfer(&client, borrower.address(), U256::exp10(18)).await.unwrap();
        let market = Self {
            dollar: StableCoin::new(dollar, client.clone()),
            coin: StableCoin::new(coin, client.clone()),
            price: MockAggregator::new(price, client.clone()),
            lending: ILendingTrigger::new(lending, client.clone()),
            start: chain.now().await.unwrap(),
            chain,
            client,
            borrower,
            pool,
            node,
            folder,
        };
        let dollars = MockAggregator::new(one, market.client.clone());
        market.run(dollars.push(I256::from(BASE))).await;
        market.set_price(1_000).await;
        for who in [&market.client, &market.borrower] {
            for asset in [&market.dollar, &market.coin] {
                let asset = StableCoin::new(asset.address(), who.clone());
                market.act(who, asset.mint(who.address(), usd(10_000_000))).await;
                market.act(who, asset.approve(market.pool.address(), U256::MAX)).await;
            }
        }
        market
    }

    async fn act<D: Detokenize>(&self, who: &Arc<Client>, call: ContractCall<Client, D>) -> u64 {
        let what = call.function.name.clone();
        self.chain.send(&what, who, call).await.unwrap().gas_used.unwrap().as_u64()
    }

    async fn run<D: Detokenize>(&self, call: ContractCall<Client, D>) -> u64 {
        self.act(&self.client, call).await
    }

    async fn ask<D: Detokenize>(&self, call: ContractCall<Client, D>) -> D {
        let what = call.function.name.clone();
        self.chain.read(&what, call).await.unwrap()
    }

    async fn set_price(&self, dollars: u64) {
        self.run(self.price.push(I256::from(dollars * BASE))).await;
    }

    async fn wait_until(&self, seconds: u64) {
        self.chain.wait_until(self.start + seconds, &self.client).await.unwrap();
    }

    /// Does something with the pool.
    async fn pool<T: Tokenize>(&self, who: &Arc<Client>, method: &str, arguments: T) {
        self.act(who, behind(&self.pool, self.pool.address(), who).method::<_, ()>(method, arguments).unwrap()).await;
    }

    async fn supply(&self, who: &Arc<Client>, asset: Address, amount: U256) {
        self.pool(who, "supply", (asset, amount, who.address(), 0u16)).await;
    }

    /// Takes all that is left of the borrower's collateral for its debt.
    async fn liquidate(&self) {
        let (collateral, debt) = (self.coin.address(), self.dollar.address());
        self.pool(&self.client, "liquidationCall", (collateral, debt, self.borrower.address(), U256::MAX, false)).await;
    }

    async fn deficit(&self) -> U256 {
        self.ask(self.pool.method("getReserveDeficit", self.dollar.address()).unwrap()).await
    }

    async fn strike(self) {
        self.node.stop().await;
        drop(fs::remove_dir_all(&self.folder));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_borrower_of_aave_defaults_and_who_lent_is_covered_for_the_deficit_alone() {
    if skipped() {
        return;
    }
    let market = Market::open("aave").await;
    let Market { lending, .. } = &market;
    let me = market.client.address();
    market.supply(&market.client, market.dollar.address(), usd(1_000_000)).await;
    market.supply(&market.borrower, market.coin.address(), usd(500)).await;
    let borrow = (market.dollar.address(), usd(400_000), U256::from(2), 0u16, market.borrower.address());
    market.pool(&market.borrower, "borrow", borrow).await;

    let config = lending::Subject {
        source: market.pool.address(),
        asset: market.dollar.address(),
        kind: AAVE,
        trigger_bps: 200,
        persistence: (6 * HOUR) as u32,
        calm: DAY as u32,
    };
    let register = market.run(lending.register(SUBJECT, config)).await;
    let (healthy, entry, interest, size): (bool, Bytes, U256, U256) =
        market.ask(lending.enter(SUBJECT, me, [0; 32])).await;
    assert!(healthy && interest == usd(1_000_000) && size == usd(1_000_000), "{interest} of {size}");
    let terms = lending::Terms {
        subject: SUBJECT,
        insured: me,
        position: [0; 32],
        start: market.start + DAY,
        end: market.start + 30 * DAY,
    };
    market.wait_until(DAY + HOUR).await;
    let quiet = market.run(lending.observe(SUBJECT, Bytes::new())).await;

    // The collateral is worth half of the debt. Until somebody liquidates, nobody has lost anything that can be proven.
    market.set_price(400).await;
    for hour in [1, 9] {
        market.wait_until(2 * DAY + hour * HOUR).await;
        market.run(lending.observe(SUBJECT, Bytes::new())).await;
    }
    assert_eq!(market.deficit().await, U256::zero());
    assert_eq!(market.ask(lending.incidents(SUBJECT)).await, U256::zero());

    // Liquidated, what the collateral does not pay is a deficit: evidence at once, proof six hours later.
    market.liquidate().await;
    let deficit = market.deficit().await;
    assert!(deficit > usd(200_000) && deficit < usd(220_000), "{deficit}");
    market.run(lending.observe(SUBJECT, Bytes::new())).await;
    assert!(!market.ask(lending.healthy(SUBJECT)).await);
    assert_eq!(market.ask(lending.incident(SUBJECT, U256::one())).await.verdict, INCONCLUSIVE);
    market.wait_until(2 * DAY + 16 * HOUR).await;
    let confirm = market.run(lending.observe(SUBJECT, Bytes::new())).await;
    let expected = (deficit / usd(100)).as_u32() as u16;
    let proof = lending.prove(terms.clone(), entry.clone(), U256::one(), Bytes::new());
    assert_eq!(market.ask(proof.clone()).await, (CONFIRMED, expected));
    let prove = market.run(proof).await;

    // Money that is lent after the loss has lost nothing: who comes now has no claim.
    let late = lending::Terms { start: market.chain.now().await.unwrap(), ..terms };
    let (verdict, _) = market.ask(lending.loss(late, entry, U256::one())).await;
    assert_eq!(verdict, NOT_MET);
    eprintln!("gas: register {register}, observe {quiet}, confirm {confirm}, prove {prove}; loss {expected} bps");
    market.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_without_the_reserve_and_an_asset_that_is_not_its_are_refused() {
    if skipped() {
        return;
    }
    let market = Market::open("aave-refused").await;
    let subject = |source: Address, asset: Address| lending::Subject {
        source,
        asset,
        kind: AAVE,
        trigger_bps: 200,
        persistence: (6 * HOUR) as u32,
        calm: DAY as u32,
    };
    let stranger = market.price.address();
    let wrong = [
        subject(market.pool.address(), stranger),
        subject(stranger, market.dollar.address()),
        // nobody has lent a coin yet
        subject(market.pool.address(), market.coin.address()),
    ];
    for subject in wrong {
        let refused = market.chain.send("register", &market.client, market.lending.register(SUBJECT, subject)).await;
        assert!(refused.is_err());
    }
    market.supply(&market.client, market.coin.address(), usd(1)).await;
    let right = subject(market.pool.address(), market.coin.address());
    market.run(market.lending.register(SUBJECT, right)).await;
    market.strike().await;
}
