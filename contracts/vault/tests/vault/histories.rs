//! Random histories of everything at once, against ledgers kept by the test.

use std::collections::BTreeMap;

use alloy_primitives::U256;
use proptest::prelude::*;
use protocol::abi::{IAllocator, IERC20, IERC4626, IVault};

use testkit::strategy::Erc4626;

use crate::scene::{M, Scene, Settings, WEEK, u};

#[derive(Clone, Debug)]
enum Step {
    Deposit(usize, u64),
    Mint(usize, u64),
    Move(usize, usize, u64),
    Request(usize, u64),
    Cancel(usize),
    Serve { reserve: u64, minimum: u64 },
    Redeem(usize, u64),
    Sell { net: u64, waiting: u64, term: u64 },
    Refund { policy: usize, remaining: u64, short_rate: u64 },
    Extend { policy: usize, added: u64, longer: u64 },
    Claim { policy: u64, by: u64, others: u64 },
    TopUp,
    TakeOwed(u64),
    Recover(u64),
    Donate(u64),
    Blacklist(bool),
    TakeCredit,
    Collect,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let amount = 1u64..2 * M;
    prop_oneof![
        4 => (0usize..3, amount.clone()).prop_map(|(who, amount)| Step::Deposit(who, amount)),
        1 => (0usize..3, amount.clone()).prop_map(|(who, amount)| Step::Mint(who, amount)),
        1 => (0usize..3, 0usize..3, 0u64..1_000).prop_map(|(from, to, part)| Step::Move(from, to, part)),
        4 => (0usize..3, 1u64..1_000).prop_map(|(who, part)| Step::Request(who, part)),
        1 => (0usize..3).prop_map(Step::Cancel),
        4 => (0u64..2 * M, 0u64..2 * M).prop_map(|(reserve, minimum)| Step::Serve { reserve, minimum }),
        3 => (0usize..3, 1u64..=1_000).prop_map(|(who, part)| Step::Redeem(who, part)),
        3 => (1u64..M / 4, 0u64..2 * WEEK, 1u64..6 * WEEK).prop_map(|(net, waiting, term)| Step::Sell { net, waiting, term }),
        2 => (any::<usize>(), 0u64..=1_000, 0u64..=2_000)
            .prop_map(|(policy, remaining, short_rate)| Step::Refund { policy, remaining, short_rate }),
        2 => (any::<usize>(), 0u64..M / 4, 1u64..6 * WEEK)
            .prop_map(|(policy, added, longer)| Step::Extend { policy, added, longer }),
        3 => (0u64..3, 1u64..3 * M, 0u64..3 * M).prop_map(|(policy, by, others)| Step::Claim { policy, by, others }),
        1 => Just(Step::TopUp),
        2 => (0u64..3).prop_map(Step::TakeOwed),
        1 => (1u64..M).prop_map(Step::Recover),
        1 => (0u64..M).prop_map(Step::Donate),
        1 => any::<bool>().prop_map(Step::Blacklist),
        1 => Just(Step::TakeCredit),
        1 => Just(Step::Collect),
        5 => (1u64..WEEK * 3 / 2).prop_map(Step::Wait),
    ]
}

/// What the test knows by itself.
#[derive(Default)]
struct Ledger {
    /// Confirmed claims of each policy.
    claims: BTreeMap<u64, u64>,
    /// Premiums that were not refunded, as policies keep them: net, start, end.
    sold: Vec<(u64, u64, u64)>,
    /// What policy 0's payee got of premiums.
    refunded: U256,
    donated: u128,
    steps: u128,
}

