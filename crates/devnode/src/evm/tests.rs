//! Transactions on a chain in memory: what Arbitrum changes of Ethereum's rules.

mod versions;

use alloy_primitives::{Address, B256, Bytes, U256, address, hex, keccak256};
use alloy_sol_types::SolCall;
use proptest::prelude::*;
use revm::DatabaseCommit;
use revm::bytecode::{Bytecode, opcode as op};
use revm::database::{CacheDB, EmptyDB};
use revm::state::AccountInfo;

use super::*;
use crate::arbos::precompiles::{
    ARB_DEBUG, ARB_OWNER, ARB_SYS, ARB_WASM, ArbDebug, ArbOwner, ArbSys, NODE_INTERFACE, NodeInterface,
};
use crate::arbos::{Genesis, genesis};

const ALICE: Address = address!("00000000000000000000000000000000000a11ce");
const CONTRACT: Address = address!("00000000000000000000000000000000000c0de0");
const OTHER: Address = address!("00000000000000000000000000000000000c0de1");
const NOBODY: Address = address!("000000000000000000000000000000000000dead");
const FEE: u64 = 100_000_000;

struct Chain {
    db: CacheDB<EmptyDB>,
    executor: Executor,
    block: BlockContext,
    nonce: u64,
}

impl Chain {
    fn new() -> Self {
        Self::of(Rules::default())
    }

    fn of(rules: Rules) -> Self {
        let mut db = CacheDB::new(EmptyDB::new());
        let settings = Genesis { chain_id: 412_346, owner: Address::ZERO, basefee: FEE };
        for account in genesis(&rules, &settings) {
            db.insert_account_info(account.address, account.info);
            for (slot, value) in account.storage {
                let Ok(()) = db.insert_account_storage(account.address, slot, value);
            }
        }
        let balance = U256::from(10).pow(U256::from(20));
        db.insert_account_info(ALICE, AccountInfo { balance, ..AccountInfo::default() });
        let block = BlockContext { number: 7, l1_number: 3, timestamp: 1_800_000_000, ..BlockContext::default() };
        Self { db, executor: Executor::new(rules), block, nonce: 0 }
    }

    /// A chain with one contract.
    fn with(code: &[u8]) -> Self {
        let mut chain = Self::new();
        chain.put(CONTRACT, code);
        chain
    }

    fn put(&mut self, address: Address, code: &[u8]) {
        let code = Bytecode::new_raw(code.to_vec().into());
        self.db.insert_account_info(address, AccountInfo { nonce: 1, ..AccountInfo::from_bytecode(code) });
    }

    fn tx(&self, to: Address) -> TxRequest {
        TxRequest {
            from: ALICE,
            to: Some(to),
            gas_limit: 1_000_000,
            max_fee: 1_000_000_000,
            nonce: Some(self.nonce),
            kind: 2,
            ..TxRequest::default()
        }
    }

    fn refusal(&mut self, tx: &TxRequest) -> TxError {
        self.executor.execute(&mut self.db, &self.block, tx, &Options::TRANSACTION).expect_err("it is refused")
    }

    /// Runs a transaction and keeps what it changed.
    fn run(&mut self, tx: &TxRequest) -> Execution {
        let options = Options { trace_calls: true, ..Options::TRANSACTION };
        let done = self.executor.execute(&mut self.db, &self.block, tx, &options).expect("it is executed");
        self.db.commit(done.state.clone());
        self.nonce += 1;
        done
    }

    fn call(&mut self, tx: &TxRequest) -> Execution {
        self.executor.execute(&mut self.db, &self.block, tx, &Options::CALL).expect("it is executed")
    }

    fn balance(&self, address: Address) -> U256 {
        self.db.cache.accounts.get(&address).map(|account| account.info.balance).unwrap_or_default()
    }

    fn supply(&self) -> U256 {
        self.db.cache.accounts.values().map(|account| account.info.balance).sum()
    }
}

/// Code that returns what one opcode pushes.
fn returns(opcode: u8) -> Vec<u8> {
    vec![opcode, op::PUSH1, 0, op::MSTORE, op::PUSH1, 32, op::PUSH1, 0, op::RETURN]
}

/// Init code that returns a code.
fn deploys(code: &[u8]) -> Bytes {
    let mut init = vec![op::PUSH2];
    init.extend((code.len() as u16).to_be_bytes());
    init.extend([op::DUP1, op::PUSH1, 12, op::PUSH1, 0, op::CODECOPY, op::PUSH1, 0, op::RETURN]);
    init.extend(code);
    init.into()
}

