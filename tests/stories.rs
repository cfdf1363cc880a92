//! The story of each cover end to end, contracts as WASM on a node, through JSON-RPC; and that a story ends where a step has
//! no effect.

mod stage;

use std::process::Command;

use palisade::{
    chain::Chain,
    feed::Series,
    story::{
        Error, Result, Setting, Story, Tale, bridge::Bridge, exploit::Exploit, impermanent_loss::ImpermanentLoss,
        lending::Lending, oracle::Oracle,
    },
};
use stage::{Stage, builder, developer};

/// The stage of a story, on a node of its own; nothing where the tests are for another chain, whose clock stands.
async fn set(tale: Tale, name: &str) -> Option<Stage> {
    if std::env::var_os("PALISADE_RPC_URL").is_some() {
        eprintln!("skipped: it takes weeks on the clock of PALISADE_RPC_URL");
        return None;
    }
    if tale == Tale::Depeg {
        return Some(Stage::open(name).await);
    }
    let config = devnode::Config { port: 0, timestamp: tale.begins(), ..devnode::Config::default() };
    let node = devnode::serve(config).await.expect("a free port is found");
    let folder = std::env::temp_dir().join(format!("palisade-stories-{}-{name}", std::process::id()));
    let chain = Chain::connect(&node.url()).await.expect("the node answers");
    let (deployer, ledger) = (developer(&chain), folder.join("deployment.json"));
    let (tell, series) = (|line: &str| eprintln!("{line}"), Series::turning_points());
    let setting = Setting { chain, deployer, builder: builder(), ledger: &ledger, series, tell, on_step: |_| {} };
    let story = Story::begin_for(tale, setting).await.expect("the deployment works: run `palisade build` first");
    Some(Stage { story, node, folder })
}

/// Whether Uniswap's packages are there, which two stories need.
fn skipped<T>(opened: &Result<T>) -> bool {
    let missing =
        matches!(opened, Err(Error::Package { .. })) && !builder().root().join("tests/solidity/node_modules").is_dir();
    if missing {
        eprintln!("skipped: Uniswap's packages are not installed: run npm ci in tests/solidity");
    }
    missing
}

/// The step that had no effect.
fn failed_at(result: Result<()>) -> &'static str {
    match result.expect_err("a step without its effect fails") {
        Error::NoEffect { step, .. } => step,
        other => panic!("it fails for another reason: {other}"),
    }
}

async fn plays(tale: Tale) {
    let Some(mut stage) = set(tale, tale.name()).await else { return };
    let played = stage.story.play_tale(tale).await;
    if !skipped(&played) {
        played.unwrap();
        assert!(!stage.story.paid.is_zero() && stage.story.measured.len() > 12);
        let svg = stage.story.certificate().await.unwrap();
        assert!(String::from_utf8(svg).unwrap().starts_with("<svg"));
    }
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coin_loses_its_peg() {
    plays(Tale::Depeg).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protocol_is_exploited() {
    plays(Tale::Exploit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_loses_against_holding() {
    plays(Tale::ImpermanentLoss).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_borrower_defaults() {
    plays(Tale::Lending).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oracle_errs() {
    plays(Tale::Oracle).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_fails() {
    plays(Tale::Bridge).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_default_there_is_nothing_to_report() {
    let Some(mut stage) = set(Tale::Lending, "no-default").await else { return };
    let mut lending = Lending::open(&mut stage.story).await.unwrap();
    lending.insure().await.unwrap();
    assert_eq!(failed_at(lending.report().await), "report");
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_goes_through_where_it_must_not_ends_the_story() {
    let Some(mut stage) = set(Tale::Lending, "unpaid").await else { return };
    let mut lending = Lending::open(&mut stage.story).await.unwrap();
    lending.insure().await.unwrap();
    lending.default().await.unwrap();
    lending.report().await.unwrap();
    // Bob has not claimed yet: his claim goes through where the step has it refused
    assert_eq!(failed_at(lending.refuse().await), "refuse");
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_theft_nothing_is_proven_and_no_jury_is_asked() {
    let Some(mut stage) = set(Tale::Exploit, "no-theft").await else { return };
    let mut exploit = Exploit::open(&mut stage.story).await.unwrap();
    assert_eq!(failed_at(exploit.file().await), "file", "nobody is insured yet");
    exploit.insure().await.unwrap();
    assert_eq!(failed_at(exploit.report().await), "report");
    let asked = exploit.challenge().await.unwrap_err();
    assert!(
        matches!(&asked, Error::Chain(error) if error.refusal().is_some_and(|told| told.starts_with("WrongStage")))
    );
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_that_is_whole_is_not_reported() {
    let Some(mut stage) = set(Tale::Bridge, "whole").await else { return };
    let mut bridge = Bridge::open(&mut stage.story).await.unwrap();
    bridge.insure().await.unwrap();
    assert_eq!(failed_at(bridge.report().await), "report");
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_is_right_is_not_reported() {
    let Some(mut stage) = set(Tale::Oracle, "right").await else { return };
    let opened = Oracle::open(&mut stage.story).await;
    if !skipped(&opened) {
        let mut oracle = opened.unwrap();
        oracle.insure().await.unwrap();
        assert_eq!(failed_at(oracle.report().await), "report");
    }
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_stays_loses_nothing() {
    let Some(mut stage) = set(Tale::ImpermanentLoss, "stays").await else { return };
    let opened = ImpermanentLoss::open(&mut stage.story).await;
    if !skipped(&opened) {
        let mut position = opened.unwrap();
        position.insure().await.unwrap();
        position.start().await.unwrap();
        // the feed doubles, the pool does not: they do not agree, and no price of the end is stored
        let end = position.end().await.unwrap_err();
        assert!(matches!(&end, Error::Chain(error) if error.refusal().is_some_and(|told| told.starts_with("NoPrice"))));
        let claim = position.claim().await.unwrap_err();
        let told = |error: &Error| matches!(error, Error::Chain(error) if error.refusal().is_some());
        assert!(told(&claim), "{claim}");
    }
    stage.strike().await;
}

#[test]
fn a_wrong_name_is_answered_with_the_right_ones() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
    let output = command.args(["demo", "--story", "flood"]).output().expect("the command runs");
    assert!(!output.status.success() && output.stdout.is_empty());
    let told = String::from_utf8_lossy(&output.stderr);
    let names = Tale::ALL.map(Tale::name).join(", ");
    assert!(told.contains(&format!("there are {names}, and all")), "{told}");
}

#[test]
fn a_clock_that_stands_is_one_clear_error() {
    let told = Error::Clock(Tale::Bridge).to_string();
    assert_eq!(
        told,
        "the story of bridge takes weeks: play it on a chain whose clock can be moved, as that of `palisade node`"
    );
}
