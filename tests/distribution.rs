//! The distribution of a large portfolio, as WASM on a node, through JSON-RPC: what it costs with everything that it
//! reads, and the same in Solidity beside it.

#[path = "stage/disguise.rs"]
mod disguise;
#[path = "stage/site.rs"]
mod site;

use std::{path::PathBuf, sync::Arc};

use ethers::{
    abi::{Token, encode},
    types::{Address, TransactionRequest, U256},
    utils::id,
};
use palisade::{
    bindings::{
        IDistribution, IRisk,
        distribution::Report,
        risk::{Limits, Pricing, Terms},
    },
    chain::{Chain, Client},
    deploy::profile::usd,
};

/// Products of the portfolio, each on a subject and a risk key of its own.
const PRODUCTS: u64 = 40;
const GROUPS: u64 = 4;
const POINTS: u64 = 512;
const LEVEL: u16 = 9_950;

/// What the whole call may cost: intrinsic gas and call data, every read of Risk's books, and the calculation.
const BUDGET: u64 = 1_000_000;

fn terms() -> Terms {
    const WAD: u64 = 1_000_000_000_000_000_000;
    const DAY: u32 = 86_400;
    Terms {
        pricing: Pricing {
            prior_rate: WAD / 1_000 * 26,
            min_rate: WAD / 1_000,
            max_rate: WAD / 5,
            credibility: usd(15_000_000).as_u128(),
            half_life: 730 * DAY,
            margin_bps: 12_000,
            cost_of_capital: WAD / 100 * 6,
            kink_bps: 8_000,
            kink_rate: WAD / 50,
            full_rate: WAD / 10 * 3,
            min_premium: usd(1).as_u128(),
            loss_cap: usd(10_000_000).as_u128(),
        },
        limits: Limits {
            capital_factor_bps: 10_000,
            capacity_bps: 10_000,
            subject_bps: 10_000,
            waiting: DAY,
            grace: 30 * DAY,
            min_term: 7 * DAY,
            max_term: 365 * DAY,
            min_amount: usd(1).as_u128(),
            max_amount: usd(10_000_000).as_u128(),
            coinsurance_base_bps: 0,
            coinsurance_slope_bps: 0,
            coinsurance_max_bps: 0,
            deductible_bps: 0,
            jury: false,
            terms_hash: [7; 32],
        },
    }
}

fn subject(number: u64) -> [u8; 32] {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&number.to_be_bytes());
    word
}

/// A node with Risk, forty products with cover in it, and the contract in both languages.
struct Stage {
    chain: Chain,
    client: Arc<Client>,
    vault: Address,
    ours: IDistribution<Client>,
    solidity: IDistribution<Client>,
    node: devnode::Handle,
    folder: PathBuf,
}

impl Stage {
    async fn set() -> Self {
        let (mut d, node, folder) = site::open("distribution").await;
        let (chain, client) = (d.chain.clone(), d.client.clone());

        let me = Token::Address(client.address());
        let extension = d.program("risk-ext", None).await.expect("run `palisade build` first");
        let more = d.program("risk-more", None).await.unwrap();
        let times = [7 * 86_400u64, 72 * 3_600, 3_600].map(|time| Token::Uint(time.into()));
        let arguments = [&[me.clone(), me, Token::Address(extension), Token::Address(more)][..], &times].concat();
        let risk = d.program("risk", Some(&arguments)).await.unwrap();
        let ours = d.program("distribution", Some(&[Token::Address(risk)])).await.unwrap();
        let solidity = d.solidity("peer", "Distribution", &[Token::Address(risk)]).await.unwrap();
        // Any account with code will do for the peers: what it says is said in its name.
        let peer = d
            .solidity("asset", "StableCoin", &[Token::String("Test dollar".into()), Token::String("USDX".into())])
            .await
            .unwrap();

        let risk = IRisk::new(risk, client.clone());
        let mut stage = Self {
            chain,
            vault: peer,
            ours: IDistribution::new(ours, client.clone()),
            solidity: IDistribution::new(solidity, client.clone()),
            client,
            node,
            folder,
        };
        stage.furnish(&risk, peer).await;
        for program in [risk.address(), extension, ours] {
            stage.cache(program).await;
        }
        stage
    }

