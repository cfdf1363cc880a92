//! What is owed: the published example, every order of filing, and random histories against a plain model.

use actuary::{
    books::Books,
    payout::{RAY, Record, Rise},
};
use proptest::prelude::*;

/// One million of an asset with six decimals.
const M: u128 = 1_000_000_000_000;
const NOW: u64 = 1_700_000_000;
const WEEK: u64 = 604_800;

/// A policy in the tests: its record, its confirmed claims, what it has been paid.
#[derive(Clone, Copy, Debug, Default)]
struct Policy {
    record: Record,
    confirmed: u128,
    paid: u128,
}

/// A pool that knows its reserve, as risk and vault do together.
struct Pool {
    books: Books,
    reserve: u128,
    /// Set aside for owed claims and not taken.
    payable: u128,
}

impl Pool {
    fn new(assets: u128) -> Self {
        let mut books = Books::new(NOW, WEEK);
        books.enter(assets, assets * 1_000_000).unwrap();
        Self { books, reserve: 0, payable: 0 }
    }

    fn assets(&self) -> u128 {
        self.books.value(NOW).unwrap().assets
    }

    fn owed(&self) -> u128 {
        self.books.debt.owed
    }

    /// A policy's confirmed claims rise to `total`; the reserve falls by the rise.
    fn file(&mut self, policy: &mut Policy, total: u128) {
        let reserve_after = self.reserve - (total - policy.confirmed);
        let rise = Rise { before: policy.confirmed, total, reserve_before: self.reserve, reserve_after };
        let settlement = self.books.settle(&rise, &policy.record, NOW).unwrap();
        policy.confirmed = total;
        policy.record = settlement.record;
        policy.paid += settlement.paid + settlement.former;
        self.payable = self.payable + settlement.set_aside - settlement.taken - settlement.former;
        self.reserve = reserve_after;
    }

    fn top_up(&mut self) -> u128 {
        let amount = self.books.top_up(self.reserve, NOW).unwrap();
        self.payable += amount;
        amount
    }

    /// Pays what a policy was topped up by: never more than is set aside.
    fn claim(&mut self, policy: &mut Policy) {
        let owed = policy.record.owed_now(&self.books.debt).unwrap();
        self.payable -= policy.record.owed - owed;
        policy.paid += policy.record.owed - owed;
        policy.record = Record { owed, psi: self.books.debt.psi, epoch: self.books.debt.epoch, ..policy.record };
    }
}

/// Within `digits` decimals of a million: the published numbers are rounded so.
#[track_caller]
fn near(actual: u128, millions: f64, digits: i32) {
    let actual = actual as f64 / M as f64;
    assert!((actual - millions).abs() <= 0.5 * 10f64.powi(-digits) * 1.000_001, "{actual} is not {millions}");
}

#[test]
fn the_published_example() {
    let mut pool = Pool::new(10 * M);
    let [mut a, mut b, mut c, mut d] = [Policy::default(); 4];
    pool.reserve = 12 * M;

    pool.file(&mut a, 8 * M / 10);
    near(a.paid, 0.6667, 4);
    near(pool.assets(), 9.3333, 4);
    near(pool.reserve, 11.2, 4);
    near(pool.books.debt.claims, 0.8, 4);
    near(pool.owed(), 0.1333, 4);

    pool.file(&mut c, M);
    near(c.paid, 0.8333, 4);
    near(pool.assets(), 8.5, 4);
    near(pool.reserve, 10.2, 4);
    near(pool.books.debt.claims, 1.8, 4);
    near(pool.owed(), 0.3, 4);

    // The worst loss of X becomes 70 %: the reserve was a ceiling before, so it stays.
    pool.file(&mut b, 28 * M / 10);
    near(b.paid, 2.3333, 4);
    near(pool.assets(), 6.1667, 4);
    near(pool.reserve, 7.4, 4);
    near(pool.books.debt.claims, 4.6, 4);
    near(pool.owed(), 0.7667, 4);

    // X closes: of its reserve only a's rise is left.
    pool.reserve = 56 * M / 10;
    near(pool.top_up(), 0.6765, 4);
    for policy in [&mut a, &mut b, &mut c] {
        pool.claim(policy);
        near(policy.paid * M / policy.confirmed, 0.9804, 4);
    }

    pool.file(&mut a, 14 * M / 10);
    near(a.paid, 1.3725, 4);
    pool.file(&mut d, 5 * M);
    near(d.paid, 4.9020, 4);
    assert!(pool.assets() <= 8, "all is spent");
    near(pool.owed(), 0.2, 4);
}

