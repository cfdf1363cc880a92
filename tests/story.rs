//! The story end to end: contracts as WASM on a node, through JSON-RPC, one test a step.
//!
//! Each test has a node of its own inside the process. With `PALISADE_RPC_URL` the whole story plays on that chain
//! instead, and the single steps are left out (they would all wait for its clock).

mod stage;

use ethers::types::{Address, Bytes, U256};
use palisade::{
    chain::Chain,
    deploy::{
        Deployer, Grant, Ledger, Options, Profile, history,
        plan::{DEPEG, cover_type},
        profile::usd,
    },
    feed::Series,
};
use stage::{Stage, begin, builder, developer};

/// The stage for one step; `None` where the whole story plays elsewhere.
async fn set(name: &str) -> Option<Stage> {
    if std::env::var_os("PALISADE_RPC_URL").is_some() {
        eprintln!("skipped: PALISADE_RPC_URL is set, so the whole story plays there");
        return None;
    }
    Some(Stage::open(name).await)
}

/// What a call that must fail says.
fn refusal<T: std::fmt::Debug>(result: Result<T, palisade::story::Error>) -> String {
    match result.expect_err("it must be refused") {
        palisade::story::Error::Chain(error) => error.refusal().expect("a contract refused").to_owned(),
        other => panic!("refused for another reason: {other}"),
    }
}

macro_rules! stage {
    ($name:literal) => {
        match set($name).await {
            Some(stage) => stage,
            None => return,
        }
    };
}

#[test]
fn every_program_fits_one_account() {
    for artefact in builder().load_all().unwrap() {
        assert!(artefact.bytes <= palisade::artefact::SIZE_LIMIT, "{} is {} bytes", artefact.name, artefact.bytes);
    }
}

#[tokio::test]
async fn the_whole_story_plays() {
    match std::env::var("PALISADE_RPC_URL") {
        Ok(url) => {
            let folder = std::env::temp_dir().join(format!("palisade-story-{}-rpc", std::process::id()));
            let mut story = begin(&url, folder.join("deployment.json"), Series::turning_points()).await;
            story.play().await.unwrap();
        }
        Err(_) => {
            let mut stage = stage!("whole");
            stage.story.play().await.unwrap();
            let svg = stage.story.certificate().await.unwrap();
            assert!(String::from_utf8(svg).unwrap().starts_with("<svg"));
            stage.strike().await;
        }
    }
}

#[tokio::test]
async fn a_deployment_belongs_to_the_timelock_alone() {
    let mut stage = stage!("owned");
    let story = &mut stage.story;
    let deployer = developer(story.chain());
    // the deployer can do nothing any more; tests/audit.rs has the rest
    let policy = story.deployment.policy(&deployer);
    let refused = refusal(story.act("set shares", &deployer, policy.set_shares(0, 0, 0)).await);
    assert!(refused.starts_with("OwnableUnauthorizedAccount"), "{refused}");
    let risk = story.deployment.risk(&deployer);
    let refused = refusal(story.act("retire", &deployer, risk.set_status(story.deployment.product, 2)).await);
    assert!(refused.starts_with("OwnableUnauthorizedAccount"), "{refused}");
    stage.strike().await;
}

#[tokio::test]
async fn a_product_begins_with_what_others_lost_before() {
    let mut stage = stage!("history");
    let story = &mut stage.story;
    let risk = story.deployment.risk(&story.cast.alice);
    let product = story.deployment.product;
    let now = story.chain().now().await.unwrap();
    let records = history::records(DEPEG, now);
    // the stage's clock is at the beginning of 2023: later years are of the future there
    let mut years: Vec<_> = records.iter().map(|record| record.year).collect();
    years.sort_unstable();
    assert_eq!(years, [2020, 2021, 2022]);
    let depegs = cover_type(DEPEG);
    assert_eq!(risk.seed_count(depegs).call().await.unwrap(), U256::from(records.len()));
    for (index, record) in records.iter().enumerate() {
        let seed = risk.seed(depegs, index.into()).call().await.unwrap();
        assert_eq!((seed.at, seed.loss, seed.exposure), (record.at, record.loss, record.exposure));
    }
    // the rate in force is the estimator's for the table, rounded up to nine digits
    let (_, _, rate) = risk.estimate(product).call().await.unwrap();
    let depegs = actuary::history::of(DEPEG).unwrap();
    let half_life = actuary::history::HALF_LIFE;
    let expected = depegs.rate(history::credibility(), history::loss_cap(), half_life, now).unwrap();
    let (rate, expected) = (rate.as_u128(), u128::try_from(expected).unwrap());
    assert!(rate.abs_diff(expected) < 10_000_000_000, "{rate} is not {expected}");
    assert!(rate > u128::from(depegs.prior), "a coin of the first rank failed in 2022");
    stage.strike().await;
}

