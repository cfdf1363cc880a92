//! The scenarios of claims by name. Where a mechanism of other insurers was replaced, the test is of what replaced it.

use std::rc::Rc;

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::SolValue;
use depeg::DepegTrigger;
use protocol::abi::{IAssessor, IDepegTrigger, IERC721, IJury, IOwned, IPolicy, IRisk, ITrigger, IVault};
use testkit::feed::{Feed, Raw, Uptime};

use crate::insurer::{DAY, HOUR, Insurer, MINUTE, cover, limits, pali, stage, text, u, usd};

const PAR: i128 = 100_000_000;
const STRIKE: i128 = 97_000_000;
/// How long the price must be at the trigger or below.
const LASTING: u64 = HOUR;
const HEARTBEAT: u64 = DAY + 600;

const AWARD: u8 = 1;
const DENIED: u8 = 2;

/// Ten million, a product with a jury on a stablecoin's feed, three jurors of 300,000 PALI, a policy of Alice's.
struct Town {
    insurer: Insurer,
    feed: Feed,
    uptime: Rc<Uptime>,
    depeg: Address,
    jurors: [Address; 3],
}

impl Town {
    fn new() -> Self {
        let insurer = Insurer::new(9_000_000);
        let world = &insurer.world;
        let at = |name: &str| insurer.person(name);
        let feed = Feed::deploy(world, at("feed"), 8);
        let uptime = Uptime::deploy(world, at("uptime"));
        feed.push(PAR, world.now());
        let depeg = at("depeg");
        let arguments = (insurer.owner, Address::ZERO, at("uptime"), HOUR as u32).abi_encode_params();
        world.construct::<DepegTrigger>(depeg, insurer.owner, arguments);
        let config = IDepegTrigger::Subject {
            feed: feed.at,
            triggerPrice: 970_000_000_000_000_000,
            recoveryPrice: 990_000_000_000_000_000,
            duration: LASTING as u32,
            recovery: DAY as u32,
            window: DAY as u32,
            heartbeat: HEARTBEAT as u32,
            floorPrice: 10_000_000_000_000_000,
        };
        let register = IDepegTrigger::registerCall { subject: text("USDC/USD"), config };
        insurer.must(insurer.owner, depeg, register);
        insurer.product(depeg, cover::DEPEG, limits());
        insurer.list(1, "USDC/USD");
        insurer.deposit(at("lender"), usd(10_000_000));
        let jurors = ["juror 0", "juror 1", "juror 2"].map(|name| insurer.juror(name, pali(300_000)));
        let town = Self { feed, uptime, depeg, jurors, insurer };
        town.pass(15 * DAY, PAR);
        town
    }

    /// Time passes with a round every six hours.
    fn pass(&self, seconds: u64, price: i128) {
        let until = self.insurer.world.now() + seconds;
        while self.insurer.world.now() < until {
            self.feed.push(price, self.insurer.world.now());
            self.insurer.world.warp((6 * HOUR).min(until - self.insurer.world.now()));
        }
        self.feed.push(price, self.insurer.world.now());
        // A keeper takes the rounds in.
        let observe = ITrigger::observeCall { subject: text("USDC/USD"), evidence: Default::default() };
        for _ in 0..4 {
            let _ = self.insurer.send(self.insurer.person("anyone"), self.depeg, observe.clone());
        }
    }

    fn buy(&self, who: &str, units: u64) -> usize {
        let index = self.insurer.buy(1, "USDC/USD", self.insurer.person(who), usd(units), 60 * DAY);
        self.pass(2 * HOUR, PAR);
        index
    }

    /// The price is at half for two days: half of the cover is lost.
    fn depegs(&self) {
        self.pass(2 * DAY, PAR / 2);
        self.observe();
    }

    fn observe(&self) {
        let observe = ITrigger::observeCall { subject: text("USDC/USD"), evidence: Default::default() };
        for _ in 0..8 {
            self.insurer.must(self.insurer.person("anyone"), self.depeg, observe.clone());
        }
    }

    fn incidents(&self) -> u64 {
        self.observe();
        self.insurer.read(self.depeg, ITrigger::incidentsCall { subject: text("USDC/USD") }).to()
    }

    fn holder(&self, index: usize) -> Address {
        self.insurer.policy_of(index).holder
    }

