//! Bridge trigger: tokens that are backed elsewhere by less than there is of them.
//!
//! Governance registers subjects: a token of this chain, and who vouches for its backing: a Chainlink reserve feed, or a
//! contract on L1 that reads the balance of the bridge's escrow for anyone and sends it here ([`BridgeTrigger::deliver`]).
//! A sample compares the backing of a moment with the supply that was observed before it; what follows from the samples
//! is [`protocol::trigger`]'s.
//!
//! Only static calls leave this contract, to contracts that governance chose: nobody can change anything in between, so
//! there is no lock.
//!
//! ```text
//! cursor    last round walked 80 | newest backing 128 | a round was lost 1 | – 47
//! supplies  by period: least supply observed in it 128 | observed 1 | – 127      (WAD)
//! ```
#![cfg_attr(not(test), no_main)]
extern crate alloc;

mod config;

use alloc::vec::Vec;

use alloy_primitives::{Address, B256, U256, address};
use alloy_sol_types::SolCall;
use protocol::{
    Result,
    abi::{
        IBridgeTrigger::{
            self, BackingReported, FeedNotHealthy, NotReporter, ReportNotNewer, ReportTooLate, SubjectRegistered,
            SupplyNotObserved, TokenNotHealthy, WrongEscrow,
        },
        IERC20, IOwned,
        ISeriesTrigger::{self, InvalidEvidence, SubjectExists, UnknownSubject},
        ITrigger,
    },
    call::{require_code, try_ask},
    emit, error,
    oracle::{self, Fault, MAX_DECIMALS, Round, Sequencer, phase},
    roles::Roles,
    routes,
    trigger::{
        Newest, Terms,
        course::{Course, Link, Sample, State},
        record::Record,
        rules::{Rules, out_of_bounds},
        window_start,
    },
};
use standards::{Word, dispatch::Encoded, encoder::Encoder, packed::Packed};
use stylus_sdk::{
    prelude::*,
    storage::{StorageAddress, StorageMap, StorageU32, StorageU256},
    stylus_core::host::{BlockAccess, MessageAccess},
};

use config::{Config, LOOKBACK, Subject, wad};

/// How old a report may be when it arrives.
const MOST_DELAY: u64 = 60 * 60;

/// Most rounds that one call takes in.
const MOST_ROUNDS: u128 = 16;

/// What the address of a contract on L1 is moved by when it calls.
const ALIAS: Address = address!("1111000000000000000000000000000000001111");

/// What is kept of one subject.
#[storage]
pub struct Book {
    config_0: StorageU256,
    config_1: StorageU256,
    config_2: StorageU256,
    cursor: StorageU256,
    supplies: StorageMap<U256, StorageU256>,
    record: Record,
}

/// Where the walk over a feed's rounds stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cursor {
    /// The last round walked.
    id: u128,
    /// The newest backing in WAD.
    backing: u128,
    /// Whether what the last round said could not be taken in: nothing is known from there to the next one.
    lost: bool,
}

/// The contract.
#[entrypoint]
#[storage]
pub struct BridgeTrigger {
    roles: Roles,
    /// The chain's uptime feed; zero where it has none.
    sequencer: StorageAddress,
    /// The BackingReporter on L1; zero where there is none.
    reporter: StorageAddress,
    /// The least number of seconds of a subject's times.
    shortest: StorageU32,
    subjects: StorageMap<B256, Book>,
}

