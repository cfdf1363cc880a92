//! Parameters of a deployment: the ones meant for use, and short ones for chains whose clock cannot be moved.

use ethers::types::U256;

/// One day in seconds.
const DAY: u64 = 86_400;

/// Basis points of one.
pub const BPS: u64 = 10_000;

/// A set of parameters. Times are seconds.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name, as the deployment file tells it.
    pub name: &'static str,
    /// Length of the weekly buckets of premiums, expiries and redemptions.
    pub week: u64,
    /// From the close of a redemption cohort to its service.
    pub cooldown: u64,
    /// How long a due cohort waits for incidents to be settled.
    pub patience: u64,
    /// How long latent evidence holds without newer evidence.
    pub latent_limit: u64,
    /// Smallest waiting period, grace and term that a product may have.
    pub min_seconds: u64,
    /// The timelock's delay: longer than the cooldown and one cohort's week.
    pub delay: u64,
    /// From a proposal to the start of its vote.
    pub voting_delay: u64,
    /// Length of a vote.
    pub voting_period: u64,
    /// How much a late quorum extends a vote.
    pub vote_extension: u64,
    /// The depeg product's waiting period.
    pub waiting: u64,
    /// Its grace after the end.
    pub grace: u64,
    /// Its shortest and longest term.
    pub terms: (u64, u64),
    /// The trigger's T: how long a run below the trigger price must last.
    pub run: u64,
    /// Its R: how long the price must be above the recovery price.
    pub recovery: u64,
    /// Its W: the window whose time-weighted price is the loss.
    pub window: u64,
    /// The feed's heartbeat with margin.
    pub heartbeat: u64,
    /// The jury's times: how long stake counts before a case, to commit, to reveal, to appeal, for governance to rule, and
    /// until stake leaves.
    pub jury: [u64; 6],
    /// The treasury's period, for which its budgets are.
    pub budget_period: u64,
    /// The longest term of the guardian's office.
    pub office_term: u64,
    /// How far apart two observations of an exploit are at least.
    pub apart: u64,
    /// How much faster than recorded a price series is played.
    pub speed: u64,
}

impl Profile {
    /// Parameters for use.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            name: "standard",
            week: 7 * DAY,
            cooldown: 7 * DAY,
            patience: 3 * DAY,
            latent_limit: 3 * DAY,
            min_seconds: 3_600,
            delay: 15 * DAY,
            voting_delay: DAY,
            voting_period: 5 * DAY,
            vote_extension: DAY,
            waiting: 3 * DAY,
            grace: 30 * DAY,
            terms: (28 * DAY, 365 * DAY),
            run: DAY / 4,
            recovery: DAY / 2,
            window: DAY / 2,
            heartbeat: DAY + 600,
            jury: [14 * DAY, 3 * DAY, 2 * DAY, 3 * DAY, 30 * DAY, 7 * DAY],
            budget_period: 30 * DAY,
            office_term: 365 * DAY,
            apart: DAY,
            speed: 1,
        }
    }

    /// The same proportions in seconds, for development chains that run on the real clock: the whole story fits
    /// three minutes.
    #[must_use]
    pub const fn short() -> Self {
        Self {
            name: "short",
            week: 10,
            cooldown: 10,
            patience: 20,
            latent_limit: 60,
            min_seconds: 1,
            delay: 21,
            voting_delay: 2,
            voting_period: 12,
            vote_extension: 2,
            waiting: 2,
            grace: 120,
            terms: (30, 3_600),
            run: 3,
            recovery: 6,
            window: 6,
            heartbeat: 15,
            jury: [10, 5, 5, 5, 20, 10],
            budget_period: 60,
            office_term: 3_600,
            apart: 10,
            speed: 7_200,
        }
    }
}

/// The share token's asset in units: 6 decimals, as USDC.
#[must_use]
pub fn usd(amount: u64) -> U256 {
    U256::from(amount) * U256::exp10(6)
}

/// PALI in units: 18 decimals.
#[must_use]
pub fn pali(amount: u64) -> U256 {
    U256::from(amount) * U256::exp10(18)
}
