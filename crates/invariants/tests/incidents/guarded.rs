//! A guardian who does all that the office allows, at every time, as often as it can: what the insured get for a loss, when
//! they get it, and when an underwriter is out.
//!
//! The bounds follow from the rules. Filing is paused for seven days at most and then runs for seven; what was filed waits
//! for its delay, prolonged once by seven days; payment is never paused. Exits are held for seven days of any fourteen: one
//! hold may put the request off, and with it the week that it is served with, and another the service.

use std::collections::BTreeSet;

use allocator::Allocator;
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolValue};
use depeg::DepegTrigger;
use guardian::Guardian;
use proptest::prelude::{ProptestConfig, prop, prop_assert, proptest};
use protocol::abi::{
    EnforcedPause, IAccessControl, IAllocator, IAssessor, IDepegTrigger, IERC4626, IERC7540Redeem, IGuardian, IOwned,
    IPausable, IRisk, IVault,
};
use testkit::{
    Reverted,
    feed::{Feed, Uptime},
    strategy::Strategy,
};
use timelock::{CANCELLER_ROLE, Timelock};

use crate::insurer::{COOLDOWN, DAY, GRACE, HOUR, Insurer, WEEK, cover, limits, stage, text, u, usd};

const PAR: i128 = 100_000_000;
/// Everybody acts so often, and when something ends.
const TICK: u64 = 6 * HOUR;
/// The price is at half for so long.
const DEPEG: u64 = 2 * DAY;
/// The longest delay of a claim, by the rules of a new deployment.
const MAX_DELAY: u64 = 3 * DAY;
/// The longest pause, hold of exits and prolongation, and how long the contracts and the office rest after it.
const HOLD: u64 = 7 * DAY;
const TERM: u64 = 365 * DAY;

/// What a guardian can do to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Power {
    Deposits,
    Purchases,
    Redemptions,
    Filing,
    Prolong,
    Divest,
}

use Power::{Deposits, Divest, Filing, Prolong, Purchases, Redemptions};

const POWERS: [Power; 6] = [Deposits, Purchases, Redemptions, Filing, Prolong, Divest];

/// The members of a set that is written as bits.
fn subset<T: Copy>(all: &[T], bits: usize) -> Vec<T> {
    all.iter().enumerate().filter(|(index, _)| bits >> index & 1 == 1).map(|(_, member)| *member).collect()
}

/// Ten million, a fifth of it in a strategy, a product on a stablecoin's feed, and the office as guardian of everything.
pub(crate) struct Guarded {
    pub(crate) insurer: Insurer,
    pub(crate) strategy: Strategy,
    feed: Feed,
    holder: Address,
    office: Address,
    /// Acts that succeeded: when, and what.
    acts: Vec<(u64, Power)>,
}

