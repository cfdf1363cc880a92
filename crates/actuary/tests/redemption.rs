//! Redemption: the published example step by step, and random histories against a plain model that keeps every
//! request by itself.

use std::collections::BTreeMap;

use actuary::{
    books::{Books, Stream},
    redemption::{Cohort, Limits, Request, Served},
};
use proptest::prelude::*;

/// One million of an asset with six decimals; a share has twelve.
const M: u128 = 1_000_000_000_000;
const SHARES: u128 = 1_000_000;
const WEEK: u64 = 604_800;
/// The edge of some week.
const EDGE: u64 = 2_800 * WEEK;

/// Books with their cohorts and requests, as the vault's storage has them.
struct Pool {
    books: Books,
    now: u64,
    cohorts: BTreeMap<u64, Cohort>,
    requests: BTreeMap<&'static str, Request>,
    balances: BTreeMap<&'static str, u128>,
    served: u128,
    paid: BTreeMap<&'static str, u128>,
}

impl Pool {
    fn new() -> Self {
        Self {
            books: Books::new(EDGE, WEEK),
            now: EDGE,
            cohorts: BTreeMap::new(),
            requests: BTreeMap::new(),
            balances: BTreeMap::new(),
            served: 0,
            paid: BTreeMap::new(),
        }
    }

    fn go_to(&mut self, now: u64) {
        self.now = now;
        let accrued = self.books.accrue(now, u64::MAX, |_| 0).unwrap();
        if let Some((week, cap)) = accrued.closed {
            self.cohorts.get_mut(&week).unwrap().cap = cap;
        }
    }

    fn deposit(&mut self, who: &'static str, assets: u128) {
        let shares = self.books.value(self.now).unwrap().to_shares_down(assets).unwrap();
        self.books.enter(assets, shares).unwrap();
        *self.balances.entry(who).or_default() += shares;
    }

    fn request(&mut self, who: &'static str, shares: u128) {
        *self.balances.get_mut(who).unwrap() -= shares;
        let mut joining = shares;
        let request = self.requests.entry(who).or_default();
        if request.units > 0 && request.week != self.books.week {
            let cohort = self.cohorts.get_mut(&request.week).unwrap();
            joining += self.books.leave(request, cohort, self.now).unwrap().kept;
        }
        let cohort = self.cohorts.entry(self.books.week).or_default();
        self.books.join(request, cohort, joining).unwrap();
    }

    fn cancel(&mut self, who: &'static str) -> actuary::redemption::Left {
        let request = self.requests.get_mut(who).unwrap();
        let cohort = self.cohorts.get_mut(&request.week).unwrap();
        let left = self.books.leave(request, cohort, self.now).unwrap();
        *self.balances.get_mut(who).unwrap() += left.kept;
        left
    }

    fn serve(&mut self, week: u64, reserve: u128, minimum: u128) -> Option<Served> {
        let limits = Limits { reserve, minimum, liquid: self.books.pool };
        let served = self.books.serve(self.cohorts.get_mut(&week).unwrap(), &limits, self.now).unwrap();
        self.served += served.map_or(0, |served| served.assets);
        served
    }

    fn pending(&self, who: &str) -> u128 {
        let request = &self.requests[who];
        request.pending(self.cohorts.get(&request.week).unwrap_or(&Cohort::default())).unwrap()
    }

    fn claimable(&self, who: &str) -> (u128, u128) {
        let request = &self.requests[who];
        let cohort = self.cohorts[&request.week];
        (request.claimable_shares(&cohort).unwrap(), request.claimable_assets(&cohort).unwrap())
    }

    fn redeem_all(&mut self, who: &'static str) -> u128 {
        let shares = self.claimable(who).0;
        let request = self.requests.get_mut(who).unwrap();
        let assets = request.redeem(&self.cohorts[&request.week], shares).unwrap().unwrap();
        self.served -= assets;
        *self.paid.entry(who).or_default() += assets;
        assets
    }

    fn middle_price(&self) -> f64 {
        let price = self.books.value(self.now).unwrap().middle_price().unwrap();
        price.assets as f64 / price.shares as f64 * 1e6
    }
}

/// Within half of the last published digit.
#[track_caller]
fn near(actual: f64, expected: f64, digits: i32) {
    assert!((actual - expected).abs() <= 0.500_001 * 10f64.powi(-digits), "{actual} is not {expected}");
}

