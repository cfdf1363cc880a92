//! A case: its words, and where it is at a time.

use actuary::jury::Outcome;
use standards::packed::Packed;

/// Where a case is; `IJury.Phase`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Votes are committed.
    Commit = 1,
    /// Votes are revealed.
    Reveal,
    /// The first vote has a verdict that anyone may appeal.
    Appeal,
    /// Governance may rule.
    Escalated,
    /// The verdict is final.
    Ended,
}

/// The first vote may be appealed no more: it was. Then either a second jury votes or governance rules.
const APPEALED: usize = 1;
const ESCALATED: usize = 2;
const RULED: usize = 3;
const FINALISED: usize = 4;

const UNTIL_BITS: usize = 33;
const FLAGS: usize = 179;

/// A case's first word: all that committing and revealing need to know of it.
///
/// ```text
/// |202 ruled share 189|188 outcome 187|186 flags 179|178 penalty 163|162 quorum 99|98 since 66|65 revealing 33|32 committing 0|
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head(pub Packed);

impl Head {
    /// A case that opens; quorum in grains, penalty in basis points.
    #[must_use]
    pub fn new(simple: bool, since: u64, quorum: u64, penalty_bps: u64) -> Self {
        let word = Packed::default().with_u64(66, UNTIL_BITS, since).with_u64(99, 64, quorum);
        Self(word.with_u64(163, 16, penalty_bps).with_u64(FLAGS, 1, u64::from(simple)))
    }

    /// With votes committed until the one time, and revealed until the other.
    #[must_use]
    pub fn with_votes_until(self, committing: u64, revealing: u64) -> Self {
        Self(self.0.with_u64(0, UNTIL_BITS, committing).with_u64(33, UNTIL_BITS, revealing))
    }

    /// Appealed: a second jury votes.
    #[must_use]
    pub fn appealed(self, committing: u64, revealing: u64) -> Self {
        self.with_votes_until(committing, revealing).with_flag(APPEALED)
    }

    /// Appealed: governance may rule until then.
    #[must_use]
    pub fn escalated(self, until: u64) -> Self {
        self.with_votes_until(0, until).with_flag(APPEALED).with_flag(ESCALATED)
    }

    /// Governance has ruled.
    #[must_use]
    pub fn ruled(self, share_bps: u64) -> Self {
        Self(self.with_flag(RULED).0.with_u64(189, 14, share_bps))
    }

    /// The verdict is fixed.
    #[must_use]
    pub fn finalised(self, outcome: Outcome) -> Self {
        Self(self.with_flag(FINALISED).0.with_u64(187, 2, outcome as u64))
    }

    /// Whether there is such a case.
    #[must_use]
    pub fn exists(self) -> bool {
        !self.0.0.is_zero()
    }

    /// Until when votes are committed.
    #[must_use]
    pub fn committing_until(self) -> u64 {
        self.0.u64(0, UNTIL_BITS)
    }

    /// Until when votes are revealed, or governance may rule.
    #[must_use]
    pub fn revealing_until(self) -> u64 {
        self.0.u64(33, UNTIL_BITS)
    }

    /// Where the weights' window begins.
    #[must_use]
    pub fn since(self) -> u64 {
        self.0.u64(66, UNTIL_BITS)
    }

    /// What a round's vote takes, in grains: double in an appeal.
    #[must_use]
    pub fn quorum(self, round: u64) -> u64 {
        self.0.u64(99, 64).saturating_mul(round + 1)
    }

    /// What a wrong or missing vote loses of its weight, basis points.
    #[must_use]
    pub fn penalty_bps(self) -> u64 {
        self.0.u64(163, 16)
    }

    /// Whether a majority decides.
    #[must_use]
    pub fn simple(self) -> bool {
        self.flag(0)
    }

    /// Whether the first vote was appealed.
    #[must_use]
    pub fn is_appealed(self) -> bool {
        self.flag(APPEALED)
    }

    /// Whether governance may or might have ruled.
    #[must_use]
    pub fn is_escalated(self) -> bool {
        self.flag(ESCALATED)
    }

    /// The share that governance ruled, where it did.
    #[must_use]
    pub fn ruling(self) -> Option<u64> {
        self.flag(RULED).then(|| self.0.u64(189, 14))
    }

    /// The outcome, where it is fixed.
    #[must_use]
    pub fn outcome(self) -> Option<Outcome> {
        self.flag(FINALISED).then(|| match self.0.u64(187, 2) {
            1 => Outcome::Award,
            2 => Outcome::Denied,
            _ => Outcome::Draw,
        })
    }

    /// The round that votes, or voted last: 0 the first, 1 the appeal.
    #[must_use]
    pub fn round(self) -> u64 {
        u64::from(self.is_appealed() && !self.is_escalated())
    }

    /// Where the case is at a time, and until when (0: for ever). `first` tells how the first vote ended, where that
    /// matters.
    pub fn phase(self, now: u64, appealing: u64, first: impl FnOnce() -> Outcome) -> (Phase, u64) {
        let end = self.revealing_until();
        if self.outcome().is_some() || self.ruling().is_some() {
            return (Phase::Ended, 0);
        }
        if now < end {
            return match self.is_escalated() {
                true => (Phase::Escalated, end),
                false if now < self.committing_until() => (Phase::Commit, self.committing_until()),
                false => (Phase::Reveal, end),
            };
        }
        let until = end.saturating_add(appealing);
        if self.is_appealed() || now >= until || first() == Outcome::Draw {
            return (Phase::Ended, 0);
        }
        (Phase::Appeal, until)
    }

    fn flag(self, flag: usize) -> bool {
        self.0.u64(FLAGS + flag, 1) == 1
    }

    fn with_flag(self, flag: usize) -> Self {
        Self(self.0.with_u64(FLAGS + flag, 1, 1))
    }
}
