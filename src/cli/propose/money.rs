//! Templates about money: the treasury's, the rewards', and a vault's that works elsewhere.

use clap::{Args, Subcommand};
use ethers::types::{Address, U256};
use eyre::{Result, bail};

use super::{
    super::session::{Session, Unit, subject},
    Draft,
    units::{Coin, Pool, duration, percent},
};
use crate::{
    bindings::{IAllocator, IRewards, ITreasury, IVault, allocator::StrategyInfo},
    chain::Client,
    interface::show_word,
    report::{percent_bps, span},
};

/// Most strategies of a vault.
const MOST_STRATEGIES: usize = 8;

/// Seconds of a day, in which a pace is told.
const DAY: u64 = 86_400;

/// A payment.
#[derive(Debug, Args)]
pub(super) struct Pay {
    /// Who gets it.
    to: Address,
    /// How much, in whole units.
    amount: String,
    /// Of what: PALI, asset, ether, or a token's address.
    #[arg(long, default_value = "asset", value_name = "TOKEN")]
    token: String,
}

fn treasury_of(session: &Session) -> Result<ITreasury<Client>> {
    Ok(ITreasury::new(session.contract("treasury")?, session.client.clone()))
}

fn rewards_of(session: &Session) -> Result<IRewards<Client>> {
    Ok(IRewards::new(session.contract("rewards")?, session.client.clone()))
}

/// Fails where the budget of a period, at its execution, does not allow a payment.
async fn within_budget(session: &Session, treasury: &ITreasury<Client>, coin: &Coin, amount: U256) -> Result<()> {
    let budget = session.chain.read("reading the budget", treasury.budget_of(coin.address)).await?;
    let most = budget.0.max(budget.1);
    if amount > most {
        bail!(
            "the treasury's budget is {} a period, and {} would be paid: `palisade propose budget` changes it",
            coin.unit.show(most),
            coin.unit.show(amount)
        );
    }
    Ok(())
}

/// Adds what the treasury has of a coin and may still pay of it.
fn with_treasury(mut draft: Draft, session: &Session, treasury: &ITreasury<Client>, coin: &Coin) -> Draft {
    if let Some(token) = coin.contract(session) {
        draft = draft.shows("the treasury has", &token.balance_of(treasury.address()), coin.shown());
    }
    let show = coin.shown();
    draft.shows("left of the budget", &treasury.budget_of(coin.address), move |(_, _, _, left)| show(left))
}

impl Pay {
    pub(super) async fn draft(&self, session: &Session) -> Result<Draft> {
        let treasury = treasury_of(session)?;
        let coin = Coin::find(session, &self.token).await?;
        let amount = coin.unit.parse(&self.amount)?;
        if self.to.is_zero() {
            bail!("nothing is paid to the zero address");
        }
        within_budget(session, &treasury, &coin, amount).await?;
        let draft = Draft::new(format!("Pay {} to {:?}", coin.unit.show(amount), self.to))
            .call(&treasury.pay(coin.address, self.to, amount))
            .at_execution();
        let mut draft = with_treasury(draft, session, &treasury, &coin);
        if let Some(token) = coin.contract(session) {
            draft = draft.shows("who is paid has", &token.balance_of(self.to), coin.shown());
        }
        Ok(draft)
    }
}

/// A budget.
#[derive(Debug, Args)]
pub(super) struct Budget {
    /// How much may leave in a period, in whole units; 0 for nothing.
    amount: String,
    /// Of what: PALI, asset, ether, or a token's address.
    #[arg(long, default_value = "asset", value_name = "TOKEN")]
    token: String,
}

impl Budget {
    pub(super) async fn draft(&self, session: &Session) -> Result<Draft> {
        let treasury = treasury_of(session)?;
        let coin = Coin::find(session, &self.token).await?;
        let amount = coin.unit.parse_or_zero(&self.amount)?;
        let period = session.chain.read("reading the period", treasury.period_seconds()).await?;
        let title = format!("Let the treasury pay at most {} in {}", coin.unit.show(amount), span(period));
        let (this, next) = (coin.shown(), coin.shown());
        Ok(Draft::new(title)
            .call(&treasury.set_budget(coin.address, amount))
            .at_execution()
            .shows("budget of the period", &treasury.budget_of(coin.address), move |budget| this(budget.0))
            .shows("budget from the next one on", &treasury.budget_of(coin.address), move |budget| next(budget.1)))
    }
}

/// Funds for the rewards.
#[derive(Debug, Args)]
pub(super) struct Fund {
    /// How much, in whole units.
    amount: String,
    /// Of what: PALI for emission, another token for rebates.
    #[arg(long, default_value = "PALI", value_name = "TOKEN")]
    token: String,
}