impl Guarded {
    pub(crate) fn new() -> Self {
        let insurer = Insurer::new(9_000_000);
        let (world, owner) = (&insurer.world, insurer.owner);
        let at = |name: &str| insurer.person(name);
        let nobody = Address::ZERO;
        let notice = u(WEEK + COOLDOWN);
        let roles = (notice + u(1), vec![at("governor")], vec![nobody], nobody, notice).abi_encode_params();
        world.construct::<Timelock>(owner, owner, roles);
        let office = insurer.guardian;
        world.construct::<Guardian>(office, owner, (owner, nobody, owner, TERM).abi_encode_params());
        let grant = IAccessControl::grantRoleCall { role: CANCELLER_ROLE, account: office };
        insurer.must(owner, owner, grant);
        let allocator = at("allocator");
        world.construct::<Allocator>(allocator, owner, (owner, nobody, insurer.vault).abi_encode_params());
        insurer.must(owner, insurer.vault, IVault::setAllocatorCall { newAllocator: allocator });
        for contract in [insurer.vault, insurer.policy, allocator] {
            insurer.must(owner, contract, IOwned::setGuardianCall { newGuardian: office });
        }
        let feed = Feed::deploy(world, at("feed"), 8);
        let _ = Uptime::deploy(world, at("uptime"));
        feed.push(PAR, world.now());
        let depeg = at("depeg");
        let arguments = (owner, nobody, at("uptime"), HOUR as u32).abi_encode_params();
        world.construct::<DepegTrigger>(depeg, owner, arguments);
        let config = IDepegTrigger::Subject {
            feed: feed.at,
            triggerPrice: 970_000_000_000_000_000,
            recoveryPrice: 990_000_000_000_000_000,
            duration: HOUR as u32,
            recovery: DAY as u32,
            window: DAY as u32,
            heartbeat: (DAY + 600) as u32,
            floorPrice: 10_000_000_000_000_000,
        };
        insurer.must(owner, depeg, IDepegTrigger::registerCall { subject: text("USDC/USD"), config });
        insurer.product(depeg, cover::DEPEG, limits());
        insurer.list(1, "USDC/USD");
        insurer.must(owner, insurer.risk, IRisk::setRiskKeyCall { riskKey: text("lending protocol"), group: 1 });
        let strategy = Strategy::deploy(world, at("strategy"), &insurer.token);
        let add = IAllocator::addStrategyCall {
            strategy: strategy.at,
            cap: usd(5_000_000),
            riskKey: text("lending protocol"),
        };
        insurer.must(owner, allocator, add);
        insurer.deposit(at("lender"), usd(9_000_000));
        insurer.deposit(at("leaver"), usd(1_000_000));
        insurer.must(owner, insurer.vault, IVault::investCall { strategy: strategy.at, assets: usd(2_000_000) });
        let guarded = Self { strategy, feed, holder: at("holder"), office, acts: Vec::new(), insurer };
        let until = guarded.insurer.world.now() + TERM;
        guarded.appoint(until);
        guarded
    }

    /// Gives the office to its holder until then, with as many acts as governance may allow.
    fn appoint(&self, until: u64) {
        let (owner, holder) = (self.insurer.owner, self.holder);
        self.insurer.must(owner, self.office, IGuardian::appointCall { holder, until });
        self.insurer.must(owner, self.office, IGuardian::setActLimitCall { mostInAWeek: 64 });
    }

    /// An act of the holder's; whether it succeeded. What refuses it must be a limit.
    fn act<C: SolCall>(&mut self, power: Power, call: C) -> Result<(), Reverted> {
        match self.insurer.send(self.holder, self.office, call) {
            Ok(_) => {
                self.acts.push((self.insurer.world.now(), power));
                Ok(())
            }
            Err(reverted) => {
                let is_limit = reverted.is::<IPausable::PauseTooSoon>()
                    || reverted.is::<IPausable::PauseTooLong>()
                    || reverted.is::<IGuardian::ActLimitReached>()
                    || reverted.is::<IGuardian::OfficeVacant>()
                    || reverted.is::<IAssessor::AlreadyProlonged>()
                    || reverted.is::<IAssessor::TooLate>();
                assert!(is_limit, "{power:?} was refused with 0x{}", alloy_primitives::hex::encode(&reverted.0));
                Err(reverted)
            }
        }
    }

    /// Uses a power for `duration` seconds, or for as long as the office lets it.
    fn uses(&mut self, power: Power, duration: u64) {
        let (vault, reason) = (self.insurer.vault, text("because it can"));
        let (target, kind) = match power {
            Deposits => (vault, 0),
            Purchases => (self.insurer.policy, 1),
            Redemptions => (vault, 2),
            Filing => (self.insurer.risk, 3),
            Prolong => {
                let count = self.insurer.bought.borrow().len();
                for index in
                    (0..count).filter(|index| self.insurer.claim(*index).stage == stage::DELAYED).collect::<Vec<_>>()
                {
                    let (assessor, policy) = (self.insurer.assessor, self.insurer.id(index));
                    let _ = self.act(power, IGuardian::prolongCall { assessor, policy, duration, reason });
                }
                return;
            }
            Divest => {
                let strategy = self.strategy.at;
                if !self.strategy.assets(&self.insurer.world).is_zero() {
                    let assets = usd(250_000);
                    let _ = self.act(power, IGuardian::divestCall { vault, strategy, assets, reason });
                }
                return;
            }
        };
        let pause = |duration| IGuardian::pauseCall { target, kind, duration, reason };
        if let Err(reverted) = self.act(power, pause(duration))
            && reverted.is::<IPausable::PauseTooLong>()
        {
            let longest = reverted.expect::<IPausable::PauseTooLong>().longest.to();
            let _ = self.act(power, pause(longest));
        }
    }

