//! A world with the policy contract in it, and mocks of what it calls.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolError, SolValue};
use policy::{Policy, PolicyExt};
use protocol::abi::{ICertificate, IERC4626, IPolicy, IRisk, ITrigger, IVarianceSource, IVault};
use stylus_sdk::ArbResult;
use testkit::{
    Context, Native, Reverted, World,
    token::{Erc20, Token},
};

pub(crate) const DAY: u64 = 24 * 60 * 60;
pub(crate) const WAITING: u64 = DAY;
pub(crate) const GRACE: u64 = 35 * DAY;
pub(crate) const PRODUCT: U256 = U256::from_limbs([1, 0, 0, 0]);

/// A whole amount of the six-decimals asset.
pub(crate) fn usd(units: u64) -> U256 {
    U256::from(units * 1_000_000)
}

pub(crate) fn subject() -> B256 {
    text("USDC/USD")
}

pub(crate) fn text(text: &str) -> B256 {
    B256::right_padding_from(text.as_bytes())
}

/// What the mocks answer, and what they were told.
pub(crate) struct Peers {
    // Risk
    pub(crate) net_bps: Cell<u64>,
    pub(crate) ratio: Cell<u64>,
    pub(crate) deductible: Cell<u64>,
    pub(crate) waiting: Cell<u64>,
    pub(crate) paused: Cell<u64>,
    /// Answers another vault and trigger for every product.
    pub(crate) moved: Cell<bool>,
    pub(crate) underwritten: RefCell<Vec<IRisk::underwriteCall>>,
    pub(crate) released: RefCell<Vec<IRisk::releaseCall>>,
    pub(crate) renewed: RefCell<Vec<IRisk::renewCall>>,
    /// No incident is open on any line.
    pub(crate) quiet: Cell<bool>,
    pub(crate) clocks: Cell<u64>,
    pub(crate) status: Cell<u8>,
    pub(crate) cover: Cell<u8>,
    /// What was told of variance, and after how many purchases and extensions.
    pub(crate) observed: RefCell<Vec<(IRisk::observeVarianceCall, usize)>>,
    // Vault
    pub(crate) capital: Cell<U256>,
    pub(crate) closed: Cell<bool>,
    pub(crate) premiums: RefCell<Vec<IVault::premiumCall>>,
    pub(crate) refunds: RefCell<Vec<IVault::refundCall>>,
    pub(crate) repriced: RefCell<Vec<IVault::repriceCall>>,
    // Trigger
    pub(crate) healthy: Cell<bool>,
    /// Refuses to be entered.
    pub(crate) mute: Cell<bool>,
    pub(crate) entry: RefCell<Vec<u8>>,
    pub(crate) interest: Cell<U256>,
    pub(crate) size: Cell<U256>,
    pub(crate) entered: RefCell<Vec<ITrigger::enterCall>>,
    /// Answered by `enter` as it is, where set.
    pub(crate) garbled: RefCell<Option<Vec<u8>>>,
    /// Of impermanent loss, where it is known.
    pub(crate) variance: Cell<Option<(u64, u16)>>,
    // Certificate
    pub(crate) faces: RefCell<Vec<ICertificate::Face>>,
    /// Called by the peer of this name in the middle of its answer.
    pub(crate) hook: RefCell<Option<(&'static str, Address, Vec<u8>)>>,
    pub(crate) hook_result: RefCell<Option<ArbResult>>,
}

struct Peer<F> {
    name: &'static str,
    peers: Rc<Peers>,
    answer: F,
}

impl<F: Fn(&Peers, &Context<'_>, &[u8]) -> ArbResult> Native for Peer<F> {
    fn call(&self, context: &Context<'_>, input: &[u8]) -> ArbResult {
        let hook = self.peers.hook.borrow().clone();
        if let Some((_, to, data)) = hook.filter(|(name, ..)| *name == self.name) {
            let result = context.call(to, data);
            *self.peers.hook_result.borrow_mut() = Some(result);
        }
        (self.answer)(&self.peers, context, input)
    }
}

/// Decodes a call if it is this one.
fn as_call<C: SolCall>(input: &[u8]) -> Option<C> {
    input.starts_with(&C::SELECTOR).then(|| C::abi_decode(input).expect("well-formed call data"))
}

fn risk(peers: &Peers, context: &Context<'_>, input: &[u8]) -> ArbResult {
    let now = context.world.now();
    let clock = now - peers.paused.get();
    let net = |amount: U256| amount * U256::from(peers.net_bps.get()) / U256::from(10_000);
    let (ratio, deductible) = (U256::from(peers.ratio.get()), U256::from(peers.deductible.get()));
    if let Some(call) = as_call::<IRisk::productCall>(input) {
        if call.id != PRODUCT && call.id != U256::from(2) {
            return Err(IRisk::UnknownProduct { product: call.id }.abi_encode());
        }
        let world = context.world;
        let product = IRisk::Product {
            vault: world.address(if peers.moved.get() { "elsewhere" } else { "vault" }),
            trigger: world.address(if peers.moved.get() { "elsewhere" } else { "trigger" }),
            cover: peers.cover.get(),
            status: peers.status.get(),
            family: call.id,
            latest: call.id,
        };
        return Ok(product.abi_encode());
    }
    if as_call::<IRisk::productCountCall>(input).is_some() {
        return Ok(U256::from(2).abi_encode());
    }
    if as_call::<IRisk::termsCall>(input).is_some() {
        return Ok((1..=27u64).flat_map(|word| U256::from(word).to_be_bytes::<32>()).collect());
    }
    if let Some(call) = as_call::<IRisk::capacityCall>(input) {
        return Ok((usd(2_000_000), call.capital / U256::from(2)).abi_encode());
    }
    if let Some(call) = as_call::<IRisk::quoteCall>(input) {
        let quote = IRisk::Quote {
            net: net(call.amount),
            purePremium: U256::from(1),
            capitalCost: U256::from(2),
            load: U256::from(3),
            rate: U256::from(4),
            utilisationBefore: U256::from(5),
            utilisationAfter: call.capital,
            ratioBps: ratio,
            deductibleBps: deductible,
            locked: U256::from(9),
            waiting: U256::from(peers.waiting.get()),
        };
        return Ok(quote.abi_encode());
    }
    if let Some(call) = as_call::<IRisk::underwriteCall>(input) {
        let waiting = U256::from(peers.waiting.get());
        let deadline = U256::from(clock + GRACE) + waiting + call.term;
        let answer = (net(call.amount), ratio, deductible, waiting, deadline);
        peers.underwritten.borrow_mut().push(call);
        return Ok(answer.abi_encode());
    }
    if let Some(call) = as_call::<IRisk::renewCall>(input) {
        if !peers.quiet.get() {
            return Err(IRisk::LineNotQuiet { product: call.product, subject: call.subject }.abi_encode());
        }
        let answer = (net(call.cover), call.deadline + call.term);
        peers.renewed.borrow_mut().push(call);
        return Ok(answer.abi_encode());
    }
    if let Some(call) = as_call::<IRisk::releaseCall>(input) {
        if !peers.quiet.get() {
            return Err(IRisk::LineNotQuiet { product: call.product, subject: call.subject }.abi_encode());
        }
        peers.released.borrow_mut().push(call);
        return Ok(vec![]);
    }
    if let Some(call) = as_call::<IRisk::observeVarianceCall>(input) {
        let after = peers.underwritten.borrow().len() + peers.renewed.borrow().len();
        peers.observed.borrow_mut().push((call, after));
        return Ok(vec![]);
    }
    if as_call::<IRisk::claimsClockCall>(input).is_some() {
        peers.clocks.set(peers.clocks.get() + 1);
        return Ok(U256::from(clock).abi_encode());
    }
    Err(vec![])
}

fn vault(peers: &Peers, context: &Context<'_>, input: &[u8]) -> ArbResult {
    if as_call::<IERC4626::assetCall>(input).is_some() {
        return Ok(context.world.address("usd").abi_encode());
    }
    if as_call::<IVault::capitalCall>(input).is_some() {
        return Ok((peers.capital.get(), peers.closed.get()).abi_encode());
    }
    if let Some(call) = as_call::<IVault::premiumCall>(input) {
        peers.premiums.borrow_mut().push(call);
        return Ok(vec![]);
    }
    if let Some(call) = as_call::<IVault::refundCall>(input) {
        let refunded = refund(context.world.now(), &call);
        peers.refunds.borrow_mut().push(call.clone());
        let transfer = Erc20::transferCall { to: call.to, value: refunded };
        context.call(context.world.address("usd"), transfer.abi_encode())?;
        return Ok(refunded.abi_encode());
    }
    if let Some(call) = as_call::<IVault::repriceCall>(input) {
        let kept = unused(context.world.now(), call.net, call.start, call.end) + call.addedNet;
        peers.repriced.borrow_mut().push(call);
        return Ok(kept.abi_encode());
    }
    Err(vec![])
}

/// ⌊net · (end − m) ÷ (end − start)⌋, m = max(now, start): what a policy's cover has not used.
pub(crate) fn unused(now: u64, net: U256, start: U256, end: U256) -> U256 {
    net * (end - start.max(U256::from(now))) / (end - start)
}

/// What the vault refunds: the unused part of the premium, as far as claims left the cover, less the short rate.
pub(crate) fn refund(now: u64, call: &IVault::refundCall) -> U256 {
    let bps = U256::from(10_000);
    unused(now, call.net, call.start, call.end) * call.remaining / call.cover * (bps - call.shortRateBps) / bps
}

fn trigger(peers: &Peers, _: &Context<'_>, input: &[u8]) -> ArbResult {
    if as_call::<ITrigger::healthyCall>(input).is_some() {
        return Ok(peers.healthy.get().abi_encode());
    }
    if as_call::<IVarianceSource::varianceCall>(input).is_some() {
        return peers.variance.get().map(|told| told.abi_encode()).ok_or_else(Vec::new);
    }
    let Some(call) = as_call::<ITrigger::enterCall>(input) else { return Err(vec![]) };
    if peers.mute.get() {
        return Err(vec![]);
    }
    peers.entered.borrow_mut().push(call);
    if let Some(garbled) = &*peers.garbled.borrow() {
        return Ok(garbled.clone());
    }
    let entry = Bytes::from(peers.entry.borrow().clone());
    Ok((peers.healthy.get(), entry, peers.interest.get(), peers.size.get()).abi_encode_params())
}

fn certificate(peers: &Peers, _: &Context<'_>, input: &[u8]) -> ArbResult {
    let Some(call) = as_call::<ICertificate::tokenURICall>(input) else { return Err(vec![]) };
    peers.faces.borrow_mut().push(call.face);
    Ok("data:application/json;base64,e30=".to_string().abi_encode())
}

fn nothing(_: &Peers, _: &Context<'_>, _: &[u8]) -> ArbResult {
    Ok(vec![])
}

/// The contract, wired, with a buyer who has money.
pub(crate) struct Town {
    pub(crate) world: World,
    pub(crate) peers: Rc<Peers>,
    pub(crate) usd: Token,
    pub(crate) policy: Address,
    pub(crate) extension: Address,
    pub(crate) owner: Address,
    pub(crate) deployer: Address,
    pub(crate) guardian: Address,
    pub(crate) risk: Address,
    pub(crate) vault: Address,
    pub(crate) trigger: Address,
    pub(crate) assessor: Address,
    pub(crate) certificate: Address,
    pub(crate) alice: Address,
    pub(crate) bob: Address,
}

impl Town {
    /// The contract before its peers are wired.
    pub(crate) fn unwired() -> Self {
        let world = World::new();
        let peers = Rc::new(Peers {
            net_bps: Cell::new(300),
            ratio: Cell::new(9_500),
            deductible: Cell::new(200),
            waiting: Cell::new(WAITING),
            paused: Cell::new(0),
            moved: Cell::new(false),
            underwritten: RefCell::default(),
            released: RefCell::default(),
            renewed: RefCell::default(),
            quiet: Cell::new(true),
            clocks: Cell::new(0),
            status: Cell::new(1),
            cover: Cell::new(5),
            observed: RefCell::default(),
            variance: Cell::default(),
            capital: Cell::new(usd(10_000_000)),
            closed: Cell::new(false),
            premiums: RefCell::default(),
            refunds: RefCell::default(),
            repriced: RefCell::default(),
            healthy: Cell::new(true),
            mute: Cell::new(false),
            entry: RefCell::default(),
            interest: Cell::new(U256::MAX),
            size: Cell::new(U256::MAX),
            entered: RefCell::default(),
            garbled: RefCell::default(),
            faces: RefCell::default(),
            hook: RefCell::default(),
            hook_result: RefCell::default(),
        });
        let place = |name: &'static str, answer: fn(&Peers, &Context<'_>, &[u8]) -> ArbResult| {
            let at = world.address(name);
            world.place_native(at, Peer { name, peers: peers.clone(), answer });
            at
        };
        let town = Self {
            usd: Token::deploy(&world, world.address("usd"), 6),
            policy: world.address("policy"),
            extension: world.address("policy extension"),
            owner: world.address("timelock"),
            deployer: world.address("deployer"),
            guardian: world.address("guardian"),
            risk: place("risk", risk),
            vault: place("vault", vault),
            trigger: place("trigger", trigger),
            assessor: place("assessor", nothing),
            certificate: place("certificate", certificate),
            alice: world.address("alice"),
            bob: world.address("bob"),
            peers,
            world,
        };
        town.world.place::<PolicyExt>(town.extension);
        let arguments = (town.owner, town.deployer, town.extension).abi_encode_params();
        town.world.construct::<Policy>(town.policy, town.deployer, arguments);
        for who in [town.alice, town.bob] {
            town.usd.mint(&town.world, who, usd(1_000_000_000));
            town.usd.approve(&town.world, who, town.policy, U256::MAX);
        }
        town
    }

