//! What a claim needs from outside the chain's state: which lines there are, the bytes that a policy was sold with, and
//! where a trigger has to look.
//!
//! Evidence only says where to look, so nothing here is trusted: the trigger reads every value again.

use std::sync::Arc;

use ethers::{
    abi::{self, RawLog, Token},
    contract::EthEvent,
    providers::Middleware,
    types::{Address, Bytes, Filter, H256, Log, U256},
};

use crate::{
    bindings::{
        IBridgeTrigger, IDepegTrigger, IExploitTrigger, IImpermanentLossTrigger, ILendingTrigger, IOracleTrigger,
        MockAggregator,
        impermanent_loss::{SubjectRegisteredFilter, VarianceSampledFilter},
        policy::{Policy, PolicyBoughtFilter},
        risk::SubjectListedFilter,
    },
    chain::{self, Chain, Client, Error},
    deploy::{Deployment, plan::DEPEG},
};

/// Most rounds that the depeg trigger takes in at once.
pub const MOST_ROUNDS: usize = 32;

/// The cover type of impermanent loss, as `IRisk.Cover` numbers it: its claims are on a position by itself, under no
/// incident.
pub const IMPERMANENT_LOSS: u8 = 1;

/// The cover types of triggers that read the present alone, as `IRisk.Cover` numbers them.
pub const EXPLOIT: u8 = 0;
/// A lender's bad debt.
pub const DEFAULT: u8 = 2;
/// A feed that is wrong.
pub const ORACLE: u8 = 3;
/// A bridge's backing.
pub const BRIDGE: u8 = 4;

/// Periods in which a bridge's supply may have been observed to be compared with a backing.
const PERIODS: u64 = 8;

/// `ITrigger.Verdict`: proven.
pub const CONFIRMED: u8 = 2;

/// Most rounds of an incident whose windows are compared.
const MOST_WINDOWS: usize = 512;

type Result<T, E = Error> = std::result::Result<T, E>;

/// A product on a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The product's id.
    pub product: U256,
    /// What it covers.
    pub subject: [u8; 32],
    /// Whose capital carries it.
    pub vault: Address,
    /// Who says whether a loss happened.
    pub trigger: Address,
    /// The type of cover, as `IRisk.Cover` numbers it.
    pub cover: u8,
}

/// An incident as a trigger tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Incident {
    /// Its number, from 1; 0 where there is none.
    pub number: U256,
    /// 0 latent, 2 confirmed.
    pub verdict: u8,
    /// When it opened.
    pub opened_at: u64,
    /// When it closed; 0 while it is open.
    pub closed_at: u64,
    /// The worst loss so far, in basis points.
    pub worst_bps: u16,
}

/// What a trigger has not taken in yet of its source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// How many observations wait; for a feed that is in another phase, those that the evidence names.
    pub waiting: u64,
    /// What to show the trigger next: empty where it finds its way by itself.
    pub evidence: Bytes,
    /// Whether the newest one is reason to hurry.
    pub alarming: bool,
}

/// All lines of a deployment, in the order in which they were listed.
///
/// # Errors
/// RPC errors.
pub async fn lines(deployment: &Deployment, client: &Arc<Client>) -> Result<Vec<Line>> {
    let chain = &deployment.chain;
    let risk = deployment.risk(client);
    let filter = Filter::new().address(risk.address()).topic0(SubjectListedFilter::signature());
    let mut lines = Vec::new();
    for log in logs(deployment, filter).await? {
        let Some(SubjectListedFilter { product, subject, .. }) = decode(log) else { continue };
        let what = chain.read("reading a product", risk.product(product)).await?;
        lines.push(Line { product, subject, vault: what.vault, trigger: what.trigger, cover: what.cover });
    }
    Ok(lines)
}

/// The bytes that a policy's trigger wrote down when it was sold: a claim shows them again.
///
/// # Errors
/// RPC errors; [`Error::Rpc`] where the chain does not have the sale.
pub async fn entry_of(deployment: &Deployment, policy: U256) -> Result<Bytes> {
    const WHAT: &str = "looking for the policy's sale";
    let mut number = H256::zero();
    policy.to_big_endian(number.as_bytes_mut());
    let filter =
        Filter::new().address(deployment.address("policy")).topic0(PolicyBoughtFilter::signature()).topic1(number);
    let sale = logs(deployment, filter).await?.into_iter().find_map(decode::<PolicyBoughtFilter>);
    let missing = || Error::Rpc { what: WHAT.into(), reason: format!("this node has no sale of policy #{policy}") };
    sale.map(|sale| sale.entry).ok_or_else(missing)
}