impl Fund {
    pub(super) async fn draft(&self, session: &Session) -> Result<Draft> {
        let (treasury, rewards) = (treasury_of(session)?, rewards_of(session)?);
        let coin = Coin::find(session, &self.token).await?;
        let Some(token) = coin.contract(session) else { bail!("the rewards take tokens, not ether") };
        let amount = coin.unit.parse(&self.amount)?;
        within_budget(session, &treasury, &coin, amount).await?;
        let draft = Draft::new(format!("Fund the rewards with {}", coin.unit.show(amount)))
            .call(&treasury.pay(coin.address, rewards.address(), amount))
            .call(&rewards.fund(coin.address))
            .at_execution()
            .shows("the rewards hold", &token.balance_of(rewards.address()), coin.shown())
            .shows("of it free for emission", &rewards.emission(), |(_, _, _, free)| Unit::pali().show(free));
        Ok(with_treasury(draft, session, &treasury, &coin))
    }
}

/// A pace of rewards.
#[derive(Debug, Args)]
pub(super) struct Emission {
    /// How much PALI a day at most; 0 for none.
    amount: String,
}

impl Emission {
    pub(super) async fn draft(&self, session: &Session) -> Result<Draft> {
        let rewards = rewards_of(session)?;
        let unit = Unit::pali();
        let a_day = unit.parse_or_zero(&self.amount)?;
        let a_second = a_day / DAY;
        if a_second.bits() > 128 || (a_second.is_zero() && !a_day.is_zero()) {
            bail!("{} a day is no pace: it is kept in a second's part", unit.show(a_day));
        }
        let daily = |a_second: U256| Unit::pali().show(a_second.saturating_mul(DAY.into()));
        Ok(Draft::new(format!("Emit at most {} a day to who stakes shares", unit.show(a_day)))
            .call(&rewards.set_emission(a_second.as_u128()))
            .shows("at most, a day", &rewards.emission(), move |(_, most, ..)| daily(most.into()))
            .shows("by the curve now, a day", &rewards.emission(), move |(a_second, ..)| daily(a_second)))
    }
}

/// A loyalty share.
#[derive(Debug, Args)]
pub(super) struct Loyalty {
    /// What of the premium comes back, in percent; 0 for nothing.
    #[arg(value_name = "PERCENT", value_parser = percent)]
    share: u16,
    /// After how long without a claim, such as 365d.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    after: u64,
}

impl Loyalty {
    pub(super) async fn draft(&self, session: &Session) -> Result<Draft> {
        let rewards = rewards_of(session)?;
        let Self { share, after } = *self;
        let title =
            format!("Give {} of premiums back after {} without a claim", percent_bps(share.into()), span(after));
        Ok(Draft::new(title)
            .call(&rewards.set_loyalty(share, after))
            .shows("loyalty share", &rewards.loyalty(), |(share, _)| percent_bps(share.into()))
            .shows("after", &rewards.loyalty(), |(_, after)| span(after)))
    }
}

/// Where a vault's spare money may work.
#[derive(Debug, Args)]
pub(super) struct StrategyOptions {
    #[command(subcommand)]
    what: Strategy,
    #[command(flatten)]
    pool: Pool,
}

#[derive(Debug, Subcommand)]
enum Strategy {
    /// Allow a strategy: an ERC-4626 vault of the same asset.
    Add {
        strategy: Address,
        /// The most that may be booked there, in whole units of the asset.
        #[arg(long, value_name = "AMOUNT")]
        cap: String,
        /// What it fails with.
        #[arg(long, value_name = "TEXT", value_parser = subject)]
        risk_key: [u8; 32],
    },
    /// Change the most that may be booked in a strategy.
    Cap {
        strategy: Address,
        /// In whole units of the asset; 0 for nothing more.
        cap: String,
    },
    /// Take all out of a strategy, and forget it.
    Remove {
        strategy: Address,
        /// Write off what does not come.
        #[arg(long)]
        write_off: bool,
    },
    /// Set the order in which money comes back from strategies.
    Queue {
        /// Every strategy, once.
        #[arg(required = true)]
        strategies: Vec<Address>,
    },
}

/// A strategy that is in a list.
fn find(strategies: &[StrategyInfo], strategy: Address) -> Option<&StrategyInfo> {
    strategies.iter().find(|info| info.strategy == strategy)
}

/// A strategy that must be in a list.
fn known(strategies: &[StrategyInfo], strategy: Address) -> Result<&StrategyInfo> {
    let known: Vec<_> = strategies.iter().map(|info| format!("{:?}", info.strategy)).collect();
    let there = if known.is_empty() { "there is none".into() } else { format!("there are {}", known.join(", ")) };
    find(strategies, strategy).ok_or_else(|| eyre::eyre!("{strategy:?} is none of the strategies: {there}"))
}