fn millions(units: u128) -> f64 {
    units as f64 / M as f64
}

#[test]
fn the_published_example() {
    let mut pool = Pool::new();
    for (who, amount) in [("A", 4), ("B", 1), ("C", 3), ("other", 2)] {
        pool.deposit(who, amount * M);
    }
    let first = pool.books.week;
    // Week 1: A asks 2M, B 1M. The cap becomes 1.000.
    pool.request("A", 2 * M * SHARES);
    pool.request("B", M * SHARES);
    // Week 2, 0.02M earned: C asks 3M. The cap becomes 1.002.
    pool.go_to(EDGE + WEEK);
    pool.books.enter(2 * M / 100, 0).unwrap();
    pool.request("C", 3 * M * SHARES);
    pool.go_to(EDGE + 2 * WEEK);
    pool.books.enter(2 * M / 100, 0).unwrap();
    near(pool.middle_price(), 1.0040, 6);

    // Week 5. With M = 8.0 the budget is 2.04: week 1 gets 68 % at 1.000.
    pool.go_to(EDGE + 4 * WEEK);
    let served = pool.serve(first, 0, 8 * M).unwrap();
    near(millions(served.assets), 2.04, 6);
    near(served.forgone as f64 / 1e6, 8_160.0, 1);
    near(millions(pool.claimable("A").1), 1.36, 6);
    near(millions(pool.claimable("B").1), 0.68, 6);
    near(pool.middle_price(), 1.0040, 6);

    // R = 2.0 opens; M leaves out what R holds, so M = 6: no budget.
    assert_eq!(pool.serve(first, 2 * M, 6 * M), None);
    // B cancels 0.32M and gets shares worth as much.
    let left = pool.cancel("B");
    near(millions(left.kept / SHARES), 0.318_725, 6);
    near(left.streamed as f64 / 1e6, 1_275.0 * 1.004, 0); // published in round numbers: 1,280
    near(left.streamed as f64 / 1e6, 1_280.0, -1);
    // A asks 1M more in week 5: what waited becomes 0.637450M.
    pool.request("A", M * SHARES);
    near(millions(pool.requests["A"].units / SHARES), 1.637_450, 6);
    near(millions(pool.claimable("A").1), 1.36, 6);
    assert_eq!((pool.cohorts[&first].units, pool.cohorts[&first].pending), (0, 0));

    // M = 5.0: week 2 is served 1.0M at (N − R) ÷ S.
    let value = pool.books.value(pool.now).unwrap();
    near(value.exit(2 * M) as f64 / value.supply as f64 * 1e6, 0.7526, 4);
    let served = pool.serve(first + 1, 2 * M, 5 * M).unwrap();
    near(millions(served.shares / SHARES), 1.328_687, 6);
    near(millions(served.assets), 1.0, 6);
    near(millions(served.forgone), 0.334, 3);
    near(millions(pool.books.stream.amount), 0.3460, 4);
    near(pool.middle_price(), 1.0040, 6);

    // R closes unpaid: the rest of C at its cap of 1.002.
    let served = pool.serve(first + 1, 0, 0).unwrap();
    near(millions(served.shares / SHARES), 1.671_313, 6);
    near(millions(served.assets), 1.674_656, 6);

    // Y matures: what is left of it at the edge that closes week 5 is the published 0.090597.
    let left = 90_597_000_000;
    let edge = EDGE + 5 * WEEK;
    let amount = pool.books.stream.amount;
    let lasting = WEEK * amount as u64 / (amount - left) as u64;
    pool.books.stream = Stream { amount, since: pool.now, end: pool.now + lasting };
    pool.go_to(edge);
    near(pool.middle_price(), 1.0562, 4);
    let served = pool.serve(first + 4, 0, 0).unwrap();
    near(millions(served.assets), 1.729_486, 5);

    for (who, published) in [("A", 3.089_486), ("B", 0.68), ("C", 2.674_656)] {
        near(millions(pool.redeem_all(who)), published, 5);
    }
    let value = pool.books.value(pool.now).unwrap();
    near(millions(value.middle()), 3.505_261, 5);
    near(millions(value.stream), 0.090_597, 5);
    let paid: u128 = pool.paid.values().sum();
    assert_eq!(paid + value.middle() + value.stream + pool.served, 1004 * M / 100);
    assert!(pool.served <= 2, "dust in served: {}", pool.served);
}

