//! Policy, Risk, a vault and a trigger as scripts: what each answers is set, what each was asked is kept.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::{SolCall, SolValue};
use assessor::{Assessor, AssessorExt};
use protocol::abi::{IAssessor, IERC20, IERC4626, IPolicy, IRisk, ITrigger, IVault};
use stylus_sdk::ArbResult;
use testkit::{Context, Native, Reverted, World};

pub(crate) const PRODUCT: u64 = 7;
pub(crate) const SUBJECT: B256 = B256::repeat_byte(0x55);
pub(crate) const POLICY: u64 = 42;
/// The product's grace.
pub(crate) const GRACE: u64 = 30 * 24 * 60 * 60;
/// Of the vault: more than all claims of these tests.
pub(crate) const CAPITAL: u64 = 1_000_000_000_000_000;
/// Basis points of it that are paid at once.
pub(crate) const MOST_AT_ONCE: u16 = 500;
pub(crate) const ENTRY: &[u8] = b"what the trigger said at the sale";

/// A call that a peer got.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) to: Address,
    pub(crate) from: Address,
    pub(crate) input: Vec<u8>,
}

impl Got {
    /// The call, decoded; nothing where it is another one.
    pub(crate) fn decode<C: SolCall>(&self) -> Option<C> {
        self.input.starts_with(&C::SELECTOR).then(|| C::abi_decode(&self.input).unwrap())
    }
}

/// A call that a peer makes: to whom, with what.
pub(crate) type Hook = (Address, Vec<u8>);

/// A peer that answers by a script.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) at: Address,
    answers: Rc<RefCell<HashMap<[u8; 4], ArbResult>>>,
    /// Makes this call before it answers, and keeps what came of it.
    pub(crate) hook: Rc<RefCell<Option<Hook>>>,
    pub(crate) hooked: Rc<RefCell<Vec<ArbResult>>>,
    got: Rc<RefCell<Vec<Got>>>,
}

impl Peer {
    fn deploy(world: &World, name: &str, got: &Rc<RefCell<Vec<Got>>>) -> Self {
        let at = world.address(name);
        let peer = Self { at, answers: Rc::default(), hook: Rc::default(), hooked: Rc::default(), got: got.clone() };
        world.place_native(at, peer.clone());
        peer
    }

    /// What it answers to one function from now on.
    pub(crate) fn answers<C: SolCall>(&self, answer: impl SolValue) {
        self.answers.borrow_mut().insert(C::SELECTOR, Ok(answer.abi_encode()));
    }

    /// Reverts on one function from now on.
    pub(crate) fn fails<C: SolCall>(&self, error: &impl alloy_sol_types::SolError) {
        self.answers.borrow_mut().insert(C::SELECTOR, Err(error.abi_encode()));
    }

    /// What it answered to a call that it made itself.
    pub(crate) fn last_hooked(&self) -> ArbResult {
        self.hooked.borrow().last().cloned().expect("the hook was called")
    }
}

impl Native for Peer {
    fn call(&self, context: &Context<'_>, input: &[u8]) -> ArbResult {
        self.got.borrow_mut().push(Got { to: self.at, from: context.sender, input: input.to_vec() });
        // Every call leaves a trace in storage, so that a test sees whether it was undone.
        context.store(U256::ZERO, context.load(U256::ZERO) + U256::from(1));
        if let Some((to, data)) = self.hook.borrow().clone() {
            let result = context.call(to, data);
            self.hooked.borrow_mut().push(result);
        }
        self.answers.borrow().get(&input[..4]).cloned().unwrap_or(Err(vec![]))
    }
}

/// An incident as the trigger tells it: verdict, opened at, closed at, worst loss.
pub(crate) type Incident = (u8, u64, u64, u16);

fn words((verdict, opened_at, closed_at, worst_bps): Incident) -> [U256; 4] {
    [U256::from(verdict), U256::from(opened_at), U256::from(closed_at), U256::from(worst_bps)]
}

