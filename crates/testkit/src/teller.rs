//! A contract that answers what it is told to: a source that can say anything.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use stylus_sdk::ArbResult;

use crate::{Context, Native, World, token::Erc20};

/// What it answers; set between transactions.
#[derive(Default)]
struct Script {
    answers: RefCell<HashMap<[u8; 4], Vec<u8>>>,
    balances: RefCell<HashMap<Address, U256>>,
}

/// A teller in a world.
#[derive(Clone)]
pub struct Teller {
    /// Where it is.
    pub at: Address,
    script: Rc<Script>,
}

struct Contract(Rc<Script>);

impl Native for Contract {
    fn call(&self, _: &Context<'_>, input: &[u8]) -> ArbResult {
        let selector: [u8; 4] = input.get(..4).and_then(|bytes| bytes.try_into().ok()).ok_or_else(Vec::new)?;
        if let Some(answer) = self.0.answers.borrow().get(&selector) {
            return Ok(answer.clone());
        }
        if let Ok(Erc20::balanceOfCall { account }) = Erc20::balanceOfCall::abi_decode(input) {
            let balance = self.0.balances.borrow().get(&account).copied().unwrap_or_default();
            return Ok(balance.to_be_bytes_vec());
        }
        Err(vec![])
    }
}

impl Teller {
    /// Puts a teller at `at` that knows no function but `balanceOf`.
    #[must_use]
    pub fn deploy(world: &World, at: Address) -> Self {
        let script = Rc::new(Script::default());
        world.place_native(at, Contract(script.clone()));
        Self { at, script }
    }

    /// From now on it answers these words to a function.
    pub fn says<C: SolCall>(&self, words: &[U256]) {
        self.says_bytes::<C>(words.iter().flat_map(U256::to_be_bytes_vec).collect());
    }

    /// From now on it answers these bytes to a function.
    pub fn says_bytes<C: SolCall>(&self, bytes: Vec<u8>) {
        self.script.answers.borrow_mut().insert(C::SELECTOR, bytes);
    }

    /// From now on a function reverts, or `balanceOf` answers balances again.
    pub fn forgets<C: SolCall>(&self) {
        self.script.answers.borrow_mut().remove(&C::SELECTOR);
    }

    /// The balance of an account.
    pub fn holds(&self, account: Address, balance: u128) {
        self.script.balances.borrow_mut().insert(account, U256::from(balance));
    }
}