    fn funded(&self, who: &str) -> Address {
        let who = self.insurer.person(who);
        self.insurer.fund(who, usd(1_000_000));
        who
    }

    /// The holder disputes what the trigger says no to; the case.
    fn dispute(&self, index: usize, loss: u16) -> U256 {
        self.insurer.fund(self.holder(index), usd(100_000));
        let disputed = self.insurer.dispute(index, 0, loss);
        assert_eq!(self.insurer.must(self.holder(index), self.insurer.assessor, disputed).stage, stage::JURY);
        self.insurer.claim(index).juryCase
    }

    fn vote(&self, id: U256, juror: Address, choice: u8) -> (IJury::commitCall, IJury::revealCall) {
        let share_bps = if choice == AWARD { 10_000 } else { 0 };
        let (reason, salt) = (B256::ZERO, keccak256(juror));
        let hash = IJury::hashVoteCall { id, juror, choice, shareBps: share_bps, reason, salt };
        let commitment = self.insurer.read(self.insurer.jury, hash);
        (
            IJury::commitCall { id, juror, commitment },
            IJury::revealCall { id, juror, choice, shareBps: share_bps, reason, salt },
        )
    }

    fn case(&self, id: U256) -> IJury::Case {
        self.insurer.read(self.insurer.jury, IJury::caseOfCall { id })
    }

    fn end_phase(&self, id: U256) {
        self.insurer.world.warp_to(self.case(id).until);
    }

    /// A round in which these vote so.
    fn decide(&self, id: U256, votes: &[(usize, u8)]) {
        let votes: Vec<_> = votes.iter().map(|(juror, choice)| self.vote(id, self.jurors[*juror], *choice)).collect();
        for (commit, _) in &votes {
            self.insurer.must(commit.juror, self.insurer.jury, commit.clone());
        }
        self.end_phase(id);
        for (_, reveal) in &votes {
            self.insurer.must(self.insurer.person("anyone"), self.insurer.jury, reveal.clone());
        }
        self.end_phase(id);
    }

    /// The same, and nobody appeals.
    fn decide_for_good(&self, id: U256, votes: &[(usize, u8)]) {
        self.decide(id, votes);
        if self.case(id).until > 0 {
            self.end_phase(id);
        }
    }

    #[track_caller]
    fn refused<E: alloy_sol_types::SolError>(
        &self,
        from: Address,
        to: Address,
        call: impl alloy_sol_types::SolCall,
    ) -> E {
        self.insurer.world.refused(from, to, call).expect()
    }
}

#[test]
fn scenario_35_the_trigger_price_itself_counts_and_a_unit_above_does_not() {
    for (price, count) in [(STRIKE, 1), (STRIKE + 1, 0)] {
        let town = Town::new();
        town.pass(LASTING, price);
        town.pass(HOUR, PAR);
        assert_eq!(town.incidents(), count, "{price}");
    }
}

/// Nothing is sold and nothing decided while the sequencer is down or has just come back; rounds of before the outage are proven
/// after it, and filing waits.
#[test]
fn scenario_36_an_event_before_an_outage_of_the_sequencer_is_claimed_after_it() {
    let town = Town::new();
    let policy = town.buy("alice", 10_000);
    town.pass(2 * DAY, PAR / 2);
    town.uptime.down.set(true);
    town.uptime.started_at.set(town.insurer.world.now());
    assert!(!town.insurer.read(town.depeg, ITrigger::healthyCall { subject: text("USDC/USD") }));
    // What waits for the outage's end waits on the claims clock too: filing is paused for it.
    let deadline = town.insurer.policy_of(policy).deadline;
    let pause = IRisk::pauseFilingCall { duration: 7 * DAY, reason: text("the sequencer is down") };
    town.insurer.must(town.insurer.guardian, town.insurer.risk, pause);
    let late = deadline - town.insurer.read(town.insurer.risk, IRisk::claimsClockCall {}).to::<u64>();
    town.insurer.world.warp(6 * DAY);
    town.uptime.down.set(false);
    town.uptime.started_at.set(town.insurer.world.now());
    town.insurer.world.warp(DAY);
    town.feed.push(PAR, town.insurer.world.now());
    let left = deadline - town.insurer.read(town.insurer.risk, IRisk::claimsClockCall {}).to::<u64>();
    assert_eq!(left, late, "the time for claims is as long as it was");
    assert_eq!(town.incidents(), 1);
    assert_eq!(town.insurer.file(policy, 1), (usd(5_000), usd(5_000)));
}

