//! Ten thousand random operations against a model that calculates with exact fractions.
//!
//! Stakes are multiples of one unit and never more than [`MOST_UNITS`] in all, so that every account's exact share of
//! what was emitted is a whole number of parts of their least common multiple.

use alloy_primitives::{Address, U256};
use proptest::prelude::*;
use protocol::abi::{IERC20, IRewards};

use crate::{
    odd::Odd,
    scene::{PALI, u},
};

const MOST_UNITS: u128 = 60;
const ACCOUNTS: usize = 6;
const OPERATIONS: usize = 10_000;

/// The least common multiple of the numbers up to [`MOST_UNITS`].
fn common() -> U256 {
    let gcd = |mut a: u128, mut b: u128| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    u((1..=MOST_UNITS).fold(1, |all, n| all / gcd(all, n) * n))
}

#[derive(Default, Clone)]
struct Account {
    units: u128,
    leaving: u128,
    ready: u64,
    /// What it has earned, in parts of the least common multiple.
    exact: U256,
    claimed: U256,
    /// How often its earnings were rounded down.
    settled: u64,
}

struct Model {
    accounts: [Account; ACCOUNTS],
    rate: u128,
    since: u64,
    free: u128,
    funded: u128,
    defunded: u128,
    emitted: u128,
    common: U256,
}

impl Model {
    fn units(&self) -> u128 {
        self.accounts.iter().map(|account| account.units).sum()
    }

    fn accrue(&mut self, now: u64) {
        let elapsed = u128::from(now - std::mem::replace(&mut self.since, now));
        let units = self.units();
        if units > 0 {
            let emitted = (self.rate * elapsed).min(self.free);
            self.free -= emitted;
            self.emitted += emitted;
            let part = u(emitted) * (self.common / u(units));
            for account in &mut self.accounts {
                account.exact += part * u(account.units);
            }
        }
    }

    fn claimed(&self) -> U256 {
        self.accounts.iter().map(|account| account.claimed).sum()
    }
}

/// A generator of numbers, so that a history is one seed.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u128 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u128::from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16)
    }

    fn roll(&mut self, sides: u128) -> u128 {
        (self.next() << 48 | self.next()) % sides
    }
}

/// What must hold after everything: nothing is promised that is not held, and the books are the model's.
fn check(odd: &Odd, model: &Model, unit: u128) {
    let emission = odd.read(IRewards::emissionCall {});
    let promised = u(model.emitted) - model.claimed();
    assert_eq!((emission.promised, emission.free), (promised, u(model.free)));
    assert!(model.emitted <= model.funded - model.defunded, "more is emitted than was funded");
    assert!(odd.pali.balance_of(&odd.world, odd.rewards) >= emission.promised + emission.free);
    let leaving: u128 = model.accounts.iter().map(|account| account.leaving).sum();
    assert_eq!(odd.read(IRewards::totalStakedCall {}), u(model.units() * unit));
    assert_eq!(odd.read(IRewards::totalLeavingCall {}), u(leaving * unit));
    let held: U256 = odd.world.read(odd.vault, IERC20::balanceOfCall { account: odd.rewards });
    assert_eq!(held, u((model.units() + leaving) * unit));
}

/// What must hold of every account: it has at most its exact share, and less than one smallest unit below it for each
/// time that it was settled; and what the index was rounded down by. Together they have at most what is promised.
fn check_accounts(odd: &Odd, model: &Model, names: &[Address; ACCOUNTS], unit: u128) {
    let mut claimable = U256::ZERO;
    for (account, name) in model.accounts.iter().zip(names) {
        let staker = odd.read(IRewards::stakeOfCall { account: *name });
        assert_eq!((staker.shares, staker.leaving), (u(account.units * unit), u(account.leaving * unit)));
        let got = account.claimed + staker.earned;
        assert!(got * model.common <= account.exact, "an account has more than its share");
        let lost = account.exact - got * model.common;
        assert!(lost < (u(account.settled + 1) + by_index(unit)) * model.common, "{} times settled", account.settled);
        claimable += staker.earned;
    }
    assert!(claimable <= odd.read(IRewards::emissionCall {}).promised);
}

/// What a whole history can lose by rounding the index, whose parts are 2⁻¹²⁸ of a smallest unit for each share:
/// nothing but for stakes that come near to 128 bits.
fn by_index(unit: u128) -> U256 {
    ((u(OPERATIONS as u64) * u(MOST_UNITS * unit)) >> 128) + U256::ONE
}

