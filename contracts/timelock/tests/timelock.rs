//! The timelock: every function, error and role, and an operation's whole life.

use std::cell::RefCell;

use alloy_primitives::{Address, B256, Bytes, U256, hex, keccak256};
use alloy_sol_types::{SolCall, SolInterface, SolValue};
use protocol::abi::{IAccessControl, IERC20, IERC165, ITimelock, ITokenReceiver};
use stylus_sdk::ArbResult;
use testkit::{Context, Native, Reverted, World};
use timelock::{CANCELLER_ROLE, DEFAULT_ADMIN_ROLE, EXECUTOR_ROLE, LONGEST_DELAY, PROPOSER_ROLE, Timelock};

const MIN_DELAY: u64 = 100;
const COOLDOWN: u64 = 90;

/// An operation's states, in the interface's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Unset,
    Waiting,
    Ready,
    Done,
}

/// A target that remembers what it was called with, and does on the call what it is told.
#[derive(Default)]
struct Target {
    calls: RefCell<Vec<(Address, Vec<u8>)>>,
    then: RefCell<Option<(Address, Vec<u8>)>>,
    answer: RefCell<Option<ArbResult>>,
    inner: RefCell<Option<ArbResult>>,
}

struct Handle(std::rc::Rc<Target>);

impl Native for Handle {
    fn call(&self, context: &Context<'_>, input: &[u8]) -> ArbResult {
        self.0.calls.borrow_mut().push((context.sender, input.to_vec()));
        if let Some((to, data)) = self.0.then.borrow().clone() {
            *self.0.inner.borrow_mut() = Some(context.call(to, data));
        }
        self.0.answer.borrow().clone().unwrap_or(Ok(vec![]))
    }
}

struct Office {
    world: World,
    timelock: Address,
    admin: Address,
    proposer: Address,
    executor: Address,
    stranger: Address,
    at: Address,
    target: std::rc::Rc<Target>,
}

fn arguments(min_delay: u64, proposers: &[Address], executors: &[Address], admin: Address, cooldown: u64) -> Vec<u8> {
    (U256::from(min_delay), proposers.to_vec(), executors.to_vec(), admin, U256::from(cooldown)).abi_encode_params()
}

/// One call of an operation without predecessor.
#[derive(Clone)]
struct Operation {
    target: Address,
    value: U256,
    data: Bytes,
    predecessor: B256,
    salt: B256,
}

impl Operation {
    fn schedule(&self, delay: u64) -> ITimelock::scheduleCall {
        let Self { target, value, data, predecessor, salt } = self.clone();
        ITimelock::scheduleCall { target, value, data, predecessor, salt, delay: U256::from(delay) }
    }

    fn execute(&self) -> ITimelock::executeCall {
        let Self { target, value, data, predecessor, salt } = self.clone();
        ITimelock::executeCall { target, value, payload: data, predecessor, salt }
    }

    /// As OpenZeppelin has it.
    fn id(&self) -> B256 {
        let Self { target, value, data, predecessor, salt } = self.clone();
        keccak256((target, value, data, predecessor, salt).abi_encode_params())
    }
}

/// Several calls.
#[derive(Clone)]
struct Batch {
    targets: Vec<Address>,
    values: Vec<U256>,
    payloads: Vec<Bytes>,
    predecessor: B256,
    salt: B256,
}

impl Batch {
    fn schedule(&self, delay: u64) -> ITimelock::scheduleBatchCall {
        let Self { targets, values, payloads, predecessor, salt } = self.clone();
        ITimelock::scheduleBatchCall { targets, values, payloads, predecessor, salt, delay: U256::from(delay) }
    }

    fn execute(&self) -> ITimelock::executeBatchCall {
        let Self { targets, values, payloads, predecessor, salt } = self.clone();
        ITimelock::executeBatchCall { targets, values, payloads, predecessor, salt }
    }

    fn id(&self) -> B256 {
        let Self { targets, values, payloads, predecessor, salt } = self.clone();
        keccak256((targets, values, payloads, predecessor, salt).abi_encode_params())
    }
}

impl Office {
    fn new() -> Self {
        let world = World::new();
        let [timelock, admin, proposer, executor, stranger, at] =
            ["timelock", "admin", "proposer", "executor", "stranger", "target"].map(|name| world.address(name));
        let arguments = arguments(MIN_DELAY, &[proposer], &[executor], admin, COOLDOWN);
        world.construct::<Timelock>(timelock, admin, arguments);
        let target = std::rc::Rc::new(Target::default());
        world.place_native(at, Handle(target.clone()));
        Self { world, timelock, admin, proposer, executor, stranger, at, target }
    }

