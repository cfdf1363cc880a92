//! Deposits: prices, limits, bad tokens.

use alloy_primitives::{Address, U256};
use protocol::abi::{IERC20, IERC4626, IPausable, IVault};
use standards::errors::{AddressEmptyCode, SafeERC20FailedOperation};

use crate::scene::{M, SHARES, Scene, Settings, WEEK, near, u};

fn deposit(assets: u64, receiver: Address) -> IERC4626::depositCall {
    IERC4626::depositCall { assets: u(assets), receiver }
}

#[test]
fn a_deposit_makes_shares_at_the_entry_price() {
    let scene = Scene::new();
    let preview = scene.read(IERC4626::previewDepositCall { assets: u(10 * M) });
    assert_eq!(scene.deposit(scene.alice, 10 * M), preview);
    assert_eq!(preview, u(10 * M) * u(SHARES));
    assert_eq!(scene.shares_of(scene.alice), preview);
    assert_eq!(scene.read(IERC20::totalSupplyCall {}), preview);
    assert_eq!(scene.total_assets(), u(10 * M));
    assert_eq!(scene.assets_of(scene.vault), u(10 * M));
    let event = scene.events::<IERC4626::Deposit>().pop().unwrap();
    assert_eq!((event.sender, event.owner, event.assets, event.shares), (scene.alice, scene.alice, u(10 * M), preview));
    let event = scene.events::<IERC20::Transfer>().pop().unwrap();
    assert_eq!((event.from, event.to, event.value), (Address::ZERO, scene.alice, preview));
}

#[test]
fn a_mint_takes_what_its_shares_cost_rounded_up() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    scene.lose(3 * M);
    let shares = u(12_345_678_901_234_567u64);
    let cost = scene.read(IERC4626::previewMintCall { shares });
    scene.fund(scene.bob, 10 * M);
    assert_eq!(scene.done(scene.bob, IERC4626::mintCall { shares, receiver: scene.carol }), cost);
    assert_eq!(scene.shares_of(scene.carol), shares);
    assert_eq!(scene.assets_of(scene.bob), u(10 * M) - cost);
    // One unit less would have bought fewer shares.
    assert!(scene.read(IERC4626::convertToSharesCall { assets: cost - u(1u64) }) < shares);
    assert!(scene.read(IERC4626::convertToAssetsCall { shares }) <= cost);
}

#[test]
fn what_comes_in_is_what_was_previewed() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 7 * M + 12_345);
    scene.lose(M + 777);
    for assets in [1, 999_999, 1_000_001, 3 * M + 1] {
        let preview = scene.read(IERC4626::previewDepositCall { assets: u(assets) });
        assert_eq!(scene.deposit(scene.bob, assets), preview);
    }
}

/// The first depositor's attack: one unit and a large donation.
#[test]
fn scenario_01_a_donation_cannot_take_the_next_deposit() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 1);
    scene.token.mint(&scene.world, scene.vault, u(M));
    let shares = scene.deposit(scene.bob, M);
    let worth = scene.read(IERC4626::convertToAssetsCall { shares });
    assert!(worth >= u(M) * u(9_999u64) / u(10_000u64), "{worth}");
}

#[test]
fn scenario_02_a_donation_changes_nothing() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    scene.sell(M, 0, 4 * WEEK);
    scene.request(scene.alice, u(M));
    let before = (scene.total_assets(), scene.solvency_words(), scene.read(IVault::capitalCall {}).amount);
    scene.token.mint(&scene.world, scene.vault, u(55 * M));
    let after = (scene.total_assets(), scene.solvency_words(), scene.read(IVault::capitalCall {}).amount);
    assert_eq!(before, after);
}

