//! An ERC-20 to test against, with every bad habit that real tokens have.

use std::{cell::Cell, rc::Rc};

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::{SolCall, SolError, SolValue, sol};
use stylus_sdk::ArbResult;

use crate::{Context, Native, World};

sol! {
    #[allow(missing_docs)]
    interface Erc20 {
        function decimals() external view returns (uint8);
        function symbol() external view returns (string);
        function totalSupply() external view returns (uint256);
        function balanceOf(address account) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
        function transfer(address to, uint256 value) external returns (bool);
        function approve(address spender, uint256 value) external returns (bool);
        function transferFrom(address from, address to, uint256 value) external returns (bool);
        function nonces(address owner) external view returns (uint256);
        function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
        function mint(address to, uint256 value) external;
        function burn(address from, uint256 value) external;
        event Transfer(address indexed from, address indexed to, uint256 value);
        error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
        error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);
        error Blacklisted(address account);
        error InvalidPermit();
    }
}

/// How the token misbehaves; set between transactions.
#[derive(Default)]
pub struct Habits {
    /// Takes this many basis points of each transfer.
    pub fee_bps: Cell<u64>,
    /// Answers nothing instead of true.
    pub silent: Cell<bool>,
    /// Answers false instead of moving anything.
    pub refuses: Cell<bool>,
    /// Reverts when this account receives.
    pub blacklisted: Cell<Option<Address>>,
    /// Calls this contract with this data before it moves anything.
    pub hook: std::cell::RefCell<Option<(Address, Vec<u8>)>>,
    /// What the hook's call answered last.
    pub hook_result: std::cell::RefCell<Option<ArbResult>>,
}

/// A token in a world.
#[derive(Clone)]
pub struct Token {
    /// Where it is.
    pub at: Address,
    /// How it misbehaves.
    pub habits: Rc<Habits>,
}

impl Token {
    /// Puts a well-behaved token at `at`.
    #[must_use]
    pub fn deploy(world: &World, at: Address, decimals: u8) -> Self {
        let habits = Rc::new(Habits::default());
        world.place_native(at, Contract { decimals, habits: habits.clone() });
        Self { at, habits }
    }

    /// Makes `value` out of nothing.
    pub fn mint(&self, world: &World, to: Address, value: U256) {
        world.send(self.at, self.at, Erc20::mintCall { to, value }).expect("minting works");
    }

    /// Takes `value` away, as a rebasing token does.
    pub fn burn(&self, world: &World, from: Address, value: U256) {
        world.send(self.at, self.at, Erc20::burnCall { from, value }).expect("there is enough to burn");
    }

    /// `owner` lets `spender` take `value`.
    pub fn approve(&self, world: &World, owner: Address, spender: Address, value: U256) {
        world
            .transact(owner, self.at, U256::ZERO, Erc20::approveCall { spender, value }.abi_encode())
            .expect("approval works");
    }

    /// What `owner` signs so that `spender` may take `value`: as r of a permit, good once. Here a hash stands for it.
    #[must_use]
    pub fn sign(&self, world: &World, owner: Address, spender: Address, value: U256, deadline: U256) -> B256 {
        signature(owner, spender, value, deadline, world.read(self.at, Erc20::noncesCall { owner }))
    }

    /// The balance of `account`.
    #[must_use]
    pub fn balance_of(&self, world: &World, account: Address) -> U256 {
        world.read(self.at, Erc20::balanceOfCall { account })
    }
}

struct Contract {
    decimals: u8,
    habits: Rc<Habits>,
}

fn balance_slot(account: Address) -> U256 {
    keccak256([b"balance".as_slice(), account.as_slice()].concat()).into()
}

fn nonce_slot(account: Address) -> U256 {
    keccak256([b"nonce".as_slice(), account.as_slice()].concat()).into()
}

fn signature(owner: Address, spender: Address, value: U256, deadline: U256, nonce: U256) -> B256 {
    keccak256((owner, spender, value, deadline, nonce).abi_encode())
}

fn allowance_slot(owner: Address, spender: Address) -> U256 {
    keccak256([b"allowance".as_slice(), owner.as_slice(), spender.as_slice()].concat()).into()
}

