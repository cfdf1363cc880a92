//! What the office does to the contracts, and what a target can do to it.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall;
use protocol::abi::{
    EnforcedPause, IAccessControl, IAssessor, IERC20, IERC4626, IERC7540Redeem, IGuardian, IOwned, IPausable, IPolicy,
    IRisk, ITimelock, IVault,
};
use standards::errors::{AddressEmptyCode, InvalidReturnData, ReentrancyGuardReentrantCall};
use std::{cell::RefCell, rc::Rc};
use stylus_sdk::ArbResult;
use testkit::{Context, Native};
use timelock::PROPOSER_ROLE;

use crate::scene::{DAY, DEPOSITS, FILING, PURCHASES, REDEMPTIONS, Scene, WEEK, reason, u};

/// A target of somebody's own: does when it is called what it is told, and answers so.
#[derive(Default)]
struct Foreign {
    plan: RefCell<Vec<(Address, Vec<u8>)>>,
    results: RefCell<Vec<ArbResult>>,
    calls: RefCell<Vec<(Address, Vec<u8>)>>,
}

struct Contract(Rc<Foreign>);

impl Native for Contract {
    fn call(&self, context: &Context<'_>, input: &[u8]) -> ArbResult {
        self.0.calls.borrow_mut().push((context.sender, input.to_vec()));
        let plan: Vec<_> = self.0.plan.borrow_mut().drain(..).collect();
        for (to, data) in plan {
            let result = context.call(to, data);
            self.0.results.borrow_mut().push(result);
        }
        Ok(vec![])
    }
}

fn acted(scene: &Scene, target: Address, act: [u8; 4]) {
    let event = scene.world.events::<IGuardian::Acted>(scene.office).pop().unwrap();
    assert_eq!((event.holder, event.target, event.act.0, event.reason), (scene.holder, target, act, reason()));
}

#[test]
fn each_kind_of_pause_reaches_its_contract() {
    let scene = Scene::new();
    let until = scene.world.now() + DAY;
    for (target, kind, act) in [
        (scene.vault, DEPOSITS, IVault::pauseCall::SELECTOR),
        (scene.policy, PURCHASES, IPolicy::pausePurchasesCall::SELECTOR),
        (scene.vault, REDEMPTIONS, IVault::pauseCall::SELECTOR),
        (scene.risk, FILING, IRisk::pauseFilingCall::SELECTOR),
    ] {
        scene.does(scene.pause(target, kind, DAY));
        acted(&scene, target, act);
        let event = scene.world.events::<IPausable::PauseSet>(target).pop().unwrap();
        assert_eq!((event.kind, event.by, event.until, event.reason), (kind, scene.office, until, reason()));
    }
    assert_eq!(scene.world.read(scene.vault, IVault::pausedUntilCall { kind: DEPOSITS }), u(until));
    assert_eq!(scene.world.read(scene.vault, IVault::pausedUntilCall { kind: REDEMPTIONS }), u(until));
    assert_eq!(scene.world.read(scene.policy, IPolicy::pausedUntilCall {}), u(until));
    assert_eq!(scene.world.read(scene.risk, IRisk::filingPausedUntilCall {}), u(until));

    let lender = scene.world.address("lender");
    let deposit = IERC4626::depositCall { assets: u(1), receiver: lender };
    let request = IERC7540Redeem::requestRedeemCall { shares: u(1), controller: lender, owner: lender };
    scene.world.refused(lender, scene.vault, deposit.clone()).expect::<EnforcedPause>();
    scene.world.refused(lender, scene.vault, request.clone()).expect::<EnforcedPause>();
    scene.world.warp_to(until);
    // They end by themselves.
    scene.must(lender, scene.vault, request);
    assert_eq!(scene.world.read(scene.vault, IVault::pausedUntilCall { kind: DEPOSITS }), u(until));
}

