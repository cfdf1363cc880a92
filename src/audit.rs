//! Whether a deployment is what it should be, read from the chain: its code against what was deployed and against the
//! build, who owns and guards what, who has which role, what waits in the timelock, who calls whom, every parameter
//! against its bounds, and that neither the timelock nor the deployer holds anything.
//!
//! Each fact is a [`Check`]. What cannot be read does not hold.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{Debug, Display},
    future::Future,
    sync::Arc,
};

use ethers::{
    abi::Detokenize,
    contract::{ContractCall, EthEvent},
    providers::Middleware,
    types::{Address, Filter, H256, Log, U256},
    utils::keccak256,
};
use serde::Serialize;

use crate::{
    artefact::Builder,
    bindings::{
        ArbWasm, IAllocator, IAssessor, IDistribution, IGovernor, IGuardian, IJury, IPolicy, IRewards, IRisk,
        ITimelock, IToken, ITreasury, IVault, IVesting, StableCoin,
        governor::ProposalCreatedFilter,
        timelock::{CallScheduledFilter, RoleGrantedFilter, RoleRevokedFilter},
    },
    chain::{self, Chain, Client},
    claims::decode,
    dao::{Motion, State},
    deploy::{Ledger, deployer::program_of, plan::supply},
};

const DAY: u64 = 86_400;

/// A program is renewed long before it runs out (after a year): this much earlier at the latest.
const LEAST_PROGRAM_TIME: u64 = 7 * DAY;

/// The longest patience of a vault with incidents: 72 hours.
const MOST_PATIENCE: u64 = 3 * DAY;

/// Basis points of one.
const ONE: u64 = 10_000;

/// Programs that others are owned by the timelock beside, and that have no owner themselves: nobody can change them.
const OWNERLESS: &[&str] = &["token", "timelock", "governor", "certificate", "distribution"];

/// What the guardian's office is the guardian of.
pub const GUARDED: &[&str] = &["risk", "vault", "allocator", "policy", "assessor"];

/// What a contract with its own time to live must answer.
const ARB_WASM: u64 = 0x71;

/// Roles of the timelock.
const ROLES: [&str; 4] = ["DEFAULT_ADMIN_ROLE", "PROPOSER_ROLE", "EXECUTOR_ROLE", "CANCELLER_ROLE"];

/// What a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// Code on chain.
    Code,
    /// Owners, set-up keys, guardians.
    Owners,
    /// Roles in the timelock, and what was scheduled by them.
    Roles,
    /// Who calls whom.
    Wiring,
    /// Parameters against their bounds.
    Parameters,
    /// Who holds what.
    Money,
}

impl Display for Topic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!("{self:?}").to_lowercase())
    }
}

/// One fact.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What it is about.
    pub topic: Topic,
    /// Of what.
    pub what: String,
    /// What the chain says.
    pub found: String,
    /// What it should say.
    pub expected: String,
    /// Whether it does.
    pub holds: bool,
}

impl Display for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is {}, not {}", self.what, self.found, self.expected)
    }
}

/// Reads a deployment from the chain. With a builder, its code is compared with the build as well.
///
/// # Errors
/// Where the chain does not answer at all; what a contract does not answer is a check that does not hold.
pub async fn audit(
    chain: &Chain,
    client: &Arc<Client>,
    ledger: &Ledger,
    build: Option<&Builder>,
) -> Result<Vec<Check>, chain::Error> {
    chain.block_number().await?;
    let mut audit = Audit { chain, client, ledger, checks: Vec::new() };
    audit.code(build).await;
    audit.owners().await;
    audit.roles().await;
    audit.waiting().await;
    audit.wiring().await;
    audit.dao().await;
    audit.vaults().await;
    audit.products().await;
    audit.insurer().await;
    audit.money().await;
    Ok(audit.checks)
}

struct Audit<'a> {
    chain: &'a Chain,
    client: &'a Arc<Client>,
    ledger: &'a Ledger,
    checks: Vec<Check>,
}

