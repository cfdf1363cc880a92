//! One transaction: what is checked before it, who pays for it, and where the money goes.

use std::collections::HashMap;
use std::convert::Infallible;

use alloy_primitives::{Address, B256, U256};
use revm::Database;
use revm::context::{BlockEnv, Cfg, CfgEnv, Context, Evm, Journal, JournalTr, LocalContext, TxEnv};
use revm::context_interface::journaled_state::account::JournaledAccountTr;
use revm::handler::FrameResult;
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
use super::{Executor, instructions, words};
use crate::arbos::state::{address_of, l2, root, space, u64_of};
use crate::arbos::{Slots, Space};
use crate::wasm::{HostioTrace, Pages};

/// Refunds give back at most one in so many units of gas.
const MAX_REFUND_QUOTIENT: u64 = 5;
/// Gas of a transaction that does nothing.
pub(super) const BASE_GAS: u64 = 21_000;
/// `PREVRANDAO` of every block: its difficulty, 1, as a hash.
const PREVRANDAO: B256 = B256::with_last_byte(1);
/// Largest transaction type of users that Arbitrum shares with Ethereum here.
const LAST_KIND: u8 = 2;

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
    run.buy_gas();
    run.warm();
    let held = run.held_back(intrinsic);
    let frame_gas = tx.gas_limit - intrinsic - held;
    let first = run.first_frame(frame_gas);
    let result = run.evm.run(first).map_err(internal)?;
    Ok(Execution { intrinsic_gas: intrinsic, frame_gas, ..run.settle(&result, held) })
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
        modules: executor.modules.clone(),
        recent: RecentPrograms::default(),
        pages: Pages::default(),
        frames: Vec::new(),
        entered: HashMap::new(),
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
        if tx.kind > LAST_KIND {
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
            if let Some(code) = code.filter(|code| !code.is_empty() && !code.is_eip7702()) {
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
        self.evm
            .inner
            .ctx
            .cfg
            .gas_params
            .initial_tx_gas(&tx.data, tx.to.is_none(), tx.access_list.len() as u64, slots as u64, 0, None)
            .initial_regular_gas()
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

    /// Gas above the chain's limit for one transaction: it is not used, and returned at the end.
    fn held_back(&mut self, intrinsic: u64) -> u64 {
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
        (self.tx.gas_limit - intrinsic).saturating_sub(limit)
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
    fn settle(mut self, result: &FrameResult, held: u64) -> Execution {
        let instruction = result.instruction_result();
        let left = held + if instruction.is_ok_or_revert() { result.gas().remaining() } else { 0 };
        let spent = self.tx.gas_limit - left;
        let gas_refunded = if instruction.is_ok() {
            u64::try_from(result.gas().refunded()).unwrap_or(0).min(spent / MAX_REFUND_QUOTIENT)
        } else {
            0
        };
        let gas_used = spent - gas_refunded;
        self.pay(gas_used);

        let chain = &mut self.evm.inner.ctx.chain;
        let failure = chain.failure.take();
        let console = std::mem::take(&mut chain.console).into_lines();
        let full = chain.calls.as_ref().is_some_and(CallRecorder::is_full)
            || chain.host.as_ref().is_some_and(HostioTrace::is_full)
            || chain.steps.as_ref().is_some_and(StepRecorder::is_full);
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
            gas_used_for_l1: 0,
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
        }
    }

    /// Returns the price of unused gas to the sender and pays for the rest: the least base fee's part to the account for
    /// infrastructure, if there is one, all else to the network's.
    fn pay(&mut self, gas_used: u64) {
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
