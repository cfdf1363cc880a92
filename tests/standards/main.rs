//! The standards that wallets and other protocols rely on, rule by rule, over JSON-RPC: on the contracts as WASM, on
//! OpenZeppelin's as a control of the suites, and on contracts with one flaw each, which the suites must notice.

#[path = "../stage/mod.rs"]
mod stage;

mod erc20;
mod erc2612;
mod erc4626;
mod erc721;
mod erc7540;
mod rules;

use std::sync::Arc;

use erc721::Receivers;
use erc4626::Exit;
use ethers::{
    abi::Token,
    types::{Address, TransactionRequest, U256},
};
use palisade::{
    chain::{Chain, Client},
    deploy::{deployer::solidity_init_code, profile::usd},
    story::{Cast, event},
};
use rules::{Contract, People, Rules};
use stage::{Stage, builder, developer};

/// Whether the tests are to be left out: they need a clock that moves.
fn elsewhere() -> bool {
    let elsewhere = std::env::var_os("PALISADE_RPC_URL").is_some();
    if elsewhere {
        eprintln!("skipped: PALISADE_RPC_URL is set, and standards are looked at on the embedded node");
    }
    elsewhere
}

/// A node without the protocol, and three people on it.
struct Bare {
    chain: Chain,
    deployer: Arc<Client>,
    people: People,
    node: devnode::Handle,
}

impl Bare {
    async fn set() -> Self {
        let node = devnode::serve(devnode::Config { port: 0, ..devnode::Config::default() }).await.unwrap();
        let chain = Chain::connect(&node.url()).await.unwrap();
        let deployer = developer(&chain);
        let people = people(&Cast::gather(&chain, &deployer).await.unwrap());
        Self { chain, deployer, people, node }
    }

    async fn contract(&self, name: &str, arguments: &[Token]) -> Contract {
        deploy(&self.chain, &self.deployer, name, arguments).await
    }

    /// Mints units of a test token to the holder.
    async fn mint(&self, token: &Contract, value: u64) {
        let call = (self.people.holder.address(), U256::from(value));
        token.tell(&self.people.holder, "mint(address,uint256)", call).await.expect("anyone may mint");
    }

    /// A vault of OpenZeppelin's or one that derives from it, with a million units inside and a donation beside.
    async fn vault(&self, name: &str, more: &[Token]) -> (Contract, Contract) {
        let coin = self.contract("OzCoin", &[]).await;
        let vault = self.contract(name, &[&[Token::Address(coin.address)], more].concat()).await;
        self.mint(&coin, 1_000_000_000_000_000).await;
        let holder = &self.people.holder;
        let run = async |contract: &Contract, function, first, amount: u64| {
            let done = contract.tell(holder, function, (first, U256::from(amount))).await;
            assert!(done.is_ok(), "{function} goes through");
        };
        run(&coin, "approve(address,uint256)", vault.address, 1_000_000).await;
        let done = vault.tell(holder, "deposit(uint256,address)", (U256::from(1_000_000), holder.address())).await;
        assert!(done.is_ok(), "a deposit goes through");
        run(&coin, "transfer(address,uint256)", vault.address, 333_337).await;
        (vault, coin)
    }

    /// A collection with four certificates of the holder.
    async fn certificates(&self, name: &str, arguments: &[Token]) -> (Contract, [U256; 4]) {
        let nft = self.contract(name, arguments).await;
        for id in 1..=4 {
            self.mint(&nft, id).await;
        }
        (nft, [1, 2, 3, 4].map(U256::from))
    }

    async fn receivers(&self) -> Receivers {
        receivers(&self.chain, &self.deployer).await
    }
}

fn people(cast: &Cast) -> People {
    People { holder: cast.alice.clone(), friend: cast.erin.clone(), stranger: cast.keeper.clone() }
}

async fn deploy(chain: &Chain, client: &Arc<Client>, name: &str, arguments: &[Token]) -> Contract {
    let code = solidity_init_code(&builder(), name, arguments).unwrap();
    let receipt = chain.send_transaction(name, client, TransactionRequest::new().data(code).into()).await.unwrap();
    Contract::new(chain, receipt.contract_address.unwrap())
}

async fn receivers(chain: &Chain, client: &Arc<Client>) -> Receivers {
    let of = async |manner: u8| deploy(chain, client, "Receiver", &[Token::Uint(manner.into())]).await.address;
    Receivers {
        accepts: of(0).await,
        reverts: of(1).await,
        complains: of(2).await,
        answers_otherwise: of(3).await,
        panics: of(4).await,
        knows_nothing: deploy(chain, client, "OzCoin", &[]).await.address,
    }
}

/// A change of a test certificate's text.
async fn rename(nft: &Contract, who: &Arc<Client>, id: U256) -> Rules {
    let before = nft.text("tokenURI(uint256)", id).await.unwrap();
    let changed = nft.tell(who, "setTokenURI(uint256,string)", (id, "data:,another".to_owned())).await;
    erc721::metadata_updates(nft, id, &before, &changed.expect("anyone may change it")).await
}

