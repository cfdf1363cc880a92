//! The treasury: every function, error and role, tokens with bad habits, and its budgets against a plain model.

use std::{cell::RefCell, collections::BTreeSet, rc::Rc};

use alloy_primitives::{Address, U256, hex, keccak256};
use alloy_sol_types::{SolCall, SolEvent, SolInterface, SolValue};
use proptest::prelude::*;
use protocol::abi::{IERC20, IOwned, ITokenReceiver, ITreasury};
use standards::errors::{
    AddressEmptyCode, FailedCall, OwnableInvalidOwner, OwnableUnauthorizedAccount, ReentrancyGuardReentrantCall,
    SafeERC20FailedOperation,
};
use stylus_sdk::ArbResult;
use testkit::{
    Context, Native, Reverted, World,
    token::{Erc20, Token},
};
use treasury::{LONGEST_PERIOD, SHORTEST_PERIOD, Treasury};

const PERIOD: u64 = 30 * 24 * 60 * 60;
const ETHER: Address = Address::ZERO;

fn u(value: u64) -> U256 {
    U256::from(value)
}

/// A treasury with 1,000 units of a token and as much ether, and no set-up key left but where a test asks for one.
struct Scene {
    world: World,
    token: Token,
    at: Address,
    owner: Address,
    setup: Address,
    alice: Address,
}

impl Scene {
    fn new() -> Self {
        let scene = Self::in_setup();
        scene.done(scene.setup, IOwned::finishSetupCall {});
        scene
    }

    fn in_setup() -> Self {
        let world = World::new();
        let [at, owner, setup, alice, token] =
            ["treasury", "timelock", "deployer", "alice", "token"].map(|name| world.address(name));
        let scene = Self::owned_by(&world, at, owner, setup, alice, Token::deploy(&world, token, 6));
        scene.token.mint(&world, at, u(1_000));
        world.set_ether(at, u(1_000));
        scene
    }

    fn owned_by(world: &World, at: Address, owner: Address, setup: Address, alice: Address, token: Token) -> Self {
        world.construct::<Treasury>(at, setup, (owner, setup, PERIOD).abi_encode_params());
        Self { world: world.clone(), token, at, owner, setup, alice }
    }

    #[track_caller]
    fn done<C: SolCall>(&self, from: Address, call: C) -> C::Return {
        match self.world.send(from, self.at, call) {
            Ok(answer) => answer,
            Err(reverted) => panic!("{} reverted with 0x{}", C::SIGNATURE, hex::encode(reverted.0)),
        }
    }

    #[track_caller]
    fn refused<C: SolCall>(&self, from: Address, call: C) -> Reverted {
        self.world.refused(from, self.at, call)
    }

    fn read<C: SolCall>(&self, call: C) -> C::Return {
        self.world.read(self.at, call)
    }

    fn call(&self, token: Address, amount: u64) -> ITreasury::payCall {
        ITreasury::payCall { token, to: self.alice, amount: u(amount) }
    }

    #[track_caller]
    fn pay(&self, amount: u64) {
        self.done(self.owner, self.call(self.token.at, amount));
    }

    /// The payment is refused because no more than this is left.
    #[track_caller]
    fn exceeds(&self, amount: u64, left: u64) {
        let error = self.refused(self.owner, self.call(self.token.at, amount)).expect::<ITreasury::BudgetExceeded>();
        assert_eq!((error.token, error.amount, error.left), (self.token.at, u(amount), u(left)));
    }

    #[track_caller]
    fn budget(&self, amount: u64) {
        self.budget_by(self.owner, amount);
    }

    #[track_caller]
    fn budget_by(&self, from: Address, amount: u64) {
        self.done(from, ITreasury::setBudgetCall { token: self.token.at, amount: u(amount) });
    }

    /// A budget that stands in this period.
    fn with_budget(amount: u64) -> Self {
        let scene = Self::new();
        scene.budget(amount);
        scene.next_period();
        scene
    }

    /// Amount, next, spent and left.
    fn standing(&self) -> [u64; 4] {
        self.standing_of(self.token.at)
    }