fn live(seed: u64, unit: u128) {
    let odd = Odd::new();
    let names: [Address; ACCOUNTS] = std::array::from_fn(|index| odd.world.address(&format!("staker {index}")));
    for name in names {
        odd.mint(name, u(MOST_UNITS * unit));
    }
    let mut dice = Dice(seed | 1);
    let mut model = Model {
        accounts: Default::default(),
        rate: PALI,
        since: odd.world.now(),
        free: 0,
        funded: 0,
        defunded: 0,
        emitted: 0,
        common: common(),
    };
    let (mut stakes, mut claims, mut redemptions) = (0, 0, 0);
    for step in 0..OPERATIONS {
        odd.world.warp([0, 1, 7, 60, 1_000][dice.roll(5) as usize]);
        let now = odd.world.now();
        let (who, amount) = (dice.roll(ACCOUNTS as u128) as usize, 1 + dice.roll(10));
        let name = names[who];
        let shares = u(amount * unit);
        let room = MOST_UNITS - model.units();
        let Account { units, leaving, ready, .. } = model.accounts[who];
        // The mocked vault's: a week of ten seconds, and a cooldown of twenty.
        let due = (now / 10 + 1) * 10 + 20;
        // What changes the books does so at this moment.
        match dice.roll(13) {
            0..=2 if amount <= room && units + leaving + amount <= MOST_UNITS => {
                model.accrue(now);
                if odd.world.read(odd.vault, IERC20::balanceOfCall { account: name }) < shares {
                    odd.mint(name, shares);
                }
                odd.done(name, IRewards::stakeCall { shares, account: name });
                let account = &mut model.accounts[who];
                (account.units, account.settled) = (account.units + amount, account.settled + 1);
                stakes += 1;
            }
            3 if amount <= units => {
                model.accrue(now);
                odd.done(name, IRewards::requestUnstakeCall { shares });
                let account = &mut model.accounts[who];
                (account.units, account.settled) = (units - amount, account.settled + 1);
                assert!(due >= ready);
                (account.leaving, account.ready) = (leaving + amount, due);
            }
            4 if leaving > 0 && now >= ready => {
                model.accrue(now);
                odd.done(name, IRewards::unstakeCall { receiver: name });
                let account = &mut model.accounts[who];
                (account.leaving, account.ready) = (0, 0);
            }
            5 if amount <= units + leaving => {
                model.accrue(now);
                odd.done(name, IRewards::requestRedeemCall { shares, controller: name });
                let first = leaving.min(amount);
                let account = &mut model.accounts[who];
                (account.units, account.leaving) = (units + first - amount, leaving - first);
                account.settled += 1;
                if account.leaving == 0 {
                    account.ready = 0;
                }
                redemptions += 1;
            }
            6 | 7 => {
                model.accrue(now);
                let claimed = odd.done(name, IRewards::claimCall { receiver: name });
                let account = &mut model.accounts[who];
                (account.claimed, account.settled) = (account.claimed + claimed, account.settled + 1);
                claims += usize::from(!claimed.is_zero());
            }
            8 => {
                model.accrue(now);
                let more = 1 + dice.roll(1_000_000 * PALI / 100);
                odd.fund(more);
                (model.free, model.funded) = (model.free + more, model.funded + more);
            }
            9 => {
                model.accrue(now);
                odd.tell(dice.roll(250), dice.roll(8) == 0);
                odd.done(odd.alice, IRewards::pokeCall {});
            }
            12 => {
                model.accrue(now);
                odd.tell(dice.roll(250), dice.roll(8) == 0);
                odd.asset.mint(&odd.world, odd.rewards, U256::ONE);
                odd.done(odd.alice, IRewards::fundCall { token: odd.asset.at });
            }
            10 => {
                model.accrue(now);
                odd.done(odd.owner, IRewards::setEmissionCall { mostPerSecond: 1 + dice.roll(10 * PALI) });
            }
            11 if model.free > 0 => {
                model.accrue(now);
                let amount = model.free / 10;
                odd.done(odd.owner, IRewards::defundCall { token: odd.pali.at, to: odd.owner, amount: u(amount) });
                (model.free, model.defunded) = (model.free - amount, model.defunded + amount);
            }
            _ => {
                model.accrue(now);
                odd.done(odd.alice, IRewards::pokeCall {});
            }
        }
        model.rate = odd.read(IRewards::emissionCall {}).perSecond.to();
        check(&odd, &model, unit);
        if step % 50 == 0 {
            check_accounts(&odd, &model, &names, unit);
        }
    }
    check_accounts(&odd, &model, &names, unit);
    assert!(stakes > 300 && claims > 300 && redemptions > 100, "{stakes} {claims} {redemptions}");

    // Everybody leaves with everything: less than one smallest unit an operation stays behind.
    for (name, account) in names.into_iter().zip(&mut model.accounts) {
        account.claimed += odd.done(name, IRewards::claimCall { receiver: name });
    }
    let dust = u(model.emitted) - model.claimed();
    assert!(dust <= u(OPERATIONS as u64 + ACCOUNTS as u64) + by_index(unit), "{dust}");
    assert_eq!(odd.read(IRewards::emissionCall {}).promised, dust);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ten_thousand_operations_gain_nothing_by_rounding(seed: u64, unit in 1u128..1 << 100) {
        live(seed, unit);
    }
}

/// Shares that are few, where an index could be too coarse, and so many that it could be too fine.
#[test]
fn the_smallest_and_the_largest_stakes_gain_nothing_by_rounding() {
    live(7, 1);
    live(11, u128::MAX / (MOST_UNITS * ACCOUNTS as u128) / 40);
}
