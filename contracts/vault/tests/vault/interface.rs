//! The programs and the Solidity interface agree.

use std::collections::BTreeSet;

use alloy_primitives::{B256, FixedBytes, U256};
use alloy_sol_types::{SolCall, SolInterface};
use protocol::abi::{IERC20, IERC20Permit, IERC165, IERC4626, IERC7540Redeem, IOwned, IVault};
use testkit::World;
use vault::{Vault, VaultExt, VaultMore};

use crate::scene::{M, Scene, near, u};

fn selectors() -> BTreeSet<[u8; 4]> {
    IVault::IVaultCalls::selectors()
        .chain(IOwned::IOwnedCalls::selectors())
        .chain(IERC20::IERC20Calls::selectors())
        .chain(IERC20Permit::IERC20PermitCalls::selectors())
        .chain(IERC4626::IERC4626Calls::selectors())
        .chain(IERC7540Redeem::IERC7540RedeemCalls::selectors())
        .chain(IERC165::IERC165Calls::selectors())
        .collect()
}

#[test]
fn each_function_of_the_interface_is_in_exactly_one_program() {
    let world = World::new();
    for selector in selectors() {
        let known =
            [world.routes::<Vault>(selector), world.routes::<VaultExt>(selector), world.routes::<VaultMore>(selector)];
        assert_eq!(known.iter().filter(|known| **known).count(), 1, "{selector:x?}: {known:?}");
    }
}

/// Rows are counted in the sources, because a router cannot be asked for what it knows.
#[test]
fn each_function_of_the_programs_is_in_the_interface() {
    let rows = |source: &str| source.lines().filter(|line| line.contains("Call => ")).count();
    let programs = [
        include_str!("../../src/everyday.rs"),
        include_str!("../../src/extension.rs"),
        include_str!("../../src/more.rs"),
    ];
    assert_eq!(programs.map(rows).iter().sum::<usize>(), selectors().len());
}

#[test]
fn the_first_program_holds_the_everyday_path() {
    let world = World::new();
    for selector in [
        IERC20::transferCall::SELECTOR,
        IERC4626::depositCall::SELECTOR,
        IVault::depositCall::SELECTOR,
        IERC4626::mintCall::SELECTOR,
        IERC7540Redeem::requestRedeemCall::SELECTOR,
        IERC4626::redeemCall::SELECTOR,
        IERC4626::withdrawCall::SELECTOR,
        IVault::premiumCall::SELECTOR,
        IVault::payCall::SELECTOR,
        IVault::capitalCall::SELECTOR,
    ] {
        assert!(world.routes::<Vault>(selector));
    }
}

#[test]
fn an_unknown_selector_reverts_without_data() {
    let scene = Scene::new();
    assert_eq!(scene.world.transact(scene.alice, scene.vault, U256::ZERO, vec![1, 2, 3, 4]), Err(vec![]));
    assert_eq!(scene.world.transact(scene.alice, scene.vault, U256::ZERO, vec![]), Err(vec![]));
}

#[test]
fn no_function_takes_ether() {
    let scene = Scene::new();
    scene.world.set_ether(scene.alice, U256::from(selectors().len()));
    for selector in selectors() {
        let mut data = selector.to_vec();
        data.extend([0; 32 * 9]);
        assert_eq!(scene.world.transact(scene.alice, scene.vault, U256::ONE, data), Err(vec![]));
    }
    assert_eq!(scene.world.ether(scene.vault), U256::ZERO);
}

#[test]
fn the_interfaces_of_the_standards_are_told() {
    let scene = Scene::new();
    let supports = |id: u32| scene.read(IERC165::supportsInterfaceCall { interfaceId: FixedBytes(id.to_be_bytes()) });
    for id in [0x01ff_c9a7, 0xe3bc_4e65, 0x620e_e8e4, 0x2f0a_18c5] {
        assert!(supports(id), "{id:x}");
    }
    // ERC-7540's asynchronous deposit, and what nobody has.
    for id in [0xce3b_be50, 0xffff_ffff, 0] {
        assert!(!supports(id), "{id:x}");
    }
}