/// Logs since the deployment's first block.
pub(crate) async fn logs(deployment: &Deployment, filter: Filter) -> Result<Vec<Log>> {
    deployment.chain.logs(&filter, deployment.ledger.first_block()).await
}

pub(crate) fn decode<E: EthEvent>(log: Log) -> Option<E> {
    E::decode_log(&RawLog { topics: log.topics, data: log.data.to_vec() }).ok()
}

/// What the trigger of a line has not taken in, and the evidence that takes in most of it.
///
/// # Errors
/// RPC errors, and what the trigger or its source refuses.
pub async fn pending(deployment: &Deployment, client: &Arc<Client>, line: &Line) -> Result<Pending> {
    if line.cover != DEPEG {
        // it reads the present by itself
        return Ok(Pending { waiting: 0, evidence: Bytes::default(), alarming: true });
    }
    let chain = &deployment.chain;
    let trigger = IDepegTrigger::new(line.trigger, client.clone());
    let subject = chain.read("reading a subject", trigger.subject_of(line.subject)).await?;
    let (cursor, _): (u128, u64) = chain.read("reading the cursor", trigger.cursor_of(line.subject)).await?;
    let feed = MockAggregator::new(subject.feed, client.clone());
    let latest = chain.read("reading the feed", feed.latest_round_data()).await?;
    let decimals: u8 = chain.read("reading the feed", feed.decimals()).await?;
    let recovered = U256::from(subject.recovery_price) / U256::exp10(18_usize.saturating_sub(decimals.into()));
    let alarming = latest.1 <= ethers::types::I256::from_raw(recovered);
    let source = Rounds { chain: chain.clone(), feed };
    if phase(latest.0) == phase(cursor) {
        let waiting = u64::try_from(latest.0.saturating_sub(cursor)).unwrap_or(u64::MAX);
        return Ok(Pending { waiting, evidence: Bytes::default(), alarming });
    }
    let rounds = source.after(cursor, latest.0).await?;
    let waiting = rounds.len() as u64;
    let ids = rounds.into_iter().map(|id| Token::Uint(id.into())).collect();
    Ok(Pending { waiting, evidence: abi::encode(&[Token::Array(ids)]).into(), alarming: true })
}

/// Whether a line's trigger is to be observed though nothing has happened. One that reads the present alone knows only what it
/// was told of: a loss counts from the last observation before it, which must lie inside a policy, and what stands must have
/// been seen twice.
///
/// - Falls: half of the persistence after the last observation.
/// - Feeds: where references find fault with one, half of the gap after the last sample; nothing otherwise.
/// - Bridges: in every period, so that there is a supply with which a backing is compared.
///
/// All but bridges also where none has been since `begun`, when a policy began (0: none). `tried` is when it was done last
/// and brought nothing (0: it has not been): what a silent source does not tell is not asked for at once again.
///
/// # Errors
/// RPC errors, and what the trigger refuses.
pub async fn is_due(
    deployment: &Deployment,
    client: &Arc<Client>,
    line: &Line,
    begun: u64,
    tried: u64,
) -> Result<bool> {
    const WHAT: &str = "reading a subject";
    let chain = &deployment.chain;
    let (at, subject, client) = (line.trigger, line.subject, client.clone());
    let now = chain.now().await?;
    let (last, every) = match line.cover {
        EXPLOIT | DEFAULT => {
            // what both share is read by the same functions
            let trigger = ILendingTrigger::new(at, client.clone());
            let (known, ..) = chain.read("reading a value", trigger.value_of(subject)).await?;
            if !known {
                return Ok(false);
            }
            let persistence = if line.cover == DEFAULT {
                chain.read(WHAT, trigger.subject_of(subject)).await?.0.persistence
            } else {
                chain.read(WHAT, IExploitTrigger::new(at, client).subject_of(subject)).await?.persistence
            };
            let (.., observed_at, _) = chain.read("reading a course", trigger.course_of(subject)).await?;
            (observed_at, u64::from(persistence) / 2)
        }
        ORACLE => {
            let trigger = IOracleTrigger::new(at, client);
            let (_, last, ..) = chain.read("reading a series", trigger.series_of(subject)).await?;
            if chain.read("asking whether all is well", trigger.healthy(subject)).await? {
                (last, u64::MAX)
            } else {
                let config = chain.read(WHAT, trigger.subject_of(subject)).await?;
                let prices = chain.read("reading prices", trigger.prices_of(subject)).await?;
                if !is_telling(prices, config.deviation_bps) {
                    return Ok(false);
                }
                (last, u64::from(config.gap) / 2)
            }
        }
        BRIDGE => {
            let trigger = IBridgeTrigger::new(at, client);
            let period = u64::from(chain.read(WHAT, trigger.subject_of(subject)).await?.period).max(1);
            // this period is the oldest of those that are looked at
            let call = trigger.supply_before(subject, now.saturating_add(PERIODS * period));
            let (is_observed, _) = chain.read("reading a supply", call).await?;
            return Ok(!is_observed && tried / period < now / period);
        }
        _ => return Ok(false),
    };
    let last = last.max(tried);
    Ok(last < begun || now >= last.saturating_add(every.max(1)))
}

