//! Calls that are not mined: `eth_call`, `eth_estimateGas`, `eth_createAccessList`, and traces of what was mined.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

use alloy_eips::eip7702::SignedAuthorization;
use alloy_primitives::{Address, B256, Bytes, U256};
use revm::state::AccountInfo;

use super::{BlockRef, Chain, Node, remember_hash};
use crate::arbos::state::{block_hashes, root, space};
use crate::arbos::{self, Space};
use crate::evm::{BlockContext, Execution, Mode, Options, Status, TxError, TxRequest};
use crate::state::{AccountOverride, Overlay, Version, View};

/// Gas of a call that names none, and the most that one gets.
pub const CALL_GAS_CAP: u64 = 50_000_000;
/// Gas of the cheapest transaction.
const TRANSFER_GAS: u64 = 21_000;
/// Gas that a call with value gives away.
const CALL_STIPEND: u64 = 2_300;
/// Rounds in which an access list must settle.
const MAX_LIST_ROUNDS: usize = 32;
/// Estimates stop when they are this near to the least gas that suffices.
const ESTIMATE_ERROR: f64 = 0.015;

/// A call in the shape of a transaction, everything optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallRequest {
    /// The sender; the zero address if absent.
    pub from: Option<Address>,
    /// The recipient; none creates a contract.
    pub to: Option<Address>,
    /// Gas limit; [`CALL_GAS_CAP`] if absent or above it.
    pub gas: Option<u64>,
    /// Gas price in wei.
    pub gas_price: Option<u128>,
    /// Most that a unit of gas may cost, in wei.
    pub max_fee: Option<u128>,
    /// Tip in wei for a unit of gas.
    pub priority_fee: Option<u128>,
    /// Wei sent along.
    pub value: U256,
    /// Calldata or init code.
    pub data: Bytes,
    /// Nonce; it decides the address of a created contract.
    pub nonce: Option<u64>,
    /// Addresses and slots that are warm from the start.
    pub access_list: Vec<(Address, Vec<B256>)>,
    /// Delegations that accounts have signed (EIP-7702).
    pub authorizations: Option<Vec<SignedAuthorization>>,
}

impl CallRequest {
    fn request(&self) -> TxRequest {
        TxRequest {
            from: self.from.unwrap_or_default(),
            to: self.to,
            gas_limit: self.gas.unwrap_or(CALL_GAS_CAP).min(CALL_GAS_CAP),
            max_fee: self.max_fee.or(self.gas_price).unwrap_or_default(),
            priority_fee: self.priority_fee.unwrap_or_default(),
            value: self.value,
            data: self.data.clone(),
            nonce: self.nonce,
            access_list: self.access_list.clone(),
            authorizations: self.authorizations.iter().flatten().cloned().map(Into::into).collect(),
            kind: match (&self.authorizations, self.max_fee, self.access_list.is_empty()) {
                (Some(_), ..) => 4,
                (None, Some(_), _) => 2,
                (None, None, false) => 1,
                (None, None, true) => 0,
            },
            ..TxRequest::default()
        }
    }
}

/// What a call sees different about its block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockOverrides {
    /// L2 block number.
    pub number: Option<u64>,
    /// Time in seconds since 1970.
    pub time: Option<u64>,
    /// Gas limit of the block.
    pub gas_limit: Option<u64>,
    /// Who made the block.
    pub coinbase: Option<Address>,
    /// Base fee in wei.
    pub base_fee: Option<u64>,
}

/// Where and on what a call runs.
#[derive(Clone, Debug, Default)]
pub struct CallAt {
    /// After which block.
    pub block: BlockRef,
    /// Accounts that it sees different.
    pub state: HashMap<Address, AccountOverride>,
    /// What it sees different about the block.
    pub overrides: BlockOverrides,
    /// Before which transaction of the block, instead of after all.
    pub transaction: Option<usize>,
}

impl From<BlockRef> for CallAt {
    fn from(block: BlockRef) -> Self {
        Self { block, ..Self::default() }
    }
}

