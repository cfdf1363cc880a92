//! One deployment in progress: programs, Solidity contracts and settings as steps of a [`Ledger`].

use std::{future::Future, path::Path, sync::Arc};

use ethers::{
    abi::{Token, encode},
    contract::ContractCall,
    providers::Middleware,
    types::{
        Address, BlockNumber, H256, TransactionReceipt, TransactionRequest, U256,
        transaction::eip2718::TypedTransaction,
    },
    utils::{hex, id, keccak256},
};
use serde::Deserialize;

use super::ledger::{self, Anchor, Ledger, Pending};
use crate::{
    artefact::{self, Builder, init_code},
    chain::{self, Chain, Client},
};

/// Where StylusDeployer is on chains that have it: the address that its CREATE2 deployment gives.
const STYLUS_DEPLOYER: &str = "cEcba2F1DC234f70Dd89F2041029807F8D03A990";

/// The precompile that activates programs.
const ARB_WASM: u64 = 0x71;

/// What can go wrong in a deployment.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// On the chain.
    #[error(transparent)]
    Chain(#[from] chain::Error),
    /// With an artefact.
    #[error(transparent)]
    Artefact(#[from] artefact::Error),
    /// With the deployment file.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// What was deployed is not what was meant.
    #[error("{0}")]
    Verification(String),
    /// A Solidity artefact is missing or malformed.
    #[error("{0}: run scripts/solidity.sh")]
    Solidity(String),
}

/// The result of a deployment's step.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A compiled Solidity contract.
#[derive(Debug, Deserialize)]
struct SolidityArtefact {
    bytecode: String,
}

/// A deployment in progress.
#[derive(Debug)]
pub struct Deployer {
    /// The chain.
    pub chain: Chain,
    /// Who deploys.
    pub client: Arc<Client>,
    /// What has been done.
    pub ledger: Ledger,
    /// Where the artefacts are.
    pub builder: Builder,
    /// Told the name of each step before it is sent.
    pub on_step: fn(&str),
}

impl Deployer {
    /// Goes on with the ledger at `path`, or begins one. Where `afresh`, a ledger that is finished, or whose programs
    /// were built from other sources, is left for a new one.
    ///
    /// # Errors
    /// [`ledger::Error::Foreign`] for a ledger of another chain, [`ledger::Error::OtherBuild`], and RPC errors.
    pub async fn open(
        chain: Chain,
        client: Arc<Client>,
        builder: Builder,
        path: &Path,
        profile: &str,
        afresh: bool,
    ) -> Result<Self> {
        let begin = || Ledger::new(path, chain.id(), profile, client.address());
        let ledger = match Ledger::open(path)? {
            None => begin(),
            Some(ledger) if ledger.chain_id != chain.id() => {
                return Err(ledger::Error::Foreign { path: path.into() }.into());
            }
            Some(ledger) if !is_on(&ledger, &chain).await? => {
                if chain.id() != chain::DEVELOPMENT_CHAIN {
                    return Err(ledger::Error::Foreign { path: path.into() }.into());
                }
                begin() // a development chain that was reset: its old deployment is gone, nothing is lost
            }
            Some(ledger) if afresh && ledger.finished => begin(),
            Some(ledger) => match other_build(&ledger, &builder)? {
                None => ledger,
                Some(_) if afresh => begin(),
                Some(program) => return Err(ledger::Error::OtherBuild { path: path.into(), program }.into()),
            },
        };
        let mut deployer = Self { chain, client, ledger, builder, on_step: |_| {} };
        deployer.settle_pending().await?;
        Ok(deployer)
    }

    /// Finds out what became of the step that was under way.
    async fn settle_pending(&mut self) -> Result<()> {
        let Some(pending) = self.ledger.pending.clone() else { return Ok(()) };
        let provider = self.chain.provider();
        let rpc = |error: ethers::providers::ProviderError| chain::Error::Rpc {
            what: format!("looking for the transaction of {:?}", pending.step),
            reason: error.to_string(),
        };
        let known = provider.get_transaction(pending.hash).await.map_err(rpc)?.is_some();
        if known {
            let receipt = self.chain.receipt(&pending.step, pending.hash).await?;
            if receipt.status == Some(1.into()) {
                self.record(&pending.step, &receipt);
            }
        }
        self.ledger.pending = None;
        self.ledger.save()?;
        Ok(())
    }

    fn record(&mut self, step: &str, receipt: &TransactionReceipt) {
        if let Some(name) = step.strip_prefix("deploy ")
            && let Some(address) = receipt.contract_address.or_else(|| deployed_by_deployer(receipt))
        {
            self.ledger.contracts.insert(name.into(), address);
        }
        if let (None, Some(number), Some(hash)) = (self.ledger.anchor, receipt.block_number, receipt.block_hash) {
            self.ledger.anchor = Some(Anchor { number: number.as_u64(), hash });
        }
        self.ledger.steps.insert(step.into(), receipt.transaction_hash);
    }

    /// Sends a step's transaction, once: a step that is mined is not sent again.
    ///
    /// # Errors
    /// As [`Chain::send`], and where the ledger cannot be written.
    pub async fn step(&mut self, name: &str, tx: TypedTransaction) -> Result<()> {
        if self.ledger.steps.contains_key(name) {
            return Ok(());
        }
        (self.on_step)(name);
        let signed = self.chain.sign(name, &self.client, tx).await?;
        self.ledger.pending = Some(Pending { step: name.into(), hash: signed.hash });
        self.ledger.save()?;
        let receipt = self.chain.submit(name, &signed).await?;
        self.record(name, &receipt);
        self.ledger.pending = None;
        self.ledger.save()?;
        Ok(())
    }

    /// A contract call as a step.
    ///
    /// # Errors
    /// As [`Deployer::step`].
    pub async fn call<D>(&mut self, name: &str, call: ContractCall<Client, D>) -> Result<()> {
        self.step(name, call.tx).await
    }

    /// A step that yields an id, which is read from the chain after it.
    ///
    /// # Errors
    /// As [`Deployer::step`].
    pub async fn id<D, F>(&mut self, name: &str, call: ContractCall<Client, D>, read: F) -> Result<u64>
    where
        F: Future<Output = std::result::Result<U256, ethers::contract::ContractError<Client>>>,
    {
        if let Some(id) = self.ledger.ids.get(name) {
            return Ok(*id);
        }
        self.call(name, call).await?;
        let id = read.await.map_err(|error| chain::contract_error(name, &error))?.as_u64();
        self.ledger.ids.insert(name.into(), id);
        self.ledger.save()?;
        Ok(id)
    }

    /// Deploys a Stylus program and, with `constructor` arguments, activates and constructs it in one transaction. A
    /// further contract of the same program is called `program#number` in the ledger.
    ///
    /// # Errors
    /// As [`Deployer::step`]; [`artefact::Error`] for a missing or too large program.
    pub async fn program(&mut self, name: &str, constructor: Option<&[Token]>) -> Result<Address> {
        let code = self.builder.code(program_of(name))?;
        let code_hash = H256(keccak256(&code));
        if let Some(address) = self.ledger.contract(name) {
            self.note_code(name, address, code_hash).await?;
            return Ok(address);
        }
        let deployer = self.stylus_deployer().await?;
        let mut data = id("stylus_constructor()").to_vec();
        let mut init_data = Vec::new();
        if let Some(arguments) = constructor {
            init_data.append(&mut data);
            init_data.extend(encode(arguments));
        }
        let call = encode(&[
            Token::Bytes(init_code(&code)),
            Token::Bytes(init_data),
            Token::Uint(U256::zero()),
            Token::FixedBytes(vec![0; 32]),
        ]);
        let mut input = id("deploy(bytes,bytes,uint256,bytes32)").to_vec();
        input.extend(call);
        // the data fee of an activation is far below this; what is not used comes back
        let value = U256::exp10(16);
        let tx = TransactionRequest::new().to(deployer).data(input).value(value);
        self.step(&format!("deploy {name}"), tx.into()).await?;
        let address = self
            .ledger
            .contract(name)
            .ok_or_else(|| Error::Verification(format!("the deployment of {name} succeeded but named no address")))?;
        self.note_code(name, address, code_hash).await?;
        Ok(address)
    }

    /// Deploys a Solidity contract of `tests/solidity`.
    ///
    /// # Errors
    /// As [`Deployer::step`]; [`Error::Solidity`] for a missing artefact.
    pub async fn solidity(&mut self, name: &str, contract: &str, arguments: &[Token]) -> Result<Address> {
        if let Some(address) = self.ledger.contract(name) {
            return Ok(address);
        }
        let tx = TransactionRequest::new().data(solidity_init_code(&self.builder, contract, arguments)?);
        self.step(&format!("deploy {name}"), tx.into()).await?;
        self.ledger
            .contract(name)
            .ok_or_else(|| Error::Verification(format!("the deployment of {name} succeeded but named no address")))
    }

    /// Enters a program's code in the ledger, which an interruption after its transaction may have kept from it.
    async fn note_code(&mut self, name: &str, address: Address, expected: H256) -> Result<()> {
        let actual = H256(keccak256(self.chain.code(address).await?));
        if actual != expected {
            return Err(Error::Verification(format!(
                "{name} at {address:?} is not the program that was built here: code hash {actual:?}, expected {expected:?}"
            )));
        }
        if self.ledger.code_hashes.insert(name.into(), expected) != Some(expected) {
            self.ledger.save()?;
        }
        Ok(())
    }

    /// The StylusDeployer of this chain; ours is deployed where there is none.
    async fn stylus_deployer(&mut self) -> Result<Address> {
        let known: Address = STYLUS_DEPLOYER.parse().expect("a constant address");
        if !self.chain.code(known).await?.is_empty() {
            return Ok(known);
        }
        if let Some(address) = self.ledger.contract("stylus-deployer") {
            return Ok(address);
        }
        let arb_wasm = self.chain.code(Address::from_low_u64_be(ARB_WASM)).await?;
        if arb_wasm.is_empty() {
            let url = self.chain.url();
            return Err(Error::Verification(format!("{url} is no Arbitrum chain with Stylus: it has no ArbWasm")));
        }
        let tx = TransactionRequest::new().data(init_code(&devnode::predeploys::stylus_deployer_code()));
        self.step("deploy stylus-deployer", tx.into()).await?;
        self.ledger
            .contract("stylus-deployer")
            .ok_or_else(|| Error::Verification("the StylusDeployer was not deployed".into()))
    }
}

/// The program that a contract of this name in the ledger runs.
pub(crate) fn program_of(name: &str) -> &str {
    name.split('#').next().unwrap_or(name)
}

/// The initialisation code of a Solidity contract of `tests/solidity` with its constructor's arguments.
///
/// # Errors
/// [`Error::Solidity`].
pub fn solidity_init_code(builder: &Builder, contract: &str, arguments: &[Token]) -> Result<Vec<u8>> {
    let path = builder.root().join(format!("tests/solidity/artifacts/{contract}.json"));
    let failed = |reason: String| Error::Solidity(format!("{}: {reason}", path.display()));
    let text = std::fs::read_to_string(&path).map_err(|error| failed(error.to_string()))?;
    let artefact: SolidityArtefact = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    let mut code =
        hex::decode(artefact.bytecode.trim_start_matches("0x")).map_err(|error| failed(error.to_string()))?;
    code.extend(encode(arguments));
    Ok(code)
}

/// The address in StylusDeployer's `ContractDeployed(address)`.
fn deployed_by_deployer(receipt: &TransactionReceipt) -> Option<Address> {
    let topic = H256(keccak256("ContractDeployed(address)"));
    let log = receipt.logs.iter().find(|log| log.topics.first() == Some(&topic))?;
    let word = log.data.get(..32)?;
    Some(Address::from_slice(&word[12..]))
}

/// Whether the chain still has the block that the ledger is anchored in.
async fn is_on(ledger: &Ledger, chain: &Chain) -> Result<bool> {
    let Some(anchor) = ledger.anchor else { return Ok(true) };
    let block = chain.provider().get_block(BlockNumber::Number(anchor.number.into())).await;
    let block = block.map_err(|error| chain::Error::Rpc {
        what: "looking for the deployment's first block".into(),
        reason: error.to_string(),
    })?;
    Ok(block.is_some_and(|block| block.hash == Some(anchor.hash)))
}

/// The first program of the ledger that is not what is built now.
fn other_build(ledger: &Ledger, builder: &Builder) -> Result<Option<String>> {
    for (name, hash) in &ledger.code_hashes {
        if builder.load(program_of(name))?.code_hash != hex::encode(hash) {
            return Ok(Some(name.clone()));
        }
    }
    Ok(None)
}
