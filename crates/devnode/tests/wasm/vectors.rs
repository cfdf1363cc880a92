//! Programs against what a real node answered: activation, costs, and each host call to the last unit of ink.
//!
//! The recordings (`tests/vectors`) are replayed on the program layer alone, without blocks and precompiles.

use std::{collections::HashMap, fs, path::Path};

use crate::world::{self, Account, Transaction, World, compile, intrinsic_gas};
use alloy_primitives::{Address, Bytes, U256, hex, keccak256};
use devnode::{
    rules::Rules,
    wasm::{
        Activation, Exit, ProgramCode, ProgramCosts, StylusParams, activate, decompress,
        prices::{MAX_WASM_SIZE, cached_gas, init_gas},
        trace::HostioRecord,
    },
};
use serde_json::Value;

/// Length of the init code that precedes a program's code.
const PRELUDE: usize = 43;
const ARB_WASM: &str = "0x0000000000000000000000000000000000000071";

/// A recorded suite.
struct Suite {
    from: Address,
    steps: Vec<Step>,
}

/// One recorded transaction or call.
struct Step(Value);

impl Suite {
    fn load(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name).with_extension("json");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let suite: Value = serde_json::from_str(&text).expect("a suite is JSON");
        let steps = suite["steps"].as_array().expect("a suite has steps").iter().cloned().map(Step).collect();
        Self { from: suite["from"].as_str().unwrap().parse().unwrap(), steps }
    }
}

impl Step {
    fn id(&self) -> &str {
        self.0["id"].as_str().unwrap()
    }

    fn is_tx(&self) -> bool {
        self.0["kind"] == "tx"
    }

    fn expect(&self) -> &Value {
        &self.0["expect"]
    }

    fn data(&self) -> Bytes {
        self.0["data"].as_str().unwrap().parse().unwrap()
    }

    fn to(&self) -> Option<Address> {
        self.0["to"].as_str().map(|to| to.parse().unwrap())
    }

    fn transaction(&self, from: Address) -> Transaction {
        Transaction {
            from,
            to: self.to().unwrap(),
            value: self.0["value"].as_str().unwrap().parse().unwrap(),
            data: self.data(),
            gas: self.0["gas"].as_u64().unwrap(),
        }
    }

    /// Name, address and code of what this step deploys.
    fn deployed(&self) -> Option<(&str, Address, Bytes)> {
        let name = self.id().strip_prefix("deploy ")?;
        let address = self.expect()["contractAddress"].as_str()?.parse().unwrap();
        let code = match self.expect()["output"].as_str() {
            Some(code) => code.parse().unwrap(),
            None => self.data().slice(PRELUDE..),
        };
        Some((name, address, code))
    }
}

/// A program of a suite, ready to run.
struct Program {
    activation: Activation,
    module: world::Program,
}

impl Program {
    fn new(code: &[u8], rules: &Rules) -> Result<Self, String> {
        let wasm = unpack(code, rules);
        let activation = activate(&wasm, rules, &StylusParams::default(), 0).map_err(|refusal| refusal.to_string())?;
        let module = compile(&wasm, rules).expect("what activates compiles");
        Ok(Self { activation, module })
    }

    fn costs(&self) -> ProgramCosts {
        let Activation { init, cached, footprint, .. } = self.activation;
        ProgramCosts { version: 2, init, cached, footprint, is_cached: false }
    }
}

fn unpack(code: &[u8], rules: &Rules) -> Vec<u8> {
    let Some(ProgramCode::Classic { dictionary, compressed }) = ProgramCode::parse(code, rules) else {
        panic!("{} is no program", hex::encode(code));
    };
    decompress(dictionary, compressed, MAX_WASM_SIZE).expect("recorded programs unpack")
}

/// Long strings are recorded as their hash and length.
fn bytes_equal(expected: &Value, bytes: &[u8]) -> bool {
    match expected.as_str() {
        Some(text) => text == hex::encode_prefixed(bytes),
        None => {
            expected["keccak256"] == keccak256(bytes).to_string()
                && expected["bytes"].as_u64() == Some(bytes.len() as u64)
        }
    }
}

fn record_differs(expected: &Value, record: &HostioRecord) -> bool {
    expected["name"] != record.name.as_str()
        || expected["startInk"].as_u64() != Some(record.start_ink)
        || expected["endInk"].as_u64() != Some(record.end_ink)
        || !bytes_equal(&expected["args"], &record.args)
        || !bytes_equal(&expected["outs"], &record.outs)
}

