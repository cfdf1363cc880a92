//! Gas and answers of precompiles against a world made of maps. The numbers are those that a Nitro node (v3.9.8,
//! ArbOS 51) charges, less the intrinsic gas of the transaction.

use std::collections::BTreeMap;

use alloy_primitives::{hex, keccak256};
use alloy_sol_types::SolCall;

use super::*;
use crate::arbos::state::Program;
use crate::arbos::{Genesis, GenesisAccount, STATE_ADDRESS, genesis};

const ME: Address = address!("0d66f0911b5f56c2f050cce67d4ca07c658d9c19");
const PROGRAM: Address = address!("bc55edfc7dbba5e640f786229878c70ed57f9e39");
const NOBODY: Address = address!("00000000000000000000000000000000005eed33");
const NOW: u64 = 1_795_424_653;
const GAS: u64 = 1_000_000;

struct Maps {
    rules: Rules,
    block: BlockContext,
    slots: BTreeMap<U256, U256>,
    codes: BTreeMap<Address, Bytes>,
    balances: BTreeMap<Address, U256>,
    logs: Vec<Log>,
    depth: usize,
}

impl Maps {
    /// A fresh chain on which one program is active.
    fn new() -> Self {
        let rules = Rules::default();
        let settings = Genesis { chain_id: 412_346, owner: Address::ZERO, basefee: 100_000_000 };
        let arbos = |account: &GenesisAccount| account.address == STATE_ADDRESS;
        let accounts = genesis(&rules, &settings);
        let mut slots: BTreeMap<U256, U256> =
            accounts.iter().filter(|account| arbos(account)).flat_map(|account| account.storage.clone()).collect();
        let code = Bytes::from_static(&hex!("eff000001b3f00388c94"));
        let program = Program {
            version: 2,
            init: 18,
            cached: 11,
            footprint: 1,
            activated_at: Program::hours_at(NOW),
            asm_kb: 502,
            is_cached: false,
        };
        let Ok(()) = program.store(&mut slots, keccak256(&code));
        Self {
            rules,
            block: BlockContext { number: 93, timestamp: NOW, ..BlockContext::default() },
            slots,
            codes: [(PROGRAM, code)].into(),
            balances: BTreeMap::new(),
            logs: Vec::new(),
            depth: 0,
        }
    }

    /// Calls a precompile; answers what it said and the gas that it took.
    fn call(&mut self, precompile: Address, input: impl AsRef<[u8]>) -> (Answer, u64) {
        self.send(precompile, input, U256::ZERO)
    }

    fn send(&mut self, precompile: Address, input: impl AsRef<[u8]>, value: U256) -> (Answer, u64) {
        let request = Request {
            precompile,
            acting: precompile,
            caller: ME,
            value,
            is_static: false,
            input: input.as_ref(),
            gas: GAS,
        };
        let response = super::call(request, self);
        (response.answer, GAS - response.gas_left)
    }
}

impl Slots for Maps {
    type Error = Infallible;

    fn read(&mut self, slot: U256) -> Result<U256, Infallible> {
        self.slots.read(slot)
    }

    fn write(&mut self, slot: U256, value: U256) -> Result<(), Infallible> {
        self.slots.write(slot, value)
    }
}

impl World for Maps {
    fn rules(&self) -> &Rules {
        &self.rules
    }

    fn l1_fee(&self) -> U256 {
        U256::from(77)
    }

    fn block(&self) -> &BlockContext {
        &self.block
    }

    fn block_hash(&mut self, number: u64) -> B256 {
        B256::from(U256::from(number))
    }

    fn balance(&mut self, address: Address) -> U256 {
        self.balances.get(&address).copied().unwrap_or_default()
    }

    fn code(&mut self, address: Address) -> Bytes {
        self.codes.get(&address).cloned().unwrap_or_default()
    }

    fn code_hash(&mut self, address: Address) -> B256 {
        self.codes.get(&address).map(keccak256).unwrap_or_default()
    }

    fn transfer(&mut self, from: Address, to: Address, amount: U256) -> bool {
        let burned = self.burn(from, amount);
        if burned {
            *self.balances.entry(to).or_default() += amount;
        }
        burned
    }

    fn burn(&mut self, from: Address, amount: U256) -> bool {
        let balance = self.balances.entry(from).or_default();
        let left = balance.checked_sub(amount);
        *balance = left.unwrap_or(*balance);
        left.is_some()
    }

    fn log(&mut self, log: Log) {
        self.logs.push(log);
    }

    fn warm(&mut self, _address: Address) -> bool {
        true
    }

    fn open_pages(&self) -> u16 {
        0
    }

    fn depth(&self) -> usize {
        self.depth
    }

    fn callers_caller(&self) -> Option<Address> {
        (self.depth > 0).then_some(ME)
    }
}

