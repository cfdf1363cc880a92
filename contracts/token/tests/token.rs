//! PALI: every function and error, and its votes against a naive model.

use std::collections::BTreeMap;

use alloy_primitives::{
    Address, B256, U256,
    aliases::{U48, U208},
    hex, keccak256, uint,
};
use alloy_sol_types::{Eip712Domain, Panic, SolCall, SolInterface, SolStruct, SolValue, sol};
use proptest::prelude::*;
use protocol::abi::{IERC20, IERC20Permit, IERC6372, IToken, IVotes};
use testkit::{
    Reverted, World,
    signer::{Signature, Signer},
};
use token::Token;

const SUPPLY: U256 = uint!(10_000_000_000000000000000000_U256);

sol! {
    struct Permit { address owner; address spender; uint256 value; uint256 nonce; uint256 deadline; }
    struct Delegation { address delegatee; uint256 nonce; uint256 expiry; }
}

/// A world with the token, all of it Alice's.
struct Bank {
    world: World,
    token: Address,
    alice: Address,
    bob: Address,
    carol: Address,
}

impl Bank {
    fn new() -> Self {
        let world = World::new();
        let [token, alice, bob, carol] = ["token", "alice", "bob", "carol"].map(|name| world.address(name));
        world.construct::<Token>(token, alice, (alice, SUPPLY).abi_encode_params());
        Self { world, token, alice, bob, carol }
    }

    fn read<C: SolCall>(&self, call: C) -> C::Return {
        self.world.read(self.token, call)
    }

    fn send<C: SolCall>(&self, from: Address, call: C) -> C::Return {
        self.world.send(from, self.token, call).unwrap_or_else(|reverted| panic!("0x{}", hex::encode(reverted.0)))
    }

    fn refused<C: SolCall>(&self, from: Address, call: C) -> Reverted {
        self.world.refused(from, self.token, call)
    }

    fn balance(&self, account: Address) -> U256 {
        self.read(IERC20::balanceOfCall { account })
    }

    fn votes(&self, account: Address) -> U256 {
        self.read(IVotes::getVotesCall { account })
    }

    fn past_votes(&self, account: Address, timepoint: u64) -> U256 {
        self.read(IVotes::getPastVotesCall { account, timepoint: U256::from(timepoint) })
    }

    fn transfer(&self, from: Address, to: Address, value: u64) {
        assert!(self.send(from, IERC20::transferCall { to, value: U256::from(value) }));
    }

    fn delegate(&self, from: Address, delegatee: Address) {
        self.send(from, IVotes::delegateCall { delegatee });
    }

    fn domain(&self) -> Eip712Domain {
        Eip712Domain {
            name: Some("Palisade".into()),
            version: Some("1".into()),
            chain_id: Some(uint!(412346_U256)),
            verifying_contract: Some(self.token),
            salt: None,
        }
    }

    fn permit(&self, signer: &Signer, permit: &Permit) -> IERC20Permit::permitCall {
        let Signature { v, r, s } = signer.sign(permit.eip712_signing_hash(&self.domain()));
        let Permit { owner, spender, value, deadline, .. } = *permit;
        IERC20Permit::permitCall { owner, spender, value, deadline, v, r, s }
    }

