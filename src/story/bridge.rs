//! What backs a bridged token is gone: seen from L1 by anyone, and told by retryable tickets; a false claim goes before the
//! jury and loses.

use ethers::{
    abi::Token,
    types::{Address, Bytes, U256},
};

use super::{Error, Result, Sold, Story, event, jury::DENIED, money};
use crate::{
    bindings::{
        BackingReporter, IBridgeTrigger, MockInbox, StableCoin,
        assessor::{BondForfeitedFilter, ClaimDeniedFilter, JuryAskedFilter},
        bridge,
    },
    chain::{self, Client},
    claims::CONFIRMED,
    deploy::{
        self, Deployer,
        covers::{BRIDGE, Offer},
        plan::word,
        profile::usd,
    },
    report::{percent_bps, utc},
};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// Of a ticket: submission, gas limit, price of gas.
const TICKET: [u64; 3] = [1_000_000, 300_000, 10];

/// What is added to a contract's address on L1 where it acts on Arbitrum.
const ALIAS: &str = "1111000000000000000000000000000000001111";

/// The bridge's escrow on L1.
const ESCROW: u64 = 0xe5c0;

/// What Bob, Frank and others hold of the bridged token.
const HELD: [u64; 3] = [500_000, 100_000, 400_000];

/// What leaves the escrow: a fifth.
const GONE: u64 = 200_000;

/// The subject's times: how long it must be short, what is averaged, how long it must be whole again.
const SHORT: u64 = 6 * HOUR;
const WINDOW: u64 = DAY;
const WHOLE: u64 = DAY;

/// Deploys what stands on L1, before the trigger that only listens to it: the rollup's inbox, which here keeps a ticket
/// until it is redeemed, and the reporter. One chain plays both.
///
/// # Errors
/// What a step failed with.
pub async fn reporter(d: &mut Deployer) -> deploy::Result<Address> {
    let inbox = d.solidity("inbox", "MockInbox", &[]).await?;
    d.solidity("reporter", "BackingReporter", &[Token::Address(inbox)]).await
}

/// The story.
pub struct Bridge<'a> {
    story: &'a mut Story,
    escrowed: StableCoin<Client>,
    inbox: MockInbox<Client>,
    reporter: BackingReporter<Client>,
    trigger: IBridgeTrigger<Client>,
    bob: Option<Sold>,
    frank: Option<Sold>,
    /// A ticket that nobody redeemed in time.
    kept: Bytes,
}

impl<'a> Bridge<'a> {
    /// Capital comes in, a bridge opens, the DAO offers a cover of it, and its members become jurors.
    ///
    /// # Errors
    /// Where that fails.
    pub async fn open(story: &'a mut Story) -> Result<Self> {
        story.capital().await?;
        let keeper = story.cast.keeper.clone();
        let text = |text: &str| Token::String(text.into());
        let escrowed = story.place("StableCoin", &[text("Dollar on Ethereum"), text("USD")]).await?;
        let bridged = story.place("StableCoin", &[text("Bridged dollar"), text("USD.e")]).await?;
        let [escrowed, bridged] = [escrowed, bridged].map(|coin| StableCoin::new(coin, keeper.clone()));
        let holders = [&story.cast.bob, &story.cast.frank, &story.cast.alice].map(|who| who.address());
        let escrow = Address::from_low_u64_be(ESCROW);
        for (holder, amount) in holders.into_iter().zip(HELD.map(usd)) {
            story.chain().send("locking", &keeper, escrowed.mint(escrow, amount)).await?;
            story.chain().send("bridging", &keeper, bridged.mint(holder, amount)).await?;
        }
        let trigger = story.deployment.bridge(&keeper);
        let subject = word("bridge:USD.e");
        let config = bridge::Subject {
            token: bridged.address(),
            feed: Address::zero(),
            escrow_token: escrowed.address(),
            escrow,
            in_flight: 0,
            trigger_ratio: 970_000_000_000_000_000,
            recovery_ratio: 990_000_000_000_000_000,
            duration: SHORT as u32,
            recovery: WHOLE as u32,
            window: WINDOW as u32,
            gap: 2 * HOUR as u32,
            period: HOUR as u32,
            asset_decimals: 6,
        };
        let cover = Offer {
            cover: BRIDGE,
            subject,
            risk_key: word("bridge:USD.e"),
            trigger: trigger.address(),
            register: trigger.register(subject, config).calldata().expect("a call has call data"),
        };
        story.take_in("a bridge's failure", &cover, async |_: &mut Story| Ok(())).await?;
        story.become_jurors().await?;
        let at = |name| story.deployment.address(name);
        let (inbox, reporter) = (at("inbox"), at("reporter"));
        let heard = story.chain().read("reading the reporter", trigger.reporter()).await?;
        Story::expect("open", heard == reporter, format!("{reporter:?} to be listened to"), format!("{heard:?}"))?;
        Ok(Self {
            story,
            escrowed,
            inbox: MockInbox::new(inbox, keeper.clone()),
            reporter: BackingReporter::new(reporter, keeper),
            trigger,
            bob: None,
            frank: None,
            kept: Bytes::default(),
        })
    }