/// Whether the references of a feed say anything of it, by prices of which 0 is none: a reference that finds nothing is not
/// enough where the other is silent.
fn is_telling((feed, second, pool): (u128, u128, u128), deviation_bps: u16) -> bool {
    let finds_fault = |reference: u128| {
        let limit = U256::from(reference) * U256::from(deviation_bps);
        reference > 0 && U256::from(feed.abs_diff(reference)) * U256::from(10_000) > limit
    };
    (second > 0 && pool > 0) || finds_fault(second) || finds_fault(pool)
}

/// The evidence that a claim needs. Of a depeg, what pays it most under an incident: the start of the worst window inside
/// its covered time; empty where that is the incident's worst, which the trigger takes by itself. Of an impermanent loss,
/// where the price of the policy's end is found; empty where the trigger holds it.
///
/// # Errors
/// RPC errors, and what the trigger refuses.
pub async fn best_window(
    deployment: &Deployment,
    client: &Arc<Client>,
    line: &Line,
    number: U256,
    policy: &Policy,
) -> Result<Bytes> {
    if line.cover == IMPERMANENT_LOSS {
        let missing = missing_price(deployment, client, line, policy.end).await?;
        return Ok(missing.map_or_else(Bytes::default, |hint| abi::encode(&hint.tokens()).into()));
    }
    if line.cover != DEPEG {
        return Ok(Bytes::default());
    }
    let chain = &deployment.chain;
    let trigger = IDepegTrigger::new(line.trigger, client.clone());
    let subject = chain.read("reading a subject", trigger.subject_of(line.subject)).await?;
    let window = u64::from(subject.window);
    let (worst, ..): (u64, u16, u64) =
        chain.read("reading the worst window", trigger.worst_window(line.subject, number)).await?;
    if worst >= policy.start && worst.saturating_add(window) <= policy.end {
        return Ok(Bytes::default());
    }
    let incident = chain.read("reading the incident", trigger.incident(line.subject, number)).await?;
    let (cursor, _): (u128, u64) = chain.read("reading the cursor", trigger.cursor_of(line.subject)).await?;
    let source = Rounds { chain: chain.clone(), feed: MockAggregator::new(subject.feed, client.clone()) };
    let last_start = policy.end.saturating_sub(window);
    let mut best: (u16, Option<u64>) = (0, None);
    // A window's area turns only where a round enters or leaves it.
    for time in source.times_before(cursor, incident.opened_at.max(policy.start)).await? {
        for start in [time, time.saturating_sub(window), policy.start, last_start] {
            let inside = start >= policy.start && start <= last_start && start >= incident.opened_at;
            if !inside || best.1 == Some(start) {
                continue;
            }
            let (known, loss): (bool, u16) =
                chain.read("reading a window", trigger.window_loss(line.subject, start)).await?;
            if known && loss > best.0 {
                best = (loss, Some(start));
            }
        }
    }
    Ok(best.1.map_or_else(Bytes::default, |start| abi::encode(&[Token::Uint(start.into())]).into()))
}

