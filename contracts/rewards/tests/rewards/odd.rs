//! A vault with bad habits: it takes fees, calls back, lies, or does not answer.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use alloy_primitives::{Address, U256, keccak256};
use alloy_sol_types::{SolCall, SolError, SolValue};
use protocol::abi::{
    IERC20, IERC4626, IERC7540Redeem,
    IRewards::{self, UnexpectedBalance},
    IRisk, IVault,
};
use rewards::Rewards;
use standards::errors::{ERC20InsufficientBalance, ReentrancyGuardReentrantCall};
use stylus_sdk::ArbResult;
use testkit::{Context, Native, Reverted, World, token::Token};

use crate::scene::{PALI, Silent, u};

/// How the vault misbehaves; set between transactions.
pub(crate) struct Habits {
    pub(crate) capital: RefCell<Vec<u8>>,
    pub(crate) target: Cell<u128>,
    /// Views of what the rate comes from use up their gas, which their caller sees as a revert without data.
    pub(crate) burns: Cell<bool>,
    pub(crate) week: Cell<U256>,
    pub(crate) cooldown: Cell<U256>,
    pub(crate) asset: Cell<Address>,
    pub(crate) risk: Cell<Address>,
    /// It takes so much of each transfer.
    pub(crate) fee: Cell<u64>,
    /// It calls this contract with this data before it moves anything.
    pub(crate) hook: RefCell<Option<(Address, Vec<u8>)>>,
    pub(crate) hook_result: RefCell<Option<ArbResult>>,
}

struct OddVault(Rc<Habits>);

fn slot(account: Address) -> U256 {
    keccak256(account).into()
}

impl OddVault {
    fn transfer(&self, context: &Context<'_>, from: Address, to: Address, value: U256) -> ArbResult {
        if let Some((at, data)) = self.0.hook.borrow().clone() {
            let result = context.call(at, data);
            *self.0.hook_result.borrow_mut() = Some(result);
        }
        let balance = context.load(slot(from));
        let Some(rest) = balance.checked_sub(value) else {
            return Err(ERC20InsufficientBalance { sender: from, balance, needed: value }.abi_encode());
        };
        context.store(slot(from), rest);
        context.store(slot(to), context.load(slot(to)) + value - u(self.0.fee.get()));
        Ok(true.abi_encode())
    }
}

/// Every allowance is without end.
impl Native for OddVault {
    fn call(&self, context: &Context<'_>, input: &[u8]) -> ArbResult {
        let habits = &self.0;
        let risk = habits.risk.get();
        if let Ok(call) = IERC20::balanceOfCall::abi_decode(input) {
            return Ok(context.load(slot(call.account)).abi_encode());
        }
        if let Ok(call) = IERC20::transferCall::abi_decode(input) {
            return self.transfer(context, context.sender, call.to, call.value);
        }
        if let Ok(call) = IERC20::transferFromCall::abi_decode(input) {
            return self.transfer(context, call.from, call.to, call.value);
        }
        if let Ok(call) = IERC7540Redeem::requestRedeemCall::abi_decode(input) {
            self.transfer(context, call.owner, context.me, call.shares)?;
            return Ok(U256::ZERO.abi_encode());
        }
        // Not a function of a vault: shares out of nothing.
        if let Ok(call) = IERC4626::mintCall::abi_decode(input) {
            context.store(slot(call.receiver), context.load(slot(call.receiver)) + call.shares);
            return Ok(call.shares.abi_encode());
        }
        match input.first_chunk() {
            Some(&IERC4626::assetCall::SELECTOR) => Ok(habits.asset.get().abi_encode()),
            Some(&IVault::weekSecondsCall::SELECTOR) => Ok(habits.week.get().abi_encode()),
            Some(&IVault::cooldownCall::SELECTOR) => Ok(habits.cooldown.get().abi_encode()),
            _ if habits.burns.get() => Err(vec![]),
            Some(&IVault::capitalCall::SELECTOR) => Ok(habits.capital.borrow().clone()),
            Some(&IVault::peersCall::SELECTOR) => Ok((risk, risk, risk, risk).abi_encode()),
            // It is its own risk contract.
            Some(&IRisk::gateCall::SELECTOR) => Ok([U256::ZERO, U256::ZERO, u(habits.target.get())].abi_encode()),
            _ => Err(vec![]),
        }
    }
}

/// Rewards over an odd vault, with PALI and an asset that behave.
pub(crate) struct Odd {
    pub(crate) world: World,
    pub(crate) habits: Rc<Habits>,
    pub(crate) pali: Token,
    pub(crate) asset: Token,
    pub(crate) vault: Address,
    pub(crate) rewards: Address,
    pub(crate) owner: Address,
    pub(crate) alice: Address,
}

