//! One pool with the limits, the rules and the jury that deployments have; products are added by who needs them.

use std::cell::RefCell;

use alloy_primitives::{Address, B256, Bytes, U256, hex};
use alloy_sol_types::{SolCall, SolValue};
use assessor::{Assessor, AssessorExt};
use jury::{Jury, JuryExt};
use policy::{Policy, PolicyExt};
use protocol::abi::{
    IAssessor, IERC20, IERC4626, IERC7540Redeem, IJury, IOwned, IPolicy,
    IRisk::{self, Limits, Pricing, Terms},
    ITrigger, IVault,
};
use risk::{Risk, RiskExt, RiskMore};
use testkit::{Reverted, World, token::Token as Asset};
use token::Token;
use vault::{Vault, VaultExt, VaultMore};

pub(crate) const MINUTE: u64 = 60;
pub(crate) const HOUR: u64 = 60 * MINUTE;
pub(crate) const DAY: u64 = 24 * HOUR;
pub(crate) const WEEK: u64 = 7 * DAY;
/// From the close of a week to the service of its requests.
pub(crate) const COOLDOWN: u64 = WEEK;
/// How long a due cohort waits for incidents.
pub(crate) const PATIENCE: u64 = 3 * DAY;
/// How long latent evidence holds.
pub(crate) const LATENT: u64 = 3 * DAY;
/// From the end of cover to the last claim.
pub(crate) const GRACE: u64 = 14 * DAY;
/// What of its capital the pool pays at once, basis points.
pub(crate) const AT_ONCE: u64 = 500;
/// Of the asset, for each whole PALI revealed.
pub(crate) const AWARD_RATE: u64 = 1_000_000;
/// The jury's times: window, committing, revealing, appealing, ruling, cooldown.
pub(crate) const JURY_TIMES: [u64; 6] = [14 * DAY, 3 * DAY, 2 * DAY, 3 * DAY, 30 * DAY, 7 * DAY];
/// One per mille a year.
const MILLE: u64 = 1_000_000_000_000_000;

/// `IRisk.Cover`.
pub(crate) mod cover {
    pub(crate) const EXPLOIT: u8 = 0;
    pub(crate) const DEFAULT: u8 = 2;
    pub(crate) const ORACLE: u8 = 3;
    pub(crate) const BRIDGE: u8 = 4;
    pub(crate) const DEPEG: u8 = 5;
}

/// `IAssessor.Stage`.
pub(crate) mod stage {
    pub(crate) const NONE: u8 = 0;
    pub(crate) const DELAYED: u8 = 1;
    pub(crate) const CHALLENGED: u8 = 2;
    pub(crate) const WAITING: u8 = 3;
    pub(crate) const JURY: u8 = 4;
    pub(crate) const REOPENED: u8 = 5;
}

/// `ITrigger.Verdict`.
pub(crate) const CONFIRMED: u8 = 2;

/// Text as a word.
pub(crate) fn text(text: &str) -> B256 {
    B256::right_padding_from(text.as_bytes())
}

pub(crate) fn u(value: u64) -> U256 {
    U256::from(value)
}

/// Whole units of the asset.
pub(crate) fn usd(units: u64) -> U256 {
    U256::from(u128::from(units) * 1_000_000)
}

/// Whole PALI.
pub(crate) fn pali(units: u64) -> U256 {
    U256::from(u128::from(units) * 10u128.pow(18))
}

/// Whose policies they are, what they are about, and what is said of them.
#[derive(Clone, Debug)]
pub(crate) struct Bought {
    pub(crate) policy: U256,
    pub(crate) entry: Bytes,
}

pub(crate) struct Insurer {
    pub(crate) world: World,
    /// The timelock: owner of everything and treasury.
    pub(crate) owner: Address,
    pub(crate) guardian: Address,
    pub(crate) risk: Address,
    pub(crate) policy: Address,
    pub(crate) vault: Address,
    pub(crate) assessor: Address,
    pub(crate) jury: Address,
    pub(crate) pali: Address,
    pub(crate) token: Asset,
    pub(crate) bought: RefCell<Vec<Bought>>,
}

/// Terms under which cover is amount and nothing is deducted, with a jury.
pub(crate) fn limits() -> Limits {
    Limits {
        capitalFactorBps: 10_000,
        capacityBps: 10_000,
        subjectBps: 10_000,
        waiting: HOUR as u32,
        grace: GRACE as u32,
        minTerm: DAY as u32,
        maxTerm: (365 * DAY) as u32,
        minAmount: 100,
        maxAmount: usd(100_000_000).to(),
        coinsuranceBaseBps: 0,
        coinsuranceSlopeBps: 0,
        coinsuranceMaxBps: 0,
        deductibleBps: 0,
        jury: true,
        termsHash: text("wording"),
    }
}

