//! The commands for people, run as they run them: the binary against a node, with what it prints and refuses.

#[path = "stage/desk.rs"]
mod desk;
mod stage;

use std::process::Output;

use desk::{Desk, command, text};
use ethers::types::U256;
use palisade::{deploy::profile::usd, feed::Series};
use stage::Stage;

fn palisade(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the command runs")
}

/// The shares of the person at the desk.
async fn shares(desk: &Desk) -> U256 {
    let vault = desk.stage.story.deployment.vault(&desk.me);
    vault.balance_of(desk.me.address()).call().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn capital_comes_in_and_asks_to_leave() {
    let desk = Desk::open("capital").await;
    assert!(desk.refuses(&["deposit", "100_000"]).ends_with("there is no terminal to confirm on; give --yes"));
    assert_eq!(shares(&desk).await, U256::zero(), "nothing happens without consent");

    let told = desk.says(&["deposit", "100_000", "--yes"]);
    assert!(told.contains("got 100,000.000000 pUSDX"), "{told}");
    let had = shares(&desk).await;
    assert_eq!(had, usd(100_000) * U256::exp10(6));

    let told = desk.says(&["redeem", "request", "40_000", "--yes"]);
    assert!(told.contains("40,000.000000 pUSDX"), "{told}");
    assert_eq!(shares(&desk).await, had / 10 * 6);
    assert!(desk.refuses(&["redeem", "claim", "--yes"]).ends_with("is served and not yet taken"));
    assert!(desk.says(&["redeem", "cancel", "--yes"]).starts_with("40,000.000000 pUSDX came back"));
    assert_eq!(shares(&desk).await, had);
    assert!(desk.refuses(&["redeem", "cancel", "--yes"]).ends_with("has no request that waits"));

    desk.says(&["redeem", "request", "all", "--yes"]);
    let vault = desk.stage.story.deployment.vault(&desk.me);
    let due = vault.request_of(desk.me.address()).call().await.unwrap().4;
    desk.stage.story.chain().wait_until(due.as_u64() + 1, &desk.me).await.unwrap();
    desk.says(&["redeem", "serve"]);
    let told = desk.says(&["redeem", "claim", "--yes"]);
    assert!(told.starts_with("100,000.000000 USDX were paid"), "{told}");
    assert_eq!(shares(&desk).await, U256::zero());

    assert!(desk.refuses(&["deposit", "2_000_000", "--yes"]).contains("are needed"));
    assert!(desk.refuses(&["deposit", "1e6", "--yes"]).contains("is no amount of USDX"));

    let file = desk.stage.folder.join("deployment.json");
    let ledger = std::fs::read_to_string(&file).unwrap().replace("\"distribution\"", "\"something else\"");
    std::fs::write(&file, ledger).unwrap();
    assert!(desk.refuses(&["status"]).contains("is of an older version, without distribution"));
    desk.stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cover_is_quoted_and_bought_as_quoted() {
    let mut desk = Desk::open("cover").await;
    let alice = desk.stage.story.cast.alice.clone();
    desk.stage.story.deposit(&alice, usd(10_000_000)).await.unwrap();
    desk.stage.story.fresh_price().await.unwrap();

    let quote: serde_json::Value =
        serde_json::from_str(&desk.says(&["quote", "50_000", "--days", "60", "--json"])).unwrap();
    let told = desk.says(&["quote", "50_000", "--days", "60"]);
    assert!(told.contains("50,000.000000 USDX") && told.contains("of a loss is paid"), "{told}");

    let told = desk.says(&["buy", "50_000", "--days", "60", "--yes"]);
    assert!(told.starts_with("policy #1: 50,000.000000 USDX from "), "{told}");
    let policy = desk.stage.story.deployment.policy(&desk.me);
    assert_eq!(policy.owner_of(1.into()).call().await.unwrap(), desk.me.address());
    let asset = desk.stage.story.asset(&desk.me);
    let left = asset.balance_of(desk.me.address()).call().await.unwrap();
    let premium: U256 = U256::from_dec_str(quote["premium"].as_str().unwrap()).unwrap();
    assert_eq!(usd(1_000_000) - left, premium, "the price is that of the quote");

    let listed = desk.says(&["policies"]);
    assert!(listed.contains("#1") && listed.contains("50,000.000000 USDX") && listed.contains("sold"), "{listed}");
    let before = policy.policy_of(1.into()).call().await.unwrap();
    let told = desk.says(&["extend", "1", "--days", "30", "--yes"]);
    assert!(told.starts_with("policy #1 covers until "), "{told}");
    let after = policy.policy_of(1.into()).call().await.unwrap();
    assert_eq!((after.start, after.end), (before.start, before.end + 30 * 86_400));
    let poor = asset.balance_of(desk.me.address()).call().await.unwrap();
    assert!(poor < left, "the extension was paid");
    assert!(desk.says(&["cancel", "1", "--yes"]).starts_with("policy #1 was cancelled"));
    assert!(asset.balance_of(desk.me.address()).call().await.unwrap() > poor, "its premium came back");
    assert!(desk.says(&["policies"]).contains("cancelled"));

    for (arguments, reason) in [
        (&["cancel", "1", "--yes"][..], "PolicyIsCancelled"),
        (&["extend", "1", "--yes"][..], "policy #1 is cancelled: it cannot go on"),
        (&["buy", "50_000", "--days", "1", "--yes"][..], "TermOutOfBounds"),
        (&["quote", "1", "--days", "60"][..], "AmountOutOfBounds"),
        (&["quote", "50_000", "--subject", "DAI/USD"][..], "SubjectNotHealthy"),
        (&["quote", "50_000", "--product", "9"][..], "UnknownProduct"),
        (&["quote", "50_000", "--days", "-3"][..], "unexpected argument"),
    ] {
        let output = desk.run(arguments);
        assert!(!output.status.success());
        assert!(text(&output.stderr).contains(reason), "{arguments:?}: {}", text(&output.stderr));
    }
    desk.stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_is_reported_and_claimed_on() {
    let mut desk = Desk::open("claim").await;
    let story = &mut desk.stage.story;
    story.capital().await.unwrap();
    story.cover().await.unwrap();
    desk.says(&["buy", "50_000", "--days", "60", "--yes"]);
    assert!(desk.refuses(&["file", "2", "--yes"]).contains("nothing has been proven on USDC/USD yet"));
    assert!(!desk.says(&["incidents"]).contains("#1"));
    desk.stage.story.depeg().await.unwrap();

    let told = desk.says(&["report"]);
    assert!(told.contains("incident #1 is proven") && told.contains("still open, worst loss "), "{told}");
    let listed = desk.says(&["incidents"]);
    assert!(listed.contains("#1") && listed.contains("proven"), "{listed}");
    assert!(desk.refuses(&["report", "--subject", "DAI/USD"]).contains("no product has the subject DAI/USD"));

    let asset = desk.stage.story.asset(&desk.me);
    let before = asset.balance_of(desk.me.address()).call().await.unwrap();
    assert!(desk.refuses(&["file", "2"]).ends_with("give --yes"));
    let told = desk.says(&["file", "2", "--yes"]);
    let got = asset.balance_of(desk.me.address()).call().await.unwrap() - before;
    let policy = desk.stage.story.deployment.policy(&desk.me).policy_of(2.into()).call().await.unwrap();
    assert_eq!(got, policy.confirmed, "all that was confirmed was paid: {told}");
    assert!(got > U256::zero() && told.contains("were confirmed"), "{told}");
    assert!(desk.refuses(&["file", "2", "--yes"]).contains("NothingToPay"));
    assert!(desk.refuses(&["file", "1", "--yes"]).contains("NotHolder"), "the policy is Bob's");
    assert!(desk.refuses(&["file", "9", "--yes"]).contains("ERC721NonexistentToken"));
    desk.stage.strike().await;
}

/// A depeg to less than a third: claims on it are beyond what is paid at once.
fn collapse() -> Series {
    let mut series = Series::turning_points();
    for point in &mut series.points {
        if point.price < 97_000_000 {
            point.price = point.price * 3 / 10;
        }
    }
    series
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_claim_waits_is_challenged_and_judged() {
    let mut desk = Desk::at(Stage::open_with("jury", collapse()).await).await;
    let (dora, carol) = (desk.stage.story.cast.dora.clone(), desk.stage.story.cast.carol.clone());
    desk.stage.story.capital().await.unwrap();
    let told = desk.says_as(&dora, &["jury", "stake", "1_000_000", "--yes"]);
    assert!(told.starts_with("1,000,000.000000 PALI are staked"), "{told}");
    desk.stage.story.pass(15 * 86_400).await.unwrap();
    desk.stage.story.cover().await.unwrap();
    desk.says(&["buy", "900_000", "--days", "60", "--yes"]);
    desk.stage.story.depeg().await.unwrap();
    desk.says(&["report"]);

    let asset = desk.stage.story.asset(&desk.me);
    let before = asset.balance_of(desk.me.address()).call().await.unwrap();
    let told = desk.says(&["file", "2", "--yes"]);
    assert!(told.contains("`palisade settle 2` pays them"), "{told}");
    assert_eq!(asset.balance_of(desk.me.address()).call().await.unwrap(), before, "it waits");
    assert!(desk.refuses(&["settle", "2"]).contains("TooEarly"));
    assert!(desk.refuses(&["file", "2", "--yes"]).contains("NothingToPay"), "it rises only with its loss");
    assert!(desk.refuses(&["cancel", "2", "--yes"]).contains("failed"));

    // somebody doubts it, and the jury agrees with him
    let coins = desk.stage.story.asset(&carol);
    desk.stage.story.chain().send("minting", &carol, coins.mint(carol.address(), usd(100_000))).await.unwrap();
    let told = desk.says_as(&carol, &["challenge", "2", "--reason", "bought after the fact", "--yes"]);
    assert!(told.starts_with("a jury decides in case #1"), "{told}");
    assert!(desk.says(&["jury", "case", "1"]).contains("sealing votes"));
    let told = desk.says_as(&dora, &["jury", "commit", "1", "--deny", "--reason", "so it was", "--yes"]);
    assert!(told.starts_with("the vote is sealed"), "{told}");
    assert!(desk.refuses_as(&carol, &["jury", "reveal", "1"]).contains("holds no vote of"));
    let profile = desk.stage.story.profile.clone();
    let [_, committing, revealing, appealing, ..] = profile.jury;
    desk.stage.story.pass(committing).await.unwrap();
    assert!(desk.says_as(&dora, &["jury", "reveal", "1"]).starts_with("the vote is shown"));
    desk.stage.story.pass(revealing + appealing + 1).await.unwrap();
    let told = desk.says(&["settle", "2"]);
    assert!(told.starts_with("nothing was paid: the claim on policy #2 is closed"), "{told}");
    let told = desk.says_as(&dora, &["jury", "claim", "1"]);
    assert!(told.contains("lost 0.000000 PALI"), "{told}");
    let assessor = desk.stage.story.deployment.assessor(&carol);
    let back = assessor.credit_of(asset.address(), carol.address()).call().await.unwrap();
    assert!(back > U256::zero(), "the challenger's bond came back");

    // nobody doubts the other one
    let bob = desk.stage.story.cast.bob.clone();
    let had = asset.balance_of(bob.address()).call().await.unwrap();
    let told = desk.says_as(&bob, &["file", "1", "--yes"]);
    assert!(told.contains("`palisade settle 1` pays them"), "{told}");
    desk.stage.story.pass(8 * 86_400).await.unwrap();
    let told = desk.says(&["settle", "1"]);
    assert!(told.contains("were confirmed and"), "{told}");
    let got = asset.balance_of(bob.address()).call().await.unwrap() - had;
    assert!(got > usd(500_000), "{got}");

    let told = desk.says(&["recover", "1", "1_000", "--yes"]);
    assert!(told.starts_with("1,000.000000 USDX came back"), "{told}");
    assert!(desk.refuses(&["recover", "1", "900_000", "--yes"]).contains("RecoveryExceedsLoss"));
    desk.stage.strike().await;
}

#[test]
fn a_wrong_rpc_and_a_missing_deployment_are_one_line_each() {
    let output = palisade(&["deposit", "1", "--yes", "--rpc", "http://127.0.0.1:9"]);
    let told = text(&output.stderr);
    assert!(!output.status.success());
    assert!(
        told.starts_with("error: no Ethereum RPC answers at http://127.0.0.1:9") && told.lines().count() == 1,
        "{told}"
    );
}

#[test]
fn every_command_says_what_it_does() {
    let help = text(&palisade(&["--help"]).stdout);
    for command in [
        "deposit",
        "redeem",
        "quote",
        "buy",
        "policies",
        "extend",
        "cancel",
        "incidents",
        "report",
        "file",
        "challenge",
        "settle",
        "recover",
        "jury",
        "delegate",
        "propose",
        "proposals",
        "vote",
        "queue",
        "execute",
        "keeper",
        "status",
        "deploy",
        "add-vault",
        "demo",
        "gas",
        "node",
        "build",
        "sizes",
    ] {
        assert!(help.contains(command), "{command}");
        let own = palisade(&[command, "--help"]);
        assert!(own.status.success() && text(&own.stdout).contains("Usage:"), "{command}");
    }
}