fn number(n: u64) -> Answer {
    Ok(U256::from(n).to_be_bytes_vec())
}

#[test]
fn parameters_cost_the_state_one_warm_read_and_the_result() {
    let mut maps = Maps::new();
    for (call, answer) in [
        (ArbWasm::stylusVersionCall::SELECTOR, 2),
        (ArbWasm::inkPriceCall::SELECTOR, 10_000),
        (ArbWasm::maxStackDepthCall::SELECTOR, 22_000),
        (ArbWasm::freePagesCall::SELECTOR, 2),
        (ArbWasm::pageGasCall::SELECTOR, 1_000),
        (ArbWasm::pageRampCall::SELECTOR, 620_674_314),
        (ArbWasm::pageLimitCall::SELECTOR, 128),
        (ArbWasm::initCostScalarCall::SELECTOR, 100),
        (ArbWasm::expiryDaysCall::SELECTOR, 365),
        (ArbWasm::keepaliveDaysCall::SELECTOR, 31),
        (ArbWasm::blockCacheSizeCall::SELECTOR, 32),
    ] {
        assert_eq!(maps.call(ARB_WASM, call), (number(answer), 903));
    }
    let (answer, gas) = maps.call(ARB_WASM, ArbWasm::minInitGasCall::SELECTOR);
    assert_eq!((answer, gas), (words([U256::from(8_832), U256::from(352)]), 906));
}

#[test]
fn programs_are_looked_up_by_address_and_by_hash() {
    let mut maps = Maps::new();
    let call = |program| ArbWasm::programInitGasCall { program }.abi_encode();
    assert_eq!(maps.call(ARB_WASM, call(PROGRAM)), (words([U256::from(9_213), U256::from(363)]), 4_309));
    let not_activated = Err(Fail::Solidity(hex!("6f809c4e").to_vec()));
    assert_eq!(maps.call(ARB_WASM, call(NOBODY)), (not_activated, 4_306));

    let codehash = maps.code_hash(PROGRAM);
    let call = ArbWasm::codehashVersionCall { codehash }.abi_encode();
    assert_eq!(maps.call(ARB_WASM, call), (number(2), 1_706));
    let call = ArbWasm::codehashAsmSizeCall { codehash }.abi_encode();
    assert_eq!(maps.call(ARB_WASM, call), (number(0x7d800), 1_706));
    let call = ArbWasm::programTimeLeftCall { program: PROGRAM }.abi_encode();
    let age = (NOW - crate::arbos::state::ARBITRUM_START) % 3600;
    assert_eq!(maps.call(ARB_WASM, call), (number(365 * 86_400 - age), 4_306));
}

#[test]
fn programs_expire_and_can_be_renewed_after_a_month() {
    let mut maps = Maps::new();
    let codehash = maps.code_hash(PROGRAM);
    let renew = ArbWasm::codehashKeepaliveCall { codehash }.abi_encode();
    let version = ArbWasm::codehashVersionCall { codehash }.abi_encode();
    let too_soon = maps.call(ARB_WASM, &renew);
    assert!(matches!(&too_soon.0, Err(Fail::Solidity(data)) if data.starts_with(&hex!("16bd0cf8"))));
    assert_eq!(too_soon.1, 1_709);

    maps.block.timestamp += 32 * 86_400;
    maps.balances.insert(ARB_WASM, U256::from(10).pow(U256::from(18)));
    assert_eq!(maps.send(ARB_WASM, &renew, U256::from(10).pow(U256::from(18))).0, Ok(Vec::new()));
    let paid = maps.balances[&Address::ZERO];
    assert_eq!(paid + maps.balances[&ME], U256::from(10).pow(U256::from(18)), "the rest of the value returns");
    assert!(!paid.is_zero() && maps.logs.len() == 1);

    maps.block.timestamp += 366 * 86_400;
    let expired = maps.call(ARB_WASM, &version).0;
    assert!(matches!(expired, Err(Fail::Solidity(data)) if data.starts_with(&hex!("c9b12e52"))));
}