#[test]
fn a_deposit_that_makes_no_share_is_refused() {
    let scene = Scene::new();
    // A premium that nobody holds shares of makes a share dear.
    scene.sell(10 * M, 0, WEEK);
    scene.weeks(3);
    scene.fund(scene.alice, M);
    scene.refused(scene.alice, deposit(1, scene.alice)).expect::<IVault::ZeroShares>();
    scene.refused(scene.alice, deposit(0, scene.alice)).expect::<IVault::ZeroShares>();
    scene
        .refused(scene.alice, IERC4626::mintCall { shares: U256::ZERO, receiver: scene.alice })
        .expect::<IVault::ZeroShares>();
}

/// After a payout of nearly everything a share is cheap, and after what was won back it is dear again; one unit makes
/// shares or is refused, and is never lost.
#[test]
fn scenario_03_one_unit_after_a_loss_makes_shares_or_is_refused() {
    for recovered in [0, 1, M, 50 * M] {
        let scene = Scene::new();
        scene.deposit(scene.alice, 10 * M);
        scene.lose(9 * M + 876_543_210_987);
        if recovered > 0 {
            scene.fund(scene.carol, recovered);
            scene.done(scene.carol, IVault::recoverCall { amount: u(recovered) });
            scene.weeks(5);
        }
        scene.fund(scene.bob, 1);
        let shares = scene.read(IERC4626::previewDepositCall { assets: u(1u64) });
        if shares.is_zero() {
            scene.refused(scene.bob, deposit(1, scene.bob)).expect::<IVault::ZeroShares>();
        } else {
            assert_eq!(scene.done(scene.bob, deposit(1, scene.bob)), shares);
        }
    }
    // The dearest share: a premium that nobody holds shares of.
    let scene = Scene::new();
    scene.sell(10 * M, 0, WEEK);
    scene.weeks(3);
    scene.fund(scene.bob, 1);
    scene.refused(scene.bob, deposit(1, scene.bob)).expect::<IVault::ZeroShares>();
}

#[test]
fn a_round_trip_never_yields_a_profit() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M + 7);
    scene.lose(3 * M + 1);
    let mut seed = 88_172_645_463_325_252u64;
    for _ in 0..40 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let assets = seed % (3 * M) + 1;
        let shares = scene.deposit(scene.bob, assets);
        assert!(scene.read(IERC4626::convertToAssetsCall { shares }) <= u(assets));
        let back = scene.read(IERC4626::convertToSharesCall { assets: u(assets) });
        assert!(back <= shares + u(1u64), "the price never falls by a deposit");
    }
}

#[test]
fn deposits_end_at_120_percent_of_target_capital() {
    let scene = Scene::new();
    scene.gate.target.set(10 * M);
    scene.deposit(scene.alice, 5 * M);
    let most = scene.read(IERC4626::maxDepositCall { receiver: scene.bob });
    assert_eq!(most, u(7 * M));
    scene.fund(scene.bob, 20 * M);
    let error = scene.refused(scene.bob, deposit(7 * M + 1, scene.bob)).expect::<IERC4626::ERC4626ExceededMaxDeposit>();
    assert_eq!((error.receiver, error.assets, error.max), (scene.bob, u(7 * M + 1), most));
    scene
        .refused(scene.bob, IERC4626::depositCall { assets: U256::MAX, receiver: scene.bob })
        .expect::<IERC4626::ERC4626ExceededMaxDeposit>();
    let most_shares = scene.read(IERC4626::maxMintCall { receiver: scene.bob });
    let error = scene
        .refused(scene.bob, IERC4626::mintCall { shares: most_shares + u(1u64), receiver: scene.bob })
        .expect::<IERC4626::ERC4626ExceededMaxMint>();
    assert_eq!((error.receiver, error.max), (scene.bob, most_shares));
    scene.done(scene.bob, IERC4626::mintCall { shares: most_shares, receiver: scene.bob });
    assert_eq!(scene.read(IERC4626::maxDepositCall { receiver: scene.bob }), U256::ZERO);
    assert_eq!(scene.read(IERC4626::maxMintCall { receiver: scene.bob }), U256::ZERO);
}

