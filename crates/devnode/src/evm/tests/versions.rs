//! What differs between ArbOS versions, each rule on a chain of every version.

use alloy_primitives::LogData;

use super::*;
use crate::arbos::precompiles::{ArbOwnerPublic, ArbWasm};
use crate::arbos::state::space;
use crate::wasm::code::{ProgramCode, decompress};
use crate::wasm::prices::MAX_WASM_SIZE;

const ARB_OWNER_PUBLIC: Address = address!("000000000000000000000000000000000000006b");
/// A program's account.
const PROGRAM: Address = address!("00000000000000000000000000000000000b0de0");
const GAS: u64 = 30_000_000;

fn chain(version: u64) -> Chain {
    Chain::of(Rules::of(version).expect("a known version"))
}

/// Code of the recorded program that does what its calldata says.
fn probe() -> Bytes {
    let path = format!("{}/tests/vectors/programs.json", env!("CARGO_MANIFEST_DIR"));
    let suite: serde_json::Value = serde_json::from_slice(&std::fs::read(path).expect("a suite")).expect("JSON");
    let steps = suite["steps"].as_array().expect("steps");
    let step = steps.iter().find(|step| step["id"] == "deploy probe").expect("it is deployed");
    step["data"].as_str().expect("data").parse::<Bytes>().expect("hex").slice(43..)
}

fn fragment(number: usize) -> Address {
    Address::left_padding_from(&[0xF0, number as u8])
}

/// Puts a program of so many pieces onto a chain. `length` is what its root says of the module's.
fn put_fragments(chain: &mut Chain, pieces: usize, length: usize) {
    let code = probe();
    let compressed = &code[4..];
    let mut root = hex!("eff00200").to_vec();
    root.extend((length as u32).to_be_bytes());
    for (number, piece) in compressed.chunks(compressed.len().div_ceil(pieces)).enumerate() {
        chain.put(fragment(number), &[&hex!("eff001"), piece].concat());
        root.extend(fragment(number));
    }
    chain.put(PROGRAM, &root);
}

fn probe_length() -> usize {
    let code = probe();
    let Some(ProgramCode::Classic { dictionary, compressed }) = ProgramCode::parse(&code, &Rules::default()) else {
        panic!("a classic program")
    };
    decompress(dictionary, compressed, MAX_WASM_SIZE).expect("it was deployed").len()
}

impl Chain {
    fn activate(&mut self, program: Address) -> Execution {
        let data = ArbWasm::activateProgramCall { program }.abi_encode().into();
        let value = U256::from(10).pow(U256::from(18));
        self.run(&TxRequest { data, value, gas_limit: GAS, ..self.tx(ARB_WASM) })
    }

    /// A chain on which the recorded program is active.
    fn with_probe(version: u64) -> Self {
        let mut chain = chain(version);
        chain.put(PROGRAM, &probe());
        assert_eq!(chain.activate(PROGRAM).status, Status::Success, "ArbOS {version}");
        chain
    }

    fn script(&mut self, script: Vec<u8>, gas_limit: u64) -> Execution {
        self.run(&TxRequest { data: script.into(), gas_limit, ..self.tx(PROGRAM) })
    }

    fn own(&mut self) {
        let tx = self.tx(ARB_DEBUG);
        self.run(&TxRequest { data: ArbDebug::becomeChainOwnerCall::SELECTOR.into(), ..tx });
    }

    fn as_owner(&mut self, call: impl SolCall) -> Execution {
        self.run(&TxRequest { data: call.abi_encode().into(), ..self.tx(ARB_OWNER) })
    }

    fn ask(&mut self, to: Address, call: impl SolCall) -> Execution {
        self.call(&TxRequest { max_fee: 0, data: call.abi_encode().into(), ..self.tx(to) })
    }
}

#[test]
fn the_stack_of_programs_was_once_larger() {
    for (version, words) in [(40, 262_144), (51, 22_000), (61, 22_000)] {
        let mut chain = chain(version);
        let told = chain.ask(ARB_WASM, ArbWasm::maxStackDepthCall {});
        assert_eq!(word(&told.output), U256::from(words), "ArbOS {version}");
        chain.own();
        let more = ArbOwner::setWasmMaxStackDepthCall { depth: words + 1 };
        assert_eq!(chain.as_owner(more).status, Status::Revert, "ArbOS {version}");
        assert_eq!(chain.as_owner(ArbOwner::setWasmMaxStackDepthCall { depth: words }).status, Status::Success);
    }
}

#[test]
fn opcodes_of_osaka_come_with_fifty() {
    const CLZ: u8 = 0x1e;
    for (version, known) in [(40, false), (51, true), (61, true)] {
        let mut chain = chain(version);
        chain.put(CONTRACT, &[&[op::PUSH1, 1], &returns(CLZ)[..]].concat());
        let done = chain.run(&chain.tx(CONTRACT));
        assert_eq!(done.is_success(), known, "ArbOS {version}");
        assert!(!known || word(&done.output) == U256::from(255));
    }
}

