//! Random sequences of everything that anybody can do about a claim, most of whom mean ill: a contract that calls back
//! when it is paid, one who leaves, files, challenges or enters right before others, one who challenges whatever he can, a
//! feed and a lender that lie, and a cartel of jurors below a third of the stake and above it.
//!
//! After every five calls bonds, stakes and the vault's money are counted, after every 20 everything else. In the end only
//! anyone acts: every claim ends by the clock, and everybody leaves. `PROPTEST_CASES` asks for more runs, `LONG` for runs of
//! 500 calls and 5,000 of them.

use std::{collections::BTreeMap, rc::Rc};

use alloy_primitives::{Address, B256, U256, hex, keccak256};
use alloy_sol_types::{SolCall, SolInterface, SolValue};
use depeg::DepegTrigger;
use lending::LendingTrigger;
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{FileFailurePersistence, TestCaseError},
};
use protocol::abi::{
    IAssessor, IDepegTrigger, IERC20, IERC721, IERC4626, IERC7540Redeem, IFallTrigger, IJury, ILendingTrigger, IOwned,
    IPausable, IPolicy, IRisk, ITrigger, IVault,
};
use standards::errors;
use testkit::{
    Reverted,
    feed::{Feed, Raw},
    teller::Teller,
    token::Erc20,
};

use crate::{
    insurer::{AWARD_RATE, CONFIRMED, DAY, HOUR, Insurer, MINUTE, WEEK, cover, limits, pali, stage, text, u, usd},
    judge::{self, Check, Look, Service},
    robber::Robber,
};

alloy_sol_types::sol! {
    interface Lender {
        function decimals() external view returns (uint8);
    }
}

const DENIED: u8 = 2;
const AWARD: u8 = 1;
const DRAW: u8 = 0;
const COMMIT: u8 = 1;
const APPEAL: u8 = 3;
const ESCALATED: u8 = 4;
const ENDED: u8 = 5;

/// A product on a subject.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) product: u64,
    pub(crate) subject: &'static str,
    /// Nothing is paid at once.
    pub(crate) slow: bool,
    /// By a feed, not a lender.
    feeds: bool,
}

/// All lines: a stablecoin with a jury and without, a lender, and the lender's contracts as exploits.
pub(crate) const LINES: [Line; 4] = [
    Line { product: 1, subject: "USDC/USD", slow: false, feeds: true },
    Line { product: 2, subject: "USDC/USD", slow: false, feeds: true },
    Line { product: 3, subject: "lender", slow: false, feeds: false },
    Line { product: 4, subject: "lender", slow: true, feeds: false },
];

/// What the front-runner does right before a call of somebody else.
#[derive(Clone, Copy, Debug)]
enum Ahead {
    Nothing,
    Leaves,
    Enters,
    Files,
    Challenges,
    Executes,
    Reports,
    Buys,
}

/// One step. Numbers that choose a person, a policy or a case are taken modulo how many there are; parts are in
/// thousandths.
#[derive(Clone, Debug)]
enum Step {
    // the pool
    Deposit {
        who: usize,
        amount: u64,
    },
    Request {
        who: usize,
        part: u64,
    },
    CancelRequest {
        who: usize,
    },
    Serve {
        ahead: Ahead,
    },
    Redeem {
        who: usize,
    },
    // cover
    Buy {
        line: usize,
        who: usize,
        amount: u64,
        term: u64,
    },
    Cancel {
        policy: usize,
    },
    Expire {
        policy: usize,
    },
    Move {
        policy: usize,
        to: usize,
    },
    // data
    Price {
        price: i128,
        hours: u64,
        lies: bool,
    },
    Nonsense {
        kind: u8,
    },
    Lender {
        price: u64,
        hours: u64,
        lies: bool,
    },
    /// Both subjects lose nearly all at once, and all that is left to claim is claimed in some order.
    Disaster {
        first: usize,
    },
    /// The market is at par again for so long that what happened is over, and may have lapsed.
    Mend {
        subject: usize,
        days: u64,
    },
    Report {
        line: usize,
    },
    // claims
    File {
        policy: usize,
        ahead: Ahead,
    },
    Dispute {
        policy: usize,
        loss: u16,
        sound: bool,
        ahead: Ahead,
    },
    Challenge {
        policy: usize,
        who: usize,
        ahead: Ahead,
    },
    ChallengeAll,
    Prolong {
        policy: usize,
        hours: u64,
    },
    Execute {
        policy: usize,
        ahead: Ahead,
    },
    /// The lender falls for a moment; a claim on it waits until it is seen that there was nothing.
    Doubt {
        policy: usize,
        loss: u16,
    },
    Escalate {
        policy: usize,
        who: usize,
    },
    Reopen {
        policy: usize,
        who: usize,
    },
    Recover {
        policy: usize,
        who: usize,
        part: u64,
    },
    ClaimOwed {
        policy: usize,
    },
    TopUp,
    CollectFees,
    Credits {
        who: usize,
    },
    // the jury
    Session {
        back: usize,
        absent: usize,
    },
    Appeal {
        back: usize,
        who: usize,
    },
    Rule {
        back: usize,
    },
    Settle {
        back: usize,
    },
    Stake {
        who: usize,
        amount: u64,
    },
    Unstake {
        who: usize,
        amount: u64,
    },
    Withdraw {
        who: usize,
    },
    // mischief
    CallBack {
        call: usize,
    },
    Blacklist {
        who: usize,
    },
    Stranger {
        call: usize,
    },
    Pause {
        hours: u64,
    },
    Wait {
        seconds: u64,
    },
}

fn ahead() -> impl Strategy<Value = Ahead> {
    prop_oneof![
        6 => Just(Ahead::Nothing),
        2 => Just(Ahead::Leaves),
        1 => Just(Ahead::Enters),
        2 => Just(Ahead::Files),
        2 => Just(Ahead::Challenges),
        1 => Just(Ahead::Executes),
        1 => Just(Ahead::Reports),
        1 => Just(Ahead::Buys),
    ]
}

fn amount() -> impl Strategy<Value = u64> {
    (10u32..40, 0u64..1_000).prop_map(|(bits, more)| (1u64 << bits) + (1u64 << bits) * more / 1_000)
}

