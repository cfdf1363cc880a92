//! The lending trigger in a world with lenders that can say anything: a test for each sentence of its interface.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::{SolValue, sol};
use lending::LendingTrigger;
use proptest::prelude::*;
use protocol::{
    abi::{IERC20, IERC4626, IFallTrigger, ILendingTrigger, IOwned, ITrigger},
    fall::{
        Verdict,
        course::{Course, Reading, Rules, State, loss_bps},
    },
};
use standards::errors::{AddressEmptyCode, OwnableUnauthorizedAccount};
use testkit::{Reverted, World, teller::Teller};

sol! {
    interface Lender {
        function getReserveData(address asset) external view returns (uint256);
        function getReserveDeficit(address asset) external view returns (uint256);
        function UNDERLYING_ASSET_ADDRESS() external view returns (address);
        function lostAssets() external view returns (uint256);
        function decimals() external view returns (uint8);
    }
}

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;
const SUBJECT: B256 = B256::repeat_byte(0x55);
const AAVE: u8 = 1;
const PRICE: u8 = 2;
const LOST: u8 = 3;
/// A million dollars of six decimals.
const MILLION: u128 = 1_000_000_000_000;

/// A trigger, a pool of Aave with one reserve, and a vault; a fall of 2 % matters, stands after 6 hours, and is over after
/// 3 days. The insured holds a tenth of either.
struct Setup {
    world: World,
    owner: Address,
    insured: Address,
    trigger: Address,
    pool: Teller,
    asset: Teller,
    a_token: Teller,
    debt: Teller,
    vault: Teller,
    start: u64,
}

fn word(address: Address) -> U256 {
    U256::from_be_slice(address.as_slice())
}

impl Setup {
    fn empty() -> Self {
        let world = World::new();
        let teller = |name: &str| Teller::deploy(&world, world.address(name));
        let [pool, asset, a_token, debt, vault] = ["pool", "asset", "aToken", "debt", "vault"].map(teller);
        let [owner, insured, trigger] = ["timelock", "insured", "lending"].map(|name| world.address(name));
        world.construct::<LendingTrigger>(trigger, owner, (owner, Address::ZERO, 600u32).abi_encode_params());
        let mut reserve = [U256::ZERO; 15];
        (reserve[8], reserve[10]) = (word(a_token.at), word(debt.at));
        pool.says::<Lender::getReserveDataCall>(&reserve);
        a_token.says::<Lender::UNDERLYING_ASSET_ADDRESSCall>(&[word(asset.at)]);
        a_token.says::<Lender::decimalsCall>(&[U256::from(6)]);
        a_token.holds(insured, MILLION / 10);
        vault.says::<IERC4626::assetCall>(&[word(asset.at)]);
        vault.says::<Lender::decimalsCall>(&[U256::from(18)]);
        vault.says::<IERC20::totalSupplyCall>(&[U256::from(10).pow(U256::from(24))]);
        vault.holds(insured, 10u128.pow(23));
        let start = world.now();
        let setup = Self { world, owner, insured, trigger, pool, asset, a_token, debt, vault, start };
        setup.reserve(0, MILLION);
        setup.price(1_000_000);
        setup
    }

    fn of(kind: u8) -> Self {
        let setup = Self::empty();
        if kind == LOST {
            setup.lost(0);
        }
        setup.register(setup.config(kind)).unwrap();
        setup
    }

    fn config(&self, kind: u8) -> ILendingTrigger::Subject {
        ILendingTrigger::Subject {
            source: if kind == AAVE { self.pool.at } else { self.vault.at },
            asset: self.asset.at,
            kind,
            triggerBps: 200,
            persistence: (6 * HOUR) as u32,
            calm: (3 * DAY) as u32,
        }
    }

    fn register(&self, config: ILendingTrigger::Subject) -> Result<(), Reverted> {
        let call = ILendingTrigger::registerCall { subject: SUBJECT, config };
        self.world.send(self.owner, self.trigger, call).map(drop)
    }

    /// A reserve with a deficit; what is lent out and not lost is debt, a fifth is there.
    fn reserve(&self, deficit: u128, supply: u128) {
        self.pool.says::<Lender::getReserveDeficitCall>(&[U256::from(deficit)]);
        self.a_token.says::<IERC20::totalSupplyCall>(&[U256::from(supply)]);
        self.asset.holds(self.a_token.at, supply / 5);
        self.debt.says::<IERC20::totalSupplyCall>(&[U256::from((supply - supply / 5).saturating_sub(deficit))]);
    }

    fn price(&self, price: u128) {
        self.vault.says::<IERC4626::convertToAssetsCall>(&[U256::from(price)]);
    }

    /// Lost assets out of a million.
    fn lost(&self, lost: u128) {
        self.vault.says::<Lender::lostAssetsCall>(&[U256::from(lost)]);
        self.vault.says::<IERC4626::totalAssetsCall>(&[U256::from(MILLION)]);
    }

    fn observe_at(&self, seconds: u64) -> (u64, Verdict, u64, u16) {
        if self.start + seconds > self.world.now() {
            self.world.warp_to(self.start + seconds);
        }
        let call = ITrigger::observeCall { subject: SUBJECT, evidence: vec![].into() };
        let answer = self.world.send(self.world.address("anyone"), self.trigger, call).unwrap();
        let ITrigger::Incident { verdict, closedAt, worstBps, .. } = answer.latest;
        (answer.number.to(), Verdict::of(verdict as u64), closedAt, worstBps)
    }

    fn enter(&self) -> (bool, Vec<u8>, U256, U256) {
        self.enter_with(B256::ZERO)
    }

