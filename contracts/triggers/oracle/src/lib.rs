//! Oracle trigger: feeds that say something else than the market.
//!
//! Governance registers subjects: a feed, and two references of the same price, a second feed and a Uniswap v3 pool. A
//! sample reads all three as they are ([`OracleTrigger::observe`], anyone) and says whether the feed is wrong, by how much,
//! or whether one reference alone says so; what follows from the samples is [`protocol::trigger`]'s.
//!
//! - [`config`]: what a subject is; [`pool`]: the pool's mean price.
//!
//! Only static calls leave this contract, to contracts that governance chose: nobody can change anything in between, so
//! there is no lock.
#![cfg_attr(not(test), no_main)]
extern crate alloc;

mod config;
mod pool;

use alloc::vec::Vec;

use alloy_primitives::{Address, B256, U256};
use protocol::{
    Result,
    abi::{
        IOracleTrigger::{self, SourcesNotHealthy, SubjectRegistered},
        IOwned,
        ISeriesTrigger::{self, InvalidEvidence, SubjectExists, UnknownSubject},
        ITrigger,
    },
    call::require_code,
    emit, error,
    oracle::{self, Feed, Round, Sequencer, phase},
    roles::Roles,
    routes,
    trigger::{
        Newest, Terms, WHOLE,
        course::{Course, Link, Sample, State},
        record::Record,
        rules::out_of_bounds,
        window_start,
    },
};
use standards::{Word, dispatch::Encoded, encoder::Encoder};
use stylus_sdk::{
    host::VM,
    prelude::*,
    storage::{StorageAddress, StorageMap, StorageU32, StorageU256},
    stylus_core::host::BlockAccess,
};

use config::{Config, Subject, deviation};
use pool::Mean;

/// Most rounds of the feed between two samples that are read.
const MOST_ROUNDS: u128 = 8;

/// The part of the gap in which a second sample that finds nothing is not kept: an eighth.
const REPEAT_DIVISOR: u64 = 8;

/// What is kept of one subject.
#[storage]
pub struct Book {
    config_0: StorageU256,
    config_1: StorageU256,
    config_2: StorageU256,
    config_3: StorageU256,
    /// The last round of the feed that was read.
    cursor: StorageU256,
    record: Record,
}

/// The contract.
#[entrypoint]
#[storage]
pub struct OracleTrigger {
    roles: Roles,
    /// The chain's uptime feed; zero where it has none.
    sequencer: StorageAddress,
    /// The least number of seconds of a subject's times.
    shortest: StorageU32,
    subjects: StorageMap<B256, Book>,
}

/// What the three sources say; a reference that does not count is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Prices {
    feed: Option<Round>,
    second: Option<u128>,
    pool: Option<u128>,
    mean: Option<Mean>,
}

/// What the references say of a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    /// Too little to say.
    Unknown,
    /// Neither finds it wrong.
    Sound,
    /// One alone finds it wrong.
    Suspected,
    /// Both do, and agree: so much is whole.
    Wrong(u64),
}

impl Finding {
    /// What the references find of a price of the feed.
    fn of(config: &Config, price: u128, prices: &Prices) -> Self {
        let limit = config.deviation();
        match (prices.second, prices.pool) {
            (Some(second), Some(pool)) => {
                let (first, other) = (deviation(price, second), deviation(price, pool));
                if first <= limit && other <= limit {
                    Self::Sound
                } else if first > limit && other > limit && agree(config, second, pool) {
                    Self::Wrong(WHOLE - config.beyond(first.min(other)))
                } else {
                    Self::Suspected
                }
            }
            (Some(truth), None) | (None, Some(truth)) if deviation(price, truth) > limit => Self::Suspected,
            _ => Self::Unknown,
        }
    }
}

/// Whether two references agree within half of D.
fn agree(config: &Config, one: u128, other: u128) -> bool {
    deviation(one.max(other), one.min(other)) <= config.deviation() / 2
}

routes! {
    OracleTrigger, constructor(owner, setup, sequencer_feed, shortest);
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
    IOracleTrigger::registerCall => register(subject, config);
    IOracleTrigger::subjectOfCall => subject_of(subject);
    IOracleTrigger::pricesOfCall => prices_of(subject);
    IOracleTrigger::cursorOfCall => cursor_of(subject);
    IOwned::ownerCall => owner();
    IOwned::pendingOwnerCall => pending_owner();
    IOwned::transferOwnershipCall => transfer_ownership(owner);
    IOwned::acceptOwnershipCall => accept_ownership();
    IOwned::setupCall => setup();
    IOwned::finishSetupCall => finish_setup();
    IOwned::guardianCall => guardian();
    IOwned::setGuardianCall => set_guardian(guardian);
}

protocol::owned!(OracleTrigger, roles);