#[test]
fn who_never_files_leaves_the_others_paid_in_full() {
    let mut pool = Pool::new(10 * M);
    let [mut a, mut c] = [Policy::default(); 2];
    pool.reserve = 12 * M;
    pool.file(&mut a, 8 * M / 10);
    pool.file(&mut c, M);
    // X closes at 40 %, so b could still claim 1.6 and d 5.
    pool.reserve = 66 * M / 10;
    near(pool.top_up(), 0.3, 6);
    assert_eq!(pool.owed(), 0);
    assert_eq!((pool.books.debt.claims, pool.books.debt.psi, pool.books.debt.epoch), (0, RAY, 1));
    for policy in [&mut a, &mut c] {
        pool.claim(policy);
        assert_eq!(policy.paid, policy.confirmed);
    }
    // At the lapses the reserve is gone: what is left is the shares'.
    near(pool.assets(), 8.2, 6);
}

#[test]
fn two_total_losses_are_paid_with_the_same_share() {
    let mut pool = Pool::new(10 * M);
    pool.reserve = 12 * M;
    let [mut x, mut y] = [Policy::default(); 2];
    pool.file(&mut x, 6 * M);
    pool.file(&mut y, 6 * M);
    for policy in [&mut x, &mut y] {
        pool.claim(policy);
        near(policy.paid * M / policy.confirmed, 0.8333, 4);
    }
    assert!(pool.assets() <= 8);
}

#[test]
fn a_later_incident_shares_what_came_in_since_and_nobody_pays_back() {
    for swapped in [false, true] {
        let mut pool = Pool::new(5 * M);
        pool.reserve = 6 * M;
        let [mut x, mut c, mut d] = [Policy::default(); 3];
        pool.file(&mut x, 6 * M);
        near(x.paid, 5.0, 6);
        assert_eq!(pool.assets(), 0);

        pool.books.enter(M, 0).unwrap(); // a premium, say
        pool.reserve = 3 * M; // Y opens
        let (first, second) = if swapped { (&mut d, &mut c) } else { (&mut c, &mut d) };
        pool.file(first, 15 * M / 10);
        pool.file(second, 15 * M / 10);
        for policy in [&mut c, &mut d] {
            pool.claim(policy);
            near(policy.paid * M / policy.confirmed, 0.3333, 4);
        }
        pool.claim(&mut x);
        near(x.paid * M / x.confirmed, 0.8333, 4);

        pool.books.enter(M, 0).unwrap();
        near(pool.top_up(), 1.0, 6);
        for (policy, share) in [(&mut x, 0.8889), (&mut c, 0.5556), (&mut d, 0.5556)] {
            pool.claim(policy);
            near(policy.paid * M / policy.confirmed, share, 4);
        }
    }
}

/// The two incidents of the example as events: X covers 6 and is known at 40 %, then at 70 %, then closed; Y covers 6
/// and is lost in full. a and b claim under X, c and d under Y.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    RaiseX,
    CloseX,
    File(usize),
}

/// The claims of a, b, c, d under X at 40 %, X at 70 %, or Y.
fn claim_of(policy: usize, worst: u128) -> u128 {
    [2 * M * worst / 10, 4 * M * worst / 10, M, 5 * M][policy]
}