    fn enter_with(&self, position: B256) -> (bool, Vec<u8>, U256, U256) {
        let call = ITrigger::enterCall { subject: SUBJECT, insured: self.insured, position };
        let answer = self.world.send(self.owner, self.trigger, call).unwrap();
        (answer.healthy, answer.entry.to_vec(), answer.interest, answer.size)
    }

    fn terms(&self, from: u64, until: u64) -> ITrigger::Terms {
        ITrigger::Terms {
            subject: SUBJECT,
            insured: self.insured,
            position: B256::ZERO,
            start: self.start + from,
            end: self.start + until,
        }
    }

    fn loss(&self, terms: ITrigger::Terms, entry: &[u8], number: u64) -> (Verdict, u16) {
        let call = ITrigger::lossCall { terms, entry: entry.to_vec().into(), number: U256::from(number) };
        let answer = self.world.read(self.trigger, call);
        (Verdict::of(answer.verdict as u64), answer.lossBps)
    }

    fn prove(&self, terms: ITrigger::Terms, entry: &[u8], number: u64) -> (Verdict, u16) {
        let call = ITrigger::proveCall {
            terms,
            entry: entry.to_vec().into(),
            number: U256::from(number),
            evidence: vec![].into(),
        };
        let answer = self.world.send(self.owner, self.trigger, call).unwrap();
        (Verdict::of(answer.verdict as u64), answer.lossBps)
    }

    fn healthy(&self) -> bool {
        self.world.read(self.trigger, ITrigger::healthyCall { subject: SUBJECT })
    }

    fn course(&self) -> IFallTrigger::courseOfReturn {
        self.world.read(self.trigger, IFallTrigger::courseOfCall { subject: SUBJECT })
    }

