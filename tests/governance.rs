//! The DAO's contracts beside OpenZeppelin's: one life of a DAO and one of vesting votes, step by step on both at the same
//! moments, in which every return value, every event and every revert is the same; and the ABIs, of which ours has all that
//! theirs has.

#[path = "stage/site.rs"]
mod site;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    sync::Arc,
};

use ethers::{
    abi::{Abi, Detokenize, ParamType, Token, encode},
    contract::ContractCall,
    providers::{Middleware, ProviderError, RpcError},
    signers::{LocalWallet, Signer},
    types::{
        Address, Bytes, H256, Signature, TransactionReceipt, TransactionRequest, U256,
        transaction::eip2718::TypedTransaction,
    },
    utils::{id, keccak256},
};
use palisade::{
    artefact::Builder,
    bindings::{IGovernor, ITimelock, IToken, IVesting, StableCoin},
    chain::{Chain, Client},
    dao::State,
    deploy::{Deployer, deployer::solidity_init_code, profile::pali},
};
use serde_json::Value;

const DAY: u64 = 86_400;
const DELAY: u64 = 3 * DAY;
const VOTING_DELAY: u64 = DAY;
const VOTING_PERIOD: u64 = 5 * DAY;
const EXTENSION: u64 = 2 * DAY;

/// Token, timelock and governor of one side.
struct Dao {
    token: IToken<Client>,
    timelock: ITimelock<Client>,
    governor: IGovernor<Client>,
}

/// A call to a contract.
type Call = (Address, Bytes);

fn call<D: Detokenize>(call: ContractCall<Client, D>) -> Call {
    let to = call.tx.to_addr().copied().expect("a call goes to a contract");
    (to, call.calldata().expect("a call has data"))
}

/// A function that a binding has no name for.
fn raw(to: Address, signature: &str, arguments: &[Token]) -> Call {
    (to, [&id(signature)[..], &encode(arguments)].concat().into())
}

/// Emitter, topics and data.
type Event = (Vec<u8>, Vec<Vec<u8>>, Vec<u8>);

/// An id that both sides have, each its own.
type Id = Box<dyn Fn(&Dao) -> [u8; 32]>;

/// What came of a step.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    /// What a call would have answered: the data of its return or of its revert.
    answer: Result<Vec<u8>, Vec<u8>>,
    succeeded: bool,
    events: Vec<Event>,
}

/// Both sides on one node, each with contracts of a kind.
struct Sides<S> {
    chain: Chain,
    ours: S,
    theirs: S,
    /// What is different by its nature, as both sides have it: addresses, and ids that addresses are hashed into.
    names: Vec<(String, [Vec<u8>; 2])>,
    steps: usize,
    views: usize,
    differences: Vec<String>,
    node: devnode::Handle,
    folder: PathBuf,
}

impl Sides<Dao> {
    async fn open() -> (Self, Arc<Client>) {
        let (mut d, node, folder) = site::open("governance").await;
        // a block a second, however long the machine takes: what happens at a boundary happens in every run
        d.chain.request("anvil_setBlockTimestampInterval", [1u64]).await.unwrap();
        let me = d.client.clone();
        let (ours, theirs) = (deploy_ours(&mut d).await, deploy_theirs(&d).await);
        let mut sides = Self::new(d.chain.clone(), ours, theirs, node, folder);
        sides.same("token", |dao| dao.token.address().as_bytes().to_vec());
        sides.same("timelock", |dao| dao.timelock.address().as_bytes().to_vec());
        sides.same("governor", |dao| dao.governor.address().as_bytes().to_vec());
        (sides, me)
    }

    /// Everything that can be asked of a proposal, which is in this state.
    async fn look_at(&mut self, what: &str, state: State, proposal: impl Fn(&Dao) -> U256, voters: &[Address]) {
        let number = self.ours.governor.state(proposal(&self.ours)).call().await.unwrap();
        assert_eq!(State::from_number(number), Some(state), "{what}");
        type View = fn(&Dao, U256) -> Call;
        let views: [(&str, View); 7] = [
            ("state", |dao, id| call(dao.governor.state(id))),
            ("snapshot", |dao, id| call(dao.governor.proposal_snapshot(id))),
            ("deadline", |dao, id| call(dao.governor.proposal_deadline(id))),
            ("proposer", |dao, id| call(dao.governor.proposal_proposer(id))),
            ("eta", |dao, id| call(dao.governor.proposal_eta(id))),
            ("whether it needs queuing", |dao, id| call(dao.governor.proposal_needs_queuing(id))),
            ("votes", |dao, id| call(dao.governor.proposal_votes(id))),
        ];
        for (name, view) in views {
            self.view(&format!("{name} of {what}"), |dao| view(dao, proposal(dao))).await;
        }
        for voter in voters {
            self.view(&format!("who voted on {what}"), |dao| call(dao.governor.has_voted(proposal(dao), *voter))).await;
        }
    }
}

impl<S> Sides<S> {
    const fn new(chain: Chain, ours: S, theirs: S, node: devnode::Handle, folder: PathBuf) -> Self {
        Self { chain, ours, theirs, names: Vec::new(), steps: 0, views: 0, differences: Vec::new(), node, folder }
    }

    /// Names what both sides have, each in its own way.
    fn same(&mut self, name: &str, of: impl Fn(&S) -> Vec<u8>) {
        self.names.push((name.into(), [of(&self.ours), of(&self.theirs)]));
    }

    /// `data` of a side, with what is different by its nature replaced by its name.
    fn plain(&self, side: usize, data: &[u8]) -> Vec<u8> {
        let mut plain = data.to_vec();
        for (name, both) in &self.names {
            let (part, stand_in) = (&both[side], keccak256(name));
            let mut at = 0;
            while at + part.len() <= plain.len() {
                if plain[at..].starts_with(part) {
                    plain[at..at + part.len()].copy_from_slice(&stand_in[..part.len()]);
                    at += part.len();
                } else {
                    at += 1;
                }
            }
        }
        plain
    }

    async fn ask(&self, from: Address, (to, data): &Call, value: U256) -> Result<Vec<u8>, Vec<u8>> {
        let tx: TypedTransaction =
            TransactionRequest::new().from(from).to(*to).data(data.clone()).value(value).gas(5_000_000).into();
        match self.chain.provider().call(&tx, None).await {
            Ok(data) => Ok(data.to_vec()),
            Err(error) => Err(revert_data(&error)),
        }
    }

    /// Does the same on both sides in one block, and compares all that came of it.
    async fn step(&mut self, what: &str, who: &Arc<Client>, of: impl Fn(&S) -> Call) {
        self.pay(what, who, U256::zero(), of).await;
    }