#[tokio::test]
async fn capital_comes_in_and_shares_are_worth_it() {
    let mut stage = stage!("capital");
    let story = &mut stage.story;
    story.capital().await.unwrap();
    let alice = story.cast.alice.clone();
    let vault = story.deployment.vault(&alice);
    let shares = vault.balance_of(alice.address()).call().await.unwrap();
    assert_eq!(vault.convert_to_assets(shares).call().await.unwrap(), usd(6_000_000));
    let coins = story.asset(&alice);
    assert_eq!(coins.balance_of(alice.address()).call().await.unwrap(), U256::zero());
    assert_eq!(coins.balance_of(vault.address()).call().await.unwrap(), usd(10_000_000));
    // a donation changes nothing
    let before = vault.total_assets().call().await.unwrap();
    let asset = story.asset(&alice);
    story.act("donate", &alice, asset.mint(vault.address(), usd(1_000_000))).await.unwrap();
    assert_eq!(vault.total_assets().call().await.unwrap(), before);
    // beyond 120 % of the target capital nothing is taken
    let refused = refusal(story.deposit(&alice, usd(5_000_000)).await.map(drop));
    assert!(refused.starts_with("ERC4626ExceededMaxDeposit"), "{refused}");
    stage.strike().await;
}

#[tokio::test]
async fn a_cover_is_sold_at_its_quote_and_not_above_the_buyers_limit() {
    let mut stage = stage!("cover");
    let story = &mut stage.story;
    story.capital().await.unwrap();
    story.cover().await.unwrap();
    let bob = story.cast.bob.clone();
    let policy = story.deployment.policy(&bob);
    assert_eq!(policy.owner_of(story.policy).call().await.unwrap(), bob.address());
    let quote = policy
        .quote(
            story.deployment.product,
            story.deployment.subject(),
            bob.address(),
            [0; 32],
            usd(1_000),
            U256::from(30 * 86_400),
        )
        .call()
        .await
        .unwrap();
    let refused = refusal(story.buy(&bob, usd(1_000), 30 * 86_400, quote.0 - 1).await);
    assert!(refused.starts_with("PremiumTooHigh"), "{refused}");
    story.buy(&bob, usd(1_000), 30 * 86_400, quote.0).await.unwrap();
    // nobody insures a million times the pool
    let refused = refusal(story.buy(&bob, usd(3_000_000), 30 * 86_400, usd(3_000_000)).await);
    assert!(refused.starts_with("AmountOutOfBounds"), "{refused}");
    stage.strike().await;
}

#[tokio::test]
async fn a_request_to_leave_waits_for_its_cohort() {
    let mut stage = stage!("request");
    let story = &mut stage.story;
    story.capital().await.unwrap();
    story.ask_to_leave().await.unwrap();
    let carol = story.cast.carol.clone();
    let vault = story.deployment.vault(&carol);
    story.serve().await.unwrap();
    assert!(vault.claimable_redeem_request(U256::zero(), carol.address()).call().await.unwrap().is_zero());
    let refused =
        refusal(story.act("redeem", &carol, vault.redeem(U256::one(), carol.address(), carol.address())).await);
    assert!(refused.starts_with("ERC4626ExceededMaxRedeem"), "{refused}");
    stage.strike().await;
}

#[tokio::test]
async fn an_incident_is_proven_by_anyone_and_moves_the_exit_price_at_once() {
    let mut stage = stage!("report");
    let story = &mut stage.story;
    story.capital().await.unwrap();
    story.cover().await.unwrap();
    // without a depeg there is nothing to report
    let (_, nothing) = story.report_all().await.unwrap();
    assert!(nothing.is_none());
    story.depeg().await.unwrap();
    story.report().await.unwrap();
    // sales of the subject stop
    let bob = story.cast.bob.clone();
    let result = story.buy(&bob, usd(1_000), 30 * 86_400, usd(1_000)).await;
    let refused = refusal(result);
    assert!(refused.starts_with("SubjectNotHealthy") || refused.starts_with("LineNotQuiet"), "{refused}");
    stage.strike().await;
}

