//! The course of the price: where the proof of rounds stands and what it says about runs.
//!
//! A round's price holds from its time until the next round's, and for the heartbeat at most; what is unknown counts
//! as par, neither as depegged nor as recovered. Nothing here reads anything: the rounds come from [`crate::series`].
//!
//! Times are block timestamps (below 2^48) and prices are below 2^64, so that no sum of price times seconds passes
//! 2^112: plain operators on `u64` and `u128` cannot overflow here.

use alloy_primitives::U256;
use protocol::oracle::{ONE, Round};
use standards::packed::Packed;

use crate::config::Config;

/// Rounds that are walked between two checkpoints, at least.
pub(crate) const CHECKPOINT_EVERY: u64 = 16;

/// One round of the series and the price times seconds from the first round to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) id: u128,
    pub(crate) time: u64,
    pub(crate) price: u64,
    pub(crate) cumulative: u128,
}

impl Node {
    /// Price times seconds from the first round to `time`, which lies before the next round.
    pub(crate) fn cumulative_at(&self, time: u64, heartbeat: u64) -> u128 {
        let passed = time - self.time;
        let known = passed.min(heartbeat);
        self.cumulative + u128::from(self.price) * u128::from(known) + ONE * u128::from(passed - known)
    }

    /// The node of the round that comes next.
    pub(crate) fn followed_by(&self, round: &Round, heartbeat: u64) -> Self {
        Self {
            id: round.id,
            time: round.updated_at,
            price: price_of(round),
            cumulative: self.cumulative_at(round.updated_at, heartbeat),
        }
    }

    /// One word: `id 80 | time 48 | cumulative 112 | – 16`. The price is read again from the feed.
    pub(crate) fn pack_checkpoint(&self) -> U256 {
        Packed::default().with_u128(0, 80, self.id).with_u64(80, 48, self.time).with_u128(128, 112, self.cumulative).0
    }

    /// A checkpoint's id, time and cumulative price; its price is not known.
    pub(crate) fn unpack_checkpoint(word: U256) -> Self {
        let word = Packed(word);
        Self { id: word.u128(0, 80), time: word.u64(80, 48), price: 0, cumulative: word.u128(128, 112) }
    }
}

/// A round's price in 64 bits. More than 18 times par is as good as 18 times par.
pub(crate) fn price_of(round: &Round) -> u64 {
    u64::try_from(round.price).unwrap_or(u64::MAX)
}

/// Where a price is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Zone {
    /// At or below the trigger price.
    Depegged,
    Between,
    /// Above the recovery price.
    Recovered,
}

fn zone(price: u64, config: &Config) -> Zone {
    if price <= config.trigger_price {
        Zone::Depegged
    } else if price > config.recovery_price {
        Zone::Recovered
    } else {
        Zone::Between
    }
}

/// What time brings about while the last round's price holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Nothing,
    /// The run of rounds at or below the trigger has lasted long enough: an incident opened with it.
    Opens(u64),
    /// The price has been above the recovery price for long enough: the open incident closed at this moment.
    Closes(u64),
}

/// The state of a subject after the last round taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Course {
    /// The last round taken in.
    pub(crate) last: Node,
    /// The last id that was walked: those after the last round had no price, though a later one does.
    pub(crate) walked: u128,
    /// When the price entered the zone where it is.
    since: u64,
    /// For how many seconds until the last round it is known to have been there.
    counted: u64,
    /// Round ids walked since the last checkpoint.
    pub(crate) steps: u64,
    pub(crate) checkpoints: u64,
    pub(crate) incidents: u64,
    /// Whether the newest incident is open.
    pub(crate) open: bool,
}

impl Course {
    /// The course that begins with a round.
    pub(crate) fn begin(round: &Round) -> Self {
        let last = Node { id: round.id, time: round.updated_at, price: price_of(round), cumulative: 0 };
        Self {
            last,
            walked: last.id,
            since: last.time,
            counted: 0,
            steps: 0,
            checkpoints: 0,
            incidents: 0,
            open: false,
        }
    }

    /// Two words; where ids were walked beyond the last round, a third one has the last of them ([`Book`](crate::Book)):
    ///
    /// ```text
    /// 0  id 80 | time 48 | price 64 | since 48 | steps 8 | open 1 | walked on 1 | – 6
    /// 1  cumulative 112 | counted 48 | checkpoints 32 | incidents 32 | – 32
    /// ```
    pub(crate) fn pack(&self) -> [U256; 2] {
        let first = Packed::default()
            .with_u128(0, 80, self.last.id)
            .with_u64(80, 48, self.last.time)
            .with_u64(128, 64, self.last.price)
            .with_u64(192, 48, self.since)
            .with_u64(240, 8, self.steps)
            .with_u64(248, 1, u64::from(self.open))
            .with_u64(249, 1, u64::from(self.has_walked_on()));
        let second = Packed::default()
            .with_u128(0, 112, self.last.cumulative)
            .with_u64(112, 48, self.counted)
            .with_u64(160, 32, self.checkpoints)
            .with_u64(192, 32, self.incidents);
        [first.0, second.0]
    }

    /// The course in two words; `walked_on` reads the third.
    pub(crate) fn unpack(words: [U256; 2], walked_on: impl FnOnce() -> u128) -> Self {
        let [first, second] = words.map(Packed);
        Self {
            walked: if first.u64(249, 1) == 1 { walked_on() } else { first.u128(0, 80) },
            last: Node {
                id: first.u128(0, 80),
                time: first.u64(80, 48),
                price: first.u64(128, 64),
                cumulative: second.u128(0, 112),
            },
            since: first.u64(192, 48),
            counted: second.u64(112, 48),
            steps: first.u64(240, 8),
            checkpoints: second.u64(160, 32),
            incidents: second.u64(192, 32),
            open: first.u64(248, 1) == 1,
        }
    }

    /// Whether ids were walked beyond the last round.
    pub(crate) fn has_walked_on(&self) -> bool {
        self.walked != self.last.id
    }

    /// What the last round's price brings about until `until`, a time not before it.
    pub(crate) fn turn(&self, config: &Config, until: u64) -> Turn {
        let known = (until - self.last.time).min(config.feed.heartbeat);
        match zone(self.last.price, config) {
            Zone::Depegged if !self.open && self.counted + known >= config.duration => Turn::Opens(self.since),
            Zone::Recovered if self.open && self.counted + known >= config.recovery => {
                // `counted` is below `recovery`, or the incident had closed at an earlier round.
                Turn::Closes(self.last.time + config.recovery.saturating_sub(self.counted))
            }
            _ => Turn::Nothing,
        }
    }

    /// Whether a live price could still bring something about.
    pub(crate) fn is_tense(&self, config: &Config) -> bool {
        match zone(self.last.price, config) {
            Zone::Depegged => !self.open,
            Zone::Recovered => self.open,
            Zone::Between => false,
        }
    }

    /// Takes in the next round, after `walked` ids.
    pub(crate) fn take(&mut self, config: &Config, round: &Round, walked: u64) {
        let passed = round.updated_at - self.last.time;
        let heartbeat = config.feed.heartbeat;
        let (before, after) = (zone(self.last.price, config), zone(price_of(round), config));
        // A gap does not end a run of depegged rounds, but a recovery is proven by a complete run only.
        if before == after && !(after == Zone::Recovered && passed > heartbeat) {
            self.counted += passed.min(heartbeat);
        } else {
            (self.since, self.counted) = (round.updated_at, 0);
        }
        self.last = self.last.followed_by(round, heartbeat);
        self.walked = round.id;
        self.steps += walked;
    }
}
