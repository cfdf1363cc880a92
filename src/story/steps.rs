//! The steps. Each one acts, reads its effect from the chain and tells what a person wants to see.

use std::sync::Arc;

use base64::Engine;
use ethers::{
    types::{Address, Bytes, I256, U256},
    utils::keccak256,
};

use super::{Error, Result, Story, event, money};
use crate::{
    bindings::{
        assessor::{ClaimDelayedFilter, ClaimFiledFilter, ClaimSettledFilter, IncidentReportedFilter},
        governor::ProposalCreatedFilter,
        policy::{Policy, PolicyBoughtFilter},
    },
    chain::{Client, Clock},
    deploy::profile::{BPS, usd},
    report::{percent, percent_bps, span, utc},
};

/// Prices are pushed to the feed in batches of at most this many rounds.
const BATCH: usize = 24;

/// So many reports take in any series that is worth playing: 32 rounds at a time.
const MOST_REPORTS: usize = 100;

/// `Verdict.Confirmed`.
const CONFIRMED: u8 = 2;

/// `ProposalState` as OpenZeppelin numbers it.
const SUCCEEDED: u8 = 4;
const EXECUTED: u8 = 7;

/// What the DAO changes: the treasury's, the jury's and the referrers' share of premiums.
const NEW_SHARES: (u16, u16, u16) = (800, 500, 2_000);

impl Story {
    /// Underwriters deposit 10 M.
    ///
    /// # Errors
    /// Where a deposit fails or the pool does not hold it.
    pub async fn capital(&mut self) -> Result<()> {
        const STEP: &str = "capital";
        self.say("Capital comes in");
        for (who, name, amount) in
            [(self.cast.alice.clone(), "Alice", usd(6_000_000)), (self.cast.carol.clone(), "Carol", usd(4_000_000))]
        {
            self.deposit(&who, amount).await?;
            self.say(&format!("  {name} deposits {}  ({})", money(amount), self.gas()));
        }
        let solvency = self.solvency().await?;
        Self::expect(STEP, solvency.assets == usd(10_000_000), "10 M in the pool", money(solvency.assets))?;
        let held = self.coins(self.deployment.address("vault")).await?;
        Self::expect(STEP, held == solvency.assets, "the vault to hold what its books say", money(held))?;
        Self::expect(STEP, !solvency.closed, "an open vault", "a closed one")
    }

    /// A deposit with its approval, from freshly minted test dollars.
    ///
    /// # Errors
    /// Where it fails.
    pub async fn deposit(&mut self, who: &Arc<Client>, assets: U256) -> Result<()> {
        self.provide(who, self.deployment.address("vault"), assets).await?;
        let vault = self.deployment.vault(who);
        self.act("deposit", who, vault.deposit(assets, who.address())).await?;
        Ok(())
    }

    /// Mints test dollars to `who` and lets `spender` take them.
    ///
    /// # Errors
    /// Where a transaction fails.
    pub async fn provide(&self, who: &Arc<Client>, spender: Address, amount: U256) -> Result<()> {
        let asset = self.asset(who);
        let chain = self.chain();
        chain.send("minting test dollars", who, asset.mint(who.address(), amount)).await?;
        chain.send("approving", who, asset.approve(spender, amount)).await?;
        Ok(())
    }