    fn standing_of(&self, token: Address) -> [u64; 4] {
        let budget = self.read(ITreasury::budgetOfCall { token });
        [budget.amount, budget.next, budget.spent, budget.left].map(|value| value.to())
    }

    fn next_period(&self) {
        self.world.warp_to(self.read(ITreasury::periodEndCall {}));
    }

    fn alices(&self) -> u64 {
        self.token.balance_of(&self.world, self.alice).to()
    }

    fn last<E: SolEvent>(&self) -> E {
        self.world.events::<E>(self.at).pop().expect("there was one")
    }
}

// ——————————————————————————————————————————————————————————————————————————————————————— interface, construction

fn selectors() -> BTreeSet<[u8; 4]> {
    ITreasury::ITreasuryCalls::selectors().chain(IOwned::IOwnedCalls::selectors()).collect()
}

#[test]
fn each_function_of_the_interface_is_in_the_program_and_no_other() {
    let world = World::new();
    for selector in selectors() {
        assert!(world.routes::<Treasury>(selector), "{selector:x?}");
    }
    let rows = include_str!("../src/lib.rs").lines().filter(|line| line.contains("Call => ")).count();
    assert_eq!(rows, selectors().len());
}

#[test]
fn it_begins_with_nothing_to_spend_in_its_first_period() {
    let scene = Scene::new();
    assert_eq!(scene.read(IOwned::ownerCall {}), scene.owner);
    assert_eq!(scene.read(ITreasury::periodCall {}), U256::ZERO);
    assert_eq!(scene.read(ITreasury::periodSecondsCall {}), PERIOD);
    assert_eq!(scene.read(ITreasury::periodEndCall {}), scene.world.now() + PERIOD);
    assert_eq!(scene.standing(), [0; 4]);
    scene.exceeds(1, 0);
    scene.pay(0);
}

#[test]
fn a_period_lasts_a_minute_to_a_year() {
    let scene = Scene::new();
    let build = |owner: Address, seconds: u64| {
        let arguments = (owner, scene.setup, seconds).abi_encode_params();
        scene.world.try_construct::<Treasury>(scene.world.address(&format!("{seconds}")), scene.setup, arguments)
    };
    for seconds in [0, SHORTEST_PERIOD - 1, LONGEST_PERIOD + 1, u64::MAX] {
        let error = build(scene.owner, seconds).unwrap_err().expect::<IOwned::ParameterOutOfBounds>();
        assert_eq!((&error.parameter[..13], error.value), (&b"periodSeconds"[..], u(seconds)));
    }
    build(Address::ZERO, PERIOD).unwrap_err().expect::<OwnableInvalidOwner>();
    build(scene.owner, SHORTEST_PERIOD).unwrap();
    build(scene.owner, LONGEST_PERIOD).unwrap();
}

#[test]
fn periods_follow_each_other_without_gap() {
    let scene = Scene::new();
    let start = scene.world.now();
    for (time, period) in [(1, 0), (PERIOD - 1, 0), (PERIOD, 1), (2 * PERIOD - 1, 1), (9 * PERIOD + 5, 9)] {
        scene.world.warp_to(start + time);
        assert_eq!(scene.read(ITreasury::periodCall {}), u(period), "{time}");
        assert_eq!(scene.read(ITreasury::periodEndCall {}), start + (period + 1) * PERIOD, "{time}");
    }
}

#[test]
fn ownership_moves_in_two_steps_and_the_budgets_stay() {
    let scene = Scene::with_budget(10);
    scene.pay(4);
    scene.done(scene.owner, IOwned::transferOwnershipCall { newOwner: scene.alice });
    assert_eq!(scene.read(IOwned::pendingOwnerCall {}), scene.alice);
    scene.refused(scene.setup, IOwned::acceptOwnershipCall {}).expect::<OwnableUnauthorizedAccount>();
    scene.done(scene.alice, IOwned::acceptOwnershipCall {});
    assert_eq!(scene.read(IOwned::ownerCall {}), scene.alice);
    scene.refused(scene.owner, scene.call(scene.token.at, 1)).expect::<OwnableUnauthorizedAccount>();
    let error = scene.refused(scene.alice, scene.call(scene.token.at, 7)).expect::<ITreasury::BudgetExceeded>();
    assert_eq!(error.left, u(6));
    scene.done(scene.alice, scene.call(scene.token.at, 6));
}