/// A round that is no price is no evidence, and what it says does not count.
#[test]
fn scenario_37_rounds_that_are_no_price_are_passed_over() {
    type Bad = (i128, i64, bool);
    let bad: [Bad; 5] = [(0, 0, false), (-1, 0, false), (1, i64::MAX, false), (1, -1, true), (i128::MAX, 0, false)];
    for (answer, time, carried) in bad {
        let town = Town::new();
        let policy = town.buy("alice", 10_000);
        let now = town.insurer.world.now();
        let latest = town.feed.state.latest.get();
        // In the future, carried over from before, or of no time.
        let updated_at = match time {
            0 => now,
            i64::MAX => now + DAY,
            _ => 0,
        };
        town.feed.push_raw(Raw { answer, updated_at, answered_in: carried.then_some(latest) });
        assert!(!town.insurer.read(town.depeg, ITrigger::healthyCall { subject: text("USDC/USD") }), "{answer}");
        town.insurer.world.warp(2 * HOUR);
        town.feed.push(PAR, town.insurer.world.now());
        let observe = ITrigger::observeCall { subject: text("USDC/USD"), evidence: Default::default() };
        let _ = town.insurer.send(town.insurer.person("anyone"), town.depeg, observe);
        assert_eq!(town.insurer.read(town.depeg, ITrigger::incidentsCall { subject: text("USDC/USD") }), U256::ZERO);
        assert!(town.insurer.send(town.holder(policy), town.insurer.assessor, town.insurer.filing(policy, 1)).is_err());
    }
    // While the sequencer has just come back nothing is sold.
    let town = Town::new();
    town.uptime.started_at.set(town.insurer.world.now());
    assert!(!town.insurer.read(town.depeg, ITrigger::healthyCall { subject: text("USDC/USD") }));
}

#[test]
fn scenario_38_a_minute_less_than_an_hour_is_none_and_a_dip_across_the_end_pays_its_inside_part() {
    for (minutes, count) in [(59, 0), (60, 1)] {
        let town = Town::new();
        town.feed.push(PAR / 2, town.insurer.world.now());
        town.insurer.world.warp(minutes * MINUTE);
        town.feed.push(PAR, town.insurer.world.now());
        assert_eq!(town.incidents(), count, "{minutes}");
    }
    // Ends after the first half of a day at half.
    let town = Town::new();
    let alice = town.funded("alice");
    let short = town.insurer.try_buy(1, "USDC/USD", alice, usd(10_000), 2 * DAY).unwrap();
    let long = town.insurer.try_buy(1, "USDC/USD", alice, usd(10_000), 60 * DAY).unwrap();
    let end = town.insurer.policy_of(short).end;
    town.pass(end - DAY / 2 - town.insurer.world.now(), PAR);
    town.pass(2 * DAY, PAR / 2);
    town.observe();
    assert_eq!(town.insurer.file(long, 1).0, usd(5_000), "a day at half");
    assert_eq!(town.insurer.file(short, 1).0, usd(2_500), "half of its last day at half");
}

/// A round is taken in once: the same rounds prove one incident, and nothing rises by bringing them again.
#[test]
fn scenario_39_rounds_that_were_taken_in_prove_no_second_incident() {
    let town = Town::new();
    let policy = town.buy("alice", 10_000);
    let first = town.feed.state.latest.get();
    town.depegs();
    let last = town.feed.state.latest.get();
    town.pass(3 * DAY, PAR);
    assert_eq!(town.incidents(), 1);
    assert_eq!(town.insurer.file(policy, 1).0, usd(5_000));
    let rounds: Vec<U256> = (first..=last).map(U256::from).collect();
    let again = ITrigger::observeCall { subject: text("USDC/USD"), evidence: rounds.abi_encode().into() };
    let _ = town.insurer.send(town.insurer.person("anyone"), town.depeg, again);
    assert_eq!(town.incidents(), 1);
    town.refused::<IAssessor::NothingToPay>(town.holder(policy), town.insurer.assessor, town.insurer.filing(policy, 1));
    // A second one is of its own number, and has its own loss.
    town.pass(2 * DAY, PAR * 3 / 4);
    assert_eq!(town.incidents(), 2);
    assert_eq!(town.insurer.file(policy, 2).0, usd(2_500));
}

