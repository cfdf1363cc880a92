//! Required capital: risk keys, groups, minimum and target.

use alloy_primitives::U256;
use protocol::abi::{IOwned::OwnableUnauthorizedAccount, IRisk, ParameterOutOfBounds};
use standards::errors::AddressEmptyCode;

use crate::town::{CONFIRMED, DAY, Town, plain_terms, text, u, usd};

/// The requirement is worked out in units of 4,096 of the smallest unit: so much may be above the exact value.
fn assert_above(actual: U256, exact: U256, tolerance: u64) {
    assert!(actual >= exact && actual - exact <= u(tolerance), "{actual} for {exact}");
}

/// A town with keys X and Y in group 1 (ρ = 25 %), Z in group 2 (ρ = 0), and a subject on each.
fn town() -> Town {
    let town = Town::plain();
    town.own(IRisk::setGroupCall { group: 2, correlationBps: 0 });
    town.own(IRisk::setRiskKeyCall { riskKey: text("key Z"), group: 2 });
    town.list(1, "Z", "key Z");
    town
}

#[test]
fn minimum_and_target_follow_the_published_requirement() {
    let town = town();
    for (subject, amount) in [("X", 40), ("Y", 5)] {
        for _ in 0..amount / 5 {
            town.make(IRisk::underwriteCall { capital: usd(500_000_000), ..town.purchase(subject, usd(5_000_000)) });
        }
    }
    // √(0.75 · (40² + 5²) + 0.25 · 45²) = √1725
    let capital = town.read(IRisk::capitalOfCall { vault: town.vault });
    let scr = U256::from(41_533_119_314_590u64);
    assert_above(capital.requirement, scr, 10_000);
    assert_eq!(capital.largest, usd(40_000_000));
    assert_above(capital.minimum, scr, 10_000);
    assert_above(capital.target, scr * u(12) / u(10), 12_000);
    let gate = town.gate();
    assert_eq!((gate.minimum, gate.target, gate.reserve), (capital.minimum, capital.target, capital.reserve));
    // another group adds in squares: √(SCR² + 3²)
    town.make(IRisk::underwriteCall { capital: usd(500_000_000), ..town.purchase("Z", usd(3_000_000)) });
    assert_above(
        town.read(IRisk::capitalOfCall { vault: town.vault }).requirement,
        U256::from(41_641_325_627_314u64),
        15_000,
    );
}

#[test]
fn minimum_is_never_below_the_largest_exposure_and_target_never_below_the_floor() {
    let town = town();
    town.own(IRisk::setCapitalCall {
        vault: town.vault,
        minimumBps: 5_000,
        targetBps: 5_000,
        floor: usd(7_000_000).to(),
    });
    assert_eq!((town.gate().minimum, town.gate().target), (U256::ZERO, usd(7_000_000)));
    town.buy("X", usd(4_000_000));
    assert_eq!((town.gate().minimum, town.gate().target), (usd(4_000_000), usd(7_000_000)));
}

/// It counts as cover on their risk key would, and capital must be there for it.
#[test]
fn what_a_vault_has_in_strategies_is_part_of_its_exposure() {
    let town = town();
    let hold = |key: &str, amount: u64| {
        let call = IRisk::holdCall { riskKey: text(key), amount: usd(amount) };
        town.world.send(town.vault, town.risk, call).unwrap();
    };
    let capital = || {
        town.world.send(town.anyone, town.risk, IRisk::recountCall { vault: town.vault }).unwrap();
        let capital = town.read(IRisk::capitalOfCall { vault: town.vault });
        (capital.requirement, capital.largest, capital.minimum, capital.target)
    };
    town.buy("X", usd(4_000_000));
    town.buy("Y", usd(1_000_000));
    let without = capital();
    hold("key X", 2_000_000);
    assert_eq!(town.exposure("key X"), usd(6_000_000));
    let with = capital();
    // Another amount takes the place of the first.
    hold("key X", 3_000_000);
    assert_eq!(town.exposure("key X"), usd(7_000_000));
    assert!(capital().0 > with.0 && with.0 > without.0);
    hold("key X", 0);
    assert_eq!((town.exposure("key X"), capital()), (usd(4_000_000), without));
    town.buy("X", usd(2_000_000));
    assert_eq!(capital(), with, "as cover would");

    // A key without cover, which moves to another group with what is on it.
    town.own(IRisk::setRiskKeyCall { riskKey: text("a lender"), group: 2 });
    hold("a lender", 5_000_000);
    assert_eq!(town.exposure("a lender"), usd(5_000_000));
    let apart = capital().0;
    town.own(IRisk::setRiskKeyCall { riskKey: text("a lender"), group: 1 });
    assert!(capital().0 > apart, "correlated with X and Y now");
    hold("a lender", 0);
    assert_eq!(capital(), with);
    let events = town.world.events::<IRisk::HeldSet>(town.risk);
    let last = &events[4];
    assert_eq!((events.len(), last.vault, last.riskKey), (5, town.vault, text("a lender")));

    // Cover that leaves takes nothing of it along.
    hold("key Y", 3_000_000);
    town.warp(400 * DAY);
    assert!(town.catch_up("Y", 64));
    assert_eq!(town.exposure("key Y"), usd(3_000_000));
}

