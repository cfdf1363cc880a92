//! An ERC-4626 strategy to test against, with every way in which one can fail whoever trusts it.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use alloy_primitives::{Address, U256, keccak256};
use alloy_sol_types::{SolCall, SolError, sol};
use stylus_sdk::ArbResult;

use crate::{
    Context, Native, World,
    token::{Erc20, Token},
};

sol! {
    #[allow(missing_docs)]
    interface Erc4626 {
        function asset() external view returns (address);
        function balanceOf(address account) external view returns (uint256);
        function convertToAssets(uint256 shares) external view returns (uint256);
        function maxWithdraw(address owner) external view returns (uint256);
        function maxRedeem(address owner) external view returns (uint256);
        function deposit(uint256 assets, address receiver) external returns (uint256 shares);
        function withdraw(uint256 assets, address receiver, address owner) external returns (uint256 shares);
        function redeem(uint256 shares, address receiver, address owner) external returns (uint256 assets);
        error Paused();
    }
}

/// How the strategy misbehaves; set between transactions.
#[derive(Default)]
pub struct Habits {
    /// Functions of these selectors revert.
    pub reverts: RefCell<Vec<[u8; 4]>>,
    /// What it says that things are worth is this part of the truth.
    pub says: Cell<Option<(u64, u64)>>,
    /// Views answer the largest number that there is.
    pub absurd: Cell<bool>,
    /// Views answer nothing.
    pub silent: Cell<bool>,
    /// Every answer, a revert's too, is followed by a megabyte.
    pub verbose: Cell<bool>,
    /// It takes the shares for all, and sends half.
    pub short: Cell<bool>,
    /// It takes half of what it is given.
    pub lazy: Cell<bool>,
    /// It takes what it is given and makes no shares.
    pub greedy: Cell<bool>,
    /// No more than this can be withdrawn.
    pub limit: Cell<Option<u64>>,
    /// It calls this contract with this data before it does anything.
    pub hook: RefCell<Option<(Address, Vec<u8>)>>,
    /// What those calls answered.
    pub hook_results: RefCell<Vec<ArbResult>>,
}

/// A strategy in a world.
#[derive(Clone)]
pub struct Strategy {
    /// Where it is.
    pub at: Address,
    /// What it is for.
    pub token: Token,
    /// How it misbehaves.
    pub habits: Rc<Habits>,
}

impl Strategy {
    /// Puts a well-behaved strategy for `token` at `at`.
    #[must_use]
    pub fn deploy(world: &World, at: Address, token: &Token) -> Self {
        let habits = Rc::new(Habits::default());
        world.place_native(at, Contract { token: token.at, habits: habits.clone() });
        Self { at, token: token.clone(), habits }
    }

    /// It earns `assets`.
    pub fn gain(&self, world: &World, assets: U256) {
        self.token.mint(world, self.at, assets);
    }

    /// It loses `assets`.
    pub fn lose(&self, world: &World, assets: U256) {
        self.token.burn(world, self.at, assets);
    }

    /// What it has.
    #[must_use]
    pub fn assets(&self, world: &World) -> U256 {
        self.token.balance_of(world, self.at)
    }

    /// All its functions revert, or none.
    pub fn break_down(&self, broken: bool) {
        *self.habits.reverts.borrow_mut() = if broken { FUNCTIONS.to_vec() } else { vec![] };
    }

    /// Only the function of this selector reverts.
    pub fn revert_in(&self, selector: [u8; 4]) {
        *self.habits.reverts.borrow_mut() = vec![selector];
    }
}

/// All functions that a user of strategies calls.
pub const FUNCTIONS: [[u8; 4]; 8] = [
    Erc4626::assetCall::SELECTOR,
    Erc4626::balanceOfCall::SELECTOR,
    Erc4626::convertToAssetsCall::SELECTOR,
    Erc4626::maxWithdrawCall::SELECTOR,
    Erc4626::maxRedeemCall::SELECTOR,
    Erc4626::depositCall::SELECTOR,
    Erc4626::withdrawCall::SELECTOR,
    Erc4626::redeemCall::SELECTOR,
];

struct Contract {
    token: Address,
    habits: Rc<Habits>,
}

const SUPPLY: U256 = U256::ZERO;

fn share_slot(account: Address) -> U256 {
    keccak256([b"shares".as_slice(), account.as_slice()].concat()).into()
}

impl Contract {
    fn assets(&self, context: &Context<'_>) -> U256 {
        let data = context.call(self.token, Erc20::balanceOfCall { account: context.me }.abi_encode());
        U256::from_be_slice(&data.expect("the token answers"))
    }

