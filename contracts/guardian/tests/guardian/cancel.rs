//! What the office cancels in the timelock, and what it cannot.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall, SolValue};
use proptest::prelude::*;
use protocol::abi::{IAccessControl, IGuardian, IOwned, ITimelock, IVault};
use timelock::CANCELLER_ROLE;

use crate::scene::{DAY, DELAY, HOUR, Scene, TERM, reason, text, u};

/// Several calls to be made one after another.
#[derive(Clone, Debug)]
struct Batch {
    targets: Vec<Address>,
    values: Vec<U256>,
    payloads: Vec<Bytes>,
    predecessor: B256,
    salt: B256,
}

impl Batch {
    fn of(calls: &[(Address, Vec<u8>)]) -> Self {
        Self {
            targets: calls.iter().map(|(target, _)| *target).collect(),
            values: vec![U256::ZERO; calls.len()],
            payloads: calls.iter().map(|(_, data)| data.clone().into()).collect(),
            predecessor: B256::ZERO,
            salt: text("the governor's"),
        }
    }

    fn schedule(&self) -> ITimelock::scheduleBatchCall {
        let Self { targets, values, payloads, predecessor, salt } = self.clone();
        ITimelock::scheduleBatchCall { targets, values, payloads, predecessor, salt, delay: u(DELAY) }
    }

    fn execute(&self) -> ITimelock::executeBatchCall {
        let Self { targets, values, payloads, predecessor, salt } = self.clone();
        ITimelock::executeBatchCall { targets, values, payloads, predecessor, salt }
    }

    fn cancel(&self) -> IGuardian::cancelCall {
        let Self { targets, values, payloads, predecessor, salt } = self.clone();
        IGuardian::cancelCall { targets, values, payloads, predecessor, salt, reason: reason() }
    }

    /// As OpenZeppelin has it.
    fn id(&self) -> B256 {
        let Self { targets, values, payloads, predecessor, salt } = self.clone();
        keccak256((targets, values, payloads, predecessor, salt).abi_encode_params())
    }
}

fn scheduled(scene: &Scene, calls: &[(Address, Vec<u8>)]) -> Batch {
    let batch = Batch::of(calls);
    scene.must(scene.governor, scene.timelock, batch.schedule());
    batch
}

fn is_pending(scene: &Scene, id: B256) -> bool {
    scene.world.read(scene.timelock, ITimelock::isOperationPendingCall { id })
}

/// What a hostile majority would like.
fn hostile(scene: &Scene) -> (Address, Vec<u8>) {
    (scene.vault, IVault::setTreasuryCall { treasury: scene.stranger }.abi_encode())
}

fn grab(scene: &Scene) -> (Address, Vec<u8>) {
    (scene.office, IOwned::transferOwnershipCall { newOwner: scene.stranger }.abi_encode())
}

fn dismissal(scene: &Scene) -> (Address, Vec<u8>) {
    (scene.office, IGuardian::appointCall { holder: Address::ZERO, until: 0 }.abi_encode())
}

fn restraint(scene: &Scene) -> (Address, Vec<u8>) {
    (scene.office, IGuardian::setActLimitCall { mostInAWeek: 4 }.abi_encode())
}

#[test]
fn a_batch_is_cancelled_while_it_waits_and_while_it_is_ready() {
    let scene = Scene::new();
    for wait in [0, DELAY - 1, DELAY, 10 * DELAY] {
        scene.must(scene.timelock, scene.office, scene.appoint(scene.holder, TERM));
        let batch = scheduled(&scene, &[hostile(&scene), hostile(&scene), grab(&scene)]);
        scene.world.warp(wait);
        assert_eq!(scene.does(batch.cancel()), batch.id());
        assert!(!is_pending(&scene, batch.id()));
        let event = scene.world.events::<IGuardian::OperationCancelled>(scene.office).pop().unwrap();
        assert_eq!((event.holder, event.id, event.reason), (scene.holder, batch.id(), reason()));
        let refused = scene.world.refused(scene.stranger, scene.timelock, batch.execute());
        refused.expect::<ITimelock::TimelockUnexpectedOperationState>();
    }
}

