//! The keeper: what it does when nobody else does, within its limits, through restarts, failing nodes and blocks that
//! are taken back.

#[path = "stage/decree.rs"]
mod decree;
#[path = "stage/disguise.rs"]
mod disguise;
mod stage;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use ethers::types::{I256, U256};
use palisade::{
    chain::Chain,
    claims,
    deploy::{
        Deployment,
        plan::{ASSET_KEY, DEPEG, word},
    },
    keeper::{Keeper, Limits, Metrics, Purse, Round},
};
use stage::Stage;

const ETHER: U256 = U256([1_000_000_000_000_000_000, 0, 0, 0]);

fn limits() -> Limits {
    Limits { a_day: ETHER, gas_price: U256::exp10(12) }
}

/// A keeper on the chain at `url`, with the story's keeper's key.
async fn keeper(stage: &Stage, url: &str, limits: Limits) -> (Keeper, Metrics) {
    let chain = Chain::connect(url).await.unwrap();
    let client = chain.client(stage.story.cast.keeper.signer().clone());
    let deployment = Deployment::of(chain, stage.story.deployment.ledger.clone()).unwrap();
    let purse = Purse::open(&stage.folder.join("keeper.json"), limits).unwrap();
    let metrics = Metrics::default();
    (Keeper::new(deployment, client, purse, metrics.clone()), metrics)
}

fn kinds(round: &Round) -> Vec<&str> {
    round.deeds.iter().map(|deed| deed.kind).collect()
}

/// The newest incident that Assessor has booked.
async fn booked(stage: &Stage) -> U256 {
    let deployment = &stage.story.deployment;
    let assessor = deployment.assessor(&stage.story.cast.keeper);
    assessor.newest_incident(deployment.product, deployment.subject()).call().await.unwrap()
}