    /// All steps.
    ///
    /// # Errors
    /// The first one that failed.
    pub async fn play(mut self) -> Result<()> {
        self.insure().await?;
        self.drain().await?;
        self.report().await?;
        self.claim().await?;
        self.refill().await?;
        self.refuse().await?;
        self.leave().await
    }

    /// Anyone has the reporter read the escrow on L1; answers with the ticket that it left in the inbox.
    async fn read_escrow(&mut self) -> Result<Bytes> {
        let [submission, limit, price] = TICKET.map(U256::from);
        let subject = self.story.line.subject;
        let (trigger, escrow) = (self.trigger.address(), Address::from_low_u64_be(ESCROW));
        let call = self
            .reporter
            .report(trigger, subject, self.escrowed.address(), escrow, submission, limit, price)
            .value(submission + limit * price);
        let keeper = self.story.cast.keeper.clone();
        self.story.act("report on L1", &keeper, call).await?;
        Ok(self.story.chain().read("reading the ticket", self.inbox.data()).await?)
    }

    /// A ticket is redeemed: the reporter's alias calls the trigger.
    async fn redeem(&self, ticket: Bytes) -> Result<()> {
        let offset: Address = ALIAS.parse().expect("a constant address");
        let [at, offset] = [self.reporter.address(), offset].map(|address| U256::from_big_endian(address.as_bytes()));
        let mut bytes = [0; 32];
        at.overflowing_add(offset).0.to_big_endian(&mut bytes);
        let alias = Address::from_slice(&bytes[12..]);
        self.story.act_as("redeeming a ticket", alias, self.trigger.address(), ticket).await?;
        Ok(())
    }

    /// Reports by the hour.
    async fn watch(&mut self, hours: u64) -> Result<()> {
        for _ in 0..hours {
            self.story.pass(HOUR).await?;
            let ticket = self.read_escrow().await?;
            self.redeem(ticket).await?;
        }
        Ok(())
    }

    /// Has the supply observed and the backing reported after a time without reports.
    async fn look(&mut self) -> Result<()> {
        // the supply must have been observed before the backing is read
        self.story.report_now().await?;
        self.watch(1).await
    }

    /// How many samples there are, and the newest one in millionths.
    async fn series(&self) -> Result<(U256, u64)> {
        let series = self.trigger.series_of(self.story.line.subject);
        let (count, _, value, _) = self.story.chain().read("reading the series", series).await?;
        Ok((count, value / 1_000_000_000_000))
    }

