//! The lending and the exploit trigger as WASM on a node, through JSON-RPC, on OpenZeppelin's ERC-4626 vault and its beacon:
//! money is really deposited, and really taken.

#[path = "stage/disguise.rs"]
mod disguise;
#[path = "stage/site.rs"]
mod site;

use std::{fs, path::PathBuf, sync::Arc};

use ethers::{
    abi::{Token, encode},
    contract::ContractCall,
    types::{Address, Bytes, TransactionRequest, U256},
};
use palisade::{
    bindings::{IExploitTrigger, ILendingTrigger, StableCoin, exploit, lending},
    chain::{Chain, Client},
    deploy::profile::usd,
};
use peer::OzVault;
use serde_json::Value;

/// OpenZeppelin's vault.
mod peer {
    #![allow(missing_docs, unreachable_pub, clippy::all)]
    ethers::contract::abigen!(OzVault, "tests/solidity/artifacts/OzVault.json");
}

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
const SUBJECT: [u8; 32] = [0x55; 32];

const INCONCLUSIVE: u8 = 0;
const NOT_MET: u8 = 1;
const CONFIRMED: u8 = 2;

/// A vault of OpenZeppelin's with a million, of which the insured, who deploys, has all, and both triggers.
struct Stage {
    chain: Chain,
    client: Arc<Client>,
    asset: StableCoin<Client>,
    vault: OzVault<Client>,
    lending: ILendingTrigger<Client>,
    exploit: IExploitTrigger<Client>,
    /// OpenZeppelin's beacon, where its package is installed.
    beacon: Option<Address>,
    node: devnode::Handle,
    folder: PathBuf,
    start: u64,
}

/// The bytecode in the artefact of a package that npm installs; `None` where it is not there.
fn package_code(contract: &str) -> Option<Vec<u8>> {
    let folder = "tests/solidity/node_modules/@openzeppelin/contracts/build/contracts";
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder).join(format!("{contract}.json"));
    let artefact: Value = serde_json::from_str(&fs::read_to_string(path).ok()?).ok()?;
    hex::decode(artefact["bytecode"].as_str()?.trim_start_matches("0x")).ok()
}

impl Stage {
    async fn set(name: &str) -> Self {
        let (mut d, node, folder) = site::open(name).await;
        let (chain, client) = (d.chain.clone(), d.client.clone());
        let me = Token::Address(client.address());
        let text = |text: &str| Token::String(text.into());
        let asset = d.solidity("asset", "StableCoin", &[text("Test dollar"), text("USDX")]).await.unwrap();
        let vault = d.solidity("oz-vault", "OzVault", &[Token::Address(asset)]).await.unwrap();
        let arguments = |shortest: u64| [me.clone(), me.clone(), Token::Uint(shortest.into())];
        let lending = d.program("lending", Some(&arguments(HOUR))).await.expect("run `palisade build` first");
        let exploit = d.program("exploit", Some(&arguments(DAY))).await.expect("run `palisade build` first");
        let beacon = match package_code("UpgradeableBeacon") {
            Some(mut code) => {
                code.extend(encode(&[Token::Address(asset), me.clone()]));
                let tx = TransactionRequest::new().from(client.address()).data(code);
                let receipt = chain.send_transaction("deploy beacon", &client, tx.into()).await.unwrap();
                receipt.contract_address
            }
            None => None,
        };
        let stage = Self {
            asset: StableCoin::new(asset, client.clone()),
            vault: OzVault::new(vault, client.clone()),
            lending: ILendingTrigger::new(lending, client.clone()),
            exploit: IExploitTrigger::new(exploit, client.clone()),
            start: chain.now().await.unwrap(),
            chain,
            client,
            beacon,
            node,
            folder,
        };
        let me = stage.client.address();
        stage.run(stage.asset.mint(me, usd(2_000_000))).await;
        stage.run(stage.asset.approve(vault, U256::MAX)).await;
        stage.run(stage.vault.deposit(usd(1_000_000), me)).await;
        stage
    }

