//! One line: a product's cover on a subject, and the incidents that it can be claimed under.
//!
//! A line is quiet (it sells), open (an incident is latent or not closed: it sells nothing and its reserve is in full)
//! or closed (the worst loss is known, claims are still filed; it sells nothing). A closed line lapses into a quiet one
//! when the time for claims is over; latent evidence that nothing follows does so after the latent limit.
//!
//! ```text
//! reserve = max(0, ⌈(E − F) · ω⌉ + min(F, ⌈(F + D) · ω⌉) − V)       ω = the worst that a claim can take of its cover
//! ```
//!
//! E is the cover that could claim when the incidents opened and is not released, V the claims confirmed since. F is what
//! of E was left of policies that had filed before, and D their claims until then: a claim is a part of the cover that was
//! sold, at most what is left of it. A later incident before the lapse adds its worst to ω, and an earlier one that is
//! booked late widens E.
//!
//! A claim that is not decided yet is in none of these: what it may take is reserved beside the line, in full and for as
//! long as the decision lasts, also beyond a lapse ([`Line::suspend`], [`Line::decide`]).
//!
//! ```text
//! book      cover 96 | scheduled 96 | next week 30 | state 2 | risk key 16 | sibling 16
//! exposure  exposed 96 | confirmed 96 | horizon 30 | ω 14 | lapses 20
//! episode   number 32 | closed 32 | worst 14 | others 14 | opened 32 | evidence 32 | lapse 32 | deductible 14 |
//!           confirmed 1 | D 21 + 6 | F 20 + 6 (a number, and by how many bits it is moved up)
//! ```

use actuary::Overflow;
use standards::packed::Packed;

use crate::{clock::Clock, fit};

/// One in basis points.
const FULL: u64 = 10_000;

/// How many numbers back a line remembers which incidents are closed.
const MEMORY: u64 = 32;

/// Where D and F are kept.
const EARLIER: Rounded = Rounded { at: 203, bits: 21 };
const FILED: Rounded = Rounded { at: 230, bits: 20 };

/// A number of up to 96 bits in a place for fewer: its upper ones, and by how many they are moved up. It is rounded up.
struct Rounded {
    at: usize,
    bits: usize,
}

impl Rounded {
    /// How many bits the shift has.
    const SHIFT: usize = 6;

    /// By how many bits a number is moved down. One more than its length asks for, so that it may be rounded up.
    const fn shift(&self, value: u128) -> u64 {
        (129 - value.leading_zeros() as u64).saturating_sub(self.bits as u64)
    }

    /// The number as the place keeps it.
    const fn kept(&self, value: u128) -> u128 {
        let shift = self.shift(value);
        value.div_ceil(1 << shift) << shift
    }

    fn load(&self, word: &Packed) -> u128 {
        word.u128(self.at, self.bits) << word.u64(self.at + self.bits, Self::SHIFT)
    }

    /// Stores what is [`kept`](Self::kept).
    fn store(&self, word: Packed, kept: u128) -> Packed {
        let shift = self.shift(kept);
        word.with_u128(self.at, self.bits, kept >> shift).with_u64(self.at + self.bits, Self::SHIFT, shift)
    }
}

type Result<T = ()> = core::result::Result<T, Overflow>;

/// What a line is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// No incident: it sells.
    #[default]
    Quiet,
    /// An incident is latent or not closed.
    Open,
    /// Every incident is closed, and claims may still be filed.
    Closed,
}

impl State {
    /// As `IRisk.Line.state` counts them.
    #[must_use]
    pub const fn code(self) -> u64 {
        match self {
            Self::Quiet => 0,
            Self::Open => 1,
            Self::Closed => 2,
        }
    }

    const fn from_code(code: u64) -> Self {
        match code {
            1 => Self::Open,
            2 => Self::Closed,
            _ => Self::Quiet,
        }
    }
}

/// The newest incident of a line, and what is remembered of older ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Episode {
    /// The newest incident's number; 0 before the first.
    pub number: u64,
    /// Bit i: incident `number − i` is closed in the books.
    closed: u64,
    /// The newest incident's worst loss so far, in basis points.
    pub worst: u64,
    /// What claims under the other incidents before the lapse can take, in basis points of cover.
    others: u64,
    opened_at: u64,
    /// When the newest latent evidence was booked.
    pub evidence_at: u64,
    /// On the claims clock: the last second for claims.
    pub lapse_at: u64,
    deductible: u64,
    /// Whether the newest incident is confirmed.
    pub confirmed: bool,
}