#[test]
fn scenario_40_a_bond_comes_back_with_an_award_and_after_draws_and_is_forfeited_by_a_denial() {
    for (votes, credited, confirmed) in [
        ([AWARD, AWARD, AWARD], true, true),
        ([DENIED, DENIED, DENIED], false, false),
        ([AWARD, DENIED, 0], true, false),
    ] {
        let town = Town::new();
        let policy = town.buy("alice", 100_000);
        let case = town.dispute(policy, 5_000);
        let bond = town.insurer.claim(policy).bond;
        assert_eq!(bond, usd(1_000), "2 % of what is claimed");
        let votes: Vec<_> = votes.into_iter().enumerate().filter(|(_, choice)| *choice > 0).collect();
        town.decide_for_good(case, &votes);
        let mut paid = town.insurer.execute(policy).0;
        if votes.len() == 2 {
            // The first draw reopens it; nobody asks again, and it ends.
            assert_eq!(town.insurer.claim(policy).stage, stage::REOPENED);
            town.insurer.world.warp(15 * DAY);
            paid = town.insurer.execute(policy).0;
        }
        assert_eq!(paid, if confirmed { usd(50_000) } else { U256::ZERO });
        let credit = town.insurer.credit(town.holder(policy));
        assert_eq!(credit, if credited { bond } else { U256::ZERO });
        let money = town.insurer.read(town.insurer.assessor, IAssessor::moneyOfCall { asset: town.insurer.token.at });
        assert_eq!(money.held, credit, "what is forfeited is the jury's");
    }
}

#[test]
fn scenario_41_one_claim_at_a_time_and_another_bond_after_a_denial() {
    let town = Town::new();
    let policy = town.buy("alice", 100_000);
    let (alice, assessor) = (town.holder(policy), town.insurer.assessor);
    let case = town.dispute(policy, 5_000);
    town.refused::<IPolicy::PolicyLocked>(alice, assessor, town.insurer.dispute(policy, 0, 1_000));
    town.refused::<IPolicy::PolicyLocked>(alice, assessor, town.insurer.filing(policy, 1));
    let moves = IERC721::transferFromCall { from: alice, to: assessor, tokenId: town.insurer.id(policy) };
    town.refused::<IPolicy::PolicyLocked>(alice, town.insurer.policy, moves);
    town.decide_for_good(case, &[(0, DENIED), (1, DENIED), (2, DENIED)]);
    assert_eq!(town.insurer.execute(policy), (U256::ZERO, U256::ZERO));
    let money = town.insurer.money(alice);
    let second = town.dispute(policy, 5_000);
    assert_eq!(second, case + U256::ONE);
    // What dispute() gave her is a hundred thousand.
    assert_eq!(money + usd(100_000) - town.insurer.money(alice), usd(1_000), "another bond");
}

#[test]
fn scenario_42_claims_on_a_policy_add_up_to_its_cover_at_most() {
    let town = Town::new();
    let policy = town.buy("alice", 10_000);
    town.pass(2 * DAY, PAR / 4);
    assert_eq!(town.incidents(), 1);
    assert_eq!(town.insurer.file(policy, 1).0, usd(7_500));
    town.pass(3 * DAY, PAR);
    town.pass(2 * DAY, PAR / 2);
    assert_eq!(town.incidents(), 2);
    assert_eq!(town.insurer.file(policy, 2).0, usd(2_500), "half of it is lost again, a quarter is left");
    let seen = town.insurer.policy_of(policy);
    assert_eq!((seen.confirmed, seen.remaining), (usd(10_000), U256::ZERO));
    for incident in [1, 2] {
        let again = town.insurer.filing(policy, incident);
        town.refused::<IAssessor::NothingToPay>(town.holder(policy), town.insurer.assessor, again);
    }
}

