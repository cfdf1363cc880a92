//! A feed says something else than the market: found against a second feed and the mean price of a Uniswap v3 pool.

use ethers::{
    abi::Token,
    types::{Address, Bytes, I256, U256},
};

use super::{Result, Sold, Story, lending::LATENT, money, uniswap::Market};
use crate::{
    bindings::{MockAggregator, oracle},
    chain::Client,
    claims::CONFIRMED,
    deploy::{
        covers::{ORACLE, Offer},
        plan::word,
        profile::usd,
    },
    report::{percent_bps, utc},
};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// How often the feeds are written and a sample is taken.
const STEP_TIME: u64 = 30 * MINUTE;

/// The subject's times: how long the feed must be wrong, what is averaged, how long it must be right again, the pool's mean.
const WRONG: u64 = 4 * HOUR;
const WINDOW: u64 = 4 * HOUR;
const RIGHT: u64 = 4 * HOUR;
const MEAN: u64 = HOUR;

/// For so long the feed errs.
const ERROR: u64 = 9 * HOUR;

/// What is no error, in basis points.
const DEVIATION: u16 = 200;

/// Prices in units of 1e-8: what is true, and what the feed says.
const TRUE: u64 = 200_000_000_000;
const FALSE: u64 = 159_010_000_000;

/// In the pool: dollars, and ether coins at the true price. Both have six decimals.
const DOLLARS: u64 = 100_000_000;
const ETHERS: u64 = 50_000;

/// Bob's cover.
const COVER: u64 = 400_000;

/// The story.
pub struct Oracle<'a> {
    story: &'a mut Story,
    market: Market,
    /// The covered feed and the second one.
    feeds: [MockAggregator<Client>; 2],
    /// Ether and dollar.
    coins: [Address; 2],
    bob: Option<Sold>,
}

/// Both feeds write a round.
async fn write(story: &Story, feeds: &[MockAggregator<Client>; 2], prices: [u64; 2]) -> Result<()> {
    let keeper = &story.cast.keeper;
    for (feed, price) in feeds.iter().zip(prices) {
        story.chain().send("feeding a price", keeper, feed.push(I256::from(price))).await?;
    }
    Ok(())
}

impl<'a> Oracle<'a> {
    /// Capital comes in, a market opens, and the DAO offers a cover of its feed.
    ///
    /// # Errors
    /// Where that fails.
    pub async fn open(story: &'a mut Story) -> Result<Self> {
        story.capital().await?;
        let keeper = story.cast.keeper.clone();
        let text = |text: &str| Token::String(text.into());
        let ether = story.place("StableCoin", &[text("Ether coin"), text("ETHC")]).await?;
        let dollar = story.place("StableCoin", &[text("Dollar"), text("USD")]).await?;
        let market = Market::open(story, [(ether, usd(ETHERS)), (dollar, usd(DOLLARS))], 200).await?;
        let mut feeds = Vec::new();
        for name in ["ETHC / USD", "ETHC / USD, another network's"] {
            let arguments = [Token::Uint(8.into()), text(name), Token::Int(U256::from(1_000_000))];
            feeds.push(MockAggregator::new(story.place("MockAggregator", &arguments).await?, keeper.clone()));
        }
        let feeds: [MockAggregator<Client>; 2] = feeds.try_into().map_err(|_| Story::missing("open", "two feeds"))?;
        let trigger = story.deployment.oracle(&keeper);
        let subject = word("oracle:ETHC/USD");
        let config = oracle::Subject {
            feed: feeds[0].address(),
            second_feed: feeds[1].address(),
            pool: market.pool.address(),
            inverted: market.tokens[0] == dollar,
            feed_heartbeat: 2 * HOUR as u32,
            second_heartbeat: 2 * HOUR as u32,
            twap: MEAN as u32,
            min_liquidity: 1_000_000_000_000,
            min_cardinality: 100,
            deviation_bps: DEVIATION,
            cap_bps: 5_000,
            duration: WRONG as u32,
            recovery: RIGHT as u32,
            window: WINDOW as u32,
            gap: HOUR as u32,
            asset_decimals: 6,
        };
        let cover = Offer {
            cover: ORACLE,
            subject,
            risk_key: word("oracle:ETHC/USD"),
            trigger: trigger.address(),
            register: trigger.register(subject, config).calldata().expect("a call has call data"),
        };
        // registered only while all three agree
        story
            .take_in("an oracle's error", &cover, async |story: &mut Story| write(story, &feeds, [TRUE; 2]).await)
            .await?;
        Ok(Self { story, market, feeds, coins: [ether, dollar], bob: None })
    }

    /// All steps.
    ///
    /// # Errors
    /// The first one that failed.
    pub async fn play(mut self) -> Result<()> {
        self.insure().await?;
        self.push_the_pool().await?;
        self.err().await?;
        self.report().await?;
        self.claim().await?;
        self.recover().await?;
        self.leave().await
    }

    /// For so long the feeds are written every half hour, and anyone has a sample taken.
    async fn run(&mut self, seconds: u64, feed: u64) -> Result<()> {
        let keeper = self.story.cast.keeper.clone();
        let trigger = self.story.deployment.oracle(&keeper);
        for _ in 0..seconds / STEP_TIME {
            self.story.pass(STEP_TIME).await?;
            write(self.story, &self.feeds, [feed, TRUE]).await?;
            let observe = trigger.observe(self.story.line.subject, Bytes::default());
            self.story.chain().send("observing", &keeper, observe).await?;
        }
        Ok(())
    }