/// Why a call has no result. The texts are geth's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There is no such block.
    #[error("header not found")]
    UnknownBlock,
    /// The state of that block is no longer kept.
    #[error("missing trie node: state of block {0} is not available")]
    Forgotten(u64),
    /// It cannot be executed.
    #[error("err: {error} (supplied gas {gas})")]
    Rejected {
        /// Why.
        error: TxError,
        /// Gas that it was given.
        gas: u64,
    },
    /// No gas limit up to the allowance makes it succeed.
    #[error("gas required exceeds allowance ({0})")]
    Allowance(u64),
    /// The sender does not own the value.
    #[error("insufficient funds for transfer")]
    InsufficientFunds,
    /// It runs and fails, whatever the gas.
    #[error("{}", match .0 { Status::Halt(reason) => reason, _ => "execution reverted" })]
    Failed(Status, Bytes),
    /// Each access list makes the call touch something else.
    #[error("the call touches other slots with every access list")]
    UnsteadyAccessList,
    /// The block has not so many transactions.
    #[error("transaction index {0} out of range for block {1}")]
    NoSuchIndex(usize, B256),
    /// There is no such transaction.
    #[error("transaction not found")]
    UnknownTransaction,
}

/// An access list and what the call uses with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessListResult {
    /// Addresses and slots that the call touches and that are not warm anyway.
    pub access_list: Vec<(Address, Vec<B256>)>,
    /// Gas used with that list.
    pub gas_used: u64,
    /// Why the call fails, if it does.
    pub error: Option<String>,
}

/// A view of the state and the surroundings of a call on it.
struct Scene<'a> {
    view: View<'a>,
    context: BlockContext,
    overrides: &'a HashMap<Address, AccountOverride>,
}

/// Accounts that an execution touched, with balance, nonce and code as they were before it; their slots are in
/// [`Execution::state`].
pub type Prestate = BTreeMap<Address, AccountInfo>;

impl Scene<'_> {
    /// The accounts that `execution` touched, and the block's maker, as they are in this scene.
    fn before(&self, execution: &Execution) -> Prestate {
        let mut accounts = Overlay::new(self.view, self.overrides);
        let touched = execution.state.keys().copied().chain([self.context.coinbase]);
        touched
            .map(|address| {
                let Ok(info) = revm::Database::basic(&mut accounts, address);
                (address, info.unwrap_or_default())
            })
            .collect()
    }
}

impl Node {
    /// Executes a call and forgets what it changed.
    ///
    /// # Errors
    ///
    /// An unknown block, or a call that cannot be executed. One that fails is an [`Execution`] with its status.
    pub fn call(&self, call: &CallRequest, at: &CallAt, options: Options) -> Result<Execution, CallError> {
        let chain = self.chain.read();
        let scene = self.scene(&chain, at)?;
        self.run(&scene, &call.request(), Options { mode: Mode::Call, ..options })
    }

    /// Least gas limit, within 1.5 %, with which a call succeeds: geth's search, so that it gives geth's answers.
    ///
    /// # Errors
    ///
    /// [`CallError::Failed`] if it fails with all the gas that it can get.
    pub fn estimate_gas(&self, call: &CallRequest, at: &CallAt) -> Result<u64, CallError> {
        let chain = self.chain.read();
        let scene = self.scene(&chain, at)?;
        let mut request = call.request();
        let mut sender = Overlay::new(scene.view, scene.overrides);
        let info = |db: &mut Overlay<'_>, address| match revm::Database::basic(db, address) {
            Ok(info) => info.unwrap_or_default(),
        };

        let mut high = call.gas.filter(|gas| *gas >= TRANSFER_GAS).unwrap_or(CALL_GAS_CAP).min(CALL_GAS_CAP);
        if request.max_fee != 0 {
            let balance = info(&mut sender, request.from).balance;
            let available = balance.checked_sub(request.value).ok_or(CallError::InsufficientFunds)?;
            let affordable = available / U256::from(request.max_fee);
            high = high.min(u64::try_from(affordable).unwrap_or(u64::MAX));
        }

        let suffices = |request: &mut TxRequest, gas: u64| -> Result<Option<Execution>, CallError> {
            request.gas_limit = gas;
            match self.run(&scene, request, Options::CALL) {
                Ok(execution) => Ok(Some(execution)),
                Err(CallError::Rejected { error: TxError::IntrinsicGasTooLow { .. }, .. }) => Ok(None),
                Err(error) => Err(error),
            }
        };

        let transfer =
            request.data.is_empty() && request.to.is_some_and(|to| info(&mut sender, to).is_empty_code_hash());
        if transfer
            && let Some(execution) = suffices(&mut request, TRANSFER_GAS)?
            && execution.is_success()
        {
            return Ok(TRANSFER_GAS);
        }