    /// Bob buys a cover of 1 M against a depeg of USDC for the product's shortest term and more.
    ///
    /// # Errors
    /// Where the purchase fails, or its certificate is not Bob's.
    pub async fn cover(&mut self) -> Result<()> {
        const STEP: &str = "cover";
        self.say("A cover is bought");
        self.push_par().await?;
        let bob = self.cast.bob.clone();
        let amount = usd(1_000_000);
        let term = self.cover_term();
        let policy = self.deployment.policy(&bob);
        let (product, subject) = (self.deployment.product, self.deployment.subject());
        let quote = policy.quote(product, subject, bob.address(), [0; 32], amount, term.into());
        let quote = self.chain().read("quoting", quote).await?;
        let premium = quote.0;
        self.say(&format!(
            "  Bob asks for {} on USDC for {}: {} — expected losses {}, cost of capital {}, utilisation {}",
            money(amount),
            span(term),
            money(premium),
            money(quote.2),
            money(quote.3),
            money(quote.4)
        ));
        self.say(&format!(
            "  loss rate {} a year, compensation {} of the loss beyond {}",
            percent(quote.5),
            percent_bps(quote.8.as_u64()),
            percent_bps(quote.9.as_u64())
        ));
        let before = self.solvency().await?;
        // the estimate of losses moves by a little each second
        self.buy(&bob, amount, term, premium + premium / 1_000).await?;
        let gas = self.gas();
        let receipt = self.measured.last().expect("the purchase was just measured").receipt.clone();
        let bought: Option<PolicyBoughtFilter> = event(&receipt, policy.address());
        let Some(bought) = bought else {
            return Self::expect(STEP, false, "a PolicyBought event", "none");
        };
        (self.policy, self.entry) = (bought.policy, bought.entry.clone());
        let record = self.record().await?;
        Self::expect(STEP, record.holder == bob.address(), "Bob as the holder", format!("{:?}", record.holder))?;
        Self::expect(STEP, record.amount == amount, format!("a cover of {amount}"), record.amount.to_string())?;
        let expected = format!("a net premium of {}, as quoted a moment before", quote.1);
        let as_quoted = record.net.abs_diff(quote.1) <= quote.1 / 10_000;
        Self::expect(STEP, as_quoted, expected, record.net.to_string())?;
        let after = self.solvency().await?;
        Self::expect(
            STEP,
            after.unearned > before.unearned && after.active_cover > before.active_cover,
            "an unearned premium and active cover",
            format!("unearned {}, cover {}", after.unearned, after.active_cover),
        )?;
        self.say(&format!(
            "  policy #{}: in force from {} to {}  ({gas})",
            self.policy,
            utc(record.start),
            utc(record.end)
        ));
        Ok(())
    }

    /// How long the story's cover lasts.
    pub(super) fn cover_term(&self) -> u64 {
        match self.chain().clock() {
            Clock::Movable => 90 * 86_400,
            Clock::Real => 600,
        }
    }

    /// A purchase by `who` for itself, at most at `premium`.
    ///
    /// # Errors
    /// Where it fails.
    pub async fn buy(&mut self, who: &Arc<Client>, amount: U256, term: u64, premium: U256) -> Result<()> {
        // the policy contract takes the premium and sends it to the vault
        let policy = self.deployment.policy(who);
        self.provide(who, policy.address(), premium).await?;
        let deadline = self.now().await? + 3_600;
        let call = policy.buy(
            self.deployment.product,
            self.deployment.subject(),
            who.address(),
            [0; 32],
            amount,
            term.into(),
            premium,
            deadline.into(),
            who.address(),
            Address::zero(),
        );
        self.act("buy", who, call).await?;
        Ok(())
    }

    /// Carol asks for 1 M shares' worth back: her request waits for its cohort.
    ///
    /// # Errors
    /// Where the request fails or is not on record.
    pub async fn ask_to_leave(&mut self) -> Result<()> {
        const STEP: &str = "ask to leave";
        let carol = self.cast.carol.clone();
        let vault = self.deployment.vault(&carol);
        let had = self.chain().read("reading shares", vault.balance_of(carol.address())).await?;
        let shares = had / 4;
        self.act("request redemption", &carol, vault.request_redeem(shares, carol.address(), carol.address())).await?;
        let pending = self
            .chain()
            .read("reading the request", vault.pending_redeem_request(U256::zero(), carol.address()))
            .await?;
        Self::expect(STEP, pending == shares, format!("{shares} shares requested"), pending.to_string())?;
        let kept = self.chain().read("reading shares", vault.balance_of(carol.address())).await?;
        Self::expect(STEP, kept + shares == had, "the shares to have left Carol's account", kept.to_string())?;
        let worth = self.chain().read("valuing", vault.convert_to_assets(shares)).await?;
        self.facts.insert("requested worth", worth);
        self.say(&format!(
            "An underwriter asks to leave\n  Carol requests shares worth {}  ({})",
            money(worth),
            self.gas()
        ));
        Ok(())
    }