/// A claim is paid to its holder in the same transaction; what he cannot receive is a credit that he sends elsewhere, once.
#[test]
fn scenario_43_a_payout_to_who_cannot_receive_is_taken_once_by_another_way() {
    let town = Town::new();
    let policy = town.buy("alice", 10_000);
    let (alice, vault) = (town.holder(policy), town.insurer.vault);
    town.depegs();
    town.insurer.token.habits.blacklisted.set(Some(alice));
    assert_eq!(town.insurer.file(policy, 1), (usd(5_000), usd(5_000)));
    assert_eq!(town.insurer.read(vault, IVault::creditOfCall { account: alice }), usd(5_000));
    let cold = town.insurer.person("a cold wallet");
    let take = IVault::withdrawCreditCall { receiver: cold };
    assert_eq!(town.insurer.must(alice, vault, take.clone()), usd(5_000));
    assert_eq!(town.insurer.money(cold), usd(5_000));
    assert!(town.insurer.send(alice, vault, take).is_err(), "twice");
    town.refused::<IAssessor::NothingToPay>(alice, town.insurer.assessor, town.insurer.filing(policy, 1));
}

#[test]
fn scenario_44_votes_that_are_not_revealed_or_not_what_was_committed() {
    let town = Town::new();
    let policy = town.buy("alice", 100_000);
    let jury = town.insurer.jury;
    let case = town.dispute(policy, 5_000);
    let [first, second, third] = town.jurors;
    let (commit, reveal) = town.vote(case, first, DENIED);
    town.refused::<IJury::WrongPhase>(first, jury, reveal.clone());
    town.insurer.must(first, jury, commit.clone());
    town.refused::<IJury::AlreadyCommitted>(first, jury, commit);
    let (commit, reveal_second) = town.vote(case, second, DENIED);
    town.insurer.must(second, jury, commit);
    let (commit, _) = town.vote(case, third, DENIED);
    town.insurer.must(third, jury, commit);
    // Stake that has voted does not move.
    let leave = IJury::requestUnstakeCall { amount: pali(1) };
    town.refused::<IJury::StakeLocked>(third, jury, leave);
    town.end_phase(case);
    let wrong = IJury::revealCall { salt: B256::ZERO, ..reveal.clone() };
    town.refused::<IJury::CommitmentMismatch>(first, jury, wrong);
    town.insurer.must(first, jury, reveal);
    town.insurer.must(second, jury, reveal_second);
    town.end_phase(case);
    town.end_phase(case);
    assert_eq!(town.insurer.execute(policy), (U256::ZERO, U256::ZERO));
    town.insurer.must(first, jury, IJury::finaliseCall { id: case });
    let penalty = |juror: Address| town.insurer.must(first, jury, IJury::settleCall { id: case, juror }).penalty;
    assert_eq!(penalty(first), U256::ZERO);
    assert!(penalty(third) > U256::ZERO, "who does not reveal pays as who is wrong");
}

#[test]
fn scenario_45_who_stakes_after_the_filing_weighs_nothing() {
    let town = Town::new();
    let policy = town.buy("alice", 100_000);
    let case = town.dispute(policy, 5_000);
    let whale = town.insurer.juror("whale", pali(5_000_000));
    assert_eq!(town.insurer.read(town.insurer.jury, IJury::weightOfCall { id: case, juror: whale }), U256::ZERO);
    let (commit, _) = town.vote(case, whale, AWARD);
    town.refused::<IJury::NoWeight>(whale, town.insurer.jury, commit);
    town.decide_for_good(case, &[(0, DENIED), (1, DENIED), (2, DENIED)]);
    assert_eq!(town.insurer.execute(policy), (U256::ZERO, U256::ZERO));
}

/// A challenged claim that the trigger has confirmed is paid unless 66 % deny it: no votes, a tie and a majority below that
/// are draws.
#[test]
fn scenario_46_ties_and_no_votes_leave_the_triggers_word() {
    for (votes, paid) in [
        (vec![], true),
        (vec![(0, AWARD), (1, DENIED)], true),
        // two of three are 66.7 %
        (vec![(0, AWARD), (1, DENIED), (2, DENIED)], false),
        (vec![(0, DENIED), (1, DENIED), (2, DENIED)], false),
    ] {
        let town = Town::new();
        let policy = town.buy("alice", 2_000_000);
        town.depegs();
        assert_eq!(town.insurer.file(policy, 1), (usd(1_000_000), U256::ZERO));
        let griefer = town.funded("griefer");
        let challenge = IAssessor::challengeCall { policy: town.insurer.id(policy), reason: text("it was not") };
        let case = town.insurer.must(griefer, town.insurer.assessor, challenge);
        if votes.is_empty() {
            town.end_phase(case);
            town.end_phase(case);
        } else {
            town.decide_for_good(case, &votes);
        }
        while !town.insurer.read(town.insurer.jury, IJury::verdictCall { id: case }).ended {
            town.end_phase(case);
        }
        let expected = if paid { usd(1_000_000) } else { U256::ZERO };
        assert_eq!(town.insurer.execute(policy), (expected, expected), "{votes:?}");
        let bond = usd(20_000);
        if paid {
            assert_eq!(town.insurer.credit(town.holder(policy)), bond / u(2), "half is his who was kept waiting");
        } else {
            assert!(town.insurer.credit(griefer) >= bond);
        }
    }
}

