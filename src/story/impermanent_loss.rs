//! A position in Uniswap v3 against holding what it was made of: no incident, only what its price is at the end of the term.

use ethers::{
    abi::{Token, encode},
    types::{Bytes, I256, U256},
};

use super::{
    Result, Sold, Story, event, money,
    uniswap::{Manager, Market},
};
use crate::{
    bindings::{
        IImpermanentLossTrigger, MockAggregator,
        assessor::{ClaimFiledFilter, ClaimSettledFilter},
        impermanent_loss::Subject,
    },
    chain::Client,
    deploy::{
        covers::{IMPERMANENT_LOSS, Offer},
        plan::word,
        profile::usd,
    },
    report::{percent_bps, utc},
};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// What the pool has of each coin, and at most Bob's position.
const POOL: u64 = 10_000_000;
const POSITION: u64 = 100_000;

/// Bob's cover.
const COVER: u64 = 100_000;

/// The ends of Bob's range: about a half and two.
const ENDS: [i32; 2] = [-6_960, 6_960];

/// What the other coin is worth at the end, in dollars; at the start it is one.
const PRICE: f64 = 2.0;

/// Of a trade, as the pool takes it.
const FEE: f64 = 0.003;

/// The story.
pub struct ImpermanentLoss<'a> {
    story: &'a mut Story,
    market: Market,
    /// The other coin in dollars.
    feed: MockAggregator<Client>,
    trigger: IImpermanentLossTrigger<Client>,
    /// Bob's NFT.
    token: U256,
    bob: Option<Sold>,
}

/// A round of the feed.
async fn write(story: &Story, feed: &MockAggregator<Client>, price: f64) -> Result<()> {
    let call = feed.push(I256::from((price * 1e8).round() as i128));
    story.chain().send("feeding a price", &story.cast.keeper, call).await?;
    Ok(())
}

/// What a position in Bob's range holds at a price, a unit of liquidity: of the other coin, and dollars.
fn holds(price: f64) -> [f64; 2] {
    let [lower, upper] = ENDS.map(|tick| 1.0001f64.powf(f64::from(tick) / 2.0));
    let root = price.sqrt().clamp(lower, upper);
    [1.0 / root - 1.0 / upper, root - lower]
}

/// What Bob's position loses against holding, less the fees that it earns: a part of its value at the purchase.
fn lost() -> f64 {
    let worth = |[other, dollars]: [f64; 2], price: f64| other * price + dollars;
    let at_first = holds(1.0);
    // the fee is taken of the dollars that moved the price
    let fees = (PRICE.sqrt() - 1.0) * FEE / (1.0 - FEE);
    (worth(at_first, PRICE) - worth(holds(PRICE), PRICE) - fees) / worth(at_first, 1.0)
}

impl<'a> ImpermanentLoss<'a> {
    /// Capital comes in, a market opens, and the DAO offers a cover of positions in it.
    ///
    /// # Errors
    /// Where that fails; [`super::Error::Package`] where Uniswap's packages are not installed.
    pub async fn open(story: &'a mut Story) -> Result<Self> {
        story.capital().await?;
        let keeper = story.cast.keeper.clone();
        let text = |text: &str| Token::String(text.into());
        let dollar = story.deployment.address("asset");
        let other = story.place("StableCoin", &[text("Another coin"), text("OTHER")]).await?;
        let market = Market::open(story, [(dollar, usd(POOL)), (other, usd(POOL))], 50).await?;
        let arguments = [Token::Uint(8.into()), text("OTHER / USDX"), Token::Int(U256::from(1))];
        let feed = MockAggregator::new(story.place("MockAggregator", &arguments).await?, keeper.clone());
        let trigger = story.deployment.impermanent_loss(&keeper);
        let subject = word("market:OTHER/USDX");
        let config = Subject {
            pool: market.pool.address(),
            venue: market.positions.address(),
            pair: false,
            quote: dollar,
            feed: feed.address(),
            heartbeat: 2 * DAY as u32,
            window: HOUR as u32,
            reach: HOUR as u32,
            min_liquidity: 1_000_000_000,
            min_cardinality: 10,
            deviation_bps: 100,
            range_factor_bps: 65_000,
            half_life: 30 * DAY as u32,
            variance_floor: 40_000_000_000_000_000,
            asset_decimals: 6,
        };
        let cover = Offer {
            cover: IMPERMANENT_LOSS,
            subject,
            risk_key: word("market:OTHER/USDX"),
            trigger: trigger.address(),
            register: trigger.register(subject, config).calldata().expect("a call has call data"),
        };
        // registered only while pool and feed agree
        story.take_in("impermanent loss", &cover, async |story: &mut Story| write(story, &feed, 1.0).await).await?;
        Ok(Self { story, market, feed, trigger, token: U256::zero(), bob: None })
    }

