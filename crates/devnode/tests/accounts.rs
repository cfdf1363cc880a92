//! Transactions of every type, accounts for which the node signs, and what makes blocks.

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy_consensus::crypto::secp256k1::{recover_signer, sign_message};
use alloy_consensus::{SignableTransaction, TxEip1559, TxEip4844, TxEip7702};
use alloy_eips::Encodable2718;
use alloy_eips::eip7702::{Authorization, SignedAuthorization};
use alloy_primitives::{Address, B256, Signature, U256, address, b256, eip191_hash_message, hex, keccak256};
use devnode::accounts::{DEV_ACCOUNTS, DevAccount};
use devnode::chain::{Mining, Transaction};
use devnode::{Config, Node};
use serde_json::{Value, json};
use support::{CHAIN_ID, Chain, number, signed, word};

/// Reverts with its calldata.
const REVERTER: &str = "0x365f5f37365ffd";
/// Stores its first word in slot 0 and logs it with topic 7: 23,134 gas where the slot was empty.
const WRITER: &str = "0x5f355f555f355f52600760205fa1";
const WRITER_GAS: u64 = 23_134;
/// Does nothing.
const STOP: &str = "0x00";
/// Gives back the block number.
const TELL_NUMBER: &str = "0x435f5260205ff3";
/// Gas of a word of calldata whose last byte alone is not zero.
const SMALL_WORD_GAS: u64 = 31 * 4 + 16;
const AUTHORIZATION_GAS: u64 = 25_000;
const KNOWN_AUTHORITY_REFUND: u64 = 12_500;

/// The account that pays.
const ALICE: DevAccount = DEV_ACCOUNTS[0];
/// The one that delegates.
const BOB: DevAccount = DEV_ACCOUNTS[1];
const NOBODY: Address = Address::repeat_byte(0x99);

impl Chain {
    fn node(&self) -> &Arc<Node> {
        self.0.node()
    }

    fn code(&self, account: Address) -> String {
        self.ask("eth_getCode", json!([account])).as_str().expect("hex").to_owned()
    }

    fn slot(&self, account: Address) -> Value {
        self.ask("eth_getStorageAt", json!([account, "0x0"]))
    }

    fn balance(&self, account: Address) -> U256 {
        self.ask("eth_getBalance", json!([account])).as_str().expect("a quantity").parse().expect("a number")
    }

    fn height(&self) -> u64 {
        self.node().block_number()
    }

    /// Sends a raw transaction and gives its receipt.
    fn raw(&self, raw: String) -> Value {
        self.receipt(&self.ask("eth_sendRawTransaction", json!([raw])))
    }

    /// Lets the node sign and send; gives the receipt.
    fn send(&self, request: Value) -> Value {
        let hash = self.ask("eth_sendTransaction", json!([request]));
        self.receipt(&hash)
    }

    /// A transaction of type 4 of the first account.
    fn delegate(&self, to: Address, data: &str, authorizations: Vec<SignedAuthorization>) -> TxEip7702 {
        TxEip7702 {
            chain_id: CHAIN_ID,
            nonce: self.nonce(ALICE.address),
            gas_limit: 500_000,
            max_fee_per_gas: 1_000_000_000,
            max_priority_fee_per_gas: 0,
            to,
            value: U256::ZERO,
            access_list: Default::default(),
            authorization_list: authorizations,
            input: data.parse().expect("hex"),
        }
    }
}

fn authorize(key: B256, address: Address, chain_id: u64, nonce: u64) -> SignedAuthorization {
    let authorization = Authorization { chain_id: U256::from(chain_id), address, nonce };
    let signature = sign_message(key, authorization.signature_hash()).expect("a valid key");
    authorization.into_signed(signature)
}

fn told(signed: &SignedAuthorization) -> Value {
    json!({
        "chainId": format!("{:#x}", signed.chain_id),
        "address": signed.address,
        "nonce": format!("{:#x}", signed.nonce),
        "yParity": format!("{:#x}", signed.y_parity()),
        "r": format!("{:#x}", signed.r()),
        "s": format!("{:#x}", signed.s()),
    })
}

fn pays(nonce: u64, to: Address, max_fee_per_gas: u128) -> TxEip1559 {
    TxEip1559 { max_fee_per_gas, value: U256::ONE, ..support::transfer(nonce, to, "0x") }
}

fn transfer(nonce: u64) -> TxEip1559 {
    pays(nonce, NOBODY, 1_000_000_000)
}

/// Code by which an account delegates to another.
fn delegation(to: Address) -> String {
    format!("0xef0100{}", hex::encode(to))
}

/// Waits until something is so.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_account_delegates_to_code_and_runs_it_as_its_own() {
    let chain = Chain::default();
    let writer = chain.place(0x22, WRITER);
    let authorization = authorize(BOB.key, writer, CHAIN_ID, 0);
    let receipt = chain.raw(signed(chain.delegate(BOB.address, &word(5), vec![authorization.clone()])));
    assert_eq!((&receipt["status"], &receipt["type"]), (&json!("0x1"), &json!("0x4")));
    let spent = 21_000 + SMALL_WORD_GAS + AUTHORIZATION_GAS + WRITER_GAS;
    assert_eq!(number(&receipt["gasUsed"]), spent - KNOWN_AUTHORITY_REFUND);
    assert_eq!(chain.code(BOB.address), delegation(writer));
    assert_eq!(chain.nonce(BOB.address), 1);
    assert_eq!((chain.slot(BOB.address), chain.slot(writer)), (json!(word(5)), json!(word(0))));
    assert_eq!(receipt["logs"][0]["address"], json!(BOB.address));
    let tx = chain.ask("eth_getTransactionByHash", json!([receipt["transactionHash"]]));
    assert_eq!((&tx["type"], &tx["accessList"]), (&json!("0x4"), &json!([])));
    assert_eq!(tx["authorizationList"], json!([told(&authorization)]));
    let trace = chain.ask("debug_traceTransaction", json!([receipt["transactionHash"], { "tracer": "callTracer" }]));
    assert_eq!(trace["gasUsed"], receipt["gasUsed"], "it can be traced again");
}

#[test]
fn an_authority_that_was_not_there_brings_no_refund() {
    let chain = Chain::default();
    let writer = chain.place(0x22, WRITER);
    let key = B256::repeat_byte(7);
    let authorization = authorize(key, writer, 0, 0);
    let authority = authorization.recover_authority().expect("signed");
    let receipt = chain.raw(signed(chain.delegate(authority, &word(5), vec![authorization])));
    let spent = 21_000 + SMALL_WORD_GAS + AUTHORIZATION_GAS + WRITER_GAS;
    assert_eq!(number(&receipt["gasUsed"]), spent, "chain id 0 is every chain's");
    assert_eq!(chain.slot(authority), word(5));
}