impl Contract {
    fn transfer(&self, context: &Context<'_>, from: Address, to: Address, value: U256) -> ArbResult {
        if let Some((target, data)) = self.habits.hook.borrow().clone() {
            let result = context.call(target, data);
            *self.habits.hook_result.borrow_mut() = Some(result);
        }
        if self.habits.blacklisted.get().is_some_and(|account| account == to) {
            return Err(Erc20::Blacklisted { account: to }.abi_encode());
        }
        if self.habits.refuses.get() {
            return Ok(U256::ZERO.to_be_bytes_vec());
        }
        let balance = context.load(balance_slot(from));
        let Some(rest) = balance.checked_sub(value) else {
            return Err(Erc20::ERC20InsufficientBalance { sender: from, balance, needed: value }.abi_encode());
        };
        context.store(balance_slot(from), rest);
        let fee = value * U256::from(self.habits.fee_bps.get()) / U256::from(10_000);
        context.store(balance_slot(to), context.load(balance_slot(to)) + value - fee);
        context.emit(&Erc20::Transfer { from, to, value });
        Ok(if self.habits.silent.get() { vec![] } else { U256::ONE.to_be_bytes_vec() })
    }
}

impl Native for Contract {
    fn call(&self, context: &Context<'_>, input: &[u8]) -> ArbResult {
        let Some(selector) = input.get(..4).map(|s| <[u8; 4]>::try_from(s).expect("four bytes")) else {
            return Err(vec![]);
        };
        macro_rules! decoded {
            ($call:ty) => {
                <$call>::abi_decode(input).map_err(|_| vec![])?
            };
        }
        let word = |value: U256| Ok(value.to_be_bytes_vec());
        match selector {
            Erc20::decimalsCall::SELECTOR => word(U256::from(self.decimals)),
            Erc20::symbolCall::SELECTOR => Ok(Erc20::symbolCall::abi_encode_returns(&"USDX".into())),
            Erc20::totalSupplyCall::SELECTOR => word(context.load(U256::ZERO)),
            Erc20::balanceOfCall::SELECTOR => word(context.load(balance_slot(decoded!(Erc20::balanceOfCall).account))),
            Erc20::allowanceCall::SELECTOR => {
                let call = decoded!(Erc20::allowanceCall);
                word(context.load(allowance_slot(call.owner, call.spender)))
            }
            Erc20::approveCall::SELECTOR => {
                let call = decoded!(Erc20::approveCall);
                context.store(allowance_slot(context.sender, call.spender), call.value);
                word(U256::ONE)
            }
            Erc20::transferCall::SELECTOR => {
                let call = decoded!(Erc20::transferCall);
                self.transfer(context, context.sender, call.to, call.value)
            }
            Erc20::transferFromCall::SELECTOR => {
                let call = decoded!(Erc20::transferFromCall);
                let slot = allowance_slot(call.from, context.sender);
                let allowance = context.load(slot);
                let Some(rest) = allowance.checked_sub(call.value) else {
                    return Err(Erc20::ERC20InsufficientAllowance {
                        spender: context.sender,
                        allowance,
                        needed: call.value,
                    }
                    .abi_encode());
                };
                if allowance != U256::MAX {
                    context.store(slot, rest);
                }
                self.transfer(context, call.from, call.to, call.value)
            }
            Erc20::noncesCall::SELECTOR => word(context.load(nonce_slot(decoded!(Erc20::noncesCall).owner))),
            Erc20::permitCall::SELECTOR => {
                let call = decoded!(Erc20::permitCall);
                let nonce = context.load(nonce_slot(call.owner));
                let late = U256::from(context.world.now()) > call.deadline;
                if late || call.r != signature(call.owner, call.spender, call.value, call.deadline, nonce) {
                    return Err(Erc20::InvalidPermit {}.abi_encode());
                }
                context.store(nonce_slot(call.owner), nonce + U256::ONE);
                context.store(allowance_slot(call.owner, call.spender), call.value);
                Ok(vec![])
            }
            Erc20::mintCall::SELECTOR => {
                let call = decoded!(Erc20::mintCall);
                context.store(U256::ZERO, context.load(U256::ZERO) + call.value);
                context.store(balance_slot(call.to), context.load(balance_slot(call.to)) + call.value);
                Ok(vec![])
            }
            Erc20::burnCall::SELECTOR => {
                let call = decoded!(Erc20::burnCall);
                let rest = context.load(balance_slot(call.from)).checked_sub(call.value).ok_or(vec![])?;
                context.store(balance_slot(call.from), rest);
                context.store(U256::ZERO, context.load(U256::ZERO) - call.value);
                Ok(vec![])
            }
            _ => Err(vec![]),
        }
    }
}
