//! The second program: governance, and what pages read. What it does not know it runs in the third one.

use alloc::{vec, vec::Vec};

use actuary::{
    capital::Group,
    math::{bps_down, bps_up, mul, sub},
    variance::loss_rate,
};
use alloy_primitives::{Address, B256, U256};
use protocol::{
    Result, Word,
    abi::{AlreadyWired, IOwned, IRisk, ParameterOutOfBounds, PauseSet},
    call::require_code,
    emit, error, ext, routes,
};
use standards::{
    dispatch::{Encoded, Words},
    encoder::Encoder,
    packed::Packed,
};
use stylus_sdk::{
    prelude::*,
    stylus_core::host::{BlockAccess, CryptographyAccess, MessageAccess},
};

use crate::{
    book::{
        ALONE, Book, IMPERMANENT_LOSS, MOST_SIBLINGS, MOST_WEEKS, ON_SALE, Route, amount, narrow, regroup,
        replace_squared, units,
    },
    family::Family,
    line::{Line, State},
    terms::{TERMS_HASH, Terms, WORDS, field, name, refused},
};

/// The kind of pause that this contract has, in `IPausable`'s count.
const FILING: u8 = 3;

/// Types of cover, as `IRisk.Cover` counts them.
const COVERS: u8 = 6;

/// `IRisk.Status`: nothing is sold any more.
const SUNSET: u64 = 2;
/// `IRisk.Status`: over.
const RETIRED: u64 = 3;

/// The most vaults; a change of a group or a key goes through all of them.
const MOST_VAULTS: usize = 32;
/// The most risk keys of one vault; a recount goes through all of them.
const MOST_KEYS: usize = 256;
/// The most families of one vault; its active cover is the sum over them.
const MOST_FAMILIES: usize = 256;

/// The range factor of a position over the whole range, basis points: no position loses less.
const WHOLE_RANGE: u32 = 10_000;
/// 1e18.
const WAD_UNITS: u64 = 1_000_000_000_000_000_000;

/// Marks a word of storage as in use.
const LISTED: usize = 255;

/// The contract's second program, run by the first one on the first one's storage.
#[cfg_attr(feature = "ext", entrypoint)]
#[storage]
pub struct RiskExt {
    book: Book,
}

#[cfg(not(feature = "ext"))]
// SAFETY: the type is what `entrypoint` would make it: the whole storage of a contract, from slot 0.
unsafe impl TopLevelStorage for RiskExt {}

routes! {
    RiskExt, fallback(fallback);
    IRisk::productCall => product(id);
    IRisk::termsCall => terms(id);
    IRisk::productCountCall => product_count();
    IRisk::capacityCall => capacity(product, capital);
    IRisk::addProductCall => add_product(vault, trigger, cover, new_terms);
    IRisk::reviseProductCall => revise_product(family, new_terms);
    IRisk::setStatusCall => set_status(product, status);
    IRisk::listSubjectCall => list_subject(product, subject, risk_key);
    IRisk::lineCall => line(product, subject);
    IRisk::estimateCall => estimate(family);
    IRisk::observeVarianceCall => observe_variance(product, subject, yearly, range_factor_bps);
    IRisk::capitalOfCall => capital_of(vault);
    IRisk::activeCoverCall => active_cover(vault);
    IRisk::portfolioCall => portfolio(vault, products, subjects);
    IRisk::holdCall => hold(risk_key, amount);
    IRisk::addVaultCall => add_vault(vault, asset_key, minimum_bps, target_bps, floor);
    IRisk::setCapitalCall => set_capital(vault, minimum_bps, target_bps, floor);
    IRisk::setGroupCall => set_group(group, correlation_bps);
    IRisk::setRiskKeyCall => set_risk_key(risk_key, group);
    IRisk::filingPausedUntilCall => filing_paused_until();
    IRisk::pauseFilingCall => pause_filing(duration, reason);
    IRisk::parametersCall => parameters();
    IRisk::wireCall => wire(policy, assessor);
    IRisk::peersCall => peers();
    IRisk::extensionCall => extension();
    IOwned::ownerCall => owner();
    IOwned::pendingOwnerCall => pending_owner();
    IOwned::transferOwnershipCall => transfer_ownership(new_owner);
    IOwned::acceptOwnershipCall => accept_ownership();
    IOwned::setupCall => setup();
    IOwned::finishSetupCall => finish_setup();
    IOwned::guardianCall => guardian();
    IOwned::setGuardianCall => set_guardian(new_guardian);
}