    fn send<C: SolCall>(&self, from: Address, call: C) -> C::Return {
        self.world.send(from, self.timelock, call).unwrap_or_else(|reverted| panic!("0x{}", hex::encode(reverted.0)))
    }

    fn refused<C: SolCall>(&self, from: Address, call: C) -> Reverted {
        self.world.refused(from, self.timelock, call)
    }

    fn read<C: SolCall>(&self, call: C) -> C::Return {
        self.world.read(self.timelock, call)
    }

    fn has(&self, role: B256, account: Address) -> bool {
        self.read(IAccessControl::hasRoleCall { role, account })
    }

    fn operation(&self, salt: u8) -> Operation {
        Operation {
            target: self.at,
            value: U256::ZERO,
            data: Bytes::from(vec![0xab, salt]),
            predecessor: B256::ZERO,
            salt: B256::with_last_byte(salt),
        }
    }

    fn batch(&self) -> Batch {
        Batch {
            targets: vec![self.at; 3],
            values: vec![U256::ZERO; 3],
            payloads: (0..3).map(|byte| Bytes::from(vec![byte; 33])).collect(),
            predecessor: B256::ZERO,
            salt: B256::with_last_byte(9),
        }
    }

    /// An operation of the timelock's own.
    fn own<C: SolCall>(&self, call: C) -> Operation {
        Operation { target: self.timelock, data: call.abi_encode().into(), ..self.operation(0) }
    }

    fn state(&self, id: B256) -> State {
        let state = match self.read(ITimelock::getOperationStateCall { id }) as u8 {
            0 => State::Unset,
            1 => State::Waiting,
            2 => State::Ready,
            3 => State::Done,
            state => panic!("there is no state {state}"),
        };
        let is = (
            self.read(ITimelock::isOperationCall { id }),
            self.read(ITimelock::isOperationPendingCall { id }),
            self.read(ITimelock::isOperationReadyCall { id }),
            self.read(ITimelock::isOperationDoneCall { id }),
        );
        match state {
            State::Unset => assert_eq!(is, (false, false, false, false)),
            State::Waiting => assert_eq!(is, (true, true, false, false)),
            State::Ready => assert_eq!(is, (true, true, true, false)),
            State::Done => assert_eq!(is, (true, false, false, true)),
        }
        state
    }

    fn unexpected(&self, reverted: Reverted, id: B256, states: &[State]) {
        let error = reverted.expect::<ITimelock::TimelockUnexpectedOperationState>();
        let bits = states.iter().fold(0, |bits, state| bits | 1_u8 << *state as u8);
        assert_eq!((error.operationId, error.expectedStates), (id, B256::with_last_byte(bits)));
    }

    fn unauthorized(&self, reverted: Reverted, account: Address, role: B256) {
        let error = reverted.expect::<IAccessControl::AccessControlUnauthorizedAccount>();
        assert_eq!((error.account, error.neededRole), (account, role));
    }

    /// Schedules an operation and lets its delay pass.
    fn ready(&self, operation: &Operation) {
        self.send(self.proposer, operation.schedule(MIN_DELAY));
        self.world.warp(MIN_DELAY);
    }
}

// ——————————————————————————————————————————————————————————————————————————————————————— interface, construction

#[test]
fn the_interface_and_the_contract_agree() {
    let world = World::new();
    let mut all: Vec<_> = ITimelock::ITimelockCalls::selectors().collect();
    all.extend(IAccessControl::IAccessControlCalls::selectors());
    all.extend(ITokenReceiver::ITokenReceiverCalls::selectors());
    all.extend(IERC165::IERC165Calls::selectors());
    assert_eq!(all.len(), 29);
    for selector in all {
        assert!(world.routes::<Timelock>(selector), "0x{}", hex::encode(selector));
    }
}

#[test]
fn interface_ids_are_openzeppelins() {
    let office = Office::new();
    for (id, supported) in [
        (hex!("01ffc9a7"), true), // ERC-165
        (hex!("7965db0b"), true), // AccessControl
        (hex!("4e2312e0"), true), // ERC-1155 receiver
        (hex!("ffffffff"), false),
        (hex!("80ac58cd"), false), // ERC-721
    ] {
        let answer = office.read(IERC165::supportsInterfaceCall { interfaceId: id.into() });
        assert_eq!(answer, supported, "0x{}", hex::encode(id));
    }
}

