//! The bridge trigger in a world with a token, its escrow's reporter and a reserve feed that can be anything.

use std::rc::Rc;

use alloy_primitives::{Address, B256, U256, address, aliases::U96};
use alloy_sol_types::{SolCall, SolInterface, SolValue};
use bridge::BridgeTrigger;
use proptest::prelude::*;
use protocol::abi::{IBridgeTrigger, IERC20, IOwned, ISeriesTrigger, ITrigger};
use standards::errors::{AddressEmptyCode, OwnableUnauthorizedAccount};
use stylus_sdk::ArbResult;
use testkit::{
    Context, Native, Reverted, World,
    feed::{Feed, Raw, Uptime},
    token::Token,
};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const INCONCLUSIVE: u8 = 0;
const NOT_MET: u8 = 1;
const CONFIRMED: u8 = 2;
const SUBJECT: B256 = B256::repeat_byte(0x55);
/// The supply, in whole tokens.
const SUPPLY: u64 = 1_000_000;

/// A token that does not answer.
struct Broken;

impl Native for Broken {
    fn call(&self, _: &Context<'_>, _: &[u8]) -> ArbResult {
        Err(vec![])
    }
}

/// A million tokens of 6 decimals; trigger 0.97, recovery 0.99, T = 6 h, R = 24 h, W = 24 h, gap 2 h, period 1 h; the
/// feed's gap is 24 h, its period 3 h.
struct Setup {
    world: World,
    owner: Address,
    anyone: Address,
    /// The reporter's address on L1.
    reporter: Address,
    escrow_token: Address,
    escrow: Address,
    token: Token,
    feed: Feed,
    uptime: Rc<Uptime>,
    trigger: Address,
    /// When it was registered.
    start: u64,
}

fn amount(tokens: u64, decimals: u8) -> U256 {
    U256::from(tokens) * U256::from(10).pow(U256::from(decimals))
}

/// `ITrigger.Incident`: verdict, opened at, closed at, worst loss.
type Incident = (u8, u64, u64, u16);

impl Setup {
    fn empty() -> Self {
        Self::with(6)
    }

    fn with(decimals: u8) -> Self {
        let world = World::new();
        let [owner, anyone, reporter, escrow_token, escrow] =
            ["timelock", "anyone", "reporter", "escrowed", "escrow"].map(|name| world.address(name));
        // the beginning of a period of both kinds of subject
        world.warp_to(world.now().next_multiple_of(DAY));
        let token = Token::deploy(&world, world.address("token"), decimals);
        token.mint(&world, world.address("holders"), amount(SUPPLY, decimals));
        let feed = Feed::deploy(&world, world.address("feed"), 18);
        let uptime = Uptime::deploy(&world, world.address("uptime"));
        let start = world.now();
        feed.push(SUPPLY as i128 * 10i128.pow(18), start);
        let trigger = world.address("bridge");
        let arguments = (owner, Address::ZERO, world.address("uptime"), reporter, 600u32).abi_encode_params();
        world.construct::<BridgeTrigger>(trigger, owner, arguments);
        Self { world, owner, anyone, reporter, escrow_token, escrow, token, feed, uptime, trigger, start }
    }

    /// With reports from L1.
    fn reported() -> Self {
        let setup = Self::empty();
        setup.register(setup.config()).unwrap();
        setup
    }

    /// With a reserve feed.
    fn fed() -> Self {
        let setup = Self::empty();
        setup.register(setup.feed_config()).unwrap();
        setup
    }

    fn config(&self) -> IBridgeTrigger::Subject {
        IBridgeTrigger::Subject {
            token: self.token.at,
            feed: Address::ZERO,
            escrowToken: self.escrow_token,
            escrow: self.escrow,
            inFlight: U96::ZERO,
            triggerRatio: 970_000_000_000_000_000,
            recoveryRatio: 990_000_000_000_000_000,
            duration: (6 * HOUR) as u32,
            recovery: DAY as u32,
            window: DAY as u32,
            gap: (2 * HOUR) as u32,
            period: HOUR as u32,
            assetDecimals: 6,
        }
    }

    fn feed_config(&self) -> IBridgeTrigger::Subject {
        IBridgeTrigger::Subject {
            feed: self.feed.at,
            escrowToken: Address::ZERO,
            escrow: Address::ZERO,
            gap: DAY as u32,
            period: (3 * HOUR) as u32,
            ..self.config()
        }
    }

    fn register(&self, config: IBridgeTrigger::Subject) -> Result<(), Reverted> {
        self.register_as(SUBJECT, config)
    }

    fn register_as(&self, subject: B256, config: IBridgeTrigger::Subject) -> Result<(), Reverted> {
        self.world.send(self.owner, self.trigger, IBridgeTrigger::registerCall { subject, config }).map(drop)
    }

    fn alias(&self) -> Address {
        let offset = U256::from_be_slice(address!("1111000000000000000000000000000000001111").as_slice());
        let sum = U256::from_be_slice(self.reporter.as_slice()).wrapping_add(offset);
        Address::from_slice(&sum.to_be_bytes::<32>()[12..])
    }

    fn warp_to(&self, seconds: u64) {
        self.world.warp_to(self.start + seconds);
    }

    fn report(&self, from: Address, time: u64, balance: U256) -> Result<(), Reverted> {
        let call = IBridgeTrigger::deliverCall {
            subject: SUBJECT,
            token: self.escrow_token,
            escrow: self.escrow,
            balance,
            decimals: 6,
            time,
        };
        self.world.send(from, self.trigger, call).map(drop)
    }

    /// What the escrow held at `seconds`, in whole tokens, arrives ten minutes later.
    fn deliver(&self, seconds: u64, tokens: u64) -> Result<(), Reverted> {
        self.warp_to(seconds + 10 * MINUTE);
        self.report(self.alias(), self.start + seconds, amount(tokens, 6))
    }

    /// Reports at every `step` from `from` to `until`, both included.
    fn deliver_all(&self, from: u64, until: u64, step: u64, tokens: u64) {
        for seconds in (from..=until).step_by(step as usize) {
            self.deliver(seconds, tokens).unwrap();
        }
    }

    /// A round of the feed at `seconds`, in whole tokens.
    fn round(&self, seconds: u64, tokens: u64) -> u128 {
        self.warp_to(seconds);
        self.feed.push(i128::from(tokens) * 10i128.pow(18), self.start + seconds)
    }

    fn observe(&self) -> (u64, Incident) {
        self.try_observe(vec![]).unwrap()
    }

    fn try_observe(&self, evidence: Vec<u8>) -> Result<(u64, Incident), Reverted> {
        let call = ITrigger::observeCall { subject: SUBJECT, evidence: evidence.into() };
        let answer = self.world.send(self.anyone, self.trigger, call)?;
        Ok((answer.number.to::<u64>(), words(answer.latest)))
    }

    fn incident(&self, number: u64) -> Incident {
        let call = ITrigger::incidentCall { subject: SUBJECT, number: U256::from(number) };
        let (verdict, opened, closed, worst) = words(self.world.read(self.trigger, call));
        let since = |time: u64| time.saturating_sub(self.start);
        (verdict, since(opened), since(closed), worst)
    }

    fn count(&self) -> u64 {
        self.world.read(self.trigger, ITrigger::incidentsCall { subject: SUBJECT }).to::<u64>()
    }

    fn healthy(&self) -> bool {
        self.world.read(self.trigger, ITrigger::healthyCall { subject: SUBJECT })
    }

