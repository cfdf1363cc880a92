//! Incidents with their recorded numbers, each played into its real trigger with 20 underwriters and 50 policies of seeded
//! sizes: who got what, when, and what an exit in the meantime would have brought and did bring, to the unit.
//!
//! Recorded series are read where they are (PALISADE_DATA, or the folder beside the project); where they are not at hand
//! the test says so and is skipped. The other incidents have their figures here, with what is known of their course.

use std::{env, fs, path::PathBuf};

use alloy_primitives::{Address, I256, U256, address};
use alloy_sol_types::{SolCall, SolValue, sol};
use bridge::BridgeTrigger;
use depeg::DepegTrigger;
use lending::LendingTrigger;
use oracle::OracleTrigger;
use protocol::abi::{
    IAssessor, IBridgeTrigger, IDepegTrigger, IERC20, IERC4626, IERC7540Redeem, ILendingTrigger, IOracleTrigger, IRisk,
    ITrigger, IVault,
};
use stylus_sdk::ArbResult;
use testkit::{Context, Native, feed::Feed, teller::Teller, token::Token};

use crate::{
    books::{Books, Seeded, Sold},
    insurer::{COOLDOWN, DAY, HOUR, Insurer, MINUTE, PATIENCE, WEEK, cover, limits, stage, text, u, usd},
};

sol! {
    interface Lender {
        function decimals() external view returns (uint8);
    }
    interface Pool {
        function token0() external view returns (address);
        function token1() external view returns (address);
        function slot0() external view returns (uint160, int24, uint16, uint16, uint16, uint8, bool);
        function observe(uint32[] calldata secondsAgos) external view returns (int56[] memory, uint160[] memory);
    }
}

const WAITING: u64 = DAY;
const RAY: u128 = 10u128.pow(27);

/// The world's clock begins in November 2023: recordings of before play some years later.
const LATER: u64 = 2 * 365 * DAY;

