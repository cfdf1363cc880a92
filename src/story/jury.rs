//! Claims before the jury: who serves, and how a case goes.

use std::sync::Arc;

use ethers::{types::U256, utils::keccak256};

use super::{Result, Story, event};
use crate::{
    bindings::jury::VoteSettledFilter,
    chain::Client,
    deploy::profile::{BPS, pali},
    report::amount,
};

/// `IJury.Outcome`, and how a vote says it.
pub(super) const AWARD: u8 = 1;
pub(super) const DENIED: u8 = 2;

/// `IJury.Phase.Ended`.
const ENDED: u8 = 5;

/// What Dora and Erin stake: two thirds and a third.
const STAKES: [u64; 2] = [20_000_000, 10_000_000];

impl Story {
    /// Dora and Erin stake their votes: they count in cases whose claims are filed a while later.
    ///
    /// # Errors
    /// Where they are not staked.
    pub(super) async fn become_jurors(&mut self) -> Result<()> {
        const STEP: &str = "stake";
        for (who, stake) in [self.cast.dora.clone(), self.cast.erin.clone()].into_iter().zip(STAKES.map(pali)) {
            let (jury, token) = (self.deployment.jury(&who), self.deployment.token(&who));
            self.chain().send("approving", &who, token.approve(jury.address(), stake)).await?;
            self.act(STEP, &who, jury.stake(stake)).await?;
            let juror = self.chain().read("reading the stake", jury.juror_of(who.address())).await?;
            Self::expect(STEP, juror.stake == stake, format!("a stake of {stake}"), juror.stake.to_string())?;
        }
        self.say(&format!(
            "Dora and Erin serve as jurors\n  they stake {} and {} PALI  ({})",
            amount(pali(STAKES[0]), 18, 0),
            amount(pali(STAKES[1]), 18, 0),
            self.gas()
        ));
        Ok(())
    }

    /// A case from the sealed votes to the settled ones. `awards` says who awards everything; the others deny. It must end
    /// as `outcome` says; who voted for something else loses a part of his stake, and the others share it.
    ///
    /// # Errors
    /// Where it ends otherwise, or penalties and rewards are not what the rules say.
    pub(super) async fn judge(&mut self, case: U256, awards: [bool; 2], outcome: u8) -> Result<()> {
        const STEP: &str = "judge";
        let jurors = [self.cast.dora.clone(), self.cast.erin.clone()];
        let votes: Vec<(Arc<Client>, u8)> =
            jurors.into_iter().zip(awards.map(|award| if award { AWARD } else { DENIED })).collect();
        let jury = self.deployment.jury(&self.cast.keeper);
        let share = |choice| if choice == AWARD { BPS as u16 } else { 0 };
        let reason = |choice: u8| keccak256(if choice == AWARD { "it happened" } else { "it did not happen" });
        let salt = |who: &Arc<Client>| keccak256(who.address());
        let mut weights = Vec::new();
        for (who, choice) in &votes {
            let (me, choice) = (who.address(), *choice);
            let weight = self.chain().read("reading the weight", jury.weight_of(case, me)).await?;
            weights.push(weight);
            let sealed = jury.hash_vote(case, me, choice, share(choice), reason(choice), salt(who));
            let sealed = self.chain().read("sealing a vote", sealed).await?;
            self.act("commit", who, self.deployment.jury(who).commit(case, me, sealed)).await?;
        }
        self.next_phase(case).await?;
        for (who, choice) in &votes {
            let choice = *choice;
            let call =
                self.deployment.jury(who).reveal(case, who.address(), choice, share(choice), reason(choice), salt(who));
            self.act("reveal", who, call).await?;
        }
        // to the time of an appeal, which nobody makes, and past it
        self.next_phase(case).await?;
        self.next_phase(case).await?;
        let state = self.chain().read("reading the case", jury.case_of(case)).await?;
        let (ended, found, _) = self.chain().read("reading the verdict", jury.verdict(case)).await?;
        Self::expect(
            STEP,
            ended && found == outcome && state.phase == ENDED,
            format!("a case that ended with outcome {outcome}"),
            format!("outcome {found}, phase {}", state.phase),
        )?;
        let keeper = self.cast.keeper.clone();
        self.act("finalise", &keeper, jury.finalise(case)).await?;
        let weighed = |side: bool| {
            let of_side = votes.iter().zip(&weights).filter(|((_, choice), _)| (*choice == outcome) == side);
            of_side.fold(U256::zero(), |sum, (_, weight)| sum + *weight)
        };
        let (right, wrong) = (weighed(true), weighed(false));
        let (mut penalties, mut rewards) = (U256::zero(), U256::zero());
        for ((who, choice), weight) in votes.iter().zip(&weights) {
            let receipt = self.act("settle", &keeper, jury.settle(case, who.address())).await?;
            let settled: Option<VoteSettledFilter> = event(&receipt, jury.address());
            let Some(settled) = settled else { return Err(Self::missing(STEP, "a VoteSettled event")) };
            let expected = if *choice == outcome { U256::zero() } else { part(*weight, state.penalty_bps) };
            Self::expect(
                STEP,
                settled.penalty == expected,
                format!("a penalty of {expected}"),
                settled.penalty.to_string(),
            )?;
            penalties += settled.penalty;
            rewards += settled.reward;
        }
        Self::expect(
            STEP,
            penalties == part(wrong, state.penalty_bps) && rewards <= penalties && penalties - rewards < U256::from(2),
            "the penalties of who was wrong for who was right",
            format!("{penalties} and {rewards}"),
        )?;
        let found = if outcome == AWARD { "that it happened" } else { "that it did not happen" };
        let against = if wrong.is_zero() {
            "nobody against it".into()
        } else {
            format!("{} against it, who lose {} to the others", amount(wrong, 18, 0), amount(penalties, 18, 0))
        };
        self.say(&format!("  {} PALI say {found}, {against}", amount(right, 18, 0)));
        Ok(())
    }

    /// Waits for the end of a case's phase.
    async fn next_phase(&self, case: U256) -> Result<()> {
        let jury = self.deployment.jury(&self.cast.keeper);
        let state = self.chain().read("reading the case", jury.case_of(case)).await?;
        self.until(state.until + 1).await
    }
}

/// A part in basis points, rounded down.
fn part(amount: U256, bps: u16) -> U256 {
    amount * U256::from(bps) / U256::from(BPS)
}