#[test]
fn authorizations_that_do_not_hold_are_paid_for_and_passed_over() {
    let chain = Chain::default();
    let writer = chain.place(0x22, WRITER);
    let good = authorize(BOB.key, writer, CHAIN_ID, 0);
    let high_s = {
        let order = U256::from_be_bytes(b256!("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141").0);
        SignedAuthorization::new_unchecked(good.inner().clone(), 1 - good.y_parity(), good.r(), order - good.s())
    };
    let bad = vec![
        authorize(BOB.key, writer, 1, 0),
        authorize(BOB.key, writer, CHAIN_ID, 1),
        authorize(BOB.key, writer, CHAIN_ID, u64::MAX),
        high_s,
        SignedAuthorization::new_unchecked(good.inner().clone(), 27, good.r(), good.s()),
        SignedAuthorization::new_unchecked(good.inner().clone(), 0, U256::ZERO, U256::ZERO),
    ];
    let receipt = chain.raw(signed(chain.delegate(NOBODY, "0x", bad.clone())));
    assert_eq!(number(&receipt["gasUsed"]), 21_000 + bad.len() as u64 * AUTHORIZATION_GAS);
    assert_eq!((chain.code(BOB.address), chain.nonce(BOB.address)), ("0x".to_owned(), 0));

    // An account with code of its own cannot delegate.
    let key = B256::repeat_byte(8);
    let authority = authorize(key, writer, 0, 0).recover_authority().expect("signed");
    chain.ask("anvil_setCode", json!([authority, STOP]));
    chain.raw(signed(chain.delegate(NOBODY, "0x", vec![authorize(key, writer, 0, 0)])));
    assert_eq!(chain.code(authority), STOP);
}

#[test]
fn of_two_authorizations_of_one_account_the_later_one_holds() {
    let chain = Chain::default();
    let [first, second] = [chain.place(0x22, WRITER), chain.place(0x23, STOP)];
    let both = vec![authorize(BOB.key, first, CHAIN_ID, 0), authorize(BOB.key, second, CHAIN_ID, 1)];
    chain.raw(signed(chain.delegate(NOBODY, "0x", both)));
    assert_eq!((chain.code(BOB.address), chain.nonce(BOB.address)), (delegation(second), 2));
}

#[test]
fn the_sender_may_delegate_too_and_still_sends() {
    let chain = Chain::default();
    let writer = chain.place(0x22, WRITER);
    let own = authorize(ALICE.key, writer, CHAIN_ID, 1);
    let receipt = chain.raw(signed(chain.delegate(ALICE.address, &word(6), vec![own])));
    assert_eq!(receipt["status"], "0x1");
    assert_eq!((chain.nonce(ALICE.address), chain.slot(ALICE.address)), (2, json!(word(6))));
    let receipt = chain.raw(signed(TxEip1559 { nonce: 2, ..transfer(2) }));
    assert_eq!(receipt["status"], "0x1", "an account that delegates is no contract");
}

#[test]
fn a_delegation_outlives_a_revert_and_ends_with_the_zero_address() {
    let chain = Chain::default();
    let reverter = chain.place(0x11, REVERTER);
    let set = authorize(BOB.key, reverter, CHAIN_ID, 0);
    let receipt = chain.raw(signed(chain.delegate(BOB.address, "0x", vec![set])));
    assert_eq!((&receipt["status"], chain.code(BOB.address)), (&json!("0x0"), delegation(reverter)));
    // 365f5f37365ffd on nothing: six opcodes of 2 and 3 gas, CALLDATACOPY 3, REVERT 0.
    let spent = 21_000 + AUTHORIZATION_GAS + 2 + 2 + 2 + 3 + 2 + 2;
    assert_eq!(number(&receipt["gasUsed"]), spent - spent / 5, "the refund stays, up to a fifth");
    let clear = authorize(BOB.key, Address::ZERO, CHAIN_ID, 1);
    let receipt = chain.raw(signed(chain.delegate(NOBODY, "0x", vec![clear])));
    assert_eq!(receipt["status"], "0x1");
    assert_eq!((chain.code(BOB.address), chain.nonce(BOB.address)), ("0x".to_owned(), 2));
}

#[test]
fn delegating_to_a_precompile_is_having_no_code() {
    let precompile = address!("0000000000000000000000000000000000000064");
    let outcome = |arbos_version| {
        let chain = Chain::new(Config { arbos_version, ..Config::default() });
        let set = authorize(BOB.key, precompile, CHAIN_ID, 0);
        let receipt = chain.raw(signed(chain.delegate(BOB.address, "0xa3b1b31d", vec![set])));
        // The same by the opcode of a contract: success and nothing returned, or not.
        let caller = format!("0x5f5f5f5f5f73{}5af15f5260205ff3", hex::encode(BOB.address));
        let caller = chain.place(0x31, &caller);
        (receipt["status"].clone(), chain.ask("eth_call", json!([{ "to": caller }])))
    };
    assert_eq!(outcome(51), (json!("0x1"), json!(word(1))));
    assert_eq!(outcome(61), (json!("0x1"), json!(word(1))));
    assert_eq!(outcome(40), (json!("0x0"), json!(word(0))), "before, the code of the precompile's account ran");
}

#[test]
fn opcodes_pay_for_whose_code_an_account_borrows_and_programs_do_not() {
    let chain = Chain::default();
    let code = chain.place(0x70, STOP);
    let plain = chain.place(0x77, STOP);
    let borrower = chain.place(0x78, &delegation(code));
    let gas = |to: Address, data: String| {
        let receipt = chain.send(json!({ "to": to, "data": data, "gas": "0x1e8480" }));
        assert_eq!(receipt["status"], "0x1");
        number(&receipt["gasUsed"])
    };
    // CALL of the address in the calldata.
    let caller = chain.place(0x31, "0x5f5f5f5f5f5f355af1");
    let padded = |address: Address| hex::encode_prefixed(address.into_word());
    assert_eq!(gas(caller, padded(borrower)), gas(caller, padded(plain)) + 2_600);

    let probe = deploy_probe(&chain);
    let call = |to: Address| format!("0600{}{}{}0000", hex::encode(to), "00".repeat(32), "ff".repeat(8));
    assert_eq!(gas(probe, format!("0x{}", call(borrower))), gas(probe, format!("0x{}", call(plain))));
    // Nor is that code warm afterwards.
    let then = |first| gas(probe, format!("0x{}{}", call(first), call(code)));
    assert_eq!(then(borrower), then(plain));
    // A delegation to a program runs it.
    let receipt = chain.raw(signed(chain.delegate(BOB.address, "0x", vec![authorize(BOB.key, probe, CHAIN_ID, 0)])));
    assert_eq!(receipt["status"], "0x1");
    let traced = json!([{ "to": BOB.address, "data": "0x16" }, "latest", { "tracer": "stylusTracer" }]);
    let names = chain.ask("debug_traceCall", traced);
    assert_eq!(names[2]["name"], "contract_address", "{names}");
    assert_eq!(names[2]["outs"], json!(BOB.address), "it acts as the account");
}

