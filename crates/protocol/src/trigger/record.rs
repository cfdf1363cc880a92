//! The stored series of a subject, its incidents and their worst window.
//!
//! Over one incident the window [start, start + W] slides from the place where its end meets the opening to the
//! closing. The area under the value between both ends is linear between the moments at which either end passes a
//! sample, so its least value is found by looking at these moments only. Where the window stands is stored, so that
//! long incidents are compared in pieces.

use alloy_primitives::{B256, U256};
use standards::packed::Packed;
use stylus_sdk::{
    prelude::*,
    storage::{StorageMap, StorageU256},
};

use super::{
    Newest, Verdict,
    course::{Course, Sample, State, Turn},
    rules::Rules,
};
use crate::{
    Result,
    abi::ISeriesTrigger::{
        IncidentClosed, IncidentOpened, Sampled, UnknownIncident, WindowNotCovered, WindowsCompared,
    },
    emit, error,
};

/// Steps by which one call moves a window on.
pub const STEPS_A_CALL: u32 = 32;

/// One sample of the stored series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Node {
    time: u64,
    /// Value times seconds from the first sample to this one.
    cumulative: u128,
    /// What counts over the time before it.
    before: u64,
}

impl Node {
    /// `time 48 | cumulative 112 | before 64 | – 32`.
    fn pack(&self) -> U256 {
        Packed::default()
            .with_u64(0, 48, self.time)
            .with_u128(48, 112, self.cumulative)
            .with_u64(160, 64, self.before)
            .0
    }

    fn unpack(word: U256) -> Self {
        let word = Packed(word);
        Self { time: word.u64(0, 48), cumulative: word.u128(48, 112), before: word.u64(160, 64) }
    }
}

/// One incident: a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incident {
    /// The last moment before it at which nothing was found.
    pub opened_at: u64,
    /// 0 while it is open.
    pub closed_at: u64,
    /// Where the worst window compared so far begins.
    pub worst_start: u64,
    /// The area under the value over that window, once one was compared.
    pub worst_area: Option<u128>,
    /// Inconclusive while it is latent.
    pub verdict: Verdict,
}

impl Incident {
    /// `opened at 48 | closed at 48 | worst start 48 | worst area 96 | compared 1 | verdict 2 | – 13`.
    fn pack(&self) -> U256 {
        Packed::default()
            .with_u64(0, 48, self.opened_at)
            .with_u64(48, 48, self.closed_at)
            .with_u64(96, 48, self.worst_start)
            .with_u128(144, 96, self.worst_area.unwrap_or_default())
            .with_u64(240, 1, u64::from(self.worst_area.is_some()))
            .with_u64(241, 2, self.verdict as u64)
            .0
    }

    fn unpack(word: U256) -> Self {
        let word = Packed(word);
        Self {
            opened_at: word.u64(0, 48),
            closed_at: word.u64(48, 48),
            worst_start: word.u64(96, 48),
            worst_area: (word.u64(240, 1) == 1).then(|| word.u128(144, 96)),
            verdict: Verdict::of(word.u64(241, 2)),
        }
    }

    /// The worst loss so far, in basis points.
    fn worst_bps(&self, rules: &Rules) -> u16 {
        self.worst_area.map_or(0, |area| rules.loss_bps(area))
    }
}

/// Where the window of the open incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    /// Where the window begins that is compared next.
    start: u64,
    /// When the incident ends, as soon as that is proven; 0 before.
    closing: u64,
    /// The samples before or at its two ends.
    tail: u64,
    head: u64,
}

impl Window {
    /// `start 48 | closing 48 | tail 32 | head 32 | – 96`.
    fn pack(&self) -> U256 {
        Packed::default()
            .with_u64(0, 48, self.start)
            .with_u64(48, 48, self.closing)
            .with_u64(96, 32, self.tail)
            .with_u64(128, 32, self.head)
            .0
    }

    fn unpack(word: U256) -> Self {
        let word = Packed(word);
        Self { start: word.u64(0, 48), closing: word.u64(48, 48), tail: word.u64(96, 32), head: word.u64(128, 32) }
    }
}

/// What is kept of one subject.
#[storage]
pub struct Record {
    rules: StorageU256,
    course_0: StorageU256,
    course_1: StorageU256,
    window: StorageU256,
    nodes: StorageMap<U256, StorageU256>,
    incidents: StorageMap<U256, StorageU256>,
}

