//! What one execution carries beside revm's own state, and ArbOS's slots in revm's journal.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, Log, U256};
use revm::context::{BlockEnv, CfgEnv, Context, ContextTr, Journal, JournalTr, TxEnv};
use revm::context_interface::context::ContextError;
use revm::context_interface::journaled_state::account::JournaledAccountTr;
use revm::{Database, state::Account};

use super::console::Console;
use super::programs::{ModuleCache, RecentPrograms};
use super::steps::StepRecorder;
use super::trace::CallRecorder;
use super::types::BlockContext;
use crate::arbos::precompiles::World;
use crate::arbos::{STATE_ADDRESS, Slots};
use crate::rules::Rules;
use crate::wasm::{HostioTrace, Pages};

/// revm's context with [`Runtime`] in it.
pub(super) type Ctx<DB> = Context<BlockEnv, TxEnv, CfgEnv, DB, Journal<DB>, Runtime>;

/// A failure of the node inside revm. Databases here cannot fail, so it is a bug that is told instead of a crash.
pub(super) type Failure = ContextError<Infallible>;

/// A frame whose code runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenFrame {
    /// Account that it acts as, if it counts for re-entrance: delegate calls do not.
    pub(super) acting: Option<Address>,
    /// Its caller.
    pub(super) caller: Address,
}

/// State of one execution that is no state of the chain.
#[derive(Debug)]
pub(super) struct Runtime {
    /// Rules of the chain.
    pub(super) rules: Arc<Rules>,
    /// The block, as ArbOS sees it: with its base fee even where a call runs without one.
    pub(super) block: BlockContext,
    /// Price that the transaction pays for gas.
    pub(super) gas_price: U256,
    /// Wei that the transaction pays for its data on L1.
    pub(super) l1_fee: U256,
    /// Compiled programs.
    pub(super) modules: Arc<ModuleCache>,
    /// Programs that ran in this execution.
    pub(super) recent: RecentPrograms,
    /// Memory pages of programs. Reverts do not roll them back.
    pub(super) pages: Pages,
    /// Frames whose code runs now, outermost first.
    pub(super) frames: Vec<OpenFrame>,
    /// How many of them act as an account.
    pub(super) entered: HashMap<Address, usize>,
    /// Whether somebody asked for the number of the L1 block.
    pub(super) read_l1_number: bool,
    /// Why the frame that is about to end fails, where revm has no word for it.
    pub(super) failure: Option<String>,
    /// What is written to the console.
    pub(super) console: Console,
    /// Records calls, if somebody listens.
    pub(super) calls: Option<CallRecorder>,
    /// Records host calls, if somebody listens.
    pub(super) host: Option<HostioTrace>,
    /// Records opcodes, if somebody listens.
    pub(super) steps: Option<StepRecorder>,
}

impl Runtime {
    /// Enters a frame whose code begins to run.
    pub(super) fn push(&mut self, frame: OpenFrame) {
        if let Some(acting) = frame.acting {
            *self.entered.entry(acting).or_default() += 1;
        }
        self.frames.push(frame);
    }

    /// Leaves the frame that was entered last.
    pub(super) fn pop(&mut self) {
        let acting = self.frames.pop().and_then(|frame| frame.acting);
        if let Some(count) = acting.and_then(|acting| self.entered.get_mut(&acting)) {
            *count -= 1;
        }
    }

    /// Whether an account has more than one open frame.
    pub(super) fn is_reentrant(&self, account: Address) -> bool {
        self.entered.get(&account).is_some_and(|&count| count > 1)
    }

    /// Records as opcodes what programs have asked of the host since the last time.
    pub(super) fn tell_host_calls(&mut self) {
        if let (Some(steps), Some(host)) = (&mut self.steps, &mut self.host) {
            host.take_new().iter().for_each(|record| steps.host_call(record));
        }
    }

    /// Records a transfer between accounts that ArbOS makes by itself.
    fn record_transfer(&mut self, from: Address, to: Address, amount: U256) {
        if let Some(calls) = &mut self.calls {
            calls.transfer(from, to, amount);
        }
        if let Some(host) = &mut self.host {
            host.enter("evm_call_contract", to);
            host.exit();
        }
    }
}