    /// Each act has an event with a reason, and was done before the term was over.
    fn account_for_acts(&self) {
        let events = self.insurer.world.events::<IGuardian::Acted>(self.office);
        assert_eq!(events.len(), self.acts.len());
        assert!(events.iter().all(|event| event.holder == self.holder && !event.reason.is_zero()));
        let until = self.insurer.read(self.office, IGuardian::officeCall {}).until;
        assert!(self.acts.iter().all(|(time, _)| *time < until));
        for (time, _) in &self.acts {
            assert!(self.acts.iter().filter(|(other, _)| (*time..time + WEEK).contains(other)).count() <= 64);
        }
    }

    /// The time at which somebody may have something to do next, after a tick at most.
    fn next(&self, others: &[u64]) -> u64 {
        let (world, now) = (&self.insurer.world, self.insurer.world.now());
        let filing = self.insurer.read(self.insurer.risk, IRisk::filingPausedUntilCall {}).to::<u64>();
        let redemptions = world.read(self.insurer.vault, IVault::pausedUntilCall { kind: 2 }).to::<u64>();
        let tick = (now / TICK + 1) * TICK;
        others.iter().copied().chain([filing, redemptions]).filter(|time| *time > now).fold(tick, u64::min)
    }
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————————— the insured

/// Who has lost half of his cover: files as soon as he may and as filing runs, or in the last second, and executes when it
/// is due.
struct Claimant {
    index: usize,
    who: Address,
    lost: U256,
    /// He files at the end of his time.
    late: bool,
    /// When he wanted to file, had filed, and was paid.
    wanted: Option<u64>,
    filed: Option<u64>,
    paid: Option<u64>,
    money: U256,
}

/// What came of it for one of the insured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Outcome {
    paid: U256,
    /// From the wish to file to the filing, and from there to the payment.
    waited: u64,
    delayed: u64,
}

/// When the guardian acts, as seen from the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Before,
    BeforeFiling,
    BeforePayment,
}

const MOMENTS: [Moment; 3] = [Moment::Before, Moment::BeforeFiling, Moment::BeforePayment];

/// The loss comes so long after the policies begin.
const LOSS: u64 = 10 * DAY;

/// The insured of a claim that is paid at once, of one that is delayed, and of one that is filed in the last second.
const COVERS: [(u64, bool); 3] = [(10_000, false), (2_000_000, false), (100_000, true)];