    fn delegation(&self, signer: &Signer, delegation: &Delegation) -> IVotes::delegateBySigCall {
        let Signature { v, r, s } = signer.sign(delegation.eip712_signing_hash(&self.domain()));
        let Delegation { delegatee, nonce, expiry } = *delegation;
        IVotes::delegateBySigCall { delegatee, nonce, expiry, v, r, s }
    }
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————— interface

#[test]
fn the_interface_and_the_contract_agree() {
    let world = World::new();
    let mut all: Vec<_> = IToken::ITokenCalls::selectors().collect();
    all.extend(IERC20::IERC20Calls::selectors());
    all.extend(IERC20Permit::IERC20PermitCalls::selectors());
    all.extend(IVotes::IVotesCalls::selectors());
    all.extend(IERC6372::IERC6372Calls::selectors());
    assert_eq!(all.len(), 23);
    for selector in all {
        assert!(world.routes::<Token>(selector), "0x{}", hex::encode(selector));
    }
}

#[test]
fn the_whole_supply_is_the_holders_for_ever() {
    let bank = Bank::new();
    assert_eq!(bank.read(IERC20::totalSupplyCall {}), SUPPLY);
    assert_eq!(bank.balance(bank.alice), SUPPLY);
    assert_eq!(bank.world.events::<IERC20::Transfer>(bank.token)[0].from, Address::ZERO);
    // the constructor runs once
    let again = [&hex!("5585258d")[..], &(bank.bob, SUPPLY).abi_encode_params()].concat();
    assert!(bank.world.transact(bank.bob, bank.token, U256::ZERO, again).is_err());
}

#[test]
fn a_supply_that_votes_cannot_count_is_refused() {
    let world = World::new();
    let most = (U256::ONE << 95) - U256::ONE;
    let holder = world.address("alice");
    let error = |supply| {
        let arguments = (holder, supply).abi_encode_params();
        world.try_construct::<Token>(world.address(&format!("{supply}")), holder, arguments)
    };
    assert_eq!(error(most), Ok(()));
    let refused = error(most + U256::ONE).unwrap_err().expect::<IToken::ERC20ExceededSafeSupply>();
    assert_eq!((refused.increasedSupply, refused.cap), (most + U256::ONE, most));
    assert_eq!(error(U256::MAX).unwrap_err().expect::<IToken::ERC20ExceededSafeSupply>().increasedSupply, U256::MAX);
    let nobody = (Address::ZERO, U256::ONE).abi_encode_params();
    world
        .try_construct::<Token>(world.address("nobody's"), holder, nobody)
        .unwrap_err()
        .expect::<IERC20::ERC20InvalidReceiver>();
}

#[test]
fn it_describes_itself() {
    let bank = Bank::new();
    assert_eq!(bank.read(IERC20::nameCall {}), "Palisade");
    assert_eq!(bank.read(IERC20::symbolCall {}), "PALI");
    assert_eq!(bank.read(IERC20::decimalsCall {}), 18);
    assert_eq!(bank.read(IERC6372::CLOCK_MODECall {}), "mode=timestamp");
    assert_eq!(bank.read(IERC6372::clockCall {}), U48::from(bank.world.now()));
    assert_eq!(bank.read(IERC20Permit::DOMAIN_SEPARATORCall {}), bank.domain().separator());
    let described = bank.read(IERC20Permit::eip712DomainCall {});
    assert_eq!((described.fields.0, described.name.as_str(), described.version.as_str()), ([0x0f], "Palisade", "1"));
    assert_eq!((described.chainId, described.verifyingContract), (uint!(412346_U256), bank.token));
    assert_eq!((described.salt, described.extensions), (B256::ZERO, vec![]));
}

// —————————————————————————————————————————————————————————————————————————————————————————————————————— ERC-20

#[test]
fn a_transfer_moves_the_value() {
    let bank = Bank::new();
    bank.transfer(bank.alice, bank.bob, 7);
    assert_eq!((bank.balance(bank.alice), bank.balance(bank.bob)), (SUPPLY - U256::from(7), U256::from(7)));
    let event = bank.world.events::<IERC20::Transfer>(bank.token).pop().unwrap();
    assert_eq!((event.from, event.to, event.value), (bank.alice, bank.bob, U256::from(7)));
    // to oneself nothing changes
    bank.transfer(bank.bob, bank.bob, 7);
    assert_eq!(bank.balance(bank.bob), U256::from(7));
}

#[test]
fn a_transfer_above_the_balance_is_refused() {
    let bank = Bank::new();
    bank.transfer(bank.alice, bank.bob, 7);
    for value in [U256::from(8), U256::MAX] {
        let refused = bank.refused(bank.bob, IERC20::transferCall { to: bank.carol, value });
        let error = refused.expect::<IERC20::ERC20InsufficientBalance>();
        assert_eq!((error.sender, error.balance, error.needed), (bank.bob, U256::from(7), value));
    }
}

#[test]
fn the_zero_address_neither_sends_receives_nor_spends() {
    let bank = Bank::new();
    let (zero, value) = (Address::ZERO, U256::ZERO);
    bank.refused(bank.alice, IERC20::transferCall { to: zero, value }).expect::<IERC20::ERC20InvalidReceiver>();
    bank.refused(zero, IERC20::transferCall { to: bank.bob, value }).expect::<IERC20::ERC20InvalidSender>();
    bank.refused(bank.alice, IERC20::approveCall { spender: zero, value }).expect::<IERC20::ERC20InvalidSpender>();
    bank.refused(zero, IERC20::approveCall { spender: bank.bob, value }).expect::<IERC20::ERC20InvalidApprover>();
}

#[test]
fn an_allowance_is_spent_by_what_it_moves() {
    let bank = Bank::new();
    let (owner, spender) = (bank.alice, bank.bob);
    assert!(bank.send(owner, IERC20::approveCall { spender, value: U256::from(10) }));
    let event = bank.world.events::<IERC20::Approval>(bank.token).pop().unwrap();
    assert_eq!((event.owner, event.spender, event.value), (owner, spender, U256::from(10)));
    let take = |value: u64| IERC20::transferFromCall { from: owner, to: bank.carol, value: U256::from(value) };
    assert!(bank.send(spender, take(4)));
    assert_eq!(bank.read(IERC20::allowanceCall { owner, spender }), U256::from(6));
    let error = bank.refused(spender, take(7)).expect::<IERC20::ERC20InsufficientAllowance>();
    assert_eq!((error.spender, error.allowance, error.needed), (spender, U256::from(6), U256::from(7)));
    assert_eq!(bank.balance(bank.carol), U256::from(4));
}

#[test]
fn an_unlimited_allowance_stays() {
    let bank = Bank::new();
    let (owner, spender) = (bank.alice, bank.bob);
    bank.send(owner, IERC20::approveCall { spender, value: U256::MAX });
    bank.send(spender, IERC20::transferFromCall { from: owner, to: spender, value: U256::from(4) });
    assert_eq!(bank.read(IERC20::allowanceCall { owner, spender }), U256::MAX);
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————— ERC-2612

#[test]
fn a_permit_is_good_once() {
    let bank = Bank::new();
    let owner = Signer::new("owner");
    let deadline = U256::from(bank.world.now());
    let permit = Permit { owner: owner.address, spender: bank.bob, value: U256::from(5), nonce: U256::ZERO, deadline };
    let call = bank.permit(&owner, &permit);
    bank.send(bank.carol, call.clone());
    assert_eq!(bank.read(IERC20::allowanceCall { owner: owner.address, spender: bank.bob }), U256::from(5));
    assert_eq!(bank.read(IERC20Permit::noncesCall { owner: owner.address }), U256::ONE);
    assert!(bank.refused(bank.carol, call).is::<IERC20Permit::ERC2612InvalidSigner>());
}

#[test]
fn a_permit_that_someone_else_signed_is_refused() {
    let bank = Bank::new();
    let (owner, thief) = (Signer::new("owner"), Signer::new("thief"));
    let deadline = U256::MAX;
    let permit = Permit { owner: owner.address, spender: bank.bob, value: U256::MAX, nonce: U256::ZERO, deadline };
    let error = bank.refused(bank.bob, bank.permit(&thief, &permit)).expect::<IERC20Permit::ERC2612InvalidSigner>();
    assert_eq!((error.signer, error.owner), (thief.address, owner.address));
    // another value than the signed one
    let mut call = bank.permit(&owner, &permit);
    call.value = U256::ONE;
    bank.refused(bank.bob, call).expect::<IERC20Permit::ERC2612InvalidSigner>();
}

#[test]
fn a_permit_after_its_deadline_is_refused() {
    let bank = Bank::new();
    let owner = Signer::new("owner");
    let deadline = U256::from(bank.world.now() - 1);
    let permit = Permit { owner: owner.address, spender: bank.bob, value: U256::ONE, nonce: U256::ZERO, deadline };
    let refused = bank.refused(bank.bob, bank.permit(&owner, &permit));
    assert_eq!(refused.expect::<IERC20Permit::ERC2612ExpiredSignature>().deadline, deadline);
}

#[test]
fn a_second_signature_made_from_the_first_is_refused() {
    let bank = Bank::new();
    let owner = Signer::new("owner");
    let permit =
        Permit { owner: owner.address, spender: bank.bob, value: U256::ONE, nonce: U256::ZERO, deadline: U256::MAX };
    let mut call = bank.permit(&owner, &permit);
    let order = uint!(0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141_U256);
    call.s = B256::from(order - U256::from_be_bytes(call.s.0));
    call.v = 55 - call.v;
    assert_eq!(bank.refused(bank.bob, call.clone()).expect::<IToken::ECDSAInvalidSignatureS>().s, call.s);
    for v in [0, 1, 26, 29, 255] {
        let call = IERC20Permit::permitCall { v, ..bank.permit(&owner, &permit) };
        bank.refused(bank.bob, call).expect::<IToken::ECDSAInvalidSignature>();
    }
    // nobody's signature is not the zero address's
    let nobody = IERC20Permit::permitCall { owner: Address::ZERO, r: B256::ZERO, ..bank.permit(&owner, &permit) };
    bank.refused(bank.bob, nobody).expect::<IToken::ECDSAInvalidSignature>();
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————— ERC-5805

#[test]
fn units_vote_once_they_are_delegated() {
    let bank = Bank::new();
    assert_eq!(
        (bank.votes(bank.alice), bank.read(IVotes::delegatesCall { account: bank.alice })),
        (U256::ZERO, Address::ZERO)
    );
    bank.delegate(bank.alice, bank.bob);
    assert_eq!((bank.votes(bank.alice), bank.votes(bank.bob)), (U256::ZERO, SUPPLY));
    assert_eq!(bank.read(IVotes::delegatesCall { account: bank.alice }), bank.bob);
    assert_eq!(bank.balance(bank.alice), SUPPLY, "the balance stays beside the delegate");
    let changed = bank.world.events::<IVotes::DelegateChanged>(bank.token).pop().unwrap();
    assert_eq!((changed.delegator, changed.fromDelegate, changed.toDelegate), (bank.alice, Address::ZERO, bank.bob));
    let moved = bank.world.events::<IVotes::DelegateVotesChanged>(bank.token).pop().unwrap();
    assert_eq!((moved.delegate, moved.previousVotes, moved.newVotes), (bank.bob, U256::ZERO, SUPPLY));
    // to nobody
    bank.delegate(bank.alice, Address::ZERO);
    assert_eq!((bank.votes(bank.bob), bank.balance(bank.alice)), (U256::ZERO, SUPPLY));
}

#[test]
fn votes_follow_the_units() {
    let bank = Bank::new();
    bank.delegate(bank.alice, bank.alice);
    bank.delegate(bank.bob, bank.carol);
    bank.transfer(bank.alice, bank.bob, 100);
    assert_eq!((bank.votes(bank.alice), bank.votes(bank.carol)), (SUPPLY - U256::from(100), U256::from(100)));
    // between accounts with one delegate no votes move
    bank.delegate(bank.alice, bank.carol);
    let events = bank.world.events::<IVotes::DelegateVotesChanged>(bank.token).len();
    bank.transfer(bank.alice, bank.bob, 100);
    assert_eq!(bank.votes(bank.carol), SUPPLY);
    assert_eq!(bank.world.events::<IVotes::DelegateVotesChanged>(bank.token).len(), events);
}

#[test]
fn the_past_is_what_is_before_now() {
    let bank = Bank::new();
    let start = bank.world.now();
    bank.delegate(bank.alice, bank.alice);
    for timepoint in [U256::from(start), U256::from(start + 1), U256::MAX] {
        let past = bank.world.try_read(bank.token, IVotes::getPastVotesCall { account: bank.alice, timepoint });
        let error = past.unwrap_err().expect::<IVotes::ERC5805FutureLookup>();
        assert_eq!((error.timepoint, error.clock), (timepoint, U48::from(start)));
        let supply = bank.world.try_read(bank.token, IVotes::getPastTotalSupplyCall { timepoint });
        supply.unwrap_err().expect::<IVotes::ERC5805FutureLookup>();
    }
    bank.world.warp(1);
    assert_eq!(bank.past_votes(bank.alice, start), SUPPLY);
    assert_eq!(bank.past_votes(bank.alice, start - 1), U256::ZERO);
    assert_eq!(bank.read(IVotes::getPastTotalSupplyCall { timepoint: U256::from(start) }), SUPPLY);
    assert_eq!(bank.read(IVotes::getPastTotalSupplyCall { timepoint: U256::from(start - 1) }), U256::ZERO);
}

#[test]
fn changes_of_one_second_make_one_checkpoint() {
    let bank = Bank::new();
    let start = bank.world.now();
    let count = || bank.read(IToken::numCheckpointsCall { account: bank.alice });
    let checkpoint = |pos| {
        let found = bank.world.try_read(bank.token, IToken::checkpointsCall { account: bank.alice, pos });
        found.map(|checkpoint| (checkpoint._key, checkpoint._value))
    };
    assert_eq!(count(), 0);
    let nothing = checkpoint(0).unwrap_err().expect::<Panic>();
    assert_eq!(nothing.code, U256::from(0x32), "as Solidity has it");
    bank.delegate(bank.alice, bank.alice);
    bank.transfer(bank.alice, bank.bob, 1);
    assert_eq!(count(), 1);
    for _ in 1..5 {
        bank.world.warp(10);
        bank.transfer(bank.alice, bank.bob, 1);
    }
    assert_eq!(count(), 5);
    for pos in 0..5_u32 {
        let found = checkpoint(pos).unwrap();
        let value = SUPPLY - U256::from(pos + 1);
        assert_eq!(found, (U48::from(start + 10 * u64::from(pos)), U208::from(value)));
    }
    checkpoint(5).unwrap_err().expect::<Panic>();
    checkpoint(u32::MAX).unwrap_err().expect::<Panic>();
}

#[test]
fn two_older_checkpoints_share_a_word() {
    let bank = Bank::new();
    bank.delegate(bank.alice, bank.alice);
    bank.transfer(bank.alice, bank.bob, 1);
    let mut slots = vec![bank.world.slots_of(bank.token)];
    for _ in 0..4 {
        bank.world.warp(1);
        bank.transfer(bank.alice, bank.bob, 1);
        slots.push(bank.world.slots_of(bank.token));
    }
    let first = slots[0];
    assert_eq!(slots, [first, first + 1, first + 1, first + 2, first + 2]);
}

#[test]
fn a_first_delegation_fills_one_slot() {
    let bank = Bank::new();
    let before = bank.world.slots_of(bank.token);
    bank.delegate(bank.alice, bank.alice);
    assert_eq!(bank.world.slots_of(bank.token), before + 1);
}

#[test]
fn a_signed_delegation_is_good_once() {
    let bank = Bank::new();
    let holder = Signer::new("holder");
    bank.transfer(bank.alice, holder.address, 9);
    let delegation = Delegation { delegatee: bank.carol, nonce: U256::ZERO, expiry: U256::from(bank.world.now()) };
    let call = bank.delegation(&holder, &delegation);
    bank.send(bank.bob, call.clone());
    assert_eq!(bank.votes(bank.carol), U256::from(9));
    assert_eq!(bank.read(IERC20Permit::noncesCall { owner: holder.address }), U256::ONE);
    let error = bank.refused(bank.bob, call.clone()).expect::<IERC20Permit::InvalidAccountNonce>();
    assert_eq!((error.account, error.currentNonce), (holder.address, U256::ONE));
    bank.world.warp(1);
    let error = bank.refused(bank.bob, call).expect::<IVotes::VotesExpiredSignature>();
    assert_eq!(error.expiry, delegation.expiry);
}

#[test]
fn a_signed_delegation_of_another_text_is_somebody_elses() {
    let bank = Bank::new();
    let holder = Signer::new("holder");
    bank.transfer(bank.alice, holder.address, 9);
    let delegation = Delegation { delegatee: bank.carol, nonce: U256::ZERO, expiry: U256::MAX };
    let mut call = bank.delegation(&holder, &delegation);
    call.delegatee = bank.bob;
    // whoever the key is that this recovers to, it is not the holder
    bank.send(bank.bob, call);
    assert_eq!((bank.votes(bank.bob), bank.votes(bank.carol)), (U256::ZERO, U256::ZERO));
    assert_eq!(bank.read(IERC20Permit::noncesCall { owner: holder.address }), U256::ZERO);
}

// ————————————————————————————————————————————————————————————————————————————————————————————————————— a model

/// What can happen between four accounts.
#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Transfer(usize, usize, u64),
    /// To an account, or to nobody (4).
    Delegate(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..20u64).prop_map(Step::Wait),
        3 => (0..4usize, 0..4usize, 0..1_000u64).prop_map(|(from, to, value)| Step::Transfer(from, to, value)),
        2 => (0..4usize, 0..5usize).prop_map(|(from, to)| Step::Delegate(from, to)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// A model that keeps everything: balances, delegates, and the votes of all accounts after each step.
    #[test]
    fn votes_are_those_of_a_naive_model(steps in proptest::collection::vec(step(), 1..80)) {
        let bank = Bank::new();
        let accounts = [bank.alice, bank.bob, bank.carol, bank.world.address("dave")];
        let nobody = Address::ZERO;
        let start = bank.world.now();
        let mut balances = [SUPPLY, U256::ZERO, U256::ZERO, U256::ZERO];
        let mut delegates = [4; 4];
        let mut history = BTreeMap::from([(start, [U256::ZERO; 4])]);
        for step in steps {
            match step {
                Step::Wait(seconds) => bank.world.warp(seconds),
                Step::Transfer(from, to, value) => {
                    let value = U256::from(value);
                    let call = IERC20::transferCall { to: accounts[to], value };
                    let sent = bank.world.send(accounts[from], bank.token, call);
                    prop_assert_eq!(sent.is_ok(), balances[from] >= value);
                    if sent.is_ok() {
                        balances[from] -= value;
                        balances[to] += value;
                    }
                }
                Step::Delegate(from, to) => {
                    bank.delegate(accounts[from], accounts.get(to).copied().unwrap_or(nobody));
                    delegates[from] = to;
                }
            }
            let mut votes = [U256::ZERO; 5];
            for (balance, delegate) in balances.iter().zip(delegates) {
                votes[delegate] += *balance;
            }
            let votes = [votes[0], votes[1], votes[2], votes[3]];
            history.insert(bank.world.now(), votes);
            for (account, votes) in accounts.iter().zip(votes) {
                prop_assert_eq!(bank.votes(*account), votes);
            }
        }
        for (account, balance) in accounts.iter().zip(balances) {
            prop_assert_eq!(bank.balance(*account), balance);
        }
        bank.world.warp(1);
        for time in start - 1..bank.world.now() {
            let expected = history.range(..=time).next_back().map_or([U256::ZERO; 4], |(_, votes)| *votes);
            for (account, votes) in accounts.iter().zip(expected) {
                prop_assert_eq!(bank.past_votes(*account, time), votes, "at {}", time);
            }
        }
        // the list of checkpoints tells the same story, in order and without repetition of a time
        for account in accounts {
            let count = bank.read(IToken::numCheckpointsCall { account });
            let list: Vec<_> =
                (0..count).map(|pos| bank.read(IToken::checkpointsCall { account, pos })).collect();
            prop_assert!(list.windows(2).all(|pair| pair[0]._key < pair[1]._key));
            for checkpoint in list {
                let votes = U256::from(checkpoint._value);
                prop_assert_eq!(bank.past_votes(account, checkpoint._key.to()), votes);
            }
        }
    }
}

#[test]
fn the_domain_is_the_one_that_wallets_work_out() {
    let bank = Bank::new();
    let typehash = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    let words = (typehash, keccak256("Palisade"), keccak256("1"), uint!(412346_U256), bank.token).abi_encode();
    assert_eq!(bank.read(IERC20Permit::DOMAIN_SEPARATORCall {}), keccak256(words));
}