#[tokio::test]
async fn a_claim_is_verified_and_paid_once_and_only_to_its_holder() {
    let mut stage = stage!("claim");
    let story = &mut stage.story;
    story.capital().await.unwrap();
    story.cover().await.unwrap();
    story.depeg().await.unwrap();
    story.report().await.unwrap();
    let keeper = story.cast.keeper.clone();
    let thief = story.deployment.assessor(&keeper);
    let call = thief.file(story.policy, story.incident, story.entry.clone(), Bytes::default());
    let refused = refusal(story.act("steal", &keeper, call).await);
    assert!(refused.starts_with("NotHolder"), "{refused}");
    story.claim().await.unwrap();
    let bob = story.cast.bob.clone();
    let assessor = story.deployment.assessor(&bob);
    let call = assessor.file(story.policy, story.incident, story.entry.clone(), Bytes::default());
    let refused = refusal(story.act("file again", &bob, call).await);
    assert!(refused.starts_with("NothingToPay"), "{refused}");
    let record = story.deployment.policy(&bob).policy_of(story.policy).call().await.unwrap();
    assert_eq!(record.confirmed, story.paid);
    stage.strike().await;
}

#[tokio::test]
async fn who_leaves_bears_the_loss_and_receives_the_rest() {
    let mut stage = stage!("leave");
    let story = &mut stage.story;
    for step in 0..7 {
        match step {
            0 => story.capital().await,
            1 => story.cover().await,
            2 => story.ask_to_leave().await,
            3 => story.depeg().await,
            4 => story.report().await,
            5 => story.claim().await,
            _ => story.recovery().await,
        }
        .unwrap();
    }
    story.leave().await.unwrap();
    let carol = story.cast.carol.clone();
    let vault = story.deployment.vault(&carol);
    assert!(vault.pending_redeem_request(U256::zero(), carol.address()).call().await.unwrap().is_zero());
    stage.strike().await;
}

#[tokio::test]
async fn the_dao_changes_a_parameter_only_after_vote_and_delay() {
    let mut stage = stage!("vote");
    let story = &mut stage.story;
    story.propose().await.unwrap();
    let shares = story.deployment.policy(&story.cast.dora).shares().call().await.unwrap();
    assert_eq!(shares, (1_000, 500, 2_000));
    story.vote_and_execute().await.unwrap();
    stage.strike().await;
}

#[tokio::test]
async fn a_deployment_goes_on_where_it_was_interrupted() {
    let Some(stage) = set("resume").await else { return };
    let chain = stage.story.chain().clone();
    let deployer = developer(&chain);
    let path = stage.folder.join("interrupted.json");
    // interrupted at several moments: each time everything that was done stays done
    let mut addresses: Vec<Address> = Vec::new();
    for steps in [1usize, 3, 9, 20] {
        let mut d = Deployer::open(chain.clone(), deployer.clone(), builder(), &path, "standard", false).await.unwrap();
        let before = d.ledger.steps.len();
        let profile = Profile::standard();
        let options = palisade::deploy::Options::default();
        let work = palisade::deploy::deploy(&mut d, &profile, &options);
        let waiting = tokio::time::timeout(std::time::Duration::from_millis(60 * steps as u64), work).await;
        assert!(waiting.is_err() || waiting.unwrap().is_ok());
        let ledger = Ledger::open(&path).unwrap().unwrap();
        assert!(ledger.steps.len() >= before);
        let known: Vec<_> = ledger.contracts.values().copied().collect();
        assert!(addresses.iter().all(|address| known.contains(address)), "a contract was deployed twice");
        addresses = known;
    }
    let mut d = Deployer::open(chain, deployer, builder(), &path, "standard", false).await.unwrap();
    let deployment =
        palisade::deploy::deploy(&mut d, &Profile::standard(), &palisade::deploy::Options::default()).await.unwrap();
    assert!(addresses.iter().all(|address| deployment.ledger.contracts.values().any(|other| other == address)));
    stage.strike().await;
}

