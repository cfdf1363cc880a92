//! A policy's life beside its claims, over JSON-RPC: bought by permit and for somebody else, prolonged by a keeper, given
//! back, closed with others.

#[path = "stage/signing.rs"]
mod signing;
mod stage;

use std::sync::Arc;

use ethers::{
    abi::Token,
    types::{Address, Signature, U256},
};
use palisade::{
    bindings::policy::Policy,
    chain::{Client, Error},
    deploy::profile::usd,
};
use signing::{permit, sign};
use stage::Stage;

const DAY: u64 = 86_400;

/// A pool of ten million, and a Bob who has what any cover here costs.
struct Town {
    stage: Stage,
    bob: Arc<Client>,
    carol: Arc<Client>,
    keeper: Arc<Client>,
}

impl Town {
    async fn open(name: &str) -> Self {
        let mut stage = Stage::open(name).await;
        stage.story.capital().await.unwrap();
        stage.story.fresh_price().await.unwrap();
        let cast = &stage.story.cast;
        let (bob, carol, keeper) = (cast.bob.clone(), cast.carol.clone(), cast.keeper.clone());
        let town = Self { bob, carol, keeper, stage };
        for who in [&town.bob, &town.carol] {
            let asset = town.stage.story.asset(who);
            town.send("mint", who, asset.mint(who.address(), usd(1_000_000))).await.unwrap();
        }
        town
    }

    async fn send<D: ethers::abi::Detokenize>(
        &self,
        what: &str,
        who: &Arc<Client>,
        call: ethers::contract::ContractCall<Client, D>,
    ) -> Result<(), Error> {
        self.stage.story.chain().send(what, who, call).await.map(drop)
    }

    async fn now(&self) -> U256 {
        self.stage.story.chain().now().await.unwrap().into()
    }

    async fn coins(&self, who: &Arc<Client>) -> U256 {
        self.stage.story.asset(who).balance_of(who.address()).call().await.unwrap()
    }

    async fn premium(&self, amount: U256, days: u64) -> U256 {
        let (product, subject) = self.line();
        let policy = self.stage.story.deployment.policy(&self.bob);
        let quote = policy.quote(product, subject, self.bob.address(), [0; 32], amount, (days * DAY).into());
        quote.call().await.unwrap().0
    }

    fn line(&self) -> (U256, [u8; 32]) {
        (self.stage.story.deployment.product, self.stage.story.deployment.subject())
    }

    /// A cover that Bob buys in the plain way.
    async fn buy(&mut self, amount: U256, days: u64) -> U256 {
        let premium = self.premium(amount, days).await;
        let bob = self.bob.clone();
        self.stage.story.buy(&bob, amount, days * DAY, premium).await.unwrap();
        let policies = self.stage.story.deployment.policy(&bob).policies_of(bob.address(), 0.into(), 100.into());
        *policies.call().await.unwrap().0.last().unwrap()
    }

    async fn record(&self, id: impl Into<U256>) -> Policy {
        self.stage.story.deployment.policy(&self.bob).policy_of(id.into()).call().await.unwrap()
    }
}