#[test]
fn only_a_vault_says_what_it_holds_and_only_on_known_keys() {
    let town = town();
    let call = |key: &str, amount: U256| IRisk::holdCall { riskKey: text(key), amount };
    for who in [town.owner, town.anyone] {
        let refused = town.world.refused(who, town.risk, call("key X", u(1)));
        assert_eq!(refused.expect::<IRisk::UnknownVault>().vault, who);
    }
    let refused = town.world.refused(town.vault, town.risk, call("key W", u(1)));
    assert_eq!(refused.expect::<IRisk::UnknownRiskKey>().riskKey, text("key W"));
    let refused = town.world.refused(town.vault, town.risk, call("key X", U256::ONE << 96));
    refused.expect::<standards::errors::MathOverflow>();
}

#[test]
fn what_the_reserve_holds_requires_no_capital_twice() {
    let town = town();
    let mut sold = town.buy("X", usd(4_000_000));
    town.buy("Z", usd(1_000_000));
    town.warp(2 * DAY);
    let opened = town.now();
    town.open("X");
    assert_eq!((town.exposure("key X"), town.gate().reserve), (U256::ZERO, usd(4_000_000)));
    town.claim(&mut sold, 2_500, usd(1_000_000));
    assert_eq!((town.exposure("key X"), town.gate().reserve), (U256::ZERO, usd(3_000_000)));
    town.book(town.report("X", 1, CONFIRMED, opened, town.now(), 5_000));
    assert_eq!((town.exposure("key X"), town.gate().reserve), (usd(2_000_000), usd(1_000_000)));
}

#[test]
fn a_change_of_a_vaults_factors_leaves_its_reserve() {
    let town = town();
    town.buy("X", usd(3_000_000));
    town.warp(2 * DAY);
    town.open("X");
    let before = town.gate();
    town.own(IRisk::setCapitalCall { vault: town.vault, minimumBps: 9_000, targetBps: 15_000, floor: 7 });
    let after = town.gate();
    assert_eq!((after.reserve, after.unsettled), (before.reserve, before.unsettled));
    assert_eq!((after.reserve, after.unsettled, after.target), (usd(3_000_000), u(1), u(7)));
}

#[test]
fn lines_on_one_key_add_up() {
    let town = town();
    town.list(1, "X2", "key X");
    town.buy("X", usd(1_000_000));
    town.buy("X2", usd(2_000_000));
    assert_eq!(town.exposure("key X"), usd(3_000_000));
    town.warp(2 * DAY);
    town.book(town.report("X2", 1, CONFIRMED, town.now(), 0, 0));
    assert_eq!(town.exposure("key X"), usd(1_000_000));
    assert_eq!(town.read(IRisk::exposureOfCall { vault: town.vault, riskKey: text("nothing") }), U256::ZERO);
}

#[test]
fn the_largest_exposure_is_an_upper_bound_until_a_recount() {
    let town = town();
    let large = town.buy("X", usd(4_000_000));
    town.buy("Z", usd(1_000_000));
    town.release(&large);
    assert_eq!(town.gate().minimum, usd(4_000_000));
    town.world.send(town.anyone, town.risk, IRisk::recountCall { vault: town.vault }).unwrap();
    let minimum = town.gate().minimum;
    assert_above(minimum, usd(1_000_000), 5_000);
    assert_eq!(town.read(IRisk::capitalOfCall { vault: town.vault }).largest, usd(1_000_000));
    let unknown = town.world.refused(town.anyone, town.risk, IRisk::recountCall { vault: town.anyone });
    assert_eq!(unknown.expect::<IRisk::UnknownVault>().vault, town.anyone);
}