/// Times and prices (8 decimals) of a recording of `time,price,…`; nothing where it is not at hand.
fn recording(file: &str) -> Option<Vec<(u64, i128)>> {
    let folder = env::var_os("PALISADE_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let path = folder.join(file);
    let Ok(text) = fs::read_to_string(&path) else {
        eprintln!("skipped: no recording at {} (set PALISADE_DATA to the folder that has it)", path.display());
        return None;
    };
    let row = |line: &str| {
        let mut cells = line.split(',');
        let time = cells.next().unwrap().parse::<u64>().unwrap() + LATER;
        let (whole, fraction) = cells.next().unwrap().split_once('.').unwrap_or(("1", ""));
        (time, format!("{whole}{:0<8}", &fraction[..fraction.len().min(8)]).parse().unwrap())
    };
    Some(text.lines().skip(1).map(row).collect())
}

/// What happened, as the test knows it from the data alone.
struct Event {
    opened: u64,
    worst: u16,
}

/// One of the insured.
struct Insured {
    index: usize,
    who: Address,
}

/// Twenty underwriters, of whom the first wants to leave, and fifty insured.
struct Play {
    insurer: Insurer,
    product: u64,
    subject: &'static str,
    underwriters: Vec<Address>,
    insured: Vec<Insured>,
    books: Books,
    seeded: Seeded,
    /// The edge that closes the week in which the first underwriter asked, and the books then.
    asked: Option<(u64, Books, U256)>,
}

impl Play {
    /// The underwriters come, and 45 of the insured: five of them for `short` only, to this second.
    fn new(insurer: Insurer, product: u64, subject: &'static str, short_until: u64, seed: u64) -> Self {
        let mut play = Self {
            insurer,
            product,
            subject,
            underwriters: Vec::new(),
            insured: Vec::new(),
            books: Books::default(),
            seeded: Seeded(seed),
            asked: None,
        };
        for number in 0..20 {
            let who = play.insurer.person(&format!("underwriter {number}"));
            let amount = usd(610_000 + play.seeded.below(100_000)) + u(play.seeded.below(1_000_000));
            let shares = play.insurer.deposit(who, amount);
            assert_eq!(shares, amount * u(1_000_000), "at par");
            play.books.deposits += amount;
            play.books.shares += shares;
            play.underwriters.push(who);
        }
        for number in 0..45 {
            let now = play.insurer.world.now();
            let term = if number < 40 { 120 * DAY } else { short_until - now - WAITING };
            play.buy(number, term);
        }
        play
    }

    fn buy(&mut self, number: u64, term: u64) {
        let who = self.insurer.person(&format!("insured {number}"));
        let amount = usd(30_000 + self.seeded.below(250_000)) + u(self.seeded.below(1_000_000));
        let index = self.insurer.buy(self.product, self.subject, who, amount, term);
        let policy = self.insurer.policy_of(index);
        let now = self.insurer.world.now();
        assert_eq!((policy.start, policy.end), (now + WAITING, now + WAITING + term));
        self.books.sold.push(Sold { amount, net: policy.net, start: policy.start, end: policy.end });
        self.insured.push(Insured { index, who });
    }

    /// Five more come a moment before, when the trigger still sells.
    fn late(&mut self) {
        for number in 45..50 {
            self.buy(number, 60 * DAY);
        }
    }

    /// The first underwriter asks for all that he has.
    fn asks(&mut self) {
        let who = self.underwriters[0];
        let shares = self.insurer.shares(who);
        self.insurer.request(who, shares);
        let edge = (self.insurer.world.now() / WEEK + 1) * WEEK;
        self.asked = Some((edge, self.books.clone(), shares));
    }

    /// When the first underwriter is to be served at the earliest.
    fn due(&self) -> u64 {
        self.asked.as_ref().unwrap().0 + COOLDOWN
    }

    fn now(&self) -> u64 {
        self.insurer.world.now()
    }

    fn report(&self) {
        self.insurer.report(self.product, self.subject);
    }

    fn incident(&self) -> (u8, u64, u64, u16) {
        let call =
            IAssessor::incidentOfCall { product: u(self.product), subject: text(self.subject), number: U256::ONE };
        let incident = self.insurer.read(self.insurer.assessor, call);
        (incident.verdict, incident.openedAt, incident.closedAt, incident.worstBps)
    }

    /// What the reserve is by the event's own numbers, from what has been reported.
    fn reserve(&self, event: &Event) -> U256 {
        let (verdict, _, closed, worst) = self.incident();
        if verdict == 0 && worst == 0 && closed == 0 && self.insurer.line(self.product, self.subject).state == 0 {
            return U256::ZERO;
        }
        self.books.reserve(event.opened, (closed > 0).then_some(event.worst))
    }

    /// The pool is as the books say, and so is what an exit would bring.
    #[track_caller]
    fn agrees(&self, reserve: U256) -> U256 {
        let (now, solvency) = (self.now(), self.insurer.solvency());
        assert_eq!(solvency.assets, self.books.assets(now), "assets");
        assert_eq!(solvency.reserve, reserve, "reserve");
        let one = self.books.shares + u(1_000_000);
        let price = (self.books.middle(now).saturating_sub(reserve) + U256::ONE) * U256::from(RAY) / one;
        // A unit of the stream may have flowed or not.
        let unit = U256::from(RAY) / one + U256::ONE;
        let near = if self.books.stream.is_zero() { U256::ZERO } else { unit * u(2) };
        assert!(solvency.exitPrice.abs_diff(price) <= near, "{} is not {price}", solvency.exitPrice);
        self.books.exit(self.books.shares, reserve, now)
    }

    /// The first underwriter is served as soon as time allows; what he got.
    #[track_caller]
    fn leaves(&mut self, event: &Event) -> U256 {
        let who = self.underwriters[0];
        let (edge, then, shares) = self.asked.take().unwrap();
        let reserve = self.reserve(event);
        let now = self.now();
        // The largest risk key is found anew: what the reserve holds is not locked twice.
        let recount = IRisk::recountCall { vault: self.insurer.vault };
        self.insurer.must(self.insurer.person("anyone"), self.insurer.risk, recount);
        let expected = self.books.serve(shares, &then, edge, reserve, now);
        let served = self.insurer.serve();
        assert_eq!(served, (shares, expected), "who leaves");
        // What is served is kept as an amount for each share asked: a unit of it may stay.
        let before = self.insurer.money(who);
        let got = self.insurer.redeem_all(who);
        assert!(got == expected || got + U256::ONE == expected, "{got} of {expected}");
        assert_eq!(self.insurer.money(who) - before, got);
        got
    }

    /// Everybody files now, in the order of their numbers, and those who wait are paid when they are due; `losses`: of each, as
    /// the data say. Answers with all that was paid.
    fn everybody_files(&mut self, event: &Event, losses: &dyn Fn(&Sold) -> Option<u16>) -> U256 {
        let (mut waiting, mut all) = (Vec::new(), U256::ZERO);
        let (mut at_once, mut denied) = (0, 0);
        for number in 0..self.insured.len() {
            let (index, who) = (self.insured[number].index, self.insured[number].who);
            let sold = self.books.sold[number];
            let Some(loss) = losses(&sold) else {
                let refused = self.insurer.world.refused(who, self.insurer.assessor, self.insurer.filing(index, 1));
                // Not covered when it happened, or the time for claims is over.
                let known = refused.is::<IAssessor::ClaimNotMet>() || refused.is::<IRisk::ClaimAfterDeadline>();
                assert!(known, "{number}: 0x{}", alloy_primitives::hex::encode(refused.0));
                denied += 1;
                continue;
            };
            let claim = sold.amount * u(loss.into()) / u(10_000);
            let (now, before) = (self.now(), self.insurer.money(who));
            let waits = self.books.claim(claim, now);
            let filed = self.insurer.file(index, 1);
            match waits {
                None => {
                    assert_eq!(filed, (claim, claim), "{number} is paid at once");
                    assert_eq!(self.insurer.money(who) - before, claim);
                    self.books.paid += claim;
                    self.books.confirmed += claim;
                    all += claim;
                    at_once += 1;
                }
                Some(delay) => {
                    assert_eq!(filed, (claim, U256::ZERO), "{number} waits");
                    let due = self.insurer.claim(index).due;
                    assert!(due.abs_diff(now + delay) <= 1, "{number}: {due} is not {}", now + delay);
                    waiting.push((due, number, claim));
                }
            }
            assert_eq!(self.insurer.solvency().reserve, self.reserve(event), "what waits stays reserved");
        }
        // Where little is lost all is below the limit.
        let some_wait = !waiting.is_empty() || event.worst < 1_000;
        assert!(at_once > 0 && some_wait && denied > 0, "{at_once} {} {denied}", waiting.len());
        waiting.sort_unstable();
        for (due, number, claim) in waiting {
            let (index, who) = (self.insured[number].index, self.insured[number].who);
            if due > self.now() {
                self.insurer.world.warp_to(due);
            }
            let before = self.insurer.money(who);
            assert_eq!(self.insurer.claim(index).stage, stage::DELAYED);
            assert_eq!(self.insurer.execute(index), (claim, claim));
            assert_eq!(self.insurer.money(who) - before, claim);
            self.books.paid += claim;
            self.books.confirmed += claim;
            all += claim;
            self.agrees(self.reserve(event));
        }
        all
    }

    /// What is confirmed of each is paid, once, and nothing rises by asking again.
    fn nothing_more_is_paid(&self) {
        for insured in &self.insured {
            let again =
                self.insurer.world.refused(insured.who, self.insurer.assessor, self.insurer.filing(insured.index, 1));
            let known = again.is::<IAssessor::NothingToPay>() || again.is::<IAssessor::ClaimNotMet>();
            assert!(known || again.is::<IRisk::ClaimAfterDeadline>());
        }
    }

    fn tell(&self, name: &str, event: &Event, left: U256, paid: U256) {
        println!(
            "{name}: loss {} basis points, {} paid of {} covered; the first of 20 left with {left}",
            event.worst,
            paid,
            self.books.sold.iter().map(|sold| sold.amount).sum::<U256>(),
        );
    }
}

// —————————————————————————————————————————————————————————————————————————————————————————————————————————— stablecoins

/// The worst day of a series of rounds: 1 − the time-weighted price, over all windows of a day that end in the event, second by
/// second; when it begins.
fn worst_day(rounds: &[(u64, i128)], opened: u64, until: u64) -> (u16, u64) {
    let price_at = |second: u64| {
        let index = rounds.partition_point(|round| round.0 <= second) - 1;
        // A round counts for its heartbeat, and then nobody knows: that is par.
        if second - rounds[index].0 < HEARTBEAT { rounds[index].1.min(PAR) } else { PAR }
    };
    let mut area: i128 = (opened - DAY..opened).map(price_at).sum();
    let mut least = (area, opened - DAY);
    for end in opened..until {
        area += price_at(end) - price_at(end - DAY);
        least = least.min((area, end - DAY + 1));
    }
    let par = PAR * i128::from(DAY);
    (((par - least.0) * 10_000 / par) as u16, least.1)
}

/// The loss over the window from `start` on.
fn window(rounds: &[(u64, i128)], start: u64) -> u16 {
    worst_day(rounds, start + DAY, start + DAY).0
}

const PAR: i128 = 100_000_000;
const HEARTBEAT: u64 = DAY + 600;

/// A depeg trigger at 0.97 for an hour, worst day, over again after a day above 0.99; its product.
fn stablecoin(insurer: &Insurer, feed: &Feed, subject: &'static str) -> (Address, u64) {
    let depeg = insurer.person("depeg");
    let arguments = (insurer.owner, Address::ZERO, Address::ZERO, HOUR as u32).abi_encode_params();
    insurer.world.construct::<DepegTrigger>(depeg, insurer.owner, arguments);
    let config = IDepegTrigger::Subject {
        feed: feed.at,
        triggerPrice: 970_000_000_000_000_000,
        recoveryPrice: 990_000_000_000_000_000,
        duration: HOUR as u32,
        recovery: DAY as u32,
        window: DAY as u32,
        heartbeat: HEARTBEAT as u32,
        floorPrice: 1_000_000_000_000_000,
    };
    insurer.must(insurer.owner, depeg, IDepegTrigger::registerCall { subject: text(subject), config });
    let product = insurer.product(depeg, cover::DEPEG, IRisk::Limits { waiting: WAITING as u32, ..limits() });
    insurer.list(product, subject);
    (depeg, product)
}

/// Plays rounds that are not played yet, up to a time, and goes there; every tenth has a keeper who reports.
struct Tape<'a> {
    rounds: &'a [(u64, i128)],
    next: usize,
}

