//! An insurer without products whose owner is a real timelock and whose guardian is the office.

use allocator::Allocator;
use alloy_primitives::{Address, B256, U256, hex};
use alloy_sol_types::{SolCall, SolValue};
use assessor::{Assessor, AssessorExt};
use guardian::Guardian;
use policy::{Policy, PolicyExt};
use protocol::abi::{IAccessControl, IAllocator, IAssessor, IERC4626, IGuardian, IOwned, IPolicy, IRisk, IVault};
use risk::{Risk, RiskExt, RiskMore};
use testkit::{Reverted, World, strategy::Strategy, token::Token};
use timelock::{CANCELLER_ROLE, Timelock};
use vault::{Vault, VaultExt, VaultMore};

pub(crate) const HOUR: u64 = 60 * 60;
pub(crate) const DAY: u64 = 24 * HOUR;
pub(crate) const WEEK: u64 = 7 * DAY;
pub(crate) const COOLDOWN: u64 = WEEK;
/// The timelock's.
pub(crate) const DELAY: u64 = WEEK + COOLDOWN + DAY;
/// The longest that the office may be held without a vote.
pub(crate) const TERM: u64 = 180 * DAY;

/// `IPausable`'s kinds.
pub(crate) const DEPOSITS: u8 = 0;
pub(crate) const PURCHASES: u8 = 1;
pub(crate) const REDEMPTIONS: u8 = 2;
pub(crate) const FILING: u8 = 3;

pub(crate) fn u(value: u64) -> U256 {
    U256::from(value)
}

/// Text as a word.
pub(crate) fn text(text: &str) -> B256 {
    B256::right_padding_from(text.as_bytes())
}

/// The reason that acts have here.
pub(crate) fn reason() -> B256 {
    text("it looks wrong")
}