protocol::owned!(RiskExt, book.roles);

impl RiskExt {
    /// Runs everything else in the third program.
    pub fn fallback(&mut self, calldata: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
        ext::delegate(self.vm(), self.book.second_extension.program(), calldata)
    }

    // ——————————————————————————————————————————————————————————————————————————————————————————————————— products

    /// What a product is: vault, trigger, cover type, status, family, newest version.
    pub fn product(&self, id: U256) -> Result<(Address, Address, u8, u8, U256, U256)> {
        let route = self.book.route(id)?;
        let trigger = self.book.products.getter(id).trigger.get();
        Ok((route.vault, trigger, route.cover as u8, route.status as u8, route.family, self.newest(route.family)))
    }

    /// A version's terms, as `IRisk.Terms`.
    pub fn terms(&self, id: U256) -> Result<[U256; WORDS]> {
        self.book.route(id)?;
        let mut words = self.book.all_terms(id).unpack();
        words[TERMS_HASH] = self.book.products.getter(id).terms_hash.get().word();
        Ok(words)
    }

    /// How many products there are; ids begin at 1.
    pub fn product_count(&self) -> U256 {
        Packed(self.book.counts.get()).get(0, 16)
    }

    /// Capital that a product locks, and the most it may lock for this much capital of the vault.
    pub fn capacity(&self, product: U256, capital: U256) -> Result<(U256, U256)> {
        let route = self.book.route(product)?;
        let terms = self.book.prices(product);
        let cover = U256::from(self.book.family(route.family)?.cover);
        Ok((bps_up(cover, terms.get(field::CAPITAL_FACTOR))?, bps_down(capital, terms.get(field::CAPACITY))?))
    }

    /// Adds the first version of a product of `vault`, decided by `trigger`. It is not on sale yet.
    pub fn add_product(
        &mut self,
        vault: Address,
        trigger: Address,
        cover: u8,
        new_terms: [U256; WORDS],
    ) -> Result<U256> {
        self.book.roles.only_owner()?;
        self.book.require_vault(vault)?;
        require_code(self.vm(), trigger)?;
        if cover >= COVERS {
            return Err(out_of_bounds("cover", U256::from(cover)));
        }
        let id = self.next_id(0)?;
        let prior = self.book.cover_type_prior(vault, u64::from(cover))?;
        let route = Route { vault, family: id, cover: u64::from(cover), status: 0, lines: 0, grace: 0, waiting: 0 };
        let terms = self.write_product(id, &route, trigger, prior, &new_terms)?;
        let now = self.vm().block_timestamp();
        self.book.set_family(id, &Family::new(now, &terms)?)?;
        let mut words = self.book.vaults.setter(vault);
        if words.families.len() >= MOST_FAMILIES {
            return Err(out_of_bounds("families", U256::from(MOST_FAMILIES)));
        }
        words.families.push(id.to());
        Ok(id)
    }

    /// Adds a version to a family. The one before it sells no more; subjects are listed anew.
    pub fn revise_product(&mut self, family: U256, new_terms: [U256; WORDS]) -> Result<U256> {
        self.book.roles.only_owner()?;
        let before = self.newest(family);
        let last = self.book.route(before)?;
        let trigger = self.book.products.getter(before).trigger.get();
        let id = self.next_id(0)?;
        let route = Route { status: 0, lines: 0, ..last };
        let former = self.book.evidence(before);
        let terms = self.write_product(id, &route, trigger, former.type_prior(), &new_terms)?;
        if last.status < SUNSET {
            self.set_route_status(before, &last, SUNSET);
        }
        // The rate in force falls to what the new terms say by at most 25 % a day.
        let mut evidence = self.book.family(family)?;
        let rate = evidence.rate(&former.believed())?;
        evidence.set_rate(rate)?;
        let mut words = self.book.families.setter(family);
        let told = evidence.retell(Packed(words.told.get()))?;
        words.told.set(told.0);
        drop(words);
        evidence.adopt(&terms)?;
        self.book.set_family(family, &evidence)?;
        Ok(id)
    }

