//! A vault on a token with bad habits, with a mocked risk contract whose answers the tests set.

use std::{cell::Cell, rc::Rc};

use allocator::Allocator;
use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::{SolCall, SolEvent, SolValue};
use protocol::abi::{IAllocator, IERC20, IERC4626, IERC7540Redeem, IOwned, IRisk, IVault};
use stylus_sdk::ArbResult;
use testkit::{Context, Native, Reverted, World, strategy::Strategy, token::Token};
use vault::{Vault, VaultExt, VaultMore};

/// The real week, the real cooldown and the real wait.
pub(crate) const WEEK: u64 = 604_800;
pub(crate) const COOLDOWN: u64 = 2 * WEEK;
pub(crate) const PATIENCE: u64 = 3 * 24 * 60 * 60;
/// What all strategies hang on.
pub(crate) const KEY: B256 = B256::repeat_byte(7);
/// One million dollars of six decimals.
pub(crate) const M: u64 = 1_000_000_000_000;
/// Share units for one unit of the asset at the first price.
pub(crate) const SHARES: u64 = 1_000_000;

pub(crate) fn u(value: impl Into<u128>) -> U256 {
    U256::from(value.into())
}

/// What the mocked risk contract answers.
#[derive(Default)]
pub(crate) struct Gate {
    pub(crate) reserve: Cell<u64>,
    pub(crate) minimum: Cell<u64>,
    pub(crate) target: Cell<u64>,
    pub(crate) unsettled: Cell<u64>,
    pub(crate) filing_paused: Cell<bool>,
    pub(crate) cover: Cell<u64>,
    pub(crate) broken: Cell<bool>,
}

struct MockRisk(Rc<Gate>);

impl Native for MockRisk {
    fn call(&self, context: &Context<'_>, input: &[u8]) -> ArbResult {
        let gate = &self.0;
        if gate.broken.get() {
            return Err(IRisk::UnknownVault { vault: context.sender }.abi_encode_error());
        }
        if let Ok(call) = IRisk::gateCall::abi_decode(input) {
            assert_eq!(call.vault, context.sender, "the vault asks about itself");
            return Ok((
                u(gate.reserve.get()),
                u(gate.minimum.get()),
                u(gate.target.get()),
                u(gate.unsettled.get()),
                gate.filing_paused.get(),
            )
                .abi_encode());
        }
        if let Ok(call) = IRisk::holdCall::abi_decode(input) {
            context.store(call.riskKey.into(), call.amount);
            return Ok(vec![]);
        }
        if IRisk::activeCoverCall::abi_decode(input).is_ok() {
            return Ok(u(gate.cover.get()).abi_encode());
        }
        Err(vec![])
    }
}

trait EncodeError {
    fn abi_encode_error(&self) -> Vec<u8>;
}

impl<E: alloy_sol_types::SolError> EncodeError for E {
    fn abi_encode_error(&self) -> Vec<u8> {
        self.abi_encode()
    }
}

/// A contract that has code and knows nothing: policy and assessor are callers only.
pub(crate) struct Silent;

impl Native for Silent {
    fn call(&self, _: &Context<'_>, _: &[u8]) -> ArbResult {
        Err(vec![])
    }
}

/// What a constructor is given.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) week: u64,
    pub(crate) cooldown: u64,
    pub(crate) patience: u64,
    pub(crate) decimals: u8,
}

impl Default for Settings {
    fn default() -> Self {
        Self { week: WEEK, cooldown: COOLDOWN, patience: PATIENCE, decimals: 6 }
    }
}

/// The stage of every test.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) vault: Address,
    pub(crate) extension: Address,
    pub(crate) second_extension: Address,
    pub(crate) token: Token,
    pub(crate) gate: Rc<Gate>,
    pub(crate) owner: Address,
    pub(crate) setup: Address,
    pub(crate) guardian: Address,
    pub(crate) risk: Address,
    pub(crate) policy: Address,
    pub(crate) assessor: Address,
    pub(crate) treasury: Address,
    pub(crate) alice: Address,
    pub(crate) bob: Address,
    pub(crate) carol: Address,
}