    /// The contract as it runs: 8 % for the treasury, of it 20 % for referrers, 2 % for the jury.
    pub(crate) fn new() -> Self {
        let town = Self::unwired();
        let (risk, assessor, certificate) = (town.risk, town.assessor, town.certificate);
        town.must(town.deployer, IPolicy::wireCall { risk, assessor, certificate });
        town.must(town.deployer, IPolicy::setSharesCall { treasuryBps: 800, juryBps: 200, referralBps: 2_000 });
        town.must(town.owner, protocol::abi::IOwned::setGuardianCall { newGuardian: town.guardian });
        town.must(town.deployer, protocol::abi::IOwned::finishSetupCall {});
        town
    }

    /// A call that must succeed.
    #[track_caller]
    pub(crate) fn must<C: SolCall>(&self, from: Address, call: C) -> C::Return {
        match self.world.send(from, self.policy, call) {
            Ok(answer) => answer,
            Err(Reverted(data)) => {
                panic!("{} was refused with 0x{}", C::SIGNATURE, alloy_primitives::hex::encode(data))
            }
        }
    }

    /// A call that must be refused.
    #[track_caller]
    pub(crate) fn refused<C: SolCall>(&self, from: Address, call: C) -> Reverted {
        self.world.refused(from, self.policy, call)
    }

