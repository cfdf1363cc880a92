//! One call's work on one subject: rounds taken in, incidents opened and closed, windows compared, then all stored.

use alloy_primitives::{Address, B256, U256};
use protocol::{
    Result,
    abi::IDepegTrigger,
    emit, error,
    oracle::{self, Fault, Round, Sequencer},
};
use stylus_sdk::{host::VM, storage::StorageGuardMut, stylus_core::host::BlockAccess};

use crate::{
    Book,
    config::Config,
    course::{CHECKPOINT_EVERY, Course, Turn},
    following,
    incident::{Incident, Open},
    series::{Source, is_void},
};

/// The work of one call.
pub(crate) struct Observation<'a> {
    vm: VM,
    sequencer: Address,
    subject: B256,
    config: Config,
    book: StorageGuardMut<'a, Book>,
    source: Source,
    before: Course,
    course: Course,
    open: Option<Open>,
    /// The feed's latest round, once it has been read.
    latest: Option<Round>,
}

impl<'a> Observation<'a> {
    /// Loads the subject.
    pub(crate) fn begin(
        vm: VM,
        sequencer: Address,
        subject: B256,
        config: Config,
        book: StorageGuardMut<'a, Book>,
    ) -> Self {
        let course = book.course();
        let open = course.open.then(|| book.load_open(course.incidents));
        let source = Source::new(vm.clone(), config.feed);
        Self { vm, sequencer, subject, config, book, source, before: course, course, open, latest: None }
    }

    /// Takes in the rounds of a list, in order; those that were taken in before are passed over.
    ///
    /// # Errors
    /// `RoundsNotConsecutive`, `InvalidRound`, `NotEnoughGas`.
    pub(crate) fn take_listed(&mut self, ids: &[u128]) -> Result<()> {
        let mut at = self.course.walked;
        let mut walked = 0;
        for &id in ids {
            if id <= at {
                continue;
            }
            self.book.check_step(&mut self.source, &self.course.last, at, id)?;
            (at, walked) = (id, walked + 1);
            match self.source.round(id) {
                Ok(round) if round.updated_at >= self.course.last.time => {
                    if !self.take(round, walked) {
                        return Ok(());
                    }
                    walked = 0;
                }
                // From before the last price: a new aggregator ran ahead of its phase.
                Ok(_) => {}
                Err(fault) if is_void(fault) => {}
                Err(_) => return Err(error!(IDepegTrigger::InvalidRound, U256::from(id))),
            }
        }
        if walked > 0 {
            self.latest = oracle::latest(&self.vm, &self.config.feed).ok();
            // Nothing proves that a round stays without a price, but one of its phase that has one.
            if !self.latest.is_some_and(|latest| latest.id > at && oracle::phase(latest.id) == oracle::phase(at)) {
                return Err(error!(IDepegTrigger::InvalidRound, U256::from(at)));
            }
            self.course.walked = at;
        }
        Ok(())
    }

    /// Takes in the rounds that follow in the same phase, as far as they can be read.
    pub(crate) fn take_following(&mut self) {
        let Ok(latest) = oracle::latest(&self.vm, &self.config.feed) else { return };
        self.latest = Some(latest);
        self.source.remember(latest);
        let ends = oracle::phase(latest.id) != oracle::phase(self.course.walked);
        let mut walked = 0;
        let ids = following(&self.course, latest.id);
        let until = *ids.end();
        for id in ids {
            walked += 1;
            match self.source.round(id) {
                Ok(round) if round.updated_at >= self.course.last.time => {
                    if !self.take(round, walked) {
                        return;
                    }
                    walked = 0;
                }
                Ok(_) => {}
                Err(Fault::Missing) if ends => return,
                Err(fault) if is_void(fault) => {}
                Err(_) => return,
            }
        }
        // The latest round has a price: those before it that have none will not get one.
        self.course.walked = self.course.walked.max(until);
    }

    /// Takes in one round; false where an incident that it closes must be compared to its end in another call first.
    fn take(&mut self, round: Round, walked: u64) -> bool {
        self.source.remember(round);
        if self.is_closing() && !self.compare() {
            return false;
        }
        if self.turn(round.updated_at, true) && !self.compare() {
            return false;
        }
        if walked > 1 || self.course.has_walked_on() {
            self.book.gaps.setter(U256::from(self.course.last.id)).set(U256::from(round.id));
        }
        self.course.take(&self.config, &round, walked);
        if self.course.steps >= CHECKPOINT_EVERY {
            self.book.push_checkpoint(&mut self.course);
        }
        true
    }

