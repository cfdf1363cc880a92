//! Everything that anybody can do, as steps that a random sequence is made of.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolInterface, SolStruct, SolValue, sol};
use proptest::{
    prop_assert, prop_assert_eq, prop_oneof,
    strategy::{Just, Strategy},
    test_runner::TestCaseError,
};
use protocol::abi::{
    IAllocator, IAssessor, IDepegTrigger, IERC20, IERC721, IERC4626, IERC7540Redeem, IOwned, IPausable, IPolicy, IRisk,
    ITrigger, IVault,
};
use standards::errors;
use testkit::{Reverted, token::Erc20};

use crate::{
    invariants::{Check, a_sale_stays_within_capital, entering_lowers_no_price, in_and_out_again_is_no_profit},
    model::{Held, Look, Model},
    strategies::{self, Habit},
    town::{DAY, DEPEG, HOUR, LINES, claim, order, text, u},
    triggers::{CONFIRMED, INCONCLUSIVE, NOT_MET},
};

sol! {
    struct Consent {
        address insured; uint256 product; bytes32 subject; bytes32 position; uint256 amount; uint256 term;
        address receiver; uint256 nonce; uint256 deadline;
    }
}

/// One step. Numbers that choose a person, a pool, a line or a policy are taken modulo how many there are; parts are in
/// thousandths.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    // who puts money in and takes it out
    Deposit { pool: usize, who: usize, amount: u64 },
    DepositAtLeast { pool: usize, who: usize, amount: u64, too_much: bool },
    Mint { pool: usize, who: usize, amount: u64 },
    Request { pool: usize, who: usize, part: u64 },
    RequestByOperator { pool: usize, owner: usize, operator: usize, part: u64 },
    CancelRequest { pool: usize, who: usize },
    Serve { pool: usize, weeks: u64 },
    Redeem { pool: usize, who: usize, part: u64 },
    Withdraw { pool: usize, who: usize, part: u64 },
    MoveShares { pool: usize, from: usize, to: usize, part: u64 },
    Donate { pool: usize, who: usize, amount: u64 },
    // who is covered
    Buy { line: usize, who: usize, amount: u64, term: u64, part: u8, referrer: usize, short: bool },
    BuyFor { line: usize, payer: usize, amount: u64, term: u64, forged: bool },
    BuyWithPermit { line: usize, who: usize, amount: u64, term: u64 },
    Extend { policy: usize, term: u64 },
    ExtendAsKeeper { policy: usize, keeper: usize, term: u64 },
    Cancel { policy: usize },
    Expire { policy: usize },
    BatchExpire { from: usize },
    MovePolicy { policy: usize, to: usize },
    // incidents and claims
    Strike { subject: usize, latent: bool, ago: u64, worst: u16 },
    Worsen { subject: usize, worst: u16 },
    Settle { subject: usize },
    Disaster { pool: usize, rush: bool },
    Depeg { price: i64, hours: u64 },
    Report { line: usize },
    File { policy: usize, back: u64 },
    // money between all of them
    ClaimOwed { policy: usize },
    TopUp { pool: usize },
    Recover { pool: usize, who: usize, amount: u64 },
    CollectFees { pool: usize },
    TakeCredit { pool: usize, who: usize },
    // what works elsewhere
    Invest { strategy: usize, part: u64 },
    Divest { strategy: usize, part: u64, owner: bool },
    Harvest { strategy: usize },
    Gain { strategy: usize, part: u64 },
    Lose { strategy: usize, part: u64 },
    Limit { limit: Option<u64> },
    Misbehave { habit: Option<Habit> },
    RemoveStrategy { strategy: usize, force: bool },
    AddStrategy { strategy: usize },
    SetQueue { first: usize },
    ReportHeld { strategy: usize },
    // books
    CatchUpVault { pool: usize, edges: u64 },
    CatchUpRisk { line: usize, weeks: u64 },
    Recount { pool: usize },
    // who watches
    Pause { kind: u8, pool: usize, owner: bool, hours: u64 },
    RunOff { pool: usize, ordered: bool },
    ShortRate { bps: u16 },
    // who means ill
    Stranger { call: usize },
    Reenter { call: usize },
    Fee { bps: u64 },
    Blacklist { who: usize },
    Refuse { on: bool },
    Silent { on: bool },
    Wait { seconds: u64 },
}

fn amount() -> impl Strategy<Value = u64> {
    // From a hundred units to a few hundred thousand whole ones.
    (7u32..39, 0u64..1_000).prop_map(|(bits, more)| (1u64 << bits) + (1u64 << bits) * more / 1_000)
}