proptest! {
    // PROPTEST_CASES asks for more of them.
    #![proptest_config(ProptestConfig::default())]

    /// After every step: every unit of the vault's balance is accounted for, shares add up to the supply, what is
    /// claimable is set aside, claims never get more than was confirmed, and the price falls by nothing but claims.
    #[test]
    fn nobodys_money_is_lost(steps in prop::collection::vec(step(), 200)) {
        let scene = Scene::new();
        let people = [scene.alice, scene.bob, scene.carol];
        let insured = scene.world.address("insured");
        let payee = |policy: u64| scene.world.address(&format!("payee {policy}"));
        let safe = scene.world.address("safe");
        // Of claims and, for policy 0's payee, of refunds.
        let got = |policy: u64| {
            let credit = scene.read(IVault::creditOfCall { account: payee(policy) });
            let taken = if policy == 0 { scene.assets_of(safe) } else { U256::ZERO };
            scene.assets_of(payee(policy)) + credit + taken
        };
        for who in people {
            scene.fund(who, 1_000 * M);
        }
        let mut ledger = Ledger::default();
        for step in steps {
            ledger.steps += 1;
            let (supply, total) = (scene.read(IERC20::totalSupplyCall {}), scene.total_assets());
            let mut claimed = false;
            match step.clone() {
                Step::Deposit(who, assets) => {
                    scene.gate.reserve.set(0);
                    let preview = scene.read(IERC4626::previewDepositCall { assets: u(assets) });
                    let most = scene.read(IERC4626::maxDepositCall { receiver: people[who] });
                    if u(assets) <= most && !preview.is_zero() {
                        let shares = scene.done(people[who], IERC4626::depositCall { assets: u(assets), receiver: people[who] });
                        prop_assert_eq!(shares, preview);
                    } else {
                        let call = IERC4626::depositCall { assets: u(assets), receiver: people[who] };
                        prop_assert_eq!(scene.send(people[who], call).is_err(), true);
                    }
                }
                Step::Mint(who, shares) => {
                    scene.gate.reserve.set(0);
                    let _ = scene.send(people[who], IERC4626::mintCall { shares: u(shares), receiver: people[who] });
                }
                Step::Move(from, to, part) => {
                    let value = scene.shares_of(people[from]) * u(part) / u(1_000u64);
                    scene.done(people[from], IERC20::transferCall { to: people[to], value });
                }
                Step::Request(who, part) => {
                    let shares = scene.shares_of(people[who]) * u(part) / u(1_000u64);
                    if !shares.is_zero() {
                        scene.request(people[who], shares);
                    }
                }
                Step::Cancel(who) => {
                    let call = IVault::cancelRedeemRequestCall { requestId: U256::ZERO, controller: people[who], receiver: people[who] };
                    let waiting = scene.pending(people[who]);
                    prop_assert_eq!(scene.send(people[who], call).is_ok(), !waiting.is_zero());
                }
                Step::Serve { reserve, minimum } => {
                    scene.gate.reserve.set(reserve);
                    scene.gate.minimum.set(minimum);
                    scene.serve();
                }
                Step::Redeem(who, part) => {
                    let (shares, assets) = scene.claimable(people[who]);
                    let shares = shares * u(part) / u(1_000u64);
                    let had = scene.assets_of(people[who]);
                    let call = IERC4626::redeemCall { shares, receiver: people[who], controller: people[who] };
                    if let Ok(got) = scene.send(people[who], call) {
                        prop_assert!(got <= assets);
                        prop_assert_eq!(scene.assets_of(people[who]), had + got);
                    } else {
                        prop_assert!(shares.is_zero() || assets * u(part) / u(1_000u64) <= u(1u64));
                    }
                }
                Step::Sell { net, waiting, term } => {
                    scene.token.mint(&scene.world, scene.vault, u(net) + u(30u64));
                    let start = scene.world.now() + waiting;
                    let premium = IVault::premiumCall {
                        treasuryFee: u(15u64), juryFee: u(5u64), referrer: insured, referralFee: u(10u64),
                        ..scene.premium(net, start, start + term)
                    };
                    scene.done(scene.policy, premium);
                    ledger.sold.push((net, start, start + term));
                }
                Step::Refund { policy, remaining, short_rate } if !ledger.sold.is_empty() => {
                    let (net, start, end) = ledger.sold.swap_remove(policy % ledger.sold.len());
                    let call = IVault::refundCall {
                        net: u(net), start: u(start), end: u(end),
                        remaining: u(remaining), cover: u(1_000u64), shortRateBps: u(short_rate), to: payee(0),
                    };
                    let before = (got(0), scene.solvency());
                    let refunded = scene.done(scene.policy, call);
                    let unused = u(net) * u(end.saturating_sub(scene.world.now().max(start))) / u(end - start);
                    prop_assert_eq!(refunded, unused * u(remaining) / u(1_000u64) * u(10_000 - short_rate) / u(10_000u64));
                    prop_assert_eq!(got(0), before.0 + refunded);
                    ledger.refunded += refunded;
                    // What can pay claims grows by all the rest of what was unearned.
                    let (before, after) = (before.1, scene.solvency());
                    prop_assert!(after.assets + u(1u64) >= before.assets + (before.unearned - after.unearned) - refunded);
                    prop_assert_eq!(after.owed, before.owed);
                }
                Step::Extend { policy, added, longer } if !ledger.sold.is_empty() => {
                    let policy = policy % ledger.sold.len();
                    let (net, start, end) = ledger.sold[policy];
                    let now = scene.world.now();
                    if now < end {
                        scene.token.mint(&scene.world, scene.vault, u(added) + u(30u64));
                        let call = IVault::repriceCall {
                            net: u(net), start: u(start), end: u(end), addedNet: u(added), newEnd: u(end + longer),
                            treasuryFee: u(15u64), juryFee: u(5u64), referrer: insured, referralFee: u(10u64),
                        };
                        let kept = scene.done(scene.policy, call);
                        prop_assert_eq!(kept, u(net) * u(end - now.max(start)) / u(end - start) + u(added));
                        ledger.sold[policy] = (kept.to(), now.max(start), end + longer);
                    }
                }
                Step::Refund { .. } | Step::Extend { .. } => {}
                Step::Claim { policy, by, others } => {
                    claimed = true;
                    let confirmed = ledger.claims.entry(policy).or_default();
                    scene.gate.reserve.set(by + others);
                    scene.pay(policy, payee(policy), *confirmed, *confirmed + by);
                    *confirmed += by;
                }
                Step::TopUp => {
                    scene.gate.reserve.set(0);
                    scene.done(insured, IVault::topUpCall {});
                }
                Step::TakeOwed(policy) => {
                    let _ = scene.send(insured, IVault::claimOwedCall { policy: u(policy) });
                }
                Step::Recover(amount) => {
                    scene.gate.reserve.set(0);
                    scene.done(scene.alice, IVault::recoverCall { amount: u(amount) });
                }
                Step::Donate(amount) => {
                    scene.token.mint(&scene.world, scene.vault, u(amount));
                    ledger.donated += u128::from(amount);
                }
                Step::Blacklist(on) => scene.token.habits.blacklisted.set(on.then(|| payee(0))),
                Step::TakeCredit => {
                    let credit = scene.read(IVault::creditOfCall { account: payee(0) });
                    let taken = scene.send(payee(0), IVault::withdrawCreditCall { receiver: safe });
                    prop_assert_eq!(taken.is_ok(), !credit.is_zero());
                }
                Step::Collect => {
                    scene.done(insured, IVault::collectFeesCall {});
                }
                Step::Wait(seconds) => scene.world.warp(seconds),
            }

            let solvency = scene.solvency();
            // Every unit of the balance has a name.
            let fees = scene.read(IVault::feesAccruedCall {});
            prop_assert_eq!(
                scene.assets_of(scene.vault),
                solvency.cash + fees.treasuryFee + fees.juryFee + u(ledger.donated)
            );
            // A = cash − U − served − payable, but for a unit of rounding that a premium may be ahead of the pool.
            let liabilities = solvency.unearned + solvency.served + solvency.payables;
            prop_assert!(solvency.cash + u(1u64) >= liabilities);
            prop_assert_eq!(solvency.assets, solvency.cash.saturating_sub(liabilities));
            // Shares add up.
            let held: U256 = people.iter().map(|who| scene.shares_of(*who)).sum();
            prop_assert_eq!(held + scene.shares_of(scene.vault), scene.read(IERC20::totalSupplyCall {}));
            prop_assert_eq!(scene.shares_of(scene.vault), solvency.requested);
            // What was served is set aside for those that can claim it.
            let claimable: U256 = people.iter().map(|who| scene.claimable(*who).1).sum();
            prop_assert!(claimable <= solvency.served);
            prop_assert!(solvency.served - claimable <= u(4 * ledger.steps));
            let waiting: U256 = people.iter().map(|who| scene.pending(*who)).sum();
            prop_assert!(waiting <= solvency.requested);
            // Claims: what was got, is credited and is owed is never more than what was confirmed.
            for (policy, confirmed) in &ledger.claims {
                let got = got(*policy) - if *policy == 0 { ledger.refunded } else { U256::ZERO };
                let owed = scene.read(IVault::owedOfCall { policy: u(*policy) }).owed;
                prop_assert!(got + owed <= u(*confirmed), "{got} and {owed} of {confirmed}");
            }
            // A share never falls but by claims.
            if !claimed {
                let shares = scene.read(IERC20::totalSupplyCall {}) + u(1_000_000u64);
                let now = scene.total_assets();
                // Cross-multiplied; a premium, its extension and a claim's rounding may take a unit.
                let falls = total * shares > (now + u(2u64)) * (supply + u(1_000_000u64));
                prop_assert!(!falls, "{step:?}: {total} to {now}");
            }
        }
        // In the end everybody can have what is theirs.
        scene.token.habits.blacklisted.set(None);
        scene.gate.reserve.set(0);
        scene.gate.minimum.set(0);
        scene.done(insured, IVault::topUpCall {});
        for who in people {
            let shares = scene.shares_of(who);
            if !shares.is_zero() {
                scene.request(who, shares);
            }
        }
        scene.weeks(20);
        scene.serve();
        for who in people {
            if !scene.claimable(who).1.is_zero() {
                scene.redeem_all(who);
            }
        }
        for (policy, confirmed) in &ledger.claims {
            let _ = scene.send(insured, IVault::claimOwedCall { policy: u(*policy) });
            let owed = scene.read(IVault::owedOfCall { policy: u(*policy) }).owed;
            let refunded = if *policy == 0 { ledger.refunded } else { U256::ZERO };
            prop_assert_eq!(got(*policy) + owed, u(*confirmed) + refunded);
        }
        if scene.solvency().owed.is_zero() {
            let left = scene.read(IERC20::totalSupplyCall {});
            prop_assert!(left <= u(1_000_000 * ledger.steps), "all shares could leave: {left}");
        }
    }
}

