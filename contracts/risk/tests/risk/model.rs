//! Random histories of sales, renewals, incidents, claims, releases and pauses, against a model that knows every policy.
//!
//! The contract keeps sums and weekly buckets; the model keeps policies and goes through all of them each time. After
//! every step both must tell the same of every line (G, E, V, reserve), of every risk key (x), of every group (Σx, Σx²,
//! through the requirement) and of the vault (reserve, unsettled incidents, active cover).
//!
//! In one half of the histories every line is brought up to date after each step. In the other half nobody does that
//! but the steps themselves: lines are told the same nevertheless, sums may be high until somebody looks, and at the end
//! all that was put off comes out the same.

use actuary::math::WAD;
use alloy_primitives::U256;
use proptest::prelude::*;
use protocol::abi::IRisk;

use crate::town::{CONFIRMED, Cover, INCONCLUSIVE, MILLE, NOT_MET, Town, plain_terms, text, u};

const WEEK: u64 = 100;
const LATENT: u64 = 60;
const WAITING: u64 = 20;
const GRACE: u64 = 250;
const MIN_TERM: u64 = 30;
const MAX_TERM: u64 = 1_500;
const DEDUCTIBLE: u64 = 300;
const FULL: u128 = 10_000;

/// Four lines: two on one key, two groups.
const LINES: [(&str, &str); 4] = [("A", "key 1"), ("B", "key 1"), ("C", "key 2"), ("D", "key 3")];
const KEYS: [(&str, u32); 3] = [("key 1", 1), ("key 2", 1), ("key 3", 2)];
const CORRELATION: [(u32, u16); 2] = [(1, 2_500), (2, 8_000)];

#[derive(Clone, Debug)]
enum Step {
    Buy {
        line: usize,
        amount: u64,
        term: u64,
    },
    Renew {
        policy: usize,
        term: u64,
    },
    Wait(u64),
    Latent {
        line: usize,
        worst: u64,
    },
    Open {
        line: usize,
        ago: u64,
        worst: u64,
    },
    Close {
        line: usize,
        worst: u64,
    },
    Withdraw {
        line: usize,
    },
    /// The next number; where `skip`, one number is left out, to be booked later.
    Next {
        line: usize,
        ago: u64,
        skip: bool,
    },
    Older {
        line: usize,
        ago: u64,
        worst: u64,
    },
    /// A share of what a policy has left; `loss` is what its trigger proves.
    Claim {
        policy: usize,
        loss: u64,
        part: u64,
    },
    Release {
        policy: usize,
    },
    Pause(u64),
    Recount,
    /// Tells the cover type what the product has seen.
    Sync,
}

fn step() -> impl Strategy<Value = Step> {
    let line = 0usize..LINES.len();
    prop_oneof![
        4 => (line.clone(), 1u64..1 << 40, MIN_TERM..MAX_TERM).prop_map(|(line, amount, term)| Step::Buy { line, amount, term }),
        3 => (any::<usize>(), 20u64..1_000).prop_map(|(policy, term)| Step::Renew { policy, term }),
        4 => prop_oneof![1u64..60, 50u64..400].prop_map(Step::Wait),
        1 => (line.clone(), 0u64..10_000).prop_map(|(line, worst)| Step::Latent { line, worst }),
        2 => (line.clone(), 0u64..500, 0u64..10_000).prop_map(|(line, ago, worst)| Step::Open { line, ago, worst }),
        2 => (line.clone(), 0u64..10_000).prop_map(|(line, worst)| Step::Close { line, worst }),
        1 => line.clone().prop_map(|line| Step::Withdraw { line }),
        1 => (line.clone(), 0u64..500, any::<bool>()).prop_map(|(line, ago, skip)| Step::Next { line, ago, skip }),
        1 => (line, 0u64..500, 0u64..10_000).prop_map(|(line, ago, worst)| Step::Older { line, ago, worst }),
        5 => (any::<usize>(), 0u64..10_000, 1u64..=100).prop_map(|(policy, loss, part)| Step::Claim { policy, loss, part }),
        4 => any::<usize>().prop_map(|policy| Step::Release { policy }),
        1 => (0u64..200).prop_map(Step::Pause),
        1 => Just(Step::Recount),
        1 => Just(Step::Sync),
    ]
}