/// A stage with capital, a cover, a request to leave, and a depeg that nobody has reported.
async fn unreported(name: &str) -> Stage {
    let mut stage = Stage::open(name).await;
    let story = &mut stage.story;
    story.capital().await.unwrap();
    story.cover().await.unwrap();
    story.ask_to_leave().await.unwrap();
    story.depeg().await.unwrap();
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn it_proves_an_incident_books_it_and_serves_who_leaves() {
    let mut stage = unreported("keeper").await;
    let (mut keeper, metrics) = keeper(&stage, &stage.node.url(), limits()).await;
    let round = keeper.round().await.unwrap();
    assert_eq!(round.troubles, Vec::<String>::new());
    assert!(kinds(&round).contains(&"report"), "{round:?}");
    assert_eq!(booked(&stage).await, U256::one());
    assert!(stage.story.solvency().await.unwrap().reserve > U256::zero(), "the pool reserves for the cover");
    assert_eq!(metrics.get("palisade_incident_open", &[("subject", "USDC/USD")]), Some(1.0));
    let reserve = stage.story.solvency().await.unwrap().reserve.as_u128() as f64;
    assert_eq!(metrics.get("palisade_reserve", &[]), Some(reserve));
    assert!(metrics.get("palisade_spent_wei_total", &[]).unwrap() > 0.0);

    let again = keeper.round().await.unwrap();
    assert_eq!(again, Round::default(), "what is booked is not booked again");

    let deployment = &stage.story.deployment;
    stage.story.incident = U256::one();
    let bob = stage.story.cast.bob.clone();
    let policy = stage.story.policy;
    let entry = claims::entry_of(deployment, policy).await.unwrap();
    assert_eq!(entry, stage.story.entry, "the entry is found in the chain's logs");
    let call = deployment.assessor(&bob).file(policy, U256::one(), entry, Default::default());
    stage.story.chain().send("filing", &bob, call).await.unwrap();
    stage.story.recovery().await.unwrap();
    let profile = stage.story.profile.clone();
    stage.story.pass(2 * profile.week + profile.cooldown + 1).await.unwrap();
    let round = keeper.round().await.unwrap();
    assert_eq!(round.troubles, Vec::<String>::new());
    assert!(kinds(&round).contains(&"serve") && kinds(&round).contains(&"sync"), "{round:?}");
    let risk = stage.story.deployment.risk(&stage.story.cast.keeper);
    let prior = risk.prior(stage.story.deployment.product).call().await.unwrap();
    let (.., rate) = risk.cover_type(word(ASSET_KEY), DEPEG).call().await.unwrap();
    assert!(prior.abs_diff(rate) < rate / 1_000, "products of the type begin with what it has seen: {prior} {rate}");
    let carol = stage.story.cast.carol.address();
    let vault = stage.story.deployment.vault(&stage.story.cast.keeper);
    assert!(vault.claimable_redeem_request(U256::zero(), carol).call().await.unwrap() > U256::zero());

    // long after the grace the policy that was filed on is closed, and programs that would run out are kept alive
    stage.story.pass(290 * 86_400).await.unwrap();
    let round = keeper.round().await.unwrap();
    assert_eq!(round.troubles, Vec::<String>::new());
    assert!(kinds(&round).contains(&"expire") && kinds(&round).contains(&"keep alive"), "{round:?}");
    stage.story.pass(200 * 86_400).await.unwrap();
    assert!(stage.story.solvency().await.is_ok(), "after a year and a half the programs still run");
    let round = keeper.round().await.unwrap();
    assert_eq!(round.troubles, Vec::<String>::new());
    stage.story.pass(400 * 86_400).await.unwrap();
    assert!(stage.story.solvency().await.is_err(), "the keeper slept for longer than a year");
    let round = keeper.round().await.unwrap();
    assert!(kinds(&round).contains(&"activate"), "{round:?}");
    assert!(stage.story.solvency().await.is_ok(), "programs that ran out are activated again");
    let record = stage.story.deployment.policy(&bob).policy_of(policy).call().await.unwrap();
    assert!(record.expired);
    stage.strike().await;
}

/// A vault in run-off needs no capital: what its stakers earn ends, though none of them says so.
#[tokio::test(flavor = "multi_thread")]
async fn it_has_what_stakers_earn_follow_the_vault() {
    let mut stage = Stage::open("stakers").await;
    let story = &mut stage.story;
    story.capital().await.unwrap();
    let alice = story.cast.alice.clone();
    let (vault, rewards) = (story.deployment.vault(&alice), story.deployment.rewards(&alice));
    let (chain, timelock) = (story.chain().clone(), story.deployment.address("timelock"));
    let (mut keeper, _) = keeper(&stage, &stage.node.url(), limits()).await;
    let run_off = vault.order_run_off(true);
    decree::send_as(&chain, timelock, &run_off).await;
    assert!(!kinds(&keeper.round().await.unwrap()).contains(&"poke"), "nobody stakes");
    decree::send_as(&chain, timelock, &vault.order_run_off(false)).await;

    let shares = vault.balance_of(alice.address()).call().await.unwrap();
    chain.send("approving", &alice, vault.approve(rewards.address(), shares)).await.unwrap();
    chain.send("staking", &alice, rewards.stake(shares, alice.address())).await.unwrap();
    assert!(!kinds(&keeper.round().await.unwrap()).contains(&"poke"), "who stakes sets the rate");
    assert!(!rewards.emission().call().await.unwrap().0.is_zero());
    decree::send_as(&chain, timelock, &run_off).await;
    let round = keeper.round().await.unwrap();
    assert_eq!((round.troubles.len(), kinds(&round).contains(&"poke")), (0, true), "{round:?}");
    assert!(rewards.emission().call().await.unwrap().0.is_zero());
    assert!(!kinds(&keeper.round().await.unwrap()).contains(&"poke"));
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_spends_no_more_than_it_may() {
    let stage = unreported("purse").await;
    for (limits, reason) in [
        (Limits { a_day: U256::one(), ..limits() }, "are left for today"),
        (Limits { gas_price: U256::one(), ..limits() }, "more than the 1 that are allowed"),
    ] {
        let (mut keeper, metrics) = keeper(&stage, &stage.node.url(), limits).await;
        let round = keeper.round().await.unwrap();
        assert_eq!(round.deeds, vec![]);
        assert!(round.troubles.iter().any(|trouble| trouble.contains(reason)), "{round:?}");
        assert!(metrics.get("palisade_refused_total", &[("kind", "report")]).unwrap() > 0.0);
        assert_eq!(booked(&stage).await, U256::zero());
    }
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_that_are_taken_back_are_done_again() {
    let stage = unreported("reorg").await;
    let chain = stage.story.chain().clone();
    let snapshot = chain.request("evm_snapshot", ()).await.unwrap();
    let (mut keeper, _) = keeper(&stage, &stage.node.url(), limits()).await;
    let first = keeper.round().await.unwrap();
    assert!(kinds(&first).contains(&"report"));
    chain.request("evm_revert", [snapshot]).await.unwrap();
    assert_eq!(booked(&stage).await, U256::zero(), "the block with the report is gone");
    let second = keeper.round().await.unwrap();
    assert_eq!((second.troubles.len(), kinds(&second)), (0, kinds(&first)));
    assert_eq!(booked(&stage).await, U256::one());
    stage.strike().await;
}

/// A proxy before a node that hangs up on every `nth` connection at once, and on the others after [`LIFETIME`].
struct Flapping {
    address: SocketAddr,
    dropped: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
}

/// So long a connection lasts, whatever is under way.
const LIFETIME: Duration = Duration::from_millis(30);

impl Flapping {
    fn before(node: SocketAddr, nth: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (dropped, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counter, end) = (dropped.clone(), ended.clone());
        std::thread::spawn(move || {
            for (index, stream) in listener.incoming().enumerate() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(client) = stream else { continue };
                if index as u64 % nth == nth - 1 {
                    counter.fetch_add(1, Ordering::Relaxed);
                    continue; // hangs up
                }
                let server = TcpStream::connect(node).unwrap();
                let ends = (client.try_clone().unwrap(), counter.clone());
                std::thread::spawn(move || {
                    std::thread::sleep(LIFETIME);
                    if ends.0.shutdown(std::net::Shutdown::Both).is_ok() {
                        ends.1.fetch_add(1, Ordering::Relaxed);
                    }
                });
                for (mut from, mut to) in [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)]
                {
                    std::thread::spawn(move || {
                        let mut bytes = [0; 65_536];
                        while let Ok(count @ 1..) = from.read(&mut bytes) {
                            if to.write_all(&bytes[..count]).is_err() {
                                break;
                            }
                        }
                        drop((from.shutdown(std::net::Shutdown::Both), to.shutdown(std::net::Shutdown::Both)));
                    });
                }
            }
        });
        Self { address, dropped, ended }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_fails_now_and_then_delays_it_only() {
    let stage = unreported("flapping").await;
    let node = stage.node.url().trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
    let proxy = Flapping::before(node, 3);
    let url = format!("http://{}", proxy.address);
    let (mut keeper, _) = keeper(&stage, &url, limits()).await;
    let mut rounds = 0;
    while booked(&stage).await.is_zero() {
        rounds += 1;
        assert!(rounds < 1_000, "no incident was booked in {rounds} rounds");
        let round = keeper.round().await.unwrap();
        for trouble in &round.troubles {
            assert_eq!(trouble.lines().count(), 1, "{trouble}");
        }
    }
    assert_eq!(booked(&stage).await, U256::one());

    // a node that is gone is a trouble, not an end
    proxy.ended.store(true, Ordering::Relaxed);
    drop(TcpStream::connect(proxy.address));
    let spent = keeper.round().await.unwrap();
    assert!(spent.deeds.is_empty());
    stage.strike().await;
    let round = keeper.round().await.unwrap();
    assert!(round.deeds.is_empty() && !round.troubles.is_empty(), "{round:?}");
    assert!(proxy.dropped.load(Ordering::Relaxed) > 0, "the proxy hung up");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_finds_its_way_into_a_new_phase_of_the_feed() {
    let stage = Stage::open("phase").await;
    let story = &stage.story;
    let (chain, client) = (story.chain().clone(), story.cast.keeper.clone());
    let feed = story.feed(&client);
    let now = chain.now().await.unwrap();
    // rounds without a price at the end of the old phase, and an aggregator that ran ahead of its phase
    chain.send("feeding", &client, feed.push(I256::from(100_000_000))).await.unwrap();
    chain.send("feeding", &client, feed.push_raw(I256::zero(), U256::zero(), 0)).await.unwrap();
    chain.send("turning", &client, feed.start_phase()).await.unwrap();
    let ahead: Vec<U256> = (1..=40u64).map(|step| (now - 5_000 + step).into()).collect();
    let prices = vec![I256::from(99_900_000); ahead.len()];
    chain.send("feeding", &client, feed.push_batch(prices, ahead)).await.unwrap();
    for _ in 0..3 {
        story.pass(60).await.unwrap();
        chain.send("feeding", &client, feed.push(I256::from(96_000_000))).await.unwrap();
    }
    let lines = claims::lines(&story.deployment, &client).await.unwrap();
    let pending = claims::pending(&story.deployment, &client, &lines[0]).await.unwrap();
    assert!(pending.alarming && pending.waiting <= 8, "the rounds that ran ahead are not walked: {pending:?}");
    let (mut keeper, _) = keeper(&stage, &stage.node.url(), limits()).await;
    for _ in 0..3 {
        let round = keeper.round().await.unwrap();
        assert_eq!(round.troubles, Vec::<String>::new());
    }
    let depeg = story.deployment.depeg(&client);
    let (cursor, _): (u128, u64) = depeg.cursor_of(story.deployment.subject()).call().await.unwrap();
    let latest = feed.latest_round_data().call().await.unwrap().0;
    assert_eq!(cursor, latest, "every round was taken in");
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_keeps_shows_its_numbers_and_can_be_killed() {
    let stage = unreported("command").await;
    let file = stage.folder.join("deployment.json");
    let key = stage.story.cast.keeper.signer().signer().to_bytes();
    let command = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
        command.args(["keeper", "--rpc", &stage.node.url(), "--deployment", file.to_str().unwrap()]).args(more);
        command.env("PALISADE_KEY", hex::encode(key)).env_remove("PALISADE_RPC_URL").stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    // what it may not spend it says, and ends with an error
    let output = command(&["--once", "--most-a-day", "0.000000001"]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && told.contains("was not sent"), "{told}");
    let told = command(&["--metrics", "0.0.0.0:0"]).output().unwrap();
    assert!(String::from_utf8(told.stderr).unwrap().contains("give --allow-remote"));

    // killed at any moment, it goes on where the chain is
    let mut delay = 20;
    while booked(&stage).await.is_zero() {
        let mut child = command(&["--interval", "1"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
        delay = (delay * 2).min(20_000);
    }
    assert_eq!(booked(&stage).await, U256::one());

    let mut child = command(&["--interval", "1", "--metrics", "127.0.0.1:0"]).spawn().unwrap();
    let mut told = String::new();
    let mut errors = BufReader::new(child.stderr.take().unwrap()); // kept: the command goes on to write there
    errors.read_line(&mut told).unwrap();
    let address = told.trim().trim_start_matches("numbers at http://").trim_end_matches("/metrics").to_owned();
    let started = Instant::now();
    let numbers = loop {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        if text.contains("palisade_keeper_rounds_total") {
            break text;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "no round ended: {text}");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert!(numbers.contains("palisade_incident_open{subject=\"USDC/USD\"} 1"), "{numbers}");
    assert!(numbers.contains("palisade_keeper_balance_wei"), "{numbers}");
    child.kill().unwrap();
    child.wait().unwrap();
    let output = command(&["--once"]).output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "nothing is due");
    stage.strike().await;
}
