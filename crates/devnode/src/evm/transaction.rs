//! One transaction: what is checked before it, who pays for it, and where the money goes.

use std::collections::HashMap;
use std::convert::Infallible;

use alloy_primitives::{Address, B256, U256};
use revm::Database;
use revm::context::result::EVMError;
use revm::context::{BlockEnv, Cfg, CfgEnv, Context, Evm, Journal, JournalTr, LocalContext, TxEnv};
use revm::context_interface::journaled_state::account::JournaledAccountTr;
use revm::handler::FrameResult;
use revm::handler::pre_execution::apply_auth_list;
use revm::interpreter::interpreter_action::FrameInit;
use revm::interpreter::{CallInput, CallInputs, CallScheme, CallValue, CreateInputs, CreateScheme, FrameInput};
use revm::primitives::{AddressMap, HashSet, StorageKey};

use super::console::Console;
use super::context::{Failure, JournalSlots, Runtime};
use super::frames::ArbEvm;
use super::programs::RecentPrograms;
use super::steps::StepRecorder;
use super::trace::{CallRecorder, TraceTooLarge};
use super::types::{BlockContext, Execution, Mode, Options, Status, TxError, TxRequest};
use super::{Executor, instructions, l1, words};
use crate::arbos::state::{address_of, l1 as l1_offset, l2, root, space, u64_of};
use crate::arbos::{L1_PRICER, Slots, Space};
use crate::wasm::{HostioTrace, Pages};

/// Refunds give back at most one in so many units of gas.
const MAX_REFUND_QUOTIENT: u64 = 5;
/// Gas of a transaction that does nothing.
pub(super) const BASE_GAS: u64 = 21_000;
/// Best quality of brotli's compression.
const MAX_BROTLI_LEVEL: u64 = 11;
/// `PREVRANDAO` of every block: its difficulty, 1, as a hash.
const PREVRANDAO: B256 = B256::with_last_byte(1);
/// Transaction types of users that Arbitrum shares with Ethereum: it has no blobs.
const KINDS: [u8; 4] = [0, 1, 2, 4];
/// The type that carries authorisations (EIP-7702).
const DELEGATING: u8 = 4;

/// Executes a transaction on top of a database.
pub(super) fn execute<DB>(
    executor: &Executor,
    db: DB,
    block: &BlockContext,
    tx: &TxRequest,
    options: &Options,
) -> Result<Execution, TxError>
where
    DB: Database<Error = Infallible>,
{
    let is_free = options.mode == Mode::Call && tx.max_fee == 0 && tx.priority_fee == 0;
    let basefee = if is_free { 0 } else { block.basefee };
    let mut run =
        Run { evm: new_evm(executor, db, block, basefee, tx, options), tx, mode: options.mode, basefee, is_free };
    let intrinsic = run.check()?;
    let l1_gas = run.l1_gas();
    let charged = intrinsic.saturating_add(l1_gas);
    if tx.gas_limit < charged {
        return Err(TxError::IntrinsicGasTooLow { have: tx.gas_limit, want: charged });
    }
    run.buy_gas();
    run.warm();
    let authorized = run.authorize()?;
    let held = run.held_back(intrinsic, l1_gas);
    let frame_gas = tx.gas_limit - charged - held;
    let first = run.first_frame(frame_gas);
    let result = run.evm.run(first).map_err(internal)?;
    Ok(Execution { intrinsic_gas: charged, frame_gas, ..run.settle(&result, held, authorized, l1_gas) })
}

/// Checks whether a transaction could be executed on top of a database.
pub(super) fn check<DB>(executor: &Executor, db: DB, block: &BlockContext, tx: &TxRequest) -> Result<(), TxError>
where
    DB: Database<Error = Infallible>,
{
    let evm = new_evm(executor, db, block, block.basefee, tx, &Options::TRANSACTION);
    let mut run = Run { evm, tx, mode: Mode::Transaction, basefee: block.basefee, is_free: false };
    run.check().map(drop)
}

