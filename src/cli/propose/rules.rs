//! Templates about the DAO itself: who guards, how long decisions wait, how votes are held.

use clap::Args;
use ethers::types::{Address, U256};
use eyre::{Result, bail};

use super::{
    super::session::{Session, Unit},
    Calendar, Draft,
    units::{duration, percent},
};
use crate::{
    bindings::IGuardian,
    report::{span, utc},
};

/// The longest delay that timelock and governor take, and the longest vote: the contracts' own bounds.
const YEAR: u64 = 365 * 86_400;

/// Who guards.
#[derive(Debug, Args)]
pub(super) struct Guardian {
    /// Who holds the office, or `nobody`.
    holder: String,
    /// For how long from the execution on, such as 180d; the longest term if not given.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    term: Option<u64>,
}

impl Guardian {
    pub(super) async fn draft(&self, session: &Session) -> Result<Draft> {
        let office = IGuardian::new(session.contract("guardian")?, session.client.clone());
        let longest = session.chain.read("reading the longest term", office.longest_term()).await?;
        let (holder, until, title) = if self.holder == "nobody" {
            if self.term.is_some() {
                bail!("nobody holds the office for no time: give --for with a holder");
            }
            (Address::zero(), 0, "Take the guardian's office away".to_owned())
        } else {
            let holder = session.names().resolve(&self.holder).filter(|holder| !holder.is_zero());
            let Some(holder) = holder else { bail!("{:?} is no address: give one, or `nobody`", self.holder) };
            let term = self.term.unwrap_or(longest);
            if term == 0 || term > longest {
                bail!("the guardian's office is held for at most {}, not {}", span(longest), span(term));
            }
            let until = Calendar::read(session).await?.executable.saturating_add(term);
            (holder, until, format!("Appoint {holder:?} guardian until {} (UTC)", utc(until)))
        };
        let who = |(holder, _): (Address, u64)| if holder.is_zero() { "nobody".into() } else { format!("{holder:?}") };
        let date = |(_, until): (Address, u64)| if until == 0 { "—".into() } else { format!("{} (UTC)", utc(until)) };
        Ok(Draft::new(title)
            .call(&office.appoint(holder, until))
            .at_execution()
            .shows("guardian", &office.office(), who)
            .shows("until", &office.office(), date))
    }
}

/// How long decisions wait.
#[derive(Debug, Args)]
pub(super) struct Delay {
    /// How long, such as 20d.
    #[arg(value_parser = duration)]
    delay: u64,
}

impl Delay {
    pub(super) async fn draft(&self, session: &Session) -> Result<Draft> {
        let timelock = session.deployment.timelock(&session.client);
        let cooldown = session.chain.read("reading the cooldown", timelock.cooldown()).await?.low_u64();
        if self.delay <= cooldown || self.delay > YEAR {
            bail!(
                "the delay is longer than what an underwriter needs to leave ({}) and at most a year, not {}",
                span(cooldown),
                span(self.delay)
            );
        }
        Ok(Draft::new(format!("Let decisions wait {} in the timelock", span(self.delay)))
            .call(&timelock.update_delay(self.delay.into()))
            .shows("delay", &timelock.get_min_delay(), |delay| span(delay.low_u64())))
    }
}

/// How votes are held.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(super) struct Settings {
    /// From a proposal to the beginning of its vote, such as 1d.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    voting_delay: Option<u64>,
    /// How long a vote runs.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    voting_period: Option<u64>,
    /// How much PALI must vote through whoever proposes.
    #[arg(long, value_name = "AMOUNT")]
    threshold: Option<String>,
    /// What of all PALI must vote for a proposal or abstain, in whole percent.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    quorum: Option<u16>,
    /// For how long a vote runs at least after it has reached its quorum.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    extension: Option<u64>,
}

impl Settings {
    pub(super) async fn draft(&self, session: &Session) -> Result<Draft> {
        let governor = session.deployment.governor(&session.client);
        let mut draft = Draft::default();
        let mut said = Vec::new();
        let in_words = |seconds: U256| span(seconds.low_u64());
        for (name, seconds) in
            [("voting delay", self.voting_delay), ("voting period", self.voting_period), ("extension", self.extension)]
        {
            if seconds.is_some_and(|seconds| seconds > YEAR) {
                bail!("a {name} is at most a year");
            }
        }
        if let Some(delay) = self.voting_delay {
            said.push(format!("votes begin after {}", span(delay)));
            draft =
                draft.call(&governor.set_voting_delay(delay)).shows("voting delay", &governor.voting_delay(), in_words);
        }
        if let Some(period) = self.voting_period {
            if period == 0 {
                bail!("a vote runs for some time");
            }
            said.push(format!("votes run for {}", span(period)));
            let call = governor.set_voting_period(period as u32);
            draft = draft.call(&call).shows("voting period", &governor.voting_period(), in_words);
        }
        if let Some(threshold) = &self.threshold {
            let threshold = Unit::pali().parse_or_zero(threshold)?;
            let supply = session.deployment.token(&session.client).total_supply();
            if threshold > session.chain.read("reading the supply", supply).await? {
                bail!("there is not so much PALI that anybody could propose");
            }
            said.push(format!("{} propose", Unit::pali().show(threshold)));
            let call = governor.set_proposal_threshold(threshold);
            draft =
                draft.call(&call).shows("threshold", &governor.proposal_threshold(), |votes| Unit::pali().show(votes));
        }
        if let Some(quorum) = self.quorum {
            if quorum == 0 || quorum % 100 != 0 {
                bail!("the quorum is in whole percent, from 1 to 100");
            }
            let numerator = U256::from(quorum / 100);
            said.push(format!("{numerator} % are the quorum"));
            draft = draft.call(&governor.update_quorum_numerator(numerator)).shows(
                "quorum",
                &governor.quorum_numerator(),
                |numerator| format!("{numerator} %"),
            );
        }
        if let Some(extension) = self.extension {
            said.push(format!("a late quorum leaves {}", span(extension)));
            let call = governor.set_late_quorum_vote_extension(extension);
            let view = governor.late_quorum_vote_extension();
            draft = draft.call(&call).shows("left after a late quorum", &view, span);
        }
        draft.title = format!("Change how the DAO votes: {}", said.join(", "));
        Ok(draft)
    }
}
