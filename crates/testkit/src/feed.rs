//! A Chainlink feed to test against, whose rounds are pushed, and an uptime feed.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use alloy_primitives::{Address, I256, U256};
use alloy_sol_types::{SolCall, SolValue};
use protocol::oracle::{IAggregator, round_id};
use stylus_sdk::ArbResult;

use crate::{Context, Native, World};

/// One round as the feed answers it.
#[derive(Clone, Copy, Debug)]
pub struct Raw {
    /// The answer, in the feed's decimals.
    pub answer: i128,
    /// When it was written.
    pub updated_at: u64,
    /// Where it was answered; `None`: in this round.
    pub answered_in: Option<u128>,
}

/// What a feed is made of.
#[derive(Default)]
pub struct State {
    /// The rounds by their ids.
    pub rounds: RefCell<BTreeMap<u128, Raw>>,
    /// The latest round's id.
    pub latest: Cell<u128>,
    /// Decimals of the answers.
    pub decimals: Cell<u8>,
    /// Every read reverts.
    pub broken: Cell<bool>,
    /// Reads of this round revert.
    pub hidden: Cell<u128>,
}

struct Contract(Rc<State>);

impl Native for Contract {
    fn call(&self, _: &Context<'_>, input: &[u8]) -> ArbResult {
        let feed = &self.0;
        if feed.broken.get() {
            return Err(vec![]);
        }
        let id = match input.first_chunk() {
            Some(&IAggregator::decimalsCall::SELECTOR) => return Ok(U256::from(feed.decimals.get()).abi_encode()),
            Some(&IAggregator::latestRoundDataCall::SELECTOR) => feed.latest.get(),
            Some(&IAggregator::getRoundDataCall::SELECTOR) => {
                IAggregator::getRoundDataCall::abi_decode(input).map_err(|_| vec![])?.id.to::<u128>()
            }
            _ => return Err(vec![]),
        };
        let Some(raw) = feed.rounds.borrow().get(&id).copied().filter(|_| id != feed.hidden.get()) else {
            return Err(vec![]);
        };
        let answer = I256::unchecked_from(raw.answer).into_raw();
        let (time, answered_in) = (U256::from(raw.updated_at), U256::from(raw.answered_in.unwrap_or(id)));
        Ok([U256::from(id), answer, time, time, answered_in].abi_encode())
    }
}

/// A feed in a world.
#[derive(Clone)]
pub struct Feed {
    /// Where it is.
    pub at: Address,
    /// Its rounds and habits.
    pub state: Rc<State>,
}

impl Feed {
    /// Puts a feed without rounds at `at`.
    #[must_use]
    pub fn deploy(world: &World, at: Address, decimals: u8) -> Self {
        let state = Rc::new(State::default());
        state.decimals.set(decimals);
        state.latest.set(round_id(1, 0));
        world.place_native(at, Contract(state.clone()));
        Self { at, state }
    }

    /// Adds the next round of the phase; answers with its id.
    pub fn push(&self, answer: i128, updated_at: u64) -> u128 {
        self.push_raw(Raw { answer, updated_at, answered_in: None })
    }

    /// Adds the next round as it is.
    pub fn push_raw(&self, raw: Raw) -> u128 {
        let id = self.state.latest.get() + 1;
        self.state.rounds.borrow_mut().insert(id, raw);
        self.state.latest.set(id);
        id
    }

    /// Begins a phase; its rounds count from 1.
    pub fn start_phase(&self, phase: u16) {
        self.state.latest.set(round_id(phase, 0));
    }
}

/// What an uptime feed answers.
#[derive(Default)]
pub struct Uptime {
    /// The sequencer is down.
    pub down: Cell<bool>,
    /// Since when it is as it is.
    pub started_at: Cell<u64>,
    /// Every read reverts.
    pub broken: Cell<bool>,
}

struct UptimeContract(Rc<Uptime>);

impl Native for UptimeContract {
    fn call(&self, _: &Context<'_>, _: &[u8]) -> ArbResult {
        if self.0.broken.get() {
            return Err(vec![]);
        }
        let since = self.0.started_at.get();
        Ok([1, u64::from(self.0.down.get()), since, since, 1].map(U256::from).abi_encode())
    }
}

impl Uptime {
    /// Puts an uptime feed at `at`, whose sequencer has been up for a day.
    #[must_use]
    pub fn deploy(world: &World, at: Address) -> Rc<Self> {
        let uptime = Rc::new(Self::default());
        uptime.started_at.set(world.now() - 24 * 60 * 60);
        world.place_native(at, UptimeContract(uptime.clone()));
        uptime
    }
}