    /// Dora proposes a smaller treasury share.
    ///
    /// # Errors
    /// Where delegation or the proposal fails.
    pub async fn propose(&mut self) -> Result<()> {
        const STEP: &str = "propose";
        self.say("The DAO has a proposal");
        for who in [self.cast.dora.clone(), self.cast.erin.clone()] {
            let token = self.deployment.token(&who);
            self.act("delegate", &who, token.delegate(who.address())).await?;
        }
        self.pass(1).await?;
        let dora = self.cast.dora.clone();
        let governor = self.deployment.governor(&dora);
        let (targets, values, calls, description) = self.proposal();
        let receipt = self.act("propose", &dora, governor.propose(targets, values, calls, description)).await?;
        let created: Option<ProposalCreatedFilter> = event(&receipt, governor.address());
        let Some(created) = created else {
            return Self::expect(STEP, false, "a ProposalCreated event", "none");
        };
        self.facts.insert("proposal", created.proposal_id);
        self.say(&format!("  Dora proposes to lower the treasury's share of premiums to 8 %  ({})", self.gas()));
        // the vote opens after its delay: nothing else is to be waited for on a clock that can be moved
        if self.chain().clock() == Clock::Real {
            self.ballot().await?;
        }
        Ok(())
    }

    #[allow(clippy::type_complexity)]
    fn proposal(&self) -> (Vec<Address>, Vec<U256>, Vec<Bytes>, String) {
        let policy = self.deployment.policy(&self.cast.dora);
        let (treasury, jury, referral) = NEW_SHARES;
        let call = policy.set_shares(treasury, jury, referral).calldata().expect("a call has call data");
        (vec![policy.address()], vec![U256::zero()], vec![call], "Lower the treasury's share of premiums to 8 %".into())
    }

    /// The vote itself, once.
    async fn ballot(&mut self) -> Result<()> {
        if self.facts.contains_key("voted") {
            return Ok(());
        }
        let proposal = self.facts["proposal"];
        let governor = self.deployment.governor(&self.cast.dora);
        let snapshot = self.chain().read("reading the snapshot", governor.proposal_snapshot(proposal)).await?;
        self.until(snapshot.as_u64() + 1).await?;
        for who in [self.cast.dora.clone(), self.cast.erin.clone()] {
            let governor = self.deployment.governor(&who);
            self.act("vote", &who, governor.cast_vote(proposal, 1)).await?;
        }
        self.facts.insert("voted", U256::one());
        Ok(())
    }

    /// The price falls as recorded until a day after its low.
    ///
    /// # Errors
    /// Where the feed cannot be fed, or the series never falls to the trigger price.
    pub async fn depeg(&mut self) -> Result<()> {
        let low = self.series.low();
        if low.price > 97_000_000 {
            return Err(Error::NoDepeg(format!("its lowest price is {} e-8 at {}", low.price, utc(low.time))));
        }
        self.say(&format!("USDC loses its peg ({})", self.series.source));
        let start = self.cover_start().await?;
        let first = self.series.points.first().map_or(0, |point| point.time);
        // recorded times are kept where the chain's clock allows it
        let start = if self.profile.speed == 1 { start.max(first) } else { start };
        self.played = self.series.played(start, self.profile.speed);
        let low = self.played.iter().copied().min_by_key(|point| point.price).expect("a series has points");
        let day = 86_400 / self.profile.speed;
        self.play_feed(low.time + day).await?;
        let dollars = low.price as f64 / 1e8;
        self.say(&format!("  the feed falls to {dollars:.4} at {}", utc(low.time)));
        Ok(())
    }

    async fn cover_start(&self) -> Result<u64> {
        let record = self.record().await?;
        Ok(record.start + self.profile.waiting / 3 + 1)
    }

    /// Feeds all prices up to `time`, letting the clock reach each.
    async fn play_feed(&mut self, time: u64) -> Result<()> {
        let keeper = self.cast.keeper.clone();
        while let Some(point) = self.played.get(self.next_point).copied().filter(|point| point.time <= time) {
            let rest = &self.played[self.next_point..];
            // on a real clock what is due is pushed at once; a movable one goes to the end of each batch
            let due = match self.chain().clock() {
                Clock::Movable => rest.iter().take_while(|point| point.time <= time).take(BATCH).count(),
                Clock::Real => {
                    self.until(point.time).await?;
                    let now = self.now().await?;
                    rest.iter().take_while(|point| point.time < now).take(BATCH).count().max(1)
                }
            };
            let batch = &rest[..due];
            self.until(batch[due - 1].time + 1).await?;
            let answers: Vec<_> = batch.iter().map(|point| I256::from(point.price)).collect();
            let times: Vec<_> = batch.iter().map(|point| U256::from(point.time)).collect();
            let call = self.feed(&keeper).push_batch(answers, times);
            self.chain().send("feeding prices", &keeper, call).await?;
            self.next_point += due;
        }
        self.until(time).await
    }

