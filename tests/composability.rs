//! What others build on Palisade, in Solidity, over JSON-RPC: a protocol that insures its users' deposits, a smart account of
//! several owners, and an index of covers; what they are for, to the unit, and what nobody may do with them.

#[path = "stage/disguise.rs"]
mod disguise;
#[allow(dead_code)]
#[path = "stage/signing.rs"]
mod signing;
mod stage;
#[path = "stage/town.rs"]
mod town;

use std::sync::Arc;

use ethers::{
    abi::{Token, encode},
    contract::ContractCall,
    types::{Address, Bytes, H256, TransactionReceipt, U256},
    utils::{id, keccak256},
};
use others::{
    Call, CollectedFilter, CoverIndex, FeeCoin, HaltTrigger, Haltable, InsuredDeposits, InsuredFilter, Line,
    LyingTrigger, NotFiledFilter, Order, SmartAccount,
};
use palisade::{
    bindings::{
        governor::ProposalCreatedFilter,
        lending,
        policy::{Policy, PolicyBoughtFilter},
    },
    chain::{Client, Error},
    deploy::profile::{pali, usd},
    story::event,
};
use signing::sign;
use town::{DAY, Offer, Town, refusal};

mod others {
    #![allow(missing_docs, unreachable_pub, clippy::all)]
    ethers::contract::abigen!(InsuredDeposits, "tests/solidity/artifacts/InsuredDeposits.json");
    ethers::contract::abigen!(SmartAccount, "tests/solidity/artifacts/SmartAccount.json");
    ethers::contract::abigen!(CoverIndex, "tests/solidity/artifacts/CoverIndex.json");
    ethers::contract::abigen!(HaltTrigger, "tests/solidity/artifacts/HaltTrigger.json");
    ethers::contract::abigen!(LyingTrigger, "tests/solidity/artifacts/LyingTrigger.json");
    ethers::contract::abigen!(FeeCoin, "tests/solidity/artifacts/FeeCoin.json");
    ethers::contract::abigen!(Haltable, "tests/solidity/artifacts/Haltable.json");
}

const HOUR: u64 = 3_600;
/// What is covered, and what stands behind it.
const SUBJECT: [u8; 32] = [0x43; 32];
const KEY: [u8; 32] = [0x4b; 32];
/// `IRisk.Cover.Default`, and `IRisk.Cover.Oracle` for a trigger of one's own.
const DEFAULT: u8 = 2;
const ORACLE: u8 = 3;

const CONSENT: &str = "Consent(address insured,uint256 product,bytes32 subject,bytes32 position,uint256 amount,uint256 term,address receiver,uint256 nonce,uint256 deadline)";
const BALLOT: &str = "Ballot(uint256 proposalId,uint8 support,address voter,uint256 nonce)";
const CALL: &str = "Call(address target,uint256 value,bytes data)";
const EXECUTE: &str =
    "Execute(Call[] calls,uint256 nonce,uint256 deadline)Call(address target,uint256 value,bytes data)";
const MESSAGE: &str = "Message(bytes32 hash)";

fn skipped() -> bool {
    let skipped = std::env::var_os("PALISADE_RPC_URL").is_some();
    if skipped {
        eprintln!("skipped: PALISADE_RPC_URL is set, and governance is not waited for here");
    }
    skipped
}

/// It is refused with this error, of a contract of ours by its name, of others by the selector.
#[track_caller]
fn expect_refusal<T: std::fmt::Debug>(result: Result<T, Error>, error: &str) {
    let refused = refusal(result);
    let name = error.split('(').next().unwrap_or_default();
    let selector = hex::encode(id(error));
    assert!(refused.starts_with(name) || refused.contains(&selector), "{error} ({selector}): {refused}");
}

/// The separator of an EIP-712 domain with a name and a version.
fn separator(name: &str, version: &str, chain: u64, contract: Address) -> [u8; 32] {
    keccak256(encode(&[
        Token::FixedBytes(
            keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)").to_vec(),
        ),
        Token::FixedBytes(keccak256(name).to_vec()),
        Token::FixedBytes(keccak256(version).to_vec()),
        Token::Uint(chain.into()),
        Token::Address(contract),
    ]))
}

/// The fields of an insured's consent to a cover without position.
fn consent(
    line: (U256, [u8; 32]),
    insured: Address,
    amount: U256,
    term: U256,
    receiver: Address,
    nonce: U256,
) -> [Token; 9] {
    [
        Token::Address(insured),
        Token::Uint(line.0),
        Token::FixedBytes(line.1.to_vec()),
        Token::FixedBytes(vec![0; 32]),
        Token::Uint(amount),
        Token::Uint(term),
        Token::Address(receiver),
        Token::Uint(nonce),
        Token::Uint(U256::MAX),
    ]
}

async fn record(town: &Town, policy: U256) -> Policy {
    town.ask(town.stage.story.deployment.policy(&town.keeper).policy_of(policy)).await
}

async fn premium(town: &Town, line: (U256, [u8; 32]), insured: Address, amount: U256, days: u64) -> U256 {
    let policy = town.stage.story.deployment.policy(&town.keeper);
    town.ask(policy.quote(line.0, line.1, insured, [0; 32], amount, (days * DAY).into())).await.0
}

/// EVM code that reverts with these four bytes, whatever it is asked.
fn refusing(word: [u8; 4]) -> Bytes {
    // PUSH4 word PUSH1 0 MSTORE PUSH1 4 PUSH1 28 REVERT
    [&[0x63][..], &word, &[0x60, 0, 0x52, 0x60, 4, 0x60, 28, 0xfd]].concat().into()
}

/// EVM code of a token of which everybody has one unit, and of which it moves none and says so.
fn declining() -> Bytes {
    // a balance is asked for by 36 bytes: CALLDATASIZE PUSH1 36 EQ PUSH1 0 MSTORE PUSH1 32 PUSH1 0 RETURN
    vec![0x36, 0x60, 36, 0x14, 0x60, 0, 0x52, 0x60, 32, 0x60, 0, 0xf3].into()
}

/// Puts other code at a contract, as only a development chain does; answers with the code that was there.
async fn replace(town: &Town, contract: Address, code: Bytes) -> Bytes {
    let chain = town.stage.story.chain();
    let former = chain.code(contract).await.unwrap();
    chain.request("anvil_setCode", (contract, code)).await.unwrap();
    former.to_vec().into()
}

// ————————————————————————————————————————————————————————————————————————————————————————————— insured deposits

/// A protocol with deposits, its lender, and the product that covers its depositors.
struct Protocol {
    town: Town,
    at: Address,
    lender: Address,
    product: U256,
}

impl Protocol {
    /// Carol has 100,000 there, which she does not insure; the keeper operates it.
    async fn open(name: &str) -> Self {
        let town = Town::open(name).await;
        let deployment = &town.stage.story.deployment;
        let address = |name: &str| Token::Address(deployment.address(name));
        let lender = town.deploy("OzVault", &[address("asset")]).await;
        let arguments = [Token::Address(lender), address("policy"), address("assessor")];
        let at = town.deploy("InsuredDeposits", &arguments).await;
        let carol = town.stage.story.cast.carol.clone();
        town.stage.story.provide(&carol, at, usd(100_000)).await.unwrap();
        let deposits = InsuredDeposits::new(at, carol.clone());
        town.send(&carol, deposits.deposit(usd(100_000), U256::zero())).await.unwrap();
        let trigger = deployment.lending(&town.keeper);
        let config = lending::Subject {
            source: at,
            asset: deployment.address("asset"),
            kind: 2,
            trigger_bps: 200,
            persistence: (6 * HOUR) as u32,
            calm: DAY as u32,
        };
        let register = trigger.register(SUBJECT, config).calldata().unwrap();
        let offer = Offer { trigger: trigger.address(), cover: DEFAULT, subject: SUBJECT, key: KEY };
        let product = town.product(offer, &[(trigger.address(), register)]).await;
        let protocol = Self { at, lender, product, town };
        let (frank, keeper) = (protocol.town.stage.story.cast.frank.clone(), protocol.town.keeper.clone());
        let refused = protocol.town.send(&frank, protocol.by(&frank).enlist(product, SUBJECT)).await;
        expect_refusal(refused, "NotOperator(address)");
        let unknown = protocol.town.send(&keeper, protocol.by(&keeper).enlist(product + 1, SUBJECT)).await;
        expect_refusal(unknown, "UnknownProduct(uint256)");
        protocol.town.send(&keeper, protocol.by(&keeper).enlist(product, SUBJECT)).await.unwrap();
        let again = protocol.town.send(&keeper, protocol.by(&keeper).enlist(product, SUBJECT)).await;
        expect_refusal(again, "AlreadyEnlisted()");
        protocol
    }