/// Code that calls an address with all gas and the call's own data by `CALL`, `DELEGATECALL` or `STATICCALL`, and
/// returns success and the returned data.
fn relays(opcode: u8, to: Address) -> Vec<u8> {
    let mut code = vec![op::CALLDATASIZE, op::PUSH1, 0, op::PUSH1, 0, op::CALLDATACOPY];
    code.extend([op::PUSH1, 0, op::PUSH1, 0, op::CALLDATASIZE, op::PUSH1, 0]);
    if opcode == op::CALL {
        code.push(op::CALLVALUE);
    }
    code.push(op::PUSH20);
    code.extend(to);
    code.extend([op::GAS, opcode, op::PUSH1, 0, op::MSTORE]);
    code.extend([op::RETURNDATASIZE, op::PUSH1, 0, op::PUSH1, 32, op::RETURNDATACOPY]);
    code.extend([op::RETURNDATASIZE, op::PUSH1, 32, op::ADD, op::PUSH1, 0, op::RETURN]);
    code
}

/// One word of return data.
fn word(output: &[u8]) -> U256 {
    U256::from_be_slice(output)
}

const LOOP: [u8; 4] = [op::JUMPDEST, op::PUSH1, 0, op::JUMP];

#[test]
fn a_transfer_moves_value_and_pays_the_network() {
    let mut chain = Chain::new();
    let supply = chain.supply();
    let before = chain.balance(ALICE);
    let done = chain.run(&TxRequest { value: U256::from(5), priority_fee: 7, ..chain.tx(NOBODY) });
    assert_eq!((done.status, done.gas_used), (Status::Success, 21_000));
    let fee = U256::from(21_000 * FEE);
    assert_eq!(chain.balance(NOBODY), U256::from(5));
    assert_eq!(before - chain.balance(ALICE), fee + U256::from(5), "tips are not taken");
    assert_eq!(chain.balance(Address::ZERO), fee);
    assert_eq!(chain.supply(), supply, "nothing is burned");
}

#[test]
fn the_infrastructure_account_earns_the_least_base_fee() {
    let mut chain = Chain::new();
    let own = chain.tx(ARB_DEBUG);
    chain.run(&TxRequest { data: ArbDebug::becomeChainOwnerCall::SELECTOR.into(), ..own });
    let set = ArbOwner::setInfraFeeAccountCall { account: OTHER }.abi_encode();
    chain.run(&TxRequest { data: set.into(), ..chain.tx(ARB_OWNER) });
    chain.block.basefee = 3 * FEE;
    let (infra, network) = (chain.balance(OTHER), chain.balance(Address::ZERO));
    chain.run(&chain.tx(NOBODY));
    assert_eq!(chain.balance(OTHER) - infra, U256::from(21_000 * FEE));
    assert_eq!(chain.balance(Address::ZERO) - network, U256::from(21_000 * FEE * 2));
}

#[test]
fn refused_transactions_are_told_in_geths_words() {
    let mut chain = Chain::new();
    chain.run(&chain.tx(NOBODY));
    let tx = chain.tx(NOBODY);
    let from = ALICE;
    let told = |tx: TxRequest| chain.refusal(&tx).to_string();
    let mut told = told;
    assert_eq!(
        told(TxRequest { nonce: Some(0), ..tx.clone() }),
        format!("nonce too low: address {from}, tx: 0 state: 1")
    );
    assert_eq!(
        told(TxRequest { nonce: Some(5), ..tx.clone() }),
        format!("nonce too high: address {from}, tx: 5 state: 1")
    );
    assert_eq!(
        told(TxRequest { max_fee: 99_999_999, ..tx.clone() }),
        format!("max fee per gas less than block base fee: address {from}, maxFeePerGas: 99999999, baseFee: 100000000")
    );
    assert_eq!(told(TxRequest { gas_limit: 20_999, ..tx.clone() }), "intrinsic gas too low: have 20999, want 21000");
    assert_eq!(
        told(TxRequest { to: None, data: vec![0; 49_153].into(), ..tx.clone() }),
        "max initcode size exceeded: code size 49153 limit 49152"
    );
    assert_eq!(told(TxRequest { kind: 3, ..tx.clone() }), "transaction type not supported");
    let tip = told(TxRequest { priority_fee: 2_000_000_000, ..tx.clone() });
    assert!(tip.starts_with("max priority fee per gas higher than max fee per gas: address"), "{tip}");
    let poor = told(TxRequest { from: NOBODY, nonce: Some(0), ..tx.clone() });
    assert_eq!(
        poor,
        format!("insufficient funds for gas * price + value: address {NOBODY} have 0 want 1000000000000000")
    );
    let whale = told(TxRequest { value: U256::MAX, ..tx.clone() });
    assert!(whale.ends_with(&format!("want {}", U256::MAX)), "{whale}");
    chain.put(CONTRACT, &LOOP);
    let contract = chain.refusal(&TxRequest { from: CONTRACT, nonce: Some(1), ..tx });
    assert_eq!(contract, TxError::SenderNotEoa { address: CONTRACT, length: 4 });
}