/// Plays the loss with a guardian who does what `plan` says at each time and moment.
fn play(mut guarded: Guarded, mut plan: impl FnMut(&mut Guarded, Moment, u64)) -> Vec<Outcome> {
    let mut claimants: Vec<Claimant> = COVERS
        .iter()
        .enumerate()
        .map(|(number, (cover, late))| {
            let who = guarded.insurer.person(&format!("insured {number}"));
            let index = guarded.insurer.buy(1, "USDC/USD", who, usd(*cover), 60 * DAY);
            let (money, lost) = (guarded.insurer.money(who), usd(*cover) / u(2));
            Claimant { index, who, lost, late: *late, wanted: None, filed: None, paid: None, money }
        })
        .collect();
    let begin = guarded.insurer.world.now();
    let (loss, recovery) = (begin + LOSS, begin + LOSS + DEPEG);
    let longest = recovery + 2 * (GRACE + DAY) + 2 * HOLD + MAX_DELAY + HOLD;
    while claimants.iter().any(|claimant| claimant.paid.is_none()) {
        let now = guarded.insurer.world.now();
        assert!(now <= longest, "the insured wait for ever");
        if now.is_multiple_of(TICK) {
            guarded.feed.push(if (loss..recovery).contains(&now) { PAR / 2 } else { PAR }, now);
        }
        // Never paused.
        guarded.insurer.report(1, "USDC/USD");
        let moment = if now < loss {
            Moment::Before
        } else if claimants[1].filed.is_none() {
            Moment::BeforeFiling
        } else {
            Moment::BeforePayment
        };
        plan(&mut guarded, moment, now - begin);
        for claimant in &mut claimants {
            claimant.acts(&guarded.insurer, recovery + TICK);
        }
        let dues: Vec<_> = claimants.iter().map(|claimant| guarded.insurer.claim(claimant.index).due).collect();
        guarded.insurer.world.warp_to(guarded.next(&dues));
    }
    guarded.account_for_acts();
    claimants.iter().map(|claimant| claimant.outcome(&guarded.insurer)).collect()
}

impl Claimant {
    fn acts(&mut self, insurer: &Insurer, proven: u64) {
        let now = insurer.world.now();
        if self.paid.is_some() || now < proven {
            return;
        }
        if self.wanted.is_none() && self.late {
            let clock = insurer.read(insurer.risk, IRisk::claimsClockCall {}).to::<u64>();
            let last = insurer.line(1, "USDC/USD").lapseAt;
            if last == 0 || clock + TICK <= last {
                return;
            }
            assert!(clock <= last, "he is awake");
        }
        let wanted = *self.wanted.get_or_insert(now);
        if self.filed.is_none() {
            match insurer.send(self.who, insurer.assessor, insurer.filing(self.index, 1)) {
                Ok(filed) => {
                    self.filed = Some(now);
                    if filed.paid > U256::ZERO {
                        self.paid = Some(now);
                    }
                }
                Err(reverted) => {
                    reverted.expect::<EnforcedPause>(); // nothing else, no deadline
                    assert!(now < wanted + HOLD);
                }
            }
        } else if now >= insurer.claim(self.index).due {
            assert_eq!(insurer.execute(self.index), (self.lost, self.lost));
            self.paid = Some(now);
        }
    }

    fn outcome(&self, insurer: &Insurer) -> Outcome {
        let (wanted, filed, paid) = (self.wanted.unwrap(), self.filed.unwrap(), self.paid.unwrap());
        Outcome { paid: insurer.money(self.who) - self.money, waited: filed - wanted, delayed: paid - filed }
    }
}

/// The amounts are those of a life without a guardian, and the delays keep to the rules.
fn nobody_is_hurt(outcomes: &[Outcome], shown: &dyn std::fmt::Debug) {
    for (outcome, (cover, _)) in outcomes.iter().zip(COVERS) {
        assert_eq!(outcome.paid, usd(cover) / u(2), "{shown:?}");
        assert!(outcome.waited <= HOLD, "{shown:?}: {outcome:?}");
        assert!(outcome.delayed <= MAX_DELAY + HOLD, "{shown:?}: {outcome:?}");
    }
}

#[test]
fn without_a_guardian_the_insured_are_paid_at_once_or_after_the_delay() {
    let outcomes = play(Guarded::new(), |_, _, _| {});
    nobody_is_hurt(&outcomes, &"no guardian");
    assert!(outcomes.iter().all(|outcome| outcome.waited == 0));
    assert_eq!((outcomes[0].delayed, outcomes[2].delayed), (0, 0));
    assert!(outcomes[1].delayed > 0 && outcomes[1].delayed <= MAX_DELAY);
}