    async fn furnish(&mut self, risk: &IRisk<Client>, peer: Address) {
        let run = |call| self.chain.send("furnishing", &self.client, call);
        run(risk.wire(peer, peer)).await.unwrap();
        run(risk.add_vault(self.vault, [9; 32], 10_000, 12_000, 0)).await.unwrap();
        for group in 0..GROUPS {
            run(risk.set_group(group as u32 + 1, 2_500)).await.unwrap();
        }
        for number in 1..=PRODUCTS {
            run(risk.set_risk_key(subject(1_000 + number), (number % GROUPS) as u32 + 1)).await.unwrap();
            // the return value of a call that is sent is not looked at
            self.chain.send("adding", &self.client, risk.add_product(self.vault, peer, 0, terms())).await.unwrap();
            run(risk.list_subject(number.into(), subject(number), subject(1_000 + number))).await.unwrap();
            run(risk.set_status(number.into(), 1)).await.unwrap();
            let (cover, year, capital) = (usd(10_000 + 773 * number), U256::from(365 * 86_400), usd(900_000_000));
            let sale = risk.underwrite(number.into(), subject(number), cover, year, capital, U256::MAX);
            disguise::send(&self.chain, peer, risk.address(), sale.calldata().unwrap()).await;
        }
    }

    async fn cache(&self, program: Address) {
        let mut data = id("cacheProgram(address)").to_vec();
        data.extend(encode(&[Token::Address(program)]));
        let tx = TransactionRequest::new().to(Address::from_low_u64_be(0x72)).data(data);
        self.chain.send_transaction("caching a program", &self.client, tx.into()).await.unwrap();
    }

    fn lines(&self) -> (Vec<U256>, Vec<[u8; 32]>) {
        (1..=PRODUCTS).map(|number| (U256::from(number), subject(number))).unzip()
    }

    fn report(&self, contract: &IDistribution<Client>) -> ethers::contract::ContractCall<Client, Report> {
        let (products, subjects) = self.lines();
        contract.report(self.vault, products, subjects, POINTS.into(), LEVEL, 10_000, usd(600_000))
    }

    async fn gas<D: ethers::abi::Detokenize>(&self, call: ethers::contract::ContractCall<Client, D>) -> u64 {
        let to = call.tx.to().cloned();
        let tx = TransactionRequest::new()
            .to(to.unwrap())
            .data(call.calldata().unwrap())
            .from(self.client.address())
            .gas(30_000_000);
        // A view in a transaction of its own, for its receipt.
        self.chain.send_transaction("measuring", &self.client, tx.into()).await.unwrap().gas_used.unwrap().as_u64()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_products_on_a_fine_grid_are_affordable_and_the_same_in_solidity() {
    if std::env::var_os("PALISADE_RPC_URL").is_some() {
        eprintln!("skipped: it needs accounts of the embedded node");
        return;
    }
    let stage = Stage::set().await;
    let ours = stage.chain.read("reading", stage.report(&stage.ours)).await.unwrap();
    let theirs = stage.chain.read("reading", stage.report(&stage.solidity)).await.unwrap();
    assert_eq!(ours, theirs, "unit for unit");
    assert_eq!(ours.keys, PRODUCTS.into());
    let total: U256 = (1..=PRODUCTS).map(|number| usd(10_000 + 773 * number)).fold(U256::zero(), |a, b| a + b);
    assert_eq!(ours.largest, total);
    let expected = total * 26 / 1_000;
    assert!(ours.mean >= expected && ours.mean < expected + ours.step * PRODUCTS, "{ours:?}");
    assert!(ours.mean < ours.value_at_risk && ours.value_at_risk < ours.expected_shortfall, "{ours:?}");

    let (products, subjects) = stage.lines();
    let grid = |contract: &IDistribution<Client>| {
        contract.distribution(stage.vault, products.clone(), subjects.clone(), POINTS.into(), 10_000)
    };
    let (_, _, masses) = stage.chain.read("reading", grid(&stage.ours)).await.unwrap();
    let (_, _, same) = stage.chain.read("reading", grid(&stage.solidity)).await.unwrap();
    assert_eq!(masses, same, "unit for unit");
    assert_eq!(masses.iter().sum::<u64>(), 1 << 63);

    let report = (stage.gas(stage.report(&stage.ours)).await, stage.gas(stage.report(&stage.solidity)).await);
    let whole = (stage.gas(grid(&stage.ours)).await, stage.gas(grid(&stage.solidity)).await);
    eprintln!(
        "report: {} gas, in Solidity {}; distribution: {} gas, in Solidity {}",
        report.0, report.1, whole.0, whole.1
    );
    for (ours, solidity) in [report, whole] {
        assert!(ours <= BUDGET, "{ours} gas");
        assert!(ours * 2 < solidity, "{ours} gas here, {solidity} in Solidity");
    }
    stage.node.stop().await;
    drop(std::fs::remove_dir_all(&stage.folder));
}