#[test]
fn a_request_is_no_free_option() {
    // The price rises after the week closed: cancelling gives back the worth at the cap, not the shares.
    let mut pool = Pool::new();
    pool.deposit("A", 10 * M);
    pool.request("A", 5 * M * SHARES);
    pool.go_to(EDGE + WEEK);
    pool.books.enter(M, 0).unwrap();
    let before = pool.middle_price();
    let left = pool.cancel("A");
    near(left.kept as f64 / (5 * M * SHARES) as f64, 10.0 / 11.0, 6);
    near(pool.middle_price(), before, 6);

    // The price falls: all shares come back.
    let mut pool = Pool::new();
    pool.deposit("A", 10 * M);
    pool.request("A", 5 * M * SHARES);
    pool.go_to(EDGE + WEEK);
    pool.books.pool -= M;
    assert_eq!(pool.cancel("A").burned, 0);
    assert_eq!(pool.balances["A"], 10 * M * SHARES);
}

#[test]
fn who_leaves_in_an_open_week_keeps_every_share() {
    let mut pool = Pool::new();
    pool.deposit("A", 10 * M);
    pool.request("A", 5 * M * SHARES);
    pool.books.enter(M, 0).unwrap();
    let left = pool.cancel("A");
    assert_eq!((left.kept, left.burned, left.dust, left.streamed), (5 * M * SHARES, 0, 0, 0));
    assert_eq!(pool.books.queued, 0);
}

#[test]
fn requested_shares_bear_losses_and_earn_nothing() {
    let mut pool = Pool::new();
    pool.deposit("A", 10 * M);
    pool.deposit("B", 10 * M);
    let week = pool.books.week;
    pool.request("A", 10 * M * SHARES);
    pool.go_to(EDGE + WEEK);
    pool.books.pool -= 8 * M; // a loss of 40 %
    pool.go_to(EDGE + 3 * WEEK);
    let served = pool.serve(week, 0, 0).unwrap();
    near(millions(served.assets), 6.0, 6);

    let mut pool = Pool::new();
    pool.deposit("A", 10 * M);
    pool.deposit("B", 10 * M);
    pool.request("A", 10 * M * SHARES);
    pool.go_to(EDGE + WEEK);
    pool.books.enter(2 * M, 0).unwrap();
    pool.go_to(EDGE + 3 * WEEK);
    let served = pool.serve(week, 0, 0).unwrap();
    near(millions(served.assets), 10.0, 6);
    near(millions(served.forgone), 1.0, 6);
}

/// Two losses of 40 % and 60 % against one waiting exit are one loss of 76 %.
#[test]
fn losses_multiply_against_a_waiting_exit() {
    let mut pool = Pool::new();
    pool.deposit("A", 10 * M);
    pool.deposit("B", 30 * M);
    let week = pool.books.week;
    pool.request("A", 10 * M * SHARES);
    pool.go_to(EDGE + WEEK);
    pool.books.pool -= pool.books.pool * 4 / 10;
    pool.books.pool -= pool.books.pool * 6 / 10;
    pool.go_to(EDGE + 3 * WEEK);
    let served = pool.serve(week, 0, 0).unwrap();
    let expected = 10 * M * 24 / 100;
    assert!(served.assets.abs_diff(expected) <= 2, "{} is not {expected}", served.assets);
}

#[test]
fn nobody_is_served_for_nothing() {
    let mut pool = Pool::new();
    pool.deposit("A", 10 * M);
    let week = pool.books.week;
    pool.request("A", 10 * M * SHARES);
    pool.go_to(EDGE + 3 * WEEK);
    // All but the stream is reserved: the exit price is nearly zero, and there is a budget.
    pool.books.stream_in(5 * M, pool.now).unwrap();
    assert_eq!(pool.serve(week, 5 * M, 0), None);
    // Nor by a budget of less than what a share costs.
    pool.books.stream = Stream::default();
    assert_eq!(pool.serve(week, 0, 10 * M), None);
    assert_eq!(pool.pending("A"), 10 * M * SHARES);
}

#[test]
fn dust_worth_nothing_does_not_block_the_queue() {
    let mut pool = Pool::new();
    pool.deposit("A", 10 * M);
    let week = pool.books.week;
    pool.request("A", 999_999); // less than one unit of the asset
    pool.go_to(EDGE + 3 * WEEK);
    let served = pool.serve(week, 0, 0).unwrap();
    assert_eq!((served.shares, served.assets), (999_999, 0));
    assert_eq!(pool.cohorts[&week].pending, 0);
}

