//! Templates about cover: products, subjects, premiums, claims.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use ethers::{
    abi::Token,
    types::{Address, Bytes, U256},
};
use eyre::{Result, WrapErr, bail, eyre};
use serde_json::Value;

use super::{
    super::session::{Session, subject},
    Draft,
    units::{Pool, percent},
};
use crate::{
    bindings::{IRisk, risk::Product as ProductOf},
    chain::Client,
    claims,
    dao::{Action, simulation::Reading},
    deploy::{
        covers::{BRIDGE, DEFAULT, EXPLOIT, IMPERMANENT_LOSS, ORACLE},
        offer_vault,
        plan::DEPEG,
        profile::BPS,
    },
    interface::{Function, Interface, Parameter, show_word},
    report::percent_bps,
};

/// Treasury and jury get at most this much of a premium, in basis points.
const MOST_SHARES: u64 = BPS / 2;

/// Most that is kept of a refund, in basis points.
const MOST_SHORT_RATE: u16 = 2_000;

/// The least bond is at most so many whole units of the asset.
const MOST_BOND: u64 = 10_000;

/// `IRisk.Status`.
const ON_SALE: u8 = 1;

/// A status, as `IRisk.Status` counts them, in words.
fn status_name(status: u8) -> String {
    let name = ["not on sale yet", "on sale", "sunset", "retired"].get(usize::from(status));
    name.map_or_else(|| format!("status {status}"), |name| (*name).to_owned())
}

/// The one function of an interface that has this name.
fn function(interface: &str, name: &str) -> &'static Function {
    let found = Interface::named(interface).and_then(|interface| interface.functions(name).next());
    found.unwrap_or_else(|| panic!("{interface} has {name}"))
}

/// A file's JSON.
fn read(path: &Path) -> Result<Value> {
    let name = path.display();
    let text = std::fs::read_to_string(path).wrap_err_with(|| name.to_string())?;
    serde_json::from_str(&text).wrap_err_with(|| format!("{name} is no JSON"))
}

/// The values of `over` in place of those in `value`, field by field.
fn overlay(value: &mut Value, over: &Value) {
    match (value, over) {
        (Value::Object(fields), Value::Object(over)) => {
            for (name, over) in over {
                overlay(fields.entry(name.clone()).or_insert(Value::Null), over);
            }
        }
        (value, over) => value.clone_from(over),
    }
}

/// The fields in which two values differ, by dotted names.
fn differences(one: &Value, other: &Value, name: &str, out: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(fields), Value::Object(others)) => {
            for (field, value) in fields {
                let name = if name.is_empty() { field.clone() } else { format!("{name}.{field}") };
                differences(value, &others[field], &name, out);
            }
        }
        (one, other) if one != other => out.push(name.into()),
        _ => {}
    }
}

/// A field by its dotted name, as text.
fn field(value: &Value, name: &str) -> Option<String> {
    let found = name.split('.').try_fold(value, |value, field| value.get(field))?;
    Some(found.as_str().map_or_else(|| found.to_string(), Into::into))
}

/// What a cover is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Cover {
    Exploit,
    ImpermanentLoss,
    Default,
    Oracle,
    Bridge,
    Depeg,
}

impl Cover {
    const fn number(self) -> u8 {
        match self {
            Self::Exploit => EXPLOIT,
            Self::ImpermanentLoss => IMPERMANENT_LOSS,
            Self::Default => DEFAULT,
            Self::Oracle => ORACLE,
            Self::Bridge => BRIDGE,
            Self::Depeg => DEPEG,
        }
    }
}

/// A product's number, or a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    New,
    Number(u64),
}

fn which(text: &str) -> Result<Which, String> {
    match text {
        "new" => Ok(Which::New),
        number => number.parse().map(Which::Number).map_err(|_| "give a product's number, or `new`".to_owned()),
    }
}