    /// Opens or closes an incident by what the last price brings about until `until`; true where one is to be closed.
    fn turn(&mut self, until: u64, complete: bool) -> bool {
        match self.course.turn(&self.config, until) {
            Turn::Opens(opened_at) => {
                self.course.incidents += 1;
                self.course.open = true;
                let earliest = self.book.earliest(self.course.incidents);
                self.open = Some(Open::begin(opened_at, earliest, &self.config));
                let number = self.course.incidents;
                emit!(&self.vm, IDepegTrigger::IncidentOpened, [self.subject, U256::from(number)], [opened_at]);
                false
            }
            Turn::Closes(closing) if complete => {
                if let Some(open) = &mut self.open {
                    open.closing = closing;
                }
                true
            }
            _ => false,
        }
    }

    fn is_closing(&self) -> bool {
        self.open.is_some_and(|open| open.closing > 0)
    }

    /// Moves the window of the open incident on; true where no incident is open any more.
    fn compare(&mut self) -> bool {
        let Some(mut open) = self.open else { return true };
        let before = open;
        self.book.compare_windows(&self.config, &mut self.source, &self.course, &mut open);
        let number = self.course.incidents;
        let Incident { closed_at, worst_start, .. } = open.incident;
        let worst_bps = open.incident.worst_bps(&self.config);
        let topics = [self.subject, B256::from(U256::from(number))];
        if open.incident.worst_area > 0 && (open.start, open.incident) != (before.start, before.incident) {
            let until = open.start + self.config.window;
            emit!(&self.vm, IDepegTrigger::WindowsCompared, [topics[0], topics[1]], [until, worst_start, worst_bps]);
        }
        if closed_at == 0 {
            self.open = Some(open);
            return false;
        }
        self.book.store_open(number, &open);
        self.course.open = false;
        self.open = None;
        emit!(&self.vm, IDepegTrigger::IncidentClosed, [topics[0], topics[1]], [closed_at, worst_bps]);
        true
    }

    /// Lets the last round count as long as it is the latest, compares windows, and stores everything. Answers with
    /// where the series stands and with the newest incident.
    pub(crate) fn finish(&mut self) -> (Course, Option<Incident>) {
        if !self.is_closing() && self.course.is_tense(&self.config) {
            let latest = self.latest.or_else(|| oracle::latest(&self.vm, &self.config.feed).ok());
            let until = live_until(&self.vm, self.sequencer, &self.config, &self.course, latest);
            // A price that has gone stale may have depegged long enough before, but it does not prove a recovery.
            self.turn(until, until == self.vm.block_timestamp());
        }
        self.compare();
        if let Some(open) = self.open {
            self.book.store_open(self.course.incidents, &open);
        }
        if self.course != self.before {
            self.book.set_course(&self.course);
        }
        let last = self.course.last;
        if last.id != self.before.last.id {
            emit!(&self.vm, IDepegTrigger::RunProven, [self.subject], [U256::from(last.id), last.time]);
        }
        let number = self.course.incidents;
        let newest = match self.open {
            Some(open) => Some(open.incident),
            None => (number > 0).then(|| self.book.incident(number)),
        };
        (self.course, newest)
    }

    /// Whether cover may be sold on what was taken in.
    pub(crate) fn is_healthy(&self) -> bool {
        !self.course.open
            && self.latest.is_some_and(|latest| is_sound(&self.vm, self.sequencer, &self.config, &self.course, &latest))
    }
}

/// Whether the latest round has been taken in, is fresh and sound, and the sequencer is up.
pub(crate) fn is_sound(vm: &VM, sequencer: Address, config: &Config, course: &Course, latest: &Round) -> bool {
    latest.id == course.last.id
        && vm.block_timestamp() - latest.updated_at <= config.feed.heartbeat
        && config.is_sound(latest)
        && oracle::sequencer(vm, sequencer) == Sequencer::Up
}

/// Until when the last round's price is known to hold: where the feed has no newer one and the sequencer is up, until
/// now, and for its heartbeat at most.
pub(crate) fn live_until(vm: &VM, sequencer: Address, config: &Config, course: &Course, latest: Option<Round>) -> u64 {
    let last = course.last;
    let is_latest = latest.is_some_and(|latest| latest.id == last.id);
    if is_latest && oracle::sequencer(vm, sequencer) == Sequencer::Up {
        vm.block_timestamp().min(last.time + config.feed.heartbeat)
    } else {
        last.time
    }
}
