//! Roles, wiring, bounds, pauses.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolValue;
use protocol::abi::{
    IERC20, IERC20Permit, IERC4626, IERC7540Redeem, IOwned,
    IOwned::{AlreadyWired, NotGuardian, NotWired, ParameterOutOfBounds},
    IPausable, IVault,
};
use standards::errors::{AddressEmptyCode, OwnableInvalidOwner, OwnableUnauthorizedAccount};
use testkit::signer::Signer;
use vault::{Vault, premiums::name};

use crate::scene::{M, Scene, Settings, WEEK, u};

fn wire(scene: &Scene) -> IVault::wireCall {
    IVault::wireCall { risk: scene.risk, policy: scene.policy, assessor: scene.assessor, treasury: scene.treasury }
}

#[test]
fn peers_are_wired_once_by_the_owner_or_the_set_up_key() {
    let scene = Scene::unwired(Settings::default());
    scene.refused(scene.alice, wire(&scene)).expect::<OwnableUnauthorizedAccount>();
    let nobody = scene.world.address("nobody");
    for call in [
        IVault::wireCall { risk: nobody, ..wire(&scene) },
        IVault::wireCall { policy: nobody, ..wire(&scene) },
        IVault::wireCall { assessor: nobody, ..wire(&scene) },
    ] {
        let error = scene.refused(scene.setup, call).expect::<AddressEmptyCode>();
        assert_eq!(error.target, nobody);
    }
    let call = IVault::wireCall { treasury: Address::ZERO, ..wire(&scene) };
    let error = scene.refused(scene.setup, call).expect::<ParameterOutOfBounds>();
    assert_eq!(error.parameter, name("treasury"));
    scene.done(scene.setup, wire(&scene));
    let peers = scene.read(IVault::peersCall {});
    assert_eq!(
        (peers.risk, peers.policy, peers.assessor, peers.treasury),
        (scene.risk, scene.policy, scene.assessor, scene.treasury)
    );
    let event = scene.events::<IVault::PeersSet>().pop().unwrap();
    assert_eq!((event.risk, event.policy, event.assessor), (scene.risk, scene.policy, scene.assessor));
    assert_eq!(scene.events::<IVault::TreasurySet>().pop().unwrap().treasury, scene.treasury);
    scene.refused(scene.setup, wire(&scene)).expect::<AlreadyWired>();
    scene.refused(scene.owner, wire(&scene)).expect::<AlreadyWired>();
}

#[test]
fn before_it_is_wired_the_vault_takes_nothing() {
    let scene = Scene::unwired(Settings::default());
    scene.fund(scene.alice, M);
    scene.refused(scene.alice, IERC4626::depositCall { assets: u(M), receiver: scene.alice }).expect::<NotWired>();
    scene.refused(scene.alice, IVault::serveCall { n: u(1u64) }).expect::<NotWired>();
    scene.refused(scene.alice, IVault::topUpCall {}).expect::<NotWired>();
    scene.refused(scene.alice, IVault::recoverCall { amount: u(1u64) }).expect::<NotWired>();
    scene.world.try_read(scene.vault, IVault::solvencyCall {}).err().unwrap().expect::<NotWired>();
}

#[test]
fn what_the_owner_may_others_may_not() {
    let scene = Scene::new();
    scene.done(scene.setup, IOwned::finishSetupCall {});
    for who in [scene.alice, scene.setup, scene.guardian, scene.policy, scene.assessor] {
        scene.refused(who, IVault::setTreasuryCall { treasury: who }).expect::<OwnableUnauthorizedAccount>();
        scene.refused(who, IVault::orderRunOffCall { ordered: true }).expect::<OwnableUnauthorizedAccount>();
        scene.refused(who, wire(&scene)).expect::<OwnableUnauthorizedAccount>();
        scene.refused(who, IOwned::setGuardianCall { newGuardian: who }).expect::<OwnableUnauthorizedAccount>();
        scene.refused(who, IOwned::transferOwnershipCall { newOwner: who }).expect::<OwnableUnauthorizedAccount>();
        scene.refused(who, IOwned::finishSetupCall {}).expect::<OwnableUnauthorizedAccount>();
    }
    scene.done(scene.owner, IVault::setTreasuryCall { treasury: scene.bob });
    assert_eq!(scene.read(IVault::peersCall {}).treasury, scene.bob);
    scene.refused(scene.owner, IVault::setTreasuryCall { treasury: Address::ZERO }).expect::<ParameterOutOfBounds>();
}