/// Terms of a product.
#[derive(Debug, Args)]
pub(super) struct Product {
    /// The number of the product to revise, or `new`.
    #[arg(value_name = "NUMBER|new", value_parser = which)]
    which: Which,
    /// Print the terms in force, as the file of terms has them, and propose nothing.
    #[arg(long, conflicts_with = "terms")]
    pub(super) show: bool,
    /// A JSON file of the terms: all fields, or those that differ from the ones in force.
    #[arg(long, value_name = "FILE", required_unless_present = "show")]
    terms: Option<PathBuf>,
    /// A new product's terms are those of this one, but for the file.
    #[arg(long, value_name = "NUMBER")]
    like: Option<u64>,
    /// A new product's trigger: its address or name.
    #[arg(long, value_name = "CONTRACT")]
    trigger: Option<String>,
    /// What a new product covers.
    #[arg(long, value_name = "TYPE")]
    cover: Option<Cover>,
    /// List this subject with a new product, and put it on sale.
    #[arg(long, value_name = "TEXT", value_parser = subject, requires = "risk_key")]
    subject: Option<[u8; 32]>,
    /// What the subject fails with.
    #[arg(long, value_name = "TEXT", value_parser = subject, requires = "subject")]
    risk_key: Option<[u8; 32]>,
    /// Where the wording is whose hash the terms have.
    #[arg(long, value_name = "URI")]
    wording: Option<String>,
    /// Only add the version: list nothing with it, and do not put it on sale.
    #[arg(long)]
    unlisted: bool,
    #[command(flatten)]
    pool: Pool,
}

/// A product that there is.
async fn product_of(session: &Session, risk: &IRisk<Client>, number: u64) -> Result<ProductOf> {
    let count = session.chain.read("counting the products", risk.product_count()).await?;
    if number == 0 || U256::from(number) > count {
        bail!("there is no product #{number}: they are numbered from 1 to {count}");
    }
    Ok(session.chain.read("reading the product", risk.product(number.into())).await?)
}

/// The call that reads a version's terms.
fn terms_of(version: U256) -> Bytes {
    function("IRisk", "terms").encode(&[Token::Uint(version)]).into()
}

/// A version's terms as JSON.
fn terms_json(answer: &[u8]) -> Option<Value> {
    function("IRisk", "terms").first_answer(answer).map(|(parameter, token)| parameter.json(&token))
}

impl Product {
    /// The terms in force.
    pub(super) async fn present(&self, session: &Session) -> Result<String> {
        let risk = session.deployment.risk(&session.client);
        let number = match (self.which, self.like) {
            (Which::Number(number), _) | (Which::New, Some(number)) => number,
            (Which::New, None) => bail!("give the number of a product, or --like one"),
        };
        let product = product_of(session, &risk, number).await?;
        Ok(serde_json::to_string_pretty(&in_force(session, &risk, product.latest).await?)?)
    }

    pub(super) async fn draft(&self, session: &Session) -> Result<Draft> {
        let risk = session.deployment.risk(&session.client);
        let path = self.terms.as_ref().ok_or_else(|| eyre!("give a file of --terms"))?;
        let next = session.chain.read("counting the products", risk.product_count()).await? + 1;
        let draft = match self.which {
            Which::Number(number) => self.revise(session, &risk, number, next, read(path)?).await?,
            Which::New => self.add(session, &risk, next, read(path)?).await?,
        };
        Ok(draft.note(format!(
            "It is about version #{next}, which is the next one: execute it before any other proposal that adds one."
        )))
    }

    /// A new version of a product, with all that the one in force lists.
    async fn revise(
        &self,
        session: &Session,
        risk: &IRisk<Client>,
        number: u64,
        next: U256,
        over: Value,
    ) -> Result<Draft> {
        if self.trigger.is_some() || self.cover.is_some() || self.subject.is_some() || self.like.is_some() {
            bail!("--trigger, --cover, --subject and --like are for a new product: a revision keeps what it has");
        }
        let product = product_of(session, risk, number).await?;
        let latest = product.latest;
        let present = in_force(session, risk, latest).await?;
        let mut terms = present.clone();
        overlay(&mut terms, &over);
        let revise = function("IRisk", "reviseProduct");
        let token = terms_token(session, &revise.inputs[1], &terms)?;
        let terms = revise.inputs[1].json(&token);
        let mut changed = Vec::new();
        differences(&present, &terms, "", &mut changed);
        if changed.is_empty() {
            bail!("these are the terms in force of product #{latest} already");
        }
        let call = revise.encode(&[Token::Uint(product.family), token]);
        let mut draft = Draft::new(format!("Revise product #{latest}: {}", changed.join(", ")))
            .action(Action::new(risk.address(), call.into()));
        for name in changed {
            let of = name.clone();
            draft = draft.reads(Reading::raw(
                name,
                risk.address(),
                Some(terms_of(latest)),
                terms_of(next),
                move |answer| field(&terms_json(answer)?, &of),
            ));
        }
        let status = |product: ProductOf| status_name(product.status);
        draft = draft.shows(format!("product #{latest}"), &risk.product(latest), status);
        if let Some(wording) = &self.wording {
            draft = draft.call(&risk.set_terms_uri(next, wording.clone()));
        }
        if self.unlisted {
            return Ok(draft);
        }
        for line in claims::lines(&session.deployment, &session.client).await? {
            if line.product == latest {
                let key = session.chain.read("reading a line", risk.line(latest, line.subject)).await?.risk_key;
                draft = draft.call(&risk.list_subject(next, line.subject, key));
            }
        }
        Ok(draft.call(&risk.set_status(next, ON_SALE)).shows(format!("product #{next}"), &risk.product(next), status))
    }

