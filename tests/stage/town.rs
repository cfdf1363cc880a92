//! A pool with capital, people with money, and a DAO that offers products on triggers of others.

use std::sync::Arc;

use ethers::{
    abi::{Detokenize, Token},
    contract::ContractCall,
    types::{Address, Bytes, TransactionReceipt, TransactionRequest, U256},
};
use palisade::{
    bindings::risk::{Limits, Terms},
    chain::{Client, Error},
    deploy::{deployer::solidity_init_code, profile::usd},
};

use crate::{
    disguise,
    stage::{Stage, builder},
};

/// A day in seconds.
pub(crate) const DAY: u64 = 86_400;

/// What a new product covers, and what stands behind it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    pub(crate) trigger: Address,
    /// As `IRisk.Cover` numbers it.
    pub(crate) cover: u8,
    pub(crate) subject: [u8; 32],
    pub(crate) key: [u8; 32],
}

/// A story whose pool has ten million, and a Bob who has what cover costs.
pub(crate) struct Town {
    pub(crate) stage: Stage,
    pub(crate) bob: Arc<Client>,
    pub(crate) keeper: Arc<Client>,
}

impl Town {
    pub(crate) async fn open(name: &str) -> Self {
        let mut stage = Stage::open(name).await;
        stage.story.capital().await.unwrap();
        stage.story.fresh_price().await.unwrap();
        let (bob, keeper) = (stage.story.cast.bob.clone(), stage.story.cast.keeper.clone());
        let town = Self { bob, keeper, stage };
        town.fund(&town.bob).await;
        town
    }

    /// Gives somebody a million, and lets the policy contract take premiums of it.
    pub(crate) async fn fund(&self, who: &Arc<Client>) {
        let (asset, policy) = (self.stage.story.asset(who), self.stage.story.deployment.address("policy"));
        self.send(who, asset.mint(who.address(), usd(1_000_000))).await.unwrap();
        self.send(who, asset.approve(policy, U256::MAX)).await.unwrap();
    }

    pub(crate) async fn send<D: Detokenize>(
        &self,
        who: &Arc<Client>,
        call: ContractCall<Client, D>,
    ) -> Result<TransactionReceipt, Error> {
        let what = call.function.name.clone();
        self.stage.story.chain().send(&what, who, call).await
    }

    pub(crate) async fn ask<D: Detokenize>(&self, call: ContractCall<Client, D>) -> D {
        let what = call.function.name.clone();
        self.stage.story.chain().read(&what, call).await.unwrap()
    }

    /// Deploys a Solidity contract of the tests, by the keeper.
    pub(crate) async fn deploy(&self, contract: &str, arguments: &[Token]) -> Address {
        self.try_deploy(contract, arguments).await.unwrap()
    }

    /// The same, where its constructor may refuse.
    pub(crate) async fn try_deploy(&self, contract: &str, arguments: &[Token]) -> Result<Address, Error> {
        let code = solidity_init_code(&builder(), contract, arguments).unwrap();
        let tx = TransactionRequest::new().data(code);
        let receipt = self.stage.story.chain().send_transaction(contract, &self.keeper, tx.into()).await?;
        Ok(receipt.contract_address.unwrap())
    }

    /// Makes calls in a contract's name, as only a development chain does.
    pub(crate) async fn act_as(&self, account: Address, actions: &[(Address, Bytes)]) {
        for (target, data) in actions {
            disguise::send(self.stage.story.chain(), account, *target, data.clone()).await;
        }
    }

    /// Has the timelock make calls before it offers a product, as it does once the DAO has voted for them and their time
    /// has come. At most a twentieth of the capital may be covered; all of a loss is paid, a day after the purchase.
    pub(crate) async fn product(&self, offer: Offer, before: &[(Address, Bytes)]) -> U256 {
        let Offer { trigger, cover, subject, key } = offer;
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
        let first = self.ask(risk.line(deployment.product, deployment.subject())).await.risk_key;
        let (group, _) = self.ask(risk.group_of(first)).await;
        let product = self.ask(risk.product_count()).await + 1;
        let calls = [
            risk.set_risk_key(key, group).calldata().unwrap(),
            risk.add_product(deployment.address("vault"), trigger, cover, terms).calldata().unwrap(),
            risk.list_subject(product, subject, key).calldata().unwrap(),
            risk.set_status(product, 1).calldata().unwrap(),
        ];
        let calls = calls.into_iter().map(|data| (risk.address(), data));
        let actions: Vec<_> = before.iter().cloned().chain(calls).collect();
        self.act_as(deployment.address("timelock"), &actions).await;
        product
    }

    /// A policy that somebody buys for himself on a product's subject.
    pub(crate) async fn buy(
        &self,
        who: &Arc<Client>,
        line: (U256, [u8; 32]),
        amount: U256,
        days: u64,
    ) -> Result<U256, Error> {
        let policy = self.stage.story.deployment.policy(who);
        let ((product, subject), me, term) = (line, who.address(), U256::from(days * DAY));
        let buy = policy.buy(product, subject, me, [0; 32], amount, term, U256::MAX, U256::MAX, me, Address::zero());
        self.send(who, buy).await?;
        Ok(self.ask(policy.policy_count()).await)
    }

    /// Anyone reports what a product's trigger makes of its subject now.
    pub(crate) async fn report(&self, line: (U256, [u8; 32])) -> Result<(), Error> {
        let assessor = self.stage.story.deployment.assessor(&self.keeper);
        self.send(&self.keeper, assessor.report(line.0, line.1, Bytes::new())).await.map(drop)
    }

    /// The asset that an account has.
    pub(crate) async fn coins(&self, account: Address) -> U256 {
        self.ask(self.stage.story.asset(&self.keeper).balance_of(account)).await
    }

    /// Lets so many seconds pass.
    pub(crate) async fn pass(&self, seconds: u64) {
        self.stage.story.pass(seconds).await.unwrap();
    }
}

/// What the contract's refusal is called.
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.expect_err("it must be refused").refusal().expect("a contract refused").to_owned()
}
