//! A world small enough to read in one go: accounts without an EVM under a program, and transactions that call it.

use std::collections::{HashMap, HashSet};

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, address, keccak256};
use devnode::{
    rules::Rules,
    wasm::{
        ActivationError, CallOutcome, CallRequest, CreateOutcome, CreateRequest, Engine, Environment, Exit, Fatal,
        Host, HostError, HostioTrace, Invocation, Loaded, Module, Outcome, Pages, ProgramCosts, StorageWrite,
        StylusParams, compile_for,
    },
};

/// A program for each engine that there is. Whatever is done with it is done by all of them, and compared.
pub(crate) struct Program(Vec<Module>);

/// Compiles a module that was activated.
pub(crate) fn compile(wasm: &[u8], rules: &Rules) -> Result<Program, ActivationError> {
    let compile = |&engine: &Engine| {
        let module = compile_for(engine, wasm, rules)?;
        assert_eq!(module.engine(), engine, "it is not left to another");
        Ok(module)
    };
    Engine::ALL.iter().map(compile).collect::<Result<_, _>>().map(Program)
}

/// An account of the world.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Account {
    pub(crate) balance: U256,
    pub(crate) code: Bytes,
}

/// What programs run on here.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct World {
    pub(crate) params: StylusParams,
    pub(crate) accounts: HashMap<Address, Account>,
    pub(crate) storage: HashMap<U256, U256>,
}

/// A transaction that calls a program.
#[derive(Clone, Debug)]
pub(crate) struct Transaction {
    pub(crate) from: Address,
    pub(crate) to: Address,
    pub(crate) value: U256,
    pub(crate) data: Bytes,
    pub(crate) gas: u64,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Receipt {
    pub(crate) exit: Exit,
    pub(crate) output: Bytes,
    pub(crate) gas_used: u64,
    pub(crate) logs: Vec<(Vec<B256>, Bytes)>,
    pub(crate) trace: HostioTrace,
}

/// Most gas that a transaction may execute with.
const EXECUTION_CAP: u64 = 32_000_000;

impl World {
    /// Runs a transaction; effects of failures are undone.
    pub(crate) fn transact(
        &mut self,
        rules: &Rules,
        program: &Program,
        costs: ProgramCosts,
        tx: &Transaction,
    ) -> Receipt {
        self.on_each(
            program,
            |receipt: &mut Receipt| &mut receipt.exit,
            |world, module| world.transact_on(rules, module, costs, tx),
        )
    }

    /// Runs on each engine; everything that can be seen must be equal, but for what people are told.
    fn on_each<T>(
        &mut self,
        program: &Program,
        exit: impl Fn(&mut T) -> &mut Exit,
        run: impl Fn(&mut Self, &Module) -> T,
    ) -> T
    where
        T: Clone + PartialEq + std::fmt::Debug,
    {
        let without_text = |mut of: T| {
            if let Exit::Failure(text) = exit(&mut of) {
                text.clear();
            }
            of
        };
        let shown = |of: &T| format!("{of:?}").chars().take(3_000).collect::<String>();
        let before = self.clone();
        let first = run(self, &program.0[0]);
        for module in &program.0[1..] {
            let mut world = before.clone();
            let (other, first) = (without_text(run(&mut world, module)), without_text(first.clone()));
            assert!(other == first, "{}: {}\ninterpreter: {}", module.engine(), shown(&other), shown(&first));
            assert!(world == *self, "another state by {}", module.engine());
        }
        first
    }

