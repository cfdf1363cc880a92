//! Incidents and their worst window.
//!
//! Over one incident the window [start, start + W] slides from the place where its end meets the opening to the
//! closing. The area under the price between both ends is linear between the moments at which either end passes from
//! one price to another, so its least value is found by looking at these moments only. Both ends walk the series of
//! rounds; where they stand is stored, so that long incidents are compared in pieces.

use alloy_primitives::U256;
use standards::packed::Packed;

use crate::{
    Book,
    config::Config,
    course::{Course, Node},
    series::{Halt, Source},
};

/// Rounds that one call may read to move the window on.
pub(crate) const READS_A_CALL: u32 = 32;

/// One incident: a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Incident {
    pub(crate) opened_at: u64,
    /// 0 while it is open.
    pub(crate) closed_at: u64,
    /// Where the worst window compared so far begins.
    pub(crate) worst_start: u64,
    /// The area under the price over that window; 0: none was compared yet (a price is never 0).
    pub(crate) worst_area: u128,
}

impl Incident {
    /// `opened at 48 | closed at 48 | worst start 48 | worst area 112`.
    pub(crate) fn pack(&self) -> U256 {
        Packed::default()
            .with_u64(0, 48, self.opened_at)
            .with_u64(48, 48, self.closed_at)
            .with_u64(96, 48, self.worst_start)
            .with_u128(144, 112, self.worst_area)
            .0
    }

    /// The incident in a word.
    pub(crate) fn unpack(word: U256) -> Self {
        let word = Packed(word);
        Self {
            opened_at: word.u64(0, 48),
            closed_at: word.u64(48, 48),
            worst_start: word.u64(96, 48),
            worst_area: word.u128(144, 112),
        }
    }

    /// The worst loss so far, in basis points.
    pub(crate) fn worst_bps(&self, config: &Config) -> u16 {
        if self.worst_area == 0 { 0 } else { config.loss_bps(self.worst_area) }
    }

    fn compare(&mut self, start: u64, area: u128) {
        if self.worst_area == 0 || area < self.worst_area {
            (self.worst_start, self.worst_area) = (start, area);
        }
    }
}

/// The open incident and where its window stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) incident: Incident,
    /// Where the window begins that is compared next.
    pub(crate) start: u64,
    /// When the incident ends, as soon as that is proven; 0 before.
    pub(crate) closing: u64,
    /// The rounds in which the window begins and ends, and their cumulative price; 0: not looked up yet.
    tail: (u128, u128),
    head: (u128, u128),
}

impl Open {
    /// An incident that opened at `opened_at`, with windows from `earliest` on.
    pub(crate) fn begin(opened_at: u64, earliest: u64, config: &Config) -> Self {
        let incident = Incident { opened_at, closed_at: 0, worst_start: 0, worst_area: 0 };
        let start = opened_at.saturating_sub(config.window).max(earliest);
        Self { incident, start, closing: 0, tail: (0, 0), head: (0, 0) }
    }
}

impl Book {
    /// An incident by its number.
    pub(crate) fn incident(&self, number: u64) -> Incident {
        Incident::unpack(self.incidents.get(U256::from(number)))
    }

    /// The moment from which on windows belong to incident `number`: the closing of the one before it, or the first
    /// round.
    pub(crate) fn earliest(&self, number: u64) -> u64 {
        if number > 1 {
            self.incident(number - 1).closed_at
        } else {
            Node::unpack_checkpoint(self.checkpoints.get(U256::ZERO)).time
        }
    }

    /// Loads the open incident. Two words beside the incident's own:
    ///
    /// ```text
    /// 0  tail round id 80 | its cumulative price 112 | start 48 | – 16
    /// 1  head round id 80 | its cumulative price 112 | closing 48 | – 16
    /// ```
    pub(crate) fn load_open(&self, number: u64) -> Open {
        let [tail, head] = [Packed(self.window_tail.get()), Packed(self.window_head.get())];
        Open {
            incident: self.incident(number),
            start: tail.u64(192, 48),
            closing: head.u64(192, 48),
            tail: (tail.u128(0, 80), tail.u128(80, 112)),
            head: (head.u128(0, 80), head.u128(80, 112)),
        }
    }

    /// Stores the open incident, or the one that has just closed.
    pub(crate) fn store_open(&mut self, number: u64, open: &Open) {
        self.incidents.setter(U256::from(number)).set(open.incident.pack());
        let (mut tail, mut head) = (Packed::default(), Packed::default());
        if open.incident.closed_at == 0 {
            tail = tail.with_u128(0, 80, open.tail.0).with_u128(80, 112, open.tail.1).with_u64(192, 48, open.start);
            head = head.with_u128(0, 80, open.head.0).with_u128(80, 112, open.head.1).with_u64(192, 48, open.closing);
        }
        self.window_tail.set(tail.0);
        self.window_head.set(head.0);
    }

    /// Moves the window on over what the series proves, at most [`READS_A_CALL`] rounds further; closes the incident
    /// when the window has arrived at the closing.
    pub(crate) fn compare_windows(&self, config: &Config, source: &mut Source, course: &Course, open: &mut Open) {
        let limit = if open.closing > 0 { open.closing } else { course.last.time };
        if open.start + config.window > limit {
            return;
        }
        let arrived = self.slide(config, source, course, open, limit).is_ok();
        source.budget = u32::MAX;
        if arrived && open.closing > 0 {
            open.incident.closed_at = open.closing;
        }
    }

    fn slide(
        &self,
        config: &Config,
        source: &mut Source,
        course: &Course,
        open: &mut Open,
        limit: u64,
    ) -> Result<(), Halt> {
        let heartbeat = config.feed.heartbeat;
        // Looking up where the window stands is bounded by itself.
        let (mut tail, mut head) = if open.tail.0 == 0 {
            (self.seek(source, course, open.start)?, self.seek(source, course, open.start + config.window)?)
        } else {
            (self.node(source, course, open.tail.0, open.tail.1)?, self.node(source, course, open.head.0, open.head.1)?)
        };
        source.budget = READS_A_CALL;
        (open.tail, open.head) = ((tail.id, tail.cumulative), (head.id, head.cumulative));
        let mut after_tail = self.after(source, course, &tail)?;
        let mut after_head = self.after(source, course, &head)?;
        loop {
            let end = open.start + config.window;
            // Each end moves to the round whose price holds at its place.
            if let Some(next) = after_tail.filter(|next| next.time <= open.start) {
                tail = next;
                open.tail = (tail.id, tail.cumulative);
                after_tail = self.after(source, course, &tail)?;
                continue;
            }
            if let Some(next) = after_head.filter(|next| next.time <= end) {
                head = next;
                open.head = (head.id, head.cumulative);
                after_head = self.after(source, course, &head)?;
                continue;
            }
            open.incident
                .compare(open.start, head.cumulative_at(end, heartbeat) - tail.cumulative_at(open.start, heartbeat));
            if end >= limit {
                return Ok(());
            }
            let ahead = |node: &Node, next: Option<Node>, at: u64| {
                let silent = node.time + heartbeat;
                let silence = if silent > at { silent - at } else { u64::MAX };
                next.map_or(silence, |next| silence.min(next.time - at))
            };
            let step = ahead(&tail, after_tail, open.start).min(ahead(&head, after_head, end)).min(limit - end);
            open.start += step;
        }
    }
}