/// The program of the recorded suites that does what its calldata says.
fn deploy_probe(chain: &Chain) -> Address {
    let suite = include_str!("vectors/calls.json");
    let suite: Value = serde_json::from_str(suite).expect("JSON");
    let steps = suite["steps"].as_array().expect("steps");
    let deploy = steps.iter().find(|step| step["id"] == "deploy probe").expect("it is deployed");
    let receipt = chain.send(json!({ "data": deploy["data"] }));
    let probe = receipt["contractAddress"].as_str().expect("created").parse().expect("an address");
    let hash = chain.ask("devnode_activate", json!([probe]));
    assert_eq!(chain.receipt(&hash)["status"], "0x1");
    probe
}

#[test]
fn a_program_is_activated_once() {
    let chain = Chain::default();
    let probe = deploy_probe(&chain);
    let error = chain.refuse("devnode_activate", json!([probe]));
    assert_eq!((error.code, error.message.as_str()), (3, "execution reverted: error ProgramUpToDate()"));
    assert_eq!(chain.refuse("devnode_activate", json!([NOBODY])).code, 3, "no program");
}

#[test]
fn calls_and_estimates_take_authorizations() {
    let chain = Chain::default();
    let writer = chain.place(0x22, WRITER);
    let teller = chain.place(0x24, TELL_NUMBER);
    let list = |code| json!([told(&authorize(BOB.key, code, CHAIN_ID, 0))]);
    let call = |code, data: &str| json!([{ "from": ALICE.address, "to": BOB.address, "data": data, "authorizationList": list(code) }]);
    assert_eq!(chain.ask("eth_call", call(teller, "0x")), word(0), "the code ran");
    let estimate = number(&chain.ask("eth_estimateGas", call(writer, &word(5))));
    let spent = 21_000 + SMALL_WORD_GAS + AUTHORIZATION_GAS + WRITER_GAS;
    assert!((spent..spent + spent / 50).contains(&estimate), "{estimate}");
    let listed = chain.ask("eth_createAccessList", call(writer, &word(5)));
    let slots = json!([word(0)]);
    let expected = json!([
        { "address": writer, "storageKeys": [] },
        { "address": BOB.address, "storageKeys": slots },
    ]);
    assert_eq!(listed["accessList"], expected, "the authority for its slot only");

    let refuse = |fields: Value| chain.refuse("eth_call", json!([fields])).message;
    let empty = refuse(json!({ "from": ALICE.address, "to": BOB.address, "authorizationList": [] }));
    let sender = ALICE.address;
    assert_eq!(
        empty,
        format!("err: EIP-7702 transaction with empty auth list (sender {sender}) (supplied gas 50000000)")
    );
    let creation = refuse(json!({ "from": sender, "data": "0x00", "authorizationList": list(writer) }));
    assert!(creation.contains(&format!("cannot be used to create contract (sender {sender})")), "{creation}");
    let mut without = list(writer);
    without[0].as_object_mut().expect("an object").remove("r");
    let without = refuse(json!({ "to": BOB.address, "authorizationList": without }));
    assert_eq!(without, "invalid argument 0: missing required field 'r' for SetCodeAuthorization");
    let many = vec![told(&authorize(BOB.key, writer, 0, 0)); 2_001];
    let many = refuse(json!({ "to": BOB.address, "authorizationList": many }));
    assert_eq!(many, "invalid argument 0: more than 2000 authorizations");
}

#[test]
fn a_raw_transaction_of_type_four_needs_an_authorization_and_the_gas_for_it() {
    let chain = Chain::default();
    let refuse = |tx: TxEip7702| chain.refuse("eth_sendRawTransaction", json!([signed(tx)])).message;
    let none = refuse(chain.delegate(NOBODY, "0x", Vec::new()));
    assert_eq!(none, format!("EIP-7702 transaction with empty auth list (sender {})", ALICE.address));
    let one = vec![authorize(BOB.key, NOBODY, 0, 0)];
    let starved = refuse(TxEip7702 { gas_limit: 45_999, ..chain.delegate(NOBODY, "0x", one) });
    assert_eq!(starved, "intrinsic gas too low: have 45999, want 46000");
}

#[test]
fn of_the_two_signatures_that_say_the_same_only_the_lower_counts() {
    let chain = Chain::default();
    let tx = transfer(0);
    let low = sign_message(DEV_ACCOUNTS[0].key, tx.signature_hash()).expect("a valid key");
    let order = U256::from_be_slice(&hex!("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"));
    let high = Signature::new(low.r(), order - low.s(), !low.v());
    let send = |signature| json!([hex::encode_prefixed(tx.clone().into_signed(signature).encoded_2718())]);
    assert_eq!(chain.refuse("eth_sendRawTransaction", send(high)).message, "invalid transaction v, r, s values");
    let unsigned = Signature::new(U256::ZERO, low.s(), false);
    assert_eq!(chain.refuse("eth_sendRawTransaction", send(unsigned)).message, "invalid transaction v, r, s values");
    let hash = chain.ask("eth_sendRawTransaction", send(low));
    assert_eq!(chain.receipt(&hash)["from"], json!(DEV_ACCOUNTS[0].address));
}

#[test]
fn blobs_are_refused() {
    let chain = Chain::default();
    let blob = TxEip4844 {
        chain_id: CHAIN_ID,
        nonce: 0,
        gas_limit: 100_000,
        max_fee_per_gas: 1_000_000_000,
        max_priority_fee_per_gas: 0,
        to: NOBODY,
        value: U256::ZERO,
        access_list: Default::default(),
        blob_versioned_hashes: vec![B256::with_last_byte(1)],
        max_fee_per_blob_gas: 1,
        input: Default::default(),
    };
    let raw = signed(blob);
    let refuse = |raw: &str| chain.refuse("eth_sendRawTransaction", json!([raw])).message;
    assert_eq!(refuse(&raw), "transaction type not supported");
    assert_eq!(refuse(&format!("{raw}{}", "00".repeat(131_072))), "transaction type not supported", "with its blob");
    let decoded = Transaction::decode(raw.parse().expect("hex"), CHAIN_ID);
    assert_eq!(decoded, Err(devnode::chain::DecodeError::Blobs));
    for method in ["eth_call", "eth_sendTransaction"] {
        let request = json!([{ "to": NOBODY, "blobVersionedHashes": [word(1)] }]);
        assert!(chain.refuse(method, request).message.ends_with("transaction type not supported"), "{method}");
    }
}

