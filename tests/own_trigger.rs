//! A trigger written in Solidity by somebody else, on a node, through JSON-RPC: governance makes a product of it, cover is
//! bought and claimed; and one that lies takes no more than the cover that was sold on it.

mod stage;

use std::sync::Arc;

use ethers::{
    abi::{Detokenize, Token},
    contract::ContractCall,
    types::{Address, Bytes, TransactionReceipt, TransactionRequest, U256},
};
use own::{HaltTrigger, Haltable, LyingTrigger};
use palisade::{
    bindings::risk::{Limits, Terms},
    chain::{Client, Error},
    deploy::{deployer::solidity_init_code, profile::usd},
};
use serde_json::json;
use stage::{Stage, builder};

mod own {
    #![allow(missing_docs, unreachable_pub, clippy::all)]
    ethers::contract::abigen!(HaltTrigger, "tests/solidity/artifacts/HaltTrigger.json");
    ethers::contract::abigen!(Haltable, "tests/solidity/artifacts/Haltable.json");
    ethers::contract::abigen!(LyingTrigger, "tests/solidity/artifacts/LyingTrigger.json");
}

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
/// What is covered, and what stands behind it.
const SUBJECT: [u8; 32] = [0x48; 32];
const KEY: [u8; 32] = [0x4b; 32];
/// `IRisk.Cover.Oracle`: any kind may be covered by a trigger of one's own.
const COVER: u8 = 3;
const LOSS: u16 = 2_500;

struct Town {
    stage: Stage,
    bob: Arc<Client>,
    keeper: Arc<Client>,
}

impl Town {
    /// Ten million in the pool, and a Bob who has what cover costs.
    async fn open(name: &str) -> Self {
        let mut stage = Stage::open(name).await;
        stage.story.capital().await.unwrap();
        stage.story.fresh_price().await.unwrap();
        let (bob, keeper) = (stage.story.cast.bob.clone(), stage.story.cast.keeper.clone());
        let town = Self { bob, keeper, stage };
        let (asset, policy) = (town.stage.story.asset(&town.bob), town.stage.story.deployment.address("policy"));
        town.send(&town.bob, asset.mint(town.bob.address(), usd(1_000_000))).await.unwrap();
        town.send(&town.bob, asset.approve(policy, U256::MAX)).await.unwrap();
        town
    }

    async fn send<D: Detokenize>(
        &self,
        who: &Arc<Client>,
        call: ContractCall<Client, D>,
    ) -> Result<TransactionReceipt, Error> {
        let what = call.function.name.clone();
        self.stage.story.chain().send(&what, who, call).await
    }

    async fn ask<D: Detokenize>(&self, call: ContractCall<Client, D>) -> D {
        let what = call.function.name.clone();
        self.stage.story.chain().read(&what, call).await.unwrap()
    }

    async fn deploy(&self, contract: &str, arguments: &[Token]) -> Address {
        let code = solidity_init_code(&builder(), contract, arguments).unwrap();
        let tx = TransactionRequest::new().data(code);
        let receipt = self.stage.story.chain().send_transaction(contract, &self.keeper, tx.into()).await.unwrap();
        receipt.contract_address.unwrap()
    }

    /// Has the timelock make calls, as it does once the DAO has voted for them and their time has come.
    async fn govern(&self, actions: &[(Address, Bytes)]) {
        let (chain, timelock) = (self.stage.story.chain(), self.stage.story.deployment.address("timelock"));
        chain.request("anvil_impersonateAccount", [timelock]).await.unwrap();
        chain.request("anvil_setBalance", json!([timelock, "0xde0b6b3a7640000"])).await.unwrap();
        for (target, data) in actions {
            let tx = json!({"from": timelock, "to": target, "data": data, "gas": "0x2dc6c0"});
            let hash = chain.request("eth_sendTransaction", [tx]).await.unwrap();
            let receipt = chain.request("eth_getTransactionReceipt", [hash]).await.unwrap();
            assert_eq!(receipt["status"], "0x1", "{receipt}");
        }
        chain.request("anvil_stopImpersonatingAccount", [timelock]).await.unwrap();
    }

