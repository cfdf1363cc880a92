//! The books: entry prices, premiums at one-second steps, the stream, and catching up in pieces.

use std::collections::BTreeMap;

use actuary::books::{
    Books, Earning, FRACTION_BITS, Marked, Marks, Recovered, STREAM_WEEKS, Stream, edge, scale_up, unused,
};
use alloy_primitives::U256;
use proptest::prelude::*;

const M: u128 = 1_000_000_000_000;
const START: u64 = 1_700_000_000;

/// Books with the changes of their rate, as the vault's storage has them.
struct Pool {
    books: Books,
    changes: BTreeMap<u64, i128>,
    policies: Vec<Sold>,
}

/// A premium as policies keep it: all that its earning follows from.
#[derive(Clone, Copy, Debug)]
struct Sold {
    net: u128,
    start: u64,
    end: u64,
}

impl Pool {
    fn new(seconds: u64) -> Self {
        Self { books: Books::new(START, seconds), changes: BTreeMap::new(), policies: Vec::new() }
    }

    fn accrue(&mut self, now: u64) {
        assert!(self.accrue_at_most(now, u64::MAX));
    }

    fn accrue_at_most(&mut self, now: u64, edges: u64) -> bool {
        let changes = &self.changes;
        self.books.accrue(now, edges, |week| changes.get(&week).copied().unwrap_or_default()).unwrap().done
    }

    fn premium(&mut self, net: u128, start: u64, end: u64) {
        let earning = Earning::of(net, start, end, self.books.seconds).unwrap();
        self.books.premium(net, &earning).unwrap();
        self.begin(&earning);
        self.policies.push(Sold { net, start, end });
    }

    fn earning(&self, sold: &Sold) -> Earning {
        Earning::of(sold.net, sold.start, sold.end, self.books.seconds).unwrap()
    }

    fn begin(&mut self, earning: &Earning) {
        *self.changes.entry(earning.from).or_default() += earning.rate as i128;
        *self.changes.entry(earning.until).or_default() -= earning.rate as i128;
    }

    fn stop(&mut self, earning: &Earning) {
        if earning.is_ahead(self.books.week) {
            *self.changes.entry(earning.from).or_default() -= earning.rate as i128;
        }
        if !earning.is_over(self.books.week) {
            *self.changes.entry(earning.until).or_default() += earning.rate as i128;
        }
    }

    /// Ends a policy's premium; answers what was unused of it, which goes out less `keep` of a thousand, and what was
    /// left of its earning.
    fn cancel(&mut self, index: usize, keep: u128, now: u64) -> (u128, u128) {
        let sold = self.policies.swap_remove(index);
        let earning = self.earning(&sold);
        let unused = unused(sold.net, sold.start, sold.end, now).unwrap();
        let cancelled = self.books.cancel(&earning, unused * (1_000 - keep) / 1_000, now).unwrap();
        self.stop(&earning);
        (unused, cancelled.left)
    }

    /// Adds to a policy's premium and its time; answers what was kept of the old premium, and what was left of it.
    fn extend(&mut self, index: usize, added: u128, longer: u64, now: u64) -> (u128, u128) {
        let sold = self.policies[index];
        let earning = self.earning(&sold);
        let left = earning.left(now, self.books.seconds);
        let kept = unused(sold.net, sold.start, sold.end, now).unwrap();
        let next = Sold { net: kept + added, start: now.max(sold.start), end: sold.end + longer };
        let longer = self.earning(&next);
        self.books.extend(&earning, added, &longer, now).unwrap();
        self.stop(&earning);
        self.begin(&longer);
        self.policies[index] = next;
        (kept, (left >> FRACTION_BITS).to())
    }

    /// U = Σ rᵢ · max(0, bᵢ − max(t, aᵢ)), policy by policy.
    fn unearned(&self, now: u64) -> U256 {
        self.policies.iter().fold(U256::ZERO, |sum, sold| {
            let earning = self.earning(sold);
            let (from, until) = (earning.from * self.books.seconds, earning.until * self.books.seconds);
            sum + U256::from(earning.rate) * U256::from(until.saturating_sub(now.max(from)))
        })
    }

    /// U as the books have it, to the last fraction.
    fn booked(&self, now: u64) -> U256 {
        self.books.unearned - U256::from(self.books.rate) * U256::from(now - self.books.week * self.books.seconds)
    }
}

fn up(value: U256) -> u128 {
    value.div_ceil(U256::ONE << FRACTION_BITS).to()
}

