//! A vault's spare money in a Solidity strategy, as WASM on a node, through JSON-RPC: it earns, it loses, and it does all
//! that only a real chain shows, such as burning the gas that it is given.

#[path = "stage/disguise.rs"]
mod disguise;
#[path = "stage/site.rs"]
mod site;

use std::{path::PathBuf, sync::Arc};

use ethers::{
    abi::Token,
    types::{Address, U256},
};
use palisade::{
    bindings::{IAllocator, IRisk, IVault, LendingStrategy, StableCoin},
    chain::{Chain, Client},
    deploy::profile::usd,
};

const WEEK: u64 = 7 * 86_400;
const KEY: [u8; 32] = [7; 32];

const GOOD: u8 = 0;
const REVERTS: u8 = 1;
const BURNS_GAS: u8 = 2;
const SAYS_TOO_MUCH: u8 = 3;

/// Risk, a vault with its allocator, and one strategy. Who deploys owns everything; the asset's account, which has code
/// as policy and assessor must, speaks for both.
struct Stage {
    chain: Chain,
    client: Arc<Client>,
    asset: StableCoin<Client>,
    risk: IRisk<Client>,
    vault: IVault<Client>,
    allocator: IAllocator<Client>,
    strategy: LendingStrategy<Client>,
    node: devnode::Handle,
    folder: PathBuf,
}

impl Stage {
    async fn set() -> Self {
        let (mut d, node, folder) = site::open("strategies").await;
        let (chain, client) = (d.chain.clone(), d.client.clone());

        let text = |text: &str| Token::String(text.into());
        let me = Token::Address(client.address());
        let roles = [me.clone(), me];
        let asset = d.solidity("asset", "StableCoin", &[text("Test dollar"), text("USDX")]).await.unwrap();
        let mut program = async |name: &str, arguments: Option<Vec<Token>>| {
            Token::Address(d.program(name, arguments.as_deref()).await.expect("run `palisade build` first"))
        };
        let risk_programs = [program("risk-ext", None).await, program("risk-more", None).await];
        let times = [WEEK, 72 * 3_600, 3_600].map(|time| Token::Uint(time.into()));
        let risk = program("risk", Some([&roles[..], &risk_programs, &times].concat())).await;
        let programs = [program("vault-ext", None).await, program("vault-more", None).await, Token::Address(asset)];
        let share = [text("Pool"), text("pUSDX")];
        let times = [WEEK, 2 * WEEK, 3 * 86_400].map(|time| Token::Uint(time.into()));
        let vault = program("vault", Some([&roles[..], &programs, &share, &times].concat())).await;
        let allocator = program("allocator", Some([&roles[..], std::slice::from_ref(&vault)].concat())).await;
        let strategy = d.solidity("strategy", "LendingStrategy", &[Token::Address(asset)]).await.unwrap();
        let at = |token: Token| token.into_address().unwrap();
        let stage = Self {
            asset: StableCoin::new(asset, client.clone()),
            risk: IRisk::new(at(risk), client.clone()),
            vault: IVault::new(at(vault), client.clone()),
            allocator: IAllocator::new(at(allocator), client.clone()),
            strategy: LendingStrategy::new(strategy, client.clone()),
            chain,
            client,
            node,
            folder,
        };
        stage.furnish().await;
        stage
    }

    async fn furnish(&self) {
        let Self { asset, risk, vault, allocator, strategy, .. } = self;
        let (me, peer) = (self.client.address(), asset.address());
        self.run(risk.wire(peer, peer)).await;
        self.run(risk.add_vault(vault.address(), [9; 32], 10_000, 12_000, usd(100_000_000).as_u128())).await;
        self.run(risk.set_group(1, 5_000)).await;
        self.run(risk.set_risk_key(KEY, 1)).await;
        self.run(vault.wire(risk.address(), peer, peer, me)).await;
        self.run(vault.set_allocator(allocator.address())).await;
        self.run(allocator.add_strategy(strategy.address(), usd(100_000_000), KEY)).await;
        self.run(asset.mint(me, usd(100_000_000))).await;
        self.run(asset.approve(vault.address(), U256::MAX)).await;
    }

    async fn run<D: ethers::abi::Detokenize>(&self, call: ethers::contract::ContractCall<Client, D>) -> u64 {
        let what = call.function.name.clone();
        self.chain.send(&what, &self.client, call).await.unwrap().gas_used.unwrap().as_u64()
    }

    async fn mood(&self, mood: u8) {
        self.run(self.strategy.set_mood(mood)).await;
    }

    async fn deposit(&self, assets: u64) -> u64 {
        self.run(self.vault.deposit(usd(assets), self.client.address())).await
    }

