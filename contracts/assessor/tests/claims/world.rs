//! One pool, three products on one scripted trigger, and a scripted jury.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{Revert, SolCall, SolError, SolValue};
use assessor::{Assessor, AssessorExt};
use policy::{Policy, PolicyExt};
use protocol::abi::{
    IAssessor, IERC721, IERC4626, IJury, IOwned, IPolicy,
    IRisk::{self, Limits, Pricing, Terms},
    ITrigger, IVault,
};
use risk::{Risk, RiskExt, RiskMore};
use stylus_sdk::ArbResult;
use testkit::{Context, Native, Reverted, World, token::Token};
use vault::{Vault, VaultExt, VaultMore};

pub(crate) const HOUR: u64 = 3_600;
pub(crate) const DAY: u64 = 24 * HOUR;
pub(crate) const WEEK: u64 = 7 * DAY;
pub(crate) const LATENT: u64 = 3 * DAY;
pub(crate) const GRACE: u64 = 14 * DAY;
pub(crate) const TERM: u64 = 60 * DAY;
pub(crate) const MILLE: u64 = 1_000_000_000_000_000;

/// With a jury.
pub(crate) const PLAIN: u64 = 1;
/// Of exploits, with a jury.
pub(crate) const EXPLOIT: u64 = 2;
/// Without a jury.
pub(crate) const STRICT: u64 = 3;

pub(crate) const INCONCLUSIVE: u8 = 0;
pub(crate) const NOT_MET: u8 = 1;
pub(crate) const CONFIRMED: u8 = 2;

/// What a jury's verdict is.
pub(crate) const DRAW: u8 = 0;
pub(crate) const AWARD: u8 = 1;
pub(crate) const DENIED: u8 = 2;

/// `IAssessor.Stage`.
pub(crate) mod stage {
    pub(crate) const NONE: u8 = 0;
    pub(crate) const DELAYED: u8 = 1;
    pub(crate) const CHALLENGED: u8 = 2;
    pub(crate) const WAITING: u8 = 3;
    pub(crate) const JURY: u8 = 4;
    pub(crate) const REOPENED: u8 = 5;
}

pub(crate) fn text(text: &str) -> B256 {
    B256::right_padding_from(text.as_bytes())
}

pub(crate) fn u(value: u64) -> U256 {
    U256::from(value)
}

/// Whole units of the asset.
pub(crate) fn usd(units: u64) -> U256 {
    U256::from(units * 1_000_000)
}

/// Verdict, opened at, closed at, worst loss.
pub(crate) type Event = (u8, u64, u64, u16);

/// What the trigger says, the same about every subject.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) events: RefCell<Vec<Event>>,
    /// Its word on every policy; the event's where there is none.
    pub(crate) word: Cell<Option<(u8, u16)>>,
    /// It reverts, with or without an error.
    pub(crate) broken: Cell<Option<bool>>,
}

struct Trigger(Rc<Script>);

impl Native for Trigger {
    fn call(&self, _: &Context<'_>, input: &[u8]) -> ArbResult {
        let selector: [u8; 4] = input.get(..4).ok_or(vec![])?.try_into().expect("four bytes");
        if let Some(speaks) = self.0.broken.get() {
            return Err(if speaks { Revert::from("no data").abi_encode() } else { vec![] });
        }
        let words = |event: Option<&Event>| {
            event.map_or([U256::ZERO; 4], |(verdict, opened, closed, worst)| {
                [u64::from(*verdict), *opened, *closed, u64::from(*worst)].map(U256::from)
            })
        };
        let events = self.0.events.borrow();
        let at = |number: U256| events.get(u64::try_from(number).unwrap_or(u64::MAX).wrapping_sub(1) as usize);
        match selector {
            ITrigger::observeCall::SELECTOR => {
                let [verdict, opened, closed, worst] = words(events.last());
                Ok((U256::from(events.len()), verdict, opened, closed, worst).abi_encode())
            }
            ITrigger::enterCall::SELECTOR => Ok((true, Bytes::new(), U256::MAX, U256::MAX).abi_encode_params()),
            ITrigger::proveCall::SELECTOR => {
                let call = ITrigger::proveCall::abi_decode(input).map_err(|_| vec![])?;
                let event = at(call.number).map_or((NOT_MET, 0), |event| (event.0, event.3));
                let (verdict, loss) = self.0.word.get().unwrap_or(event);
                Ok((U256::from(verdict), U256::from(loss)).abi_encode())
            }
            ITrigger::healthyCall::SELECTOR => Ok(true.abi_encode()),
            ITrigger::incidentCall::SELECTOR => {
                let call = ITrigger::incidentCall::abi_decode(input).map_err(|_| vec![])?;
                Ok(words(at(call.number)).abi_encode())
            }
            _ => Err(vec![]),
        }
    }
}