#[test]
fn the_first_deposit_costs_a_millionth_of_a_unit_a_share() {
    let mut books = Books::new(START, 604_800);
    let value = books.value(START).unwrap();
    assert_eq!(value.to_shares_down(10 * M).unwrap(), 10 * M * 1_000_000);
    books.enter(10 * M, 10 * M * 1_000_000).unwrap();
    let value = books.value(START).unwrap();
    assert_eq!(value.to_assets_up(1).unwrap(), 1);
    assert_eq!(value.to_assets_down(999_999).unwrap(), 0);
    assert_eq!(value.to_shares_down(1).unwrap(), 1_000_000);
}

#[test]
fn after_a_total_loss_one_unit_buys_no_dust_for_free() {
    let mut books = Books::new(START, 604_800);
    books.enter(10 * M, 10 * M * 1_000_000).unwrap();
    books.pool = 0;
    let value = books.value(START).unwrap();
    assert!(value.is_depleted());
    // A share is worth next to nothing, but not nothing.
    assert_eq!(value.to_assets_up(1).unwrap(), 1);
    assert_eq!(value.to_assets_down(10 * M * 1_000_000).unwrap(), 0);
}

#[test]
fn a_pool_is_given_up_below_a_thousandth_of_the_first_price() {
    let mut books = Books::new(START, 604_800);
    assert!(!books.value(START).unwrap().is_depleted(), "an empty pool is new, not depleted");
    books.enter(10 * M, 10 * M * 1_000_000).unwrap();
    books.pool = 10 * M / 1_000;
    assert!(!books.value(START).unwrap().is_depleted());
    books.pool -= 1;
    assert!(books.value(START).unwrap().is_depleted());
}

#[test]
fn capital_leaves_out_the_shares_that_asked_to_leave() {
    let mut books = Books::new(START, 604_800);
    books.enter(10 * M, 10 * M * 1_000_000).unwrap();
    assert_eq!(books.value(START).unwrap().capital().unwrap(), 10 * M);
    books.queued = 4 * M * 1_000_000;
    assert_eq!(books.value(START).unwrap().capital().unwrap(), 6 * M);
}

#[test]
fn the_three_bases_differ_by_stream_and_reserve() {
    let mut books = Books::new(START, 604_800);
    books.enter(10 * M, 10 * M * 1_000_000).unwrap();
    books.stream_in(M, START).unwrap();
    let value = books.value(START).unwrap();
    assert_eq!((value.total(), value.middle(), value.exit(2 * M), value.exit(20 * M)), (10 * M, 9 * M, 7 * M, 0));
}

#[test]
fn a_premium_is_earned_from_the_edge_after_the_start_to_the_edge_after_the_end() {
    let week = 604_800;
    let first = START / week;
    let earning = Earning::of(28 * M, START, START + 4 * week, week).unwrap();
    assert_eq!((earning.from, earning.until), (first + 1, first + 5));
    assert_eq!(earning.from * week, edge(START, week));
    // Cover of an hour is earned over one week.
    let short = Earning::of(M, START, START + 3_600, week).unwrap();
    assert_eq!((short.from, short.until), (first + 1, first + 2));
    // An end exactly at an edge counts to the next one.
    let exact = Earning::of(M, first * week, (first + 1) * week, week).unwrap();
    assert_eq!((exact.from, exact.until), (first + 1, first + 2));
}

#[test]
fn a_premium_too_fast_for_the_books_is_refused() {
    assert!(Earning::of(u128::MAX >> 24, START, START + 1, 10).is_err());
}

/// Premiums that are slow enough one by one would be too fast together: the sale is refused, not the edge at which their
/// rates meet, where every operation of the pool would stop for good.
#[test]
fn premiums_too_fast_together_are_refused_before_they_meet() {
    let week = 604_800;
    let mut pool = Pool::new(week);
    let (mut now, mut sold) = (START, 0);
    for _ in 0..400 {
        let net = (u128::MAX >> (FRACTION_BITS + 6)) * u128::from(8 * week);
        let earning = Earning::of(net, now, now + 8 * week, week).unwrap();
        let mut books = pool.books;
        if books.premium(net, &earning).is_ok() {
            pool.books = books;
            pool.begin(&earning);
            sold += 1;
        }
        now += week;
        pool.accrue(now);
        assert!(i128::try_from(pool.books.rate).is_ok());
    }
    assert!((2..400).contains(&sold), "{sold}");
}

