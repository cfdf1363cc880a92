//! The DAO's commands, run as people run them: delegate, propose by templates, look, vote, queue, execute.

#[path = "stage/desk.rs"]
mod desk;
mod stage;

use std::sync::Arc;

use desk::{Desk, text};
use ethers::{
    abi::Token,
    types::{Address, TransactionRequest, U256},
};
use palisade::{
    bindings::IAllocator,
    chain::Client,
    deploy::{
        deployer::solidity_init_code,
        plan::word,
        profile::{pali, usd},
    },
};
use serde_json::{Value, json};
use stage::builder;

/// Ether in wei.
fn ether(whole: u64) -> U256 {
    U256::from(whole) * U256::exp10(18)
}

/// Moves the node's clock.
async fn later(desk: &Desk, seconds: u64) {
    let chain = desk.stage.story.chain();
    chain.request("evm_increaseTime", [seconds]).await.unwrap();
    chain.request("evm_mine", ()).await.unwrap();
}

/// What a command prints for whoever signs, before it asks.
fn shows_as(desk: &Desk, who: &Arc<Client>, arguments: &[&str]) -> String {
    text(&desk.run_as(who, arguments).stderr)
}

/// The row of a table that begins with these words.
fn row<'a>(table: &'a str, begins: &str) -> &'a str {
    let found = table.lines().find(|line| line.trim_start().starts_with(begins));
    found.unwrap_or_else(|| panic!("{begins:?} in\n{table}"))
}