    /// A product on a trigger, of which at most a twentieth of the capital may be covered; on sale.
    async fn product(&self, trigger: Address, before: &[(Address, Bytes)]) -> U256 {
        let deployment = &self.stage.story.deployment;
        let risk = deployment.risk(&self.keeper);
        let Terms { pricing, limits } = self.ask(risk.terms(deployment.product)).await;
        let limits = Limits {
            capacity_bps: 500,
            waiting: DAY as u32,
            coinsurance_base_bps: 0,
            coinsurance_slope_bps: 0,
            coinsurance_max_bps: 0,
            deductible_bps: 0,
            jury: false,
            ..limits
        };
        let terms = Terms { pricing, limits };
        let (group, _) = self.ask(risk.group_of(self.key_of_first().await)).await;
        let product = self.ask(risk.product_count()).await + 1;
        let vault = deployment.address("vault");
        let calls = [
            risk.set_risk_key(KEY, group).calldata().unwrap(),
            risk.add_product(vault, trigger, COVER, terms).calldata().unwrap(),
            risk.list_subject(product, SUBJECT, KEY).calldata().unwrap(),
            risk.set_status(product, 1).calldata().unwrap(),
        ];
        let calls = calls.into_iter().map(|data| (risk.address(), data));
        self.govern(&before.iter().cloned().chain(calls).collect::<Vec<_>>()).await;
        product
    }

    async fn key_of_first(&self) -> [u8; 32] {
        let deployment = &self.stage.story.deployment;
        self.ask(deployment.risk(&self.keeper).line(deployment.product, deployment.subject())).await.risk_key
    }

    async fn buy(&self, product: U256, amount: U256) -> Result<U256, Error> {
        let policy = self.stage.story.deployment.policy(&self.bob);
        let (me, term) = (self.bob.address(), U256::from(30 * DAY));
        let buy = policy.buy(product, SUBJECT, me, [0; 32], amount, term, U256::MAX, U256::MAX, me, Address::zero());
        self.send(&self.bob, buy).await?;
        Ok(*self.ask(policy.policies_of(me, 0.into(), 100.into())).await.0.last().unwrap())
    }

    async fn file(&self, id: U256) -> Result<(), Error> {
        let assessor = self.stage.story.deployment.assessor(&self.bob);
        self.send(&self.bob, assessor.file(id, 1.into(), Bytes::new(), Bytes::new())).await.map(drop)
    }

    async fn report(&self, product: U256) -> Result<(), Error> {
        let assessor = self.stage.story.deployment.assessor(&self.keeper);
        self.send(&self.keeper, assessor.report(product, SUBJECT, Bytes::new())).await.map(drop)
    }

    async fn coins(&self) -> U256 {
        self.ask(self.stage.story.asset(&self.bob).balance_of(self.bob.address())).await
    }

    /// Anyone carries out a claim that waits.
    async fn execute(&self, id: U256) {
        let assessor = self.stage.story.deployment.assessor(&self.keeper);
        let claim = self.ask(assessor.open_claim(id)).await;
        if claim.stage == 0 {
            return;
        }
        let now = self.stage.story.chain().now().await.unwrap();
        self.stage.story.pass(claim.due.saturating_sub(now) + 1).await.unwrap();
        self.send(&self.keeper, assessor.execute(id, Bytes::new(), Bytes::new())).await.unwrap();
    }
}