impl Tape<'_> {
    fn play(&mut self, insurer: &Insurer, feed: &Feed, depeg: Address, until: u64) {
        while let Some((time, price)) = self.rounds.get(self.next).copied().filter(|round| round.0 <= until) {
            insurer.world.warp_to(time.max(insurer.world.now()));
            feed.push(price, time);
            self.next += 1;
            if self.next.is_multiple_of(10) {
                self.observe(insurer, depeg);
            }
        }
        insurer.world.warp_to(until.max(insurer.world.now()));
        self.observe(insurer, depeg);
    }

    fn observe(&self, insurer: &Insurer, depeg: Address) {
        for subject in ["USDC/USD", "UST/USD"] {
            let observe = ITrigger::observeCall { subject: text(subject), evidence: Default::default() };
            let _ = insurer.send(insurer.person("anyone"), depeg, observe);
        }
    }
}

/// Chainlink's rounds of March 2023, to where they end, and the hours after them as the market closed them (Kraken): at or
/// below 0.97 from the morning of the 11th on, above 0.99 for good from the 13th on.
#[test]
fn scenario_60_usdc_in_march_2023() {
    let (Some(mut rounds), Some(hours)) =
        (recording("usdc_usd_chainlink_rounds_2022-11_2023-03.csv"), recording("usdc_usd_kraken_1h_2023-03.csv"))
    else {
        return;
    };
    let recorded = rounds.last().unwrap().0;
    // An hour's close is known when it is over.
    rounds.extend(hours.iter().map(|(time, price)| (time + HOUR, *price)).filter(|(time, _)| *time > recorded));

    // From the data alone: the first run at or below the trigger that lasts, and the first day above recovery after it.
    let at_most = |limit: i128, from: usize| (from..rounds.len()).find(|index| rounds[*index].1 <= limit);
    let above = |limit: i128, from: usize| (from..rounds.len()).find(|index| rounds[*index].1 > limit);
    let mut first = at_most(97_000_000, 0).unwrap();
    while rounds[above(97_000_000, first).unwrap()].0 - rounds[first].0 < HOUR {
        first = at_most(97_000_000, above(97_000_000, first).unwrap()).unwrap();
    }
    let opened = rounds[first].0;
    let mut recovered = above(99_000_000, first).unwrap();
    while let Some(falls) = at_most(99_000_000, recovered).filter(|falls| rounds[*falls].0 - rounds[recovered].0 < DAY)
    {
        recovered = above(99_000_000, falls).unwrap();
    }
    let closed = rounds[recovered].0 + DAY;
    let (worst, worst_from) = worst_day(&rounds, opened, closed);
    let event = Event { opened, worst };

    let insurer = Insurer::new(12_000_000);
    let feed = Feed::deploy(&insurer.world, insurer.person("feed"), 8);
    let mut tape = Tape { rounds: &rounds, next: 1 };
    insurer.world.warp_to(rounds[0].0);
    feed.push(rounds[0].1, rounds[0].0);
    let (depeg, product) = stablecoin(&insurer, &feed, "USDC/USD");
    tape.play(&insurer, &feed, depeg, opened - 20 * DAY);
    // Five are covered until half a day after the worst day began to be over.
    let mut play = Play::new(insurer, product, "USDC/USD", opened + 36 * HOUR, 2023);
    let quiet =
        (0..first).rev().find(|index| rounds[*index].1 > 99_500_000 && rounds[*index].0 < opened - 2 * HOUR).unwrap();
    tape.play(&play.insurer, &feed, depeg, opened - 9 * DAY);
    play.asks();
    tape.play(&play.insurer, &feed, depeg, rounds[quiet].0.max(opened - DAY + 1));
    play.late();
    let calm = play.agrees(U256::ZERO);

    // An hour later it is an incident: who left now would leave all that may be claimed to the insured.
    tape.play(&play.insurer, &feed, depeg, opened + 3 * HOUR);
    play.report();
    assert_eq!(play.incident().1, opened);
    let reserve = play.books.reserve(opened, None);
    let open = play.agrees(reserve);
    assert!(open < calm);
    // It closes with its worst day, and what an exit brings is what is left after that.
    tape.play(&play.insurer, &feed, depeg, closed + 2 * HOUR);
    for _ in 0..20 {
        play.report();
    }
    assert_eq!(play.incident(), (2, opened, closed, worst));
    let settled = play.agrees(play.books.reserve(opened, Some(worst)));
    assert!(open < settled && settled < calm);
    let until = play.due().max(play.now());
    tape.play(&play.insurer, &feed, depeg, until);
    let left = play.leaves(&event);

    // Who was covered all the time loses the worst day; who was covered for a part of it, the last day that was his.
    let losses = |sold: &Sold| {
        if sold.start > opened {
            return None;
        }
        Some(if sold.end < worst_from + DAY { window(&rounds, sold.end - DAY) } else { worst })
    };
    let paid = play.everybody_files(&event, &losses);
    play.nothing_more_is_paid();
    play.tell("USDC, March 2023", &event, left, paid);
}

