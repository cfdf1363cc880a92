//! Fees, penalties, credits: who gets what, pulled, to the unit.

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use protocol::abi::{
    IJury::{
        self, AwardRateNotSet, CaseOpened, CreditWithdrawn, NotFinalised, NothingToSettle, NothingToWithdraw,
        UnexpectedBalance, VoteSettled,
    },
    ParameterOutOfBounds, UnauthorizedCaller,
};
use standards::errors::{MathOverflow, ReentrancyGuardReentrantCall};
use testkit::{Reverted, token::Erc20};

use crate::scene::{NO, Opening, Scene, YES, pali, u, usd};

#[test]
fn only_assessor_opens_a_case() {
    let (scene, [juror]) = Scene::with([100]);
    for who in [scene.owner, scene.deployer, juror] {
        let reverted = scene.refused(who, scene.open_call(&scene.opening()));
        assert_eq!(reverted.expect::<UnauthorizedCaller>().account, who);
    }
    let id = scene.open();
    assert_eq!(id, u(1));
    let event: CaseOpened = scene.last();
    assert_eq!((event.id, event.policy, event.asset), (id, u(7), scene.asset.at));
    assert_eq!((event.amount, event.fee, event.quorum), (usd(1_000), usd(10), pali(15)));
    assert_eq!((event.snapshot, event.simple), (scene.world.now(), false));
    assert_eq!(scene.open(), u(2));
    assert_eq!(scene.read(IJury::casesCall {}), u(2));
}

#[test]
fn a_case_needs_a_rate_a_past_snapshot_and_its_fee() {
    let (scene, [_]) = Scene::with([100]);
    let opening = scene.opening();
    let open = |opening: &Opening| scene.refused(scene.assessor, scene.open_call(opening));
    let error = open(&opening).expect::<UnexpectedBalance>();
    assert_eq!((error.expected, error.actual), (usd(10), U256::ZERO));
    let future = Opening { snapshot: scene.world.now() + 1, ..opening };
    open(&future).expect::<ParameterOutOfBounds>();
    for odd in [
        Opening { amount: U256::MAX, fee: U256::ZERO, ..opening },
        Opening { bond: U256::MAX, fee: U256::ZERO, ..opening },
        Opening { bond: U256::from(u128::MAX), fee: U256::ZERO, ..opening },
        Opening { fee: U256::MAX, ..opening },
    ] {
        open(&odd).expect::<MathOverflow>();
    }
    scene.done(scene.owner, IJury::setAwardRateCall { asset: scene.asset.at, rate: U256::ZERO });
    assert_eq!(open(&opening).expect::<AwardRateNotSet>().asset, scene.asset.at);
    assert_eq!(scene.read(IJury::casesCall {}), U256::ZERO);
}

#[test]
fn a_fee_is_not_paid_with_what_is_accounted_for() {
    let (scene, [_]) = Scene::with([100]);
    scene.open();
    let again = scene.refused(scene.assessor, scene.open_call(&scene.opening())).expect::<UnexpectedBalance>();
    assert_eq!((again.expected, again.actual), (usd(20), usd(10)));
    // stakes are no fee either
    scene.done(scene.owner, IJury::setAwardRateCall { asset: scene.token, rate: u(1) });
    let call = IJury::openCall { asset: scene.token, fee: pali(1), ..scene.open_call(&scene.opening()) };
    scene.refused(scene.assessor, call).expect::<UnexpectedBalance>();
}

#[test]
fn the_wrong_and_the_silent_lose_the_same_to_the_right() {
    let (scene, [yes, more, no, silent, idle]) = Scene::with([200, 600, 100, 100, 500]);
    let id = scene.open();
    scene.commit(id, silent, YES);
    scene.decide(id, &[(yes, YES), (more, YES), (no, NO)]);
    assert_eq!(scene.settle(id, no), [pali(1), U256::ZERO, U256::ZERO]);
    assert_eq!(scene.settle(id, silent), [pali(1), U256::ZERO, U256::ZERO]);
    assert_eq!(scene.settle(id, yes), [U256::ZERO, pali(2) / u(4), usd(10) / u(4)]);
    let event: VoteSettled = scene.last();
    assert_eq!((event.id, event.juror, event.penalty), (id, yes, U256::ZERO));
    assert_eq!((event.reward, event.fee), (pali(2) / u(4), usd(10) / u(4)));
    assert_eq!(scene.settle(id, more), [U256::ZERO, pali(6) / u(4), usd(30) / u(4)]);
    assert_eq!(scene.of(no).stake, pali(99));
    assert_eq!(scene.of(silent).stake, pali(99));
    assert_eq!(scene.of(idle).stake, pali(500));
    assert_eq!(scene.read(IJury::totalStakeCall {}), pali(1_498));
    for juror in [yes, more, no, silent] {
        let state = scene.of(juror);
        assert_eq!((state.atRisk, state.openVotes), (U256::ZERO, U256::ZERO));
    }
}