/// What the jury says: a verdict for each case, none while it has not ended.
#[derive(Default)]
pub(crate) struct Jurors {
    pub(crate) asked: RefCell<Vec<IJury::openCall>>,
    pub(crate) verdicts: RefCell<Vec<Option<(u8, U256)>>>,
    /// It reverts.
    pub(crate) gone: Cell<bool>,
}

struct Jury(Rc<Jurors>);

impl Native for Jury {
    fn call(&self, _: &Context<'_>, input: &[u8]) -> ArbResult {
        if self.0.gone.get() {
            return Err(vec![]);
        }
        if let Ok(call) = IJury::openCall::abi_decode(input) {
            self.0.asked.borrow_mut().push(call);
            self.0.verdicts.borrow_mut().push(None);
            return Ok(U256::from(self.0.asked.borrow().len()).abi_encode());
        }
        let call = IJury::verdictCall::abi_decode(input).map_err(|_| vec![])?;
        let verdict = self.0.verdicts.borrow().get(call.id.to::<usize>() - 1).copied().flatten();
        let (outcome, award) = verdict.unwrap_or_default();
        Ok((verdict.is_some(), U256::from(outcome), award).abi_encode())
    }
}

pub(crate) struct Town {
    pub(crate) world: World,
    pub(crate) owner: Address,
    pub(crate) guardian: Address,
    pub(crate) risk: Address,
    pub(crate) policy: Address,
    pub(crate) vault: Address,
    pub(crate) assessor: Address,
    pub(crate) token: Token,
    pub(crate) script: Rc<Script>,
    pub(crate) jurors: Rc<Jurors>,
    /// Everybody who may have a credit.
    pub(crate) people: RefCell<Vec<Address>>,
    /// Policies that may have an open claim.
    pub(crate) policies: RefCell<Vec<U256>>,
}

fn terms(jury: bool) -> Terms {
    Terms {
        pricing: Pricing {
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
        },
        limits: Limits {
            capitalFactorBps: 10_000,
            capacityBps: 10_000,
            subjectBps: 10_000,
            waiting: HOUR as u32,
            grace: GRACE as u32,
            minTerm: (7 * DAY) as u32,
            maxTerm: (365 * DAY) as u32,
            minAmount: 100,
            maxAmount: usd(10_000_000).to(),
            coinsuranceBaseBps: 0,
            coinsuranceSlopeBps: 0,
            coinsuranceMaxBps: 0,
            deductibleBps: 0,
            jury,
            termsHash: text("wording"),
        },
    }
}

pub(crate) const SUBJECTS: [&str; 2] = ["X", "Y"];

impl Town {
    /// 10 M in the pool, of which 5 % are paid at once; a jury.
    pub(crate) fn new() -> Self {
        let town = Self::without_jury();
        let at = town.world.address("jury");
        town.world.place_native(at, Jury(town.jurors.clone()));
        town.must(town.owner, town.assessor, IAssessor::wireJuryCall { jury: at });
        town
    }

