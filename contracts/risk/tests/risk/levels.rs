//! Two levels of evidence: what a cover type knows is the prior of its products.

use actuary::math::WAD;
use alloy_primitives::{B256, U256, keccak256};
use alloy_sol_types::SolValue;
use protocol::abi::{IOwned, IRisk, ParameterOutOfBounds};
use standards::errors::MathOverflow;

use crate::town::{DAY, GRACE, MILLE, TERM, Town, WEEK, plain_terms, text, u, usd};

const DEPEG: u8 = 5;

fn asset() -> B256 {
    text("asset USDX")
}

/// K = 15 M, r₀ = 0.8 %, as the products of the town have them.
fn believed() -> IRisk::setCoverTypeCall {
    IRisk::setCoverTypeCall {
        assetKey: asset(),
        cover: DEPEG,
        priorRate: 8 * MILLE,
        credibility: usd(15_000_000).to(),
        halfLife: (730 * DAY) as u32,
        lossCap: usd(1_000_000).to(),
    }
}

/// Two products of one type, 1 with a line X and 2 with a line Z, and what is believed of the type.
fn town() -> Town {
    let town = Town::plain();
    assert_eq!(town.add_product(town.vault, plain_terms()), 2);
    town.list(2, "Z", "key X");
    town.set_status(2, 1);
    town.own(believed());
    town
}

fn sync(town: &Town, families: &[u64]) {
    let families = families.iter().map(|family| u(*family)).collect();
    town.world.send(town.anyone, town.risk, IRisk::syncCoverTypeCall { families }).unwrap();
}

fn kind(town: &Town) -> IRisk::coverTypeReturn {
    town.read(IRisk::coverTypeCall { assetKey: asset(), cover: DEPEG })
}

fn estimate(town: &Town, family: u64) -> IRisk::estimateReturn {
    town.read(IRisk::estimateCall { family: u(family) })
}

fn prior(town: &Town, product: u64) -> U256 {
    town.read(IRisk::priorCall { product: u(product) })
}

fn seed(town: &Town, family: U256, loss: u64, exposure: u64) {
    town.own(IRisk::seedLossCall { family, at: town.now(), loss: usd(loss), exposure: usd(exposure) });
}

#[track_caller]
fn assert_near(actual: U256, expected: U256) {
    assert!(actual.abs_diff(expected) <= expected / u(1_000_000) + u(1_000), "{actual} is not near {expected}");
}

/// The type: (0.6 + 15 · 0.8 %) ÷ (15 + 15) = 2.4 %. Product 2 has no evidence of its own: 2.4 %. Product 1 has it all:
/// (0.6 + 15 · 2.4 %) ÷ (15 + 15) = 3.2 %.
#[test]
fn products_of_a_type_learn_from_each_other() {
    let town = town();
    seed(&town, u(1), 600_000, 15_000_000);
    assert_near(estimate(&town, 1).rate, u(24 * MILLE));
    assert_eq!((estimate(&town, 2).rate, kind(&town).rate), (u(8 * MILLE), u(8 * MILLE)));
    sync(&town, &[1, 2]);
    let told = kind(&town);
    assert_near(told.losses, usd(600_000));
    assert_near(told.exposure, usd(15_000_000));
    assert_near(told.rate, u(24 * MILLE));
    assert_eq!((prior(&town, 1), prior(&town, 2)), (told.rate, told.rate));
    assert_near(estimate(&town, 1).rate, u(32 * MILLE));
    assert_eq!(estimate(&town, 2).rate, told.rate);
    // a sale is priced by it
    let call = IRisk::quoteCall {
        product: u(2),
        subject: text("Z"),
        amount: usd(1_000),
        term: u(TERM),
        capital: town.capital,
    };
    assert_eq!(town.read(call).rate, told.rate);
    let exposures =
        town.read(IRisk::portfolioCall { vault: town.vault, products: vec![u(2)], subjects: vec![text("Z")] });
    assert_eq!(U256::from(exposures.exposures[0].rate), told.rate);
    let events = town.world.events::<IRisk::PriorSet>(town.risk);
    let set: Vec<_> = events.iter().map(|event| (event.product, event.prior)).collect();
    assert_eq!(set, [(u(1), told.rate), (u(2), told.rate)]);
    // once more is nothing more
    sync(&town, &[1, 2, 1]);
    let again = kind(&town);
    assert_near(again.losses, told.losses);
    assert_near(again.exposure, told.exposure);
}

#[test]
fn a_loss_raises_the_rates_of_the_type_with_the_next_call_of_anyone() {
    let town = town();
    let mut sold = town.buy("X", usd(1_000_000));
    town.warp(2 * DAY);
    town.open("X");
    town.claim(&mut sold, 10_000, usd(500_000));
    assert_eq!(estimate(&town, 2).rate, u(8 * MILLE), "not yet");
    sync(&town, &[1]);
    assert_eq!(kind(&town).losses, usd(500_000));
    assert_eq!(estimate(&town, 2).rate, u(8 * MILLE), "only those that are named");
    sync(&town, &[2]);
    assert_eq!(estimate(&town, 2).rate, kind(&town).rate);
    assert!(kind(&town).rate > u(41 * MILLE)); // (0.5 + 0.12) ÷ 15 = 4.13 %
}

