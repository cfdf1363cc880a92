//! A contract that holds policies, shares and stakes, and calls back whenever it is given money.

use std::{cell::RefCell, rc::Rc};

use alloy_primitives::Address;
use stylus_sdk::ArbResult;
use testkit::{Context, Native, World};

/// What it does when it is called, and what came of it.
#[derive(Default)]
pub(crate) struct Robber {
    pub(crate) plan: RefCell<Vec<(Address, Vec<u8>)>>,
    pub(crate) results: RefCell<Vec<ArbResult>>,
}

struct Contract(Rc<Robber>);

impl Native for Contract {
    fn call(&self, context: &Context<'_>, _: &[u8]) -> ArbResult {
        // What it does may move money, which calls it again: it acts once.
        let plan: Vec<_> = self.0.plan.borrow_mut().drain(..).collect();
        for (to, input) in plan {
            let result = context.call(to, input);
            self.0.results.borrow_mut().push(result);
        }
        Ok(vec![])
    }
}

impl Robber {
    pub(crate) fn deploy(world: &World, at: Address) -> Rc<Self> {
        let robber = Rc::<Self>::default();
        world.place_native(at, Contract(robber.clone()));
        robber
    }
}