/// Enough for everybody, but four of ten million do not come back at once: what is liquid is paid, the rest is owed, and
/// paid when it comes.
#[test]
fn a_solvent_pool_owes_what_is_not_liquid() {
    let mut pool = Pool::new(10 * M);
    pool.books.invested = 4 * M;
    let [mut a, mut b] = [Policy::default(); 2];
    pool.reserve = 9 * M;
    pool.file(&mut a, 7 * M);
    assert_eq!((a.paid, pool.owed(), pool.assets()), (6 * M, M, 4 * M));
    pool.file(&mut b, 2 * M);
    assert_eq!((b.paid, pool.owed(), pool.assets()), (0, 3 * M, 4 * M));
    assert_eq!(pool.top_up(), 0);
    // Half of what is owed comes: half of it to each.
    pool.books.invested = 25 * M / 10;
    assert_eq!(pool.top_up(), 15 * M / 10);
    pool.claim(&mut a);
    pool.claim(&mut b);
    assert_eq!((a.paid, b.paid, pool.owed()), (65 * M / 10, M, 15 * M / 10));
    pool.books.invested = 0;
    pool.top_up();
    pool.claim(&mut a);
    pool.claim(&mut b);
    assert_eq!((a.paid, b.paid, pool.owed(), pool.payable, pool.assets()), (7 * M, 2 * M, 0, 0, M));
}

/// Plays the events in this order, then lets everybody file what is still due; answers the four shares in 1e-12.
fn play(assets: u128, events: &[Event]) -> [u128; 4] {
    let mut pool = Pool::new(assets);
    let mut policies = [Policy::default(); 4];
    let (mut worst, mut closed) = (4, false);
    let reserve = |policies: &[Policy; 4], worst: u128, closed: bool| {
        let x = if closed { 6 * M * worst / 10 } else { 6 * M };
        (x - policies[0].confirmed - policies[1].confirmed) + (6 * M - policies[2].confirmed - policies[3].confirmed)
    };
    for event in events.iter().copied().chain([Event::RaiseX, Event::CloseX]).chain((0..4).map(Event::File)) {
        pool.reserve = reserve(&policies, worst, closed);
        match event {
            Event::RaiseX if !closed => worst = 7,
            Event::CloseX if worst == 7 => closed = true,
            Event::File(policy) => {
                let total = claim_of(policy, worst);
                if total > policies[policy].confirmed {
                    pool.file(&mut policies[policy], total);
                }
            }
            _ => {}
        }
    }
    assert_eq!(reserve(&policies, worst, closed), 0, "everybody has filed");
    pool.reserve = 0;
    pool.top_up();
    for policy in &mut policies {
        pool.claim(policy);
    }
    let spent = policies.iter().map(|policy| policy.paid).sum::<u128>();
    assert!(spent <= assets && (spent + 40 >= assets || pool.owed() == 0), "{spent} of {assets}");
    policies.map(|policy| policy.paid * M / policy.confirmed)
}

/// Every order of the six events.
fn orders() -> Vec<Vec<Event>> {
    fn extend(prefix: &mut Vec<Event>, rest: &[Event], all: &mut Vec<Vec<Event>>) {
        if rest.is_empty() {
            all.push(prefix.clone());
        }
        for (at, event) in rest.iter().enumerate() {
            let mut others = rest.to_vec();
            others.remove(at);
            prefix.push(*event);
            extend(prefix, &others, all);
            prefix.pop();
        }
    }
    let events = [Event::RaiseX, Event::CloseX, Event::File(0), Event::File(1), Event::File(2), Event::File(3)];
    let mut all = Vec::new();
    extend(&mut Vec::new(), &events, &mut all);
    all
}

#[test]
fn claims_end_with_the_same_share_in_any_order() {
    for (assets, share) in [(10, 0.9804), (9, 0.8824), (8, 0.7843), (11, 1.0)] {
        let orders = orders();
        assert_eq!(orders.len(), 720);
        for order in orders {
            let shares = play(assets * M, &order);
            let (low, high) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
            // Shares have twelve decimals here, so 10 of them are 1e-11.
            assert!(high - low <= 10, "{order:?} at {assets}: {shares:?}");
            near(*low, share, 4);
        }
    }
}

