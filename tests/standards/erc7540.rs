//! ERC-7540, the redemption side, and what it asks of ERC-165 and ERC-7575.

use ethers::types::{Address, Bytes, U256};

use crate::rules::{Called, Contract, Event, People, Rules, error, first_word};

const REQUEST: &str = "requestRedeem(uint256,address,address)";
const SET_OPERATOR: &str = "setOperator(address,bool)";
const REDEEM: &str = "redeem(uint256,address,address)";
const WITHDRAW: &str = "withdraw(uint256,address,address)";

async fn balance(token: &Contract, who: Address) -> U256 {
    token.word("balanceOf(address)", who).await.unwrap_or_default()
}

async fn pending(vault: &Contract, id: U256, controller: Address) -> Option<U256> {
    vault.word("pendingRedeemRequest(uint256,address)", (id, controller)).await
}

async fn claimable(vault: &Contract, id: U256, controller: Address) -> Option<U256> {
    vault.word("claimableRedeemRequest(uint256,address)", (id, controller)).await
}

fn requested(controller: Address, owner: Address, id: U256, sender: Address, shares: U256) -> Event {
    let topics = (controller, owner, id);
    Event::new("RedeemRequest(address,address,uint256,address,uint256)", topics, (sender, shares))
}

fn id_of(answer: &Bytes) -> U256 {
    first_word(answer).unwrap_or(U256::MAX)
}

/// ERC-7540 of a vault in which the holder has shares for ten thousand units of the asset and more, and nobody a
/// request. `serve` makes what is requested claimable, in full.
pub(crate) async fn suite(vault: &Contract, asset: &Contract, people: &People, serve: impl AsyncFn()) -> Rules {
    let mut rules = Rules::of("ERC-7540");
    interfaces(&mut rules, vault).await;
    operators(&mut rules, vault, people).await;
    requests(&mut rules, vault, vault.units_to_one_of(asset).await, people).await;
    let (holder, friend) = (people.holder.address(), people.friend.address());
    let waiting = pending(vault, U256::zero(), friend).await;
    serve().await;
    rules.same("what was served waits no longer", pending(vault, U256::zero(), friend).await, Some(U256::zero()));
    rules.same("what waited is claimable", claimable(vault, U256::zero(), friend).await, waiting);
    rules.same("a claimable request is not moved by itself", vault.word("maxRedeem(address)", friend).await, waiting);
    rules.same(
        "who asked for nothing has nothing to claim",
        vault.word("maxRedeem(address)", holder).await,
        Some(0.into()),
    );
    claims(&mut rules, vault, asset, people).await;
    rules
}

async fn interfaces(rules: &mut Rules, vault: &Contract) {
    for (rule, id, supported) in [
        ("it supports ERC-165", 0x01ff_c9a7_u32, true),
        ("it supports the operators of ERC-7540", 0xe3bc_4e65, true),
        ("it supports asynchronous redemption", 0x620e_e8e4, true),
        ("it supports ERC-7575", 0x2f0a_18c5, true),
        ("it does not support asynchronous deposits, which it has not", 0xce3b_be50, false),
        ("it does not support 0xffffffff", 0xffff_ffff, false),
    ] {
        let answer = vault.word("supportsInterface(bytes4)", id.to_be_bytes()).await;
        rules.same(rule, answer, Some(u8::from(supported).into()));
    }
    let share = vault.account("share()", ()).await;
    rules.holds("share() is a token", share.is_some_and(|share| !share.is_zero()), share);
    let share = Contract::new(&vault.chain, share.unwrap_or_default());
    let (supply, of_vault) = (share.word("totalSupply()", ()).await, vault.word("totalSupply()", ()).await);
    rules.holds("share() is the vault's share", supply.is_some() && supply == of_vault, (supply, of_vault));
}

async fn operators(rules: &mut Rules, vault: &Contract, people: &People) {
    let (holder, operator) = (people.holder.address(), people.stranger.address());
    let is_operator = || vault.word("isOperator(address,address)", (holder, operator));
    rules.same("nobody is an operator at first", is_operator().await, Some(0.into()));
    for approved in [true, false] {
        let done = vault.tell(&people.holder, SET_OPERATOR, (operator, approved)).await;
        if let Some(done) = rules.done("an owner can say who its operators are", done) {
            rules.same("setOperator answers true", first_word(&done.answer), Some(1.into()));
            rules.same("setOperator sets it", is_operator().await, Some(u8::from(approved).into()));
            let event = Event::new("OperatorSet(address,address,bool)", (holder, operator), approved);
            rules.emitted("setOperator emits OperatorSet", &done, vault, &event);
        }
    }
}

