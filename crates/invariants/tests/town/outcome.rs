//! Two prices, judged by who knows how it ends: who comes and goes takes nothing from who stays.
//!
//! Two incidents of which the test decides beforehand what they cost, a stayer, and a visitor who deposits, asks to
//! leave, cancels and is served whenever chance has it. Cover costs a single unit here, so that what a share earns is not
//! in the way: whoever bears the risk has a right to that.

use alloy_primitives::U256;
use proptest::{collection::vec, prelude::*, test_runner::FileFailurePersistence};
use protocol::abi::{
    IERC4626, IERC7540Redeem,
    IRisk::{self, Limits, Pricing, Terms},
    IVault,
};

use crate::{
    town::{COOLDOWN, DAY, FIRST, HOUR, LINES, Line, PATIENCE, Settings, Town, WEEK, plain_terms, text, u},
    triggers::CONFIRMED,
};

/// The subjects, their covers in thousands, and whether the insured files.
const COVERS: [(usize, u64, bool); 5] =
    [(1, 900, true), (1, 1_400, true), (1, 700, false), (2, 2_200, true), (2, 800, false)];

#[derive(Clone, Copy, Debug)]
enum Turn {
    /// The visitor deposits so many thousands.
    Enter(u64),
    /// The visitor asks for so many thousandths of his shares.
    Ask(u64),
    Cancel,
    /// Anyone has cohorts served, the visitor takes what is there.
    Serve,
    /// An incident on X or Y, of which a policy loses so much so far.
    Strike(usize, u16),
    /// It grows, by its known end at most.
    Grow(usize, u16),
    File(usize),
    Close(usize),
    Wait(u64),
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        3 => (1u64..6_000).prop_map(Turn::Enter),
        4 => (1u64..=1_000).prop_map(Turn::Ask),
        1 => Just(Turn::Cancel),
        4 => Just(Turn::Serve),
        2 => (0usize..2, 0u16..=10_000).prop_map(|(subject, loss)| Turn::Strike(subject, loss)),
        1 => (0usize..2, 0u16..=10_000).prop_map(|(subject, loss)| Turn::Grow(subject, loss)),
        3 => (0usize..COVERS.len()).prop_map(Turn::File),
        1 => (0usize..2).prop_map(Turn::Close),
        6 => (HOUR..9 * DAY).prop_map(Turn::Wait),
    ]
}

/// Who does what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Visitor {
    /// All that his turns say.
    Comes,
    /// He is not there.
    Absent,
    /// He enters, and then stays to the end.
    Stays,
}

struct Play {
    town: Town,
    policies: Vec<U256>,
    lines: [Line; 2],
    visitor: Visitor,
    /// What the visitor was served: shares and assets.
    served: (U256, U256),
}

impl Play {
    fn new(visitor: Visitor) -> Self {
        let town = Town::with(Settings { floor: 1_000_000, ..Settings::default() });
        let plain = plain_terms(town.unit);
        let pricing = Pricing {
            priorRate: 0,
            minRate: 0,
            maxRate: 0,
            costOfCapital: 0,
            kinkRate: 0,
            fullRate: 0,
            minPremium: 1,
            ..plain.pricing
        };
        let limits = Limits { capitalFactorBps: 1, ..plain.limits };
        let revise = IRisk::reviseProductCall { family: u(FIRST), newTerms: Terms { pricing, limits } };
        let product = town.must(town.owner, town.risk, revise);
        let lines = [1, 2].map(|index| Line { product: product.to(), ..LINES[index] });
        for line in &lines {
            let list = IRisk::listSubjectCall { product, subject: line.subject(), riskKey: text(line.key) };
            town.must(town.owner, town.risk, list);
        }
        town.must(town.owner, town.risk, IRisk::setStatusCall { product, status: 1 });
        let vault = town.pools[0].vault;
        let capital = |floor: u64| IRisk::setCapitalCall {
            vault,
            minimumBps: 10_000,
            targetBps: 10_000,
            // Each premium may take a unit by its rounding.
            floor: (town.whole(floor) - u(10u64)).to(),
        };
        // The premium of the lines above falls to a unit a policy only with the old evidence gone.
        town.wait(60 * DAY);
        town.must(town.owner, town.risk, capital(5_000_000));
        town.deposit(0, town.person("stayer"), town.whole(5_000_000));
        let policies = COVERS.map(|(index, thousands, _)| {
            let holder = town.person(&format!("holder of {thousands}"));
            town.buy(&lines[index - 1], holder, town.whole(thousands * 1_000), 350 * DAY).policy
        });
        town.must(town.owner, town.risk, capital(100_000_000));
        town.wait(DAY);
        Self { town, policies: policies.to_vec(), lines, visitor, served: (U256::ZERO, U256::ZERO) }
    }