    fn by(&self, who: &Arc<Client>) -> InsuredDeposits<Client> {
        InsuredDeposits::new(self.at, who.clone())
    }

    const fn line(&self) -> (U256, [u8; 32]) {
        (self.product, SUBJECT)
    }

    /// What somebody signs to be insured there for sixty days.
    async fn order(&self, who: &Arc<Client>, cover: U256, most: U256) -> Order {
        let policy = self.town.stage.story.deployment.policy(who);
        let nonce = self.town.ask(policy.nonces(who.address())).await;
        let term = U256::from(60 * DAY);
        let separator = self.town.ask(policy.domain_separator()).await;
        let fields = consent(self.line(), who.address(), cover, term, self.at, nonce);
        let signature = sign(who, separator, CONSENT, &fields).to_vec().into();
        Order { cover, term, max_premium: most, signed_until: U256::MAX, signature }
    }

    /// A deposit with its cover; what the event of the purchase told, and that of the policy.
    async fn insure(&self, who: &Arc<Client>, assets: U256, order: Order) -> Result<(InsuredFilter, Bytes), Error> {
        let receipt = self.town.send(who, self.by(who).deposit_insured(assets, U256::zero(), order)).await?;
        let policies = self.town.stage.story.deployment.address("policy");
        let bought: PolicyBoughtFilter = event(&receipt, policies).expect("a policy was bought");
        let insured: InsuredFilter = event(&receipt, self.at).expect("the protocol says so");
        Ok((insured, bought.entry))
    }

