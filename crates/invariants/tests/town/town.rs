//! The whole insurer, wired as a deployment is: two pools, four products, a real and a scripted trigger.

use std::rc::Rc;

use allocator::Allocator;
use alloy_primitives::{Address, B256, Bytes, U256, hex};
use alloy_sol_types::{SolCall, SolValue};
use assessor::{Assessor, AssessorExt};
use certificate::Certificate;
use depeg::DepegTrigger;
use policy::{Policy, PolicyExt};
use protocol::abi::{
    IAssessor, IDepegTrigger, IERC20, IERC4626, IERC7540Redeem, IOwned, IPolicy,
    IRisk::{self, Limits, Pricing, Terms},
    IVault,
};
use risk::{Risk, RiskExt, RiskMore};
use testkit::{Reverted, World, token::Token};
use vault::{Vault, VaultExt, VaultMore};

use crate::triggers::{Feed, Script, place_script};

pub(crate) const HOUR: u64 = 3_600;
pub(crate) const DAY: u64 = 24 * HOUR;
pub(crate) const WEEK: u64 = 7 * DAY;
/// From the close of a week to the service of its requests.
pub(crate) const COOLDOWN: u64 = WEEK;
/// How long a due cohort waits for incidents.
pub(crate) const PATIENCE: u64 = 3 * DAY;
/// How long latent evidence holds.
pub(crate) const LATENT: u64 = 3 * DAY;
/// One per mille a year.
pub(crate) const MILLE: u64 = 1_000_000_000_000_000;

/// The depeg product: real trigger, first pool.
pub(crate) const DEPEG: u64 = 1;
/// The first pool's product on X and Y.
pub(crate) const FIRST: u64 = 2;
/// The second pool's product on X and Z.
pub(crate) const SECOND: u64 = 3;
/// The first pool's other product on X.
pub(crate) const OTHER: u64 = 4;

/// A product on a subject.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) product: u64,
    pub(crate) subject: &'static str,
    pub(crate) key: &'static str,
    pub(crate) pool: usize,
}

impl Line {
    pub(crate) fn subject(&self) -> B256 {
        text(self.subject)
    }
}

/// All lines of the town.
pub(crate) const LINES: [Line; 6] = [
    Line { product: DEPEG, subject: "USDC/USD", key: "asset:USDC", pool: 0 },
    Line { product: FIRST, subject: "X", key: "key X", pool: 0 },
    Line { product: FIRST, subject: "Y", key: "key Y", pool: 0 },
    Line { product: SECOND, subject: "X", key: "key X", pool: 1 },
    Line { product: SECOND, subject: "Z", key: "key Z", pool: 1 },
    Line { product: OTHER, subject: "X", key: "key X", pool: 0 },
];

/// Correlation groups: number, correlation in basis points, risk keys.
pub(crate) const GROUPS: [(u32, u16, &[&str]); 2] =
    [(1, 5_000, &["asset:USDC", "key X"]), (2, 2_500, &["key Y", "key Z", "lender"])];

/// Text as a word.
pub(crate) fn text(text: &str) -> B256 {
    B256::right_padding_from(text.as_bytes())
}

pub(crate) fn u(value: impl Into<u128>) -> U256 {
    U256::from(value.into())
}

/// What differs between towns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Of both assets.
    pub(crate) decimals: u8,
    /// The least target capital of each pool, in whole units of its asset.
    pub(crate) floor: u64,
    /// Capital that products with the scripted trigger lock for their cover, in basis points.
    pub(crate) factor: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self { decimals: 6, floor: 9_000_000, factor: 10_000 }
    }
}

/// A vault and its asset.
pub(crate) struct Pool {
    pub(crate) vault: Address,
    pub(crate) token: Token,
}

pub(crate) struct Town {
    pub(crate) world: World,
    /// One whole unit of the assets.
    pub(crate) unit: U256,
    /// The timelock: owner of everything and treasury.
    pub(crate) owner: Address,
    pub(crate) guardian: Address,
    pub(crate) risk: Address,
    pub(crate) policy: Address,
    pub(crate) assessor: Address,
    pub(crate) depeg: Address,
    /// Of the first pool.
    pub(crate) allocator: Address,
    pub(crate) pools: [Pool; 2],
    pub(crate) feed: Feed,
    pub(crate) script: Rc<Script>,
}