routes! {
    BridgeTrigger, constructor(owner, setup, sequencer_feed, reporter, shortest);
    ITrigger::observeCall => observe(subject, evidence);
    ITrigger::enterCall => enter(subject, insured, position);
    ITrigger::proveCall => prove(terms, entry, number, evidence);
    ITrigger::healthyCall => healthy(subject);
    ITrigger::incidentsCall => incidents(subject);
    ITrigger::incidentCall => incident(subject, number);
    ITrigger::lossCall => loss(terms, entry, number);
    ISeriesTrigger::seriesOfCall => series_of(subject);
    ISeriesTrigger::worstWindowCall => worst_window(subject, number);
    ISeriesTrigger::windowLossCall => window_loss(subject, start);
    ISeriesTrigger::sequencerFeedCall => sequencer_feed();
    ISeriesTrigger::shortestCall => shortest();
    IBridgeTrigger::registerCall => register(subject, config);
    IBridgeTrigger::deliverCall => deliver(subject, token, escrow, balance, decimals, time);
    IBridgeTrigger::subjectOfCall => subject_of(subject);
    IBridgeTrigger::backingOfCall => backing_of(subject);
    IBridgeTrigger::supplyBeforeCall => supply_before(subject, time);
    IBridgeTrigger::reporterCall => reporter();
    IOwned::ownerCall => owner();
    IOwned::pendingOwnerCall => pending_owner();
    IOwned::transferOwnershipCall => transfer_ownership(owner);
    IOwned::acceptOwnershipCall => accept_ownership();
    IOwned::setupCall => setup();
    IOwned::finishSetupCall => finish_setup();
    IOwned::guardianCall => guardian();
    IOwned::setGuardianCall => set_guardian(guardian);
}

protocol::owned!(BridgeTrigger, roles);