    /// A price of one, now, so that purchases find a fresh feed.
    ///
    /// # Errors
    /// Where it cannot be pushed.
    pub async fn fresh_price(&self) -> Result<()> {
        self.push_par().await
    }

    /// A price of one, now.
    async fn push_par(&self) -> Result<()> {
        let keeper = &self.cast.keeper;
        let call = self.feed(keeper).push(I256::from(100_000_000));
        self.chain().send("feeding a price", keeper, call).await?;
        Ok(())
    }

    /// Anyone proves the incident, in pieces of at most 32 rounds.
    ///
    /// # Errors
    /// Where a report fails or no incident is confirmed.
    pub async fn report(&mut self) -> Result<()> {
        const STEP: &str = "report";
        self.say("The incident is proven on chain");
        let before = self.solvency().await?;
        let (reports, last) = self.report_all().await?;
        let Some(last) = last else {
            return Self::expect(STEP, false, "an incident", "none reported");
        };
        Self::expect(STEP, last.verdict == CONFIRMED, "a confirmed incident", format!("verdict {}", last.verdict))?;
        self.incident = last.number;
        self.facts.insert("worst loss", last.worst_bps.into());
        let after = self.solvency().await?;
        // the whole of Bob's cover could still be lost: what is left of it beyond the deductible
        let record = self.record().await?;
        let reserved = share(record.amount, record.ratio_bps, BPS - u64::from(record.deductible_bps));
        Self::expect(
            STEP,
            after.reserve == reserved && after.exit_price < before.exit_price,
            format!("a reserve of {reserved}, and a lower exit price"),
            format!("reserve {}, exit price {}", after.reserve, after.exit_price),
        )?;
        self.say(&format!(
            "  incident #{} opened {}, worst loss so far {}: {reports} reports  ({})",
            last.number,
            utc(last.opened_at),
            percent_bps(last.worst_bps.into()),
            self.gas()
        ));
        self.say(&format!("  the pool reserves {} for all cover that can claim", money(after.reserve)));
        Ok(())
    }

    /// Reports every round that the trigger has not taken in. Answers with the number of reports and the last event.
    ///
    /// # Errors
    /// Where a report fails.
    pub async fn report_all(&mut self) -> Result<(usize, Option<IncidentReportedFilter>)> {
        let keeper = self.cast.keeper.clone();
        let (depeg, feed) = (self.deployment.depeg(&keeper), self.feed(&keeper));
        let assessor = self.deployment.assessor(&keeper);
        let (product, subject) = (self.deployment.product, self.deployment.subject());
        let mut reports = 0;
        let mut last = None;
        loop {
            let cursor: (u128, u64) = self.chain().read("reading the cursor", depeg.cursor_of(subject)).await?;
            let newest: U256 = self.chain().read("reading the feed", feed.latest_round()).await?;
            if cursor.0 >= newest.as_u128() {
                return Ok((reports, last));
            }
            let stuck = format!("still at round {} of {newest}", cursor.0);
            Self::expect("report", reports < MOST_REPORTS, "the trigger to take in every round", stuck)?;
            // without a list the trigger takes in the rounds that follow
            let evidence = Bytes::default();
            let receipt = self.act("report", &keeper, assessor.report(product, subject, evidence)).await?;
            reports += 1;
            if let Some(reported) = event::<IncidentReportedFilter>(&receipt, assessor.address()) {
                last = Some(reported);
            }
        }
    }

    /// The story's policy as the contract tells it.
    async fn record(&self) -> Result<Policy> {
        let contract = self.deployment.policy(&self.cast.keeper);
        Ok(self.chain().read("reading the policy", contract.policy_of(self.policy)).await?)
    }

    /// Test dollars of an account.
    async fn coins(&self, account: Address) -> Result<U256> {
        let asset = self.asset(&self.cast.keeper);
        Ok(self.chain().read("reading a balance", asset.balance_of(account)).await?)
    }

