//! The examples do what they say, on the embedded node. Those for Node.js need `scripts/clients.sh --install`.

mod stage;
#[allow(dead_code)]
#[path = "../examples/underwrite.rs"]
mod underwrite;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use ethers::{
    abi::Token,
    contract::ContractCall,
    types::{Address, Bytes, TransactionReceipt, TransactionRequest, U256},
    utils::{keccak256, parse_units},
};
use palisade::{
    bindings::policy::PolicyBoughtFilter,
    chain::{Client, DEVELOPMENT_KEY, Error},
    deploy::{deployer::solidity_init_code, profile::usd},
    story::{Story, event},
};
use solidity::SelfInsured;
use stage::{Stage, builder, developer};

mod solidity {
    #![allow(missing_docs, unreachable_pub, clippy::all)]
    ethers::contract::abigen!(SelfInsured, "tests/solidity/artifacts/SelfInsured.json");
}

/// Most lines of a Solidity example, and of another one.
const MOST_LINES: [usize; 2] = [60, 100];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// A pool with capital, and a developer who has ten thousand.
async fn set(name: &str) -> Option<Stage> {
    if std::env::var_os("PALISADE_RPC_URL").is_some() {
        eprintln!("skipped: PALISADE_RPC_URL is set, and the examples are tried on a node of their own");
        return None;
    }
    let mut stage = Stage::open(name).await;
    stage.story.capital().await.unwrap();
    stage.story.fresh_price().await.unwrap();
    let me = developer(stage.story.chain());
    let asset = stage.story.asset(&me);
    send(&stage.story, &me, asset.mint(me.address(), usd(10_000))).await.unwrap();
    Some(stage)
}

async fn send<D: ethers::abi::Detokenize>(
    story: &Story,
    who: &Arc<Client>,
    call: ContractCall<Client, D>,
) -> Result<TransactionReceipt, Error> {
    let what = call.function.name.clone();
    story.chain().send(&what, who, call).await
}

async fn coins(story: &Story, account: Address) -> U256 {
    story.asset(&story.cast.keeper).balance_of(account).call().await.unwrap()
}