fn step() -> impl Strategy<Value = Step> {
    let (w, n, c) = (0usize..8, 0usize..1_000, 0usize..6);
    let pool = prop_oneof![
        3 => (w.clone(), amount()).prop_map(|(who, amount)| Step::Deposit { who, amount }),
        4 => (w.clone(), 1u64..=1_000).prop_map(|(who, part)| Step::Request { who, part }),
        1 => w.clone().prop_map(|who| Step::CancelRequest { who }),
        5 => ahead().prop_map(|ahead| Step::Serve { ahead }),
        2 => w.clone().prop_map(|who| Step::Redeem { who }),
    ];
    let large = prop_oneof![1 => amount(), 2 => 50_000_000_000u64..1_500_000_000_000];
    let bought = prop_oneof![
        8 => (0usize..4, w.clone(), large, 2 * DAY..90 * DAY)
            .prop_map(|(line, who, amount, term)| Step::Buy { line, who, amount, term }),
        1 => n.clone().prop_map(|policy| Step::Cancel { policy }),
        1 => n.clone().prop_map(|policy| Step::Expire { policy }),
        1 => (n.clone(), w.clone()).prop_map(|(policy, to)| Step::Move { policy, to }),
    ];
    let price =
        prop_oneof![2 => Just(100_000_000i128), 4 => 1_100_000i128..97_000_000, 1 => 97_000_000i128..300_000_000];
    let data = prop_oneof![
        3 => (price, 1u64..30, any::<bool>()).prop_map(|(price, hours, lies)| Step::Price { price, hours, lies }),
        1 => (0u8..6).prop_map(|kind| Step::Nonsense { kind }),
        3 => (prop_oneof![1 => Just(1_000_000u64), 3 => 0u64..1_000_000, 1 => Just(5_000_000)], 1u64..12, any::<bool>())
            .prop_map(|(price, hours, lies)| Step::Lender { price, hours, lies }),
        1 => (0usize..1_000).prop_map(|first| Step::Disaster { first }),
        2 => (0usize..2, prop_oneof![Just(4u64), Just(20)]).prop_map(|(subject, days)| Step::Mend { subject, days }),
        3 => (0usize..4).prop_map(|line| Step::Report { line }),
    ];
    let claims = prop_oneof![
        12 => (n.clone(), ahead()).prop_map(|(policy, ahead)| Step::File { policy, ahead }),
        4 => (n.clone(), 1u16..=10_000, any::<bool>(), ahead())
            .prop_map(|(policy, loss, sound, ahead)| Step::Dispute { policy, loss, sound, ahead }),
        5 => (n.clone(), w.clone(), ahead()).prop_map(|(policy, who, ahead)| Step::Challenge { policy, who, ahead }),
        1 => Just(Step::ChallengeAll),
        1 => (n.clone(), 0u64..200).prop_map(|(policy, hours)| Step::Prolong { policy, hours }),
        12 => (n.clone(), ahead()).prop_map(|(policy, ahead)| Step::Execute { policy, ahead }),
        2 => (n.clone(), 1u16..=10_000).prop_map(|(policy, loss)| Step::Doubt { policy, loss }),
        4 => (n.clone(), w.clone()).prop_map(|(policy, who)| Step::Escalate { policy, who }),
        3 => (n.clone(), w.clone()).prop_map(|(policy, who)| Step::Reopen { policy, who }),
        2 => (n.clone(), w.clone(), 0u64..1_200).prop_map(|(policy, who, part)| Step::Recover { policy, who, part }),
        2 => n.prop_map(|policy| Step::ClaimOwed { policy }),
        1 => Just(Step::TopUp),
        1 => Just(Step::CollectFees),
        1 => w.clone().prop_map(|who| Step::Credits { who }),
    ];
    let jury = prop_oneof![
        8 => (c.clone(), prop_oneof![3 => Just(9usize), 1 => 0usize..3])
            .prop_map(|(back, absent)| Step::Session { back, absent }),
        3 => (c.clone(), w.clone()).prop_map(|(back, who)| Step::Appeal { back, who }),
        1 => c.clone().prop_map(|back| Step::Rule { back }),
        4 => c.prop_map(|back| Step::Settle { back }),
        1 => (0usize..4, 1u64..100_000).prop_map(|(who, amount)| Step::Stake { who, amount }),
        1 => (0usize..4, 1u64..10_000).prop_map(|(who, amount)| Step::Unstake { who, amount }),
        1 => (0usize..4).prop_map(|who| Step::Withdraw { who }),
    ];
    let mischief = prop_oneof![
        6 => (0usize..1_000).prop_map(|call| Step::CallBack { call }),
        1 => (0usize..12).prop_map(|who| Step::Blacklist { who }),
        2 => (0usize..1_000).prop_map(|call| Step::Stranger { call }),
        1 => (1u64..160).prop_map(|hours| Step::Pause { hours }),
    ];
    let wait = prop_oneof![3 => MINUTE..HOUR, 5 => HOUR..DAY, 4 => DAY..9 * DAY, 1 => 9 * DAY..40 * DAY]
        .prop_map(|seconds| Step::Wait { seconds });
    prop_oneof![5 => pool, 6 => bought, 4 => data, 16 => claims, 6 => jury, 4 => mischief, 5 => wait]
}

/// What a round of a case came to, as the test counts it.
#[derive(Clone, Copy, Debug)]
struct Round {
    /// The weight of those who vote as it was, and of the cartel.
    honest: U256,
    cartel: U256,
    quorum: U256,
    simple: bool,
}

impl Round {
    /// Whether so much carries it.
    fn carries(&self, side: U256) -> bool {
        let all = self.honest + self.cartel;
        !all.is_zero()
            && all >= self.quorum
            && if self.simple { side * u(2) > all } else { side * u(100) >= all * u(66) }
    }
}

pub(crate) struct Model {
    pub(crate) insurer: Insurer,
    feed: Feed,
    lender: Teller,
    depeg: Address,
    lending: Address,
    robber: Rc<Robber>,
    /// Lenders, insured, the front-runner, and the contract that calls back.
    people: Vec<Address>,
    /// Three who vote as it was, and the cartel.
    jurors: [Address; 4],
    /// Which line each policy is of.
    lines: Vec<usize>,
    /// Whether the feed and the lender lie, and which of their incidents came of that.
    lying: [bool; 2],
    lies: BTreeMap<(bool, u64), bool>,
    /// Whether what a case is about was a loss.
    truth: BTreeMap<u64, bool>,
    rounds: BTreeMap<u64, Vec<Round>>,
    ruled: BTreeMap<u64, ()>,
    /// Whether what a policy disputes was a loss.
    sound: BTreeMap<usize, bool>,
    pub(crate) came_in: U256,
    pub(crate) most_capital: U256,
    /// When how much was paid at once.
    pub(crate) at_once: Vec<(u64, U256)>,
    pub(crate) calls: u64,
    counts: BTreeMap<&'static str, (u64, u64)>,
}

/// Whether an interface declares an error of this selector, or the assets do.
fn is_declared(selector: [u8; 4]) -> bool {
    fn known<I: SolInterface>(selector: [u8; 4]) -> bool {
        I::selectors().any(|known| known == selector)
    }
    known::<IVault::IVaultErrors>(selector)
        || known::<IPolicy::IPolicyErrors>(selector)
        || known::<IRisk::IRiskErrors>(selector)
        || known::<IAssessor::IAssessorErrors>(selector)
        || known::<IJury::IJuryErrors>(selector)
        || known::<IDepegTrigger::IDepegTriggerErrors>(selector)
        || known::<IFallTrigger::IFallTriggerErrors>(selector)
        || known::<IOwned::IOwnedErrors>(selector)
        || known::<IPausable::IPausableErrors>(selector)
        || known::<IERC4626::IERC4626Errors>(selector)
        || known::<IERC20::IERC20Errors>(selector)
        || known::<IERC721::IERC721Errors>(selector)
        || known::<Erc20::Erc20Errors>(selector)
        || [
            <errors::ReentrancyGuardReentrantCall as alloy_sol_types::SolError>::SELECTOR,
            <errors::SafeERC20FailedOperation as alloy_sol_types::SolError>::SELECTOR,
        ]
        .contains(&selector)
}

impl Model {
    /// Nine and a half million in the pool; of the stake the cartel has so many thousandths.
    fn new(cartel: u64) -> Self {
        let insurer = Insurer::new(9_000_000);
        let world = &insurer.world;
        let at = |name: &str| world.address(name);
        let feed = Feed::deploy(world, at("feed"), 8);
        feed.push(100_000_000, world.now());
        let (depeg, lending) = (at("depeg"), at("lending"));
        let owner = insurer.owner;
        let arguments = (owner, Address::ZERO, Address::ZERO, HOUR as u32).abi_encode_params();
        world.construct::<DepegTrigger>(depeg, owner, arguments);
        world.construct::<LendingTrigger>(lending, owner, (owner, Address::ZERO, 600u32).abi_encode_params());
        let config = IDepegTrigger::Subject {
            feed: feed.at,
            triggerPrice: 970_000_000_000_000_000,
            recoveryPrice: 990_000_000_000_000_000,
            duration: (6 * HOUR) as u32,
            recovery: (12 * HOUR) as u32,
            window: (12 * HOUR) as u32,
            heartbeat: (DAY + 600) as u32,
            floorPrice: 10_000_000_000_000_000,
        };
        insurer.must(owner, depeg, IDepegTrigger::registerCall { subject: text("USDC/USD"), config });
        let robber = Robber::deploy(world, at("robber"));
        let people = ["lender 0", "lender 1", "alice", "bob", "carol", "mallory", "griefer", "robber"].map(at).to_vec();
        let lender = Teller::deploy(world, at("lender"));
        let asset = U256::from_be_slice(insurer.token.at.as_slice());
        lender.says::<IERC4626::assetCall>(&[asset]);
        lender.says::<Lender::decimalsCall>(&[u(18)]);
        lender.says::<IERC20::totalSupplyCall>(&[u(10).pow(u(26))]);
        lender.says::<IERC4626::convertToAssetsCall>(&[u(1_000_000)]);
        for who in &people {
            lender.holds(*who, 10u128.pow(25));
        }
        let config = ILendingTrigger::Subject {
            source: lender.at,
            asset: insurer.token.at,
            kind: 2,
            triggerBps: 200,
            persistence: (6 * HOUR) as u32,
            calm: (3 * DAY) as u32,
        };
        insurer.must(owner, lending, ILendingTrigger::registerCall { subject: text("lender"), config });
        let strict = protocol::abi::IRisk::Limits {
            jury: false,
            coinsuranceBaseBps: 500,
            coinsuranceSlopeBps: 10_000,
            coinsuranceMaxBps: 3_000,
            deductibleBps: 200,
            ..limits()
        };
        for (trigger, kind, limits) in [
            (depeg, cover::DEPEG, limits()),
            (depeg, cover::DEPEG, strict),
            (lending, cover::DEFAULT, limits()),
            (lending, cover::EXPLOIT, limits()),
        ] {
            insurer.product(trigger, kind, limits);
        }
        for line in &LINES {
            insurer.list(line.product, line.subject);
        }
        for who in &people {
            insurer.fund(*who, usd(50_000_000));
        }
        for (who, units) in [(0, 6_500_000), (1, 1_500_000), (5, 1_000_000), (7, 500_000)] {
            let deposit = IERC4626::depositCall { assets: usd(units), receiver: people[who] };
            insurer.must(people[who], insurer.vault, deposit);
        }
        const HONEST: u64 = 900_000;
        let jurors = ["juror 0", "juror 1", "juror 2"].map(|name| insurer.juror(name, pali(HONEST / 3)));
        let theirs = insurer.juror("cartel", pali(HONEST * cartel / (1_000 - cartel)));
        insurer.must(owner, insurer.pali, IERC20::transferCall { to: theirs, value: pali(100_000) });
        for juror in jurors {
            insurer.must(owner, insurer.pali, IERC20::transferCall { to: juror, value: pali(100_000) });
        }
        world.warp(15 * DAY);
        feed.push(100_000_000, world.now());
        let [first, second, third] = jurors;
        let mut model = Self {
            feed,
            lender,
            depeg,
            lending,
            robber,
            people,
            jurors: [first, second, third, theirs],
            lines: Vec::new(),
            lying: [false; 2],
            lies: BTreeMap::new(),
            truth: BTreeMap::new(),
            rounds: BTreeMap::new(),
            ruled: BTreeMap::new(),
            sound: BTreeMap::new(),
            came_in: U256::ZERO,
            most_capital: U256::ZERO,
            at_once: Vec::new(),
            calls: 0,
            counts: BTreeMap::new(),
            insurer,
        };
        model.everybody_is_covered();
        model
    }