/// A policy as the model knows it.
#[derive(Clone, Copy, Debug)]
struct Policy {
    line: usize,
    sold: Cover,
    end: u64,
    /// Out of the books.
    gone: bool,
    /// What was left of it when the incidents of its line opened, where it was covered.
    exposed: Option<u128>,
    /// Whether it had filed before: a claim may then take all that is left.
    filed_before: bool,
    /// Its claims since.
    claimed: u128,
}

impl Policy {
    fn rest(&self) -> u128 {
        (self.sold.cover - self.sold.confirmed).to()
    }

    fn deadline(&self) -> u64 {
        self.sold.deadline.to()
    }
}

/// An incident that claims can still be made under.
#[derive(Clone, Copy, Debug)]
struct Incident {
    confirmed: bool,
    closed: bool,
    worst: u64,
    evidence_at: u64,
}

impl Incident {
    /// The part of a cover that it can take, in basis points.
    fn takes(&self) -> u128 {
        u128::from(if self.closed { self.worst.saturating_sub(DEDUCTIBLE) } else { 10_000 - DEDUCTIBLE })
    }
}

#[derive(Clone, Debug, Default)]
struct Line {
    number: u64,
    skipped: Vec<u64>,
    /// Numbers that are closed for good.
    closed: Vec<u64>,
    /// The newest incident, while it can be claimed under.
    newest: Option<Incident>,
    /// What the others can take.
    others: u128,
    /// The newest latent evidence ever, opening and worst, of the newest number.
    evidence: (u64, u64),
    lapse_at: u64,
    /// A policy with claims under earlier incidents has claimed again or expired: the contract reserves at least what
    /// is needed.
    upper_bound: bool,
}

impl Line {
    fn is_open(&self) -> bool {
        self.newest.is_some_and(|incident| !incident.closed)
    }

    fn is_quiet(&self) -> bool {
        self.newest.is_none() && self.lapse_at == 0
    }

    /// What a claim that proves `loss` teaches, of a policy that then has `has` of its cover: nobody is paid what is
    /// reserved for the others.
    fn learn(&mut self, loss: u64, has: u128) {
        let known = match &mut self.newest {
            Some(newest) if newest.confirmed => {
                newest.worst = newest.worst.max(loss);
                u128::from(newest.worst.saturating_sub(DEDUCTIBLE))
            }
            _ => {
                self.others = self.others.max(loss.saturating_sub(DEDUCTIBLE).into());
                0
            }
        };
        self.others = self.others.max(has.saturating_sub(known));
    }

    fn takes(&self) -> u128 {
        (self.newest.map_or(0, |incident| incident.takes()) + self.others).min(FULL)
    }
}

struct Model {
    town: Town,
    policies: Vec<Policy>,
    lines: [Line; LINES.len()],
}

impl Model {
    fn new() -> Self {
        let mut town = Town::with_times(WEEK, LATENT, 1);
        town.capital = U256::from(1) << 70;
        town.add_vault(town.vault);
        for (group, correlation) in CORRELATION {
            town.own(IRisk::setGroupCall { group, correlationBps: correlation });
        }
        for (key, group) in KEYS {
            town.own(IRisk::setRiskKeyCall { riskKey: text(key), group });
        }
        let mut terms = plain_terms();
        terms.limits.waiting = WAITING as u32;
        terms.limits.grace = GRACE as u32;
        terms.limits.minTerm = MIN_TERM as u32;
        terms.limits.maxTerm = MAX_TERM as u32;
        terms.limits.minAmount = 1;
        terms.limits.deductibleBps = DEDUCTIBLE as u16;
        terms.limits.coinsuranceBaseBps = 1_000;
        terms.limits.coinsuranceSlopeBps = 20_000;
        terms.limits.coinsuranceMaxBps = 3_000;
        terms.pricing.minPremium = 1;
        town.own(IRisk::setCoverTypeCall {
            assetKey: text("asset USDX"),
            cover: 5,
            priorRate: terms.pricing.priorRate,
            credibility: terms.pricing.credibility,
            halfLife: terms.pricing.halfLife,
            lossCap: terms.pricing.lossCap,
        });
        let product = town.add_product(town.vault, terms);
        for (subject, key) in LINES {
            town.list(product, subject, key);
        }
        town.set_status(product, 1);
        Self { town, policies: vec![], lines: Default::default() }
    }