/// Anyone appeals a verdict, once and in time; it takes twice the quorum and the bond.
#[test]
fn scenario_47_an_appeal_is_made_once_in_time_and_takes_twice_the_quorum() {
    let town = Town::new();
    let policy = town.buy("alice", 100_000);
    let case = town.dispute(policy, 5_000);
    let (jury, bob) = (town.insurer.jury, town.funded("bob"));
    let appeal = IJury::appealCall { id: case, reason: text("no") };
    town.refused::<IJury::WrongPhase>(bob, jury, appeal.clone());
    town.decide(case, &[(0, DENIED), (1, DENIED), (2, DENIED)]);
    let (before, money) = (town.case(case), town.insurer.money(bob));
    town.insurer.must(bob, jury, appeal.clone());
    let after = town.case(case);
    assert_eq!((after.round, after.quorum), (1, before.quorum * u(2)));
    assert_eq!(money - town.insurer.money(bob), usd(2_000), "twice the bond");
    town.refused::<IJury::WrongPhase>(bob, jury, appeal.clone());
    town.decide(case, &[(0, AWARD), (1, AWARD), (2, AWARD)]);
    town.refused::<IJury::WrongPhase>(bob, jury, appeal);
    assert_eq!(town.insurer.execute(policy).0, usd(50_000), "the second word counts");
    let credit = IJury::creditOfCall { asset: town.insurer.token.at, account: bob };
    town.insurer.must(bob, jury, IJury::finaliseCall { id: case });
    assert!(town.insurer.read(jury, credit) >= usd(2_000), "it was right, and comes back");

    // Too late.
    town.pass(2 * DAY, PAR);
    let second = town.buy("carol", 10_000);
    let case = town.dispute(second, 5_000);
    town.decide_for_good(case, &[(0, DENIED), (1, DENIED), (2, DENIED)]);
    town.refused::<IJury::WrongPhase>(bob, jury, IJury::appealCall { id: case, reason: text("late") });
}

/// There are no assertions and no callbacks: a claim is filed once at a time, verdicts are pulled, and nobody but Assessor opens a
/// case, nobody but the jury decides it, and a jury that does not answer bricks nothing.
#[test]
fn scenario_48_a_verdict_is_pulled_and_nobody_else_can_bring_one() {
    let town = Town::new();
    let policy = town.buy("alice", 100_000);
    let case = town.dispute(policy, 5_000);
    let mallory = town.funded("mallory");
    let open = IJury::openCall {
        policy: town.insurer.id(policy),
        asset: town.insurer.token.at,
        amount: usd(50_000),
        snapshot: town.insurer.world.now(),
        simple: true,
        fee: U256::ZERO,
        bond: U256::ZERO,
        reason: B256::ZERO,
    };
    town.refused::<IOwned::UnauthorizedCaller>(mallory, town.insurer.jury, open);
    let pending =
        town.refused::<IAssessor::VerdictPending>(mallory, town.insurer.assessor, town.insurer.execution(policy));
    assert_eq!(pending.juryCase, case);
    // Nobody votes: a draw, which reopens it, and then it ends.
    town.insurer.world.warp(60 * DAY);
    town.insurer.execute(policy);
    assert_eq!(town.insurer.claim(policy).stage, stage::REOPENED);
    town.insurer.world.warp(15 * DAY);
    town.insurer.execute(policy);
    assert_eq!(town.insurer.claim(policy).stage, stage::NONE);
    assert_eq!(town.insurer.credit(town.holder(policy)), usd(1_000), "with the bond");
}

