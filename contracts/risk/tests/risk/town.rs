//! A world with the risk contract in it, wired to accounts that stand for its peers.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolValue;
use protocol::abi::{
    IPausable,
    IRisk::{self, Limits, Pricing, Terms},
};
use risk::{Risk, RiskExt, RiskMore};
use stylus_sdk::ArbResult;
use testkit::{Context, Native, Reverted, World};

pub(crate) const DAY: u64 = 24 * 60 * 60;
pub(crate) const WEEK: u64 = 7 * DAY;
pub(crate) const LATENT: u64 = 72 * 60 * 60;
pub(crate) const SHORTEST: u64 = 60 * 60;
pub(crate) const WAITING: u64 = DAY;
pub(crate) const GRACE: u64 = 30 * DAY;
pub(crate) const TERM: u64 = 90 * DAY;
pub(crate) const GROUP: u32 = 1;

pub(crate) const INCONCLUSIVE: u64 = 0;
pub(crate) const NOT_MET: u64 = 1;
pub(crate) const CONFIRMED: u64 = 2;

/// A whole amount of the six-decimals asset.
pub(crate) fn usd(units: u64) -> U256 {
    U256::from(units) * U256::from(1_000_000)
}

/// Hundredths of the asset.
pub(crate) fn cents(units: u64) -> U256 {
    U256::from(units) * U256::from(10_000)
}

pub(crate) fn text(text: &str) -> B256 {
    B256::right_padding_from(text.as_bytes())
}

pub(crate) fn u(value: u64) -> U256 {
    U256::from(value)
}

/// One thousandth of 100 % a year, in WAD.
pub(crate) const MILLE: u64 = 1_000_000_000_000_000;

/// Terms without coinsurance and deductible, so that cover is amount.
pub(crate) fn plain_terms() -> Terms {
    Terms {
        pricing: Pricing {
            priorRate: 8 * MILLE,
            minRate: MILLE,
            maxRate: 200 * MILLE,
            credibility: 15_000_000_000_000,
            halfLife: (730 * DAY) as u32,
            marginBps: 12_000,
            costOfCapital: 60 * MILLE,
            kinkBps: 8_000,
            kinkRate: 20 * MILLE,
            fullRate: 300 * MILLE,
            minPremium: 1_000_000,
            lossCap: 10_000_000_000_000,
        },
        limits: Limits {
            capitalFactorBps: 10_000,
            capacityBps: 10_000,
            subjectBps: 10_000,
            waiting: WAITING as u32,
            grace: GRACE as u32,
            minTerm: (7 * DAY) as u32,
            maxTerm: (365 * DAY) as u32,
            minAmount: 100_000_000,
            maxAmount: 10_000_000_000_000,
            coinsuranceBaseBps: 0,
            coinsuranceSlopeBps: 0,
            coinsuranceMaxBps: 0,
            deductibleBps: 0,
            jury: false,
            termsHash: text("wording"),
        },
    }
}

/// An account with code that does nothing.
struct Account;

impl Native for Account {
    fn call(&self, _: &Context<'_>, _: &[u8]) -> ArbResult {
        Ok(vec![])
    }
}

/// A policy as Policy keeps it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cover {
    pub(crate) product: u64,
    pub(crate) subject: B256,
    pub(crate) net: U256,
    pub(crate) cover: U256,
    pub(crate) deadline: U256,
    pub(crate) filed: bool,
    pub(crate) confirmed: U256,
}

pub(crate) struct Town {
    pub(crate) world: World,
    pub(crate) risk: Address,
    pub(crate) owner: Address,
    pub(crate) setup: Address,
    pub(crate) guardian: Address,
    pub(crate) policy: Address,
    pub(crate) assessor: Address,
    pub(crate) vault: Address,
    pub(crate) trigger: Address,
    pub(crate) anyone: Address,
    pub(crate) capital: U256,
}

impl Town {
    /// Constructed and wired; nothing is configured.
    pub(crate) fn bare() -> Self {
        Self::with_times(WEEK, LATENT, SHORTEST)
    }

    /// [`bare`](Self::bare) with other times fixed at construction.
    pub(crate) fn with_times(week: u64, latent: u64, shortest: u64) -> Self {
        let world = World::new();
        let at = |name: &str| world.address(name);
        let town = Self {
            risk: at("risk"),
            owner: at("timelock"),
            setup: at("deployer"),
            guardian: at("guardian"),
            policy: at("policy"),
            assessor: at("assessor"),
            vault: at("vault"),
            trigger: at("trigger"),
            anyone: at("anyone"),
            capital: usd(50_000_000),
            world: world.clone(),
        };
        for peer in [town.policy, town.assessor, town.vault, town.trigger] {
            world.place_native(peer, Account);
        }
        let (extension, more) = (at("risk-ext"), at("risk-more"));
        world.place::<RiskExt>(extension);
        world.place::<RiskMore>(more);
        let arguments = (town.owner, town.setup, extension, more, week, latent, shortest).abi_encode();
        world.construct::<Risk>(town.risk, town.setup, arguments);
        world.send(town.setup, town.risk, IRisk::wireCall { policy: town.policy, assessor: town.assessor }).unwrap();
        town.own(protocol::abi::IOwned::setGuardianCall { newGuardian: town.guardian });
        town
    }

