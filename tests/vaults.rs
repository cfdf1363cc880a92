//! Two vaults in one deployment: one in run-off pays what it has sold, another takes new business.

#[path = "stage/disguise.rs"]
mod disguise;
mod stage;

use std::sync::Arc;

use ethers::{
    abi::Token,
    types::{Address, Bytes, U256},
};
use palisade::{
    audit::audit,
    chain::Client,
    deploy::{Addition, Deployer, Ledger, Profile, add_vault, offer_vault, profile::usd},
};
use serde_json::json;
use stage::{Stage, builder, developer};

/// Has the timelock make calls, as it does once the DAO has voted for them and their time has come.
async fn govern(stage: &Stage, actions: &[(Address, Bytes)]) {
    let (chain, timelock) = (stage.story.chain(), stage.story.deployment.address("timelock"));
    for (target, data) in actions {
        disguise::send(chain, timelock, *target, data.clone()).await;
    }
}

async fn another(stage: &Stage) -> Addition {
    let (chain, ledger) = (stage.story.chain().clone(), stage.story.deployment.ledger.path().to_owned());
    let (profile, me) = (Profile::standard(), developer(&chain));
    let mut deployer = Deployer::open(chain, me, builder(), &ledger, profile.name, false).await.unwrap();
    add_vault(&mut deployer, &stage.story.deployment, &profile, 2).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_in_run_off_pays_while_another_takes_new_business() {
    let mut stage = Stage::open("vaults").await;
    stage.story.capital().await.unwrap();
    stage.story.fresh_price().await.unwrap();
    stage.story.cover().await.unwrap();
    let (alice, bob): (Arc<Client>, Arc<Client>) = (stage.story.cast.alice.clone(), stage.story.cast.bob.clone());
    let deployment = stage.story.deployment.clone();
    let old = deployment.vault(&alice);
    govern(&stage, &[(old.address(), old.order_run_off(true).calldata().unwrap())]).await;

    // the old one takes nothing any more
    let asset = stage.story.asset(&alice);
    let chain = stage.story.chain().clone();
    chain.send("mint", &alice, asset.mint(alice.address(), usd(20_000_000))).await.unwrap();
    chain.send("approve", &alice, asset.approve(old.address(), U256::MAX)).await.unwrap();
    let closed = chain.send("deposit", &alice, old.deposit(usd(1_000), alice.address())).await.unwrap_err();
    assert!(closed.refusal().is_some_and(|reason| reason.starts_with("DepositsClosed")), "{closed}");
    assert_eq!(old.max_deposit(alice.address()).call().await.unwrap(), U256::zero());
    let policy = deployment.policy(&bob);
    let (subject, term) = (deployment.subject(), U256::from(30 * 86_400));
    let quote = |product: U256| policy.quote(product, subject, bob.address(), [0; 32], usd(10_000), term);
    let closed = quote(deployment.product).call().await.unwrap_err();
    let closed = palisade::chain::contract_error("quoting", &closed);
    assert!(closed.refusal().is_some_and(|reason| reason.starts_with("PurchasesClosed")), "{closed}");

    // another one, which is the timelock's as the first one was; a second run finds it there
    let addition = another(&stage).await;
    assert_eq!(another(&stage).await.vault, addition.vault);
    let new = palisade::bindings::IVault::new(addition.vault, alice.clone());
    assert_eq!(new.owner().call().await.unwrap(), deployment.address("timelock"));
    assert_eq!(new.setup().call().await.unwrap(), Address::zero());
    assert_eq!(
        (new.name().call().await.unwrap(), new.symbol().call().await.unwrap()),
        ("Palisade stablecoin pool 2".to_owned(), "pUSDX2".to_owned())
    );
    govern(&stage, &addition.actions).await;
    // what gas cost the timelock is not its to hold
    chain.request("anvil_setBalance", json!([deployment.address("timelock"), "0x0"])).await.unwrap();
    // and guarded as the first one is: whatever holds of that holds of this
    let ledger = Ledger::open(deployment.ledger.path()).unwrap().unwrap();
    let facts = audit(&chain, &alice, &ledger, Some(&builder())).await.unwrap();
    let wrong: Vec<_> = facts.iter().filter(|fact| !fact.holds).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(facts.iter().any(|fact| fact.what == "the guardian of allocator#2"));
    chain.send("approve", &alice, asset.approve(new.address(), U256::MAX)).await.unwrap();
    chain.send("deposit", &alice, new.deposit(usd(10_000_000), alice.address())).await.unwrap();

    let had = old.solvency().call().await.unwrap();
    let premium = quote(addition.product).call().await.unwrap().0;
    let coins = stage.story.asset(&bob);
    chain.send("mint", &bob, coins.mint(bob.address(), premium)).await.unwrap();
    chain.send("approve", &bob, coins.approve(policy.address(), premium)).await.unwrap();
    let deadline = U256::from(chain.now().await.unwrap() + 3_600);
    let buy = policy.buy(
        addition.product,
        subject,
        bob.address(),
        [0; 32],
        usd(10_000),
        term,
        premium,
        deadline,
        bob.address(),
        Address::zero(),
    );
    chain.send("buy", &bob, buy).await.unwrap();
    let (left, right) = (old.solvency().call().await.unwrap(), new.solvency().call().await.unwrap());
    assert_eq!((left.active_cover, left.closed), (had.active_cover, true), "what was sold before stays covered there");
    assert!(!right.active_cover.is_zero() && !right.unearned.is_zero() && !right.closed, "what was sold now is here");

    // what the old one has sold, it pays; the new one knows nothing of it
    stage.story.depeg().await.unwrap();
    stage.story.report().await.unwrap();
    stage.story.claim().await.unwrap();
    let (after, other) = (old.solvency().call().await.unwrap(), new.solvency().call().await.unwrap());
    assert!(after.assets < left.assets && after.owed.is_zero(), "the claim was paid");
    assert!(other.assets >= right.assets, "and not by the new vault");
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_its_deployer_may_still_set_up_is_not_offered() {
    let stage = Stage::open("unfinished").await;
    let (chain, deployment) = (stage.story.chain().clone(), &stage.story.deployment);
    let (profile, me) = (Profile::standard(), developer(&chain));
    let path = deployment.ledger.path();
    let mut d = Deployer::open(chain, me.clone(), builder(), path, profile.name, false).await.unwrap();
    // it answers with its set-up key as a vault does
    let parties = [deployment.address("timelock"), me.address(), deployment.address("vault")].map(Token::Address);
    let unfinished = d.program("allocator#2", Some(&parties)).await.unwrap();
    let error = offer_vault(deployment, &me, &profile, unfinished).await.unwrap_err();
    assert!(error.to_string().contains("is not finished: `palisade add-vault` goes on"), "{error}");
    stage.strike().await;
}