/// What happens to a pool whose incidents end as the test decides when they open.
#[derive(Clone, Debug)]
enum Turn {
    Deposit(usize, u64),
    Mint(usize, u64),
    Request(usize, u64),
    Cancel(usize),
    Serve(u64),
    Redeem(usize),
    /// An incident with this reserve, of which so many thousandths will be claimed.
    Open(u64, u64),
    /// So many thousandths of what an incident still costs are claimed.
    File(usize, u64),
    /// What nobody will claim of an incident is reserved no longer.
    Close(usize),
    TopUp,
    TakeOwed(usize),
    Earn(u64),
    Recover(u64),
    Wait(u64),
}

fn turn() -> impl Strategy<Value = Turn> {
    let amount = 1u64..4 * M;
    prop_oneof![
        3 => (0usize..3, amount.clone()).prop_map(|(who, amount)| Turn::Deposit(who, amount)),
        1 => (0usize..3, amount.clone()).prop_map(|(who, amount)| Turn::Mint(who, amount)),
        4 => (0usize..3, 1u64..=1_000).prop_map(|(who, part)| Turn::Request(who, part)),
        2 => (0usize..3).prop_map(Turn::Cancel),
        5 => (0u64..4 * M).prop_map(Turn::Serve),
        2 => (0usize..3).prop_map(Turn::Redeem),
        2 => (1u64..4 * M, 0u64..=1_000).prop_map(|(reserve, part)| Turn::Open(reserve, part)),
        3 => (any::<usize>(), 1u64..=1_000).prop_map(|(incident, part)| Turn::File(incident, part)),
        2 => any::<usize>().prop_map(Turn::Close),
        1 => Just(Turn::TopUp),
        1 => any::<usize>().prop_map(Turn::TakeOwed),
        2 => (1u64..M / 4).prop_map(Turn::Earn),
        1 => (1u64..M).prop_map(Turn::Recover),
        5 => (1u64..WEEK).prop_map(Turn::Wait),
    ]
}

