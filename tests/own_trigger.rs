//! A trigger written in Solidity by somebody else, on a node, through JSON-RPC: governance makes a product of it, cover is
//! bought and claimed; and one that lies takes no more than the cover that was sold on it.

#[path = "stage/disguise.rs"]
mod disguise;
mod stage;
#[path = "stage/town.rs"]
mod town;

use ethers::{
    abi::Token,
    types::{Address, Bytes, U256},
};
use own::{HaltTrigger, Haltable, LyingTrigger};
use palisade::{chain::Error, deploy::profile::usd};
use town::{DAY, Offer, Town, refusal};

mod own {
    #![allow(missing_docs, unreachable_pub, clippy::all)]
    ethers::contract::abigen!(HaltTrigger, "tests/solidity/artifacts/HaltTrigger.json");
    ethers::contract::abigen!(Haltable, "tests/solidity/artifacts/Haltable.json");
    ethers::contract::abigen!(LyingTrigger, "tests/solidity/artifacts/LyingTrigger.json");
}

const HOUR: u64 = 3_600;
/// What is covered, and what stands behind it.
const SUBJECT: [u8; 32] = [0x48; 32];
const KEY: [u8; 32] = [0x4b; 32];
/// `IRisk.Cover.Oracle`: any kind may be covered by a trigger of one's own.
const COVER: u8 = 3;
const LOSS: u16 = 2_500;

const fn offer(trigger: Address) -> Offer {
    Offer { trigger, cover: COVER, subject: SUBJECT, key: KEY }
}

/// A policy of Bob's.
async fn buy(town: &Town, product: U256, amount: U256) -> Result<U256, Error> {
    town.buy(&town.bob, (product, SUBJECT), amount, 30).await
}

async fn file(town: &Town, id: U256) -> Result<(), Error> {
    let assessor = town.stage.story.deployment.assessor(&town.bob);
    town.send(&town.bob, assessor.file(id, 1.into(), Bytes::new(), Bytes::new())).await.map(drop)
}

/// Anyone carries out a claim that waits.
async fn execute(town: &Town, id: U256) {
    let assessor = town.stage.story.deployment.assessor(&town.keeper);
    let claim = town.ask(assessor.open_claim(id)).await;
    if claim.stage == 0 {
        return;
    }
    let now = town.stage.story.chain().now().await.unwrap();
    town.pass(claim.due.saturating_sub(now) + 1).await;
    town.send(&town.keeper, assessor.execute(id, Bytes::new(), Bytes::new())).await.unwrap();
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
    let register = trigger.register(SUBJECT, target).calldata().unwrap();
    let product = town.product(offer(at), &[(at, register)]).await;

    // cover is bought; after the waiting period the insured has the subject looked at
    let policy = buy(&town, product, usd(100_000)).await.unwrap();
    town.pass(DAY + HOUR).await;
    town.send(&town.keeper, trigger.observe(SUBJECT, Bytes::new())).await.unwrap();
    assert!(refusal(file(&town, policy).await).starts_with("UnknownIncident"));

    // it halts: latent evidence, on which nothing is sold any more and nothing is paid yet
    let covered = Haltable::new(target, town.keeper.clone());
    town.pass(HOUR).await;
    town.send(&town.keeper, covered.halt(true)).await.unwrap();
    town.report((product, SUBJECT)).await.unwrap();
    let refused = refusal(buy(&town, product, usd(1_000)).await);
    assert!(refused.starts_with("SubjectNotHealthy"), "{refused}");
    assert!(refusal(file(&town, policy).await).starts_with("ClaimInconclusive"));
    let reserve = town.ask(town.stage.story.deployment.vault(&town.bob).solvency()).await.reserve;
    assert_eq!(reserve, usd(100_000), "what may be claimed is reserved at once");

    // it stays halted: an incident, and a quarter of the cover is paid
    town.pass(6 * HOUR).await;
    let had = town.coins(town.bob.address()).await;
    file(&town, policy).await.unwrap();
    execute(&town, policy).await;
    assert_eq!(town.coins(town.bob.address()).await - had, usd(25_000));
    assert!(refusal(file(&town, policy).await).starts_with("NothingToPay"), "once");

    // it runs again: the incident closes, and what is reserved beyond its loss is free
    town.send(&town.keeper, covered.halt(false)).await.unwrap();
    town.report((product, SUBJECT)).await.unwrap();
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
    let product = town.product(offer(at), &[]).await;
    let vault = town.stage.story.deployment.vault(&town.bob);

    // no more is sold on it than its share of the capital
    let capital = town.ask(vault.capital()).await.0;
    let refused = refusal(buy(&town, product, capital / 20 + usd(1_000)).await);
    assert!(refused.starts_with("CapacityExceeded"), "{refused}");
    let policy = buy(&town, product, usd(200_000)).await.unwrap();
    town.pass(2 * DAY).await;

    // a loss of more than all, and an incident of one, are no answers
    town.send(&town.keeper, trigger.lie(10_001)).await.unwrap();
    let refused = refusal(town.report((product, SUBJECT)).await);
    assert!(refused.starts_with("InvalidReturnData"), "{refused}");
    let refused = refusal(file(&town, policy).await);
    assert!(refused.starts_with("InvalidReturnData"), "{refused}");

    // all of it is the most it can say: the cover that was sold on it, once, and never at once beyond the limit
    town.send(&town.keeper, trigger.lie(10_000)).await.unwrap();
    let (had, before) = (town.coins(town.bob.address()).await, town.ask(vault.solvency()).await);
    file(&town, policy).await.unwrap();
    execute(&town, policy).await;
    assert_eq!(town.coins(town.bob.address()).await - had, usd(200_000));
    assert!(refusal(file(&town, policy).await).starts_with("NothingToPay"), "once");
    let after = town.ask(vault.solvency()).await;
    assert!(before.assets - after.assets <= usd(200_000), "and nothing else of the pool");
    assert_eq!(after.reserve, U256::zero());
    let first = town.stage.story.deployment.product;
    let line =
        town.ask(town.stage.story.deployment.risk(&town.bob).line(first, town.stage.story.deployment.subject())).await;
    assert_eq!((line.state, line.reserve), (0, U256::zero()), "no other product hears of it");
    town.stage.strike().await;
}