    fn enter(&self, insured: Address) -> (bool, U256, U256) {
        let call = ITrigger::enterCall { subject: SUBJECT, insured, position: B256::ZERO };
        let answer = self.world.send(self.anyone, self.trigger, call).unwrap();
        assert!(answer.entry.is_empty());
        (answer.healthy, answer.interest, answer.size)
    }

    fn terms(&self, from: u64, until: u64) -> ITrigger::Terms {
        ITrigger::Terms {
            subject: SUBJECT,
            insured: self.anyone,
            position: B256::ZERO,
            start: self.start + from,
            end: self.start + until,
        }
    }

    /// What a policy that covers from `from` until `until` loses under an incident.
    fn loss(&self, from: u64, until: u64, number: u64) -> (u8, u16) {
        let terms = self.terms(from, until);
        let call = ITrigger::lossCall { terms, entry: Default::default(), number: U256::from(number) };
        let answer = self.world.read(self.trigger, call);
        let proven = self.prove(from, until, number, vec![]).unwrap();
        assert_eq!((answer.verdict as u8, answer.lossBps), proven, "loss and prove differ");
        proven
    }

    fn prove(&self, from: u64, until: u64, number: u64, evidence: Vec<u8>) -> Result<(u8, u16), Reverted> {
        let call = ITrigger::proveCall {
            terms: self.terms(from, until),
            entry: Default::default(),
            number: U256::from(number),
            evidence: evidence.into(),
        };
        let answer = self.world.send(self.anyone, self.trigger, call)?;
        Ok((answer.verdict as u8, answer.lossBps))
    }

    fn window(&self, from: u64, until: u64, number: u64, start: u64) -> Result<(u8, u16), Reverted> {
        self.prove(from, until, number, (self.start + start).abi_encode())
    }

    /// The newest sample: how many, when, and its value in millionths.
    fn series(&self) -> (u64, u64, u64) {
        let series = self.world.read(self.trigger, ISeriesTrigger::seriesOfCall { subject: SUBJECT });
        (series.count.to::<u64>(), series.time.saturating_sub(self.start), series.value / 1_000_000_000_000)
    }

    fn supply_before(&self, seconds: u64) -> Option<u128> {
        let call = IBridgeTrigger::supplyBeforeCall { subject: SUBJECT, time: self.start + seconds };
        let answer = self.world.read(self.trigger, call);
        answer.known.then_some(answer.supply)
    }

    /// An incident that opens at 4 h, with 40 % missing from 5 h to 47 h by reports each hour, and closes at 72 h.
    fn after_an_incident() -> Self {
        let setup = Self::reported();
        setup.deliver_all(HOUR, 4 * HOUR, HOUR, SUPPLY);
        setup.deliver_all(5 * HOUR, 47 * HOUR, HOUR, 600_000);
        setup.deliver_all(48 * HOUR, 75 * HOUR, HOUR, SUPPLY);
        setup.observe();
        setup
    }
}

fn words(incident: ITrigger::Incident) -> Incident {
    (incident.verdict as u8, incident.openedAt, incident.closedAt, incident.worstBps)
}

fn bounds(reverted: Reverted) -> String {
    let name = reverted.expect::<IOwned::ParameterOutOfBounds>().parameter;
    String::from_utf8(name.iter().copied().take_while(|byte| *byte != 0).collect()).unwrap()
}

// —————————————————————————————————————————————————————————————————————————————————————————————————— registration

#[test]
fn a_bad_configuration_is_refused_by_the_name_of_what_is_wrong() {
    let setup = Setup::empty();
    type Change = fn(&mut IBridgeTrigger::Subject);
    let cases: [(&str, Change); 22] = [
        ("recoveryRatio", |c| c.recoveryRatio = 1_000_000_000_000_000_000),
        ("recoveryRatio", |c| c.recoveryRatio = 0),
        ("triggerRatio", |c| c.triggerRatio = c.recoveryRatio),
        ("triggerRatio", |c| c.triggerRatio = 0),
        ("duration", |c| c.duration = 599),
        ("duration", |c| c.duration = 30 * 86_400 + 1),
        ("recovery", |c| c.recovery = 599),
        ("recovery", |c| c.recovery = u32::MAX),
        ("window", |c| c.window = 599),
        ("window", |c| c.window = 30 * 3_600 + 1),
        ("gap", |c| c.gap = 599),
        ("gap", |c| c.gap = 3 * 3_600 + 1),
        ("gap", |c| c.gap = u32::MAX),
        ("period", |c| c.period = 2 * 3_600 + 1),
        ("period", |c| c.period = 899),
        ("period", |c| c.period = 0),
        ("escrow", |c| c.escrow = Address::ZERO),
        ("assetDecimals", |c| c.assetDecimals = 19),
        ("assetDecimals", |c| c.assetDecimals = 254),
        ("inFlight", |c| c.inFlight = U96::from(100_000_000_001u64)),
        ("escrow", |c| (c.feed, c.gap) = (Address::repeat_byte(1), 7_200)),
        ("escrow", |c| (c.feed, c.escrow) = (Address::repeat_byte(1), Address::ZERO)),
    ];
    for (name, change) in cases {
        let mut config = setup.config();
        change(&mut config);
        if !config.feed.is_zero() {
            config.feed = setup.feed.at;
        }
        assert_eq!(bounds(setup.register(config).unwrap_err()), name);
    }
    assert_eq!(bounds(setup.register_as(B256::ZERO, setup.config()).unwrap_err()), "subject");
    // what is at the bounds is accepted
    let mut config = setup.config();
    (config.gap, config.period, config.window) = (3 * 3_600, 1_350, 30 * 3_600);
    config.inFlight = U96::from(100_000_000_000u64);
    setup.register(config).unwrap();
}

#[test]
fn only_the_owner_registers_and_only_once() {
    let setup = Setup::reported();
    let call = IBridgeTrigger::registerCall { subject: B256::repeat_byte(1), config: setup.config() };
    setup.world.refused(setup.anyone, setup.trigger, call).expect::<OwnableUnauthorizedAccount>();
    setup.register(setup.config()).unwrap_err().expect::<ISeriesTrigger::SubjectExists>();
    let read: IBridgeTrigger::Subject =
        setup.world.read(setup.trigger, IBridgeTrigger::subjectOfCall { subject: SUBJECT });
    assert_eq!(read.abi_encode(), setup.config().abi_encode());
    assert_eq!(setup.world.events::<IBridgeTrigger::SubjectRegistered>(setup.trigger)[0].source, setup.escrow);
}

#[test]
fn a_token_without_supply_or_decimals_is_refused() {
    let setup = Setup::empty();
    let empty = Token::deploy(&setup.world, setup.world.address("empty"), 6);
    let wide = Token::deploy(&setup.world, setup.world.address("wide"), 28);
    wide.mint(&setup.world, setup.anyone, U256::from(5));
    for token in [empty.at, wide.at, setup.anyone] {
        let config = IBridgeTrigger::Subject { token, ..setup.config() };
        setup.register(config).unwrap_err().expect::<IBridgeTrigger::TokenNotHealthy>();
    }
}

#[test]
fn a_feed_must_be_fresh_and_cover_the_supply_when_it_is_registered() {
    let setup = Setup::empty();
    let refused = |setup: &Setup| {
        setup.register(setup.feed_config()).unwrap_err().expect::<IBridgeTrigger::FeedNotHealthy>();
    };
    setup.round(0, 990_000);
    refused(&setup); // exactly at the recovery ratio
    setup.round(0, 990_001);
    setup.warp_to(DAY + 1);
    refused(&setup); // stale
    setup.feed.push(0, setup.start + DAY);
    refused(&setup);
    setup.feed.state.decimals.set(28);
    setup.round(DAY + 1, SUPPLY);
    refused(&setup);
    setup.feed.state.decimals.set(18);
    setup.feed.state.broken.set(true);
    refused(&setup);
    setup.feed.state.broken.set(false);
    setup.register(setup.feed_config()).unwrap();
}