/// Cells of a row.
fn cells(row: &str) -> Vec<&str> {
    row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

/// A file that a command reads.
fn file(desk: &Desk, name: &str, content: &Value) -> String {
    let path = desk.stage.folder.join(name);
    std::fs::write(&path, content.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn proposals_live_from_delegation_to_execution() {
    let desk = Desk::open("dao").await;
    let (dora, erin) = (desk.stage.story.cast.dora.clone(), desk.stage.story.cast.erin.clone());
    let profile = desk.stage.story.profile.clone();
    let deployment = desk.stage.story.deployment.clone();

    // votes
    assert!(desk.refuses_as(&dora, &["delegate"]).ends_with("give --yes"));
    let told = desk.says_as(&dora, &["delegate", "--yes"]);
    assert!(told.contains("had 0 votes and has 20,000,000"), "{told}");
    let doras = format!("{:?}", dora.address());
    let told = desk.says_as(&erin, &["delegate", &doras, "--yes"]);
    assert!(told.starts_with(&doras) && told.contains("had 20,000,000 votes and has 30,000,000"), "{told}");
    later(&desk, 1).await;

    // a template: what it would do is shown before anything is signed
    assert!(desk.refuses(&["vote", "1", "for", "--yes"]).contains("there is no proposal #1: nothing was proposed yet"));
    let shares = ["propose", "shares", "--treasury", "8", "--description", "Premiums rose."];
    let shown = shows_as(&desk, &dora, &shares);
    assert!(shown.contains("1. policy.setShares\n   treasuryBps  800\n   juryBps      500\n"), "{shown}");
    assert_eq!(cells(row(&shown, "treasury ")), ["treasury", "10.00 %", "8.00 %"]);
    assert_eq!(cells(row(&shown, "jury ")), ["jury", "5.00 %", "5.00 %"]);
    assert!(shown.contains("it would be executed") && shown.trim_end().ends_with("give --yes"), "{shown}");
    assert_eq!(desk.says(&["proposals", "--all"]).lines().count(), 2, "nothing but headings");
    let told = desk.says_as(&dora, &[&shares[..], &["--yes"]].concat());
    assert!(told.starts_with("proposal #1, Share premiums: 8.00 % to the treasury"), "{told}");

    // calls of one's own: to the DAO's own contracts, and to one that follows from another
    let raw = [
        "propose",
        "raw",
        "--title",
        "A longer vote, a longer delay, a new group",
        "--yes",
        "--call",
        "governor",
        "setVotingPeriod(uint32)",
        "518400",
        "--call",
        "timelock",
        "updateDelay",
        "1728000",
        "--call",
        "risk",
        "setGroup",
        "9",
        "1_000",
        "--call",
        "risk",
        "setRiskKey",
        "asset:DAI",
        "9",
    ];
    let output = desk.run_as(&dora, &raw);
    let (shown, told) = (text(&output.stderr), text(&output.stdout));
    assert!(told.starts_with("proposal #2, A longer vote"), "{told}{shown}");
    assert!(shown.contains("2. timelock.updateDelay\n   newDelay  1,728,000"), "{shown}");
    assert!(shown.contains("4. risk.setRiskKey\n   riskKey  \"asset:DAI\"\n   group    9"), "{shown}");
    assert!(shown.contains("it would be executed"), "{shown}");

    // where they are
    let list = desk.says(&["proposals"]);
    assert_eq!(
        cells(row(&list, "1 "))[1..3],
        ["pending", "Share premiums: 8.00 % to the treasury, 20.00 % of that to referrers, 5.00 % to the jury"]
    );
    assert!(row(&list, "2 ").contains("the vote begins after"), "{list}");
    let all: Value = serde_json::from_str(&desk.says(&["proposals", "--json"])).unwrap();
    let first = &all[0];
    assert_eq!((&first["number"], &first["state"], &first["eta"]), (&json!(1), &json!("pending"), &Value::Null));
    let description = first["description"].as_str().unwrap();
    assert!(description.contains("\n\nPremiums rose.\n\n#proposer=0x") && description.ends_with(&doras[2..]));
    assert_eq!(first["actions"][0]["call"]["arguments"]["treasuryBps"], json!("800"));
    let id = first["id"].as_str().unwrap().to_owned();

    // too early
    for (arguments, told) in [
        (&["vote", "1", "for", "--yes"][..], "the vote on proposal #1 begins only after"),
        (&["queue", "1"], "the vote on proposal #1 begins only after"),
        (&["execute", "1"], "the vote on proposal #1 begins only after"),
        (&["vote", "3", "for", "--yes"], "there is no proposal #3: they are numbered from 1 to 2"),
        (&["vote", "123456", "for", "--yes"], "no proposal's id begins with 123456"),
    ] {
        let refused = desk.refuses_as(&dora, arguments);
        assert!(refused.starts_with("error: ") && refused.contains(told), "{arguments:?}: {refused}");
    }
    later(&desk, profile.voting_delay + 1).await;

    // the vote
    assert!(desk.refuses(&["vote", "1", "for", "--yes"]).contains("has no votes on proposal #1"));
    assert!(desk.refuses_as(&erin, &["vote", "1", "for", "--yes"]).contains("has no votes"), "they are Dora's");
    let told = desk.says_as(&dora, &["vote", &id[..20], "for", "--reason", "So it is.", "--yes"]);
    assert!(told.starts_with("30,000,000 votes for proposal #1: 30,000,000 for, 0 against, 0 abstain"), "{told}");
    assert!(desk.refuses_as(&dora, &["vote", "1", "against", "--yes"]).contains("has voted on proposal #1 already"));
    desk.says_as(&dora, &["vote", "2", "for", "--yes"]);
    assert!(row(&desk.says(&["proposals"]), "1 ").contains("4,000,000 reached"));
    assert!(desk.refuses(&["queue", "1"]).contains("the vote on proposal #1 runs until"));
    later(&desk, profile.voting_period + 1).await;

    // the timelock: anyone may queue and execute
    assert!(row(&desk.says(&["proposals"]), "1 ").ends_with("`palisade queue 1`"));
    assert!(desk.refuses(&["execute", "1"]).contains("has won and is not queued yet: `palisade queue 1`"));
    assert!(desk.says(&["queue", "1"]).starts_with("proposal #1 waits in the timelock until"));
    desk.says(&["queue", "2"]);
    assert!(desk.refuses(&["queue", "1"]).contains("proposal #1 is queued already"));
    assert!(desk.refuses(&["execute", "1"]).contains("proposal #1 waits in the timelock until"));
    later(&desk, profile.delay + 1).await;
    assert!(desk.says(&["execute", "1"]).starts_with("proposal #1 was executed: Share premiums"));
    desk.says(&["execute", "2"]);
    let policy = deployment.policy(&desk.me);
    assert_eq!(policy.shares().call().await.unwrap(), (800, 500, 2_000));
    let governor = deployment.governor(&desk.me);
    assert_eq!(governor.voting_period().call().await.unwrap(), 518_400.into());
    assert_eq!(deployment.timelock(&desk.me).get_min_delay().call().await.unwrap(), 1_728_000.into());
    let risk = deployment.risk(&desk.me);
    assert_eq!(risk.group_of(word("asset:DAI")).call().await.unwrap(), (9, 1_000));

    assert!(desk.refuses(&["execute", &id]).contains("proposal #1 was executed already"));
    assert!(desk.refuses_as(&dora, &["vote", "1", "for", "--yes"]).contains("is over: it is executed"));
    assert!(!desk.says(&["proposals"]).contains("Share premiums"), "what is over is shown on demand only");
    assert_eq!(cells(row(&desk.says(&["proposals", "--all"]), "1 "))[1], "executed");
    desk.stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_proposed_is_refused_in_one_line() {
    let desk = Desk::open("refusals").await;
    let dora = desk.stage.story.cast.dora.clone();
    let refused = desk.refuses(&["propose", "short-rate", "6", "--yes"]);
    assert!(refused.contains("has 0 votes, and 100,000 are needed to propose"), "{refused}");
    desk.says_as(&dora, &["delegate", "--yes"]);
    later(&desk, 1).await;

    // what would revert is told with its error, and sent only by force
    let greedy = [
        "propose",
        "raw",
        "--title",
        "Greed",
        "--call",
        "risk",
        "setGroup",
        "8",
        "100",
        "--call",
        "policy",
        "setShares",
        "4000",
        "4000",
        "0",
        "--call",
        "risk",
        "setGroup",
        "7",
        "100",
    ];
    let refused = desk.refuses_as(&dora, &[&greedy[..], &["--yes"]].concat());
    assert!(
        refused.contains(
            "nothing was proposed: call 2 (policy.setShares) would revert with ParameterOutOfBounds(parameter: "
        ),
        "{refused}"
    );
    let shown = shows_as(&desk, &dora, &greedy);
    assert!(shown.contains("1. risk.setGroup\n") && shown.contains("3. risk.setGroup  — not reached"), "{shown}");
    assert!(!desk.says(&["proposals", "--all"]).contains("Greed"));
    let told = desk.says_as(&dora, &[&greedy[..], &["--force", "--open", "--yes"]].concat());
    assert!(told.starts_with("proposal #1, Greed: "), "{told}");
    let all: Value = serde_json::from_str(&desk.says(&["proposals", "--json"])).unwrap();
    assert_eq!(all[0]["description"], json!("Greed"), "an open one has no proposer at its end");

    let ledger = desk.stage.folder.join("deployment.json");
    let mut older: Value = serde_json::from_str(&std::fs::read_to_string(&ledger).unwrap()).unwrap();
    for name in ["treasury", "rewards", "guardian"] {
        older["contracts"].as_object_mut().unwrap().remove(name);
    }
    let other = "0x00000000000000000000000000000000000000aa";
    for (arguments, told) in [
        (&["short-rate", "21"][..], "at most 20.00 % of a refund is kept"),
        (
            &["shares", "--treasury", "40", "--jury", "11"],
            "treasury and jury get at most 50.00 % of a premium together",
        ),
        (&["shares", "--treasury", "10"], "these are the shares already"),
        (&["limits", "--least-bond", "10_001"], "the least bond is at most 10,000.000000 USDX"),
        (&["limits", "--at-once", "6"], "call 1 (assessor.setLimits) would revert with ParameterOutOfBounds"),
        (&["delay", "7d"], "the delay is longer than what an underwriter needs to leave (14 days)"),
        (&["settings", "--quorum", "4.5"], "the quorum is in whole percent"),
        (&["settings", "--threshold", "1_000_000_000"], "there is not so much PALI"),
        (
            &["status", "1", "retired"],
            "product #1 is on sale, and would not become retired: it goes one step at a time",
        ),
        (&["status", "9", "sunset"], "there is no product #9: they are numbered from 1 to 1"),
        (
            &["list", "1", "DAI/USD", "asset:DAI"],
            "call 1 (risk.listSubject) would revert with UnknownRiskKey(riskKey: \"asset:DAI\")",
        ),
        (&["strategy", "cap", other, "5"], "is none of the strategies: there is none"),
        (&["invest", other, "5", "--vault", "3"], "there is no vault #3: `palisade add-vault` deploys one"),
        (&["add-vault", "2"], "there is no vault #2"),
        (&["product", "1", "--terms", "nowhere.json"], "nowhere.json"),
        (&["raw", "--title", "Nothing"], "there is nothing to propose"),
        (&["raw", "--title", "T", "--call", "policy", "setShares", "1"], "takes 3 arguments, and 1 were given"),
    ] {
        let refused = desk.refuses_as(&dora, &[&["propose"][..], arguments, &["--yes"]].concat());
        assert!(refused.starts_with("error: ") && refused.contains(told), "{arguments:?}: {refused}");
    }
    let output = desk.run(&["propose", "bribe", "1"]);
    assert!(!output.status.success() && text(&output.stderr).contains("unrecognized subcommand 'bribe'"));

    // a deployment of before there was a treasury
    std::fs::write(&ledger, older.to_string()).unwrap();
    for arguments in [&["pay", other, "5"][..], &["budget", "5"], &["fund", "5"]] {
        let refused = desk.refuses_as(&dora, &[&["propose"][..], arguments].concat());
        // one that every finished deployment has is missed at once
        let told = ["this deployment has no treasury", "is of an older version, without "];
        assert!(told.iter().any(|told| refused.contains(told)), "{arguments:?}: {refused}");
    }
    desk.stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_show_what_they_change() {
    let desk = Desk::open("templates").await;
    desk.stage.story.fresh_price().await.unwrap();
    let preview = |arguments: &[&str]| {
        let shown = desk.says(&[&["propose"][..], arguments, &["--preview"]].concat());
        assert!(shown.contains("it would be executed"), "{arguments:?}: {shown}");
        shown
    };
    for (arguments, rows) in [
        (&["short-rate", "7.5"][..], &[["kept of a refund", "5.00 %", "7.50 %"]][..]),
        (
            &["limits", "--at-once", "4", "--least-bond", "250"],
            &[["at once", "5.00 %", "4.00 %"], ["least bond", "100.000000 USDX", "250.000000 USDX"]],
        ),
        (&["status", "1", "sunset"], &[["product #1", "on sale", "sunset"]]),
        (&["delay", "20d"], &[["delay", "15 days", "20 days"]]),
        (
            &[
                "settings",
                "--voting-delay",
                "2d",
                "--voting-period",
                "7d",
                "--threshold",
                "5_000",
                "--quorum",
                "6",
                "--extension",
                "36h",
            ],
            &[
                ["voting delay", "24 h", "2 days"],
                ["voting period", "5 days", "7 days"],
                ["threshold", "100,000.000000 PALI", "5,000.000000 PALI"],
                ["quorum", "4 %", "6 %"],
                ["left after a late quorum", "24 h", "36 h"],
            ],
        ),
        (&["list", "1", "DAI/USD", "asset:DAI", "--group", "1"], &[["group of the key", "—", "1"]]),
    ] {
        let shown = preview(arguments);
        for expected in rows {
            assert_eq!(cells(row(&shown, expected[0])), expected, "{arguments:?}");
        }
    }

    // a product's terms, from those in force; the version's lines and its sale come with it, though there is none yet
    let terms: Value = serde_json::from_str(&desk.says(&["propose", "product", "1", "--show"])).unwrap();
    assert_eq!(terms["limits"]["deductibleBps"], json!(200));
    let same = file(&desk, "same.json", &terms);
    assert!(desk.refuses(&["propose", "product", "1", "--terms", &same]).contains("these are the terms in force"));
    let other = file(&desk, "other.json", &json!({"limits": {"deductibleBps": 300, "maxAmount": "1_000_000_000_000"}}));
    let shown = preview(&["product", "1", "--terms", &other]);
    assert_eq!(cells(row(&shown, "limits.deductibleBps "))[..], ["limits.deductibleBps", "200", "300"]);
    assert_eq!(cells(row(&shown, "product #1 ")), ["product #1", "on sale", "sunset"]);
    assert_eq!(cells(row(&shown, "product #2 ")), ["product #2", "—", "on sale"]);
    assert!(shown.contains("2. risk.listSubject\n   product  2\n   subject  \"USDC/USD\""), "{shown}");
    let wrong = file(&desk, "wrong.json", &json!({"limits": {"deductable": 1}}));
    let refused = desk.refuses(&["propose", "product", "1", "--terms", &wrong]);
    assert!(refused.contains("limits: there is no field \"deductable\""), "{refused}");
    let new = [
        "product",
        "new",
        "--like",
        "1",
        "--trigger",
        "depeg",
        "--cover",
        "depeg",
        "--terms",
        &other,
        "--subject",
        "USDC/USD",
        "--risk-key",
        "asset:USDC",
    ];
    assert_eq!(cells(row(&preview(&new), "products ")), ["products", "1", "2"]);

    // a trigger's subject: what it shows is what it takes
    let show = ["propose", "subject", "depeg", "USDC/USD", "--show"];
    let mut config: Value = serde_json::from_str(&desk.says(&show)).unwrap();
    config["feed"] = json!("feed");
    config["window"] = json!(43_000);
    let path = file(&desk, "subject.json", &config);
    let shown = preview(&["subject", "depeg", "USDT/USD", "--config", &path]);
    assert_eq!(cells(row(&shown, "window ")), ["window", "—", "43000"]);
    assert!(cells(row(&shown, "config.feed "))[1].starts_with("feed (0x"), "{shown}");
    desk.stage.strike().await;
}

/// Votes for proposals, queues and executes them, all by the commands; the titles of what was done.
async fn carry(desk: &Desk, proposals: std::ops::RangeInclusive<usize>) -> Vec<String> {
    let (dora, profile) = (desk.stage.story.cast.dora.clone(), desk.stage.story.profile.clone());
    let numbers: Vec<_> = proposals.map(|number| number.to_string()).collect();
    later(desk, profile.voting_delay + 1).await;
    for number in &numbers {
        desk.says_as(&dora, &["vote", number, "for", "--yes"]);
    }
    later(desk, profile.voting_period + 1).await;
    for number in &numbers {
        desk.says(&["queue", number]);
    }
    later(desk, profile.delay + 1).await;
    let executed = numbers.iter().map(|number| {
        let told = desk.says(&["execute", number]);
        let begins = format!("proposal #{number} was executed: ");
        let title = told.strip_prefix(&begins).unwrap_or_else(|| panic!("{begins}: {told}"));
        title.rsplit_once(", in 0x").expect("it tells the transaction").0.to_owned()
    });
    executed.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_templates_propose_comes_about() {
    let mut desk = Desk::open("effects").await;
    desk.stage.story.capital().await.unwrap();
    let desk = desk;
    let story = &desk.stage.story;
    let (chain, deployment, me) = (story.chain(), &story.deployment, &desk.me);
    let (dora, gina) = (story.cast.dora.clone(), story.cast.gina.clone());
    let (asset, token) = (story.asset(me), deployment.token(me));
    let (treasury, rewards, office) = (deployment.treasury(me), deployment.rewards(me), deployment.guardian(me));
    let (vault, allocator) = (deployment.vault(me), IAllocator::new(deployment.address("allocator"), me.clone()));
    desk.says_as(&dora, &["delegate", "--yes"]);
    later(&desk, 1).await;
    chain.send("minting", me, asset.mint(treasury.address(), usd(100_000))).await.unwrap();
    chain.transfer(me, treasury.address(), ether(3)).await.unwrap();
    let lend = async || {
        let code = solidity_init_code(&builder(), "OzVault", &[Token::Address(asset.address())]).unwrap();
        let receipt = chain.send_transaction("OzVault", me, TransactionRequest::new().data(code).into()).await.unwrap();
        receipt.contract_address.unwrap()
    };
    let (lender, other) = (lend().await, lend().await);
    let [first, second] = [lender, other].map(|strategy| format!("{strategy:?}"));
    let payee = Address::from_low_u64_be(0xb0b);
    let (payee_is, ginas) = (format!("{payee:?}"), format!("{:?}", gina.address()));

    // what would be refused is told in the contract's own words, and nothing is proposed
    for (arguments, told) in [
        (
            &["pay", &payee_is, "200_000"][..],
            format!(
                "call 1 (treasury.pay) would revert with ERC20InsufficientBalance(sender: {:?}, balance: 100000000000, \
                 needed: 200000000000)",
                treasury.address()
            ),
        ),
        (
            &["loyalty", "20", "--after", "365d"],
            "call 1 (rewards.setLoyalty) would revert with RebateAboveFees(bps: 2000, mostBps: 1529)".into(),
        ),
        (
            &["strategy", "add", &payee_is, "--cap", "1", "--risk-key", "asset:USDC"],
            format!("call 1 (allocator.addStrategy) would revert with AddressEmptyCode(target: {payee_is})"),
        ),
    ] {
        let refused = desk.refuses_as(&dora, &[&["propose"][..], arguments, &["--yes"]].concat());
        assert!(refused.starts_with("error: nothing was proposed: ") && refused.contains(&told), "{refused}");
    }

    // one vote for all that is independent of each other; each tells what it changes, as it comes about
    let propose = |number: usize, arguments: &[&str], changes: &[[&str; 3]]| {
        let output = desk.run_as(&dora, &[&["propose"][..], arguments, &["--yes"]].concat());
        let (shown, told) = (text(&output.stderr), text(&output.stdout));
        assert!(told.starts_with(&format!("proposal #{number}, ")), "{arguments:?}: {told}{shown}");
        assert!(shown.contains("it would be executed"), "{arguments:?}: {shown}");
        for expected in changes {
            assert_eq!(cells(row(&shown, &format!("{} ", expected[0]))), expected, "{arguments:?}");
        }
    };
    let set_aside = token.balance_of(rewards.address()).call().await.unwrap();
    propose(
        1,
        &["pay", &payee_is, "12_345.67"],
        &[
            ["the treasury has", "100,000.000000 USDX", "87,654.330000 USDX"],
            ["left of the budget", "250,000.000000 USDX", "237,654.330000 USDX"],
            ["who is paid has", "0.000000 USDX", "12,345.670000 USDX"],
        ],
    );
    propose(2, &["budget", "60_000"], &[["budget of the period", "250,000.000000 USDX", "60,000.000000 USDX"]]);
    propose(3, &["budget", "2", "--token", "ether"], &[]);
    propose(4, &["fund", "10_000"], &[["of it free for emission", "5,000,000.000000 PALI", "5,010,000.000000 PALI"]]);
    propose(5, &["fund", "500", "--token", "asset"], &[["the rewards hold", "0.000000 USDX", "500.000000 USDX"]]);
    propose(6, &["emission", "864"], &[]);
    propose(7, &["loyalty", "2.5%", "--after", "365d"], &[["loyalty share", "0.00 %", "2.50 %"]]);
    for (number, strategy) in [(8, &first), (9, &second)] {
        let add = ["strategy", "add", strategy, "--cap", "2_000_000", "--risk-key", "asset:USDC"];
        propose(number, &add, &[["strategies", "none", strategy], ["its cap", "—", "2,000,000.000000 USDX"]]);
    }
    propose(10, &["guardian", &payee_is, "--for", "180d"], &[["guardian", &ginas, &payee_is]]);
    let titles = carry(&desk, 1..=10).await;
    assert_eq!(titles[0], format!("Pay 12,345.670000 USDX to {payee_is}"));
    assert_eq!(titles[6], "Give 2.50 % of premiums back after 365 days without a claim");

    let now = chain.now().await.unwrap();
    assert_eq!(asset.balance_of(payee).call().await.unwrap(), U256::from(12_345_670_000_u64));
    let left = usd(100_000) - U256::from(12_345_670_000_u64) - usd(500);
    assert_eq!(asset.balance_of(treasury.address()).call().await.unwrap(), left);
    let (budget, next, spent, _) = treasury.budget_of(asset.address()).call().await.unwrap();
    assert_eq!((budget, next), (usd(60_000), usd(60_000)), "a lower one holds at once");
    assert_eq!(spent, U256::from(12_845_670_000_u64), "the payment and the rebates' funds");
    let (budget, next, ..) = treasury.budget_of(Address::zero()).call().await.unwrap();
    assert_eq!((budget, next), (U256::zero(), ether(2)), "a higher one from the next period on");
    assert_eq!(token.balance_of(rewards.address()).call().await.unwrap(), set_aside + pali(10_000));
    assert_eq!(rewards.rebate_funds().call().await.unwrap(), usd(500));
    let (_, most, _, free) = rewards.emission().call().await.unwrap();
    assert_eq!((U256::from(most), free), (pali(864) / 86_400, set_aside + pali(10_000)), "nobody has staked");
    assert_eq!(rewards.loyalty().call().await.unwrap(), (250, 365 * 86_400));
    let strategies = allocator.strategies().call().await.unwrap();
    let caps: Vec<_> = strategies.iter().map(|info| (info.strategy, info.cap)).collect();
    assert_eq!(caps, [(lender, usd(2_000_000)), (other, usd(2_000_000))]);
    assert!(strategies.iter().all(|info| info.risk_key == word("asset:USDC")));
    let (holder, until) = office.office().call().await.unwrap();
    assert!(holder == payee && until <= now + 180 * 86_400 && until > now + 179 * 86_400, "{holder:?} until {until}");

    // what builds on that: money goes to work, and ether leaves by the budget of a period that has not begun
    let too_much = ["propose", "invest", &first, "2_000_001", "--yes"];
    assert!(desk.refuses_as(&dora, &too_much).contains("2,000,001.000000 USDX is too much"));
    propose(
        11,
        &["invest", &first, "1_500_000"],
        &[
            ["booked there", "0.000000 USDX", "1,500,000.000000 USDX"],
            ["cash", "10,000,000.000000 USDX", "8,500,000.000000 USDX"],
            ["invested", "0.000000 USDX", "1,500,000.000000 USDX"],
        ],
    );
    let cap = ["its cap", "2,000,000.000000 USDX", "1,600,000.000000 USDX"];
    propose(12, &["strategy", "cap", &first, "1_600_000"], &[cap]);
    let [before, after] = [[&first, &second], [&second, &first]].map(|[one, two]| format!("{one}, {two}"));
    propose(13, &["strategy", "queue", &second, &first], &[["queue", &before, &after]]);
    propose(14, &["strategy", "remove", &second], &[["strategies", &before, &first]]);
    propose(15, &["pay", &payee_is, "1.5", "--token", "ether"], &[]);
    propose(16, &["guardian", "nobody"], &[["guardian", &payee_is, "nobody"]]);
    let titles = carry(&desk, 11..=16).await;
    assert_eq!(titles[0], format!("Put 1,500,000.000000 USDX of the vault into {first}"));

    let strategies = allocator.strategies().call().await.unwrap();
    let [info] = &strategies[..] else { panic!("one is left: {strategies:?}") };
    assert_eq!((info.strategy, info.cap, info.book), (lender, usd(1_600_000), usd(1_500_000)));
    assert_eq!(asset.balance_of(lender).call().await.unwrap(), usd(1_500_000));
    let solvency = vault.solvency().call().await.unwrap();
    assert_eq!((solvency.cash, solvency.invested), (usd(8_500_000), usd(1_500_000)));
    assert_eq!(chain.balance(payee).await.unwrap(), ether(3) / 2);
    assert_eq!(chain.balance(treasury.address()).await.unwrap(), ether(3) / 2);
    assert_eq!(office.office().call().await.unwrap(), (Address::zero(), 0));
    desk.stage.strike().await;
}