    fn stopped(&self) -> u64 {
        self.town.now() - self.town.clock()
    }

    /// What passes by time alone.
    fn settle(&mut self) {
        let (now, clock) = (self.town.now(), self.town.clock());
        for index in 0..LINES.len() {
            let line = &mut self.lines[index];
            if line.newest.is_some_and(|i| !i.confirmed && now >= i.evidence_at + LATENT) {
                line.newest = None;
            }
            if !line.is_open() && clock > line.lapse_at {
                self.calm(index);
            }
        }
        for policy in &mut self.policies {
            if !policy.gone && !policy.sold.filed && (policy.deadline() / WEEK + 1) * WEEK <= clock {
                policy.gone = true;
                policy.exposed = None;
            }
        }
    }

    fn calm(&mut self, index: usize) {
        let line = &mut self.lines[index];
        line.newest = None;
        line.others = 0;
        line.lapse_at = 0;
        line.upper_bound = false;
        for policy in self.policies.iter_mut().filter(|policy| policy.line == index) {
            policy.exposed = None;
            policy.claimed = 0;
        }
    }

    /// Exposes what may have been covered at `opened`, as the buckets can tell; never less than what was.
    fn expose(&mut self, index: usize, opened: u64) {
        let horizon = (opened + GRACE).saturating_sub(self.stopped()) / WEEK;
        let was_quiet = self.lines[index].is_quiet();
        for policy in self.policies.iter_mut().filter(|policy| policy.line == index && !policy.gone) {
            let reached = policy.sold.filed || policy.deadline() / WEEK >= horizon;
            assert!(reached || policy.end < opened, "covered at the opening, and not exposed");
            if reached && policy.exposed.is_none() {
                policy.exposed = Some(policy.rest());
                policy.filed_before = was_quiet && policy.sold.filed;
            }
        }
    }

    /// Makes `number` the newest incident of a line.
    fn supersede(&mut self, index: usize, number: u64) {
        let lapse = self.town.clock() + GRACE;
        let line = &mut self.lines[index];
        if number == line.number {
            return;
        }
        if let Some(old) = line.newest.take().filter(|incident| incident.confirmed) {
            line.others = (line.others + old.takes()).min(FULL);
        }
        if line.others > 0 {
            line.lapse_at = line.lapse_at.max(lapse);
        }
        line.number = number;
        line.evidence = (0, 0);
    }

    fn report(&mut self, index: usize, number: u64, verdict: u64, opened: u64, closed: u64, worst: u64) {
        self.town.book(self.town.report(LINES[index].0, number, verdict, opened, closed, worst));
    }

    fn latent(&mut self, index: usize, number: u64, opened: u64, worst: u64) {
        let now = self.town.now();
        self.report(index, number, INCONCLUSIVE, opened, 0, worst);
        let line = &self.lines[index];
        let newest = number == line.number;
        let known = newest
            && (line.closed.contains(&number)
                || line.newest.is_some_and(|incident| incident.confirmed)
                || (opened <= line.evidence.0 && worst <= line.evidence.1));
        if known {
            return;
        }
        self.supersede(index, number);
        self.expose(index, opened);
        let line = &mut self.lines[index];
        line.evidence = (line.evidence.0.max(opened), line.evidence.1.max(worst));
        line.newest = Some(Incident { confirmed: false, closed: false, worst: line.evidence.1, evidence_at: now });
    }