#[test]
fn opcodes_tell_arbitrums_surroundings() {
    for (opcode, expected) in [
        (op::NUMBER, U256::from(3)),
        (op::TIMESTAMP, U256::from(1_800_000_000)),
        (op::GASPRICE, U256::from(FEE)),
        (op::BASEFEE, U256::from(FEE)),
        (op::GASLIMIT, U256::from(1_u64 << 50)),
        (op::DIFFICULTY, U256::from(1)),
        (op::CHAINID, U256::from(412_346)),
        (op::COINBASE, BlockContext::COINBASE.into_word().into()),
        (op::ORIGIN, ALICE.into_word().into()),
    ] {
        let mut chain = Chain::with(&returns(opcode));
        let done = chain.run(&chain.tx(CONTRACT));
        assert_eq!(word(&done.output), expected, "opcode {opcode:#x}");
    }
}

#[test]
fn block_hashes_are_those_of_l1() {
    let code = |number: u8| [vec![op::PUSH1, number], returns(op::BLOCKHASH)].concat();
    let hash = |number| {
        let mut chain = Chain::with(&code(number));
        word(&chain.run(&chain.tx(CONTRACT)).output)
    };
    assert_eq!(hash(2), word(&keccak256([b"l1 block ".as_slice(), &2_u64.to_be_bytes()].concat())[..]));
    assert_ne!(hash(1), hash(2));
    for number in [3, 4, 200] {
        assert_eq!(hash(number), U256::ZERO, "block {number} is not past");
    }
}

#[test]
fn failures_are_told_in_geths_words() {
    for (code, words) in [
        (&[op::BLOBBASEFEE][..], "BLOBBASEFEE is not supported on Arbitrum"),
        (&[op::INVALID], "invalid opcode: INVALID"),
        (&[0x0c], "invalid opcode: opcode 0xc not defined"),
        (&[op::PUSH1, 3, op::JUMP], "invalid jump destination"),
        (&LOOP, "out of gas"),
    ] {
        let mut chain = Chain::with(code);
        let done = chain.run(&chain.tx(CONTRACT));
        assert_eq!((done.status, done.gas_used), (Status::Halt(words.to_owned()), 1_000_000));
        assert_eq!(done.call_trace.expect("calls were recorded").error.as_deref(), Some(words));
    }
}

#[test]
fn gas_above_the_limit_of_a_transaction_is_returned() {
    for (version, used) in [(51, 32_000_000), (40, 32_021_000)] {
        let mut chain = Chain::of(Rules::of(version).expect("a known version"));
        chain.put(CONTRACT, &LOOP);
        let before = chain.balance(ALICE);
        let done = chain.run(&TxRequest { gas_limit: 100_000_000, ..chain.tx(CONTRACT) });
        assert_eq!((done.status, done.gas_used), (Status::Halt("out of gas".into()), used), "ArbOS {version}");
        assert_eq!(before - chain.balance(ALICE), U256::from(used * FEE));
    }
}

#[test]
fn codes_that_begin_with_ef_must_be_programs() {
    let mut chain = Chain::new();
    for code in [&hex!("ef")[..], &hex!("ef0001"), &hex!("eff000"), &hex!("eff00100"), &hex!("ef010000")] {
        let done = chain.run(&TxRequest { to: None, data: deploys(code), ..chain.tx(NOBODY) });
        assert_eq!(done.status, Status::Halt("invalid code: must not begin with 0xef".into()), "{}", hex::encode(code));
        assert_eq!((done.gas_used, done.created), (1_000_000, None));
    }
    for code in [&hex!("eff00000")[..], &hex!("fe"), &[]] {
        let nonce = chain.nonce;
        let done = chain.run(&TxRequest { to: None, data: deploys(code), ..chain.tx(NOBODY) });
        assert_eq!(done.created, Some(ALICE.create(nonce)), "{}", hex::encode(code));
        assert_eq!(*done.output, *code);
    }
}

