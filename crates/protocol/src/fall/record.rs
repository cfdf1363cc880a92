//! The stored course and incidents of a subject, and a policy's loss.

use alloy_primitives::{B256, U256};
use standards::packed::Packed;
use stylus_sdk::{
    prelude::*,
    storage::{StorageMap, StorageU256},
    stylus_core::host::BlockAccess,
};

use super::{
    Terms, Verdict,
    course::{Course, Reading, Rules, State, Turn, loss_bps},
};
use crate::{
    Result,
    abi::IFallTrigger::{
        IncidentClosed, IncidentConfirmed, IncidentDeepened, IncidentOpened, Observed, SubjectExists, UnknownIncident,
        UnknownSubject,
    },
    emit, error,
};

/// One incident: two words.
///
/// ```text
/// head    verdict 8 | opened at 48 | fell after 48 | closed at 48 | steps 32 | – 72
/// levels  reference 128 | worst 128
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Incident {
    head: Packed,
    /// The reference that it fell from.
    pub reference: u128,
    /// The lowest value that stood.
    pub worst: u128,
}

impl Incident {
    /// Inconclusive: latent evidence.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::of(self.head.u64(0, 8))
    }

    /// The last observation before it at which nothing was found.
    #[must_use]
    pub fn opened_at(&self) -> u64 {
        self.head.u64(8, 48)
    }

    /// The last observation before the fall; 0 while none is proven.
    #[must_use]
    pub fn fell_after(&self) -> u64 {
        self.head.u64(56, 48)
    }

    /// 0 while it is open.
    #[must_use]
    pub fn closed_at(&self) -> u64 {
        self.head.u64(104, 48)
    }

    fn steps(&self) -> u64 {
        self.head.u64(152, 32)
    }

    /// The worst loss that any policy can have, in basis points; 0 while it is latent.
    #[must_use]
    pub fn worst_bps(&self) -> u64 {
        loss_bps(self.reference, self.reference, self.worst)
    }

    /// `ITrigger.Incident`.
    #[must_use]
    pub fn words(&self) -> [U256; 4] {
        [self.head.u64(0, 8), self.opened_at(), self.closed_at(), self.worst_bps()].map(U256::from)
    }
}

/// A policy's share in an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// There is none, or nobody knows.
    Decided(Verdict),
    /// It is measured from `before` (at most the entry) down to `worst`.
    Fell {
        /// The reference.
        before: u128,
        /// The value that stood before the policy's end.
        worst: u128,
        /// Whether the incident is closed.
        closed: bool,
    },
}

/// What is kept of one subject.
#[storage]
pub struct Record {
    rules: StorageU256,
    course_0: StorageU256,
    course_1: StorageU256,
    course_2: StorageU256,
    heads: StorageMap<U256, StorageU256>,
    levels: StorageMap<U256, StorageU256>,
    /// By incident and number: `seen at 48 | worst 128`, each deeper than the one before it.
    steps: StorageMap<U256, StorageU256>,
}

impl Record {
    /// The rules of a registered subject.
    ///
    /// # Errors
    /// `UnknownSubject`.
    pub fn rules(&self, subject: B256) -> Result<Rules> {
        let word = self.rules.get();
        if word.is_zero() {
            return Err(error!(UnknownSubject, subject));
        }
        Ok(Rules::unpack(word))
    }

    /// Fails where the subject is registered.
    ///
    /// # Errors
    /// `SubjectExists`.
    pub fn require_new(&self, subject: B256) -> Result<()> {
        if self.rules.get().is_zero() { Ok(()) } else { Err(error!(SubjectExists, subject)) }
    }

    /// Registers a subject, whose rules have been checked, with its first value.
    pub fn begin(&mut self, rules: &Rules, value: u128) {
        self.rules.set(rules.pack());
        let now = self.vm().block_timestamp();
        self.set_course(&Course::begin(now, value));
    }

    /// Where the subject stands.
    #[must_use]
    pub fn course(&self) -> Course {
        Course::unpack([self.course_0.get(), self.course_1.get(), self.course_2.get()])
    }

    fn set_course(&mut self, course: &Course) {
        let [first, second, third] = course.pack();
        self.course_0.set(first);
        self.course_1.set(second);
        self.course_2.set(third);
    }

    /// An incident by its number; all zero where there is none.
    #[must_use]
    pub fn incident(&self, number: u64) -> Incident {
        let number = U256::from(number);
        let levels = Packed(self.levels.get(number));
        Incident { head: Packed(self.heads.get(number)), reference: levels.u128(0, 128), worst: levels.u128(128, 128) }
    }

    /// The same, for numbers of callers.
    ///
    /// # Errors
    /// `UnknownIncident`.
    pub fn known_incident(&self, subject: B256, number: U256) -> Result<Incident> {
        if number.is_zero() || number > U256::from(self.course().incidents) {
            return Err(error!(UnknownIncident, subject, number));
        }
        Ok(self.incident(number.to::<u64>()))
    }