#[test]
fn a_rate_falls_with_its_type_by_at_most_a_quarter_a_day() {
    let town = town();
    seed(&town, u(1), 600_000, 15_000_000);
    sync(&town, &[1, 2]);
    let before = [estimate(&town, 1).rate, estimate(&town, 2).rate];
    // the market of a hundred years
    seed(&town, kind(&town).id, 0, 1_500_000_000);
    sync(&town, &[1, 2]);
    assert!(kind(&town).rate < u(MILLE));
    assert_eq!([estimate(&town, 1).rate, estimate(&town, 2).rate], before);
    town.warp(DAY);
    for (family, before) in [1, 2].into_iter().zip(before) {
        let (actual, expected) = (estimate(&town, family).rate, before * u(3) / u(4));
        assert!(actual.abs_diff(expected) < expected / u(1_000), "{actual} is not {expected}");
    }
    // to call it often makes it fall no faster, and keeps nothing up
    for _ in 0..24 {
        town.warp(DAY / 24);
        sync(&town, &[1, 2]);
    }
    let (actual, expected) = (estimate(&town, 2).rate, before[1] * u(9) / u(16));
    assert!(actual.abs_diff(expected) < expected / u(1_000), "{actual} is not {expected}");
}

#[test]
fn a_type_has_the_exposure_of_its_products_and_gives_back_what_they_give_back() {
    let town = town();
    town.buy("X", usd(5_000_000));
    let half =
        town.make(IRisk::underwriteCall { product: u(2), subject: text("Z"), ..town.purchase("X", usd(5_000_000)) });
    town.warp(30 * DAY);
    sync(&town, &[1, 2]);
    let sum = || estimate(&town, 1).exposure + estimate(&town, 2).exposure;
    assert_near(kind(&town).exposure, sum());
    let before = kind(&town).exposure;
    // a cancelled policy's waiting and grace count no more
    town.release(&half);
    sync(&town, &[2]);
    assert!(kind(&town).exposure < before);
    assert_near(kind(&town).exposure, sum());
    town.warp(TERM + GRACE + 3 * WEEK);
    town.catch_up("X", 64);
    sync(&town, &[1, 2]);
    assert_near(kind(&town).exposure, sum());
}

#[test]
fn each_level_forgets_in_its_own_time() {
    let town = town();
    let mut short = plain_terms();
    short.pricing.halfLife = (365 * DAY) as u32;
    town.own(IRisk::reviseProductCall { family: u(1), newTerms: short });
    seed(&town, u(1), 400_000, 10_000_000);
    sync(&town, &[1]);
    town.warp(365 * DAY);
    sync(&town, &[1]);
    assert_near(estimate(&town, 1).losses, usd(200_000));
    assert_near(kind(&town).losses, U256::from(282_842_712_475u64)); // 400,000 ÷ √2
    // what was told is remembered by the time it was forgotten in
    town.warp(365 * DAY);
    town.own(IRisk::reviseProductCall { family: u(1), newTerms: plain_terms() });
    town.warp(730 * DAY);
    sync(&town, &[1]);
    assert_near(estimate(&town, 1).losses, usd(50_000));
    assert_near(kind(&town).losses, usd(100_000));
    assert_near(kind(&town).exposure, usd(2_500_000));
}

#[test]
fn what_a_type_begins_with_are_records_that_count_by_their_date() {
    let town = town();
    let id = kind(&town).id;
    let expected: [u8; 32] = keccak256((asset(), u(DEPEG.into())).abi_encode()).0;
    assert_eq!(id, U256::from_be_bytes(expected));
    let at = town.now() - 730 * DAY;
    // capped at 1 M, then two years old: (0.5 + 0.12) ÷ (5 + 15) = 3.1 %
    town.own(IRisk::seedLossCall { family: id, at, loss: usd(3_000_000), exposure: usd(10_000_000) });
    assert_near(kind(&town).rate, u(31 * MILLE));
    assert_eq!(town.read(IRisk::seedCountCall { family: id }), u(1));
    let seed = town.read(IRisk::seedCall { family: id, index: u(0) });
    assert_eq!((seed.at, seed.loss, seed.exposure), (at, usd(3_000_000).to(), usd(10_000_000).to()));
    let event = town.world.events::<IRisk::LossRecorded>(town.risk).pop().unwrap();
    assert_eq!((event.family, event.at, event.rate), (id, at, kind(&town).rate));
    // a new product of the type begins with it, and so does its next version
    let product = town.add_product(town.vault, plain_terms());
    assert_eq!(prior(&town, product), kind(&town).rate);
    assert_eq!(estimate(&town, product).rate, kind(&town).rate);
    let revised = town.own(IRisk::reviseProductCall { family: u(product), newTerms: plain_terms() });
    assert_eq!(town.read(IRisk::priorCall { product: revised }), kind(&town).rate);
    let call = IRisk::seedLossCall { family: id, at: town.now() + 1, loss: u(1), exposure: u(1) };
    assert_eq!(town.owner_refused(call).expect::<ParameterOutOfBounds>().parameter, text("at"));
    let call = IRisk::seedLossCall { family: id, at: 0, loss: U256::MAX, exposure: u(1) };
    town.owner_refused(call).expect::<MathOverflow>();
    let unknown = IRisk::seedLossCall { family: id + u(1), at: 0, loss: u(1), exposure: u(1) };
    town.owner_refused(unknown).expect::<IRisk::UnknownProduct>();
}

