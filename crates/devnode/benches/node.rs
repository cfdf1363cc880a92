//! How long things take in one process: `cargo bench -p devnode`.

use std::hint::black_box;
use std::sync::Arc;

use alloy_primitives::{Address, Bytes, U256, address, hex};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use devnode::accounts::DEV_ACCOUNTS;
use devnode::chain::{BlockRef, CallAt, CallRequest, SendRequest};
use devnode::evm::Options;
use devnode::rpc::Api;
use devnode::rules::Rules;
use devnode::wasm::{Engine, StylusParams, activate, compile_for, decompress};
use devnode::{Config, Node};
use serde_json::json;
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, ElementSection, Elements, EntityType, ExportKind, ExportSection,
    Function, FunctionSection, GlobalSection, GlobalType, ImportSection, Instruction, MemArg, MemArgTarget,
    MemorySection, MemoryType, Module, RefType, TableSection, TableType, TypeSection, ValType,
};

const ARB_WASM: Address = address!("0000000000000000000000000000000000000071");
/// Gas of the calls that only compute.
const COMPUTE_GAS: u64 = 30_000_000;

/// A chain and the transactions of its first account.
struct Chain {
    node: Arc<Node>,
    nonce: u64,
}

impl Chain {
    fn new() -> Self {
        Self::with(Engine::default())
    }

    fn with(engine: Engine) -> Self {
        let node = Node::new(Config { history: 128, engine, ..Config::default() }).expect("a possible configuration");
        Self { node: Arc::new(node), nonce: 0 }
    }

    fn sign(&mut self, to: Option<Address>, value: u64, gas_limit: u64, input: Bytes) -> Bytes {
        let call = CallRequest {
            to,
            gas: Some(gas_limit),
            value: U256::from(value),
            data: input,
            nonce: Some(self.nonce),
            ..CallRequest::default()
        };
        self.nonce += 1;
        let tx = self.node.sign_transaction(&SendRequest { call, ..SendRequest::default() });
        tx.expect("the first account's key").raw().clone()
    }

    fn transfer(&mut self) -> Bytes {
        self.sign(Some(Address::repeat_byte(0x77)), 1, 21_000, Bytes::new())
    }

    /// Deploys and activates the recorded program that does what its calldata says.
    fn probe(&mut self) -> Address {
        let program = DEV_ACCOUNTS[0].address.create(self.nonce);
        let deploy = self.sign(None, 0, 10_000_000, recorded("deploy probe"));
        self.node.send_raw(deploy).expect("it is accepted");
        let data = [&hex!("58c780c2")[..], &program.into_word()[..]].concat();
        let activate = self.sign(Some(ARB_WASM), 1_000_000_000_000_000_000, 30_000_000, data.into());
        let hash = self.node.send_raw(activate).expect("it is accepted");
        let (block, index) = self.node.find(hash).expect("it was mined");
        assert!(block.transactions[index].receipt.success);
        program
    }
}

/// What a recorded step sends.
fn recorded(id: &str) -> Bytes {
    let path = format!("{}/tests/vectors/programs.json", env!("CARGO_MANIFEST_DIR"));
    let suite: serde_json::Value = serde_json::from_slice(&std::fs::read(path).expect("a suite")).expect("JSON");
    let steps = suite["steps"].as_array().expect("steps");
    let step = steps.iter().find(|step| step["id"] == id).expect("such a step");
    step["data"].as_str().expect("data").parse().expect("hex")
}

fn call(to: Address, data: Vec<u8>, gas: u64) -> CallRequest {
    CallRequest { to: Some(to), data: data.into(), gas: Some(gas), ..CallRequest::default() }
}

fn calls(c: &mut Criterion) {
    Engine::ALL.iter().for_each(|&engine| calls_with(c, engine));
}

fn calls_with(c: &mut Criterion, engine: Engine) {
    let mut chain = Chain::with(engine);
    let program = chain.probe();
    let latest = CallAt::from(BlockRef::Latest);
    // asks for the chain's id and loads a slot
    let script = [&[0x15, 0x01][..], &[0; 32]].concat();
    c.bench_function(&format!("{engine}/cached small program, eth_call in process"), |b| {
        let call = call(program, script.clone(), 1_000_000);
        b.iter(|| black_box(chain.node.call(&call, &latest, Options::CALL)).expect("it is executed"));
    });

    let empty = call(Address::repeat_byte(0x66), Vec::new(), 1_000_000);
    c.bench_function(&format!("{engine}/call of nothing, eth_call in process"), |b| {
        b.iter(|| black_box(chain.node.call(&empty, &latest, Options::CALL)).expect("it is executed"));
    });

    // multiplies and adds until its gas is gone
    let mut group = c.benchmark_group(engine.to_string());
    group.throughput(Throughput::Elements(COMPUTE_GAS)).sample_size(10);
    group.bench_function("gas of pure computation", |b| {
        let call = call(program, vec![0x3a, 0xFF, 0xFF, 0xFF, 0xFF], COMPUTE_GAS + 21_000);
        b.iter(|| black_box(chain.node.call(&call, &latest, Options::CALL)).expect("it is executed"));
    });
    group.finish();
}