        let Some(first) = suffices(&mut request, high)? else { return Err(CallError::Allowance(high)) };
        match first.status {
            Status::Success => {}
            Status::Halt(reason) if reason == "out of gas" => return Err(CallError::Allowance(high)),
            status => return Err(CallError::Failed(status, first.output)),
        }
        let mut low = first.gas_used.saturating_sub(1);
        let peak = first.gas_used.saturating_add(first.gas_refunded).saturating_add(CALL_STIPEND);
        let optimistic = (u128::from(peak) * 64 / 63) as u64;
        let mut probe = |gas: u64, low: &mut u64, high: &mut u64| -> Result<(), CallError> {
            match suffices(&mut request, gas)? {
                Some(execution) if execution.is_success() => *high = gas,
                _ => *low = gas,
            }
            Ok(())
        };
        if optimistic < high {
            probe(optimistic, &mut low, &mut high)?;
        }
        while low + 1 < high {
            if (high - low) as f64 / high as f64 <= ESTIMATE_ERROR {
                break;
            }
            let middle = (high - (high - low) / 2).min(low.saturating_mul(2).max(low + 1));
            probe(middle, &mut low, &mut high)?;
        }
        Ok(high)
    }

    /// Addresses and slots that a call touches, in the form in which they save it gas.
    ///
    /// # Errors
    ///
    /// As [`Node::call`].
    pub fn create_access_list(&self, call: &CallRequest, at: &CallAt) -> Result<AccessListResult, CallError> {
        let chain = self.chain.read();
        let scene = self.scene(&chain, at)?;
        let mut request = call.request();
        // A list changes gas and so may change what is touched: repeat until nothing new is. A contract can make that
        // take long, therefore not more often than this.
        for _ in 0..MAX_LIST_ROUNDS {
            let execution = self.run(&scene, &request, Options::CALL)?;
            let mut list = touched(&request, &execution);
            for (address, slots) in &request.access_list {
                list.entry(*address).or_default().extend(slots);
            }
            let list: Vec<_> =
                list.into_iter().map(|(address, slots)| (address, slots.into_iter().collect::<Vec<_>>())).collect();
            if list == request.access_list {
                let error = match execution.status {
                    Status::Success => None,
                    Status::Revert => Some("execution reverted".to_owned()),
                    Status::Halt(reason) => Some(reason),
                };
                return Ok(AccessListResult { access_list: list, gas_used: execution.gas_used, error });
            }
            request.access_list = list;
            request.kind = request.kind.max(1);
        }
        Err(CallError::UnsteadyAccessList)
    }

    /// Executes a mined transaction again, on the state that it had, and records what `options` asks for.
    ///
    /// # Errors
    ///
    /// No such transaction, or its state is no longer kept. Of Arbitrum's own transactions it is the call that they make.
    pub fn trace(&self, hash: B256, options: Options) -> Result<Execution, CallError> {
        self.trace_with_prestate(hash, options).map(|(execution, _)| execution)
    }

    fn trace_on(&self, chain: &Chain, hash: B256, options: Options) -> Result<(Execution, Prestate), CallError> {
        let (block, index) = chain.find(hash).ok_or(CallError::UnknownTransaction)?;
        let mined = &block.transactions[index];
        let view = chain.state.at(mined.before).ok_or(CallError::Forgotten(block.header.number))?;
        let overrides = HashMap::new();
        let scene = Scene { view, context: block.context(self.config.chain_id), overrides: &overrides };
        let (request, mode) = if mined.tx.is_internal() {
            (remember_hash(block.header.parent_hash), Mode::Call)
        } else {
            let mut request = mined.tx.request();
            if self.executor.rules().block_cache {
                request.recent_programs = self.recent_programs(chain, block, index)?;
            }
            (request, Mode::Transaction)
        };
        let execution = self.run(&scene, &request, Options { mode, ..options })?;
        let prestate = scene.before(&execution);
        Ok((execution, prestate))
    }

    /// Executes a call, and tells with it the accounts that it touched as they were before.
    ///
    /// # Errors
    ///
    /// As [`Node::call`].
    pub fn call_with_prestate(
        &self,
        call: &CallRequest,
        at: &CallAt,
        options: Options,
    ) -> Result<(Execution, Prestate), CallError> {
        let chain = self.chain.read();
        let scene = self.scene(&chain, at)?;
        let execution = self.run(&scene, &call.request(), Options { mode: Mode::Call, ..options })?;
        let prestate = scene.before(&execution);
        Ok((execution, prestate))
    }

    /// As [`Node::trace`], with the accounts that the transaction touched as they were before.
    ///
    /// # Errors
    ///
    /// As [`Node::trace`].
    pub fn trace_with_prestate(&self, hash: B256, options: Options) -> Result<(Execution, Prestate), CallError> {
        let chain = self.chain.read();
        self.trace_on(&chain, hash, options)
    }

    /// Programs that ran in a block before its transaction `index`.
    fn recent_programs(&self, chain: &Chain, block: &super::Block, index: usize) -> Result<Vec<B256>, CallError> {
        let overrides = HashMap::new();
        let mut recent = Vec::new();
        for mined in block.transactions[..index].iter().filter(|mined| !mined.tx.is_internal()) {
            let view = chain.state.at(mined.before).ok_or(CallError::Forgotten(block.header.number))?;
            let scene = Scene { view, context: block.context(self.config.chain_id), overrides: &overrides };
            let request = TxRequest { recent_programs: recent, ..mined.tx.request() };
            recent = self.run(&scene, &request, Options::TRANSACTION)?.recent_programs;
        }
        Ok(recent)
    }

    fn scene<'a>(&self, chain: &'a Chain, at: &'a CallAt) -> Result<Scene<'a>, CallError> {
        let block = chain.block(&at.block).ok_or(CallError::UnknownBlock)?;
        let mut context = block.context(self.config.chain_id);
        if at.block == BlockRef::Pending {
            (context.basefee, context.l1_number) = (chain.base_fee(), self.l1_number(chain, context.timestamp));
            if chain.clock.is_moved() {
                context.timestamp = chain.clock.peek(context.timestamp);
            }
        }
        let overrides = &at.overrides;
        context.number = overrides.number.unwrap_or(context.number);
        context.timestamp = overrides.time.unwrap_or(context.timestamp);
        context.gas_limit = overrides.gas_limit.unwrap_or(context.gas_limit);
        context.coinbase = overrides.coinbase.unwrap_or(context.coinbase);
        context.basefee = overrides.base_fee.unwrap_or(context.basefee);
        let view = match at.transaction {
            None => chain.view(block)?,
            Some(index) => {
                let mined = block.transactions.get(index).ok_or(CallError::NoSuchIndex(index, block.hash))?;
                chain.state.at(mined.before).ok_or(CallError::Forgotten(block.header.number))?
            }
        };
        Ok(Scene { view, context, overrides: &at.state })
    }

    fn run(&self, scene: &Scene<'_>, request: &TxRequest, options: Options) -> Result<Execution, CallError> {
        let overlay = Overlay::new(scene.view, scene.overrides);
        self.execute(overlay, &scene.context, request, &options)
            .map_err(|error| CallError::Rejected { error, gas: request.gas_limit })
    }

    /// Runs the executor. A fault of the node itself becomes an error of this one execution.
    pub(super) fn execute(
        &self,
        overlay: Overlay<'_>,
        context: &BlockContext,
        request: &TxRequest,
        options: &Options,
    ) -> Result<Execution, TxError> {
        catch_unwind(AssertUnwindSafe(|| self.executor.execute(overlay, context, request, options)))
            .unwrap_or_else(|_| Err(TxError::Internal("internal error: the execution panicked".to_owned())))
    }
}

