//! A report of a bridge's backing on its way from L1, on a node: the reporter reads the escrow and hands a ticket to the
//! inbox; the ticket is what then arrives at the trigger, a WASM program, from the reporter's alias.

#[path = "stage/disguise.rs"]
mod disguise;
#[path = "stage/site.rs"]
mod site;

use std::{path::PathBuf, sync::Arc};

use ethers::{
    abi::Token,
    types::{Address, Bytes, U256},
};
use palisade::{
    bindings::{BackingReporter, Forwarder, IBridgeTrigger, MockInbox, StableCoin, bridge::Subject},
    chain::{Chain, Client},
    deploy::profile::usd,
};
use serde_json::{Value, json};

const HOUR: u64 = 3_600;
const SUBJECT: [u8; 32] = [5; 32];
/// Of the ticket: submission, gas limit, price of gas.
const TICKET: [u64; 3] = [1_000_000, 300_000, 10];

/// One node is both chains: the escrowed token, the inbox and the reporter are of L1, the bridged token and the trigger
/// of L2.
struct Stage {
    chain: Chain,
    client: Arc<Client>,
    escrowed: StableCoin<Client>,
    escrow: Address,
    inbox: MockInbox<Client>,
    reporter: BackingReporter<Client>,
    forwarder: Forwarder<Client>,
    trigger: IBridgeTrigger<Client>,
    node: devnode::Handle,
    folder: PathBuf,
}

impl Stage {
    /// A million bridged tokens, and as many in the escrow.
    async fn set() -> Self {
        let (mut d, node, folder) = site::open("bridges").await;
        let (chain, client) = (d.chain.clone(), d.client.clone());
        let text = |text: &str| Token::String(text.into());
        let escrowed = d.solidity("escrowed", "StableCoin", &[text("Dollar"), text("USD")]).await.unwrap();
        let bridged = d.solidity("bridged", "StableCoin", &[text("Bridged dollar"), text("USD.e")]).await.unwrap();
        let inbox = d.solidity("inbox", "MockInbox", &[]).await.unwrap();
        let forwarder = d.solidity("forwarder", "Forwarder", &[]).await.unwrap();
        let reporter = d.solidity("reporter", "BackingReporter", &[Token::Address(inbox)]).await.unwrap();
        let me = Token::Address(client.address());
        let arguments =
            [me.clone(), me, Token::Address(Address::zero()), Token::Address(reporter), Token::Uint(600.into())];
        let trigger = d.program("bridge", Some(&arguments)).await.expect("run `palisade build` first");
        let escrow = Address::from_low_u64_be(0xe5c);
        let stage = Self {
            escrowed: StableCoin::new(escrowed, client.clone()),
            escrow,
            inbox: MockInbox::new(inbox, client.clone()),
            reporter: BackingReporter::new(reporter, client.clone()),
            forwarder: Forwarder::new(forwarder, client.clone()),
            trigger: IBridgeTrigger::new(trigger, client.clone()),
            chain,
            client: client.clone(),
            node,
            folder,
        };
        stage.run(stage.escrowed.mint(escrow, usd(1_000_000))).await;
        stage.run(StableCoin::new(bridged, client).mint(Address::from_low_u64_be(7), usd(1_000_000))).await;
        let subject = Subject {
            token: bridged,
            feed: Address::zero(),
            escrow_token: escrowed,
            escrow,
            in_flight: 0,
            trigger_ratio: 970_000_000_000_000_000,
            recovery_ratio: 990_000_000_000_000_000,
            duration: 6 * HOUR as u32,
            recovery: 24 * HOUR as u32,
            window: 24 * HOUR as u32,
            gap: 2 * HOUR as u32,
            period: HOUR as u32,
            asset_decimals: 6,
        };
        stage.run(stage.trigger.register(SUBJECT, subject)).await;
        disguise::impersonate(&stage.chain, stage.alias()).await;
        stage
    }

    fn alias(&self) -> Address {
        let offset: Address = "1111000000000000000000000000000000001111".parse().unwrap();
        let [at, offset] = [self.reporter.address(), offset].map(|address| U256::from_big_endian(address.as_bytes()));
        let mut bytes = [0; 32];
        at.overflowing_add(offset).0.to_big_endian(&mut bytes);
        Address::from_slice(&bytes[12..])
    }

    async fn run<D: ethers::abi::Detokenize>(&self, call: ethers::contract::ContractCall<Client, D>) -> u64 {
        let what = call.function.name.clone();
        self.chain.send(&what, &self.client, call).await.unwrap().gas_used.unwrap().as_u64()
    }

    async fn refused<D: ethers::abi::Detokenize>(&self, call: ethers::contract::ContractCall<Client, D>) -> String {
        let error = self.chain.send("what is refused", &self.client, call).await.unwrap_err();
        error.refusal().unwrap_or_else(|| panic!("{error}")).to_owned()
    }

    /// The call of the reporter, paid for.
    fn report(&self, token: Address) -> ethers::contract::ContractCall<Client, U256> {
        let [submission, limit, price] = TICKET.map(U256::from);
        let trigger = self.trigger.address();
        self.reporter
            .report(trigger, SUBJECT, token, self.escrow, submission, limit, price)
            .value(submission + limit * price)
    }