#[test]
fn what_a_request_leaves_open_is_filled_in() {
    let chain = Chain::default();
    let writer = chain.place(0x22, WRITER);
    let sent = |request: Value| {
        let receipt = chain.send(request);
        assert_eq!(receipt["status"], "0x1");
        chain.ask("eth_getTransactionByHash", json!([receipt["transactionHash"]]))
    };
    let tx = sent(json!({ "from": BOB.address, "to": writer, "data": word(1) }));
    assert_eq!((&tx["type"], &tx["nonce"], &tx["from"]), (&json!("0x2"), &json!("0x0"), &json!(BOB.address)));
    assert_eq!((&tx["maxFeePerGas"], &tx["maxPriorityFeePerGas"]), (&json!("0xbebc200"), &json!("0x0")));
    let needed = 21_000 + SMALL_WORD_GAS + WRITER_GAS;
    assert!((needed..needed + needed / 50).contains(&number(&tx["gas"])), "{}", tx["gas"]);
    let tx = sent(json!({ "to": NOBODY, "value": "0x1", "gasPrice": "0x3b9aca00", "chainId": "0x64aba" }));
    assert_eq!((&tx["type"], &tx["gas"], &tx["from"]), (&json!("0x0"), &json!("0x5208"), &json!(ALICE.address)));
    let list = json!([{ "address": NOBODY, "storageKeys": [word(1)] }]);
    let tx = sent(json!({ "to": NOBODY, "gasPrice": "0x3b9aca00", "accessList": list }));
    assert_eq!((&tx["type"], &tx["accessList"]), (&json!("0x1"), &list));
    let tx = sent(json!({ "to": NOBODY, "type": "0x0" }));
    assert_eq!((&tx["type"], &tx["gasPrice"]), (&json!("0x0"), &json!("0x5f5e100")));
    let tx = sent(json!({ "to": NOBODY, "authorizationList": [told(&authorize(BOB.key, writer, 0, 1))] }));
    assert_eq!((&tx["type"], chain.code(BOB.address)), (&json!("0x4"), delegation(writer)));
    let created = chain.send(json!({ "data": "0x60425f5360015ff3" }));
    assert_eq!(chain.code(created["contractAddress"].as_str().expect("created").parse().expect("an address")), "0x42");
}

#[test]
fn requests_that_cannot_be_are_told_in_geths_words() {
    let chain = Chain::default();
    let reverter = chain.place(0x11, REVERTER);
    let refuse = |request: Value| chain.refuse("eth_sendTransaction", json!([request]));
    let said = |request: Value| refuse(request).message;
    assert_eq!(said(json!({ "from": NOBODY, "to": NOBODY })), "unknown account");
    assert_eq!(said(json!({ "to": NOBODY, "chainId": "0x1" })), "chainId does not match node's (have=1, want=412346)");
    assert_eq!(said(json!({})), "contract creation without any data provided");
    let tip = json!({ "to": NOBODY, "maxFeePerGas": "0x1", "maxPriorityFeePerGas": "0x2" });
    assert_eq!(said(tip), "maxFeePerGas (1) < maxPriorityFeePerGas (2)");
    let both = json!({ "to": NOBODY, "gasPrice": "0x1", "maxFeePerGas": "0x2" });
    assert!(said(both).ends_with("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified"));
    assert_eq!(said(json!({ "to": NOBODY, "type": "0x3" })), "transaction type not supported");
    assert_eq!(said(json!({ "to": NOBODY, "type": "0x7e" })), "transaction type not supported");
    let misplaced = json!({ "to": NOBODY, "type": "0x0", "maxFeePerGas": "0x2" });
    assert_eq!(said(misplaced), "a transaction of type 0 has no maxFeePerGas");
    assert_eq!(
        said(json!({ "to": NOBODY, "type": "0x2", "gasPrice": "0x2" })),
        "a transaction of type 2 has no gasPrice"
    );
    assert!(said(json!({ "to": NOBODY, "nonce": "0x0", "gas": "0x1" })).starts_with("intrinsic gas too low"));
    let error = refuse(json!({ "to": reverter, "data": "0xaabbccdd" }));
    assert_eq!((error.code, error.data), (3, Some(json!("0xaabbccdd"))), "its gas cannot be estimated");
    assert_eq!(chain.height(), 0, "nothing was mined");
}

#[test]
fn requests_at_the_same_time_get_nonces_of_their_own() {
    let chain = Chain::default();
    let done: Vec<Value> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| chain.send(json!({ "to": NOBODY, "value": "0x1" })))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(done.iter().all(|receipt| receipt["status"] == "0x1"));
    assert_eq!((chain.nonce(ALICE.address), chain.balance(NOBODY)), (8, U256::from(8)));
}

#[test]
fn a_signed_transaction_can_be_sent_by_anyone() {
    let chain = Chain::default();
    let signed = chain.ask("eth_signTransaction", json!([{ "from": BOB.address, "to": NOBODY, "value": "0x5" }]));
    assert_eq!(chain.height(), 0, "it was not sent");
    let receipt = chain.raw(signed["raw"].as_str().expect("hex").to_owned());
    assert_eq!(receipt["transactionHash"], signed["tx"]["hash"]);
    assert_eq!((&receipt["from"], chain.balance(NOBODY)), (&json!(BOB.address), U256::from(5)));
    chain.ask("anvil_impersonateAccount", json!([NOBODY]));
    let error = chain.refuse("eth_signTransaction", json!([{ "from": NOBODY, "to": BOB.address }]));
    assert_eq!(error.message, "unknown account", "there is no key to sign with");
}

#[test]
fn messages_are_signed_as_ethereum_signs_them() {
    let chain = Chain::default();
    let message = hex::encode_prefixed("hello");
    let signature = chain.ask("eth_sign", json!([BOB.address, message]));
    assert_eq!(chain.ask("personal_sign", json!([message, BOB.address, ""])), signature);
    let bytes = hex::decode(signature.as_str().expect("hex")).expect("hex");
    assert!([27, 28].contains(&bytes[64]), "v of {}", bytes[64]);
    let signature = Signature::from_raw(&bytes).expect("a signature");
    assert_eq!(recover_signer(&signature, eip191_hash_message("hello")).expect("signed"), BOB.address);
    assert_eq!(chain.refuse("eth_sign", json!([NOBODY, message])).message, "unknown account");
}

#[test]
fn typed_data_is_signed_as_eip_712_shows() {
    let cow = DevAccount { address: address!("CD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"), key: keccak256("cow") };
    let chain = Chain::new(Config { accounts: vec![cow], ..Config::default() });
    let data = json!({
        "types": {
            "EIP712Domain": [
                { "name": "name", "type": "string" },
                { "name": "version", "type": "string" },
                { "name": "chainId", "type": "uint256" },
                { "name": "verifyingContract", "type": "address" },
            ],
            "Person": [{ "name": "name", "type": "string" }, { "name": "wallet", "type": "address" }],
            "Mail": [
                { "name": "from", "type": "Person" },
                { "name": "to", "type": "Person" },
                { "name": "contents", "type": "string" },
            ],
        },
        "primaryType": "Mail",
        "domain": {
            "name": "Ether Mail",
            "version": "1",
            "chainId": 1,
            "verifyingContract": "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC",
        },
        "message": {
            "from": { "name": "Cow", "wallet": "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826" },
            "to": { "name": "Bob", "wallet": "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB" },
            "contents": "Hello, Bob!",
        },
    });
    let expected = "0x4355c47d63924e8a72e509b65029052eb6c299d53a04e167c5775fd466751c9d\
                    07299936d304c153f6443dfa05f40ff007d72911b6f72307f996231605b915621c";
    assert_eq!(chain.ask("eth_signTypedData_v4", json!([cow.address, data])), expected);
    assert_eq!(chain.ask("eth_signTypedData_v4", json!([cow.address, data.to_string()])), expected, "as text");
    let error = chain.refuse("eth_signTypedData_v4", json!([cow.address, { "types": {} }]));
    assert_eq!(error.code, -32602, "{error}");
    let mut unknown = data;
    unknown["primaryType"] = json!("Letter");
    assert_eq!(chain.refuse("eth_signTypedData_v4", json!([cow.address, unknown])).code, -32602);
}

