//! ERC-20 and permit as a contract exposes them: balances against a model, and every error.
#![allow(missing_docs)]

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256, uint};
use alloy_sol_types::{Eip712Domain, SolStruct, sol};
use proptest::prelude::*;
use standards::{
    Result, eip712,
    erc20::Erc20,
    errors::{
        ERC20InsufficientAllowance, ERC20InsufficientBalance, ERC20InvalidApprover, ERC20InvalidReceiver,
        ERC20InvalidSender, ERC20InvalidSpender, ERC2612ExpiredSignature, ERC2612InvalidSigner, MathOverflow,
    },
    events::{Approval, Transfer},
    permit::{self, Nonces},
};
use stylus_sdk::prelude::*;
use testkit::{World, signer::Signer};

extern crate alloc;

sol! {
    interface ICoin {
        function mint(address to, uint256 value) external;
        function burn(address from, uint256 value) external;
        function transfer(address to, uint256 value) external;
        function approve(address spender, uint256 value) external;
        function transferFrom(address from, address to, uint256 value) external;
        function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
        function balanceOf(address account) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
        function totalSupply() external view returns (uint256);
    }
    struct Permit { address owner; address spender; uint256 value; uint256 nonce; uint256 deadline; }
}

/// A token that lets everybody mint and burn.
#[entrypoint]
#[storage]
pub struct Coin {
    erc20: Erc20,
    nonces: Nonces,
}

#[public]
impl Coin {
    pub fn mint(&mut self, to: Address, value: U256) -> Result<()> {
        self.erc20.mint(to, value)
    }

    pub fn burn(&mut self, from: Address, value: U256) -> Result<()> {
        self.erc20.burn(from, value)
    }

    pub fn transfer(&mut self, to: Address, value: U256) -> Result<()> {
        self.erc20.transfer(to, value)
    }

    pub fn approve(&mut self, spender: Address, value: U256) -> Result<()> {
        self.erc20.approve(spender, value)
    }

    pub fn transfer_from(&mut self, from: Address, to: Address, value: U256) -> Result<()> {
        self.erc20.transfer_from(from, to, value)
    }

    #[allow(clippy::too_many_arguments)]
    pub fn permit(
        &mut self,
        owner: Address,
        spender: Address,
        value: U256,
        deadline: U256,
        v: u8,
        r: B256,
        s: B256,
    ) -> Result<()> {
        let separator = eip712::domain_separator(self.vm(), "Coin", "7");
        let signed = permit::Permit { owner, spender, value, deadline, v, r, s };
        permit::permit(&mut self.erc20, &mut self.nonces, separator, &signed)
    }

    pub fn balance_of(&self, account: Address) -> U256 {
        self.erc20.balance_of(account)
    }

    pub fn allowance(&self, owner: Address, spender: Address) -> U256 {
        self.erc20.allowance(owner, spender)
    }

    pub fn total_supply(&self) -> U256 {
        self.erc20.total_supply()
    }
}

struct Bank {
    world: World,
    coin: Address,
    alice: Address,
    bob: Address,
}

impl Bank {
    /// Alice has 100.
    fn new() -> Self {
        let world = World::new();
        let [coin, alice, bob] = ["coin", "alice", "bob"].map(|name| world.address(name));
        world.place::<Coin>(coin);
        let bank = Self { world, coin, alice, bob };
        bank.world.send(bob, coin, ICoin::mintCall { to: alice, value: U256::from(100) }).unwrap();
        bank
    }

    fn balance(&self, account: Address) -> U256 {
        self.world.read(self.coin, ICoin::balanceOfCall { account })
    }

    fn supply(&self) -> U256 {
        self.world.read(self.coin, ICoin::totalSupplyCall {})
    }

    fn last<E: alloy_sol_types::SolEvent>(&self) -> E {
        self.world.events::<E>(self.coin).pop().expect("there is such an event")
    }
}

#[test]
fn mints_and_burns_change_the_supply() {
    let bank = Bank::new();
    let event = bank.last::<Transfer>();
    assert_eq!((event.from, event.to, event.value), (Address::ZERO, bank.alice, U256::from(100)));
    bank.world.send(bank.bob, bank.coin, ICoin::burnCall { from: bank.alice, value: U256::from(30) }).unwrap();
    let event = bank.last::<Transfer>();
    assert_eq!((event.from, event.to, event.value), (bank.alice, Address::ZERO, U256::from(30)));
    assert_eq!((bank.balance(bank.alice), bank.supply()), (U256::from(70), U256::from(70)));

    let burn = ICoin::burnCall { from: bank.alice, value: U256::from(71) };
    let error = bank.world.refused(bank.bob, bank.coin, burn).expect::<ERC20InsufficientBalance>();
    assert_eq!((error.sender, error.balance, error.needed), (bank.alice, U256::from(70), U256::from(71)));
    let mint = ICoin::mintCall { to: bank.bob, value: U256::MAX };
    bank.world.refused(bank.bob, bank.coin, mint).expect::<MathOverflow>();
    let mint = ICoin::mintCall { to: Address::ZERO, value: U256::ONE };
    bank.world.refused(bank.bob, bank.coin, mint).expect::<ERC20InvalidReceiver>();
    let burn = ICoin::burnCall { from: Address::ZERO, value: U256::ONE };
    bank.world.refused(bank.bob, bank.coin, burn).expect::<ERC20InvalidSender>();
}