/// Reads an account without warming it.
pub(super) fn peek<DB, R>(journal: &mut Journal<DB>, address: Address, read: impl FnOnce(&Account) -> R) -> R
where
    DB: Database<Error = Infallible>,
{
    let Ok(mut load) = journal.load_account_mut_optional_code(address, true);
    let answer = read(load.data.account());
    if load.is_cold {
        load.data.unsafe_mark_cold();
    }
    answer
}

/// ArbOS's slots in a journal. Nobody pays for reading them, and they stay as cold as they were.
pub(super) struct JournalSlots<'a, DB: Database>(pub(super) &'a mut Journal<DB>);

impl<DB: Database<Error = Infallible>> Slots for JournalSlots<'_, DB> {
    type Error = Infallible;

    fn read(&mut self, slot: U256) -> Result<U256, Infallible> {
        let Ok(mut account) = self.0.load_account_mut(STATE_ADDRESS);
        let value = account.data.sload(slot, false).map(|load| load.data.present_value);
        if account.is_cold {
            account.data.unsafe_mark_cold();
        }
        Ok(value.unwrap_or_default())
    }

    fn write(&mut self, slot: U256, value: U256) -> Result<(), Infallible> {
        let Ok(mut account) = self.0.load_account_mut(STATE_ADDRESS);
        // Only a database can refuse, and this one cannot.
        let _ = account.data.sstore(slot, value, false);
        account.data.touch();
        if account.is_cold {
            account.data.unsafe_mark_cold();
        }
        Ok(())
    }
}

/// The chain as precompiles see it.
pub(super) struct ChainView<'a, DB: Database>(pub(super) &'a mut Ctx<DB>);

impl<DB: Database<Error = Infallible>> Slots for ChainView<'_, DB> {
    type Error = Infallible;

    fn read(&mut self, slot: U256) -> Result<U256, Infallible> {
        JournalSlots(&mut self.0.journaled_state).read(slot)
    }

    fn write(&mut self, slot: U256, value: U256) -> Result<(), Infallible> {
        JournalSlots(&mut self.0.journaled_state).write(slot, value)
    }
}

impl<DB: Database<Error = Infallible>> World for ChainView<'_, DB> {
    fn rules(&self) -> &Rules {
        &self.0.chain.rules
    }

    fn block(&self) -> &BlockContext {
        &self.0.chain.block
    }

    fn l1_fee(&self) -> U256 {
        self.0.chain.l1_fee
    }

    fn block_hash(&mut self, number: u64) -> B256 {
        let Ok(hash) = self.0.db_mut().block_hash(number);
        hash
    }

    fn balance(&mut self, address: Address) -> U256 {
        peek(&mut self.0.journaled_state, address, |account| account.info.balance)
    }

    fn code(&mut self, address: Address) -> Bytes {
        peek(&mut self.0.journaled_state, address, |account| {
            account.info.code.as_ref().map(|code| code.original_bytes()).unwrap_or_default()
        })
    }

    fn code_hash(&mut self, address: Address) -> B256 {
        peek(
            &mut self.0.journaled_state,
            address,
            |account| {
                if account.is_empty() { B256::ZERO } else { account.info.code_hash }
            },
        )
    }

    fn transfer(&mut self, from: Address, to: Address, amount: U256) -> bool {
        let Ok(failed) = self.0.journaled_state.transfer(from, to, amount);
        if failed.is_none() {
            self.0.chain.record_transfer(from, to, amount);
        }
        failed.is_none()
    }

    fn burn(&mut self, from: Address, amount: U256) -> bool {
        let Ok(mut account) = self.0.journaled_state.load_account_mut(from);
        let burned = account.data.decr_balance(amount);
        if burned {
            self.0.chain.record_transfer(from, Address::ZERO, amount);
        }
        burned
    }

    fn log(&mut self, log: Log) {
        self.0.journaled_state.log(log);
    }

    fn warm(&mut self, address: Address) -> bool {
        let Ok(load) = self.0.journaled_state.load_account_mut(address);
        load.is_cold
    }

    fn open_pages(&self) -> u16 {
        self.0.chain.pages.open
    }

    fn depth(&self) -> usize {
        self.0.chain.frames.len()
    }

    fn callers_caller(&self) -> Option<Address> {
        self.0.chain.frames.last().map(|frame| frame.caller)
    }
}