    /// Two or three policies on each line, some small enough to be paid at once; both subjects together can claim more than
    /// there is.
    fn everybody_is_covered(&mut self) {
        for (line, who, units, days) in [
            (0, 2, 2_600_000, 300),
            (0, 7, 90_000, 200),
            (0, 5, 550_000, 60),
            (1, 3, 2_500_000, 200),
            (1, 7, 60_000, 300),
            (2, 4, 2_600_000, 300),
            (2, 7, 120_000, 200),
            (2, 5, 600_000, 60),
            (3, 2, 2_200_000, 300),
            (3, 7, 200_000, 100),
        ] {
            let (who, line_of) = (self.people[who], &LINES[line]);
            self.insurer.buy(line_of.product, line_of.subject, who, usd(units), days * DAY);
            self.lines.push(line);
        }
        self.came_in = self.insurer.money(self.insurer.vault);
        self.insurer.world.warp(2 * HOUR);
        self.feed.push(100_000_000, self.now());
        let observe = ITrigger::observeCall { subject: text("lender"), evidence: Default::default() };
        self.insurer.must(self.insurer.owner, self.lending, observe);
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————————— reading

    pub(crate) fn now(&self) -> u64 {
        self.insurer.world.now()
    }

    pub(crate) fn jurors(&self) -> impl Iterator<Item = Address> {
        self.jurors.into_iter()
    }

    pub(crate) fn everybody(&self) -> impl Iterator<Item = Address> {
        let anyone = self.insurer.person("anyone");
        self.people.iter().copied().chain(self.jurors).chain([anyone])
    }

    /// The line of a policy, by its place in [`LINES`].
    pub(crate) fn line_of(&self, index: usize) -> usize {
        self.lines[index]
    }

    pub(crate) fn trigger(&self, line: &Line) -> Address {
        if line.feeds { self.depeg } else { self.lending }
    }

    /// How many incidents the subject of a line has had.
    pub(crate) fn incidents(&self, line: &usize) -> u64 {
        let line = &LINES[*line];
        self.insurer.read(self.trigger(line), ITrigger::incidentsCall { subject: text(line.subject) }).to()
    }

    /// The newest incident that is booked for a line.
    pub(crate) fn newest(&self, line: &Line) -> u64 {
        let call = IAssessor::newestIncidentCall { product: u(line.product), subject: text(line.subject) };
        self.insurer.read(self.insurer.assessor, call).to()
    }

    /// A policy's whole claim with a loss: amount · ratio · (loss − deductible), rounded down.
    pub(crate) fn claim_of(&self, policy: &IPolicy::Policy, loss: u16) -> U256 {
        let loss = u(loss.saturating_sub(policy.deductibleBps).into());
        policy.amount * u(policy.ratioBps.into()) * loss / u(100_000_000)
    }

    fn person(&self, who: usize) -> Address {
        self.people[who % self.people.len()]
    }

    /// A policy by its number, if there is any; the newest are asked for most.
    fn pick(&self, number: usize) -> Option<usize> {
        let count = self.insurer.bought.borrow().len();
        let back = number % count.clamp(1, 12);
        (count > 0).then(|| count - 1 - back)
    }

    /// A policy whose claim is at one of these stages, else any.
    fn pick_at(&self, number: usize, stages: &[u8]) -> Option<usize> {
        let count = self.insurer.bought.borrow().len();
        let at: Vec<_> = (0..count).filter(|index| stages.contains(&self.insurer.claim(*index).stage)).collect();
        if at.is_empty() { self.pick(number) } else { Some(at[number % at.len()]) }
    }

    /// A policy that the trigger says has a claim, else any.
    fn pick_claimable(&self, number: usize) -> Option<usize> {
        let count = self.insurer.bought.borrow().len();
        let claimable = |index: &usize| {
            let line = self.lines[*index];
            let policy = self.insurer.policy_of(*index);
            let word = self.insurer.word(self.trigger(&LINES[line]), *index, self.incidents(&line).max(1));
            !policy.locked && !policy.remaining.is_zero() && matches!(word, Ok((CONFIRMED, loss)) if loss > 0)
        };
        let claimable: Vec<_> = (0..count).map(|place| (place + number) % count).take(10).filter(claimable).collect();
        if claimable.is_empty() || number.is_multiple_of(3) {
            self.pick(number)
        } else {
            Some(claimable[number % claimable.len()])
        }
    }

    /// One of the newest cases, at this phase if there is one.
    fn case(&self, back: usize, phase: u8) -> Option<U256> {
        let cases: u64 = self.insurer.read(self.insurer.jury, IJury::casesCall {}).to();
        let at = |id: &u64| self.insurer.read(self.insurer.jury, IJury::caseOfCall { id: u(*id) }).phase == phase;
        let at: Vec<_> = (1..=cases).rev().take(8).filter(at).collect();
        if at.is_empty() {
            return (cases > 0).then(|| u(cases - back as u64 % cases));
        }
        Some(u(at[back % at.len()]))
    }

    fn mallory(&self) -> Address {
        self.people[5]
    }

    // ——————————————————————————————————————————————————————————————————————————————————————————————————— doing

    /// A call: what it answers, or `None` where it is refused, which must be by an error that is declared.
    fn ask<C: SolCall>(&mut self, from: Address, to: Address, call: C) -> Result<Option<C::Return>, TestCaseError> {
        self.calls += 1;
        match self.insurer.send(from, to, call) {
            Ok(answer) => Ok(Some(answer)),
            Err(Reverted(data)) => {
                let selector = data.get(..4).and_then(|selector| <[u8; 4]>::try_from(selector).ok());
                let shown = hex::encode(&data);
                prop_assert!(selector.is_some_and(is_declared), "{} reverted with 0x{shown}", C::SIGNATURE);
                Ok(None)
            }
        }
    }

    fn tell<C: SolCall>(&mut self, from: Address, to: Address, call: C) -> Result<bool, TestCaseError> {
        Ok(self.ask(from, to, call)?.is_some())
    }

    /// Brings vault and lines up to date.
    pub(crate) fn catch_up(&self) {
        let (insurer, anyone) = (&self.insurer, self.insurer.person("anyone"));
        while !insurer.must(anyone, insurer.vault, IVault::catchUpCall { edges: u(100) }) {}
        for line in &LINES {
            let (product, subject) = (u(line.product), text(line.subject));
            while !insurer.must(anyone, insurer.risk, IRisk::catchUpCall { product, subject, n: u(100) }) {}
        }
    }

    /// What the limits of this moment are parts of.
    fn note_capital(&mut self) {
        let capital = self.insurer.read(self.insurer.vault, IVault::capitalCall {}).amount;
        self.most_capital = self.most_capital.max(capital);
    }

    /// Incidents that are new in a trigger came of what it was told.
    fn note_incidents(&mut self) {
        for (feeds, line) in [(true, 0), (false, 2)] {
            for number in 1..=self.incidents(&line) {
                self.lies.entry((feeds, number)).or_insert(self.lying[usize::from(!feeds)]);
            }
        }
    }

    fn apply(&mut self, step: &Step) -> Check {
        let (kind, done) = self.act(step)?;
        self.note_incidents();
        let count = self.counts.entry(kind).or_default();
        if done {
            count.0 += 1
        } else {
            count.1 += 1
        }
        self.note_capital();
        // Whatever was called back was answered, or refused by name.
        for result in self.robber.results.borrow_mut().drain(..) {
            if let Err(data) = result {
                let selector = data.get(..4).and_then(|selector| <[u8; 4]>::try_from(selector).ok());
                prop_assert!(selector.is_some_and(is_declared), "called back: 0x{}", hex::encode(&data));
            }
        }
        Ok(())
    }

    /// What mallory does before somebody else's call on a policy.
    fn runs_ahead(&mut self, ahead: Ahead, policy: Option<usize>) -> Check {
        let (mallory, vault, assessor) = (self.mallory(), self.insurer.vault, self.insurer.assessor);
        match ahead {
            Ahead::Nothing => {}
            Ahead::Leaves => {
                let shares = self.insurer.shares(mallory);
                let request = IERC7540Redeem::requestRedeemCall { shares, controller: mallory, owner: mallory };
                self.tell(mallory, vault, request)?;
                self.serve()?;
                let shares = self.insurer.read(vault, IERC4626::maxRedeemCall { controller: mallory });
                let redeem = IERC4626::redeemCall { shares, receiver: mallory, controller: mallory };
                self.tell(mallory, vault, redeem)?;
            }
            Ahead::Enters => {
                let assets = usd(300_000);
                if self.tell(mallory, vault, IERC4626::depositCall { assets, receiver: mallory })? {
                    self.came_in += assets;
                }
            }
            Ahead::Files => {
                let count = self.insurer.bought.borrow().len();
                for index in 0..count {
                    if self.insurer.policy_of(index).holder == mallory {
                        self.file(index)?;
                    }
                }
            }
            Ahead::Challenges => {
                if let Some(index) = policy {
                    self.challenge(index, mallory)?;
                }
            }
            Ahead::Executes => {
                if let Some(index) = policy {
                    self.execute(index)?;
                }
            }
            Ahead::Reports => {
                for line in &LINES {
                    let report = self.insurer.reporting(line.product, line.subject);
                    self.tell(mallory, assessor, report)?;
                }
            }
            Ahead::Buys => {
                let line = policy.map_or(0, |index| self.lines[index]);
                self.buy(line, mallory, usd(200_000), 30 * DAY)?;
            }
        }
        self.note_incidents();
        Ok(())
    }

    fn buy(&mut self, line: usize, who: Address, amount: U256, term: u64) -> Result<bool, TestCaseError> {
        self.calls += 1;
        let before = self.insurer.money(who);
        match self.insurer.try_buy(LINES[line].product, LINES[line].subject, who, amount, term) {
            Ok(_) => {
                self.lines.push(line);
                self.came_in += before.saturating_sub(self.insurer.money(who));
                Ok(true)
            }
            Err(Reverted(data)) => {
                let selector = data.get(..4).and_then(|selector| <[u8; 4]>::try_from(selector).ok());
                prop_assert!(selector.is_some_and(is_declared), "no cover: 0x{}", hex::encode(&data));
                Ok(false)
            }
        }
    }

    fn serve(&mut self) -> Result<bool, TestCaseError> {
        self.catch_up();
        let service = Service::before(self);
        let served = self.ask(self.insurer.person("anyone"), self.insurer.vault, IVault::serveCall { n: u(1) })?;
        let Some(served) = served else { return Ok(false) };
        service.check(self, served.shares, served.assets)?;
        Ok(!served.shares.is_zero())
    }

    /// The holder files under the newest incident. What is confirmed is what the trigger's word makes it, whoever has
    /// done what before.
    fn file(&mut self, index: usize) -> Result<bool, TestCaseError> {
        self.note_capital();
        let line = self.lines[index];
        let (trigger, incident) = (self.trigger(&LINES[line]), self.incidents(&line).max(1));
        let before = self.insurer.policy_of(index);
        let id = self.insurer.id(index);
        let had = self
            .insurer
            .read(self.insurer.assessor, IAssessor::claimOfCall { policy: id, incident: u(incident) })
            + self.insurer.read(self.insurer.assessor, IAssessor::deniedOfCall { policy: id, incident: u(incident) })
            + self.insurer.read(self.insurer.assessor, IAssessor::claimOfCall { policy: id, incident: U256::ZERO });
        let owed = self.insurer.read(self.insurer.vault, IVault::owedOfCall { policy: id }).owed;
        let filing = self.insurer.filing(index, incident);
        let Some(filed) = self.ask(before.holder, self.insurer.assessor, filing)? else { return Ok(false) };
        let word = self.insurer.word(trigger, index, incident);
        prop_assert!(matches!(word, Ok((CONFIRMED, _))), "{word:?}");
        let rise = self.claim_of(&before, word.unwrap().1).saturating_sub(had).min(before.remaining);
        prop_assert_eq!(filed.confirmed, rise);
        // What was owed of an earlier rise may come with it.
        prop_assert!(filed.paid <= filed.confirmed + owed, "{} of {}", filed.paid, filed.confirmed);
        if self.insurer.claim(index).stage == stage::NONE {
            self.at_once.push((self.now(), filed.confirmed));
        } else {
            prop_assert!(filed.paid.is_zero());
        }
        Ok(true)
    }

    fn challenge(&mut self, index: usize, who: Address) -> Result<bool, TestCaseError> {
        let before = self.insurer.claim(index);
        let challenge = IAssessor::challengeCall { policy: self.insurer.id(index), reason: text("it was not") };
        let Some(case) = self.ask(who, self.insurer.assessor, challenge)? else { return Ok(false) };
        // 2 % of what is claimed, rounded up.
        prop_assert_eq!(self.insurer.claim(index).bond, (before.amount * u(200)).div_ceil(u(10_000)));
        prop_assert_eq!(before.stage, stage::DELAYED);
        let incident: u64 = before.incident.to();
        let lie = self.lies.get(&(LINES[self.lines[index]].feeds, incident)).copied().unwrap_or_default();
        self.truth.insert(case.to(), !lie);
        Ok(true)
    }

    /// Anyone goes on with a claim. What is due by the clock goes on, whoever has done nothing.
    pub(crate) fn execute(&mut self, index: usize) -> Result<bool, TestCaseError> {
        self.catch_up();
        self.note_capital();
        let claim = self.insurer.claim(index);
        let now = self.now();
        let holder = self.insurer.policy_of(index).holder;
        let credits = [holder, claim.party].map(|who| self.insurer.credit(who));
        let juried = matches!(claim.stage, stage::CHALLENGED | stage::JURY);
        let verdict = juried.then(|| self.insurer.read(self.insurer.jury, IJury::verdictCall { id: claim.juryCase }));
        let ended = verdict.as_ref().is_some_and(|verdict| verdict.ended);
        let slow = LINES[self.lines[index]].slow;
        let due = match claim.stage {
            stage::NONE => false,
            stage::REOPENED => now > claim.due,
            stage::WAITING if claim.answered => now > claim.due,
            // an exploit is proven again, and for a month nobody else takes less
            stage::DELAYED if slow => now > claim.due + 30 * DAY,
            _ => now >= claim.due || ended,
        };
        let execution = self.insurer.execution(index);
        let done = self.ask(self.insurer.person("anyone"), self.insurer.assessor, execution)?;
        prop_assert!(done.is_some() || !due, "stuck: {:?} at {}, due {}", claim.stage, now, claim.due);
        let Some(done) = done else { return Ok(false) };
        let after = self.insurer.claim(index);
        let over = after.stage == stage::NONE;
        prop_assert!(done.confirmed <= claim.amount || claim.stage == stage::WAITING);
        let gained =
            |who: usize| -> U256 { self.insurer.credit([holder, claim.party][who]).saturating_sub(credits[who]) };
        match claim.stage {
            stage::DELAYED if slow => prop_assert!(over, "a due claim ends"),
            stage::DELAYED => prop_assert!(over && done.confirmed == claim.amount, "a due claim is paid"),
            stage::CHALLENGED => {
                let denied = ended && verdict.as_ref().is_some_and(|verdict| verdict.outcome == DENIED);
                prop_assert_eq!(done.confirmed, if denied { U256::ZERO } else { claim.amount });
                // Half of the bond is the holder's, who was kept waiting, or it is back with a reward of at most 1 %.
                if denied {
                    let least = claim.bond;
                    prop_assert!(gained(1) >= least && gained(1) <= least + claim.amount / u(100));
                } else {
                    prop_assert_eq!(gained(0), claim.bond - claim.bond / u(2));
                }
                self.judge(&claim, denied)?;
            }
            stage::JURY if over => {
                let outcome =
                    verdict.as_ref().filter(|verdict| verdict.ended).map(|verdict| (verdict.outcome, verdict.award));
                let award = outcome.filter(|(outcome, _)| *outcome == AWARD).map_or(U256::ZERO, |(_, award)| award);
                prop_assert_eq!(done.confirmed, award.min(claim.amount));
                let denied = outcome.is_some_and(|(outcome, _)| outcome == DENIED);
                prop_assert_eq!(gained(1), if denied { U256::ZERO } else { claim.bond });
                self.judge(&claim, denied)?;
            }
            stage::WAITING if over && !done.confirmed.is_zero() => self.at_once.push((now, done.confirmed)),
            _ => {}
        }
        // A policy's claims never rise twice for one loss.
        if over && done.confirmed.is_zero() {
            prop_assert!(!self.insurer.policy_of(index).locked);
        }
        Ok(true)
    }

    /// A cartel without 66 % of what voted never had its way, and one without a third could not keep the others from
    /// theirs.
    fn judge(&self, claim: &IAssessor::Claim, denied: bool) -> Check {
        let case: u64 = claim.juryCase.to();
        let (Some(truth), Some(rounds)) = (self.truth.get(&case), self.rounds.get(&case)) else { return Ok(()) };
        let verdict = self.insurer.read(self.insurer.jury, IJury::verdictCall { id: claim.juryCase });
        if !verdict.ended {
            return Ok(());
        }
        let wrong = if *truth { DENIED } else { AWARD };
        if !rounds.iter().any(|round| round.carries(round.cartel)) {
            prop_assert_ne!(verdict.outcome, wrong, "{:?}", rounds);
        }
        if rounds.iter().all(|round| round.carries(round.honest)) && !self.ruled.contains_key(&case) {
            let right = if *truth { AWARD } else { DENIED };
            prop_assert_eq!(verdict.outcome, right, "{:?}", rounds);
            prop_assert_eq!(denied, !*truth);
        }
        Ok(())
    }

    /// Everybody who has weight votes: those who vote as it was, but for one who is absent, and the cartel against them.
    fn session(&mut self, id: U256, absent: usize) -> Result<bool, TestCaseError> {
        let jury = self.insurer.jury;
        let case = self.insurer.read(jury, IJury::caseOfCall { id });
        let Some(truth) = self.truth.get(&id.to()).copied() else { return Ok(false) };
        if case.phase != COMMIT {
            return Ok(false);
        }
        let mut votes = Vec::new();
        let (mut honest, mut cartel) = (U256::ZERO, U256::ZERO);
        for (place, juror) in self.jurors.into_iter().enumerate() {
            if place == absent {
                continue;
            }
            let awards = truth != (place == 3);
            let (choice, share_bps) = if awards { (AWARD, 10_000u16) } else { (DENIED, 0) };
            let (reason, salt) = (B256::repeat_byte(1), keccak256(juror));
            let hash = IJury::hashVoteCall { id, juror, choice, shareBps: share_bps, reason, salt };
            let commitment = self.insurer.read(jury, hash);
            if !self.tell(juror, jury, IJury::commitCall { id, juror, commitment })? {
                continue;
            }
            let vote = self.insurer.read(jury, IJury::voteOfCall { id, round: case.round, juror });
            *(if place == 3 { &mut cartel } else { &mut honest }) += vote.weight;
            votes.push(IJury::revealCall { id, juror, choice, shareBps: share_bps, reason, salt });
        }
        self.insurer.world.warp_to(case.until);
        for vote in votes {
            let revealed = self.tell(self.insurer.person("anyone"), jury, vote)?;
            prop_assert!(revealed, "who knows the salt reveals");
        }
        let until = self.insurer.read(jury, IJury::caseOfCall { id }).until;
        self.insurer.world.warp_to(until);
        // 66 % of what was revealed, of a quorum, or a majority where it is simple.
        let round = Round { honest, cartel, quorum: case.quorum, simple: case.simple };
        let (right, wrong) = if truth { (AWARD, DENIED) } else { (DENIED, AWARD) };
        let expected = match (round.carries(honest), round.carries(cartel)) {
            (true, _) => right,
            (_, true) => wrong,
            _ => DRAW,
        };
        let tally = self.insurer.read(jury, IJury::tallyOfCall { id, round: case.round });
        prop_assert_eq!(tally.outcome, expected, "{:?}", round);
        let least = pali(1) / u(100_000_000);
        if honest + cartel >= round.quorum && cartel * u(3) < honest {
            prop_assert!(expected == right || honest < least, "a cartel below a third stands in the way");
        }
        self.rounds.entry(id.to()).or_default().push(round);
        let verdict = self.insurer.read(jury, IJury::verdictCall { id });
        if verdict.ended && verdict.outcome == AWARD {
            let most = (honest + cartel) * u(AWARD_RATE) / pali(1);
            prop_assert!(verdict.award <= most.min(case.amount), "{} of {most}", verdict.award);
        }
        Ok(true)
    }

    #[allow(clippy::too_many_lines)]
    fn act(&mut self, step: &Step) -> Result<(&'static str, bool), TestCaseError> {
        let (vault, assessor, jury) = (self.insurer.vault, self.insurer.assessor, self.insurer.jury);
        let anyone = self.insurer.person("anyone");
        Ok(match *step {
            Step::Deposit { who, amount } => {
                let (who, assets) = (self.person(who), u(amount));
                let done = self.tell(who, vault, IERC4626::depositCall { assets, receiver: who })?;
                if done {
                    self.came_in += assets;
                }
                ("deposit", done)
            }
            Step::Request { who, part } => {
                let who = self.person(who);
                let shares = self.insurer.shares(who) * u(part) / u(1_000);
                let request = IERC7540Redeem::requestRedeemCall { shares, controller: who, owner: who };
                ("request", self.tell(who, vault, request)?)
            }
            Step::CancelRequest { who } => {
                let who = self.person(who);
                let cancel = IVault::cancelRedeemRequestCall { requestId: U256::ZERO, controller: who, receiver: who };
                ("cancelRequest", self.tell(who, vault, cancel)?)
            }
            Step::Serve { ahead } => {
                self.runs_ahead(ahead, None)?;
                ("serve", self.serve()?)
            }
            Step::Redeem { who } => {
                let who = self.person(who);
                let shares = self.insurer.read(vault, IERC4626::maxRedeemCall { controller: who });
                let redeem = IERC4626::redeemCall { shares, receiver: who, controller: who };
                ("redeem", self.tell(who, vault, redeem)?)
            }
            Step::Buy { line, who, amount, term } => {
                let who = self.person(who);
                ("buy", self.buy(line % LINES.len(), who, u(amount), term)?)
            }
            Step::Cancel { policy } => {
                let Some(index) = self.pick(policy) else { return Ok(("cancel", false)) };
                let holder = self.insurer.policy_of(index).holder;
                let cancel = IPolicy::cancelCall { policy: self.insurer.id(index), receiver: holder };
                ("cancel", self.tell(holder, self.insurer.policy, cancel)?)
            }
            Step::Expire { policy } => {
                let Some(index) = self.pick(policy) else { return Ok(("expire", false)) };
                let expire = IPolicy::expireCall { policy: self.insurer.id(index) };
                ("expire", self.tell(anyone, self.insurer.policy, expire)?)
            }
            Step::Move { policy, to } => {
                let Some(index) = self.pick(policy) else { return Ok(("move", false)) };
                let (from, to) = (self.insurer.policy_of(index).holder, self.person(to));
                let was_locked = self.insurer.policy_of(index).locked;
                let transfer = IERC721::transferFromCall { from, to, tokenId: self.insurer.id(index) };
                let done = self.tell(from, self.insurer.policy, transfer)?;
                prop_assert!(!(done && was_locked), "a policy moved while its claim was open");
                ("move", done)
            }
            Step::Price { price, hours, lies } => {
                self.lying[0] = lies;
                for hour in 0..hours {
                    if hour % 6 == 0 {
                        self.feed.push(price, self.now());
                    }
                    self.insurer.world.warp(HOUR);
                }
                self.feed.push(price, self.now());
                ("price", true)
            }
            Step::Nonsense { kind } => {
                let now = self.now();
                let (answer, updated_at) = match kind {
                    0 => (0, now),
                    1 => (-1, now),
                    2 => (50_000_000, now + DAY),
                    3 => (50_000_000, 0),
                    4 => (50_000_000, now - DAY),
                    _ => (i128::MAX, now),
                };
                self.lying[0] = true;
                let latest = self.feed.state.latest.get();
                self.feed.push_raw(Raw { answer, updated_at, answered_in: (kind == 4).then_some(latest) });
                let observe = ITrigger::observeCall { subject: text("USDC/USD"), evidence: Default::default() };
                self.tell(anyone, self.depeg, observe)?;
                ("nonsense", true)
            }
            Step::Lender { price, hours, lies } => {
                self.lying[1] = lies;
                self.lender.says::<IERC4626::convertToAssetsCall>(&[u(price)]);
                let observe = ITrigger::observeCall { subject: text("lender"), evidence: Default::default() };
                self.tell(anyone, self.lending, observe.clone())?;
                self.insurer.world.warp(hours * HOUR);
                ("lender", self.tell(anyone, self.lending, observe)?)
            }
            Step::Disaster { first } => {
                self.lender.says::<IERC4626::convertToAssetsCall>(&[u(1_000)]);
                let observe = ITrigger::observeCall { subject: text("lender"), evidence: Default::default() };
                for _ in 0..8 {
                    self.feed.push(1_100_000, self.now());
                    self.tell(anyone, self.lending, observe.clone())?;
                    self.insurer.world.warp(3 * HOUR);
                }
                self.feed.push(1_100_000, self.now());
                for line in &LINES {
                    self.tell(anyone, assessor, self.insurer.reporting(line.product, line.subject))?;
                }
                let count = self.insurer.bought.borrow().len();
                for index in 0..count {
                    self.file((index * 7 + first) % count)?;
                }
                ("disaster", true)
            }
            Step::Mend { subject, days } => {
                self.mend(subject == 0, days);
                ("mend", true)
            }
            Step::Report { line } => {
                let report = self.insurer.reporting(LINES[line].product, LINES[line].subject);
                ("report", self.tell(anyone, assessor, report)?)
            }
            Step::File { policy, ahead } => {
                let Some(index) = self.pick_claimable(policy) else { return Ok(("file", false)) };
                self.runs_ahead(ahead, Some(index))?;
                ("file", self.file(index)?)
            }
            Step::Dispute { policy, loss, sound, ahead } => {
                let Some(index) = self.pick(policy) else { return Ok(("dispute", false)) };
                self.runs_ahead(ahead, Some(index))?;
                let holder = self.insurer.policy_of(index).holder;
                let dispute = self.insurer.dispute(index, self.incidents(&self.lines[index]), loss);
                let done = self.tell(holder, assessor, dispute)?;
                if done {
                    let claim = self.insurer.claim(index);
                    self.sound.insert(index, sound);
                    if claim.stage == stage::JURY {
                        self.truth.insert(claim.juryCase.to(), sound);
                    }
                }
                ("dispute", done)
            }
            Step::Challenge { policy, who, ahead } => {
                let Some(index) = self.pick_at(policy, &[stage::DELAYED]) else { return Ok(("challenge", false)) };
                self.runs_ahead(ahead, Some(index))?;
                ("challenge", self.challenge(index, self.person(who))?)
            }
            Step::ChallengeAll => {
                let griefer = self.people[6];
                let count = self.insurer.bought.borrow().len();
                let mut done = false;
                for index in 0..count {
                    if self.insurer.claim(index).stage == stage::DELAYED {
                        done |= self.challenge(index, griefer)?;
                    }
                }
                ("challengeAll", done)
            }
            Step::Prolong { policy, hours } => {
                let Some(index) = self.pick_at(policy, &[stage::DELAYED]) else { return Ok(("prolong", false)) };
                let prolong = IAssessor::prolongCall {
                    policy: self.insurer.id(index),
                    duration: hours * HOUR,
                    reason: text("odd"),
                };
                prop_assert!(!self.tell(self.mallory(), assessor, prolong.clone())?, "a stranger prolonged");
                ("prolong", self.tell(self.insurer.guardian, assessor, prolong)?)
            }
            Step::Execute { policy, ahead } => {
                let open = [stage::DELAYED, stage::CHALLENGED, stage::WAITING, stage::JURY, stage::REOPENED];
                let Some(index) = self.pick_at(policy, &open) else { return Ok(("execute", false)) };
                self.runs_ahead(ahead, Some(index))?;
                ("execute", self.execute(index)?)
            }
            Step::Doubt { policy, loss } => {
                let count = self.insurer.bought.borrow().len();
                let free = |index: &usize| {
                    let seen = self.insurer.policy_of(*index);
                    !LINES[self.lines[*index]].feeds && !seen.locked && !seen.remaining.is_zero()
                };
                let free: Vec<_> = (0..count).filter(free).collect();
                let Some(index) = free.get(policy % free.len().max(1)).copied() else { return Ok(("doubt", false)) };
                let observe = ITrigger::observeCall { subject: text("lender"), evidence: Default::default() };
                self.lender.says::<IERC4626::convertToAssetsCall>(&[u(1_000)]);
                self.tell(anyone, self.lending, observe.clone())?;
                let holder = self.insurer.policy_of(index).holder;
                let dispute = self.insurer.dispute(index, self.incidents(&self.lines[index]), loss);
                let done = self.tell(holder, assessor, dispute)?;
                self.sound.insert(index, false);
                let claim = self.insurer.claim(index);
                if done && claim.stage == stage::JURY {
                    self.truth.insert(claim.juryCase.to(), false);
                }
                self.lender.says::<IERC4626::convertToAssetsCall>(&[u(1_000_000)]);
                self.tell(anyone, self.lending, observe)?;
                if done {
                    self.execute(index)?;
                }
                ("doubt", done)
            }
            Step::Escalate { policy, who } => {
                let Some(index) = self.pick_at(policy, &[stage::WAITING]) else { return Ok(("escalate", false)) };
                let (holder, stranger) = (self.insurer.policy_of(index).holder, self.person(who));
                let escalate = IAssessor::escalateCall { policy: self.insurer.id(index), reason: text("why") };
                if stranger != holder && stranger != self.insurer.claim(index).party {
                    prop_assert!(!self.tell(stranger, assessor, escalate.clone())?, "a stranger escalated");
                }
                let case = self.ask(holder, assessor, escalate)?;
                if let Some(case) = case {
                    let sound = self.sound.get(&index).copied().unwrap_or_default();
                    self.truth.insert(case.to(), sound);
                }
                ("escalate", case.is_some())
            }
            Step::Reopen { policy, who } => {
                let Some(index) = self.pick_at(policy, &[stage::REOPENED]) else { return Ok(("reopen", false)) };
                let (holder, stranger) = (self.insurer.policy_of(index).holder, self.person(who));
                let reopen = IAssessor::reopenCall { policy: self.insurer.id(index), reason: text("again") };
                if stranger != holder && stranger != self.insurer.claim(index).party {
                    prop_assert!(!self.tell(stranger, assessor, reopen.clone())?, "a stranger reopened");
                }
                let case = self.ask(holder, assessor, reopen)?;
                if let Some(case) = case {
                    let sound = self.sound.get(&index).copied().unwrap_or_default();
                    self.truth.insert(case.to(), sound);
                }
                ("reopen", case.is_some())
            }
            Step::Recover { policy, who, part } => {
                let Some(index) = self.pick(policy) else { return Ok(("recover", false)) };
                let (who, policy) = (self.person(who), self.insurer.id(index));
                let confirmed = self.insurer.policy_of(index).confirmed;
                let amount = confirmed * u(part) / u(1_000);
                let left = confirmed - self.insurer.read(assessor, IAssessor::recoveredOfCall { policy });
                let done = self.tell(who, assessor, IAssessor::recoverCall { policy, amount })?;
                prop_assert!(!done || amount <= left, "more was won back than was lost");
                if done {
                    self.came_in += amount;
                }
                ("recover", done)
            }
            Step::ClaimOwed { policy } => {
                let count = self.insurer.bought.borrow().len();
                let owed = |index: &usize| {
                    let call = IVault::owedOfCall { policy: self.insurer.id(*index) };
                    !self.insurer.read(vault, call).owed.is_zero()
                };
                let owed: Vec<_> = (0..count).filter(owed).collect();
                let index = owed.get(policy % owed.len().max(1)).copied().or_else(|| self.pick(policy));
                let Some(index) = index else { return Ok(("claimOwed", false)) };
                let call = IVault::claimOwedCall { policy: self.insurer.id(index) };
                ("claimOwed", self.ask(anyone, vault, call)?.is_some_and(|amount| !amount.is_zero()))
            }
            Step::TopUp => ("topUp", self.tell(anyone, vault, IVault::topUpCall {})?),
            Step::CollectFees => ("collectFees", self.tell(anyone, vault, IVault::collectFeesCall {})?),
            Step::Credits { who } => {
                let (who, asset) = (self.everybody().nth(who).unwrap_or(anyone), self.insurer.token.at);
                let credit = self.insurer.credit(who);
                let taken = self.ask(who, assessor, IAssessor::withdrawCreditCall { asset, receiver: who })?;
                prop_assert!(taken.is_none_or(|taken| taken == credit));
                self.tell(who, vault, IVault::withdrawCreditCall { receiver: who })?;
                ("credits", taken.is_some())
            }
            Step::Session { back, absent } => {
                let Some(id) = self.case(back, COMMIT) else { return Ok(("session", false)) };
                ("session", self.session(id, absent)?)
            }
            Step::Appeal { back, who } => {
                let Some(id) = self.case(back, APPEAL) else { return Ok(("appeal", false)) };
                let case = self.insurer.read(jury, IJury::caseOfCall { id });
                let done = self.tell(self.person(who), jury, IJury::appealCall { id, reason: text("no") })?;
                prop_assert!(!done || case.phase == APPEAL);
                ("appeal", done)
            }
            Step::Rule { back } => {
                let Some(id) = self.case(back, ESCALATED) else { return Ok(("rule", false)) };
                let truth = self.truth.get(&id.to()).copied().unwrap_or_default();
                let rule = IJury::ruleCall { id, shareBps: if truth { 10_000 } else { 0 } };
                prop_assert!(!self.tell(self.mallory(), jury, rule.clone())?, "a stranger ruled");
                let phase = self.insurer.read(jury, IJury::caseOfCall { id }).phase;
                let done = self.tell(self.insurer.owner, jury, rule)?;
                prop_assert!(!done || phase == ESCALATED);
                if done {
                    self.ruled.insert(id.to(), ());
                }
                ("rule", done)
            }
            Step::Settle { back } => {
                let Some(id) = self.case(back, ENDED) else { return Ok(("settle", false)) };
                self.tell(anyone, jury, IJury::finaliseCall { id })?;
                let mut done = false;
                for juror in self.jurors {
                    let before = self.insurer.read(jury, IJury::jurorOfCall { juror });
                    let settled = self.ask(anyone, jury, IJury::settleCall { id, juror })?;
                    if let Some(settled) = settled {
                        prop_assert!(settled.penalty <= before.atRisk);
                        done = true;
                    }
                }
                ("settle", done)
            }
            Step::Stake { who, amount } => {
                let juror = self.jurors[who];
                ("stake", self.tell(juror, jury, IJury::stakeCall { amount: pali(amount) })?)
            }
            Step::Unstake { who, amount } => {
                let juror = self.jurors[who];
                let open = self.insurer.read(jury, IJury::jurorOfCall { juror }).openVotes;
                let done = self.tell(juror, jury, IJury::requestUnstakeCall { amount: pali(amount) })?;
                prop_assert!(!done || open.is_zero(), "stake left while a vote was open");
                ("unstake", done)
            }
            Step::Withdraw { who } => {
                let juror = self.jurors[who];
                ("withdraw", self.tell(juror, jury, IJury::withdrawCall { receiver: juror })?)
            }
            Step::CallBack { call } => {
                let calls = self.call_backs();
                let mut plan = vec![calls[call % calls.len()].clone(), calls[(call / 7) % calls.len()].clone()];
                std::mem::swap(&mut *self.robber.plan.borrow_mut(), &mut plan);
                let robber = self.people[7];
                *self.insurer.token.habits.hook.borrow_mut() = (call % 5 != 0).then(|| (robber, vec![0; 4]));
                ("callBack", call % 5 != 0)
            }
            Step::Blacklist { who } => {
                let who = self.people.get(who).copied();
                self.insurer.token.habits.blacklisted.set(who);
                ("blacklist", who.is_some())
            }
            Step::Stranger { call } => {
                self.a_stranger_is_refused(call)?;
                ("stranger", true)
            }
            Step::Pause { hours } => {
                let pause = IRisk::pauseFilingCall { duration: hours * HOUR, reason: text("odd") };
                ("pause", self.tell(self.insurer.guardian, self.insurer.risk, pause)?)
            }
            Step::Wait { seconds } => {
                self.insurer.world.warp(seconds);
                ("wait", true)
            }
        })
    }

    /// What is not for everybody: filing for others, ordering payouts, opening cases, deciding.
    fn a_stranger_is_refused(&mut self, call: usize) -> Check {
        let (mallory, insurer) = (self.mallory(), &self.insurer);
        let (policy, one) = (self.pick(call), U256::ONE);
        let others = policy.filter(|index| insurer.policy_of(*index).holder != mallory);
        let inputs: Vec<(Address, Vec<u8>)> = vec![
            (
                insurer.vault,
                IVault::payCall {
                    policy: one,
                    to: mallory,
                    before: U256::ZERO,
                    total: usd(1),
                    reserveBefore: U256::ZERO,
                    reserveAfter: U256::ZERO,
                }
                .abi_encode(),
            ),
            (insurer.policy, IPolicy::closeCall { policy: one, confirmed: usd(1) }.abi_encode()),
            (insurer.policy, IPolicy::openCall { policy: one, caller: mallory }.abi_encode()),
            (
                insurer.jury,
                IJury::openCall {
                    policy: one,
                    asset: insurer.token.at,
                    amount: usd(1),
                    snapshot: self.now(),
                    simple: false,
                    fee: U256::ZERO,
                    bond: usd(1),
                    reason: B256::ZERO,
                }
                .abi_encode(),
            ),
            (
                insurer.risk,
                IRisk::decideClaimCall {
                    product: one,
                    subject: text("USDC/USD"),
                    code: U256::ZERO,
                    held: usd(1),
                    paid: usd(1),
                }
                .abi_encode(),
            ),
            (
                insurer.assessor,
                others.map_or_else(
                    || {
                        IAssessor::setLimitsCall { vault: insurer.vault, instantBps: 1, minBond: Default::default() }
                            .abi_encode()
                    },
                    |index| insurer.filing(index, 1).abi_encode(),
                ),
            ),
        ];
        let (to, input) = inputs[call % inputs.len()].clone();
        let refused = self.insurer.world.transact(mallory, to, U256::ZERO, input);
        prop_assert!(refused.is_err(), "a stranger did what is not his");
        Ok(())
    }

    /// What the contract tries while it is given money.
    fn call_backs(&self) -> Vec<(Address, Vec<u8>)> {
        let insurer = &self.insurer;
        let robber = self.people[7];
        let (vault, assessor, policy_at, jury) = (insurer.vault, insurer.assessor, insurer.policy, insurer.jury);
        let count = insurer.bought.borrow().len();
        let mine = (0..count).rev().find(|index| insurer.policy_of(*index).holder == robber);
        let any = mine.or(count.checked_sub(1));
        let mut calls = vec![
            (vault, IERC4626::depositCall { assets: usd(1), receiver: robber }.abi_encode()),
            (
                vault,
                IERC7540Redeem::requestRedeemCall { shares: u(1_000_000_000), controller: robber, owner: robber }
                    .abi_encode(),
            ),
            (
                vault,
                IVault::cancelRedeemRequestCall { requestId: U256::ZERO, controller: robber, receiver: robber }
                    .abi_encode(),
            ),
            (vault, IERC4626::redeemCall { shares: U256::ONE, receiver: robber, controller: robber }.abi_encode()),
            (vault, IVault::serveCall { n: u(9) }.abi_encode()),
            (vault, IVault::topUpCall {}.abi_encode()),
            (vault, IVault::withdrawCreditCall { receiver: robber }.abi_encode()),
            (vault, IVault::recoverCall { amount: usd(1) }.abi_encode()),
            (assessor, IAssessor::withdrawCreditCall { asset: insurer.token.at, receiver: robber }.abi_encode()),
            (jury, IJury::withdrawCreditCall { asset: insurer.token.at, receiver: robber }.abi_encode()),
            (assessor, insurer.reporting(1, "USDC/USD").abi_encode()),
            (assessor, insurer.reporting(3, "lender").abi_encode()),
        ];
        if let Some(index) = any {
            let (id, incident) = (insurer.id(index), self.incidents(&self.lines[index]).max(1));
            let to = self.people[2];
            calls.extend([
                (assessor, insurer.filing(index, incident).abi_encode()),
                (assessor, insurer.filing(index, incident).abi_encode()),
                (assessor, insurer.execution(index).abi_encode()),
                (assessor, insurer.dispute(index, incident, 10_000).abi_encode()),
                (assessor, IAssessor::challengeCall { policy: id, reason: text("no") }.abi_encode()),
                (assessor, IAssessor::recoverCall { policy: id, amount: usd(1) }.abi_encode()),
                (vault, IVault::claimOwedCall { policy: id }.abi_encode()),
                (policy_at, IPolicy::cancelCall { policy: id, receiver: robber }.abi_encode()),
                (policy_at, IPolicy::expireCall { policy: id }.abi_encode()),
                (policy_at, IERC721::transferFromCall { from: robber, to, tokenId: id }.abi_encode()),
            ]);
        }
        calls
    }

    /// For so many days the feed is at par, or the lender where it is.
    fn mend(&mut self, feeds: bool, days: u64) {
        let (trigger, subject) = if feeds { (self.depeg, "USDC/USD") } else { (self.lending, "lender") };
        self.lying[usize::from(!feeds)] = false;
        let anyone = self.insurer.person("anyone");
        for _ in 0..2 * days {
            if feeds {
                self.feed.push(100_000_000, self.now());
            }
            let observe = ITrigger::observeCall { subject: text(subject), evidence: Default::default() };
            let _ = self.insurer.send(anyone, trigger, observe);
            self.insurer.world.warp(DAY / 2);
        }
        for line in &LINES {
            let _ =
                self.insurer.send(anyone, self.insurer.assessor, self.insurer.reporting(line.product, line.subject));
        }
        if feeds {
            self.feed.push(100_000_000, self.now());
        }
    }

    /// Nobody means ill any more, and prices are at par for long enough.
    pub(crate) fn calm_down(&mut self) {
        let habits = self.insurer.token.habits.clone();
        habits.hook.borrow_mut().take();
        habits.blacklisted.set(None);
        self.robber.plan.borrow_mut().clear();
        self.lender.says::<IERC4626::convertToAssetsCall>(&[u(1_000_000)]);
        let anyone = self.insurer.person("anyone");
        for _ in 0..16 {
            self.feed.push(100_000_000, self.now());
            for subject in ["USDC/USD", "lender"] {
                let observe = ITrigger::observeCall { subject: text(subject), evidence: Default::default() };
                let trigger = if subject == "lender" { self.lending } else { self.depeg };
                let _ = self.insurer.send(anyone, trigger, observe);
            }
            self.insurer.world.warp(6 * HOUR);
        }
        self.feed.push(100_000_000, self.now());
        self.insurer.world.warp(WEEK);
        for _ in 0..4 {
            for line in &LINES {
                let report = self.insurer.reporting(line.product, line.subject);
                let _ = self.insurer.send(anyone, self.insurer.assessor, report);
            }
        }
    }
}

// —————————————————————————————————————————————————————————————————————————————————————————————————————————— sequences

/// How many calls lie between two counts of the money, and between two looks at everything.
const COUNT_EVERY: usize = 5;
const LOOK_EVERY: usize = 20;

fn is_long() -> bool {
    std::env::var_os("LONG").is_some()
}

fn calls() -> usize {
    if is_long() { 500 } else { 200 }
}

/// As many runs as `PROPTEST_CASES` says; else half of 256, for there are two kinds of cartels, or of 5,000.
fn config() -> ProptestConfig {
    let usual = ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::default())),
        ..ProptestConfig::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_some() {
        return usual;
    }
    ProptestConfig { cases: if is_long() { 2_500 } else { 128 }, ..usual }
}