    async fn pay(&mut self, what: &str, who: &Arc<Client>, value: U256, of: impl Fn(&S) -> Call) {
        self.steps += 1;
        let calls = [of(&self.ours), of(&self.theirs)];
        let mut answers = Vec::new();
        for (side, one) in calls.iter().enumerate() {
            let answer = self.ask(who.address(), one, value).await;
            answers.push(match answer {
                Ok(data) => Ok(self.plain(side, &data)),
                Err(data) => Err(self.plain(side, &data)),
            });
        }
        let receipts = self.both(who, value, &calls).await;
        let outcomes: Vec<Outcome> = answers
            .into_iter()
            .zip(&receipts)
            .enumerate()
            .map(|(side, (answer, receipt))| Outcome {
                answer,
                succeeded: receipt.status == Some(1.into()),
                events: receipt
                    .logs
                    .iter()
                    .map(|log| {
                        let topics = log.topics.iter().map(|topic| self.plain(side, topic.as_bytes())).collect();
                        (self.plain(side, log.address.as_bytes()), topics, self.plain(side, &log.data))
                    })
                    .collect(),
            })
            .collect();
        if outcomes[0] != outcomes[1] {
            self.differences.push(format!("{what}: ours {}, theirs {}", told(&outcomes[0]), told(&outcomes[1])));
        }
        assert_eq!(
            outcomes[0].answer.is_ok(),
            outcomes[0].succeeded,
            "{what}: a call and a transaction of ours differ"
        );
    }

    /// Sends both calls so that one block has them.
    async fn both(&self, who: &Arc<Client>, value: U256, calls: &[Call; 2]) -> [TransactionReceipt; 2] {
        let nonce = self.chain.provider().get_transaction_count(who.address(), None).await.unwrap();
        let price = self.chain.provider().get_gas_price().await.unwrap() * 2;
        self.chain.request("evm_setAutomine", [false]).await.unwrap();
        let mut hashes = Vec::new();
        for (number, (to, data)) in calls.iter().enumerate() {
            let mut tx: TypedTransaction = TransactionRequest::new()
                .from(who.address())
                .to(*to)
                .data(data.clone())
                .value(value)
                .gas(5_000_000)
                .gas_price(price)
                .nonce(nonce + number)
                .into();
            tx.set_chain_id(self.chain.id());
            let signature = who.signer().sign_transaction(&tx).await.unwrap();
            let hash = self.chain.request("eth_sendRawTransaction", [tx.rlp_signed(&signature)]).await.unwrap();
            hashes.push(hash);
        }
        self.chain.request("evm_mine", ()).await.unwrap();
        self.chain.request("evm_setAutomine", [true]).await.unwrap();
        let mut receipts = Vec::new();
        for hash in hashes {
            let receipt = self.chain.request("eth_getTransactionReceipt", [hash]).await.unwrap();
            receipts.push(serde_json::from_value(receipt).unwrap());
        }
        let [first, second]: [TransactionReceipt; 2] = receipts.try_into().unwrap();
        assert_eq!(first.block_number, second.block_number);
        [first, second]
    }

    /// Asks both sides the same.
    async fn view(&mut self, what: &str, of: impl Fn(&S) -> Call) {
        self.views += 1;
        let mut answers = Vec::new();
        for (side, one) in [of(&self.ours), of(&self.theirs)].iter().enumerate() {
            let answer = self.ask(Address::zero(), one, U256::zero()).await;
            answers.push(answer.map(|data| self.plain(side, &data)).map_err(|data| self.plain(side, &data)));
        }
        if answers[0] != answers[1] {
            self.differences.push(format!("{what}: ours {}, theirs {}", answer(&answers[0]), answer(&answers[1])));
        }
    }

    async fn now(&self) -> u64 {
        self.chain.now().await.unwrap()
    }

    async fn pass(&self, seconds: u64) {
        self.wait_until(self.now().await + seconds).await;
    }

    async fn wait_until(&self, time: u64) {
        self.next_at(time).await;
        self.chain.request("evm_mine", ()).await.unwrap();
    }

    /// The next block is of this time.
    async fn next_at(&self, time: u64) {
        self.chain.request("evm_setNextBlockTimestamp", [time]).await.unwrap();
    }

    /// Ends it: nothing was different.
    async fn end(self) {
        eprintln!("{} steps and {} questions on both sides", self.steps, self.views);
        self.node.stop().await;
        drop(fs::remove_dir_all(&self.folder));
        let differences = self.differences;
        assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    }
}

/// The data that a call reverted with.
fn revert_data(error: &ProviderError) -> Vec<u8> {
    let response = error.as_error_response().unwrap_or_else(|| panic!("the node did not answer: {error}"));
    response.as_revert_data().map(|data| data.to_vec()).unwrap_or_default()
}

fn answer(answer: &Result<Vec<u8>, Vec<u8>>) -> String {
    match answer {
        Ok(data) => format!("returns {}", hex::encode(data)),
        Err(data) => format!("reverts with {}", hex::encode(data)),
    }
}

fn told(outcome: &Outcome) -> String {
    let events: Vec<String> = outcome
        .events
        .iter()
        .map(|(from, topics, data)| {
            let topics: Vec<_> = topics.iter().map(hex::encode).collect();
            format!("\n    {} [{}] {}", hex::encode(from), topics.join(" "), hex::encode(data))
        })
        .collect();
    format!("{} ({}){}", answer(&outcome.answer), outcome.succeeded, events.concat())
}

async fn deploy_ours(d: &mut Deployer) -> Dao {
    let me = Token::Address(d.client.address());
    let number = |value: u64| Token::Uint(value.into());
    let token =
        d.program("token", Some(&[me.clone(), Token::Uint(pali(100_000_000))])).await.expect("`palisade build`");
    let anybody = Token::Array(vec![Token::Address(Address::zero())]);
    let timelock = [number(DELAY), Token::Array(vec![]), anybody, me, number(DAY)];
    let timelock = d.program("timelock", Some(&timelock)).await.unwrap();
    let extension = d.program("governor-ext", None).await.unwrap();
    let governor = [
        Token::Address(token),
        Token::Address(timelock),
        Token::Address(extension),
        number(VOTING_DELAY),
        number(VOTING_PERIOD),
        Token::Uint(pali(100_000)),
        number(4),
        number(EXTENSION),
    ];
    let governor = d.program("governor", Some(&governor)).await.unwrap();
    bound(token, timelock, governor, &d.client)
}

async fn deploy_theirs(d: &Deployer) -> Dao {
    let builder = Builder::new(env!("CARGO_MANIFEST_DIR"));
    let create = async |contract: &str, arguments: &[Token]| {
        let tx = TransactionRequest::new().data(solidity_init_code(&builder, contract, arguments).unwrap());
        let receipt = d.chain.send_transaction(contract, &d.client, tx.into()).await.unwrap();
        receipt.contract_address.unwrap()
    };
    let number = |value: u64| Token::Uint(value.into());
    let me = Token::Address(d.client.address());
    let token = create("OzVotes", &[]).await;
    let mint = StableCoin::new(token, d.client.clone()).mint(d.client.address(), pali(100_000_000));
    d.chain.send("minting", &d.client, mint).await.unwrap();
    let anybody = Token::Array(vec![Token::Address(Address::zero())]);
    let timelock = create("OzTimelock", &[number(DELAY), Token::Array(vec![]), anybody, me]).await;
    let governor = [
        Token::Address(token),
        Token::Address(timelock),
        number(VOTING_DELAY),
        number(VOTING_PERIOD),
        Token::Uint(pali(100_000)),
        number(EXTENSION),
    ];
    let governor = create("OzGovernor", &governor).await;
    bound(token, timelock, governor, &d.client)
}