/// The policy of these tests: 1,000,000 at 90 %, deductible 2 %, nothing claimed yet.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) amount: u64,
    pub(crate) confirmed: u64,
    pub(crate) ratio: u64,
    pub(crate) deductible: u64,
    pub(crate) filed: bool,
    pub(crate) entry_hash: B256,
}

impl Terms {
    pub(crate) fn new() -> Self {
        let entry_hash = keccak256(ENTRY);
        Self { amount: 1_000_000, confirmed: 0, ratio: 9_000, deductible: 200, filed: false, entry_hash }
    }
}

pub(crate) struct Setup {
    pub(crate) world: World,
    pub(crate) owner: Address,
    pub(crate) holder: Address,
    pub(crate) insured: Address,
    pub(crate) assessor: Address,
    pub(crate) policy: Peer,
    pub(crate) risk: Peer,
    pub(crate) vault: Peer,
    pub(crate) trigger: Peer,
    pub(crate) asset: Peer,
    got: Rc<RefCell<Vec<Got>>>,
}

impl Setup {
    /// Constructed, not wired.
    pub(crate) fn bare() -> Self {
        let world = World::new();
        let got = Rc::default();
        let [policy, risk, vault, trigger, asset] =
            ["policy", "risk", "vault", "trigger", "asset"].map(|name| Peer::deploy(&world, name, &got));
        let [owner, holder, insured, assessor] =
            ["timelock", "holder", "insured", "assessor"].map(|name| world.address(name));
        let extension = world.address("assessor ext");
        world.place::<AssessorExt>(extension);
        let arguments = (owner, Address::ZERO, extension, MOST_AT_ONCE).abi_encode_params();
        world.construct::<Assessor>(assessor, owner, arguments);
        Self { world, owner, holder, insured, assessor, policy, risk, vault, trigger, asset, got }
    }

    /// Wired, with a policy, a product and an incident that is open with a worst loss of 10 %; the trigger confirms
    /// 10 % and the vault pays all that is asked.
    pub(crate) fn new() -> Self {
        let s = Self::bare();
        s.world
            .send(s.owner, s.assessor, IAssessor::wireCall { risk: s.risk.at, policy: s.policy.at })
            .map(drop)
            .unwrap();
        s.risk.answers::<IRisk::productCall>((
            s.vault.at,
            s.trigger.at,
            U256::from(5),
            U256::from(1),
            U256::from(PRODUCT),
            U256::from(PRODUCT),
        ));
        s.risk.answers::<IRisk::incidentCall>((U256::from(1), U256::from(2)));
        s.risk.answers::<IRisk::claimCall>((U256::from(900_000), U256::from(828_000)));
        s.clock(1_000);
        let mut terms = [U256::ZERO; 27];
        terms[16] = U256::from(GRACE);
        s.risk.answers::<IRisk::termsCall>(terms);
        s.policy.answers::<IPolicy::closeCall>(());
        s.vault.answers::<IVault::capitalCall>((U256::from(CAPITAL), U256::ZERO));
        s.vault.answers::<IERC4626::assetCall>(s.asset.at);
        s.asset.answers::<IERC20::balanceOfCall>(U256::ZERO);
        s.sells(Terms::new());
        s.observes(1, (2, 1_000, 0, 1_000));
        s.knows((2, 1_000, 0, 1_000));
        s.proves(2, 1_000);
        s.pays(72_000);
        s
    }

    /// The policy's terms from now on.
    pub(crate) fn sells(&self, terms: Terms) {
        let words: [U256; 14] = [
            U256::from(PRODUCT),
            SUBJECT.into(),
            U256::from_be_slice(self.insured.as_slice()),
            B256::repeat_byte(0x77).into(),
            U256::from(500),
            U256::from(9_000),
            U256::from(10_000),
            U256::from(terms.amount),
            U256::from(terms.confirmed),
            U256::from(terms.ratio),
            U256::from(terms.deductible),
            U256::from(u8::from(terms.filed)),
            terms.entry_hash.into(),
            U256::from_be_slice(self.holder.as_slice()),
        ];
        self.policy.answers::<IPolicy::openCall>(words);
    }