/// Where a feed's price of a moment is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The round that held.
    pub round: u128,
    /// Where that was the last of its phase, the round that followed in a later one.
    pub next: Option<u128>,
}

impl Hint {
    fn tokens(self) -> Vec<Token> {
        [Some(self.round), self.next].into_iter().flatten().map(|id| Token::Uint(id.into())).collect()
    }

    /// The evidence by which `observe` stores the price of the moment `at`.
    #[must_use]
    pub fn evidence(self, at: u64) -> Bytes {
        abi::encode(&[vec![Token::Uint(at.into())], self.tokens()].concat()).into()
    }
}

/// Where the price of a moment is found that a trigger of impermanent loss does not hold yet; nothing where it does, the
/// moment is not past, or no round held at it.
///
/// # Errors
/// RPC errors, and what the trigger or its feed refuses.
pub async fn missing_price(
    deployment: &Deployment,
    client: &Arc<Client>,
    line: &Line,
    at: u64,
) -> Result<Option<Hint>> {
    let chain = &deployment.chain;
    let trigger = IImpermanentLossTrigger::new(line.trigger, client.clone());
    let (stored, _): (U256, U256) = chain.read("reading a price", trigger.price_at(line.subject, at)).await?;
    if !stored.is_zero() || at >= chain.now().await? {
        return Ok(None);
    }
    let subject = chain.read("reading a subject", trigger.subject_of(line.subject)).await?;
    let feed = MockAggregator::new(subject.feed, client.clone());
    let latest = chain.read("reading the feed", feed.latest_round_data()).await?.0;
    Rounds { chain: chain.clone(), feed }.held_at(at, latest).await
}

/// When a trigger of impermanent loss took the price of a line's subject into its variance last, or began with it.
///
/// # Errors
/// RPC errors.
pub async fn last_sample(deployment: &Deployment, line: &Line) -> Result<u64> {
    const WHAT: &str = "reading the time of a sample";
    let kinds = vec![VarianceSampledFilter::signature(), SubjectRegisteredFilter::signature()];
    let filter = Filter::new().address(line.trigger).topic0(kinds).topic1(H256(line.subject));
    let Some(number) = logs(deployment, filter).await?.iter().filter_map(|log| log.block_number).max() else {
        return Ok(0); // before this deployment
    };
    let provider = deployment.chain.provider();
    let block = provider.get_block(number).await.map_err(|error| chain::failed(WHAT, &error))?;
    Ok(block.map_or(0, |block| block.timestamp.as_u64()))
}

/// The rounds of a Chainlink proxy: the phase (which aggregator) in the upper 16 of 80 bits of an id, the aggregator's
/// own count in the lower 64.
struct Rounds {
    chain: Chain,
    feed: MockAggregator<Client>,
}

const fn phase(id: u128) -> u128 {
    id >> 64
}

const fn round_id(phase: u128, round: u64) -> u128 {
    (phase << 64) | round as u128
}