/// UST in May 2022, by the hour as it traded: the recording ends with the trading, at a quarter, and the feed with it. The
/// incident never closes, so all that is covered stays reserved, and an exit brings what that leaves; who was covered is paid
/// the worst day.
#[test]
fn scenario_60_ust_in_may_2022() {
    let Some(hours) = recording("ust_usdt_binance_1h_2022-05.csv") else { return };
    let begin = hours[0].0;
    // Three weeks at par before it, as a feed writes it once a day.
    let mut rounds: Vec<_> = (0..22).map(|day| (begin - (22 - day) * DAY, PAR)).collect();
    rounds.extend(hours.iter().map(|(time, price)| (time + HOUR, *price)));
    let first = rounds.iter().position(|round| round.1 <= 97_000_000).unwrap();
    let mut run = first;
    while rounds[run..].iter().find(|round| round.1 > 97_000_000).is_some_and(|round| round.0 - rounds[run].0 < HOUR) {
        let back = run + rounds[run..].iter().position(|round| round.1 > 97_000_000).unwrap();
        run = back + rounds[back..].iter().position(|round| round.1 <= 97_000_000).unwrap();
    }
    let (opened, last) = (rounds[run].0, rounds.last().unwrap().0);
    // Nothing is compared beyond the last round.
    let (worst, _) = worst_day(&rounds, opened, last);
    let event = Event { opened, worst };

    let insurer = Insurer::new(12_000_000);
    let feed = Feed::deploy(&insurer.world, insurer.person("feed"), 8);
    let mut tape = Tape { rounds: &rounds, next: 1 };
    insurer.world.warp_to(rounds[0].0);
    feed.push(rounds[0].1, rounds[0].0);
    let (depeg, product) = stablecoin(&insurer, &feed, "UST/USD");
    tape.play(&insurer, &feed, depeg, begin - 20 * DAY);
    let mut play = Play::new(insurer, product, "UST/USD", begin - 16 * DAY, 2022);
    tape.play(&play.insurer, &feed, depeg, opened - 4 * DAY);
    play.asks();
    // Five come in the last hours above the price of recovery, and wait for a day.
    let quiet = (0..run).rev().find(|index| rounds[*index].1 > 99_000_000).unwrap();
    tape.play(&play.insurer, &feed, depeg, rounds[quiet].0.max(opened - DAY + 1));
    play.late();
    let calm = play.agrees(U256::ZERO);
    tape.play(&play.insurer, &feed, depeg, last + HEARTBEAT + HOUR);
    for _ in 0..20 {
        play.report();
    }
    assert_eq!(play.incident(), (2, opened, 0, worst), "it never closes");
    let open = play.agrees(play.books.reserve(opened, None));
    assert!(open < calm);
    // Who asked to leave can think again for three days.
    let due = play.due().max(play.now());
    play.insurer.world.warp_to(due);
    assert_eq!(play.insurer.serve(), (U256::ZERO, U256::ZERO));
    play.insurer.world.warp(PATIENCE);
    let left = play.leaves(&event);
    let losses = |sold: &Sold| (sold.start <= opened && sold.end > opened).then_some(worst);
    let paid = play.everybody_files(&event, &losses);
    play.nothing_more_is_paid();
    play.tell("UST, May 2022", &event, left, paid);
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————————————— the rest

/// The course of an incident that stands from an hour on: quiet until `opened`, then short until `closed`. `steps` is called
/// every hour with whether it is short.
struct Course<'a> {
    opened: u64,
    /// When it is whole again, if ever.
    whole: Option<u64>,
    step: &'a dyn Fn(&Insurer, bool),
    every: u64,
}

