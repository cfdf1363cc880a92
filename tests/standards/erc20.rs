//! ERC-20, with the errors of ERC-6093.

use ethers::types::{Address, U256};

use crate::rules::{Contract, Event, People, Rules, error, first_word};

const TRANSFER: &str = "transfer(address,uint256)";
const TRANSFER_FROM: &str = "transferFrom(address,address,uint256)";
const APPROVE: &str = "approve(address,uint256)";

/// The words of a transfer's and of an approval's event.
fn transferred(from: Address, to: Address, value: U256) -> Event {
    Event::new("Transfer(address,address,uint256)", (from, to), value)
}

/// An allowance that was set.
pub(crate) fn approved(owner: Address, spender: Address, value: U256) -> Event {
    Event::new("Approval(address,address,uint256)", (owner, spender), value)
}

async fn balance(token: &Contract, who: Address) -> U256 {
    token.word("balanceOf(address)", who).await.unwrap_or_default()
}

async fn allowance(token: &Contract, owner: Address, spender: Address) -> Option<U256> {
    token.word("allowance(address,address)", (owner, spender)).await
}

/// ERC-20 of a token of which the holder has at least a thousand units.
pub(crate) async fn suite(token: &Contract, people: &People) -> Rules {
    let mut rules = Rules::of("ERC-20");
    metadata(&mut rules, token).await;
    transfers(&mut rules, token, people).await;
    allowances(&mut rules, token, people).await;
    rules
}

async fn metadata(rules: &mut Rules, token: &Contract) {
    for (rule, function) in [("name() is a text", "name()"), ("symbol() is a text", "symbol()")] {
        let text = token.text(function, ()).await;
        rules.holds(rule, text.as_ref().is_some_and(|text| !text.is_empty()), text);
    }
    let decimals = token.word("decimals()", ()).await;
    rules.holds("decimals() fits eight bits", decimals.is_some_and(|number| number < 256.into()), decimals);
}

async fn transfers(rules: &mut Rules, token: &Contract, people: &People) {
    let (holder, friend) = (people.holder.address(), people.friend.address());
    let supply = token.word("totalSupply()", ()).await;
    let had = (balance(token, holder).await, balance(token, friend).await);
    let most = had.0 + had.1;
    rules.holds("totalSupply() is no less than what accounts have", supply >= Some(most), (supply, had));
    rules.same("an account without units has a balance of 0", balance(token, Address::repeat_byte(9)).await, 0.into());

    let value = U256::from(101);
    let done = token.tell(&people.holder, TRANSFER, (friend, value)).await;
    if let Some(done) = rules.done("a holder can transfer what it has", done) {
        rules.same("transfer answers true", first_word(&done.answer), Some(1.into()));
        let now = (balance(token, holder).await, balance(token, friend).await);
        rules.same("transfer moves the value and nothing else", now, (had.0 - value, had.1 + value));
        rules.emitted("transfer emits Transfer", &done, token, &transferred(holder, friend, value));
        let after = token.word("totalSupply()", ()).await;
        rules.same("a transfer leaves the supply", after, supply);
    }
    let done = token.tell(&people.holder, TRANSFER, (friend, U256::zero())).await;
    if let Some(done) = rules.done("a transfer of 0 is a transfer", done) {
        rules.emitted("a transfer of 0 emits Transfer", &done, token, &transferred(holder, friend, U256::zero()));
    }
    let before = balance(token, holder).await;
    let done = token.tell(&people.holder, TRANSFER, (holder, value)).await;
    if rules.done("a holder can transfer to itself", done).is_some() {
        rules.same("a transfer to oneself changes nothing", balance(token, holder).await, before);
    }

    let more = before + 1;
    for (rule, value) in [("more than one has cannot be transferred", more), ("nor as much as there are", U256::MAX)] {
        let refused = token.tell(&people.holder, TRANSFER, (friend, value)).await;
        let with = error("ERC20InsufficientBalance(address,uint256,uint256)", (holder, before, value));
        rules.refused_with(rule, refused, &with);
    }
    let refused = token.tell(&people.holder, TRANSFER, (Address::zero(), value)).await;
    let with = error("ERC20InvalidReceiver(address)", Address::zero());
    rules.refused_with("nothing is transferred to the zero address", refused, &with);
}