impl Rounds {
    /// When a round was updated, and whether it has a price; nothing where there is no such round.
    async fn get(&self, id: u128) -> Result<Option<(u64, bool)>> {
        match self.chain.read("reading a round", self.feed.get_round_data(id)).await {
            Ok((_, answer, _, updated, _)) if !updated.is_zero() => {
                Ok(Some((updated.low_u64(), answer > ethers::types::I256::zero())))
            }
            Ok(_) | Err(Error::Reverted { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The ids that follow `cursor` up to `latest`, which is in a later phase: the shortest run that the trigger takes,
    /// at most as many as it takes at once. It ends with a round that has a price.
    async fn after(&self, cursor: u128, latest: u128) -> Result<Vec<u128>> {
        let mut ids: Vec<u128> = Vec::new();
        let mut priced = 0; // so many of them up to the last one with a price
        let mut at = cursor;
        let mut time = self.get(cursor).await?.map_or(0, |(updated, _)| updated);
        while ids.len() < MOST_ROUNDS && at < latest {
            let next = match self.get(at + 1).await? {
                Some(_) => Some(at + 1),
                None => self.entrance(phase(at), latest, time).await?,
            };
            let Some(next) = next else { break };
            ids.push(next);
            at = next;
            if let Some((updated, true)) = self.get(next).await?
                && updated >= time
            {
                (priced, time) = (ids.len(), updated);
            }
        }
        ids.truncate(priced);
        Ok(ids)
    }

    /// Where the walk enters the next phase that has rounds: at the last round whose predecessor is not newer than the
    /// last price, since its aggregator may have been running before the proxy turned to it.
    async fn entrance(&self, old: u128, latest: u128, time: u64) -> Result<Option<u128>> {
        for new in old + 1..=phase(latest) {
            if self.get(round_id(new, 1)).await?.is_none() {
                continue;
            }
            let newest = if new == phase(latest) { latest as u64 } else { self.newest_of(new).await? };
            // the first round that is newer than `time`; all before it are not
            let (mut low, mut high) = (1, newest);
            while low < high {
                let middle = low + (high - low) / 2;
                let newer = self.get(round_id(new, middle)).await?.is_some_and(|(updated, _)| updated > time);
                if newer { high = middle } else { low = middle + 1 }
            }
            return Ok(Some(round_id(new, low)));
        }
        Ok(None)
    }

    /// The round whose price held at a moment, as the trigger of impermanent loss has it. Where two aggregators ran beside
    /// each other, that of the older one as long as it is newer.
    async fn held_at(&self, at: u64, latest: u128) -> Result<Option<Hint>> {
        let mut found: Option<(u64, Hint)> = None;
        for current in (1..=phase(latest)).rev() {
            let newest = match phase(latest) {
                of_latest if of_latest == current => latest as u64,
                _ if self.get(round_id(current, 1)).await?.is_none() => continue,
                _ => self.newest_of(current).await?,
            };
            let Some((updated, round)) = self.held_in(current, newest, at).await? else { continue };
            if let Some((newer, hint)) = found
                && newer >= updated
            {
                return Ok(Some(hint));
            }
            let is_last = round != latest && self.get(round + 1).await?.is_none();
            let next = if is_last { self.entrance(current, latest, updated).await? } else { None };
            if found.replace((updated, Hint { round, next })).is_some() {
                break;
            }
        }
        Ok(found.map(|(_, hint)| hint))
    }

    /// The newest round of a phase of so many that has a price and is not later than a moment, with its time.
    async fn held_in(&self, phase: u128, newest: u64, at: u64) -> Result<Option<(u64, u128)>> {
        // all rounds up to `low` are not later, and those after `high` are
        let (mut low, mut high) = (0, newest);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            let earlier = self.get(round_id(phase, middle)).await?.is_some_and(|(updated, _)| updated <= at);
            if earlier { low = middle } else { high = middle - 1 }
        }
        for round in (1..=low).rev().map(|round| round_id(phase, round)) {
            if let Some((updated, true)) = self.get(round).await? {
                return Ok(Some((updated, round)));
            }
        }
        Ok(None)
    }

    /// The count of a phase's rounds, by doubling and halving.
    async fn newest_of(&self, phase: u128) -> Result<u64> {
        let mut high = 2_u64;
        while self.get(round_id(phase, high)).await?.is_some() {
            high = high.saturating_mul(2);
        }
        let mut low = high / 2;
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.get(round_id(phase, middle)).await?.is_some() { low = middle } else { high = middle }
        }
        Ok(low)
    }

    /// The times of the rounds up to `last`, back to the one that was in force at `from`.
    async fn times_before(&self, last: u128, from: u64) -> Result<Vec<u64>> {
        let mut times = Vec::new();
        let mut id = last;
        while times.len() < MOST_WINDOWS {
            let Some((updated, _)) = self.get(id).await? else { break };
            times.push(updated);
            if updated <= from || id as u64 <= 1 {
                break;
            }
            id -= 1;
        }
        Ok(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_tell_where_both_do_or_one_finds_fault() {
        for (prices, tells) in [
            ((2_000, 2_000, 2_000), true),
            ((1_000, 2_000, 2_000), true),
            ((2_000, 2_000, 0), false),
            ((2_100, 2_000, 0), false), // exactly the deviation
            ((2_101, 2_000, 0), true),
            ((2_000, 0, 2_101), false),
            ((2_000, 0, 2_106), true),
            ((2_000, 0, 0), false),
            ((0, 2_000, 0), true), // a feed of nothing is wrong
            ((u128::MAX, 1, 0), true),
        ] {
            assert_eq!(is_telling(prices, 500), tells, "{prices:?}");
        }
    }
}