#[test]
fn a_flush_that_runs_out_of_gas_was_once_a_revert() {
    // forty words for which there is no gas: each costs 22,100
    let mut script = Vec::new();
    for slot in 0..40_u8 {
        script.push(0x02);
        script.extend([B256::with_last_byte(slot), B256::with_last_byte(1)].concat());
    }
    script.extend([0x03, 0]);
    for (version, is_revert) in [(40, true), (51, false), (61, false)] {
        let mut chain = Chain::with_probe(version);
        let done = chain.script(script.clone(), 400_000);
        let expected = if is_revert { Status::Revert } else { Status::Halt("out of gas".into()) };
        assert_eq!(done.status, expected, "ArbOS {version}");
        // what was written is not even charged
        assert!(if is_revert { done.gas_used < 120_000 } else { done.gas_used == 400_000 }, "{}", done.gas_used);
        let slots = done.state.get(&PROGRAM).map(|account| account.storage.values().any(|slot| slot.is_changed()));
        assert_ne!(slots, Some(true), "nothing remains");
    }
}

#[test]
fn programs_in_fragments_come_with_sixty_one() {
    let length = probe_length();
    for pieces in 1..=5 {
        for version in Rules::VERSIONS {
            let mut chain = chain(version);
            put_fragments(&mut chain, pieces, length);
            let done = chain.activate(PROGRAM);
            let accepted = version == 61 && pieces <= 4;
            let expected = if accepted { Status::Success } else { Status::Revert };
            assert_eq!(done.status, expected, "{pieces} pieces, ArbOS {version}");
            if accepted {
                // it tells the chain's id
                let done = chain.script(vec![0x15], 1_000_000);
                assert_eq!(done.output[..], 412_346_u64.to_be_bytes(), "{pieces} pieces");
            }
        }
    }
}

#[test]
fn owners_say_how_many_fragments_there_may_be() {
    for version in [40, 51] {
        let mut chain = chain(version);
        chain.own();
        assert!(!chain.as_owner(ArbOwner::setMaxStylusContractFragmentsCall { count: 4 }).is_success());
        assert!(!chain.ask(ARB_OWNER_PUBLIC, ArbOwnerPublic::getMaxStylusContractFragmentsCall {}).is_success());
    }
    let mut chain = chain(61);
    let told = |chain: &mut Chain| {
        word(&chain.ask(ARB_OWNER_PUBLIC, ArbOwnerPublic::getMaxStylusContractFragmentsCall {}).output)
    };
    assert_eq!(told(&mut chain), U256::from(4));
    chain.own();
    assert!(chain.as_owner(ArbOwner::setMaxStylusContractFragmentsCall { count: 1 }).is_success());
    assert_eq!(told(&mut chain), U256::from(1));
    put_fragments(&mut chain, 2, probe_length());
    assert_eq!(chain.activate(PROGRAM).status, Status::Revert);
    put_fragments(&mut chain, 1, probe_length());
    assert_eq!(chain.activate(PROGRAM).status, Status::Success);
}

#[test]
fn a_root_must_say_how_long_its_module_is() {
    let length = probe_length();
    for wrong in [0, length - 1, length + 1, MAX_WASM_SIZE as usize + 1] {
        let mut chain = chain(61);
        put_fragments(&mut chain, 2, wrong);
        let done = chain.activate(PROGRAM);
        assert_eq!((done.status, done.output.len()), (Status::Revert, 0), "{wrong}");
        assert!(done.gas_used < GAS, "gas is kept");
    }
}

#[test]
fn each_fragment_costs_its_words_and_a_cold_account() {
    let used = |pieces| {
        let mut chain = chain(61);
        put_fragments(&mut chain, pieces, probe_length());
        let fee = |log: &LogData| U256::from_be_slice(&log.data[64..96]);
        let done = chain.activate(PROGRAM);
        assert!(!fee(&done.logs[0].data).is_zero());
        done.gas_used
    };
    let words = |pieces: usize| {
        let compressed = probe().len() - 4;
        let each = compressed.div_ceil(pieces);
        (0..pieces).map(|i| (3 + each.min(compressed - i * each)).div_ceil(32) as u64).sum::<u64>()
    };
    assert_eq!(used(4) - used(1), 3 * 2_600 + 3 * (words(4) - words(1)));
}

#[test]
fn fragments_are_neither_called_nor_activated() {
    let mut chain = chain(61);
    put_fragments(&mut chain, 2, probe_length());
    let done = chain.run(&chain.tx(fragment(0)));
    assert!(matches!(done.status, Status::Halt(_)), "{:?}", done.status);
    assert_eq!(done.gas_used, 1_000_000);
    let done = chain.activate(fragment(0));
    assert_eq!((done.status, &done.output[..]), (Status::Revert, &hex!("27f38212")[..]));
}