    /// Moves a product's status on by one step: on sale, sunset, and retired once none of its cover is in the books.
    pub fn set_status(&mut self, product: U256, status: u8) -> Result<()> {
        self.book.roles.only_owner()?;
        let route = self.book.route(product)?;
        let status = u64::from(status);
        let superseded = status == ON_SALE && self.newest(route.family) != product;
        if status != route.status + 1 || status > RETIRED || superseded {
            return Err(out_of_bounds("status", U256::from(status)));
        }
        if status == RETIRED && route.lines > 0 {
            return Err(error!(IRisk::CoverInForce, product, route.lines));
        }
        self.set_route_status(product, &route, status);
        Ok(())
    }

    /// Opens the line of a product on a subject, whose cover counts on `risk_key`.
    pub fn list_subject(&mut self, product: U256, subject: B256, risk_key: B256) -> Result<()> {
        self.book.roles.only_owner()?;
        let route = self.book.route(product)?;
        let key = Packed(self.book.keys.get(risk_key));
        let (number, group) = (key.u64(0, 16), key.get(16, 32));
        if number == 0 {
            return Err(error!(IRisk::UnknownRiskKey, risk_key));
        }
        if self.book.vaults.getter(route.vault).asset_key.get() == risk_key {
            return Err(error!(IRisk::VaultAsset, risk_key));
        }
        if self.book.glance(product, subject).key != 0 {
            return Err(error!(IRisk::SubjectAlreadyListed, product, subject));
        }
        self.list_key(route.vault, U256::from(number), group)?;
        let sibling = self.join_ring(&route, product, subject)?;
        let line = Line::listed(number, sibling, self.book.clock());
        self.book.set_line(product, subject, &line)?;
        emit!(self.vm(), IRisk::SubjectListed, [product, subject, risk_key], []);
        Ok(())
    }

    // ——————————————————————————————————————————————————————————————————————————————————————————— lines and evidence

    /// A line as of now, as `IRisk.Line`.
    pub fn line(&self, product: U256, subject: B256) -> Result<[U256; 9]> {
        let open = self.book.open(product, subject, MOST_WEEKS, true)?;
        let line = &open.line;
        let shown = |value: u64, when: bool| if when { U256::from(value) } else { U256::ZERO };
        Ok([
            self.book.key_names.get(U256::from(line.key)).word(),
            line.state.code().word(),
            U256::from(line.worst()),
            U256::from(line.cover),
            U256::from(line.exposed),
            U256::from(line.confirmed),
            U256::from(line.reserve()),
            shown(line.episode.evidence_at, line.is_latent()),
            shown(line.episode.lapse_at, line.state == State::Closed),
        ])
    }

    /// A family's evidence: losses and exposure (asset times years) as they count now, and the rate in force.
    pub fn estimate(&self, family: U256) -> Result<(U256, U256, U256)> {
        let newest = self.newest(family);
        self.book.route(newest)?;
        let evidence = self.book.family(family)?;
        let rate = evidence.rate(&self.book.evidence(newest).believed())?;
        Ok((U256::from(evidence.losses_now()?), evidence.exposure_now()?, rate))
    }