/// Claims from a dollar to a million under one incident that is lost in full, filed in any order: each gets its share
/// to the unit, also those that come when hardly anything is reserved any more.
#[test]
fn the_last_small_claim_gets_what_the_first_large_one_got() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for _ in 0..100 {
        let mut claims: Vec<u128> = (0..30).map(|i| M / 10u128.pow(i % 7) + u128::from(random() % 1_000)).collect();
        for i in (1..claims.len()).rev() {
            claims.swap(i, random() as usize % (i + 1));
        }
        let total: u128 = claims.iter().sum();
        let assets = total * u128::from(random() % 900 + 50) / 1_000;
        let mut pool = Pool::new(assets);
        pool.reserve = total;
        let mut policies = vec![Policy::default(); claims.len()];
        for (policy, claim) in policies.iter_mut().zip(&claims) {
            pool.file(policy, *claim);
        }
        pool.top_up();
        for policy in &mut policies {
            pool.claim(policy);
            let exact = assets * policy.confirmed / total;
            assert!(policy.paid.abs_diff(exact) <= 40, "{} instead of {exact} of {}", policy.paid, policy.confirmed);
        }
    }
}

/// With amounts so large that ψ has fewer digits than they have, what is payable still covers what can be taken.
#[test]
fn rounding_of_large_amounts_never_promises_more_than_is_set_aside() {
    const LARGE: u128 = 1 << 101;
    for part in 1..200u128 {
        let mut pool = Pool::new(0);
        pool.books.pool = LARGE;
        let mut policies = [Policy::default(); 3];
        pool.reserve = 7 * LARGE;
        for (i, policy) in policies.iter_mut().enumerate() {
            pool.file(policy, LARGE / 3 + LARGE / (7 + i as u128) + part);
        }
        for step in 0..5 {
            pool.books.enter(LARGE / (part + 3 + step), 0).unwrap();
            pool.reserve = LARGE / (step + 1);
            pool.top_up();
        }
        for policy in &mut policies {
            pool.claim(policy); // overflows where it is not covered
        }
    }
}

#[test]
fn a_solvent_pool_pays_in_full_and_keeps_no_debt() {
    let mut pool = Pool::new(10 * M);
    pool.reserve = 3 * M;
    let mut policy = Policy::default();
    pool.file(&mut policy, M);
    pool.file(&mut policy, 3 * M);
    assert_eq!(policy.paid, 3 * M);
    assert_eq!(policy.record.owed, 0);
    assert_eq!(pool.books.debt, Default::default());
    assert_eq!(pool.assets(), 7 * M);
}

#[test]
fn a_claim_cannot_fall() {
    let mut books = Books::new(NOW, WEEK);
    books.enter(M, M).unwrap();
    let rise = Rise { before: 2, total: 1, reserve_before: 0, reserve_after: 0 };
    assert!(books.settle(&rise, &Record::default(), NOW).is_err());
}

/// A plain model of the same rules, without ψ and without K and O: every claim is kept by itself, in exact fractions
/// of 2⁻⁶⁰.
mod model {
    pub(crate) type Fraction = i128;
    pub(crate) const ONE: Fraction = 1 << 60;

    #[derive(Clone, Debug)]
    pub(crate) struct Claim {
        pub(crate) total: Fraction,
        pub(crate) paid: Fraction,
    }

    pub(crate) struct Pool {
        pub(crate) assets: Fraction,
        pub(crate) reserve: Fraction,
        pub(crate) claims: Vec<Claim>,
    }

    fn mul_div(a: Fraction, b: Fraction, d: Fraction) -> Fraction {
        use alloy_primitives::I256;
        let [a, b, d] = [a, b, d].map(|x| I256::try_from(x).unwrap());
        (a.checked_mul(b).unwrap() / d).try_into().unwrap()
    }

    impl Pool {
        /// Everybody who is owed gets the part of it that what is spare allows.
        pub(crate) fn top_up(&mut self) {
            let unpaid: Vec<usize> =
                (0..self.claims.len()).filter(|&i| self.claims[i].paid < self.claims[i].total).collect();
            let k: Fraction = unpaid.iter().map(|&i| self.claims[i].total).sum();
            let d: Fraction = unpaid.iter().map(|&i| self.claims[i].paid).sum();
            let owed = k - d;
            if owed == 0 {
                return;
            }
            let all = self.assets >= owed + self.reserve;
            let amount = if all { owed } else { (mul_div(self.assets + d, k, k + self.reserve) - d).max(0) };
            for &i in &unpaid {
                let claim = &mut self.claims[i];
                let part = if all { claim.total - claim.paid } else { mul_div(claim.total - claim.paid, amount, owed) };
                claim.paid += part;
                self.assets -= part;
            }
        }