impl Insurer {
    /// Without products; `floor`: the least target capital in whole units.
    pub(crate) fn new(floor: u64) -> Self {
        let world = World::new();
        let at = |name: &str| world.address(name);
        let insurer = Self {
            owner: at("timelock"),
            guardian: at("guardian"),
            risk: at("risk"),
            policy: at("policy"),
            vault: at("vault"),
            assessor: at("assessor"),
            jury: at("jury"),
            pali: at("PALI"),
            token: Asset::deploy(&world, at("asset"), 6),
            bought: RefCell::default(),
            world: world.clone(),
        };
        insurer.construct();
        insurer.configure(floor);
        // Weeks begin at an edge, so that tests can count in weeks.
        world.warp_to((world.now() / WEEK + 1) * WEEK);
        insurer
    }

    fn construct(&self) {
        let (world, owner) = (&self.world, self.owner);
        let at = |name: &str| world.address(name);
        let programs = ["risk ext", "risk more", "vault ext", "vault more", "policy ext", "assessor ext", "jury ext"];
        let [risk_ext, risk_more, vault_ext, vault_more, policy_ext, assessor_ext, jury_ext] = programs.map(at);
        world.place::<RiskExt>(risk_ext);
        world.place::<RiskMore>(risk_more);
        world.place::<VaultExt>(vault_ext);
        world.place::<VaultMore>(vault_more);
        world.place::<PolicyExt>(policy_ext);
        world.place::<AssessorExt>(assessor_ext);
        world.place::<JuryExt>(jury_ext);
        let nobody = Address::ZERO;
        let times = (owner, nobody, risk_ext, risk_more, WEEK, LATENT, HOUR);
        world.construct::<Risk>(self.risk, owner, times.abi_encode_params());
        let (name, symbol) = ("Pool".to_owned(), "pUSD".to_owned());
        let share = (owner, nobody, vault_ext, vault_more, self.token.at, name, symbol, WEEK, COOLDOWN, PATIENCE);
        world.construct::<Vault>(self.vault, owner, share.abi_encode_params());
        world.construct::<Policy>(self.policy, owner, (owner, nobody, policy_ext).abi_encode_params());
        let arguments = (owner, nobody, assessor_ext, AT_ONCE as u16).abi_encode_params();
        world.construct::<Assessor>(self.assessor, owner, arguments);
        world.construct::<Token>(self.pali, owner, (owner, pali(10_000_000)).abi_encode_params());
        let arguments = (owner, owner, jury_ext, self.pali, JURY_TIMES.map(U256::from)).abi_encode_params();
        world.construct::<Jury>(self.jury, owner, arguments);
        let (risk, policy, assessor) = (self.risk, self.policy, self.assessor);
        self.must(owner, risk, IRisk::wireCall { policy, assessor });
        self.must(owner, self.vault, IVault::wireCall { risk, policy, assessor, treasury: owner });
        self.must(owner, policy, IPolicy::wireCall { risk, assessor, certificate: risk });
        self.must(owner, assessor, IAssessor::wireCall { risk, policy });
        self.must(owner, assessor, IAssessor::wireJuryCall { jury: self.jury });
        self.must(owner, self.jury, IJury::wireCall { assessor });
        self.must(owner, assessor, IOwned::setGuardianCall { newGuardian: self.guardian });
        self.must(owner, risk, IOwned::setGuardianCall { newGuardian: self.guardian });
    }

    fn configure(&self, floor: u64) {
        let (owner, vault) = (self.owner, self.vault);
        let shares = IPolicy::setSharesCall { treasuryBps: 1_000, juryBps: 500, referralBps: 0 };
        self.must(owner, self.policy, shares);
        let add = IRisk::addVaultCall {
            vault,
            assetKey: text("asset"),
            minimumBps: 10_000,
            targetBps: 10_000,
            floor: usd(floor).to(),
        };
        self.must(owner, self.risk, add);
        self.must(owner, self.risk, IRisk::setGroupCall { group: 1, correlationBps: 2_500 });
        let rate = IJury::setAwardRateCall { asset: self.token.at, rate: u(AWARD_RATE) };
        self.must(owner, self.jury, rate);
    }