#[test]
fn ownership_moves_in_two_steps() {
    let scene = Scene::new();
    assert_eq!(scene.read(IOwned::ownerCall {}), scene.owner);
    assert_eq!(scene.read(IOwned::setupCall {}), scene.setup);
    assert_eq!(scene.read(IOwned::guardianCall {}), scene.guardian);
    scene.done(scene.owner, IOwned::transferOwnershipCall { newOwner: scene.bob });
    assert_eq!((scene.read(IOwned::ownerCall {}), scene.read(IOwned::pendingOwnerCall {})), (scene.owner, scene.bob));
    scene.refused(scene.alice, IOwned::acceptOwnershipCall {}).expect::<OwnableUnauthorizedAccount>();
    scene.done(scene.bob, IOwned::acceptOwnershipCall {});
    assert_eq!((scene.read(IOwned::ownerCall {}), scene.read(IOwned::pendingOwnerCall {})), (scene.bob, Address::ZERO));
    scene.done(scene.setup, IOwned::finishSetupCall {});
    assert_eq!(scene.read(IOwned::setupCall {}), Address::ZERO);
}

#[test]
fn a_guardian_pauses_for_seven_days_and_then_rests() {
    let scene = Scene::new();
    let pause = |kind, duration| IVault::pauseCall { kind, duration, reason: B256::repeat_byte(7) };
    scene.refused(scene.alice, pause(0, 1)).expect::<NotGuardian>();
    scene.refused(scene.setup, pause(0, 1)).expect::<NotGuardian>();
    let error = scene.refused(scene.guardian, pause(0, 7 * 86_400 + 1)).expect::<IPausable::PauseTooLong>();
    assert_eq!((error.duration, error.longest), (u(7u64 * 86_400 + 1), u(7u64 * 86_400)));
    for kind in [1, 3, 4] {
        let error = scene.refused(scene.guardian, pause(kind, 1)).expect::<ParameterOutOfBounds>();
        assert_eq!((error.parameter, error.value), (name("kind"), u(kind)));
        assert_eq!(scene.read(IVault::pausedUntilCall { kind }), U256::ZERO);
    }
    for kind in [0, 2] {
        let until = scene.world.now() + WEEK;
        scene.done(scene.guardian, pause(kind, WEEK));
        assert_eq!(scene.read(IVault::pausedUntilCall { kind }), u(until));
        let event = scene.events::<IPausable::PauseSet>().pop().unwrap();
        assert_eq!(
            (event.kind, event.by, event.until, event.reason),
            (kind, scene.guardian, until, B256::repeat_byte(7))
        );
        scene.refused(scene.guardian, pause(kind, 1)).expect::<IPausable::PauseTooSoon>();
    }
    // The two kinds are apart: the owner ends one of them.
    scene.done(scene.owner, pause(0, 0));
    scene.fund(scene.alice, M);
    scene.done(scene.alice, IERC4626::depositCall { assets: u(M), receiver: scene.alice });
    scene.refused(scene.alice, IVault::serveCall { n: u(1u64) }).expect::<IPausable::EnforcedPause>();
    // Only the owner renews.
    scene.world.warp(WEEK);
    scene.refused(scene.guardian, pause(2, WEEK)).expect::<IPausable::PauseTooSoon>();
    scene.done(scene.owner, pause(2, WEEK));
    scene.refused(scene.alice, IVault::serveCall { n: u(1u64) }).expect::<IPausable::EnforcedPause>();
}

#[test]
fn payouts_are_never_paused() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    for kind in [0, 2] {
        scene.done(scene.owner, IVault::pauseCall { kind, duration: WEEK, reason: B256::ZERO });
    }
    scene.done(scene.owner, IVault::orderRunOffCall { ordered: true });
    scene.lose(M);
    assert_eq!(scene.total_assets(), u(9 * M));
}

#[test]
fn a_constructor_keeps_its_bounds() {
    let scene = Scene::unwired(Settings::default());
    let at = scene.world.address("another vault");
    let construct =
        |settings: Settings| scene.world.try_construct::<Vault>(at, scene.setup, scene.arguments(&settings));
    for (settings, parameter, value) in [
        (Settings { week: 9, ..Settings::default() }, "weekSeconds", 9),
        (Settings { week: WEEK + 1, ..Settings::default() }, "weekSeconds", WEEK + 1),
        (Settings { cooldown: 30 * 86_400 + 1, ..Settings::default() }, "cooldown", 30 * 86_400 + 1),
        (Settings { patience: 3 * 86_400 + 1, ..Settings::default() }, "patience", 3 * 86_400 + 1),
    ] {
        let error = construct(settings).unwrap_err().expect::<ParameterOutOfBounds>();
        assert_eq!((error.parameter, error.value), (name(parameter), u(value)));
    }
    for (name_length, symbol_length, parameter) in [(32, 5, "name"), (12, 32, "symbol"), (31, 31, "")] {
        let [name_text, symbol_text] = [name_length, symbol_length].map(|length| "x".repeat(length));
        let texts = (
            scene.owner,
            scene.setup,
            scene.extension,
            scene.second_extension,
            scene.token.at,
            name_text,
            symbol_text,
            WEEK,
            0u64,
            0u64,
        );
        let built =
            scene.world.try_construct::<Vault>(scene.world.address("texts"), scene.setup, texts.abi_encode_params());
        if parameter.is_empty() {
            built.unwrap();
        } else {
            let error = built.unwrap_err().expect::<ParameterOutOfBounds>();
            assert_eq!((error.parameter, error.value), (name(parameter), u(32u64)));
        }
    }
    let arguments = (
        Address::ZERO,
        scene.setup,
        scene.extension,
        scene.second_extension,
        scene.token.at,
        String::new(),
        String::new(),
        WEEK,
        0u64,
        0u64,
    )
        .abi_encode_params();
    scene.world.try_construct::<Vault>(at, scene.setup, arguments).unwrap_err().expect::<OwnableInvalidOwner>();
    construct(Settings::default()).unwrap();
    assert!(construct(Settings::default()).is_err(), "once");
}