    /// What the trigger of a line says about the variance of its pair, and about the range of positions in it. Policy
    /// only.
    pub fn observe_variance(&mut self, product: U256, subject: B256, yearly: u64, range_factor_bps: u32) -> Result<()> {
        self.book.only_policy()?;
        if self.book.glance(product, subject).key == 0 {
            return Err(error!(IRisk::UnknownSubject, product, subject));
        }
        if yearly == 0 {
            return Err(error!(IRisk::VarianceUnknown, product, subject));
        }
        if range_factor_bps < WHOLE_RANGE {
            return Err(out_of_bounds("rangeFactorBps", U256::from(range_factor_bps)));
        }
        // 32 bits by 47 fit
        let factor = U256::from(range_factor_bps).wrapping_mul(U256::from(WAD_UNITS / u64::from(WHOLE_RANGE)));
        let rate = loss_rate(U256::from(yearly), factor)?;
        let word = Packed::default()
            .with(0, 64, rate)
            .with_u64(64, 64, yearly)
            .with_u64(128, 32, u64::from(range_factor_bps))
            .with_u64(160, 32, self.vm().block_timestamp());
        if self.book.variance(product, subject) != word.0 {
            self.book.set_variance(product, subject, word.0);
            emit!(
                self.vm(),
                IRisk::VarianceObserved,
                [product, subject],
                [U256::from(yearly), U256::from(range_factor_bps), rate]
            );
        }
        Ok(())
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————————————— capital

    /// The capital that a vault needs and where that comes from, as `IRisk.Capital`.
    pub fn capital_of(&self, vault: Address) -> Result<[U256; 9]> {
        self.book.require_vault(vault)?;
        let words = self.book.vaults.getter(vault);
        let settings = Packed(words.settings.get());
        let (requirement, largest, minimum) = self.book.minimum(vault)?;
        Ok([
            requirement,
            largest,
            minimum,
            self.book.target(vault, None)?,
            U256::from(self.book.unsettled(vault).0),
            settings.get(96, 16),
            settings.get(112, 16),
            settings.get(0, 96),
            words.asset_key.get().word(),
        ])
    }

    /// Cover in force of a vault.
    pub fn active_cover(&self, vault: Address) -> Result<U256> {
        let words = self.book.vaults.getter(vault);
        let mut sum = U256::ZERO;
        for index in 0..words.families.len() {
            let id = words.families.get(index).unwrap_or_default();
            let exposure = Packed(self.book.families.getter(U256::from(id)).exposure.get());
            sum = sum.wrapping_add(exposure.get(0, 96)); // 256 parts of 96 bits
        }
        Ok(sum)
    }

    /// Lines of a vault as exposures, as `IRisk.Exposure`, and the vault's cover that is on none of them. Lines are
    /// taken as they are booked: what only has to leave still counts, here and there.
    pub fn portfolio(&self, vault: Address, products: Words<'_>, subjects: Words<'_>) -> Result<Encoded> {
        if products.len() != subjects.len() {
            return Err(out_of_bounds("subjects", U256::from(subjects.len())));
        }
        let words = self.book.vaults.getter(vault);
        let mut missing = self.active_cover(vault)?;
        let count = products.len();
        let mut exposures = Vec::with_capacity(5 * count);
        for (product, subject) in products.zip(subjects) {
            let route = self.book.route(product)?;
            let line = self.book.booked(product, subject.into());
            if route.vault != vault || line.key == 0 {
                return Err(error!(IRisk::UnknownSubject, product, subject));
            }
            let key = U256::from(line.key);
            let group = Packed(words.keys.get(key)).get(96, 32);
            let terms = self.book.evidence(product);
            let rate = self.book.family(route.family)?.rate(&terms.believed())?;
            // a line without cover may never have been priced
            let rate = match line.cover {
                0 => rate,
                _ => self.book.priced(&route, product, subject.into(), &terms, rate)?,
            };
            missing = sub(missing, U256::from(line.cover))?;
            exposures.extend([
                self.book.key_names.get(key).word(),
                group,
                Packed(words.groups.get(group)).get(240, 14),
                U256::from(line.cover.saturating_sub(line.reserve())),
                rate,
            ]);
        }
        let mut answer = Encoder::new(&[], 3 + exposures.len());
        answer.word(U256::from(64)).word(missing).word(U256::from(count));
        for word in exposures {
            answer.word(word);
        }
        Ok(Encoded(answer.finish()))
    }

    /// Sets what of the calling vault's assets is in strategies on a risk key: part of its exposure on that.
    pub fn hold(&mut self, risk_key: B256, held: U256) -> Result<()> {
        let vault = self.vm().msg_sender();
        self.book.require_vault(vault)?;
        let key = Packed(self.book.keys.get(risk_key));
        let number = key.get(0, 16);
        if number.is_zero() {
            return Err(error!(IRisk::UnknownRiskKey, risk_key));
        }
        self.list_key(vault, number, key.get(16, 32))?;
        let held = amount(held)?;
        self.book.hold(vault, number, held)?;
        emit!(self.vm(), IRisk::HeldSet, [vault, risk_key], [held]);
        Ok(())
    }

    /// Adds a vault. No cover is sold in it on `asset_key`.
    pub fn add_vault(
        &mut self,
        vault: Address,
        asset_key: B256,
        minimum_bps: u16,
        target_bps: u16,
        floor: u128,
    ) -> Result<()> {
        self.book.roles.only_owner()?;
        require_code(self.vm(), vault)?;
        if self.book.is_vault(vault) || self.book.vault_list.len() >= MOST_VAULTS {
            return Err(out_of_bounds("vault", vault.word()));
        }
        self.book.vault_list.push(vault);
        self.book.vaults.setter(vault).asset_key.set(asset_key);
        emit!(self.vm(), IRisk::VaultAdded, [vault], [asset_key]);
        self.write_capital(vault, minimum_bps, target_bps, floor)
    }

    /// Sets a vault's factors (minimum 50 to 150 %, target at least as much and at most 300 %) and floor.
    pub fn set_capital(&mut self, vault: Address, minimum_bps: u16, target_bps: u16, floor: u128) -> Result<()> {
        self.book.roles.only_owner()?;
        self.book.require_vault(vault)?;
        self.write_capital(vault, minimum_bps, target_bps, floor)
    }

    /// Sets how a group's risk keys are correlated, for all vaults at once.
    pub fn set_group(&mut self, group: u32, correlation_bps: u16) -> Result<()> {
        self.book.roles.only_owner()?;
        if correlation_bps > 10_000 {
            return Err(out_of_bounds("correlationBps", U256::from(correlation_bps)));
        }
        let (id, correlation) = (U256::from(group), U256::from(correlation_bps));
        self.book.groups.setter(id).set(Packed(correlation).with_u64(LISTED, 1, 1).0);
        for index in 0..self.book.vault_list.len() {
            let vault = self.book.vault_list.get(index).unwrap_or_default();
            let mut words = self.book.vaults.setter(vault);
            let word = Packed(words.groups.get(id));
            if word.u64(LISTED, 1) == 1 {
                words.groups.setter(id).set(word.with(240, 14, correlation).0);
                if word.u64(ALONE, 1) == 1 {
                    continue; // nothing that it would be correlated with
                }
                let sums = Group { squares: word.get(0, 160), sum: word.get(160, 80) };
                let was = sums.requirement_squared(word.get(240, 14))?;
                let is = sums.requirement_squared(correlation)?;
                let requirement = replace_squared(Packed(words.requirement.get()), was, is)?;
                words.requirement.set(requirement.0);
            }
        }
        emit!(self.vm(), IRisk::GroupSet, [group], [correlation_bps]);
        Ok(())
    }

    /// Adds a risk key to a group, or moves it to another one with its exposures.
    pub fn set_risk_key(&mut self, risk_key: B256, group: u32) -> Result<()> {
        self.book.roles.only_owner()?;
        if Packed(self.book.groups.get(U256::from(group))).u64(LISTED, 1) == 0 {
            return Err(error!(IRisk::UnknownGroup, group));
        }
        let key = Packed(self.book.keys.get(risk_key));
        let mut number = key.get(0, 16);
        if number.is_zero() {
            number = self.next_id(16)?;
            self.book.key_names.setter(number).set(risk_key);
        }
        self.book.keys.setter(risk_key).set(Packed(number).with_u64(16, 32, u64::from(group)).0);
        for index in 0..self.book.vault_list.len() {
            let vault = self.book.vault_list.get(index).unwrap_or_default();
            self.move_key(vault, number, U256::from(group))?;
        }
        emit!(self.vm(), IRisk::RiskKeySet, [risk_key, group], []);
        Ok(())
    }

    // —————————————————————————————————————————————————————————————————————————————————————————— the claims clock

    /// Until when filing is paused; in the past where it is not.
    pub fn filing_paused_until(&self) -> U256 {
        U256::from(self.book.clock().paused_until())
    }

    /// Pauses claim filing, and with it the service of redemptions, for at most seven days; 0 ends a pause. Guardian
    /// or owner; only the owner renews.
    pub fn pause_filing(&mut self, duration: u64, reason: B256) -> Result<()> {
        self.book.roles.only_guardian()?;
        let caller = self.vm().msg_sender();
        let by_owner = caller == self.book.roles.owner();
        let (clock, rest) = self.book.clock().pause(duration, self.book.rest(), by_owner)?;
        self.book.set_clock(clock, rest);
        emit!(self.vm(), PauseSet, [FILING, caller], [clock.paused_until(), reason]);
        Ok(())
    }

    /// Length of the weekly buckets, how long latent evidence holds, and the shortest waiting, grace and term.
    pub fn parameters(&self) -> (U256, U256, U256) {
        let week = self.book.clock().week();
        (U256::from(week), U256::from(self.book.latent_limit()), U256::from(self.book.shortest()))
    }

    // ———————————————————————————————————————————————————————————————————————————————————————————— peers and roles

    /// Sets the peers, once.
    pub fn wire(&mut self, policy: Address, assessor: Address) -> Result<()> {
        self.book.roles.only_owner()?;
        if self.book.peers() != (Address::ZERO, Address::ZERO) {
            return Err(error!(AlreadyWired));
        }
        require_code(self.vm(), policy)?;
        require_code(self.vm(), assessor)?;
        self.book.set_peers(policy, assessor);
        emit!(self.vm(), IRisk::PeersSet, [policy, assessor], []);
        Ok(())
    }

    /// Policy and Assessor; zero before they are wired.
    pub fn peers(&self) -> (Address, Address) {
        self.book.peers()
    }

    /// The second program.
    pub fn extension(&self) -> Address {
        self.book.extension.program()
    }
}

fn out_of_bounds(parameter: &str, value: U256) -> protocol::Revert {
    error!(ParameterOutOfBounds, name(parameter), value)
}

impl RiskExt {
    /// A family's newest version; 0 for none.
    fn newest(&self, family: U256) -> U256 {
        Packed(self.book.families.getter(family).versions.get()).get(0, 16)
    }