#[test]
fn a_receipt_can_be_had_at_once() {
    let chain = Chain::default();
    let receipt = chain.ask("eth_sendRawTransactionSync", json!([signed(transfer(0))]));
    assert_eq!((&receipt["status"], &receipt["blockNumber"]), (&json!("0x1"), &json!("0x1")));
    let early = chain.refuse("eth_sendRawTransactionSync", json!([signed(transfer(5)), 20]));
    assert_eq!((early.code, early.data.is_some()), (4, true), "{early}");
    assert_eq!(chain.ask("eth_sendTransactionSync", json!([{ "to": NOBODY }]))["status"], "0x1");
}

#[test]
fn everybody_may_send_in_the_name_of_an_impersonated_account() {
    let chain = Chain::default();
    let contract = chain.place(0x31, STOP);
    let request = json!({ "from": contract, "to": NOBODY, "value": "0x7" });
    assert_eq!(chain.refuse("eth_sendTransaction", json!([request])).message, "unknown account");
    chain.ask("hardhat_impersonateAccount", json!([contract]));
    assert!(chain.refuse("eth_sendTransaction", json!([request])).message.contains("insufficient funds"));
    chain.ask("anvil_setBalance", json!([contract, "0xde0b6b3a7640000"]));
    let receipt = chain.send(request.clone());
    assert_eq!((&receipt["status"], &receipt["from"]), (&json!("0x1"), &json!(contract)), "though it is a contract");
    assert_eq!((chain.balance(NOBODY), chain.nonce(contract)), (U256::from(7), 1));
    let tx = chain.ask("eth_getTransactionByHash", json!([receipt["transactionHash"]]));
    assert_eq!((&tx["from"], &tx["r"], &tx["s"]), (&json!(contract), &json!("0x1"), &json!("0x1")));
    let trace = chain.ask("debug_traceTransaction", json!([receipt["transactionHash"], { "tracer": "callTracer" }]));
    assert_eq!(trace["from"], json!(contract));
    let accounts = chain.ask("eth_accounts", json!([]));
    assert_eq!(accounts.as_array().expect("accounts").last(), Some(&json!(contract)));

    assert_eq!(chain.ask("hardhat_stopImpersonatingAccount", json!([contract])), true);
    assert_eq!(chain.refuse("eth_sendTransaction", json!([request])).message, "unknown account");
    chain.ask("anvil_autoImpersonateAccount", json!([true]));
    assert_eq!(chain.send(request.clone())["status"], "0x1");
    chain.ask("anvil_autoImpersonateAccount", json!([false]));
    assert_eq!(chain.refuse("eth_sendTransaction", json!([request])).message, "unknown account");
}

#[test]
fn equal_transactions_of_two_impersonated_accounts_have_hashes_of_their_own() {
    let chain = Chain::default();
    chain.ask("anvil_autoImpersonateAccount", json!([true]));
    let hashes = [0x51, 0x52].map(|byte| {
        let from = Address::repeat_byte(byte);
        chain.ask("anvil_setBalance", json!([from, "0xde0b6b3a7640000"]));
        chain.ask("eth_sendTransaction", json!([{ "from": from, "to": NOBODY, "value": "0x1" }]))
    });
    assert_ne!(hashes[0], hashes[1]);
    assert_ne!(chain.receipt(&hashes[0])["from"], chain.receipt(&hashes[1])["from"]);
}

#[test]
fn without_automine_transactions_wait_for_one_block() {
    let chain = Chain::default();
    let writer = chain.place(0x22, WRITER);
    let pending = |account: Address| chain.ask("eth_getTransactionCount", json!([account, "pending"]));
    assert_eq!(chain.ask("evm_getAutomine", json!([])), true);
    chain.ask("evm_setAutomine", json!([false]));
    assert_eq!(chain.ask("anvil_getAutomine", json!([])), false);
    let send = |from: Address, data: u64| {
        chain.ask("eth_sendTransaction", json!([{ "from": from, "to": writer, "data": word(data), "gas": "0x186a0" }]))
    };
    let early = chain.ask("eth_sendRawTransaction", json!([signed(transfer(5))]));
    let sent = [send(ALICE.address, 1), send(BOB.address, 2), send(ALICE.address, 3)];
    assert_eq!((chain.height(), pending(ALICE.address), pending(BOB.address)), (0, json!("0x2"), json!("0x1")));
    assert_eq!(chain.nonce(ALICE.address), 0, "none is mined");
    assert!(sent.iter().all(|hash| chain.receipt(hash).is_null()));
    let told = chain.ask("eth_getTransactionByHash", json!([sent[0]]));
    assert!(told["blockHash"].is_null() && told["hash"] == sent[0]);

    chain.ask("evm_mine", json!([]));
    assert_eq!(chain.height(), 1);
    let block = chain.ask("eth_getBlockByNumber", json!(["0x1", false]));
    let hashes = block["transactions"].as_array().expect("transactions");
    assert_eq!(hashes[1..], sent, "in the order in which they came");
    let receipts = sent.each_ref().map(|hash| chain.receipt(hash));
    let indices = receipts.each_ref().map(|receipt| number(&receipt["transactionIndex"]));
    let logs = receipts.each_ref().map(|receipt| number(&receipt["logs"][0]["logIndex"]));
    assert_eq!((indices, logs), ([1, 2, 3], [0, 1, 2]));
    let used: Vec<u64> = receipts.iter().map(|receipt| number(&receipt["gasUsed"])).collect();
    assert_eq!(number(&receipts[2]["cumulativeGasUsed"]), used.iter().sum::<u64>());
    assert_eq!((number(&block["gasUsed"]), chain.slot(writer)), (used.iter().sum(), json!(word(3))));
    assert!(chain.receipt(&early).is_null(), "{early} came too early");
}