    async fn add(&self, session: &Session, risk: &IRisk<Client>, next: U256, over: Value) -> Result<Draft> {
        let (Some(trigger), Some(cover)) = (&self.trigger, self.cover) else {
            bail!("a new product has a --trigger and a --cover");
        };
        let resolved = session.names().resolve(trigger);
        let trigger = resolved.ok_or_else(|| eyre!("{trigger:?} is neither an address nor the name of a trigger"))?;
        let vault = self.pool.contract(session, "vault")?;
        let mut terms = match self.like {
            Some(number) => {
                let latest = product_of(session, risk, number).await?.latest;
                in_force(session, risk, latest).await?
            }
            None => Value::Null,
        };
        overlay(&mut terms, &over);
        let add = function("IRisk", "addProduct");
        let token = terms_token(session, &add.inputs[3], &terms)?;
        let arguments = [Token::Address(vault), Token::Address(trigger), Token::Uint(cover.number().into()), token];
        let name = cover.to_possible_value().map(|value| value.get_name().replace('-', " ")).unwrap_or_default();
        let mut draft = Draft::new(format!("Add a product: {name} cover by {}", self.pool.name()))
            .action(Action::new(risk.address(), add.encode(&arguments).into()));
        if let Some(wording) = &self.wording {
            draft = draft.call(&risk.set_terms_uri(next, wording.clone()));
        }
        if let (Some(subject), Some(key), false) = (self.subject, self.risk_key, self.unlisted) {
            draft = draft.call(&risk.list_subject(next, subject, key)).call(&risk.set_status(next, ON_SALE));
            draft.title += &format!(" on {}", show_word(subject));
        } else {
            draft =
                draft.note("Nothing is listed with it, and it is not on sale: see the templates `list` and `status`.");
        }
        Ok(draft.shows("products", &risk.product_count(), |count: U256| count.to_string()).shows(
            format!("product #{next}"),
            &risk.product(next),
            |product: ProductOf| status_name(product.status),
        ))
    }
}

async fn in_force(session: &Session, risk: &IRisk<Client>, version: U256) -> Result<Value> {
    let view = Action::new(risk.address(), terms_of(version));
    let answer = session.chain.ask("reading the terms", view.request(session.me())).await?;
    terms_json(&answer).ok_or_else(|| eyre!("the terms of product #{version} make no sense"))
}

/// Terms as the contract takes them, within the bounds of their types.
fn terms_token(session: &Session, parameter: &Parameter, terms: &Value) -> Result<Token> {
    parameter.token(terms, &session.names()).map_err(|reason| eyre!("{reason}"))
}

/// What is listed where.
#[derive(Debug, Args)]
pub(super) struct List {
    /// The product's number.
    product: u64,
    /// The subject.
    #[arg(value_parser = subject)]
    subject: [u8; 32],
    /// What stands behind it and fails as one.
    #[arg(value_parser = subject)]
    risk_key: [u8; 32],
    /// Put the risk key into this correlation group, where it is new.
    #[arg(long, value_name = "NUMBER")]
    group: Option<u32>,
}