impl Course<'_> {
    fn play(&self, insurer: &Insurer, until: u64) {
        while insurer.world.now() + self.every <= until {
            insurer.world.warp(self.every);
            let now = insurer.world.now();
            (self.step)(insurer, now > self.opened && self.whole.is_none_or(|whole| now <= whole));
        }
    }
}

/// What all of them are: insured and underwriters, an incident, an exit, claims, and what the trigger says of who came late.
fn incident(
    name: &str,
    insurer: Insurer,
    product: u64,
    subject: &'static str,
    course: &Course<'_>,
    event: impl Fn(&Play) -> Event,
) -> Play {
    let opened = course.opened;
    course.play(&insurer, opened - 16 * DAY);
    let mut play = Play::new(insurer, product, subject, opened - 13 * DAY, opened);
    // Asked so that it is due while nobody knows yet how it ends.
    course.play(&play.insurer, opened - 9 * DAY);
    play.asks();
    course.play(&play.insurer, opened - DAY / 2);
    play.late();
    let calm = play.agrees(U256::ZERO);
    course.play(&play.insurer, opened + 2 * DAY);
    play.report();
    let (verdict, ..) = play.incident();
    assert_eq!(verdict, 2, "{name} is confirmed after two days");
    let event = event(&play);
    let open = play.agrees(play.reserve(&event));
    assert!(open < calm);
    let until = (play.due() + HOUR + PATIENCE + HOUR).max(play.now());
    // A service is tried when it is due, and again when patience is over.
    course.play(&play.insurer, play.due() + HOUR + MINUTE);
    play.report();
    if play.incident().2 == 0 {
        assert_eq!(play.insurer.serve(), (U256::ZERO, U256::ZERO), "while it is open nobody is served for three days");
        course.play(&play.insurer, until);
        play.report();
    }
    let left = play.leaves(&event);
    let waited_out = play.books.exit(play.books.shares, U256::ZERO, play.now());
    assert!(waited_out > U256::ZERO);
    let start_by = event.opened;
    let paid =
        play.everybody_files(&event, &|sold| (sold.start <= start_by && sold.end > start_by).then_some(event.worst));
    play.nothing_more_is_paid();
    play.tell(name, &event, left, paid);
    play
}