    /// Settles a claim on `policy` as the assessor does; answers the gas of it.
    async fn pay(&self, policy: u64, to: Address, amount: u64) -> u64 {
        let claim = usd(amount);
        let call = self.vault.pay(policy.into(), to, U256::zero(), claim, claim, U256::zero());
        disguise::send(&self.chain, self.asset.address(), self.vault.address(), call.calldata().unwrap()).await
    }

    async fn has(&self, account: Address) -> U256 {
        self.chain.read("reading", self.asset.balance_of(account)).await.unwrap()
    }

    /// Cash, what is invested, assets and what is owed, of the vault.
    async fn books(&self) -> [U256; 4] {
        let solvency = self.chain.read("reading", self.vault.solvency()).await.unwrap();
        [solvency.cash, solvency.invested, solvency.assets, solvency.owed]
    }
}

fn dollars(amounts: [u64; 4]) -> [U256; 4] {
    amounts.map(usd)
}

#[tokio::test(flavor = "multi_thread")]
async fn spare_money_works_in_a_solidity_strategy() {
    if std::env::var_os("PALISADE_RPC_URL").is_some() {
        eprintln!("skipped: it needs accounts of the embedded node");
        return;
    }
    let stage = Stage::set().await;
    let Stage { asset, risk, vault, strategy, .. } = &stage;
    let lender = strategy.address();

    // It is given money, earns some, and the gain comes home as a stream.
    stage.deposit(10_000_000).await;
    let idle = stage.deposit(1).await;
    let invest = stage.run(vault.invest(lender, usd(3_000_000))).await;
    assert_eq!(stage.books().await, dollars([7_000_001, 3_000_000, 10_000_001, 0]));
    let exposure = stage.chain.read("reading", risk.exposure_of(vault.address(), KEY)).await.unwrap();
    assert_eq!(exposure, usd(3_000_000));
    let working = stage.deposit(1).await;
    stage.run(asset.mint(lender, usd(100_000))).await;
    let total = stage.chain.read("reading", vault.total_assets()).await.unwrap();
    assert_eq!(total, usd(10_100_002), "who enters pays for the gain");
    let harvest = stage.run(vault.harvest(lender)).await;
    assert_eq!(stage.books().await, dollars([7_100_002, 3_000_000, 10_100_002, 0]));
    let stream = stage.chain.read("reading", vault.solvency()).await.unwrap().stream;
    assert!(stream <= usd(100_000) && stream > usd(99_990), "{stream}");
    eprintln!("gas: deposit {idle}, with a strategy {working}; invest {invest}; harvest {harvest}");

    // It loses a million: everybody sees it before anybody books it.
    stage.run(strategy.lose(usd(1_000_000))).await;
    assert_eq!(stage.books().await, dollars([7_100_002, 2_000_000, 9_100_002, 0]));
    stage.deposit(1).await;
    let divest = stage.run(vault.divest(lender, usd(500_000))).await;
    assert_eq!(stage.books().await, dollars([7_600_003, 1_500_000, 9_100_003, 0]));
    let exposure = stage.chain.read("reading", risk.exposure_of(vault.address(), KEY)).await.unwrap();
    assert_eq!(exposure, usd(1_500_000));

    // Whatever its mood, deposits go on and claims are paid out of cash.
    let mut policy = 0;
    let insured = Address::from_low_u64_be(0xbeef);
    for mood in [REVERTS, BURNS_GAS, SAYS_TOO_MUCH] {
        stage.mood(mood).await;
        policy += 1;
        let pay = stage.pay(policy, insured, 1_000_000).await;
        assert_eq!(stage.has(insured).await, usd(1_000_000 * policy));
        let deposit = stage.deposit(1_000_000).await;
        eprintln!("gas in mood {mood}: payout {pay}, deposit {deposit}");
        assert!(pay < 1_000_000 && deposit < 1_000_000);
    }
    // Beyond cash the rest is owed, until the strategy gives it.
    stage.mood(BURNS_GAS).await;
    let pay = stage.pay(9, insured, 8_600_003).await;
    assert_eq!(stage.books().await, dollars([0, 1_500_000, 1_500_000, 1_000_000]));
    stage.mood(GOOD).await;
    let top_up = stage.run(vault.top_up()).await;
    stage.run(vault.claim_owed(9.into())).await;
    assert_eq!(stage.has(insured).await, usd(11_600_003));
    assert_eq!(stage.books().await, dollars([0, 500_000, 500_000, 0]));
    eprintln!("gas: divest {divest}; payout beyond cash {pay}, topped up {top_up}");
    assert!(pay < 5_000_000);

    stage.run(vault.divest(lender, usd(500_000))).await;
    assert_eq!(stage.books().await, dollars([500_000, 0, 500_000, 0]));
    assert_eq!(stage.has(vault.address()).await, usd(500_000));
    stage.node.stop().await;
    drop(std::fs::remove_dir_all(&stage.folder));
}