    /// One vault, one product (1) on sale with `terms`, subjects X and Y on risk keys of their own in one group.
    pub(crate) fn with(terms: Terms) -> Self {
        let town = Self::bare();
        town.furnish(terms);
        town
    }

    pub(crate) fn furnish(&self, terms: Terms) {
        self.add_vault(self.vault);
        self.own(IRisk::setGroupCall { group: GROUP, correlationBps: 2_500 });
        for key in ["key X", "key Y"] {
            self.own(IRisk::setRiskKeyCall { riskKey: text(key), group: GROUP });
        }
        let product = self.add_product(self.vault, terms);
        for (subject, key) in [("X", "key X"), ("Y", "key Y")] {
            self.list(product, subject, key);
        }
        self.set_status(product, 1);
    }

    pub(crate) fn plain() -> Self {
        Self::with(plain_terms())
    }

    /// A call of the owner.
    #[track_caller]
    pub(crate) fn own<C: alloy_sol_types::SolCall>(&self, call: C) -> C::Return {
        self.world.send(self.owner, self.risk, call).unwrap()
    }

    /// A call of the owner that must be refused.
    #[track_caller]
    pub(crate) fn owner_refused<C: alloy_sol_types::SolCall>(&self, call: C) -> Reverted {
        self.world.refused(self.owner, self.risk, call)
    }

    #[track_caller]
    pub(crate) fn read<C: alloy_sol_types::SolCall>(&self, call: C) -> C::Return {
        self.world.read(self.risk, call)
    }

    /// A view that must be refused.
    #[track_caller]
    pub(crate) fn unread<C: alloy_sol_types::SolCall>(&self, call: C) -> Reverted {
        match self.world.try_read(self.risk, call) {
            Ok(_) => panic!("{} should have been refused", C::SIGNATURE),
            Err(reverted) => reverted,
        }
    }

    /// Whether a version has exactly these terms.
    pub(crate) fn has_terms(&self, id: u64, terms: &Terms) -> bool {
        self.read(IRisk::termsCall { id: u(id) }).abi_encode() == terms.abi_encode()
    }

    pub(crate) fn add_vault(&self, vault: Address) {
        self.own(IRisk::addVaultCall {
            vault,
            assetKey: text("asset USDX"),
            minimumBps: 10_000,
            targetBps: 12_000,
            floor: 1_000_000_000_000,
        });
    }

    pub(crate) fn add_product(&self, vault: Address, terms: Terms) -> u64 {
        self.own(IRisk::addProductCall { vault, trigger: self.trigger, cover: 5, newTerms: terms }).to()
    }

    pub(crate) fn list(&self, product: u64, subject: &str, key: &str) {
        self.own(IRisk::listSubjectCall { product: u(product), subject: text(subject), riskKey: text(key) });
    }

    pub(crate) fn set_status(&self, product: u64, status: u8) {
        self.own(IRisk::setStatusCall { product: u(product), status });
    }

    /// A sale on product 1 for 90 days.
    pub(crate) fn purchase(&self, subject: &str, amount: U256) -> IRisk::underwriteCall {
        IRisk::underwriteCall {
            product: u(1),
            subject: text(subject),
            amount,
            term: u(TERM),
            capital: self.capital,
            size: U256::MAX,
        }
    }

    #[track_caller]
    pub(crate) fn buy(&self, subject: &str, amount: U256) -> Cover {
        self.make(self.purchase(subject, amount))
    }

    #[track_caller]
    pub(crate) fn make(&self, call: IRisk::underwriteCall) -> Cover {
        let (product, subject, amount) = (call.product.to(), call.subject, call.amount);
        let sold = self.world.send(self.policy, self.risk, call).unwrap();
        let cover = amount * sold.ratioBps / u(10_000);
        Cover { product, subject, net: sold.net, cover, deadline: sold.deadline, filed: false, confirmed: U256::ZERO }
    }

    #[track_caller]
    pub(crate) fn not_sold(&self, call: IRisk::underwriteCall) -> Reverted {
        self.world.refused(self.policy, self.risk, call)
    }

    /// A renewal for `term` more seconds.
    pub(crate) fn renewal(&self, cover: &Cover, term: u64) -> IRisk::renewCall {
        IRisk::renewCall {
            product: u(cover.product),
            subject: cover.subject,
            cover: cover.cover,
            deadline: cover.deadline,
            term: u(term),
            capital: self.capital,
            size: U256::MAX,
        }
    }

    /// Renews a policy; answers with its premium and its new deadline.
    #[track_caller]
    pub(crate) fn renew(&self, cover: &Cover, term: u64) -> (U256, U256) {
        self.make_renewal(self.renewal(cover, term))
    }