/// Each set of powers at each set of moments, for as long and as often as rests and limits allow.
#[test]
fn the_guardian_cannot_hurt_a_claimant() {
    let mut longest = (0, 0);
    let mut used = BTreeSet::new();
    for powers in 1..1usize << POWERS.len() {
        let chosen = subset(&POWERS, powers);
        for moments in 1..1usize << MOMENTS.len() {
            let moments = subset(&MOMENTS, moments);
            let outcomes = play(Guarded::new(), |guarded, moment, _| {
                if moments.contains(&moment) {
                    for power in &chosen {
                        guarded.uses(*power, HOLD);
                    }
                    used.extend(guarded.acts.iter().map(|(_, power)| *power));
                }
            });
            nobody_is_hurt(&outcomes, &(&chosen, &moments));
            for outcome in outcomes {
                longest = (outcome.waited.max(longest.0), outcome.delayed.max(longest.1));
            }
        }
    }
    assert_eq!(used.len(), POWERS.len(), "each power was used");
    // The guardian did what it could.
    assert_eq!(longest.0, HOLD);
    assert!(longest.1 > HOLD);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Each set of powers, at any times and for any durations, in an office that ends at any time.
    #[test]
    fn no_times_and_durations_hurt_a_claimant(
        powers in 1usize..64,
        acts in prop::collection::vec((0..60 * DAY, 0..POWERS.len(), 1..=HOLD), 1..40),
        term in DAY..90 * DAY,
    ) {
        let guarded = Guarded::new();
        guarded.appoint(guarded.insurer.world.now() + term);
        let chosen = subset(&POWERS, powers);
        let mut acts: Vec<_> = acts;
        acts.sort_unstable();
        let mut coming = acts.iter().peekable();
        let outcomes = play(guarded, |guarded, _, passed| {
            while let Some((_, power, duration)) = coming.next_if(|(time, ..)| *time <= passed) {
                guarded.uses(chosen[power % chosen.len()], *duration);
            }
        });
        nobody_is_hurt(&outcomes, &(&chosen, &acts));
    }
}

/// Where the pool is too poor for what is claimed, a guardian who keeps others in takes nothing from the insured.
#[test]
fn a_claimant_of_a_poor_pool_gets_no_less() {
    let lives = [false, true].map(|guarding| {
        let mut guarded = Guarded::new();
        let insurer = &guarded.insurer;
        let insured = insurer.person("insured");
        let index = insurer.buy(1, "USDC/USD", insured, usd(8_000_000), 60 * DAY);
        insurer.request(insurer.person("leaver"), insurer.shares(insurer.person("leaver")));
        // The strategy loses what is in it.
        guarded.strategy.lose(&insurer.world, usd(1_900_000));
        let (begin, money) = (insurer.world.now(), insurer.money(insured));
        let mut price = PAR;
        while guarded.insurer.world.now() < begin + 60 * DAY {
            let now = guarded.insurer.world.now();
            if now.is_multiple_of(TICK) {
                price = if (begin + 20 * DAY..begin + 22 * DAY).contains(&now) { 0 } else { PAR };
                guarded.feed.push(price.max(1), now);
            }
            guarded.insurer.report(1, "USDC/USD");
            if guarding {
                for power in POWERS {
                    guarded.uses(power, HOLD);
                }
            }
            let insurer = &guarded.insurer;
            let _ = insurer.send(insurer.person("anyone"), insurer.vault, IVault::serveCall { n: u(10) });
            if now > begin + 22 * DAY {
                let _ = insurer.send(insured, insurer.assessor, insurer.filing(index, 1));
                let _ = insurer.send(insured, insurer.assessor, insurer.execution(index));
            }
            let due = guarded.insurer.claim(index).due;
            guarded.insurer.world.warp_to(guarded.next(&[due]));
        }
        assert_eq!(price, PAR);
        guarded.account_for_acts();
        guarded.insurer.money(insured) - money
    });
    assert!(lives[0] > U256::ZERO && lives[1] >= lives[0], "{lives:?}");
}

// ————————————————————————————————————————————————————————————————————————————————————————————————————— underwriters