    /// Bob insures what he holds and waits a fortnight; Frank does so in the last moment. Carol wants to leave.
    ///
    /// # Errors
    /// Where a cover is not sold.
    pub async fn insure(&mut self) -> Result<()> {
        const STEP: &str = "insure";
        self.story.say("Covers are bought");
        self.look().await?;
        let (bob, frank) = (self.story.cast.bob.clone(), self.story.cast.frank.clone());
        let sold = self.story.sell(STEP, &bob, usd(HELD[0]), "the bridge").await?;
        (self.story.policy, self.story.entry) = (sold.id, sold.entry.clone());
        self.bob = Some(sold);
        self.story.pass(14 * DAY).await?;
        self.look().await?;
        let (_, whole) = self.series().await?;
        Story::expect(STEP, whole == 1_000_000, "a bridge that is whole", format!("{whole} millionths"))?;
        self.story.say("  Frank does so in the last moment");
        self.frank = Some(self.story.sell(STEP, &frank, usd(HELD[1] / 2), "the bridge").await?);
        self.story.ask_to_leave().await
    }

    /// A fifth leaves the escrow; Frank keeps a ticket from before.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn drain(&mut self) -> Result<()> {
        self.kept = self.read_escrow().await?;
        let escrow = Address::from_low_u64_be(ESCROW);
        let thief = Address::from_low_u64_be(0xbad);
        let data = self.escrowed.transfer(thief, usd(GONE)).calldata().expect("a call has call data");
        self.story.act_as("a theft on L1", escrow, self.escrowed.address(), data).await?;
        let left = self.story.chain().read("reading the escrow", self.escrowed.balance_of(escrow)).await?;
        let all: u64 = HELD.iter().sum();
        Story::expect("drain", left == usd(all - GONE), "a fifth less in the escrow", money(left))?;
        self.story.say(&format!("The bridge is robbed\n  {} leave its escrow on L1", money(usd(GONE))));
        Ok(())
    }

    /// Hourly reports prove it: the pool reserves as soon as it has been short for long enough, and the loss is known after
    /// a whole window. An old ticket is worth nothing.
    ///
    /// # Errors
    /// Where the incident is not what happened.
    pub async fn report(&mut self) -> Result<()> {
        const STEP: &str = "report";
        self.story.say("The incident is proven on chain");
        let before = self.story.solvency().await?;
        let hours = 2 + SHORT / HOUR;
        self.watch(hours).await?;
        let worst = (GONE * 10_000 / HELD.iter().sum::<u64>()) as u16;
        // the first hour counts as whole: what was between two reports is the better of both
        let so_far = u64::from(worst) * (hours - 1) * HOUR / WINDOW;
        let news = self.story.report_that(STEP, CONFIRMED, so_far as u16).await?;
        let gas = self.story.gas();
        let policies: Vec<_> = self.bob.iter().chain(&self.frank).map(|sold| sold.id).collect();
        let reserved = self.story.expect_reserved(STEP, &before, &policies).await?;
        self.story.say(&format!(
            "  incident #{} opened {}: the pool reserves {}, while the loss over a day is not known  ({gas})",
            news.number,
            utc(news.opened_at),
            money(reserved)
        ));
        let stale = self.redeem(self.kept.clone()).await;
        let refused = matches!(stale, Err(Error::Chain(chain::Error::FailedOnChain { .. })));
        Story::expect(STEP, refused, "a ticket from before to be refused", format!("{stale:?}"))?;
        self.watch(WINDOW / HOUR).await?;
        self.story.report_that(STEP, CONFIRMED, worst).await?;
        let (samples, value) = self.series().await?;
        self.story.say(&format!(
            "  {samples} reports from L1, the newest of {value} millionths: a loss of {}  ({})",
            percent_bps(worst.into()),
            self.story.gas()
        ));
        Ok(())
    }

    /// Bob is paid.
    ///
    /// # Errors
    /// Where he is not, or not to the unit.
    pub async fn claim(&mut self) -> Result<()> {
        const STEP: &str = "claim";
        let Some(bob) = &self.bob else { return Err(Story::missing(STEP, "a policy")) };
        self.story.settle(STEP, bob, GONE * 10_000 / HELD.iter().sum::<u64>()).await
    }

    /// The escrow is filled again; a day of reports closes the incident.
    ///
    /// # Errors
    /// Where it stays open.
    pub async fn refill(&mut self) -> Result<()> {
        let keeper = self.story.cast.keeper.clone();
        let call = self.escrowed.mint(Address::from_low_u64_be(ESCROW), usd(GONE));
        self.story.chain().send("refilling", &keeper, call).await?;
        self.watch(2 + WHOLE / HOUR).await?;
        self.story.report_now().await?;
        let closed = self.story.expect_closed("refill").await?;
        self.story.say(&format!("The escrow is filled again\n  the incident closed {}", utc(closed)));
        Ok(())
    }

    /// Frank bought too late. He claims all the same, with a bond, before the jury; it denies, and keeps the bond.
    ///
    /// # Errors
    /// Where a false claim is paid, or its bond comes back.
    pub async fn refuse(&mut self) -> Result<()> {
        const STEP: &str = "refuse";
        let Some(frank) = &self.frank else { return Err(Story::missing(STEP, "a policy")) };
        let story = &mut *self.story;
        let who = frank.holder.clone();
        let assessor = story.deployment.assessor(&who);
        let none = Bytes::default();
        let file = assessor.file(frank.id, story.incident, frank.entry.clone(), none.clone());
        story.refused(STEP, &who, file, "ClaimNotMet").await?;
        let loss = (GONE * 10_000 / HELD.iter().sum::<u64>()) as u16;
        let amount = story.due(frank, loss.into()).await?;
        let (vault, asset) = (story.deployment.address("vault"), story.deployment.address("asset"));
        let (_, bond, _) = story.chain().read("reading the bonds", assessor.bonds_of(vault, amount)).await?;
        story.provide(&who, assessor.address(), bond).await?;
        let had = story.coins(who.address()).await?;
        let reserve = story.solvency().await?.reserve;
        let reason = ethers::utils::keccak256("I had it in mind before");
        let dispute = assessor.file_disputed(frank.id, story.incident, loss, frank.entry.clone(), none, reason);
        let receipt = story.act("dispute", &who, dispute).await?;
        let asked: Option<JuryAskedFilter> = event(&receipt, assessor.address());
        let Some(asked) = asked else { return Err(Story::missing(STEP, "a case")) };
        story.say(&format!(
            "Frank claims {} too\n  the trigger says no: it began before his cover. He bonds {} for the jury  ({})",
            money(amount),
            money(bond),
            story.gas()
        ));
        let reserved = story.solvency().await?.reserve;
        Story::expect(STEP, reserved > reserve, format!("more than {reserve} reserved"), reserved.to_string())?;
        story.judge(asked.jury_case, [false, false], DENIED).await?;
        let (_, money_before) = story.chain().read("reading the jury's money", assessor.money_of(asset)).await?;
        let settled = story.execute(frank).await?;
        Story::expect(STEP, settled.is_none(), "nothing to be paid", format!("{settled:?}"))?;
        let receipt = story.measured.last().map(|last| last.receipt.clone()).unwrap_or_default();
        let denied: Option<ClaimDeniedFilter> = event(&receipt, assessor.address());
        let forfeited: Option<BondForfeitedFilter> = event(&receipt, assessor.address());
        let (_, money_after) = story.chain().read("reading the jury's money", assessor.money_of(asset)).await?;
        let left = story.coins(who.address()).await?;
        Story::expect(
            STEP,
            denied.is_some_and(|denied| denied.amount == amount)
                && forfeited.is_some_and(|forfeited| forfeited.amount == bond)
                && money_after == money_before + bond
                && left + bond == had,
            "a denial, and the bond to be the jury's",
            format!("{left} of {had}, the jury's money {money_before} and {money_after}"),
        )?;
        let after = story.solvency().await?.reserve;
        // Risk keeps what has filed in few bits, rounded up
        let as_before = after >= reserve && after - reserve <= reserve / 1_000_000;
        Story::expect(STEP, as_before, format!("{reserve} reserved, as before"), after.to_string())?;
        story.say(&format!("  denied: his bond is the jury's, and {} are free again", money(reserved - reserve)));
        Ok(())
    }

    /// Carol gets her part of what is left.
    ///
    /// # Errors
    /// Where she gets more, or nothing.
    pub async fn leave(&mut self) -> Result<()> {
        self.story.leave().await
    }
}