/// A bridged token with reports from L1.
fn bridged(insurer: &Insurer, supply: u64) -> (Address, u64, Token) {
    let world = &insurer.world;
    let trigger = insurer.person("bridge");
    let token = Token::deploy(world, insurer.person("bridged"), 6);
    token.mint(world, insurer.person("holders"), usd(supply));
    // The insured hold what they cover.
    for number in 0..50 {
        token.mint(world, insurer.person(&format!("insured {number}")), usd(1_000_000));
    }
    let reporter = insurer.person("reporter");
    let arguments = (insurer.owner, Address::ZERO, Address::ZERO, reporter, 600u32).abi_encode_params();
    world.construct::<BridgeTrigger>(trigger, insurer.owner, arguments);
    let config = IBridgeTrigger::Subject {
        token: token.at,
        feed: Address::ZERO,
        escrowToken: insurer.person("escrowed"),
        escrow: insurer.person("escrow"),
        inFlight: Default::default(),
        triggerRatio: 970_000_000_000_000_000,
        recoveryRatio: 990_000_000_000_000_000,
        duration: (6 * HOUR) as u32,
        recovery: DAY as u32,
        window: DAY as u32,
        gap: (2 * HOUR) as u32,
        period: HOUR as u32,
        assetDecimals: 6,
    };
    insurer.must(insurer.owner, trigger, IBridgeTrigger::registerCall { subject: text("bridged"), config });
    let product = insurer.product(trigger, cover::BRIDGE, IRisk::Limits { waiting: WAITING as u32, ..limits() });
    insurer.list(product, "bridged");
    (trigger, product, token)
}

/// The supply is observed, and a report of the escrow's balance arrives, ten minutes after its time.
fn report_from_l1(insurer: &Insurer, trigger: Address, balance: Option<U256>) {
    let observe = ITrigger::observeCall { subject: text("bridged"), evidence: Default::default() };
    insurer.must(insurer.person("anyone"), trigger, observe);
    let Some(balance) = balance else { return };
    let offset = U256::from_be_slice(address!("1111000000000000000000000000000000001111").as_slice());
    let alias = U256::from_be_slice(insurer.person("reporter").as_slice()).wrapping_add(offset);
    let deliver = IBridgeTrigger::deliverCall {
        subject: text("bridged"),
        token: insurer.person("escrowed"),
        escrow: insurer.person("escrow"),
        balance,
        decimals: 6,
        time: insurer.world.now() - 10 * MINUTE,
    };
    insurer.must(Address::from_slice(&alias.to_be_bytes::<32>()[12..]), trigger, deliver);
}

/// A bridge's escrow from which a part goes at once and never comes back.
fn a_bridge_is_drained(name: &str, supply: u64, left: u64) {
    let insurer = Insurer::new(12_000_000);
    let world = &insurer.world;
    let (trigger, product, _) = bridged(&insurer, supply);
    let all = usd(supply + 50_000_000);
    let opened = world.now() + 30 * DAY;
    let rest = all * u(left) / u(supply);
    let begin = world.now();
    let step = |insurer: &Insurer, short: bool| {
        // The supply is seen for an hour before anything is compared with it.
        let sampled = insurer.world.now() >= begin + 2 * HOUR;
        report_from_l1(insurer, trigger, sampled.then_some(if short { rest } else { all }));
    };
    let course = Course { opened, whole: None, step: &step, every: HOUR };
    // Backing over supply in WAD, rounded up; what is missing in basis points, rounded down.
    let wad = U256::from(10u128.pow(18));
    let ratio = (rest * wad).div_ceil(all);
    let worst = ((wad - ratio) * u(10_000) / wad).to::<u16>();
    incident(name, insurer, product, "bridged", &course, |_| Event {
        // The last report that was whole: an hour's steps, told ten minutes later.
        opened: opened - 10 * MINUTE,
        worst,
    });
}

