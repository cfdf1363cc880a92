//! What the test knows by itself: who has which policy, what was claimed, paid and given away.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256};
use protocol::abi::{IERC20, IERC4626, IPolicy, IRisk, IVault};
use testkit::{signer::Signer, strategy::Strategy};

use crate::{
    strategies::{self, Marks},
    town::{DAY, LINES, Pool, Settings, Town, WEEK, u},
    triggers::Event,
};

/// 2^48: what is unearned is kept in such parts of a unit.
const Q: u128 = 1 << 48;

/// A policy as the test keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) id: U256,
    /// Its line, as an index.
    pub(crate) line: usize,
    pub(crate) holder: Address,
    pub(crate) insured: Address,
    pub(crate) position: B256,
    pub(crate) amount: U256,
    pub(crate) ratio: u64,
    pub(crate) deductible: u64,
    /// The most that it can ever be paid.
    pub(crate) cover: U256,
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// On the claims clock.
    pub(crate) deadline: u64,
    /// The pool's premium, earned from `earning` to `end`.
    pub(crate) net: U256,
    pub(crate) earning: u64,
    pub(crate) entry: Vec<u8>,
    /// Confirmed claims, in all and by incident.
    pub(crate) confirmed: U256,
    pub(crate) claims: BTreeMap<u64, U256>,
    /// Of them, what was paid out or credited.
    pub(crate) got: U256,
    pub(crate) filed: bool,
    pub(crate) expired: bool,
    pub(crate) cancelled: bool,
}

impl Held {
    pub(crate) fn pool(&self) -> usize {
        LINES[self.line].pool
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.expired || self.cancelled
    }

    pub(crate) fn remaining(&self) -> U256 {
        self.cover - self.confirmed
    }

    /// A claim for a loss: amount × ratio × what of the loss is beyond the deductible, rounded down.
    pub(crate) fn claim(&self, loss: u16) -> U256 {
        let beyond = u64::from(loss).saturating_sub(self.deductible);
        self.amount * u(self.ratio) * u(beyond) / u(100_000_000u64)
    }

    /// By how much its claims rise for a loss under an incident.
    pub(crate) fn rise(&self, incident: u64, loss: u16) -> U256 {
        let had = self.claims.get(&incident).copied().unwrap_or_default();
        self.claim(loss).saturating_sub(had).min(self.remaining())
    }

    /// What of the premium its cover has not used: net × time left ÷ time, rounded down.
    pub(crate) fn unused(&self, now: u64) -> U256 {
        self.net * u(self.end.saturating_sub(now.max(self.earning))) / u(self.end - self.earning)
    }

    /// What of the premium the pool has not earned, in parts of 2^48: from the weekly edge after the start to the
    /// weekly edge after the end, at a constant rate, rounded up.
    pub(crate) fn unearned(&self, now: u64) -> U256 {
        if self.cancelled {
            return U256::ZERO;
        }
        let edge = |time: u64| (time / WEEK + 1) * WEEK;
        let (from, until) = (edge(self.earning), edge(self.end).max(edge(self.earning) + WEEK));
        let rate = (self.net * U256::from(Q)).div_ceil(u(until - from));
        rate * u(until.saturating_sub(now.max(from)))
    }

    /// Whether Risk still has its cover in the books, once a line is brought up to a time on the claims clock.
    pub(crate) fn is_in_force(&self, clock: u64) -> bool {
        !self.cancelled && if self.filed { !self.expired } else { self.deadline / WEEK >= clock / WEEK }
    }
}

/// ⌈parts ÷ 2^48⌉.
pub(crate) fn whole_up(parts: U256) -> U256 {
    parts.div_ceil(U256::from(Q))
}

/// All that a pool says about itself, read once.
pub(crate) struct Look {
    pub(crate) solvency: IVault::Solvency,
    pub(crate) fees: U256,
    pub(crate) balance: U256,
    pub(crate) supply: U256,
    pub(crate) total: U256,
    /// What its strategies are worth; nothing for a pool without them.
    pub(crate) marks: Marks,
}