#[test]
fn votes_are_settled_once_and_after_the_verdict() {
    let (scene, [juror, idle]) = Scene::with([1_000, 100]);
    let id = scene.open();
    scene.commit(id, juror, YES);
    let settle = |juror| IJury::settleCall { id, juror };
    assert_eq!(scene.refused(juror, settle(juror)).expect::<NotFinalised>().id, id);
    scene.pass(id);
    scene.reveal(id, juror, YES);
    scene.end(id);
    let before = scene.world.logs().len();
    let again = scene.done(scene.alice, IJury::finaliseCall { id });
    assert_eq!((again.outcome, again.award), (1, usd(1_000)));
    assert_eq!(scene.world.logs().len(), before, "it does nothing");
    scene.settle(id, juror);
    for who in [juror, idle] {
        let error = scene.refused(who, settle(who)).expect::<NothingToSettle>();
        assert_eq!((error.id, error.juror), (id, who));
    }
    assert!(scene.case(id).finalised);
}

#[test]
fn credits_are_pulled_to_any_receiver() {
    let (scene, [juror, no]) = Scene::with([1_000, 100]);
    let id = scene.open();
    scene.decide(id, &[(juror, YES), (no, NO)]);
    scene.settle(id, juror);
    scene.settle(id, no);
    let pull = |asset: Address| IJury::withdrawCreditCall { asset, receiver: scene.alice };
    assert_eq!(scene.done(juror, pull(scene.asset.at)), usd(10));
    let event: CreditWithdrawn = scene.last();
    assert_eq!((event.asset, event.account, event.receiver), (scene.asset.at, juror, scene.alice));
    assert_eq!(scene.done(juror, pull(scene.token)), pali(1));
    assert_eq!(scene.balance(scene.asset.at, scene.alice), usd(10));
    assert_eq!(scene.balance(scene.token, scene.alice), pali(1));
    let none = scene.refused(juror, pull(scene.asset.at)).expect::<NothingToWithdraw>();
    assert_eq!((none.asset, none.account), (scene.asset.at, juror));
    assert_eq!(scene.read(IJury::heldOfCall { asset: scene.asset.at }), U256::ZERO);
    assert_eq!(scene.read(IJury::heldOfCall { asset: scene.token }), pali(1_099));
    assert_eq!(scene.balance(scene.token, scene.jury), pali(1_099));
}

#[test]
fn what_nobody_has_a_right_to_is_the_next_jurys() {
    let (scene, [silent, juror]) = Scene::with([1_000, 1_000]);
    let id = scene.open();
    scene.commit(id, silent, YES);
    scene.end(id);
    assert_eq!(scene.read(IJury::spareOfCall { asset: scene.asset.at }), usd(10));
    assert_eq!(scene.read(IJury::spareOfCall { asset: scene.token }), pali(10));
    assert_eq!(scene.settle(id, silent), [pali(10), U256::ZERO, U256::ZERO]);
    let id = scene.open();
    scene.decide(id, &[(juror, NO)]);
    assert_eq!(scene.settle(id, juror), [U256::ZERO, pali(10), usd(20)]);
    assert_eq!(scene.read(IJury::spareOfCall { asset: scene.asset.at }), U256::ZERO);
    assert_eq!(scene.read(IJury::spareOfCall { asset: scene.token }), U256::ZERO);
}

#[test]
fn the_token_itself_may_be_the_asset() {
    let (scene, [juror, silent]) = Scene::with([1_000, 100]);
    scene.done(scene.owner, IJury::setAwardRateCall { asset: scene.token, rate: u(1) });
    scene.fund(scene.jury, pali(5));
    let call = IJury::openCall { asset: scene.token, fee: pali(5), ..scene.open_call(&scene.opening()) };
    let id = scene.done(scene.assessor, call);
    scene.commit(id, silent, YES);
    scene.decide(id, &[(juror, NO)]);
    assert_eq!(scene.settle(id, juror), [U256::ZERO, pali(1), pali(5)]);
    assert_eq!(scene.credit(scene.token, juror), pali(6));
    scene.settle(id, silent);
    assert_eq!(scene.read(IJury::heldOfCall { asset: scene.token }), pali(1_105));
}

#[test]
fn a_hostile_asset_enters_nothing_again() {
    let (scene, [juror]) = Scene::with([1_000]);
    let id = scene.open();
    scene.vote(id, &[(juror, YES)]);
    let inner = IJury::withdrawCreditCall { asset: scene.asset.at, receiver: juror }.abi_encode();
    *scene.asset.habits.hook.borrow_mut() = Some((scene.jury, inner));
    scene.fund_asset(scene.alice, usd(40));
    scene.done(scene.alice, IJury::appealCall { id, reason: scene.salt(juror) });
    let result = scene.asset.habits.hook_result.borrow_mut().take();
    Reverted(result.unwrap().unwrap_err()).expect::<ReentrancyGuardReentrantCall>();
}

#[test]
fn a_receiver_that_is_refused_blocks_nobody_else() {
    let (scene, [juror, other]) = Scene::with([1_000, 1_000]);
    let id = scene.open();
    scene.decide(id, &[(juror, YES), (other, YES)]);
    scene.settle(id, juror);
    scene.settle(id, other);
    scene.asset.habits.blacklisted.set(Some(juror));
    let pull = |receiver| IJury::withdrawCreditCall { asset: scene.asset.at, receiver };
    scene.refused(juror, pull(juror)).expect::<Erc20::Blacklisted>();
    assert_eq!(scene.credit(scene.asset.at, juror), usd(5));
    assert_eq!(scene.done(other, pull(other)), usd(5));
    assert_eq!(scene.done(juror, pull(scene.alice)), usd(5));
}