#[test]
fn an_operation_that_was_scheduled_as_one_call_is_cancelled_as_one() {
    let scene = Scene::new();
    let (target, data) = hostile(&scene);
    let batch = Batch::of(&[(target, data.clone())]);
    let (predecessor, salt, value) = (batch.predecessor, batch.salt, U256::ZERO);
    let schedule =
        ITimelock::scheduleCall { target, value, data: data.clone().into(), predecessor, salt, delay: u(DELAY) };
    let id = keccak256((target, value, Bytes::from(data), predecessor, salt).abi_encode_params());
    scene.must(scene.governor, scene.timelock, schedule.clone());
    // The same call waits in a batch too: that is cancelled first.
    scene.must(scene.governor, scene.timelock, batch.schedule());
    assert_eq!(scene.does(batch.cancel()), batch.id());
    assert!(is_pending(&scene, id));
    assert_eq!(scene.does(batch.cancel()), id);
    assert!(!is_pending(&scene, id));
    // A vote on the office is safe in this form too.
    let (target, data) = dismissal(&scene);
    scene.must(scene.governor, scene.timelock, ITimelock::scheduleCall { target, data: data.into(), ..schedule });
    scene.refused(Batch::of(&[dismissal(&scene)]).cancel()).expect::<IGuardian::OwnOffice>();
}

#[test]
fn what_is_done_or_unknown_is_not_cancelled() {
    let scene = Scene::new();
    let batch = scheduled(&scene, &[hostile(&scene)]);
    let other = Batch { salt: text("another"), ..batch.clone() };
    scene.refused(other.cancel()).expect::<ITimelock::TimelockUnexpectedOperationState>();
    // Arrays of different lengths are no operation.
    for (targets, payloads) in [(2, 1), (1, 2), (1, 0), (0, 1)] {
        let (target, data) = hostile(&scene);
        let uneven = Batch { targets: vec![target; targets], payloads: vec![data.into(); payloads], ..batch.clone() };
        scene.refused(uneven.cancel()).expect::<ITimelock::TimelockUnexpectedOperationState>();
    }
    scene.world.warp(DELAY);
    scene.must(scene.stranger, scene.timelock, batch.execute());
    scene.refused(batch.cancel()).expect::<ITimelock::TimelockUnexpectedOperationState>();
}

#[test]
fn without_the_role_nothing_is_cancelled() {
    let scene = Scene::new();
    let batch = scheduled(&scene, &[hostile(&scene)]);
    let revoke = IAccessControl::revokeRoleCall { role: CANCELLER_ROLE, account: scene.office };
    scene.must(scene.timelock, scene.timelock, revoke);
    let error = scene.refused(batch.cancel()).expect::<IAccessControl::AccessControlUnauthorizedAccount>();
    assert_eq!((error.account, error.neededRole), (scene.office, CANCELLER_ROLE));
    assert!(scene.world.events::<IGuardian::OperationCancelled>(scene.office).is_empty());
}

#[test]
fn cancelling_is_not_counted() {
    let scene = Scene::new();
    for round in 0..40u8 {
        let batch = Batch { salt: B256::with_last_byte(round), ..Batch::of(&[hostile(&scene)]) };
        scene.must(scene.governor, scene.timelock, batch.schedule());
        scene.does(batch.cancel());
    }
    assert_eq!(scene.left(), 16);
    for _ in 0..16 {
        scene.try_act().unwrap();
    }
    let batch = scheduled(&scene, &[hostile(&scene)]);
    scene.does(batch.cancel());
}

#[test]
fn nobody_holds_the_office_against_a_vote_on_it() {
    let scene = Scene::new();
    let successor = scene.world.address("successor");
    for calls in [
        vec![dismissal(&scene)],
        vec![restraint(&scene)],
        vec![dismissal(&scene), restraint(&scene), dismissal(&scene)],
        vec![(scene.office, scene.appoint(successor, 5 * DELAY).abi_encode())],
    ] {
        let batch = scheduled(&scene, &calls);
        for wait in [0, DELAY - 1, 1] {
            scene.world.warp(wait);
            scene.refused(batch.cancel()).expect::<IGuardian::OwnOffice>();
        }
        scene.must(scene.stranger, scene.timelock, batch.execute());
        scene.must(scene.timelock, scene.office, scene.appoint(scene.holder, TERM));
    }
}

/// What looks like a vote on the office and is more: the rest of it, or what gives the office itself away, whose owner
/// could then keep a canceller against every vote.
#[test]
fn an_operation_dressed_like_a_vote_on_the_office_is_cancelled() {
    let scene = Scene::new();
    let appoint = |target| (target, scene.appoint(scene.stranger, DAY).abi_encode());
    let selector = IGuardian::appointCall::SELECTOR.to_vec();
    for calls in [
        vec![dismissal(&scene), hostile(&scene)],
        vec![hostile(&scene), restraint(&scene)],
        vec![grab(&scene)],
        vec![dismissal(&scene), grab(&scene)],
        // the same call of another contract, and other calls of this one
        vec![appoint(scene.vault)],
        vec![appoint(scene.timelock), dismissal(&scene)],
        vec![(scene.office, selector[..3].to_vec())],
        vec![(scene.office, vec![])],
        vec![(scene.office, IOwned::acceptOwnershipCall {}.abi_encode())],
        vec![(scene.office, IOwned::setGuardianCall { newGuardian: scene.stranger }.abi_encode())],
        vec![(scene.office, scene.pause(scene.vault, 0, DAY).abi_encode())],
    ] {
        let batch = scheduled(&scene, &calls);
        assert_eq!(scene.does(batch.cancel()), batch.id());
    }
}