#[test]
fn the_stream_releases_an_addition_over_four_weeks() {
    let week = 604_800;
    let mut books = Books::new(START, week);
    books.enter(10 * M, 10 * M).unwrap();
    books.stream_in(4 * M, START).unwrap();
    let end = START + STREAM_WEEKS * week;
    assert_eq!(books.stream, Stream { amount: 4 * M, since: START, end });
    assert_eq!(books.stream.at(START + week).unwrap(), 3 * M);
    assert_eq!(books.stream.at(end - 1).unwrap(), 4 * M - 4 * M * (4 * u128::from(week) - 1) / (4 * u128::from(week)));
    assert_eq!(books.stream.at(end).unwrap(), 0);
    // Half way, as much again: the end moves to the weighted mean of two and four weeks.
    let half = START + 2 * week;
    let added = books.stream.added(2 * M, half, STREAM_WEEKS * week).unwrap();
    assert_eq!(added, Stream { amount: 4 * M, since: half, end: half + 3 * week });
    // Dust hardly moves it.
    let dust = books.stream.added(1, half, STREAM_WEEKS * week).unwrap();
    assert!(dust.end.abs_diff(end) <= 1);
}

#[test]
fn the_stream_is_cut_to_what_is_left() {
    let mut books = Books::new(START, 604_800);
    books.enter(10 * M, 10 * M).unwrap();
    books.stream_in(4 * M, START).unwrap();
    books.pool = 3 * M;
    books.cut_stream(START).unwrap();
    assert_eq!(books.stream.amount, 3 * M);
    let value = books.value(START).unwrap();
    assert_eq!((value.total(), value.middle()), (3 * M, 0));
}

#[test]
fn what_is_won_back_pays_what_is_owed_and_then_streams() {
    let mut books = Books::new(START, 604_800);
    books.enter(10 * M, 10 * M).unwrap();
    books.pool = 0;
    books.debt.claims = 12 * M;
    books.debt.owed = 2 * M;
    let recovered = books.recover(5 * M, 0, START).unwrap();
    assert_eq!((recovered.topped_up, recovered.streamed), (2 * M, 3 * M));
    assert_eq!(books.value(START).unwrap().middle(), 0, "the price does not jump");
    assert_eq!(books.debt.owed, 0);
}

#[test]
fn weeks_in_which_nothing_happens_cost_nothing() {
    let mut pool = Pool::new(604_800);
    pool.premium(M, START, START + 1);
    let far = START + 1_000 * 604_800;
    assert!(pool.accrue_at_most(far, 2), "two edges, then nothing");
    assert_eq!(pool.books.week, far / 604_800);
    assert_eq!((pool.books.rate, pool.books.unearned), (0, U256::ZERO));
}

/// Why the rate is rounded up: rounded down, a policy that is cancelled at once would take a unit that is not there.
#[test]
fn a_rate_rounded_down_would_leave_less_than_the_refund() {
    let (net, start, end) = (1_000_000, START, START + 29);
    let earning = Earning::of(net, start, end, 10).unwrap();
    assert_eq!((earning.left(start, 10) >> FRACTION_BITS).to::<u128>(), net);
    assert_eq!(unused(net, start, end, start).unwrap(), net);
    let down = Earning { rate: earning.rate - 1, ..earning };
    assert_eq!((down.left(start, 10) >> FRACTION_BITS).to::<u128>(), net - 1);
}

/// Why what is unused is rounded down: rounded up, the last unit of a premium would be refunded when it is earned in part.
#[test]
fn an_unused_part_rounded_up_would_be_more_than_what_is_left() {
    let (net, start, end) = (1, START, START + 29);
    let earning = Earning::of(net, start, end, 10).unwrap();
    let now = earning.from * 10 + 1;
    assert_eq!((earning.left(now, 10) >> FRACTION_BITS).to::<u128>(), 0);
    assert_eq!(unused(net, start, end, now).unwrap(), 0);
    assert_eq!(scale_up(net, u128::from(end - now), u128::from(end - start)).unwrap(), 1);
}