    /// A new product on sale.
    pub(crate) fn product(&self, trigger: Address, cover: u8, limits: Limits) -> u64 {
        let pricing = Pricing {
            priorRate: 8 * MILLE,
            minRate: MILLE,
            maxRate: 200 * MILLE,
            credibility: usd(15_000_000).to(),
            halfLife: (730 * DAY) as u32,
            marginBps: 12_000,
            costOfCapital: 60 * MILLE,
            kinkBps: 8_000,
            kinkRate: 20 * MILLE,
            fullRate: 300 * MILLE,
            minPremium: 1,
            lossCap: usd(1_000_000).to(),
        };
        let new_terms = Terms { pricing, limits };
        let add = IRisk::addProductCall { vault: self.vault, trigger, cover, newTerms: new_terms };
        let product = self.must(self.owner, self.risk, add);
        self.must(self.owner, self.risk, IRisk::setStatusCall { product, status: 1 });
        product.to()
    }

    /// Covers a subject, on a risk key of its own name.
    pub(crate) fn list(&self, product: u64, subject: &str) {
        let key = text(subject);
        if self.world.try_read(self.risk, IRisk::groupOfCall { riskKey: key }).is_err() {
            self.must(self.owner, self.risk, IRisk::setRiskKeyCall { riskKey: key, group: 1 });
        }
        let list = IRisk::listSubjectCall { product: u(product), subject: key, riskKey: key };
        self.must(self.owner, self.risk, list);
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————————— calls

    pub(crate) fn send<C: SolCall>(&self, from: Address, to: Address, call: C) -> Result<C::Return, Reverted> {
        self.world.send(from, to, call)
    }

    /// A call that must succeed.
    #[track_caller]
    pub(crate) fn must<C: SolCall>(&self, from: Address, to: Address, call: C) -> C::Return {
        match self.world.send(from, to, call) {
            Ok(answer) => answer,
            Err(reverted) => panic!("{} reverted with 0x{}", C::SIGNATURE, hex::encode(reverted.0)),
        }
    }

    #[track_caller]
    pub(crate) fn read<C: SolCall>(&self, to: Address, call: C) -> C::Return {
        self.world.read(to, call)
    }

    pub(crate) fn person(&self, name: &str) -> Address {
        self.world.address(name)
    }

    /// Gives `who` money that vault, policy, assessor and jury may take.
    pub(crate) fn fund(&self, who: Address, amount: U256) {
        self.token.mint(&self.world, who, amount);
        for spender in [self.vault, self.policy, self.assessor, self.jury] {
            self.token.approve(&self.world, who, spender, U256::MAX);
        }
    }

    #[track_caller]
    pub(crate) fn deposit(&self, who: Address, amount: U256) -> U256 {
        self.fund(who, amount);
        self.must(who, self.vault, IERC4626::depositCall { assets: amount, receiver: who })
    }

    /// A juror with so much at stake.
    #[track_caller]
    pub(crate) fn juror(&self, name: &str, stake: U256) -> Address {
        let juror = self.person(name);
        self.must(self.owner, self.pali, IERC20::transferCall { to: juror, value: stake });
        self.must(juror, self.pali, IERC20::approveCall { spender: self.jury, value: U256::MAX });
        self.must(juror, self.jury, IJury::stakeCall { amount: stake });
        self.fund(juror, usd(1_000_000));
        juror
    }

    /// `who`, who has been funded, tries to buy cover.
    pub(crate) fn try_buy(
        &self,
        product: u64,
        subject: &str,
        who: Address,
        amount: U256,
        term: u64,
    ) -> Result<usize, Reverted> {
        let order = IPolicy::buyCall {
            product: u(product),
            subject: text(subject),
            insured: who,
            position: B256::ZERO,
            amount,
            term: u(term),
            maxPremium: U256::MAX,
            deadline: U256::MAX,
            receiver: who,
            referrer: Address::ZERO,
        };
        let policy = self.send(who, self.policy, order)?.policy;
        let entry = self.world.logs().iter().rev().find_map(|log| {
            let topics = log.topics.iter().copied();
            <IPolicy::PolicyBought as alloy_sol_types::SolEvent>::decode_raw_log(topics, &log.data).ok()
        });
        let entry = entry.expect("a purchase has its event").entry;
        self.bought.borrow_mut().push(Bought { policy, entry });
        Ok(self.bought.borrow().len() - 1)
    }

    /// `who` buys cover and is given the premium; the place of the policy among all.
    #[track_caller]
    pub(crate) fn buy(&self, product: u64, subject: &str, who: Address, amount: U256, term: u64) -> usize {
        self.fund(who, amount);
        match self.try_buy(product, subject, who, amount, term) {
            Ok(index) => index,
            Err(reverted) => panic!("no cover: 0x{}", hex::encode(reverted.0)),
        }
    }

    pub(crate) fn entry(&self, index: usize) -> Bytes {
        self.bought.borrow()[index].entry.clone()
    }

    pub(crate) fn id(&self, index: usize) -> U256 {
        self.bought.borrow()[index].policy
    }

    pub(crate) fn filing(&self, index: usize, incident: u64) -> IAssessor::fileCall {
        let (policy, entry) = (self.id(index), self.entry(index));
        IAssessor::fileCall { policy, incident: u(incident), entry, evidence: Bytes::new() }
    }

    pub(crate) fn dispute(&self, index: usize, incident: u64, loss: u16) -> IAssessor::fileDisputedCall {
        IAssessor::fileDisputedCall {
            policy: self.id(index),
            incident: u(incident),
            lossBps: loss,
            entry: self.entry(index),
            evidence: Bytes::new(),
            reason: text("it was lost"),
        }
    }

    pub(crate) fn execution(&self, index: usize) -> IAssessor::executeCall {
        IAssessor::executeCall { policy: self.id(index), entry: self.entry(index), evidence: Bytes::new() }
    }

    /// A policy's holder files; what was confirmed and what was paid.
    #[track_caller]
    pub(crate) fn file(&self, index: usize, incident: u64) -> (U256, U256) {
        let holder = self.policy_of(index).holder;
        let filed = self.must(holder, self.assessor, self.filing(index, incident));
        (filed.confirmed, filed.paid)
    }

    #[track_caller]
    pub(crate) fn execute(&self, index: usize) -> (U256, U256) {
        let done = self.must(self.person("anyone"), self.assessor, self.execution(index));
        (done.confirmed, done.paid)
    }

    pub(crate) fn reporting(&self, product: u64, subject: &str) -> IAssessor::reportCall {
        IAssessor::reportCall { product: u(product), subject: text(subject), evidence: Bytes::new() }
    }

    #[track_caller]
    pub(crate) fn report(&self, product: u64, subject: &str) -> IAssessor::reportReturn {
        self.must(self.person("anyone"), self.assessor, self.reporting(product, subject))
    }

    #[track_caller]
    pub(crate) fn request(&self, who: Address, shares: U256) {
        self.must(who, self.vault, IERC7540Redeem::requestRedeemCall { shares, controller: who, owner: who });
    }

    #[track_caller]
    pub(crate) fn serve(&self) -> (U256, U256) {
        let served = self.must(self.person("anyone"), self.vault, IVault::serveCall { n: u(100) });
        (served.shares, served.assets)
    }

    /// Takes what was served.
    #[track_caller]
    pub(crate) fn redeem_all(&self, who: Address) -> U256 {
        let shares = self.read(self.vault, IERC4626::maxRedeemCall { controller: who });
        self.must(who, self.vault, IERC4626::redeemCall { shares, receiver: who, controller: who })
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————————— views

    pub(crate) fn money(&self, who: Address) -> U256 {
        self.token.balance_of(&self.world, who)
    }

    pub(crate) fn shares(&self, who: Address) -> U256 {
        self.read(self.vault, IERC20::balanceOfCall { account: who })
    }

    pub(crate) fn solvency(&self) -> IVault::Solvency {
        self.read(self.vault, IVault::solvencyCall {})
    }

    pub(crate) fn policy_of(&self, index: usize) -> IPolicy::Policy {
        self.read(self.policy, IPolicy::policyOfCall { policy: self.id(index) })
    }

    pub(crate) fn claim(&self, index: usize) -> IAssessor::Claim {
        self.read(self.assessor, IAssessor::openClaimCall { policy: self.id(index) })
    }

    pub(crate) fn credit(&self, who: Address) -> U256 {
        self.read(self.assessor, IAssessor::creditOfCall { asset: self.token.at, account: who })
    }

    pub(crate) fn line(&self, product: u64, subject: &str) -> IRisk::Line {
        self.read(self.risk, IRisk::lineCall { product: u(product), subject: text(subject) })
    }

    /// The trigger's word on a policy under an incident, as of what it has taken in.
    pub(crate) fn word(&self, trigger: Address, index: usize, number: u64) -> Result<(u8, u16), Reverted> {
        let policy = self.policy_of(index);
        let terms = ITrigger::Terms {
            subject: policy.subject,
            insured: policy.insured,
            position: policy.position,
            start: policy.start,
            end: policy.end,
        };
        let loss = ITrigger::lossCall { terms, entry: self.entry(index), number: u(number) };
        let word = self.world.try_read(trigger, loss)?;
        Ok((word.verdict as u8, word.lossBps))
    }
}
