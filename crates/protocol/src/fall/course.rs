//! How far and for how long a value has fallen: a pure state machine over observations.

use alloy_primitives::U256;
use standards::{
    dispatch::{Argument, Arguments},
    packed::Packed,
};

use super::out_of_bounds;
use crate::Result;

/// The longest persistence and calm: 90 days.
pub const LONGEST: u64 = 90 * 24 * 60 * 60;

/// The least value that a loss can be measured from to a hundredth of a basis point.
pub const LEAST_VALUE: u128 = 1_000_000;

/// A deeper fall is deeper by at least this part of the reference.
const STEP_DIVISOR: u128 = 200;

const BPS: u64 = 10_000;

/// When a fall matters. Times in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// A fall by this part of the reference matters, in basis points.
    pub trigger_bps: u64,
    /// How long it must stand.
    pub persistence: u64,
    /// How long there must be no deeper one for the incident to be over.
    pub calm: u64,
}

impl Rules {
    /// Checks the bounds.
    ///
    /// # Errors
    /// `ParameterOutOfBounds` with the name of the value.
    pub fn check(&self, shortest: u64) -> Result<()> {
        let bounds: [(&[u8], u64, u64, u64); 3] = [
            (b"triggerBps", self.trigger_bps, 50, 9_000),
            (b"persistence", self.persistence, shortest, LONGEST),
            (b"calm", self.calm, shortest.max(self.persistence), LONGEST),
        ];
        for (name, value, least, most) in bounds {
            if value < least || value > most {
                return Err(out_of_bounds(name, value));
            }
        }
        Ok(())
    }

    /// One word: `trigger 16 | persistence 32 | calm 32 | – 176`; zero where there are none.
    #[must_use]
    pub fn pack(&self) -> U256 {
        Packed::default()
            .with_u64(0, 16, self.trigger_bps)
            .with_u64(16, 32, self.persistence)
            .with_u64(48, 32, self.calm)
            .0
    }

    /// The rules in a word.
    #[must_use]
    pub fn unpack(word: U256) -> Self {
        let word = Packed(word);
        Self { trigger_bps: word.u64(0, 16), persistence: word.u64(16, 32), calm: word.u64(48, 32) }
    }
}

/// `uint16 triggerBps, uint32 persistence, uint32 calm`, as registrations give them.
impl<'a> Argument<'a> for Rules {
    fn read(arguments: &mut Arguments<'a>) -> Option<Self> {
        Some(Self {
            trigger_bps: u64::from(arguments.read::<u16>()?),
            persistence: u64::from(arguments.read::<u32>()?),
            calm: u64::from(arguments.read::<u32>()?),
        })
    }
}

/// What the sources say at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What a share is worth.
    pub value: u128,
    /// Something else than a fall was found.
    pub latent: bool,
    /// A fall seen now counts for nothing. It is latent evidence too.
    pub doubtful: bool,
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

/// What an observation brings about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing.
    Nothing,
    /// Something is found: latent evidence.
    Suspects,
    /// Nothing is found any more of what was suspected.
    Clears,
    /// A fall has stood, since it was seen at this moment.
    Confirms(u64),
    /// A deeper fall has stood, since it was seen at this moment.
    Deepens(u64),
    /// There has been no deeper fall for long enough.
    Closes,
}

/// The state of a subject after its newest observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Course {
    /// The highest value that stood.
    pub reference: u128,
    /// The lowest value that stood in the newest incident.
    pub worst: u128,
    /// When the newest observation was.
    pub observed_at: u64,
    /// When the newest observation without a fall was, as long as none is proven.
    pub sound_at: u64,
    /// How many incidents there have been.
    pub incidents: u64,
    /// Whether the newest one is open.
    pub state: State,
    /// Since when a higher value (quiet), a fall (latent), a deeper one (open) has been seen; 0: not now.
    run_at: u64,
    /// The value of the run that is nearest to where it began: the lowest of a rise, the highest of a fall.
    run: u128,
    /// Since when the open incident has not become deeper, and the lowest value since of those that were no deeper fall:
    /// one that did not stand is no reference.
    calm_at: u64,
    floor: u128,
}

impl Course {
    /// The course that begins with an observation.
    #[must_use]
    pub const fn begin(now: u64, value: u128) -> Self {
        Self {
            reference: value,
            worst: value,
            observed_at: now,
            sound_at: now,
            incidents: 0,
            state: State::Quiet,
            run_at: 0,
            run: 0,
            calm_at: 0,
            floor: 0,
        }
    }

    /// Three words:
    ///
    /// ```text
    /// 0  reference 128 | run 128
    /// 1  worst 128 | floor 128
    /// 2  observed at 48 | sound at 48 | run at 48 | calm at 48 | incidents 32 | state 2 | – 30
    /// ```
    #[must_use]
    pub fn pack(&self) -> [U256; 3] {
        let third = Packed::default()
            .with_u64(0, 48, self.observed_at)
            .with_u64(48, 48, self.sound_at)
            .with_u64(96, 48, self.run_at)
            .with_u64(144, 48, self.calm_at)
            .with_u64(192, 32, self.incidents)
            .with_u64(224, 2, self.state as u64);
        [
            Packed::default().with_u128(0, 128, self.reference).with_u128(128, 128, self.run).0,
            Packed::default().with_u128(0, 128, self.worst).with_u128(128, 128, self.floor).0,
            third.0,
        ]
    }

