//! ERC-721 with its metadata, ERC-165, ERC-4906 and the errors of ERC-6093.

use ethers::types::{Address, Bytes, U256};

use crate::rules::{Contract, Done, Event, People, Rules, error, first_word};

const TRANSFER_FROM: &str = "transferFrom(address,address,uint256)";
const SAFE: &str = "safeTransferFrom(address,address,uint256)";
const SAFE_WITH_DATA: &str = "safeTransferFrom(address,address,uint256,bytes)";
const APPROVE: &str = "approve(address,uint256)";
const APPROVE_ALL: &str = "setApprovalForAll(address,bool)";

/// A token that nobody has.
const NONE: u64 = 987_654_321;

/// Contracts that are sent tokens, by what they answer.
pub(crate) struct Receivers {
    /// Takes them, and tells in an event what it was told.
    pub(crate) accepts: Address,
    /// Reverts without a word.
    pub(crate) reverts: Address,
    /// Reverts with an error of its own, `NotWelcome`.
    pub(crate) complains: Address,
    /// Answers something else than it should.
    pub(crate) answers_otherwise: Address,
    /// Fails an assertion.
    pub(crate) panics: Address,
    /// Has code, and no function for it.
    pub(crate) knows_nothing: Address,
}

fn transferred(from: Address, to: Address, id: U256) -> Event {
    Event::new("Transfer(address,address,uint256)", (from, to, id), ())
}

async fn owner(nft: &Contract, id: U256) -> Option<Address> {
    nft.account("ownerOf(uint256)", id).await
}

async fn balance(nft: &Contract, who: Address) -> U256 {
    nft.word("balanceOf(address)", who).await.unwrap_or_default()
}

async fn approved(nft: &Contract, id: U256) -> Option<Address> {
    nft.account("getApproved(uint256)", id).await
}

/// ERC-721 of a collection of which the holder has four tokens.
pub(crate) async fn suite(nft: &Contract, ids: [U256; 4], receivers: &Receivers, people: &People) -> Rules {
    let mut rules = Rules::of("ERC-721");
    views(&mut rules, nft, ids, people).await;
    transfers(&mut rules, nft, ids[0], people).await;
    approvals(&mut rules, nft, ids[0], people).await;
    operators(&mut rules, nft, ids[0], people).await;
    safety(&mut rules, nft, ids, receivers, people).await;
    rules
}

async fn views(rules: &mut Rules, nft: &Contract, ids: [U256; 4], people: &People) {
    for (rule, id, supported) in [
        ("it supports ERC-165", 0x01ff_c9a7_u32, true),
        ("it supports ERC-721", 0x80ac_58cd, true),
        ("it supports the metadata of ERC-721", 0x5b5e_139f, true),
        ("it does not support 0xffffffff", 0xffff_ffff, false),
        ("it does not support what there is not", 0x1234_5678, false),
    ] {
        let answer = nft.word("supportsInterface(bytes4)", id.to_be_bytes()).await;
        rules.same(rule, answer, Some(u8::from(supported).into()));
    }
    for (rule, function) in [("name() is a text", "name()"), ("symbol() is a text", "symbol()")] {
        let text = nft.text(function, ()).await;
        rules.holds(rule, text.as_ref().is_some_and(|text| !text.is_empty()), text);
    }
    let uri = nft.text("tokenURI(uint256)", ids[0]).await;
    rules.holds("tokenURI is a text", uri.is_some(), &uri);
    let holder = people.holder.address();
    for id in ids {
        rules.same("ownerOf is the holder", owner(nft, id).await, Some(holder));
        rules.same("nobody is approved at first", approved(nft, id).await, Some(Address::zero()));
    }
    let count = balance(nft, holder).await;
    rules.holds("balanceOf counts what the holder has", count >= ids.len().into(), count);
    let nobody = nft.ask(holder, "balanceOf(address)", Address::zero()).await;
    let with = error("ERC721InvalidOwner(address)", Address::zero());
    rules.refused_with("the zero address has no balance", nobody, &with);
    let missing = error("ERC721NonexistentToken(uint256)", U256::from(NONE));
    for (rule, function) in [
        ("a token that is not has no owner", "ownerOf(uint256)"),
        ("a token that is not has no approval", "getApproved(uint256)"),
        ("a token that is not has no metadata", "tokenURI(uint256)"),
    ] {
        rules.refused_with(rule, nft.ask(holder, function, U256::from(NONE)).await, &missing);
    }
}