/// Steps, of which incidents and mischief make more or less.
pub(crate) fn step(stormy: bool) -> impl Strategy<Value = Step> {
    let (p, w, l, n) = (0usize..2, 0usize..5, 0usize..12, 0usize..1_000);
    let part = 1u64..=1_000;
    let term = || prop_oneof![6 => 7 * DAY..40 * DAY, 1 => 40 * DAY..365 * DAY, 1 => 0..7 * DAY];
    let (pp, ww, ll, nn) = (p.clone(), w.clone(), l.clone(), n.clone());
    let capital = prop_oneof![
        6 => (pp.clone(), ww.clone(), amount()).prop_map(|(pool, who, amount)| Step::Deposit { pool, who, amount }),
        1 => (pp.clone(), ww.clone(), amount(), proptest::bool::ANY)
            .prop_map(|(pool, who, amount, too_much)| Step::DepositAtLeast { pool, who, amount, too_much }),
        2 => (pp.clone(), ww.clone(), amount()).prop_map(|(pool, who, amount)| Step::Mint { pool, who, amount }),
        5 => (pp.clone(), ww.clone(), part.clone()).prop_map(|(pool, who, part)| Step::Request { pool, who, part }),
        1 => (pp.clone(), ww.clone(), ww.clone(), part.clone())
            .prop_map(|(pool, owner, operator, part)| Step::RequestByOperator { pool, owner, operator, part }),
        2 => (pp.clone(), ww.clone()).prop_map(|(pool, who)| Step::CancelRequest { pool, who }),
        5 => (pp.clone(), 1u64..20).prop_map(|(pool, weeks)| Step::Serve { pool, weeks }),
        3 => (pp.clone(), ww.clone(), part.clone()).prop_map(|(pool, who, part)| Step::Redeem { pool, who, part }),
        2 => (pp.clone(), ww.clone(), part.clone()).prop_map(|(pool, who, part)| Step::Withdraw { pool, who, part }),
        1 => (pp.clone(), ww.clone(), ww.clone(), 0u64..=1_001)
            .prop_map(|(pool, from, to, part)| Step::MoveShares { pool, from, to, part }),
        1 => (pp.clone(), ww.clone(), amount()).prop_map(|(pool, who, amount)| Step::Donate { pool, who, amount }),
    ];
    let part_lost = prop_oneof![1u8..=100, Just(100)];
    // In storms as much is covered as the capital bears.
    let cover = prop_oneof![if stormy { 1 } else { 9 } => amount(), 1 => 100_000_000_000u64..2_000_000_000_000];
    let cover = prop_oneof![
        10 => (ll.clone(), 0usize..4, cover, term(), part_lost, ww.clone(), proptest::bool::weighted(0.1)).prop_map(
            |(line, who, amount, term, part, referrer, short)| Step::Buy { line, who, amount, term, part, referrer, short }
        ),
        1 => (ll.clone(), 0usize..3, amount(), term(), proptest::bool::weighted(0.3))
            .prop_map(|(line, payer, amount, term, forged)| Step::BuyFor { line, payer, amount, term, forged }),
        1 => (ll.clone(), 0usize..4, amount(), term())
            .prop_map(|(line, who, amount, term)| Step::BuyWithPermit { line, who, amount, term }),
        3 => (nn.clone(), term()).prop_map(|(policy, term)| Step::Extend { policy, term }),
        1 => (nn.clone(), ww.clone(), term()).prop_map(|(policy, keeper, term)| Step::ExtendAsKeeper { policy, keeper, term }),
        2 => nn.clone().prop_map(|policy| Step::Cancel { policy }),
        2 => nn.clone().prop_map(|policy| Step::Expire { policy }),
        1 => nn.clone().prop_map(|from| Step::BatchExpire { from }),
        1 => (nn.clone(), ww.clone()).prop_map(|(policy, to)| Step::MovePolicy { policy, to }),
    ];
    let incidents = prop_oneof![
        3 => (0usize..3, proptest::bool::weighted(0.3), 0..3 * DAY, prop_oneof![1u16..=10_000, Just(10_000)])
            .prop_map(|(subject, latent, ago, worst)| Step::Strike { subject, latent, ago, worst }),
        3 => (0usize..3, 1u16..=10_000).prop_map(|(subject, worst)| Step::Worsen { subject, worst }),
        4 => (0usize..3).prop_map(|subject| Step::Settle { subject }),
        1 => (pp.clone(), proptest::bool::ANY).prop_map(|(pool, rush)| Step::Disaster { pool, rush }),
        2 => (prop_oneof![Just(100_000_000i64), 60_000_000i64..105_000_000], 6u64..40)
            .prop_map(|(price, hours)| Step::Depeg { price, hours }),
        6 => ll.clone().prop_map(|line| Step::Report { line }),
        12 => (nn.clone(), 0u64..3).prop_map(|(policy, back)| Step::File { policy, back }),
        4 => nn.prop_map(|policy| Step::ClaimOwed { policy }),
    ];
    let money = prop_oneof![
        3 => pp.clone().prop_map(|pool| Step::TopUp { pool }),
        2 => (pp.clone(), ww.clone(), amount()).prop_map(|(pool, who, amount)| Step::Recover { pool, who, amount }),
        1 => pp.clone().prop_map(|pool| Step::CollectFees { pool }),
        1 => (pp.clone(), ww.clone()).prop_map(|(pool, who)| Step::TakeCredit { pool, who }),
        1 => (pp.clone(), 0u64..10).prop_map(|(pool, edges)| Step::CatchUpVault { pool, edges }),
        1 => (ll, 0u64..10).prop_map(|(line, weeks)| Step::CatchUpRisk { line, weeks }),
        1 => pp.clone().prop_map(|pool| Step::Recount { pool }),
    ];
    let watch = prop_oneof![
        3 => (0u8..4, pp.clone(), proptest::bool::ANY, prop_oneof![Just(0u64), 1u64..200])
            .prop_map(|(kind, pool, owner, hours)| Step::Pause { kind, pool, owner, hours }),
        1 => (pp, proptest::bool::weighted(0.3)).prop_map(|(pool, ordered)| Step::RunOff { pool, ordered }),
        1 => (0u16..3_000).prop_map(|bps| Step::ShortRate { bps }),
    ];
    let mischief = prop_oneof![
        4 => (0usize..1_000).prop_map(|call| Step::Stranger { call }),
        3 => (0usize..1_000).prop_map(|call| Step::Reenter { call }),
        1 => prop_oneof![3 => Just(0u64), 1 => 1u64..500].prop_map(|bps| Step::Fee { bps }),
        1 => (0usize..12).prop_map(|who| Step::Blacklist { who }),
        1 => proptest::bool::weighted(0.3).prop_map(|on| Step::Refuse { on }),
        1 => proptest::bool::ANY.prop_map(|on| Step::Silent { on }),
    ];
    let wait = prop_oneof![
        2 => 1..HOUR,
        6 => HOUR..2 * DAY,
        4 => 2 * DAY..10 * DAY,
        1 => 10 * DAY..40 * DAY,
    ]
    .prop_map(|seconds| Step::Wait { seconds });
    let weights = if stormy { [6, 6, 8, 2, 1, 2, 3, 5] } else { [10, 8, 2, 2, 1, 1, 4, 4] };
    prop_oneof![
        weights[0] => capital,
        weights[1] => cover,
        weights[2] => incidents,
        weights[3] => money,
        weights[4] => watch,
        weights[5] => mischief,
        weights[6] => wait,
        weights[7] => strategies::step(),
    ]
}

/// The subjects of the scripted trigger.
const SUBJECTS: [&str; 3] = ["X", "Y", "Z"];