    /// The next number of a count of 16 bits at `offset`.
    fn next_id(&mut self, offset: usize) -> Result<U256> {
        let counts = Packed(self.book.counts.get());
        let id = counts.get(offset, 16).wrapping_add(U256::ONE);
        self.book.counts.set(narrow(counts, offset, 16, id)?.0);
        Ok(id)
    }

    fn set_route_status(&mut self, product: U256, route: &Route, status: u64) {
        let route = Route { status, ..*route };
        self.book.products.setter(product).route.set(route.store());
        emit!(self.vm(), IRisk::ProductStatusSet, [product], [status]);
    }

    /// Writes a new version, which believes `prior` of its cover type, and makes it its family's newest.
    fn write_product(
        &mut self,
        id: U256,
        route: &Route,
        trigger: Address,
        prior: u64,
        new_terms: &[U256; WORDS],
    ) -> Result<Terms> {
        let terms = Terms::pack(new_terms, self.book.shortest(), self.book.clock().week())?.with_type_prior(prior);
        let [grace, waiting] = [field::GRACE, field::WAITING].map(|index| terms.small(index));
        let route = Route { grace, waiting, ..*route };
        if route.cover == IMPERMANENT_LOSS && new_terms[field::PRIOR_RATE].is_zero() {
            return Err(refused(field::PRIOR_RATE, U256::ZERO)); // the rate in force counts in relation to it
        }
        let mut words = self.book.products.setter(id);
        words.route.set(route.store());
        words.price.set(terms.0[0].0);
        words.bounds.set(terms.0[1].0);
        words.evidence.set(terms.0[2].0);
        words.memory.set(terms.0[3].0);
        words.trigger.set(trigger);
        words.terms_hash.set(new_terms[TERMS_HASH].into());
        let mut family = self.book.families.setter(route.family);
        let versions = Packed(family.versions.get()).with(0, 16, id);
        family.versions.set(versions.0);
        emit!(self.vm(), IRisk::ProductAdded, [id, route.family, route.vault], [trigger, route.cover]);
        Ok(terms)
    }