impl Scene {
    /// A wired vault with a target of a hundred million, whose peers and users exist.
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let scene = Self::unwired(settings);
        let Self { world, vault, risk, policy, assessor, treasury, .. } = &scene;
        let wire = IVault::wireCall { risk: *risk, policy: *policy, assessor: *assessor, treasury: *treasury };
        world.send(scene.setup, *vault, wire).unwrap();
        world.send(scene.setup, *vault, IOwned::setGuardianCall { newGuardian: scene.guardian }).unwrap();
        scene
    }

    pub(crate) fn unwired(settings: Settings) -> Self {
        let world = World::new();
        let name = |name: &str| world.address(name);
        let (vault, extension, risk) = (name("vault"), name("extension"), name("risk"));
        let token = Token::deploy(&world, name("token"), settings.decimals);
        let gate = Rc::new(Gate::default());
        gate.target.set(100 * M);
        world.place_native(risk, MockRisk(gate.clone()));
        world.place_native(name("policy"), Silent);
        world.place_native(name("assessor"), Silent);
        world.place::<VaultExt>(extension);
        world.place::<VaultMore>(name("second extension"));
        let scene = Self {
            vault,
            extension,
            second_extension: name("second extension"),
            token,
            gate,
            owner: name("timelock"),
            setup: name("deployer"),
            guardian: name("guardian"),
            risk,
            policy: name("policy"),
            assessor: name("assessor"),
            treasury: name("treasury"),
            alice: name("alice"),
            bob: name("bob"),
            carol: name("carol"),
            world: world.clone(),
        };
        world.construct::<Vault>(vault, scene.setup, scene.arguments(&settings));
        // Weeks begin at an edge, so that tests can count in weeks.
        world.warp_to((world.now() / settings.week + 1) * settings.week);
        scene
    }

    pub(crate) fn arguments(&self, settings: &Settings) -> Vec<u8> {
        (
            self.owner,
            self.setup,
            self.extension,
            self.second_extension,
            self.token.at,
            "Palisade USDX".to_string(),
            "pUSDX".to_string(),
            settings.week,
            settings.cooldown,
            settings.patience,
        )
            .abi_encode_params()
    }

    pub(crate) fn send<C: SolCall>(&self, from: Address, call: C) -> Result<C::Return, Reverted> {
        self.world.send(from, self.vault, call)
    }

    #[track_caller]
    pub(crate) fn done<C: SolCall>(&self, from: Address, call: C) -> C::Return {
        match self.send(from, call) {
            Ok(answer) => answer,
            Err(reverted) => panic!("{} reverted with 0x{}", C::SIGNATURE, alloy_primitives::hex::encode(reverted.0)),
        }
    }

    #[track_caller]
    pub(crate) fn refused<C: SolCall>(&self, from: Address, call: C) -> Reverted {
        self.world.refused(from, self.vault, call)
    }

    #[track_caller]
    pub(crate) fn read<C: SolCall>(&self, call: C) -> C::Return {
        self.world.read(self.vault, call)
    }

    pub(crate) fn events<E: SolEvent>(&self) -> Vec<E> {
        self.world.events(self.vault)
    }

    /// Gives `who` the assets and lets the vault take them.
    pub(crate) fn fund(&self, who: Address, assets: u64) {
        self.token.mint(&self.world, who, u(assets));
        self.token.approve(&self.world, who, self.vault, U256::MAX);
    }

    /// `who` deposits assets that it is given.
    #[track_caller]
    pub(crate) fn deposit(&self, who: Address, assets: u64) -> U256 {
        self.fund(who, assets);
        self.done(who, IERC4626::depositCall { assets: u(assets), receiver: who })
    }

    #[track_caller]
    pub(crate) fn request(&self, who: Address, shares: U256) {
        self.done(who, IERC7540Redeem::requestRedeemCall { shares, controller: who, owner: who });
    }

    #[track_caller]
    pub(crate) fn serve(&self) -> (U256, U256) {
        let served = self.done(self.carol, IVault::serveCall { n: u(100u64) });
        (served.shares, served.assets)
    }

    #[track_caller]
    pub(crate) fn redeem_all(&self, who: Address) -> U256 {
        let shares = self.read(IERC4626::maxRedeemCall { controller: who });
        self.done(who, IERC4626::redeemCall { shares, receiver: who, controller: who })
    }

    /// Sells cover of these terms: the gross premium is transferred and booked, all of it the pool's.
    #[track_caller]
    pub(crate) fn sell(&self, net: u64, waiting: u64, term: u64) {
        self.token.mint(&self.world, self.vault, u(net));
        let start = self.world.now() + waiting;
        self.done(self.policy, self.premium(net, start, start + term));
    }

    pub(crate) fn premium(&self, net: u64, start: u64, end: u64) -> IVault::premiumCall {
        IVault::premiumCall {
            net: u(net),
            start: u(start),
            end: u(end),
            treasuryFee: U256::ZERO,
            juryFee: U256::ZERO,
            referrer: Address::ZERO,
            referralFee: U256::ZERO,
        }
    }

    /// A policy's claims rise; the reserve of the mocked risk falls by the rise.
    #[track_caller]
    pub(crate) fn pay(&self, policy: u64, to: Address, before: u64, total: u64) -> U256 {
        let reserve = self.gate.reserve.get();
        let after = reserve - (total - before);
        self.gate.reserve.set(after);
        self.done(self.assessor, self.claim(policy, to, before, total, reserve, after))
    }

    pub(crate) fn claim(
        &self,
        policy: u64,
        to: Address,
        before: u64,
        total: u64,
        reserve: u64,
        after: u64,
    ) -> IVault::payCall {
        IVault::payCall {
            policy: u(policy),
            to,
            before: u(before),
            total: u(total),
            reserveBefore: u(reserve),
            reserveAfter: u(after),
        }
    }

    /// A loss: a claim that a solvent pool pays in full.
    #[track_caller]
    pub(crate) fn lose(&self, amount: u64) {
        self.gate.reserve.set(self.gate.reserve.get() + amount);
        self.pay(u64::MAX, self.world.address("insured"), 0, amount);
    }

    /// A new allocator of the vault, not appointed yet.
    pub(crate) fn new_allocator(&self, name: &str) -> Address {
        let at = self.world.address(name);
        self.world.construct::<Allocator>(at, self.owner, (self.owner, Address::ZERO, self.vault).abi_encode_params());
        at
    }

    /// Gives the vault its allocator, without strategies.
    pub(crate) fn allocate(&self) {
        let allocator = self.new_allocator("allocator");
        self.done(self.owner, IVault::setAllocatorCall { newAllocator: allocator });
    }

    pub(crate) fn allocator(&self) -> Address {
        self.read(IVault::allocatorCall {})
    }

    /// A strategy of the vault's allocator.
    #[track_caller]
    pub(crate) fn strategy(&self, name: &str) -> Strategy {
        let strategy = Strategy::deploy(&self.world, self.world.address(name), &self.token);
        let call = IAllocator::addStrategyCall { strategy: strategy.at, cap: u(1_000 * M), riskKey: KEY };
        self.world.send(self.owner, self.allocator(), call).unwrap();
        strategy
    }

    #[track_caller]
    pub(crate) fn invest(&self, strategy: &Strategy, assets: u64) {
        self.done(self.owner, IVault::investCall { strategy: strategy.at, assets: u(assets) });
    }

    #[track_caller]
    pub(crate) fn divest(&self, strategy: &Strategy, assets: u64) -> U256 {
        self.done(self.guardian, IVault::divestCall { strategy: strategy.at, assets: u(assets) })
    }

    #[track_caller]
    pub(crate) fn harvest(&self, strategy: &Strategy) -> U256 {
        self.done(self.carol, IVault::harvestCall { strategy: strategy.at })
    }

    /// What risk was told is held on the strategies' key.
    pub(crate) fn held(&self) -> U256 {
        self.world.storage_at(self.risk, KEY.into()).into()
    }

    pub(crate) fn assets_of(&self, who: Address) -> U256 {
        self.token.balance_of(&self.world, who)
    }

    pub(crate) fn shares_of(&self, who: Address) -> U256 {
        self.read(IERC20::balanceOfCall { account: who })
    }

    pub(crate) fn total_assets(&self) -> U256 {
        self.read(IERC4626::totalAssetsCall {})
    }

    pub(crate) fn pending(&self, who: Address) -> U256 {
        self.read(IERC7540Redeem::pendingRedeemRequestCall { requestId: U256::ZERO, controller: who })
    }

    pub(crate) fn claimable(&self, who: Address) -> (U256, U256) {
        (
            self.read(IERC4626::maxRedeemCall { controller: who }),
            self.read(IERC4626::maxWithdrawCall { controller: who }),
        )
    }

    pub(crate) fn solvency(&self) -> IVault::Solvency {
        self.read(IVault::solvencyCall {})
    }

    /// The answer of `solvency()` as its words, to compare.
    pub(crate) fn solvency_words(&self) -> Vec<u8> {
        self.solvency().abi_encode()
    }

    pub(crate) fn weeks(&self, weeks: u64) {
        self.world.warp(weeks * WEEK);
    }
}

/// Within `tolerance` units.
#[track_caller]
pub(crate) fn near(actual: U256, expected: U256, tolerance: u64) {
    let difference = actual.max(expected) - actual.min(expected);
    assert!(difference <= u(tolerance), "{actual} is not {expected}");
}