    fn confirmed(&mut self, index: usize, number: u64, opened: u64, closed: u64, worst: u64) {
        self.report(index, number, CONFIRMED, opened, closed, worst);
        if self.lines[index].closed.contains(&number) {
            return;
        }
        self.supersede(index, number);
        let was_quiet = self.lines[index].is_quiet();
        self.expose(index, opened);
        let lapse = self.town.clock() + GRACE;
        let covered = self.policies.iter().any(|policy| policy.line == index && policy.exposed.is_some_and(|e| e > 0));
        let long_over = closed != 0 && was_quiet && !covered && closed + GRACE <= self.town.now();
        let line = &mut self.lines[index];
        let worst = worst.max(line.newest.filter(|incident| incident.confirmed).map_or(0, |incident| incident.worst));
        line.newest = Some(Incident { confirmed: true, closed: closed != 0, worst, evidence_at: 0 });
        if closed != 0 {
            line.closed.push(number);
            line.lapse_at = line.lapse_at.max(lapse);
        }
        if long_over {
            self.calm(index);
        }
    }

    fn older(&mut self, index: usize, number: u64, opened: u64, worst: u64) {
        let closed = self.town.now().min(opened + 1);
        self.report(index, number, CONFIRMED, opened, closed, worst);
        self.expose(index, opened);
        let lapse = self.town.clock() + GRACE;
        let line = &mut self.lines[index];
        line.closed.push(number);
        line.others = (line.others + u128::from(worst.saturating_sub(DEDUCTIBLE))).min(FULL);
        line.lapse_at = line.lapse_at.max(lapse);
    }

    fn step(&mut self, step: Step) {
        let now = self.town.now();
        match step {
            Step::Buy { line, amount, term } => {
                let call = IRisk::underwriteCall { term: u(term), ..self.town.purchase(LINES[line].0, u(amount)) };
                match self.town.world.send(self.town.policy, self.town.risk, call.clone()) {
                    Ok(sold) => {
                        assert!(self.lines[line].is_quiet());
                        let cover = Cover {
                            product: 1,
                            subject: call.subject,
                            net: sold.net,
                            cover: call.amount * sold.ratioBps / u(10_000),
                            deadline: sold.deadline,
                            filed: false,
                            confirmed: U256::ZERO,
                        };
                        let end = now + WAITING + term;
                        self.policies.push(Policy {
                            line,
                            sold: cover,
                            end,
                            gone: false,
                            exposed: None,
                            filed_before: false,
                            claimed: 0,
                        });
                    }
                    Err(refused) => assert!(
                        !self.lines[line].is_quiet() && refused.is::<IRisk::LineNotQuiet>()
                            || refused.is::<IRisk::PremiumExceedsCover>(),
                        "{refused:?}"
                    ),
                }
            }
            Step::Renew { policy, term } => self.renew(policy, term),
            Step::Wait(seconds) => self.town.warp(seconds),
            Step::Latent { line, worst } => {
                let number = self.lines[line].number.max(1);
                self.latent(line, number, now, worst);
            }
            Step::Open { line, ago, worst } => {
                let number = self.lines[line].number.max(1);
                self.confirmed(line, number, now - ago, 0, worst);
            }
            Step::Close { line, worst } => {
                let number = self.lines[line].number.max(1);
                self.confirmed(line, number, now - 7, now, worst);
            }
            Step::Withdraw { line } => {
                let number = self.lines[line].number.max(1);
                self.report(line, number, NOT_MET, now, 0, 0);
                let line = &mut self.lines[line];
                if line.number == number && line.newest.is_some_and(|incident| !incident.confirmed) {
                    line.newest = None;
                }
            }
            Step::Next { line, ago, skip } => {
                let number = self.lines[line].number + 1 + u64::from(skip);
                if skip {
                    self.lines[line].skipped.push(number - 1);
                }
                self.confirmed(line, number, now - ago, 0, 0);
            }
            Step::Older { line, ago, worst } => {
                if let Some(number) = self.lines[line].skipped.pop()
                    && self.lines[line].number - number < 32
                {
                    self.older(line, number, now - ago, worst);
                }
            }
            Step::Sync => self.sync(),
            Step::Claim { policy, loss, part } => self.claim(policy, loss, part),
            Step::Release { policy } => self.release(policy),
            Step::Pause(duration) => self.town.pause(self.town.owner, duration).unwrap(),
            Step::Recount => {
                self.town
                    .world
                    .send(self.town.anyone, self.town.risk, IRisk::recountCall { vault: self.town.vault })
                    .unwrap();
            }
        }
    }

