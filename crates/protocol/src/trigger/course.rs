//! How long a subject has been short or recovered: a pure state machine over samples.

use alloy_primitives::U256;
use standards::packed::Packed;

use super::{WHOLE, rules::Rules};

/// What is known of the time between a sample and the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Nothing.
    Unknown,
    /// The value before held until this one.
    Held,
    /// Only what both ends say: the better of them counts for losses, the worse for the recovery.
    Ends,
}

/// How much of a subject is whole, at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When.
    pub time: u64,
    /// What is proven to be whole, at most [`WHOLE`].
    pub value: u64,
    /// Whether one source alone finds something: latent evidence.
    pub suspected: bool,
    /// What is known of the time before it, where the sample before is still valid.
    pub link: Link,
    /// Until when the next sample must follow.
    pub valid_until: u64,
}

/// Whether an incident is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// None is.
    Quiet,
    /// The newest one is latent.
    Latent,
    /// The newest one is proven and not closed.
    Open,
}

/// What a sample brings about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing.
    Nothing,
    /// It has been short for long enough.
    Opens,
    /// One source alone has found something for long enough.
    Suspects,
    /// Nothing is found any more of what was suspected.
    Clears,
    /// It has been recovered for long enough, at this moment.
    Closes(u64),
}

/// The state of a subject after its newest sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Course {
    /// Samples so far.
    pub samples: u64,
    /// When the newest one was taken.
    pub time: u64,
    /// Its value.
    pub value: u64,
    /// Whether it is latent evidence.
    pub suspected: bool,
    /// Until when the next one must follow.
    pub valid_until: u64,
    /// Value times seconds from the first sample to the newest.
    pub cumulative: u128,
    /// The last moment at which nothing was found.
    pub sound_at: u64,
    /// For how many seconds it has been short, recovered, and short or suspected, without a gap.
    short_for: u64,
    sound_for: u64,
    latent_for: u64,
    /// Incidents so far, and the state of the newest.
    pub incidents: u64,
    /// Whether the newest is open.
    pub state: State,
}

impl Course {
    /// Two words:
    ///
    /// ```text
    /// 0  time 48 | value 64 | valid until 48 | sound at 48 | incidents 32 | state 2 | suspected 1 | – 13
    /// 1  cumulative 112 | samples 32 | short for 32 | sound for 32 | latent for 32 | – 16
    /// ```
    #[must_use]
    pub fn pack(&self) -> [U256; 2] {
        let first = Packed::default()
            .with_u64(0, 48, self.time)
            .with_u64(48, 64, self.value)
            .with_u64(112, 48, self.valid_until)
            .with_u64(160, 48, self.sound_at)
            .with_u64(208, 32, self.incidents)
            .with_u64(240, 2, self.state as u64)
            .with_u64(242, 1, u64::from(self.suspected));
        let second = Packed::default()
            .with_u128(0, 112, self.cumulative)
            .with_u64(112, 32, self.samples)
            .with_u64(144, 32, self.short_for)
            .with_u64(176, 32, self.sound_for)
            .with_u64(208, 32, self.latent_for);
        [first.0, second.0]
    }

    /// The course in two words.
    #[must_use]
    pub fn unpack(words: [U256; 2]) -> Self {
        let [first, second] = words.map(Packed);
        Self {
            samples: second.u64(112, 32),
            time: first.u64(0, 48),
            value: first.u64(48, 64),
            suspected: first.u64(242, 1) == 1,
            valid_until: first.u64(112, 48),
            cumulative: second.u128(0, 112),
            sound_at: first.u64(160, 48),
            short_for: second.u64(144, 32),
            sound_for: second.u64(176, 32),
            latent_for: second.u64(208, 32),
            incidents: first.u64(208, 32),
            state: match first.u64(240, 2) {
                1 => State::Latent,
                2 => State::Open,
                _ => State::Quiet,
            },
        }
    }

    /// Whether time alone could bring something about: it is short, suspected, or in an incident.
    #[must_use]
    pub fn is_tense(&self, rules: &Rules) -> bool {
        self.samples > 0 && (self.value <= rules.trigger || self.suspected || self.state != State::Quiet)
    }

    /// Takes in the next sample, which is newer; `closing` says whether the open incident has an end already. Answers
    /// with what counts over the time before the sample, and with what follows. [`Course::sound_at`] is still the
    /// moment before the sample where an incident opens: the caller reads it first.
    pub fn take(&mut self, rules: &Rules, sample: &Sample, closing: bool) -> (u64, Turn) {
        let first = self.samples == 0;
        let passed = if first { 0 } else { sample.time - self.time };
        let known = !first && sample.link != Link::Unknown && sample.time <= self.valid_until;
        let held = sample.link == Link::Held;
        let (better, worse) = match (known, held) {
            (false, _) => (WHOLE, 0),
            (true, true) => (self.value, self.value),
            (true, false) => (self.value.max(sample.value), self.value.min(sample.value)),
        };
        let is_short = known && better <= rules.trigger;
        let doubted = self.suspected || (!held && sample.suspected);
        let is_sound = known && worse > rules.recovery && !doubted;
        let is_odd = |value: u64, suspected: bool| suspected || value <= rules.trigger;
        let was_odd = is_odd(self.value, self.suspected);
        let now_odd = is_odd(sample.value, sample.suspected);
        let is_latent = known && was_odd && (held || now_odd);

        let count = |counted: u64, goes_on: bool| if goes_on { counted + passed } else { 0 };
        self.short_for = count(self.short_for, is_short).min(u64::from(u32::MAX));
        self.sound_for = count(self.sound_for, is_sound).min(u64::from(u32::MAX));
        self.latent_for = count(self.latent_for, is_latent).min(u64::from(u32::MAX));
        self.cumulative += u128::from(better) * u128::from(passed);
        (self.time, self.value, self.suspected) = (sample.time, sample.value, sample.suspected);
        self.valid_until = sample.valid_until;
        self.samples += 1;
        if first || (known && held && !was_odd) {
            self.sound_at = sample.time;
        }

        let turn = match self.state {
            State::Quiet | State::Latent if self.short_for >= rules.duration => Turn::Opens,
            State::Quiet if self.latent_for >= rules.duration => Turn::Suspects,
            State::Latent if !now_odd => Turn::Clears,
            State::Open if !closing && self.sound_for >= rules.calm => {
                Turn::Closes(sample.time - (self.sound_for - rules.calm))
            }
            _ => Turn::Nothing,
        };
        (better, turn)
    }

    /// Marks the newest sample as one that finds nothing, if it is.
    pub fn settle(&mut self, rules: &Rules) {
        if self.value > rules.trigger && !self.suspected {
            self.sound_at = self.time;
        }
    }
}