#[test]
fn a_kind_that_there_is_not_is_no_pause() {
    let scene = Scene::new();
    for kind in [4, 255] {
        assert_eq!(scene.refused(scene.pause(scene.vault, kind, DAY)).expect::<IGuardian::UnknownPause>().kind, kind);
    }
    // One that the contract has not.
    assert!(scene.refused(scene.pause(scene.vault, PURCHASES, DAY)).0.is_empty());
    assert!(scene.refused(scene.pause(scene.policy, DEPOSITS, DAY)).0.is_empty());
}

#[test]
fn the_contracts_own_rules_for_a_guardian_hold_for_the_office() {
    let scene = Scene::new();
    let error = scene.refused(scene.pause(scene.vault, DEPOSITS, WEEK + 1)).expect::<IPausable::PauseTooLong>();
    assert_eq!(error.longest, u(WEEK));
    let start = scene.world.now();
    scene.does(scene.pause(scene.vault, DEPOSITS, DAY));
    scene.world.warp(DAY);
    let error = scene.refused(scene.pause(scene.vault, DEPOSITS, DAY)).expect::<IPausable::PauseTooSoon>();
    assert_eq!(error.allowedFrom, u(start + DAY + WEEK));
    // What the owner may do by itself stays.
    let renew = IVault::pauseCall { kind: DEPOSITS, duration: WEEK, reason: reason() };
    scene.must(scene.timelock, scene.vault, renew);
    let prolong = IGuardian::prolongCall { assessor: scene.assessor, policy: u(1), duration: DAY, reason: reason() };
    scene.refused(prolong).expect::<IAssessor::WrongStage>();
}

#[test]
fn money_comes_home_from_a_strategy_to_its_vault() {
    let scene = Scene::new();
    let token = scene.strategy.token.clone();
    let before = token.balance_of(&scene.world, scene.vault);
    let divest = IGuardian::divestCall { assets: u(400_000), ..scene.divest() };
    assert_eq!(scene.does(divest.clone()), u(400_000));
    acted(&scene, scene.vault, IVault::divestCall::SELECTOR);
    assert_eq!(token.balance_of(&scene.world, scene.vault) - before, u(400_000));
    assert_eq!(scene.does(IGuardian::divestCall { assets: U256::MAX, ..divest.clone() }), u(600_000));
    assert_eq!(scene.does(divest), U256::ZERO, "what is not there does not come");
    assert_eq!(token.balance_of(&scene.world, scene.office), U256::ZERO);
}

#[test]
fn nothing_is_done_to_an_account_without_code() {
    let scene = Scene::new();
    let nowhere = scene.stranger;
    let prolong = IGuardian::prolongCall { assessor: nowhere, policy: u(1), duration: DAY, reason: reason() };
    for reverted in [
        scene.refused(scene.pause(nowhere, DEPOSITS, DAY)),
        scene.refused(prolong),
        scene.refused(IGuardian::divestCall { vault: nowhere, ..scene.divest() }),
    ] {
        assert_eq!(reverted.expect::<AddressEmptyCode>().target, nowhere);
    }
    assert!(scene.world.events::<IGuardian::Acted>(scene.office).is_empty());
}

#[test]
fn a_vault_that_answers_nothing_did_not_divest() {
    let scene = Scene::new();
    let at = scene.world.address("foreign");
    scene.world.place_native(at, Contract(Rc::default()));
    let error = scene.refused(IGuardian::divestCall { vault: at, ..scene.divest() }).expect::<InvalidReturnData>();
    assert_eq!(error.from, at);
}