impl Audit<'_> {
    fn at(&self, name: &str) -> Address {
        self.ledger.contract(name).unwrap_or_default()
    }

    /// Names of the ledger's contracts that are deployed of this program, `vault`, `vault#2` and so on.
    fn all(&self, program: &str) -> Vec<String> {
        let of = |name: &&String| program_of(name) == program;
        self.ledger.code_hashes.keys().filter(of).cloned().collect()
    }

    fn note(&mut self, topic: Topic, what: impl Into<String>, found: String, expected: String, holds: bool) {
        self.checks.push(Check { topic, what: what.into(), found, expected, holds });
    }

    fn same<T: Debug + PartialEq>(&mut self, topic: Topic, what: impl Into<String>, found: Option<T>, expected: T) {
        if let Some(found) = found {
            self.note(topic, what, format!("{found:?}"), format!("{expected:?}"), found == expected);
        }
    }

    /// That a parameter is from `least` to `most`.
    fn within<T: Into<U256>>(
        &mut self,
        what: impl Into<String>,
        found: Option<T>,
        least: impl Into<U256>,
        most: impl Into<U256>,
    ) {
        if let Some(found) = found {
            let (found, least, most) = (found.into(), least.into(), most.into());
            let holds = least <= found && found <= most;
            self.note(Topic::Parameters, what, found.to_string(), format!("{least} to {most}"), holds);
        }
    }

    /// What a contract answers. Where it does not, that is a check that does not hold.
    async fn ask<D: Detokenize>(&mut self, topic: Topic, what: &str, call: ContractCall<Client, D>) -> Option<D> {
        let answer = self.chain.read(what, call).await;
        self.or_note(topic, what, answer)
    }

    fn or_note<T>(&mut self, topic: Topic, what: &str, answer: Result<T, chain::Error>) -> Option<T> {
        answer.map_err(|error| self.note(topic, what, error.to_string(), "an answer".into(), false)).ok()
    }

    // ———————————————————————————————————————————————————————————————————————————————————————————————————————— code

    async fn code(&mut self, build: Option<&Builder>) {
        let arb_wasm = ArbWasm::new(Address::from_low_u64_be(ARB_WASM), self.client.clone());
        for (name, deployed) in self.ledger.code_hashes.clone() {
            let address = self.at(&name);
            let code = self.chain.code(address).await;
            let what = format!("the code of {name}");
            let Some(code) = self.or_note(Topic::Code, &what, code) else { continue };
            let found = H256(keccak256(&code));
            self.same(Topic::Code, what, Some(found), deployed);
            if let Some(Ok(built)) = build.map(|builder| builder.code(program_of(&name))) {
                let what = format!("the build of {name}");
                self.same(Topic::Code, what, Some(H256(keccak256(built))), deployed);
            }
            let what = format!("the time that the program of {name} has left");
            let left = self.ask(Topic::Code, &what, arb_wasm.program_time_left(address)).await;
            self.within(what, left, LEAST_PROGRAM_TIME, u64::MAX);
        }
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————————————— owners

    async fn owners(&mut self) {
        let (timelock, office) = (self.at("timelock"), self.at("guardian"));
        let owned: Vec<_> = self.ledger.code_hashes.keys().cloned().collect();
        for name in owned {
            let program = program_of(&name);
            if OWNERLESS.contains(&program) || program.ends_with("-ext") || program.ends_with("-more") {
                continue;
            }
            // owner, set-up key and guardian are the same functions on each
            let contract = IVault::new(self.at(&name), self.client.clone());
            let guardian = if GUARDED.contains(&program) { office } else { Address::zero() };
            let facts = [
                ("owner", contract.owner(), timelock),
                ("offered owner", contract.pending_owner(), Address::zero()),
                ("set-up key", contract.setup(), Address::zero()),
                ("guardian", contract.guardian(), guardian),
            ];
            for (fact, call, expected) in facts {
                let what = format!("the {fact} of {name}");
                let found = self.ask(Topic::Owners, &what, call).await;
                self.same(Topic::Owners, what, found, expected);
            }
        }
    }

    // ——————————————————————————————————————————————————————————————————————————————————————————————————————— roles

    /// Who has a role in the timelock, by all that it ever told, and by what it says today.
    async fn roles(&mut self) {
        const WHAT: &str = "the timelock's roles";
        let timelock = ITimelock::new(self.at("timelock"), self.client.clone());
        let history = self.role_history().await;
        let Some(history) = self.or_note(Topic::Roles, WHAT, history) else { return };
        let (governor, office) = (self.at("governor"), self.at("guardian"));
        let expected: [BTreeSet<Address>; 4] =
            [[timelock.address()].into(), [governor].into(), [Address::zero()].into(), [governor, office].into()];
        for (name, expected) in ROLES.iter().zip(expected) {
            let role = role(name);
            let told = history.get(&role).cloned().unwrap_or_default();
            // who was told of and who should be are asked about one by one
            let mut found = BTreeSet::new();
            for account in told.union(&expected) {
                let what = format!("whether {account:?} has {name}");
                if self.ask(Topic::Roles, &what, timelock.has_role(role, *account)).await == Some(true) {
                    found.insert(*account);
                }
            }
            self.same(Topic::Roles, format!("who has {name}"), Some(found), expected);
            let what = format!("the administrator of {name}");
            let admin = self.ask(Topic::Roles, &what, timelock.get_role_admin(role)).await;
            self.same(Topic::Roles, what, admin.map(H256), H256::zero());
        }
        let unknown: BTreeSet<_> =
            history.keys().filter(|key| !ROLES.iter().any(|name| role(name) == **key)).map(|key| H256(*key)).collect();
        self.same(Topic::Roles, "roles that the timelock does not know", Some(unknown), BTreeSet::new());
    }

    /// Everybody who was ever granted a role.
    async fn role_history(&self) -> Result<BTreeMap<[u8; 32], BTreeSet<Address>>, chain::Error> {
        let mut roles: BTreeMap<[u8; 32], BTreeSet<Address>> = BTreeMap::new();
        for log in self.told("timelock", vec![RoleGrantedFilter::signature(), RoleRevokedFilter::signature()]).await? {
            if let [_, role, account, ..] = log.topics[..] {
                roles.entry(role.0).or_default().insert(Address::from(account));
            }
        }
        Ok(roles)
    }

    /// The events of these kinds that a contract ever told.
    async fn told(&self, name: &str, events: Vec<H256>) -> Result<Vec<Log>, chain::Error> {
        let filter = Filter::new().address(self.at(name)).topic0(events);
        self.chain.logs(&filter, self.ledger.first_block()).await
    }

    /// That what waits in the timelock is what the governor queued: who may schedule no more may have left something
    /// there that is executed all the same.
    async fn waiting(&mut self) {
        const WHAT: &str = "what waits in the timelock";
        let timelock = ITimelock::new(self.at("timelock"), self.client.clone());
        let governor = IGovernor::new(self.at("governor"), self.client.clone());
        let scheduled = self.told("timelock", vec![CallScheduledFilter::signature()]).await;
        let Some(scheduled) = self.or_note(Topic::Roles, WHAT, scheduled) else { return };
        let proposed = self.told("governor", vec![ProposalCreatedFilter::signature()]).await;
        let Some(proposed) = self.or_note(Topic::Roles, WHAT, proposed) else { return };
        let ids: BTreeSet<_> = scheduled.iter().filter_map(|log| log.topics.get(1).copied()).collect();
        let mut found = BTreeSet::new();
        for id in ids {
            let what = format!("whether {id:?} waits in the timelock");
            if self.ask(Topic::Roles, &what, timelock.is_operation_pending(id.0)).await == Some(true) {
                found.insert(id);
            }
        }
        let mut expected = BTreeSet::new();
        for proposal in proposed.into_iter().filter_map(decode::<ProposalCreatedFilter>) {
            let what = format!("the state of proposal {}", proposal.proposal_id);
            let state = self.ask(Topic::Roles, &what, governor.state(proposal.proposal_id)).await;
            if state.and_then(State::from_number) == Some(State::Queued) {
                let operation = Motion::from(proposal).operation(&timelock, governor.address());
                expected.extend(self.ask(Topic::Roles, "the id of a queued proposal", operation).await.map(H256));
            }
        }
        self.same(Topic::Roles, WHAT, Some(found), expected);
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————————————— wiring

    /// That what a contract answers is the address of that name.
    async fn wired<F>(&mut self, what: &str, call: F, name: &str)
    where
        F: Future<Output = Result<Address, ethers::contract::ContractError<Client>>>,
    {
        let answer = call.await.map_err(|error| chain::contract_error(what, &error));
        let found = self.or_note(Topic::Wiring, what, answer);
        let expected = self.at(name);
        self.same(Topic::Wiring, what, found, expected);
    }

    async fn wiring(&mut self) {
        let client = self.client.clone();
        for vault in self.all("vault") {
            let suffix = vault.trim_start_matches("vault").to_owned();
            let contract = IVault::new(self.at(&vault), client.clone());
            if let Some(peers) = self.ask(Topic::Wiring, &format!("the peers of {vault}"), contract.peers()).await {
                for (name, found) in
                    [("risk", peers.0), ("policy", peers.1), ("assessor", peers.2), ("treasury", peers.3)]
                {
                    let expected = self.at(name);
                    self.same(Topic::Wiring, format!("the {name} of {vault}"), Some(found), expected);
                }
            }
            let allocator = format!("allocator{suffix}");
            let (lender, asset) = (contract.allocator(), contract.asset());
            self.wired(&format!("the allocator of {vault}"), lender.call(), &allocator).await;
            self.wired(&format!("the asset of {vault}"), asset.call(), "asset").await;
            let (second, third) = (contract.extension(), contract.second_extension());
            self.wired(&format!("the second program of {vault}"), second.call(), "vault-ext").await;
            self.wired(&format!("the third program of {vault}"), third.call(), "vault-more").await;
            let contract = IAllocator::new(self.at(&allocator), client.clone());
            self.wired(&format!("the vault of {allocator}"), contract.vault().call(), &vault).await;
        }
        let policy = IPolicy::new(self.at("policy"), client.clone());
        if let Some(peers) = self.ask(Topic::Wiring, "the peers of policy", policy.peers()).await {
            let facts = [("risk", peers.0), ("assessor", peers.1), ("certificate", peers.2)];
            for (name, found) in facts {
                let expected = self.at(name);
                self.same(Topic::Wiring, format!("the {name} of policy"), Some(found), expected);
            }
        }
        let risk = IRisk::new(self.at("risk"), client.clone());
        if let Some(peers) = self.ask(Topic::Wiring, "the peers of risk", risk.peers()).await {
            let expected = (self.at("policy"), self.at("assessor"));
            self.same(Topic::Wiring, "policy and assessor of risk", Some(peers), expected);
        }
        let assessor = IAssessor::new(self.at("assessor"), client.clone());
        if let Some(peers) = self.ask(Topic::Wiring, "the peers of assessor", assessor.peers()).await {
            let expected = (self.at("risk"), self.at("policy"));
            self.same(Topic::Wiring, "risk and policy of assessor", Some(peers), expected);
        }
        let jury = IJury::new(self.at("jury"), client.clone());
        let governor = IGovernor::new(self.at("governor"), client.clone());
        let distribution = IDistribution::new(self.at("distribution"), client.clone());
        let guardian = IGuardian::new(self.at("guardian"), client.clone());
        let rewards = IRewards::new(self.at("rewards"), client.clone());
        let facts = [
            ("the second program of policy", policy.extension(), "policy-ext"),
            ("the second program of risk", risk.extension(), "risk-ext"),
            ("the third program of risk", risk.second_extension(), "risk-more"),
            ("the second program of assessor", assessor.extension(), "assessor-ext"),
            ("the jury of assessor", assessor.jury(), "jury"),
            ("the second program of jury", jury.extension(), "jury-ext"),
            ("the assessor of jury", jury.assessor(), "assessor"),
            ("the token of jury", jury.token(), "token"),
            ("the token of governor", governor.token(), "token"),
            ("the timelock of governor", governor.timelock(), "timelock"),
            ("the second program of governor", governor.extension(), "governor-ext"),
            ("the risk of distribution", distribution.risk(), "risk"),
            ("the timelock of guardian", guardian.timelock(), "timelock"),
            ("the vault of rewards", rewards.vault(), "vault"),
            ("the token of rewards", rewards.token(), "token"),
            ("the policy of rewards", rewards.policy(), "policy"),
        ];
        for (what, call, name) in facts {
            self.wired(what, call.call(), name).await;
        }
        for name in self.all("vesting") {
            let vesting = IVesting::new(self.at(&name), client.clone());
            self.wired(&format!("the token of {name}"), vesting.token().call(), "token").await;
        }
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————— parameters

    /// The governor's, the timelock's, the treasury's, the guardian's and the rewards'.
    async fn dao(&mut self) {
        const AREA: Topic = Topic::Parameters;
        let client = self.client.clone();
        let timelock = ITimelock::new(self.at("timelock"), client.clone());
        let vault = IVault::new(self.at("vault"), client.clone());
        let governor = IGovernor::new(self.at("governor"), client.clone());
        let cooldown = self.ask(AREA, "the vault's cooldown", vault.cooldown()).await.unwrap_or_default();
        let week = self.ask(AREA, "the vault's week", vault.week_seconds()).await.unwrap_or_default();
        let known = self.ask(AREA, "the cooldown that the timelock knows", timelock.cooldown()).await;
        self.within("the cooldown that the timelock knows", known, cooldown + week, U256::MAX);
        let delay = self.ask(AREA, "the timelock's delay", timelock.get_min_delay()).await;
        self.within("the timelock's delay", delay, cooldown + week + 1, 365 * DAY);

        let clock = self.ask(AREA, "the governor's delay", governor.voting_delay()).await;
        self.within("the governor's delay before a vote", clock, 1, 365 * DAY);
        let period = self.ask(AREA, "the governor's voting period", governor.voting_period()).await;
        self.within("the governor's voting period", period, 1, 365 * DAY);
        let threshold = self.ask(AREA, "the governor's threshold", governor.proposal_threshold()).await;
        self.within("the governor's threshold", threshold, 1, supply() / 10);
        let quorum = self.ask(AREA, "the governor's quorum", governor.quorum_numerator()).await;
        self.within("the governor's quorum, in percent", quorum, 1, 50);
        let votes = IToken::new(self.at("token"), client.clone());
        let issued = self.ask(AREA, "the supply of votes", votes.total_supply()).await;
        self.same(AREA, "the supply of votes", issued, supply());

        let treasury = ITreasury::new(self.at("treasury"), client.clone());
        let period = self.ask(AREA, "the treasury's period", treasury.period_seconds()).await;
        self.within("the treasury's period", period, 60, 366 * DAY);
        let budget = self.ask(AREA, "the treasury's budget of votes", treasury.budget_of(self.at("token"))).await;
        let budgets = budget.map(|(now, next, ..)| now.max(next));
        self.within("the treasury's budget of votes", budgets, 0, supply() / 10);

        let guardian = IGuardian::new(self.at("guardian"), client.clone());
        let longest = self.ask(AREA, "the guardian's longest term", guardian.longest_term()).await;
        self.within("the guardian's longest term", longest, 1, 366 * DAY);
        let now = self.chain.now().await.unwrap_or_default();
        let until = self.ask(AREA, "the guardian's term", guardian.office()).await.map(|(_, until)| until);
        self.within("the end of the guardian's term", until, 0, now + longest.unwrap_or_default());
        let acts = self.ask(AREA, "the guardian's acts", guardian.acts_left()).await.map(|(_, most)| most);
        self.within("the guardian's acts in a week", acts, 4, 64);

        let rewards = IRewards::new(self.at("rewards"), client);
        let loyalty = self.ask(AREA, "the loyalty share", rewards.loyalty()).await;
        self.within("the loyalty share", loyalty.map(|(bps, _)| u64::from(bps)), 0, 2_000);
    }

    async fn vaults(&mut self) {
        const AREA: Topic = Topic::Parameters;
        let client = self.client.clone();
        let risk = IRisk::new(self.at("risk"), client.clone());
        let assessor = IAssessor::new(self.at("assessor"), client.clone());
        for name in self.all("vault") {
            let address = self.at(&name);
            let vault = IVault::new(address, client.clone());
            let patience = self.ask(AREA, &format!("the patience of {name}"), vault.patience()).await;
            self.within(format!("the patience of {name}"), patience, 0, MOST_PATIENCE);
            let limits = self.ask(AREA, &format!("the limit of {name}"), assessor.limits_of(address)).await;
            let at_once = limits.map(|limits| u64::from(limits.0));
            self.within(format!("what {name} pays at once, in basis points"), at_once, 0, 2_000);
            // a vault that no vote has listed yet has no capital to require
            let Ok(capital) = risk.capital_of(address).call().await else { continue };
            let (minimum, target) = (u64::from(capital.minimum_bps), u64::from(capital.target_bps));
            self.within(format!("the minimum capital factor of {name}"), Some(minimum), ONE, u16::MAX);
            self.within(format!("the target capital factor of {name}"), Some(target), minimum, u16::MAX);
        }
        for name in self.all("allocator") {
            let allocator = IAllocator::new(self.at(&name), client.clone());
            let what = format!("the strategies of {name}");
            let count = self.ask(AREA, &what, allocator.strategies()).await.map(|list| list.len());
            self.within(what, count, 0, 8);
        }
    }

    async fn products(&mut self) {
        const AREA: Topic = Topic::Parameters;
        let client = self.client.clone();
        let risk = IRisk::new(self.at("risk"), client);
        let vaults: BTreeSet<_> = self.all("vault").iter().map(|name| self.at(name)).collect();
        let Some(count) = self.ask(AREA, "the number of products", risk.product_count()).await else { return };
        let least = self.ask(AREA, "the parameters of risk", risk.parameters()).await.map(|known| known.2);
        for id in 1..=count.as_u64() {
            let what = format!("product #{id}");
            let Some(product) = self.ask(AREA, &what, risk.product(id.into())).await else { continue };
            let known = vaults.contains(&product.vault);
            let vault = format!("{:?}", product.vault);
            self.note(Topic::Wiring, format!("the vault of {what}"), vault, "a vault of the deployment".into(), known);
            let code = self.chain.code(product.trigger).await.unwrap_or_default();
            let trigger = format!("{:?}", product.trigger);
            let is_contract = !code.is_empty();
            self.note(Topic::Wiring, format!("the trigger of {what}"), trigger, "a contract".into(), is_contract);
            let Some(terms) = self.ask(AREA, &format!("the terms of {what}"), risk.terms(id.into())).await else {
                continue;
            };
            let (pricing, limits) = (terms.pricing, terms.limits);
            let shortest = least.unwrap_or_default();
            let bounded: [(&str, U256, U256, U256); 9] = [
                ("capacity", limits.capacity_bps.into(), 1.into(), ONE.into()),
                ("capital factor", limits.capital_factor_bps.into(), 1.into(), ONE.into()),
                ("share of a subject", limits.subject_bps.into(), 1.into(), ONE.into()),
                ("most coinsurance", limits.coinsurance_max_bps.into(), 0.into(), 9_000.into()),
                ("deductible", limits.deductible_bps.into(), 0.into(), 5_000.into()),
                ("waiting period", limits.waiting.into(), shortest, (180 * DAY).into()),
                ("grace", limits.grace.into(), shortest, (180 * DAY).into()),
                ("longest term", limits.max_term.into(), limits.min_term.into(), (730 * DAY).into()),
                ("margin", pricing.margin_bps.into(), ONE.into(), 50_000.into()),
            ];
            for (parameter, found, low, high) in bounded {
                self.within(format!("the {parameter} of {what}"), Some(found), low, high);
            }
            self.within(format!("the least rate of {what}"), Some(pricing.min_rate), 0, pricing.max_rate);
        }
    }

    /// Policy's, assessor's and jury's.
    async fn insurer(&mut self) {
        const AREA: Topic = Topic::Parameters;
        let client = self.client.clone();
        let policy = IPolicy::new(self.at("policy"), client.clone());
        if let Some((treasury, jury, referral)) = self.ask(AREA, "the premium's shares", policy.shares()).await {
            let both = u64::from(treasury) + u64::from(jury);
            self.within("the treasury's and the jury's share of premiums", Some(both), 0, 5_000);
            self.within("a referrer's part of the treasury's share", Some(u64::from(referral)), 0, ONE);
        }
        let short_rate = self.ask(AREA, "the short rate", policy.short_rate()).await.map(u64::from);
        self.within("the short rate", short_rate, 0, 2_000);
        let assessor = IAssessor::new(self.at("assessor"), client.clone());
        if let Some(rules) = self.ask(AREA, "the assessor's rules", assessor.rules()).await {
            let (least, most) = (u64::from(rules.0), u64::from(rules.1));
            self.within("the longest delay of a claim", Some(most), least, 7 * DAY);
            for (name, bps) in [("challenger's bond", rules.3), ("jury's bond", rules.4), ("deposit", rules.5)] {
                self.within(format!("the {name}, in basis points"), Some(u64::from(bps)), 0, ONE);
            }
        }
        let jury = IJury::new(self.at("jury"), client);
        if let Some((quorum, penalty)) = self.ask(AREA, "the jury's rules", jury.rules()).await {
            self.within("the jury's quorum, in basis points", Some(u64::from(quorum)), 500, 4_000);
            self.within("a juror's penalty, in basis points", Some(u64::from(penalty)), 10, 500);
        }
    }

    // ——————————————————————————————————————————————————————————————————————————————————————————————————————— money

    async fn money(&mut self) {
        const AREA: Topic = Topic::Money;
        let client = self.client.clone();
        let (timelock, deployer) = (self.at("timelock"), self.ledger.deployer);
        for (name, token) in [("votes", self.at("token")), ("asset", self.at("asset"))] {
            let contract = StableCoin::new(token, client.clone());
            let what = format!("the timelock's balance of {name}");
            let held = self.ask(AREA, &what, contract.balance_of(timelock)).await;
            self.same(AREA, what, held, U256::zero());
        }
        let ether = self.chain.provider().get_balance(timelock, None).await;
        let ether = ether.map_err(|error| chain::failed("the timelock's ether", &error));
        let ether = self.or_note(AREA, "the timelock's ether", ether);
        self.same(AREA, "the timelock's ether", ether, U256::zero());
        let votes = IToken::new(self.at("token"), client.clone());
        let held = self.ask(AREA, "the deployer's votes", votes.balance_of(deployer)).await;
        self.same(AREA, "the deployer's votes", held, U256::zero());
        let treasury = self.at("treasury");
        let delegate = self.ask(AREA, "who votes with the treasury's tokens", votes.delegates(treasury)).await;
        self.same(AREA, "who votes with the treasury's tokens", delegate, Address::zero());
        let rewards = IRewards::new(self.at("rewards"), client);
        if let Some((_, _, promised, free)) = self.ask(AREA, "the rewards' books", rewards.emission()).await {
            let held = self.ask(AREA, "what the rewards hold", votes.balance_of(rewards.address())).await;
            let booked = promised.saturating_add(free);
            if let Some(held) = held {
                let holds = held >= booked;
                self.note(AREA, "what the rewards hold", held.to_string(), format!("{booked} or more"), holds);
            }
        }
    }
}

/// A role of the timelock by its name; the administrator's is zero.
fn role(name: &str) -> [u8; 32] {
    if name == ROLES[0] { [0; 32] } else { keccak256(name) }
}
