//! Depeg trigger: runs of Chainlink rounds below a price, proven round by round.
//!
//! Governance registers subjects: a feed, the price at which its currency counts as depegged and the one above which
//! it has recovered, how long either must last, and the window over which the loss is taken. Rounds are taken in
//! without a gap, by anyone ([`DepegTrigger::observe`]), and what they say is a matter of arithmetic: when incidents
//! opened and closed, and over which window each was worst. A policy's claim ([`DepegTrigger::prove`]) asks for the
//! loss over one window inside its covered time.
//!
//! - [`config`]: what a subject is; [`course`]: runs, as a pure state machine over rounds;
//! - [`series`]: how rounds follow one another, across phases, and the cumulative price of any moment;
//! - [`incident`]: incidents and their worst window; [`evidence`]: the hints of callers;
//! - [`observation`]: one call's work on a subject, from loading it to storing it.
//!
//! Only static calls leave this contract, to feeds that governance chose: nobody can change anything in between, so
//! there is no lock.
#![cfg_attr(not(any(test, feature = "export-abi")), no_main)]
extern crate alloc;

mod config;
mod course;
mod evidence;
mod incident;
mod observation;
mod series;

use alloc::{vec, vec::Vec};

use alloy_primitives::{Address, B256, U256, aliases::U80};
use protocol::{Result, abi::IDepegTrigger, call, emit, error, oracle, roles::Roles};
use stylus_sdk::{
    abi::Bytes,
    prelude::*,
    storage::{StorageAddress, StorageMap, StorageU32, StorageU256},
};

use config::{Config, Subject, out_of_bounds, unknown_subject};
use course::{Course, Turn};
use evidence::MOST_ROUNDS;
use incident::Incident;
use observation::{Observation, is_sound, live_until};
use series::{Source, is_void};

/// `ITrigger.Verdict`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Verdict {
    Inconclusive = 0,
    NotMet = 1,
    Confirmed = 2,
}

/// `ITrigger.Terms`: subject, insured, position, start, end.
type Terms = (B256, Address, B256, u64, u64);

/// `ITrigger.Incident`: verdict, opened at, closed at, worst loss in basis points.
type IncidentWords = (u8, u64, u64, u16);

/// The contract.
#[entrypoint]
#[storage]
pub struct DepegTrigger {
    roles: Roles,
    /// The chain's uptime feed; zero where it has none.
    sequencer: StorageAddress,
    /// The least number of seconds of a subject's times.
    shortest: StorageU32,
    subjects: StorageMap<B256, Book>,
}

/// What is kept of one subject. The layouts of the words are described where they are packed.
#[storage]
pub(crate) struct Book {
    config_0: StorageU256,
    config_1: StorageU256,
    course_0: StorageU256,
    course_1: StorageU256,
    window_tail: StorageU256,
    window_head: StorageU256,
    checkpoints: StorageMap<U256, StorageU256>,
    /// By phase: its last round that was walked, and the first one walked of the next phase.
    phases: StorageMap<U256, StorageU256>,
    incidents: StorageMap<U256, StorageU256>,
    /// The last id walked, where it is beyond the last round.
    walked: StorageU256,
    /// By round: the next one, where ids without a price lie between them.
    gaps: StorageMap<U256, StorageU256>,
}