/// What the contract's refusal is called.
fn refusal(result: Result<(), Error>) -> String {
    result.expect_err("it must be refused").refusal().expect("a contract refused").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cover_is_bought_by_permit_even_where_somebody_has_brought_the_permit_before() {
    let town = Town::open("permit").await;
    let (bob, (product, subject)) = (&town.bob, town.line());
    let policy = town.stage.story.deployment.policy(bob);
    let asset = town.stage.story.asset(&town.keeper);
    for (nonce, ahead) in [false, true].into_iter().enumerate() {
        let had = town.coins(bob).await;
        let premium = town.premium(usd(10_000), 60).await;
        let Signature { v, r, s } = permit(&town.stage.story, bob, policy.address(), premium, U256::MAX).await;
        let (v, r, s): (u8, [u8; 32], [u8; 32]) = (v as u8, r.into(), s.into());
        if ahead {
            let call = asset.permit(bob.address(), policy.address(), premium, U256::MAX, v, r, s);
            town.send("permit", &town.keeper, call).await.unwrap();
        }
        let (me, deadline) = (bob.address(), town.now().await + 3_600);
        let buy = |signature: [u8; 32]| {
            policy.buy_with_permit(
                product,
                subject,
                me,
                [0; 32],
                usd(10_000),
                (60 * DAY).into(),
                premium,
                deadline,
                me,
                Address::zero(),
                U256::MAX,
                v,
                r,
                signature,
            )
        };
        if !ahead {
            let refused = refusal(town.send("buy", bob, buy([7; 32])).await);
            assert!(refused.contains("InsufficientAllowance") || refused.contains("SafeERC20"), "{refused}");
        }
        town.send("buy", bob, buy(s)).await.unwrap();
        assert_eq!(policy.owner_of((nonce + 1).into()).call().await.unwrap(), me);
        assert_eq!(had - town.coins(bob).await, premium, "the price is that of the quote");
        assert_eq!(asset.allowance(me, policy.address()).call().await.unwrap(), U256::zero());
    }
    town.stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_pays_for_who_has_signed() {
    let town = Town::open("signed").await;
    let (bob, carol, (product, subject)) = (&town.bob, &town.carol, town.line());
    let policy = town.stage.story.deployment.policy(carol);
    let (amount, term, until) = (usd(20_000), U256::from(45 * DAY), town.now().await + 7_200);
    let kind = "Consent(address insured,uint256 product,bytes32 subject,bytes32 position,uint256 amount,uint256 term,address receiver,uint256 nonce,uint256 deadline)";
    let separator = policy.domain_separator().call().await.unwrap();
    let fields = [
        Token::Address(bob.address()),
        Token::Uint(product),
        Token::FixedBytes(subject.to_vec()),
        Token::FixedBytes(vec![0; 32]),
        Token::Uint(amount),
        Token::Uint(term),
        Token::Address(bob.address()),
        Token::Uint(U256::zero()),
        Token::Uint(until),
    ];
    let consent = sign(bob, separator, kind, &fields).to_vec();

    let premium = town.premium(amount, 45).await;
    let asset = town.stage.story.asset(carol);
    town.send("approve", carol, asset.approve(policy.address(), premium * 2)).await.unwrap();
    let (had, deadline) = (town.coins(carol).await, town.now().await + 3_600);
    let buy = |amount: U256, receiver: Address| {
        policy.buy_for(
            product,
            subject,
            bob.address(),
            [0; 32],
            amount,
            term,
            premium,
            deadline,
            receiver,
            Address::zero(),
            until,
            consent.clone().into(),
        )
    };
    // neither more than he signed for, nor to somebody else
    for call in [buy(amount + 1, bob.address()), buy(amount, carol.address())] {
        let refused = refusal(town.send("buy", carol, call).await);
        assert!(refused.starts_with("InsuredMustConsent"), "{refused}");
    }
    town.send("buy", carol, buy(amount, bob.address())).await.unwrap();
    let record = town.record(1).await;
    assert_eq!((record.holder, record.insured), (bob.address(), bob.address()));
    assert_eq!(had - town.coins(carol).await, premium);
    assert_eq!(policy.nonces(bob.address()).call().await.unwrap(), U256::one());
    let refused = refusal(town.send("buy", carol, buy(amount, bob.address())).await);
    assert!(refused.starts_with("InsuredMustConsent"), "a signature counts once: {refused}");
    town.stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_extends_once_at_the_holders_cost_and_not_above_his_limit() {
    let mut town = Town::open("keeper").await;
    let id = town.buy(usd(10_000), 60).await;
    let (bob, keeper) = (town.bob.clone(), town.keeper.clone());
    let (mine, his) = (town.stage.story.deployment.policy(&bob), town.stage.story.deployment.policy(&keeper));
    let before = town.record(id).await;
    let (until, deadline) = (before.end, U256::from(before.end));
    let extend = |most: U256| his.extend(id, (30 * DAY).into(), most, deadline, Address::zero());
    let asset = town.stage.story.asset(&bob);
    town.send("approve", &bob, asset.approve(mine.address(), usd(1_000))).await.unwrap();
    let refused = refusal(town.send("extend", &keeper, extend(U256::MAX)).await);
    assert!(refused.starts_with("NotHolder"), "{refused}");

    town.send("allow", &bob, mine.allow_extension(id, keeper.address(), U256::one(), until)).await.unwrap();
    let refused = refusal(town.send("extend", &keeper, extend(U256::MAX)).await);
    assert!(refused.starts_with("PremiumTooHigh"), "{refused}");

    town.send("allow", &bob, mine.allow_extension(id, keeper.address(), usd(100), until)).await.unwrap();
    let had = town.coins(&bob).await;
    town.send("extend", &keeper, extend(U256::MAX)).await.unwrap();
    let after = town.record(id).await;
    let paid = had - town.coins(&bob).await;
    assert!(!paid.is_zero() && paid <= usd(100), "{paid}");
    assert_eq!((after.start, after.end), (before.start, before.end + 30 * DAY), "no gap and no second waiting");
    assert_eq!((after.amount, after.ratio_bps), (before.amount, before.ratio_bps));
    let refused = refusal(town.send("extend", &keeper, extend(U256::MAX)).await);
    assert!(refused.starts_with("NotHolder"), "an allowance is for one extension: {refused}");
    town.stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_given_back_returns_what_cover_has_not_used() {
    let mut town = Town::open("cancel").await;
    let id = town.buy(usd(50_000), 90).await;
    let record = town.record(id).await;
    let (bob, had) = (town.bob.clone(), town.coins(&town.bob).await);
    let (policy, vault) = (town.stage.story.deployment.policy(&bob), town.stage.story.deployment.vault(&bob));
    let third = record.start + (record.end - record.start) / 3;
    town.stage.story.chain().wait_until(third, &bob).await.unwrap();
    let worth = vault.convert_to_assets(U256::exp10(18)).call().await.unwrap();
    let refused = refusal(
        town.send("cancel", &town.carol, town.stage.story.deployment.policy(&town.carol).cancel(id, bob.address()))
            .await,
    );
    assert!(refused.starts_with("NotHolder"), "{refused}");

    town.send("cancel", &bob, policy.cancel(id, bob.address())).await.unwrap();
    let refunded = town.coins(&bob).await - had;
    // two thirds, by the second in which it happened, less the short rate of 5 %
    let left = U256::from(record.end) - town.now().await;
    assert_eq!(refunded, record.net * left / (record.end - record.start) * 9_500 / 10_000);
    assert!(refunded * 100 > record.net * 62 && refunded * 3 <= record.net * 2);
    assert!(vault.convert_to_assets(U256::exp10(18)).call().await.unwrap() >= worth, "who stays loses nothing");
    let solvency = vault.solvency().call().await.unwrap();
    assert_eq!(solvency.active_cover, U256::zero());
    assert!(town.record(id).await.cancelled);
    for (call, reason) in [
        (policy.cancel(id, bob.address()).tx, "PolicyIsCancelled"),
        (policy.extend(id, DAY.into(), U256::MAX, U256::MAX, Address::zero()).tx, "PolicyIsCancelled"),
    ] {
        let sent = town.stage.story.chain().send_transaction(reason, &bob, call).await;
        assert!(refusal(sent.map(drop)).starts_with(reason));
    }
    town.stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_that_are_over_are_closed_in_one_call() {
    let mut town = Town::open("sweep").await;
    let mut ids = Vec::new();
    for days in [30, 31, 90] {
        ids.push(town.buy(usd(1_000), days).await);
    }
    let policy = town.stage.story.deployment.policy(&town.keeper);
    assert!(policy.batch_expire(ids.clone()).call().await.unwrap().is_zero(), "none is over");
    let due = town.record(ids[1]).await.deadline;
    town.stage.story.chain().wait_until(due + 1, &town.keeper).await.unwrap();
    assert_eq!(policy.batch_expire(ids.clone()).call().await.unwrap(), U256::from(2));
    town.send("sweep", &town.keeper, policy.batch_expire(ids.clone())).await.unwrap();
    let expired =
        [town.record(ids[0]).await.expired, town.record(ids[1]).await.expired, town.record(ids[2]).await.expired];
    assert_eq!(expired, [true, true, false]);
    let refused = refusal(town.send("expire", &town.keeper, policy.expire(ids[0])).await);
    assert!(refused.starts_with("PolicyIsExpired"), "{refused}");
    town.stage.strike().await;
}