    /// A fall to `price` that is seen at `first` and stands `6 h` later.
    fn proven_fall(&self, first: u64, price: u128) {
        self.observe_at(first - HOUR);
        self.price(price);
        assert_eq!(self.observe_at(first).1, Verdict::Inconclusive);
        assert_eq!(self.observe_at(first + 6 * HOUR).1, Verdict::Confirmed);
    }
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————— what is lost

#[test]
fn a_share_price_that_stays_down_is_an_incident_with_the_loss_of_the_entry() {
    let setup = Setup::of(PRICE);
    let (healthy, entry, interest, size) = setup.enter();
    assert!(healthy);
    assert_eq!((interest, size), (U256::from(MILLION / 10), U256::from(MILLION)));
    setup.proven_fall(2 * DAY, 900_000);
    let terms = setup.terms(DAY, 30 * DAY);
    assert_eq!(setup.loss(terms, &entry, 1), (Verdict::Confirmed, 1_000));
    let answer = setup.world.read(setup.trigger, IFallTrigger::fallOfCall { subject: SUBJECT, number: U256::ONE });
    assert_eq!(answer.fellAfter, setup.start + 2 * DAY - HOUR);
    assert_eq!((answer.referenceValue, answer.worst), (U256::from(1_000_000), U256::from(900_000)));
    let events = setup.world.events::<IFallTrigger::IncidentConfirmed>(setup.trigger);
    assert_eq!((events.len(), events[0].seenAt, events[0].worstBps), (1, setup.start + 2 * DAY, 1_000));
}

#[test]
fn the_smallest_of_two_falls_counts() {
    let setup = Setup::of(PRICE);
    setup.price(700_000);
    setup.observe_at(DAY);
    setup.price(950_000);
    assert_eq!(setup.observe_at(DAY + 6 * HOUR), (1, Verdict::Confirmed, 0, 500));
}

#[test]
fn exactly_the_trigger_is_a_fall_and_one_less_is_none() {
    let setup = Setup::of(PRICE);
    setup.price(980_001);
    assert_eq!(setup.observe_at(DAY).0, 0);
    setup.price(980_000);
    assert_eq!(setup.observe_at(DAY).0, 1);
}

#[test]
fn a_fall_that_is_one_second_short_does_not_stand() {
    let setup = Setup::of(PRICE);
    setup.price(900_000);
    setup.observe_at(DAY);
    assert_eq!(setup.observe_at(DAY + 6 * HOUR - 1).1, Verdict::Inconclusive);
    assert_eq!(setup.observe_at(DAY + 6 * HOUR).1, Verdict::Confirmed);
}

#[test]
fn a_moment_without_the_fall_ends_it() {
    let setup = Setup::of(PRICE);
    setup.price(900_000);
    setup.observe_at(DAY);
    setup.price(1_000_000);
    let at = DAY + 3 * HOUR;
    assert_eq!(setup.observe_at(at), (1, Verdict::NotMet, setup.start + at, 0));
    setup.price(900_000);
    assert_eq!(setup.observe_at(DAY + 6 * HOUR), (2, Verdict::Inconclusive, 0, 0));
    let entry = (U256::from(1_000_000), U256::from(1)).abi_encode();
    assert_eq!(setup.loss(setup.terms(0, 30 * DAY), &entry, 1), (Verdict::NotMet, 0));
    assert_eq!(setup.loss(setup.terms(0, 30 * DAY), &entry, 2), (Verdict::Inconclusive, 0));
    let closed = setup.world.events::<IFallTrigger::IncidentClosed>(setup.trigger);
    assert_eq!((closed.len(), closed[0].verdict), (1, Verdict::NotMet as u8));
}

#[test]
fn an_increment_of_the_deficit_over_the_supply_is_lost() {
    let setup = Setup::of(AAVE);
    let (healthy, entry, interest, size) = setup.enter();
    assert!(healthy);
    assert_eq!((interest, size), (U256::from(MILLION / 10), U256::from(MILLION)));
    setup.observe_at(2 * DAY);
    setup.reserve(MILLION / 20, MILLION);
    assert_eq!(setup.observe_at(2 * DAY + HOUR).1, Verdict::Inconclusive);
    assert_eq!(setup.observe_at(3 * DAY), (1, Verdict::Confirmed, 0, 500));
    assert_eq!(setup.loss(setup.terms(DAY, 30 * DAY), &entry, 1), (Verdict::Confirmed, 500));
}

#[test]
fn increments_add_up_and_what_is_paid_back_does_not_count() {
    let setup = Setup::of(AAVE);
    for (day, deficit, lost) in [(1, MILLION / 100, 100), (2, MILLION / 20, 500), (3, MILLION / 40, 250), (4, 0, 0)] {
        setup.reserve(deficit, MILLION);
        setup.observe_at(day * DAY);
        let value = setup.world.read(setup.trigger, IFallTrigger::valueOfCall { subject: SUBJECT }).value;
        assert_eq!(U256::from(10u128.pow(18)) - value, U256::from(lost * 10u128.pow(14)), "day {day}");
    }
    // A new one counts though the first was paid back.
    setup.reserve(MILLION / 10, MILLION);
    assert_eq!(setup.observe_at(5 * DAY).3, 250);
    assert_eq!(setup.observe_at(6 * DAY).3, 1_000);
}

#[test]
fn a_deficit_from_before_the_registration_counts_for_nothing() {
    let setup = Setup::empty();
    setup.reserve(MILLION / 4, MILLION);
    setup.register(setup.config(AAVE)).unwrap();
    setup.observe_at(DAY);
    assert_eq!(setup.observe_at(2 * DAY).0, 0);
    setup.reserve(MILLION / 2, MILLION);
    setup.observe_at(3 * DAY);
    assert_eq!(setup.observe_at(4 * DAY).3, 2_500);
}

#[test]
fn a_whale_that_comes_or_goes_around_an_observation_moves_nothing() {
    for supply in [MILLION / 10, 100 * MILLION] {
        let setup = Setup::of(AAVE);
        setup.observe_at(DAY);
        // In one transaction: in or out, an observation, and back.
        setup.reserve(0, supply);
        setup.observe_at(2 * DAY);
        setup.reserve(0, MILLION);
        setup.observe_at(2 * DAY);
        setup.reserve(MILLION / 20, MILLION);
        setup.observe_at(2 * DAY + HOUR);
        setup.reserve(MILLION / 20, supply.max(MILLION / 10));
        assert_eq!(setup.observe_at(3 * DAY), (1, Verdict::Confirmed, 0, 500), "supply {supply}");
    }
}

#[test]
fn a_whale_is_not_taken_for_having_stayed_until_the_next_observation() {
    for supply in [MILLION / 10, 100 * MILLION] {
        let setup = Setup::of(AAVE);
        setup.observe_at(DAY);
        // In one transaction: in or out, an observation, and back. The next one is that of the deficit.
        setup.reserve(0, supply);
        setup.observe_at(2 * DAY);
        setup.reserve(MILLION / 20, MILLION);
        setup.observe_at(2 * DAY + HOUR);
        setup.reserve(MILLION / 20, supply.max(MILLION / 10));
        assert_eq!(setup.observe_at(3 * DAY), (1, Verdict::Confirmed, 0, 500), "supply {supply}");
    }
}

#[test]
fn a_supply_that_two_observations_in_a_row_see_has_lasted() {
    let setup = Setup::of(AAVE);
    setup.reserve(0, 10 * MILLION);
    setup.observe_at(DAY);
    setup.observe_at(DAY + 6 * HOUR);
    setup.reserve(MILLION, 10 * MILLION);
    setup.observe_at(2 * DAY);
    assert_eq!(setup.observe_at(3 * DAY), (1, Verdict::Confirmed, 0, 1_000));
}

#[test]
fn a_flash_loan_is_no_latent_evidence() {
    let setup = Setup::of(AAVE);
    // The money is out for an observation, and back for the next one.
    for hours in [24, 24, 25, 31, 40] {
        setup.asset.holds(setup.a_token.at, 0);
        assert_eq!(setup.observe_at(hours * HOUR).0, 0, "at {hours} h");
        assert!(!setup.healthy() && !setup.enter().0, "nothing is sold at that moment");
        setup.reserve(0, MILLION);
        setup.observe_at(hours * HOUR);
        assert!(setup.healthy());
    }
    // After an incident it does not keep the line shut.
    setup.reserve(MILLION / 10, MILLION);
    setup.observe_at(50 * HOUR);
    setup.observe_at(60 * HOUR);
    setup.asset.holds(setup.a_token.at, 0);
    assert!(setup.observe_at(60 * HOUR + 3 * DAY).2 > 0);
}

#[test]
fn uncovered_a_tokens_are_latent_evidence_only() {
    let setup = Setup::of(AAVE);
    setup.asset.holds(setup.a_token.at, MILLION / 5 - MILLION / 50);
    // Like a fall it must stand; nothing is sold before that either.
    assert_eq!(setup.observe_at(24 * HOUR).0, 0);
    assert_eq!(setup.observe_at(30 * HOUR - 1).0, 0);
    assert!(!setup.healthy() && !setup.enter().0);
    for hours in [30, 40, 100] {
        assert_eq!(setup.observe_at(hours * HOUR), (1, Verdict::Inconclusive, 0, 0));
        assert_eq!(setup.observe_at(hours * HOUR), (1, Verdict::Inconclusive, 0, 0), "however often");
    }
    assert!(!setup.healthy());
    let entry = (U256::from(10u128.pow(18)), U256::from(MILLION / 10)).abi_encode();
    assert_eq!(setup.prove(setup.terms(0, 30 * DAY), &entry, 1), (Verdict::Inconclusive, 0));
    // Who comes with a hundred times as much, for an observation, hides nothing.
    setup.a_token.says::<IERC20::totalSupplyCall>(&[U256::from(101 * MILLION)]);
    setup.asset.holds(setup.a_token.at, 100 * MILLION + MILLION / 5 - MILLION / 50);
    assert_eq!(setup.observe_at(100 * HOUR), (1, Verdict::Inconclusive, 0, 0));
    // It becomes deficit, under the same number.
    setup.reserve(MILLION / 50, MILLION);
    setup.observe_at(101 * HOUR);
    assert_eq!(setup.observe_at(107 * HOUR), (1, Verdict::Confirmed, 0, 200));
    assert_eq!(setup.loss(setup.terms(0, 30 * DAY), &entry, 1), (Verdict::Confirmed, 200));
}

#[test]
fn lost_assets_count_where_the_price_does_not_fall() {
    let setup = Setup::of(LOST);
    let entry = setup.enter().1;
    setup.vault.says::<Lender::lostAssetsCall>(&[U256::from(MILLION / 10)]);
    setup.observe_at(DAY);
    assert_eq!(setup.observe_at(2 * DAY).1, Verdict::Confirmed);
    assert_eq!(setup.loss(setup.terms(0, 30 * DAY), &entry, 1), (Verdict::Confirmed, 1_000));
}

#[test]
fn a_whale_that_comes_for_an_observation_hides_no_lost_assets() {
    let setup = Setup::of(LOST);
    let entry = setup.enter().1;
    setup.lost(MILLION / 10);
    assert_eq!(setup.observe_at(DAY), (1, Verdict::Inconclusive, 0, 0));
    // In one transaction: in with a hundred times as much, an observation or a purchase, and out.
    setup.vault.says::<IERC4626::totalAssetsCall>(&[U256::from(100 * MILLION)]);
    assert_eq!(setup.observe_at(DAY + HOUR), (1, Verdict::Inconclusive, 0, 0));
    assert!(!setup.enter().0, "a known loss cannot be insured");
    setup.lost(MILLION / 10);
    assert_eq!(setup.observe_at(DAY + 6 * HOUR), (1, Verdict::Confirmed, 0, 1_000));
    assert_eq!(setup.loss(setup.terms(0, 30 * DAY), &entry, 1), (Verdict::Confirmed, 1_000));
    // Nor does it make a higher reference after the closing, from which the same loss would be one more.
    assert!(setup.observe_at(5 * DAY).2 > 0);
    for hours in [121, 128] {
        setup.vault.says::<IERC4626::totalAssetsCall>(&[U256::from(100 * MILLION)]);
        setup.observe_at(hours * HOUR);
    }
    setup.lost(MILLION / 10);
    setup.observe_at(7 * DAY);
    assert_eq!(setup.observe_at(8 * DAY).0, 1);
    assert_eq!(setup.course().referenceValue, U256::from(900_000));
}

#[test]
fn a_whale_that_leaves_for_an_observation_makes_no_lost_assets_out_of_few() {
    let setup = Setup::of(LOST);
    setup.observe_at(DAY);
    // One of a hundred is lost; a holder of nine tenths is out at two moments, with an observation between them.
    for (hours, total) in [(25, MILLION / 10), (28, MILLION), (31, MILLION / 10), (34, MILLION)] {
        setup.vault.says::<Lender::lostAssetsCall>(&[U256::from(MILLION / 100)]);
        setup.vault.says::<IERC4626::totalAssetsCall>(&[U256::from(total)]);
        assert_eq!(setup.observe_at(hours * HOUR).0, 0, "at {hours} h");
    }
}

#[test]
fn lost_assets_from_before_the_registration_count_for_nothing_and_paid_back_ones_come_back() {
    let setup = Setup::empty();
    setup.lost(MILLION / 4);
    setup.register(setup.config(LOST)).unwrap();
    setup.observe_at(DAY);
    assert_eq!(setup.observe_at(2 * DAY).0, 0);
    let value = |lost: u128| {
        setup.lost(lost);
        setup.observe_at(3 * DAY);
        setup.world.read(setup.trigger, IFallTrigger::valueOfCall { subject: SUBJECT }).value
    };
    assert_eq!(value(MILLION / 2), U256::from(750_000));
    assert_eq!(value(MILLION / 4), U256::from(875_000), "the half of what is missing");
    assert_eq!(value(0), U256::from(1_000_000));
}

#[test]
fn lost_assets_that_shares_of_address_one_cover_are_not_lost() {
    let setup = Setup::empty();
    setup.lost(0);
    setup.vault.says::<IERC4626::totalAssetsCall>(&[U256::from(10_000_000)]);
    setup.register(setup.config(LOST)).unwrap();
    // Of ten dollars two are lost; what address(1) has is worth one.
    setup.vault.says::<Lender::lostAssetsCall>(&[U256::from(2_000_000)]);
    setup.vault.holds(Address::with_last_byte(1), 10u128.pow(18));
    setup.observe_at(DAY);
    assert_eq!(setup.observe_at(2 * DAY).3, 1_000);
}

#[test]
fn more_lost_than_there_is_tells_nothing() {
    let setup = Setup::of(LOST);
    setup.vault.says::<Lender::lostAssetsCall>(&[U256::from(3 * MILLION)]);
    setup.observe_at(DAY);
    assert_eq!(setup.observe_at(2 * DAY).0, 0);
    assert!(!setup.healthy());
}

// ——————————————————————————————————————————————————————————————————————————————————————————————— a policy's own loss

#[test]
fn only_what_is_below_the_entry_is_lost() {
    // (reference, entry, worst) and the loss
    for (before, entry, worst, bps) in [
        (1_100_000, 1_000_000, 1_000_000, 0),
        (1_100_000, 1_000_000, 950_000, 500),
        (900_000, 1_000_000, 800_000, 1_000),
        (1_000_000, 1_000_000, 0, 10_000),
        (1_000_000, 3_000_000, 0, 3_333),
        (1_000_000, 0, 0, 0),
        (1_000_000, 1_000_000, 2_000_000, 0),
        (u128::MAX, u128::MAX, 0, 10_000),
    ] {
        assert_eq!(loss_bps(before, entry, worst), bps, "{before} {entry} {worst}");
    }
}

#[test]
fn who_has_sold_shares_has_lost_on_the_rest_only_and_who_bought_more_on_no_more() {
    let setup = Setup::of(PRICE);
    let entry = setup.enter().1;
    setup.proven_fall(2 * DAY, 900_000);
    let terms = || setup.terms(DAY, 30 * DAY);
    setup.vault.holds(setup.insured, 25 * 10u128.pow(21));
    assert_eq!(setup.loss(terms(), &entry, 1), (Verdict::Confirmed, 250));
    setup.vault.holds(setup.insured, 10u128.pow(24));
    assert_eq!(setup.loss(terms(), &entry, 1), (Verdict::Confirmed, 1_000));
    setup.vault.holds(setup.insured, 0);
    assert_eq!(setup.loss(terms(), &entry, 1), (Verdict::Inconclusive, 0), "it may still come back");
    setup.vault.says_bytes::<IERC20::balanceOfCall>(vec![1; 31]);
    assert_eq!(setup.loss(terms(), &entry, 1), (Verdict::Inconclusive, 0), "nobody can tell");
}

#[test]
fn an_event_begun_in_the_waiting_period_or_seen_after_the_end_pays_nothing() {
    let setup = Setup::of(PRICE);
    let entry = setup.enter().1;
    setup.proven_fall(2 * DAY, 900_000);
    let last_sound = 2 * DAY - HOUR;
    assert_eq!(setup.loss(setup.terms(last_sound, 30 * DAY), &entry, 1), (Verdict::Confirmed, 1_000));
    assert_eq!(setup.loss(setup.terms(last_sound + 1, 30 * DAY), &entry, 1), (Verdict::NotMet, 0));
    assert_eq!(setup.loss(setup.terms(DAY, 2 * DAY + 1), &entry, 1), (Verdict::Confirmed, 1_000));
    assert_eq!(setup.loss(setup.terms(DAY, 2 * DAY), &entry, 1), (Verdict::NotMet, 0));
}

#[test]
fn observing_late_does_not_move_an_event_into_the_cover() {
    let setup = Setup::of(PRICE);
    let entry = setup.enter().1;
    // It falls in the waiting period; nobody observes before the cover has begun.
    setup.price(900_000);
    setup.observe_at(10 * DAY);
    setup.observe_at(11 * DAY);
    assert_eq!(setup.loss(setup.terms(5 * DAY, 30 * DAY), &entry, 1), (Verdict::NotMet, 0));
}

#[test]
fn what_becomes_worse_after_the_end_of_a_policy_is_not_its_loss() {
    let setup = Setup::of(PRICE);
    let entry = setup.enter().1;
    setup.proven_fall(2 * DAY, 900_000);
    setup.price(600_000);
    setup.observe_at(4 * DAY);
    assert_eq!(setup.observe_at(5 * DAY), (1, Verdict::Confirmed, 0, 4_000));
    setup.price(300_000);
    setup.observe_at(6 * DAY);
    assert_eq!(setup.observe_at(7 * DAY), (1, Verdict::Confirmed, 0, 7_000));
    for (end, bps) in [(4 * DAY, 1_000), (4 * DAY + 1, 4_000), (6 * DAY, 4_000), (6 * DAY + 1, 7_000)] {
        assert_eq!(setup.loss(setup.terms(0, end), &entry, 1), (Verdict::Confirmed, bps));
    }
    let deeper = setup.world.events::<IFallTrigger::IncidentDeepened>(setup.trigger);
    assert_eq!(deeper.iter().map(|event| event.worstBps).collect::<Vec<_>>(), [4_000, 7_000]);
}

#[test]
fn two_policies_have_their_own_loss_of_one_event() {
    let setup = Setup::of(PRICE);
    let first = setup.enter().1;
    setup.price(1_050_000);
    setup.observe_at(DAY);
    setup.observe_at(2 * DAY);
    let second = setup.enter().1;
    setup.proven_fall(4 * DAY, 950_000);
    assert_eq!(setup.loss(setup.terms(0, 30 * DAY), &first, 1), (Verdict::Confirmed, 500));
    assert_eq!(setup.loss(setup.terms(3 * DAY, 30 * DAY), &second, 1), (Verdict::Confirmed, 952));
}

#[test]
fn numbers_that_are_no_incident() {
    let setup = Setup::of(PRICE);
    let entry = setup.enter().1;
    assert_eq!(setup.loss(setup.terms(0, DAY), &entry, 0), (Verdict::NotMet, 0));
    assert_eq!(setup.loss(setup.terms(0, DAY), &entry, 1), (Verdict::Inconclusive, 0));
    let number = U256::ZERO;
    setup
        .world
        .refused(setup.owner, setup.trigger, ITrigger::incidentCall { subject: SUBJECT, number })
        .expect::<IFallTrigger::UnknownIncident>();
    setup
        .world
        .refused(setup.owner, setup.trigger, IFallTrigger::fallOfCall { subject: SUBJECT, number: U256::ONE })
        .expect::<IFallTrigger::UnknownIncident>();
}

#[test]
fn an_entry_that_is_none_is_refused() {
    let setup = Setup::of(PRICE);
    for entry in [vec![], vec![0; 63], vec![0; 65], vec![0xff; 64]] {
        let call = ITrigger::lossCall { terms: setup.terms(0, DAY), entry: entry.into(), number: U256::ZERO };
        setup.world.refused(setup.owner, setup.trigger, call).expect::<IFallTrigger::InvalidEntry>();
    }
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————— the reference

#[test]
fn a_donation_around_an_observation_makes_no_reference() {
    let setup = Setup::of(PRICE);
    setup.price(2_000_000);
    setup.observe_at(DAY);
    setup.price(1_000_000);
    assert_eq!(setup.observe_at(DAY + 7 * HOUR).0, 0);
    setup.price(2_000_000);
    setup.observe_at(DAY + 8 * HOUR);
    assert_eq!(setup.course().referenceValue, U256::from(1_000_000));
    // An entry at such a price pays less, not more.
    let entry = setup.enter().1;
    setup.price(1_000_000);
    setup.observe_at(2 * DAY - 2 * HOUR);
    setup.proven_fall(2 * DAY, 900_000);
    assert_eq!(setup.loss(setup.terms(0, 30 * DAY), &entry, 1), (Verdict::Confirmed, 500));
}

#[test]
fn a_rise_that_stands_is_the_reference() {
    let setup = Setup::of(PRICE);
    for (hours, price, reference) in [(1, 1_010_000, 1_000_000), (5, 1_030_000, 1_000_000), (7, 1_020_000, 1_010_000)] {
        setup.price(price);
        setup.observe_at(hours * HOUR);
        assert_eq!(setup.course().referenceValue, U256::from(reference));
    }
}

#[test]
fn the_interest_is_taken_at_the_lower_of_value_and_reference() {
    let setup = Setup::of(PRICE);
    setup.price(2_000_000);
    assert_eq!(setup.enter().2, U256::from(MILLION / 10));
    setup.price(995_000);
    let (healthy, _, interest, _) = setup.enter();
    assert_eq!((healthy, interest), (true, U256::from(99_500_000_000u128)));
    setup.price(990_000);
    assert!(!setup.enter().0, "half a fall");
    assert_eq!(setup.enter_with(B256::with_last_byte(1)).2, U256::ZERO, "one position, one interest");
}

// —————————————————————————————————————————————————————————————————————————————————————————————————————— one incident

#[test]
fn however_it_oscillates_it_is_one_incident_and_pays_once() {
    let setup = Setup::of(PRICE);
    setup.proven_fall(DAY, 900_000);
    let mut hours = 32;
    for price in [1_000_000, 900_000, 1_000_000, 920_000, 1_000_000] {
        setup.price(price);
        assert_eq!(setup.observe_at(hours * HOUR), (1, Verdict::Confirmed, 0, 1_000));
        hours += 8;
    }
    let closing = DAY + 6 * HOUR + 3 * DAY;
    assert_eq!(setup.observe_at(closing - 1).2, 0);
    assert_eq!(setup.observe_at(closing), (1, Verdict::Confirmed, setup.start + closing, 1_000));
    assert_eq!(setup.course().referenceValue, U256::from(900_000), "the lowest since it stood");
    setup.price(900_000);
    assert_eq!(setup.observe_at(closing + DAY).0, 1, "the same loss is no second incident");
}

#[test]
fn a_dip_that_did_not_stand_is_no_reference() {
    let setup = Setup::of(PRICE);
    let entry = setup.enter().1;
    setup.proven_fall(DAY, 800_000);
    setup.price(100_000);
    setup.observe_at(2 * DAY);
    setup.price(800_000);
    assert!(setup.observe_at(5 * DAY).2 > 0);
    assert_eq!(setup.course().referenceValue, U256::from(800_000));
    // So what falls then is lost from there.
    setup.proven_fall(6 * DAY, 0);
    assert_eq!(setup.loss(setup.terms(0, 30 * DAY), &entry, 2), (Verdict::Confirmed, 8_000));
    // The same where it is seen by the observation that proves the fall.
    let setup = Setup::of(PRICE);
    setup.price(800_000);
    setup.observe_at(DAY);
    setup.price(100_000);
    assert_eq!(setup.observe_at(DAY + 6 * HOUR).3, 2_000);
    setup.price(800_000);
    assert!(setup.observe_at(5 * DAY).2 > 0);
    assert_eq!(setup.course().referenceValue, U256::from(800_000));
}

#[test]
fn a_second_fall_is_a_second_incident_of_what_it_adds() {
    let setup = Setup::of(PRICE);
    let entry = setup.enter().1;
    setup.proven_fall(DAY, 900_000);
    setup.observe_at(5 * DAY);
    setup.proven_fall(6 * DAY, 800_000);
    assert_eq!(setup.loss(setup.terms(0, 30 * DAY), &entry, 1), (Verdict::Confirmed, 1_000));
    assert_eq!(setup.loss(setup.terms(0, 30 * DAY), &entry, 2), (Verdict::Confirmed, 1_000));
    let count = setup.world.read(setup.trigger, ITrigger::incidentsCall { subject: SUBJECT });
    assert_eq!(count, U256::from(2));
}

#[test]
fn nothing_is_sold_while_anything_is_open_or_after_a_total_loss() {
    let setup = Setup::of(PRICE);
    assert!(setup.healthy());
    setup.price(0);
    setup.observe_at(DAY);
    setup.price(1_000_000);
    assert!(!setup.healthy(), "latent until an observation says otherwise");
    setup.price(0);
    setup.observe_at(2 * DAY);
    setup.observe_at(6 * DAY);
    assert_eq!(setup.course().worst, U256::ZERO);
    assert!(setup.observe_at(10 * DAY).2 > 0);
    assert!(!setup.healthy());
    assert_eq!(setup.observe_at(11 * DAY).0, 1, "nothing can fall from nothing");
}

// ————————————————————————————————————————————————————————————————————————————————————————— sources that tell nothing

#[test]
fn what_tells_nothing_changes_nothing() {
    let setup = Setup::of(PRICE);
    let entry = setup.enter().1;
    setup.price(900_000);
    setup.observe_at(DAY);
    let before = setup.course();
    let answers: [Option<Vec<u8>>; 4] = [None, Some(vec![]), Some(vec![0; 31]), Some(vec![0xff; 32])];
    for answer in answers {
        match answer {
            None => setup.vault.forgets::<IERC4626::convertToAssetsCall>(),
            Some(bytes) => setup.vault.says_bytes::<IERC4626::convertToAssetsCall>(bytes),
        }
        assert_eq!(setup.observe_at(2 * DAY), (1, Verdict::Inconclusive, 0, 0));
        assert_eq!(setup.course().observedAt, before.observedAt);
        assert_eq!(setup.prove(setup.terms(0, 30 * DAY), &entry, 1), (Verdict::Inconclusive, 0));
        assert!(!setup.healthy() && !setup.enter().0);
        let known = setup.world.read(setup.trigger, IFallTrigger::valueOfCall { subject: SUBJECT }).known;
        assert!(!known);
    }
    setup.price(900_000);
    assert_eq!(setup.observe_at(2 * DAY).1, Verdict::Confirmed);
}

#[test]
fn a_reserve_that_tells_nothing_changes_nothing() {
    let setup = Setup::of(AAVE);
    setup.reserve(MILLION / 10, MILLION);
    setup.pool.forgets::<Lender::getReserveDeficitCall>();
    assert_eq!(setup.observe_at(DAY).0, 0);
    setup.reserve(MILLION / 10, MILLION);
    setup.a_token.says::<IERC20::totalSupplyCall>(&[U256::MAX]);
    assert_eq!(setup.observe_at(DAY).0, 0);
    setup.reserve(MILLION / 10, MILLION);
    setup.debt.forgets::<IERC20::totalSupplyCall>();
    assert_eq!(setup.observe_at(DAY).0, 0);
    assert!(!setup.healthy());
}

#[test]
fn a_vault_without_shares_has_no_price() {
    let setup = Setup::of(PRICE);
    setup.vault.says::<IERC20::totalSupplyCall>(&[U256::ZERO]);
    setup.price(500_000);
    assert_eq!(setup.observe_at(DAY).0, 0);
}

#[test]
fn lack_of_gas_cannot_feign_a_broken_source() {
    let setup = Setup::of(PRICE);
    setup.world.set_gas_left(Some(600_000));
    let call = ITrigger::observeCall { subject: SUBJECT, evidence: vec![].into() };
    let error = setup.world.refused(setup.owner, setup.trigger, call).expect::<IFallTrigger::InsufficientGas>();
    assert_eq!((error.left, error.needed), (U256::from(600_000), U256::from(638_750)));
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————————— governance

#[test]
fn a_bad_configuration_is_refused() {
    let setup = Setup::empty();
    let config = || setup.config(PRICE);
    let bad = [
        ILendingTrigger::Subject { triggerBps: 49, ..config() },
        ILendingTrigger::Subject { triggerBps: 9_001, ..config() },
        ILendingTrigger::Subject { persistence: 599, ..config() },
        ILendingTrigger::Subject { persistence: 91 * DAY as u32, ..config() },
        ILendingTrigger::Subject { calm: (6 * HOUR - 1) as u32, ..config() },
        ILendingTrigger::Subject { calm: 91 * DAY as u32, ..config() },
        ILendingTrigger::Subject { kind: 0, ..config() },
        ILendingTrigger::Subject { kind: 4, ..config() },
    ];
    for config in bad {
        setup.register(config).unwrap_err().expect::<IOwned::ParameterOutOfBounds>();
    }
    let nowhere = setup.world.address("nowhere");
    for config in [
        ILendingTrigger::Subject { source: nowhere, ..config() },
        ILendingTrigger::Subject { asset: nowhere, ..config() },
    ] {
        setup.register(config).unwrap_err().expect::<AddressEmptyCode>();
    }
    let call = ILendingTrigger::registerCall { subject: B256::ZERO, config: config() };
    setup.world.refused(setup.owner, setup.trigger, call).expect::<IOwned::ParameterOutOfBounds>();
    let call = ILendingTrigger::registerCall { subject: SUBJECT, config: config() };
    setup.world.refused(setup.insured, setup.trigger, call).expect::<OwnableUnauthorizedAccount>();
}

#[test]
fn a_source_that_is_not_what_it_is_said_to_be_is_refused() {
    type Break = fn(&Setup);
    let cases: [(u8, Break); 10] = [
        (PRICE, |setup| setup.vault.says::<IERC4626::assetCall>(&[word(setup.pool.at)])),
        (PRICE, |setup| setup.vault.forgets::<IERC4626::assetCall>()),
        (PRICE, |setup| setup.vault.says::<Lender::decimalsCall>(&[U256::from(31)])),
        (PRICE, |setup| setup.price(999_999)),
        (PRICE, |setup| setup.vault.says::<IERC20::totalSupplyCall>(&[U256::ZERO])),
        (LOST, |setup| setup.vault.forgets::<Lender::lostAssetsCall>()),
        (AAVE, |setup| setup.pool.forgets::<Lender::getReserveDeficitCall>()),
        (AAVE, |setup| setup.pool.says::<Lender::getReserveDataCall>(&[U256::ZERO; 10])),
        (AAVE, |setup| setup.a_token.says::<Lender::UNDERLYING_ASSET_ADDRESSCall>(&[word(setup.pool.at)])),
        (AAVE, |setup| setup.asset.holds(setup.a_token.at, 0)),
    ];
    for (number, (kind, breaks)) in cases.into_iter().enumerate() {
        let setup = Setup::empty();
        breaks(&setup);
        let error = setup.register(setup.config(kind)).unwrap_err();
        assert!(error.is::<IFallTrigger::SourceNotHealthy>(), "case {number}");
    }
}

#[test]
fn a_subject_is_registered_once_and_can_be_read() {
    let setup = Setup::of(AAVE);
    setup.register(setup.config(PRICE)).unwrap_err().expect::<IFallTrigger::SubjectExists>();
    let answer = setup.world.read(setup.trigger, ILendingTrigger::subjectOfCall { subject: SUBJECT });
    assert_eq!(answer.share, setup.a_token.at);
    assert_eq!(answer.config.abi_encode(), setup.config(AAVE).abi_encode());
    let events = setup.world.events::<ILendingTrigger::SubjectRegistered>(setup.trigger);
    assert_eq!((events.len(), events[0].value), (1, U256::from(10u128.pow(18))));
    assert_eq!(setup.world.read(setup.trigger, IFallTrigger::shortestCall {}), 600);
}

#[test]
fn an_unknown_subject_is_refused() {
    let setup = Setup::of(PRICE);
    let subject = B256::repeat_byte(1);
    let call = ITrigger::observeCall { subject, evidence: vec![].into() };
    setup.world.refused(setup.owner, setup.trigger, call).expect::<IFallTrigger::UnknownSubject>();
    let call = ITrigger::enterCall { subject, insured: setup.insured, position: B256::ZERO };
    setup.world.refused(setup.owner, setup.trigger, call).expect::<IFallTrigger::UnknownSubject>();
    assert!(!setup.world.read(setup.trigger, ITrigger::healthyCall { subject }));
}

#[test]
fn ownership_moves_in_two_steps_and_the_shortest_time_is_not_zero() {
    let setup = Setup::empty();
    let Setup { world, owner, insured, trigger, .. } = &setup;
    world.send(*owner, *trigger, IOwned::transferOwnershipCall { newOwner: *insured }).unwrap();
    assert_eq!(world.read(*trigger, IOwned::pendingOwnerCall {}), *insured);
    world.send(*insured, *trigger, IOwned::acceptOwnershipCall {}).unwrap();
    assert_eq!(world.read(*trigger, IOwned::ownerCall {}), *insured);
    let arguments = (*owner, Address::ZERO, 0u32).abi_encode_params();
    let error = world.try_construct::<LendingTrigger>(world.address("other"), *owner, arguments).unwrap_err();
    error.expect::<IOwned::ParameterOutOfBounds>();
}

// ————————————————————————————————————————————————————————————————————————————————————————————————— any course at all

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A course is packed without loss; incidents open and close in turn, none is proven by one observation, and worst and
    /// reference lie between the lowest and the highest value seen.
    #[test]
    fn no_series_of_observations_proves_more_than_was_seen(
        steps in prop::collection::vec((0u64..40_000, 0u128..2_000_000, prop::bool::weighted(0.1), prop::bool::weighted(0.1)), 1..80),
    ) {
        let rules = Rules { trigger_bps: 200, persistence: 21_600, calm: 86_400 };
        let mut course = Course::begin(1, 1_000_000);
        let (mut now, mut lowest, mut highest) = (1, 1_000_000, 1_000_000);
        for (passed, value, latent, doubtful) in steps {
            now += passed;
            lowest = value.min(lowest);
            highest = value.max(highest);
            let before = course;
            course.take(&rules, now, &Reading { value, latent, doubtful });
            prop_assert_eq!(Course::unpack(course.pack()), course);
            prop_assert!(course.worst >= lowest && course.reference <= highest);
            prop_assert!(course.incidents - before.incidents <= 1);
            match (before.state, course.state) {
                (State::Quiet, State::Open) => prop_assert!(false, "proven by one observation"),
                (State::Latent, State::Open) => {
                    prop_assert!(!doubtful && course.is_fallen(&rules, course.worst) && course.worst >= value);
                }
                (State::Open, State::Open) => prop_assert!(course.worst <= before.worst),
                (State::Open, State::Quiet) => {
                    prop_assert!(course.reference <= before.reference);
                    prop_assert!(course.reference >= course.worst.saturating_sub(before.reference / 200));
                }
                (State::Open, State::Latent) => prop_assert!(false, "an open incident closes first"),
                _ => {}
            }
        }
    }
}
