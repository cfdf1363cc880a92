//! A keeper: whoever runs one keeps a deployment's promises when nobody else does.
//!
//! Each round looks at the newest block alone and remembers nothing but what it has spent, so that a restart, a node
//! that fails in the middle or a block that is taken back costs it a round and no more. It proves incidents, books what
//! their triggers tell, stores the prices that claims on positions need, lets products learn from each other's losses,
//! brings lines and vaults forward, serves who leaves, tops up who is owed and has what stakers earn follow the vault. It
//! sends nothing that the node says would fail or change nothing, and nothing beyond its [`Limits`].

mod metrics;
mod purse;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use ethers::{
    abi::Detokenize,
    contract::{ContractCall, EthEvent},
    providers::Middleware,
    types::{Address, Bytes, Filter, H256, TransactionReceipt, U64, U256},
};

pub use metrics::{Kind, Metrics};
pub use purse::{Error as PurseError, Limits, Purse, Refusal};

use crate::{
    bindings::{
        ArbWasm, IDepegTrigger, IImpermanentLossTrigger, IVault,
        arb_wasm::{ProgramActivatedFilter, ProgramLifetimeExtendedFilter},
        policy::Policy,
        risk::{LossRecordedFilter, PriorSetFilter},
    },
    chain::{self, Client},
    claims::{self, BRIDGE, CONFIRMED, IMPERMANENT_LOSS, Incident, Line, MOST_ROUNDS},
    deploy::Deployment,
    report::percent_bps,
    story::event,
};

/// From so many rounds of a feed on it is worth a transaction to take them in while all is well.
const WORTHWHILE: u64 = MOST_ROUNDS as u64 - 8;

/// Cohorts that one call serves.
const COHORTS: u64 = 4;

/// Weekly edges that one call brings a line or a vault forward.
const EDGES: u64 = 64;

/// Arbitrum's contract for programs.
const ARB_WASM: u64 = 0x71;

/// A program that runs out within so many seconds is kept alive: the chain forgets programs a year after they were
/// activated, and takes a renewal from its second month on.
const RENEW: u64 = 60 * 86_400;

/// What goes with a renewal, in wei; the chain keeps its fee and gives back the rest.
const RENEWAL: u64 = 10_000_000_000_000_000;

/// Policies that one round looks at.
const POLICIES: u64 = 200;

/// A loss that is worse by so much is booked before its incident closes. Until then the reserve is in full anyway.
const MUCH_BPS: u16 = 100;

/// Latent evidence is repeated after a day.
const REPEAT: u64 = 86_400;

/// A price is taken into the variance of its pair once a day.
const SAMPLE: u64 = 86_400;

/// A rate that is so far from what it should be is set anew, in parts of the larger one: a product's prior, which its cover
/// type tells, and what stakers earn.
const DRIFT: u64 = 100;

/// Families that one call tells their cover types of.
const FAMILIES: usize = 32;

/// `IRisk.Status.OnSale`.
const ON_SALE: u8 = 1;

/// `IAssessor.Stage.Waiting`.
const WAITING: u8 = 3;

/// The longest pause after rounds that failed.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// Transactions of one kind and subject in a round.
const MOST_STEPS: usize = 40;

/// Why a keeper stops for good.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its purse cannot be kept.
    #[error(transparent)]
    Purse(#[from] PurseError),
}

/// What it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// In a word: `report`, `serve`…
    pub kind: &'static str,
    /// In a sentence.
    pub told: String,
}

/// A round: what was done, and what could not be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// What was done.
    pub deeds: Vec<Deed>,
    /// What went wrong, one line each.
    pub troubles: Vec<String>,
}

/// The keeper.
#[derive(Debug)]
pub struct Keeper {
    deployment: Deployment,
    client: Arc<Client>,
    purse: Purse,
    metrics: Metrics,
    /// The policy that the next round looks at first.
    next_policy: u64,
    /// By family: where its newest loss that its cover type was told of is recorded.
    told: BTreeMap<U256, Place>,
    /// By trigger and subject: when it was observed last and had nothing to take in, though that was due.
    silent: BTreeMap<(Address, [u8; 32]), u64>,
}