impl BridgeTrigger {
    /// The owner is the timelock, `setup` the deployer's key until it finishes the set-up. `sequencer_feed` is the
    /// chain's uptime feed (zero where it has none), `reporter` the BackingReporter on L1 (zero: reserve feeds only),
    /// `shortest` the least number of seconds of a subject's times.
    fn constructor(
        &mut self,
        owner: Address,
        setup: Address,
        sequencer_feed: Address,
        reporter: Address,
        shortest: u32,
    ) -> Result<()> {
        self.roles.construct(owner, setup)?;
        if !sequencer_feed.is_zero() {
            require_code(self.vm(), sequencer_feed)?;
        }
        if shortest == 0 {
            return Err(out_of_bounds(b"shortest", 0));
        }
        self.sequencer.set(sequencer_feed);
        self.reporter.set(reporter);
        self.shortest.set(shortest.try_into().unwrap_or_default());
        Ok(())
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————— taking in

    /// Observes the supply, takes in the rounds of a reserve feed, compares the windows of an open incident, and answers
    /// with the newest incident (number 0: none yet). Anyone.
    ///
    /// # Errors
    /// `UnknownSubject`, `InvalidEvidence`.
    ///
    /// # Events
    /// `Sampled`, `IncidentOpened`, `WindowsCompared`, `IncidentClosed`.
    fn observe(&mut self, subject: B256, evidence: &[u8]) -> Result<Newest> {
        if !evidence.is_empty() {
            return Err(error!(InvalidEvidence));
        }
        let config = self.config(subject)?;
        self.take_in(subject, &config);
        let mut book = self.subjects.setter(subject);
        book.record.compare(subject);
        Ok(book.record.newest())
    }

    /// A report from L1: what the escrow held at `time`. It is compared with the supply that was observed before, and not
    /// more than there is now.
    ///
    /// # Errors
    /// `NotReporter`, `UnknownSubject`, `WrongEscrow`, `ReportTooLate`, `ReportNotNewer`, `TokenNotHealthy`,
    /// `SupplyNotObserved`.
    ///
    /// # Events
    /// `BackingReported`, and those of [`BridgeTrigger::observe`].
    fn deliver(
        &mut self,
        subject: B256,
        token: Address,
        escrow: Address,
        balance: U256,
        decimals: u8,
        time: u64,
    ) -> Result<()> {
        let (caller, reporter) = (self.vm().msg_sender(), self.reporter.get());
        if reporter.is_zero() || caller != alias_of(reporter) {
            return Err(error!(NotReporter, caller));
        }
        let config = self.config(subject)?;
        if config.is_feed || config.escrow_token != token || config.source != escrow || decimals > MAX_DECIMALS {
            return Err(error!(WrongEscrow, token, escrow));
        }
        let now = self.vm().block_timestamp();
        if time > now || now - time > MOST_DELAY {
            return Err(error!(ReportTooLate, time, now));
        }
        let last = self.subjects.getter(subject).record.course().time;
        if time <= last {
            return Err(error!(ReportNotNewer, time, last));
        }
        let Some(supply) = self.supply(&config) else { return Err(error!(TokenNotHealthy, config.token)) };
        let mut book = self.subjects.setter(subject);
        let Some(observed) = book.supply_before(&config, time) else {
            return Err(error!(SupplyNotObserved, subject, time));
        };
        book.note_supply(&config, now, supply);
        let backing = wad(balance, decimals, true);
        book.set_cursor(Cursor { id: 0, backing, lost: false });
        let gap = book.record.rules().gap;
        let sample = Sample {
            time,
            value: config.ratio(backing, observed.min(supply)),
            suspected: false,
            link: Link::Ends,
            valid_until: time + gap,
        };
        emit!(self.vm(), BackingReported, [subject], [time, balance, decimals]);
        self.subjects.setter(subject).record.take(subject, &sample);
        Ok(())
    }

    /// For a purchase: takes in what there is, and answers whether the subject is healthy: no incident open, its newest
    /// sample valid and above the recovery ratio, its newest backing above it for the supply of now, no round left to
    /// take in, the sequencer up. The entry is empty.
    ///
    /// # Errors
    /// `UnknownSubject`.
    fn enter(&mut self, subject: B256, insured: Address, _position: B256) -> Result<Encoded> {
        let config = self.config(subject)?;
        self.take_in(subject, &config);
        let healthy = self.is_healthy(subject, &config);
        let interest = self.token_word(&config, IERC20::balanceOfCall::SELECTOR, &[insured.word()]).unwrap_or(0);
        let size = self.supply(&config).unwrap_or(0);
        let mut answer = Encoder::new(&[], 4);
        answer.word(healthy.word()).bytes(&[]).word(config.in_asset(interest)).word(config.in_asset(size));
        Ok(Encoded(answer.finish()))
    }

    // ———————————————————————————————————————————————————————————————————————————————————————————————— claims

    /// A policy's verdict and loss under an incident, by the window that `evidence` names (empty: the worst one).
    /// Everything was proven when samples were taken in, so nothing is stored.
    ///
    /// # Errors
    /// `UnknownSubject`, `InvalidEvidence`, `WindowNotCovered`.
    fn prove(&self, terms: Terms, _entry: &[u8], number: U256, evidence: &[u8]) -> Result<(u8, u16)> {
        self.config(terms.subject)?;
        let wanted = window_start(evidence)?;
        self.subjects.getter(terms.subject).record.assess(terms.start, terms.end, number, wanted)
    }

    /// What [`BridgeTrigger::prove`] answers without evidence.
    ///
    /// # Errors
    /// `UnknownSubject`.
    fn loss(&self, terms: Terms, _entry: &[u8], number: U256) -> Result<(u8, u16)> {
        self.config(terms.subject)?;
        self.subjects.getter(terms.subject).record.assess(terms.start, terms.end, number, None)
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————— views

    /// Whether cover on the subject could be sold now, by the newest sample or the feed's latest round;
    /// [`BridgeTrigger::enter`] takes in the rounds in between as well. False for an unknown one.
    fn healthy(&self, subject: B256) -> bool {
        self.config(subject).is_ok_and(|config| self.is_healthy(subject, &config))
    }

    /// How many incidents a subject has had.
    ///
    /// # Errors
    /// `UnknownSubject`.
    fn incidents(&self, subject: B256) -> Result<U256> {
        self.config(subject)?;
        Ok(self.subjects.getter(subject).record.newest().0)
    }

    /// An incident by its number.
    ///
    /// # Errors
    /// `UnknownSubject`, `UnknownIncident`.
    fn incident(&self, subject: B256, number: U256) -> Result<(u8, u64, u64, u16)> {
        self.config(subject)?;
        self.subjects.getter(subject).record.incident_of(subject, number)
    }

    /// How many samples there are, the newest one's time and value, and until when the next one must follow.
    ///
    /// # Errors
    /// `UnknownSubject`.
    fn series_of(&self, subject: B256) -> Result<(U256, u64, u64, u64)> {
        self.config(subject)?;
        let Course { samples, time, value, valid_until, .. } = self.subjects.getter(subject).record.course();
        Ok((U256::from(samples), time, value, valid_until))
    }

    /// The worst window of an incident so far: its start, its loss, and up to when windows have been compared.
    ///
    /// # Errors
    /// `UnknownSubject`, `UnknownIncident`.
    fn worst_window(&self, subject: B256, number: U256) -> Result<(u64, u16, u64)> {
        self.config(subject)?;
        self.subjects.getter(subject).record.worst_window(subject, number)
    }

    /// The loss over the window that begins at `start`; not known where the samples do not reach over it.
    ///
    /// # Errors
    /// `UnknownSubject`.
    fn window_loss(&self, subject: B256, start: u64) -> Result<(bool, u16)> {
        self.config(subject)?;
        Ok(self.subjects.getter(subject).record.window_loss(start))
    }

    /// A subject's configuration.
    ///
    /// # Errors
    /// `UnknownSubject`.
    fn subject_of(&self, subject: B256) -> Result<[U256; 13]> {
        let config = self.config(subject)?;
        Ok(config.words(&self.subjects.getter(subject).record.rules()))
    }

    /// The last round that was walked, and the newest backing in WAD.
    ///
    /// # Errors
    /// `UnknownSubject`.
    fn backing_of(&self, subject: B256) -> Result<(u128, u128)> {
        self.config(subject)?;
        let Cursor { id, backing, .. } = self.subjects.getter(subject).cursor();
        Ok((id, backing))
    }

    /// The supply that a sample of `time` is compared with, in WAD, as far as it was observed.
    ///
    /// # Errors
    /// `UnknownSubject`.
    fn supply_before(&self, subject: B256, time: u64) -> Result<(bool, u128)> {
        let config = self.config(subject)?;
        let supply = self.subjects.getter(subject).supply_before(&config, time);
        Ok((supply.is_some(), supply.unwrap_or_default()))
    }

    /// The chain's uptime feed; zero where it has none.
    fn sequencer_feed(&self) -> Address {
        self.sequencer.get()
    }

    /// The BackingReporter on L1; zero where there is none.
    fn reporter(&self) -> Address {
        self.reporter.get()
    }

    /// The least number of seconds of a subject's times.
    fn shortest(&self) -> u32 {
        self.shortest.get().to::<u32>()
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————— owner

    /// Registers a subject for ever, and observes its supply for the first time. The feed's latest round is where the
    /// walk begins: it is no sample, since no supply was observed before it.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`, `SubjectExists`, `ParameterOutOfBounds`, `TokenNotHealthy`, `FeedNotHealthy`.
    ///
    /// # Events
    /// `SubjectRegistered`.
    fn register(&mut self, subject: B256, config: Subject) -> Result<()> {
        self.roles.only_owner()?;
        if subject.is_zero() {
            return Err(out_of_bounds(b"subject", 0));
        }
        if self.config(subject).is_ok() {
            return Err(error!(SubjectExists, subject));
        }
        let (token, feed) = config.sources();
        if feed.is_zero() && self.reporter.get().is_zero() {
            return Err(out_of_bounds(b"feed", 0));
        }
        let token_not_healthy = || error!(TokenNotHealthy, token);
        let feed_not_healthy = || error!(FeedNotHealthy, feed);
        let vm = self.vm().clone();
        let token_decimals = oracle::decimals(&vm, token).ok_or_else(token_not_healthy)?;
        let supply = try_ask(&vm, token, IERC20::totalSupplyCall::SELECTOR, &[], 1)
            .and_then(|answer| answer.word(0).ok())
            .map(|supply| wad(supply, token_decimals, false))
            .filter(|supply| *supply > 0)
            .ok_or_else(token_not_healthy)?;
        let feed_decimals =
            if feed.is_zero() { 0 } else { oracle::decimals(&vm, feed).ok_or_else(feed_not_healthy)? };
        let (config, rules) = Config::checked(&config, token_decimals, feed_decimals, supply, self.shortest().into())?;
        let mut book = self.subjects.setter(subject);
        if config.is_feed {
            let latest = oracle::fresh(&vm, &config.feed(rules.gap)).map_err(|_| feed_not_healthy())?;
            if config.ratio(latest.price, supply) <= rules.recovery {
                return Err(feed_not_healthy());
            }
            book.set_cursor(Cursor { id: latest.id, backing: latest.price, lost: true });
        }
        let [first, second, third] = config.pack();
        book.config_0.set(first);
        book.config_1.set(second);
        book.config_2.set(third);
        book.record.begin(&rules);
        book.note_supply(&config, vm.block_timestamp(), supply);
        emit!(&vm, SubjectRegistered, [subject, token, config.source], []);
        Ok(())
    }
}

impl BridgeTrigger {
    /// A subject's configuration.
    ///
    /// # Errors
    /// `UnknownSubject`.
    fn config(&self, subject: B256) -> Result<Config> {
        let book = self.subjects.getter(subject);
        let config = Config::unpack([book.config_0.get(), book.config_1.get(), book.config_2.get()]);
        if config.token.is_zero() {
            return Err(error!(UnknownSubject, subject));
        }
        Ok(config)
    }

    /// What the token answers, in WAD, rounded down; nothing where it does not.
    fn token_word(&self, config: &Config, selector: [u8; 4], words: &[U256]) -> Option<u128> {
        let answer = try_ask(self.vm(), config.token, selector, words, 1)?;
        Some(wad(answer.word(0).ok()?, config.token_decimals, false))
    }

    /// The token's supply in WAD.
    fn supply(&self, config: &Config) -> Option<u128> {
        self.token_word(config, IERC20::totalSupplyCall::SELECTOR, &[])
    }

    /// Observes the supply and takes in what the reserve feed has.
    fn take_in(&mut self, subject: B256, config: &Config) {
        // Where the token does not answer nobody knows: nothing is compared with nothing.
        let Some(supply) = self.supply(config) else { return };
        let now = self.vm().block_timestamp();
        self.subjects.setter(subject).note_supply(config, now, supply);
        if config.is_feed {
            self.take_rounds(subject, config, supply);
        }
    }

    /// Takes in the rounds that follow in the phase of the last one, as far as they can be read; where the phase has
    /// changed, the latest round, with nothing known of the time before it.
    fn take_rounds(&mut self, subject: B256, config: &Config, supply: u128) {
        let vm = self.vm().clone();
        let sequencer = self.sequencer.get();
        let mut book = self.subjects.setter(subject);
        let rules = book.record.rules();
        let feed = config.feed(rules.gap);
        let Ok(latest) = oracle::latest(&vm, &feed) else { return };
        let mut cursor = book.cursor();
        let same_phase = phase(cursor.id) == phase(latest.id);
        let from = if same_phase { cursor.id + 1 } else { latest.id };
        cursor.lost |= !same_phase;
        for id in from..=latest.id.min(from + MOST_ROUNDS - 1) {
            let round = if id == latest.id { Ok(latest) } else { oracle::round(&vm, &feed, id) };
            match round {
                Ok(round) => {
                    let link = if cursor.lost { Link::Unknown } else { Link::Held };
                    cursor.lost = !book.take_round(subject, config, &rules, &round, supply, link);
                    cursor.backing = round.price;
                }
                // It has no reserve, and never will.
                Err(Fault::Missing | Fault::Incomplete | Fault::NotPositive | Fault::TooLarge) => {}
                Err(_) => return,
            }
            cursor.id = id;
            book.set_cursor(cursor);
        }
        // What the latest round says still holds.
        let now = vm.block_timestamp();
        let course = book.record.course();
        if cursor.id == latest.id
            && course.is_tense(&rules)
            && is_sample_of(&course, &latest, &rules)
            && now <= course.valid_until
            && oracle::sequencer(&vm, sequencer) == Sequencer::Up
        {
            let Course { value, suspected, valid_until, .. } = course;
            book.record.take(subject, &Sample { time: now, value, suspected, link: Link::Held, valid_until });
        }
    }

    fn is_healthy(&self, subject: B256, config: &Config) -> bool {
        let vm = self.vm();
        let book = self.subjects.getter(subject);
        let (course, rules) = (book.record.course(), book.record.rules());
        let Some(supply) = self.supply(config) else { return false };
        let taken = course.samples > 0 && course.value > rules.recovery;
        let (sound, backing) = if config.is_feed {
            let Ok(latest) = oracle::fresh(vm, &config.feed(rules.gap)) else { return false };
            // A round that was not taken in yet must be sound by what was observed before it.
            let sound = if is_sample_of(&course, &latest, &rules) {
                taken
            } else {
                latest.updated_at > course.time
                    && book
                        .supply_before(config, latest.updated_at)
                        .is_some_and(|observed| config.ratio(latest.price, observed) > rules.recovery)
            };
            (sound, latest.price)
        } else {
            (taken && vm.block_timestamp() <= course.valid_until, book.cursor().backing)
        };
        sound
            && course.state == State::Quiet
            && config.ratio(backing, supply) > rules.recovery
            && oracle::sequencer(vm, self.sequencer.get()) == Sequencer::Up
    }
}

impl Book {
    fn cursor(&self) -> Cursor {
        let word = Packed(self.cursor.get());
        Cursor { id: word.u128(0, 80), backing: word.u128(80, 128), lost: word.u64(208, 1) == 1 }
    }

    fn set_cursor(&mut self, cursor: Cursor) {
        let word = Packed::default().with_u128(0, 80, cursor.id).with_u128(80, 128, cursor.backing).with_u64(
            208,
            1,
            cursor.lost.into(),
        );
        self.cursor.set(word.0);
    }

    /// Keeps an observed supply where it is the least of its period.
    fn note_supply(&mut self, config: &Config, now: u64, supply: u128) {
        let mut place = self.supplies.setter(U256::from(now / config.period));
        let before = Packed(place.get());
        if before.u64(128, 1) == 0 || supply < before.u128(0, 128) {
            place.set(Packed::default().with_u128(0, 128, supply).with_u64(128, 1, 1).0);
        }
    }

    /// The least supply of the newest period before that of `time` in which it was observed, [`LOOKBACK`] periods back
    /// at most.
    fn supply_before(&self, config: &Config, time: u64) -> Option<u128> {
        let period = time / config.period;
        (1..=LOOKBACK)
            .filter_map(|back| period.checked_sub(back))
            .map(|period| Packed(self.supplies.get(U256::from(period))))
            .find(|word| word.u64(128, 1) == 1)
            .map(|word| word.u128(0, 128))
    }

    /// Takes in one round, if the supply was observed before it and no later sample was taken; else it is lost: false. In
    /// the second of the last sample, of which somebody found that the round before still held, it takes its place.
    fn take_round(
        &mut self,
        subject: B256,
        config: &Config,
        rules: &Rules,
        round: &Round,
        supply: u128,
        link: Link,
    ) -> bool {
        let Some(observed) = self.supply_before(config, round.updated_at) else { return false };
        let sample = Sample {
            time: round.updated_at,
            value: config.ratio(round.price, observed.min(supply)),
            suspected: false,
            link,
            valid_until: round.updated_at + rules.gap,
        };
        let course = self.record.course();
        if course.samples > 0 && course.time == sample.time {
            self.record.amend(subject, &sample);
            return true;
        }
        self.record.take(subject, &sample)
    }
}

/// Whether the newest sample comes from the round.
fn is_sample_of(course: &Course, round: &Round, rules: &Rules) -> bool {
    course.samples > 0 && course.valid_until == round.updated_at + rules.gap
}

/// The address that a contract on L1 calls with.
fn alias_of(on_l1: Address) -> Address {
    let sum = on_l1.word().wrapping_add(ALIAS.word());
    Packed(sum).address(0)
}