#[test]
fn a_group_or_a_key_that_changes_counts_at_once() {
    let town = town();
    town.buy("X", usd(4_000_000));
    town.buy("Y", usd(3_000_000));
    let requirement = || town.read(IRisk::capitalOfCall { vault: town.vault }).requirement;
    // √(0.75 · 25 + 0.25 · 49) M = √31
    assert_above(requirement(), U256::from(5_567_764_362_830u64), 10_000);
    town.own(IRisk::setGroupCall { group: 1, correlationBps: 10_000 });
    assert_above(requirement(), usd(7_000_000), 10_000);
    town.own(IRisk::setGroupCall { group: 1, correlationBps: 0 });
    assert_above(requirement(), usd(5_000_000), 10_000);
    town.own(IRisk::setGroupCall { group: 1, correlationBps: 10_000 });
    // Y moves to the other group: 4 and 3 are independent
    town.own(IRisk::setRiskKeyCall { riskKey: text("key Y"), group: 2 });
    assert_above(requirement(), usd(5_000_000), 10_000);
    let group = town.read(IRisk::groupOfCall { riskKey: text("key Y") });
    assert_eq!((group.group, group.correlationBps), (2, 0));
    town.buy("Y", usd(1_000_000));
    assert_above(requirement(), U256::from(5_656_854_249_492u64), 10_000);
    // and back, into a third that no vault has seen
    town.own(IRisk::setGroupCall { group: 3, correlationBps: 10_000 });
    for key in ["key X", "key Y"] {
        town.own(IRisk::setRiskKeyCall { riskKey: text(key), group: 3 });
    }
    assert_above(requirement(), usd(8_000_000), 10_000);
    assert_eq!(town.exposure("key Y"), usd(4_000_000));
}

/// A vault whose key is the only one of its group keeps no sums for it: the requirement is that of the vault which has
/// had a second key there from the beginning.
#[test]
fn a_key_alone_in_its_group_counts_as_it_does_with_others() {
    let [alone, together] = [false, true].map(|together| {
        let town = town();
        town.own(IRisk::setGroupCall { group: 3, correlationBps: 4_000 });
        for key in ["key V", "key W"] {
            town.own(IRisk::setRiskKeyCall { riskKey: text(key), group: 3 });
        }
        town.list(1, "V", "key V");
        if together {
            town.list(1, "W", "key W");
        }
        town.buy("V", usd(4_000_000));
        town.buy("X", usd(2_000_000));
        town
    });
    let agree = || {
        let capital = [&alone, &together].map(|town| town.read(IRisk::capitalOfCall { vault: town.vault }));
        assert_eq!(capital[0].requirement, capital[1].requirement);
        assert_eq!([capital[0].minimum, capital[0].target], [capital[1].minimum, capital[1].target]);
        capital[0].requirement
    };
    let both = |act: &dyn Fn(&Town)| {
        act(&alone);
        act(&together);
    };
    // √(4² + 2²) M
    assert_above(agree(), U256::from(4_472_135_954_999u64), 10_000);
    both(&|town| {
        let sold = town.buy("V", usd(1_234_567));
        town.release(&sold);
        town.buy("V", usd(765_432));
    });
    agree();
    let before = agree();
    both(&|town| {
        town.own(IRisk::setGroupCall { group: 3, correlationBps: 9_000 });
    });
    assert_eq!(agree(), before, "no other key that it would be correlated with");

    // A second key comes, and both count on.
    alone.list(1, "W", "key W");
    assert_eq!(agree(), before);
    both(&|town| {
        town.buy("W", usd(3_000_000));
        town.buy("V", usd(1_000_001));
    });
    assert!(agree() > before);

    // A key moves to where another one is alone, and to where none is.
    both(&|town| {
        town.own(IRisk::setRiskKeyCall { riskKey: text("key W"), group: 2 });
    });
    agree();
    let moved = agree();
    both(&|town| {
        town.buy("Z", usd(500_000));
        town.buy("W", usd(500_000));
    });
    assert!(agree() > moved);
    both(&|town| {
        town.own(IRisk::setGroupCall { group: 4, correlationBps: 1_000 });
        for key in ["key V", "key Z"] {
            town.own(IRisk::setRiskKeyCall { riskKey: text(key), group: 4 });
        }
        town.buy("V", usd(100_000));
    });
    // √(V² + Z² + 0.1 · 2VZ + W² + X²) M
    let [v, z, w, x] = [5_865_433u64, 500_000, 3_500_000, 2_000_000].map(u);
    let exact = v * v + z * z + v * z / u(5) + w * w + x * x;
    let exact = exact.root(2) * u(1_000_000);
    assert_above(agree(), exact, 1_020_000);
}