/// Gas of a transaction for its data on L1, and what a unit of that costs in wei.
pub(super) fn l1_gas<DB>(executor: &Executor, db: DB, block: &BlockContext, tx: &TxRequest) -> (u64, U256)
where
    DB: Database<Error = Infallible>,
{
    let evm = new_evm(executor, db, block, block.basefee, tx, &Options::CALL);
    let mut run = Run { evm, tx, mode: Mode::Call, basefee: block.basefee, is_free: true };
    let gas = run.l1_gas();
    let Ok(price) = JournalSlots(run.journal()).read(space::l1().at(l1_offset::PRICE_PER_UNIT));
    (gas, price)
}

fn internal(failure: Failure) -> TxError {
    match failure {
        Failure::Db(never) => match never {},
        Failure::Custom(text) => TxError::Internal(text),
    }
}

fn new_evm<DB>(
    executor: &Executor,
    db: DB,
    block: &BlockContext,
    basefee: u64,
    tx: &TxRequest,
    options: &Options,
) -> ArbEvm<DB>
where
    DB: Database<Error = Infallible>,
{
    let rules = &executor.rules;
    let mut cfg = CfgEnv::new_with_spec(rules.spec);
    cfg.chain_id = block.chain_id;
    // Frames check the first byte themselves, since programs begin with it.
    cfg.disable_eip3541 = true;
    cfg.tx_gas_limit_cap = Some(u64::MAX);
    cfg.limit_contract_code_size = Some(rules.code_size_limit);

    let runtime = Runtime {
        rules: rules.clone(),
        block: block.clone(),
        gas_price: U256::from(basefee),
        l1_fee: U256::ZERO,
        modules: executor.modules.clone(),
        recent: RecentPrograms::from(tx.recent_programs.clone()),
        pages: Pages::default(),
        frames: Vec::new(),
        entered: HashMap::new(),
        read_l1_number: false,
        failure: None,
        console: Console::default(),
        calls: options.trace_calls.then(CallRecorder::default),
        host: match options.trace_steps {
            Some(_) => Some(HostioTrace::with_queue()),
            None => options.trace_host_io.then(HostioTrace::default),
        },
        steps: options.trace_steps.map(StepRecorder::new),
    };
    let mut ctx = Context {
        block: BlockEnv {
            number: U256::from(block.l1_number),
            beneficiary: block.coinbase,
            timestamp: U256::from(block.timestamp),
            gas_limit: block.gas_limit,
            basefee,
            difficulty: U256::from(1),
            prevrandao: Some(PREVRANDAO),
            ..BlockEnv::default()
        },
        // Contracts see nothing of the transaction but its sender and the price, from which tips are dropped.
        tx: TxEnv { caller: tx.from, gas_price: basefee.into(), gas_limit: tx.gas_limit, ..TxEnv::default() },
        journaled_state: Journal::new(db),
        cfg,
        chain: runtime,
        local: LocalContext::default(),
        error: Ok(()),
    };
    ctx.journaled_state.set_spec_id(rules.spec);
    ArbEvm { inner: Evm::new(ctx, instructions::table(rules.spec), executor.precompiles.clone()) }
}

/// A transaction on its way.
struct Run<'a, DB: Database<Error = Infallible>> {
    evm: ArbEvm<DB>,
    tx: &'a TxRequest,
    mode: Mode,
    /// What the transaction pays for gas: the base fee, tips dropped.
    basefee: u64,
    /// Nobody pays: a call without a gas price.
    is_free: bool,
}