    /// Bob files; his claim is verified and paid in the same transaction.
    ///
    /// # Errors
    /// Where the claim is not paid, or not to the unit.
    pub async fn claim(&mut self) -> Result<()> {
        const STEP: &str = "claim";
        let bob = self.cast.bob.clone();
        let before = self.coins(bob.address()).await?;
        let pool = self.solvency().await?;
        let assessor = self.deployment.assessor(&bob);
        // without a choice the trigger takes the incident's worst window
        let call = assessor.file(self.policy, self.incident, self.entry.clone(), Bytes::default());
        let receipt = self.act("file", &bob, call).await?;
        let gas = self.gas();
        let mut settled: Option<ClaimSettledFilter> = event(&receipt, assessor.address());
        if let Some(delayed) = event::<ClaimDelayedFilter>(&receipt, assessor.address()) {
            self.say(&format!("The claim is large: it waits until {}, and nobody challenges it", utc(delayed.due)));
            self.until(delayed.due + 1).await?;
            let keeper = self.cast.keeper.clone();
            let call = self.deployment.assessor(&keeper).execute(self.policy, self.entry.clone(), Bytes::default());
            let paid = self.act("execute a claim", &keeper, call).await?;
            settled = event(&paid, assessor.address());
        }
        let Some(settled) = settled else {
            return Self::expect(STEP, false, "a ClaimSettled event", "none");
        };
        let after = self.coins(bob.address()).await?;
        let received = after - before;
        // ⌊cover · ratio · (loss − deductible)⌋
        let loss = event::<ClaimFiledFilter>(&receipt, assessor.address()).map_or(0, |filed| filed.loss_bps);
        let worst = self.facts["worst loss"];
        Self::expect(STEP, worst == loss.into(), format!("the reported loss of {worst} bps"), loss.to_string())?;
        let record = self.record().await?;
        let due = share(record.amount, record.ratio_bps, u64::from(loss.saturating_sub(record.deductible_bps)));
        Self::expect(
            STEP,
            due > U256::zero() && received == due && received == settled.paid && settled.paid == settled.confirmed,
            format!("{due} confirmed and paid in full"),
            format!("{received} received, {} confirmed", settled.confirmed),
        )?;
        let left = self.solvency().await?;
        Self::expect(
            STEP,
            pool.assets.saturating_sub(left.assets) <= received && left.assets < pool.assets,
            "the pool to have paid it",
            format!("{} before, {} after", pool.assets, left.assets),
        )?;
        self.paid += received;
        self.say(&format!(
            "Bob files his claim: verified and paid in one transaction\n  {} to Bob  ({gas})",
            money(received)
        ));
        self.say(&format!("  the pool held {} before and {} after", money(pool.assets), money(left.assets)));
        Ok(())
    }

    /// The price comes back; the incident is closed.
    ///
    /// # Errors
    /// Where the incident does not close.
    pub async fn recovery(&mut self) -> Result<()> {
        const STEP: &str = "recovery";
        let end = self.played.last().map_or(0, |point| point.time);
        self.play_feed(end).await?;
        // a long series may end before the recovery is long enough: the price stays at par
        let keeper = self.cast.keeper.clone();
        for _ in 0..4 {
            self.push_par().await?;
            self.pass(self.profile.recovery / 3 + 1).await?;
        }
        self.push_par().await?;
        let (reports, last) = self.report_all().await?;
        let depeg = self.deployment.depeg(&keeper);
        let incident =
            self.chain().read("reading the incident", depeg.incident(self.deployment.subject(), self.incident)).await?;
        Self::expect(STEP, incident.closed_at > 0, "a closed incident", format!("{incident:?}"))?;
        let worst = last.map_or(incident.worst_bps, |last| last.worst_bps);
        self.say(&format!(
            "The price recovers\n  the incident closed {} with a worst loss of {} after {reports} more reports",
            utc(incident.closed_at),
            percent_bps(worst.into())
        ));
        Ok(())
    }

    /// Carol's request is served and she takes her money.
    ///
    /// # Errors
    /// Where nothing is served, or Carol does not receive it.
    pub async fn leave(&mut self) -> Result<()> {
        const STEP: &str = "leave";
        let carol = self.cast.carol.clone();
        let vault = self.deployment.vault(&carol);
        let now = self.now().await?;
        self.until(now + 2 * self.profile.week + self.profile.cooldown + 1).await?;
        self.serve().await?;
        let claimable = self
            .chain()
            .read("reading the request", vault.claimable_redeem_request(U256::zero(), carol.address()))
            .await?;
        Self::expect(STEP, !claimable.is_zero(), "a served request", "nothing claimable")?;
        let before = self.coins(carol.address()).await?;
        self.act("claim redemption", &carol, vault.redeem(claimable, carol.address(), carol.address())).await?;
        let after = self.coins(carol.address()).await?;
        let received = after - before;
        let worth = self.facts["requested worth"];
        Self::expect(
            STEP,
            received > U256::zero() && received < worth,
            format!("something, and less than the {worth} it was worth before the claim"),
            received.to_string(),
        )?;
        self.say(&format!(
            "Carol leaves\n  she takes {} — {} less than at her request: she bore the loss with everybody  ({})",
            money(received),
            money(worth - received),
            self.gas()
        ));
        Ok(())
    }

