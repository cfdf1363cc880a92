//! Who holds the office, and for how long.

use alloy_primitives::{Address, B256};
use protocol::abi::{IGuardian, IOwned, NotGuardian, ParameterOutOfBounds};
use standards::errors::OwnableUnauthorizedAccount;
use testkit::Reverted;

use crate::scene::{DAY, DEPOSITS, Scene, TERM, text, u};

/// Every function of who holds the office, called by `from`.
fn every_act(scene: &Scene, from: Address, reason: B256) -> Vec<Reverted> {
    let (world, office) = (&scene.world, scene.office);
    let pause = IGuardian::pauseCall { reason, ..scene.pause(scene.vault, DEPOSITS, DAY) };
    let prolong = IGuardian::prolongCall { assessor: scene.assessor, policy: u(1), duration: DAY, reason };
    let cancel = IGuardian::cancelCall {
        targets: vec![],
        values: vec![],
        payloads: vec![],
        predecessor: B256::ZERO,
        salt: B256::ZERO,
        reason,
    };
    vec![
        world.refused(from, office, pause),
        world.refused(from, office, prolong),
        world.refused(from, office, IGuardian::divestCall { reason, ..scene.divest() }),
        world.refused(from, office, cancel),
    ]
}

fn office(scene: &Scene) -> (Address, u64) {
    let office = scene.world.read(scene.office, IGuardian::officeCall {});
    (office.holder, office.until)
}

#[test]
fn only_who_holds_the_office_acts() {
    let scene = Scene::new();
    for from in [scene.stranger, scene.timelock, scene.governor] {
        let mut refused = every_act(&scene, from, text("why not"));
        refused.push(scene.world.refused(from, scene.office, IGuardian::resignCall {}));
        for reverted in refused {
            assert_eq!(reverted.expect::<NotGuardian>().account, from);
        }
    }
}

#[test]
fn every_act_has_a_reason() {
    let scene = Scene::new();
    for reverted in every_act(&scene, scene.holder, B256::ZERO) {
        reverted.expect::<IGuardian::ReasonMissing>();
    }
}

#[test]
fn the_office_ends_by_itself() {
    let scene = Scene::new();
    let (_, until) = office(&scene);
    scene.world.warp_to(until - 1);
    scene.does(scene.pause(scene.vault, DEPOSITS, 1));
    scene.world.warp_to(until);
    for _ in 0..2 {
        let mut refused = every_act(&scene, scene.holder, text("once more"));
        refused.push(scene.refused(IGuardian::resignCall {}));
        for reverted in refused {
            assert_eq!(reverted.expect::<IGuardian::OfficeVacant>().until, until);
        }
        scene.world.warp(1000 * DAY);
    }
    assert_eq!(office(&scene), (scene.holder, until), "who held it, and until when, stays to be seen");
}

#[test]
fn a_vote_renews_the_office_from_where_it_is() {
    let scene = Scene::new();
    scene.world.warp(TERM - 1);
    let renew = scene.appoint(scene.holder, TERM);
    scene.must(scene.timelock, scene.office, renew.clone());
    let event = scene.world.events::<IGuardian::Appointed>(scene.office).pop().unwrap();
    assert_eq!((event.holder, event.until), (scene.holder, renew.until));
    scene.world.warp(TERM - 1);
    scene.does(scene.divest());
    scene.world.warp(1);
    scene.refused(scene.divest()).expect::<IGuardian::OfficeVacant>();
}

#[test]
fn a_term_is_neither_over_nor_longer_than_the_longest() {
    let scene = Scene::new();
    let now = scene.world.now();
    let refused = |holder: Address, until: u64| {
        let call = IGuardian::appointCall { holder, until };
        let error = scene.world.refused(scene.timelock, scene.office, call).expect::<ParameterOutOfBounds>();
        (error.parameter, error.value)
    };
    for until in [1, now - 1, now, now + TERM + 1, u64::MAX] {
        assert_eq!(refused(scene.stranger, until), (text("until"), u(until)));
    }
    assert_eq!(refused(scene.stranger, 0), (text("until"), u(0)));
    assert_eq!(refused(Address::ZERO, now + 1), (text("holder"), u(0)));
    for until in [now + 1, now + TERM] {
        scene.must(scene.timelock, scene.office, IGuardian::appointCall { holder: scene.stranger, until });
        assert_eq!(office(&scene), (scene.stranger, until));
    }
}

#[test]
fn a_vote_takes_the_office_away_or_gives_it_to_another_at_once() {
    let scene = Scene::new();
    scene.must(scene.timelock, scene.office, scene.appoint(scene.stranger, DAY));
    assert_eq!(scene.refused(scene.divest()).expect::<NotGuardian>().account, scene.holder);
    scene.must(scene.stranger, scene.office, scene.divest());
    let nobody = IGuardian::appointCall { holder: Address::ZERO, until: 0 };
    scene.must(scene.timelock, scene.office, nobody);
    let event = scene.world.events::<IGuardian::Appointed>(scene.office).pop().unwrap();
    assert_eq!((event.holder, event.until), (Address::ZERO, 0));
    for from in [scene.stranger, scene.holder, Address::ZERO] {
        for reverted in every_act(&scene, from, text("still here")) {
            assert_eq!(reverted.expect::<IGuardian::OfficeVacant>().until, 0);
        }
    }
}

#[test]
fn who_holds_the_office_may_leave_it() {
    let scene = Scene::new();
    scene.does(IGuardian::resignCall {});
    assert_eq!(scene.world.events::<IGuardian::Resigned>(scene.office).pop().unwrap().holder, scene.holder);
    assert_eq!(office(&scene), (Address::ZERO, 0));
    scene.refused(scene.divest()).expect::<IGuardian::OfficeVacant>();
    scene.refused(IGuardian::resignCall {}).expect::<IGuardian::OfficeVacant>();
}

#[test]
fn only_the_owner_and_the_set_up_key_appoint_and_limit() {
    let scene = Scene::new();
    for from in [scene.holder, scene.stranger, scene.governor] {
        let refused = [
            scene.world.refused(from, scene.office, scene.appoint(from, DAY)),
            scene.world.refused(from, scene.office, IGuardian::setActLimitCall { mostInAWeek: 64 }),
            scene.world.refused(from, scene.office, IOwned::transferOwnershipCall { newOwner: from }),
            scene.world.refused(from, scene.office, IOwned::finishSetupCall {}),
        ];
        for reverted in refused {
            assert_eq!(reverted.expect::<OwnableUnauthorizedAccount>().account, from);
        }
    }
    let (at, deployer) = (scene.world.address("another office"), scene.world.address("deployer"));
    let arguments = alloy_sol_types::SolValue::abi_encode_params(&(scene.timelock, deployer, scene.timelock, TERM));
    scene.world.construct::<guardian::Guardian>(at, deployer, arguments);
    scene.must(deployer, at, scene.appoint(scene.holder, DAY));
    scene.must(deployer, at, IGuardian::setActLimitCall { mostInAWeek: 4 });
    scene.must(deployer, at, IOwned::finishSetupCall {});
    scene.world.refused(deployer, at, scene.appoint(deployer, DAY)).expect::<OwnableUnauthorizedAccount>();
}