/// Where a log is: block, place in it, and the block's hash.
type Place = (Option<U64>, U256, H256);

/// A product over all its versions.
struct Family {
    id: U256,
    /// Its newest version.
    newest: U256,
}

impl Keeper {
    /// A keeper of a deployment, who pays from `purse` with the key of `client`.
    #[must_use]
    pub fn new(deployment: Deployment, client: Arc<Client>, purse: Purse, metrics: Metrics) -> Self {
        Self { deployment, client, purse, metrics, next_policy: 1, told: BTreeMap::new(), silent: BTreeMap::new() }
    }

    /// Rounds for ever, `interval` apart; further apart while they fail. Each is handed to `tell`.
    ///
    /// # Errors
    /// [`Error`] only: a node that does not answer is asked again.
    pub async fn run(&mut self, interval: Duration, mut tell: impl FnMut(&Round)) -> Result<(), Error> {
        let mut pause = interval;
        loop {
            let round = self.round().await?;
            pause = if round.troubles.is_empty() { interval } else { (pause * 2).min(LONGEST_PAUSE.max(interval)) };
            tell(&round);
            tokio::time::sleep(pause).await;
        }
    }

    /// Looks at everything once and does what is due.
    ///
    /// # Errors
    /// [`Error`]. What the chain refuses or the node fails at is in the round's troubles, and harms nothing else in it.
    pub async fn round(&mut self) -> Result<Round, Error> {
        let mut round = Round::default();
        let done = self.keep_alive(&mut round).await; // first: a program that ran out answers nothing
        round.note(done)?;
        let lines = claims::lines(&self.deployment, &self.client).await;
        let lines = round.keep(lines).unwrap_or_default();
        for line in &lines {
            let done = self.watch(line, &mut round).await;
            round.note(done)?;
            let done = self.forward(line, &mut round).await;
            round.note(done)?;
        }
        let mut vaults: BTreeSet<Address> = lines.iter().map(|line| line.vault).collect();
        vaults.insert(self.deployment.address("vault"));
        for vault in vaults {
            let done = self.tend(vault, &mut round).await;
            round.note(done)?;
        }
        let done = self.poke(&mut round).await;
        round.note(done)?;
        let mut begun = vec![0; lines.len()];
        let done = self.look_at_policies(&lines, &mut begun, &mut round).await;
        round.note(done)?;
        for (line, begun) in lines.iter().zip(begun) {
            let done = self.look_after(line, begun, &mut round).await;
            round.note(done)?;
        }
        let done = self.sync(&mut round).await;
        round.note(done)?;
        self.count(&round).await;
        Ok(round)
    }