#[test]
fn a_transaction_that_came_early_joins_the_block_once_its_turn_comes() {
    let chain = Chain::default();
    chain.ask("evm_setAutomine", json!([false]));
    let [second, first] = [1, 0].map(|nonce| chain.ask("eth_sendRawTransaction", json!([signed(transfer(nonce))])));
    let pending = chain.ask("eth_pendingTransactions", json!([]));
    let hashes: Vec<&Value> = pending.as_array().expect("a list").iter().map(|tx| &tx["hash"]).collect();
    assert_eq!(hashes, [&first, &second]);
    chain.ask("anvil_mine", json!(["0x2"]));
    assert_eq!([first, second].map(|hash| number(&chain.receipt(&hash)["blockNumber"])), [1, 1]);
    assert_eq!(chain.height(), 2, "the second block is empty");
}

#[test]
fn what_waits_can_be_replaced_and_dropped() {
    let chain = Chain::default();
    chain.ask("evm_setAutomine", json!([false]));
    let send = |tx: TxEip1559| chain.0.request("eth_sendRawTransaction", json!([signed(tx)]));
    let first = send(transfer(0)).expect("accepted");
    assert_eq!(send(transfer(0)).expect_err("known").message, "already known");
    let cheap = pays(0, BOB.address, 1_050_000_000);
    assert_eq!(send(cheap).expect_err("too cheap").message, "replacement transaction underpriced");
    let better = send(pays(0, BOB.address, 1_100_000_000)).expect("accepted");
    assert!(chain.ask("eth_getTransactionByHash", json!([first])).is_null(), "it was replaced");
    let poor = send(TxEip1559 { value: U256::MAX >> 1, ..transfer(1) }).expect_err("checked at once");
    assert!(poor.message.starts_with("insufficient funds"), "{poor}");
    let next = send(transfer(1)).expect("accepted");
    assert_eq!(chain.ask("hardhat_dropTransaction", json!([better])), true);
    assert_eq!(chain.ask("anvil_dropTransaction", json!([better])), false);
    chain.ask("evm_mine", json!([]));
    assert!(chain.receipt(&next).is_null(), "the one before it is gone");
    send(transfer(0)).expect("accepted");
    chain.ask("evm_mine", json!([]));
    assert_eq!(chain.receipt(&next)["blockNumber"], "0x2");
    send(transfer(2)).expect("accepted");
    send(transfer(9)).expect("accepted");
    chain.ask("anvil_dropAllTransactions", json!([]));
    assert_eq!(chain.ask("eth_pendingTransactions", json!([])), json!([]));
}

#[test]
fn one_that_can_no_longer_be_paid_is_left_out_of_the_block() {
    let chain = Chain::default();
    chain.ask("evm_setAutomine", json!([false]));
    let hashes: Vec<Value> = (0..2)
        .map(|_| chain.ask("eth_sendTransaction", json!([{ "from": BOB.address, "to": NOBODY, "value": "0x1" }])))
        .collect();
    let other = chain.ask("eth_sendTransaction", json!([{ "to": NOBODY, "value": "0x1" }]));
    chain.ask("anvil_setBalance", json!([BOB.address, "0x0"]));
    chain.ask("evm_mine", json!([]));
    assert!(hashes.iter().all(|hash| chain.receipt(hash).is_null()));
    assert_eq!((&chain.receipt(&other)["status"], chain.balance(NOBODY)), (&json!("0x1"), U256::ONE));
}

#[test]
fn automine_takes_up_what_waited_and_a_revert_drops_it() {
    let chain = Chain::default();
    chain.ask("evm_setAutomine", json!([false]));
    let snapshot = chain.ask("evm_snapshot", json!([]));
    chain.ask("eth_sendTransaction", json!([{ "to": NOBODY }]));
    chain.ask("evm_revert", json!([snapshot]));
    assert_eq!(chain.ask("eth_pendingTransactions", json!([])), json!([]));
    let hash = chain.ask("eth_sendTransaction", json!([{ "to": NOBODY }]));
    chain.ask("evm_setAutomine", json!([true]));
    assert_eq!(chain.receipt(&hash)["blockNumber"], "0x1");
    assert_eq!(chain.send(json!({ "to": NOBODY }))["blockNumber"], "0x2");
}

#[test]
fn blocks_are_made_by_the_clock_until_that_is_ended() {
    let chain = Chain::new(Config { block_time: Some(Duration::from_millis(30)), ..Config::default() });
    assert_eq!(chain.ask("anvil_getAutomine", json!([])), false);
    let hash = chain.ask("eth_sendTransaction", json!([{ "to": NOBODY }]));
    eventually("it is mined", || !chain.receipt(&hash).is_null());
    eventually("blocks go on", || chain.height() > 3);
    let receipt = chain.ask("eth_sendRawTransactionSync", json!([signed(transfer(1))]));
    assert_eq!(receipt["status"], "0x1", "waiting for a receipt waits for the block");
    chain.ask("evm_setIntervalMining", json!([0]));
    let height = chain.height();
    std::thread::sleep(Duration::from_millis(150));
    assert_eq!((chain.height(), chain.node().mining()), (height, Mining::Manual));
    // 300 are milliseconds, as no block takes so many seconds.
    chain.ask("evm_setIntervalMining", json!([300]));
    assert_eq!(chain.node().mining(), Mining::Interval(Duration::from_millis(300)));
    eventually("they begin again", || chain.height() > height);
    chain.ask("evm_setIntervalMining", json!([2]));
    assert_eq!(chain.ask("anvil_getIntervalMining", json!([])), 2, "and 2 are seconds");
    chain.ask("anvil_setIntervalMining", json!([600]));
    assert_eq!(chain.ask("anvil_getIntervalMining", json!([])), 600);
    chain.ask("evm_setAutomine", json!([true]));
    assert!(chain.ask("anvil_getIntervalMining", json!([])).is_null());
}

#[test]
fn a_node_that_makes_blocks_by_the_clock_ends_with_its_last_owner() {
    let chain = Chain::new(Config { block_time: Some(Duration::from_millis(1)), ..Config::default() });
    let node = Arc::downgrade(chain.node());
    eventually("it lives", || chain.height() > 2);
    drop(chain);
    eventually("it is gone", || node.upgrade().is_none());
}

#[test]
fn a_reset_goes_back_to_genesis() {
    let chain = Chain::default();
    let genesis = chain.ask("eth_getBlockByNumber", json!(["0x0", false]));
    let instance = chain.ask("hardhat_metadata", json!([]))["instanceId"].clone();
    let snapshot = chain.ask("evm_snapshot", json!([]));
    let receipt = chain.send(json!({ "to": NOBODY, "value": "0x1" }));
    chain.ask("anvil_impersonateAccount", json!([NOBODY]));
    assert_eq!(chain.ask("hardhat_reset", json!([])), true);
    assert_eq!((chain.height(), chain.balance(NOBODY), chain.nonce(ALICE.address)), (0, U256::ZERO, 0));
    assert_eq!(chain.ask("eth_getBlockByNumber", json!(["latest", false])), genesis);
    assert!(chain.receipt(&receipt["transactionHash"]).is_null());
    assert_eq!(chain.ask("evm_revert", json!([snapshot])), false, "snapshots are gone");
    assert_ne!(chain.ask("evm_snapshot", json!([])), snapshot, "and their numbers do not come again");
    assert_eq!(chain.refuse("eth_sendTransaction", json!([{ "from": NOBODY }])).message, "unknown account");
    assert_ne!(chain.ask("anvil_metadata", json!([]))["instanceId"], instance);
    let error = chain.refuse("anvil_reset", json!([{ "forking": { "jsonRpcUrl": "http://localhost" } }]));
    assert!(error.message.starts_with("forking is not supported"), "{error}");
    chain.ask("anvil_reset", json!([{ "forking": { "blockNumber": null } }]));
    assert_eq!(chain.send(json!({ "to": NOBODY }))["status"], "0x1");
}