/// A line in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// G: the worst payout of all policies not released.
    pub cover: u128,
    /// Of it, what is in the weekly buckets: policies that have not filed.
    pub scheduled: u128,
    /// The first bucket that is not processed.
    pub next: u64,
    /// What it is doing.
    pub state: State,
    /// The number of its risk key; 0 where the line is not listed.
    pub key: u64,
    /// Another line on the same subject, vault and trigger, in a ring; 0 where it is alone.
    pub sibling: u64,
    /// E.
    pub exposed: u128,
    /// V.
    pub confirmed: u128,
    /// D, rounded up to what its place holds.
    earlier: u128,
    /// F, rounded up too; where cover leaves it is too much for a while, never too little.
    filed: u128,
    /// The first bucket whose policies could claim when the incidents opened.
    horizon: u64,
    /// ω, in basis points.
    owed: u64,
    /// How often it became quiet again, in 20 bits: what was booked before is over.
    lapses: u64,
    /// Its incidents.
    pub episode: Episode,
}

/// The three words of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// What a sale needs.
    pub book: Packed,
    /// What the reserve needs.
    pub exposure: Packed,
    /// The incidents.
    pub episode: Packed,
}

/// A policy's claims around one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Its worst payout when it was sold.
    pub cover: u128,
    /// All that was confirmed before the claim.
    pub before: u128,
    /// All that is confirmed with it; at most `cover`.
    pub total: u128,
}

/// When a claim that is not decided yet was taken out of a line, and whether the trigger had proven it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspended {
    lapses: u64,
    proven: bool,
}

impl Suspended {
    /// Reads it from what [`code`](Self::code) answered.
    #[must_use]
    pub const fn from_code(code: u64) -> Self {
        Self { lapses: code >> 1, proven: code & 1 == 1 }
    }

    /// Whether the trigger had proven it.
    #[must_use]
    pub const fn is_proven(self) -> bool {
        self.proven
    }

    /// As one number of 21 bits.
    #[must_use]
    pub const fn code(self) -> u64 {
        self.lapses << 1 | self.proven as u64
    }
}

/// An incident as its trigger tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its number, from 1.
    pub number: u64,
    /// What the trigger says.
    pub verdict: Verdict,
    /// When it opened.
    pub opened_at: u64,
    /// When it closed; 0 while it is open.
    pub closed_at: u64,
    /// Its worst loss so far, in basis points.
    pub worst: u64,
}

/// `ITrigger.Verdict`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Latent evidence.
    Inconclusive,
    /// It was none.
    NotMet,
    /// It is one.
    Confirmed,
}

/// What of the present an incident's booking depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Time and claims clock.
    pub clock: Clock,
    /// From the end of cover, or an incident's closing, to the last claim.
    pub grace: u64,
    /// The product's deductible in basis points.
    pub deductible: u64,
}

impl Moment {
    /// The first bucket whose policies were covered at `opened`. Their deadlines were set on the claims clock as it was
    /// at their sale; the pauses up to now are the most that it can have been behind since.
    const fn horizon(&self, opened: u64) -> u64 {
        self.clock.week_of((opened + self.grace).saturating_sub(self.clock.stopped()))
    }

    const fn lapse(&self) -> u64 {
        self.clock.claims() + self.grace
    }
}

impl Line {
    /// A line that has just been listed: its first bucket is the present one.
    #[must_use]
    pub fn listed(key: u64, sibling: u64, clock: Clock) -> Self {
        Self { key, sibling, next: clock.week_of(clock.claims()), ..Self::default() }
    }

