//! Products, subjects, construction, wiring and ownership.

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolValue;
use protocol::abi::{AlreadyWired, IOwned, IRisk, ParameterOutOfBounds};
use risk::{Risk, RiskExt};
use standards::errors::{AddressEmptyCode, OwnableInvalidOwner};
use testkit::{Reverted, World};

use crate::town::{CONFIRMED, DAY, GRACE, LATENT, SHORTEST, TERM, Town, WAITING, WEEK, plain_terms, text, u, usd};

#[test]
fn times_are_fixed_at_construction_within_their_bounds() {
    let town = Town::bare();
    let times = town.read(IRisk::parametersCall {});
    assert_eq!((times.weekSeconds, times.latentLimit, times.minSeconds), (u(WEEK), u(LATENT), u(SHORTEST)));
    assert_eq!(town.clock(), town.now());
    let construct = |week: u64, latent: u64, shortest: u64| -> Result<(), Reverted> {
        let world = World::new();
        let [owner, at, ext] = ["owner", "risk", "ext"].map(|name| world.address(name));
        world.place::<RiskExt>(ext);
        world.try_construct::<Risk>(at, owner, (owner, owner, ext, ext, week, latent, shortest).abi_encode())
    };
    for (name, times) in [
        ("weekSeconds", (9, LATENT, SHORTEST)),
        ("weekSeconds", (WEEK + 1, LATENT, SHORTEST)),
        ("latentLimit", (WEEK, 0, SHORTEST)),
        ("latentLimit", (WEEK, WEEK + 1, SHORTEST)),
        ("minSeconds", (WEEK, LATENT, 0)),
        ("minSeconds", (WEEK, LATENT, WEEK + 1)),
    ] {
        let refused = construct(times.0, times.1, times.2).unwrap_err().expect::<ParameterOutOfBounds>();
        assert_eq!(refused.parameter, text(name));
    }
    construct(10, 1, 1).unwrap();
    construct(WEEK, WEEK, WEEK).unwrap();
}

#[test]
fn construction_needs_an_owner_and_a_second_program() {
    let world = World::new();
    let [owner, at, ext] = ["owner", "risk", "ext"].map(|name| world.address(name));
    let construct = |owner: Address| {
        world
            .try_construct::<Risk>(at, owner, (owner, owner, ext, ext, WEEK, LATENT, SHORTEST).abi_encode())
            .unwrap_err()
    };
    assert_eq!(construct(owner).expect::<AddressEmptyCode>().target, ext);
    world.place::<RiskExt>(ext);
    assert_eq!(construct(Address::ZERO).expect::<OwnableInvalidOwner>().owner, Address::ZERO);
}

#[test]
fn a_development_network_counts_in_seconds() {
    let town = Town::with_times(10, 5, 1);
    let mut terms = plain_terms();
    (terms.limits.waiting, terms.limits.grace, terms.limits.minTerm) = (2, 20, 30);
    town.furnish(terms.clone());
    let sold = town.make(IRisk::underwriteCall { term: u(30), ..town.purchase("X", usd(1_000)) });
    assert_eq!(sold.deadline, u(town.now() + 52));
    town.warp(10);
    town.book(town.report("X", 1, 0, town.now(), 0, 100));
    town.warp(5);
    assert_eq!(town.line("X").state, 0);
    town.warp(50);
    assert_eq!(town.line("X").cover, U256::ZERO);
    // a grace of more than 52 buckets would make an incident's booking long
    terms.limits.grace = 521;
    let refused = town.owner_refused(IRisk::reviseProductCall { family: u(1), newTerms: terms });
    assert_eq!(refused.expect::<ParameterOutOfBounds>().parameter, text("grace"));
}