/// Who asks while a share is worth nothing gets nothing, but does not hold up who asks later.
#[test]
fn a_cap_worth_nothing_does_not_block_the_queue() {
    let mut pool = Pool::new();
    pool.deposit("A", 10 * M);
    pool.deposit("B", 10 * M);
    let week = pool.books.week;
    pool.books.pool = 0;
    pool.request("A", 10 * M * SHARES);
    pool.go_to(EDGE + WEEK);
    pool.books.enter(4 * M, 0).unwrap();
    pool.request("B", 10 * M * SHARES);
    pool.go_to(EDGE + 4 * WEEK);
    let served = pool.serve(week, 0, 0).unwrap();
    assert_eq!((served.shares, served.assets), (10 * M * SHARES, 0));
    near(millions(served.forgone), 2.0, 5);
    let served = pool.serve(week + 1, 0, 0).unwrap();
    near(millions(served.assets), 2.0, 5);
}

proptest! {
    /// Whatever a share is worth, in a pool of up to 104 bits: a cohort is served, in parts too, and gets what was served.
    #[test]
    fn a_share_of_any_worth_is_served(
        pool in 1u128..1 << 104, bits in 0u32..=104, supply in 1u128..1 << 124, fewer in 0u32..124, percent in 0u128..100,
    ) {
        let (pool, supply) = ((pool >> (104 - bits)).max(1), (supply >> fewer).max(1));
        let mut books = Books { pool, supply, ..Books::new(EDGE, WEEK) };
        let (mut cohort, mut request) = (Cohort::default(), Request::default());
        books.join(&mut request, &mut cohort, supply).unwrap();
        let value = books.value(EDGE).unwrap();
        cohort.cap = value.middle_price().unwrap();
        let mut assets = 0;
        for minimum in [pool * percent / 100, 0] {
            let limits = Limits { reserve: 0, minimum, liquid: u128::MAX };
            assets += books.serve(&mut cohort, &limits, EDGE).unwrap().map_or(0, |served| served.assets);
        }
        let claimable = request.claimable_assets(&cohort).unwrap();
        prop_assert!(claimable <= assets, "{claimable} of {assets}");
        prop_assert!(assets - claimable <= 2 * (1 + supply / actuary::payout::RAY) + (assets >> 64));
    }
}

#[test]
fn a_cohort_waits_for_incidents_once() {
    let mut cohort = Cohort::default();
    assert!(cohort.waits(100, 10));
    assert!(cohort.waits(109, 10));
    assert!(!cohort.waits(110, 10));
    assert!(!cohort.waits(500, 10), "in all");
    assert_eq!(cohort.waiting, 100);
    assert!(!Cohort::default().waits(100, 0), "without patience");
}

#[test]
fn claims_are_pro_rata_down_for_shares_and_up_for_assets() {
    let cohort = Cohort { units: 10, pending: 0, gone: actuary::payout::RAY, alpha: 0, ..Cohort::default() };
    let request = Request { units: 0, week: 0, shares: 10, assets: 7 };
    let mut redeeming = request;
    assert_eq!(redeeming.redeem(&cohort, 3).unwrap(), Some(2));
    assert_eq!(redeeming.redeem(&cohort, 8).unwrap(), None);
    assert_eq!(redeeming.redeem(&cohort, 7).unwrap(), Some(5));
    assert_eq!((redeeming.shares, redeeming.assets), (0, 0));
    let mut withdrawing = request;
    assert_eq!(withdrawing.withdraw(&cohort, 2).unwrap(), Some(3));
    assert_eq!(withdrawing.withdraw(&cohort, 6).unwrap(), None);
    assert_eq!(withdrawing.withdraw(&cohort, 5).unwrap(), Some(7));
    assert_eq!((withdrawing.shares, withdrawing.assets), (0, 0));
}

/// The plain model: every request by itself, in fractions of 2⁻¹²⁸ of a share or a unit.
mod model {
    use alloy_primitives::U512;

    pub(crate) fn one() -> U512 {
        U512::from(1) << 128usize
    }

    /// A waiting request of one controller in one week.
    #[derive(Clone, Debug)]
    pub(crate) struct Waiting {
        pub(crate) who: usize,
        pub(crate) week: u64,
        pub(crate) shares: U512,
    }