#[test]
fn only_the_owner_pays_and_sets_budgets() {
    let scene = Scene::with_budget(10);
    let set = ITreasury::setBudgetCall { token: scene.token.at, amount: u(5) };
    scene.done(scene.owner, IOwned::setGuardianCall { newGuardian: scene.alice });
    assert_eq!(scene.read(IOwned::guardianCall {}), scene.alice);
    for from in [scene.alice, scene.setup, scene.token.at, scene.at] {
        let error = scene.refused(from, scene.call(scene.token.at, 1)).expect::<OwnableUnauthorizedAccount>();
        assert_eq!(error.account, from);
        scene.refused(from, set.clone()).expect::<OwnableUnauthorizedAccount>();
    }
    assert_eq!(scene.standing(), [10, 10, 0, 10]);
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————————— paying

#[test]
fn a_payment_leaves_by_the_budget_of_the_period() {
    let scene = Scene::with_budget(100);
    scene.pay(30);
    assert_eq!((scene.alices(), scene.standing()), (30, [100, 100, 30, 70]));
    let event = scene.last::<ITreasury::Paid>();
    assert_eq!((event.token, event.to, event.amount), (scene.token.at, scene.alice, u(30)));
    assert_eq!(event.period, U256::ONE);
    scene.pay(70);
    assert_eq!(scene.standing(), [100, 100, 100, 0]);
    scene.exceeds(1, 0);
    scene.pay(0);
}

#[test]
fn more_than_what_is_left_is_refused_however_much_it_is() {
    let scene = Scene::with_budget(100);
    scene.pay(30);
    scene.exceeds(71, 70);
    for amount in [(U256::ONE << 112) + u(1), (U256::ONE << 128) + u(1), U256::MAX] {
        let call = ITreasury::payCall { token: scene.token.at, to: scene.alice, amount };
        assert_eq!(scene.refused(scene.owner, call).expect::<ITreasury::BudgetExceeded>().amount, amount);
    }
    assert_eq!((scene.alices(), scene.standing()), (30, [100, 100, 30, 70]));
}

#[test]
fn what_is_not_spent_does_not_add_to_the_next_period() {
    let scene = Scene::with_budget(100);
    scene.pay(30);
    scene.next_period();
    assert_eq!(scene.standing(), [100, 100, 0, 100]);
    scene.world.warp(7 * PERIOD);
    assert_eq!(scene.standing(), [100, 100, 0, 100]);
    scene.exceeds(101, 100);
    scene.pay(100);
    scene.exceeds(1, 0);
}

#[test]
fn the_last_second_of_a_period_belongs_to_it_and_the_next_one_to_the_next() {
    let scene = Scene::with_budget(100);
    let end = scene.read(ITreasury::periodEndCall {});
    scene.world.warp_to(end - 1);
    scene.pay(100);
    scene.exceeds(1, 0);
    scene.world.warp_to(end);
    scene.pay(100);
    scene.exceeds(1, 0);
}

#[test]
fn nothing_goes_to_the_zero_address() {
    let scene = Scene::with_budget(100);
    for token in [scene.token.at, ETHER] {
        let call = ITreasury::payCall { token, to: Address::ZERO, amount: U256::ZERO };
        assert_eq!(scene.refused(scene.owner, call).expect::<ITreasury::InvalidReceiver>().to, Address::ZERO);
    }
}

#[test]
fn tokens_have_budgets_of_their_own() {
    let scene = Scene::with_budget(100);
    scene.done(scene.owner, ITreasury::setBudgetCall { token: ETHER, amount: u(7) });
    scene.next_period();
    scene.pay(100);
    scene.done(scene.owner, scene.call(ETHER, 5));
    assert_eq!((scene.standing(), scene.standing_of(ETHER)), ([100, 100, 100, 0], [7, 7, 5, 2]));
    assert_eq!(scene.standing_of(scene.alice), [0; 4]);
}

#[test]
fn a_token_takes_two_words_and_a_payment_changes_one() {
    let scene = Scene::new();
    let before = scene.world.slots_of(scene.at);
    scene.budget(100);
    scene.next_period();
    scene.pay(10);
    assert_eq!(scene.world.slots_of(scene.at), before + 2);
    let first = U256::from_be_bytes(keccak256((scene.token.at, U256::ONE).abi_encode()).0);
    let word = U256::from_be_bytes(scene.world.storage_at(scene.at, first).0);
    assert_eq!(word, u(100) | u(10) << 112 | U256::ONE << 224);
    assert_eq!(U256::from_be_bytes(scene.world.storage_at(scene.at, first + U256::ONE).0), u(100));
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————————— budgets

#[test]
fn a_higher_budget_holds_from_the_next_period_on() {
    let scene = Scene::with_budget(10);
    scene.budget(50);
    let event = scene.last::<ITreasury::BudgetSet>();
    assert_eq!((event.token, event.amount, event.fromPeriod), (scene.token.at, u(50), u(2)));
    assert_eq!(scene.standing(), [10, 50, 0, 10]);
    scene.exceeds(11, 10);
    scene.pay(10);
    scene.next_period();
    assert_eq!(scene.standing(), [50, 50, 0, 50]);
    scene.pay(50);
}

#[test]
fn a_lower_budget_holds_at_once() {
    let scene = Scene::with_budget(10);
    scene.pay(3);
    scene.budget(5);
    assert_eq!(scene.last::<ITreasury::BudgetSet>().fromPeriod, U256::ONE);
    assert_eq!(scene.standing(), [5, 5, 3, 2]);
    scene.exceeds(3, 2);
    scene.pay(2);
    // the same again changes nothing
    scene.budget(5);
    assert_eq!((scene.last::<ITreasury::BudgetSet>().fromPeriod, scene.standing()), (U256::ONE, [5, 5, 5, 0]));
}

#[test]
fn a_budget_below_what_was_spent_leaves_nothing() {
    let scene = Scene::with_budget(10);
    scene.pay(8);
    scene.budget(5);
    assert_eq!(scene.standing(), [5, 5, 8, 0]);
    scene.exceeds(1, 0);
    scene.pay(0);
    scene.next_period();
    assert_eq!(scene.standing(), [5, 5, 0, 5]);
}

#[test]
fn raising_after_lowering_gives_nothing_back_in_the_period() {
    for sequence in [&[4, 20][..], &[20, 4, 20], &[4, 10], &[30, 20, 4, 40, 5]] {
        let scene = Scene::with_budget(10);
        scene.pay(2);
        sequence.iter().for_each(|amount| scene.budget(*amount));
        let next = *sequence.last().unwrap();
        assert_eq!(scene.standing(), [4, next, 2, 2], "{sequence:?}");
        scene.exceeds(3, 2);
        scene.next_period();
        assert_eq!(scene.standing(), [next, next, 0, next], "{sequence:?}");
    }
}

#[test]
fn no_single_decision_raises_a_budget_and_spends_it() {
    let scene = Scene::new();
    let timelock = scene.world.address("a real timelock");
    let batch = Rc::new(RefCell::new(vec![]));
    scene.world.place_native(timelock, Batch(batch.clone()));
    scene.done(scene.owner, IOwned::transferOwnershipCall { newOwner: timelock });
    let raise = ITreasury::setBudgetCall { token: scene.token.at, amount: u(100) }.abi_encode();
    let lower = ITreasury::setBudgetCall { token: scene.token.at, amount: u(0) }.abi_encode();
    let accept = IOwned::acceptOwnershipCall {}.abi_encode();
    let pay = scene.call(scene.token.at, 1).abi_encode();
    *batch.borrow_mut() = [accept, raise.clone(), lower, raise, pay].map(|data| (scene.at, data)).to_vec();
    let refused = scene.world.transact(scene.alice, timelock, U256::ZERO, vec![]).unwrap_err();
    assert_eq!(Reverted(refused).expect::<ITreasury::BudgetExceeded>().left, U256::ZERO);
}

type Calls = Vec<(Address, Vec<u8>)>;

/// Makes calls in their order, all or none.
struct Batch(Rc<RefCell<Calls>>);

impl Native for Batch {
    fn call(&self, context: &Context<'_>, _: &[u8]) -> ArbResult {
        for (to, data) in self.0.borrow().clone() {
            context.call(to, data)?;
        }
        Ok(vec![])
    }
}

#[test]
fn a_budget_has_at_most_112_bits() {
    let scene = Scene::new();
    let most = (U256::ONE << 112) - U256::ONE;
    let set = |amount| ITreasury::setBudgetCall { token: scene.token.at, amount };
    for amount in [most + U256::ONE, U256::MAX] {
        let error = scene.refused(scene.owner, set(amount)).expect::<IOwned::ParameterOutOfBounds>();
        assert_eq!((&error.parameter[..7], error.value), (&b"amount\0"[..], amount));
    }
    scene.done(scene.owner, set(most));
    scene.next_period();
    scene.token.mint(&scene.world, scene.at, most);
    let budget = scene.read(ITreasury::budgetOfCall { token: scene.token.at });
    assert_eq!((budget.amount, budget.next, budget.spent, budget.left), (most, most, U256::ZERO, most));
    scene.done(scene.owner, ITreasury::payCall { token: scene.token.at, to: scene.alice, amount: most });
    let budget = scene.read(ITreasury::budgetOfCall { token: scene.token.at });
    assert_eq!((budget.amount, budget.next, budget.spent, budget.left), (most, most, most, U256::ZERO));
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————————— set-up

#[test]
fn the_setup_key_pays_without_budgets_and_is_not_counted() {
    let scene = Scene::in_setup();
    scene.done(scene.setup, scene.call(scene.token.at, 400));
    scene.budget_by(scene.setup, 10);
    scene.done(scene.setup, scene.call(scene.token.at, 300));
    assert_eq!((scene.alices(), scene.standing()), (700, [10, 10, 0, 10]));
    scene.exceeds(11, 10);
}

#[test]
fn the_setup_keys_budgets_hold_at_once() {
    let scene = Scene::in_setup();
    scene.budget_by(scene.setup, 10);
    assert_eq!((scene.last::<ITreasury::BudgetSet>().fromPeriod, scene.standing()), (U256::ZERO, [10, 10, 0, 10]));
    scene.pay(4);
    scene.budget_by(scene.setup, 20);
    assert_eq!((scene.last::<ITreasury::BudgetSet>().fromPeriod, scene.standing()), (U256::ZERO, [20, 20, 4, 16]));
    scene.budget_by(scene.setup, 3);
    assert_eq!(scene.standing(), [3, 3, 4, 0]);
}

#[test]
fn a_finished_setup_key_has_no_rights_and_its_budgets_stay() {
    let scene = Scene::in_setup();
    assert_eq!(scene.read(IOwned::setupCall {}), scene.setup);
    scene.budget_by(scene.setup, 10);
    scene.done(scene.setup, IOwned::finishSetupCall {});
    assert_eq!(scene.read(IOwned::setupCall {}), Address::ZERO);
    scene.refused(scene.setup, scene.call(scene.token.at, 0)).expect::<OwnableUnauthorizedAccount>();
    scene.pay(10);
    scene.exceeds(1, 0);
}

#[test]
fn an_owner_who_is_the_setup_key_too_is_held_to_the_budgets() {
    let world = World::new();
    let [at, owner, alice, token] = ["treasury", "deployer", "alice", "token"].map(|name| world.address(name));
    let scene = Scene::owned_by(&world, at, owner, owner, alice, Token::deploy(&world, token, 6));
    scene.token.mint(&world, at, u(1_000));
    scene.exceeds(1, 0);
    scene.budget(10);
    assert_eq!(scene.standing(), [0, 10, 0, 0]);
    scene.exceeds(1, 0);
}

// ————————————————————————————————————————————————————————————————————————————————————————————————————————— ether

#[test]
fn ether_arrives_with_an_event() {
    let scene = Scene::new();
    scene.world.set_ether(scene.alice, u(9));
    assert_eq!(scene.world.transact(scene.alice, scene.at, u(9), vec![]), Ok(vec![]));
    let event = scene.last::<ITreasury::EtherReceived>();
    assert_eq!((event.from, event.amount, scene.world.ether(scene.at)), (scene.alice, u(9), u(1_009)));
}

#[test]
fn no_function_takes_ether() {
    let scene = Scene::in_setup();
    scene.world.set_ether(scene.setup, u(1_000));
    for selector in selectors().into_iter().chain([[0; 4]]) {
        let mut data = selector.to_vec();
        data.extend([0; 32 * 4]);
        assert_eq!(scene.world.transact(scene.setup, scene.at, U256::ONE, data), Err(vec![]));
    }
    assert_eq!(scene.world.ether(scene.at), u(1_000));
}

/// A receiver that answers what it is told to, and calls somebody before.
#[derive(Default)]
struct Receiver {
    answer: RefCell<Option<ArbResult>>,
    then: RefCell<Option<(Address, Vec<u8>)>>,
    inner: RefCell<Option<ArbResult>>,
}

struct Handle(Rc<Receiver>);

impl Native for Handle {
    fn call(&self, context: &Context<'_>, _: &[u8]) -> ArbResult {
        if let Some((to, data)) = self.0.then.borrow().clone() {
            *self.0.inner.borrow_mut() = Some(context.call(to, data));
        }
        self.0.answer.borrow().clone().unwrap_or(Ok(vec![]))
    }
}

/// A treasury that may spend 10 of its ether in this period, on a contract.
fn ether_scene() -> (Scene, Rc<Receiver>) {
    let scene = Scene::new();
    let receiver = Rc::new(Receiver::default());
    scene.world.place_native(scene.alice, Handle(receiver.clone()));
    scene.done(scene.owner, ITreasury::setBudgetCall { token: ETHER, amount: u(10) });
    scene.next_period();
    (scene, receiver)
}

#[test]
fn ether_leaves_by_its_budget() {
    let (scene, _) = ether_scene();
    let error = scene.refused(scene.owner, scene.call(ETHER, 11)).expect::<ITreasury::BudgetExceeded>();
    assert_eq!((error.token, error.amount, error.left), (ETHER, u(11), u(10)));
    scene.done(scene.owner, scene.call(ETHER, 10));
    assert_eq!((scene.world.ether(scene.alice), scene.world.ether(scene.at)), (u(10), u(990)));
    let event = scene.last::<ITreasury::Paid>();
    assert_eq!((event.token, event.to, event.amount), (ETHER, scene.alice, u(10)));
    assert_eq!(scene.standing_of(ETHER), [10, 10, 10, 0]);
}

#[test]
fn ether_that_is_not_taken_is_not_spent() {
    let (scene, receiver) = ether_scene();
    *receiver.answer.borrow_mut() = Some(Err(vec![]));
    scene.refused(scene.owner, scene.call(ETHER, 1)).expect::<FailedCall>();
    *receiver.answer.borrow_mut() = Some(Err(hex!("12345678").to_vec()));
    assert_eq!(scene.refused(scene.owner, scene.call(ETHER, 1)).0, hex!("12345678"));
    assert_eq!((scene.standing_of(ETHER), scene.world.ether(scene.at)), ([10, 10, 0, 10], u(1_000)));
    assert_eq!(scene.world.events::<ITreasury::Paid>(scene.at).len(), 0);
}

#[test]
fn more_ether_than_there_is_is_refused() {
    let (scene, _) = ether_scene();
    scene.world.set_ether(scene.at, u(4));
    let error = scene.refused(scene.owner, scene.call(ETHER, 5)).expect::<ITreasury::InsufficientBalance>();
    assert_eq!((error.balance, error.needed), (u(4), u(5)));
    assert_eq!(scene.standing_of(ETHER), [10, 10, 0, 10]);
}

#[test]
fn a_receiver_that_is_the_owner_cannot_reenter() {
    let (scene, receiver) = ether_scene();
    scene.done(scene.owner, IOwned::transferOwnershipCall { newOwner: scene.alice });
    scene.done(scene.alice, IOwned::acceptOwnershipCall {});
    *receiver.then.borrow_mut() = Some((scene.at, scene.call(ETHER, 1).abi_encode()));
    scene.done(scene.alice, scene.call(ETHER, 6));
    let inner = receiver.inner.borrow().clone().unwrap().unwrap_err();
    Reverted(inner).expect::<ReentrancyGuardReentrantCall>();
    assert_eq!((scene.standing_of(ETHER), scene.world.ether(scene.alice)), ([10, 10, 6, 4], u(6)));
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————————— tokens

#[test]
fn a_token_that_answers_nothing_is_paid() {
    let scene = Scene::with_budget(10);
    scene.token.habits.silent.set(true);
    scene.pay(10);
    assert_eq!(scene.alices(), 10);
}

#[test]
fn what_a_token_refuses_is_not_spent() {
    let scene = Scene::with_budget(2_000);
    scene.token.habits.refuses.set(true);
    let refused = || scene.refused(scene.owner, scene.call(scene.token.at, 1_001));
    assert_eq!(refused().expect::<SafeERC20FailedOperation>().token, scene.token.at);
    scene.token.habits.refuses.set(false);
    scene.token.habits.blacklisted.set(Some(scene.alice));
    assert_eq!(refused().expect::<Erc20::Blacklisted>().account, scene.alice);
    scene.token.habits.blacklisted.set(None);
    assert_eq!(refused().expect::<IERC20::ERC20InsufficientBalance>().needed, u(1_001));
    assert_eq!(scene.standing(), [2_000, 2_000, 0, 2_000]);
    assert_eq!(scene.world.events::<ITreasury::Paid>(scene.at).len(), 0);
    scene.pay(1_000);
}

#[test]
fn what_leaves_is_counted_as_asked_when_the_token_takes_a_fee() {
    let scene = Scene::with_budget(100);
    scene.token.habits.fee_bps.set(1_000);
    scene.pay(50);
    assert_eq!((scene.alices(), scene.standing()), (45, [100, 100, 50, 50]));
}

#[test]
fn an_account_without_code_is_no_token() {
    let scene = Scene::new();
    let nothing = scene.world.address("nothing");
    scene.done(scene.owner, ITreasury::setBudgetCall { token: nothing, amount: u(5) });
    scene.next_period();
    let error = scene.refused(scene.owner, scene.call(nothing, 5)).expect::<AddressEmptyCode>();
    assert_eq!((error.target, scene.standing_of(nothing)), (nothing, [5, 5, 0, 5]));
}

#[test]
fn a_token_that_is_the_owner_cannot_reenter() {
    let scene = Scene::with_budget(10);
    scene.done(scene.owner, IOwned::transferOwnershipCall { newOwner: scene.token.at });
    scene.done(scene.token.at, IOwned::acceptOwnershipCall {});
    *scene.token.habits.hook.borrow_mut() = Some((scene.at, scene.call(scene.token.at, 1).abi_encode()));
    scene.done(scene.token.at, scene.call(scene.token.at, 6));
    let inner = scene.token.habits.hook_result.borrow().clone().unwrap().unwrap_err();
    Reverted(inner).expect::<ReentrancyGuardReentrantCall>();
    assert_eq!((scene.standing(), scene.alices()), ([10, 10, 6, 4], 6));
}

#[test]
fn a_token_that_lowers_the_budget_while_it_is_paid_lowers_it() {
    let scene = Scene::with_budget(10);
    scene.done(scene.owner, IOwned::transferOwnershipCall { newOwner: scene.token.at });
    scene.done(scene.token.at, IOwned::acceptOwnershipCall {});
    let lower = ITreasury::setBudgetCall { token: scene.token.at, amount: u(7) };
    *scene.token.habits.hook.borrow_mut() = Some((scene.at, lower.abi_encode()));
    scene.done(scene.token.at, scene.call(scene.token.at, 6));
    assert_eq!(scene.token.habits.hook_result.borrow().clone(), Some(Ok(vec![])));
    assert_eq!((scene.standing(), scene.alices()), ([7, 7, 6, 1], 6));
}

#[test]
fn tokens_that_could_never_leave_are_not_taken() {
    let scene = Scene::new();
    let calls = ITokenReceiver::ITokenReceiverCalls::selectors().collect::<Vec<_>>();
    assert_eq!(calls.len(), 3);
    for selector in calls {
        let data = [&selector[..], &[0; 32 * 8]].concat();
        assert_eq!(scene.world.transact(scene.alice, scene.at, U256::ZERO, data), Err(vec![]));
    }
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————————— a model

/// What the owner can do, and time; tokens by number.
#[derive(Clone, Debug)]
enum Step {
    Set(usize, u64),
    Pay(usize, u64),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..2usize, 0..100u64).prop_map(|(token, amount)| Step::Set(token, amount)),
        5 => (0..2usize, 0..40u64).prop_map(|(token, amount)| Step::Pay(token, amount)),
        2 => prop_oneof![0..PERIOD, Just(PERIOD), PERIOD..4 * PERIOD].prop_map(Step::Wait),
    ]
}

/// All that was ever decided and paid of one token, by period.
#[derive(Default)]
struct Model {
    sets: Vec<(u64, u64)>,
    paid: Vec<(u64, u64)>,
}

impl Model {
    /// The budget that stood when a period began: the last one that was set before.
    fn at_the_beginning(&self, period: u64) -> u64 {
        self.sets.iter().rev().find(|set| set.0 < period).map_or(0, |set| set.1)
    }

    /// That one, or the lowest that was set since.
    fn amount(&self, period: u64) -> u64 {
        let since = self.sets.iter().filter(|set| set.0 == period).map(|set| set.1);
        since.fold(self.at_the_beginning(period), u64::min)
    }

    fn spent(&self, period: u64) -> u64 {
        self.paid.iter().filter(|paid| paid.0 == period).map(|paid| paid.1).sum()
    }

    fn standing(&self, period: u64) -> [u64; 4] {
        let (amount, spent) = (self.amount(period), self.spent(period));
        [amount, self.sets.last().map_or(0, |set| set.1), spent, amount.saturating_sub(spent)]
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Whatever the owner does in whatever order, no more leaves in a period than stood at its beginning.
    #[test]
    fn budgets_are_those_of_a_plain_model(steps in proptest::collection::vec(step(), 1..80)) {
        let scene = Scene::new();
        let (start, tokens) = (scene.world.now(), [scene.token.at, ETHER]);
        scene.token.mint(&scene.world, scene.at, u(1_000_000));
        scene.world.set_ether(scene.at, u(1_000_000));
        let mut models = [Model::default(), Model::default()];
        for step in steps {
            let period = (scene.world.now() - start) / PERIOD;
            match step {
                Step::Wait(seconds) => scene.world.warp(seconds),
                Step::Set(token, amount) => {
                    scene.done(scene.owner, ITreasury::setBudgetCall { token: tokens[token], amount: u(amount) });
                    models[token].sets.push((period, amount));
                }
                Step::Pay(token, amount) => {
                    let before = [u(scene.alices()), scene.world.ether(scene.alice)][token];
                    let paid = scene.world.send(scene.owner, scene.at, scene.call(tokens[token], amount));
                    prop_assert_eq!(paid.is_ok(), amount <= models[token].standing(period)[3]);
                    if paid.is_ok() {
                        models[token].paid.push((period, amount));
                        let after = [u(scene.alices()), scene.world.ether(scene.alice)][token];
                        prop_assert_eq!(after - before, u(amount));
                    }
                }
            }
            let period = (scene.world.now() - start) / PERIOD;
            for (token, model) in tokens.into_iter().zip(&models) {
                prop_assert_eq!(scene.standing_of(token), model.standing(period));
            }
        }
        let paid = scene.world.events::<ITreasury::Paid>(scene.at);
        for period in 0..=(scene.world.now() - start) / PERIOD {
            for (token, model) in tokens.into_iter().zip(&models) {
                let of = |paid: &&ITreasury::Paid| paid.token == token && paid.period == u(period);
                let left: u64 = paid.iter().filter(of).map(|paid| paid.amount.to::<u64>()).sum();
                prop_assert_eq!(left, model.spent(period));
                prop_assert!(left <= model.at_the_beginning(period));
            }
        }
    }
}