/// An underwriter who wants out from now on, and takes each step as soon as she may; when she was out, and with what.
fn leave(guarded: &mut Guarded, longest: u64, mut plan: impl FnMut(&mut Guarded)) -> Option<(u64, U256)> {
    let leaver = guarded.insurer.person("leaver");
    let (begin, shares) = (guarded.insurer.world.now(), guarded.insurer.shares(leaver));
    let mut asked = false;
    loop {
        let now = guarded.insurer.world.now();
        if now > begin + longest {
            return None;
        }
        plan(guarded);
        let insurer = &guarded.insurer;
        if !asked {
            let request = IERC7540Redeem::requestRedeemCall { shares, controller: leaver, owner: leaver };
            match insurer.send(leaver, insurer.vault, request) {
                Ok(_) => asked = true,
                Err(reverted) => drop(reverted.expect::<EnforcedPause>()),
            }
        }
        if let Err(reverted) = insurer.send(leaver, insurer.vault, IVault::serveCall { n: u(10) }) {
            reverted.expect::<EnforcedPause>();
        }
        if insurer.read(insurer.vault, IERC4626::maxRedeemCall { controller: leaver }) == shares {
            return Some((now, insurer.redeem_all(leaver)));
        }
        guarded.insurer.world.warp_to(guarded.next(&[]));
    }
}

fn edge(time: u64) -> u64 {
    (time / WEEK + 1) * WEEK
}

/// One hold before the request, and with it another week, one before the service: fourteen days, and no more.
#[test]
fn no_guardian_keeps_an_underwriter_in_for_more_than_fourteen_days() {
    let mut most = 0;
    for offset in 0..7 {
        for first in 0..14 {
            for order in [[Redemptions, Filing], [Filing, Redemptions]] {
                for powers in 0..4usize {
                    let mut guarded = Guarded::new();
                    // The guardian's play begins first, or she does.
                    let start = guarded.insurer.world.now();
                    let wish = start + 14 * DAY + offset * DAY;
                    let chosen = subset(&order, powers);
                    let plan = |guarded: &mut Guarded| {
                        if guarded.insurer.world.now() >= start + first * DAY + offset * DAY {
                            for power in [&chosen[..], &[Deposits, Purchases, Divest]].concat() {
                                guarded.uses(power, HOLD);
                            }
                        }
                    };
                    while guarded.insurer.world.now() < wish {
                        plan(&mut guarded);
                        let next = guarded.next(&[wish]);
                        guarded.insurer.world.warp_to(next);
                    }
                    let alone = edge(wish) + COOLDOWN;
                    let (out, money) = leave(&mut guarded, 10 * WEEK, plan).expect("she is out");
                    assert!(money == usd(1_000_000) || money + u(1) == usd(1_000_000), "{money}");
                    assert!(out >= alone && out <= alone + 2 * HOLD, "{offset} {first} {chosen:?}");
                    assert!(powers > 0 || out == alone);
                    most = most.max(out - alone);
                    guarded.account_for_acts();
                }
            }
        }
    }
    assert!(most > HOLD, "both holds are felt");
}