    fn turn(&mut self, turn: Turn) {
        let town = &self.town;
        let (vault, visitor) = (town.pools[0].vault, town.person("visitor"));
        let leaves = self.visitor == Visitor::Comes;
        match turn {
            Turn::Enter(thousands) if self.visitor != Visitor::Absent => {
                town.fund(0, visitor, town.whole(thousands * 1_000));
                let deposit = IERC4626::depositCall { assets: town.whole(thousands * 1_000), receiver: visitor };
                let _ = town.send(visitor, vault, deposit);
            }
            Turn::Ask(part) if leaves => {
                let shares = town.shares(0, visitor) * u(part) / u(1_000u64);
                if !shares.is_zero() {
                    town.request(0, visitor, shares);
                }
            }
            Turn::Cancel if leaves => {
                let cancel =
                    IVault::cancelRedeemRequestCall { requestId: U256::ZERO, controller: visitor, receiver: visitor };
                let _ = town.send(visitor, vault, cancel);
            }
            Turn::Serve => {
                town.serve(0);
                let shares = town.read(vault, IERC4626::maxRedeemCall { controller: visitor });
                if !town.read(vault, IERC4626::maxWithdrawCall { controller: visitor }).is_zero() {
                    let assets = town.redeem_all(0, visitor);
                    self.served.0 += shares;
                    self.served.1 += assets;
                }
            }
            Turn::Strike(index, loss) if town.script.of(self.lines[index].subject()).events.borrow().is_empty() => {
                town.script.strike(self.lines[index].subject(), CONFIRMED, town.world.now(), loss);
                town.report(&self.lines[index]);
            }
            Turn::Grow(index, loss) => {
                town.script.change(self.lines[index].subject(), |event| {
                    if event.closed == 0 {
                        event.worst = event.worst.max(loss);
                    }
                });
            }
            Turn::File(index) if COVERS[index].2 => self.file(index),
            Turn::Close(index) => self.close(index),
            Turn::Wait(seconds) => town.wait(seconds),
            _ => {}
        }
    }

    fn file(&self, index: usize) {
        let policy = self.policies[index];
        let holder = self.town.policy_of(policy).holder;
        let _ = self.town.send(holder, self.town.assessor, crate::town::claim(policy, 1));
    }

    fn close(&self, index: usize) {
        let (subject, now) = (self.lines[index].subject(), self.town.world.now());
        self.town.script.change(subject, |event| {
            if event.closed == 0 {
                event.closed = now;
            }
        });
        self.town.report(&self.lines[index]);
    }

    /// Who files files what is left, incidents close and lapse, everybody leaves; what the stayer and the visitor have.
    /// At the worst, open incidents take all there is, and nobody forgets to file.
    fn end(self, worst: bool) -> (U256, U256) {
        for index in 0..2 {
            if worst {
                self.town.script.change(self.lines[index].subject(), |event| {
                    if event.closed == 0 {
                        event.worst = 10_000;
                    }
                });
            }
            self.close(index);
        }
        for (index, (.., files)) in COVERS.iter().enumerate() {
            if *files || worst {
                self.file(index);
            }
        }
        let town = &self.town;
        let (anyone, vault) = (town.person("anyone"), town.pools[0].vault);
        // The grace passes and the stream has flowed; cover still runs, and capital need not stay for it.
        town.wait(8 * WEEK);
        for line in &self.lines {
            let catch_up = IRisk::catchUpCall { product: u(line.product), subject: line.subject(), n: u(100u64) };
            town.must(anyone, town.risk, catch_up);
        }
        town.must(anyone, vault, IVault::topUpCall {});
        // What cannot leave for what is still covered is counted at its price.
        let price = |shares: U256| {
            shares * (town.read(vault, IERC4626::totalAssetsCall {}) + U256::ONE)
                / (town.read(vault, protocol::abi::IERC20::totalSupplyCall {}) + u(1_000_000u64))
        };
        let visitor = town.person("visitor");
        let pending =
            town.read(vault, IERC7540Redeem::pendingRedeemRequestCall { requestId: U256::ZERO, controller: visitor });
        let stays = price(town.shares(0, town.person("stayer")));
        let visits = price(town.shares(0, visitor) + pending);
        (stays, visits)
    }
}

