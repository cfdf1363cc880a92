//! Strategies that the first pool's money works in: an honest one, one that gains and loses, and a hostile one that
//! breaks down, lies, keeps what it should send and calls back. What they do, and what holds whatever they do.

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use proptest::{
    prop_assert, prop_assert_eq, prop_oneof,
    strategy::{Just, Strategy as Random},
    test_runner::TestCaseError,
};
use protocol::abi::{IAllocator, IERC4626, IVault};
use testkit::strategy::{Erc4626, Strategy};

use crate::{
    invariants::Check,
    model::{Look, Model},
    steps::Step,
    town::{Town, text, u},
};

/// How many strategies there are.
pub(crate) const COUNT: usize = 3;
/// The one that does whatever it likes.
const HOSTILE: usize = 2;
/// What each fails with.
const KEYS: [&str; COUNT] = ["lender", "key Y", "lender"];
/// The most that may be booked at each, in whole units.
const CAP: u64 = 3_000_000;
/// Up to which part of its book a gain counts before it is harvested.
const GAIN_DIVISOR: u64 = 4;

/// Everything that the hostile one does wrong, each by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Habit {
    BreaksDown,
    GivesNothing,
    NamesNoLimit,
    NamesNoWorth,
    Silent,
    Absurd,
    Verbose,
    SendsHalf,
    TakesHalf,
    MakesNoShares,
    SaysMore,
    SaysLess,
    CallsBack(usize),
}

/// What is invested, as the allocator counts it, and what of the asset is with it and the strategies.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marks {
    pub(crate) book: U256,
    pub(crate) high: U256,
    pub(crate) low: U256,
    pub(crate) idle: U256,
    /// Balances of allocator and strategies, without what the test has given to strategies and taken from them.
    pub(crate) moved: i128,
}

/// Puts the strategies into the town and lists them.
pub(crate) fn deploy(town: &Town) -> [Strategy; COUNT] {
    let strategies = ["honest", "ventures", "hostile"]
        .map(|name| Strategy::deploy(&town.world, town.person(name), &town.pools[0].token));
    for (strategy, key) in strategies.iter().zip(KEYS) {
        let add = IAllocator::addStrategyCall { strategy: strategy.at, cap: town.whole(CAP), riskKey: text(key) };
        town.must(town.owner, town.allocator, add);
    }
    strategies
}

/// Steps of strategies, and of those who deal with them.
pub(crate) fn step() -> impl Random<Value = Step> {
    let (s, part) = (0..COUNT, 1u64..=1_000);
    // A part of everything, mostly a small one.
    let share = prop_oneof![6 => 1u64..50, 2 => 1u64..=1_000, 1 => Just(1_000u64)];
    prop_oneof![
        6 => (s.clone(), part.clone()).prop_map(|(strategy, part)| Step::Invest { strategy, part }),
        3 => (s.clone(), part.clone(), proptest::bool::ANY)
            .prop_map(|(strategy, part, owner)| Step::Divest { strategy, part, owner }),
        4 => (0..=COUNT).prop_map(|strategy| Step::Harvest { strategy }),
        3 => (1..COUNT, part.clone()).prop_map(|(strategy, part)| Step::Gain { strategy, part }),
        3 => (1..COUNT, share).prop_map(|(strategy, part)| Step::Lose { strategy, part }),
        2 => prop_oneof![1 => Just(None), 1 => Just(Some(0)), 2 => (7u32..39).prop_map(|bits| Some(1u64 << bits))]
            .prop_map(|limit| Step::Limit { limit }),
        5 => habit().prop_map(|habit| Step::Misbehave { habit }),
        1 => (s.clone(), proptest::bool::ANY).prop_map(|(strategy, force)| Step::RemoveStrategy { strategy, force }),
        3 => s.clone().prop_map(|strategy| Step::AddStrategy { strategy }),
        1 => (0..COUNT).prop_map(|first| Step::SetQueue { first }),
        1 => s.prop_map(|strategy| Step::ReportHeld { strategy }),
    ]
}

fn habit() -> impl Random<Value = Option<Habit>> {
    prop_oneof![
        4 => Just(None),
        8 => proptest::sample::select(vec![
            Habit::BreaksDown,
            Habit::GivesNothing,
            Habit::NamesNoLimit,
            Habit::NamesNoWorth,
            Habit::Silent,
            Habit::Absurd,
            Habit::SendsHalf,
            Habit::TakesHalf,
            Habit::MakesNoShares,
            Habit::SaysMore,
            Habit::SaysLess,
        ])
        .prop_map(Some),
        1 => Just(Some(Habit::Verbose)),
        2 => (0usize..8).prop_map(|call| Some(Habit::CallsBack(call))),
    ]
}