/// What the contract's refusal is called.
fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.expect_err("it must be refused").refusal().expect("a contract refused").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_of_ones_own_is_a_product_that_pays() {
    if std::env::var_os("PALISADE_RPC_URL").is_some() {
        eprintln!("skipped: PALISADE_RPC_URL is set, and governance is not waited for here");
        return;
    }
    let town = Town::open("own-trigger").await;
    let timelock = town.stage.story.deployment.address("timelock");
    let target = town.deploy("Haltable", &[]).await;
    let arguments = [Token::Address(timelock), Token::Uint((6 * HOUR).into()), Token::Uint(LOSS.into())];
    let at = town.deploy("HaltTrigger", &arguments).await;
    let trigger = HaltTrigger::new(at, town.keeper.clone());
    let refused = refusal(town.send(&town.keeper, trigger.register(SUBJECT, target)).await);
    let named = hex::encode(ethers::utils::id("NotOwner(address)"));
    assert!(refused.contains(&named), "an error of its own is shown as it is: {refused}");
    let product = town.product(at, &[(at, trigger.register(SUBJECT, target).calldata().unwrap())]).await;

    // cover is bought; after the waiting period the insured has the subject looked at
    let policy = town.buy(product, usd(100_000)).await.unwrap();
    town.stage.story.pass(DAY + HOUR).await.unwrap();
    town.send(&town.keeper, trigger.observe(SUBJECT, Bytes::new())).await.unwrap();
    assert!(refusal(town.file(policy).await).starts_with("UnknownIncident"));

    // it halts: latent evidence, on which nothing is sold any more and nothing is paid yet
    let covered = Haltable::new(target, town.keeper.clone());
    town.stage.story.pass(HOUR).await.unwrap();
    town.send(&town.keeper, covered.halt(true)).await.unwrap();
    town.report(product).await.unwrap();
    let refused = refusal(town.buy(product, usd(1_000)).await);
    assert!(refused.starts_with("SubjectNotHealthy"), "{refused}");
    assert!(refusal(town.file(policy).await).starts_with("ClaimInconclusive"));
    let reserve = town.ask(town.stage.story.deployment.vault(&town.bob).solvency()).await.reserve;
    assert_eq!(reserve, usd(100_000), "what may be claimed is reserved at once");

    // it stays halted: an incident, and a quarter of the cover is paid
    town.stage.story.pass(6 * HOUR).await.unwrap();
    let had = town.coins().await;
    town.file(policy).await.unwrap();
    town.execute(policy).await;
    assert_eq!(town.coins().await - had, usd(25_000));
    assert!(refusal(town.file(policy).await).starts_with("NothingToPay"), "once");

    // it runs again: the incident closes, and what is reserved beyond its loss is free
    town.send(&town.keeper, covered.halt(false)).await.unwrap();
    town.report(product).await.unwrap();
    let (verdict, _, closed, worst) =
        town.ask(town.stage.story.deployment.assessor(&town.bob).incident_of(product, SUBJECT, 1.into())).await;
    assert!(verdict == 2 && closed > 0 && worst == LOSS);
    assert_eq!(town.ask(town.stage.story.deployment.vault(&town.bob).solvency()).await.reserve, U256::zero());
    town.stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_that_lies_takes_the_cover_on_it_and_nothing_else() {
    if std::env::var_os("PALISADE_RPC_URL").is_some() {
        eprintln!("skipped: PALISADE_RPC_URL is set, and governance is not waited for here");
        return;
    }
    let town = Town::open("lying-trigger").await;
    let at = town.deploy("LyingTrigger", &[]).await;
    let trigger = LyingTrigger::new(at, town.keeper.clone());
    let product = town.product(at, &[]).await;
    let vault = town.stage.story.deployment.vault(&town.bob);

    // no more is sold on it than its share of the capital
    let capital = town.ask(vault.capital()).await.0;
    let refused = refusal(town.buy(product, capital / 20 + usd(1_000)).await);
    assert!(refused.starts_with("CapacityExceeded"), "{refused}");
    let policy = town.buy(product, usd(200_000)).await.unwrap();
    town.stage.story.pass(2 * DAY).await.unwrap();

    // a loss of more than all, and an incident of one, are no answers
    town.send(&town.keeper, trigger.lie(10_001)).await.unwrap();
    let refused = refusal(town.report(product).await);
    assert!(refused.starts_with("InvalidReturnData"), "{refused}");
    let refused = refusal(town.file(policy).await);
    assert!(refused.starts_with("InvalidReturnData"), "{refused}");

    // all of it is the most it can say: the cover that was sold on it, once, and never at once beyond the limit
    town.send(&town.keeper, trigger.lie(10_000)).await.unwrap();
    let (had, before) = (town.coins().await, town.ask(vault.solvency()).await);
    town.file(policy).await.unwrap();
    town.execute(policy).await;
    assert_eq!(town.coins().await - had, usd(200_000));
    assert!(refusal(town.file(policy).await).starts_with("NothingToPay"), "once");
    let after = town.ask(vault.solvency()).await;
    assert!(before.assets - after.assets <= usd(200_000), "and nothing else of the pool");
    assert_eq!(after.reserve, U256::zero());
    let first = town.stage.story.deployment.product;
    let line =
        town.ask(town.stage.story.deployment.risk(&town.bob).line(first, town.stage.story.deployment.subject())).await;
    assert_eq!((line.state, line.reserve), (0, U256::zero()), "no other product hears of it");
    town.stage.strike().await;
}