#[test]
fn the_base_fee_can_be_set() {
    let chain = Chain::default();
    assert_eq!(chain.ask("eth_gasPrice", json!([])), "0x5f5e100");
    chain.ask("hardhat_setNextBlockBaseFeePerGas", json!(["0x0"]));
    assert_eq!(chain.ask("eth_gasPrice", json!([])), "0x0");
    let before = chain.balance(ALICE.address);
    let receipt = chain.send(json!({ "to": BOB.address, "gasPrice": "0x0" }));
    assert_eq!((&receipt["status"], &receipt["effectiveGasPrice"]), (&json!("0x1"), &json!("0x0")));
    assert_eq!(chain.balance(ALICE.address), before, "it was free");
    let snapshot = chain.ask("evm_snapshot", json!([]));
    chain.ask("anvil_setNextBlockBaseFeePerGas", json!(["0x77359400"]));
    for _ in 0..2 {
        assert_eq!(chain.send(json!({ "to": BOB.address }))["effectiveGasPrice"], "0x77359400", "from then on");
    }
    let error = chain.refuse("eth_sendRawTransaction", json!([signed(transfer(3))]));
    assert!(error.message.ends_with("maxFeePerGas: 1000000000, baseFee: 2000000000"), "{error}");
    let history = chain.ask("eth_feeHistory", json!(["0x2", "latest", []]));
    assert_eq!(history["baseFeePerGas"], json!(["0x77359400", "0x77359400", "0x77359400"]));
    chain.ask("evm_revert", json!([snapshot]));
    assert_eq!(chain.ask("eth_gasPrice", json!([])), "0x0");
}

#[test]
fn the_l1_block_number_goes_forward() {
    let chain = Chain::new(Config { l1_block_number: 5, ..Config::default() });
    let teller = chain.place(0x24, TELL_NUMBER);
    let tell = |block: &str| chain.ask("eth_call", json!([{ "to": teller }, block]));
    let snapshot = chain.ask("evm_snapshot", json!([]));
    chain.ask("devnode_setL1BlockNumber", json!([1_000]));
    assert_eq!((tell("latest"), tell("pending")), (json!(word(5)), json!(word(1_000))));
    let receipt = chain.send(json!({ "to": NOBODY }));
    assert_eq!((&receipt["l1BlockNumber"], tell("latest")), (&json!("0x3e8"), json!(word(1_000))));
    let error = chain.refuse("devnode_setL1BlockNumber", json!([999]));
    assert_eq!(error.message, "L1 block number 999 is lower than the present one, 1000");
    chain.ask("evm_revert", json!([snapshot]));
    assert_eq!(tell("pending"), word(5));
}

#[test]
fn the_clock_can_be_set_and_blocks_spaced() {
    let chain = Chain::new(Config { timestamp: Some(1_700_000_000), ..Config::default() });
    let latest = || number(&chain.ask("eth_getBlockByNumber", json!(["latest", false]))["timestamp"]);
    chain.ask("anvil_setTime", json!([1_800_000_000]));
    chain.ask("evm_mine", json!([]));
    assert!((1_800_000_000..1_800_000_060).contains(&latest()));
    let moved = chain.ask("evm_setTime", json!([1_900_000_000_000_u64])).as_i64().expect("a number");
    assert!((99_999_900..=100_000_000).contains(&moved), "{moved}: those were milliseconds");
    chain.ask("evm_mine", json!([]));
    assert!((1_900_000_000..1_900_000_060).contains(&latest()));
    let start = latest();
    chain.ask("anvil_setBlockTimestampInterval", json!([100]));
    chain.ask("anvil_mine", json!([3]));
    assert_eq!(latest(), start + 300);
    assert_eq!(chain.ask("anvil_removeBlockTimestampInterval", json!([])), true);
    assert_eq!(chain.ask("anvil_removeBlockTimestampInterval", json!([])), false);
    chain.ask("evm_mine", json!([{ "timestamp": start + 1_000, "blocks": 2 }]));
    assert!((start + 1_000..start + 1_060).contains(&latest()));
    assert_eq!(chain.height(), 7);
}

#[test]
fn accounts_can_be_set_by_the_names_that_other_nodes_use() {
    let chain = Chain::default();
    chain.ask("evm_setAccountBalance", json!([NOBODY, "0x5"]));
    chain.ask("evm_setAccountNonce", json!([NOBODY, "0x6"]));
    chain.ask("evm_setAccountCode", json!([NOBODY, "0x4200"]));
    chain.ask("evm_setAccountStorageAt", json!([NOBODY, "0x0", word(7)]));
    assert_eq!((chain.balance(NOBODY), chain.nonce(NOBODY)), (U256::from(5), 6));
    assert_eq!((chain.code(NOBODY), chain.slot(NOBODY)), ("0x4200".to_owned(), json!(word(7))));
}

#[test]
fn the_node_tells_what_it_is_and_what_cannot_be_set() {
    let chain = Chain::default();
    chain.send(json!({ "to": NOBODY }));
    let info = chain.ask("anvil_nodeInfo", json!([]));
    assert_eq!((&info["currentBlockNumber"], &info["hardFork"]), (&json!("0x1"), &json!("osaka")));
    assert_eq!(info["environment"]["chainId"], 412_346);
    let metadata = chain.ask("hardhat_metadata", json!([]));
    assert_eq!((&metadata["latestBlockNumber"], &metadata["chainId"]), (&json!(1), &json!(412_346)));
    assert_eq!(metadata["clientVersion"], chain.ask("web3_clientVersion", json!([])));
    assert_eq!(chain.ask("eth_coinbase", json!([])), chain.ask("eth_getBlockByNumber", json!(["0x1", false]))["miner"]);
    for (method, argument) in [
        ("hardhat_setCoinbase", json!(NOBODY)),
        ("anvil_setCoinbase", json!(NOBODY)),
        ("hardhat_setPrevRandao", json!(word(1))),
        ("anvil_setChainId", json!(1)),
    ] {
        let error = chain.refuse(method, json!([argument]));
        assert_eq!(error.code, -32000, "{method}: {error}");
    }
}