#[test]
fn without_a_reporter_only_feeds_can_be_registered() {
    let setup = Setup::empty();
    let trigger = setup.world.address("another");
    let arguments = (setup.owner, Address::ZERO, Address::ZERO, Address::ZERO, 600u32).abi_encode_params();
    setup.world.construct::<BridgeTrigger>(trigger, setup.owner, arguments);
    let register = |config| {
        setup.world.send(setup.owner, trigger, IBridgeTrigger::registerCall { subject: SUBJECT, config }).map(drop)
    };
    assert_eq!(bounds(register(setup.config()).unwrap_err()), "feed");
    register(setup.feed_config()).unwrap();
}

#[test]
fn a_constructor_checks_what_it_is_given() {
    let setup = Setup::empty();
    let construct = |owner: Address, sequencer: Address, shortest: u32| {
        let arguments = (owner, Address::ZERO, sequencer, setup.reporter, shortest).abi_encode_params();
        setup.world.try_construct::<BridgeTrigger>(setup.world.address("new"), setup.owner, arguments)
    };
    construct(setup.owner, setup.anyone, 1).unwrap_err().expect::<AddressEmptyCode>();
    assert_eq!(bounds(construct(setup.owner, Address::ZERO, 0).unwrap_err()), "shortest");
    construct(Address::ZERO, Address::ZERO, 1).unwrap_err();
    construct(setup.owner, Address::ZERO, 1).unwrap();
}

#[test]
fn what_is_not_registered_is_unknown() {
    let setup = Setup::empty();
    let (subject, number) = (SUBJECT, U256::ONE);
    let unknown = |reverted: Reverted| {
        reverted.expect::<ISeriesTrigger::UnknownSubject>();
    };
    unknown(setup.try_observe(vec![]).unwrap_err());
    unknown(setup.report(setup.alias(), setup.start, U256::ONE).unwrap_err());
    unknown(setup.prove(0, DAY, 1, vec![]).unwrap_err());
    unknown(setup.world.try_read(setup.trigger, ITrigger::incidentsCall { subject }).map(drop).unwrap_err());
    unknown(setup.world.try_read(setup.trigger, ITrigger::incidentCall { subject, number }).map(drop).unwrap_err());
    unknown(setup.world.try_read(setup.trigger, ISeriesTrigger::seriesOfCall { subject }).map(drop).unwrap_err());
    unknown(setup.world.try_read(setup.trigger, IBridgeTrigger::subjectOfCall { subject }).map(drop).unwrap_err());
    assert!(!setup.healthy());
    setup.register(setup.config()).unwrap();
    let call = ITrigger::incidentCall { subject, number };
    setup.world.try_read(setup.trigger, call).map(drop).unwrap_err().expect::<ISeriesTrigger::UnknownIncident>();
    setup.try_observe(vec![1]).unwrap_err().expect::<ISeriesTrigger::InvalidEvidence>();
    setup.prove(0, DAY, 1, vec![0; 31]).unwrap_err().expect::<ISeriesTrigger::InvalidEvidence>();
}

#[test]
fn ownership_and_views_are_as_everywhere() {
    let setup = Setup::reported();
    let (world, trigger) = (&setup.world, setup.trigger);
    assert_eq!(world.read(trigger, IOwned::ownerCall {}), setup.owner);
    world.send(setup.owner, trigger, IOwned::setGuardianCall { newGuardian: setup.anyone }).unwrap();
    assert_eq!(world.read(trigger, IOwned::guardianCall {}), setup.anyone);
    world.send(setup.owner, trigger, IOwned::transferOwnershipCall { newOwner: setup.anyone }).unwrap();
    assert_eq!(world.read(trigger, IOwned::pendingOwnerCall {}), setup.anyone);
    world.send(setup.anyone, trigger, IOwned::acceptOwnershipCall {}).unwrap();
    assert_eq!(world.read(trigger, IOwned::ownerCall {}), setup.anyone);
    assert_eq!(world.read(trigger, IOwned::setupCall {}), Address::ZERO);
    world.refused(setup.anyone, trigger, IOwned::finishSetupCall {}).expect::<OwnableUnauthorizedAccount>();
    assert_eq!(world.read(trigger, IBridgeTrigger::reporterCall {}), setup.reporter);
    assert_eq!(world.read(trigger, ISeriesTrigger::shortestCall {}), 600);
    assert_eq!(world.read(trigger, ISeriesTrigger::sequencerFeedCall {}), world.address("uptime"));
}

// ————————————————————————————————————————————————————————————————————————————————————————————— reports from L1

#[test]
fn only_the_alias_of_the_reporter_delivers() {
    let setup = Setup::reported();
    setup.warp_to(2 * HOUR);
    for from in [setup.anyone, setup.owner, setup.reporter] {
        let reverted = setup.report(from, setup.start + HOUR, amount(SUPPLY, 6)).unwrap_err();
        assert_eq!(reverted.expect::<IBridgeTrigger::NotReporter>().caller, from);
    }
    setup.report(setup.alias(), setup.start + HOUR, amount(SUPPLY, 6)).unwrap();
    let event = &setup.world.events::<IBridgeTrigger::BackingReported>(setup.trigger)[0];
    assert_eq!((event.time, event.balance), (setup.start + HOUR, amount(SUPPLY, 6)));
}

#[test]
fn an_alias_wraps_at_160_bits() {
    let world = World::new();
    let reporter = Address::repeat_byte(0xff);
    let trigger = world.address("bridge");
    let arguments = (world.address("owner"), Address::ZERO, Address::ZERO, reporter, 1u32).abi_encode_params();
    world.construct::<BridgeTrigger>(trigger, reporter, arguments);
    let call = |subject| IBridgeTrigger::deliverCall {
        subject,
        token: Address::ZERO,
        escrow: Address::ZERO,
        balance: U256::ZERO,
        decimals: 0,
        time: 0,
    };
    let alias = address!("1111000000000000000000000000000000001110");
    world.refused(alias, trigger, call(SUBJECT)).expect::<ISeriesTrigger::UnknownSubject>();
    world.refused(reporter, trigger, call(SUBJECT)).expect::<IBridgeTrigger::NotReporter>();
}

#[test]
fn a_report_about_another_escrow_or_token_is_refused() {
    let setup = Setup::reported();
    setup.warp_to(2 * HOUR);
    let deliver = |token, escrow, decimals| {
        let (subject, balance, time) = (SUBJECT, amount(SUPPLY, 6), setup.start + HOUR);
        let call = IBridgeTrigger::deliverCall { subject, token, escrow, balance, decimals, time };
        setup.world.send(setup.alias(), setup.trigger, call).map(drop)
    };
    for (token, escrow, decimals) in [
        (setup.escrow_token, setup.anyone, 6),
        (setup.anyone, setup.escrow, 6),
        (Address::ZERO, setup.escrow, 6),
        (setup.escrow_token, setup.escrow, 28),
    ] {
        deliver(token, escrow, decimals).unwrap_err().expect::<IBridgeTrigger::WrongEscrow>();
    }
    deliver(setup.escrow_token, setup.escrow, 6).unwrap();
    // a subject with a feed takes no reports
    let fed = Setup::fed();
    fed.warp_to(HOUR);
    fed.report(fed.alias(), fed.start + HOUR, U256::ZERO).unwrap_err().expect::<IBridgeTrigger::WrongEscrow>();
}