#[test]
fn vaults_are_apart() {
    let town = town();
    let other = town.trigger; // an account with code
    town.add_vault(other);
    let product = town.add_product(other, plain_terms());
    town.list(product, "X", "key X");
    town.set_status(product, 1);
    town.buy("X", usd(1_000_000));
    town.make(IRisk::underwriteCall { product: u(product), ..town.purchase("X", usd(2_000_000)) });
    let exposure = |vault| town.read(IRisk::exposureOfCall { vault, riskKey: text("key X") });
    assert_eq!((exposure(town.vault), exposure(other)), (usd(1_000_000), usd(2_000_000)));
    let active = |vault| town.read(IRisk::activeCoverCall { vault });
    assert_eq!((active(town.vault), active(other)), (usd(1_000_000), usd(2_000_000)));
    town.own(IRisk::setGroupCall { group: 1, correlationBps: 9_000 });
    town.warp(2 * DAY);
    town.book(IRisk::incidentCall { product: u(product), ..town.report("X", 1, CONFIRMED, town.now(), 0, 0) });
    assert_eq!(town.gate().reserve, U256::ZERO);
    assert_eq!(town.read(IRisk::gateCall { vault: other }).reserve, usd(2_000_000));
}

#[test]
fn cover_on_the_vaults_own_asset_is_refused() {
    let town = town();
    town.own(IRisk::setRiskKeyCall { riskKey: text("asset USDX"), group: 1 });
    let call = IRisk::listSubjectCall { product: u(1), subject: text("W"), riskKey: text("asset USDX") };
    assert_eq!(town.owner_refused(call).expect::<IRisk::VaultAsset>().riskKey, text("asset USDX"));
}

#[test]
fn vaults_and_their_factors_are_bounded() {
    let town = Town::bare();
    let add = |vault, minimum, target, floor| IRisk::addVaultCall {
        vault,
        assetKey: text("asset USDX"),
        minimumBps: minimum,
        targetBps: target,
        floor,
    };
    let empty = town.owner_refused(add(town.anyone, 10_000, 12_000, 0));
    assert_eq!(empty.expect::<AddressEmptyCode>().target, town.anyone);
    for (name, minimum, target) in [
        ("minimumBps", 4_999, 12_000),
        ("minimumBps", 15_001, 20_000),
        ("targetBps", 10_000, 9_999),
        ("targetBps", 10_000, 30_001),
    ] {
        let refused = town.owner_refused(add(town.vault, minimum, target, 0)).expect::<ParameterOutOfBounds>();
        assert_eq!(refused.parameter, text(name));
        assert_eq!(
            town.unread(IRisk::capitalOfCall { vault: town.vault }).expect::<IRisk::UnknownVault>().vault,
            town.vault
        );
    }
    town.owner_refused(add(town.vault, 10_000, 12_000, 1 << 96));
    town.own(add(town.vault, 5_000, 5_000, 7));
    assert_eq!(
        town.owner_refused(add(town.vault, 5_000, 5_000, 7)).expect::<ParameterOutOfBounds>().parameter,
        text("vault")
    );
    let capital = town.read(IRisk::capitalOfCall { vault: town.vault });
    assert_eq!((capital.minimumBps, capital.targetBps, capital.floor), (5_000, 5_000, u(7)));
    assert_eq!(capital.assetKey, text("asset USDX"));
    let call = IRisk::setCapitalCall { vault: town.policy, minimumBps: 5_000, targetBps: 5_000, floor: 7 };
    assert_eq!(town.owner_refused(call).expect::<IRisk::UnknownVault>().vault, town.policy);
    let events = town.world.events::<IRisk::CapitalSet>(town.risk);
    assert_eq!(
        (events[0].vault, events[0].minimumBps, events[0].targetBps, events[0].floor),
        (town.vault, 5_000, 5_000, 7)
    );
    assert_eq!(town.world.events::<IRisk::VaultAdded>(town.risk)[0].assetKey, text("asset USDX"));
}