    /// What a view answers.
    #[track_caller]
    pub(crate) fn read<C: SolCall>(&self, call: C) -> C::Return {
        self.world.read(self.policy, call)
    }

    /// Alice's usual purchase: 100,000 for 90 days, for herself.
    pub(crate) fn purchase(&self) -> IPolicy::buyCall {
        self.purchase_by(self.alice)
    }

    /// The usual purchase by somebody.
    pub(crate) fn purchase_by(&self, buyer: Address) -> IPolicy::buyCall {
        IPolicy::buyCall {
            product: PRODUCT,
            subject: subject(),
            insured: buyer,
            position: B256::ZERO,
            amount: usd(100_000),
            term: U256::from(90 * DAY),
            maxPremium: U256::MAX,
            deadline: U256::from(self.world.now()),
            receiver: buyer,
            referrer: Address::ZERO,
        }
    }

    /// What alice asks before it.
    pub(crate) fn question(&self) -> IPolicy::quoteCall {
        let IPolicy::buyCall { product, subject, insured, position, amount, term, .. } = self.purchase();
        IPolicy::quoteCall { product, subject, insured, position, amount, term }
    }

    /// Alice buys the usual; the policy's number.
    #[track_caller]
    pub(crate) fn bought(&self) -> U256 {
        self.must(self.alice, self.purchase()).policy
    }