    fn transact_on(&mut self, rules: &Rules, module: &Module, costs: ProgramCosts, tx: &Transaction) -> Receipt {
        let params = self.params;
        let before = self.clone();
        self.accounts.entry(tx.to).or_default().balance += tx.value;
        let mut frame = Frame::new(self, tx);
        let env = environment(tx);
        let intrinsic = intrinsic_gas(&tx.data);
        let available = tx.gas - intrinsic;
        let gas = available.min(EXECUTION_CAP - intrinsic);
        let outcome = Invocation { module, rules, params: &params, costs, env: &env, calldata: &tx.data, gas }
            .run(&mut frame)
            .expect("this world does not fail");
        let Frame { refund, logs, trace, .. } = frame;
        let success = outcome.exit == Exit::Success;
        if !success {
            *self = before;
        }
        let spent = intrinsic + (gas - outcome.gas_left);
        let refund =
            if success { (spent / 5).min(refund.try_into().expect("refunds sum up to no less than zero")) } else { 0 };
        Receipt {
            exit: outcome.exit,
            output: outcome.output,
            gas_used: spent - refund,
            logs: if success { logs } else { Vec::new() },
            trace,
        }
    }
}

impl World {
    /// Runs a program with this gas and no transaction around it.
    pub(crate) fn invoke(
        &mut self,
        rules: &Rules,
        program: &Program,
        costs: ProgramCosts,
        calldata: &[u8],
        gas: u64,
    ) -> (Outcome, HostioTrace) {
        let params = self.params;
        let tx = Transaction {
            from: Address::repeat_byte(1),
            to: Address::repeat_byte(2),
            value: U256::ZERO,
            data: calldata.to_vec().into(),
            gas,
        };
        let env = environment(&tx);
        self.on_each(
            program,
            |(outcome, _): &mut (Outcome, HostioTrace)| &mut outcome.exit,
            |world, module| {
                let mut frame = Frame::new(world, &tx);
                let outcome = Invocation { module, rules, params: &params, costs, env: &env, calldata, gas }
                    .run(&mut frame)
                    .expect("this world does not fail");
                (outcome, frame.trace)
            },
        )
    }
}

/// Gas of a transaction before it runs.
pub(crate) fn intrinsic_gas(data: &[u8]) -> u64 {
    21_000 + data.iter().map(|&byte| if byte == 0 { 4 } else { 16 }).sum::<u64>()
}

fn environment(tx: &Transaction) -> Environment {
    Environment {
        block_basefee: U256::from(100_000_000),
        block_coinbase: address!("a4b000000000000000000073657175656e636572"),
        block_gas_limit: 1 << 50,
        block_number: 0,
        block_timestamp: 1_700_000_000,
        chain_id: 412_346,
        contract_address: tx.to,
        msg_sender: tx.from,
        msg_value: tx.value,
        tx_gas_price: U256::from(100_000_000),
        tx_origin: tx.from,
        reentrant: false,
        is_static: false,
        max_code_size: 24_576,
    }
}

/// The one frame of a transaction.
pub(crate) struct Frame<'w> {
    world: &'w mut World,
    original: HashMap<U256, U256>,
    transient: HashMap<U256, U256>,
    warm_slots: HashSet<U256>,
    warm_accounts: HashSet<Address>,
    pages: Pages,
    refund: i64,
    logs: Vec<(Vec<B256>, Bytes)>,
    trace: HostioTrace,
}

impl<'w> Frame<'w> {
    fn new(world: &'w mut World, tx: &Transaction) -> Self {
        let precompiles = (1..=0x11).chain(0x64..=0x73).map(|n: u16| Address::left_padding_from(&n.to_be_bytes()));
        Self {
            original: world.storage.clone(),
            world,
            transient: HashMap::new(),
            warm_slots: HashSet::new(),
            warm_accounts: precompiles.chain([tx.from, tx.to]).collect(),
            pages: Pages::default(),
            refund: 0,
            logs: Vec::new(),
            trace: HostioTrace::default(),
        }
    }

    fn touch<T>(&mut self, address: Address, value: T) -> Loaded<T> {
        Loaded { value, cold: self.warm_accounts.insert(address) }
    }
}

impl Host for Frame<'_> {
    fn sload(&mut self, key: U256) -> Result<Loaded<U256>, Fatal> {
        let cold = self.warm_slots.insert(key);
        Ok(Loaded { value: self.world.storage.get(&key).copied().unwrap_or_default(), cold })
    }

    fn sstore(&mut self, key: U256, value: U256) -> Result<StorageWrite, Fatal> {
        let cold = self.warm_slots.insert(key);
        let present = self.world.storage.insert(key, value).unwrap_or_default();
        let original = self.original.get(&key).copied().unwrap_or_default();
        Ok(StorageWrite { cold, original, present, new: value })
    }

    fn refund(&mut self, delta: i64) {
        self.refund += delta;
    }

    fn tload(&mut self, key: U256) -> U256 {
        self.transient.get(&key).copied().unwrap_or_default()
    }

    fn tstore(&mut self, key: U256, value: U256) {
        self.transient.insert(key, value);
    }

    fn call(&mut self, request: CallRequest) -> Result<CallOutcome, Fatal> {
        // nobody is at home anywhere: calls succeed at once and leave no record
        let cold = self.warm_accounts.insert(request.target);
        Ok(CallOutcome { success: true, cost: if cold { 2_600 } else { 100 }, output: Bytes::new() })
    }

    fn create(&mut self, _request: CreateRequest) -> Result<CreateOutcome, HostError> {
        Err(HostError::Refused("nothing is created here"))
    }

    fn log(&mut self, topics: Vec<B256>, data: Bytes) -> Result<(), Fatal> {
        self.logs.push((topics, data));
        Ok(())
    }

    fn balance(&mut self, address: Address) -> Result<Loaded<U256>, Fatal> {
        let balance = self.world.accounts.get(&address).map(|account| account.balance).unwrap_or_default();
        Ok(self.touch(address, balance))
    }

    fn code(&mut self, address: Address) -> Result<Loaded<Bytes>, Fatal> {
        let code = self.world.accounts.get(&address).map(|account| account.code.clone()).unwrap_or_default();
        Ok(self.touch(address, code))
    }

    fn code_hash(&mut self, address: Address) -> Result<Loaded<B256>, Fatal> {
        let hash = match self.world.accounts.get(&address) {
            None => B256::ZERO,
            Some(account) if account.code.is_empty() => KECCAK256_EMPTY,
            Some(account) => keccak256(&account.code),
        };
        Ok(self.touch(address, hash))
    }

    fn pages(&mut self) -> &mut Pages {
        &mut self.pages
    }

    fn trace(&mut self) -> Option<&mut HostioTrace> {
        Some(&mut self.trace)
    }
}
