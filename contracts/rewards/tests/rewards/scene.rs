//! A vault, its policies and PALI as they are, with a mocked risk contract whose answers the tests set.

use std::{cell::Cell, rc::Rc};

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolEvent, SolValue};
use policy::{Policy, PolicyExt};
use protocol::abi::{IERC20, IERC4626, IERC7540Redeem, IOwned, IPolicy, IRewards, IRisk, ITrigger, IVault};
use rewards::Rewards;
use stylus_sdk::ArbResult;
use testkit::{Context, Native, Reverted, World, token::Token};
use vault::{Vault, VaultExt, VaultMore};

/// The real week and the real cooldown.
pub(crate) const WEEK: u64 = 604_800;
pub(crate) const COOLDOWN: u64 = 2 * WEEK;
pub(crate) const DAY: u64 = 24 * 60 * 60;
/// One million dollars of six decimals.
pub(crate) const M: u64 = 1_000_000_000_000;
/// One whole PALI.
pub(crate) const PALI: u128 = 1_000_000_000_000_000_000;
/// From the end of a policy to its last filing.
pub(crate) const GRACE: u64 = 35 * DAY;
/// The shortest cover that the tests reward, 26 weeks.
pub(crate) const LONG: u64 = 26 * WEEK;

pub(crate) fn u(value: impl Into<u128>) -> U256 {
    U256::from(value.into())
}

/// What the mocked risk contract answers.
#[derive(Default)]
pub(crate) struct Gate {
    pub(crate) reserve: Cell<u64>,
    pub(crate) target: Cell<u64>,
    /// Answered as the target where set.
    pub(crate) absurd: Cell<Option<U256>>,
    pub(crate) broken: Cell<bool>,
    /// How long filing was paused, in all.
    pub(crate) paused: Cell<u64>,
}

/// Sells anything for 3 % of the amount; product 1 is the vault's, product 2 another vault's.
struct MockRisk(Rc<Gate>);

impl Native for MockRisk {
    fn call(&self, context: &Context<'_>, input: &[u8]) -> ArbResult {
        let (gate, world) = (&self.0, context.world);
        let clock = world.now() - gate.paused.get();
        let net = |amount: U256| amount * u(3u64) / u(100u64);
        if IRisk::gateCall::abi_decode(input).is_ok() {
            let target = gate.absurd.get().unwrap_or(u(gate.target.get()));
            if gate.broken.get() {
                return Err(vec![]);
            }
            return Ok((u(gate.reserve.get()), U256::ZERO, target, U256::ZERO, false).abi_encode());
        }
        if let Ok(call) = IRisk::productCall::abi_decode(input) {
            let vault = world.address(if call.id == U256::ONE { "vault" } else { "other vault" });
            let (id, trigger) = (call.id, world.address("trigger"));
            return Ok(IRisk::Product { vault, trigger, cover: 0, status: 1, family: id, latest: id }.abi_encode());
        }
        if IRisk::productCountCall::abi_decode(input).is_ok() {
            return Ok(u(2u64).abi_encode());
        }
        if IRisk::termsCall::abi_decode(input).is_ok() {
            return Ok(vec![0; 32 * 27]);
        }
        if let Ok(call) = IRisk::underwriteCall::abi_decode(input) {
            let deadline = u(clock + DAY + GRACE) + call.term;
            return Ok((net(call.amount), u(9_500u64), U256::ZERO, u(DAY), deadline).abi_encode());
        }
        if let Ok(call) = IRisk::renewCall::abi_decode(input) {
            return Ok((net(call.cover), call.deadline + call.term).abi_encode());
        }
        if IRisk::releaseCall::abi_decode(input).is_ok() {
            return Ok(vec![]);
        }
        if IRisk::activeCoverCall::abi_decode(input).is_ok() {
            return Ok(U256::ZERO.abi_encode());
        }
        if IRisk::claimsClockCall::abi_decode(input).is_ok() {
            return Ok(u(clock).abi_encode());
        }
        Err(vec![])
    }
}

/// A trigger whose subjects are healthy and whose interests have no end.
struct MockTrigger;

impl Native for MockTrigger {
    fn call(&self, _: &Context<'_>, input: &[u8]) -> ArbResult {
        ITrigger::enterCall::abi_decode(input).map_err(|_| vec![])?;
        Ok((true, Bytes::new(), U256::MAX, U256::MAX).abi_encode_params())
    }
}

/// A vault that only takes premiums.
struct OtherVault;

impl Native for OtherVault {
    fn call(&self, context: &Context<'_>, input: &[u8]) -> ArbResult {
        match input.first_chunk() {
            Some(&IERC4626::assetCall::SELECTOR) => Ok(context.world.address("usd").abi_encode()),
            Some(&IVault::capitalCall::SELECTOR) => Ok((U256::MAX, false).abi_encode()),
            Some(&IVault::premiumCall::SELECTOR) => Ok(vec![]),
            _ => Err(vec![]),
        }
    }
}

