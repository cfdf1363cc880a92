//! A lender's borrowers do not pay back: bad debt in OpenZeppelin's ERC-4626 vault, proven by two observations.

use std::sync::Arc;

use ethers::{
    abi::Token,
    types::{Address, U256},
};

use super::{Result, Sold, Story, money};
use crate::{
    bindings::{IVault, StableCoin, lending},
    chain::Client,
    claims::CONFIRMED,
    deploy::{
        covers::{DEFAULT, Offer},
        plan::word,
        profile::usd,
    },
    report::{percent_bps, span, utc},
};

/// `ITrigger.Verdict`: nobody knows; of an incident, latent evidence.
pub(super) const LATENT: u8 = 0;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// A fall must stand for so long.
const PERSISTENCE: u64 = 6 * HOUR;

/// A year's interest makes no fall; what matters is 2 %.
const TRIGGER: u16 = 200;

/// What Bob, Frank and others lend.
const LENT: [u64; 3] = [400_000, 50_000, 550_000];

/// What is not paid back: a tenth.
const DEFAULTED: u64 = 100_000;

/// The story.
pub struct Lending<'a> {
    story: &'a mut Story,
    /// OpenZeppelin's vault, which lends what is deposited.
    lender: IVault<Client>,
    bob: Option<Sold>,
    frank: Option<Sold>,
}

impl Story {
    /// Deploys OpenZeppelin's ERC-4626 vault of the asset, into which these deposit.
    pub(super) async fn savings(&self, deposits: &[(Arc<Client>, U256)]) -> Result<IVault<Client>> {
        let keeper = &self.cast.keeper;
        let asset = Token::Address(self.deployment.address("asset"));
        let vault = self.place("OzVault", &[asset]).await?;
        for (who, amount) in deposits {
            self.provide(who, vault, *amount).await?;
            let call = IVault::new(vault, who.clone()).deposit(*amount, who.address());
            self.chain().send("depositing", who, call).await?;
        }
        let held = self.coins(vault).await?;
        let all = deposits.iter().fold(U256::zero(), |sum, (_, amount)| sum + *amount);
        Self::expect("savings", held == all, format!("{all} in the vault"), held.to_string())?;
        Ok(IVault::new(vault, keeper.clone()))
    }

    /// Money leaves a contract that never meant to give it away.
    pub(super) async fn take_from(&self, what: &str, contract: Address, to: Address, amount: U256) -> Result<()> {
        let asset: StableCoin<Client> = self.asset(&self.cast.keeper);
        let before = self.coins(contract).await?;
        let data = asset.transfer(to, amount).calldata().expect("a call has call data");
        self.act_as(what, contract, asset.address(), data).await?;
        let left = self.coins(contract).await?;
        Self::expect("loss", left + amount == before, format!("{amount} less"), left.to_string())
    }
}

impl<'a> Lending<'a> {
    /// Capital comes in, a lender opens, and the DAO offers a cover of it.
    ///
    /// # Errors
    /// Where that fails.
    pub async fn open(story: &'a mut Story) -> Result<Self> {
        story.capital().await?;
        let cast = &story.cast;
        let [bob, frank, others] = LENT.map(usd);
        let lenders = [(cast.bob.clone(), bob), (cast.frank.clone(), frank), (cast.alice.clone(), others)];
        let lender = story.savings(&lenders).await?;
        let trigger = story.deployment.lending(&story.cast.keeper);
        let subject = word("lender:savings");
        let config = lending::Subject {
            source: lender.address(),
            asset: story.deployment.address("asset"),
            kind: 2,
            trigger_bps: TRIGGER,
            persistence: PERSISTENCE as u32,
            calm: DAY as u32,
        };
        let cover = Offer {
            cover: DEFAULT,
            subject,
            risk_key: word("lender:savings"),
            trigger: trigger.address(),
            register: trigger.register(subject, config).calldata().expect("a call has call data"),
        };
        story.take_in("a lender's bad debt", &cover, async |_: &mut Story| Ok(())).await?;
        Ok(Self { story, lender, bob: None, frank: None })
    }