fn run(cartel: u64, steps: &[Step]) -> Check {
    let mut model = Model::new(cartel);
    let mut look = Look::at(&model);
    for (index, step) in steps.iter().enumerate() {
        model.apply(step)?;
        if (index + 1) % COUNT_EVERY == 0 {
            look = judge::each(&model, &look)?;
        }
        if (index + 1) % LOOK_EVERY == 0 {
            judge::all(&model)?;
        }
    }
    judge::all(&model)?;
    judge::everybody_leaves(&mut model)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn with_a_cartel_below_a_third_all_invariants_hold(cartel in 10u64..330, steps in vec(step(), calls())) {
        run(cartel, &steps)?;
    }

    #[test]
    fn with_a_cartel_above_a_third_all_invariants_hold(cartel in 340u64..650, steps in vec(step(), calls())) {
        run(cartel, &steps)?;
    }
}

/// The sequences are not empty words: within a few of them every kind of step does something, every kind of end of a claim
/// is reached, and both kinds of cartel fail and have their way where they may.
#[test]
fn every_kind_of_step_happens() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};

    let mut counts = BTreeMap::<&str, (u64, u64)>::new();
    let mut ends = BTreeMap::<&str, u64>::new();
    for cartel in [200, 500] {
        let mut runner = TestRunner::deterministic();
        for _ in 0..40 {
            let steps = vec(step(), 200).new_tree(&mut runner).unwrap().current();
            let mut model = Model::new(cartel);
            for step in &steps {
                model.apply(step).unwrap();
            }
            for (kind, (done, refused)) in &model.counts {
                let count = counts.entry(*kind).or_default();
                *count = (count.0 + done, count.1 + refused);
            }
            let (world, assessor) = (&model.insurer.world, model.insurer.assessor);
            let logs = world.logs();
            for (name, event) in [
                ("settled", <IAssessor::ClaimSettled as alloy_sol_types::SolEvent>::SIGNATURE_HASH),
                ("delayed", <IAssessor::ClaimDelayed as alloy_sol_types::SolEvent>::SIGNATURE_HASH),
                ("challenged", <IAssessor::ClaimChallenged as alloy_sol_types::SolEvent>::SIGNATURE_HASH),
                ("denied", <IAssessor::ClaimDenied as alloy_sol_types::SolEvent>::SIGNATURE_HASH),
                ("reopened", <IAssessor::ClaimReopened as alloy_sol_types::SolEvent>::SIGNATURE_HASH),
                ("forfeited", <IAssessor::BondForfeited as alloy_sol_types::SolEvent>::SIGNATURE_HASH),
                ("returned", <IAssessor::BondReturned as alloy_sol_types::SolEvent>::SIGNATURE_HASH),
                ("recovered", <IAssessor::LossRecovered as alloy_sol_types::SolEvent>::SIGNATURE_HASH),
            ] {
                let count = logs.iter().filter(|log| log.address == assessor && log.topics.first() == Some(&event));
                *ends.entry(name).or_default() += count.count() as u64;
            }
        }
    }
    println!("{counts:?}\n{ends:?}");
    assert!(counts.len() >= 35, "{} kinds", counts.len());
    for (kind, (done, refused)) in &counts {
        assert!(*done > 0, "{kind} never did anything, and was refused {refused} times");
    }
    for (end, count) in &ends {
        assert!(*count > 0, "never {end}");
    }
}