    /// The course in three words.
    #[must_use]
    pub fn unpack(words: [U256; 3]) -> Self {
        let [first, second, third] = words.map(Packed);
        Self {
            reference: first.u128(0, 128),
            run: first.u128(128, 128),
            worst: second.u128(0, 128),
            floor: second.u128(128, 128),
            observed_at: third.u64(0, 48),
            sound_at: third.u64(48, 48),
            run_at: third.u64(96, 48),
            calm_at: third.u64(144, 48),
            incidents: third.u64(192, 32),
            state: match third.u64(224, 2) {
                0 => State::Quiet,
                1 => State::Latent,
                _ => State::Open,
            },
        }
    }

    /// Whether a value is at or below the reference less the trigger.
    #[must_use]
    pub fn is_fallen(&self, rules: &Rules, value: u128) -> bool {
        self.reference > 0 && self.is_below(rules.trigger_bps, value)
    }

    /// Whether cover may be sold on a reading: no incident, nothing found, and less than half a fall.
    #[must_use]
    pub fn is_sound(&self, rules: &Rules, reading: &Reading) -> bool {
        self.state == State::Quiet
            && !reading.latent
            && !reading.doubtful
            && self.reference >= LEAST_VALUE
            && !self.is_below(rules.trigger_bps / 2, reading.value)
    }

    /// Products of 128 and 14 bits fit.
    fn is_below(&self, bps: u64, value: u128) -> bool {
        U256::from(value) * U256::from(BPS) <= U256::from(self.reference) * U256::from(BPS - bps)
    }

    /// Takes in an observation, not before the newest one.
    pub fn take(&mut self, rules: &Rules, now: u64, reading: &Reading) -> Turn {
        let value = reading.value;
        let latent = reading.latent || reading.doubtful;
        let fallen = self.is_fallen(rules, value);
        self.observed_at = now;
        if !fallen && self.state != State::Open {
            self.sound_at = now;
        }
        match self.state {
            State::Quiet if fallen || latent => {
                self.state = State::Latent;
                self.incidents += 1;
                self.run_at = 0;
                if fallen && !reading.doubtful {
                    (self.run_at, self.run) = (now, value);
                }
                Turn::Suspects
            }
            State::Quiet => {
                if value <= self.reference {
                    self.run_at = 0;
                } else if self.lasts(rules, now, value, u128::min) {
                    self.reference = self.run;
                    (self.run_at, self.run) = (now, value);
                }
                Turn::Nothing
            }
            State::Latent if fallen && !reading.doubtful => {
                if !self.lasts(rules, now, value, u128::max) {
                    return Turn::Nothing;
                }
                let seen = self.run_at;
                self.state = State::Open;
                self.deepen(now, value);
                Turn::Confirms(seen)
            }
            State::Latent => {
                self.run_at = 0;
                if fallen || latent {
                    return Turn::Nothing;
                }
                self.state = State::Quiet;
                Turn::Clears
            }
            State::Open => self.take_open(rules, now, reading),
        }
    }

    fn take_open(&mut self, rules: &Rules, now: u64, reading: &Reading) -> Turn {
        let value = reading.value;
        let deeper = self.is_deeper(value);
        if !deeper {
            self.floor = self.floor.min(value);
        }
        if deeper && !reading.doubtful {
            if !self.lasts(rules, now, value, u128::max) {
                return Turn::Nothing;
            }
            let seen = self.run_at;
            self.deepen(now, value);
            return Turn::Deepens(seen);
        }
        self.run_at = 0;
        if deeper || reading.latent || reading.doubtful || now - self.calm_at < rules.calm {
            return Turn::Nothing;
        }
        self.reference = self.reference.min(self.floor);
        self.state = State::Quiet;
        self.sound_at = now;
        Turn::Closes
    }

    /// Whether a value is deeper than the worst by a step.
    fn is_deeper(&self, value: u128) -> bool {
        let step = (self.reference / STEP_DIVISOR).max(1);
        value <= self.worst.saturating_sub(step) && value < self.worst
    }

    /// Takes a value into the run, and answers whether it has stood for long enough.
    fn lasts(&mut self, rules: &Rules, now: u64, value: u128, nearest: fn(u128, u128) -> u128) -> bool {
        if self.run_at == 0 {
            (self.run_at, self.run) = (now, value);
            return false;
        }
        self.run = nearest(self.run, value);
        now - self.run_at >= rules.persistence
    }

    /// What has stood is the worst now.
    fn deepen(&mut self, now: u64, value: u128) {
        self.worst = self.run;
        self.run_at = 0;
        (self.calm_at, self.floor) = (now, if self.is_deeper(value) { self.worst } else { value });
    }
}

/// The fall from `before` to `worst` in basis points of `entry`, rounded down; only what is below `entry` counts.
#[must_use]
pub fn loss_bps(before: u128, entry: u128, worst: u128) -> u64 {
    let lost = before.min(entry).saturating_sub(worst);
    if entry == 0 {
        return 0;
    }
    // lost is at most entry, so the quotient is at most 10,000
    (U256::from(lost) * U256::from(BPS) / U256::from(entry)).to::<u64>()
}