impl List {
    pub(super) async fn draft(&self, session: &Session) -> Result<Draft> {
        let risk = session.deployment.risk(&session.client);
        let Self { product, subject, risk_key, group } = *self;
        product_of(session, &risk, product).await?;
        let (name, key) = (show_word(subject), show_word(risk_key));
        let mut draft = Draft::new(format!("List {name} with product #{product}, failing with {key}"));
        if let Some(group) = group {
            draft = draft.call(&risk.set_risk_key(risk_key, group)).shows(
                "group of the key",
                &risk.group_of(risk_key),
                |(group, _)| group.to_string(),
            );
        }
        Ok(draft.call(&risk.list_subject(product.into(), subject, risk_key)).shows(
            "fails with",
            &risk.line(product.into(), subject),
            |line| show_word(line.risk_key),
        ))
    }
}

/// What a product's status becomes.
#[derive(Debug, Args)]
pub(super) struct Status {
    /// The product's number.
    product: u64,
    /// Its new status.
    status: NewStatus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum NewStatus {
    /// It is sold.
    OnSale = 1,
    /// Nothing is sold any more, policies run on.
    Sunset = 2,
    /// No cover is in the books.
    Retired = 3,
}

impl Status {
    pub(super) async fn draft(&self, session: &Session) -> Result<Draft> {
        let risk = session.deployment.risk(&session.client);
        let (number, status) = (self.product, self.status as u8);
        let present = product_of(session, &risk, number).await?.status;
        // None, on sale, sunset, retired: one step at a time
        if present + 1 != status {
            bail!(
                "product #{number} is {}, and would not become {}: it goes one step at a time",
                status_name(present),
                status_name(status)
            );
        }
        let title = match self.status {
            NewStatus::OnSale => format!("Put product #{number} on sale"),
            NewStatus::Sunset => format!("Sell no more of product #{number}"),
            NewStatus::Retired => format!("Retire product #{number}"),
        };
        Ok(Draft::new(title).call(&risk.set_status(number.into(), status)).shows(
            format!("product #{number}"),
            &risk.product(number.into()),
            |product| status_name(product.status),
        ))
    }
}

/// What a trigger watches.
#[derive(Debug, Args)]
pub(super) struct Subject {
    /// Which trigger.
    trigger: TriggerName,
    /// The subject's name.
    #[arg(value_parser = subject)]
    subject: [u8; 32],
    /// A JSON file of its configuration: the fields of the trigger's `register`, addresses also by contracts' names.
    #[arg(long, value_name = "FILE", required_unless_present = "show")]
    config: Option<PathBuf>,
    /// Print the configuration that the subject has, and propose nothing: zeros where it has none.
    #[arg(long, conflicts_with = "config")]
    pub(super) show: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TriggerName {
    Depeg,
    Lending,
    Exploit,
    Bridge,
    Oracle,
    ImpermanentLoss,
}

impl TriggerName {
    /// Its name in the deployment, and its interface.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Depeg => ("depeg", "IDepegTrigger"),
            Self::Lending => ("lending", "ILendingTrigger"),
            Self::Exploit => ("exploit", "IExploitTrigger"),
            Self::Bridge => ("bridge", "IBridgeTrigger"),
            Self::Oracle => ("oracle", "IOracleTrigger"),
            Self::ImpermanentLoss => ("impermanent-loss", "IImpermanentLossTrigger"),
        }
    }
}

impl Subject {
    fn view(&self) -> (&'static Function, Bytes) {
        let view = function(self.trigger.names().1, "subjectOf");
        (view, view.encode(&[Token::FixedBytes(self.subject.to_vec())]).into())
    }

    /// The configuration that the subject has.
    pub(super) async fn present(&self, session: &Session) -> Result<String> {
        let (view, data) = self.view();
        let ask = Action::new(session.contract(self.trigger.names().0)?, data).request(session.me());
        let answer = session.chain.ask("reading the subject", ask).await?;
        let answer = view.first_answer(&answer).ok_or_else(|| eyre!("the trigger's answer makes no sense"))?;
        Ok(serde_json::to_string_pretty(&answer.0.json(&answer.1))?)
    }

