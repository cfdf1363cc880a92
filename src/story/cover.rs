//! What the stories share: a cover comes on offer, is sold, reported and claimed on, each with its checks.

use std::sync::Arc;

use ethers::{
    abi::{Detokenize, Token},
    contract::ContractCall,
    types::{Address, Bytes, H256, TransactionReceipt, TransactionRequest, U256},
};
use serde_json::{Value, json};

use super::{Error, Result, Story, event, money};
use crate::{
    bindings::{
        assessor::{ClaimDelayedFilter, ClaimFiledFilter, ClaimSettledFilter, IncidentReportedFilter},
        policy::PolicyBoughtFilter,
        vault::Solvency,
    },
    chain::{self, Client},
    dao::Motion,
    deploy::{
        covers::{Offer, offer},
        deployer::solidity_init_code,
        profile::BPS,
    },
    report::{percent, percent_bps, span, utc},
};

/// A product on a subject, and what of the insured's is covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The product.
    pub product: U256,
    /// The subject.
    pub subject: [u8; 32],
    /// The position; zeros where the trigger knows none.
    pub position: [u8; 32],
}

/// A policy that was sold.
#[derive(Clone, Debug)]
pub struct Sold {
    /// Its number.
    pub id: U256,
    /// What its trigger wrote down.
    pub entry: Bytes,
    /// Whose it is.
    pub holder: Arc<Client>,
}

impl Story {
    /// Has the DAO offer a cover: what others lost is entered, the subject registered, the product put on sale. What is
    /// bought and reported from now on is that. `prepare` is called when the proposals may be executed: subjects are only
    /// registered while they are sound.
    ///
    /// # Errors
    /// Where a proposal does not pass, or the product is not on sale.
    pub(super) async fn take_in<F>(&mut self, what: &str, cover: &Offer, prepare: F) -> Result<()>
    where
        F: AsyncFnOnce(&mut Self) -> Result<()>,
    {
        const STEP: &str = "offer";
        self.say(&format!("The DAO offers a cover of {what}"));
        let keeper = self.cast.keeper.clone();
        let offered = offer(&self.deployment, &keeper, &self.profile, cover).await?;
        let last = offered.motions.len() - 1;
        let name =
            |index| if index == last { format!("Cover {what}") } else { format!("What others lost: {what}, {index}") };
        let motions: Vec<_> =
            offered.motions.into_iter().enumerate().map(|(index, calls)| Motion::new(calls, name(index))).collect();
        let proposals = self.decide(&motions).await?;
        prepare(self).await?;
        for (proposal, motion) in proposals.into_iter().zip(&motions) {
            self.carry_out(proposal, motion).await?;
        }
        let risk = self.deployment.risk(&keeper);
        let product = self.chain().read("reading the product", risk.product(offered.product)).await?;
        Self::expect(
            STEP,
            product.cover == cover.cover && product.status == 1 && product.trigger == cover.trigger,
            "the product on sale",
            format!("{product:?}"),
        )?;
        self.line = Line { product: offered.product, subject: cover.subject, position: [0; 32] };
        self.say(&format!(
            "  {} of the DAO, voted and executed after {} in the timelock: product #{} is on sale",
            if motions.len() == 1 { "a proposal".into() } else { format!("{} proposals", motions.len()) },
            span(self.profile.delay),
            offered.product
        ));
        Ok(())
    }