    async fn run<D: ethers::abi::Detokenize>(&self, call: ContractCall<Client, D>) -> u64 {
        let what = call.function.name.clone();
        self.chain.send(&what, &self.client, call).await.unwrap().gas_used.unwrap().as_u64()
    }

    async fn ask<D: ethers::abi::Detokenize>(&self, call: ContractCall<Client, D>) -> D {
        let what = call.function.name.clone();
        self.chain.read(&what, call).await.unwrap()
    }

    async fn wait_until(&self, seconds: u64) {
        self.chain.wait_until(self.start + seconds, &self.client).await.unwrap();
    }

    /// A thief makes the vault give money away.
    async fn steal(&self, amount: u64) {
        let call = self.asset.transfer(Address::from_low_u64_be(0xdead), usd(amount));
        disguise::send(&self.chain, self.vault.address(), self.asset.address(), call.calldata().unwrap()).await;
    }

    async fn strike(self) {
        self.node.stop().await;
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn skipped() -> bool {
    let skipped = std::env::var_os("PALISADE_RPC_URL").is_some();
    if skipped {
        eprintln!("skipped: it needs accounts of the embedded node");
    }
    skipped
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_of_openzeppelin_loses_a_tenth_and_its_depositor_is_covered() {
    if skipped() {
        return;
    }
    let stage = Stage::set("lending").await;
    let Stage { lending, vault, .. } = &stage;
    let me = stage.client.address();
    let config = lending::Subject {
        source: vault.address(),
        asset: stage.asset.address(),
        kind: 2,
        trigger_bps: 200,
        persistence: (6 * HOUR) as u32,
        calm: DAY as u32,
    };
    let register = stage.run(lending.register(SUBJECT, config)).await;
    let (healthy, entry, interest, size): (bool, Bytes, U256, U256) =
        stage.ask(lending.enter(SUBJECT, me, [0; 32])).await;
    assert!(healthy && interest == usd(1_000_000) && size == usd(1_000_000), "{interest} of {size}");
    let enter = stage.run(lending.enter(SUBJECT, me, [0; 32])).await;
    let terms = lending::Terms {
        subject: SUBJECT,
        insured: me,
        position: [0; 32],
        start: stage.start + DAY,
        end: stage.start + 30 * DAY,
    };

    // A donation that is there at one observation only proves nothing, and no reference either.
    stage.wait_until(DAY).await;
    stage.run(stage.asset.transfer(vault.address(), usd(500_000))).await;
    stage.run(lending.observe(SUBJECT, Bytes::new())).await;
    stage.steal(500_000).await;
    stage.wait_until(2 * DAY).await;
    let quiet = stage.run(lending.observe(SUBJECT, Bytes::new())).await;
    assert_eq!(stage.ask(lending.incidents(SUBJECT)).await, U256::zero());

    stage.steal(100_000).await;
    stage.run(lending.observe(SUBJECT, Bytes::new())).await;
    assert_eq!(stage.ask(lending.incident(SUBJECT, U256::one())).await.verdict, INCONCLUSIVE);
    assert!(!stage.ask(lending.healthy(SUBJECT)).await);
    stage.wait_until(2 * DAY + 7 * HOUR).await;
    let confirm = stage.run(lending.observe(SUBJECT, Bytes::new())).await;
    let proof = lending.prove(terms.clone(), entry.clone(), U256::one(), Bytes::new());
    assert_eq!(stage.ask(proof.clone()).await, (CONFIRMED, 1_000));
    let prove = stage.run(proof).await;

    // Half of the shares are taken out: the loss is on the other half.
    let half = stage.ask(vault.balance_of(me)).await / 2;
    stage.run(vault.redeem(half, me, me)).await;
    assert_eq!(stage.ask(lending.loss(terms, entry, U256::one())).await, (CONFIRMED, 500));
    stage.wait_until(4 * DAY).await;
    stage.run(lending.observe(SUBJECT, Bytes::new())).await;
    assert!(stage.ask(lending.incident(SUBJECT, U256::one())).await.closed_at > 0);
    eprintln!("gas: register {register}, enter {enter}, observe {quiet}, confirm {confirm}, prove {prove}");
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_backs_a_vault_of_openzeppelin_is_gone_and_an_upgrade_is_for_the_jury() {
    if skipped() {
        return;
    }
    let stage = Stage::set("exploit").await;
    let Stage { exploit, vault, .. } = &stage;
    let me = stage.client.address();
    let Some(beacon) = stage.beacon else {
        eprintln!("skipped: @openzeppelin/contracts is not installed in tests/solidity (npm ci)");
        return stage.strike().await;
    };
    let config = exploit::Subject {
        share: vault.address(),
        asset: stage.asset.address(),
        holders: [vault.address(), Address::zero(), Address::zero()],
        pausable: Address::zero(),
        beacon,
        trigger_bps: 1_000,
        persistence: DAY as u32,
        calm: (2 * DAY) as u32,
    };
    let register = stage.run(exploit.register(SUBJECT, config)).await;
    let (healthy, entry, interest, _): (bool, Bytes, U256, U256) = stage.ask(exploit.enter(SUBJECT, me, [0; 32])).await;
    assert!(healthy && interest == usd(1_000_000), "{interest}");
    let terms = exploit::Terms {
        subject: SUBJECT,
        insured: me,
        position: [0; 32],
        start: stage.start,
        end: stage.start + 60 * DAY,
    };

    // Depositors come and go: no fall.
    stage.run(vault.deposit(usd(500_000), me)).await;
    stage.run(exploit.observe(SUBJECT, Bytes::new())).await;
    stage.run(vault.withdraw(usd(500_000), me, me)).await;
    let quiet = stage.run(exploit.observe(SUBJECT, Bytes::new())).await;
    assert_eq!(stage.ask(exploit.incidents(SUBJECT)).await, U256::zero());

    // An upgrade is latent evidence, and a fall under it counts for nothing.
    let upgrade = |to: Address| {
        let data = [&ethers::utils::id("upgradeTo(address)")[..], &encode(&[Token::Address(to)])].concat();
        TransactionRequest::new().from(me).to(beacon).data(data)
    };
    let (old, new) = (stage.asset.address(), vault.address());
    stage.chain.send_transaction("upgrade", &stage.client, upgrade(new).into()).await.unwrap();
    stage.steal(400_000).await;
    for day in [1, 3] {
        stage.wait_until(day * DAY).await;
        stage.run(exploit.observe(SUBJECT, Bytes::new())).await;
        assert_eq!(stage.ask(exploit.incident(SUBJECT, U256::one())).await.verdict, INCONCLUSIVE);
    }
    stage.run(stage.asset.transfer(vault.address(), usd(400_000))).await;
    stage.chain.send_transaction("upgrade", &stage.client, upgrade(old).into()).await.unwrap();
    stage.run(exploit.observe(SUBJECT, Bytes::new())).await;
    assert_eq!(stage.ask(exploit.incident(SUBJECT, U256::one())).await.verdict, NOT_MET);

    // The same without an upgrade is proven a day later, and half of it comes back before it is paid.
    stage.steal(400_000).await;
    stage.run(exploit.observe(SUBJECT, Bytes::new())).await;
    stage.wait_until(4 * DAY + HOUR).await;
    let proof = exploit.prove(terms, entry, U256::from(2), Bytes::new());
    assert_eq!(stage.ask(proof.clone()).await, (CONFIRMED, 4_000));
    let prove = stage.run(proof.clone()).await;
    stage.run(stage.asset.transfer(vault.address(), usd(200_000))).await;
    assert_eq!(stage.ask(proof).await, (CONFIRMED, 2_000));
    eprintln!("gas: register {register}, observe {quiet}, prove and confirm {prove}");
    stage.strike().await;
}