/// ERC-165 ids are the xor of their functions' selectors.
#[test]
fn the_ids_are_those_of_their_functions() {
    let xor = |selectors: &[[u8; 4]]| selectors.iter().fold([0; 4], |id, s| std::array::from_fn(|i| id[i] ^ s[i]));
    use IERC7540Redeem::{
        claimableRedeemRequestCall, isOperatorCall, pendingRedeemRequestCall, requestRedeemCall, setOperatorCall,
        shareCall,
    };
    assert_eq!(xor(&[setOperatorCall::SELECTOR, isOperatorCall::SELECTOR]), 0xe3bc_4e65u32.to_be_bytes());
    assert_eq!(
        xor(&[requestRedeemCall::SELECTOR, pendingRedeemRequestCall::SELECTOR, claimableRedeemRequestCall::SELECTOR]),
        0x620e_e8e4u32.to_be_bytes()
    );
    let vault = xor(&[
        IERC4626::assetCall::SELECTOR,
        IERC4626::convertToAssetsCall::SELECTOR,
        IERC4626::convertToSharesCall::SELECTOR,
        IERC4626::totalAssetsCall::SELECTOR,
        IERC4626::maxDepositCall::SELECTOR,
        IERC4626::maxMintCall::SELECTOR,
        IERC4626::maxRedeemCall::SELECTOR,
        IERC4626::maxWithdrawCall::SELECTOR,
        IERC4626::previewDepositCall::SELECTOR,
        IERC4626::previewMintCall::SELECTOR,
        IERC4626::previewRedeemCall::SELECTOR,
        IERC4626::previewWithdrawCall::SELECTOR,
        IERC4626::depositCall::SELECTOR,
        IERC4626::mintCall::SELECTOR,
        IERC4626::redeemCall::SELECTOR,
        IERC4626::withdrawCall::SELECTOR,
        shareCall::SELECTOR,
    ]);
    assert_eq!(vault, 0x2f0a_18c5u32.to_be_bytes());
}

#[test]
fn the_ability_to_pay_is_one_answer() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    let shares = scene.shares_of(scene.alice);
    scene.request(scene.alice, shares / u(5u64));
    scene.sell(M, 0, 4 * 604_800);
    scene.deposit(scene.bob, 1); // the unit that unearned premiums are rounded up by
    scene.gate.minimum.set(4 * M);
    scene.gate.target.set(6 * M);
    scene.gate.reserve.set(M);
    scene.gate.cover.set(50 * M);
    let s = scene.solvency();
    assert_eq!((s.assets, s.cash, s.invested, s.unearned), (u(10 * M), u(11 * M + 1), U256::ZERO, u(M + 1)));
    assert_eq!((s.served, s.payables, s.owed, s.stream), (U256::ZERO, U256::ZERO, U256::ZERO, U256::ZERO));
    assert_eq!((s.reserve, s.requested), (u(M), shares / u(5u64)));
    near(s.capital, u(8 * M), 1);
    assert_eq!((s.minimumCapital, s.targetCapital, s.activeCover), (u(4 * M), u(6 * M), u(50 * M)));
    near(s.coverageBps, u(20_000u64), 1);
    let ray = U256::from(10).pow(u(21u64)); // one asset for a million units of share
    near(s.entryPrice, ray, 1_000_000_000);
    assert!(s.exitPrice < ray && s.exitPrice > ray * u(89u64) / u(100u64));
    assert!(!s.closed);
    scene.gate.minimum.set(0);
    assert_eq!(scene.solvency().coverageBps, U256::MAX, "nothing to cover");
}

#[test]
fn the_vaults_words_are_where_the_picture_says() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    let word = |slot: u64| U256::from_be_bytes(scene.world.storage_at(scene.vault, u(slot)).0);
    let main = word(0);
    assert_eq!(main & ((U256::ONE << 104) - U256::ONE), u(10 * M));
    assert_eq!((main >> 104) & ((U256::ONE << 128) - U256::ONE), scene.shares_of(scene.alice));
    assert_eq!((main >> 232) & u(0xf_ffffu64), u(604_800u64));
    assert_eq!(main >> 252, U256::ZERO);
    let asset = scene.token.at;
    assert_eq!(
        word(8) & ((U256::ONE << 160) - U256::ONE),
        U256::from_be_slice(B256::left_padding_from(asset.as_slice()).as_slice())
    );
}

/// Storage is what operations cost: how many new words each of them fills, the first and the second time.
#[test]
fn the_second_operation_of_its_kind_fills_no_new_word() {
    let scene = Scene::new();
    let mut words = scene.world.slots_of(scene.vault);
    let mut new_words = |operation: &str, expected: usize| {
        let now = scene.world.slots_of(scene.vault);
        assert_eq!(now as isize - words as isize, expected as isize, "{operation}");
        words = now;
    };
    let shares = scene.deposit(scene.alice, 10 * M);
    new_words("first deposit: a balance", 1);
    scene.deposit(scene.alice, M);
    new_words("second deposit", 0);
    scene.request(scene.alice, shares / u(4u64));
    new_words("first request: the queue's ends, the queued shares, a cohort, a request", 4);
    scene.request(scene.alice, shares / u(4u64));
    new_words("second request", 0);
    scene.sell(M, 0, 4 * 604_800);
    new_words("first sale: unearned premiums share a word; two weeks' changes", 2);
    scene.sell(M, 0, 4 * 604_800);
    new_words("second sale", 0);
    scene.weeks(3);
    scene.serve();
    new_words(
        "service: a cap, a cohort's indices, what is served; a stream; the first checkpoint and how many there are",
        5,
    );
    scene.done(scene.alice, IERC4626::withdrawCall { assets: u(M), receiver: scene.alice, controller: scene.alice });
    new_words("first claim: what was taken out", 1);
    scene.done(scene.alice, IERC4626::withdrawCall { assets: u(M), receiver: scene.alice, controller: scene.alice });
    new_words("second claim", 0);
    scene.lose(M);
    new_words("a payout", 0);
}