fn bound(token: Address, timelock: Address, governor: Address, client: &Arc<Client>) -> Dao {
    Dao {
        token: IToken::new(token, client.clone()),
        timelock: ITimelock::new(timelock, client.clone()),
        governor: IGovernor::new(governor, client.clone()),
    }
}

/// A member with ether.
async fn member(chain: &Chain, sponsor: &Arc<Client>, name: &str) -> Arc<Client> {
    let client = chain.client(LocalWallet::from_bytes(&keccak256(["palisade governance: ", name].concat())).unwrap());
    chain.transfer(sponsor, client.address(), U256::exp10(19)).await.unwrap();
    client
}

/// What a proposal does: its targets, values, calls and text.
#[derive(Clone)]
struct Proposal {
    targets: Vec<Address>,
    values: Vec<U256>,
    calls: Vec<Bytes>,
    text: String,
}

impl Proposal {
    fn new(calls: Vec<Call>, text: &str) -> Self {
        let (targets, calls): (Vec<_>, Vec<_>) = calls.into_iter().unzip();
        Self { values: vec![U256::zero(); targets.len()], targets, calls, text: text.into() }
    }

    fn hash(&self) -> [u8; 32] {
        keccak256(&self.text)
    }

    fn id(&self) -> U256 {
        let list = |tokens: Vec<Token>| Token::Array(tokens);
        let data = encode(&[
            list(self.targets.iter().map(|target| Token::Address(*target)).collect()),
            list(self.values.iter().map(|value| Token::Uint(*value)).collect()),
            list(self.calls.iter().map(|call| Token::Bytes(call.to_vec())).collect()),
            Token::FixedBytes(self.hash().to_vec()),
        ]);
        keccak256(data).into()
    }

    /// The salt that a governor gives its operation in the timelock.
    fn salt(&self, governor: Address) -> [u8; 32] {
        palisade::dao::salt(&self.text, governor)
    }

    /// Its operation in the timelock of a governor.
    fn operation(&self, governor: Address) -> [u8; 32] {
        self.operation_with(self.salt(governor))
    }

    fn operation_with(&self, salt: [u8; 32]) -> [u8; 32] {
        let list = |tokens: Vec<Token>| Token::Array(tokens);
        keccak256(encode(&[
            list(self.targets.iter().map(|target| Token::Address(*target)).collect()),
            list(self.values.iter().map(|value| Token::Uint(*value)).collect()),
            list(self.calls.iter().map(|call| Token::Bytes(call.to_vec())).collect()),
            Token::FixedBytes(vec![0; 32]),
            Token::FixedBytes(salt.to_vec()),
        ]))
    }

    fn propose(&self, dao: &Dao) -> Call {
        let Self { targets, values, calls, text } = self.clone();
        call(dao.governor.propose(targets, values, calls, text))
    }

    fn queue(&self, dao: &Dao) -> Call {
        let Self { targets, values, calls, .. } = self.clone();
        call(dao.governor.queue(targets, values, calls, self.hash()))
    }

    fn execute(&self, dao: &Dao) -> Call {
        let Self { targets, values, calls, .. } = self.clone();
        call(dao.governor.execute(targets, values, calls, self.hash()))
    }

    fn cancel(&self, dao: &Dao) -> Call {
        let Self { targets, values, calls, .. } = self.clone();
        call(dao.governor.cancel(targets, values, calls, self.hash()))
    }
}

/// The domain separator of a contract that tells its domain (ERC-5267).
async fn separator(chain: &Chain, contract: Address, client: &Arc<Client>) -> [u8; 32] {
    let (_, name, version, chain_id, verifying, _, _) =
        chain.read("the domain", IGovernor::new(contract, client.clone()).eip_712_domain()).await.unwrap();
    let kind = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
    keccak256(encode(&[
        Token::FixedBytes(keccak256(kind).to_vec()),
        Token::FixedBytes(keccak256(name).to_vec()),
        Token::FixedBytes(keccak256(version).to_vec()),
        Token::Uint(chain_id),
        Token::Address(verifying),
    ]))
}

fn sign(who: &Arc<Client>, separator: [u8; 32], kind: &str, fields: &[Token]) -> Signature {
    let words = [&[Token::FixedBytes(keccak256(kind).to_vec())], fields].concat();
    let digest = keccak256([&[0x19, 0x01][..], &separator, &keccak256(encode(&words))].concat());
    who.signer().sign_hash(H256(digest)).expect("a key signs")
}

const BALLOT: &str = "Ballot(uint256 proposalId,uint8 support,address voter,uint256 nonce)";
const EXTENDED_BALLOT: &str =
    "ExtendedBallot(uint256 proposalId,uint8 support,address voter,uint256 nonce,string reason,bytes params)";
const DELEGATION: &str = "Delegation(address delegatee,uint256 nonce,uint256 expiry)";
const PERMIT: &str = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)";

/// The domain separators of governor and token, of both sides.
struct Domains {
    governor: [[u8; 32]; 2],
    token: [[u8; 32]; 2],
    ours: Address,
}

impl Domains {
    async fn of(sides: &Sides<Dao>, client: &Arc<Client>) -> Self {
        let of = async |contract| separator(&sides.chain, contract, client).await;
        Self {
            governor: [of(sides.ours.governor.address()).await, of(sides.theirs.governor.address()).await],
            token: [of(sides.ours.token.address()).await, of(sides.theirs.token.address()).await],
            ours: sides.ours.token.address(),
        }
    }

    fn side(&self, dao: &Dao) -> usize {
        usize::from(dao.token.address() != self.ours)
    }

    fn ballot(&self, dao: &Dao, who: &Arc<Client>, proposal: U256, support: u8, nonce: u64) -> Bytes {
        let fields = [
            Token::Uint(proposal),
            Token::Uint(support.into()),
            Token::Address(who.address()),
            Token::Uint(nonce.into()),
        ];
        sign(who, self.governor[self.side(dao)], BALLOT, &fields).to_vec().into()
    }

    fn delegation(&self, dao: &Dao, who: &Arc<Client>, to: Address, nonce: u64, expiry: U256) -> Call {
        let fields = [Token::Address(to), Token::Uint(nonce.into()), Token::Uint(expiry)];
        let signature = sign(who, self.token[self.side(dao)], DELEGATION, &fields);
        let (r, s) = (signature.r.into(), signature.s.into());
        call(dao.token.delegate_by_sig(to, nonce.into(), expiry, signature.v as u8, r, s))
    }

    /// The owner's first permit; the delegation before it took a nonce.
    fn permit(&self, dao: &Dao, signer: &Arc<Client>, owner: Address, spender: Address, deadline: U256) -> Call {
        self.permit_of(dao, signer, owner, spender, deadline, 1)
    }

