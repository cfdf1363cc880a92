//! What governance decides, and nobody else.

use alloy_primitives::{Address, U256};
use jury::Jury;
use protocol::abi::{
    AlreadyWired,
    IJury::{self, AssessorSet, AwardRateSet, RulesSet},
    IOwned, ParameterOutOfBounds,
};
use standards::errors::{AddressEmptyCode, OwnableInvalidOwner, OwnableUnauthorizedAccount};

use crate::scene::{DAY, Scene, TIMES, pali, u};

#[test]
fn at_construction_all_is_as_the_interface_says() {
    let scene = Scene::bare();
    assert_eq!(scene.read(IOwned::ownerCall {}), scene.owner);
    assert_eq!(scene.read(IOwned::setupCall {}), scene.deployer);
    assert_eq!(scene.read(IOwned::guardianCall {}), Address::ZERO);
    assert_eq!(scene.read(IOwned::pendingOwnerCall {}), Address::ZERO);
    assert_eq!(scene.read(IJury::tokenCall {}), scene.token);
    assert_eq!(scene.read(IJury::extensionCall {}), scene.extension);
    assert_eq!(scene.read(IJury::assessorCall {}), Address::ZERO);
    let times = scene.read(IJury::timesCall {});
    let times = [times.window, times.committing, times.revealing, times.appealing, times.ruling, times.cooldown];
    assert_eq!(times.map(u64::from), TIMES);
    let rules = scene.read(IJury::rulesCall {});
    assert_eq!((rules.quorumBps, rules.penaltyBps), (1_500, 100));
}

#[test]
fn times_are_bounded() {
    let scene = Scene::bare();
    let at = scene.world.address("another");
    let build = |times| scene.world.try_construct::<Jury>(at, scene.deployer, scene.arguments(times));
    let most = [30, 14, 14, 14, 60, 30].map(|days| days * DAY);
    for (place, most) in most.into_iter().enumerate() {
        for value in [0, most + 1] {
            let mut times = TIMES;
            times[place] = value;
            let error = build(times).unwrap_err().expect::<ParameterOutOfBounds>();
            assert_eq!(error.value, u(value));
        }
    }
    // the longest case ends in less than 110 days
    assert!(2 * (most[1] + most[2]) + most[3] < 110 * DAY && most[1] + most[2] + most[3] + most[4] < 110 * DAY);
    build(most).unwrap();
}

#[test]
fn a_development_network_may_use_seconds() {
    let scene = Scene::bare();
    let at = scene.world.address("another");
    scene.world.construct::<Jury>(at, scene.deployer, scene.arguments([1; 6]));
    assert_eq!(scene.world.read(at, IJury::timesCall {}).ruling, 1);
}

#[test]
fn it_is_constructed_with_an_owner_a_second_program_and_a_token() {
    let scene = Scene::bare();
    let at = scene.world.address("another");
    let build =
        |scene: &Scene| scene.world.try_construct::<Jury>(at, scene.deployer, scene.arguments(TIMES)).unwrap_err();
    build(&Scene { owner: Address::ZERO, ..Scene::bare() }).expect::<OwnableInvalidOwner>();
    build(&Scene { token: scene.alice, ..Scene::bare() }).expect::<AddressEmptyCode>();
    build(&Scene { extension: scene.alice, ..Scene::bare() }).expect::<AddressEmptyCode>();
}

#[test]
fn only_the_owner_and_the_set_up_key_set_anything() {
    let scene = Scene::new();
    for who in [scene.alice, scene.assessor] {
        for reverted in [
            scene.refused(who, IJury::setRulesCall { quorumBps: 1_000, penaltyBps: 100 }),
            scene.refused(who, IJury::setAwardRateCall { asset: scene.asset.at, rate: u(1) }),
            scene.refused(who, IJury::wireCall { assessor: scene.assessor }),
            scene.refused(who, IOwned::transferOwnershipCall { newOwner: who }),
            scene.refused(who, IOwned::setGuardianCall { newGuardian: who }),
        ] {
            assert_eq!(reverted.expect::<OwnableUnauthorizedAccount>().account, who);
        }
    }
    scene.done(scene.deployer, IOwned::finishSetupCall {});
    scene
        .refused(scene.deployer, IJury::setRulesCall { quorumBps: 1_000, penaltyBps: 100 })
        .expect::<OwnableUnauthorizedAccount>();
}