async fn transfers(rules: &mut Rules, nft: &Contract, id: U256, people: &People) {
    let (holder, friend, stranger) = (people.holder.address(), people.friend.address(), people.stranger.address());
    let refused = nft.tell(&people.stranger, TRANSFER_FROM, (holder, stranger, id)).await;
    let with = error("ERC721InsufficientApproval(address,uint256)", (stranger, id));
    rules.refused_with("a stranger moves nothing", refused, &with);
    let refused = nft.tell(&people.holder, TRANSFER_FROM, (friend, stranger, id)).await;
    let with = error("ERC721IncorrectOwner(address,uint256,address)", (friend, id, holder));
    rules.refused_with("a token is moved from its owner only", refused, &with);
    let refused = nft.tell(&people.holder, TRANSFER_FROM, (holder, Address::zero(), id)).await;
    let with = error("ERC721InvalidReceiver(address)", Address::zero());
    rules.refused_with("nothing is moved to the zero address", refused, &with);
    let refused = nft.tell(&people.holder, TRANSFER_FROM, (holder, friend, U256::from(NONE))).await;
    let with = error("ERC721NonexistentToken(uint256)", U256::from(NONE));
    rules.refused_with("a token that is not is not moved", refused, &with);

    let had = (balance(nft, holder).await, balance(nft, friend).await);
    let done = nft.tell(&people.holder, TRANSFER_FROM, (holder, friend, id)).await;
    if let Some(done) = rules.done("an owner can give a token away", done) {
        rules.same("a transfer changes the owner", owner(nft, id).await, Some(friend));
        let now = (balance(nft, holder).await, balance(nft, friend).await);
        rules.same("a transfer moves one token", now, (had.0 - 1, had.1 + 1));
        rules.emitted("a transfer emits Transfer", &done, nft, &transferred(holder, friend, id));
    }
    let refused = nft.tell(&people.holder, TRANSFER_FROM, (friend, holder, id)).await;
    let with = error("ERC721InsufficientApproval(address,uint256)", (holder, id));
    rules.refused_with("what was given away is another's", refused, &with);
    let back = nft.tell(&people.friend, TRANSFER_FROM, (friend, holder, id)).await;
    rules.done("the new owner can give it away", back);
    let done = nft.tell(&people.holder, TRANSFER_FROM, (holder, holder, id)).await;
    rules.done("an owner can send a token to itself", done);
    let now = (balance(nft, holder).await, owner(nft, id).await);
    rules.same("a transfer to oneself changes nothing", now, (had.0, Some(holder)));
}