/// There are no leaves and no proofs of membership: a policy is claimed on by its holder, with the entry it was sold with.
#[test]
fn scenario_50_nobody_claims_on_anothers_policy_or_with_another_entry() {
    let town = Town::new();
    let policy = town.buy("alice", 10_000);
    town.depegs();
    let mallory = town.funded("mallory");
    town.refused::<IPolicy::NotHolder>(mallory, town.insurer.assessor, town.insurer.filing(policy, 1));
    let forged = IAssessor::fileCall { entry: vec![1].into(), ..town.insurer.filing(policy, 1) };
    town.refused::<IAssessor::EntryMismatch>(town.holder(policy), town.insurer.assessor, forged);
    assert_eq!(town.insurer.file(policy, 1).0, usd(5_000));
    town.refused::<IAssessor::NothingToPay>(town.holder(policy), town.insurer.assessor, town.insurer.filing(policy, 1));
}

#[test]
fn scenario_57_what_is_won_back_goes_to_the_pool_and_never_exceeds_the_loss() {
    let town = Town::new();
    let policy = town.buy("alice", 10_000);
    town.depegs();
    town.insurer.file(policy, 1);
    let (bob, assessor) = (town.funded("bob"), town.insurer.assessor);
    let recover = |amount: U256| IAssessor::recoverCall { policy: town.insurer.id(policy), amount };
    let assets = town.insurer.solvency().assets;
    town.insurer.must(bob, assessor, recover(usd(3_000)));
    assert_eq!(town.insurer.solvency().assets - assets, usd(3_000));
    let more = town.refused::<IAssessor::RecoveryExceedsLoss>(bob, assessor, recover(usd(2_000) + U256::ONE));
    assert_eq!(more.left, usd(2_000));
    town.insurer.must(bob, assessor, recover(usd(2_000)));
    town.refused::<IAssessor::RecoveryExceedsLoss>(bob, assessor, recover(U256::ONE));
}

/// What a jury gives back to a policy that was paid before is cover like any other: under a later incident all that it can
/// claim is reserved, whatever was decided about others meanwhile.
#[test]
fn cover_that_comes_back_from_a_jury_is_reserved_in_full() {
    let town = Town::new();
    let policy = town.buy("alice", 100_000);
    town.pass(2 * DAY, PAR / 50);
    assert_eq!(town.incidents(), 1);
    assert_eq!(town.insurer.file(policy, 1).0, usd(98_000));
    town.pass(3 * DAY, PAR);
    town.observe();
    town.insurer.report(1, "USDC/USD");
    town.pass(15 * DAY, PAR);
    let catch_up = IRisk::catchUpCall { product: u(1), subject: text("USDC/USD"), n: u(100) };
    town.insurer.must(town.insurer.owner, town.insurer.risk, catch_up);
    assert_eq!(town.insurer.line(1, "USDC/USD").state, 0, "it is over");
    // The two thousand that are left go before a jury, and so does all of another policy, which is awarded.
    let other = town.buy("carol", 10_000);
    let [mine, theirs] = [(policy, 10_000), (other, 10_000)].map(|(index, loss)| {
        town.insurer.fund(town.holder(index), usd(100_000));
        let disputed = town.insurer.dispute(index, 0, loss);
        town.insurer.must(town.holder(index), town.insurer.assessor, disputed);
        town.insurer.claim(index).juryCase
    });
    for (case, choice) in [(theirs, AWARD), (mine, DENIED)] {
        for juror in town.jurors {
            let (commit, _) = town.vote(case, juror, choice);
            town.insurer.must(juror, town.insurer.jury, commit);
        }
    }
    town.end_phase(mine);
    for (case, choice) in [(theirs, AWARD), (mine, DENIED)] {
        for juror in town.jurors {
            let (_, reveal) = town.vote(case, juror, choice);
            town.insurer.must(juror, town.insurer.jury, reveal);
        }
    }
    town.end_phase(mine);
    town.end_phase(mine);
    assert_eq!(town.insurer.execute(other).0, usd(10_000));
    assert_eq!(town.insurer.execute(policy).0, U256::ZERO);
    // Half is lost now: of the whole cover, that is more than is left.
    town.pass(HOUR, PAR);
    town.pass(2 * DAY, PAR / 2);
    town.pass(3 * DAY, PAR);
    town.observe();
    town.insurer.report(1, "USDC/USD");
    let line = town.insurer.line(1, "USDC/USD");
    assert_eq!((line.state, line.cover), (2, usd(2_000)));
    assert!(line.reserve >= usd(2_000), "{} is reserved, 2,000 can be claimed", line.reserve);
    assert_eq!(town.insurer.file(policy, 2).0, usd(2_000));
}