    /// However often and whenever the type is told: it knows what its only product does, which forgets in the same time,
    /// but for roundings, and its estimate is the product's prior.
    fn sync(&self) {
        let town = &self.town;
        let call = IRisk::syncCoverTypeCall { families: vec![u(1)] };
        town.world.send(town.anyone, town.risk, call).unwrap();
        let (own, told) = (town.estimate(), town.read(IRisk::coverTypeCall { assetKey: text("asset USDX"), cover: 5 }));
        for (own, told) in [(own.losses, told.losses), (own.exposure, told.exposure)] {
            assert!(own.abs_diff(told) < u(1_000), "{told} of {own}");
        }
        assert_eq!(town.read(IRisk::priorCall { product: u(1) }), told.rate);
        let weight = U256::from(15_000_000_000_000u64);
        let estimate = (told.losses * WAD + weight * u(8 * MILLE)) / (told.exposure + weight);
        assert!(told.rate.abs_diff(estimate) < u(1_000_000_000_000), "{} is not {estimate}", told.rate);
        // the rate in force is never below what both levels say
        let least = (own.losses * WAD + weight * told.rate) / (own.exposure + weight);
        assert!(own.rate + u(1_000_000_000_000) >= least.clamp(u(MILLE), u(200 * MILLE)), "{} {least}", own.rate);
    }

    fn renew(&mut self, index: usize, term: u64) {
        if self.policies.is_empty() {
            return;
        }
        let index = index % self.policies.len();
        let policy = &mut self.policies[index];
        let town = &self.town;
        let end = policy.deadline() - GRACE;
        let over = town.clock() > end;
        if policy.sold.filed || policy.gone && !over {
            return; // Policy refuses what was filed or cancelled
        }
        let in_bounds = (MIN_TERM..=MAX_TERM).contains(&term) && end + term <= town.clock() + WAITING + MAX_TERM;
        match town.world.send(town.policy, town.risk, town.renewal(&policy.sold, term)) {
            Ok(renewed) => {
                assert!(!policy.gone && !over && in_bounds && self.lines[policy.line].is_quiet());
                assert_eq!(renewed.newDeadline, policy.sold.deadline + u(term));
                policy.sold.deadline = renewed.newDeadline;
                policy.end += term;
            }
            Err(refused) => assert!(
                over && refused.is::<IRisk::CoverOver>()
                    || !over && !in_bounds && refused.is::<IRisk::TermOutOfBounds>()
                    || !self.lines[policy.line].is_quiet() && refused.is::<IRisk::LineNotQuiet>()
                    || refused.is::<IRisk::PremiumExceedsCover>(),
                "{refused:?}"
            ),
        }
    }

