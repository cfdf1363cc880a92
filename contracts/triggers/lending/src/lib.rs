//! Lending trigger: bad debt that lenders bear, as a lasting fall of what their share is worth.
//!
//! Governance registers subjects: a reserve of Aave, or a vault. Anyone observes them; what follows from an observation is
//! in `protocol::fall`, and what is read for it here:
//!
//! - [`config`]: what a subject is; [`source`]: what lenders say; [`tally`]: the increments of what is missing.
//!
//! Only bounded static calls leave this contract, to sources that governance chose: nobody can change anything in between,
//! so there is no lock.
#![cfg_attr(not(test), no_main)]
extern crate alloc;

mod config;
mod source;
mod tally;

use alloc::vec::Vec;

use alloy_primitives::{Address, B256, U256};
use protocol::{
    Result, Word,
    abi::{IFallTrigger, ILendingTrigger, IOwned, ITrigger},
    call, emit, error,
    fall::{
        Entry, Terms, Verdict,
        course::{LEAST_VALUE, Rules, loss_bps},
        entered, out_of_bounds,
        record::{Record, Share},
    },
    roles::Roles,
    routes,
};
use standards::dispatch::Encoded;
use stylus_sdk::{
    prelude::*,
    storage::{StorageMap, StorageU32, StorageU256},
    stylus_core::host::BlockAccess,
};

use config::{Config, Kind};
use source::Read;
use tally::{Moment, Tally};

/// What is kept of one subject. The layouts of the words are described where they are packed.
#[storage]
pub struct Book {
    config_0: StorageU256,
    config_1: StorageU256,
    config_2: StorageU256,
    config_3: StorageU256,
    tally_0: StorageU256,
    tally_1: StorageU256,
    record: Record,
}

/// The contract.
#[entrypoint]
#[storage]
pub struct LendingTrigger {
    roles: Roles,
    /// The least number of seconds of a subject's times.
    shortest: StorageU32,
    subjects: StorageMap<B256, Book>,
}

routes! {
    LendingTrigger, constructor(owner, setup, shortest);
    ITrigger::observeCall => observe(subject, evidence);
    ITrigger::enterCall => enter(subject, insured, position);
    ITrigger::proveCall => prove(terms, entry, number, evidence);
    ITrigger::healthyCall => healthy(subject);
    ITrigger::incidentsCall => incidents(subject);
    ITrigger::incidentCall => incident(subject, number);
    ITrigger::lossCall => loss(terms, entry, number);
    ILendingTrigger::registerCall => register(subject, config);
    ILendingTrigger::subjectOfCall => subject_of(subject);
    IFallTrigger::courseOfCall => course_of(subject);
    IFallTrigger::fallOfCall => fall_of(subject, number);
    IFallTrigger::valueOfCall => value_of(subject);
    IFallTrigger::shortestCall => shortest();
    IOwned::ownerCall => owner();
    IOwned::pendingOwnerCall => pending_owner();
    IOwned::transferOwnershipCall => transfer_ownership(new_owner);
    IOwned::acceptOwnershipCall => accept_ownership();
    IOwned::setupCall => setup();
    IOwned::finishSetupCall => finish_setup();
    IOwned::guardianCall => guardian();
    IOwned::setGuardianCall => set_guardian(new_guardian);
}

protocol::owned!(LendingTrigger, roles);