impl Model {
    /// What the strategies and the allocator have of the first pool's asset.
    pub(crate) fn working(&self) -> U256 {
        let strategies: U256 = self.strategies.iter().map(|strategy| strategy.assets(&self.town.world)).sum();
        strategies + self.town.money(0, self.town.allocator)
    }

    pub(crate) fn marks(&self) -> Marks {
        let (town, signed) = (&self.town, |amount: U256| amount.to::<u128>() as i128);
        let value = town.read(town.allocator, IAllocator::valueCall {});
        Marks {
            book: value.book,
            high: value.high,
            low: value.low,
            idle: town.read(town.allocator, IAllocator::idleCall {}),
            moved: signed(self.working()) + signed(self.lost) - signed(self.earned),
        }
    }

    /// What is listed of a strategy.
    fn listed(&self, strategy: usize) -> Option<IAllocator::StrategyInfo> {
        let all = self.town.read(self.town.allocator, IAllocator::strategiesCall {});
        all.into_iter().find(|info| info.strategy == self.strategies[strategy].at)
    }

    #[allow(clippy::too_many_lines)]
    pub(crate) fn act_on_strategies(&mut self, step: &Step) -> Result<(&'static str, bool), TestCaseError> {
        let (owner, guardian) = (self.town.owner, self.town.guardian);
        let (vault, allocator) = (self.town.pools[0].vault, self.town.allocator);
        let anyone = self.town.person("anyone");
        Ok(match *step {
            Step::Invest { strategy, part } => {
                let before = Look::at(self, 0);
                // Up to more than what may be invested.
                let assets = before.solvency.assets * u(part) / u(2_000u64);
                let at = self.strategies[strategy].at;
                let had = self.town.money(0, at);
                let call = IVault::investCall { strategy: at, assets };
                self.no_stranger(vault, call.clone())?;
                let done = self.tell(owner, vault, call)?;
                if done {
                    // It was given what was meant, of what is nobody else's, and not more than half of what is free.
                    let after = Look::at(self, 0);
                    prop_assert_eq!(self.town.money(0, at), had + assets);
                    prop_assert!(!after.solvency.closed);
                    let free = after.solvency.capital - after.solvency.reserve;
                    prop_assert!(after.solvency.invested <= free / u(2u64));
                }
                ("invest", done)
            }
            Step::Divest { strategy, part, owner: by_owner } => {
                let at = self.strategies[strategy].at;
                let book = self.listed(strategy).map_or(U256::ZERO, |info| info.book);
                let assets = book * u(part) / u(1_000u64);
                let before = self.town.money(0, vault);
                let call = IVault::divestCall { strategy: at, assets };
                self.no_stranger(vault, call.clone())?;
                let came = self.ask(if by_owner { owner } else { guardian }, vault, call)?;
                if let Some(came) = came {
                    prop_assert!(came <= assets);
                    prop_assert!(self.town.money(0, vault) - before >= came);
                }
                ("divest", came.is_some_and(|came| !came.is_zero()))
            }
            Step::Harvest { strategy } => {
                // The last one is what removed ones have left.
                let at = self.strategies.get(strategy).map_or(Address::ZERO, |strategy| strategy.at);
                let before = Look::at(self, 0);
                let gain = self.ask(anyone, vault, IVault::harvestCall { strategy: at })?;
                if let Some(gain) = gain {
                    // It lifts no price at once: what is not owed to anybody is a stream.
                    let after = Look::at(self, 0);
                    let (was, is) = (before.booked() - before.solvency.stream, after.booked() - after.solvency.stream);
                    prop_assert!(is <= was, "a harvest of {gain} lifted {was} to {is}");
                }
                ("harvest", gain.is_some_and(|gain| !gain.is_zero()))
            }
            Step::Gain { strategy, part } => {
                let has = self.strategies[strategy].assets(&self.town.world);
                let gain = has * u(part) / u(5_000u64);
                self.strategies[strategy].gain(&self.town.world, gain);
                self.earned += gain;
                self.minted += gain;
                ("gain", !gain.is_zero())
            }
            Step::Lose { strategy, part } => {
                let has = self.strategies[strategy].assets(&self.town.world);
                let loss = has * u(part) / u(1_000u64);
                self.strategies[strategy].lose(&self.town.world, loss);
                self.lost += loss;
                self.minted -= loss;
                ("lose", !loss.is_zero())
            }
            Step::Limit { limit } => {
                self.strategies[1].habits.limit.set(limit);
                ("limit", limit.is_some())
            }
            Step::Misbehave { habit } => {
                self.behave();
                if let Some(habit) = habit {
                    self.misbehave(habit);
                }
                ("misbehave", habit.is_some())
            }
            Step::RemoveStrategy { strategy, force } => {
                let at = self.strategies[strategy].at;
                let Some(info) = self.listed(strategy) else { return Ok(("removeStrategy", false)) };
                let idle = self.town.read(allocator, IAllocator::idleCall {});
                let remove = IAllocator::removeStrategyCall { strategy: at, force };
                self.no_stranger(allocator, remove.clone())?;
                let returned = self.ask(owner, allocator, remove)?;
                prop_assert!(returned.is_some() || !force, "a removal by force is never refused");
                if let Some(returned) = returned {
                    prop_assert!(force || returned >= info.book.min(info.worth));
                    prop_assert_eq!(self.town.read(allocator, IAllocator::idleCall {}), idle + returned);
                    prop_assert!(self.listed(strategy).is_none());
                }
                (if force { "removeByForce" } else { "removeStrategy" }, returned.is_some())
            }
            Step::AddStrategy { strategy } => {
                let (at, key) = (self.strategies[strategy].at, text(KEYS[strategy]));
                let was = self.listed(strategy).is_some();
                let add = IAllocator::addStrategyCall { strategy: at, cap: self.town.whole(CAP), riskKey: key };
                let done = self.tell(owner, allocator, add)?;
                prop_assert!(!(was && done));
                ("addStrategy", done)
            }
            Step::SetQueue { first } => {
                let all = self.town.read(allocator, IAllocator::strategiesCall {});
                let mut queue: Vec<_> = all.into_iter().map(|info| info.strategy).collect();
                let by = first % queue.len().max(1);
                queue.rotate_left(by);
                let done = self.tell(owner, allocator, IAllocator::setQueueCall { queue })?;
                prop_assert!(done);
                ("setQueue", done)
            }
            Step::ReportHeld { strategy } => {
                let done = self.tell(anyone, vault, IVault::reportHeldCall { riskKey: text(KEYS[strategy]) })?;
                prop_assert!(done);
                ("reportHeld", done)
            }
            _ => unreachable!("{step:?} is none of a strategy"),
        })
    }