#[test]
fn a_late_report_of_an_old_escrow_balance_counts_for_nothing() {
    let setup = Setup::reported();
    setup.deliver(2 * HOUR, SUPPLY).unwrap();
    let old = setup.start + 3 * HOUR;
    // an hour after its time it still counts, a second later it does not
    setup.warp_to(4 * HOUR + 1);
    let late = setup.report(setup.alias(), old, U256::ZERO).unwrap_err().expect::<IBridgeTrigger::ReportTooLate>();
    assert_eq!((late.time, late.nowAt), (old, old + HOUR + 1));
    setup.report(setup.alias(), old + 1, amount(SUPPLY, 6)).unwrap();
    // within the hour, but overtaken by a newer one
    let reverted = setup.report(setup.alias(), old, U256::ZERO).unwrap_err();
    reverted.expect::<IBridgeTrigger::ReportTooLate>();
    let reverted = setup.report(setup.alias(), old + 1, U256::ZERO).unwrap_err();
    assert_eq!(reverted.expect::<IBridgeTrigger::ReportNotNewer>().last, old + 1);
    // of the future
    let ahead = setup.world.now() + 1;
    setup.report(setup.alias(), ahead, U256::ZERO).unwrap_err().expect::<IBridgeTrigger::ReportTooLate>();
    assert_eq!(setup.series(), (2, 3 * HOUR + 1, 1_000_000));
}

#[test]
fn a_report_needs_a_supply_that_was_observed_before_it() {
    let setup = Setup::reported();
    // in the period of the registration there is none, and eight periods later none any more
    setup.deliver(30 * MINUTE, SUPPLY).unwrap_err().expect::<IBridgeTrigger::SupplyNotObserved>();
    setup.deliver(9 * HOUR, SUPPLY).unwrap_err().expect::<IBridgeTrigger::SupplyNotObserved>();
    assert_eq!(setup.supply_before(9 * HOUR - 1), Some(u128::from(SUPPLY) * 10u128.pow(18)));
    setup.observe();
    setup.deliver(10 * HOUR, SUPPLY).unwrap();
    // each report serves the next
    setup.deliver(12 * HOUR, SUPPLY).unwrap();
}

#[test]
fn a_shortage_of_six_hours_is_an_incident_from_the_last_sound_report_on() {
    let setup = Setup::reported();
    setup.deliver_all(HOUR, 4 * HOUR, HOUR, SUPPLY);
    setup.deliver_all(5 * HOUR, 10 * HOUR, HOUR, 900_000);
    assert_eq!(setup.count(), 0, "short for five hours");
    setup.deliver(11 * HOUR - 1, 900_000).unwrap();
    assert_eq!(setup.count(), 0, "a second less than six hours");
    setup.deliver(11 * HOUR, 900_000).unwrap();
    assert_eq!(setup.incident(1), (CONFIRMED, 4 * HOUR, 0, 0));
    let opened = &setup.world.events::<ISeriesTrigger::IncidentOpened>(setup.trigger)[0];
    assert_eq!((opened.openedAt, opened.verdict), (setup.start + 4 * HOUR, CONFIRMED));
}

#[test]
fn exactly_at_the_trigger_ratio_is_short_and_above_it_is_not() {
    for (balance, count) in [(970_000_000_000u64, 1), (970_000_000_001, 0)] {
        let setup = Setup::reported();
        setup.deliver(HOUR, SUPPLY).unwrap();
        for hour in 2..=8 {
            setup.warp_to(hour * HOUR);
            setup.report(setup.alias(), setup.world.now(), U256::from(balance)).unwrap();
        }
        assert_eq!(setup.count(), count);
    }
}

#[test]
fn a_multisig_that_moves_the_backing_out_for_a_block_fails_nobody() {
    let setup = Setup::reported();
    for hour in 1..20 {
        // each second report falls into such a block
        setup.deliver(hour * HOUR, if hour % 2 == 0 { 0 } else { SUPPLY }).unwrap();
    }
    assert_eq!(setup.count(), 0);
    assert_eq!(
        setup.world.read(setup.trigger, loss_over(&setup, HOUR)).lossBps,
        0,
        "between two reports the better counts"
    );
}

/// `windowLoss` from seconds after the start; the window is 24 h, so it must be known.
fn loss_over(setup: &Setup, seconds: u64) -> ISeriesTrigger::windowLossCall {
    ISeriesTrigger::windowLossCall { subject: SUBJECT, start: setup.start + seconds }
}

#[test]
fn what_lies_between_reports_too_far_apart_is_unknown() {
    let setup = Setup::reported();
    setup.deliver(HOUR, SUPPLY).unwrap();
    for hour in [2, 4, 6] {
        setup.deliver(hour * HOUR, 500_000).unwrap();
    }
    setup.deliver(8 * HOUR + 1, 500_000).unwrap(); // a second too late: the run begins anew
    for hour in [10, 12] {
        setup.deliver(hour * HOUR, 500_000).unwrap();
    }
    setup.deliver(14 * HOUR, 500_000).unwrap();
    assert_eq!(setup.count(), 0);
    setup.deliver(14 * HOUR + 1, 500_000).unwrap();
    assert_eq!(setup.incident(1), (CONFIRMED, HOUR, 0, 0), "but the incident is not younger for it");
}

#[test]
fn nobody_has_an_incident_begin_inside_his_cover_by_reporting_late() {
    let setup = Setup::reported();
    setup.deliver(HOUR, SUPPLY).unwrap();
    // the shortage is there from 2 h on; who covers from 20 h on lets nobody report until then
    setup.deliver(2 * HOUR, 500_000).unwrap();
    setup.warp_to(19 * HOUR);
    setup.observe();
    setup.deliver_all(21 * HOUR, 60 * HOUR, HOUR, 500_000);
    assert_eq!(setup.incident(1).1, HOUR);
    assert_eq!(setup.loss(20 * HOUR, 100 * HOUR, 1), (NOT_MET, 0));
    assert_eq!(setup.loss(HOUR, 100 * HOUR, 1), (CONFIRMED, 5_000));
}

#[test]
fn a_donation_to_the_escrow_neither_ends_an_incident_nor_splits_it() {
    let setup = Setup::reported();
    setup.deliver(HOUR, SUPPLY).unwrap();
    setup.deliver_all(2 * HOUR, 30 * HOUR, HOUR, 700_000);
    setup.deliver(31 * HOUR, SUPPLY).unwrap(); // lent for one report
    setup.deliver_all(32 * HOUR, 60 * HOUR, HOUR, 700_000);
    assert_eq!(setup.count(), 1);
    assert_eq!(setup.incident(1), (CONFIRMED, HOUR, 0, 3_000));
    // it is over after a whole day of it
    setup.deliver_all(61 * HOUR, 84 * HOUR, HOUR, SUPPLY);
    assert_eq!(setup.incident(1).2, 0);
    setup.deliver(85 * HOUR, SUPPLY).unwrap();
    assert_eq!(setup.incident(1), (CONFIRMED, HOUR, 85 * HOUR, 3_000));
}

#[test]
fn a_recovery_is_proven_by_a_complete_run_only() {
    let setup = Setup::reported();
    setup.deliver(HOUR, SUPPLY).unwrap();
    setup.deliver_all(2 * HOUR, 8 * HOUR, HOUR, 700_000);
    setup.deliver_all(9 * HOUR, 30 * HOUR, HOUR, SUPPLY);
    setup.observe();
    setup.deliver_all(33 * HOUR, 56 * HOUR, HOUR, SUPPLY);
    assert_eq!(setup.incident(1).2, 0, "a gap of three hours");
    setup.deliver(57 * HOUR, SUPPLY).unwrap();
    assert_eq!(setup.incident(1).2, 57 * HOUR);
}