    /// The newest incident's number and words: what `ITrigger.observe` answers.
    #[must_use]
    pub fn newest(&self) -> [U256; 5] {
        let number = self.course().incidents;
        let [verdict, opened, closed, worst] = self.incident(number).words();
        [U256::from(number), verdict, opened, closed, worst]
    }

    fn set_incident(&mut self, number: u64, incident: &Incident) {
        let number = U256::from(number);
        self.heads.setter(number).set(incident.head.0);
        let levels = Packed::default().with_u128(0, 128, incident.reference).with_u128(128, 128, incident.worst);
        self.levels.setter(number).set(levels.0);
    }

    /// Takes in a reading of now.
    ///
    /// # Events
    /// `Observed`, `IncidentOpened`, `IncidentConfirmed`, `IncidentDeepened`, `IncidentClosed`.
    pub fn take(&mut self, subject: B256, rules: &Rules, reading: &Reading) -> Course {
        let now = self.vm().block_timestamp();
        let mut course = self.course();
        let sound_at = course.sound_at;
        let turn = course.take(rules, now, reading);
        self.set_course(&course);
        emit!(self.vm(), Observed, [subject], [U256::from(reading.value), reading.latent, reading.doubtful]);
        let number = course.incidents;
        let topics = [subject, B256::from(U256::from(number))];
        let mut incident = self.incident(number);
        match turn {
            Turn::Nothing => return course,
            Turn::Suspects => {
                incident.head = incident.head.with_u64(8, 48, sound_at);
                emit!(self.vm(), IncidentOpened, [topics[0], topics[1]], [sound_at]);
            }
            Turn::Confirms(seen) | Turn::Deepens(seen) => {
                if matches!(turn, Turn::Confirms(_)) {
                    incident.head = incident.head.with_u64(0, 8, Verdict::Confirmed as u64).with_u64(56, 48, sound_at);
                    incident.reference = course.reference;
                }
                incident.worst = course.worst;
                self.push_step(number, &mut incident, seen);
                let worst_bps = incident.worst_bps();
                if matches!(turn, Turn::Confirms(_)) {
                    emit!(self.vm(), IncidentConfirmed, [topics[0], topics[1]], [sound_at, seen, worst_bps]);
                } else {
                    emit!(self.vm(), IncidentDeepened, [topics[0], topics[1]], [seen, worst_bps]);
                }
            }
            Turn::Clears | Turn::Closes => {
                if turn == Turn::Clears {
                    incident.head = incident.head.with_u64(0, 8, Verdict::NotMet as u64);
                }
                incident.head = incident.head.with_u64(104, 48, now);
                let (worst_bps, verdict) = (incident.worst_bps(), incident.verdict() as u64);
                emit!(self.vm(), IncidentClosed, [topics[0], topics[1]], [now, worst_bps, verdict]);
            }
        }
        self.set_incident(number, &incident);
        course
    }

    fn push_step(&mut self, number: u64, incident: &mut Incident, seen: u64) {
        let step = Packed::default().with_u64(0, 48, seen).with_u128(48, 128, incident.worst);
        self.steps.setter(step_key(number, incident.steps())).set(step.0);
        incident.head = incident.head.with_u64(152, 32, incident.steps() + 1);
    }

    /// What of an incident is inside a policy's covered time.
    #[must_use]
    pub fn share(&self, terms: &Terms, number: U256) -> Share {
        if number.is_zero() {
            return Share::Decided(Verdict::NotMet); // without an incident there is nothing to lose
        }
        let course = self.course();
        if number > U256::from(course.incidents) {
            return Share::Decided(Verdict::Inconclusive);
        }
        let number = number.to::<u64>();
        let incident = self.incident(number);
        if incident.verdict() != Verdict::Confirmed {
            return Share::Decided(incident.verdict());
        }
        if incident.fell_after() < terms.start {
            return Share::Decided(Verdict::NotMet);
        }
        // Steps before `low` were seen before the end, those from `high` on were not.
        let (mut low, mut high) = (0, incident.steps());
        let mut worst = None;
        while low < high {
            let middle = (low + high) / 2;
            let step = Packed(self.steps.get(step_key(number, middle)));
            if step.u64(0, 48) < terms.end {
                (low, worst) = (middle + 1, Some(step.u128(48, 128)));
            } else {
                high = middle;
            }
        }
        match worst {
            Some(worst) => {
                let closed = course.incidents > number || course.state != State::Open;
                Share::Fell { before: incident.reference, worst, closed }
            }
            None => Share::Decided(Verdict::NotMet),
        }
    }
}

fn step_key(number: u64, step: u64) -> U256 {
    Packed::default().with_u64(0, 64, step).with_u64(64, 64, number).0
}