#[test]
fn there_are_at_most_thirty_two_vaults() {
    let town = Town::bare();
    for index in 0..33u64 {
        let vault = town.world.address(&format!("vault {index}"));
        town.world.place_native(vault, Code);
        let call = IRisk::addVaultCall { vault, assetKey: text("a"), minimumBps: 10_000, targetBps: 10_000, floor: 0 };
        if index < 32 {
            town.own(call);
        } else {
            assert_eq!(town.owner_refused(call).expect::<ParameterOutOfBounds>().parameter, text("vault"));
        }
    }
}

struct Code;

impl testkit::Native for Code {
    fn call(&self, _: &testkit::Context<'_>, _: &[u8]) -> stylus_sdk::ArbResult {
        Ok(vec![])
    }
}

#[test]
fn groups_and_keys_are_known_before_they_are_used() {
    let town = Town::bare();
    let key = |group| IRisk::setRiskKeyCall { riskKey: text("key X"), group };
    assert_eq!(town.owner_refused(key(1)).expect::<IRisk::UnknownGroup>().group, 1);
    let high = town.owner_refused(IRisk::setGroupCall { group: 1, correlationBps: 10_001 });
    assert_eq!(high.expect::<ParameterOutOfBounds>().parameter, text("correlationBps"));
    town.own(IRisk::setGroupCall { group: 1, correlationBps: 0 });
    let unknown = town.unread(IRisk::groupOfCall { riskKey: text("key X") });
    assert_eq!(unknown.expect::<IRisk::UnknownRiskKey>().riskKey, text("key X"));
    town.own(key(1));
    let (groups, keys) =
        (town.world.events::<IRisk::GroupSet>(town.risk), town.world.events::<IRisk::RiskKeySet>(town.risk));
    assert_eq!((groups[0].group, groups[0].correlationBps), (1, 0));
    assert_eq!((keys[0].riskKey, keys[0].group), (text("key X"), 1));
}

#[test]
fn only_the_owner_configures() {
    let town = town();
    let vault = town.vault;
    let calls = [
        alloy_sol_types::SolCall::abi_encode(&IRisk::addVaultCall {
            vault,
            assetKey: text("a"),
            minimumBps: 10_000,
            targetBps: 10_000,
            floor: 0,
        }),
        alloy_sol_types::SolCall::abi_encode(&IRisk::setCapitalCall {
            vault,
            minimumBps: 10_000,
            targetBps: 10_000,
            floor: 0,
        }),
        alloy_sol_types::SolCall::abi_encode(&IRisk::setGroupCall { group: 1, correlationBps: 0 }),
        alloy_sol_types::SolCall::abi_encode(&IRisk::setRiskKeyCall { riskKey: text("key X"), group: 1 }),
        alloy_sol_types::SolCall::abi_encode(&IRisk::addProductCall {
            vault,
            trigger: vault,
            cover: 0,
            newTerms: plain_terms(),
        }),
        alloy_sol_types::SolCall::abi_encode(&IRisk::reviseProductCall { family: u(1), newTerms: plain_terms() }),
        alloy_sol_types::SolCall::abi_encode(&IRisk::setStatusCall { product: u(1), status: 2 }),
        alloy_sol_types::SolCall::abi_encode(&IRisk::setTermsURICall { product: u(1), uri: "ipfs://a".into() }),
        alloy_sol_types::SolCall::abi_encode(&IRisk::listSubjectCall {
            product: u(1),
            subject: text("W"),
            riskKey: text("key X"),
        }),
        alloy_sol_types::SolCall::abi_encode(&IRisk::seedLossCall { family: u(1), at: 1, loss: u(1), exposure: u(1) }),
        alloy_sol_types::SolCall::abi_encode(&IRisk::wireCall { policy: vault, assessor: vault }),
    ];
    for call in calls {
        for caller in [town.anyone, town.guardian, town.policy] {
            let data = town.world.transact(caller, town.risk, U256::ZERO, call.clone()).unwrap_err();
            assert_eq!(testkit::Reverted(data).expect::<OwnableUnauthorizedAccount>().account, caller);
        }
    }
}