impl Look {
    pub(crate) fn at(model: &Model, pool: usize) -> Self {
        let town = &model.town;
        let vault = town.pools[pool].vault;
        let fees = town.read(vault, IVault::feesAccruedCall {});
        Self {
            solvency: town.solvency(pool),
            fees: fees.treasuryFee + fees.juryFee,
            balance: town.money(pool, vault),
            supply: town.read(vault, IERC20::totalSupplyCall {}),
            total: town.read(vault, IERC4626::totalAssetsCall {}),
            marks: if pool == 0 { model.marks() } else { Marks::default() },
        }
    }

    /// TA: assets less what is owed, investments at their books.
    pub(crate) fn booked(&self) -> U256 {
        self.solvency.assets.saturating_sub(self.solvency.owed)
    }

    /// What investments are worth above their books, as far as it counts: where nothing is invested, it does not.
    pub(crate) fn gain(&self) -> U256 {
        let invested = self.solvency.invested;
        if invested.is_zero() { invested } else { self.marks.high - invested }
    }

    /// What of the investments' books is not certain.
    pub(crate) fn doubt(&self) -> U256 {
        self.solvency.invested.saturating_sub(self.marks.low)
    }
}

/// The town, and what the test knows of it.
pub(crate) struct Model {
    pub(crate) town: Town,
    /// Who deposits, buys and holds; the fourth signs for others to insure him, the last is the second pool's asset,
    /// which calls back.
    pub(crate) people: Vec<Address>,
    pub(crate) signer: Signer,
    /// Where the first pool's money may work: an honest strategy, one that gains and loses, and a hostile one.
    pub(crate) strategies: [Strategy; 3],
    /// What strategies have earned and lost, by the test's doing.
    pub(crate) earned: U256,
    pub(crate) lost: U256,
    pub(crate) policies: Vec<Held>,
    /// What was given to a pool by plain transfers.
    pub(crate) donated: [U256; 2],
    /// What was made of the first pool's asset.
    pub(crate) minted: U256,
    /// Calls so far: each may leave a unit of rounding behind.
    pub(crate) calls: u64,
    /// Rates as they were seen last.
    pub(crate) rates: BTreeMap<u64, (u64, U256)>,
    /// Steps that did something, and that were refused, by kind.
    pub(crate) counts: BTreeMap<&'static str, (u64, u64)>,
}

/// What everybody has at the start, in whole units.
const FORTUNE: u64 = 100_000_000;

impl Model {
    /// A town with two million from a founder in each pool, where everybody has money.
    pub(crate) fn new() -> Self {
        let town = Town::with(Settings { floor: 2_000_000, factor: 5_000, ..Settings::default() });
        let signer = Signer::new("dave");
        let mut people: Vec<_> = ["alice", "bob", "carol"].map(|name| town.person(name)).to_vec();
        people.push(signer.address);
        people.push(town.pools[1].token.at);
        let mut minted = U256::ZERO;
        for who in people.iter().copied().chain([town.person("founder")]) {
            for pool in 0..2 {
                town.fund(pool, who, town.whole(FORTUNE));
            }
            minted += town.whole(FORTUNE);
        }
        // No more capital than the requirement: disasters on all risk keys at once are more than a pool can pay.
        for Pool { vault, .. } in &town.pools {
            let floor = town.whole(2_000_000).to();
            let set = IRisk::setCapitalCall { vault: *vault, minimumBps: 10_000, targetBps: 10_000, floor };
            town.must(town.owner, town.risk, set);
        }
        for pool in 0..2 {
            let deposit = IERC4626::depositCall { assets: town.whole(2_000_000), receiver: town.person("founder") };
            town.must(town.person("founder"), town.pools[pool].vault, deposit);
        }
        Self {
            strategies: strategies::deploy(&town),
            earned: U256::ZERO,
            lost: U256::ZERO,
            town,
            people,
            signer,
            policies: vec![],
            donated: [U256::ZERO; 2],
            minted,
            calls: 0,
            rates: BTreeMap::new(),
            counts: BTreeMap::new(),
        }
    }

