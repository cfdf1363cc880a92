//! `palisade quote` and `palisade buy`: what a cover costs, and one bought.

use clap::Args;
use ethers::types::{Address, U256};
use eyre::{Result, bail, eyre};
use serde_json::json;

use super::session::{Consent, Place, Session, more, subject};
use crate::{
    bindings::policy::PolicyBoughtFilter,
    deploy::plan::SUBJECT,
    report::{Table, percent, percent_bps, span, utc},
    story::event,
};

/// How long a purchase stays good after it was signed, in seconds.
pub(super) const PATIENCE: u64 = 600;

/// The cover that is meant.
#[derive(Debug, Args)]
struct Cover {
    /// How much cover, in the vault's asset, for example 10_000.
    amount: String,
    /// For how many days, after the waiting period.
    #[arg(long, default_value = "90", value_name = "DAYS")]
    days: f64,
    /// The product; the deployment's first one if not given.
    #[arg(long, value_name = "ID")]
    product: Option<u64>,
    /// What is covered: text, or 32 bytes in hexadecimal.
    #[arg(long, default_value = SUBJECT, value_parser = subject, value_name = "SUBJECT")]
    subject: [u8; 32],
}

/// What to quote.
#[derive(Debug, Args)]
pub(crate) struct QuoteOptions {
    #[command(flatten)]
    cover: Cover,
    /// One object for programs.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// What to buy.
#[derive(Debug, Args)]
pub(crate) struct BuyOptions {
    #[command(flatten)]
    cover: Cover,
    /// How many basis points more than quoted may be taken.
    #[arg(long, value_name = "BPS", default_value_t = 100, value_parser = clap::value_parser!(u16).range(0..=10_000))]
    slippage: u16,
    /// Who gets the certificate, if not the account that pays.
    #[arg(long, value_name = "ADDRESS")]
    to: Option<Address>,
    /// Who brought the buyer here: paid out of the treasury's share.
    #[arg(long, value_name = "ADDRESS")]
    referrer: Option<Address>,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    place: Place,
}

/// A price and what it is made of, as `IPolicy.quote` answers.
struct Price {
    product: U256,
    amount: U256,
    term: u64,
    premium: U256,
    parts: [(&'static str, U256); 4],
    rate: U256,
    before: U256,
    after: U256,
    ratio: U256,
    deductible: U256,
    waiting: U256,
    locked: U256,
}

impl Price {
    async fn of(session: &Session, cover: &Cover, insured: Address) -> Result<Self> {
        let product = cover.product.map_or(session.deployment.product, U256::from);
        let amount = session.asset_unit.parse(&cover.amount)?;
        let term = seconds(cover.days)?;
        let policy = session.deployment.policy(&session.client);
        let call = policy.quote(product, cover.subject, insured, [0; 32], amount, term.into());
        let (premium, net, pure, capital, load, rate, before, after, ratio, deductible, waiting, locked) =
            session.chain.read("quoting", call).await?;
        let parts = [
            ("for the losses expected", pure),
            ("for the capital that is locked", capital),
            ("for scarce capital", load),
            ("for treasury and jury", premium.saturating_sub(net)),
        ];
        Ok(Self { product, amount, term, premium, parts, rate, before, after, ratio, deductible, waiting, locked })
    }

    fn table(&self, session: &Session) -> Table {
        let unit = &session.asset_unit;
        let mut table = Table::new(&["quote", ">"]);
        table.row(["cover".to_owned(), unit.show(self.amount)]);
        table.row(["begins after".to_owned(), span(self.waiting.low_u64())]);
        table.row(["lasts".to_owned(), span(self.term)]);
        table.row(["premium".to_owned(), unit.show(self.premium)]);
        for (name, part) in self.parts {
            table.row([format!("  {name}"), unit.show(part)]);
        }
        table.row(["capital locked".to_owned(), unit.show(self.locked)]);
        table.row(["loss rate a year".to_owned(), percent(self.rate)]);
        table.row([
            "capacity used, before and after".to_owned(),
            format!("{} → {}", percent(self.before), percent(self.after)),
        ]);
        table.row(["of a loss is paid".to_owned(), percent_bps(self.ratio.low_u64())]);
        table.row(["deductible".to_owned(), percent_bps(self.deductible.low_u64())]);
        table
    }
}

/// Days as whole seconds.
pub(super) fn seconds(days: f64) -> Result<u64> {
    let seconds = days * 86_400.0;
    if !seconds.is_finite() || !(1.0..=1e12).contains(&seconds) {
        bail!("{days} days are no term");
    }
    Ok(seconds.round() as u64)
}

pub(crate) async fn quote(options: QuoteOptions) -> Result<()> {
    let session = Session::reader(&options.place).await?;
    let price = Price::of(&session, &options.cover, Address::zero()).await?;
    if options.json {
        let text = |value: U256| value.to_string();
        let out = json!({
            "product": text(price.product), "amount": text(price.amount), "term": price.term,
            "premium": text(price.premium), "purePremium": text(price.parts[0].1), "capitalCost": text(price.parts[1].1),
            "load": text(price.parts[2].1), "fees": text(price.parts[3].1), "rate": text(price.rate),
            "utilisationBefore": text(price.before), "utilisationAfter": text(price.after),
            "ratioBps": price.ratio.low_u64(), "deductibleBps": price.deductible.low_u64(),
            "waiting": price.waiting.low_u64(), "locked": text(price.locked),
        });
        println!("{}", serde_json::to_string_pretty(&out)?);
    } else {
        print!("{}", price.table(&session));
    }
    Ok(())
}

pub(crate) async fn buy(options: BuyOptions) -> Result<()> {
    let session = Session::signer(&options.place).await?;
    let (chain, me) = (&session.chain, session.me());
    let price = Price::of(&session, &options.cover, me).await?;
    let receiver = options.to.unwrap_or(me);
    let most = more(price.premium, options.slippage);
    eprint!("{}", price.table(&session));
    options.consent.ask(&format!(
        "{me:?} pays {}, at most {}\n{receiver:?} gets the certificate; {me:?} is insured",
        session.asset_unit.show(price.premium),
        session.asset_unit.show(most)
    ))?;
    let policy = session.deployment.policy(&session.client);
    session.provide(policy.address(), most).await?;
    let deadline = chain.now().await?.max(crate::chain::wall_clock()) + PATIENCE;
    let call = policy.buy(
        price.product,
        options.cover.subject,
        me,
        [0; 32],
        price.amount,
        price.term.into(),
        most,
        deadline.into(),
        receiver,
        options.referrer.unwrap_or_default(),
    );
    let receipt = chain.send("buying", &session.client, call).await?;
    let bought: Option<PolicyBoughtFilter> = event(&receipt, policy.address());
    let bought = bought.ok_or_else(|| eyre!("the purchase left no event in {:?}", receipt.transaction_hash))?;
    println!(
        "policy #{}: {} from {} to {} (UTC), for {}, in {:?}",
        bought.policy,
        session.asset_unit.show(bought.amount),
        utc(bought.start),
        utc(bought.end),
        session.asset_unit.show(bought.premium),
        receipt.transaction_hash
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_is_days_or_parts_of_them() {
        assert_eq!(seconds(90.0).unwrap(), 90 * 86_400);
        assert_eq!(seconds(0.5).unwrap(), 43_200);
        for days in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9] {
            assert!(seconds(days).is_err(), "{days}");
        }
    }
}