#[test]
fn what_cannot_be_asked_takes_all_gas() {
    let mut maps = Maps::new();
    let version = ArbWasm::stylusVersionCall::SELECTOR;
    for (precompile, input) in [
        (ARB_WASM, hex!("12345678").to_vec()),
        (ARB_WASM, Vec::new()),
        (ARB_WASM, hex!("cc8f4e8800").to_vec()),
        (ARB_WASM_CACHE, ArbWasmCache::cacheProgramCall { program: PROGRAM }.abi_encode()),
        (ARB_DEBUG, ArbDebug::eventsViewCall {}.abi_encode()),
        (Address::with_last_byte(0x6e), hex!("00000000").to_vec()),
    ] {
        assert_eq!(maps.call(precompile, &input), (Err(Fail::All), GAS), "{precompile} {}", hex::encode(&input));
    }
    assert_eq!(maps.send(ARB_WASM, version, U256::from(5)), (Err(Fail::All), GAS));

    let request = |acting, is_static, input| Request {
        precompile: ARB_DEBUG,
        acting,
        caller: ME,
        value: U256::ZERO,
        is_static,
        input,
        gas: GAS,
    };
    let become_owner = &ArbDebug::becomeChainOwnerCall::SELECTOR;
    for request in [request(ME, false, become_owner), request(ARB_DEBUG, true, become_owner)] {
        assert_eq!(super::call(request, &mut maps), Response { answer: Err(Fail::All), gas_left: 0 });
    }
    let little = Request { gas: 902, ..request(ARB_WASM, false, &version) };
    let little = Request { precompile: ARB_WASM, ..little };
    assert_eq!(super::call(little, &mut maps), Response { answer: Err(Fail::All), gas_left: 0 });
}

#[test]
fn activation_refuses_before_it_looks_into_the_code() {
    let mut maps = Maps::new();
    let activate = |program| ArbWasm::activateProgramCall { program }.abi_encode();
    let before = 3 + 800 + 1_659_168 + 100 + 800;
    let mut run = |program| {
        let input = activate(program);
        let request = Request {
            precompile: ARB_WASM,
            acting: ARB_WASM,
            caller: ME,
            value: U256::ZERO,
            is_static: false,
            input: &input,
            gas: 5_000_000,
        };
        let response = super::call(request, &mut maps);
        (response.answer, 5_000_000 - response.gas_left)
    };
    assert_eq!(run(PROGRAM), (Err(Fail::Solidity(hex!("cc944bf2").to_vec())), before + 3));
    assert_eq!(run(NOBODY), (Err(Fail::Solidity(hex!("27f38212").to_vec())), before + 3));
}

#[test]
fn caching_needs_a_manager_and_costs_a_start() {
    let mut maps = Maps::new();
    let is_manager = ArbWasmCache::isCacheManagerCall { manager: ME }.abi_encode();
    assert_eq!(maps.call(ARB_WASM_CACHE, &is_manager), (number(0), 1_606));
    let Ok(()) = AddressSet(space::cache_managers()).insert(&mut maps, ME);
    assert_eq!(maps.call(ARB_WASM_CACHE, &is_manager), (number(1), 1_606));

    let cache = ArbWasmCache::cacheProgramCall { program: PROGRAM }.abi_encode();
    assert_eq!(maps.call(ARB_WASM_CACHE, &cache), (Ok(Vec::new()), 27_677));
    assert_eq!(maps.call(ARB_WASM_CACHE, &cache), (Ok(Vec::new()), 5_103));
    let codehash = maps.code_hash(PROGRAM);
    let is_cached = ArbWasmCache::codehashIsCachedCall { codehash }.abi_encode();
    assert_eq!(maps.call(ARB_WASM_CACHE, &is_cached), (number(1), 1_606));
    let evict = ArbWasmCache::evictCodehashCall { codehash }.abi_encode();
    assert_eq!(maps.call(ARB_WASM_CACHE, &evict), (Ok(Vec::new()), 25_077));
    assert_eq!(maps.call(ARB_WASM_CACHE, &is_cached), (number(0), 1_606));
    assert_eq!(maps.logs.len(), 2);
}

#[test]
fn owners_pay_nothing_and_others_everything() {
    let mut maps = Maps::new();
    let set_price = |price| ArbOwner::setInkPriceCall { price }.abi_encode();
    let unauthorized = Err(Fail::Error("unauthorized caller to access-controlled method".into()));
    assert_eq!(maps.call(ARB_OWNER, set_price(20_000)), (unauthorized, GAS));

    assert_eq!(maps.call(ARB_DEBUG, ArbDebug::becomeChainOwnerCall::SELECTOR), (Ok(Vec::new()), 63_200));
    assert_eq!(maps.call(ARB_OWNER, set_price(20_000)), (Ok(Vec::new()), 0));
    assert_eq!(maps.call(ARB_WASM, ArbWasm::inkPriceCall::SELECTOR).0, number(20_000));
    assert_eq!(maps.logs.len(), 1, "OwnerActs");
    for price in [0, 1 << 24] {
        assert_eq!(maps.call(ARB_OWNER, set_price(price)), (Err(Fail::Plain), 0));
    }
    let deep = ArbOwner::setWasmMaxStackDepthCall { depth: 22_001 }.abi_encode();
    assert_eq!(maps.call(ARB_OWNER, deep), (Err(Fail::Plain), 0));
    let min = ArbOwner::setWasmMinInitGasCall { gas: 129, cached: 33 }.abi_encode();
    assert_eq!(maps.call(ARB_OWNER, min).0, Ok(Vec::new()));
    let (answer, _) = maps.call(ARB_WASM, ArbWasm::minInitGasCall::SELECTOR);
    assert_eq!(answer, words([U256::from(256), U256::from(64)]), "units are rounded up");
    let is_owner = ArbOwnerPublic::isChainOwnerCall { account: ME }.abi_encode();
    assert_eq!(maps.call(ARB_OWNER_PUBLIC, is_owner), (number(1), 1_606));
}