async fn approvals(rules: &mut Rules, nft: &Contract, id: U256, people: &People) {
    let (holder, friend, stranger) = (people.holder.address(), people.friend.address(), people.stranger.address());
    let event = |owner, account| Event::new("Approval(address,address,uint256)", (owner, account, id), ());
    let refused = nft.tell(&people.stranger, APPROVE, (stranger, id)).await;
    let with = error("ERC721InvalidApprover(address)", stranger);
    rules.refused_with("a stranger approves nobody", refused, &with);
    let refused = nft.tell(&people.holder, APPROVE, (friend, U256::from(NONE))).await;
    rules.refused_with(
        "nobody is approved for a token that is not",
        refused,
        &error("ERC721NonexistentToken(uint256)", U256::from(NONE)),
    );
    let done = nft.tell(&people.holder, APPROVE, (friend, id)).await;
    if let Some(done) = rules.done("an owner can approve", done) {
        rules.same("approve sets the approval", approved(nft, id).await, Some(friend));
        rules.emitted("approve emits Approval", &done, nft, &event(holder, friend));
    }
    let refused = nft.tell(&people.friend, APPROVE, (stranger, id)).await;
    let with = error("ERC721InvalidApprover(address)", friend);
    rules.refused_with("who is approved approves nobody", refused, &with);
    let done = nft.tell(&people.holder, APPROVE, (Address::zero(), id)).await;
    if let Some(done) = rules.done("an approval can be taken back", done) {
        rules.same("what is taken back is gone", approved(nft, id).await, Some(Address::zero()));
        rules.emitted("taking back emits Approval", &done, nft, &event(holder, Address::zero()));
    }
    rules.done("an owner can approve again", nft.tell(&people.holder, APPROVE, (friend, id)).await);
    let done = nft.tell(&people.friend, TRANSFER_FROM, (holder, stranger, id)).await;
    rules.done("who is approved can move the token", done);
    rules.same("a transfer ends the approval", approved(nft, id).await, Some(Address::zero()));
    let refused = nft.tell(&people.friend, TRANSFER_FROM, (stranger, friend, id)).await;
    rules.refused("an ended approval moves nothing", refused);
    // however the rules above went, the token goes home
    let home = owner(nft, id).await;
    let who = if home == Some(stranger) { &people.stranger } else { &people.friend };
    if home != Some(holder) {
        rules.done("the receiver is the owner", nft.tell(who, TRANSFER_FROM, (who.address(), holder, id)).await);
    }
}

async fn operators(rules: &mut Rules, nft: &Contract, id: U256, people: &People) {
    let (holder, friend) = (people.holder.address(), people.friend.address());
    let is_operator = || nft.word("isApprovedForAll(address,address)", (holder, friend));
    rules.same("nobody is an operator at first", is_operator().await, Some(0.into()));
    let refused = nft.tell(&people.holder, APPROVE_ALL, (Address::zero(), true)).await;
    let with = error("ERC721InvalidOperator(address)", Address::zero());
    rules.refused_with("the zero address is no operator", refused, &with);
    for approved in [true, false] {
        let done = nft.tell(&people.holder, APPROVE_ALL, (friend, approved)).await;
        if let Some(done) = rules.done("an owner can say who its operators are", done) {
            rules.same("setApprovalForAll sets it", is_operator().await, Some(u8::from(approved).into()));
            let event = Event::new("ApprovalForAll(address,address,bool)", (holder, friend), approved);
            rules.emitted("setApprovalForAll emits ApprovalForAll", &done, nft, &event);
        }
        if approved {
            let done = nft.tell(&people.friend, APPROVE, (people.stranger.address(), id)).await;
            rules.done("an operator can approve", done);
            let done = nft.tell(&people.friend, TRANSFER_FROM, (holder, friend, id)).await;
            rules.done("an operator can move a token", done);
            rules.same("a transfer ends the approval of an operator", approved_for(nft, id).await, Some(U256::zero()));
            let back = nft.tell(&people.friend, TRANSFER_FROM, (friend, holder, id)).await;
            rules.done("what an operator moved has an owner", back);
        }
    }
    let refused = nft.tell(&people.friend, TRANSFER_FROM, (holder, friend, id)).await;
    rules.refused("who is no operator any more moves nothing", refused);
}

async fn approved_for(nft: &Contract, id: U256) -> Option<U256> {
    nft.word("getApproved(uint256)", id).await
}