#[test]
fn a_deposit_of_exactly_the_limit_is_taken() {
    let scene = Scene::new();
    scene.gate.target.set(10 * M);
    scene.deposit(scene.alice, 12 * M);
    assert_eq!(scene.read(IERC4626::maxDepositCall { receiver: scene.bob }), U256::ZERO);
}

#[test]
fn shares_that_asked_to_leave_make_room_for_deposits() {
    let scene = Scene::new();
    scene.gate.target.set(10 * M);
    let shares = scene.deposit(scene.alice, 12 * M);
    scene.request(scene.alice, shares / u(2u64));
    near(scene.read(IERC4626::maxDepositCall { receiver: scene.bob }), u(6 * M), 1);
    let capital = scene.read(IVault::capitalCall {});
    near(capital.amount, u(6 * M), 1);
    assert!(!capital.closed);
}

#[test]
fn who_enters_pays_for_the_stream() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    scene.fund(scene.carol, 2 * M);
    scene.done(scene.carol, IVault::recoverCall { amount: u(2 * M) });
    assert_eq!(scene.total_assets(), u(12 * M));
    let shares = scene.deposit(scene.bob, 12 * M);
    near(shares, u(10 * M) * u(SHARES), SHARES);
    let solvency = scene.solvency();
    assert!(solvency.entryPrice > solvency.exitPrice);
}

#[test]
fn a_deposit_can_ask_for_at_least_so_many_shares() {
    let scene = Scene::new();
    scene.fund(scene.alice, 2 * M);
    let shares = u(M) * u(SHARES);
    let call = |least| IVault::depositCall { assets: u(M), receiver: scene.alice, minShares: least };
    let error = scene.refused(scene.alice, call(shares + u(1u64))).expect::<IVault::SlippageExceeded>();
    assert_eq!((error.value, error.limit), (shares, shares + u(1u64)));
    assert_eq!(scene.done(scene.alice, call(shares)), shares);
}

#[test]
fn a_mint_can_ask_for_at_most_so_many_assets() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    scene.sell(M, 0, WEEK);
    scene.weeks(2);
    scene.fund(scene.bob, 10 * M);
    let shares = u(M) * u(SHARES);
    let cost = scene.read(IERC4626::previewMintCall { shares });
    near(cost, u(11 * M / 10), 1);
    let call = |most: U256| IVault::mintCall { shares, receiver: scene.bob, maxAssets: most };
    let error = scene.refused(scene.bob, call(cost - u(1u64))).expect::<IVault::SlippageExceeded>();
    assert_eq!((error.value, error.limit), (cost, cost - u(1u64)));
    assert_eq!(scene.done(scene.bob, call(cost)), cost);
    assert_eq!((scene.shares_of(scene.bob), scene.assets_of(scene.bob)), (shares, u(10 * M) - cost));
}

/// In any of these states a deposit and a mint of the limit succeed, and one unit more is refused.
#[test]
fn limits_are_what_can_be_done() {
    type State = (bool, fn(&Scene));
    let states: [State; 8] = [
        (true, |_| {}),
        (true, |scene| scene.world.warp(WEEK / 3)),
        (false, |scene| scene.gate.reserve.set(11 * M)),
        (true, |scene| scene.weeks(64)),
        // Beyond 64 edges the books are caught up first.
        (false, |scene| scene.weeks(65)),
        (true, |scene| {
            scene.weeks(65);
            scene.done(scene.carol, IVault::catchUpCall { edges: u(1u64) });
        }),
        (false, |scene| {
            scene.done(scene.owner, IVault::orderRunOffCall { ordered: true });
        }),
        (false, |scene| {
            scene.gate.reserve.set(20 * M);
            scene.pay(1, scene.carol, 0, 20 * M);
        }),
    ];
    for (i, (open, prepare)) in states.into_iter().enumerate() {
        let stage = || {
            let scene = Scene::new();
            scene.deposit(scene.alice, 10 * M);
            scene.sell(3 * M, 0, 200 * WEEK);
            scene.fund(scene.bob, 1_000 * M);
            prepare(&scene);
            scene
        };
        for more in [0u64, 1] {
            let succeeds = open && more == 0;
            let scene = stage();
            let assets = scene.read(IERC4626::maxDepositCall { receiver: scene.bob });
            assert_eq!(!assets.is_zero(), open, "state {i}");
            let call = IERC4626::depositCall { assets: assets + u(more), receiver: scene.bob };
            assert_eq!(scene.send(scene.bob, call).is_ok(), succeeds, "state {i}");
            let scene = stage();
            let shares = scene.read(IERC4626::maxMintCall { receiver: scene.bob });
            let call = IERC4626::mintCall { shares: shares + u(more), receiver: scene.bob };
            assert_eq!(scene.send(scene.bob, call).is_ok(), succeeds, "state {i}");
        }
    }
}