impl Odd {
    /// What they are made of, without themselves.
    pub(crate) fn unconstructed() -> Self {
        let world = World::new();
        let name = |name: &str| world.address(name);
        let habits = Rc::new(Habits {
            capital: RefCell::default(),
            target: Cell::new(100),
            burns: Cell::new(false),
            week: Cell::new(u(10u64)),
            cooldown: Cell::new(u(20u64)),
            asset: Cell::new(name("asset")),
            risk: Cell::new(name("vault")),
            fee: Cell::new(0),
            hook: RefCell::default(),
            hook_result: RefCell::default(),
        });
        world.place_native(name("vault"), OddVault(habits.clone()));
        world.place_native(name("policy"), Silent);
        let odd = Self {
            habits,
            pali: Token::deploy(&world, name("pali"), 18),
            asset: Token::deploy(&world, name("asset"), 6),
            vault: name("vault"),
            rewards: name("rewards"),
            owner: name("timelock"),
            alice: name("alice"),
            world: world.clone(),
        };
        odd.tell(100, false);
        odd
    }

    /// At its target, with a most of one PALI a second and nothing funded.
    pub(crate) fn new() -> Self {
        let odd = Self::unconstructed();
        odd.construct(odd.vault, odd.pali.at, odd.world.address("policy")).unwrap();
        odd.done(odd.owner, IRewards::setEmissionCall { mostPerSecond: PALI });
        odd
    }

    pub(crate) fn construct(&self, vault: Address, token: Address, policy: Address) -> Result<(), Reverted> {
        let arguments = (self.owner, Address::ZERO, vault, token, policy).abi_encode_params();
        self.world.try_construct::<Rewards>(self.rewards, self.owner, arguments)
    }

    /// What the vault says of its capital.
    pub(crate) fn tell(&self, capital: u128, closed: bool) {
        *self.habits.capital.borrow_mut() = (u(capital), closed).abi_encode();
    }

    pub(crate) fn mint(&self, to: Address, shares: U256) {
        self.world.send(self.owner, self.vault, IERC4626::mintCall { shares, receiver: to }).unwrap();
    }

    pub(crate) fn fund(&self, amount: u128) {
        self.pali.mint(&self.world, self.rewards, u(amount));
        self.done(self.alice, IRewards::fundCall { token: self.pali.at });
    }

    #[track_caller]
    pub(crate) fn done<C: SolCall>(&self, from: Address, call: C) -> C::Return {
        match self.world.send(from, self.rewards, call) {
            Ok(answer) => answer,
            Err(Reverted(data)) => panic!("{} reverted with 0x{}", C::SIGNATURE, alloy_primitives::hex::encode(data)),
        }
    }

    pub(crate) fn read<C: SolCall>(&self, call: C) -> C::Return {
        self.world.read(self.rewards, call)
    }

    /// Alice has a stake of 1,000 shares, of them 100 on their way out and ready, something earned, and 1,000 more.
    pub(crate) fn staked(&self) {
        self.mint(self.alice, u(2_000u64));
        self.done(self.alice, IRewards::stakeCall { shares: u(1_000u64), account: self.alice });
        self.fund(1_000_000 * PALI);
        self.done(self.alice, IRewards::requestUnstakeCall { shares: u(100u64) });
        self.world.warp(30);
    }
}

#[test]
fn shares_that_do_not_come_in_whole_are_not_staked() {
    let odd = Odd::new();
    odd.mint(odd.alice, u(1_000u64));
    odd.habits.fee.set(1);
    let call = IRewards::stakeCall { shares: u(1_000u64), account: odd.alice };
    let error = odd.world.refused(odd.alice, odd.rewards, call.clone()).expect::<UnexpectedBalance>();
    assert_eq!((error.expected, error.actual), (u(1_000u64), u(999u64)));
    assert_eq!(odd.read(IRewards::totalStakedCall {}), U256::ZERO);
    odd.habits.fee.set(0);
    odd.done(odd.alice, call);
}

#[test]
fn a_vault_that_does_not_answer_or_answers_nonsense_keeps_nobody_from_what_is_his() {
    let words = |words: &[U256]| words.iter().flat_map(|word| word.to_be_bytes::<32>()).collect::<Vec<_>>();
    let nonsense = [vec![], words(&[u(100u64)]), words(&[U256::MAX, U256::ZERO]), words(&[u(100u64), u(2u64)])];
    for (index, answer) in nonsense.into_iter().map(Some).chain([None]).enumerate() {
        let odd = Odd::new();
        odd.staked();
        match answer {
            Some(answer) => *odd.habits.capital.borrow_mut() = answer,
            None => odd.habits.burns.set(true),
        }
        assert_eq!(odd.done(odd.alice, IRewards::pokeCall {}), u(PALI), "{index}: the stored rate stays");
        let paid = odd.done(odd.alice, IRewards::claimCall { receiver: odd.alice });
        assert!(paid.abs_diff(u(30 * PALI)) <= u(2u64), "{index}: {paid}");
        assert_eq!(odd.done(odd.alice, IRewards::unstakeCall { receiver: odd.alice }), u(100u64));
        odd.done(odd.alice, IRewards::requestUnstakeCall { shares: u(100u64) });
        odd.done(odd.alice, IRewards::requestRedeemCall { shares: u(500u64), controller: odd.alice });
        odd.done(odd.alice, IRewards::stakeCall { shares: u(100u64), account: odd.alice });
        assert_eq!(odd.read(IRewards::emissionCall {}).perSecond, u(PALI));
    }
}