    fn claim(&mut self, index: usize, loss: u64, part: u64) {
        if self.policies.is_empty() {
            return;
        }
        let index = index % self.policies.len();
        let policy = &mut self.policies[index];
        let line = &mut self.lines[policy.line];
        let paused = self.town.gate().filingPaused;
        if policy.gone || paused || line.is_quiet() || self.town.clock() > policy.deadline() {
            let call = self.town.claim_call(&policy.sold, 0, policy.sold.confirmed);
            assert!(policy.gone || self.town.world.send(self.town.assessor, self.town.risk, call).is_err());
            return;
        }
        // Who was not covered gets nothing of its own accord; the trigger says how much of the others is lost.
        if policy.exposed.is_none() {
            return;
        }
        if policy.sold.confirmed > U256::from(policy.claimed) {
            line.upper_bound = true;
        }
        let rise = policy.rest() * u128::from(part) / 100;
        let total = policy.sold.confirmed + U256::from(rise);
        let (before, after) = self.town.claim(&mut policy.sold, loss, total);
        assert_eq!(before - after, U256::from(rise), "a claim is paid out of the reserve");
        policy.claimed += rise;
        line.learn(loss, (policy.claimed * FULL).div_ceil(policy.sold.cover.to::<u128>().max(1)));
    }

    fn release(&mut self, index: usize) {
        if self.policies.is_empty() {
            return;
        }
        let index = index % self.policies.len();
        let policy = &mut self.policies[index];
        if policy.gone {
            return;
        }
        let line = &mut self.lines[policy.line];
        let over = self.town.clock() > policy.deadline();
        if !over && !line.is_quiet() {
            let call = self.town.release_call(&policy.sold);
            let refused = self.town.world.refused(self.town.policy, self.town.risk, call);
            assert!(refused.is::<IRisk::LineNotQuiet>());
            return;
        }
        if over && !policy.sold.filed {
            return; // leaves by itself
        }
        self.town.release(&policy.sold);
        let counted_whole = policy.exposed.is_some() && policy.filed_before;
        if !line.is_quiet() && (counted_whole || policy.sold.confirmed > U256::from(policy.claimed)) {
            line.upper_bound = true;
        }
        policy.gone = true;
    }

    /// Every line, whether or not anybody has touched it; answers with G and the reserve of each.
    fn check_lines(&self) -> [(U256, U256); LINES.len()] {
        let town = &self.town;
        let mut told_of_all = [(U256::ZERO, U256::ZERO); LINES.len()];
        for (index, line) in self.lines.iter().enumerate() {
            let told = town.line(LINES[index].0);
            let here = || self.policies.iter().filter(move |policy| policy.line == index && !policy.gone);
            let cover: u128 = here().map(|policy| policy.rest()).sum();
            let exposed: u128 = here().filter_map(|policy| policy.exposed).sum();
            let claimed: u128 = here().filter(|p| p.exposed.is_some()).map(|policy| policy.claimed).sum();
            let filed = || here().filter(|policy| policy.filed_before && policy.exposed.is_some());
            let left: u128 = filed().filter_map(|policy| policy.exposed).sum();
            let before: u128 = here().map(|policy| policy.sold.confirmed.to::<u128>() - policy.claimed).sum();
            let part = |cover: u128| (cover * line.takes()).div_ceil(FULL);
            let reserve = (part(exposed - left) + part(left + before).min(left)).saturating_sub(claimed);
            // what had filed before is kept to twenty bits, each claim rounded up
            let slack = here().map(|policy| policy.sold.cover.to::<u128>()).sum::<u128>() >> 12;
            assert_eq!(told.cover, U256::from(cover), "G of {}", LINES[index].0);
            let state = if line.is_open() { 1 } else { 2 * u8::from(!line.is_quiet()) };
            assert_eq!(told.state, state, "state of {}: {line:?}", LINES[index].0);
            if line.upper_bound {
                assert!(told.reserve >= U256::from(reserve), "{} < {reserve}", told.reserve);
            } else {
                let books = (told.exposed, told.confirmed);
                assert_eq!(books, (U256::from(exposed), U256::from(claimed)), "{}", LINES[index].0);
                let most = if here().any(|policy| policy.sold.filed) { reserve + slack } else { reserve };
                let (least, most) = (U256::from(reserve), U256::from(most));
                assert!(told.reserve >= least && told.reserve <= most, "{} is not {least}", told.reserve);
            }
            assert!(told.reserve <= told.cover);
            told_of_all[index] = (told.cover, told.reserve);
        }
        told_of_all
    }