    fn permit_of(
        &self,
        dao: &Dao,
        signer: &Arc<Client>,
        owner: Address,
        spender: Address,
        deadline: U256,
        nonce: u64,
    ) -> Call {
        let fields = [
            Token::Address(owner),
            Token::Address(spender),
            Token::Uint(pali(7)),
            Token::Uint(nonce.into()),
            Token::Uint(deadline),
        ];
        let signature = sign(signer, self.token[self.side(dao)], PERMIT, &fields);
        let (r, s) = (signature.r.into(), signature.s.into());
        call(dao.token.permit(owner, spender, pali(7), deadline, signature.v as u8, r, s))
    }
}

fn role(name: &str) -> [u8; 32] {
    keccak256(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_life_of_a_dao_is_the_same_step_by_step() {
    if std::env::var_os("PALISADE_RPC_URL").is_some() {
        eprintln!("skipped: it needs a node of its own");
        return;
    }
    let (mut sides, me) = Sides::open().await;
    let chain = sides.chain.clone();
    let [alice, bob, carol, dave] = {
        let of = async |name| member(&chain, &me, name).await;
        [of("alice").await, of("bob").await, of("carol").await, of("dave").await]
    };
    let domains = Domains::of(&sides, &me).await;
    let far = U256::from(sides.now().await + 1_000 * DAY);
    let (a, b, c, e) = (alice.address(), bob.address(), carol.address(), dave.address());

    // the token
    sides.step("give to Alice", &me, |dao| call(dao.token.transfer(a, pali(30_000_000)))).await;
    sides.step("give to Bob", &me, |dao| call(dao.token.transfer(b, pali(10_000_000)))).await;
    sides.step("give to Carol", &me, |dao| call(dao.token.transfer(c, pali(1_000_000)))).await;
    sides.step("give to Dave", &me, |dao| call(dao.token.transfer(e, pali(2_000_000)))).await;
    sides.step("give to nobody", &me, |dao| call(dao.token.transfer(Address::zero(), pali(1)))).await;
    sides.step("give too much", &carol, |dao| call(dao.token.transfer(a, pali(2_000_000)))).await;
    sides.step("allow", &alice, |dao| call(dao.token.approve(b, pali(5)))).await;
    sides.step("allow nobody", &alice, |dao| call(dao.token.approve(Address::zero(), pali(5)))).await;
    sides.step("take", &bob, |dao| call(dao.token.transfer_from(a, b, pali(3)))).await;
    sides.step("take too much", &bob, |dao| call(dao.token.transfer_from(a, b, pali(3)))).await;
    sides.step("delegate to herself", &alice, |dao| call(dao.token.delegate(a))).await;
    sides.step("delegate again", &alice, |dao| call(dao.token.delegate(a))).await;
    sides.step("delegate to Alice", &bob, |dao| call(dao.token.delegate(a))).await;
    sides.step("delegate by signature", &me, |dao| domains.delegation(dao, &carol, c, 0, far)).await;
    sides.step("delegate by a used signature", &me, |dao| domains.delegation(dao, &carol, c, 0, far)).await;
    sides.step("delegate too late", &me, |dao| domains.delegation(dao, &carol, a, 1, U256::one())).await;
    sides.step("permit", &me, |dao| domains.permit(dao, &carol, c, b, far)).await;
    // whose signature it is depends on nothing but the key, if the nonce is the next one
    sides.step("permit by another", &me, |dao| domains.permit_of(dao, &alice, c, b, far, 2)).await;
    sides.step("permit too late", &me, |dao| domains.permit(dao, &carol, c, b, U256::one())).await;
    sides.step("move delegated votes", &bob, |dao| call(dao.token.transfer(c, pali(1_000)))).await;
    sides.step("delegate for himself", &dave, |dao| call(dao.token.delegate(e))).await;
    sides.pass(10).await;
    let now = U256::from(sides.now().await);
    for who in [a, b, c, e] {
        sides.view("balance", |dao| call(dao.token.balance_of(who))).await;
        sides.view("delegate", |dao| call(dao.token.delegates(who))).await;
        sides.view("votes", |dao| call(dao.token.get_votes(who))).await;
        sides.view("votes before", |dao| call(dao.token.get_past_votes(who, now - 1))).await;
        sides.view("votes at the beginning", |dao| call(dao.token.get_past_votes(who, U256::one()))).await;
        sides.view("votes to come", |dao| call(dao.token.get_past_votes(who, now))).await;
        sides.view("checkpoints", |dao| call(dao.token.num_checkpoints(who))).await;
        sides.view("the first checkpoint", |dao| call(dao.token.checkpoints(who, 0))).await;
        sides.view("nonce", |dao| call(dao.token.nonces(who))).await;
        sides.view("allowance", |dao| call(dao.token.allowance(who, b))).await;
    }
    sides.view("supply before", |dao| call(dao.token.get_past_total_supply(now - 1))).await;
    sides.view("supply to come", |dao| call(dao.token.get_past_total_supply(now))).await;
    sides.view("supply", |dao| call(dao.token.total_supply())).await;
    sides.view("clock", |dao| call(dao.token.clock())).await;
    sides.view("its mode", |dao| call(dao.token.clock_mode())).await;

    // roles
    let roles = ["PROPOSER_ROLE", "CANCELLER_ROLE"];
    for name in roles {
        sides.step(name, &me, |dao| call(dao.timelock.grant_role(role(name), dao.governor.address()))).await;
    }
    sides.step("a canceller", &me, |dao| call(dao.timelock.grant_role(role("CANCELLER_ROLE"), c))).await;
    sides.step("a canceller again", &me, |dao| call(dao.timelock.grant_role(role("CANCELLER_ROLE"), c))).await;
    sides.step("a proposer", &me, |dao| call(dao.timelock.grant_role(role("PROPOSER_ROLE"), e))).await;
    sides.step("a role by a stranger", &bob, |dao| call(dao.timelock.grant_role(role("PROPOSER_ROLE"), b))).await;
    sides.step("another's role", &bob, |dao| call(dao.timelock.renounce_role(role("CANCELLER_ROLE"), c))).await;
    sides.step("giving up the office", &me, |dao| call(dao.timelock.renounce_role([0; 32], me.address()))).await;
    sides.step("no office any more", &me, |dao| call(dao.timelock.grant_role(role("PROPOSER_ROLE"), b))).await;
    for name in ["PROPOSER_ROLE", "EXECUTOR_ROLE", "CANCELLER_ROLE"] {
        sides.view("the role's admin", |dao| call(dao.timelock.get_role_admin(role(name)))).await;
        for who in [Address::zero(), c, me.address()] {
            sides.view("who has the role", |dao| call(dao.timelock.has_role(role(name), who))).await;
        }
    }

    // proposals that are none
    let update = |dao: &Dao, delay: u64| call(dao.timelock.update_delay(delay.into()));
    let first = move |dao: &Dao| {
        let calls = vec![update(dao, 4 * DAY), call(dao.token.transfer(b, pali(5)))];
        Proposal::new(calls, "Wait longer, and thank Bob")
    };
    sides.step("propose without votes", &bob, |dao| first(dao).propose(dao)).await;
    sides.step("propose nothing", &alice, |dao| Proposal::new(vec![], "Nothing").propose(dao)).await;
    sides.step("propose half", &alice, |dao| Proposal { values: vec![], ..first(dao) }.propose(dao)).await;
    let reserved = format!("For Carol #proposer={c:?}");
    sides
        .step("propose what is Carol's", &alice, |dao| Proposal { text: reserved.clone(), ..first(dao) }.propose(dao))
        .await;

    // one that goes its way
    sides.same("the first proposal", |dao| word(first(dao).id()));
    sides.same("the first salt", |dao| first(dao).salt(dao.governor.address()).to_vec());
    sides.same("the first operation", |dao| first(dao).operation(dao.governor.address()).to_vec());
    let one = move |dao: &Dao| first(dao).id();
    sides.step("vote on nothing", &alice, |dao| call(dao.governor.cast_vote(one(dao), 1))).await;
    sides.step("propose", &alice, |dao| first(dao).propose(dao)).await;
    sides.step("propose again", &alice, |dao| first(dao).propose(dao)).await;
    sides.look_at("a pending proposal", State::Pending, one, &[a]).await;
    sides
        .view("its id", |dao| {
            let Proposal { targets, values, calls, .. } = first(dao);
            call(dao.governor.hash_proposal(targets, values, calls, first(dao).hash()))
        })
        .await;
    sides.step("vote too early", &alice, |dao| call(dao.governor.cast_vote(one(dao), 1))).await;
    sides.step("queue too early", &alice, |dao| first(dao).queue(dao)).await;
    sides.step("cancel another's", &bob, |dao| first(dao).cancel(dao)).await;
    sides.pass(VOTING_DELAY + 1).await;
    sides.look_at("an active proposal", State::Active, one, &[a, b]).await;
    sides.step("vote for nothing that is", &alice, |dao| call(dao.governor.cast_vote(one(dao), 3))).await;
    sides.step("vote without votes", &bob, |dao| call(dao.governor.cast_vote(one(dao), 0))).await;
    let reason = || "It is cheap".to_owned();
    sides
        .step("vote with a reason", &carol, |dao| call(dao.governor.cast_vote_with_reason(one(dao), 2, reason())))
        .await;
    sides.step("cancel what is voted on", &alice, |dao| first(dao).cancel(dao)).await;
    sides
        .step("vote by a wrong signature", &me, |dao| {
            let signature = domains.ballot(dao, &alice, one(dao), 1, 0);
            call(dao.governor.cast_vote_by_sig(one(dao), 1, e, signature))
        })
        .await;
    sides
        .step("vote by signature", &me, |dao| {
            let signature = domains.ballot(dao, &dave, one(dao), 1, 0);
            call(dao.governor.cast_vote_by_sig(one(dao), 1, e, signature))
        })
        .await;
    sides.step("vote twice", &dave, |dao| call(dao.governor.cast_vote(one(dao), 1))).await;
    sides.view("nonce of who voted", |dao| call(dao.governor.nonces(e))).await;
    // the quorum comes a minute before the end, and the vote goes on
    sides.pass(VOTING_PERIOD - 120).await;
    sides.look_at("a proposal without quorum", State::Active, one, &[]).await;
    sides
        .step("vote at the last moment", &alice, |dao| {
            let params = Bytes::from(vec![1, 2, 3]);
            call(dao.governor.cast_vote_with_reason_and_params(one(dao), 1, "Late".into(), params))
        })
        .await;
    sides.look_at("an extended proposal", State::Active, one, &[a, b, c, e]).await;
    sides.step("queue while it is voted on", &bob, |dao| first(dao).queue(dao)).await;
    sides.pass(EXTENSION + 60).await;
    sides.look_at("a proposal that succeeded", State::Succeeded, one, &[]).await;
    sides.step("vote too late", &carol, |dao| call(dao.governor.cast_vote(one(dao), 0))).await;
    sides.step("execute what is not queued", &bob, |dao| first(dao).execute(dao)).await;
    sides.step("queue", &bob, |dao| first(dao).queue(dao)).await;
    sides.step("queue again", &bob, |dao| first(dao).queue(dao)).await;
    sides.look_at("a queued proposal", State::Queued, one, &[]).await;
    sides.step("execute too early", &bob, |dao| first(dao).execute(dao)).await;
    sides.pass(DELAY).await;
    sides.step("execute what cannot be paid", &bob, |dao| first(dao).execute(dao)).await;
    sides.step("fund the timelock", &me, |dao| call(dao.token.transfer(dao.timelock.address(), pali(1_000)))).await;
    sides.step("execute", &bob, |dao| first(dao).execute(dao)).await;
    sides.step("execute again", &bob, |dao| first(dao).execute(dao)).await;
    sides.look_at("an executed proposal", State::Executed, one, &[]).await;
    sides.view("the delay", |dao| call(dao.timelock.get_min_delay())).await;

    // one that its proposer takes back, one that is voted down, one that is cancelled in the timelock
    let second = move |dao: &Dao| Proposal::new(vec![update(dao, DAY)], "A mistake");
    sides.same("the second proposal", |dao| word(second(dao).id()));
    sides.step("propose a mistake", &alice, |dao| second(dao).propose(dao)).await;
    sides.step("take it back", &alice, |dao| second(dao).cancel(dao)).await;
    sides.step("take it back again", &alice, |dao| second(dao).cancel(dao)).await;
    sides.look_at("a cancelled proposal", State::Canceled, move |dao| second(dao).id(), &[]).await;

    let third = move |dao: &Dao| Proposal::new(vec![update(dao, 2 * DAY)], "Not liked");
    sides.same("the third proposal", |dao| word(third(dao).id()));
    sides.step("propose what nobody likes", &alice, |dao| third(dao).propose(dao)).await;
    sides.pass(VOTING_DELAY + 1).await;
    sides.step("vote against", &alice, |dao| call(dao.governor.cast_vote(third(dao).id(), 0))).await;
    sides.pass(VOTING_PERIOD + 1).await;
    sides.step("queue what was voted down", &alice, |dao| third(dao).queue(dao)).await;
    sides.look_at("a defeated proposal", State::Defeated, move |dao| third(dao).id(), &[a]).await;

    let fourth = move |dao: &Dao| Proposal::new(vec![update(dao, 3 * DAY)], "Hostile");
    sides.same("the fourth proposal", |dao| word(fourth(dao).id()));
    let operation = move |dao: &Dao| fourth(dao).operation(dao.governor.address());
    sides.same("the fourth salt", move |dao| fourth(dao).salt(dao.governor.address()).to_vec());
    sides.same("the fourth operation", move |dao| operation(dao).to_vec());
    sides.step("propose something hostile", &alice, |dao| fourth(dao).propose(dao)).await;
    sides.pass(VOTING_DELAY + 1).await;
    sides.step("vote for it", &alice, |dao| call(dao.governor.cast_vote(fourth(dao).id(), 1))).await;
    sides.pass(VOTING_PERIOD + 1).await;
    sides.step("queue it", &alice, |dao| fourth(dao).queue(dao)).await;
    sides.step("cancel it as a stranger", &bob, |dao| call(dao.timelock.cancel(operation(dao)))).await;
    sides.step("cancel it in the timelock", &carol, |dao| call(dao.timelock.cancel(operation(dao)))).await;
    sides.look_at("what was cancelled in the timelock", State::Canceled, move |dao| fourth(dao).id(), &[]).await;
    sides.step("execute what was cancelled", &alice, |dao| fourth(dao).execute(dao)).await;

    // what only a proposal can do
    let settings = move |dao: &Dao| {
        let governor = &dao.governor;
        let calls = vec![
            call(governor.set_voting_delay(2 * DAY)),
            call(governor.set_voting_period((3 * DAY) as u32)),
            call(governor.set_proposal_threshold(pali(5_000))),
            call(governor.set_late_quorum_vote_extension(DAY)),
            call(governor.update_quorum_numerator(5.into())),
            call(governor.relay(dao.token.address(), U256::zero(), call(dao.token.approve(b, pali(9))).1)),
            call(dao.timelock.grant_role(role("PROPOSER_ROLE"), b)),
            call(dao.timelock.revoke_role(role("PROPOSER_ROLE"), b)),
        ];
        Proposal::new(calls, "New settings #1")
    };
    sides.same("the settings' salt", move |dao| settings(dao).salt(dao.governor.address()).to_vec());
    sides.same("the settings", move |dao| word(settings(dao).id()));
    sides.same("the settings' operation", move |dao| settings(dao).operation(dao.governor.address()).to_vec());
    type Setter = fn(&Dao) -> Call;
    let setters: [(&str, Setter); 7] = [
        ("voting delay", |dao| call(dao.governor.set_voting_delay(DAY))),
        ("voting period", |dao| call(dao.governor.set_voting_period(DAY as u32))),
        ("threshold", |dao| call(dao.governor.set_proposal_threshold(U256::one()))),
        ("extension", |dao| call(dao.governor.set_late_quorum_vote_extension(DAY))),
        ("quorum", |dao| call(dao.governor.update_quorum_numerator(U256::one()))),
        ("timelock", |dao| call(dao.governor.update_timelock(dao.token.address()))),
        ("relay", |dao| call(dao.governor.relay(dao.token.address(), U256::zero(), Bytes::new()))),
    ];
    for (name, setter) in setters {
        sides.step(&format!("set {name} as a member"), &alice, setter).await;
    }
    sides.step("propose settings", &alice, |dao| settings(dao).propose(dao)).await;
    sides.pass(VOTING_DELAY + 1).await;
    sides
        .step("vote for settings by signature", &me, |dao| {
            let (id, params) = (settings(dao).id(), Bytes::from(vec![7]));
            let fields = [
                Token::Uint(id),
                Token::Uint(1.into()),
                Token::Address(a),
                Token::Uint(U256::zero()),
                Token::FixedBytes(keccak256("So be it").to_vec()),
                Token::FixedBytes(keccak256([7]).to_vec()),
            ];
            let signature = sign(&alice, domains.governor[domains.side(dao)], EXTENDED_BALLOT, &fields);
            let signature = Bytes::from(signature.to_vec());
            let reason = "So be it".to_owned();
            call(dao.governor.cast_vote_with_reason_and_params_by_sig(id, 1, a, reason, params, signature))
        })
        .await;
    sides.pass(VOTING_PERIOD + 1).await;
    sides.step("queue settings", &bob, |dao| settings(dao).queue(dao)).await;
    sides.pass(4 * DAY + 1).await;
    sides.step("execute settings", &bob, |dao| settings(dao).execute(dao)).await;
    let views: [(&str, Setter); 12] = [
        ("voting delay", |dao| call(dao.governor.voting_delay())),
        ("voting period", |dao| call(dao.governor.voting_period())),
        ("threshold", |dao| call(dao.governor.proposal_threshold())),
        ("extension", |dao| call(dao.governor.late_quorum_vote_extension())),
        ("numerator", |dao| call(dao.governor.quorum_numerator())),
        ("denominator", |dao| call(dao.governor.quorum_denominator())),
        ("mode", |dao| call(dao.governor.counting_mode())),
        ("clock", |dao| call(dao.governor.clock())),
        ("clock's mode", |dao| call(dao.governor.clock_mode())),
        ("version", |dao| call(dao.governor.version())),
        ("token", |dao| call(dao.governor.token())),
        ("timelock", |dao| call(dao.governor.timelock())),
    ];
    for (name, view) in views {
        sides.view(name, view).await;
    }
    let now = U256::from(sides.now().await);
    for moment in [now - 1, now, now - 30 * DAY] {
        sides.view("quorum", |dao| call(dao.governor.quorum(moment))).await;
        sides.view("votes at a moment", |dao| call(dao.governor.get_votes(a, moment))).await;
        sides
            .view("the numerator at a moment", |dao| {
                raw(dao.governor.address(), "quorumNumerator(uint256)", &[Token::Uint(moment)])
            })
            .await;
    }

    // the timelock by itself
    let gift = move |dao: &Dao| Proposal::new(vec![call(dao.token.transfer(b, pali(1)))], "");
    let salt = [5; 32];
    sides.same("a gift", move |dao| single(&gift(dao), [0; 32], salt).to_vec());
    let schedule = move |dao: &Dao, predecessor: [u8; 32], delay: u64| {
        let Proposal { targets, values, calls, .. } = gift(dao);
        call(dao.timelock.schedule(targets[0], values[0], calls[0].clone(), predecessor, salt, delay.into()))
    };
    let perform = move |dao: &Dao, predecessor: [u8; 32]| {
        let Proposal { targets, values, calls, .. } = gift(dao);
        call(dao.timelock.execute(targets[0], values[0], calls[0].clone(), predecessor, salt))
    };
    sides.step("schedule as a stranger", &bob, move |dao| schedule(dao, [0; 32], 4 * DAY)).await;
    sides.step("schedule too soon", &dave, move |dao| schedule(dao, [0; 32], DAY)).await;
    sides.step("schedule", &dave, move |dao| schedule(dao, [0; 32], 4 * DAY)).await;
    sides.step("schedule again", &dave, move |dao| schedule(dao, [0; 32], 4 * DAY)).await;
    let after = move |dao: &Dao| single(&gift(dao), [0; 32], salt);
    sides.same("another gift", move |dao| single(&gift(dao), after(dao), salt).to_vec());
    sides.step("schedule what comes after", &dave, move |dao| schedule(dao, after(dao), 4 * DAY)).await;
    let batch = move |dao: &Dao| Proposal::new(vec![update(dao, 3 * DAY), call(dao.token.transfer(c, pali(2)))], "");
    sides.same("a batch", move |dao| batch(dao).operation_with([6; 32]).to_vec());
    let schedule_batch = move |dao: &Dao| {
        let Proposal { targets, values, calls, .. } = batch(dao);
        call(dao.timelock.schedule_batch(targets, values, calls, [0; 32], [6; 32], (5 * DAY).into()))
    };
    sides.step("schedule a batch", &dave, schedule_batch).await;
    let ids: [(&str, Id); 4] = [
        ("gift", Box::new(after)),
        ("other gift", Box::new(move |dao| single(&gift(dao), after(dao), salt))),
        ("batch", Box::new(move |dao| batch(dao).operation_with([6; 32]))),
        ("nothing", Box::new(|_| [9; 32])),
    ];
    for moment in ["waiting", "ready"] {
        for (name, of) in &ids {
            let what = |view: &str| format!("{view} of the {moment} {name}");
            sides.view(&what("state"), |dao| call(dao.timelock.get_operation_state(of(dao)))).await;
            sides.view(&what("time"), |dao| call(dao.timelock.get_timestamp(of(dao)))).await;
            sides.view(&what("being"), |dao| call(dao.timelock.is_operation(of(dao)))).await;
            sides.view(&what("pending"), |dao| call(dao.timelock.is_operation_pending(of(dao)))).await;
            sides.view(&what("ready"), |dao| call(dao.timelock.is_operation_ready(of(dao)))).await;
            sides.view(&what("done"), |dao| call(dao.timelock.is_operation_done(of(dao)))).await;
        }
        if moment == "waiting" {
            sides.step("execute a waiting one", &bob, move |dao| perform(dao, [0; 32])).await;
            sides.pass(5 * DAY + 1).await;
        }
    }
    sides.step("execute what comes after too soon", &bob, move |dao| perform(dao, after(dao))).await;
    sides.step("execute a gift", &bob, move |dao| perform(dao, [0; 32])).await;
    sides.step("execute what comes after", &bob, move |dao| perform(dao, after(dao))).await;
    let perform_batch = move |dao: &Dao| {
        let Proposal { targets, values, calls, .. } = batch(dao);
        call(dao.timelock.execute_batch(targets, values, calls, [0; 32], [6; 32]))
    };
    sides.step("execute a batch", &bob, perform_batch).await;
    sides
        .step("execute half a batch", &bob, move |dao| {
            let Proposal { targets, calls, .. } = batch(dao);
            call(dao.timelock.execute_batch(targets, vec![], calls, [0; 32], [6; 32]))
        })
        .await;
    sides.step("set the delay as a member", &alice, move |dao| update(dao, DAY)).await;

    // ether and tokens of others
    sides.pay("ether for the timelock", &me, U256::exp10(15), |dao| (dao.timelock.address(), Bytes::new())).await;
    sides.pay("ether for the governor", &me, U256::exp10(15), |dao| (dao.governor.address(), Bytes::new())).await;
    type Place = fn(&Dao) -> Address;
    let places: [(&str, Place); 2] =
        [("timelock", |dao| dao.timelock.address()), ("governor", |dao| dao.governor.address())];
    for (name, place) in places {
        sides
            .step(&format!("an NFT for the {name}"), &alice, |dao| {
                let arguments =
                    [Token::Address(a), Token::Address(b), Token::Uint(1.into()), Token::Bytes(vec![1; 40])];
                raw(place(dao), "onERC721Received(address,address,uint256,bytes)", &arguments)
            })
            .await;
        sides
            .step(&format!("many tokens for the {name}"), &alice, |dao| {
                let list = || Token::Array(vec![Token::Uint(1.into())]);
                let arguments = [Token::Address(a), Token::Address(b), list(), list(), Token::Bytes(vec![])];
                raw(place(dao), "onERC1155BatchReceived(address,address,uint256[],uint256[],bytes)", &arguments)
            })
            .await;
        for interface in ["01ffc9a7", "ffffffff", "4e2312e0", "7965db0b", "150b7a02", "65455a86", "8ee5b9c5"] {
            let bytes = hex::decode(interface).unwrap();
            sides
                .view(&format!("whether the {name} has {interface}"), |dao| {
                    raw(place(dao), "supportsInterface(bytes4)", &[Token::FixedBytes(bytes.clone())])
                })
                .await;
        }
        sides.step(&format!("nothing that the {name} knows"), &alice, |dao| raw(place(dao), "nothing()", &[])).await;
    }

    assert!(sides.steps >= 40);
    sides.end().await;
}

fn word(value: U256) -> Vec<u8> {
    let mut word = vec![0; 32];
    value.to_big_endian(&mut word);
    word
}

/// The id of an operation with one call.
fn single(proposal: &Proposal, predecessor: [u8; 32], salt: [u8; 32]) -> [u8; 32] {
    keccak256(encode(&[
        Token::Address(proposal.targets[0]),
        Token::Uint(proposal.values[0]),
        Token::Bytes(proposal.calls[0].to_vec()),
        Token::FixedBytes(predecessor.to_vec()),
        Token::FixedBytes(salt.to_vec()),
    ]))
}

/// When votes vest, in seconds: the start, and the cliff and the duration from it on.
#[derive(Clone, Copy)]
struct Schedule {
    start: u64,
    cliff: u64,
    duration: u64,
}

impl Schedule {
    /// The moments at which something changes, the second before each and that after it, and some in between.
    fn moments(self) -> [u64; 12] {
        let Self { start, cliff, duration } = self;
        let (cliff, end) = (start + cliff, start + duration);
        let third = start + duration / 3;
        [
            start - 2,
            start - 1,
            start,
            cliff - 2,
            cliff - 1,
            cliff,
            third,
            2 * third - start,
            end - 2,
            end - 1,
            end,
            end + DAY,
        ]
    }

    /// What has vested of a total by then.
    fn vested(self, total: u64, time: u64) -> U256 {
        let Self { start, cliff, duration } = self;
        if time < start + cliff {
            return U256::zero();
        }
        if time >= start + duration {
            return total.into();
        }
        U256::from(total) * (time - start) / duration
    }
}

/// One token that vests for one beneficiary on each of several schedules.
type Wallets = Vec<IVesting<Client>>;

/// Our vesting beside OpenZeppelin's VestingWalletCliff: the same releases at the same seconds, around the start, the cliff
/// and the end of each schedule, with what is released, releasable and vested before and after.
///
/// Left out is what ours does otherwise on purpose: it is revoked by an owner who is not the beneficiary, its votes are
/// delegated, a beneficiary hands it on in two steps instead of owning it, only one token vests (of others, all is paid at
/// once), it takes no ether, and terms are bounded.
#[tokio::test(flavor = "multi_thread")]
async fn votes_vest_to_the_second_and_to_the_unit_as_in_openzeppelins_wallet() {
    const TOTAL: u64 = 1_000_003;
    const LATER: u64 = 70_001;
    if std::env::var_os("PALISADE_RPC_URL").is_some() {
        eprintln!("skipped: it needs a node of its own");
        return;
    }
    let (mut d, node, folder) = site::open("vesting").await;
    let (chain, me, beneficiary) = (d.chain.clone(), d.client.clone(), Address::repeat_byte(0xbe));
    let text = |text: &str| Token::String(text.into());
    let coin = d.solidity("coin", "StableCoin", &[text("Test votes"), text("VOTE")]).await.unwrap();
    let coin = StableCoin::new(coin, me.clone());
    let stubborn = d.solidity("stubborn", "FlawedCoin", &[Token::Uint(1.into())]).await.unwrap();
    let begin = chain.now().await.unwrap() + 10 * DAY;
    // no two of them have a moment in common
    let schedules = [
        Schedule { start: begin, cliff: 90 * DAY, duration: 300 * DAY },
        // began before it was made, without a cliff
        Schedule { start: begin - 50 * DAY + 1_000, cliff: 0, duration: 200 * DAY },
        // all of it at the cliff, and all of it at the start
        Schedule { start: begin + 2_000, cliff: 60 * DAY, duration: 60 * DAY },
        Schedule { start: begin + 3_000, cliff: 0, duration: 0 },
        // of a token that does not move
        Schedule { start: begin + 4_000, cliff: 1, duration: DAY },
    ];
    let token = |number: usize| if number == schedules.len() - 1 { stubborn } else { coin.address() };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for (number, Schedule { start, cliff, duration }) in schedules.into_iter().enumerate() {
        let [start, cliff, duration] = [start, cliff, duration].map(|time| Token::Uint(time.into()));
        let [owner, token, to] = [me.address(), token(number), beneficiary].map(Token::Address);
        let arguments = [owner, token, to.clone(), start.clone(), cliff.clone(), duration.clone()];
        let wallet = d.program(&format!("vesting#{number}"), Some(&arguments)).await.expect("`palisade build`");
        ours.push(IVesting::new(wallet, me.clone()));
        let wallet = d.solidity(&format!("peer#{number}"), "OzVesting", &[to, start, duration, cliff]).await.unwrap();
        theirs.push(IVesting::new(wallet, me.clone()));
    }
    let mut sides: Sides<Wallets> = Sides::new(chain.clone(), ours, theirs, node, folder);
    for number in 0..schedules.len() {
        sides.same(&format!("wallet {number}"), |wallets| wallets[number].address().as_bytes().to_vec());
        let give = |wallets: &Wallets| {
            call(StableCoin::new(token(number), me.clone()).mint(wallets[number].address(), TOTAL.into()))
        };
        sides.step("give", &me, give).await;
        type View = fn(&IVesting<Client>) -> Call;
        let terms: [View; 4] =
            [|one| call(one.start()), |one| call(one.cliff()), |one| call(one.duration()), |one| call(one.end())];
        for view in terms {
            sides.view(&format!("terms of wallet {number}"), |wallets| view(&wallets[number])).await;
        }
        for time in schedules[number].moments().into_iter().chain([0, u64::MAX]) {
            let what = format!("what vests in wallet {number} by {time}");
            sides.view(&what, |wallets| call(wallets[number].vested_amount(token(number), time))).await;
        }
    }

    let now = chain.now().await.unwrap();
    let moments = schedules.iter().enumerate().flat_map(|(number, one)| one.moments().map(|time| (time, number)));
    let moments: BTreeMap<u64, usize> = moments.filter(|(time, _)| *time > now).collect();
    assert!(moments.len() > 40, "{}", moments.len());
    let mut totals = vec![TOTAL; schedules.len()];
    for (time, number) in moments {
        if time > chain.now().await.unwrap() {
            sides.wait_until(time).await;
        }
        let (at, token) = (time - schedules[number].start.min(time), token(number));
        for moment in ["before", "after"] {
            let what = format!("wallet {number}, {at} s from its start, {moment} the release");
            sides.view(&what, |wallets| call(wallets[number].releasable(token))).await;
            sides.view(&what, |wallets| call(wallets[number].released(token))).await;
            sides.view(&what, |wallets| call(wallets[number].vested_amount(token, time))).await;
            if moment == "before" {
                let vested = chain.read("vested", sides.ours[number].vested_amount(token, time)).await.unwrap();
                assert_eq!(vested, schedules[number].vested(totals[number], time), "{what}");
                sides.next_at(time + 1).await;
                sides.step(&what, &me, |wallets| call(wallets[number].release(token))).await;
            }
        }
        // what comes in the middle vests as if it had been there from the start
        let Schedule { start, duration, .. } = schedules[number];
        if time == start + duration / 3 && duration > 100 * DAY {
            totals[number] += LATER;
            let more = |wallets: &Wallets| call(coin.mint(wallets[number].address(), LATER.into()));
            sides.step("more comes", &me, more).await;
        }
    }

    // all has come, but for what does not move
    assert_eq!(totals.iter().sum::<u64>(), TOTAL * schedules.len() as u64 + 2 * LATER);
    let (moving, kept) = (&totals[..totals.len() - 1], StableCoin::new(stubborn, me.clone()));
    let paid = chain.read("balance", coin.balance_of(beneficiary)).await.unwrap();
    assert_eq!(paid, (2 * moving.iter().sum::<u64>()).into(), "from both sides");
    for wallets in [&sides.ours, &sides.theirs] {
        let left = chain.read("balance", kept.balance_of(wallets[moving.len()].address())).await.unwrap();
        assert_eq!(left, TOTAL.into());
    }
    sides.end().await;
}

/// Functions, events and errors of an ABI file, as Solidity would write them.
fn entries(path: &str) -> BTreeSet<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    let mut json: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    if json.is_object() {
        json = json["abi"].take();
    }
    let abi: Abi = serde_json::from_value(json).unwrap();
    let list = |kinds: Vec<&ParamType>| kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let functions = abi.functions().map(|one| {
        let (inputs, outputs) = (one.inputs.iter(), one.outputs.iter());
        let (inputs, outputs) = (inputs.map(|input| &input.kind), outputs.map(|output| &output.kind));
        let how = if one.state_mutability == ethers::abi::StateMutability::Payable { " payable" } else { "" };
        format!("function {}({}){how} ({})", one.name, list(inputs.collect()), list(outputs.collect()))
    });
    let events = abi.events().map(|one| {
        let inputs = one.inputs.iter().map(|input| format!("{}{}", input.kind, if input.indexed { "!" } else { "" }));
        format!("event {}({})", one.name, inputs.collect::<Vec<_>>().join(","))
    });
    let errors = abi
        .errors()
        .map(|one| format!("error {}({})", one.name, list(one.inputs.iter().map(|input| &input.kind).collect())));
    functions.chain(events).chain(errors).collect()
}

/// The mint is the control's own.
const WITHOUT: &[&str] = &["function mint(address,uint256) ()"];

#[test]
fn our_abis_have_all_that_openzeppelins_have() {
    let pairs = [("OzVotes", "IToken"), ("OzTimelock", "ITimelock"), ("OzGovernor", "IGovernor")];
    for (theirs, ours) in pairs {
        let theirs = entries(&format!("tests/solidity/artifacts/{theirs}.json"));
        let own = entries(&format!("contracts/abi/json/{ours}.json"));
        let missing: Vec<_> = theirs.difference(&own).filter(|entry| !WITHOUT.contains(&entry.as_str())).collect();
        assert!(missing.is_empty(), "{ours} is without {missing:#?}");
        assert!(theirs.len() > 40, "{ours}: {}", theirs.len());
    }
}