#[test]
fn oscillation_is_one_incident() {
    let setup = Setup::reported();
    setup.deliver(HOUR, SUPPLY).unwrap();
    for day in 0..3 {
        setup.deliver_all(24 * day * HOUR + 2 * HOUR, 24 * day * HOUR + 10 * HOUR, HOUR, 500_000);
        setup.deliver_all(24 * day * HOUR + 11 * HOUR, 24 * day * HOUR + 25 * HOUR, HOUR, SUPPLY);
    }
    setup.deliver_all(74 * HOUR, 84 * HOUR, HOUR, SUPPLY);
    assert_eq!(setup.count(), 1);
    setup.deliver_all(85 * HOUR, 87 * HOUR, HOUR, SUPPLY);
    let (verdict, opened, closed, _) = setup.incident(1);
    assert_eq!((verdict, opened, closed), (CONFIRMED, HOUR, 83 * HOUR));
}

#[test]
fn between_the_levels_is_neither_short_nor_recovered() {
    let setup = Setup::reported();
    setup.deliver(HOUR, SUPPLY).unwrap();
    setup.deliver_all(2 * HOUR, 8 * HOUR, HOUR, 900_000);
    assert_eq!(setup.count(), 1);
    setup.deliver_all(9 * HOUR, 60 * HOUR, HOUR, 980_000);
    assert_eq!(setup.incident(1).2, 0);
    assert!(!setup.healthy());
}

// —————————————————————————————————————————————————————————————————————————————————————————————————— the supply

#[test]
fn tokens_that_exist_for_one_block_around_an_observation_count_for_nothing() {
    let setup = Setup::reported();
    let flash = amount(10 * SUPPLY, 6);
    for hour in 1..12 {
        // around the observation of each period, and around each delivery
        setup.warp_to(hour * HOUR);
        setup.token.mint(&setup.world, setup.anyone, flash);
        setup.observe();
        setup.token.burn(&setup.world, setup.anyone, flash);
        if hour > 1 {
            setup.warp_to(hour * HOUR + 20 * MINUTE);
            setup.token.mint(&setup.world, setup.anyone, flash);
            setup.report(setup.alias(), setup.world.now(), amount(SUPPLY, 6)).unwrap();
            setup.token.burn(&setup.world, setup.anyone, flash);
        }
        // one honest observation in the period is enough
        setup.warp_to(hour * HOUR + 40 * MINUTE);
        setup.observe();
        assert_eq!(setup.count(), 0);
        assert!(setup.series().2 == 1_000_000 || hour == 1);
    }
}

#[test]
fn a_supply_minted_after_the_backing_was_read_is_not_held_against_it() {
    let setup = Setup::reported();
    setup.warp_to(HOUR);
    setup.token.mint(&setup.world, setup.anyone, amount(SUPPLY, 6));
    setup.deliver(HOUR + 1, SUPPLY).unwrap();
    assert_eq!(setup.series().2, 1_000_000, "the supply observed before it counts");
    // and what was given back in between is not missed
    setup.token.burn(&setup.world, setup.anyone, amount(SUPPLY, 6));
    setup.token.burn(&setup.world, setup.world.address("holders"), amount(SUPPLY / 2, 6));
    setup.deliver(2 * HOUR, SUPPLY / 2).unwrap();
    assert_eq!(setup.series().2, 1_000_000);
}

#[test]
fn what_was_minted_without_backing_counts_a_period_later() {
    let setup = Setup::reported();
    setup.deliver(HOUR, SUPPLY).unwrap();
    setup.warp_to(2 * HOUR);
    setup.token.mint(&setup.world, setup.anyone, amount(SUPPLY, 6));
    setup.deliver_all(2 * HOUR, 40 * HOUR, HOUR, SUPPLY);
    assert_eq!(setup.incident(1), (CONFIRMED, 2 * HOUR, 0, 5_000));
}

#[test]
fn what_is_on_its_way_counts_as_backing() {
    let setup = Setup::empty();
    setup.register(IBridgeTrigger::Subject { inFlight: U96::from(50_000_000_000u64), ..setup.config() }).unwrap();
    setup.deliver(HOUR, 950_000).unwrap();
    assert_eq!(setup.series().2, 1_000_000);
    setup.deliver(2 * HOUR, 900_000).unwrap();
    assert_eq!(setup.series().2, 950_000);
}

#[test]
fn a_token_that_does_not_answer_proves_nothing() {
    let setup = Setup::reported();
    setup.deliver(HOUR, SUPPLY).unwrap();
    assert!(setup.healthy());
    setup.world.place_native(setup.token.at, Broken);
    setup.deliver(2 * HOUR, 0).unwrap_err().expect::<IBridgeTrigger::TokenNotHealthy>();
    assert_eq!(setup.observe(), (0, (0, 0, 0, 0)));
    assert!(!setup.healthy());
    assert_eq!(setup.enter(setup.anyone), (false, U256::ZERO, U256::ZERO));
}

#[test]
fn a_bridge_without_supply_is_whole() {
    let setup = Setup::reported();
    setup.token.burn(&setup.world, setup.world.address("holders"), amount(SUPPLY, 6));
    setup.deliver(HOUR, 0).unwrap();
    assert_eq!(setup.series().2, 1_000_000);
}

#[test]
fn decimals_of_both_sides_are_scaled() {
    for (decimals, reported) in [(0u8, 18u8), (6, 8), (8, 6), (18, 6), (27, 18), (18, 27)] {
        let setup = Setup::with(decimals);
        setup.register(setup.config()).unwrap();
        setup.warp_to(2 * HOUR);
        let call = IBridgeTrigger::deliverCall {
            subject: SUBJECT,
            token: setup.escrow_token,
            escrow: setup.escrow,
            balance: amount(SUPPLY / 4, reported),
            decimals: reported,
            time: setup.start + 2 * HOUR,
        };
        setup.world.send(setup.alias(), setup.trigger, call).unwrap();
        assert_eq!(setup.series().2, 250_000, "{decimals} and {reported} decimals");
        let backing = setup.world.read(setup.trigger, IBridgeTrigger::backingOfCall { subject: SUBJECT }).backing;
        assert_eq!(backing, u128::from(SUPPLY / 4) * 10u128.pow(18));
    }
}

#[test]
fn amounts_beyond_128_bits_are_as_much_as_fits() {
    let setup = Setup::reported();
    setup.deliver(HOUR, SUPPLY).unwrap();
    setup.warp_to(2 * HOUR);
    setup.report(setup.alias(), setup.world.now(), U256::MAX).unwrap();
    assert_eq!(setup.series().2, 1_000_000);
}

// ————————————————————————————————————————————————————————————————————————————————————————————————————— losses

#[test]
fn the_loss_is_what_was_missing_over_the_worst_full_window() {
    let setup = Setup::after_an_incident();
    assert_eq!(setup.incident(1), (CONFIRMED, 4 * HOUR, 72 * HOUR, 4_000));
    let worst =
        setup.world.read(setup.trigger, ISeriesTrigger::worstWindowCall { subject: SUBJECT, number: U256::ONE });
    assert_eq!(
        (worst.start, worst.lossBps, worst.comparedUntil),
        (setup.start + 5 * HOUR, 4_000, setup.start + 72 * HOUR)
    );
    // a window that is half in the shortage
    assert_eq!(setup.window(0, 90 * HOUR, 1, 35 * HOUR).unwrap(), (CONFIRMED, 4_000), "never less than the worst");
    let half = setup.world.read(setup.trigger, loss_over(&setup, 35 * HOUR));
    assert_eq!((half.known, half.lossBps), (true, 2_000));
    assert!(!setup.world.read(setup.trigger, loss_over(&setup, 0)).known, "before the first sample");
    assert!(!setup.world.read(setup.trigger, loss_over(&setup, 60 * HOUR)).known, "beyond the last one");
}

