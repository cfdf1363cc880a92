//! A juror's word, and what of his stake has been there how long.

use actuary::{
    jury::{Entry, GRAIN, MOST_ENTRIES, Tenure},
    math::Overflow,
};
use protocol::Result;
use standards::packed::Packed;

/// What penalties are multiples of.
const UNIT: u128 = GRAIN / 10_000;

/// Bits of a stake, and of a time; together half a word.
const STAKE_BITS: usize = 95;
const TIME_BITS: usize = 33;
const HALF: usize = STAKE_BITS + TIME_BITS;

const AT_RISK: (usize, usize) = (HALF, 80);
const OPEN: (usize, usize) = (208, 24);
const OLDER: (usize, usize) = (232, 8);

/// A juror in one word, which is all that most votes read: the newest entry of his tenure, what is at risk, and counts.
///
/// ```text
/// |239 older entries 232|231 open votes 208|207 at risk 128|127 time 95|94 stake 0|
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Juror(pub Packed);

impl Juror {
    /// The stake.
    #[must_use]
    pub fn stake(self) -> u128 {
        self.newest().stake
    }

    /// The newest entry of the tenure.
    #[must_use]
    pub fn newest(self) -> Entry {
        entry(self.0, 0)
    }

    /// The penalties of all votes that are not settled.
    #[must_use]
    pub fn at_risk(self) -> u128 {
        self.0.u128(AT_RISK.0, AT_RISK.1) * UNIT // 80 bits and 20
    }

    /// How many votes are not settled.
    #[must_use]
    pub fn open_votes(self) -> u64 {
        self.0.u64(OPEN.0, OPEN.1)
    }

    /// How many entries there are before the newest.
    #[must_use]
    pub fn older(self) -> usize {
        self.0.u64(OLDER.0, OLDER.1) as usize
    }

    /// With so many votes that may cost so much.
    ///
    /// # Errors
    /// `MathOverflow` where that does not fit.
    pub fn with_votes(self, open: u64, at_risk: u128) -> Result<Self> {
        let units = at_risk / UNIT; // a multiple
        if open >> OPEN.1 != 0 || units >> AT_RISK.1 != 0 {
            return Err(Overflow.into());
        }
        Ok(Self(self.0.with_u64(OPEN.0, OPEN.1, open).with_u128(AT_RISK.0, AT_RISK.1, units)))
    }

    /// With this tenure; the words of its older entries beside.
    #[must_use]
    pub fn with_tenure(self, tenure: &Tenure) -> (Self, [Packed; MOST_ENTRIES / 2]) {
        let mut older = [Packed::default(); MOST_ENTRIES / 2];
        let (newest, rest) = tenure.entries().split_last().map_or((Entry::default(), &[][..]), |(n, r)| (*n, r));
        for (index, entry) in rest.iter().enumerate() {
            if let Some(word) = older.get_mut(index / 2) {
                *word = with_entry(*word, index % 2, *entry);
            }
        }
        let word = with_entry(self.0, 0, newest).with_u64(OLDER.0, OLDER.1, rest.len() as u64);
        (Self(word), older)
    }
}

/// The entry in the lower (`0`) or upper (`1`) half of a word.
#[must_use]
pub fn entry(word: Packed, half: usize) -> Entry {
    let offset = half * HALF;
    Entry { time: word.u64(offset + STAKE_BITS, TIME_BITS), stake: word.u128(offset, STAKE_BITS) }
}

fn with_entry(word: Packed, half: usize, entry: Entry) -> Packed {
    let offset = half * HALF;
    word.with_u128(offset, STAKE_BITS, entry.stake).with_u64(offset + STAKE_BITS, TIME_BITS, entry.time)
}

/// A vote in one word. Committed it holds the upper bits of the commitment, revealed the share instead.
///
/// ```text
/// |255 commitment 72|71 state 64|63 weight 0|        |87 share 72|71 state 64|63 weight 0|
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vote(pub Packed);

/// Where a vote is; `IJury.Vote`.
pub const COMMITTED: u64 = 1;
/// Revealed: an award.
pub const AWARDS: u64 = 2;
/// Revealed: a denial.
pub const DENIES: u64 = 3;

const COMMITMENT: (usize, usize) = (72, 184);

impl Vote {
    /// A vote of so many grains that is committed.
    #[must_use]
    pub fn committed(weight: u64, commitment: Packed) -> Self {
        let kept = commitment.get(COMMITMENT.0, COMMITMENT.1);
        Self(
            Packed::default().with(COMMITMENT.0, COMMITMENT.1, kept).with_u64(0, 64, weight).with_u64(64, 8, COMMITTED),
        )
    }

    /// The vote as revealed.
    #[must_use]
    pub fn revealed(self, state: u64, share_bps: u64) -> Self {
        let word = Packed::default().with_u64(0, 64, self.weight());
        Self(word.with_u64(64, 8, state).with_u64(72, 16, share_bps))
    }

    /// In grains.
    #[must_use]
    pub fn weight(self) -> u64 {
        self.0.u64(0, 64)
    }

    /// [`COMMITTED`], [`AWARDS`], [`DENIES`], or 0 for no vote.
    #[must_use]
    pub fn state(self) -> u64 {
        self.0.u64(64, 8)
    }

    /// The share of an award, basis points.
    #[must_use]
    pub fn share_bps(self) -> u64 {
        if self.state() == AWARDS { self.0.u64(72, 16) } else { 0 }
    }

    /// Whether this is what was committed.
    #[must_use]
    pub fn opens(self, commitment: Packed) -> bool {
        self.0.get(COMMITMENT.0, COMMITMENT.1) == commitment.get(COMMITMENT.0, COMMITMENT.1)
    }
}