#[test]
fn construction_gives_the_roles() {
    let office = Office::new();
    assert_eq!(office.read(ITimelock::getMinDelayCall {}), U256::from(MIN_DELAY));
    assert_eq!(office.read(ITimelock::cooldownCall {}), U256::from(COOLDOWN));
    for (role, members) in [
        (DEFAULT_ADMIN_ROLE, vec![office.timelock, office.admin]),
        (PROPOSER_ROLE, vec![office.proposer]),
        (CANCELLER_ROLE, vec![office.proposer]),
        (EXECUTOR_ROLE, vec![office.executor]),
    ] {
        for account in [office.timelock, office.admin, office.proposer, office.executor, office.stranger] {
            assert_eq!(office.has(role, account), members.contains(&account));
        }
        assert_eq!(office.read(IAccessControl::getRoleAdminCall { role }), DEFAULT_ADMIN_ROLE);
    }
    assert_eq!(office.read(ITimelock::PROPOSER_ROLECall {}), PROPOSER_ROLE);
    assert_eq!(office.read(ITimelock::EXECUTOR_ROLECall {}), EXECUTOR_ROLE);
    assert_eq!(office.read(ITimelock::CANCELLER_ROLECall {}), CANCELLER_ROLE);
    assert_eq!(office.read(ITimelock::DEFAULT_ADMIN_ROLECall {}), DEFAULT_ADMIN_ROLE);
    assert_eq!(office.world.events::<IAccessControl::RoleGranted>(office.timelock).len(), 5);
    let event = office.world.events::<ITimelock::MinDelayChange>(office.timelock).pop().unwrap();
    assert_eq!((event.oldDuration, event.newDuration), (U256::ZERO, U256::from(MIN_DELAY)));
}

#[test]
fn without_an_admin_only_the_timelock_itself_grants_roles() {
    let office = Office::new();
    let at = office.world.address("another timelock");
    let arguments = arguments(1, &[office.proposer], &[office.executor], Address::ZERO, 0);
    office.world.construct::<Timelock>(at, office.admin, arguments);
    let has = |account| office.world.read(at, IAccessControl::hasRoleCall { role: DEFAULT_ADMIN_ROLE, account });
    assert!(has(at) && !has(office.admin) && !has(Address::ZERO));
}

#[test]
fn the_minimum_delay_exceeds_the_cooldown_from_the_start() {
    let office = Office::new();
    let construct = |min_delay, cooldown| {
        let at = office.world.address("another timelock");
        office.world.try_construct::<Timelock>(at, office.admin, arguments(min_delay, &[], &[], office.admin, cooldown))
    };
    let error = construct(COOLDOWN, COOLDOWN).unwrap_err().expect::<ITimelock::TimelockInsufficientDelay>();
    assert_eq!((error.delay, error.minDelay), (U256::from(COOLDOWN), U256::from(COOLDOWN + 1)));
    construct(0, 0).unwrap_err().expect::<ITimelock::TimelockInsufficientDelay>();
    let error = construct(LONGEST_DELAY + 1, 0).unwrap_err().expect::<ITimelock::TimelockDelayTooLong>();
    assert_eq!((error.delay, error.longest), (U256::from(LONGEST_DELAY + 1), U256::from(LONGEST_DELAY)));
    construct(LONGEST_DELAY, u64::MAX).unwrap_err().expect::<ITimelock::TimelockDelayTooLong>();
    assert_eq!(construct(LONGEST_DELAY, LONGEST_DELAY - 1), Ok(()));
}

// ————————————————————————————————————————————————————————————————————————————————————————— an operation's life

