//! Notice: who dislikes what was scheduled is out, with her money, before it can be executed.
//!
//! The timelock's delay is longer than a cohort's week and the vault's cooldown together, whatever the moment of the week
//! at which the change is announced: the request joins the cohort of that week, which closes within a week, and is served a
//! cooldown after.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolValue};
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};
use protocol::abi::{
    IAllocator, IERC4626, IPolicy,
    IRisk::{self, Terms},
    ITimelock::{self, TimelockInsufficientDelay, TimelockUnexpectedOperationState},
    IVault,
};
use testkit::{World, strategy::Strategy};
use timelock::Timelock;

use crate::{
    guarded::Guarded,
    insurer::{COOLDOWN, DAY, HOUR, Insurer, WEEK, cover, limits, text, u, usd},
};

/// What the delay must exceed: the time that leaving takes at most.
const LEAVING: u64 = WEEK + COOLDOWN;

/// The shortest notice that the timelock lets anybody give.
const DELAY: u64 = LEAVING + 1;

/// A change that its majority would not announce if it did not have to.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// Half of each premium, the most that there is, is the treasury's.
    Premiums,
    /// Cover without a waiting period, for next to nothing and as much of it as there is capital.
    Product,
    /// A strategy of theirs, and half of the capital put into it.
    Strategy,
}

const CHANGES: [Change; 3] = [Change::Premiums, Change::Product, Change::Strategy];

struct Batch {
    targets: Vec<Address>,
    payloads: Vec<Bytes>,
}

impl Batch {
    fn with<C: SolCall>(mut self, target: Address, call: C) -> Self {
        self.targets.push(target);
        self.payloads.push(call.abi_encode().into());
        self
    }

    fn schedule(&self, delay: u64) -> ITimelock::scheduleBatchCall {
        let (targets, payloads) = (self.targets.clone(), self.payloads.clone());
        let (predecessor, salt, values) = (B256::ZERO, text("hostile"), vec![U256::ZERO; targets.len()]);
        ITimelock::scheduleBatchCall { targets, values, payloads, predecessor, salt, delay: u(delay) }
    }

    fn execute(&self) -> ITimelock::executeBatchCall {
        let ITimelock::scheduleBatchCall { targets, values, payloads, predecessor, salt, .. } = self.schedule(0);
        ITimelock::executeBatchCall { targets, values, payloads, predecessor, salt }
    }
}

/// The operation of a change; `thief`: a strategy of theirs.
fn operation(insurer: &Insurer, change: Change, thief: Address) -> Batch {
    let nothing = Batch { targets: vec![], payloads: vec![] };
    match change {
        Change::Premiums => {
            let shares = IPolicy::setSharesCall { treasuryBps: 5_000, juryBps: 0, referralBps: 0 };
            nothing.with(insurer.policy, shares)
        }
        Change::Product => {
            let mut new_terms: Terms = insurer.read(insurer.risk, IRisk::termsCall { id: u(1) });
            new_terms.pricing.priorRate = new_terms.pricing.minRate;
            new_terms.pricing.costOfCapital = 0;
            new_terms.pricing.fullRate = new_terms.pricing.kinkRate;
            new_terms.limits = limits();
            let trigger = insurer.person("depeg");
            let add = IRisk::addProductCall { vault: insurer.vault, trigger, cover: cover::DEPEG, newTerms: new_terms };
            nothing.with(insurer.risk, add).with(insurer.risk, IRisk::setStatusCall { product: u(2), status: 1 })
        }
        Change::Strategy => {
            let risk_key = text("lending protocol");
            let add = IAllocator::addStrategyCall { strategy: thief, cap: usd(5_000_000), riskKey: risk_key };
            let invest = IVault::investCall { strategy: thief, assets: usd(2_000_000) };
            nothing.with(insurer.person("allocator"), add).with(insurer.vault, invest)
        }
    }
}