impl StrategyOptions {
    pub(super) async fn draft(&self, session: &Session) -> Result<Draft> {
        let allocator = IAllocator::new(self.pool.contract(session, "allocator")?, session.client.clone());
        let there = session.chain.read("reading the strategies", allocator.strategies()).await?;
        let (unit, of) = (&session.asset_unit, self.pool.name());
        let shown = {
            let unit = unit.clone();
            move |strategy: Address, what: fn(&StrategyInfo) -> U256| {
                let unit = unit.clone();
                move |all: Vec<StrategyInfo>| find(&all, strategy).map_or("—".into(), |info| unit.show(what(info)))
            }
        };
        let list = |all: Vec<StrategyInfo>| {
            let each: Vec<_> = all.iter().map(|info| format!("{:?}", info.strategy)).collect();
            if each.is_empty() { "none".into() } else { each.join(", ") }
        };
        let view = allocator.strategies();
        Ok(match &self.what {
            Strategy::Add { strategy, cap, risk_key } => {
                let cap = unit.parse(cap)?;
                if find(&there, *strategy).is_some() {
                    bail!("{strategy:?} is a strategy of {of} already");
                }
                if there.len() >= MOST_STRATEGIES {
                    bail!("{of} has {MOST_STRATEGIES} strategies, and may have no more: remove one first");
                }
                let key = show_word(*risk_key);
                Draft::new(format!("Allow {of} to put up to {} into {strategy:?} (fails with {key})", unit.show(cap)))
                    .call(&allocator.add_strategy(*strategy, cap, *risk_key))
                    .shows("strategies", &view, list)
                    .shows("its cap", &view, shown(*strategy, |info| info.cap))
            }
            Strategy::Cap { strategy, cap } => {
                let cap = unit.parse_or_zero(cap)?;
                known(&there, *strategy)?;
                Draft::new(format!("Allow {of} to put up to {} into {strategy:?}", unit.show(cap)))
                    .call(&allocator.set_cap(*strategy, cap))
                    .shows("its cap", &view, shown(*strategy, |info| info.cap))
            }
            Strategy::Remove { strategy, write_off } => {
                let info = known(&there, *strategy)?;
                let lost = if *write_off { ", and write off what does not come" } else { "" };
                let title = format!("Take {} out of {strategy:?} and forget it{lost}", unit.show(info.book));
                let idle = unit.clone();
                Draft::new(title)
                    .call(&allocator.remove_strategy(*strategy, *write_off))
                    .shows("strategies", &view, list)
                    .shows("waits for the vault", &allocator.idle(), move |value| idle.show(value))
            }
            Strategy::Queue { strategies } => {
                for strategy in strategies {
                    known(&there, *strategy)?;
                }
                let mut distinct = strategies.clone();
                distinct.sort_unstable();
                distinct.dedup();
                if distinct.len() != there.len() || strategies.len() != there.len() {
                    bail!("the queue names each of the {} strategies of {of} once", there.len());
                }
                Draft::new(format!("Set the order in which money comes back from the strategies of {of}"))
                    .call(&allocator.set_queue(strategies.clone()))
                    .shows("queue", &view, list)
            }
        })
    }
}

/// Money that goes to work.
#[derive(Debug, Args)]
pub(super) struct Invest {
    /// The strategy.
    strategy: Address,
    /// How much, in whole units of the asset.
    amount: String,
    #[command(flatten)]
    pool: Pool,
}

impl Invest {
    pub(super) async fn draft(&self, session: &Session) -> Result<Draft> {
        let client = &session.client;
        let vault = IVault::new(self.pool.contract(session, "vault")?, client.clone());
        let allocator = IAllocator::new(self.pool.contract(session, "allocator")?, client.clone());
        let unit = &session.asset_unit;
        let amount = unit.parse(&self.amount)?;
        let strategies = session.chain.read("reading the strategies", allocator.strategies()).await?;
        let info = known(&strategies, self.strategy)?;
        if info.book.saturating_add(amount) > info.cap {
            bail!(
                "{:?} may hold {} and holds {}: {} is too much",
                self.strategy,
                unit.show(info.cap),
                unit.show(info.book),
                unit.show(amount)
            );
        }
        let (book, cash, invested, strategy) = (unit.clone(), unit.clone(), unit.clone(), self.strategy);
        Ok(Draft::new(format!("Put {} of {} into {strategy:?}", unit.show(amount), self.pool.name()))
            .call(&vault.invest(strategy, amount))
            .shows("booked there", &allocator.strategies(), move |all| {
                find(&all, strategy).map_or("—".into(), |info| book.show(info.book))
            })
            .shows("cash", &vault.solvency(), move |solvency| cash.show(solvency.cash))
            .shows("invested", &vault.solvency(), move |solvency| invested.show(solvency.invested)))
    }
}