#[test]
fn a_pause_stops_deposits_until_it_ends() {
    let scene = Scene::new();
    scene.fund(scene.alice, M);
    scene.done(scene.guardian, IVault::pauseCall { kind: 0, duration: 100, reason: Default::default() });
    scene.refused(scene.alice, deposit(M, scene.alice)).expect::<IPausable::EnforcedPause>();
    scene
        .refused(scene.alice, IERC4626::mintCall { shares: u(1u64), receiver: scene.alice })
        .expect::<IPausable::EnforcedPause>();
    assert_eq!(scene.read(IERC4626::maxDepositCall { receiver: scene.alice }), U256::ZERO);
    assert_eq!(scene.read(IERC4626::maxMintCall { receiver: scene.alice }), U256::ZERO);
    scene.world.warp(99);
    scene.refused(scene.alice, deposit(M, scene.alice)).expect::<IPausable::EnforcedPause>();
    scene.world.warp(1);
    scene.done(scene.alice, deposit(M, scene.alice));
}

#[test]
fn while_the_reserve_exceeds_the_assets_deposits_are_closed() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    scene.fund(scene.bob, M);
    scene.gate.reserve.set(10 * M + 1);
    scene.refused(scene.bob, deposit(M, scene.bob)).expect::<IVault::DepositsClosed>();
    assert_eq!(scene.read(IERC4626::maxDepositCall { receiver: scene.bob }), U256::ZERO);
    assert!(scene.solvency().closed);
    scene.gate.reserve.set(10 * M);
    assert!(!scene.solvency().closed);
    scene.done(scene.bob, deposit(M, scene.bob));
}

#[test]
fn run_off_by_order_closes_deposits_and_sales() {
    let scene = Scene::new();
    scene.fund(scene.alice, 2 * M);
    scene.done(scene.owner, IVault::orderRunOffCall { ordered: true });
    scene.refused(scene.alice, deposit(M, scene.alice)).expect::<IVault::DepositsClosed>();
    assert_eq!(scene.read(IERC4626::maxDepositCall { receiver: scene.alice }), U256::ZERO);
    assert!(scene.read(IVault::capitalCall {}).closed);
    assert!(scene.read(IVault::runOffCall {}).ordered);
    scene.done(scene.owner, IVault::orderRunOffCall { ordered: false });
    scene.done(scene.alice, deposit(M, scene.alice));
    assert_eq!(scene.events::<IVault::RunOffSet>().len(), 2);
}

#[test]
fn shares_cannot_be_made_for_nobody_or_for_the_vault() {
    let scene = Scene::new();
    scene.fund(scene.alice, M);
    for receiver in [Address::ZERO, scene.vault] {
        let error = scene.refused(scene.alice, deposit(M, receiver)).expect::<IERC20::ERC20InvalidReceiver>();
        assert_eq!(error.receiver, receiver);
    }
}

#[test]
fn a_token_that_takes_a_fee_is_refused() {
    let scene = Scene::new();
    scene.fund(scene.alice, M);
    scene.token.mint(&scene.world, scene.vault, u(M)); // a donation does not hide the fee
    scene.token.habits.fee_bps.set(1);
    let error = scene.refused(scene.alice, deposit(M, scene.alice)).expect::<IVault::UnexpectedBalance>();
    assert_eq!((error.expected, error.actual), (u(2 * M), u(2 * M - M / 10_000)));
}