pub(crate) struct Scene {
    pub(crate) world: World,
    /// Owner of everything.
    pub(crate) timelock: Address,
    /// Who proposes to it.
    pub(crate) governor: Address,
    pub(crate) office: Address,
    /// Holds the office for [`TERM`].
    pub(crate) holder: Address,
    pub(crate) stranger: Address,
    pub(crate) risk: Address,
    pub(crate) vault: Address,
    pub(crate) policy: Address,
    pub(crate) assessor: Address,
    pub(crate) strategy: Strategy,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let world = World::new();
        let at = |name: &str| world.address(name);
        let token = Token::deploy(&world, at("asset"), 6);
        let scene = Self {
            timelock: at("timelock"),
            governor: at("governor"),
            office: at("office"),
            holder: at("holder"),
            stranger: at("stranger"),
            risk: at("risk"),
            vault: at("vault"),
            policy: at("policy"),
            assessor: at("assessor"),
            strategy: Strategy::deploy(&world, at("strategy"), &token),
            world: world.clone(),
        };
        scene.construct(&token);
        scene.invest(&token);
        scene.must(scene.timelock, scene.office, scene.appoint(scene.holder, TERM));
        scene
    }

    fn construct(&self, token: &Token) {
        let (world, owner, nobody) = (&self.world, self.timelock, Address::ZERO);
        let at = |name: &str| world.address(name);
        let (delay, cooldown) = (u(DELAY), u(WEEK + COOLDOWN));
        let roles = (delay, vec![self.governor], vec![nobody], nobody, cooldown).abi_encode_params();
        world.construct::<Timelock>(self.timelock, owner, roles);
        self.build(self.office, TERM).unwrap();
        let grant = IAccessControl::grantRoleCall { role: CANCELLER_ROLE, account: self.office };
        self.must(owner, self.timelock, grant);

        let [risk_ext, risk_more, vault_ext, vault_more, policy_ext, assessor_ext] =
            ["risk ext", "risk more", "vault ext", "vault more", "policy ext", "assessor ext"].map(at);
        world.place::<RiskExt>(risk_ext);
        world.place::<RiskMore>(risk_more);
        world.place::<VaultExt>(vault_ext);
        world.place::<VaultMore>(vault_more);
        world.place::<PolicyExt>(policy_ext);
        world.place::<AssessorExt>(assessor_ext);
        let times = (owner, nobody, risk_ext, risk_more, WEEK, 3 * DAY, HOUR);
        world.construct::<Risk>(self.risk, owner, times.abi_encode_params());
        let (name, symbol) = ("Pool".to_owned(), "pUSD".to_owned());
        let share = (owner, nobody, vault_ext, vault_more, token.at, name, symbol, WEEK, COOLDOWN, 3 * DAY);
        world.construct::<Vault>(self.vault, owner, share.abi_encode_params());
        world.construct::<Policy>(self.policy, owner, (owner, nobody, policy_ext).abi_encode_params());
        world.construct::<Assessor>(self.assessor, owner, (owner, nobody, assessor_ext, 500u16).abi_encode_params());
        world.construct::<Allocator>(at("allocator"), owner, (owner, nobody, self.vault).abi_encode_params());
        let (risk, vault, policy, assessor) = (self.risk, self.vault, self.policy, self.assessor);
        self.must(owner, risk, IRisk::wireCall { policy, assessor });
        self.must(owner, vault, IVault::wireCall { risk, policy, assessor, treasury: owner });
        self.must(owner, policy, IPolicy::wireCall { risk, assessor, certificate: risk });
        self.must(owner, assessor, IAssessor::wireCall { risk, policy });
        for contract in [risk, vault, policy, assessor, at("allocator")] {
            self.must(owner, contract, IOwned::setGuardianCall { newGuardian: self.office });
        }
        let floor = 1_000_000_000_000;
        let asset_key = text("asset");
        let add = IRisk::addVaultCall { vault, assetKey: asset_key, minimumBps: 10_000, targetBps: 10_000, floor };
        self.must(owner, risk, add);
    }

    /// A lender's money, of which a part works in the strategy.
    fn invest(&self, token: &Token) {
        let (allocator, lender) = (self.world.address("allocator"), self.world.address("lender"));
        let (strategy, assets) = (self.strategy.at, u(1_000_000));
        let add = IAllocator::addStrategyCall { strategy, cap: assets, riskKey: text("lending protocol") };
        self.must(self.timelock, self.risk, IRisk::setGroupCall { group: 1, correlationBps: 2_500 });
        let key = IRisk::setRiskKeyCall { riskKey: text("lending protocol"), group: 1 };
        self.must(self.timelock, self.risk, key);
        self.must(self.timelock, allocator, add);
        self.must(self.timelock, self.vault, IVault::setAllocatorCall { newAllocator: allocator });
        token.mint(&self.world, lender, u(10_000_000));
        token.approve(&self.world, lender, self.vault, U256::MAX);
        self.must(lender, self.vault, IERC4626::depositCall { assets: u(10_000_000), receiver: lender });
        self.must(self.timelock, self.vault, IVault::investCall { strategy, assets });
    }

    /// Another office of the timelock's.
    pub(crate) fn build(&self, at: Address, longest_term: u64) -> Result<(), Reverted> {
        let arguments = (self.timelock, Address::ZERO, self.timelock, longest_term).abi_encode_params();
        self.world.try_construct::<Guardian>(at, self.timelock, arguments)
    }

    /// For so long from now.
    pub(crate) fn appoint(&self, holder: Address, term: u64) -> IGuardian::appointCall {
        IGuardian::appointCall { holder, until: self.world.now() + term }
    }

    pub(crate) fn pause(&self, target: Address, kind: u8, duration: u64) -> IGuardian::pauseCall {
        IGuardian::pauseCall { target, kind, duration, reason: reason() }
    }

    /// An act that nothing but the count of acts limits: home comes what is there, be it nothing.
    pub(crate) fn divest(&self) -> IGuardian::divestCall {
        IGuardian::divestCall { vault: self.vault, strategy: self.strategy.at, assets: u(1), reason: reason() }
    }

    /// An act that nothing but the count of acts limits, of the holder.
    pub(crate) fn try_act(&self) -> Result<(), Reverted> {
        self.world.send(self.holder, self.office, self.divest()).map(drop)
    }

    #[track_caller]
    pub(crate) fn must<C: SolCall>(&self, from: Address, to: Address, call: C) -> C::Return {
        match self.world.send(from, to, call) {
            Ok(answer) => answer,
            Err(reverted) => panic!("{} reverted with 0x{}", C::SIGNATURE, hex::encode(reverted.0)),
        }
    }

    /// The holder's call of the office.
    #[track_caller]
    pub(crate) fn does<C: SolCall>(&self, call: C) -> C::Return {
        self.must(self.holder, self.office, call)
    }

    /// The holder's call, which the office refuses.
    #[track_caller]
    pub(crate) fn refused<C: SolCall>(&self, call: C) -> Reverted {
        self.world.refused(self.holder, self.office, call)
    }

    pub(crate) fn left(&self) -> u64 {
        self.world.read(self.office, IGuardian::actsLeftCall {}).left.to()
    }
}