async fn allowances(rules: &mut Rules, token: &Contract, people: &People) {
    let (holder, friend, stranger) = (people.holder.address(), people.friend.address(), people.stranger.address());
    rules.same("nobody may move anything at first", allowance(token, holder, stranger).await, Some(0.into()));
    for value in [300, 200].map(U256::from) {
        let done = token.tell(&people.holder, APPROVE, (friend, value)).await;
        if let Some(done) = rules.done("a holder can approve", done) {
            rules.same("approve answers true", first_word(&done.answer), Some(1.into()));
            rules.same("approve sets the allowance", allowance(token, holder, friend).await, Some(value));
            rules.emitted("approve emits Approval", &done, token, &approved(holder, friend, value));
        }
    }
    rules.same("an allowance is one way", allowance(token, friend, holder).await, Some(0.into()));

    let had = (balance(token, holder).await, balance(token, stranger).await);
    let value = U256::from(150);
    let done = token.tell(&people.friend, TRANSFER_FROM, (holder, stranger, value)).await;
    if let Some(done) = rules.done("who is allowed can move", done) {
        rules.same("transferFrom answers true", first_word(&done.answer), Some(1.into()));
        let now = (balance(token, holder).await, balance(token, stranger).await);
        rules.same("transferFrom moves the value and nothing else", now, (had.0 - value, had.1 + value));
        rules.emitted("transferFrom emits Transfer", &done, token, &transferred(holder, stranger, value));
        rules.same("transferFrom uses the allowance up", allowance(token, holder, friend).await, Some(50.into()));
    }
    let left = allowance(token, holder, friend).await.unwrap_or_default();
    let refused = token.tell(&people.friend, TRANSFER_FROM, (holder, stranger, left + 1)).await;
    let with = error("ERC20InsufficientAllowance(address,uint256,uint256)", (friend, left, left + 1));
    rules.refused_with("nobody moves more than is allowed", refused, &with);
    let refused = token.tell(&people.friend, TRANSFER_FROM, (holder, Address::zero(), U256::one())).await;
    let with = error("ERC20InvalidReceiver(address)", Address::zero());
    rules.refused_with("nothing is moved to the zero address", refused, &with);
    let done = token.tell(&people.stranger, TRANSFER_FROM, (holder, stranger, U256::zero())).await;
    rules.done("0 may be moved by anyone", done);

    let done = token.tell(&people.holder, APPROVE, (friend, U256::MAX)).await;
    rules.done("an allowance can be without an end", done);
    let done = token.tell(&people.friend, TRANSFER_FROM, (holder, friend, U256::one())).await;
    rules.done("who is allowed without an end can move", done);
    rules.same("an allowance without an end stays", allowance(token, holder, friend).await, Some(U256::MAX));
    let has = balance(token, holder).await;
    let refused = token.tell(&people.friend, TRANSFER_FROM, (holder, friend, has + 1)).await;
    let with = error("ERC20InsufficientBalance(address,uint256,uint256)", (holder, has, has + 1));
    rules.refused_with("nobody moves more than there is", refused, &with);

    let done = token.tell(&people.holder, APPROVE, (friend, U256::zero())).await;
    rules.done("an allowance can be taken back", done);
    rules.same("what is taken back is gone", allowance(token, holder, friend).await, Some(0.into()));
    let refused = token.tell(&people.holder, APPROVE, (Address::zero(), U256::one())).await;
    let with = error("ERC20InvalidSpender(address)", Address::zero());
    rules.refused_with("the zero address is allowed nothing", refused, &with);
}