    /// A call that is not for everybody.
    fn no_stranger<C: SolCall>(&mut self, to: Address, call: C) -> Check {
        let done = self.tell(self.people[0], to, call)?;
        prop_assert!(!done, "anybody may call {}", C::SIGNATURE);
        Ok(())
    }

    /// The hostile strategy does what it should.
    pub(crate) fn behave(&self) {
        let strategy = &self.strategies[HOSTILE];
        strategy.break_down(false);
        let habits = &strategy.habits;
        for habit in [&habits.silent, &habits.absurd, &habits.verbose, &habits.short, &habits.lazy, &habits.greedy] {
            habit.set(false);
        }
        habits.says.set(None);
        habits.hook.borrow_mut().take();
    }

    fn misbehave(&self, habit: Habit) {
        let strategy = &self.strategies[HOSTILE];
        let habits = &strategy.habits;
        match habit {
            Habit::BreaksDown => strategy.break_down(true),
            Habit::GivesNothing => strategy.revert_in(Erc4626::withdrawCall::SELECTOR),
            Habit::NamesNoLimit => strategy.revert_in(Erc4626::maxWithdrawCall::SELECTOR),
            Habit::NamesNoWorth => strategy.revert_in(Erc4626::convertToAssetsCall::SELECTOR),
            Habit::Silent => habits.silent.set(true),
            Habit::Absurd => habits.absurd.set(true),
            Habit::Verbose => {
                strategy.break_down(true);
                habits.verbose.set(true);
            }
            Habit::SendsHalf => habits.short.set(true),
            Habit::TakesHalf => habits.lazy.set(true),
            Habit::MakesNoShares => habits.greedy.set(true),
            Habit::SaysMore => habits.says.set(Some((3, 1))),
            Habit::SaysLess => habits.says.set(Some((2, 3))),
            Habit::CallsBack(call) => {
                let calls = self.calls_of_the_hostile();
                *habits.hook.borrow_mut() = Some(calls[call % calls.len()].clone());
            }
        }
    }