#[test]
fn a_policy_is_paid_the_worst_window_inside_its_covered_time() {
    let setup = Setup::after_an_incident();
    assert_eq!(setup.loss(0, 90 * HOUR, 1), (CONFIRMED, 4_000));
    assert_eq!(setup.loss(4 * HOUR, 28 * HOUR, 1), (CONFIRMED, 3_833), "23 of its 24 hours");
    assert_eq!(setup.loss(4 * HOUR, 27 * HOUR, 1), (NOT_MET, 0), "no full window");
    assert_eq!(setup.loss(4 * HOUR + 1, 90 * HOUR, 1), (NOT_MET, 0), "begun in the waiting period");
    assert_eq!(setup.loss(0, 4 * HOUR, 1), (NOT_MET, 0), "begun after its end");
    assert_eq!(setup.loss(0, 4 * HOUR + 1, 1).0, NOT_MET, "ended before a window was full");
    assert_eq!(setup.loss(0, 90 * HOUR, 2), (INCONCLUSIVE, 0), "an incident that is not known");
    assert_eq!(setup.loss(0, 90 * HOUR, 0), (NOT_MET, 0), "no incident at all");
    let refused = setup.window(4 * HOUR, 40 * HOUR, 1, 16 * HOUR + 1).unwrap_err();
    let covered = refused.expect::<ISeriesTrigger::WindowNotCovered>();
    assert_eq!((covered.first, covered.last), (setup.start + 4 * HOUR, setup.start + 16 * HOUR));
    setup.window(4 * HOUR, 40 * HOUR, 1, 3 * HOUR).unwrap_err().expect::<ISeriesTrigger::WindowNotCovered>();
}

#[test]
fn two_policies_are_told_the_same_of_one_event_however_often_they_ask() {
    let setup = Setup::after_an_incident();
    let first = setup.loss(0, 90 * HOUR, 1);
    assert_eq!(setup.loss(0, 90 * HOUR, 1), first);
    assert_eq!(setup.loss(HOUR, 91 * HOUR, 1), first);
    assert_eq!(setup.observe().0, 1, "the same samples are no second incident");
}

#[test]
fn the_loss_of_an_open_incident_only_rises() {
    let setup = Setup::reported();
    setup.deliver(HOUR, SUPPLY).unwrap();
    setup.deliver_all(2 * HOUR, 8 * HOUR, HOUR, 900_000);
    assert_eq!(setup.loss(0, 200 * HOUR, 1), (INCONCLUSIVE, 0), "no full window yet");
    let mut before = 0;
    for hour in 9..80 {
        setup.deliver(hour * HOUR, if hour < 40 { 900_000 } else { 400_000 }).unwrap();
        let (verdict, loss) = setup.loss(0, 200 * HOUR, 1);
        assert!(loss >= before && (verdict == CONFIRMED || loss == 0), "{hour}: {loss} after {before}");
        before = loss;
    }
    assert_eq!(before, 6_000);
}

#[test]
fn an_empty_escrow_is_a_whole_loss() {
    let setup = Setup::reported();
    setup.deliver(HOUR, SUPPLY).unwrap();
    setup.deliver_all(2 * HOUR, 40 * HOUR, HOUR, 0);
    assert_eq!(setup.incident(1), (CONFIRMED, HOUR, 0, 10_000));
    assert_eq!(setup.loss(0, 100 * HOUR, 1), (CONFIRMED, 10_000));
}

#[test]
fn a_second_shortage_is_a_second_incident_and_no_window_is_in_both() {
    let setup = Setup::after_an_incident();
    setup.deliver_all(76 * HOUR, 110 * HOUR, HOUR, 200_000);
    assert_eq!(setup.count(), 2);
    assert_eq!(setup.incident(2), (CONFIRMED, 75 * HOUR, 0, 8_000));
    // windows of the second lie after the closing of the first, at 72 h
    setup.window(0, 200 * HOUR, 2, 72 * HOUR - 1).unwrap_err().expect::<ISeriesTrigger::WindowNotCovered>();
    setup.window(0, 200 * HOUR, 2, 72 * HOUR).unwrap();
    setup.window(0, 200 * HOUR, 1, 48 * HOUR + 1).unwrap_err().expect::<ISeriesTrigger::WindowNotCovered>();
}