/// An incident as the vault knows it, and as it will end.
#[derive(Clone, Copy, Debug)]
struct Incident {
    reserve: u64,
    cost: u64,
    paid: u64,
    closed: bool,
}

proptest! {
    #![proptest_config(ProptestConfig::default())]

    /// Whoever knows how every open incident ends knows what a share is worth: its part of what is left after all claims.
    /// That worth never falls but when an incident opens: nobody that enters, waits, cancels or leaves, in any order with
    /// incidents and payouts, takes anything from those that stay, and claims cost them what they were known to cost.
    #[test]
    fn who_comes_and_goes_takes_nothing_from_those_that_stay(turns in prop::collection::vec(turn(), 100)) {
        let scene = Scene::with(Settings { patience: 0, ..Settings::default() });
        let people = [scene.alice, scene.bob, scene.carol];
        for who in people {
            scene.fund(who, 10_000 * M);
        }
        scene.deposit(scene.world.address("stayer"), 5 * M);
        let mut incidents: Vec<Incident> = vec![];
        for turn in turns {
            // What is left after all claims, and shares.
            let worth = |incidents: &[Incident]| {
                let solvency = scene.solvency();
                let coming: u64 = incidents.iter().map(|incident| incident.cost).sum();
                let worth = solvency.assets.to::<i128>() - solvency.owed.to::<i128>() - i128::from(coming);
                (worth, scene.read(IERC20::totalSupplyCall {}) + u(1_000_000u64))
            };
            let before = worth(&incidents);
            let mut falls = 0;
            match turn.clone() {
                Turn::Deposit(who, assets) => {
                    let call = IERC4626::depositCall { assets: u(assets), receiver: people[who] };
                    let _ = scene.send(people[who], call);
                }
                Turn::Mint(who, assets) => {
                    let call = IERC4626::mintCall { shares: u(assets) * u(1_000_000u64), receiver: people[who] };
                    let _ = scene.send(people[who], call);
                }
                Turn::Request(who, part) => {
                    let shares = scene.shares_of(people[who]) * u(part) / u(1_000u64);
                    if !shares.is_zero() {
                        scene.request(people[who], shares);
                    }
                }
                Turn::Cancel(who) => {
                    let call = IVault::cancelRedeemRequestCall { requestId: U256::ZERO, controller: people[who], receiver: people[who] };
                    let _ = scene.send(people[who], call);
                }
                Turn::Serve(minimum) => {
                    scene.gate.minimum.set(minimum);
                    scene.serve();
                }
                Turn::Redeem(who) => {
                    if !scene.claimable(people[who]).1.is_zero() {
                        scene.redeem_all(people[who]);
                    }
                }
                Turn::Open(reserve, part) => {
                    let cost = (u(reserve) * u(part) / u(1_000u64)).to();
                    incidents.push(Incident { reserve, cost, paid: 0, closed: false });
                    falls = i128::from(cost);
                }
                Turn::File(index, part) if !incidents.is_empty() => {
                    let index = index % incidents.len();
                    let incident = &mut incidents[index];
                    let claim = (u(incident.cost) * u(part) / u(1_000u64)).to::<u64>();
                    if claim > 0 {
                        let payee = scene.world.address("insured");
                        scene.pay(index as u64, payee, incident.paid, incident.paid + claim);
                        incident.paid += claim;
                        incident.cost -= claim;
                        incident.reserve -= claim;
                    }
                }
                Turn::Close(index) if !incidents.is_empty() => {
                    let index = index % incidents.len();
                    incidents[index].reserve = incidents[index].cost;
                    incidents[index].closed = true;
                }
                Turn::TopUp => {
                    scene.done(scene.alice, IVault::topUpCall {});
                }
                Turn::TakeOwed(index) if !incidents.is_empty() => {
                    let policy = u((index % incidents.len()) as u64);
                    let _ = scene.send(scene.alice, IVault::claimOwedCall { policy });
                }
                Turn::Earn(net) => scene.sell(net, 0, 2 * WEEK),
                Turn::Recover(amount) => {
                    scene.done(scene.alice, IVault::recoverCall { amount: u(amount) });
                }
                Turn::Wait(seconds) => scene.world.warp(seconds),
                Turn::File(..) | Turn::Close(_) | Turn::TakeOwed(_) => {}
            }
            scene.gate.reserve.set(incidents.iter().map(|incident| incident.reserve).sum());
            scene.gate.unsettled.set(incidents.iter().filter(|incident| !incident.closed).count() as u64);
            let after = worth(&incidents);
            if before.0 - falls > 0 {
                prop_assert!(after.0 >= 0, "{turn:?}: {before:?} became {after:?}");
                let [before_worth, after_worth] = [before.0 - falls, after.0].map(|worth| u(worth as u128));
                let rounding = u(2u64) * (before.1 + after.1);
                prop_assert!(
                    before_worth * after.1 <= after_worth * before.1 + rounding,
                    "{turn:?}: {before:?} became {after:?}"
                );
            }
        }
    }
}