// The lifetime keeps the SDK from comparing every two selectors at compile time, which takes minutes. That they
// differ is a test.
#[public]
#[allow(clippy::extra_unused_lifetimes)]
impl<'a> DepegTrigger {
    /// The owner is the timelock, `setup` the deployer's key until it finishes the set-up. `sequencer_feed` is the
    /// chain's uptime feed (zero where it has none), `shortest` the least number of seconds of a subject's times.
    #[constructor]
    pub fn constructor(
        &mut self,
        owner: Address,
        setup: Address,
        sequencer_feed: Address,
        shortest: u32,
    ) -> Result<()> {
        self.roles.construct(owner, setup)?;
        if !sequencer_feed.is_zero() {
            call::require_code(self.vm(), sequencer_feed)?;
        }
        if shortest == 0 {
            return Err(out_of_bounds(b"shortest", 0));
        }
        self.sequencer.set(sequencer_feed);
        self.shortest.set(shortest.try_into().unwrap_or_default());
        Ok(())
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————— taking in

    /// Takes in rounds, compares the windows of an open incident, and answers with the newest incident (number 0:
    /// none yet). Anyone.
    ///
    /// # Errors
    /// `UnknownSubject`, `InvalidEvidence`, `TooManyRounds`, `RoundsNotConsecutive`, `InvalidRound`, `NotEnoughGas`.
    ///
    /// # Events
    /// `RunProven`, `IncidentOpened`, `WindowsCompared`, `IncidentClosed`.
    pub fn observe(&mut self, subject: B256, evidence: Bytes) -> Result<(U256, IncidentWords)> {
        let rounds = if evidence.is_empty() { None } else { Some(evidence::rounds(&evidence)?) };
        let config = self.config(subject)?;
        let mut observation = self.begin(subject, config);
        match rounds {
            Some(ids) => observation.take_listed(&ids)?,
            None => observation.take_following(),
        }
        let (course, newest) = observation.finish();
        Ok((U256::from(course.incidents), words(&config, newest)))
    }

    /// For a purchase: takes in what rounds have come, and answers whether the subject is healthy: its price fresh,
    /// above the recovery price and not clamped, the sequencer up, no incident open, no round left to take in. The
    /// entry is empty, interest and size have no limit.
    ///
    /// # Errors
    /// `UnknownSubject`.
    pub fn enter(&mut self, subject: B256, _insured: Address, _position: B256) -> Result<(bool, Bytes, U256, U256)> {
        let config = self.config(subject)?;
        let mut observation = self.begin(subject, config);
        observation.take_following();
        observation.finish();
        Ok((observation.is_healthy(), Bytes::new(), U256::MAX, U256::MAX))
    }

    // ———————————————————————————————————————————————————————————————————————————————————————————————— claims

    /// A policy's verdict and loss under an incident, by the window that `evidence` names (empty: the worst one).
    /// Everything was proven when rounds were taken in, so nothing is stored.
    ///
    /// # Errors
    /// `UnknownSubject`, `InvalidEvidence`, `WindowNotCovered`.
    pub fn prove(&self, terms: Terms, _entry: Bytes, number: U256, evidence: Bytes) -> Result<(u8, u16)> {
        let (verdict, loss_bps) = self.assess(&terms, number, evidence::window(&evidence)?)?;
        Ok((verdict as u8, loss_bps))
    }

    /// What [`DepegTrigger::prove`] answers without evidence.
    ///
    /// # Errors
    /// `UnknownSubject`.
    pub fn loss(&self, terms: Terms, _entry: Bytes, number: U256) -> Result<(u8, u16)> {
        let (verdict, loss_bps) = self.assess(&terms, number, None)?;
        Ok((verdict as u8, loss_bps))
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————— views

    /// Whether cover on the subject could be sold now, as [`DepegTrigger::enter`] would find. False for an unknown one.
    pub fn healthy(&self, subject: B256) -> bool {
        self.config(subject).is_ok_and(|config| self.is_healthy(subject, &config))
    }

    /// How many incidents a subject has had.
    ///
    /// # Errors
    /// `UnknownSubject`.
    pub fn incidents(&self, subject: B256) -> Result<U256> {
        self.config(subject)?;
        Ok(U256::from(self.subjects.getter(subject).course().incidents))
    }

    /// An incident by its number.
    ///
    /// # Errors
    /// `UnknownSubject`, `UnknownIncident`.
    pub fn incident(&self, subject: B256, number: U256) -> Result<IncidentWords> {
        let config = self.config(subject)?;
        Ok(words(&config, Some(self.known_incident(subject, number)?.1)))
    }

    /// A subject's configuration.
    ///
    /// # Errors
    /// `UnknownSubject`.
    pub fn subject_of(&self, subject: B256) -> Result<Subject> {
        Ok(self.config(subject)?.subject())
    }

    /// The last round taken in and its time.
    ///
    /// # Errors
    /// `UnknownSubject`.
    pub fn cursor_of(&self, subject: B256) -> Result<(U80, u64)> {
        self.config(subject)?;
        let last = self.subjects.getter(subject).course().last;
        Ok((U80::from(last.id), last.time))
    }

    /// The worst window of an incident so far: its start, its loss, and up to when windows have been compared.
    ///
    /// # Errors
    /// `UnknownSubject`, `UnknownIncident`.
    pub fn worst_window(&self, subject: B256, number: U256) -> Result<(u64, u16, u64)> {
        let config = self.config(subject)?;
        let (number, incident) = self.known_incident(subject, number)?;
        let compared_until = match (incident.closed_at, incident.worst_area) {
            (0, 0) => incident.opened_at,
            (0, _) => self.subjects.getter(subject).load_open(number).start + config.window,
            (closed_at, _) => closed_at,
        };
        Ok((incident.worst_start, incident.worst_bps(&config), compared_until))
    }

    /// The loss over the window that begins at `start`; not known where its rounds have not been taken in.
    ///
    /// # Errors
    /// `UnknownSubject`.
    pub fn window_loss(&self, subject: B256, start: u64) -> Result<(bool, u16)> {
        let config = self.config(subject)?;
        let book = self.subjects.getter(subject);
        let course = book.course();
        if start < book.earliest(1) || start.saturating_add(config.window) > course.last.time {
            return Ok((false, 0));
        }
        let mut source = Source::new(self.vm().clone(), config.feed);
        let area = book.area(&config, &mut source, &course, start);
        Ok((area.is_some(), area.map_or(0, |area| config.loss_bps(area))))
    }

    /// The chain's uptime feed; zero where it has none.
    pub fn sequencer_feed(&self) -> Address {
        self.sequencer.get()
    }

    /// The least number of seconds of a subject's times.
    pub fn shortest(&self) -> u32 {
        self.shortest.get().to::<u32>()
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————— owner

    /// Registers a subject for ever. The feed's latest round is the first of its series.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`, `SubjectExists`, `ParameterOutOfBounds`, `FeedNotHealthy`.
    ///
    /// # Events
    /// `SubjectRegistered`.
    pub fn register(&mut self, subject: B256, config: Subject) -> Result<()> {
        self.roles.only_owner()?;
        if subject.is_zero() {
            return Err(out_of_bounds(b"subject", 0));
        }
        if self.config(subject).is_ok() {
            return Err(error!(IDepegTrigger::SubjectExists, subject));
        }
        let feed = config.0;
        let not_healthy = || error!(IDepegTrigger::FeedNotHealthy, feed);
        let decimals = oracle::decimals(self.vm(), feed).ok_or_else(not_healthy)?;
        let config = Config::checked(config, decimals, u64::from(self.shortest()))?;
        if oracle::min_answer(self.vm(), &config.feed).is_some_and(|floor| floor > config.feed.floor) {
            return Err(out_of_bounds(b"floorPrice", config.feed.floor as u64));
        }
        let first = oracle::fresh(self.vm(), &config.feed).map_err(|_| not_healthy())?;
        if !config.is_sound(&first) {
            return Err(not_healthy());
        }
        let mut book = self.subjects.setter(subject);
        book.set_config(&config);
        let mut course = Course::begin(&first);
        book.push_checkpoint(&mut course);
        book.set_course(&course);
        emit!(self.vm(), IDepegTrigger::SubjectRegistered, [subject, feed], [U256::from(first.id)]);
        Ok(())
    }

    /// The timelock.
    pub fn owner(&self) -> Address {
        self.roles.owner()
    }

    /// Who may accept the ownership.
    pub fn pending_owner(&self) -> Address {
        self.roles.pending_owner()
    }

    /// Offers the ownership.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`.
    pub fn transfer_ownership(&mut self, new_owner: Address) -> Result<()> {
        self.roles.transfer_ownership(new_owner)
    }

    /// Takes the ownership that was offered.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`.
    pub fn accept_ownership(&mut self) -> Result<()> {
        self.roles.accept_ownership()
    }

    /// The set-up key; zero once the set-up is finished.
    pub fn setup(&self) -> Address {
        self.roles.setup()
    }

    /// Gives up the set-up key for ever.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`.
    pub fn finish_setup(&mut self) -> Result<()> {
        self.roles.finish_setup()
    }

    /// The guardian. Nothing here can be paused: proofs are never stopped.
    pub fn guardian(&self) -> Address {
        self.roles.guardian()
    }

    /// Appoints the guardian.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`.
    pub fn set_guardian(&mut self, new_guardian: Address) -> Result<()> {
        self.roles.set_guardian(new_guardian)
    }
}

impl DepegTrigger {
    /// A subject's configuration.
    ///
    /// # Errors
    /// `UnknownSubject`.
    fn config(&self, subject: B256) -> Result<Config> {
        let book = self.subjects.getter(subject);
        let config = Config::unpack([book.config_0.get(), book.config_1.get()]);
        if config.feed.at.is_zero() {
            return Err(unknown_subject(subject));
        }
        Ok(config)
    }

    fn known_incident(&self, subject: B256, number: U256) -> Result<(u64, Incident)> {
        let book = self.subjects.getter(subject);
        if number.is_zero() || number > U256::from(book.course().incidents) {
            return Err(error!(IDepegTrigger::UnknownIncident, subject, number));
        }
        let number = number.to::<u64>();
        Ok((number, book.incident(number)))
    }

    /// Begins the work of one call on a subject.
    fn begin(&mut self, subject: B256, config: Config) -> Observation<'_> {
        let vm = self.vm().clone();
        let sequencer = self.sequencer.get();
        Observation::begin(vm, sequencer, subject, config, self.subjects.setter(subject))
    }

    /// As `enter` would find, without taking anything in; false where rounds not taken in open or close an incident.
    fn is_healthy(&self, subject: B256, config: &Config) -> bool {
        let mut course = self.subjects.getter(subject).course();
        let Ok(latest) = oracle::fresh(self.vm(), &config.feed) else { return false };
        let mut source = Source::new(self.vm().clone(), config.feed);
        source.remember(latest);
        let mut walked = 0;
        for id in following(&course, latest.id) {
            walked += 1;
            match source.round(id) {
                Ok(round) if round.updated_at >= course.last.time => {
                    if course.turn(config, round.updated_at) != Turn::Nothing {
                        return false;
                    }
                    course.take(config, &round, walked);
                }
                Ok(_) => {}
                Err(fault) if is_void(fault) => {}
                Err(_) => return false,
            }
        }
        !course.open && is_sound(self.vm(), self.sequencer.get(), config, &course, &latest)
    }

    /// The verdict and the loss of a policy under an incident, over the window that begins at `wanted`, or the worst
    /// one known.
    ///
    /// # Errors
    /// `UnknownSubject`, `WindowNotCovered`.
    fn assess(&self, terms: &Terms, number: U256, wanted: Option<u64>) -> Result<(Verdict, u16)> {
        let (subject, _, _, covered_from, covered_until) = *terms;
        let config = self.config(subject)?;
        let book = self.subjects.getter(subject);
        let course = book.course();
        if number.is_zero() {
            return Ok((Verdict::NotMet, 0)); // without an incident there is nothing to lose
        }
        let Ok((number, incident)) = self.known_incident(subject, number) else {
            return Ok((Verdict::Inconclusive, 0));
        };
        let Incident { opened_at, closed_at, worst_start, worst_area } = incident;
        if opened_at < covered_from || opened_at >= covered_until {
            return Ok((Verdict::NotMet, 0));
        }
        // Windows begin between `first` and `last`.
        let first = covered_from.max(book.earliest(number)).max(opened_at.saturating_sub(config.window));
        let mut known_until = if closed_at > 0 { closed_at } else { course.last.time };
        let needed = wanted.unwrap_or(first).max(first).saturating_add(config.window).min(covered_until);
        if closed_at == 0 && needed > known_until {
            known_until = self.known_until(&config, &course, book.load_open(number).closing);
        }
        let last = known_until.min(covered_until).saturating_sub(config.window);
        if last < first {
            let verdict =
                if closed_at == 0 && known_until < covered_until { Verdict::Inconclusive } else { Verdict::NotMet };
            return Ok((verdict, 0));
        }
        let start = match wanted {
            Some(start) if start < first || start > last => {
                return Err(error!(IDepegTrigger::WindowNotCovered, start, first, last));
            }
            Some(start) => start,
            None if worst_area > 0 => worst_start.clamp(first, last),
            None => opened_at.clamp(first, last),
        };
        let worst = (worst_area > 0 && (first..=last).contains(&worst_start)).then_some(worst_area);
        let named = if worst.is_some() && start == worst_start {
            worst
        } else {
            let mut source = Source::new(self.vm().clone(), config.feed);
            book.area(&config, &mut source, &course, start)
        };
        let loss_bps = named.into_iter().chain(worst).min().map_or(0, |area| config.loss_bps(area));
        let verdict = if loss_bps > 0 {
            Verdict::Confirmed
        } else if closed_at > 0 && incident.worst_bps(&config) == 0 {
            Verdict::NotMet
        } else {
            Verdict::Inconclusive
        };
        Ok((verdict, loss_bps))
    }

    /// Until when the price is known under the open incident: its closing, where one is proven or could be.
    fn known_until(&self, config: &Config, course: &Course, closing: u64) -> u64 {
        if closing > 0 {
            return closing;
        }
        let latest = oracle::latest(self.vm(), &config.feed).ok();
        let until = live_until(self.vm(), self.sequencer.get(), config, course, latest);
        match course.turn(config, until) {
            Turn::Closes(closing) => closing,
            _ => until,
        }
    }
}

impl Book {
    fn course(&self) -> Course {
        Course::unpack([self.course_0.get(), self.course_1.get()], || self.walked.get().to::<u128>())
    }

    fn set_course(&mut self, course: &Course) {
        let [first, second] = course.pack();
        self.course_0.set(first);
        self.course_1.set(second);
        if course.has_walked_on() {
            self.walked.set(U256::from(course.walked));
        }
    }

    fn set_config(&mut self, config: &Config) {
        let [first, second] = config.pack();
        self.config_0.set(first);
        self.config_1.set(second);
    }

    /// The area under the price over the window that begins at `start`; nothing where the feed does not answer.
    fn area(&self, config: &Config, source: &mut Source, course: &Course, start: u64) -> Option<u128> {
        let heartbeat = config.feed.heartbeat;
        let end = start + config.window;
        let tail = self.seek(source, course, start).ok()?.cumulative_at(start, heartbeat);
        let head = self.seek(source, course, end).ok()?.cumulative_at(end, heartbeat);
        Some(head - tail)
    }
}

/// The ids that follow the last one walked in its phase, up to `latest`; at most as many as one call takes in.
fn following(course: &Course, latest: u128) -> core::ops::RangeInclusive<u128> {
    let last = course.walked;
    last + 1..=latest.min(last + MOST_ROUNDS as u128)
}

/// An incident as `ITrigger.Incident`; all zero where there is none.
fn words(config: &Config, incident: Option<Incident>) -> IncidentWords {
    incident.map_or((0, 0, 0, 0), |incident| {
        (Verdict::Confirmed as u8, incident.opened_at, incident.closed_at, incident.worst_bps(config))
    })
}