#[test]
fn an_operation_waits_becomes_ready_and_is_done_once() {
    let office = Office::new();
    let operation = office.operation(7);
    let id = operation.id();
    let Operation { target, value, data, predecessor, salt } = operation.clone();
    assert_eq!(office.read(ITimelock::hashOperationCall { target, value, data, predecessor, salt }), id);
    assert_eq!(office.state(id), State::Unset);

    office.send(office.proposer, operation.schedule(MIN_DELAY + 1));
    assert_eq!(office.state(id), State::Waiting);
    let eta = office.world.now() + MIN_DELAY + 1;
    assert_eq!(office.read(ITimelock::getTimestampCall { id }), U256::from(eta));
    let event = office.world.events::<ITimelock::CallScheduled>(office.timelock).pop().unwrap();
    assert_eq!((event.id, event.index, event.target, event.value), (id, U256::ZERO, office.at, U256::ZERO));
    assert_eq!(
        (event.data, event.predecessor, event.delay),
        (operation.data.clone(), B256::ZERO, U256::from(MIN_DELAY + 1))
    );
    let event = office.world.events::<ITimelock::CallSalt>(office.timelock).pop().unwrap();
    assert_eq!((event.id, event.salt), (id, operation.salt));

    office.world.warp_to(eta - 1);
    office.unexpected(office.refused(office.executor, operation.execute()), id, &[State::Ready]);
    office.world.warp_to(eta);
    assert_eq!(office.state(id), State::Ready);
    assert!(office.target.calls.borrow().is_empty());
    office.send(office.executor, operation.execute());
    assert_eq!(*office.target.calls.borrow(), [(office.timelock, operation.data.to_vec())]);
    assert_eq!(office.state(id), State::Done);
    assert_eq!(office.read(ITimelock::getTimestampCall { id }), U256::ONE);
    let event = office.world.events::<ITimelock::CallExecuted>(office.timelock).pop().unwrap();
    assert_eq!((event.id, event.index, event.target, event.value), (id, U256::ZERO, office.at, U256::ZERO));
    assert_eq!(event.data, operation.data);

    office.unexpected(office.refused(office.executor, operation.execute()), id, &[State::Ready]);
    office.unexpected(office.refused(office.proposer, operation.schedule(MIN_DELAY)), id, &[State::Unset]);
    let pending = [State::Waiting, State::Ready];
    office.unexpected(office.refused(office.proposer, ITimelock::cancelCall { id }), id, &pending);
}

#[test]
fn a_batch_is_executed_in_order() {
    let office = Office::new();
    let batch = office.batch();
    let id = batch.id();
    let Batch { targets, values, payloads, predecessor, salt } = batch.clone();
    assert_eq!(office.read(ITimelock::hashOperationBatchCall { targets, values, payloads, predecessor, salt }), id);
    office.send(office.proposer, batch.schedule(MIN_DELAY));
    let scheduled = office.world.events::<ITimelock::CallScheduled>(office.timelock);
    assert_eq!(scheduled.len(), 3);
    office.world.warp(MIN_DELAY);
    office.send(office.executor, batch.execute());
    let called: Vec<_> = office.target.calls.borrow().iter().map(|(_, data)| data.clone()).collect();
    assert_eq!(called, batch.payloads.iter().map(|data| data.to_vec()).collect::<Vec<_>>());
    for (events, index) in scheduled.iter().zip(0..) {
        assert_eq!((events.id, events.index, &events.data), (id, U256::from(index), &batch.payloads[index]));
    }
    for (event, index) in office.world.events::<ITimelock::CallExecuted>(office.timelock).iter().zip(0..) {
        assert_eq!((event.id, event.index, &event.data), (id, U256::from(index), &batch.payloads[index]));
    }
    assert_eq!(office.state(id), State::Done);
}

#[test]
fn without_a_salt_no_salt_is_told() {
    let office = Office::new();
    office.send(office.proposer, office.operation(0).schedule(MIN_DELAY));
    assert!(office.world.events::<ITimelock::CallSalt>(office.timelock).is_empty());
}

#[test]
fn a_batch_with_missing_parts_is_refused() {
    let office = Office::new();
    for batch in [
        Batch { values: vec![U256::ZERO; 2], ..office.batch() },
        Batch { payloads: vec![Bytes::new(); 4], ..office.batch() },
        Batch { targets: vec![], ..office.batch() },
    ] {
        for refused in [
            office.refused(office.proposer, batch.schedule(MIN_DELAY)),
            office.refused(office.executor, batch.execute()),
        ] {
            let error = refused.expect::<ITimelock::TimelockInvalidOperationLength>();
            let lengths = [batch.targets.len(), batch.payloads.len(), batch.values.len()].map(U256::from);
            assert_eq!([error.targets, error.payloads, error.values], lengths);
        }
    }
}