#[test]
fn codes_have_their_limit_and_their_price() {
    let mut chain = Chain::new();
    let blank = |size: u16| {
        let [high, low] = size.to_be_bytes();
        Bytes::from(vec![op::PUSH2, high, low, op::PUSH1, 0, op::RETURN])
    };
    let create = |chain: &mut Chain, size, gas_limit| {
        chain.run(&TxRequest { to: None, data: blank(size), gas_limit, ..chain.tx(NOBODY) })
    };
    assert_eq!(create(&mut chain, 24_577, 10_000_000).status, Status::Halt("max code size exceeded".into()));
    let done = create(&mut chain, 24_576, 10_000_000);
    assert_eq!((done.status, done.gas_used), (Status::Success, 4_971_736));
    assert_eq!(
        create(&mut chain, 1_000, 100_000).status,
        Status::Halt("contract creation code storage out of gas".into())
    );
}

#[test]
fn a_development_chain_may_take_larger_codes() {
    let mut chain = Chain::of(Rules { code_size_limit: 2 * 24_576, ..Rules::default() });
    let blank = Bytes::from(vec![op::PUSH2, 0xC0, 0x00, op::PUSH1, 0, op::RETURN]);
    let tx = TxRequest { to: None, data: blank, gas_limit: 20_000_000, ..chain.tx(NOBODY) };
    assert_eq!(chain.run(&tx).output.len(), 2 * 24_576);
}

#[test]
fn programs_must_be_active() {
    let mut chain = Chain::with(&hex!("eff000001b3f00388c94"));
    let words = "error ProgramNotActivated()";
    let done = chain.run(&chain.tx(CONTRACT));
    assert_eq!((done.status, done.gas_used), (Status::Halt(words.into()), 1_000_000));
    let init_code = Bytes::from_static(&hex!("eff000001b3f00388c94"));
    let done = chain.run(&TxRequest { to: None, data: init_code, ..chain.tx(CONTRACT) });
    assert_eq!((done.status, done.gas_used), (Status::Halt(words.into()), 1_000_000));
}

#[test]
fn calls_need_neither_nonce_nor_fee_nor_an_account_without_code() {
    let mut chain = Chain::with(&returns(op::BASEFEE));
    let call = TxRequest { from: CONTRACT, max_fee: 0, nonce: Some(99), kind: 0, ..chain.tx(CONTRACT) };
    assert_eq!(word(&chain.call(&call).output), U256::ZERO, "without a price, the base fee is zero");
    let funded = TxRequest { from: ALICE, max_fee: FEE.into(), ..call.clone() };
    assert_eq!(word(&chain.call(&funded).output), U256::from(FEE));
    let refused = chain.executor.execute(
        &mut chain.db,
        &chain.block,
        &TxRequest { value: U256::from(1), ..call },
        &Options::CALL,
    );
    assert!(matches!(refused, Err(TxError::InsufficientFunds { .. })));
}

#[test]
fn refunds_are_a_fifth_at_most_and_none_for_failures() {
    // Clears slot 0, which a second transaction finds set.
    let clears = [op::PUSH1, 0, op::PUSH1, 0, op::SSTORE];
    let mut chain = Chain::with(&clears);
    let Ok(()) = chain.db.insert_account_storage(CONTRACT, U256::ZERO, U256::from(1));
    let done = chain.run(&chain.tx(CONTRACT));
    let spent = 21_000 + 2 * 3 + 5_000;
    assert_eq!((done.gas_used + done.gas_refunded, done.gas_refunded), (spent, 4_800));

    let fails = [&clears[..], &[op::PUSH1, 0, op::PUSH1, 0, op::REVERT]].concat();
    let mut chain = Chain::with(&fails);
    let Ok(()) = chain.db.insert_account_storage(CONTRACT, U256::ZERO, U256::from(1));
    let done = chain.run(&chain.tx(CONTRACT));
    assert_eq!((done.status, done.gas_refunded), (Status::Revert, 0));
}