    /// Anyone serves the due cohorts.
    ///
    /// # Errors
    /// Where it fails.
    pub async fn serve(&mut self) -> Result<()> {
        let keeper = self.cast.keeper.clone();
        let serve = self.deployment.vault(&keeper).serve(U256::from(4));
        self.act("serve", &keeper, serve).await?;
        Ok(())
    }

    /// The vote, its queue and its execution; the parameter changes.
    ///
    /// # Errors
    /// Where the proposal does not pass or the parameter stays.
    pub async fn vote_and_execute(&mut self) -> Result<()> {
        const STEP: &str = "vote";
        self.ballot().await?;
        let dora = self.cast.dora.clone();
        let governor = self.deployment.governor(&dora);
        let proposal = self.facts["proposal"];
        let deadline = self.chain().read("reading the deadline", governor.proposal_deadline(proposal)).await?;
        self.until(deadline.as_u64() + 1).await?;
        self.pass(1).await?;
        let (targets, values, calls, description) = self.proposal();
        let id = keccak256(&description);
        self.act("queue", &dora, governor.queue(targets.clone(), values.clone(), calls.clone(), id)).await?;
        let eta = self.chain().read("reading the time of execution", governor.proposal_eta(proposal)).await?;
        self.until(eta.as_u64() + 1).await?;
        self.act("execute", &dora, governor.execute(targets, values, calls, id)).await?;
        let state = self.chain().read("reading the proposal", governor.state(proposal)).await?;
        Self::expect(
            STEP,
            state == EXECUTED,
            format!("state {EXECUTED} (it was {SUCCEEDED} before)"),
            state.to_string(),
        )?;
        let shares = self.chain().read("reading the shares", self.deployment.policy(&dora).shares()).await?;
        Self::expect(STEP, shares == NEW_SHARES, format!("{NEW_SHARES:?}"), format!("{shares:?}"))?;
        let delay = span(self.profile.delay);
        self.say(&format!(
            "The DAO decides\n  30 M votes for; executed after {delay} in the timelock: the treasury's share is 8 %  ({})",
            self.gas()
        ));
        Ok(())
    }

    /// The certificate's SVG.
    ///
    /// # Errors
    /// Where it cannot be read or is none.
    pub async fn certificate(&self) -> Result<Vec<u8>> {
        const STEP: &str = "certificate";
        let policy = self.deployment.policy(&self.cast.bob);
        let uri = self.chain().read("reading the certificate", policy.token_uri(self.policy)).await?;
        svg_of(&uri).ok_or_else(|| Error::NoEffect {
            step: STEP,
            expected: "a data URI with an SVG inside".into(),
            found: uri.chars().take(60).collect(),
        })
    }

    /// Lets `seconds` pass.
    ///
    /// # Errors
    /// Where the clock cannot be moved.
    pub async fn pass(&self, seconds: u64) -> Result<()> {
        let now = self.now().await?;
        self.until(now + seconds).await
    }
}

/// The SVG inside a token URI: JSON in base64 with an image in base64.
#[must_use]
pub(crate) fn svg_of(uri: &str) -> Option<Vec<u8>> {
    let json = decode_base64(uri.strip_prefix("data:application/json;base64,")?)?;
    let json: serde_json::Value = serde_json::from_slice(&json).ok()?;
    let image = json.get("image")?.as_str()?;
    decode_base64(image.strip_prefix("data:image/svg+xml;base64,")?)
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// ⌊amount · ratio · part⌋, both in basis points.
fn share(amount: U256, ratio_bps: u16, part_bps: u64) -> U256 {
    amount * U256::from(ratio_bps) * U256::from(part_bps) / U256::from(BPS * BPS)
}