    fn write_capital(&mut self, vault: Address, minimum_bps: u16, target_bps: u16, floor: u128) -> Result<()> {
        if !(5_000..=15_000).contains(&minimum_bps) {
            return Err(out_of_bounds("minimumBps", U256::from(minimum_bps)));
        }
        if !(minimum_bps..=30_000).contains(&target_bps) {
            return Err(out_of_bounds("targetBps", U256::from(target_bps)));
        }
        let mut words = self.book.vaults.setter(vault);
        let settings = Packed(words.settings.get())
            .with_u128(0, 96, amount(U256::from(floor))?)
            .with_u64(96, 16, u64::from(minimum_bps))
            .with_u64(112, 16, u64::from(target_bps))
            .with_u64(LISTED, 1, 1);
        words.settings.set(settings.0);
        drop(words);
        emit!(self.vm(), IRisk::CapitalSet, [vault], [minimum_bps, target_bps, floor]);
        Ok(())
    }

    /// Makes a risk key known to a vault, so that a sale finds its words in place.
    fn list_key(&mut self, vault: Address, number: U256, group: U256) -> Result<()> {
        let known = Packed(self.book.vaults.getter(vault).keys.get(number));
        if known.u64(LISTED, 1) == 1 {
            return Ok(());
        }
        let mut words = self.book.vaults.setter(vault);
        if words.key_list.len() >= MOST_KEYS {
            return Err(out_of_bounds("riskKeys", U256::from(MOST_KEYS)));
        }
        words.key_list.push(number.to());
        drop(words);
        self.sum_group(vault, group)?;
        let correlation = Packed(self.book.groups.get(group)).get(0, 14);
        let mut words = self.book.vaults.setter(vault);
        let alone = u64::from(words.groups.get(group).is_zero());
        if alone == 1 {
            let word = Packed::default().with(160, 80, number).with(240, 14, correlation);
            words.groups.setter(group).set(word.with_u64(ALONE, 1, 1).with_u64(LISTED, 1, 1).0);
        }
        let word = Packed::default().with(96, 32, group).with_u64(ALONE, 1, alone).with_u64(LISTED, 1, 1);
        words.keys.setter(number).set(word.0);
        Ok(())
    }