    #[track_caller]
    pub(crate) fn policy_of(&self, policy: U256) -> IPolicy::Policy {
        self.read(IPolicy::policyOfCall { policy })
    }

    #[track_caller]
    pub(crate) fn open(&self, policy: U256) -> IPolicy::openReturn {
        self.must(self.assessor, IPolicy::openCall { policy, caller: self.alice })
    }

    #[track_caller]
    pub(crate) fn close(&self, policy: U256, confirmed: U256) {
        self.must(self.assessor, IPolicy::closeCall { policy, confirmed });
    }

    #[track_caller]
    pub(crate) fn cancel(&self, policy: U256) -> U256 {
        self.must(self.alice, IPolicy::cancelCall { policy, receiver: self.alice })
    }

    /// Live cover on the usual interest of alice.
    #[track_caller]
    pub(crate) fn live_cover(&self) -> U256 {
        let (insured, position) = (self.alice, B256::ZERO);
        self.read(IPolicy::coverOnCall { product: PRODUCT, subject: subject(), insured, position }).amount
    }

    /// Lets the peer of this name call the contract in the middle of its next answers.
    pub(crate) fn hook<C: SolCall>(&self, peer: &'static str, call: C) {
        *self.peers.hook.borrow_mut() = Some((peer, self.policy, call.abi_encode()));
    }

    /// How the hook's last call was refused.
    #[track_caller]
    pub(crate) fn hook_refusal(&self) -> Reverted {
        Reverted(
            self.peers.hook_result.borrow_mut().take().expect("the hook ran").expect_err("the hook's call was refused"),
        )
    }
}