    /// The claims clock from now on.
    pub(crate) fn clock(&self, clock: u64) {
        self.risk.answers::<IRisk::claimsClockCall>(U256::from(clock));
    }

    /// What observe answers from now on.
    pub(crate) fn observes(&self, number: u64, incident: Incident) {
        self.trigger.answers::<ITrigger::observeCall>((U256::from(number), words(incident)));
    }

    /// What every incident is from now on.
    pub(crate) fn knows(&self, incident: Incident) {
        self.trigger.answers::<ITrigger::incidentCall>(words(incident));
    }

    /// The verdict on every policy from now on.
    pub(crate) fn proves(&self, verdict: u8, loss_bps: u16) {
        self.trigger.answers::<ITrigger::proveCall>([U256::from(verdict), U256::from(loss_bps)]);
    }

    /// What the vault pays from now on.
    pub(crate) fn pays(&self, amount: u64) {
        self.vault.answers::<IVault::payCall>(U256::from(amount));
    }

    pub(crate) fn report(&self) -> Result<(u64, u8, u16), Reverted> {
        let call = IAssessor::reportCall { product: U256::from(PRODUCT), subject: SUBJECT, evidence: b"hint".into() };
        let answer = self.world.send(self.holder, self.assessor, call)?;
        Ok((answer.number.to::<u64>(), answer.verdict, answer.worstBps))
    }

    /// Files the policy under an incident; answers with what was confirmed and what was paid.
    pub(crate) fn file(&self, incident: u64) -> Result<(u64, u64), Reverted> {
        let answer = self.world.send(self.holder, self.assessor, file(incident))?;
        Ok((answer.confirmed.to::<u64>(), answer.paid.to::<u64>()))
    }

    pub(crate) fn claim_of(&self, incident: u64) -> u64 {
        let call = IAssessor::claimOfCall { policy: U256::from(POLICY), incident: U256::from(incident) };
        self.world.read(self.assessor, call).to::<u64>()
    }

    pub(crate) fn booked(&self, number: u64) -> Incident {
        let call =
            IAssessor::incidentOfCall { product: U256::from(PRODUCT), subject: SUBJECT, number: U256::from(number) };
        let incident = self.world.read(self.assessor, call);
        (incident.verdict, incident.openedAt, incident.closedAt, incident.worstBps)
    }

    pub(crate) fn newest(&self) -> u64 {
        let call = IAssessor::newestIncidentCall { product: U256::from(PRODUCT), subject: SUBJECT };
        self.world.read(self.assessor, call).to::<u64>()
    }

    /// The calls that peers got since this was asked last.
    pub(crate) fn calls(&self) -> Vec<Got> {
        std::mem::take(&mut *self.got.borrow_mut())
    }

    /// What was booked in Risk since this was asked last: number, verdict, opened at, closed at, worst loss.
    pub(crate) fn bookings(&self) -> Vec<(u64, Incident)> {
        let booked = |call: IRisk::incidentCall| {
            assert_eq!((call.product, call.subject), (U256::from(PRODUCT), SUBJECT));
            let incident = (
                call.verdict.to::<u8>(),
                call.openedAt.to::<u64>(),
                call.closedAt.to::<u64>(),
                call.worstBps.to::<u16>(),
            );
            (call.number.to::<u64>(), incident)
        };
        self.calls().iter().filter_map(Got::decode).map(booked).collect()
    }

    /// Traces that calls left in the peers' storage.
    pub(crate) fn traces(&self) -> U256 {
        [&self.policy, &self.risk, &self.vault, &self.trigger]
            .map(|peer| U256::from_be_bytes(self.world.storage_at(peer.at, U256::ZERO).0))
            .iter()
            .fold(U256::ZERO, |sum, trace| sum + trace)
    }
}

/// The call that files the policy.
pub(crate) fn file(incident: u64) -> IAssessor::fileCall {
    IAssessor::fileCall {
        policy: U256::from(POLICY),
        incident: U256::from(incident),
        entry: ENTRY.into(),
        evidence: b"proof".into(),
    }
}
