//! A Solidity router in front of the vault: deposits with a limit or a permit, and redemptions as an operator, over
//! JSON-RPC.

#[path = "stage/signing.rs"]
mod signing;
mod stage;

use std::sync::Arc;

use bindings::{CapitalRouter, ClaimedFilter, DepositedFilter};
use ethers::types::{Address, U256};
use palisade::{
    chain::{Client, Error},
    deploy::{deployer::solidity_init_code, profile::usd},
    story::{Story, event},
};
use signing::permit;
use stage::{Stage, builder};

#[allow(missing_docs)]
mod bindings {
    ethers::contract::abigen!(CapitalRouter, "tests/solidity/artifacts/CapitalRouter.json");
}

async fn router(story: &Story, who: &Arc<Client>) -> CapitalRouter<Client> {
    let vault = ethers::abi::Token::Address(story.deployment.address("vault"));
    let code = solidity_init_code(&builder(), "CapitalRouter", &[vault]).unwrap();
    let tx = ethers::types::TransactionRequest::new().data(code);
    let receipt = story.chain().send_transaction("deploying the router", who, tx.into()).await.unwrap();
    CapitalRouter::new(receipt.contract_address.unwrap(), who.clone())
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.expect_err("it must be refused").refusal().expect("a contract refused").to_owned()
}

#[tokio::test]
async fn a_solidity_router_brings_capital_in_and_out() {
    if std::env::var_os("PALISADE_RPC_URL").is_some() {
        eprintln!("skipped: PALISADE_RPC_URL is set, and the router needs a clock that moves");
        return;
    }
    let mut stage = Stage::open("router").await;
    let story = &mut stage.story;
    story.capital().await.unwrap();
    story.cover().await.unwrap();
    story.pass(20 * 86_400).await.unwrap();
    let (erin, keeper) = (story.cast.erin.clone(), story.cast.keeper.clone());
    let router = router(story, &erin).await;
    let (vault, asset, chain) = (story.deployment.vault(&erin), story.asset(&erin), story.chain().clone());
    let shares_of = async |who: Address| vault.balance_of(who).call().await.unwrap();
    let coins_of = async |who: Address| asset.balance_of(who).call().await.unwrap();

    // a deposit for another, who gets at least so many shares; what the vault says is what the caller hears
    let amount = usd(50_000);
    story.provide(&erin, router.address(), amount).await.unwrap();
    let promised = vault.preview_deposit(amount).call().await.unwrap();
    let greedy = router.deposit(amount, keeper.address(), promised + 1);
    let refused = refusal(chain.send("depositing", &erin, greedy).await);
    assert_eq!(refused, format!("SlippageExceeded(value: {promised}, limit: {})", promised + 1));
    assert_eq!(coins_of(erin.address()).await, amount, "what was refused cost nothing");
    // a premium is earned meanwhile: a share costs a little more each second
    let deposit = router.deposit(amount, keeper.address(), promised - promised / 1_000);
    let receipt = chain.send("depositing", &erin, deposit).await.unwrap();
    let told: DepositedFilter = event(&receipt, router.address()).unwrap();
    assert_eq!((told.caller, told.receiver, told.assets), (erin.address(), keeper.address(), amount));
    assert_eq!(shares_of(keeper.address()).await, told.shares);
    let event_of_vault: palisade::bindings::vault::DepositFilter = event(&receipt, vault.address()).unwrap();
    assert_eq!((event_of_vault.sender, event_of_vault.owner), (router.address(), keeper.address()));

    // a deposit without an approval: the signature goes with it
    let amount = usd(30_000);
    chain.send("minting", &erin, asset.mint(erin.address(), amount)).await.unwrap();
    let signature = permit(story, &erin, router.address(), amount, U256::MAX).await;
    let (v, r, s) = (u8::try_from(signature.v).unwrap(), signature.r.into(), signature.s.into());
    let call = router.deposit_with_permit(amount, erin.address(), U256::zero(), U256::MAX, v, r, s);
    // somebody brings the permit before: the deposit goes through all the same
    let early = story.asset(&keeper).permit(erin.address(), router.address(), amount, U256::MAX, v, r, s);
    chain.send("bringing the permit", &keeper, early).await.unwrap();
    chain.send("depositing by permit", &erin, call.clone()).await.unwrap();
    let shares = shares_of(erin.address()).await;
    assert!(!shares.is_zero());
    let refused = refusal(chain.send("depositing by permit", &erin, call).await);
    assert!(refused.starts_with("ERC20InsufficientAllowance"), "a permit is good once: {refused}");
    assert_eq!(asset.allowance(erin.address(), router.address()).call().await.unwrap(), U256::zero());

    // redemption: as the caller's operator and never without being one
    let refused = refusal(chain.send("requesting", &erin, router.request(shares)).await);
    let needed = format!("ERC20InsufficientAllowance(spender: {:?}, allowance: 0, needed: {shares})", router.address());
    assert_eq!(refused, needed);
    chain.send("appointing", &erin, vault.set_operator(router.address(), true)).await.unwrap();
    let receipt = chain.send("requesting", &erin, router.request(shares)).await.unwrap();
    let told: palisade::bindings::vault::RedeemRequestFilter = event(&receipt, vault.address()).unwrap();
    assert_eq!((told.controller, told.owner, told.sender), (erin.address(), erin.address(), router.address()));
    assert_eq!(vault.pending_redeem_request(U256::zero(), erin.address()).call().await.unwrap(), shares);

    // a part of it is taken back, and asked for again
    let kept = router.cancel(erin.address());
    chain.send("cancelling", &erin, kept).await.unwrap();
    let left = shares_of(erin.address()).await;
    assert!(left <= shares && left > shares - shares / 1_000, "{left} of {shares} come back");
    chain.send("requesting", &erin, router.request(left)).await.unwrap();

    let refused = refusal(chain.send("claiming", &erin, router.claim(keeper.address(), U256::zero())).await);
    assert_eq!(refused, "ZeroShares()", "nothing is served yet");
    story.pass(2 * story.profile.week + story.profile.cooldown + 1).await.unwrap();
    story.serve().await.unwrap();
    let due = vault.max_withdraw(erin.address()).call().await.unwrap();
    let refused = refusal(chain.send("claiming", &erin, router.claim(keeper.address(), due + 1)).await);
    assert_eq!(refused, format!("SlippageExceeded(value: {due}, limit: {})", due + 1));
    // the claim of one is never another's
    let stranger = CapitalRouter::new(router.address(), keeper.clone());
    let refused = refusal(chain.send("claiming", &keeper, stranger.claim(keeper.address(), U256::zero())).await);
    assert!(refused.starts_with("UnauthorizedOperator"), "{refused}");
    let had = coins_of(keeper.address()).await;
    let receipt = chain.send("claiming", &erin, router.claim(keeper.address(), due)).await.unwrap();
    let told: ClaimedFilter = event(&receipt, router.address()).unwrap();
    assert_eq!((told.shares, told.assets), (left, due));
    assert_eq!(coins_of(keeper.address()).await - had, due, "the receiver has it");
    assert!(due > amount - amount / 100 && due < amount + amount / 100, "{due} of {amount}");

    assert_eq!((coins_of(router.address()).await, shares_of(router.address()).await), (U256::zero(), U256::zero()));
    stage.strike().await;
}