/// The holder's shares become requests of the friend, who controls them.
async fn requests(rules: &mut Rules, vault: &Contract, unit: U256, people: &People) {
    let (holder, friend, stranger) = (people.holder.address(), people.friend.address(), people.stranger.address());
    let of = |shares: u64| U256::from(shares) * unit;
    let zero = U256::zero();
    for (rule, view) in [
        ("without a request nothing waits", pending(vault, zero, friend).await),
        ("without a request nothing is claimable", claimable(vault, zero, friend).await),
    ] {
        rules.same(rule, view, Some(zero));
    }
    let had = balance(vault, holder).await;
    let supply = vault.word("totalSupply()", ()).await;
    rules.refused(
        "nobody asks for more than the owner has",
        vault.ask(holder, REQUEST, (had + 1, friend, holder)).await,
    );
    let refused = vault.ask(stranger, REQUEST, (of(100), stranger, holder)).await;
    rules.refused("a stranger asks for nothing of another's", refused);

    let shares = of(3_001);
    let done = vault.tell(&people.holder, REQUEST, (shares, friend, holder)).await;
    let Some(done) = rules.done("an owner can ask for its shares, for another to control", done) else { return };
    let id = id_of(&done.answer);
    rules.emitted("a request emits RedeemRequest", &done, vault, &requested(friend, holder, id, holder, shares));
    rules.same("a request takes the shares of the owner", balance(vault, holder).await, had - shares);
    rules.same("requested shares are not burned yet", vault.word("totalSupply()", ()).await, supply);
    rules.same("what was asked for waits", pending(vault, id, friend).await, Some(shares));
    rules.same("what waits is not claimable", claimable(vault, id, friend).await, Some(zero));
    rules.same("the request is the controller's", pending(vault, id, holder).await, Some(zero));
    let told = |from| vault.ask(from, "pendingRedeemRequest(uint256,address)", (id, friend));
    let (one, other) = (told(friend).await.ok(), told(stranger).await.ok());
    rules.holds("what waits is the same for everybody", one.is_some() && one == other, (one, other));
    rules.same("what waits is not to be redeemed", vault.word("maxRedeem(address)", friend).await, Some(zero));
    rules.same("what waits is not to be withdrawn", vault.word("maxWithdraw(address)", friend).await, Some(zero));
    rules.refused("a claim before its time is refused", vault.ask(friend, REDEEM, (U256::one(), friend, friend)).await);

    // an allowance of shares is a right to ask for them, once
    let allowed = vault.tell(&people.holder, "approve(address,uint256)", (stranger, of(2_500))).await;
    rules.done("an owner can allow shares", allowed);
    let shares = of(2_003);
    let done = vault.tell(&people.stranger, REQUEST, (shares, friend, holder)).await;
    if let Some(done) = rules.done("who is allowed shares can ask for them", done) {
        let event = requested(friend, holder, id_of(&done.answer), stranger, shares);
        rules.emitted("the event tells who asked", &done, vault, &event);
    }
    let left = vault.word("allowance(address,address)", (holder, stranger)).await;
    rules.same("asking uses the allowance up", left, Some(of(497)));
    rules.same("requests of one id add up", pending(vault, id, friend).await, Some(of(5_004)));
    let refused = vault.ask(stranger, REQUEST, (of(498), friend, holder)).await;
    rules.refused("nobody asks for more than is allowed", refused);

    // an operator needs no allowance, and uses none up
    rules.done("an owner can have an operator", vault.tell(&people.holder, SET_OPERATOR, (stranger, true)).await);
    let done = vault.tell(&people.stranger, REQUEST, (of(1_009), friend, holder)).await;
    rules.done("an operator can ask for its owner's shares", done);
    let left = vault.word("allowance(address,address)", (holder, stranger)).await;
    rules.same("an operator uses no allowance up", left, Some(of(497)));
    rules.done("an operator can be dismissed", vault.tell(&people.holder, SET_OPERATOR, (stranger, false)).await);
    let back = vault.tell(&people.holder, "approve(address,uint256)", (stranger, zero)).await;
    rules.done("an allowance can be taken back", back);
    let refused = vault.ask(stranger, REQUEST, (U256::one(), friend, holder)).await;
    rules.refused("who was dismissed asks for nothing", refused);
    for (rule, function) in
        [("previewRedeem reverts", "previewRedeem(uint256)"), ("previewWithdraw reverts", "previewWithdraw(uint256)")]
    {
        rules.refused(rule, vault.ask(friend, function, U256::one()).await);
    }
}