/// The depeg product's terms as deployments have them: 10 % coinsurance and more, 2 % deductible.
pub(crate) fn deployed_terms(unit: U256) -> Terms {
    let whole = |amount: u64| (unit * u(amount)).to::<u128>();
    Terms {
        pricing: Pricing {
            priorRate: 8 * MILLE,
            minRate: MILLE,
            maxRate: 200 * MILLE,
            credibility: whole(15_000_000),
            halfLife: (730 * DAY) as u32,
            marginBps: 12_000,
            costOfCapital: 60 * MILLE,
            kinkBps: 8_000,
            kinkRate: 20 * MILLE,
            fullRate: 300 * MILLE,
            minPremium: whole(1),
            lossCap: whole(1_000_000),
        },
        limits: Limits {
            capitalFactorBps: 10_000,
            capacityBps: 5_000,
            subjectBps: 10_000,
            waiting: (3 * DAY) as u32,
            grace: (30 * DAY) as u32,
            minTerm: (28 * DAY) as u32,
            maxTerm: (365 * DAY) as u32,
            minAmount: whole(100),
            maxAmount: whole(2_000_000),
            coinsuranceBaseBps: 1_000,
            coinsuranceSlopeBps: 20_000,
            coinsuranceMaxBps: 3_000,
            deductibleBps: 200,
            jury: false,
            termsHash: text("depeg cover, first wording"),
        },
    }
}

/// Terms under which cover is amount, for shorter times and more of the capital.
pub(crate) fn plain_terms(unit: U256) -> Terms {
    let Terms { pricing, limits } = deployed_terms(unit);
    let limits = Limits {
        capacityBps: 10_000,
        waiting: HOUR as u32,
        grace: (14 * DAY) as u32,
        minTerm: (7 * DAY) as u32,
        minAmount: 100,
        maxAmount: (unit * u(10_000_000u64)).to(),
        coinsuranceBaseBps: 0,
        coinsuranceSlopeBps: 0,
        coinsuranceMaxBps: 0,
        deductibleBps: 0,
        termsHash: text("plain cover"),
        ..limits
    };
    Terms { pricing: Pricing { minPremium: 1, ..pricing }, limits }
}

/// A purchase that has been made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bought {
    pub(crate) policy: U256,
    pub(crate) premium: U256,
}

/// A purchase of a year's cover without a referrer, to change.
pub(crate) fn order(line: &Line, who: Address, amount: U256, term: u64) -> IPolicy::buyCall {
    IPolicy::buyCall {
        product: u(line.product),
        subject: line.subject(),
        insured: who,
        position: B256::with_last_byte(100),
        amount,
        term: u(term),
        maxPremium: U256::MAX,
        deadline: U256::MAX,
        receiver: who,
        referrer: Address::ZERO,
    }
}

impl Town {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    /// Everything constructed, wired, configured and handed over to the timelock.
    pub(crate) fn with(settings: Settings) -> Self {
        let world = World::new();
        let at = |name: &str| world.address(name);
        let (owner, deployer, guardian) = (at("timelock"), at("deployer"), at("guardian"));
        let unit = u(10u64).pow(U256::from(settings.decimals));
        let pool = |number: usize| {
            let token = Token::deploy(&world, at(&format!("asset {number}")), settings.decimals);
            Pool { vault: at(&format!("vault {number}")), token }
        };
        let town = Self {
            unit,
            owner,
            guardian,
            risk: at("risk"),
            policy: at("policy"),
            assessor: at("assessor"),
            depeg: at("depeg"),
            allocator: at("allocator"),
            pools: [pool(0), pool(1)],
            feed: Feed::deploy(&world, at("feed")),
            script: place_script(&world, at("script"), &["X", "Y", "Z"].map(text)),
            world: world.clone(),
        };
        town.construct(deployer);
        town.configure(deployer, settings);
        for contract in [town.risk, town.pools[0].vault, town.pools[1].vault, town.policy, town.assessor, town.depeg] {
            if contract != town.assessor && contract != town.depeg {
                town.must(deployer, contract, IOwned::setGuardianCall { newGuardian: guardian });
            }
            town.must(deployer, contract, IOwned::finishSetupCall {});
        }
        // Weeks begin at an edge, so that tests can count in weeks.
        town.world.warp_to((town.world.now() / WEEK + 1) * WEEK);
        town
    }