impl Chain {
    /// State after a block. The latest block's includes what was set by hand since.
    pub(super) fn view(&self, block: &super::Block) -> Result<View<'_>, CallError> {
        let version: Version =
            if block.header.number == self.head().header.number { self.state.version() } else { block.version };
        self.state.at(version).ok_or(CallError::Forgotten(block.header.number))
    }
}

/// What an execution touched, less what is warm without being named: sender, recipient, precompiles and accounts that have
/// authorised a delegation, if none of their slots was touched, and the accounts that ArbOS itself uses. Where ArbOS was
/// asked for the L1 block number, its slots for that stand under the sender, as Nitro lists them: that saves nobody gas.
fn touched(request: &TxRequest, execution: &Execution) -> BTreeMap<Address, BTreeSet<B256>> {
    let precompile = |address: &Address| address.0[..18].iter().all(|byte| *byte == 0);
    let mut list = BTreeMap::new();
    for (address, account) in &execution.state {
        if [arbos::STATE_ADDRESS, arbos::L1_PRICER, BlockContext::COINBASE].contains(address) {
            continue;
        }
        let slots: BTreeSet<B256> = account.storage.keys().map(|slot| B256::from(*slot)).collect();
        let warm = *address == request.from
            || Some(*address) == request.to
            || precompile(address)
            || request.authorizations.iter().any(|signed| signed.authority() == Some(*address));
        if !slots.is_empty() || !(warm || execution.created == Some(*address)) {
            list.insert(*address, slots);
        }
    }
    if execution.read_l1_number {
        let slots = [Space::ROOT.at(root::VERSION), space::block_hashes().at(block_hashes::L1_NUMBER)];
        list.entry(request.from).or_default().extend(slots.map(B256::from));
    }
    list
}