    pub(crate) fn without_jury() -> Self {
        let world = World::new();
        let at = |name: &str| world.address(name);
        let script = Rc::<Script>::default();
        world.place_native(at("trigger"), Trigger(script.clone()));
        let town = Self {
            owner: at("timelock"),
            guardian: at("guardian"),
            risk: at("risk"),
            policy: at("policy"),
            vault: at("vault"),
            assessor: at("assessor"),
            token: Token::deploy(&world, at("asset"), 6),
            script,
            jurors: Rc::default(),
            people: RefCell::new(["alice", "bob", "carol", "anyone"].map(at).to_vec()),
            policies: RefCell::default(),
            world: world.clone(),
        };
        town.construct();
        town.configure();
        world.warp_to((world.now() / WEEK + 1) * WEEK);
        let lender = town.person("lender");
        town.fund(lender, usd(10_000_000));
        town.must(lender, town.vault, IERC4626::depositCall { assets: usd(10_000_000), receiver: lender });
        town
    }

    fn construct(&self) {
        let (world, owner) = (&self.world, self.owner);
        let at = |name: &str| world.address(name);
        let programs = ["risk ext", "risk more", "vault ext", "vault more", "policy ext", "assessor ext"].map(at);
        let [risk_ext, risk_more, vault_ext, vault_more, policy_ext, assessor_ext] = programs;
        world.place::<RiskExt>(risk_ext);
        world.place::<RiskMore>(risk_more);
        world.place::<VaultExt>(vault_ext);
        world.place::<VaultMore>(vault_more);
        world.place::<PolicyExt>(policy_ext);
        world.place::<AssessorExt>(assessor_ext);
        let nobody = Address::ZERO;
        let times = (owner, nobody, risk_ext, risk_more, WEEK, LATENT, HOUR);
        world.construct::<Risk>(self.risk, owner, times.abi_encode_params());
        let (name, symbol) = ("Pool".to_owned(), "pUSD".to_owned());
        let share = (owner, nobody, vault_ext, vault_more, self.token.at, name, symbol, WEEK, WEEK, 3 * DAY);
        world.construct::<Vault>(self.vault, owner, share.abi_encode_params());
        world.construct::<Policy>(self.policy, owner, (owner, nobody, policy_ext).abi_encode_params());
        world.construct::<Assessor>(self.assessor, owner, (owner, nobody, assessor_ext, 500u16).abi_encode_params());
        let (risk, policy, assessor) = (self.risk, self.policy, self.assessor);
        self.must(owner, risk, IRisk::wireCall { policy, assessor });
        self.must(owner, self.vault, IVault::wireCall { risk, policy, assessor, treasury: owner });
        self.must(owner, policy, IPolicy::wireCall { risk, assessor, certificate: risk });
        self.must(owner, assessor, IAssessor::wireCall { risk, policy });
        self.must(owner, assessor, IOwned::setGuardianCall { newGuardian: self.guardian });
    }