    fn construct(&self, deployer: Address) {
        let (world, owner) = (&self.world, self.owner);
        let at = |name: &str| world.address(name);
        world.place::<Certificate>(at("certificate"));
        let [risk_ext, risk_more, vault_ext, vault_more, policy_ext, assessor_ext] =
            ["risk ext", "risk more", "vault ext", "vault more", "policy ext", "assessor ext"].map(at);
        world.place::<RiskExt>(risk_ext);
        world.place::<RiskMore>(risk_more);
        world.place::<VaultExt>(vault_ext);
        world.place::<VaultMore>(vault_more);
        world.place::<PolicyExt>(policy_ext);
        world.place::<AssessorExt>(assessor_ext);
        let times = (owner, deployer, risk_ext, risk_more, WEEK, LATENT, HOUR);
        world.construct::<Risk>(self.risk, deployer, times.abi_encode_params());
        for (number, pool) in self.pools.iter().enumerate() {
            let (name, symbol) = (format!("Palisade pool {number}"), format!("pUSD{number}"));
            let share = (owner, deployer, vault_ext, vault_more, pool.token.at, name, symbol, WEEK, COOLDOWN, PATIENCE);
            world.construct::<Vault>(pool.vault, deployer, share.abi_encode_params());
        }
        world.construct::<Policy>(self.policy, deployer, (owner, deployer, policy_ext).abi_encode_params());
        // Every claim is paid at once, whatever its size.
        let arguments = (owner, deployer, assessor_ext, u16::MAX).abi_encode_params();
        world.construct::<Assessor>(self.assessor, deployer, arguments);
        let trigger = (owner, deployer, Address::ZERO, HOUR as u32).abi_encode_params();
        world.construct::<DepegTrigger>(self.depeg, deployer, trigger);
        let allocator = (owner, deployer, self.pools[0].vault).abi_encode_params();
        world.construct::<Allocator>(self.allocator, deployer, allocator);

        let (risk, policy, assessor) = (self.risk, self.policy, self.assessor);
        self.must(deployer, risk, IRisk::wireCall { policy, assessor });
        for pool in &self.pools {
            self.must(deployer, pool.vault, IVault::wireCall { risk, policy, assessor, treasury: owner });
        }
        let appoint = IVault::setAllocatorCall { newAllocator: self.allocator };
        self.must(deployer, self.pools[0].vault, appoint);
        self.must(deployer, self.allocator, IOwned::finishSetupCall {});
        self.must(deployer, policy, IPolicy::wireCall { risk, assessor, certificate: at("certificate") });
        self.must(deployer, assessor, IAssessor::wireCall { risk, policy });
    }