    #[derive(Clone, Debug, Default)]
    pub(crate) struct Model {
        pub(crate) waiting: Vec<Waiting>,
        /// Assets to take, for each controller.
        pub(crate) claims: Vec<U512>,
    }

    impl Model {
        pub(crate) fn pending(&self, who: usize) -> U512 {
            self.waiting.iter().filter(|w| w.who == who).fold(U512::ZERO, |sum, w| sum + w.shares)
        }

        pub(crate) fn request(&mut self, who: usize, week: u64, shares: u128) {
            self.waiting.push(Waiting { who, week, shares: U512::from(shares) << 128usize });
        }

        pub(crate) fn leave(&mut self, who: usize) {
            self.waiting.retain(|w| w.who != who);
        }

        /// `shares` of the week are served for `assets`, each request in proportion.
        pub(crate) fn serve(&mut self, week: u64, shares: u128, assets: u128) {
            let all = self.waiting.iter().filter(|w| w.week == week).fold(U512::ZERO, |sum, w| sum + w.shares);
            let gone = (U512::from(shares) << 128usize).min(all);
            for waiting in self.waiting.iter_mut().filter(|w| w.week == week) {
                // Fractions of 128 bits keep both products inside 512.
                let part = waiting.shares * one() / all;
                self.claims[waiting.who] += part * U512::from(assets);
                waiting.shares -= ((gone >> 64usize) * part) >> 64usize;
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Deposit(usize, u64),
    Request(usize, u64),
    Cancel(usize),
    Serve { reserve: u64, minimum: u64 },
    Redeem(usize, u64),
    Withdraw(usize, u64),
    Gain(u64),
    Loss(u64),
    Wait(u64),
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0usize..4, 1u64..5_000_000_000).prop_map(|(who, amount)| Step::Deposit(who, amount)),
        4 => (0usize..4, 1u64..1_000).prop_map(|(who, part)| Step::Request(who, part)),
        1 => (0usize..4).prop_map(Step::Cancel),
        4 => (0u64..3_000_000_000, 0u64..3_000_000_000).prop_map(|(reserve, minimum)| Step::Serve { reserve, minimum }),
        2 => (0usize..4, 1u64..=1_000).prop_map(|(who, part)| Step::Redeem(who, part)),
        2 => (0usize..4, 1u64..=1_000).prop_map(|(who, part)| Step::Withdraw(who, part)),
        1 => (0u64..500_000_000).prop_map(Step::Gain),
        1 => (0u64..500_000_000).prop_map(Step::Loss),
        3 => (1u64..2 * WEEK).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// 80 random operations: shares and assets are conserved to the unit, no operation on the queue moves the middle
    /// price by more than rounding or lets anybody have more than the plain model, and what is claimable is covered.
    #[test]
    fn random_histories_conserve_shares_and_assets(steps in prop::collection::vec(step(), 80)) {
        let mut pool = Pool::new();
        let mut model = model::Model { claims: vec![Default::default(); 4], ..Default::default() };
        for name in NAMES {
            pool.balances.insert(name, 0);
            pool.requests.insert(name, Request::default());
            pool.paid.insert(name, 0);
        }
        let (mut came_in, mut lost, mut operations) = (0u128, 0u128, 0u128);
        let mut head = pool.books.week;
        for step in steps {
            let before = pool.books.value(pool.now).unwrap();
            let mut queue_only = true;
            operations += 1;
            match step.clone() {
                Step::Deposit(who, amount) => {
                    queue_only = false;
                    pool.deposit(NAMES[who], u128::from(amount));
                    came_in += u128::from(amount);
                }
                Step::Request(who, part) => {
                    let shares = pool.balances[NAMES[who]] * u128::from(part) / 1_000;
                    if shares == 0 {
                        continue;
                    }
                    if pool.books.queued == 0 {
                        head = pool.books.week;
                    }
                    pool.request(NAMES[who], shares);
                    model.leave(who);
                    model.request(who, pool.books.week, pool.pending(NAMES[who]));
                }
                Step::Cancel(who) => {
                    if pool.requests[NAMES[who]].units == 0 {
                        continue;
                    }
                    pool.cancel(NAMES[who]);
                    model.leave(who);
                }
                Step::Serve { reserve, minimum } => {
                    while head < pool.books.week && pool.cohorts.get(&head).is_none_or(|c| c.pending == 0) {
                        head += 1;
                    }
                    if head == pool.books.week || pool.books.queued == 0 {
                        continue;
                    }
                    if let Some(served) = pool.serve(head, u128::from(reserve), u128::from(minimum)) {
                        model.serve(head, served.shares, served.assets);
                    }
                }
                Step::Redeem(who, part) => {
                    let request = pool.requests[NAMES[who]];
                    let cohort = pool.cohorts.get(&request.week).copied().unwrap_or_default();
                    let shares = request.claimable_shares(&cohort).unwrap() * u128::from(part) / 1_000;
                    let assets = pool.requests.get_mut(NAMES[who]).unwrap().redeem(&cohort, shares).unwrap().unwrap();
                    pool.served -= assets; // panics where it is not covered
                    *pool.paid.get_mut(NAMES[who]).unwrap() += assets;
                }
                Step::Withdraw(who, part) => {
                    let request = pool.requests[NAMES[who]];
                    let cohort = pool.cohorts.get(&request.week).copied().unwrap_or_default();
                    let assets = request.claimable_assets(&cohort).unwrap() * u128::from(part) / 1_000;
                    prop_assert!(pool.requests.get_mut(NAMES[who]).unwrap().withdraw(&cohort, assets).unwrap().is_some());
                    pool.served -= assets;
                    *pool.paid.get_mut(NAMES[who]).unwrap() += assets;
                }
                Step::Gain(amount) => {
                    queue_only = false;
                    pool.books.enter(u128::from(amount), 0).unwrap();
                    came_in += u128::from(amount);
                }
                Step::Loss(amount) => {
                    queue_only = false;
                    let loss = u128::from(amount).min(pool.books.pool);
                    pool.books.pool -= loss;
                    pool.books.cut_stream(pool.now).unwrap();
                    lost += loss;
                }
                Step::Wait(seconds) => {
                    queue_only = false;
                    pool.go_to(pool.now + seconds);
                }
            }

            // Assets, to the unit.
            let paid: u128 = pool.paid.values().sum();
            prop_assert_eq!(pool.books.pool + pool.served + paid + lost, came_in);
            // Shares, to the unit: those held and those that wait; requests of one cohort may fall short of it by dust.
            let held: u128 = pool.balances.values().sum();
            prop_assert_eq!(held + pool.books.queued, pool.books.supply);
            let waiting: u128 = pool.cohorts.values().map(|cohort| cohort.pending).sum();
            prop_assert_eq!(waiting, pool.books.queued);
            let pending: u128 = NAMES.iter().map(|name| pool.pending(name)).sum();
            prop_assert!(pending <= waiting);
            prop_assert!(waiting - pending <= 4 * operations, "dust {}", waiting - pending);
            // What can be claimed is set aside.
            let claims: u128 = NAMES.iter().filter(|name| pool.cohorts.contains_key(&pool.requests[**name].week))
                .map(|name| pool.claimable(name).1).sum();
            prop_assert!(claims <= pool.served);
            prop_assert!(pool.served - claims <= 5 * operations, "dust {}", pool.served - claims);
            // The queue never moves the price by more than rounding, and never down.
            if queue_only {
                let after = pool.books.value(pool.now).unwrap();
                let (old, new) = (before.middle_price().unwrap(), after.middle_price().unwrap());
                prop_assert!(old.lower(new).unwrap() == old, "the price fell: {step:?} {before:?} {after:?}");
                let gain = after.middle() as i128
                    - old.assets_down(new.shares).unwrap() as i128;
                prop_assert!(gain <= 4, "the price jumped: {gain} units: {step:?} {before:?} {after:?}");
            }
            // Each controller has what the plain model gives it.
            for (who, name) in NAMES.iter().enumerate() {
                let expected = (model.pending(who) >> 128usize).to::<u128>();
                prop_assert!(pool.pending(name) <= expected + 1);
                prop_assert!(expected <= pool.pending(name) + 1_000_000 * operations);
                let had = pool.paid[name] + pool.cohorts.get(&pool.requests[name].week)
                    .map_or(0, |_| pool.claimable(name).1);
                let expected = (model.claims[who] >> 128usize).to::<u128>();
                prop_assert!(had <= expected + 1, "{had} is more than {expected}");
                prop_assert!(expected <= had + 2 * operations, "{had} is less than {expected}");
            }
        }
    }
}