    fn configure(&self) {
        let (owner, vault, trigger) = (self.owner, self.vault, self.world.address("trigger"));
        let shares = IPolicy::setSharesCall { treasuryBps: 1_000, juryBps: 500, referralBps: 0 };
        self.must(owner, self.policy, shares);
        let add = IRisk::addVaultCall {
            vault,
            assetKey: text("asset"),
            minimumBps: 10_000,
            targetBps: 10_000,
            floor: usd(9_000_000).to(),
        };
        self.must(owner, self.risk, add);
        self.must(owner, self.risk, IRisk::setGroupCall { group: 1, correlationBps: 0 });
        for subject in SUBJECTS {
            self.must(owner, self.risk, IRisk::setRiskKeyCall { riskKey: text(subject), group: 1 });
        }
        for (product, cover, jury) in [(PLAIN, 5, true), (EXPLOIT, 0, true), (STRICT, 4, false)] {
            self.must(owner, self.risk, IRisk::addProductCall { vault, trigger, cover, newTerms: terms(jury) });
            for subject in SUBJECTS {
                let key = text(subject);
                let list = IRisk::listSubjectCall { product: u(product), subject: key, riskKey: key };
                self.must(owner, self.risk, list);
            }
            self.must(owner, self.risk, IRisk::setStatusCall { product: u(product), status: 1 });
        }
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————————— calls

    pub(crate) fn send<C: SolCall>(&self, from: Address, to: Address, call: C) -> Result<C::Return, Reverted> {
        self.world.send(from, to, call)
    }

    #[track_caller]
    pub(crate) fn must<C: SolCall>(&self, from: Address, to: Address, call: C) -> C::Return {
        match self.world.send(from, to, call) {
            Ok(answer) => answer,
            Err(reverted) => panic!("{} reverted with 0x{}", C::SIGNATURE, alloy_primitives::hex::encode(reverted.0)),
        }
    }

    /// A call of Assessor that must be refused with this error.
    #[track_caller]
    pub(crate) fn refused<E: SolError>(&self, from: Address, call: impl SolCall) -> E {
        self.world.refused(from, self.assessor, call).expect()
    }

    #[track_caller]
    pub(crate) fn read<C: SolCall>(&self, to: Address, call: C) -> C::Return {
        self.world.read(to, call)
    }

    pub(crate) fn person(&self, name: &str) -> Address {
        self.world.address(name)
    }

    /// Gives `who` money that vault, policy and assessor may take.
    pub(crate) fn fund(&self, who: Address, amount: U256) {
        self.token.mint(&self.world, who, amount);
        for spender in [self.vault, self.policy, self.assessor] {
            self.token.approve(&self.world, who, spender, U256::MAX);
        }
    }

    /// `who` buys `amount` of cover on a subject; the policy is in force.
    #[track_caller]
    pub(crate) fn buy_on(&self, product: u64, subject: &str, who: Address, amount: U256) -> U256 {
        self.fund(who, amount);
        let order = IPolicy::buyCall {
            product: u(product),
            subject: text(subject),
            insured: who,
            position: B256::ZERO,
            amount,
            term: u(TERM),
            maxPremium: U256::MAX,
            deadline: U256::MAX,
            receiver: who,
            referrer: Address::ZERO,
        };
        let policy = self.must(who, self.policy, order).policy;
        self.policies.borrow_mut().push(policy);
        policy
    }

    /// `who` buys `amount` of cover on X.
    #[track_caller]
    pub(crate) fn buy(&self, product: u64, who: Address, amount: U256) -> U256 {
        self.buy_on(product, "X", who, amount)
    }

    /// Two hours later something opens that is confirmed; nobody has reported it.
    pub(crate) fn strike(&self, worst: u16) -> u64 {
        self.world.warp(2 * HOUR);
        let mut events = self.script.events.borrow_mut();
        events.push((CONFIRMED, self.world.now(), 0, worst));
        events.len() as u64
    }

    /// The newest event closes now.
    pub(crate) fn close(&self) {
        let now = self.world.now();
        if let Some(event) = self.script.events.borrow_mut().last_mut() {
            event.2 = now;
        }
    }

    #[track_caller]
    pub(crate) fn report(&self, product: u64) {
        let call = IAssessor::reportCall { product: u(product), subject: text("X"), evidence: Bytes::new() };
        self.must(self.person("anyone"), self.assessor, call);
    }

    /// A policy's holder files; what is confirmed and what is paid.
    #[track_caller]
    pub(crate) fn file(&self, policy: U256, incident: u64) -> (U256, U256) {
        let filed = self.must(self.policy_of(policy).holder, self.assessor, filing(policy, incident));
        (filed.confirmed, filed.paid)
    }

    /// Its holder disputes; the stage.
    #[track_caller]
    pub(crate) fn dispute(&self, policy: U256, incident: u64, loss: u16) -> u8 {
        self.must(self.policy_of(policy).holder, self.assessor, dispute(policy, incident, loss)).stage
    }

    #[track_caller]
    pub(crate) fn challenge(&self, who: Address, policy: U256) -> u64 {
        self.fund(who, usd(1_000_000));
        self.must(who, self.assessor, challenge(policy)).to()
    }

    #[track_caller]
    pub(crate) fn execute(&self, policy: U256) -> (U256, U256) {
        let done = self.must(self.person("anyone"), self.assessor, execution(policy));
        self.check();
        (done.confirmed, done.paid)
    }

    /// The jury ends a case.
    pub(crate) fn judge(&self, case: u64, outcome: u8, award: U256) {
        self.jurors.verdicts.borrow_mut()[case as usize - 1] = Some((outcome, award));
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————————— views

    pub(crate) fn money(&self, who: Address) -> U256 {
        self.token.balance_of(&self.world, who)
    }

    pub(crate) fn credit(&self, who: Address) -> U256 {
        self.read(self.assessor, IAssessor::creditOfCall { asset: self.token.at, account: who })
    }

    pub(crate) fn policy_of(&self, policy: U256) -> IPolicy::Policy {
        self.read(self.policy, IPolicy::policyOfCall { policy })
    }

    pub(crate) fn claim(&self, policy: U256) -> IAssessor::Claim {
        self.read(self.assessor, IAssessor::openClaimCall { policy })
    }

    pub(crate) fn stage(&self, policy: U256) -> u8 {
        self.claim(policy).stage
    }

    pub(crate) fn reserve(&self) -> U256 {
        self.read(self.risk, IRisk::gateCall { vault: self.vault }).reserve
    }

    pub(crate) fn active_cover(&self) -> U256 {
        self.read(self.risk, IRisk::activeCoverCall { vault: self.vault })
    }

    pub(crate) fn solvency(&self) -> IVault::Solvency {
        self.read(self.vault, IVault::solvencyCall {})
    }

    /// Bonds and credits are conserved to the unit: what Assessor holds for others is the bonds of open claims and what is
    /// credited, and it is there.
    #[track_caller]
    pub(crate) fn check(&self) {
        let money = self.read(self.assessor, IAssessor::moneyOfCall { asset: self.token.at });
        let bonds = self.policies.borrow().iter().fold(U256::ZERO, |sum, policy| sum + self.claim(*policy).bond);
        let credits = self.people.borrow().iter().fold(U256::ZERO, |sum, who| sum + self.credit(*who));
        assert_eq!(money.held, bonds + credits, "held is bonds and credits");
        assert_eq!(money.held + money.jury, self.money(self.assessor), "and all of it is there");
    }

    /// Whether a policy can change hands.
    pub(crate) fn moves(&self, policy: U256) -> bool {
        let holder = self.policy_of(policy).holder;
        let to = self.person("another");
        let there = self.send(holder, self.policy, IERC721::transferFromCall { from: holder, to, tokenId: policy });
        if there.is_ok() {
            self.must(to, self.policy, IERC721::transferFromCall { from: to, to: holder, tokenId: policy });
        }
        there.is_ok()
    }
}

pub(crate) fn filing(policy: U256, incident: u64) -> IAssessor::fileCall {
    IAssessor::fileCall { policy, incident: u(incident), entry: Bytes::new(), evidence: Bytes::new() }
}

pub(crate) fn dispute(policy: U256, incident: u64, loss: u16) -> IAssessor::fileDisputedCall {
    IAssessor::fileDisputedCall {
        policy,
        incident: u(incident),
        lossBps: loss,
        entry: Bytes::new(),
        evidence: Bytes::new(),
        reason: text("it was lost"),
    }
}

pub(crate) fn challenge(policy: U256) -> IAssessor::challengeCall {
    IAssessor::challengeCall { policy, reason: text("it was not") }
}

pub(crate) fn execution(policy: U256) -> IAssessor::executeCall {
    IAssessor::executeCall { policy, entry: Bytes::new(), evidence: Bytes::new() }
}