    async fn hour_passes(&self) {
        let now = self.chain.now().await.unwrap();
        self.chain.wait_until(now + HOUR, &self.client).await.unwrap();
    }

    /// What the inbox was given last.
    async fn ticket(&self) -> Bytes {
        self.chain.read("reading", self.inbox.data()).await.unwrap()
    }

    /// The ticket is redeemed: its call is made by an account. Answers with the gas, or nothing where it reverted.
    async fn redeem(&self, from: Address, data: Bytes) -> Option<u64> {
        let tx = json!({ "from": from, "to": self.trigger.address(), "data": data, "gas": "0x1312d00" });
        let hash: Value = self.chain.request("eth_sendTransaction", [tx]).await.unwrap();
        let receipt: Value = self.chain.request("eth_getTransactionReceipt", [hash]).await.unwrap();
        let gas = receipt["gasUsed"].as_str().unwrap().trim_start_matches("0x");
        (receipt["status"] == "0x1").then(|| u64::from_str_radix(gas, 16).unwrap())
    }

    /// Newest sample: how many there are and its value in millionths.
    async fn series(&self) -> (u64, u64) {
        let (count, _, value, _) = self.chain.read("reading", self.trigger.series_of(SUBJECT)).await.unwrap();
        (count.as_u64(), value / 1_000_000_000_000)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_goes_from_the_escrow_to_an_incident() {
    if std::env::var_os("PALISADE_RPC_URL").is_some() {
        eprintln!("skipped: it needs accounts of the embedded node");
        return;
    }
    let stage = Stage::set().await;
    let token = stage.escrowed.address();
    stage.hour_passes().await;

    // Anyone reports, but no contract does, nor for the wrong price, nor of nothing.
    let call = stage.report(token);
    let price = TICKET[0] + TICKET[1] * TICKET[2];
    let by_contract = stage.forwarder.forward(stage.reporter.address(), call.calldata().unwrap()).value(price);
    assert!(stage.refused(by_contract).await.contains("NotTopLevel"));
    assert!(stage.refused(stage.report(token).value(price - 1)).await.contains("WrongValue"));
    assert!(stage.refused(stage.report(token).value(price + 1)).await.contains("WrongValue"));
    assert!(stage.refused(stage.report(Address::from_low_u64_be(9))).await.contains("NoToken"));
    stage.run(call).await;
    let read = |call| async { stage.chain.read("reading", call).await.unwrap() };
    assert_eq!(read(stage.inbox.sender()).await, stage.reporter.address());
    assert_eq!(read(stage.inbox.to()).await, stage.trigger.address());
    for who in [stage.inbox.refund_address(), stage.inbox.beneficiary()] {
        assert_eq!(read(who).await, stage.client.address(), "the rest goes back to who paid");
    }
    let paid: U256 = stage.chain.read("reading", stage.inbox.value()).await.unwrap();
    assert_eq!(paid, price.into());

    // The ticket counts from the alias alone, and once.
    let first = stage.ticket().await;
    disguise::impersonate(&stage.chain, stage.reporter.address()).await;
    assert!(stage.redeem(stage.reporter.address(), first.clone()).await.is_none());
    assert!(stage.redeem(stage.client.address(), first.clone()).await.is_none());
    let new = stage.redeem(stage.alias(), first.clone()).await.expect("the alias delivers");
    assert_eq!(stage.series().await, (1, 1_000_000));
    assert!(stage.redeem(stage.alias(), first).await.is_none(), "it is not newer than itself");
    assert!(stage.chain.read("reading", stage.trigger.healthy(SUBJECT)).await.unwrap());

    // Ether can be escrowed as well; this trigger's subject is about another token.
    stage.run(stage.report(Address::zero())).await;
    assert!(stage.redeem(stage.alias(), stage.ticket().await).await.is_none());

    // A fifth leaves the escrow. An old ticket, from when all was there, is worth nothing an hour later.
    stage.hour_passes().await;
    stage.run(stage.report(token)).await;
    let kept = stage.ticket().await;
    let missing = Address::from_low_u64_be(0xbad);
    let theft = stage.escrowed.transfer(missing, usd(200_000));
    disguise::send(&stage.chain, stage.escrow, token, theft.calldata().unwrap()).await;
    let mut gas = Vec::new();
    for _ in 0..34 {
        stage.hour_passes().await;
        stage.run(stage.report(token)).await;
        gas.extend(stage.redeem(stage.alias(), stage.ticket().await).await);
        assert!(stage.redeem(stage.alias(), kept.clone()).await.is_none());
    }
    assert_eq!((gas.len(), stage.series().await), (34, (35, 800_000)));
    let most = gas.iter().max().unwrap();
    eprintln!("gas: first report {new}, others {} to {most}", gas.iter().min().unwrap());
    assert!(*most < TICKET[1], "the ticket's gas is not enough");
    let incident = stage.chain.read("reading", stage.trigger.incident(SUBJECT, U256::one())).await.unwrap();
    assert_eq!((incident.verdict, incident.closed_at, incident.worst_bps), (2, 0, 2_000));
    assert!(!stage.chain.read("reading", stage.trigger.healthy(SUBJECT)).await.unwrap());
    stage.node.stop().await;
    drop(std::fs::remove_dir_all(&stage.folder));
}