#[tokio::test]
async fn the_voting_token_keeps_erc20_and_erc2612() {
    if elsewhere() {
        return;
    }
    let stage = Stage::open("token").await;
    let token = Contract::new(stage.story.chain(), stage.story.deployment.address("token"));
    let cast = &stage.story.cast;
    let people = People { holder: cast.dora.clone(), friend: cast.alice.clone(), stranger: cast.keeper.clone() };
    erc20::suite(&token, &people).await.must_be_kept_by("the token");
    erc2612::suite(&token, &people).await.must_be_kept_by("the token");
    stage.strike().await;
}

#[tokio::test]
async fn the_share_of_a_vault_keeps_erc20_and_erc2612() {
    if elsewhere() {
        return;
    }
    let mut stage = Stage::open("share").await;
    stage.story.capital().await.unwrap();
    let share = Contract::new(stage.story.chain(), stage.story.deployment.address("vault"));
    let people = people(&stage.story.cast);
    erc20::suite(&share, &people).await.must_be_kept_by("the vault's share");
    erc2612::suite(&share, &people).await.must_be_kept_by("the vault's share");
    stage.strike().await;
}

#[tokio::test]
async fn a_vault_keeps_erc4626_and_erc7540() {
    if elsewhere() {
        return;
    }
    let mut stage = Stage::open("vault").await;
    let story = &mut stage.story;
    // premiums that are earned make a share worth more than one unit
    story.capital().await.unwrap();
    story.cover().await.unwrap();
    story.pass(30 * 86_400).await.unwrap();
    let people = people(&story.cast);
    let asset = story.asset(&people.holder);
    let mint = asset.mint(people.holder.address(), usd(20_000_000));
    story.chain().send("minting test dollars", &people.holder, mint).await.unwrap();
    let vault = Contract::new(story.chain(), story.deployment.address("vault"));
    let asset = Contract::new(story.chain(), asset.address());
    erc4626::suite(&vault, &asset, Exit::ByRequest, &people).await.must_be_kept_by("the vault");

    let story = &stage.story;
    let serve = async || {
        let profile = &story.profile;
        story.pass(2 * profile.week + profile.cooldown + 1).await.unwrap();
        let keeper = &story.cast.keeper;
        let serve = story.deployment.vault(keeper).serve(4.into());
        story.chain().send("serving", keeper, serve).await.unwrap();
    };
    erc7540::suite(&vault, &asset, &people, serve).await.must_be_kept_by("the vault");
    stage.strike().await;
}

#[tokio::test]
async fn policies_keep_erc721_and_erc4906() {
    if elsewhere() {
        return;
    }
    let mut stage = Stage::open("policies").await;
    let story = &mut stage.story;
    story.capital().await.unwrap();
    story.fresh_price().await.unwrap();
    let people = people(&story.cast);
    let mut ids = Vec::new();
    for _ in 0..5 {
        story.buy(&people.holder, usd(10_000), 90 * 86_400, usd(10_000)).await.unwrap();
        let receipt = &story.measured.last().unwrap().receipt;
        let from = story.deployment.address("policy");
        let bought: palisade::bindings::policy::PolicyBoughtFilter = event(receipt, from).unwrap();
        ids.push(bought.policy);
    }
    let policies = Contract::new(story.chain(), story.deployment.address("policy"));
    let receivers = receivers(story.chain(), &people.holder).await;
    let four = [ids[0], ids[1], ids[2], ids[3]];
    erc721::suite(&policies, four, &receivers, &people).await.must_be_kept_by("the policy contract");

    let before = policies.text("tokenURI(uint256)", ids[4]).await.unwrap();
    let arguments = (ids[4], U256::from(90 * 86_400), usd(10_000), U256::MAX, Address::zero());
    let extended = policies.tell(&people.holder, "extend(uint256,uint256,uint256,uint256,address)", arguments).await;
    let extended = extended.expect("cover can go on");
    let rules = erc721::metadata_updates(&policies, ids[4], &before, &extended).await;
    rules.must_be_kept_by("an extension");
    let before = policies.text("tokenURI(uint256)", ids[4]).await.unwrap();
    let cancelled = policies.tell(&people.holder, "cancel(uint256,address)", (ids[4], people.holder.address())).await;
    let cancelled = cancelled.expect("cover can be given back");
    let rules = erc721::metadata_updates(&policies, ids[4], &before, &cancelled).await;
    rules.must_be_kept_by("a cancellation");
    stage.strike().await;
}