    /// Writes the sums of a vault's group where one key was alone in it.
    fn sum_group(&mut self, vault: Address, group: U256) -> Result<()> {
        let mut words = self.book.vaults.setter(vault);
        let word = Packed(words.groups.get(group));
        if word.u64(ALONE, 1) == 1 {
            let number = word.get(160, 80);
            let key = Packed(words.keys.get(number));
            let x = units(key.u128(0, 96));
            let word = narrow(word, 0, 160, mul(x, x)?)?.with(160, 80, x).with_u64(ALONE, 1, 0);
            words.groups.setter(group).set(word.0);
            words.keys.setter(number).set(key.with_u64(ALONE, 1, 0).0);
        }
        Ok(())
    }

    /// Moves a vault's exposure on a risk key to `group`.
    fn move_key(&mut self, vault: Address, number: U256, group: U256) -> Result<()> {
        let key = Packed(self.book.vaults.getter(vault).keys.get(number)).with_u64(ALONE, 1, 0);
        let old = key.get(96, 32);
        if key.u64(LISTED, 1) == 0 || old == group {
            return Ok(());
        }
        self.sum_group(vault, old)?;
        self.sum_group(vault, group)?;
        let correlation = Packed(self.book.groups.get(group)).get(0, 14);
        let x = units(key.u128(0, 96));
        let mut words = self.book.vaults.setter(vault);
        let into = Packed(words.groups.get(group)).with(240, 14, correlation).with_u64(LISTED, 1, 1);
        let requirement = Packed(words.requirement.get());
        let (from, requirement) = regroup(Packed(words.groups.get(old)), requirement, x, U256::ZERO)?;
        words.groups.setter(old).set(from.0);
        let (into, requirement) = regroup(into, requirement, U256::ZERO, x)?;
        words.groups.setter(group).set(into.0);
        words.requirement.set(requirement.0);
        words.keys.setter(number).set(key.with(96, 32, group).0);
        Ok(())
    }

    /// Puts a new line into the ring of lines on its subject; answers with its neighbour. Lines that are over (nothing
    /// is sold, nothing is left, no incident) leave the ring.
    fn join_ring(&mut self, route: &Route, product: U256, subject: B256) -> Result<u64> {
        let trigger = self.book.products.getter(product).trigger.get();
        let mut input = [0; 72];
        input[..20].copy_from_slice(route.vault.as_slice());
        input[20..40].copy_from_slice(trigger.as_slice());
        input[40..].copy_from_slice(subject.as_slice());
        let place = self.vm().native_keccak256(&input);
        let head = self.book.heads.get(place);
        self.book.heads.setter(place).set(product);
        if head.is_zero() {
            return Ok(0);
        }
        let mut alive = vec![];
        let mut at = head;
        loop {
            let line = self.book.open(at, subject, MOST_WEEKS, true)?;
            let over = line.route.status >= SUNSET && line.line.cover == 0 && line.line.state == State::Quiet;
            if !over {
                alive.push(at);
            }
            at = U256::from(line.line.sibling);
            if at.is_zero() || at == head {
                break;
            }
        }
        if alive.len() >= MOST_SIBLINGS {
            return Err(out_of_bounds("siblings", U256::from(MOST_SIBLINGS)));
        }
        let mut next = product;
        for at in alive.into_iter().rev() {
            self.book.set_sibling(at, subject, next.to())?;
            next = at;
        }
        Ok(if next == product { 0 } else { next.to() })
    }
}