    fn configure(&self, deployer: Address, settings: Settings) {
        let script = self.world.address("script");
        let shares = IPolicy::setSharesCall { treasuryBps: 1_000, juryBps: 500, referralBps: 2_000 };
        self.must(deployer, self.policy, shares);
        let floor = (self.unit * u(settings.floor)).to();
        for (number, pool) in self.pools.iter().enumerate() {
            let asset_key = text(&format!("asset {number}"));
            let add = IRisk::addVaultCall {
                vault: pool.vault,
                assetKey: asset_key,
                minimumBps: 10_000,
                targetBps: 12_000,
                floor,
            };
            self.must(deployer, self.risk, add);
        }
        for (group, correlation, keys) in GROUPS {
            self.must(deployer, self.risk, IRisk::setGroupCall { group, correlationBps: correlation });
            for key in keys {
                self.must(deployer, self.risk, IRisk::setRiskKeyCall { riskKey: text(key), group });
            }
        }
        self.feed.push(&self.world, 100_000_000);
        let config = IDepegTrigger::Subject {
            feed: self.feed.at,
            triggerPrice: 970 * MILLE,
            recoveryPrice: 990 * MILLE,
            duration: (6 * HOUR) as u32,
            recovery: (12 * HOUR) as u32,
            window: (12 * HOUR) as u32,
            heartbeat: (DAY + 600) as u32,
            floorPrice: 10 * MILLE,
        };
        self.must(deployer, self.depeg, IDepegTrigger::registerCall { subject: text("USDC/USD"), config });
        let (deployed, mut plain) = (deployed_terms(self.unit), plain_terms(self.unit));
        plain.limits.capitalFactorBps = settings.factor;
        let [first, second] = [self.pools[0].vault, self.pools[1].vault];
        let coinsured = Limits {
            minAmount: 100,
            capacityBps: 10_000,
            waiting: HOUR as u32,
            capitalFactorBps: settings.factor,
            ..deployed.limits.clone()
        };
        let coinsured = Terms { pricing: deployed.pricing.clone(), limits: coinsured };
        for (vault, trigger, cover, new_terms) in [
            (first, self.depeg, 5, deployed),
            (first, script, 4, plain.clone()),
            (second, script, 4, coinsured),
            (first, script, 2, plain),
        ] {
            self.must(deployer, self.risk, IRisk::addProductCall { vault, trigger, cover, newTerms: new_terms });
        }
        for line in LINES {
            let list =
                IRisk::listSubjectCall { product: u(line.product), subject: line.subject(), riskKey: text(line.key) };
            self.must(deployer, self.risk, list);
        }
        for product in [DEPEG, FIRST, SECOND, OTHER] {
            self.must(deployer, self.risk, IRisk::setStatusCall { product: u(product), status: 1 });
        }
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

    /// A call that must be refused.
    #[track_caller]
    pub(crate) fn refused<C: SolCall>(&self, from: Address, to: Address, call: C) -> Reverted {
        self.world.refused(from, to, call)
    }

    #[track_caller]
    pub(crate) fn read<C: SolCall>(&self, to: Address, call: C) -> C::Return {
        self.world.read(to, call)
    }

    pub(crate) fn person(&self, name: &str) -> Address {
        self.world.address(name)
    }

    /// So many whole units of an asset.
    pub(crate) fn whole(&self, amount: u64) -> U256 {
        self.unit * u(amount)
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, seconds: u64) {
        self.world.warp(seconds);
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————— people

    /// Gives `who` so much of a pool's asset, and lets vault and policy contract take all that they have of it.
    pub(crate) fn fund(&self, pool: usize, who: Address, amount: U256) {
        let Pool { vault, token } = &self.pools[pool];
        token.mint(&self.world, who, amount);
        for spender in [*vault, self.policy] {
            token.approve(&self.world, who, spender, U256::MAX);
        }
    }

    /// `who` deposits what they are given.
    #[track_caller]
    pub(crate) fn deposit(&self, pool: usize, who: Address, amount: U256) -> U256 {
        self.fund(pool, who, amount);
        self.must(who, self.pools[pool].vault, IERC4626::depositCall { assets: amount, receiver: who })
    }

    /// `who` buys cover and is given the premium.
    #[track_caller]
    pub(crate) fn buy(&self, line: &Line, who: Address, amount: U256, term: u64) -> Bought {
        self.buy_as(line, order(line, who, amount, term))
    }

    /// The insured buys what is ordered and is given the premium.
    #[track_caller]
    pub(crate) fn buy_as(&self, line: &Line, order: IPolicy::buyCall) -> Bought {
        let buyer = order.insured;
        self.fund(line.pool, buyer, order.amount);
        let before = self.money(line.pool, buyer);
        let bought = self.must(buyer, self.policy, order);
        assert_eq!(before - self.money(line.pool, buyer), bought.premium);
        Bought { policy: bought.policy, premium: bought.premium }
    }

    /// Anyone reports a line's incidents.
    #[track_caller]
    pub(crate) fn report(&self, line: &Line) -> IAssessor::reportReturn {
        let report =
            IAssessor::reportCall { product: u(line.product), subject: line.subject(), evidence: Bytes::new() };
        self.must(self.person("anyone"), self.assessor, report)
    }

    /// A policy's holder files; answers with what was confirmed and paid.
    #[track_caller]
    pub(crate) fn file(&self, policy: U256, incident: u64) -> (U256, U256) {
        let holder = self.policy_of(policy).holder;
        let filed = self.must(holder, self.assessor, claim(policy, incident));
        (filed.confirmed, filed.paid)
    }

    #[track_caller]
    pub(crate) fn request(&self, pool: usize, who: Address, shares: U256) {
        let call = IERC7540Redeem::requestRedeemCall { shares, controller: who, owner: who };
        self.must(who, self.pools[pool].vault, call);
    }

    #[track_caller]
    pub(crate) fn serve(&self, pool: usize) -> (U256, U256) {
        let served = self.must(self.person("anyone"), self.pools[pool].vault, IVault::serveCall { n: u(100u64) });
        (served.shares, served.assets)
    }

    /// Takes what was served.
    #[track_caller]
    pub(crate) fn redeem_all(&self, pool: usize, who: Address) -> U256 {
        let vault = self.pools[pool].vault;
        let shares = self.read(vault, IERC4626::maxRedeemCall { controller: who });
        self.must(who, vault, IERC4626::redeemCall { shares, receiver: who, controller: who })
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————————— views

    pub(crate) fn money(&self, pool: usize, who: Address) -> U256 {
        self.pools[pool].token.balance_of(&self.world, who)
    }

    pub(crate) fn shares(&self, pool: usize, who: Address) -> U256 {
        self.read(self.pools[pool].vault, IERC20::balanceOfCall { account: who })
    }

    pub(crate) fn solvency(&self, pool: usize) -> IVault::Solvency {
        self.read(self.pools[pool].vault, IVault::solvencyCall {})
    }

    pub(crate) fn policy_of(&self, policy: U256) -> IPolicy::Policy {
        self.read(self.policy, IPolicy::policyOfCall { policy })
    }

    pub(crate) fn line(&self, line: &Line) -> IRisk::Line {
        self.read(self.risk, IRisk::lineCall { product: u(line.product), subject: line.subject() })
    }

    pub(crate) fn clock(&self) -> u64 {
        self.read(self.risk, IRisk::claimsClockCall {}).to()
    }
}

/// A claim without evidence and entry.
pub(crate) fn claim(policy: U256, incident: u64) -> IAssessor::fileCall {
    IAssessor::fileCall { policy, incident: u(incident), entry: Bytes::new(), evidence: Bytes::new() }
}