    /// Bob insures what he has borrowed on the feed's word, and waits. Carol wants to leave.
    ///
    /// # Errors
    /// Where the cover is not sold.
    pub async fn insure(&mut self) -> Result<()> {
        const STEP: &str = "insure";
        self.story.say("A cover is bought");
        self.run(2 * STEP_TIME, TRUE).await?;
        let bob = self.story.cast.bob.clone();
        let sold = self.story.sell(STEP, &bob, usd(COVER), "the feed").await?;
        let start = self.story.record(sold.id).await?.start;
        (self.story.policy, self.story.entry) = (sold.id, sold.entry.clone());
        self.bob = Some(sold);
        self.story.until(start + 1).await?;
        self.run(2 * STEP_TIME, TRUE).await?;
        self.story.ask_to_leave().await
    }

    /// Frank pushes the pool's price by a quarter and holds it: one reference alone is evidence of nothing that is paid.
    ///
    /// # Errors
    /// Where that is paid, or stays.
    pub async fn push_the_pool(&mut self) -> Result<()> {
        const STEP: &str = "push the pool";
        let Some(bob) = self.bob.clone() else { return Err(Story::missing(STEP, "a policy")) };
        let frank = self.story.cast.frank.clone();
        let [ether, dollar] = self.coins;
        // the price goes with the square of what is there
        let paid = usd(DOLLARS / 8);
        let out = self.market.trade(self.story, &frank, dollar, paid).await?;
        self.run(MEAN + WRONG + 2 * STEP_TIME, TRUE).await?;
        let before = self.story.solvency().await?;
        let news = self.story.report_that(STEP, LATENT, 0).await?;
        let reserved = self.story.expect_reserved(STEP, &before, &[bob.id]).await?;
        let assessor = self.story.deployment.assessor(&bob.holder);
        let file = assessor.file(bob.id, news.number, bob.entry.clone(), Bytes::default());
        self.story.refused(STEP, &bob.holder, file, "ClaimInconclusive").await?;
        self.market.trade(self.story, &frank, ether, out).await?;
        self.run(MEAN + STEP_TIME, TRUE).await?;
        let over = self.story.report_now().await?;
        let solvency = self.story.solvency().await?;
        Story::expect(
            STEP,
            over.as_ref().is_some_and(|over| over.verdict == 1) && solvency.reserve.is_zero(),
            "nothing to be left of it",
            format!("{over:?}, reserve {}", solvency.reserve),
        )?;
        self.story.say(&format!(
            "Frank pushes the pool's price\n  the second feed does not agree: latent evidence; {} are reserved until it is over, nothing is paid",
            money(reserved)
        ));
        Ok(())
    }

    /// The feed tells a fifth too little for nine hours.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub async fn err(&mut self) -> Result<()> {
        self.run(STEP_TIME, TRUE).await?;
        self.story.say(&format!(
            "The feed errs\n  it says {:.2}, while a second feed and the market say {:.2}",
            FALSE as f64 / 1e8,
            TRUE as f64 / 1e8
        ));
        self.run(ERROR, FALSE).await
    }

    /// What is not whole: the smaller of the deviations from the second feed and from the pool's mean, beyond what is no
    /// error.
    async fn loss(&self) -> Result<u64> {
        let (_, tick, ..) = self.story.chain().read("reading the pool", self.market.pool.slot_0()).await?;
        let inverted = self.market.tokens[0] == self.coins[1];
        let market = 1.0001f64.powi(if inverted { -tick } else { tick });
        let truths = [TRUE as f64 / 1e8, market];
        let smaller = truths.map(|truth| (FALSE as f64 / 1e8 - truth).abs() / truth).into_iter().fold(1.0, f64::min);
        Ok((smaller * 10_000.0 - f64::from(DEVIATION)) as u64)
    }

    /// The incident is proven, with the loss that both references agree on.
    ///
    /// # Errors
    /// Where it is not what happened.
    pub async fn report(&mut self) -> Result<()> {
        const STEP: &str = "report";
        let Some(bob) = self.bob.clone() else { return Err(Story::missing(STEP, "a policy")) };
        self.story.say("The incident is proven on chain");
        let before = self.story.solvency().await?;
        let worst = self.loss().await?;
        let news = self.story.report_that(STEP, CONFIRMED, worst as u16).await?;
        let gas = self.story.gas();
        let reserved = self.story.expect_reserved(STEP, &before, &[bob.id]).await?;
        self.story.say(&format!(
            "  incident #{} opened {}, an error of {} beyond {}: the pool reserves {}  ({gas})",
            news.number,
            utc(news.opened_at),
            percent_bps(worst),
            percent_bps(DEVIATION.into()),
            money(reserved)
        ));
        Ok(())
    }

    /// Bob is paid.
    ///
    /// # Errors
    /// Where he is not, or not to the unit.
    pub async fn claim(&mut self) -> Result<()> {
        const STEP: &str = "claim";
        let worst = self.loss().await?;
        let Some(bob) = &self.bob else { return Err(Story::missing(STEP, "a policy")) };
        self.story.settle(STEP, bob, worst).await
    }

    /// The feed is right again, and the incident over.
    ///
    /// # Errors
    /// Where it stays open.
    pub async fn recover(&mut self) -> Result<()> {
        self.run(RIGHT + 2 * STEP_TIME, TRUE).await?;
        self.story.report_now().await?;
        let closed = self.story.expect_closed("recover").await?;
        self.story.say(&format!("The feed is right again\n  the incident closed {}", utc(closed)));
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