#[test]
fn a_program_that_ran_in_the_block_is_cheaper_where_the_version_says_so() {
    let used = |arbos_version| {
        let chain = Chain::new(Config { arbos_version, ..Config::default() });
        let probe = deploy_probe(&chain);
        chain.ask("evm_setAutomine", json!([false]));
        let sent: Vec<Value> =
            (0..2).map(|_| chain.ask("eth_sendTransaction", json!([{ "to": probe, "gas": "0x30d40" }]))).collect();
        chain.ask("evm_mine", json!([]));
        let gas = |hash: &Value| number(&chain.receipt(hash)["gasUsed"]);
        let trace = chain.ask("debug_traceTransaction", json!([sent[1], { "tracer": "callTracer" }]));
        assert_eq!(number(&trace["gasUsed"]), gas(&sent[1]), "a trace knows what ran before");
        (gas(&sent[0]), gas(&sent[1]))
    };
    let (first, second) = used(51);
    assert_eq!(first, second);
    let (first, second) = used(61);
    assert!(second < first, "{second} < {first}");
}

#[test]
fn data_is_paid_for_on_l1_where_it_has_a_price() {
    let free = Chain::default();
    let chain = Chain::new(Config { l1_price_per_unit: 1_000_000_000, ..Config::default() });
    let pricer = address!("a4b00000000000000000000000000000000000f6");
    let l1_gas = |receipt: &Value| number(&receipt["gasUsedForL1"]);
    let writers = [&free, &chain].map(|chain| chain.place(0x22, WRITER));
    let request = json!({ "to": writers[0], "data": word(5) });
    let (cheap, dear) = (free.send(request.clone()), chain.send(request.clone()));
    assert_eq!(l1_gas(&cheap), 0);
    let paid = l1_gas(&dear);
    // A transaction of 100 to 160 bytes, of 16 units each, at ten gas a unit.
    assert!((100 * 160..160 * 160).contains(&paid), "{paid}");
    assert_eq!(number(&dear["gasUsed"]), number(&cheap["gasUsed"]) + paid);
    assert_eq!(chain.balance(pricer), U256::from(paid) * U256::from(100_000_000));
    let sent = chain.ask("eth_getTransactionByHash", json!([dear["transactionHash"]]));
    assert!(number(&sent["gas"]) > number(&dear["gasUsed"]), "the estimate leaves room");
    let trace = chain.ask("debug_traceTransaction", json!([dear["transactionHash"], { "tracer": "callTracer" }]));
    assert_eq!(trace["gasUsed"], dear["gasUsed"]);
    let collected = &trace["afterEVMTransfers"][2];
    assert_eq!(collected["value"], format!("{:#x}", paid * 100_000_000));

    // More data of noise costs more, as much of one byte hardly does.
    let used = |data: String| l1_gas(&chain.send(json!({ "to": NOBODY, "data": data, "gas": "0xf4240" })));
    let noise: String = (0..32_u8).map(|seed| hex::encode(keccak256([seed]))).collect();
    let (noise, zeros) = (used(format!("0x{noise}")), used(format!("0x{}", "00".repeat(1_024))));
    assert!(noise > zeros + 900 * 160, "{noise} and {zeros}");

    let error = chain.refuse("eth_sendRawTransaction", json!([signed(TxEip1559 { gas_limit: 21_000, ..transfer(3) })]));
    assert!(error.message.starts_with("intrinsic gas too low: have 21000, want "), "{error}");
    // ArbGasInfo.getCurrentTxL1GasFees and NodeInterface.gasEstimateL1Component.
    let fees = json!([{ "to": "0x000000000000000000000000000000000000006c", "data": "0xc6f7de0e" }]);
    assert_eq!(free.ask("eth_call", fees.clone()), word(0));
    assert_ne!(chain.ask("eth_call", fees), word(0));
    let component = format!("0x77d488a2{:0>64}{:0>64}{:0>64}{:0>64}", hex::encode(NOBODY), 0, 60, 0);
    let component = json!([{ "to": "0x00000000000000000000000000000000000000c8", "data": component }]);
    let [none, some] = [&free, &chain].map(|chain| chain.ask("eth_call", component.clone()));
    let fields = |told: &Value| {
        let bytes = hex::decode(told.as_str().expect("hex")).expect("hex");
        [0, 32, 64].map(|at| U256::from_be_slice(&bytes[at..at + 32]))
    };
    let [none, some] = [fields(&none), fields(&some)];
    assert_eq!(none, [U256::ZERO, U256::from(100_000_000), U256::ZERO]);
    assert!(some[0] > U256::from(16_000) && some[2] == U256::from(1_000_000_000), "{some:?}");
}

#[test]
fn an_owner_sets_the_least_base_fee() {
    let chain = Chain::default();
    // ArbDebug.becomeChainOwner and ArbOwner.setMinimumL2BaseFee.
    chain.send(json!({ "to": "0x00000000000000000000000000000000000000ff", "data": "0x0e5bbc11" }));
    let set = format!("0xa0188cdb{:064x}", 200_000_000);
    let receipt = chain.send(json!({ "to": "0x0000000000000000000000000000000000000070", "data": set }));
    assert_eq!(receipt["status"], "0x1");
    let fees = [(); 3].map(|()| chain.send(json!({ "to": NOBODY }))["effectiveGasPrice"].clone());
    assert_eq!(fees[1..], ["0xbebc200", "0xbebc200"], "{fees:?}");
}

#[test]
fn what_waits_and_what_nobody_signed_outlive_a_restart() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let config = Config { state_file: Some(folder.path().join("chain")), ..Config::default() };
    let chain = Chain::new(config.clone());
    let contract = chain.place(0x31, STOP);
    chain.ask("anvil_setBalance", json!([contract, "0xde0b6b3a7640000"]));
    chain.ask("anvil_impersonateAccount", json!([contract]));
    let unsigned = chain.ask("eth_sendTransaction", json!([{ "from": contract, "to": NOBODY, "value": "0x1" }]));
    chain.ask("anvil_setBlockTimestampInterval", json!([1_000]));
    chain.ask("evm_setAutomine", json!([false]));
    let waiting = chain.ask("eth_sendTransaction", json!([{ "to": NOBODY, "value": "0x2" }]));
    let before = chain.ask("eth_getTransactionByHash", json!([unsigned]));
    chain.node().save().expect("it is written");
    drop(chain);

    let chain = Chain::new(config);
    assert_eq!(chain.ask("eth_getTransactionByHash", json!([unsigned])), before);
    assert_eq!(chain.receipt(&waiting)["blockNumber"], "0x2", "it was mined, since blocks are made at once again");
    assert_eq!(chain.balance(NOBODY), U256::from(3));
    let time = |block| number(&chain.ask("eth_getBlockByNumber", json!([block, false]))["timestamp"]);
    assert_eq!(time("0x2"), time("0x1") + 1_000);
    let reset = chain.ask("hardhat_reset", json!([]));
    assert_eq!((reset, chain.height()), (json!(true), 0));
}