/// A guardian who holds her request, and then nothing before her service is due, keeps her in for just so long.
#[test]
fn fourteen_days_are_what_a_guardian_who_knows_when_can_reach() {
    for offset in 0..28 {
        let mut guarded = Guarded::new();
        guarded.insurer.world.warp(offset * TICK);
        let wish = guarded.insurer.world.now();
        let alone = edge(wish) + COOLDOWN;
        let knowing = |guarded: &mut Guarded| {
            let (insurer, now) = (&guarded.insurer, guarded.insurer.world.now());
            let asked = insurer.shares(insurer.person("leaver")).is_zero();
            if !asked || now >= alone + WEEK {
                guarded.uses(Redemptions, HOLD);
            }
        };
        let (out, _) = leave(&mut guarded, 10 * WEEK, knowing).expect("she is out");
        assert_eq!(out, alone + 2 * HOLD);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// The same at any times and for any durations.
    #[test]
    fn no_times_and_durations_keep_an_underwriter_in(
        acts in prop::collection::vec((0..80 * DAY, 0..POWERS.len(), 1..=HOLD), 1..60),
        wish in 0..30 * DAY,
    ) {
        let mut guarded = Guarded::new();
        let start = guarded.insurer.world.now();
        let mut acts = acts;
        acts.sort_unstable();
        let mut coming = acts.into_iter().peekable();
        let mut plan = |guarded: &mut Guarded| {
            let passed = guarded.insurer.world.now() - start;
            while let Some((_, power, duration)) = coming.next_if(|(time, ..)| *time <= passed) {
                if POWERS[power] != Prolong {
                    guarded.uses(POWERS[power], duration);
                }
            }
        };
        while guarded.insurer.world.now() < start + wish {
            plan(&mut guarded);
            let next = guarded.next(&[start + wish]);
            guarded.insurer.world.warp_to(next);
        }
        let alone = edge(start + wish) + COOLDOWN;
        let (out, _) = leave(&mut guarded, 10 * WEEK, plan).expect("she is out");
        prop_assert!(out >= alone && out <= alone + 2 * HOLD, "{} after {}", out - alone, wish);
    }
}

/// What the office's hold on exits is for: each contract lets its own pause rest for seven days, in which the other's holds.
#[test]
fn two_pauses_by_turns_would_hold_exits_for_ever_without_the_office() {
    let mut guarded = Guarded::new();
    let (owner, key) = (guarded.insurer.owner, guarded.insurer.person("a key"));
    for contract in [guarded.insurer.vault, guarded.insurer.risk] {
        guarded.insurer.must(owner, contract, IOwned::setGuardianCall { newGuardian: key });
    }
    guarded.insurer.world.warp_to(edge(guarded.insurer.world.now()) - DAY);
    let by_turns = |guarded: &mut Guarded| {
        let (insurer, now) = (&guarded.insurer, u(guarded.insurer.world.now()));
        let filing = insurer.read(insurer.risk, IRisk::filingPausedUntilCall {}) > now;
        let redemptions = insurer.read(insurer.vault, IVault::pausedUntilCall { kind: 2 }) > now;
        let asked = insurer.shares(insurer.person("leaver")).is_zero();
        if asked && !filing && !redemptions {
            let (duration, reason) = (HOLD, B256::ZERO);
            let pause = IVault::pauseCall { kind: 2, duration, reason };
            if insurer.send(key, insurer.vault, pause).is_err() {
                insurer.must(key, insurer.risk, IRisk::pauseFilingCall { duration, reason });
            }
        }
    };
    assert_eq!(leave(&mut guarded, 100 * WEEK, by_turns), None);
}

/// A term's end ends everything, whatever waits.
#[test]
fn after_the_term_nothing_can_be_done() {
    let mut guarded = Guarded::new();
    let index = {
        let insurer = &guarded.insurer;
        insurer.buy(1, "USDC/USD", insurer.person("insured"), usd(2_000_000), 60 * DAY)
    };
    guarded.insurer.world.warp(DAY);
    for (price, ticks) in [(PAR, 1), (PAR / 2, 8), (PAR, 1)] {
        for _ in 0..ticks {
            guarded.feed.push(price, guarded.insurer.world.now());
            guarded.insurer.report(1, "USDC/USD");
            guarded.insurer.world.warp(TICK);
        }
    }
    assert_eq!(guarded.insurer.file(index, 1).1, U256::ZERO, "it is delayed");
    guarded.appoint(guarded.insurer.world.now() + HOUR);
    guarded.insurer.world.warp(HOUR);
    for power in POWERS {
        guarded.uses(power, HOUR);
    }
    assert!(guarded.acts.is_empty());
    let cancel = IGuardian::cancelCall {
        targets: vec![guarded.insurer.vault],
        values: vec![U256::ZERO],
        payloads: vec![Bytes::new()],
        predecessor: B256::ZERO,
        salt: B256::ZERO,
        reason: text("still here"),
    };
    let refused = guarded.insurer.world.refused(guarded.holder, guarded.office, cancel);
    refused.expect::<IGuardian::OfficeVacant>();
}