#[test]
fn a_token_that_answers_nothing_is_accepted() {
    let scene = Scene::new();
    scene.token.habits.silent.set(true);
    scene.deposit(scene.alice, M);
    assert_eq!(scene.total_assets(), u(M));
}

#[test]
fn a_token_that_answers_false_is_refused() {
    let scene = Scene::new();
    scene.fund(scene.alice, M);
    scene.token.habits.refuses.set(true);
    scene.refused(scene.alice, deposit(M, scene.alice)).expect::<SafeERC20FailedOperation>();
}

#[test]
fn without_allowance_or_balance_nothing_comes_in() {
    let scene = Scene::new();
    scene.token.mint(&scene.world, scene.alice, u(M));
    assert!(scene.send(scene.alice, deposit(M, scene.alice)).is_err());
    scene.fund(scene.alice, 0);
    assert!(scene.send(scene.alice, deposit(M + 1, scene.alice)).is_err());
    assert_eq!(scene.total_assets(), U256::ZERO);
}

#[test]
fn what_risk_reverts_with_is_passed_on() {
    let scene = Scene::new();
    scene.fund(scene.alice, M);
    scene.gate.broken.set(true);
    scene.refused(scene.alice, deposit(M, scene.alice)).expect::<protocol::abi::IRisk::UnknownVault>();
}

#[test]
fn an_asset_of_18_decimals_works_as_one_of_6() {
    let scene = Scene::with(Settings { decimals: 18, ..Settings::default() });
    assert_eq!(scene.read(IERC20::decimalsCall {}), 24);
    scene.gate.target.set(u64::MAX);
    let shares = scene.deposit(scene.alice, 10_000_000_000_000_000_000);
    assert_eq!(shares, u(10_000_000_000_000_000_000u64) * u(SHARES));
}

#[test]
fn a_pool_holds_no_more_than_its_books_can() {
    let scene = Scene::new();
    scene.gate.target.set(u64::MAX);
    // 120 % of the largest target that the mock can answer is still below the books' limit.
    assert_eq!(
        scene.read(IERC4626::maxDepositCall { receiver: scene.alice }),
        u(u64::MAX) * u(12_000u64) / u(10_000u64)
    );
}

#[test]
fn an_asset_without_code_cannot_be_constructed_on() {
    let scene = Scene::unwired(Settings::default());
    let at = scene.world.address("another vault");
    let nothing = scene.world.address("nothing");
    for (extension, second) in [(nothing, scene.second_extension), (scene.extension, nothing)] {
        let arguments = alloy_sol_types::SolValue::abi_encode_params(&(
            scene.owner,
            scene.setup,
            extension,
            second,
            scene.token.at,
            String::new(),
            String::new(),
            WEEK,
            0u64,
            0u64,
        ));
        let built = scene.world.try_construct::<vault::Vault>(at, scene.setup, arguments);
        assert_eq!(built.unwrap_err().expect::<AddressEmptyCode>().target, nothing);
    }
}

#[test]
fn limits_never_revert() {
    let scene = Scene::unwired(Settings::default());
    assert_eq!(scene.read(IERC4626::maxDepositCall { receiver: scene.alice }), U256::ZERO);
    assert_eq!(scene.read(IERC4626::maxMintCall { receiver: scene.alice }), U256::ZERO);
    let scene = Scene::new();
    scene.gate.broken.set(true);
    assert_eq!(scene.read(IERC4626::maxDepositCall { receiver: scene.alice }), U256::ZERO);
    assert_eq!(scene.read(IERC4626::maxRedeemCall { controller: scene.alice }), U256::ZERO);
    assert_eq!(scene.read(IERC4626::maxWithdrawCall { controller: scene.alice }), U256::ZERO);
}