/// Whether the interfaces declare an error of this selector, or the assets do.
fn is_declared(selector: [u8; 4]) -> bool {
    fn known<I: SolInterface>(selector: [u8; 4]) -> bool {
        I::selectors().any(|known| known == selector)
    }
    known::<IVault::IVaultErrors>(selector)
        || known::<IPolicy::IPolicyErrors>(selector)
        || known::<IRisk::IRiskErrors>(selector)
        || known::<IAssessor::IAssessorErrors>(selector)
        || known::<IAllocator::IAllocatorErrors>(selector)
        || known::<IDepegTrigger::IDepegTriggerErrors>(selector)
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
    fn person(&self, who: usize) -> Address {
        self.people[who % self.people.len()]
    }

    fn vault(&self, pool: usize) -> Address {
        self.town.pools[pool].vault
    }

    /// A call: what it answers, or `None` where it is refused, which must be by an error that is declared. An overflow
    /// is none that amounts like these may meet.
    pub(crate) fn ask<C: SolCall>(
        &mut self,
        from: Address,
        to: Address,
        call: C,
    ) -> Result<Option<C::Return>, TestCaseError> {
        self.calls += 1;
        match self.town.send(from, to, call) {
            Ok(answer) => Ok(Some(answer)),
            Err(Reverted(data)) => {
                let selector = data.get(..4).and_then(|selector| <[u8; 4]>::try_from(selector).ok());
                let shown = alloy_primitives::hex::encode(&data);
                prop_assert!(selector.is_some_and(is_declared), "{} reverted with 0x{shown}", C::SIGNATURE);
                Ok(None)
            }
        }
    }

    pub(crate) fn tell<C: SolCall>(&mut self, from: Address, to: Address, call: C) -> Result<bool, TestCaseError> {
        Ok(self.ask(from, to, call)?.is_some())
    }

    /// Does one step and checks what is to be known at once. Answers whether it did anything, and what the shares of
    /// each pool lost by it.
    pub(crate) fn apply(&mut self, step: &Step) -> Result<[U256; 2], TestCaseError> {
        let mut loss = [U256::ZERO; 2];
        let (kind, done) = self.act(step, &mut loss)?;
        let count = self.counts.entry(kind).or_default();
        if done {
            count.0 += 1
        } else {
            count.1 += 1
        }
        self.nothing_was_called_back()?;
        let hooked = self.town.pools[1].token.habits.hook_result.borrow_mut().take();
        if let Some(Err(data)) = hooked {
            let selector = data.get(..4).and_then(|selector| <[u8; 4]>::try_from(selector).ok());
            prop_assert!(selector.is_some_and(is_declared), "called back: 0x{}", alloy_primitives::hex::encode(&data));
        }
        Ok(loss)
    }

    #[allow(clippy::too_many_lines)]
    fn act(&mut self, step: &Step, loss: &mut [U256; 2]) -> Result<(&'static str, bool), TestCaseError> {
        let anyone = self.town.person("anyone");
        Ok(match *step {
            Step::Deposit { pool, who, amount } => {
                let (who, vault) = (self.person(who), self.vault(pool));
                let assets = u(amount);
                let preview = self.town.world.try_read(vault, IERC4626::previewDepositCall { assets });
                let room = self.town.read(vault, IERC4626::maxDepositCall { receiver: who });
                let before = Look::at(self, pool);
                let shares = self.ask(who, vault, IERC4626::depositCall { assets, receiver: who })?;
                if let Some(shares) = shares {
                    prop_assert_eq!(Ok(shares), preview);
                    prop_assert!(assets <= room);
                    entering_lowers_no_price(&before, &Look::at(self, pool))?;
                    in_and_out_again_is_no_profit(self, pool, assets, shares)?;
                }
                ("deposit", shares.is_some())
            }
            Step::DepositAtLeast { pool, who, amount, too_much } => {
                let (who, vault) = (self.person(who), self.vault(pool));
                let Ok(shares) = self.town.world.try_read(vault, IERC4626::previewDepositCall { assets: u(amount) })
                else {
                    return Ok(("depositAtLeast", false));
                };
                let least = shares + U256::from(too_much);
                let deposit = IVault::depositCall { assets: u(amount), receiver: who, minShares: least };
                let done = self.tell(who, vault, deposit)?;
                prop_assert!(!(done && too_much));
                ("depositAtLeast", done)
            }
            Step::Mint { pool, who, amount } => {
                let (who, vault) = (self.person(who), self.vault(pool));
                let shares = u(amount) * u(999_983u64);
                let preview = self.town.world.try_read(vault, IERC4626::previewMintCall { shares });
                let before = Look::at(self, pool);
                let assets = self.ask(who, vault, IERC4626::mintCall { shares, receiver: who })?;
                if let Some(assets) = assets {
                    entering_lowers_no_price(&before, &Look::at(self, pool))?;
                    prop_assert_eq!(Ok(assets), preview);
                    in_and_out_again_is_no_profit(self, pool, assets, shares)?;
                }
                ("mint", assets.is_some())
            }
            Step::Request { pool, who, part } => {
                let who = self.person(who);
                let shares = self.town.shares(pool, who) * u(part) / u(1_000u64);
                let request = IERC7540Redeem::requestRedeemCall { shares, controller: who, owner: who };
                ("request", self.tell(who, self.vault(pool), request)?)
            }
            Step::RequestByOperator { pool, owner, operator, part } => {
                let (owner, operator, vault) = (self.person(owner), self.person(operator), self.vault(pool));
                let shares = self.town.shares(pool, owner) * u(part) / u(1_000u64);
                let request = IERC7540Redeem::requestRedeemCall { shares, controller: owner, owner };
                if owner != operator {
                    prop_assert!(!self.tell(operator, vault, request.clone())?, "a stranger asked for somebody else");
                    self.tell(owner, vault, IERC7540Redeem::setOperatorCall { operator, approved: true })?;
                }
                let done = self.tell(operator, vault, request)?;
                self.tell(owner, vault, IERC7540Redeem::setOperatorCall { operator, approved: false })?;
                ("requestByOperator", done)
            }
            Step::CancelRequest { pool, who } => {
                let who = self.person(who);
                let cancel = IVault::cancelRedeemRequestCall { requestId: U256::ZERO, controller: who, receiver: who };
                ("cancelRequest", self.tell(who, self.vault(pool), cancel)?)
            }
            Step::Serve { pool, weeks } => {
                let served = self.ask(anyone, self.vault(pool), IVault::serveCall { n: u(weeks) })?;
                ("serve", served.is_some_and(|served| !served.shares.is_zero()))
            }
            Step::Redeem { pool, who, part } => {
                let (who, vault) = (self.person(who), self.vault(pool));
                let most = self.town.read(vault, IERC4626::maxRedeemCall { controller: who });
                let before = self.town.money(pool, who);
                let redeem =
                    IERC4626::redeemCall { shares: most * u(part) / u(1_000u64), receiver: who, controller: who };
                let assets = self.ask(who, vault, redeem)?;
                if let Some(assets) = assets {
                    self.received(pool, who, before, assets)?;
                }
                ("redeem", assets.is_some())
            }
            Step::Withdraw { pool, who, part } => {
                let (who, vault) = (self.person(who), self.vault(pool));
                let most = self.town.read(vault, IERC4626::maxWithdrawCall { controller: who });
                let before = self.town.money(pool, who);
                let assets = most * u(part) / u(1_000u64);
                let done = self.tell(who, vault, IERC4626::withdrawCall { assets, receiver: who, controller: who })?;
                if done {
                    self.received(pool, who, before, assets)?;
                }
                ("withdraw", done)
            }
            Step::MoveShares { pool, from, to, part } => {
                let (from, to) = (self.person(from), self.person(to));
                // A thousand and one thousandths are too many.
                let all = self.town.shares(pool, from);
                let value = all * u(part) / u(1_000u64) + U256::from(part > 1_000);
                let done = self.tell(from, self.vault(pool), IERC20::transferCall { to, value })?;
                prop_assert_eq!(done, value <= all);
                ("moveShares", done)
            }
            Step::Donate { pool, who, amount } => {
                let who = self.person(who);
                let before = Look::at(self, pool);
                let (asset, vault) = (self.town.pools[pool].token.at, self.vault(pool));
                let balance = self.town.money(pool, vault);
                // Nobody is in the middle of anything: who calls back now just calls.
                let hook = self.town.pools[1].token.habits.hook.borrow_mut().take();
                let gift = Erc20::transferCall { to: vault, value: u(amount) }.abi_encode();
                let _ = self.town.world.transact(who, asset, U256::ZERO, gift);
                *self.town.pools[1].token.habits.hook.borrow_mut() = hook;
                let given = self.town.money(pool, vault) - balance;
                self.donated[pool] += given;
                // [I23] What is not in the books has no part in any price.
                let after = Look::at(self, pool);
                prop_assert_eq!(before.solvency.abi_encode(), after.solvency.abi_encode());
                ("donate", !given.is_zero())
            }
            Step::Buy { line, who, amount, term, part, referrer, short } => {
                let index = line % LINES.len();
                let who = self.people[who];
                let referrer = if referrer == 0 { Address::ZERO } else { self.person(referrer) };
                let order = IPolicy::buyCall {
                    position: B256::with_last_byte(part),
                    referrer,
                    ..order(&LINES[index], who, u(amount), term)
                };
                self.refresh_feed(index);
                let quote = self.quote(&order);
                let most = match &quote {
                    Some(quote) => quote.premium - U256::from(short),
                    None => U256::MAX,
                };
                let order = IPolicy::buyCall { maxPremium: most, ..order };
                let bought = self.ask(who, self.town.policy, order.clone())?;
                let done = bought.is_some();
                prop_assert!(!(done && short), "for less than the premium");
                if let Some(bought) = bought {
                    self.keep(index, &order, quote, bought.policy, bought.premium)?;
                }
                ("buy", done)
            }
            Step::BuyFor { line, payer, amount, term, forged } => {
                let index = line % LINES.len();
                let (payer, insured) = (self.people[payer], self.signer.address);
                let order = IPolicy::buyCall { receiver: insured, ..order(&LINES[index], insured, u(amount), term) };
                self.refresh_feed(index);
                let quote = self.quote(&order);
                let IPolicy::buyCall { product, subject, position, receiver, referrer, maxPremium, deadline, .. } =
                    order.clone();
                let consent = Consent {
                    insured,
                    product,
                    subject,
                    position,
                    amount: u(amount) + U256::from(forged),
                    term: u(term),
                    receiver,
                    nonce: self.town.read(self.town.policy, IPolicy::noncesCall { insured }),
                    deadline: U256::MAX,
                };
                let separator = self.town.read(self.town.policy, IPolicy::DOMAIN_SEPARATORCall {});
                let message = [b"\x19\x01", &separator[..], &consent.eip712_hash_struct()[..]].concat();
                let signature = self.signer.sign(alloy_primitives::keccak256(message)).to_bytes();
                let call = IPolicy::buyForCall {
                    product,
                    subject,
                    insured,
                    position,
                    amount: u(amount),
                    term: u(term),
                    maxPremium,
                    deadline,
                    receiver,
                    referrer,
                    signedUntil: U256::MAX,
                    signature: Bytes::from(signature),
                };
                let bought = self.ask(payer, self.town.policy, call)?;
                let done = bought.is_some();
                prop_assert!(!(done && forged), "what the insured has not signed");
                if let Some(bought) = bought {
                    self.keep(index, &order, quote, bought.policy, bought.premium)?;
                }
                ("buyFor", done)
            }
            Step::BuyWithPermit { line, who, amount, term } => {
                let index = line % LINES.len();
                let who = self.people[who];
                let pool = LINES[index].pool;
                let order = order(&LINES[index], who, u(amount), term);
                self.refresh_feed(index);
                let quote = self.quote(&order);
                let most = quote.as_ref().map_or(U256::ZERO, |quote| quote.premium);
                let token = self.town.pools[pool].token.clone();
                token.approve(&self.town.world, who, self.town.policy, U256::ZERO);
                let r = token.sign(&self.town.world, who, self.town.policy, most, U256::MAX);
                let IPolicy::buyCall { product, subject, insured, position, receiver, referrer, deadline, .. } =
                    order.clone();
                let call = IPolicy::buyWithPermitCall {
                    product,
                    subject,
                    insured,
                    position,
                    amount: u(amount),
                    term: u(term),
                    maxPremium: most,
                    deadline,
                    receiver,
                    referrer,
                    permitDeadline: U256::MAX,
                    v: 27,
                    r,
                    s: B256::ZERO,
                };
                let bought = self.ask(who, self.town.policy, call)?;
                token.approve(&self.town.world, who, self.town.policy, U256::MAX);
                let done = bought.is_some();
                if let Some(bought) = bought {
                    self.keep(index, &order, quote, bought.policy, bought.premium)?;
                }
                ("buyWithPermit", done)
            }
            Step::Extend { policy, term } => {
                let Some(index) = self.pick(policy) else { return Ok(("extend", false)) };
                let holder = self.policies[index].holder;
                ("extend", self.extend(index, holder, term)?)
            }
            Step::ExtendAsKeeper { policy, keeper, term } => {
                let Some(index) = self.pick(policy) else { return Ok(("extendAsKeeper", false)) };
                let (keeper, holder, id) = (self.person(keeper), self.policies[index].holder, self.policies[index].id);
                if keeper == holder || self.policies[index].is_closed() {
                    return Ok(("extendAsKeeper", false));
                }
                let allowed = self.town.read(self.town.policy, IPolicy::extensionAllowanceCall { policy: id }).keeper;
                if allowed != keeper {
                    prop_assert!(!self.extend(index, keeper, term)?, "a stranger extended a policy");
                }
                let until = self.now() + HOUR;
                let allow =
                    IPolicy::allowExtensionCall { policy: id, keeper, mostPremium: self.town.whole(1_000_000), until };
                self.tell(holder, self.town.policy, allow)?;
                let done = self.extend(index, keeper, term)?;
                if done {
                    prop_assert!(!self.extend(index, keeper, term)?, "a keeper extends once");
                }
                ("extendAsKeeper", done)
            }
            Step::Cancel { policy } => {
                let Some(index) = self.pick(policy) else { return Ok(("cancel", false)) };
                ("cancel", self.cancel(index)?)
            }
            Step::Expire { policy } => {
                let Some(index) = self.pick(policy) else { return Ok(("expire", false)) };
                let (over, id) = (self.is_over(index), self.policies[index].id);
                let done = self.tell(anyone, self.town.policy, IPolicy::expireCall { policy: id })?;
                prop_assert_eq!(done, over);
                self.policies[index].expired |= done;
                ("expire", done)
            }
            Step::BatchExpire { from } => {
                let count = self.policies.len();
                let from = if count == 0 { 0 } else { from % count };
                let some: Vec<_> = (from..count.min(from + 50)).collect();
                let over: Vec<_> = some.iter().copied().filter(|index| self.is_over(*index)).collect();
                let policies =
                    some.iter().map(|index| self.policies[*index].id).chain([u(u64::MAX)]).take(50).collect();
                let done = self.ask(anyone, self.town.policy, IPolicy::batchExpireCall { policies })?;
                prop_assert_eq!(done, Some(u(over.len() as u64)));
                for index in &over {
                    self.policies[*index].expired = true;
                }
                ("batchExpire", !over.is_empty())
            }
            Step::MovePolicy { policy, to } => {
                let Some(index) = self.pick(policy) else { return Ok(("movePolicy", false)) };
                let (from, to, id) = (self.policies[index].holder, self.people[to % 4], self.policies[index].id);
                let done = self.tell(from, self.town.policy, IERC721::transferFromCall { from, to, tokenId: id })?;
                prop_assert!(done, "a certificate is its holder's for ever");
                self.policies[index].holder = to;
                ("movePolicy", done)
            }
            Step::Strike { subject, latent, ago, worst } => {
                let subject = text(SUBJECTS[subject]);
                let before = self.town.script.of(subject).events.borrow().last().copied();
                if before.is_some_and(|event| event.verdict != NOT_MET && event.closed == 0) {
                    return Ok(("strike", false));
                }
                // One event begins after the one before it.
                let since = before.map_or(0, |event| event.opened.max(event.closed) + 1);
                let opened = (self.now() - ago).max(since).min(self.now());
                let verdict = if latent { INCONCLUSIVE } else { CONFIRMED };
                self.town.script.strike(subject, verdict, opened, if latent { 0 } else { worst });
                ("strike", true)
            }
            Step::Worsen { subject, worst } => {
                let subject = text(SUBJECTS[subject]);
                let open = self.town.script.of(subject).in_trouble();
                if open {
                    // Latent evidence becomes an incident, and a loss grows.
                    self.town.script.change(subject, |event| {
                        event.verdict = CONFIRMED;
                        event.worst = event.worst.max(worst);
                    });
                }
                ("worsen", open)
            }
            Step::Settle { subject } => {
                let (subject, now) = (text(SUBJECTS[subject]), self.now());
                let open = self.town.script.of(subject).in_trouble();
                if open {
                    self.town.script.change(subject, |event| match event.verdict {
                        CONFIRMED => event.closed = now.max(event.opened),
                        _ => event.verdict = NOT_MET,
                    });
                }
                ("settle", open)
            }
            Step::Disaster { pool, rush } => {
                if rush {
                    self.cover_all_that_capital_bears(pool)?;
                }
                // All is lost at once, and as many as can file do.
                for subject in SUBJECTS.map(text) {
                    if self.town.script.of(subject).in_trouble() {
                        self.town.script.change(subject, |event| (event.verdict, event.worst) = (CONFIRMED, 10_000));
                    } else {
                        self.town.script.strike(subject, CONFIRMED, self.now(), 10_000);
                    }
                }
                for line in 1..LINES.len() {
                    self.apply(&Step::Report { line })?;
                }
                let mut filed = false;
                for index in 0..self.policies.len() {
                    if self.policies[index].pool() == pool && !self.policies[index].is_closed() {
                        filed |= self.file(index, 0, loss)?;
                    }
                }
                ("disaster", filed)
            }
            Step::Depeg { price, hours } => {
                for _ in 0..hours / 6 {
                    self.town.feed.push(&self.town.world, price);
                    self.town.wait(6 * HOUR);
                }
                self.town.feed.push(&self.town.world, price);
                ("depeg", true)
            }
            Step::Report { line } => {
                let line = LINES[line % LINES.len()];
                let call =
                    IAssessor::reportCall { product: u(line.product), subject: line.subject(), evidence: Bytes::new() };
                let done = self.tell(anyone, self.town.assessor, call)?;
                prop_assert!(done, "a report is never refused");
                ("report", done)
            }
            Step::File { policy, back } => {
                let Some(index) = self.pick(policy) else { return Ok(("file", false)) };
                ("file", self.file(index, back, loss)?)
            }
            Step::ClaimOwed { policy } => {
                // Of those that have not got all of it, where there are some.
                let short = |index: &usize| self.policies[*index].got < self.policies[*index].confirmed;
                let short: Vec<_> = (0..self.policies.len()).filter(short).collect();
                let picked = if short.is_empty() { self.pick(policy) } else { Some(short[policy % short.len()]) };
                let Some(index) = picked else { return Ok(("claimOwed", false)) };
                let (id, pool) = (self.policies[index].id, self.policies[index].pool());
                let before = self.kept(pool);
                let paid = self.ask(anyone, self.vault(pool), IVault::claimOwedCall { policy: id })?;
                if let Some(paid) = paid {
                    prop_assert_eq!(before - self.kept(pool), paid);
                    self.policies[index].got += paid;
                }
                ("claimOwed", paid.is_some())
            }
            Step::TopUp { pool } => {
                let amount = self.ask(anyone, self.vault(pool), IVault::topUpCall {})?;
                prop_assert!(amount.is_some(), "a top-up is never refused");
                ("topUp", amount.is_some_and(|amount| !amount.is_zero()))
            }
            Step::Recover { pool, who, amount } => {
                let who = self.person(who);
                ("recover", self.tell(who, self.vault(pool), IVault::recoverCall { amount: u(amount) })?)
            }
            Step::CollectFees { pool } => {
                let fees = self.ask(anyone, self.vault(pool), IVault::collectFeesCall {})?;
                ("collectFees", fees.is_some_and(|fees| !fees.treasuryFee.is_zero()))
            }
            Step::TakeCredit { pool, who } => {
                let (who, vault) = (self.person(who), self.vault(pool));
                let credit = self.town.read(vault, IVault::creditOfCall { account: who });
                let receiver = self.town.person("safe");
                let taken = self.ask(who, vault, IVault::withdrawCreditCall { receiver })?;
                if let Some(taken) = taken {
                    prop_assert_eq!(taken, credit);
                }
                ("takeCredit", taken.is_some())
            }
            Step::CatchUpVault { pool, edges } => {
                let done = self.tell(anyone, self.vault(pool), IVault::catchUpCall { edges: u(edges) })?;
                prop_assert!(done, "catching up is never refused");
                ("catchUpVault", done)
            }
            Step::CatchUpRisk { line, weeks } => {
                let line = LINES[line % LINES.len()];
                let before = self.town.line(&line).abi_encode();
                let call = IRisk::catchUpCall { product: u(line.product), subject: line.subject(), n: u(weeks) };
                let done = self.tell(anyone, self.town.risk, call)?;
                prop_assert!(done, "catching up is never refused");
                // [I19] However much of it has been done, a line is the same as of now.
                prop_assert_eq!(before, self.town.line(&line).abi_encode());
                ("catchUpRisk", done)
            }
            Step::Recount { pool } => {
                let done = self.tell(anyone, self.town.risk, IRisk::recountCall { vault: self.vault(pool) })?;
                prop_assert!(done);
                ("recount", done)
            }
            Step::Pause { kind, pool, owner, hours } => {
                let who = if owner { self.town.owner } else { self.town.guardian };
                let (duration, reason) = (hours * HOUR, text("why"));
                let done = match kind {
                    1 => self.tell(who, self.town.policy, IPolicy::pausePurchasesCall { duration, reason })?,
                    3 => self.tell(who, self.town.risk, IRisk::pauseFilingCall { duration, reason })?,
                    _ => self.tell(who, self.vault(pool), IVault::pauseCall { kind, duration, reason })?,
                };
                prop_assert!(!owner || done == (duration <= 7 * DAY));
                (["pauseDeposits", "pausePurchases", "pauseRedemptions", "pauseFiling"][usize::from(kind)], done)
            }
            Step::RunOff { pool, ordered } => {
                ("runOff", self.tell(self.town.owner, self.vault(pool), IVault::orderRunOffCall { ordered })?)
            }
            Step::ShortRate { bps } => {
                let done = self.tell(self.town.owner, self.town.policy, IPolicy::setShortRateCall { bps })?;
                prop_assert_eq!(done, bps <= 2_000);
                ("shortRate", done)
            }
            Step::Stranger { call } => {
                self.strange(call)?;
                ("stranger", true)
            }
            Step::Reenter { call } => {
                let calls = self.call_backs();
                let hook = (call % 3 != 0).then(|| calls[call % calls.len()].clone());
                let set = hook.is_some();
                *self.town.pools[1].token.habits.hook.borrow_mut() = hook;
                ("reenter", set)
            }
            Step::Fee { bps } => {
                self.town.pools[1].token.habits.fee_bps.set(bps);
                ("fee", bps > 0)
            }
            Step::Blacklist { who } => {
                let who = (who < self.people.len()).then(|| self.people[who]);
                self.town.pools[1].token.habits.blacklisted.set(who);
                ("blacklist", who.is_some())
            }
            Step::Refuse { on } => {
                self.town.pools[1].token.habits.refuses.set(on);
                ("refuse", on)
            }
            Step::Silent { on } => {
                self.town.pools[1].token.habits.silent.set(on);
                ("silent", on)
            }
            Step::Wait { seconds } => {
                self.town.wait(seconds);
                ("wait", true)
            }
            Step::Invest { .. }
            | Step::Divest { .. }
            | Step::Harvest { .. }
            | Step::Gain { .. }
            | Step::Lose { .. }
            | Step::Limit { .. }
            | Step::Misbehave { .. }
            | Step::RemoveStrategy { .. }
            | Step::AddStrategy { .. }
            | Step::SetQueue { .. }
            | Step::ReportHeld { .. } => return self.act_on_strategies(step),
        })
    }

    /// On every line of a pool as much cover is bought as there is capital for, in halves, and it begins.
    fn cover_all_that_capital_bears(&mut self, pool: usize) -> Check {
        for line in (1..LINES.len()).filter(|line| LINES[*line].pool == pool) {
            let capital = self.town.read(self.vault(pool), IVault::capitalCall {}).amount.to::<u64>();
            for (who, halves) in [(0, 0), (1, 1), (2, 2), (3, 3)] {
                let (amount, term) = (capital >> halves, 30 * DAY);
                self.apply(&Step::Buy { line, who, amount, term, part: 100, referrer: 0, short: false })?;
            }
        }
        self.town.wait(2 * HOUR);
        Ok(())
    }

    /// What a pool sends arrives, but for what the second one's asset keeps.
    fn received(&self, pool: usize, who: Address, before: U256, assets: U256) -> Check {
        let came = self.town.money(pool, who) - before;
        let fee = if pool == 1 { self.town.pools[1].token.habits.fee_bps.get() } else { 0 };
        prop_assert_eq!(came, assets - assets * u(fee) / u(10_000u64));
        Ok(())
    }

    fn pick(&self, policy: usize) -> Option<usize> {
        (!self.policies.is_empty()).then(|| policy % self.policies.len())
    }

    /// Whether a policy can be expired.
    fn is_over(&self, index: usize) -> bool {
        let policy = &self.policies[index];
        !policy.is_closed() && self.town.clock() > policy.deadline
    }

    /// A round of now, where the line's feed is not below par, and all rounds taken in: a quote takes in none.
    fn refresh_feed(&self, line: usize) {
        let last = self.town.feed.last();
        if LINES[line].product != DEPEG || last <= 99_000_000 {
            return;
        }
        self.town.feed.push(&self.town.world, last);
        for _ in 0..8 {
            let observe = ITrigger::observeCall { subject: LINES[line].subject(), evidence: Bytes::new() };
            self.town.must(self.town.person("anyone"), self.town.depeg, observe);
        }
    }

    fn quote(&self, order: &IPolicy::buyCall) -> Option<IPolicy::quoteReturn> {
        let IPolicy::buyCall { product, subject, insured, position, amount, term, .. } = order.clone();
        let call = IPolicy::quoteCall { product, subject, insured, position, amount, term };
        self.town.world.try_read(self.town.policy, call).ok()
    }

    /// Keeps a policy that was bought, worked out from the order and the quote.
    fn keep(
        &mut self,
        line: usize,
        order: &IPolicy::buyCall,
        quote: Option<IPolicy::quoteReturn>,
        id: U256,
        premium: U256,
    ) -> Check {
        prop_assert!(quote.is_some(), "what is sold is quoted");
        let quote = quote.expect("it is there");
        // [I7] The premium is the one that was quoted.
        prop_assert_eq!(premium, quote.premium);
        prop_assert!(quote.net <= order.amount);
        let (waiting, grace) = self.times(line);
        let start = self.now() + waiting;
        let end = start + order.term.to::<u64>();
        let policy = Held {
            id,
            line,
            holder: order.receiver,
            insured: order.insured,
            position: order.position,
            amount: order.amount,
            ratio: quote.ratioBps.to(),
            deductible: quote.deductibleBps.to(),
            cover: order.amount * quote.ratioBps / u(10_000u64),
            start,
            end,
            deadline: self.town.clock() + waiting + order.term.to::<u64>() + grace,
            net: quote.net,
            earning: start,
            entry: self.entry(line),
            confirmed: U256::ZERO,
            claims: Default::default(),
            got: U256::ZERO,
            filed: false,
            expired: false,
            cancelled: false,
        };
        prop_assert!(self.agrees(&policy), "{policy:?}");
        self.policies.push(policy);
        self.absorb(line, premium)?;
        a_sale_stays_within_capital(self, line)
    }

    /// A premium is checked against the books: one that came short of a fee is taken where donations make up for it.
    fn absorb(&mut self, line: usize, premium: U256) -> Check {
        let pool = LINES[line].pool;
        if pool == 1 {
            let fee = premium * u(self.town.pools[1].token.habits.fee_bps.get()) / u(10_000u64);
            prop_assert!(fee <= self.donated[1], "a fee of {fee} on a premium of {premium}");
            self.donated[1] -= fee;
        }
        Ok(())
    }

    fn entry(&self, line: usize) -> Vec<u8> {
        if LINES[line].product == DEPEG {
            vec![]
        } else {
            self.town.script.of(LINES[line].subject()).entry.borrow().clone()
        }
    }

    /// Extends a policy as `who`; what is left of its premium and the added one are earned together from now on.
    fn extend(&mut self, index: usize, who: Address, term: u64) -> Result<bool, TestCaseError> {
        let policy = self.policies[index].clone();
        self.refresh_feed(policy.line);
        let call = IPolicy::extendCall {
            policy: policy.id,
            term: u(term),
            maxPremium: U256::MAX,
            deadline: U256::MAX,
            referrer: Address::ZERO,
        };
        let now = self.now();
        let Some(extended) = self.ask(who, self.town.policy, call)? else { return Ok(false) };
        prop_assert!(!policy.filed && !policy.is_closed() && now <= policy.end, "{policy:?}");
        prop_assert_eq!(extended.newEnd, policy.end + term);
        let told = self.town.policy_of(policy.id);
        prop_assert!(told.net >= policy.unused(now));
        let added = told.net - policy.unused(now);
        // The gross premium is what the pool's part is 85 % of.
        prop_assert!(
            added <= extended.premium && extended.premium * u(8_500u64) <= added * u(10_000u64) + u(20_000u64)
        );
        let held = &mut self.policies[index];
        held.net = told.net;
        held.earning = held.earning.max(now);
        held.end += term;
        held.deadline += term;
        prop_assert!(self.agrees(&self.policies[index]), "{:?}", self.policies[index]);
        self.absorb(policy.line, extended.premium)?;
        a_sale_stays_within_capital(self, policy.line)?;
        Ok(true)
    }

    /// [I25] A cancel refunds the unused part of the net premium, as far as claims left the cover, less the short rate,
    /// and nothing of what was earned.
    fn cancel(&mut self, index: usize) -> Result<bool, TestCaseError> {
        let policy = self.policies[index].clone();
        let now = self.now();
        let short_rate = self.town.read(self.town.policy, IPolicy::shortRateCall {});
        let before = self.kept(policy.pool());
        let unearned = self.town.solvency(policy.pool()).unearned;
        let quiet = self.town.line(&LINES[policy.line]).state == 0;
        let cancel = IPolicy::cancelCall { policy: policy.id, receiver: policy.holder };
        let refunded = self.ask(policy.holder, self.town.policy, cancel)?;
        let Some(refunded) = refunded else { return Ok(false) };
        prop_assert!(quiet && !policy.is_closed() && now <= policy.end, "{policy:?}");
        let unused = policy.unused(now) * policy.remaining() / policy.cover;
        prop_assert_eq!(refunded, unused * u(10_000 - short_rate) / u(10_000u64));
        prop_assert!(refunded <= unearned);
        prop_assert_eq!(before - self.kept(policy.pool()), refunded);
        self.policies[index].cancelled = true;
        Ok(true)
    }

    /// Files a policy's claim under one of its subject's newest incidents.
    fn file(&mut self, index: usize, back: u64, loss: &mut [U256; 2]) -> Result<bool, TestCaseError> {
        let policy = self.policies[index].clone();
        let pool = policy.pool();
        let incident = self.town.script_events(policy.line).saturating_sub(back);
        let look = Look::at(self, pool);
        let before = self.kept(pool);
        let paused = self.town.read(self.town.risk, IRisk::filingPausedUntilCall {}) > u(self.now());
        let in_time = !policy.is_closed() && self.town.clock() <= policy.deadline && !paused;
        let event = self.event(policy.line, incident);
        let expected = event.map(|event| self.loss(&policy, &event));
        let rise =
            expected.map(|(verdict, loss)| if verdict == CONFIRMED { policy.rise(incident, loss) } else { U256::ZERO });
        let call = IAssessor::fileCall { entry: Bytes::from(policy.entry.clone()), ..claim(policy.id, incident) };
        let mut filed = self.ask(policy.holder, self.town.assessor, call.clone())?;
        let must_pay =
            in_time && event.is_some_and(|event| event.closed == 0) && rise.is_some_and(|rise| !rise.is_zero());
        if filed.is_none() && must_pay {
            // What is booked may be latent evidence that has lapsed since: then a report comes first.
            self.apply(&Step::Report { line: policy.line })?;
            filed = self.ask(policy.holder, self.town.assessor, call)?;
            prop_assert!(filed.is_some(), "{policy:?} has a claim of {rise:?} under {event:?}");
        }
        let Some(filed) = filed else { return Ok(false) };
        prop_assert!(in_time, "{policy:?}");
        if let Some(rise) = rise {
            prop_assert_eq!(filed.confirmed, rise);
        }
        prop_assert!(!filed.confirmed.is_zero() && filed.confirmed <= policy.remaining());
        // Beyond what was paid now, a former holder may have been credited what was topped up before.
        let got = before - self.kept(pool);
        prop_assert!(got >= filed.paid);
        // Where cash has it and assets are enough for all cover, it is paid at once and in full, whatever strategies do.
        let IVault::Solvency { assets, cash, unearned, served, payables, owed, activeCover, .. } = look.solvency;
        let liquid = cash.saturating_sub(unearned + served + payables);
        if owed.is_zero() && liquid >= filed.confirmed && assets >= activeCover {
            prop_assert_eq!(filed.paid, filed.confirmed);
        }
        let held = &mut self.policies[index];
        held.filed = true;
        held.confirmed += filed.confirmed;
        *held.claims.entry(incident).or_default() += filed.confirmed;
        held.got += got;
        prop_assert!(held.got <= held.confirmed && held.confirmed <= held.cover);
        loss[pool] += filed.confirmed;
        Ok(true)
    }

    /// What only somebody else may do, as anybody: refused, each of them.
    #[allow(clippy::too_many_lines)]
    fn strange(&mut self, call: usize) -> Check {
        let stranger = self.town.person("stranger");
        let (alice, founder) = (self.people[0], self.town.person("founder"));
        let (risk, policy, assessor, depeg) = (self.town.risk, self.town.policy, self.town.assessor, self.town.depeg);
        let vault = self.vault(call % 2);
        let (zero, one, word) = (U256::ZERO, U256::ONE, text("X"));
        let some = self.policies.get(call % self.policies.len().max(1)).map_or(one, |policy| policy.id);
        let holder = self.policies.get(call % self.policies.len().max(1)).map_or(alice, |policy| policy.holder);
        macro_rules! calls {
            ($($to:expr => $call:expr;)*) => { [$(($to, $call.abi_encode())),*] };
        }
        let limits = crate::town::plain_terms(self.town.unit);
        let calls = calls! {
            vault => IVault::payCall { policy: one, to: stranger, before: zero, total: one, reserveBefore: one, reserveAfter: zero };
            vault => IVault::premiumCall { net: one, start: one, end: u(9u64), treasuryFee: zero, juryFee: zero, referrer: stranger, referralFee: one };
            vault => IVault::refundCall { net: one, start: one, end: u(9u64), remaining: one, cover: one, shortRateBps: zero, to: stranger };
            vault => IVault::repriceCall { net: one, start: one, end: u(9u64), addedNet: one, newEnd: u(99u64), treasuryFee: zero, juryFee: zero, referrer: stranger, referralFee: one };
            vault => IVault::wireCall { risk: stranger, policy: stranger, assessor: stranger, treasury: stranger };
            vault => IVault::setTreasuryCall { treasury: stranger };
            vault => IVault::orderRunOffCall { ordered: true };
            vault => IVault::pauseCall { kind: 0, duration: DAY, reason: word };
            vault => IERC4626::redeemCall { shares: one, receiver: stranger, controller: founder };
            vault => IERC4626::withdrawCall { assets: one, receiver: stranger, controller: founder };
            vault => IVault::cancelRedeemRequestCall { requestId: zero, controller: founder, receiver: stranger };
            vault => IERC7540Redeem::requestRedeemCall { shares: one, controller: stranger, owner: founder };
            vault => IERC20::transferFromCall { from: founder, to: stranger, value: one };
            vault => IVault::withdrawCreditCall { receiver: stranger };
            vault => IOwned::transferOwnershipCall { newOwner: stranger };
            vault => IOwned::setGuardianCall { newGuardian: stranger };
            vault => IOwned::acceptOwnershipCall {};
            policy => IPolicy::openCall { policy: some, caller: holder };
            policy => IPolicy::closeCall { policy: some, confirmed: zero };
            policy => IPolicy::cancelCall { policy: some, receiver: stranger };
            policy => IPolicy::extendCall { policy: some, term: u(30 * DAY), maxPremium: U256::MAX, deadline: U256::MAX, referrer: stranger };
            policy => IPolicy::allowExtensionCall { policy: some, keeper: stranger, mostPremium: one, until: 1 << 39 };
            policy => IERC721::transferFromCall { from: holder, to: stranger, tokenId: some };
            policy => IERC721::approveCall { to: stranger, tokenId: some };
            policy => IPolicy::setSharesCall { treasuryBps: 0, juryBps: 0, referralBps: 0 };
            policy => IPolicy::setShortRateCall { bps: 0 };
            policy => IPolicy::setCertificateCall { certificate: stranger };
            policy => IPolicy::pausePurchasesCall { duration: DAY, reason: word };
            policy => IPolicy::buyCall { insured: alice, ..order(&LINES[1], stranger, u(1_000_000u64), 30 * DAY) };
            risk => IRisk::underwriteCall { product: one, subject: word, amount: one, term: one, capital: U256::MAX, size: U256::MAX };
            risk => IRisk::renewCall { product: one, subject: word, cover: one, deadline: one, term: one, capital: U256::MAX, size: U256::MAX };
            risk => IRisk::releaseCall { product: u(2u64), subject: word, cover: one, deadline: U256::MAX, filed: false, confirmed: zero };
            risk => IRisk::incidentCall { product: u(2u64), subject: word, number: one, verdict: u(2u64), openedAt: one, closedAt: zero, worstBps: u(10_000u64) };
            risk => IRisk::claimCall { product: u(2u64), subject: word, lossBps: one, cover: one, deadline: U256::MAX, filed: false, before: zero, total: one };
            risk => IRisk::setCapitalCall { vault, minimumBps: 10_000, targetBps: 10_000, floor: 0 };
            risk => IRisk::setGroupCall { group: 1, correlationBps: 0 };
            risk => IRisk::setRiskKeyCall { riskKey: word, group: 1 };
            risk => IRisk::setStatusCall { product: one, status: 2 };
            risk => IRisk::listSubjectCall { product: one, subject: text("new"), riskKey: text("key X") };
            risk => IRisk::reviseProductCall { family: one, newTerms: limits };
            risk => IRisk::seedLossCall { family: one, at: 1, loss: one, exposure: one };
            risk => IRisk::pauseFilingCall { duration: DAY, reason: word };
            risk => IOwned::finishSetupCall {};
            assessor => claim(some, 1);
            assessor => IAssessor::wireCall { risk: stranger, policy: stranger };
            depeg => IOwned::transferOwnershipCall { newOwner: stranger };
        };
        let (to, data) = &calls[call % calls.len()];
        self.calls += 1;
        let refused = self.town.world.transact(stranger, *to, U256::ZERO, data.clone());
        prop_assert!(refused.is_err(), "a stranger's call number {} went through", call % calls.len());
        let data = refused.unwrap_err();
        let selector = data.get(..4).and_then(|selector| <[u8; 4]>::try_from(selector).ok());
        prop_assert!(selector.is_some_and(is_declared), "0x{}", alloy_primitives::hex::encode(&data));
        Ok(())
    }

    /// What the second pool's asset tries in the middle of its transfers. It holds shares and money like anybody.
    fn call_backs(&self) -> Vec<(Address, Vec<u8>)> {
        let (vault, asset) = (self.vault(1), self.people[4]);
        let (one, many) = (U256::ONE, u(1_000_000u64));
        let some = self.policies.first().map_or(one, |policy| policy.id);
        vec![
            (vault, IERC4626::depositCall { assets: many, receiver: asset }.abi_encode()),
            (vault, IERC4626::mintCall { shares: many * many, receiver: asset }.abi_encode()),
            (vault, IERC7540Redeem::requestRedeemCall { shares: many, controller: asset, owner: asset }.abi_encode()),
            (
                vault,
                IVault::cancelRedeemRequestCall { requestId: U256::ZERO, controller: asset, receiver: asset }
                    .abi_encode(),
            ),
            (vault, IERC4626::redeemCall { shares: one, receiver: asset, controller: asset }.abi_encode()),
            (vault, IERC4626::withdrawCall { assets: one, receiver: asset, controller: asset }.abi_encode()),
            (vault, IVault::serveCall { n: u(9u64) }.abi_encode()),
            (vault, IVault::topUpCall {}.abi_encode()),
            (vault, IVault::recoverCall { amount: many }.abi_encode()),
            (vault, IVault::withdrawCreditCall { receiver: asset }.abi_encode()),
            (vault, IVault::catchUpCall { edges: u(9u64) }.abi_encode()),
            (vault, IVault::solvencyCall {}.abi_encode()),
            (self.town.policy, IPolicy::cancelCall { policy: some, receiver: asset }.abi_encode()),
            (self.town.policy, order(&LINES[4], asset, many, 30 * DAY).abi_encode()),
            (self.town.risk, IRisk::recountCall { vault }.abi_encode()),
        ]
    }
}
