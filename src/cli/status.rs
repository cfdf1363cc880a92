//! `palisade status`: what a careful buyer or underwriter wants to see.

use clap::Args;
use ethers::types::{Address, U256};
use eyre::Result;
use serde_json::json;

use super::session::{Place, Session};
use crate::{
    bindings::{distribution::Report, vault::Solvency},
    chain,
    report::{Table, amount, percent, percent_bps, span},
};

/// What to show.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// One object for programs.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn run(options: Options) -> Result<()> {
    let session = Session::reader(&options.place).await?;
    let Session { chain, deployment, client: reader, asset_unit: unit, .. } = &session;
    let solvency = chain.read("reading the solvency", deployment.vault(reader).solvency()).await?;
    let policy = deployment.policy(reader);
    let risk = deployment.risk(reader);
    let product = deployment.product;
    let terms = chain.read("reading the product", risk.terms(product)).await?;
    let limits = &terms.limits;
    let sample = unit.parse("100_000")?;
    let term = limits.max_term.min(90 * 86_400).max(limits.min_term);
    let quote = policy.quote(product, deployment.subject(), Address::zero(), [0; 32], sample, term.into());
    let quote = chain.read("quoting", quote).await;
    let year = losses_of_a_year(&session, solvency.capital).await;
    if options.json {
        let year = year.as_ref().ok();
        let quote =
            quote.ok().map(|quote| json!({"amount": sample.to_string(), "term": term, "premium": quote.0.to_string()}));
        let out = json!({"solvency": solvency, "product": product.as_u64(), "quote": quote, "year": year});
        println!("{}", serde_json::to_string_pretty(&out)?);
        return Ok(());
    }
    print!("{}", solvency_table(&solvency, unit.decimals));
    match &year {
        Ok(report) => print!("\n{}", year_table(report, unit.decimals)),
        Err(error) => println!("\nno distribution of a year's losses: {error}"),
    }
    let mut table = Table::new(&["product", "covers", ">waiting", ">grace", ">deductible", "price of 100,000"]);
    let price = match quote {
        Ok(quote) => format!(
            "{} for {} (loss rate {}, pays {})",
            amount(quote.0, unit.decimals, 2),
            span(term.into()),
            percent(quote.5),
            percent_bps(quote.8.as_u64())
        ),
        // the arguments are in `quote`'s answer for whoever needs them; here the error's name is enough
        Err(chain::Error::Reverted { reason, .. }) => {
            format!("not on sale: {}", reason.split('(').next().unwrap_or_default())
        }
        Err(error) => return Err(error.into()),
    };
    table.row([
        format!("#{product}"),
        crate::deploy::plan::SUBJECT.into(),
        span(limits.waiting.into()),
        span(limits.grace.into()),
        percent_bps(limits.deductible_bps.into()),
        price,
    ]);
    print!("\n{table}");
    Ok(())
}

/// The level of value at risk and expected shortfall: 99.5 %, the failure of one year in two hundred.
const LEVEL: u16 = 9_950;

/// What the vault may lose in a year, with `capital` to pay it from, where a failure takes all cover on its risk key.
async fn losses_of_a_year(session: &Session, capital: U256) -> Result<Report, chain::Error> {
    let Session { chain, deployment, client: reader, .. } = session;
    let (products, subjects) = (vec![deployment.product], vec![deployment.subject()]);
    let vault = deployment.address("vault");
    let report = deployment.distribution(reader).report(vault, products, subjects, 512.into(), LEVEL, 10_000, capital);
    chain.read("reading the distribution of losses", report).await
}

/// A year's losses as a table, amounts in an asset of so many decimals.
fn year_table(report: &Report, decimals: u32) -> Table {
    let mut table = Table::new(&["losses of a year", ">"]);
    let rows = [
        ("expected".to_owned(), report.mean),
        (format!("value at risk, {}", percent_bps(LEVEL.into())), report.value_at_risk),
        (format!("expected shortfall, {}", percent_bps(LEVEL.into())), report.expected_shortfall),
        ("if everything fails".to_owned(), report.largest),
    ];
    for (name, value) in rows {
        table.row([name, amount(value, decimals, 2)]);
    }
    table.row(["probability of more than the capital".to_owned(), percent(report.ruin)]);
    table
}

/// The ability to pay as a table, amounts in an asset of so many decimals.
pub(crate) fn solvency_table(solvency: &Solvency, decimals: u32) -> Table {
    let mut table = Table::new(&["ability to pay", ">"]);
    let rows = [
        ("assets that can pay claims", solvency.assets),
        ("cash", solvency.cash),
        ("invested", solvency.invested),
        ("premiums not yet earned", solvency.unearned),
        ("redemptions served, not yet taken", solvency.served),
        ("payouts not yet taken", solvency.payables),
        ("confirmed claims owed", solvency.owed),
        ("income that is still released", solvency.stream),
        ("reserve for open incidents", solvency.reserve),
        ("cover in force", solvency.active_cover),
        ("capital", solvency.capital),
        ("minimum capital", solvency.minimum_capital),
        ("target capital", solvency.target_capital),
    ];
    for (name, value) in rows {
        table.row([name.to_owned(), amount(value, decimals, 2)]);
    }
    let coverage =
        if solvency.coverage_bps.bits() > 32 { "—".into() } else { percent_bps(solvency.coverage_bps.as_u64()) };
    table.row(["capital ÷ minimum capital".to_owned(), coverage]);
    // RAY for one smallest unit of share, of which there are a million for one of the asset
    let price = |ray: U256| amount(ray / U256::exp10(15), 6, 6);
    table.row(["price to enter".to_owned(), price(solvency.entry_price)]);
    table.row(["price to leave".to_owned(), price(solvency.exit_price)]);
    table.row(["open for business".to_owned(), if solvency.closed { "no" } else { "yes" }.to_owned()]);
    table
}