    /// A part of what is at the lender is gone.
    async fn lose(&self, part: u64) -> U256 {
        let had = self.town.coins(self.lender).await;
        let gone = had / part;
        let asset = self.town.stage.story.asset(&self.town.keeper);
        let thief = Address::from_low_u64_be(0xdead);
        let data = asset.transfer(thief, gone).calldata().unwrap();
        self.town.act_as(self.lender, &[(asset.address(), data)]).await;
        gone
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protocol_insures_its_users_deposits_and_hands_each_what_his_policy_was_paid() {
    if skipped() {
        return;
    }
    let protocol = Protocol::open("insured-deposits").await;
    let town = &protocol.town;
    let cast = &town.stage.story.cast;
    let (bob, erin, frank, keeper) = (town.bob.clone(), cast.erin.clone(), cast.frank.clone(), town.keeper.clone());
    let (me, other) = (bob.address(), Address::from_low_u64_be(0xb0b));
    let (deposit, cover) = (usd(200_000), usd(200_000));
    let price = premium(town, protocol.line(), me, cover, 60).await;
    let most = price * 2;

    // what Bob has signed is what is bought: not for more, not for somebody else, not twice
    town.stage.story.provide(&bob, protocol.at, deposit + most).await.unwrap();
    let had = town.coins(me).await;
    let order = protocol.order(&bob, cover, most).await;
    let forged = Order { cover: cover - 1, ..order.clone() };
    expect_refusal(protocol.insure(&bob, deposit, forged).await, "InsuredMustConsent(address)");
    let of_another = protocol.order(&frank, cover, most).await;
    expect_refusal(protocol.insure(&bob, deposit, of_another).await, "InsuredMustConsent(address)");
    let too_much = protocol.order(&bob, deposit + 1, most).await;
    expect_refusal(protocol.insure(&bob, deposit, too_much).await, "InterestExceeded(uint256,uint256)");
    let too_cheap = Order { max_premium: price / 2, ..order.clone() };
    expect_refusal(protocol.insure(&bob, deposit, too_cheap).await, "PremiumTooHigh(uint256,uint256)");
    assert_eq!(town.coins(me).await, had, "what was refused cost nothing");
    let (insured, entry) = protocol.insure(&bob, deposit, order.clone()).await.unwrap();
    assert_eq!((insured.user, insured.cover), (me, cover));
    assert_eq!(had - town.coins(me).await, deposit + insured.premium, "the rest of the most came back");
    assert!(insured.premium > U256::zero() && insured.premium < most);
    assert_eq!(town.coins(protocol.at).await, U256::zero());
    let asset = town.stage.story.asset(&bob);
    let policies = town.stage.story.deployment.policy(&bob);
    assert_eq!(town.ask(asset.allowance(protocol.at, policies.address())).await, U256::zero());
    let policy = record(town, insured.policy).await;
    assert_eq!((policy.holder, policy.insured, policy.amount), (protocol.at, me, cover));
    town.stage.story.provide(&bob, protocol.at, deposit + most).await.unwrap();
    expect_refusal(protocol.insure(&bob, deposit, order).await, "InsuredMustConsent(address)");

    // Erin insures half of hers, and takes half of it out before anything happens
    let half = usd(50_000);
    let most = premium(town, protocol.line(), erin.address(), half, 60).await * 2;
    town.stage.story.provide(&erin, protocol.at, half * 2 + most).await.unwrap();
    let order = protocol.order(&erin, half, most).await;
    let (insured_2, entry_2) = protocol.insure(&erin, half * 2, order).await.unwrap();
    let shares = town.ask(protocol.by(&erin).balance_of(erin.address())).await;
    let not_hers = town.send(&erin, protocol.by(&erin).withdraw(shares + 1, erin.address())).await;
    expect_refusal(not_hers, "InsufficientShares(address,uint256,uint256)");
    let had = town.coins(erin.address()).await;
    town.send(&erin, protocol.by(&erin).withdraw(shares / 2, erin.address())).await.unwrap();
    assert_eq!(town.coins(erin.address()).await - had, half);

    // a fifth of what was lent is gone; it is proven by two observations
    town.pass(DAY + HOUR).await;
    town.report(protocol.line()).await.unwrap();
    assert_eq!(protocol.lose(5).await, usd(70_000));
    town.report(protocol.line()).await.unwrap();
    let (policy, incident) = (insured.policy, U256::one());
    let early = protocol.by(&bob).file(policy, incident, entry.clone(), Bytes::new());
    expect_refusal(town.send(&bob, early).await, "ClaimInconclusive(uint256,uint256)");
    town.pass(6 * HOUR).await;
    town.report(protocol.line()).await.unwrap();

    // nobody else claims: neither here nor where the claims are
    let stolen = protocol.by(&frank).file(policy, incident, entry.clone(), Bytes::new());
    expect_refusal(town.send(&frank, stolen).await, "NotYours(address,uint256)");
    let ids = vec![99.into(), policy, insured_2.policy];
    let entries = vec![Bytes::new(), entry.clone(), entry_2];
    let stolen = protocol.by(&frank).file_all(ids.clone(), incident, entries.clone(), Bytes::new());
    expect_refusal(town.send(&frank, stolen).await, "NotOperator(address)");
    let assessor = town.stage.story.deployment.assessor(&bob);
    let around = assessor.file(policy, incident, entry.clone(), Bytes::new());
    expect_refusal(town.send(&bob, around).await, "NotHolder(address,uint256)");

    // the operator files for all; one that cannot be filed holds up nobody
    let all = protocol.by(&keeper).file_all(ids, incident, entries, Bytes::new());
    let starved = town.send(&keeper, all.clone().gas(2_100_000)).await;
    expect_refusal(starved, "TooLittleGas(uint256)");
    let receipt = town.send(&keeper, all).await.unwrap();
    let refused: NotFiledFilter = event(&receipt, protocol.at).unwrap();
    assert_eq!(refused.policy, 99.into());
    assert_eq!(town.coins(protocol.at).await, usd(45_000));
    let due = async |id: U256| town.ask(protocol.by(&keeper).collectable(id)).await;
    assert_eq!(due(policy).await, usd(40_000), "a fifth of 200,000");
    assert_eq!(due(insured_2.policy).await, usd(5_000), "a fifth of 50,000, of the half that is still there");
    let again = protocol.by(&bob).file(policy, incident, entry, Bytes::new());
    expect_refusal(town.send(&bob, again).await, "NothingToPay(uint256,uint256)");

    // each takes his own, once
    for thief in [&frank, &erin, &keeper] {
        let call = protocol.by(thief).collect(policy, thief.address());
        expect_refusal(town.send(thief, call).await, "NotYours(address,uint256)");
    }
    let receipt = town.send(&bob, protocol.by(&bob).collect(policy, other)).await.unwrap();
    let told: CollectedFilter = event(&receipt, protocol.at).unwrap();
    assert_eq!((told.user, told.receiver, told.amount), (me, other, usd(40_000)));
    assert_eq!(town.coins(other).await, usd(40_000));
    expect_refusal(town.send(&bob, protocol.by(&bob).collect(policy, me)).await, "NothingToCollect(uint256)");

    // with what is left of his deposit Bob is whole
    let shares = town.ask(protocol.by(&bob).balance_of(me)).await;
    town.send(&bob, protocol.by(&bob).withdraw(shares, other)).await.unwrap();
    assert_eq!(town.coins(other).await, deposit);

    // Erin takes her certificate out, with the payout; sent back, it brings no payout a second time
    let had = town.coins(erin.address()).await;
    let id = insured_2.policy;
    expect_refusal(town.send(&frank, protocol.by(&frank).release(id)).await, "NotYours(address,uint256)");
    town.send(&erin, protocol.by(&erin).release(id)).await.unwrap();
    assert_eq!(town.coins(erin.address()).await - had, usd(5_000));
    assert_eq!(record(town, id).await.holder, erin.address());
    let not_there = town.send(&frank, protocol.by(&frank).adopt(id)).await;
    expect_refusal(not_there, "NotAdoptable(uint256)");
    let back = town.stage.story.deployment.policy(&erin).transfer_from(erin.address(), protocol.at, id);
    town.send(&erin, back).await.unwrap();
    expect_refusal(town.send(&erin, protocol.by(&erin).collect(id, me)).await, "NotYours(address,uint256)");
    town.send(&frank, protocol.by(&frank).adopt(id)).await.unwrap();
    expect_refusal(town.send(&frank, protocol.by(&frank).adopt(id)).await, "NotAdoptable(uint256)");
    expect_refusal(town.send(&erin, protocol.by(&erin).collect(id, me)).await, "NothingToCollect(uint256)");
    town.send(&erin, protocol.by(&erin).release(id)).await.unwrap();

    assert_eq!(town.coins(protocol.at).await, U256::zero(), "each has his part, and nothing is left over");
    protocol.town.stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payout_that_could_not_be_sent_waits_for_its_insured_and_is_nobody_elses() {
    if skipped() {
        return;
    }
    let protocol = Protocol::open("late-payout").await;
    let town = &protocol.town;
    let (bob, thief) = (town.bob.clone(), Address::from_low_u64_be(0xdead));
    let (cover, me) = (usd(200_000), bob.address());
    let most = premium(town, protocol.line(), me, cover, 60).await * 2;
    town.stage.story.provide(&bob, protocol.at, cover + most).await.unwrap();
    let order = protocol.order(&bob, cover, most).await;
    let (insured, entry) = protocol.insure(&bob, cover, order).await.unwrap();
    town.pass(DAY + HOUR).await;
    town.report(protocol.line()).await.unwrap();
    protocol.lose(5).await;
    town.report(protocol.line()).await.unwrap();
    town.pass(6 * HOUR).await;

    // the pool's token does not move at the moment: what is paid becomes a credit
    let asset = town.stage.story.asset(&bob);
    let vault = town.stage.story.deployment.vault(&bob);
    let all = town.coins(vault.address()).await;
    let away = asset.transfer(thief, all).calldata().unwrap();
    town.act_as(vault.address(), &[(asset.address(), away)]).await;
    let file = protocol.by(&bob).file(insured.policy, 1.into(), entry, Bytes::new());
    town.send(&bob, file).await.unwrap();
    assert_eq!(town.ask(vault.credit_of(protocol.at)).await, usd(40_000));
    assert_eq!(town.coins(protocol.at).await, U256::zero());
    let collect = protocol.by(&bob).collect(insured.policy, me);
    let refused = town.send(&bob, collect.clone()).await;
    expect_refusal(refused, "ERC20InsufficientBalance(address,uint256,uint256)");

    let back = asset.transfer(vault.address(), all).calldata().unwrap();
    town.act_as(thief, &[(asset.address(), back)]).await;
    let had = town.coins(me).await;
    town.send(&bob, collect.clone()).await.unwrap();
    assert_eq!(town.coins(me).await - had, usd(40_000));
    expect_refusal(town.send(&bob, collect).await, "NothingToCollect(uint256)");
    protocol.town.stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_pool_owes_holds_its_certificate_where_it_is_until_it_is_paid() {
    if skipped() {
        return;
    }
    let protocol = Protocol::open("owed").await;
    let town = &protocol.town;
    let cast = &town.stage.story.cast;
    let (bob, erin, frank, keeper) = (town.bob.clone(), cast.erin.clone(), cast.frank.clone(), town.keeper.clone());
    let deployment = &town.stage.story.deployment;
    let (vault, assessor, asset) =
        (deployment.vault(&keeper), deployment.assessor(&keeper), town.stage.story.asset(&keeper));
    let (me, cover, line) = (bob.address(), usd(200_000), protocol.line());

    // Bob's cover came with his deposit; Erin holds one herself, and one that Frank has bought for her is at the protocol
    let most = premium(town, line, me, cover, 60).await * 2;
    town.stage.story.provide(&bob, protocol.at, cover + most).await.unwrap();
    let order = protocol.order(&bob, cover, most).await;
    let (insured, entry) = protocol.insure(&bob, cover, order).await.unwrap();
    let bobs = insured.policy;
    town.stage.story.provide(&erin, protocol.at, usd(100_000)).await.unwrap();
    town.send(&erin, protocol.by(&erin).deposit(usd(100_000), U256::zero())).await.unwrap();
    for who in [&erin, &frank] {
        town.fund(who).await;
    }
    let policies = deployment.policy(&erin);
    let (term, none) = (U256::from(60 * DAY), Address::zero());
    let her = erin.address();
    let buy = policies.buy(line.0, line.1, her, [0; 32], usd(50_000), term, most, U256::MAX, her, none);
    let receipt = town.send(&erin, buy).await.unwrap();
    let erins: PolicyBoughtFilter = event(&receipt, policies.address()).unwrap();
    let Order { signature, .. } = protocol.order(&erin, usd(20_000), most).await;
    let given = deployment.policy(&frank).buy_for(
        line.0,
        line.1,
        her,
        [0; 32],
        usd(20_000),
        term,
        most,
        U256::MAX,
        protocol.at,
        none,
        U256::MAX,
        signature,
    );
    let receipt = town.send(&frank, given).await.unwrap();
    let given: PolicyBoughtFilter = event(&receipt, policies.address()).unwrap();

    // a fifth of what was lent is gone, and another catastrophe has taken all that the pool had
    town.pass(DAY + HOUR).await;
    town.report(line).await.unwrap();
    protocol.lose(5).await;
    town.report(line).await.unwrap();
    town.pass(6 * HOUR).await;
    town.report(line).await.unwrap();
    let (all, zero) = (town.ask(vault.solvency()).await.assets, U256::zero());
    let elsewhere = vault.pay(1_000_000.into(), Address::from_low_u64_be(0xbad), zero, all, all, zero);
    town.act_as(assessor.address(), &[(vault.address(), elsewhere.calldata().unwrap())]).await;

    // what is held for nobody is not filed: nobody could collect what it was paid
    let ids = vec![bobs, given.policy];
    let file_all = protocol.by(&keeper).file_all(ids, 1.into(), vec![entry, given.entry.clone()], Bytes::new());
    let receipt = town.send(&keeper, file_all).await.unwrap();
    let refused: NotFiledFilter = event(&receipt, protocol.at).unwrap();
    assert_eq!((refused.policy, &refused.reason[..4]), (given.policy, &id("NotYours(address,uint256)")[..]));
    town.send(&frank, protocol.by(&frank).adopt(given.policy)).await.unwrap();
    let file = protocol.by(&erin).file(given.policy, 1.into(), given.entry, Bytes::new());
    town.send(&erin, file).await.unwrap();
    let file = deployment.assessor(&erin).file(erins.policy, 1.into(), erins.entry, Bytes::new());
    town.send(&erin, file).await.unwrap();
    // all are above what an empty pool pays at once
    for id in [bobs, erins.policy, given.policy] {
        let (claim, now) = (town.ask(assessor.open_claim(id)).await, town.stage.story.chain().now().await.unwrap());
        if claim.stage != 0 {
            town.pass(claim.due.saturating_sub(now) + 1).await;
            town.send(&keeper, assessor.execute(id, Bytes::new(), Bytes::new())).await.unwrap();
        }
    }
    // it pays what it has earned of premiums since, and owes the rest
    let owed = async |id: U256| town.ask(vault.owed_of(id)).await.1;
    let (of_bob, of_erin) = (owed(bobs).await, owed(given.policy).await);
    assert!(of_bob > usd(39_900) && of_erin > usd(3_900), "{of_bob} and {of_erin}");
    let came = town.coins(protocol.at).await;
    assert!(came > zero && came <= usd(44_000) - of_bob - of_erin, "{came}");
    assert!(owed(erins.policy).await > usd(9_900));

    // nobody takes his certificate out meanwhile, and Erin's, of which she is owed herself, does not come in
    let release = protocol.by(&bob).release(bobs);
    expect_refusal(town.send(&bob, release.clone()).await, "StillOwed(uint256,uint256)");
    let (collect, had) = (protocol.by(&bob).collect(bobs, me), town.coins(me).await);
    assert!(of_bob < usd(40_000));
    town.send(&bob, collect.clone()).await.unwrap();
    assert_eq!(town.coins(me).await - had, usd(40_000) - of_bob);
    expect_refusal(town.send(&bob, collect.clone()).await, "NothingToCollect(uint256)");
    town.send(&erin, policies.transfer_from(her, protocol.at, erins.policy)).await.unwrap();
    let adopt = protocol.by(&erin).adopt(erins.policy);
    expect_refusal(town.send(&erin, adopt.clone()).await, "StillOwed(uint256,uint256)");

    // something is won back: it is there for whom the pool owes
    let back = usd(1_000_000);
    town.stage.story.provide(&keeper, vault.address(), back).await.unwrap();
    town.send(&keeper, vault.recover(back)).await.unwrap();
    assert_eq!(owed(bobs).await + owed(erins.policy).await + owed(given.policy).await, zero);

    // a pool that does not answer as it should, and a token that says no, are told as such: nothing is booked as taken
    let pool = replace(town, vault.address(), refusing([0xde, 0xad, 0xbe, 0xef])).await;
    let refused = refusal(town.send(&bob, collect.clone()).await);
    let not_fetched = hex::encode(id("NotFetched(uint256,bytes)"));
    assert!(refused.contains(&not_fetched) && refused.contains("deadbeef"), "{refused}");
    replace(town, vault.address(), pool).await;
    let before = town.coins(protocol.at).await;
    town.send(&frank, deployment.vault(&frank).claim_owed(bobs)).await.unwrap();
    assert_eq!(town.coins(protocol.at).await - before, of_bob, "whoever asks for it");
    let coin = replace(town, asset.address(), declining()).await;
    expect_refusal(town.send(&bob, collect).await, "TransferFailed()");
    replace(town, asset.address(), coin).await;

    // each has his own
    town.send(&bob, release).await.unwrap();
    assert_eq!(town.coins(me).await - had, usd(40_000));
    assert_eq!(record(town, bobs).await.holder, me);
    town.send(&frank, deployment.vault(&frank).claim_owed(erins.policy)).await.unwrap();
    town.send(&erin, adopt).await.unwrap();
    let nothing = protocol.by(&erin).collect(erins.policy, her);
    expect_refusal(town.send(&erin, nothing).await, "NothingToCollect(uint256)");
    let had = town.coins(her).await;
    town.send(&erin, protocol.by(&erin).collect(given.policy, her)).await.unwrap();
    assert_eq!(town.coins(her).await - had, usd(4_000));
    assert_eq!(town.coins(protocol.at).await, zero);
    protocol.town.stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deposits_are_safe_from_a_lender_that_calls_back_and_from_a_token_with_a_fee() {
    if skipped() {
        return;
    }
    let town = Town::open("hostile-peers").await;
    let bob = town.bob.clone();
    let address = |name: &str| Token::Address(town.stage.story.deployment.address(name));
    let over = async |asset: Token| {
        let lender = town.deploy("ThievingLender", &[asset]).await;
        let arguments = [Token::Address(lender), address("policy"), address("assessor")];
        InsuredDeposits::new(town.deploy("InsuredDeposits", &arguments).await, bob.clone())
    };
    let deposits = over(address("asset")).await;
    town.stage.story.provide(&bob, deposits.address(), usd(100)).await.unwrap();
    let greedy = deposits.deposit(usd(100), usd(100) * 1_000_000 + 1);
    expect_refusal(town.send(&bob, greedy).await, "TooFewShares(uint256,uint256)");
    town.send(&bob, deposits.deposit(usd(100), U256::zero())).await.unwrap();
    let shares = town.ask(deposits.balance_of(bob.address())).await;
    expect_refusal(town.send(&bob, deposits.withdraw(shares, bob.address())).await, "Reentered()");

    let coin = town.deploy("FeeCoin", &[]).await;
    let deposits = over(Token::Address(coin)).await;
    town.send(&bob, FeeCoin::new(coin, bob.clone()).mint(bob.address(), usd(100))).await.unwrap();
    let short = town.send(&bob, deposits.deposit(usd(100), U256::zero())).await;
    expect_refusal(short, "UnexpectedBalance(uint256,uint256)");

    // a token that says no and does not revert: neither its allowance nor its payment is taken for granted
    let coin_of_bob = FeeCoin::new(coin, bob.clone());
    town.send(&bob, coin_of_bob.refuse(true)).await.unwrap();
    let refused = town.send(&bob, deposits.deposit(usd(50), U256::zero())).await;
    expect_refusal(refused, "TransferFailed()");
    let lender = town.deploy("ThievingLender", &[Token::Address(coin)]).await;
    let arguments = [Token::Address(lender), address("policy"), address("assessor")];
    expect_refusal(town.try_deploy("InsuredDeposits", &arguments).await, "TransferFailed()");
    town.send(&bob, coin_of_bob.refuse(false)).await.unwrap();

    let keeper = InsuredDeposits::new(deposits.address(), town.keeper.clone());
    let product = town.stage.story.deployment.product;
    expect_refusal(town.send(&town.keeper, keeper.enlist(product, SUBJECT)).await, "WrongAsset(address)");
    town.stage.strike().await;
}

// —————————————————————————————————————————————————————————————————————————————————————————————— a smart account

/// An account of Alice, Dora and Erin, of whom two must sign; the keeper brings what they have signed.
struct Account {
    town: Town,
    at: SmartAccount<Client>,
    owners: Vec<Arc<Client>>,
    separator: [u8; 32],
}

impl Account {
    async fn open(name: &str) -> Self {
        let town = Town::open(name).await;
        let cast = &town.stage.story.cast;
        let mut owners = vec![cast.alice.clone(), cast.dora.clone(), cast.erin.clone()];
        owners.sort_by_key(|owner| owner.address());
        let named = owners.iter().map(|owner| Token::Address(owner.address())).collect();
        let at = town.deploy("SmartAccount", &[Token::Array(named), Token::Uint(2.into())]).await;
        let chain = town.stage.story.chain().id();
        let at = SmartAccount::new(at, town.keeper.clone());
        Self { separator: separator("Smart account", "1", chain, at.address()), town, at, owners }
    }

    fn address(&self) -> Address {
        self.at.address()
    }

    /// The signatures of signers under a struct of the account's domain, one after the other.
    fn signed(&self, signers: &[&Arc<Client>], kind: &str, fields: &[Token]) -> Bytes {
        signers.iter().flat_map(|who| sign(who, self.separator, kind, fields).to_vec()).collect::<Vec<_>>().into()
    }

    /// What signers sign for the account to make calls, as wallets compute it.
    async fn orders(&self, signers: &[&Arc<Client>], calls: &[Call]) -> Bytes {
        let nonce = self.town.ask(self.at.nonce()).await;
        let hash = |call: &Call| {
            keccak256(encode(&[
                Token::FixedBytes(keccak256(CALL).to_vec()),
                Token::Address(call.target),
                Token::Uint(call.value),
                Token::FixedBytes(keccak256(&call.data).to_vec()),
            ]))
        };
        let hashes: Vec<u8> = calls.iter().flat_map(hash).collect();
        let fields = [Token::FixedBytes(keccak256(hashes).to_vec()), Token::Uint(nonce), Token::Uint(U256::MAX)];
        self.signed(signers, EXECUTE, &fields)
    }

    async fn bring(&self, calls: &[Call], signatures: Bytes) -> Result<TransactionReceipt, Error> {
        self.town.send(&self.town.keeper, self.at.execute(calls.to_vec(), U256::MAX, signatures)).await
    }

    /// Two owners have the account make calls.
    async fn act(&self, calls: &[Call]) -> TransactionReceipt {
        let signatures = self.orders(&[&self.owners[0], &self.owners[2]], calls).await;
        self.bring(calls, signatures).await.unwrap()
    }

    /// What owners sign for the account to stand by a struct of another domain.
    fn stands_by(&self, signers: &[&Arc<Client>], domain: [u8; 32], kind: &str, fields: &[Token]) -> Bytes {
        let words = [&[Token::FixedBytes(keccak256(kind).to_vec())], fields].concat();
        let digest = keccak256([&[0x19, 0x01][..], &domain, &keccak256(encode(&words))].concat());
        self.signed(signers, MESSAGE, &[Token::FixedBytes(digest.to_vec())])
    }
}

/// A call as the account is told it.
fn call<D>(call: &ContractCall<Client, D>) -> Call {
    let target = *call.tx.to_addr().expect("a call has a target");
    let data = call.tx.data().expect("a call has data").clone();
    Call { target, value: U256::zero(), data }
}

/// A product on a contract that is halted, as its trigger is the town's own.
struct Halting {
    trigger: HaltTrigger<Client>,
    target: Haltable<Client>,
    product: U256,
}

impl Halting {
    /// A quarter of the cover is lost when it stays halted for six hours.
    async fn open(town: &Town) -> Self {
        let timelock = Token::Address(town.stage.story.deployment.address("timelock"));
        let target = town.deploy("Haltable", &[]).await;
        let arguments = [timelock, Token::Uint((6 * HOUR).into()), Token::Uint(2_500.into())];
        let at = town.deploy("HaltTrigger", &arguments).await;
        let trigger = HaltTrigger::new(at, town.keeper.clone());
        let register = trigger.register(SUBJECT, target).calldata().unwrap();
        let offer = Offer { trigger: at, cover: ORACLE, subject: SUBJECT, key: KEY };
        let product = town.product(offer, &[(at, register)]).await;
        Self { trigger, target: Haltable::new(target, town.keeper.clone()), product }
    }

    const fn line(&self) -> (U256, [u8; 32]) {
        (self.product, SUBJECT)
    }

    async fn look(&self, town: &Town) {
        town.send(&town.keeper, self.trigger.observe(SUBJECT, Bytes::new())).await.unwrap();
    }

    /// It is halted, or runs again, and the trigger has seen it.
    async fn halt(&self, town: &Town, halted: bool) {
        town.send(&town.keeper, self.target.halt(halted)).await.unwrap();
        self.look(town).await;
    }

    /// It stays halted until that is an incident.
    async fn stay(&self, town: &Town) {
        town.pass(6 * HOUR).await;
        self.look(town).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_acts_by_as_many_owners_as_it_needs_and_once_for_each_signature() {
    if skipped() {
        return;
    }
    let account = Account::open("signatures").await;
    let (town, owners) = (&account.town, &account.owners);
    let (frank, to) = (town.stage.story.cast.frank.clone(), Address::from_low_u64_be(0xb0b));
    let asset = town.stage.story.asset(&town.keeper);
    town.send(&town.keeper, asset.mint(account.address(), usd(100))).await.unwrap();
    let pay = [call(&asset.transfer(to, usd(40)))];

    // the digest is the one that the contract tells
    let nonce = town.ask(account.at.nonce()).await;
    let digest = town.ask(account.at.execute_hash(pay.to_vec(), nonce, U256::MAX)).await;
    let raw = owners[0].signer().sign_hash(H256(digest)).unwrap().to_vec();
    assert_eq!(account.orders(&[&owners[0]], &pay).await.to_vec(), raw);

    let one = account.orders(&[&owners[0]], &pay).await;
    expect_refusal(account.bring(&pay, one).await, "TooFewSignatures(uint256,uint256)");
    for signers in [[&owners[0], &owners[0]], [&owners[1], &owners[0]], [&owners[0], &frank], [&frank, &owners[2]]] {
        let signatures = account.orders(&signers, &pay).await;
        expect_refusal(account.bring(&pay, signatures).await, "InvalidSignature(uint256)");
    }
    let two = account.orders(&[&owners[0], &owners[1]], &pay).await;
    let more = [call(&asset.transfer(to, usd(50)))];
    expect_refusal(account.bring(&more, two.clone()).await, "InvalidSignature(uint256)");
    let sooner = account.at.execute(pay.to_vec(), U256::one(), two.clone());
    expect_refusal(town.send(&town.keeper, sooner).await, "DeadlinePassed(uint256)");
    account.bring(&pay, two.clone()).await.unwrap();
    assert_eq!(town.coins(to).await, usd(40));
    expect_refusal(account.bring(&pay, two).await, "InvalidSignature(uint256)");

    // an account has as many owners as must sign, each named once
    let name = |who: &Arc<Client>| Token::Address(who.address());
    for (named, threshold) in [
        (vec![], 0_u64),
        (vec![name(&owners[0])], 2),
        (vec![name(&owners[0]), name(&owners[0])], 2),
        (vec![Token::Address(Address::zero())], 1),
    ] {
        let refused = town.try_deploy("SmartAccount", &[Token::Array(named), Token::Uint(threshold.into())]).await;
        expect_refusal(refused, "InvalidOwners()");
    }

    // all calls or none, and what one reverts with is told
    let batch = [pay[0].clone(), call(&asset.transfer(to, usd(60)))];
    let signatures = account.orders(&[&owners[0], &owners[1]], &batch).await;
    expect_refusal(account.bring(&batch, signatures).await, "ERC20InsufficientBalance(address,uint256,uint256)");
    assert_eq!(town.coins(to).await, usd(40));

    // who is no owner any more does not sign, and only the account itself says who is
    let replace = account.at.replace_owner(owners[1].address(), frank.address());
    expect_refusal(town.send(&town.keeper, replace.clone()).await, "NotSelf(address)");
    let twice = [call(&account.at.replace_owner(owners[1].address(), owners[0].address()))];
    let signatures = account.orders(&[&owners[0], &owners[1]], &twice).await;
    expect_refusal(account.bring(&twice, signatures).await, "InvalidOwners()");
    account.act(&[call(&replace)]).await;
    let mut signers = [&owners[1], &owners[0]];
    signers.sort_by_key(|who| who.address());
    let former = account.orders(&signers, &pay).await;
    expect_refusal(account.bring(&pay, former).await, "InvalidSignature(uint256)");
    let mut signers = [&frank, &owners[0]];
    signers.sort_by_key(|who| who.address());
    let signatures = account.orders(&signers, &pay).await;
    account.bring(&pay, signatures).await.unwrap();
    assert_eq!(town.coins(to).await, usd(80));
    account.town.stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_smart_account_underwrites_buys_claims_and_leaves() {
    if skipped() {
        return;
    }
    let mut account = Account::open("account").await;
    let town = &account.town;
    let me = account.address();
    let halting = Halting::open(town).await;
    let deployment = town.stage.story.deployment.clone();
    let (vault, policies) = (deployment.vault(&town.keeper), deployment.policy(&town.keeper));
    let assessor = deployment.assessor(&town.keeper);
    let asset = town.stage.story.asset(&town.keeper);
    town.send(&town.keeper, asset.mint(me, usd(300_000))).await.unwrap();

    // it underwrites
    let promised = town.ask(vault.preview_deposit(usd(200_000))).await;
    let deposit = vault.deposit(usd(200_000), me);
    account.act(&[call(&asset.approve(vault.address(), usd(200_000))), call(&deposit)]).await;
    let shares = town.ask(vault.balance_of(me)).await;
    assert_eq!((shares, town.coins(me).await), (promised, usd(100_000)));

    // it buys for itself
    let (cover, term) = (usd(100_000), U256::from(30 * DAY));
    let line = halting.line();
    let buy = policies.buy(line.0, line.1, me, [0; 32], cover, term, usd(10_000), U256::MAX, me, Address::zero());
    let receipt = account.act(&[call(&asset.approve(policies.address(), usd(10_000))), call(&buy)]).await;
    let bought: PolicyBoughtFilter = event(&receipt, policies.address()).unwrap();
    let own = bought.policy;
    assert_eq!((town.coins(me).await, record(town, own).await.holder), (usd(100_000) - bought.premium, me));

    // somebody else buys for it, by the signature of its owners (ERC-1271)
    let owners = &account.owners;
    town.fund(&town.keeper).await;
    let nonce = town.ask(policies.nonces(me)).await;
    let fields = consent(line, me, cover, term, me, nonce);
    let domain = town.ask(policies.domain_separator()).await;
    let buy_for = |amount: U256, signature: Bytes| {
        let (most, until, none) = (usd(10_000), U256::MAX, Address::zero());
        policies.buy_for(line.0, line.1, me, [0; 32], amount, term, most, until, me, none, until, signature)
    };
    let one = account.stands_by(&[&owners[0]], domain, CONSENT, &fields);
    let refused = town.send(&town.keeper, buy_for(cover, one)).await;
    expect_refusal(refused, "InsuredMustConsent(address)");
    let two = account.stands_by(&[&owners[0], &owners[1]], domain, CONSENT, &fields);
    let refused = town.send(&town.keeper, buy_for(cover + 1, two.clone())).await;
    expect_refusal(refused, "InsuredMustConsent(address)");
    // owners who have signed the bare digest, as for an account of one key, have not signed for this account
    let words = [&[Token::FixedBytes(keccak256(CONSENT).to_vec())], &fields[..]].concat();
    let digest = keccak256([&[0x19, 0x01][..], &domain, &keccak256(encode(&words))].concat());
    let bare = owners[..2].iter().flat_map(|owner| owner.signer().sign_hash(H256(digest)).unwrap().to_vec());
    let refused = town.send(&town.keeper, buy_for(cover, bare.collect::<Vec<_>>().into())).await;
    expect_refusal(refused, "InsuredMustConsent(address)");
    town.send(&town.keeper, buy_for(cover, two.clone())).await.unwrap();
    let given = town.ask(policies.policy_count()).await;
    assert_eq!((record(town, given).await.holder, record(town, given).await.insured), (me, me));
    let refused = town.send(&town.keeper, buy_for(cover, two)).await;
    expect_refusal(refused, "InsuredMustConsent(address)");

    // it claims, and nobody else for it
    town.pass(DAY + HOUR).await;
    halting.look(town).await;
    town.pass(HOUR).await;
    halting.halt(town, true).await;
    halting.stay(town).await;
    let file = |id: U256| assessor.file(id, 1.into(), Bytes::new(), Bytes::new());
    expect_refusal(town.send(&town.keeper, file(own)).await, "NotHolder(address,uint256)");
    let had = town.coins(me).await;
    account.act(&[call(&file(own)), call(&file(given))]).await;
    assert_eq!(town.coins(me).await - had, usd(50_000), "a quarter of each");

    // it leaves: the request, a week and the cooldown, the money
    halting.halt(town, false).await;
    town.report(line).await.unwrap();
    let redeem = vault.request_redeem(shares, me, me);
    expect_refusal(
        town.send(&town.keeper, redeem.clone()).await,
        "ERC20InsufficientAllowance(address,uint256,uint256)",
    );
    account.act(&[call(&redeem)]).await;
    let profile = account.town.stage.story.profile.clone();
    account.town.pass(2 * profile.week + profile.cooldown + 1).await;
    account.town.stage.story.serve().await.unwrap();
    let town = &account.town;
    let (due, claimable) = (town.ask(vault.max_withdraw(me)).await, town.ask(vault.max_redeem(me)).await);
    assert_eq!(claimable, shares);
    let had = town.coins(me).await;
    account.act(&[call(&vault.redeem(claimable, me, me))]).await;
    assert_eq!(town.coins(me).await - had, due);
    // it bore its part of the 50,000 that the pool of 10.2 million paid
    assert!(due > usd(198_900) && due < usd(199_200), "{due}");
    account.town.stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_smart_account_votes_by_a_call_and_by_its_owners_signatures() {
    if skipped() {
        return;
    }
    let account = Account::open("votes").await;
    let (town, owners, me) = (&account.town, &account.owners, account.address());
    let (dora, keeper) = (town.stage.story.cast.dora.clone(), town.keeper.clone());
    let deployment = &town.stage.story.deployment;
    let (token, governor) = (deployment.token(&dora), deployment.governor(&dora));
    town.send(&dora, token.transfer(me, pali(5_000_000))).await.unwrap();
    town.send(&dora, token.delegate(dora.address())).await.unwrap();
    account.act(&[call(&token.delegate(me))]).await;
    town.pass(1).await;
    let policy = deployment.policy(&dora);
    let shares = policy.set_shares(800, 500, 2_000).calldata().unwrap();
    let mut proposals = Vec::new();
    for words in ["Lower the treasury's share", "Lower it again"] {
        let propose =
            governor.propose(vec![policy.address()], vec![U256::zero()], vec![shares.clone()], words.to_owned());
        let receipt = town.send(&dora, propose).await.unwrap();
        proposals.push(event::<ProposalCreatedFilter>(&receipt, governor.address()).unwrap().proposal_id);
    }
    let [first, second] = proposals[..] else { panic!("two proposals") };
    let snapshot = town.ask(governor.proposal_snapshot(second)).await.as_u64();
    town.stage.story.chain().wait_until(snapshot + 1, &keeper).await.unwrap();

    account.act(&[call(&governor.cast_vote(first, 1))]).await;
    assert_eq!(town.ask(governor.proposal_votes(first)).await, (U256::zero(), pali(5_000_000), U256::zero()));

    let (_, name, version, chain, at, _, _) = town.ask(governor.eip_712_domain()).await;
    let domain = separator(&name, &version, chain.as_u64(), at);
    let nonce = town.ask(governor.nonces(me)).await;
    let ballot =
        |support: u64| [Token::Uint(second), Token::Uint(support.into()), Token::Address(me), Token::Uint(nonce)];
    let vote =
        |support: u8, signature: Bytes| deployment.governor(&keeper).cast_vote_by_sig(second, support, me, signature);
    let one = account.stands_by(&[&owners[1]], domain, BALLOT, &ballot(0));
    expect_refusal(town.send(&keeper, vote(0, one)).await, "GovernorInvalidSignature(address)");
    let two = account.stands_by(&[&owners[1], &owners[2]], domain, BALLOT, &ballot(0));
    expect_refusal(town.send(&keeper, vote(1, two.clone())).await, "GovernorInvalidSignature(address)");
    town.send(&keeper, vote(0, two.clone())).await.unwrap();
    assert_eq!(town.ask(governor.proposal_votes(second)).await, (pali(5_000_000), U256::zero(), U256::zero()));
    expect_refusal(town.send(&keeper, vote(0, two)).await, "GovernorInvalidSignature(address)");
    account.town.stage.strike().await;
}

// ————————————————————————————————————————————————————————————————————————————————————————————— an index of covers

/// What an index is made of: cover against the depeg, and half as much against the halt.
fn lines(town: &Town, halting: &Halting) -> Vec<Line> {
    let deployment = &town.stage.story.deployment;
    vec![
        Line { product: deployment.product, subject: deployment.subject(), weight: usd(1_000), deductible_bps: 200 },
        Line { product: halting.product, subject: SUBJECT, weight: usd(500), deductible_bps: 0 },
    ]
}

async fn index(town: &Town, maturity: u64, lines: &[Line]) -> Address {
    try_index(town, maturity, lines).await.unwrap()
}

async fn try_index(town: &Town, maturity: u64, lines: &[Line]) -> Result<Address, Error> {
    let address = |name: &str| Token::Address(town.stage.story.deployment.address(name));
    let lines = lines.iter().map(|line| {
        Token::Tuple(vec![
            Token::Uint(line.product),
            Token::FixedBytes(line.subject.to_vec()),
            Token::Uint(line.weight),
            Token::Uint(line.deductible_bps.into()),
        ])
    });
    let arguments = [
        Token::String("Cover index".into()),
        Token::String("COVER".into()),
        address("policy"),
        address("assessor"),
        Token::Uint(maturity.into()),
        Token::Array(lines.collect()),
    ];
    town.try_deploy("CoverIndex", &arguments).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_is_made_of_whole_baskets_of_cover_is_paid_and_is_redeemed_pro_rata() {
    if skipped() {
        return;
    }
    let town = Town::open("index").await;
    let halting = Halting::open(&town).await;
    let cast = &town.stage.story.cast;
    let (bob, carol, frank) = (town.bob.clone(), cast.carol.clone(), cast.frank.clone());
    town.fund(&carol).await;
    let deployment = &town.stage.story.deployment;
    let depeg = (deployment.product, deployment.subject());
    let bobs = [
        town.buy(&bob, depeg, usd(100_000), 60).await.unwrap(),
        town.buy(&bob, halting.line(), usd(50_000), 60).await.unwrap(),
    ];
    let carols = [
        town.buy(&carol, depeg, usd(50_000), 90).await.unwrap(),
        town.buy(&carol, halting.line(), usd(25_000), 60).await.unwrap(),
    ];
    let short = town.buy(&bob, halting.line(), usd(10_000), 30).await.unwrap();
    let back = town.buy(&bob, halting.line(), usd(10_000), 60).await.unwrap();
    let now = town.stage.story.chain().now().await.unwrap();
    let maturity = now + 45 * DAY;
    let all = lines(&town, &halting);
    let unknown = Line { product: halting.product + 1, ..all[1].clone() };
    let weightless = Line { weight: U256::zero(), ..all[1].clone() };
    for (wrong, maturity) in [
        (vec![], maturity),
        (vec![all[0].clone(); 9], maturity),
        (vec![all[0].clone(), all[0].clone()], maturity),
        (vec![unknown], maturity),
        (vec![weightless], maturity),
        (all.clone(), now - 1),
    ] {
        expect_refusal(try_index(&town, maturity, &wrong).await, "InvalidLines()");
    }
    let at = index(&town, maturity, &all).await;
    let by = |who: &Arc<Client>| CoverIndex::new(at, who.clone());
    let none = U256::zero();
    let make = |who: &Arc<Client>, ids: &[U256]| by(who).make(ids.to_vec(), who.address(), none);
    let policies = deployment.policy(&bob);

    // not before cover has begun; not without approval; nothing that ends too early, was given back, or is another's
    expect_refusal(town.send(&bob, make(&bob, &bobs)).await, "NotInForceYet(uint256,uint256)");
    town.pass(4 * DAY).await;
    expect_refusal(town.send(&bob, make(&bob, &bobs)).await, "LineNotHealthy(uint256)");
    town.stage.story.fresh_price().await.unwrap();
    let many = vec![bobs[0]; 33];
    expect_refusal(town.send(&bob, make(&bob, &many)).await, "TooManyPolicies(uint256,uint256)");
    expect_refusal(town.send(&bob, make(&bob, &bobs)).await, "ERC721InsufficientApproval(address,uint256)");
    for who in [&bob, &carol] {
        let call = deployment.policy(who).set_approval_for_all(at, true);
        town.send(who, call).await.unwrap();
    }
    expect_refusal(town.send(&bob, make(&bob, &[short])).await, "EndsBeforeMaturity(uint256,uint256)");
    town.send(&bob, policies.cancel(back, bob.address())).await.unwrap();
    expect_refusal(town.send(&bob, make(&bob, &[back])).await, "CertificateOver(uint256)");
    expect_refusal(town.send(&frank, make(&frank, &bobs)).await, "ERC721IncorrectOwner(address,uint256,address)");
    let twice = [bobs[0], bobs[1], bobs[1]];
    expect_refusal(town.send(&bob, make(&bob, &twice)).await, "ERC721IncorrectOwner(address,uint256,address)");
    // one line alone is no basket, and another line's certificate none of its
    expect_refusal(town.send(&bob, make(&bob, &bobs[..1])).await, "NoBasket()");
    let strict = Line { deductible_bps: 199, ..all[0].clone() };
    let strict = CoverIndex::new(index(&town, maturity, &[strict]).await, bob.clone());
    let refused = town.send(&bob, strict.make(vec![bobs[0]], bob.address(), none)).await;
    expect_refusal(refused, "DeductibleTooHigh(uint256,uint256)");
    let narrow = index(&town, maturity, &all[..1]).await;
    let foreign = CoverIndex::new(narrow, bob.clone()).make(vec![bobs[1]], bob.address(), none);
    expect_refusal(town.send(&bob, foreign).await, "WrongLine(uint256)");

    // tokens are what there is least of: the depeg's cover, after its coinsurance
    let left = record(&town, bobs[0]).await.remaining;
    assert!(left < usd(100_000) && left > usd(60_000), "{left}");
    let bobs_tokens = left * U256::exp10(18) / usd(1_000);
    let greedy = by(&bob).make(bobs.to_vec(), bob.address(), bobs_tokens + 1);
    expect_refusal(town.send(&bob, greedy).await, "TooFewTokens(uint256,uint256)");
    town.send(&bob, make(&bob, &bobs)).await.unwrap();
    assert_eq!(town.ask(by(&bob).balance_of(bob.address())).await, bobs_tokens);
    assert_eq!(record(&town, bobs[0]).await.holder, at);
    let left = record(&town, carols[0]).await.remaining;
    let carols_tokens = left * U256::exp10(18) / usd(1_000);
    town.send(&carol, make(&carol, &carols)).await.unwrap();
    assert_eq!(town.ask(by(&carol).total_supply()).await, bobs_tokens + carols_tokens);

    // while nothing has happened certificates come out again, for tokens that are worth them
    let unmake = |who: &Arc<Client>, ids: &[U256]| by(who).unmake(ids.to_vec(), who.address(), U256::MAX);
    let too_few = town.send(&frank, unmake(&frank, &carols)).await;
    expect_refusal(too_few, "ERC20InsufficientBalance(address,uint256,uint256)");
    let too_many = town.send(&carol, unmake(&carol, &bobs)).await;
    expect_refusal(too_many, "ERC20InsufficientBalance(address,uint256,uint256)");
    expect_refusal(town.send(&bob, unmake(&bob, &[short])).await, "NotHeld(uint256)");
    let cheap = by(&carol).unmake(vec![carols[0]], carol.address(), carols_tokens - 1);
    expect_refusal(town.send(&carol, cheap).await, "TooFewTokens(uint256,uint256)");
    expect_refusal(town.send(&carol, unmake(&carol, &[])).await, "NoBasket()");
    town.send(&carol, by(&carol).unmake(vec![carols[0]], carol.address(), carols_tokens)).await.unwrap();
    assert_eq!(town.ask(by(&carol).balance_of(carol.address())).await, none);
    assert_eq!(record(&town, carols[0]).await.holder, carol.address());
    // what she left there is a gift to the rest: her half of the basket alone is none
    expect_refusal(town.send(&carol, make(&carol, &carols[..1])).await, "NoBasket()");
    let another = town.buy(&carol, halting.line(), usd(25_000), 60).await.unwrap();
    town.pass(DAY + HOUR).await;
    town.stage.story.fresh_price().await.unwrap();
    town.send(&carol, make(&carol, &[carols[0], another])).await.unwrap();
    assert_eq!(town.ask(by(&carol).balance_of(carol.address())).await, carols_tokens);

    // it halts: from the first sign on nobody comes in and nobody goes out
    let late = town.buy(&bob, halting.line(), usd(50_000), 60).await.unwrap();
    town.pass(HOUR).await;
    halting.look(&town).await;
    town.pass(HOUR).await;
    town.send(&town.keeper, halting.target.halt(true)).await.unwrap();
    expect_refusal(town.send(&bob, make(&bob, &[late])).await, "IndexSealed()");
    expect_refusal(town.send(&carol, unmake(&carol, &[another])).await, "IndexSealed()");
    town.send(&frank, by(&frank).seal()).await.unwrap();
    assert!(town.ask(by(&frank).is_sealed()).await);
    halting.stay(&town).await;

    // anyone files; the payouts are the tokens'
    let file = |id: U256| by(&frank).file(id, 1.into(), Bytes::new(), Bytes::new());
    let around = deployment.assessor(&bob).file(bobs[1], 1.into(), Bytes::new(), Bytes::new());
    expect_refusal(town.send(&bob, around).await, "NotHolder(address,uint256)");
    expect_refusal(town.send(&bob, by(&bob).redeem(none, bob.address())).await, "NothingToRedeem()");
    for id in [bobs[1], carols[1], another] {
        town.send(&frank, file(id)).await.unwrap();
        expect_refusal(town.send(&frank, file(id)).await, "NothingToPay(uint256,uint256)");
    }
    let paid = usd(12_500 + 2 * 6_250);
    assert_eq!(town.coins(at).await, paid, "a quarter of 50,000 and of twice 25,000");
    expect_refusal(town.send(&frank, by(&frank).fetch_credit(none)).await, "ZeroAssets()");

    // pro rata, rounded in favour of the rest; the last one has what is left
    let stranger = town.send(&frank, by(&frank).redeem(1.into(), frank.address())).await;
    expect_refusal(stranger, "ERC20InsufficientBalance(address,uint256,uint256)");
    let supply = bobs_tokens + carols_tokens;
    let receiver = Address::from_low_u64_be(0xb0b);
    town.send(&bob, by(&bob).redeem(bobs_tokens, receiver)).await.unwrap();
    let part = paid * bobs_tokens / supply;
    assert_eq!(town.coins(receiver).await, part);
    let again = town.send(&bob, by(&bob).redeem(1.into(), receiver)).await;
    expect_refusal(again, "ERC20InsufficientBalance(address,uint256,uint256)");
    let nobody = Address::zero();
    expect_refusal(town.send(&carol, by(&carol).transfer(nobody, none)).await, "ERC20InvalidReceiver(address)");
    expect_refusal(town.send(&carol, by(&carol).approve(nobody, none)).await, "ERC20InvalidSpender(address)");
    let pull = by(&frank).transfer_from(carol.address(), frank.address(), carols_tokens);
    let refused = town.send(&frank, pull.clone()).await;
    expect_refusal(refused, "ERC20InsufficientAllowance(address,uint256,uint256)");
    town.send(&carol, by(&carol).approve(frank.address(), carols_tokens)).await.unwrap();
    town.send(&frank, pull).await.unwrap();
    assert_eq!(town.ask(by(&frank).allowance(carol.address(), frank.address())).await, none);
    let had = town.coins(frank.address()).await;
    town.send(&frank, by(&frank).redeem(carols_tokens, frank.address())).await.unwrap();
    assert_eq!(town.coins(frank.address()).await - had, paid - part);
    assert_eq!((town.coins(at).await, town.ask(by(&bob).total_supply()).await), (none, none));
    town.stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_takes_no_certificate_that_is_locked_was_filed_or_is_expired() {
    if skipped() {
        return;
    }
    let town = Town::open("unfit").await;
    let halting = Halting::open(&town).await;
    let bob = town.bob.clone();
    let deployment = &town.stage.story.deployment;
    let [filed, fit] = [
        town.buy(&bob, halting.line(), usd(20_000), 60).await.unwrap(),
        town.buy(&bob, halting.line(), usd(20_000), 60).await.unwrap(),
    ];
    town.pass(DAY + HOUR).await;
    halting.look(&town).await;
    town.pass(HOUR).await;

    // Bob files on the first sign, with a deposit, and the sign comes to nothing: the claim waits
    halting.halt(&town, true).await;
    town.report(halting.line()).await.unwrap();
    let (assessor, asset) = (deployment.assessor(&bob), town.stage.story.asset(&bob));
    town.send(&bob, asset.approve(assessor.address(), U256::MAX)).await.unwrap();
    let dispute = assessor.file_disputed(filed, 1.into(), 2_500, Bytes::new(), Bytes::new(), [1; 32]);
    town.send(&bob, dispute).await.unwrap();
    town.pass(HOUR).await;
    halting.halt(&town, false).await;
    town.report(halting.line()).await.unwrap();
    assert!(record(&town, filed).await.locked);

    let now = town.stage.story.chain().now().await.unwrap();
    let line = &lines(&town, &halting)[1..];
    let at = index(&town, now + 30 * DAY, line).await;
    let of_bob = CoverIndex::new(at, bob.clone());
    let policies = deployment.policy(&bob);
    town.send(&bob, policies.set_approval_for_all(at, true)).await.unwrap();
    let make = |id: U256| of_bob.make(vec![id], bob.address(), U256::zero());
    expect_refusal(town.send(&bob, make(filed)).await, "CertificateLocked(uint256)");
    let moved = town.send(&bob, policies.transfer_from(bob.address(), at, filed)).await;
    expect_refusal(moved, "PolicyLocked(uint256)");

    // the claim is denied: the certificate was filed all the same
    for _ in 0..2 {
        let claim = town.ask(assessor.open_claim(filed)).await;
        let now = town.stage.story.chain().now().await.unwrap();
        town.pass(if claim.answered { claim.due.saturating_sub(now) + 1 } else { 1 }).await;
        town.send(&bob, assessor.execute(filed, Bytes::new(), Bytes::new())).await.unwrap();
    }
    let record_of = record(&town, filed).await;
    assert!(record_of.filed && !record_of.locked && record_of.remaining == usd(20_000), "{record_of:?}");
    let now = town.stage.story.chain().now().await.unwrap();
    let fresh = index(&town, now + DAY, line).await;
    let of_bob = CoverIndex::new(fresh, bob.clone());
    town.send(&bob, policies.set_approval_for_all(fresh, true)).await.unwrap();
    let filed = of_bob.make(vec![filed], bob.address(), U256::zero());
    expect_refusal(town.send(&bob, filed).await, "CertificateFiled(uint256)");

    // what is over is worth nothing
    let deadline = record(&town, fit).await.deadline;
    town.stage.story.chain().wait_until(deadline + 1, &bob).await.unwrap();
    town.send(&bob, policies.expire(fit)).await.unwrap();
    let matured = of_bob.make(vec![fit], bob.address(), U256::zero());
    expect_refusal(town.send(&bob, matured).await, "Matured(uint256)");
    let now = town.stage.story.chain().now().await.unwrap();
    let at = index(&town, now + DAY, line).await;
    town.send(&bob, policies.set_approval_for_all(at, true)).await.unwrap();
    let expired = CoverIndex::new(at, bob.clone()).make(vec![fit], bob.address(), U256::zero());
    expect_refusal(town.send(&bob, expired).await, "CertificateOver(uint256)");
    town.stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_does_nothing_for_a_trigger_that_calls_back() {
    if skipped() {
        return;
    }
    let town = Town::open("ambush").await;
    let bob = town.bob.clone();
    let at = town.deploy("LyingTrigger", &[]).await;
    let trigger = LyingTrigger::new(at, bob.clone());
    let product = town.product(Offer { trigger: at, cover: ORACLE, subject: SUBJECT, key: KEY }, &[]).await;
    let line = Line { product, subject: SUBJECT, weight: usd(500), deductible_bps: 0 };
    let policy = town.buy(&bob, (product, SUBJECT), usd(20_000), 60).await.unwrap();
    town.pass(DAY + HOUR).await;
    let now = town.stage.story.chain().now().await.unwrap();
    let of_bob = CoverIndex::new(index(&town, now + 30 * DAY, &[line]).await, bob.clone());
    let policies = town.stage.story.deployment.policy(&bob);
    town.send(&bob, policies.set_approval_for_all(of_bob.address(), true)).await.unwrap();
    let (ids, me, none) = (vec![policy], bob.address(), U256::zero());
    let make = of_bob.make(ids.clone(), me, none);
    let lay = |data: Option<Bytes>| trigger.lay(data.expect("a call has data"));

    // asked in the midst of an operation, nothing that changes anything is done
    for inner in [
        of_bob.make(ids.clone(), at, none).calldata(),
        of_bob.unmake(ids.clone(), at, U256::MAX).calldata(),
        of_bob.file(policy, 1.into(), Bytes::new(), Bytes::new()).calldata(),
        of_bob.raise_claim(policy, Bytes::new(), Bytes::new()).calldata(),
        of_bob.seal().calldata(),
        of_bob.fetch_credit(none).calldata(),
        of_bob.redeem(1.into(), at).calldata(),
    ] {
        town.send(&bob, lay(inner)).await.unwrap();
        expect_refusal(town.send(&bob, of_bob.seal()).await, "Reentered()");
        expect_refusal(town.send(&bob, make.clone()).await, "Reentered()");
    }
    // a question is answered
    town.send(&bob, lay(of_bob.total_supply().calldata())).await.unwrap();
    town.send(&bob, make).await.unwrap();
    let made = town.ask(of_bob.balance_of(me)).await;
    assert_eq!(made, U256::exp10(18) * 40, "forty baskets of 500");
    // nor is a token taken at its word that does not move
    let asset = town.stage.story.deployment.address("asset");
    let coin = replace(&town, asset, declining()).await;
    expect_refusal(town.send(&bob, of_bob.redeem(made, me)).await, "TransferFailed()");
    replace(&town, asset, coin).await;
    town.send(&bob, lay(of_bob.redeem(1.into(), at).calldata())).await.unwrap();
    let unmake = of_bob.unmake(ids, me, U256::MAX);
    expect_refusal(town.send(&bob, unmake.clone()).await, "Reentered()");
    town.send(&bob, trigger.lay(Bytes::new())).await.unwrap();
    town.send(&bob, unmake).await.unwrap();
    assert_eq!(record(&town, policy).await.holder, me);
    town.stage.strike().await;
}