    pub(super) async fn draft(&self, session: &Session) -> Result<Draft> {
        let (name, interface) = self.trigger.names();
        let trigger: Address = session.contract(name)?;
        let path = self.config.as_ref().ok_or_else(|| eyre!("give a file of --config"))?;
        let register = function(interface, "register");
        let config = register.inputs[1].token(&read(path)?, &session.names());
        let config = config.map_err(|reason| eyre!("{}: {reason}", path.display()))?;
        let fields = register.inputs[1].json(&config);
        let data = register.encode(&[Token::FixedBytes(self.subject.to_vec()), config]);
        let title = format!("Have the {name} trigger watch {}", show_word(self.subject));
        let mut draft = Draft::new(title).action(Action::new(trigger, data.into()));
        for of in fields.as_object().into_iter().flat_map(|fields| fields.keys().cloned()) {
            let (view, data) = self.view();
            let show = {
                let of = of.clone();
                move |answer: &[u8]| {
                    let (parameter, token) = view.first_answer(answer)?;
                    let value = parameter.json(&token);
                    let value = &value[of.as_str()];
                    Some(value.as_str().map_or_else(|| value.to_string(), Into::into))
                }
            };
            draft = draft.reads(Reading::raw(of, trigger, Some(data.clone()), data, show));
        }
        Ok(draft)
    }
}

/// Parts of a premium.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(super) struct Shares {
    /// The treasury's, in percent of the premium; as it is if not given.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    treasury: Option<u16>,
    /// The jury's, in percent of the premium.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    jury: Option<u16>,
    /// The referrer's, in percent of the treasury's.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    referral: Option<u16>,
}

impl Shares {
    pub(super) async fn draft(&self, session: &Session) -> Result<Draft> {
        let policy = session.deployment.policy(&session.client);
        let present = session.chain.read("reading the shares", policy.shares()).await?;
        let treasury = self.treasury.unwrap_or(present.0);
        let jury = self.jury.unwrap_or(present.1);
        let referral = self.referral.unwrap_or(present.2);
        if u64::from(treasury) + u64::from(jury) > MOST_SHARES {
            bail!(
                "treasury and jury get at most {} of a premium together, not {}",
                percent_bps(MOST_SHARES),
                percent_bps(u64::from(treasury) + u64::from(jury))
            );
        }
        if (treasury, jury, referral) == present {
            bail!("these are the shares already");
        }
        let title = format!(
            "Share premiums: {} to the treasury, {} of that to referrers, {} to the jury",
            percent_bps(treasury.into()),
            percent_bps(referral.into()),
            percent_bps(jury.into())
        );
        Ok(Draft::new(title)
            .call(&policy.set_shares(treasury, jury, referral))
            .shows("treasury", &policy.shares(), |shares| percent_bps(shares.0.into()))
            .shows("jury", &policy.shares(), |shares| percent_bps(shares.1.into()))
            .shows("referrers, of the treasury's", &policy.shares(), |shares| percent_bps(shares.2.into())))
    }
}

/// What a refund costs.
#[derive(Debug, Args)]
pub(super) struct ShortRate {
    /// What is kept of a refund, in percent.
    #[arg(value_parser = percent)]
    rate: u16,
}

impl ShortRate {
    pub(super) async fn draft(&self, session: &Session) -> Result<Draft> {
        if self.rate > MOST_SHORT_RATE {
            bail!(
                "at most {} of a refund is kept, not {}",
                percent_bps(MOST_SHORT_RATE.into()),
                percent_bps(self.rate.into())
            );
        }
        let policy = session.deployment.policy(&session.client);
        Ok(Draft::new(format!("Keep {} of refunds", percent_bps(self.rate.into())))
            .call(&policy.set_short_rate(self.rate))
            .shows("kept of a refund", &policy.short_rate(), |rate: u16| percent_bps(rate.into())))
    }
}

/// What claims may take at once.
#[derive(Debug, Args)]
pub(super) struct Limits {
    /// What claims may take in a day without waiting, in percent of the vault's capital; as it is if not given.
    #[arg(long, value_name = "PERCENT", value_parser = percent, required_unless_present = "least_bond")]
    at_once: Option<u16>,
    /// The least bond of who challenges a claim, in whole units of the asset; as it is if not given.
    #[arg(long, value_name = "AMOUNT")]
    least_bond: Option<String>,
    #[command(flatten)]
    pool: Pool,
}