#[test]
fn the_zero_address_takes_no_part() {
    let bank = Bank::new();
    let (zero, value) = (Address::ZERO, U256::ZERO);
    let refused = |from, call| bank.world.refused(from, bank.coin, call);
    refused(bank.alice, ICoin::transferCall { to: zero, value }).expect::<ERC20InvalidReceiver>();
    refused(zero, ICoin::transferCall { to: bank.bob, value }).expect::<ERC20InvalidSender>();
    let refused = |from, call| bank.world.refused(from, bank.coin, call);
    refused(bank.alice, ICoin::approveCall { spender: zero, value }).expect::<ERC20InvalidSpender>();
    refused(zero, ICoin::approveCall { spender: bank.bob, value }).expect::<ERC20InvalidApprover>();
}

#[test]
fn an_allowance_is_spent_unless_it_is_unlimited() {
    let bank = Bank::new();
    let (owner, spender) = (bank.alice, bank.bob);
    let allowance = || bank.world.read(bank.coin, ICoin::allowanceCall { owner, spender });
    let approve = |value| bank.world.send(owner, bank.coin, ICoin::approveCall { spender, value }).unwrap();
    let take = ICoin::transferFromCall { from: owner, to: spender, value: U256::from(40) };
    approve(U256::from(50));
    let event = bank.last::<Approval>();
    assert_eq!((event.owner, event.spender, event.value), (owner, spender, U256::from(50)));
    bank.world.send(spender, bank.coin, take.clone()).unwrap();
    assert_eq!((allowance(), bank.balance(spender)), (U256::from(10), U256::from(40)));
    assert_eq!(bank.world.events::<Approval>(bank.coin).len(), 1, "spending is told by the transfer");
    let error = bank.world.refused(spender, bank.coin, take.clone()).expect::<ERC20InsufficientAllowance>();
    assert_eq!((error.spender, error.allowance, error.needed), (spender, U256::from(10), U256::from(40)));
    approve(U256::MAX);
    bank.world.send(spender, bank.coin, take).unwrap();
    assert_eq!(allowance(), U256::MAX);
}

#[test]
fn a_permit_sets_an_allowance_once_and_in_time() {
    let bank = Bank::new();
    let signer = Signer::new("signer");
    let (owner, spender, value) = (signer.address, bank.bob, U256::from(9));
    let domain = Eip712Domain {
        name: Some("Coin".into()),
        version: Some("7".into()),
        chain_id: Some(uint!(412346_U256)),
        verifying_contract: Some(bank.coin),
        salt: None,
    };
    let permit = |nonce: u64, deadline: u64| {
        let deadline = U256::from(deadline);
        let text = Permit { owner, spender, value, nonce: U256::from(nonce), deadline };
        let signature = signer.sign(text.eip712_signing_hash(&domain));
        ICoin::permitCall { owner, spender, value, deadline, v: signature.v, r: signature.r, s: signature.s }
    };
    let now = bank.world.now();
    let late = bank.world.refused(bank.alice, bank.coin, permit(0, now - 1)).expect::<ERC2612ExpiredSignature>();
    assert_eq!(late.deadline, U256::from(now - 1));
    bank.world.send(bank.alice, bank.coin, permit(0, now)).unwrap();
    assert_eq!(bank.world.read(bank.coin, ICoin::allowanceCall { owner, spender }), value);
    let again = bank.world.refused(bank.alice, bank.coin, permit(0, now)).expect::<ERC2612InvalidSigner>();
    assert_eq!(again.owner, owner);
    bank.world.send(bank.alice, bank.coin, permit(1, now)).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn balances_are_those_of_a_map(steps in proptest::collection::vec((0..4u8, 0..3usize, 0..3usize, 0..60u64), 0..40)) {
        let bank = Bank::new();
        let accounts = [bank.alice, bank.bob, bank.world.address("carol")];
        let mut balances = BTreeMap::from([(0, 100), (1, 0), (2, 0)]);
        for (kind, from, to, value) in steps {
            let amount = U256::from(value);
            let enough = balances[&from] >= value;
            let (sent, takes, gives) = match kind {
                0 => {
                    let call = ICoin::mintCall { to: accounts[to], value: amount };
                    (bank.world.send(bank.bob, bank.coin, call).is_ok(), false, true)
                }
                1 => {
                    let call = ICoin::burnCall { from: accounts[from], value: amount };
                    (bank.world.send(bank.bob, bank.coin, call).is_ok(), true, false)
                }
                _ => {
                    let call = ICoin::transferCall { to: accounts[to], value: amount };
                    (bank.world.send(accounts[from], bank.coin, call).is_ok(), true, true)
                }
            };
            prop_assert_eq!(sent, !takes || enough);
            if sent {
                *balances.get_mut(&from).unwrap() -= if takes { value } else { 0 };
                *balances.get_mut(&to).unwrap() += if gives { value } else { 0 };
            }
            for (index, balance) in &balances {
                prop_assert_eq!(bank.balance(accounts[*index]), U256::from(*balance));
            }
            prop_assert_eq!(bank.supply(), U256::from(balances.values().sum::<u64>()));
        }
    }
}