    /// Sells a cover of `amount` on the line to `who`, for [`Story::cover_term`], at what it is quoted.
    ///
    /// # Errors
    /// Where the purchase fails, or its certificate is not the buyer's.
    pub(super) async fn sell(
        &mut self,
        step: &'static str,
        who: &Arc<Client>,
        amount: U256,
        what: &str,
    ) -> Result<Sold> {
        let term = self.cover_term();
        let name = self.cast.name(who.address()).unwrap_or("somebody");
        let policy = self.deployment.policy(who);
        let Line { product, subject, position } = self.line;
        let quote = policy.quote(product, subject, who.address(), position, amount, term.into());
        let quote = self.chain().read("quoting", quote).await?;
        let premium = quote.0;
        self.say(&format!(
            "  {name} asks for {} on {what} for {}: {} — expected losses {}, cost of capital {}, utilisation {}",
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
        self.buy(who, amount, term, premium + premium / 1_000).await?;
        let gas = self.gas();
        let receipt = self.measured.last().expect("the purchase was just measured").receipt.clone();
        let bought: Option<PolicyBoughtFilter> = event(&receipt, policy.address());
        let Some(bought) = bought else {
            return Err(Self::missing(step, "a PolicyBought event"));
        };
        let record = self.record(bought.policy).await?;
        Self::expect(
            step,
            record.holder == who.address(),
            format!("{name} as the holder"),
            format!("{:?}", record.holder),
        )?;
        Self::expect(step, record.amount == amount, format!("a cover of {amount}"), record.amount.to_string())?;
        let expected = format!("a net premium of {}, as quoted a moment before", quote.1);
        let as_quoted = record.net.abs_diff(quote.1) <= quote.1 / 10_000;
        Self::expect(step, as_quoted, expected, record.net.to_string())?;
        let after = self.solvency().await?;
        Self::expect(
            step,
            after.unearned > before.unearned && after.active_cover > before.active_cover,
            "an unearned premium and active cover",
            format!("unearned {}, cover {}", after.unearned, after.active_cover),
        )?;
        self.income += record.net;
        self.say(&format!(
            "  policy #{}: in force from {} to {}  ({gas})",
            bought.policy,
            utc(record.start),
            utc(record.end)
        ));
        Ok(Sold { id: bought.policy, entry: bought.entry, holder: who.clone() })
    }

    /// Anyone reports what the trigger makes of the present; answers with what was booked, if there was news.
    ///
    /// # Errors
    /// Where the report fails.
    pub(super) async fn report_now(&mut self) -> Result<Option<IncidentReportedFilter>> {
        let keeper = self.cast.keeper.clone();
        let assessor = self.deployment.assessor(&keeper);
        let call = assessor.report(self.line.product, self.line.subject, Bytes::default());
        let receipt = self.act("report", &keeper, call).await?;
        Ok(event(&receipt, assessor.address()))
    }

    /// A report that must bring such news: the verdict, and the worst loss.
    ///
    /// # Errors
    /// Where it brings none, or others.
    pub(super) async fn report_that(
        &mut self,
        step: &'static str,
        verdict: u8,
        worst_bps: u16,
    ) -> Result<IncidentReportedFilter> {
        let Some(news) = self.report_now().await? else { return Err(Self::missing(step, "an incident")) };
        Self::expect(
            step,
            (news.verdict, news.worst_bps) == (verdict, worst_bps) && news.closed_at == 0,
            format!("an open incident with verdict {verdict} and a worst loss of {worst_bps} bps"),
            format!("{news:?}"),
        )?;
        self.incident = news.number;
        Ok(news)
    }

    /// The pool reserves the whole of policies' cover beyond their deductibles, and who would leave gets less for it at
    /// once. Answers with the reserve.
    ///
    /// # Errors
    /// Where it does not.
    pub(super) async fn expect_reserved(
        &self,
        step: &'static str,
        before: &Solvency,
        policies: &[U256],
    ) -> Result<U256> {
        let after = self.solvency().await?;
        let mut reserved = U256::zero();
        for policy in policies {
            // the whole cover could still be lost: what is left of it beyond the deductible
            let record = self.record(*policy).await?;
            reserved += share(record.amount, record.ratio_bps, BPS - u64::from(record.deductible_bps));
        }
        Self::expect(
            step,
            after.reserve == reserved && after.exit_price < before.exit_price,
            format!("a reserve of {reserved}, and a lower exit price"),
            format!("reserve {}, exit price {}", after.reserve, after.exit_price),
        )?;
        if let Some(shares) = self.facts.get("requested shares").copied() {
            // Carol's part of what is not reserved
            let [asked, assets] = ["requested worth", "assets at the request"].map(|fact| self.facts[fact]);
            let worth = shares * after.exit_price / U256::exp10(27);
            let most = asked * (assets + self.income - reserved) / assets + 1;
            let found = format!("{worth} of {asked}, and at most {most}");
            Self::expect(step, worth < asked && worth <= most, "an exit that brings less by its part", found)?;
        }
        Ok(reserved)
    }

    /// The line's newest incident is closed in the books.
    ///
    /// # Errors
    /// Where it is not.
    pub(super) async fn expect_closed(&self, step: &'static str) -> Result<u64> {
        let assessor = self.deployment.assessor(&self.cast.keeper);
        let call = assessor.incident_of(self.line.product, self.line.subject, self.incident);
        let (verdict, opened_at, closed_at, _) = self.chain().read("reading the incident", call).await?;
        Self::expect(
            step,
            verdict == crate::claims::CONFIRMED && closed_at > opened_at,
            "a confirmed incident that is closed",
            format!("verdict {verdict}, opened {opened_at}, closed {closed_at}"),
        )?;
        Ok(closed_at)
    }

    /// A policy's holder files under the incident; what is large is waited for. What he is paid is what his cover says of
    /// a loss of `loss_bps`, to the unit.
    ///
    /// # Errors
    /// Where the claim is not paid, or not to the unit.
    pub(super) async fn settle(&mut self, step: &'static str, sold: &Sold, loss_bps: u64) -> Result<()> {
        let holder = sold.holder.clone();
        let name = self.cast.name(holder.address()).unwrap_or("somebody");
        let before = self.coins(holder.address()).await?;
        let pool = self.solvency().await?;
        let assessor = self.deployment.assessor(&holder);
        let call = assessor.file(sold.id, self.incident, sold.entry.clone(), Bytes::default());
        let receipt = self.act("file", &holder, call).await?;
        let gas = self.gas();
        let mut settled: Option<ClaimSettledFilter> = event(&receipt, assessor.address());
        if let Some(delayed) = event::<ClaimDelayedFilter>(&receipt, assessor.address()) {
            self.say(&format!("The claim is large: it waits until {}, and nobody challenges it", utc(delayed.due)));
            self.until(delayed.due + 1).await?;
            settled = self.execute(sold).await?;
        }
        let Some(settled) = settled else {
            return Err(Self::missing(step, "a ClaimSettled event"));
        };
        let loss = event::<ClaimFiledFilter>(&receipt, assessor.address()).map_or(0, |filed| filed.loss_bps);
        Self::expect(step, loss_bps == u64::from(loss), format!("a loss of {loss_bps} bps"), loss.to_string())?;
        let received = self.expect_paid(step, sold, loss_bps, before, &pool, &settled).await?;
        self.say(&format!(
            "{name} files his claim: verified and paid in one transaction\n  {} to {name}  ({gas})",
            money(received)
        ));
        let left = self.solvency().await?;
        self.say(&format!("  the pool held {} before and {} after", money(pool.assets), money(left.assets)));
        Ok(())
    }

    /// Anyone goes on with a claim that waited long enough; answers with its payment, if there was one.
    ///
    /// # Errors
    /// Where it fails.
    pub(super) async fn execute(&mut self, sold: &Sold) -> Result<Option<ClaimSettledFilter>> {
        let keeper = self.cast.keeper.clone();
        let assessor = self.deployment.assessor(&keeper);
        let call = assessor.execute(sold.id, sold.entry.clone(), Bytes::default());
        let receipt = self.act("execute a claim", &keeper, call).await?;
        Ok(event(&receipt, assessor.address()))
    }

    /// The holder has ⌊cover · ratio · (loss − deductible)⌋ more than before, and the pool has paid it.
    pub(super) async fn expect_paid(
        &mut self,
        step: &'static str,
        sold: &Sold,
        loss_bps: u64,
        before: U256,
        pool: &Solvency,
        settled: &ClaimSettledFilter,
    ) -> Result<U256> {
        let received = self.coins(sold.holder.address()).await? - before;
        let due = self.due(sold, loss_bps).await?;
        Self::expect(
            step,
            due > U256::zero() && received == due && received == settled.paid && settled.paid == settled.confirmed,
            format!("{due} confirmed and paid in full"),
            format!("{received} received, {} confirmed", settled.confirmed),
        )?;
        let left = self.solvency().await?;
        Self::expect(
            step,
            pool.assets.saturating_sub(left.assets) <= received && left.assets < pool.assets,
            "the pool to have paid it",
            format!("{} before, {} after", pool.assets, left.assets),
        )?;
        self.paid += received;
        Ok(received)
    }

    /// What a policy is to be paid of a loss: ⌊cover · ratio · (loss − deductible)⌋.
    pub(super) async fn due(&self, sold: &Sold, loss_bps: u64) -> Result<U256> {
        let record = self.record(sold.id).await?;
        Ok(share(record.amount, record.ratio_bps, loss_bps.saturating_sub(record.deductible_bps.into())))
    }

    /// Closes a policy whose last filing has passed; its cover leaves the books.
    ///
    /// # Errors
    /// Where it stays open, or its cover in the books.
    pub(super) async fn run_out(&mut self, step: &'static str, sold: &Sold) -> Result<()> {
        let keeper = self.cast.keeper.clone();
        let deadline = self.record(sold.id).await?.deadline;
        let before = self.solvency().await?;
        self.until(deadline + 2 * self.profile.week).await?;
        let policy = self.deployment.policy(&keeper);
        self.act("expire", &keeper, policy.expire(sold.id)).await?;
        let record = self.record(sold.id).await?;
        let risk = self.deployment.risk(&keeper);
        let line = self.chain().read("reading the line", risk.line(self.line.product, self.line.subject)).await?;
        Self::expect(
            step,
            record.expired && line.cover.is_zero() && line.reserve.is_zero(),
            "an expired policy and no cover in the books",
            format!("{record:?}, {line:?}"),
        )?;
        let after = self.solvency().await?;
        Self::expect(
            step,
            after.active_cover < before.active_cover && after.unearned.is_zero(),
            "less cover in force, and the whole premium earned",
            format!("cover {}, unearned {}", after.active_cover, after.unearned),
        )?;
        self.say(&format!("The cover runs out\n  policy #{} is closed; the whole premium is earned", sold.id));
        Ok(())
    }

    /// Sends what a contract must refuse with the error of this name.
    ///
    /// # Errors
    /// Where it goes through, or is refused for another reason.
    pub(super) async fn refused<D: Detokenize>(
        &mut self,
        step: &'static str,
        who: &Arc<Client>,
        call: ContractCall<Client, D>,
        error: &str,
    ) -> Result<()> {
        let found = match self.act(step, who, call).await {
            Ok(_) => "it goes through".to_owned(),
            Err(Error::Chain(refusal)) if refusal.refusal().is_some() => {
                refusal.refusal().unwrap_or_default().to_owned()
            }
            Err(other) => return Err(other),
        };
        let name = found.split('(').next().unwrap_or_default();
        Self::expect(step, name == error, format!("to be refused with {error}"), found.clone())
    }

    /// A transaction in a contract's name, as only a development chain makes it: what a thief has a contract do, or a
    /// message from L1.
    ///
    /// # Errors
    /// [`chain::Error::FailedOnChain`] where it reverts.
    pub(super) async fn act_as(
        &self,
        what: &str,
        from: Address,
        to: Address,
        data: Bytes,
    ) -> Result<TransactionReceipt> {
        let chain = self.chain();
        chain.request("anvil_impersonateAccount", [from]).await?;
        chain.request("anvil_setBalance", json!([from, "0x56bc75e2d63100000"])).await?;
        let tx = json!({ "from": from, "to": to, "data": data, "gas": "0x1312d00" });
        let hash: Value = chain.request("eth_sendTransaction", [tx]).await?;
        let unclear = || chain::Error::Rpc { what: what.into(), reason: "the node does not answer with a hash".into() };
        let hash: H256 = serde_json::from_value(hash).map_err(|_| unclear())?;
        let receipt = chain.receipt(what, hash).await?;
        if receipt.status != Some(1.into()) {
            let failed = chain::Error::FailedOnChain { what: what.into(), hash, reason: "it reverts".into() };
            return Err(failed.into());
        }
        Ok(receipt)
    }

    /// Deploys a Solidity contract of `tests/solidity` for the story.
    ///
    /// # Errors
    /// Where its artefact is missing, or the transaction fails.
    pub(super) async fn place(&self, contract: &str, arguments: &[Token]) -> Result<Address> {
        let code = solidity_init_code(&self.builder, contract, arguments)?;
        self.place_code(contract, code).await
    }

    /// Deploys by initialisation code.
    ///
    /// # Errors
    /// Where the transaction fails.
    pub(super) async fn place_code(&self, what: &str, code: Vec<u8>) -> Result<Address> {
        let tx = TransactionRequest::new().data(code);
        let receipt = self.chain().send_transaction(what, &self.cast.keeper, tx.into()).await?;
        Ok(receipt.contract_address.unwrap_or_default())
    }

    /// The step went through, but did not do what it is for.
    pub(super) fn missing(step: &'static str, expected: &str) -> Error {
        Error::NoEffect { step, expected: expected.into(), found: "none".into() }
    }
}

/// ⌊amount · ratio · part⌋, both in basis points.
pub(super) fn share(amount: U256, ratio_bps: u16, part_bps: u64) -> U256 {
    amount * U256::from(ratio_bps) * U256::from(part_bps) / U256::from(BPS * BPS)
}