    /// Nobody looked: what the vault adds up is never less than what it is.
    fn check_late(&self) {
        let (town, gate) = (&self.town, self.town.gate());
        let told = self.check_lines();
        let reserve: U256 = told.iter().map(|(_, reserve)| reserve).sum();
        let active: U256 = told.iter().map(|(cover, _)| cover).sum();
        let unsettled = self.lines.iter().filter(|line| line.is_open()).count() as u64;
        assert!(gate.reserve >= reserve && gate.unsettled >= u(unsettled) && town.active_cover() >= active);
        // what the reserve holds is no exposure, and the other way round: together they are the cover in the books
        let exposures: U256 = KEYS.iter().map(|(key, _)| town.exposure(key)).sum();
        assert_eq!(exposures + gate.reserve, town.active_cover());
    }

    /// All has been brought up to date: every sum is what it is.
    fn check(&self) {
        let town = &self.town;
        let gate = town.gate();
        let mut reserves = U256::ZERO;
        let mut active = U256::ZERO;
        let mut keys = [U256::ZERO; KEYS.len()];
        for ((cover, reserve), (_, on)) in self.check_lines().into_iter().zip(LINES) {
            reserves += reserve;
            active += cover;
            let key = KEYS.iter().position(|(key, _)| *key == on).unwrap();
            keys[key] += cover - reserve;
        }
        let unsettled = self.lines.iter().filter(|line| line.is_open()).count() as u64;
        assert_eq!((gate.reserve, gate.unsettled, town.active_cover()), (reserves, u(unsettled), active));

        let mut squared = U256::ZERO;
        for (group, correlation) in CORRELATION {
            let x =
                || KEYS.iter().zip(keys).filter(move |((_, of), _)| *of == group).map(|(_, x)| x.div_ceil(u(4_096)));
            let squares: U256 = x().map(|x| x * x).sum();
            let sum: U256 = x().sum();
            squared += squares + ((sum * sum - squares) * u(correlation.into())).div_ceil(u(10_000));
        }
        let root = squared.root(2);
        let scr = (root + u((root * root != squared).into())) * u(4_096);
        let capital = town.read(IRisk::capitalOfCall { vault: town.vault });
        assert_eq!(capital.requirement, scr);
        for ((key, _), x) in KEYS.iter().zip(keys) {
            assert_eq!(town.exposure(key), x);
            assert!(capital.largest >= x);
        }
        assert_eq!(capital.minimum, scr.max(capital.largest));
    }
}

impl Model {
    fn run(mut self, steps: Vec<Step>, look: bool) {
        for step in steps {
            self.settle();
            self.step(step);
            self.settle();
            if look {
                self.catch_up();
                self.check();
            } else {
                self.check_late();
            }
        }
        self.catch_up();
        self.check();
        self.sync();
        self.retire();
    }

    fn catch_up(&self) {
        for (subject, _) in LINES {
            assert!(self.town.catch_up(subject, 64));
        }
    }

    /// The product can be retired when nothing of it is in force, and only then.
    fn retire(self) {
        let covered = self.check_lines().into_iter().filter(|(cover, _)| !cover.is_zero()).count() as u64;
        self.town.set_status(1, 2);
        let retire = IRisk::setStatusCall { product: u(1), status: 3 };
        if covered == 0 {
            self.town.own(retire);
        } else {
            assert_eq!(self.town.owner_refused(retire).expect::<IRisk::CoverInForce>().lines, u(covered));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn the_books_are_what_a_model_of_every_policy_says(steps in prop::collection::vec(step(), 1..=200)) {
        Model::new().run(steps, true);
    }

    #[test]
    fn the_books_are_what_the_model_says_where_nobody_brings_them_up_to_date(steps in prop::collection::vec(step(), 1..=200)) {
        Model::new().run(steps, false);
    }
}