/// Nomad, August 2022: some 190 million went within hours; that 0.7 million stayed is assumed.
#[test]
fn nomad_in_august_2022() {
    a_bridge_is_drained("Nomad, August 2022", 190_700_000, 700_000);
}

/// Kelp, 2026: 116,500 rsETH were released without a burn, and 18 % of what there was elsewhere had no backing.
#[test]
fn scenario_60_kelp_in_2026() {
    a_bridge_is_drained("Kelp, 2026", 647_222, 647_222 - 116_500);
}

/// Euler, March 2023: 197 million went in a day, and nearly all of it came back within a month (of what there was, 264
/// million, and that a tenth was kept, is assumed). It is won back: first to
/// what is owed, then to the shares, never more than was paid.
#[test]
fn euler_in_march_2023_and_what_came_back() {
    let insurer = Insurer::new(12_000_000);
    let world = &insurer.world;
    let at = |name: &str| insurer.person(name);
    let trigger = at("lending");
    world.construct::<LendingTrigger>(
        trigger,
        insurer.owner,
        (insurer.owner, Address::ZERO, 600u32).abi_encode_params(),
    );
    let lender = Teller::deploy(world, at("lender"));
    lender.says::<IERC4626::assetCall>(&[U256::from_be_slice(insurer.token.at.as_slice())]);
    lender.says::<Lender::decimalsCall>(&[u(18)]);
    lender.says::<IERC20::totalSupplyCall>(&[u(10).pow(u(27))]);
    let price = |price: u64| lender.says::<IERC4626::convertToAssetsCall>(&[u(price)]);
    price(1_000_000);
    for number in 0..50 {
        lender.holds(at(&format!("insured {number}")), 10u128.pow(24));
    }
    let config = ILendingTrigger::Subject {
        source: lender.at,
        asset: insurer.token.at,
        kind: 2,
        triggerBps: 200,
        persistence: (6 * HOUR) as u32,
        calm: (5 * DAY) as u32,
    };
    insurer.must(insurer.owner, trigger, ILendingTrigger::registerCall { subject: text("Euler"), config });
    let product = insurer.product(trigger, cover::DEFAULT, IRisk::Limits { waiting: WAITING as u32, ..limits() });
    insurer.list(product, "Euler");
    let opened = world.now() + 30 * DAY;
    // 197 of 264 million.
    let left = 1_000_000 - 1_000_000 * 197 / 264;
    let observe = ITrigger::observeCall { subject: text("Euler"), evidence: Default::default() };
    let step = |insurer: &Insurer, short: bool| {
        price(if short { left } else { 1_000_000 });
        insurer.must(insurer.person("anyone"), trigger, observe.clone());
    };
    let course = Course { opened, whole: None, step: &step, every: HOUR };
    let worst = ((1_000_000 - left) * 10_000 / 1_000_000) as u16;
    let mut play = incident("Euler, March 2023", insurer, product, "Euler", &course, |play| {
        let seen = play.incident().1;
        assert!(seen >= opened - HOUR && seen <= opened + HOUR, "{seen} is not {opened}");
        Event { opened: seen, worst }
    });

    // Three weeks later what was taken comes back: 177 of 197 million, a tenth kept.
    play.insurer.world.warp(21 * DAY);
    let (thief, anyone) = (play.insurer.person("who brings it back"), play.insurer.person("anyone"));
    play.insurer.fund(thief, usd(100_000_000));
    while !play.insurer.must(anyone, play.insurer.vault, IVault::catchUpCall { edges: u(100) }) {}
    let mut back = U256::ZERO;
    for number in 0..play.insured.len() {
        let index = play.insured[number].index;
        let (policy, confirmed) = (play.insurer.id(index), play.insurer.policy_of(index).confirmed);
        if confirmed.is_zero() {
            continue;
        }
        let assets = play.insurer.solvency().assets;
        let part = confirmed * u(177) / u(197);
        play.insurer.must(thief, play.insurer.assessor, IAssessor::recoverCall { policy, amount: part });
        back += part;
        assert_eq!(play.insurer.solvency().assets - assets, part);
        let more = IAssessor::recoverCall { policy, amount: confirmed - part + U256::ONE };
        play.insurer.world.refused(thief, play.insurer.assessor, more).expect::<IAssessor::RecoveryExceedsLoss>();
        assert_eq!(play.insurer.read(play.insurer.assessor, IAssessor::recoveredOfCall { policy }), part);
    }
    play.books.recovered = back;
    assert_eq!(play.insurer.solvency().assets, play.books.assets(play.now()));
    // It flows to those who stayed, over four weeks; who left has no part of it.
    let before = play.insurer.solvency().entryPrice;
    play.insurer.world.warp(5 * WEEK);
    while !play.insurer.must(anyone, play.insurer.vault, IVault::catchUpCall { edges: u(100) }) {}
    let solvency = play.insurer.solvency();
    assert_eq!(solvency.stream, U256::ZERO);
    assert_eq!(solvency.assets, play.books.assets(play.now()));
    assert!(solvency.entryPrice >= before && solvency.exitPrice > before * u(9) / u(10));
    let who = play.underwriters[1];
    let pending = IERC7540Redeem::pendingRedeemRequestCall { requestId: U256::ZERO, controller: who };
    assert_eq!(play.insurer.read(play.insurer.vault, pending), U256::ZERO);
    println!("Euler: {back} came back");
}