#[test]
fn a_vault_that_lies_about_its_capital_gets_no_more_than_the_most() {
    let odd = Odd::new();
    for capital in [0, 1, 99, 100, 101, 119, 120, 121, u128::MAX] {
        odd.tell(capital, false);
        assert!(odd.done(odd.alice, IRewards::pokeCall {}) <= u(PALI));
    }
    odd.habits.target.set(u128::MAX);
    assert_eq!(odd.done(odd.alice, IRewards::pokeCall {}), u(PALI));
    odd.tell(1, false);
    assert_eq!(odd.done(odd.alice, IRewards::pokeCall {}), U256::ZERO, "rounded down");
}

/// Every function that changes anything, with arguments that are good but for the lock.
fn intrusions(odd: &Odd) -> Vec<(&'static str, Vec<u8>)> {
    let (alice, one) = (odd.alice, U256::ONE);
    let permit = IRewards::stakeWithPermitCall {
        shares: one,
        account: alice,
        deadline: one,
        v: 27,
        r: Default::default(),
        s: Default::default(),
    };
    vec![
        ("stake", IRewards::stakeCall { shares: one, account: alice }.abi_encode()),
        ("stakeWithPermit", permit.abi_encode()),
        ("requestUnstake", IRewards::requestUnstakeCall { shares: one }.abi_encode()),
        ("unstake", IRewards::unstakeCall { receiver: alice }.abi_encode()),
        ("requestRedeem", IRewards::requestRedeemCall { shares: one, controller: alice }.abi_encode()),
        ("claim", IRewards::claimCall { receiver: alice }.abi_encode()),
        ("claimRebate", IRewards::claimRebateCall { policy: one, receiver: alice }.abi_encode()),
        ("fund", IRewards::fundCall { token: odd.pali.at }.abi_encode()),
        ("poke", IRewards::pokeCall {}.abi_encode()),
        ("setEmission", IRewards::setEmissionCall { mostPerSecond: 1 }.abi_encode()),
        ("setLoyalty", IRewards::setLoyaltyCall { bps: 0, leastSeconds: 0 }.abi_encode()),
        ("defund", IRewards::defundCall { token: odd.pali.at, to: alice, amount: one }.abi_encode()),
    ]
}

#[test]
fn nothing_is_entered_again_while_shares_move() {
    let odd = Odd::new();
    odd.staked();
    let besiege = |operation: &dyn Fn()| {
        for (name, data) in intrusions(&odd) {
            *odd.habits.hook.borrow_mut() = Some((odd.rewards, data));
            operation();
            let result = odd.habits.hook_result.borrow_mut().take().expect("the hook ran");
            let reverted = Reverted(result.expect_err(name));
            assert!(reverted.is::<ReentrancyGuardReentrantCall>(), "{name}: {reverted:?}");
        }
        *odd.habits.hook.borrow_mut() = None;
    };
    let one = U256::ONE;
    besiege(&|| {
        odd.done(odd.alice, IRewards::stakeCall { shares: one, account: odd.alice });
    });
    besiege(&|| {
        odd.done(odd.alice, IRewards::requestRedeemCall { shares: one, controller: odd.alice });
    });
    besiege(&|| {
        odd.done(odd.alice, IRewards::requestUnstakeCall { shares: one });
        odd.world.warp(30);
        odd.done(odd.alice, IRewards::unstakeCall { receiver: odd.alice });
    });
    besiege(&|| {
        odd.done(odd.owner, IRewards::defundCall { token: odd.vault, to: odd.alice, amount: U256::ZERO });
    });
}

#[test]
fn nothing_is_entered_again_while_rewards_are_paid() {
    let odd = Odd::new();
    odd.staked();
    for (name, data) in intrusions(&odd) {
        *odd.pali.habits.hook.borrow_mut() = Some((odd.rewards, data));
        odd.world.warp(1);
        assert!(odd.done(odd.alice, IRewards::claimCall { receiver: odd.alice }) > U256::ZERO);
        let result = odd.pali.habits.hook_result.borrow_mut().take().expect("the hook ran");
        assert!(Reverted(result.expect_err(name)).is::<ReentrancyGuardReentrantCall>(), "{name}");
    }
}

/// What a call-back reads is what is so once the operation is done, but for the shares that are still to move.
#[test]
fn what_is_read_while_shares_move_is_booked_already() {
    let odd = Odd::new();
    odd.staked();
    let read = IRewards::stakeOfCall { account: odd.alice }.abi_encode();
    *odd.habits.hook.borrow_mut() = Some((odd.rewards, read));
    odd.done(odd.alice, IRewards::unstakeCall { receiver: odd.alice });
    let answer = odd.habits.hook_result.borrow_mut().take().unwrap().unwrap();
    let seen = IRewards::stakeOfCall::abi_decode_returns(&answer).unwrap();
    assert_eq!((seen.shares, seen.leaving), (u(900u64), U256::ZERO));
}