    #[track_caller]
    pub(crate) fn make_renewal(&self, call: IRisk::renewCall) -> (U256, U256) {
        let renewed = self.world.send(self.policy, self.risk, call).unwrap();
        (renewed.net, renewed.newDeadline)
    }

    #[track_caller]
    pub(crate) fn not_renewed(&self, call: IRisk::renewCall) -> Reverted {
        self.world.refused(self.policy, self.risk, call)
    }

    pub(crate) fn quote_renewal(&self, call: IRisk::renewCall) -> Result<IRisk::Quote, Reverted> {
        let IRisk::renewCall { product, subject, cover, deadline, term, capital, .. } = call;
        let call = IRisk::quoteRenewalCall { product, subject, cover, deadline, term, capital };
        self.world.try_read(self.risk, call)
    }

    pub(crate) fn report(
        &self,
        subject: &str,
        number: u64,
        verdict: u64,
        opened: u64,
        closed: u64,
        worst: u64,
    ) -> IRisk::incidentCall {
        IRisk::incidentCall {
            product: u(1),
            subject: text(subject),
            number: u(number),
            verdict: u(verdict),
            openedAt: u(opened),
            closedAt: u(closed),
            worstBps: u(worst),
        }
    }

    /// Books a report; answers with the vault's reserve before and after.
    #[track_caller]
    pub(crate) fn book(&self, call: IRisk::incidentCall) -> (U256, U256) {
        let reserve = self.world.send(self.assessor, self.risk, call).unwrap();
        (reserve.reserveBefore, reserve.reserveAfter)
    }

    /// Opens incident 1 now.
    #[track_caller]
    pub(crate) fn open(&self, subject: &str) -> (U256, U256) {
        self.book(self.report(subject, 1, CONFIRMED, self.now(), 0, 0))
    }

    pub(crate) fn claim_call(&self, cover: &Cover, loss_bps: u64, total: U256) -> IRisk::claimCall {
        IRisk::claimCall {
            product: u(cover.product),
            subject: cover.subject,
            lossBps: u(loss_bps),
            cover: cover.cover,
            deadline: cover.deadline,
            filed: cover.filed,
            before: cover.confirmed,
            total,
        }
    }

    /// Confirms claims of a policy up to `total`; answers with the vault's reserve before and after.
    #[track_caller]
    pub(crate) fn claim(&self, cover: &mut Cover, loss_bps: u64, total: U256) -> (U256, U256) {
        let reserve = self.world.send(self.assessor, self.risk, self.claim_call(cover, loss_bps, total)).unwrap();
        cover.filed = true;
        cover.confirmed = total;
        (reserve.reserveBefore, reserve.reserveAfter)
    }

    pub(crate) fn release_call(&self, cover: &Cover) -> IRisk::releaseCall {
        IRisk::releaseCall {
            product: u(cover.product),
            subject: cover.subject,
            cover: cover.cover,
            deadline: cover.deadline,
            filed: cover.filed,
            confirmed: cover.confirmed,
        }
    }

    #[track_caller]
    pub(crate) fn release(&self, cover: &Cover) {
        self.world.send(self.policy, self.risk, self.release_call(cover)).unwrap();
    }

    #[track_caller]
    pub(crate) fn catch_up(&self, subject: &str, n: u64) -> bool {
        let call = IRisk::catchUpCall { product: u(1), subject: text(subject), n: u(n) };
        self.world.send(self.anyone, self.risk, call).unwrap()
    }

    pub(crate) fn line(&self, subject: &str) -> IRisk::Line {
        self.line_of(1, text(subject))
    }

    pub(crate) fn line_of(&self, product: u64, subject: B256) -> IRisk::Line {
        self.read(IRisk::lineCall { product: u(product), subject })
    }

    pub(crate) fn gate(&self) -> IRisk::gateReturn {
        self.read(IRisk::gateCall { vault: self.vault })
    }

    pub(crate) fn exposure(&self, key: &str) -> U256 {
        self.read(IRisk::exposureOfCall { vault: self.vault, riskKey: text(key) })
    }

    pub(crate) fn estimate(&self) -> IRisk::estimateReturn {
        self.read(IRisk::estimateCall { family: U256::ONE })
    }

    pub(crate) fn active_cover(&self) -> U256 {
        self.read(IRisk::activeCoverCall { vault: self.vault })
    }

    pub(crate) fn clock(&self) -> u64 {
        self.read(IRisk::claimsClockCall {}).to()
    }

    pub(crate) fn pause(&self, by: Address, duration: u64) -> Result<(), Reverted> {
        self.world.send(by, self.risk, IRisk::pauseFilingCall { duration, reason: text("why") }).map(drop)
    }

    pub(crate) fn pauses(&self) -> Vec<IPausable::PauseSet> {
        self.world.events(self.risk)
    }

    pub(crate) fn now(&self) -> u64 {
        self.world.now()
    }

    pub(crate) fn warp(&self, seconds: u64) {
        self.world.warp(seconds);
    }
}