impl<DB: Database<Error = Infallible>> Run<'_, DB> {
    fn journal(&mut self) -> &mut Journal<DB> {
        &mut self.evm.inner.ctx.journaled_state
    }

    /// Checks a transaction in geth's order; answers its intrinsic gas.
    fn check(&mut self) -> Result<u64, TxError> {
        let (tx, mode, is_free, base_fee) = (self.tx, self.mode, self.is_free, self.basefee);
        if !KINDS.contains(&tx.kind) {
            return Err(TxError::UnsupportedType(tx.kind));
        }
        let address = tx.from;
        let Ok(sender) = self.journal().load_account_with_code(address);
        let (have, state) = (sender.info.balance, sender.info.nonce);
        if mode == Mode::Transaction {
            let nonce = tx.nonce.unwrap_or(state);
            if nonce < state {
                return Err(TxError::NonceTooLow { address, tx: nonce, state });
            }
            if nonce > state {
                return Err(TxError::NonceTooHigh { address, tx: nonce, state });
            }
            if nonce == u64::MAX {
                return Err(TxError::NonceMax { address, nonce });
            }
            let code = sender.info.code.as_ref();
            if let Some(code) = code.filter(|code| !tx.impersonated && !code.is_empty() && !code.is_eip7702()) {
                return Err(TxError::SenderNotEoa { address, length: code.len() });
            }
        }
        if !is_free {
            if tx.priority_fee > tx.max_fee {
                let (tip, max_fee) = (tx.priority_fee, tx.max_fee);
                return Err(TxError::TipAboveFeeCap { address, tip, max_fee });
            }
            if tx.max_fee < base_fee.into() {
                return Err(TxError::FeeCapTooLow { address, max_fee: tx.max_fee, base_fee });
            }
        }
        if tx.kind == DELEGATING {
            if tx.to.is_none() {
                return Err(TxError::AuthorizedCreation { address });
            }
            if tx.authorizations.is_empty() {
                return Err(TxError::NoAuthorizations { address });
            }
        }
        let want = U256::from(tx.gas_limit).saturating_mul(U256::from(tx.max_fee)).saturating_add(tx.value);
        if have < want {
            return Err(TxError::InsufficientFunds { address, have, want });
        }
        let want = self.intrinsic_gas();
        if tx.gas_limit < want {
            return Err(TxError::IntrinsicGasTooLow { have: tx.gas_limit, want });
        }
        let limit = self.evm.inner.ctx.cfg.max_initcode_size();
        if tx.to.is_none() && tx.data.len() > limit {
            return Err(TxError::InitCodeTooLarge { size: tx.data.len(), limit });
        }
        Ok(want)
    }

    /// Gas for the transaction itself. The floor of EIP-7623 does not apply on Arbitrum.
    fn intrinsic_gas(&self) -> u64 {
        let tx = self.tx;
        let slots: usize = tx.access_list.iter().map(|(_, slots)| slots.len()).sum();
        let (accounts, slots, delegations) =
            (tx.access_list.len() as u64, slots as u64, tx.authorizations.len() as u64);
        let prices = &self.evm.inner.ctx.cfg.gas_params;
        prices.initial_tx_gas(&tx.data, tx.to.is_none(), accounts, slots, delegations, None).initial_regular_gas()
    }

    /// Gas that pays for the transaction's data on L1.
    fn l1_gas(&mut self) -> u64 {
        let tx = self.tx;
        let mut slots = JournalSlots(self.journal());
        let Ok(price) = slots.read(space::l1().at(l1_offset::PRICE_PER_UNIT));
        if price.is_zero() {
            return 0;
        }
        let Ok(quality) = slots.read(Space::ROOT.at(root::BROTLI_LEVEL));
        let chain = &mut self.evm.inner.ctx.chain;
        let cost = l1::cost(tx, chain.block.chain_id, price, u64_of(quality).min(MAX_BROTLI_LEVEL) as i32);
        // A block without a base fee has no gas that could pay.
        let base_fee = U256::from(chain.block.basefee);
        let gas = u64::try_from(cost.checked_div(base_fee).unwrap_or_default()).unwrap_or(u64::MAX);
        chain.l1_fee = U256::from(gas) * base_fee;
        gas
    }

    /// Takes the price of all gas from the sender, and the nonce of a call; a creation takes its own.
    fn buy_gas(&mut self) {
        let fee = U256::from(self.tx.gas_limit) * U256::from(self.basefee);
        let (from, is_call) = (self.tx.from, self.tx.to.is_some());
        let Ok(mut sender) = self.journal().load_account_mut(from);
        let balance = sender.data.balance().saturating_sub(fee);
        sender.data.set_balance(balance);
        if is_call {
            sender.data.bump_nonce();
        }
    }

    /// Warms what every transaction has warm: precompiles, fee recipient, sender, recipient, access list.
    fn warm(&mut self) {
        let tx = self.tx;
        let precompiles = self.evm.inner.precompiles.addresses().clone();
        let coinbase = self.evm.inner.ctx.block.beneficiary;
        let journal = self.journal();
        journal.warm_precompiles(&precompiles);
        journal.warm_coinbase_account(coinbase);
        let mut list: AddressMap<HashSet<StorageKey>> = AddressMap::default();
        for (address, slots) in &tx.access_list {
            list.entry(*address).or_default().extend(slots.iter().map(|slot| U256::from_be_bytes(slot.0)));
        }
        journal.warm_access_list(list);
    }

    /// Lets accounts delegate to the code that they have authorised (EIP-7702); an authorisation that does not hold is
    /// passed over. Answers the refund for accounts that were there already, which stays whatever the execution does.
    fn authorize(&mut self) -> Result<u64, TxError> {
        let tx = self.tx;
        let cfg = &self.evm.inner.ctx.cfg;
        let (chain_id, refund) = (cfg.chain_id, cfg.gas_params.tx_eip7702_auth_refund_regular());
        let known = apply_auth_list::<_, EVMError<Infallible>>(chain_id, tx.authorizations.iter(), self.journal());
        Ok(known.map_err(|error| TxError::Internal(error.to_string()))?.saturating_mul(refund))
    }

    /// Gas above the chain's limit for one transaction: it is not used, and returned at the end.
    fn held_back(&mut self, intrinsic: u64, l1_gas: u64) -> u64 {
        if self.mode == Mode::Call {
            return 0;
        }
        let mut slots = JournalSlots(self.journal());
        let Ok(limit) = slots.read(space::l2().at(l2::PER_TX_GAS_LIMIT));
        let limit = u64_of(limit);
        let limit = if self.evm.inner.ctx.chain.rules.per_tx_limit_counts_intrinsic {
            limit.saturating_sub(intrinsic)
        } else {
            limit
        };
        (self.tx.gas_limit - intrinsic - l1_gas).saturating_sub(limit)
    }

    fn first_frame(&mut self, gas_limit: u64) -> FrameInit {
        let tx = self.tx;
        let frame_input = match tx.to {
            Some(to) => FrameInput::Call(Box::new(CallInputs {
                input: CallInput::Bytes(tx.data.clone()),
                return_memory_offset: 0..0,
                gas_limit,
                reservoir: 0,
                bytecode_address: to,
                known_bytecode: self.code_of(to),
                target_address: to,
                caller: tx.from,
                value: CallValue::Transfer(tx.value),
                scheme: CallScheme::Call,
                is_static: false,
                charged_new_account_state_gas: false,
            })),
            None => FrameInput::Create(Box::new(CreateInputs::new(
                tx.from,
                CreateScheme::Create,
                tx.value,
                tx.data.clone(),
                gas_limit,
                0,
            ))),
        };
        FrameInit { depth: 0, memory: self.evm.new_memory(), frame_input }
    }

    /// Code that runs when an account is called: its own, or the one that it delegates to (EIP-7702).
    fn code_of(&mut self, address: Address) -> (B256, revm::bytecode::Bytecode) {
        let journal = self.journal();
        let Ok(account) = journal.load_account_with_code(address);
        let code = account.info.code.clone().unwrap_or_default();
        let Some(delegate) = code.eip7702_address() else {
            return (account.info.code_hash, code);
        };
        let Ok(account) = journal.load_account_with_code(delegate);
        (account.info.code_hash, account.info.code.clone().unwrap_or_default())
    }

    /// Gives back what was not used, pays the network, and tells what happened.
    fn settle(mut self, result: &FrameResult, held: u64, authorized: u64, l1_gas: u64) -> Execution {
        let instruction = result.instruction_result();
        let left = held + if instruction.is_ok_or_revert() { result.gas().remaining() } else { 0 };
        let spent = self.tx.gas_limit - left;
        let earned = if instruction.is_ok() { u64::try_from(result.gas().refunded()).unwrap_or(0) } else { 0 };
        let gas_refunded = earned.saturating_add(authorized).min((spent - l1_gas) / MAX_REFUND_QUOTIENT);
        let gas_used = spent - gas_refunded;
        self.pay(gas_used, l1_gas);

        let chain = &mut self.evm.inner.ctx.chain;
        let failure = chain.failure.take();
        let console = std::mem::take(&mut chain.console).into_lines();
        let full = chain.calls.as_ref().is_some_and(CallRecorder::is_full)
            || chain.host.as_ref().is_some_and(HostioTrace::is_full)
            || chain.steps.as_ref().is_some_and(StepRecorder::is_full);
        let read_l1_number = chain.read_l1_number;
        let recent_programs = std::mem::take(&mut chain.recent).into();
        let host_trace = chain.host.take();
        let steps = chain.steps.take().map(StepRecorder::finish);
        let call_trace = chain.calls.take().and_then(CallRecorder::finish).map(|mut root| {
            (root.gas, root.gas_used) = (self.tx.gas_limit, gas_used);
            root
        });
        let status = match failure {
            None => Status::Success,
            Some(text) if text == words::REVERTED => Status::Revert,
            Some(text) => Status::Halt(text),
        };
        let output = match status {
            Status::Halt(_) => Default::default(),
            _ => result.output().into_data(),
        };
        let created = match result {
            FrameResult::Create(created) if status == Status::Success => created.address,
            _ => None,
        };
        let journal = self.journal();
        let logs = journal.take_logs();
        journal.commit_tx();
        Execution {
            status,
            gas_used,
            gas_refunded,
            gas_used_for_l1: l1_gas,
            output,
            created,
            logs,
            state: journal.finalize(),
            host_trace,
            call_trace,
            steps,
            trace_error: full.then_some(TraceTooLarge),
            intrinsic_gas: 0,
            frame_gas: 0,
            console,
            read_l1_number,
            recent_programs,
        }
    }

    /// Returns the price of unused gas to the sender and pays for the rest: L1's part to who pays L1, the least base fee's
    /// part to the account for infrastructure, if there is one, all else to the network's.
    fn pay(&mut self, gas_used: u64, l1_gas: u64) {
        let price = U256::from(self.basefee);
        if price.is_zero() {
            return;
        }
        let (from, unused) = (self.tx.from, self.tx.gas_limit - gas_used);
        let mut slots = JournalSlots(self.journal());
        let mut field = |slot| {
            let Ok(word) = slots.read(slot);
            word
        };
        let network = address_of(field(Space::ROOT.at(root::NETWORK_FEE_ACCOUNT)));
        let infra = address_of(field(Space::ROOT.at(root::INFRA_FEE_ACCOUNT)));
        let floor = field(space::l2().at(l2::MIN_BASE_FEE));

        self.credit(from, price * U256::from(unused));
        if l1_gas != 0 {
            self.credit(L1_PRICER, price * U256::from(l1_gas));
        }
        let gas_used = gas_used - l1_gas;
        let mut fee = price * U256::from(gas_used);
        if !infra.is_zero() {
            let part = floor.min(price) * U256::from(gas_used);
            self.credit(infra, part);
            fee -= part;
        }
        self.credit(network, fee);
    }

    fn credit(&mut self, account: Address, amount: U256) {
        let Ok(mut load) = self.journal().load_account_mut(account);
        load.data.incr_balance(amount);
    }
}