async fn safety(rules: &mut Rules, nft: &Contract, ids: [U256; 4], receivers: &Receivers, people: &People) {
    let (holder, friend) = (people.holder.address(), people.friend.address());
    let accepting = Contract::new(&nft.chain, receivers.accepts);
    let received = |operator: Address, id: U256, data: &[u8]| {
        let topics = (nft.address, operator, holder);
        Event::new("Received(address,address,address,uint256,bytes)", topics, (id, Bytes::from(data.to_vec())))
    };
    let done = nft.tell(&people.holder, SAFE, (holder, receivers.accepts, ids[1])).await;
    if let Some(done) = rules.done("a contract that accepts is sent a token", done) {
        rules.same("it has it then", owner(nft, ids[1]).await, Some(receivers.accepts));
        rules.emitted("a safe transfer emits Transfer", &done, nft, &transferred(holder, receivers.accepts, ids[1]));
        let told = received(holder, ids[1], &[]);
        rules.emitted("it is told operator, owner and token", &done, &accepting, &told);
    }
    rules.done("an owner can approve for a safe transfer", nft.tell(&people.holder, APPROVE, (friend, ids[2])).await);
    let data = Bytes::from(b"palisade".to_vec());
    let done = nft.tell(&people.friend, SAFE_WITH_DATA, (holder, receivers.accepts, ids[2], data.clone())).await;
    if let Some(done) = rules.done("data can go with a token", done) {
        let told = received(friend, ids[2], &data);
        rules.emitted("the receiver is told the data", &done, &accepting, &told);
    }

    let id = ids[3];
    let refusals = [
        ("a receiver that reverts gets nothing", receivers.reverts),
        ("a receiver that answers otherwise gets nothing", receivers.answers_otherwise),
        ("a contract that knows no tokens gets nothing", receivers.knows_nothing),
    ];
    for (rule, receiver) in refusals {
        let with = error("ERC721InvalidReceiver(address)", receiver);
        let refused = nft.tell(&people.holder, SAFE, (holder, receiver, id)).await;
        rules.refused_with(rule, refused, &with);
        let refused = nft.tell(&people.holder, SAFE_WITH_DATA, (holder, receiver, id, data.clone())).await;
        rules.refused_with(rule, refused, &with);
    }
    let complaint = error("NotWelcome(uint256)", id);
    let refused = nft.tell(&people.holder, SAFE, (holder, receivers.complains, id)).await;
    rules.refused_with("a receiver's own error is told", refused, &complaint);
    let panic = error("Panic(uint256)", U256::one());
    let refused = nft.tell(&people.holder, SAFE, (holder, receivers.panics, id)).await;
    rules.refused_with("a receiver's panic is told", refused, &panic);
    let refused = nft.tell(&people.stranger, SAFE, (holder, receivers.accepts, id)).await;
    let with = error("ERC721InsufficientApproval(address,uint256)", (people.stranger.address(), id));
    rules.refused_with("a stranger makes no safe transfer", refused, &with);
    let refused = nft.tell(&people.holder, SAFE, (holder, Address::zero(), id)).await;
    let with = error("ERC721InvalidReceiver(address)", Address::zero());
    rules.refused_with("nothing is sent safely to the zero address", refused, &with);
    rules.same("what was refused stays", owner(nft, id).await, Some(holder));

    let done = nft.tell(&people.holder, SAFE, (holder, friend, id)).await;
    rules.done("an account without code is not asked", done);
    let done = nft.tell(&people.friend, TRANSFER_FROM, (friend, receivers.reverts, id)).await;
    rules.done("a plain transfer asks nobody", done);
}

/// ERC-4906: `changed` is a transaction that changed a token's metadata, which was `before`.
pub(crate) async fn metadata_updates(nft: &Contract, id: U256, before: &str, changed: &Done) -> Rules {
    let mut rules = Rules::of("ERC-4906");
    let supported = nft.ask(Address::zero(), "supportsInterface(bytes4)", 0x4906_4906_u32.to_be_bytes()).await;
    let supported = supported.ok().as_ref().and_then(first_word);
    rules.same("it supports ERC-4906", supported, Some(1.into()));
    let after = nft.text("tokenURI(uint256)", id).await.unwrap_or_default();
    rules.holds("the metadata has changed", after != before, after);
    let event = Event::new("MetadataUpdate(uint256)", (), id);
    rules.emitted("a change emits MetadataUpdate of its token", changed, nft, &event);
    rules
}