    /// All steps.
    ///
    /// # Errors
    /// The first one that failed.
    pub async fn play(mut self) -> Result<()> {
        self.insure().await?;
        self.start().await?;
        self.drift().await?;
        self.refuse().await?;
        self.end().await?;
        self.claim().await?;
        self.withdraw().await?;
        self.leave().await
    }

    /// Bob makes a position, hands it to the trigger for as long as it is insured, and insures a part of it.
    ///
    /// # Errors
    /// Where the cover is not sold.
    pub async fn insure(&mut self) -> Result<()> {
        const STEP: &str = "insure";
        let story = &mut *self.story;
        let bob = story.cast.bob.clone();
        self.token = self.market.provide(story, &bob, ENDS, [usd(POSITION); 2]).await?;
        let positions = Manager::new(self.market.positions.address(), bob.clone());
        let trigger = IImpermanentLossTrigger::new(self.trigger.address(), bob.clone());
        story.chain().send("approving", &bob, positions.approve(trigger.address(), self.token)).await?;
        story.act("deposit a position", &bob, trigger.deposit(story.line.subject, self.token)).await?;
        let keeper = story.chain().read("reading the owner", positions.owner_of(self.token)).await?;
        Story::expect(STEP, keeper == trigger.address(), "the trigger to keep the position", format!("{keeper:?}"))?;
        story.line.position[31] = 1;
        story.say("A position is insured");
        write(story, &self.feed, 1.0).await?;
        // what the cover costs follows from the variance that the trigger tells
        let policy = story.deployment.policy(&bob);
        let tell = policy.observe_variance(story.line.product, story.line.subject);
        story.act("observe the variance", &bob, tell).await?;
        let sold = story.sell(STEP, &bob, usd(COVER), "his position").await?;
        (story.policy, story.entry) = (sold.id, sold.entry.clone());
        self.bob = Some(sold);
        Ok(())
    }

    /// Anyone stores the price of a moment, by the feed's latest round.
    async fn store(&mut self, at: u64) -> Result<()> {
        const STEP: &str = "store a price";
        let story = &mut *self.story;
        let keeper = story.cast.keeper.clone();
        let moment = encode(&[Token::Uint(at.into()), Token::Uint(U256::zero())]);
        story.act(STEP, &keeper, self.trigger.observe(story.line.subject, moment.into())).await?;
        let price = story.chain().read("reading a price", self.trigger.price_at(story.line.subject, at)).await?;
        Story::expect(STEP, !price.0.is_zero() && !price.1.is_zero(), "prices of pool and feed", format!("{price:?}"))
    }

    async fn times(&self) -> Result<(u64, u64)> {
        let Some(bob) = &self.bob else { return Err(Story::missing("term", "a policy")) };
        let record = self.story.record(bob.id).await?;
        Ok((record.start, record.end))
    }

    /// The cover begins: the price of that moment is stored.
    ///
    /// # Errors
    /// Where it is not.
    pub async fn start(&mut self) -> Result<()> {
        let (start, _) = self.times().await?;
        self.story.until(start - 60).await?;
        write(self.story, &self.feed, 1.0).await?;
        self.story.until(start + 1).await?;
        self.store(start).await?;
        self.story.say(&format!(
            "The cover begins\n  anyone stores the price of {}  ({})",
            utc(start),
            self.story.gas()
        ));
        Ok(())
    }

    /// The price doubles.
    ///
    /// # Errors
    /// Where it cannot be traded.
    pub async fn drift(&mut self) -> Result<()> {
        self.story.pass(10 * DAY).await?;
        let dollar = self.story.deployment.address("asset");
        // token 0 in token 1
        let price = if self.market.tokens[1] == dollar { PRICE } else { 1.0 / PRICE };
        let frank = self.story.cast.frank.clone();
        let most = usd(10 * POOL);
        self.market.trade_until(self.story, &frank, dollar, most, Some(price)).await?;
        write(self.story, &self.feed, PRICE).await?;
        self.story.say(&format!("The price drifts\n  the other coin is traded up to {PRICE} USDX"));
        Ok(())
    }