#[test]
fn a_cancelled_operation_can_be_scheduled_again() {
    let office = Office::new();
    let operation = office.operation(1);
    let id = operation.id();
    let pending = [State::Waiting, State::Ready];
    office.unexpected(office.refused(office.proposer, ITimelock::cancelCall { id }), id, &pending);
    office.ready(&operation);
    office.send(office.proposer, ITimelock::cancelCall { id });
    assert_eq!(office.world.events::<ITimelock::Cancelled>(office.timelock).pop().unwrap().id, id);
    assert_eq!(office.state(id), State::Unset);
    office.unexpected(office.refused(office.executor, operation.execute()), id, &[State::Ready]);
    office.ready(&operation);
    office.send(office.executor, operation.execute());
}

#[test]
fn the_delay_is_at_least_the_minimum_and_ends_in_time() {
    let office = Office::new();
    let error = office.refused(office.proposer, office.operation(1).schedule(MIN_DELAY - 1));
    let error = error.expect::<ITimelock::TimelockInsufficientDelay>();
    assert_eq!((error.delay, error.minDelay), (U256::from(MIN_DELAY - 1), U256::from(MIN_DELAY)));
    let never = ITimelock::scheduleCall { delay: U256::MAX, ..office.operation(1).schedule(0) };
    office.refused(office.proposer, never).expect::<ITimelock::MathOverflow>();
}

#[test]
fn a_predecessor_must_be_done_first() {
    let office = Office::new();
    let first = office.operation(1);
    let second = Operation { predecessor: first.id(), ..office.operation(2) };
    office.send(office.proposer, first.schedule(MIN_DELAY));
    office.ready(&second);
    let error = office.refused(office.executor, second.execute()).expect::<ITimelock::TimelockUnexecutedPredecessor>();
    assert_eq!(error.predecessorId, first.id());
    office.send(office.executor, first.execute());
    office.send(office.executor, second.execute());
    // what was never scheduled is no predecessor that is done
    let orphan = Operation { predecessor: B256::repeat_byte(1), ..office.operation(3) };
    office.ready(&orphan);
    office.refused(office.executor, orphan.execute()).expect::<ITimelock::TimelockUnexecutedPredecessor>();
}

#[test]
fn a_call_that_fails_undoes_the_batch_and_can_be_tried_again() {
    let office = Office::new();
    let batch = office.batch();
    office.send(office.proposer, batch.schedule(MIN_DELAY));
    office.world.warp(MIN_DELAY);
    *office.target.answer.borrow_mut() = Some(Err(b"said why".to_vec()));
    assert_eq!(office.refused(office.executor, batch.execute()).0, b"said why");
    *office.target.answer.borrow_mut() = Some(Err(vec![]));
    office.refused(office.executor, batch.execute()).expect::<ITimelock::FailedCall>();
    assert_eq!(office.state(batch.id()), State::Ready);
    assert!(office.world.events::<ITimelock::CallExecuted>(office.timelock).is_empty());
    *office.target.answer.borrow_mut() = None;
    office.send(office.executor, batch.execute());
}

#[test]
fn a_call_with_data_to_nobody_is_refused_and_a_plain_payment_is_not() {
    let office = Office::new();
    let nobody = office.world.address("nobody");
    let call = Operation { target: nobody, ..office.operation(1) };
    office.ready(&call);
    let error = office.refused(office.executor, call.execute()).expect::<ITimelock::AddressEmptyCode>();
    assert_eq!(error.target, nobody);

    let payment = Operation { target: nobody, value: U256::from(5), data: Bytes::new(), ..office.operation(2) };
    office.ready(&payment);
    office.refused(office.executor, payment.execute()).expect::<ITimelock::FailedCall>(); // it has nothing
    office.world.set_ether(office.stranger, U256::from(3));
    assert_eq!(office.world.transact(office.stranger, office.timelock, U256::from(3), vec![]), Ok(vec![]));
    // the executor brings the rest along
    office.world.set_ether(office.executor, U256::from(2));
    let input = payment.execute().abi_encode();
    assert!(office.world.transact(office.executor, office.timelock, U256::from(2), input).is_ok());
    assert_eq!((office.world.ether(nobody), office.world.ether(office.timelock)), (U256::from(5), U256::ZERO));
}

// ————————————————————————————————————————————————————————————————————————————————————————————————————————— roles