#[tokio::test]
async fn the_suites_find_nothing_to_say_of_openzeppelin() {
    if elsewhere() {
        return;
    }
    let bare = Bare::set().await;
    for name in ["OzCoin", "OzVotes"] {
        let coin = bare.contract(name, &[]).await;
        bare.mint(&coin, 1_000_000).await;
        erc20::suite(&coin, &bare.people).await.must_be_kept_by(name);
        erc2612::suite(&coin, &bare.people).await.must_be_kept_by(name);
    }
    let (vault, coin) = bare.vault("OzVault", &[]).await;
    erc4626::suite(&vault, &coin, Exit::AtOnce, &bare.people).await.must_be_kept_by("OzVault");
    erc20::suite(&vault, &bare.people).await.must_be_kept_by("OzVault");
    let (nft, ids) = bare.certificates("OzCertificate", &[]).await;
    erc721::suite(&nft, ids, &bare.receivers().await, &bare.people).await.must_be_kept_by("OzCertificate");
    rename(&nft, &bare.people.holder, ids[0]).await.must_be_kept_by("OzCertificate");
    bare.node.stop().await;
}

#[tokio::test]
async fn the_test_dollar_keeps_erc20_and_erc2612() {
    if elsewhere() {
        return;
    }
    let bare = Bare::set().await;
    let names = ["Test dollar", "USDX"].map(|name| Token::String(name.into()));
    let coin = bare.contract("StableCoin", &names).await;
    bare.mint(&coin, 1_000_000).await;
    erc20::suite(&coin, &bare.people).await.must_be_kept_by("StableCoin");
    erc2612::suite(&coin, &bare.people).await.must_be_kept_by("StableCoin");
    bare.node.stop().await;
}

/// Fails unless the suite noticed the flaw by the rule that names it.
fn must_notice(what: &str, flaw: usize, rules: &Rules, rule: &str) {
    let noticed = rules.broken().iter().any(|(broken, _)| *broken == rule);
    assert!(noticed, "flaw {flaw} of {what} went unnoticed as {rule:?}; noticed: {:?}", rules.broken());
}

#[tokio::test]
async fn a_flaw_of_a_token_is_noticed() {
    if elsewhere() {
        return;
    }
    let bare = Bare::set().await;
    let flaws = [
        ("transfer answers true", 20),
        ("transfer moves the value and nothing else", 20),
        ("a transfer of 0 emits Transfer", 20),
        ("transfer answers true", 20),
        ("approve sets the allowance", 20),
        ("nobody moves more than is allowed", 20),
        ("transferFrom uses the allowance up", 20),
        ("nobody signs for another", 2612),
        ("permit sets the allowance", 2612),
        ("DOMAIN_SEPARATOR() is the hash of the domain", 2612),
    ];
    for (flaw, (rule, standard)) in (1..).zip(flaws) {
        let coin = bare.contract("FlawedCoin", &[Token::Uint(flaw.into())]).await;
        bare.mint(&coin, 1_000_000).await;
        let rules = match standard {
            20 => erc20::suite(&coin, &bare.people).await,
            _ => erc2612::suite(&coin, &bare.people).await,
        };
        must_notice("FlawedCoin", flaw, &rules, rule);
    }
    bare.node.stop().await;
}

#[tokio::test]
async fn a_flaw_of_a_vault_is_noticed() {
    if elsewhere() {
        return;
    }
    let bare = Bare::set().await;
    let flaws = [
        "more than maxDeposit is refused",
        "the receiver's shares are all that are new",
        "deposit answers what previewDeposit promises",
        "previewDeposit promises no more than convertToShares",
        "previewMint rounds up where convertToAssets rounds down",
        "previewRedeem promises no more than convertToAssets",
        "previewMint rounds up where convertToAssets rounds down",
        "coming in emits Deposit",
    ];
    for (flaw, rule) in (1..).zip(flaws) {
        let (vault, coin) = bare.vault("FlawedVault", &[Token::Uint(flaw.into())]).await;
        let rules = erc4626::suite(&vault, &coin, Exit::AtOnce, &bare.people).await;
        must_notice("FlawedVault", flaw, &rules, rule);
    }
    bare.node.stop().await;
}

#[tokio::test]
async fn a_flaw_of_a_collection_is_noticed() {
    if elsewhere() {
        return;
    }
    let bare = Bare::set().await;
    let receivers = bare.receivers().await;
    let flaws = [
        "the metadata has changed",
        "a stranger moves nothing",
        "a transfer ends the approval",
        "a receiver that reverts gets nothing",
        "the receiver is told the data",
        "it does not support 0xffffffff",
        "a token that is not has no owner",
        "the zero address has no balance",
    ];
    for (flaw, rule) in (1..).zip(flaws) {
        let (nft, ids) = bare.certificates("FlawedCertificate", &[Token::Uint(flaw.into())]).await;
        let rules = match flaw {
            1 => rename(&nft, &bare.people.holder, ids[0]).await,
            _ => erc721::suite(&nft, ids, &receivers, &bare.people).await,
        };
        must_notice("FlawedCertificate", flaw, &rules, rule);
    }
    bare.node.stop().await;
}