/// What was served for the friend is claimed in pieces, to whom it pleases.
async fn claims(rules: &mut Rules, vault: &Contract, asset: &Contract, people: &People) {
    let (holder, friend, stranger) = (people.holder.address(), people.friend.address(), people.stranger.address());
    let zero = U256::zero();
    let most = vault.word("maxRedeem(address)", friend).await.unwrap_or_default();
    let worth = vault.word("maxWithdraw(address)", friend).await.unwrap_or_default();
    rules.holds("what is claimable is worth something", !worth.is_zero(), worth);
    let with = error("ERC4626ExceededMaxRedeem(address,uint256,uint256)", (friend, most + 1, most));
    rules.refused_with(
        "more than maxRedeem is refused",
        vault.ask(friend, REDEEM, (most + 1, friend, friend)).await,
        &with,
    );
    let with = error("ERC4626ExceededMaxWithdraw(address,uint256,uint256)", (friend, worth + 1, worth));
    let refused = vault.ask(friend, WITHDRAW, (worth + 1, friend, friend)).await;
    rules.refused_with("more than maxWithdraw is refused", refused, &with);
    for who in [holder, stranger] {
        // neither a stranger nor the owner of once: the controller
        rules.refused("only the controller claims", vault.ask(who, REDEEM, (most, who, friend)).await);
        rules.refused("only the controller withdraws", vault.ask(who, WITHDRAW, (worth, who, friend)).await);
    }

    let part = most / 3;
    let had = (balance(asset, stranger).await, balance(vault, friend).await);
    let done = vault.tell(&people.friend, REDEEM, (part, stranger, friend)).await;
    if let Some(done) = rules.done("a controller can redeem a part to whom it pleases", done) {
        let got = balance(asset, stranger).await - had.0;
        rules.same("the receiver gets what redeem answers", first_word(&done.answer), Some(got));
        rules.holds("a part is worth its part", got <= worth / 3 + 1 && got + 1 >= worth / 3, (got, worth));
        rules.emitted("a claim emits Withdraw", &done, vault, &withdrawn(friend, stranger, friend, got, part));
        rules.same("a claim takes no shares of the controller", balance(vault, friend).await, had.1);
        rules.same("the rest stays claimable", claimable(vault, zero, friend).await, Some(most - part));
    }

    rules.done("a controller can have an operator", vault.tell(&people.friend, SET_OPERATOR, (stranger, true)).await);
    let assets = worth / 3;
    let had = balance(asset, holder).await;
    let done = vault.tell(&people.stranger, WITHDRAW, (assets, holder, friend)).await;
    if let Some(done) = rules.done("an operator can withdraw a part", done) {
        rules.same("withdraw pays exactly the assets", balance(asset, holder).await - had, assets);
        let shares = first_word(&done.answer).unwrap_or_default();
        rules.emitted(
            "the event tells who claimed",
            &done,
            vault,
            &withdrawn(stranger, holder, friend, assets, shares),
        );
        let left = claimable(vault, zero, friend).await;
        rules.same("withdraw takes the shares that it answers", left, Some(most - part - shares));
    }
    let dismissed = vault.tell(&people.friend, SET_OPERATOR, (stranger, false)).await;
    rules.done("a controller can dismiss its operator", dismissed);
    let refused = vault.ask(stranger, WITHDRAW, (U256::one(), stranger, friend)).await;
    rules.refused("who was dismissed withdraws nothing", refused);

    let left = vault.word("maxRedeem(address)", friend).await.unwrap_or_default();
    rules.done("the rest can be redeemed", vault.tell(&people.friend, REDEEM, (left, friend, friend)).await);
    rules.same("then nothing is left", claimable(vault, zero, friend).await, Some(zero));
    let again: Called<Bytes> = vault.ask(friend, REDEEM, (U256::one(), friend, friend)).await;
    rules.refused("nothing is claimed twice", again);
}

fn withdrawn(sender: Address, receiver: Address, controller: Address, assets: U256, shares: U256) -> Event {
    let topics = (sender, receiver, controller);
    Event::new("Withdraw(address,address,address,uint256,uint256)", topics, (assets, shares))
}