/// What happens to a pool that has part of its money work in two strategies.
#[derive(Clone, Debug)]
enum Fortune {
    Deposit(u64),
    Request(u64),
    Serve {
        minimum: u64,
    },
    Redeem,
    Sell(u64),
    Claim(u64),
    TopUp,
    TakeOwed,
    Invest(usize, u64),
    Divest(usize, u64),
    Harvest(usize),
    Gain(usize, u64),
    /// So many thousandths of what it has.
    Lose(usize, u64),
    /// All its functions revert, or none.
    Break(usize, bool),
    /// No more than this can be withdrawn.
    Limit(usize, Option<u64>),
    Wait(u64),
}

fn fortune() -> impl Strategy<Value = Fortune> {
    let amount = 1u64..4 * M;
    let which = 0usize..2;
    prop_oneof![
        3 => amount.clone().prop_map(Fortune::Deposit),
        2 => (1u64..=1_000).prop_map(Fortune::Request),
        3 => (0u64..2 * M).prop_map(|minimum| Fortune::Serve { minimum }),
        2 => Just(Fortune::Redeem),
        1 => (1u64..M / 4).prop_map(Fortune::Sell),
        2 => amount.clone().prop_map(Fortune::Claim),
        2 => Just(Fortune::TopUp),
        1 => Just(Fortune::TakeOwed),
        5 => (which.clone(), amount.clone()).prop_map(|(which, assets)| Fortune::Invest(which, assets)),
        2 => (which.clone(), amount).prop_map(|(which, assets)| Fortune::Divest(which, assets)),
        2 => which.clone().prop_map(Fortune::Harvest),
        2 => (which.clone(), 1u64..M / 2).prop_map(|(which, assets)| Fortune::Gain(which, assets)),
        2 => (which.clone(), 1u64..=1_000).prop_map(|(which, part)| Fortune::Lose(which, part)),
        2 => (which.clone(), any::<bool>()).prop_map(|(which, broken)| Fortune::Break(which, broken)),
        1 => (which, prop::option::of(0u64..M)).prop_map(|(which, limit)| Fortune::Limit(which, limit)),
        4 => (1u64..WEEK).prop_map(Fortune::Wait),
    ]
}