    /// All steps.
    ///
    /// # Errors
    /// The first one that failed.
    pub async fn play(mut self) -> Result<()> {
        self.insure().await?;
        self.default().await?;
        self.report().await?;
        self.claim().await?;
        self.refuse().await?;
        self.close().await?;
        self.leave().await?;
        self.run_out().await
    }

    /// Bob insures what he lent and waits; Frank does so when he has heard something. Carol wants to leave.
    ///
    /// # Errors
    /// Where a cover is not sold.
    pub async fn insure(&mut self) -> Result<()> {
        const STEP: &str = "insure";
        let story = &mut *self.story;
        story.say("Covers are bought");
        let (bob, frank) = (story.cast.bob.clone(), story.cast.frank.clone());
        let sold = story.sell(STEP, &bob, usd(LENT[0]), "the lender").await?;
        let start = story.record(sold.id).await?.start;
        (story.policy, story.entry) = (sold.id, sold.entry.clone());
        self.bob = Some(sold);
        story.until(start + HOUR).await?;
        // whoever is insured has the subject observed when his cover begins
        let news = story.report_now().await?;
        Story::expect(STEP, news.is_none(), "no incident", format!("{news:?}"))?;
        story.say("  Frank has heard something");
        self.frank = Some(story.sell(STEP, &frank, usd(LENT[1] / 2), "the lender").await?);
        // nobody insures more than he has lent
        let policy = story.deployment.policy(&frank);
        let line = story.line;
        let call = policy.quote(line.product, line.subject, frank.address(), [0; 32], usd(LENT[1]), (60 * DAY).into());
        let premium = story.chain().read("quoting", call).await?.0 * 2;
        story.provide(&frank, policy.address(), premium).await?;
        let deadline = story.now().await? + HOUR;
        let again = policy.buy(
            line.product,
            line.subject,
            frank.address(),
            [0; 32],
            usd(LENT[1]),
            (60 * DAY).into(),
            premium,
            deadline.into(),
            frank.address(),
            Address::zero(),
        );
        story.refused("insure more", &frank, again, "InterestExceeded").await?;
        story.ask_to_leave().await
    }

    /// A tenth of what was lent is not paid back.
    ///
    /// # Errors
    /// Where it does not go.
    pub async fn default(&mut self) -> Result<()> {
        let story = &mut *self.story;
        story.pass(DAY).await?;
        let borrower = Address::from_low_u64_be(0xb0_44_0e);
        story.take_from("a default", self.lender.address(), borrower, usd(DEFAULTED)).await?;
        story.say(&format!("A borrower defaults\n  {} of what was lent are gone", money(usd(DEFAULTED))));
        Ok(())
    }

    /// Anyone reports: at first it is latent, and the pool reserves at once; when it has stood it is proven.
    ///
    /// # Errors
    /// Where the incident is not what happened.
    pub async fn report(&mut self) -> Result<()> {
        const STEP: &str = "report";
        let story = &mut *self.story;
        story.say("The incident is proven on chain");
        let lent: u64 = LENT.iter().sum();
        let worst = (DEFAULTED * 10_000 / lent) as u16;
        let before = story.solvency().await?;
        story.report_that(STEP, LATENT, 0).await?;
        let policies: Vec<_> = self.bob.iter().chain(&self.frank).map(|sold| sold.id).collect();
        let reserved = story.expect_reserved(STEP, &before, &policies).await?;
        story.say(&format!("  latent at first: the pool reserves {} at once  ({})", money(reserved), story.gas()));
        // one observation proves nothing
        if let Some(bob) = &self.bob {
            let assessor = story.deployment.assessor(&bob.holder);
            let call = assessor.file(bob.id, story.incident, bob.entry.clone(), Default::default());
            story.refused("file too early", &bob.holder, call, "ClaimInconclusive").await?;
        }
        story.pass(PERSISTENCE).await?;
        let news = story.report_that(STEP, CONFIRMED, worst).await?;
        story.say(&format!(
            "  {} later it stands: incident #{} of {}, opened {}  ({})",
            span(PERSISTENCE),
            news.number,
            percent_bps(worst.into()),
            utc(news.opened_at),
            story.gas()
        ));
        Ok(())
    }