#[test]
fn a_type_is_set_by_governance_within_bounds() {
    let town = Town::plain();
    let unknown = town.unread(IRisk::coverTypeCall { assetKey: asset(), cover: DEPEG });
    assert_eq!(unknown.expect::<IRisk::UnknownCoverType>().assetKey, asset());
    let call = IRisk::syncCoverTypeCall { families: vec![u(1)] };
    town.world.refused(town.anyone, town.risk, call).expect::<IRisk::UnknownCoverType>();
    assert_eq!(prior(&town, 1), u(8 * MILLE));
    let by_anyone = town.world.refused(town.anyone, town.risk, believed());
    by_anyone.expect::<IOwned::OwnableUnauthorizedAccount>();
    for (name, call) in [
        ("cover", IRisk::setCoverTypeCall { cover: 6, ..believed() }),
        ("priorRate", IRisk::setCoverTypeCall { priorRate: 0, ..believed() }),
        ("priorRate", IRisk::setCoverTypeCall { priorRate: 8 * MILLE + 1, ..believed() }),
        ("priorRate", IRisk::setCoverTypeCall { priorRate: 1_001 * MILLE, ..believed() }),
        ("credibility", IRisk::setCoverTypeCall { credibility: 0, ..believed() }),
        ("credibility", IRisk::setCoverTypeCall { credibility: 1 << 96, ..believed() }),
        ("halfLife", IRisk::setCoverTypeCall { halfLife: DAY as u32 - 1, ..believed() }),
        ("halfLife", IRisk::setCoverTypeCall { halfLife: 3_650 * DAY as u32 + 1, ..believed() }),
        ("lossCap", IRisk::setCoverTypeCall { lossCap: 0, ..believed() }),
    ] {
        assert_eq!(town.owner_refused(call).expect::<ParameterOutOfBounds>().parameter, text(name));
    }
    town.own(believed());
    let set = kind(&town);
    assert_eq!((set.priorRate, set.credibility, set.halfLife), (u(8 * MILLE), usd(15_000_000), u(730 * DAY)));
    assert_eq!((set.lossCap, set.losses, set.exposure, set.rate), (usd(1_000_000), u(0), u(0), u(8 * MILLE)));
    let event = &town.world.events::<IRisk::CoverTypeSet>(town.risk)[0];
    assert_eq!((event.assetKey, event.cover, event.id), (asset(), DEPEG, set.id));
    // set again, evidence stays, and what was forgotten stays forgotten
    seed(&town, set.id, 100_000, 1_000_000);
    town.warp(730 * DAY);
    town.own(IRisk::setCoverTypeCall { halfLife: (365 * DAY) as u32, priorRate: 10 * MILLE, ..believed() });
    assert_near(kind(&town).losses, usd(50_000));
    town.warp(365 * DAY);
    assert_near(kind(&town).losses, usd(25_000));
    assert_near(kind(&town).rate * usd(15_250_000), usd(175_000) * WAD);
    let many = IRisk::syncCoverTypeCall { families: vec![u(1); 33] };
    let refused = town.world.refused(town.anyone, town.risk, many);
    assert_eq!(refused.expect::<ParameterOutOfBounds>().parameter, text("families"));
    let call = IRisk::syncCoverTypeCall { families: vec![u(7)] };
    town.world.refused(town.anyone, town.risk, call).expect::<IRisk::UnknownProduct>();
}

#[test]
fn types_of_other_assets_and_other_covers_are_others() {
    let town = town();
    let other = town.world.address("trigger"); // an account with code
    town.own(IRisk::addVaultCall {
        vault: other,
        assetKey: text("asset WETH"),
        minimumBps: 10_000,
        targetBps: 12_000,
        floor: 1,
    });
    let product = town.add_product(other, plain_terms());
    seed(&town, u(1), 600_000, 15_000_000);
    sync(&town, &[1]);
    let call = IRisk::syncCoverTypeCall { families: vec![u(product)] };
    let refused = town.world.refused(town.anyone, town.risk, call).expect::<IRisk::UnknownCoverType>();
    assert_eq!((refused.assetKey, refused.cover), (text("asset WETH"), DEPEG));
    assert_eq!(estimate(&town, product).rate, u(8 * MILLE));
    let unknown = town.unread(IRisk::coverTypeCall { assetKey: asset(), cover: 4 });
    assert_eq!(unknown.expect::<IRisk::UnknownCoverType>().cover, 4);
}