fn config() -> ProptestConfig {
    let cases = if std::env::var_os("LONG").is_some() { 5_000 } else { 256 };
    let usual = ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::default())),
        ..ProptestConfig::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_some() { usual } else { ProptestConfig { cases, ..usual } }
}

proptest! {
    #![proptest_config(config())]

    /// Whatever two incidents turn out to cost, and however deposits, requests, cancels and services lie between their
    /// opening, their claims and their end: the stayer ends with no less than if the visitor had never come.
    #[test]
    fn who_stays_has_no_less_for_who_came_and_went(turns in vec(turn(), 1..60)) {
        let play = |visitor| {
            let mut play = Play::new(visitor);
            for turn in &turns {
                play.turn(*turn);
            }
            play.end(false).0
        };
        let (with, without) = (play(Visitor::Comes), play(Visitor::Absent));
        prop_assert!(with + u(20 + 2 * turns.len() as u64) >= without, "{with} with the visitor, {without} without");
    }

    /// What a leaver is given for his shares is never more than what they would have come to, had he stayed and the worst
    /// had happened that the reserve foresaw when he was served.
    #[test]
    fn who_leaves_has_no_more_than_by_staying_through_the_worst(turns in vec(turn(), 1..60)) {
        let mut leaver = Play::new(Visitor::Comes);
        let mut until = turns.len();
        for (index, turn) in turns.iter().enumerate() {
            leaver.turn(*turn);
            if !leaver.served.0.is_zero() {
                until = index + 1;
                break;
            }
        }
        let (shares, assets) = leaver.served;
        if shares.is_zero() {
            return Ok(());
        }
        let mut stayer = Play::new(Visitor::Stays);
        for turn in &turns[..until] {
            stayer.turn(*turn);
        }
        let all = stayer.town.shares(0, stayer.town.person("visitor"));
        let worth = stayer.end(true).1;
        prop_assert!(
            assets <= worth * shares / all + u(20 + 2 * until as u64),
            "{assets} for {shares} of {all}, which the worst would have left at {worth}"
        );
    }
}

/// The comparison is no empty word: in an incident who leaves gets less than by staying if nothing is claimed, and who
/// enters shares a loss that is yet to be paid.
#[test]
fn the_visitor_can_lose_and_the_stayer_can_gain() {
    let run = |visitor, turns: &[Turn]| {
        let mut play = Play::new(visitor);
        for turn in turns {
            play.turn(*turn);
        }
        play
    };
    // He enters between the opening and the claims.
    let enters = [Turn::Strike(0, 10_000), Turn::Enter(5_000), Turn::File(0), Turn::File(1)];
    let with = run(Visitor::Comes, &enters).end(false).0;
    let without = run(Visitor::Absent, &enters).end(false).0;
    let saved = run(Visitor::Absent, &[]).town.whole(2_300_000) / u(2u64);
    assert!(with - without + u(10u64) >= saved && with - without <= saved + u(10u64), "{with} and {without}");
    // He leaves after the opening of an incident that costs nothing in the end.
    let leaves = [
        Turn::Enter(5_000),
        Turn::Ask(1_000),
        Turn::Wait(WEEK),
        Turn::Strike(0, 0),
        Turn::Wait(COOLDOWN + WEEK),
        Turn::Serve,
        Turn::Wait(PATIENCE),
        Turn::Serve,
    ];
    let play = run(Visitor::Comes, &leaves);
    let (shares, assets) = play.served;
    assert!(!shares.is_zero());
    let (gave, stayed) = (play.town.whole(5_000_000), play.end(false).0);
    // The reserve of three million is left out of ten: 0.7 for a share.
    assert!(assets * u(1_000_000u64) <= shares * u(7u64) / u(10u64) + u(1_000_000u64), "{assets} for {shares}");
    assert!(stayed > gave, "{stayed}");
}