    /// Reads a line; the words beside `book` only count while it is not quiet, and for the next incident.
    #[must_use]
    pub fn load(words: &Words) -> Self {
        let Words { book, exposure, episode } = words;
        Self {
            cover: book.u128(0, 96),
            scheduled: book.u128(96, 96),
            next: book.u64(192, 30),
            state: State::from_code(book.u64(222, 2)),
            key: book.u64(224, 16),
            sibling: book.u64(240, 16),
            exposed: exposure.u128(0, 96),
            confirmed: exposure.u128(96, 96),
            earlier: EARLIER.load(episode),
            filed: FILED.load(episode),
            horizon: exposure.u64(192, 30),
            owed: exposure.u64(222, 14),
            lapses: exposure.u64(236, 20),
            episode: Episode {
                number: episode.u64(0, 32),
                closed: episode.u64(32, 32),
                worst: episode.u64(64, 14),
                others: episode.u64(78, 14),
                opened_at: episode.u64(92, 32),
                evidence_at: episode.u64(124, 32),
                lapse_at: episode.u64(156, 32),
                deductible: episode.u64(188, 14),
                confirmed: episode.u64(202, 1) == 1,
            },
        }
    }

    /// The line's words.
    ///
    /// # Errors
    /// [`Overflow`] where an amount has more than 96 bits.
    pub fn store(&self) -> Result<Words> {
        let episode = &self.episode;
        Ok(Words {
            book: Packed::default()
                .with_u128(0, 96, fit(self.cover, 96)?)
                .with_u128(96, 96, fit(self.scheduled, 96)?)
                .with_u64(192, 30, self.next)
                .with_u64(222, 2, self.state.code())
                .with_u64(224, 16, self.key)
                .with_u64(240, 16, self.sibling),
            exposure: Packed::default()
                .with_u128(0, 96, fit(self.exposed, 96)?)
                .with_u128(96, 96, fit(self.confirmed, 96)?)
                .with_u64(192, 30, self.horizon)
                .with_u64(222, 14, self.owed)
                .with_u64(236, 20, self.lapses),
            episode: EARLIER
                .store(FILED.store(Packed::default(), self.filed), self.earlier)
                .with_u64(0, 32, episode.number)
                .with_u64(32, 32, episode.closed)
                .with_u64(64, 14, episode.worst)
                .with_u64(78, 14, episode.others)
                .with_u64(92, 32, episode.opened_at)
                .with_u64(124, 32, episode.evidence_at)
                .with_u64(156, 32, episode.lapse_at)
                .with_u64(188, 14, episode.deductible)
                .with_u64(202, 1, u64::from(episode.confirmed)),
        })
    }

    /// The worst payout still to come under the incidents.
    #[must_use]
    pub fn reserve(&self) -> u128 {
        let filed = self.filed.min(self.exposed);
        let sold = filed.saturating_add(self.earlier);
        // 97 bits by 14 fit.
        let worst = |cover: u128| (cover * u128::from(self.owed)).div_ceil(u128::from(FULL));
        let worst = worst(self.exposed - filed) + worst(sold).min(filed);
        worst.saturating_sub(self.confirmed)
    }