#[test]
fn a_refund_leaves_the_rest_of_what_was_unearned_to_the_stream() {
    let week = 604_800;
    let start = START / week * week;
    let mut pool = Pool::new(week);
    pool.books.enter(10 * M, 10 * M * 1_000_000).unwrap();
    pool.premium(8 * M, start, start + 4 * week);
    let now = start + 2 * week;
    pool.accrue(now);
    // Earned from the first edge to the fifth: of 8 M a quarter is, while cover has used the half.
    let (unused, left) = pool.cancel(0, 0, now);
    assert_eq!((unused, left), (4 * M, 6 * M));
    let value = pool.books.value(now).unwrap();
    // The unit that U was rounded up by comes free with it.
    assert_eq!((value.total(), value.stream, value.middle()), (14 * M, 2 * M + 1, 12 * M - 1));
    assert_eq!((pool.books.unearned, pool.books.rate), (U256::ZERO, 0));
    pool.accrue(now + 10 * week);
    assert_eq!((pool.books.unearned, pool.books.rate), (U256::ZERO, 0), "its end changes nothing any more");
}

#[test]
fn a_refund_of_more_than_what_is_left_is_refused() {
    let mut pool = Pool::new(10);
    pool.books.enter(10 * M, 10 * M).unwrap();
    pool.premium(M, START, START + 29);
    let earning = pool.earning(&pool.policies[0]);
    let mut books = pool.books;
    assert!(books.cancel(&earning, M + 1, START).is_err());
    assert_eq!(pool.books.cancel(&earning, M, START).unwrap().left, M);
}

#[test]
fn what_a_refund_frees_is_there_for_what_is_owed_before_it_is_the_shares() {
    let mut pool = Pool::new(10);
    pool.books.enter(10 * M, 10 * M * 1_000_000).unwrap();
    pool.premium(2 * M, START, START + 29);
    // Claims took all that can pay them: what is unearned stays.
    pool.books.pool = 2 * M;
    pool.books.debt.claims = 13 * M;
    pool.books.debt.owed = 3 * M;
    let (unused, _) = pool.cancel(0, 500, START);
    assert_eq!(unused, 2 * M);
    let value = pool.books.value(START).unwrap();
    assert_eq!((value.assets, value.total(), value.stream), (M, 0, 0));
    assert_eq!(pool.books.top_up(0, START).unwrap(), M);
}

#[derive(Clone, Debug)]
enum Change {
    Buy(Sale),
    Cancel(usize, u128),
    Extend(usize, u128, u64),
}

fn change() -> impl Strategy<Value = (u64, Change)> {
    let change = prop_oneof![
        3 => sale().prop_map(Change::Buy),
        2 => (any::<usize>(), 0u128..=1_000).prop_map(|(index, keep)| Change::Cancel(index, keep)),
        2 => (any::<usize>(), 0u128..2_000_000_000_000, 1u64..150).prop_map(|(index, added, longer)| Change::Extend(index, added, longer)),
    ];
    (0u64..40, change)
}

#[derive(Clone, Debug)]
struct Sale {
    after: u64,
    net: u128,
    waiting: u64,
    term: u64,
}