/// A contract that has code and knows nothing: assessor and certificate are callers only.
pub(crate) struct Silent;

impl Native for Silent {
    fn call(&self, _: &Context<'_>, _: &[u8]) -> ArbResult {
        Err(vec![])
    }
}

/// The stage of every test.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) rewards: Address,
    pub(crate) vault: Address,
    pub(crate) pali: Address,
    pub(crate) policy: Address,
    pub(crate) usd: Token,
    pub(crate) gate: Rc<Gate>,
    pub(crate) owner: Address,
    pub(crate) setup: Address,
    pub(crate) guardian: Address,
    pub(crate) assessor: Address,
    pub(crate) treasury: Address,
    pub(crate) alice: Address,
    pub(crate) bob: Address,
    pub(crate) carol: Address,
}

impl Scene {
    /// A vault with a target of a hundred million, with rewards that emit at most one PALI a second and have none yet.
    pub(crate) fn new() -> Self {
        let scene = Self::unwired();
        scene.wire();
        scene.done(scene.owner, IRewards::setEmissionCall { mostPerSecond: PALI });
        scene
    }

    /// The same with a thousand million PALI.
    pub(crate) fn funded() -> Self {
        let scene = Self::new();
        scene.fund(1_000_000_000 * PALI);
        scene
    }

    /// Everything is there, and the vault does not know its peers.
    pub(crate) fn unwired() -> Self {
        let world = World::new();
        let name = |name: &str| world.address(name);
        let usd = Token::deploy(&world, name("usd"), 6);
        let gate = Rc::new(Gate::default());
        gate.target.set(100 * M);
        world.place_native(name("risk"), MockRisk(gate.clone()));
        world.place_native(name("trigger"), MockTrigger);
        world.place_native(name("other vault"), OtherVault);
        world.place_native(name("assessor"), Silent);
        world.place_native(name("certificate"), Silent);
        world.place::<VaultExt>(name("vault extension"));
        world.place::<VaultMore>(name("second vault extension"));
        world.place::<PolicyExt>(name("policy extension"));
        let scene = Self {
            rewards: name("rewards"),
            vault: name("vault"),
            pali: name("pali"),
            policy: name("policy"),
            usd,
            gate,
            owner: name("timelock"),
            setup: name("deployer"),
            guardian: name("guardian"),
            assessor: name("assessor"),
            treasury: name("treasury"),
            alice: name("alice"),
            bob: name("bob"),
            carol: name("carol"),
            world: world.clone(),
        };
        let (owner, setup) = (scene.owner, scene.setup);
        let arguments = (
            owner,
            setup,
            name("vault extension"),
            name("second vault extension"),
            scene.usd.at,
            "Palisade USDX".to_string(),
            "pUSDX".to_string(),
            WEEK,
            COOLDOWN,
            3 * DAY,
        );
        world.construct::<Vault>(scene.vault, setup, arguments.abi_encode_params());
        world.construct::<Policy>(scene.policy, setup, (owner, setup, name("policy extension")).abi_encode_params());
        world.construct::<token::Token>(
            scene.pali,
            setup,
            (scene.treasury, u(10_000_000_000 * PALI)).abi_encode_params(),
        );
        world.construct::<Rewards>(scene.rewards, setup, scene.arguments());
        // Weeks begin at an edge, so that tests can count in weeks.
        world.warp_to((world.now() / WEEK + 1) * WEEK);
        scene
    }

    pub(crate) fn arguments(&self) -> Vec<u8> {
        (self.owner, self.setup, self.vault, self.pali, self.policy).abi_encode_params()
    }

    pub(crate) fn wire(&self) {
        let name = |name: &str| self.world.address(name);
        let (risk, assessor, certificate) = (name("risk"), self.assessor, name("certificate"));
        let wire = IVault::wireCall { risk, policy: self.policy, assessor, treasury: self.treasury };
        self.world.send(self.setup, self.vault, wire).unwrap();
        self.world.send(self.setup, self.vault, IOwned::setGuardianCall { newGuardian: self.guardian }).unwrap();
        self.world.send(self.setup, self.policy, IPolicy::wireCall { risk, assessor, certificate }).unwrap();
        let shares = IPolicy::setSharesCall { treasuryBps: 1_500, juryBps: 500, referralBps: 2_000 };
        self.world.send(self.setup, self.policy, shares).unwrap();
    }

    #[track_caller]
    pub(crate) fn done<C: SolCall>(&self, from: Address, call: C) -> C::Return {
        self.done_at(self.rewards, from, call)
    }

    #[track_caller]
    pub(crate) fn done_at<C: SolCall>(&self, to: Address, from: Address, call: C) -> C::Return {
        match self.world.send(from, to, call) {
            Ok(answer) => answer,
            Err(Reverted(data)) => {
                panic!("{} reverted with 0x{}", C::SIGNATURE, alloy_primitives::hex::encode(data))
            }
        }
    }