impl LendingTrigger {
    /// The owner is the timelock, `setup` the deployer's key until it finishes the set-up. `shortest` is the least number
    /// of seconds of a subject's times.
    pub fn constructor(&mut self, owner: Address, setup: Address, shortest: u32) -> Result<()> {
        self.roles.construct(owner, setup)?;
        if shortest == 0 {
            return Err(out_of_bounds(b"shortest", 0));
        }
        self.shortest.set(shortest.try_into().unwrap_or_default());
        Ok(())
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————— taking in

    /// Reads the subject and answers with its newest incident (number 0: none yet). Anyone. Evidence is not read. A source
    /// that tells nothing changes nothing.
    ///
    /// # Errors
    /// `UnknownSubject`, `InsufficientGas`.
    ///
    /// # Events
    /// `Observed`, `IncidentOpened`, `IncidentConfirmed`, `IncidentDeepened`, `IncidentClosed`.
    pub fn observe(&mut self, subject: B256, _evidence: &[u8]) -> Result<[U256; 5]> {
        let config = self.config(subject)?;
        self.take(subject, &config)?;
        Ok(self.subjects.getter(subject).record.newest())
    }

    /// For a purchase: takes in what is there now. Healthy is a subject that answers, with no incident, nothing found, be it
    /// for the first time, and less than half a fall. The interest is what the insured's shares are worth, at the lower of value and reference; 0
    /// for a position that is not zero.
    ///
    /// # Errors
    /// `UnknownSubject`, `InsufficientGas`.
    pub fn enter(&mut self, subject: B256, insured: Address, position: B256) -> Result<Encoded> {
        let config = self.config(subject)?;
        let read = self.take(subject, &config)?;
        let shares = source::shares(self.vm(), &config, insured)?;
        let supply = source::supply(self.vm(), &config)?;
        let course = self.subjects.getter(subject).record.course();
        let (Some(Read { reading, bare, .. }), Some(shares), Some(supply)) = (read, shares, supply) else {
            return Ok(entered(false, &Entry { value: 0, shares: 0 }, U256::ZERO, U256::ZERO));
        };
        let value = reading.value.min(course.reference);
        let counted = if position.is_zero() { shares } else { 0 };
        let (interest, size) = (source::worth(&config, counted, value)?, source::worth(&config, supply, value)?);
        let entry = Entry { value: reading.value, shares };
        Ok(entered(!bare && course.is_sound(&config.rules, &reading), &entry, interest, size))
    }

    // ———————————————————————————————————————————————————————————————————————————————————————————————— claims

    /// Takes in what is there now, and answers as [`LendingTrigger::loss`].
    ///
    /// # Errors
    /// `UnknownSubject`, `InvalidEntry`, `InsufficientGas`.
    pub fn prove(&mut self, terms: Terms, entry: &[u8], number: U256, _evidence: &[u8]) -> Result<(U256, U256)> {
        let config = self.config(terms.subject)?;
        self.take(terms.subject, &config)?;
        self.loss(terms, entry, number)
    }

    /// A policy's verdict and loss under an incident, rounded down.
    ///
    /// # Errors
    /// `UnknownSubject`, `InvalidEntry`, `InsufficientGas`.
    pub fn loss(&self, terms: Terms, entry: &[u8], number: U256) -> Result<(U256, U256)> {
        let config = self.config(terms.subject)?;
        let entry = Entry::decode(entry)?;
        let (verdict, loss_bps) = match self.subjects.getter(terms.subject).record.share(&terms, number) {
            Share::Decided(verdict) => (verdict, 0),
            Share::Fell { before, worst, closed } => {
                let loss_bps = loss_bps(before, entry.value, worst);
                match source::shares(self.vm(), &config, terms.insured)? {
                    Some(held) => entry.claim(loss_bps, held, closed),
                    None => (Verdict::Inconclusive, 0),
                }
            }
        };
        Ok((U256::from(verdict as u8), U256::from(loss_bps)))
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————— views

    /// Whether cover on the subject could be sold now, as [`LendingTrigger::enter`] would find. False for an unknown one.
    pub fn healthy(&self, subject: B256) -> Result<bool> {
        let Ok(config) = self.config(subject) else { return Ok(false) };
        let Some(Read { reading, bare, .. }) = self.read(subject, &config)? else { return Ok(false) };
        Ok(!bare && self.subjects.getter(subject).record.course().is_sound(&config.rules, &reading))
    }

    /// How many incidents a subject has had.
    ///
    /// # Errors
    /// `UnknownSubject`.
    pub fn incidents(&self, subject: B256) -> Result<U256> {
        self.config(subject)?;
        Ok(U256::from(self.subjects.getter(subject).record.course().incidents))
    }

    /// An incident by its number.
    ///
    /// # Errors
    /// `UnknownSubject`, `UnknownIncident`.
    pub fn incident(&self, subject: B256, number: U256) -> Result<[U256; 4]> {
        self.config(subject)?;
        Ok(self.subjects.getter(subject).record.known_incident(subject, number)?.words())
    }

    /// See `IFallTrigger`.
    ///
    /// # Errors
    /// `UnknownSubject`.
    pub fn course_of(&self, subject: B256) -> Result<[U256; 4]> {
        self.config(subject)?;
        let course = self.subjects.getter(subject).record.course();
        let (reference, worst) = (U256::from(course.reference), U256::from(course.worst));
        Ok([reference, worst, U256::from(course.observed_at), U256::from(course.sound_at)])
    }

    /// See `IFallTrigger`.
    ///
    /// # Errors
    /// `UnknownSubject`, `UnknownIncident`.
    pub fn fall_of(&self, subject: B256, number: U256) -> Result<[U256; 3]> {
        self.config(subject)?;
        let incident = self.subjects.getter(subject).record.known_incident(subject, number)?;
        Ok([U256::from(incident.fell_after()), U256::from(incident.reference), U256::from(incident.worst)])
    }

    /// See `IFallTrigger`.
    ///
    /// # Errors
    /// `UnknownSubject`, `InsufficientGas`.
    pub fn value_of(&self, subject: B256) -> Result<(bool, U256, bool, bool)> {
        let config = self.config(subject)?;
        Ok(self.read(subject, &config)?.map_or((false, U256::ZERO, false, false), |Read { reading, .. }| {
            (true, U256::from(reading.value), reading.latent, reading.doubtful)
        }))
    }

    /// See `ILendingTrigger`.
    ///
    /// # Errors
    /// `UnknownSubject`.
    pub fn subject_of(&self, subject: B256) -> Result<[U256; 7]> {
        let Config { kind, source, asset, share, rules, .. } = self.config(subject)?;
        let Rules { trigger_bps, persistence, calm } = rules;
        let [kind, trigger_bps, persistence, calm] = [kind as u64, trigger_bps, persistence, calm].map(U256::from);
        Ok([source.word(), asset.word(), kind, trigger_bps, persistence, calm, share.word()])
    }

    /// The least number of seconds of a subject's times.
    pub fn shortest(&self) -> u32 {
        self.shortest.get().to::<u32>()
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————— owner

    /// Registers a subject for ever; `config` is `ILendingTrigger.Subject`.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`, `SubjectExists`, `ParameterOutOfBounds`, `AddressEmptyCode`, `SourceNotHealthy`,
    /// `InsufficientGas`.
    ///
    /// # Events
    /// `SubjectRegistered`.
    pub fn register(&mut self, subject: B256, config: Registration) -> Result<()> {
        self.roles.only_owner()?;
        if subject.is_zero() {
            return Err(out_of_bounds(b"subject", 0));
        }
        let Registration { source, asset, kind, rules } = config;
        self.subjects.getter(subject).record.require_new(subject)?;
        rules.check(u64::from(self.shortest()))?;
        let kind = Kind::of(kind).ok_or_else(|| out_of_bounds(b"kind", kind))?;
        call::require_code(self.vm(), source)?;
        call::require_code(self.vm(), asset)?;
        let wanted = Config { kind, source, asset, share: source, debt: Address::ZERO, decimals: 0, rules };
        let not_healthy = || error!(IFallTrigger::SourceNotHealthy, source);
        let config = source::resolve(self.vm(), wanted)?.ok_or_else(not_healthy)?;
        let tally = source::first_tally(self.vm(), &config)?.ok_or_else(not_healthy)?;
        let at = self.moment(&config, 0);
        let Read { reading, bare, .. } = source::read(self.vm(), &config, &tally, &at)?.ok_or_else(not_healthy)?;
        if bare || reading.value < LEAST_VALUE {
            return Err(not_healthy());
        }
        let mut book = self.subjects.setter(subject);
        let [first, second, third, fourth] = config.pack();
        book.config_0.set(first);
        book.config_1.set(second);
        book.config_2.set(third);
        book.config_3.set(fourth);
        book.set_tally(&tally);
        book.record.begin(&rules, reading.value);
        emit!(self.vm(), ILendingTrigger::SubjectRegistered, [subject, source, asset], [U256::from(reading.value)]);
        Ok(())
    }
}

impl LendingTrigger {
    /// A subject's configuration.
    ///
    /// # Errors
    /// `UnknownSubject`.
    fn config(&self, subject: B256) -> Result<Config> {
        let book = self.subjects.getter(subject);
        let rules = book.record.rules(subject)?;
        let words = [book.config_0.get(), book.config_1.get(), book.config_2.get(), book.config_3.get()];
        Ok(Config::unpack(words, rules))
    }

    /// What the source says now; `None` where it tells nothing.
    fn read(&self, subject: B256, config: &Config) -> Result<Option<Read>> {
        let book = self.subjects.getter(subject);
        let tally = Tally::unpack([book.tally_0.get(), book.tally_1.get()]);
        let passed = self.vm().block_timestamp() - book.record.course().observed_at;
        source::read(self.vm(), config, &tally, &self.moment(config, passed))
    }

    /// Now, `passed` seconds after the last observation.
    fn moment(&self, config: &Config, passed: u64) -> Moment {
        Moment { now: self.vm().block_timestamp(), passed, rules: config.rules }
    }

    /// Takes in what the source says now.
    fn take(&mut self, subject: B256, config: &Config) -> Result<Option<Read>> {
        let read = self.read(subject, config)?;
        if let Some(Read { reading, tally, .. }) = &read {
            let mut book = self.subjects.setter(subject);
            if let Some(tally) = tally {
                book.set_tally(tally);
            }
            book.record.take(subject, &config.rules, reading);
        }
        Ok(read)
    }
}

impl Book {
    fn set_tally(&mut self, tally: &Tally) {
        let [first, second] = tally.pack();
        self.tally_0.set(first);
        self.tally_1.set(second);
    }
}

/// `ILendingTrigger.Subject`.
#[derive(Clone, Copy, Debug)]
pub struct Registration {
    source: Address,
    asset: Address,
    kind: u64,
    rules: Rules,
}

impl<'a> standards::dispatch::Argument<'a> for Registration {
    fn read(arguments: &mut standards::dispatch::Arguments<'a>) -> Option<Self> {
        Some(Self {
            source: arguments.read()?,
            asset: arguments.read()?,
            kind: u64::from(arguments.read::<u8>()?),
            rules: arguments.read()?,
        })
    }
}