#[tokio::test]
async fn who_deploys_is_allocated_no_votes_at_once_or_over_time() {
    let Some(stage) = set("greedy").await else { return };
    let (chain, path) = (stage.story.chain().clone(), stage.folder.join("greedy.json"));
    let me = developer(&chain).address();
    let at_once = Options { allocation: vec![(me, U256::one())], ..Options::default() };
    let grant = Grant { beneficiary: me, amount: U256::one(), cliff: 0, duration: 1 };
    let over_time = Options { vesting: vec![grant], ..Options::default() };
    for options in [at_once, over_time] {
        let mut d =
            Deployer::open(chain.clone(), developer(&chain), builder(), &path, "standard", false).await.unwrap();
        let error = palisade::deploy::deploy(&mut d, &Profile::standard(), &options).await.unwrap_err();
        assert!(error.to_string().starts_with("who deploys keeps nothing"), "{error}");
        assert!(d.ledger.steps.is_empty());
    }
    stage.strike().await;
}

/// A program whose transaction was the last thing that a run saw is in the ledger by its address alone: the next run
/// enters its code, by which it is audited.
#[tokio::test]
async fn a_program_that_an_interruption_followed_is_audited_like_any_other() {
    let Some(stage) = set("unseen").await else { return };
    let (chain, path) = (stage.story.chain().clone(), stage.folder.join("deployment.json"));
    let mut ledger = Ledger::open(&path).unwrap().unwrap();
    let whole = ledger.code_hashes.clone();
    ledger.code_hashes.remove("treasury").unwrap();
    ledger.finished = false;
    ledger.save().unwrap();
    let mut d = Deployer::open(chain.clone(), developer(&chain), builder(), &path, "standard", false).await.unwrap();
    let options = palisade::deploy::Options::default();
    let deployment = palisade::deploy::deploy(&mut d, &Profile::standard(), &options).await.unwrap();
    assert_eq!(deployment.ledger.code_hashes, whole);
    assert_eq!(Ledger::open(&path).unwrap().unwrap().code_hashes, whole);
    stage.strike().await;
}

#[tokio::test]
async fn a_deployment_is_begun_anew_on_a_chain_that_was_reset_but_never_on_another() {
    let Some(stage) = set("reset").await else { return };
    let path = stage.folder.join("deployment.json");
    let again = devnode::serve(devnode::Config { port: 0, ..devnode::Config::default() }).await.unwrap();
    let chain = Chain::connect(&again.url()).await.unwrap();
    let deployer = Deployer::open(chain.clone(), developer(&chain), builder(), &path, "standard", false).await.unwrap();
    assert!(deployer.ledger.steps.is_empty() && deployer.ledger.contracts.is_empty());
    assert!(Ledger::open(&path).unwrap().unwrap().finished, "the old file stays until something is deployed");
    again.stop().await;

    let other = devnode::serve(devnode::Config { port: 0, chain_id: 77, ..devnode::Config::default() }).await.unwrap();
    let chain = Chain::connect(&other.url()).await.unwrap();
    let error = Deployer::open(chain.clone(), developer(&chain), builder(), &path, "standard", true).await.unwrap_err();
    assert!(error.to_string().ends_with("is not on this chain; move it away to deploy anew"), "{error}");
    other.stop().await;
    stage.strike().await;
}

#[tokio::test]
async fn a_deployment_of_other_programs_is_not_gone_on_with() {
    let Some(stage) = set("build").await else { return };
    let (chain, path) = (stage.story.chain().clone(), stage.folder.join("deployment.json"));
    let client = developer(&chain);
    let mut ledger = Ledger::open(&path).unwrap().unwrap();
    ledger.code_hashes.insert("risk".into(), ethers::types::H256::repeat_byte(1));
    ledger.save().unwrap();
    let open = |afresh| Deployer::open(chain.clone(), client.clone(), builder(), &path, "standard", afresh);
    let error = open(false).await.unwrap_err().to_string();
    assert!(error.contains("another build of risk: deploy anew with --afresh"), "{error}");
    assert!(open(true).await.unwrap().ledger.steps.is_empty());
    stage.strike().await;
}