#[test]
fn rules_are_bounded_and_of_cases_to_come() {
    let (scene, [_]) = Scene::with([100]);
    let before = scene.open();
    for (quorum, penalty) in [(499, 100), (4_001, 100), (1_000, 9), (1_000, 501)] {
        let call = IJury::setRulesCall { quorumBps: quorum, penaltyBps: penalty };
        scene.refused(scene.owner, call).expect::<ParameterOutOfBounds>();
    }
    scene.done(scene.owner, IJury::setRulesCall { quorumBps: 4_000, penaltyBps: 500 });
    let event: RulesSet = scene.last();
    assert_eq!((event.quorumBps, event.penaltyBps), (4_000, 500));
    let rules = scene.read(IJury::rulesCall {});
    assert_eq!((rules.quorumBps, rules.penaltyBps), (4_000, 500));
    assert_eq!(scene.read(IJury::timesCall {}).cooldown, TIMES[5] as u32, "the times are as they were");
    let after = scene.open();
    assert_eq!((scene.case(before).quorum, scene.case(before).penaltyBps), (pali(15), 100));
    assert_eq!((scene.case(after).quorum, scene.case(after).penaltyBps), (pali(40), 500));
}

#[test]
fn a_rate_is_of_cases_to_come() {
    let (scene, [_]) = Scene::with([100]);
    let before = scene.open();
    let set = |asset, rate| IJury::setAwardRateCall { asset, rate };
    scene.refused(scene.owner, set(scene.asset.at, U256::ONE << 96)).expect::<ParameterOutOfBounds>();
    scene.refused(scene.owner, set(scene.alice, u(1))).expect::<AddressEmptyCode>();
    let most = (U256::ONE << 96) - U256::ONE;
    scene.done(scene.owner, set(scene.asset.at, most));
    let event: AwardRateSet = scene.last();
    assert_eq!((event.asset, event.rate), (scene.asset.at, most));
    assert_eq!(scene.read(IJury::awardRateOfCall { asset: scene.asset.at }), most);
    assert_eq!(scene.case(before).awardRate, u(3_000_000));
    let after = scene.open();
    assert_eq!(scene.case(after).awardRate, most);
}

#[test]
fn assessor_is_wired_once() {
    let scene = Scene::bare();
    scene.refused(scene.owner, IJury::wireCall { assessor: scene.alice }).expect::<AddressEmptyCode>();
    scene.done(scene.owner, IJury::wireCall { assessor: scene.assessor });
    assert_eq!(scene.last::<AssessorSet>().assessor, scene.assessor);
    assert_eq!(scene.read(IJury::assessorCall {}), scene.assessor);
    scene.refused(scene.owner, IJury::wireCall { assessor: scene.token }).expect::<AlreadyWired>();
}

#[test]
fn ownership_moves_in_two_steps() {
    let scene = Scene::new();
    scene.done(scene.owner, IOwned::transferOwnershipCall { newOwner: scene.alice });
    assert_eq!(scene.read(IOwned::ownerCall {}), scene.owner);
    assert_eq!(scene.read(IOwned::pendingOwnerCall {}), scene.alice);
    scene.refused(scene.deployer, IOwned::acceptOwnershipCall {}).expect::<OwnableUnauthorizedAccount>();
    scene.done(scene.alice, IOwned::acceptOwnershipCall {});
    assert_eq!(scene.read(IOwned::ownerCall {}), scene.alice);
    scene.done(scene.alice, IOwned::setGuardianCall { newGuardian: scene.deployer });
    assert_eq!(scene.read(IOwned::guardianCall {}), scene.deployer);
}

#[test]
fn rounds_are_two() {
    let (scene, [juror]) = Scene::with([100]);
    let id = scene.open();
    scene.refused(juror, IJury::tallyOfCall { id, round: 2 }).expect::<ParameterOutOfBounds>();
    scene.refused(juror, IJury::voteOfCall { id, round: 2, juror }).expect::<ParameterOutOfBounds>();
}