#[test]
fn examples_are_short() {
    for (name, most) in [
        ("solidity/SelfInsured.sol", MOST_LINES[0]),
        ("viem/cover.mjs", MOST_LINES[1]),
        ("underwrite.rs", MOST_LINES[1]),
    ] {
        let text = std::fs::read_to_string(folder().join(name)).unwrap();
        assert!(text.lines().count() <= most, "{name} has {} lines", text.lines().count());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_in_solidity_insures_itself_and_is_paid() {
    let Some(mut stage) = set("example-solidity").await else { return };
    let story = &mut stage.story;
    let (me, frank) = (developer(story.chain()), story.cast.frank.clone());
    let of = |name: &str| Token::Address(story.deployment.address(name));
    let code = solidity_init_code(&builder(), "SelfInsured", &[of("policy"), of("assessor"), of("asset")]).unwrap();
    let deploy = TransactionRequest::new().data(code);
    let receipt = story.chain().send_transaction("deploying", &me, deploy.into()).await.unwrap();
    let at = receipt.contract_address.unwrap();
    let contract = SelfInsured::new(at, me.clone());
    send(story, &me, story.asset(&me).transfer(at, usd(10_000))).await.unwrap();

    let (product, subject) = (story.deployment.product, story.deployment.subject());
    let (amount, term) = (usd(100_000), U256::from(90 * 86_400));
    let premium = contract.quote(product, subject, amount, term).call().await.unwrap();
    let most = premium + premium / 1_000;
    let insure = |who: &Arc<Client>| SelfInsured::new(at, who.clone()).insure(product, subject, amount, term, most);
    let refused = send(story, &frank, insure(&frank)).await.unwrap_err();
    assert!(refused.refusal().unwrap().contains("Not the owner"), "{refused}");
    let receipt = send(story, &me, insure(&me)).await.unwrap();
    let bought: PolicyBoughtFilter = event(&receipt, story.deployment.address("policy")).unwrap();
    assert_eq!(coins(story, at).await, usd(10_000) - bought.premium);
    let record = story.deployment.policy(&me).policy_of(bought.policy).call().await.unwrap();
    assert_eq!((record.holder, record.insured), (at, at));

    (story.policy, story.entry) = (bought.policy, bought.entry.clone());
    story.depeg().await.unwrap();
    story.report().await.unwrap();
    let assessor = story.deployment.assessor(&me);
    let (_, _, _, worst) = assessor.incident_of(product, subject, story.incident).call().await.unwrap();
    let (had, left) = (coins(story, at).await, contract.remaining(bought.policy).call().await.unwrap());
    let claim = SelfInsured::new(at, frank.clone()).claim(bought.policy, story.incident, bought.entry);
    send(story, &frank, claim).await.unwrap();
    let loss = U256::from(worst - record.deductible_bps);
    let due = amount * U256::from(record.ratio_bps) * loss / U256::exp10(8);
    assert!(due > usd(1_000), "{due}");
    assert_eq!(coins(story, at).await - had, due, "to the unit");
    assert_eq!(contract.remaining(bought.policy).call().await.unwrap(), left - due);
    let refused = send(story, &frank, SelfInsured::new(at, frank.clone()).withdraw(frank.address(), due)).await;
    assert!(refused.unwrap_err().refusal().unwrap().contains("Not the owner"));
    send(story, &me, contract.withdraw(me.address(), due)).await.unwrap();
    assert_eq!(coins(story, me.address()).await, due);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_with_viem_quotes_buys_and_reads_the_certificate() {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/node_modules/viem");
    if !clients.exists() || Command::new("node").arg("--version").output().is_err() {
        eprintln!("skipped: Node.js or viem is absent: run scripts/clients.sh --install");
        return;
    }
    let Some(stage) = set("example-viem").await else { return };
    let story = &stage.story;
    let me = developer(story.chain());
    // as `npm install` lays it out
    let project = stage.folder.join("viem");
    let modules = project.join("node_modules");
    std::fs::create_dir_all(modules.join("@palisade")).unwrap();
    std::fs::copy(folder().join("viem/cover.mjs"), project.join("cover.mjs")).unwrap();
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("contracts/abi");
    std::os::unix::fs::symlink(clients.canonicalize().unwrap(), modules.join("viem")).unwrap();
    std::os::unix::fs::symlink(package, modules.join("@palisade/abi")).unwrap();

    let script = || {
        let mut command = Command::new("node");
        command.arg(project.join("cover.mjs")).env_remove("PALISADE_KEY");
        command.env("PALISADE_DEPLOYMENT", stage.folder.join("deployment.json"));
        command
    };
    let alone = script().output().unwrap();
    assert!(!alone.status.success() && String::from_utf8_lossy(&alone.stderr).starts_with("usage:"));
    let had = coins(story, me.address()).await;
    let output = script().arg(stage.node.url()).env("PALISADE_KEY", DEVELOPMENT_KEY).output().unwrap();
    let (told, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}{wrong}");
    let line = |name: &str| told.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{told}"));
    assert!(line("pool: ").starts_with("10000000 USDX of capital"), "{told}");
    assert!(line("quote: ").contains(" for 10000 USDX over 28 days, "), "{told}");
    let paid = line("bought: policy 1 for ").split(' ').next().unwrap();
    let paid: U256 = parse_units(paid, 6).unwrap().into();
    assert_eq!(had - coins(story, me.address()).await, paid);
    let record = story.deployment.policy(&me).policy_of(U256::one()).call().await.unwrap();
    assert_eq!((record.holder, record.amount), (me.address(), usd(10_000)));
    let entry: Bytes = line("entry: ").parse().unwrap();
    assert_eq!(record.entry_hash, keccak256(&entry));
    assert!(line("certificate: ").contains("in force 20"), "{told}");
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_underwriter_in_rust_deposits_and_knows_what_leaving_brings() {
    let Some(stage) = set("example-ethers").await else { return };
    let story = &stage.story;
    let me = developer(story.chain());
    let deployment = stage.folder.join("deployment.json");
    let done = underwrite::run(&stage.node.url(), &deployment, DEVELOPMENT_KEY).await.unwrap();
    assert_eq!(coins(story, me.address()).await, usd(9_000));
    let vault = story.deployment.vault(&me);
    assert_eq!(vault.balance_of(me.address()).call().await.unwrap(), done.shares);
    assert!(done.worth <= usd(1_000) && done.worth > usd(999), "{}", done.worth);
    let missing = underwrite::run(&stage.node.url(), Path::new("nowhere.json"), DEVELOPMENT_KEY).await;
    assert!(missing.is_err());
    stage.strike().await;
}