        pub(crate) fn rise(&mut self, who: usize, total: Fraction) {
            self.top_up();
            let before = self.claims[who].clone();
            let others = self.claims.iter().enumerate().filter(|(i, c)| *i != who && c.paid < c.total);
            let (k, d) = others.fold((before.total, before.paid), |(k, d), (_, c)| (k + c.total, d + c.paid));
            let due = if self.assets >= self.reserve {
                total
            } else if d == 0 || mul_div(d, k + self.reserve, k.max(1)) <= self.assets + d {
                mul_div(total, self.assets + d, k + self.reserve)
            } else {
                mul_div(total, self.assets, self.reserve)
            };
            let pay = (due - before.paid).clamp(0, self.assets);
            self.claims[who] = Claim { total, paid: before.paid + pay };
            self.assets -= pay;
            self.reserve -= total - before.total;
            self.top_up();
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Rise { who: usize, by: u64 },
    Income(u64),
    Reserve(u64),
    TopUp,
    Claim(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0usize..5, 1_000_000u64..2_000_000_000).prop_map(|(who, by)| Step::Rise { who, by }),
        2 => (0u64..1_000_000_000).prop_map(Step::Income),
        2 => (0u64..6_000_000_000).prop_map(Step::Reserve),
        1 => Just(Step::TopUp),
        1 => (0usize..5).prop_map(Step::Claim),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Money is conserved to the unit, what is payable covers what can be taken, and each claim has what the plain
    /// model gives it, whatever the history.
    #[test]
    fn random_histories_agree_with_the_plain_model(steps in prop::collection::vec(step(), 1..60), start in 0u64..4_000_000_000) {
        let mut pool = Pool::new(u128::from(start));
        let mut model = model::Pool {
            assets: i128::from(start) * model::ONE, reserve: 0, claims: vec![model::Claim { total: 0, paid: 0 }; 5],
        };
        let mut policies = [Policy::default(); 5];
        let mut came_in = u128::from(start);
        for step in steps {
            match step {
                Step::Rise { who, by } => {
                    let by = u128::from(by);
                    // The reserve always holds at least what is claimed next.
                    pool.reserve = pool.reserve.max(by);
                    model.reserve = model.reserve.max(by as i128 * model::ONE);
                    let policy = &mut policies[who];
                    let total = policy.confirmed + by;
                    pool.file(policy, total);
                    model.rise(who, total as i128 * model::ONE);
                }
                Step::Income(amount) => {
                    pool.books.enter(u128::from(amount), 0).unwrap();
                    came_in += u128::from(amount);
                    model.assets += i128::from(amount) * model::ONE;
                }
                Step::Reserve(reserve) => {
                    pool.reserve = u128::from(reserve);
                    model.reserve = i128::from(reserve) * model::ONE;
                }
                Step::TopUp => {
                    pool.top_up();
                    model.top_up();
                }
                Step::Claim(who) => {
                    pool.claim(&mut policies[who]);
                }
            }
            let paid: u128 = policies.iter().map(|policy| policy.paid).sum();
            prop_assert_eq!(pool.books.pool + pool.payable + paid, came_in, "nothing is lost or made");
            for policy in &policies {
                prop_assert!(policy.paid <= policy.confirmed);
            }
        }
        pool.top_up();
        model.top_up();
        for (policy, claim) in policies.iter_mut().zip(&model.claims) {
            pool.claim(policy);
            let expected = claim.paid / model::ONE;
            let difference = (policy.paid as i128 - expected).abs();
            // Whole units against exact fractions: the slack of the share rule and a unit for each step.
            prop_assert!(difference <= 2_000, "{} against {expected}", policy.paid);
        }
        prop_assert!(pool.payable <= 400, "dust only: {}", pool.payable);
    }
}