#[test]
fn a_long_incident_is_compared_in_pieces() {
    let setup = Setup::reported();
    setup.deliver(HOUR, SUPPLY).unwrap();
    setup.deliver(2 * HOUR, 500_000).unwrap();
    // twenty seconds apart: more than a thousand samples until it opens, each of them compared later
    for step in 1..=1_080 {
        setup.warp_to(2 * HOUR + 10 * MINUTE + step * 20);
        setup.report(setup.alias(), setup.world.now(), amount(500_000 - step, 6)).unwrap();
    }
    assert_eq!(setup.count(), 1);
    let slots = |setup: &Setup| {
        setup.world.read(setup.trigger, ISeriesTrigger::worstWindowCall { subject: SUBJECT, number: U256::ONE })
    };
    setup.deliver_all(9 * HOUR, 34 * HOUR, HOUR, 498_920);
    let before = slots(&setup).comparedUntil;
    let mut rounds = 0;
    let mut last = before;
    loop {
        setup.observe();
        let now = slots(&setup).comparedUntil;
        if now == last {
            break;
        }
        (last, rounds) = (now, rounds + 1);
    }
    assert!(rounds > 10, "{rounds} calls");
    assert_eq!(last, setup.start + 34 * HOUR);
    let (verdict, loss) = setup.loss(0, 90 * HOUR, 1);
    assert_eq!((verdict, loss), (CONFIRMED, 5_010));
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————— purchases

#[test]
fn cover_is_sold_on_a_fresh_sound_sample_only() {
    let setup = Setup::reported();
    assert!(!setup.healthy(), "nothing was reported yet");
    setup.deliver(HOUR, SUPPLY).unwrap();
    assert!(setup.healthy());
    setup.warp_to(3 * HOUR);
    assert!(setup.healthy());
    setup.warp_to(3 * HOUR + 1);
    assert!(!setup.healthy(), "older than the gap");
    setup.deliver(3 * HOUR + 1, 990_000).unwrap();
    assert!(!setup.healthy(), "not above the recovery ratio");
    setup.deliver(4 * HOUR, 990_001).unwrap();
    assert!(setup.healthy());
    // minted since: the newest backing is too little for what there is now
    setup.token.mint(&setup.world, setup.anyone, amount(2, 6));
    assert!(!setup.healthy());
    setup.token.burn(&setup.world, setup.anyone, amount(2, 6));
    for (down, age, sound) in [(true, 2 * HOUR, false), (false, HOUR, false), (false, HOUR + 1, true)] {
        setup.uptime.down.set(down);
        setup.uptime.started_at.set(setup.world.now() - age);
        assert_eq!(setup.healthy(), sound);
        assert_eq!(setup.enter(setup.anyone).0, sound);
    }
    setup.uptime.started_at.set(0);
    assert!(!setup.healthy(), "an uptime feed that never started");
    setup.uptime.broken.set(true);
    assert!(!setup.healthy());
}

#[test]
fn nothing_is_sold_while_an_incident_is_open() {
    let setup = Setup::reported();
    setup.deliver(HOUR, SUPPLY).unwrap();
    setup.deliver_all(2 * HOUR, 8 * HOUR, HOUR, 900_000);
    setup.deliver_all(9 * HOUR, 20 * HOUR, HOUR, SUPPLY);
    assert!(!setup.healthy());
    setup.deliver_all(21 * HOUR, 33 * HOUR, HOUR, SUPPLY);
    assert!(setup.healthy());
}

#[test]
fn interest_is_the_balance_and_size_the_supply_in_units_of_the_asset() {
    for (decimals, asset, unit) in [(6, 6, 1_000_000u64), (6, 0, 1), (18, 6, 1_000_000), (6, 18, 10u64.pow(18))] {
        let setup = Setup::with(decimals);
        setup.register(IBridgeTrigger::Subject { assetDecimals: asset, ..setup.config() }).unwrap();
        setup.token.mint(&setup.world, setup.anyone, amount(7, decimals));
        let (_, interest, size) = setup.enter(setup.anyone);
        assert_eq!(interest, U256::from(7) * U256::from(unit));
        assert_eq!(size, U256::from(SUPPLY + 7) * U256::from(unit));
        assert_eq!(setup.enter(setup.owner).1, U256::ZERO);
    }
    let setup = Setup::empty();
    setup.register(IBridgeTrigger::Subject { assetDecimals: 255, ..setup.config() }).unwrap();
    assert_eq!(setup.enter(setup.owner), (false, U256::MAX, U256::MAX));
}

// ———————————————————————————————————————————————————————————————————————————————————————————————— reserve feeds

#[test]
fn a_run_of_rounds_of_a_reserve_feed_is_an_incident() {
    let setup = Setup::fed();
    setup.round(4 * HOUR, SUPPLY);
    assert!(setup.healthy(), "by the latest round, which nobody has taken in");
    assert!(setup.enter(setup.anyone).0);
    setup.round(10 * HOUR, 800_000);
    assert!(!setup.healthy());
    setup.observe();
    setup.round(16 * HOUR, 800_000);
    assert_eq!(setup.observe().0, 1);
    // what it said until the run began is sound until the run began
    assert_eq!(setup.incident(1), (CONFIRMED, 10 * HOUR, 0, 0));
    setup.round(34 * HOUR, SUPPLY);
    setup.observe();
    setup.round(58 * HOUR, SUPPLY);
    setup.observe();
    assert_eq!(setup.incident(1), (CONFIRMED, 10 * HOUR, 58 * HOUR, 2_000));
    assert_eq!(setup.loss(10 * HOUR, 90 * HOUR, 1), (CONFIRMED, 2_000));
    assert_eq!(setup.loss(10 * HOUR + 1, 90 * HOUR, 1), (NOT_MET, 0));
}

#[test]
fn the_latest_round_counts_while_it_is_the_latest_for_its_heartbeat() {
    let setup = Setup::fed();
    setup.round(4 * HOUR, SUPPLY);
    setup.observe();
    setup.round(10 * HOUR, 800_000);
    setup.observe();
    setup.warp_to(16 * HOUR - 1);
    assert_eq!(setup.observe().0, 0);
    setup.warp_to(16 * HOUR);
    assert_eq!(setup.observe().0, 1);
    // a feed that dies while it is short: what it proved stays, and no more is known
    setup.warp_to(34 * HOUR);
    setup.observe();
    assert_eq!(setup.loss(0, 90 * HOUR, 1), (CONFIRMED, 2_000));
    let series = setup.series();
    setup.warp_to(34 * HOUR + 1);
    setup.observe();
    assert_eq!(setup.series(), series);
    setup.warp_to(80 * HOUR);
    assert_eq!(setup.observe().1.2, 0, "it is not closed for want of news");
}

#[test]
fn a_round_of_the_second_of_an_observation_is_taken_in() {
    // (what the round of that second says, whether there is an incident six hours after the first one)
    for (tokens, count) in [(800_000, 1), (700_000, 1), (SUPPLY, 0)] {
        let setup = Setup::fed();
        setup.observe();
        setup.round(10 * HOUR, 800_000);
        setup.observe();
        setup.warp_to(12 * HOUR);
        setup.observe();
        let before = setup.series();
        setup.round(12 * HOUR, tokens);
        setup.observe();
        assert_eq!(setup.series(), (before.0, 12 * HOUR, tokens), "no time has passed");
        setup.warp_to(16 * HOUR);
        assert_eq!(setup.observe().0, count, "{tokens}");
        assert_eq!(setup.healthy(), count == 0);
        // The next round goes on from it.
        setup.round(20 * HOUR, tokens);
        assert_eq!(setup.observe().0, count);
        if count == 1 {
            assert_eq!(setup.incident(1).1, 10 * HOUR, "from the first sample on");
        }
    }
}

#[test]
fn a_latest_round_does_not_count_on_while_the_sequencer_is_down() {
    let setup = Setup::fed();
    setup.round(4 * HOUR, SUPPLY);
    setup.observe();
    setup.round(10 * HOUR, 800_000);
    setup.observe();
    setup.uptime.down.set(true);
    setup.warp_to(17 * HOUR);
    assert_eq!(setup.observe().0, 0);
    setup.uptime.down.set(false);
    assert_eq!(setup.observe().0, 1);
}

#[test]
fn missed_rounds_are_taken_in_after_the_fact_in_pieces() {
    let setup = Setup::fed();
    for hour in 1..=60 {
        setup.round(hour * HOUR, if (10..30).contains(&hour) { 900_000 } else { SUPPLY });
        if hour % 12 == 0 {
            // the keeper observes the supply only: the feed is not readable for him
            setup.feed.state.broken.set(true);
            setup.observe();
            setup.feed.state.broken.set(false);
        }
    }
    assert_eq!(setup.count(), 0);
    let mut calls = 0;
    while setup.series().1 < 60 * HOUR {
        setup.observe();
        calls += 1;
        assert!(calls <= 4, "sixteen rounds a call");
    }
    assert_eq!((setup.incident(1).1, setup.incident(1).2), (10 * HOUR, 54 * HOUR));
}

#[test]
fn a_round_without_a_supply_observed_before_it_proves_nothing() {
    let setup = Setup::fed();
    setup.round(4 * HOUR, SUPPLY);
    setup.observe();
    // the supply is last observed at 4 h: nothing is known of it from 27 h + 3 h on
    setup.round(20 * HOUR, SUPPLY);
    setup.round(40 * HOUR, 500_000);
    setup.round(45 * HOUR, SUPPLY);
    setup.observe();
    assert_eq!(setup.series(), (2, 20 * HOUR, 1_000_000));
    setup.round(60 * HOUR, SUPPLY);
    setup.observe();
    assert_eq!((setup.series(), setup.count()), ((3, 60 * HOUR, 1_000_000), 0));
}

#[test]
fn rounds_that_are_wrong_are_passed_over() {
    let setup = Setup::fed();
    setup.round(4 * HOUR, SUPPLY);
    setup.observe();
    let at = setup.start + 5 * HOUR;
    setup.warp_to(6 * HOUR);
    setup.feed.push(0, at);
    setup.feed.push(-1, at);
    setup.feed.push(i128::MAX, at);
    setup.feed.push_raw(Raw { answer: 5, updated_at: 0, answered_in: None });
    setup.feed.push_raw(Raw { answer: 5, updated_at: at, answered_in: Some(1) });
    assert!(!setup.healthy(), "the latest round says nothing");
    setup.observe();
    setup.round(7 * HOUR, 980_000);
    setup.observe();
    assert_eq!(setup.series(), (3, 7 * HOUR, 980_000));
}

#[test]
fn a_round_of_the_future_waits_and_an_unreadable_one_stops_the_walk() {
    let setup = Setup::fed();
    setup.round(4 * HOUR, SUPPLY);
    setup.observe();
    let hidden = setup.round(5 * HOUR, SUPPLY);
    setup.round(6 * HOUR, 500_000);
    setup.feed.state.hidden.set(hidden);
    setup.observe();
    assert_eq!(setup.series().1, 4 * HOUR);
    setup.feed.state.hidden.set(0);
    setup.observe();
    assert_eq!(setup.series(), (3, 6 * HOUR, 500_000));
    setup.feed.push(10i128.pow(24), setup.start + 9 * HOUR);
    setup.observe();
    assert_eq!(setup.series().1, 6 * HOUR);
    setup.warp_to(9 * HOUR);
    setup.observe();
    assert_eq!(setup.series(), (4, 9 * HOUR, 1_000_000));
}

#[test]
fn nothing_is_known_of_the_time_in_which_the_phase_changed() {
    let setup = Setup::fed();
    setup.round(4 * HOUR, SUPPLY);
    setup.observe();
    setup.round(5 * HOUR, 500_000);
    setup.observe();
    setup.feed.start_phase(2);
    setup.round(12 * HOUR, 500_000);
    assert_eq!(setup.observe().0, 0);
    assert_eq!(setup.series(), (3, 12 * HOUR, 500_000));
    setup.warp_to(18 * HOUR);
    assert_eq!(setup.observe().0, 1);
    assert_eq!(setup.incident(1).1, 5 * HOUR);
}

#[test]
fn feeds_of_6_8_and_18_decimals_are_read() {
    for decimals in [6, 8, 18] {
        let setup = Setup::empty();
        setup.feed.state.decimals.set(decimals);
        let answer = |tokens: i128| tokens * 10i128.pow(u32::from(decimals));
        setup.feed.push(answer(1_000_000), setup.start);
        setup.register(setup.feed_config()).unwrap();
        setup.warp_to(4 * HOUR);
        setup.feed.push(answer(300_000), setup.start + 4 * HOUR);
        setup.observe();
        assert_eq!(setup.series().2, 300_000);
    }
}

// ——————————————————————————————————————————————————————————————————————————————————————————— against a plain model

/// What a second is worth between two samples, told second by second.
#[derive(Clone, Copy, PartialEq)]
struct Second {
    better: u64,
    worse: u64,
    known: bool,
}

/// Opening and closing moments and worst losses by walking every second, from (time, millionths).
fn model(samples: &[(u64, u64)], [duration, calm, window, gap]: [u64; 4]) -> Vec<(u64, u64, u16)> {
    let (trigger, recovery) = (970_000, 990_000);
    let mut seconds = Vec::new();
    for pair in samples.windows(2) {
        let [(from, before), (until, after)] = [pair[0], pair[1]];
        let known = until - from <= gap;
        let (better, worse) = (before.max(after), before.min(after));
        for _ in from..until {
            seconds.push(if known {
                Second { better, worse, known }
            } else {
                Second { better: 1_000_000, worse: 0, known }
            });
        }
    }
    let first = samples[0].0;
    let area = |start: u64| -> u128 {
        seconds[(start - first) as usize..(start - first + window) as usize].iter().map(|s| u128::from(s.better)).sum()
    };
    let loss = |start: u64| {
        ((u128::from(window) * 1_000_000 - area(start)) * 10_000 / (u128::from(window) * 1_000_000)) as u16
    };
    let mut incidents: Vec<(u64, u64, u16)> = Vec::new();
    let (mut short, mut sound, mut open, mut earliest) = (0, 0, false, first);
    for (index, &(time, _)) in samples.iter().enumerate().skip(1) {
        let (from, _) = samples[index - 1];
        for second in &seconds[(from - first) as usize..(time - first) as usize] {
            short = if second.known && second.better <= trigger { short + 1 } else { 0 };
            sound = if second.known && second.worse > recovery { sound + 1 } else { 0 };
        }
        if !open && short >= duration {
            let opened =
                samples[..index].iter().rev().find(|(_, value)| *value > trigger).map_or(first, |(time, _)| *time);
            incidents.push((opened, 0, 0));
            open = true;
        } else if open && sound >= calm {
            let last = incidents.last_mut().unwrap();
            last.1 = time - (sound - calm);
            open = false;
            let start = last.0.saturating_sub(window).max(earliest);
            last.2 = (start..=last.1 - window).map(loss).max().unwrap();
            earliest = last.1;
        }
    }
    if open {
        let last = incidents.last_mut().unwrap();
        let start = last.0.saturating_sub(window).max(earliest);
        let end = samples.last().unwrap().0;
        last.2 = (start..=end.saturating_sub(window)).map(loss).max().unwrap_or(0);
    }
    incidents
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_reports_give_what_a_walk_over_every_second_gives(
        steps in proptest::collection::vec((1u64..70, prop_oneof![Just(SUPPLY), Just(980_000), 0..970_001u64, Just(500_000)]), 8..60),
        calm in 60u64..100,
    ) {
        let setup = Setup::empty();
        let trigger = setup.world.address("fast");
        let arguments = (setup.owner, Address::ZERO, Address::ZERO, setup.reporter, 1u32).abi_encode_params();
        setup.world.construct::<BridgeTrigger>(trigger, setup.owner, arguments);
        let setup = Setup { trigger, ..setup };
        let rules = [120, calm, 90, 60];
        let [duration, recovery, window, gap] = rules.map(|time| time as u32);
        setup.register(IBridgeTrigger::Subject { duration, recovery, window, gap, period: 60, ..setup.config() }).unwrap();
        let mut samples = Vec::new();
        let mut time = 60;
        for (step, tokens) in steps {
            time += step;
            setup.warp_to(time);
            setup.report(setup.alias(), setup.world.now(), amount(tokens, 6)).unwrap();
            samples.push((time, tokens));
        }
        for _ in 0..6 {
            setup.observe();
        }
        let found: Vec<_> = (1..=setup.count()).map(|number| setup.incident(number)).collect();
        let expected: Vec<_> = model(&samples, rules).into_iter().map(|(o, c, w)| (CONFIRMED, o, c, w)).collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn a_sample_says_when_it_must_be_followed() {
    let setup = Setup::reported();
    setup.deliver(HOUR, SUPPLY).unwrap();
    let series = setup.world.read(setup.trigger, ISeriesTrigger::seriesOfCall { subject: SUBJECT });
    assert_eq!(series.validUntil, setup.start + 3 * HOUR);
    let sampled = &setup.world.events::<ISeriesTrigger::Sampled>(setup.trigger)[0];
    assert_eq!((sampled.time, sampled.value), (setup.start + HOUR, 10u64.pow(18)));
}

#[test]
fn no_two_functions_have_the_same_selector() {
    let world = World::new();
    let selectors = ITrigger::ITriggerCalls::selectors()
        .chain(ISeriesTrigger::ISeriesTriggerCalls::selectors())
        .chain(IBridgeTrigger::IBridgeTriggerCalls::selectors())
        .chain(IOwned::IOwnedCalls::selectors());
    let mut all: Vec<[u8; 4]> = selectors.collect();
    for selector in &all {
        assert!(world.routes::<BridgeTrigger>(*selector), "{selector:02x?} is missing");
    }
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count);
    assert!(!world.routes::<BridgeTrigger>(IERC20::transferCall::SELECTOR));
}