impl Limits {
    pub(super) async fn draft(&self, session: &Session) -> Result<Draft> {
        let assessor = session.deployment.assessor(&session.client);
        let vault = self.pool.contract(session, "vault")?;
        let (present, .., least) = session.chain.read("reading the limits", assessor.limits_of(vault)).await?;
        let unit = &session.asset_unit;
        let at_once = self.at_once.unwrap_or(present);
        let bond = match &self.least_bond {
            Some(bond) => unit.parse_or_zero(bond)?,
            None => least,
        };
        let most = U256::from(MOST_BOND) * U256::exp10(unit.decimals as usize);
        if bond > most {
            bail!("the least bond is at most {}, not {}", unit.show(most), unit.show(bond));
        }
        let title = format!(
            "Let claims on {} take {} at once, and ask for bonds of at least {}",
            self.pool.name(),
            percent_bps(at_once.into()),
            unit.show(bond)
        );
        let shown = unit.clone();
        Ok(Draft::new(title)
            .call(&assessor.set_limits(vault, at_once, bond.as_u128()))
            .shows("at once", &assessor.limits_of(vault), |limits| percent_bps(limits.0.into()))
            .shows("least bond", &assessor.limits_of(vault), move |limits| shown.show(limits.4)))
    }
}

/// A vault that business is to go to.
#[derive(Debug, Args)]
pub(super) struct AddVault {
    /// The vault's number, as `palisade add-vault` was told it.
    #[arg(value_parser = clap::value_parser!(u32).range(2..=32))]
    number: u32,
}

impl AddVault {
    pub(super) async fn draft(&self, session: &Session) -> Result<Draft> {
        let number = self.number;
        let vault = session.deployment.ledger.contract(&format!("vault#{number}"));
        let vault = vault.ok_or_else(|| eyre!("there is no vault #{number}: `palisade add-vault` deploys one"))?;
        let addition = offer_vault(&session.deployment, &session.client, &session.profile()?, vault).await?;
        let (risk, next) = (session.deployment.risk(&session.client), addition.product);
        let mut draft = Draft::new(format!("Offer cover from vault #{number}"));
        for (to, data) in addition.actions {
            draft = draft.action(Action::new(to, data));
        }
        Ok(draft
            .shows("products", &risk.product_count(), |count: U256| count.to_string())
            .shows(format!("product #{next}"), &risk.product(next), |product| status_name(product.status))
            .note(format!(
                "It is about version #{next}, which is the next one: execute it before any other proposal that adds one."
            )))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_changes_what_it_names() {
        let present = json!({"pricing": {"minRate": 1, "maxRate": "20"}, "limits": {"jury": false}});
        let mut terms = present.clone();
        overlay(&mut terms, &json!({"pricing": {"minRate": 2}, "limits": {"jury": true}}));
        assert_eq!(terms, json!({"pricing": {"minRate": 2, "maxRate": "20"}, "limits": {"jury": true}}));
        let mut changed = Vec::new();
        differences(&present, &terms, "", &mut changed);
        changed.sort();
        assert_eq!(changed, ["limits.jury", "pricing.minRate"]);
        assert_eq!(field(&terms, "pricing.maxRate").unwrap(), "20");
        assert_eq!(field(&terms, "limits.jury").unwrap(), "true");
        assert_eq!(field(&terms, "limits.nothing"), None);

        let mut nothing = Value::Null;
        overlay(&mut nothing, &json!({"a": {"b": 1}}));
        assert_eq!(nothing, json!({"a": {"b": 1}}));
    }

    #[test]
    fn products_are_numbers_or_new() {
        assert_eq!((which("3"), which("new")), (Ok(Which::Number(3)), Ok(Which::New)));
        assert!(which("all").is_err() && which("-1").is_err());
        assert_eq!([0, 1, 2, 3, 9].map(status_name)[1..], ["on sale", "sunset", "retired", "status 9"]);
    }

    #[test]
    fn every_trigger_has_a_configuration_with_names() {
        for trigger in TriggerName::value_variants() {
            let (_, interface) = trigger.names();
            let (register, view) = (function(interface, "register"), function(interface, "subjectOf"));
            let fields = register.inputs[1].fields();
            assert!(!fields.is_empty() && fields.iter().all(|field| !field.name.is_empty()), "{interface}");
            assert_eq!(view.outputs[0].fields(), fields, "what it shows is what it takes");
        }
    }
}