    /// What the hostile strategy tries while it is asked or told anything.
    fn calls_of_the_hostile(&self) -> Vec<(Address, Vec<u8>)> {
        let (vault, allocator, me) = (self.town.pools[0].vault, self.town.allocator, self.strategies[HOSTILE].at);
        let one = U256::ONE;
        vec![
            (vault, IERC4626::depositCall { assets: one, receiver: me }.abi_encode()),
            (vault, IVault::serveCall { n: u(9u64) }.abi_encode()),
            (vault, IVault::harvestCall { strategy: me }.abi_encode()),
            (vault, IVault::topUpCall {}.abi_encode()),
            (vault, IVault::recoverCall { amount: one }.abi_encode()),
            (allocator, IAllocator::markCall {}.abi_encode()),
            (allocator, IAllocator::freeCall { needed: U256::MAX }.abi_encode()),
            (allocator, IAllocator::takeCall { strategy: me, assets: U256::MAX }.abi_encode()),
        ]
    }

    /// Nothing that it tried went through.
    pub(crate) fn nothing_was_called_back(&self) -> Check {
        let results = std::mem::take(&mut *self.strategies[HOSTILE].habits.hook_results.borrow_mut());
        prop_assert!(results.iter().all(Result::is_err), "a strategy's call went through");
        Ok(())
    }

    /// All that works comes home, from strategies that do as they should: nothing is invested then.
    pub(crate) fn everything_comes_home(&mut self) -> Check {
        let (owner, vault) = (self.town.owner, self.town.pools[0].vault);
        self.behave();
        self.strategies[1].habits.limit.set(None);
        for strategy in 0..COUNT {
            let at = self.strategies[strategy].at;
            let Some(info) = self.listed(strategy) else { continue };
            self.town.must(owner, vault, IVault::divestCall { strategy: at, assets: info.book });
            self.town.must(owner, vault, IVault::harvestCall { strategy: at });
            let force = true;
            self.town.must(owner, self.town.allocator, IAllocator::removeStrategyCall { strategy: at, force });
        }
        self.town.must(owner, vault, IVault::harvestCall { strategy: Address::ZERO });
        for key in KEYS {
            self.town.must(owner, vault, IVault::reportHeldCall { riskKey: text(key) });
        }
        let look = Look::at(self, 0);
        prop_assert_eq!(look.solvency.invested, U256::ZERO);
        prop_assert_eq!([look.marks.book, look.marks.high, look.marks.idle], [U256::ZERO; 3]);
        Ok(())
    }
}

/// The allocator's books are what its strategies are worth, losses taken off, by what those say that say anything that
/// can be so, and what the honest ones have; the vault's books agree with them but for what lies idle of a removed
/// strategy's gain. A loss is in every price as soon as it is there.
pub(crate) fn losses_are_booked_and_books_agree(model: &Model, look: &Look) -> Check {
    let (town, marks) = (&model.town, &look.marks);
    prop_assert_eq!(town.money(0, town.allocator), marks.idle);
    let (mut book, mut high, mut low) = (marks.idle, marks.idle, marks.idle);
    for info in town.read(town.allocator, IAllocator::strategiesCall {}) {
        let index = model.strategies.iter().position(|strategy| strategy.at == info.strategy);
        let index = index.expect("there are no others");
        prop_assert!(info.book <= info.cap);
        if info.book.is_zero() {
            continue;
        }
        if index != HOSTILE {
            // Nobody else has put anything in.
            prop_assert!(info.answers);
            prop_assert_eq!(info.worth, model.strategies[index].assets(&town.world));
        }
        let booked = if info.answers { info.book.min(info.worth) } else { info.book };
        let most = booked + booked / u(GAIN_DIVISOR);
        book += booked;
        high += if info.answers { info.worth.clamp(booked, most) } else { booked };
        low += if info.answers { booked } else { U256::ZERO };
    }
    prop_assert_eq!([marks.book, marks.high, marks.low], [book, high, low]);
    let invested = look.solvency.invested;
    prop_assert!(invested <= book, "{invested} are invested, {book} are there");
    prop_assert!(book - invested <= marks.idle, "{invested} are invested, {book} are there, {} idle", marks.idle);
    Ok(())
}

/// What strategies have lost of what they are valued at, at the higher of book and worth or at the book: what fell of
/// the value and did not come to the vault. A hostile strategy's word is a loss, too.
pub(crate) fn lost(before: &Look, after: &Look, value: impl Fn(&Look) -> U256) -> U256 {
    let signed = |amount: U256| amount.to::<u128>() as i128;
    let fallen = signed(value(before)) - signed(value(after)) + after.marks.moved - before.marks.moved;
    u(fallen.max(0) as u128)
}
