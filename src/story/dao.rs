//! What the DAO decides, by proposal, vote, queue and execution.

use ethers::types::U256;

use super::{Result, Story, event};
use crate::{
    bindings::{IVesting, governor::ProposalCreatedFilter},
    chain::Clock,
    dao::{Motion, State},
    report::span,
};

/// What the depeg's DAO changes: the treasury's, the jury's and the referrers' share of premiums.
const NEW_SHARES: (u16, u16, u16) = (800, 500, 2_000);

impl Story {
    /// Dora proposes a smaller treasury share.
    ///
    /// # Errors
    /// Where delegation or the proposal fails.
    pub async fn propose(&mut self) -> Result<()> {
        self.say("The DAO has a proposal");
        self.delegate().await?;
        let proposal = self.put(&self.smaller_share()).await?;
        self.facts.insert("proposal", proposal);
        self.say(&format!("  Dora proposes to lower the treasury's share of premiums to 8 %  ({})", self.gas()));
        // the vote opens after its delay: nothing else is to be waited for on a clock that can be moved
        if self.chain().clock() == Clock::Real {
            self.ballot().await?;
        }
        Ok(())
    }

    /// The vote, its queue and its execution; the parameter changes.
    ///
    /// # Errors
    /// Where the proposal does not pass or the parameter stays.
    pub async fn vote_and_execute(&mut self) -> Result<()> {
        const STEP: &str = "vote";
        self.ballot().await?;
        let proposal = self.facts["proposal"];
        let motion = self.smaller_share();
        self.queue(&[(proposal, &motion)]).await?;
        self.carry_out(proposal, &motion).await?;
        let policy = self.deployment.policy(&self.cast.dora);
        let shares = self.chain().read("reading the shares", policy.shares()).await?;
        Self::expect(STEP, shares == NEW_SHARES, format!("{NEW_SHARES:?}"), format!("{shares:?}"))?;
        let delay = span(self.profile.delay);
        self.say(&format!(
            "The DAO decides\n  34 M votes for; executed after {delay} in the timelock: the treasury's share is 8 %  ({})",
            self.gas()
        ));
        Ok(())
    }

    /// Proposes motions, votes and queues them, all up to their execution, and answers with their proposals.
    ///
    /// # Errors
    /// Where one does not pass.
    pub(super) async fn decide(&mut self, motions: &[Motion]) -> Result<Vec<U256>> {
        self.delegate().await?;
        let mut proposals = Vec::new();
        for motion in motions {
            proposals.push(self.put(motion).await?);
        }
        for proposal in &proposals {
            self.vote(*proposal).await?;
        }
        let queued: Vec<_> = proposals.iter().copied().zip(motions).collect();
        self.queue(&queued).await?;
        Ok(proposals)
    }

    fn smaller_share(&self) -> Motion {
        let policy = self.deployment.policy(&self.cast.dora);
        let (treasury, jury, referral) = NEW_SHARES;
        let call = policy.set_shares(treasury, jury, referral).calldata().expect("a call has call data");
        Motion::new(vec![(policy.address(), call)], "Lower the treasury's share of premiums to 8 %")
    }

    async fn delegate(&mut self) -> Result<()> {
        for who in [self.cast.dora.clone(), self.cast.erin.clone()] {
            let token = self.deployment.token(&who);
            self.act("delegate", &who, token.delegate(who.address())).await?;
        }
        // what vests for Erin votes from the start
        let erin = self.cast.erin.clone();
        let vesting = IVesting::new(self.deployment.address("vesting#1"), erin.clone());
        self.act("delegate what vests", &erin, vesting.delegate(erin.address())).await?;
        self.pass(1).await
    }

    async fn put(&mut self, motion: &Motion) -> Result<U256> {
        const STEP: &str = "propose";
        let dora = self.cast.dora.clone();
        let governor = self.deployment.governor(&dora);
        let receipt = self.act(STEP, &dora, motion.propose(&governor)).await?;
        let created: Option<ProposalCreatedFilter> = event(&receipt, governor.address());
        Self::expect(STEP, created.is_some(), "a ProposalCreated event", "none")?;
        Ok(created.map(|created| created.proposal_id).unwrap_or_default())
    }

    /// The depeg's vote, once.
    async fn ballot(&mut self) -> Result<()> {
        if self.facts.contains_key("voted") {
            return Ok(());
        }
        self.vote(self.facts["proposal"]).await?;
        self.facts.insert("voted", U256::one());
        Ok(())
    }

    async fn vote(&mut self, proposal: U256) -> Result<()> {
        let governor = self.deployment.governor(&self.cast.dora);
        let snapshot = self.chain().read("reading the snapshot", governor.proposal_snapshot(proposal)).await?;
        self.until(snapshot.as_u64() + 1).await?;
        for who in [self.cast.dora.clone(), self.cast.erin.clone()] {
            let governor = self.deployment.governor(&who);
            self.act("vote", &who, governor.cast_vote(proposal, 1)).await?;
        }
        Ok(())
    }

    /// Queues what was voted for, and waits until it may be executed.
    async fn queue(&mut self, queued: &[(U256, &Motion)]) -> Result<()> {
        let dora = self.cast.dora.clone();
        let governor = self.deployment.governor(&dora);
        for (proposal, _) in queued {
            let deadline = self.chain().read("reading the deadline", governor.proposal_deadline(*proposal)).await?;
            self.until(deadline.as_u64() + 1).await?;
        }
        self.pass(1).await?;
        for (_, motion) in queued {
            self.act("queue", &dora, motion.queue(&governor)).await?;
        }
        for (proposal, _) in queued {
            let eta = self.chain().read("reading the time of execution", governor.proposal_eta(*proposal)).await?;
            self.until(eta.as_u64() + 1).await?;
        }
        Ok(())
    }

    /// Executes what waited long enough.
    ///
    /// # Errors
    /// Where it cannot be executed, or is not.
    pub(super) async fn carry_out(&mut self, proposal: U256, motion: &Motion) -> Result<()> {
        const STEP: &str = "execute";
        let dora = self.cast.dora.clone();
        let governor = self.deployment.governor(&dora);
        self.act(STEP, &dora, motion.execute(&governor)).await?;
        let state = self.chain().read("reading the proposal", governor.state(proposal)).await?;
        let found = State::from_number(state).map_or_else(|| format!("state {state}"), |state| state.to_string());
        Self::expect(STEP, found == State::Executed.name(), State::Executed.name(), found)
    }
}