#[test]
fn each_role_does_its_own_part_only() {
    let office = Office::new();
    let (operation, batch) = (office.operation(1), office.batch());
    office.ready(&operation);
    let id = operation.id();
    for account in [office.admin, office.executor, office.stranger] {
        office.unauthorized(office.refused(account, office.operation(2).schedule(MIN_DELAY)), account, PROPOSER_ROLE);
        office.unauthorized(office.refused(account, batch.schedule(MIN_DELAY)), account, PROPOSER_ROLE);
        office.unauthorized(office.refused(account, ITimelock::cancelCall { id }), account, CANCELLER_ROLE);
    }
    for account in [office.admin, office.proposer, office.stranger] {
        office.unauthorized(office.refused(account, operation.execute()), account, EXECUTOR_ROLE);
        office.unauthorized(office.refused(account, batch.execute()), account, EXECUTOR_ROLE);
    }
    for account in [office.proposer, office.executor, office.stranger] {
        let grant = IAccessControl::grantRoleCall { role: PROPOSER_ROLE, account };
        office.unauthorized(office.refused(account, grant), account, DEFAULT_ADMIN_ROLE);
        let revoke = IAccessControl::revokeRoleCall { role: PROPOSER_ROLE, account: office.proposer };
        office.unauthorized(office.refused(account, revoke), account, DEFAULT_ADMIN_ROLE);
    }
}

#[test]
fn anyone_executes_where_the_zero_address_may() {
    let office = Office::new();
    let operation = office.operation(1);
    office.ready(&operation);
    office.refused(office.stranger, operation.execute());
    office.send(office.admin, IAccessControl::grantRoleCall { role: EXECUTOR_ROLE, account: Address::ZERO });
    office.send(office.stranger, operation.execute());
}

#[test]
fn the_admin_grants_and_revokes() {
    let office = Office::new();
    let (role, account) = (PROPOSER_ROLE, office.stranger);
    office.send(office.admin, IAccessControl::grantRoleCall { role, account });
    let event = office.world.events::<IAccessControl::RoleGranted>(office.timelock).pop().unwrap();
    assert_eq!((event.role, event.account, event.sender), (role, account, office.admin));
    assert!(office.has(role, account) && !office.has(CANCELLER_ROLE, account));
    let events = || office.world.logs().len();
    let before = events();
    office.send(office.admin, IAccessControl::grantRoleCall { role, account }); // has it already
    assert_eq!(events(), before);
    office.send(office.admin, IAccessControl::revokeRoleCall { role, account });
    let event = office.world.events::<IAccessControl::RoleRevoked>(office.timelock).pop().unwrap();
    assert_eq!((event.role, event.account, event.sender), (role, account, office.admin));
    let before = events();
    office.send(office.admin, IAccessControl::revokeRoleCall { role, account });
    assert_eq!(events(), before);
}

#[test]
fn an_account_renounces_its_own_role_only() {
    let office = Office::new();
    let role = DEFAULT_ADMIN_ROLE;
    let renounce =
        |caller_confirmation| IAccessControl::renounceRoleCall { role, callerConfirmation: caller_confirmation };
    office.refused(office.stranger, renounce(office.admin)).expect::<IAccessControl::AccessControlBadConfirmation>();
    office.send(office.admin, renounce(office.admin));
    assert!(!office.has(role, office.admin));
    let grant = IAccessControl::grantRoleCall { role, account: office.admin };
    office.unauthorized(office.refused(office.admin, grant), office.admin, role);
}

#[test]
fn the_timelock_administers_itself_by_operations() {
    let office = Office::new();
    let (role, account) = (PROPOSER_ROLE, office.stranger);
    let grant = office.own(IAccessControl::grantRoleCall { role, account });
    office.ready(&grant);
    office.send(office.executor, grant.execute());
    assert!(office.has(role, account));

    let update = ITimelock::updateDelayCall { newDelay: U256::from(COOLDOWN + 1) };
    for account in [office.admin, office.proposer, office.executor] {
        let error = office.refused(account, update.clone()).expect::<ITimelock::TimelockUnauthorizedCaller>();
        assert_eq!(error.caller, account);
    }
    let operation = office.own(update);
    office.ready(&operation);
    office.send(office.executor, operation.execute());
    assert_eq!(office.read(ITimelock::getMinDelayCall {}), U256::from(COOLDOWN + 1));
    let event = office.world.events::<ITimelock::MinDelayChange>(office.timelock).pop().unwrap();
    assert_eq!((event.oldDuration, event.newDuration), (U256::from(MIN_DELAY), U256::from(COOLDOWN + 1)));
}