impl OracleTrigger {
    /// The owner is the timelock, `setup` the deployer's key until it finishes the set-up. `sequencer_feed` is the
    /// chain's uptime feed (zero where it has none), `shortest` the least number of seconds of a subject's times.
    fn constructor(&mut self, owner: Address, setup: Address, sequencer_feed: Address, shortest: u32) -> Result<()> {
        self.roles.construct(owner, setup)?;
        if !sequencer_feed.is_zero() {
            require_code(self.vm(), sequencer_feed)?;
        }
        if shortest == 0 {
            return Err(out_of_bounds(b"shortest", 0));
        }
        self.sequencer.set(sequencer_feed);
        self.shortest.set(shortest.try_into().unwrap_or_default());
        Ok(())
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————— taking in

    /// Takes a sample, compares the windows of an open incident, and answers with the newest incident (number 0: none
    /// yet). Anyone.
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
        let prices = read(self.vm(), &config);
        if !self.sample(subject, &config, &prices) {
            self.subjects.setter(subject).record.compare(subject);
        }
        Ok(self.subjects.getter(subject).record.newest())
    }

    /// For a purchase: takes a sample, and answers whether the subject is healthy: the feed fresh and within D / 2 of both
    /// references, these within D / 2 of each other, nothing found or open, the sequencer up. The entry is empty.
    ///
    /// # Errors
    /// `UnknownSubject`.
    fn enter(&mut self, subject: B256, _insured: Address, _position: B256) -> Result<Encoded> {
        let config = self.config(subject)?;
        let prices = read(self.vm(), &config);
        self.sample(subject, &config, &prices);
        let healthy = self.is_healthy(subject, &config, &prices);
        let size = prices.mean.map_or(U256::ZERO, |mean| config.size(&mean));
        let mut answer = Encoder::new(&[], 4);
        answer.word(healthy.word()).bytes(&[]).word(U256::MAX).word(size);
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

    /// What [`OracleTrigger::prove`] answers without evidence.
    ///
    /// # Errors
    /// `UnknownSubject`.
    fn loss(&self, terms: Terms, _entry: &[u8], number: U256) -> Result<(u8, u16)> {
        self.config(terms.subject)?;
        self.subjects.getter(terms.subject).record.assess(terms.start, terms.end, number, None)
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————— views

    /// Whether cover on the subject could be sold now, as [`OracleTrigger::enter`] would find. False for an unknown one.
    fn healthy(&self, subject: B256) -> bool {
        self.config(subject).is_ok_and(|config| self.is_healthy(subject, &config, &read(self.vm(), &config)))
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
    fn subject_of(&self, subject: B256) -> Result<[U256; 16]> {
        let config = self.config(subject)?;
        Ok(config.words(&self.subjects.getter(subject).record.rules()))
    }

    /// The three prices as a sample would take them now, in WAD; zero where there is none.
    ///
    /// # Errors
    /// `UnknownSubject`.
    fn prices_of(&self, subject: B256) -> Result<(u128, u128, u128)> {
        let config = self.config(subject)?;
        let Prices { feed, second, pool, .. } = read(self.vm(), &config);
        Ok((feed.map_or(0, |round| round.price), second.unwrap_or(0), pool.unwrap_or(0)))
    }

    /// The last round of the feed that was read.
    ///
    /// # Errors
    /// `UnknownSubject`.
    fn cursor_of(&self, subject: B256) -> Result<U256> {
        self.config(subject)?;
        Ok(self.subjects.getter(subject).cursor.get())
    }

    /// The chain's uptime feed; zero where it has none.
    fn sequencer_feed(&self) -> Address {
        self.sequencer.get()
    }

    /// The least number of seconds of a subject's times.
    fn shortest(&self) -> u32 {
        self.shortest.get().to::<u32>()
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————— owner

    /// Registers a subject for ever. Its sources must agree, so that no wrong pair, direction or decimals get in.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`, `SubjectExists`, `ParameterOutOfBounds`, `SourcesNotHealthy`.
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
        let Subject { feed, second_feed, pool, inverted, .. } = config;
        let not_healthy = || error!(SourcesNotHealthy, feed, second_feed, pool);
        let vm = self.vm().clone();
        let decimals = |at| oracle::decimals(&vm, at).ok_or_else(not_healthy);
        let [token0, token1] = pool::tokens(&vm, pool).ok_or_else(not_healthy)?;
        let [base, quote] = if inverted { [token1, token0] } else { [token0, token1] };
        let all = [decimals(feed)?, decimals(second_feed)?, decimals(base)?, decimals(quote)?];
        let floored = Feed { at: second_feed, decimals: all[1], heartbeat: 0, floor: 0 };
        let floor = oracle::min_answer(&vm, &floored).unwrap_or(0);
        let (config, rules) = Config::checked(&config, all, floor, self.shortest().into())?;
        if !are_sound(&vm, &config, &read(&vm, &config)) {
            return Err(not_healthy());
        }
        let mut book = self.subjects.setter(subject);
        let [first, second, third, fourth] = config.pack();
        book.config_0.set(first);
        book.config_1.set(second);
        book.config_2.set(third);
        book.config_3.set(fourth);
        book.record.begin(&rules);
        emit!(&vm, SubjectRegistered, [subject, feed, pool], []);
        Ok(())
    }
}

impl OracleTrigger {
    /// A subject's configuration.
    ///
    /// # Errors
    /// `UnknownSubject`.
    fn config(&self, subject: B256) -> Result<Config> {
        let book = self.subjects.getter(subject);
        let words = [book.config_0.get(), book.config_1.get(), book.config_2.get(), book.config_3.get()];
        let config = Config::unpack(words);
        if config.feed.at.is_zero() {
            return Err(error!(UnknownSubject, subject));
        }
        Ok(config)
    }

    /// Takes a sample where there is something to say; whether it did.
    fn sample(&mut self, subject: B256, config: &Config, prices: &Prices) -> bool {
        let vm = self.vm().clone();
        // Prices from before the sequencer's rest are none, whatever their age.
        if oracle::sequencer(&vm, self.sequencer.get()) != Sequencer::Up {
            return false;
        }
        let Some(latest) = prices.feed else { return false };
        let found = Finding::of(config, latest.price, prices);
        let mut value = match found {
            Finding::Unknown => return false,
            Finding::Sound | Finding::Suspected => WHOLE,
            Finding::Wrong(value) => value,
        };
        let now = vm.block_timestamp();
        let mut book = self.subjects.setter(subject);
        let (course, gap) = (book.record.course(), book.record.rules().gap);
        let quiet = course.samples > 0 && course.state == State::Quiet && is_clean(&course);
        if quiet && found == Finding::Sound && now < course.time + gap.div_ceil(REPEAT_DIVISOR) {
            return false;
        }
        // All rounds since the last sample must be found as the latest one is.
        let cursor = book.cursor.get().to::<u128>();
        let mut link = Link::Ends;
        if phase(cursor) != phase(latest.id) || latest.id < cursor || latest.id - cursor > MOST_ROUNDS + 1 {
            link = Link::Unknown;
        } else {
            for id in cursor + 1..latest.id {
                let round = oracle::said(&vm, &config.feed, Some(id));
                match (round.map(|round| Finding::of(config, round.price, prices)), found) {
                    (Ok(Finding::Wrong(other)), Finding::Wrong(_)) => value = value.max(other),
                    (Ok(other), _) if other == found => {}
                    _ => link = Link::Unknown,
                }
            }
        }
        let suspected = found == Finding::Suspected;
        let taken = book.record.take(subject, &Sample { time: now, value, suspected, link, valid_until: now + gap });
        // What a second sample of one second finds is not kept: the next one reads these rounds.
        if taken {
            book.cursor.set(U256::from(latest.id));
        }
        taken
    }

    fn is_healthy(&self, subject: B256, config: &Config, prices: &Prices) -> bool {
        let course = self.subjects.getter(subject).record.course();
        course.state == State::Quiet
            && (course.samples == 0 || is_clean(&course))
            && are_sound(self.vm(), config, prices)
            && oracle::sequencer(self.vm(), self.sequencer.get()) == Sequencer::Up
    }
}

/// Whether the newest sample found nothing.
const fn is_clean(course: &Course) -> bool {
    course.value == WHOLE && !course.suspected
}

/// Reads the three sources.
fn read(vm: &VM, config: &Config) -> Prices {
    let feed = oracle::said(vm, &config.feed, None).ok();
    let second = oracle::fresh(vm, &config.second).ok().filter(|round| !round.clamped).map(|round| round.price);
    let mean = pool::cardinality(vm, config.pool)
        .filter(|cardinality| *cardinality >= config.min_cardinality)
        .and_then(|_| pool::mean(vm, config.pool, config.twap))
        .filter(|mean| mean.liquidity >= config.min_liquidity);
    Prices { feed, second, pool: mean.and_then(|mean| config.price(&mean)), mean }
}

/// Whether all three are there, the feed is fresh, and no two are further apart than half of D.
fn are_sound(vm: &VM, config: &Config, prices: &Prices) -> bool {
    let (Some(feed), Some(second), Some(pool)) = (prices.feed, prices.second, prices.pool) else { return false };
    let half = config.deviation() / 2;
    vm.block_timestamp() - feed.updated_at <= config.feed.heartbeat
        && agree(config, second, pool)
        && deviation(feed.price, second) <= half
        && deviation(feed.price, pool) <= half
}