#[test]
fn roots_and_fragments_can_be_created_from_sixty_one_on() {
    for (version, created) in [(40, false), (51, false), (61, true)] {
        for code in [&hex!("eff00105")[..], &hex!("eff002000000000500000000000000000000000000000000000000f0")] {
            let mut chain = chain(version);
            let done = chain.run(&TxRequest { to: None, data: deploys(code), ..chain.tx(NOBODY) });
            assert_eq!(done.is_success(), created, "ArbOS {version}");
        }
    }
}

/// Two programs with one root code: snapshots bring that about, and so do overrides of a call.
#[test]
fn a_root_runs_the_fragments_that_are_there() {
    let run = |chain: &mut Chain| chain.script(vec![0x15], 1_000_000);
    let mut chain = chain(61);
    put_fragments(&mut chain, 2, probe_length());
    assert_eq!(chain.activate(PROGRAM).status, Status::Success);
    assert!(run(&mut chain).is_success());
    // a module that the interpreter has compiled already does not stand in for one that cannot be unpacked
    let compiled = chain.executor.modules.len();
    chain.put(fragment(1), &hex!("eff00100"));
    let tx = TxRequest { data: vec![0x15].into(), ..chain.tx(PROGRAM) };
    assert!(chain.executor.execute(&mut chain.db, &chain.block, &tx, &Options::TRANSACTION).is_err());
    assert_eq!(chain.executor.modules.len(), compiled);
}

#[test]
fn a_program_that_ran_in_this_block_costs_what_a_cached_one_does_from_sixty_one_on() {
    // calls the program with `chainid` once or twice and returns what the last call took
    let caller = |times: usize| {
        let mut code = vec![op::PUSH1, 0x15, op::PUSH1, 0, op::MSTORE8];
        for _ in 0..times {
            code.extend([op::GAS, op::PUSH1, 0, op::PUSH1, 0, op::PUSH1, 1, op::PUSH1, 0, op::PUSH1, 0, op::PUSH20]);
            code.extend(PROGRAM);
            code.extend([op::GAS, op::CALL, op::POP, op::GAS, op::SWAP1, op::SUB]);
        }
        code.extend([op::PUSH1, 0, op::MSTORE, op::PUSH1, 32, op::PUSH1, 0, op::RETURN]);
        code
    };
    let cost = |chain: &mut Chain, times| {
        chain.put(CONTRACT, &caller(times));
        word(&chain.run(&chain.tx(CONTRACT)).output)
    };
    for version in Rules::VERSIONS {
        let mut chain = Chain::with_probe(version);
        let told = chain.ask(ARB_WASM, ArbWasm::programInitGasCall { program: PROGRAM });
        let [all, cached] = [0, 32].map(|at| word(&told.output[at..at + 32]));
        // the second call also finds its account warm
        let saved = cost(&mut chain, 1) - cost(&mut chain, 2) - U256::from(2_500);
        let expected = if version == 61 { all - cached } else { U256::ZERO };
        assert_eq!(saved, expected, "ArbOS {version}");

        chain.own();
        chain.as_owner(ArbOwner::setWasmBlockCacheSizeCall { count: 0 });
        assert_eq!(cost(&mut chain, 1) - cost(&mut chain, 2), U256::from(2_500), "ArbOS {version}, without room");
    }
}

#[test]
fn activation_may_cost_more_from_sixty_one_on() {
    for version in Rules::VERSIONS {
        let used = |extra: u64| {
            let mut chain = chain(version);
            let slot = space::activation_gas().at(0);
            let Ok(()) = chain.db.insert_account_storage(crate::arbos::STATE_ADDRESS, slot, U256::from(extra));
            let told = chain.ask(ARB_WASM, ArbWasm::activationGasCall {});
            assert_eq!(told.is_success(), version == 61);
            assert!(version != 61 || word(&told.output) == U256::from(extra));
            chain.put(PROGRAM, &probe());
            chain.activate(PROGRAM).gas_used
        };
        assert_eq!(used(12_345) - used(0), if version == 61 { 12_345 } else { 0 }, "ArbOS {version}");
    }
}

#[test]
fn what_is_no_program_is_told_from_sixty_one_on() {
    for (version, told) in [(40, &[][..]), (51, &[]), (61, &hex!("27f38212")[..])] {
        let mut chain = chain(version);
        chain.put(PROGRAM, &[op::PUSH1, 1, op::POP]);
        let done = chain.activate(PROGRAM);
        assert_eq!((done.status, &done.output[..]), (Status::Revert, told), "ArbOS {version}");
    }
}