fn transactions(c: &mut Criterion) {
    let mut chain = Chain::new();
    let node = chain.node.clone();
    c.bench_function("transfer, from its bytes to its block", |b| {
        b.iter_batched(
            || chain.transfer(),
            |raw| node.send_raw(raw).expect("it is accepted"),
            BatchSize::NumIterations(1),
        );
    });

    let mut chain = Chain::new();
    let program = chain.probe();
    let node = chain.node.clone();
    c.bench_function("transaction that calls a program and stores", |b| {
        let mut value = 0_u64;
        let mut sign = || {
            value += 1;
            let value = U256::from(value).to_be_bytes::<32>();
            let script = [&[0x02][..], &[0; 32], &value, &[0x03, 0]].concat();
            chain.sign(Some(program), 0, 1_000_000, script.into())
        };
        b.iter_batched(&mut sign, |raw| node.send_raw(raw).expect("it is accepted"), BatchSize::NumIterations(1));
    });

    let mut chain = Chain::new();
    let api = Api::new(chain.node.clone());
    c.bench_function("eth_sendRawTransaction and its receipt, in process", |b| {
        b.iter_batched(
            || json!([chain.transfer()]),
            |raw| {
                let hash = api.request("eth_sendRawTransaction", raw).expect("it is accepted");
                api.request("eth_getTransactionReceipt", json!([hash])).expect("it is there")
            },
            BatchSize::NumIterations(1),
        );
    });
}

/// A module of about 80 KB: functions of the kinds of instructions that compilers emit, a table, data.
fn large_module() -> Vec<u8> {
    const FUNCTIONS: u32 = 245;
    let memory = MemArg { offset: 16, align: 2, target: MemArgTarget::Memory(0), ordering: None };
    let (mut types, mut functions, mut code) = (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    types.ty().function([ValType::I32], [ValType::I32]);
    types.ty().function([ValType::I32], []);
    let mut imports = ImportSection::new();
    imports.import("vm_hooks", "read_args", EntityType::Function(1));
    imports.import("vm_hooks", "pay_for_memory_grow", EntityType::Function(1));
    for number in 0..FUNCTIONS {
        functions.function(0);
        let mut body = Function::new([(4, ValType::I32), (2, ValType::I64)]);
        for round in 0..7_i32 {
            for instruction in [
                Instruction::LocalGet(0),
                Instruction::I32Load(memory),
                Instruction::I32Const(round * 0x0123_4567),
                Instruction::I32Mul,
                Instruction::LocalTee(1),
                Instruction::I32Const(0x7FFF),
                Instruction::I32And,
                Instruction::If(BlockType::Empty),
                Instruction::LocalGet(0),
                Instruction::LocalGet(1),
                Instruction::I32Store(memory),
                Instruction::LocalGet(1),
                Instruction::I64ExtendI32U,
                Instruction::LocalGet(5),
                Instruction::I64Add,
                Instruction::LocalSet(5),
                Instruction::Else,
                Instruction::LocalGet(2),
                Instruction::I32Const(1),
                Instruction::I32Sub,
                Instruction::LocalSet(2),
                Instruction::End,
            ] {
                body.instruction(&instruction);
            }
        }
        // each calls one further on; the last ends the chain
        let next = if number + 1 < FUNCTIONS { number + 3 } else { 0 };
        if next != 0 {
            body.instruction(&Instruction::LocalGet(2)).instruction(&Instruction::Call(next));
        } else {
            body.instruction(&Instruction::LocalGet(2));
        }
        body.instruction(&Instruction::End);
        code.function(&body);
    }
    let (mut tables, mut elements) = (TableSection::new(), ElementSection::new());
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: 64,
        maximum: Some(64),
        shared: false,
    });
    elements.active(None, &ConstExpr::i32_const(0), Elements::Functions((2..66).collect::<Vec<u32>>().into()));
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: 2, maximum: None, memory64: false, shared: false, page_size_log2: None });
    let mut globals = GlobalSection::new();
    let stack = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
    globals.global(stack, &ConstExpr::i32_const(65_536));
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0).export("user_entrypoint", ExportKind::Func, 2);
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(1_024), vec![0x5A; 4_096]);
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&tables).section(&memories);
    module.section(&globals).section(&exports).section(&elements).section(&code).section(&data);
    module.finish()
}

fn programs(c: &mut Criterion) {
    let (rules, params) = (Rules::default(), StylusParams::default());
    let wasm = large_module();
    assert!((75_000..90_000).contains(&wasm.len()), "{} bytes", wasm.len());
    let mut group = c.benchmark_group("program of 80 KB");
    group
        .bench_function("activation", |b| b.iter(|| activate(black_box(&wasm), &rules, &params, 0).expect("accepted")));
    for &engine in Engine::ALL {
        group.bench_function(format!("compilation, {engine}"), |b| {
            b.iter(|| compile_for(engine, black_box(&wasm), &rules).expect("accepted"));
        });
    }
    group.finish();

    let code = recorded("deploy probe").slice(47..);
    c.bench_function("unpacking of a small program", |b| {
        b.iter(|| decompress(0, black_box(&code), params.max_wasm_size).expect("it was deployed"));
    });
}

criterion_group!(benches, calls, transactions, programs);
criterion_main!(benches);