/// A parameter, how to set it, and values outside its bounds.
type Case = (&'static str, fn(&mut IRisk::Terms, u64), Vec<u64>);

#[test]
fn every_term_is_bounded() {
    let town = Town::bare();
    town.add_vault(town.vault);
    let day = DAY as u32;
    let mille = crate::town::MILLE;
    let cases: Vec<Case> = vec![
        ("priorRate", |t, v| t.pricing.priorRate = v, vec![1_000 * mille + 1_000_000_000, 201 * mille, 8 * mille + 1]),
        ("minRate", |t, v| t.pricing.minRate = v, vec![1_000 * mille + 1_000_000_000, 9 * mille, 1]),
        ("maxRate", |t, v| t.pricing.maxRate = v, vec![1_000 * mille + 1_000_000_000, 200 * mille + 1]),
        ("credibility", |t, v| t.pricing.credibility = u128::from(v) << 64, vec![0, 1 << 32]),
        ("halfLife", |t, v| t.pricing.halfLife = v as u32, vec![DAY - 1, 3_650 * DAY + 1]),
        ("marginBps", |t, v| t.pricing.marginBps = v as u16, vec![9_999, 50_001]),
        ("costOfCapital", |t, v| t.pricing.costOfCapital = v, vec![1_000 * mille + 1_000_000_000, 7]),
        ("kinkBps", |t, v| t.pricing.kinkBps = v as u16, vec![0, 10_000]),
        ("kinkRate", |t, v| t.pricing.kinkRate = v, vec![301 * mille, 5]),
        ("fullRate", |t, v| t.pricing.fullRate = v, vec![1_000 * mille + 1_000_000_000, 300 * mille + 5]),
        ("minPremium", |t, v| t.pricing.minPremium = u128::from(v) << 64, vec![0, 1 << 16]),
        ("lossCap", |t, v| t.pricing.lossCap = u128::from(v) << 64, vec![0, 1 << 32]),
        ("capitalFactorBps", |t, v| t.limits.capitalFactorBps = v as u16, vec![0, 10_001]),
        ("capacityBps", |t, v| t.limits.capacityBps = v as u16, vec![0, 10_001]),
        ("subjectBps", |t, v| t.limits.subjectBps = v as u16, vec![0, 10_001]),
        ("waiting", |t, v| t.limits.waiting = v as u32, vec![0, SHORTEST - 1, 180 * DAY + 1]),
        ("grace", |t, v| t.limits.grace = v as u32, vec![0, SHORTEST - 1, 180 * DAY + 1]),
        ("minTerm", |t, v| t.limits.minTerm = v as u32, vec![0, SHORTEST - 1, 365 * DAY + 1]),
        ("maxTerm", |t, v| t.limits.maxTerm = v as u32, vec![730 * DAY + 1]),
        ("minAmount", |t, v| t.limits.minAmount = u128::from(v) << 64, vec![0, 1, 1 << 16]),
        ("maxAmount", |t, v| t.limits.maxAmount = u128::from(v) << 64, vec![1 << 32]),
        ("coinsuranceBaseBps", |t, v| t.limits.coinsuranceBaseBps = v as u16, vec![1, 9_001]),
        ("coinsuranceMaxBps", |t, v| t.limits.coinsuranceMaxBps = v as u16, vec![9_001]),
        ("deductibleBps", |t, v| t.limits.deductibleBps = v as u16, vec![5_001]),
    ];
    for (name, set, values) in cases {
        for value in values {
            let mut terms = plain_terms();
            set(&mut terms, value);
            let call = IRisk::addProductCall { vault: town.vault, trigger: town.trigger, cover: 0, newTerms: terms };
            let refused = town.owner_refused(call).expect::<ParameterOutOfBounds>();
            assert_eq!(refused.parameter, text(name), "{value}");
        }
    }
    // the most and the least of all of them are accepted, and come back as they went in
    let most = IRisk::Terms {
        pricing: IRisk::Pricing {
            priorRate: 1_000 * mille,
            minRate: 1_000 * mille,
            maxRate: 1_000 * mille,
            credibility: (1 << 96) - 1,
            halfLife: 3_650 * day,
            marginBps: 50_000,
            costOfCapital: 1_000 * mille,
            kinkBps: 9_999,
            kinkRate: 1_000 * mille,
            fullRate: 1_000 * mille,
            minPremium: (1 << 80) - 1,
            lossCap: (1 << 96) - 1,
        },
        limits: IRisk::Limits {
            capitalFactorBps: 10_000,
            capacityBps: 10_000,
            subjectBps: 10_000,
            waiting: 180 * day,
            grace: 180 * day,
            minTerm: 730 * day,
            maxTerm: 730 * day,
            minAmount: (1 << 80) - 1,
            maxAmount: (1 << 96) - 1,
            coinsuranceBaseBps: 9_000,
            coinsuranceSlopeBps: 65_535,
            coinsuranceMaxBps: 9_000,
            deductibleBps: 5_000,
            jury: true,
            termsHash: text("most"),
        },
    };
    let shortest = SHORTEST as u32;
    let least = IRisk::Terms {
        pricing: IRisk::Pricing {
            priorRate: 0,
            minRate: 0,
            maxRate: 0,
            credibility: 1,
            halfLife: day,
            marginBps: 10_000,
            costOfCapital: 0,
            kinkBps: 1,
            kinkRate: 0,
            fullRate: 0,
            minPremium: 1,
            lossCap: 1,
        },
        limits: IRisk::Limits {
            capitalFactorBps: 1,
            capacityBps: 1,
            subjectBps: 1,
            waiting: shortest,
            grace: shortest,
            minTerm: shortest,
            maxTerm: shortest,
            minAmount: 1,
            maxAmount: 1,
            coinsuranceBaseBps: 0,
            coinsuranceSlopeBps: 0,
            coinsuranceMaxBps: 0,
            deductibleBps: 0,
            jury: false,
            termsHash: text(""),
        },
    };
    for terms in [most, least, plain_terms()] {
        let id = town.add_product(town.vault, terms.clone());
        assert!(town.has_terms(id, &terms));
    }
}

#[test]
fn a_flag_of_the_terms_that_is_no_flag_is_refused() {
    let town = Town::bare();
    town.add_vault(town.vault);
    let call = IRisk::addProductCall { vault: town.vault, trigger: town.trigger, cover: 0, newTerms: plain_terms() };
    let mut data = alloy_sol_types::SolCall::abi_encode(&call);
    let jury = 4 + 32 * (3 + 25) + 31;
    data[jury] = 2;
    let refused = Reverted(town.world.transact(town.owner, town.risk, U256::ZERO, data.clone()).unwrap_err());
    assert_eq!(refused.expect::<ParameterOutOfBounds>().parameter, text("jury"));
    // and a value with dirty upper bytes
    data[jury] = 0;
    data[4 + 32 * 3] = 1;
    let refused = Reverted(town.world.transact(town.owner, town.risk, U256::ZERO, data).unwrap_err());
    assert_eq!(refused.expect::<ParameterOutOfBounds>().parameter, text("priorRate"));
}

#[test]
fn a_product_is_a_vault_a_trigger_and_a_type_of_cover() {
    let town = Town::plain();
    let product = town.read(IRisk::productCall { id: u(1) });
    assert_eq!((product.vault, product.trigger, product.cover, product.status), (town.vault, town.trigger, 5, 1));
    assert_eq!((product.family, product.latest), (u(1), u(1)));
    assert_eq!(town.read(IRisk::productCountCall {}), u(1));
    for id in [0, 2] {
        town.unread(IRisk::productCall { id: u(id) }).expect::<IRisk::UnknownProduct>();
        town.unread(IRisk::termsCall { id: u(id) }).expect::<IRisk::UnknownProduct>();
        let call = IRisk::capacityCall { product: u(id), capital: u(1) };
        town.unread(call).expect::<IRisk::UnknownProduct>();
    }
    let events = town.world.events::<IRisk::ProductAdded>(town.risk);
    assert_eq!((events[0].product, events[0].family, events[0].vault), (u(1), u(1), town.vault));
    assert_eq!((events[0].trigger, events[0].cover), (town.trigger, 5));
    let add = |vault, trigger, cover| IRisk::addProductCall { vault, trigger, cover, newTerms: plain_terms() };
    let unknown = town.owner_refused(add(town.anyone, town.trigger, 0)).expect::<IRisk::UnknownVault>();
    assert_eq!(unknown.vault, town.anyone);
    town.owner_refused(add(town.vault, town.anyone, 0)).expect::<AddressEmptyCode>();
    let cover = town.owner_refused(add(town.vault, town.trigger, 6)).expect::<ParameterOutOfBounds>();
    assert_eq!((cover.parameter, cover.value), (text("cover"), u(6)));
}

#[test]
fn a_status_goes_on_one_step_at_a_time() {
    let town = Town::bare();
    town.add_vault(town.vault);
    let product = town.add_product(town.vault, plain_terms());
    let refused = |status: u8| {
        let call = IRisk::setStatusCall { product: u(product), status };
        let refused = town.owner_refused(call).expect::<ParameterOutOfBounds>();
        assert_eq!((refused.parameter, refused.value), (text("status"), u(status.into())));
    };
    for next in 1..=3u8 {
        for status in (0..=4u8).filter(|status| *status != next) {
            refused(status);
        }
        town.set_status(product, next);
        assert_eq!(town.read(IRisk::productCall { id: u(product) }).status, next);
    }
    refused(4);
    let told: Vec<_> = town.world.events::<IRisk::ProductStatusSet>(town.risk).iter().map(|e| e.status).collect();
    assert_eq!(told, [1, 2, 3]);
    let unknown = IRisk::setStatusCall { product: u(9), status: 1 };
    town.owner_refused(unknown).expect::<IRisk::UnknownProduct>();
}

#[test]
fn a_product_is_retired_when_none_of_its_cover_is_in_force() {
    let town = Town::plain();
    let retire = |lines: u64| {
        let refused = town.owner_refused(IRisk::setStatusCall { product: u(1), status: 3 });
        let refused = refused.expect::<IRisk::CoverInForce>();
        assert_eq!((refused.product, refused.lines), (u(1), u(lines)));
    };
    let cancelled = [town.buy("X", usd(1_000)), town.buy("X", usd(2_000))];
    town.buy("Y", usd(1_000));
    // the cover of another version is its own
    let next: u64 = town.own(IRisk::reviseProductCall { family: u(1), newTerms: plain_terms() }).to();
    town.list(next, "Y", "key Y");
    town.set_status(next, 1);
    town.make(IRisk::underwriteCall { product: u(next), ..town.purchase("Y", usd(1_000)) });
    retire(2);
    town.release(&cancelled[0]);
    retire(2);
    town.release(&cancelled[1]);
    retire(1);
    // over, but nobody has taken it out of the books
    town.warp(WAITING + TERM + GRACE + WEEK);
    assert_eq!(town.line("Y").cover, U256::ZERO);
    retire(1);
    assert!(town.catch_up("Y", 64));
    town.set_status(1, 3);
    assert_eq!(town.read(IRisk::productCall { id: u(1) }).status, 3);
    town.set_status(next, 2);
    town.owner_refused(IRisk::setStatusCall { product: u(next), status: 3 }).expect::<IRisk::CoverInForce>();
}

#[test]
fn a_product_whose_policies_were_filed_is_retired_when_they_are_paid_or_expired() {
    let town = Town::plain();
    let (mut paid, mut part) = (town.buy("X", usd(1_000)), town.buy("X", usd(1_000)));
    town.warp(2 * DAY);
    town.open("X");
    town.claim(&mut paid, 10_000, usd(1_000));
    town.claim(&mut part, 10_000, usd(400));
    town.set_status(1, 2);
    let retire = IRisk::setStatusCall { product: u(1), status: 3 };
    town.warp(WAITING + TERM + GRACE + WEEK);
    town.catch_up("X", 64);
    town.owner_refused(retire.clone()).expect::<IRisk::CoverInForce>();
    town.release(&paid);
    town.release(&part);
    town.own(retire);
}

#[test]
fn the_wording_of_a_version_has_its_place_before_it_is_on_sale() {
    let town = Town::bare();
    town.add_vault(town.vault);
    let product = town.add_product(town.vault, plain_terms());
    let read = |id: u64| town.read(IRisk::termsURICall { product: u(id) });
    let set = |uri: &str| IRisk::setTermsURICall { product: u(product), uri: uri.into() };
    assert_eq!(read(product), "");
    let most = "x".repeat(256);
    for uri in [&most[..], "", "ipfs://a", &most[..31], &most[..32], &most[..33], "https://palisade.example/wording/1"]
    {
        town.own(set(uri));
        assert_eq!(read(product), uri);
        let told = town.world.events::<IRisk::TermsURISet>(town.risk);
        assert_eq!((told.last().unwrap().product, &told.last().unwrap().uri[..]), (u(product), uri));
    }
    let refused = town.owner_refused(set(&"x".repeat(257))).expect::<ParameterOutOfBounds>();
    assert_eq!((refused.parameter, refused.value), (text("termsURI"), u(257)));
    // for ever from its first sale on; a new version tells its own
    for status in 1..=3 {
        town.set_status(product, status);
        assert_eq!(town.owner_refused(set("ipfs://b")).expect::<IRisk::TermsFixed>().product, u(product));
    }
    assert_eq!(read(product), "https://palisade.example/wording/1");
    let next: u64 = town.own(IRisk::reviseProductCall { family: u(product), newTerms: plain_terms() }).to();
    assert_eq!(read(next), "");
    let unknown = IRisk::setTermsURICall { product: u(9), uri: String::new() };
    town.owner_refused(unknown).expect::<IRisk::UnknownProduct>();
    town.unread(IRisk::termsURICall { product: u(9) }).expect::<IRisk::UnknownProduct>();
}

#[test]
fn a_revision_is_a_new_product_of_the_same_family() {
    let town = Town::plain();
    let mut old = town.buy("X", usd(1_000));
    let mut terms = plain_terms();
    terms.limits.deductibleBps = 500;
    let id: u64 = town.own(IRisk::reviseProductCall { family: u(1), newTerms: terms.clone() }).to();
    let (first, second) = (town.read(IRisk::productCall { id: u(1) }), town.read(IRisk::productCall { id: u(id) }));
    assert_eq!((first.status, first.latest, second.family, second.latest), (2, u(id), u(1), u(id)));
    assert_eq!((second.vault, second.trigger, second.cover, second.status), (town.vault, town.trigger, 5, 0));
    // what is sold keeps its terms
    assert!(town.has_terms(1, &plain_terms()));
    assert!(town.has_terms(id, &terms));
    town.not_sold(town.purchase("X", usd(1_000))).expect::<IRisk::ProductNotOnSale>();
    // the new version has lines of its own, and counts with the old one
    town.not_sold(IRisk::underwriteCall { product: u(id), ..town.purchase("X", usd(1_000)) })
        .expect::<IRisk::UnknownSubject>();
    town.list(id, "X", "key X");
    town.set_status(id, 1);
    town.make(IRisk::underwriteCall { product: u(id), ..town.purchase("X", usd(2_000)) });
    assert_eq!((town.line_of(1, text("X")).cover, town.line_of(id, text("X")).cover), (usd(1_000), usd(2_000)));
    assert_eq!(town.exposure("key X"), usd(3_000));
    let capacity = town.read(IRisk::capacityCall { product: u(id), capital: usd(10_000) });
    assert_eq!(capacity.locked, usd(3_000));
    town.warp(2 * DAY);
    assert_eq!(town.open("X").1, usd(1_000));
    town.claim(&mut old, 10_000, usd(1_000));
    // an old version never comes back
    let third: u64 = town.own(IRisk::reviseProductCall { family: u(1), newTerms: terms }).to();
    assert_eq!(town.read(IRisk::productCall { id: u(id) }).status, 2);
    for product in [1, id] {
        let call = IRisk::setStatusCall { product: u(product), status: 1 };
        town.owner_refused(call).expect::<ParameterOutOfBounds>();
    }
    town.set_status(third, 1);
    town.owner_refused(IRisk::reviseProductCall { family: u(id), newTerms: plain_terms() })
        .expect::<IRisk::UnknownProduct>();
    town.owner_refused(IRisk::reviseProductCall { family: u(7), newTerms: plain_terms() })
        .expect::<IRisk::UnknownProduct>();
}

#[test]
fn a_revision_of_what_was_never_on_sale_ends_it() {
    let town = Town::bare();
    town.add_vault(town.vault);
    let first = town.add_product(town.vault, plain_terms());
    town.own(IRisk::reviseProductCall { family: u(first), newTerms: plain_terms() });
    town.owner_refused(IRisk::setStatusCall { product: u(first), status: 1 }).expect::<ParameterOutOfBounds>();
    assert_eq!(town.read(IRisk::productCall { id: u(first) }).status, 2);
}

#[test]
fn a_subject_is_listed_once_on_a_known_key() {
    let town = Town::plain();
    let list = |product, subject, key| IRisk::listSubjectCall {
        product: u(product),
        subject: text(subject),
        riskKey: text(key),
    };
    let again = town.owner_refused(list(1, "X", "key X")).expect::<IRisk::SubjectAlreadyListed>();
    assert_eq!((again.product, again.subject), (u(1), text("X")));
    let unknown = town.owner_refused(list(1, "W", "key W")).expect::<IRisk::UnknownRiskKey>();
    assert_eq!(unknown.riskKey, text("key W"));
    town.owner_refused(list(5, "W", "key X")).expect::<IRisk::UnknownProduct>();
    let events = town.world.events::<IRisk::SubjectListed>(town.risk);
    assert_eq!((events[1].product, events[1].subject, events[1].riskKey), (u(1), text("Y"), text("key Y")));
    assert_eq!(town.line("X").riskKey, text("key X"));
    let call = IRisk::lineCall { product: u(1), subject: text("W") };
    town.unread(call).expect::<IRisk::UnknownSubject>();
    let call = IRisk::catchUpCall { product: u(1), subject: text("W"), n: u(1) };
    town.world.refused(town.anyone, town.risk, call).expect::<IRisk::UnknownSubject>();
}

#[test]
fn a_subject_has_at_most_eight_lines_and_dead_ones_make_room() {
    let town = Town::plain();
    let mut sold = town.buy("X", usd(1_000));
    for _ in 0..7 {
        let product = town.add_product(town.vault, plain_terms());
        town.list(product, "X", "key X");
    }
    let ninth = town.add_product(town.vault, plain_terms());
    let list = IRisk::listSubjectCall { product: u(ninth), subject: text("X"), riskKey: text("key X") };
    assert_eq!(town.owner_refused(list.clone()).expect::<ParameterOutOfBounds>().parameter, text("siblings"));
    // a line that sells no more, but still covers somebody, stays
    town.set_status(1, 2);
    town.owner_refused(list.clone()).expect::<ParameterOutOfBounds>();
    town.warp(2 * DAY);
    town.open("X");
    town.claim(&mut sold, 10_000, usd(1_000));
    town.owner_refused(list.clone()).expect::<ParameterOutOfBounds>();
    town.book(town.report("X", 1, CONFIRMED, town.now(), town.now(), 10_000));
    town.warp(40 * DAY);
    town.own(list);
    // and the ring is whole: all of them count
    let mut sum = 0;
    for product in 2..=ninth {
        town.set_status(product, 1);
        sum += 1_000;
        let call =
            |size| IRisk::underwriteCall { product: u(product), size: usd(size), ..town.purchase("X", usd(1_000)) };
        let refused = town.not_sold(call(sum - 1)).expect::<IRisk::SubjectCapacityExceeded>();
        assert_eq!(refused.needed, usd(sum));
        town.make(call(sum));
    }
}

#[test]
fn peers_are_wired_once() {
    let town = Town::bare();
    let peers = town.read(IRisk::peersCall {});
    assert_eq!((peers.policy, peers.assessor), (town.policy, town.assessor));
    assert_eq!(town.read(IRisk::extensionCall {}), town.world.address("risk-ext"));
    assert_eq!(town.read(IRisk::secondExtensionCall {}), town.world.address("risk-more"));
    let event = &town.world.events::<IRisk::PeersSet>(town.risk)[0];
    assert_eq!((event.policy, event.assessor), (town.policy, town.assessor));
    town.owner_refused(IRisk::wireCall { policy: town.vault, assessor: town.vault }).expect::<AlreadyWired>();
    // nobody is a peer before
    let world = World::new();
    let [owner, at, ext] = ["owner", "risk", "ext"].map(|name| world.address(name));
    world.place::<RiskExt>(ext);
    world.construct::<Risk>(at, owner, (owner, owner, ext, ext, WEEK, LATENT, SHORTEST).abi_encode());
    for (policy, assessor) in [(owner, ext), (ext, owner), (Address::ZERO, ext)] {
        world.refused(owner, at, IRisk::wireCall { policy, assessor }).expect::<AddressEmptyCode>();
    }
    world.refused(owner, at, town.purchase("X", usd(1_000))).expect::<IOwned::UnauthorizedCaller>();
}

#[test]
fn the_owner_is_the_timelock_and_the_set_up_key_ends() {
    let town = Town::plain();
    assert_eq!(town.read(IOwned::ownerCall {}), town.owner);
    assert_eq!((town.read(IOwned::setupCall {}), town.read(IOwned::guardianCall {})), (town.setup, town.guardian));
    let add = || IRisk::setGroupCall { group: 9, correlationBps: 1 };
    town.world.send(town.setup, town.risk, add()).unwrap();
    town.world.send(town.setup, town.risk, IOwned::finishSetupCall {}).unwrap();
    town.world.refused(town.setup, town.risk, add()).expect::<IOwned::OwnableUnauthorizedAccount>();
    let next = town.world.address("next");
    town.own(IOwned::transferOwnershipCall { newOwner: next });
    assert_eq!(town.read(IOwned::pendingOwnerCall {}), next);
    town.world.send(next, town.risk, IOwned::acceptOwnershipCall {}).unwrap();
    assert_eq!(town.read(IOwned::ownerCall {}), next);
    town.world.refused(town.owner, town.risk, add()).expect::<IOwned::OwnableUnauthorizedAccount>();
    town.world.send(next, town.risk, IOwned::setGuardianCall { newGuardian: town.anyone }).unwrap();
    assert_eq!(town.read(IOwned::guardianCall {}), town.anyone);
}