impl Record {
    /// The subject's rules.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules::unpack(self.rules.get())
    }

    /// Sets the rules, once.
    pub fn begin(&mut self, rules: &Rules) {
        self.rules.set(rules.pack());
    }

    /// Where the series stands.
    #[must_use]
    pub fn course(&self) -> Course {
        Course::unpack([self.course_0.get(), self.course_1.get()])
    }

    fn set_course(&mut self, course: &Course) {
        let [first, second] = course.pack();
        self.course_0.set(first);
        self.course_1.set(second);
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————— taking in

    /// Takes in a sample, and opens or closes an incident where it says so. One that is not newer than the last is passed
    /// over: false.
    ///
    /// # Events
    /// `Sampled`, `IncidentOpened`, `IncidentClosed`, `WindowsCompared`.
    pub fn take(&mut self, subject: B256, sample: &Sample) -> bool {
        let rules = self.rules();
        let mut course = self.course();
        if course.samples > 0 && sample.time <= course.time {
            return false;
        }
        let mut window = Window::unpack(self.window.get());
        let closing = course.state == State::Open && window.closing > 0;
        let (before, turn) = course.take(&rules, sample, closing);
        let node = Node { time: sample.time, cumulative: course.cumulative, before };
        self.nodes.setter(U256::from(course.samples - 1)).set(node.pack());
        emit!(self.vm(), Sampled, [subject], [sample.time, sample.value]);
        match turn {
            Turn::Opens => {
                let opened_at = course.sound_at;
                self.open(subject, &mut course, opened_at, Verdict::Confirmed);
                let earliest = self.earliest(course.incidents);
                let start = opened_at.saturating_sub(rules.window).max(earliest);
                let tail = self.seek(&course, start);
                let head = self.seek(&course, start + rules.window);
                window = Window { start, closing: 0, tail, head };
                self.window.set(window.pack());
            }
            Turn::Suspects => {
                let opened_at = course.sound_at;
                self.open(subject, &mut course, opened_at, Verdict::Inconclusive);
            }
            Turn::Clears => {
                let mut incident = self.incident(course.incidents);
                (incident.closed_at, incident.verdict) = (sample.time, Verdict::NotMet);
                self.set_incident(course.incidents, &incident);
                course.state = State::Quiet;
                self.emit_closed(subject, course.incidents, &incident, &rules);
            }
            Turn::Closes(closing) => {
                window.closing = closing;
                self.window.set(window.pack());
            }
            Turn::Nothing => {}
        }
        course.settle(&rules);
        self.set_course(&course);
        self.compare(subject);
        true
    }

    /// Puts a sample of the same moment in the place of the newest one: no time passes between them, so that nothing else
    /// follows.
    ///
    /// # Events
    /// `Sampled`.
    pub fn amend(&mut self, subject: B256, sample: &Sample) {
        let mut course = self.course();
        (course.value, course.suspected, course.valid_until) = (sample.value, sample.suspected, sample.valid_until);
        course.settle(&self.rules());
        self.set_course(&course);
        emit!(self.vm(), Sampled, [subject], [sample.time, sample.value]);
    }

    /// Opens an incident, or confirms the latent one.
    fn open(&mut self, subject: B256, course: &mut Course, opened_at: u64, verdict: Verdict) {
        if course.state == State::Quiet {
            course.incidents += 1;
        }
        course.state = if verdict == Verdict::Confirmed { State::Open } else { State::Latent };
        let incident = Incident { opened_at, closed_at: 0, worst_start: 0, worst_area: None, verdict };
        self.set_incident(course.incidents, &incident);
        let number = U256::from(course.incidents);
        emit!(self.vm(), IncidentOpened, [subject, number], [opened_at, verdict as u8]);
    }

    fn emit_closed(&self, subject: B256, number: u64, incident: &Incident, rules: &Rules) {
        let (closed_at, worst_bps) = (incident.closed_at, incident.worst_bps(rules));
        emit!(self.vm(), IncidentClosed, [subject, U256::from(number)], [closed_at, worst_bps, incident.verdict as u8]);
    }

    /// Moves the window of the open incident on over what is known, at most [`STEPS_A_CALL`] steps; closes the incident
    /// when the window has arrived at the closing.
    ///
    /// # Events
    /// `WindowsCompared`, `IncidentClosed`.
    pub fn compare(&mut self, subject: B256) {
        let mut course = self.course();
        if course.state != State::Open {
            return;
        }
        let rules = self.rules();
        let number = course.incidents;
        let before = (Window::unpack(self.window.get()), self.incident(number));
        let (mut window, mut incident) = before;
        let limit = if window.closing > 0 { window.closing } else { course.time };
        let arrived = self.slide(&rules, &course, &mut window, &mut incident, limit);
        if incident.worst_area.is_some() && (window.start, incident) != (before.0.start, before.1) {
            let (until, worst) = (window.start + rules.window, incident.worst_bps(&rules));
            let topics = [subject, B256::from(U256::from(number))];
            emit!(self.vm(), WindowsCompared, [topics[0], topics[1]], [until, incident.worst_start, worst]);
        }
        if arrived && window.closing > 0 {
            incident.closed_at = window.closing;
            course.state = State::Quiet;
            self.set_course(&course);
            self.emit_closed(subject, number, &incident, &rules);
        }
        if (window, incident) != before {
            self.window.set(window.pack());
            self.set_incident(number, &incident);
        }
    }

    /// Slides the window up to `limit`; false where it did not arrive.
    fn slide(&self, rules: &Rules, course: &Course, window: &mut Window, incident: &mut Incident, limit: u64) -> bool {
        if window.start + rules.window > limit {
            return false;
        }
        for _ in 0..STEPS_A_CALL {
            let end = window.start + rules.window;
            let (lower, after_tail) = self.cumulative(course, &mut window.tail, window.start);
            let (upper, after_head) = self.cumulative(course, &mut window.head, end);
            let area = upper - lower;
            if incident.worst_area.is_none_or(|worst| area < worst) {
                (incident.worst_start, incident.worst_area) = (window.start, Some(area));
            }
            if end >= limit {
                return true;
            }
            window.start += (after_tail - window.start).min(after_head - end).min(limit - end);
        }
        false
    }

    /// Value times seconds up to `time`, and when the next sample after it is; `index` goes forward to the last sample
    /// not after `time`.
    fn cumulative(&self, course: &Course, index: &mut u64, time: u64) -> (u128, u64) {
        let mut node = self.node(*index);
        while *index + 1 < course.samples {
            let next = self.node(*index + 1);
            if next.time > time {
                let passed = u128::from(time - node.time);
                return (node.cumulative + u128::from(next.before) * passed, next.time);
            }
            (node, *index) = (next, *index + 1);
        }
        (node.cumulative, u64::MAX)
    }

    fn node(&self, index: u64) -> Node {
        Node::unpack(self.nodes.get(U256::from(index)))
    }

    /// The last sample not after `time`; the first one where there is none.
    fn seek(&self, course: &Course, time: u64) -> u64 {
        // The sample at `low` is not after `time` (or the first), the one at `high` is (or does not exist).
        let (mut low, mut high) = (0, course.samples);
        while high - low > 1 {
            let middle = (low + high) / 2;
            if self.node(middle).time <= time {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The moment from which on windows belong to incident `number`: the closing of the one before it, or the first
    /// sample.
    fn earliest(&self, number: u64) -> u64 {
        if number > 1 { self.incident(number - 1).closed_at } else { self.node(0).time }
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————— answering

    fn incident(&self, number: u64) -> Incident {
        Incident::unpack(self.incidents.get(U256::from(number)))
    }

    fn set_incident(&mut self, number: u64, incident: &Incident) {
        self.incidents.setter(U256::from(number)).set(incident.pack());
    }

    fn known(&self, number: U256) -> Option<(u64, Incident)> {
        if number.is_zero() || number > U256::from(self.course().incidents) {
            return None;
        }
        let number = number.to::<u64>();
        Some((number, self.incident(number)))
    }

    /// The newest incident; all zero where there is none.
    #[must_use]
    pub fn newest(&self) -> Newest {
        let number = U256::from(self.course().incidents);
        let (verdict, opened_at, closed_at, worst_bps) = self.words(number).unwrap_or_default();
        (number, verdict, opened_at, closed_at, worst_bps)
    }

    /// An incident as `ITrigger.Incident`, where there is one of this number.
    #[must_use]
    pub fn words(&self, number: U256) -> Option<(u8, u64, u64, u16)> {
        let (_, incident) = self.known(number)?;
        let Incident { opened_at, closed_at, verdict, .. } = incident;
        Some((verdict as u8, opened_at, closed_at, incident.worst_bps(&self.rules())))
    }

    /// As [`Record::words`].
    ///
    /// # Errors
    /// `UnknownIncident`.
    pub fn incident_of(&self, subject: B256, number: U256) -> Result<(u8, u64, u64, u16)> {
        self.words(number).ok_or_else(|| error!(UnknownIncident, subject, number))
    }

    /// The worst window of an incident so far: its start, its loss, and up to when windows have been compared.
    ///
    /// # Errors
    /// `UnknownIncident`.
    pub fn worst_window(&self, subject: B256, number: U256) -> Result<(u64, u16, u64)> {
        let Some((_, incident)) = self.known(number) else { return Err(error!(UnknownIncident, subject, number)) };
        let rules = self.rules();
        let compared_until = match incident.closed_at {
            0 if incident.worst_area.is_none() => incident.opened_at,
            0 => Window::unpack(self.window.get()).start + rules.window,
            closed_at => closed_at,
        };
        Ok((incident.worst_start, incident.worst_bps(&rules), compared_until))
    }

    /// The loss over the window that begins at `start`; not known where the samples do not reach over it.
    #[must_use]
    pub fn window_loss(&self, start: u64) -> (bool, u16) {
        let (rules, course) = (self.rules(), self.course());
        if course.samples == 0
            || start < self.node(0).time
            || start.checked_add(rules.window).is_none_or(|end| end > course.time)
        {
            return (false, 0);
        }
        (true, rules.loss_bps(self.area(&rules, &course, start)))
    }

    /// The area under the value over the window that begins at `start`, over which the samples reach.
    fn area(&self, rules: &Rules, course: &Course, start: u64) -> u128 {
        let end = start + rules.window;
        let (mut tail, mut head) = (self.seek(course, start), self.seek(course, end));
        self.cumulative(course, &mut head, end).0 - self.cumulative(course, &mut tail, start).0
    }

    /// The verdict and the loss in basis points, rounded down, of a policy that covers [`from`, `until`) under an
    /// incident, over the window that begins at `wanted`, or the worst one known.
    ///
    /// # Errors
    /// `WindowNotCovered`.
    pub fn assess(&self, from: u64, until: u64, number: U256, wanted: Option<u64>) -> Result<(u8, u16)> {
        let (verdict, loss_bps) = self.judge(from, until, number, wanted)?;
        Ok((verdict as u8, loss_bps))
    }

    fn judge(&self, from: u64, until: u64, number: U256, wanted: Option<u64>) -> Result<(Verdict, u16)> {
        if number.is_zero() {
            return Ok((Verdict::NotMet, 0)); // without an incident there is nothing to lose
        }
        let Some((number, incident)) = self.known(number) else { return Ok((Verdict::Inconclusive, 0)) };
        let Incident { opened_at, closed_at, worst_start, worst_area, verdict } = incident;
        if opened_at < from || opened_at >= until {
            return Ok((Verdict::NotMet, 0));
        }
        if verdict != Verdict::Confirmed {
            return Ok((verdict, 0));
        }
        let (rules, course) = (self.rules(), self.course());
        let known_until = match (closed_at, Window::unpack(self.window.get()).closing) {
            (0, 0) => course.time,
            (0, closing) => closing,
            _ => closed_at,
        };
        // Windows begin between `first` and `last`.
        let first = from.max(self.earliest(number)).max(opened_at.saturating_sub(rules.window));
        let last = known_until.min(until).saturating_sub(rules.window);
        if last < first {
            let open = closed_at == 0 && known_until < until;
            return Ok((if open { Verdict::Inconclusive } else { Verdict::NotMet }, 0));
        }
        let start = match wanted {
            Some(start) if start < first || start > last => {
                return Err(error!(WindowNotCovered, start, first, last));
            }
            Some(start) => start,
            None if worst_area.is_some() => worst_start.clamp(first, last),
            None => opened_at.clamp(first, last),
        };
        let named = self.area(&rules, &course, start);
        let worst = worst_area.filter(|_| (first..=last).contains(&worst_start)).unwrap_or(named);
        let loss_bps = rules.loss_bps(named.min(worst));
        let verdict = if loss_bps > 0 {
            Verdict::Confirmed
        } else if closed_at > 0 && incident.worst_bps(&rules) == 0 {
            Verdict::NotMet
        } else {
            Verdict::Inconclusive
        };
        Ok((verdict, loss_bps))
    }
}