/// A change is announced so long after the week began, and an underwriter asks for her money in the same second. The
/// majority executes as early as it can. What the two have at the end.
fn announce(change: Change, offset: u64) -> (U256, U256) {
    let guarded = Guarded::new();
    let insurer = &guarded.insurer;
    let [governor, leaver, lender] = ["governor", "leaver", "lender"].map(|name| insurer.person(name));
    let thief = Strategy::deploy(&insurer.world, insurer.person("thief"), &insurer.token);
    insurer.world.warp(offset);
    let announced = insurer.world.now();
    let change_of_theirs = operation(insurer, change, thief.at);
    insurer.must(governor, insurer.owner, change_of_theirs.schedule(DELAY));
    insurer.request(leaver, insurer.shares(leaver));

    let closes = (announced / WEEK + 1) * WEEK;
    let due = closes + COOLDOWN;
    assert!(due - announced <= LEAVING && due < announced + DELAY);
    insurer.world.warp_to(due - 1);
    assert_eq!(insurer.serve(), (U256::ZERO, U256::ZERO), "not a second earlier");
    insurer.world.warp_to(due);
    let refused = insurer.world.refused(governor, insurer.owner, change_of_theirs.execute());
    refused.expect::<TimelockUnexpectedOperationState>();
    insurer.serve();
    let money = insurer.redeem_all(leaver);
    assert_eq!(insurer.money(leaver), money);
    assert_eq!(insurer.shares(leaver), U256::ZERO);

    insurer.world.warp_to(announced + DELAY);
    insurer.must(governor, insurer.owner, change_of_theirs.execute());
    if let Change::Strategy = change {
        thief.lose(&insurer.world, thief.assets(&insurer.world));
    }
    let stayed = insurer.shares(lender);
    (money, insurer.read(insurer.vault, IERC4626::convertToAssetsCall { shares: stayed }))
}

#[test]
fn an_underwriter_leaves_between_the_announcement_and_the_execution_of_a_hostile_change() {
    for change in CHANGES {
        // The first and the last second of the week, and what is between them.
        for offset in [0, 1, HOUR, 3 * DAY, WEEK - 1] {
            let (left, stayed) = announce(change, offset);
            assert!(usd(1_000_000) - left <= u(1), "{change:?} at {offset}: {left}");
            let robbed = matches!(change, Change::Strategy);
            assert_eq!(stayed <= usd(7_000_001), robbed, "{change:?}: who stays bears it: {stayed}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the second of the week.
    #[test]
    fn notice_is_long_enough_at_every_moment_of_the_week(offset in 0..WEEK, change in 0..CHANGES.len()) {
        let (left, _) = announce(CHANGES[change], offset);
        prop_assert!(usd(1_000_000) - left <= u(1));
    }

    /// A delay is refused exactly where leaving may take longer, whatever week and cooldown are.
    #[test]
    fn no_timelock_is_built_whose_notice_is_too_short(leaving in 0..60 * DAY, delay in 0..60 * DAY) {
        let built = build(&World::new(), delay, leaving);
        prop_assert_eq!(built.is_ok(), delay > leaving);
    }
}

fn build(world: &World, delay: u64, leaving: u64) -> Result<Address, testkit::Reverted> {
    let (at, governor) = (world.address("timelock"), world.address("governor"));
    let arguments = (u(delay), vec![governor], vec![Address::ZERO], Address::ZERO, u(leaving)).abi_encode_params();
    world.try_construct::<Timelock>(at, governor, arguments).map(|()| at)
}

#[test]
fn a_delay_not_longer_than_leaving_takes_is_refused_at_construction_and_afterwards() {
    let world = World::new();
    for delay in [0, COOLDOWN, LEAVING - 1, LEAVING] {
        let error = build(&world, delay, LEAVING).unwrap_err().expect::<TimelockInsufficientDelay>();
        assert_eq!((error.delay, error.minDelay), (u(delay), u(LEAVING + 1)));
    }
    let timelock = build(&world, DELAY, LEAVING).unwrap();
    let governor = world.address("governor");
    let update = |delay: u64| {
        let nothing = Batch { targets: vec![], payloads: vec![] };
        let batch = nothing.with(timelock, ITimelock::updateDelayCall { newDelay: u(delay) });
        let least = world.read(timelock, ITimelock::getMinDelayCall {}).to::<u64>();
        world.send(governor, timelock, batch.schedule(least)).unwrap();
        world.warp(least);
        world.send(governor, timelock, batch.execute()).map(drop)
    };
    for delay in [0, LEAVING] {
        let error = update(delay).unwrap_err().expect::<TimelockInsufficientDelay>();
        assert_eq!((error.delay, error.minDelay), (u(delay), u(LEAVING + 1)));
    }
    // Nor is anything scheduled with less.
    update(DELAY + DAY).unwrap();
    let batch = Batch { targets: vec![governor], payloads: vec![Bytes::new()] };
    let error = world.refused(governor, timelock, batch.schedule(DELAY)).expect::<TimelockInsufficientDelay>();
    assert_eq!((error.delay, error.minDelay), (u(DELAY), u(DELAY + DAY)));
}