    /// Bob, who has taken a quarter of his money out meanwhile, is paid for the rest.
    ///
    /// # Errors
    /// Where he is not, or not to the unit.
    pub async fn claim(&mut self) -> Result<()> {
        const STEP: &str = "claim";
        let story = &mut *self.story;
        let Some(bob) = &self.bob else { return Err(Story::missing(STEP, "a policy")) };
        let lender = IVault::new(self.lender.address(), bob.holder.clone());
        let me = bob.holder.address();
        let shares = story.chain().read("reading shares", lender.balance_of(me)).await?;
        let before = story.coins(me).await?;
        story.chain().send("redeeming", &bob.holder, lender.redeem(shares / 4, me, me)).await?;
        let out = story.coins(me).await? - before;
        story.say(&format!("Bob takes {} out of the lender: that part of the loss is his own", money(out)));
        let lent: u64 = LENT.iter().sum();
        story.settle(STEP, bob, DEFAULTED * 10_000 / lent * 3 / 4).await
    }

    /// Frank bought when it had begun: his claim is refused, and nobody else can claim on Bob's policy.
    ///
    /// # Errors
    /// Where a false claim goes through, or changes anything.
    pub async fn refuse(&mut self) -> Result<()> {
        const STEP: &str = "refuse";
        let story = &mut *self.story;
        let (Some(bob), Some(frank)) = (&self.bob, &self.frank) else { return Err(Story::missing(STEP, "policies")) };
        let before = story.solvency().await?;
        let assessor = story.deployment.assessor(&frank.holder);
        let late = assessor.file(frank.id, story.incident, frank.entry.clone(), Default::default());
        story.refused(STEP, &frank.holder, late, "ClaimNotMet").await?;
        let stolen = assessor.file(bob.id, story.incident, bob.entry.clone(), Default::default());
        story.refused(STEP, &frank.holder, stolen, "NotHolder").await?;
        let assessor = story.deployment.assessor(&bob.holder);
        let again = assessor.file(bob.id, story.incident, bob.entry.clone(), Default::default());
        story.refused(STEP, &bob.holder, again, "NothingToPay").await?;
        let after = story.solvency().await?;
        Story::expect(
            STEP,
            after.reserve == before.reserve && after.cash == before.cash,
            "nothing to have changed",
            format!("{before:?}, {after:?}"),
        )?;
        story.say("Frank claims as well\n  refused: it began in his waiting period; Bob's claim is not his to make, nor to make twice");
        Ok(())
    }

    /// A day without a deeper fall closes the incident.
    ///
    /// # Errors
    /// Where it stays open.
    pub async fn close(&mut self) -> Result<()> {
        let story = &mut *self.story;
        story.pass(DAY).await?;
        story.report_now().await?;
        let closed = story.expect_closed("close").await?;
        story.say(&format!("The incident is over\n  closed {}", utc(closed)));
        Ok(())
    }

    /// Carol gets her part of what is left.
    ///
    /// # Errors
    /// Where she gets more, or nothing.
    pub async fn leave(&mut self) -> Result<()> {
        self.story.leave().await
    }

    /// The covers run out.
    ///
    /// # Errors
    /// Where one stays in the books.
    pub async fn run_out(&mut self) -> Result<()> {
        let Some(bob) = &self.bob else { return Err(Story::missing("run out", "a policy")) };
        self.story.run_out("run out", bob).await
    }
}