    /// Sells `cover` more, into a bucket.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn sell(&mut self, cover: u128) -> Result {
        self.cover = self.cover.checked_add(cover).ok_or(Overflow)?;
        self.scheduled = self.scheduled.checked_add(cover).ok_or(Overflow)?;
        Ok(())
    }

    /// Lets go what time has ended: latent evidence that nothing followed, and a closed line whose time for claims is
    /// over. Answers whether anything changed.
    pub fn settle(&mut self, clock: Clock, latent_limit: u64) -> bool {
        let before = self.state;
        if self.is_latent() && clock.now() >= self.episode.evidence_at + latent_limit {
            self.withdraw(clock);
        }
        if self.state == State::Closed && clock.claims() > self.episode.lapse_at {
            self.calm();
        }
        self.state != before
    }

    /// The worst loss of the newest incident so far, in basis points; 0 where none can be claimed under.
    #[must_use]
    pub fn worst(&self) -> u64 {
        if self.is_latent() || (self.state != State::Quiet && self.episode.confirmed) { self.episode.worst } else { 0 }
    }

    /// Whether there is latent evidence and nothing else of the newest incident.
    #[must_use]
    pub fn is_latent(&self) -> bool {
        self.state == State::Open && !self.episode.confirmed
    }

    /// Releases what is left in a bucket whose deadlines are over.
    ///
    /// # Errors
    /// [`Overflow`] for more than there is.
    pub fn release_bucket(&mut self, week: u64, cover: u128) -> Result {
        self.cover = self.cover.checked_sub(cover).ok_or(Overflow)?;
        self.unschedule(cover)?;
        if self.state != State::Quiet && week >= self.horizon {
            self.exposed = self.exposed.checked_sub(cover).ok_or(Overflow)?;
        }
        Ok(())
    }

    /// Takes a policy's cover out of its bucket because it files. One that was thought not to be covered when the
    /// incidents opened is from now on.
    ///
    /// # Errors
    /// [`Overflow`] for more than there is.
    pub fn file(&mut self, week: u64, cover: u128) -> Result {
        self.unschedule(cover)?;
        if week < self.horizon {
            self.exposed = self.exposed.checked_add(cover).ok_or(Overflow)?;
        }
        Ok(())
    }

    /// Takes cover out of the buckets.
    ///
    /// # Errors
    /// [`Overflow`] for more than there is.
    fn unschedule(&mut self, cover: u128) -> Result {
        self.scheduled = self.scheduled.checked_sub(cover).ok_or(Overflow)?;
        Ok(())
    }

    /// Takes a policy that never filed, and was cancelled, out of a quiet line.
    ///
    /// # Errors
    /// [`Overflow`] for more than there is.
    pub fn release(&mut self, cover: u128) -> Result {
        self.cover = self.cover.checked_sub(cover).ok_or(Overflow)?;
        self.unschedule(cover)
    }

    /// Takes what is left of a policy that filed out of the books: `rest` of its cover after `confirmed` claims.
    ///
    /// Which of its claims were under the present incidents is not known here. All are taken for such, as far as V
    /// goes: E and V fall by the same, which leaves the reserve at least at what the others can still claim.
    ///
    /// # Errors
    /// [`Overflow`] for more than there is.
    pub fn expire(&mut self, rest: u128, confirmed: u128) -> Result {
        self.cover = self.cover.checked_sub(rest).ok_or(Overflow)?;
        let mut present = 0;
        if self.state != State::Quiet {
            present = confirmed.min(self.confirmed);
            self.exposed = self.exposed.checked_sub(rest + present).ok_or(Overflow)?;
            self.confirmed -= present;
        }
        self.remember(self.earlier.saturating_sub(confirmed - present));
        Ok(())
    }

    /// Raises ω before a claim is booked: to the loss that it proves, and to what its policy then has of its cover, so
    /// that no claim takes what is reserved for the others, and who lost as much finds as much reserved.
    ///
    /// Under which incident the claim is made is not known here. Its loss is taken for the newest one's where that is
    /// confirmed, else for the others'; what the policy has beyond that is from the others as well. Of its claims, as
    /// many are taken to be under the present incidents as V has: never too few.
    pub fn raise(&mut self, loss: u64, policy: &Claims) {
        let Claims { cover, before, total } = *policy;
        let since = total.min(self.confirmed.saturating_add(total.saturating_sub(before)));
        // 96 bits by 14 fit; `since` is at most `cover`
        let has = (since * u128::from(FULL)).div_ceil(cover.max(1)) as u64;

        let episode = &mut self.episode;
        let lost = loss.saturating_sub(episode.deductible);
        let beyond = if episode.confirmed {
            episode.worst = episode.worst.max(loss);
            has.saturating_sub(episode.worst.saturating_sub(episode.deductible))
        } else {
            has.max(lost)
        };
        episode.others = episode.others.max(beyond).min(FULL);
        self.weigh();
    }

    /// Books a claim's rise by `amount`.
    ///
    /// # Errors
    /// [`Overflow`] for more than there is.
    pub fn claim(&mut self, amount: u128) -> Result {
        self.cover = self.cover.checked_sub(amount).ok_or(Overflow)?;
        self.confirmed = self.confirmed.checked_add(amount).ok_or(Overflow)?;
        Ok(())
    }

    /// Sets D; to nothing where nothing is left of any policy that has filed.
    fn remember(&mut self, earlier: u128) {
        self.earlier = if self.cover > self.scheduled { EARLIER.kept(earlier) } else { 0 };
    }

    /// Takes what a policy claims out of the line until it is decided. What the trigger has proven counts as confirmed
    /// under the present incidents, so that ω holds it no more; what only a jury can decide leaves E. Answers with what
    /// [`decide`](Self::decide) takes for it: when it was.
    ///
    /// # Errors
    /// [`Overflow`] for more than there is.
    pub fn suspend(&mut self, amount: u128, proven: bool) -> Result<Suspended> {
        self.cover = self.cover.checked_sub(amount).ok_or(Overflow)?;
        if proven {
            self.confirmed = self.confirmed.checked_add(amount).ok_or(Overflow)?;
        } else {
            self.earlier = EARLIER.kept(self.earlier.saturating_add(amount));
            if self.state != State::Quiet {
                self.exposed = self.exposed.checked_sub(amount).ok_or(Overflow)?;
            }
        }
        Ok(Suspended { lapses: self.lapses, proven })
    }

    /// Ends what [`suspend`](Self::suspend) began: so much of the amount comes back, since it is not paid.
    ///
    /// Under the same incidents what was proven is taken out of V again (and what V has lost of it since by
    /// [`expire`](Self::expire) goes to E); under others the cover could claim again, and is exposed.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn decide(&mut self, suspended: Suspended, back: u128) -> Result {
        self.cover = self.cover.checked_add(back).ok_or(Overflow)?;
        let confirmed = if self.still_counts(suspended) { back.min(self.confirmed) } else { 0 };
        let again = back - confirmed;
        self.remember(self.earlier.saturating_sub(again));
        if self.state != State::Quiet {
            self.confirmed -= confirmed;
            self.exposed = self.exposed.checked_add(again).ok_or(Overflow)?;
            if again > 0 {
                self.filed = FILED.kept(self.filed.checked_add(again).ok_or(Overflow)?);
            }
        }
        Ok(())
    }

    /// Whether a suspended claim is among the confirmed ones of the present incidents.
    #[must_use]
    pub fn still_counts(&self, suspended: Suspended) -> bool {
        self.state != State::Quiet && suspended.proven && suspended.lapses == self.lapses
    }

    /// Books what a trigger says about an incident. `scheduled` adds up the buckets from one week to before another.
    /// Answers whether it was any news.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn report(&mut self, report: &Report, at: &Moment, scheduled: &dyn Fn(u64, u64) -> u128) -> Result<bool> {
        if report.number < self.episode.number {
            return self.report_older(report, at, scheduled);
        }
        let newest = report.number == self.episode.number;
        match report.verdict {
            Verdict::NotMet => {
                let withdrawn = newest && self.is_latent();
                if withdrawn {
                    self.withdraw(at.clock);
                }
                Ok(withdrawn)
            }
            Verdict::Inconclusive => {
                let news = report.opened_at > self.episode.opened_at || report.worst > self.episode.worst;
                if newest && (self.episode.confirmed || self.is_closed(0) || !news) {
                    return Ok(false);
                }
                self.supersede(report, at);
                self.episode.evidence_at = at.clock.now();
                self.episode.opened_at = self.episode.opened_at.max(report.opened_at);
                self.expose(report.opened_at, at, scheduled)?;
                self.state = State::Open;
                self.episode.worst = self.episode.worst.max(report.worst);
                self.weigh();
                Ok(true)
            }
            Verdict::Confirmed => {
                if newest && self.is_closed(0) {
                    return Ok(false);
                }
                self.supersede(report, at);
                let was_quiet = self.state == State::Quiet;
                self.expose(report.opened_at, at, scheduled)?;
                // What was latent is replaced by what is proven; what is proven only rises.
                let proven = if self.episode.confirmed { self.episode.worst } else { 0 };
                self.episode.worst = proven.max(report.worst);
                self.episode.confirmed = true;
                self.episode.opened_at = report.opened_at;
                self.state = State::Open;
                if report.closed_at != 0 {
                    self.episode.closed |= 1;
                    self.state = State::Closed;
                    self.episode.lapse_at = self.episode.lapse_at.max(at.lapse());
                    if was_quiet && self.exposed == 0 && report.closed_at + at.grace <= at.clock.now() {
                        self.calm(); // long over, and nobody was covered: nothing to wait for
                    }
                }
                self.weigh();
                Ok(true)
            }
        }
    }

    /// Books an incident that is older than the newest one: one that closed before anybody reported it.
    fn report_older(&mut self, report: &Report, at: &Moment, scheduled: &dyn Fn(u64, u64) -> u128) -> Result<bool> {
        let age = self.episode.number - report.number;
        if age >= MEMORY || self.is_closed(age) || report.verdict != Verdict::Confirmed {
            return Ok(false);
        }
        self.expose(report.opened_at, at, scheduled)?;
        if self.state == State::Quiet {
            self.state = State::Closed;
            self.episode.confirmed = false; // the newest one has lapsed: it is none of these
        }
        let owed = if report.closed_at == 0 {
            FULL
        } else {
            self.episode.closed |= 1 << age;
            report.worst.saturating_sub(at.deductible)
        };
        self.episode.others = (self.episode.others + owed).min(FULL);
        self.episode.lapse_at = self.episode.lapse_at.max(at.lapse());
        self.episode.deductible = at.deductible;
        self.weigh();
        Ok(true)
    }

    fn is_closed(&self, age: u64) -> bool {
        age < MEMORY && (self.episode.closed >> age) & 1 == 1
    }

    /// Makes `report`'s incident the newest one, if it is not. What claims under the former one can take goes on
    /// counting: in full where it was never closed, at its worst where it was; not where it was latent only.
    fn supersede(&mut self, report: &Report, at: &Moment) {
        let deductible = at.deductible;
        let episode = &mut self.episode;
        episode.deductible = deductible;
        if report.number == episode.number {
            return;
        }
        let owed = match self.state {
            State::Open if episode.confirmed => FULL - deductible,
            State::Closed if episode.confirmed => episode.worst.saturating_sub(deductible),
            _ => 0,
        };
        episode.others = (episode.others + owed).min(FULL);
        if episode.others > 0 {
            episode.lapse_at = episode.lapse_at.max(at.lapse());
        }
        let newer = report.number - episode.number;
        episode.closed = if newer < MEMORY { (episode.closed << newer) & u64::from(u32::MAX) } else { 0 };
        episode.number = report.number;
        episode.worst = 0;
        episode.opened_at = 0;
        episode.evidence_at = 0;
        episode.confirmed = false;
    }

    /// Counts in E what was covered at `opened`: all of it where the line was quiet, what is earlier than the horizon
    /// where it was not.
    fn expose(&mut self, opened: u64, at: &Moment, scheduled: &dyn Fn(u64, u64) -> u128) -> Result {
        let horizon = at.horizon(opened).max(self.next);
        if self.state == State::Quiet {
            let over = scheduled(self.next, horizon);
            self.exposed = self.cover.checked_sub(over).ok_or(Overflow)?;
            self.confirmed = 0;
            self.filed = FILED.kept(self.cover.checked_sub(self.scheduled).ok_or(Overflow)?);
            self.horizon = horizon;
        } else if horizon < self.horizon {
            self.exposed = self.exposed.checked_add(scheduled(horizon, self.horizon)).ok_or(Overflow)?;
            self.horizon = horizon;
        }
        Ok(())
    }

    /// ω from the state and the worst losses.
    fn weigh(&mut self) {
        let Episode { worst, others, deductible, confirmed, .. } = self.episode;
        let own = match self.state {
            State::Quiet => 0,
            State::Open => FULL - deductible,
            State::Closed if confirmed => worst.saturating_sub(deductible),
            State::Closed => 0,
        };
        self.owed = (own + others).min(FULL);
    }

    /// Takes back latent evidence: what was closed before goes on until its lapse.
    fn withdraw(&mut self, clock: Clock) {
        if clock.claims() > self.episode.lapse_at {
            self.calm();
        } else {
            self.state = State::Closed;
            self.weigh();
        }
    }

    /// Ends the incidents: the line is quiet.
    fn calm(&mut self) {
        self.state = State::Quiet;
        self.remember(self.earlier.saturating_add(self.confirmed));
        self.exposed = 0;
        self.confirmed = 0;
        self.filed = 0;
        self.episode.others = 0;
        self.episode.lapse_at = 0;
        self.lapses = (self.lapses + 1) % (1 << 20);
        self.weigh();
    }
}