/// The plain model: where the money is.
#[derive(Debug)]
struct Whereabouts {
    /// In the vault.
    cash: u64,
    /// In each strategy, as it is booked.
    books: [u64; 2],
    /// Which do not answer.
    broken: [bool; 2],
}

proptest! {
    #![proptest_config(ProptestConfig::default())]

    /// Whatever strategies earn, lose, refuse or hold back, and whatever happens to the pool meanwhile: the vault's books
    /// are to the unit what a plain account of where its money is says, what is set aside for somebody is always there in
    /// cash, no more than half of the free capital is put elsewhere, and in the end everybody gets what is theirs.
    #[test]
    fn money_that_works_elsewhere_is_accounted_for(fortunes in prop::collection::vec(fortune(), 100)) {
        let scene = Scene::with(Settings { patience: 0, ..Settings::default() });
        let insured = scene.world.address("insured");
        scene.allocate();
        let strategies = ["first", "second"].map(|name| scene.strategy(name));
        let has = || strategies.each_ref().map(|strategy| strategy.assets(&scene.world).to::<u64>());
        // All shares of a strategy are the allocator's, so they are worth all that it has.
        let worth = |which: usize| {
            let call = Erc4626::balanceOfCall { account: scene.allocator() };
            let strategy = &strategies[which];
            let reverts = strategy.habits.reverts.take();
            let shares = scene.world.read(strategy.at, call);
            strategy.habits.reverts.replace(reverts);
            if shares.is_zero() { 0 } else { has()[which] }
        };
        let mut model = Whereabouts { cash: 0, books: [0; 2], broken: [false; 2] };
        let (mut confirmed, mut got) = (0, U256::ZERO);
        scene.fund(scene.alice, 1_000 * M);
        for fortune in fortunes {
            let before = has();
            let mut marked = true;
            match fortune.clone() {
                Fortune::Deposit(assets) => {
                    let call = IERC4626::depositCall { assets: u(assets), receiver: scene.alice };
                    let most = scene.read(IERC4626::maxDepositCall { receiver: scene.alice });
                    let shares = scene.read(IERC4626::previewDepositCall { assets: u(assets) });
                    let done = scene.send(scene.alice, call).is_ok();
                    prop_assert_eq!(done, u(assets) <= most && !shares.is_zero());
                    model.cash += if done { assets } else { 0 };
                    marked = done;
                }
                Fortune::Request(part) => {
                    let shares = scene.shares_of(scene.alice) * u(part) / u(1_000u64);
                    let losses = || scene.world.events::<IAllocator::LossBooked>(scene.allocator()).len();
                    let booked = losses();
                    if !shares.is_zero() {
                        scene.request(scene.alice, shares);
                    }
                    // Only a request that moves along uses a price.
                    marked = losses() > booked;
                }
                Fortune::Serve { minimum } => {
                    scene.gate.minimum.set(minimum);
                    scene.serve();
                    scene.gate.minimum.set(0);
                }
                Fortune::Redeem => {
                    marked = false;
                    if !scene.claimable(scene.alice).1.is_zero() {
                        model.cash -= scene.redeem_all(scene.alice).to::<u64>();
                    }
                }
                Fortune::Sell(net) => {
                    scene.sell(net, 0, 3 * WEEK);
                    model.cash += net;
                    marked = false;
                }
                Fortune::Claim(by) => {
                    scene.gate.reserve.set(by);
                    let paid = scene.pay(1, insured, confirmed, confirmed + by);
                    confirmed += by;
                    model.cash = model.cash + (before.iter().sum::<u64>() - has().iter().sum::<u64>()) - paid.to::<u64>();
                    got += paid;
                }
                Fortune::TopUp => {
                    scene.done(scene.bob, IVault::topUpCall {});
                }
                Fortune::TakeOwed => {
                    marked = false;
                    if let Ok(taken) = scene.send(scene.bob, IVault::claimOwedCall { policy: u(1u64) }) {
                        model.cash -= taken.to::<u64>();
                        got += taken;
                    }
                }
                Fortune::Invest(which, assets) => {
                    let call = IVault::investCall { strategy: strategies[which].at, assets: u(assets) };
                    let done = scene.send(scene.owner, call).is_ok();
                    if done {
                        model.cash -= assets;
                        model.books[which] += assets;
                        let solvency = scene.solvency();
                        prop_assert!(solvency.invested * u(2u64) <= solvency.capital);
                    }
                    marked = done;
                }
                Fortune::Divest(which, assets) => {
                    let came = scene.divest(&strategies[which], assets);
                    prop_assert_eq!(came, u(before[which] - has()[which]));
                }
                Fortune::Harvest(which) => {
                    let book = model.books[which];
                    let gain = scene.harvest(&strategies[which]).to::<u64>();
                    prop_assert_eq!(gain, before[which] - has()[which]);
                    prop_assert!(gain == 0 || before[which] >= book + gain);
                    model.books[which] += gain; // which leaves with it, below
                }
                Fortune::Gain(which, assets) => {
                    strategies[which].gain(&scene.world, u(assets));
                    marked = false;
                }
                Fortune::Lose(which, part) => {
                    strategies[which].lose(&scene.world, u(before[which]) * u(part) / u(1_000u64));
                    marked = false;
                }
                Fortune::Break(which, broken) => {
                    strategies[which].break_down(broken);
                    model.broken[which] = broken;
                    marked = false;
                }
                Fortune::Limit(which, limit) => {
                    strategies[which].habits.limit.set(limit);
                    marked = false;
                }
                Fortune::Wait(seconds) => {
                    scene.world.warp(seconds);
                    marked = false;
                }
            }
            // What came back left the strategies' books.
            let after = has();
            let mut invested = 0;
            for which in 0..2 {
                if !matches!(fortune, Fortune::Gain(..) | Fortune::Lose(..) | Fortune::Invest(..)) {
                    let came = before[which] - after[which];
                    model.books[which] -= came;
                    if !matches!(fortune, Fortune::Claim(_)) {
                        model.cash += came;
                    }
                }
                let lowest = if model.broken[which] { model.books[which] } else { model.books[which].min(worth(which)) };
                if marked {
                    model.books[which] = lowest;
                }
                invested += lowest;
            }
            let solvency = scene.solvency();
            prop_assert_eq!(solvency.cash, u(model.cash), "{:?}: {:?}", fortune, model);
            prop_assert_eq!(scene.assets_of(scene.vault), u(model.cash));
            prop_assert_eq!(solvency.invested, u(invested), "{:?}: {:?}", fortune, model);
            // What is set aside is there in cash, but for the unit that unearned premiums are rounded up by.
            let set_aside = solvency.unearned + solvency.served + solvency.payables;
            prop_assert!(u(model.cash) + u(1u64) >= set_aside, "{fortune:?}: {model:?}");
            let assets = (u(model.cash) + u(invested)).saturating_sub(set_aside);
            prop_assert_eq!(solvency.assets, assets);
            // Nobody is paid more than was confirmed.
            let owed = scene.read(IVault::owedOfCall { policy: u(1u64) }).owed;
            prop_assert!(got + owed <= u(confirmed));
        }
        // Everything works again, comes back, and goes to whom it belongs.
        for strategy in &strategies {
            strategy.break_down(false);
            strategy.habits.limit.set(None);
            scene.harvest(strategy);
            scene.divest(strategy, 1_000 * M);
        }
        prop_assert_eq!(scene.solvency().invested, U256::ZERO);
        scene.done(scene.bob, IVault::topUpCall {});
        if scene.solvency().owed.is_zero() {
            let _ = scene.send(scene.bob, IVault::claimOwedCall { policy: u(1u64) });
            prop_assert_eq!(scene.assets_of(insured), u(confirmed));
            let shares = scene.shares_of(scene.alice);
            if !shares.is_zero() {
                scene.request(scene.alice, shares);
            }
            scene.weeks(20);
            scene.serve();
            if !scene.claimable(scene.alice).1.is_zero() {
                scene.redeem_all(scene.alice);
            }
            prop_assert!(scene.read(IERC20::totalSupplyCall {}) <= u(200_000_000u64), "all shares could leave");
        }
    }
}