    /// Proves what a line's trigger can prove now, and has Assessor book it.
    async fn watch(&mut self, line: &Line, round: &mut Round) -> Done {
        if line.cover == IMPERMANENT_LOSS {
            return self.sample(line, round).await;
        }
        let (chain, client) = (self.deployment.chain.clone(), self.client.clone());
        let assessor = self.deployment.assessor(&client);
        let trigger = IDepegTrigger::new(line.trigger, client.clone());
        let name = subject_name(&line.subject);
        for _ in 0..MOST_STEPS {
            let pending = claims::pending(&self.deployment, &client, line).await?;
            let labels = [("subject", name.as_str())];
            self.metrics.set(
                "palisade_rounds_waiting",
                "Rounds that a trigger has not taken in.",
                &labels,
                pending.waiting as f64,
            );
            let evidence = pending.evidence.clone();
            let (number, seen) =
                chain.read("observing", trigger.observe(line.subject, evidence.clone()).from(client.address())).await?;
            let seen = Incident {
                number,
                verdict: seen.verdict,
                opened_at: seen.opened_at,
                closed_at: seen.closed_at,
                worst_bps: seen.worst_bps,
            };
            let open = !seen.number.is_zero() && seen.closed_at == 0;
            self.metrics.set(
                "palisade_incident_open",
                "Whether an incident is open.",
                &labels,
                f64::from(u8::from(open)),
            );
            let booked = self.booked(line).await?;
            if self.is_news(line, &seen, &booked).await? {
                let what = format!(
                    "incident #{} of {name}: {}, worst loss {}",
                    seen.number,
                    if seen.closed_at > 0 { "closed" } else { "open" },
                    percent_bps(seen.worst_bps.into())
                );
                let call = assessor.report(line.product, line.subject, evidence);
                if !self.act("report", &what, call, round).await? {
                    return Ok(());
                }
            } else if pending.waiting >= WORTHWHILE || (pending.alarming && pending.waiting > 0) {
                let what = format!("{} rounds of {name}", pending.waiting.min(MOST_ROUNDS as u64));
                if !self.act("observe", &what, trigger.observe(line.subject, evidence), round).await? {
                    return Ok(());
                }
            } else {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether Assessor should hear of an incident: it is new, or proven, or closed, or much worse than what is booked; or
    /// nothing but latent evidence, which lapses if nobody repeats it.
    async fn is_news(&self, line: &Line, seen: &Incident, booked: &Incident) -> Result<bool, chain::Error> {
        if seen.number.is_zero() {
            return Ok(false);
        }
        let worse = seen.worst_bps >= booked.worst_bps.saturating_add(MUCH_BPS);
        if seen.number != booked.number || seen.verdict != booked.verdict || seen.closed_at != booked.closed_at || worse
        {
            return Ok(true);
        }
        if seen.verdict == CONFIRMED {
            return Ok(false);
        }
        let chain = &self.deployment.chain;
        let risk = self.deployment.risk(&self.client);
        let line = chain.read("reading a line", risk.line(line.product, line.subject)).await?;
        let now = chain.now().await?;
        Ok(line.latent_since > 0 && now > line.latent_since.saturating_add(REPEAT))
    }

    /// The newest incident of a line that Assessor has booked.
    async fn booked(&self, line: &Line) -> Result<Incident, chain::Error> {
        let chain = &self.deployment.chain;
        let assessor = self.deployment.assessor(&self.client);
        let number = chain.read("reading incidents", assessor.newest_incident(line.product, line.subject)).await?;
        let (verdict, opened_at, closed_at, worst_bps) =
            chain.read("reading an incident", assessor.incident_of(line.product, line.subject, number)).await?;
        Ok(Incident { number, verdict, opened_at, closed_at, worst_bps })
    }

    /// Processes a line's buckets where one call does not reach the present.
    async fn forward(&mut self, line: &Line, round: &mut Round) -> Done {
        let risk = self.deployment.risk(&self.client);
        let call = |weeks: u64| risk.catch_up(line.product, line.subject, weeks.into());
        self.catch_up(&format!("the weeks of {}", subject_name(&line.subject)), call, round).await
    }

    /// Sends `call` for [`EDGES`] weeks until one week more would reach the present.
    async fn catch_up(
        &mut self,
        what: &str,
        call: impl Fn(u64) -> ContractCall<Client, bool>,
        round: &mut Round,
    ) -> Done {
        let chain = self.deployment.chain.clone();
        for _ in 0..MOST_STEPS {
            let reached = chain.read("looking at weeks", call(1)).await?;
            if reached || !self.act("catch up", what, call(EDGES), round).await? {
                break;
            }
        }
        Ok(())
    }

    /// Brings a vault forward, serves who leaves, tops up who is owed, keeps its history.
    async fn tend(&mut self, address: Address, round: &mut Round) -> Done {
        let chain = self.deployment.chain.clone();
        let vault = IVault::new(address, self.client.clone());
        let call = |edges: u64| vault.catch_up(edges.into());
        self.catch_up(&format!("the weeks of vault {address:?}"), call, round).await?;
        let owed: U256 = chain.read("looking at what is owed", vault.top_up()).await?;
        if !owed.is_zero() {
            self.act("top up", &format!("{owed} to claims of vault {address:?}"), vault.top_up(), round).await?;
        }
        for _ in 0..MOST_STEPS {
            let served = chain.read("looking at who leaves", vault.serve(COHORTS.into())).await;
            let shares = match served {
                Ok((shares, _)) => shares,
                Err(chain::Error::Reverted { .. }) => break, // paused, or an incident is to be settled first
                Err(error) => return Err(error.into()),
            };
            if shares.is_zero() {
                break;
            }
            if !self
                .act("serve", &format!("{shares} shares of vault {address:?}"), vault.serve(COHORTS.into()), round)
                .await?
            {
                break;
            }
        }
        if chain.read("looking at the ability to pay", vault.checkpoint()).await? {
            self.act("checkpoint", &format!("of vault {address:?}"), vault.checkpoint(), round).await?;
        }
        Ok(())
    }

    /// Has the rate at which stakers of shares earn follow their vault's capital, where the one in force is no longer what
    /// the curve says. While nobody stakes none is due: who does sets it.
    async fn poke(&mut self, round: &mut Round) -> Done {
        let chain = self.deployment.chain.clone();
        let rewards = self.deployment.rewards(&self.client);
        if chain.read("looking for stakers", rewards.total_staked()).await?.is_zero() {
            return Ok(());
        }
        let (rate, ..) = chain.read("reading what stakers earn", rewards.emission()).await?;
        let due: U256 = chain.read("asking what stakers should earn", rewards.poke()).await?;
        if has_drifted(rate, due) {
            self.act("poke", &format!("what stakers earn from {rate} to {due} a second"), rewards.poke(), round)
                .await?;
        }
        Ok(())
    }

    /// Has the price of a pair taken into the variance by which its cover is priced, where that was long ago.
    async fn sample(&mut self, line: &Line, round: &mut Round) -> Done {
        let chain = self.deployment.chain.clone();
        let trigger = IImpermanentLossTrigger::new(line.trigger, self.client.clone());
        let window = chain.read("reading a subject", trigger.subject_of(line.subject)).await?.window;
        let last = claims::last_sample(&self.deployment, line).await?;
        if chain.now().await? < last.saturating_add(SAMPLE.max(window.into())) {
            return Ok(());
        }
        let call = trigger.observe(line.subject, Bytes::default());
        match chain.read("looking at a price", call.clone()).await {
            Ok(_) => self.act("sample", &format!("the price of {}", subject_name(&line.subject)), call, round).await?,
            Err(chain::Error::Reverted { .. }) => return Ok(()), // pool and feed do not agree, or one is silent
            Err(error) => return Err(error.into()),
        };
        Ok(())
    }

    /// Stores the price of a moment that a policy of impermanent loss is measured by, while the pool remembers it.
    async fn store_price(&mut self, line: &Line, at: u64, round: &mut Round) -> Done {
        let chain = self.deployment.chain.clone();
        let Some(hint) = claims::missing_price(&self.deployment, &self.client, line, at).await? else {
            return Ok(());
        };
        let trigger = IImpermanentLossTrigger::new(line.trigger, self.client.clone());
        let call = trigger.observe(line.subject, hint.evidence(at));
        let name = subject_name(&line.subject);
        match chain.read("looking at a price", call.clone()).await {
            Ok(_) => self.act("store", &format!("the price of {name} at {at}"), call, round).await?,
            Err(chain::Error::Reverted { .. }) => {
                let labels = [("subject", name.as_str())];
                self.metrics.add(
                    "palisade_prices_missing_total",
                    "Tries to store a price that pool and feed do not tell.",
                    &labels,
                    1.0,
                );
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        Ok(())
    }

    /// Tells cover types what products have seen, where one has had a loss since, or where a prior is no longer what its
    /// cover type says.
    async fn sync(&mut self, round: &mut Round) -> Done {
        let chain = self.deployment.chain.clone();
        let risk = self.deployment.risk(&self.client);
        let mut types: BTreeMap<([u8; 32], u8), Vec<Family>> = BTreeMap::new();
        for id in 1..=chain.read("counting products", risk.product_count()).await?.low_u64() {
            let product = chain.read("reading a product", risk.product(id.into())).await?;
            if product.family != id.into() {
                continue;
            }
            let capital = chain.read("reading a vault's capital", risk.capital_of(product.vault)).await?;
            let family = Family { id: id.into(), newest: product.latest };
            types.entry((capital.asset_key, product.cover)).or_default().push(family);
        }
        let [losses, priors] = self.newest_evidence().await?;
        for ((asset_key, cover), families) in types {
            let rate = match chain.read("reading a cover type", risk.cover_type(asset_key, cover)).await {
                Ok((.., rate)) => rate,
                Err(chain::Error::Reverted { .. }) => continue, // governance has set none
                Err(error) => return Err(error.into()),
            };
            let mut due = false;
            for family in &families {
                let loss = losses.get(&family.id).filter(|loss| priors.get(&family.newest) < Some(loss));
                due |= loss.is_some_and(|loss| self.told.get(&family.id) != Some(loss));
                due |= has_drifted(chain.read("reading a prior", risk.prior(family.newest)).await?, rate);
            }
            if !due {
                continue;
            }
            for families in families.chunks(FAMILIES) {
                let ids: Vec<U256> = families.iter().map(|family| family.id).collect();
                let what = format!("what {} products of cover type {cover} have seen", ids.len());
                if !self.act("sync", &what, risk.sync_cover_type(ids.clone()), round).await? {
                    return Ok(());
                }
                self.told.extend(ids.into_iter().filter_map(|id| Some((id, *losses.get(&id)?))));
            }
        }
        Ok(())
    }

    /// Where each family's newest loss was recorded, and where each product's prior was set last.
    async fn newest_evidence(&self) -> Result<[BTreeMap<U256, Place>; 2], chain::Error> {
        let kinds = [LossRecordedFilter::signature(), PriorSetFilter::signature()];
        let filter = Filter::new().address(self.deployment.address("risk")).topic0(kinds.to_vec());
        let mut newest = [BTreeMap::new(), BTreeMap::new()];
        for log in claims::logs(&self.deployment, filter).await? {
            let kind = kinds.iter().position(|kind| log.topics.first() == Some(kind));
            let (Some(kind), Some(id), Some(block), Some(index)) =
                (kind, log.topics.get(1), log.block_hash, log.log_index)
            else {
                continue;
            };
            // logs come in the order of the chain
            newest[kind].insert(U256::from_big_endian(id.as_bytes()), (log.block_number, index, block));
        }
        Ok(newest)
    }

    /// Closes policies that were filed on and are over (the others leave Risk's books by themselves), goes on with claims
    /// that are due, and stores the prices that claims on positions are measured by.
    async fn look_at_policies(&mut self, lines: &[Line], begun: &mut [u64], round: &mut Round) -> Done {
        let chain = self.deployment.chain.clone();
        let contract = self.deployment.policy(&self.client);
        let clock = chain.read("reading the claims clock", self.deployment.risk(&self.client).claims_clock()).await?;
        let count = chain.read("counting policies", contract.policy_count()).await?.low_u64();
        let first = if self.next_policy > count { 1 } else { self.next_policy };
        let last = count.min(first.saturating_add(POLICIES).saturating_sub(1));
        let now = chain.now().await?;
        let mut over = Vec::new();
        let mut open = Vec::new();
        let mut moments = BTreeSet::new();
        for id in first..=last {
            let policy: Policy = chain.read("reading a policy", contract.policy_of(id.into())).await?;
            if policy.locked {
                open.push(U256::from(id));
            }
            let ended = policy.expired || policy.cancelled || policy.locked;
            if policy.filed && !ended && clock > policy.deadline.into() && over.len() < 50 {
                over.push(U256::from(id));
            }
            let is_its = |line: &Line| line.product == policy.product && line.subject == policy.subject;
            let Some(line) = lines.iter().position(is_its) else { continue };
            if policy.expired || policy.cancelled {
                continue;
            }
            if lines[line].cover == IMPERMANENT_LOSS && clock <= policy.deadline.into() {
                moments.extend([(line, policy.start), (line, policy.end)]);
            }
            if policy.start <= now && now < policy.end {
                begun[line] = policy.start.max(begun[line]);
            }
        }
        self.next_policy = last.saturating_add(1);
        if !over.is_empty() {
            let what = format!("{} policies that are over", over.len());
            self.act("expire", &what, contract.batch_expire(over), round).await?;
        }
        for policy in open {
            self.execute(policy, round).await?;
        }
        for (line, at) in moments {
            match self.store_price(&lines[line], at, round).await {
                Err(Stop::Chain(error)) => round.troubles.push(error.to_string()), // of this moment alone
                other => other?,
            }
        }
        Ok(())
    }

    /// Observes a line on which nothing has happened, so that its trigger can tell of what will: where there is cover, or a
    /// bridge without whose supply none can be sold. `begun` is when the newest of the policies on it began that this round
    /// has looked at, 0 for none.
    async fn look_after(&mut self, line: &Line, begun: u64, round: &mut Round) -> Done {
        let chain = self.deployment.chain.clone();
        let place = (line.trigger, line.subject);
        let tried = self.silent.get(&place).copied().unwrap_or_default();
        let (deployment, client) = (self.deployment.clone(), self.client.clone());
        let is_due = |tried: u64| claims::is_due(&deployment, &client, line, begun, tried);
        match is_due(tried).await {
            Ok(true) => {}
            // somebody else's trigger may know none of these functions
            Ok(false) | Err(chain::Error::Reverted { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let risk = self.deployment.risk(&self.client);
        let is_covered = !chain.read("reading a line", risk.line(line.product, line.subject)).await?.cover.is_zero();
        let is_sold = line.cover == BRIDGE
            && chain.read("reading a product", risk.product(line.product)).await?.status == ON_SALE;
        if !is_covered && !is_sold {
            return Ok(());
        }
        // All of them have the function of this one.
        let trigger = IDepegTrigger::new(line.trigger, self.client.clone());
        let call = trigger.observe(line.subject, Bytes::default());
        let what = format!("{}, where all is quiet", subject_name(&line.subject));
        if !self.act("observe", &what, call, round).await? {
            return Ok(());
        }
        if is_due(0).await? {
            self.silent.insert(place, chain.now().await?);
        } else {
            self.silent.remove(&place);
        }
        Ok(())
    }

    /// Goes on with an open claim that is due.
    async fn execute(&mut self, policy: U256, round: &mut Round) -> Done {
        let chain = self.deployment.chain.clone();
        let assessor = self.deployment.assessor(&self.client);
        let claim = chain.read("reading a claim", assessor.open_claim(policy)).await?;
        let entry = claims::entry_of(&self.deployment, policy).await?;
        let call = assessor.execute(policy, entry, Bytes::default());
        let confirmed = match chain.read("executing", call.clone().from(self.client.address())).await {
            Ok((confirmed, _)) => confirmed,
            Err(chain::Error::Reverted { .. }) => return Ok(()), // it is too early, or its jury has not ended
            Err(error) => return Err(error.into()),
        };
        // What would wait on at the same stage for a trigger that cannot tell is asked again, and not paid for.
        if claim.stage == WAITING && confirmed.is_zero() && !claim.answered && chain.now().await? < claim.due {
            return Ok(());
        }
        self.act("execute", &format!("the claim on policy #{policy}"), call, round).await?;
        Ok(())
    }

    /// Renews programs that would run out, and activates those that have.
    async fn keep_alive(&mut self, round: &mut Round) -> Done {
        let chain = self.deployment.chain.clone();
        let contract = ArbWasm::new(Address::from_low_u64_be(ARB_WASM), self.client.clone());
        for (name, hash) in self.deployment.ledger.code_hashes.clone() {
            let program = self.deployment.address(&name);
            let activate = contract.activate_program(program).value(RENEWAL).from(self.client.address());
            let left = match chain.read("reading a program's time", contract.program_time_left(program)).await {
                Ok(left) => left,
                // It ran out, if the chain would take it again; else it is a chain that does not tell.
                Err(chain::Error::Reverted { .. }) => match chain.read("activating", activate.clone()).await {
                    Ok(_) => 0,
                    Err(chain::Error::Reverted { .. }) => continue,
                    Err(error) => return Err(error.into()),
                },
                Err(error) => return Err(error.into()),
            };
            let labels = [("program", name.as_str())];
            self.metrics.set(
                "palisade_program_seconds_left",
                "Until the chain forgets a program.",
                &labels,
                left as f64,
            );
            if left == 0 {
                self.act("activate", &format!("program {name} again"), activate, round).await?;
            } else if left < RENEW {
                let call = contract.codehash_keepalive(hash.0).value(RENEWAL);
                self.act("keep alive", &format!("program {name}"), call, round).await?;
            }
        }
        Ok(())
    }

    /// Sends a call where the purse allows it; false where it does not.
    async fn act<D: Detokenize>(
        &mut self,
        kind: &'static str,
        what: &str,
        call: ContractCall<Client, D>,
        round: &mut Round,
    ) -> Result<bool, Stop> {
        let chain = self.deployment.chain.clone();
        let signed = chain.sign(kind, &self.client, call.tx).await?;
        let now = chain::wall_clock();
        let (gas, price, value) = signed.at_most();
        let reserved = match self.purse.reserve(now, gas, price, value)? {
            Ok(reserved) => reserved,
            Err(refusal) => {
                self.metrics.add("palisade_refused_total", "Transactions beyond the limits.", &[("kind", kind)], 1.0);
                round.troubles.push(format!("{kind} ({what}) was not sent: {refusal}"));
                return Ok(false);
            }
        };
        let receipt = match chain.submit(kind, &signed).await {
            // It never got there: it cost nothing. What may still be mined stays set aside.
            Err(error @ chain::Error::Reverted { .. }) => {
                self.purse.settle(&reserved, U256::zero())?;
                return Err(error.into());
            }
            other => other?,
        };
        let fee = if value.is_zero() { U256::zero() } else { renewal_fee(&receipt).unwrap_or(value) };
        let paid = receipt
            .gas_used
            .unwrap_or(gas)
            .saturating_mul(receipt.effective_gas_price.unwrap_or(price))
            .saturating_add(fee);
        self.purse.settle(&reserved, paid)?;
        self.metrics.add("palisade_transactions_total", "Transactions that were mined.", &[("kind", kind)], 1.0);
        self.metrics.add("palisade_spent_wei_total", "Wei spent since the keeper began.", &[], paid.as_u128() as f64);
        round.deeds.push(Deed { kind, told: format!("{what}, in {:?}", receipt.transaction_hash) });
        Ok(true)
    }

    /// Counts the round, and shows what the vaults can pay.
    async fn count(&self, round: &Round) {
        let metrics = &self.metrics;
        metrics.add("palisade_keeper_rounds_total", "Rounds.", &[], 1.0);
        metrics.add("palisade_keeper_troubles_total", "What went wrong in rounds.", &[], round.troubles.len() as f64);
        let now = chain::wall_clock();
        if round.troubles.is_empty() {
            metrics.set(
                "palisade_keeper_last_good_round",
                "When all went well last, in seconds since 1970.",
                &[],
                now as f64,
            );
        }
        metrics.set(
            "palisade_spent_wei_today",
            "Wei set aside or spent on gas today.",
            &[],
            self.purse.spent(now).as_u128() as f64,
        );
        let chain = &self.deployment.chain;
        let vault = self.deployment.vault(&self.client);
        if let Ok(solvency) = chain.read("reading solvency", vault.solvency()).await {
            for (name, help, value) in [
                ("palisade_assets", "What the pool has, in the asset's smallest unit.", solvency.assets),
                ("palisade_owed", "Confirmed claims that are not paid yet.", solvency.owed),
                ("palisade_reserve", "The worst that open incidents can still take.", solvency.reserve),
                ("palisade_active_cover", "The worst payout of all cover.", solvency.active_cover),
                ("palisade_coverage_bps", "Capital over the capital required, in basis points.", solvency.coverage_bps),
            ] {
                let value = u128::try_from(value).map_or(f64::INFINITY, |value| value as f64);
                metrics.set(name, help, &[], value);
            }
        }
        if let Ok(balance) = chain.provider().get_balance(self.client.address(), None).await {
            metrics.set("palisade_keeper_balance_wei", "The keeper's ether.", &[], balance.as_u128() as f64);
        }
    }
}

/// Why a part of a round ended early.
enum Stop {
    /// On the chain: told, and tried again in the next round.
    Chain(chain::Error),
    /// For good.
    Purse(PurseError),
}

type Done = Result<(), Stop>;

impl From<chain::Error> for Stop {
    fn from(error: chain::Error) -> Self {
        Self::Chain(error)
    }
}

impl From<PurseError> for Stop {
    fn from(error: PurseError) -> Self {
        Self::Purse(error)
    }
}

impl Round {
    fn keep<T>(&mut self, result: Result<T, chain::Error>) -> Option<T> {
        result.map_err(|error| self.troubles.push(error.to_string())).ok()
    }

    fn note(&mut self, done: Done) -> Result<(), Error> {
        match done {
            Ok(()) => Ok(()),
            Err(Stop::Chain(error)) => {
                self.troubles.push(error.to_string());
                Ok(())
            }
            Err(Stop::Purse(error)) => Err(error.into()),
        }
    }
}

/// Whether a rate is no longer what it should be.
fn has_drifted(rate: U256, due: U256) -> bool {
    let (low, high) = (rate.min(due), rate.max(due));
    (high - low).saturating_mul(DRIFT.into()) > high
}

/// What the chain kept of the ether that went with a renewal or an activation.
fn renewal_fee(receipt: &TransactionReceipt) -> Option<U256> {
    let from = Address::from_low_u64_be(ARB_WASM);
    event::<ProgramLifetimeExtendedFilter>(receipt, from)
        .map(|renewed| renewed.data_fee)
        .or_else(|| event::<ProgramActivatedFilter>(receipt, from).map(|activated| activated.data_fee))
}

/// A subject as people named it, or in hexadecimal.
#[must_use]
pub fn subject_name(subject: &[u8; 32]) -> String {
    let end = subject.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    match std::str::from_utf8(&subject[..end]) {
        Ok(text) if !text.is_empty() && text.chars().all(|c| !c.is_control()) => text.to_owned(),
        _ => format!("{}", Bytes::from(subject.to_vec())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_drifted_from_one_percent_on() {
        let drifted = |rate: u64, due: u64| has_drifted(rate.into(), due.into());
        assert!(!drifted(0, 0) && !drifted(100, 100) && !drifted(99, 100) && !drifted(100, 99));
        assert!(drifted(989, 1_000) && drifted(1_000, 989) && drifted(0, 1) && drifted(1, 0));
    }

    #[test]
    fn a_subject_is_named_as_people_named_it() {
        assert_eq!(subject_name(&crate::deploy::plan::word("USDC/USD")), "USDC/USD");
        assert_eq!(subject_name(&[0xff; 32]), format!("0x{}", "ff".repeat(32)));
        assert_eq!(subject_name(&[0; 32]), format!("0x{}", "00".repeat(32)));
    }
}