#[test]
fn the_minimum_delay_never_falls_to_the_cooldown() {
    let office = Office::new();
    for (salt, delay) in [(1, COOLDOWN), (2, 0)] {
        let update = office.own(ITimelock::updateDelayCall { newDelay: U256::from(delay) });
        let update = Operation { salt: B256::with_last_byte(salt), ..update };
        office.ready(&update);
        let error = office.refused(office.executor, update.execute()).expect::<ITimelock::TimelockInsufficientDelay>();
        assert_eq!((error.delay, error.minDelay), (U256::from(delay), U256::from(COOLDOWN + 1)));
    }
    let update = office.own(ITimelock::updateDelayCall { newDelay: U256::MAX });
    office.ready(&update);
    office.refused(office.executor, update.execute()).expect::<ITimelock::TimelockDelayTooLong>();
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————— re-entry

#[test]
fn an_operation_cannot_be_executed_from_inside_another_one() {
    let office = Office::new();
    office.send(office.admin, IAccessControl::grantRoleCall { role: EXECUTOR_ROLE, account: office.at });
    let (outer, inner) = (office.operation(1), office.operation(2));
    office.send(office.proposer, outer.schedule(MIN_DELAY));
    office.ready(&inner);
    for again in [inner.execute(), outer.execute()] {
        *office.target.then.borrow_mut() = Some((office.timelock, again.abi_encode()));
        *office.target.answer.borrow_mut() = Some(Err(vec![]));
        office.refused(office.executor, outer.execute());
        let inside = Reverted(office.target.inner.borrow_mut().take().unwrap().unwrap_err());
        inside.expect::<ITimelock::ReentrancyGuardReentrantCall>();
    }
    // and afterwards the lock is free
    *office.target.then.borrow_mut() = None;
    *office.target.answer.borrow_mut() = None;
    office.send(office.executor, outer.execute());
    office.send(office.executor, inner.execute());
}

#[test]
fn a_call_that_cancels_its_own_operation_undoes_it() {
    let office = Office::new();
    office.send(office.admin, IAccessControl::grantRoleCall { role: CANCELLER_ROLE, account: office.at });
    let operation = office.operation(1);
    office.ready(&operation);
    *office.target.then.borrow_mut() =
        Some((office.timelock, ITimelock::cancelCall { id: operation.id() }.abi_encode()));
    office.unexpected(office.refused(office.executor, operation.execute()), operation.id(), &[State::Ready]);
    assert_eq!(office.state(operation.id()), State::Ready);
}

#[test]
fn a_call_may_schedule_what_comes_next() {
    let office = Office::new();
    office.send(office.admin, IAccessControl::grantRoleCall { role: PROPOSER_ROLE, account: office.at });
    let (operation, next) = (office.operation(1), office.operation(2));
    office.ready(&operation);
    *office.target.then.borrow_mut() = Some((office.timelock, next.schedule(MIN_DELAY).abi_encode()));
    office.send(office.executor, operation.execute());
    assert_eq!(office.state(next.id()), State::Waiting);
    assert_eq!(office.state(operation.id()), State::Done);
}

// —————————————————————————————————————————————————————————————————————————————————————————————————————— receiving

#[test]
fn it_takes_tokens_and_ether() {
    let office = Office::new();
    let (from, id, value, data) = (office.stranger, U256::ONE, U256::ONE, Bytes::from(vec![1]));
    let single = ITokenReceiver::onERC721ReceivedCall { operator: from, from, tokenId: id, data: data.clone() };
    assert_eq!(office.read(single).0, hex!("150b7a02"));
    let multi = ITokenReceiver::onERC1155ReceivedCall { operator: from, from, id, value, data: data.clone() };
    assert_eq!(office.read(multi).0, hex!("f23a6e61"));
    let (ids, values) = (vec![id], vec![value]);
    let batch = ITokenReceiver::onERC1155BatchReceivedCall { operator: from, from, ids, values, data };
    assert_eq!(office.read(batch).0, hex!("bc197c81"));
    // ether with call data is no gift
    office.world.set_ether(from, U256::from(2));
    let update = ITimelock::updateDelayCall { newDelay: U256::ONE }.abi_encode();
    assert!(office.world.transact(from, office.timelock, U256::ONE, update).is_err());
    let unknown = IERC20::totalSupplyCall {}.abi_encode();
    assert_eq!(office.world.transact(from, office.timelock, U256::ZERO, unknown), Err(vec![]));
}