#[test]
fn access_lists_warm_what_they_name() {
    let mut chain = Chain::with(&[op::PUSH1, 1, op::SLOAD]);
    let cold = chain.run(&chain.tx(CONTRACT)).gas_used;
    let list = vec![(CONTRACT, vec![B256::with_last_byte(1)])];
    let listed = chain.run(&TxRequest { access_list: list, kind: 1, ..chain.tx(CONTRACT) }).gas_used;
    assert_eq!((cold, listed), (21_000 + 3 + 2_100, 21_000 + 2_400 + 1_900 + 3 + 100));
}

#[test]
fn precompiles_act_for_themselves_only() {
    let version = Bytes::from(crate::arbos::precompiles::ArbWasm::stylusVersionCall::SELECTOR.to_vec());
    for (opcode, success) in [(op::CALL, 1), (op::STATICCALL, 1), (op::DELEGATECALL, 0)] {
        let mut chain = Chain::with(&relays(opcode, ARB_WASM));
        let done = chain.run(&TxRequest { data: version.clone(), ..chain.tx(CONTRACT) });
        assert_eq!(word(&done.output[..32]), U256::from(success), "opcode {opcode:#x}");
        assert_eq!(done.output.len(), 32 + 32 * success);
    }
}

#[test]
fn precompiles_see_who_called_and_how_deep() {
    let top = Bytes::from(ArbSys::isTopLevelCallCall::SELECTOR.to_vec());
    let caller = Bytes::from(ArbSys::myCallersAddressWithoutAliasingCall::SELECTOR.to_vec());
    let mut chain = Chain::with(&relays(op::CALL, ARB_SYS));
    chain.put(OTHER, &relays(op::CALL, CONTRACT));
    let mut ask = |to, data: &Bytes| {
        let done = chain.run(&TxRequest { data: data.clone(), ..chain.tx(to) });
        word(&done.output[done.output.len() - 32..])
    };
    assert_eq!(ask(CONTRACT, &top), U256::from(1));
    assert_eq!(ask(OTHER, &top), U256::ZERO);
    assert_eq!(ask(CONTRACT, &caller), U256::from_be_slice(&ALICE[..]));
    assert_eq!(ask(OTHER, &caller), U256::from_be_slice(&OTHER[..]));
}

#[test]
fn the_node_answers_for_its_interface_in_calls_only() {
    let mut chain = Chain::with(&returns(op::NUMBER));
    let ask =
        |data: Vec<u8>| TxRequest { max_fee: 0, data: data.into(), gas_limit: 50_000_000, ..chain.tx(NODE_INTERFACE) };
    let genesis_block = ask(NodeInterface::nitroGenesisBlockCall {}.abi_encode());
    let estimate = |to| NodeInterface::gasEstimateComponentsCall { to, contractCreation: false, data: Bytes::new() };
    let estimate_code = ask(estimate(CONTRACT).abi_encode());
    let (nonsense, block) = (ask(vec![1, 2, 3, 4]), ask(NodeInterface::blockL1NumCall { l2BlockNum: 8 }.abi_encode()));

    assert_eq!(word(&chain.call(&genesis_block).output), U256::ZERO);
    let done = chain.call(&estimate_code);
    let told = NodeInterface::gasEstimateComponentsCall::abi_decode_returns(&done.output).expect("four words");
    let used = chain.run(&chain.tx(CONTRACT)).gas_used;
    assert!((used..used + 2_700).contains(&told.gasEstimate), "{} for {used}", told.gasEstimate);
    assert_eq!((told.gasEstimateForL1, told.baseFee), (0, U256::from(FEE)));
    for refused in [nonsense, block] {
        assert_eq!(chain.call(&refused).status, Status::Revert);
    }
    // On chain the account is empty.
    let done = chain.run(&TxRequest { data: genesis_block.data.clone(), ..chain.tx(NODE_INTERFACE) });
    assert_eq!((done.status, done.output.len()), (Status::Success, 0));
}