    pub(crate) fn now(&self) -> u64 {
        self.town.world.now()
    }

    /// Everybody that may have shares, requests or credits of a pool.
    pub(crate) fn holders(&self) -> impl Iterator<Item = Address> + '_ {
        self.people.iter().copied().chain([self.town.person("founder"), self.town.owner, self.town.person("safe")])
    }

    /// An event of a line's subject, if its trigger is the scripted one.
    pub(crate) fn event(&self, line: usize, incident: u64) -> Option<Event> {
        if LINES[line].product == crate::town::DEPEG {
            return None;
        }
        let events = self.town.script.of(LINES[line].subject()).events.borrow();
        events.get((incident as usize).wrapping_sub(1)).copied()
    }

    /// What the trigger says of a policy's loss in an event of its subject.
    pub(crate) fn loss(&self, policy: &Held, event: &Event) -> (u8, u16) {
        event.loss(policy.start, policy.end, policy.position)
    }

    /// The cover that is in the books of a line, by its policies.
    pub(crate) fn cover_of(&self, line: usize, clock: u64) -> U256 {
        let live = self.policies.iter().filter(|policy| policy.line == line && policy.is_in_force(clock));
        live.map(Held::remaining).sum()
    }

    /// A pool's money, in strategies too, less what it has credited: what leaves it reaches somebody, at once or as a
    /// credit.
    pub(crate) fn kept(&self, pool: usize) -> U256 {
        let vault = self.town.pools[pool].vault;
        let credit = |account: Address| self.town.read(vault, IVault::creditOfCall { account });
        let working = if pool == 0 { self.working() } else { U256::ZERO };
        self.town.money(pool, vault) + working - self.holders().map(credit).sum::<U256>()
    }

    /// A policy as the contract tells it must be the one that the test keeps.
    pub(crate) fn agrees(&self, policy: &Held) -> bool {
        let told = self.town.policy_of(policy.id);
        let IPolicy::Policy { holder, product, subject, insured, position, amount, confirmed, remaining, .. } = told;
        let line = &LINES[policy.line];
        holder == policy.holder
            && (product, subject) == (u(line.product), line.subject())
            && (insured, position) == (policy.insured, policy.position)
            && (amount, confirmed, remaining) == (policy.amount, policy.confirmed, policy.remaining())
            && (told.start, told.end, told.deadline) == (policy.start, policy.end, policy.deadline)
            && (u64::from(told.ratioBps), u64::from(told.deductibleBps)) == (policy.ratio, policy.deductible)
            && (told.net, told.earning) == (policy.net, policy.earning)
            && (told.filed, told.expired, told.cancelled) == (policy.filed, policy.expired, policy.cancelled)
            && !told.locked
    }

    /// Brings all lines and both vaults up to now.
    pub(crate) fn catch_up(&self) {
        let anyone = self.town.person("anyone");
        for line in LINES {
            let call = IRisk::catchUpCall { product: u(line.product), subject: line.subject(), n: u(1_000u64) };
            self.town.must(anyone, self.town.risk, call);
        }
        for pool in &self.town.pools {
            self.town.must(anyone, pool.vault, IVault::catchUpCall { edges: u(1_000u64) });
        }
    }

    /// Waiting, grace and the bounds of the term of a line's product.
    pub(crate) fn times(&self, line: usize) -> (u64, u64) {
        let (unit, product) = (self.town.unit, LINES[line].product);
        let limits = match product {
            crate::town::FIRST | crate::town::OTHER => crate::town::plain_terms(unit).limits,
            _ => crate::town::deployed_terms(unit).limits,
        };
        let waiting = if product == crate::town::DEPEG { 3 * DAY } else { 3_600 };
        (waiting, u64::from(limits.grace))
    }
}