/// A target of the holder's own is called with the office as sender: what can it have from that? It re-enters every
/// function, also as the holder itself, and the contracts whose guardian the office is.
#[test]
fn a_foreign_target_gains_nothing_from_being_called() {
    let scene = Scene::new();
    let at = scene.world.address("foreign");
    let foreign = Rc::<Foreign>::default();
    scene.world.place_native(at, Contract(foreign.clone()));
    // The target itself holds the office.
    scene.must(scene.timelock, scene.office, scene.appoint(at, DAY));
    let again = scene.pause(scene.vault, DEPOSITS, DAY);
    let cancel = IGuardian::cancelCall {
        targets: vec![scene.vault],
        values: vec![U256::ZERO],
        payloads: vec![Bytes::new()],
        predecessor: B256::ZERO,
        salt: B256::ZERO,
        reason: reason(),
    };
    let prolong = IGuardian::prolongCall { assessor: scene.assessor, policy: u(1), duration: 1, reason: reason() };
    let locked: [Vec<u8>; 4] = [again, scene.pause(at, FILING, DAY)]
        .map(|call| call.abi_encode())
        .into_iter()
        .chain([cancel.abi_encode(), prolong.abi_encode()])
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    let refused = [
        (scene.vault, IVault::pauseCall { kind: DEPOSITS, duration: DAY, reason: reason() }.abi_encode()),
        (scene.risk, IRisk::pauseFilingCall { duration: DAY, reason: reason() }.abi_encode()),
        (scene.timelock, ITimelock::cancelCall { id: B256::ZERO }.abi_encode()),
        (scene.timelock, IAccessControl::grantRoleCall { role: PROPOSER_ROLE, account: at }.abi_encode()),
        (scene.office, IOwned::transferOwnershipCall { newOwner: at }.abi_encode()),
        (scene.office, scene.appoint(at, 2 * DAY).abi_encode()),
        (scene.office, IGuardian::setActLimitCall { mostInAWeek: 64 }.abi_encode()),
    ];
    *foreign.plan.borrow_mut() =
        locked.iter().map(|data| (scene.office, data.clone())).chain(refused.clone()).collect();
    scene.must(at, scene.office, scene.pause(at, DEPOSITS, DAY));
    let results = foreign.results.borrow();
    assert_eq!(results.len(), locked.len() + refused.len());
    let reentrant = alloy_sol_types::SolError::abi_encode(&ReentrancyGuardReentrantCall {});
    for result in &results[..locked.len()] {
        assert_eq!(*result, Err(reentrant.clone()));
    }
    assert!(results[locked.len()..].iter().all(Result::is_err));
    // It was called once, with what the interface says and nothing else.
    let words = IVault::pauseCall { kind: DEPOSITS, duration: DAY, reason: reason() }.abi_encode();
    assert_eq!(*foreign.calls.borrow(), [(scene.office, words)]);
    assert_eq!(scene.left(), 15);
}

/// The selectors that the office forwards mean nothing where it has another right: in the timelock, and at tokens.
#[test]
fn what_the_office_forwards_is_no_call_of_a_timelock_or_a_token() {
    let scene = Scene::new();
    let token = scene.strategy.token.at;
    let forwarded = [
        IVault::pauseCall::SELECTOR,
        IPolicy::pausePurchasesCall::SELECTOR,
        IRisk::pauseFilingCall::SELECTOR,
        IAssessor::prolongCall::SELECTOR,
        IVault::divestCall::SELECTOR,
    ];
    for selector in forwarded {
        assert!(!scene.world.routes::<timelock::Timelock>(selector));
        assert!(!scene.world.routes::<guardian::Guardian>(selector) || selector == IGuardian::pauseCall::SELECTOR);
    }
    for target in [scene.timelock, token, scene.office] {
        for kind in [DEPOSITS, PURCHASES, REDEMPTIONS, FILING] {
            scene.refused(scene.pause(target, kind, DAY));
        }
        scene.refused(IGuardian::divestCall { vault: target, ..scene.divest() });
        scene.refused(IGuardian::prolongCall { assessor: target, policy: u(1), duration: DAY, reason: reason() });
    }
    assert_eq!(scene.world.read(token, IERC20::allowanceCall { owner: scene.office, spender: scene.holder }), u(0));
}