#[test]
fn the_chain_tells_about_itself() {
    let mut maps = Maps::new();
    assert_eq!(maps.call(ARB_SYS, ArbSys::arbChainIDCall::SELECTOR), (number(412_346), 803));
    assert_eq!(maps.call(ARB_SYS, ArbSys::arbOSVersionCall::SELECTOR), (number(106), 803));
    assert_eq!(maps.call(ARB_SYS, ArbSys::arbBlockNumberCall::SELECTOR), (number(93), 803));
    for (depth, top) in [(0, 1), (1, 1), (2, 0)] {
        maps.depth = depth;
        assert_eq!(maps.call(ARB_SYS, ArbSys::isTopLevelCallCall::SELECTOR), (number(top), 803));
    }
    let hash = |number| ArbSys::arbBlockHashCall { number: U256::from(number) }.abi_encode();
    assert_eq!(maps.call(ARB_SYS, hash(92)), (number(92), 806));
    let (answer, gas) = maps.call(ARB_SYS, hash(93));
    assert!(matches!(answer, Err(Fail::Solidity(data)) if data.starts_with(&hex!("d5dc642d"))));
    assert_eq!(gas, 812);

    let call = ArbSys::mapL1SenderContractAddressToL2AliasCall { sender: Address::repeat_byte(0xFF), unused: ME };
    let aliased = address!("1111000000000000000000000000000000001110");
    assert_eq!(maps.call(ARB_SYS, call.abi_encode()).0, Ok(aliased.into_word().to_vec()));
}

#[test]
fn messages_to_l1_burn_their_value_and_grow_a_tree() {
    let mut maps = Maps::new();
    let withdraw = ArbSys::withdrawEthCall { destination: ME }.abi_encode();
    maps.balances.insert(ARB_SYS, U256::from(15));
    let (first, gas) = maps.send(ARB_SYS, &withdraw, U256::from(5));
    assert_eq!((first, gas), (number(0), 46_939));
    assert_eq!(maps.balances[&ARB_SYS], U256::from(10));
    assert_eq!(maps.send(ARB_SYS, &withdraw, U256::from(5)).0, number(1));
    assert_eq!(maps.send(ARB_SYS, &withdraw, U256::from(5)).0, number(2));
    // Two leaves fill a subtree; three messages are logged, and one update.
    assert_eq!(maps.logs.len(), 4);
}

#[test]
fn prices_are_those_of_a_fresh_chain() {
    let mut maps = Maps::new();
    let fee = U256::from(100_000_000);
    let wei = [U256::ZERO, U256::ZERO, U256::from(2_000_000_000_000_u64), fee, U256::ZERO, fee];
    assert_eq!(maps.call(ARB_GAS_INFO, ArbGasInfo::getPricesInWeiCall::SELECTOR).0, words(wei));
    let gas = [U256::ZERO, U256::ZERO, U256::from(20_000)];
    assert_eq!(maps.call(ARB_GAS_INFO, ArbGasInfo::getPricesInArbGasCall::SELECTOR).0, words(gas));
    let limits = [7_000_000, 32_000_000, 32_000_000].map(U256::from);
    assert_eq!(maps.call(ARB_GAS_INFO, ArbGasInfo::getGasAccountingParamsCall::SELECTOR).0, words(limits));
}

#[test]
fn accounts_are_told_and_errors_thrown() {
    let mut maps = Maps::new();
    maps.balances.insert(ME, U256::from(7));
    let balance = ArbInfo::getBalanceCall { account: ME }.abi_encode();
    assert_eq!(maps.call(ARB_INFO, balance), (number(7), 1_506));
    let code = ArbInfo::getCodeCall { account: PROGRAM }.abi_encode();
    assert_eq!(maps.call(ARB_INFO, code).1, 3 + 800 + 2_100 + 3 + 9);
    assert_eq!(maps.call(ARB_DEBUG, ArbDebug::legacyErrorCall::SELECTOR), (Err(Fail::Plain), 0));
    let events = ArbDebug::eventsCall { flag: true, value: B256::with_last_byte(9) }.abi_encode();
    assert_eq!(maps.send(ARB_DEBUG, events, U256::from(5)).1, 4_580);
    assert_eq!(maps.logs.len(), 2);
}