/// Runs a step and tells how it differs from the recording.
fn replay(step: &Step, from: Address, program: &Program, world: &mut World, rules: &Rules) -> Vec<String> {
    let expect = step.expect();
    let receipt = world.transact(rules, &program.module, program.costs(), &step.transaction(from));
    let mut differences = Vec::new();
    let mut compare = |what: &str, equal: bool, got: String| {
        if !equal {
            differences.push(format!("{}: {what}: expected {}, got {got}", step.id(), expect[what]));
        }
    };
    let status = u64::from(receipt.exit == Exit::Success);
    compare("status", expect["status"].as_u64() == Some(status), format!("{status} ({:?})", receipt.exit));
    compare("gasUsed", expect["gasUsed"].as_u64() == Some(receipt.gas_used), receipt.gas_used.to_string());
    let error = match receipt.exit {
        Exit::Success => None,
        Exit::Revert | Exit::Failure(_) => Some("execution reverted"),
        Exit::OutOfInk => Some("out of gas"),
        Exit::OutOfStack => Some("max call depth exceeded"),
    };
    compare("error", expect["error"].as_str() == error, format!("{error:?}"));
    if step.0["volatile"] == true {
        return differences;
    }
    compare("output", bytes_equal(&expect["output"], &receipt.output), receipt.output.to_string());
    let logs: Vec<_> = expect["logs"].as_array().unwrap().iter().collect();
    let same_logs = logs.len() == receipt.logs.len()
        && logs.iter().zip(&receipt.logs).all(|(log, (topics, data))| {
            let expected_topics = log["topics"].as_array().unwrap();
            expected_topics.len() == topics.len()
                && expected_topics.iter().zip(topics).all(|(expected, topic)| *expected == topic.to_string())
                && bytes_equal(&log["data"], data)
        });
    compare("logs", same_logs, format!("{:?}", receipt.logs));

    let all = receipt.trace.records().expect("no calls, no broken records");
    let total = ["user_entrypoint", "exit_early", "user_returned"];
    let records: Vec<_> =
        all.iter().filter(|record| step.0["ink"] != "total" || total.contains(&record.name.as_str())).collect();
    let empty = Vec::new();
    let expected = expect["ink"].as_array().unwrap_or(&empty);
    if let Some((expected, record)) =
        expected.iter().zip(&records).find(|(expected, record)| record_differs(expected, record))
    {
        differences.push(format!("{}: ink: expected {expected}, got {record:?}", step.id()));
    } else if expected.len() != records.len() {
        let last = records.last().map(|record| &record.name);
        differences.push(format!("{}: {} records, got {} up to {last:?}", step.id(), expected.len(), records.len()));
    }
    differences
}