    fn worth(&self, context: &Context<'_>, shares: U256) -> U256 {
        let supply = context.load(SUPPLY);
        if supply.is_zero() { shares } else { shares * self.assets(context) / supply }
    }

    fn view(&self, value: U256) -> ArbResult {
        if self.habits.silent.get() {
            return Ok(vec![]);
        }
        let value = if self.habits.absurd.get() { U256::MAX } else { value };
        Ok(value.to_be_bytes_vec())
    }

    /// What it says that shares are worth.
    fn said(&self, context: &Context<'_>, shares: U256) -> U256 {
        let (part, whole) = self.habits.says.get().unwrap_or((1, 1));
        self.worth(context, shares) * U256::from(part) / U256::from(whole)
    }

    fn pay_out(&self, context: &Context<'_>, shares: U256, assets: U256, to: Address, owner: Address) -> ArbResult {
        if owner != context.sender {
            return Err(vec![]);
        }
        let rest = context.load(share_slot(owner)).checked_sub(shares).ok_or(vec![])?;
        context.store(share_slot(owner), rest);
        context.store(SUPPLY, context.load(SUPPLY) - shares);
        let value = if self.habits.short.get() { assets / U256::from(2) } else { assets };
        context.call(self.token, Erc20::transferCall { to, value }.abi_encode())
    }

    fn answer(&self, context: &Context<'_>, input: &[u8]) -> ArbResult {
        let selector: [u8; 4] = input.get(..4).and_then(|s| s.try_into().ok()).ok_or(vec![])?;
        if let Some((target, data)) = self.habits.hook.borrow().clone() {
            let result = context.call(target, data);
            self.habits.hook_results.borrow_mut().push(result);
        }
        if self.habits.reverts.borrow().contains(&selector) {
            return Err(Erc4626::Paused {}.abi_encode());
        }
        macro_rules! decoded {
            ($call:ty) => {
                <$call>::abi_decode(input).map_err(|_| vec![])?
            };
        }
        let limit = self.habits.limit.get().map_or(U256::MAX, U256::from);
        match selector {
            Erc4626::assetCall::SELECTOR => Ok(self.token.into_word().to_vec()),
            Erc4626::balanceOfCall::SELECTOR => {
                self.view(context.load(share_slot(decoded!(Erc4626::balanceOfCall).account)))
            }
            Erc4626::convertToAssetsCall::SELECTOR => {
                self.view(self.said(context, decoded!(Erc4626::convertToAssetsCall).shares))
            }
            Erc4626::maxWithdrawCall::SELECTOR => {
                let shares = context.load(share_slot(decoded!(Erc4626::maxWithdrawCall).owner));
                self.view(self.said(context, shares).min(limit))
            }
            Erc4626::maxRedeemCall::SELECTOR => {
                let shares = context.load(share_slot(decoded!(Erc4626::maxRedeemCall).owner));
                self.view(if limit.is_zero() { limit } else { shares })
            }
            Erc4626::depositCall::SELECTOR => {
                let call = decoded!(Erc4626::depositCall);
                let (supply, total) = (context.load(SUPPLY), self.assets(context));
                if total.is_zero() != supply.is_zero() {
                    return Err(vec![]);
                }
                let shares = if supply.is_zero() { call.assets } else { call.assets * supply / total };
                let value = if self.habits.lazy.get() { call.assets / U256::from(2) } else { call.assets };
                let take = Erc20::transferFromCall { from: context.sender, to: context.me, value };
                context.call(self.token, take.abi_encode())?;
                if !self.habits.greedy.get() {
                    let slot = share_slot(call.receiver);
                    context.store(slot, context.load(slot) + shares);
                    context.store(SUPPLY, supply + shares);
                }
                Ok(shares.to_be_bytes_vec())
            }
            Erc4626::withdrawCall::SELECTOR => {
                let call = decoded!(Erc4626::withdrawCall);
                let (supply, total) = (context.load(SUPPLY), self.assets(context));
                if total.is_zero() || call.assets > limit {
                    return Err(vec![]);
                }
                let shares = (call.assets * supply).div_ceil(total);
                self.pay_out(context, shares, call.assets, call.receiver, call.owner)
            }
            Erc4626::redeemCall::SELECTOR => {
                let call = decoded!(Erc4626::redeemCall);
                let assets = self.worth(context, call.shares);
                self.pay_out(context, call.shares, assets, call.receiver, call.owner)
            }
            _ => Err(vec![]),
        }
    }
}

impl Native for Contract {
    fn call(&self, context: &Context<'_>, input: &[u8]) -> ArbResult {
        let mut result = self.answer(context, input);
        if self.habits.verbose.get() {
            let (Ok(data) | Err(data)) = &mut result;
            data.resize(data.len() + (1 << 20), 0xff);
        }
        result
    }
}