/// A Uniswap v3 pool of two tokens of 18 decimals at a price of one, deep and old.
struct Deep([Address; 2]);

impl Native for Deep {
    fn call(&self, context: &Context<'_>, input: &[u8]) -> ArbResult {
        let zero = U256::ZERO;
        match *input.first_chunk::<4>().ok_or(vec![])? {
            Pool::token0Call::SELECTOR => Ok(self.0[0].abi_encode()),
            Pool::token1Call::SELECTOR => Ok(self.0[1].abi_encode()),
            Pool::slot0Call::SELECTOR => Ok([zero, zero, zero, u(500), zero, zero, U256::ONE].abi_encode()),
            Pool::observeCall::SELECTOR => {
                let call = Pool::observeCall::abi_decode(input).map_err(|_| vec![])?;
                let at = |ago: &u32| u(context.world.now() - u64::from(*ago));
                let per: Vec<_> =
                    call.secondsAgos.iter().map(|ago| (at(ago) << 128usize) / U256::from(10u128.pow(18))).collect();
                Ok((vec![I256::ZERO; per.len()], per).abi_encode_params())
            }
            _ => Err(vec![]),
        }
    }
}

/// Curve, July 2023, as a feed would have told it that read the drained pool: CRV at 0.09 where the market was at 0.59 (assumed), for
/// hours. Two references that agree say so; the loss is what it deviates beyond 5 %.
#[test]
fn a_feed_that_read_a_drained_pool_july_2023() {
    let insurer = Insurer::new(12_000_000);
    let world = &insurer.world;
    let trigger = insurer.person("oracle");
    let [feed, second] = ["feed", "second"].map(|name| Feed::deploy(world, insurer.person(name), 8));
    let tokens = ["CRV", "quote"].map(|name| Token::deploy(world, insurer.person(name), 18).at);
    let pool = insurer.person("pool");
    world.place_native(pool, Deep(tokens));
    let arguments = (insurer.owner, Address::ZERO, Address::ZERO, 60u32).abi_encode_params();
    world.construct::<OracleTrigger>(trigger, insurer.owner, arguments);
    // In units of what the market paid, so that the pool is at one.
    let lie = PAR * 9 / 59;
    let push = |short: bool, now: u64| {
        feed.push(if short { lie } else { PAR }, now);
        second.push(PAR, now);
    };
    push(false, world.now());
    let config = IOracleTrigger::Subject {
        feed: feed.at,
        secondFeed: second.at,
        pool,
        inverted: false,
        feedHeartbeat: HOUR as u32,
        secondHeartbeat: HOUR as u32,
        twap: (30 * MINUTE) as u32,
        minLiquidity: 10u128.pow(17),
        minCardinality: 100,
        deviationBps: 500,
        capBps: 9_000,
        duration: HOUR as u32,
        recovery: (2 * HOUR) as u32,
        window: HOUR as u32,
        gap: (15 * MINUTE) as u32,
        assetDecimals: 255,
    };
    insurer.must(insurer.owner, trigger, IOracleTrigger::registerCall { subject: text("CRV/USD"), config });
    let product = insurer.product(trigger, cover::ORACLE, IRisk::Limits { waiting: WAITING as u32, ..limits() });
    insurer.list(product, "CRV/USD");
    let opened = world.now() + 30 * DAY;
    let observe = ITrigger::observeCall { subject: text("CRV/USD"), evidence: Default::default() };
    let step = |insurer: &Insurer, short: bool| {
        push(short, insurer.world.now());
        insurer.must(insurer.person("anyone"), trigger, observe.clone());
    };
    let course = Course { opened, whole: Some(opened + 8 * HOUR), step: &step, every: 10 * MINUTE };
    let wad = 10i128.pow(18);
    let deviation = (PAR - lie) * wad / PAR;
    let worst = ((deviation - wad / 20) * 10_000 / wad) as u16;
    incident("Curve, July 2023", insurer, product, "CRV/USD", &course, |play| {
        let closed = play.incident().2;
        // Whole from the first sample after eight hours, for two more.
        assert_eq!(closed, opened + 8 * HOUR + 10 * MINUTE + 2 * HOUR);
        Event { opened, worst }
    });
}
