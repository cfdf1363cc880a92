//! The steps. Each one acts, reads its effect from the chain and tells what a person wants to see.

use std::sync::Arc;

use base64::Engine;
use ethers::types::{Address, Bytes, I256, U256};

use super::{Error, Result, Sold, Story, event, money};
use crate::{
    bindings::{assessor::IncidentReportedFilter, policy::Policy},
    chain::{Client, Clock},
    claims::CONFIRMED,
    deploy::profile::usd,
    report::{percent_bps, utc},
};

/// Prices are pushed to the feed in batches of at most this many rounds.
const BATCH: usize = 24;

/// So many reports take in any series that is worth playing: 32 rounds at a time.
const MOST_REPORTS: usize = 100;

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
        let sold = self.sell(STEP, &bob, usd(1_000_000), "USDC").await?;
        (self.policy, self.entry) = (sold.id, sold.entry);
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
            self.line.product,
            self.line.subject,
            who.address(),
            self.line.position,
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
        self.facts.insert("requested shares", shares);
        self.facts.insert("assets at the request", self.solvency().await?.assets);
        self.say(&format!(
            "An underwriter asks to leave\n  Carol requests shares worth {}  ({})",
            money(worth),
            self.gas()
        ));
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
        let record = self.record(self.policy).await?;
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
        let gas = self.gas();
        let reserved = self.expect_reserved(STEP, &before, &[self.policy]).await?;
        self.say(&format!(
            "  incident #{} opened {}, worst loss so far {}: {reports} reports  ({})",
            last.number,
            utc(last.opened_at),
            percent_bps(last.worst_bps.into()),
            gas
        ));
        self.say(&format!("  the pool reserves {} for all cover that can claim", money(reserved)));
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

    /// A policy as the contract tells it.
    pub(super) async fn record(&self, policy: U256) -> Result<Policy> {
        let contract = self.deployment.policy(&self.cast.keeper);
        Ok(self.chain().read("reading the policy", contract.policy_of(policy)).await?)
    }

    /// Test dollars of an account.
    pub(super) async fn coins(&self, account: Address) -> Result<U256> {
        let asset = self.asset(&self.cast.keeper);
        Ok(self.chain().read("reading a balance", asset.balance_of(account)).await?)
    }

    /// Bob files; his claim is verified and paid in the same transaction.
    ///
    /// # Errors
    /// Where the claim is not paid, or not to the unit.
    pub async fn claim(&mut self) -> Result<()> {
        let bob = self.cast.bob.clone();
        let sold = Sold { id: self.policy, entry: self.entry.clone(), holder: bob };
        // without a choice the trigger takes the incident's worst window
        self.settle("claim", &sold, self.facts["worst loss"].as_u64()).await
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
        let reserve = self.solvency().await?.reserve;
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
        let [worth, assets] = ["requested worth", "assets at the request"].map(|fact| self.facts[fact]);
        // Her part of what is left for certain, and of what is there with all that came in meanwhile, which may have been
        // earned after her price was fixed.
        let least = (worth * assets.saturating_sub(self.paid + reserve) / assets).saturating_sub(U256::one());
        let most = worth * (assets + self.income).saturating_sub(self.paid) / assets + 1;
        Self::expect(
            STEP,
            received >= least && received <= most && received < worth,
            format!("{least} to {most}: less than the {worth} before the claim, by her part of it"),
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