fn sale() -> impl Strategy<Value = Sale> {
    (0u64..40, 1u128..2_000_000_000_000, 0u64..25, 1u64..150).prop_map(|(after, net, waiting, term)| Sale {
        after,
        net,
        waiting,
        term,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// With weeks of ten seconds, second by second: nothing that happens moves the price but time, and time moves it by
    /// no more than the rates say. U is the exact sum over policies at every second, and ends at zero.
    #[test]
    fn the_price_never_jumps(sales in prop::collection::vec(sale(), 1..12)) {
        let mut pool = Pool::new(10);
        pool.books.enter(100 * M, 100 * M * 1_000_000).unwrap();
        let mut now = START;
        for sale in &sales {
            for _ in 0..sale.after {
                let before = pool.books.value(now).unwrap().middle();
                let rate = pool.books.rate;
                now += 1;
                pool.accrue(now);
                let after = pool.books.value(now).unwrap().middle();
                prop_assert_eq!(up(pool.unearned(now)), pool.books.unearned_up(now).unwrap());
                // A second's earnings at the rate that ran, within one unit of rounding.
                let earned = (U256::from(rate) >> FRACTION_BITS).to::<u128>();
                prop_assert!(after >= before && after - before <= earned + 1, "{before} to {after} at {earned}");
            }
            let before = pool.books.value(now).unwrap().middle();
            pool.premium(sale.net, now + sale.waiting, now + sale.waiting + sale.term);
            let after = pool.books.value(now).unwrap().middle();
            prop_assert!(after == before || after + 1 == before, "a purchase moved {before} to {after}");
            prop_assert_eq!(up(pool.unearned(now)), pool.books.unearned_up(now).unwrap());
        }
        let last = pool.policies.iter().map(|policy| pool.earning(policy).until * 10).max().unwrap();
        while now < last {
            let before = pool.books.value(now).unwrap().middle();
            let rate = pool.books.rate;
            now += 1;
            pool.accrue(now);
            let after = pool.books.value(now).unwrap().middle();
            let earned = (U256::from(rate) >> FRACTION_BITS).to::<u128>();
            prop_assert!(after >= before && after - before <= earned + 1);
        }
        prop_assert_eq!(pool.books.unearned, U256::ZERO);
        prop_assert_eq!(pool.books.rate, 0);
        let all: u128 = sales.iter().map(|sale| sale.net).sum();
        prop_assert_eq!(pool.books.value(now).unwrap().middle(), 100 * M + all);
    }

    /// As above with policies that are cancelled and extended at any second of theirs, and after: U is the exact sum to
    /// the last fraction, nothing but time moves the price, and nobody is refunded more than what is left.
    #[test]
    fn cancels_and_extensions_keep_the_books_exact(changes in prop::collection::vec(change(), 1..40)) {
        let mut pool = Pool::new(10);
        pool.books.enter(100 * M, 100 * M * 1_000_000).unwrap();
        let mut now = START;
        let (mut came, mut went) = (100 * M, 0);
        let mut last = now;
        for (after, change) in changes {
            for _ in 0..after {
                let before = pool.books.value(now).unwrap();
                let rate = pool.books.rate;
                now += 1;
                pool.accrue(now);
                let value = pool.books.value(now).unwrap();
                prop_assert_eq!(pool.unearned(now), pool.booked(now));
                let earned = (U256::from(rate) >> FRACTION_BITS).to::<u128>();
                let released = before.stream - value.stream;
                let gain = value.middle() - before.middle();
                prop_assert!(gain <= earned + released + 1, "{gain} of {earned} and {released}");
            }
            let before = pool.books.value(now).unwrap().middle();
            match change {
                Change::Buy(sale) => {
                    pool.premium(sale.net, now + sale.waiting, now + sale.waiting + sale.term);
                    came += sale.net;
                }
                Change::Cancel(index, keep) if !pool.policies.is_empty() => {
                    let (unused, left) = pool.cancel(index % pool.policies.len(), keep, now);
                    prop_assert!(unused <= left, "{unused} of {left}");
                    went += unused * (1_000 - keep) / 1_000;
                }
                Change::Extend(index, added, longer) if !pool.policies.is_empty() => {
                    let index = index % pool.policies.len();
                    if pool.policies[index].end <= now {
                        continue; // what has ended is not extended
                    }
                    let (kept, left) = pool.extend(index, added, longer, now);
                    prop_assert!(kept <= left, "{kept} of {left}");
                    came += added;
                }
                _ => continue,
            }
            let after = pool.books.value(now).unwrap().middle();
            prop_assert!(after == before || after + 1 == before, "{before} became {after}");
            prop_assert_eq!(pool.unearned(now), pool.booked(now));
            prop_assert_eq!(pool.books.pool, came - went);
            last = pool.policies.iter().map(|policy| pool.earning(policy).until * 10).fold(last, u64::max);
        }
        now = now.max(last);
        pool.accrue(now);
        prop_assert_eq!((pool.books.unearned, pool.books.rate), (U256::ZERO, 0));
        now += 10 * STREAM_WEEKS;
        pool.accrue(now);
        prop_assert_eq!(pool.books.value(now).unwrap().middle(), came - went);
    }

    /// 200 idle weeks in one call or in many: the same books.
    #[test]
    fn catching_up_in_pieces_is_catching_up_at_once(
        sales in prop::collection::vec(sale(), 1..8), piece in 1u64..9, stream in 0u128..1_000_000,
    ) {
        let mut pool = Pool::new(10);
        pool.books.enter(100 * M, 100 * M).unwrap();
        pool.books.stream_in(stream, START).unwrap();
        for sale in &sales {
            pool.premium(sale.net, START + sale.waiting, START + sale.waiting + sale.term);
        }
        let now = START + 2_000;
        let mut pieces = Pool { books: pool.books, changes: pool.changes.clone(), policies: vec![] };
        pool.accrue(now);
        let mut calls = 0;
        while !pieces.accrue_at_most(now, piece) {
            calls += 1;
            prop_assert!(calls < 1_000);
        }
        prop_assert_eq!(pool.books, pieces.books);
    }

    /// Entering and valuing what was got never yields a profit, whatever the state.
    #[test]
    fn entry_rounds_against_who_enters(
        pool in 0u128..1 << 100, supply in 0u128..1 << 110, stream in 0u128..1 << 90, amount in 1u128..1 << 90,
    ) {
        let mut books = Books::new(START, 604_800);
        books.enter(pool, supply).unwrap();
        books.stream_in(stream.min(pool), START).unwrap();
        let value = books.value(START).unwrap();
        let Ok(shares) = value.to_shares_down(amount) else { return Ok(()) };
        let Ok(()) = books.enter(amount, shares) else { return Ok(()) };
        let after = books.value(START).unwrap();
        prop_assert!(after.to_assets_down(shares).unwrap() <= amount);
        prop_assert!(value.to_assets_up(shares).unwrap() <= amount);
        // The others never lose by it.
        prop_assert!(after.middle_price().unwrap().lower(value.middle_price().unwrap()).unwrap() == value.middle_price().unwrap()
            || after.middle_price().unwrap() == value.middle_price().unwrap());
    }
}

/// Ten million, of which four are invested.
fn partly_invested() -> Books {
    let mut books = Books::new(START, 604_800);
    books.enter(10 * M, 10 * M * 1_000_000).unwrap();
    books.invested = 4 * M;
    books
}

fn marks(book: u128, high: u128, low: u128) -> Marks {
    Marks { book: book * M, high: high * M, low: low * M }
}

#[test]
fn investments_are_worth_more_to_who_enters_and_less_to_who_leaves() {
    let mut books = partly_invested();
    assert_eq!(books.mark(&marks(4, 5, 3), 0).unwrap(), Marked { loss: 0, book: 4 * M, surplus: 0 });
    let value = books.value(START).unwrap();
    assert_eq!((value.total(), value.entry(), value.middle()), (10 * M, 11 * M, 10 * M));
    assert_eq!((value.exit(0), value.exit(2 * M), value.budget(2 * M, M)), (9 * M, 7 * M, 6 * M));
    assert_eq!(books.liquid(START).unwrap(), 6 * M);
    // 11 for 110 million shares: a share costs 1.1
    assert_eq!(value.to_shares_down(11 * M + 1).unwrap(), 10 * M * 1_000_000 + 1_000_000);
    assert_eq!(value.to_assets_up(10 * M * 1_000_000 + 1_000_000).unwrap(), 11 * M + 1);
}

#[test]
fn a_loss_leaves_the_pool_and_what_comes_back_is_none() {
    let mut books = partly_invested();
    // One million came back, half a million is lost.
    let marks = Marks { book: 25 * M / 10, high: 25 * M / 10, low: 25 * M / 10 };
    let marked = books.mark(&marks, M).unwrap();
    assert_eq!(marked, Marked { loss: M / 2, book: 25 * M / 10, surplus: 0 });
    assert_eq!((books.pool, books.invested, books.liquid(START).unwrap()), (95 * M / 10, 25 * M / 10, 7 * M));
    // Once only.
    assert_eq!(books.mark(&marks, 0).unwrap().loss, 0);
    // All of it: what is liquid stays.
    assert_eq!(books.mark(&Marks::default(), 0).unwrap().loss, 25 * M / 10);
    assert_eq!((books.pool, books.invested, books.liquid(START).unwrap()), (7 * M, 0, 7 * M));
}

#[test]
fn a_gain_that_came_home_goes_into_the_stream() {
    let mut books = partly_invested();
    // Half a million came, and the books of the investments are as they were.
    let marked = books.mark(&marks(4, 4, 4), M / 2).unwrap();
    assert_eq!((marked.loss, marked.surplus, books.invested, books.gain), (0, M / 2, 35 * M / 10, M / 2));
    let recovered = books.absorb(&marked, 0, START).unwrap();
    assert_eq!(recovered, Recovered { topped_up: 0, streamed: M / 2 });
    assert_eq!((books.pool, books.invested, books.gain), (105 * M / 10, 4 * M, 0));
    assert_eq!(books.value(START).unwrap().middle(), 10 * M);
    // More came than was invested at all.
    let marked = books.mark(&Marks::default(), 5 * M).unwrap();
    assert_eq!(marked, Marked { loss: 0, book: 0, surplus: M });
    books.absorb(&marked, 0, START).unwrap();
    assert_eq!((books.pool, books.invested), (115 * M / 10, 0));
}