fn assert_none(differences: &[String], at_least: usize, compared: usize) {
    assert!(compared >= at_least, "only {compared} of {at_least} were compared");
    assert!(
        differences.is_empty(),
        "{} differences in {compared} steps:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

/// Replays every call of the first program that a suite deploys.
fn replay_probe(name: &str, at_least: usize) {
    let rules = Rules::default();
    let suite = Suite::load(name);
    let mut world = World::default();
    let precompile = Account { balance: U256::ZERO, code: Bytes::from_static(&[0xFE]) };
    world.accounts.insert(ARB_WASM.parse().unwrap(), precompile);
    world.accounts.insert(suite.from, Account { balance: U256::from(10).pow(U256::from(20)), code: Bytes::new() });

    let mut probe = None;
    let mut compared = 0;
    let mut differences = Vec::new();
    for step in suite.steps.iter().filter(|step| step.is_tx()) {
        if let Some((name, address, code)) = step.deployed() {
            world.accounts.insert(address, Account { balance: U256::ZERO, code: code.clone() });
            if name == "probe" {
                probe = Some((address, Program::new(&code, &rules).expect("the probe activates")));
            }
            continue;
        }
        let (address, program) = probe.as_ref().expect("the probe is deployed first");
        if step.to() == Some(*address) {
            differences.extend(replay(step, suite.from, program, &mut world, &rules));
            compared += 1;
        }
    }
    assert_none(&differences, at_least, compared);
}

#[test]
fn storage() {
    replay_probe("storage", 65);
}

#[test]
fn hostio() {
    replay_probe("hostio", 120);
}

#[test]
fn accounts() {
    replay_probe("accounts", 40);
}

#[test]
fn programs_run() {
    let rules = Rules::default();
    let suite = Suite::load("programs");
    let mut programs = HashMap::new();
    let mut compared = 0;
    let mut differences = Vec::new();
    for step in suite.steps.iter().filter(|step| step.is_tx()) {
        match step.deployed() {
            Some((_, address, code)) if ProgramCode::is_callable(&code, &rules) && address != Address::ZERO => {
                let Some(ProgramCode::Classic { dictionary: 0, compressed }) = ProgramCode::parse(&code, &rules) else {
                    continue;
                };
                if decompress(0, compressed, MAX_WASM_SIZE).is_ok()
                    && let Ok(program) = Program::new(&code, &rules)
                {
                    programs.insert(address, program);
                }
            }
            Some(_) => {}
            None => {
                let Some(program) = step.to().and_then(|to| programs.get(&to)) else { continue };
                if step.expect()["error"] == "error ProgramNotActivated()" {
                    continue;
                }
                differences.extend(replay(step, suite.from, program, &mut World::default(), &rules));
                compared += 1;
            }
        }
    }
    assert_none(&differences, 100, compared);
}

/// Everything that ArbWasm told about each program, or why it was refused.
#[test]
fn programs_activate() {
    let rules = Rules::default();
    let params = StylusParams::default();
    let suite = Suite::load("programs");
    let (mut accepted, mut refused) = (0, 0);
    let mut overheads = HashMap::new();
    let mut differences = Vec::new();

    let steps: HashMap<&str, &Step> = suite.steps.iter().map(|step| (step.id(), step)).collect();
    for (name, _, code) in suite.steps.iter().filter_map(Step::deployed) {
        let (Some(step), Some(costs)) =
            (steps.get(&*format!("activate {name}")), steps.get(&*format!("{name}: programInitGas")))
        else {
            continue;
        };
        let expect = step.expect();
        let answer = |of: &str| {
            let answer =
                steps[&*format!("{name}: {of}")].expect()["result"].as_str().unwrap().parse::<Bytes>().unwrap();
            U256::from_be_slice(&answer[answer.len() - 32..]).to::<u64>()
        };
        match (Program::new(&code, &rules), expect["status"] == 1) {
            (Ok(program), true) => {
                accepted += 1;
                let Activation { init, cached, footprint, asm_estimate, gas, .. } = program.activation;
                let both: Bytes = costs.expect()["result"].as_str().unwrap().parse().unwrap();
                let expected = (
                    U256::from_be_slice(&both[..32]).to::<u64>(),
                    answer("programInitGas"),
                    answer("programMemoryFootprint"),
                    answer("codehashAsmSize"),
                );
                let got = (
                    init_gas(&params, init) + cached_gas(&params, cached),
                    cached_gas(&params, cached),
                    footprint.into(),
                    u64::from(asm_estimate).div_ceil(1024) * 1024,
                );
                if got != expected {
                    differences.push(format!("{name}: costs: expected {expected:?}, got {got:?}"));
                }
                // whatever ArbWasm spends besides is the same for all
                let used = expect["gasUsed"].as_u64().unwrap();
                let overhead = (used - intrinsic_gas(&step.data())) as i64 - gas as i64;
                overheads.entry(overhead).or_insert_with(Vec::new).push(name);
            }
            (Err(text), false) => {
                refused += 1;
                let text = format!("program activation failed: {text}");
                if expect["error"] != text.as_str() {
                    differences.push(format!("{name}: refusal: expected {}, got {text:?}", expect["error"]));
                }
            }
            (Ok(_), false) => differences.push(format!("{name}: accepted, but {}", expect["error"])),
            (Err(text), true) => differences.push(format!("{name}: refused: {text}")),
        }
    }
    if overheads.len() != 1 {
        differences.push(format!("activation gas: {overheads:#?}"));
    }
    assert_none(&differences, 80, accepted + refused);
    assert!(accepted >= 50 && refused >= 25, "{accepted} accepted, {refused} refused");
}

/// A flush that cannot be paid: from ArbOS 50 on all gas is gone, before it was a revert that kept the rest.
#[test]
fn a_flush_without_gas_ends_by_the_version() {
    let suite = Suite::load("storage");
    let step = suite.steps.iter().find(|step| step.id() == "0 to 1 with 36000 gas").unwrap();
    let (_, _, code) = suite.steps[0].deployed().unwrap();
    for (version, exit) in [(40, None), (51, Some(Exit::OutOfInk)), (61, Some(Exit::OutOfInk))] {
        let rules = Rules::of(version).unwrap();
        let program = Program::new(&code, &rules).unwrap();
        let receipt =
            World::default().transact(&rules, &program.module, program.costs(), &step.transaction(suite.from));
        match exit {
            Some(exit) => assert_eq!((receipt.exit, receipt.gas_used), (exit, 36_000), "ArbOS {version}"),
            None => {
                assert!(matches!(receipt.exit, Exit::Failure(_)), "ArbOS {version}: {:?}", receipt.exit);
                assert!(receipt.gas_used < 32_000, "ArbOS {version}: {}", receipt.gas_used);
            }
        }
    }
}