    /// Nothing is paid before the term is over, whatever the price is meanwhile, and nothing to anybody else.
    ///
    /// # Errors
    /// Where something is.
    pub async fn refuse(&mut self) -> Result<()> {
        const STEP: &str = "refuse";
        let Some(bob) = &self.bob else { return Err(Story::missing(STEP, "a policy")) };
        let frank = self.story.cast.frank.clone();
        let none = U256::zero();
        let assessor = self.story.deployment.assessor(&bob.holder);
        let early = assessor.file(bob.id, none, bob.entry.clone(), Bytes::default());
        self.story.refused(STEP, &bob.holder, early, "ClaimNotMet").await?;
        let stolen = self.story.deployment.assessor(&frank).file(bob.id, none, bob.entry.clone(), Bytes::default());
        self.story.refused(STEP, &frank, stolen, "NotHolder").await?;
        self.story.say("Bob files too early\n  refused: what counts is the price at the end");
        Ok(())
    }

    /// Carol sees it coming, and asks to leave; the term is over before she can, and the price of its end is stored.
    ///
    /// # Errors
    /// Where it is not.
    pub async fn end(&mut self) -> Result<()> {
        let (_, end) = self.times().await?;
        self.story.until(end - DAY).await?;
        self.story.ask_to_leave().await?;
        self.story.until(end - 60).await?;
        write(self.story, &self.feed, PRICE).await?;
        self.story.until(end + 1).await?;
        self.store(end).await?;
        self.story.say(&format!("The term is over\n  anyone stores the price of {}  ({})", utc(end), self.story.gas()));
        Ok(())
    }

    /// Bob is paid what his position lost against holding, as the closed form says.
    ///
    /// # Errors
    /// Where he is not, or is twice.
    pub async fn claim(&mut self) -> Result<()> {
        const STEP: &str = "claim";
        let Some(bob) = self.bob.clone() else { return Err(Story::missing(STEP, "a policy")) };
        let story = &mut *self.story;
        let before = story.coins(bob.holder.address()).await?;
        let pool = story.solvency().await?;
        let assessor = story.deployment.assessor(&bob.holder);
        let file = || assessor.file(bob.id, U256::zero(), bob.entry.clone(), Bytes::default());
        let receipt = story.act("file", &bob.holder, file()).await?;
        let gas = story.gas();
        let loss = event::<ClaimFiledFilter>(&receipt, assessor.address()).map_or(0, |filed| filed.loss_bps);
        let expected = lost() * 10_000.0;
        Story::expect(
            STEP,
            (f64::from(loss) - expected).abs() < 4.0,
            format!("a loss of {expected:.1} bps"),
            loss.to_string(),
        )?;
        let settled: Option<ClaimSettledFilter> = event(&receipt, assessor.address());
        let Some(settled) = settled else { return Err(Story::missing(STEP, "a ClaimSettled event")) };
        let received = story.expect_paid(STEP, &bob, loss.into(), before, &pool, &settled).await?;
        story.say(&format!(
            "Bob files his claim: verified and paid in one transaction\n  {} to Bob, for a loss of {} against holding, net of fees  ({gas})",
            money(received),
            percent_bps(loss.into())
        ));
        story.refused("file again", &bob.holder, file(), "NothingToPay").await
    }

    /// Bob takes his position back.
    ///
    /// # Errors
    /// Where he does not get it.
    pub async fn withdraw(&mut self) -> Result<()> {
        const STEP: &str = "withdraw";
        let story = &mut *self.story;
        let bob = story.cast.bob.clone();
        let trigger = IImpermanentLossTrigger::new(self.trigger.address(), bob.clone());
        story.act("withdraw a position", &bob, trigger.withdraw(U256::one(), bob.address())).await?;
        let owner = story.chain().read("reading the owner", self.market.positions.owner_of(self.token)).await?;
        Story::expect(STEP, owner == bob.address(), "Bob's position to be his", format!("{owner:?}"))?;
        story.say("Bob takes his position back");
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