#[test]
fn an_operation_without_calls_is_nobodys_and_is_cancelled() {
    let scene = Scene::new();
    let batch = scheduled(&scene, &[]);
    assert_eq!(scene.does(batch.cancel()), batch.id());
}

#[test]
fn an_address_with_more_than_its_bits_is_no_call() {
    let scene = Scene::new();
    let batch = scheduled(&scene, &[hostile(&scene)]);
    let mut data = batch.cancel().abi_encode();
    // The first of the targets: after the selector, six words and the array's length.
    data[4 + 7 * 32] = 1;
    assert_eq!(scene.world.transact(scene.holder, scene.office, U256::ZERO, data), Err(vec![]));
    assert!(is_pending(&scene, batch.id()));
}

/// Call data whose arrays lie over each other is read in one way only: what was looked at is what is cancelled.
#[test]
fn what_was_looked_at_is_what_is_cancelled() {
    let scene = Scene::new();
    let vote = scheduled(&scene, &[dismissal(&scene)]);
    let honest = vote.cancel().abi_encode();
    // The place of each array moved to each other word of the call data.
    for array in 0..3 {
        for word in 0..(honest.len() - 4) / 32 {
            let mut data = honest.clone();
            data[4 + 32 * array..4 + 32 * (array + 1)].copy_from_slice(&u(32 * word as u64).to_be_bytes::<32>());
            assert!(scene.world.transact(scene.holder, scene.office, U256::ZERO, data).is_err());
            assert!(is_pending(&scene, vote.id()));
        }
    }
}

#[test]
fn who_has_the_office_by_a_hostile_vote_loses_it_by_the_next() {
    let scene = Scene::new();
    let thief = scene.stranger;
    let coup = scheduled(&scene, &[(scene.office, scene.appoint(thief, DELAY + TERM).abi_encode())]);
    scene.world.warp(DELAY);
    scene.must(thief, scene.timelock, coup.execute());
    // He cancels everything, but not what takes the office from him.
    let repair = scheduled(&scene, &[hostile(&scene)]);
    scene.must(thief, scene.office, repair.cancel());
    let vote = Batch { salt: text("second"), ..Batch::of(&[dismissal(&scene)]) };
    scene.must(scene.governor, scene.timelock, vote.schedule());
    scene.world.refused(thief, scene.office, vote.cancel()).expect::<IGuardian::OwnOffice>();
    scene.world.warp(DELAY);
    scene.must(scene.holder, scene.timelock, vote.execute());
    scene.world.refused(thief, scene.office, repair.cancel()).expect::<IGuardian::OfficeVacant>();
}

#[derive(Clone, Copy, Debug)]
enum Call {
    Hostile,
    Grab,
    Dismissal,
    Restraint,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A batch is safe from the holder exactly where there is something in it and all of it is about the office.
    #[test]
    fn a_batch_is_safe_where_all_of_it_is_about_the_office(
        calls in prop::collection::vec(
            prop_oneof![Just(Call::Hostile), Just(Call::Grab), Just(Call::Dismissal), Just(Call::Restraint)],
            0..4,
        ),
        values in prop::collection::vec(0u64..2, 4),
        predecessor: [u8; 32],
        salt: [u8; 32],
        wait in 0..2 * DELAY,
    ) {
        let scene = Scene::new();
        let encoded: Vec<_> = calls
            .iter()
            .map(|call| match call {
                Call::Hostile => hostile(&scene),
                Call::Grab => grab(&scene),
                Call::Dismissal => dismissal(&scene),
                Call::Restraint => restraint(&scene),
            })
            .collect();
        let values = values[..calls.len()].iter().copied().map(u).collect();
        let batch = Batch { values, predecessor: predecessor.into(), salt: salt.into(), ..Batch::of(&encoded) };
        scene.must(scene.governor, scene.timelock, batch.schedule());
        scene.world.warp(wait + HOUR);
        let safe = !calls.is_empty() && calls.iter().all(|call| matches!(call, Call::Dismissal | Call::Restraint));
        match scene.world.send(scene.holder, scene.office, batch.cancel()) {
            Ok(id) => prop_assert!(!safe && id == batch.id() && !is_pending(&scene, id)),
            Err(reverted) => {
                prop_assert!(safe && reverted.is::<IGuardian::OwnOffice>() && is_pending(&scene, batch.id()));
            }
        }
    }
}