#[test]
fn the_share_says_what_it_is() {
    let scene = Scene::new();
    assert_eq!(scene.read(IERC20::nameCall {}), "Palisade USDX");
    assert_eq!(scene.read(IERC20::symbolCall {}), "pUSDX");
    assert_eq!(scene.read(IERC20::decimalsCall {}), 12);
    assert_eq!(scene.read(IERC4626::assetCall {}), scene.token.at);
    assert_eq!(scene.read(IERC7540Redeem::shareCall {}), scene.vault);
    assert_eq!(scene.read(IVault::extensionCall {}), scene.extension);
    assert_eq!(scene.read(IVault::secondExtensionCall {}), scene.second_extension);
}

#[test]
fn shares_move_by_transfer_approval_and_permit() {
    let scene = Scene::new();
    let signer = Signer::new("owner of shares");
    let shares = scene.deposit(scene.alice, M);
    assert!(scene.done(scene.alice, IERC20::transferCall { to: signer.address, value: shares }));
    let event = scene.events::<IERC20::Transfer>().pop().unwrap();
    assert_eq!((event.from, event.to, event.value), (scene.alice, signer.address, shares));
    for value in [u(1u64), U256::MAX] {
        let error = scene
            .refused(scene.alice, IERC20::transferCall { to: scene.bob, value })
            .expect::<IERC20::ERC20InsufficientBalance>();
        assert_eq!((error.sender, error.balance, error.needed), (scene.alice, U256::ZERO, value));
    }
    scene
        .refused(signer.address, IERC20::transferCall { to: Address::ZERO, value: u(1u64) })
        .expect::<IERC20::ERC20InvalidReceiver>();

    let domain = scene.read(IERC20Permit::eip712DomainCall {});
    assert_eq!((domain.name.as_str(), domain.version.as_str()), ("Palisade USDX", "1"));
    assert_eq!((domain.chainId, domain.verifyingContract), (u(412_346u64), scene.vault));
    let separator = scene.read(IERC20Permit::DOMAIN_SEPARATORCall {});
    let deadline = u(scene.world.now());
    let words = (signer.address, scene.bob, shares, U256::ZERO, deadline).abi_encode();
    let words: Vec<U256> = words.chunks(32).map(U256::from_be_slice).collect();
    let hash = standards::eip712::struct_hash(standards::permit::PERMIT_TYPEHASH, &words);
    let signature = signer.sign(standards::eip712::typed_hash(separator, hash));
    let permit = IERC20Permit::permitCall {
        owner: signer.address,
        spender: scene.bob,
        value: shares,
        deadline,
        v: signature.v,
        r: signature.r,
        s: signature.s,
    };
    scene
        .refused(scene.carol, IERC20Permit::permitCall { deadline: deadline - u(1u64), ..permit.clone() })
        .expect::<IERC20Permit::ERC2612ExpiredSignature>();
    scene
        .refused(scene.carol, IERC20Permit::permitCall { value: shares + u(1u64), ..permit.clone() })
        .expect::<IERC20Permit::ERC2612InvalidSigner>();
    scene.done(scene.carol, permit.clone());
    assert_eq!(scene.read(IERC20Permit::noncesCall { owner: signer.address }), u(1u64));
    scene.refused(scene.carol, permit).expect::<IERC20Permit::ERC2612InvalidSigner>();
    assert_eq!(scene.read(IERC20::allowanceCall { owner: signer.address, spender: scene.bob }), shares);
    scene.done(scene.bob, IERC20::transferFromCall { from: signer.address, to: scene.carol, value: shares });
    assert_eq!(scene.shares_of(scene.carol), shares);
    scene
        .refused(scene.bob, IERC20::transferFromCall { from: scene.carol, to: scene.bob, value: u(1u64) })
        .expect::<IERC20::ERC20InsufficientAllowance>();
    scene
        .refused(scene.carol, IERC20::approveCall { spender: Address::ZERO, value: u(1u64) })
        .expect::<IERC20::ERC20InvalidSpender>();
}