#[test]
fn calls_are_recorded_as_a_tree() {
    let mut chain = Chain::with(&relays(op::STATICCALL, OTHER));
    chain.put(OTHER, &[op::PUSH1, 1, op::PUSH1, 0, op::SSTORE]);
    let done = chain.run(&TxRequest { data: vec![9].into(), ..chain.tx(CONTRACT) });
    let root = done.call_trace.expect("calls were recorded");
    assert_eq!((root.kind, root.from, root.to), ("CALL", ALICE, Some(CONTRACT)));
    assert_eq!((root.gas, root.gas_used, root.error), (1_000_000, done.gas_used, None));
    let [call] = &root.calls[..] else { panic!("one call: {:?}", root.calls) };
    assert_eq!((call.kind, call.from, call.to, call.value), ("STATICCALL", CONTRACT, Some(OTHER), None));
    assert_eq!((call.error.as_deref(), call.gas_used), (Some("write protection"), call.gas));
    assert_eq!(call.input, vec![9]);
}

#[test]
fn calls_go_1024_deep() {
    let mut chain = Chain::with(&relays(op::CALL, CONTRACT));
    let call = TxRequest { max_fee: 0, gas_limit: 1 << 50, ..chain.tx(CONTRACT) };
    let options = Options { trace_calls: true, ..Options::CALL };
    let done = chain.executor.execute(&mut chain.db, &chain.block, &call, &options).expect("it is executed");
    let root = done.call_trace.expect("calls were recorded");
    let (mut frame, mut depth) = (&root, 0);
    while let [inner] = &frame.calls[..] {
        (frame, depth) = (inner, depth + 1);
    }
    assert_eq!((done.status, depth), (Status::Success, 1_025));
    assert_eq!(frame.error.as_deref(), Some("max call depth exceeded"));
}

fn any_target() -> impl Strategy<Value = Option<Address>> {
    prop_oneof![
        1 => Just(None),
        4 => (0x64_u8..=0x74).prop_map(|byte| Some(Address::with_last_byte(byte))),
        2 => prop_oneof![Just(ARB_DEBUG), Just(NODE_INTERFACE), Just(CONTRACT), Just(NOBODY)].prop_map(Some),
        1 => (0_u8..=0x12).prop_map(|byte| Some(Address::with_last_byte(byte))),
    ]
}

/// Selectors that are there, with any bytes behind, or any bytes.
fn any_data() -> impl Strategy<Value = Bytes> {
    let selectors = [
        ArbDebug::becomeChainOwnerCall::SELECTOR,
        ArbOwner::setInkPriceCall::SELECTOR,
        ArbSys::sendTxToL1Call::SELECTOR,
        ArbSys::arbBlockHashCall::SELECTOR,
        crate::arbos::precompiles::ArbWasm::activateProgramCall::SELECTOR,
        crate::arbos::precompiles::ArbWasm::codehashKeepaliveCall::SELECTOR,
        crate::arbos::precompiles::ArbWasmCache::evictCodehashCall::SELECTOR,
        NodeInterface::gasEstimateComponentsCall::SELECTOR,
    ];
    let bytes = proptest::collection::vec(any::<u8>(), 0..200);
    (proptest::option::of(proptest::sample::select(selectors.to_vec())), bytes)
        .prop_map(|(selector, bytes)| [selector.map(Vec::from).unwrap_or_default(), bytes].concat().into())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is sent, an execution ends, uses no more than its gas, and neither makes wei nor (but for withdrawals)
    /// destroys any.
    #[test]
    fn anything_can_be_sent(
        txs in proptest::collection::vec((any_target(), any_data(), 0_u64..3_000_000, 0_u64..1_000, 0_u8..5), 1..6)
    ) {
        let mut chain = Chain::with(&relays(op::CALL, ARB_SYS));
        for (to, data, gas_limit, value, kind) in txs {
            let tx = TxRequest { to, data, gas_limit, value: U256::from(value), kind, ..chain.tx(NOBODY) };
            let supply = chain.supply();
            if let Ok(done) = chain.executor.execute(&mut chain.db, &chain.block, &tx, &Options::CALL) {
                prop_assert!(done.gas_used <= gas_limit);
            }
            let Ok(done) = chain.executor.execute(&mut chain.db, &chain.block, &tx, &Options::TRANSACTION) else { continue };
            prop_assert!(done.gas_used <= gas_limit && done.gas_refunded <= done.gas_used);
            let sent = done.logs.iter().any(|log| log.address == ARB_SYS);
            chain.db.commit(done.state);
            chain.nonce += 1;
            let after = chain.supply();
            prop_assert!(after == supply || (sent && after + U256::from(value) == supply), "{supply} became {after}");
        }
    }
}