    #[track_caller]
    pub(crate) fn refused<C: SolCall>(&self, from: Address, call: C) -> Reverted {
        self.world.refused(from, self.rewards, call)
    }

    #[track_caller]
    pub(crate) fn read<C: SolCall>(&self, call: C) -> C::Return {
        self.world.read(self.rewards, call)
    }

    pub(crate) fn events<E: SolEvent>(&self) -> Vec<E> {
        self.world.events(self.rewards)
    }

    /// The treasury sends PALI, and it is taken in.
    #[track_caller]
    pub(crate) fn fund(&self, amount: u128) {
        self.send_pali(amount);
        assert_eq!(self.done(self.carol, IRewards::fundCall { token: self.pali }), u(amount));
    }

    #[track_caller]
    pub(crate) fn send_pali(&self, amount: u128) {
        let call = IERC20::transferCall { to: self.rewards, value: u(amount) };
        assert!(self.done_at(self.pali, self.treasury, call));
    }

    /// `who` deposits assets that it is given; the shares.
    #[track_caller]
    pub(crate) fn deposit(&self, who: Address, assets: u64) -> U256 {
        self.usd.mint(&self.world, who, u(assets));
        self.usd.approve(&self.world, who, self.vault, U256::MAX);
        let shares = self.done_at(self.vault, who, IERC4626::depositCall { assets: u(assets), receiver: who });
        self.done_at(self.vault, who, IERC20::approveCall { spender: self.rewards, value: U256::MAX });
        shares
    }

    /// `who` deposits assets and stakes all shares.
    #[track_caller]
    pub(crate) fn stake(&self, who: Address, assets: u64) -> U256 {
        let shares = self.deposit(who, assets);
        self.done(who, IRewards::stakeCall { shares, account: who });
        shares
    }

    #[track_caller]
    pub(crate) fn claim(&self, who: Address) -> U256 {
        self.done(who, IRewards::claimCall { receiver: who })
    }

    pub(crate) fn stake_of(&self, account: Address) -> IRewards::stakeOfReturn {
        self.read(IRewards::stakeOfCall { account })
    }

    pub(crate) fn earned(&self, account: Address) -> U256 {
        self.stake_of(account).earned
    }

    pub(crate) fn rate(&self) -> U256 {
        self.read(IRewards::emissionCall {}).perSecond
    }

    pub(crate) fn shares_of(&self, account: Address) -> U256 {
        self.world.read(self.vault, IERC20::balanceOfCall { account })
    }

    pub(crate) fn pali_of(&self, account: Address) -> U256 {
        self.world.read(self.pali, IERC20::balanceOfCall { account })
    }

    pub(crate) fn usd_of(&self, account: Address) -> U256 {
        self.usd.balance_of(&self.world, account)
    }

    pub(crate) fn request_of(&self, controller: Address) -> IVault::requestOfReturn {
        self.world.read(self.vault, IVault::requestOfCall { controller })
    }

    /// Sends the vault's shares that `who` has into its queue, as nobody does who stakes.
    #[track_caller]
    pub(crate) fn request(&self, who: Address, shares: U256) {
        self.done_at(self.vault, who, IERC7540Redeem::requestRedeemCall { shares, controller: who, owner: who });
    }

    /// A confirmed claim takes assets out of the vault; what it cannot pay it owes.
    #[track_caller]
    pub(crate) fn lose(&self, amount: u64) {
        let before = self.gate.reserve.get() + amount;
        self.gate.reserve.set(before);
        let call = IVault::payCall {
            policy: U256::MAX,
            to: self.world.address("insured"),
            before: U256::ZERO,
            total: u(amount),
            reserveBefore: u(before),
            reserveAfter: u(before - amount),
        };
        self.done_at(self.vault, self.assessor, call);
        self.gate.reserve.set(before - amount);
    }

    /// `buyer` buys cover of 100,000 for so long; the policy's number. The net premium is 3,000.
    #[track_caller]
    pub(crate) fn buy(&self, buyer: Address, product: u64, term: u64) -> U256 {
        self.usd.mint(&self.world, buyer, u(10_000_000_000u64));
        self.usd.approve(&self.world, buyer, self.policy, U256::MAX);
        let call = IPolicy::buyCall {
            product: u(product),
            subject: B256::repeat_byte(1),
            insured: buyer,
            position: B256::ZERO,
            amount: u(100_000_000_000u64),
            term: u(term),
            maxPremium: U256::MAX,
            deadline: U256::MAX,
            receiver: buyer,
            referrer: Address::ZERO,
        };
        self.done_at(self.policy, buyer, call).policy
    }

    pub(crate) fn policy_of(&self, policy: U256) -> IPolicy::Policy {
        self.world.read(self.policy, IPolicy::policyOfCall { policy })
    }

    pub(crate) fn weeks(&self, weeks: u64) {
        self.world.warp(weeks * WEEK);
    }
}
